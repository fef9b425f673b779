#ifndef DRAGOMAN_SMTP_MEANING_H
#define DRAGOMAN_SMTP_MEANING_H

#include "dragoman/base/row.h"
#include "dragoman/base/str.h"

/*
 * meaning.h - what a hop's reply amounts to, whatever its spelling, and what
 * is done about it.  The one place.
 */
#define DG_MEANINGS(X) \
	X(OK, "ok", NONE) \
	X(VERB_UNKNOWN, "verb-unknown", NEXT_VERB) \
	X(NO_COMMON_AUTH, "no-common-auth", HOLD) \
	X(LOGIN_REFUSED, "login-refused", HOLD) \
	X(TLS_FAILED, "tls-failed", HOLD) \
	X(SLOW_DOWN, "slow-down", RETRY) \
	X(MAILBOX_FULL, "mailbox-full", RETRY) \
	X(UNREACHABLE, "unreachable", RETRY) \
	X(TEMPORARY, "temporary", RETRY) \
	X(UNKNOWN_RECIPIENT, "unknown-recipient", FAIL) \
	X(RELAYING_DENIED, "relaying-denied", FAIL) \
	X(TOO_BIG, "too-big", FAIL) \
	X(CONTENT_REFUSED, "content-refused", FAIL) \
	X(SENDER_REFUSED, "sender-refused", FAIL) \
	X(TOO_OLD, "too-old", FAIL) \
	X(PERMANENT, "permanent", FAIL)
enum dg_meaning {
#define X(id, name, action) DG_MEANING_##id,
	DG_MEANINGS(X)
#undef X
	    DG_MEANING_N
};
enum dg_action {
	DG_ACTION_NONE,
	DG_ACTION_NEXT_VERB,
	DG_ACTION_NEXT_HOST,
	DG_ACTION_RETRY,
	DG_ACTION_HOLD,
	DG_ACTION_FAIL,
};
const char *dg_meaning_name(enum dg_meaning m);
bool dg_meaning_find(struct dg_str name, enum dg_meaning *out);
const char *const *dg_meaning_names(void); /* NULL-ended */
enum dg_action dg_meaning_action(enum dg_meaning m); /* the default */
/* "retry" "hold" "fail" "next-host" "next-verb" */
bool dg_action_find(struct dg_str name, enum dg_action *out);
const char *dg_action_name(enum dg_action a);

/* Where in a session a reply came; "connect" covers no reply at all. */
#define DG_STAGES(X) \
	X(CONNECT, "connect") X(GREETING, "greeting") X(HELO, "helo") \
	X(TLS, "tls") X(AUTH, "auth") X(MAIL, "mail") X(RCPT, "rcpt") \
	X(DATA, "data") X(END, "end") X(ANY, "*")
enum dg_stage {
#define X(id, name) DG_STAGE_##id,
	DG_STAGES(X)
#undef X
	    DG_STAGE_N
};
const char *dg_stage_name(enum dg_stage s);
bool dg_stage_find(struct dg_str name, enum dg_stage *out);
const char *const *dg_stage_names(void);

/* One row of a dialect's `means`. */
struct dg_means {
	enum dg_stage stage;
	int code;          /* 500 */
	char enhanced[12]; /* "5.7.30" or "" */
	enum dg_meaning meaning;
	const char *file;  /* where it was written */
	int line;
	struct dg_row *row; /* NULL: nobody counts */
};
/* Built-in reading (RFC 5321, 4954, 3463), overruled by rows: the longest
 * reply first, then the stage before "*".  *by (may be NULL) gets the row that
 * decided, NULL for the built-in. */
enum dg_meaning dg_meaning_of(enum dg_stage stage, int code,
    const char *enhanced, const struct dg_means *rows, size_t n,
    const struct dg_means **by);

#endif
