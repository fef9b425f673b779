/*
 * receipt.c - who was delivered, written down at once by the worker that read
 * the hop's 250.
 *
 * A settle waits for the batch before it, which may be syncing: some
 * milliseconds, after a large body many.  A kill in that time would deliver
 * again what a hop has taken.  So the worker itself appends a line to a file,
 * without a sync, before the settle is sent to the spool thread and before the
 * hop is given anything else: what is written survives kill -9.  A start reads
 * the files and forgets those recipients first.
 *
 * There are two files, filled in turn: one begins anew when all settles that
 * it stands for are in the database.  Old receipts are left where they are:
 * what they say stays true, because no id is given twice.
 */
#include "spool_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dragoman/base/fault.h"
#include "dragoman/base/log.h"

enum {
	FULL_BYTES = 16 * 1024, /* then the other one's turn, when it is free */
	READ_MAX = 64 * 1024 * 1024,
};

/* As it is on disk: one machine's, its byte order. */
struct dg_receipt {
	uint64_t id, arrival_ms, number, check;
};
_Static_assert(sizeof(struct dg_receipt) == 32, "the format of the files");

static uint64_t
mixed(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

/* Never of zeros, which a file may be full of. */
static uint64_t
check_of(const struct dg_receipt *r)
{
	return mixed(mixed(mixed(r->id + 1) + r->arrival_ms) + r->number) | 1;
}

/* ---- writing, on a worker ---- */

/* Room for n of them: where, and in which file. */
static off_t
reserve(struct dg_receipts *rs, struct dg_request *r, size_t bytes)
{
	off_t at;

	pthread_mutex_lock(&rs->lock);
	if (rs->files[rs->active].end >= FULL_BYTES &&
	    rs->files[!rs->active].pending == 0) {
		rs->active = !rs->active;
		rs->files[rs->active].end = 0;
	}
	r->receipt_file = rs->active;
	at = (off_t)rs->files[rs->active].end;
	rs->files[rs->active].end += bytes;
	rs->files[rs->active].pending++;
	pthread_mutex_unlock(&rs->lock);
	return at;
}

static bool
write_at(int fd, const char *p, size_t n, off_t at)
{
	if (dg_fault("spool.receipt"))
		return false;
	while (n > 0) {
		ssize_t done = pwrite(fd, p, n, at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		p += done;
		n -= (size_t)done;
		at += done;
	}
	return true;
}

/* A full disk: then the settle alone says it, a moment later.  One line in the
 * log for all until it works again. */
static void
tell(struct dg_receipts *rs, const char *name, bool is_written)
{
	bool is_news;

	pthread_mutex_lock(&rs->lock);
	is_news = !is_written && !rs->has_failed;
	rs->has_failed = !is_written;
	pthread_mutex_unlock(&rs->lock);
	if (is_news)
		dg_log(DG_LOG_WARN, "spool-receipt", dg_kv_z("id", name),
		    dg_kv_z("why", "it could not be written: a kill now would "
				   "deliver it again"));
}

void
dg_receipts_note(struct dg_spool *sp, struct dg_request *r)
{
	struct dg_receipts *rs = &sp->receipts;
	const struct dg_item *it = &r->claim->item;
	struct dg_receipt *v;
	size_t n = 0, bytes;
	off_t at;

	if (rs->files[0].fd < 0)
		return;
	v = dg_alloc0((r->n_outs + 1) * sizeof(*v));
	for (size_t i = 0; i < r->n_outs; i++) {
		if (r->outs[i].outcome != DG_OUTCOME_DELIVERED)
			continue;
		v[n] = (struct dg_receipt){ .id = it->id,
			.arrival_ms = (uint64_t)it->arrival_ms,
			.number = r->outs[i].number };
		v[n].check = check_of(&v[n]);
		n++;
	}
	bytes = n * sizeof(*v);
	if (n > 0) {
		at = reserve(rs, r, bytes);
		r->has_receipt = true;
		tell(rs, it->name,
		    write_at(rs->files[r->receipt_file].fd, (const char *)v,
			bytes, at));
	}
	free(v);
}

/* ---- on the spool thread ---- */

void
dg_receipts_done(struct dg_spool *sp, struct dg_request *r)
{
	struct dg_receipts *rs = &sp->receipts;

	if (!r->has_receipt)
		return;
	r->has_receipt = false;
	pthread_mutex_lock(&rs->lock);
	rs->files[r->receipt_file].pending--;
	pthread_mutex_unlock(&rs->lock);
}

static bool
is_sound(const struct dg_receipt *r)
{
	return r->check == check_of(r);
}

/* True: that recipient waits in the database, and no longer will. */
static bool
forget(struct dg_spool *sp, const struct dg_receipt *r)
{
	struct dg_kept *k = NULL;
	struct dg_err e = { 0 };
	bool found = false;

	if (dg_store_read(sp->store, r->id, DG_NOSTR, INT64_MAX, &k, &e) !=
	    DG_OK)
		return false;
	if ((uint64_t)k->item.arrival_ms == r->arrival_ms)
		for (size_t i = 0; !found && i < k->item.n_rcpts; i++)
			found = k->rcpts[i].number == r->number;
	dg_kept_free(k);
	if (!found)
		return false;
	dg_store_delete(sp->store, r->id, (unsigned)r->number);
	(void)dg_store_finish(sp->store, r->id);
	return true;
}

static enum dg_rc
forget_all(struct dg_spool *sp, const struct dg_receipt *v, size_t n,
    unsigned *forgotten, struct dg_err *e)
{
	*forgotten = 0;
	dg_store_begin(sp->store, true);
	for (size_t i = 0; i < n; i++)
		if (is_sound(&v[i]))
			*forgotten += forget(sp, &v[i]);
	return dg_store_commit(sp->store, e);
}

static void
apply(struct dg_spool *sp, const struct dg_receipt *v, size_t n)
{
	struct dg_err e = { 0 };
	unsigned forgotten;
	enum dg_rc rc = forget_all(sp, v, n, &forgotten, &e);

	if (rc == DG_E_FULL && dg_room_spend(sp))
		rc = forget_all(sp, v, n, &forgotten, &e);
	/* a start is worth more than a second delivery */
	if (rc != DG_OK)
		dg_log(DG_LOG_ERROR, "spool-receipts", dg_kv_z("why", e.text));
	else if (forgotten > 0)
		dg_log(DG_LOG_INFO, "spool-receipts",
		    dg_kv_i("forgotten", forgotten),
		    dg_kv_z("why", "a hop had taken them when the last run "
				   "was ended"));
}

/* All that one file has, sound or not; *n of them. */
static struct dg_receipt *
read_all(int fd, size_t *n)
{
	struct dg_receipt *v;
	struct stat st;
	ssize_t got;

	*n = 0;
	if (fstat(fd, &st) != 0 || st.st_size <= 0)
		return NULL;
	if (st.st_size > READ_MAX)
		st.st_size = READ_MAX;
	v = dg_alloc0((size_t)st.st_size + sizeof(*v));
	got = pread(fd, v, (size_t)st.st_size, 0);
	*n = got > 0 ? (size_t)got / sizeof(*v) : 0;
	return v;
}

void
dg_receipts_recover(struct dg_spool *sp)
{
	for (int i = 0; i < 2 && sp->receipts.files[0].fd >= 0; i++) {
		size_t n;
		struct dg_receipt *v = read_all(sp->receipts.files[i].fd, &n);

		if (n > 0)
			apply(sp, v, n);
		free(v);
	}
}

/* ---- a spool that is looked at ---- */

static int
compare(const void *a, const void *b)
{
	const struct dg_receipt *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

void
dg_receipts_look(struct dg_spool *sp)
{
	struct dg_receipts *rs = &sp->receipts;

	for (int i = 0; i < 2; i++) {
		char *path = dg_sprintf("%s/receipts.%d", sp->path, i);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		size_t n = 0;
		struct dg_receipt *v = fd >= 0 ? read_all(fd, &n) : NULL;

		rs->known = dg_realloc(rs->known,
		    (rs->n_known + n + 1) * sizeof(*rs->known));
		for (size_t k = 0; k < n; k++)
			if (is_sound(&v[k]))
				rs->known[rs->n_known++] = v[k];
		free(v);
		free(path);
		if (fd >= 0)
			close(fd);
	}
	qsort(rs->known, rs->n_known, sizeof(*rs->known), compare);
}

bool
dg_receipts_has(const struct dg_spool *sp, const struct dg_item *item,
    unsigned number)
{
	const struct dg_receipt key = { .id = item->id, .number = number };
	const struct dg_receipt *r;

	if (sp->receipts.n_known == 0)
		return false;
	r = bsearch(&key, sp->receipts.known, sp->receipts.n_known, sizeof(key),
	    compare);
	return r != NULL && r->arrival_ms == (uint64_t)item->arrival_ms;
}

/* ---- open and close ---- */

void
dg_receipts_init(struct dg_receipts *rs)
{
	rs->files[0].fd = rs->files[1].fd = -1;
	pthread_mutex_init(&rs->lock, NULL);
}

/* Without them the spool works as well, and a kill delivers more twice: a disk
 * without room for them must start, to be emptied. */
void
dg_receipts_open(struct dg_spool *sp)
{
	struct dg_err e = { 0 };

	for (int i = 0; i < 2 && !sp->o.no_sync; i++) {
		char *path = dg_sprintf("%s/receipts.%d", sp->path, i);
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

		sp->receipts.files[i].fd = fd;
		if (fd < 0)
			(void)dg_disk_fail(&e, "open", path);
		else /* so that none needs room later; or it is tried then */
			(void)posix_fallocate(fd, 0, FULL_BYTES);
		free(path);
	}
	if (e.rc == DG_OK)
		return;
	dg_receipts_close(&sp->receipts);
	dg_log(DG_LOG_WARN, "spool-receipts", dg_kv_z("why", e.text));
}

void
dg_receipts_close(struct dg_receipts *rs)
{
	for (int i = 0; i < 2; i++) {
		if (rs->files[i].fd >= 0)
			close(rs->files[i].fd);
		rs->files[i].fd = -1;
	}
	free(rs->known);
	rs->known = NULL;
	rs->n_known = 0;
}
