/* utf8.c - characters out of bytes, and back (RFC 3629).
 *
 * Why the strict form: an overlong "/" or a lone surrogate would let one name
 * be spelled in two ways, and names are what logins and routes are decided by.
 * Both users (enc.c, log.c) must agree on what is a character, so it is decided
 * here and nowhere else.
 */
#include "utf8.h"

static const struct {
	unsigned char mask, lead; /* a first byte b with (b & mask) == lead */
	size_t n;
	uint32_t least; /* anything smaller has a shorter form */
} shapes[] = {
	{ 0x80, 0x00, 1, 0x0 },
	{ 0xe0, 0xc0, 2, 0x80 },
	{ 0xf0, 0xe0, 3, 0x800 },
	{ 0xf8, 0xf0, 4, 0x10000 },
};
#define N_SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static bool
is_scalar(uint32_t code)
{
	return code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
}

size_t
dg_utf8_at(struct dg_str s, size_t at, uint32_t *code)
{
	const unsigned char *p = (const unsigned char *)s.p + at;
	size_t k = 0;

	while (k < N_SHAPES && (p[0] & shapes[k].mask) != shapes[k].lead)
		k++;
	if (k == N_SHAPES || shapes[k].n > s.n - at)
		return 0;
	uint32_t c = p[0] & (unsigned char)~shapes[k].mask;
	for (size_t i = 1; i < shapes[k].n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < shapes[k].least || !is_scalar(c))
		return 0;
	*code = c;
	return shapes[k].n;
}

size_t
dg_utf8_put(char out[4], uint32_t code)
{
	size_t k = N_SHAPES - 1;

	while (code < shapes[k].least)
		k--;
	for (size_t i = shapes[k].n; i-- > 1; code >>= 6)
		out[i] = (char)(0x80 | (code & 0x3f));
	out[0] = (char)(shapes[k].lead | code);
	return shapes[k].n;
}
