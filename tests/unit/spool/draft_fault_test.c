/* draft_fault_test.c - a head is replaced, and the disk fails at each point.
 *
 * A program of its own: faults are read once, so nothing before a child may
 * have looked for one. */
#include "draft_help.h"

#include <sys/wait.h>

#ifdef DG_FAULTS
struct fault {
	const char *point;
	size_t size;
	enum dg_rc rc;
};

/* In a child, since faults are read once. */
static void
replace_with_fault(const struct fault *f)
{
	struct want old = { DG_NOSTR, 0, f->size };
	struct want want = { DG_STR("new"), 1, f->size + 2 };
	struct dg_err e = { 0 };
	struct dg_draft *d;
	struct world *w;

	setenv("CMOCKA_TEST_ABORT", "1", 1);
	setenv("DRAGOMAN_FAULT", f->point, 1);
	w = world_new();
	open_small(w);
	d = draft_of(w->sp, 7, f->size);
	assert_non_null(d);
	/* small ones are to become large, so that a file is written */
	if (f->size < INLINE_MAX) {
		static char large[INLINE_MAX];

		memset(large, 'L', sizeof(large));
		want.head = dg_str_of(large, sizeof(large));
		want.size = f->size - 1 + sizeof(large);
	}
	assert_int_equal(dg_draft_replace_head(d, 1, want.head, &e), f->rc);
	assert_int_equal(e.code, f->rc == DG_E_FULL ? 452 : 451);
	assert_false(has(w, d, ".new"));
	assert_int_equal(has(w, d, ""), f->size > INLINE_MAX);
	holds(d, &old);
	/* the fault was for once */
	assert_int_equal(dg_draft_replace_head(d, 1, want.head, &e), DG_OK);
	holds(d, &want);
	is_delivered(w, d, &want);
	world_free(w);
	_exit(0);
}

static void
a_fault_at_any_point_loses_nothing(void **state)
{
	/* a draft of LARGE is written with 640 writes, in pieces of 8 KiB,
	 * of which the first comes when memory is full */
	static const struct fault faults[] = {
		{ "spool.head.create:1", 5000, DG_E_FULL },
		{ "spool.head.create:1", 500, DG_E_FULL },
		{ "spool.draft.write:1", 500, DG_E_FULL },
		{ "spool.draft.write:2", 500, DG_E_FULL },
		{ "spool.draft.write:641", LARGE, DG_E_FULL },
		{ "spool.draft.write:642", LARGE, DG_E_FULL },
		{ "spool.draft.write:700", LARGE, DG_E_FULL },
		{ "spool.head.read:1", LARGE, DG_E_IO },
		{ "spool.head.read:50", LARGE, DG_E_IO },
		{ "spool.head.rename:1", 5000, DG_E_IO },
		{ "spool.head.rename:1", LARGE, DG_E_IO },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		int status = -1;
		pid_t child = fork();

		if (child == 0)
			replace_with_fault(&faults[i]);
		assert_int_equal(waitpid(child, &status, 0), child);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			fail_msg("%s, %zu bytes", faults[i].point,
			    faults[i].size);
	}
}

/* Killed between the new file and its name: nobody was told 250. */
static void
killed_before_the_rename_it_leaves_nothing(void **state)
{
	struct world *w = world_new();
	pid_t child = fork();
	char name[200];
	int status = -1;

	(void)state;
	if (child == 0) {
		struct dg_draft *d;
		struct dg_err e = { 0 };

		setenv("DRAGOMAN_FAULT", "spool.head.rename:1!", 1);
		world_open(w);
		d = draft_of(w->sp, 7, LARGE);
		(void)dg_draft_replace_head(d, 1, DG_NOSTR, &e);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	world_open(w);
	snprintf(name, sizeof(name), "%s/bodies", w->dir);
	assert_int_equal(rmdir(name), 0); /* empty */
	assert_int_equal(mkdir(name, 0700), 0);
	world_free(w);
}
#else
static void
a_fault_at_any_point_loses_nothing(void **state)
{
	(void)state;
	skip(); /* a release has no such points */
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fault_at_any_point_loses_nothing),
#ifdef DG_FAULTS
		cmocka_unit_test(killed_before_the_rename_it_leaves_nothing),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
