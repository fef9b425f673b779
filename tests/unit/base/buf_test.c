/* buf_test.c - bytes that grow up to their cap and not past it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/base/buf.h"

static void
an_append_past_the_cap_changes_nothing(void **state)
{
	struct dg_buf b;

	(void)state;
	dg_buf_init(&b, 5);
	assert_int_equal(dg_buf_adds(&b, "abc"), DG_OK);
	assert_int_equal(dg_buf_adds(&b, "def"), DG_E_LIMIT);
	assert_int_equal(dg_buf_addf(&b, "%d", 123), DG_E_LIMIT);
	assert_int_equal(dg_buf_reserve(&b, SIZE_MAX), DG_E_LIMIT);
	assert_true(dg_str_is(dg_buf_str(&b), "abc"));
	assert_int_equal(dg_buf_adds(&b, "de"), DG_OK);
	assert_int_equal(dg_buf_addc(&b, 'x'), DG_E_LIMIT);
	assert_int_equal(dg_buf_adds(&b, ""), DG_OK);
	assert_string_equal(dg_buf_z(&b), "abcde");
	assert_int_equal(b.n, 5);
	dg_buf_fini(&b);
}

static void
a_zeroed_buffer_is_empty_and_full(void **state)
{
	struct dg_buf b = { 0 };

	(void)state;
	assert_int_equal(dg_buf_str(&b).n, 0);
	assert_non_null(dg_buf_str(&b).p);
	assert_int_equal(dg_buf_addc(&b, 'x'), DG_E_LIMIT);
	assert_string_equal(dg_buf_z(&b), "");
	dg_buf_fini(&b);
	dg_buf_fini(&b);
}

static void
it_grows_in_any_steps(void **state)
{
	struct dg_buf b;
	char chunk[997];

	(void)state;
	memset(chunk, 'q', sizeof(chunk));
	dg_buf_init(&b, 300000);
	while (dg_buf_add(&b, dg_str_of(chunk, sizeof(chunk))) == DG_OK)
		;
	assert_int_equal(b.n, 300000 / 997 * 997);
	assert_true(b.room <= b.cap + 1);
	for (size_t i = 0; i < b.n; i++)
		assert_int_equal(b.p[i], 'q');
	dg_buf_fini(&b);
	assert_int_equal(b.cap, 300000);
}

static void
formatted_text_is_appended_whole(void **state)
{
	struct dg_buf b;

	(void)state;
	dg_buf_init(&b, 1000);
	assert_int_equal(dg_buf_addf(&b, "%s=%05d", "n", 42), DG_OK);
	assert_int_equal(dg_buf_addf(&b, "%*s|", 200, ""), DG_OK);
	assert_int_equal(b.n, 7 + 201);
	assert_memory_equal(b.p, "n=00042   ", 10);
	dg_buf_fini(&b);
}

static void
reserved_room_may_be_written(void **state)
{
	struct dg_buf b;

	(void)state;
	dg_buf_init(&b, 100);
	assert_int_equal(dg_buf_reserve(&b, 100), DG_OK);
	memset(b.p, 'x', 100);
	b.n = 100;
	assert_int_equal(strlen(dg_buf_z(&b)), 100);
	assert_int_equal(dg_buf_reserve(&b, 0), DG_OK);
	assert_int_equal(dg_buf_reserve(&b, 1), DG_E_LIMIT);
	dg_buf_fini(&b);
}

static void
eating_takes_from_the_front(void **state)
{
	struct dg_buf b;

	(void)state;
	dg_buf_init(&b, 100);
	dg_buf_eat(&b, 0);
	assert_int_equal(dg_buf_adds(&b, "line\r\nnext"), DG_OK);
	dg_buf_eat(&b, 6);
	assert_true(dg_str_is(dg_buf_str(&b), "next"));
	dg_buf_eat(&b, 4);
	assert_int_equal(b.n, 0);
	assert_int_equal(dg_buf_adds(&b, "more"), DG_OK);
	dg_buf_reset(&b);
	assert_int_equal(b.n, 0);
	dg_buf_fini(&b);
}

static void
wiping_leaves_no_byte(void **state)
{
	struct dg_buf b;

	(void)state;
	dg_buf_init(&b, 100);
	assert_int_equal(dg_buf_adds(&b, "Pa$$w0rd"), DG_OK);
	dg_buf_reset(&b);
	dg_buf_wipe(&b);
	for (size_t i = 0; i < b.room; i++)
		assert_int_equal(b.p[i], 0);
	dg_buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_append_past_the_cap_changes_nothing),
		cmocka_unit_test(a_zeroed_buffer_is_empty_and_full),
		cmocka_unit_test(it_grows_in_any_steps),
		cmocka_unit_test(formatted_text_is_appended_whole),
		cmocka_unit_test(reserved_room_may_be_written),
		cmocka_unit_test(eating_takes_from_the_front),
		cmocka_unit_test(wiping_leaves_no_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
