/* look_test.c - a spool that is only looked at: with no relay, beside one,
 * after a kill; and what is wrong with it. */
#include "fixture.h"

#include <fcntl.h>

#include "core/spool/store.h"
#include "dragoman/spool/queue.h"

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

static struct dg_spool *
look_at(const char *dir)
{
	struct dg_spool *sp = NULL;
	struct dg_err e = { 0 };

	if (dg_spool_look(dir, &sp, &e) != DG_OK)
		fail_msg("%s", e.text);
	return sp;
}

static void
count(void *ctx, const struct dg_item *item, const struct dg_item_rcpt *r,
    bool is_claimed)
{
	size_t *n = ctx;

	(void)item;
	(void)r;
	assert_false(is_claimed);
	++*n;
}

static size_t
rows(struct dg_spool *sp)
{
	const struct dg_pick all = { 0 };
	struct dg_err e = { 0 };
	size_t n = 0;

	assert_true(dg_spool_scan(sp, &all, 100000, count, &n, &e));
	return n;
}

struct body {
	uint64_t seed;
	size_t n;
	bool is_wrong;
};

static void
on_piece(void *ctx, struct dg_str piece)
{
	struct body *b = ctx;

	for (size_t i = 0; i < piece.n; i++)
		b->is_wrong |= piece.p[i] != body_byte(b->seed, b->n + i);
	b->n += piece.n;
}

static void
last_id(void *ctx, const struct dg_item *item, const struct dg_item_rcpt *r,
    bool is_claimed)
{
	(void)r;
	(void)is_claimed;
	*(uint64_t *)ctx = item->id;
}

static void
it_is_seen_beside_a_running_one_and_after_it(void **state)
{
	struct world *w = *state;
	struct dg_spool *sp;

	commit_one(w, 1, 100, "x");
	commit_one(w, 2, 100000, "y");
	until(w, w->n_ok == 2);
	sp = look_at(w->dir);
	assert_int_equal(rows(sp), 2);
	commit_one(w, 3, 100, "x");
	until(w, w->n_ok == 3);
	assert_int_equal(rows(sp), 3);
	dg_spool_close(sp);
	dg_spool_close(w->sp);
	sp = look_at(w->dir);
	assert_int_equal(rows(sp), 3);
	dg_spool_close(sp);
	world_open(w);
	assert_int_equal(stats_of(w).messages, 3);
}

static void
bodies_are_read_small_and_large_and_in_part(void **state)
{
	static const size_t sizes[] = { 0, 1, 65536, 65537, 300000 };
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const struct dg_pick all = { 0 };
		struct body b = { .seed = i }, part = { .seed = i };
		struct dg_err e = { 0 };
		uint64_t id = 0;

		commit_one(w, i, sizes[i], "x");
		until(w, w->n_ok == i + 1);
		assert_true(
		    dg_spool_scan(w->sp, &all, 100, last_id, &id, &e));
		assert_int_equal(
		    dg_spool_read(w->sp, id, UINT64_MAX, on_piece, &b, &e),
		    DG_OK);
		assert_int_equal(b.n, sizes[i]);
		assert_false(b.is_wrong);
		assert_int_equal(
		    dg_spool_read(w->sp, id, 10, on_piece, &part, &e), DG_OK);
		assert_int_equal(part.n, sizes[i] < 10 ? sizes[i] : 10);
		assert_false(part.is_wrong);
	}
}

static void
nothing_can_be_changed_in_it(void **state)
{
	struct world *w = *state;
	struct dg_spool *sp;
	struct dg_pick all = { 0 };
	struct dg_changed sums;
	struct dg_err e = { 0 };

	commit_one(w, 1, 100, "x");
	until(w, w->n_ok == 1);
	sp = look_at(w->dir);
	assert_int_equal(dg_spool_change(sp, &all, DG_CHANGE_DROP, false, NULL,
			     NULL, &sums, &e),
	    DG_E_CONFIG);
	assert_int_equal(rows(sp), 1);
	dg_spool_close(sp);
}

static void
where_there_is_none_it_says_so_and_makes_none(void **state)
{
	struct world *w = *state;
	struct dg_spool *sp = NULL;
	struct dg_err e = { 0 };
	char dir[96], file[128];

	snprintf(dir, sizeof(dir), "%s/none", w->dir);
	assert_int_not_equal(dg_spool_look(dir, &sp, &e), DG_OK);
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_not_equal(dg_spool_look(dir, &sp, &e), DG_OK);
	assert_non_null(strstr(e.text, dir));
	snprintf(file, sizeof(file), "%s/spool.db", dir);
	assert_int_not_equal(access(file, F_OK), 0);
	close(open(file, O_CREAT | O_WRONLY, 0600));
	assert_int_not_equal(dg_spool_look(dir, &sp, &e), DG_OK);
}

/* ---- check ---- */

struct findings {
	unsigned n_problems, n_notes;
	char last[400];
};

static void
on_finding(void *ctx, bool is_problem, const char *text)
{
	struct findings *f = ctx;

	f->n_problems += is_problem;
	f->n_notes += !is_problem;
	snprintf(f->last, sizeof(f->last), "%s", text);
}

static struct findings
check(const struct world *w)
{
	struct dg_spool *sp = look_at(w->dir);
	struct findings f = { 0 };
	struct dg_err e = { 0 };

	if (dg_spool_check(sp, on_finding, &f, &e) != DG_OK)
		fail_msg("%s", e.text);
	dg_spool_close(sp);
	return f;
}

static void
body_of(const struct world *w, uint64_t id, char out[160])
{
	char name[16];

	dg_id_name(id, name);
	snprintf(out, 160, "%s/bodies/%s", w->dir, name);
}

static void
a_check_finds_what_does_not_fit(void **state)
{
	struct world *w = *state;
	const struct dg_pick all = { 0 };
	struct dg_err e = { 0 };
	struct findings f;
	uint64_t id = 0;
	char path[160], orphan[160];

	commit_one(w, 1, 100, "x");
	commit_one(w, 2, 100000, "x");
	until(w, w->n_ok == 2);
	f = check(w);
	assert_int_equal(f.n_problems + f.n_notes, 0);

	body_of(w, 12345, orphan);
	close(open(orphan, O_CREAT | O_WRONLY, 0600));
	f = check(w);
	assert_int_equal(f.n_notes, 1);
	assert_int_equal(f.n_problems, 0);
	assert_int_equal(unlink(orphan), 0);

	assert_true(dg_spool_scan(w->sp, &all, 100, last_id, &id, &e));
	body_of(w, id, path);
	assert_int_equal(truncate(path, 99999), 0);
	f = check(w);
	assert_int_equal(f.n_problems, 1);
	assert_non_null(strstr(f.last, "99999 bytes instead of 100000"));
	assert_int_equal(unlink(path), 0);
	f = check(w);
	assert_int_equal(f.n_problems, 1);
	assert_non_null(strstr(f.last, "has no body"));
}

static void
a_check_finds_a_spoilt_page(void **state)
{
	struct world *w = *state;
	char path[96];
	int fd;

	for (uint64_t i = 0; i < 50; i++)
		commit_one(w, i, 20000, "x");
	until(w, w->n_ok == 50);
	dg_spool_close(w->sp);
	snprintf(path, sizeof(path), "%s/spool.db", w->dir);
	fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "\xff\xff\xff\xff\xff\xff\xff\xff", 8,
			     4096 * 7),
	    8);
	close(fd);
	assert_true(check(w).n_problems > 0);
	world_open(w); /* for teardown */
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(it_is_seen_beside_a_running_one_and_after_it),
		CASE(bodies_are_read_small_and_large_and_in_part),
		CASE(nothing_can_be_changed_in_it),
		CASE(where_there_is_none_it_says_so_and_makes_none),
		CASE(a_check_finds_what_does_not_fit),
		CASE(a_check_finds_a_spoilt_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
