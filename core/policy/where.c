/* where.c - find a declaration's key in the text of a policy.
 *
 * Lua tells the line of a statement and nothing about the keys of a table, so
 * the text is read a second time, by a lexer that knows strings, comments and
 * brackets and no grammar.  What it cannot find (a table made elsewhere, a
 * name made by a function) is told with the statement's line alone.
 */
#include "where.h"

void
dg_lexer_init(struct dg_lexer *x, struct dg_str text)
{
	const char *p = text.p != NULL ? text.p : "";

	*x = (struct dg_lexer){ p, p + text.n, p, 1 };
}

bool
dg_token_is(const struct dg_token *t, const char *text)
{
	return t->kind != DG_TOKEN_STRING && dg_str_is(t->text, text);
}

static bool
is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_';
}

static void
newline(struct dg_lexer *x)
{
	x->p++;
	x->line++;
	x->line_start = x->p;
}

/* "[[", "[==[": how many signs between; -1: no long bracket. */
static int
long_bracket(const struct dg_lexer *x)
{
	const char *p = x->p + 1;
	int level = 0;

	while (p < x->end && *p == '=') {
		level++;
		p++;
	}
	return p < x->end && *p == '[' ? level : -1;
}

static struct dg_str
read_long(struct dg_lexer *x, int level)
{
	const char *start;

	x->p += level + 2;
	start = x->p;
	while (x->p < x->end) {
		const char *q = x->p;
		int n = 0;

		if (*q == '\n') {
			newline(x);
			continue;
		}
		x->p++;
		if (*q != ']')
			continue;
		for (q++; q < x->end && *q == '=' && n < level; q++)
			n++;
		if (n == level && q < x->end && *q == ']') {
			struct dg_str s =
			    dg_str_of(start, (size_t)(x->p - 1 - start));

			x->p = q + 1;
			return s;
		}
	}
	return dg_str_of(start, (size_t)(x->end - start));
}

static struct dg_str
read_quoted(struct dg_lexer *x)
{
	char quote = *x->p++;
	const char *start = x->p;
	struct dg_str s;

	while (x->p < x->end && *x->p != quote && *x->p != '\n') {
		if (*x->p == '\\' && x->p + 1 < x->end) {
			x->p++;
			if (*x->p == '\n') {
				newline(x);
				continue;
			}
		}
		x->p++;
	}
	s = dg_str_of(start, (size_t)(x->p - start));
	if (x->p < x->end && *x->p == quote)
		x->p++;
	return s;
}

static void
skip_blanks(struct dg_lexer *x)
{
	while (x->p < x->end) {
		if (*x->p == '\n') {
			newline(x);
		} else if (*x->p == ' ' || (*x->p >= '\t' && *x->p <= '\r')) {
			x->p++;
		} else if (x->p + 1 < x->end && x->p[0] == '-' &&
			   x->p[1] == '-') {
			int level;

			x->p += 2;
			level = x->p < x->end && *x->p == '[' ? long_bracket(x)
							      : -1;
			if (level >= 0)
				(void)read_long(x, level);
			else
				while (x->p < x->end && *x->p != '\n')
					x->p++;
		} else {
			return;
		}
	}
}

bool
dg_lexer_next(struct dg_lexer *x, struct dg_token *out)
{
	const char *start;

	skip_blanks(x);
	start = x->p;
	*out = (struct dg_token){ DG_TOKEN_END, DG_NOSTR, x->line,
		(unsigned)(x->p - x->line_start) + 1 };
	if (x->p >= x->end)
		return false;
	if (is_name(*x->p)) {
		bool is_number = *x->p >= '0' && *x->p <= '9';

		while (x->p < x->end &&
		       (is_name(*x->p) || (is_number && *x->p == '.')))
			x->p++;
		out->kind = is_number ? DG_TOKEN_NUMBER : DG_TOKEN_NAME;
	} else if (*x->p == '"' || *x->p == '\'') {
		out->kind = DG_TOKEN_STRING;
		out->text = read_quoted(x);
		return true;
	} else if (*x->p == '[' && long_bracket(x) >= 0) {
		out->kind = DG_TOKEN_STRING;
		out->text = read_long(x, long_bracket(x));
		return true;
	} else {
		out->kind = DG_TOKEN_SIGN;
		do {
			x->p++;
		} while (*start == '.' && x->p < x->end && *x->p == '.' &&
			 x->p - start < 3);
	}
	out->text = dg_str_of(start, (size_t)(x->p - start));
	return true;
}

/* ---- a value ---- */

int
dg_token_opens(const struct dg_token *t)
{
	static const char *const open[] = { "{", "(", "[", "function", "if",
		"do", "repeat" };
	static const char *const close[] = { "}", ")", "]", "end", "until" };

	for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++)
		if (dg_token_is(t, open[i]))
			return 1;
	for (size_t i = 0; i < sizeof(close) / sizeof(close[0]); i++)
		if (dg_token_is(t, close[i]))
			return -1;
	return 0;
}

/* From the first token of a value to what ends it: "," ";" or the "}" of the
 * table around it. False at the end of the text. */
static bool
skip_value(struct dg_lexer *x, struct dg_token *t)
{
	int depth = 0;

	do {
		int d = dg_token_opens(t);

		if (depth == 0 &&
		    (d < 0 || dg_token_is(t, ",") || dg_token_is(t, ";")))
			return true;
		depth += d;
	} while (dg_lexer_next(x, t));
	return false;
}

/* ["key"] or ['key'], behind its "[". */
static bool
read_bracket_key(struct dg_lexer *x, struct dg_str *key)
{
	struct dg_lexer save = *x;
	struct dg_token k, end;

	if (dg_lexer_next(x, &k) && k.kind == DG_TOKEN_STRING &&
	    dg_lexer_next(x, &end) && dg_token_is(&end, "]")) {
		*key = k.text;
		return true;
	}
	*x = save;
	return false;
}

/* x stands behind "{". */
static struct dg_spot
find_in_table(struct dg_lexer *x, const struct dg_step *path, size_t n)
{
	struct dg_token t;
	int index = 0;

	while (dg_lexer_next(x, &t) && !dg_token_is(&t, "}")) {
		struct dg_spot here = { t.line, t.column };
		struct dg_str key = DG_NOSTR;
		struct dg_token next;
		struct dg_lexer save = *x;
		bool found;

		if (dg_token_is(&t, ",") || dg_token_is(&t, ";"))
			continue;
		if (t.kind == DG_TOKEN_NAME && dg_lexer_next(x, &next) &&
		    dg_token_is(&next, "=")) {
			key = t.text;
			(void)dg_lexer_next(x, &t);
		} else if (dg_token_is(&t, "[")) {
			*x = save;
			if (read_bracket_key(x, &key) &&
			    dg_lexer_next(x, &next)) /* "=" */
				(void)dg_lexer_next(x, &t);
		} else {
			*x = save;
			index++;
		}
		found = path->key != NULL
			    ? key.p != NULL && dg_str_is(key, path->key)
			    : key.p == NULL && index == path->index;
		if (found && n > 1 && dg_token_is(&t, "{")) {
			struct dg_spot in = find_in_table(x, path + 1, n - 1);

			return in.line != 0 ? in : here;
		}
		if (found)
			return here;
		if (!skip_value(x, &t) || dg_token_is(&t, "}"))
			break;
	}
	return (struct dg_spot){ 0, 0 };
}

/* Behind d.kind: an optional name, then the table. */
static bool
enter_table(struct dg_lexer *x, const char *name)
{
	struct dg_token t;

	if (!dg_lexer_next(x, &t))
		return false;
	if (name != NULL) {
		bool in_parens = dg_token_is(&t, "(");

		if (in_parens && !dg_lexer_next(x, &t))
			return false;
		if (t.kind != DG_TOKEN_STRING || !dg_str_is(t.text, name))
			return false;
		if (in_parens && !dg_lexer_next(x, &t))
			return false;
		if (!dg_lexer_next(x, &t))
			return false;
	}
	if (dg_token_is(&t, "(") && !dg_lexer_next(x, &t))
		return false;
	return dg_token_is(&t, "{");
}

/* return { ... }: a ready set of words. */
static struct dg_spot
find_returned(struct dg_lexer *x, const struct dg_step *path, size_t n)
{
	struct dg_token before = { 0 }, t;

	for (; dg_lexer_next(x, &t); before = t)
		if (dg_token_is(&t, "{") && dg_token_is(&before, "return"))
			return find_in_table(x, path, n);
	return (struct dg_spot){ 0, 0 };
}

struct dg_spot
dg_where_find(struct dg_str text, unsigned line, const char *kind,
    const char *name, const struct dg_step *path, size_t n)
{
	struct dg_token before = { 0 }, dot = { 0 }, word;
	struct dg_spot statement = { line, 0 }, in = { 0, 0 };
	struct dg_lexer x;

	dg_lexer_init(&x, text);
	x.line = line;
	if (kind == NULL)
		return find_returned(&x, path, n);
	for (; dg_lexer_next(&x, &word) && word.line <= line;
	     before = dot, dot = word) {
		struct dg_lexer inner = x;
		bool enters;

		if (before.kind != DG_TOKEN_NAME || !dg_token_is(&dot, ".") ||
		    !dg_token_is(&word, kind))
			continue;
		enters = enter_table(&inner, name);
		if (statement.column == 0 || enters)
			statement.column = before.column;
		if (!enters)
			continue;
		if (n > 0)
			in = find_in_table(&inner, path, n);
		break;
	}
	return in.line != 0 ? in : statement;
}
