#ifndef DRAGOMAN_NET_DNS_H
#define DRAGOMAN_NET_DNS_H

#include "dragoman/base/str.h"
#include "dragoman/net/loop.h"

/*
 * dns.h - names and their records, without blocking: libunbound on the
 * worker's own loop, the hosts file included.  One resolver a worker; it costs
 * nothing until the first name is asked for.
 */
struct dg_resolver;
struct dg_resolver_options {
	const char *const *servers; /* "127.0.0.1:5353"; NULL-ended, or NULL:
				     * those of /etc/resolv.conf */
	const char *hosts_file;     /* NULL: /etc/hosts */
	const char *trust_anchor;   /* a file of DS or DNSKEY records: answers
				     * are checked (DNSSEC); NULL: they are not,
				     * and none is secure */
};
/* Keeps copies; the files are read once, at the first name. */
struct dg_resolver *dg_resolver_new(struct dg_loop *l,
    const struct dg_resolver_options *o);
/* After whoever looks up hosts in it (a dialer, a struct dg_http).  What was
 * asked and is still out is forgotten, not answered. */
void dg_resolver_free(struct dg_resolver *r);

enum dg_dns_type {
	DG_DNS_A = 1,
	DG_DNS_PTR = 12,
	DG_DNS_MX = 15,
	DG_DNS_TXT = 16,
	DG_DNS_AAAA = 28,
};

/* D(id, the words of it): a closed list, so that it can be compared with. */
#define DG_DNS_RESULTS(D) \
	D(FOUND, "found") \
	D(NO_NAME, "no such name") \
	D(NO_RECORD, "no such record") \
	D(TIMEOUT, "no answer in time") \
	D(FAILED, "server failed") \
	D(BOGUS, "bogus") /* DNSSEC: forged, or wrongly signed */ \
	D(NOT_A_NAME, "not a name") \
	D(NOT_AN_ADDRESS, "not an address")
enum dg_dns_result {
#define D(id, words) DG_DNS_##id,
	DG_DNS_RESULTS(D)
#undef D
};
const char *dg_dns_words(enum dg_dns_result r);

enum {
	DG_DNS_RECORDS_MAX = 100 /* what comes behind is left out */
};
/* MX, PTR: a name in lower case without its last dot ("." is the root), odd
 * bytes as \ddd.  TXT: its strings joined, any bytes.  A, AAAA: the address. */
struct dg_dns_record {
	struct dg_str text;
	unsigned preference; /* MX; else 0 */
};
struct dg_dns_answer {
	enum dg_dns_result result;
	bool is_secure;                /* DNSSEC says so, also of an absence */
	size_t n;                      /* > 0: FOUND */
	const struct dg_dns_record *v; /* by preference, then by text */
	const char *why;               /* a sentence; "" when FOUND */
};

/* Comes later, never inside dg_dns_ask, once; the answer is borrowed. */
typedef void dg_dns_fn(void *ctx, uint64_t ticket,
    const struct dg_dns_answer *a);
/* PTR takes an IP address as its name.  Cannot be taken back: a late answer
 * finds its ticket stale.  No clock jump shortens the time. */
void dg_dns_ask(struct dg_resolver *r, struct dg_str name,
    enum dg_dns_type type, int64_t timeout_ms, dg_dns_fn *fn, void *ctx,
    uint64_t ticket);

/* Policy tests: who answers dg_dns_ask instead of name servers.  It fills a
 * zeroed *a with what it owns until it is called again; why may be NULL. */
typedef void dg_dns_hook(void *ctx, struct dg_str name, enum dg_dns_type type,
    struct dg_dns_answer *a);
void dg_resolver_divert(struct dg_resolver *r, dg_dns_hook *hook, void *ctx);

#endif
