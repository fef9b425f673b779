/* enc_test.c - base64, hex, UTF-16LE and upper case: all or nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/base/enc.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

typedef enum dg_rc convert_fn(struct dg_buf *out, struct dg_str s);

struct pair {
	const char *why;
	struct dg_str from, to;
	enum dg_rc rc;
};

/* Also: on failure, and when the room is one byte too small, nothing of it
 * stays behind. */
static void
try_all(const struct pair *v, size_t n, convert_fn *convert)
{
	for (size_t i = 0; i < n; i++) {
		struct dg_buf b, small;

		print_message("  %s\n", v[i].why);
		dg_buf_init(&b, 1000);
		assert_int_equal(dg_buf_adds(&b, "<"), DG_OK);
		assert_int_equal(convert(&b, v[i].from), v[i].rc);
		dg_buf_eat(&b, 1);
		assert_int_equal(b.n, v[i].to.n);
		assert_memory_equal(dg_buf_z(&b), v[i].to.p, v[i].to.n);
		dg_buf_fini(&b);
		if (v[i].rc != DG_OK || v[i].to.n == 0)
			continue;
		dg_buf_init(&small, v[i].to.n - 1);
		assert_int_equal(convert(&small, v[i].from), DG_E_LIMIT);
		assert_int_equal(small.n, 0);
		dg_buf_fini(&small);
		dg_buf_init(&small, v[i].to.n);
		assert_int_equal(convert(&small, v[i].from), DG_OK);
		dg_buf_fini(&small);
	}
}

static void
base64_says_what_the_rfc_says(void **state)
{
	/* RFC 4648 10, and bytes with the highest bit */
	static const struct pair cases[] = {
		{ "nothing", DG_STR(""), DG_STR(""), DG_OK },
		{ "f", DG_STR("f"), DG_STR("Zg=="), DG_OK },
		{ "fo", DG_STR("fo"), DG_STR("Zm8="), DG_OK },
		{ "foo", DG_STR("foo"), DG_STR("Zm9v"), DG_OK },
		{ "foob", DG_STR("foob"), DG_STR("Zm9vYg=="), DG_OK },
		{ "fooba", DG_STR("fooba"), DG_STR("Zm9vYmE="), DG_OK },
		{ "foobar", DG_STR("foobar"), DG_STR("Zm9vYmFy"), DG_OK },
		{ "high", DG_STR("\xff\xfe\xfb"), DG_STR("//77"), DG_OK },
		{ "NUL", DG_STR("\0\0"), DG_STR("AAA="), DG_OK },
	};
	struct pair back[N(cases)];

	(void)state;
	for (size_t i = 0; i < N(cases); i++)
		back[i] = (struct pair){ cases[i].why, cases[i].to,
			cases[i].from, DG_OK };
	try_all(cases, N(cases), dg_base64_add);
	try_all(back, N(back), dg_base64_read);
}

static void
base64_refuses_what_is_not(void **state)
{
	static const struct pair cases[] = {
		{ "cut", DG_STR("Zm9"), DG_STR(""), DG_E_PROTO },
		{ "one", DG_STR("Z"), DG_STR(""), DG_E_PROTO },
		{ "no data", DG_STR("===="), DG_STR(""), DG_E_PROTO },
		{ "a bit of data", DG_STR("Z==="), DG_STR(""), DG_E_PROTO },
		{ "pad inside", DG_STR("Zg==Zg=="), DG_STR(""), DG_E_PROTO },
		{ "pad then data", DG_STR("Zg=v"), DG_STR(""), DG_E_PROTO },
		{ "blank", DG_STR("Zm9 "), DG_STR(""), DG_E_PROTO },
		{ "line end", DG_STR("Zm9v\r\n  "), DG_STR(""), DG_E_PROTO },
		{ "URL alphabet", DG_STR("-_77"), DG_STR(""), DG_E_PROTO },
		{ "NUL", DG_STR("Zm\09"), DG_STR(""), DG_E_PROTO },
		{ "high", DG_STR("Zm\xff"
		                 "v"),
		    DG_STR(""), DG_E_PROTO },
		{ "late", DG_STR("Zm9vZm9vZm9!"), DG_STR(""), DG_E_PROTO },
		{ "spare bits set", DG_STR("Zh=="), DG_STR("f"), DG_OK },
	};

	(void)state;
	try_all(cases, N(cases), dg_base64_read);
}

static void
every_length_comes_back_from_base64(void **state)
{
	unsigned char bytes[256];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 37);
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		struct dg_str s = dg_str_of(bytes, n);
		struct dg_buf there, back;

		dg_buf_init(&there, 400);
		dg_buf_init(&back, n);
		assert_int_equal(dg_base64_add(&there, s), DG_OK);
		assert_int_equal(dg_base64_read(&back, dg_buf_str(&there)),
		    DG_OK);
		assert_true(dg_str_eq(dg_buf_str(&back), s));
		dg_buf_fini(&there);
		dg_buf_fini(&back);
	}
}

static void
hex_goes_both_ways(void **state)
{
	static const struct pair add[] = {
		{ "nothing", DG_STR(""), DG_STR(""), DG_OK },
		{ "bytes", DG_STR("\x00\x7f\xff"), DG_STR("007fff"), DG_OK },
	};
	static const struct pair read[] = {
		{ "lower", DG_STR("007fff"), DG_STR("\x00\x7f\xff"), DG_OK },
		{ "upper", DG_STR("AB"), DG_STR("\xab"), DG_OK },
		{ "odd", DG_STR("abc"), DG_STR(""), DG_E_PROTO },
		{ "no digit", DG_STR("ab0g"), DG_STR(""), DG_E_PROTO },
		{ "prefix", DG_STR("0xab"), DG_STR(""), DG_E_PROTO },
		{ "blank", DG_STR("ab "), DG_STR(""), DG_E_PROTO },
	};

	(void)state;
	try_all(add, N(add), dg_hex_add);
	try_all(read, N(read), dg_hex_read);
}

static void
utf16_goes_both_ways(void **state)
{
	static const struct pair cases[] = {
		{ "nothing", DG_STR(""), DG_STR(""), DG_OK },
		{ "ASCII", DG_STR("Ab"), DG_STR("A\0b\0"), DG_OK },
		{ "umlaut", DG_STR("\xc3\xa9"), DG_STR("\xe9\0"), DG_OK },
		{ "euro", DG_STR("\xe2\x82\xac"), DG_STR("\xac\x20"), DG_OK },
		{ "last of plane 0", DG_STR("\xef\xbf\xbf"),
		    DG_STR("\xff\xff"), DG_OK },
		{ "first pair", DG_STR("\xf0\x90\x80\x80"),
		    DG_STR("\x00\xd8\x00\xdc"), DG_OK },
		{ "last of all", DG_STR("\xf4\x8f\xbf\xbf"),
		    DG_STR("\xff\xdb\xff\xdf"), DG_OK },
	};
	struct pair back[N(cases)];

	(void)state;
	for (size_t i = 0; i < N(cases); i++)
		back[i] = (struct pair){ cases[i].why, cases[i].to,
			cases[i].from, DG_OK };
	try_all(cases, N(cases), dg_utf16_add);
	try_all(back, N(back), dg_utf16_read);
}

static void
utf16_refuses_what_is_not(void **state)
{
	static const struct pair cases[] = {
		{ "odd", DG_STR("A\0b"), DG_STR(""), DG_E_PROTO },
		{ "NUL", DG_STR("A\0\0\0"), DG_STR(""), DG_E_PROTO },
		{ "low alone", DG_STR("\x00\xdc"), DG_STR(""), DG_E_PROTO },
		{ "high alone", DG_STR("\x00\xd8"), DG_STR(""), DG_E_PROTO },
		{ "high, then none", DG_STR("\x00\xd8"
		                            "A\0"),
		    DG_STR(""), DG_E_PROTO },
		{ "two highs", DG_STR("\x00\xd8\x00\xd8"), DG_STR(""),
		    DG_E_PROTO },
	};
	static const struct pair add[] = {
		{ "Latin-1", DG_STR("caf\xe9"), DG_STR(""), DG_E_PROTO },
		{ "cut", DG_STR("a\xe2\x82"), DG_STR(""), DG_E_PROTO },
	};

	(void)state;
	try_all(cases, N(cases), dg_utf16_read);
	try_all(add, N(add), dg_utf16_add);
}

/* An exact heap copy each time, so that a read past the end is seen. */
static void
utf8_is_valid_only_between_characters(void **state)
{
	static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x90\x80\x80z";
	static const char ends[] = "11010010001" "1"; /* cut here: valid? */

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		struct dg_str s = dg_str_of(text, n);
		char *copy = malloc(n > 0 ? n : 1);

		memcpy(copy, text, n);
		s.p = copy;
		assert_int_equal(dg_utf8_is_valid(s), ends[n] == '1');
		free(copy);
	}
}

static void
upper_case_is_one_to_one(void **state)
{
	static const struct pair cases[] = {
		{ "ASCII", DG_STR("user@Dom-1"), DG_STR("USER@DOM-1"), DG_OK },
		{ "Latin-1", DG_STR("\xc3\xa9\xc3\xbe"),
		    DG_STR("\xc3\x89\xc3\x9e"), DG_OK },
		{ "division sign stays", DG_STR("\xc3\xb7"),
		    DG_STR("\xc3\xb7"), DG_OK },
		{ "sharp s stays", DG_STR("stra\xc3\x9f"
		                          "e"),
		    DG_STR("STRA\xc3\x9f"
		           "E"),
		    DG_OK },
		{ "y diaeresis leaves Latin-1", DG_STR("\xc3\xbf"),
		    DG_STR("\xc5\xb8"), DG_OK },
		{ "s caron", DG_STR("\xc5\xa1"), DG_STR("\xc5\xa0"), DG_OK },
		{ "S caron stays", DG_STR("\xc5\xa0"), DG_STR("\xc5\xa0"),
		    DG_OK },
		{ "z caron: odd pair", DG_STR("\xc5\xbe"), DG_STR("\xc5\xbd"),
		    DG_OK },
		{ "dotless i stays", DG_STR("\xc4\xb1"), DG_STR("\xc4\xb1"),
		    DG_OK },
		{ "Greek, both sigmas", DG_STR("\xcf\x83\xcf\x82"),
		    DG_STR("\xce\xa3\xce\xa3"), DG_OK },
		{ "Greek accents", DG_STR("\xce\xac\xcf\x8c\xcf\x8e"),
		    DG_STR("\xce\x86\xce\x8c\xce\x8f"), DG_OK },
		{ "Cyrillic", DG_STR("\xd0\xb8\xd1\x8f\xd1\x91"),
		    DG_STR("\xd0\x98\xd0\xaf\xd0\x81"), DG_OK },
		{ "beyond", DG_STR("\xe6\xbc\xa2"), DG_STR("\xe6\xbc\xa2"),
		    DG_OK },
		{ "bad UTF-8", DG_STR("ab\xff"), DG_STR(""), DG_E_PROTO },
	};

	(void)state;
	try_all(cases, N(cases), dg_upper_add);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_says_what_the_rfc_says),
		cmocka_unit_test(base64_refuses_what_is_not),
		cmocka_unit_test(every_length_comes_back_from_base64),
		cmocka_unit_test(hex_goes_both_ways),
		cmocka_unit_test(utf16_goes_both_ways),
		cmocka_unit_test(utf16_refuses_what_is_not),
		cmocka_unit_test(utf8_is_valid_only_between_characters),
		cmocka_unit_test(upper_case_is_one_to_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
