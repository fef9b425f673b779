#ifndef DRAGOMAN_CORE_RELAY_MX_H
#define DRAGOMAN_CORE_RELAY_MX_H

#include "relay_state.h"

#include "dragoman/net/dns.h"

/*
 * mx.h - the next hosts of a domain (RFC 5321 5.1): mx.c decides, from answers
 * of the DNS and without asking any; mx_ask.c asks.
 *
 * All that a stranger's zone may name is bounded: so many hosts are looked at,
 * so many addresses called.
 */
enum {
	DG_MX_NAME_MAX = 256,
	DG_MX_HOSTS_MAX = 10,
	DG_MX_ADDRESSES_MAX = 4, /* of each kind, of a host */
	DG_MX_PLACES_MAX = 8,
};

struct dg_mx_host {
	char name[DG_MX_NAME_MAX];
	unsigned preference;
	bool is_ours;
	bool is_unknown; /* its name server did not answer */
	bool is_local;   /* it had an address that no mail leaves for */
	size_t n[2];     /* IPv4, IPv6 */
	char addresses[2][DG_MX_ADDRESSES_MAX][48];
};

/* One address to call, of the host that is spoken to. */
struct dg_mx_place {
	char host[DG_MX_NAME_MAX + 8]; /* "mx1.example:25" */
	char dial[DG_MX_NAME_MAX + 100]; /* "192.0.2.1:25" */
};

struct dg_mx_options {
	struct dg_str domain;
	struct dg_str hostname; /* ours */
	unsigned port;
	bool may_loopback;
	/* Does one of our listeners answer there, at that port? */
	bool (*is_ours)(void *ctx, struct dg_str address, unsigned port);
	void *ctx;
	uint32_t (*below)(uint32_t bound); /* NULL: dg_rand_below */
};

struct dg_mx_plan {
	struct dg_mx_options o; /* its strings are copies, below */
	char domain[DG_MX_NAME_MAX], hostname[DG_MX_NAME_MAX];
	bool is_implicit; /* no MX: the domain itself */
	struct dg_mx_host hosts[DG_MX_HOSTS_MAX];
	size_t n_hosts;
	unsigned ours; /* the best preference that is ours; UINT_MAX: none */
	struct dg_mx_place places[DG_MX_PLACES_MAX]; /* in the order to try */
	size_t n_places;
	struct dg_result verdict; /* n_places == 0: why there is none */
};

void dg_mx_begin(struct dg_mx_plan *p, const struct dg_mx_options *o);
/* The domain is an address: "[192.0.2.1]".  Decided, then. */
bool dg_mx_literal(struct dg_mx_plan *p);
/* The answer to MX; false: there are no hosts, and the verdict says why. */
bool dg_mx_records(struct dg_mx_plan *p, const struct dg_dns_answer *a);
/* An answer to A or AAAA of host i. */
void dg_mx_addresses(struct dg_mx_plan *p, size_t i, bool is_v6,
    const struct dg_dns_answer *a);
/* All that was asked is answered: fill places, or the verdict. */
void dg_mx_decide(struct dg_mx_plan *p);

/* ---- mx_ask.c ---- */
struct dg_mx {
	struct dg_mx_plan plan;
	struct dg_worker *worker;
	struct dg_generation *generation; /* pinned */
	void (*fn)(void *ctx);
	void *ctx;
	unsigned waiting; /* answers */
	uint64_t tickets[1 + 2 * DG_MX_HOSTS_MAX];
	size_t n_tickets;
};
/* Look up where mail for `domain` goes by an mx hop.  fn comes later, once,
 * unless *is_done; the answer is in ->plan. */
struct dg_mx *dg_mx_new(struct dg_worker *w, struct dg_generation *g,
    const struct dg_hop *hop, struct dg_str domain, void (*fn)(void *ctx),
    void *ctx, bool *is_done);
/* At any time; NULL is fine. */
void dg_mx_free(struct dg_mx *m);

#endif
