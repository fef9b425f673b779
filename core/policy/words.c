/*
 * words.c - which words a sender reads: question report, then d.words in file
 * order, then a sentence of our own.
 *
 * In one d.words the longest reply counts first ("550 5.1.1", then "550"),
 * then the meaning.  A text's {placeholders} were checked at load; a function
 * in a row gets q and returns a text, d.say{...}, or nil for the next.
 */
#include "decision.h"

#include <stdio.h>

#include "dragoman/base/log.h"

enum { TEXT_MAX = 64 * 1024, FACTS_MAX = 32 };

static const char built_in[] =
    "Your message to {recipient} could not be delivered ({meaning}).\n"
    "{host} said: {reply}";

/* ---- facts ---- */

struct facts {
	struct dg_fact v[FACTS_MAX];
	size_t n;
};

static void
add_s(struct facts *f, const char *name, struct dg_str text)
{
	f->v[f->n++] = (struct dg_fact){ name, false, 0, text };
}

static void
add_i(struct facts *f, const char *name, int64_t number)
{
	f->v[f->n++] = (struct dg_fact){ name, true, number, DG_NOSTR };
}

static void
facts_of(const struct dg_words_query *q, struct facts *f)
{
	memset(f, 0, sizeof(*f));
	add_s(f, "recipient", q->recipient);
	add_s(f, "domain", q->domain);
	add_s(f, "sender", q->sender);
	add_s(f, "peer", q->peer);
	add_s(f, "hop", q->hop);
	add_s(f, "host", q->host);
	add_s(f, "reply", q->reply);
	add_i(f, "code", q->code);
	add_s(f, "enhanced", q->enhanced);
	add_s(f, "meaning", dg_str(dg_meaning_name(q->meaning)));
	add_s(f, "offered", q->offered);
	add_s(f, "held", q->held);
	add_s(f, "first_try", q->first_try);
	add_i(f, "tries", q->tries);
	add_s(f, "relay", q->relay);
	add_i(f, "size", (int64_t)q->size);
	add_i(f, "limit", (int64_t)q->limit);
	add_s(f, "subject", q->subject);
	add_s(f, "date", q->date);
}

static const struct dg_fact *
find(const struct facts *f, struct dg_str name)
{
	for (size_t i = 0; i < f->n; i++)
		if (dg_str_is(name, f->v[i].name))
			return &f->v[i];
	return NULL;
}

/* Put the facts in; what is no placeholder stands as it is. */
static void
fill(struct dg_str text, const struct facts *f, struct dg_buf *out)
{
	while (text.n > 0) {
		size_t open = dg_str_find(text, '{');
		struct dg_str rest = dg_str_from(text, open + 1);
		size_t close = dg_str_find(rest, '}');
		const struct dg_fact *fact =
		    close < rest.n ? find(f, dg_str_sub(rest, 0, close)) : NULL;

		(void)dg_buf_add(out, dg_str_sub(text, 0, open));
		if (open >= text.n)
			return;
		if (fact == NULL) {
			(void)dg_buf_addc(out, '{');
			text = rest;
			continue;
		}
		if (fact->is_number)
			(void)dg_buf_addf(out, "%lld",
			    (long long)fact->number);
		else
			(void)dg_buf_add(out, fact->text);
		text = dg_str_from(rest, close + 1);
	}
}

static void
say(const char *text, const struct facts *f, struct dg_decision *out)
{
	struct dg_buf b;

	dg_buf_init(&b, TEXT_MAX);
	fill(dg_str(text), f, &b);
	out->kind = DG_D_SAY;
	out->text = dg_arena_str(&out->arena, dg_buf_str(&b));
	dg_buf_fini(&b);
}

/* ---- which row ---- */

static bool
applies(const struct dg_words *w, const struct dg_words_query *q)
{
	return (w->peer == NULL || dg_str_is(q->peer, w->peer)) &&
	    (w->hop == NULL || dg_str_is(q->hop, w->hop)) &&
	    dg_patterns_match(&w->to, q->recipient) &&
	    dg_patterns_match(&w->from, q->sender);
}

/* 3: code and enhanced, 2: code, 1: meaning, 0: not this row. */
static int
rank(const struct dg_words_row *r, const struct dg_words_query *q)
{
	if (r->code == 0)
		return r->meaning == q->meaning;
	if (r->code != q->code)
		return 0;
	if (r->enhanced[0] == '\0')
		return 2;
	return dg_str_is(q->enhanced, r->enhanced) ? 3 : 0;
}

/* ---- a function in a row ---- */

struct call {
	const struct dg_words *words;
	const struct dg_words_row *row;
	const struct facts *facts;
	const struct dg_notes *notes;
	struct dg_decision *out;
};

static int
run_row(lua_State *L)
{
	const struct call *c = lua_touserdata(L, 1);
	struct dg_str s;

	dg_vm_push_hook(L, c->row->hook);
	dg_q_push(L, DG_Q_REPORT, c->facts->v, c->notes);
	if (c->words->set_ref != 0)
		dg_vm_push_set(L, c->words->set_ref);
	else
		lua_newtable(L);
	lua_pushliteral(L, "set");
	lua_insert(L, -2);
	lua_rawset(L, -3);
	lua_call(L, 1, 1);
	if (lua_isnil(L, -1))
		return 0;
	if (dg_decision_is(L, -1)) {
		dg_decision_read(L, lua_gettop(L), DG_Q_REPORT, c->out);
		return 0;
	}
	if (lua_type(L, -1) != LUA_TSTRING)
		return luaL_error(L, "a row of d.words returned a %s; return a "
		    "text, d.say{...} or nil", luaL_typename(L, -1));
	s.p = lua_tolstring(L, -1, &s.n);
	if (s.n > TEXT_MAX)
		return luaL_error(L, "a row of d.words returned more than "
		    "64 KiB");
	c->out->text = dg_arena_str(&c->out->arena, s);
	c->out->where = c->row->where;
	c->out->kind = DG_D_SAY;
	return 0;
}

static bool
ask_row(struct dg_policy_state *s, struct call *c)
{
	lua_State *L = s->vm.L;
	struct dg_err e = { 0 };

	lua_pushcfunction(L, run_row);
	lua_pushlightuserdata(L, c);
	if (dg_vm_run(&s->vm, L, 1, s->instructions, &e) != DG_OK) {
		dg_hook_failed(s, DG_Q_REPORT, c->row->hook, e.text);
		dg_decision_fini(c->out);
		dg_decision_init(c->out);
		return false;
	}
	return c->out->kind == DG_D_SAY;
}

/* The rows of one d.words, the best first; a function may pass. */
static bool
walk_rows(struct dg_policy_state *s, const struct dg_words *w,
    const struct dg_words_query *q, const struct facts *f,
    const struct dg_notes *notes, struct dg_decision *out)
{
	for (int wanted = 3; wanted >= 1; wanted--) {
		for (size_t i = 0; i < w->n_rows; i++) {
			const struct dg_words_row *r = &w->rows[i];
			struct call c = { w, r, f, notes, out };

			if (rank(r, q) != wanted)
				continue;
			if (r->hook == 0) {
				say(r->text, f, out);
				out->where = r->where;
				return true;
			}
			if (ask_row(s, &c))
				return true;
		}
	}
	return false;
}

void
dg_policy_words(struct dg_policy_state *s, const struct dg_hooks *own,
    const struct dg_words_query *q, struct dg_notes *notes,
    struct dg_decision *out)
{
	const struct dg_rules *rules = dg_policy_rules(s->policy);
	struct facts f;

	facts_of(q, &f);
	if (dg_policy_wants(rules, DG_Q_REPORT, own))
		dg_policy_ask(s, DG_Q_REPORT, own, f.v, notes, out);
	if (out->kind == DG_D_SAY && (out->says_nothing || out->text.n > 0))
		return;
	out->kind = DG_D_NONE;
	for (size_t i = 0; i < rules->n_words; i++) {
		const struct dg_words *w = &rules->words[i];

		if (!applies(w, q) || !walk_rows(s, w, q, &f, notes, out))
			continue;
		if (out->subject.n == 0)
			out->subject = dg_str(w->subject);
		if (out->lang.n == 0)
			out->lang = dg_str(w->lang);
		return;
	}
	say(built_in, &f, out);
}
