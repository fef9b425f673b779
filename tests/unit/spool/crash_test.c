/*
 * crash_test.c - nothing answered 250 is lost, whatever ends the process or
 * befalls the disk.
 *
 * A child takes messages and delivers them, noting in a file each answer it
 * read ("A" and the seed) and each message the hop took ("D").  It is killed,
 * at a random instant or at a fault point.  Then the spool is opened again:
 * what was answered and not delivered must be there, byte for byte.
 */
#include "fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "core/spool/spool_state.h"

enum {
	SEEDS_MAX = 200000,
	IN_HAND = 30,
	/* a kill after the hop's 250 and before the receipt: of the one claim
	 * that this thread was about to settle */
	TWICE_A_KILL = 2,
};

struct life {
	struct world *w;
	int notes;
	uint64_t seed, out; /* given so far; of them not answered */
};

struct note {
	char what;
	uint64_t seed;
};

static void
write_note(const struct life *l, char what, uint64_t seed)
{
	struct note n;

	memset(&n, 0, sizeof(n));
	n.what = what;
	n.seed = seed;
	if (write(l->notes, &n, sizeof(n)) != (ssize_t)sizeof(n))
		_exit(9);
}

static void
life_done(void *ctx, uint64_t ticket, enum dg_rc rc, const struct dg_err *e)
{
	struct life *l = ctx;

	(void)e;
	l->out--;
	write_note(l, rc == DG_OK ? 'A' : 'R', ticket);
}

/* Most are small, some have a file. */
static size_t
size_of(uint64_t seed)
{
	return seed % 7 == 0 ? 70000 + seed % 1000 : 100 + seed % 3000;
}

static void
life_commit(struct life *l)
{
	uint64_t seed = l->seed++;
	char text[24];
	struct dg_item_rcpt rcpts[2] = {
		{ .address = DG_STR("b@two.example"), .lane = DG_STR("x") },
		{ .address = DG_STR("c@two.example"),
		    .lane = seed % 5 ? DG_STR("x") : DG_STR("y") },
	};
	struct dg_item item = { .rcpts = rcpts, .n_rcpts = 2 };
	struct dg_draft *d = draft_of(l->w->sp, seed, size_of(seed));

	if (d == NULL)
		return; /* refused: nobody was told 250 */
	snprintf(text, sizeof(text), "%llu", (unsigned long long)seed);
	item.sender = dg_str(text); /* so that it is known again */
	l->out++;
	dg_spool_commit(l->w->sp, d, &item, l->w->post, life_done, l, seed);
}

static uint64_t
seed_of(const struct dg_claim *c)
{
	uint64_t seed = SEEDS_MAX;

	if (!dg_str_u64(c->item.sender, &seed) || seed >= SEEDS_MAX)
		_exit(8);
	return seed;
}

/* The hop takes each recipient; a fifth of the claims is put off once. */
static void
life_deliver(struct life *l)
{
	struct dg_claim *c = l->w->claims[--l->w->n_claims];
	uint64_t seed = seed_of(c);

	if (c->item.rcpts[0].tries == 0 && seed % 5 == 1) {
		settle_all(l->w, c, DG_OUTCOME_RETRY, 0);
		return;
	}
	if (!claim_has_body(c, seed, size_of(seed)))
		_exit(7);
	for (size_t i = 0; i < c->item.n_rcpts; i++)
		write_note(l, (char)('0' + c->item.rcpts[i].number), seed);
	settle_all(l->w, c, DG_OUTCOME_DELIVERED, 0);
}

static void
child(struct world *w, uint64_t seed, uint64_t n)
{
	struct life l = { .w = w, .seed = seed };
	char path[96];

	snprintf(path, sizeof(path), "%s.notes", w->dir);
	l.notes = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	alarm(60);
	world_open(w);
	dg_spool_start(w->sp);
	while (l.seed < seed + n || l.out > 0 || w->n_claims > 0) {
		while (l.out < IN_HAND && l.seed < seed + n)
			life_commit(&l);
		dg_post_wait(w->post, 10);
		dg_post_run(w->post);
		while (w->n_claims > 0)
			life_deliver(&l);
	}
	while (!dg_spool_is_idle(w->sp)) {
		dg_post_wait(w->post, 10);
		dg_post_run(w->post);
		while (w->n_claims > 0)
			life_deliver(&l);
	}
	dg_spool_close(w->sp);
	close(l.notes);
}

/* A program of its own: fault points are read once a process. */
static pid_t
begin(const struct world *w, uint64_t seed, uint64_t n, const char *fault)
{
	char from[24], count[24];
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	snprintf(from, sizeof(from), "%llu", (unsigned long long)seed);
	snprintf(count, sizeof(count), "%llu", (unsigned long long)n);
	if (fault != NULL)
		setenv("DRAGOMAN_FAULT", fault, 1);
	execl("/proc/self/exe", "crash_test", w->dir, from, count, NULL);
	_exit(10);
}

static int
be_child(char **argv)
{
	static struct world w;

	snprintf(w.dir, sizeof(w.dir), "%s", argv[1]);
	w.post = dg_post_new();
	dg_log_divert(quiet);
	child(&w, strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
	dg_post_free(w.post);
	return 0;
}

/* What the notes of all lives say, by seed. */
struct sums {
	unsigned char answered[SEEDS_MAX], refused[SEEDS_MAX];
	unsigned char delivered[SEEDS_MAX][2];
	uint64_t seeds, n_answered, n_refused, n_twice;
};
static struct sums sums;

static void
add_up(const struct world *w)
{
	struct note n;
	char path[96];
	FILE *f;

	memset(&sums, 0, sizeof(sums));
	snprintf(path, sizeof(path), "%s.notes", w->dir);
	f = fopen(path, "r");
	while (f != NULL && fread(&n, sizeof(n), 1, f) == 1) {
		if (n.what == 'A')
			sums.answered[n.seed] = 1;
		else if (n.what == 'R')
			sums.refused[n.seed] = 1;
		else
			sums.delivered[n.seed][n.what - '0']++;
	}
	if (f != NULL)
		fclose(f);
}

/* The next life, without faults, delivers what is left. */
static void
drain(struct world *w)
{
	struct life l = { .w = w };
	char path[96];

	snprintf(path, sizeof(path), "%s.notes", w->dir);
	l.notes = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	world_open(w);
	dg_spool_start(w->sp);
	while (stats_of(w).messages > 0) {
		until(w, w->n_claims > 0);
		while (w->n_claims > 0) {
			struct dg_claim *c = w->claims[w->n_claims - 1];

			assert_true(
			    claim_has_body(c, seed_of(c), size_of(seed_of(c))));
			life_deliver(&l);
		}
	}
	dg_spool_close(w->sp);
	w->sp = NULL;
	close(l.notes);
}

static void
count(struct world *w)
{
	add_up(w);
	for (uint64_t i = 0; i < SEEDS_MAX; i++) {
		for (int k = 0; k < 2; k++) {
			if (sums.answered[i] && sums.delivered[i][k] == 0)
				fail_msg("message %llu was answered 250 and "
					 "is lost",
				    (unsigned long long)i);
			if (sums.delivered[i][k] > 1)
				sums.n_twice += sums.delivered[i][k] - 1u;
		}
		if (sums.refused[i] && sums.delivered[i][0])
			sums.n_twice++; /* the peer will send it again */
		sums.n_answered += sums.answered[i];
		sums.n_refused += sums.refused[i];
	}
}

static unsigned
files_left(const struct world *w)
{
	char path[96];
	struct dg_spool_options o = options_for(w);
	struct dg_spool *sp = NULL;
	struct dg_err e;
	struct stat st;

	assert_int_equal(dg_spool_open(&o, &sp, &e), DG_OK);
	dg_spool_close(sp);
	snprintf(path, sizeof(path), "%s/bodies", w->dir);
	assert_int_equal(stat(path, &st), 0);
	return rmdir(path) == 0 ? 0 : 1;
}

static int
setup(void **state)
{
	*state = world_new();
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;
	char path[96];

	snprintf(path, sizeof(path), "%s.notes", w->dir);
	(void)unlink(path);
	world_free(w);
	return 0;
}

static void
killed_at_random_under_load_it_loses_nothing(void **state)
{
	enum {
		LIVES = 25
	};
	struct world *w = *state;
	uint64_t twice_max = 0;

	srand(11);
	for (uint64_t life = 0; life < LIVES; life++) {
		int status;
		pid_t pid = begin(w, life * 7000, 7000, NULL);

		usleep(5000 + (useconds_t)(rand() % 150) * 1000);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status))
			assert_int_equal(WEXITSTATUS(status), 0);
		twice_max += TWICE_A_KILL;
	}
	drain(w);
	count(w);
	print_message("  %llu answered, %llu delivered twice\n",
	    (unsigned long long)sums.n_answered,
	    (unsigned long long)sums.n_twice);
	assert_true(sums.n_answered > 100);
	assert_true(sums.n_twice <= twice_max);
	assert_int_equal(files_left(w), 0);
}

#ifdef DG_FAULTS
static int
live(struct world *w, uint64_t seed, uint64_t n, const char *fault)
{
	int status;
	pid_t pid = begin(w, seed, n, fault);

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
killed_at_each_fault_point_it_loses_nothing(void **state)
{
	static const char *const points[] = { "spool.draft.write",
		"spool.body.sync", "spool.dir.sync", "spool.write.before",
		"spool.commit.before", "spool.sync", "spool.commit.after",
		"spool.receipt", "spool.settle.before", "spool.settle.after",
		"spool.unlink" };
	static const unsigned nth[] = { 1, 2, 5, 20 };
	struct world *w = *state;
	uint64_t seed = 0, lives = 0;

	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		for (size_t k = 0; k < 4; k++) {
			char fault[64];
			int status;

			snprintf(fault, sizeof(fault), "%s:%u!", points[i],
			    nth[k]);
			status = live(w, seed, 2000, fault);
			seed += 2000;
			lives++;
			if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
				fail_msg("%s: not killed: %x", fault, status);
		}
	}
	drain(w);
	count(w);
	print_message("  %llu answered, %llu delivered twice\n",
	    (unsigned long long)sums.n_answered,
	    (unsigned long long)sums.n_twice);
	assert_true(sums.n_twice <= lives * TWICE_A_KILL);
	assert_int_equal(files_left(w), 0);
}

/* The process lives on and heals: what was refused is not there, what was
 * answered is, and no settle is forgotten. */
static void
a_failing_disk_refuses_for_a_while_and_heals(void **state)
{
	static const struct {
		const char *why, *fault;
	} cases[] = {
		{ "a body's file", "spool.draft.write:3" },
		{ "a body's sync", "spool.body.sync:3" },
		{ "the directory's sync", "spool.dir.sync:2" },
		{ "the log is full", "spool.write.full:40" },
		{ "the log is full again and again",
		    "spool.write.full:40,spool.write.full:41,"
		    "spool.write.full:60,spool.write.full:61" },
		{ "the log cannot be written", "spool.write.io:40" },
		{ "the log's first sync", "spool.sync:2" },
		{ "the log's sync", "spool.sync:7" },
		{ "three syncs", "spool.sync:7,spool.sync:8,spool.sync:9" },
		{ "everything at once",
		    "spool.sync:5,spool.write.full:90,spool.write.io:150,"
		    "spool.body.sync:9" },
		{ "no room when a message begins", "spool.room:3" },
		{ "receipts", "spool.receipt:3+" },
	};
	struct world *w = *state;
	uint64_t seed = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status;

		print_message("  %s\n", cases[i].why);
		status = live(w, seed, 1000, cases[i].fault);
		seed += 1000;
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			fail_msg("%s: ended with %x", cases[i].fault, status);
		world_open(w); /* it was idle: nothing may be left */
		assert_int_equal(stats_of(w).messages, 0);
		dg_spool_close(w->sp);
		w->sp = NULL;
	}
	count(w);
	assert_true(sums.n_refused > 0);
	assert_int_equal(sums.n_twice, 0);
	assert_int_equal(files_left(w), 0);
}

/* The sync fails, the peer hears 451, and the process is killed before it can
 * delete what it wrote: the message may be there, but whole, once. */
static void
a_failed_sync_and_a_kill_leave_nothing_half_done(void **state)
{
	struct world *w = *state;

	(void)live(w, 90000, 10, NULL); /* making a database syncs, too */
	for (unsigned i = 0; i < 8; i++) {
		char fault[80];
		int status;

		snprintf(fault, sizeof(fault),
		    "spool.sync:%u,spool.write.before:%u!", i + 2, i + 3);
		status = live(w, i * 1000, 1000, fault);
		assert_true(WIFSIGNALED(status));
	}
	drain(w);
	count(w);
	assert_int_equal(files_left(w), 0);
}
#endif

/* ---- a disk that is really full ---- */

static unsigned
fill(const char *dir, size_t leave)
{
	char path[96];
	static char block[4096];
	unsigned n = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/filler", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	while (write(fd, block, sizeof(block)) == (ssize_t)sizeof(block))
		n++;
	assert_int_equal(ftruncate(fd, (off_t)(n * 4096 - leave)), 0);
	close(fd);
	return n;
}

static void
a_full_disk_answers_452_lets_deliveries_end_and_recovers(void **state)
{
	struct world *w = *state;
	struct dg_draft *open_before[20], *d = NULL;
	struct dg_err e = { 0 };
	char path[96];

	if (mount("tmpfs", w->dir, "tmpfs", 0, "size=16m,mode=700") != 0) {
		print_message("  cannot mount here: not tested\n");
		skip();
	}
	world_open(w);
	for (uint64_t i = 0; i < 40; i++)
		commit_one(w, i, 20000, "x");
	until(w, w->n_ok == 40);
	for (uint64_t i = 0; i < 20; i++)
		open_before[i] = draft_of(w->sp, 1000 + i, 60000);
	fill(w->dir, 0);

	/* new ones are refused at once, begun ones when they are committed */
	assert_int_equal(dg_draft_open(w->sp, &d, &e), DG_E_FULL);
	assert_int_equal(e.code, 452);
	assert_string_equal(e.enhanced, "4.3.1");
	for (size_t i = 0; i < 20; i++) {
		struct dg_item_rcpt r = { .address = DG_STR("b@x"),
			.lane = DG_STR("x") };
		struct dg_item item = { .rcpts = &r, .n_rcpts = 1 };

		dg_spool_commit(w->sp, open_before[i], &item, w->post, on_done,
		    w, 0);
	}
	until(w, w->n_ok + w->n_failed == 60);
	print_message("  %u of 20 refused: %d %s %s\n", w->n_failed,
	    w->last.code, w->last.enhanced, w->last.text);
	assert_true(w->n_failed > 0);
	assert_int_equal(w->last.code, 452);

	/* what was queued is delivered out of the reserve */
	dg_spool_start(w->sp);
	for (int i = 0; i < 1000 && stats_of(w).messages > 0; i++) {
		dg_post_wait(w->post, 10);
		(void)dg_post_run(w->post);
		while (w->n_claims > 0)
			settle_all(w, next_claim(w), DG_OUTCOME_DELIVERED, 0);
	}
	assert_int_equal(stats_of(w).messages, 0);
	assert_int_equal(stats_of(w).claims_out, 0);

	/* and with room again, without a restart, all is well */
	snprintf(path, sizeof(path), "%s/filler", w->dir);
	assert_int_equal(unlink(path), 0);
	for (int i = 0; i < 500 && d == NULL; i++) {
		if (dg_draft_open(w->sp, &d, &e) != DG_OK)
			usleep(10000);
	}
	assert_non_null(d);
	dg_draft_free(d);
	w->n_ok = 0;
	commit_one(w, 1, 100000, "x");
	until(w, w->n_ok == 1);
	settle_all(w, next_claim(w), DG_OUTCOME_DELIVERED, 0);
	assert_int_equal(stats_of(w).messages, 0);
	dg_spool_close(w->sp);
	w->sp = NULL;
	assert_int_equal(umount(w->dir), 0);
}

int
main(int argc, char **argv)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(killed_at_random_under_load_it_loses_nothing),
#ifdef DG_FAULTS
		CASE(killed_at_each_fault_point_it_loses_nothing),
		CASE(a_failing_disk_refuses_for_a_while_and_heals),
		CASE(a_failed_sync_and_a_kill_leave_nothing_half_done),
#endif
		CASE(a_full_disk_answers_452_lets_deliveries_end_and_recovers),
	};

	if (argc == 4)
		return be_child(argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
