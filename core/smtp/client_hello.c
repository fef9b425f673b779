/*
 * client_hello.c - from the greeting to the point where a login may begin.
 *
 * TLS is decided here and only here.  What the hop requires is never given up
 * for what a server (or somebody between) shows: no STARTTLS in the list, 454,
 * a failed handshake all end the session, except where the policy said
 * "opportunistic", and then the log says that mail went in clear.
 */
#include "client_state.h"

/* Nobody parses it, so no byte of it may move a terminal. */
static void
write_offered(struct dg_cli *c)
{
	struct dg_str text = c->ehlo.text;

	dg_buf_reset(&c->offered);
	while (text.n > 0) {
		size_t n = dg_str_find(text, '\n');
		struct dg_str line = dg_str_trim(dg_str_sub(text, 0, n));
		size_t was = c->offered.n;

		text = dg_str_from(text, n < text.n ? n + 1 : n);
		if (line.n == 0)
			continue;
		if ((was > 0 && dg_buf_adds(&c->offered, ", ") != DG_OK) ||
		    dg_buf_add(&c->offered, line) != DG_OK) {
			c->offered.n = was; /* long enough to be useless */
			return;
		}
	}
	for (size_t i = 0; i < c->offered.n; i++) {
		unsigned char u = (unsigned char)c->offered.p[i];

		if (u < 0x20 || u == 0x7f)
			c->offered.p[i] = '?';
	}
}

static void
learn(struct dg_cli *c, struct dg_str text)
{
	dg_buf_reset(&c->ehlo_text);
	(void)dg_buf_add(&c->ehlo_text, text); /* same cap as the reply's */
	dg_ehlo_parse(dg_buf_str(&c->ehlo_text), &c->ehlo);
	write_offered(c);
}

static enum cli_state
speak(struct dg_cli *c, struct dg_acts *out)
{
	if (!c->o.asks_speak)
		return dg_cli_login(c, NULL, out);
	dg_acts_add(out, DG_ACT_ASK)->ask = DG_ASK_SPEAK;
	return CLI_SPEAK;
}

static enum cli_state
after_hello(struct dg_cli *c, struct dg_acts *out)
{
	struct dg_result r;

	if (c->has_tls || c->o.tls == DG_TLS_NEVER)
		return speak(c, out);
	if ((c->ehlo.exts & DG_EXT_STARTTLS) != 0) {
		dg_cli_say(out, "STARTTLS");
		return CLI_STARTTLS;
	}
	if (c->o.tls != DG_TLS_OPPORTUNISTIC) {
		dg_cli_words(c, &r, DG_MEANING_TLS_FAILED,
		    "%s offers no STARTTLS, and this hop requires TLS "
		    "(it offered: %.400s)",
		    c->host,
		    c->offered.n > 0 ? dg_buf_z(&c->offered) : "nothing");
		r.stage = DG_STAGE_TLS;
		return dg_cli_finish(c, &r, out);
	}
	dg_acts_trace(out,
	    "%.200s offers no STARTTLS -> in clear "
	    "(opportunistic)",
	    c->host);
	return speak(c, out);
}

/* A refusal ends the session politely, anything else at once. */
static enum cli_state
refused(struct dg_cli *c, const char *wanted, struct dg_acts *out)
{
	struct dg_result r;

	if (c->reply.code < 400)
		return dg_cli_unexpected(c, wanted, out);
	dg_cli_read(c, &r);
	return dg_cli_finish(c, &r, out);
}

static enum cli_state
hello(struct dg_cli *c, struct dg_acts *out)
{
	if (c->o.is_lmtp) { /* RFC 2033 4.1: HELO and EHLO are not known */
		dg_cli_say(out, "LHLO %s", c->helo);
		return CLI_EHLO;
	}
	if (c->dialect->helo == DG_HELO_HELO) {
		dg_row_hit(c->dialect->row[DG_DIALECT_ROW_HELO]);
		dg_cli_say(out, "HELO %s", c->helo);
		return CLI_HELO;
	}
	dg_cli_say(out, "EHLO %s", c->helo);
	return CLI_EHLO;
}

enum cli_state
dg_cli_on_greeting(struct dg_cli *c, struct dg_acts *out)
{
	if (c->reply.code != 220)
		return refused(c, "a greeting (220)", out);
	return hello(c, out);
}

enum cli_state
dg_cli_on_ehlo(struct dg_cli *c, struct dg_acts *out)
{
	if (c->reply.code == 250) {
		learn(c, dg_buf_str(&c->reply.text));
		return after_hello(c, out);
	}
	/* RFC 5321 3.2: older servers, and firewalls that hide EHLO */
	if (c->reply.code >= 500 && !c->o.is_lmtp) {
		dg_acts_trace(out, "said EHLO, %d -> HELO", c->reply.code);
		dg_cli_say(out, "HELO %s", c->helo);
		return CLI_HELO;
	}
	return refused(c,
	    c->o.is_lmtp ? "an answer to LHLO (250)"
			 : "an answer to EHLO (250)",
	    out);
}

enum cli_state
dg_cli_on_helo(struct dg_cli *c, struct dg_acts *out)
{
	if (c->reply.code != 250)
		return refused(c, "an answer to HELO (250)", out);
	learn(c, DG_STR("")); /* HELO offers nothing */
	return after_hello(c, out);
}

enum cli_state
dg_cli_on_starttls(struct dg_cli *c, struct dg_acts *out)
{
	struct dg_result r;

	if (c->reply.code == 220) {
		dg_acts_add(out, DG_ACT_STARTTLS);
		return CLI_TLS;
	}
	dg_cli_read(c, &r);
	if (c->reply.code >= 400 && c->o.tls == DG_TLS_OPPORTUNISTIC &&
	    r.meaning == DG_MEANING_TLS_FAILED) {
		dg_acts_trace(out,
		    "said STARTTLS, %.200s -> in clear "
		    "(opportunistic)",
		    r.text);
		return speak(c, out);
	}
	return refused(c, "an answer to STARTTLS (220)", out);
}

/* RFC 3207 4.2: all that was learnt in clear is forgotten. */
enum cli_state
dg_cli_after_tls(struct dg_cli *c, struct dg_acts *out)
{
	dg_reply_reset(&c->reply);
	learn(c, DG_STR(""));
	return hello(c, out);
}
