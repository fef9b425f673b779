/*
 * judge.c - what is to be done about what a hop said: policy first (question
 * reply), then the hop's `when`, then the meaning's own action.
 */
#include "relay_state.h"

#include <stdio.h>

#include "dragoman/base/clock.h"
#include "dragoman/base/log.h"
#include "dragoman/wire/path.h"

static bool
ask(struct dg_worker *w, struct dg_generation *g,
    const struct dg_judge_query *q, struct dg_judging *j)
{
	const struct dg_item *item = q->item;
	const struct dg_result *r = q->result;
	struct dg_str to = q->rcpt != NULL ? q->rcpt->address : DG_NOSTR;
	const struct dg_fact facts[] = {
		{ "peer", false, 0, item->peer },
		{ "address", false, 0, item->address },
		{ "listener", false, 0, item->listener },
		{ "hop", false, 0, dg_str(q->hop->name) },
		{ "host", false, 0, dg_str(q->host) },
		{ "stage", false, 0, dg_str(dg_stage_name(r->stage)) },
		{ "verb", false, 0, dg_str(r->verb) },
		{ "code", true, r->code, DG_NOSTR },
		{ "enhanced", false, 0, dg_str(r->enhanced) },
		{ "reply", false, 0, dg_str(r->text) },
		{ "meaning", false, 0, dg_str(dg_meaning_name(r->meaning)) },
		{ "tries", true, q->rcpt != NULL ? q->rcpt->tries : 0,
		    DG_NOSTR },
		{ "age", true, (dg_now_ms() - item->arrival_ms) / 1000,
		    DG_NOSTR },
		{ "recipient", false, 0, to },
		{ "domain", false, 0, dg_address_domain(to) },
		{ "sender", false, 0, item->sender },
		{ NULL, false, 0, DG_NOSTR },
	};

	return dg_policy_ask(dg_generation_state(g, w->index), &j->asking,
	    DG_Q_REPLY, &q->hop->on, facts, q->notes);
}

static void
take(struct dg_judging *j)
{
	const struct dg_decision *d = &j->asking.d;
	struct dg_judgement *out = &j->out;
	char where[256];

	switch (d->kind) {
	case DG_D_RETRY:
		out->action = d->next_host ? DG_ACTION_NEXT_HOST
		    : d->verb.n > 0	   ? DG_ACTION_NEXT_VERB
					   : DG_ACTION_RETRY;
		out->after_ms = d->after_ms;
		out->next_host = d->next_host;
		out->slow_down = d->slow_down;
		break;
	case DG_D_HOLD:
		out->action = DG_ACTION_HOLD;
		snprintf(out->alert, sizeof(out->alert), "%.*s",
		    DG_FMT(d->alert));
		break;
	case DG_D_FAIL:
		out->action = DG_ACTION_FAIL;
		if (d->has_meaning)
			out->meaning = d->meaning;
		break;
	default:
		return;
	}
	out->where = d->where;
	dg_log(d->is_default ? DG_LOG_WARN : DG_LOG_INFO, "decision",
	    dg_kv_z("id", j->id), dg_kv_z("question", "reply"),
	    dg_kv_z("decision", dg_decision_name(d->kind)),
	    dg_kv_s("because", d->because),
	    dg_kv_z("where", dg_where_text(d->where, where, sizeof(where))));
}

static void
on_asked(void *ctx, struct dg_asking *a)
{
	struct dg_judging *j = ctx;

	(void)a;
	take(j);
	dg_judging_drop(j);
	j->fn(j->ctx, j);
}

bool
dg_judge(struct dg_worker *w, struct dg_generation *g,
    const struct dg_judge_query *q, struct dg_judging *j, dg_judged_fn *fn,
    void *ctx)
{
	const struct dg_result *r = q->result;
	const struct dg_hop *hop = q->hop;

	j->fn = fn;
	j->ctx = ctx;
	j->id = q->item->name;
	j->out = (struct dg_judgement){
		.action = dg_meaning_action(r->meaning),
		.meaning = r->meaning,
	};
	if (r->by != NULL) {
		j->out.where = (struct dg_where){ r->by->file, r->by->line };
		dg_policy_hit(dg_generation_state(g, w->index), j->out.where);
	}
	if (hop != NULL && hop->has_when[r->meaning]) {
		j->out.action = hop->when[r->meaning];
		j->out.where = hop->where;
	}
	if (hop == NULL || r->code < 400 ||
	    !dg_policy_wants(dg_generation_rules(g), DG_Q_REPLY, &hop->on))
		return true;
	j->is_asking = true;
	dg_asking_init(&j->asking, on_asked, j);
	if (!ask(w, g, q, j))
		return false;
	take(j);
	dg_judging_drop(j);
	return true;
}

void
dg_judging_drop(struct dg_judging *j)
{
	if (j->is_asking)
		dg_asking_drop(&j->asking);
	j->is_asking = false;
}
