/* actions_test.c - what a machine wants done, in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/smtp/actions.h"

static bool
text_is(const struct dg_acts *a, size_t i, const char *want)
{
	return dg_str_is(dg_act_text(a, &a->v[i]), want);
}

static void
sends_in_a_row_are_one(void **state)
{
	struct dg_acts a;

	(void)state;
	dg_acts_init(&a);
	dg_acts_send(&a, DG_STR("250 OK\r\n"));
	dg_acts_send(&a, DG_STR(""));
	dg_acts_send(&a, DG_STR("221 bye\r\n"));
	dg_acts_add(&a, DG_ACT_CLOSE);
	dg_acts_send(&a, DG_STR("x"));
	assert_int_equal(a.n, 3);
	assert_true(text_is(&a, 0, "250 OK\r\n221 bye\r\n"));
	assert_int_equal(a.v[1].kind, DG_ACT_CLOSE);
	assert_int_equal(a.v[1].rcpt, DG_ALL_RCPTS);
	assert_true(text_is(&a, 2, "x"));
	dg_acts_fini(&a);
}

static void
texts_stay_right_while_the_list_grows(void **state)
{
	struct dg_acts a;

	(void)state;
	dg_acts_init(&a);
	dg_acts_trace(&a, "n=%d", 1);
	for (int i = 0; i < 100; i++) {
		dg_acts_add(&a, DG_ACT_ASK);
		dg_acts_send(&a, DG_STR("y"));
	}
	assert_int_equal(a.n, 201);
	assert_true(text_is(&a, 0, "n=1"));
	assert_int_equal(a.v[0].kind, DG_ACT_TRACE);
	assert_true(text_is(&a, 200, "y"));
	a.v[0].view = DG_STR("elsewhere");
	assert_true(text_is(&a, 0, "elsewhere"));
	dg_acts_reset(&a);
	assert_int_equal(a.n, 0);
	dg_acts_fini(&a);
}

static void
past_the_cap_the_session_ends(void **state)
{
	struct dg_acts a;

	(void)state;
	dg_acts_init(&a);
	a.text.cap = 4;
	dg_acts_trace(&a, "far too long");
	assert_int_equal(a.n, 0);
	dg_acts_send(&a, DG_STR("12345"));
	assert_int_equal(a.n, 1);
	assert_int_equal(a.v[0].kind, DG_ACT_CLOSE);
	dg_acts_fini(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sends_in_a_row_are_one),
		cmocka_unit_test(texts_stay_right_while_the_list_grows),
		cmocka_unit_test(past_the_cap_the_session_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
