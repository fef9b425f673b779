/*
 * control.c - the control socket: a UNIX socket, one request line, an answer.
 *
 * Request: "reload\n".  Answer: "exit 0\n", then text to the end.  It runs on
 * the control thread, which may wait: a request has two seconds to be said and
 * its answer two to be taken, however slowly the bytes drip, so that a stuck
 * client holds up reloads and the end of the process for that long at most.
 */
#include "app.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "dragoman/base/clock.h"
#include "dragoman/net/loop.h"

enum {
	REQUEST_MAX = 4096,
	ANSWER_MAX = 64 * 1024 * 1024,
	SAY_MS = 2000,
	TAKE_MS = 2000,
};

struct app_control {
	int fd;
	char *path;
	struct dg_watch *watch;
	app_control_fn *fn;
	void *ctx;
};

static enum dg_rc
address_of(const char *path, struct sockaddr_un *a, struct dg_err *e)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(a->sun_path))
		return dg_fail(e, DG_E_CONFIG, 0, NULL,
		    "control: %s is longer than a socket's path may be (%zu)",
		    path, sizeof(a->sun_path) - 1);
	memcpy(a->sun_path, path, strlen(path) + 1);
	return DG_OK;
}

/* False: it is later than that. */
static bool
wait_for(int fd, short events, int64_t end_ms)
{
	struct pollfd f = { .fd = fd, .events = events };
	int n;

	do {
		int64_t left = end_ms - dg_mono_ms();

		n = left > 0 ? poll(&f, 1, (int)left) : 0;
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

static void
write_all(int fd, struct dg_str s, int64_t end_ms)
{
	while (s.n > 0 && wait_for(fd, POLLOUT, end_ms)) {
		ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return;
		s = dg_str_from(s, (size_t)n);
	}
}

/* A file may come along; a second one is closed. */
static ssize_t
receive(int fd, char *p, size_t n, int *passed)
{
	union {
		struct cmsghdr head; /* for its alignment */
		char room[CMSG_SPACE(sizeof(int))];
	} more = { 0 };
	struct iovec v = { p, n };
	struct msghdr m = { .msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = &more,
		.msg_controllen = sizeof(more) };
	ssize_t got = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	const struct cmsghdr *c = got >= 0 ? CMSG_FIRSTHDR(&m) : NULL;

	if (c == NULL || c->cmsg_level != SOL_SOCKET ||
	    c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_len != CMSG_LEN(sizeof(int)))
		return got;
	if (*passed >= 0)
		close(*passed);
	memcpy(passed, CMSG_DATA(c), sizeof(*passed));
	return got;
}

/* One line; nothing when it has no end: half of a request may say more than
 * the whole (which messages to drop). */
static struct dg_str
read_line(int fd, char *line, size_t room, int *passed)
{
	int64_t end_ms = dg_mono_ms() + SAY_MS;
	size_t n = 0;

	while (n < room && wait_for(fd, POLLIN, end_ms)) {
		ssize_t got = receive(fd, line + n, room - n, passed);

		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got <= 0)
			break;
		n += (size_t)got;
		if (line[n - 1] == '\n')
			return dg_str_trim(dg_str_of(line, n - 1));
	}
	return DG_NOSTR;
}

static void
on_request(void *ctx)
{
	struct app_control *c = ctx;
	char line[REQUEST_MAX], head[32];
	struct dg_buf out;
	struct dg_str verb;
	int64_t end_ms;
	int code;
	int fd = accept(c->fd, NULL, NULL);
	int passed = -1;

	if (fd < 0)
		return;
	verb = read_line(fd, line, sizeof(line), &passed);
	dg_buf_init(&out, ANSWER_MAX);
	code = c->fn(c->ctx, verb, passed, &out);
	if (passed >= 0)
		close(passed);
	snprintf(head, sizeof(head), "exit %d\n", code);
	end_ms = dg_mono_ms() + TAKE_MS;
	write_all(fd, dg_str(head), end_ms);
	write_all(fd, dg_buf_str(&out), end_ms);
	dg_buf_fini(&out);
	close(fd);
}

/* A socket nobody listens on is left from a dead process: replace it.  A file
 * that is no socket refuses a connection too, and is somebody's. */
static bool
is_stale(const char *path, const struct sockaddr_un *a)
{
	struct stat st;
	int fd;
	bool stale;

	if (lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	stale = fd >= 0 &&
	    connect(fd, (const struct sockaddr *)a, sizeof(*a)) != 0 &&
	    errno == ECONNREFUSED;
	if (fd >= 0)
		close(fd);
	return stale;
}

enum dg_rc
dg_app_control_open(struct dg_loop *l, const char *path, app_control_fn *fn,
    void *ctx, struct app_control **out, struct dg_err *e)
{
	struct sockaddr_un a;
	struct app_control *c;
	int fd;

	if (address_of(path, &a, e) != DG_OK)
		return e->rc;
	if (is_stale(path, &a))
		(void)unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    bind(fd, (const struct sockaddr *)&a, sizeof(a)) != 0 ||
	    chmod(path, 0660) != 0 || listen(fd, 16) != 0) {
		(void)dg_fail(e, DG_E_CONFIG, 0, NULL,
		    "control: cannot open %s: %s", path,
		    errno == EADDRINUSE
			? "another dragoman uses it, or it is no socket"
			: strerror(errno));
		if (fd >= 0)
			close(fd);
		return e->rc;
	}
	c = dg_alloc0(sizeof(*c));
	c->fd = fd;
	c->path = dg_strdup(path);
	c->fn = fn;
	c->ctx = ctx;
	c->watch = dg_watch_new(l, fd, on_request, c);
	*out = c;
	return DG_OK;
}

void
dg_app_control_close(struct app_control *c)
{
	if (c == NULL)
		return;
	dg_watch_free(c->watch);
	close(c->fd);
	(void)unlink(c->path);
	free(c->path);
	free(c);
}

int
dg_app_control_reach(const char *path, struct dg_err *e)
{
	struct sockaddr_un a;
	int fd;

	if (address_of(path, &a, e) != DG_OK)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	(void)dg_fail(e, DG_E_ABSENT, 0, NULL,
	    "cannot reach the relay at %s: %s (is it running?)", path,
	    strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* The line's first byte takes the file along. */
static void
pass(int fd, char first, int file)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} more = { 0 };
	struct iovec v = { &first, 1 };
	struct msghdr m = { .msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = &more,
		.msg_controllen = sizeof(more) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &file, sizeof(int));
	(void)sendmsg(fd, &m, MSG_NOSIGNAL);
}

int
dg_app_control_hear(int fd, const char *verb, int file, struct dg_buf *out)
{
	char *line = dg_sprintf("%s\n", verb);
	int code = 1;

	if (file >= 0)
		pass(fd, line[0], file);
	write_all(fd, dg_str(line + (file >= 0)), dg_mono_ms() + SAY_MS);
	free(line);
	while (dg_buf_reserve(out, 65536) == DG_OK) {
		ssize_t n = recv(fd, out->p + out->n, 65536, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		out->n += (size_t)n;
	}
	if (sscanf(dg_buf_z(out), "exit %d\n", &code) != 1) {
		dg_buf_reset(out);
		(void)dg_buf_adds(out, "dragoman: the relay gave no answer\n");
		return 1;
	}
	dg_buf_eat(out, dg_str_find(dg_buf_str(out), '\n') + 1);
	return code;
}

int
dg_app_control_talk(int fd, const char *verb)
{
	struct dg_buf in;
	int code;

	dg_buf_init(&in, ANSWER_MAX);
	code = dg_app_control_hear(fd, verb, -1, &in);
	if (in.n > 0)
		fwrite(in.p, 1, in.n, code == 0 ? stdout : stderr);
	dg_buf_fini(&in);
	return code;
}

int
dg_app_control_ask(const char *path, const char *verb)
{
	struct dg_err e = { 0 };
	int fd = dg_app_control_reach(path, &e);
	int code;

	if (fd < 0) {
		fprintf(stderr, "dragoman: %s\n", e.text);
		return e.rc == DG_E_CONFIG ? 2 : 1;
	}
	code = dg_app_control_talk(fd, verb);
	close(fd);
	return code;
}
