/* connect.c - a connection to "host:port" or "unix:/path", or why there is none.
 *
 * One dial is one small struct that goes through: start, (look up), try each
 * address, end.  The time given is for the whole; what is left of it is shared
 * evenly among the addresses not yet tried, so that a silent first one leaves
 * time for the second.  Every end goes through end(), from the loop, once.
 */
#include "dragoman/net/connect.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event.h>

#include "dragoman/base/log.h"
#include "lookup.h"
#include "turn.h"

struct dg_dialer {
	struct dg_loop *loop;
	struct dg_resolver *resolver;
	dg_dial_hook *hook; /* NULL: the network */
	void *hook_ctx;     /* the diverter's, who frees the dialer first */
	LIST_HEAD(, dial) dials;
};

struct dial {
	LIST_ENTRY(dial) next;
	struct dg_dialer *dialer;
	dg_dial_fn *fn;
	void *ctx; /* the asker's, who frees the dialer first */
	uint64_t ticket;
	char *where;
	char *source;
	int64_t end_ms;           /* dg_loop_now_ms() at which it is too late */
	struct dg_lookup *lookup; /* while names are asked */
	struct dg_address from;   /* n == 0: any */
	struct dg_addresses to;
	size_t at; /* of to, the one being tried */
	int fd;
	struct event *io;    /* while connecting */
	struct event *timer; /* the start, or the patience of this step */
	char tried[300];     /* what came of the addresses before */
};

/* ---- the end ---- */

static void
dial_free(struct dial *d)
{
	LIST_REMOVE(d, next);
	dg_lookup_free(d->lookup);
	if (d->io != NULL)
		event_free(d->io);
	event_free(d->timer);
	if (d->fd >= 0)
		close(d->fd);
	free(d->where);
	free(d->source);
	free(d);
}

/* d is gone afterwards, and the dialer may be. */
static void
end(struct dial *d, struct dg_conn *own_conn, const struct dg_err *e)
{
	dg_dial_fn *fn = d->fn;
	void *ctx = d->ctx;
	uint64_t ticket = d->ticket;
	struct dg_err why = { .rc = DG_OK };

	if (e != NULL)
		why = *e;
	dial_free(d);
	fn(ctx, ticket, own_conn, &why);
}

static void
end_unreached(struct dial *d, enum dg_rc rc)
{
	struct dg_err e;

	dg_fail(&e, rc, 451, "4.4.1", "%s", d->tried);
	end(d, NULL, &e);
}

static void
note_failure(struct dial *d, const char *what)
{
	char text[DG_ADDRESS_ROOM], full[DG_ADDRESS_ROOM + 8];
	size_t n = strlen(d->tried);

	dg_address_text(&d->to.v[d->at], text, sizeof(text));
	dg_address_port_text(dg_str(text), dg_address_port(&d->to.v[d->at]),
	    full, sizeof(full));
	snprintf(d->tried + n, sizeof(d->tried) - n, "%s%s %s",
	    n > 0 ? "; " : "", full, what);
}

/* ---- one address after the other ---- */

static void try_from(struct dial *d, size_t at);

static void
let_go(struct dial *d)
{
	if (d->io != NULL)
		event_free(d->io);
	d->io = NULL;
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	evtimer_del(d->timer);
}

static void
connected(struct dial *d)
{
	int fd = d->fd;

	event_free(d->io);
	d->io = NULL;
	d->fd = -1;
	end(d, dg_conn_new(d->dialer->loop, fd, NULL, NULL), NULL);
}

static void
on_connect(evutil_socket_t fd, short what, void *ctx)
{
	struct dial *d = ctx;
	int error = 0;
	socklen_t n = sizeof(error);
	char words[128];

	(void)what;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
		error = errno;
	if (error == 0) {
		connected(d);
		return;
	}
	dg_errno_words(error, words, sizeof(words));
	note_failure(d, words);
	let_go(d);
	try_from(d, d->at + 1);
}

static bool
bind_source(struct dial *d, int fd)
{
	int one = 1;
	char words[192], why[128];

	if (d->from.n == 0)
		return true;
	/* the port is chosen at connect: many may share one then */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&d->from.ss, d->from.n) == 0)
		return true;
	if (errno == EADDRNOTAVAIL) {
		snprintf(words, sizeof(words),
		    "was not called: this machine has no address %s",
		    d->source);
	} else {
		dg_errno_words(errno, why, sizeof(why));
		snprintf(words, sizeof(words),
		    "was not called: source address %s %s", d->source, why);
	}
	note_failure(d, words);
	return false;
}

/* Under way, or false with the reason noted. */
static bool
start_connect(struct dial *d)
{
	const struct dg_address *a = &d->to.v[d->at];
	int64_t left = d->end_ms - dg_loop_now_ms();
	struct timeval tv;
	char words[128];

	if (d->from.n != 0 && d->from.ss.ss_family != a->ss.ss_family) {
		snprintf(words, sizeof(words),
		    "was not called: it is of another kind than source %s",
		    d->source);
		note_failure(d, words);
		return false;
	}
	d->fd = socket(a->ss.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (d->fd >= 0 && !bind_source(d, d->fd))
		return false;
	if (d->fd < 0 ||
	    (connect(d->fd, (const struct sockaddr *)&a->ss, a->n) != 0 &&
		errno != EINPROGRESS && errno != EINTR)) {
		dg_errno_words(errno, words, sizeof(words));
		note_failure(d, words);
		return false;
	}
	d->io = event_new(dg_loop_base(d->dialer->loop), d->fd, EV_WRITE,
	    on_connect, d);
	event_add(d->io, NULL);
	tv = dg_loop_timeval(left / (int64_t)(d->to.n - d->at));
	evtimer_add(d->timer, &tv);
	return true;
}

static void
try_from(struct dial *d, size_t at)
{
	for (d->at = at; d->at < d->to.n; d->at++) {
		if (start_connect(d))
			return;
		let_go(d);
	}
	end_unreached(d, DG_E_IO);
}

/* ---- names ---- */

static void
on_found(void *ctx, const struct dg_addresses *found, const struct dg_err *e)
{
	struct dial *d = ctx;

	d->lookup = NULL; /* it is gone when it answers */
	if (found->n == 0) {
		end(d, NULL, e);
		return;
	}
	d->to = *found;
	try_from(d, 0);
}

static void
look_up(struct dial *d, struct dg_str host, unsigned port)
{
	struct timeval tv = dg_loop_timeval(d->end_ms - dg_loop_now_ms());

	d->lookup = dg_lookup_new(d->dialer->resolver, host, port, on_found, d);
	evtimer_add(d->timer, &tv);
}

/* ---- sockets in the file system ---- */

#define UNIX_PREFIX "unix:"

static void
call_unix(struct dial *d)
{
	const char *path = d->where + strlen(UNIX_PREFIX);
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct dg_err e;
	char words[128];
	int fd;

	if (path[0] != '/' || strlen(path) >= sizeof(to.sun_path)) {
		dg_fail(&e, DG_E_CONFIG, 451, "4.4.4",
		    "\"%s\" is no path of a socket", path);
		end(d, NULL, &e);
		return;
	}
	memcpy(to.sun_path, path, strlen(path) + 1);
	/* connects at once, or not: there is nothing to wait for */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
		if (fd >= 0 && errno == EAGAIN)
			snprintf(words, sizeof(words),
			    "has more connections waiting than it takes");
		else
			dg_errno_words(errno, words, sizeof(words));
		if (fd >= 0)
			close(fd);
		dg_fail(&e, DG_E_IO, 451, "4.4.1", "%s %s", path, words);
		end(d, NULL, &e);
		return;
	}
	end(d, dg_conn_new(d->dialer->loop, fd, NULL, NULL), NULL);
}

/* ---- the start, and patience ---- */

static void
divert(struct dial *d)
{
	struct dg_err e = { .rc = DG_OK };
	struct dg_conn *c =
	    d->dialer->hook(d->dialer->hook_ctx, dg_str(d->where), &e);

	end(d, c, &e);
}

static void
start(struct dial *d)
{
	struct dg_str host;
	unsigned port;
	struct dg_err e;

	if (d->dialer->hook != NULL) {
		divert(d);
		return;
	}
	if (strncmp(d->where, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0) {
		call_unix(d);
		return;
	}
	if (!dg_hostport(dg_str(d->where), &host, &port)) {
		dg_fail(&e, DG_E_CONFIG, 451, "4.4.4",
		    "\"%s\" is not a host or host:port", d->where);
		end(d, NULL, &e);
		return;
	}
	if (d->source[0] != '\0' &&
	    !dg_address_literal(dg_str(d->source), 0, &d->from)) {
		dg_fail(&e, DG_E_CONFIG, 451, "4.4.0",
		    "source \"%s\" is not an address", d->source);
		end(d, NULL, &e);
		return;
	}
	if (!dg_address_literal(host, port, &d->to.v[0])) {
		look_up(d, host, port);
		return;
	}
	d->to.n = 1;
	try_from(d, 0);
}

static void
on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct dial *d = ctx;
	struct dg_err e;

	(void)fd;
	(void)what;
	if (d->io != NULL) {
		note_failure(d, "did not answer in time");
		let_go(d);
		if (d->at + 1 == d->to.n)
			end_unreached(d, DG_E_TIMEOUT);
		else
			try_from(d, d->at + 1);
	} else if (d->lookup != NULL) {
		dg_fail(&e, DG_E_TIMEOUT, 451, "4.4.3",
		    "the name server did not answer in time for %s", d->where);
		end(d, NULL, &e);
	} else {
		start(d);
	}
}

void
dg_dial(struct dg_dialer *dialer, struct dg_str where, struct dg_str source,
    int64_t timeout_ms, dg_dial_fn *fn, void *ctx, uint64_t ticket)
{
	struct dial *d = dg_alloc0(sizeof(*d));

	d->dialer = dialer;
	d->fn = fn;
	d->ctx = ctx;
	d->ticket = ticket;
	d->where = dg_str_dup(where);
	d->source = dg_str_dup(source);
	d->end_ms = dg_loop_now_ms() + timeout_ms;
	d->fd = -1;
	d->timer = evtimer_new(dg_loop_base(dialer->loop), on_timer, d);
	LIST_INSERT_HEAD(&dialer->dials, d, next);
	event_active(d->timer, 0, 0);
}

/* ---- the dialer ---- */

struct dg_dialer *
dg_dialer_new(struct dg_loop *l, const struct dg_dialer_options *o)
{
	struct dg_dialer *d = dg_alloc0(sizeof(*d));
	struct dg_resolver_options r = {
		.servers = o->dns_servers,
		.hosts_file = o->hosts_file,
		.trust_anchor = o->trust_anchor,
	};

	d->loop = l;
	d->resolver = dg_resolver_new(l, &r);
	return d;
}

void
dg_dialer_free(struct dg_dialer *d)
{
	if (d == NULL)
		return;
	while (!LIST_EMPTY(&d->dials))
		dial_free(LIST_FIRST(&d->dials));
	dg_resolver_free(d->resolver);
	free(d);
}

struct dg_resolver *
dg_dialer_resolver(struct dg_dialer *d)
{
	return d->resolver;
}

void
dg_dialer_divert(struct dg_dialer *d, dg_dial_hook *hook, void *ctx)
{
	d->hook = hook;
	d->hook_ctx = ctx;
}

bool
dg_dialer_is_diverted(const struct dg_dialer *d)
{
	return d->hook != NULL;
}

bool
dg_hostport(struct dg_str where, struct dg_str *host, unsigned *port)
{
	struct dg_str h;
	unsigned p;

	if (!dg_address_split(where, 25, &h, &p) || p == 0)
		return false;
	*host = h;
	*port = p;
	return true;
}
