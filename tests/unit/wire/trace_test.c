/* trace_test.c - dates and Received lines as we write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/wire/header.h"

static void
dates_are_those_of_rfc_5322(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{ 0, "Thu, 1 Jan 1970 00:00:00 +0000" },
		{ 951782400000, "Tue, 29 Feb 2000 00:00:00 +0000" },
		{ 1795599715999, "Wed, 25 Nov 2026 09:41:55 +0000" },
		{ -5, "Thu, 1 Jan 1970 00:00:00 +0000" },
		{ INT64_MAX, "Thu, 1 Jan 1970 00:00:00 +0000" },
	};
	struct dg_buf out;

	(void)state;
	dg_buf_init(&out, 100);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		dg_buf_reset(&out);
		assert_int_equal(dg_date_add(&out, cases[i].ms), DG_OK);
		assert_string_equal(dg_buf_z(&out), cases[i].text);
	}
	dg_buf_fini(&out);
}

static void
check(const struct dg_received *r, const char *want)
{
	struct dg_buf out;

	dg_buf_init(&out, 4096);
	assert_int_equal(dg_received_add(&out, r), DG_OK);
	assert_string_equal(dg_buf_z(&out), want);
	dg_buf_fini(&out);
}

static void
a_received_line_says_who_how_and_when(void **state)
{
	struct dg_received r = {
		.helo = DG_STR("nts2"),
		.address = DG_STR("10.0.0.5"),
		.by = DG_STR("relay.example"),
		.with = DG_STR("ESMTPSA"),
		.id = DG_STR("k7"),
		.for_whom = DG_STR("b@branch.example"),
		.tls = DG_STR("TLSv1.3 TLS_AES_256_GCM_SHA384"),
		.ms = 1795599715000,
	};

	(void)state;
	check(&r,
	    "Received: from nts2 ([10.0.0.5])\r\n\tby relay.example with "
	    "ESMTPSA\r\n\t(TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n\tid k7\r\n\tfor "
	    "<b@branch.example>;\r\n\tWed, 25 Nov 2026 09:41:55 +0000\r\n");
	r.helo = r.for_whom = r.tls = r.id = DG_STR("");
	r.address = DG_STR("::1");
	check(&r,
	    "Received: from [IPv6:::1] ([IPv6:::1])\r\n\tby relay.example with "
	    "ESMTPSA;\r\n\tWed, 25 Nov 2026 09:41:55 +0000\r\n");
}

static void
a_clients_words_cannot_leave_their_place(void **state)
{
	struct dg_received r = {
		.helo = DG_STR("a) by evil;\r\nX: <y>\xc3\"\\"),
		.by = DG_STR("r"),
		.with = DG_STR("SMTP"),
		.for_whom = DG_STR("\"a>;\r\nb\"@c"),
		.ms = 0,
	};

	(void)state;
	check(&r,
	    "Received: from a??by?evil???X:??y????\r\n\tby r with SMTP\r\n\t"
	    "for <\"a?;??b\"@c>;\r\n\tThu, 1 Jan 1970 00:00:00 +0000\r\n");
}

static void
without_room_the_buffer_stays_as_it_was(void **state)
{
	struct dg_received r = { .helo = DG_STR("a"), .by = DG_STR("b") };
	struct dg_buf out;

	(void)state;
	dg_buf_init(&out, 40);
	assert_int_equal(dg_received_add(&out, &r), DG_E_LIMIT);
	assert_int_equal(out.n, 0);
	dg_buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_are_those_of_rfc_5322),
		cmocka_unit_test(a_received_line_says_who_how_and_when),
		cmocka_unit_test(a_clients_words_cannot_leave_their_place),
		cmocka_unit_test(without_room_the_buffer_stays_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
