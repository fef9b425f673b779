/* server_fuzz.c - the whole server machine against arbitrary bytes, cut
 * anywhere, with arbitrary answers.
 *
 * The input is a list of pieces: one byte of length, one byte that chooses
 * what is answered meanwhile, and when, the bytes.  Checked is what an owner
 * relies on: a question is the last action and the machine then waits, and
 * takes nothing until it is answered, maybe pieces later or after the end;
 * nothing is sent behind CLOSE; a body goes into an open draft only; no commit
 * without one. */
#include <stdint.h>
#include <stdlib.h>

#include "dragoman/auth/users.h"
#include "dragoman/smtp/server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct owner {
	struct dg_srv *srv;
	struct dg_acts acts;
	struct dg_buf input;
	struct dg_srv_peer peer;
	struct dg_dialect dialect;
	unsigned luck; /* of the piece in hand */
	bool is_closed, has_draft, has_tls;
	enum dg_act_kind open; /* a question put off; TRACE: none */
};

static void
answer(struct owner *o)
{
	static struct dg_credential credential; /* the password is "x" */
	struct dg_err e = { 0 };
	static const struct dg_offer_line line = {
		.text = "XAUTH",
		.verb = "XAUTH",
	};
	static const char *const verbs[] = { "NOOP", "mail", "AUTH", "STARTTLS",
		"DATA", "EHLO", "x", "" };
	struct dg_srv_answer a = {
		.verdict = o->luck % 11 < 5 ? DG_VERDICT_ACCEPT
					    : (enum dg_verdict)(o->luck % 6),
		.verb = dg_str(verbs[o->luck / 8 % 8]),
		.sender = (o->luck & 4) ? DG_STR("new@x.example") : DG_NOSTR,
		.code = (o->luck & 64) ? 550 : 0,
		.credential = (o->luck & 32) ? &credential : NULL,
		.to = (o->luck & 16) ? DG_STR("new@x") : DG_NOSTR,
		.lines = (o->luck & 8) ? &line : NULL,
		.n_lines = 1,
	};

	if (!credential.has_nt &&
	    dg_credential_make(DG_STR("x"), true, &credential, &e) != DG_OK)
		abort();
	o->peer.may_relay = (o->luck & 128) == 0;
	dg_srv_set_peer(o->srv, &o->peer);
	dg_srv_answer(o->srv, &a, &o->acts);
}

static void
draft(struct owner *o)
{
	struct dg_err e = { .code = 452, .enhanced = "4.3.1" };
	bool ok = (o->luck & 3) != 0;

	o->has_draft = ok;
	dg_srv_draft(o->srv, ok ? DG_OK : DG_E_FULL, DG_STR("id"), 1, &e,
	    &o->acts);
}

static void
commit(struct owner *o)
{
	struct dg_envelope *env;

	if (!o->has_draft)
		abort();
	o->has_draft = false;
	env = dg_srv_take_envelope(o->srv);
	if (env == NULL || env->n_rcpts == 0)
		abort();
	dg_envelope_free(env);
	if (o->luck % 7 == 0) /* while the commit is under way */
		dg_srv_stop(o->srv, "4.3.2", DG_STR("bye"), &o->acts);
	dg_srv_committed(o->srv, o->luck & 1 ? DG_OK : DG_E_IO, NULL, &o->acts);
}

/* Does one action; returns its kind when the machine waits for the answer. */
static enum dg_act_kind
act(struct owner *o, size_t i)
{
	const struct dg_act *a = &o->acts.v[i];
	struct dg_str text = dg_act_text(&o->acts, a);

	if (o->is_closed && a->kind != DG_ACT_TRACE)
		abort();
	switch (a->kind) {
	case DG_ACT_SEND:
		if (text.n < 6 || text.p[text.n - 1] != '\n')
			abort();
		break;
	case DG_ACT_CLOSE:
		o->is_closed = true;
		break;
	case DG_ACT_BODY:
		if (!o->has_draft || text.n == 0)
			abort();
		if (o->luck % 13 == 12)
			dg_srv_body_failed(o->srv, NULL);
		break;
	case DG_ACT_ABORT:
		o->has_draft = false;
		break;
	case DG_ACT_STARTTLS:
		o->has_tls = true;
		break;
	case DG_ACT_ASK:
	case DG_ACT_DRAFT:
	case DG_ACT_COMMIT:
		if (i + 1 != o->acts.n || !dg_srv_is_waiting(o->srv))
			abort();
		return a->kind;
	default:
		break;
	}
	return DG_ACT_TRACE;
}

static void
serve(struct owner *o, enum dg_act_kind question)
{
	if (question == DG_ACT_ASK)
		answer(o);
	else if (question == DG_ACT_DRAFT)
		draft(o);
	else if (question == DG_ACT_COMMIT)
		commit(o);
}

static void
carry_out(struct owner *o)
{
	while (o->acts.n > 0) {
		enum dg_act_kind last = DG_ACT_TRACE;

		for (size_t i = 0; i < o->acts.n; i++)
			last = act(o, i);
		dg_acts_reset(&o->acts);
		if (last != DG_ACT_TRACE && o->luck % 3 == 2) {
			if (o->open != DG_ACT_TRACE)
				abort();
			o->open = last;
			return;
		}
		serve(o, last);
		if (o->has_tls) {
			o->has_tls = false;
			dg_srv_tls_done(o->srv, DG_STR("T"));
		}
	}
}

/* The answer comes now, if it does. */
static void
resume(struct owner *o)
{
	enum dg_act_kind was = o->open;

	if (was == DG_ACT_TRACE)
		return;
	if (!dg_srv_is_waiting(o->srv) || dg_srv_is_idle(o->srv) ||
	    dg_srv_feed(o->srv, dg_buf_str(&o->input), &o->acts) != 0 ||
	    o->acts.n != 0)
		abort();
	if (o->luck % 5 == 4)
		return;
	if (o->luck % 17 == 16 && was == DG_ACT_ASK)
		dg_srv_body_failed(o->srv, NULL);
	o->open = DG_ACT_TRACE;
	serve(o, was);
	carry_out(o);
}

/* It is stopped while a question is open: the answer finds nobody. */
static void
answer_after_the_end(struct owner *o)
{
	enum dg_act_kind was = o->open;

	if (was == DG_ACT_COMMIT) {
		if (o->is_closed)
			abort();
		commit(o); /* that is still answered */
		return;
	}
	if (was == DG_ACT_ASK)
		answer(o);
	else if (was == DG_ACT_DRAFT)
		draft(o);
	if (was == DG_ACT_ASK && o->acts.n != 0)
		abort();
	if (was == DG_ACT_DRAFT && o->acts.n != (o->has_draft ? 1u : 0u))
		abort();
	dg_acts_reset(&o->acts);
}

static void
feed(struct owner *o, struct dg_str piece)
{
	if (dg_buf_add(&o->input, piece) != DG_OK)
		abort();
	resume(o);
	while (!o->is_closed && !dg_srv_is_waiting(o->srv) && o->input.n > 0) {
		size_t used =
		    dg_srv_feed(o->srv, dg_buf_str(&o->input), &o->acts);

		if (used > o->input.n)
			abort();
		dg_buf_eat(&o->input, used);
		carry_out(o);
		if (used == 0)
			break;
	}
}

static void
begin(struct owner *o, unsigned how)
{
	struct dg_srv_options options = {
		.hostname = DG_STR("relay.example"),
		.address = DG_STR("10.0.0.5"),
		.limits = { .line = 100,
		    .auth_line = 300,
		    .size = 500,
		    .recipients = 3,
		    .received = 3,
		    .errors = 200,
		    .auths = 50,
		    .header = 200 },
		.has_tls = (how & 1) != 0,
		.asks = how % 3 != 0 ? ~0u : 0,
	};

	o->open = DG_ACT_TRACE;

	o->dialect = *dg_dialect_rfc4954();
	o->dialect.mend = (how & 2) ? 7 : 0;
	o->dialect.helo = (how & 4) ? DG_HELO_EITHER : DG_HELO_EHLO;
	o->dialect.ntlm_take = how >> 4;
	o->peer = (struct dg_srv_peer){
		.dialect = &o->dialect,
		.mechs = DG_MECH_ALL,
		.clear_needs_tls = (how & 8) != 0,
		.may_relay = true,
	};
	o->srv = dg_srv_new(&options);
	dg_acts_init(&o->acts);
	dg_buf_init(&o->input, 1024 * 1024);
	dg_srv_start(o->srv, &o->acts);
	carry_out(o);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct owner o = { 0 };
	size_t at = 1;

	if (size < 1 || size > 64 * 1024)
		return 0;
	begin(&o, data[0]);
	while (at + 2 < size && !o.is_closed) {
		size_t n = data[at];

		o.luck = data[at + 1];
		at += 2;
		if (n > size - at)
			n = size - at;
		feed(&o, dg_str_of(data + at, n));
		at += n;
	}
	if (!o.is_closed) {
		dg_srv_stop(o.srv, "4.3.2", DG_STR("bye"), &o.acts);
		carry_out(&o);
		answer_after_the_end(&o);
		carry_out(&o);
		if (!o.is_closed)
			abort();
	}
	dg_srv_free(o.srv);
	dg_acts_fini(&o.acts);
	dg_buf_fini(&o.input);
	return 0;
}
