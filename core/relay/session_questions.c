/*
 * session_questions.c - what the server machine asks about a client, one by
 * one: what the policy is told, and what its decision makes of the answer.
 *
 * The policy answers first (the peer's hooks, then d.on); where it has no
 * opinion the tables do.  session_ask.c leads a question on its way.
 */
#include "session.h"

#include <stdlib.h>
#include <stdio.h>

#include "dragoman/base/log.h"
#include "dragoman/wire/path.h"

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
	fact_s(f, "helo", dg_srv_helo(s->srv)); /* q has it where it is known */
	fact_s(f, "user", dg_srv_user(s->srv));
}

static const struct dg_hooks *
hooks_of(const struct dg_session *s)
{
	return s->peer != NULL ? &s->peer->on : NULL;
}

/* What is noted about a message goes with it alone: a transaction begins with
 * what was noted about the session. */
static struct dg_notes *
notes_of(struct dg_session *s)
{
	const struct dg_envelope *env = dg_srv_envelope(s->srv);

	if (env == NULL)
		return &s->notes;
	if (s->mail_notes_of != env->number) {
		s->mail_notes_of = env->number;
		dg_buf_reset(&s->mail_notes.kv);
		(void)dg_buf_add(&s->mail_notes.kv, dg_buf_str(&s->notes.kv));
	}
	return &s->mail_notes;
}

static bool
ask(struct dg_session *s, enum dg_question q, const struct facts *f)
{
	return dg_policy_ask(dg_session_state(s), &s->asking, q, hooks_of(s), f->v,
	    notes_of(s));
}

/* ---- at connect and EHLO ---- */

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

/* ---- a verb we don't know ---- */

static bool
ask_command(struct dg_session *s)
{
	struct facts f;

	facts_of(s, &f);
	fact_s(&f, "verb", dg_srv_unknown_verb(s->srv));
	fact_s(&f, "argument", dg_srv_unknown_argument(s->srv));
	return ask(s, DG_Q_COMMAND, &f);
}

static void
take_command(struct dg_session *s, const struct dg_decision *d)
{
	if (d->kind == DG_D_USE)
		s->answer.verb = d->verb;
}

/* ---- a login ---- */

static bool
ask_credential(struct dg_session *s)
{
	const struct dg_identity *id = dg_srv_identity(s->srv);
	struct facts f;

	facts_of(s, &f);
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
	if (users != NULL) {
		dg_users_decoy(users, account, &s->decoy);
		s->answer.decoy = &s->decoy;
	}
	s->answer.as = account;
}

static bool
ask_authenticated(struct dg_session *s)
{
	struct facts f;

	facts_of(s, &f);
	fact_s(&f, "mechanism", dg_str(dg_srv_mechanism(s->srv)));
	fact_s(&f, "strength", dg_str(dg_srv_strength(s->srv)));
	return ask(s, DG_Q_AUTHENTICATED, &f);
}

/* ---- the envelope ---- */

static bool
ask_sender(struct dg_session *s)
{
	struct facts f;

	facts_of(s, &f);
	fact_s(&f, "sender", dg_srv_asked_sender(s->srv));
	fact_i(&f, "size", (int64_t)dg_srv_asked_size(s->srv));
	fact_s(&f, "body", dg_srv_asked_body(s->srv));
	return ask(s, DG_Q_SENDER, &f);
}

static void
take_sender(struct dg_session *s, const struct dg_decision *d)
{
	if (d->kind != DG_D_ACCEPT)
		return;
	if (d->rewrite_from.n > 0)
		s->answer.sender = d->rewrite_from;
	s->answer.reply_to = d->reply_to;
}

static bool
ask_recipient(struct dg_session *s)
{
	struct dg_envelope *env = dg_srv_envelope(s->srv);
	struct dg_str to = dg_srv_asked_address(s->srv);
	struct facts f;

	facts_of(s, &f);
	fact_s(&f, "sender", env->sender);
	fact_s(&f, "recipient", to);
	fact_s(&f, "domain", dg_address_domain(to));
	fact_i(&f, "size", (int64_t)env->declared_size);
	fact_i(&f, "count", (int64_t)env->n_rcpts);
	return ask(s, DG_Q_RECIPIENT, &f);
}

/* ---- the message ---- */

static bool
ask_content(struct dg_session *s)
{
	const struct dg_envelope *env = dg_srv_envelope(s->srv);
	struct dg_str header = DG_NOSTR;
	struct facts f;

	if (s->draft == NULL)
		return true; /* it could not be written: that is said */
	if (!dg_policy_wants(dg_generation_rules(s->generation), DG_Q_CONTENT,
		hooks_of(s)))
		return true; /* asked for the sake of the header alone */
	facts_of(s, &f);
	fact_s(&f, "sender", env->sender);
	fact_i(&f, "bytes", (int64_t)dg_srv_message_size(s->srv));
	fact_i(&f, "count", (int64_t)env->n_rcpts);
	if (!dg_session_header(s, &header))
		return true;
	fact_s(&f, "headers", header);
	return ask(s, DG_Q_CONTENT, &f);
}

static void
take_content(struct dg_session *s, const struct dg_decision *d)
{
	if (s->answer.verdict == DG_VERDICT_ACCEPT ||
	    s->answer.verdict == DG_VERDICT_HOLD)
		dg_session_edit(s, d);
}

/* ---- all of them ---- */

static struct dg_str
about_address(const struct dg_session *s)
{
	return dg_str(s->address);
}

static struct dg_str
about_helo(const struct dg_session *s)
{
	return dg_srv_helo(s->srv);
}

static struct dg_str
about_verb(const struct dg_session *s)
{
	return dg_srv_unknown_verb(s->srv);
}

static struct dg_str
about_account(const struct dg_session *s)
{
	return dg_srv_identity(s->srv)->account;
}

static struct dg_str
about_user(const struct dg_session *s)
{
	return dg_srv_user(s->srv);
}

static struct dg_str
about_sender(const struct dg_session *s)
{
	return dg_srv_asked_sender(s->srv);
}

static struct dg_str
about_recipient(const struct dg_session *s)
{
	return dg_srv_asked_address(s->srv);
}

static struct dg_str
about_draft(const struct dg_session *s)
{
	return s->draft != NULL ? dg_draft_name(s->draft) : DG_NOSTR;
}

const struct dg_session_question dg_session_questions[] = {
	[DG_ASK_CONNECT] = { DG_Q_CONNECT, ask_connect, NULL, about_address },
	[DG_ASK_OFFER] = { DG_Q_OFFER, ask_offer, take_offer, about_helo },
	[DG_ASK_COMMAND] = { DG_Q_COMMAND, ask_command, take_command,
	    about_verb },
	[DG_ASK_CREDENTIAL] = { DG_Q_CREDENTIAL, ask_credential,
	    take_credential, about_account },
	[DG_ASK_AUTHENTICATED] = { DG_Q_AUTHENTICATED, ask_authenticated, NULL,
	    about_user },
	[DG_ASK_SENDER] = { DG_Q_SENDER, ask_sender, take_sender,
	    about_sender },
	[DG_ASK_RECIPIENT] = { DG_Q_RECIPIENT, ask_recipient, NULL,
	    about_recipient },
	[DG_ASK_CONTENT] = { DG_Q_CONTENT, ask_content, take_content,
	    about_draft },
};

/* The machine asks for what somebody may answer: whichever peer it will be. */
unsigned
dg_session_asks(const struct dg_rules *r)
{
	static const enum dg_ask optional[] = { DG_ASK_COMMAND,
		DG_ASK_AUTHENTICATED, DG_ASK_SENDER, DG_ASK_CONTENT };
	unsigned asks = 0;

	for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++) {
		if (r->wants[dg_session_questions[optional[i]].question])
			asks |= DG_ASK_BIT(optional[i]);
	}
	/* a rewritten sender is rewritten in the header, too */
	if (asks & DG_ASK_BIT(DG_ASK_SENDER))
		asks |= DG_ASK_BIT(DG_ASK_CONTENT);
	return asks;
}

/* ---- where to ---- */

/* The recipient's hook has no objection: where does it go? */
bool
dg_session_ask_route(struct dg_session *s)
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
	return dg_policy_route(dg_session_state(s), &s->routing, &q, notes_of(s));
}

void
dg_session_take_route(struct dg_session *s)
{
	struct dg_decision *d = &s->routing.d;
	const struct dg_hop *hop;
	char *lane;

	if (d->kind != DG_D_TO)
		return;
	hop = dg_rules_hop(dg_generation_rules(s->generation), d->hop);
	lane = dg_lane_name(hop, s->answer.to.n > 0
		? s->answer.to
		: dg_srv_asked_address(s->srv));
	s->answer.hop = dg_arena_str(&d->arena, dg_str(lane));
	free(lane);
}
