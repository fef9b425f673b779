#ifndef DRAGOMAN_POLICY_LAB_H
#define DRAGOMAN_POLICY_LAB_H

#include "dragoman/policy/policy.h"

/*
 * lab.h - run the cases of a *_test.lua: scripted clients and hops over the
 * real machines, in memory.  The cases are Lua (lua/dragoman/test.lua); what
 * they need of the relay they get through these functions.
 *
 * A connection is a small number.  Whatever happens on one comes as an event.
 */
enum dg_lab_event_kind {
	DG_LAB_IDLE,   /* nothing under way and nothing due */
	DG_LAB_WAIT,   /* nothing yet, but work is under way */
	DG_LAB_LINE,   /* conn said text (without its CRLF) */
	DG_LAB_OPEN,   /* we dialled `text` ("10.1.0.5:25"): the far end is conn */
	DG_LAB_CLOSED, /* conn was closed by our side */
};
struct dg_lab_event {
	enum dg_lab_event_kind kind;
	int conn;
	struct dg_str text; /* valid until the next call */
};

typedef void dg_lab_row(void *row_ctx, struct dg_str to, struct dg_str hop,
    unsigned tries, struct dg_str meaning, struct dg_str reply);

struct dg_lab_ops {
	void *ctx;
	/* Connect from that address to that listener ("" = the first). */
	int (*client)(void *ctx, struct dg_str from, struct dg_str listener);
	void (*send)(void *ctx, int conn, struct dg_str bytes);
	void (*close)(void *ctx, int conn);
	/* The far end shakes hands: a hop as a server whose certificate is for
	 * the host that was dialled, a client without looking at ours. */
	void (*start_tls)(void *ctx, int conn);
	struct dg_lab_event (*event)(void *ctx);
	void (*advance)(void *ctx, int64_t ms);
	void (*user)(void *ctx, struct dg_str table, struct dg_str user,
	    struct dg_str password);
	void (*queue)(void *ctx, dg_lab_row *row, void *row_ctx);
	int64_t (*due)(void *ctx); /* to the next try of anything; -1: none */
	/* What hooks that ask outside are told from now on: a DNS record
	 * (false: no such type), the answer to "GET http://...". */
	bool (*dns)(void *ctx, struct dg_str type, struct dg_str name,
	    struct dg_str value);
	void (*web)(void *ctx, struct dg_str request, int status,
	    struct dg_str body);
};

/* What our side logs in with at every hop of a lab. */
#define DG_LAB_USER     "relay"
#define DG_LAB_PASSWORD "lab-password"

/* How many cases the policy's test files declare. */
size_t dg_lab_cases(struct dg_policy_state *s);
const char *dg_lab_case_name(struct dg_policy_state *s, size_t i);
int dg_lab_case_line(struct dg_policy_state *s, size_t i);
/* Run one; DG_E_POLICY and e->text "file:line: why" when it failed.  s is a
 * state of the lab's own, not a worker's. */
enum dg_rc dg_lab_run(struct dg_policy_state *s, size_t i,
    const struct dg_lab_ops *ops, struct dg_err *e);
/* After one that failed: what both sides said at last, lines of text; "" when
 * there is nothing to tell.  Owned by s, until the next story. */
const char *dg_lab_story(struct dg_policy_state *s);

#endif
