/* spool_test.c - the whole spool: draft, commit, claim, settle, and again after
 * a restart. */
#include "fixture.h"

#include "core/spool/record.h"

#include "core/spool/spool_state.h"

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

static unsigned
bodies_in(const struct world *w)
{
	char cmd[128];
	FILE *f;
	unsigned n = 0;

	snprintf(cmd, sizeof(cmd), "ls %s/bodies | wc -l", w->dir);
	f = popen(cmd, "r");
	assert_int_equal(fscanf(f, "%u", &n), 1);
	pclose(f);
	return n;
}

static void
a_claim_is_what_was_committed(void **state)
{
	struct world *w = *state;
	struct dg_item_rcpt rcpts[2] = {
		{ .address = DG_STR("b@two.example"),
		    .original = DG_STR("B@two.example"),
		    .lane = DG_STR("x"),
		    .due_ms = 1,
		    .expire_ms = INT64_MAX / 2 },
		{ .address = DG_STR("c@two.example"),
		    .lane = DG_STR("x"),
		    .due_ms = 1 },
	};
	struct dg_item item = {
		.sender = DG_STR(""),
		.helo = DG_STR("helo"),
		.address = DG_STR("192.0.2.1"),
		.listener = DG_STR("mx"),
		.peer = DG_STR("hq"),
		.user = DG_STR("u"),
		.notes = { "k\0v\xff", 4 },
		.arrival_ms = 12345,
		.body_8bit = true,
		.is_report = true,
		.rcpts = rcpts,
		.n_rcpts = 2,
	};
	char name[16];

	/* once from memory, once from the database */
	for (int again = 0; again < 2; again++) {
		struct dg_claim *c;

		if (again == 0) {
			struct dg_draft *d = draft_of(w->sp, 3, 1000);

			snprintf(name, sizeof(name), "%.*s",
			    DG_FMT(dg_draft_name(d)));
			assert_int_equal(dg_draft_size(d), 1000);
			dg_spool_commit(w->sp, d, &item, w->post, on_done, w,
			    0);
			until(w, w->n_ok == 1);
		} else {
			world_reopen(w);
		}
		dg_spool_start(w->sp);
		c = next_claim(w);
		assert_string_equal(c->item.name, name);
		assert_true(dg_str_is(c->lane, "x"));
		assert_true(dg_str_is(c->item.sender, ""));
		assert_true(dg_str_is(c->item.helo, "helo"));
		assert_true(dg_str_is(c->item.address, "192.0.2.1"));
		assert_true(dg_str_is(c->item.listener, "mx"));
		assert_true(dg_str_is(c->item.peer, "hq"));
		assert_true(dg_str_is(c->item.user, "u"));
		assert_true(dg_str_eq(c->item.notes, item.notes));
		assert_int_equal(c->item.arrival_ms, 12345);
		assert_true(c->item.body_8bit && c->item.is_report);
		assert_int_equal(c->item.n_rcpts, 2);
		assert_true(
		    dg_str_is(c->item.rcpts[0].original, "B@two.example"));
		assert_true(c->item.rcpts[0].expire_ms == INT64_MAX / 2);
		assert_true(
		    dg_str_is(c->item.rcpts[1].address, "c@two.example"));
		assert_int_equal(c->item.rcpts[1].number, 1);
		assert_true(claim_has_body(c, 3, 1000));
		settle_all(w, c, again ? DG_OUTCOME_DELIVERED : DG_OUTCOME_WAIT,
		    0);
		dg_spool_stop_claims(w->sp);
		settle_down(w);
		while (w->n_claims > 0) /* it came back at once */
			settle_all(w, next_claim(w), DG_OUTCOME_WAIT, 0);
	}
	assert_int_equal(stats_of(w).messages, 0);
	assert_int_equal(stats_of(w).delivered, 2);
}

static void
each_outcome_does_what_it_says(void **state)
{
	struct world *w = *state;
	int64_t later = dg_now_ms() + 3600000;
	static const struct {
		const char *why;
		enum dg_outcome outcome;
		unsigned messages, tries;
		bool has_first_try;
		const char *lane, *meaning;
	} cases[] = {
		{ "delivered", DG_OUTCOME_DELIVERED, 0, 0, false, "", "" },
		{ "failed", DG_OUTCOME_FAILED, 0, 0, false, "", "" },
		{ "again later", DG_OUTCOME_RETRY, 1, 1, true, "x",
		    "temporary" },
		{ "its lane is held", DG_OUTCOME_WAIT, 1, 0, false, "x",
		    "temporary" },
		{ "another lane", DG_OUTCOME_MOVE, 1, 0, false, "elsewhere",
		    "temporary" },
	};

	dg_spool_start(w->sp);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dg_claim *c;

		print_message("  %s\n", cases[i].why);
		commit_one(w, i, 100, "x");
		settle_all(w, next_claim(w), cases[i].outcome, later);
		assert_int_equal(stats_of(w).messages, cases[i].messages);
		assert_true(dg_spool_is_idle(w->sp));
		/* also after a restart; then it is urged and goes */
		world_reopen(w);
		dg_spool_start(w->sp);
		settle_down(w);
		assert_int_equal(w->n_claims, 0);
		assert_int_equal(stats_of(w).messages, cases[i].messages);
		if (cases[i].messages == 0)
			continue;
		dg_spool_release(w->sp, DG_NOSTR, true);
		c = next_claim(w);
		assert_true(dg_str_is(c->lane, cases[i].lane));
		assert_true(
		    dg_str_is(c->item.rcpts[0].meaning, cases[i].meaning));
		assert_true(dg_str_is(c->item.rcpts[0].reply, "451 later"));
		assert_true(dg_str_is(c->item.rcpts[0].host, "mx.two.example"));
		assert_int_equal(c->item.rcpts[0].tries, cases[i].tries);
		assert_int_equal(c->item.rcpts[0].first_try_ms != 0,
		    cases[i].has_first_try);
		assert_int_equal(c->item.rcpts[0].due_ms, later);
		assert_true(c->item.rcpts[0].expire_ms > later);
		assert_true(claim_has_body(c, i, 100));
		settle_all(w, c, DG_OUTCOME_DELIVERED, 0);
		assert_int_equal(stats_of(w).messages, 0);
	}
}

static void
lanes_of_one_message_go_their_own_ways(void **state)
{
	static const char *const lanes[] = { "x", "y", "x", "z" };
	struct world *w = *state;
	size_t rcpts = 0;

	dg_spool_start(w->sp);
	commit_to(w, 5, 3000, lanes, 4);
	until(w, w->n_claims == 3);
	for (int i = 0; i < 3; i++) {
		struct dg_claim *c = next_claim(w);

		rcpts += c->item.n_rcpts;
		assert_int_equal(c->item.n_rcpts,
		    dg_str_is(c->lane, "x") ? 2 : 1);
		assert_true(claim_has_body(c, 5, 3000));
		assert_int_equal(stats_of(w).messages, 1);
		settle_all(w, c, DG_OUTCOME_DELIVERED, 0);
	}
	assert_int_equal(rcpts, 4);
	assert_int_equal(stats_of(w).messages, 0);
	assert_int_equal(stats_of(w).delivered, 4);
}

/* One settle moves a recipient into a lane whose claim is settled in the same
 * batch: whichever is first, the recipient is neither lost nor doubled. */
static void
moving_into_a_lane_that_is_out_loses_nobody(void **state)
{
	static const char *const lanes[] = { "x", "elsewhere" };
	struct world *w = *state;

	dg_spool_start(w->sp);
	for (int turn = 0; turn < 40; turn++) {
		struct dg_claim *x, *y;

		commit_to(w, 1, 10, lanes, 2);
		x = next_claim(w);
		y = next_claim(w);
		if (dg_str_is(y->lane, "x")) {
			struct dg_claim *t = x;

			x = y;
			y = t;
		}
		if (turn % 2)
			settle_all(w, x, DG_OUTCOME_MOVE, 0);
		settle_all(w, y, DG_OUTCOME_DELIVERED, 0);
		if (turn % 2 == 0)
			settle_all(w, x, DG_OUTCOME_MOVE, 0);
		x = next_claim(w);
		assert_int_equal(x->item.n_rcpts, 1);
		assert_int_equal(x->item.rcpts[0].number, 0);
		assert_true(x->item.rcpts[0].expire_ms > 0);
		settle_all(w, x, DG_OUTCOME_DELIVERED, 0);
		assert_int_equal(stats_of(w).messages, 0);
		settle_down(w);
		assert_int_equal(w->n_claims, 0);
	}
}

static void
a_large_body_has_a_file_until_it_is_delivered(void **state)
{
	static const size_t sizes[] = { 0, 1, 65536, 65537, 3000000 };
	struct world *w = *state;

	for (size_t i = 0; i < 5; i++)
		commit_one(w, i, sizes[i], "x");
	until(w, w->n_ok == 5);
	assert_int_equal(bodies_in(w), 2);
	for (int again = 0; again < 2; again++) {
		dg_spool_start(w->sp);
		until(w, w->n_claims == 5);
		for (size_t i = 0; i < 5; i++) {
			struct dg_claim *c = next_claim(w);

			assert_true(claim_has_body(c, i, sizes[i]));
			settle_all(w, c,
			    again ? DG_OUTCOME_DELIVERED : DG_OUTCOME_RETRY,
			    dg_now_ms() + 1);
		}
		dg_spool_stop_claims(w->sp);
		if (again == 0) {
			settle_down(w);
			while (w->n_claims > 0)
				settle_all(w, next_claim(w), DG_OUTCOME_WAIT,
				    0);
			world_reopen(w);
		}
	}
	assert_int_equal(stats_of(w).messages, 0);
	world_reopen(w);
	assert_int_equal(bodies_in(w), 0);
}

static void
files_of_nobody_are_removed_at_start(void **state)
{
	struct world *w = *state;
	char path[128];
	FILE *f;

	commit_one(w, 1, 100000, "x");
	until(w, w->n_ok == 1);
	dg_draft_free(draft_of(w->sp, 2, 100000)); /* dropped */
	assert_int_equal(bodies_in(w), 1);
	dg_spool_close(w->sp);
	snprintf(path, sizeof(path), "%s/bodies/1abc", w->dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(bodies_in(w), 2);
	world_open(w);
	assert_int_equal(bodies_in(w), 1);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(stats_of(w).messages, 1);
}

static void
a_file_is_gone_soon_after_its_delivery(void **state)
{
	struct world *w = *state;

	dg_spool_start(w->sp);
	commit_one(w, 1, 100000, "x");
	settle_all(w, next_claim(w), DG_OUTCOME_DELIVERED, 0);
	assert_int_equal(stats_of(w).messages, 0);
	for (int i = 0; i < 300 && bodies_in(w) > 0; i++)
		usleep(10000);
	assert_int_equal(bodies_in(w), 0);
}

static void
a_spool_has_one_owner(void **state)
{
	struct world *w = *state;
	struct dg_spool_options o = options_for(w);
	struct dg_spool *other = NULL;
	struct dg_err e = { 0 };
	char want[128];

	assert_int_not_equal(dg_spool_open(&o, &other, &e), DG_OK);
	snprintf(want, sizeof(want), "is in use by process %ld",
	    (long)getpid());
	assert_non_null(strstr(e.text, want));
}

static void
what_it_makes_nobody_else_may_read(void **state)
{
	static const char *const names[] = { "spool.db", "spool.db-wal", "lock",
		"reserve" };
	struct world *w = *state;
	struct stat st;
	char path[128];

	commit_one(w, 1, 10, "x");
	until(w, w->n_ok == 1);
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", w->dir, names[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	snprintf(path, sizeof(path), "%s/bodies", w->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void
a_settle_brings_its_reports_along(void **state)
{
	struct world *w = *state;
	struct dg_item_rcpt to = { .address = DG_STR("a@one.example"),
		.lane = DG_STR("back") };
	struct dg_item item = { .is_report = true, .rcpts = &to, .n_rcpts = 1 };
	struct dg_settle_rcpt out = { .outcome = DG_OUTCOME_FAILED };
	static const size_t sizes[] = { 500, 200000 };

	dg_spool_start(w->sp);
	for (size_t i = 0; i < 2; i++) {
		struct dg_new_message news;
		struct dg_claim *c;

		commit_one(w, 1, 10, "x");
		c = next_claim(w);
		news.own_draft = draft_of(w->sp, 9, sizes[i]);
		news.item = &item;
		dg_spool_settle(w->sp, c, &out, 1, &news, 1);
		c = next_claim(w);
		assert_true(dg_str_is(c->lane, "back"));
		assert_true(c->item.is_report);
		assert_true(claim_has_body(c, 9, sizes[i]));
		assert_int_equal(stats_of(w).messages, 1);
		settle_all(w, c, DG_OUTCOME_DELIVERED, 0);
	}
	assert_int_equal(stats_of(w).failed, 2);
	assert_int_equal(stats_of(w).delivered, 2);
}

static void
a_held_lane_waits_for_its_probe(void **state)
{
	struct world *w = *state;
	struct dg_claim *c;

	dg_spool_hold(w->sp, DG_STR("x"), dg_now_ms() + 3600000,
	    DG_STR("login-refused"), DG_STR("535 no"));
	dg_spool_start(w->sp);
	for (uint64_t i = 0; i < 5; i++)
		commit_one(w, i, 10, "x");
	commit_one(w, 5, 10, "y");
	c = next_claim(w);
	assert_true(dg_str_is(c->lane, "y"));
	settle_all(w, c, DG_OUTCOME_DELIVERED, 0);
	until(w, w->n_ok == 6);
	settle_down(w);
	assert_int_equal(w->n_claims, 0);
	assert_true(dg_spool_is_idle(w->sp));
	dg_clock_jump(3600000);
	dg_spool_poke(w->sp);
	c = next_claim(w);
	assert_true(c->is_probe);
	settle_down(w);
	assert_int_equal(w->n_claims, 0);
	settle_all(w, c, DG_OUTCOME_DELIVERED, 0);
	until(w, w->n_claims == 4);
	for (int i = 0; i < 4; i++) {
		c = next_claim(w);
		assert_false(c->is_probe);
		settle_all(w, c, DG_OUTCOME_DELIVERED, 0);
	}
}

/* No room for the report, say: it must not come back at once for ever. */
static void
what_expired_and_waits_on_waits_for_its_due_time(void **state)
{
	struct world *w = *state;
	struct dg_claim *c;

	dg_spool_start(w->sp);
	commit_one(w, 1, 10, "x");
	settle_all(w, next_claim(w), DG_OUTCOME_RETRY,
	    dg_now_ms() + 60 * 86400000LL);
	settle_down(w);
	assert_int_equal(w->n_claims, 0);
	dg_clock_jump(5 * 86400000LL + 1000);
	dg_spool_poke(w->sp);
	c = next_claim(w);
	assert_true(c->item.rcpts[0].expire_ms <= dg_now_ms());
	settle_all(w, c, DG_OUTCOME_WAIT, dg_now_ms() + 60000);
	settle_down(w);
	assert_int_equal(w->n_claims, 0);
	dg_clock_jump(60000);
	dg_spool_poke(w->sp);
	settle_all(w, next_claim(w), DG_OUTCOME_FAILED, 0);
	assert_int_equal(stats_of(w).failed, 1);
}

struct seen {
	unsigned rows, claimed;
	size_t waiting, in_flight;
	uint64_t last;
};

static void
see_row(void *ctx, const struct dg_item *item, const struct dg_item_rcpt *r,
    bool is_claimed)
{
	struct seen *s = ctx;

	assert_true(item->id >= s->last);
	assert_true(dg_str_is(r->address, "b@two.example"));
	s->last = item->id;
	s->rows++;
	s->claimed += is_claimed;
}

static void
see_lane(void *ctx, struct dg_str lane, size_t waiting, size_t in_flight,
    int64_t held, struct dg_str meaning, struct dg_str reason)
{
	struct seen *s = ctx;

	(void)held;
	(void)meaning;
	(void)reason;
	if (!dg_str_is(lane, "x"))
		return;
	s->waiting = waiting;
	s->in_flight = in_flight;
}

static void
list_and_lanes_show_what_waits(void **state)
{
	static const char *const lanes[] = { "x", "y" };
	struct world *w = *state;
	struct seen s = { 0 };

	for (uint64_t i = 0; i < 200; i++)
		commit_to(w, i, 10, lanes, 2);
	until(w, w->n_ok == 200);
	dg_spool_list(w->sp, 10000, see_row, &s);
	assert_int_equal(s.rows, 400);
	assert_int_equal(s.claimed, 0);
	s = (struct seen){ 0 };
	dg_spool_list(w->sp, 7, see_row, &s);
	assert_int_equal(s.rows, 7);
	dg_spool_start(w->sp);
	until(w, w->n_claims == 200); /* a hundred in each lane */
	s = (struct seen){ 0 };
	dg_spool_list(w->sp, SIZE_MAX, see_row, &s);
	assert_int_equal(s.claimed, 200);
	dg_spool_lanes(w->sp, see_lane, &s);
	assert_int_equal(s.waiting, 100);
	assert_int_equal(s.in_flight, 100);
	assert_int_equal(stats_of(w).claims_out, 200);
	assert_false(dg_spool_is_idle(w->sp));
	dg_spool_stop_claims(w->sp);
	while (w->n_claims > 0)
		settle_all(w, next_claim(w), DG_OUTCOME_DELIVERED, 0);
	assert_int_equal(stats_of(w).messages, 100);
}

static void
body_path(struct world *w, uint64_t id, char out[128])
{
	char name[16];

	dg_id_name(id, name);
	snprintf(out, 128, "%s/bodies/%s", w->dir, name);
}

/* The claim comes without it, and who has it decides; when it is back the
 * message goes. */
static void
a_body_that_is_gone_is_claimed_as_lost(void **state)
{
	struct world *w = *state;
	char path[128], aside[160];
	struct dg_str piece;
	struct dg_err e = { 0 };
	struct dg_claim *c;

	commit_one(w, 1, 100000, "x");
	until(w, w->n_ok == 1);
	dg_spool_start(w->sp);
	c = next_claim(w);
	assert_false(c->is_lost);
	body_path(w, c->item.id, path);
	settle_all(w, c, DG_OUTCOME_RETRY, dg_now_ms() + 60000);
	settle_down(w);
	snprintf(aside, sizeof(aside), "%s.aside", path);
	for (int after_start = 0; after_start < 2; after_start++) {
		assert_int_equal(rename(path, aside), 0);
		if (after_start) {
			world_reopen(w);
			dg_spool_start(w->sp);
		}
		dg_clock_jump(61000);
		dg_spool_poke(w->sp);
		c = next_claim(w);
		assert_true(c->is_lost);
		assert_int_equal(c->item.n_rcpts, 1);
		assert_int_equal(
		    dg_claim_body(c, 0, 10, &piece, &e), DG_E_ABSENT);
		assert_non_null(strstr(e.text, c->item.name));
		settle_all(w, c, DG_OUTCOME_RETRY, dg_now_ms() + 60000);
		settle_down(w);
		assert_int_equal(rename(aside, path), 0);
		dg_clock_jump(61000);
		dg_spool_poke(w->sp);
		c = next_claim(w);
		assert_true(claim_has_body(c, 1, 100000));
		settle_all(w, c, DG_OUTCOME_RETRY, dg_now_ms() + 60000);
		settle_down(w);
	}
	assert_int_equal(truncate(path, 99999), 0);
	dg_clock_jump(61000);
	dg_spool_poke(w->sp);
	c = next_claim(w);
	assert_true(c->is_lost);
	settle_all(w, c, DG_OUTCOME_FAILED, 0);
	assert_int_equal(stats_of(w).messages, 0);
	world_reopen(w); /* what is dead is removed at the latest now */
	assert_int_not_equal(access(path, F_OK), 0);
}

/* Not gone, only not to be read now: nobody is told before it expires. */
static void
a_body_that_cannot_be_read_waits_until_it_expires(void **state)
{
	struct world *w = *state;
	char path[128], aside[160];
	struct dg_claim *c;

	commit_one(w, 1, 100000, "x");
	commit_one(w, 2, 10, "x");
	until(w, w->n_ok == 2);
	dg_spool_start(w->sp);
	for (int i = 0; i < 2; i++) {
		c = next_claim(w);
		if (c->item.size == 100000)
			body_path(w, c->item.id, path);
		settle_all(w, c, DG_OUTCOME_RETRY, dg_now_ms() + 60000);
	}
	settle_down(w);
	snprintf(aside, sizeof(aside), "%s.aside", path);
	assert_int_equal(rename(path, aside), 0);
	assert_int_equal(symlink(path, path), 0); /* ELOOP */
	dg_clock_jump(61000);
	dg_spool_poke(w->sp);
	c = next_claim(w);
	assert_true(claim_has_body(c, 2, 10));
	settle_all(w, c, DG_OUTCOME_DELIVERED, 0);
	settle_down(w);
	assert_int_equal(w->n_claims, 0);
	assert_true(dg_spool_is_idle(w->sp));

	assert_int_equal(unlink(path), 0);
	assert_int_equal(rename(aside, path), 0);
	dg_clock_jump(61000);
	dg_spool_poke(w->sp);
	c = next_claim(w);
	assert_true(claim_has_body(c, 1, 100000));
	settle_all(w, c, DG_OUTCOME_RETRY, dg_now_ms() + 60000);
	settle_down(w);

	assert_int_equal(rename(path, aside), 0);
	assert_int_equal(symlink(path, path), 0);
	dg_clock_jump(6 * INT64_C(86400000));
	dg_spool_poke(w->sp);
	c = next_claim(w);
	assert_true(c->is_lost);
	settle_all(w, c, DG_OUTCOME_FAILED, 0);
	assert_int_equal(stats_of(w).messages, 0);
	(void)unlink(aside);
}

static void
a_dead_lane_slows_no_other(void **state)
{
	struct world *w = *state;
	struct dg_claim *dead[100];

	dg_spool_start(w->sp);
	for (uint64_t i = 0; i < 10000; i++)
		commit_one(w, i, 10, "dead");
	until(w, w->n_ok == 10000 && w->n_claims == 100);
	for (size_t i = 0; i < 100; i++)
		dead[i] = next_claim(w);
	for (uint64_t i = 0; i < 100; i++) {
		struct dg_claim *c;

		commit_one(w, i, 10, "live");
		c = next_claim(w);
		assert_true(dg_str_is(c->lane, "live"));
		settle_all(w, c, DG_OUTCOME_DELIVERED, 0);
	}
	dg_spool_stop_claims(w->sp);
	for (size_t i = 0; i < 100; i++)
		settle_all(w, dead[i], DG_OUTCOME_WAIT, 0);
	assert_int_equal(stats_of(w).messages, 10000);
}

static void
ten_thousand_messages_go_through(void **state)
{
	enum {
		N = 10000
	};
	struct world *w = *state;
	struct dg_spool_stats st;
	size_t done = 0;

	dg_spool_start(w->sp);
	for (uint64_t i = 0; i < N; i++) {
		commit_one(w, i, 1000, i % 2 ? "x" : "y");
		if (i % 100 == 0)
			(void)dg_post_run(w->post);
		for (; w->n_claims > 0; done++)
			settle_all(w, w->claims[--w->n_claims],
			    DG_OUTCOME_DELIVERED, 0);
	}
	for (; done < N; done++)
		settle_all(w, next_claim(w), DG_OUTCOME_DELIVERED, 0);
	until(w, w->n_ok == N);
	st = stats_of(w);
	assert_int_equal(st.messages, 0);
	assert_int_equal(st.accepted, N);
	assert_int_equal(st.delivered, N);
	assert_true(st.syncs > 0 && st.syncs < N);
}

static void
ids_grow_also_over_restarts_and_when_the_clock_goes_back(void **state)
{
	struct world *w = *state;
	uint64_t last = 0;

	for (int i = 0; i < 6; i++) {
		struct dg_claim *c;

		commit_one(w, 1, 10, "x");
		dg_spool_start(w->sp);
		c = next_claim(w);
		assert_true(c->item.id > last);
		last = c->item.id;
		settle_all(w, c, DG_OUTCOME_DELIVERED, 0);
		dg_clock_jump(i % 2 ? 3600000 : -3600000);
		world_reopen(w);
	}
}

static void
a_closed_spool_leaves_no_claim_behind(void **state)
{
	struct world *w = *state;
	struct dg_claim *c;

	dg_spool_start(w->sp);
	commit_one(w, 1, 70000, "x");
	c = next_claim(w);
	world_reopen(w); /* the lease is void: the message is there */
	dg_claim_free(c);
	dg_spool_start(w->sp);
	settle_all(w, next_claim(w), DG_OUTCOME_DELIVERED, 0);
	assert_int_equal(stats_of(w).messages, 0);
}

static void
a_policy_test_has_no_syncs(void **state)
{
	struct world *w = *state;
	struct dg_spool_options o = options_for(w);

	dg_spool_close(w->sp);
	o.no_sync = true;
	world_open_with(w, &o);
	commit_one(w, 1, 100000, "x");
	until(w, w->n_ok == 1);
	assert_int_equal(stats_of(w).syncs, 0);
}

static void
settles_alone_are_written_but_not_synced(void **state)
{
	struct world *w = *state;
	uint64_t before, commits;

	dg_spool_start(w->sp);
	for (uint64_t i = 0; i < 50; i++)
		commit_one(w, i, 100, "x");
	until(w, w->n_ok == 50 && w->n_claims == 50);
	before = stats_of(w).syncs;
	commits = stats_of(w).commits;
	assert_true(before > 0);
	for (int i = 0; i < 50; i++) {
		settle_all(w, next_claim(w), DG_OUTCOME_DELIVERED, 0);
		settle_down(w);
	}
	assert_int_equal(stats_of(w).syncs, before);
	assert_int_equal(stats_of(w).commits, commits + 50);
	/* and syncs again for the next message: one each */
	for (uint64_t i = 1; i <= 20; i++) {
		commit_one(w, i, 100, "y");
		until(w, w->n_ok == 50 + i && w->n_claims == i);
	}
	assert_int_equal(stats_of(w).syncs, before + 20);
	while (w->n_claims > 0)
		settle_all(w, next_claim(w), DG_OUTCOME_DELIVERED, 0);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_claim_is_what_was_committed),
		CASE(each_outcome_does_what_it_says),
		CASE(lanes_of_one_message_go_their_own_ways),
		CASE(moving_into_a_lane_that_is_out_loses_nobody),
		CASE(a_large_body_has_a_file_until_it_is_delivered),
		CASE(files_of_nobody_are_removed_at_start),
		CASE(a_file_is_gone_soon_after_its_delivery),
		CASE(a_spool_has_one_owner),
		CASE(what_it_makes_nobody_else_may_read),
		CASE(a_settle_brings_its_reports_along),
		CASE(a_held_lane_waits_for_its_probe),
		CASE(what_expired_and_waits_on_waits_for_its_due_time),
		CASE(list_and_lanes_show_what_waits),
		CASE(a_body_that_is_gone_is_claimed_as_lost),
		CASE(a_body_that_cannot_be_read_waits_until_it_expires),
		CASE(a_dead_lane_slows_no_other),
		CASE(ten_thousand_messages_go_through),
		CASE(ids_grow_also_over_restarts_and_when_the_clock_goes_back),
		CASE(a_closed_spool_leaves_no_claim_behind),
		CASE(a_policy_test_has_no_syncs),
		CASE(settles_alone_are_written_but_not_synced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
