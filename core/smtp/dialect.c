/* dialect.c - spellings to meanings, and the dialect we have without a policy.
 *
 * A dialect is data that the policy floor compiles; what stands here is only
 * how both machines read it.  An authentication verb is whatever the dialect
 * offers or accepts: "AUTH" itself is not known where the dialect does not
 * name it, since some peers must be told that it is no command. */
#include "dragoman/smtp/dialect.h"

#include <stdlib.h>

static const char *const verb_names[] = {
#define X(name) #name,
	DG_VERBS(X)
#undef X
};

const char *
dg_verb_name(enum dg_verb v)
{
	return (unsigned)v < DG_VERB_N ? verb_names[v] : "?";
}

/* Initial response: every server known to us takes it on the verb line, and
 * some take nothing else (the dialogue of old IMS, see Davenport's NTLM
 * document, appendix B). */
static const struct dg_dialect rfc4954 = {
	.name = "rfc4954",
	.offer = { { .text = "AUTH *", .verb = "AUTH", .all = true } },
	.n_offer = 1,
	.say = { "AUTH" },
	.n_say = 1,
	.login_form = DG_LOGIN_ASK,
	.ntlm_initial = true,
	.ntlm_take = DG_NTLM_LEVEL_V2,
	.ntlm_send = DG_NTLM_LEVEL_V2,
	.prompt_user = "Username:",
	.prompt_password = "Password:",
	.prompt_ntlm = "",
	.helo = DG_HELO_EHLO,
};

const struct dg_dialect *
dg_dialect_rfc4954(void)
{
	return &rfc4954;
}

/* What RFC 5321 and RFC 3207 spell; AUTH is the dialect's. */
static enum dg_verb
standard_verb(struct dg_str verb)
{
	for (unsigned v = 0; v < DG_VERB_UNKNOWN; v++)
		if (v != DG_VERB_AUTH && dg_str_iis(verb, verb_names[v]))
			return (enum dg_verb)v;
	return DG_VERB_UNKNOWN;
}

enum dg_verb
dg_dialect_verb(const struct dg_dialect *d, struct dg_str verb)
{
	for (size_t i = 0; i < d->n_offer; i++)
		if (dg_str_iis(verb, d->offer[i].verb))
			return DG_VERB_AUTH;
	for (size_t i = 0; i < d->n_accept; i++)
		if (dg_str_iis(verb, d->accept[i]))
			return DG_VERB_AUTH;
	return standard_verb(verb);
}

const char *
dg_dialect_text(const struct dg_dialect *d, int code, const char *fallback)
{
	dg_row_hit(d->row[DG_DIALECT_ROW_TEXTS]);
	for (size_t i = 0; i < d->n_texts; i++) {
		if (d->texts[i].code == code) {
			dg_row_hit(d->texts[i].row);
			return d->texts[i].text;
		}
	}
	return fallback;
}

static bool
is_keyword(struct dg_str s)
{
	if (s.n == 0 || s.n > 31)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = dg_lower(s.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    (c != '-' || i == 0))
			return false;
	}
	return true;
}

/* The words behind the verb: mechanisms, or "*" alone.  None at all is fine:
 * there may be peers that look for the bare word. */
static enum dg_rc
read_mechs(struct dg_str words, struct dg_offer_line *line, struct dg_err *e)
{
	struct dg_str w;
	size_t n = 0;

	for (w = dg_str_word(&words); w.n > 0; w = dg_str_word(&words), n++) {
		enum dg_mech m;

		if (line->all || (n > 0 && dg_str_is(w, "*")))
			return dg_fail(e, DG_E_CONFIG, 0, NULL,
			    "\"*\" must stand alone behind the verb");
		if (dg_str_is(w, "*")) {
			line->all = true;
			continue;
		}
		if (!dg_mech_find(w, &m)) {
			const char *near = dg_did_you_mean(w, dg_mech_names());

			return dg_fail(e, DG_E_CONFIG, 0, NULL,
			    "unknown mechanism \"%.*s\"%s%s%s", DG_FMT(w),
			    near != NULL ? "; did you mean \"" : "",
			    near != NULL ? near : "",
			    near != NULL ? "\"?" : "");
		}
		line->mechs |= DG_MECH_BIT(m);
	}
	if (n == 0 && line->equals)
		return dg_fail(e, DG_E_CONFIG, 0, NULL,
		    "no mechanism behind \"=\"");
	return DG_OK;
}

enum dg_rc
dg_offer_parse(struct dg_str text, struct dg_offer_line *out, struct dg_err *e)
{
	struct dg_offer_line line = { 0 };
	struct dg_str s = dg_str_trim(text), verb;
	size_t end = 0;
	enum dg_rc rc;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c < 0x20 && c != '\t') || c >= 0x7f)
			return dg_fail(e, DG_E_CONFIG, 0, NULL,
			    "an offer line holds a control or non-ASCII byte");
	}
	while (
	    end < s.n && s.p[end] != ' ' && s.p[end] != '\t' && s.p[end] != '=')
		end++;
	verb = dg_str_sub(s, 0, end);
	if (s.n == 0)
		return dg_fail(e, DG_E_CONFIG, 0, NULL,
		    "an offer line needs a verb, as in \"AUTH NTLM\"");
	if (!is_keyword(verb))
		return dg_fail(e, DG_E_CONFIG, 0, NULL,
		    "\"%.*s\" is no verb: letters, digits and \"-\", at most "
		    "31",
		    DG_FMT(verb));
	if (standard_verb(verb) != DG_VERB_UNKNOWN)
		return dg_fail(e, DG_E_CONFIG, 0, NULL,
		    "\"%.*s\" is a command of its own, not a way to log in",
		    DG_FMT(verb));
	if (s.n > 400)
		return dg_fail(e, DG_E_CONFIG, 0, NULL,
		    "an offer line is longer than 400 characters");
	line.equals = end < s.n && s.p[end] == '=';
	rc = read_mechs(dg_str_from(s, end + (line.equals ? 1 : 0)), &line, e);
	if (rc != DG_OK)
		return rc;
	line.where = out->where;
	line.text = dg_str_dup(s);
	line.verb = dg_str_dup(verb);
	*out = line;
	return DG_OK;
}
