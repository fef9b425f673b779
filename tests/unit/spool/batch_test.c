/* batch_test.c - every outcome of a settle, through kills and failing disks.
 *
 * A child takes messages in and settles them, and notes in shared memory what
 * it was told and what it did.  It is killed at a named point, or its disk
 * fails.  Another child opens what is left and compares: also a message that
 * failed is there, or its report, never both, never neither.  Fault points are
 * read once a process, so the parent never opens a spool.
 */
#include "fixture.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "core/spool/spool_state.h"

enum {
	N = 60,
	REPORT = 1000, /* the report about message n has this number more */
	KILLED = -1
};

enum fate {
	FATE_DELIVERED,
	FATE_FAILED, /* with a report */
	FATE_RETRY,
	FATE_MOVE,
	FATES
};

static struct note {
	bool is_sent, is_accepted, is_refused; /* the commit, its answer */
	bool is_settled;                       /* asked for */
	bool is_finished;                      /* and surely written */
} * notes;

static size_t
size_of(uint64_t seed)
{
	static const size_t sizes[] = { 10, 4000, 70000, 300, 200000 };

	return sizes[seed % 5];
}

static enum fate
fate_of(uint64_t seed)
{
	return (enum fate)(seed / 2 % FATES);
}

/* ---- the one that is killed ---- */

static void
on_answer(void *ctx, uint64_t seed, enum dg_rc rc, const struct dg_err *e)
{
	(void)ctx;
	notes[seed].is_accepted = rc == DG_OK;
	notes[seed].is_refused = rc != DG_OK;
	if (rc != DG_OK)
		assert_true(e->code == 451 || e->code == 452);
}

static void
describe(uint64_t seed, const char *lane, struct dg_item *item,
    struct dg_item_rcpt *rcpt, char sender[32])
{
	snprintf(sender, 32, "%llu", (unsigned long long)seed);
	*rcpt = (struct dg_item_rcpt){
		.address = DG_STR("b@two.example"),
		.lane = dg_str(lane),
		.due_ms = dg_now_ms(),
		.expire_ms = dg_now_ms() + 86400000,
	};
	*item = (struct dg_item){ .sender = dg_str(sender),
		.rcpts = rcpt,
		.n_rcpts = 1 };
}

static void
send(struct world *w, uint64_t seed)
{
	struct dg_draft *d = draft_of(w->sp, seed, size_of(seed));
	struct dg_item_rcpt rcpt;
	struct dg_item item;
	char sender[32];

	notes[seed].is_sent = true;
	notes[seed].is_refused = d == NULL;
	if (d == NULL)
		return;
	describe(seed, "x", &item, &rcpt, sender);
	dg_spool_commit(w->sp, d, &item, w->post, on_answer, w, seed);
}

static uint64_t
seed_of(const struct dg_claim *c)
{
	uint64_t seed = UINT64_MAX;

	assert_true(dg_str_u64(c->item.sender, &seed));
	return seed;
}

static void
meet_fate(struct world *w, struct dg_claim *own_c)
{
	static const enum dg_outcome outcomes[FATES] = { DG_OUTCOME_DELIVERED,
		DG_OUTCOME_FAILED, DG_OUTCOME_RETRY, DG_OUTCOME_MOVE };
	uint64_t seed = seed_of(own_c);
	struct dg_settle_rcpt out = {
		.outcome = outcomes[fate_of(seed)],
		.due_ms = dg_now_ms() + 3600000,
		.lane = DG_STR("elsewhere"),
	};
	struct dg_new_message news = { 0 };
	struct dg_item_rcpt rcpt;
	struct dg_item item;
	char sender[32];

	if (out.outcome == DG_OUTCOME_FAILED) {
		news.own_draft = draft_of(w->sp, seed + REPORT, size_of(seed));
		describe(seed + REPORT, "back", &item, &rcpt, sender);
		rcpt.due_ms += 3600000;
		news.item = &item;
		if (news.own_draft == NULL) /* as the relay does it */
			out.outcome = DG_OUTCOME_WAIT;
	}
	notes[seed].is_settled = out.outcome != DG_OUTCOME_WAIT;
	dg_spool_settle(w->sp, own_c, &out, 1, &news,
	    news.own_draft != NULL ? 1 : 0);
}

/* Five at a time; every claim that comes is settled. */
static void
work(struct world *w)
{
	dg_spool_start(w->sp);
	for (uint64_t seed = 0; seed < N; seed += 5) {
		for (uint64_t i = seed; i < seed + 5; i++)
			send(w, i);
		for (uint64_t i = seed; i < seed + 5; i++)
			until(w, notes[i].is_accepted || notes[i].is_refused);
		for (int i = 0; i < 3; i++) {
			settle_down(w);
			while (w->n_claims > 0)
				meet_fate(w, next_claim(w));
		}
	}
	until(w, dg_spool_is_idle(w->sp));
	for (uint64_t i = 0; i < N; i++)
		notes[i].is_finished = notes[i].is_settled;
}

/* ---- the one that looks ---- */

struct found {
	unsigned n[REPORT + N];
	unsigned large;
};

static void
take_all(struct world *w, struct found *f)
{
	unsigned waiting = (unsigned)stats_of(w).messages;

	dg_spool_release(w->sp, DG_NOSTR, true);
	dg_spool_start(w->sp);
	until(w, w->n_claims == waiting);
	settle_down(w);
	while (w->n_claims > 0) {
		struct dg_claim *c = next_claim(w);
		uint64_t seed = seed_of(c);

		assert_true(seed < REPORT + N);
		assert_true(claim_has_body(c, seed, size_of(seed)));
		f->n[seed]++;
		f->large += size_of(seed) > 65536;
		settle_all(w, c, DG_OUTCOME_DELIVERED, 0);
	}
	assert_int_equal(stats_of(w).messages, 0);
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
compare(const struct found *f, uint64_t seed, bool was_killed)
{
	const struct note *x = &notes[seed];
	unsigned here = f->n[seed], report = f->n[seed + REPORT];

	assert_true(here <= 1 && report <= 1);
	if (!x->is_accepted) {
		assert_int_equal(report, 0);
		/* unanswered, it may have been written just before the kill */
		if (!was_killed || !x->is_sent)
			assert_int_equal(here, 0);
		return;
	}
	if (!x->is_settled) {
		assert_int_equal(here, 1);
		return;
	}
	switch (fate_of(seed)) {
	case FATE_DELIVERED:
		if (x->is_finished)
			assert_int_equal(here, 0);
		break;
	case FATE_FAILED:
		assert_int_equal(here + report, 1);
		break;
	default:
		assert_int_equal(here, 1);
		break;
	}
}

static void
look(struct world *w, bool was_killed)
{
	struct found f = { 0 };
	unsigned files;

	world_open(w);
	files = bodies_in(w);
	take_all(w, &f);
	assert_int_equal(files, f.large);
	for (uint64_t i = 0; i < N; i++)
		compare(&f, i, was_killed);
	world_reopen(w);
	assert_int_equal(stats_of(w).messages, 0);
	assert_int_equal(bodies_in(w), 0);
	world_free(w);
}

/* ---- the parent ---- */

static int
wait_for(pid_t child)
{
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return KILLED;
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* A failed assertion in a child ends it: cmocka would run the other tests. */
static pid_t
begin(const char *fault)
{
	pid_t child = fork();

	if (child == 0) {
		setenv("CMOCKA_TEST_ABORT", "1", 1);
		setenv("DRAGOMAN_FAULT", fault, 1);
	}
	return child;
}

static struct world *
fresh(void)
{
	size_t bytes = N * sizeof(*notes);

	if (notes == NULL)
		notes = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(notes, MAP_FAILED);
	memset(notes, 0, bytes);
	return world_new();
}

static pid_t
start_work(struct world *w, const char *fault)
{
	pid_t child = begin(fault);

	if (child != 0)
		return child;
	world_open(w);
	work(w);
	dg_spool_close(w->sp);
	_exit(0);
}

static void
check_what_is_left(struct world *own_w, bool was_killed)
{
	pid_t child = begin("");

	if (child == 0) {
		look(own_w, was_killed);
		_exit(0);
	}
	assert_int_equal(wait_for(child), 0);
	dg_post_free(own_w->post);
	dg_log_divert(NULL);
	free(own_w);
}

static void
a_kill_at_any_instant_leaves_each_message_or_its_report(void **state)
{
	(void)state;
	srand(11);
	for (int round = 0; round < 20; round++) {
		struct world *w = fresh();
		pid_t child = start_work(w, "");

		usleep((useconds_t)(rand() % 60000));
		kill(child, SIGKILL);
		check_what_is_left(w, wait_for(child) == KILLED);
	}
}

#ifdef DG_FAULTS
static void
a_kill_at_any_point_leaves_each_message_or_its_report(void **state)
{
	static const struct {
		const char *point;
		unsigned times[8];
	} cases[] = {
		{ "spool.write.before", { 1, 2, 7, 20 } },
		{ "spool.commit.before", { 1, 2, 5, 11 } },
		{ "spool.commit.after", { 1, 2, 5, 11 } },
		{ "spool.settle.before", { 1, 2, 5, 10 } },
		{ "spool.settle.after", { 1, 2, 5, 10 } },
		/* in the middle of the log */
		{ "spool.write.io", { 1, 4, 9, 30, 55, 110, 190, 301 } },
		{ "spool.sync", { 2, 5, 9, 14 } },
		{ "spool.draft.write", { 1, 2, 13, 40, 77 } },
		{ "spool.body.sync", { 1, 4, 9 } },
		{ "spool.dir.sync", { 1, 5 } },
		{ "spool.unlink", { 1, 3 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t k = 0; k < 8 && cases[i].times[k] > 0; k++) {
			struct world *w = fresh();
			char fault[64];

			snprintf(fault, sizeof(fault), "%s:%u!", cases[i].point,
			    cases[i].times[k]);
			print_message("  %s\n", fault);
			assert_int_equal(wait_for(start_work(w, fault)),
			    KILLED);
			check_what_is_left(w, true);
		}
	}
}

static void
a_failing_disk_refuses_keeps_and_heals(void **state)
{
	static const struct {
		const char *why, *fault;
		bool refuses; /* surely somebody is told so */
	} cases[] = {
		{ "a commit cannot be synced", "spool.sync:5", true },
		{ "several", "spool.sync:5,spool.sync:6,spool.sync:9", true },
		{ "no room in the log", "spool.write.full:30", false },
		{ "no room, early and late",
		    "spool.write.full:12,spool.write.full:90", false },
		{ "a page is not written", "spool.write.io:30", false },
		{ "another", "spool.write.io:51", false },
		{ "one after the other",
		    "spool.write.io:60,spool.write.io:62,spool.write.full:80",
		    false },
		{ "a body is not synced", "spool.body.sync:2", true },
		{ "a report is not", "spool.body.sync:7", false },
		{ "nor its name", "spool.dir.sync:3,spool.dir.sync:4", true },
		{ "a body is not written", "spool.draft.write:9", true },
		{ "no room for drafts", "spool.room:9", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world *w = fresh();
		unsigned refused = 0, accepted = 0;

		print_message("  %s\n", cases[i].why);
		assert_int_equal(wait_for(start_work(w, cases[i].fault)), 0);
		for (size_t k = 0; k < N; k++) {
			refused += notes[k].is_refused;
			accepted += notes[k].is_accepted;
		}
		assert_int_equal(refused + accepted, N);
		assert_true(refused > 0 || !cases[i].refuses);
		assert_true(refused <= 15); /* and it healed */
		check_what_is_left(w, false);
	}
}

/* The rows of what was refused may come back: not after the next commit. */
static void
after_a_failing_disk_and_a_kill_nothing_refused_comes_back(void **state)
{
	static const char *const faults[] = {
		"spool.sync:5,spool.write.before:20!",
		"spool.sync:7,spool.commit.after:9!",
		"spool.write.io:51,spool.settle.after:8!",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct world *w = fresh();

		print_message("  %s\n", faults[i]);
		assert_int_equal(wait_for(start_work(w, faults[i])), KILLED);
		for (size_t k = 0; k < N; k++)
			if (notes[k].is_refused)
				notes[k].is_sent = false;
		check_what_is_left(w, true);
	}
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_kill_at_any_instant_leaves_each_message_or_its_report),
#ifdef DG_FAULTS
		cmocka_unit_test(
		    a_kill_at_any_point_leaves_each_message_or_its_report),
		cmocka_unit_test(a_failing_disk_refuses_keeps_and_heals),
		cmocka_unit_test(
		    after_a_failing_disk_and_a_kill_nothing_refused_comes_back),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
