#ifndef CORE_NET_DNS_H
#define CORE_NET_DNS_H

#include "address.h"
#include "dragoman/net/loop.h"

/*
 * dns.h - a name's addresses, without blocking.  A resolver costs nothing until
 * the first name is looked up.
 */
enum {
	DG_ADDRESSES_MAX = 16
};

struct dg_addresses {
	size_t n;
	struct dg_address v[DG_ADDRESSES_MAX]; /* IPv6 and IPv4 in turn */
};

struct dg_resolver;
struct dg_resolver_options {
	const char *const *servers; /* "127.0.0.1@5353"; NULL-ended, or NULL:
				     * those of /etc/resolv.conf; kept */
	const char *hosts_file;     /* NULL: /etc/hosts; kept */
};
struct dg_resolver *dg_resolver_new(struct dg_loop *l,
    const struct dg_resolver_options *o);
/* Lookups that are still out are forgotten, not answered. */
void dg_resolver_free(struct dg_resolver *r);

/* found->n == 0: e says why.  Comes later, once; the lookup is gone then. */
typedef void dg_lookup_fn(void *ctx, const struct dg_addresses *found,
    const struct dg_err *e);
struct dg_lookup;
struct dg_lookup *dg_lookup_new(struct dg_resolver *r, struct dg_str name,
    unsigned port, dg_lookup_fn *fn, void *ctx);
/* Before it was answered. */
void dg_lookup_free(struct dg_lookup *l);

/* dns_answer.c: the addresses in a DNS answer (RFC 1035 4.1), at most room of
 * them; false when the packet is malformed. */
bool dg_dns_addresses(struct dg_str packet, struct dg_address *v, size_t room,
    size_t *n);

#endif
