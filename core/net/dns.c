/* dns.c - names to addresses, with libunbound on the worker's own loop.
 *
 * The library may answer inside the call that asks (hosts file, cache), so
 * answers are noted and told by an event.  It cannot be told to forget a
 * question without care for its state, so a question (struct ask) outlives the
 * lookup that gave it up and finds nobody when its answer comes.
 *
 * Both kinds of address are asked for at once.  When one has come, the other
 * gets two more seconds: some name servers never answer for AAAA.
 */
#include "dns.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/time.h>

#include <event2/event.h>
#include <unbound.h>
#include <unbound-event.h>

#include "dragoman/base/log.h"
#include "turn.h"

enum {
	GRACE_MS = 2000,
	TYPE_A = 1,
	TYPE_AAAA = 28,
	CLASS_IN = 1,
	RCODE_OK = 0,
	RCODE_NXDOMAIN = 3,
};

struct ask {
	LIST_ENTRY(ask) next;
	struct dg_lookup *lookup; /* NULL: given up */
	bool is_v6;
};

struct answer {
	bool has_come;
	int rcode; /* RFC 1035 4.1.1; -1: not a sound answer */
	size_t n;
	struct dg_address v[DG_ADDRESSES_MAX];
};

struct dg_lookup {
	LIST_ENTRY(dg_lookup) next;
	struct dg_resolver *resolver;
	struct ask *asks[2]; /* v4, v6; NULL when answered */
	struct answer answers[2];
	struct event *tell;   /* soon, or when the grace is over */
	struct dg_err failed; /* rc != DG_OK: could not even ask */
	dg_lookup_fn *fn;
	void *ctx; /* the asker's, who frees the lookup first */
	unsigned port;
	char name[DG_HOST_ROOM];
};

struct dg_resolver {
	struct dg_loop *loop;
	struct ub_ctx *ub; /* NULL until the first lookup */
	char **servers;    /* NULL-ended */
	char *hosts_file;
	LIST_HEAD(, ask) asks;
	LIST_HEAD(, dg_lookup) lookups;
};

/* ---- the library's context ---- */

static const struct {
	const char *name, *value;
} settings[] = {
	{ "module-config:", "iterator" },    /* there is no trust anchor */
	{ "do-not-query-localhost:", "no" }, /* where many name servers are */
	{ "cache-max-negative-ttl:", "60" }, /* a host just added is found */
	{ "num-queries-per-thread:", "256" },
	{ "outgoing-range:", "512" },
};

static enum dg_rc
use_servers(struct dg_resolver *r, struct ub_ctx *ub, struct dg_err *e)
{
	/* without the file, or with none in it, the root servers are asked */
	if (r->servers[0] == NULL)
		ub_ctx_resolvconf(ub, NULL);
	for (char **s = r->servers; *s != NULL; s++) {
		int no = ub_ctx_set_fwd(ub, *s);

		if (no != 0)
			return dg_fail(e, DG_E_CONFIG, 451, "4.4.3",
			    "name server %s: an address, or address@port, is "
			    "expected (%s)",
			    *s, ub_strerror(no));
	}
	return DG_OK;
}

static enum dg_rc
open_library(struct dg_resolver *r, struct dg_err *e)
{
	struct ub_ctx *ub;
	enum dg_rc rc;

	if (r->ub != NULL)
		return DG_OK;
	ub = ub_ctx_create_event(dg_loop_base(r->loop));
	if (ub == NULL)
		return dg_fail(e, DG_E_IO, 451, "4.4.3",
		    "the resolver could not be set up");
	ub_ctx_debugout(ub, NULL);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		ub_ctx_set_option(ub, settings[i].name, settings[i].value);
	/* a machine without the file has names nevertheless */
	ub_ctx_hosts(ub, r->hosts_file);
	rc = use_servers(r, ub, e);
	if (rc != DG_OK) {
		ub_ctx_delete(ub);
		return rc;
	}
	r->ub = ub;
	return DG_OK;
}

struct dg_resolver *
dg_resolver_new(struct dg_loop *l, const struct dg_resolver_options *o)
{
	struct dg_resolver *r = dg_alloc0(sizeof(*r));
	size_t n = 0;

	r->loop = l;
	while (o->servers != NULL && o->servers[n] != NULL)
		n++;
	r->servers = dg_alloc0((n + 1) * sizeof(*r->servers));
	for (size_t i = 0; i < n; i++)
		r->servers[i] = dg_strdup(o->servers[i]);
	r->hosts_file =
	    dg_strdup(o->hosts_file != NULL ? o->hosts_file : "/etc/hosts");
	return r;
}

void
dg_resolver_free(struct dg_resolver *r)
{
	struct ask *a;

	if (r == NULL)
		return;
	while (!LIST_EMPTY(&r->lookups))
		dg_lookup_free(LIST_FIRST(&r->lookups));
	if (r->ub != NULL)
		ub_ctx_delete(r->ub);
	while ((a = LIST_FIRST(&r->asks)) != NULL) {
		LIST_REMOVE(a, next);
		free(a);
	}
	for (char **s = r->servers; *s != NULL; s++)
		free(*s);
	free(r->servers);
	free(r->hosts_file);
	free(r);
}

/* ---- answers ---- */

static void
tell_in(struct dg_lookup *l, int64_t ms)
{
	struct timeval tv = dg_loop_timeval(ms);

	evtimer_add(l->tell, &tv);
}

static void
on_answer(void *ctx, int rcode, void *packet, int packet_n, int security,
    char *why_bogus, int was_limited)
{
	struct ask *a = ctx;
	struct dg_lookup *l = a->lookup;
	struct answer *own, *other;

	(void)security;
	(void)why_bogus;
	(void)was_limited;
	LIST_REMOVE(a, next);
	if (l == NULL) {
		free(a);
		return;
	}
	own = &l->answers[a->is_v6];
	other = &l->answers[!a->is_v6];
	l->asks[a->is_v6] = NULL;
	free(a);
	own->has_come = true;
	own->rcode = rcode;
	if (rcode == RCODE_OK &&
	    (packet == NULL || packet_n < 0 ||
		!dg_dns_addresses(dg_str_of(packet, (size_t)packet_n), own->v,
		    DG_ADDRESSES_MAX, &own->n)))
		own->rcode = -1;
	if (other->has_come || own->rcode == RCODE_NXDOMAIN)
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
		if (at[is_v6] == l->answers[is_v6].n)
			is_v6 = !is_v6;
		if (at[is_v6] == l->answers[is_v6].n)
			return;
		found->v[found->n] = l->answers[is_v6].v[at[is_v6]++];
		dg_address_set_port(&found->v[found->n++], l->port);
		is_v6 = !is_v6;
	}
}

static void
say_why(const struct dg_lookup *l, struct dg_err *e)
{
	const struct answer *v4 = &l->answers[0], *v6 = &l->answers[1];

	if (l->failed.rc != DG_OK)
		*e = l->failed;
	else if (v4->rcode == RCODE_NXDOMAIN || v6->rcode == RCODE_NXDOMAIN)
		dg_fail(e, DG_E_ABSENT, 451, "4.4.4", "no such host: %s",
		    l->name);
	else if (v4->rcode == RCODE_OK && v6->rcode == RCODE_OK)
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

static bool
is_name(struct dg_str name)
{
	if (name.n == 0 || name.n > 253)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = dg_lower(name.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '-' && c != '_' && c != '.')
			return false;
	}
	return true;
}

static void
ask_for(struct dg_lookup *l, bool is_v6)
{
	struct dg_resolver *r = l->resolver;
	struct ask *a = dg_alloc0(sizeof(*a));
	int no;

	a->lookup = l;
	a->is_v6 = is_v6;
	l->asks[is_v6] = a;
	LIST_INSERT_HEAD(&r->asks, a, next);
	no = ub_resolve_event(r->ub, l->name, is_v6 ? TYPE_AAAA : TYPE_A,
	    CLASS_IN, a, on_answer, NULL);
	if (no == 0)
		return; /* a may be answered, and gone */
	LIST_REMOVE(a, next);
	l->asks[is_v6] = NULL;
	free(a);
	dg_fail(&l->failed, DG_E_IO, 451, "4.4.3", "cannot look up %s: %s",
	    l->name, ub_strerror(no));
}

struct dg_lookup *
dg_lookup_new(struct dg_resolver *r, struct dg_str name, unsigned port,
    dg_lookup_fn *fn, void *ctx)
{
	struct dg_lookup *l = dg_alloc0(sizeof(*l));

	l->resolver = r;
	l->fn = fn;
	l->ctx = ctx;
	l->port = port;
	snprintf(l->name, sizeof(l->name), "%.*s", DG_FMT(name));
	l->tell = evtimer_new(dg_loop_base(r->loop), on_tell, l);
	LIST_INSERT_HEAD(&r->lookups, l, next);
	if (!is_name(name))
		dg_fail(&l->failed, DG_E_CONFIG, 451, "4.4.4",
		    "no such host: \"%s\" is not a host name", l->name);
	else
		open_library(r, &l->failed);
	for (int is_v6 = 1; is_v6 >= 0 && l->failed.rc == DG_OK; is_v6--)
		ask_for(l, is_v6 == 1);
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
		if (l->asks[i] != NULL)
			l->asks[i]->lookup = NULL;
	LIST_REMOVE(l, next);
	event_free(l->tell);
	free(l);
}
