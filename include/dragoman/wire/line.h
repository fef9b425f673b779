#ifndef DRAGOMAN_WIRE_LINE_H
#define DRAGOMAN_WIRE_LINE_H

#include "dragoman/base/err.h"
#include "dragoman/base/str.h"

/*
 * line.h - find one line in what was received (RFC 5321 2.3.8).
 *
 * A line ends with CRLF and nothing else; a bare CR or LF inside is reported,
 * never taken for an end.  With lf_ends (a dialect's mend "bare-lf", and
 * replies from hops) a lone LF ends a line too.
 */
struct dg_line {
	struct dg_str text; /* without its end */
	size_t used;        /* bytes of input, with the end */
	bool has_bare;      /* a bare CR or LF (or NUL) stands inside */
};

/* DG_OK, DG_AGAIN (no whole line yet), DG_E_LIMIT (no end within max bytes,
 * the end counted). */
enum dg_rc dg_line_next(struct dg_str in, size_t max, bool lf_ends,
    struct dg_line *out);

#endif
