/* server_commands.c - greeting, EHLO and its offer, STARTTLS, and the small
 * verbs.
 *
 * What EHLO shows is a promise that is kept until the next EHLO: so the verbs
 * and mechanisms shown are written down here, and server_auth.c believes that
 * record, not the policy of the moment. */
#include "server_state.h"

#include <stdio.h>

enum {
	EHLO_MAX = 8 * 1024
};

/* ---- greeting ---- */

enum srv_state
dg_srv_greet(struct dg_srv *s, const struct dg_srv_answer *a)
{
	struct dg_buf text;

	if (a->verdict == DG_VERDICT_REFUSE) {
		/* RFC 5321 3.1: 554, then wait for QUIT */
		struct dg_srv_answer refusal = *a;

		if (refusal.code == 0)
			refusal.code = 554;
		dg_srv_verdict(s, &refusal, "no SMTP service for you here", "");
		return SRV_REFUSED;
	}
	if (a->verdict == DG_VERDICT_DEFER || a->verdict == DG_VERDICT_CLOSE) {
		struct dg_srv_answer deferral = *a;

		if (deferral.code == 0 && a->verdict == DG_VERDICT_DEFER)
			deferral.code = 421;
		dg_srv_verdict(s, &deferral, "", "try again later");
		return SRV_GONE;
	}
	dg_buf_init(&text, EHLO_MAX);
	/* the name stands first (RFC 5321 4.2), the rest is the dialect's */
	(void)dg_buf_addf(&text, "%s %s", s->hostname,
	    dg_dialect_text(s->peer.dialect, 220, "ESMTP"));
	dg_srv_plain(s, 220, dg_buf_str(&text));
	dg_buf_fini(&text);
	return SRV_HELLO;
}

/* ---- EHLO and HELO ---- */

static enum srv_state
on_hello(struct dg_srv *s, struct dg_str name, bool is_ehlo)
{
	if (name.n >= sizeof(s->hello.name))
		return dg_srv_bad(s, s->state, 501, "5.5.4",
		    "name is longer than 255 characters");
	memset(&s->hello, 0, sizeof(s->hello));
	if (name.n > 0)
		memcpy(s->hello.name, name.p, name.n);
	s->hello.n = name.n;
	s->hello.is_ehlo = is_ehlo;
	dg_acts_add(s->out, DG_ACT_ASK)->ask = DG_ASK_OFFER;
	return SRV_OFFER;
}

/* Without an argument too: MS-SMTPNTLM asks servers to answer that. */
enum srv_state
dg_srv_on_ehlo(struct dg_srv *s, const struct dg_command *cmd)
{
	return on_hello(s, cmd->arg, true);
}

enum srv_state
dg_srv_on_helo(struct dg_srv *s, const struct dg_command *cmd)
{
	return on_hello(s, cmd->arg, false);
}

/* The mechanisms of a line that may be used, as words. */
static void
add_mechs(struct dg_buf *out, const struct dg_offer_line *line, unsigned mechs)
{
	char sep = line->equals ? '=' : ' ';
	struct dg_str words =
	    dg_str_from(dg_str(line->text), strlen(line->verb) + 1);
	struct dg_str w;

	if (line->all) {
		for (unsigned m = 0; m < DG_MECH_N; m++) {
			if (!(mechs & DG_MECH_BIT(m)))
				continue;
			(void)dg_buf_addf(out, "%c%s", sep,
			    dg_mech_name((enum dg_mech)m));
			sep = ' ';
		}
		return;
	}
	for (w = dg_str_word(&words); w.n > 0; w = dg_str_word(&words)) {
		enum dg_mech m;

		if (!dg_mech_find(w, &m) || !(mechs & DG_MECH_BIT(m)))
			continue;
		(void)dg_buf_addf(out, "%c%.*s", sep, DG_FMT(w));
		sep = ' ';
	}
}

/* Write down and show one line, or drop it when nothing of it may be used. */
static void
add_offer(struct dg_srv *s, const struct dg_offer_line *line,
    struct dg_buf *out)
{
	unsigned usable = dg_srv_usable(s);
	bool is_bare = !line->all && line->mechs == 0;
	unsigned mechs = usable;
	size_t i = 0, n = s->hello.n_offered;

	if (!line->all && !is_bare)
		mechs &= line->mechs;
	if (mechs == 0 || strlen(line->verb) >= sizeof(s->hello.offered->verb))
		return;
	while (
	    i < n && !dg_str_iis(dg_str(line->verb), s->hello.offered[i].verb))
		i++;
	if (i == n && n == DG_DIALECT_LINES)
		return;
	if (i == n) {
		snprintf(s->hello.offered[i].verb,
		    sizeof(s->hello.offered[i].verb), "%s", line->verb);
		s->hello.n_offered++;
	}
	s->hello.offered[i].mechs |= mechs;
	(void)dg_buf_addc(out, '\n');
	if (is_bare || (!line->all && mechs == line->mechs)) {
		(void)dg_buf_adds(out, line->text); /* as it was written */
		return;
	}
	(void)dg_buf_adds(out, line->verb);
	add_mechs(out, line, mechs);
}

static void
add_extensions(struct dg_srv *s, struct dg_buf *out)
{
	for (unsigned bit = 1; bit != 0 && bit <= s->hello.shown; bit <<= 1) {
		if (!(s->hello.shown & bit))
			continue;
		(void)dg_buf_addf(out, "\n%s", dg_ext_name(bit));
		if (bit == DG_EXT_SIZE)
			(void)dg_buf_addf(out, " %llu",
			    (unsigned long long)dg_srv_max_size(s));
	}
}

enum srv_state
dg_srv_offer(struct dg_srv *s, const struct dg_srv_answer *a)
{
	const struct dg_dialect *d = s->peer.dialect;
	const struct dg_offer_line *lines = a->lines;
	size_t n = a->n_lines;
	unsigned able = DG_EXT_PIPELINING | DG_EXT_SIZE | DG_EXT_8BITMIME |
			DG_EXT_ENHANCED | DG_EXT_HELP;
	struct dg_buf text;

	if (a->verdict == DG_VERDICT_REFUSE || a->verdict == DG_VERDICT_DEFER ||
	    a->verdict == DG_VERDICT_CLOSE) {
		dg_srv_verdict(s, a, "not welcome", "try again later");
		return a->verdict == DG_VERDICT_CLOSE ? SRV_GONE : SRV_HELLO;
	}
	if (s->hello.is_ehlo) {
		dg_row_hit(d->row[DG_DIALECT_ROW_HIDE]);
		dg_row_hit(d->row[DG_DIALECT_ROW_SHOW]);
	}
	if (lines == NULL) {
		if (s->hello.is_ehlo)
			dg_row_hit(d->row[DG_DIALECT_ROW_OFFER]);
		lines = d->offer;
		n = d->n_offer;
	}
	if (s->can_tls && !s->has_tls)
		able |= DG_EXT_STARTTLS;
	if (s->hello.is_ehlo)
		s->hello.shown = able & ~((d->hide | a->hide) & ~a->show);
	dg_buf_init(&text, EHLO_MAX);
	(void)dg_buf_addf(&text, "%s Hello", s->hostname);
	if (s->address[0] != '\0')
		(void)dg_buf_addf(&text, " [%s]", s->address);
	size_t greeting = text.n;
	add_extensions(s, &text);
	for (size_t i = 0; i < n; i++)
		add_offer(s, &lines[i], &text);
	if (!s->hello.is_ehlo)
		text.n = greeting; /* offered all the same: old devices */
	dg_srv_plain(s, 250, dg_buf_str(&text));
	dg_buf_fini(&text);
	return SRV_READY;
}

/* ---- STARTTLS ---- */

enum srv_state
dg_srv_on_starttls(struct dg_srv *s, const struct dg_command *cmd)
{
	if (cmd->arg.n > 0)
		return dg_srv_bad(s, s->state, 501, "5.5.4",
		    "STARTTLS takes no argument");
	if (s->has_tls)
		return dg_srv_bad(s, s->state, 503, "5.5.1",
		    "TLS is already on");
	if (!s->can_tls || !s->hello.is_ehlo ||
	    !(s->hello.shown & DG_EXT_STARTTLS))
		return dg_srv_bad(s, s->state, 502, "5.5.1",
		    "STARTTLS is not available here");
	if (s->has_behind)
		/* RFC 3207 and CVE-2011-0411: whoever put it there wanted it
		 * to be read as if it had come through TLS */
		return dg_srv_end(s, 554, "5.5.1",
		    "plain text behind STARTTLS, closing the connection");
	dg_srv_plain(s, 220, DG_STR("ready to start TLS"));
	dg_acts_add(s->out, DG_ACT_STARTTLS);
	return SRV_TLS;
}

/* ---- the small verbs ---- */

enum srv_state
dg_srv_on_rset(struct dg_srv *s, const struct dg_command *cmd)
{
	if (cmd->arg.n > 0)
		return dg_srv_bad(s, s->state, 501, "5.5.4",
		    "RSET takes no argument");
	dg_srv_say(s, 250, "2.0.0", "OK");
	return s->state == SRV_HELLO ? SRV_HELLO : SRV_READY;
}

enum srv_state
dg_srv_on_noop(struct dg_srv *s, const struct dg_command *cmd)
{
	(void)cmd; /* RFC 5321 4.1.1.9: an argument is ignored */
	dg_srv_say(s, 250, "2.0.0", "OK");
	return s->state;
}

enum srv_state
dg_srv_on_vrfy(struct dg_srv *s, const struct dg_command *cmd)
{
	if (cmd->arg.n == 0)
		return dg_srv_bad(s, s->state, 501, "5.5.4",
		    "syntax: VRFY address");
	/* RFC 5321 7.3: nobody learns here who exists */
	dg_srv_say(s, 252, "2.1.5", "cannot verify, send mail and see");
	return s->state;
}

enum srv_state
dg_srv_on_help(struct dg_srv *s, const struct dg_command *cmd)
{
	(void)cmd;
	dg_srv_say(s, 214, "2.0.0",
	    "commands: EHLO HELO STARTTLS AUTH MAIL RCPT DATA RSET NOOP VRFY "
	    "HELP QUIT");
	return s->state;
}

enum srv_state
dg_srv_on_quit(struct dg_srv *s, const struct dg_command *cmd)
{
	if (cmd->arg.n > 0)
		return dg_srv_bad(s, s->state, 501, "5.5.4",
		    "QUIT takes no argument");
	return dg_srv_end(s, 221, "2.0.0", "closing connection");
}

/* Kept, since the line is gone when the answer comes late. */
static bool
keep_unknown(struct dg_srv *s, const struct dg_command *cmd)
{
	struct srv_unknown *u = &s->unknown;

	dg_buf_reset(&u->line);
	u->n_verb = cmd->verb.n;
	u->in = s->state;
	return dg_buf_add(&u->line, cmd->verb) == DG_OK &&
	       dg_buf_add(&u->line, cmd->arg) == DG_OK;
}

enum srv_state
dg_srv_on_unknown(struct dg_srv *s, const struct dg_command *cmd)
{
	if (!dg_srv_asks(s, DG_ASK_COMMAND) || !keep_unknown(s, cmd))
		return dg_srv_bad(s, s->state, 500, "5.5.1",
		    "command not recognized");
	dg_acts_add(s->out, DG_ACT_ASK)->ask = DG_ASK_COMMAND;
	return SRV_VERB;
}
