/* header_test.c - walking a header, and counting while it streams by. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/wire/header.h"

static const char sample[] = "Received: from a\r\n\tby b;\r\n c\r\n"
			     "Subject:hello\r\n"
			     "received : from c\r\n"
			     "X-Empty:\r\n"
			     "From: a@b\r\n"
			     "\r\n"
			     "Received: this is body\r\n";

static void
fields_come_one_by_one_up_to_the_empty_line(void **state)
{
	static const struct {
		const char *name, *value;
	} want[] = {
		{ "Received", "from a\r\n\tby b;\r\n c" },
		{ "Subject", "hello" },
		{ "received", "from c" },
		{ "X-Empty", "" },
		{ "From", "a@b" },
	};
	struct dg_header_field f;
	size_t at = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_true(dg_header_next(dg_str(sample), &at, &f));
		assert_true(dg_str_is(f.name, want[i].name));
		assert_true(dg_str_is(f.value, want[i].value));
	}
	assert_false(dg_header_next(dg_str(sample), &at, &f));
	assert_int_equal(dg_header_received(dg_str(sample)), 2);
}

static void
the_walk_stops_at_what_is_no_field(void **state)
{
	static const char *const none[] = { "", "\r\n", "hello\r\n", ": x\r\n",
		" folded: x\r\n", "From a@b Mon: x\r\n", "a b: c\r\n",
		"\xc3\xa9: x\r\n" };
	struct dg_header_field f;

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		size_t at = 0;

		assert_false(dg_header_next(dg_str(none[i]), &at, &f));
	}
	assert_int_equal(dg_header_received(DG_NOSTR), 0);
}

static void
a_value_is_unfolded(void **state)
{
	struct dg_buf out;

	(void)state;
	dg_buf_init(&out, 20);
	assert_int_equal(dg_header_get(dg_str(sample), "RECEIVED", &out),
	    DG_OK);
	assert_string_equal(dg_buf_z(&out), "from a\tby b; c");
	assert_int_equal(dg_header_get(dg_str(sample), "To", &out),
	    DG_E_ABSENT);
	assert_int_equal(dg_header_get(dg_str(sample), "Received", &out),
	    DG_E_LIMIT);
	assert_string_equal(dg_buf_z(&out), "from a\tby b; c");
	dg_buf_fini(&out);
}

static void
the_header_ends_with_its_empty_line(void **state)
{
	(void)state;
	assert_int_equal(dg_header_length(DG_STR("A: b\r\n\r\nbody")), 8);
	assert_int_equal(dg_header_length(DG_STR("\r\nbody")), 2);
	assert_int_equal(dg_header_length(DG_STR("A: b\r\n")), 6);
	assert_int_equal(dg_header_length(DG_STR("A: b")), 4);
	assert_int_equal(dg_header_length(DG_STR("")), 0);
}

static const struct {
	const char *why, *message;
	unsigned received;
	unsigned bytes;
	bool is_over;
} watched[] = {
	{ "whole header", "Received: a\r\nX: b\r\n\r\nReceived: no\r\n", 1, 21,
	    true },
	{ "any case, blank before colon", "RECEIVED: a\r\nreceived : b\r\n", 2,
	    27, false },
	{ "longer and shorter names", "Receive: a\r\nReceivedX: b\r\n", 0, 26,
	    false },
	{ "folded lines do not count", "X: a\r\n Received: b\r\n", 0, 20,
	    false },
	{ "ends at what is no field", "X: a\r\nhello\r\nReceived: b\r\n", 0, 12,
	    true },
	{ "folded line first", " x\r\nReceived: b\r\n", 0, 1, true },
	{ "empty message", "", 0, 0, false },
	{ "no header", "\r\nReceived: b\r\n", 0, 2, true },
};

static void
the_watch_counts_wherever_the_bytes_are_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++) {
		struct dg_str m = dg_str(watched[i].message);

		print_message("  %s\n", watched[i].why);
		for (size_t step = 1; step <= m.n + 1; step++) {
			struct dg_header_watch w;

			dg_header_watch_init(&w);
			for (size_t at = 0; at < m.n; at += step)
				dg_header_watch_feed(&w,
				    dg_str_sub(m, at, step));
			assert_int_equal(w.received, watched[i].received);
			assert_int_equal(w.bytes, watched[i].bytes);
			assert_int_equal(w.is_over, watched[i].is_over);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_come_one_by_one_up_to_the_empty_line),
		cmocka_unit_test(the_walk_stops_at_what_is_no_field),
		cmocka_unit_test(a_value_is_unfolded),
		cmocka_unit_test(the_header_ends_with_its_empty_line),
		cmocka_unit_test(the_watch_counts_wherever_the_bytes_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
