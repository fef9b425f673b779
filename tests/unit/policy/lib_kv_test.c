/* lib_kv_test.c - d.kv, d.rate, d.alert: what needs a host. */
#include "lib.h"

static struct {
	int n;
	char name[100], text[500];
} alerts;

static void
on_alert(void *ctx, const char *name, const char *text)
{
	assert_ptr_equal(ctx, &alerts);
	alerts.n++;
	snprintf(alerts.name, sizeof(alerts.name), "%s", name);
	snprintf(alerts.text, sizeof(alerts.text), "%s", text);
}

static int
setup(void **state)
{
	static struct dg_policy_host host;

	host = (struct dg_policy_host){ .shared = dg_shared_new(NULL),
		.alert = on_alert,
		.ctx = &alerts };
	*state = &host;
	return 0;
}

static int
teardown(void **state)
{
	dg_shared_free(((struct dg_policy_host *)*state)->shared);
	return 0;
}

static const struct lib_case kv_cases[] = {
	{ "what was set is there, by another handle, too",
	    "local s = d.kv 'a' eq(s:get('k'), nil) eq(s:set('k', 'v'), true) "
	    "eq(d.kv('a'):get('k'), 'v') eq(d.kv('b'):get('k'), nil)",
	    NULL },
	{ "and in the next state, as after a reload",
	    "eq(d.kv('a'):get('k'), 'v')", NULL },
	{ "integers stay integers, texts texts",
	    "local s = d.kv 'a' s:set('n', 5) eq(s:get('n'), 5) "
	    "eq(math.type(s:get('n')), 'integer') s:set('n', '5') "
	    "eq(s:get('n'), '5') s:set('n', 2.0) eq(s:get('n'), 2) "
	    "s:set('e', '') eq(s:get('e'), '')",
	    NULL },
	{ "NULs and bytes in keys and values",
	    "local s = d.kv 'a' s:set('a\\0b', '\\0\\xff') eq(s:get('a\\0b'), "
	    "'\\0\\xff') eq(s:get('a'), nil) s:set('', 1) eq(s:get(''), 1)",
	    NULL },
	{ "del says whether it was there",
	    "local s = d.kv 'a' s:set('d', 1) eq(s:del('d'), true) "
	    "eq(s:del('d'), false) eq(s:get('d'), nil) "
	    "eq(d.kv('none'):del('d'), false)",
	    NULL },
	{ "incr counts",
	    "local s = d.kv 'a' eq(s:incr('i'), 1) eq(s:incr('i', 4), 5) "
	    "eq(s:incr('i', -7), -2) eq(s:incr('i', nil, { ttl = '1h' }), -1) "
	    "eq(s:get('i'), -1) eq(s:incr('m', math.maxinteger), "
	    "math.maxinteger) eq(s:incr('m'), math.maxinteger)",
	    NULL },
	{ "incr of a text", "local s = d.kv 'a' s:set('t', 'x') s:incr('t')",
	    "d.kv:incr: the key holds a text" },
	{ "incr by half", "d.kv('a'):incr('i', 0.5)",
	    "the number to add is a number, but must be a whole number" },
	{ "what data made too large is nil and why",
	    "local s = d.kv 'a' local v, why = s:set(('k'):rep(1025), 1) "
	    "eq(v, nil) eq(why, 'the key is longer than 1024 bytes') "
	    "v, why = s:set('k', ('v'):rep(65537)) eq(v, nil) "
	    "eq(why, 'the text is longer than 65536 bytes') "
	    "v, why = s:incr(('k'):rep(1025)) eq(v, nil) "
	    "eq(s:get(('k'):rep(1025)), nil) eq(s:get('k'), 'v') "
	    "eq(s:set('k', ('v'):rep(65536)), true) eq(#s:get('k'), 65536)",
	    NULL },
	{ "stores that data makes come to an end",
	    "for i = 1, 100 do local v, why = d.kv('s' .. i):set('k', 1) "
	    "if not v then eq(why, 'there are 64 stores already') "
	    "assert(i > 50) return end end error 'no end'",
	    NULL },
	{ "nil for a value", "d.kv('a'):set('k', nil)",
	    "the value is nil; use :del to forget a key" },
	{ "a boolean", "d.kv('a'):set('k', true)",
	    "d.kv:set: the value is a boolean, but must be a text" },
	{ "a fraction", "d.kv('a'):set('k', 1.5)", "must be a whole number" },
	{ "nil for a key", "d.kv('a'):get(nil)", "d.kv:get: the key is a nil" },
	{ "a ttl that is none", "d.kv('a'):set('k', 1, { ttl = '1x' })",
	    "ttl = \"1x\" is no duration; write 30s, 5m, 2h or 1d" },
	{ "a ttl of nothing", "d.kv('a'):set('k', 1, { ttl = '0s' })",
	    "is no duration" },
	{ "a ttl in seconds", "d.kv('a'):set('k', 1, { ttl = 5 })",
	    "ttl is a number, but must be a text" },
	{ "an option that does not exist",
	    "d.kv('a'):incr('k', 1, { tll = '1h' })",
	    "unknown field \"tll\"; did you mean \"ttl\"?" },
	{ "a method that does not exist", "d.kv('a'):inc('k')",
	    "d.kv has no inc; did you mean \"incr\"?" },
	{ "a dot for the colon", "d.kv('a').get('k')",
	    "d.kv:get is called with a colon: s:get" },
	{ "a handle stays what it is", "d.kv('a').x = 1",
	    "d.kv cannot be changed" },
	{ "and locks its metatable", "getmetatable(d.kv 'a').x = 1",
	    "index a boolean value" },
	{ "a handle says its name", "eq(tostring(d.kv 'a'), 'd.kv \"a\"')",
	    NULL },
	{ "a name with a line break", "d.kv('a\\nb')", "d.kv: a name has" },
	{ "a name with a NUL", "d.kv('a\\0b')", "d.kv: a name has" },
	{ "no name", "d.kv('')", "d.kv: a name has" },
	{ "a long name", "d.kv(('a'):rep(61))", "d.kv: a name has" },
	{ "a table for a name", "d.kv {}", "the name is a table" },
	{ "filling without end is stopped",
	    "local s, v, i = d.kv 'a', ('v'):rep(60000), 0 while true do "
	    "i = i + 1 s:set('k' .. i, v) end",
	    "ran more than" },
};

static void
kv_keeps_within_bounds(void **state)
{
	struct dg_policy_host *h = *state;
	struct dg_shared_sums sums;

	LIB_RUN(kv_cases, h);
	sums = dg_shared_sums(h->shared);
	assert_true(sums.evicted > 0);
	assert_true(sums.bytes <= sums.stores * 16 * 1024 * 1024);
}

static void
run_body(struct dg_policy_host *h, const char *body)
{
	struct lib_case c = { body, body, NULL };

	lib_run(&c, h);
}

static void
a_ttl_ends(void **state)
{
	struct dg_policy_host *h = *state;

	run_body(h, "local s = d.kv 't' s:set('a', 1, { ttl = '10m' }) "
		    "s:set('b', 1) s:incr('c', 1, { ttl = '10m' })");
	dg_clock_jump(9 * 60 * 1000);
	run_body(h, "local s = d.kv 't' eq(s:get('a'), 1) eq(s:incr('c', 1, { "
		    "ttl = '10m' }), 2)");
	dg_clock_jump(2 * 60 * 1000);
	run_body(h, "local s = d.kv 't' eq(s:get('a'), nil) eq(s:get('b'), 1) "
		    "eq(s:incr('c', 1, { ttl = '10m' }), 1)");
}

static const struct lib_case rate_cases[] = {
	{ "so many at once, and no more",
	    "for i = 1, 30 do local ok, wait = d.rate('r', '30/min', 'k') "
	    "eq(ok, true) eq(wait > 0, i == 30) end "
	    "local ok, wait = d.rate('r', '30/min', 'k') eq(ok, false) "
	    "eq(wait, 2)",
	    NULL },
	{ "each key has its own, and each name",
	    "eq(d.rate('r', '30/min', 'l'), true) "
	    "eq(d.rate('r2', '30/min', 'k'), true) "
	    "eq(d.rate('r', '30/min', ''), true) "
	    "eq(d.rate('r', '30/min', 'k'), false)",
	    NULL },
	{ "a key that is long",
	    "eq(d.rate('r', '1/d', ('k'):rep(100000)), true) "
	    "local ok, wait = d.rate('r', '1/d', ('k'):rep(100000)) "
	    "eq(ok, false) assert(wait > 86000 and wait <= 86400)",
	    NULL },
	{ "a rate that is none", "d.rate('r', '30', 'k')",
	    "d.rate: \"30\" is no rate; write 5/s, 30/min" },
	{ "none at all", "d.rate('r', '0/min', 'k')", "is no rate" },
	{ "a long period", "d.rate('r', '1/9999d', 'k')",
	    "in at most 366 days" },
	{ "very many", "d.rate('r', '1000001/s', 'k')", "1 to 1000000" },
	{ "a number for a rate", "d.rate('r', 30, 'k')",
	    "d.rate: the rate is a number" },
	{ "no key", "d.rate('r', '30/min')", "the key is a no value" },
	{ "a name that is none", "d.rate('a/b', '1/s', 'k')",
	    "d.rate: a name has" },
};

static void
rate_is_a_bucket_for_each_key(void **state)
{
	struct dg_policy_host *h = *state;

	LIB_RUN(rate_cases, h);
	dg_clock_jump(4100); /* two tokens */
	run_body(h, "eq(d.rate('r', '30/min', 'k'), true) "
		    "eq(d.rate('r', '30/min', 'k'), true) "
		    "eq(d.rate('r', '30/min', 'k'), false)");
	dg_clock_jump(3600 * 1000);
	run_body(h, "for i = 1, 30 do eq(d.rate('r', '30/min', 'k'), true) end "
		    "eq(d.rate('r', '30/min', 'k'), false)");
}

static const struct lib_case alert_cases[] = {
	{ "an alert", "d.alert('user directory', 'it answers 500')", NULL },
	{ "a name for a header", "d.alert('a\\r\\nBcc: x', 'y')",
	    "d.alert: a name has" },
	{ "a blank in front", "d.alert(' a', 'y')", "d.alert: a name has" },
	{ "no text", "d.alert('a')", "text is a no value" },
};

static void
alerts_reach_the_host_clean(void **state)
{
	struct dg_policy_host *h = *state;

	LIB_RUN(alert_cases, h);
	assert_int_equal(alerts.n, 1);
	assert_string_equal(alerts.name, "user directory");
	assert_string_equal(alerts.text, "it answers 500");
	run_body(h, "d.alert('a', 'x\\r\\n\\0y\\27[1m\\u{e9}')");
	assert_string_equal(alerts.text, "x???y?[1m\xc3\xa9");
	run_body(h, "d.alert('a', 'x\\xff\\u{e9}')");
	assert_string_equal(alerts.text, "x???");
	run_body(h, "d.alert('a', ('\\u{e9}'):rep(100000))");
	assert_int_equal(strlen(alerts.text), 400);
	run_body(h, "d.alert('a', 'x' .. ('\\u{e9}'):rep(100000))");
	assert_int_equal(strlen(alerts.text), 399);
	run_body(h, "d.alert('a', '')");
	assert_string_equal(alerts.text, "");
	assert_int_equal(alerts.n, 6);
}

static const struct lib_case homeless[] = {
	{ "kv", "d.kv('a'):get('k')", "d.kv:get: nothing is kept here" },
	{ "rate", "d.rate('a', '1/s', 'k')", "nothing is counted here" },
	{ "an alert is logged at least", "d.alert('a', 'b')", NULL },
};

static void
without_a_host_they_say_so(void **state)
{
	(void)state;
	LIB_RUN(homeless, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(kv_keeps_within_bounds, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(a_ttl_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(rate_is_a_bucket_for_each_key,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(alerts_reach_the_host_clean,
		    setup, teardown),
		cmocka_unit_test(without_a_host_they_say_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
