/*
 * claim.c - one message's recipients in one lane, in a worker's hands.
 *
 * Facts and a small body are in the claim's own memory; a large body is read
 * from its file piece by piece (it was written a moment ago: the page cache
 * has it, so a worker does not wait for the disk).
 */
#include "spool_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dragoman/base/fault.h"

/* DG_E_ABSENT: it is not there, or not whole, and will not be. */
static enum dg_rc
open_body(struct dg_claim *c, const struct dg_spool *sp, struct dg_err *e)
{
	char *path = dg_body_path(sp, c->item.id);
	enum dg_rc rc = DG_OK;
	struct stat st;
	int fd = -1;

	if (dg_fault("spool.body.open"))
		errno = EIO;
	else
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		rc = dg_fail(e, errno == ENOENT ? DG_E_ABSENT : DG_E_IO, 451,
		    "4.3.0", "the body of message %s cannot be read: %s",
		    c->item.name, strerror(errno));
	else if (fstat(fd, &st) == 0 && (uint64_t)st.st_size < c->item.size)
		rc = dg_fail(e, DG_E_ABSENT, 451, "4.3.0",
		    "the body of message %s is cut short", c->item.name);
	c->guts->fd = fd;
	free(path);
	return rc;
}

struct dg_claim *
dg_claim_new(struct dg_spool *sp, struct dg_entry *e, struct dg_kept *own_kept,
    bool insists, struct dg_err *err)
{
	struct dg_claim *c = dg_alloc0(sizeof(*c));
	struct dg_claim_guts *g = dg_alloc0(sizeof(*g));
	enum dg_rc rc;

	c->guts = g;
	g->spool = sp;
	g->kept = own_kept;
	g->entry = e;
	g->fd = -1;
	c->item = own_kept->item;
	c->lane = dg_str(e->lane->name);
	c->is_probe = e->is_probe;
	if (own_kept->body != NULL)
		return c;
	rc = open_body(c, sp, err);
	if (rc == DG_OK)
		return c;
	if (rc != DG_E_ABSENT && !insists) {
		dg_claim_free(c);
		return NULL;
	}
	c->is_lost = true;
	g->lost = *err;
	return c;
}

void
dg_claim_free(struct dg_claim *c)
{
	if (c == NULL)
		return;
	if (c->guts->fd >= 0)
		close(c->guts->fd);
	dg_kept_free(c->guts->kept);
	free(c->guts->piece);
	free(c->guts);
	free(c);
}

enum dg_rc
dg_claim_body(struct dg_claim *c, uint64_t at, size_t max, struct dg_str *piece,
    struct dg_err *e)
{
	struct dg_claim_guts *g = c->guts;
	size_t n = 0;

	if (c->is_lost) {
		if (e != NULL)
			*e = g->lost;
		return g->lost.rc;
	}
	if (at >= c->item.size) {
		*piece = (struct dg_str){ "", 0 };
		return DG_OK;
	}
	if (max > c->item.size - at)
		max = (size_t)(c->item.size - at);
	if (g->fd < 0) {
		*piece = dg_str_of(g->kept->body + at, max);
		return DG_OK;
	}
	if (g->room < max) {
		g->piece = dg_realloc(g->piece, max);
		g->room = max;
	}
	while (n < max) {
		ssize_t got =
		    pread(g->fd, g->piece + n, max - n, (off_t)(at + n));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return dg_fail(e, DG_E_IO, 451, "4.3.0",
			    "the body of message %s is cut short: %s",
			    c->item.name,
			    got == 0 ? "end of file" : strerror(errno));
		n += (size_t)got;
	}
	*piece = dg_str_of(g->piece, max);
	return DG_OK;
}
