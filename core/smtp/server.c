/* server.c - which command is legal in which state, and nothing else.
 *
 * Why a table: "may a peer authenticate after MAIL?" must have one answer that
 * a reader sees at a glance and a test walks cell by cell.  Handlers do the
 * work and return the next state; only go_on() stores it, and keeps what is
 * true of states: an envelope in a transaction and nowhere else, CLOSE on the
 * way to GONE, ABORT when a draft is left behind.  Verbs are meanings: a
 * dialect may spell DG_VERB_AUTH "XAUTH".  No I/O here: handlers append
 * actions, the owner executes them after we return. */
#include "server_state.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	/* a step ends when it has said this much: the owner writes it */
	STEP_MAX_OUTPUT = 64 * 1024,
	/* the rest of a line too long; more is no client */
	SKIP_MAX = 1024 * 1024,
	LOGIN_MAX_BYTES = 128 * 1024,
	BINDING_MAX_BYTES = 128,
	CERTIFICATE_MAX_BYTES = 256,
};

#define IN(name) (1u << SRV_##name)
#define GREETED  (IN(HELLO) | IN(READY) | IN(RCPT))

/* Any handler may also stay where it is, or end the session. */
static const struct srv_rule {
	enum dg_verb verb;
	unsigned in; /* states that accept the verb */
	unsigned to; /* other states the handler may return */
	dg_srv_handler *run;
	const char *wrong; /* said elsewhere, once EHLO was said */
} rules[] = {
	/* order: RFC 5321 4.1.4; no AUTH after MAIL: RFC 4954 4 */
	{ DG_VERB_EHLO, GREETED, IN(OFFER), dg_srv_on_ehlo, "" },
	{ DG_VERB_HELO, GREETED, IN(OFFER), dg_srv_on_helo, "" },
	{ DG_VERB_STARTTLS, IN(READY), IN(TLS), dg_srv_on_starttls,
	    "no STARTTLS inside a mail transaction" },
	{ DG_VERB_AUTH, IN(READY), IN(AUTH) | IN(LOGIN), dg_srv_on_auth,
	    "no AUTH inside a mail transaction" },
	{ DG_VERB_MAIL, IN(READY), IN(SENDER) | IN(RCPT), dg_srv_on_mail,
	    "MAIL was already given" },
	{ DG_VERB_RCPT, IN(RCPT), IN(ASKED), dg_srv_on_rcpt,
	    "MAIL must come first" },
	{ DG_VERB_DATA, IN(RCPT), IN(OPEN), dg_srv_on_data,
	    "MAIL and RCPT must come first" },
	{ DG_VERB_RSET, GREETED, IN(READY), dg_srv_on_rset, "" },
	{ DG_VERB_NOOP, GREETED, 0, dg_srv_on_noop, "" },
	{ DG_VERB_VRFY, GREETED, 0, dg_srv_on_vrfy, "" },
	{ DG_VERB_HELP, GREETED, 0, dg_srv_on_help, "" },
	{ DG_VERB_QUIT, GREETED | IN(REFUSED), 0, dg_srv_on_quit, "" },
	{ DG_VERB_UNKNOWN, GREETED, IN(VERB), dg_srv_on_unknown, "" },
};

static enum srv_reads
reads_in(enum srv_state state)
{
	static const enum srv_reads reads[] = {
#define X(name, what) SRV_READS_##what,
		SRV_STATES(X)
#undef X
	};

	return reads[state];
}

/* ---- birth and death ---- */

static struct dg_srv_limits
limits_of(struct dg_srv_limits l)
{
	if (l.line == 0)
		l.line = 2048;
	if (l.auth_line == 0)
		l.auth_line = 12288;
	if (l.auth_line < l.line)
		l.auth_line = l.line;
	if (l.recipients == 0)
		l.recipients = 1000;
	if (l.received == 0)
		l.received = 50;
	if (l.errors == 0)
		l.errors = 20;
	if (l.auths == 0)
		l.auths = 10;
	if (l.header == 0)
		l.header = 1024 * 1024;
	return l;
}

struct dg_srv *
dg_srv_new(const struct dg_srv_options *o)
{
	struct dg_srv *s = dg_alloc0(sizeof(*s));

	s->limits = limits_of(o->limits);
	s->peer.dialect =
	    o->dialect != NULL ? o->dialect : dg_dialect_rfc4954();
	s->challenges = o->challenges;
	s->hostname = dg_str_dup(o->hostname);
	s->address = dg_str_dup(o->address);
	s->listener = dg_str_dup(o->listener);
	s->asks = o->asks;
	dg_buf_init(&s->unknown.line, s->limits.line);
	s->can_tls = o->has_tls;
	s->has_tls = o->tls_is_on;
	dg_arena_init(&s->login.arena, LOGIN_MAX_BYTES);
	dg_buf_init(&s->binding_exporter, BINDING_MAX_BYTES);
	dg_buf_init(&s->binding_unique, BINDING_MAX_BYTES);
	dg_buf_init(&s->certificate, CERTIFICATE_MAX_BYTES);
	return s;
}

void
dg_srv_free(struct dg_srv *s)
{
	if (s == NULL)
		return;
	dg_envelope_free(s->mail.env);
	dg_acceptor_free(s->login.acceptor);
	dg_arena_fini(&s->login.arena);
	dg_buf_fini(&s->unknown.line);
	dg_buf_fini(&s->binding_exporter);
	dg_buf_fini(&s->binding_unique);
	dg_buf_fini(&s->certificate);
	free(s->hostname);
	free(s->address);
	free(s->listener);
	free(s);
}

/* ---- the one place where the state changes ---- */

/* VERB may be one, or stand outside: then there is nothing to drop. */
static bool
is_transaction(enum srv_state state)
{
	return state == SRV_SENDER || state == SRV_RCPT || state == SRV_ASKED ||
	       state == SRV_OPEN || state == SRV_DATA || state == SRV_CONTENT ||
	       state == SRV_COMMIT || state == SRV_VERB;
}

static bool
leaves_draft(enum srv_state state, enum srv_state next)
{
	if (state == SRV_CONTENT)
		return next != SRV_COMMIT;
	return next == SRV_GONE && (state == SRV_OPEN || state == SRV_DATA);
}

static void
go_on(struct dg_srv *s, enum srv_state next)
{
	if (leaves_draft(s->state, next))
		dg_acts_add(s->out, DG_ACT_ABORT);
	if (next == SRV_GONE && s->state != SRV_GONE)
		dg_acts_add(s->out, DG_ACT_CLOSE);
	if (!is_transaction(next)) {
		dg_envelope_free(s->mail.env);
		memset(&s->mail, 0, sizeof(s->mail));
	}
	s->state = next; /* the only assignment in the program */
}

/* ---- commands ---- */

static const struct srv_rule *
rule_for(enum dg_verb verb)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].verb == verb)
			return &rules[i];
	return NULL;
}

/* What was offered stays valid until the next EHLO, also when the peer was
 * identified anew and got another dialect. */
static enum dg_verb
meaning_of(const struct dg_srv *s, const struct dg_command *cmd)
{
	enum dg_verb verb = DG_VERB_UNKNOWN;

	for (size_t i = 0; i < s->hello.n_offered; i++)
		if (dg_str_iis(cmd->verb, s->hello.offered[i].verb))
			return DG_VERB_AUTH;
	verb = dg_dialect_verb(s->peer.dialect, cmd->verb);
	if (cmd->sep == '=' && verb != DG_VERB_AUTH)
		return DG_VERB_UNKNOWN; /* only AUTH has that spelling */
	return verb;
}

static enum srv_state
wrong_state(struct dg_srv *s, const struct srv_rule *r)
{
	if (s->state == SRV_REFUSED)
		return dg_srv_bad(s, s->state, 503, "5.5.1",
		    "this connection was refused: QUIT");
	if (s->state == SRV_HELLO)
		return dg_srv_bad(s, s->state, 503, "5.5.1",
		    "say EHLO or HELO first");
	return dg_srv_bad(s, s->state, 503, "5.5.1", r->wrong);
}

static bool
has_8bit(struct dg_str text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] >= 0x80)
			return true;
	return false;
}

static enum srv_state
run_verb(struct dg_srv *s, enum dg_verb verb, const struct dg_command *cmd)
{
	const struct srv_rule *r = rule_for(verb);
	enum srv_state next;

	if (!(r->in & (1u << s->state)))
		return wrong_state(s, r);
	next = r->run(s, cmd);
	assert(next == s->state || next == SRV_GONE ||
	       (r->to & (1u << next)) != 0);
	return next;
}

static enum srv_state
run_command(struct dg_srv *s, const struct dg_line *line)
{
	struct dg_command cmd;
	enum dg_verb verb;

	if (line->has_bare)
		return dg_srv_bad(s, s->state, 500, "5.5.2",
		    "a command must not hold a bare CR, a bare LF or NUL");
	if (!dg_command_parse(line->text, &cmd))
		return dg_srv_bad(s, s->state, 500, "5.5.2",
		    line->text.n == 0 ? "empty command"
				      : "a command starts with a word and "
					"holds no control bytes");
	verb = meaning_of(s, &cmd);
	if (line->used > s->limits.line && verb != DG_VERB_AUTH)
		return dg_srv_bad(s, s->state, 500, "5.5.2", "line too long");
	if (has_8bit(line->text))
		return dg_srv_bad(s, s->state, 500, "5.5.2",
		    "only ASCII is understood in commands");
	return run_verb(s, verb, &cmd);
}

/* The unknown verb is taken for another one, where it was said. */
static enum srv_state
verb_answer(struct dg_srv *s, const struct dg_srv_answer *a)
{
	struct dg_command cmd = {
		.verb = a->verb,
		.arg = dg_srv_unknown_argument(s),
		.sep = ' ',
	};
	struct dg_srv_answer refusal = *a;
	enum dg_verb verb = DG_VERB_UNKNOWN;

	go_on(s, s->unknown.in);
	if (a->verdict == DG_VERDICT_CLOSE) {
		dg_srv_verdict(s, a, "", "");
		return SRV_GONE;
	}
	if (a->verdict == DG_VERDICT_REFUSE || a->verdict == DG_VERDICT_DEFER) {
		if (refusal.code == 0 && a->verdict == DG_VERDICT_REFUSE) {
			refusal.code = 500;
			snprintf(refusal.enhanced, sizeof(refusal.enhanced),
			    "5.5.1");
		}
		return dg_srv_refuse(s, &refusal, s->state,
		    "command not recognized", "try again later");
	}
	if (a->verb.n > 0)
		verb = meaning_of(s, &cmd);
	if (verb != DG_VERB_UNKNOWN)
		return run_verb(s, verb, &cmd);
	if (a->verb.n > 0)
		dg_acts_trace(s->out, "no verb is called %.*s: 500",
		    DG_FMT(dg_str_sub(a->verb, 0, 50)));
	return dg_srv_bad(s, s->state, 500, "5.5.1", "command not recognized");
}

/* ---- input ---- */

/* A lone LF ends lines for peers whose dialect mends that. */
static bool
lf_ends(const struct dg_srv *s)
{
	return (s->peer.dialect->mend & DG_MEND_BARE_LF) != 0;
}

static void
too_long(struct dg_srv *s)
{
	s->is_skipping = true;
	s->skipped = 0;
	if (s->state == SRV_AUTH)
		go_on(s, dg_srv_auth_broken(s, 500, "5.5.6",
			     "authentication line too long"));
	else
		go_on(s,
		    dg_srv_bad(s, s->state, 500, "5.5.2", "line too long"));
}

/* Throw away up to the end of a line that was too long.  A CR at the very end
 * stays: its LF may come next. */
static size_t
skip_line(struct dg_srv *s, struct dg_str in)
{
	size_t used = in.n;

	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] != '\n' ||
		    (!lf_ends(s) && (i == 0 || in.p[i - 1] != '\r')))
			continue;
		s->is_skipping = false;
		return i + 1;
	}
	if (in.p[in.n - 1] == '\r')
		used--;
	s->skipped += used;
	if (s->skipped > SKIP_MAX)
		go_on(s, dg_srv_end(s, 421, "4.7.0",
			     "endless line, closing the connection"));
	return used;
}

static size_t
take_line(struct dg_srv *s, struct dg_str in)
{
	struct dg_line line;
	enum dg_rc rc;

	if (s->is_skipping)
		return skip_line(s, in);
	rc = dg_line_next(in, s->limits.auth_line, lf_ends(s), &line);
	if (rc == DG_AGAIN)
		return 0;
	if (rc != DG_OK) {
		too_long(s);
		return 0; /* skipped from its start, next round */
	}
	s->has_behind = line.used < in.n;
	if (s->state != SRV_AUTH)
		go_on(s, run_command(s, &line));
	else if (line.has_bare)
		go_on(s, dg_srv_auth_broken(s, 501, "5.5.2",
			     "a bare CR, a bare LF or NUL in an authentication "
			     "line"));
	else
		go_on(s, dg_srv_auth_line(s, line.text));
	return line.used;
}

/* One line, or one piece of a body.  0: more is needed, or we wait. */
static size_t
take_some(struct dg_srv *s, struct dg_str in)
{
	enum srv_state next = s->state;
	size_t used;

	switch (reads_in(s->state)) {
	case SRV_READS_COMMANDS:
	case SRV_READS_DIALOGUE:
		used = take_line(s, in);
		if (used == 0 && s->is_skipping)
			used = take_line(s, in);
		return used;
	case SRV_READS_BODY:
		used = dg_srv_data_feed(s, in, &next);
		go_on(s, next);
		return used;
	case SRV_READS_NOTHING:
		return in.n;
	default:
		return 0;
	}
}

size_t
dg_srv_feed(struct dg_srv *s, struct dg_str in, struct dg_acts *out)
{
	size_t used = 0, n, before = out->text.n;

	s->out = out;
	if (s->state == SRV_TLS && in.n > 0) {
		/* plain text behind our 220 must never be taken for what
		 * comes through TLS (CVE-2011-0411) */
		dg_acts_trace(out, "plain text after STARTTLS: closing");
		go_on(s, SRV_GONE);
	}
	while (used < in.n && out->text.n - before < STEP_MAX_OUTPUT) {
		n = take_some(s, dg_str_from(in, used));
		if (n == 0)
			break;
		used += n;
	}
	s->out = NULL;
	return used;
}

bool
dg_srv_is_waiting(const struct dg_srv *s)
{
	return reads_in(s->state) == SRV_READS_WAITS;
}

bool
dg_srv_is_idle(const struct dg_srv *s)
{
	return s->state == SRV_HELLO || s->state == SRV_READY ||
	       s->state == SRV_REFUSED;
}

/* ---- what the owner tells us ---- */

void
dg_srv_start(struct dg_srv *s, struct dg_acts *out)
{
	dg_acts_add(out, DG_ACT_ASK)->ask = DG_ASK_CONNECT;
	(void)s; /* CONNECT is the first state */
}

void
dg_srv_set_peer(struct dg_srv *s, const struct dg_srv_peer *p)
{
	s->peer = *p;
	if (s->peer.dialect == NULL)
		s->peer.dialect = dg_dialect_rfc4954();
}

void
dg_srv_answer(struct dg_srv *s, const struct dg_srv_answer *a,
    struct dg_acts *out)
{
	enum srv_state next = s->state;

	s->out = out;
	switch (s->state) {
	case SRV_CONNECT:
		next = dg_srv_greet(s, a);
		break;
	case SRV_OFFER:
		next = dg_srv_offer(s, a);
		break;
	case SRV_VERB:
		next = verb_answer(s, a);
		break;
	case SRV_LOGIN:
		next = dg_srv_auth_answer(s, a);
		break;
	case SRV_PROVED:
		next = dg_srv_proved_answer(s, a);
		break;
	case SRV_SENDER:
		next = dg_srv_mail_answer(s, a);
		break;
	case SRV_ASKED:
		next = dg_srv_rcpt_answer(s, a);
		break;
	case SRV_CONTENT:
		next = dg_srv_content_answer(s, a);
		break;
	default:
		break; /* stopped meanwhile: the answer finds nobody */
	}
	go_on(s, next);
	s->out = NULL;
}

void
dg_srv_tls_done(struct dg_srv *s, struct dg_str words)
{
	snprintf(s->tls_words, sizeof(s->tls_words), "%.*s", DG_FMT(words));
	if (s->state != SRV_TLS)
		return;
	/* RFC 3207 4.2: all that was learnt in clear is forgotten */
	s->has_tls = true;
	memset(&s->hello, 0, sizeof(s->hello));
	dg_srv_login_forget(s);
	go_on(s, SRV_HELLO);
}

void
dg_srv_draft(struct dg_srv *s, enum dg_rc rc, struct dg_str id, int64_t now_ms,
    const struct dg_err *e, struct dg_acts *out)
{
	if (s->state != SRV_OPEN) {
		if (rc == DG_OK)
			dg_acts_add(out, DG_ACT_ABORT); /* stopped meanwhile */
		return;
	}
	s->out = out;
	go_on(s, dg_srv_data_open(s, rc, id, now_ms, e));
	s->out = NULL;
}

void
dg_srv_committed(struct dg_srv *s, enum dg_rc rc, const struct dg_err *e,
    struct dg_acts *out)
{
	if (s->state != SRV_COMMIT)
		return;
	s->out = out;
	go_on(s, dg_srv_data_committed(s, rc, e));
	if (s->stops_after_commit) {
		dg_srv_words(s, 421, s->stop.enhanced, dg_str(s->stop.text));
		go_on(s, SRV_GONE);
	}
	s->out = NULL;
}

void
dg_srv_stop(struct dg_srv *s, const char *enhanced, struct dg_str text,
    struct dg_acts *out)
{
	if (s->state == SRV_GONE)
		return;
	if (s->state == SRV_COMMIT) {
		s->stops_after_commit = true;
		(void)dg_fail(&s->stop, DG_E_CANCEL, 421, enhanced, "%.*s",
		    DG_FMT(text));
		return;
	}
	s->out = out;
	if (s->state != SRV_TLS) /* no plain words into a handshake */
		dg_srv_words(s, 421, enhanced, text);
	go_on(s, SRV_GONE);
	s->out = NULL;
}
