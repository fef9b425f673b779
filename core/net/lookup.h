#ifndef CORE_NET_LOOKUP_H
#define CORE_NET_LOOKUP_H

#include "address.h"
#include "dragoman/net/dns.h"

/* lookup.h - a host's addresses, of both kinds, for whoever connects to it. */
enum {
	DG_ADDRESSES_MAX = 16
};

struct dg_addresses {
	size_t n;
	struct dg_address v[DG_ADDRESSES_MAX]; /* IPv6 and IPv4 in turn */
};

/* found->n == 0: e says why.  Comes later, once; the lookup is gone then. */
typedef void dg_lookup_fn(void *ctx, const struct dg_addresses *found,
    const struct dg_err *e);
struct dg_lookup;
/* Freed before the resolver is. */
struct dg_lookup *dg_lookup_new(struct dg_resolver *r, struct dg_str name,
    unsigned port, dg_lookup_fn *fn, void *ctx);
/* Before it was answered. */
void dg_lookup_free(struct dg_lookup *l);

#endif
