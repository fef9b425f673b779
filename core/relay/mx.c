/*
 * mx.c - where mail for a domain goes (RFC 5321 5.1): which of the hosts that
 * its MX records name are called, at which addresses, in which order; or why
 * none is.
 *
 * Everything here was written by whoever owns the zone.  So hosts and addresses
 * are bounded, and an MX never leads to this machine or to no machine at all.
 */
#include "mx.h"

#include <limits.h>
#include <stdio.h>

#include "dragoman/base/rand.h"

/* ---- addresses that no mail is sent to ---- */

static bool
is_in(const char *const *nets, size_t n, struct dg_str address)
{
	struct dg_net net;

	for (size_t i = 0; i < n; i++)
		if (dg_net_read(dg_str(nets[i]), &net) &&
		    dg_net_has(&net, address))
			return true;
	return false;
}

static bool
is_loopback(struct dg_str address)
{
	static const char *const nets[] = { "127.0.0.0/8", "::1" };

	return is_in(nets, sizeof(nets) / sizeof(nets[0]), address);
}

/* Unspecified, link-local, multicast: never an MX, whoever wrote it. */
static bool
is_nowhere(struct dg_str address)
{
	static const char *const nets[] = { "0.0.0.0/8", "169.254.0.0/16",
		"224.0.0.0/3", "::/128", "fe80::/10", "ff00::/8" };

	return is_in(nets, sizeof(nets) / sizeof(nets[0]), address);
}

static void
take_address(struct dg_mx_plan *p, struct dg_mx_host *h, bool is_v6,
    struct dg_str address)
{
	bool is_here = is_loopback(address);

	if (p->o.is_ours(p->o.ctx, address, p->o.port))
		h->is_ours = true;
	if (is_nowhere(address) || (is_here && !p->o.may_loopback)) {
		h->is_local = true;
		return;
	}
	if (h->n[is_v6] < DG_MX_ADDRESSES_MAX &&
	    address.n < sizeof(h->addresses[0][0]))
		snprintf(h->addresses[is_v6][h->n[is_v6]++],
		    sizeof(h->addresses[0][0]), "%.*s", DG_FMT(address));
}

/* ---- verdicts ---- */

static void
verdict(struct dg_mx_plan *p, enum dg_meaning m, const char *enhanced,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static void
verdict(struct dg_mx_plan *p, enum dg_meaning m, const char *enhanced,
    const char *fmt, ...)
{
	struct dg_result *r = &p->verdict;
	va_list ap;

	memset(r, 0, sizeof(*r));
	r->meaning = m;
	r->stage = DG_STAGE_CONNECT;
	snprintf(r->enhanced, sizeof(r->enhanced), "%s", enhanced);
	va_start(ap, fmt);
	vsnprintf(r->text, sizeof(r->text), fmt, ap);
	va_end(ap);
	p->n_places = 0;
}

/* ---- the beginning ---- */

void
dg_mx_begin(struct dg_mx_plan *p, const struct dg_mx_options *o)
{
	memset(p, 0, sizeof(*p));
	p->o = *o;
	snprintf(p->domain, sizeof(p->domain), "%.*s", DG_FMT(o->domain));
	snprintf(p->hostname, sizeof(p->hostname), "%.*s",
	    DG_FMT(o->hostname));
	p->o.domain = dg_str(p->domain);
	p->o.hostname = dg_str(p->hostname);
	if (p->o.below == NULL)
		p->o.below = dg_rand_below;
	p->ours = UINT_MAX;
}

static struct dg_mx_host *
add_host(struct dg_mx_plan *p, struct dg_str name, unsigned preference)
{
	struct dg_mx_host *h = &p->hosts[p->n_hosts++];

	snprintf(h->name, sizeof(h->name), "%.*s", DG_FMT(name));
	h->preference = preference;
	return h;
}

bool
dg_mx_literal(struct dg_mx_plan *p)
{
	struct dg_str s = p->o.domain;
	struct dg_net net;

	if (s.n < 2 || s.p[0] != '[' || s.p[s.n - 1] != ']')
		return false;
	s = dg_str_sub(s, 1, s.n - 2);
	if (s.n > 5 && dg_str_iis(dg_str_sub(s, 0, 5), "IPv6:"))
		s = dg_str_from(s, 5);
	p->is_implicit = true;
	if (!dg_net_read(s, &net) || net.bits != 128) {
		verdict(p, DG_MEANING_UNKNOWN_RECIPIENT, "5.1.2",
		    "%s is no address of a mail server", p->domain);
		return true;
	}
	take_address(p, add_host(p, s, 0), dg_str_find(s, ':') < s.n, s);
	dg_mx_decide(p);
	return true;
}

/* ---- MX records ---- */

static bool
is_root(struct dg_str name)
{
	return name.n == 0 || dg_str_is(name, ".");
}

static bool
is_our_name(const struct dg_mx_plan *p, struct dg_str name)
{
	struct dg_str ours = p->o.hostname;

	if (ours.n > 0 && ours.p[ours.n - 1] == '.')
		ours.n--;
	return dg_str_ieq(name, ours);
}

static bool
is_localhost(struct dg_str name)
{
	return dg_str_iis(name, "localhost") ||
	       (name.n > 10 && dg_str_iis(dg_str_from(name, name.n - 10),
				   ".localhost"));
}

/* RFC 5321 5.1: equal ones in a random order, so that they share the load. */
static void
shuffle(const struct dg_mx_plan *p, const struct dg_dns_record **v, size_t n)
{
	for (size_t from = 0, to; from < n; from = to) {
		for (to = from + 1; to < n; to++)
			if (v[to]->preference != v[from]->preference)
				break;
		for (size_t i = to - 1; i > from; i--) {
			size_t k = from +
			    p->o.below((uint32_t)(i - from + 1));
			const struct dg_dns_record *t = v[i];

			v[i] = v[k];
			v[k] = t;
		}
	}
}

static void
take_records(struct dg_mx_plan *p, const struct dg_dns_answer *a)
{
	const struct dg_dns_record *v[DG_DNS_RECORDS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < a->n && n < DG_DNS_RECORDS_MAX; i++) {
		const struct dg_dns_record *r = &a->v[i];

		if (is_root(r->text) || r->text.n >= DG_MX_NAME_MAX)
			continue;
		if (is_our_name(p, r->text) && r->preference < p->ours)
			p->ours = r->preference;
		v[n++] = r;
	}
	shuffle(p, v, n);
	for (size_t i = 0; i < n && p->n_hosts < DG_MX_HOSTS_MAX; i++) {
		struct dg_mx_host *h;

		if (v[i]->preference >= p->ours)
			break;
		h = add_host(p, v[i]->text, v[i]->preference);
		h->is_local = is_localhost(v[i]->text) && !p->o.may_loopback;
	}
}

bool
dg_mx_records(struct dg_mx_plan *p, const struct dg_dns_answer *a)
{
	switch (a->result) {
	case DG_DNS_FOUND:
		if (a->n == 1 && is_root(a->v[0].text)) { /* RFC 7505 */
			verdict(p, DG_MEANING_UNKNOWN_RECIPIENT, "5.1.10",
			    "the domain %s takes no mail (its MX is \".\")",
			    p->domain);
			return false;
		}
		take_records(p, a);
		if (p->n_hosts == 0)
			dg_mx_decide(p);
		return p->n_hosts > 0;
	case DG_DNS_NO_RECORD:
		p->is_implicit = true;
		if (is_our_name(p, p->o.domain))
			p->ours = 0;
		(void)add_host(p, p->o.domain, 0);
		return true;
	case DG_DNS_NO_NAME:
	case DG_DNS_NOT_A_NAME:
	case DG_DNS_NOT_AN_ADDRESS:
		verdict(p, DG_MEANING_UNKNOWN_RECIPIENT, "5.1.2",
		    "the domain %s does not exist", p->domain);
		return false;
	case DG_DNS_TIMEOUT:
	case DG_DNS_FAILED:
	case DG_DNS_BOGUS:
		break;
	}
	verdict(p, DG_MEANING_UNREACHABLE, "4.4.3",
	    "the mail servers of %s are not known: %s", p->domain, a->why);
	return false;
}

/* ---- addresses ---- */

void
dg_mx_addresses(struct dg_mx_plan *p, size_t i, bool is_v6,
    const struct dg_dns_answer *a)
{
	struct dg_mx_host *h = &p->hosts[i];

	for (size_t k = 0; k < a->n; k++)
		take_address(p, h, is_v6, a->v[k].text);
	if (a->result == DG_DNS_TIMEOUT || a->result == DG_DNS_FAILED ||
	    a->result == DG_DNS_BOGUS)
		h->is_unknown = true;
}

/* IPv6 first, then one of each (RFC 8305 4): where one kind does not get
 * through, that costs one attempt. */
static void
add_places(struct dg_mx_plan *p, const struct dg_mx_host *h, size_t most)
{
	size_t at[2] = { 0, 0 };
	bool is_v6 = true;

	for (size_t n = 0; n < most && p->n_places < DG_MX_PLACES_MAX; n++) {
		struct dg_mx_place *x;
		const char *address;

		if (at[is_v6] == h->n[is_v6])
			is_v6 = !is_v6;
		if (at[is_v6] == h->n[is_v6])
			return;
		address = h->addresses[is_v6][at[is_v6]++];
		x = &p->places[p->n_places++];
		snprintf(x->dial, sizeof(x->dial), is_v6 ? "[%s]:%u" : "%s:%u",
		    address, p->o.port);
		/* an address literal is its own name */
		if (strcmp(h->name, address) == 0)
			snprintf(x->host, sizeof(x->host),
			    is_v6 ? "[%s]:%u" : "%s:%u", address, p->o.port);
		else
			snprintf(x->host, sizeof(x->host), "%s:%u", h->name,
			    p->o.port);
		is_v6 = !is_v6;
	}
}

static void
say_why(struct dg_mx_plan *p)
{
	const struct dg_mx_host *unknown = NULL, *local = NULL;

	for (size_t i = 0; i < p->n_hosts; i++) {
		const struct dg_mx_host *h = &p->hosts[i];

		if (h->preference >= p->ours)
			continue;
		if (h->is_unknown)
			unknown = h;
		if (h->is_local)
			local = h;
	}
	if (unknown != NULL)
		verdict(p, DG_MEANING_UNREACHABLE, "4.4.3",
		    "the name server did not say where %s is, a mail server "
		    "of %s",
		    unknown->name, p->domain);
	else if (local != NULL)
		verdict(p, DG_MEANING_PERMANENT, "5.4.4",
		    "the mail server of %s is %s, and that is at no address "
		    "which mail can be sent to",
		    p->domain, local->name);
	else if (p->ours != UINT_MAX)
		verdict(p, DG_MEANING_PERMANENT, "5.4.6",
		    "mail for %s loops back to us: its MX records name this "
		    "host, and none that is better",
		    p->domain);
	else if (p->is_implicit)
		verdict(p, DG_MEANING_UNKNOWN_RECIPIENT, "5.1.2",
		    "the domain %s has no mail server: neither an MX record "
		    "nor an address",
		    p->domain);
	else
		verdict(p, DG_MEANING_PERMANENT, "5.4.4",
		    "none of the mail servers of %s has an address",
		    p->domain);
}

/* Whatever is not better than us would hand the mail back (RFC 5321 5.1). */
void
dg_mx_decide(struct dg_mx_plan *p)
{
	size_t better = 0;

	for (size_t i = 0; i < p->n_hosts; i++)
		if (p->hosts[i].is_ours && p->hosts[i].preference < p->ours)
			p->ours = p->hosts[i].preference;
	for (size_t i = 0; i < p->n_hosts; i++)
		better += p->hosts[i].preference < p->ours;
	for (size_t i = 0; i < p->n_hosts; i++)
		if (p->hosts[i].preference < p->ours)
			add_places(p, &p->hosts[i], better > 1 ? 2 : 4);
	if (p->n_places == 0)
		say_why(p);
}
