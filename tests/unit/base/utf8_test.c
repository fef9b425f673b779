/* utf8_test.c - what is a character and what is not (RFC 3629). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/utf8.h"

static void
shortest_forms_only(void **state)
{
	static const struct {
		const char *why;
		struct dg_str s;
		size_t n;
		uint32_t code;
	} cases[] = {
		{ "NUL", DG_STR("\0"), 1, 0 },
		{ "ASCII", DG_STR("z"), 1, 'z' },
		{ "first of two", DG_STR("\xc2\x80"), 2, 0x80 },
		{ "last of two", DG_STR("\xdf\xbf"), 2, 0x7ff },
		{ "first of three", DG_STR("\xe0\xa0\x80"), 3, 0x800 },
		{ "last of three", DG_STR("\xef\xbf\xbf"), 3, 0xffff },
		{ "first of four", DG_STR("\xf0\x90\x80\x80"), 4, 0x10000 },
		{ "last of all", DG_STR("\xf4\x8f\xbf\xbf"), 4, 0x10ffff },
		{ "past the last", DG_STR("\xf4\x90\x80\x80"), 0, 0 },
		{ "five bytes", DG_STR("\xf8\x88\x80\x80\x80"), 0, 0 },
		{ "overlong /", DG_STR("\xc0\xaf"), 0, 0 },
		{ "overlong of three", DG_STR("\xe0\x9f\xbf"), 0, 0 },
		{ "overlong of four", DG_STR("\xf0\x8f\xbf\xbf"), 0, 0 },
		{ "surrogate", DG_STR("\xed\xa0\x80"), 0, 0 },
		{ "last surrogate", DG_STR("\xed\xbf\xbf"), 0, 0 },
		{ "tail alone", DG_STR("\x80"), 0, 0 },
		{ "cut", DG_STR("\xe2\x82"), 0, 0 },
		{ "no tail", DG_STR("\xc3z"), 0, 0 },
		{ "FF", DG_STR("\xff"), 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t code = 0;

		print_message("  %s\n", cases[i].why);
		assert_int_equal(dg_utf8_at(cases[i].s, 0, &code), cases[i].n);
		assert_int_equal(code, cases[i].code);
	}
}

static void
every_character_comes_back(void **state)
{
	(void)state;
	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		char bytes[4];
		size_t n = dg_utf8_put(bytes, c);
		uint32_t back = 0;
		bool is_surrogate = c >= 0xd800 && c <= 0xdfff;

		if (dg_utf8_at(dg_str_of(bytes, n), 0, &back) !=
		        (is_surrogate ? 0 : n) ||
		    back != (is_surrogate ? 0 : c))
			fail_msg("U+%04X", c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shortest_forms_only),
		cmocka_unit_test(every_character_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
