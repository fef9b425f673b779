#ifndef TESTS_UNIT_POLICY_ASKED_H
#define TESTS_UNIT_POLICY_ASKED_H

/* asked.h - what the tests of the asking half share: a policy with a host, a
 * library that waits (`ask "x"`), and askings that count their answers. */
#include "help.h"

#include "../../../core/policy/call.h"
#include "../../../core/policy/wait.h"
#include "dragoman/base/clock.h"
#include "dragoman/base/log.h"

#define HEAD "local d = require 'dragoman'\n"

enum { OPEN_MAX = 4096 };
struct world {
	struct dg_policy *p;
	struct dg_policy_state *s;
	struct dg_policy_host host;
	uint64_t open[OPEN_MAX]; /* tickets of `ask`, in order */
	size_t n_open;
	unsigned alerts;
};
static struct dg_buf logged;

struct asked {
	struct dg_asking a;
	unsigned answers; /* that came later */
};

static inline void
keep_log(const char *line, size_t n)
{
	(void)dg_buf_add(&logged, dg_str_of(line, n));
}

static inline unsigned
times_logged(const char *what)
{
	unsigned n = 0;

	for (const char *z = dg_buf_z(&logged); (z = strstr(z, what)) != NULL;
	    z++)
		n++;
	return n;
}

static inline void
count_alert(void *ctx, const char *name, const char *text)
{
	(void)name;
	(void)text;
	((struct world *)ctx)->alerts++;
}

/* What `ask` is answered with. */
static inline int
ask_k(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	(void)ctx;
	lua_pushstring(L, dg_wait_result(L));
	return 1;
}

static inline int
l_ask(lua_State *L)
{
	struct world *w = lua_touserdata(L, lua_upvalueindex(1));
	struct dg_wait *wait = dg_wait_open(L, "ask");

	luaL_checkstring(L, 1); /* raises after the wait was opened */
	if (w->n_open < OPEN_MAX)
		w->open[w->n_open++] = dg_wait_ticket(wait);
	return dg_wait_yield(L, ask_k);
}

static inline int
add_ask(lua_State *L)
{
	lua_pushglobaltable(L);
	lua_pushliteral(L, "ask");
	lua_pushvalue(L, 1);
	lua_pushcclosure(L, l_ask, 1);
	lua_rawset(L, -3);
	return 0;
}

static inline void
world_init_as(struct world *w, struct dg_policy_options o, const char *text)
{
	struct dg_errors errors;
	struct dg_err e = { 0 };
	struct dg_buf out;

	memset(w, 0, sizeof(*w));
	dg_buf_init(&out, 100000);
	dg_buf_init(&logged, 10 * 1024 * 1024);
	dg_log_divert(keep_log);
	w->p = load_text_as(o, text, &out);
	if (w->p == NULL)
		fail_msg("%s", dg_buf_z(&out));
	dg_buf_fini(&out);
	dg_errors_init(&errors);
	w->s = dg_policy_state_new(w->p, &errors);
	assert_non_null(w->s);
	dg_errors_fini(&errors);
	w->host.loop = dg_loop_new();
	w->host.waits = dg_slots_new();
	w->host.alert = count_alert;
	w->host.ctx = w;
	dg_policy_state_attach(w->s, &w->host);
	lua_pushcfunction(w->s->vm.L, add_ask);
	lua_pushlightuserdata(w->s->vm.L, w);
	assert_int_equal(dg_vm_run(&w->s->vm, w->s->vm.L, 1, 10000, &e), DG_OK);
}

static inline void
world_init(struct world *w, const char *text)
{
	world_init_as(w, options(NULL), text);
}

/* Nothing may be left behind. */
static inline void
world_fini(struct world *w)
{
	assert_int_equal(dg_slots_count(w->host.waits), 0);
	assert_true(LIST_EMPTY(&w->s->waiting));
	assert_int_equal(lua_gettop(w->s->vm.L), 0);
	assert_null(w->s->vm.call);
	assert_null(w->s->vm.budget);
	dg_policy_state_free(w->s);
	dg_policy_free(w->p);
	dg_slots_free(w->host.waits);
	dg_loop_free(w->host.loop);
	dg_log_divert(NULL);
	dg_buf_fini(&logged);
}

static inline void
on_asked(void *ctx, struct dg_asking *a)
{
	struct asked *x = ctx;

	assert_ptr_equal(a, &x->a);
	x->answers++;
}

static const struct dg_fact no_facts[] = { { NULL, false, 0,
    { NULL, 0 } } };

/* True: answered at once. */
static inline bool
put_as(struct world *w, struct asked *x, enum dg_question q,
    const struct dg_hooks *own, const struct dg_fact *facts,
    struct dg_notes *notes)
{
	x->answers = 0;
	dg_asking_init(&x->a, on_asked, x);
	return dg_policy_ask(w->s, &x->a, q, own, facts, notes);
}

static inline bool
put(struct world *w, struct asked *x, enum dg_question q)
{
	return put_as(w, x, q, NULL, no_facts, NULL);
}

/* Answer the i-th `ask`; false: nobody is there. */
static inline bool
answer(struct world *w, size_t i, const char *text)
{
	struct dg_wait *wait = dg_wait_find(&w->host, w->open[i]);

	assert_true(i < w->n_open);
	if (wait != NULL)
		dg_wait_done(wait, text);
	return wait != NULL;
}

static inline bool
says(const struct dg_decision *d, enum dg_decision_kind kind, const char *text)
{
	if (d->kind == kind && dg_str_is(d->text, text))
		return true;
	print_error("  %s \"%.*s\"\n", dg_decision_name(d->kind),
	    DG_FMT(d->text));
	return false;
}

static inline int64_t
since(int64_t began)
{
	return dg_mono_ms() - began;
}

#endif
