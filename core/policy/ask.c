/*
 * ask.c - ask a question: build q, call the hook, read the decision.
 *
 * Everything that may raise runs inside dg_vm_run; the caller's decision is
 * filled only when all of it went well.  A hook that fails - an error, an
 * endless loop, too much memory, the wrong kind of answer - costs its question
 * one safe default: mail is kept, nobody gets in.
 */
#include "decision.h"

#include <stdio.h>

#include "dragoman/base/log.h"

#define CLASS "dragoman.q"

enum { FIELDS_MAX = 40, LOG_EVERY = 1000 };

static const char always[] = "peer address listener tls";
static const char *const fields_of[DG_Q_N] = {
#define Q(id, name, available, fields) [DG_Q_##id] = fields,
#include "dragoman/policy/questions.def"
#undef Q
};

/* Fields that are numbers; absent ones are 0, absent texts "". */
static bool
is_number(struct dg_str name)
{
	static const char *const numbers[] = { "tls", "size", "count", "tries",
		"age", "code", "limit" };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (dg_str_is(name, numbers[i]))
			return true;
	return false;
}

/* ---- q ---- */

static int
l_note(lua_State *L)
{
	struct dg_policy_state *s = dg_vm_of(L)->state;
	struct dg_str key, value;

	luaL_checktype(L, 1, LUA_TTABLE);
	key.p = luaL_checklstring(L, 2, &key.n);
	value.p = luaL_checklstring(L, 3, &value.n);
	if (memchr(key.p, '\0', key.n) != NULL ||
	    memchr(value.p, '\0', value.n) != NULL)
		return dg_vm_raise(L, NULL, NULL,
		    "q:note takes no NUL character");
	if (!dg_notes_put(s->notes, key, value))
		return dg_vm_raise(L, NULL, NULL,
		    "q:note: no room left (4 KiB a session)");
	return 0;
}

/* Reached only for a name that q does not have. */
static int
l_q_index(lua_State *L)
{
	const char *name = lua_tostring(L, 2);
	const char *list[FIELDS_MAX + 1] = { NULL };
	size_t n = 0;

	if (name == NULL)
		return dg_vm_raise(L, NULL, NULL, "q has no such field");
	if (strcmp(name, "note") == 0) {
		lua_pushcfunction(L, l_note);
		return 1;
	}
	for (lua_pushnil(L); lua_next(L, 1) != 0; lua_pop(L, 1))
		if (n < FIELDS_MAX && lua_type(L, -2) == LUA_TSTRING)
			list[n++] = lua_tostring(L, -2);
	return dg_vm_raise(L, name, list, "q has no field \"%s\"", name);
}

static int
l_q_newindex(lua_State *L)
{
	const char *name = lua_tostring(L, 2);

	return dg_vm_raise(L, NULL, NULL,
	    "q.%s cannot be set; use q:note(key, value) to keep something",
	    name != NULL ? name : "?");
}

static const struct dg_fact *
fact_named(const struct dg_fact *facts, struct dg_str name)
{
	for (; facts != NULL && facts->name != NULL; facts++)
		if (dg_str_is(name, facts->name))
			return facts;
	return NULL;
}

static void
push_fields(lua_State *L, const char *names, const struct dg_fact *facts)
{
	struct dg_str s = dg_str(names);
	struct dg_str name;

	while ((name = dg_str_word(&s)).n > 0) {
		const struct dg_fact *f = fact_named(facts, name);

		lua_pushlstring(L, name.p, name.n);
		if (dg_str_is(name, "tls"))
			lua_pushboolean(L, f != NULL && f->number != 0);
		else if (is_number(name))
			lua_pushinteger(L, f != NULL ? f->number : 0);
		else if (f != NULL && f->text.p != NULL)
			lua_pushlstring(L, f->text.p, f->text.n);
		else
			lua_pushliteral(L, "");
		lua_rawset(L, -3);
	}
}

void
dg_q_push(lua_State *L, enum dg_question q, const struct dg_fact *facts,
    const struct dg_notes *notes)
{
	lua_createtable(L, 0, 16);
	push_fields(L, always, facts);
	push_fields(L, fields_of[q], facts);
	dg_notes_push(L, notes);
	lua_setfield(L, -2, "notes");
	if (luaL_newmetatable(L, CLASS) != 0) {
		lua_pushcfunction(L, l_q_index);
		lua_setfield(L, -2, "__index");
		lua_pushcfunction(L, l_q_newindex);
		lua_setfield(L, -2, "__newindex");
		lua_pushboolean(L, 0);
		lua_setfield(L, -2, "__metatable");
	}
	lua_setmetatable(L, -2);
}

/* ---- failures ---- */

static void
safe_default(enum dg_question q, struct dg_decision *out)
{
	out->is_default = true;
	out->code = 451;
	snprintf(out->enhanced, sizeof(out->enhanced), "4.3.0");
	out->text = DG_STR("the relay's policy failed, try again later");
	switch (q) {
	case DG_Q_OFFER:
	case DG_Q_REPORT:
		out->kind = DG_D_NONE; /* the table's value, the ready words */
		return;
	case DG_Q_CREDENTIAL:
		out->kind = DG_D_REFUSE;
		out->code = 454;
		snprintf(out->enhanced, sizeof(out->enhanced), "4.7.0");
		return;
	case DG_Q_REPLY:
		out->kind = DG_D_RETRY;
		return;
	default:
		out->kind = DG_D_DEFER;
		return;
	}
}

/* Whole the first time, then counted. */
void
dg_hook_failed(struct dg_policy_state *s, enum dg_question q, int hook,
    const char *what)
{
	unsigned n = ++s->hook_failures[hook <= s->n_hooks ? hook : 0];

	s->failures++;
	if (n == 1 || n % LOG_EVERY == 0)
		dg_log(DG_LOG_ERROR, "hook-failed",
		    dg_kv_z("question", dg_question_name(q)),
		    dg_kv_z("error", what), dg_kv_i("times", n));
}

unsigned long
dg_policy_failures(const struct dg_policy_state *s)
{
	return s->failures;
}

/* ---- asking ---- */

struct ask {
	enum dg_question question;
	int hook;
	const struct dg_fact *facts;
	struct dg_notes *notes;
	struct dg_decision *out;
};

static int
run_ask(lua_State *L)
{
	const struct ask *a = lua_touserdata(L, 1);
	const struct dg_rules *rules =
	    dg_policy_rules(dg_vm_of(L)->policy);

	dg_vm_push_hook(L, a->hook);
	dg_q_push(L, a->question, a->facts, a->notes);
	lua_call(L, 1, 1);
	if (lua_isnil(L, -1))
		return 0;
	if (!dg_decision_is(L, -1))
		return luaL_error(L,
		    "question \"%s\" was answered with a %s; return d.refuse "
		    "\"...\", d.to \"...\" ... or nil",
		    dg_question_name(a->question), luaL_typename(L, -1));
	dg_decision_read(L, lua_gettop(L), a->question, a->out);
	if (a->out->kind == DG_D_TO &&
	    dg_rules_hop(rules, a->out->hop) == NULL)
		return luaL_error(L, "%s:%d: no hop \"%s\"",
		    a->out->where.file != NULL ? a->out->where.file : "?",
		    a->out->where.line, a->out->hop.p);
	return 0;
}

bool
dg_hook_ask(struct dg_policy_state *s, enum dg_question q, int hook,
    const struct dg_fact *facts, struct dg_notes *notes,
    struct dg_decision *out)
{
	struct ask a = { q, hook, facts, notes, out };
	lua_State *L = s->vm.L;
	struct dg_err e = { 0 };
	enum dg_rc rc;

	s->notes = notes;
	lua_pushcfunction(L, run_ask);
	lua_pushlightuserdata(L, &a);
	rc = dg_vm_run(&s->vm, L, 1, s->instructions, &e);
	s->notes = NULL;
	if (rc == DG_OK)
		return out->kind != DG_D_NONE;
	dg_hook_failed(s, q, hook, e.text);
	dg_decision_fini(out);
	dg_decision_init(out);
	out->where = dg_vm_place(&s->vm, e.text, &(const char *){ NULL });
	safe_default(q, out);
	return out->kind != DG_D_NONE;
}

bool
dg_policy_wants(const struct dg_rules *r, enum dg_question q,
    const struct dg_hooks *own)
{
	return (own != NULL && own->of[q] != 0) || r->on.of[q] != 0;
}

void
dg_policy_ask(struct dg_policy_state *s, enum dg_question q,
    const struct dg_hooks *own, const struct dg_fact *facts,
    struct dg_notes *notes, struct dg_decision *out)
{
	const struct dg_rules *r = dg_policy_rules(s->policy);

	if (own != NULL && own->of[q] != 0 &&
	    dg_hook_ask(s, q, own->of[q], facts, notes, out))
		return;
	if (r->on.of[q] != 0)
		(void)dg_hook_ask(s, q, r->on.of[q], facts, notes, out);
}
