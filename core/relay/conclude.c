/*
 * conclude.c - what becomes of each recipient of an attempt.
 *
 * A hop's results are noted as they come.  When the hop is done with the
 * message, each is judged (judge.c), reports are written (bounce.c), and one
 * settle hands all of it to the spool.  Hooks may wait in between: such an
 * attempt is in w->thinking, where the end of the worker finds it.
 */
#include "relay_state.h"

#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/clock.h"
#include "dragoman/base/log.h"
#include "dragoman/base/rand.h"
#include "dragoman/net/connect.h"

enum {
	HOLD_MS = 10 * 60 * 1000, /* a held lane is probed this often */
	NO_ROOM_MS = 60 * 1000,   /* no room for a report: try again then */
};

/* ---- results ---- */

/* What failed together shall not come back together.  Policy tests reckon with
 * the table's times, word for word. */
static int64_t
some_more_or_less(const struct dg_attempt *a, int64_t ms)
{
	uint32_t fifth = (uint32_t)(ms / 5 < UINT32_MAX ? ms / 5 : UINT32_MAX);

	if (fifth == 0 || dg_dialer_is_diverted(a->worker->dialer))
		return ms;
	return ms - fifth / 2 + dg_rand_below(fifth + 1);
}

int64_t
dg_attempt_next_try(const struct dg_attempt *a,
    const struct dg_item_rcpt *rcpt, int64_t after_ms)
{
	const struct dg_hop *h = a->hop;
	size_t k = rcpt->tries;
	int64_t due;

	if (after_ms <= 0 && h == NULL)
		after_ms = NO_ROOM_MS;
	else if (after_ms <= 0)
		after_ms = some_more_or_less(a,
		    h->retry_ms[k < h->n_retry ? k : h->n_retry - 1]);
	due = dg_now_ms() + after_ms;
	/* the report goes out when it is given up, not at the next try */
	if (h != NULL && rcpt->expire_ms > 0 && due > rcpt->expire_ms)
		return rcpt->expire_ms;
	return due;
}

static void
hold_lane(struct dg_attempt *a, const struct dg_attempt_rcpt *x,
    const struct dg_judgement *j)
{
	char name[160], *text;

	if (a->has_held)
		return; /* for another recipient of the message */
	a->has_held = true;
	text = dg_sprintf("hop %s (%.*s%s%s): %s: %s", a->hop->name,
	    DG_FMT(a->domain), a->domain.n > 0 ? ", " : "", x->host,
	    dg_meaning_name(j->meaning), x->result.text);
	dg_spool_hold(a->worker->relay->spool, a->claim->lane,
	    dg_now_ms() + HOLD_MS, dg_str(dg_meaning_name(j->meaning)),
	    dg_str(x->result.text));
	snprintf(name, sizeof(name), "%s",
	    j->alert[0] != '\0' ? j->alert : "hop-held");
	dg_alert_raise(a->worker, name, a->hop->name, text);
	free(text);
}

void
dg_attempt_keep(struct dg_attempt *a, struct dg_attempt_rcpt *x,
    enum dg_meaning meaning)
{
	free(x->text);
	x->text = dg_strdup(x->result.text);
	if (x->host == NULL)
		x->host = dg_strdup(a->host);
	x->out.number = x->item->number;
	x->out.meaning = dg_str(dg_meaning_name(meaning));
	x->out.reply = dg_str(x->text);
	x->out.host = dg_str(x->host);
	x->is_settled = true;
}

static struct dg_str
hop_name(const struct dg_attempt *a)
{
	struct dg_str hop, domain;

	dg_lane_split(a->claim->lane, &hop, &domain);
	return hop;
}

void
dg_attempt_log(const struct dg_attempt *a, const struct dg_attempt_rcpt *x,
    const char *outcome)
{
	char where[256];
	int64_t now = dg_now_ms();

	dg_log(x->out.outcome == DG_OUTCOME_DELIVERED ? DG_LOG_INFO
						      : DG_LOG_WARN,
	    "deliver", dg_kv_z("id", a->claim->item.name),
	    dg_kv_s("to", x->item->address), dg_kv_s("hop", hop_name(a)),
	    dg_kv_z("host", x->host), dg_kv_z("outcome", outcome),
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

	if (x->is_settled || x->has_result)
		return;
	x->has_result = true;
	x->result = *r;
	x->host = dg_strdup(a->host); /* of this result: others may follow */
	if (r->meaning != DG_MEANING_OK)
		return;
	x->out.outcome = DG_OUTCOME_DELIVERED;
	dg_attempt_keep(a, x, DG_MEANING_OK);
	dg_attempt_log(a, x, "delivered");
}

/* The policy says so, or the hop did where the lane does not hear it (a 4yz to
 * RCPT may be about one mailbox, to the data it is about how we send). */
static void
slow_lane(struct dg_attempt *a, const struct dg_result *r,
    const struct dg_judgement *j)
{
	bool is_told = j->slow_down ||
	    (j->meaning == DG_MEANING_SLOW_DOWN && r->code != 421 &&
		(r->stage == DG_STAGE_DATA || r->stage == DG_STAGE_END));
	struct dg_lane *l;

	if (!is_told || a->has_slowed)
		return;
	a->has_slowed = true;
	l = dg_lane_find(a->worker, a->claim->lane);
	if (l != NULL)
		dg_lane_slow_down(l);
}

static void
take_judgement(struct dg_attempt *a, struct dg_attempt_rcpt *x,
    const struct dg_judgement *j)
{
	const char *outcome;

	x->result.meaning = j->meaning;
	x->where = j->where;
	slow_lane(a, &x->result, j);
	switch (j->action) {
	case DG_ACTION_FAIL:
		x->out.outcome = DG_OUTCOME_FAILED;
		outcome = "failed";
		break;
	case DG_ACTION_HOLD:
		hold_lane(a, x, j);
		x->out.outcome = DG_OUTCOME_WAIT;
		x->out.due_ms = dg_now_ms();
		outcome = "held";
		break;
	default:
		x->out.outcome = DG_OUTCOME_RETRY;
		x->out.due_ms = dg_attempt_next_try(a, x->item, j->after_ms);
		outcome = "retry";
		break;
	}
	dg_attempt_keep(a, x, j->meaning);
	dg_attempt_log(a, x, outcome);
}

/* ---- settling ---- */

void
dg_attempt_thinks(struct dg_attempt *a, bool thinks)
{
	if (a->is_thinking == thinks)
		return;
	a->is_thinking = thinks;
	if (thinks)
		TAILQ_INSERT_TAIL(&a->worker->thinking, a, next);
	else
		TAILQ_REMOVE(&a->worker->thinking, a, next);
}

static void
attempt_free(struct dg_attempt *a)
{
	dg_attempt_thinks(a, false);
	dg_bounce_free(a->bounce);
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
postpone_failures(struct dg_attempt *a, const char *why)
{
	for (size_t i = 0; i < a->n_rcpts; i++) {
		struct dg_settle_rcpt *o = &a->rcpts[i].out;

		if (o->outcome != DG_OUTCOME_FAILED && !a->rcpts[i].is_late)
			continue;
		o->outcome = DG_OUTCOME_WAIT;
		o->expire_ms = 0;
		o->due_ms = dg_now_ms() + NO_ROOM_MS;
		dg_log(DG_LOG_ERROR, "report-postponed",
		    dg_kv_z("id", a->claim->item.name), dg_kv_z("why", why));
	}
}

static void
settle(struct dg_attempt *a)
{
	struct dg_settle_rcpt *outs =
	    dg_alloc0((a->n_rcpts + 1) * sizeof(*outs));
	const struct dg_new_message *news = NULL;
	size_t n_news = 0;

	if (a->bounce != NULL)
		news = dg_bounce_news(a->bounce, &n_news);
	for (size_t i = 0; i < a->n_rcpts; i++)
		outs[i] = a->rcpts[i].out;
	dg_spool_settle(a->worker->relay->spool, a->claim, outs, a->n_rcpts,
	    news, n_news);
	free(outs);
	attempt_free(a);
}

static void
on_reported(struct dg_attempt *a, struct dg_bounce *b)
{
	struct dg_err e = { 0 };

	if (dg_bounce_rc(b, &e) != DG_OK)
		postpone_failures(a, e.text);
	settle(a);
}

/* Everything is judged. */
static void
report(struct dg_attempt *a)
{
	size_t told = 0;

	for (size_t i = 0; i < a->n_rcpts; i++)
		told += a->rcpts[i].out.outcome == DG_OUTCOME_FAILED ||
		    a->rcpts[i].is_late;
	if (told == 0) {
		settle(a);
		return;
	}
	a->bounce = dg_bounce_new(a, on_reported);
	if (dg_bounce_write(a->bounce))
		on_reported(a, a->bounce);
	else
		dg_attempt_thinks(a, true);
}

/* ---- judging ---- */

static void
stay(struct dg_attempt_rcpt *x)
{
	x->out.outcome = DG_OUTCOME_WAIT;
	x->out.due_ms = dg_now_ms();
	x->out.number = x->item->number;
	x->out.meaning = x->item->meaning;
	x->out.reply = x->item->reply;
	x->out.host = x->item->host;
	x->is_settled = true;
}

static void on_judged(void *ctx, struct dg_judging *j);

static bool
judge(struct dg_attempt *a, struct dg_attempt_rcpt *x)
{
	const struct dg_judge_query q = { a->hop, x->host, &x->result,
		&a->claim->item, x->item, &a->notes };

	return dg_judge(a->worker, a->generation, &q, &a->judging, on_judged,
	    a);
}

static void
go_on(struct dg_attempt *a)
{
	for (; a->at < a->n_rcpts; a->at++) {
		struct dg_attempt_rcpt *x = &a->rcpts[a->at];

		if (x->is_settled)
			continue;
		if (!x->has_result) { /* nobody said anything about it */
			stay(x);
			continue;
		}
		if (!judge(a, x)) {
			dg_attempt_thinks(a, true);
			return;
		}
		take_judgement(a, x, &a->judging.out);
	}
	report(a);
}

static void
on_judged(void *ctx, struct dg_judging *j)
{
	struct dg_attempt *a = ctx;

	take_judgement(a, &a->rcpts[a->at++], &j->out);
	go_on(a);
}

void
dg_attempt_conclude(struct dg_attempt *own_a)
{
	own_a->at = 0;
	go_on(own_a);
}

void
dg_attempt_result_all(struct dg_attempt *own_a, const struct dg_result *r)
{
	for (size_t i = 0; i < own_a->n_rcpts; i++)
		dg_attempt_result(own_a, i, r);
	dg_attempt_conclude(own_a);
}

/* ---- no attempt after all ---- */

void
dg_attempt_warn(struct dg_attempt *own_a)
{
	for (size_t i = 0; i < own_a->n_rcpts; i++) {
		struct dg_attempt_rcpt *x = &own_a->rcpts[i];

		stay(x);
		if (!x->is_late)
			continue;
		/* what waits for a later try, or for a held lane, goes on so */
		x->out.due_ms = x->item->due_ms;
		x->host = dg_str_dup(x->item->host);
		x->result.stage = DG_STAGE_ANY;
		if (!dg_meaning_find(x->item->meaning, &x->result.meaning))
			x->result.meaning = DG_MEANING_TEMPORARY;
		snprintf(x->result.text, sizeof(x->result.text), "%.*s",
		    DG_FMT(x->item->reply));
		if (own_a->hop->warn_ms == 0)
			x->is_late = false; /* the policy changed: no word */
	}
	report(own_a);
}

void
dg_attempt_put_off(struct dg_attempt *own_a, int64_t due_ms)
{
	for (size_t i = 0; i < own_a->n_rcpts; i++) {
		struct dg_attempt_rcpt *x = &own_a->rcpts[i];

		if (x->is_settled)
			continue;
		stay(x);
		x->out.due_ms = due_ms;
	}
	dg_attempt_conclude(own_a);
}

/* ---- the end of the worker ---- */

/* What was delivered is settled as that; the rest waits for the next start. */
void
dg_attempt_give_back(struct dg_attempt *own_a)
{
	struct dg_attempt *a = own_a;

	dg_judging_drop(&a->judging);
	dg_asking_drop(&a->routing);
	dg_bounce_free(a->bounce);
	a->bounce = NULL;
	for (size_t i = 0; i < a->n_rcpts; i++)
		if (!a->rcpts[i].is_settled)
			stay(&a->rcpts[i]);
	postpone_failures(a, "the relay ends");
	settle(a);
}

void
dg_attempts_give_back(struct dg_worker *w)
{
	struct dg_attempt *a;

	while ((a = TAILQ_FIRST(&w->thinking)) != NULL)
		dg_attempt_give_back(a);
}
