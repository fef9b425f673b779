/* line_test.c - a line ends in CRLF, and nothing else is taken for an end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/wire/line.h"

static const struct {
	const char *why;
	struct dg_str in;
	size_t max;
	bool lf_ends;
	enum dg_rc rc;
	const char *text;
	size_t used;
	bool has_bare;
} cases[] = {
	{ "plain", { "NOOP\r\nx", 7 }, 100, false, DG_OK, "NOOP", 6, false },
	{ "empty", { "\r\n", 2 }, 100, false, DG_OK, "", 2, false },
	{ "nothing", { "", 0 }, 100, false, DG_AGAIN, "", 0, false },
	{ "no end yet", { "NOOP", 4 }, 100, false, DG_AGAIN, "", 0, false },
	{ "CR and no LF yet", { "NOOP\r", 5 }, 100, false, DG_AGAIN, "", 0,
	    false },
	{ "bare LF is no end", { "A\nB\r\n", 5 }, 100, false, DG_OK, "A\nB", 5,
	    true },
	{ "bare LF alone waits", { "A\n", 2 }, 100, false, DG_AGAIN, "", 0,
	    false },
	{ "bare CR is no end", { "A\rB\r\n", 5 }, 100, false, DG_OK, "A\rB", 5,
	    true },
	{ "CR CR LF", { "A\r\r\n", 4 }, 100, false, DG_OK, "A\r", 4, true },
	{ "LF CR LF", { "\n\r\n", 3 }, 100, false, DG_OK, "\n", 3, true },
	{ "fits exactly", { "AB\r\n", 4 }, 4, false, DG_OK, "AB", 4, false },
	{ "one too long", { "ABC\r\n", 5 }, 4, false, DG_E_LIMIT, "", 0,
	    false },
	{ "too long, no end", { "ABCDEF", 6 }, 4, false, DG_E_LIMIT, "", 0,
	    false },
	{ "not yet too long", { "ABC", 3 }, 4, false, DG_AGAIN, "", 0, false },
	{ "full without end", { "ABCD", 4 }, 4, false, DG_E_LIMIT, "", 0,
	    false },
	{ "mend: LF ends", { "A\nB\r\n", 5 }, 100, true, DG_OK, "A", 2, false },
	{ "mend: CRLF ends too", { "A\r\nB", 4 }, 100, true, DG_OK, "A", 3,
	    false },
	{ "mend: bare CR stays bad", { "A\rB\n", 4 }, 100, true, DG_OK, "A\rB",
	    4, true },
};

static void
a_line_ends_where_rfc_5321_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dg_line line = { 0 };

		print_message("  %s\n", cases[i].why);
		assert_int_equal(dg_line_next(cases[i].in, cases[i].max,
				     cases[i].lf_ends, &line),
		    cases[i].rc);
		assert_true(dg_str_is(line.text, cases[i].text));
		assert_int_equal(line.used, cases[i].used);
		assert_int_equal(line.has_bare, cases[i].has_bare);
	}
}

static void
nul_inside_is_reported(void **state)
{
	struct dg_line line;

	(void)state;
	assert_int_equal(dg_line_next(dg_str_of("A\0B\r\n", 5), 100, false,
			     &line),
	    DG_OK);
	assert_true(line.has_bare);
	assert_int_equal(line.text.n, 3);
}

static void
cut_anywhere_the_line_waits_for_its_end(void **state)
{
	const char text[] = "MAIL FROM:<a@b>\r\n";
	struct dg_line line;

	(void)state;
	for (size_t n = 0; n < sizeof(text) - 1; n++)
		assert_int_equal(dg_line_next(dg_str_of(text, n), 100, false,
				     &line),
		    DG_AGAIN);
	assert_int_equal(dg_line_next(DG_STR("MAIL FROM:<a@b>\r\n"), 100, false,
			     &line),
	    DG_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_ends_where_rfc_5321_says),
		cmocka_unit_test(nul_inside_is_reported),
		cmocka_unit_test(cut_anywhere_the_line_waits_for_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
