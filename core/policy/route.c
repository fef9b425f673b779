/*
 * route.c - walk d.route in file order: where does this recipient go?
 *
 * A row without a function costs no Lua; a function stands where its row
 * stands, and nil means the next row.  Nothing matched: refused, because a
 * relay that does not know whose mail it is carries nobody's.
 */
#include "call.h"

#include <stdio.h>

#include "dragoman/wire/path.h"

static bool
matches(const struct dg_route *r, const struct dg_route_query *q)
{
	if (r->peer != NULL && !dg_str_is(q->peer, r->peer))
		return false;
	if (r->size != 0 && q->size < r->size)
		return false;
	return dg_patterns_match(&r->to, q->recipient) &&
	    dg_patterns_match(&r->from, q->sender) &&
	    dg_patterns_match(&r->user, q->user);
}

static void
facts_of(struct dg_asking *a)
{
	const struct dg_route_query *q = &a->query.route;
	const struct dg_fact facts[] = {
		{ "peer", false, 0, q->peer },
		{ "address", false, 0, q->address },
		{ "listener", false, 0, q->listener },
		{ "tls", true, q->tls, DG_NOSTR },
		{ "helo", false, 0, q->helo },
		{ "recipient", false, 0, q->recipient },
		{ "domain", false, 0, dg_address_domain(q->recipient) },
		{ "sender", false, 0, q->sender },
		{ "user", false, 0, q->user },
		{ "size", true, (int64_t)q->size, DG_NOSTR },
		{ "tries", true, q->tries, DG_NOSTR },
		{ "age", true, q->age_ms / 1000, DG_NOSTR },
		{ NULL, false, 0, DG_NOSTR },
	};

	memcpy(a->facts, facts, sizeof(facts));
}

static void
keep(struct dg_asking *a)
{
	struct dg_route_query *q = &a->query.route;

	q->peer = dg_asking_fact(a, "peer");
	q->address = dg_asking_fact(a, "address");
	q->listener = dg_asking_fact(a, "listener");
	q->helo = dg_asking_fact(a, "helo");
	q->recipient = dg_asking_fact(a, "recipient");
	q->sender = dg_asking_fact(a, "sender");
	q->user = dg_asking_fact(a, "user");
}

static void
refuse(struct dg_decision *out, struct dg_where where, int code,
    const char *enhanced, const char *text)
{
	out->kind = code / 100 == 4 ? DG_D_DEFER : DG_D_REFUSE;
	out->where = where;
	out->code = code;
	snprintf(out->enhanced, sizeof(out->enhanced), "%s", enhanced);
	out->text = dg_str(text);
}

static int
next_row(struct dg_asking *a)
{
	const struct dg_rules *rules = dg_policy_rules(a->state->policy);

	while (a->at < rules->n_routes) {
		const struct dg_route *r = &rules->routes[a->at++];

		if (!matches(r, &a->query.route))
			continue;
		if (r->kind == DG_ROUTE_ASK) {
			if (a->facts[0].name == NULL)
				facts_of(a);
			return r->ask;
		}
		dg_row_hit(r->row);
		if (r->kind == DG_ROUTE_REFUSE) {
			refuse(&a->d, r->where, r->code, r->enhanced, r->text);
		} else {
			a->d.kind = DG_D_TO;
			a->d.where = r->where;
			a->d.hop = dg_str(r->hop->name);
		}
		return 0;
	}
	refuse(&a->d, (struct dg_where){ NULL, 0 }, 550, "5.7.1",
	    "no route here leads to that recipient");
	return 0;
}

/* A row's function was called. */
static bool
is_answered(struct dg_asking *a)
{
	const struct dg_rules *rules = dg_policy_rules(a->state->policy);

	if (a->d.kind == DG_D_NONE)
		return false;
	dg_row_hit(rules->routes[a->at - 1].row);
	return true;
}

static const struct dg_asking_walk routes_walk = {
	.next = next_row,
	.ends = is_answered,
	.read = dg_asking_read,
	.keep = keep,
};

bool
dg_policy_route(struct dg_policy_state *s, struct dg_asking *a,
    const struct dg_route_query *q, struct dg_notes *notes)
{
	a->state = s;
	a->question = DG_Q_ROUTE;
	a->notes = notes;
	a->walk = &routes_walk;
	a->at = 0;
	a->query.route = *q;
	a->facts[0].name = NULL;
	return dg_asking_walk(a);
}
