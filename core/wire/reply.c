/*
 * reply.c - SMTP replies, read from a hop and written to a peer (RFC 5321 4.2,
 * RFC 3463).
 *
 * Reading is strict about the code and the separator, since everything after
 * is decided by them, and careless about the text, since nothing is: servers
 * of thirty years put anything there.  Writing makes it impossible to say more
 * than one reply, whatever the text is made of.
 */
#include "dragoman/wire/reply.h"

#include <stdio.h>

enum {
	LINE_MAX_OCTETS = 512, /* RFC 5321 4.5.3.1.5, with CRLF */
	ENHANCED_MAX = 11,     /* "5.123.123" and some air */
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_control(char c)
{
	unsigned char u = (unsigned char)c;

	return u < 0x20 || u == 0x7f;
}

/* The three digits in front, or 0. */
static int
code_of(struct dg_str s)
{
	if (s.n < 3 || s.p[0] < '2' || s.p[0] > '5' || !is_digit(s.p[1]) ||
	    !is_digit(s.p[2]))
		return 0;
	return (s.p[0] - '0') * 100 + (s.p[1] - '0') * 10 + (s.p[2] - '0');
}

/* Length of "5.7.1" in front of s (RFC 3463 2), 0 when there is none.  Only
 * classes 2, 4 and 5 exist. */
static size_t
enhanced_length(struct dg_str s)
{
	size_t at = 1;

	if (s.n < 5 || (s.p[0] != '2' && s.p[0] != '4' && s.p[0] != '5'))
		return 0;
	for (int part = 0; part < 2; part++) {
		size_t digits = 0;

		if (at >= s.n || s.p[at] != '.')
			return 0;
		at++;
		while (at < s.n && digits < 4 && is_digit(s.p[at])) {
			at++;
			digits++;
		}
		if (digits == 0 || digits > 3)
			return 0;
	}
	if (at < s.n && s.p[at] != ' ' && s.p[at] != '\t' && s.p[at] != '\n')
		return 0;
	return at;
}

enum dg_rc
dg_reply_parse(struct dg_str line, struct dg_reply_line *out)
{
	int code = code_of(line);

	if (code == 0)
		return DG_E_PROTO;
	if (line.n > 3 && line.p[3] != ' ' && line.p[3] != '-')
		return DG_E_PROTO;
	out->code = code;
	out->more = line.n > 3 && line.p[3] == '-';
	out->text = dg_str_from(line, 4);
	return DG_OK;
}

void
dg_reply_init(struct dg_reply *r)
{
	memset(r, 0, sizeof(*r));
	dg_buf_init(&r->text, DG_REPLY_MAX_BYTES);
}

void
dg_reply_fini(struct dg_reply *r)
{
	dg_buf_fini(&r->text);
}

void
dg_reply_reset(struct dg_reply *r)
{
	r->code = 0;
	r->lines = 0;
	dg_buf_reset(&r->text);
}

enum dg_rc
dg_reply_feed(struct dg_reply *r, struct dg_str line, struct dg_err *e)
{
	struct dg_reply_line l = { 0 };

	if (dg_reply_parse(line, &l) != DG_OK)
		return dg_fail(e, DG_E_PROTO, 0, NULL,
		    "what came is no SMTP reply");
	/* RFC 5321 4.2.1: every line carries the same code */
	if (r->lines > 0 && l.code != r->code)
		return dg_fail(e, DG_E_PROTO, 0, NULL,
		    "a reply began with %d and went on with %d", r->code,
		    l.code);
	if (r->lines >= DG_REPLY_MAX_LINES)
		return dg_fail(e, DG_E_LIMIT, 0, NULL,
		    "a reply of more than %d lines", DG_REPLY_MAX_LINES);
	if ((r->lines > 0 && dg_buf_addc(&r->text, '\n') != DG_OK) ||
	    dg_buf_add(&r->text, l.text) != DG_OK)
		return dg_fail(e, DG_E_LIMIT, 0, NULL,
		    "a reply of more than %d bytes", DG_REPLY_MAX_BYTES);
	r->code = l.code;
	r->lines++;
	return l.more ? DG_AGAIN : DG_OK;
}

void
dg_reply_enhanced(const struct dg_reply *r, char out[12])
{
	struct dg_str text = dg_buf_str(&r->text);
	size_t n = enhanced_length(text);

	out[0] = '\0';
	/* "550 4.2.2": one of the two is wrong, and the code counts */
	if (n == 0 || n > ENHANCED_MAX || text.p[0] - '0' != r->code / 100)
		return;
	memcpy(out, text.p, n);
	out[n] = '\0';
}

enum dg_rc
dg_reply_oneline(const struct dg_reply *r, struct dg_buf *out)
{
	size_t was = out->n;
	enum dg_rc rc =
	    dg_buf_addf(out, "%03d%s", r->code, r->text.n > 0 ? " " : "");

	for (size_t i = 0; rc == DG_OK && i < r->text.n; i++) {
		char c = r->text.p[i];

		if (c == '\n')
			rc = dg_buf_adds(out, " / ");
		else
			rc = dg_buf_addc(out, is_control(c) ? '?' : c);
	}
	if (rc != DG_OK)
		out->n = was;
	return rc;
}

/* How much of s fits in one line of `room` bytes: cut at a blank when there is
 * one, never inside a UTF-8 sequence. */
static size_t
fitting(struct dg_str s, size_t room)
{
	size_t n = room;

	if (s.n <= room)
		return s.n;
	while (n > room / 2 && s.p[n] != ' ')
		n--;
	if (s.p[n] == ' ')
		return n;
	n = room;
	while (n > room - 4 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

static enum dg_rc
add_line(struct dg_buf *out, int code, char sep, const char *enhanced,
    struct dg_str text)
{
	enum dg_rc rc = dg_buf_addf(out, "%03d%c%s%s", code, sep, enhanced,
	    enhanced[0] != '\0' && text.n > 0 ? " " : "");

	for (size_t i = 0; rc == DG_OK && i < text.n; i++)
		rc = dg_buf_addc(out, is_control(text.p[i]) ? '?' : text.p[i]);
	if (rc == DG_OK)
		rc = dg_buf_adds(out, "\r\n");
	return rc;
}

enum dg_rc
dg_reply_add(struct dg_buf *out, int code, const char *enhanced,
    struct dg_str text)
{
	size_t was = out->n;
	size_t room = LINE_MAX_OCTETS - 6; /* "250-" and CRLF */
	enum dg_rc rc = DG_OK;
	bool more;

	if (enhanced == NULL)
		enhanced = "";
	if (enhanced[0] != '\0')
		room -= strnlen(enhanced, ENHANCED_MAX) + 1;
	do {
		struct dg_str line =
		    dg_str_sub(text, 0, dg_str_find(text, '\n'));
		size_t skip = line.n;

		/* a challenge is one line however long (RFC 4954 4) */
		if (code != 334)
			line.n = skip = fitting(line, room);
		if (skip < text.n &&
		    (text.p[skip] == '\n' || text.p[skip] == ' '))
			skip++; /* where the line was broken */
		more = skip < text.n;
		rc = add_line(out, code, more ? '-' : ' ', enhanced, line);
		text = dg_str_from(text, skip);
	} while (rc == DG_OK && more);
	if (rc != DG_OK)
		out->n = was;
	return rc;
}

enum dg_rc
dg_reply_read(struct dg_str s, bool any_class, int *code, char enhanced[12],
    struct dg_str *text)
{
	int c = code_of(s);
	struct dg_str rest;
	size_t n;

	if (c == 0 || (c < 400 && !any_class))
		return DG_E_PROTO;
	if (s.n > 3 && s.p[3] != ' ' && s.p[3] != '\t')
		return DG_E_PROTO;
	rest = dg_str_trim(dg_str_from(s, 3));
	n = enhanced_length(rest);
	if (n > ENHANCED_MAX || (n > 0 && rest.p[0] - '0' != c / 100))
		return DG_E_PROTO; /* "550 4.2.2": which of the two? */
	*code = c;
	if (n > 0)
		memcpy(enhanced, rest.p, n);
	enhanced[n] = '\0';
	*text = dg_str_trim(dg_str_from(rest, n));
	return DG_OK;
}
