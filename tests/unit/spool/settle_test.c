/* settle_test.c - the database under a settle: who is left, twice the same,
 * pages that are spoilt, room that is given back. */
#include "fixture.h"

#include <fcntl.h>

#include "core/spool/store.h"

struct place {
	char dir[64], file[96];
	struct dg_store *st;
};

static const char *const lanes[] = { "x", "y", "x" };

static void
open_store(struct place *p)
{
	struct dg_err e = { 0 };

	if (dg_store_open(p->file, false, &p->st, &e) != DG_OK)
		fail_msg("%s", e.text);
}

static int
setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	const char *made;

	snprintf(p->dir, sizeof(p->dir), "/tmp/dg-store-XXXXXX");
	made = mkdtemp(p->dir);
	assert_non_null(made);
	snprintf(p->file, sizeof(p->file), "%s/spool.db", p->dir);
	open_store(p);
	*state = p;
	return 0;
}

static int
teardown(void **state)
{
	struct place *p = *state;

	dg_store_close(p->st);
	remove_tree(p->dir);
	free(p);
	return 0;
}

static struct dg_kept *
message(size_t n_rcpts, size_t size)
{
	struct dg_item_rcpt rcpts[3] = { 0 };
	struct dg_item item = { .sender = DG_STR("a@one.example"),
		.size = size,
		.rcpts = rcpts,
		.n_rcpts = n_rcpts };
	struct dg_kept *k;

	for (size_t i = 0; i < n_rcpts; i++)
		rcpts[i] = (struct dg_item_rcpt){
			.address = DG_STR("b@two.example"),
			.lane = dg_str(lanes[i]),
			.due_ms = 10 * (int64_t)(i + 1),
			.expire_ms = 1000,
		};
	k = dg_kept_new(&item);
	k->body = dg_alloc(size + 1);
	memset(k->body, 'x', size);
	return k;
}

static void
commit(struct place *p)
{
	struct dg_err e = { 0 };

	if (dg_store_commit(p->st, &e) != DG_OK)
		fail_msg("%s", e.text);
}

static void
insert(struct place *p, uint64_t id, size_t n_rcpts, size_t size)
{
	struct dg_kept *k = message(n_rcpts, size);

	dg_store_begin(p->st, false);
	dg_store_insert(p->st, id, k);
	commit(p);
	dg_kept_free(k);
}

static bool
reads(struct place *p, uint64_t id)
{
	struct dg_kept *k = NULL;
	struct dg_err e = { 0 };
	bool ok =
	    dg_store_read(p->st, id, DG_NOSTR, INT64_MAX, &k, &e) == DG_OK &&
	    dg_store_read_body(p->st, k, &e) == DG_OK;

	dg_kept_free(k);
	if (!ok)
		assert_int_equal(e.code, 451);
	return ok;
}

/* After an I/O error what was thought lost may be there: doing all of it again
 * ends the same. */
static void
a_settle_applied_twice_ends_as_once(void **state)
{
	struct dg_settle_rcpt move = { .number = 2,
		.outcome = DG_OUTCOME_MOVE,
		.due_ms = 77,
		.lane = DG_STR("y") };
	struct dg_kept *report = message(1, 10);
	struct place *p = *state;
	struct dg_rest rest;

	insert(p, 5, 3, 10);
	for (int turn = 0; turn < 2; turn++) {
		dg_store_begin(p->st, turn == 0);
		dg_store_delete(p->st, 5, 0);
		dg_store_update(p->st, 5, &move, 50);
		dg_store_insert(p->st, 6, report);
		assert_false(dg_store_finish(p->st, 5));
		dg_store_rest(p->st, 5, DG_STR("x"), &rest);
		assert_int_equal(rest.n, 0);
		dg_store_rest(p->st, 5, DG_STR("y"), &rest);
		assert_int_equal(rest.n, 2);
		assert_int_equal(rest.due_ms, 20);
		assert_int_equal(rest.expire_ms, 1000);
		commit(p);
		assert_true(reads(p, 6));
	}
	dg_kept_free(report);
}

static void
a_message_is_finished_when_nobody_is_left_and_not_before(void **state)
{
	struct place *p = *state;

	insert(p, 5, 3, 10);
	dg_store_begin(p->st, false);
	for (int i = 0; i < 3; i++) /* three times the same costs nobody */
		dg_store_delete(p->st, 5, 1);
	assert_false(dg_store_finish(p->st, 5));
	dg_store_delete(p->st, 5, 0);
	assert_false(dg_store_finish(p->st, 5));
	dg_store_delete(p->st, 5, 2);
	assert_true(dg_store_finish(p->st, 5));
	assert_false(dg_store_finish(p->st, 5));
	commit(p);
	assert_false(dg_store_has(p->st, 5));
}

/* Pages of rows are garbage: it is said, nothing crashes, others are read. */
static void
spoilt_pages_are_an_error_and_not_the_end(void **state)
{
	static char garbage[4096];
	struct place *p = *state;
	unsigned good = 0;
	int fd;

	for (uint64_t i = 1; i <= 200; i++)
		insert(p, i, 1, 5);
	dg_store_close(p->st);
	memset(garbage, 0xa5, sizeof(garbage));
	fd = open(p->file, O_WRONLY);
	for (off_t page = 5; page < 12; page += 2)
		assert_int_equal(pwrite(fd, garbage, sizeof(garbage),
				     page * (off_t)sizeof(garbage)),
		    sizeof(garbage));
	close(fd);
	open_store(p);
	for (uint64_t i = 1; i <= 200; i++)
		good += reads(p, i);
	print_message("  %u of 200 read\n", good);
	assert_true(good > 0 && good < 200);
}

static void
what_is_gone_is_room_and_may_be_given_back(void **state)
{
	struct place *p = *state;
	struct stat before, after;

	assert_int_equal(dg_store_free(p->st), 0);
	for (uint64_t i = 1; i <= 100; i++)
		insert(p, i, 1, 50000);
	dg_store_begin(p->st, false);
	for (uint64_t i = 1; i <= 90; i++)
		dg_store_forget(p->st, i);
	commit(p);
	assert_true(dg_store_free(p->st) >= 90 * 50000);
	assert_int_equal(stat(p->file, &before), 0);
	dg_store_shrink(p->st, 1000); /* too much is left: only the log */
	assert_int_equal(dg_store_wal(p->st), 0);
	assert_true(dg_store_free(p->st) >= 90 * 50000);
	dg_store_shrink(p->st, 1000000);
	assert_int_equal(dg_store_free(p->st), 0);
	assert_int_equal(stat(p->file, &after), 0);
	assert_true(after.st_size < before.st_size / 2);
	for (uint64_t i = 91; i <= 100; i++)
		assert_true(reads(p, i));
}

/* What moving the log will need, the database's file has already. */
static void
the_file_is_as_long_as_the_database_before_the_log_is_moved(void **state)
{
	struct place *p = *state;
	struct stat st;

	for (uint64_t i = 1; i <= 60; i++) {
		insert(p, i, 1, 50000);
		assert_int_equal(stat(p->file, &st), 0);
		assert_true((uint64_t)st.st_size >= i * 50000);
		assert_true((uint64_t)st.st_blocks * 512 >= i * 50000);
	}
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_settle_applied_twice_ends_as_once),
		CASE(a_message_is_finished_when_nobody_is_left_and_not_before),
		CASE(spoilt_pages_are_an_error_and_not_the_end),
		CASE(what_is_gone_is_room_and_may_be_given_back),
		CASE(
		    the_file_is_as_long_as_the_database_before_the_log_is_moved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
