/* path.c - the argument of MAIL and RCPT (RFC 5321 4.1.1.2, 4.1.1.3, 4.1.2).
 *
 * What passes here is printed into replies, Received lines, logs and other
 * hosts' commands, so nothing passes that could end a path or a line there: no
 * control bytes, no bytes above ASCII, '>' only in quotes.  Two liberties,
 * both harmless for a relay: dots may stand anywhere in a local part (some
 * providers handed out such addresses, and the local part is the final host's
 * to judge, RFC 5321 2.3.11), and '_' may stand in a domain (NetBIOS names). */
#include "dragoman/wire/path.h"

#include "dragoman/base/buf.h"
#include "dragoman/base/enc.h"

enum {
	PATH_MAX_LOCAL = 64,
	PATH_MAX_DOMAIN = 255,
	PATH_MAX_LABEL = 63,
	PATH_MAX = 256, /* with its brackets */
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

static bool
is_atext(char c)
{
	return is_alnum(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

/* Length of the local part at the start of s (quoted string or atoms and
 * dots); 0 when there is none. */
static size_t
local_length(struct dg_str s)
{
	size_t i = 0;

	if (s.n == 0 || s.p[0] != '"') {
		while (i < s.n && (is_atext(s.p[i]) || s.p[i] == '.'))
			i++;
		return i;
	}
	for (i = 1; i < s.n; i++) {
		if (s.p[i] < 0x20 || s.p[i] > 0x7e)
			return 0;
		if (s.p[i] == '"')
			return i + 1;
		if (s.p[i] == '\\' &&
		    (++i == s.n || s.p[i] < 0x20 || s.p[i] > 0x7e))
			return 0;
	}
	return 0;
}

static size_t
literal_length(struct dg_str s)
{
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] == ']')
			return i > 1 ? i + 1 : 0;
		if (s.p[i] < 0x21 || s.p[i] > 0x7e || s.p[i] == '[' ||
		    s.p[i] == '\\')
			return 0;
	}
	return 0;
}

/* Length of the domain or address literal at the start of s; 0 when it is
 * none, or a bad one. */
static size_t
domain_length(struct dg_str s)
{
	size_t i = 0, label = 0;

	if (s.n > 0 && s.p[0] == '[')
		return literal_length(s);
	for (; i < s.n; i++) {
		char c = s.p[i];

		if (c == '.') {
			if (label == 0 || s.p[i - 1] == '-')
				return 0;
			label = 0;
			continue;
		}
		if (!is_alnum(c) && c != '_' && (c != '-' || label == 0))
			break;
		if (++label > PATH_MAX_LABEL)
			return 0;
	}
	if (label == 0 || s.p[i - 1] == '-' || i > PATH_MAX_DOMAIN)
		return 0;
	return i;
}

/* "@a,@b:" in front of a mailbox: to be ignored (RFC 5321 4.1.1.3, C).  Its
 * length, 0 when there is none or it is malformed. */
static size_t
route_length(struct dg_str s)
{
	size_t i = 0, n;

	while (i < s.n && s.p[i] == '@') {
		n = domain_length(dg_str_from(s, i + 1));
		if (n == 0)
			return 0;
		i += 1 + n;
		if (i < s.n && s.p[i] == ':')
			return i + 1;
		if (i == s.n || s.p[i] != ',')
			return 0;
		i++;
	}
	return 0;
}

struct reader {
	struct dg_str rest;
	bool is_from;
	unsigned flags;
	struct dg_err *e;
};

static enum dg_rc
bad_syntax(struct reader *r, const char *what)
{
	return dg_fail(r->e, DG_E_PROTO, 501, "5.5.4", "%s", what);
}

static enum dg_rc
bad_address(struct reader *r, const char *what)
{
	return dg_fail(r->e, DG_E_PROTO, 501, r->is_from ? "5.1.7" : "5.1.3",
	    "%s", what);
}

/* "FROM:" and what may stand behind it. */
static enum dg_rc
read_keyword(struct reader *r, const char *keyword)
{
	struct dg_str key = dg_str(keyword);

	if (!dg_str_has_iprefix(r->rest, key) || r->rest.n == key.n ||
	    r->rest.p[key.n] != ':')
		return bad_syntax(r, r->is_from ? "syntax: MAIL FROM:<address>"
						: "syntax: RCPT TO:<address>");
	r->rest = dg_str_from(r->rest, key.n + 1);
	if (r->rest.n > 0 && is_blank(r->rest.p[0])) {
		if (!(r->flags & DG_PATH_SPACE_AFTER_COLON))
			return bad_syntax(r,
			    "no blank may stand behind the colon");
		r->rest = dg_str_trim(r->rest);
	}
	return DG_OK;
}

/* The mailbox at the start of r->rest, taken off it. */
static enum dg_rc
read_mailbox(struct reader *r, struct dg_str *address)
{
	struct dg_str s = r->rest;
	size_t local = local_length(s), domain = 0, total;

	if (local == 0)
		return bad_address(r, "bad local part in address");
	if (local > PATH_MAX_LOCAL)
		return bad_address(r,
		    "local part of address is longer than 64 characters");
	total = local;
	if (local < s.n && s.p[local] == '@') {
		domain = domain_length(dg_str_from(s, local + 1));
		if (domain == 0)
			return bad_address(r, "bad domain in address");
		total += 1 + domain;
	} else if (r->is_from ||
		   !dg_str_iis(dg_str_sub(s, 0, local), "postmaster")) {
		return bad_address(r, "address has no domain");
	}
	if (total + 2 > PATH_MAX)
		return bad_address(r, "address is longer than 254 characters");
	*address = dg_str_sub(s, 0, total);
	r->rest = dg_str_from(s, total);
	return DG_OK;
}

static enum dg_rc
read_bracketed(struct reader *r, struct dg_str *address)
{
	enum dg_rc rc;

	r->rest = dg_str_from(r->rest, 1);
	if (r->rest.n > 0 && r->rest.p[0] == '>') {
		if (!(r->flags & DG_PATH_NULL))
			return bad_address(r, "empty address");
		*address = dg_str_sub(r->rest, 0, 0);
		r->rest = dg_str_from(r->rest, 1);
		return DG_OK;
	}
	if (r->rest.n > 0 && r->rest.p[0] == '@') {
		size_t n = route_length(r->rest);

		if (n == 0)
			return bad_address(r, "bad source route in address");
		r->rest = dg_str_from(r->rest, n);
	}
	rc = read_mailbox(r, address);
	if (rc != DG_OK)
		return rc;
	if (r->rest.n == 0 || r->rest.p[0] != '>')
		return bad_address(r, "address does not end in \">\"");
	r->rest = dg_str_from(r->rest, 1);
	return DG_OK;
}

enum dg_rc
dg_path_parse(struct dg_str arg, const char *keyword, unsigned flags,
    struct dg_path *out, struct dg_err *e)
{
	struct reader r = {
		.rest = arg,
		.is_from = strcmp(keyword, "TO") != 0,
		.flags = flags,
		.e = e,
	};
	struct dg_str address = DG_NOSTR;
	enum dg_rc rc = read_keyword(&r, keyword);

	if (rc != DG_OK)
		return rc;
	if (r.rest.n > 0 && r.rest.p[0] == '<')
		rc = read_bracketed(&r, &address);
	else if (flags & DG_PATH_NO_BRACKETS)
		rc = read_mailbox(&r, &address);
	else
		rc = bad_syntax(&r, "the address must stand in <>");
	if (rc != DG_OK)
		return rc;
	if (r.rest.n > 0 && !is_blank(r.rest.p[0]))
		return bad_syntax(&r, "a blank must stand behind the address");
	out->address = address;
	out->params = dg_str_trim(r.rest);
	return DG_OK;
}

static bool
is_param_key(struct dg_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_alnum(s.p[i]) && (s.p[i] != '-' || i == 0))
			return false;
	return s.n > 0;
}

static bool
is_param_value(struct dg_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x21 || s.p[i] > 0x7e || s.p[i] == '=')
			return false;
	return s.n > 0;
}

bool
dg_param_next(struct dg_str *params, struct dg_param *out)
{
	struct dg_str word = dg_str_word(params);
	size_t eq = dg_str_find(word, '=');
	struct dg_param p = { dg_str_sub(word, 0, eq), DG_NOSTR };

	if (word.n == 0)
		return false;
	if (eq < word.n)
		p.value = dg_str_from(word, eq + 1);
	if (!is_param_key(p.key) || (eq < word.n && !is_param_value(p.value)))
		p = (struct dg_param){ DG_NOSTR, word };
	*out = p;
	return true;
}

bool
dg_address_is_valid(struct dg_str address)
{
	struct reader r = { .rest = address, .is_from = true };
	struct dg_str all;

	return read_mailbox(&r, &all) == DG_OK && r.rest.n == 0;
}

struct dg_str
dg_address_domain(struct dg_str address)
{
	size_t at = dg_str_rfind(address, '@');

	if (at >= address.n)
		return DG_STR("");
	return dg_str_from(address, at + 1);
}

static bool
is_xchar(char c)
{
	return c >= 0x21 && c <= 0x7e && c != '+' && c != '=';
}

enum dg_rc
dg_xtext_read(struct dg_buf *out, struct dg_str s)
{
	size_t was = out->n;
	enum dg_rc rc = DG_OK;

	for (size_t i = 0; i < s.n && rc == DG_OK; i++) {
		if (is_xchar(s.p[i])) {
			rc = dg_buf_addc(out, s.p[i]);
		} else if (s.p[i] == '+' && s.n - i > 2) {
			rc = dg_hex_read(out, dg_str_sub(s, i + 1, 2));
			i += 2;
		} else {
			rc = DG_E_PROTO;
		}
	}
	if (rc != DG_OK)
		out->n = was;
	return rc;
}

enum dg_rc
dg_xtext_add(struct dg_buf *out, struct dg_str s)
{
	size_t was = out->n;
	enum dg_rc rc = DG_OK;

	for (size_t i = 0; i < s.n && rc == DG_OK; i++) {
		if (is_xchar(s.p[i]))
			rc = dg_buf_addc(out, s.p[i]);
		else /* RFC 3461 4: upper-case digits */
			rc = dg_buf_addf(out, "+%02X",
			    (unsigned)(unsigned char)s.p[i]);
	}
	if (rc != DG_OK)
		out->n = was;
	return rc;
}
