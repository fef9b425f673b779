/* lib_json.c - d.json: JSON texts (RFC 8259) to Lua values and back.
 *
 *	d.json.decode(text)      the value; nil, why when it is no JSON
 *	d.json.encode(value)     the text; nil, why when data made it impossible
 *	d.json.list(t)           t, marked as a list, also when it is empty
 *	d.json.null              null where nil cannot stand
 *
 * By Jansson: strict, checks UTF-8, keeps 64-bit integers apart from reals,
 * bounded in depth, hashes with a seed, packaged everywhere and maintained
 * (cJSON, the other candidate, makes every number a double and takes bytes
 * that are no UTF-8).
 *
 * Decoding: an object is a table, in which null is nothing: `if user.phone` is
 * what it says.  A list is a marked table (it encodes as a list again) in which
 * null is d.json.null, so that the others keep their places.  A key that comes
 * twice is refused: two readers of such a text could take it for two things.
 * Encoding: a table with keys 1 to n, or a marked one, is a list; with texts as
 * keys an object, with them sorted; an empty one is {}.  A function, a mixed
 * table or a number that is none raises; bad UTF-8, more than 64 levels (a
 * table in itself, too), a text of more than 1 MiB are nil, why.
 *
 * What Jansson allocates belongs to a userdata that the collector frees,
 * because any push may be a longjmp.  That memory is not counted as the
 * state's; it is bounded by the text's size, about forty times.
 */
#include "lib.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>

#define BOX      "dragoman.json"
#define LIST     "dragoman.json.list"
#define NUL      "dragoman.json.null"
#define THE_NULL "dragoman.json.the-null"

enum {
	TEXT_MAX = 1024 * 1024,
	DEPTH_MAX = 64
};

struct box {
	json_t *root;
};

static int
l_box_gc(lua_State *L)
{
	struct box *b = lua_touserdata(L, 1);

	json_decref(b->root);
	b->root = NULL;
	return 0;
}

static struct box *
push_box(lua_State *L)
{
	struct box *b = lua_newuserdatauv(L, sizeof(*b), 0);

	b->root = NULL;
	luaL_setmetatable(L, BOX);
	return b;
}

static void
empty(struct box *b)
{
	json_decref(b->root);
	b->root = NULL;
}

static int
l_null_tostring(lua_State *L)
{
	lua_pushliteral(L, "null");
	return 1;
}

static void
push_null(lua_State *L)
{
	lua_getfield(L, LUA_REGISTRYINDEX, THE_NULL);
}

/* ---- decoding ---- */

/* How many lists and objects are around the innermost value; looks no deeper
 * than one past the bound. */
static unsigned
levels_of(json_t *j, unsigned above)
{
	unsigned most = above, n;
	const char *key;
	json_t *kid;
	size_t i;

	if ((!json_is_array(j) && !json_is_object(j)) || ++most > DEPTH_MAX)
		return most;
	above = most;
	json_array_foreach(j, i, kid)
	{
		n = levels_of(kid, above);
		most = n > most ? n : most;
	}
	json_object_foreach(j, key, kid)
	{
		n = levels_of(kid, above);
		most = n > most ? n : most;
	}
	return most;
}

static void push_json(lua_State *L, json_t *j);

static void
push_list(lua_State *L, json_t *j)
{
	json_t *kid;
	size_t i;

	lua_createtable(L, (int)json_array_size(j), 0);
	luaL_setmetatable(L, LIST);
	json_array_foreach(j, i, kid)
	{
		push_json(L, kid);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
}

static void
push_object(lua_State *L, json_t *j)
{
	const char *key;
	json_t *kid;

	lua_createtable(L, 0, (int)json_object_size(j));
	json_object_foreach(j, key, kid)
	{
		if (json_is_null(kid))
			continue;
		lua_pushstring(L, key);
		push_json(L, kid);
		lua_rawset(L, -3);
	}
}

static void
push_json(lua_State *L, json_t *j)
{
	luaL_checkstack(L, 4, "JSON");
	switch (json_typeof(j)) {
	case JSON_OBJECT:
		push_object(L, j);
		break;
	case JSON_ARRAY:
		push_list(L, j);
		break;
	case JSON_STRING:
		lua_pushlstring(L, json_string_value(j), json_string_length(j));
		break;
	case JSON_INTEGER:
		lua_pushinteger(L, json_integer_value(j));
		break;
	case JSON_REAL:
		lua_pushnumber(L, json_real_value(j));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		lua_pushboolean(L, json_is_true(j));
		break;
	case JSON_NULL:
		push_null(L);
		break;
	}
}

static int
l_json_decode(lua_State *L)
{
	struct dg_str text = dg_lib_text(L, 1, "d.json.decode", "text");
	struct box *b = push_box(L);
	char why[JSON_ERROR_TEXT_LENGTH + 40];
	json_error_t e;

	if (text.n > TEXT_MAX)
		return dg_lib_fail(L, "the text is longer than 1 MiB");
	dg_lib_charge(L, text.n * 32);
	b->root = json_loadb(text.p, text.n,
	    JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);
	if (b->root == NULL) {
		snprintf(why, sizeof(why), "line %d: %s", e.line, e.text);
		return dg_lib_fail(L, why);
	}
	if (levels_of(b->root, 0) > DEPTH_MAX) {
		empty(b);
		return dg_lib_fail(L, "more than 64 levels");
	}
	push_json(L, b->root);
	empty(b);
	return 1;
}

/* ---- encoding ---- */

struct encoder {
	lua_State *L;
	const char *why; /* data made it impossible */
	size_t bytes;    /* of texts and keys, and a few for each value */
};

static bool
is_marked(lua_State *L, int i)
{
	bool is_list;

	if (!lua_getmetatable(L, i))
		return false;
	luaL_getmetatable(L, LIST);
	is_list = lua_rawequal(L, -1, -2);
	lua_pop(L, 2);
	return is_list;
}

/* Keys 1 to n and no others?  Anything mixed raises. */
static bool
is_list(lua_State *L, int i, size_t *n)
{
	size_t all = 0, texts = 0;

	*n = lua_rawlen(L, i);
	for (lua_pushnil(L); lua_next(L, i) != 0; lua_pop(L, 1)) {
		lua_Integer k = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : 0;

		all++;
		if (lua_type(L, -2) == LUA_TSTRING)
			texts++;
		else if (k < 1 || (size_t)k > *n)
			dg_vm_raise(L, NULL, NULL,
			    "d.json.encode: a table has keys 1 to n, or texts "
			    "only");
	}
	if (texts != 0 && (texts != all || is_marked(L, i)))
		dg_vm_raise(L, NULL, NULL,
		    "d.json.encode: a table has keys 1 to n, or texts only");
	return all > 0 ? texts == 0 : is_marked(L, i);
}

static json_t *
leaf_text(struct encoder *x, int i)
{
	json_t *j;
	size_t n;
	const char *p = lua_tolstring(x->L, i, &n);

	x->bytes += n;
	dg_lib_charge(x->L, n);
	if (x->bytes > TEXT_MAX) {
		x->why = "the result would be more than 1 MiB";
		return NULL;
	}
	j = json_stringn(p, n);
	if (j == NULL)
		x->why = "a text in it is no UTF-8";
	return j;
}

static json_t *
leaf_number(struct encoder *x, int i)
{
	lua_Number n = lua_tonumber(x->L, i);

	if (lua_isinteger(x->L, i))
		return json_integer(lua_tointeger(x->L, i));
	if (!isfinite(n))
		dg_vm_raise(x->L, NULL, NULL,
		    "d.json.encode: JSON has no infinite numbers");
	return json_real(n);
}

/* What the value at i becomes, a table still without what is in it; NULL and
 * x->why when that is impossible.  Raises before it makes anything. */
static json_t *
leaf(struct encoder *x, int i)
{
	size_t n;

	x->bytes += 4;
	dg_lib_charge(x->L, 64);
	switch (lua_type(x->L, i)) {
	case LUA_TBOOLEAN:
		return json_boolean(lua_toboolean(x->L, i));
	case LUA_TNUMBER:
		return leaf_number(x, i);
	case LUA_TSTRING:
		return leaf_text(x, i);
	case LUA_TTABLE:
		return is_list(x->L, i, &n) ? json_array() : json_object();
	case LUA_TUSERDATA:
		if (luaL_testudata(x->L, i, NUL) != NULL)
			return json_null();
		/* fall through */
	default:
		dg_vm_raise(x->L, NULL, NULL, "d.json.encode: a %s is no JSON",
		    luaL_typename(x->L, i));
		return NULL;
	}
}

static bool fill(struct encoder *x, json_t *j, int i, unsigned depth);

/* Everything new hangs on its parent before Lua is called again, so that what
 * raises leaves nothing behind. */
static bool
fill_list(struct encoder *x, json_t *j, int i, unsigned depth)
{
	lua_Integer n = (lua_Integer)lua_rawlen(x->L, i);

	for (lua_Integer k = 1; k <= n; k++) {
		json_t *kid;

		if (lua_rawgeti(x->L, i, k) == LUA_TNIL)
			dg_vm_raise(x->L, NULL, NULL,
			    "d.json.encode: a list has a hole at %d; "
			    "d.json.null can stand there",
			    (int)k);
		kid = leaf(x, lua_gettop(x->L));
		if (kid == NULL || json_array_append_new(j, kid) != 0 ||
		    !fill(x, kid, lua_gettop(x->L), depth))
			return false;
		lua_pop(x->L, 1);
	}
	return true;
}

static bool
fill_object(struct encoder *x, json_t *j, int i, unsigned depth)
{
	for (lua_pushnil(x->L); lua_next(x->L, i) != 0; lua_pop(x->L, 1)) {
		size_t n;
		const char *key = lua_tolstring(x->L, -2, &n);
		json_t *kid = leaf(x, lua_gettop(x->L));

		x->bytes += n;
		if (kid == NULL)
			return false;
		if (json_object_setn_new(j, key, n, kid) != 0) {
			x->why = "a key in it is no UTF-8";
			return false;
		}
		if (!fill(x, kid, lua_gettop(x->L), depth))
			return false;
	}
	return true;
}

static bool
fill(struct encoder *x, json_t *j, int i, unsigned depth)
{
	if (x->bytes > TEXT_MAX) {
		x->why = "the result would be more than 1 MiB";
		return false;
	}
	if (!json_is_array(j) && !json_is_object(j))
		return true;
	if (depth == DEPTH_MAX) {
		x->why = "more than 64 levels, or a table in itself";
		return false;
	}
	luaL_checkstack(x->L, 6, "JSON");
	return json_is_array(j) ? fill_list(x, j, i, depth + 1)
				: fill_object(x, j, i, depth + 1);
}

/* As text, through memory that is the state's. */
static int
dump(lua_State *L, struct box *b)
{
	size_t flags = JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY |
		       JSON_REAL_PRECISION(15);
	size_t n = json_dumpb(b->root, NULL, 0, flags);
	char *text;

	if (n == 0 || n > TEXT_MAX)
		return dg_lib_fail(L, "the result would be more than 1 MiB");
	dg_lib_charge(L, n * 32);
	text = lua_newuserdatauv(L, n, 0);
	(void)json_dumpb(b->root, text, n, flags);
	lua_pushlstring(L, text, n);
	empty(b);
	return 1;
}

static int
l_json_encode(lua_State *L)
{
	struct encoder x = { .L = L };
	struct box *b;

	luaL_checkany(L, 1);
	if (lua_isnil(L, 1))
		return dg_vm_raise(L, NULL, NULL,
		    "d.json.encode: the value is nil; d.json.null is null");
	lua_settop(L, 1);
	b = push_box(L);
	b->root = leaf(&x, 1);
	if (b->root == NULL || !fill(&x, b->root, 1, 0)) {
		empty(b);
		return dg_lib_fail(L, x.why != NULL ? x.why : "no memory");
	}
	return dump(L, b);
}

/* ---- the rest ---- */

static int
l_json_list(lua_State *L)
{
	if (lua_type(L, 1) != LUA_TTABLE)
		return dg_vm_raise(L, NULL, NULL,
		    "d.json.list takes a table, not a %s", luaL_typename(L, 1));
	lua_settop(L, 1);
	if (lua_getmetatable(L, 1) && !is_marked(L, 1))
		return dg_vm_raise(L, NULL, NULL,
		    "d.json.list: the table has a metatable already");
	lua_settop(L, 1);
	luaL_setmetatable(L, LIST);
	return 1;
}

static void class(lua_State *L, const char *name, const char *event,
    lua_CFunction fn)
{
	luaL_newmetatable(L, name);
	if (event != NULL) {
		lua_pushcfunction(L, fn);
		lua_setfield(L, -2, event);
	}
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);
}

void
dg_lib_json(lua_State *L)
{
	static const luaL_Reg fns[] = { { "decode", l_json_decode },
		{ "encode", l_json_encode }, { "list", l_json_list },
		{ NULL, NULL } };

	class(L, BOX, "__gc", l_box_gc);
	class(L, LIST, NULL, NULL);
	class(L, NUL, "__tostring", l_null_tostring);
	lua_newuserdatauv(L, 0, 0);
	luaL_setmetatable(L, NUL);
	lua_setfield(L, LUA_REGISTRYINDEX, THE_NULL);
	luaL_newlib(L, fns);
	push_null(L);
	lua_setfield(L, -2, "null");
}
