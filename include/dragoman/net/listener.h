#ifndef DRAGOMAN_NET_LISTENER_H
#define DRAGOMAN_NET_LISTENER_H

#include "dragoman/net/loop.h"

/*
 * listener.h - accepting sockets.  Bound once, before privileges are dropped,
 * one socket a worker (SO_REUSEPORT), so that the kernel spreads connections.
 */

/* "0.0.0.0:25", "[::]:25", "127.0.0.1:0": bind and listen n sockets on the
 * same address; with port 0 all get the same free port.  "[::]" is IPv6 only.
 * An address on which anybody listens, we too, is refused.  fds[n] is filled.
 * bound (may be NULL) gets the real "address:port". */
struct dg_buf;
enum dg_rc dg_listen(struct dg_str address, unsigned n, int *fds,
    struct dg_buf *bound, struct dg_err *e);

struct dg_listener;
typedef void dg_accept_fn(void *ctx, int own_fd);
/* Takes fd. Out of descriptors: pauses 100 ms, logs once a minute. */
struct dg_listener *dg_listener_new(struct dg_loop *l, int own_fd,
    dg_accept_fn *fn, void *ctx);
void dg_listener_free(struct dg_listener *li);

#endif
