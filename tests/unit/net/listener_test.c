/* listener_test.c - sockets that share an address, and running out of
 * descriptors. */
#include "tests/unit/net/help.h"

#include <sys/resource.h>

#include "dragoman/base/log.h"
#include "dragoman/net/listener.h"

enum {
	SOCKETS = 4,
	CALLS = 64
};

struct door {
	struct dg_listener *li;
	int n;
	int last;
	bool frees;
};

static void
on_accept(void *ctx, int own_fd)
{
	struct door *d = ctx;

	d->n++;
	d->last = own_fd;
	/* what conn wants is there already */
	assert_true(fcntl(own_fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(own_fd, F_GETFD) & FD_CLOEXEC);
	if (d->frees)
		dg_listener_free(d->li);
	close(own_fd);
}

static int
call(const char *address)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	const char *colon = strrchr(address, ':');
	in_port_t port = htons((uint16_t)strtol(colon + 1, NULL, 10));
	bool is_v6 = address[0] == '[';
	int fd =
	    socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	v4.sin_port = v6.sin6_port = port;
	v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	v6.sin6_addr = in6addr_loopback;
	if (connect(fd, is_v6 ? (void *)&v6 : (void *)&v4,
		is_v6 ? sizeof(v6) : sizeof(v4)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void
four_sockets_share_one_free_port(void **state)
{
	static const char *const addresses[] = { "127.0.0.1:0", "[::1]:0" };

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		struct dg_loop *l = dg_loop_new();
		struct door doors[SOCKETS] = { 0 };
		struct dg_buf bound;
		struct dg_err e;
		int fds[SOCKETS], calls[CALLS], n = 0, busy = 0;

		dg_buf_init(&bound, 100);
		assert_int_equal(dg_listen(dg_str(addresses[k]), SOCKETS, fds,
				     &bound, &e),
		    DG_OK);
		assert_false(
		    dg_str_has_suffix(dg_buf_str(&bound), DG_STR(":0")));
		for (int i = 0; i < SOCKETS; i++)
			doors[i].li =
			    dg_listener_new(l, fds[i], on_accept, &doors[i]);
		for (int i = 0; i < CALLS; i++)
			assert_true((calls[i] = call(dg_buf_z(&bound))) >= 0);
		settle(l);
		for (int i = 0; i < SOCKETS; i++) {
			n += doors[i].n;
			busy += doors[i].n > 0;
			dg_listener_free(doors[i].li);
		}
		assert_int_equal(n, CALLS);
		assert_true(busy > 1); /* the kernel spreads them */
		for (int i = 0; i < CALLS; i++)
			close(calls[i]);
		/* closed is closed */
		dg_loop_turn(l, 0);
		assert_int_equal(call(dg_buf_z(&bound)), -1);
		dg_buf_fini(&bound);
		dg_loop_free(l);
	}
}

static void
a_busy_address_is_refused_though_the_port_could_be_shared(void **state)
{
	struct dg_buf bound;
	struct dg_err e;
	int first[2], second[2];

	(void)state;
	dg_buf_init(&bound, 100);
	assert_int_equal(dg_listen(DG_STR("127.0.0.1:0"), 2, first, &bound, &e),
	    DG_OK);
	assert_int_equal(dg_listen(dg_buf_str(&bound), 2, second, NULL, &e),
	    DG_E_IO);
	assert_non_null(
	    strstr(e.text, ": another program listens there already"));
	assert_non_null(strstr(e.text, dg_buf_z(&bound)));
	close(first[0]);
	close(first[1]);
	/* and can be had again at once */
	assert_int_equal(dg_listen(dg_buf_str(&bound), 2, second, NULL, &e),
	    DG_OK);
	close(second[0]);
	close(second[1]);
	dg_buf_fini(&bound);
}

static void
both_kinds_of_any_address_share_a_port(void **state)
{
	struct dg_buf bound;
	struct dg_err e;
	char v6[64];
	int a, b;

	(void)state;
	dg_buf_init(&bound, 100);
	assert_int_equal(dg_listen(DG_STR("0.0.0.0:0"), 1, &a, &bound, &e),
	    DG_OK);
	snprintf(v6, sizeof(v6), "[::]%s", strrchr(dg_buf_z(&bound), ':'));
	assert_int_equal(dg_listen(dg_str(v6), 1, &b, &bound, &e), DG_OK);
	assert_true(dg_str_is(dg_buf_str(&bound), v6));
	close(a);
	close(b);
	dg_buf_fini(&bound);
}

static const struct {
	const char *why, *address, *says;
} bad_cases[] = {
	{ "a name", "localhost:25", "an address and a port are expected" },
	{ "no port that is one", "127.0.0.1:http",
	    "an address and a port are expected" },
	{ "nothing", "", "an address and a port are expected" },
	{ "not here", "192.0.2.1:0", "this machine has no such address" },
};

static void
addresses_that_cannot_be_had_are_said_in_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_cases) / sizeof(bad_cases[0]); i++) {
		struct dg_err e = { .rc = DG_OK };
		int fds[2];

		print_message("  %s\n", bad_cases[i].why);
		assert_int_not_equal(dg_listen(dg_str(bad_cases[i].address), 2,
					 fds, NULL, &e),
		    DG_OK);
		if (strstr(e.text, bad_cases[i].says) == NULL)
			fail_msg("says: %s", e.text);
	}
}

static int complaints;

static void
count_complaints(const char *line, size_t n)
{
	(void)n;
	complaints += strstr(line, "accept-failed") != NULL;
}

static void
without_descriptors_it_waits_and_says_so_once(void **state)
{
	struct dg_loop *l = dg_loop_new();
	struct door d = { 0 };
	struct dg_buf bound;
	struct dg_err e;
	struct rlimit was, tight;
	int fd, caller;

	(void)state;
	dg_buf_init(&bound, 100);
	assert_int_equal(dg_listen(DG_STR("127.0.0.1:0"), 1, &fd, &bound, &e),
	    DG_OK);
	d.li = dg_listener_new(l, fd, on_accept, &d);
	dg_loop_turn(l, 1);
	caller = call(dg_buf_z(&bound));
	assert_true(caller >= 0);
	getrlimit(RLIMIT_NOFILE, &was);
	tight = was;
	tight.rlim_cur = (rlim_t)caller + 1;
	setrlimit(RLIMIT_NOFILE, &tight);
	dg_log_divert(count_complaints);
	TURN_UNTIL(l, complaints > 0);
	for (int i = 0; i < 15; i++)
		dg_loop_turn(l, 30);
	assert_int_equal(complaints, 1);
	assert_int_equal(d.n, 0);
	setrlimit(RLIMIT_NOFILE, &was);
	TURN_UNTIL(l, d.n == 1);
	dg_log_divert(NULL);
	close(caller);
	dg_listener_free(d.li);
	dg_buf_fini(&bound);
	dg_loop_free(l);
}

static void
it_may_be_freed_by_what_it_calls(void **state)
{
	struct dg_loop *l = dg_loop_new();
	struct door d = { .frees = true };
	struct dg_buf bound;
	struct dg_err e;
	int fd, callers[3];

	(void)state;
	dg_buf_init(&bound, 100);
	assert_int_equal(dg_listen(DG_STR("127.0.0.1:0"), 1, &fd, &bound, &e),
	    DG_OK);
	d.li = dg_listener_new(l, fd, on_accept, &d);
	for (int i = 0; i < 3; i++)
		callers[i] = call(dg_buf_z(&bound));
	settle(l);
	assert_int_equal(d.n, 1);
	for (int i = 0; i < 3; i++)
		close(callers[i]);
	dg_listener_free(NULL);
	dg_buf_fini(&bound);
	dg_loop_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_sockets_share_one_free_port),
		cmocka_unit_test(
		    a_busy_address_is_refused_though_the_port_could_be_shared),
		cmocka_unit_test(both_kinds_of_any_address_share_a_port),
		cmocka_unit_test(
		    addresses_that_cannot_be_had_are_said_in_words),
		cmocka_unit_test(without_descriptors_it_waits_and_says_so_once),
		cmocka_unit_test(it_may_be_freed_by_what_it_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
