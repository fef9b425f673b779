/* challenges_test.c - what is open is known, from any thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>

#include "core/auth/challenges.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void
number(uint32_t thread, uint32_t i, uint8_t out[8])
{
	memcpy(out, &i, 4);
	memcpy(out + 4, &thread, 4);
}

static void
what_is_put_is_there_until_it_is_dropped(void **state)
{
	struct dg_challenges *c = dg_challenges_new();
	uint8_t a[8] = { 1 }, b[8] = { 1, 2 };

	(void)state;
	assert_false(dg_challenges_has(c, a));
	dg_challenges_drop(c, a);
	dg_challenges_put(c, a);
	assert_true(dg_challenges_has(c, a));
	assert_false(dg_challenges_has(c, b)); /* same shard */
	dg_challenges_put(c, a);
	dg_challenges_drop(c, a);
	assert_true(dg_challenges_has(c, a)); /* twice open, once closed */
	dg_challenges_drop(c, a);
	assert_false(dg_challenges_has(c, a));
	dg_challenges_free(c);
	dg_challenges_put(NULL, a);
	assert_false(dg_challenges_has(NULL, a));
	dg_challenges_drop(NULL, a);
	dg_challenges_free(NULL);
}

struct job {
	struct dg_challenges *c;
	uint32_t thread;
	bool is_wrong;
};

static void *
put_and_drop(void *arg)
{
	struct job *j = arg;
	uint8_t x[8];

	for (uint32_t i = 0; i < 2000; i++) {
		number(j->thread, i, x);
		dg_challenges_put(j->c, x);
	}
	for (uint32_t i = 0; i < 2000; i++) {
		number(j->thread, i, x);
		if (!dg_challenges_has(j->c, x))
			j->is_wrong = true;
		dg_challenges_drop(j->c, x);
		if (dg_challenges_has(j->c, x))
			j->is_wrong = true;
	}
	return NULL;
}

static void
threads_share_the_table(void **state)
{
	struct dg_challenges *c = dg_challenges_new();
	struct job jobs[4];
	pthread_t t[N(jobs)];

	(void)state;
	for (uint32_t i = 0; i < N(jobs); i++) {
		jobs[i] = (struct job){ c, i, false };
		assert_int_equal(pthread_create(&t[i], NULL, put_and_drop,
				     &jobs[i]),
		    0);
	}
	for (size_t i = 0; i < N(jobs); i++) {
		pthread_join(t[i], NULL);
		assert_false(jobs[i].is_wrong);
	}
	dg_challenges_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_is_there_until_it_is_dropped),
		cmocka_unit_test(threads_share_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
