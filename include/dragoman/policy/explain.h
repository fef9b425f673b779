#ifndef DRAGOMAN_POLICY_EXPLAIN_H
#define DRAGOMAN_POLICY_EXPLAIN_H

#include "dragoman/policy/lab.h"

/*
 * explain.h - why the relay does what it does, in words (lua/dragoman/
 * explain.lua): for a made-up session, played in a lab, and for a message that
 * was there, read from its journal.
 */
struct dg_explain { /* a made-up session */
	struct dg_str from, listener, helo, user, mail;
	const char *const *rcpts; /* NULL-ended, at least one */
	struct dg_str script;     /* how hops behave: Lua that returns a table */
	struct dg_str script_name;
	const struct dg_dialect *hop_dialect; /* or as one shows; or NULL */
	bool as_json;
	bool wants_tls;       /* the client says STARTTLS where it is shown */
	bool is_implicit_tls; /* so does that listener, without a word */
};
struct dg_explain_ops {
	const struct dg_lab_ops *lab;
	void *ctx;
	/* The JSON lines that were logged since the last call; valid until the
	 * next turn of the lab. */
	struct dg_str (*log)(void *ctx);
};
/* Play x and add what is to be printed to out.  s is a state of the lab's
 * own, as for dg_lab_run.  DG_E_POLICY: the script is wrong, or the relay did
 * not come to rest. */
enum dg_rc dg_explain_session(struct dg_policy_state *s,
    const struct dg_explain_ops *ops, const struct dg_explain *x,
    struct dg_buf *out, struct dg_err *e);

struct dg_explain_life { /* a message that was there */
	const char *journal; /* its path */
	struct dg_str id;
	bool as_json;
};
/* Needs no policy.  *is_known false: out says where it was looked for, and
 * what has a similar name. */
enum dg_rc dg_explain_life(const struct dg_explain_life *x, struct dg_buf *out,
    bool *is_known, struct dg_err *e);

#endif
