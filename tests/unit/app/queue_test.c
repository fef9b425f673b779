/* queue_test.c - the words of `dragoman queue`, and the line they travel in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/app/queue.h"

static void
words_come_back_as_they_were_sent(void **state)
{
	const char *words[] = { "drop", "--reason", "no such user", "",
		"--sender=a=b" };
	const char *back[8];
	struct dg_buf line;

	(void)state;
	dg_buf_init(&line, 1000);
	assert_true(dg_queue_line(words, 5, &line));
	assert_int_equal(
	    dg_queue_unline((char *)(uintptr_t)dg_buf_z(&line), back, 8), 5);
	for (int i = 0; i < 5; i++)
		assert_string_equal(back[i], words[i]);
	dg_buf_fini(&line);
}

static void
what_is_no_one_line_is_not_sent(void **state)
{
	static const char *const bad[] = { "a\tb", "a\nb", "a\rb" };
	struct dg_buf line;

	(void)state;
	dg_buf_init(&line, 20);
	for (int i = 0; i < 3; i++)
		assert_false(dg_queue_line(&bad[i], 1, &line));
	dg_buf_reset(&line);
	assert_false(dg_queue_line(
	    (const char *[]){ "longer than the line may be" }, 1, &line));
	dg_buf_fini(&line);
}

static void
each_word_means_what_it_says(void **state)
{
	const char *words[] = { "hold", "2k8f", "--hop=", "--domain", "b.example",
		"--sender", "<>", "--age=2h", "--reason", "x", "--dry-run",
		"--json" };
	struct app_queue q;
	struct dg_buf out;

	(void)state;
	dg_buf_init(&out, 1000);
	if (!dg_queue_read(words, 12, &q, &out))
		fail_msg("%s", dg_buf_z(&out));
	assert_int_equal(q.verb, QUEUE_HOLD);
	assert_int_equal(q.n_ids, 1);
	assert_true(q.pick.has_hop && q.pick.hop.n == 0);
	assert_true(dg_str_is(q.pick.domain, "b.example"));
	assert_true(q.pick.has_sender && q.pick.sender.n == 0);
	assert_int_equal(q.pick.older_ms, 7200000);
	assert_true(dg_str_is(q.pick.reason, "x"));
	assert_true(q.is_dry && q.has_json && !q.is_all);
	assert_true(dg_queue_changes(&q));
	dg_buf_fini(&out);
}

static void
nothing_is_changed_unless_it_was_said_what(void **state)
{
	static const char *const changes[] = { "retry", "hold", "release",
		"drop" };
	struct app_queue q;
	struct dg_buf out;

	(void)state;
	dg_buf_init(&out, 10000);
	for (int i = 0; i < 4; i++) {
		const char *words[] = { changes[i], "--json", "--dry-run" };

		assert_false(dg_queue_read(words, 1, &q, &out));
		assert_false(dg_queue_read(words, 3, &q, &out));
		words[1] = "--all";
		assert_true(dg_queue_read(words, 2, &q, &out));
	}
	dg_buf_fini(&out);
}

static void
too_many_ids_are_refused(void **state)
{
	const char *words[QUEUE_IDS + 2];
	struct app_queue q;
	struct dg_buf out;

	(void)state;
	dg_buf_init(&out, 1000);
	words[0] = "drop";
	for (int i = 1; i < QUEUE_IDS + 2; i++)
		words[i] = "2k8f";
	assert_true(dg_queue_read(words, QUEUE_IDS + 1, &q, &out));
	assert_false(dg_queue_read(words, QUEUE_IDS + 2, &q, &out));
	dg_buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_come_back_as_they_were_sent),
		cmocka_unit_test(what_is_no_one_line_is_not_sent),
		cmocka_unit_test(each_word_means_what_it_says),
		cmocka_unit_test(nothing_is_changed_unless_it_was_said_what),
		cmocka_unit_test(too_many_ids_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
