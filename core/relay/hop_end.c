/*
 * hop_end.c - a session with a hop is over, or never began: who is next?
 *
 * The same host with another verb, the same host without TLS, the next host,
 * or nobody: then every message that waits in the lane gets the verdict.
 */
#include "hop_session.h"

#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/clock.h"
#include "dragoman/base/log.h"

enum {
	FULL_MS = 60 * 1000, /* a hop that refused one more is asked for none */
};

/* ---- end of a session ---- */

static void
drop_connection(struct dg_hop_session *h)
{
	dg_hop_forget(h);
	dg_conn_free(h->conn);
	h->conn = NULL;
	dg_cli_free(h->cli);
	h->cli = NULL;
	dg_acts_reset(&h->acts);
	h->is_ready = false;
	h->is_over = false;
	h->in_handshake = false;
	h->has_judged = false;
	h->wants_piece = false;
	h->has_logged_in = false;
}

void
dg_hop_free(struct dg_hop_session *h)
{
	drop_connection(h);
	dg_mx_free(h->mx);
	dg_acts_fini(&h->acts);
	dg_slots_drop(h->worker->hop_sessions, h->ticket);
	LIST_REMOVE(h, next);
	h->lane->n_sessions--;
	dg_lanes_feed(h->worker);
	dg_generation_unpin(h->generation);
	free(h);
}

void
dg_hop_fail(struct dg_hop_session *h, const struct dg_result *r)
{
	struct dg_lane *l = h->lane;
	struct dg_attempt *a = h->attempt;
	struct dg_generation *g = dg_generation_pin(h->generation);

	h->attempt = NULL;
	dg_hop_free(h);
	if (a != NULL)
		dg_attempt_result_all(a, r);
	/* others may be welcome there still (a hop that takes two connections
	 * refuses the third): who waits is served by those.  When none is left
	 * nobody can be served now, and each gets its own verdict; but what a
	 * reload mended is tried */
	if (l->n_sessions > 0) {
		l->full_until_ms = dg_mono_ms() + FULL_MS;
	} else {
		dg_lane_fail_waiting(l, g, r);
		if (r->meaning == DG_MEANING_UNREACHABLE)
			dg_lane_rest(l);
		dg_lane_run(l);
	}
	dg_generation_unpin(g);
}

static size_t
n_hosts(const struct dg_hop_session *h)
{
	return h->hop->is_mx ? h->mx->plan.n_places : h->hop->n_hosts;
}

void
dg_hop_next_host(struct dg_hop_session *h, const struct dg_result *r)
{
	struct dg_result why = *r;

	if (h->host_index + 1 < n_hosts(h)) {
		h->host_index++;
		h->skip_verb[0] = '\0';
		h->in_clear = false;
		drop_connection(h);
		dg_hop_dial(h);
		return;
	}
	if (why.meaning == DG_MEANING_OK)
		why.meaning = DG_MEANING_UNREACHABLE;
	dg_hop_fail(h, &why);
}

void
dg_hop_log_end(const struct dg_hop_session *h, const struct dg_result *r,
    const char *then)
{
	dg_log(r->meaning == DG_MEANING_OK ? DG_LOG_DEBUG : DG_LOG_WARN, "hop",
	    dg_kv_z("hop", h->hop->name), dg_kv_s("domain", h->lane->domain),
	    dg_kv_z("host", h->host),
	    dg_kv_z("id",
		h->attempt != NULL ? h->attempt->claim->item.name : ""),
	    dg_kv_z("meaning", dg_meaning_name(r->meaning)),
	    dg_kv_z("stage", dg_stage_name(r->stage)),
	    dg_kv_z("said", r->text), dg_kv_z("then", then));
}

/* What is to be done is known: h->ended is what ended it. */
static void
end_early(struct dg_hop_session *h, const struct dg_judgement *j)
{
	struct dg_result r = h->ended;

	r.meaning = j->meaning;
	if (j->slow_down)
		dg_lane_slow_down(h->lane);
	if (j->action == DG_ACTION_NEXT_VERB && h->wants_new) {
		dg_hop_log_end(h, &r, "next verb, new session");
		memcpy(h->skip_verb, h->new_skip_verb, sizeof(h->skip_verb));
		dg_hop_dial(h);
		return;
	}
	if (j->action == DG_ACTION_NEXT_VERB)
		r.meaning = DG_MEANING_NO_COMMON_AUTH; /* none is left */
	if (r.stage == DG_STAGE_TLS && h->hop->tls == DG_TLS_OPPORTUNISTIC &&
	    !h->in_clear) {
		dg_hop_log_end(h, &r, "again without TLS");
		h->in_clear = true;
		dg_hop_dial(h);
		return;
	}
	if (j->action == DG_ACTION_NEXT_HOST ||
	    r.meaning == DG_MEANING_UNREACHABLE ||
	    r.meaning == DG_MEANING_TEMPORARY) {
		dg_hop_log_end(h, &r, "next host");
		dg_hop_next_host(h, &r);
		return;
	}
	dg_hop_log_end(h, &r, dg_action_name(j->action));
	dg_hop_fail(h, &r);
}

static void
on_end_judged(void *ctx, struct dg_judging *j)
{
	struct dg_hop_session *h = ctx;
	struct dg_judgement out = j->out;

	h->is_asking = false;
	end_early(h, &out);
}

/* ENDED before the attempt's transaction: who is next?  The connection goes
 * before the question, which may take a while. */
static void
ended_early(struct dg_hop_session *h)
{
	const struct dg_judge_query q = { h->hop, h->host, &h->ended,
		&h->attempt->claim->item, NULL, &h->attempt->notes };
	const struct dg_result *r = &h->ended;
	struct dg_judgement j = h->judged;
	/* what was judged at AUTH counts if that is what ended it */
	bool was_judged = h->has_judged && h->judged_about.code == r->code &&
	    h->judged_about.stage == r->stage &&
	    strcmp(h->judged_about.text, r->text) == 0;

	h->new_skip_verb[0] = '\0';
	h->wants_new =
	    h->cli != NULL && dg_cli_wants_new_session(h->cli, h->new_skip_verb);
	drop_connection(h);
	if (!was_judged) {
		if (!dg_judge(h->worker, h->generation, &q, &h->judging,
			on_end_judged, h))
			return;
		j = h->judging.out;
	}
	end_early(h, &j);
}

void
dg_hop_ended(struct dg_hop_session *h)
{
	struct dg_lane *l = h->lane;

	if (h->cli != NULL && dg_cli_offered(h->cli).n > 0)
		snprintf(l->offered, sizeof(l->offered), "%.*s",
		    DG_FMT(dg_cli_offered(h->cli)));
	if (h->attempt != NULL)
		dg_lane_heard(l, &h->ended);
	if (h->attempt != NULL && h->is_mailing) {
		/* every recipient got its RESULT */
		dg_hop_log_end(h, &h->ended, "connection ended");
		dg_attempt_conclude(h->attempt);
		h->attempt = NULL;
	}
	if (h->attempt != NULL) {
		ended_early(h);
		return;
	}
	dg_hop_free(h);
	dg_lane_run(l);
}
