#ifndef DRAGOMAN_NET_CONNECT_H
#define DRAGOMAN_NET_CONNECT_H

#include "dragoman/net/conn.h"

/*
 * connect.h - reach "host:port" without blocking: resolve (libunbound on the
 * worker's own loop, /etc/hosts included), try the addresses in turn.
 */
struct dg_dialer;
struct dg_dialer_options {
	const char *const *dns_servers; /* "127.0.0.1:5353"; NULL-ended; NULL or
	                                 * empty: the system's */
	const char *hosts_file; /* NULL: /etc/hosts */
	const char *trust_anchor; /* for DNSSEC (dns.h), or NULL */
};
/* One a worker.  The resolver is set up at the first name looked up, so dialling
 * addresses costs none; it reads its files once, then. */
struct dg_dialer *dg_dialer_new(struct dg_loop *l,
    const struct dg_dialer_options *o);
/* Dials that are out are dropped without a word. */
void dg_dialer_free(struct dg_dialer *d);
/* Its own, the worker's only one: for whoever has other questions (dns.h). */
struct dg_resolver;
struct dg_resolver *dg_dialer_resolver(struct dg_dialer *d);

/* own_conn NULL: e says why (unreachable, refused, no such host, timeout; in
 * words for a postmaster).  Comes later, never inside dg_dial. */
typedef void dg_dial_fn(void *ctx, uint64_t ticket, struct dg_conn *own_conn,
    const struct dg_err *e);
/* where: "h:587", "10.1.0.5:25", "[::1]:25", "h" (port 25), "unix:/path".
 * source: local address or "".  The time is for the whole, shared among the addresses; no
 * clock jump shortens it.  Cannot be taken back: a late end finds its ticket
 * stale, and frees own_conn. */
void dg_dial(struct dg_dialer *d, struct dg_str where, struct dg_str source,
    int64_t timeout_ms, dg_dial_fn *fn, void *ctx, uint64_t ticket);
/* Policy tests: who answers instead of the network.  It returns the near end
 * of a pair, or NULL with *e filled. */
typedef struct dg_conn *dg_dial_hook(void *ctx, struct dg_str where,
    struct dg_err *e);
void dg_dialer_divert(struct dg_dialer *d, dg_dial_hook *hook, void *ctx);
/* Then nothing is looked up either: names mean what the hook makes of them. */
bool dg_dialer_is_diverted(const struct dg_dialer *d);
/* "host:port" split; port 25 when absent; false when malformed. */
bool dg_hostport(struct dg_str where, struct dg_str *host, unsigned *port);

#endif
