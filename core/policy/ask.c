/*
 * ask.c - a question on its way: what q holds, which hook is next, and when
 * the answer has come.
 *
 * One call of one hook is call.c's; the walks through rows are route.c's and
 * words.c's.
 */
#include "call.h"

#include "dragoman/wire/header.h"
#include "lib.h"
#include "load.h"

#define CLASS "dragoman.q"

enum { FIELDS_MAX = 40, KEPT_MAX = 4 * 1024 * 1024,
	HEADER_MAX = 64 * 1024 };

static const char always[] = "peer address listener tls";
static const char *const fields_of[DG_Q_N] = {
#define Q(id, name, kind, here, wait_ms, safe, fields, answers, when) \
	[DG_Q_##id] = fields,
#include "dragoman/policy/questions.def"
#undef Q
};

/* Fields that are numbers; absent ones are 0, absent texts "". */
static bool
is_number(struct dg_str name)
{
	static const char *const numbers[] = { "size", "count", "tries", "age",
		 "code", "limit", "bytes", "now" };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (dg_str_is(name, numbers[i]))
			return true;
	return false;
}

/* ---- q ---- */

static int
l_note(lua_State *L)
{
	struct dg_call *c = dg_vm_of(L)->call;
	struct dg_str key, value;

	luaL_checktype(L, 1, LUA_TTABLE);
	key.p = luaL_checklstring(L, 2, &key.n);
	value.p = luaL_checklstring(L, 3, &value.n);
	if (memchr(key.p, '\0', key.n) != NULL ||
	    memchr(value.p, '\0', value.n) != NULL)
		return dg_vm_raise(L, NULL, NULL,
		    "q:note takes no NUL character");
	if (c == NULL || c->a == NULL)
		return dg_vm_raise(L, NULL, NULL, "q:note: the hook has ended");
	if (!dg_notes_put(c->a->notes, key, value))
		return dg_vm_raise(L, NULL, NULL,
		    "q:note: no room left (4 KiB a session)");
	return 0;
}

/* q:header(name): the first field of that name, unfolded, or "". */
static int
l_header(lua_State *L)
{
	const char *name = luaL_checkstring(L, 2);
	struct dg_call *c = dg_vm_of(L)->call;
	struct dg_str headers;
	struct dg_buf *value;

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_pushliteral(L, "headers");
	lua_rawget(L, 1);
	headers.p = lua_tolstring(L, -1, &headers.n);
	if (headers.p == NULL || c == NULL)
		return dg_vm_raise(L, NULL, NULL,
		    "q:header works in question \"content\" only");
	dg_vm_tick(L);
	dg_lib_charge(L, headers.n);
	value = dg_lib_buf(L, HEADER_MAX);
	if (dg_header_get(headers, name, value) != DG_OK)
		dg_buf_reset(value);
	return dg_lib_push(L, value);
}

/* Reached only for a name that q does not have, or not yet: most hooks look at
 * no notes, so the table is made for those that do. */
static int
l_q_index(lua_State *L)
{
	const struct dg_call *c = dg_vm_of(L)->call;
	const char *name = lua_tostring(L, 2);
	const char *list[FIELDS_MAX + 1] = { NULL };
	size_t n = 0;

	if (name == NULL)
		return dg_vm_raise(L, NULL, NULL, "q has no such field");
	if (strcmp(name, "note") == 0) {
		lua_pushcfunction(L, l_note);
		return 1;
	}
	if (strcmp(name, "header") == 0) {
		lua_pushcfunction(L, l_header);
		return 1;
	}
	if (strcmp(name, "notes") == 0) {
		dg_notes_push(L,
		    c != NULL && c->a != NULL ? c->a->notes : NULL);
		return 1;
	}
	list[n++] = "note";
	list[n++] = "notes";
	list[n++] = "header";
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

/* The next fact of that name, looked for from `from` on: facts mostly come in
 * the order of q's fields. */
static const struct dg_fact *
fact_after(const struct dg_fact *facts, size_t *from, const char *name)
{
	size_t i = *from;

	do {
		if (facts[i].name == NULL) {
			i = 0;
			continue;
		}
		if (strcmp(facts[i].name, name) == 0) {
			*from = i + 1;
			return &facts[i];
		}
		i++;
	} while (i != *from);
	return NULL;
}

static void
push_fact(lua_State *L, const struct dg_q_field *field, const struct dg_fact *f)
{
	if (field->type == DG_Q_BOOLEAN)
		lua_pushboolean(L, f != NULL && f->number != 0);
	else if (field->type == DG_Q_NUMBER)
		lua_pushinteger(L, f != NULL ? f->number : 0);
	else if (f != NULL && f->text.p != NULL)
		lua_pushlstring(L, f->text.p, f->text.n);
	else
		lua_pushliteral(L, "");
}

void
dg_q_push(lua_State *L, enum dg_question q, const struct dg_fact *facts)
{
	const struct dg_q_field *field = dg_vm_of(L)->policy->fields[q];
	size_t from = 0;
	int n = 0;

	while (field[n].name != NULL)
		n++;
	lua_createtable(L, 0, n);
	for (; field->name != NULL; field++) {
		lua_pushstring(L, field->name);
		push_fact(L, field, fact_after(facts, &from, field->name));
		lua_rawset(L, -3);
	}
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

static size_t
add_fields(struct dg_arena *arena, const char *names, struct dg_q_field *v,
    size_t n)
{
	struct dg_str s = dg_str(names), name;

	while ((name = dg_str_word(&s)).n > 0 && n < FIELDS_MAX) {
		v[n].name = dg_arena_str(arena, name).p;
		v[n].type = dg_str_is(name, "tls") ? DG_Q_BOOLEAN
		    : is_number(name)		   ? DG_Q_NUMBER
						   : DG_Q_TEXT;
		n++;
	}
	return n;
}

const struct dg_q_field *
dg_q_fields(struct dg_arena *arena, enum dg_question q)
{
	struct dg_q_field *v =
	    dg_arena_alloc(arena, (FIELDS_MAX + 1) * sizeof(*v));

	(void)add_fields(arena, fields_of[q], v,
	    add_fields(arena, always, v, 0));
	return v;
}

/* ---- askings ---- */

void
dg_asking_init(struct dg_asking *a, dg_asked_fn *fn, void *ctx)
{
	dg_decision_init(&a->d);
	dg_arena_init(&a->kept, KEPT_MAX);
	a->fn = fn;
	a->ctx = ctx;
	a->call = NULL;
	a->state = NULL;
	a->is_kept = false;
	a->facts[0].name = NULL;
}

void
dg_asking_drop(struct dg_asking *a)
{
	if (a->call != NULL)
		dg_call_drop(a->call);
	a->call = NULL;
	dg_decision_fini(&a->d);
	dg_arena_fini(&a->kept);
}

struct dg_str
dg_asking_fact(const struct dg_asking *a, const char *name)
{
	const struct dg_fact *f = fact_named(a->facts, dg_str(name));

	return f != NULL ? f->text : DG_NOSTR;
}

/* The asker's texts may be gone when the hook goes on. */
static void
keep(struct dg_asking *a)
{
	a->is_kept = true;
	for (struct dg_fact *f = a->facts; f->name != NULL; f++)
		if (!f->is_number)
			f->text = dg_arena_str(&a->kept, f->text);
	if (a->walk->keep != NULL)
		a->walk->keep(a);
}

static void
end(struct dg_asking *a)
{
	if (a->walk->finish != NULL)
		a->walk->finish(a);
	if (a->d.kind != DG_D_NONE)
		dg_policy_hit(a->state, a->d.where);
}

bool
dg_asking_walk(struct dg_asking *a)
{
	int hook;

	while ((hook = a->walk->next(a)) != 0) {
		if (dg_call_begin(a, hook) == DG_CALL_WAITS) {
			if (!a->is_kept)
				keep(a);
			return false;
		}
		if (a->walk->ends(a))
			break;
	}
	end(a);
	return true;
}

void
dg_asking_resumed(struct dg_asking *a)
{
	if (a->walk->ends(a))
		end(a);
	else if (!dg_asking_walk(a))
		return;
	a->fn(a->ctx, a);
}

/* ---- a question: own hook, then d.on ---- */

int
dg_asking_next_hook(struct dg_asking *a)
{
	const struct dg_rules *r = dg_policy_rules(a->state->policy);

	if (a->at == 0) {
		a->at = 1;
		if (a->own != NULL && a->own->of[a->question] != 0)
			return a->own->of[a->question];
	}
	if (a->at == 1) {
		a->at = DG_HOOKS_ASKED;
		return r->on.of[a->question];
	}
	return 0;
}

static bool
is_answered(struct dg_asking *a)
{
	return a->d.kind != DG_D_NONE;
}

void
dg_asking_read(lua_State *L, struct dg_asking *a)
{
	const struct dg_rules *rules = dg_policy_rules(a->state->policy);

	if (lua_isnil(L, -1))
		return;
	if (!dg_decision_is(L, -1))
		luaL_error(L,
		    "question \"%s\" was answered with a %s; return d.refuse "
		    "\"...\", d.to \"...\" ... or nil",
		    dg_question_name(a->question), luaL_typename(L, -1));
	dg_decision_read(L, lua_gettop(L), a->question, &a->d);
	if (a->d.kind == DG_D_TO && dg_rules_hop(rules, a->d.hop) == NULL)
		luaL_error(L, "%s:%d: no hop \"%s\"",
		    a->d.where.file != NULL ? a->d.where.file : "?",
		    a->d.where.line, a->d.hop.p);
}

static const struct dg_asking_walk hooks_walk = {
	.next = dg_asking_next_hook,
	.ends = is_answered,
	.read = dg_asking_read,
};

bool
dg_policy_wants(const struct dg_rules *r, enum dg_question q,
    const struct dg_hooks *own)
{
	return (own != NULL && own->of[q] != 0) || r->on.of[q] != 0;
}

bool
dg_policy_ask(struct dg_policy_state *s, struct dg_asking *a,
    enum dg_question q, const struct dg_hooks *own,
    const struct dg_fact *facts, struct dg_notes *notes)
{
	size_t n = 0;

	if (!dg_policy_wants(dg_policy_rules(s->policy), q, own))
		return true;
	a->state = s;
	a->question = q;
	a->own = own;
	a->notes = notes;
	a->walk = &hooks_walk;
	a->at = 0;
	for (; facts[n].name != NULL && n + 1 < DG_FACTS_MAX; n++)
		a->facts[n] = facts[n];
	a->facts[n].name = NULL;
	return dg_asking_walk(a);
}

void
dg_policy_state_attach(struct dg_policy_state *s, struct dg_policy_host *host)
{
	s->host = host;
}

unsigned long
dg_policy_failures(const struct dg_policy_state *s)
{
	return s->failures;
}
