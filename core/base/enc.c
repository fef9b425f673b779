/* enc.c - base64, hex, UTF-16LE, and the upper case NTLM wants.
 *
 * Every function appends all or nothing: the room is reserved for the worst
 * case first and the length raised at the end, so a half-decoded credential
 * never stays behind.  Decoding is strict, because what two programs read
 * differently is what attackers send.  One leniency: the unused bits of the
 * last base64 character may be anything (RFC 4648 3.5 leaves it open, and
 * nothing here is compared in its encoded form).
 */
#include "dragoman/base/enc.h"

#include "utf8.h"

static const char base64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

enum dg_rc
dg_base64_add(struct dg_buf *out, struct dg_str s)
{
	const unsigned char *in = (const unsigned char *)s.p;
	size_t groups = s.n / 3 + (s.n % 3 != 0);

	if (groups > SIZE_MAX / 4 || dg_buf_reserve(out, groups * 4) != DG_OK)
		return DG_E_LIMIT;
	char *to = out->p + out->n;
	for (size_t i = 0; i < s.n; i += 3, to += 4) {
		size_t left = s.n - i;
		uint32_t v = (uint32_t)in[i] << 16;

		if (left > 1)
			v |= (uint32_t)in[i + 1] << 8;
		if (left > 2)
			v |= in[i + 2];
		to[0] = base64[v >> 18];
		to[1] = base64[v >> 12 & 63];
		to[2] = left > 1 ? base64[v >> 6 & 63] : '=';
		to[3] = left > 2 ? base64[v & 63] : '=';
	}
	out->n += groups * 4;
	return DG_OK;
}

static int
base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* The padding of whole groups: "QQ==" has 2. */
static size_t
count_pad(struct dg_str s)
{
	if (s.n == 0 || s.p[s.n - 1] != '=')
		return 0;
	return s.p[s.n - 2] == '=' ? 2 : 1;
}

/* Four characters to up to three bytes; how many, or 0 when they are wrong. */
static size_t
read_group(const char *in, bool is_last, char out[3])
{
	size_t pad = is_last ? count_pad(dg_str_of(in, 4)) : 0;
	uint32_t v = 0;

	for (size_t k = 0; k < 4 - pad; k++) {
		int six = base64_value(in[k]);

		if (six < 0)
			return 0;
		v |= (uint32_t)six << (18 - 6 * k);
	}
	for (size_t k = 0; k < 3 - pad; k++)
		out[k] = (char)(v >> (16 - 8 * k) & 0xff);
	return 3 - pad;
}

enum dg_rc
dg_base64_read(struct dg_buf *out, struct dg_str s)
{
	size_t n = 0;

	if (s.n % 4 != 0)
		return DG_E_PROTO;
	/* exact room, so that a cap of what fits is enough */
	if (dg_buf_reserve(out, s.n / 4 * 3 - count_pad(s)) != DG_OK)
		return DG_E_LIMIT;
	for (size_t i = 0; i < s.n; i += 4) {
		char bytes[3];
		size_t got = read_group(s.p + i, i + 4 == s.n, bytes);

		if (got == 0)
			return DG_E_PROTO;
		memcpy(out->p + out->n + n, bytes, got);
		n += got;
	}
	out->n += n;
	return DG_OK;
}

enum dg_rc
dg_hex_add(struct dg_buf *out, struct dg_str s)
{
	static const char digits[] = "0123456789abcdef";

	if (s.n > SIZE_MAX / 2 || dg_buf_reserve(out, 2 * s.n) != DG_OK)
		return DG_E_LIMIT;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char byte = (unsigned char)s.p[i];

		out->p[out->n++] = digits[byte >> 4];
		out->p[out->n++] = digits[byte & 15];
	}
	return DG_OK;
}

static int
hex_value(char c)
{
	c = dg_lower(c);
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum dg_rc
dg_hex_read(struct dg_buf *out, struct dg_str s)
{
	if (s.n % 2 != 0)
		return DG_E_PROTO;
	if (dg_buf_reserve(out, s.n / 2) != DG_OK)
		return DG_E_LIMIT;
	for (size_t i = 0; i < s.n; i += 2) {
		int high = hex_value(s.p[i]), low = hex_value(s.p[i + 1]);

		if (high < 0 || low < 0)
			return DG_E_PROTO;
		out->p[out->n + i / 2] = (char)(high << 4 | low);
	}
	out->n += s.n / 2;
	return DG_OK;
}

/* How many bytes the text takes as UTF-16; false when it is not UTF-8. */
static bool
utf16_length(struct dg_str utf8, size_t *n)
{
	uint32_t code;

	*n = 0;
	for (size_t i = 0, k; i < utf8.n; i += k) {
		k = dg_utf8_at(utf8, i, &code);
		if (k == 0)
			return false;
		*n += code > 0xffff ? 4 : 2;
	}
	return true;
}

static char *
put16(char *to, uint32_t unit)
{
	*to++ = (char)(unit & 0xff);
	*to++ = (char)(unit >> 8);
	return to;
}

enum dg_rc
dg_utf16_add(struct dg_buf *out, struct dg_str utf8)
{
	size_t n;
	uint32_t code;

	if (!utf16_length(utf8, &n))
		return DG_E_PROTO;
	if (dg_buf_reserve(out, n) != DG_OK)
		return DG_E_LIMIT;
	char *to = out->p + out->n;
	for (size_t i = 0; i < utf8.n;) {
		i += dg_utf8_at(utf8, i, &code);
		if (code > 0xffff) {
			to = put16(to, 0xd800 + ((code - 0x10000) >> 10));
			code = 0xdc00 + ((code - 0x10000) & 0x3ff);
		}
		to = put16(to, code);
	}
	out->n += n;
	return DG_OK;
}

static uint32_t
unit_at(struct dg_str s, size_t i)
{
	return (uint32_t)(unsigned char)s.p[i] |
	    (uint32_t)(unsigned char)s.p[i + 1] << 8;
}

static bool
is_low_surrogate(uint32_t unit)
{
	return unit >= 0xdc00 && unit <= 0xdfff;
}

/* The bytes that the character at i takes, 0 when there is none. */
static size_t
utf16_at(struct dg_str s, size_t i, uint32_t *code)
{
	uint32_t high = unit_at(s, i);

	if (high == 0 || is_low_surrogate(high))
		return 0;
	*code = high;
	if (high < 0xd800 || high > 0xdfff)
		return 2;
	if (s.n - i < 4 || !is_low_surrogate(unit_at(s, i + 2)))
		return 0;
	uint32_t low = unit_at(s, i + 2);
	*code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
	return 4;
}

enum dg_rc
dg_utf16_read(struct dg_buf *out, struct dg_str utf16)
{
	size_t was = out->n;
	enum dg_rc rc = utf16.n % 2 == 0 ? DG_OK : DG_E_PROTO;

	for (size_t i = 0; i < utf16.n && rc == DG_OK;) {
		char bytes[4];
		uint32_t code = 0;
		size_t k = utf16_at(utf16, i, &code);

		i += k;
		if (k == 0)
			rc = DG_E_PROTO;
		else
			rc = dg_buf_add(out,
			    dg_str_of(bytes, dg_utf8_put(bytes, code)));
	}
	if (rc != DG_OK)
		out->n = was;
	return rc;
}

bool
dg_utf8_is_valid(struct dg_str s)
{
	size_t unused;

	return utf16_length(s, &unused);
}

/* Letters that have an upper case, one to one: from..to in steps, and how far
 * away it is.  In an alphabet of pairs (step 2) the small letter is next. */
static const struct fold {
	uint16_t from, to;
	uint8_t step;
	int16_t up;
} folds[] = {
	{ 0x0061, 0x007a, 1, -32 }, /* ASCII */
	{ 0x00e0, 0x00f6, 1, -32 }, /* Latin-1, without sharp s */
	{ 0x00f8, 0x00fe, 1, -32 },
	{ 0x00ff, 0x00ff, 1, 0x178 - 0xff },
	{ 0x0101, 0x012f, 2, -1 }, /* Latin Extended-A, without dotless i */
	{ 0x0133, 0x0137, 2, -1 },
	{ 0x013a, 0x0148, 2, -1 },
	{ 0x014b, 0x0177, 2, -1 },
	{ 0x017a, 0x017e, 2, -1 },
	{ 0x03ac, 0x03ac, 1, -38 }, /* Greek */
	{ 0x03ad, 0x03af, 1, -37 },
	{ 0x03b1, 0x03c1, 1, -32 },
	{ 0x03c2, 0x03c2, 1, -31 },
	{ 0x03c3, 0x03cb, 1, -32 },
	{ 0x03cc, 0x03cc, 1, -64 },
	{ 0x03cd, 0x03ce, 1, -63 },
	{ 0x0430, 0x044f, 1, -32 }, /* Cyrillic */
	{ 0x0450, 0x045f, 1, -80 },
	{ 0x0461, 0x0481, 2, -1 },
	{ 0x048b, 0x04bf, 2, -1 },
	{ 0x04c2, 0x04ce, 2, -1 },
	{ 0x04cf, 0x04cf, 1, -15 },
	{ 0x04d1, 0x052f, 2, -1 },
};

static uint32_t
upper(uint32_t code)
{
	for (size_t i = 0; i < sizeof(folds) / sizeof(folds[0]); i++) {
		const struct fold *f = &folds[i];

		if (code >= f->from && code <= f->to &&
		    (code - f->from) % f->step == 0)
			return (uint32_t)((int32_t)code + f->up);
	}
	return code;
}

enum dg_rc
dg_upper_add(struct dg_buf *out, struct dg_str utf8)
{
	size_t was = out->n;
	enum dg_rc rc = DG_OK;

	for (size_t i = 0, k; i < utf8.n && rc == DG_OK; i += k) {
		char bytes[4];
		uint32_t code = 0;

		k = dg_utf8_at(utf8, i, &code);
		if (k == 0)
			rc = DG_E_PROTO;
		else
			rc = dg_buf_add(out,
			    dg_str_of(bytes, dg_utf8_put(bytes, upper(code))));
	}
	if (rc != DG_OK)
		out->n = was;
	return rc;
}
