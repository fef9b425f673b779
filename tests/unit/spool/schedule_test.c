/* schedule_test.c - what is due, when, in which lane: no clock, no database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/spool/schedule.h"

static struct dg_schedule s;

static int
init(void **state)
{
	(void)state;
	dg_schedule_init(&s, 3);
	return 0;
}

static int
fini(void **state)
{
	(void)state;
	dg_schedule_fini(&s);
	return 0;
}

static void
add(uint64_t id, const char *lane, int64_t due, int64_t expire)
{
	dg_schedule_add(&s, dg_schedule_msg(&s, id), dg_str(lane), 1, due,
	    expire);
}

static uint64_t
take(int64_t now, struct dg_entry **out)
{
	struct dg_entry *e = dg_schedule_take(&s, now);

	if (out != NULL)
		*out = e;
	return e != NULL ? e->msg->id : 0;
}

static void
drop(struct dg_entry *e)
{
	struct dg_sched_msg *m = e->msg;

	dg_schedule_back(&s, e, 0, 0, 0, true);
	(void)dg_schedule_gone(&s, m);
}

static void
back(struct dg_entry *e, int64_t due, int64_t expire, bool ends_hold)
{
	dg_schedule_back(&s, e, 1, due, expire, ends_hold);
}

static void
a_lane_is_in_order_of_due_time_then_of_arrival(void **state)
{
	static const uint64_t want[] = { 4, 2, 5, 1, 3 };
	struct dg_entry *e;

	(void)state;
	add(1, "x", 30, 0);
	add(5, "x", 20, 0);
	add(3, "x", 40, 0);
	add(2, "x", 20, 0);
	add(4, "x", 10, 0);
	assert_int_equal(take(9, NULL), 0);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(take(40, &e), want[i]);
		drop(e);
	}
	assert_int_equal(s.messages, 0);
	assert_int_equal(s.entries, 0);
}

static void
a_full_lane_stops_no_other_and_lanes_take_turns(void **state)
{
	struct dg_entry *e, *out[3];

	(void)state;
	for (uint64_t i = 1; i <= 100000; i++)
		add(i, "dead", 0, 0);
	add(200001, "live", 0, 0);
	add(200002, "live", 0, 0);
	assert_int_equal(take(0, &out[0]), 1);
	assert_int_equal(take(0, &e), 200001);
	drop(e);
	assert_int_equal(take(0, &out[1]), 2);
	assert_int_equal(take(0, &e), 200002);
	drop(e);
	assert_int_equal(take(0, &out[2]), 3);
	assert_int_equal(take(0, NULL), 0); /* three are out */
	assert_int_equal(dg_schedule_next(&s, 0), INT64_MAX);
	for (size_t i = 0; i < 3; i++)
		drop(out[i]);
	assert_int_equal(take(0, &e), 4);
	drop(e);
}

static void
a_held_lane_lets_out_what_expires_and_one_probe(void **state)
{
	struct dg_entry *probe, *old;

	(void)state;
	add(1, "x", 10, 0);
	add(2, "x", 11, 50);
	add(3, "x", 12, 0);
	dg_schedule_hold(&s, DG_STR("x"), 100, DG_STR("login-refused"),
	    DG_STR("535 no"));
	assert_int_equal(dg_schedule_next(&s, 20), 50);
	assert_int_equal(take(20, NULL), 0);
	assert_int_equal(take(50, &old), 2);
	assert_false(old->is_probe);
	drop(old);
	assert_int_equal(dg_schedule_next(&s, 50), 100);
	assert_int_equal(take(99, NULL), 0);
	assert_int_equal(take(100, &probe), 1);
	assert_true(probe->is_probe);
	assert_int_equal(take(100, NULL), 0);
	assert_int_equal(dg_schedule_next(&s, 100), INT64_MAX);

	/* held on: a new probe at the new time */
	dg_schedule_hold(&s, DG_STR("x"), 200, DG_STR("y"), DG_STR("z"));
	back(probe, 100, 0, false);
	assert_int_equal(take(199, NULL), 0);
	assert_int_equal(take(200, &probe), 3);
	assert_true(probe->is_probe);

	/* the hop answered: all go */
	back(probe, 300, 0, true);
	assert_int_equal(take(200, &old), 1);
	assert_false(old->is_probe);
	drop(old);
}

static void
an_attempt_that_began_before_the_hold_does_not_end_it(void **state)
{
	struct dg_entry *e;

	(void)state;
	add(1, "x", 0, 0);
	add(2, "x", 0, 0);
	assert_int_equal(take(0, &e), 1);
	dg_schedule_hold(&s, DG_STR("x"), 100, DG_STR("m"), DG_STR("r"));
	drop(e);
	assert_int_equal(take(99, NULL), 0);
	assert_int_equal(take(100, &e), 2);
	drop(e);
}

static void
release_sends_probes_and_may_make_all_due(void **state)
{
	struct dg_entry *e;

	(void)state;
	add(1, "x", 1000, 0);
	add(2, "y", 2000, 0);
	add(3, "z", 10, 0);
	dg_schedule_hold(&s, DG_STR("z"), 5000, DG_STR("m"), DG_STR("r"));
	dg_schedule_release(&s, DG_STR("z"), false, 20, INT64_MAX);
	assert_int_equal(take(20, &e), 3);
	assert_true(e->is_probe);
	drop(e);
	assert_int_equal(take(20, NULL), 0);
	dg_schedule_release(&s, DG_STR("y"), true, 20, INT64_MAX);
	assert_int_equal(take(20, &e), 2);
	assert_true(e->is_urged);
	back(e, 3000, 0, true);
	assert_false(e->is_urged);
	assert_int_equal(take(20, NULL), 0);
	dg_schedule_release(&s, DG_NOSTR, true, 20, INT64_MAX);
	assert_int_equal(take(20, &e), 1);
	drop(e);
	assert_int_equal(take(20, &e), 2);
	drop(e);
}

static void
recipients_of_one_message_in_one_lane_are_one_entry(void **state)
{
	struct dg_sched_msg *m = dg_schedule_msg(&s, 7);
	struct dg_entry *e;

	(void)state;
	dg_schedule_add(&s, m, DG_STR("x"), 1, 50, 0);
	dg_schedule_add(&s, m, DG_STR("x"), 2, 40, 90);
	dg_schedule_add(&s, m, DG_STR("y"), 1, 60, 0);
	assert_int_equal(s.entries, 2);
	assert_int_equal(take(40, &e), 7);
	assert_int_equal(e->n, 3);
	assert_int_equal(e->expire_ms, 90);
	/* one more comes while it is out: it is not lost */
	dg_schedule_add(&s, m, DG_STR("x"), 1, 40, 0);
	dg_schedule_back(&s, e, 1, 45, 0, false);
	assert_int_equal(take(45, &e), 7);
	dg_schedule_back(&s, e, 0, 0, 0, false);
	assert_false(dg_schedule_gone(&s, m));
	assert_int_equal(take(60, &e), 7);
	drop(e);
	assert_int_equal(s.messages, 0);
}

static void
next_says_when(void **state)
{
	static const struct {
		const char *why;
		int64_t due, expire, held, now, want;
	} cases[] = {
		{ "in the future", 100, 0, 0, 10, 100 },
		{ "overdue is now", 100, 0, 0, 500, 500 },
		{ "expires first", 100, 50, 0, 10, 50 },
		{ "held: at the probe", 100, 0, 700, 10, 700 },
		{ "held: but not before it is due", 100, 0, 50, 10, 100 },
		{ "held: it expires", 100, 300, 700, 10, 300 },
	};

	(void)state;
	assert_int_equal(dg_schedule_next(&s, 0), INT64_MAX);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("  %s\n", cases[i].why);
		dg_schedule_fini(&s);
		dg_schedule_init(&s, 3);
		add(1, "x", cases[i].due, cases[i].expire);
		if (cases[i].held > 0)
			dg_schedule_hold(&s, DG_STR("x"), cases[i].held,
			    DG_NOSTR, DG_STR(""));
		assert_int_equal(dg_schedule_next(&s, cases[i].now),
		    cases[i].want);
	}
}

/* Against a list that is searched: the same messages at the same times. */
static void
many_random_steps_agree_with_a_plain_list(void **state)
{
	enum {
		N = 400,
		STEPS = 20000
	};
	static struct {
		int64_t due, expire; /* due -1: not there */
		struct dg_entry *out;
	} list[N];
	unsigned in_flight = 0;
	int64_t now = 0;

	(void)state;
	srand(7);
	for (size_t i = 0; i < N; i++)
		list[i].due = -1;
	for (int step = 0; step < STEPS; step++) {
		size_t i = (size_t)rand() % N;
		struct dg_entry *e;
		size_t best = N;
		bool expired = false;

		now += rand() % 3;
		if (list[i].out != NULL) {
			in_flight--;
			if (rand() % 2) {
				drop(list[i].out);
				list[i].due = -1;
			} else {
				list[i].due = now + rand() % 50;
				back(list[i].out, list[i].due, list[i].expire,
				    false);
			}
			list[i].out = NULL;
		} else if (list[i].due < 0) {
			list[i].due = now + rand() % 100;
			list[i].expire = rand() % 3 ? 0 : now + rand() % 200;
			add(i + 1, "x", list[i].due, list[i].expire);
		}
		for (size_t k = 0; k < N && in_flight < 3; k++) {
			bool x = list[k].expire > 0 && list[k].expire <= now;

			if (list[k].due < 0 || list[k].out != NULL ||
			    (list[k].due > now && !x))
				continue;
			if (best == N || x > expired ||
			    (x == expired &&
				(x ? list[k].expire < list[best].expire
				   : list[k].due < list[best].due))) {
				best = k;
				expired = x;
			}
		}
		assert_int_equal(take(now, &e), best == N ? 0 : best + 1);
		if (best < N) {
			list[best].out = e;
			in_flight++;
		}
	}
	for (size_t i = 0; i < N; i++)
		if (list[i].out != NULL)
			drop(list[i].out);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, init, fini)
	const struct CMUnitTest tests[] = {
		CASE(a_lane_is_in_order_of_due_time_then_of_arrival),
		CASE(a_held_lane_lets_out_what_expires_and_one_probe),
		CASE(an_attempt_that_began_before_the_hold_does_not_end_it),
		CASE(release_sends_probes_and_may_make_all_due),
		CASE(recipients_of_one_message_in_one_lane_are_one_entry),
		CASE(next_says_when),
		CASE(many_random_steps_agree_with_a_plain_list),
		CASE(a_full_lane_stops_no_other_and_lanes_take_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
