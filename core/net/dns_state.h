#ifndef CORE_NET_DNS_STATE_H
#define CORE_NET_DNS_STATE_H

#include "address.h"
#include "dragoman/base/arena.h"
#include "dragoman/net/dns.h"

/*
 * dns_state.h - what the files about names know of each other: one question to
 * the library (dns.c), and what stands in a packet (dns_answer.c).
 */
enum {
	DG_RCODE_OK = 0, /* RFC 1035 4.1.1 */
	DG_RCODE_NXDOMAIN = 3,
};

struct dg_dns_packet {
	int rcode;
	struct dg_str bytes; /* sound or not; n == 0 unless rcode is OK */
	bool is_bogus, is_secure;
	const char *why_bogus; /* or NULL */
};
typedef void dg_dns_packet_fn(void *ctx, const struct dg_dns_packet *p);

/* *slot is the question until it was answered, then NULL.  fn may run inside
 * the call (hosts file, cache); not at all when it fails.  The question
 * outlives whoever forgets it, and then finds nobody. */
struct dg_dns_question;
enum dg_rc dg_dns_question_new(struct dg_resolver *r, const char *name,
    enum dg_dns_type type, struct dg_dns_question **slot, dg_dns_packet_fn *fn,
    void *ctx, struct dg_err *e);
void dg_dns_question_forget(struct dg_dns_question **slot); /* NULL: no-op */

struct dg_loop *dg_resolver_loop(const struct dg_resolver *r);

/* A host name as it may be looked up: letters, digits, "-_.", at most 253. */
bool dg_dns_is_name(struct dg_str name);

/* The addresses (A, AAAA) in an answer (RFC 1035 4.1), at most room of them;
 * false when the packet is malformed. */
bool dg_dns_addresses(struct dg_str packet, struct dg_address *v, size_t room,
    size_t *n);
/* The records of one type, likewise, sorted; their texts in the arena, whose
 * cap is never in the way of a DNS packet when it is DG_DNS_ARENA. */
enum {
	DG_DNS_ARENA = 512 * 1024
};
bool dg_dns_records(struct dg_str packet, enum dg_dns_type type,
    struct dg_arena *a, struct dg_dns_record *v, size_t room, size_t *n);
/* "10.0.0.5" as "5.0.0.10.in-addr.arpa"; IPv6 as nibbles below ip6.arpa. */
bool dg_dns_reverse(struct dg_str address, char name[DG_HOST_ROOM]);

#endif
