/* server_data.c - the body: from DATA to the reply that takes responsibility.
 *
 * The body streams through in pieces and is never held.  What is wrong with it
 * is remembered and said at its end, since a client reads no reply before
 * (RFC 5321 4.1.1.4); until then the rest is read and dropped.  250 is said
 * when the owner says that the message is durable, and at no other place. */
#include "server_state.h"

#include <stdio.h>

enum {
	PIECE_MAX = 64 * 1024,
	RECEIVED_ROOM = 8 * 1024,
	/* read on after a failure, so that a client gets its reply; more than
	 * this is no client */
	DROP_MAX = 256 * 1024 * 1024,
};

/* DATA was refused, and more came along: that is no command but a body sent
 * blindly, and its lines must not be run (RFC 2920 3.1: DATA ends its group).
 */
static enum srv_state
unless_behind(struct dg_srv *s, enum srv_state next)
{
	if (next != SRV_GONE && s->has_behind)
		return dg_srv_end(s, 421, "4.7.0",
		    "data was sent before DATA was answered");
	return next;
}

static enum srv_state
refuse_data(struct dg_srv *s, int code, const char *enhanced, const char *text)
{
	return unless_behind(s, dg_srv_bad(s, s->state, code, enhanced, text));
}

enum srv_state
dg_srv_on_data(struct dg_srv *s, const struct dg_command *cmd)
{
	if (cmd->arg.n > 0)
		return refuse_data(s, 501, "5.5.4", "DATA takes no argument");
	if (s->mail.env->n_rcpts == 0 && s->mail.has_refused_rcpt)
		return refuse_data(s, 554, "5.5.1", "no valid recipients");
	if (s->mail.env->n_rcpts == 0)
		return refuse_data(s, 503, "5.5.1", "RCPT must come first");
	dg_acts_add(s->out, DG_ACT_DRAFT);
	return SRV_OPEN;
}

/* RFC 3848; a login after HELO used an extension too. */
static const char *
with_words(const struct dg_srv *s)
{
	bool has_user = s->login.user.n > 0;

	if (!s->hello.is_ehlo && !has_user)
		return "SMTP";
	if (s->has_tls)
		return has_user ? "ESMTPSA" : "ESMTPS";
	return has_user ? "ESMTPA" : "ESMTP";
}

static void
add_received(struct dg_srv *s, int64_t now_ms)
{
	const struct dg_envelope *env = s->mail.env;
	const struct dg_rcpt *one = &env->rcpts[0];
	struct dg_received r = {
		.helo = dg_srv_helo(s),
		.address = dg_str(s->address),
		.by = dg_str(s->hostname),
		.with = dg_str(with_words(s)),
		.id = dg_str(s->data.id),
		.tls = dg_str(s->has_tls ? s->tls_words : ""),
		.ms = now_ms,
	};
	struct dg_act *act;
	size_t at = s->out->text.n;

	/* several would tell each who else got it (RFC 5321 7.2) */
	if (env->n_rcpts == 1)
		r.for_whom = one->original.n > 0 ? one->original : one->address;
	if (dg_buf_reserve(&s->out->text, RECEIVED_ROOM) != DG_OK ||
	    dg_received_add(&s->out->text, &r) != DG_OK) {
		(void)dg_fail(&s->data.failure, DG_E_LIMIT, 451, "4.3.0",
		    "no room for a Received line");
		return;
	}
	act = dg_acts_add(s->out, DG_ACT_BODY);
	act->at = at;
	act->n = s->out->text.n - at;
	s->data.trace = act->n;
}

/* The reply that a failure of the owner's gets. */
static void
say_failure(struct dg_srv *s, const struct dg_err *e, const char *fallback)
{
	if (e != NULL && e->code >= 400 && e->code <= 599)
		dg_srv_say(s, e->code, e->enhanced, e->text);
	else
		dg_srv_say(s, 451, "4.3.0", fallback);
}

enum srv_state
dg_srv_data_open(struct dg_srv *s, enum dg_rc rc, struct dg_str id,
    int64_t now_ms, const struct dg_err *e)
{
	struct srv_data *d = &s->data;

	if (rc != DG_OK) {
		say_failure(s, e, "no room for a message, try again later");
		return unless_behind(s, SRV_RCPT);
	}
	memset(d, 0, sizeof(*d));
	dg_dot_in_init(&d->dot, (s->peer.dialect->mend & DG_MEND_BARE_LF) != 0);
	dg_header_watch_init(&d->header);
	snprintf(d->id, sizeof(d->id), "%.*s", DG_FMT(id));
	s->mail.env->arrival_ms = now_ms;
	dg_srv_say(s, 354, NULL, "end data with <CR><LF>.<CR><LF>");
	add_received(s, now_ms);
	return SRV_DATA;
}

/* What is wrong with the message so far; the first thing found stays. */
static void
judge(struct dg_srv *s, struct dg_str piece)
{
	struct srv_data *d = &s->data;
	uint64_t most = dg_srv_max_size(s);

	dg_header_watch_feed(&d->header, piece);
	if (d->failure.code != 0)
		return;
	if (d->dot.has_bare)
		(void)dg_fail(&d->failure, DG_E_PROTO, 550, "5.5.2",
		    "message holds a bare CR, a bare LF or NUL");
	else if (d->header.received > s->limits.received)
		(void)dg_fail(&d->failure, DG_E_LIMIT, 554, "5.4.6",
		    "too many Received lines, this looks like a mail loop");
	else if (d->header.bytes > s->limits.header)
		(void)dg_fail(&d->failure, DG_E_LIMIT, 552, "5.3.4",
		    "message header is larger than this host takes");
	else if (most != 0 && d->dot.bytes > most)
		(void)dg_fail(&d->failure, DG_E_LIMIT, 552, "5.3.4",
		    "message is larger than this host takes");
}

static enum srv_state
commit(struct dg_srv *s)
{
	dg_acts_add(s->out, DG_ACT_COMMIT);
	return SRV_COMMIT;
}

static enum srv_state
end_of_data(struct dg_srv *s)
{
	struct srv_data *d = &s->data;

	if (d->failure.code != 0) {
		say_failure(s, &d->failure, "");
		return SRV_READY;
	}
	s->mail.env->body_8bit = d->dot.has_8bit;
	if (dg_srv_asks(s, DG_ASK_CONTENT)) {
		dg_acts_add(s->out, DG_ACT_ASK)->ask = DG_ASK_CONTENT;
		return SRV_CONTENT;
	}
	return commit(s);
}

/* A message that nobody is to get goes the same way as any other: who drops
 * its recipients is the owner, and 250 has one place. */
static void
discard(struct dg_envelope *env)
{
	for (size_t i = 0; i < env->n_rcpts; i++)
		env->rcpts[i].discard = true;
}

enum srv_state
dg_srv_content_answer(struct dg_srv *s, const struct dg_srv_answer *a)
{
	if (s->data.failure.code != 0) {
		say_failure(s, &s->data.failure, "");
		return SRV_READY;
	}
	switch (a->verdict) {
	case DG_VERDICT_REFUSE:
	case DG_VERDICT_DEFER:
		dg_srv_verdict(s, a, "message refused",
		    "message cannot be taken now, try again later");
		return SRV_READY;
	case DG_VERDICT_CLOSE:
		dg_srv_verdict(s, a, "", "");
		return SRV_GONE;
	case DG_VERDICT_DISCARD:
		discard(s->mail.env);
		return commit(s);
	case DG_VERDICT_HOLD:
		s->mail.env->is_held = true;
		return commit(s);
	default:
		return commit(s);
	}
}

/* Hand the piece on, or drop it. */
static void
pass_on(struct dg_srv *s, size_t at, size_t used)
{
	struct srv_data *d = &s->data;
	struct dg_buf *text = &s->out->text;
	struct dg_act *act;

	if (d->failure.code != 0) {
		text->n = at;
		d->dropped += used;
		if (!d->was_aborted)
			dg_acts_add(s->out, DG_ACT_ABORT);
		d->was_aborted = true;
		return;
	}
	if (text->n == at)
		return;
	act = dg_acts_add(s->out, DG_ACT_BODY);
	act->at = at;
	act->n = text->n - at;
}

size_t
dg_srv_data_feed(struct dg_srv *s, struct dg_str in, enum srv_state *next)
{
	struct srv_data *d = &s->data;
	struct dg_buf *text = &s->out->text;
	size_t at = text->n, used;

	used = dg_dot_in_feed(&d->dot, dg_str_sub(in, 0, PIECE_MAX), text);
	if (used == 0) { /* no room to un-stuff: our own bug */
		*next = dg_srv_end(s, 421, "4.3.0", "out of room");
		return 0;
	}
	judge(s, dg_str_of(text->p + at, text->n - at));
	pass_on(s, at, used);
	if (d->dot.ended)
		*next = end_of_data(s);
	else if (d->dropped > DROP_MAX)
		*next = dg_srv_end(s, 421, "4.7.0",
		    "message was refused and does not end");
	return used;
}

void
dg_srv_body_failed(struct dg_srv *s, const struct dg_err *e)
{
	struct srv_data *d = &s->data;

	if ((s->state != SRV_DATA && s->state != SRV_CONTENT &&
		s->state != SRV_COMMIT) ||
	    d->failure.code != 0)
		return;
	if (e != NULL && e->code >= 400 && e->code <= 599)
		d->failure = *e;
	else
		(void)dg_fail(&d->failure, DG_E_IO, 451, "4.3.0",
		    "message could not be stored, try again later");
}

enum srv_state
dg_srv_data_committed(struct dg_srv *s, enum dg_rc rc, const struct dg_err *e)
{
	char words[128];

	if (s->data.failure.code != 0) {
		/* the last piece could not be written: whatever was
		 * committed, it is not this message */
		say_failure(s, &s->data.failure, "");
	} else if (rc == DG_OK) {
		snprintf(words, sizeof(words), "OK, queued as %s", s->data.id);
		dg_srv_say(s, 250, "2.0.0", words);
	} else {
		say_failure(s, e,
		    "message could not be stored, try again later");
	}
	return SRV_READY;
}
