/* dialect_test.c - spellings and their meanings, offer lines as written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/smtp/dialect.h"

#define N DG_MECH_BIT(DG_MECH_NTLM)
#define L DG_MECH_BIT(DG_MECH_LOGIN)

static const struct {
	const char *why, *text;
	const char *verb; /* NULL: refused */
	bool equals, all;
	unsigned mechs;
	const char *error;
} lines[] = {
	{ "one mechanism", "XAUTH NTLM", "XAUTH", false, false, N, "" },
	{ "draft form", "AUTH=LOGIN", "AUTH", true, false, L, "" },
	{ "draft form, two", "AUTH=login ntlm", "AUTH", true, false, N | L,
	    "" },
	{ "all", "AUTH *", "AUTH", false, true, 0, "" },
	{ "all, draft form", "X-EXPS=*", "X-EXPS", true, true, 0, "" },
	{ "a bare word", " XAUTH ", "XAUTH", false, false, 0, "" },
	{ "nothing", "  ", NULL, false, false, 0, "needs a verb" },
	{ "no verb", "=NTLM", NULL, false, false, 0, "no verb" },
	{ "'=' and nothing", "AUTH=", NULL, false, false, 0,
	    "no mechanism behind" },
	{ "unknown mechanism", "AUTH NTML", NULL, false, false, 0,
	    "did you mean \"NTLM\"" },
	{ "star among others", "AUTH NTLM *", NULL, false, false, 0,
	    "must stand alone" },
	{ "others behind star", "AUTH * NTLM", NULL, false, false, 0,
	    "must stand alone" },
	{ "a command", "MAIL NTLM", NULL, false, false, 0,
	    "a command of its own" },
	{ "a second line", "AUTH NTLM\r\n250 X", NULL, false, false, 0,
	    "control" },
	{ "above ASCII", "AUTH \xc3\xa9", NULL, false, false, 0, "non-ASCII" },
	{ "no keyword", "A,B NTLM", NULL, false, false, 0, "letters" },
};

static void
offer_lines_are_read_as_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct dg_offer_line line = { .where = { "p.lua", 7 } };
		struct dg_err e = { 0 };
		enum dg_rc rc;

		print_message("  %s\n", lines[i].why);
		rc = dg_offer_parse(dg_str(lines[i].text), &line, &e);
		if (lines[i].verb == NULL) {
			assert_int_equal(rc, DG_E_CONFIG);
			assert_non_null(strstr(e.text, lines[i].error));
			assert_null(line.text);
			continue;
		}
		assert_int_equal(rc, DG_OK);
		assert_string_equal(line.verb, lines[i].verb);
		assert_int_equal(line.equals, lines[i].equals);
		assert_int_equal(line.all, lines[i].all);
		assert_int_equal(line.mechs, lines[i].mechs);
		assert_int_equal(line.where.line, 7);
		free((char *)(uintptr_t)line.text);
		free((char *)(uintptr_t)line.verb);
	}
}

static void
auth_is_what_the_dialect_says_it_is(void **state)
{
	struct dg_dialect d = *dg_dialect_rfc4954();

	(void)state;
	assert_int_equal(dg_dialect_verb(&d, DG_STR("auth")), DG_VERB_AUTH);
	assert_int_equal(dg_dialect_verb(&d, DG_STR("XAUTH")), DG_VERB_UNKNOWN);
	d.offer[0].verb = "XAUTH";
	assert_int_equal(dg_dialect_verb(&d, DG_STR("xauth")), DG_VERB_AUTH);
	assert_int_equal(dg_dialect_verb(&d, DG_STR("AUTH")), DG_VERB_UNKNOWN);
	d.accept[0] = "AUTH";
	d.n_accept = 1;
	assert_int_equal(dg_dialect_verb(&d, DG_STR("AUTH")), DG_VERB_AUTH);
	assert_int_equal(dg_dialect_verb(&d, DG_STR("mail")), DG_VERB_MAIL);
	assert_int_equal(dg_dialect_verb(&d, DG_STR("StartTLS")),
	    DG_VERB_STARTTLS);
	assert_int_equal(dg_dialect_verb(&d, DG_STR("UNKNOWN")),
	    DG_VERB_UNKNOWN);
	assert_int_equal(dg_dialect_verb(&d, DG_NOSTR), DG_VERB_UNKNOWN);
	assert_string_equal(dg_verb_name(DG_VERB_RCPT), "RCPT");
}

static void
texts_stand_in_for_ours(void **state)
{
	struct dg_dialect d = *dg_dialect_rfc4954();

	(void)state;
	d.texts[0].code = 235;
	d.texts[0].text = "ntlm authentication successful";
	d.n_texts = 1;
	assert_string_equal(dg_dialect_text(&d, 235, "x"),
	    "ntlm authentication successful");
	assert_string_equal(dg_dialect_text(&d, 250, "x"), "x");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offer_lines_are_read_as_written),
		cmocka_unit_test(auth_is_what_the_dialect_says_it_is),
		cmocka_unit_test(texts_stand_in_for_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
