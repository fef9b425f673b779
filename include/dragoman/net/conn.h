#ifndef DRAGOMAN_NET_CONN_H
#define DRAGOMAN_NET_CONN_H

#include "dragoman/net/loop.h"
#include "dragoman/net/tls.h"

/*
 * conn.h - one connection: bytes in, bytes out, TLS, deadlines, one way to
 * close.  A bufferevent inside.  Every callback comes from the loop, never
 * from inside a call of yours.
 *
 * What is sent in one turn of the loop leaves in one write at its end.  EOF is
 * no end: what is sent after it still goes out.  After LOST or CLOSED nothing
 * more is told, but for the CLOSED of a dg_conn_finish that comes after LOST;
 * input that came before a loss is told first.
 */
struct dg_conn;

enum dg_conn_event {
	DG_CONN_INPUT,    /* more bytes: see dg_conn_input() */
	DG_CONN_DRAINED,  /* pending was 64 KiB or more, and is below now */
	DG_CONN_TLS,      /* handshake done: dg_conn_tls_words() */
	DG_CONN_EOF,      /* the peer sends no more; it may still read */
	DG_CONN_LOST,     /* reset, TLS failure: dg_conn_error() says why */
	DG_CONN_DEADLINE, /* the deadline set passed */
	DG_CONN_CLOSED,   /* after dg_conn_finish: all is out and shut */
};
typedef void dg_conn_fn(void *ctx, struct dg_conn *c, enum dg_conn_event ev);

/* Takes the non-blocking fd.  TCP_NODELAY is set. fn may be NULL until set. */
struct dg_conn *dg_conn_new(struct dg_loop *l, int own_fd, dg_conn_fn *fn,
    void *ctx);
void dg_conn_set_fn(struct dg_conn *c, dg_conn_fn *fn, void *ctx);
/* Two ends of one connection, for policy tests (without an address until
 * dg_conn_set_address).  A socket pair: end of file, loss and TLS are those of
 * any connection. */
void dg_conn_pair(struct dg_loop *l, struct dg_conn **a, struct dg_conn **b);
/* Close within this turn and free; what was not yet written is dropped and no
 * callback comes any more.  NULL is fine; safe inside its own callback. */
void dg_conn_free(struct dg_conn *c);

/* All bytes received and not eaten, in one piece (at most 256 KiB is kept:
 * reading pauses above). */
struct dg_str dg_conn_input(struct dg_conn *c);
void dg_conn_eat(struct dg_conn *c, size_t n);
/* Queue bytes; they are copied. */
void dg_conn_send(struct dg_conn *c, struct dg_str bytes);
size_t dg_conn_pending(const struct dg_conn *c); /* bytes not yet out */
/* Hold back INPUT and EOF (while an answer is awaited), or go on: then they are
 * told if there is something. */
void dg_conn_pause(struct dg_conn *c, bool paused);
/* When what was sent is out, shut our half, wait for the other's end so that no
 * reset takes our last words, and close; then DG_CONN_CLOSED, 5 s from now at
 * the latest.  Input is thrown away from now on, deadlines end.  Again: no-op.
 */
void dg_conn_finish(struct dg_conn *c);
/* Ask for DG_CONN_DEADLINE in ms from now; 0 = none.  Re-arms. */
void dg_conn_deadline(struct dg_conn *c, int64_t ms);

/* After what was sent is out: handshake.  Input not eaten by then is thrown
 * away, and reported: DG_CONN_LOST with "plain text after STARTTLS".  From the
 * call on input is seen no more (the command itself may still be eaten), and
 * what is sent waits and goes encrypted.  t may be freed after the call. */
void dg_conn_tls_accept(struct dg_conn *c, struct dg_tls *t);
/* host: SNI and, with verify, the name checked (RFC 6125). */
void dg_conn_tls_connect(struct dg_conn *c, struct dg_tls *t,
    struct dg_str host, bool verify);
struct dg_str dg_conn_tls_words(const struct dg_conn *c); /* "TLSv1.3 ..." */
/* After dg_conn_tls_connect: what is wrong with the other side's certificate,
 * also when it was not to be verified; "": nothing. */
void dg_conn_tls_certificate(const struct dg_conn *c, char *text, size_t room);
/* What only the two ends of this TLS connection know, for logins that are tied
 * to it; both sides get the same.  Returns the size, 0: none (no TLS yet, or
 * that kind does not exist for its version). */
enum dg_conn_binding {
	DG_CONN_TLS_EXPORTER, /* RFC 9266: TLS 1.3 */
	DG_CONN_TLS_UNIQUE,   /* RFC 5929 3: before */
};
enum {
	DG_CONN_BINDING_MAX = 64
};
size_t dg_conn_tls_binding(const struct dg_conn *c, enum dg_conn_binding kind,
    uint8_t out[DG_CONN_BINDING_MAX]);
const char *dg_conn_error(const struct dg_conn *c);
/* Remote address without port, e.g. "10.0.0.5", "::1"; and with port. */
struct dg_str dg_conn_address(const struct dg_conn *c);
struct dg_str dg_conn_address_port(const struct dg_conn *c);
void dg_conn_set_address(struct dg_conn *c, struct dg_str address,
    unsigned port); /* for pairs */

#endif
