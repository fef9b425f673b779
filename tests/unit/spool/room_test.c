/* room_test.c - a disk that is full: a real one, small, of our own. */
#define _GNU_SOURCE /* unshare */
#include "fixture.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "core/spool/spool_state.h"
#include "dragoman/base/journal.h"

static const char *const place = "/tmp/dg-spool-small";

/* In a child with mounts of its own: what it mounts goes when it ends. */
static bool
mount_small(const char *options)
{
	(void)mkdir(place, 0700);
	return unshare(CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("tmpfs", place, "tmpfs", 0, options) == 0;
}

/* cmocka would go on with the other tests in the child: a failure there must
 * end it. */
static void
in_child(const char *options, void (*run)(struct world *w))
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct world *w = world_new();

		setenv("CMOCKA_TEST_ABORT", "1", 1);
		if (!mount_small(options))
			_exit(77);
		remove_tree(w->dir);
		snprintf(w->dir, sizeof(w->dir), "%s/spool", place);
		world_open(w);
		run(w);
		world_free(w);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		print_message("  only root may mount a small disk\n");
		skip();
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Until the spool takes no more; how many it took. */
static unsigned
fill(struct world *w, size_t size)
{
	unsigned before = w->n_ok;
	struct dg_draft *d;

	for (uint64_t i = 0; (d = draft_of(w->sp, i, size)) != NULL; i++) {
		unsigned answers = w->n_ok + w->n_failed;

		dg_draft_free(d);
		if (w->n_failed > 0)
			break;
		commit_one(w, i, size, "x");
		until(w, w->n_ok + w->n_failed > answers);
	}
	return w->n_ok - before;
}

static bool
takes_again(struct world *w, size_t size)
{
	struct dg_draft *d = NULL;

	for (int i = 0; i < 100 && d == NULL; i++) {
		dg_spool_poke(w->sp);
		usleep(50000);
		d = draft_of(w->sp, 1, size);
	}
	dg_draft_free(d);
	return d != NULL;
}

static void
deliver_all(struct world *w)
{
	dg_spool_start(w->sp);
	for (int i = 0; i < 1000 && stats_of(w).messages > 0; i++) {
		dg_post_wait(w->post, 10);
		(void)dg_post_run(w->post);
		while (w->n_claims > 0)
			settle_all(w, next_claim(w), DG_OUTCOME_DELIVERED, 0);
	}
	assert_int_equal(stats_of(w).messages, 0);
	dg_spool_stop_claims(w->sp);
	settle_down(w);
}

static void
fill_and_empty(struct world *w, size_t size)
{
	for (int turn = 0; turn < 3; turn++) {
		unsigned n = fill(w, size);
		struct dg_draft *d = NULL;
		struct dg_err e = { 0 };

		assert_true(n > 3);
		if (w->n_failed > 0)
			assert_int_equal(w->last.code, 452);
		else if (dg_draft_open(w->sp, &d, &e) != DG_OK)
			assert_int_equal(e.code, 452);
		dg_draft_free(d);
		w->n_failed = 0;
		assert_int_equal(stats_of(w).messages, n);
		if (turn == 1) /* a full disk must start, too */
			world_reopen(w);
		deliver_all(w);
		assert_true(takes_again(w, size));
	}
}

static void
small_bodies(struct world *w)
{
	fill_and_empty(w, 50000);
}

static void
large_bodies(struct world *w)
{
	fill_and_empty(w, 200000);
}

/* Somebody else takes the room, down to the last byte. */
static void
others_fill(struct world *w)
{
	static char zeros[4096];
	/* another disk, which is not full */
	char path[128], journal[] = "/tmp/dg-room-journal-XXXXXX";
	struct dg_err e = { 0 };
	unsigned n;
	FILE *f;

	close(mkstemp(journal));
	for (uint64_t i = 0; i < 20; i++)
		commit_one(w, i, 1000, "x");
	until(w, w->n_ok == 20);
	snprintf(path, sizeof(path), "%s/other", place);
	f = fopen(path, "w");
	assert_non_null(f);
	setbuf(f, NULL);
	while (fwrite(zeros, 1, sizeof(zeros), f) > 0)
		;
	assert_null(draft_of(w->sp, 1, 10));
	/* the reserve is for settling: a journal there would eat it */
	assert_int_equal(dg_journal_open(journal, 1000, &e), DG_OK);
	deliver_all(w);
	dg_journal_put(DG_STR("{}\n"));
	assert_int_equal(dg_journal_dropped(), 1);
	fclose(f);
	remove(path);
	assert_true(takes_again(w, 1000));
	dg_journal_put(DG_STR("{}\n"));
	assert_int_equal(dg_journal_dropped(), 1);
	dg_journal_close();
	remove(journal);
	n = w->n_ok;
	commit_one(w, 1, 1000, "x");
	until(w, w->n_ok == n + 1);
}

/* The queue was long and the disk full; a few messages stay for days.  What
 * has left made room inside the database: that is room. */
static void
some_stay(struct world *w)
{
	unsigned n = fill(w, 50000), kept = 0, more = 0;

	w->n_failed = 0;
	dg_spool_start(w->sp);
	for (unsigned i = 0; i < n; i++) {
		struct dg_claim *c = next_claim(w);
		bool stays = i % 4 == 0;

		kept += stays;
		settle_all(w, c,
		    stays ? DG_OUTCOME_RETRY : DG_OUTCOME_DELIVERED,
		    dg_now_ms() + 3600000);
	}
	until(w, stats_of(w).messages == kept);
	for (int i = 0; i < 3; i++) { /* a 452 in between is no end */
		w->n_failed = 0;
		assert_true(takes_again(w, 50000));
		more += fill(w, 50000);
	}
	print_message("  %u, %u stayed, %u more\n", n, kept, more);
	assert_true(more > n / 2);
}

/* There is room for the draft, and not for another that is as large. */
static void
no_second_draft(struct world *w)
{
	const char *lane = "x";
	struct dg_item_rcpt rcpt = { .address = DG_STR("b@two.example"),
		.lane = dg_str(lane),
		.expire_ms = dg_now_ms() + 86400000 };
	struct dg_item item = { .rcpts = &rcpt, .n_rcpts = 1 };
	size_t size = 7 * 1024 * 1024;
	struct dg_draft *d = draft_of(w->sp, 1, size);
	struct dg_err e = { 0 };
	struct dg_claim *c;

	assert_non_null(d);
	assert_int_equal(dg_draft_replace_head(d, 10, DG_STR("x"), &e),
	    DG_E_FULL);
	assert_int_equal(e.code, 452);
	assert_int_equal(dg_draft_size(d), size);
	dg_spool_commit(w->sp, d, &item, w->post, on_done, w, 1);
	until(w, w->n_ok == 1);
	dg_spool_start(w->sp);
	c = next_claim(w);
	assert_true(claim_has_body(c, 1, size));
	settle_all(w, c, DG_OUTCOME_DELIVERED, 0);
}

static void
a_draft_that_cannot_be_written_anew_stays_as_it_is(void **state)
{
	(void)state;
	in_child("size=12m", no_second_draft);
}

static void
a_disk_full_of_small_messages_heals_when_they_leave(void **state)
{
	(void)state;
	in_child("size=12m", small_bodies);
}

static void
a_disk_full_of_large_messages_heals_when_they_leave(void **state)
{
	(void)state;
	in_child("size=12m", large_bodies);
}

static void
without_inodes_it_says_452_and_heals(void **state)
{
	(void)state;
	in_child("size=64m,nr_inodes=30", large_bodies);
}

static void
a_disk_filled_by_others_still_lets_the_queue_empty(void **state)
{
	(void)state;
	in_child("size=12m", others_fill);
}

static void
room_inside_the_database_is_room(void **state)
{
	(void)state;
	in_child("size=40m", some_stay);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_disk_full_of_small_messages_heals_when_they_leave),
		cmocka_unit_test(
		    a_disk_full_of_large_messages_heals_when_they_leave),
		cmocka_unit_test(without_inodes_it_says_452_and_heals),
		cmocka_unit_test(
		    a_disk_filled_by_others_still_lets_the_queue_empty),
		cmocka_unit_test(room_inside_the_database_is_room),
		cmocka_unit_test(
		    a_draft_that_cannot_be_written_anew_stays_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
