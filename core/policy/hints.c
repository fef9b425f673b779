/* hints.c - what may be meant: near words, the words of other mail programs,
 * and what Lua's complaints about syntax come from in a policy.
 *
 * Who writes a policy knows mail, and seldom Lua: "'}' expected near 'dialect'"
 * is a comma that is missing, and `reject` is what others call refuse.  A hint
 * is put behind what is certain, never in its place.
 */
#include "declare.h"

#include <stdio.h>

static const struct {
	const char *theirs, *ours;
} synonyms[] = {
	/* decisions and answers */
	{ "reject", "refuse" },
	{ "deny", "refuse" },
	{ "tempfail", "defer" },
	{ "greylist", "defer" },
	{ "drop", "discard" },
	{ "allow", "accept" },
	{ "permit", "accept" },
	{ "pass", "accept" },
	{ "relay", "hop" },
	/* questions */
	{ "rcpt", "recipient" },
	{ "mail", "sender" },
	{ "helo", "offer" },
	{ "ehlo", "offer" },
	{ "data", "content" },
	{ "auth", "authenticated" },
	{ "login", "credential" },
	{ "bounce", "report" },
	{ "ndr", "report" },
	{ "dsn", "report" },
	/* fields */
	{ "rcpt", "to" },
	{ "recipient", "to" },
	{ "domain", "to" },
	{ "sender", "from" },
	{ "address", "match" },
	{ "listener", "match" },
	{ "network", "address" },
	{ "ip", "address" },
	{ "address", "hosts" },
	{ "server", "hosts" },
	{ "port", "hosts" },
	{ "users", "auth" },
	{ "mechanisms", "auth" },
	{ "mechanisms", "assume" },
	{ "ehlo", "helo" },
	{ "inherits", "like" },
	{ "extends", "like" },
	{ "starttls", "tls" },
	{ "password", "secret" },
	{ "username", "secret" },
	{ "organisation", "org" },
	{ "organization", "org" },
	{ "language", "lang" },
	/* tls */
	{ "starttls", "require" },
	{ "mandatory", "require" },
	{ "none", "never" },
	{ "may", "opportunistic" },
	/* meanings */
	{ "user-unknown", "unknown-recipient" },
	{ "no-such-user", "unknown-recipient" },
	{ "greylisted", "temporary" },
	{ "bounce", "fail" },
	/* placeholders */
	{ "from", "sender" },
	{ "to", "recipient" },
	{ "enhanced_code", "enhanced" },
	{ "status", "enhanced" },
	{ "server", "host" },
};

static const char *
synonym(const char *word, const char *const *list)
{
	for (size_t i = 0; list[i] != NULL; i++)
		if (dg_str_iis(dg_str(word), list[i]))
			return list[i];
	for (size_t i = 0; i < sizeof(synonyms) / sizeof(synonyms[0]); i++)
		if (dg_str_iis(dg_str(word), synonyms[i].theirs) &&
		    dg_is_one_of(synonyms[i].ours, list))
			return synonyms[i].ours;
	return NULL;
}

const char *
dg_near(struct dg_load *ld, const char *word, const char *const *list)
{
	const char *near = synonym(word, list);
	char text[160];

	if (near == NULL)
		near = dg_did_you_mean(dg_str(word), list);
	if (near == NULL || strcmp(near, word) == 0)
		return "";
	snprintf(text, sizeof(text), "; did you mean \"%s\"?", near);
	return dg_load_str(ld, dg_str(text));
}

const char *
dg_near_or_all(struct dg_load *ld, const char *word, const char *const *list)
{
	const char *near = dg_near(ld, word, list), *all;
	struct dg_buf text;

	if (near[0] != '\0' || list[0] == NULL)
		return near;
	dg_buf_init(&text, 500);
	for (size_t i = 0; list[i] != NULL; i++)
		if (dg_buf_addf(&text, "%s%s", i == 0 ? "; there are " : ", ",
			list[i]) != DG_OK)
			break;
	all = dg_load_str(ld, dg_buf_str(&text));
	dg_buf_fini(&text);
	return all;
}

/* ---- syntax ---- */

struct complaint {
	const char *begin; /* NULL: anything */
	const char *end;
	const char *hint;
};

static const struct complaint complaints[] = {
	{ "unexpected symbol near", "'#'", "a comment begins with --" },
	{ "unexpected symbol near", "'/'", "a comment begins with --" },
	{ "malformed number near", "",
	    "an address, a time or a size stands in quotes" },
	{ "'then' expected near", "'='", "to compare, write ==" },
	{ "'do' expected near", "'='", "to compare, write ==" },
	{ "'then' expected near", "'{'",
	    "a block is written: if ... then ... end" },
	{ NULL, "near '!'", "not is written not, and not equal ~=" },
	{ NULL, "near '&'", "and is written and" },
	{ NULL, "near '|'", "or is written or" },
	{ "<name> expected near", "", "a field is written: name = value" },
	{ "'}' expected", "near '='",
	    "a name with a \"-\" or \".\" in it is written: [\"too-big\"] = ..." },
	{ "'}' expected", "near ':'", "a field is written: name = value" },
	{ "'}' expected", "near <eof>", NULL },
	{ "'}' expected", "", "a \",\" or a \"}\" is missing before it" },
	{ "unfinished string", "", "its second quote is missing" },
};

static const char *
hint_of(struct dg_str text)
{
	for (size_t i = 0; i < sizeof(complaints) / sizeof(complaints[0]);
	     i++) {
		const struct complaint *c = &complaints[i];

		if ((c->begin == NULL ||
			dg_str_has_prefix(text, dg_str(c->begin))) &&
		    dg_str_has_suffix(text, dg_str(c->end)))
			return c->hint;
	}
	return NULL;
}

const char *
dg_syntax_hint(struct dg_load *ld, const char *complaint)
{
	const char *hint = hint_of(dg_str(complaint));
	char text[160];

	if (hint == NULL)
		return "";
	snprintf(text, sizeof(text), "; %s", hint);
	return dg_load_str(ld, dg_str(text));
}

const char *
dg_name_hint(struct dg_load *ld, const char *name)
{
	char text[160];

	if (strcmp(name, "d") == 0)
		return "; a policy begins with: local d = require \"dragoman\"";
	if (dg_is_one_of(name, dg_d_words()))
		snprintf(text, sizeof(text), "; did you mean d.%s?", name);
	else
		snprintf(text, sizeof(text),
		    "; a text stands in quotes: \"%.60s\"", name);
	return dg_load_str(ld, dg_str(text));
}
