/*
 * call.c - one hook called for one asking: a coroutine with a budget.
 *
 * Why coroutines for all, also for hooks that never wait: whether one does is
 * known only when it says d.http.get, and then its stack must be able to stay.
 * They are used again, so that a hook which answers at once pays for no new
 * one.
 *
 * A hook that fails - an error, an endless loop, too much memory, a wait too
 * long, the wrong kind of answer - costs its question one safe default: mail is
 * kept, nobody gets in.  One that fails again and again is not called for a
 * while; then one call tries whether it works.
 */
#include "call.h"

#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/clock.h"
#include "dragoman/base/log.h"
#include "load.h"
#include "wait.h"

enum {
	IDLE_MAX = 32,    /* coroutines kept for the next calls of a state */
	LOG_EVERY = 1000, /* failures of one hook */
	BREAK_AFTER = 5,  /* failures in a row */
	BREAK_MS = 30 * 1000,
	BREAK_MAX_MS = 10 * 60 * 1000,
	CLOSE_BUDGET = 20000, /* instructions of its __close functions */
	CLOSE_MS = 50,
	MORE_MAX = 1024 * 1024, /* of an answer, beside what a hook may add */
};

/* ---- what a failure amounts to ---- */

enum safe {
	SAFE_NOTHING,
	SAFE_DEFER,
	SAFE_REFUSE,
	SAFE_RETRY,
};
static const struct {
	enum safe safe;
	int64_t wait_ms;
} questions[DG_Q_N] = {
#define Q(id, name, kind, here, wait_ms, safe, fields, answers, when) \
	[DG_Q_##id] = { SAFE_##safe, wait_ms },
#include "dragoman/policy/questions.def"
#undef Q
};

static void
safe_default(enum dg_question q, struct dg_decision *out)
{
	out->is_default = true;
	if (questions[q].safe == SAFE_NOTHING) {
		out->kind = DG_D_NONE; /* the table's value, the ready words */
		return;
	}
	out->code = 451;
	snprintf(out->enhanced, sizeof(out->enhanced), "4.3.0");
	out->text = DG_STR("the relay's policy failed, try again later");
	switch (questions[q].safe) {
	case SAFE_NOTHING:
	case SAFE_REFUSE:
		out->kind = DG_D_REFUSE;
		out->code = 454;
		snprintf(out->enhanced, sizeof(out->enhanced), "4.7.0");
		return;
	case SAFE_RETRY:
		out->kind = DG_D_RETRY;
		return;
	case SAFE_DEFER:
		out->kind = DG_D_DEFER;
		return;
	}
}

static struct dg_breaker *
breaker_of(struct dg_policy_state *s, int hook)
{
	return &s->breakers[hook <= s->n_hooks ? hook : 0];
}

static void
open_breaker(struct dg_policy_state *s, struct dg_breaker *b,
    enum dg_question q, const char *what)
{
	int64_t ms = BREAK_MS;
	char text[600];

	for (unsigned i = 0; i < b->opened && ms < BREAK_MAX_MS; i++)
		ms *= 2;
	if (ms > BREAK_MAX_MS)
		ms = BREAK_MAX_MS;
	b->opened++;
	b->open_until_ms = dg_mono_ms() + ms;
	dg_log(DG_LOG_ERROR, "hook-rests",
	    dg_kv_z("question", dg_question_name(q)), dg_kv_z("error", what),
	    dg_kv_i("failed_in_a_row", b->in_a_row),
	    dg_kv_i("for_s", ms / 1000));
	snprintf(text, sizeof(text),
	    "the hook for question \"%s\" failed %u times in a row and is left "
	    "alone for %lld s: %.400s",
	    dg_question_name(q), b->in_a_row, (long long)(ms / 1000), what);
	if (s->host != NULL && s->host->alert != NULL)
		s->host->alert(s->host->ctx, "hook-failed", text);
}

static struct dg_where
where_begins(const struct dg_policy_state *s, int hook)
{
	return hook >= 1 && hook <= s->n_hooks
	    ? s->policy->hook_places[hook - 1]
	    : (struct dg_where){ NULL, 0 };
}

/* Whole the first time, then counted. */
static void
failed(struct dg_call *c, const char *what)
{
	struct dg_policy_state *s = c->state;
	struct dg_breaker *b = breaker_of(s, c->hook);
	enum dg_question q = c->a->question;
	struct dg_decision before = c->a->d;
	struct dg_decision *d = &c->a->d;
	struct dg_where w = dg_vm_place(&s->vm, what, &(const char *){ NULL });
	char placed[600];

	if (w.file == NULL) { /* what it returned was wrong: where it begins */
		w = where_begins(s, c->hook);
		if (w.file != NULL) {
			snprintf(placed, sizeof(placed), "%s:%d: %.400s", w.file,
			    w.line, what);
			what = placed;
		}
	}
	s->failures++;
	b->failures++;
	b->in_a_row++;
	if (b->failures == 1 || b->failures % LOG_EVERY == 0)
		dg_log(DG_LOG_ERROR, "hook-failed",
		    dg_kv_z("question", dg_question_name(q)),
		    dg_kv_z("error", what), dg_kv_i("times", b->failures));
	/* Calls that were under way when it opened are the same trouble. */
	if (b->in_a_row >= BREAK_AFTER &&
	    (b->open_until_ms == 0 || c->is_probe))
		open_breaker(s, b, q, what);
	/* Half an answer is none; what an earlier hook said stays. */
	dg_decision_init(d);
	d->arena = before.arena;
	d->subject = c->subject;
	d->lang = c->lang;
	d->where = w;
	safe_default(q, d);
}

static void
worked(struct dg_call *c)
{
	struct dg_breaker *b = breaker_of(c->state, c->hook);

	if (b->open_until_ms != 0)
		dg_log(DG_LOG_INFO, "hook-works-again",
		    dg_kv_z("question", dg_question_name(c->a->question)));
	b->in_a_row = b->opened = 0;
	b->open_until_ms = 0;
}

/* It rests: the safe default without a call.  When the time is over one call
 * is let through, and the others rest on until it is back. */
static bool
rests(struct dg_policy_state *s, struct dg_asking *a, int hook, bool *is_probe)
{
	struct dg_breaker *b = breaker_of(s, hook);
	int64_t now;

	*is_probe = false;
	if (b->open_until_ms == 0)
		return false;
	now = dg_mono_ms();
	if (now >= b->open_until_ms) {
		b->open_until_ms = now + BREAK_MS;
		*is_probe = true;
		return false;
	}
	a->d.where = where_begins(s, hook);
	safe_default(a->question, &a->d);
	return true;
}

/* ---- coroutines ---- */

static int
run_new(lua_State *L)
{
	struct dg_call *c = lua_touserdata(L, 1);
	lua_State *co = lua_newthread(L);

	c->ref = luaL_ref(L, LUA_REGISTRYINDEX);
	c->co = co;
	return 0;
}

static struct dg_call *
take_idle(struct dg_policy_state *s, struct dg_err *e)
{
	enum { NEW_BUDGET = 100000 };
	struct dg_call *c = LIST_FIRST(&s->idle);

	if (c != NULL) {
		LIST_REMOVE(c, next);
		s->n_idle--;
		return c;
	}
	c = dg_alloc0(sizeof(*c));
	c->state = s;
	lua_pushcfunction(s->vm.L, run_new);
	lua_pushlightuserdata(s->vm.L, c);
	if (dg_vm_run(&s->vm, s->vm.L, 1, NEW_BUDGET, e) == DG_OK)
		return c;
	free(c);
	return NULL;
}

static void
call_free(struct dg_call *c)
{
	luaL_unref(c->state->vm.L, LUA_REGISTRYINDEX, c->ref);
	free(c);
}

/* Closing may run the policy's __close functions: inside a small budget. */
static bool
reset(struct dg_call *c)
{
	struct dg_vm *vm = &c->state->vm;
	struct dg_budget b = { .left = CLOSE_BUDGET, .given = CLOSE_BUDGET,
		.run_ms = CLOSE_MS, .given_ms = CLOSE_MS };
	struct dg_call *outer = vm->call;
	bool is_clean;

	c->is_closing = true;
	vm->call = c;
	is_clean = dg_vm_reset(vm, c->co, &b);
	vm->call = outer;
	c->is_closing = false;
	return is_clean;
}

static void
put_idle(struct dg_call *c, bool is_clean)
{
	struct dg_policy_state *s = c->state;

	c->a = NULL;
	if ((!is_clean && !reset(c)) || s->n_idle >= IDLE_MAX) {
		call_free(c);
		return;
	}
	lua_settop(c->co, 0);
	LIST_INSERT_HEAD(&s->idle, c, next);
	s->n_idle++;
}

void
dg_calls_free(struct dg_policy_state *s)
{
	struct dg_call *c;

	while ((c = LIST_FIRST(&s->idle)) != NULL) {
		LIST_REMOVE(c, next);
		free(c); /* the coroutine goes with the whole state */
	}
}

/* ---- running ---- */

static int
after(lua_State *L, int status, lua_KContext ctx)
{
	struct dg_call *c = dg_vm_of(L)->call;

	(void)ctx;
	if (status == LUA_OK || status == LUA_YIELD) {
		c->a->walk->read(L, c->a);
		return 0;
	}
	c->has_raised = true;
	dg_vm_why(&c->state->vm, L, status, &c->e);
	return 0;
}

/* The coroutine's body; everything that may raise is in here. */
static int
run_hook(lua_State *L)
{
	struct dg_call *c = dg_vm_of(L)->call;
	struct dg_asking *a = c->a;

	lua_pushcfunction(L, dg_vm_on_error);
	dg_vm_push_hook(L, c->hook);
	dg_q_push(L, a->question, a->facts);
	if (a->walk->push != NULL)
		a->walk->push(L, a);
	return after(L, lua_pcallk(L, 1, 1, 1, 0, after), 0);
}

static void
end_wait(struct dg_call *c)
{
	dg_slots_drop(c->state->host->waits, c->wait.ticket);
	c->wait.ticket = 0;
	dg_timer_free(c->timer);
	c->timer = NULL;
	LIST_REMOVE(c, next);
	c->wait_ms -= dg_mono_ms() - c->waits_since_ms;
}

/* Nobody waits any more: what was asked may be taken back. */
static void
give_up(struct dg_call *c)
{
	if (c->wait.given_up != NULL)
		c->wait.given_up(c->state->host, c->wait.number);
	c->wait.given_up = NULL;
}

static void
on_waited_too_long(void *ctx)
{
	struct dg_call *c = ctx;
	struct dg_asking *a = c->a;
	struct dg_where w = dg_vm_where(c->co, 0);
	char what[400];

	end_wait(c);
	give_up(c);
	snprintf(what, sizeof(what), "%s:%d: waited longer than %lld ms",
	    w.file != NULL ? w.file : "?", w.line,
	    (long long)c->wait_given_ms);
	failed(c, what);
	a->call = NULL;
	put_idle(c, false);
	dg_asking_resumed(a);
}

static void
begin_wait(struct dg_call *c)
{
	struct dg_policy_host *h = c->state->host;

	c->waits_since_ms = dg_mono_ms();
	c->a->call = c;
	LIST_INSERT_HEAD(&c->state->waiting, c, next);
	c->timer = dg_timer_new(h->loop, on_waited_too_long, c);
	dg_timer_set(c->timer, c->wait_ms > 0 ? c->wait_ms : 0);
}

static enum dg_call_end
run(struct dg_call *c, int nargs)
{
	struct dg_vm *vm = &c->state->vm;
	struct dg_call *outer = vm->call;
	struct dg_err e = { 0 };
	int status;

	vm->call = c;
	status = dg_vm_resume(vm, c->co, nargs, &c->budget, &e);
	vm->call = outer;
	if (status == LUA_YIELD) {
		begin_wait(c);
		return DG_CALL_WAITS;
	}
	c->a->call = NULL;
	c->a->d.arena.cap = c->a->d.arena.used + MORE_MAX;
	if (c->wait.ticket != 0) { /* opened, and then it raised */
		dg_slots_drop(c->state->host->waits, c->wait.ticket);
		c->wait.ticket = 0;
		give_up(c);
	}
	if (status == LUA_OK && !c->has_raised) {
		worked(c);
		put_idle(c, true);
		return DG_CALL_DONE;
	}
	failed(c, status == LUA_OK ? c->e.text : e.text);
	put_idle(c, status == LUA_OK);
	return DG_CALL_FAILED;
}

enum dg_call_end
dg_call_begin(struct dg_asking *a, int hook)
{
	struct dg_policy_state *s = a->state;
	const struct dg_policy_budget *b =
	    &s->policy->o.budget[a->question];
	struct dg_err e = { 0 };
	struct dg_call *c;
	bool is_probe;

	if (rests(s, a, hook, &is_probe))
		return DG_CALL_FAILED;
	a->d.is_default = false;
	c = take_idle(s, &e);
	if (c == NULL) {
		struct dg_call none = { .state = s, .a = a, .hook = hook,
			.is_probe = is_probe, .subject = a->d.subject,
			.lang = a->d.lang };

		failed(&none, e.text);
		return DG_CALL_FAILED;
	}
	c->a = a;
	c->hook = hook;
	c->is_probe = is_probe;
	c->has_raised = false;
	c->subject = a->d.subject;
	c->lang = a->d.lang;
	c->n_log = 0;
	c->wait_ms = c->wait_given_ms = b->wait_ms;
	c->budget = (struct dg_budget){ .left = b->instructions,
		.given = b->instructions, .run_ms = b->run_ms,
		.given_ms = b->run_ms };
	a->d.arena.cap = a->d.arena.used + b->result;
	lua_pushcfunction(c->co, run_hook);
	return run(c, 0);
}

void
dg_call_drop(struct dg_call *c)
{
	end_wait(c);
	give_up(c);
	put_idle(c, false);
}

/* ---- waiting ---- */

static struct dg_call *
call_of(struct dg_wait *w)
{
	return (struct dg_call *)(void *)((char *)w -
	    offsetof(struct dg_call, wait));
}

struct dg_policy_host *
dg_policy_host_of(lua_State *L)
{
	struct dg_policy_state *s = dg_vm_of(L)->state;

	return s != NULL ? s->host : NULL;
}

struct dg_policy_host *
dg_wait_host(lua_State *L)
{
	struct dg_policy_host *h = dg_policy_host_of(L);

	if (h == NULL)
		dg_vm_raise(L, NULL, NULL, "this works in hooks only");
	return h;
}

struct dg_wait *
dg_wait_open(lua_State *L, const char *what)
{
	struct dg_call *c = dg_vm_of(L)->call;
	struct dg_policy_host *h = dg_policy_host_of(L);

	if (c == NULL || h == NULL)
		dg_vm_raise(L, NULL, NULL,
		    "%s works in hooks only: a policy loads without asking "
		    "anybody",
		    what);
	if (c->is_closing)
		dg_vm_raise(L, NULL, NULL, "%s: the hook has ended", what);
	if (c->wait_given_ms <= 0)
		dg_vm_raise(L, NULL, NULL,
		    "%s: question \"%s\" may not wait", what,
		    dg_question_name(c->a->question));
	if (!lua_isyieldable(L))
		dg_vm_raise(L, NULL, NULL,
		    "%s cannot wait inside table.sort, string.gsub or a "
		    "metamethod: ask before it",
		    what);
	if (c->wait.ticket == 0)
		c->wait.ticket = dg_slots_put(h->waits, c);
	c->wait.result = NULL;
	c->wait.given_up = NULL;
	return &c->wait;
}

uint64_t
dg_wait_ticket(const struct dg_wait *w)
{
	return w->ticket;
}

void
dg_wait_on_given_up(struct dg_wait *w, dg_wait_given_up_fn *fn,
    uint64_t number)
{
	w->given_up = fn;
	w->number = number;
}

int
dg_wait_yield(lua_State *L, lua_KFunction k)
{
	return lua_yieldk(L, 0, 0, k);
}

struct dg_wait *
dg_wait_find(const struct dg_policy_host *h, uint64_t ticket)
{
	struct dg_call *c = dg_slots_find(h->waits, ticket);

	return c != NULL ? &c->wait : NULL;
}

void
dg_wait_done(struct dg_wait *w, const void *result)
{
	struct dg_call *c = call_of(w);
	struct dg_asking *a = c->a;

	end_wait(c);
	c->wait.given_up = NULL;
	c->wait.result = result;
	if (run(c, 0) != DG_CALL_WAITS)
		dg_asking_resumed(a);
}

const void *
dg_wait_result(lua_State *L)
{
	return dg_vm_of(L)->call->wait.result;
}

/* How long a hook of that question may wait by default. */
int64_t
dg_question_wait_ms(enum dg_question q)
{
	return questions[q].wait_ms;
}
