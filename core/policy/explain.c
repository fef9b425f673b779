/*
 * explain.c - the few things that lua/dragoman/explain.lua and life.lua need C
 * for: the policy's tables with the lines that made them, what was logged, the
 * journal.
 *
 * A made-up session runs in a lab's state, behind its fences.  The life of a
 * message needs no policy, so that it can be read when that does not load: it
 * runs in a state of its own.
 */
#include "dragoman/policy/explain.h"

#include "dragoman/base/journal.h"
#include "dragoman/policy/embedded.h"
#include "lab_open.h"
#include "vm.h"

static const unsigned long EXPLAIN_BUDGET = 2000000000UL;

static void
set_s(lua_State *L, const char *key, struct dg_str s)
{
	lua_pushlstring(L, s.p != NULL ? s.p : "", s.n);
	lua_setfield(L, -2, key);
}

static void
set_z(lua_State *L, const char *key, const char *z)
{
	set_s(L, key, dg_str(z));
}

static void
set_where(lua_State *L, const char *key, struct dg_where w)
{
	if (w.file != NULL)
		lua_pushfstring(L, "%s:%d", w.file, w.line);
	else
		lua_pushliteral(L, "built in");
	lua_setfield(L, -2, key);
}

static void
append(lua_State *L)
{
	lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

static void
set_list(lua_State *L, const char *key, const char *const *v, size_t n)
{
	lua_newtable(L);
	for (size_t i = 0; i < n; i++) {
		lua_pushstring(L, v[i]);
		append(L);
	}
	lua_setfield(L, -2, key);
}

/* ---- the policy's tables ---- */

static void
push_dialect(lua_State *L, const struct dg_dialect *d)
{
	static const char *const helo[] = { "ehlo", "helo", "either" };

	lua_newtable(L);
	set_z(L, "name", d->name);
	set_z(L, "helo", helo[d->helo]);
	set_where(L, "where", d->where);
	set_where(L, "offer_at", d->at[DG_DIALECT_OFFER]);
	set_where(L, "say_at", d->at[DG_DIALECT_SAY]);
	set_where(L, "assume_at", d->at[DG_DIALECT_ASSUME]);
	set_list(L, "accept", d->accept, d->n_accept);
	lua_pushboolean(L, (d->hide & DG_EXT_STARTTLS) != 0);
	lua_setfield(L, -2, "hides_tls");
	lua_newtable(L);
	for (unsigned bit = 1; bit <= DG_NTLM_LEVEL_LM; bit <<= 1) {
		if ((d->ntlm_take & bit) == 0)
			continue;
		lua_pushstring(L, dg_ntlm_level_name(bit));
		append(L);
	}
	lua_setfield(L, -2, "take");
	lua_newtable(L);
	for (size_t i = 0; i < d->n_offer; i++) {
		lua_newtable(L);
		set_z(L, "text", d->offer[i].text);
		set_z(L, "verb", d->offer[i].verb);
		lua_pushboolean(L, d->offer[i].all);
		lua_setfield(L, -2, "all");
		append(L);
	}
	lua_setfield(L, -2, "offer");
}

static void
push_peers(lua_State *L, const struct dg_rules *r)
{
	lua_newtable(L);
	for (size_t i = 0; i < r->n_peers; i++) {
		const struct dg_peer *p = r->peers[i];

		lua_newtable(L);
		set_z(L, "name", p->name);
		set_where(L, "where", p->where);
		lua_pushboolean(L, p->tls_require);
		lua_setfield(L, -2, "needs_tls");
		if (p->users != NULL)
			set_z(L, "users", p->users);
		push_dialect(L, p->dialect);
		lua_setfield(L, -2, "dialect");
		append(L);
	}
}

static void
push_logins(lua_State *L, const struct dg_hop *h)
{
	lua_newtable(L);
	for (size_t i = 0; i < h->n_logins; i++) {
		lua_newtable(L);
		set_z(L, "mechanism", dg_mech_name(h->logins[i].mech));
		if (h->logins[i].secret != NULL)
			set_z(L, "secret", h->logins[i].secret);
		if (h->logins[i].token != NULL)
			set_z(L, "token", h->logins[i].token);
		set_where(L, "where", h->logins[i].where);
		append(L);
	}
}

static void
push_hops(lua_State *L, const struct dg_rules *r)
{
	static const char *const tls[] = { "never", "opportunistic", "require",
		"verify" };

	lua_newtable(L);
	for (size_t i = 0; i < r->n_hops; i++) {
		const struct dg_hop *h = r->hops[i];

		lua_newtable(L);
		set_z(L, "name", h->name);
		set_where(L, "where", h->where);
		set_z(L, "tls", tls[h->tls]);
		lua_pushinteger(L, h->give_up_ms);
		lua_setfield(L, -2, "give_up_ms");
		push_logins(L, h);
		lua_setfield(L, -2, "logins");
		if (h->dialect != NULL) {
			push_dialect(L, h->dialect);
			lua_setfield(L, -2, "dialect");
		}
		append(L);
	}
}

static void
push_words(lua_State *L, const struct dg_rules *r)
{
	lua_newtable(L);
	for (size_t i = 0; i < r->n_words; i++) {
		const struct dg_words *w = &r->words[i];

		lua_newtable(L);
		set_where(L, "where", w->where);
		lua_newtable(L);
		for (size_t k = 0; k < w->n_rows; k++) {
			lua_newtable(L);
			set_where(L, "where", w->rows[k].where);
			append(L);
		}
		lua_setfield(L, -2, "rows");
		append(L);
	}
}

static int
push_rules(lua_State *L, const struct dg_rules *r)
{
	lua_newtable(L);
	push_peers(L, r);
	lua_setfield(L, -2, "peers");
	push_hops(L, r);
	lua_setfield(L, -2, "hops");
	lua_newtable(L);
	for (size_t i = 0; i < r->n_routes; i++) {
		lua_newtable(L);
		set_where(L, "where", r->routes[i].where);
		lua_pushboolean(L, r->routes[i].kind == DG_ROUTE_ASK);
		lua_setfield(L, -2, "asks");
		append(L);
	}
	lua_setfield(L, -2, "routes");
	push_words(L, r);
	lua_setfield(L, -2, "words");
	return 1;
}

/* ---- a made-up session ---- */

struct session {
	const struct dg_explain_ops *ops;
	const struct dg_explain *x;
	struct dg_buf *out;
};

static int
l_log(lua_State *L)
{
	const struct dg_explain_ops *o =
	    lua_touserdata(L, lua_upvalueindex(1));
	struct dg_str s = o->log(o->ctx);

	lua_pushlstring(L, s.p != NULL ? s.p : "", s.n);
	return 1;
}

/* What --hop-script names: a chunk that sees the policy's names, no more. */
static void
push_script(lua_State *L, const struct dg_explain *x)
{
	char chunk[300];

	if (x->script.p == NULL) {
		lua_newtable(L);
		return;
	}
	snprintf(chunk, sizeof(chunk), "@%.*s", DG_FMT(x->script_name));
	if (luaL_loadbufferx(L, x->script.p, x->script.n, chunk, "t") != LUA_OK)
		lua_error(L);
	lua_call(L, 0, 1);
	if (!lua_istable(L, -1))
		luaL_error(L, "%s: returns a %s; a script returns a table: "
		    "return { ehlo = { \"AUTH LOGIN\" }, RCPT = \"550 no\" }",
		    chunk + 1, luaL_typename(L, -1));
}

static void
push_question(lua_State *L, const struct dg_explain *x)
{
	lua_newtable(L);
	set_s(L, "from", x->from);
	set_s(L, "listener", x->listener);
	set_s(L, "helo", x->helo);
	set_s(L, "user", x->user);
	set_s(L, "mail", x->mail);
	lua_pushboolean(L, x->as_json);
	lua_setfield(L, -2, "as_json");
	lua_pushboolean(L, x->wants_tls);
	lua_setfield(L, -2, "wants_tls");
	lua_pushboolean(L, x->is_implicit_tls);
	lua_setfield(L, -2, "is_implicit_tls");
	lua_newtable(L);
	for (const char *const *r = x->rcpts; *r != NULL; r++) {
		lua_pushstring(L, *r);
		append(L);
	}
	lua_setfield(L, -2, "rcpts");
	push_script(L, x);
	lua_setfield(L, -2, "script");
	if (x->hop_dialect != NULL) {
		push_dialect(L, x->hop_dialect);
		lua_setfield(L, -2, "hop_dialect");
	}
}

static void
add_result(lua_State *L, struct dg_buf *out)
{
	struct dg_str s;

	s.p = luaL_checklstring(L, -1, &s.n);
	if (dg_buf_add(out, s) != DG_OK)
		luaL_error(L, "this would fill more than %d MiB",
		    (int)(out->cap / 1024 / 1024));
}

static int
run_session(lua_State *L)
{
	const struct session *p = lua_touserdata(L, 1);

	lua_getglobal(L, "require");
	lua_pushliteral(L, "dragoman.explain");
	lua_call(L, 1, 1);
	lua_getfield(L, -1, "session");
	dg_lab_push(L, p->ops->lab);
	lua_pushlightuserdata(L, (void *)(uintptr_t)p->ops);
	lua_pushcclosure(L, l_log, 1);
	lua_setfield(L, -2, "log");
	push_rules(L, dg_policy_rules(dg_vm_of(L)->policy));
	push_question(L, p->x);
	lua_call(L, 3, 1);
	add_result(L, p->out);
	return 0;
}

enum dg_rc
dg_explain_session(struct dg_policy_state *s, const struct dg_explain_ops *ops,
    const struct dg_explain *x, struct dg_buf *out, struct dg_err *e)
{
	struct session p = { ops, x, out };
	lua_State *L = s->vm.L;

	lua_pushcfunction(L, run_session);
	lua_pushlightuserdata(L, &p);
	return dg_vm_run(&s->vm, L, 1, EXPLAIN_BUDGET, e);
}

/* ---- the life of a message ---- */

struct life {
	const struct dg_explain_life *x;
	struct dg_buf *out;
	bool *is_known;
};

enum { FOUND_MAX = 64 * 1024 * 1024 };

struct found {
	struct dg_buf lines; /* "run number line\n" */
	bool is_cut;
};

static bool
on_line(void *ctx, unsigned run, uint64_t number, struct dg_str line)
{
	struct found *f = ctx;

	if (dg_buf_addf(&f->lines, "%u %llu ", run,
		(unsigned long long)number) != DG_OK ||
	    dg_buf_add(&f->lines, line) != DG_OK ||
	    dg_buf_addc(&f->lines, '\n') != DG_OK)
		f->is_cut = true;
	return !f->is_cut;
}

static int
l_found_gc(lua_State *L)
{
	struct found *f = lua_touserdata(L, 1);

	dg_buf_fini(&f->lines);
	return 0;
}

/* journal(needle): the lines that contain it, each after the number of its run
 * and its own; how many files were there. */
static int
l_journal(lua_State *L)
{
	const struct life *p = lua_touserdata(L, lua_upvalueindex(1));
	struct dg_str needle;
	struct found *f;
	struct dg_err e = { 0 };
	unsigned files = 0;

	needle.p = luaL_checklstring(L, 1, &needle.n);
	f = lua_newuserdatauv(L, sizeof(*f), 0); /* an error frees it, too */
	memset(f, 0, sizeof(*f));
	lua_newtable(L);
	lua_pushcfunction(L, l_found_gc);
	lua_setfield(L, -2, "__gc");
	lua_setmetatable(L, -2);
	dg_buf_init(&f->lines, FOUND_MAX);
	if (dg_journal_read(p->x->journal, needle, on_line, f, &files, &e) !=
	    DG_OK)
		return luaL_error(L, "%s", e.text);
	lua_pushlstring(L, f->lines.p != NULL ? f->lines.p : "", f->lines.n);
	lua_pushinteger(L, files);
	return 2;
}

static int
run_life(lua_State *L)
{
	struct life *p = lua_touserdata(L, 1);

	luaL_openlibs(L);
	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
	for (const struct dg_embedded *m = dg_embedded; m->name != NULL; m++) {
		if (luaL_loadbufferx(L, (const char *)m->text, m->n, m->name,
			"t") != LUA_OK)
			lua_error(L);
		lua_setfield(L, -2, m->name);
	}
	lua_getglobal(L, "require");
	lua_pushliteral(L, "dragoman.life");
	lua_call(L, 1, 1);
	lua_getfield(L, -1, "life");
	lua_newtable(L);
	set_s(L, "id", p->x->id);
	set_z(L, "path", p->x->journal);
	lua_pushboolean(L, p->x->as_json);
	lua_setfield(L, -2, "as_json");
	lua_pushlightuserdata(L, p);
	lua_pushcclosure(L, l_journal, 1);
	lua_call(L, 2, 2);
	*p->is_known = lua_toboolean(L, -1);
	lua_pop(L, 1);
	add_result(L, p->out);
	return 0;
}

enum dg_rc
dg_explain_life(const struct dg_explain_life *x, struct dg_buf *out,
    bool *is_known, struct dg_err *e)
{
	struct life p = { x, out, is_known };
	lua_State *L = luaL_newstate();
	enum dg_rc rc = DG_OK;

	*is_known = false;
	if (L == NULL)
		return dg_fail(e, DG_E_LIMIT, 0, NULL, "out of memory");
	lua_pushcfunction(L, run_life);
	lua_pushlightuserdata(L, &p);
	if (lua_pcall(L, 1, 0, 0) != LUA_OK)
		rc = dg_fail(e, DG_E_IO, 0, NULL, "%s",
		    lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1)
						   : "out of memory");
	lua_close(L);
	return rc;
}
