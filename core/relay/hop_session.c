/*
 * hop_session.c - one connection to a hop: dial, client machine, transactions.
 *
 * The machine says what to send and what a reply amounts to; this file dials,
 * answers its questions (speak, reply) from policy, streams bodies from the
 * spool, and decides between "next host", "next verb in a new session" and
 * "nobody can be served now".  A session with nothing to do stays open a few
 * seconds for the lane's next message.
 */
#include "relay_state.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/clock.h"
#include "dragoman/base/log.h"

enum {
	IDLE_MS = 5000,           /* an unused connection is kept this long */
	PIECE = 64 * 1024,        /* of a body, in memory at once */
	OUTPUT_MAX = 128 * 1024,  /* unsent bytes before we stop reading it */
};

struct dg_hop_session {
	LIST_ENTRY(dg_hop_session) next; /* in the lane */
	struct dg_worker *worker;
	struct dg_lane *lane;
	struct dg_generation *generation; /* pinned: logins belong to it */
	const struct dg_hop *hop;
	uint64_t ticket;
	struct dg_attempt *attempt; /* owned; NULL when idle */
	struct dg_conn *conn;
	struct dg_cli *cli;
	struct dg_acts acts;
	size_t host_index;
	char host[128];
	char skip_verb[16];
	bool in_clear;       /* opportunistic TLS failed: without it now */
	bool in_handshake;
	bool is_mailing;     /* the attempt's transaction was begun */
	bool wants_piece;
	bool is_ready;
	bool is_over;        /* ENDED was seen */
	bool has_logged_in;
	bool has_judged;     /* policy answered REPLY in this session */
	struct dg_judgement judged;
	struct dg_result judged_about; /* which reply that was */
	struct dg_result ended;
	uint64_t body_at;
	unsigned mails;
};

static void on_conn(void *ctx, struct dg_conn *c, enum dg_conn_event ev);
static void dial(struct dg_hop_session *h);
static void pump(struct dg_hop_session *h);

static const struct dg_config_limits *
limits_of(const struct dg_hop_session *h)
{
	return &dg_generation_config(h->generation)->limits;
}

/* ---- end of a session ---- */

static void
drop_connection(struct dg_hop_session *h)
{
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

static void
session_free(struct dg_hop_session *h)
{
	drop_connection(h);
	dg_acts_fini(&h->acts);
	dg_slots_drop(h->worker->hop_sessions, h->ticket);
	LIST_REMOVE(h, next);
	h->lane->n_sessions--;
	dg_generation_unpin(h->generation);
	free(h);
}

/* The session cannot serve its attempt: say so, free it, let others go on. */
static void
session_fail(struct dg_hop_session *h, const struct dg_result *r)
{
	struct dg_lane *l = h->lane;
	struct dg_attempt *a = h->attempt;

	h->attempt = NULL;
	session_free(h);
	if (a != NULL)
		dg_attempt_result_all(a, r);
	/* nobody in this lane can be served now: each gets its own verdict */
	dg_lane_fail_waiting(l, r);
}

static void
next_host_or_fail(struct dg_hop_session *h, const struct dg_result *r)
{
	struct dg_result why = *r;

	if (h->host_index + 1 < h->hop->n_hosts) {
		h->host_index++;
		h->skip_verb[0] = '\0';
		h->in_clear = false;
		drop_connection(h);
		dial(h);
		return;
	}
	if (why.meaning == DG_MEANING_OK)
		why.meaning = DG_MEANING_UNREACHABLE;
	session_fail(h, &why);
}

static void
log_end(const struct dg_hop_session *h, const struct dg_result *r,
    const char *then)
{
	dg_log(r->meaning == DG_MEANING_OK ? DG_LOG_DEBUG : DG_LOG_WARN, "hop",
	    dg_kv_z("hop", h->hop->name), dg_kv_z("host", h->host),
	    dg_kv_z("id",
		h->attempt != NULL ? h->attempt->claim->item.name : ""),
	    dg_kv_z("meaning", dg_meaning_name(r->meaning)),
	    dg_kv_z("stage", dg_stage_name(r->stage)),
	    dg_kv_z("said", r->text), dg_kv_z("then", then));
}

/* ENDED before the attempt's transaction: who is next? */
static void
ended_early(struct dg_hop_session *h)
{
	struct dg_result r = h->ended;
	struct dg_judgement j = { 0 };
	bool wants_new;
	char skip[16] = "";

	wants_new = h->cli != NULL && dg_cli_wants_new_session(h->cli, skip);
	/* what was judged at AUTH counts if that is what ended it */
	if (h->has_judged && h->judged_about.code == r.code &&
	    h->judged_about.stage == r.stage &&
	    strcmp(h->judged_about.text, r.text) == 0)
		j = h->judged;
	else
		dg_judge(h->worker, h->generation, h->hop, h->host, &r,
		    &h->attempt->claim->item, NULL, &h->attempt->notes, &j);
	r.meaning = j.meaning;
	if (j.action == DG_ACTION_NEXT_VERB && wants_new) {
		log_end(h, &r, "next verb, new session");
		memcpy(h->skip_verb, skip, sizeof(skip));
		drop_connection(h);
		dial(h);
		return;
	}
	if (j.action == DG_ACTION_NEXT_VERB)
		r.meaning = DG_MEANING_NO_COMMON_AUTH; /* none is left */
	if (r.stage == DG_STAGE_TLS && h->hop->tls == DG_TLS_OPPORTUNISTIC &&
	    !h->in_clear) {
		log_end(h, &r, "again without TLS");
		h->in_clear = true;
		drop_connection(h);
		dial(h);
		return;
	}
	if (j.action == DG_ACTION_NEXT_HOST ||
	    r.meaning == DG_MEANING_UNREACHABLE ||
	    r.meaning == DG_MEANING_TEMPORARY) {
		log_end(h, &r, "next host");
		next_host_or_fail(h, &r);
		return;
	}
	log_end(h, &r, dg_action_name(j.action));
	session_fail(h, &r);
}

static void
ended(struct dg_hop_session *h)
{
	struct dg_lane *l = h->lane;

	if (h->cli != NULL && dg_cli_offered(h->cli).n > 0)
		snprintf(l->offered, sizeof(l->offered), "%.*s",
		    DG_FMT(dg_cli_offered(h->cli)));
	if (h->attempt != NULL && h->is_mailing) {
		/* every recipient got its RESULT */
		log_end(h, &h->ended, "connection ended");
		dg_attempt_settle(h->attempt);
		h->attempt = NULL;
	}
	if (h->attempt != NULL) {
		ended_early(h);
		return;
	}
	session_free(h);
	dg_lane_run(l);
}

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

static void
answer(struct dg_hop_session *h, enum dg_ask question,
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

/* ---- transactions ---- */

static void
begin_mail(struct dg_hop_session *h)
{
	struct dg_attempt *a = h->attempt;
	struct dg_cli_mail m = {
		.sender = a->claim->item.sender,
		.rcpts = a->going,
		.n_rcpts = a->n_going,
		.size = a->claim->item.size,
		.body_8bit = a->claim->item.body_8bit,
		.refuse_8bit = h->hop->refuse_8bit,
	};

	h->is_ready = false;
	h->is_mailing = true;
	h->body_at = 0;
	h->mails++;
	snprintf(a->host, sizeof(a->host), "%s", h->host);
	dg_acts_reset(&h->acts);
	dg_cli_mail(h->cli, &m, &h->acts);
}

static void
give_piece(struct dg_hop_session *h)
{
	struct dg_claim *c = h->attempt->claim;
	struct dg_str piece = DG_NOSTR;
	struct dg_err e = { 0 };

	h->wants_piece = false;
	dg_acts_reset(&h->acts);
	if (dg_claim_body(c, h->body_at, PIECE, &piece, &e) != DG_OK) {
		dg_log(DG_LOG_ERROR, "body", dg_kv_z("id", c->item.name),
		    dg_kv_z("why", e.text));
		dg_cli_abort(h->cli, &h->acts);
		return;
	}
	h->body_at += piece.n;
	dg_cli_body(h->cli, piece, h->body_at >= c->item.size || piece.n == 0,
	    &h->acts);
}

static void
on_result(struct dg_hop_session *h, const struct dg_act *act)
{
	struct dg_attempt *a = h->attempt;

	if (a == NULL)
		return;
	if (act->result.meaning != DG_MEANING_OK &&
	    dg_cli_is_in_doubt(h->cli))
		dg_log(DG_LOG_WARN, "in-doubt",
		    dg_kv_z("id", a->claim->item.name),
		    dg_kv_z("host", h->host),
		    dg_kv_z("what", "the end of the data was sent and its "
				    "reply not read: the hop may have it, and "
				    "it will be sent again"));
	for (size_t i = 0; i < a->n_going; i++)
		if (act->rcpt == DG_ALL_RCPTS || (size_t)act->rcpt == i)
			dg_attempt_result(a, a->going_at[i], &act->result);
}

/* READY: settle what was done, begin what waits, or rest. */
static void
ready(struct dg_hop_session *h)
{
	struct dg_attempt *a;

	h->is_ready = true;
	if (!h->has_logged_in) {
		enum dg_mech mech;

		h->has_logged_in = true;
		if (dg_cli_verb(h->cli)[0] != '\0' &&
		    dg_mech_find(dg_str(dg_cli_mech(h->cli)), &mech))
			dg_lane_remember(h->lane, h->host, dg_cli_verb(h->cli),
			    mech, dg_generation_number(h->generation));
	}
	if (h->attempt != NULL && h->is_mailing) {
		dg_attempt_settle(h->attempt);
		h->attempt = NULL;
		h->is_mailing = false;
	}
	if (h->attempt == NULL && h->mails <
	    limits_of(h)->messages_a_connection && !h->worker->is_stopping) {
		a = TAILQ_FIRST(&h->lane->waiting);
		if (a != NULL && a->generation == h->generation) {
			TAILQ_REMOVE(&h->lane->waiting, a, next);
			h->attempt = a;
		}
	}
	dg_acts_reset(&h->acts);
	if (h->attempt != NULL)
		begin_mail(h);
	else if (h->mails >= limits_of(h)->messages_a_connection ||
	    h->worker->is_stopping)
		dg_cli_quit(h->cli, &h->acts);
}

/* ---- carrying out actions ---- */

static void
start_tls(struct dg_hop_session *h)
{
	struct dg_str host = DG_NOSTR;
	unsigned port;

	h->in_handshake = true;
	(void)dg_hostport(dg_str(h->host), &host, &port);
	dg_conn_tls_connect(h->conn, dg_generation_hop_tls(h->generation),
	    host, h->hop->tls == DG_TLS_VERIFY);
}

static void
trace(struct dg_hop_session *h, struct dg_str text)
{
	dg_log(DG_LOG_INFO, "speak",
	    dg_kv_z("id",
		h->attempt != NULL ? h->attempt->claim->item.name : ""),
	    dg_kv_z("hop", h->hop->name), dg_kv_z("host", h->host),
	    dg_kv_s("what", text));
}

/* Carry out h->acts; false when the session is over (h->is_over). */
static void
carry_out(struct dg_hop_session *h)
{
	bool again = true;

	while (again) {
		enum dg_act_kind last = DG_ACT_SEND;
		const struct dg_act *asked = NULL;
		struct dg_result asked_result;

		again = false;
		for (size_t i = 0; i < h->acts.n; i++) {
			const struct dg_act *act = &h->acts.v[i];

			switch (act->kind) {
			case DG_ACT_SEND:
				dg_conn_send(h->conn,
				    dg_act_text(&h->acts, act));
				break;
			case DG_ACT_TRACE:
				trace(h, dg_act_text(&h->acts, act));
				break;
			case DG_ACT_STARTTLS:
				start_tls(h);
				break;
			case DG_ACT_RESULT:
				on_result(h, act);
				break;
			case DG_ACT_ENDED:
				h->ended = act->result;
				h->is_over = true;
				break;
			case DG_ACT_ASK:
			case DG_ACT_READY:
			case DG_ACT_PULL:
				last = act->kind;
				asked = act;
				break;
			default:
				break;
			}
		}
		if (h->is_over)
			return;
		if (last == DG_ACT_ASK) {
			enum dg_ask question = asked->ask;

			asked_result = asked->result;
			answer(h, question, &asked_result);
			again = true;
		} else if (last == DG_ACT_READY) {
			ready(h);
			again = true;
		} else if (last == DG_ACT_PULL) {
			h->wants_piece = true;
			dg_acts_reset(&h->acts);
			if (dg_conn_pending(h->conn) < OUTPUT_MAX) {
				give_piece(h);
				again = true;
			}
		} else {
			dg_acts_reset(&h->acts);
		}
	}
}

static void
arm(struct dg_hop_session *h)
{
	const struct dg_config_limits *l = limits_of(h);
	int64_t ms = l->reply_ms;

	if (h->is_ready && h->attempt == NULL)
		ms = IDLE_MS;
	else if (dg_cli_stage(h->cli) == DG_STAGE_END)
		ms = l->data_ms;
	dg_conn_deadline(h->conn, ms);
}

static void
pump(struct dg_hop_session *h)
{
	carry_out(h);
	if (!h->is_over && h->wants_piece &&
	    dg_conn_pending(h->conn) < OUTPUT_MAX) {
		give_piece(h);
		carry_out(h);
	}
	while (!h->is_over && !h->in_handshake) {
		struct dg_str in = dg_conn_input(h->conn);
		size_t used;

		if (in.n == 0)
			break;
		used = dg_cli_feed(h->cli, in, &h->acts);
		dg_conn_eat(h->conn, used);
		carry_out(h);
		if (used == 0)
			break;
	}
	if (h->is_over)
		ended(h);
	else
		arm(h);
}

static void
lost(struct dg_hop_session *h, const char *words)
{
	if (h->in_handshake) {
		h->in_handshake = false;
		dg_cli_tls_done(h->cli, false, words, &h->acts);
	} else {
		dg_cli_lost(h->cli, words, &h->acts);
	}
	carry_out(h);
	if (!h->is_over) { /* nothing was under way */
		h->ended = (struct dg_result){
			.meaning = DG_MEANING_UNREACHABLE,
		};
		snprintf(h->ended.text, sizeof(h->ended.text), "%s", words);
	}
	ended(h);
}

static void
on_conn(void *ctx, struct dg_conn *c, enum dg_conn_event ev)
{
	struct dg_hop_session *h = ctx;

	switch (ev) {
	case DG_CONN_INPUT:
	case DG_CONN_DRAINED:
		pump(h);
		break;
	case DG_CONN_TLS:
		h->in_handshake = false;
		dg_cli_tls_done(h->cli, true,
		    dg_conn_tls_words(c).p, &h->acts);
		pump(h);
		break;
	case DG_CONN_EOF:
		lost(h, "the hop closed the connection");
		break;
	case DG_CONN_LOST:
		lost(h, dg_conn_error(c));
		break;
	case DG_CONN_DEADLINE:
		if (h->is_ready && h->attempt == NULL) {
			dg_acts_reset(&h->acts);
			dg_cli_quit(h->cli, &h->acts);
			h->is_ready = false;
			pump(h);
		} else {
			lost(h, "the hop did not answer in time");
		}
		break;
	case DG_CONN_CLOSED:
		break;
	}
}

/* ---- birth ---- */

static void
start_machine(struct dg_hop_session *h)
{
	const struct dg_rules *rules = dg_generation_rules(h->generation);
	const struct dg_choice *choice = dg_lane_choice(h->lane, h->host,
	    dg_generation_number(h->generation));
	struct dg_cli_options o = {
		.dialect = h->hop->dialect,
		.helo = dg_str(h->hop->helo != NULL
			? h->hop->helo
			: dg_generation_config(h->generation)->hostname),
		.host = dg_str(h->host),
		.tls = h->in_clear ? DG_TLS_NEVER : h->hop->tls,
		.skip_verb = dg_str(h->skip_verb),
		.asks_speak = dg_policy_wants(rules, DG_Q_SPEAK, &h->hop->on),
		.asks_reply = dg_policy_wants(rules, DG_Q_REPLY, &h->hop->on),
		.challenges = h->worker->relay->challenges,
	};

	for (int m = 0; m < DG_MEANING_N; m++)
		o.asks_reply |= h->hop->has_when[m];
	o.logins = dg_generation_logins(h->generation, h->hop, &o.n_logins);
	if (choice != NULL && h->skip_verb[0] == '\0') {
		o.remembered_verb = dg_str(choice->verb);
		o.remembered_mech = choice->mech;
	}
	h->cli = dg_cli_new(&o);
	dg_acts_reset(&h->acts);
	dg_cli_start(h->cli, &h->acts);
}

static void
on_dialled(void *ctx, uint64_t ticket, struct dg_conn *own_conn,
    const struct dg_err *e)
{
	struct dg_worker *w = ctx;
	struct dg_hop_session *h = dg_slots_find(w->hop_sessions, ticket);
	struct dg_result r = {
		.meaning = DG_MEANING_UNREACHABLE,
		.stage = DG_STAGE_CONNECT,
	};

	if (h == NULL) {
		dg_conn_free(own_conn);
		return;
	}
	if (own_conn == NULL) {
		snprintf(r.text, sizeof(r.text), "%s", e->text);
		if (h->attempt != NULL)
			snprintf(h->attempt->host, sizeof(h->attempt->host),
			    "%s", h->host);
		log_end(h, &r, "next host");
		next_host_or_fail(h, &r);
		return;
	}
	h->conn = own_conn;
	dg_conn_set_fn(own_conn, on_conn, h);
	start_machine(h);
	pump(h);
}

static void
dial(struct dg_hop_session *h)
{
	snprintf(h->host, sizeof(h->host), "%s",
	    h->hop->hosts[h->host_index]);
	snprintf(h->attempt->host, sizeof(h->attempt->host), "%s", h->host);
	dg_dial(h->worker->dialer, dg_str(h->host), dg_str(h->hop->source),
	    limits_of(h)->connect_ms, on_dialled, h->worker, h->ticket);
}

void
dg_hop_session_open(struct dg_lane *l, struct dg_attempt *own_a)
{
	struct dg_hop_session *h = dg_alloc0(sizeof(*h));

	h->worker = l->worker;
	h->lane = l;
	h->generation = dg_generation_pin(own_a->generation);
	h->hop = own_a->hop;
	h->attempt = own_a;
	dg_acts_init(&h->acts);
	h->ticket = dg_slots_put(l->worker->hop_sessions, h);
	LIST_INSERT_HEAD(&l->sessions, h, next);
	l->n_sessions++;
	dial(h);
}

bool
dg_hop_session_reuse(struct dg_lane *l, struct dg_attempt *own_a)
{
	struct dg_hop_session *h;

	LIST_FOREACH (h, &l->sessions, next) {
		if (!h->is_ready || h->attempt != NULL || h->is_over ||
		    h->generation != own_a->generation)
			continue;
		TAILQ_REMOVE(&l->waiting, own_a, next);
		h->attempt = own_a;
		begin_mail(h);
		pump(h);
		return true;
	}
	return false;
}

void
dg_hop_sessions_close_idle(struct dg_worker *w)
{
	struct dg_hop_session *h;
	size_t at = 0;

	while ((h = dg_slots_next(w->hop_sessions, &at)) != NULL) {
		if (!h->is_ready || h->attempt != NULL || h->is_over)
			continue;
		h->is_ready = false;
		dg_acts_reset(&h->acts);
		dg_cli_quit(h->cli, &h->acts);
		pump(h);
	}
}

/* The hard end: connections go, their messages stay in the spool. */
void
dg_hop_sessions_drop(struct dg_worker *w)
{
	struct dg_hop_session *h;
	struct dg_lane *l;
	size_t at = 0;

	LIST_FOREACH (l, &w->lanes, next)
		dg_lane_give_back(l);
	while ((h = dg_slots_next(w->hop_sessions, &at)) != NULL) {
		struct dg_attempt *a = h->attempt;

		h->attempt = NULL;
		session_free(h);
		if (a != NULL)
			dg_attempt_give_back(a);
	}
}
