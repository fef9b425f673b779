/*
 * report.c - the delivery status notification (RFC 3464 in RFC 6522's
 * multipart/report).
 *
 * Half of what goes in was written by strangers: addresses, a hop's reply, the
 * subject of somebody's mail.  So every field body passes one function that
 * turns control bytes into '?' and folds, and nothing else writes one; a
 * reply can therefore never begin a header field of ours.
 */
#include "dragoman/wire/report.h"

#include "dragoman/base/enc.h"
#include "dragoman/wire/header.h"

enum {
	FOLD_AT = 76,      /* RFC 5322 2.1.1: 78 without CRLF */
	FOLD_HARD = 900,   /* under 998, in a word without blanks */
	QP_LINE = 76,      /* RFC 2045 6.7, the soft break's '=' included */
	WORD_BYTES = 39,   /* of an encoded word: 52 base64 + 12, and a name */
	PLAIN_LINE = 900,  /* longer ones are quoted */
	BOUNDARY_MAX = 70, /* RFC 2046 5.1.1 */
	LANG_MAX = 35,
};

static bool
is_control(char c)
{
	unsigned char u = (unsigned char)c;

	return u < 0x20 || u == 0x7f;
}

static bool
is_ascii(struct dg_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	}
	return true;
}

/* ---- header fields ---- */

/* One byte of a field body: printable ASCII, whatever came. */
static char
tame(char c)
{
	if (c == '\t' || c == '\r' || c == '\n')
		return ' ';
	return is_control(c) || (unsigned char)c >= 0x80 ? '?' : c;
}

/* How far the next piece of a folded body reaches from `at`: to the last blank
 * before the margin that a word follows, else to the first one after it;
 * `used` columns are taken already. */
static size_t
piece_length(struct dg_str s, size_t at, size_t used)
{
	size_t room = used < FOLD_AT ? FOLD_AT - used : 1;
	size_t best = 0;

	if (s.n - at <= room)
		return s.n - at;
	for (size_t i = 1; at + i + 1 < s.n; i++) {
		if (i > room && best > 0)
			return best;
		if (i >= FOLD_HARD)
			return i;
		if (tame(s.p[at + i]) == ' ' && tame(s.p[at + i + 1]) != ' ')
			best = i;
	}
	return best > 0 ? best : s.n - at;
}

/* "Name: prefix body", folded (RFC 5322 2.2.3). */
static enum dg_rc
field(struct dg_buf *out, const char *name, const char *prefix,
    struct dg_str body)
{
	size_t used = strlen(name) + 2 + strlen(prefix);
	enum dg_rc rc = dg_buf_addf(out, "%s: %s", name, prefix);
	size_t at = 0;

	body = dg_str_trim(body);
	while (rc == DG_OK && at < body.n) {
		size_t n = piece_length(body, at, used);

		if (at > 0)
			rc = dg_buf_adds(out,
			    tame(body.p[at]) == ' ' ? "\r\n" : "\r\n ");
		for (size_t i = 0; rc == DG_OK && i < n; i++)
			rc = dg_buf_addc(out, tame(body.p[at + i]));
		at += n;
		used = 1;
	}
	return rc == DG_OK ? dg_buf_adds(out, "\r\n") : rc;
}

static enum dg_rc
field_z(struct dg_buf *out, const char *name, const char *body)
{
	return field(out, name, "", dg_str(body));
}

static enum dg_rc
date_field(struct dg_buf *out, const char *name, int64_t ms)
{
	enum dg_rc rc = dg_buf_addf(out, "%s: ", name);

	if (rc == DG_OK)
		rc = dg_date_add(out, ms);
	return rc == DG_OK ? dg_buf_adds(out, "\r\n") : rc;
}

/* RFC 2047 2: words of at most 75 characters, cut between characters. */
static enum dg_rc
encoded_words(struct dg_buf *out, struct dg_str s)
{
	enum dg_rc rc = DG_OK;

	for (size_t at = 0; rc == DG_OK && at < s.n;) {
		size_t n = s.n - at < WORD_BYTES ? s.n - at : WORD_BYTES;
		char tamed[WORD_BYTES];

		while (at + n < s.n && n > WORD_BYTES - 4 &&
		       ((unsigned char)s.p[at + n] & 0xc0) == 0x80)
			n--;
		for (size_t i = 0; i < n; i++)
			tamed[i] = is_control(s.p[at + i]) ? ' ' : s.p[at + i];
		rc =
		    dg_buf_adds(out, at > 0 ? "\r\n =?UTF-8?B?" : "=?UTF-8?B?");
		if (rc == DG_OK)
			rc = dg_base64_add(out, dg_str_of(tamed, n));
		if (rc == DG_OK)
			rc = dg_buf_adds(out, "?=");
		at += n;
	}
	return rc;
}

static bool
needs_words(struct dg_str s)
{
	if (!is_ascii(s))
		return dg_utf8_is_valid(s); /* else '?' for what it holds */
	for (size_t i = 0; i + 1 < s.n; i++) {
		if (s.p[i] == '=' && s.p[i + 1] == '?')
			return true; /* would be read as an encoded word */
	}
	return false;
}

static enum dg_rc
subject_field(struct dg_buf *out, struct dg_str subject)
{
	enum dg_rc rc;

	if (!needs_words(subject))
		return field(out, "Subject", "", subject);
	rc = dg_buf_adds(out, "Subject: ");
	if (rc == DG_OK)
		rc = encoded_words(out, dg_str_trim(subject));
	return rc == DG_OK ? dg_buf_adds(out, "\r\n") : rc;
}

static enum dg_rc
add_tame(struct dg_buf *out, struct dg_str s)
{
	enum dg_rc rc = DG_OK;

	for (size_t i = 0; rc == DG_OK && i < s.n; i++)
		rc = dg_buf_addc(out, tame(s.p[i]));
	return rc;
}

static enum dg_rc
from_field(struct dg_buf *out, const struct dg_report *r)
{
	enum dg_rc rc = dg_buf_adds(out, "From: ");

	if (rc == DG_OK && needs_words(r->from_name)) {
		rc = encoded_words(out, r->from_name);
	} else if (rc == DG_OK && r->from_name.n > 0) {
		rc = dg_buf_addc(out, '"');
		for (size_t i = 0; rc == DG_OK && i < r->from_name.n; i++) {
			char c = tame(r->from_name.p[i]);

			if (c == '"' || c == '\\')
				rc = dg_buf_addc(out, '\\');
			if (rc == DG_OK)
				rc = dg_buf_addc(out, c);
		}
		if (rc == DG_OK)
			rc = dg_buf_addc(out, '"');
	}
	if (rc == DG_OK)
		rc = dg_buf_adds(out, r->from_name.n > 0 ? "\r\n <" : "<");
	if (rc == DG_OK)
		rc = add_tame(out, r->from);
	return rc == DG_OK ? dg_buf_adds(out, ">\r\n") : rc;
}

static enum dg_rc
bracketed_field(struct dg_buf *out, const char *name, struct dg_str s)
{
	enum dg_rc rc = dg_buf_addf(out, "%s: <", name);

	if (rc == DG_OK)
		rc = add_tame(out, s);
	return rc == DG_OK ? dg_buf_adds(out, ">\r\n") : rc;
}

static enum dg_rc
message_header(struct dg_buf *out, const struct dg_report *r)
{
	enum dg_rc rc = from_field(out, r);

	if (rc == DG_OK)
		rc = bracketed_field(out, "To", r->to);
	if (rc == DG_OK)
		rc = subject_field(out, r->subject);
	if (rc == DG_OK)
		rc = date_field(out, "Date", r->now_ms);
	if (rc == DG_OK)
		rc = bracketed_field(out, "Message-ID", r->message_id);
	/* RFC 3834 5: no automatic answer to this one, please */
	if (rc == DG_OK)
		rc = field_z(out, "Auto-Submitted", "auto-replied");
	if (rc == DG_OK)
		rc = field_z(out, "MIME-Version", "1.0");
	if (rc == DG_OK && !is_ascii(r->original))
		rc = field_z(out, "Content-Transfer-Encoding", "8bit");
	if (rc == DG_OK)
		rc = dg_buf_addf(out,
		    "Content-Type: multipart/report; "
		    "report-type=delivery-status;\r\n boundary=\"%.*s\"\r\n",
		    DG_FMT(r->boundary));
	return rc;
}

/* ---- the human part ---- */

static bool
is_plain(struct dg_str text)
{
	size_t line = 0;

	for (size_t i = 0; i < text.n; i++) {
		line = text.p[i] == '\n' ? 0 : line + 1;
		if (line > PLAIN_LINE || (unsigned char)text.p[i] >= 0x80)
			return false;
	}
	return true;
}

/* One line in quoted-printable (RFC 2045 6.7). */
static enum dg_rc
quoted_line(struct dg_buf *out, struct dg_str line)
{
	enum dg_rc rc = DG_OK;
	size_t column = 0;

	for (size_t i = 0; rc == DG_OK && i < line.n; i++) {
		unsigned char u = (unsigned char)line.p[i];
		bool is_last = i + 1 == line.n;
		bool as_is = u > 0x20 ? u < 0x7f && u != '='
				      : !is_last && (u == ' ' || u == '\t');
		size_t width = as_is ? 1 : 3;

		/* the last column is for the soft break */
		if (column + width > QP_LINE - 1) {
			rc = dg_buf_adds(out, "=\r\n");
			column = 0;
		}
		if (rc == DG_OK)
			rc = as_is ? dg_buf_addc(out, (char)u)
				   : dg_buf_addf(out, "=%02X", (unsigned)u);
		column += width;
	}
	return rc;
}

static enum dg_rc
plain_line(struct dg_buf *out, struct dg_str line)
{
	enum dg_rc rc = DG_OK;

	for (size_t i = 0; rc == DG_OK && i < line.n; i++)
		rc = dg_buf_addc(out, is_control(line.p[i]) && line.p[i] != '\t'
					  ? '?'
					  : line.p[i]);
	return rc;
}

static enum dg_rc
text_lines(struct dg_buf *out, struct dg_str text, bool plain)
{
	enum dg_rc rc = DG_OK;

	while (rc == DG_OK && text.n > 0) {
		size_t n = dg_str_find(text, '\n');
		struct dg_str line = dg_str_sub(text, 0, n);

		text = dg_str_from(text, n < text.n ? n + 1 : n);
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		rc = plain ? plain_line(out, line) : quoted_line(out, line);
		if (rc == DG_OK)
			rc = dg_buf_adds(out, "\r\n");
	}
	return rc;
}

static bool
is_lang(struct dg_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = dg_lower(s.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '-')
			return false;
	}
	return s.n > 0 && s.n <= LANG_MAX;
}

static enum dg_rc
human_part(struct dg_buf *out, const struct dg_report *r)
{
	bool plain = is_plain(r->text);
	const char *charset = is_ascii(r->text)           ? "us-ascii"
			      : dg_utf8_is_valid(r->text) ? "utf-8"
							  : "unknown-8bit";
	enum dg_rc rc = dg_buf_addf(out, "\r\n--%.*s\r\n", DG_FMT(r->boundary));

	if (rc == DG_OK)
		rc = dg_buf_addf(out,
		    "Content-Type: text/plain; charset=%s\r\n"
		    "Content-Transfer-Encoding: %s\r\n",
		    charset, plain ? "7bit" : "quoted-printable");
	if (rc == DG_OK && is_lang(r->lang))
		rc = field(out, "Content-Language", "", r->lang);
	if (rc == DG_OK)
		rc = dg_buf_adds(out, "\r\n");
	if (rc == DG_OK)
		rc = text_lines(out, r->text, plain);
	return rc;
}

/* ---- the machine's part ---- */

/* RFC 3463 2: class "." subject "." detail. */
static bool
is_status(struct dg_str s)
{
	size_t dots = 0, digits = 0;

	if (s.n < 5 || s.n > 9 ||
	    (s.p[0] != '2' && s.p[0] != '4' && s.p[0] != '5') || s.p[1] != '.')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' && digits > 0 && dots < 2) {
			dots++;
			digits = 0;
		} else if (s.p[i] >= '0' && s.p[i] <= '9' && digits < 3) {
			digits++;
		} else {
			return false;
		}
	}
	return dots == 2 && digits > 0;
}

/* What contradicts the action is no status: "delayed" is 4.y.z, "failed" is
 * 5.y.z or, for what was given up at last, 4.y.z (RFC 3464 2.3.4, E.1). */
static enum dg_rc
status_field(struct dg_buf *out, const struct dg_report_rcpt *x)
{
	bool is_delay = dg_str_is(x->action, "delayed");

	if (!is_status(x->status) || x->status.p[0] == '2')
		return field_z(out, "Status", is_delay ? "4.0.0" : "5.0.0");
	if (is_delay)
		return field(out, "Status", "4", dg_str_from(x->status, 1));
	return field(out, "Status", "", x->status);
}

/* "10.0.0.5:25" is dns; [10.0.0.5] (RFC 3464 2.1.2); "unix:/p" has no name in
 * the DNS. */
static enum dg_rc
host_field(struct dg_buf *out, struct dg_str host)
{
	size_t colon = dg_str_rfind(host, ':');
	bool is_address;
	struct dg_buf name;
	enum dg_rc rc;

	if (dg_str_has_prefix(host, DG_STR("unix:")))
		return field(out, "Remote-MTA", "x-unix; ",
		    dg_str_from(host, 5));
	if (colon > 0 && colon < host.n &&
	    (dg_str_find(host, ':') == colon || host.p[colon - 1] == ']'))
		host = dg_str_sub(host, 0, colon);
	is_address = host.n > 0;
	for (size_t i = 0; i < host.n; i++)
		is_address &=
		    (host.p[i] >= '0' && host.p[i] <= '9') || host.p[i] == '.';
	dg_buf_init(&name, host.n + 2);
	rc = dg_buf_addf(&name, is_address ? "[%.*s]" : "%.*s", DG_FMT(host));
	if (rc == DG_OK)
		rc = field(out, "Remote-MTA", "dns; ", dg_buf_str(&name));
	dg_buf_fini(&name);
	return rc;
}

/* Is it an SMTP reply, or our own words for the lack of one? */
static const char *
diagnostic_type(struct dg_str reply)
{
	bool is_reply = reply.n >= 3 && (reply.n == 3 || reply.p[3] == ' ');

	for (size_t i = 0; is_reply && i < 3; i++)
		is_reply = reply.p[i] >= '0' && reply.p[i] <= '9';
	return is_reply ? "smtp; " : "x-local; ";
}

static enum dg_rc
recipient_fields(struct dg_buf *out, const struct dg_report_rcpt *x)
{
	enum dg_rc rc = dg_buf_adds(out, "\r\n");

	if (rc == DG_OK && x->original.n > 0)
		rc = field(out, "Original-Recipient", "rfc822; ", x->original);
	if (rc == DG_OK)
		rc = field(out, "Final-Recipient", "rfc822; ", x->final);
	if (rc == DG_OK)
		rc = field_z(out, "Action",
		    dg_str_is(x->action, "delayed") ? "delayed" : "failed");
	if (rc == DG_OK)
		rc = status_field(out, x);
	if (rc == DG_OK && x->host.n > 0)
		rc = host_field(out, x->host);
	if (rc == DG_OK && x->reply.n > 0)
		rc = field(out, "Diagnostic-Code", diagnostic_type(x->reply),
		    x->reply);
	if (rc == DG_OK && x->meaning.n > 0)
		rc = field(out, "X-Dragoman-Meaning", "", x->meaning);
	if (rc == DG_OK && x->last_ms != 0)
		rc = date_field(out, "Last-Attempt-Date", x->last_ms);
	/* RFC 3464 2.3.9: of what is delayed, and of nothing else */
	if (rc == DG_OK && x->retry_until_ms != 0 &&
	    dg_str_is(x->action, "delayed"))
		rc = date_field(out, "Will-Retry-Until", x->retry_until_ms);
	return rc;
}

static enum dg_rc
machine_part(struct dg_buf *out, const struct dg_report *r)
{
	enum dg_rc rc = dg_buf_addf(out,
	    "\r\n--%.*s\r\nContent-Type: message/delivery-status\r\n\r\n",
	    DG_FMT(r->boundary));

	if (rc == DG_OK)
		rc = field(out, "Reporting-MTA", "dns; ", r->relay);
	if (rc == DG_OK && r->arrival_ms != 0)
		rc = date_field(out, "Arrival-Date", r->arrival_ms);
	for (size_t i = 0; rc == DG_OK && i < r->n_rcpts; i++)
		rc = recipient_fields(out, &r->rcpts[i]);
	return rc;
}

static enum dg_rc
original_part(struct dg_buf *out, const struct dg_report *r)
{
	enum dg_rc rc = dg_buf_addf(out, "\r\n--%.*s\r\nContent-Type: %s\r\n",
	    DG_FMT(r->boundary),
	    r->returns_whole ? "message/rfc822" : "text/rfc822-headers");

	if (rc == DG_OK && !is_ascii(r->original))
		rc = field_z(out, "Content-Transfer-Encoding", "8bit");
	if (rc == DG_OK)
		rc = dg_buf_adds(out, "\r\n");
	if (rc == DG_OK)
		rc = dg_buf_add(out, r->original);
	if (rc == DG_OK)
		rc = dg_buf_addf(out, "\r\n--%.*s--\r\n", DG_FMT(r->boundary));
	return rc;
}

/* ---- the whole ---- */

static bool
is_boundary(struct dg_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = dg_lower(s.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    memchr("'()+_,-./:=?", c, 12) == NULL)
			return false;
	}
	return s.n > 0 && s.n <= BOUNDARY_MAX;
}

static bool
holds(struct dg_str s, struct dg_str what)
{
	for (size_t i = 0; i + what.n <= s.n; i++) {
		if (s.p[i] == what.p[0] && memcmp(s.p + i, what.p, what.n) == 0)
			return true;
	}
	return false;
}

static enum dg_rc
check(const struct dg_report *r, struct dg_err *e)
{
	if (r->to.n == 0)
		return dg_fail(e, DG_E_PROTO, 0, NULL,
		    "a report to the null sender (RFC 5321 4.5.5)");
	if (r->n_rcpts == 0)
		return dg_fail(e, DG_E_PROTO, 0, NULL, "a report about nobody");
	if (!is_boundary(r->boundary))
		return dg_fail(e, DG_E_PROTO, 0, NULL,
		    "\"%.*s\" is no MIME boundary", DG_FMT(r->boundary));
	if (holds(r->original, r->boundary) || holds(r->text, r->boundary))
		return dg_fail(e, DG_E_PROTO, 0, NULL,
		    "the boundary stands in what it is to bound");
	return DG_OK;
}

enum dg_rc
dg_report_add(struct dg_buf *out, const struct dg_report *r, struct dg_err *e)
{
	size_t was = out->n;
	enum dg_rc rc = check(r, e);

	if (rc != DG_OK)
		return rc;
	rc = message_header(out, r);
	if (rc == DG_OK)
		rc = human_part(out, r);
	if (rc == DG_OK)
		rc = machine_part(out, r);
	if (rc == DG_OK)
		rc = original_part(out, r);
	if (rc != DG_OK) {
		out->n = was;
		return dg_fail(e, rc, 0, NULL,
		    "a report of more than %zu bytes", out->cap);
	}
	return DG_OK;
}
