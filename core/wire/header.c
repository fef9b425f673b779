/* header.c - the little we read of a message's header.
 *
 * A relay passes messages on, it does not judge them: so the walk stops at the
 * first line that is no field and never complains.  The watch does the same
 * while a message streams by, because the loop limit (RFC 5321 6.3) and the
 * header's size must be known before the body has arrived. */
#include "dragoman/wire/header.h"

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* RFC 5322 3.6.8: printable ASCII but ':' */
static bool
is_name_char(char c)
{
	return c > 0x20 && c < 0x7f && c != ':';
}

/* Where the line that starts at `at` ends, its end included. */
static size_t
line_end(struct dg_str s, size_t at)
{
	size_t lf = dg_str_find(dg_str_from(s, at), '\n');

	return lf == s.n - at ? s.n : at + lf + 1;
}

static struct dg_str
trim_ends(struct dg_str s)
{
	while (
	    s.n > 0 && (is_blank(s.p[0]) || s.p[0] == '\r' || s.p[0] == '\n'))
		s = dg_str_from(s, 1);
	while (s.n > 0 && (is_blank(s.p[s.n - 1]) || s.p[s.n - 1] == '\r' ||
			      s.p[s.n - 1] == '\n'))
		s.n--;
	return s;
}

bool
dg_header_next(struct dg_str header, size_t *at, struct dg_header_field *out)
{
	size_t from = *at, colon = from, end, name_end;

	if (from >= header.n)
		return false;
	while (colon < header.n && is_name_char(header.p[colon]))
		colon++;
	name_end = colon;
	while (colon < header.n && is_blank(header.p[colon]))
		colon++; /* RFC 5322 4.5: blanks before the colon */
	if (name_end == from || colon == header.n || header.p[colon] != ':')
		return false;
	end = line_end(header, colon);
	while (end < header.n && is_blank(header.p[end]))
		end = line_end(header, end);
	out->name = dg_str_sub(header, from, name_end - from);
	out->value = trim_ends(dg_str_sub(header, colon + 1, end - colon - 1));
	*at = end;
	return true;
}

enum dg_rc
dg_header_get(struct dg_str header, const char *name, struct dg_buf *out)
{
	struct dg_header_field f;
	size_t at = 0, was = out->n;

	while (dg_header_next(header, &at, &f)) {
		if (!dg_str_iis(f.name, name))
			continue;
		for (size_t i = 0; i < f.value.n; i++) {
			char c = f.value.p[i];

			if (c == '\r' || c == '\n')
				continue;
			if (dg_buf_addc(out, c) != DG_OK) {
				out->n = was;
				return DG_E_LIMIT;
			}
		}
		return DG_OK;
	}
	return DG_E_ABSENT;
}

size_t
dg_header_length(struct dg_str message)
{
	for (size_t at = 0; at < message.n; at = line_end(message, at)) {
		struct dg_str rest = dg_str_from(message, at);

		if (dg_str_has_prefix(rest, DG_STR("\r\n")))
			return at + 2;
	}
	return message.n;
}

unsigned
dg_header_received(struct dg_str header)
{
	struct dg_header_field f;
	unsigned n = 0;

	for (size_t at = 0; dg_header_next(header, &at, &f);)
		if (dg_str_iis(f.name, "Received"))
			n++;
	return n;
}

/* ---- the same, while it streams by ---- */

enum {
	AT_START,
	IN_NAME,
	BEFORE_COLON,
	IN_VALUE,
	SAW_CR
};

void
dg_header_watch_init(struct dg_header_watch *w)
{
	memset(w, 0, sizeof(*w));
}

static void
watch_name(struct dg_header_watch *w, char c)
{
	if (w->n_name < sizeof(w->name))
		w->name[w->n_name] = c;
	if (w->n_name < sizeof(w->name) + 1)
		w->n_name++; /* one more says: too long to be ours */
}

static void
watch_colon(struct dg_header_watch *w)
{
	if (w->n_name <= sizeof(w->name) &&
	    dg_str_iis(dg_str_of(w->name, w->n_name), "Received"))
		w->received++;
	w->state = IN_VALUE;
	w->has_field = true;
}

static void
watch_byte(struct dg_header_watch *w, char c)
{
	switch (w->state) {
	case AT_START:
		w->n_name = 0;
		if (is_blank(c) && w->has_field)
			w->state = IN_VALUE;
		else if (is_name_char(c)) {
			w->state = IN_NAME;
			watch_name(w, c);
		} else if (c == '\r')
			w->state = SAW_CR;
		else
			w->is_over = true;
		break;
	case IN_NAME:
		if (c == ':')
			watch_colon(w);
		else if (is_name_char(c))
			watch_name(w, c);
		else if (is_blank(c))
			w->state = BEFORE_COLON;
		else
			w->is_over = true;
		break;
	case BEFORE_COLON:
		if (c == ':')
			watch_colon(w);
		else if (!is_blank(c))
			w->is_over = true;
		break;
	case SAW_CR:
		w->is_over = true; /* the empty line, or no field */
		break;
	default:
		if (c == '\n')
			w->state = AT_START;
		break;
	}
}

void
dg_header_watch_feed(struct dg_header_watch *w, struct dg_str piece)
{
	for (size_t i = 0; i < piece.n && !w->is_over; i++) {
		w->bytes++;
		watch_byte(w, piece.p[i]);
	}
}
