/*
 * mx_ask.c - ask the DNS for a domain's mail servers, and for the addresses of
 * all of them at once: whether one of them is ourselves must be known before
 * the first is called.
 *
 * Answers come by ticket; who is not interested any more drops the tickets.
 */
#include "mx.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "dragoman/net/connect.h"

enum {
	ADDRESS_MS = 10 * 1000, /* a host whose name server is silent */
};

struct ask {
	struct dg_mx *mx;
	size_t host;
	enum dg_dns_type type;
};

/* ---- who are we? ---- */

/* An address of this machine?  Only asked where a listener takes them all. */
static bool
is_of_this_machine(struct dg_str address)
{
	struct ifaddrs *all, *i;
	struct dg_net net;
	bool is_found = false;

	if (!dg_net_read(DG_STR("127.0.0.0/8"), &net) || getifaddrs(&all) != 0)
		return false;
	is_found = dg_net_has(&net, address);
	for (i = all; i != NULL && !is_found; i = i->ifa_next) {
		char text[INET6_ADDRSTRLEN];
		const void *raw = NULL;

		if (i->ifa_addr == NULL)
			continue;
		if (i->ifa_addr->sa_family == AF_INET)
			raw = &((struct sockaddr_in *)(void *)i->ifa_addr)
				   ->sin_addr;
		else if (i->ifa_addr->sa_family == AF_INET6)
			raw = &((struct sockaddr_in6 *)(void *)i->ifa_addr)
				   ->sin6_addr;
		if (raw != NULL &&
		    inet_ntop(i->ifa_addr->sa_family, raw, text,
			sizeof(text)) != NULL)
			is_found = dg_str_is(address, text);
	}
	freeifaddrs(all);
	return is_found;
}

static bool
is_ours(void *ctx, struct dg_str address, unsigned port)
{
	const struct dg_config *c = dg_generation_config(ctx);

	for (size_t i = 0; i < c->n_listeners; i++) {
		struct dg_net net;
		struct dg_str at;
		unsigned p;

		if (!dg_hostport(dg_str(c->listeners[i].address), &at, &p) ||
		    p != port)
			continue;
		if (dg_net_read(at, &net) && net.bits == 128 &&
		    dg_net_has(&net, address))
			return true;
		if ((dg_str_is(at, "0.0.0.0") || dg_str_is(at, "::")) &&
		    is_of_this_machine(address))
			return true;
	}
	return false;
}

/* ---- answers ---- */

static void on_answer(void *ctx, uint64_t ticket,
    const struct dg_dns_answer *a);

static void
ask(struct dg_mx *m, const char *name, enum dg_dns_type type, size_t host)
{
	struct dg_worker *w = m->worker;
	struct ask *x = dg_alloc0(sizeof(*x));
	int64_t ms = dg_generation_config(m->generation)->limits.connect_ms;
	uint64_t ticket = dg_slots_put(w->mx_asks, x);

	*x = (struct ask){ m, host, type };
	m->tickets[m->n_tickets++] = ticket;
	m->waiting++;
	if (type != DG_DNS_MX && ms > ADDRESS_MS)
		ms = ADDRESS_MS;
	dg_dns_ask(dg_dialer_resolver(w->dialer), dg_str(name), type, ms,
	    on_answer, w, ticket);
}

static void
on_answer(void *ctx, uint64_t ticket, const struct dg_dns_answer *a)
{
	struct dg_worker *w = ctx;
	struct ask *x = dg_slots_find(w->mx_asks, ticket);
	struct dg_mx *m;

	if (x == NULL)
		return;
	m = x->mx;
	m->waiting--;
	dg_slots_drop(w->mx_asks, ticket);
	if (x->type != DG_DNS_MX) {
		dg_mx_addresses(&m->plan, x->host, x->type == DG_DNS_AAAA, a);
	} else if (dg_mx_records(&m->plan, a)) {
		for (size_t i = 0; i < m->plan.n_hosts; i++) {
			ask(m, m->plan.hosts[i].name, DG_DNS_AAAA, i);
			ask(m, m->plan.hosts[i].name, DG_DNS_A, i);
		}
	} else {
		free(x);
		m->fn(m->ctx);
		return;
	}
	free(x);
	if (m->waiting > 0)
		return;
	dg_mx_decide(&m->plan);
	m->fn(m->ctx);
}

/* ---- birth and end ---- */

/* A policy test: the hop that the case scripts is all there is. */
static void
divert(struct dg_mx_plan *p, const struct dg_hop *hop)
{
	struct dg_mx_place *x = &p->places[p->n_places++];

	snprintf(x->host, sizeof(x->host), "%s:%u", p->domain, p->o.port);
	snprintf(x->dial, sizeof(x->dial), "mx:%s/%s", hop->name, p->domain);
}

struct dg_mx *
dg_mx_new(struct dg_worker *w, struct dg_generation *g,
    const struct dg_hop *hop, struct dg_str domain, void (*fn)(void *ctx),
    void *ctx, bool *is_done)
{
	struct dg_mx *m = dg_alloc0(sizeof(*m));
	struct dg_mx_options o = {
		.domain = domain,
		.hostname = dg_str(dg_generation_config(g)->hostname),
		.port = (unsigned)hop->mx_port,
		.may_loopback = hop->mx_loopback,
		.is_ours = is_ours,
		.ctx = g,
	};

	m->worker = w;
	m->generation = dg_generation_pin(g);
	m->fn = fn;
	m->ctx = ctx;
	dg_mx_begin(&m->plan, &o);
	*is_done = true;
	if (dg_dialer_is_diverted(w->dialer)) {
		divert(&m->plan, hop);
	} else if (!dg_mx_literal(&m->plan)) {
		*is_done = false;
		ask(m, m->plan.domain, DG_DNS_MX, 0);
	}
	return m;
}

void
dg_mx_free(struct dg_mx *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->n_tickets; i++) {
		free(dg_slots_find(m->worker->mx_asks, m->tickets[i]));
		dg_slots_drop(m->worker->mx_asks, m->tickets[i]);
	}
	dg_generation_unpin(m->generation);
	free(m);
}
