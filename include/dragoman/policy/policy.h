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

struct dg_policy_name { /* a name that YAML has */
	const char *name;
	const char *value; /* vars: the string; users, secrets: NULL */
};
struct dg_policy_options {
	const char *const *files;     /* absolute, NULL-ended */
	const char *const *ready_dirs; /* where policies/ may be, NULL-ended */
	const char *const *allow;     /* policy.allow, NULL-ended */
	const struct dg_policy_name *vars, *users, *secrets;
	size_t n_vars, n_users, n_secrets;
	const char *const *listeners; /* names, NULL-ended */
	size_t memory_max;            /* a state, 64 MiB */
	unsigned long instructions;   /* a hook call, 10,000,000 */
	unsigned long load_instructions; /* a load, 1,000,000,000 */
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

/* Does anybody want this question?  own: the peer's or hop's `on`, or NULL. */
bool dg_policy_wants(const struct dg_rules *r, enum dg_question q,
    const struct dg_hooks *own);
/* Ask own hook, then d.on; the first that is not nil wins.  A hook that fails
 * gives the question's safe default with is_default, logged whole once and
 * then counted.  notes may be NULL. */
void dg_policy_ask(struct dg_policy_state *s, enum dg_question q,
    const struct dg_hooks *own, const struct dg_fact *facts,
    struct dg_notes *notes, struct dg_decision *out);

/* Walk the routes (file order): TO (hop), REFUSE, DEFER; nothing matched is
 * REFUSE 550 5.7.1 by the built-in last row.  out->where is the row's, or the
 * decision's. */
struct dg_route_query {
	struct dg_str recipient, sender, peer, user, address, listener, helo;
	uint64_t size;
	unsigned tries;
	int64_t age_ms;
	bool tls;
};
void dg_policy_route(struct dg_policy_state *s, const struct dg_route_query *q,
    struct dg_notes *notes, struct dg_decision *out);

/* The words of a report: question report, then d.words, then the built-in
 * English set.  Always gives SAY with text, or says_nothing. */
struct dg_words_query {
	struct dg_str recipient, domain, sender, peer, hop, host, reply, enhanced;
	int code;
	enum dg_meaning meaning;
	struct dg_str offered, held, first_try, relay, subject, date;
	unsigned tries;
	uint64_t size, limit;
};
void dg_policy_words(struct dg_policy_state *s, const struct dg_hooks *own,
    const struct dg_words_query *q, struct dg_notes *notes,
    struct dg_decision *out);

/* How often hooks failed, for status. */
unsigned long dg_policy_failures(const struct dg_policy_state *s);

#endif
