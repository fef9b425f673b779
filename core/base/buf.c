/* buf.c - bytes that grow up to a cap.
 *
 * Why the cap is in the struct: whoever appends what a peer sent must not be
 * able to forget the check.  There is always room for one byte more than the
 * cap, so that dg_buf_z can end a full buffer.  Small rooms abort when memory
 * is gone (base/str); big ones, whose size a peer may have chosen, fail softly.
 */
#include "dragoman/base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/secret.h"

#define ROOM_MIN   64
#define ROOM_SMALL (64 * 1024) /* up to here running out of memory aborts */

void
dg_buf_init(struct dg_buf *b, size_t cap)
{
	*b = (struct dg_buf){ .cap = cap };
}

void
dg_buf_fini(struct dg_buf *b)
{
	free(b->p);
	*b = (struct dg_buf){ .cap = b->cap };
}

void
dg_buf_reset(struct dg_buf *b)
{
	b->n = 0;
}

void
dg_buf_wipe(struct dg_buf *b)
{
	dg_wipe(b->p, b->room);
	b->n = 0;
}

struct dg_str
dg_buf_str(const struct dg_buf *b)
{
	return dg_str_of(b->p != NULL ? b->p : "", b->n);
}

static size_t
room_for(const struct dg_buf *b, size_t need)
{
	size_t room = b->room < ROOM_MIN ? ROOM_MIN : b->room;

	while (room < need && room <= SIZE_MAX / 2)
		room *= 2;
	if (b->cap < SIZE_MAX && room > b->cap + 1)
		room = b->cap + 1;
	return room < need ? need : room;
}

static bool
grow_softly(struct dg_buf *b, size_t room)
{
	char *p = realloc(b->p, room);

	if (p == NULL)
		return false;
	b->p = p;
	return true;
}

enum dg_rc
dg_buf_reserve(struct dg_buf *b, size_t n)
{
	if (n > b->cap - b->n || b->n + n == SIZE_MAX)
		return DG_E_LIMIT;
	if (b->n + n < b->room)
		return DG_OK;
	size_t room = room_for(b, b->n + n + 1);
	if (room <= ROOM_SMALL)
		b->p = dg_realloc(b->p, room);
	else if (!grow_softly(b, room))
		return DG_E_LIMIT;
	b->room = room;
	return DG_OK;
}

enum dg_rc
dg_buf_add(struct dg_buf *b, struct dg_str s)
{
	enum dg_rc rc;

	if (s.n == 0)
		return DG_OK;
	rc = dg_buf_reserve(b, s.n);
	if (rc != DG_OK)
		return rc;
	memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
	return DG_OK;
}

enum dg_rc
dg_buf_adds(struct dg_buf *b, const char *z)
{
	return dg_buf_add(b, dg_str(z));
}

enum dg_rc
dg_buf_addc(struct dg_buf *b, char c)
{
	return dg_buf_add(b, dg_str_of(&c, 1));
}

enum dg_rc
dg_buf_addf(struct dg_buf *b, const char *fmt, ...)
{
	enum dg_rc rc;
	va_list ap;

	va_start(ap, fmt);
	rc = dg_buf_addv(b, fmt, ap);
	va_end(ap);
	return rc;
}

enum dg_rc
dg_buf_addv(struct dg_buf *b, const char *fmt, va_list ap)
{
	enum dg_rc rc;
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	assert(n >= 0); /* only a wrong format of ours can fail */
	rc = dg_buf_reserve(b, (size_t)n);
	if (rc != DG_OK)
		return rc;
	vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
	b->n += (size_t)n;
	return DG_OK;
}

void
dg_buf_eat(struct dg_buf *b, size_t n)
{
	assert(n <= b->n);
	if (n == 0)
		return;
	b->n -= n;
	memmove(b->p, b->p + n, b->n);
}

const char *
dg_buf_z(struct dg_buf *b)
{
	if (b->room <= b->n) { /* only when nothing was ever added */
		b->room = ROOM_MIN;
		b->p = dg_realloc(b->p, b->room);
	}
	b->p[b->n] = '\0';
	return b->p;
}
