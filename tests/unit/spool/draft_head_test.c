/* draft_head_test.c - how a draft begins, read back and replaced, whatever the
 * disk does meanwhile. */
#include "fixture.h"

#include <fcntl.h>

#include "draft_help.h"

static int
setup(void **state)
{
	struct world *w = world_new();

	open_small(w);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

static void
a_head_is_replaced_in_memory_and_in_a_file(void **state)
{
	static const struct {
		const char *why;
		size_t size, old_n, new_n;
		bool in_file;
	} cases[] = {
		{ "nothing by nothing", 0, 0, 0, false },
		{ "something before nothing", 0, 0, 10, false },
		{ "longer", 500, 100, 200, false },
		{ "shorter", 500, 100, 3, false },
		{ "removed", 500, 100, 0, false },
		{ "put in front", 500, 0, 50, false },
		{ "all of it", 500, 500, 20, false },
		{ "up to the brim", 500, 100, 600, false },
		{ "one more, so it gets a file", 500, 100, 601, true },
		{ "in a file, longer", 5000, 100, 200, true },
		{ "in a file, shorter", 5000, 100, 3, true },
		{ "in a file, all of it", 5000, 5000, 3, true },
		{ "in a file, put in front", 5000, 0, 3, true },
		{ "a file of several pieces", LARGE, 1000, 1001, true },
	};
	struct world *w = *state;
	char head[1200];

	memset(head, 'h', sizeof(head));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct want want = { dg_str_of(head, cases[i].new_n),
			cases[i].old_n,
			cases[i].size - cases[i].old_n + cases[i].new_n };
		struct dg_draft *d = draft_of(w->sp, 7, cases[i].size);
		struct dg_err e = { 0 };
		char more[100];

		print_message("  %s\n", cases[i].why);
		assert_int_equal(dg_draft_replace_head(d, cases[i].old_n,
				     want.head, &e),
		    DG_OK);
		assert_int_equal(has(w, d, ""), cases[i].in_file);
		assert_false(has(w, d, ".new"));
		holds(d, &want);
		/* it goes on from there */
		for (size_t k = 0; k < sizeof(more); k++)
			more[k] = want_byte(&want, want.size + k);
		assert_int_equal(dg_draft_write(d,
				     dg_str_of(more, sizeof(more)), &e),
		    DG_OK);
		want.size += sizeof(more);
		holds(d, &want);
		is_delivered(w, d, &want);
	}
}

static void
as_much_is_read_back_as_is_asked_for(void **state)
{
	static const size_t sizes[] = { 0, 1, 900, 1001, 70000 };
	static const size_t most[] = { 0, 1, 899, 1001, 65536, 1 << 20 };
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct dg_draft *d = draft_of(w->sp, 7, sizes[i]);

		for (size_t k = 0; k < sizeof(most) / sizeof(most[0]); k++) {
			struct dg_str head;
			struct dg_err e = { 0 };

			assert_int_equal(dg_draft_head(d, most[k], &head, &e),
			    DG_OK);
			assert_int_equal(head.n,
			    sizes[i] < most[k] ? sizes[i] : most[k]);
			for (size_t b = 0; b < head.n; b++)
				assert_int_equal(head.p[b], body_byte(7, b));
		}
		dg_draft_free(d);
	}
}

/* Twice, with what was read back from it, and a part of that. */
static void
the_new_head_may_come_from_the_old_one(void **state)
{
	static const size_t sizes[] = { 900, 90000 };
	struct world *w = *state;

	for (size_t i = 0; i < 2; i++) {
		struct dg_draft *d = draft_of(w->sp, 7, sizes[i]);
		struct want want = { DG_NOSTR, 50, sizes[i] - 50 };
		struct dg_str head;
		struct dg_err e = { 0 };

		assert_int_equal(dg_draft_head(d, 200, &head, &e), DG_OK);
		assert_int_equal(dg_draft_replace_head(d, 200,
				     dg_str_from(head, 50), &e),
		    DG_OK);
		holds(d, &want);
		want.old_n = 60;
		want.size -= 10;
		assert_int_equal(dg_draft_replace_head(d, 10, DG_NOSTR, &e),
		    DG_OK);
		is_delivered(w, d, &want);
	}
}

static void
what_cannot_be_done_changes_nothing(void **state)
{
	struct world *w = *state;
	struct want want = { DG_NOSTR, 0, 5000 };
	struct dg_draft *d = draft_of(w->sp, 7, 5000);
	struct dg_err e = { 0 };
	char path[128];

	assert_int_equal(dg_draft_replace_head(d, 5001, DG_NOSTR, &e),
	    DG_E_LIMIT);
	/* its place is taken */
	snprintf(path, sizeof(path), "%s/bodies/%s.new", w->dir, d->name);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(dg_draft_replace_head(d, 1, DG_NOSTR, &e), DG_E_IO);
	assert_int_equal(e.code, 451);
	holds(d, &want);
	assert_int_equal(rmdir(path), 0);
	/* the disk is short */
	atomic_store(&w->sp->is_short, true);
	assert_int_equal(dg_draft_replace_head(d, 1, DG_NOSTR, &e), DG_E_FULL);
	atomic_store(&w->sp->is_short, false);
	holds(d, &want);
	is_delivered(w, d, &want);
}

static void
a_broken_draft_stays_broken(void **state)
{
	struct world *w = *state;
	struct dg_draft *d = draft_of(w->sp, 7, 10);
	struct dg_str head;
	struct dg_err e = { 0 };

	d->is_broken = true;
	assert_int_equal(dg_draft_replace_head(d, 1, DG_NOSTR, &e), DG_E_IO);
	assert_int_equal(dg_draft_head(d, 1, &head, &e), DG_E_IO);
	assert_int_equal(head.n, 0);
	dg_draft_free(d);
}

static void
what_a_crash_left_half_written_is_removed(void **state)
{
	struct world *w = *state;
	struct want want = { DG_NOSTR, 0, 5000 };
	struct dg_draft *d = draft_of(w->sp, 7, 5000);
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/bodies/%s.new", w->dir, d->name);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
	is_delivered(w, d, &want);
	world_reopen(w);
	assert_int_not_equal(access(path, F_OK), 0);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_head_is_replaced_in_memory_and_in_a_file),
		CASE(as_much_is_read_back_as_is_asked_for),
		CASE(the_new_head_may_come_from_the_old_one),
		CASE(what_cannot_be_done_changes_nothing),
		CASE(a_broken_draft_stays_broken),
		CASE(what_a_crash_left_half_written_is_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
