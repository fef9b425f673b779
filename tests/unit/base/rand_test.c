/* rand_test.c - random bytes: what can be said about them in a test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/base/rand.h"

static void
bytes_differ_and_stay_in_their_place(void **state)
{
	unsigned char a[34] = { 0 }, b[34] = { 0 };

	(void)state;
	dg_rand(a + 1, 32);
	dg_rand(b + 1, 32);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_equal(a[0], 0);
	assert_int_equal(a[33], 0);
	dg_rand(a, 0);
	assert_int_not_equal(dg_rand_u64(), dg_rand_u64());
}

static void
large_requests_are_filled_whole(void **state)
{
	static unsigned char a[100000];
	size_t zeros = 0;

	(void)state;
	dg_rand(a, sizeof(a));
	for (size_t i = 0; i < sizeof(a); i++)
		zeros += a[i] == 0;
	assert_in_range(zeros, 100, 800); /* about 390 */
}

static void
below_stays_below_and_reaches_all(void **state)
{
	unsigned seen = 0;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		uint32_t v = dg_rand_below(6);

		assert_true(v < 6);
		seen |= 1u << v;
	}
	assert_int_equal(seen, 0x3f);
	assert_int_equal(dg_rand_below(1), 0);
	assert_true(dg_rand_below(UINT32_MAX) < UINT32_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_differ_and_stay_in_their_place),
		cmocka_unit_test(large_requests_are_filled_whole),
		cmocka_unit_test(below_stays_below_and_reaches_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
