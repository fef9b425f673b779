/*
 * draft.c - a message being received: in memory while it is small, then in a
 * file of its own, so that a large body costs disk and not memory.
 *
 * A draft belongs to the worker that writes it until it is committed.  Its id
 * is given when it is opened: the trace line inside the message names it.
 */
#include "spool_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "dragoman/base/clock.h"
#include "dragoman/base/fault.h"

enum {
	ID_SHIFT = 12
}; /* milliseconds above, a counter below */

char *
dg_body_path(const struct dg_spool *sp, uint64_t id)
{
	char name[16];

	dg_id_name(id, name);
	return dg_sprintf("%s/%s", sp->bodies, name);
}

/* Ids grow with time and never repeat, also when the clock goes back. */
static uint64_t
next_id(struct dg_spool *sp)
{
	unsigned long long last = atomic_load(&sp->last_id), id;

	do {
		id = (unsigned long long)dg_now_ms() << ID_SHIFT;
		if (id <= last)
			id = last + 1;
	} while (!atomic_compare_exchange_weak(&sp->last_id, &last, id));
	return id;
}

enum dg_rc
dg_disk_fail(struct dg_err *e, const char *doing, const char *what)
{
	if (errno == ENOSPC || errno == EDQUOT)
		return dg_fail(e, DG_E_FULL, 452, "4.3.1",
		    "cannot %s %s: insufficient system storage", doing, what);
	return dg_fail(e, DG_E_IO, 451, "4.3.0", "cannot %s %s: %s", doing,
	    what, strerror(errno));
}

enum dg_rc
dg_draft_open(struct dg_spool *sp, struct dg_draft **out, struct dg_err *e)
{
	struct dg_draft *d;

	if (dg_room_check(sp, e) != DG_OK)
		return e->rc;
	d = dg_alloc0(sizeof(*d));
	d->spool = sp;
	d->fd = -1;
	d->id = next_id(sp);
	dg_id_name(d->id, d->name);
	*out = d;
	return DG_OK;
}

struct dg_str
dg_draft_name(const struct dg_draft *d)
{
	return d != NULL ? dg_str(d->name) : DG_NOSTR;
}

uint64_t
dg_draft_size(const struct dg_draft *d)
{
	return d->size;
}

static enum dg_rc
write_all(const struct dg_draft *d, struct dg_str s, struct dg_err *e)
{
	while (s.n > 0) {
		ssize_t n = -1;

		if (dg_fault("spool.draft.write"))
			errno = ENOSPC;
		else
			n = write(d->fd, s.p, s.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return dg_disk_fail(e, "write", d->path);
		s = dg_str_from(s, (size_t)n);
	}
	return DG_OK;
}

static enum dg_rc
to_file(struct dg_draft *d, struct dg_err *e)
{
	enum dg_rc rc;

	d->path = dg_body_path(d->spool, d->id);
	d->fd = open(d->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (d->fd < 0)
		return dg_disk_fail(e, "create", d->path);
	rc = write_all(d, dg_str_of(d->body, d->size), e);
	free(d->body);
	d->body = NULL;
	return rc;
}

static void
to_memory(struct dg_draft *d, struct dg_str piece)
{
	if (d->size + piece.n + 1 > d->room) {
		d->room = d->room > 0 ? d->room * 2 : 4096;
		if (d->room < d->size + piece.n + 1)
			d->room = d->size + piece.n + 1;
		d->body = dg_realloc(d->body, d->room);
	}
	if (piece.n > 0)
		memcpy(d->body + d->size, piece.p, piece.n);
}

enum dg_rc
dg_draft_write(struct dg_draft *d, struct dg_str piece, struct dg_err *e)
{
	enum dg_rc rc = DG_OK;

	if (d->is_broken)
		return dg_fail(e, DG_E_IO, 451, "4.3.0",
		    "message %s could not be stored", d->name);
	if (d->fd < 0 && d->size + piece.n > d->spool->o.inline_max)
		rc = to_file(d, e);
	if (rc == DG_OK && d->fd >= 0)
		rc = write_all(d, piece, e);
	else if (rc == DG_OK)
		to_memory(d, piece);
	if (rc != DG_OK) {
		d->is_broken = true;
		return rc;
	}
	d->size += piece.n;
	return DG_OK;
}

enum dg_rc
dg_draft_sync(struct dg_draft *d, struct dg_err *e)
{
	if (d->fd < 0 || d->spool->o.no_sync)
		return DG_OK;
	if (dg_fault("spool.body.sync")) {
		errno = EIO;
	} else if (fdatasync(d->fd) == 0) {
		d->spool->stats.syncs++;
		return DG_OK;
	}
	return dg_disk_fail(e, "sync", d->path);
}

void
dg_draft_free(struct dg_draft *d)
{
	if (d == NULL)
		return;
	if (d->fd >= 0)
		close(d->fd);
	if (d->path != NULL && !d->is_committed)
		(void)unlink(d->path);
	free(d->path);
	free(d->body);
	free(d);
}
