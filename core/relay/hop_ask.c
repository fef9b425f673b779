/*
 * hop_ask.c - what the client machine asks of policy: how to speak, and what a
 * reply to a login amounts to.
 */
#include "hop_session.h"

#include "dragoman/base/log.h"

static void
give(struct dg_hop_session *h, const struct dg_cli_answer *a)
{
	dg_acts_reset(&h->acts);
	dg_cli_answer(h->cli, a, &h->acts);
	dg_hop_forget(h);
}

/* ---- how to speak ---- */

static void
take_speak(struct dg_hop_session *h)
{
	const struct dg_decision *d = &h->speaking.d;
	struct dg_cli_answer a = { 0 };
	char where[256];

	if (d->kind != DG_D_NONE)
		dg_log(d->is_default ? DG_LOG_WARN : DG_LOG_INFO, "decision",
		    dg_kv_z("id", h->attempt->claim->item.name),
		    dg_kv_z("question", "speak"),
		    dg_kv_s("asked", dg_cli_offered(h->cli)),
		    dg_kv_z("decision", dg_decision_name(d->kind)),
		    dg_kv_s("verb", d->verb), dg_kv_s("because", d->because),
		    dg_kv_z("where",
			dg_where_text(d->where, where, sizeof(where))));
	if (d->kind == DG_D_USE) {
		a.verb = d->verb;
		a.has_mech = d->has_mech;
		a.mech = d->mech;
	} else if (d->kind == DG_D_RETRY || d->kind == DG_D_DEFER) {
		a.has_action = true;
		a.action =
		    d->next_host ? DG_ACTION_NEXT_HOST : DG_ACTION_RETRY;
		a.meaning = DG_MEANING_TEMPORARY;
	}
	give(h, &a);
}

static void
on_speak(void *ctx, struct dg_asking *a)
{
	struct dg_hop_session *h = ctx;

	(void)a;
	take_speak(h);
	dg_hop_pump(h);
}

static void
ask_speak(struct dg_hop_session *h)
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

	dg_asking_init(&h->speaking, on_speak, h);
	if (dg_policy_ask(dg_generation_state(h->generation, h->worker->index),
		&h->speaking, DG_Q_SPEAK, &h->hop->on, facts,
		&h->attempt->notes))
		take_speak(h);
}

/* ---- what a reply amounts to ---- */

static void
take_reply(struct dg_hop_session *h)
{
	struct dg_cli_answer a = { .has_action = true };

	h->judged = h->judging.out;
	h->has_judged = true;
	a.action = h->judged.action;
	a.meaning = h->judged.meaning;
	give(h, &a);
}

static void
on_reply(void *ctx, struct dg_judging *j)
{
	struct dg_hop_session *h = ctx;

	(void)j;
	take_reply(h);
	dg_hop_pump(h);
}

static void
ask_reply(struct dg_hop_session *h, const struct dg_result *r)
{
	const struct dg_judge_query q = { h->hop, h->host, &h->judged_about,
		&h->attempt->claim->item, NULL, &h->attempt->notes };

	h->judged_about = *r;
	if (dg_judge(h->worker, h->generation, &q, &h->judging, on_reply, h))
		take_reply(h);
}

void
dg_hop_answer(struct dg_hop_session *h, enum dg_ask question,
    const struct dg_result *r)
{
	const struct dg_cli_answer none = { 0 };

	h->is_asking = true;
	if (question == DG_ASK_SPEAK)
		ask_speak(h);
	else if (question == DG_ASK_REPLY)
		ask_reply(h, r);
	else
		give(h, &none);
}

void
dg_hop_forget(struct dg_hop_session *h)
{
	if (h->is_asking)
		dg_asking_drop(&h->speaking);
	dg_judging_drop(&h->judging);
	h->is_asking = false;
}
