/* declare.c - the table `d`: what a policy file is written with.
 *
 * d.peer "hq" takes the name and gives a function that takes the table; both
 * are C, so that the statement's line is one step up the stack.  d, d.on and
 * d.vars are closed: a name that does not exist is told with its place, and
 * while the files run a hole stands in for it, so that the rest of the file
 * still gets its say.
 */
#include "declare.h"

#include <stdio.h>

#include "decision.h"
#include "lib.h"
#include "schema.h"

#define HOLE "dragoman.hole"

static const char d_key = 'd';

enum {
	NOT_HERE_MAX = 160
};

static const struct kind {
	const char *name;
	bool has_name;
	size_t (*size)(void);
	void (*read)(struct dg_reader *r, struct dg_decl *d);
	size_t list; /* in struct dg_load */
} kinds[] = {
	{ "dialect", true, dg_dialect_decl_size, dg_dialect_read,
	    offsetof(struct dg_load, dialects) },
	{ "peer", true, dg_peer_decl_size, dg_peer_read,
	    offsetof(struct dg_load, peers) },
	{ "hop", true, dg_hop_decl_size, dg_hop_read,
	    offsetof(struct dg_load, hops) },
	{ "route", false, dg_route_decl_size, dg_route_read,
	    offsetof(struct dg_load, routes) },
	{ "words", false, dg_words_decl_size, dg_words_read,
	    offsetof(struct dg_load, words) },
};
enum {
	KINDS = sizeof(kinds) / sizeof(kinds[0])
};

/* ---- holes ---- */

static int
l_hole(lua_State *L)
{
	dg_hole_push(L);
	return 1;
}

static int
l_nothing(lua_State *L)
{
	(void)L;
	return 0;
}

void
dg_hole_push(lua_State *L)
{
	static const char *const same[] = { "__index", "__call", "__concat",
		"__add", "__sub", "__mul", "__div", "__mod", "__unm", NULL };

	lua_newuserdatauv(L, 0, 0);
	if (luaL_newmetatable(L, HOLE) != 0) {
		for (size_t i = 0; same[i] != NULL; i++) {
			lua_pushcfunction(L, l_hole);
			lua_setfield(L, -2, same[i]);
		}
		lua_pushcfunction(L, l_nothing);
		lua_setfield(L, -2, "__newindex");
		lua_pushboolean(L, 0);
		lua_setfield(L, -2, "__metatable");
	}
	lua_setmetatable(L, -2);
}

bool
dg_hole_is(lua_State *L, int index)
{
	return luaL_testudata(L, index, HOLE) != NULL;
}

/* ---- the closed list ---- */

static const char *const words[] = { "api", "dialect", "peer", "hop", "route",
	"words", "on", "vars", "accept", "refuse", "defer", "close", "discard",
	"offer", "to", "use", "retry", "hold", "fail", "say", "log",
#define LIB(name, open, members, help) name,
#include "libs.def"
#undef LIB
	NULL };

const char *const *
dg_d_words(void)
{
	return words;
}

bool
dg_d_problem(struct dg_load *ld, const char *word, char out[NOT_HERE_MAX])
{
	if (dg_lib_problem(ld->p, word, out))
		return true;
	if (dg_is_one_of(word, words))
		return false;
	snprintf(out, NOT_HERE_MAX, "no d.%.60s%s", word,
	    dg_near(ld, word, words));
	return true;
}

bool
dg_on_problem(struct dg_load *ld, const char *word, char out[NOT_HERE_MAX])
{
	static const char *const here[] = {
#define Q(id, name, kind, here, wait_ms, safe, fields, answers, when) \
	here ? name : NULL,
#include "dragoman/policy/questions.def"
#undef Q
	};

	for (size_t i = 0; i < DG_Q_N; i++)
		if (here[i] != NULL && strcmp(here[i], word) == 0 &&
		    i != DG_Q_ROUTE)
			return false;
	if (strcmp(word, "route") == 0)
		snprintf(out, NOT_HERE_MAX,
		    "question \"route\" is asked by a row: d.route { ask = "
		    "function(q) ... end }");
	else if (dg_is_one_of(word, dg_question_names()))
		snprintf(out, NOT_HERE_MAX,
		    "question \"%s\" is not available in this version", word);
	else
		snprintf(out, NOT_HERE_MAX, "no question \"%.60s\"%s", word,
		    dg_near(ld, word, dg_question_names()));
	return true;
}

bool
dg_vars_problem(struct dg_load *ld, const char *word, char out[NOT_HERE_MAX])
{
	const struct dg_policy_options *o = &ld->p->o;

	for (size_t i = 0; i < o->n_vars; i++)
		if (strcmp(o->vars[i].name, word) == 0)
			return false;
	if (o->lacks_names)
		return false;
	snprintf(out, NOT_HERE_MAX, "no vars \"%.60s\" in dragoman.yaml%s",
	    word, dg_near(ld, word, dg_option_names(ld, o->vars, o->n_vars)));
	return true;
}

/* Tell it and go on with a hole. */
static int
told(lua_State *L, const char *what)
{
	struct dg_load *ld = dg_vm_of(L)->load;
	struct dg_where w = dg_vm_where(L, 1);

	dg_load_say_at(ld, w.file, (unsigned)w.line, 0, false, "%s", what);
	dg_hole_push(L);
	return 1;
}

int
dg_no_name(lua_State *L, const char *name)
{
	struct dg_load *ld = dg_vm_of(L)->load;
	char what[NOT_HERE_MAX];

	snprintf(what, sizeof(what), "no such name: %.40s%s", name,
	    dg_name_hint(ld, name));
	return told(L, what);
}

/* ---- d itself ---- */

static int
l_d_index(lua_State *L)
{
	struct dg_load *ld = dg_vm_of(L)->load;
	const char *word = lua_tostring(L, 2);
	char what[NOT_HERE_MAX];

	lua_pushvalue(L, 2);
	lua_rawget(L, lua_upvalueindex(1));
	if (!lua_isnil(L, -1))
		return 1;
	if (word == NULL)
		return dg_vm_raise(L, NULL, NULL, "d has names only");
	if (ld == NULL && dg_lib_problem(dg_vm_of(L)->policy, word, what))
		return dg_vm_raise(L, NULL, NULL, "%s", what);
	if (ld == NULL)
		return dg_vm_raise(L, word, words, "no d.%s", word);
	if (!dg_d_problem(ld, word, what))
		snprintf(what, sizeof(what), "no d.%.60s", word);
	return told(L, what);
}

static int
l_d_newindex(lua_State *L)
{
	struct dg_load *ld = dg_vm_of(L)->load;
	const char *word = lua_tostring(L, 2);
	char what[NOT_HERE_MAX];

	if (ld == NULL || word == NULL)
		return dg_vm_raise(L, NULL, NULL, "d.%s cannot be set",
		    word != NULL ? word : "?");
	if (strcmp(word, "on") == 0)
		snprintf(what, sizeof(what),
		    "d.on cannot be set; write: d.on.connect = function(q) "
		    "... end");
	else if (!dg_d_problem(ld, word, what))
		snprintf(what, sizeof(what), "d.%.60s cannot be set", word);
	return told(L, what);
}

static int
l_vars_index(lua_State *L)
{
	struct dg_load *ld = dg_vm_of(L)->load;
	const struct dg_policy_options *o = &dg_vm_of(L)->policy->o;
	const char *word = lua_tostring(L, 2);
	char what[NOT_HERE_MAX];

	for (size_t i = 0; word != NULL && i < o->n_vars; i++)
		if (strcmp(o->vars[i].name, word) == 0 &&
		    o->vars[i].value != NULL) {
			lua_pushstring(L, o->vars[i].value);
			return 1;
		}
	if (ld == NULL || word == NULL)
		return dg_vm_raise(L, NULL, NULL,
		    "no vars \"%s\" in dragoman.yaml",
		    word != NULL ? word : "?");
	if (dg_vars_problem(ld, word, what))
		return told(L, what);
	return l_hole(L); /* what is wrong with it was told at the YAML */
}

static int
l_vars_newindex(lua_State *L)
{
	return dg_vm_raise(L, NULL, NULL, "d.vars are set in dragoman.yaml");
}

/* A hook is written, never read. */
static int
l_on_index(lua_State *L)
{
	struct dg_load *ld = dg_vm_of(L)->load;
	const char *word = lua_tostring(L, 2);
	char what[NOT_HERE_MAX];

	if (ld == NULL || word == NULL) {
		lua_pushnil(L);
		return 1;
	}
	if (!dg_on_problem(ld, word, what))
		snprintf(what, sizeof(what),
		    "d.on.%.40s is written: d.on.%.40s = function(q) ... end",
		    word, word);
	return told(L, what);
}

static int
l_on_newindex(lua_State *L)
{
	struct dg_load *ld = dg_vm_of(L)->load;
	const char *word = lua_tostring(L, 2);
	char what[NOT_HERE_MAX];
	unsigned q = 0;

	if (ld == NULL)
		return dg_vm_raise(L, NULL, NULL,
		    "d.on is written while the policy loads, not in a hook");
	if (word == NULL)
		return told(L, "d.on has names of questions only");
	if (dg_on_problem(ld, word, what))
		return told(L, what);
	while (strcmp(dg_question_name((enum dg_question)q), word) != 0)
		q++;
	snprintf(what, sizeof(what), "d.on.%.40s takes a function, not %s",
	    word, dg_type_word(L, 3));
	if (dg_hole_is(L, 3))
		return 0;
	if (lua_type(L, 3) != LUA_TFUNCTION)
		return told(L, what);
	if (ld->on.of[q] != 0) {
		snprintf(what, sizeof(what),
		    "question \"%s\" is answered already at %.80s:%d", word,
		    ld->on_where[q].file, ld->on_where[q].line);
		return told(L, what);
	}
	ld->on_where[q] = dg_vm_where(L, 1);
	ld->on.of[q] = dg_vm_add_hook(L);
	return 0;
}

/* ---- declarations ---- */

static void
join(struct dg_load *ld, const struct kind *k, struct dg_decl *d)
{
	struct dg_list *l = (struct dg_list *)((char *)ld + k->list);

	if (l->last != NULL)
		l->last->next = d;
	else
		l->first = d;
	l->last = d;
	l->n++;
}

static struct dg_place
place_of(const struct kind *k, const struct dg_decl *d)
{
	return (struct dg_place){ .kind = k->name,
		.name = d->name,
		.where = d->where };
}

static void
read_decl(lua_State *L, const struct kind *k, struct dg_decl *d)
{
	struct dg_reader r = { dg_vm_of(L)->load, L, place_of(k, d) };

	lua_settop(L, 1);
	d->has_table = true;
	if (dg_hole_is(L, 1))
		return;
	if (dg_read_is_table(&r, "a table"))
		k->read(&r, d);
}

static int
too_late(lua_State *L, const struct kind *k)
{
	return dg_vm_raise(L, NULL, NULL,
	    "d.%s is for the policy file's top level, not for a hook", k->name);
}

static struct dg_decl *
new_decl(lua_State *L, const struct kind *k)
{
	struct dg_load *ld = dg_vm_of(L)->load;
	struct dg_decl *d = dg_load_alloc(ld, k->size());

	d->where = dg_vm_where(L, 1);
	ld->newest = d;
	return d;
}

/* d.route { ... }, d.words { ... } */
static int
l_unnamed(lua_State *L)
{
	const struct kind *k = &kinds[lua_tointeger(L, lua_upvalueindex(1))];
	struct dg_decl *d;

	if (dg_vm_of(L)->load == NULL)
		return too_late(L, k);
	if (lua_gettop(L) == 0)
		lua_pushnil(L);
	d = new_decl(L, k);
	read_decl(L, k, d);
	if (lua_type(L, 1) == LUA_TTABLE)
		join(dg_vm_of(L)->load, k, d);
	return 0;
}

/* What d.peer "hq" gave: takes the table. */
static int
l_table(lua_State *L)
{
	const struct kind *k = &kinds[lua_tointeger(L, lua_upvalueindex(1))];
	struct dg_decl *d = lua_touserdata(L, lua_upvalueindex(2));
	struct dg_load *ld = dg_vm_of(L)->load;

	if (ld == NULL)
		return too_late(L, k);
	if (lua_gettop(L) == 0)
		lua_pushnil(L);
	if (d->has_table) {
		char what[NOT_HERE_MAX];

		snprintf(what, sizeof(what), "%s \"%s\" has its table already",
		    k->name, d->name);
		(void)told(L, what);
		return 0;
	}
	read_decl(L, k, d);
	return 0;
}

static const char *
name_problem(struct dg_str s)
{
	if (s.n == 0 || s.n > 80)
		return "a name has 1 to 80 characters";
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f ||
		    strchr("\"'/\\{}", s.p[i]) != NULL)
			return "a name has no blanks, quotes, slashes or "
			       "braces";
	return NULL;
}

/* d.peer "hq" */
static int
l_named(lua_State *L)
{
	lua_Integer number = lua_tointeger(L, lua_upvalueindex(1));
	const struct kind *k = &kinds[number];
	struct dg_load *ld = dg_vm_of(L)->load;
	char what[NOT_HERE_MAX];
	const char *problem;
	struct dg_decl *d;
	struct dg_str name;

	if (ld == NULL)
		return too_late(L, k);
	if (dg_hole_is(L, 1))
		return l_hole(L);
	if (lua_type(L, 1) != LUA_TSTRING) {
		snprintf(what, sizeof(what),
		    "d.%s takes its name first: d.%s \"name\" { ... }", k->name,
		    k->name);
		return told(L, what);
	}
	name.p = lua_tolstring(L, 1, &name.n);
	problem = name_problem(name);
	if (problem != NULL) {
		snprintf(what, sizeof(what), "d.%s \"%.60s\": %s", k->name,
		    name.p, problem);
		return told(L, what);
	}
	d = new_decl(L, k);
	d->name = dg_load_str(ld, name);
	join(ld, k, d);
	lua_pushinteger(L, number);
	lua_pushlightuserdata(L, d);
	lua_pushcclosure(L, l_table, 2);
	return 1;
}

void
dg_decls_check(struct dg_load *ld)
{
	for (size_t i = 0; i < KINDS; i++) {
		const struct dg_list *l =
		    (const struct dg_list *)((char *)ld + kinds[i].list);

		for (struct dg_decl *d = l->first; d != NULL; d = d->next) {
			struct dg_place at = place_of(&kinds[i], d);

			if (!d->has_table && !d->is_told)
				dg_load_bad(ld, &at,
				    "has no table: d.%s \"%s\" { ... }",
				    kinds[i].name, d->name);
		}
	}
}

const char *
dg_decl_kind(struct dg_load *ld, const struct dg_list *l)
{
	for (size_t i = 0; i < KINDS; i++)
		if ((const char *)l == (const char *)ld + kinds[i].list)
			return kinds[i].name;
	return "?";
}

/* ---- opening ---- */

/* A table that answers through functions only; the table of what there is
 * (on top) becomes __index's upvalue. */
static void
close_table(lua_State *L, lua_CFunction index, lua_CFunction newindex)
{
	lua_newtable(L);
	lua_createtable(L, 0, 3);
	lua_pushvalue(L, -3);
	lua_pushcclosure(L, index, 1);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, newindex);
	lua_setfield(L, -2, "__newindex");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
	lua_replace(L, -2);
}

void
dg_declare_push(lua_State *L)
{
	lua_rawgetp(L, LUA_REGISTRYINDEX, &d_key);
}

void
dg_declare_open(lua_State *L)
{
	lua_createtable(L, 0, 24);
	lua_pushinteger(L, 1);
	lua_setfield(L, -2, "api");
	for (size_t i = 0; i < KINDS; i++) {
		lua_pushinteger(L, (lua_Integer)i);
		lua_pushcclosure(L, kinds[i].has_name ? l_named : l_unnamed, 1);
		lua_setfield(L, -2, kinds[i].name);
	}
	lua_newtable(L);
	close_table(L, l_on_index, l_on_newindex);
	lua_setfield(L, -2, "on");
	lua_newtable(L);
	close_table(L, l_vars_index, l_vars_newindex);
	lua_setfield(L, -2, "vars");
	dg_decisions_open(L);
	dg_libs_open(L);
	close_table(L, l_d_index, l_d_newindex);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &d_key);
}
