/*
 * client_login.c - candidates: which verb, mechanism and login are tried, and
 * in which order.
 *
 * The login list is the floor: nothing that the administrator didn't list is
 * ever made a candidate, whatever a server shows.  Within a row the verbs under
 * which the server shows the mechanism come first, then those that the dialect
 * only assumes, each in the order of `say`.  What one refusal teaches about the
 * others (a verb unknown, a password refused) strikes them all at once.
 */
#include "client_state.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	VERB_ROOM = sizeof(((struct cli_candidate *)0)->verb)
};

struct verbs {
	struct dg_str v[DG_DIALECT_VERBS];
	size_t n;
};

/* What the EHLO reply shows under one verb. */
struct shown {
	unsigned mechs;
	bool is_bare; /* "XAUTH" and nothing behind it */
};

static unsigned
mechs_in(struct dg_str words)
{
	unsigned mechs = 0;
	struct dg_str w;
	enum dg_mech m;

	for (w = dg_str_word(&words); w.n > 0; w = dg_str_word(&words)) {
		if (dg_mech_find(w, &m))
			mechs |= DG_MECH_BIT(m);
	}
	return mechs;
}

static struct shown
shown_under(const struct dg_cli *c, struct dg_str verb)
{
	struct shown s = { 0, false };
	struct dg_ehlo_line l;
	size_t at = 0;

	while (dg_ehlo_next(&c->ehlo, &at, &l)) {
		if (!dg_str_ieq(l.keyword, verb))
			continue;
		s.mechs |= mechs_in(l.args);
		s.is_bare |= l.args.n == 0;
	}
	return s;
}

/* A verb that can be said: short, and nothing but letters, digits and '-'. */
static bool
is_verb(struct dg_str s)
{
	if (s.n == 0 || s.n >= VERB_ROOM)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char ch = dg_lower(s.p[i]);

		if (!(ch >= 'a' && ch <= 'z') && !(ch >= '0' && ch <= '9') &&
		    ch != '-')
			return false;
	}
	return true;
}

/* Skip lists are words: "XAUTH X-EXPS". */
static bool
is_skipped(const struct dg_cli *c, struct dg_str verb)
{
	struct dg_str list = c->o.skip_verb, w;

	for (w = dg_str_word(&list); w.n > 0; w = dg_str_word(&list)) {
		if (dg_str_ieq(w, verb))
			return true;
	}
	return false;
}

static void
add_verb(const struct dg_cli *c, struct verbs *to, struct dg_str verb)
{
	if (to->n == DG_DIALECT_VERBS || !is_verb(verb) || is_skipped(c, verb))
		return;
	for (size_t i = 0; i < to->n; i++) {
		if (dg_str_ieq(to->v[i], verb))
			return;
	}
	to->v[to->n++] = verb;
}

/* Without a dialect: AUTH, then whatever else has mechanisms behind it. */
static void
verbs_shown(const struct dg_cli *c, struct verbs *to)
{
	struct dg_ehlo_line l;
	size_t at = 0;

	if (shown_under(c, DG_STR("AUTH")).mechs != 0)
		add_verb(c, to, DG_STR("AUTH"));
	while (dg_ehlo_next(&c->ehlo, &at, &l)) {
		if (mechs_in(l.args) != 0)
			add_verb(c, to, l.keyword);
	}
}

static void
verbs_to_say(const struct dg_cli *c, const struct dg_cli_answer *wish,
    struct verbs *to)
{
	to->n = 0;
	if (wish != NULL && wish->verb.n > 0) {
		add_verb(c, to, wish->verb);
		return;
	}
	if (c->o.dialect == NULL) {
		verbs_shown(c, to);
		return;
	}
	dg_row_hit(c->dialect->row[DG_DIALECT_ROW_SAY]);
	for (size_t i = 0; i < c->dialect->n_say; i++)
		add_verb(c, to, dg_str(c->dialect->say[i]));
	if (c->dialect->n_say == 0)
		add_verb(c, to, DG_STR("AUTH"));
}

/* What is tried though it is not shown. */
static unsigned
assumed(const struct dg_cli *c, const struct dg_cli_answer *wish)
{
	unsigned mechs = c->o.dialect != NULL ? c->dialect->assume : 0;

	if (mechs == 0)
		dg_row_hit(c->dialect->row[DG_DIALECT_ROW_ASSUME]);
	if (wish != NULL && wish->has_mech)
		mechs |= DG_MECH_BIT(wish->mech);
	else if (wish != NULL && wish->verb.n > 0)
		mechs = DG_MECH_ALL; /* the policy knows the server */
	return mechs;
}

static void
add_candidate(struct dg_cli *c, struct dg_str verb,
    const struct dg_login *login, const char *why)
{
	struct cli_candidate *k = &c->login.v[c->login.n++];

	memset(k, 0, sizeof(*k));
	snprintf(k->verb, sizeof(k->verb), "%.*s", DG_FMT(verb));
	k->login = login;
	k->why = why;
}

static void
add_row(struct dg_cli *c, const struct dg_login *login,
    const struct verbs *verbs, const struct dg_cli_answer *wish)
{
	unsigned bit = DG_MECH_BIT(login->mech);
	unsigned may_assume = assumed(c, wish);
	bool is_wish = wish != NULL && (wish->verb.n > 0 || wish->has_mech);

	for (int listed = 1; listed >= 0; listed--) {
		for (size_t i = 0; i < verbs->n; i++) {
			struct shown s = shown_under(c, verbs->v[i]);
			/* "XAUTH" alone offers what the dialect assumes */
			bool is_listed = (s.mechs & bit) != 0 ||
					 (s.is_bare && (may_assume & bit) != 0);

			if (is_listed != (listed == 1) ||
			    (!is_listed && (may_assume & bit) == 0))
				continue;
			if (!is_wish && ((s.mechs & bit) == 0))
				dg_row_hit(
				    c->dialect->row[DG_DIALECT_ROW_ASSUME]);
			add_candidate(c, verbs->v[i], login,
			    is_wish  ? "policy"
			    : listed ? "offered"
				     : "assumed");
		}
	}
}

/* What worked the last time goes first, if it is still a candidate. */
static void
remembered_first(struct dg_cli *c)
{
	struct cli_login *l = &c->login;

	for (size_t i = 0; i < l->n; i++) {
		struct cli_candidate k = l->v[i];

		if (!dg_str_ieq(dg_str(k.verb), c->o.remembered_verb) ||
		    k.login->mech != c->o.remembered_mech)
			continue;
		memmove(l->v + 1, l->v, i * sizeof(*l->v));
		k.why = "remembered";
		l->v[0] = k;
		return;
	}
}

void
dg_cli_candidates(struct dg_cli *c, const struct dg_cli_answer *wish)
{
	struct verbs verbs;

	verbs_to_say(c, wish, &verbs);
	free(c->login.v);
	c->login.v =
	    dg_alloc0((c->o.n_logins * verbs.n + 1) * sizeof(*c->login.v));
	c->login.n = 0;
	for (size_t i = 0; i < c->o.n_logins; i++) {
		const struct dg_login *login = &c->o.logins[i];

		if (wish == NULL || !wish->has_mech ||
		    wish->mech == login->mech)
			add_row(c, login, &verbs, wish);
	}
	if (wish == NULL || (wish->verb.n == 0 && !wish->has_mech))
		remembered_first(c);
}

void
dg_cli_strike(struct dg_cli *c, struct cli_candidate *tried, enum dg_meaning m)
{
	for (size_t i = 0; i < c->login.n; i++) {
		struct cli_candidate *k = &c->login.v[i];
		bool same_verb =
		    dg_str_ieq(dg_str(k->verb), dg_str(tried->verb));

		if (m == DG_MEANING_VERB_UNKNOWN)
			k->is_struck |= same_verb;
		else if (m == DG_MEANING_LOGIN_REFUSED)
			/* a password refused is not tried in another way */
			k->is_struck |= k->login == tried->login;
		else
			k->is_struck |=
			    same_verb && k->login->mech == tried->login->mech;
	}
}

struct cli_candidate *
dg_cli_candidate_next(struct dg_cli *c, const struct cli_candidate *tried,
    enum dg_meaning m)
{
	struct cli_candidate *first = NULL;

	for (size_t i = 0; i < c->login.n; i++) {
		struct cli_candidate *k = &c->login.v[i];

		if (k->is_struck)
			continue;
		/* 504: the mechanism is not liked here, another may be */
		if (tried == NULL || m == DG_MEANING_VERB_UNKNOWN ||
		    m == DG_MEANING_LOGIN_REFUSED ||
		    k->login->mech != tried->login->mech)
			return k;
		if (first == NULL)
			first = k;
	}
	return first;
}
