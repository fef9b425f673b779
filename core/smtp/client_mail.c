/*
 * client_mail.c - one transaction: MAIL, RCPT, DATA, the body, the end.
 *
 * Pipelined or step by step, replies come in the same order, so the same
 * handlers read them; they only say the next command themselves when it was
 * not said at the start (RFC 2920).  Every recipient gets one RESULT: from its
 * own RCPT, from what refused all, from the reply to the final dot, or from
 * the loss of the connection.
 */
#include "client_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	OUT_MAX = 64 * 1024 * 1024, /* of one stuffed piece, the owner's size */
	ADDRESS_MAX = 512,
};

void
dg_cli_mail_fini(struct cli_mail *m)
{
	dg_buf_fini(&m->out);
	free(m->fate);
	m->fate = NULL;
}

static bool
is_pipelining(const struct dg_cli *c)
{
	return (c->ehlo.exts & DG_EXT_PIPELINING) != 0;
}

/* ---- results ---- */

static void
result(struct dg_cli *c, size_t i, const struct dg_result *r,
    struct dg_acts *out)
{
	struct dg_act *act = dg_acts_add(out, DG_ACT_RESULT);

	act->rcpt = (int)i;
	act->result = *r;
	if (c->mail.fate[i] == CLI_ACCEPTED)
		c->mail.n_accepted--;
	c->mail.fate[i] = CLI_SETTLED;
	c->mail.n_settled++;
}

void
dg_cli_settle(struct dg_cli *c, const struct dg_result *r, struct dg_acts *out)
{
	struct cli_mail *m = &c->mail;

	if (m->m.n_rcpts == 0)
		return; /* outside a transaction */
	if (m->n_settled == 0) {
		dg_acts_add(out, DG_ACT_RESULT)->result = *r;
		memset(m->fate, CLI_SETTLED, m->m.n_rcpts);
		m->n_settled = m->m.n_rcpts;
		m->n_accepted = 0;
		return;
	}
	for (size_t i = 0; i < m->m.n_rcpts; i++) {
		if (m->fate[i] == CLI_PENDING || m->fate[i] == CLI_ACCEPTED)
			result(c, i, r, out);
	}
}

/* ---- the beginning ---- */

/* Nothing that could end the line or the path; the rest is the hop's to judge.
 * An address that is not ASCII needs SMTPUTF8, which we do not speak. */
static bool
is_sayable(struct dg_str address)
{
	for (size_t i = 0; i < address.n; i++) {
		unsigned char u = (unsigned char)address.p[i];

		if (u < 0x20 || u >= 0x7f)
			return false;
	}
	return address.n <= ADDRESS_MAX;
}

static void
our_words(struct dg_result *r, enum dg_stage stage, const char *enhanced)
{
	r->stage = stage;
	memcpy(r->enhanced, enhanced, strlen(enhanced) + 1);
}

/* True: nobody gets it by this hop, *r says why, and nothing was sent. */
static bool
is_hopeless(const struct dg_cli *c, struct dg_result *r)
{
	const struct dg_cli_mail *m = &c->mail.m;

	if (!is_sayable(m->sender)) {
		dg_cli_words(c, r, DG_MEANING_SENDER_REFUSED,
		    "the sender's address holds bytes that no SMTP "
		    "command may carry");
		our_words(r, DG_STAGE_MAIL, "5.1.7");
		return true;
	}
	if (c->ehlo.max_size > 0 && m->size > c->ehlo.max_size) {
		dg_cli_words(c, r, DG_MEANING_TOO_BIG,
		    "the message has %" PRIu64 " bytes, and %s "
		    "takes %" PRIu64,
		    m->size, c->host, c->ehlo.max_size);
		our_words(r, DG_STAGE_MAIL, "5.3.4");
		return true;
	}
	if (m->body_8bit && m->refuse_8bit &&
	    (c->ehlo.exts & DG_EXT_8BITMIME) == 0) {
		dg_cli_words(c, r, DG_MEANING_CONTENT_REFUSED,
		    "the message holds 8-bit text, and %s does not "
		    "take it (no 8BITMIME)",
		    c->host);
		our_words(r, DG_STAGE_MAIL, "5.6.1");
		return true;
	}
	return false;
}

/* The next recipient from `at` on whose RCPT is said. */
static bool
to_next_rcpt(struct cli_mail *m)
{
	while (m->at < m->m.n_rcpts && m->fate[m->at] == CLI_UNSENT)
		m->at++;
	return m->at < m->m.n_rcpts;
}

static void
say_mail(const struct dg_cli *c, struct dg_acts *out)
{
	const struct dg_cli_mail *m = &c->mail.m;
	char size[32] = "";

	if ((c->ehlo.exts & DG_EXT_SIZE) != 0)
		(void)snprintf(size, sizeof(size), " SIZE=%" PRIu64, m->size);
	dg_cli_say(out, "MAIL FROM:<%.*s>%s%s", DG_FMT(m->sender), size,
	    m->body_8bit && (c->ehlo.exts & DG_EXT_8BITMIME) != 0
		? " BODY=8BITMIME"
		: "");
}

static void
say_rcpt(const struct dg_cli *c, size_t i, struct dg_acts *out)
{
	dg_cli_say(out, "RCPT TO:<%.*s>", DG_FMT(c->mail.m.rcpts[i]));
}

static void
refuse_unsayable(struct dg_cli *c, struct dg_acts *out)
{
	struct cli_mail *m = &c->mail;
	struct dg_result r;

	for (size_t i = 0; i < m->m.n_rcpts; i++) {
		if (m->m.rcpts[i].n > 0 && is_sayable(m->m.rcpts[i]))
			continue;
		dg_cli_words(c, &r, DG_MEANING_UNKNOWN_RECIPIENT,
		    "the address holds bytes that no SMTP command "
		    "may carry");
		our_words(&r, DG_STAGE_RCPT, "5.1.3");
		result(c, i, &r, out);
		m->fate[i] = CLI_UNSENT;
	}
}

static void
take_transaction(struct dg_cli *c, const struct dg_cli_mail *m)
{
	struct cli_mail *t = &c->mail;

	if (t->out.cap == 0)
		dg_buf_init(&t->out, OUT_MAX);
	if (m->n_rcpts > t->room) {
		t->fate = dg_realloc(t->fate, m->n_rcpts);
		t->room = m->n_rcpts;
	}
	if (m->n_rcpts > 0)
		memset(t->fate, CLI_PENDING, m->n_rcpts);
	t->m = *m;
	t->at = t->n_accepted = t->n_settled = t->n_held = 0;
	t->is_open = false;
	t->is_in_doubt = false;
}

static enum cli_state
begin(struct dg_cli *c, struct dg_acts *out)
{
	struct cli_mail *t = &c->mail;
	struct dg_result r;

	if (is_hopeless(c, &r)) {
		dg_cli_settle(c, &r, out);
		return CLI_READY;
	}
	refuse_unsayable(c, out);
	if (!to_next_rcpt(t))
		return CLI_READY;
	say_mail(c, out);
	if (!is_pipelining(c))
		return CLI_MAIL;
	for (size_t i = t->at; i < t->m.n_rcpts; i++) {
		if (t->fate[i] != CLI_UNSENT)
			say_rcpt(c, i, out);
	}
	dg_cli_say(out, "DATA"); /* may end a group (RFC 2920 3.1) */
	return CLI_MAIL;
}

void
dg_cli_mail(struct dg_cli *c, const struct dg_cli_mail *m, struct dg_acts *out)
{
	struct dg_result r;

	if (c->state != CLI_IDLE) {
		/* the session ended while its owner still thought it ready */
		dg_cli_words(c, &r, DG_MEANING_UNREACHABLE,
		    "the session with %s was over", c->host);
		dg_acts_add(out, DG_ACT_RESULT)->result = r;
		return;
	}
	take_transaction(c, m);
	dg_cli_enter(c, begin(c, out));
	dg_cli_step_done(c, out);
}

/* ---- replies ---- */

static bool
is_done(int code)
{
	return code >= 200 && code < 300;
}

enum cli_state
dg_cli_on_mail(struct dg_cli *c, struct dg_acts *out)
{
	struct dg_result r;

	if (is_done(c->reply.code)) {
		c->mail.is_open = true;
		if (!is_pipelining(c))
			say_rcpt(c, c->mail.at, out);
		return CLI_RCPT;
	}
	if (c->reply.code < 400)
		return dg_cli_unexpected(c, "an answer to MAIL (250)", out);
	dg_cli_read(c, &r);
	dg_cli_settle(c, &r, out);
	/* what was pipelined behind it is answered all the same */
	return is_pipelining(c) ? CLI_RCPT : CLI_READY;
}

/* All RCPTs are answered. */
static enum cli_state
after_rcpts(struct dg_cli *c, struct dg_acts *out)
{
	if (is_pipelining(c))
		return CLI_DATA;
	dg_cli_say(out, c->mail.n_accepted > 0 ? "DATA" : "RSET");
	return c->mail.n_accepted > 0 ? CLI_DATA : CLI_RSET;
}

enum cli_state
dg_cli_on_rcpt(struct dg_cli *c, struct dg_acts *out)
{
	struct cli_mail *m = &c->mail;
	struct dg_result r;

	if (c->reply.code >= 300 && c->reply.code < 400)
		return dg_cli_unexpected(c, "an answer to RCPT (250)", out);
	if (m->fate[m->at] == CLI_PENDING && is_done(c->reply.code)) {
		m->fate[m->at] = CLI_ACCEPTED;
		m->n_accepted++;
	} else if (m->fate[m->at] == CLI_PENDING) {
		dg_cli_read(c, &r);
		result(c, m->at, &r, out);
	}
	m->at++;
	if (!to_next_rcpt(m))
		return after_rcpts(c, out);
	if (!is_pipelining(c))
		say_rcpt(c, m->at, out);
	return CLI_RCPT;
}

enum cli_state
dg_cli_on_data(struct dg_cli *c, struct dg_acts *out)
{
	struct dg_result r;

	if (c->reply.code == 354 && c->mail.n_accepted > 0) {
		dg_dot_out_init(&c->mail.dot);
		dg_acts_add(out, DG_ACT_PULL);
		return CLI_BODY;
	}
	if (c->reply.code == 354 && c->o.is_lmtp) /* RFC 2033 4.2: 503 */
		return dg_cli_unexpected(c,
		    "a refusal of DATA, which is for nobody (503)", out);
	if (c->reply.code == 354) {
		/* RFC 2920 3.1: it waits for data that is for nobody */
		dg_cli_say(out, ".");
		return CLI_EMPTY;
	}
	if (c->reply.code < 400)
		return dg_cli_unexpected(c, "an answer to DATA (354)", out);
	dg_cli_read(c, &r);
	dg_cli_settle(c, &r, out);
	if (!c->mail.is_open)
		return CLI_READY;
	dg_cli_say(out, "RSET");
	return CLI_RSET;
}

/* It spoke before the data ended: refused, or closing.  The rest of the body
 * would be read as commands or not at all, so the session ends here. */
enum cli_state
dg_cli_on_early(struct dg_cli *c, struct dg_acts *out)
{
	struct dg_result r;

	if (c->reply.code < 400)
		return dg_cli_unexpected(c,
		    "nothing before the end of the "
		    "data",
		    out);
	dg_cli_read(c, &r);
	return dg_cli_shut(c, &r, out);
}

/* LMTP: the next of the recipients that RCPT accepted, in its order. */
static bool
to_next_accepted(struct cli_mail *m)
{
	while (m->at < m->m.n_rcpts && m->fate[m->at] != CLI_ACCEPTED)
		m->at++;
	return m->at < m->m.n_rcpts;
}

enum cli_state
dg_cli_on_end(struct dg_cli *c, struct dg_acts *out)
{
	struct cli_mail *m = &c->mail;
	struct dg_result r;

	if (c->reply.code >= 300 && c->reply.code < 400)
		return dg_cli_unexpected(c, "an answer to the final dot (250)",
		    out);
	dg_cli_read(c, &r);
	if (c->o.is_lmtp && to_next_accepted(m)) {
		result(c, m->at, &r, out);
		if (to_next_accepted(m))
			return CLI_END;
	}
	m->is_in_doubt = false;
	dg_cli_settle(c, &r, out);
	return CLI_READY;
}

enum cli_state
dg_cli_on_empty(struct dg_cli *c, struct dg_acts *out)
{
	if (c->reply.code >= 300 && c->reply.code < 400)
		return dg_cli_unexpected(c, "an answer to the final dot (250)",
		    out);
	return CLI_READY;
}

enum cli_state
dg_cli_on_rset(struct dg_cli *c, struct dg_acts *out)
{
	struct dg_result r;

	if (is_done(c->reply.code))
		return CLI_READY;
	if (c->reply.code < 400)
		return dg_cli_unexpected(c, "an answer to RSET (250)", out);
	dg_cli_read(c, &r);
	return dg_cli_finish(c, &r, out);
}

/* ---- the body ---- */

/* The last two bytes of each piece are kept for the next, so that the end of
 * the last line, the dot and its CRLF leave in one write: there are firewalls
 * that miss an end of data in two segments (Q295725). */
static void
send_stuffed(struct cli_mail *m, bool is_last, struct dg_acts *out)
{
	size_t keep = m->out.n < sizeof(m->held) ? m->out.n : sizeof(m->held);

	if (is_last)
		keep = 0;
	dg_acts_send(out, dg_str_of(m->out.p, m->out.n - keep));
	if (keep > 0)
		memcpy(m->held, m->out.p + m->out.n - keep, keep);
	m->n_held = keep;
}

void
dg_cli_body(struct dg_cli *c, struct dg_str piece, bool is_last,
    struct dg_acts *out)
{
	struct cli_mail *m = &c->mail;
	enum dg_rc rc;

	if (c->state != CLI_BODY)
		return; /* the hop ended it meanwhile */
	dg_buf_reset(&m->out);
	rc = dg_buf_add(&m->out, dg_str_of(m->held, m->n_held));
	if (rc == DG_OK)
		rc = dg_dot_out_feed(&m->dot, piece, &m->out);
	if (rc == DG_OK && is_last)
		rc = dg_dot_out_end(&m->dot, &m->out);
	if (rc != DG_OK) {
		dg_cli_abort(c, out);
		return;
	}
	send_stuffed(m, is_last, out);
	if (!is_last) {
		dg_acts_add(out, DG_ACT_PULL);
		return;
	}
	m->is_in_doubt = true;
	m->at = 0; /* LMTP: whose reply comes first */
	dg_cli_enter(c, CLI_END);
}

void
dg_cli_abort(struct dg_cli *c, struct dg_acts *out)
{
	struct dg_result r;

	if (c->state == CLI_GONE)
		return;
	dg_cli_words(c, &r, DG_MEANING_TEMPORARY,
	    "451 4.3.0 the message could not be read from the spool");
	our_words(&r, DG_STAGE_DATA, "4.3.0");
	dg_cli_enter(c, dg_cli_shut(c, &r, out));
}
