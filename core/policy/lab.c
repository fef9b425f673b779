/*
 * lab.c - what the cases of a *_test.lua may do with the real machines.
 *
 * The language of the tests is Lua (lua/dragoman/test.lua); here are only the
 * few things that need C: bytes in and out, a clock that jumps, and NTLM's
 * arithmetic for scripted peers.  Cases run in a state of their own, so that
 * hooks they set off do not run inside them.
 */
#include "dragoman/policy/lab.h"

#include <stdio.h>
#include <stdlib.h>

#include "dragoman/auth/users.h"
#include "dragoman/base/units.h"
#include "lab_open.h"
#include "load.h"

#define INITIATOR "dragoman.lab.initiator"
#define ACCEPTOR  "dragoman.lab.acceptor"

enum { TEXT_MAX = 16384, WORDS_MAX = 60 };
static const unsigned long CASE_BUDGET = 200000000UL;
static const char cases_key = 'c', story_key = 's';

static const struct dg_lab_ops *
ops_of(lua_State *L)
{
	return lua_touserdata(L, lua_upvalueindex(1));
}

static struct dg_str
arg(lua_State *L, int i)
{
	struct dg_str s;

	s.p = luaL_checklstring(L, i, &s.n);
	return s;
}

static void
push(lua_State *L, struct dg_str s)
{
	lua_pushlstring(L, s.p != NULL ? s.p : "", s.n);
}

/* ---- connections and time ---- */

static int
l_client(lua_State *L)
{
	const struct dg_lab_ops *o = ops_of(L);

	lua_pushinteger(L, o->client(o->ctx, arg(L, 1), arg(L, 2)));
	return 1;
}

static int
l_send(lua_State *L)
{
	const struct dg_lab_ops *o = ops_of(L);

	o->send(o->ctx, (int)luaL_checkinteger(L, 1), arg(L, 2));
	return 0;
}

static int
l_close(lua_State *L)
{
	const struct dg_lab_ops *o = ops_of(L);

	o->close(o->ctx, (int)luaL_checkinteger(L, 1));
	return 0;
}

static int
l_start_tls(lua_State *L)
{
	const struct dg_lab_ops *o = ops_of(L);

	o->start_tls(o->ctx, (int)luaL_checkinteger(L, 1));
	return 0;
}

static int
l_event(lua_State *L)
{
	static const char *const names[] = { "idle", "wait", "line", "open",
		"closed" };
	const struct dg_lab_ops *o = ops_of(L);
	struct dg_lab_event e = o->event(o->ctx);

	lua_pushstring(L, names[e.kind]);
	lua_pushinteger(L, e.conn);
	push(L, e.text);
	return 3;
}

/* lab.duration("5d"): milliseconds, or nil */
static int
l_duration(lua_State *L)
{
	int64_t ms;

	if (!dg_duration_read(arg(L, 1), &ms))
		return 0;
	lua_pushinteger(L, ms);
	return 1;
}

static int
l_advance(lua_State *L)
{
	const struct dg_lab_ops *o = ops_of(L);

	o->advance(o->ctx, luaL_checkinteger(L, 1));
	return 0;
}

/* lab.due(): milliseconds to the next try of anything, or nil */
static int
l_due(lua_State *L)
{
	const struct dg_lab_ops *o = ops_of(L);
	int64_t ms = o->due(o->ctx);

	if (ms < 0)
		return 0;
	lua_pushinteger(L, ms);
	return 1;
}

static int
l_user(lua_State *L)
{
	const struct dg_lab_ops *o = ops_of(L);

	o->user(o->ctx, arg(L, 1), arg(L, 2), arg(L, 3));
	return 0;
}

static int
l_dns(lua_State *L)
{
	const struct dg_lab_ops *o = ops_of(L);

	lua_pushboolean(L, o->dns(o->ctx, arg(L, 1), arg(L, 2), arg(L, 3)));
	return 1;
}

static int
l_web(lua_State *L)
{
	const struct dg_lab_ops *o = ops_of(L);

	o->web(o->ctx, arg(L, 1), (int)luaL_checkinteger(L, 2), arg(L, 3));
	return 0;
}

static void
set_field(lua_State *L, const char *name, struct dg_str s)
{
	push(L, s);
	lua_setfield(L, -2, name);
}

static void
add_row(void *row_ctx, struct dg_str to, struct dg_str hop, unsigned tries,
    struct dg_str meaning, struct dg_str reply)
{
	lua_State *L = row_ctx;

	lua_newtable(L);
	set_field(L, "to", to);
	set_field(L, "hop", hop);
	set_field(L, "meaning", meaning);
	set_field(L, "reply", reply);
	lua_pushinteger(L, tries);
	lua_setfield(L, -2, "tries");
	lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

static int
l_queue(lua_State *L)
{
	const struct dg_lab_ops *o = ops_of(L);

	lua_newtable(L);
	o->queue(o->ctx, add_row, L);
	return 1;
}

/* ---- NTLM, LOGIN and PLAIN for scripted peers ---- */

struct initiator {
	struct dg_initiator *i;
	struct dg_login login;
	struct dg_secret password;
	char *user, *domain;
};

static int
l_initiator_gc(lua_State *L)
{
	struct initiator *x = luaL_checkudata(L, 1, INITIATOR);

	dg_initiator_free(x->i);
	x->i = NULL;
	dg_secret_fini(&x->password);
	free(x->user);
	free(x->domain);
	x->user = x->domain = NULL;
	return 0;
}

/* lab.initiator(mechanism, user, password, domain, level, is_initial) */
static int
l_initiator(lua_State *L)
{
	struct dg_initiator_options o = { .workstation = DG_STR("LAB") };
	struct dg_str mech = arg(L, 1), user = arg(L, 2), password = arg(L, 3);
	struct dg_str domain = arg(L, 4), level = arg(L, 5);
	struct initiator *x = lua_newuserdatauv(L, sizeof(*x), 0);

	memset(x, 0, sizeof(*x));
	luaL_setmetatable(L, INITIATOR);
	if (!dg_mech_find(mech, &x->login.mech))
		return luaL_error(L, "unknown mechanism \"%s\"", mech.p);
	o.ntlm_send = dg_ntlm_level_find(level);
	if (o.ntlm_send == 0)
		return luaL_error(L, "unknown NTLM level \"%s\"", level.p);
	o.ntlm_initial = lua_toboolean(L, 6);
	x->user = dg_str_dup(user);
	x->domain = dg_str_dup(domain);
	dg_secret_set(&x->password, password);
	x->login.user = dg_str(x->user);
	x->login.domain = dg_str(x->domain);
	x->login.password = &x->password;
	x->i = dg_initiator_new(&x->login, &o);
	return 1;
}

static int
push_step(lua_State *L, enum dg_auth_step step, struct dg_buf *out,
    const struct dg_err *e)
{
	static const char *const names[] = { "send", "ask", "ok", "fail",
		"syntax", "cancelled" };

	lua_pushstring(L, names[step]);
	lua_pushstring(L,
	    step == DG_AUTH_FAIL || step == DG_AUTH_SYNTAX ? e->text
							   : dg_buf_z(out));
	dg_buf_fini(out);
	return 2;
}

static int
l_first(lua_State *L)
{
	struct initiator *x = luaL_checkudata(L, 1, INITIATOR);
	struct dg_err e = { 0 };
	enum dg_auth_step step;
	bool has_initial;
	struct dg_buf out;

	dg_buf_init(&out, TEXT_MAX);
	step = dg_initiator_first(x->i, &out, &has_initial, &e);
	return push_step(L, step, &out, &e);
}

static int
l_step(lua_State *L)
{
	struct initiator *x = luaL_checkudata(L, 1, INITIATOR);
	struct dg_str text = arg(L, 2);
	struct dg_err e = { 0 };
	enum dg_auth_step step;
	struct dg_buf out;

	dg_buf_init(&out, TEXT_MAX);
	step = dg_initiator_step(x->i, text, &out, &e);
	return push_step(L, step, &out, &e);
}

static int
l_acceptor_gc(lua_State *L)
{
	struct dg_acceptor **a = luaL_checkudata(L, 1, ACCEPTOR);

	dg_acceptor_free(*a);
	*a = NULL;
	return 0;
}

/* lab.acceptor(mechanism, level): the best NTLM that this server knows; an
 * older one shows so in its challenge. */
static int
l_acceptor(lua_State *L)
{
	unsigned best = dg_ntlm_level_find(arg(L, 2));
	struct dg_acceptor_options o = {
		.ntlm_take = best,
		.host = DG_STR("hop.lab.test"),
		.prompt_user = DG_STR("Username:"),
		.prompt_password = DG_STR("Password:"),
		.login_initial_is_user = true,
	};
	struct dg_str name = arg(L, 1);
	struct dg_acceptor **a = lua_newuserdatauv(L, sizeof(*a), 0);
	enum dg_mech mech;

	*a = NULL;
	luaL_setmetatable(L, ACCEPTOR);
	if (!dg_mech_find(name, &mech))
		return luaL_error(L, "unknown mechanism \"%s\"", name.p);
	*a = dg_acceptor_new(mech, &o);
	return 1;
}

/* Only where it is needed: a key takes thousands of iterations. */
static void
lab_scram(const struct dg_acceptor *a, struct dg_credential *c)
{
	const char *mech = dg_mech_name(dg_acceptor_mech(a));

	if (strncmp(mech, "SCRAM", 5) != 0)
		return;
	for (unsigned h = 0; h < DG_HASH_N; h++)
		(void)dg_credential_add_scram(c, (enum dg_hash)h,
		    DG_STR(DG_LAB_PASSWORD), DG_SCRAM_ITERATIONS_MIN);
}

/* The client's line (nil: none yet); logins are checked against the lab's own
 * account. */
static int
l_take(lua_State *L)
{
	struct dg_acceptor **a = luaL_checkudata(L, 1, ACCEPTOR);
	struct dg_str line = lua_isnoneornil(L, 2) ? DG_NOSTR : arg(L, 2);
	struct dg_credential c;
	struct dg_err e = { 0 };
	enum dg_auth_step step;
	struct dg_buf out;

	dg_buf_init(&out, TEXT_MAX);
	step = dg_acceptor_step(*a, line, &out, &e);
	if (step == DG_AUTH_ASK) {
		const struct dg_identity *id = dg_acceptor_identity(*a);
		bool known = dg_str_is(id->account, DG_LAB_USER) &&
		    dg_credential_make(DG_STR(DG_LAB_PASSWORD), false, &c,
			&e) == DG_OK;

		lab_scram(*a, &c);
		step =
		    dg_acceptor_answer(*a, known ? &c : NULL, NULL, &out, &e);
	}
	return push_step(L, step, &out, &e);
}

/* a:strength(): how it was logged in, as logs call it: "ntlmv2" */
static int
l_strength(lua_State *L)
{
	struct dg_acceptor **a = luaL_checkudata(L, 1, ACCEPTOR);

	lua_pushstring(L, dg_acceptor_strength(*a));
	return 1;
}

/* ---- what the language of the tests is made with ---- */

/* c.where(): "policy_test.lua:12", the nearest line of a policy's own file:
 * the one that a user wrote. */
static int
l_where(lua_State *L)
{
	const struct dg_policy *p = dg_vm_of(L)->policy;
	lua_Debug ar;

	for (int level = 1; lua_getstack(L, level, &ar) != 0; level++) {
		lua_getinfo(L, "Sl", &ar);
		if (ar.currentline <= 0 || ar.source[0] != '@' ||
		    dg_source_named(p, ar.source + 1) == NULL)
			continue;
		lua_pushfstring(L, "%s:%d", ar.source + 1, ar.currentline);
		return 1;
	}
	lua_pushnil(L);
	return 1;
}

/* c.near(word, list): what was meant, or nil. */
static int
l_near(lua_State *L)
{
	const char *list[WORDS_MAX + 1] = { NULL };
	struct dg_str word = arg(L, 1);
	size_t n = 0;

	luaL_checktype(L, 2, LUA_TTABLE);
	for (lua_pushnil(L); lua_next(L, 2) != 0; lua_pop(L, 1))
		if (n < WORDS_MAX && lua_type(L, -1) == LUA_TSTRING)
			list[n++] = lua_tostring(L, -1);
	lua_pushstring(L, dg_did_you_mean(word, list));
	return 1;
}

/* ---- cases ---- */

/* "10.1.0.5:25", "mx:hop/domain": which hop is that? */
static int
l_hop_at(lua_State *L)
{
	const struct dg_rules *r = dg_policy_rules(dg_vm_of(L)->policy);
	struct dg_str where = arg(L, 1);

	if (dg_str_has_prefix(where, DG_STR("mx:"))) {
		where = dg_str_from(where, 3);
		push(L, dg_str_sub(where, 0, dg_str_find(where, '/')));
		return 1;
	}
	for (size_t i = 0; i < r->n_hops; i++) {
		for (size_t k = 0; k < r->hops[i]->n_hosts; k++) {
			if (!dg_str_is(where, r->hops[i]->hosts[k]))
				continue;
			lua_pushstring(L, r->hops[i]->name);
			return 1;
		}
	}
	lua_pushstring(L, "?");
	return 1;
}

/* The names of all hops. */
static int
l_hops(lua_State *L)
{
	const struct dg_rules *r = dg_policy_rules(dg_vm_of(L)->policy);

	lua_createtable(L, (int)r->n_hops, 0);
	for (size_t i = 0; i < r->n_hops; i++) {
		lua_pushstring(L, r->hops[i]->name);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

/* Where the table of cases on top has one of that name; 0: nowhere. */
static int
line_of_case(lua_State *L, const char *name)
{
	lua_Integer n = (lua_Integer)lua_rawlen(L, -1);
	int line = 0;

	for (lua_Integer i = 1; i <= n && line == 0; i++) {
		lua_rawgeti(L, -1, i);
		lua_rawgeti(L, -1, 1);
		lua_rawgeti(L, -2, 4);
		if (strcmp(lua_tostring(L, -2), name) == 0)
			line = (int)lua_tointeger(L, -1);
		lua_pop(L, 3);
	}
	return line;
}

/* t.case(name, fn): remembered in the state that runs the file, as { name, fn,
 * file, line }. */
static int
l_case(lua_State *L)
{
	struct dg_where w = dg_vm_where(L, 1);
	int line;

	if (lua_type(L, 1) != LUA_TSTRING || lua_type(L, 2) != LUA_TFUNCTION)
		return dg_vm_raise(L, NULL, NULL,
		    "t.case takes a name and a function: "
		    "t.case(\"name\", function(s) ... end)");
	lua_settop(L, 2);
	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &cases_key) != LUA_TTABLE) {
		lua_pop(L, 1);
		lua_newtable(L);
		lua_pushvalue(L, -1);
		lua_rawsetp(L, LUA_REGISTRYINDEX, &cases_key);
	}
	line = line_of_case(L, lua_tostring(L, 1));
	if (line != 0)
		return dg_vm_raise(L, NULL, NULL,
		    "there is a case \"%s\" already, at line %d",
		    lua_tostring(L, 1), line);
	lua_createtable(L, 4, 0);
	lua_pushvalue(L, 1);
	lua_rawseti(L, -2, 1);
	lua_pushvalue(L, 2);
	lua_rawseti(L, -2, 2);
	lua_pushstring(L, w.file);
	lua_rawseti(L, -2, 3);
	lua_pushinteger(L, w.line);
	lua_rawseti(L, -2, 4);
	lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
	return 0;
}

void
dg_lab_open(lua_State *L)
{
	static const luaL_Reg initiator[] = { { "first", l_first },
		{ "step", l_step }, { NULL, NULL } };
	static const luaL_Reg acceptor[] = { { "take", l_take },
		{ "strength", l_strength }, { NULL, NULL } };

	luaL_newmetatable(L, INITIATOR);
	lua_pushcfunction(L, l_initiator_gc);
	lua_setfield(L, -2, "__gc");
	luaL_newlib(L, initiator);
	lua_setfield(L, -2, "__index");
	luaL_newmetatable(L, ACCEPTOR);
	lua_pushcfunction(L, l_acceptor_gc);
	lua_setfield(L, -2, "__gc");
	luaL_newlib(L, acceptor);
	lua_setfield(L, -2, "__index");
	lua_pop(L, 2);
	lua_newtable(L);
	lua_pushcfunction(L, l_case);
	lua_setfield(L, -2, "case");
	lua_pushcfunction(L, l_initiator);
	lua_setfield(L, -2, "initiator");
	lua_pushcfunction(L, l_acceptor);
	lua_setfield(L, -2, "acceptor");
	lua_pushcfunction(L, l_hop_at);
	lua_setfield(L, -2, "hop_at");
	lua_pushcfunction(L, l_hops);
	lua_setfield(L, -2, "hops");
	lua_pushcfunction(L, l_where);
	lua_setfield(L, -2, "where");
	lua_pushcfunction(L, l_near);
	lua_setfield(L, -2, "near");
}

size_t
dg_lab_cases(struct dg_policy_state *s)
{
	lua_State *L = s->vm.L;
	size_t n = 0;

	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &cases_key) == LUA_TTABLE)
		n = lua_rawlen(L, -1);
	lua_pop(L, 1);
	return n;
}

const char *
dg_lab_case_name(struct dg_policy_state *s, size_t i)
{
	lua_State *L = s->vm.L;
	const char *z;

	lua_rawgetp(L, LUA_REGISTRYINDEX, &cases_key);
	lua_rawgeti(L, -1, (lua_Integer)i + 1);
	lua_rawgeti(L, -1, 1);
	z = lua_tostring(L, -1);
	lua_pop(L, 3); /* the table keeps it */
	return z;
}

int
dg_lab_case_line(struct dg_policy_state *s, size_t i)
{
	lua_State *L = s->vm.L;
	int line;

	lua_rawgetp(L, LUA_REGISTRYINDEX, &cases_key);
	lua_rawgeti(L, -1, (lua_Integer)i + 1);
	lua_rawgeti(L, -1, 4);
	line = (int)lua_tointeger(L, -1);
	lua_pop(L, 3);
	return line;
}

void
dg_lab_push(lua_State *L, const struct dg_lab_ops *ops)
{
	static const luaL_Reg lab[] = { { "client", l_client },
		{ "send", l_send }, { "close", l_close }, { "event", l_event },
		{ "advance", l_advance }, { "duration", l_duration },
		{ "due", l_due }, { "user", l_user }, { "queue", l_queue },
		{ "start_tls", l_start_tls }, { "dns", l_dns },
		{ "web", l_web }, { NULL, NULL } };

	luaL_newlibtable(L, lab);
	lua_pushlightuserdata(L, (void *)(uintptr_t)ops);
	luaL_setfuncs(L, lab, 1);
}

struct run {
	size_t i;
	const struct dg_lab_ops *ops;
};

/* require "dragoman.test"'s run(lab, fn) makes the session object. */
static int
run_case(lua_State *L)
{
	const struct run *r = lua_touserdata(L, 1);

	lua_getglobal(L, "require");
	lua_pushliteral(L, "dragoman.test");
	lua_call(L, 1, 1);
	lua_getfield(L, -1, "run");
	dg_lab_push(L, r->ops);
	lua_rawgetp(L, LUA_REGISTRYINDEX, &cases_key);
	lua_rawgeti(L, -1, (lua_Integer)r->i + 1);
	lua_rawgeti(L, -1, 2);
	lua_remove(L, -2);
	lua_remove(L, -2);
	lua_call(L, 2, 0);
	return 0;
}

enum dg_rc
dg_lab_run(struct dg_policy_state *s, size_t i, const struct dg_lab_ops *ops,
    struct dg_err *e)
{
	struct run r = { i, ops };
	lua_State *L = s->vm.L;

	lua_pushcfunction(L, run_case);
	lua_pushlightuserdata(L, &r);
	return dg_vm_run(&s->vm, L, 1, CASE_BUDGET, e);
}

/* require "dragoman.test"'s story(): kept in the registry. */
static int
tell_story(lua_State *L)
{
	lua_getglobal(L, "require");
	lua_pushliteral(L, "dragoman.test");
	lua_call(L, 1, 1);
	lua_getfield(L, -1, "story");
	lua_call(L, 0, 1);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &story_key);
	return 0;
}

const char *
dg_lab_story(struct dg_policy_state *s)
{
	lua_State *L = s->vm.L;
	const char *z = NULL;

	lua_pushcfunction(L, tell_story);
	if (dg_vm_run(&s->vm, L, 0, CASE_BUDGET, NULL) != DG_OK)
		return "";
	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &story_key) == LUA_TSTRING)
		z = lua_tostring(L, -1);
	lua_pop(L, 1); /* the registry keeps it */
	return z != NULL ? z : "";
}
