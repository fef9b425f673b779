/* pace_test.c - how many connections, how many messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/relay/pace.h"

static void
connections_grow_while_all_are_in_use(void **state)
{
	struct dg_pace p = { 0 };

	(void)state;
	assert_int_equal(dg_pace_connections(&p, 4), 1);
	dg_pace_grow(&p, 0, 4); /* it was not needed */
	assert_int_equal(dg_pace_connections(&p, 4), 1);
	dg_pace_grow(&p, 1, 4);
	assert_int_equal(dg_pace_connections(&p, 4), 2);
	/* each of the two was well received: four */
	dg_pace_grow(&p, 2, 4);
	dg_pace_grow(&p, 3, 4);
	assert_int_equal(dg_pace_connections(&p, 4), 4);
	for (int i = 0; i < 100; i++)
		dg_pace_grow(&p, 4, 4);
	assert_int_equal(dg_pace_connections(&p, 4), 4);
	/* a reload allows fewer, and more */
	assert_int_equal(dg_pace_connections(&p, 2), 2);
	dg_pace_grow(&p, 4, 5);
	assert_int_equal(dg_pace_connections(&p, 5), 5);
}

static void
a_cut_halves_and_what_follows_is_slow(void **state)
{
	struct dg_pace p = { .allowed = 9 };

	(void)state;
	dg_pace_cut(&p);
	assert_int_equal(dg_pace_connections(&p, 10), 4);
	for (int i = 0; i < 3; i++)
		dg_pace_grow(&p, 4, 10);
	assert_int_equal(dg_pace_connections(&p, 10), 4);
	dg_pace_grow(&p, 4, 10); /* a whole round */
	assert_int_equal(dg_pace_connections(&p, 10), 5);
	for (int i = 0; i < 5; i++)
		dg_pace_cut(&p);
	assert_int_equal(dg_pace_connections(&p, 10), 1);
	dg_pace_reset(&p);
	dg_pace_grow(&p, 1, 10);
	dg_pace_grow(&p, 2, 10);
	assert_int_equal(dg_pace_connections(&p, 10), 3);
}

static const struct {
	const char *why;
	uint64_t n;
	int64_t period_ms;
} rates[] = {
	{ "one a minute", 1, 60000 },
	{ "two", 2, 60000 },
	{ "five a second", 5, 1000 },
	{ "thirty a minute", 30, 60000 },
	{ "a number that divides nothing", 7, 10007 },
	{ "a hundred in ten minutes", 100, 600000 },
	{ "a thousand a second", 1000, 1000 },
	{ "more than the clock can tell", 5000, 1000 },
};

/* As fast as it is allowed, from an empty past: how many in each period? */
static void
no_period_sees_more_than_the_rate_and_few_see_much_less(void **state)
{
	enum { MOST = 30000 };
	static int64_t at[MOST];

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		uint64_t n = rates[i].n;
		int64_t period = rates[i].period_ms, now = 1000000;
		struct dg_pace p = { 0 };
		size_t sent = 0, from = 0;

		print_message("  %s\n", rates[i].why);
		while (now < 1000000 + 5 * period && sent < MOST) {
			int64_t wait = dg_pace_wait(&p, n, period, now);

			if (wait > 0) {
				now += wait;
				continue;
			}
			dg_pace_take(&p, n, period, now);
			at[sent++] = now;
		}
		for (size_t k = 0; k < sent; k++) {
			while (at[k] - at[from] >= period)
				from++;
			assert_in_range(k - from + 1, 1, n);
		}
		/* at least nine tenths of what is allowed */
		assert_in_range(sent, 5 * n * 9 / 10, 5 * n + n / 10 + 1);
	}
}

static void
without_a_rate_nothing_waits(void **state)
{
	struct dg_pace p = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(dg_pace_wait(&p, 0, 0, 5), 0);
		dg_pace_take(&p, 0, 0, 5);
	}
	/* and a rate that comes with a reload begins with a full bucket */
	assert_int_equal(dg_pace_wait(&p, 1, 1000, 5), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_grow_while_all_are_in_use),
		cmocka_unit_test(a_cut_halves_and_what_follows_is_slow),
		cmocka_unit_test(
		    no_period_sees_more_than_the_rate_and_few_see_much_less),
		cmocka_unit_test(without_a_rate_nothing_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
