/*
 * decision.c - d.refuse, d.to ... : decisions as values that remember the file
 * and line which made them.
 *
 * Why in C: "return d.refuse ..." is a tail call, and only a C function called
 * so still sees the policy's function below it; a constructor written in Lua
 * would lose the line.  Completing one, d.to "hop" { because = "..." }, goes
 * through __call, also in C.
 *
 * A decision is a userdata (kind, place) with its fields in a table beside it;
 * they are checked here, where the author can be told the line.
 */
#include "call.h"

#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/log.h"
#include "dragoman/base/units.h"
#include "dragoman/wire/header_edit.h"
#include "dragoman/wire/path.h"

#define CLASS "dragoman.decision"

enum { FIELDS_MAX = 8, LINES_MAX = DG_DIALECT_LINES };

struct made {
	enum dg_decision_kind kind;
	struct dg_where where;
};

/* What each constructor takes.  first: the field that a plain string fills. */
static const struct shape {
	enum dg_decision_kind kind;
	const char *name;
	const char *first;
	bool needs_first;
	const char *fields[FIELDS_MAX];
} shapes[] = {
	{ DG_D_ACCEPT, "accept", NULL, false,
	    { "as", "to", "rewrite_from", "reply_to", "add", "remove" } },
	{ DG_D_REFUSE, "refuse", "text", true, { NULL } },
	{ DG_D_DEFER, "defer", "text", true, { NULL } },
	{ DG_D_CLOSE, "close", "text", false, { NULL } },
	{ DG_D_DISCARD, "discard", NULL, false, { NULL } },
	{ DG_D_OFFER, "offer", NULL, false, { "lines", "hide", "show" } },
	{ DG_D_TO, "to", "hop", true, { NULL } },
	{ DG_D_USE, "use", NULL, false, { "verb", "mechanism" } },
	{ DG_D_RETRY, "retry", NULL, false,
	    { "after", "host", "verb", "slow_down" } },
	{ DG_D_HOLD, "hold", NULL, false, { "alert" } },
	{ DG_D_FAIL, "fail", NULL, false, { "meaning" } },
	{ DG_D_SAY, "say", NULL, false, { "text", "lang", "subject" } },
};
enum { SHAPES = sizeof(shapes) / sizeof(shapes[0]) };

/* Which kinds answer which question: words of questions.def. */
static const char *const answers[DG_Q_N] = {
#define Q(id, name, kind, here, wait_ms, safe, fields, answers, when) \
	[DG_Q_##id] = answers,
#include "dragoman/policy/questions.def"
#undef Q
};

static const struct shape *
shape_of(enum dg_decision_kind k)
{
	for (size_t i = 0; i < SHAPES; i++)
		if (shapes[i].kind == k)
			return &shapes[i];
	return NULL;
}

const char *
dg_decision_name(enum dg_decision_kind k)
{
	const struct shape *s = shape_of(k);

	return s != NULL ? s->name : "none";
}

void
dg_decision_init(struct dg_decision *d)
{
	memset(d, 0, sizeof(*d));
	dg_arena_init(&d->arena, 1024 * 1024);
}

void
dg_decision_fini(struct dg_decision *d)
{
	dg_arena_fini(&d->arena);
}

/* ---- making one ---- */

static bool
has_field(const struct shape *s, const char *name)
{
	if (strcmp(name, "because") == 0 ||
	    (s->first != NULL && strcmp(name, s->first) == 0))
		return true;
	for (size_t i = 0; i < FIELDS_MAX && s->fields[i] != NULL; i++)
		if (strcmp(s->fields[i], name) == 0)
			return true;
	return false;
}

static int
unknown_field(lua_State *L, const struct shape *s, const char *name)
{
	const char *list[FIELDS_MAX + 3] = { "because" };
	size_t n = 1;

	if (s->first != NULL)
		list[n++] = s->first;
	for (size_t i = 0; i < FIELDS_MAX && s->fields[i] != NULL; i++)
		list[n++] = s->fields[i];
	list[n] = NULL;
	return dg_vm_raise(L, name, list, "d.%s: unknown field \"%s\"",
	    s->name, name);
}

static const char *
field(lua_State *L, int fields, const char *name)
{
	const char *z;

	lua_getfield(L, fields, name);
	z = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
	lua_pop(L, 1); /* the table keeps it */
	return z;
}

static void
check_reply(lua_State *L, const struct shape *s, int fields)
{
	char first = s->kind == DG_D_REFUSE  ? '5'
	    : s->kind == DG_D_DEFER	     ? '4'
					     : 0;
	const char *z = field(L, fields, "text"), *wrong;
	char enhanced[12];
	struct dg_str text;
	int code;

	if (z == NULL || s->kind == DG_D_SAY)
		return;
	wrong = dg_reply_text_read(dg_str(z), first, &code, enhanced, &text);
	if (wrong != NULL)
		dg_vm_raise(L, NULL, NULL, "d.%s \"%.60s\": %s", s->name, z,
		    wrong);
}

static void
check_named(lua_State *L, const struct shape *s, int fields)
{
	const char *after = field(L, fields, "after");
	const char *host = field(L, fields, "host");
	const char *mech = field(L, fields, "mechanism");
	const char *meaning = field(L, fields, "meaning");
	enum dg_meaning m;
	enum dg_mech me;
	int64_t ms;

	if (after != NULL && !dg_duration_read(dg_str(after), &ms))
		dg_vm_raise(L, NULL, NULL,
		    "d.%s: after = \"%s\" is no duration; write 30s, 5m, 2h "
		    "or 1d",
		    s->name, after);
	if (host != NULL && strcmp(host, "next") != 0)
		dg_vm_raise(L, NULL, NULL,
		    "d.%s: host = \"%s\"; only \"next\" is possible", s->name,
		    host);
	if (mech != NULL && !dg_mech_find(dg_str(mech), &me))
		dg_vm_raise(L, mech, dg_mech_names(),
		    "d.%s: unknown mechanism \"%s\"", s->name, mech);
	if (meaning != NULL && !dg_meaning_find(dg_str(meaning), &m))
		dg_vm_raise(L, meaning, dg_meaning_names(),
		    "d.%s: unknown meaning \"%s\"", s->name, meaning);
}

static void
check_accept(lua_State *L, int fields)
{
	const char *to = field(L, fields, "to");
	const char *from = field(L, fields, "rewrite_from");
	const char *reply_to = field(L, fields, "reply_to");

	if (to != NULL && !dg_address_is_valid(dg_str(to)))
		dg_vm_raise(L, NULL, NULL,
		    "d.accept: to = \"%.60s\" is no address", to);
	if (from != NULL && from[0] != '\0' &&
	    !dg_address_is_valid(dg_str(from)))
		dg_vm_raise(L, NULL, NULL,
		    "d.accept: rewrite_from = \"%s\" is no address", from);
	if (reply_to != NULL && strcmp(reply_to, "sender") != 0 &&
	    !dg_address_is_valid(dg_str(reply_to)))
		dg_vm_raise(L, NULL, NULL,
		    "d.accept: reply_to = \"%s\" is neither \"sender\" nor "
		    "an address",
		    reply_to);
}

static bool
is_list(const char *name)
{
	static const char *const lists[] = { "lines", "hide", "show", "add",
		"remove", NULL };

	return dg_is_one_of(name, lists);
}

static void
check_type(lua_State *L, const struct shape *s, const char *name, int type)
{
	bool ok = is_list(name) ? type == LUA_TTABLE : type == LUA_TSTRING;

	if (strcmp(name, "slow_down") == 0)
		ok = type == LUA_TBOOLEAN;
	if (s->kind == DG_D_SAY && strcmp(name, "text") == 0)
		ok |= type == LUA_TBOOLEAN;
	if (!ok)
		dg_vm_raise(L, NULL, NULL, "d.%s: %s is a %s, but must be a %s",
		    s->name, name, lua_typename(L, type),
		    is_list(name)			  ? "list"
			: strcmp(name, "slow_down") == 0 ? "boolean"
							  : "string");
}

/* They become replies, addresses, header fields: where a line ends must not be
 * for the text of strangers to say.  Only what people read has lines. */
static void
check_text(lua_State *L, const struct shape *s, const char *name, int at)
{
	bool has_lines = s->kind == DG_D_SAY && strcmp(name, "text") == 0;
	struct dg_str v;

	if (lua_type(L, at) != LUA_TSTRING || strcmp(name, "because") == 0)
		return;
	v.p = lua_tolstring(L, at, &v.n);
	for (size_t i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];

		if (c == '\0' || ((c < ' ' || c == 0x7f) && !has_lines))
			dg_vm_raise(L, NULL, NULL,
			    "d.%s: %s holds the control character %d", s->name,
			    name, c);
	}
}

/* Copy the fields of the table at `from` into the one at `fields`. */
static void
take_fields(lua_State *L, const struct shape *s, int from, int fields)
{
	lua_pushnil(L);
	while (lua_next(L, from) != 0) {
		const char *name =
		    lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";

		if (!has_field(s, name))
			unknown_field(L, s, name);
		check_type(L, s, name, lua_type(L, -1));
		check_text(L, s, name, -1);
		lua_pushvalue(L, -2);
		lua_insert(L, -2);
		lua_rawset(L, fields);
	}
}

static void
take(lua_State *L, const struct shape *s, int arg, int fields)
{
	switch (lua_type(L, arg)) {
	case LUA_TNIL:
	case LUA_TNONE:
		break;
	case LUA_TTABLE:
		take_fields(L, s, arg, fields);
		break;
	case LUA_TSTRING:
		if (s->first != NULL) {
			check_text(L, s, s->first, arg);
			lua_pushvalue(L, arg);
			lua_setfield(L, fields, s->first);
			break;
		}
		/* fall through */
	default:
		dg_vm_raise(L, NULL, NULL, "d.%s takes %s, not a %s", s->name,
		    s->first != NULL ? "a text or a table" : "a table",
		    luaL_typename(L, arg));
	}
	if (s->first != NULL && strcmp(s->first, "text") == 0)
		check_reply(L, s, fields);
	if (s->kind == DG_D_ACCEPT)
		check_accept(L, fields);
	else if (s->kind == DG_D_USE || s->kind == DG_D_RETRY ||
	    s->kind == DG_D_FAIL)
		check_named(L, s, fields);
}

/* d.NAME(...): upvalue 1 is the shape's number. */
static int
l_decide(lua_State *L)
{
	const struct shape *s =
	    &shapes[lua_tointeger(L, lua_upvalueindex(1))];
	struct made *m;

	lua_settop(L, 1);
	lua_newtable(L);
	take(L, s, 1, 2);
	if (s->needs_first && field(L, 2, s->first) == NULL)
		return dg_vm_raise(L, NULL, NULL, "d.%s needs its %s", s->name,
		    s->first);
	m = lua_newuserdatauv(L, sizeof(*m), 1);
	m->kind = s->kind;
	m->where = dg_vm_where(L, 1);
	lua_pushvalue(L, 2);
	lua_setiuservalue(L, -2, 1);
	luaL_setmetatable(L, CLASS);
	return 1;
}

/* d.to "hop" { because = "..." } */
static int
l_complete(lua_State *L)
{
	const struct made *m = luaL_checkudata(L, 1, CLASS);

	luaL_checktype(L, 2, LUA_TTABLE);
	lua_settop(L, 2);
	lua_getiuservalue(L, 1, 1);
	take(L, shape_of(m->kind), 2, 3);
	lua_settop(L, 1);
	return 1;
}

static int
l_tostring(lua_State *L)
{
	const struct made *m = luaL_checkudata(L, 1, CLASS);

	lua_pushfstring(L, "d.%s at %s:%d", dg_decision_name(m->kind),
	    m->where.file != NULL ? m->where.file : "?", m->where.line);
	return 1;
}

/* d.log: a hook in a loop must not fill the disk. */
static int
l_log(lua_State *L)
{
	enum { LINES_A_CALL = 50 };
	struct dg_call *c = dg_vm_of(L)->call;
	struct dg_where w = dg_vm_where(L, 1);
	struct dg_str text;
	char where[300];

	text.p = luaL_checklstring(L, 1, &text.n);
	if (c != NULL && c->n_log++ >= LINES_A_CALL) {
		if (c->n_log == LINES_A_CALL + 1)
			text = DG_STR("(d.log: more lines than one answer may "
				      "write; the rest is dropped)");
		else
			return 0;
	}
	snprintf(where, sizeof(where), "%s:%d",
	    w.file != NULL ? w.file : "?", w.line);
	dg_log(DG_LOG_INFO, "policy", dg_kv_s("text", text),
	    dg_kv_z("where", where));
	return 0;
}

void
dg_decisions_open(lua_State *L)
{
	luaL_newmetatable(L, CLASS);
	lua_pushcfunction(L, l_complete);
	lua_setfield(L, -2, "__call");
	lua_pushcfunction(L, l_tostring);
	lua_setfield(L, -2, "__tostring");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);
	for (size_t i = 0; i < SHAPES; i++) {
		lua_pushinteger(L, (lua_Integer)i);
		lua_pushcclosure(L, l_decide, 1);
		lua_setfield(L, -2, shapes[i].name);
	}
	lua_pushcfunction(L, l_log);
	lua_setfield(L, -2, "log");
}

/* ---- reading one ---- */

bool
dg_decision_is(lua_State *L, int index)
{
	return luaL_testudata(L, index, CLASS) != NULL;
}

/* The hook has returned: the decision knows the line, and nobody else does. */
static int
bad(lua_State *L, const struct dg_decision *out, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static int
bad(lua_State *L, const struct dg_decision *out, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return luaL_error(L, "%s:%d: %s",
	    out->where.file != NULL ? out->where.file : "?", out->where.line,
	    text);
}

static struct dg_str
kept(lua_State *L, struct dg_str s, const char *name, struct dg_decision *out)
{
	struct dg_str copy = dg_arena_str(&out->arena, s);

	if (copy.p == NULL)
		bad(L, out, "%s is longer than an answer may be", name);
	return copy;
}

static struct dg_str
text_of(lua_State *L, int fields, const char *name, struct dg_decision *out)
{
	struct dg_str s = DG_NOSTR;

	lua_getfield(L, fields, name);
	if (lua_type(L, -1) == LUA_TSTRING) {
		s.p = lua_tolstring(L, -1, &s.n);
		s = kept(L, s, name, out);
	}
	lua_pop(L, 1);
	return s;
}

static void
read_reply(lua_State *L, int fields, struct dg_decision *out)
{
	struct dg_str z = text_of(L, fields, "text", out);

	/* read once already, when it was made: it cannot be wrong */
	if (z.n > 0 && dg_reply_text_read(z, 0, &out->code, out->enhanced,
			   &out->text) != NULL)
		bad(L, out, "no reply");
}

static unsigned
exts_of(lua_State *L, int fields, const char *name,
    const struct dg_decision *out)
{
	unsigned bits = 0;

	lua_getfield(L, fields, name);
	for (lua_Integer i = 1; lua_type(L, -1) == LUA_TTABLE; i++) {
		const char *z;

		lua_rawgeti(L, -1, i);
		z = lua_tostring(L, -1);
		if (z == NULL) {
			lua_pop(L, 1);
			break;
		}
		if (strcmp(name, "show") == 0 && dg_ext_find(dg_str(z)) == 0)
			bad(L, out,
			    "d.offer: show = \"%s\" is nothing we can do", z);
		bits |= dg_ext_find(dg_str(z));
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
	return bits;
}

/* The line's strings are heap strings of the caller: into the arena.  False:
 * they do not fit. */
static bool
move_line(struct dg_offer_line *line, struct dg_arena *arena)
{
	char *text = (char *)(uintptr_t)line->text;
	char *verb = (char *)(uintptr_t)line->verb;

	line->text = dg_arena_str(arena, dg_str(text)).p;
	line->verb = dg_arena_str(arena, dg_str(verb)).p;
	free(text);
	free(verb);
	return line->text != NULL && line->verb != NULL;
}

static void
read_lines(lua_State *L, int fields, struct dg_decision *out)
{
	lua_getfield(L, fields, "lines");
	if (lua_type(L, -1) != LUA_TTABLE) {
		lua_pop(L, 1);
		return;
	}
	out->lines =
	    dg_arena_alloc(&out->arena, LINES_MAX * sizeof(*out->lines));
	if (out->lines == NULL)
		bad(L, out, "lines are longer than an answer may be");
	out->has_lines = true;
	for (lua_Integer i = 1;; i++) {
		struct dg_offer_line line = { 0 };
		struct dg_err e = { 0 };
		const char *z;

		lua_rawgeti(L, -1, i);
		z = lua_tostring(L, -1);
		if (z == NULL) {
			lua_pop(L, 2);
			return;
		}
		if (out->n_lines == LINES_MAX)
			bad(L, out, "d.offer: at most %d lines", LINES_MAX);
		if (dg_offer_parse(dg_str(z), &line, &e) != DG_OK)
			bad(L, out, "d.offer: \"%.60s\": %s", z, e.text);
		if (!move_line(&line, &out->arena))
			bad(L, out, "lines are longer than an answer may be");
		out->lines[out->n_lines++] = line;
		lua_pop(L, 1);
	}
}

static void
read_retry(lua_State *L, int fields, struct dg_decision *out)
{
	struct dg_str after = text_of(L, fields, "after", out);

	if (after.n > 0)
		(void)dg_duration_read(after, &out->after_ms);
	out->next_host = text_of(L, fields, "host", out).n > 0;
	lua_getfield(L, fields, "slow_down");
	out->slow_down = lua_toboolean(L, -1);
	lua_pop(L, 1);
}

static void
read_say(lua_State *L, int fields, struct dg_decision *out)
{
	struct dg_str subject, lang;

	lua_getfield(L, fields, "text");
	out->says_nothing = lua_isboolean(L, -1) && !lua_toboolean(L, -1);
	lua_pop(L, 1);
	out->text = text_of(L, fields, "text", out);
	/* what an earlier hook said of them stays, unless this one says more */
	subject = text_of(L, fields, "subject", out);
	if (subject.n > 0)
		out->subject = subject;
	lang = text_of(L, fields, "lang", out);
	if (lang.n > 0)
		out->lang = lang;
}

/* "Subject: x" or "X-Loop": each with a CRLF behind it. */
static struct dg_str
read_headers(lua_State *L, int fields, const char *name, bool has_value,
    struct dg_decision *out)
{
	struct dg_str s = DG_NOSTR;
	luaL_Buffer b;

	lua_getfield(L, fields, name);
	if (lua_type(L, -1) != LUA_TTABLE) {
		lua_pop(L, 1);
		return s;
	}
	luaL_buffinit(L, &b);
	for (lua_Integer i = 1;; i++) {
		struct dg_str line, key;
		size_t colon;

		lua_getfield(L, fields, name);
		lua_rawgeti(L, -1, i);
		lua_replace(L, -2);
		if (lua_type(L, -1) != LUA_TSTRING) {
			lua_pop(L, 1);
			break;
		}
		line.p = lua_tolstring(L, -1, &line.n);
		colon = dg_str_find(line, ':');
		key = has_value ? dg_str_sub(line, 0, colon) : line;
		if ((has_value && colon >= line.n) || !dg_header_is_name(key) ||
		    dg_str_find(line, '\r') < line.n ||
		    dg_str_find(line, '\n') < line.n)
			dg_vm_raise(L, NULL, NULL,
			    "d.accept: %s: \"%.60s\" is no %s", name, line.p,
			    has_value ? "header field; write \"Name: value\""
				      : "name of a header field");
		luaL_addvalue(&b);
		luaL_addlstring(&b, "\r\n", 2);
	}
	luaL_pushresult(&b);
	s.p = lua_tolstring(L, -1, &s.n);
	s = dg_arena_str(&out->arena, s);
	lua_pop(L, 2);
	if (s.p == NULL)
		dg_vm_raise(L, NULL, NULL, "%s is longer than an answer may be",
		    name);
	return s;
}

/* accept's fields each belong to one question: elsewhere they would be lost
 * without a word. */
static void
check_place(lua_State *L, int fields, enum dg_question q,
    const struct made *m)
{
	static const struct {
		const char *field;
		enum dg_question question;
	} places[] = {
		{ "as", DG_Q_CREDENTIAL },
		{ "to", DG_Q_RECIPIENT },
		{ "rewrite_from", DG_Q_SENDER },
		{ "reply_to", DG_Q_SENDER },
		{ "add", DG_Q_CONTENT },
		{ "remove", DG_Q_CONTENT },
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		bool is_given =
		    lua_getfield(L, fields, places[i].field) != LUA_TNIL;

		lua_pop(L, 1);
		if (is_given && places[i].question != q)
			luaL_error(L,
			    "%s:%d: d.accept { %s = } answers question \"%s\", "
			    "not \"%s\"",
			    m->where.file != NULL ? m->where.file : "?",
			    m->where.line, places[i].field,
			    dg_question_name(places[i].question),
			    dg_question_name(q));
	}
}

static void
read_accept(lua_State *L, int fields, enum dg_question q,
    const struct made *m, struct dg_decision *out)
{
	check_place(L, fields, q, m);
	out->rewrite_from = text_of(L, fields, "rewrite_from", out);
	out->reply_to = text_of(L, fields, "reply_to", out);
	out->add = read_headers(L, fields, "add", true, out);
	out->remove = read_headers(L, fields, "remove", false, out);
}

static bool
takes(enum dg_question q, enum dg_decision_kind kind)
{
	struct dg_str list = dg_str(answers[q]), word;
	struct dg_str name = dg_str(dg_decision_name(kind));

	while ((word = dg_str_word(&list)).n > 0)
		if (dg_str_eq(word, name))
			return true;
	return false;
}

static int
wrong_kind(lua_State *L, enum dg_question q, const struct made *m)
{
	struct dg_str list = dg_str(answers[q]), word;
	char text[160] = "";

	while ((word = dg_str_word(&list)).n > 0)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    "d.%.*s, ", DG_FMT(word));
	return luaL_error(L,
	    "%s:%d: question \"%s\" takes %s%snil, not d.%s",
	    m->where.file != NULL ? m->where.file : "?", m->where.line,
	    dg_question_name(q), text, text[0] != '\0' ? "or " : "",
	    dg_decision_name(m->kind));
}

void
dg_decision_read(lua_State *L, int index, enum dg_question q,
    struct dg_decision *out)
{
	const struct made *m = luaL_checkudata(L, index, CLASS);
	struct dg_str mech, meaning;
	int fields;

	if (!takes(q, m->kind))
		wrong_kind(L, q, m);
	lua_getiuservalue(L, index, 1);
	fields = lua_gettop(L);
	out->where = m->where;
	out->because = text_of(L, fields, "because", out);
	switch (m->kind) { /* each look-up costs: only what it may have */
	case DG_D_ACCEPT:
		out->as = text_of(L, fields, "as", out);
		out->to = text_of(L, fields, "to", out);
		read_accept(L, fields, q, m, out);
		break;
	case DG_D_OFFER:
		read_lines(L, fields, out);
		out->hide = exts_of(L, fields, "hide", out);
		out->show = exts_of(L, fields, "show", out);
		break;
	case DG_D_TO:
		out->hop = text_of(L, fields, "hop", out);
		break;
	case DG_D_USE:
		out->verb = text_of(L, fields, "verb", out);
		mech = text_of(L, fields, "mechanism", out);
		out->has_mech = mech.n > 0 && dg_mech_find(mech, &out->mech);
		break;
	case DG_D_RETRY:
		out->verb = text_of(L, fields, "verb", out);
		read_retry(L, fields, out);
		break;
	case DG_D_HOLD:
		out->alert = text_of(L, fields, "alert", out);
		break;
	case DG_D_FAIL:
		meaning = text_of(L, fields, "meaning", out);
		out->has_meaning =
		    meaning.n > 0 && dg_meaning_find(meaning, &out->meaning);
		break;
	case DG_D_SAY:
		read_say(L, fields, out);
		break;
	default:
		read_reply(L, fields, out);
		break;
	}
	out->kind = m->kind;
	lua_pop(L, 1);
}
