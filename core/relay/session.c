/*
 * session.c - a client of ours: its connection and its server machine.
 *
 * The machine decides what is said; this file carries out what it asks for:
 * write bytes, open a draft, commit (questions: session_ask.c).  A late
 * answer (the spool's) finds the session by ticket, so a session may die
 * at any moment.  One close path: session_close().
 */
#include "session.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/clock.h"
#include "dragoman/base/log.h"
#include "dragoman/spool/queue.h"

enum {
	OUTPUT_MAX = 256 * 1024, /* unread replies before we stop reading */
	NOTES_MAX = 4096,
};

static void on_conn(void *ctx, struct dg_conn *c, enum dg_conn_event ev);

static void
session_close(struct dg_session *s, const char *why)
{
	struct dg_worker *w = s->worker;

	dg_log(DG_LOG_INFO, "disconnect", dg_kv_z("session", s->name),
	    dg_kv_z("peer", dg_session_peer_name(s)), dg_kv_z("address", s->address),
	    dg_kv_i("messages", s->messages), dg_kv_z("why", why),
	    dg_kv_z("state", dg_srv_state_name(s->srv)));
	if (s->is_counted)
		dg_tally_leave(w->relay->tally, dg_str(s->address));
	dg_session_forget(s);
	dg_slots_drop(w->sessions, s->ticket);
	dg_draft_free(s->draft);
	dg_srv_free(s->srv);
	dg_acts_fini(&s->acts);
	dg_buf_fini(&s->notes.kv);
	dg_buf_fini(&s->mail_notes.kv);
	dg_conn_free(s->conn);
	dg_generation_unpin(s->generation);
	free(s);
}

/* ---- drafts and commits ---- */

static void
open_draft(struct dg_session *s)
{
	struct dg_err e = { 0 };
	struct dg_str name = DG_NOSTR;
	enum dg_rc rc;

	rc = dg_draft_open(s->worker->relay->spool, &s->draft, &e);
	if (rc == DG_OK)
		name = dg_draft_name(s->draft);
	else
		dg_log(DG_LOG_WARN, "no-draft", dg_kv_z("why", e.text));
	dg_acts_reset(&s->acts);
	dg_srv_draft(s->srv, rc, name, dg_now_ms(), &e, &s->acts);
}

static void
write_body(struct dg_session *s, struct dg_str piece)
{
	struct dg_err e = { 0 };

	if (s->draft == NULL)
		return;
	if (dg_draft_write(s->draft, piece, &e) == DG_OK)
		return;
	dg_log(DG_LOG_WARN, "draft-write", dg_kv_s("id", dg_draft_name(s->draft)),
	    dg_kv_z("why", e.text));
	dg_draft_free(s->draft);
	s->draft = NULL;
	s->draft_failed = e;
	dg_srv_body_failed(s->srv, &e);
}

static void
log_accepted(struct dg_session *s, const struct dg_envelope *env, struct dg_str id)
{
	for (size_t i = 0; i < env->n_rcpts; i++)
		dg_log(DG_LOG_INFO, "accept",
		    dg_kv_z("session", s->name), dg_kv_s("id", id),
		    dg_kv_s("from", env->sender),
		    dg_kv_s("to", env->rcpts[i].address),
		    dg_kv_s("hop", env->rcpts[i].hop),
		    dg_kv_s("peer", env->peer), dg_kv_s("user", env->user),
		    dg_kv_i("size", (long long)dg_draft_size(s->draft)));
}

static void
on_committed(void *ctx, uint64_t ticket, enum dg_rc rc, const struct dg_err *e)
{
	struct dg_worker *w = ctx;
	struct dg_session *s = dg_slots_find(w->sessions, ticket);

	if (s == NULL)
		return; /* the client is gone; the message is ours anyway */
	s->is_committing = false;
	if (rc == DG_OK)
		s->messages++;
	else
		dg_log(DG_LOG_ERROR, "commit",
		    dg_kv_z("session", s->name),
		    dg_kv_z("why", e->text));
	dg_acts_reset(&s->acts);
	dg_srv_committed(s->srv, rc, e, &s->acts);
	dg_session_pump(s);
}

/* The last piece could not be written: nothing to commit, and 4yz. */
static void
refuse_commit(struct dg_session *s)
{
	dg_acts_reset(&s->acts);
	dg_srv_committed(s->srv, s->draft_failed.rc, &s->draft_failed,
	    &s->acts);
}

static void
commit(struct dg_session *s)
{
	struct dg_envelope *env = dg_srv_take_envelope(s->srv);
	struct dg_item_rcpt *rcpts =
	    dg_alloc0((env->n_rcpts + 1) * sizeof(*rcpts));
	int64_t now = dg_now_ms();
	struct dg_item item = {
		.sender = env->sender,
		.helo = dg_srv_helo(s->srv),
		.address = dg_str(s->address),
		.listener = dg_str(s->listener),
		.peer = dg_str(dg_session_peer_name(s)),
		.user = dg_srv_user(s->srv),
		.notes = dg_buf_str(s->mail_notes_of == env->number
			? &s->mail_notes.kv
			: &s->notes.kv),
		.arrival_ms = now,
		.body_8bit = env->body_8bit,
		.rcpts = rcpts,
	};

	env->peer = item.peer;
	env->user = item.user;
	for (size_t i = 0; i < env->n_rcpts; i++) {
		const struct dg_rcpt *r = &env->rcpts[i];
		const struct dg_hop *hop;
		struct dg_str domain;

		if (r->discard) {
			dg_log(DG_LOG_INFO, "discard",
			    dg_kv_s("id", dg_draft_name(s->draft)),
			    dg_kv_s("to", r->address));
			continue;
		}
		hop = dg_lane_hop(dg_generation_rules(s->generation), r->hop,
		    &domain);
		assert(hop != NULL); /* the session's own policy named it */
		rcpts[item.n_rcpts++] = (struct dg_item_rcpt){
			.address = r->address,
			.original = r->original,
			.lane = r->hop, /* see dg_session_take_route */
			/* held: until an operator releases it */
			.due_ms = env->is_held ? DG_DUE_HELD : now,
			.expire_ms = env->is_held
			    ? DG_DUE_HELD
			    : dg_lane_expiry(hop, now, now),
			.reply = env->is_held ? DG_STR("held by the policy")
					      : DG_NOSTR,
		};
	}
	log_accepted(s, env, dg_draft_name(s->draft));
	if (item.n_rcpts == 0) { /* a policy discards them all */
		dg_draft_free(s->draft);
		s->draft = NULL;
		dg_acts_reset(&s->acts);
		dg_srv_committed(s->srv, DG_OK, NULL, &s->acts);
	} else {
		struct dg_draft *own = s->draft;

		s->draft = NULL;
		s->is_committing = true;
		dg_acts_reset(&s->acts);
		dg_spool_commit(s->worker->relay->spool, own, &item,
		    dg_loop_post(s->worker->loop), on_committed, s->worker,
		    s->ticket);
	}
	free(rcpts);
	dg_envelope_free(env);
}

/* ---- carrying out actions ---- */

static void
start_tls(struct dg_session *s)
{
	struct dg_tls *t = dg_generation_listener_tls(
	    s->generation, dg_str(s->listener));

	dg_conn_tls_accept(s->conn, t);
}

/* Carry out s->acts, and what comes of answering, until nothing is left. */
static void
carry_out(struct dg_session *s)
{
	bool again = true;

	while (again) {
		enum dg_act_kind last = DG_ACT_SEND;
		enum dg_ask question = DG_ASK_CONNECT;

		again = false;
		for (size_t i = 0; i < s->acts.n; i++) {
			const struct dg_act *act = &s->acts.v[i];
			struct dg_str text = dg_act_text(&s->acts, act);

			switch (act->kind) {
			case DG_ACT_SEND:
				dg_conn_send(s->conn, text);
				break;
			case DG_ACT_TRACE:
				dg_log(DG_LOG_INFO, "session",
				    dg_kv_z("session", s->name),
				    dg_kv_z("peer", dg_session_peer_name(s)),
				    dg_kv_s("what", text));
				break;
			case DG_ACT_BODY:
				write_body(s, text);
				break;
			case DG_ACT_ABORT:
				dg_draft_free(s->draft);
				s->draft = NULL;
				break;
			case DG_ACT_LOGIN:
				dg_session_identify(s);
				break;
			case DG_ACT_STARTTLS:
				start_tls(s);
				break;
			case DG_ACT_CLOSE:
				s->is_closing = true;
				break;
			case DG_ACT_ASK:
			case DG_ACT_DRAFT:
			case DG_ACT_COMMIT:
				last = act->kind;
				question = act->ask;
				break;
			default:
				break;
			}
		}
		if (last == DG_ACT_ASK) {
			dg_session_answer(s, question);
			again = !s->is_asking;
			if (s->is_asking) /* it comes later */
				dg_acts_reset(&s->acts);
		} else if (last == DG_ACT_DRAFT) {
			open_draft(s);
			again = true;
		} else if (last == DG_ACT_COMMIT) {
			if (s->draft != NULL)
				commit(s);
			else
				refuse_commit(s);
			again = s->acts.n > 0;
		} else {
			dg_acts_reset(&s->acts);
		}
	}
}

static void
arm(struct dg_session *s)
{
	const struct dg_config_limits *l = &dg_session_config(s)->limits;

	dg_conn_deadline(s->conn,
	    s->draft != NULL ? l->data_ms : l->idle_ms);
}

/* Feed what there is, until the machine waits or has no whole line.  Half a
 * line does not set the deadline anew: a client that drips bytes is idle. */
static void
pump_as(struct dg_session *s, bool has_moved)
{
	carry_out(s);
	while (!s->is_closing && !dg_srv_is_waiting(s->srv) &&
	    dg_conn_pending(s->conn) < OUTPUT_MAX) {
		struct dg_str in = dg_conn_input(s->conn);
		size_t used;

		if (in.n == 0)
			break;
		used = dg_srv_feed(s->srv, in, &s->acts);
		carry_out(s); /* BODY views point into the input */
		dg_conn_eat(s->conn, used);
		if (used == 0)
			break;
		has_moved = true;
	}
	dg_conn_pause(s->conn, dg_srv_is_waiting(s->srv) ||
	    dg_conn_pending(s->conn) >= OUTPUT_MAX);
	if (s->is_closing ||
	    (s->has_eof && !s->is_committing && !s->is_asking)) {
		s->is_closing = true;
		dg_conn_finish(s->conn);
	} else if (has_moved) {
		arm(s);
	}
}

void
dg_session_pump(struct dg_session *s)
{
	pump_as(s, true);
}

static void
on_deadline(struct dg_session *s)
{
	if (s->is_asking) { /* it is we who are slow: the policy has its own
		             * deadline */
		arm(s);
		return;
	}
	dg_acts_reset(&s->acts);
	/* CLOSE comes of it: now, or once a commit under way was answered */
	dg_srv_stop(s->srv, "4.4.2", DG_STR("timeout, closing"), &s->acts);
	dg_session_pump(s);
}

static void
tell_tls_facts(struct dg_session *s, const struct dg_conn *c)
{
	struct dg_binding_bytes b;

	dg_binding_read(c, &b);
	dg_srv_set_tls_facts(s->srv, &b.binding, DG_STR(""));
}

static void
on_conn(void *ctx, struct dg_conn *c, enum dg_conn_event ev)
{
	struct dg_session *s = ctx;

	switch (ev) {
	case DG_CONN_INPUT:
		pump_as(s, false);
		break;
	case DG_CONN_DRAINED:
		dg_session_pump(s);
		break;
	case DG_CONN_TLS:
		tell_tls_facts(s, c);
		dg_srv_tls_done(s->srv, dg_conn_tls_words(c));
		dg_session_pump(s);
		break;
	case DG_CONN_EOF:
		s->has_eof = true;
		dg_session_pump(s);
		break;
	case DG_CONN_DEADLINE:
		on_deadline(s);
		break;
	case DG_CONN_LOST:
		session_close(s, dg_conn_error(c));
		break;
	case DG_CONN_CLOSED:
		session_close(s, "done");
		break;
	}
}

/* ---- birth, and the soft end ---- */

static void
options_of(const struct dg_session *s, bool is_implicit,
    struct dg_srv_options *o)
{
	const struct dg_config *c = dg_session_config(s);

	*o = (struct dg_srv_options){
		.dialect = dg_dialect_rfc4954(),
		.hostname = dg_str(c->hostname),
		.address = dg_str(s->address),
		.listener = dg_str(s->listener),
		.has_tls = !is_implicit &&
		    dg_generation_listener_tls(s->generation,
			dg_str(s->listener)) != NULL,
		.tls_is_on = is_implicit,
		.challenges = s->worker->relay->challenges,
		.asks = dg_session_asks(dg_generation_rules(s->generation)),
		.limits = {
			.line = (size_t)c->limits.line,
			.auth_line = 12288,
			.size = c->limits.size,
			.recipients = (size_t)c->limits.recipients,
			.received = (unsigned)c->limits.received,
			.errors = (unsigned)c->limits.errors,
			.auths = (unsigned)c->limits.auths,
			.header = (size_t)c->limits.header,
		},
	};
}

static bool
is_implicit_tls(const struct dg_session *s)
{
	const struct dg_config *c = dg_session_config(s);

	for (size_t i = 0; i < c->n_listeners; i++)
		if (strcmp(c->listeners[i].name, s->listener) == 0)
			return c->listeners[i].tls_certificate != NULL &&
			    strcmp(c->listeners[i].tls_mode, "implicit") == 0;
	return false;
}

void
dg_session_open(struct dg_worker *w, const char *listener,
    struct dg_conn *own_conn)
{
	struct dg_session *s = dg_alloc0(sizeof(*s));
	struct dg_srv_options o;
	bool is_implicit;

	s->worker = w;
	s->generation = dg_generation_pin(w->generation);
	s->conn = own_conn;
	s->listener = listener;
	snprintf(s->address, sizeof(s->address), "%.*s",
	    DG_FMT(dg_conn_address(own_conn)));
	dg_acts_init(&s->acts);
	dg_buf_init(&s->notes.kv, NOTES_MAX);
	dg_buf_init(&s->mail_notes.kv, NOTES_MAX);
	s->ticket = dg_slots_put(w->sessions, s);
	snprintf(s->name, sizeof(s->name), "%u-%u", w->index,
	    ++w->sessions_seen);
	is_implicit = is_implicit_tls(s);
	options_of(s, is_implicit, &o);
	s->srv = dg_srv_new(&o);
	dg_log(DG_LOG_INFO, "connect", dg_kv_z("session", s->name),
	    dg_kv_z("address", s->address), dg_kv_z("listener", listener),
	    dg_kv_i("generation", dg_generation_number(s->generation)));
	dg_conn_set_fn(own_conn, on_conn, s);
	if (is_implicit)
		start_tls(s);
	dg_srv_start(s->srv, &s->acts);
	dg_session_pump(s);
}

void
dg_sessions_stop(struct dg_worker *w, bool at_once)
{
	struct dg_session *s;
	size_t at = 0;

	while ((s = dg_slots_next(w->sessions, &at)) != NULL) {
		if (s->is_closing || (!at_once && !dg_srv_is_idle(s->srv)))
			continue;
		dg_session_forget(s);
		dg_acts_reset(&s->acts);
		dg_srv_stop(s->srv, "4.3.2", DG_STR("shutting down"), &s->acts);
		dg_session_pump(s);
	}
}

void
dg_sessions_drop(struct dg_worker *w)
{
	struct dg_session *s;
	size_t at = 0;

	while ((s = dg_slots_next(w->sessions, &at)) != NULL)
		session_close(s, "shutdown");
}

bool
dg_sessions_next(struct dg_worker *w, size_t *at, unsigned *number)
{
	const struct dg_session *s = dg_slots_next(w->sessions, at);

	if (s != NULL)
		*number = dg_generation_number(s->generation);
	return s != NULL;
}
