#ifndef TESTS_UNIT_NET_HELP_H
#define TESTS_UNIT_NET_HELP_H

/* help.h - what the tests of this floor share: cmocka, a note of what a
 * connection told, and waiting for something to become true. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "dragoman/base/buf.h"
#include "dragoman/net/conn.h"

/* What a connection told, as letters in order: I D T E L X C (deadline: X). */
struct ear {
	char told[64];
	size_t n;
	struct dg_buf got; /* input, eaten as it comes when eats */
	bool eats;
	int at; /* the connection is freed inside this event; -1: none */
};

static inline void
ear_init(struct ear *e)
{
	*e = (struct ear){ .eats = true, .at = -1 };
	dg_buf_init(&e->got, 64u << 20);
}

static inline void
hear(void *ctx, struct dg_conn *c, enum dg_conn_event ev)
{
	static const char letters[] = "IDTELXC";
	struct ear *e = ctx;
	struct dg_str in;

	/* many pieces of input are one letter */
	if (e->n + 1 < sizeof(e->told) &&
	    !(e->n > 0 && e->told[e->n - 1] == letters[ev]))
		e->told[e->n++] = letters[ev];
	if (ev == DG_CONN_INPUT && e->eats) {
		in = dg_conn_input(c);
		assert_int_equal(dg_buf_add(&e->got, in), DG_OK);
		dg_conn_eat(c, in.n);
	}
	if (e->at == (int)ev)
		dg_conn_free(c);
}

static inline int64_t
real_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Turn the loop until cond holds; fail after 10 s. */
#define TURN_UNTIL(loop, cond) \
	do { \
		int64_t turn_end_ = real_ms() + 10000; \
		while (!(cond)) { \
			if (real_ms() > turn_end_) \
				fail_msg("never came: %s", #cond); \
			dg_loop_turn(loop, 20); \
		} \
	} while (0)

/* Turn until nothing has happened for a while. */
static inline void
settle(struct dg_loop *l)
{
	for (int i = 0; i < 30; i++)
		dg_loop_turn(l, 2);
}

/* A connected pair of TCP sockets on the loopback. */
static inline void
tcp_pair(int fds[2])
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);
	int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(listening, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(listening, 4), 0);
	getsockname(listening, (struct sockaddr *)&a, &n);
	fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fds[0], (struct sockaddr *)&a, n), 0);
	fds[1] = accept(listening, NULL, NULL);
	assert_true(fds[1] >= 0);
	close(listening);
	for (int i = 0; i < 2; i++)
		fcntl(fds[i], F_SETFL, fcntl(fds[i], F_GETFL) | O_NONBLOCK);
}

/* A listener whose backlog is full drops what comes, as a black hole does: at
 * 127.0.0.2. */
static inline int
black_hole(int port, int *own_fillers, int n_fillers)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	a.sin_port = htons((uint16_t)port);
	a.sin_addr.s_addr = htonl(0x7f000002); /* 127.0.0.2 */
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 0), 0);
	for (int i = 0; i < n_fillers; i++) {
		own_fillers[i] =
		    socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(own_fillers[i], (struct sockaddr *)&a, sizeof(a));
	}
	return fd;
}

static inline bool
ear_got(const struct ear *e, const char *z)
{
	return dg_str_is(dg_buf_str(&e->got), z);
}

#endif
