/*
 * recover.c - what a start finds: who waits where, and files of nobody.
 *
 * Only the recipients' table is read, row by row, so that a start costs
 * neither the bodies nor a sort; which messages have a file is told by the
 * directory.
 */
#include "spool_state.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "dragoman/base/log.h"

struct recovery {
	struct dg_spool *sp;
	struct dg_sched_msg *m; /* the one being gathered */
	uint64_t *files;        /* sorted */
	size_t n, room;
};

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static enum dg_rc
read_files(struct recovery *r, struct dg_err *e)
{
	DIR *dir = opendir(r->sp->bodies);
	const struct dirent *de;

	if (dir == NULL)
		return dg_disk_fail(e, "read", r->sp->bodies);
	/* one thread uses this stream */
	while ((de = readdir(dir)) != NULL) { /* NOLINT */
		uint64_t id;

		if (dg_str_has_suffix(dg_str(de->d_name),
			DG_STR(DG_DRAFT_NEW))) {
			/* a draft that was being written anew */
			(void)unlinkat(r->sp->bodies_fd, de->d_name, 0);
			continue;
		}
		if (!dg_id_read(de->d_name, &id))
			continue;
		if (r->n == r->room) {
			r->room = r->room > 0 ? r->room * 2 : 64;
			r->files =
			    dg_realloc(r->files, r->room * sizeof(*r->files));
		}
		r->files[r->n++] = id;
	}
	closedir(dir);
	if (r->n > 0)
		qsort(r->files, r->n, sizeof(*r->files), compare);
	return DG_OK;
}

static void
on_row(void *ctx, uint64_t id, struct dg_str lane, int64_t due_ms,
    int64_t expire_ms)
{
	struct recovery *r = ctx;

	if (r->m == NULL || r->m->id != id) {
		r->m = dg_schedule_msg(&r->sp->schedule, id);
		r->m->has_file = r->n > 0 && bsearch(&id, r->files, r->n,
						 sizeof(id), compare) != NULL;
	}
	dg_schedule_add(&r->sp->schedule, r->m, lane, 1, due_ms, expire_ms);
}

/* A crash between a body's file and its row leaves the file alone. */
static void
drop_orphans(const struct recovery *r)
{
	unsigned n = 0;

	for (size_t i = 0; i < r->n; i++) {
		char name[16];

		if (dg_store_has(r->sp->store, r->files[i]))
			continue;
		dg_id_name(r->files[i], name);
		n += unlinkat(r->sp->bodies_fd, name, 0) == 0;
	}
	if (n > 0)
		dg_log(DG_LOG_INFO, "spool-orphans", dg_kv_i("removed", n));
}

enum dg_rc
dg_recover(struct dg_spool *sp, struct dg_err *e)
{
	struct recovery r = { .sp = sp };
	enum dg_rc rc = read_files(&r, e);

	dg_receipts_recover(sp);
	if (rc == DG_OK)
		rc = dg_store_walk(sp->store, on_row, &r, e);
	if (rc == DG_OK) {
		drop_orphans(&r);
		atomic_store(&sp->last_id, dg_store_last_id(sp->store));
		dg_log(DG_LOG_INFO, "spool", dg_kv_z("path", sp->path),
		    dg_kv_i("waiting", (long long)sp->schedule.messages));
	}
	free(r.files);
	return rc;
}
