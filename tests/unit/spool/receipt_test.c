/* receipt_test.c - a settle that never reached the database is known from its
 * receipt; what is no receipt is not taken for one. */
#include "fixture.h"

#include "dragoman/spool/queue.h"

enum {
	FILE_MAX = 4 << 20
};
static char bytes[FILE_MAX];

static int
setup(void **state)
{
	*state = world_new();
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

static void
path_of(const struct world *w, const char *name, char out[160])
{
	snprintf(out, 160, "%s/%s", w->dir, name);
}

static size_t
read_file(const struct world *w, const char *name)
{
	char path[160];
	FILE *f;
	size_t n;

	path_of(w, name, path);
	f = fopen(path, "r");
	assert_non_null(f);
	n = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	return n;
}

static void
write_file(const struct world *w, const char *name, size_t n)
{
	char path[160];
	FILE *f;

	path_of(w, name, path);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static void
remove_file(const struct world *w, const char *name)
{
	char path[160];

	path_of(w, name, path);
	(void)unlink(path);
}

/* What the database is now, kept aside; brought back, nothing that came after
 * was ever written to it. */
static void
keep_database(const struct world *w)
{
	write_file(w, "kept", read_file(w, "spool.db"));
}

static void
bring_back(const struct world *w)
{
	remove_file(w, "spool.db-wal");
	remove_file(w, "spool.db-shm");
	write_file(w, "spool.db", read_file(w, "kept"));
}

/* Two messages, the first to two lanes; all for x is delivered. */
static void
deliver_what_is_for_x(struct world *w)
{
	static const char *const both[] = { "x", "y" };

	world_open(w);
	commit_to(w, 1, 100, both, 2);
	commit_one(w, 2, 100, "x");
	commit_one(w, 3, 100, "y");
	until(w, w->n_ok == 3);
	dg_spool_close(w->sp);
	keep_database(w);
	world_open(w);
	dg_spool_start(w->sp);
	until(w, w->n_claims == 4);
	dg_spool_stop_claims(w->sp);
	while (w->n_claims > 0) {
		struct dg_claim *c = next_claim(w);

		settle_all(w, c,
		    dg_str_is(c->lane, "x") ? DG_OUTCOME_DELIVERED
					    : DG_OUTCOME_WAIT,
		    0);
	}
	dg_spool_close(w->sp);
}

struct seen {
	unsigned n, n_y;
};

static void
on_row(void *ctx, const struct dg_item *item, const struct dg_item_rcpt *r,
    bool is_claimed)
{
	struct seen *s = ctx;

	(void)item;
	(void)is_claimed;
	s->n++;
	s->n_y += dg_str_is(r->lane, "y");
}

static struct seen
waiting(struct world *w)
{
	struct seen s = { 0 };

	dg_spool_list(w->sp, 100, on_row, &s);
	return s;
}

static void
what_was_delivered_is_not_waiting_though_no_settle_was_written(void **state)
{
	struct world *w = *state;
	struct seen s;

	deliver_what_is_for_x(w);
	bring_back(w);
	world_open(w);
	s = waiting(w);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.n_y, 2);
	assert_int_equal(stats_of(w).messages, 2);
}

/* An operator that looks, or takes the queue elsewhere, before the next start. */
static void
who_only_looks_does_not_see_it_either(void **state)
{
	struct world *w = *state;
	struct dg_spool *sp = NULL;
	struct dg_err e = { 0 };
	struct seen s = { 0 };

	deliver_what_is_for_x(w);
	bring_back(w);
	assert_int_equal(dg_spool_look(w->dir, &sp, &e), DG_OK);
	dg_spool_list(sp, 100, on_row, &s);
	dg_spool_close(sp);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.n_y, 2);
	w->sp = NULL;
}

static void
without_receipts_all_of_it_waits(void **state)
{
	struct world *w = *state;

	deliver_what_is_for_x(w);
	bring_back(w);
	remove_file(w, "receipts.0");
	remove_file(w, "receipts.1");
	world_open(w);
	assert_int_equal(waiting(w).n, 4);
}

static void
a_receipt_with_a_wrong_bit_says_nothing(void **state)
{
	struct world *w = *state;
	size_t n;

	deliver_what_is_for_x(w);
	n = read_file(w, "receipts.0");
	for (size_t at = 0; at < 64; at++) {
		bring_back(w);
		(void)read_file(w, "receipts.0");
		bytes[at] = (char)(bytes[at] ^ (1 << at % 8));
		write_file(w, "receipts.0", n);
		world_open(w);
		assert_int_equal(waiting(w).n, 3); /* not 2 */
		dg_spool_close(w->sp);
		(void)read_file(w, "receipts.0");
		bytes[at] = (char)(bytes[at] ^ (1 << at % 8));
		write_file(w, "receipts.0", n);
	}
	w->sp = NULL;
}

static void
rubbish_and_torn_files_are_no_receipts(void **state)
{
	static const size_t sizes[] = { 0, 1, 31, 33, 4096, 100000 };
	struct world *w = *state;

	deliver_what_is_for_x(w);
	srand(5);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		bring_back(w);
		for (size_t k = 0; k < sizes[i]; k++)
			bytes[k] = (char)rand();
		write_file(w, "receipts.0", sizes[i]);
		memset(bytes, 0, sizes[i]);
		write_file(w, "receipts.1", sizes[i]);
		world_open(w);
		assert_int_equal(waiting(w).n, 4);
		dg_spool_close(w->sp);
	}
	w->sp = NULL;
}

static void
under_load_the_files_begin_anew_and_do_not_grow(void **state)
{
	enum {
		N = 9000
	};
	struct world *w = *state;
	unsigned settled = 0;

	world_open(w);
	dg_spool_start(w->sp);
	for (unsigned sent = 0; settled < N;) {
		while (sent < N && sent < settled + 200)
			commit_one(w, sent++, 10, "x");
		dg_post_wait(w->post, 20);
		dg_post_run(w->post);
		for (; w->n_claims > 0; settled++)
			settle_all(w, next_claim(w), DG_OUTCOME_DELIVERED, 0);
	}
	settle_down(w);
	assert_int_equal(stats_of(w).messages, 0);
	/* one was filled by 512; the other's turn comes with the next */
	assert_true(read_file(w, "receipts.0") <= 16384 + 32 * 1024);
	assert_true(read_file(w, "receipts.1") <= 16384 + 32 * 1024);
	assert_true(bytes[0] != 0 || bytes[1] != 0);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(what_was_delivered_is_not_waiting_though_no_settle_was_written),
		CASE(who_only_looks_does_not_see_it_either),
		CASE(without_receipts_all_of_it_waits),
		CASE(a_receipt_with_a_wrong_bit_says_nothing),
		CASE(rubbish_and_torn_files_are_no_receipts),
		CASE(under_load_the_files_begin_anew_and_do_not_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
