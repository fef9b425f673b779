/* dot.c - the dots of RFC 5321 4.5.2, and the one place that decides where
 * data ends.
 *
 * SMTP smuggling (VU#302671) is two hosts that disagree about that place.  So
 * on the way in the end is CRLF.CRLF, anything near it is remembered as
 * has_bare and the caller refuses the message; on the way out every line is
 * framed anew, so that no host behind us finds an end that we did not mean.
 *
 * In, normal path: START -> TEXT -> CR -> START ... START -> DOT -> DOT_CR ->
 * end.  Held back and not yet written: the CR of CR and DOT_CR, the dot. */
#include "dragoman/wire/dot.h"

enum {
	START,
	DOT,
	DOT_CR,
	TEXT,
	CR
};

void
dg_dot_in_init(struct dg_dot_in *d, bool mend)
{
	memset(d, 0, sizeof(*d));
	d->state = START;
	d->mend = mend;
}

/* Room was reserved by dg_dot_in_feed. */
static void
put(struct dg_dot_in *d, struct dg_buf *out, const char *p, size_t n)
{
	memcpy(out->p + out->n, p, n);
	out->n += n;
	d->bytes += n;
	d->line += n;
	if (d->line > d->longest)
		d->longest = d->line;
}

/* A line ended, in CRLF or (mending) in LF; both are written CRLF. */
static void
end_line(struct dg_dot_in *d, struct dg_buf *out, bool in_lf)
{
	if (d->is_mixed)
		d->has_bare = true; /* and the end did not follow */
	if (in_lf) {
		d->saw_lf = true;
		d->is_mixed = false;
		d->has_bare |= d->saw_crlf;
	} else {
		d->saw_crlf = true;
		/* the CRLF in front of the final dot may well follow lines
		 * in LF: judged when the next byte is not the end */
		d->is_mixed = d->saw_lf;
	}
	d->after_lf = in_lf;
	memcpy(out->p + out->n, "\r\n", 2);
	out->n += 2;
	d->bytes += 2;
	d->line = 0;
	d->state = START;
}

/* The bytes up to the next one that means something; at least c itself. */
static size_t
text_run(struct dg_dot_in *d, struct dg_str in, size_t at, struct dg_buf *out)
{
	size_t to = at;

	while (to < in.n && in.p[to] != '\r' && in.p[to] != '\n' &&
	       in.p[to] != '\0') {
		if ((unsigned char)in.p[to] >= 0x80)
			d->has_8bit = true;
		to++;
	}
	if (to > at)
		put(d, out, in.p + at, to - at);
	return to - at;
}

/* One byte, or a run of them, inside a line. */
static size_t
in_text(struct dg_dot_in *d, struct dg_str in, size_t at, struct dg_buf *out)
{
	char c = in.p[at];

	if (d->is_mixed) {
		d->has_bare = true;
		d->is_mixed = false;
	}
	d->state = TEXT;
	if (c == '\r') {
		d->state = CR;
		return 1;
	}
	if (c == '\n' && d->mend) {
		end_line(d, out, true);
		return 1;
	}
	if (c == '\n' || c == '\0') {
		d->has_bare = true;
		put(d, out, &c, 1);
		return 1;
	}
	return text_run(d, in, at, out);
}

/* A CR that no LF follows. */
static void
bare_cr(struct dg_dot_in *d, struct dg_buf *out)
{
	d->has_bare = true;
	put(d, out, "\r", 1);
	d->state = TEXT;
}

/* A line that held one dot and ended, in CRLF or in LF: is it the end? */
static void
lone_dot(struct dg_dot_in *d, struct dg_buf *out, bool in_lf)
{
	bool is_first = !d->saw_crlf && !d->saw_lf;

	if (is_first || (in_lf ? !d->saw_crlf : !d->after_lf))
		d->ended = true;
	else
		end_line(d, out, in_lf);
}

static size_t
step(struct dg_dot_in *d, struct dg_str in, size_t at, struct dg_buf *out)
{
	char c = in.p[at];

	switch (d->state) {
	case START:
		if (c != '.')
			return in_text(d, in, at, out);
		d->state = DOT;
		return 1;
	case DOT: /* the dot itself is never written */
		if (c == '\r')
			d->state = DOT_CR;
		else if (c == '\n' && d->mend)
			lone_dot(d, out, true);
		else
			return in_text(d, in, at, out);
		return 1;
	case DOT_CR:
		if (c == '\n') {
			lone_dot(d, out, false);
			return 1;
		}
		bare_cr(d, out);
		return in_text(d, in, at, out);
	case CR:
		if (c == '\n') {
			end_line(d, out, false);
			return 1;
		}
		bare_cr(d, out);
		return in_text(d, in, at, out);
	default:
		return in_text(d, in, at, out);
	}
}

size_t
dg_dot_in_feed(struct dg_dot_in *d, struct dg_str in, struct dg_buf *out)
{
	size_t at = 0;

	/* too little room is the caller's mistake: take nothing then */
	if (in.n > SIZE_MAX / 4 || dg_buf_reserve(out, 2 * in.n + 4) != DG_OK)
		return 0;
	while (at < in.n && !d->ended)
		at += step(d, in, at, out);
	return at;
}

/* ---- out ---- */

enum {
	OUT_TEXT,
	OUT_CR
};

void
dg_dot_out_init(struct dg_dot_out *d)
{
	d->state = OUT_TEXT;
	d->at_start = true;
}

static void
emit(struct dg_buf *out, const char *p, size_t n)
{
	memcpy(out->p + out->n, p, n);
	out->n += n;
}

static void
out_line(struct dg_dot_out *d, struct dg_buf *out)
{
	emit(out, "\r\n", 2);
	d->state = OUT_TEXT;
	d->at_start = true;
}

enum dg_rc
dg_dot_out_feed(struct dg_dot_out *d, struct dg_str in, struct dg_buf *out)
{
	size_t at = 0, to;

	if (in.n > SIZE_MAX / 4 || dg_buf_reserve(out, 2 * in.n + 2) != DG_OK)
		return DG_E_LIMIT;
	while (at < in.n) {
		char c = in.p[at];

		if (d->state == OUT_CR || c == '\n') {
			/* CR, LF and CRLF all end one line here */
			out_line(d, out);
			if (c == '\n')
				at++;
			continue;
		}
		if (c == '\r') {
			d->state = OUT_CR;
			at++;
			continue;
		}
		if (d->at_start && c == '.')
			emit(out, ".", 1);
		d->at_start = false;
		for (to = at;
		     to < in.n && in.p[to] != '\r' && in.p[to] != '\n';)
			to++;
		emit(out, in.p + at, to - at);
		at = to;
	}
	return DG_OK;
}

enum dg_rc
dg_dot_out_end(struct dg_dot_out *d, struct dg_buf *out)
{
	if (dg_buf_reserve(out, 5) != DG_OK)
		return DG_E_LIMIT;
	if (d->state == OUT_CR || !d->at_start)
		out_line(d, out);
	emit(out, ".\r\n", 3);
	return DG_OK;
}
