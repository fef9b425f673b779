/*
 * route.c - walk d.route in file order: where does this recipient go?
 *
 * A row without a function costs no Lua; a function stands where its row
 * stands, and nil means the next row.  Nothing matched: refused, because a
 * relay that does not know whose mail it is carries nobody's.
 */
#include "decision.h"

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

static bool
ask_row(struct dg_policy_state *s, const struct dg_route *r,
    const struct dg_route_query *q, struct dg_notes *notes,
    struct dg_decision *out)
{
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

	return dg_hook_ask(s, DG_Q_ROUTE, r->ask, facts, notes, out);
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

void
dg_policy_route(struct dg_policy_state *s, const struct dg_route_query *q,
    struct dg_notes *notes, struct dg_decision *out)
{
	const struct dg_rules *rules = dg_policy_rules(s->policy);

	for (size_t i = 0; i < rules->n_routes; i++) {
		const struct dg_route *r = &rules->routes[i];

		if (!matches(r, q))
			continue;
		if (r->kind == DG_ROUTE_ASK) {
			if (ask_row(s, r, q, notes, out))
				return;
		} else if (r->kind == DG_ROUTE_REFUSE) {
			refuse(out, r->where, r->code, r->enhanced, r->text);
			return;
		} else {
			out->kind = DG_D_TO;
			out->where = r->where;
			out->hop = dg_str(r->hop->name);
			return;
		}
	}
	refuse(out, (struct dg_where){ NULL, 0 }, 550, "5.7.1",
	    "no route here leads to that recipient");
}
