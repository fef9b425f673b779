/* err_test.c - an error is filled once and gains context on its way up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/base/err.h"

static void
fail_fills_everything_and_returns_rc(void **state)
{
	struct dg_err e;

	(void)state;
	assert_int_equal(dg_fail(&e, DG_E_FULL, 452, "4.3.1", "disk %s: %d",
	                     "full", 7),
	    DG_E_FULL);
	assert_int_equal(e.rc, DG_E_FULL);
	assert_int_equal(e.code, 452);
	assert_string_equal(e.enhanced, "4.3.1");
	assert_string_equal(e.text, "disk full: 7");
}

static void
fail_accepts_nobody_listening_and_no_status(void **state)
{
	struct dg_err e;

	(void)state;
	assert_int_equal(dg_fail(NULL, DG_E_IO, 0, NULL, "x"), DG_E_IO);
	dg_fail(&e, DG_E_IO, 0, NULL, "x");
	assert_string_equal(e.enhanced, "");
	dg_err_in(NULL, "x");
}

static void
context_goes_in_front(void **state)
{
	struct dg_err e;

	(void)state;
	dg_fail(&e, DG_E_CONFIG, 0, NULL, "no such file");
	dg_err_in(&e, "while reading %s", "users");
	dg_err_in(&e, "at start");
	assert_string_equal(e.text,
	    "at start: while reading users: no such file");
	assert_int_equal(e.rc, DG_E_CONFIG);
}

static void
an_error_may_quote_its_own_text(void **state)
{
	struct dg_err e;

	(void)state;
	dg_fail(&e, DG_E_IO, 0, NULL, "old");
	dg_fail(&e, DG_E_IO, 0, NULL, "<%s>", e.text);
	assert_string_equal(e.text, "<old>");
}

static void
long_texts_are_cut_not_overrun(void **state)
{
	char z[600];
	struct dg_err e;

	(void)state;
	memset(z, 'a', sizeof(z) - 1);
	z[sizeof(z) - 1] = '\0';
	dg_fail(&e, DG_E_IO, 0, "5.123.123.123", "%s", z);
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
	assert_int_equal(strlen(e.enhanced), sizeof(e.enhanced) - 1);
	dg_err_in(&e, "%s", z);
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
}

static void
every_rc_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (int a = DG_OK; a <= DG_E_CANCEL; a++) {
		assert_string_not_equal(dg_rc_name((enum dg_rc)a), "unknown");
		for (int b = DG_OK; b < a; b++)
			assert_string_not_equal(dg_rc_name((enum dg_rc)a),
			    dg_rc_name((enum dg_rc)b));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fail_fills_everything_and_returns_rc),
		cmocka_unit_test(fail_accepts_nobody_listening_and_no_status),
		cmocka_unit_test(context_goes_in_front),
		cmocka_unit_test(an_error_may_quote_its_own_text),
		cmocka_unit_test(long_texts_are_cut_not_overrun),
		cmocka_unit_test(every_rc_has_a_name_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
