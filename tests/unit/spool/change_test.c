/* change_test.c - what an operator does to recipients, and to whom. */
#include "fixture.h"

#include "dragoman/spool/queue.h"

enum {
	DAY = 86400000,
};

static int
setup(void **state)
{
	struct world *w = world_new();

	world_open(w);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

struct seen {
	size_t n, n_claimed, n_held;
	struct dg_item item; /* of the last one; no strings */
	struct dg_item_rcpt rcpt;
};

static void
see(void *ctx, const struct dg_item *item, const struct dg_item_rcpt *r,
    bool is_claimed)
{
	struct seen *s = ctx;

	s->n++;
	s->n_claimed += is_claimed;
	s->n_held += r->due_ms >= DG_DUE_HELD;
	s->item = *item;
	s->rcpt = *r;
}

static struct seen
look(struct world *w, const struct dg_pick *pick)
{
	static const struct dg_pick all;
	struct seen s = { 0 };
	struct dg_err e = { 0 };

	assert_true(dg_spool_scan(w->sp, pick != NULL ? pick : &all, 100000,
	    see, &s, &e));
	return s;
}

static struct dg_changed
change_as(struct world *w, const struct dg_pick *pick, enum dg_change how,
    bool is_dry)
{
	struct dg_changed sums;
	struct dg_err e = { 0 };

	if (dg_spool_change(w->sp, pick, how, is_dry, NULL, NULL, &sums, &e) !=
	    DG_OK)
		fail_msg("%s", e.text);
	return sums;
}

static struct dg_changed
change(struct world *w, const struct dg_pick *pick, enum dg_change how)
{
	return change_as(w, pick, how, false);
}

static struct dg_pick
hop(const char *name)
{
	return (struct dg_pick){ .has_hop = true, .hop = dg_str(name) };
}

static void
commit_some(struct world *w, unsigned n, size_t size, const char *lane)
{
	unsigned before = w->n_ok;

	for (unsigned i = 0; i < n; i++)
		commit_one(w, i, size, lane);
	until(w, w->n_ok == before + n);
}

/* One message that was tried and waits an hour. */
static void
put_off(struct world *w, const char *lane)
{
	commit_some(w, 1, 100, lane);
	dg_spool_start(w->sp);
	settle_all(w, next_claim(w), DG_OUTCOME_RETRY, dg_now_ms() + 3600000);
	settle_down(w);
}

static void
what_is_held_is_not_tried_and_does_not_expire(void **state)
{
	struct world *w = *state;
	struct dg_pick x = hop("x");
	int64_t expire;
	struct dg_claim *c;
	struct seen s;

	commit_some(w, 3, 100, "x");
	commit_some(w, 1, 100, "y");
	expire = look(w, &x).rcpt.expire_ms;
	assert_int_equal(change(w, &x, DG_CHANGE_HOLD).recipients, 3);
	assert_int_equal(change(w, &x, DG_CHANGE_HOLD).unfit, 3);
	world_reopen(w);
	dg_spool_start(w->sp);
	c = next_claim(w);
	assert_true(dg_str_is(c->lane, "y"));
	settle_all(w, c, DG_OUTCOME_DELIVERED, 0);
	dg_clock_jump(20 * (int64_t)DAY);
	dg_spool_release(w->sp, DG_NOSTR, true); /* of its hop: not of it */
	settle_down(w);
	assert_int_equal(w->n_claims, 0);
	assert_int_equal(look(w, NULL).n_held, 3);
	assert_int_equal(change(w, &x, DG_CHANGE_RETRY).unfit, 3);

	assert_int_equal(change(w, &x, DG_CHANGE_RELEASE).messages, 3);
	for (int i = 0; i < 3; i++) {
		c = next_claim(w);
		/* what time it was held it has still */
		assert_true(c->item.rcpts[0].expire_ms >=
		    expire + 20 * (int64_t)DAY);
		settle_all(w, c, DG_OUTCOME_DELIVERED, 0);
	}
	s = look(w, NULL);
	assert_int_equal(s.n, 0);
	dg_clock_jump(-20 * (int64_t)DAY);
}

static void
a_retry_is_now_and_for_those_only(void **state)
{
	struct world *w = *state;
	struct dg_pick one = { 0 };
	struct dg_changed sums;

	put_off(w, "x");
	one.id = look(w, NULL).item.id;
	put_off(w, "x");
	assert_int_equal(w->n_claims, 0);
	sums = change(w, &one, DG_CHANGE_RETRY);
	assert_int_equal(sums.recipients, 1);
	until(w, w->n_claims == 1);
	assert_int_equal(w->claims[0]->item.id, one.id);
	assert_int_equal(w->claims[0]->item.rcpts[0].tries, 1);
	/* it is being delivered: nothing can be done to it now */
	assert_int_equal(change(w, &one, DG_CHANGE_DROP).claimed, 1);
	settle_all(w, next_claim(w), DG_OUTCOME_DELIVERED, 0);
	settle_down(w);
	assert_int_equal(look(w, NULL).n, 1);
}

static void
a_retry_ends_the_hold_of_its_hop_with_a_probe(void **state)
{
	struct world *w = *state;
	struct dg_pick x = hop("x");

	put_off(w, "x");
	dg_spool_hold(w->sp, DG_STR("x"), dg_now_ms() + DAY, DG_STR("why"),
	    DG_STR("because"));
	settle_down(w);
	assert_int_equal(change(w, &x, DG_CHANGE_RETRY).recipients, 1);
	until(w, w->n_claims == 1);
	assert_true(w->claims[0]->is_probe);
	settle_all(w, next_claim(w), DG_OUTCOME_DELIVERED, 0);
}

static void
what_is_given_up_goes_out_as_expired(void **state)
{
	struct world *w = *state;
	struct dg_pick x = hop("x");
	const struct dg_item_rcpt *r;

	put_off(w, "x");
	assert_int_equal(change(w, &x, DG_CHANGE_HOLD).recipients, 1);
	assert_int_equal(change(w, &x, DG_CHANGE_GIVE_UP).recipients, 1);
	until(w, w->n_claims == 1);
	r = &w->claims[0]->item.rcpts[0];
	assert_true(r->expire_ms > 0 && r->expire_ms <= dg_now_ms());
	assert_true(dg_str_is(r->reply, "given up by an operator"));
	settle_all(w, next_claim(w), DG_OUTCOME_FAILED, 0);
	settle_down(w);
	assert_int_equal(look(w, NULL).n, 0);
}

static unsigned
body_files(const struct world *w)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/bodies", w->dir);
	return rmdir(path) == 0 ? 0 : 1;
}

static void
what_is_dropped_is_gone_with_its_body(void **state)
{
	static const char *const both[] = { "x", "y" };
	struct world *w = *state;
	struct dg_pick x = hop("x"), y = hop("y");
	struct dg_changed sums;

	commit_to(w, 1, 100000, both, 2);
	until(w, w->n_ok == 1);
	sums = change(w, &x, DG_CHANGE_DROP);
	assert_int_equal(sums.recipients, 1);
	assert_int_equal(look(w, NULL).n, 1);
	assert_int_equal(stats_of(w).messages, 1);
	assert_int_equal(change(w, &y, DG_CHANGE_DROP).messages, 1);
	assert_int_equal(stats_of(w).messages, 0);
	dg_spool_close(w->sp);
	assert_int_equal(body_files(w), 0);
	world_open(w);
	dg_spool_start(w->sp);
	settle_down(w);
	assert_int_equal(w->n_claims, 0);
}

/* Its other recipient is in a worker's hands: the message stays for that. */
static void
a_message_lives_while_one_of_it_is_delivered(void **state)
{
	static const char *const both[] = { "x", "y" };
	struct world *w = *state;
	struct dg_pick all = { 0 };
	struct dg_claim *c;
	struct dg_changed sums;

	commit_to(w, 7, 100000, both, 2);
	until(w, w->n_ok == 1);
	assert_int_equal(change(w, &(struct dg_pick){ .has_hop = true,
				       .hop = DG_STR("y") },
			     DG_CHANGE_HOLD)
			     .recipients,
	    1);
	dg_spool_start(w->sp);
	c = next_claim(w);
	sums = change(w, &all, DG_CHANGE_DROP);
	assert_int_equal(sums.claimed, 1);
	assert_int_equal(sums.recipients, 1);
	assert_true(claim_has_body(c, 7, 100000));
	settle_all(w, c, DG_OUTCOME_DELIVERED, 0);
	assert_int_equal(stats_of(w).messages, 0);
}

static void
dry_it_counts_and_changes_nothing(void **state)
{
	struct world *w = *state;
	struct dg_pick all = { 0 };
	struct seen s = { 0 };
	struct dg_changed sums;
	struct dg_err e = { 0 };

	commit_some(w, 5, 100, "x");
	assert_int_equal(dg_spool_change(w->sp, &all, DG_CHANGE_DROP, true, see,
			     &s, &sums, &e),
	    DG_OK);
	assert_int_equal(sums.messages, 5);
	assert_int_equal(s.n, 5);
	assert_int_equal(look(w, NULL).n, 5);
	assert_int_equal(look(w, NULL).n_held, 0);
}

static void
each_criterion_picks(void **state)
{
	static const struct {
		const char *why;
		struct dg_pick pick;
		size_t n;
	} cases[] = {
		{ "all", { 0 }, 4 },
		{ "a hop", { .has_hop = true, .hop = DG_STR("x") }, 3 },
		{ "a domain, any case",
		    { .has_domain = true, .domain = DG_STR("TWO.example") },
		    4 },
		{ "a part of a domain is another",
		    { .has_domain = true, .domain = DG_STR("example") }, 0 },
		{ "a sender",
		    { .has_sender = true, .sender = DG_STR("A@one.example") },
		    4 },
		{ "the null sender", { .has_sender = true }, 0 },
		{ "a meaning",
		    { .has_reason = true, .reason = DG_STR("temporary") }, 1 },
		{ "what was said",
		    { .has_reason = true, .reason = DG_STR("LATER") }, 1 },
		{ "older", { .older_ms = DAY }, 0 },
		{ "old enough", { .older_ms = 1 }, 4 },
		{ "no such message", { .id = 1 }, 0 },
	};
	struct world *w = *state;

	put_off(w, "x");
	dg_spool_stop_claims(w->sp);
	commit_some(w, 2, 100, "x");
	commit_some(w, 1, 100, "y");
	dg_clock_jump(10);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("  %s\n", cases[i].why);
		assert_int_equal(look(w, &cases[i].pick).n, cases[i].n);
	}
	dg_clock_jump(-10);
}

static void
many_are_changed_in_pieces_and_no_other(void **state)
{
	enum {
		N = 9000
	};
	struct world *w = *state;
	struct dg_pick x = hop("x");
	unsigned n_y = 0;

	commit_some(w, N, 10, "x");
	commit_some(w, 100, 10, "y");
	assert_int_equal(change(w, &x, DG_CHANGE_HOLD).recipients, N);
	dg_spool_start(w->sp);
	while (n_y < 100) {
		struct dg_claim *c = next_claim(w);

		assert_true(dg_str_is(c->lane, "y"));
		settle_all(w, c, DG_OUTCOME_DELIVERED, 0);
		n_y++;
	}
	assert_int_equal(stats_of(w).messages, N);
	assert_int_equal(change(w, &x, DG_CHANGE_DROP).messages, N);
	assert_int_equal(stats_of(w).messages, 0);
	assert_int_equal(look(w, NULL).n, 0);
	assert_int_equal(w->n_claims, 0);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(what_is_held_is_not_tried_and_does_not_expire),
		CASE(a_retry_is_now_and_for_those_only),
		CASE(a_retry_ends_the_hold_of_its_hop_with_a_probe),
		CASE(what_is_given_up_goes_out_as_expired),
		CASE(what_is_dropped_is_gone_with_its_body),
		CASE(a_message_lives_while_one_of_it_is_delivered),
		CASE(dry_it_counts_and_changes_nothing),
		CASE(each_criterion_picks),
		CASE(many_are_changed_in_pieces_and_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
