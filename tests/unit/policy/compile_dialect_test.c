/* compile_dialect_test.c - dialects as compiled: the ready ones, the built-in,
 * and what is inherited. */
#include "help.h"

#define HEAD "local d = require 'dragoman'\n"

static const struct dg_dialect *
named(const struct dg_policy *p, const char *name)
{
	const struct dg_rules *r = dg_policy_rules(p);

	for (size_t i = 0; i < r->n_dialects; i++)
		if (strcmp(r->dialects[i]->name, name) == 0)
			return r->dialects[i];
	fail_msg("no dialect %s", name);
	return NULL;
}

static void
the_ready_rfc4954_says_what_the_built_in_one_does(void **state)
{
	struct dg_policy *p =
	    good(HEAD "d.dialect 'mine' { like = 'rfc4954' }\n");
	const struct dg_dialect *a = named(p, "rfc4954");
	const struct dg_dialect *b = dg_dialect_rfc4954();

	(void)state;
	assert_string_equal(a->where.file, "dialects/rfc4954.lua");
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->n_offer, b->n_offer);
	for (size_t i = 0; i < a->n_offer; i++) {
		assert_string_equal(a->offer[i].text, b->offer[i].text);
		assert_string_equal(a->offer[i].verb, b->offer[i].verb);
		assert_int_equal(a->offer[i].equals, b->offer[i].equals);
		assert_int_equal(a->offer[i].all, b->offer[i].all);
		assert_int_equal(a->offer[i].mechs, b->offer[i].mechs);
	}
	assert_int_equal(a->n_accept, b->n_accept);
	assert_int_equal(a->n_say, b->n_say);
	for (size_t i = 0; i < a->n_say; i++)
		assert_string_equal(a->say[i], b->say[i]);
	assert_int_equal(a->assume, b->assume);
	assert_int_equal(a->login_form, b->login_form);
	assert_int_equal(a->ntlm_initial, b->ntlm_initial);
	assert_int_equal(a->ntlm_take, b->ntlm_take);
	assert_int_equal(a->ntlm_send, b->ntlm_send);
	assert_string_equal(a->prompt_user, b->prompt_user);
	assert_string_equal(a->prompt_password, b->prompt_password);
	assert_string_equal(a->prompt_ntlm, b->prompt_ntlm);
	assert_int_equal(a->n_texts, b->n_texts);
	assert_int_equal(a->helo, b->helo);
	assert_int_equal(a->mend, b->mend);
	assert_int_equal(a->hide, b->hide);
	assert_int_equal(a->n_means, b->n_means);
	dg_policy_free(p);
}

static void
exchange_5_0_is_shown_xauth_and_never_auth(void **state)
{
	struct dg_policy *p =
	    good(HEAD "d.hop 'x' { hosts = { 'a' }, dialect = "
		      "'exchange-5.0' }\n");
	const struct dg_dialect *x = named(p, "exchange-5.0");

	(void)state;
	assert_int_equal(x->n_offer, 2);
	assert_string_equal(x->offer[0].text, "XAUTH NTLM");
	assert_string_equal(x->offer[1].text, "XAUTH=NTLM");
	assert_true(x->offer[1].equals);
	assert_string_equal(x->offer[0].verb, "XAUTH");
	assert_int_equal(x->offer[0].mechs, DG_MECH_BIT(DG_MECH_NTLM));
	assert_int_equal(dg_dialect_verb(x, DG_STR("auth")), DG_VERB_AUTH);
	assert_int_equal(dg_dialect_verb(x, DG_STR("xauth")), DG_VERB_AUTH);
	assert_string_equal(x->say[0], "XAUTH");
	assert_string_equal(x->say[1], "AUTH");
	assert_int_equal(x->assume, DG_MECH_BIT(DG_MECH_NTLM));
	assert_true((x->ntlm_send & DG_NTLM_LEVEL_V1) != 0);
	assert_true((x->hide & DG_EXT_STARTTLS) != 0);
	assert_int_equal(dg_meaning_of(DG_STAGE_AUTH, 500, "", x->means,
			     x->n_means, NULL),
	    DG_MEANING_VERB_UNKNOWN);
	assert_string_equal(x->at[DG_DIALECT_SAY].file,
	    "dialects/exchange-5.0.lua");
	assert_true(x->at[DG_DIALECT_SAY].line > x->where.line);
	assert_int_equal(x->offer[0].where.line, x->at[DG_DIALECT_OFFER].line);
	dg_policy_free(p);
}

static void
a_fixed_5_5_shows_both_and_the_older_one_auth_alone(void **state)
{
	struct dg_policy *p =
	    good(HEAD "d.dialect 'mine' { like = 'exchange-5.5-fixed' }\n");
	const struct dg_dialect *fixed = named(p, "exchange-5.5-fixed");
	const struct dg_dialect *old = named(p, "exchange-5.5");

	(void)state;
	assert_int_equal(old->n_offer, 1);
	assert_string_equal(old->offer[0].text, "AUTH NTLM");
	assert_string_equal(old->say[0], "AUTH");
	assert_int_equal(dg_dialect_verb(old, DG_STR("XAUTH")),
	    DG_VERB_UNKNOWN);
	assert_int_equal(fixed->n_offer, 3);
	assert_int_equal(dg_dialect_verb(fixed, DG_STR("XAUTH")), DG_VERB_AUTH);
	/* inherited */
	assert_int_equal(fixed->ntlm_take, old->ntlm_take);
	assert_int_equal(fixed->n_means, old->n_means);
	assert_string_equal(fixed->at[DG_DIALECT_NTLM].file,
	    "dialects/exchange-5.5.lua");
	dg_policy_free(p);
}

static const char family[] =
    HEAD "d.dialect 'child' { like = 'parent', offer = { 'X-EXPS NTLM' },\n"
	 "  show = { 'SIZE' },\n"
	 "  ntlm = { take = { 'v1' } },\n"
	 "  prompts = { ntlm = 'mine' },\n"
	 "  texts = { ['535'] = 'child' },\n"
	 "  means = { auth = { ['500'] = 'permanent' } } }\n"
	 "d.dialect 'parent' { offer = { 'AUTH NTLM', 'AUTH=NTLM' },\n"
	 "  accept = { 'XAUTH' }, hide = { 'SIZE', 'HELP' },\n"
	 "  ntlm = { take = { 'v2', 'lm' }, send = { 'v1' } },\n"
	 "  prompts = { login = { 'U', 'P' }, ntlm = 'theirs' },\n"
	 "  texts = { ['235'] = 'parent', ['535'] = 'parent' },\n"
	 "  means = { auth = { ['500'] = 'verb-unknown', ['502'] = "
	 "'verb-unknown' },\n"
	 "            ['*'] = { ['550 5.7.30'] = 'login-refused' } } }\n";

static void
a_field_replaces_and_means_texts_and_prompts_merge(void **state)
{
	struct dg_policy *p = good(family);
	const struct dg_dialect *c = named(p, "child");

	(void)state;
	assert_int_equal(c->n_offer, 1);            /* replaced */
	assert_string_equal(c->accept[0], "XAUTH"); /* inherited */
	assert_string_equal(c->say[0], "AUTH");     /* from rfc4954, at last */
	assert_int_equal(c->hide, DG_EXT_HELP);
	/* ntlm is one field: what it leaves out is the default */
	assert_int_equal(c->ntlm_take, DG_NTLM_LEVEL_V1);
	assert_int_equal(c->ntlm_send, DG_NTLM_LEVEL_V2);
	assert_string_equal(c->prompt_user, "U");
	assert_string_equal(c->prompt_ntlm, "mine");
	assert_string_equal(dg_dialect_text(c, 235, ""), "parent");
	assert_string_equal(dg_dialect_text(c, 535, ""), "child");
	assert_int_equal(c->n_means, 3);
	assert_int_equal(dg_meaning_of(DG_STAGE_AUTH, 500, "", c->means,
			     c->n_means, NULL),
	    DG_MEANING_PERMANENT);
	assert_int_equal(dg_meaning_of(DG_STAGE_AUTH, 502, "", c->means,
			     c->n_means, NULL),
	    DG_MEANING_VERB_UNKNOWN);
	assert_int_equal(dg_meaning_of(DG_STAGE_RCPT, 550, "5.7.30", c->means,
			     c->n_means, NULL),
	    DG_MEANING_LOGIN_REFUSED);
	assert_string_equal(c->means[0].file, "policy.lua");
	assert_int_equal(c->means[0].line, 7);
	dg_policy_free(p);
}

static void
a_declared_dialect_goes_before_a_ready_one(void **state)
{
	struct dg_policy *p =
	    good(HEAD "d.dialect 'exchange-5.0' { say = { 'MINE' } }\n"
		      "d.hop 'x' { hosts = { 'a' }, dialect = 'exchange-5.0' "
		      "}\n");
	const struct dg_hop *h = dg_policy_rules(p)->hops[0];

	(void)state;
	assert_string_equal(h->dialect->say[0], "MINE");
	assert_int_equal(dg_policy_rules(p)->n_dialects, 1);
	dg_policy_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    the_ready_rfc4954_says_what_the_built_in_one_does),
		cmocka_unit_test(exchange_5_0_is_shown_xauth_and_never_auth),
		cmocka_unit_test(
		    a_fixed_5_5_shows_both_and_the_older_one_auth_alone),
		cmocka_unit_test(
		    a_field_replaces_and_means_texts_and_prompts_merge),
		cmocka_unit_test(a_declared_dialect_goes_before_a_ready_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
