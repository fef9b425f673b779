/*
 * control_test.c - the control socket: whose place it takes, and how long a
 * client may hold it up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../../core/app/app.h"
#include "dragoman/base/clock.h"
#include "dragoman/net/loop.h"

static char dir[] = "/tmp/dragoman-control-XXXXXX";
static char path[64];
static struct dg_loop *loop;
static struct app_control *control;
static char asked[64];
static size_t answer_bytes;
static bool has_file;

static int
answer(void *ctx, struct dg_str verb, int passed, struct dg_buf *out)
{
	(void)ctx;
	has_file = passed >= 0 && fcntl(passed, F_GETFD) >= 0;
	snprintf(asked, sizeof(asked), "%.*s", DG_FMT(verb));
	for (size_t i = 0; i < answer_bytes; i++)
		(void)dg_buf_addc(out, 'x');
	dg_loop_stop(loop);
	return 0;
}

static enum dg_rc
open_control(struct dg_err *e)
{
	return dg_app_control_open(loop, path, answer, NULL, &control, e);
}

static int
setup(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/control", dir);
	loop = dg_loop_new();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	dg_loop_free(loop);
	(void)unlink(path);
	return rmdir(dir);
}

static int
dial(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void
a_file_that_is_no_socket_is_left_alone(void **state)
{
	struct dg_err e = { 0 };
	struct stat st;
	FILE *f = fopen(path, "w");

	(void)state;
	assert_non_null(f);
	fputs("somebody's", f);
	fclose(f);
	assert_int_not_equal(open_control(&e), DG_OK);
	assert_non_null(strstr(e.text, "no socket"));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 10);
	assert_int_equal(unlink(path), 0);
}

static void
a_stale_socket_is_replaced_and_a_live_one_is_not(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct app_control *first;
	struct dg_err e = { 0 };
	struct stat st;

	(void)state;
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	close(fd);
	assert_int_equal(open_control(&e), DG_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	first = control;
	assert_int_not_equal(open_control(&e), DG_OK);
	assert_non_null(strstr(e.text, "another dragoman"));
	dg_app_control_close(first);
	assert_int_equal(stat(path, &st), -1);
}

static void *
drip(void *ctx)
{
	int fd = *(int *)ctx;

	for (int i = 0; i < 400; i++) {
		if (send(fd, "r", 1, MSG_NOSIGNAL) != 1)
			break;
		usleep(20 * 1000);
	}
	return NULL;
}

static void
who_drips_a_request_is_not_waited_for(void **state)
{
	struct dg_err e = { 0 };
	pthread_t thread;
	int64_t began;
	int fd;

	(void)state;
	answer_bytes = 0;
	assert_int_equal(open_control(&e), DG_OK);
	fd = dial();
	began = dg_mono_ms();
	assert_int_equal(pthread_create(&thread, NULL, drip, &fd), 0);
	dg_loop_run(loop);
	assert_true(dg_mono_ms() - began < 4000);
	dg_app_control_close(control);
	pthread_join(thread, NULL);
	close(fd);
}

static void *
sip(void *ctx)
{
	int fd = *(int *)ctx;
	char bytes[4096];

	for (int i = 0; i < 400; i++) {
		if (recv(fd, bytes, sizeof(bytes), 0) <= 0)
			break;
		usleep(50 * 1000);
	}
	return NULL;
}

static void
who_sips_an_answer_is_not_waited_for(void **state)
{
	struct dg_err e = { 0 };
	pthread_t thread;
	int64_t began;
	int fd;

	(void)state;
	answer_bytes = 8 * 1024 * 1024;
	assert_int_equal(open_control(&e), DG_OK);
	fd = dial();
	began = dg_mono_ms();
	assert_int_equal(send(fd, "status\n", 7, 0), 7);
	assert_int_equal(pthread_create(&thread, NULL, sip, &fd), 0);
	dg_loop_run(loop);
	assert_string_equal(asked, "status");
	assert_true(dg_mono_ms() - began < 4000);
	dg_app_control_close(control);
	shutdown(fd, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(fd);
}

static void *
ask_with_a_file(void *ctx)
{
	struct dg_buf *out = ctx;
	int fd = dial(), file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	(void)dg_app_control_hear(fd, "status", file, out);
	close(file);
	close(fd);
	return NULL;
}

static unsigned
open_files(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void
a_file_comes_along_and_is_closed_again(void **state)
{
	struct dg_err e = { 0 };
	struct dg_buf out;
	unsigned before;
	pthread_t thread;

	(void)state;
	answer_bytes = 3;
	dg_buf_init(&out, 1024 * 1024);
	assert_int_equal(open_control(&e), DG_OK);
	before = open_files();
	assert_int_equal(
	    pthread_create(&thread, NULL, ask_with_a_file, &out), 0);
	dg_loop_run(loop);
	pthread_join(thread, NULL);
	assert_true(has_file);
	assert_string_equal(asked, "status");
	assert_string_equal(dg_buf_z(&out), "xxx");
	assert_int_equal(open_files(), before);
	dg_app_control_close(control);
	dg_buf_fini(&out);
}

/* Half of a request may ask for more than the whole. */
static void
a_line_without_an_end_asks_for_nothing(void **state)
{
	struct dg_err e = { 0 };
	int fd;

	(void)state;
	answer_bytes = 0;
	assert_int_equal(open_control(&e), DG_OK);
	fd = dial();
	assert_int_equal(send(fd, "status", 6, 0), 6);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	dg_loop_run(loop);
	assert_string_equal(asked, "");
	assert_false(has_file);
	dg_app_control_close(control);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_that_is_no_socket_is_left_alone),
		cmocka_unit_test(
		    a_stale_socket_is_replaced_and_a_live_one_is_not),
		cmocka_unit_test(a_file_comes_along_and_is_closed_again),
		cmocka_unit_test(a_line_without_an_end_asks_for_nothing),
		cmocka_unit_test(who_drips_a_request_is_not_waited_for),
		cmocka_unit_test(who_sips_an_answer_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
