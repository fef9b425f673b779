#ifndef DRAGOMAN_BASE_ERRORS_H
#define DRAGOMAN_BASE_ERRORS_H

#include "dragoman/base/buf.h"

/*
 * errors.h - what is wrong with something an administrator wrote: all of it
 * at once, each with its place.
 */

struct dg_errors {
	struct dg_error_line {
		char *file; /* may be NULL */
		unsigned line, column; /* 0: unknown */
		char *text;
		bool is_warning;
	} *v;
	size_t n, room;
};
void dg_errors_init(struct dg_errors *e);
void dg_errors_fini(struct dg_errors *e);
void dg_errors_add(struct dg_errors *e, const char *file, unsigned line,
    unsigned column, bool is_warning, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));
bool dg_errors_any(const struct dg_errors *e); /* warnings do not count */
/* Sorted lines "file:line:column: text\n" (warnings: "warning: text"). */
void dg_errors_add_to(struct dg_errors *e, struct dg_buf *out);

#endif
