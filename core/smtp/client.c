/*
 * client.c - which state awaits what, and how a session ends.
 *
 * One state says whose reply is awaited, so a reply never needs a flag to find
 * its command, pipelined or not.  A reply belongs to the handler of the state;
 * handlers append actions and return the next state, and dg_cli_enter() alone
 * stores it, after looking it up in the table.  A hop that is out of step (an
 * unasked reply, a 354 where 250 belongs, text that is no reply) is left at
 * once: what it says afterwards cannot be matched to what we said.
 */
#include "client_state.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	LINE_MAX_BYTES =
	    12288 + 16, /* RFC 4954 4: a challenge, behind "334 " */
	SAY_MAX_BYTES = 16 * 1024,
	TEXT_MAX_BYTES = 4 * DG_REPLY_MAX_BYTES,
	OFFERED_MAX_BYTES = 4096,
	BINDING_MAX_BYTES = 128,
};

static enum cli_state on_unasked(struct dg_cli *c, struct dg_acts *out);
static enum cli_state on_quit(struct dg_cli *c, struct dg_acts *out);

#define TO(name)    (1u << CLI_##name)
#define END_OF_IT   (TO(QUIT) | TO(GONE))
#define LOGGING_IN  (TO(AUTH) | TO(HELDBACK) | TO(VERDICT) | TO(READY))
#define AFTER_HELLO (TO(STARTTLS) | TO(SPEAK) | LOGGING_IN | END_OF_IT)
#define ANSWERED \
	(LOGGING_IN | TO(DIALOGUE) | TO(CANCEL) | TO(JUDGE) | END_OF_IT)

static const struct cli_rule {
	enum dg_stage stage;
	const char *name;
	const char *said;
} names[] = {
#define X(name, stage, said) { DG_STAGE_##stage, #name, said },
	CLI_STATES(X)
#undef X
};

/* run NULL: no reply is awaited */
static const struct {
	enum cli_state (*run)(struct dg_cli *c, struct dg_acts *out);
	unsigned to;
} rules[CLI_STATE_N] = {
	[CLI_NEW] = { NULL, TO(GREETING) | TO(GONE) },
	[CLI_GREETING] = { dg_cli_on_greeting,
	    TO(EHLO) | TO(HELO) | END_OF_IT },
	[CLI_EHLO] = { dg_cli_on_ehlo, TO(HELO) | AFTER_HELLO },
	[CLI_HELO] = { dg_cli_on_helo, AFTER_HELLO },
	[CLI_STARTTLS] = { dg_cli_on_starttls,
	    TO(TLS) | TO(SPEAK) | LOGGING_IN | END_OF_IT },
	[CLI_TLS] = { NULL, TO(EHLO) | TO(HELO) | TO(GONE) },
	[CLI_SPEAK] = { NULL, LOGGING_IN | END_OF_IT },
	[CLI_AUTH] = { dg_cli_on_auth, ANSWERED },
	[CLI_HELDBACK] = { dg_cli_on_auth, ANSWERED },
	[CLI_DIALOGUE] = { dg_cli_on_auth, ANSWERED },
	[CLI_VERDICT] = { dg_cli_on_auth, ANSWERED },
	[CLI_CANCEL] = { dg_cli_on_cancelled, LOGGING_IN | END_OF_IT },
	[CLI_JUDGE] = { NULL, LOGGING_IN | END_OF_IT },
	[CLI_READY] = { on_unasked, TO(IDLE) | TO(GONE) },
	[CLI_IDLE] = { on_unasked, TO(MAIL) | TO(READY) | END_OF_IT },
	[CLI_MAIL] = { dg_cli_on_mail, TO(RCPT) | TO(READY) | TO(GONE) },
	[CLI_RCPT] = { dg_cli_on_rcpt,
	    TO(RCPT) | TO(DATA) | TO(RSET) | TO(GONE) },
	[CLI_DATA] = { dg_cli_on_data,
	    TO(BODY) | TO(EMPTY) | TO(RSET) | TO(READY) | TO(GONE) },
	[CLI_BODY] = { dg_cli_on_early, TO(BODY) | TO(END) | TO(GONE) },
	[CLI_END] = { dg_cli_on_end, TO(END) | TO(READY) | TO(GONE) },
	[CLI_EMPTY] = { dg_cli_on_empty, TO(READY) | TO(GONE) },
	[CLI_RSET] = { dg_cli_on_rset, TO(READY) | END_OF_IT },
	[CLI_QUIT] = { on_quit, TO(GONE) },
	[CLI_GONE] = { NULL, 0 },
};

/* ---- life ---- */

static struct dg_str
own(char **at, struct dg_str s)
{
	*at = dg_str_dup(s);
	return dg_str(*at);
}

struct dg_cli *
dg_cli_new(const struct dg_cli_options *o)
{
	struct dg_cli *c = dg_alloc0(sizeof(*c));

	c->o = *o;
	c->o.helo = own(&c->helo, o->helo);
	c->o.host = own(&c->host, o->host);
	c->o.remembered_verb = own(&c->remembered_verb, o->remembered_verb);
	c->o.skip_verb = own(&c->skip_verb, o->skip_verb);
	c->dialect = o->dialect != NULL ? o->dialect : dg_dialect_rfc4954();
	c->has_tls = o->tls_is_on;
	dg_reply_init(&c->reply);
	dg_buf_init(&c->ehlo_text, DG_REPLY_MAX_BYTES);
	dg_buf_init(&c->offered, OFFERED_MAX_BYTES);
	dg_buf_init(&c->login.first, SAY_MAX_BYTES);
	dg_buf_init(&c->login.log, SAY_MAX_BYTES);
	dg_buf_init(&c->binding_exporter, BINDING_MAX_BYTES);
	dg_buf_init(&c->binding_unique, BINDING_MAX_BYTES);
	dg_cli_hush_init(c);
	return c;
}

void
dg_cli_free(struct dg_cli *c)
{
	if (c == NULL)
		return;
	dg_initiator_free(c->login.initiator);
	free(c->login.v);
	dg_buf_wipe(&c->login.first);
	dg_buf_fini(&c->login.first);
	dg_buf_fini(&c->login.log);
	dg_buf_fini(&c->binding_exporter);
	dg_buf_fini(&c->binding_unique);
	dg_cli_hush_fini(c);
	dg_cli_mail_fini(&c->mail);
	dg_buf_fini(&c->offered);
	dg_buf_fini(&c->ehlo_text);
	dg_reply_fini(&c->reply);
	free(c->helo);
	free(c->host);
	free(c->remembered_verb);
	free(c->skip_verb);
	free(c);
}

void
dg_cli_enter(struct dg_cli *c, enum cli_state next)
{
	assert((rules[c->state].to & (1u << next)) != 0);
	c->state = next;
}

void
dg_cli_step_done(struct dg_cli *c, struct dg_acts *out)
{
	if (c->state != CLI_READY)
		return;
	/* what the last transaction lent us goes back now */
	memset(&c->mail.m, 0, sizeof(c->mail.m));
	dg_cli_enter(c, CLI_IDLE);
	dg_acts_add(out, DG_ACT_READY);
}

/* ---- what was said, and what is said ---- */

static const char *
said(const struct dg_cli *c)
{
	const char *z = names[c->state].said;

	if (c->state == CLI_EHLO && c->o.is_lmtp)
		return "LHLO";
	if (z != NULL)
		return z;
	return c->login.now != NULL ? c->login.now->verb : "";
}

/* A copy that fits, cut between two characters of UTF-8. */
static void
put_text(char *to, size_t room, struct dg_str s)
{
	size_t n = s.n < room ? s.n : room - 1;

	while (n < s.n && n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	memcpy(to, s.n > 0 ? s.p : "", n);
	to[n] = '\0';
}

void
dg_cli_read(const struct dg_cli *c, struct dg_result *out)
{
	struct dg_buf text;

	memset(out, 0, sizeof(*out));
	out->stage = names[c->state].stage;
	out->code = c->reply.code;
	dg_reply_enhanced(&c->reply, out->enhanced);
	snprintf(out->verb, sizeof(out->verb), "%s", said(c));
	dg_buf_init(&text, TEXT_MAX_BYTES);
	(void)dg_reply_oneline(&c->reply, &text);
	dg_cli_hushed(c, &text);
	put_text(out->text, sizeof(out->text), dg_buf_str(&text));
	dg_buf_fini(&text);
	dg_row_hit(c->dialect->row[DG_DIALECT_ROW_MEANS]);
	out->meaning = dg_meaning_of(out->stage, out->code, out->enhanced,
	    c->dialect->means, c->dialect->n_means, &out->by);
}

void
dg_cli_words(const struct dg_cli *c, struct dg_result *out, enum dg_meaning m,
    const char *fmt, ...)
{
	va_list ap;

	memset(out, 0, sizeof(*out));
	out->meaning = m;
	out->stage = names[c->state].stage;
	snprintf(out->verb, sizeof(out->verb), "%s", said(c));
	va_start(ap, fmt);
	vsnprintf(out->text, sizeof(out->text), fmt, ap);
	va_end(ap);
}

void
dg_cli_say(struct dg_acts *out, const char *fmt, ...)
{
	struct dg_buf line;
	va_list ap;

	dg_buf_init(&line, SAY_MAX_BYTES);
	va_start(ap, fmt);
	if (dg_buf_addv(&line, fmt, ap) == DG_OK) {
		/* the last defence: one call never says two commands */
		for (size_t i = 0; i < line.n; i++) {
			unsigned char u = (unsigned char)line.p[i];

			if (u < 0x20 || u == 0x7f)
				line.p[i] = '?';
		}
		(void)dg_buf_adds(&line, "\r\n");
		dg_acts_send(out, dg_buf_str(&line));
	}
	va_end(ap);
	dg_buf_wipe(&line); /* it may hold a password in base64 */
	dg_buf_fini(&line);
}

/* ---- ends ---- */

static enum cli_state
ended(struct dg_cli *c, struct dg_acts *out)
{
	dg_acts_add(out, DG_ACT_CLOSE);
	dg_acts_add(out, DG_ACT_ENDED)->result = c->end;
	return CLI_GONE;
}

enum cli_state
dg_cli_shut(struct dg_cli *c, const struct dg_result *r, struct dg_acts *out)
{
	dg_cli_settle(c, r, out);
	c->end = *r;
	return ended(c, out);
}

enum cli_state
dg_cli_finish(struct dg_cli *c, const struct dg_result *r, struct dg_acts *out)
{
	dg_cli_settle(c, r, out);
	c->end = *r;
	dg_cli_say(out, "QUIT");
	return CLI_QUIT;
}

enum cli_state
dg_cli_broken(struct dg_cli *c, const char *what, struct dg_acts *out)
{
	struct dg_result r;

	dg_cli_words(c, &r, DG_MEANING_UNREACHABLE, "%s: %s", c->host, what);
	return dg_cli_shut(c, &r, out);
}

enum cli_state
dg_cli_unexpected(struct dg_cli *c, const char *wanted, struct dg_acts *out)
{
	struct dg_result r, got;

	dg_cli_read(c, &got);
	dg_cli_words(c, &r, DG_MEANING_UNREACHABLE,
	    "%s: wanted %s, and what came was \"%.200s\"", c->host, wanted,
	    got.text);
	return dg_cli_shut(c, &r, out);
}

static enum cli_state
on_quit(struct dg_cli *c, struct dg_acts *out)
{
	return ended(c, out); /* whatever it says to QUIT */
}

/* Nobody waited for a reply: an idle hop says 421 before it closes; anything
 * else would be taken for the answer to our next command. */
static enum cli_state
on_unasked(struct dg_cli *c, struct dg_acts *out)
{
	return dg_cli_unexpected(c, "nothing", out);
}

/* 421 says that the connection ends, whatever the command was. */
static enum cli_state
on_closing(struct dg_cli *c, struct dg_acts *out)
{
	struct dg_result r;

	if (!dg_cli_lost_by_verb(c, &r))
		dg_cli_read(c, &r);
	c->mail.is_in_doubt = false; /* it did answer */
	return dg_cli_shut(c, &r, out);
}

/* ---- input ---- */

/* Whoever can write into the clear stream before TLS starts would speak with
 * the voice of the server inside it (the class of CVE-2011-0411). */
static enum cli_state
injected(struct dg_cli *c, struct dg_acts *out)
{
	struct dg_result r;

	dg_cli_words(c, &r, DG_MEANING_TLS_FAILED,
	    "%s: bytes in clear came behind the answer to STARTTLS", c->host);
	return dg_cli_shut(c, &r, out);
}

static void
on_line(struct dg_cli *c, struct dg_str line, bool more_follows,
    struct dg_acts *out)
{
	struct dg_err e = { 0 };
	enum cli_state next;
	enum dg_rc rc = dg_reply_feed(&c->reply, line, &e);

	if (rc == DG_AGAIN)
		return;
	if (rc != DG_OK && c->state == CLI_QUIT)
		next = on_quit(c, out);
	else if (rc != DG_OK)
		next = dg_cli_broken(c, e.text, out);
	else if (c->reply.code == 421 && c->state != CLI_QUIT)
		next = on_closing(c, out);
	else if (c->state == CLI_STARTTLS && c->reply.code == 220 &&
		 more_follows)
		next = injected(c, out);
	else
		next = rules[c->state].run(c, out);
	dg_reply_reset(&c->reply);
	dg_cli_enter(c, next);
}

size_t
dg_cli_feed(struct dg_cli *c, struct dg_str in, struct dg_acts *out)
{
	size_t at = 0;

	if (c->state == CLI_TLS && in.n > 0)
		dg_cli_enter(c, injected(c, out));
	while (at < in.n && rules[c->state].run != NULL) {
		struct dg_line line;
		enum dg_rc rc = dg_line_next(dg_str_from(in, at),
		    LINE_MAX_BYTES, true, &line);

		if (rc == DG_AGAIN)
			break;
		if (rc != DG_OK) {
			dg_cli_enter(c,
			    dg_cli_broken(c, "a line without end", out));
			break;
		}
		at += line.used;
		on_line(c, line.text, at < in.n, out);
	}
	dg_cli_step_done(c, out);
	/* a session that is over takes everything and looks at nothing */
	return c->state == CLI_GONE ? in.n : at;
}

/* ---- what the owner says ---- */

void
dg_cli_start(struct dg_cli *c, struct dg_acts *out)
{
	(void)out; /* the server speaks first */
	dg_cli_enter(c, CLI_GREETING);
}

void
dg_cli_lost(struct dg_cli *c, const char *words, struct dg_acts *out)
{
	struct dg_result r;

	if (c->state == CLI_JUDGE)
		dg_cli_unjudged(c);
	if (c->state == CLI_GONE)
		return;
	if (c->state == CLI_QUIT) {
		dg_cli_enter(c, ended(c, out));
		return;
	}
	if (!dg_cli_lost_by_verb(c, &r))
		dg_cli_words(c, &r, DG_MEANING_UNREACHABLE, "%s: %s", c->host,
		    words != NULL ? words : "the connection was lost");
	dg_cli_enter(c, dg_cli_shut(c, &r, out));
}

void
dg_cli_tls_done(struct dg_cli *c, bool ok, const char *words,
    struct dg_acts *out)
{
	struct dg_result r;

	if (c->state != CLI_TLS)
		return;
	if (ok) {
		c->has_tls = true;
		dg_cli_enter(c, dg_cli_after_tls(c, out));
		return;
	}
	dg_cli_words(c, &r, DG_MEANING_TLS_FAILED, "%s: no TLS: %s", c->host,
	    words != NULL ? words : "the handshake failed");
	dg_cli_enter(c, dg_cli_shut(c, &r, out));
}

void
dg_cli_answer(struct dg_cli *c, const struct dg_cli_answer *a,
    struct dg_acts *out)
{
	struct dg_result r;

	if (c->state == CLI_JUDGE) {
		dg_cli_enter(c, dg_cli_judged(c, a, out));
	} else if (c->state == CLI_SPEAK && a->has_action) {
		dg_cli_words(c, &r,
		    a->meaning != DG_MEANING_OK ? a->meaning
						: DG_MEANING_TEMPORARY,
		    "the policy wants no login at %s now", c->host);
		dg_cli_enter(c, dg_cli_finish(c, &r, out));
	} else if (c->state == CLI_SPEAK) {
		dg_cli_enter(c, dg_cli_login(c, a, out));
	}
	dg_cli_step_done(c, out);
}

void
dg_cli_quit(struct dg_cli *c, struct dg_acts *out)
{
	struct dg_result r;

	if (c->state == CLI_QUIT || c->state == CLI_GONE)
		return;
	if (c->state == CLI_IDLE) {
		dg_cli_words(c, &r, DG_MEANING_OK, "done");
		dg_cli_enter(c, dg_cli_finish(c, &r, out));
		return;
	}
	dg_cli_words(c, &r, DG_MEANING_TEMPORARY, "given up by us");
	dg_cli_enter(c, dg_cli_shut(c, &r, out));
}

/* ---- what is known ---- */

struct dg_str
dg_cli_offered(const struct dg_cli *c)
{
	return dg_buf_str(&c->offered);
}

bool
dg_cli_has_tls(const struct dg_cli *c)
{
	return c->has_tls;
}

const char *
dg_cli_verb(const struct dg_cli *c)
{
	return c->login.now != NULL ? c->login.now->verb : "";
}

const char *
dg_cli_mech(const struct dg_cli *c)
{
	return c->login.now != NULL ? dg_mech_name(c->login.now->login->mech)
				    : "";
}

const char *
dg_cli_why(const struct dg_cli *c)
{
	return c->login.now != NULL ? c->login.now->why : "";
}

struct dg_str
dg_cli_auth_log(const struct dg_cli *c)
{
	if (c->login.initiator != NULL)
		return dg_initiator_log(c->login.initiator);
	return dg_buf_str(&c->login.log);
}

bool
dg_cli_wants_new_session(const struct dg_cli *c, char skip_verb[16])
{
	memcpy(skip_verb, c->login.skip, sizeof(c->login.skip));
	return c->login.wants_new_session;
}

enum dg_stage
dg_cli_stage(const struct dg_cli *c)
{
	return names[c->state].stage;
}

bool
dg_cli_is_ready(const struct dg_cli *c)
{
	return c->state == CLI_IDLE;
}

bool
dg_cli_is_waiting(const struct dg_cli *c)
{
	return c->state == CLI_SPEAK || c->state == CLI_JUDGE;
}

const struct dg_result *
dg_cli_asked(const struct dg_cli *c)
{
	return c->state == CLI_JUDGE ? &c->end : NULL;
}

bool
dg_cli_is_quitting(const struct dg_cli *c)
{
	return c->state == CLI_QUIT;
}

bool
dg_cli_is_in_doubt(const struct dg_cli *c)
{
	return c->mail.is_in_doubt;
}

const char *
dg_cli_state_name(const struct dg_cli *c)
{
	return names[c->state].name;
}
