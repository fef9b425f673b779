#ifndef DRAGOMAN_BASE_BUF_H
#define DRAGOMAN_BASE_BUF_H

#include <stdarg.h>

#include "dragoman/base/err.h"
#include "dragoman/base/str.h"

/*
 * buf.h - owned bytes with a cap that is given at init and never passed.
 *
 * An append that would pass the cap returns DG_E_LIMIT and leaves the buffer
 * as it was.  A zeroed struct with a cap set is a valid empty buffer.
 */
struct dg_buf {
	char *p;
	size_t n;    /* bytes in use */
	size_t room; /* bytes allocated */
	size_t cap;  /* most bytes that may ever be in use */
};

void dg_buf_init(struct dg_buf *b, size_t cap);
void dg_buf_fini(struct dg_buf *b); /* accepts a zeroed one */
void dg_buf_reset(struct dg_buf *b); /* n = 0, keeps the room */
void dg_buf_wipe(struct dg_buf *b); /* overwrite, then n = 0 */
struct dg_str dg_buf_str(const struct dg_buf *b);
enum dg_rc dg_buf_add(struct dg_buf *b, struct dg_str s);
enum dg_rc dg_buf_adds(struct dg_buf *b, const char *z);
enum dg_rc dg_buf_addc(struct dg_buf *b, char c);
enum dg_rc dg_buf_addf(struct dg_buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
enum dg_rc dg_buf_addv(struct dg_buf *b, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
/* Room for n more bytes at b->p + b->n; the caller then raises b->n. */
enum dg_rc dg_buf_reserve(struct dg_buf *b, size_t n);
/* Drop n bytes from the front. */
void dg_buf_eat(struct dg_buf *b, size_t n);
/* A NUL after the last byte (not counted in n); the string. */
const char *dg_buf_z(struct dg_buf *b);

#endif
