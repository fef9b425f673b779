/* loop_test.c - turns, timers, letters between loops, the log's turn. */
#include "tests/unit/net/help.h"

#include <pthread.h>

#include "dragoman/base/clock.h"
#include "dragoman/base/log.h"
#include "dragoman/net/loop.h"

enum {
	LOOPS = 4,
	ROUNDS = 500
};

static void
count(void *ctx)
{
	++*(int *)ctx;
}

static void
a_timer_fires_once_and_never_inside_its_setting(void **state)
{
	struct dg_loop *l = dg_loop_new();
	int n = 0;
	struct dg_timer *t = dg_timer_new(l, count, &n);

	(void)state;
	dg_timer_set(t, 0);
	assert_int_equal(n, 0);
	TURN_UNTIL(l, n == 1);
	settle(l);
	assert_int_equal(n, 1);
	dg_timer_set(t, 5);
	dg_timer_stop(t);
	settle(l);
	assert_int_equal(n, 1);
	dg_timer_free(t);
	dg_timer_free(NULL);
	dg_loop_free(l);
}

struct suicide {
	struct dg_timer *timer;
	struct dg_watch *watch;
	int n;
};

static void
free_timer(void *ctx)
{
	struct suicide *s = ctx;

	s->n++;
	dg_timer_free(s->timer);
}

static void
free_watch(void *ctx)
{
	struct suicide *s = ctx;

	s->n++;
	dg_watch_free(s->watch);
}

static void
timers_and_watches_may_be_freed_by_what_they_call(void **state)
{
	struct dg_loop *l = dg_loop_new();
	struct suicide s = { 0 };
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	s.timer = dg_timer_new(l, free_timer, &s);
	s.watch = dg_watch_new(l, fds[0], free_watch, &s);
	dg_timer_set(s.timer, 1);
	TURN_UNTIL(l, s.n == 1);
	assert_int_equal(write(fds[1], "x", 1), 1);
	TURN_UNTIL(l, s.n == 2);
	settle(l);
	assert_int_equal(s.n, 2);
	close(fds[0]);
	close(fds[1]);
	dg_loop_free(l);
}

static void
a_clock_that_jumps_moves_no_timer(void **state)
{
	struct dg_loop *l = dg_loop_new();
	int n = 0;
	struct dg_timer *t = dg_timer_new(l, count, &n);

	(void)state;
	dg_timer_set(t, 60000);
	dg_clock_jump(3600 * 1000);
	settle(l);
	dg_clock_jump(-3600 * 1000);
	assert_int_equal(n, 0);
	dg_timer_free(t);
	dg_loop_free(l);
}

static void
a_loop_that_jumps_takes_its_timers_with_it(void **state)
{
	struct dg_loop *l = dg_loop_new();
	int soon = 0, late = 0;
	struct dg_timer *t = dg_timer_new(l, count, &soon);
	struct dg_timer *u = dg_timer_new(l, count, &late);

	(void)state;
	dg_timer_set(t, 60 * 1000);
	dg_timer_set(u, 7200 * 1000);
	dg_loop_jump(l, 3600 * 1000);
	settle(l);
	assert_int_equal(soon, 1);
	assert_int_equal(late, 0);
	dg_loop_jump(l, 3601 * 1000);
	settle(l);
	assert_int_equal(soon, 1);
	assert_int_equal(late, 1);
	dg_timer_free(t);
	dg_timer_free(u);
	dg_loop_free(l);
}

static void
a_stop_before_the_start_counts(void **state)
{
	struct dg_loop *l = dg_loop_new();

	(void)state;
	dg_loop_stop(l);
	dg_loop_run(l); /* or never ends */
	dg_loop_free(l);
}

static void
a_turn_waits_no_longer_than_told(void **state)
{
	struct dg_loop *l = dg_loop_new();
	int64_t start = real_ms();

	(void)state;
	dg_loop_turn(l, 0);
	assert_true(real_ms() - start < 1000);
	dg_loop_turn(l, 30);
	assert_in_range(real_ms() - start, 20, 2000);
	dg_loop_free(l);
}

static void
write_log(void *ctx)
{
	(void)ctx;
	dg_log(DG_LOG_INFO, "turned", dg_kv_i("n", 1));
}

static void
gathered_log_lines_are_out_when_the_turn_ends(void **state)
{
	struct dg_loop *l = dg_loop_new();
	struct dg_timer *t = dg_timer_new(l, write_log, NULL);
	int fds[2], was = dup(STDERR_FILENO);
	char text[200] = "";

	(void)state;
	assert_int_equal(pipe(fds), 0);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	dup2(fds[1], STDERR_FILENO);
	dg_log_gather(true);
	dg_timer_set(t, 0);
	dg_loop_turn(l, 100);
	dup2(was, STDERR_FILENO);
	assert_true(read(fds[0], text, sizeof(text) - 1) > 0);
	assert_non_null(strstr(text, "turned"));
	dg_log_gather(false);
	dg_timer_free(t);
	close(fds[0]);
	close(fds[1]);
	close(was);
	dg_loop_free(l);
}

/* ---- four loops that write to each other ---- */

struct place {
	struct dg_loop *loop;
	struct dg_post *done; /* the test's: one letter a chain that ended */
	struct place *next;
	struct dg_conn *a, *b;
	pthread_t thread;
	int n; /* its own thread's only */
	size_t echoed;
};

static void
on_chain_end(void *ctx, void *own_arg)
{
	(void)ctx;
	free(own_arg);
}

static void
on_round(void *ctx, void *own_arg)
{
	struct place *p = ctx;
	int *left = own_arg;

	p->n++;
	if (p->a != NULL)
		dg_conn_send(p->a, DG_STR("ping\r\n"));
	if (--*left == 0) {
		dg_post_send(p->done, on_chain_end, NULL, left);
		return;
	}
	dg_post_send(dg_loop_post(p->next->loop), on_round, p->next, left);
}

static void
on_ping(void *ctx, struct dg_conn *c, enum dg_conn_event ev)
{
	struct place *p = ctx;
	struct dg_str in = dg_conn_input(c);

	assert_int_equal(ev, DG_CONN_INPUT);
	p->echoed += in.n;
	dg_conn_eat(c, in.n);
}

static void *
place_main(void *ctx)
{
	struct place *p = ctx;

	dg_conn_pair(p->loop, &p->a, &p->b);
	dg_conn_set_fn(p->b, on_ping, p);
	dg_loop_run(p->loop);
	dg_conn_free(p->a);
	dg_conn_free(p->b);
	return NULL;
}

static void
loops_on_four_threads_pass_letters_and_bytes(void **state)
{
	struct place p[LOOPS] = { 0 };
	struct dg_post *done = dg_post_new();
	int n = 0;

	(void)state;
	for (int i = 0; i < LOOPS; i++) {
		p[i].loop = dg_loop_new();
		p[i].done = done;
		p[i].next = &p[(i + 1) % LOOPS];
	}
	for (int i = 0; i < LOOPS; i++)
		pthread_create(&p[i].thread, NULL, place_main, &p[i]);
	for (int i = 0; i < LOOPS; i++) {
		int *left = malloc(sizeof(*left));

		*left = ROUNDS;
		dg_post_send(dg_loop_post(p[i].loop), on_round, &p[i], left);
	}
	for (unsigned chains = 0; chains < LOOPS;) {
		dg_post_wait(done, -1);
		chains += dg_post_run(done);
	}
	for (int i = 0; i < LOOPS; i++)
		dg_loop_stop(p[i].loop);
	for (int i = 0; i < LOOPS; i++)
		pthread_join(p[i].thread, NULL);
	for (int i = 0; i < LOOPS; i++) {
		dg_loop_free(p[i].loop);
		n += p[i].n;
	}
	dg_post_free(done);
	assert_int_equal(n, LOOPS * ROUNDS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_timer_fires_once_and_never_inside_its_setting),
		cmocka_unit_test(
		    timers_and_watches_may_be_freed_by_what_they_call),
		cmocka_unit_test(a_clock_that_jumps_moves_no_timer),
		cmocka_unit_test(a_loop_that_jumps_takes_its_timers_with_it),
		cmocka_unit_test(a_stop_before_the_start_counts),
		cmocka_unit_test(a_turn_waits_no_longer_than_told),
		cmocka_unit_test(gathered_log_lines_are_out_when_the_turn_ends),
		cmocka_unit_test(loops_on_four_threads_pass_letters_and_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
