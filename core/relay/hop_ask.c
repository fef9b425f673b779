/*
 * hop_ask.c - what the client machine asks of policy: how to speak, and what a
 * reply to a login amounts to.
 */
#include "hop_session.h"

/* ---- questions of the client machine ---- */

static void
answer_speak(struct dg_hop_session *h, struct dg_cli_answer *out,
    struct dg_decision *d)
{
	const struct dg_item *it = &h->attempt->claim->item;
	const struct dg_fact facts[] = {
		{ "peer", false, 0, it->peer },
		{ "address", false, 0, it->address },
		{ "listener", false, 0, it->listener },
		{ "tls", true, dg_cli_has_tls(h->cli), DG_NOSTR },
		{ "hop", false, 0, dg_str(h->hop->name) },
		{ "host", false, 0, dg_str(h->host) },
		{ "offered", false, 0, dg_cli_offered(h->cli) },
		{ NULL, false, 0, DG_NOSTR },
	};

	dg_policy_ask(dg_generation_state(h->generation, h->worker->index),
	    DG_Q_SPEAK, &h->hop->on, facts, &h->attempt->notes, d);
	if (d->kind == DG_D_USE) {
		out->verb = d->verb;
		out->has_mech = d->has_mech;
		out->mech = d->mech;
	} else if (d->kind == DG_D_RETRY || d->kind == DG_D_DEFER) {
		out->has_action = true;
		out->action = d->next_host ? DG_ACTION_NEXT_HOST
					   : DG_ACTION_RETRY;
		out->meaning = DG_MEANING_TEMPORARY;
	}
}

static void
answer_reply(struct dg_hop_session *h, const struct dg_result *r,
    struct dg_cli_answer *out)
{
	dg_judge(h->worker, h->generation, h->hop, h->host, r,
	    &h->attempt->claim->item, NULL, &h->attempt->notes, &h->judged);
	h->has_judged = true;
	h->judged_about = *r;
	out->has_action = true;
	out->action = h->judged.action;
	out->meaning = h->judged.meaning;
}

void
dg_hop_answer(struct dg_hop_session *h, enum dg_ask question,
    const struct dg_result *r)
{
	struct dg_cli_answer a = { 0 };
	struct dg_decision d;

	dg_decision_init(&d);
	if (question == DG_ASK_SPEAK)
		answer_speak(h, &a, &d);
	else if (question == DG_ASK_REPLY)
		answer_reply(h, r, &a);
	dg_acts_reset(&h->acts);
	dg_cli_answer(h->cli, &a, &h->acts);
	dg_decision_fini(&d);
}
