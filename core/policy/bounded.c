/* bounded.c - library functions that could run for hours unseen.
 *
 * The count hook does not fire inside C: "three lazy repetitions and no match"
 * takes 8 s on 400 characters, and replies and EHLO names are text that a
 * stranger chose.  So the cost of a pattern on its subject is estimated before
 * it runs, and refused above a bound of roughly a tenth of a second.  The
 * functions are replaced where they stand, so that ("x"):find is bounded too.
 */
#include "vm.h"

#include "load.h"

#define STEPS_MAX  2e7 /* matcher steps; about 8 ns each */
#define RESULT_MAX (16 * 1024 * 1024)
#define MOVES_MAX  10000000

/* Repetitions in a pattern: *, + and - behind an item. */
static unsigned
repetitions(struct dg_str p)
{
	unsigned n = 0;
	size_t i = 0;

	while (i < p.n) {
		if (p.p[i] == '%' && i + 1 < p.n) {
			i += p.p[i + 1] == 'b' ? 4 : 2;
		} else if (p.p[i] == '[') {
			i++;
			if (i < p.n && p.p[i] == '^')
				i++;
			do { /* the first ] is a member */
				i += i < p.n && p.p[i] == '%' ? 2 : 1;
			} while (i < p.n && p.p[i] != ']');
			i++;
		} else if (p.p[i] == '(' || p.p[i] == ')') {
			i++;
			continue;
		} else {
			i++;
		}
		if (i < p.n &&
		    (p.p[i] == '*' || p.p[i] == '+' || p.p[i] == '-')) {
			n++;
			i++;
		}
	}
	return n;
}

/* k nested choices among n places are about n^k / k! steps; without an anchor
 * every place is a start, which is one choice more. */
static double
cost(struct dg_str subject, struct dg_str pattern)
{
	unsigned k = repetitions(pattern);
	double steps = 1;

	if (k > 0 && pattern.p[0] != '^')
		k++;
	for (unsigned i = 1; i <= k; i++)
		steps *= (double)(subject.n + i) / i;
	return steps;
}

static struct dg_str
arg(lua_State *L, int i)
{
	struct dg_str s;

	s.p = luaL_checklstring(L, i, &s.n);
	return s;
}

static int
l_match(lua_State *L)
{
	struct dg_str subject = arg(L, 1), pattern = arg(L, 2);

	if (!(lua_toboolean(L, lua_upvalueindex(2)) && lua_toboolean(L, 4)) &&
	    cost(subject, pattern) > STEPS_MAX)
		return dg_vm_raise(L, NULL, NULL,
		    "pattern \"%.40s\" could take too long on %zu characters: "
		    "anchor it with ^, use fewer repetitions, or cut the text "
		    "first (sub)",
		    pattern.p, subject.n);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
	return lua_gettop(L);
}

static int
l_rep(lua_State *L)
{
	struct dg_str s = arg(L, 1);
	lua_Integer n = luaL_checkinteger(L, 2);
	size_t sep = 0, unit;

	(void)luaL_optlstring(L, 3, "", &sep);
	unit = s.n + sep > 0 ? s.n + sep : 1;
	if (n > 0 && unit > RESULT_MAX / (lua_Unsigned)n)
		return dg_vm_raise(L, NULL, NULL,
		    "rep would make more than 16 MiB");
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, 1);
	return 1;
}

static int
l_move(lua_State *L)
{
	lua_Integer from = luaL_checkinteger(L, 2);
	lua_Integer to = luaL_checkinteger(L, 3);

	if (to >= from && (lua_Unsigned)to - (lua_Unsigned)from > MOVES_MAX)
		return dg_vm_raise(L, NULL, NULL,
		    "table.move of more than %d items", MOVES_MAX);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, 1);
	return 1;
}

/* Lua runs a message handler where the error was raised, and finalizers where
 * memory was wanted: both without hooks when that was inside one, so a loop in
 * them could not be stopped.  So the handler runs after the stack unwound (it
 * has no debug library to look at the stack with), and __gc is refused. */
static int
l_xpcall(lua_State *L)
{
	int n = lua_gettop(L);

	luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_pushvalue(L, 1);
	lua_rotate(L, 3, 1); /* f h f args */
	if (lua_pcall(L, n - 2, LUA_MULTRET, 0) == LUA_OK) {
		lua_pushboolean(L, 1);
		lua_replace(L, 2);
		return lua_gettop(L) - 1;
	}
	(void)lua_pcall(L, 1, 1, 0); /* h error */
	lua_pushboolean(L, 0);
	lua_insert(L, -2);
	return 2;
}

static int
l_setmetatable(lua_State *L)
{
	if (lua_type(L, 2) == LUA_TTABLE) {
		lua_pushliteral(L, "__gc");
		if (lua_rawget(L, 2) != LUA_TNIL)
			return dg_vm_raise(L, NULL, NULL,
			    "policies have no __gc");
		lua_pop(L, 1);
	}
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, 1);
	return 1;
}

/* Replace lib[name], giving fn the old one (and a flag) as upvalues. */
static void
wrap(lua_State *L, const char *name, lua_CFunction fn, bool has_plain)
{
	lua_getfield(L, -1, name);
	lua_pushboolean(L, has_plain);
	lua_pushcclosure(L, fn, 2);
	lua_setfield(L, -2, name);
}

void
dg_bounded_open(lua_State *L)
{
	lua_getglobal(L, "string");
	wrap(L, "find", l_match, true);
	wrap(L, "match", l_match, false);
	wrap(L, "gmatch", l_match, false);
	wrap(L, "gsub", l_match, false);
	wrap(L, "rep", l_rep, false);
	lua_pushnil(L);
	lua_setfield(L, -2, "dump"); /* bytecode */
	lua_pop(L, 1);
	lua_pushglobaltable(L);
	wrap(L, "xpcall", l_xpcall, false);
	wrap(L, "setmetatable", l_setmetatable, false);
	lua_pop(L, 1);
	lua_getglobal(L, "table");
	wrap(L, "move", l_move, false);
	lua_pop(L, 1);
	lua_pushliteral(L, ""); /* nobody changes what ("x"):find finds */
	lua_getmetatable(L, -1);
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 2);
}
