/* oem.c - code page 850, for NTLM's OEM strings and LM hashes.
 *
 * Why 850: NTLM says "OEM" and never which; 850 is that of Western Europe, the
 * lower half is ASCII in all of them, and a hash of other letters would not be
 * found by the peer either.  Clients of this century put the bytes of their
 * locale there (curl does): bytes that are valid UTF-8 beyond ASCII are taken
 * as that, because as code page 850 they would be box drawings.
 */
#include "oem.h"

#include "dragoman/base/enc.h"

static const uint16_t upper_half[128] = {
	0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, /* 80 */
	0x00ea, 0x00eb, 0x00e8, 0x00ef, 0x00ee, 0x00ec, 0x00c4, 0x00c5, /* 88 */
	0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9, /* 90 */
	0x00ff, 0x00d6, 0x00dc, 0x00f8, 0x00a3, 0x00d8, 0x00d7, 0x0192, /* 98 */
	0x00e1, 0x00ed, 0x00f3, 0x00fa, 0x00f1, 0x00d1, 0x00aa, 0x00ba, /* a0 */
	0x00bf, 0x00ae, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb, /* a8 */
	0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x00c1, 0x00c2, 0x00c0, /* b0 */
	0x00a9, 0x2563, 0x2551, 0x2557, 0x255d, 0x00a2, 0x00a5, 0x2510, /* b8 */
	0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x00e3, 0x00c3, /* c0 */
	0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x00a4, /* c8 */
	0x00f0, 0x00d0, 0x00ca, 0x00cb, 0x00c8, 0x0131, 0x00cd, 0x00ce, /* d0 */
	0x00cf, 0x2518, 0x250c, 0x2588, 0x2584, 0x00a6, 0x00cc, 0x2580, /* d8 */
	0x00d3, 0x00df, 0x00d4, 0x00d2, 0x00f5, 0x00d5, 0x00b5, 0x00fe, /* e0 */
	0x00de, 0x00da, 0x00db, 0x00d9, 0x00fd, 0x00dd, 0x00af, 0x00b4, /* e8 */
	0x00ad, 0x00b1, 0x2017, 0x00be, 0x00b6, 0x00a7, 0x00f7, 0x00b8, /* f0 */
	0x00b0, 0x00a8, 0x00b7, 0x00b9, 0x00b3, 0x00b2, 0x25a0, 0x00a0, /* f8 */
};

/* 0: no such letter, or the zero byte, which no text has. */
static uint8_t
byte_of(uint16_t unit)
{
	if (unit < 0x80)
		return (uint8_t)unit;
	for (size_t i = 0; i < sizeof(upper_half) / sizeof(upper_half[0]); i++)
		if (upper_half[i] == unit)
			return (uint8_t)(0x80 + i);
	return 0;
}

enum dg_rc
dg_oem_add(struct dg_buf *out, struct dg_str utf8)
{
	size_t was = out->n;
	struct dg_buf wide;
	enum dg_rc rc;

	dg_buf_init(&wide, 2 * utf8.n);
	rc = dg_utf16_add(&wide, utf8);
	for (size_t i = 0; i < wide.n && rc == DG_OK; i += 2) {
		unsigned low = (uint8_t)wide.p[i],
			 high = (uint8_t)wide.p[i + 1];
		uint8_t byte = byte_of((uint16_t)(low | high << 8));

		rc = byte != 0 ? dg_buf_addc(out, (char)byte) : DG_E_PROTO;
	}
	if (rc != DG_OK)
		out->n = was;
	dg_buf_wipe(&wide); /* it may be a password */
	dg_buf_fini(&wide);
	return rc;
}

/* Bytes to UTF-8, those of the upper half by the table, or by their value. */
static enum dg_rc
read_bytes(struct dg_buf *out, struct dg_str text, const uint16_t *table)
{
	struct dg_buf wide;
	enum dg_rc rc = DG_OK;

	dg_buf_init(&wide, 2 * text.n);
	for (size_t i = 0; i < text.n && rc == DG_OK; i++) {
		uint8_t byte = (uint8_t)text.p[i];
		uint16_t unit = byte;
		char pair[2];

		if (byte >= 0x80 && table != NULL)
			unit = table[byte - 0x80];
		pair[0] = (char)(unit & 0xff);
		pair[1] = (char)(unit >> 8);
		rc = dg_buf_add(&wide, dg_str_of(pair, 2));
	}
	if (rc == DG_OK)
		rc = dg_utf16_read(out, dg_buf_str(&wide));
	dg_buf_wipe(&wide);
	dg_buf_fini(&wide);
	return rc;
}

static enum dg_rc
read_text(struct dg_buf *out, struct dg_str text, const uint16_t *table)
{
	if (memchr(text.p != NULL ? text.p : "", '\0', text.n) != NULL)
		return DG_E_PROTO;
	if (dg_utf8_is_valid(text))
		return dg_buf_add(out, text);
	return read_bytes(out, text, table);
}

enum dg_rc
dg_oem_read(struct dg_buf *out, struct dg_str oem)
{
	return read_text(out, oem, upper_half);
}

enum dg_rc
dg_latin1_read(struct dg_buf *out, struct dg_str text)
{
	return read_text(out, text, NULL);
}
