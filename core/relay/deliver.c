/*
 * deliver.c - from a claim to an attempt.
 *
 * A claim is a lease on one message's recipients in one lane.  Here it becomes
 * an attempt: routes are walked again at later tries, what is too old is given
 * up, the rest waits in its lane for a hop session.  What a hop said comes back
 * as results (conclude.c).
 */
#include "relay_state.h"

#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/clock.h"

enum {
	NOTES_MAX = 4096,
	LOST_TRIES = 3, /* of a body that is gone: somebody may bring it back */
	GONE_MS = 5 * 24 * 60 * 60 * 1000,
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
	x->host = dg_str_dup(x->item->host); /* of an earlier try */
	x->out.outcome = DG_OUTCOME_FAILED;
	dg_attempt_keep(a, x, m);
	dg_attempt_log(a, x, "given-up");
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
		x->out.due_ms = dg_attempt_next_try(a, x->item, 0);
	}
	dg_attempt_keep(a, x, x->result.meaning);
	dg_attempt_log(a, x, d->kind == DG_D_REFUSE ? "failed" : "retry");
}

/* ---- a body that is gone ---- */

static void
raise_lost(struct dg_attempt *a, const struct dg_err *e)
{
	char *text = dg_sprintf("%s; it is from <%.*s>: put the file back, or "
				"the sender will get a report",
	    e->text, DG_FMT(a->claim->item.sender));

	dg_alert_raise(a->worker, "body-lost", a->claim->item.name, text);
	free(text);
}

/* There is nothing to deliver.  An operator hears of it at once; the sender
 * when it is not brought back: a report with what is known of the envelope. */
static void
no_body(struct dg_attempt *a)
{
	struct dg_str ignored;
	struct dg_err e = { 0 };
	int64_t now = dg_now_ms();
	bool is_news = false;

	(void)dg_claim_body(a->claim, 0, 1, &ignored, &e);
	for (size_t i = 0; i < a->n_rcpts; i++) {
		struct dg_attempt_rcpt *x = &a->rcpts[i];
		bool is_over = x->item->tries >= LOST_TRIES ||
		    (x->item->expire_ms > 0 && x->item->expire_ms <= now);

		is_news |= !dg_str_is(x->item->reply, e.text);
		x->result = (struct dg_result){
			.meaning = is_over ? DG_MEANING_PERMANENT
					   : DG_MEANING_TEMPORARY,
			.stage = DG_STAGE_ANY,
			.enhanced = "5.3.0",
		};
		snprintf(x->result.text, sizeof(x->result.text), "%s", e.text);
		x->out.outcome = is_over ? DG_OUTCOME_FAILED : DG_OUTCOME_RETRY;
		x->out.due_ms = dg_attempt_next_try(a, x->item, 0);
		dg_attempt_keep(a, x, x->result.meaning);
		dg_attempt_log(a, x, is_over ? "failed" : "retry");
	}
	if (is_news)
		raise_lost(a, &e);
	dg_attempt_conclude(a);
}

/* ---- the routes once more ---- */

static void on_routed(void *ctx, struct dg_asking *routing);

static bool
ask_route(struct dg_attempt *a, struct dg_attempt_rcpt *x)
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

	dg_asking_init(&a->routing, on_routed, a);
	return dg_policy_route(state_of(a), &a->routing, &q, &a->notes);
}

/* Where would it wait by that hop?  x->lane, unless it is there already. */
static bool
is_in_lane(const struct dg_attempt *a, struct dg_attempt_rcpt *x,
    const struct dg_hop *h)
{
	x->lane = dg_lane_name(h, x->item->address);
	if (!dg_str_is(a->claim->lane, x->lane))
		return false;
	free(x->lane);
	x->lane = NULL;
	return true;
}

/* Another hop moves the recipient to its lane. */
static void
take_route(struct dg_attempt *a, struct dg_attempt_rcpt *x)
{
	const struct dg_decision *d = &a->routing.d;
	const struct dg_item *it = &a->claim->item;

	if (d->kind != DG_D_TO) {
		refused_by_route(a, x, d);
	} else if (!is_in_lane(a, x, dg_rules_hop(rules_of(a), d->hop))) {
		const struct dg_hop *h = dg_rules_hop(rules_of(a), d->hop);
		int64_t now = dg_now_ms();

		x->out.outcome = DG_OUTCOME_MOVE;
		x->out.lane = dg_str(x->lane);
		x->out.due_ms = now;
		x->out.expire_ms = dg_lane_expiry(h, it->arrival_ms, now);
		x->where = d->where;
		dg_attempt_keep(a, x, DG_MEANING_OK);
		x->out.meaning = x->item->meaning;
		x->out.reply = x->item->reply;
		x->out.host = x->item->host;
		dg_attempt_log(a, x, "moved");
	}
	dg_asking_drop(&a->routing);
}

/* ---- beginning ---- */

static void
begin(struct dg_attempt *a)
{
	dg_attempt_thinks(a, false);
	for (size_t i = 0; i < a->n_rcpts; i++) {
		if (a->rcpts[i].is_settled)
			continue;
		a->going[a->n_going] = a->rcpts[i].item->address;
		a->going_at[a->n_going++] = i;
	}
	if (a->n_going == 0) {
		dg_attempt_conclude(a);
		return;
	}
	dg_policy_hit(state_of(a), a->hop->where);
	dg_lane_add(dg_lane_get(a->worker, a->claim->lane), a);
}

/* An operator gave it up: it expired before it came (DG_CHANGE_GIVE_UP). */
static bool
is_ordered(const struct dg_attempt *a, const struct dg_attempt_rcpt *x)
{
	return x->item->expire_ms > 0 &&
	       x->item->expire_ms < a->claim->item.arrival_ms;
}

/* Its time came, and not that of giving up: the sender is told that it takes
 * long.  The time itself remembers that it was told: the next is give_up's. */
static bool
mark_late(struct dg_attempt *a, struct dg_attempt_rcpt *x, int64_t now)
{
	int64_t give_up_ms;

	if (a->hop == NULL || x->item->expire_ms <= 0 ||
	    x->item->expire_ms > now || is_ordered(a, x))
		return false;
	give_up_ms = a->claim->item.arrival_ms + a->hop->give_up_ms;
	x->is_late = x->item->expire_ms < give_up_ms && now < give_up_ms;
	if (x->is_late)
		x->out.expire_ms = give_up_ms;
	return x->is_late;
}

static bool
is_warning(struct dg_attempt *a)
{
	int64_t now = dg_now_ms();
	bool any = false;

	for (size_t i = 0; i < a->n_rcpts; i++)
		any |= mark_late(a, &a->rcpts[i], now);
	return any;
}

/* When to give up is the hop's to say.  Once it is gone the time noted may have
 * been that of the warning: who then is nowhere at home is kept as long as by a
 * hop that says nothing. */
static bool
is_too_old(const struct dg_attempt *a, const struct dg_attempt_rcpt *x,
    int64_t now)
{
	if (a->hop == NULL && !is_ordered(a, x))
		return a->claim->item.arrival_ms + GONE_MS <= now;
	return x->item->expire_ms > 0 && x->item->expire_ms <= now;
}

static void
go_on(struct dg_attempt *a)
{
	int64_t now = dg_now_ms();

	for (; a->at < a->n_rcpts; a->at++) {
		struct dg_attempt_rcpt *x = &a->rcpts[a->at];

		if (is_too_old(a, x, now)) {
			give_up(a, x);
		} else if (x->item->tries > 0 || a->hop == NULL ||
			   !dg_lane_fits(a->hop, a->claim->lane)) {
			if (!ask_route(a, x)) {
				dg_attempt_thinks(a, true);
				return;
			}
			take_route(a, x);
		}
	}
	begin(a);
}

static void
on_routed(void *ctx, struct dg_asking *routing)
{
	struct dg_attempt *a = ctx;

	(void)routing;
	take_route(a, &a->rcpts[a->at++]);
	go_on(a);
}

static struct dg_attempt *
attempt_new(struct dg_worker *w, struct dg_claim *claim)
{
	struct dg_attempt *a = dg_alloc0(sizeof(*a));
	size_t n = claim->item.n_rcpts;

	a->worker = w;
	a->claim = claim;
	a->generation = dg_generation_pin(w->generation);
	a->hop = dg_lane_hop(rules_of(a), claim->lane, &a->domain);
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
dg_deliver_claim(void *ctx, struct dg_claim *own_claim)
{
	struct dg_worker *w = ctx;
	struct dg_attempt *a = attempt_new(w, own_claim);

	if (w->is_stopping)
		dg_attempt_give_back(a);
	else if (own_claim->is_lost)
		no_body(a);
	else if (is_warning(a))
		dg_attempt_warn(a);
	else
		go_on(a);
}
