#ifndef DRAGOMAN_POLICY_POLICY_H
#define DRAGOMAN_POLICY_POLICY_H

#include "dragoman/base/arena.h"
#include "dragoman/base/errors.h"
#include "dragoman/policy/rules.h"

/*
 * policy.h - load policy files, and ask them questions.
 *
 * dg_policy_load runs the files once and compiles them to struct dg_rules.
 * Each worker then has its own struct dg_policy_state (a Lua state that ran
 * the same files), used on that worker's thread only.
 */
struct dg_policy;
struct dg_cover;

struct dg_policy_name { /* a name that YAML has */
	const char *name;
	const char *value; /* vars: the string; others: NULL */
	const char *file;  /* where it stands: for warnings */
	unsigned line, column;
};
/* What a table of users can verify, as DG_MECH_BIT. */
struct dg_policy_users {
	unsigned of_all; /* whoever of them it is */
	unsigned of_any; /* one of them at least; 0: not known */
};
/* What one hook call may take.  0: the default, and for wait_ms that of
 * questions.def. */
struct dg_policy_budget {
	unsigned long instructions; /* 10,000,000 */
	int64_t run_ms;             /* running, not waiting: 250 */
	int64_t wait_ms;            /* waiting, altogether */
	size_t result;              /* bytes of its answer: 256 KiB */
};
struct dg_policy_allow { /* a library, and where policy.allow names it */
	const char *name;
	const char *file; /* NULL: not known */
	unsigned line, column;
};
struct dg_policy_options {
	const char *const *files;     /* absolute, NULL-ended */
	const char *const *ready_dirs; /* where policies/ may be, NULL-ended */
	const struct dg_policy_allow *allow; /* policy.allow */
	size_t n_allow;
	const struct dg_policy_name *vars, *users, *secrets, *tokens;
	size_t n_vars, n_users, n_secrets, n_tokens;
	const struct dg_policy_users *verify; /* for each of users, or NULL:
	                                       * not known */
	const struct dg_policy_name *listeners;
	size_t n_listeners;
	bool lacks_names; /* YAML is broken and was not read whole: a name that
	                   * is not in it is nobody's mistake */
	size_t memory_max;            /* a state, 64 MiB */
	struct dg_policy_budget budget[DG_Q_N]; /* of one hook call */
	unsigned long load_instructions; /* a load, 1,000,000,000 */
	struct dg_cover *cover; /* gathers what is touched (policy/cover.h); NULL */
	bool is_lab; /* names of users, secrets and listeners that YAML lacks
	              * are no errors; require "dragoman.test" works */
};
/* NULL when it had to add an error: all of them, file:line:column, did you
 * mean.  Warnings may be added on success.  No files: the ready policy
 * "default" (relays nothing).  Nothing of o is needed afterwards. */
struct dg_policy *dg_policy_load(const struct dg_policy_options *o,
    struct dg_errors *errors);
void dg_policy_free(struct dg_policy *p);
const struct dg_rules *dg_policy_rules(const struct dg_policy *p);

struct dg_policy_state;
/* Runs the files again in a state of its own; fails (errors) when it does not
 * declare the same things in the same order.  p must outlive it. */
struct dg_policy_state *dg_policy_state_new(struct dg_policy *p,
    struct dg_errors *errors);
void dg_policy_state_free(struct dg_policy_state *s);

/* ---- facts: the fields of q ---- */
struct dg_fact {
	const char *name; /* NULL ends the list */
	bool is_number;
	int64_t number;
	struct dg_str text;
};
/* q:note(k, v): at most 4 KiB, carried from connect to report. */
struct dg_notes {
	struct dg_buf kv; /* "key\0value\0..." as in the envelope */
};

/* ---- decisions ---- */
enum dg_decision_kind {
	DG_D_NONE, /* no opinion */
	DG_D_ACCEPT,
	DG_D_REFUSE,
	DG_D_DEFER,
	DG_D_CLOSE,
	DG_D_DISCARD,
	DG_D_OFFER,
	DG_D_TO,
	DG_D_USE,
	DG_D_RETRY,
	DG_D_HOLD,
	DG_D_FAIL,
	DG_D_SAY,
};
const char *dg_decision_name(enum dg_decision_kind k);

/* Views live in its arena until _fini. */
struct dg_decision {
	enum dg_decision_kind kind;
	struct dg_where where;
	struct dg_str because;
	bool is_default;      /* the hook failed: this is the safe default */
	int code;             /* REFUSE, DEFER (and CLOSE with a reply) */
	char enhanced[12];
	struct dg_str text;   /* of the reply; or SAY's text */
	bool says_nothing;    /* SAY{text=false}: no report */
	struct dg_str subject, lang, copy_to; /* SAY */
	struct dg_str as, to; /* ACCEPT */
	struct dg_str rewrite_from, reply_to; /* ACCEPT */
	struct dg_str add, remove; /* ACCEPT: header fields, each with its CRLF;
	                            * names, each with a CRLF */
	struct dg_str hop;    /* TO */
	struct dg_str verb;   /* USE, RETRY */
	bool has_mech;
	enum dg_mech mech;    /* USE */
	int64_t after_ms;     /* RETRY, 0 = the hop's own time */
	bool next_host, slow_down; /* RETRY */
	struct dg_str alert;  /* HOLD */
	bool has_meaning;
	enum dg_meaning meaning; /* FAIL */
	struct dg_offer_line *lines; /* OFFER */
	size_t n_lines;
	bool has_lines;
	unsigned hide, show;  /* DG_EXT_* */
	struct dg_arena arena;
};
void dg_decision_init(struct dg_decision *d);
void dg_decision_fini(struct dg_decision *d);

/* ---- asking ----
 *
 * An asking is one question on its way through the policy: hooks, rows of
 * routes or words, until something answers.  It is kept by who asks, at one
 * address, from _init to _drop.
 *
 * Most answers come at once: then the call returns true, and a->d is the
 * answer (DG_D_NONE: no opinion).  False: a hook waits for something; a->fn
 * is called later, on this thread's loop, when a->d is the answer.  An asking
 * that is dropped is never heard of again.
 *
 * A hook that fails gives the question's safe default with d.is_default; it is
 * logged whole once and then counted; one that fails again and again is not
 * called for a while (its breaker is open).
 */
struct dg_asking;
typedef void dg_asked_fn(void *ctx, struct dg_asking *a);

struct dg_route_query {
	struct dg_str recipient, sender, peer, user, address, listener, helo;
	uint64_t size;
	unsigned tries;
	int64_t age_ms;
	bool tls;
};
struct dg_words_query {
	struct dg_str recipient, domain, sender, peer, hop, host, reply, enhanced;
	int code;
	enum dg_meaning meaning;
	struct dg_str offered, held, first_try, relay, subject, date;
	unsigned tries;
	uint64_t size, limit;
};

enum { DG_FACTS_MAX = 24 };
struct dg_call;
struct dg_asking {
	struct dg_decision d;
	dg_asked_fn *fn;
	void *ctx;
	/* the rest is the policy's own */
	struct dg_policy_state *state;
	struct dg_call *call; /* a hook of it that waits */
	struct dg_notes *notes;
	enum dg_question question;
	const struct dg_asking_walk *walk;
	const struct dg_hooks *own;
	size_t at, row;
	int rank;
	struct dg_fact facts[DG_FACTS_MAX];
	union {
		struct dg_route_query route;
		struct dg_words_query words;
	} query;
	struct dg_arena kept; /* what the facts say, once it waits */
	bool is_kept;
};
void dg_asking_init(struct dg_asking *a, dg_asked_fn *fn, void *ctx);
/* Forget it, with its answer; it may be used again after _init. */
void dg_asking_drop(struct dg_asking *a);

/* Does anybody want this question?  own: the peer's or hop's `on`, or NULL. */
bool dg_policy_wants(const struct dg_rules *r, enum dg_question q,
    const struct dg_hooks *own);
/* Own hook, then d.on; the first that is not nil wins.  facts end with a NULL
 * name.  notes may be NULL; they outlive the asking. */
bool dg_policy_ask(struct dg_policy_state *s, struct dg_asking *a,
    enum dg_question q, const struct dg_hooks *own,
    const struct dg_fact *facts, struct dg_notes *notes);
/* Walk the routes (file order): TO (hop), REFUSE, DEFER; nothing matched is
 * REFUSE 550 5.7.1 by the built-in last row.  d.where is the row's, or the
 * decision's. */
bool dg_policy_route(struct dg_policy_state *s, struct dg_asking *a,
    const struct dg_route_query *q, struct dg_notes *notes);
/* The words of a report: question report, then d.words, then the built-in
 * English set.  Always gives SAY with text, or says_nothing. */
bool dg_policy_words(struct dg_policy_state *s, struct dg_asking *a,
    const struct dg_hooks *own, const struct dg_words_query *q,
    struct dg_notes *notes);

/* Before a state's first question, on its worker's thread. */
struct dg_policy_host;
void dg_policy_state_attach(struct dg_policy_state *s,
    struct dg_policy_host *host);

/* ---- what was decided where ----
 *
 * Decisions are counted by file and line, those of the tables through
 * dg_policy_hit by who took them. */
void dg_policy_hit(struct dg_policy_state *s, struct dg_where w);
typedef void dg_policy_hit_fn(void *ctx, struct dg_where w, unsigned long hits,
    int64_t last_ms);
void dg_policy_hits(const struct dg_policy_state *s, dg_policy_hit_fn *fn,
    void *ctx);
/* Every place that could decide: peers, hops, routes, words, hooks. */
typedef void dg_policy_place_fn(void *ctx, const char *kind, const char *name,
    struct dg_where w);
void dg_policy_places(const struct dg_policy *p, dg_policy_place_fn *fn,
    void *ctx);

/* How often hooks failed, for status. */
unsigned long dg_policy_failures(const struct dg_policy_state *s);

#endif
