/* listener.c - sockets that accept.
 *
 * One socket a worker on the same address: the kernel spreads connections by
 * their hash, and no worker wakes for another's.  SO_REUSEPORT would also let a
 * second program of the same user share the port without a word, so a probe
 * without it is bound first: it is refused where anybody listens already.
 */
#include "dragoman/net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/listener.h>

#include "address.h"
#include "dragoman/base/buf.h"
#include "dragoman/base/log.h"
#include "turn.h"

enum {
	BACKLOG = 4096, /* the kernel cuts it to net.core.somaxconn */
	PAUSE_MS = 100,
	COMPLAIN_MS = 60 * 1000,
};

static enum dg_rc
cannot(struct dg_str address, const char *what, int error, struct dg_err *e)
{
	char words[128];
	const char *why = words;

	if (error == EADDRINUSE)
		why = "another program listens there already";
	else if (error == EACCES)
		why = "permission denied (a port below 1024 needs root or "
		      "CAP_NET_BIND_SERVICE)";
	else if (error == EADDRNOTAVAIL)
		why = "this machine has no such address";
	else if (error == EAFNOSUPPORT)
		why = "this machine has no IPv6";
	else
		dg_errno_words(error, words, sizeof(words));
	return dg_fail(e, DG_E_IO, 0, NULL, "cannot %s %.*s: %s", what,
	    DG_FMT(address), why);
}

/* A bound socket, or -1 and errno. */
static int
bind_one(const struct dg_address *a, bool is_shared)
{
	int family = a->ss.ss_family;
	int one = 1;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	/* "[::]:25" beside "0.0.0.0:25" */
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (is_shared)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&a->ss, a->n) != 0) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

/* Is the address free?  With port 0, one is chosen. */
static bool
probe(struct dg_address *a)
{
	int fd = bind_one(a, false);
	int error = 0;

	if (fd < 0)
		return false;
	if (listen(fd, 1) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a->ss, &a->n) != 0)
		error = errno;
	close(fd);
	errno = error;
	return error == 0;
}

enum dg_rc
dg_listen(struct dg_str address, unsigned n, int *fds, struct dg_buf *bound,
    struct dg_err *e)
{
	struct dg_str host;
	struct dg_address a;
	unsigned port, made = 0;
	char text[DG_ADDRESS_ROOM], full[DG_ADDRESS_ROOM + 8];
	enum dg_rc rc;

	if (!dg_address_split(address, 25, &host, &port) ||
	    !dg_address_literal(host, port, &a))
		return dg_fail(e, DG_E_CONFIG, 0, NULL,
		    "cannot listen on \"%.*s\": an address and a port are "
		    "expected, like 0.0.0.0:25 or [::]:25",
		    DG_FMT(address));
	if (!probe(&a)) {
		rc = cannot(address, "listen on", errno, e);
		goto fail;
	}
	for (; made < n; made++) {
		fds[made] = bind_one(&a, n > 1);
		if (fds[made] < 0) {
			rc = cannot(address, "listen on", errno, e);
			goto fail;
		}
		if (listen(fds[made], BACKLOG) != 0) {
			rc = cannot(address, "listen on", errno, e);
			made++;
			goto fail;
		}
	}
	if (bound != NULL) {
		dg_address_text(&a, text, sizeof(text));
		dg_address_port_text(dg_str(text), dg_address_port(&a), full,
		    sizeof(full));
		dg_buf_reset(bound);
		rc = dg_buf_adds(bound, full);
		if (rc != DG_OK)
			goto fail;
	}
	return DG_OK;
fail:
	while (made > 0)
		close(fds[--made]);
	return rc;
}

/* ---- accepting ---- */

struct dg_listener {
	struct evconnlistener *lev;
	struct event *pause;
	dg_accept_fn *fn;
	void *ctx; /* the owner's, who frees the listener first */
	int64_t complain_at_ms;
};

static void
on_accept(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *sa,
    int sa_n, void *ctx)
{
	struct dg_listener *li = ctx;

	(void)lev;
	(void)sa;
	(void)sa_n;
	li->fn(li->ctx, fd); /* may free li: the library holds a reference */
}

/* Waiting helps: connections end, and those that wait are in the backlog. */
static void
on_error(struct evconnlistener *lev, void *ctx)
{
	struct dg_listener *li = ctx;
	int error = errno;
	int64_t now = dg_loop_now_ms();
	struct timeval tv = dg_loop_timeval(PAUSE_MS);
	char words[128];

	evconnlistener_disable(lev);
	evtimer_add(li->pause, &tv);
	if (now < li->complain_at_ms)
		return;
	li->complain_at_ms = now + COMPLAIN_MS;
	if (strerror_r(error, words, sizeof(words)) != 0)
		snprintf(words, sizeof(words), "error %d", error);
	dg_log(DG_LOG_WARN, "accept-failed", dg_kv_z("why", words));
}

static void
on_pause_over(evutil_socket_t fd, short what, void *ctx)
{
	struct dg_listener *li = ctx;

	(void)fd;
	(void)what;
	evconnlistener_enable(li->lev);
}

struct dg_listener *
dg_listener_new(struct dg_loop *l, int own_fd, dg_accept_fn *fn, void *ctx)
{
	struct dg_listener *li = dg_alloc0(sizeof(*li));
	struct event_base *base = dg_loop_base(l);

	li->fn = fn;
	li->ctx = ctx;
	li->lev = evconnlistener_new(base, on_accept, li,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, own_fd);
	li->pause = evtimer_new(base, on_pause_over, li);
	if (li->lev == NULL || li->pause == NULL) {
		dg_log(DG_LOG_ERROR, "no-memory", dg_kv_z("for", "listener"));
		abort();
	}
	evconnlistener_set_error_cb(li->lev, on_error);
	return li;
}

void
dg_listener_free(struct dg_listener *li)
{
	if (li == NULL)
		return;
	event_free(li->pause);
	evconnlistener_free(li->lev);
	free(li);
}
