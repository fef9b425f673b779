/* draft_test.c - a message being received: memory, then a file, then nothing.
 */
#include "fixture.h"

#include "core/spool/spool_state.h"

static int
setup(void **state)
{
	struct world *w = world_new();
	struct dg_spool_options o = options_for(w);

	o.inline_max = 1000;
	world_open_with(w, &o);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

static bool
has_file(const struct world *w, const struct dg_draft *d)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/bodies/%.*s", w->dir,
	    DG_FMT(dg_draft_name(d)));
	return access(path, F_OK) == 0;
}

static void
it_goes_to_a_file_when_it_is_too_large_for_memory(void **state)
{
	static const struct {
		const char *why;
		size_t pieces[4];
		bool in_file;
	} cases[] = {
		{ "nothing", { 0 }, false },
		{ "just fits", { 1000 }, false },
		{ "just fits, in pieces", { 1, 998, 1 }, false },
		{ "one byte too many", { 1001 }, true },
		{ "one more after it was full", { 1000, 1 }, true },
		{ "and goes on in the file", { 999, 2, 100000, 1 }, true },
	};
	static char bytes[100000];
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dg_draft *d = NULL;
		struct dg_err e = { 0 };
		size_t size = 0;

		print_message("  %s\n", cases[i].why);
		assert_int_equal(dg_draft_open(w->sp, &d, &e), DG_OK);
		for (size_t k = 0; k < 4; k++) {
			size_t n = cases[i].pieces[k];

			assert_int_equal(dg_draft_write(d, dg_str_of(bytes, n),
					     &e),
			    DG_OK);
			size += n;
		}
		assert_int_equal(dg_draft_size(d), size);
		assert_int_equal(has_file(w, d), cases[i].in_file);
		assert_true(!cases[i].in_file || d->body == NULL);
		if (cases[i].in_file) {
			char path[128];
			struct stat st;

			snprintf(path, sizeof(path), "%s/bodies/%s", w->dir,
			    d->name);
			dg_draft_free(d);
			assert_int_not_equal(stat(path, &st), 0);
		} else {
			dg_draft_free(d);
		}
	}
	dg_draft_free(NULL);
}

static void
names_differ_and_nothing_has_none(void **state)
{
	struct world *w = *state;
	struct dg_draft *a = draft_of(w->sp, 1, 1), *b = draft_of(w->sp, 1, 1);

	assert_false(dg_str_eq(dg_draft_name(a), dg_draft_name(b)));
	assert_int_equal(dg_draft_name(NULL).n, 0);
	dg_draft_free(a);
	dg_draft_free(b);
}

/* The directory is gone, say: what could not be written is no message. */
static void
after_a_failed_write_it_cannot_become_a_message(void **state)
{
	struct world *w = *state;
	struct dg_item_rcpt rcpt = { .lane = DG_STR("x") };
	struct dg_item item = { .rcpts = &rcpt, .n_rcpts = 1 };
	struct dg_draft *d = NULL;
	struct dg_err e = { 0 };
	char bodies[128];
	static char bytes[2000];

	assert_int_equal(dg_draft_open(w->sp, &d, &e), DG_OK);
	snprintf(bodies, sizeof(bodies), "%s/bodies", w->dir);
	assert_int_equal(rmdir(bodies), 0);
	assert_int_equal(dg_draft_write(d, dg_str_of(bytes, 2000), &e),
	    DG_E_IO);
	assert_int_equal(e.code, 451);
	assert_int_equal(mkdir(bodies, 0700), 0);
	assert_int_equal(dg_draft_write(d, dg_str_of(bytes, 1), &e), DG_E_IO);
	dg_spool_commit(w->sp, d, &item, w->post, on_done, w, 0);
	until(w, w->n_failed == 1);
	assert_int_equal(w->last.code, 451);
	assert_int_equal(stats_of(w).messages, 0);
	commit_one(w, 1, 5000, "x"); /* the next one is well */
	until(w, w->n_ok == 1 || w->n_failed == 2);
}

static void
without_room_for_the_reserve_it_does_not_begin(void **state)
{
	struct world *w = *state;
	struct dg_spool_options o = options_for(w);
	struct dg_draft *d = NULL;
	struct dg_err e = { 0 };

	dg_spool_close(w->sp);
	o.reserve = (uint64_t)1 << 60;
	world_open_with(w, &o); /* it starts nevertheless */
	assert_int_equal(dg_draft_open(w->sp, &d, &e), DG_E_FULL);
	assert_int_equal(e.code, 452);
	assert_string_equal(e.enhanced, "4.3.1");
	assert_null(d);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(it_goes_to_a_file_when_it_is_too_large_for_memory),
		CASE(names_differ_and_nothing_has_none),
		CASE(after_a_failed_write_it_cannot_become_a_message),
		CASE(without_room_for_the_reserve_it_does_not_begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
