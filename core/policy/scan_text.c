/* scan_text.c - mistakes that only the text shows, or a night's mail.
 *
 * A key that stands twice in a table (Lua takes the last without a word), a
 * field of q that its question does not have, a decision that its question
 * does not take: each would come out when the hook first runs.  Only what is
 * written in the plain way is looked at (d.on.NAME = function(q), on = { NAME =
 * function(q) }, ask = function(q), a row of words); a parameter that means
 * something else further in is left to the run.
 */
#include "declare.h"

#include <stdio.h>

enum {
	TOKENS_MAX = 200 * 1000,
	KEYS_MAX = 1000, /* of a table: more are a program's work */
};

struct text {
	struct dg_load *ld;
	const struct dg_source *s;
	struct dg_str module; /* what the file calls d */
	const struct dg_token *t;
	size_t n;
};

static bool
is(const struct text *x, size_t i, const char *word)
{
	return i < x->n && dg_token_is(&x->t[i], word);
}

static bool
is_word(const struct text *x, size_t i)
{
	return i < x->n && x->t[i].kind == DG_TOKEN_NAME;
}

static const char *
word_at(const struct text *x, size_t i)
{
	return dg_load_str(x->ld, x->t[i].text);
}

/* `say`'s place is that of token i. */
#define TELL(x, i, is_warning, ...) \
	dg_load_say_at((x)->ld, (x)->s->name, (x)->t[i].line, \
	    (x)->t[i].column, is_warning, __VA_ARGS__)

/* ---- blocks ---- */

static int
depth_change(const struct text *x, size_t i)
{
	static const char *const open[] = { "{", "(", "[", "function", "if",
		"do", "repeat" };
	static const char *const close[] = { "}", ")", "]", "end", "until" };

	for (size_t k = 0; k < sizeof(open) / sizeof(open[0]); k++)
		if (is(x, i, open[k]))
			return 1;
	for (size_t k = 0; k < sizeof(close) / sizeof(close[0]); k++)
		if (is(x, i, close[k]))
			return -1;
	return 0;
}

/* The token that closes what opens at i; n: there is none. */
static size_t
end_of(const struct text *x, size_t i)
{
	int depth = 0;

	for (; i < x->n; i++) {
		depth += depth_change(x, i);
		if (depth <= 0)
			return i;
	}
	return x->n;
}

/* ---- a key twice ---- */

struct key {
	struct key *next;
	struct dg_str text;
	unsigned line;
};

/* Is there a key at i, in a table?  *value: where its value begins. */
static bool
key_at(const struct text *x, size_t i, struct dg_str *key, size_t *value)
{
	if (is_word(x, i) && is(x, i + 1, "=") && !is(x, i + 2, "=")) {
		*key = x->t[i].text;
		*value = i + 2;
		return true;
	}
	if (is(x, i, "[") && i + 3 < x->n &&
	    x->t[i + 1].kind == DG_TOKEN_STRING && is(x, i + 2, "]") &&
	    is(x, i + 3, "=") && !is(x, i + 4, "=")) {
		*key = x->t[i + 1].text;
		*value = i + 4;
		return true;
	}
	return false;
}

static void
note_key(struct text *x, struct key **list, struct dg_str key, size_t i)
{
	struct key *k = *list;
	size_t n = 0;

	for (; k != NULL && !dg_str_eq(k->text, key); n++)
		k = k->next;
	if (k == NULL && n >= KEYS_MAX)
		return;
	if (k != NULL) {
		TELL(x, i, true,
		    "\"%.*s\" stands twice in this table: what line %u says of "
		    "it does not count",
		    DG_FMT(key), k->line);
		k->line = x->t[i].line;
		return;
	}
	k = dg_load_alloc(x->ld, sizeof(*k));
	*k = (struct key){ *list, key, x->t[i].line };
	*list = k;
}

/* One table that opens at i. */
static void
check_table(struct text *x, size_t i)
{
	size_t end = end_of(x, i), value;
	struct key *keys = NULL;
	struct dg_str key;

	for (i++; i < end; i++) {
		int d;

		if (key_at(x, i, &key, &value)) {
			note_key(x, &keys, key, i);
			i = value;
		}
		/* to the "," behind the value */
		for (; i < end && !is(x, i, ",") && !is(x, i, ";"); i++) {
			d = depth_change(x, i);
			if (d > 0)
				i = end_of(x, i);
		}
	}
}

/* ---- a hook's body ---- */

static const struct {
	const char *fields, *answers;
} questions[DG_Q_N] = {
#define Q(id, name, kind, here, wait_ms, safe, fields, answers, when) \
	[DG_Q_##id] = { fields, answers },
#include "dragoman/policy/questions.def"
#undef Q
};

static bool
has_word(const char *list, struct dg_str word)
{
	struct dg_str rest = dg_str(list), w;

	while ((w = dg_str_word(&rest)).n > 0)
		if (dg_str_eq(w, word))
			return true;
	return false;
}

/* NULL-ended, for did-you-mean. */
static const char *const *
words_of(struct dg_load *ld, const char *a, const char *b)
{
	const char **v = dg_load_alloc(ld, 64 * sizeof(*v));
	size_t n = 0;

	for (int i = 0; i < 2; i++) {
		struct dg_str rest = dg_str(i == 0 ? a : b), w;

		while (n < 63 && (w = dg_str_word(&rest)).n > 0)
			v[n++] = dg_load_str(ld, w);
	}
	return v;
}

/* Does the list of names that i stands in declare or set them?  (i is inside
 * a function: there are always three tokens before.) */
static bool
is_declared_at(const struct text *x, size_t i)
{
	size_t from = i, to = i;

	while (is(x, from - 1, ",") && is_word(x, from - 2) && from > 4)
		from -= 2;
	while (is(x, to + 1, ",") && is_word(x, to + 2))
		to += 2;
	if (is(x, from - 1, ".") || is(x, from - 1, ":"))
		return false;
	return is(x, from - 1, "local") || is(x, from - 1, "for") ||
	       is(x, from - 1, "function") ||
	       (is(x, from - 1, "(") && (is(x, from - 2, "function") ||
					    is(x, from - 3, "function"))) ||
	       (is(x, to + 1, "=") && !is(x, to + 2, "="));
}

/* Is the parameter something else somewhere in its function? */
static bool
is_shadowed(const struct text *x, size_t from, size_t end, struct dg_str name)
{
	for (size_t i = from; i < end; i++)
		if (is_word(x, i) && dg_str_eq(x->t[i].text, name) &&
		    is_declared_at(x, i))
			return true;
	return false;
}

static void
check_field(struct text *x, size_t i, enum dg_question q)
{
	static const char always[] = "peer address listener tls note notes";
	struct dg_str word = x->t[i + 2].text;
	const char *z = word_at(x, i + 2);

	if (has_word(always, word) || has_word(questions[q].fields, word))
		return;
	TELL(x, i, false, "question \"%s\": q has no field \"%.60s\"%s",
	    dg_question_name(q), z,
	    dg_near_or_all(x->ld, z,
		words_of(x->ld, questions[q].fields, always)));
}

/* return d.WORD, in the hook itself */
static void
check_answer(struct text *x, size_t i, enum dg_question q)
{
	static const char decisions[] = "accept refuse defer close discard "
					"offer to use retry hold fail say";
	struct dg_str word = x->t[i + 2].text, rest, w;
	struct dg_buf takes;

	if (!has_word(decisions, word) || has_word(questions[q].answers, word))
		return;
	dg_buf_init(&takes, 300);
	rest = dg_str(questions[q].answers);
	while ((w = dg_str_word(&rest)).n > 0)
		(void)dg_buf_addf(&takes, "d.%.*s, ", DG_FMT(w));
	TELL(x, i, false, "question \"%s\" takes %s%snil, not d.%s",
	    dg_question_name(q), dg_buf_z(&takes), takes.n > 0 ? "or " : "",
	    word_at(x, i + 2));
	dg_buf_fini(&takes);
}

/* function(q) ... end, at i */
static void
check_hook(struct text *x, size_t i, enum dg_question q)
{
	size_t end = end_of(x, i), inner = 0;
	struct dg_str param;

	if (end >= x->n || !is(x, i + 1, "("))
		return;
	param = is_word(x, i + 2) && is(x, i + 3, ")") ? x->t[i + 2].text
						       : DG_NOSTR;
	if (param.n > 0 && is_shadowed(x, i + 4, end, param))
		param = DG_NOSTR;
	for (i += 2; i < end; i++) {
		if (is(x, i, "function") && inner < i)
			inner = end_of(x, i);
		if (!is_word(x, i) || is(x, i - 1, ".") || is(x, i - 1, ":") ||
		    !is(x, i + 1, ".") || !is_word(x, i + 2))
			continue;
		if (param.n > 0 && dg_str_eq(x->t[i].text, param))
			check_field(x, i, q);
		else if (inner < i && is(x, i - 1, "return") &&
			 x->module.n > 0 &&
			 dg_str_eq(x->t[i].text, x->module) &&
			 !is(x, i + 3, "."))
			check_answer(x, i, q);
	}
}

/* ---- where hooks stand ---- */

static bool
question_named(struct dg_str name, enum dg_question *out)
{
	for (unsigned q = 0; q < DG_Q_N; q++)
		if (dg_str_is(name, dg_question_name((enum dg_question)q))) {
			*out = (enum dg_question)q;
			return true;
		}
	return false;
}

/* on = { NAME = function ... }, the "{" at i */
static void
check_on(struct text *x, size_t i)
{
	size_t end = end_of(x, i), value;
	enum dg_question q;
	struct dg_str key;

	for (i++; i < end; i++) {
		if (key_at(x, i, &key, &value) && is(x, value, "function") &&
		    question_named(key, &q))
			check_hook(x, value, q);
		if (depth_change(x, i) > 0)
			i = end_of(x, i);
	}
}

static bool
is_row_of_words(struct dg_str key)
{
	enum dg_meaning m;

	return dg_meaning_find(key, &m) ||
	       (key.n >= 3 && key.p[0] >= '4' && key.p[0] <= '5' &&
		   key.p[1] >= '0' && key.p[1] <= '9');
}

static void
check_here(struct text *x, size_t i)
{
	enum dg_question q;
	struct dg_str key;
	size_t value;

	if (x->module.n > 0 && is_word(x, i) &&
	    dg_str_eq(x->t[i].text, x->module) && is(x, i + 1, ".") &&
	    is(x, i + 2, "on") && is(x, i + 3, ".") && is_word(x, i + 4) &&
	    is(x, i + 5, "=") && is(x, i + 6, "function") &&
	    question_named(x->t[i + 4].text, &q))
		check_hook(x, i + 6, q);
	if (is(x, i, "{"))
		check_table(x, i);
	if (i == 0 || (!is(x, i - 1, "{") && !is(x, i - 1, ",") &&
			  !is(x, i - 1, ";")))
		return;
	if (!key_at(x, i, &key, &value))
		return;
	if (dg_str_is(key, "on") && is(x, value, "{"))
		check_on(x, value);
	else if (dg_str_is(key, "ask") && is(x, value, "function"))
		check_hook(x, value, DG_Q_ROUTE);
	else if (is(x, i, "[") && is(x, value, "function") &&
		 is_row_of_words(key))
		check_hook(x, value, DG_Q_REPORT);
}

void
dg_scan_text(struct dg_load *ld, const struct dg_source *s,
    struct dg_str module)
{
	struct text x = { .ld = ld, .s = s, .module = module };
	struct dg_lexer lexer;
	struct dg_token t, *v;
	size_t n = 0;

	dg_lexer_init(&lexer, dg_str_of(s->text, s->n));
	while (dg_lexer_next(&lexer, &t))
		n++;
	if (n > TOKENS_MAX)
		return; /* no person wrote that */
	x.t = v = dg_load_alloc(ld, (n + 1) * sizeof(*v));
	dg_lexer_init(&lexer, dg_str_of(s->text, s->n));
	while (x.n < n && dg_lexer_next(&lexer, &v[x.n]))
		x.n++;
	for (size_t i = 0; i < x.n; i++)
		check_here(&x, i);
}
