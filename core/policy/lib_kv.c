/* lib_kv.c - d.kv(name): what hooks keep between sessions.
 *
 *	s = d.kv(name)           a handle; the store is made by its first use
 *	s:get(k)                 text, integer, or nil
 *	s:set(k, v [, { ttl = "1h" }])
 *	                         true, or nil, why; v is a text or an integer
 *	s:incr(k [, n [, { ttl = "1h" }]])
 *	                         the sum, or nil, why; an absent key is 0.  The
 *	                         ttl counts from the incr that made the key, so
 *	                         that what is counted again and again ends, too.
 *	                         Stays within 64 bits; a text there raises
 *	s:del(k)                 was it there?
 *
 * k is a text of up to 1 KiB, v one of up to 64 KiB; what is larger was chosen
 * by data, so it is nil, why.  Without a ttl an entry stays until the room is
 * needed (shared.h has the bounds).  Making a handle is no use of the store:
 * `local seen = d.kv "seen"` may stand at the top of a policy file, :get and
 * the others raise there.
 */
#include "lib.h"

#include "dragoman/base/units.h"
#include "dragoman/policy/shared.h"

#define CLASS "dragoman.kv"

struct kv {
	char name[DG_SHARED_NAME_MAX];
};

static struct dg_shared *
shared_of(lua_State *L, const char *fn)
{
	const struct dg_policy_host *h;

	dg_lib_in_hook(L, fn);
	h = dg_policy_host_of(L);
	if (h == NULL || h->shared == NULL)
		dg_vm_raise(L, NULL, NULL, "%s: nothing is kept here", fn);
	return h->shared;
}

static const char *
store(lua_State *L, const char *fn)
{
	const struct kv *kv = luaL_testudata(L, 1, CLASS);

	if (kv == NULL)
		dg_vm_raise(L, NULL, NULL, "%s is called with a colon: s:%s",
		    fn, fn + strlen("d.kv:"));
	return kv->name;
}

/* { ttl = "1h" } at i; 0 when there is none. */
static int64_t
ttl(lua_State *L, int i, const char *fn)
{
	static const char *const keys[] = { "ttl", NULL };
	struct dg_str s;
	int64_t ms;

	if (!dg_lib_options(L, i, fn, keys))
		return 0;
	if (lua_getfield(L, i, "ttl") == LUA_TNIL)
		return 0;
	s = dg_lib_text(L, -1, fn, "ttl");
	if (!dg_duration_read(s, &ms) || ms <= 0)
		dg_vm_raise(L, NULL, NULL,
		    "%s: ttl = \"%s\" is no duration; write 30s, 5m, 2h or 1d",
		    fn, s.p);
	lua_pop(L, 1);
	return ms;
}

static int
l_kv_get(lua_State *L)
{
	const char *name = store(L, "d.kv:get");
	struct dg_shared *s = shared_of(L, "d.kv:get");
	struct dg_str key = dg_lib_text(L, 2, "d.kv:get", "the key");
	struct dg_buf *b = dg_lib_buf(L, DG_SHARED_TEXT_MAX);
	struct dg_shared_value v;

	if (dg_shared_get(s, name, key, &v, b) != DG_OK)
		lua_pushnil(L);
	else if (v.is_number)
		lua_pushinteger(L, v.number);
	else
		return dg_lib_push(L, b);
	return 1;
}

static int
l_kv_set(lua_State *L)
{
	const char *name = store(L, "d.kv:set");
	struct dg_shared *s = shared_of(L, "d.kv:set");
	struct dg_str key = dg_lib_text(L, 2, "d.kv:set", "the key");
	int64_t ttl_ms = ttl(L, 4, "d.kv:set");
	struct dg_shared_value v = { 0 };
	struct dg_err e = { 0 };

	v.is_number = lua_type(L, 3) == LUA_TNUMBER;
	if (lua_isnoneornil(L, 3))
		return dg_vm_raise(L, NULL, NULL,
		    "d.kv:set: the value is nil; use :del to forget a key");
	if (v.is_number)
		v.number = dg_lib_integer(L, 3, "d.kv:set", "the value");
	else
		v.text = dg_lib_text(L, 3, "d.kv:set", "the value");
	if (dg_shared_set(s, name, key, &v, ttl_ms, &e) != DG_OK)
		return dg_lib_fail(L, e.text);
	lua_pushboolean(L, 1);
	return 1;
}

static int
l_kv_incr(lua_State *L)
{
	const char *name = store(L, "d.kv:incr");
	struct dg_shared *s = shared_of(L, "d.kv:incr");
	struct dg_str key = dg_lib_text(L, 2, "d.kv:incr", "the key");
	int64_t n = 1, ttl_ms = ttl(L, 4, "d.kv:incr"), sum;
	struct dg_err e = { 0 };
	enum dg_rc rc;

	if (!lua_isnoneornil(L, 3))
		n = dg_lib_integer(L, 3, "d.kv:incr", "the number to add");
	rc = dg_shared_incr(s, name, key, n, ttl_ms, &sum, &e);
	if (rc == DG_E_POLICY)
		return dg_vm_raise(L, NULL, NULL, "d.kv:incr: %s", e.text);
	if (rc != DG_OK)
		return dg_lib_fail(L, e.text);
	lua_pushinteger(L, sum);
	return 1;
}

static int
l_kv_del(lua_State *L)
{
	const char *name = store(L, "d.kv:del");
	struct dg_shared *s = shared_of(L, "d.kv:del");

	lua_pushboolean(L,
	    dg_shared_del(s, name, dg_lib_text(L, 2, "d.kv:del", "the key")));
	return 1;
}

static int
l_kv_tostring(lua_State *L)
{
	const struct kv *kv = luaL_checkudata(L, 1, CLASS);

	lua_pushfstring(L, "d.kv \"%s\"", kv->name);
	return 1;
}

static int
l_kv(lua_State *L)
{
	const char *name = dg_lib_name(L, 1, "d.kv");
	struct kv *kv = lua_newuserdatauv(L, sizeof(*kv), 0);

	memset(kv, 0, sizeof(*kv));
	memcpy(kv->name, name, strlen(name)); /* at most 60, dg_lib_name */
	luaL_setmetatable(L, CLASS);
	return 1;
}

void
dg_lib_kv(lua_State *L)
{
	static const luaL_Reg fns[] = { { "get", l_kv_get },
		{ "set", l_kv_set }, { "incr", l_kv_incr }, { "del", l_kv_del },
		{ NULL, NULL } };

	luaL_newlib(L, fns);
	dg_lib_close(L, "d.kv", "get set incr del");
	lua_pushcfunction(L, l_kv_tostring);
	lua_setfield(L, -2, "__tostring");
	lua_pushliteral(L, CLASS);
	lua_setfield(L, -2, "__name");
	lua_setfield(L, LUA_REGISTRYINDEX, CLASS);
	lua_pushcfunction(L, l_kv);
}
