/* dot_fuzz.c - where bytes are cut makes no difference; what goes out holds no
 * bare CR or LF and ends once; what passes unrefused comes back the same. */
#include <stdint.h>
#include <stdlib.h>

#include "dragoman/wire/dot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t
unstuff(struct dg_dot_in *d, struct dg_str in, size_t step, struct dg_buf *out)
{
	size_t at = 0;

	while (at < in.n && !d->ended) {
		size_t used = dg_dot_in_feed(d, dg_str_sub(in, at, step), out);

		if (used == 0)
			abort();
		at += used;
	}
	return at;
}

static void
stuff(struct dg_str in, size_t step, struct dg_buf *out)
{
	struct dg_dot_out o;

	dg_dot_out_init(&o);
	for (size_t at = 0; at < in.n; at += step)
		if (dg_dot_out_feed(&o, dg_str_sub(in, at, step), out) != DG_OK)
			abort();
	if (dg_dot_out_end(&o, out) != DG_OK)
		abort();
}

/* No host behind us, however it reads lines, sees an end before ours. */
static void
must_be_framed(struct dg_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\r' && (i + 1 == s.n || s.p[i + 1] != '\n'))
			abort();
		if (s.p[i] == '\n' && (i == 0 || s.p[i - 1] != '\r'))
			abort();
		if (s.p[i] == '.' && (i == 0 || s.p[i - 1] == '\n') &&
		    s.p[i + 1] == '\r' && i + 3 != s.n)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dg_dot_in a, b;
	struct dg_buf whole, cut, wire, back;
	struct dg_str in;
	size_t step, used;

	if (size < 1)
		return 0;
	step = 1 + (data[0] >> 1) % 7;
	in = dg_str_of(data + 1, size - 1);
	dg_buf_init(&whole, 2 * size + 100);
	dg_buf_init(&cut, 2 * size + 100);
	dg_buf_init(&wire, 4 * size + 100);
	dg_buf_init(&back, 16 * size + 400);
	dg_dot_in_init(&a, data[0] & 1);
	dg_dot_in_init(&b, data[0] & 1);
	used = unstuff(&a, in, size, &whole);
	if (unstuff(&b, in, step, &cut) != used ||
	    !dg_str_eq(dg_buf_str(&whole), dg_buf_str(&cut)) ||
	    a.ended != b.ended || a.has_bare != b.has_bare ||
	    a.has_8bit != b.has_8bit || a.longest != b.longest ||
	    a.bytes != whole.n)
		abort();
	stuff(dg_buf_str(&whole), step, &wire);
	must_be_framed(dg_buf_str(&wire));
	dg_dot_in_init(&a, false);
	if (unstuff(&a, dg_buf_str(&wire), size + 1, &back) != wire.n ||
	    !a.ended)
		abort();
	if (b.ended && !b.has_bare &&
	    !dg_str_eq(dg_buf_str(&whole), dg_buf_str(&back)))
		abort();
	dg_buf_fini(&whole);
	dg_buf_fini(&cut);
	dg_buf_fini(&wire);
	dg_buf_fini(&back);
	return 0;
}
