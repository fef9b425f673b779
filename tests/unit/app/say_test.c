/* say_test.c - times and sizes for people, and strangers' bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/app/say.h"

static void
spans_are_rounded_to_what_a_person_asks_for(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{ -5, "0s" },
		{ 0, "0s" },
		{ 1499, "1s" },
		{ 45000, "45s" },
		{ 89000, "89s" },
		{ 90000, "2m" },
		{ 12 * 60000, "12m" },
		{ 59 * 60000 + 29000, "59m" },
		{ 3599000, "1h" },
		{ 3600000, "1h" },
		{ 3899000, "1h5m" },
		{ 86399000, "1d" },
		{ 86400000, "1d" },
		{ 86400000 + 4 * 3600000, "1d4h" },
		{ INT64_C(431999000), "5d" },
		{ INT64_C(31536000000), "365d" },
	};
	char out[24];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		dg_say_span(cases[i].ms, out);
		assert_string_equal(out, cases[i].text);
	}
	dg_say_span(INT64_MAX, out); /* and fits */
}

static void
sizes_are_short(void **state)
{
	static const struct {
		uint64_t n;
		const char *text;
	} cases[] = {
		{ 0, "0" },
		{ 9999, "9999" },
		{ 10240, "10k" },
		{ 1024 * 1024 - 1, "1.0M" },
		{ 1572864, "1.5M" },
		{ UINT64_C(20) << 30, "20G" },
		{ UINT64_MAX, "16384P" },
	};
	char out[24];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		dg_say_size(cases[i].n, out);
		assert_string_equal(out, cases[i].text);
	}
}

static void
strangers_text_is_harmless(void **state)
{
	static const struct {
		const char *why;
		struct dg_str in;
		const char *plain, *json;
	} cases[] = {
		{ "plain", DG_STR("a@b"), "a@b", "\"a@b\"" },
		{ "quotes", DG_STR("\"\\"), "\"\\", "\"\\\"\\\\\"" },
		{ "escape and bell", DG_STR("\x1b]\a"), "\\x1b]\\x07",
		    "\"\\u001b]\\u0007\"" },
		{ "a line's end", DG_STR("a\r\nb"), "a\\x0d\\x0ab",
		    "\"a\\u000d\\u000ab\"" },
		{ "UTF-8 stays", DG_STR("gr\xc3\xbc\xc3\x9f"),
		    "gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\"" },
		{ "C1 in UTF-8", DG_STR("\xc2\x9b"), "\\xc2\\x9b",
		    "\"\\u009b\"" },
		{ "no UTF-8", DG_STR("\xfcx\xc2"), "\\xfcx\\xc2",
		    "\"\\u00fcx\\u00c2\"" },
		{ "NUL and DEL", DG_STR("\0\x7f"), "\\x00\\x7f",
		    "\"\\u0000\\u007f\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dg_buf b;

		print_message("  %s\n", cases[i].why);
		dg_buf_init(&b, 1000);
		dg_say(&b, cases[i].in);
		assert_string_equal(dg_buf_z(&b), cases[i].plain);
		dg_buf_reset(&b);
		dg_say_json(&b, cases[i].in);
		assert_string_equal(dg_buf_z(&b), cases[i].json);
		dg_buf_fini(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spans_are_rounded_to_what_a_person_asks_for),
		cmocka_unit_test(sizes_are_short),
		cmocka_unit_test(strangers_text_is_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
