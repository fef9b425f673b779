/*
 * hop_session.c - one connection to a hop: dial, client machine, transactions.
 *
 * The machine says what to send and what a reply amounts to; this file dials,
 * carries out what it asks for, and streams bodies from the spool.  A session
 * with nothing to do stays open a few seconds for the lane's next message.
 */
#include "hop_session.h"

#include <stdio.h>

#include "dragoman/base/log.h"

enum {
	IDLE_MS = 5000,           /* an unused connection is kept this long */
	QUIT_MS = 2000,           /* nothing hangs on the reply to QUIT */
	PIECE = 64 * 1024,        /* of a body, in memory at once */
	OUTPUT_MAX = 128 * 1024,  /* unsent bytes before we stop reading it */
};

static void on_conn(void *ctx, struct dg_conn *c, enum dg_conn_event ev);

static const struct dg_config_limits *
limits_of(const struct dg_hop_session *h)
{
	return &dg_generation_config(h->generation)->limits;
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
	if (act->result.stage == DG_STAGE_MAIL)
		dg_lane_heard(h->lane, &act->result);
	/* LMTP: who has a reply is not in doubt, though others are still */
	if (act->result.meaning != DG_MEANING_OK && act->result.code == 0 &&
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

static bool
has_delivered(const struct dg_attempt *a)
{
	for (size_t i = 0; i < a->n_rcpts; i++)
		if (a->rcpts[i].out.outcome == DG_OUTCOME_DELIVERED &&
		    a->rcpts[i].is_settled)
			return true;
	return false;
}

/* READY: settle what was done, begin what waits, or rest. */
static void
ready(struct dg_hop_session *h)
{
	uint64_t most = h->hop->messages_a_connection;
	bool was_welcome = !h->has_logged_in, went_well = was_welcome;

	if (most == 0)
		most = limits_of(h)->messages_a_connection;
	h->is_ready = true;
	if (was_welcome) {
		enum dg_mech mech;

		h->has_logged_in = true;
		if (dg_cli_verb(h->cli)[0] != '\0' &&
		    dg_mech_find(dg_str(dg_cli_mech(h->cli)), &mech))
			dg_lane_remember(h->lane, h->host, dg_cli_verb(h->cli),
			    mech, dg_generation_number(h->generation));
	}
	if (h->attempt != NULL && h->is_mailing) {
		went_well |= has_delivered(h->attempt);
		dg_attempt_conclude(h->attempt);
		h->attempt = NULL;
		h->is_mailing = false;
	}
	if (h->attempt == NULL && h->mails < most && !h->worker->is_stopping)
		h->attempt = dg_lane_take(h->lane, h->generation);
	dg_acts_reset(&h->acts);
	if (h->attempt != NULL) {
		begin_mail(h);
	} else if (h->mails >= most || h->worker->is_stopping ||
		   dg_lanes_are_hungry(h->worker)) {
		h->is_ready = false; /* nobody may take it any more */
		dg_cli_quit(h->cli, &h->acts);
	}
	h->went_well |= went_well;
}

/* ---- carrying out actions ---- */

static void
start_tls(struct dg_hop_session *h)
{
	struct dg_str host = DG_NOSTR;
	unsigned port;

	h->in_handshake = true;
	if (!dg_hostport(dg_str(h->host), &host, &port))
		host = DG_STR("localhost"); /* a socket has no name */
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
			dg_hop_answer(h, question, &asked_result);
			again = !h->is_asking;
			if (h->is_asking) /* it comes later */
				dg_acts_reset(&h->acts);
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

	if (dg_cli_is_quitting(h->cli))
		ms = ms < QUIT_MS ? ms : QUIT_MS;
	else if (h->is_ready && h->attempt == NULL)
		ms = IDLE_MS;
	else if (dg_cli_stage(h->cli) == DG_STAGE_END)
		ms = l->data_ms;
	dg_conn_deadline(h->conn, ms);
}

/* Half a line does not set the deadline anew: a hop that drips bytes would
 * keep a message for ever. */
static void
pump_as(struct dg_hop_session *h, bool has_moved)
{
	carry_out(h);
	if (!h->is_over && h->wants_piece &&
	    dg_conn_pending(h->conn) < OUTPUT_MAX) {
		give_piece(h);
		carry_out(h);
	}
	while (!h->is_over && !h->in_handshake && !h->is_asking) {
		struct dg_str in = dg_conn_input(h->conn);
		size_t used;

		if (in.n == 0)
			break;
		used = dg_cli_feed(h->cli, in, &h->acts);
		dg_conn_eat(h->conn, used);
		carry_out(h);
		if (used == 0)
			break;
		has_moved = true;
	}
	if (h->is_over) {
		dg_hop_ended(h);
		return;
	}
	if (has_moved)
		arm(h);
	/* last, because others may begin in there */
	if (h->went_well) {
		h->went_well = false;
		dg_lane_went_well(h->lane, h->generation, h->hop);
	}
}

void
dg_hop_pump(struct dg_hop_session *h)
{
	pump_as(h, true);
}

static void
lost(struct dg_hop_session *h, const char *words)
{
	dg_hop_forget(h);
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
	dg_hop_ended(h);
}

static void
tell_binding(struct dg_hop_session *h, const struct dg_conn *c)
{
	struct dg_binding_bytes b;

	dg_binding_read(c, &b);
	dg_cli_set_binding(h->cli, &b.binding);
}

static void
on_conn(void *ctx, struct dg_conn *c, enum dg_conn_event ev)
{
	struct dg_hop_session *h = ctx;

	switch (ev) {
	case DG_CONN_INPUT:
		pump_as(h, false);
		break;
	case DG_CONN_DRAINED:
		dg_hop_pump(h);
		break;
	case DG_CONN_TLS:
		h->in_handshake = false;
		tell_binding(h, c);
		dg_cli_tls_done(h->cli, true,
		    dg_conn_tls_words(c).p, &h->acts);
		dg_hop_pump(h);
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
			dg_hop_pump(h);
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
		.is_lmtp = h->hop->is_lmtp,
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
		dg_hop_log_end(h, &r, "next host");
		dg_hop_next_host(h, &r);
		return;
	}
	h->conn = own_conn;
	dg_conn_set_fn(own_conn, on_conn, h);
	start_machine(h);
	dg_hop_pump(h);
}

static void
dial(struct dg_hop_session *h)
{
	const struct dg_mx_plan *plan = h->mx != NULL ? &h->mx->plan : NULL;
	const char *where, *host;

	if (plan != NULL) {
		host = plan->places[h->host_index].host;
		where = plan->places[h->host_index].dial;
	} else {
		host = where = h->hop->hosts[h->host_index];
	}
	snprintf(h->host, sizeof(h->host), "%s", host);
	snprintf(h->attempt->host, sizeof(h->attempt->host), "%s", h->host);
	dg_row_hit(h->hop->row);
	dg_dial(h->worker->dialer, dg_str(where), dg_str(h->hop->source),
	    limits_of(h)->connect_ms, on_dialled, h->worker, h->ticket);
}

/* The MX hosts are known, or why there are none. */
static void
on_mx(void *ctx)
{
	struct dg_hop_session *h = ctx;
	const struct dg_mx_plan *plan = &h->mx->plan;
	struct dg_result r;

	if (plan->n_places > 0) {
		dial(h);
		return;
	}
	r = plan->verdict;
	snprintf(h->host, sizeof(h->host), "%s", plan->domain);
	snprintf(h->attempt->host, sizeof(h->attempt->host), "%s", h->host);
	dg_hop_log_end(h, &r, "no host");
	dg_hop_fail(h, &r);
}

void
dg_hop_dial(struct dg_hop_session *h)
{
	bool is_done = true;

	if (h->hop->is_mx && h->mx == NULL)
		h->mx = dg_mx_new(h->worker, h->generation, h->hop,
		    h->lane->domain, on_mx, h, &is_done);
	if (!is_done)
		return;
	if (h->mx != NULL)
		on_mx(h);
	else
		dial(h);
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
	dg_hop_dial(h);
}

struct dg_hop_session *
dg_hop_session_idle(const struct dg_lane *l, const struct dg_attempt *a)
{
	struct dg_hop_session *h;

	LIST_FOREACH (h, &l->sessions, next)
		if (h->is_ready && h->attempt == NULL && !h->is_over &&
		    h->generation == a->generation)
			return h;
	return NULL;
}

void
dg_hop_session_begin(struct dg_hop_session *h, struct dg_attempt *own_a)
{
	h->attempt = own_a;
	begin_mail(h);
	dg_hop_pump(h);
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
		dg_hop_pump(h);
	}
}

/* The hard end: connections go, their messages stay in the spool. */
void
dg_hop_sessions_drop(struct dg_worker *w)
{
	struct dg_hop_session *h;
	struct dg_lane *l;
	size_t at = 0;

	for (l = dg_lane_next(w, NULL); l != NULL; l = dg_lane_next(w, l))
		dg_lane_give_back(l);
	dg_attempts_give_back(w);
	while ((h = dg_slots_next(w->hop_sessions, &at)) != NULL) {
		struct dg_attempt *a = h->attempt;

		h->attempt = NULL;
		dg_hop_free(h);
		if (a != NULL)
			dg_attempt_give_back(a);
	}
}
