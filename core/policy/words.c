/*
 * words.c - which words a sender reads: question report, then d.words in file
 * order, then a sentence of our own.
 *
 * In one d.words the longest reply counts first ("550 5.1.1", then "550"),
 * then the meaning.  A text's {placeholders} were checked at load; a function
 * in a row gets q and returns a text, d.say{...}, or nil for the next.
 */
#include "call.h"

enum { TEXT_MAX = 64 * 1024 };

static const char built_in[] =
    "Your message to {recipient} could not be delivered ({meaning}).\n"
    "{host} said: {reply}";

/* ---- facts ---- */

static void
facts_of(struct dg_asking *a)
{
	const struct dg_words_query *q = &a->query.words;
	const struct dg_fact facts[] = {
		{ "recipient", false, 0, q->recipient },
		{ "domain", false, 0, q->domain },
		{ "sender", false, 0, q->sender },
		{ "peer", false, 0, q->peer },
		{ "hop", false, 0, q->hop },
		{ "host", false, 0, q->host },
		{ "reply", false, 0, q->reply },
		{ "code", true, q->code, DG_NOSTR },
		{ "enhanced", false, 0, q->enhanced },
		{ "meaning", false, 0, dg_str(dg_meaning_name(q->meaning)) },
		{ "offered", false, 0, q->offered },
		{ "held", false, 0, q->held },
		{ "first_try", false, 0, q->first_try },
		{ "tries", true, q->tries, DG_NOSTR },
		{ "relay", false, 0, q->relay },
		{ "size", true, (int64_t)q->size, DG_NOSTR },
		{ "limit", true, (int64_t)q->limit, DG_NOSTR },
		{ "subject", false, 0, q->subject },
		{ "date", false, 0, q->date },
		{ NULL, false, 0, DG_NOSTR },
	};

	memcpy(a->facts, facts, sizeof(facts));
}

/* What rows are chosen by. */
static void
keep(struct dg_asking *a)
{
	struct dg_words_query *q = &a->query.words;

	q->recipient = dg_asking_fact(a, "recipient");
	q->sender = dg_asking_fact(a, "sender");
	q->peer = dg_asking_fact(a, "peer");
	q->hop = dg_asking_fact(a, "hop");
	q->enhanced = dg_asking_fact(a, "enhanced");
}

static const struct dg_fact *
find(const struct dg_fact *facts, struct dg_str name)
{
	for (; facts->name != NULL; facts++)
		if (dg_str_is(name, facts->name))
			return facts;
	return NULL;
}

/* Put the facts in; what is no placeholder stands as it is. */
static void
fill(struct dg_str text, const struct dg_fact *facts, struct dg_buf *out)
{
	while (text.n > 0) {
		size_t open = dg_str_find(text, '{');
		struct dg_str rest = dg_str_from(text, open + 1);
		size_t close = dg_str_find(rest, '}');
		const struct dg_fact *fact =
		    close < rest.n ? find(facts, dg_str_sub(rest, 0, close)) : NULL;

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
say(const char *text, struct dg_asking *a)
{
	struct dg_buf b;

	dg_buf_init(&b, TEXT_MAX);
	fill(dg_str(text), a->facts, &b);
	a->d.kind = DG_D_SAY;
	a->d.text = dg_arena_str(&a->d.arena, dg_buf_str(&b));
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

/* ---- the walk: question report, then rows ----
 *
 * at: 0 and 1 the hooks, then the d.words; in one, rank 3 to 1, and the rows.
 */
static const struct dg_words *
words_at(const struct dg_asking *a)
{
	const struct dg_rules *rules = dg_policy_rules(a->state->policy);
	size_t i = a->at - DG_HOOKS_ASKED;

	return a->at >= DG_HOOKS_ASKED && i < rules->n_words ? &rules->words[i]
							 : NULL;
}

/* The next row of words w that counts. */
static const struct dg_words_row *
next_row(struct dg_asking *a, const struct dg_words *w)
{
	for (; a->rank >= 1; a->rank--, a->row = 0) {
		while (a->row < w->n_rows) {
			const struct dg_words_row *r = &w->rows[a->row++];

			if (rank(r, &a->query.words) == a->rank)
				return r;
		}
	}
	return NULL;
}

static int
next(struct dg_asking *a)
{
	const struct dg_words *w;

	if (a->rank == 0) {
		int hook = dg_asking_next_hook(a);

		if (hook != 0)
			return hook;
		a->rank = 3; /* the hooks are behind us */
		a->row = 0;
	}
	for (; (w = words_at(a)) != NULL; a->at++, a->rank = 3, a->row = 0) {
		const struct dg_words_row *r;

		if (!applies(w, &a->query.words))
			continue;
		r = next_row(a, w);
		if (r == NULL)
			continue;
		a->d.where = r->where;
		if (r->hook != 0)
			return r->hook;
		dg_row_hit(r->row);
		say(r->text, a);
		return 0;
	}
	a->d.where = (struct dg_where){ NULL, 0 };
	say(built_in, a);
	return 0;
}

/* A hook may give a subject alone: the text then comes from the rows. */
static bool
ends(struct dg_asking *a)
{
	if (a->d.kind == DG_D_SAY && (a->d.says_nothing || a->d.text.n > 0)) {
		if (a->rank > 0)
			dg_row_hit(words_at(a)->rows[a->row - 1].row);
		return true;
	}
	a->d.kind = DG_D_NONE;
	return false;
}

static void
finish(struct dg_asking *a)
{
	const struct dg_words *w = a->rank > 0 ? words_at(a) : NULL;

	if (w == NULL)
		return;
	dg_row_hit(w->row);
	if (a->d.subject.n == 0)
		a->d.subject = dg_str(w->subject);
	if (a->d.lang.n == 0)
		a->d.lang = dg_str(w->lang);
}

/* q.set: the values given to a ready set. */
static void
push(lua_State *L, struct dg_asking *a)
{
	const struct dg_words *w = a->rank > 0 ? words_at(a) : NULL;

	lua_pushliteral(L, "set");
	if (w != NULL && w->set_ref != 0)
		dg_vm_push_set(L, w->set_ref);
	else
		lua_newtable(L);
	lua_rawset(L, -3);
}

/* A row's function returns a text, d.say{...}, or nil for the next. */
static void
read(lua_State *L, struct dg_asking *a)
{
	struct dg_where row = a->d.where;
	struct dg_str s;

	if (a->rank == 0 || lua_isnil(L, -1) || dg_decision_is(L, -1)) {
		dg_asking_read(L, a);
		return;
	}
	if (lua_type(L, -1) != LUA_TSTRING)
		luaL_error(L,
		    "a row of d.words returned a %s; return a text, "
		    "d.say{...} or nil",
		    luaL_typename(L, -1));
	s.p = lua_tolstring(L, -1, &s.n);
	if (s.n > TEXT_MAX)
		luaL_error(L, "a row of d.words returned more than 64 KiB");
	a->d.text = dg_arena_str(&a->d.arena, s);
	if (a->d.text.p == NULL)
		luaL_error(L, "%s:%d: text is longer than an answer may be",
		    row.file, row.line);
	a->d.where = row;
	a->d.kind = DG_D_SAY;
}

static const struct dg_asking_walk words_walk = {
	.next = next,
	.ends = ends,
	.finish = finish,
	.push = push,
	.read = read,
	.keep = keep,
};

bool
dg_policy_words(struct dg_policy_state *s, struct dg_asking *a,
    const struct dg_hooks *own, const struct dg_words_query *q,
    struct dg_notes *notes)
{
	a->state = s;
	a->question = DG_Q_REPORT;
	a->own = own;
	a->notes = notes;
	a->walk = &words_walk;
	a->at = a->row = 0;
	a->rank = 0;
	a->query.words = *q;
	facts_of(a);
	return dg_asking_walk(a);
}
