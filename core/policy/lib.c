/* lib.c - the gate in front of the libraries, and what they share.
 *
 * Why a gate: a policy that may ask the network or keep things is another
 * thing to review than one that may not, and the person who runs the relay
 * says which in one line of dragoman.yaml.  What is not allowed is not in the
 * state at all; its name, in any file, is an error before a hook ever runs.
 */
#include "lib.h"

#include <stdio.h>

#include "dragoman/policy/library.h"
#include "load.h"

#define BUFFER "dragoman.buffer"

enum {
	MEMBERS_MAX = 12,
	NAME_MAX_BYTES = 60,
	BYTES_AN_INSTRUCTION = 16
};

static const struct lib {
	const char *name;
	void (*open)(lua_State *L);
	const char *members, *help;
} libs[] = {
#define LIB(name, open, members, help) { name, open, members, help },
#include "libs.def"
#undef LIB
};
enum {
	LIBS = sizeof(libs) / sizeof(libs[0])
};

static const char *const names[] = {
#define LIB(name, open, members, help) name,
#include "libs.def"
#undef LIB
	NULL
};

const char *const *
dg_library_names(void)
{
	return names;
}

static const struct lib *
lib_named(const char *name)
{
	for (size_t i = 0; i < LIBS; i++)
		if (strcmp(libs[i].name, name) == 0)
			return &libs[i];
	return NULL;
}

const char *
dg_library_help(const char *name)
{
	const struct lib *l = lib_named(name);

	return l != NULL ? l->help : NULL;
}

/* ---- the gate ---- */

/* policy.allow takes "kv" and "d.kv". */
static const char *
bare(const char *name)
{
	return strncmp(name, "d.", 2) == 0 ? name + 2 : name;
}

static bool
is_allowed(const struct dg_policy *p, const char *name)
{
	for (size_t i = 0; i < p->o.n_allow; i++)
		if (strcmp(bare(p->o.allow[i].name), name) == 0)
			return true;
	return false;
}

bool
dg_lib_problem(const struct dg_policy *p, const char *name, char out[160])
{
	if (lib_named(name) == NULL || is_allowed(p, name))
		return false;
	snprintf(out, 160,
	    "d.%s is not allowed here; add %s to policy.allow in "
	    "dragoman.yaml",
	    name, name);
	return true;
}

/* "now date" as a NULL-ended list. */
struct members {
	char room[200];
	const char *v[MEMBERS_MAX];
};

static const char *const *
split(const char *members, struct members *m)
{
	struct dg_str s = dg_str(members), w;
	size_t n = 0, at = 0;

	while ((w = dg_str_word(&s)).n > 0 && n < MEMBERS_MAX - 1 &&
	       at + w.n < sizeof(m->room)) {
		m->v[n++] = memcpy(m->room + at, w.p, w.n);
		m->room[at + w.n] = '\0';
		at += w.n + 1;
	}
	m->v[n] = NULL;
	return m->v;
}

bool
dg_lib_member_problem(struct dg_load *ld, const char *name, const char *member,
    char out[160])
{
	const struct lib *l = lib_named(name);
	const char *const *list;
	struct members m;

	if (dg_lib_problem(ld->p, name, out))
		return true;
	if (l == NULL || l->members[0] == '\0')
		return false;
	list = split(l->members, &m);
	if (dg_is_one_of(member, list))
		return false;
	snprintf(out, 160, "d.%s has no %.40s%s", name, member,
	    dg_near(ld, member, list));
	return true;
}

void
dg_allow_check(struct dg_load *ld)
{
	const struct dg_policy_options *o = &ld->p->o;

	for (size_t i = 0; i < o->n_allow; i++) {
		const struct dg_policy_allow *a = &o->allow[i];
		const char *word = bare(a->name);

		if (lib_named(word) == NULL)
			dg_load_say_at(ld, a->file, a->line, a->column, false,
			    "policy.allow: no library \"%.60s\"%s", a->name,
			    dg_near(ld, word, names));
	}
}

void
dg_libs_open(lua_State *L)
{
	const struct dg_policy *p = dg_vm_of(L)->policy;
	char title[20];

	for (size_t i = 0; i < LIBS; i++) {
		if (!is_allowed(p, libs[i].name))
			continue;
		libs[i].open(L);
		if (lua_type(L, -1) == LUA_TTABLE) {
			snprintf(title, sizeof(title), "d.%s", libs[i].name);
			dg_lib_close(L, title, libs[i].members);
			lua_newtable(L);
			lua_insert(L, -2);
			lua_setmetatable(L, -2);
		}
		lua_setfield(L, -2, libs[i].name);
	}
}

/* ---- arguments ---- */

static int
wrong_type(lua_State *L, int i, const char *fn, const char *what,
    const char *want)
{
	return dg_vm_raise(L, NULL, NULL, "%s: %s is a %s, but must be %s", fn,
	    what, luaL_typename(L, i), want);
}

struct dg_str
dg_lib_text(lua_State *L, int i, const char *fn, const char *what)
{
	struct dg_str s;

	if (lua_type(L, i) != LUA_TSTRING)
		wrong_type(L, i, fn, what, "a text");
	s.p = lua_tolstring(L, i, &s.n);
	dg_lib_charge(L, s.n);
	dg_vm_tick(L);
	return s;
}

lua_Integer
dg_lib_integer(lua_State *L, int i, const char *fn, const char *what)
{
	int is_integer = 0;
	lua_Integer n = 0;

	if (lua_type(L, i) == LUA_TNUMBER)
		n = lua_tointegerx(L, i, &is_integer);
	if (!is_integer)
		wrong_type(L, i, fn, what, "a whole number");
	return n;
}

bool
dg_lib_options(lua_State *L, int i, const char *fn, const char *const *keys)
{
	const char *key;

	if (lua_isnoneornil(L, i))
		return false;
	if (lua_type(L, i) != LUA_TTABLE)
		wrong_type(L, i, fn, "the last argument", "a table");
	for (lua_pushnil(L); lua_next(L, i) != 0; lua_pop(L, 1)) {
		key =
		    lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
		if (!dg_is_one_of(key, keys))
			dg_vm_raise(L, key, keys, "%s: unknown field \"%s\"",
			    fn, key);
	}
	return true;
}

const char *
dg_lib_name(lua_State *L, int i, const char *fn)
{
	struct dg_str s = dg_lib_text(L, i, fn, "the name");
	bool ok = s.n > 0 && s.n <= NAME_MAX_BYTES && dg_str_trim(s).n == s.n;

	for (size_t k = 0; k < s.n && ok; k++)
		ok = (s.p[k] >= '0' && s.p[k] <= '9') ||
		     (dg_lower(s.p[k]) >= 'a' && dg_lower(s.p[k]) <= 'z') ||
		     (s.p[k] != '\0' && strchr("-_. ", s.p[k]) != NULL);
	if (!ok)
		dg_vm_raise(L, NULL, NULL,
		    "%s: a name has 1 to %d letters, digits, \"-\", \"_\", "
		    "\".\" and blanks within",
		    fn, NAME_MAX_BYTES);
	return s.p;
}

void
dg_lib_in_hook(lua_State *L, const char *fn)
{
	if (dg_vm_of(L)->load != NULL)
		dg_vm_raise(L, NULL, NULL,
		    "%s is for hooks: while the policy files run, nothing may "
		    "depend on the time or on what was kept",
		    fn);
}

void
dg_lib_charge(lua_State *L, size_t n)
{
	dg_vm_charge(L, n / BYTES_AN_INSTRUCTION);
}

/* ---- results ---- */

int
dg_lib_fail(lua_State *L, const char *why)
{
	lua_pushnil(L);
	lua_pushstring(L, why);
	return 2;
}

static int
l_buffer_gc(lua_State *L)
{
	dg_buf_fini(lua_touserdata(L, 1));
	return 0;
}

struct dg_buf *
dg_lib_buf(lua_State *L, size_t cap)
{
	struct dg_buf *b = lua_newuserdatauv(L, sizeof(*b), 0);

	dg_lib_charge(L, 256);
	dg_buf_init(b, cap);
	if (luaL_newmetatable(L, BUFFER) != 0) {
		lua_pushcfunction(L, l_buffer_gc);
		lua_setfield(L, -2, "__gc");
	}
	lua_setmetatable(L, -2);
	return b;
}

int
dg_lib_push(lua_State *L, struct dg_buf *b)
{
	dg_lib_charge(L, b->n);
	lua_pushlstring(L, b->n > 0 ? b->p : "", b->n);
	dg_buf_fini(b);
	return 1;
}

/* Upvalues: the functions, the title, their names. */
static int
l_member(lua_State *L)
{
	const char *word =
	    lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?";
	struct members m;

	lua_pushvalue(L, 2);
	if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
		return 1;
	return dg_vm_raise(L, word,
	    split(lua_tostring(L, lua_upvalueindex(3)), &m), "%s has no %.60s",
	    lua_tostring(L, lua_upvalueindex(2)), word);
}

static int
l_no_set(lua_State *L)
{
	return dg_vm_raise(L, NULL, NULL, "%s cannot be changed",
	    lua_tostring(L, lua_upvalueindex(1)));
}

void
dg_lib_close(lua_State *L, const char *title, const char *members)
{
	lua_createtable(L, 0, 4);
	lua_insert(L, -2);
	lua_pushstring(L, title);
	lua_pushstring(L, members);
	lua_pushcclosure(L, l_member, 3);
	lua_setfield(L, -2, "__index");
	lua_pushstring(L, title);
	lua_pushcclosure(L, l_no_set, 1);
	lua_setfield(L, -2, "__newindex");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
}
