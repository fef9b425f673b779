/* header_fuzz.c - the walk ends, the watch counts the same wherever it is cut,
 * and a Received line of hostile words is still one field. */
#include <stdint.h>
#include <stdlib.h>

#include "dragoman/wire/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
walk(struct dg_str in)
{
	struct dg_header_field f;
	struct dg_buf out;
	size_t at = 0, was = 0;

	while (dg_header_next(in, &at, &f)) {
		if (at <= was || at > in.n || f.name.n == 0)
			abort();
		was = at;
	}
	dg_buf_init(&out, 200);
	(void)dg_header_get(in, "Subject", &out);
	(void)dg_header_received(in);
	if (dg_header_length(in) > in.n)
		abort();
	dg_buf_fini(&out);
}

static void
watch(struct dg_str in, size_t step)
{
	struct dg_header_watch a, b;

	dg_header_watch_init(&a);
	dg_header_watch_init(&b);
	dg_header_watch_feed(&a, in);
	for (size_t at = 0; at < in.n; at += step)
		dg_header_watch_feed(&b, dg_str_sub(in, at, step));
	if (a.received != b.received || a.bytes != b.bytes ||
	    a.is_over != b.is_over || a.bytes > in.n)
		abort();
}

static void
received(struct dg_str in)
{
	struct dg_str part = dg_str_sub(in, 0, 255);
	struct dg_received r = { part, part, part, part, part, part, part,
		(int64_t)in.n };
	struct dg_header_field f;
	struct dg_buf out;
	size_t at = 0;

	dg_buf_init(&out, 8192);
	if (dg_received_add(&out, &r) != DG_OK ||
	    !dg_header_next(dg_buf_str(&out), &at, &f) || at != out.n ||
	    !dg_str_is(f.name, "Received"))
		abort();
	dg_buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dg_str in;

	if (size < 1)
		return 0;
	in = dg_str_of(data + 1, size - 1);
	walk(in);
	watch(in, 1 + data[0] % 9);
	received(in);
	return 0;
}
