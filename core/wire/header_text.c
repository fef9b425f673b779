/* header_text.c - the body of a header field, in lines (RFC 5322 2.2.3, 3.2.2)
 * and in ASCII (RFC 2047).
 *
 * Text is taken as words between blanks, and every control byte is a blank: so
 * a CR or LF in it ends a word, never a field.  A line is ended by one function
 * only, which also writes the blank that the next one begins with. */
#include "header_text.h"

#include "dragoman/base/enc.h"
#include "dragoman/wire/header_edit.h"

enum {
	FOLD_AT = 76,
	WORD_MAX = 900, /* a line has at most 998 (RFC 5322 2.1.1) */
	NAME_MAX_LEN = 76,
	FRAME = 12,     /* "=?UTF-8?B?" and "?=" */
	CHUNK_MIN = 9,  /* bytes; less is put on the next line */
	CHUNK_MAX = 45, /* 60 in base64: 72 of the 75 allowed */
};

static void
put(struct header_text *t, struct dg_str s)
{
	if (t->rc == DG_OK)
		t->rc = dg_buf_add(t->out, s);
	t->column += s.n;
}

/* Before a word of n columns: a blank, or a new line. */
static void
put_blank(struct header_text *t, size_t n)
{
	if (t->has_word && t->column + 1 + n > FOLD_AT) {
		put(t, DG_STR("\r\n"));
		t->column = 0;
	}
	put(t, DG_STR(" "));
	t->has_word = true;
}

static bool
is_gap(char c)
{
	unsigned char u = (unsigned char)c;

	return u <= 0x20 || u == 0x7f;
}

/* Take the next word off *text; false at the end. */
static bool
next_word(struct dg_str *text, struct dg_str *word)
{
	size_t from = 0, n = 0;

	while (from < text->n && is_gap(text->p[from]))
		from++;
	while (from + n < text->n && !is_gap(text->p[from + n]))
		n++;
	*word = dg_str_sub(*text, from, n);
	*text = dg_str_from(*text, from + n);
	return n > 0;
}

void
dg_header_text_begin(struct header_text *t, struct dg_buf *out,
    struct dg_str name)
{
	*t = (struct header_text){ .out = out };
	put(t, name);
	put(t, DG_STR(":"));
}

void
dg_header_text_word(struct header_text *t, struct dg_str word)
{
	if (word.n > WORD_MAX && t->rc == DG_OK)
		t->rc = DG_E_PROTO;
	put_blank(t, word.n);
	put(t, word);
}

void
dg_header_text_raw(struct header_text *t, struct dg_str text)
{
	struct dg_str word;

	while (next_word(&text, &word))
		dg_header_text_word(t, word);
}

/* ---- words that must be encoded ---- */

static bool
has_8bit(struct dg_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return true;
	return false;
}

/* At most `room` bytes of s, cut between characters; at least one. */
static size_t
chunk_length(struct dg_str s, size_t room)
{
	size_t n = s.n < room ? s.n : room;

	while (n < s.n && n > 1 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

static void
put_encoded(struct header_text *t, struct dg_str s)
{
	while (s.n > 0 && t->rc == DG_OK) {
		size_t used = t->column + 1 + FRAME;
		size_t room = used < FOLD_AT ? (FOLD_AT - used) / 4 * 3 : 0;
		size_t n;

		t->has_word |= room < CHUNK_MIN; /* even behind "name:" */
		if (room < CHUNK_MIN || room > CHUNK_MAX)
			room = CHUNK_MAX;
		n = chunk_length(s, room);
		put_blank(t, FRAME + (n + 2) / 3 * 4);
		put(t, DG_STR("=?UTF-8?B?"));
		if (t->rc == DG_OK)
			t->rc = dg_base64_add(t->out, dg_str_sub(s, 0, n));
		t->column += (n + 2) / 3 * 4;
		put(t, DG_STR("?="));
		s = dg_str_from(s, n);
	}
}

/* What is not UTF-8 cannot be said: its bytes become '?'. */
static void
tame(struct dg_buf *to, struct dg_str s)
{
	bool is_text = dg_utf8_is_valid(s);

	for (size_t i = 0; i < s.n; i++)
		(void)dg_buf_addc(to,
		    is_text || (unsigned char)s.p[i] < 0x80 ? s.p[i] : '?');
}

/* The blanks between two encoded words are not shown to a reader (RFC 2047
 * 6.2), so those that are meant stand inside: neighbours are encoded as one. */
void
dg_header_text_words(struct header_text *t, struct dg_str text)
{
	struct dg_buf tamed, run;
	struct dg_str rest, word;

	dg_buf_init(&tamed, text.n);
	dg_buf_init(&run, text.n);
	tame(&tamed, text);
	rest = dg_buf_str(&tamed);
	while (next_word(&rest, &word)) {
		if (word.n > WORD_MAX || has_8bit(word)) {
			if (run.n > 0)
				(void)dg_buf_addc(&run, ' ');
			(void)dg_buf_add(&run, word);
			continue;
		}
		put_encoded(t, dg_buf_str(&run));
		dg_buf_reset(&run);
		put_blank(t, word.n);
		put(t, word);
	}
	put_encoded(t, dg_buf_str(&run));
	dg_buf_fini(&run);
	dg_buf_fini(&tamed);
}

enum dg_rc
dg_header_text_end(struct header_text *t)
{
	put(t, DG_STR("\r\n"));
	return t->rc;
}

/* ---- a field of ours ---- */

bool
dg_header_is_name(struct dg_str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= 0x20 || name.p[i] >= 0x7f || name.p[i] == ':')
			return false;
	return name.n > 0 && name.n <= NAME_MAX_LEN;
}

enum dg_rc
dg_header_add(struct dg_buf *out, struct dg_str name, struct dg_str value)
{
	struct header_text t;
	size_t was = out->n;

	if (!dg_header_is_name(name))
		return DG_E_POLICY;
	dg_header_text_begin(&t, out, name);
	dg_header_text_words(&t, value);
	if (dg_header_text_end(&t) != DG_OK)
		out->n = was;
	return t.rc;
}
