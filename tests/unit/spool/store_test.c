/* store_test.c - the database alone: what is written is read, what is garbled
 * is refused, and what is synced. */
#include "fixture.h"

#include "core/spool/store.h"

struct db {
	char dir[64], file[96];
	struct dg_store *st;
};

static int
setup(void **state)
{
	struct db *d = calloc(1, sizeof(*d));
	struct dg_err e;
	char *made;

	snprintf(d->dir, sizeof(d->dir), "/tmp/dg-store-XXXXXX");
	made = mkdtemp(d->dir);
	assert_non_null(made);
	snprintf(d->file, sizeof(d->file), "%s/spool.db", d->dir);
	assert_int_equal(dg_store_open(d->file, false, &d->st, &e), DG_OK);
	*state = d;
	return 0;
}

static int
teardown(void **state)
{
	struct db *d = *state;

	dg_store_close(d->st);
	remove_tree(d->dir);
	free(d);
	return 0;
}

static void
reopen(struct db *d)
{
	struct dg_err e;

	dg_store_close(d->st);
	d->st = NULL;
	if (dg_store_open(d->file, false, &d->st, &e) != DG_OK)
		fail_msg("%s", e.text);
}

static struct dg_kept *
sample(uint64_t id, const char *lane)
{
	struct dg_item_rcpt r[2] = {
		{ .address = DG_STR("b@two.example"),
		    .lane = dg_str(lane),
		    .due_ms = 10,
		    .expire_ms = 100 },
		{ .address = { "\xff\0'; --", 7 },
		    .lane = dg_str(lane),
		    .due_ms = 20 },
	};
	struct dg_item item = { .sender = DG_STR("a@one.example"),
		.notes = { "\0\1\2", 3 },
		.arrival_ms = INT64_MAX,
		.size = 5,
		.rcpts = r,
		.n_rcpts = 2 };
	struct dg_kept *k = dg_kept_new(&item);

	k->item.id = id;
	k->body = dg_alloc(6);
	memcpy(k->body, "a\0b\r\n", 6);
	return k;
}

static enum dg_rc
insert(struct db *d, uint64_t id, bool is_durable)
{
	struct dg_kept *k = sample(id, "x");
	struct dg_err e = { 0 };
	enum dg_rc rc;

	dg_store_begin(d->st, is_durable);
	dg_store_insert(d->st, id, k);
	rc = dg_store_commit(d->st, &e);
	dg_kept_free(k);
	return rc;
}

static void
what_is_written_is_read(void **state)
{
	struct db *d = *state;
	struct dg_kept *k;
	struct dg_err e;

	assert_int_equal(insert(d, 7, true), DG_OK);
	reopen(d);
	assert_int_equal(dg_store_read(d->st, 7, DG_NOSTR, 0, &k, &e), DG_OK);
	assert_true(dg_str_is(k->item.sender, "a@one.example"));
	assert_true(dg_str_eq(k->item.notes, dg_str_of("\0\1\2", 3)));
	assert_true(k->item.arrival_ms == INT64_MAX);
	assert_int_equal(k->item.n_rcpts, 2);
	assert_true(
	    dg_str_eq(k->rcpts[1].address, dg_str_of("\xff\0'; --", 7)));
	assert_int_equal(dg_store_read_body(d->st, k, &e), DG_OK);
	assert_memory_equal(k->body, "a\0b\r\n", 5);
	dg_kept_free(k);
}

static void
a_read_gives_who_is_due_or_expired_in_the_lane(void **state)
{
	static const struct {
		const char *why, *lane;
		int64_t at;
		size_t want;
	} cases[] = {
		{ "nobody yet", "x", 9, 0 },
		{ "the first is due", "x", 10, 1 },
		{ "both", "x", 20, 2 },
		{ "another lane", "y", 20, 0 },
		{ "all of the lane", "x", INT64_MAX, 2 },
		{ "of every lane", "", 0, 2 },
	};
	struct db *d = *state;

	assert_int_equal(insert(d, 7, true), DG_OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dg_kept *k;
		struct dg_err e;

		print_message("  %s\n", cases[i].why);
		assert_int_equal(dg_store_read(d->st, 7, dg_str(cases[i].lane),
				     cases[i].at, &k, &e),
		    DG_OK);
		assert_int_equal(k->item.n_rcpts, cases[i].want);
		dg_kept_free(k);
	}
}

static void
what_is_not_there_is_said_to_be_absent(void **state)
{
	struct db *d = *state;
	struct dg_kept *k;
	struct dg_err e;

	assert_int_equal(dg_store_read(d->st, 9, DG_NOSTR, 0, &k, &e),
	    DG_E_ABSENT);
	assert_false(dg_store_has(d->st, 9));
}

static void
writing_twice_is_writing_once(void **state)
{
	struct db *d = *state;
	uint64_t ids[4];

	assert_int_equal(insert(d, 7, true), DG_OK);
	assert_int_equal(insert(d, 7, true), DG_OK);
	assert_int_equal(dg_store_ids(d->st, 0, ids, 4), 1);
}

static void
ids_are_listed_page_by_page(void **state)
{
	struct db *d = *state;
	uint64_t ids[2];

	for (uint64_t id = 1; id <= 3; id++)
		assert_int_equal(insert(d, id, false), DG_OK);
	assert_int_equal(dg_store_ids(d->st, 0, ids, 2), 2);
	assert_int_equal(ids[1], 2);
	assert_int_equal(dg_store_ids(d->st, 2, ids, 2), 1);
	assert_int_equal(ids[0], 3);
}

static void
an_id_is_never_given_again(void **state)
{
	struct db *d = *state;
	struct dg_err e;

	assert_int_equal(insert(d, 1000, true), DG_OK);
	dg_store_begin(d->st, true);
	dg_store_forget(d->st, 1000);
	assert_int_equal(dg_store_commit(d->st, &e), DG_OK);
	assert_false(dg_store_has(d->st, 1000));
	reopen(d);
	assert_true(dg_store_last_id(d->st) >= 1000);
}

static void
only_durable_transactions_sync(void **state)
{
	struct db *d = *state;
	uint64_t before;
	struct dg_err e;

	assert_int_equal(insert(d, 1, true), DG_OK);
	before = dg_store_syncs(d->st);
	assert_true(before > 0);
	for (int round = 0; round < 3; round++) {
		assert_int_equal(insert(d, 2, false), DG_OK);
		assert_int_equal(insert(d, 3, false), DG_OK);
		assert_int_equal(dg_store_syncs(d->st), before);
		assert_int_equal(insert(d, 4, true), DG_OK);
		assert_int_equal(dg_store_syncs(d->st), ++before);
		assert_int_equal(dg_store_sync(d->st, &e), DG_OK);
		assert_int_equal(dg_store_syncs(d->st), ++before);
	}
}

static void
the_log_does_not_grow_without_bound(void **state)
{
	struct db *d = *state;
	uint64_t most = 0;
	struct dg_err e;

	for (uint64_t id = 1; id <= 6000; id++) {
		assert_int_equal(insert(d, id, false), DG_OK);
		dg_store_begin(d->st, false);
		dg_store_forget(d->st, id);
		assert_int_equal(dg_store_commit(d->st, &e), DG_OK);
		if (dg_store_wal(d->st) > most)
			most = dg_store_wal(d->st);
		dg_store_tidy(d->st);
	}
	assert_in_range(most, 1, 9 * 1024 * 1024);
}

/* ---- what is not ours, or no longer whole ---- */

static void
sql(const struct db *d, const char *text)
{
	char cmd[512];

	snprintf(cmd, sizeof(cmd), "sqlite3 %s \"%s\" >/dev/null", d->file,
	    text);
	assert_int_equal(system(cmd), 0);
}

static void
what_cannot_be_understood_is_refused(void **state)
{
	static const struct {
		const char *why, *sql, *shell, *want;
	} cases[] = {
		{ "a newer format", "PRAGMA user_version=99", NULL,
		    "newer dragoman" },
		{ "another program's", "PRAGMA application_id=1", NULL,
		    "other program" },
		{ "no database at all", NULL, "head -c 20000 /dev/urandom >",
		    "not a database" },
		{ "a table is gone", "DROP TABLE rcpt", NULL, "rcpt" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct db *d = *state;
		struct dg_err e = { 0 };
		enum dg_rc rc;
		char cmd[256];

		print_message("  %s\n", cases[i].why);
		assert_int_equal(insert(d, 1, true), DG_OK);
		dg_store_close(d->st);
		d->st = NULL;
		if (cases[i].sql != NULL)
			sql(d, cases[i].sql);
		snprintf(cmd, sizeof(cmd), "%s %s", cases[i].shell, d->file);
		if (cases[i].shell != NULL)
			assert_int_equal(system(cmd), 0);
		rc = dg_store_open(d->file, false, &d->st, &e);
		if (rc == DG_OK)
			rc = dg_store_walk(d->st, NULL, NULL, &e);
		assert_int_not_equal(rc, DG_OK);
		if (strstr(e.text, cases[i].want) == NULL)
			fail_msg("%s", e.text);
		(void)teardown(state);
		(void)setup(state);
	}
}

static void
a_body_of_the_wrong_length_is_refused(void **state)
{
	struct db *d = *state;
	struct dg_kept *k;
	struct dg_err e;

	assert_int_equal(insert(d, 1, true), DG_OK);
	dg_store_close(d->st);
	d->st = NULL;
	sql(d, "UPDATE message SET body = x'00'");
	reopen(d);
	assert_int_equal(dg_store_read(d->st, 1, DG_NOSTR, 0, &k, &e), DG_OK);
	assert_int_equal(dg_store_read_body(d->st, k, &e), DG_E_ABSENT);
	dg_kept_free(k);
}

static void
add_row(void *ctx, uint64_t id, struct dg_str lane, int64_t due, int64_t expire)
{
	(void)id;
	(void)lane;
	(void)due;
	(void)expire;
	++*(unsigned *)ctx;
}

/* Cut short anywhere it is an error or what was whole, never a crash. */
static void
a_database_cut_short_does_no_harm(void **state)
{
	struct db *d = *state;
	struct stat st;

	for (uint64_t id = 1; id <= 200; id++)
		assert_int_equal(insert(d, id, false), DG_OK);
	dg_store_close(d->st);
	d->st = NULL;
	assert_int_equal(stat(d->file, &st), 0);
	for (off_t n = st.st_size; n > 0; n -= 3001) {
		struct dg_err e = { 0 };
		unsigned rows = 0;

		assert_int_equal(truncate(d->file, n), 0);
		if (dg_store_open(d->file, false, &d->st, &e) != DG_OK)
			continue;
		(void)dg_store_walk(d->st, add_row, &rows, &e);
		for (uint64_t id = 1; id <= 200; id += 13) {
			struct dg_kept *k = NULL;

			if (dg_store_read(d->st, id, DG_NOSTR, 0, &k, &e) !=
			    DG_OK)
				continue;
			(void)dg_store_read_body(d->st, k, &e);
			dg_kept_free(k);
		}
		assert_true(rows <= 400);
		dg_store_close(d->st);
		d->st = NULL;
	}
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(what_is_written_is_read),
		CASE(a_read_gives_who_is_due_or_expired_in_the_lane),
		CASE(what_is_not_there_is_said_to_be_absent),
		CASE(writing_twice_is_writing_once),
		CASE(ids_are_listed_page_by_page),
		CASE(an_id_is_never_given_again),
		CASE(only_durable_transactions_sync),
		CASE(the_log_does_not_grow_without_bound),
		CASE(what_cannot_be_understood_is_refused),
		CASE(a_body_of_the_wrong_length_is_refused),
		CASE(a_database_cut_short_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
