/* lib_cidr_test.c - d.cidr: networks as match.address has them. */
#include "lib.h"

static const struct lib_case cases[] = {
	{ "one network or address",
	    "eq(d.cidr('10.0.0.0/24', '10.0.0.255'), true) "
	    "eq(d.cidr('10.0.0.0/24', '10.0.1.0'), false) "
	    "eq(d.cidr('10.0.0.5', '10.0.0.5'), true) "
	    "eq(d.cidr('0.0.0.0/0', '1.2.3.4'), true) "
	    "eq(d.cidr('0.0.0.0/0', '2001:db8::1'), false)",
	    NULL },
	{ "IPv6",
	    "eq(d.cidr('2001:db8::/32', '2001:db8:1::1'), true) "
	    "eq(d.cidr('2001:db8::/33', '2001:db8:8000::'), false)",
	    NULL },
	{ "an IPv4 address in IPv6 is itself",
	    "eq(d.cidr('10.0.0.0/8', '::ffff:10.1.2.3'), true)", NULL },
	{ "several in one text",
	    "eq(d.cidr(' 10.0.0.0/8,  192.168.0.0/16\\t::1', '::1'), true) "
	    "eq(d.cidr('10.0.0.0/8 192.168.0.0/16', '172.16.0.1'), false)",
	    NULL },
	{ "a list",
	    "eq(d.cidr({ '10.0.0.0/8', '::1 ::2' }, '::2'), true) "
	    "eq(d.cidr({ '10.0.0.0/8' }, '::2'), false)",
	    NULL },
	{ "what is no address is nowhere",
	    "for _, a in ipairs { '', 'x', '10.0.0', '10.0.0.0/8', "
	    "'10.0.0.1\\0', '\\0', ('1'):rep(100000), 'unix:/x' } do "
	    "eq(d.cidr('0.0.0.0/0 ::/0', a), false) end",
	    NULL },
	{ "a bad network", "d.cidr('10.0.0.0/33', '10.0.0.1')",
	    "d.cidr: \"10.0.0.0/33\" is no address or network" },
	{ "also behind a match", "d.cidr('10.0.0.0/8 10.0.0', '10.0.0.1')",
	    "\"10.0.0\" is no address" },
	{ "also in a list after a match",
	    "d.cidr({ '::/0', 'fe80::x' }, '::1')", "\"fe80::x\"" },
	{ "a long one", "d.cidr(('9'):rep(5000), '::1')", "is no address" },
	{ "no network", "d.cidr(' , ', '::1')", "no network is named" },
	{ "no list", "d.cidr({}, '::1')", "nets is empty" },
	{ "a list of other things", "d.cidr({ 5 }, '::1')",
	    "an item of nets is a number" },
	{ "nil", "d.cidr(nil, '::1')", "nets is a nil" },
	{ "no address", "d.cidr('::1')", "address is a no value" },
	{ "a long list again and again is stopped",
	    "local t = ('10.0.0.0/8 '):rep(10000) while true do d.cidr(t, "
	    "'::1') end",
	    "ran more than" },
};

static void
cidr_says_who_is_within(void **state)
{
	(void)state;
	LIB_RUN(cases, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cidr_says_who_is_within),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
