/*
 * session_ask.c - what the server machine asks about a client: who is this,
 * what is it shown, whose account is that, where does this recipient go?
 *
 * The policy answers first (the peer's hooks, then d.on); then the tables.
 * Each decision is logged with the line that made it.
 */
#include "session.h"

#include <stdio.h>

#include "dragoman/base/clock.h"
#include "dragoman/base/log.h"
#include "dragoman/wire/path.h"

const struct dg_config *
dg_session_config(const struct dg_session *s)
{
	return dg_generation_config(s->generation);
}

const char *
dg_session_peer_name(const struct dg_session *s)
{
	return s->peer != NULL ? s->peer->name : "anyone";
}

static struct dg_policy_state *
state_of(struct dg_session *s)
{
	return dg_generation_state(s->generation, s->worker->index);
}

/* ---- who is this ---- */

static void
log_peer(struct dg_session *s)
{
	char where[256];

	if (strcmp(s->reported_peer, dg_session_peer_name(s)) == 0)
		return;
	snprintf(s->reported_peer, sizeof(s->reported_peer), "%s",
	    dg_session_peer_name(s));
	dg_log(DG_LOG_INFO, "peer", dg_kv_z("session", s->name),
	    dg_kv_z("peer", dg_session_peer_name(s)), dg_kv_z("address", s->address),
	    dg_kv_s("helo", dg_srv_helo(s->srv)),
	    dg_kv_s("user", dg_srv_user(s->srv)),
	    dg_kv_z("where",
		s->peer != NULL
		    ? dg_where_text(s->peer->where, where, sizeof(where))
		    : "built in"));
}

/* Peers are tried in file order at connect, again at EHLO, again after AUTH:
 * a key not known yet does not match. */
void
dg_session_identify(struct dg_session *s)
{
	struct dg_peer_query q = {
		.address = dg_str(s->address),
		.listener = dg_str(s->listener),
		.helo = dg_srv_helo(s->srv),
		.user = dg_srv_user(s->srv),
	};
	struct dg_srv_peer sp = { .dialect = dg_dialect_rfc4954() };

	s->peer = dg_rules_peer(dg_generation_rules(s->generation), &q);
	if (s->peer != NULL) {
		sp.dialect = s->peer->dialect;
		sp.mechs = s->peer->users != NULL ? s->peer->mechs : 0;
		sp.requires_auth = s->peer->auth_required;
		sp.requires_tls = s->peer->tls_require;
		sp.clear_needs_tls = !s->peer->names_address;
		sp.size = s->peer->size;
		sp.recipients = (size_t)s->peer->recipients;
		sp.may_relay = true;
	}
	dg_srv_set_peer(s->srv, &sp);
	if (s->peer != NULL) {
		dg_policy_hit(state_of(s), s->peer->where);
		dg_policy_hit(state_of(s), s->peer->dialect->where);
	}
	log_peer(s);
}

/* ---- questions ---- */

enum { FACTS_MAX = 16 };
struct facts {
	struct dg_fact v[FACTS_MAX];
	size_t n;
};

static void
fact_s(struct facts *f, const char *name, struct dg_str v)
{
	if (f->n + 1 < FACTS_MAX)
		f->v[f->n++] = (struct dg_fact){ name, false, 0, v };
}

static void
fact_i(struct facts *f, const char *name, int64_t v)
{
	if (f->n + 1 < FACTS_MAX)
		f->v[f->n++] = (struct dg_fact){ name, true, v, DG_NOSTR };
}

static void
facts_of(struct dg_session *s, struct facts *f)
{
	memset(f, 0, sizeof(*f));
	fact_s(f, "peer", dg_str(dg_session_peer_name(s)));
	fact_s(f, "address", dg_str(s->address));
	fact_s(f, "listener", dg_str(s->listener));
	fact_i(f, "tls", dg_srv_has_tls(s->srv));
}

static const struct dg_hooks *
hooks_of(const struct dg_session *s)
{
	return s->peer != NULL ? &s->peer->on : NULL;
}

static void
log_decision(struct dg_session *s, const char *question, struct dg_str asked,
    const struct dg_decision *d)
{
	char where[256];

	if (d->kind == DG_D_NONE)
		return;
	dg_log(d->is_default ? DG_LOG_WARN : DG_LOG_INFO, "decision",
	    dg_kv_z("session", s->name),
	    dg_kv_z("question", question), dg_kv_s("asked", asked),
	    dg_kv_z("decision", dg_decision_name(d->kind)),
	    dg_kv_n("code", d->code), dg_kv_s("text", d->text),
	    dg_kv_s("hop", d->hop), dg_kv_s("because", d->because),
	    dg_kv_z("where", dg_where_text(d->where, where, sizeof(where))));
}

static bool
ask(struct dg_session *s, enum dg_question q, const struct facts *f)
{
	return dg_policy_ask(state_of(s), &s->asking, q, hooks_of(s), f->v,
	    &s->notes);
}

/* Refuse, defer and close mean the same wherever they are answered. */
static void
verdict_of(const struct dg_decision *d, struct dg_srv_answer *a)
{
	switch (d->kind) {
	case DG_D_REFUSE:
		a->verdict = DG_VERDICT_REFUSE;
		break;
	case DG_D_DEFER:
		a->verdict = DG_VERDICT_DEFER;
		break;
	case DG_D_CLOSE:
		a->verdict = DG_VERDICT_CLOSE;
		break;
	case DG_D_DISCARD:
		a->verdict = DG_VERDICT_DISCARD;
		break;
	default:
		return;
	}
	a->code = d->code;
	memcpy(a->enhanced, d->enhanced, sizeof(a->enhanced));
	a->text = d->text;
}

/* ---- each question: ask, and what its decision makes of the answer ---- */

static bool
ask_connect(struct dg_session *s)
{
	uint64_t most = dg_session_config(s)->limits.connections;
	struct dg_srv_answer *a = &s->answer;
	struct facts f;

	dg_session_identify(s);
	if (s->peer != NULL && s->peer->connections != 0)
		most = s->peer->connections;
	if (!dg_tally_enter(s->worker->relay->tally, dg_str(s->address), most)) {
		a->verdict = DG_VERDICT_CLOSE;
		a->code = 421;
		snprintf(a->enhanced, sizeof(a->enhanced), "4.7.0");
		a->text = DG_STR("too many connections from your address");
		dg_log(DG_LOG_WARN, "too-many-connections",
		    dg_kv_z("address", s->address),
		    dg_kv_i("most", (long long)most));
		return true;
	}
	s->is_counted = true;
	facts_of(s, &f);
	return ask(s, DG_Q_CONNECT, &f);
}

static bool
ask_offer(struct dg_session *s)
{
	struct facts f;

	dg_session_identify(s);
	facts_of(s, &f);
	fact_s(&f, "helo", dg_srv_helo(s->srv));
	fact_s(&f, "abilities", DG_STR("NTLM LOGIN PLAIN"));
	return ask(s, DG_Q_OFFER, &f);
}

static void
take_offer(struct dg_session *s, const struct dg_decision *d)
{
	if (d->kind != DG_D_OFFER)
		return;
	if (d->has_lines) {
		s->answer.lines = d->lines;
		s->answer.n_lines = d->n_lines;
	}
	s->answer.hide = d->hide;
	s->answer.show = d->show;
}

static bool
ask_credential(struct dg_session *s)
{
	const struct dg_identity *id = dg_srv_identity(s->srv);
	struct facts f;

	facts_of(s, &f);
	fact_s(&f, "helo", dg_srv_helo(s->srv));
	fact_s(&f, "mechanism", dg_str(dg_srv_mechanism(s->srv)));
	fact_s(&f, "identity", id->account);
	fact_s(&f, "domain", id->domain);
	fact_s(&f, "workstation", id->workstation);
	return ask(s, DG_Q_CREDENTIAL, &f);
}

/* accept{as=} says whose account it is; the proof is still asked for. */
static void
take_credential(struct dg_session *s, const struct dg_decision *d)
{
	struct dg_str account = dg_srv_identity(s->srv)->account;
	const struct dg_users *users = NULL;

	if (d->kind == DG_D_REFUSE || d->kind == DG_D_DEFER)
		return;
	if (d->kind == DG_D_ACCEPT && d->as.n > 0)
		account = d->as;
	if (s->peer != NULL)
		users = dg_generation_users(s->generation, s->peer->users);
	if (users != NULL)
		s->answer.credential = dg_users_find(users, account);
	s->answer.as = account;
}

static bool
ask_recipient(struct dg_session *s)
{
	struct dg_envelope *env = dg_srv_envelope(s->srv);
	struct dg_str to = dg_srv_asked_address(s->srv);
	struct facts f;

	facts_of(s, &f);
	fact_s(&f, "helo", dg_srv_helo(s->srv));
	fact_s(&f, "user", dg_srv_user(s->srv));
	fact_s(&f, "sender", env->sender);
	fact_s(&f, "recipient", to);
	fact_s(&f, "domain", dg_address_domain(to));
	fact_i(&f, "size", (int64_t)env->declared_size);
	fact_i(&f, "count", (int64_t)env->n_rcpts);
	return ask(s, DG_Q_RECIPIENT, &f);
}

/* The recipient's hook has no objection: where does it go? */
static bool
ask_route(struct dg_session *s)
{
	struct dg_envelope *env = dg_srv_envelope(s->srv);
	const struct dg_decision *d = &s->asking.d;
	struct dg_route_query q = {
		.recipient = dg_srv_asked_address(s->srv),
		.sender = env->sender,
		.peer = dg_str(dg_session_peer_name(s)),
		.user = dg_srv_user(s->srv),
		.address = dg_str(s->address),
		.listener = dg_str(s->listener),
		.helo = dg_srv_helo(s->srv),
		.size = env->declared_size,
		.tls = dg_srv_has_tls(s->srv),
	};

	if (d->kind == DG_D_ACCEPT && d->to.n > 0)
		q.recipient = s->answer.to = d->to;
	return dg_policy_route(state_of(s), &s->routing, &q, &s->notes);
}

static void
take_route(struct dg_session *s)
{
	const struct dg_decision *d = &s->routing.d;
	const struct dg_hop *hop;

	log_decision(s, "route",
	    s->answer.to.n > 0 ? s->answer.to : dg_srv_asked_address(s->srv),
	    d);
	verdict_of(d, &s->answer);
	if (d->kind != DG_D_TO)
		return;
	hop = dg_rules_hop(dg_generation_rules(s->generation), d->hop);
	s->answer.hop = dg_str(hop->name);
	s->answer.expire_ms = dg_now_ms() + hop->give_up_ms;
}

/* ---- the way of a question ---- */

static const struct {
	enum dg_question question;
	bool (*ask)(struct dg_session *s);
	void (*take)(struct dg_session *s, const struct dg_decision *d);
} asks[] = {
	[DG_ASK_CONNECT] = { DG_Q_CONNECT, ask_connect, NULL },
	[DG_ASK_OFFER] = { DG_Q_OFFER, ask_offer, take_offer },
	[DG_ASK_CREDENTIAL] = { DG_Q_CREDENTIAL, ask_credential,
	    take_credential },
	[DG_ASK_RECIPIENT] = { DG_Q_RECIPIENT, ask_recipient, NULL },
};

static struct dg_str
asked_about(const struct dg_session *s)
{
	switch (s->asked) {
	case DG_ASK_CONNECT:
		return dg_str(s->address);
	case DG_ASK_OFFER:
		return dg_srv_helo(s->srv);
	case DG_ASK_CREDENTIAL:
		return dg_srv_identity(s->srv)->account;
	case DG_ASK_RECIPIENT:
		return dg_srv_asked_address(s->srv);
	default:
		return DG_NOSTR;
	}
}

void
dg_session_forget(struct dg_session *s)
{
	if (!s->is_asking)
		return;
	dg_asking_drop(&s->asking);
	dg_asking_drop(&s->routing);
	s->is_asking = false;
}

static void
give(struct dg_session *s)
{
	dg_acts_reset(&s->acts);
	dg_srv_answer(s->srv, &s->answer, &s->acts);
	dg_session_forget(s);
}

/* s->asking has its answer.  False: another question waits. */
static bool
take(struct dg_session *s)
{
	const struct dg_decision *d = &s->asking.d;

	log_decision(s, dg_question_name(asks[s->asked].question),
	    asked_about(s), d);
	verdict_of(d, &s->answer);
	if (asks[s->asked].take != NULL)
		asks[s->asked].take(s, d);
	if (s->asked == DG_ASK_RECIPIENT &&
	    s->answer.verdict == DG_VERDICT_ACCEPT) {
		if (!ask_route(s))
			return false;
		take_route(s);
	}
	return true;
}

static void
on_answered(void *ctx, struct dg_asking *a)
{
	struct dg_session *s = ctx;

	if (a == &s->routing)
		take_route(s);
	else if (!take(s))
		return;
	give(s);
	dg_session_pump(s);
}

void
dg_session_answer(struct dg_session *s, enum dg_ask question)
{
	s->asked = question;
	s->is_asking = true;
	s->answer = (struct dg_srv_answer){ .verdict = DG_VERDICT_ACCEPT };
	dg_asking_init(&s->asking, on_answered, s);
	dg_asking_init(&s->routing, on_answered, s);
	if (asks[question].ask(s) && take(s))
		give(s);
}
