/* log_test.c - lines that nothing a peer sends can break. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "dragoman/base/clock.h"
#include "dragoman/base/log.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define STAMP_LEN 24 /* 2026-11-25T09:41:55.123Z */

static char last[32768];

static void
keep(const char *line, size_t n)
{
	assert_true(n < sizeof(last));
	memcpy(last, line, n);
	last[n] = '\0';
}

/* What one value looks like in a line. */
static const char *
logged(bool as_json, struct dg_str value)
{
	dg_log_divert(keep);
	dg_log_setup(as_json, DG_LOG_INFO);
	dg_log(DG_LOG_INFO, "e", dg_kv_s("k", value));
	dg_log_setup(false, DG_LOG_INFO);
	dg_log_divert(NULL);
	return last + STAMP_LEN +
	    (as_json ? strlen("{\"time\":\"") : strlen(" "));
}

static void
a_text_line_has_time_level_event_and_pairs(void **state)
{
	int year, month, day, hour, minute, second, ms;
	char z;

	(void)state;
	dg_log_divert(keep);
	dg_log(DG_LOG_WARN, "deliver", dg_kv_z("hop", "hq"),
	    dg_kv_i("tries", -2), dg_kv_z("text", "a b"), dg_kv_z("none", ""),
	    dg_kv_z("null", NULL));
	dg_log_divert(NULL);
	assert_string_equal(last + STAMP_LEN,
	    " warn deliver hop=hq tries=-2 text=\"a b\"\n");
	assert_int_equal(sscanf(last, "%4d-%2d-%2dT%2d:%2d:%2d.%3d%c", &year,
	                     &month, &day, &hour, &minute, &second, &ms, &z),
	    8);
	assert_in_range(year, 2024, 2200);
	assert_int_equal(z, 'Z');
}

static void
a_json_line_is_an_object(void **state)
{
	(void)state;
	dg_log_divert(keep);
	dg_log_setup(true, DG_LOG_INFO);
	dg_log(DG_LOG_ERROR, "deliver", dg_kv_z("hop", "hq"),
	    dg_kv_i("tries", 2));
	assert_memory_equal(last, "{\"time\":\"2", 10);
	assert_string_equal(last + 9 + STAMP_LEN,
	    "\",\"level\":\"error\",\"event\":\"deliver\","
	    "\"hop\":\"hq\",\"tries\":2}\n");
	dg_log_write(DG_LOG_INFO, "bare", NULL);
	assert_string_equal(last + 9 + STAMP_LEN,
	    "\",\"level\":\"info\",\"event\":\"bare\"}\n");
	dg_log_setup(false, DG_LOG_INFO);
	dg_log_divert(NULL);
}

static void
values_are_escaped(void **state)
{
	static const struct {
		const char *why;
		struct dg_str value;
		const char *text, *json;
	} cases[] = {
		{ "plain", DG_STR("a@b.test"), "a@b.test", "\"a@b.test\"" },
		{ "blank", DG_STR("a b"), "\"a b\"", "\"a b\"" },
		{ "looks like a pair", DG_STR("a=b"), "\"a=b\"", "\"a=b\"" },
		{ "line end", DG_STR("a\r\nb"), "\"a\\x0d\\x0ab\"",
		    "\"a\\u000d\\u000ab\"" },
		{ "NUL", DG_STR("a\0"), "\"a\\x00\"", "\"a\\u0000\"" },
		{ "DEL", DG_STR("\x7f"), "\"\\x7f\"", "\"\\u007f\"" },
		{ "escape", DG_STR("\x1b[2J"), "\"\\x1b[2J\"",
		    "\"\\u001b[2J\"" },
		{ "C1", DG_STR("\xc2\x9b"), "\"\\xc2\\x9b\"", "\"\\u009b\"" },
		{ "quote", DG_STR("\""), "\"\\\"\"", "\"\\\"\"" },
		{ "backslash", DG_STR("D\\u"), "\"D\\\\u\"", "\"D\\\\u\"" },
		{ "UTF-8 stays", DG_STR("\xc3\xa9"), "\"\xc3\xa9\"",
		    "\"\xc3\xa9\"" },
		{ "not UTF-8", DG_STR("\xe9!"), "\"\\xe9!\"", "\"\\u00e9!\"" },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		char want[100];

		print_message("  %s\n", cases[i].why);
		snprintf(want, sizeof(want), "info e k=%s\n", cases[i].text);
		assert_string_equal(logged(false, cases[i].value), want);
		snprintf(want, sizeof(want),
		    "\",\"level\":\"info\",\"event\":\"e\",\"k\":%s}\n",
		    cases[i].json);
		assert_string_equal(logged(true, cases[i].value), want);
	}
}

static void
long_values_are_cut_between_characters(void **state)
{
	char value[2000];
	const char *got;

	(void)state;
	memset(value, 'a', sizeof(value));
	got = logged(false, dg_str_of(value, 1024));
	assert_int_equal(strlen(got), strlen("info e k=\n") + 1024);
	got = logged(false, dg_str_of(value, 1025));
	assert_int_equal(strlen(got), strlen("info e k=...\n") + 1024);
	memcpy(value + 1023, "\xc3\xa9", 2);
	got = logged(true, dg_str_of(value, sizeof(value)));
	assert_string_equal(got + strlen(got) - 8, "aa...\"}\n");
}

static void
a_line_with_too_much_says_that_it_is_cut(void **state)
{
	char value[1024];
	struct dg_kv kv[20] = { { 0 } };

	(void)state;
	memset(value, 1, sizeof(value));
	for (size_t i = 0; i < N(kv) - 1; i++)
		kv[i] = dg_kv_s("k", dg_str_of(value, sizeof(value)));
	dg_log_divert(keep);
	dg_log_setup(true, DG_LOG_INFO);
	dg_log_write(DG_LOG_INFO, "e", kv);
	assert_string_equal(last + strlen(last) - 20,
	    "\\u0001\",\"cut\":true}\n");
	dg_log_setup(false, DG_LOG_INFO);
	dg_log_write(DG_LOG_INFO, "e", kv);
	assert_string_equal(last + strlen(last) - 10, " cut=true\n");
	dg_log_divert(NULL);
}

static void
lines_below_the_level_are_not_written(void **state)
{
	(void)state;
	dg_log_divert(keep);
	last[0] = '\0';
	dg_log(DG_LOG_DEBUG, "e", dg_kv_i("n", 1));
	assert_string_equal(last, "");
	dg_log_setup(false, DG_LOG_DEBUG);
	dg_log(DG_LOG_DEBUG, "e", dg_kv_i("n", 1));
	assert_string_equal(last + STAMP_LEN, " debug e n=1\n");
	dg_log_setup(false, DG_LOG_ERROR);
	dg_log(DG_LOG_WARN, "w", dg_kv_i("n", 1));
	assert_string_equal(last + STAMP_LEN, " debug e n=1\n");
	dg_log_setup(false, DG_LOG_INFO);
	dg_log_divert(NULL);
}

/* Standard error goes to a file while fn runs. */
struct capture {
	int file, stderr_was;
};

static void
capture_begin(struct capture *c)
{
	char path[] = "/tmp/dg_log_test_XXXXXX";

	c->file = mkstemp(path);
	assert_true(c->file >= 0);
	unlink(path);
	c->stderr_was = dup(STDERR_FILENO);
	dup2(c->file, STDERR_FILENO);
}

static off_t
captured(const struct capture *c)
{
	return lseek(c->file, 0, SEEK_END);
}

static FILE *
capture_end(struct capture *c)
{
	dup2(c->stderr_was, STDERR_FILENO);
	close(c->stderr_was);
	lseek(c->file, 0, SEEK_SET);
	return fdopen(c->file, "r");
}

static void
gathered_lines_wait_for_a_flush_a_warning_or_16_kib(void **state)
{
	struct capture c;
	off_t flushed, warned, full;
	char value[1000];
	FILE *f;

	(void)state;
	memset(value, 'v', sizeof(value));
	capture_begin(&c);
	dg_log_gather(true);
	dg_log(DG_LOG_INFO, "first", dg_kv_i("n", 1));
	off_t before = captured(&c);
	dg_log_flush();
	flushed = captured(&c);
	dg_log(DG_LOG_INFO, "second", dg_kv_i("n", 2));
	off_t still = captured(&c);
	dg_log(DG_LOG_WARN, "third", dg_kv_i("n", 3));
	warned = captured(&c);
	for (int i = 0; i < 20; i++)
		dg_log(DG_LOG_INFO, "many", dg_kv_s("v", dg_str_of(value, 1000)));
	full = captured(&c);
	dg_log_gather(false);
	dg_log_gather(false);
	off_t ended = captured(&c);
	f = capture_end(&c);

	assert_int_equal(before, 0);
	assert_true(flushed > 0);
	assert_int_equal(still, flushed);
	assert_true(warned > still);
	assert_in_range(full - warned, 16 * 1024, 18 * 1024);
	assert_in_range(ended - warned, 20 * 1000, 21 * 1000);
	fclose(f);
}

#define THREADS 4
#define LINES   500

static void *
log_much(void *arg)
{
	bool gathers = *(int *)arg % 2 == 0;

	dg_log_gather(gathers);
	for (int i = 0; i < LINES; i++) {
		dg_log(i % 100 == 99 ? DG_LOG_WARN : DG_LOG_INFO, "line",
		    dg_kv_i("thread", *(int *)arg), dg_kv_i("n", i),
		    dg_kv_z("end", "here"));
	}
	dg_log_gather(false);
	return NULL;
}

static void
lines_of_threads_do_not_mix(void **state)
{
	struct capture c;
	pthread_t threads[THREADS];
	int ids[THREADS], next[THREADS] = { 0 };
	char line[200];
	FILE *f;

	(void)state;
	capture_begin(&c);
	/* append: threads share the file's end, not a position */
	fcntl(STDERR_FILENO, F_SETFL, O_APPEND);
	for (int i = 0; i < THREADS; i++) {
		ids[i] = i;
		pthread_create(&threads[i], NULL, log_much, &ids[i]);
	}
	for (int i = 0; i < 50; i++)
		dg_log_setup(false, DG_LOG_INFO);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	f = capture_end(&c);
	while (fgets(line, sizeof(line), f) != NULL) {
		int thread, n, end = 0;
		const char *pairs = strstr(line, " line ");

		assert_non_null(pairs);
		assert_int_equal(sscanf(pairs, " line thread=%d n=%d end=here\n%n",
		                     &thread, &n, &end),
		    2);
		assert_int_equal(pairs[end], '\0');
		assert_in_range(thread, 0, THREADS - 1);
		assert_int_equal(n, next[thread]);
		next[thread]++;
	}
	fclose(f);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(next[i], LINES);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_line_has_time_level_event_and_pairs),
		cmocka_unit_test(a_json_line_is_an_object),
		cmocka_unit_test(values_are_escaped),
		cmocka_unit_test(long_values_are_cut_between_characters),
		cmocka_unit_test(a_line_with_too_much_says_that_it_is_cut),
		cmocka_unit_test(lines_below_the_level_are_not_written),
		cmocka_unit_test(gathered_lines_wait_for_a_flush_a_warning_or_16_kib),
		cmocka_unit_test(lines_of_threads_do_not_mix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
