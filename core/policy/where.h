#ifndef DRAGOMAN_CORE_POLICY_WHERE_H
#define DRAGOMAN_CORE_POLICY_WHERE_H

#include "dragoman/base/str.h"

/*
 * where.h - find things in the text of a policy: Lua keeps no positions of
 * table keys, an administrator needs them.  Pure: text in, places out.
 */
struct dg_lines { /* where each line begins */
	const size_t *at;
	size_t n;
};

enum dg_token_kind {
	DG_TOKEN_END,
	DG_TOKEN_NAME,   /* keywords too */
	DG_TOKEN_STRING, /* text: without quotes, escapes as written */
	DG_TOKEN_NUMBER,
	DG_TOKEN_SIGN, /* one character; ".." and "..." are one token */
};
struct dg_token {
	enum dg_token_kind kind;
	struct dg_str text;
	unsigned line, column; /* from 1, bytes */
};
struct dg_lexer {
	const char *p, *end;
	const char *line_start;
	unsigned line;
};
void dg_lexer_init(struct dg_lexer *x, struct dg_str text);
bool dg_lexer_next(struct dg_lexer *x, struct dg_token *out);
/* +1 where something opens that an "end", "until" or bracket closes, -1 where
 * that stands. */
int dg_token_opens(const struct dg_token *t);
bool dg_token_is(const struct dg_token *t, const char *text);

struct dg_step { /* a key, or the n-th item of a list */
	const char *key;
	int index; /* from 1, when key is NULL */
};
struct dg_spot {
	unsigned line, column; /* 0: not found */
};
/* The statement `d.<kind> "name" { ... }` that begins on `line` (text begins
 * at that line's start), and in its table the key at that path; the deepest
 * part of the path that could be found, the statement at least.  kind NULL: in
 * the table that the file returns. */
struct dg_spot dg_where_find(struct dg_str text, unsigned line,
    const char *kind, const char *name, const struct dg_step *path, size_t n);

#endif
