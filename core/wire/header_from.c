/* header_from.c - mailboxes of a From field (RFC 5322 3.4, 4.4; RFC 6854).
 *
 * Read as an old device writes it, not as the grammar wants it: only what
 * decides where a display name ends has to be right, which is that quotes,
 * comments and brackets are closed and that nothing stands where nothing may.
 * A few words without an address ("Scanner 3") are a display name. */
#include "header_from.h"

struct reader {
	struct dg_str s;
	size_t at;
	size_t from; /* where this mailbox begins */
	bool is_in_group;
	bool has_at;    /* '@' outside quotes, in this mailbox */
	bool has_angle; /* "<...>" was read: only comments may follow */
	bool has_text;  /* anything but blanks and comments */
	bool is_first;
	unsigned mailboxes; /* that are not empty */
	unsigned wordy;     /* among them: words and no address */
	struct header_from *out;
};

static bool
is_gap(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct dg_str
trim(struct dg_str s)
{
	while (s.n > 0 && is_gap(s.p[0]))
		s = dg_str_from(s, 1);
	while (s.n > 0 && is_gap(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* Behind what is closed by `close`, '\' escaping; comments nest.  False: it is
 * not closed. */
static bool
skip_closed(struct reader *r, char close)
{
	unsigned depth = 1;
	char open = r->s.p[r->at];

	for (r->at++; r->at < r->s.n; r->at++) {
		char c = r->s.p[r->at];

		if (c == '\\') {
			r->at++;
		} else if (c == close) {
			if (--depth == 0) {
				r->at++;
				return true;
			}
		} else if (c == open && open == '(') {
			depth++;
		}
	}
	return false;
}

static bool
on_comment(struct reader *r)
{
	size_t from = r->at;

	if (!skip_closed(r, ')'))
		return false;
	if (r->is_first && r->out->comment.n == 0)
		r->out->comment = dg_str_sub(r->s, from, r->at - from);
	return true;
}

/* "<address>": quotes may stand in it, '<' not. */
static bool
on_angle(struct reader *r)
{
	struct dg_str display = dg_str_sub(r->s, r->from, r->at - r->from);

	if (r->has_angle)
		return false;
	r->has_angle = true;
	if (r->is_first) {
		r->out->display = trim(display);
		r->out->display_has_at = r->has_at;
	}
	r->has_at = false;
	for (r->at++; r->at < r->s.n;) {
		char c = r->s.p[r->at];

		if (c == '"') {
			if (!skip_closed(r, '"'))
				return false;
			continue;
		}
		r->at++;
		if (c == '<')
			return false;
		r->has_at |= c == '@';
		if (c == '>')
			return true;
	}
	return false;
}

/* A mailbox ends here. */
static bool
end_mailbox(struct reader *r)
{
	struct dg_str all = trim(dg_str_sub(r->s, r->from, r->at - r->from));

	if (!r->has_angle && !r->has_text) {
		r->from = r->at + 1;
		return true; /* RFC 5322 4.4: empty members of a list */
	}
	r->mailboxes++;
	if (r->has_at)
		r->out->has_address = true;
	else if (!r->has_angle)
		r->wordy++;
	if (r->is_first && !r->has_angle && !r->has_at) {
		r->out->display = all;
		r->out->comment = DG_NOSTR; /* it is in there */
	}
	if (r->is_first && r->has_angle)
		r->out->comment = DG_NOSTR;
	r->is_first = false;
	r->has_at = r->has_angle = r->has_text = false;
	r->from = r->at + 1;
	return true;
}

static bool
on_group(struct reader *r)
{
	if (r->is_in_group || r->has_angle || r->has_at || !r->has_text)
		return false;
	r->is_in_group = true;
	if (r->is_first) {
		r->out->display =
		    trim(dg_str_sub(r->s, r->from, r->at - r->from));
		r->out->comment = DG_NOSTR;
	}
	r->is_first = false; /* the group's name is the display name */
	r->has_text = false;
	r->from = r->at + 1;
	r->mailboxes++;
	return true;
}

static bool
on_special(struct reader *r, char c)
{
	switch (c) {
	case '(':
		return on_comment(r);
	case '<':
		return on_angle(r);
	case ',':
		return end_mailbox(r) && ++r->at > 0;
	case ':':
		return on_group(r) && ++r->at > 0;
	case ';':
		if (!r->is_in_group || !end_mailbox(r))
			return false;
		r->is_in_group = false;
		r->at++;
		return true;
	default: /* what closes nothing */
		return false;
	}
}

static bool
on_text(struct reader *r, char c)
{
	if (r->has_angle || (unsigned char)c < 0x20 || c == 0x7f)
		return false;
	r->has_text = true;
	if (c == '"')
		return skip_closed(r, '"');
	if (c == '[')
		return skip_closed(r, ']');
	r->has_at |= c == '@';
	r->at++;
	return true;
}

bool
dg_header_from_read(struct dg_str value, struct header_from *out)
{
	struct reader r = { .s = value, .is_first = true, .out = out };

	memset(out, 0, sizeof(*out));
	while (r.at < r.s.n) {
		char c = r.s.p[r.at];

		if (is_gap(c))
			r.at++;
		else if (c == '\0' || strchr("(<,:;)>]", c) == NULL) {
			if (!on_text(&r, c))
				return false;
		} else if (!on_special(&r, c)) {
			return false;
		}
	}
	if (r.is_in_group || !end_mailbox(&r))
		return false;
	/* words are a display name, but not a member of a list */
	return r.wordy == 0 || r.mailboxes == 1;
}
