/* scan.c - look through a policy's text for d.<word> that does not exist.
 *
 * A typo in a hook would otherwise show when the hook first runs: at night, on
 * somebody's mail.  The text is read as tokens: whatever name the file gives
 * to require "dragoman" is followed by "." and a word of a closed list.  A file
 * that uses that name for something else, too, is left to the run.
 */
#include "declare.h"
#include "lib.h"

struct scan {
	struct dg_load *ld;
	const struct dg_source *s;
	struct dg_lexer x;
	struct dg_token t[5]; /* the current one and what follows */
	struct dg_token before;
};

static void
step(struct scan *c)
{
	c->before = c->t[0];
	memmove(&c->t[0], &c->t[1], 4 * sizeof(c->t[0]));
	(void)dg_lexer_next(&c->x, &c->t[4]);
}

static void
start(struct scan *c, struct dg_load *ld, const struct dg_source *s)
{
	*c = (struct scan){ .ld = ld, .s = s };
	dg_lexer_init(&c->x, dg_str_of(s->text, s->n));
	for (int i = 0; i < 5; i++)
		(void)dg_lexer_next(&c->x, &c->t[i]);
}

static bool
is_require(const struct dg_token *word, const struct dg_token *a,
    const struct dg_token *b)
{
	return dg_token_is(word, "require") &&
	       ((a->kind == DG_TOKEN_STRING &&
		    dg_str_is(a->text, "dragoman")) ||
		   (dg_token_is(a, "(") && b->kind == DG_TOKEN_STRING &&
		       dg_str_is(b->text, "dragoman")));
}

/* local d = require "dragoman" */
static struct dg_str
module_name(struct dg_load *ld, const struct dg_source *s)
{
	struct scan c;

	for (start(&c, ld, s); c.t[0].kind != DG_TOKEN_END; step(&c))
		if (c.t[0].kind == DG_TOKEN_NAME && dg_token_is(&c.t[1], "=") &&
		    is_require(&c.t[2], &c.t[3], &c.t[4]))
			return c.t[0].text;
	return DG_NOSTR;
}

/* Is the name also a parameter, a loop's or another local variable? */
static bool
has_another(struct dg_load *ld, const struct dg_source *s, struct dg_str name)
{
	enum {
		ELSEWHERE,
		IN_PARAMETERS,
		IN_NAMES
	} at = ELSEWHERE;
	struct scan c;

	for (start(&c, ld, s); c.t[0].kind != DG_TOKEN_END; step(&c)) {
		const struct dg_token *t = &c.t[0];

		if (dg_token_is(t, "function"))
			at = IN_PARAMETERS;
		else if (dg_token_is(t, "for") || dg_token_is(t, "local"))
			at = IN_NAMES;
		else if (at == IN_PARAMETERS && dg_token_is(t, ")"))
			at = ELSEWHERE;
		else if (at == IN_NAMES && t->kind != DG_TOKEN_NAME &&
			 !dg_token_is(t, ","))
			at = ELSEWHERE;
		else if (at == IN_NAMES && dg_token_is(t, "in"))
			at = ELSEWHERE;
		else if (at == IN_NAMES && t->kind == DG_TOKEN_NAME &&
			 c.before.kind == DG_TOKEN_NAME &&
			 !dg_token_is(&c.before, "local") &&
			 !dg_token_is(&c.before, "for"))
			at = ELSEWHERE; /* "local x" and a new statement */
		if (at == ELSEWHERE || t->kind != DG_TOKEN_NAME ||
		    !dg_str_eq(t->text, name))
			continue;
		if (at == IN_NAMES && dg_token_is(&c.t[1], "=") &&
		    is_require(&c.t[2], &c.t[3], &c.t[4]))
			continue;
		return true;
	}
	return false;
}

static const char *
word_of(struct scan *c, const struct dg_token *t)
{
	return dg_load_str(c->ld, t->text);
}

void
dg_scan(struct dg_load *ld, const struct dg_source *s)
{
	struct dg_str name = module_name(ld, s);
	struct scan c;

	if (name.n > 0 && has_another(ld, s, name))
		name = DG_NOSTR;
	dg_scan_text(ld, s, name);
	if (name.n == 0)
		return;
	for (start(&c, ld, s); c.t[0].kind != DG_TOKEN_END; step(&c)) {
		bool is_wrong = false;
		char what[160];

		if (c.t[0].kind != DG_TOKEN_NAME ||
		    !dg_str_eq(c.t[0].text, name) ||
		    dg_token_is(&c.before, ".") ||
		    dg_token_is(&c.before, ":") || !dg_token_is(&c.t[1], ".") ||
		    c.t[2].kind != DG_TOKEN_NAME)
			continue;
		if (!dg_token_is(&c.t[3], ".") || c.t[4].kind != DG_TOKEN_NAME)
			is_wrong = dg_d_problem(ld, word_of(&c, &c.t[2]), what);
		else if (dg_token_is(&c.t[2], "vars"))
			is_wrong =
			    dg_vars_problem(ld, word_of(&c, &c.t[4]), what);
		else if (dg_token_is(&c.t[2], "on"))
			is_wrong =
			    dg_on_problem(ld, word_of(&c, &c.t[4]), what);
		else
			is_wrong =
			    dg_d_problem(ld, word_of(&c, &c.t[2]), what) ||
			    dg_lib_member_problem(ld, word_of(&c, &c.t[2]),
				word_of(&c, &c.t[4]), what);
		if (is_wrong)
			dg_load_say_at(ld, s->name, c.t[0].line, c.t[0].column,
			    false, "%s", what);
	}
}
