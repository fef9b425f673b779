/* conn.c - one connection: what its owner is told, and when bytes move.
 *
 * Two rules shape this file.  The owner is called from the loop only, never
 * from inside a call of its own: what comes up there is noted in `due` and told
 * by the `later` event.  And what is sent in one turn leaves in one write, at
 * the turn's end: a reply and the next question are one segment, not two.
 * The write goes straight to the kernel; only what it would not take is left to
 * the library and its write events.
 *
 * Pausing is lazy: reading goes on until something comes, because most pauses
 * end before that and then cost nothing.  What came meanwhile is told when the
 * pause ends.
 *
 * There is one way out of memory, dg_conn_free, and one way out of life,
 * dg_conn_lose or be_over.  TLS is next door, in conn_tls.c.
 */
#include "conn_state.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/err.h>

#include "dragoman/base/log.h"

enum {
	INPUT_MAX = 256 * 1024,
	INPUT_STOP = 224 * 1024, /* reading stops; what is under way fits */
	OUTPUT_LOW = 64 * 1024,  /* DRAINED is below this */
	READ_ONCE = 64 * 1024,   /* a body comes in pieces of this */
	LIBRARY_READ = 4096,
	WRITE_ONCE = 256 * 1024, /* or other connections wait too long */
	FINISH_MS = 5000,
};

#define DUE(ev) (1u << (ev))

/* ---- telling the owner ---- */

void
dg_conn_wake(struct dg_conn *c)
{
	event_active(c->later, 0, 0);
}

static struct evbuffer *
input_of(const struct dg_conn *c)
{
	return bufferevent_get_input(c->bev);
}

static size_t
left_in_bev(const struct dg_conn *c)
{
	return evbuffer_get_length(bufferevent_get_output(c->bev));
}

/* May the owner look at input now? */
static bool
is_readable(const struct dg_conn *c)
{
	if (c->is_paused)
		return false;
	return c->tls == CONN_TLS_NONE || c->tls == CONN_TLS_ON;
}

static bool
may_tell(const struct dg_conn *c, enum dg_conn_event ev)
{
	switch (ev) {
	case DG_CONN_INPUT:
		return is_readable(c) && evbuffer_get_length(input_of(c)) > 0;
	case DG_CONN_EOF:
		return is_readable(c);
	default:
		return true;
	}
}

/* Takes the next event off `due`.  The order is that of the enum: input is
 * told before the end that came after it. */
static bool
next_due(struct dg_conn *c, enum dg_conn_event *ev)
{
	for (int i = DG_CONN_INPUT; i <= DG_CONN_CLOSED; i++) {
		if ((c->due & DUE(i)) && may_tell(c, (enum dg_conn_event)i)) {
			c->due &= ~DUE(i);
			*ev = (enum dg_conn_event)i;
			return true;
		}
	}
	return false;
}

/* From the loop only.  c may be gone afterwards. */
static void
tell(struct dg_conn *c)
{
	enum dg_conn_event ev;

	while (c->fn != NULL && next_due(c, &ev)) {
		bool is_freed;

		c->depth++;
		c->fn(c->ctx, c, ev);
		c->depth--;
		is_freed = c->is_freed;
		if (is_freed && c->depth == 0)
			free(c);
		if (is_freed)
			return;
	}
}

/* ---- the end of life ---- */

/* Nothing moves any more; the owner hears ev. */
static void
be_over(struct dg_conn *c, enum dg_conn_event ev)
{
	c->life = CONN_OVER;
	c->due = DUE(ev) | (c->due & DUE(DG_CONN_INPUT));
	if (ev == DG_CONN_CLOSED)
		c->due = DUE(ev);
	c->is_reading = false;
	bufferevent_disable(c->bev, EV_READ | EV_WRITE);
	evbuffer_drain(c->out, evbuffer_get_length(c->out));
	if (c->deadline != NULL)
		evtimer_del(c->deadline);
}

void
dg_conn_lose(struct dg_conn *c, const char *words)
{
	if (c->life == CONN_OVER)
		return;
	snprintf(c->error, sizeof(c->error), "%s", words);
	be_over(c, c->life == CONN_OPEN ? DG_CONN_LOST : DG_CONN_CLOSED);
}

/* A hop that refuses a body says why, closes, and resets us when we go on
 * writing: its last words lie in the kernel, and are worth more than "reset".
 */
static void
read_last_words(struct dg_conn *c)
{
	struct evbuffer *in = input_of(c);
	int fd = bufferevent_getfd(c->bev);

	if (c->tls != CONN_TLS_NONE || c->life != CONN_OPEN)
		return;
	evbuffer_unfreeze(in, 0);
	while (evbuffer_get_length(in) < INPUT_MAX) {
		if (evbuffer_read(in, fd, READ_ONCE) <= 0)
			break;
		c->due |= DUE(DG_CONN_INPUT);
	}
	evbuffer_freeze(in, 0);
}

static void
lose_by_errno(struct dg_conn *c, int error)
{
	char what[128], words[192];

	dg_errno_words(error, what, sizeof(what));
	snprintf(words, sizeof(words), "the other side %s", what);
	dg_conn_lose(c, words);
}

static void
write_failed(struct dg_conn *c, int error)
{
	read_last_words(c);
	lose_by_errno(c, error);
}

/* ---- reading ---- */

static void
set_reading(struct dg_conn *c, bool wanted)
{
	if (wanted == c->is_reading)
		return;
	c->is_reading = wanted;
	if (wanted)
		bufferevent_enable(c->bev, EV_READ);
	else
		bufferevent_disable(c->bev, EV_READ);
}

/* The library takes 4 KiB at a time, a body has more.  An end or error is left
 * for it to find. */
static void
read_more(struct dg_conn *c)
{
	struct evbuffer *in = input_of(c);
	size_t n = evbuffer_get_length(in);
	struct evbuffer_iovec space;
	ssize_t got;

	if (c->tls != CONN_TLS_NONE || n < LIBRARY_READ || n >= INPUT_MAX)
		return;
	evbuffer_unfreeze(in, 0);
	if (evbuffer_reserve_space(in, READ_ONCE, &space, 1) == 1) {
		if (space.iov_len > INPUT_MAX - n)
			space.iov_len = INPUT_MAX - n;
		got = recv(bufferevent_getfd(c->bev), space.iov_base,
		    space.iov_len, 0);
		space.iov_len = got > 0 ? (size_t)got : 0;
		evbuffer_commit_space(in, &space, 1);
	}
	evbuffer_freeze(in, 0);
}

/* Reading was stopped: may it go on? */
static void
read_again(struct dg_conn *c)
{
	size_t n = evbuffer_get_length(input_of(c));

	if (c->has_eof || c->life == CONN_OVER || c->tls == CONN_TLS_ASKED)
		return;
	if (c->life != CONN_OPEN || (!c->is_paused && n < INPUT_STOP))
		set_reading(c, true);
}

static void
on_read(struct bufferevent *bev, void *ctx)
{
	struct dg_conn *c = ctx;

	(void)bev;
	if (c->life != CONN_OPEN) {
		evbuffer_drain(input_of(c), evbuffer_get_length(input_of(c)));
		return;
	}
	c->due |= DUE(DG_CONN_INPUT);
	if (!c->is_paused)
		read_more(c);
	if (c->is_paused || evbuffer_get_length(input_of(c)) >= INPUT_STOP)
		set_reading(c, false);
	tell(c);
}

static void
on_eof(struct dg_conn *c)
{
	c->has_eof = true;
	c->is_reading = false;
	/* the library stops writing too, in TLS; half-closed, we may go on */
	if (left_in_bev(c) > 0)
		bufferevent_enable(c->bev, EV_WRITE);
	if (c->life == CONN_LINGERING)
		be_over(c, DG_CONN_CLOSED);
	else if (c->life == CONN_OPEN)
		c->due |= DUE(DG_CONN_EOF);
}

static void
on_event(struct bufferevent *bev, short what, void *ctx)
{
	struct dg_conn *c = ctx;
	int error = errno; /* the library keeps it for us */

	(void)bev;
	if (c->life == CONN_OVER)
		return;
	if (what & BEV_EVENT_CONNECTED)
		dg_conn_tls_done(c);
	else if (c->tls == CONN_TLS_SHAKING)
		dg_conn_tls_failed(c, (what & BEV_EVENT_EOF) != 0, error);
	else if (what & BEV_EVENT_EOF)
		on_eof(c);
	else if (c->tls == CONN_TLS_ON)
		dg_conn_tls_failed(c, false, error);
	else if (what & BEV_EVENT_WRITING)
		write_failed(c, error);
	else
		lose_by_errno(c, error);
	tell(c);
}

/* ---- writing ---- */

/* Some output is gone: who waits for that? */
static void
output_moved(struct dg_conn *c)
{
	if (c->life == CONN_OVER)
		return;
	if (c->is_congested && dg_conn_pending(c) < OUTPUT_LOW) {
		c->is_congested = false;
		if (c->life == CONN_OPEN)
			c->due |= DUE(DG_CONN_DRAINED);
		dg_conn_wake(c);
	}
	if (left_in_bev(c) == 0 &&
	    (c->tls == CONN_TLS_ASKED || c->life == CONN_FINISHING))
		dg_conn_wake(c);
}

static void
on_write(struct bufferevent *bev, void *ctx)
{
	struct dg_conn *c = ctx;

	if (c->tls == CONN_TLS_NONE && left_in_bev(c) == 0)
		bufferevent_disable(bev, EV_WRITE);
	output_moved(c);
}

/* To the kernel what it takes, the rest to the library. */
static void
write_now(struct dg_conn *c)
{
	int n = evbuffer_write_atmost(c->out, bufferevent_getfd(c->bev),
	    WRITE_ONCE);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		int error = errno;

		write_failed(c, error);
		dg_conn_wake(c);
		return;
	}
	if (evbuffer_get_length(c->out) > 0) {
		evbuffer_add_buffer(bufferevent_get_output(c->bev), c->out);
		bufferevent_enable(c->bev, EV_WRITE);
	}
}

/* At the end of the turn, and before TLS. */
static void
flush_out(struct dg_turn_end *te)
{
	struct dg_conn *c = (struct dg_conn *)te;

	if (c->life == CONN_OVER || evbuffer_get_length(c->out) == 0)
		return;
	if (c->tls == CONN_TLS_ASKED || c->tls == CONN_TLS_SHAKING)
		return; /* until the handshake is done */
	if (c->tls == CONN_TLS_NONE && left_in_bev(c) == 0)
		write_now(c);
	else
		evbuffer_add_buffer(bufferevent_get_output(c->bev), c->out);
	output_moved(c);
}

/* All is out: our half is shut, the other end's is awaited, because closing
 * over unread input would reset and take our last reply with it. */
static void
linger(struct dg_conn *c)
{
	c->life = CONN_LINGERING;
	if (c->tls == CONN_TLS_ON) {
		ERR_clear_error();
		SSL_shutdown(bufferevent_openssl_get_ssl(c->bev));
		ERR_clear_error();
	}
	shutdown(bufferevent_getfd(c->bev), SHUT_WR);
	if (c->has_eof)
		be_over(c, DG_CONN_CLOSED);
}

static void
on_later(evutil_socket_t fd, short what, void *ctx)
{
	struct dg_conn *c = ctx;

	(void)fd;
	(void)what;
	if (c->life != CONN_OVER && c->tls == CONN_TLS_ASKED &&
	    left_in_bev(c) == 0)
		dg_conn_tls_begin(c);
	if (c->life == CONN_FINISHING && dg_conn_pending(c) == 0)
		linger(c);
	tell(c);
}

static void
on_deadline(evutil_socket_t fd, short what, void *ctx)
{
	struct dg_conn *c = ctx;

	(void)fd;
	(void)what;
	if (c->life == CONN_OPEN)
		c->due |= DUE(DG_CONN_DEADLINE);
	else if (c->life != CONN_OVER)
		be_over(c, DG_CONN_CLOSED);
	tell(c);
}

/* ---- birth and death ---- */

void
dg_conn_dress(struct dg_conn *c)
{
	bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
	/* no high mark for reading: at it, the library would call us over and
	 * over until we eat */
	bufferevent_setwatermark(c->bev, EV_WRITE, OUTPUT_LOW - 1, 0);
	bufferevent_set_max_single_write(c->bev, WRITE_ONCE);
}

struct dg_conn *
dg_conn_new(struct dg_loop *l, int own_fd, dg_conn_fn *fn, void *ctx)
{
	struct dg_conn *c = dg_alloc0(sizeof(*c));
	struct event_base *base = dg_loop_base(l);
	int one = 1;

	setsockopt(own_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c->flush.run = flush_out;
	c->loop = l;
	c->fn = fn;
	c->ctx = ctx;
	c->bev = bufferevent_socket_new(base, own_fd, CONN_BEV_OPTIONS);
	c->out = evbuffer_new();
	c->later = event_new(base, -1, 0, on_later, c);
	if (c->bev == NULL || c->out == NULL || c->later == NULL) {
		dg_log(DG_LOG_ERROR, "no-memory", dg_kv_z("for", "connection"));
		abort();
	}
	dg_conn_dress(c);
	bufferevent_disable(c->bev, EV_WRITE); /* see write_now */
	dg_conn_learn_address(c, own_fd);
	set_reading(c, true);
	return c;
}

void
dg_conn_set_fn(struct dg_conn *c, dg_conn_fn *fn, void *ctx)
{
	c->fn = fn;
	c->ctx = ctx;
	if (c->life == CONN_OPEN && evbuffer_get_length(input_of(c)) > 0)
		c->due |= DUE(DG_CONN_INPUT);
	if (c->due != 0)
		dg_conn_wake(c);
}

void
dg_conn_free(struct dg_conn *c)
{
	if (c == NULL || c->is_freed)
		return;
	dg_loop_not_at_end(c->loop, &c->flush);
	event_free(c->later);
	if (c->deadline != NULL)
		event_free(c->deadline);
	bufferevent_setcb(c->bev, NULL, NULL, NULL, NULL);
	bufferevent_disable(c->bev, EV_READ | EV_WRITE);
	bufferevent_free(c->bev); /* closes within the turn */
	evbuffer_free(c->out);
	SSL_free(c->own_ssl);
	free(c->own_host);
	c->is_freed = true;
	if (c->depth == 0)
		free(c);
}

/* ---- what the owner asks ---- */

struct dg_str
dg_conn_input(struct dg_conn *c)
{
	struct evbuffer *in = input_of(c);
	size_t n = evbuffer_get_length(in);

	/* what precedes TLS and was not eaten is nobody's command */
	if (n == 0 || c->tls == CONN_TLS_ASKED)
		return DG_STR("");
	return dg_str_of(evbuffer_pullup(in, -1), n);
}

void
dg_conn_eat(struct dg_conn *c, size_t n)
{
	evbuffer_drain(input_of(c), n);
	if (!c->is_reading)
		read_again(c);
}

void
dg_conn_send(struct dg_conn *c, struct dg_str bytes)
{
	if (c->life != CONN_OPEN || bytes.n == 0)
		return;
	evbuffer_add(c->out, bytes.p, bytes.n);
	if (dg_conn_pending(c) >= OUTPUT_LOW)
		c->is_congested = true;
	dg_loop_at_end(c->loop, &c->flush);
}

size_t
dg_conn_pending(const struct dg_conn *c)
{
	return evbuffer_get_length(c->out) + left_in_bev(c);
}

void
dg_conn_pause(struct dg_conn *c, bool paused)
{
	if (c->is_paused == paused || c->life != CONN_OPEN) {
		c->is_paused = paused;
		return;
	}
	c->is_paused = paused;
	if (paused)
		return; /* on_read stops when something comes */
	read_again(c);
	if (evbuffer_get_length(input_of(c)) > 0)
		c->due |= DUE(DG_CONN_INPUT);
	if (c->due != 0)
		dg_conn_wake(c);
}

static void
arm(struct dg_conn *c, int64_t ms)
{
	struct timeval tv = dg_loop_timeval(ms);

	if (c->deadline == NULL)
		c->deadline =
		    evtimer_new(dg_loop_base(c->loop), on_deadline, c);
	evtimer_add(c->deadline, &tv);
}

void
dg_conn_finish(struct dg_conn *c)
{
	if (c->is_finished)
		return;
	c->is_finished = true;
	if (c->life == CONN_OPEN)
		flush_out(&c->flush);
	if (c->life == CONN_OVER) { /* lost, told or not */
		c->due = DUE(DG_CONN_CLOSED);
		dg_conn_wake(c);
		return;
	}
	c->life = CONN_FINISHING;
	c->due = 0;
	evbuffer_drain(input_of(c), evbuffer_get_length(input_of(c)));
	read_again(c);
	arm(c, FINISH_MS);
	dg_conn_wake(c);
}

void
dg_conn_deadline(struct dg_conn *c, int64_t ms)
{
	if (c->life != CONN_OPEN)
		return;
	c->due &= ~DUE(DG_CONN_DEADLINE);
	if (ms > 0)
		arm(c, ms);
	else if (c->deadline != NULL)
		evtimer_del(c->deadline);
}

const char *
dg_conn_error(const struct dg_conn *c)
{
	return c->error;
}
