/* lookup.c - a host's addresses, for whoever connects to it.
 *
 * Both kinds of address are asked for at once.  When one has come, the other
 * gets two more seconds: some name servers never answer for AAAA.  The library
 * may answer inside the call that asks (hosts file, cache), so answers are
 * noted and told by an event.
 */
#include "lookup.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

#include <event2/event.h>

#include "dns_state.h"
#include "turn.h"

enum {
	GRACE_MS = 2000
};

/* What is out for one kind of address, and what came. */
struct half {
	struct dg_lookup *lookup;
	struct dg_dns_question *question; /* NULL when answered */
	bool has_come;
	int rcode; /* -1: not a sound answer */
	size_t n;
	struct dg_address v[DG_ADDRESSES_MAX];
};

struct dg_lookup {
	struct half halves[2]; /* v4, v6 */
	struct event *tell;    /* soon, or when the grace is over */
	struct dg_err failed;  /* rc != DG_OK: could not even ask */
	dg_lookup_fn *fn;
	void *ctx; /* the asker's, who frees the lookup first */
	unsigned port;
	char name[DG_HOST_ROOM];
};

/* ---- answers ---- */

static void
tell_in(struct dg_lookup *l, int64_t ms)
{
	struct timeval tv = dg_loop_timeval(ms);

	evtimer_add(l->tell, &tv);
}

static void
on_packet(void *ctx, const struct dg_dns_packet *p)
{
	struct half *own = ctx;
	struct dg_lookup *l = own->lookup;
	const struct half *other = &l->halves[own == &l->halves[0]];

	own->has_come = true;
	own->rcode = p->rcode;
	if (p->is_bogus ||
	    (p->rcode == DG_RCODE_OK &&
		!dg_dns_addresses(p->bytes, own->v, DG_ADDRESSES_MAX, &own->n)))
		own->rcode = -1;
	if (other->has_come || own->rcode == DG_RCODE_NXDOMAIN)
		tell_in(l, 0); /* no name has no address of the other kind */
	else if (own->n > 0)
		tell_in(l, GRACE_MS);
}

/* IPv6 first, then one of each: a network where one kind is broken costs one
 * attempt, not all of them (as RFC 8305 4 orders them). */
static void
gather(const struct dg_lookup *l, struct dg_addresses *found)
{
	size_t at[2] = { 0, 0 };
	bool is_v6 = true;

	found->n = 0;
	while (found->n < DG_ADDRESSES_MAX) {
		if (at[is_v6] == l->halves[is_v6].n)
			is_v6 = !is_v6;
		if (at[is_v6] == l->halves[is_v6].n)
			return;
		found->v[found->n] = l->halves[is_v6].v[at[is_v6]++];
		dg_address_set_port(&found->v[found->n++], l->port);
		is_v6 = !is_v6;
	}
}

static void
say_why(const struct dg_lookup *l, struct dg_err *e)
{
	const struct half *v4 = &l->halves[0], *v6 = &l->halves[1];

	if (l->failed.rc != DG_OK)
		*e = l->failed;
	else if (v4->rcode == DG_RCODE_NXDOMAIN ||
		 v6->rcode == DG_RCODE_NXDOMAIN)
		dg_fail(e, DG_E_ABSENT, 451, "4.4.4", "no such host: %s",
		    l->name);
	else if (v4->rcode == DG_RCODE_OK && v6->rcode == DG_RCODE_OK)
		dg_fail(e, DG_E_ABSENT, 451, "4.4.4",
		    "no such host: %s has no address", l->name);
	else
		dg_fail(e, DG_E_IO, 451, "4.4.3",
		    "the name server did not answer for %s, or could not "
		    "(DNS SERVFAIL)",
		    l->name);
}

static void
on_tell(evutil_socket_t fd, short what, void *ctx)
{
	struct dg_lookup *l = ctx;
	dg_lookup_fn *fn = l->fn;
	void *fn_ctx = l->ctx;
	struct dg_addresses found;
	struct dg_err e = { .rc = DG_OK };

	(void)fd;
	(void)what;
	gather(l, &found);
	if (found.n == 0)
		say_why(l, &e);
	dg_lookup_free(l);
	fn(fn_ctx, &found, &e);
}

/* ---- questions ---- */

struct dg_lookup *
dg_lookup_new(struct dg_resolver *r, struct dg_str name, unsigned port,
    dg_lookup_fn *fn, void *ctx)
{
	static const enum dg_dns_type types[] = { DG_DNS_A, DG_DNS_AAAA };
	struct dg_lookup *l = dg_alloc0(sizeof(*l));

	l->fn = fn;
	l->ctx = ctx;
	l->port = port;
	snprintf(l->name, sizeof(l->name), "%.*s", DG_FMT(name));
	l->tell = evtimer_new(dg_loop_base(dg_resolver_loop(r)), on_tell, l);
	if (!dg_dns_is_name(name))
		dg_fail(&l->failed, DG_E_CONFIG, 451, "4.4.4",
		    "no such host: \"%s\" is not a host name", l->name);
	for (int i = 1; i >= 0 && l->failed.rc == DG_OK; i--) {
		l->halves[i].lookup = l;
		dg_dns_question_new(r, l->name, types[i],
		    &l->halves[i].question, on_packet, &l->halves[i],
		    &l->failed);
	}
	if (l->failed.rc != DG_OK)
		tell_in(l, 0);
	return l;
}

void
dg_lookup_free(struct dg_lookup *l)
{
	if (l == NULL)
		return;
	for (int i = 0; i < 2; i++)
		dg_dns_question_forget(&l->halves[i].question);
	event_free(l->tell);
	free(l);
}
