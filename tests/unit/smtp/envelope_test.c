/* envelope_test.c - an envelope owns what it is told, up to its cap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/smtp/envelope.h"

static void
strings_are_copied(void **state)
{
	struct dg_envelope *env = dg_envelope_new();
	char text[] = "a@b";
	struct dg_rcpt *r;

	(void)state;
	env->sender = dg_envelope_str(env, dg_str(text));
	r = dg_envelope_add(env, dg_str(text));
	assert_non_null(r);
	text[0] = 'x';
	assert_true(dg_str_is(env->sender, "a@b"));
	assert_true(dg_str_is(env->rcpts[0].address, "a@b"));
	assert_int_equal(env->rcpts[0].original.n, 0);
	assert_null(dg_envelope_str(env, DG_NOSTR).p);
	for (int i = 0; i < 1000; i++)
		assert_non_null(dg_envelope_add(env, DG_STR("c@d")));
	assert_int_equal(env->n_rcpts, 1001);
	assert_true(dg_str_is(env->rcpts[0].address, "a@b"));
	dg_envelope_free(env);
	dg_envelope_free(NULL);
}

static void
a_copy_has_everything_but_recipients(void **state)
{
	struct dg_envelope *env = dg_envelope_new(), *like;

	(void)state;
	env->sender = dg_envelope_str(env, DG_STR("a@b"));
	env->original = dg_envelope_str(env, DG_STR(""));
	env->reply_to = dg_envelope_str(env, DG_STR("r@b"));
	env->notes = dg_envelope_str(env, dg_str_of("k\0v\0", 4));
	env->user = dg_envelope_str(env, DG_STR("u"));
	env->arrival_ms = 5;
	env->declared_size = 6;
	env->body_8bit = env->is_report = env->is_held = true;
	dg_envelope_add(env, DG_STR("c@d"));
	like = dg_envelope_like(env);
	dg_envelope_free(env);
	assert_true(dg_str_is(like->sender, "a@b"));
	assert_non_null(like->original.p); /* "" was the null sender */
	assert_true(dg_str_is(like->reply_to, "r@b"));
	assert_true(dg_str_eq(like->notes, dg_str_of("k\0v\0", 4)));
	assert_true(dg_str_is(like->user, "u"));
	assert_int_equal(like->arrival_ms, 5);
	assert_int_equal(like->declared_size, 6);
	assert_true(like->body_8bit && like->is_report && like->is_held);
	assert_int_equal(like->n_rcpts, 0);
	dg_envelope_free(like);
}

static void
past_its_cap_it_fails_softly(void **state)
{
	struct dg_envelope *env = dg_envelope_new();
	size_t n = 1024 * 1024;
	char *big = test_malloc(n);

	(void)state;
	memset(big, 'x', n);
	for (int i = 0; i < 20; i++)
		(void)dg_envelope_str(env, dg_str_of(big, n));
	assert_null(dg_envelope_str(env, dg_str_of(big, n)).p);
	assert_null(dg_envelope_add(env, dg_str_of(big, n)));
	assert_int_equal(env->n_rcpts, 0);
	test_free(big);
	dg_envelope_free(env);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_are_copied),
		cmocka_unit_test(a_copy_has_everything_but_recipients),
		cmocka_unit_test(past_its_cap_it_fails_softly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
