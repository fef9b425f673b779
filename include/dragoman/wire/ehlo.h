#ifndef DRAGOMAN_WIRE_EHLO_H
#define DRAGOMAN_WIRE_EHLO_H

#include "dragoman/base/str.h"

/*
 * ehlo.h - what a server's EHLO reply offers (RFC 5321 4.1.1.1), as spelled.
 *
 * Authentication lines are found by the verbs a dialect names: "AUTH NTLM
 * LOGIN", "AUTH=LOGIN", "XAUTH", "XAUTH=NTLM" all parse alike.
 */
enum {
	DG_EXT_PIPELINING = 1 << 0,
	DG_EXT_SIZE = 1 << 1,
	DG_EXT_8BITMIME = 1 << 2,
	DG_EXT_ENHANCED = 1 << 3, /* ENHANCEDSTATUSCODES */
	DG_EXT_STARTTLS = 1 << 4,
	DG_EXT_DSN = 1 << 5,
	DG_EXT_SMTPUTF8 = 1 << 6,
	DG_EXT_HELP = 1 << 7,
	DG_EXT_CHUNKING = 1 << 8,
};
/* The bit of a keyword (case folded), 0 when unknown; and its spelling. */
unsigned dg_ext_find(struct dg_str keyword);
const char *dg_ext_name(unsigned bit);

struct dg_ehlo_line {
	struct dg_str keyword; /* "AUTH", "XAUTH", "SIZE" */
	struct dg_str args;    /* "NTLM LOGIN", "1000" */
	bool equals;           /* the separator was '=' */
};
/* Split one line of the reply's text (not the first, which is the greeting);
 * false when it is empty. */
bool dg_ehlo_line(struct dg_str line, struct dg_ehlo_line *out);

struct dg_ehlo {
	unsigned exts;     /* DG_EXT_* */
	uint64_t max_size; /* of SIZE; 0 = none said */
	struct dg_str text; /* all lines but the first, '\n' between: borrowed */
};
/* text: struct dg_reply's text, which must outlive *out. */
void dg_ehlo_parse(struct dg_str text, struct dg_ehlo *out);
/* Walk the lines: start with *at = 0. */
bool dg_ehlo_next(const struct dg_ehlo *e, size_t *at, struct dg_ehlo_line *out);

#endif
