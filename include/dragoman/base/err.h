#ifndef DRAGOMAN_BASE_ERR_H
#define DRAGOMAN_BASE_ERR_H

/*
 * err.h - the one way a function says that it failed, and how.
 *
 * A function that can fail returns enum dg_rc and takes a struct dg_err as its
 * last argument.  The error is filled once, where the cause is known; callers
 * pass it up or add context, nobody logs and returns.  Failures that can reach
 * a mail user carry an SMTP code and an enhanced status (RFC 3463).
 */

enum dg_rc {
	DG_OK = 0,
	DG_AGAIN,    /* not an error: no answer yet */
	DG_E_PROTO,  /* the other side broke the protocol */
	DG_E_LIMIT,  /* something a peer chose was past its cap */
	DG_E_IO,     /* file, socket or disk */
	DG_E_FULL,   /* no room left on disk */
	DG_E_AUTH,   /* a login was refused */
	DG_E_TLS,    /* TLS could not be set up as required */
	DG_E_CONFIG, /* what the administrator wrote is wrong */
	DG_E_POLICY, /* a policy hook failed */
	DG_E_ABSENT, /* no such thing */
	DG_E_TIMEOUT,
	DG_E_CANCEL, /* given up by the other side or by us */
};

struct dg_err {
	enum dg_rc rc;
	int code;          /* SMTP reply code, 0 when it cannot reach a user */
	char enhanced[12]; /* "4.3.0", or "" */
	char text[400];
};

/* Fill *e (may be NULL) and return rc.  enhanced may be NULL. */
enum dg_rc dg_fail(struct dg_err *e, enum dg_rc rc, int code,
    const char *enhanced, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* Put context in front of e->text: "while reading x: old text". */
void dg_err_in(struct dg_err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* A short name for logs: "proto", "limit" ... */
const char *dg_rc_name(enum dg_rc rc);

#endif
