/* lib_json_test.c - d.json: there and back, and what strangers may send. */
#include "lib.h"

static const struct lib_case decodes[] = {
	{ "values",
	    "eq(d.json.decode('1'), 1) eq(math.type(d.json.decode('1')), "
	    "'integer') eq(math.type(d.json.decode('1.0')), 'float') "
	    "eq(d.json.decode('true'), true) eq(d.json.decode('false'), false) "
	    "eq(d.json.decode('\"x\"'), 'x') eq(d.json.decode('null'), "
	    "d.json.null) eq(d.json.decode('-9223372036854775808'), "
	    "math.mininteger)",
	    NULL },
	{ "an object and a list",
	    "local t = d.json.decode('{\"a\":[1,{\"b\":\"c\"},[]],\"d\":null}')"
	    " eq(t.a[1], 1) eq(t.a[2].b, 'c') eq(#t.a[3], 0) eq(t.d, nil)",
	    NULL },
	{ "null keeps its place in a list",
	    "local t = d.json.decode('[1,null,3]') eq(#t, 3) eq(t[2], "
	    "d.json.null) eq(tostring(t[2]), 'null')",
	    NULL },
	{ "texts of all kinds",
	    "eq(d.json.decode([[\"\\u00e9\\ud83d\\ude00\\n\\\"\\\\\"]]), "
	    "'\\u{e9}\\u{1f600}\\n\"\\\\') "
	    "eq(d.json.decode([[\"a\\u0000b\"]]), 'a\\0b')",
	    NULL },
	{ "what is no JSON is nil and why",
	    "for _, x in ipairs { '', ' ', '{', '[1,]', '{\"a\":1,}', 'nul', "
	    "'\\'a\\'', '01', '1e', '+1', 'NaN', '[1] 2', '{a:1}', '\"a', "
	    "'\"\\n\"', '\"\\xff\"', '\"\\xc0\\x80\"', '\"\\xed\\xa0\\x80\"', "
	    "[[\"\\ud800\"]], [[\"\\x\"]], '\\0', '[1]\\0', "
	    "'9223372036854775808', '1e999', '\\u{feff}1', "
	    "[[{\"a\\u0000b\":1}]], '{\"a\":1,\"a\":2}' } do "
	    "local v, why = d.json.decode(x) "
	    "if v ~= nil or type(why) ~= 'string' then error(x) end "
	    "if not why:find('^line 1') and not why:find('^line 2') then "
	    "error(why) end end",
	    NULL },
	{ "64 levels, and no more",
	    "local function deep(n) return ('['):rep(n) .. (']'):rep(n) end "
	    "assert(d.json.decode(deep(64))) "
	    "local v, why = d.json.decode(deep(65)) eq(why, 'more than 64 "
	    "levels') v, why = d.json.decode(deep(2000)) eq(v, nil) "
	    "v, why = d.json.decode(deep(400000)) eq(v, nil) "
	    "v, why = d.json.decode(('{\"a\":'):rep(100000)) eq(v, nil)",
	    NULL },
	{ "a mebibyte, and no more",
	    "assert(d.json.decode('\"' .. ('x'):rep(1048574) .. '\"')) "
	    "local v, why = d.json.decode('\"' .. ('x'):rep(1048575) .. '\"') "
	    "eq(v, nil) eq(why, 'the text is longer than 1 MiB')",
	    NULL },
	{ "as many values as a mebibyte holds",
	    "eq(#d.json.decode('[' .. ('1,'):rep(500000) .. '1]'), 500001)",
	    NULL },
	{ "memory that ends while it decodes",
	    "local t = {} while true do t[#t + 1] = d.json.decode('[' .. "
	    "('[],'):rep(100000) .. '1]') end",
	    "of memory" },
	{ "again and again is stopped",
	    "local x = '[' .. ('1,'):rep(100000) .. '1]' "
	    "while true do d.json.decode(x) end",
	    "ran more than" },
	{ "nil", "d.json.decode(nil)", "d.json.decode: text is a nil" },
	{ "a list's metatable is locked",
	    "setmetatable(d.json.decode('[]'), {})", "protected" },
};

static void
decode_reads_rfc_8259(void **state)
{
	(void)state;
	LIB_RUN(decodes, NULL);
}

static const struct lib_case encodes[] = {
	{ "values",
	    "eq(d.json.encode(1), '1') eq(d.json.encode(true), 'true') "
	    "eq(d.json.encode('a\"\\n'), [[\"a\\\"\\n\"]]) "
	    "eq(d.json.encode(d.json.null), 'null') eq(d.json.encode(0.1), "
	    "'0.1') eq(d.json.encode(1.0), '1.0') "
	    "eq(d.json.encode(math.mininteger), '-9223372036854775808')",
	    NULL },
	{ "tables",
	    "eq(d.json.encode({}), '{}') eq(d.json.encode({ 1, 'a', "
	    "{ b = false } }), '[1,\"a\",{\"b\":false}]')",
	    NULL },
	{ "keys are sorted",
	    "eq(d.json.encode({ z = 1, a = 2, m = { y = 1, x = 2 } }), "
	    "'{\"a\":2,\"m\":{\"x\":2,\"y\":1},\"z\":1}')",
	    NULL },
	{ "an empty list is one when it was said",
	    "eq(d.json.encode(d.json.list({})), '[]') "
	    "eq(d.json.encode({ to = d.json.list({}) }), '{\"to\":[]}') "
	    "eq(d.json.encode(d.json.decode('[[],{}]')), '[[],{}]')",
	    NULL },
	{ "NULs and what is no ASCII",
	    "eq(d.json.encode('a\\0\\u{e9}'), '\"a\\\\u0000\\u{e9}\"')", NULL },
	{ "there and back",
	    "local x = [==[{\"a\":[1,2.5,null,true,\"\\u00e9\"],\"b\":{\"c\":"
	    "[]}}]==] local y = d.json.encode(d.json.decode(x)) "
	    "eq(y, d.json.encode(d.json.decode(y))) eq(y, "
	    "'{\"a\":[1,2.5,null,true,\"\\u{e9}\"],\"b\":{\"c\":[]}}')",
	    NULL },
	{ "a text that is no UTF-8 is nil and why",
	    "local v, why = d.json.encode({ a = { '\\xff' } }) eq(v, nil) "
	    "eq(why, 'a text in it is no UTF-8') "
	    "v, why = d.json.encode({ ['\\xff'] = 1 }) eq(v, nil) "
	    "eq(why, 'a key in it is no UTF-8')",
	    NULL },
	{ "a table in itself is nil and why",
	    "local t = {} t.t = t local v, why = d.json.encode(t) eq(v, nil) "
	    "eq(why, 'more than 64 levels, or a table in itself')",
	    NULL },
	{ "a table that is twice in itself",
	    "local t = {} t.a = t t.b = t local v, why = d.json.encode(t) "
	    "eq(v, nil)",
	    NULL },
	{ "tables that hold each other many times",
	    "local t = d.json.list({}) for i = 1, 40 do t = { t, t } end "
	    "local v, why = d.json.encode(t) eq(v, nil) eq(why, 'the result "
	    "would be more than 1 MiB')",
	    NULL },
	{ "more than a mebibyte is nil and why",
	    "local v, why = d.json.encode(('x'):rep(1048577)) eq(v, nil) "
	    "eq(why, 'the result would be more than 1 MiB') "
	    "v, why = d.json.encode(('\\0'):rep(1000000)) eq(v, nil) "
	    "v, why = d.json.encode({ [('k'):rep(1048577)] = 1 }) eq(v, nil)",
	    NULL },
	{ "nil", "d.json.encode(nil)", "the value is nil" },
	{ "nothing", "d.json.encode()", "value expected" },
	{ "a function", "d.json.encode({ { print2 = d.log } })",
	    "d.json.encode: a function is no JSON" },
	{ "a decision", "d.json.encode({ d.accept {} })",
	    "a userdata is no JSON" },
	{ "a hole", "d.json.encode({ 1, nil, 3, nil, 5 })", "a hole at 2" },
	{ "a mixed table", "d.json.encode({ 1, a = 2 })",
	    "keys 1 to n, or texts only" },
	{ "other keys", "d.json.encode({ [true] = 1 })",
	    "keys 1 to n, or texts only" },
	{ "half a key", "d.json.encode({ [1.5] = 1 })",
	    "keys 1 to n, or texts only" },
	{ "a number that is none", "d.json.encode({ 0 / 0 })",
	    "no infinite numbers" },
	{ "an infinite one", "d.json.encode(math.huge)",
	    "no infinite numbers" },
	{ "a list of a text", "d.json.list('x')", "takes a table" },
	{ "a list of what has a metatable", "d.json.list(setmetatable({}, {}))",
	    "has a metatable" },
	{ "marked twice is marked",
	    "eq(d.json.encode(d.json.list(d.json.list({ 1 }))), '[1]')", NULL },
	{ "marked, with names", "d.json.encode(d.json.list({ a = 1 }))",
	    "keys 1 to n, or texts only" },
	{ "a typo", "return d.json[('dcode')]",
	    "d.json has no dcode; did you mean \"decode\"?" },
	{ "again and again is stopped",
	    "local t = {} for i = 1, 10000 do t[i] = i end "
	    "while true do d.json.encode(t) end",
	    "ran more than" },
	{ "also when it fails each time",
	    "local t = d.json.list({}) for i = 1, 40 do t = { t, t } end "
	    "while true do d.json.encode(t) end",
	    "ran more than" },
};

static void
encode_writes_it(void **state)
{
	(void)state;
	LIB_RUN(encodes, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decode_reads_rfc_8259),
		cmocka_unit_test(encode_writes_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
