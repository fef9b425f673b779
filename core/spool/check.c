/*
 * check.c - do database, bodies and receipts fit together?
 *
 * Beside a running relay things come and go meanwhile: what is missing is
 * looked for a second time, and what is too much is only a note.
 */
#include "spool_state.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct suspect {
	uint64_t id, size;
	int64_t found; /* bytes; -1: no file */
};

struct check {
	struct dg_spool *sp;
	struct suspect *v;
	size_t n, room, n_files;
};

static void
on_message(void *ctx, uint64_t id, uint64_t size)
{
	struct check *c = ctx;
	char *path = dg_body_path(c->sp, id);
	struct stat st = { 0 };
	int64_t found = stat(path, &st) == 0 ? (int64_t)st.st_size : -1;

	free(path);
	c->n_files++;
	if (found == (int64_t)size)
		return;
	if (c->n == c->room) {
		c->room = c->room > 0 ? c->room * 2 : 16;
		c->v = dg_realloc(c->v, c->room * sizeof(*c->v));
	}
	c->v[c->n++] = (struct suspect){ id, size, found };
}

static void
tell_suspects(const struct check *c, dg_spool_finding *fn, void *ctx)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct suspect *s = &c->v[i];
		char name[16], text[160];

		if (!dg_store_has(c->sp->store, s->id))
			continue; /* delivered meanwhile */
		dg_id_name(s->id, name);
		if (s->found < 0)
			snprintf(text, sizeof(text),
			    "message %s has no body: bodies/%s is not there",
			    name, name);
		else
			snprintf(text, sizeof(text),
			    "message %s: bodies/%s has %lld bytes instead of "
			    "%llu",
			    name, name, (long long)s->found,
			    (unsigned long long)s->size);
		fn(ctx, true, text);
	}
}

static enum dg_rc
check_orphans(struct dg_spool *sp, dg_spool_finding *fn, void *ctx,
    struct dg_err *e)
{
	DIR *dir = opendir(sp->bodies);
	const struct dirent *de;
	unsigned n = 0;
	char text[160];

	if (dir == NULL)
		return dg_disk_fail(e, "read", sp->bodies);
	/* one thread uses this stream */
	while ((de = readdir(dir)) != NULL) { /* NOLINT */
		uint64_t id;

		n +=
		    dg_id_read(de->d_name, &id) && !dg_store_has(sp->store, id);
	}
	closedir(dir);
	snprintf(text, sizeof(text),
	    "%u body files belong to no message: of messages that are coming "
	    "in now, or the next start removes them",
	    n);
	if (n > 0)
		fn(ctx, false, text);
	return DG_OK;
}

static void
on_row(void *ctx, const struct dg_item *it, const struct dg_item_rcpt *r)
{
	struct check *c = ctx;

	c->n += dg_receipts_has(c->sp, it, r->number);
}

/* Those that a kill left, and that the next start forgets. */
static enum dg_rc
check_receipts(struct dg_spool *sp, dg_spool_finding *fn, void *ctx,
    struct dg_err *e)
{
	struct check c = { .sp = sp };
	uint64_t after = 0;
	enum dg_rc rc;
	char text[120];

	do
		rc = dg_store_scan(sp->store, &after, 1000, on_row, &c, e);
	while (rc == DG_OK);
	snprintf(text, sizeof(text),
	    "%zu recipients are delivered, and the next start forgets them",
	    c.n);
	if (c.n > 0)
		fn(ctx, false, text);
	return rc == DG_E_ABSENT ? DG_OK : rc;
}

enum dg_rc
dg_spool_check(struct dg_spool *sp, dg_spool_finding *fn, void *ctx,
    struct dg_err *e)
{
	struct check c = { .sp = sp };
	enum dg_rc rc = dg_store_check(sp->store, fn, ctx, e);

	if (rc == DG_OK)
		rc = dg_store_with_files(sp->store, on_message, &c, e);
	if (rc == DG_OK)
		tell_suspects(&c, fn, ctx);
	if (rc == DG_OK)
		rc = check_orphans(sp, fn, ctx, e);
	if (rc == DG_OK)
		rc = check_receipts(sp, fn, ctx, e);
	free(c.v);
	return rc;
}
