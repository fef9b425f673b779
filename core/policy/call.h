#ifndef DRAGOMAN_CORE_POLICY_CALL_H
#define DRAGOMAN_CORE_POLICY_CALL_H

/*
 * call.h - one hook called for one asking: a coroutine with a budget, which
 * may wait.  Private to the policy floor.
 */
#include "decision.h"
#include "wait.h"

#include "dragoman/policy/host.h"

struct dg_wait {
	uint64_t ticket; /* 0: it does not wait */
	const void *result;
	dg_wait_given_up_fn *given_up; /* or NULL */
	uint64_t number;               /* for it */
};

struct dg_call {
	LIST_ENTRY(dg_call) next; /* among the state's idle or waiting ones */
	struct dg_policy_state *state;
	lua_State *co;
	int ref; /* keeps co in the registry */
	struct dg_asking *a;
	int hook;
	struct dg_budget budget;
	int64_t wait_ms;       /* that it may still wait */
	int64_t wait_given_ms;
	int64_t waits_since_ms; /* monotonic */
	struct dg_timer *timer; /* of the wait under way */
	struct dg_wait wait;
	bool is_closing; /* its variables are being closed: it may not wait */
	bool has_raised; /* then e says what */
	bool is_probe;   /* the one call that an open breaker lets through */
	struct dg_err e;
	struct dg_str subject, lang; /* what an earlier hook said */
	unsigned n_log;  /* lines of d.log */
};

enum dg_call_end {
	DG_CALL_DONE,   /* a->d is what it answered */
	DG_CALL_FAILED, /* a->d is the safe default */
	DG_CALL_WAITS,  /* dg_asking_resumed comes later */
};
/* Call hook number `hook` of the asking's state about its question. */
enum dg_call_end dg_call_begin(struct dg_asking *a, int hook);
/* Of an asking that is dropped. */
void dg_call_drop(struct dg_call *c);
/* Free the coroutines of a state; nothing of it waits. */
void dg_calls_free(struct dg_policy_state *s);

/* ask.c: a call that waited has ended. */
void dg_asking_resumed(struct dg_asking *a);

/* One way through the policy: which hook is next, and what its answer is. */
struct dg_asking_walk {
	/* A hook's number; 0: the end, and a->d is the answer. */
	int (*next)(struct dg_asking *a);
	/* Does a->d, of a hook, end it? */
	bool (*ends)(struct dg_asking *a);
	void (*finish)(struct dg_asking *a);
	/* q is on top: more of it. */
	void (*push)(lua_State *L, struct dg_asking *a);
	/* The hook's result is on top: read it into a->d; may raise. */
	void (*read)(lua_State *L, struct dg_asking *a);
	/* The facts were copied: point to them. */
	void (*keep)(struct dg_asking *a);
};
/* Walk on; false: a hook waits. */
bool dg_asking_walk(struct dg_asking *a);
/* The view of a fact, "" when there is none. */
struct dg_str dg_asking_fact(const struct dg_asking *a, const char *name);
void dg_asking_read(lua_State *L, struct dg_asking *a);
/* The peer's or hop's own hook, then that of d.on; 0: neither (any more), and
 * a->at is DG_HOOKS_ASKED.  A walk that goes on behind them counts from there. */
enum { DG_HOOKS_ASKED = 2 };
int dg_asking_next_hook(struct dg_asking *a);

/* hits.c */
struct dg_hits *dg_hits_new(void);
void dg_hits_free(struct dg_hits *h);

#endif
