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
#include <stdio.h>
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
write_all(int fd, const char *path, struct dg_str s, struct dg_err *e)
{
	while (s.n > 0) {
		ssize_t n = -1;

		if (dg_fault("spool.draft.write"))
			errno = ENOSPC;
		else
			n = write(fd, s.p, s.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return dg_disk_fail(e, "write", path);
		s = dg_str_from(s, (size_t)n);
	}
	return DG_OK;
}

enum {
	CREATE = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC
};

static enum dg_rc
to_file(struct dg_draft *d, struct dg_err *e)
{
	enum dg_rc rc;

	d->path = dg_body_path(d->spool, d->id);
	d->fd = open(d->path, CREATE, 0600);
	if (d->fd < 0)
		return dg_disk_fail(e, "create", d->path);
	rc = write_all(d->fd, d->path, dg_str_of(d->body, d->size), e);
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
		rc = write_all(d->fd, d->path, piece, e);
	else if (rc == DG_OK)
		to_memory(d, piece);
	if (rc != DG_OK) {
		d->is_broken = true;
		return rc;
	}
	d->size += piece.n;
	return DG_OK;
}

/* ---- its head, read back and replaced ---- */

enum {
	COPY_BYTES = 64 * 1024
};

static enum dg_rc
is_whole(const struct dg_draft *d, struct dg_err *e)
{
	if (d->is_broken)
		return dg_fail(e, DG_E_IO, 451, "4.3.0",
		    "message %s could not be stored", d->name);
	return DG_OK;
}

/* Exactly n bytes of its file. */
static enum dg_rc
read_file(const struct dg_draft *d, uint64_t at, char *to, size_t n,
    struct dg_err *e)
{
	while (n > 0) {
		ssize_t got = -1;

		if (dg_fault("spool.head.read"))
			errno = EIO;
		else
			got = pread(d->fd, to, n, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0)
			errno = EIO; /* somebody cut it */
		if (got <= 0)
			return dg_disk_fail(e, "read", d->path);
		to += got;
		at += (uint64_t)got;
		n -= (size_t)got;
	}
	return DG_OK;
}

enum dg_rc
dg_draft_head(struct dg_draft *d, size_t max, struct dg_str *head,
    struct dg_err *e)
{
	size_t n = d->size < max ? (size_t)d->size : max;
	enum dg_rc rc = is_whole(d, e);

	*head = DG_NOSTR;
	if (rc == DG_OK && d->fd >= 0) {
		d->head = dg_realloc(d->head, n + 1);
		rc = read_file(d, 0, d->head, n, e);
	}
	if (rc == DG_OK)
		*head = dg_str_of(d->fd >= 0 ? d->head : d->body, n);
	return rc;
}

/* What stands behind the old head, to the file of the new draft. */
static enum dg_rc
copy_rest(const struct dg_draft *d, size_t old_n, int to, const char *path,
    struct dg_err *e)
{
	uint64_t at = old_n;
	enum dg_rc rc = DG_OK;
	char *piece;

	if (d->fd < 0)
		return write_all(to, path,
		    dg_str_of(d->body + old_n, (size_t)d->size - old_n), e);
	piece = dg_alloc(COPY_BYTES);
	while (rc == DG_OK && at < d->size) {
		size_t n = d->size - at < COPY_BYTES ? (size_t)(d->size - at)
						     : COPY_BYTES;

		rc = read_file(d, at, piece, n, e);
		if (rc == DG_OK)
			rc = write_all(to, path, dg_str_of(piece, n), e);
		at += n;
	}
	free(piece);
	return rc;
}

/* The new draft in a file called `path`; *fd is open when all went well, else
 * there is no such file. */
static enum dg_rc
write_anew(const struct dg_draft *d, size_t old_n, struct dg_str head,
    const char *path, int *fd, struct dg_err *e)
{
	enum dg_rc rc;

	*fd = -1;
	if (dg_fault("spool.head.create"))
		errno = ENOSPC;
	else
		*fd = open(path, CREATE, 0600);
	if (*fd < 0)
		return dg_disk_fail(e, "create", path);
	rc = write_all(*fd, path, head, e);
	if (rc == DG_OK)
		rc = copy_rest(d, old_n, *fd, path, e);
	if (rc == DG_OK && d->path != NULL) {
		if (dg_fault("spool.head.rename"))
			errno = EIO;
		else if (rename(path, d->path) == 0)
			return DG_OK;
		rc = dg_disk_fail(e, "rename", path);
	}
	if (rc != DG_OK) {
		close(*fd);
		*fd = -1;
		(void)unlink(path);
	}
	return rc;
}

static enum dg_rc
replace_in_file(struct dg_draft *d, size_t old_n, struct dg_str head,
    struct dg_err *e)
{
	char *path = dg_body_path(d->spool, d->id), *beside;
	enum dg_rc rc = dg_room_check(d->spool, e);
	int fd = -1;

	beside = dg_sprintf("%s" DG_DRAFT_NEW, path);
	if (rc == DG_OK)
		rc = write_anew(d, old_n, head, d->path != NULL ? beside : path,
		    &fd, e);
	free(beside);
	if (rc != DG_OK) {
		free(path);
		return rc;
	}
	if (d->fd >= 0)
		close(d->fd);
	free(d->body);
	free(d->path);
	d->body = NULL;
	d->fd = fd;
	d->path = path;
	return DG_OK;
}

static void
replace_in_memory(struct dg_draft *d, size_t old_n, struct dg_str head)
{
	size_t rest = (size_t)d->size - old_n;
	char *body = dg_alloc(head.n + rest + 1);

	if (head.n > 0)
		memcpy(body, head.p, head.n);
	if (rest > 0)
		memcpy(body + head.n, d->body + old_n, rest);
	free(d->body);
	d->body = body;
	d->room = head.n + rest + 1;
}

enum dg_rc
dg_draft_replace_head(struct dg_draft *d, size_t old_n, struct dg_str head,
    struct dg_err *e)
{
	enum dg_rc rc = is_whole(d, e);
	uint64_t size;

	if (rc != DG_OK)
		return rc;
	if (old_n > d->size)
		return dg_fail(e, DG_E_LIMIT, 451, "4.3.0",
		    "message %s has no head of %zu bytes", d->name, old_n);
	size = d->size - old_n + head.n;
	if (d->fd >= 0 || size > d->spool->o.inline_max)
		rc = replace_in_file(d, old_n, head, e);
	else
		replace_in_memory(d, old_n, head);
	if (rc != DG_OK)
		return rc;
	d->size = size;
	free(d->head); /* last: the new head may have been in there */
	d->head = NULL;
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
	free(d->head);
	free(d);
}
