/* clock_test.c - two clocks that tests can move. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "dragoman/base/clock.h"

static void
now_is_the_time_of_day(void **state)
{
	int64_t s = (int64_t)time(NULL);

	(void)state;
	assert_in_range(dg_now_ms() / 1000, s - 1, s + 5);
}

static void
mono_does_not_go_back(void **state)
{
	int64_t before = dg_mono_ms();

	(void)state;
	for (int i = 0; i < 10000; i++) {
		int64_t now = dg_mono_ms();

		assert_true(now >= before);
		before = now;
	}
}

static void
a_jump_moves_both(void **state)
{
	const int64_t five_days = 5LL * 24 * 3600 * 1000;
	int64_t now = dg_now_ms(), mono = dg_mono_ms();

	(void)state;
	dg_clock_jump(five_days);
	assert_in_range(dg_now_ms() - now, five_days, five_days + 5000);
	assert_in_range(dg_mono_ms() - mono, five_days, five_days + 5000);
	dg_clock_jump(-five_days);
	assert_in_range(dg_now_ms() - now, 0, 5000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(now_is_the_time_of_day),
		cmocka_unit_test(mono_does_not_go_back),
		cmocka_unit_test(a_jump_moves_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
