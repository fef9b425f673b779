/* str_test.c - views of bytes that need not end in NUL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/base/str.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void
absent_and_empty_are_both_empty(void **state)
{
	(void)state;
	assert_null(dg_str(NULL).p);
	assert_non_null(dg_str("").p);
	assert_true(dg_str_eq(dg_str(NULL), dg_str("")));
	assert_true(dg_str_has_prefix(DG_NOSTR, DG_STR("")));
	assert_null(dg_str_from(DG_NOSTR, 5).p);
	assert_int_equal(dg_str_find(DG_NOSTR, 'x'), 0);
	assert_int_equal(dg_str_trim(DG_NOSTR).n, 0);
}

static void
comparing_minds_length_case_and_nul(void **state)
{
	static const struct {
		const char *why;
		struct dg_str a, b;
		bool is_eq, is_ieq;
	} cases[] = {
		{ "same", DG_STR("abc"), DG_STR("abc"), true, true },
		{ "case", DG_STR("AbC"), DG_STR("aBc"), false, true },
		{ "prefix", DG_STR("ab"), DG_STR("abc"), false, false },
		{ "after NUL", DG_STR("a\0b"), DG_STR("a\0c"), false, false },
		{ "[ is not {", DG_STR("["), DG_STR("{"), false, false },
		{ "no locale", DG_STR("\xc4"), DG_STR("\xe4"), false, false },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		print_message("  %s\n", cases[i].why);
		assert_int_equal(dg_str_eq(cases[i].a, cases[i].b),
		    cases[i].is_eq);
		assert_int_equal(dg_str_ieq(cases[i].a, cases[i].b),
		    cases[i].is_ieq);
	}
	assert_true(dg_str_is(DG_STR("x"), "x"));
	assert_true(dg_str_iis(DG_STR("X"), "x"));
}

static void
prefixes_and_suffixes(void **state)
{
	struct dg_str s = DG_STR("Mail FROM:<a>");

	(void)state;
	assert_true(dg_str_has_prefix(s, DG_STR("Mail")));
	assert_false(dg_str_has_prefix(s, DG_STR("MAIL")));
	assert_true(dg_str_has_iprefix(s, DG_STR("MAIL ")));
	assert_false(dg_str_has_iprefix(DG_STR("MA"), DG_STR("MAIL")));
	assert_true(dg_str_has_suffix(s, DG_STR("<a>")));
	assert_false(dg_str_has_suffix(DG_STR(">"), DG_STR("<a>")));
}

static void
finding_and_cutting_stay_inside(void **state)
{
	struct dg_str s = DG_STR("a.b.c");

	(void)state;
	assert_int_equal(dg_str_find(s, '.'), 1);
	assert_int_equal(dg_str_rfind(s, '.'), 3);
	assert_int_equal(dg_str_find(s, '!'), s.n);
	assert_int_equal(dg_str_rfind(s, '!'), s.n);
	assert_true(dg_str_is(dg_str_sub(s, 2, 2), "b."));
	assert_true(dg_str_is(dg_str_sub(s, 4, SIZE_MAX), "c"));
	assert_int_equal(dg_str_sub(s, 9, 1).n, 0);
	assert_true(dg_str_is(dg_str_from(s, 4), "c"));
}

static void
words_come_off_the_front(void **state)
{
	struct dg_str s = DG_STR(" \tAUTH\t NTLM  x ");

	(void)state;
	assert_true(dg_str_is(dg_str_trim(s), "AUTH\t NTLM  x"));
	assert_true(dg_str_is(dg_str_word(&s), "AUTH"));
	assert_true(dg_str_is(dg_str_word(&s), "NTLM"));
	assert_true(dg_str_is(dg_str_word(&s), "x"));
	assert_int_equal(dg_str_word(&s).n, 0);
	assert_int_equal(dg_str_word(&s).n, 0);
}

static void
numbers_are_digits_that_fit(void **state)
{
	static const struct {
		const char *why, *z;
		bool is_number;
		uint64_t v;
	} cases[] = {
		{ "nothing", "", false, 0 },
		{ "zero", "0", true, 0 },
		{ "leading zeros", "007", true, 7 },
		{ "largest", "18446744073709551615", true, UINT64_MAX },
		{ "one more", "18446744073709551616", false, 0 },
		{ "a digit more", "184467440737095516150", false, 0 },
		{ "sign", "+1", false, 0 },
		{ "blank", " 1", false, 0 },
		{ "hex", "0x1", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		uint64_t v = 0;

		print_message("  %s\n", cases[i].why);
		assert_int_equal(dg_str_u64(dg_str(cases[i].z), &v),
		    cases[i].is_number);
		assert_int_equal(v, cases[i].v);
	}
}

static void
distance_counts_edits_up_to_a_cap(void **state)
{
	static const struct {
		const char *why, *a, *b;
		size_t d;
	} cases[] = {
		{ "same", "hop", "hop", 0 },
		{ "from nothing", "", "hop", 3 },
		{ "to nothing", "hop", "", 3 },
		{ "changed", "hop", "top", 1 },
		{ "left out", "listen", "lisen", 1 },
		{ "swapped", "listen", "lisetn", 1 },
		{ "swapped first", "hosts", "ohsts", 1 },
		{ "classic", "kitten", "sitting", 3 },
		{ "capped", "abcdefghijkl", "zyxwvutsrqpo", 9 },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		print_message("  %s\n", cases[i].why);
		assert_int_equal(dg_str_distance(dg_str(cases[i].a),
				     dg_str(cases[i].b), 9),
		    cases[i].d);
	}
}

static void
words_too_long_to_compare_are_far_apart(void **state)
{
	char a[200];

	(void)state;
	memset(a, 'a', sizeof(a));
	assert_int_equal(dg_str_distance(dg_str_of(a, 200), dg_str_of(a, 199),
			     4),
	    4);
	assert_int_equal(dg_str_distance(dg_str_of(a, 200), dg_str_of(a, 200),
			     4),
	    0);
}

static void
suggestions_are_near_or_none(void **state)
{
	static const char *const keys[] = { "listen", "limits", "hosts",
		"spool", NULL };
	static const struct {
		const char *why, *word, *meant;
	} cases[] = {
		{ "a letter missing", "lisen", "listen" },
		{ "case", "LISTEN", "listen" },
		{ "plural", "host", "hosts" },
		{ "nothing like it", "colour", NULL },
		{ "too short to tell", "x", NULL },
		{ "nothing", "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		const char *got =
		    dg_did_you_mean(dg_str(cases[i].word), keys);

		print_message("  %s\n", cases[i].why);
		if (cases[i].meant == NULL)
			assert_null(got);
		else
			assert_string_equal(got, cases[i].meant);
	}
}

static void
a_word_is_in_a_list_or_not(void **state)
{
	static const char *const list[] = { "one", "two", NULL };
	static const char *const none[] = { NULL };

	(void)state;
	assert_true(dg_is_one_of("two", list));
	assert_false(dg_is_one_of("Two", list));
	assert_false(dg_is_one_of("tw", list));
	assert_false(dg_is_one_of("", list));
	assert_false(dg_is_one_of("one", none));
}

/* The values that FNV's authors publish. */
static void
hashes_are_those_of_fnv_1a(void **state)
{
	(void)state;
	assert_int_equal(dg_str_hash(DG_STR("")), 0x811c9dc5);
	assert_int_equal(dg_str_hash(DG_STR("a")), 0xe40c292c);
	assert_int_equal(dg_str_hash(DG_STR("foobar")), 0xbf9cf968);
	assert_int_equal(dg_str_hash(DG_NOSTR), 0x811c9dc5);
	assert_int_equal(dg_str_ihash(DG_STR("FooBar")), 0xbf9cf968);
	assert_int_not_equal(dg_str_hash(DG_STR("FooBar")), 0xbf9cf968);
}

static void
copies_end_in_nul(void **state)
{
	char *a = dg_str_dup(dg_str_of("abcdef", 3));
	char *b = dg_str_dup(DG_NOSTR);
	char *c = dg_sprintf("%s-%d", "x", 42);
	char *d = dg_alloc0(0);

	(void)state;
	assert_string_equal(a, "abc");
	assert_string_equal(b, "");
	assert_string_equal(c, "x-42");
	assert_non_null(d);
	free(a);
	free(b);
	free(c);
	free(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(absent_and_empty_are_both_empty),
		cmocka_unit_test(comparing_minds_length_case_and_nul),
		cmocka_unit_test(prefixes_and_suffixes),
		cmocka_unit_test(finding_and_cutting_stay_inside),
		cmocka_unit_test(words_come_off_the_front),
		cmocka_unit_test(numbers_are_digits_that_fit),
		cmocka_unit_test(distance_counts_edits_up_to_a_cap),
		cmocka_unit_test(words_too_long_to_compare_are_far_apart),
		cmocka_unit_test(suggestions_are_near_or_none),
		cmocka_unit_test(a_word_is_in_a_list_or_not),
		cmocka_unit_test(hashes_are_those_of_fnv_1a),
		cmocka_unit_test(copies_end_in_nul),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
