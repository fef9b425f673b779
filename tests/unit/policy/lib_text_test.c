/* lib_text_test.c - d.glob, d.find, d.base64, d.url, d.sha256. */
#include "lib.h"

static const struct lib_case globs[] = {
	{ "stars and question marks",
	    "for _, c in ipairs { { '*', '', true }, { '', '', true }, "
	    "{ '', 'a', false }, { 'a', 'a', true }, { 'a', 'ab', false }, "
	    "{ 'a*', 'abc', true }, { '*c', 'abc', true }, "
	    "{ '*b*', 'abc', true }, { '*x*', 'abc', false }, "
	    "{ 'a?c', 'abc', true }, { 'a?c', 'ac', false }, "
	    "{ '?', '', false }, { '*?', '', false }, { '*?', 'x', true }, "
	    "{ 'a*b*c', 'aXbYbZc', true }, { 'a*b*c', 'aXbYbZ', false }, "
	    "{ '**', 'x', true }, { 'mail-?.*.example', "
	    "'mail-1.a.b.example', true } } do\n"
	    "if d.glob(c[1], c[2]) ~= c[3] then error(c[1] .. ' on ' .. c[2]) "
	    "end end",
	    NULL },
	{ "case does not count", "eq(d.glob('MAIL*', 'mail.x'), true)", NULL },
	{ "a character is one, whatever its length",
	    "eq(d.glob('?', '\\u{e9}'), true) eq(d.glob('?', '\\u{1f600}'), "
	    "true) eq(d.glob('\?\?', '\\u{e9}'), false) eq(d.glob('*?x', "
	    "'\\u{e9}x'), true)",
	    NULL },
	{ "bytes that are no UTF-8 are characters",
	    "eq(d.glob('\?\?', '\\x80\\xbf'), true) eq(d.glob('?', '\\xff'), "
	    "true) eq(d.glob('?*', '\\xc3'), true)",
	    NULL },
	{ "NULs are characters",
	    "eq(d.glob('a?b', 'a\\0b'), true) eq(d.glob('a\\0*', 'a\\0b'), "
	    "true) eq(d.glob('a', 'a\\0b'), false)",
	    NULL },
	{ "nothing in it is magic", "eq(d.glob('[a].%d', '[a].%d'), true)",
	    NULL },
	{ "many stars on a long text end at once",
	    "eq(d.glob(('*a'):rep(30) .. 'b', ('a'):rep(100000)), false)",
	    NULL },
	{ "a pattern and a text that are too much",
	    "d.glob(('*a'):rep(1000), ('a'):rep(100000))",
	    "could take too long" },
	{ "again and again is stopped",
	    "while true do d.glob('*a*a*a*a*b', ('a'):rep(100000)) end",
	    "ran more than" },
	{ "nil is no text", "d.glob('a', nil)",
	    "d.glob: text is a nil, but must be a text" },
	{ "a number is no text", "d.glob(5, 'x')",
	    "d.glob: pattern is a number" },
	{ "nothing at all", "d.glob()", "d.glob: pattern is a no value" },
};

static void
glob_matches_whole_texts(void **state)
{
	(void)state;
	LIB_RUN(globs, NULL);
}

static const struct lib_case finds[] = {
	{ "a position or nil",
	    "eq(d.find('abcabc', 'c'), 3) eq(d.find('abc', 'x'), nil) "
	    "eq(d.find('abc', 'abcd'), nil) eq(d.find('', 'a'), nil) "
	    "eq(d.find('abc', ''), 1) eq(d.find('', ''), 1)",
	    NULL },
	{ "nothing is magic", "eq(d.find('a.%d[', '.%d['), 2)", NULL },
	{ "NULs are bytes", "eq(d.find('a\\0b', '\\0b'), 2)", NULL },
	{ "case counts unless it is told not to",
	    "eq(d.find('Spam', 'spam'), nil) eq(d.find('x SPAM', 'sPam', "
	    "{ any_case = true }), 3) eq(d.find('Spam', 'spam', {}), nil) "
	    "eq(d.find('Spam', 'spam', { any_case = false }), nil)",
	    NULL },
	{ "an option that does not exist",
	    "d.find('a', 'b', { anycase = true })",
	    "d.find: unknown field \"anycase\"; did you mean \"any_case\"?" },
	{ "options that are no table", "d.find('a', 'b', true)",
	    "the last argument is a boolean, but must be a table" },
	{ "an option without a name", "d.find('a', 'b', { 1 })",
	    "unknown field \"?\"" },
	{ "a long search again and again is stopped",
	    "local t = ('a'):rep(1000000) while true do d.find(t, 'b') end",
	    "ran more than" },
	{ "nil", "d.find(nil, 'x')", "text is a nil" },
};

static void
find_says_where_the_needle_is(void **state)
{
	(void)state;
	LIB_RUN(finds, NULL);
}

static const struct lib_case codes[] = {
	{ "base64: RFC 4648 10",
	    "for _, c in ipairs { { '', '' }, { 'f', 'Zg==' }, { 'fo', 'Zm8=' "
	    "}, { 'foobar', 'Zm9vYmFy' }, { '\\0\\xff', 'AP8=' } } do "
	    "eq(d.base64.encode(c[1]), c[2]) eq(d.base64.decode(c[2]), c[1]) "
	    "end",
	    NULL },
	{ "base64: what is none is nil and why",
	    "for _, x in ipairs { 'Zg=', 'Zg', '!!!!', 'Zg==Zg==', 'Z g=', "
	    "'Zm9v\\n', '\\0' } do local v, why = d.base64.decode(x) eq(v, "
	    "nil) eq(why, 'this is no base64') end",
	    NULL },
	{ "base64: larger than a result may be",
	    "local v, why = d.base64.encode(('x'):rep(15 * 1024 * 1024)) "
	    "eq(v, nil) eq(why, 'the result would be more than 16 MiB')",
	    NULL },
	{ "base64: nil", "d.base64.decode(nil)",
	    "d.base64.decode: text is a nil" },
	{ "url: unreserved stays, all else is encoded",
	    "eq(d.url('aZ09-._~'), 'aZ09-._~') eq(d.url('a b/?&=+%'), "
	    "'a%20b%2F%3F%26%3D%2B%25') eq(d.url('\\u{e9}\\0\\xff\\r\\n'), "
	    "'%C3%A9%00%FF%0D%0A') eq(d.url(''), '')",
	    NULL },
	{ "url: larger than a result may be",
	    "local v, why = d.url((' '):rep(6 * 1024 * 1024)) eq(v, nil) "
	    "eq(why, 'the result would be more than 16 MiB')",
	    NULL },
	{ "url: again and again is stopped",
	    "local t = ('a'):rep(1000000) while true do d.url(t) end",
	    "ran more than" },
	{ "url: a table", "d.url({})", "d.url: text is a table" },
	{ "sha256: FIPS 180-2 appendix B",
	    "eq(d.sha256(''), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b93"
	    "4ca495991b7852b855') eq(d.sha256('abc'), 'ba7816bf8f01cfea414140"
	    "de5dae2223b00361a396177a9cb410ff61f20015ad') eq(#d.sha256('a\\0b')"
	    ", 64) eq(d.sha256('a\\0b') ~= d.sha256('a'), true)",
	    NULL },
	{ "sha256: a hook that mines is stopped",
	    "local t = ('a'):rep(1000000) while true do d.sha256(t) end",
	    "ran more than" },
	{ "memory that ends in the middle",
	    "local t = {} for i = 1, 100 do "
	    "t[i] = d.base64.encode(('x'):rep(1000000)) .. i end",
	    "of memory" },
};

static void
codes_are_those_of_their_standards(void **state)
{
	(void)state;
	LIB_RUN(codes, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(glob_matches_whole_texts),
		cmocka_unit_test(find_says_where_the_needle_is),
		cmocka_unit_test(codes_are_those_of_their_standards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
