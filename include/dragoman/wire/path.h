#ifndef DRAGOMAN_WIRE_PATH_H
#define DRAGOMAN_WIRE_PATH_H

#include "dragoman/base/err.h"
#include "dragoman/base/str.h"

/*
 * path.h - the argument of MAIL and RCPT: a path and its parameters
 * (RFC 5321 4.1.1.2, 4.1.1.3, 4.1.2).
 */
enum {
	DG_PATH_SPACE_AFTER_COLON = 1, /* mend: "FROM: <a@b>" */
	DG_PATH_NO_BRACKETS = 2,       /* mend: "FROM:a@b" */
	DG_PATH_NULL = 4,              /* allow "<>" (MAIL) */
};

struct dg_path {
	struct dg_str address; /* "a@b.example", source route dropped; "" for <> */
	struct dg_str params;  /* what follows, trimmed: for dg_param_next */
};

/*
 * arg is all that follows the verb: "FROM:<a@b> SIZE=3"; keyword is "FROM" or
 * "TO".  Limits of RFC 5321 4.5.3.1 (local part 64, domain 255, path 256).
 * "<postmaster>" without a domain is allowed for TO.  Fails with 501 5.5.4 or
 * 5.1.7 / 5.1.3 and says what is wrong.  Views point into arg.
 */
enum dg_rc dg_path_parse(struct dg_str arg, const char *keyword, unsigned flags,
    struct dg_path *out, struct dg_err *e);

struct dg_param {
	struct dg_str key;
	struct dg_str value; /* p == NULL: no '=' */
};
/* Take the next ESMTP parameter off *params; false at the end.  A malformed
 * one (RFC 5321 4.1.2 esmtp-param) gives key.n == 0. */
bool dg_param_next(struct dg_str *params, struct dg_param *out);

/* An address that may stand in MAIL and RCPT as it is: local part, '@', domain;
 * no source route, no bare "postmaster". */
bool dg_address_is_valid(struct dg_str address);
/* The part after the last '@', or "" when there is none. */
struct dg_str dg_address_domain(struct dg_str address);
/* xtext (RFC 3461 4): append decoded / encoded. */
struct dg_buf;
enum dg_rc dg_xtext_read(struct dg_buf *out, struct dg_str s);
enum dg_rc dg_xtext_add(struct dg_buf *out, struct dg_str s);

#endif
