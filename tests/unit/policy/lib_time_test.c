/* lib_time_test.c - d.time: the clock that tests move, and dates of it. */
#include "lib.h"

#include <time.h>

static const struct lib_case cases[] = {
	{ "fields in UTC",
	    "local t = d.time.date('!*t', 951782400) "
	    "eq(t.year, 2000) eq(t.month, 2) eq(t.day, 29) eq(t.hour, 0) "
	    "eq(t.min, 0) eq(t.sec, 0) eq(t.wday, 3) eq(t.yday, 60) "
	    "eq(t.isdst, false) eq(t.weekday, 'tuesday')",
	    NULL },
	{ "fields in local time (three hours east here)",
	    "local t = d.time.date(nil, 951782400) eq(t.hour, 3) "
	    "eq(d.time.date('*t', 951782400).hour, 3) "
	    "eq(d.time.date('%H:%M %z', 951782400), '03:00 +0300')",
	    NULL },
	{ "texts",
	    "eq(d.time.date('!%Y-%m-%dT%H:%M:%SZ', 0), "
	    "'1970-01-01T00:00:00Z') eq(d.time.date('!%a %d %b', -1), "
	    "'Wed 31 Dec') eq(d.time.date('!', 0), '') "
	    "eq(d.time.date('100%%', 0), '100%')",
	    NULL },
	{ "now is now",
	    "local n = d.time.now() eq(math.type(n), 'integer') "
	    "assert(n > 1700000000) local t = d.time.date('!*t') "
	    "assert(t.year >= 2023)",
	    NULL },
	{ "a conversion that does not exist", "d.time.date('%Q', 0)",
	    "has a % that means nothing" },
	{ "a modifier", "d.time.date('%Ey', 0)", "means nothing" },
	{ "a lone %", "d.time.date('x%', 0)", "means nothing" },
	{ "a NUL", "d.time.date('a\\0b', 0)", "at most 100 characters" },
	{ "a long format", "d.time.date(('x'):rep(101), 0)",
	    "at most 100 characters" },
	{ "too early", "d.time.date('*t', math.mininteger)",
	    "years 0 to 9999" },
	{ "too late", "d.time.date('*t', 253402300800)", "years 0 to 9999" },
	{ "the last second", "eq(d.time.date('!%Y', 253402300799), '9999')",
	    NULL },
	{ "half a second", "d.time.date('*t', 0.5)",
	    "t is a number, but must be a whole number" },
	{ "a text for a time", "d.time.date('*t', '0')", "t is a string" },
	{ "a typo", "return d.time[('noww')]()",
	    "d.time has no noww; did you mean \"now\"?" },
	{ "it stays what it is", "d.time.now = nil",
	    "d.time cannot be changed" },
};

static void
dates_are_those_of_their_second(void **state)
{
	(void)state;
	setenv("TZ", "XXX-3", 1); /* NOLINT: no thread yet */
	tzset();
	LIB_RUN(cases, NULL);
}

static lua_Integer
seconds(struct dg_policy_state *s)
{
	lua_Integer n;

	assert_int_equal(lua_getfield(s->vm.L, LUA_REGISTRYINDEX, "t"),
	    LUA_TNIL);
	lua_pop(s->vm.L, 1);
	dg_vm_push_hook(s->vm.L, 1);
	assert_int_equal(lua_pcall(s->vm.L, 0, 1, 0), LUA_OK);
	n = lua_tointeger(s->vm.L, -1);
	lua_pop(s->vm.L, 1);
	return n;
}

static void
now_jumps_with_the_clock(void **state)
{
	struct dg_policy *p;
	struct dg_policy_state *s = lib_state("return d.time.now()", NULL, &p);
	lua_Integer a = seconds(s), b;

	(void)state;
	dg_clock_jump(3600 * 1000);
	b = seconds(s);
	assert_in_range(b - a, 3600, 3660);
	dg_clock_jump(-3600 * 1000);
	dg_policy_state_free(s);
	dg_policy_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_are_those_of_their_second),
		cmocka_unit_test(now_jumps_with_the_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
