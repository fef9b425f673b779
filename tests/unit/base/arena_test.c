/* arena_test.c - memory that goes all at once, up to a cap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/base/arena.h"

static void
pieces_are_zeroed_aligned_and_apart(void **state)
{
	struct dg_arena a;
	unsigned char *p[300];

	(void)state;
	dg_arena_init(&a, 1 << 20);
	for (size_t i = 0; i < 300; i++) {
		p[i] = dg_arena_alloc(&a, i);
		assert_non_null(p[i]);
		assert_int_equal((uintptr_t)p[i] % _Alignof(max_align_t), 0);
		for (size_t k = 0; k < i; k++)
			assert_int_equal(p[i][k], 0);
		memset(p[i], (int)(i & 0xff), i);
	}
	for (size_t i = 0; i < 300; i++) {
		for (size_t k = 0; k < i; k++)
			assert_int_equal(p[i][k], i & 0xff);
	}
	dg_arena_fini(&a);
}

static void
past_the_cap_there_is_nothing(void **state)
{
	struct dg_arena a;

	(void)state;
	dg_arena_init(&a, 10000);
	assert_null(dg_arena_alloc(&a, 10001));
	assert_null(dg_arena_alloc(&a, SIZE_MAX));
	assert_non_null(dg_arena_alloc(&a, 9000));
	assert_null(dg_arena_alloc(&a, 1001));
	assert_null(dg_arena_str(&a, dg_str_of("", 2000)).p);
	assert_non_null(dg_arena_alloc(&a, 900));
	dg_arena_fini(&a);
}

static void
a_reset_gives_all_of_it_back(void **state)
{
	struct dg_arena a;

	(void)state;
	dg_arena_init(&a, 20000);
	dg_arena_reset(&a);
	for (int round = 0; round < 3; round++) {
		char *p = dg_arena_alloc(&a, 100);

		assert_int_equal(p[99], 0);
		memset(p, 'x', 100);
		assert_non_null(dg_arena_alloc(&a, round == 1 ? 3 : 19000));
		dg_arena_reset(&a);
		assert_int_equal(a.used, 0);
	}
	dg_arena_fini(&a);
	dg_arena_fini(&a);
}

static void
texts_are_copied_with_a_nul(void **state)
{
	struct dg_arena a;
	char source[] = "hop.example";
	struct dg_str s;

	(void)state;
	dg_arena_init(&a, 1000);
	s = dg_arena_str(&a, dg_str_of(source, 3));
	source[0] = 'X';
	assert_string_equal(s.p, "hop");
	assert_int_equal(s.n, 3);
	assert_non_null(dg_arena_str(&a, DG_STR("")).p);
	assert_null(dg_arena_str(&a, DG_NOSTR).p);
	dg_arena_fini(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_zeroed_aligned_and_apart),
		cmocka_unit_test(past_the_cap_there_is_nothing),
		cmocka_unit_test(a_reset_gives_all_of_it_back),
		cmocka_unit_test(texts_are_copied_with_a_nul),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
