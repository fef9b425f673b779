/* bounded.c - library functions that could run for hours unseen.
 *
 * The count hook does not fire inside C: "three lazy repetitions and no match"
 * takes 8 s on 400 characters, and replies and EHLO names are text that a
 * stranger chose.  So the cost of a pattern on its subject is estimated before
 * it runs, and refused above a bound of roughly a tenth of a second; what
 * works on whole tables is bounded by their size; and what may take some
 * milliseconds looks at the clock, because a thousand of those fit between two
 * counts.  The functions are replaced where they stand, so that ("x"):find is
 * bounded too.
 */
#include "vm.h"

#include "load.h"

#define STEPS_MAX  2e7 /* matcher steps; about 8 ns each */
#define RESULT_MAX (16 * 1024 * 1024)
#define MOVES_MAX  1000000
#define SORT_MAX   100000

enum kind { FIND, MATCH, GMATCH, GSUB };

/* ---- what a pattern may cost ---- */

struct choices {
	unsigned repetitions; /* * + - and %b: any number of places */
	unsigned options;     /* ?: two ways each */
	size_t set;           /* characters of the longest [set] */
};

/* Behind the item at i; a set's length counts. */
static size_t
skip_item(struct dg_str p, size_t i, struct choices *c)
{
	size_t from = i;

	if (p.p[i] == '%' && i + 1 < p.n) {
		if (p.p[i + 1] == 'b')
			c->repetitions++;
		if (p.p[i + 1] != 'f')
			return i + (p.p[i + 1] == 'b' ? 4 : 2);
		i += 2; /* %f[set] */
	}
	if (i >= p.n || p.p[i] != '[')
		return i + 1;
	i++;
	if (i < p.n && p.p[i] == '^')
		i++;
	do { /* the first ] is a member */
		i += i < p.n && p.p[i] == '%' ? 2 : 1;
	} while (i < p.n && p.p[i] != ']');
	if (i - from > c->set)
		c->set = i - from;
	return i + 1;
}

static struct choices
choices_of(struct dg_str p)
{
	struct choices c = { 0, 0, 0 };
	size_t i = 0;

	while (i < p.n) {
		if (p.p[i] == '(' || p.p[i] == ')') {
			i++;
			continue;
		}
		i = skip_item(p, i, &c);
		if (i >= p.n)
			break;
		if (p.p[i] == '?')
			c.options++;
		else if (p.p[i] == '*' || p.p[i] == '+' || p.p[i] == '-')
			c.repetitions++;
		else
			continue;
		i++;
	}
	return c;
}

/* memmem's kind of search: memchr, then memcmp at each place found. */
static double
plain_cost(struct dg_str subject, struct dg_str what)
{
	return (double)subject.n * (double)what.n / 256;
}

/* k nested choices among n places are about n^k / k! steps; without an anchor
 * every place is a start, which is one choice more. */
static double
cost(struct dg_str subject, struct dg_str pattern, enum kind kind)
{
	struct choices c = choices_of(pattern);
	bool is_anchored =
	    kind != GMATCH && pattern.n > 0 && pattern.p[0] == '^';
	double n = (double)subject.n, steps = 1;
	unsigned k = c.repetitions;

	if (k > 0 && !is_anchored)
		k++;
	for (unsigned i = 1; i <= k && steps <= STEPS_MAX; i++)
		steps *= (n + i) / i;
	if (k == 0)
		steps = is_anchored ? 1 : n;
	for (unsigned i = 0; i < c.options && steps <= STEPS_MAX; i++)
		steps *= 2;
	if (k == 0) /* single characters, one after the other */
		steps *= (double)(pattern.n < subject.n ? pattern.n
							: subject.n);
	else /* some of them behind each choice */
		steps *= 1 + (double)pattern.n / 256;
	return steps * (1 + (double)c.set / 32);
}

static struct dg_str
arg(lua_State *L, int i)
{
	struct dg_str s;

	s.p = luaL_checklstring(L, i, &s.n);
	return s;
}

/* The function that was replaced, with all arguments. */
static int
call_old(lua_State *L, int results)
{
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, results);
	return lua_gettop(L);
}

static int
l_match(lua_State *L)
{
	enum kind kind = (enum kind)lua_tointeger(L, lua_upvalueindex(2));
	struct dg_str subject = arg(L, 1), pattern = arg(L, 2);
	bool is_plain = kind == FIND && lua_toboolean(L, 4);

	dg_vm_tick(L);
	if (is_plain && plain_cost(subject, pattern) > STEPS_MAX)
		return dg_vm_raise(L, NULL, NULL,
		    "a search for %zu characters in %zu could take too long: "
		    "cut the text first (sub)",
		    pattern.n, subject.n);
	if (!is_plain && cost(subject, pattern, kind) > STEPS_MAX)
		return dg_vm_raise(L, NULL, NULL,
		    "pattern \"%.40s\" could take too long on %zu characters: "
		    "anchor it with ^, use fewer repetitions, or cut the text "
		    "first (sub)",
		    pattern.p, subject.n);
	return call_old(L, LUA_MULTRET);
}

/* ---- what works on much ---- */

static int
l_rep(lua_State *L)
{
	struct dg_str s = arg(L, 1);
	lua_Integer n = luaL_checkinteger(L, 2);
	size_t sep = 0, unit;

	dg_vm_tick(L);
	(void)luaL_optlstring(L, 3, "", &sep);
	unit = s.n + sep > 0 ? s.n + sep : 1;
	if (n > 0 && unit > RESULT_MAX / (lua_Unsigned)n)
		return dg_vm_raise(L, NULL, NULL,
		    "rep would make more than 16 MiB");
	return call_old(L, 1);
}

/* Also what has the length that its __len says, and no end. */
static void
check_size(lua_State *L, lua_Integer n, lua_Integer most, const char *what)
{
	dg_vm_tick(L);
	if (n > most)
		dg_vm_raise(L, NULL, NULL, "%s of more than %lld items", what,
		    (long long)most);
}

static int
l_move(lua_State *L)
{
	lua_Integer from = luaL_checkinteger(L, 2);
	lua_Integer to = luaL_checkinteger(L, 3);

	dg_vm_tick(L);
	if (to >= from && (lua_Unsigned)to - (lua_Unsigned)from >= MOVES_MAX)
		check_size(L, LUA_MAXINTEGER, MOVES_MAX, "table.move");
	return call_old(L, 1);
}

/* sort(t), insert(t, at, x), remove(t, at): upvalue 2 is how many may be there,
 * upvalue 3 what it is called. */
static int
l_whole_table(lua_State *L)
{
	if (lua_istable(L, 1))
		check_size(L, luaL_len(L, 1),
		    lua_tointeger(L, lua_upvalueindex(2)),
		    lua_tostring(L, lua_upvalueindex(3)));
	return call_old(L, LUA_MULTRET);
}

/* What compares in C is watched by nobody: two texts of megabytes, a hundred
 * thousand times.  Upvalue 1: the function, or nil for "<". */
static int
l_less(lua_State *L)
{
	bool is_long = lua_rawlen(L, 1) > 1024 && lua_rawlen(L, 2) > 1024;

	if (lua_isnil(L, lua_upvalueindex(1))) {
		if (is_long)
			dg_vm_tick(L);
		lua_pushboolean(L, lua_compare(L, 1, 2, LUA_OPLT));
		return 1;
	}
	dg_vm_tick(L);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, 1);
	return 1;
}

static int
l_sort(lua_State *L)
{
	lua_settop(L, 2);
	if (lua_isnil(L, 2) || lua_iscfunction(L, 2))
		lua_pushcclosure(L, l_less, 1);
	return l_whole_table(L);
}

/* Put in or taken at the end, which costs nothing, or from within. */
static int
l_shift(lua_State *L)
{
	bool is_within =
	    lua_gettop(L) > lua_tointeger(L, lua_upvalueindex(4));

	return is_within ? l_whole_table(L) : call_old(L, LUA_MULTRET);
}

/* concat(t, sep, i, j), unpack(t, i, j): where i and j are. */
static int
l_range(lua_State *L)
{
	int at = (int)lua_tointeger(L, lua_upvalueindex(4));
	lua_Integer from = luaL_optinteger(L, at, 1);
	lua_Integer to = lua_isnoneornil(L, at + 1)
	    ? luaL_len(L, 1)
	    : luaL_checkinteger(L, at + 1);

	dg_vm_tick(L);
	if (to >= from && (lua_Unsigned)to - (lua_Unsigned)from >= MOVES_MAX)
		check_size(L, LUA_MAXINTEGER, MOVES_MAX,
		    lua_tostring(L, lua_upvalueindex(3)));
	return call_old(L, LUA_MULTRET);
}

/* Linear in texts, which are bounded. */
static int
l_timed(lua_State *L)
{
	dg_vm_tick(L);
	return call_old(L, LUA_MULTRET);
}

/* ---- what would run unwatched ---- */

/* Lua runs a message handler where the error was raised, and finalizers where
 * memory was wanted: both without hooks when that was inside one, so a loop in
 * them could not be stopped.  So the handler runs after the stack unwound (it
 * has no debug library to look at the stack with), and __gc is refused. */
static int
xpcall_handled(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	(void)ctx;
	lua_pushboolean(L, 0);
	lua_insert(L, -2);
	return 2;
}

static int
xpcall_done(lua_State *L, int status, lua_KContext ctx)
{
	if (status != LUA_OK && status != LUA_YIELD) /* h error */
		return xpcall_handled(L,
		    lua_pcallk(L, 1, 1, 0, ctx, xpcall_handled), ctx);
	lua_pushboolean(L, 1);
	lua_replace(L, 2);
	return lua_gettop(L) - 1;
}

static int
l_xpcall(lua_State *L)
{
	int n = lua_gettop(L);

	luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_pushvalue(L, 1);
	lua_rotate(L, 3, 1); /* f h f args */
	return xpcall_done(L,
	    lua_pcallk(L, n - 2, LUA_MULTRET, 0, 0, xpcall_done), 0);
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

/* ---- in their places ---- */

/* fn gets the function that it replaces, and the rest, as upvalues. */
static const struct bound {
	const char *lib, *name;
	lua_CFunction fn;
	lua_Integer number; /* a kind, or how many at most */
	const char *called;
	lua_Integer at;
} bounds[] = {
	{ "string", "find", l_match, FIND, "", 0 },
	{ "string", "match", l_match, MATCH, "", 0 },
	{ "string", "gmatch", l_match, GMATCH, "", 0 },
	{ "string", "gsub", l_match, GSUB, "", 0 },
	{ "string", "rep", l_rep, 0, "", 0 },
	{ "string", "format", l_timed, 0, "", 0 },
	{ "string", "byte", l_timed, 0, "", 0 },
	{ "string", "reverse", l_timed, 0, "", 0 },
	{ "string", "lower", l_timed, 0, "", 0 },
	{ "string", "upper", l_timed, 0, "", 0 },
	{ "string", "pack", l_timed, 0, "", 0 },
	{ "string", "unpack", l_timed, 0, "", 0 },
	{ "string", "packsize", l_timed, 0, "", 0 },
	{ "utf8", "len", l_timed, 0, "", 0 },
	{ "utf8", "offset", l_timed, 0, "", 0 },
	{ "utf8", "codepoint", l_timed, 0, "", 0 },
	{ "table", "move", l_move, 0, "", 0 },
	{ "table", "sort", l_sort, SORT_MAX, "table.sort", 0 },
	{ "table", "insert", l_shift, MOVES_MAX, "table.insert", 2 },
	{ "table", "remove", l_shift, MOVES_MAX, "table.remove", 1 },
	{ "table", "concat", l_range, 0, "table.concat", 3 },
	{ "table", "unpack", l_range, 0, "table.unpack", 2 },
	{ "_G", "tonumber", l_timed, 0, "", 0 },
	{ "_G", "next", l_timed, 0, "", 0 },
	{ "_G", "xpcall", l_xpcall, 0, "", 0 },
	{ "_G", "setmetatable", l_setmetatable, 0, "", 0 },
};

/* "bad argument #1 to 'find'" finds a C function's name among what is loaded:
 * there the functions that were replaced must stay. */
static void
keep_names(lua_State *L)
{
	static const char *const libs[] = { "string", "table", "utf8", NULL };

	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
	for (size_t i = 0; libs[i] != NULL; i++) {
		lua_newtable(L);
		lua_getfield(L, -2, libs[i]);
		for (lua_pushnil(L); lua_next(L, -2) != 0;) {
			lua_pushvalue(L, -2);
			lua_insert(L, -2);
			lua_rawset(L, -5);
		}
		lua_pop(L, 1);
		lua_setfield(L, -2, libs[i]);
	}
	lua_pop(L, 1);
}

void
dg_bounded_open(lua_State *L)
{
	keep_names(L);
	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		const struct bound *b = &bounds[i];

		lua_getglobal(L, b->lib);
		lua_getfield(L, -1, b->name);
		lua_pushinteger(L, b->number);
		lua_pushstring(L, b->called);
		lua_pushinteger(L, b->at);
		lua_pushcclosure(L, b->fn, 4);
		lua_setfield(L, -2, b->name);
		lua_pop(L, 1);
	}
	lua_getglobal(L, "string");
	lua_pushnil(L);
	lua_setfield(L, -2, "dump"); /* bytecode */
	lua_pop(L, 1);
	lua_pushliteral(L, ""); /* nobody changes what ("x"):find finds */
	lua_getmetatable(L, -1);
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 2);
}
