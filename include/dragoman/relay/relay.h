#ifndef DRAGOMAN_RELAY_RELAY_H
#define DRAGOMAN_RELAY_RELAY_H

#include "dragoman/base/buf.h"
#include "dragoman/net/connect.h"
#include "dragoman/relay/generation.h"
#include "dragoman/spool/spool.h"

/*
 * relay.h - the place where sockets, machines, policy and spool meet: workers
 * that take mail in and hand it on.
 */
struct dg_relay;

struct dg_relay_options {
	struct dg_generation *own_generation; /* the first one: one pin is taken */
	struct dg_spool *spool;               /* opened, not started */
	unsigned workers;
};
struct dg_relay *dg_relay_new(const struct dg_relay_options *o);
/* After dg_relay_stop, and after dg_spool_close (whose last answers it still
 * takes). */
void dg_relay_free(struct dg_relay *r);

/* One listener's sockets, one a worker (net/listener.h); takes the fds. */
void dg_relay_listen(struct dg_relay *r, const char *name, const int *own_fds);
/* Start n threads, and the hand-out of claims. */
void dg_relay_start(struct dg_relay *r);
/* Tests: no threads; worker 0 runs on this loop's thread by dg_loop_turn. */
struct dg_loop *dg_relay_loop(struct dg_relay *r, unsigned worker);
struct dg_dialer *dg_relay_dialer(struct dg_relay *r, unsigned worker);
struct dg_http;
struct dg_http *dg_relay_http(struct dg_relay *r, unsigned worker);
void dg_relay_start_inline(struct dg_relay *r);
/* A connection that did not come from a listener (policy tests). */
void dg_relay_accept(struct dg_relay *r, unsigned worker, const char *listener,
    struct dg_conn *own_conn);
bool dg_relay_is_idle(struct dg_relay *r); /* inline only: nothing under way */

/* Take a new generation: new sessions use it, open ones end on theirs. Takes
 * the caller's pin. */
void dg_relay_publish(struct dg_relay *r, struct dg_generation *own_generation);
/* Soft end: no new connections, idle sessions end, the others get soft_end_ms
 * and then 421; then the threads are joined. */
void dg_relay_stop(struct dg_relay *r, int64_t soft_end_ms);

/* Text for `dragoman status`: generations with their sessions, hops, lanes,
 * alerts.  Waits for every worker: control thread only. */
void dg_relay_status(struct dg_relay *r, struct dg_buf *out);
/* Text for `dragoman policy stats`; waits for every worker, as above. */
void dg_relay_policy_stats(struct dg_relay *r, struct dg_buf *out);
/* Pins held by sessions and attempts; for the cap on generations alive. */
unsigned dg_relay_generations(struct dg_relay *r);

#endif
