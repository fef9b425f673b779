#ifndef DRAGOMAN_WIRE_REPLY_H
#define DRAGOMAN_WIRE_REPLY_H

#include "dragoman/base/buf.h"

/*
 * reply.h - replies, read and written (RFC 5321 4.2, RFC 3463 status).
 */
struct dg_reply_line {
	int code;           /* 200..599 */
	bool more;          /* "250-": another line follows */
	struct dg_str text; /* after the separator */
};
/* "NNN text", "NNN-text", "NNN" alone; DG_E_PROTO otherwise. */
enum dg_rc dg_reply_parse(struct dg_str line, struct dg_reply_line *out);

/* A whole reply, gathered line by line. */
enum {
	DG_REPLY_MAX_LINES = 100,
	DG_REPLY_MAX_BYTES = 64 * 1024,
};
struct dg_reply {
	int code;
	unsigned lines;
	struct dg_buf text; /* texts of all lines, joined with '\n' */
};
void dg_reply_init(struct dg_reply *r);
void dg_reply_fini(struct dg_reply *r);
void dg_reply_reset(struct dg_reply *r);
/* DG_OK: complete; DG_AGAIN: more lines follow; DG_E_PROTO, DG_E_LIMIT. */
enum dg_rc dg_reply_feed(struct dg_reply *r, struct dg_str line,
    struct dg_err *e);
/* "5.7.1" at the start of the text, or "" (fits 12 bytes with NUL); "" too
 * when its class is not the code's. */
void dg_reply_enhanced(const struct dg_reply *r, char out[12]);
/* All lines as one: "550 5.1.1 no such user / second line"; control bytes
 * become '?'. */
enum dg_rc dg_reply_oneline(const struct dg_reply *r, struct dg_buf *out);

/* Append one reply as wire bytes: each '\n' in text starts a new line.  With
 * enhanced (may be NULL or "") each line begins with it.  Control bytes become
 * '?', no line exceeds 512 octets (longer ones are broken), but for 334: a
 * challenge is never broken (RFC 4954 4).  On failure out is as it was. */
enum dg_rc dg_reply_add(struct dg_buf *out, int code, const char *enhanced,
    struct dg_str text);
/* Read "550 5.7.1 text" as a policy writes it; enhanced may be absent ("").
 * DG_E_PROTO unless the code is 4yz or 5yz (any_class: 2yz..5yz). */
enum dg_rc dg_reply_read(struct dg_str s, bool any_class, int *code,
    char enhanced[12], struct dg_str *text);

#endif
