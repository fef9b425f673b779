/* secret_test.c - bytes that are wiped and compared in constant time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/base/secret.h"

static void
a_secret_is_a_copy_that_ends_in_nul(void **state)
{
	struct dg_secret s = { NULL, 0 };
	char typed[] = "Pa$$w0rd";

	(void)state;
	dg_secret_set(&s, dg_str(typed));
	dg_wipe(typed, sizeof(typed));
	assert_string_equal(s.p, "Pa$$w0rd");
	assert_int_equal(s.n, 8);
	assert_int_equal(typed[3], 0);
	dg_secret_set(&s, dg_str_of(s.p + 2, 2)); /* from its own bytes */
	assert_string_equal(s.p, "$$");
	dg_secret_fini(&s);
	assert_null(s.p);
	assert_int_equal(s.n, 0);
	dg_secret_fini(&s);
}

static void
an_empty_secret_is_not_an_absent_one(void **state)
{
	struct dg_secret s = { NULL, 0 };

	(void)state;
	dg_secret_set(&s, DG_STR(""));
	assert_non_null(s.p);
	dg_secret_set(&s, DG_NOSTR);
	assert_null(s.p);
	dg_wipe(NULL, 0);
}

static void
a_difference_anywhere_is_seen(void **state)
{
	unsigned char a[32] = { 0 }, b[32] = { 0 };

	(void)state;
	assert_true(dg_same_bytes(a, b, sizeof(a)));
	assert_true(dg_same_bytes(a, b, 0));
	for (size_t i = 0; i < sizeof(a); i++) {
		for (unsigned bit = 1; bit < 256; bit <<= 1) {
			b[i] = (unsigned char)bit;
			assert_false(dg_same_bytes(a, b, sizeof(a)));
			assert_true(dg_same_bytes(a, b, i));
		}
		b[i] = 0;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_secret_is_a_copy_that_ends_in_nul),
		cmocka_unit_test(an_empty_secret_is_not_an_absent_one),
		cmocka_unit_test(a_difference_anywhere_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
