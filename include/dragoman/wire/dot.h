#ifndef DRAGOMAN_WIRE_DOT_H
#define DRAGOMAN_WIRE_DOT_H

#include "dragoman/base/buf.h"

/*
 * dot.h - the body after 354: un-stuffing what comes in, stuffing what goes
 * out (RFC 5321 4.5.2), and the only place that decides where data ends.
 *
 * In: the end is CRLF.CRLF and nothing else (no smuggling).  A bare CR, a bare
 * LF or NUL sets `has_bare`; the caller refuses the message then.  With mend
 * (dialect "bare-lf") LF ends a line and is stored as CRLF; then data ends at
 * CRLF.CRLF, or at LF.LF when no CRLF was seen in this message at all; a
 * message mixing the two before its end sets has_bare.  (Lines in LF with
 * CRLF.CRLF at the end are fine: that is how such devices often do it.)
 * Out: lines are re-framed by us: LF or CR alone never leaves.
 */
struct dg_dot_in {
	int state;
	bool mend;
	bool has_bare;
	bool saw_crlf;
	bool saw_lf;
	bool after_lf;     /* the line before this one ended in LF */
	bool is_mixed;     /* a CRLF after lines in LF: bad unless the end
	                    * follows */
	bool has_8bit;
	bool ended;
	uint64_t bytes;    /* written so far */
	size_t line;       /* bytes in the current line, without its end */
	size_t longest;    /* longest line seen */
};
void dg_dot_in_init(struct dg_dot_in *d, bool mend);
/* Append un-stuffed bytes to out (which must have room: at most
 * 2 * in.n + 4, since mending makes two bytes of LF); returns bytes of `in`
 * used: all, or up to and with the end of data; 0 without such room. */
size_t dg_dot_in_feed(struct dg_dot_in *d, struct dg_str in, struct dg_buf *out);

struct dg_dot_out {
	int state;
	bool at_start;
};
void dg_dot_out_init(struct dg_dot_out *d);
/* Append the stuffed form of a piece: at most 2 * in.n + 2 bytes. */
enum dg_rc dg_dot_out_feed(struct dg_dot_out *d, struct dg_str in,
    struct dg_buf *out);
/* Append what ends the data: ".\r\n", with CRLF before when the last line has
 * no end. */
enum dg_rc dg_dot_out_end(struct dg_dot_out *d, struct dg_buf *out);

#endif
