/* command_test.c - verb, separator and argument of a command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/wire/command.h"

static const struct {
	const char *why, *line;
	bool ok;
	const char *verb, *arg;
	char sep;
} cases[] = {
	{ "verb alone", "NOOP", true, "NOOP", "", 0 },
	{ "with argument", "EHLO a.example", true, "EHLO", "a.example", ' ' },
	{ "as the peer spelled it", "xAuth ntlm", true, "xAuth", "ntlm", ' ' },
	{ "draft form", "XAUTH=NTLM abc", true, "XAUTH", "NTLM abc", '=' },
	{ "'=' later is no separator", "MAIL FROM:<a=b@c>", true, "MAIL",
	    "FROM:<a=b@c>", ' ' },
	{ "trailing blanks", "QUIT  \t ", true, "QUIT", "", 0 },
	{ "repeated blanks", "AUTH   NTLM  x ", true, "AUTH", "NTLM  x", ' ' },
	{ "TAB is a blank", "EHLO\ta", true, "EHLO", "a", ' ' },
	{ "'=' and nothing", "AUTH=", true, "AUTH", "", 0 },
	{ "above ASCII passes here", "EHLO \xc3\xa9", true, "EHLO", "\xc3\xa9",
	    ' ' },
	{ "empty", "", false, "", "", 0 },
	{ "blank first", " NOOP", false, "", "", 0 },
	{ "'=' first", "=NTLM", false, "", "", 0 },
	{ "control byte", "EHLO a\001b", false, "", "", 0 },
	{ "DEL", "EHLO a\177", false, "", "", 0 },
	{ "bare CR", "EHLO a\rQUIT", false, "", "", 0 },
};

static void
a_command_splits_in_verb_and_argument(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dg_command cmd = { { "", 0 }, { "", 0 }, 0 };

		print_message("  %s\n", cases[i].why);
		assert_int_equal(dg_command_parse(dg_str(cases[i].line), &cmd),
		    cases[i].ok);
		assert_true(dg_str_is(cmd.verb, cases[i].verb));
		assert_true(dg_str_is(cmd.arg, cases[i].arg));
		assert_int_equal(cmd.sep, cases[i].sep);
	}
}

static void
nul_is_a_control_byte(void **state)
{
	struct dg_command cmd;

	(void)state;
	assert_false(dg_command_parse(dg_str_of("NOOP\0", 5), &cmd));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_splits_in_verb_and_argument),
		cmocka_unit_test(nul_is_a_control_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
