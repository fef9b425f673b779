/* errors_test.c - all mistakes at once, in the order of their lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/base/errors.h"

static void
lines_come_sorted_with_their_places(void **state)
{
	struct dg_errors e;
	struct dg_buf out;

	(void)state;
	dg_errors_init(&e);
	dg_buf_init(&out, 1000);
	dg_errors_add(&e, "b.lua", 3, 0, false, "third");
	dg_errors_add(&e, "a.yaml", 10, 2, false, "ten, %s", "two");
	dg_errors_add(&e, "a.yaml", 9, 7, true, "nine");
	dg_errors_add(&e, "a.yaml", 10, 1, false, "ten, one");
	dg_errors_add(&e, NULL, 0, 0, false, "no spool");
	dg_errors_add(&e, "a.yaml", 10, 1, false, "found later");
	dg_errors_add(&e, "c.yaml", 0, 0, false, "cannot be read");
	dg_errors_add_to(&e, &out);
	assert_string_equal(dg_buf_z(&out),
	    "no spool\n"
	    "a.yaml:9:7: warning: nine\n"
	    "a.yaml:10:1: ten, one\n"
	    "a.yaml:10:1: found later\n"
	    "a.yaml:10:2: ten, two\n"
	    "b.lua:3: third\n"
	    "c.yaml: cannot be read\n");
	dg_buf_fini(&out);
	dg_errors_fini(&e);
}

static void
warnings_are_not_errors(void **state)
{
	struct dg_errors e;

	(void)state;
	dg_errors_init(&e);
	assert_false(dg_errors_any(&e));
	dg_errors_add(&e, "x", 1, 1, true, "hm");
	assert_false(dg_errors_any(&e));
	dg_errors_add(&e, "x", 1, 1, false, "no");
	assert_true(dg_errors_any(&e));
	dg_errors_fini(&e);
	assert_int_equal(e.n, 0);
}

static void
long_texts_and_many_of_them_are_bounded(void **state)
{
	struct dg_errors e;
	struct dg_buf out;

	(void)state;
	dg_errors_init(&e);
	dg_buf_init(&out, 100000);
	dg_errors_add(&e, "x", 1, 0, false, "%*s", 5000, "y");
	assert_true(strlen(e.v[0].text) < 5000);
	for (unsigned i = 1000; i > 0; i--)
		dg_errors_add(&e, "x", i, 0, false, "bad");
	dg_errors_add_to(&e, &out);
	assert_int_equal(e.n, 1001);
	assert_int_equal(e.v[1000].line, 1000);
	dg_buf_fini(&out);
	dg_errors_fini(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_sorted_with_their_places),
		cmocka_unit_test(warnings_are_not_errors),
		cmocka_unit_test(long_texts_and_many_of_them_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
