/*
 * deliver.c - from a claim to what becomes of each recipient.
 *
 * A claim is a lease on one message's recipients in one lane.  Here it becomes
 * an attempt: routes are walked again at later tries, what is too old is given
 * up, the rest waits in its lane for a hop session.  What a hop said comes
 * back as results; dg_judge() decides what to do about each - policy first, then
 * the hop's `when`, then the meaning's own action - and one settle hands all
 * of it to the spool.
 */
#include "relay_state.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/clock.h"
#include "dragoman/base/log.h"
#include "dragoman/wire/path.h"

enum {
	HOLD_MS = 10 * 60 * 1000,    /* a held lane is probed this often */
	NO_ROOM_MS = 60 * 1000,      /* no room for a report: try again then */
	NOTES_MAX = 4096,
};

static const struct dg_rules *
rules_of(const struct dg_attempt *a)
{
	return dg_generation_rules(a->generation);
}

static struct dg_policy_state *
state_of(const struct dg_attempt *a)
{
	return dg_generation_state(a->generation, a->worker->index);
}

/* ---- judging what a hop said ---- */

static enum dg_action
default_action(const struct dg_hop *hop, enum dg_meaning m)
{
	if (hop != NULL && hop->has_when[m])
		return hop->when[m];
	return dg_meaning_action(m);
}

static void
ask_reply(struct dg_worker *w, struct dg_generation *g,
    const struct dg_hop *hop, const char *host, const struct dg_result *r,
    const struct dg_item *item, const struct dg_item_rcpt *rcpt,
    struct dg_notes *notes, struct dg_decision *d)
{
	struct dg_str to = rcpt != NULL ? rcpt->address : DG_NOSTR;
	int64_t now = dg_now_ms();
	const struct dg_fact facts[] = {
		{ "peer", false, 0, item != NULL ? item->peer : DG_NOSTR },
		{ "address", false, 0, item != NULL ? item->address : DG_NOSTR },
		{ "listener", false, 0,
		    item != NULL ? item->listener : DG_NOSTR },
		{ "hop", false, 0, dg_str(hop->name) },
		{ "host", false, 0, dg_str(host) },
		{ "stage", false, 0, dg_str(dg_stage_name(r->stage)) },
		{ "verb", false, 0, dg_str(r->verb) },
		{ "code", true, r->code, DG_NOSTR },
		{ "enhanced", false, 0, dg_str(r->enhanced) },
		{ "reply", false, 0, dg_str(r->text) },
		{ "meaning", false, 0, dg_str(dg_meaning_name(r->meaning)) },
		{ "tries", true, rcpt != NULL ? rcpt->tries : 0, DG_NOSTR },
		{ "age", true,
		    item != NULL ? (now - item->arrival_ms) / 1000 : 0,
		    DG_NOSTR },
		{ "recipient", false, 0, to },
		{ "domain", false, 0, dg_address_domain(to) },
		{ "sender", false, 0, item != NULL ? item->sender : DG_NOSTR },
		{ NULL, false, 0, DG_NOSTR },
	};

	dg_policy_ask(dg_generation_state(g, w->index), DG_Q_REPLY, &hop->on,
	    facts, notes, d);
}

static void
take_decision(const struct dg_decision *d, struct dg_judgement *out)
{
	switch (d->kind) {
	case DG_D_RETRY:
		out->action = d->next_host ? DG_ACTION_NEXT_HOST
		    : d->verb.n > 0	   ? DG_ACTION_NEXT_VERB
					   : DG_ACTION_RETRY;
		out->after_ms = d->after_ms;
		out->next_host = d->next_host;
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
	case DG_D_DEFER: /* the safe default of a hook that failed */
		out->action = DG_ACTION_RETRY;
		break;
	default:
		return;
	}
	out->where = d->where;
}

void
dg_judge(struct dg_worker *w, struct dg_generation *g, const struct dg_hop *hop,
    const char *host, const struct dg_result *r, const struct dg_item *item,
    const struct dg_item_rcpt *rcpt, struct dg_notes *notes,
    struct dg_judgement *out)
{
	struct dg_decision d;

	*out = (struct dg_judgement){
		.action = default_action(hop, r->meaning),
		.meaning = r->meaning,
	};
	if (r->by != NULL)
		out->where = (struct dg_where){ r->by->file, r->by->line };
	if (hop != NULL && hop->has_when[r->meaning])
		out->where = hop->where;
	if (hop == NULL || r->code < 400 ||
	    !dg_policy_wants(dg_generation_rules(g), DG_Q_REPLY, &hop->on))
		return;
	dg_decision_init(&d);
	ask_reply(w, g, hop, host, r, item, rcpt, notes, &d);
	take_decision(&d, out);
	dg_decision_fini(&d);
}

/* ---- results ---- */

static int64_t
next_try(const struct dg_attempt *a, const struct dg_item_rcpt *rcpt,
    int64_t after_ms)
{
	const struct dg_hop *h = a->hop;
	size_t k = rcpt->tries;
	int64_t due;

	if (after_ms <= 0) {
		if (h == NULL)
			after_ms = NO_ROOM_MS;
		else
			after_ms = h->retry_ms[k < h->n_retry ? k
							      : h->n_retry - 1];
	}
	due = dg_now_ms() + after_ms;
	/* the report goes out when it is given up, not at the next try */
	return rcpt->expire_ms > 0 && due > rcpt->expire_ms ? rcpt->expire_ms
							    : due;
}

static void
hold_lane(struct dg_attempt *a, const struct dg_judgement *j,
    const struct dg_result *r)
{
	char name[160], *text;

	if (a->has_held)
		return; /* for another recipient of the message */
	a->has_held = true;
	text = dg_sprintf("hop %s (%s): %s: %s", a->hop->name, a->host,
	    dg_meaning_name(j->meaning), r->text);
	dg_spool_hold(a->worker->relay->spool, a->claim->lane,
	    dg_now_ms() + HOLD_MS, dg_str(dg_meaning_name(j->meaning)),
	    dg_str(r->text));
	snprintf(name, sizeof(name), "%s",
	    j->alert[0] != '\0' ? j->alert : "hop-held");
	dg_alert_raise(a->worker, name, a->hop->name, text);
	free(text);
}

static void
keep(struct dg_attempt *a, struct dg_attempt_rcpt *x, enum dg_meaning meaning)
{
	free(x->text);
	free(x->host);
	x->text = dg_strdup(x->result.text);
	x->host = dg_strdup(a->host); /* of this result: others may follow */
	x->out.number = x->item->number;
	x->out.meaning = dg_str(dg_meaning_name(meaning));
	x->out.reply = dg_str(x->text);
	x->out.host = dg_str(x->host);
	x->is_settled = true;
}

static void
log_result(const struct dg_attempt *a, const struct dg_attempt_rcpt *x,
    const char *outcome)
{
	char where[256];
	int64_t now = dg_now_ms();

	dg_log(x->out.outcome == DG_OUTCOME_DELIVERED ? DG_LOG_INFO
						      : DG_LOG_WARN,
	    "deliver", dg_kv_z("id", a->claim->item.name),
	    dg_kv_s("to", x->item->address), dg_kv_s("hop", a->claim->lane),
	    dg_kv_z("host", a->host), dg_kv_z("outcome", outcome),
	    dg_kv_z("meaning",
		x->out.outcome == DG_OUTCOME_DELIVERED
		    ? ""
		    : dg_meaning_name(x->result.meaning)),
	    dg_kv_z("stage", dg_stage_name(x->result.stage)),
	    dg_kv_z("reply", x->result.text),
	    dg_kv_i("tries", x->item->tries + 1),
	    dg_kv_i("age_ms", now - a->claim->item.arrival_ms),
	    dg_kv_n("next_in_ms",
		x->out.outcome == DG_OUTCOME_RETRY ? x->out.due_ms - now : 0),
	    dg_kv_z("where",
		x->where.file != NULL
		    ? dg_where_text(x->where, where, sizeof(where))
		    : ""));
}

void
dg_attempt_result(struct dg_attempt *a, size_t rcpt, const struct dg_result *r)
{
	struct dg_attempt_rcpt *x = &a->rcpts[rcpt];
	struct dg_judgement j;

	if (x->is_settled)
		return;
	x->result = *r;
	if (r->meaning == DG_MEANING_OK) {
		x->out.outcome = DG_OUTCOME_DELIVERED;
		keep(a, x, DG_MEANING_OK);
		log_result(a, x, "delivered");
		return;
	}
	dg_judge(a->worker, a->generation, a->hop, a->host, r, &a->claim->item,
	    x->item, &a->notes, &j);
	x->result.meaning = j.meaning;
	x->where = j.where;
	switch (j.action) {
	case DG_ACTION_FAIL:
		x->out.outcome = DG_OUTCOME_FAILED;
		break;
	case DG_ACTION_HOLD:
		hold_lane(a, &j, r);
		x->out.outcome = DG_OUTCOME_WAIT;
		x->out.due_ms = dg_now_ms();
		break;
	default:
		x->out.outcome = DG_OUTCOME_RETRY;
		x->out.due_ms = next_try(a, x->item, j.after_ms);
		break;
	}
	keep(a, x, j.meaning);
	log_result(a, x,
	    x->out.outcome == DG_OUTCOME_FAILED	    ? "failed"
		: x->out.outcome == DG_OUTCOME_WAIT ? "held"
						    : "retry");
}

void
dg_attempt_result_all(struct dg_attempt *own_a, const struct dg_result *r)
{
	for (size_t i = 0; i < own_a->n_rcpts; i++)
		dg_attempt_result(own_a, i, r);
	dg_attempt_settle(own_a);
}

/* ---- settling ---- */

static void
attempt_free(struct dg_attempt *a)
{
	for (size_t i = 0; i < a->n_rcpts; i++) {
		free(a->rcpts[i].text);
		free(a->rcpts[i].host);
		free(a->rcpts[i].lane);
	}
	free(a->rcpts);
	free(a->going);
	free(a->going_at);
	dg_buf_fini(&a->notes.kv);
	dg_generation_unpin(a->generation);
	a->worker->attempts--;
	free(a);
}

/* A report could not be written now: nothing is failed without one. */
static void
postpone_failures(struct dg_attempt *a, const struct dg_err *e)
{
	dg_log(DG_LOG_ERROR, "report-postponed",
	    dg_kv_z("id", a->claim->item.name), dg_kv_z("why", e->text));
	for (size_t i = 0; i < a->n_rcpts; i++) {
		struct dg_settle_rcpt *o = &a->rcpts[i].out;

		if (o->outcome != DG_OUTCOME_FAILED)
			continue;
		o->outcome = DG_OUTCOME_WAIT;
		o->due_ms = dg_now_ms() + NO_ROOM_MS;
	}
}

void
dg_attempt_settle(struct dg_attempt *own_a)
{
	struct dg_attempt *a = own_a;
	struct dg_settle_rcpt *outs = dg_alloc0((a->n_rcpts + 1) * sizeof(*outs));
	struct dg_bounce b = { 0 };
	struct dg_err e = { 0 };

	if (dg_bounce_write(a, &b, &e) != DG_OK)
		postpone_failures(a, &e);
	for (size_t i = 0; i < a->n_rcpts; i++) {
		assert(a->rcpts[i].is_settled);
		outs[i] = a->rcpts[i].out;
	}
	dg_spool_settle(a->worker->relay->spool, a->claim, outs, a->n_rcpts,
	    b.news, b.n);
	dg_bounce_fini(&b);
	free(outs);
	attempt_free(a);
}

/* ---- beginning ---- */

static void
give_up(struct dg_attempt *a, struct dg_attempt_rcpt *x)
{
	enum dg_meaning m = DG_MEANING_TOO_OLD;
	enum dg_meaning last;

	/* what held it is the better reason: no-common-auth, login-refused */
	if (dg_meaning_find(x->item->meaning, &last) &&
	    dg_meaning_action(last) == DG_ACTION_HOLD)
		m = last;
	x->result = (struct dg_result){ .meaning = m, .stage = DG_STAGE_ANY };
	snprintf(x->result.text, sizeof(x->result.text), "%.*s",
	    DG_FMT(x->item->reply));
	snprintf(a->host, sizeof(a->host), "%.*s", DG_FMT(x->item->host));
	x->out.outcome = DG_OUTCOME_FAILED;
	keep(a, x, m);
	log_result(a, x, "given-up");
	a->host[0] = '\0'; /* that was of an earlier try */
}

static void
refused_by_route(struct dg_attempt *a, struct dg_attempt_rcpt *x,
    const struct dg_decision *d)
{
	x->result = (struct dg_result){
		.meaning = DG_MEANING_PERMANENT,
		.stage = DG_STAGE_ANY,
		.code = d->code,
	};
	memcpy(x->result.enhanced, d->enhanced, sizeof(x->result.enhanced));
	snprintf(x->result.text, sizeof(x->result.text), "%d %s%s%.*s",
	    d->code, d->enhanced, d->enhanced[0] != '\0' ? " " : "",
	    DG_FMT(d->text));
	x->where = d->where;
	x->out.outcome = d->kind == DG_D_REFUSE ? DG_OUTCOME_FAILED
						: DG_OUTCOME_RETRY;
	if (d->kind != DG_D_REFUSE) {
		x->result.meaning = DG_MEANING_TEMPORARY;
		x->out.due_ms = next_try(a, x->item, 0);
	}
	keep(a, x, x->result.meaning);
	log_result(a, x, d->kind == DG_D_REFUSE ? "failed" : "retry");
}

/* The routes once more: another hop moves the recipient to its lane. */
static void
route_again(struct dg_attempt *a, struct dg_attempt_rcpt *x)
{
	const struct dg_item *it = &a->claim->item;
	struct dg_route_query q = {
		.recipient = x->item->address,
		.sender = it->sender,
		.peer = it->peer,
		.user = it->user,
		.address = it->address,
		.listener = it->listener,
		.helo = it->helo,
		.size = it->size,
		.tries = x->item->tries,
		.age_ms = dg_now_ms() - it->arrival_ms,
	};
	struct dg_decision d;

	dg_decision_init(&d);
	dg_policy_route(state_of(a), &q, &a->notes, &d);
	if (d.kind != DG_D_TO) {
		refused_by_route(a, x, &d);
	} else if (!dg_str_eq(d.hop, a->claim->lane)) {
		const struct dg_hop *h = dg_rules_hop(rules_of(a), d.hop);

		x->lane = dg_str_dup(d.hop);
		x->out.outcome = DG_OUTCOME_MOVE;
		x->out.lane = dg_str(x->lane);
		x->out.due_ms = dg_now_ms();
		x->out.expire_ms = it->arrival_ms + h->give_up_ms;
		x->where = d.where;
		keep(a, x, DG_MEANING_OK);
		x->out.meaning = x->item->meaning;
		x->out.reply = x->item->reply;
		x->out.host = x->item->host;
		log_result(a, x, "moved");
	}
	dg_decision_fini(&d);
}

static struct dg_attempt *
attempt_new(struct dg_worker *w, struct dg_claim *claim)
{
	struct dg_attempt *a = dg_alloc0(sizeof(*a));
	size_t n = claim->item.n_rcpts;

	a->worker = w;
	a->claim = claim;
	a->generation = dg_generation_pin(w->generation);
	a->hop = dg_rules_hop(rules_of(a), claim->lane);
	a->n_rcpts = n;
	a->rcpts = dg_alloc0((n + 1) * sizeof(*a->rcpts));
	a->going = dg_alloc0((n + 1) * sizeof(*a->going));
	a->going_at = dg_alloc0((n + 1) * sizeof(*a->going_at));
	dg_buf_init(&a->notes.kv, NOTES_MAX);
	(void)dg_buf_add(&a->notes.kv, claim->item.notes);
	for (size_t i = 0; i < n; i++)
		a->rcpts[i].item = &claim->item.rcpts[i];
	w->attempts++;
	return a;
}

void
dg_attempt_give_back(struct dg_attempt *own_a)
{
	for (size_t i = 0; i < own_a->n_rcpts; i++) {
		struct dg_attempt_rcpt *x = &own_a->rcpts[i];

		if (x->is_settled)
			continue;
		x->out.outcome = DG_OUTCOME_WAIT;
		x->out.due_ms = dg_now_ms();
		x->out.number = x->item->number;
		x->out.meaning = x->item->meaning;
		x->out.reply = x->item->reply;
		x->out.host = x->item->host;
		x->is_settled = true;
	}
	dg_attempt_settle(own_a);
}

void
dg_deliver_claim(void *ctx, struct dg_claim *own_claim)
{
	struct dg_worker *w = ctx;
	struct dg_attempt *a = attempt_new(w, own_claim);
	int64_t now = dg_now_ms();

	if (w->is_stopping) {
		dg_attempt_give_back(a);
		return;
	}
	for (size_t i = 0; i < a->n_rcpts; i++) {
		struct dg_attempt_rcpt *x = &a->rcpts[i];

		if (x->item->expire_ms > 0 && x->item->expire_ms <= now)
			give_up(a, x);
		else if (x->item->tries > 0 || a->hop == NULL)
			route_again(a, x);
		if (x->is_settled)
			continue;
		a->going[a->n_going] = x->item->address;
		a->going_at[a->n_going++] = i;
	}
	if (a->n_going == 0)
		dg_attempt_settle(a);
	else
		dg_lane_add(dg_lane_get(w, own_claim->lane), a);
}
