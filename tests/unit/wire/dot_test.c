/* dot_test.c - where data ends, what is refused near that place, and that
 * nothing ambiguous leaves (RFC 5321 4.5.2; VU#302671). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/wire/dot.h"

static const struct {
	const char *why;
	struct dg_str in;
	const char *out;
	size_t used; /* 0: all */
	bool mend, ended, has_bare;
} cases[] = {
	{ "one line", { "a\r\n.\r\nQUIT", 10 }, "a\r\n", 6, false, true,
	    false },
	{ "empty message", { ".\r\nX", 4 }, "", 3, false, true, false },
	{ "only an empty line", { "\r\n.\r\n", 5 }, "\r\n", 5, false, true,
	    false },
	{ "stuffed", { "..a\r\n...\r\n.\r\n", 13 }, ".a\r\n..\r\n", 13, false,
	    true, false },
	{ "dot that nobody stuffed", { ".a\r\n.\r\n", 7 }, "a\r\n", 7, false,
	    true, false },
	{ "dot inside a line", { "a.\r\n.\r\n", 7 }, "a.\r\n", 7, false, true,
	    false },
	{ "no end yet", { "a\r\n.\r", 5 }, "a\r\n", 0, false, false, false },
	/* smuggling: none of these is an end */
	{ "LF . LF", { "a\n.\nb\r\n", 7 }, "a\n.\nb\r\n", 0, false, false,
	    true },
	{ "LF . CRLF", { "a\n.\r\nb\r\n", 8 }, "a\n.\r\nb\r\n", 0, false, false,
	    true },
	{ "CR . CR", { "a\r.\rb\r\n", 7 }, "a\r.\rb\r\n", 0, false, false,
	    true },
	{ "CR . CRLF", { "a\r.\r\nb", 6 }, "a\r.\r\nb", 0, false, false, true },
	{ "CRLF . LF", { "a\r\n.\nb\r\n", 8 }, "a\r\n\nb\r\n", 0, false, false,
	    true },
	{ "CRLF . CR", { "a\r\n.\rb\r\n", 8 }, "a\r\n\rb\r\n", 0, false, false,
	    true },
	{ "CRLF . CR CRLF", { "a\r\n.\r\r\nb", 8 }, "a\r\n\r\r\nb", 0, false,
	    false, true },
	{ "CR CRLF . CRLF is an end", { "a\r\r\n.\r\nb", 8 }, "a\r\r\n", 7,
	    false, true, true },
	/* the same, mended */
	{ "mend: LF . LF", { "a\n.\nb", 5 }, "a\r\n", 4, true, true, false },
	{ "mend: LF stored as CRLF", { "a\nb\n.\n", 6 }, "a\r\nb\r\n", 0, true,
	    true, false },
	{ "mend: first line is the dot", { ".\nb", 3 }, "", 2, true, true,
	    false },
	{ "mend: lines in LF, end in CRLF", { "a\nb\r\n.\r\n", 8 },
	    "a\r\nb\r\n", 0, true, true, false },
	{ "mend: LF . CRLF is no end", { "a\n.\r\nb\n", 7 }, "a\r\n\r\nb\r\n",
	    0, true, false, true },
	{ "mend: CRLF . LF is no end", { "a\r\n.\nb\r\n", 8 }, "a\r\n\r\nb\r\n",
	    0, true, false, true },
	{ "mend: CRLF then LF", { "a\r\nb\n", 6 }, "a\r\nb\r\n", 0, true, false,
	    true },
	{ "mend: LF then CRLF then more", { "a\nb\r\nc", 6 }, "a\r\nb\r\nc", 0,
	    true, false, true },
	{ "mend: mixed, then . LF is no end", { "a\nb\r\nc\n.\nd", 10 },
	    "a\r\nb\r\nc\r\n\r\nd", 0, true, false, true },
	{ "mend: mixed, CRLF . CRLF ends", { "a\nb\r\nc\r\n.\r\n", 11 },
	    "a\r\nb\r\nc\r\n", 0, true, true, true },
	{ "mend: bare CR stays bad", { "a\rb\n.\n", 6 }, "a\rb\r\n", 0, true,
	    true, true },
	{ "mend: CR . CR", { "a\r.\rb", 5 }, "a\r.\rb", 0, true, false, true },
};

static void
check(size_t i, size_t step)
{
	struct dg_dot_in d;
	struct dg_buf out;
	size_t at = 0;

	dg_dot_in_init(&d, cases[i].mend);
	dg_buf_init(&out, 1000);
	while (at < cases[i].in.n && !d.ended) {
		size_t used =
		    dg_dot_in_feed(&d, dg_str_sub(cases[i].in, at, step), &out);

		assert_true(used > 0);
		at += used;
	}
	assert_int_equal(at,
	    cases[i].used != 0 ? cases[i].used : cases[i].in.n);
	assert_string_equal(dg_buf_z(&out), cases[i].out);
	assert_int_equal(d.ended, cases[i].ended);
	assert_int_equal(d.has_bare, cases[i].has_bare);
	assert_int_equal(d.bytes, out.n);
	dg_buf_fini(&out);
}

static void
data_ends_at_crlf_dot_crlf_and_nowhere_else(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("  %s\n", cases[i].why);
		check(i, 1000);
	}
}

static void
it_makes_no_difference_where_the_bytes_are_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t step = 1; step < 4; step++)
			check(i, step);
}

/* Every way to write the dot line wrongly, with NUL too: not an end. */
static void
the_smuggling_corpus_is_refused(void **state)
{
	static const struct dg_str ends[] = {
		{ "\n", 1 },
		{ "\r", 1 },
		{ "\r\n", 2 },
		{ "\r\r", 2 },
		{ "\n\r", 2 },
		{ "\r\0\n", 3 },
		{ "\0\r\n", 3 },
		{ "\r\n\0", 3 },
		{ "\n\n", 2 },
	};
	const size_t n = sizeof(ends) / sizeof(ends[0]);

	(void)state;
	for (size_t a = 0; a < n; a++) {
		for (size_t b = 0; b < n; b++) {
			struct dg_buf in, out;
			struct dg_dot_in d;

			if ((a == 2 || a == 6) && (b == 2 || b == 7))
				continue; /* holds CRLF.CRLF */
			dg_buf_init(&in, 100);
			dg_buf_init(&out, 100);
			dg_buf_adds(&in, "x\r\ny");
			dg_buf_add(&in, ends[a]);
			dg_buf_adds(&in, ".");
			dg_buf_add(&in, ends[b]);
			dg_buf_adds(&in, "MAIL FROM:<evil@x>\r\n");
			dg_dot_in_init(&d, false);
			assert_int_equal(dg_dot_in_feed(&d, dg_buf_str(&in),
					     &out),
			    in.n);
			assert_false(d.ended);
			assert_true(d.has_bare);
			dg_buf_fini(&in);
			dg_buf_fini(&out);
		}
	}
}

static void
it_counts_bytes_lines_and_8bit(void **state)
{
	struct dg_dot_in d;
	struct dg_buf out;

	(void)state;
	dg_buf_init(&out, 100);
	dg_dot_in_init(&d, false);
	dg_dot_in_feed(&d, DG_STR("abc\r\n..wxyz\r\n"), &out);
	assert_int_equal(d.longest, 5);
	assert_int_equal(d.bytes, 12);
	assert_false(d.has_8bit);
	dg_dot_in_feed(&d, DG_STR("\xe9\r\n"), &out);
	assert_true(d.has_8bit);
	dg_buf_fini(&out);
}

static void
without_room_nothing_is_taken(void **state)
{
	struct dg_dot_in d;
	struct dg_buf out;

	(void)state;
	dg_buf_init(&out, 4);
	dg_dot_in_init(&d, false);
	assert_int_equal(dg_dot_in_feed(&d, DG_STR("abc\r\n"), &out), 0);
	assert_int_equal(out.n, 0);
	dg_buf_fini(&out);
}

static const struct {
	const char *why, *in, *out;
} outs[] = {
	{ "plain", "a\r\nb\r\n", "a\r\nb\r\n.\r\n" },
	{ "no end of line", "a", "a\r\n.\r\n" },
	{ "empty", "", ".\r\n" },
	{ "stuffing", ".\r\n.a\r\n..\r\na.b\r\n",
	    "..\r\n..a\r\n...\r\na.b\r\n.\r\n" },
	{ "LF alone never leaves", "a\n.\nb", "a\r\n..\r\nb\r\n.\r\n" },
	{ "CR alone never leaves", "a\r.\rb", "a\r\n..\r\nb\r\n.\r\n" },
	{ "CR at the end", "a\r", "a\r\n.\r\n" },
	{ "CR CR LF", "a\r\r\n", "a\r\n\r\n.\r\n" },
	{ "LF CR", "a\n\r", "a\r\n\r\n.\r\n" },
	{ "CR before a dot line", "\r\n\r.\r\n", "\r\n\r\n..\r\n.\r\n" },
};

static void
what_goes_out_is_framed_anew(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(outs) / sizeof(outs[0]); i++) {
		struct dg_str in = dg_str(outs[i].in);

		print_message("  %s\n", outs[i].why);
		for (size_t step = 1; step <= in.n + 1; step++) {
			struct dg_dot_out d;
			struct dg_buf out;

			dg_dot_out_init(&d);
			dg_buf_init(&out, 100);
			for (size_t at = 0; at < in.n; at += step)
				assert_int_equal(dg_dot_out_feed(&d,
						     dg_str_sub(in, at, step),
						     &out),
				    DG_OK);
			assert_int_equal(dg_dot_out_end(&d, &out), DG_OK);
			assert_string_equal(dg_buf_z(&out), outs[i].out);
			dg_buf_fini(&out);
		}
	}
}

static void
out_and_in_again_is_the_same(void **state)
{
	const char text[] = ".\r\n..\r\n...x\r\n\r\n.y.\r\n";
	struct dg_dot_out o;
	struct dg_dot_in d;
	struct dg_buf wire, back;

	(void)state;
	dg_buf_init(&wire, 100);
	dg_buf_init(&back, 200);
	dg_dot_out_init(&o);
	assert_int_equal(dg_dot_out_feed(&o, dg_str(text), &wire), DG_OK);
	assert_int_equal(dg_dot_out_end(&o, &wire), DG_OK);
	dg_dot_in_init(&d, false);
	assert_int_equal(dg_dot_in_feed(&d, dg_buf_str(&wire), &back), wire.n);
	assert_true(d.ended);
	assert_string_equal(dg_buf_z(&back), text);
	dg_buf_fini(&wire);
	dg_buf_fini(&back);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_ends_at_crlf_dot_crlf_and_nowhere_else),
		cmocka_unit_test(
		    it_makes_no_difference_where_the_bytes_are_cut),
		cmocka_unit_test(the_smuggling_corpus_is_refused),
		cmocka_unit_test(it_counts_bytes_lines_and_8bit),
		cmocka_unit_test(without_room_nothing_is_taken),
		cmocka_unit_test(what_goes_out_is_framed_anew),
		cmocka_unit_test(out_and_in_again_is_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
