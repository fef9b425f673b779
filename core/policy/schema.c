/* schema.c - read a Lua table into a C struct by a list of fields.
 *
 * Why gathered errors: whoever writes a policy wants all mistakes of a run, so
 * nothing here stops at the first; a value that is wrong is told and counts as
 * not given.  A hole (a value that stands for a mistake already told) is
 * skipped in silence.
 */
#include "schema.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/units.h"

const unsigned dg_peer_questions =
    DG_Q_BIT(DG_Q_CONNECT) | DG_Q_BIT(DG_Q_OFFER) | DG_Q_BIT(DG_Q_CREDENTIAL) |
    DG_Q_BIT(DG_Q_COMMAND) | DG_Q_BIT(DG_Q_AUTHENTICATED) |
    DG_Q_BIT(DG_Q_SENDER) | DG_Q_BIT(DG_Q_RECIPIENT) | DG_Q_BIT(DG_Q_CONTENT);
const unsigned dg_hop_questions =
    DG_Q_BIT(DG_Q_SPEAK) | DG_Q_BIT(DG_Q_REPLY) | DG_Q_BIT(DG_Q_REPORT);

/* ---- single values ---- */

bool
dg_read_is_table(struct dg_reader *r, const char *takes)
{
	if (lua_type(r->L, -1) == LUA_TTABLE)
		return true;
	dg_read_type(r, takes);
	return false;
}

static const char *
read_chars(struct dg_reader *r, const char *takes, bool has_lines)
{
	struct dg_str s;

	if (lua_type(r->L, -1) != LUA_TSTRING) {
		dg_read_type(r, takes);
		return NULL;
	}
	s.p = lua_tolstring(r->L, -1, &s.n);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c >= ' ' && c != 0x7f) || (has_lines && c == '\n') ||
		    c == '\t')
			continue;
		dg_read_bad(r, "holds a %s",
		    c == '\n' || c == '\r' ? "line break" : "control byte");
		return NULL;
	}
	return dg_load_str(r->ld, s);
}

const char *
dg_read_string(struct dg_reader *r, const char *takes)
{
	return read_chars(r, takes, false);
}

const char *
dg_read_text(struct dg_reader *r, const char *takes)
{
	return read_chars(r, takes, true);
}

bool
dg_read_bool(struct dg_reader *r, bool *out)
{
	if (lua_type(r->L, -1) != LUA_TBOOLEAN) {
		dg_read_type(r, "true or false");
		return false;
	}
	*out = lua_toboolean(r->L, -1) != 0;
	return true;
}

bool
dg_read_duration(struct dg_reader *r, int64_t *out)
{
	const char *z;
	int64_t ms;

	if (lua_type(r->L, -1) == LUA_TNUMBER) {
		dg_read_bad(r, "needs a unit: \"30s\" \"5m\" \"4h\" \"5d\"");
		return false;
	}
	z = dg_read_string(r, "a time such as \"5m\"");
	if (z == NULL)
		return false;
	if (!dg_duration_read(dg_str(z), &ms) || ms <= 0) {
		dg_read_bad(r,
		    "\"%s\" is no time: \"30s\" \"5m\" \"4h\" \"5d\"", z);
		return false;
	}
	*out = ms;
	return true;
}

static void
read_size(struct dg_reader *r, uint64_t *out)
{
	const char *z;
	uint64_t n;

	if (lua_isinteger(r->L, -1) && lua_tointeger(r->L, -1) > 0) {
		*out = (uint64_t)lua_tointeger(r->L, -1);
		return;
	}
	if (lua_type(r->L, -1) == LUA_TNUMBER) {
		dg_read_bad(r, "must be a whole number above 0");
		return;
	}
	z = dg_read_string(r, "a size such as \"35M\"");
	if (z == NULL)
		return;
	if (!dg_size_read(dg_str(z), &n) || n == 0)
		dg_read_bad(r, "\"%s\" is no size: \"500k\" \"35M\"", z);
	else
		*out = n;
}

static void
read_count(struct dg_reader *r, uint64_t *out)
{
	if (lua_type(r->L, -1) != LUA_TNUMBER)
		dg_read_type(r, "a number");
	else if (!lua_isinteger(r->L, -1) || lua_tointeger(r->L, -1) < 1)
		dg_read_bad(r, "must be a whole number above 0");
	else
		*out = (uint64_t)lua_tointeger(r->L, -1);
}

static const char *
joined(struct dg_load *ld, const char *const *list)
{
	char text[300] = "";
	size_t n = 0;

	for (size_t i = 0; list[i] != NULL && n < sizeof(text); i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s",
		    i > 0 ? ", " : "", list[i]);
	return dg_load_str(ld, dg_str(text));
}

static void
read_choice(struct dg_reader *r, const char *const *choices, int *out)
{
	const char *all = joined(r->ld, choices);
	const char *z = dg_read_string(r, all);

	if (z == NULL)
		return;
	for (int i = 0; choices[i] != NULL; i++)
		if (strcmp(choices[i], z) == 0) {
			*out = i;
			return;
		}
	dg_read_bad(r, "\"%s\" is none of %s%s", z, all,
	    dg_near(r->ld, z, choices));
}

struct dg_ref
dg_read_ref(struct dg_reader *r)
{
	const char *z = dg_read_string(r, "a name");

	return (struct dg_ref){ z, r->at };
}

static bool
is_later_mech(const char *name)
{
	static const char *const later[] = { "DIGEST-MD5", "GSS-SPNEGO",
		NULL };

	for (size_t i = 0; later[i] != NULL; i++)
		if (dg_str_iis(dg_str(name), later[i]))
			return true;
	return false;
}

bool
dg_is_mech(const char *name)
{
	enum dg_mech m;

	return dg_mech_find(dg_str(name), &m) || is_later_mech(name) ||
	       dg_did_you_mean(dg_str(name), dg_mech_names()) != NULL;
}

bool
dg_read_mech(struct dg_reader *r, const char *name, enum dg_mech *out)
{
	if (dg_mech_find(dg_str(name), out))
		return true;
	if (is_later_mech(name)) {
		dg_read_bad(r,
		    "mechanism \"%s\" is not available in this version",
		    name);
		return false;
	}
	dg_read_bad(r, "unknown mechanism \"%s\"%s", name,
	    dg_near_or_all(r->ld, name, dg_mech_names()));
	return false;
}

/* ---- lists and keys ---- */

/* Anything that is no item 1 ... n; of several names the first, because their
 * order in a table is chance. */
static void
tell_other_keys(struct dg_reader *r, lua_Integer n)
{
	lua_State *L = r->L;
	const char *first = NULL;
	bool has_hole = false;

	for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
		if (lua_isinteger(L, -2) && lua_tointeger(L, -2) >= 1 &&
		    lua_tointeger(L, -2) <= n)
			continue;
		if (lua_type(L, -2) != LUA_TSTRING)
			has_hole = true;
		else if (first == NULL ||
			 strcmp(lua_tostring(L, -2), first) < 0)
			first = lua_tostring(L, -2); /* the table's own */
	}
	if (first != NULL)
		dg_read_bad(r, "is a list, and \"%.60s\" is no item", first);
	if (has_hole)
		dg_read_bad(r, "is a list, and has a hole in it");
}

bool
dg_read_each(struct dg_reader *r, const char *takes,
    void (*fn)(struct dg_reader *r, void *obj), void *obj)
{
	lua_Integer n;

	if (!dg_read_is_table(r, takes))
		return false;
	n = (lua_Integer)lua_rawlen(r->L, -1);
	tell_other_keys(r, n);
	luaL_checkstack(r->L, 8, "tables too deep");
	for (lua_Integer i = 1; i <= n; i++) {
		lua_rawgeti(r->L, -1, i);
		dg_step_item(r, (int)i);
		fn(r, obj);
		dg_step_out(r);
		lua_pop(r->L, 1);
	}
	return true;
}

struct strings {
	const char **v;
	size_t n;
};

static void
add_string(struct dg_reader *r, void *obj)
{
	struct strings *s = obj;
	const char *z = dg_read_string(r, "a string");

	if (z != NULL)
		s->v[s->n++] = z;
}

const char *const *
dg_read_list(struct dg_reader *r, bool or_one, size_t *n)
{
	struct strings s = { NULL, 0 };
	size_t most =
	    lua_type(r->L, -1) == LUA_TTABLE ? lua_rawlen(r->L, -1) : 1;

	s.v = dg_load_alloc(r->ld, (most + 1) * sizeof(*s.v));
	if (or_one && lua_type(r->L, -1) != LUA_TTABLE) {
		const char *z = dg_read_string(r, "a string or a list of them");

		if (z != NULL)
			s.v[s.n++] = z;
	} else {
		(void)dg_read_each(r, "a list of strings", add_string, &s);
	}
	*n = s.n;
	return s.v;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *const *
dg_read_keys(struct dg_reader *r, size_t *n)
{
	lua_State *L = r->L;
	const char **v;
	size_t room = 0, used = 0;

	for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1))
		room++;
	v = dg_load_alloc(r->ld, (room + 1) * sizeof(*v));
	for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
		struct dg_str s;

		if (lua_type(L, -2) == LUA_TSTRING) {
			s.p = lua_tolstring(L, -2, &s.n);
			v[used++] = dg_load_str(r->ld, s);
		} else if (lua_isinteger(L, -2) &&
			   lua_tointeger(L, -2) >= 200) {
			dg_read_bad(r, "key %d must be a string: [\"%d\"]",
			    (int)lua_tointeger(L, -2),
			    (int)lua_tointeger(L, -2));
		} else {
			dg_read_bad(r, "has a value without a name");
		}
	}
	qsort(v, used, sizeof(*v), by_text);
	*n = used;
	return v;
}

/* ---- hooks ---- */

void
dg_read_hooks(struct dg_reader *r, unsigned questions, struct dg_hooks *out)
{
	static const bool available[DG_Q_N] = {
#define Q(id, name, kind, here, wait_ms, safe, fields, answers, when) \
	[DG_Q_##id] = here,
#include "dragoman/policy/questions.def"
#undef Q
	};
	const char *const *keys;
	size_t n;

	if (!dg_read_is_table(r, "a table of functions"))
		return;
	keys = dg_read_keys(r, &n);
	for (size_t i = 0; i < n; i++) {
		unsigned q = 0;

		while (
		    q < DG_Q_N &&
		    strcmp(dg_question_name((enum dg_question)q), keys[i]) != 0)
			q++;
		dg_step_key(r, keys[i]);
		lua_pushstring(r->L, keys[i]);
		lua_rawget(r->L, -2);
		if (q == DG_Q_N)
			dg_load_bad(r->ld, &r->at, "on: no question \"%s\"%s",
			    keys[i],
			    dg_near(r->ld, keys[i], dg_question_names()));
		else if (!available[q])
			dg_load_bad(r->ld, &r->at,
			    "on: question \"%s\" is not available in this "
			    "version",
			    keys[i]);
		else if (q == DG_Q_ROUTE)
			dg_load_bad(r->ld, &r->at,
			    "on: question \"route\" is asked by a row: d.route "
			    "{ ask = function(q) ... end }");
		else if ((questions & DG_Q_BIT(q)) == 0)
			dg_load_bad(r->ld, &r->at,
			    "on: question \"%s\" belongs to %s", keys[i],
			    (dg_peer_questions & DG_Q_BIT(q)) != 0 ? "a peer"
			    : (dg_hop_questions & DG_Q_BIT(q)) != 0
				? "a hop"
				: "no peer or hop: d.on.tick");
		else if (lua_type(r->L, -1) != LUA_TFUNCTION)
			dg_read_type(r, "a function");
		else
			out->of[q] = dg_vm_add_hook(r->L);
		lua_pop(r->L, 1);
		dg_step_out(r);
	}
}

/* ---- fields ---- */

/* What other programs write for a domain, and here would match nothing. */
static void
check_pattern(struct dg_reader *r, const char *z)
{
	size_t n = strlen(z);
	struct dg_str s = dg_str(z);

	if (n > 1 && z[0] == '@')
		dg_read_bad(r, "\"%s\" matches nobody; did you mean \"%s\"?",
		    z, z + 1);
	else if (n > 1 && z[0] == '.')
		dg_read_bad(r, "\"%s\" matches nobody; did you mean \"*%s\"?",
		    z, z);
	else if (n > 1 && (z[n - 1] == '@' || z[n - 1] == '.'))
		dg_read_bad(r,
		    "\"%s\" matches nobody; did you mean \"%.*s%s\"?", z,
		    (int)n - 1, z, z[n - 1] == '@' ? "@*" : "");
	else if (n > 2 && z[0] == '<' && z[n - 1] == '>')
		dg_read_bad(r, "\"%s\" is no pattern; did you mean \"%.*s\"?",
		    z, DG_FMT(dg_str_sub(s, 1, n - 2)));
	else if (n == 0 || strpbrk(z, " \t,;<>") != NULL)
		dg_read_bad(r,
		    "\"%s\" is no pattern: \"a@b.example\" \"b.example\" "
		    "\"*.b.example\" \"sales-*\"",
		    z);
}

static void
read_patterns(struct dg_reader *r, struct dg_patterns *out)
{
	size_t n;
	const char *const *v = dg_read_list(r, true, &n);

	out->v = v;
	out->n = n;
	if (lua_type(r->L, -1) == LUA_TTABLE && lua_rawlen(r->L, -1) == 0)
		dg_read_bad(r, "an empty list matches nobody; leave it out");
	for (size_t i = 0; i < n; i++) {
		dg_step_listed(r, i);
		check_pattern(r, v[i]);
		dg_step_unlisted(r);
	}
}

static void
read_field(struct dg_reader *r, const struct dg_field *f, char *obj)
{
	void *at = obj + f->offset;

	switch (f->type) {
	case DG_F_STRING:
		*(const char **)at = dg_read_string(r, "a string");
		break;
	case DG_F_BOOL:
		(void)dg_read_bool(r, at);
		break;
	case DG_F_SIZE:
		read_size(r, at);
		break;
	case DG_F_COUNT:
		read_count(r, at);
		break;
	case DG_F_DURATION:
		(void)dg_read_duration(r, at);
		break;
	case DG_F_CHOICE:
		read_choice(r, f->choices, at);
		break;
	case DG_F_REF:
		*(struct dg_ref *)at = dg_read_ref(r);
		break;
	case DG_F_PATTERNS:
		read_patterns(r, at);
		break;
	case DG_F_READ:
		f->read(r, obj);
		break;
	case DG_F_LATER:
		break; /* told by tell_unknown */
	}
}

static const struct dg_field *
field_named(const struct dg_field *fields, const char *name)
{
	for (; fields->name != NULL; fields++)
		if (strcmp(fields->name, name) == 0)
			return fields;
	return NULL;
}

/* A key that is neither field nor row. */
static void
tell_no_row(struct dg_reader *r, const char *key, const char *const *names)
{
	if (key[0] >= '0' && key[0] <= '9')
		dg_load_bad(r->ld, &r->at,
		    "\"%s\" is no reply: \"550\" or \"550 5.1.1\"", key);
	else
		dg_load_bad(r->ld, &r->at, "\"%s\" is no field or meaning%s",
		    key, dg_near(r->ld, key, names));
}

/* Keys that are no fields, or fields of a later version. */
static void
tell_unknown(struct dg_reader *r, const struct dg_field *fields,
    bool (*is_row)(const char *key))
{
	const char *path = dg_path_text(r->ld, &r->at);
	const char *sep = path[0] != '\0' ? ": " : "";
	const char *const *meanings = dg_meaning_names();
	const char *names[64] = { NULL }, *here[64] = { NULL };
	const char *const *keys;
	size_t n, k = 0, n_here = 0;

	for (; fields[k].name != NULL; k++) {
		names[k] = fields[k].name;
		if (fields[k].type != DG_F_LATER)
			here[n_here++] = fields[k].name;
	}
	for (size_t i = 0; is_row != NULL && meanings[i] != NULL; i++)
		names[k++] = meanings[i];
	assert(k < sizeof(names) / sizeof(names[0]));
	keys = dg_read_keys(r, &n);
	for (size_t i = 0; i < n; i++) {
		const struct dg_field *f = field_named(fields, keys[i]);

		if (f != NULL ? f->type != DG_F_LATER
			      : is_row != NULL && is_row(keys[i]))
			continue;
		dg_step_key(r, keys[i]);
		if (f != NULL)
			dg_load_bad(r->ld, &r->at,
			    "%s%sfield \"%s\" is not available in this version",
			    path, sep, keys[i]);
		else if (is_row != NULL)
			tell_no_row(r, keys[i], names);
		else
			dg_load_bad(r->ld, &r->at, "%s%sunknown field \"%s\"%s",
			    path, sep, keys[i],
			    dg_near(r->ld, keys[i], names)[0] != '\0'
				? dg_near(r->ld, keys[i], names)
				: dg_near_or_all(r->ld, keys[i], here));
		dg_step_out(r);
	}
}

bool
dg_read_means(struct dg_reader *r, const struct dg_field *fields,
    const char *name)
{
	const char *one[2] = { name, NULL };
	lua_State *L = r->L;
	bool does = false;

	for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1))
		does |= lua_type(L, -2) == LUA_TSTRING &&
			field_named(fields, lua_tostring(L, -2)) == NULL &&
			dg_near(r->ld, lua_tostring(L, -2), one)[0] != '\0';
	return does;
}

void
dg_read_fields(struct dg_reader *r, const struct dg_field *fields, void *obj,
    bool (*is_row)(const char *key))
{
	if (!dg_read_is_table(r, "a table"))
		return;
	luaL_checkstack(r->L, 8, "tables too deep");
	tell_unknown(r, fields, is_row);
	for (; fields->name != NULL; fields++) {
		lua_pushstring(r->L, fields->name);
		lua_rawget(r->L, -2);
		if (!lua_isnil(r->L, -1)) {
			dg_step_key(r, fields->name);
			read_field(r, fields, obj);
			dg_step_out(r);
		}
		lua_pop(r->L, 1);
	}
}
