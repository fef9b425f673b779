/* journal_test.c - the bounded file of what happened: whole lines, whatever the
 * disk and other threads do. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "dragoman/base/journal.h"
#include "dragoman/base/log.h"

static char dir[64], path[96], older[96];

static int
set_up(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/journal-test-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/journal", dir);
	snprintf(older, sizeof(older), "%s/journal.1", dir);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	dg_journal_close();
	dg_journal_pause(false);
	dg_log_divert(NULL);
	(void)unlink(path);
	(void)unlink(older);
	return rmdir(dir);
}

static void
open_it(uint64_t max)
{
	struct dg_err e = { 0 };

	if (dg_journal_open(path, max, &e) != DG_OK)
		fail_msg("%s", e.text);
}

struct found {
	unsigned n, last_run, stop_at;
	uint64_t last_number;
	char last[20000];
};

static bool
on_line(void *ctx, unsigned run, uint64_t number, struct dg_str line)
{
	struct found *f = ctx;

	assert_true(number > f->last_number);
	f->last_number = number;
	assert_true(line.n > 0 && line.n < sizeof(f->last));
	assert_null(memchr(line.p, '\n', line.n));
	memcpy(f->last, line.p, line.n);
	f->last[line.n] = '\0';
	f->last_run = run;
	return ++f->n != f->stop_at;
}

static struct found
found(const char *needle, unsigned stop_at, unsigned files)
{
	struct found f = { .stop_at = stop_at };
	struct dg_err e = { 0 };
	unsigned n;

	assert_int_equal(
	    dg_journal_read(path, dg_str(needle), on_line, &f, &n, &e), DG_OK);
	assert_int_equal(n, files);
	return f;
}

static void
no_log(const char *line, size_t n)
{
	(void)line;
	(void)n;
}

static void
events_of_messages_and_sessions_are_kept_as_json(void **state)
{
	struct stat st;
	struct found f;

	(void)state;
	open_it(1 << 20);
	dg_log_divert(no_log); /* and the log itself is text */
	dg_log(DG_LOG_INFO, "listen", dg_kv_z("address", "127.0.0.1:25"));
	dg_log(DG_LOG_INFO, "accept", dg_kv_z("id", "abc"),
	    dg_kv_z("to", "\"x\"@y"));
	dg_log(DG_LOG_WARN, "peer", dg_kv_z("session", "0-1"));
	dg_log(DG_LOG_INFO, "hop", dg_kv_z("id", ""));
	dg_log(DG_LOG_DEBUG, "hop", dg_kv_z("id", "abc"));
	f = found("", 0, 1);
	assert_int_equal(f.n, 2);
	assert_non_null(strstr(f.last, "\"event\":\"peer\",\"session\":\"0-1\"}"));
	f = found("\"id\":\"abc\"", 0, 1);
	assert_int_equal(f.n, 1);
	assert_non_null(strstr(f.last, "\"to\":\"\\\"x\\\"@y\"}"));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void
a_thread_that_gathers_writes_at_a_flush_or_a_warning(void **state)
{
	(void)state;
	open_it(1 << 20);
	dg_log_divert(no_log);
	dg_log_gather(true);
	dg_log(DG_LOG_INFO, "e", dg_kv_z("id", "1"));
	assert_int_equal(found("", 0, 1).n, 0);
	dg_log_flush();
	assert_int_equal(found("", 0, 1).n, 1);
	dg_log(DG_LOG_INFO, "e", dg_kv_z("id", "2"));
	dg_log(DG_LOG_WARN, "e", dg_kv_z("id", "3"));
	assert_int_equal(found("", 0, 1).n, 3);
	dg_log(DG_LOG_INFO, "e", dg_kv_z("id", "4"));
	dg_log_gather(false);
	assert_int_equal(found("", 0, 1).n, 4);
}

static void
it_is_turned_over_at_its_size_and_no_line_is_torn(void **state)
{
	struct stat a, b;

	(void)state;
	open_it(1000);
	for (int i = 0; i < 1000; i++) {
		char line[80];

		snprintf(line, sizeof(line), "{\"id\":\"%04d\",\"x\":%d}\n", i,
		    i * i);
		dg_journal_put(dg_str(line));
		assert_int_equal(stat(path, &a), 0);
		assert_in_range(a.st_size, 1, 1000);
	}
	assert_int_equal(stat(older, &b), 0);
	assert_in_range(b.st_size, 900, 1000);
	assert_int_equal(dg_journal_dropped(), 0);
	assert_non_null(strstr(found("", 0, 2).last, "\"0999\""));
	assert_non_null(strstr(found("", 1, 2).last, "{\"id\":\"09"));
}

enum { THREADS = 4, LINES = 2000 };

static void *
writes(void *ctx)
{
	dg_journal_gather(true);
	for (int i = 0; i < LINES; i++) {
		char line[80];

		snprintf(line, sizeof(line), "{\"t\":%d,\"n\":%d,\"end\":1}\n",
		    *(int *)ctx, i);
		dg_journal_put(dg_str(line));
		if (i % 7 == 0)
			dg_journal_flush();
	}
	dg_journal_gather(false);
	return NULL;
}

static bool
is_whole(void *ctx, unsigned run, uint64_t number, struct dg_str line)
{
	char text[100];
	int t, n, end = 0;

	(void)run;
	(void)number;
	assert_true(line.n < sizeof(text));
	memcpy(text, line.p, line.n);
	text[line.n] = '\0';
	assert_int_equal(
	    sscanf(text, "{\"t\":%d,\"n\":%d,\"end\":1}%n", &t, &n, &end), 2);
	assert_int_equal(end, line.n);
	++*(unsigned *)ctx;
	return true;
}

static void
threads_turn_it_over_while_somebody_reads(void **state)
{
	pthread_t threads[THREADS];
	int numbers[THREADS];
	struct dg_err e = { 0 };
	unsigned lines = 0, n;

	(void)state;
	open_it(20000);
	for (int i = 0; i < THREADS; i++) {
		numbers[i] = i;
		pthread_create(&threads[i], NULL, writes, &numbers[i]);
	}
	for (int i = 0; i < 50; i++)
		assert_int_equal(dg_journal_read(path, DG_NOSTR, is_whole,
				     &lines, &n, &e), DG_OK);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	lines = 0;
	assert_int_equal(
	    dg_journal_read(path, DG_NOSTR, is_whole, &lines, &n, &e), DG_OK);
	assert_true(lines > 500);
	assert_int_equal(dg_journal_dropped(), 0);
}

static void
what_a_full_disk_refuses_is_dropped_counted_and_not_torn(void **state)
{
	struct rlimit was, small = { 100, RLIM_INFINITY };

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	open_it(1 << 20);
	dg_journal_put(DG_STR("{\"id\":\"first\"}\n"));
	getrlimit(RLIMIT_FSIZE, &was);
	small.rlim_max = was.rlim_max;
	setrlimit(RLIMIT_FSIZE, &small);
	for (int i = 0; i < 10; i++) /* 14 bytes are there; five fit */
		dg_journal_put(DG_STR("{\"id\":\"0123456\"}\n"));
	setrlimit(RLIMIT_FSIZE, &was);
	assert_int_equal(dg_journal_dropped(), 5);
	dg_journal_put(DG_STR("{\"id\":\"last\"}\n"));
	assert_string_equal(found("", 0, 1).last, "{\"id\":\"last\"}");
	assert_int_equal(found("", 0, 1).n, 7);
}

static void
while_it_is_paused_lines_are_dropped_and_counted(void **state)
{
	(void)state;
	open_it(1 << 20);
	dg_journal_pause(true);
	dg_journal_put(DG_STR("{\"id\":\"1\"}\n"));
	dg_journal_gather(true);
	dg_journal_put(DG_STR("{\"id\":\"2\"}\n"));
	dg_journal_put(DG_STR("{\"id\":\"3\"}\n"));
	dg_journal_gather(false);
	dg_journal_pause(false);
	dg_journal_put(DG_STR("{\"id\":\"4\"}\n"));
	assert_int_equal(dg_journal_dropped(), 3);
	assert_int_equal(found("", 0, 1).n, 1);
}

static void
a_torn_end_spoils_no_later_line(void **state)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0644);

	(void)state;
	assert_int_equal(write(fd, "{\"id\":\"1\"}\n{\"id\":", 17), 17);
	close(fd);
	assert_int_equal(found("", 0, 1).n, 1); /* the torn one is left out */
	open_it(1 << 20);
	dg_journal_put(DG_STR("{\"id\":\"2\"}\n"));
	assert_string_equal(found("", 0, 1).last, "{\"id\":\"2\"}");
}

static void
runs_are_told_apart(void **state)
{
	(void)state;
	assert_int_equal(found("", 0, 0).n, 0); /* no file, no lines */
	open_it(1 << 20);
	dg_journal_put(DG_STR("{\"session\":\"0-1\"}\n"));
	dg_journal_put(DG_STR("{\"event\":\"journal\"}\n"));
	dg_journal_put(DG_STR("{\"session\":\"0-1\"}\n"));
	assert_int_equal(found("0-1", 1, 1).last_run, 1);
	assert_int_equal(found("0-1", 0, 1).last_run, 2);
}

static void
a_link_in_its_place_is_not_followed(void **state)
{
	struct dg_err e = { 0 };

	(void)state;
	assert_int_equal(symlink(older, path), 0);
	assert_int_equal(dg_journal_open(path, 1000, &e), DG_E_IO);
	assert_false(dg_journal_is_open());
	assert_int_equal(access(older, F_OK), -1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0644), 0); /* nor is what is no file */
	assert_int_equal(dg_journal_open(path, 1000, &e), DG_E_IO);
	dg_log_divert(no_log);
	dg_log(DG_LOG_INFO, "e", dg_kv_z("id", "1")); /* and nothing happens */
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(events_of_messages_and_sessions_are_kept_as_json),
		T(a_thread_that_gathers_writes_at_a_flush_or_a_warning),
		T(it_is_turned_over_at_its_size_and_no_line_is_torn),
		T(threads_turn_it_over_while_somebody_reads),
		T(what_a_full_disk_refuses_is_dropped_counted_and_not_torn),
		T(while_it_is_paused_lines_are_dropped_and_counted),
		T(a_torn_end_spoils_no_later_line),
		T(runs_are_told_apart),
		T(a_link_in_its_place_is_not_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
