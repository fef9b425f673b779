/* post_test.c - letters between threads: in order, none lost. */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dragoman/base/post.h"

#define THREADS 4
#define LETTERS 2000

static bool
is_ready(const struct dg_post *p)
{
	struct pollfd f = { .fd = dg_post_fd(p), .events = POLLIN };

	return poll(&f, 1, 0) == 1;
}

static void
note(void *ctx, void *own_arg)
{
	int **at = ctx;

	*(*at)++ = *(int *)own_arg;
	free(own_arg);
}

static int *
number(int v)
{
	int *own = malloc(sizeof(*own));

	*own = v;
	return own;
}

static void
letters_run_in_order_when_the_owner_says(void **state)
{
	struct dg_post *p = dg_post_new();
	int notes[3] = { 0 }, *at = notes;

	(void)state;
	assert_false(is_ready(p));
	assert_int_equal(dg_post_run(p), 0);
	for (int i = 1; i <= 3; i++)
		dg_post_send(p, note, &at, number(i));
	assert_int_equal(notes[0], 0);
	assert_true(is_ready(p));
	assert_int_equal(dg_post_run(p), 3);
	assert_false(is_ready(p));
	for (int i = 0; i < 3; i++)
		assert_int_equal(notes[i], i + 1);
	dg_post_free(p);
}

struct chain {
	struct dg_post *post;
	int left;
};

static void
send_next(void *ctx, void *own_arg)
{
	struct chain *c = ctx;

	(void)own_arg;
	if (--c->left > 0)
		dg_post_send(c->post, send_next, c, NULL);
}

static void
a_letter_sent_by_a_letter_waits_for_the_next_run(void **state)
{
	struct chain c = { dg_post_new(), 3 };

	(void)state;
	dg_post_send(c.post, send_next, &c, NULL);
	assert_int_equal(dg_post_run(c.post), 1);
	assert_int_equal(c.left, 2);
	assert_true(is_ready(c.post));
	assert_int_equal(dg_post_run(c.post), 1);
	dg_post_free(c.post); /* runs the rest */
	assert_int_equal(c.left, 0);
	dg_post_free(NULL);
}

struct sender {
	struct dg_post *post;
	int id;
	int seen; /* owner's thread only */
	bool is_in_order;
};

struct numbered {
	struct sender *from;
	int n;
};

static void
receive(void *ctx, void *own_arg)
{
	struct numbered *l = own_arg;
	unsigned *total = ctx;

	if (l->n != l->from->seen++)
		l->from->is_in_order = false;
	++*total;
	free(l);
}

static unsigned received;

static void *
send_many(void *arg)
{
	struct sender *s = arg;

	for (int i = 0; i < LETTERS; i++) {
		struct numbered *own = malloc(sizeof(*own));

		*own = (struct numbered){ s, i };
		dg_post_send(s->post, receive, &received, own);
	}
	return NULL;
}

static void
many_senders_lose_nothing_and_keep_their_order(void **state)
{
	struct dg_post *p = dg_post_new();
	struct sender senders[THREADS];
	pthread_t threads[THREADS];
	unsigned run = 0;

	(void)state;
	received = 0;
	for (int i = 0; i < THREADS; i++) {
		senders[i] = (struct sender){ p, i, 0, true };
		pthread_create(&threads[i], NULL, send_many, &senders[i]);
	}
	while (run < THREADS * LETTERS) {
		dg_post_wait(p, -1);
		run += dg_post_run(p);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(senders[i].seen, LETTERS);
		assert_true(senders[i].is_in_order);
	}
	assert_int_equal(received, THREADS * LETTERS);
	assert_false(is_ready(p));
	dg_post_free(p);
}

static void
waiting_ends_with_a_letter_or_its_time(void **state)
{
	struct dg_post *p = dg_post_new();
	struct chain c = { p, 1 };

	(void)state;
	dg_post_wait(p, 0);
	dg_post_wait(p, 1);
	dg_post_send(p, send_next, &c, NULL);
	dg_post_wait(p, -1);
	assert_int_equal(dg_post_run(p), 1);
	dg_post_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letters_run_in_order_when_the_owner_says),
		cmocka_unit_test(a_letter_sent_by_a_letter_waits_for_the_next_run),
		cmocka_unit_test(many_senders_lose_nothing_and_keep_their_order),
		cmocka_unit_test(waiting_ends_with_a_letter_or_its_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
