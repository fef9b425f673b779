/* rules_test.c - who matches what, without any Lua. */
#include "help.h"

#include "../../../core/policy/vm.h"

static const struct {
	const char *why, *pattern, *value;
	bool matches;
} patterns[] = {
	{ "a whole address", "a@b.example", "a@b.example", true },
	{ "case is folded", "A@B.example", "a@b.EXAMPLE", true },
	{ "another mailbox", "a@b.example", "aa@b.example", false },
	{ "a domain", "b.example", "a@b.example", true },
	{ "a domain is not those below", "b.example", "a@x.b.example", false },
	{ "nor one that ends alike", "b.example", "a@xb.example", false },
	{ "below", "*.b.example", "a@x.b.example", true },
	{ "far below", "*.b.example", "a@y.x.b.example", true },
	{ "below is not itself", "*.b.example", "a@b.example", false },
	{ "nor one that ends alike", "*.b.example", "a@xb.example", false },
	{ "the last @ counts", "b.example", "\"x@y\"@b.example", true },
	{ "a prefix, of a user", "sales-*", "sales-7", true },
	{ "a prefix, of an address", "sales-*", "sales-7@b.example", true },
	{ "not in the middle", "sales-*", "x-sales-7", false },
	{ "a star inside an address", "sales-*@b.example", "sales-1@b.example",
	    true },
	{ "and another domain", "sales-*@b.example", "sales-1@c.example",
	    false },
	{ "a user", "robot", "ROBOT", true },
	{ "a name said in EHLO", "*.plant.example", "press.plant.example",
	    true },
	{ "everybody", "*", "anything", true },
	{ "many stars do not take long", "*a*a*a*a*a*a*a*a*b",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	    false },
	{ "not known yet", "*", "", false },
};

static void
patterns_match_as_the_manual_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		struct dg_patterns p = { &patterns[i].pattern, 1 };

		print_message("  %s\n", patterns[i].why);
		assert_int_equal(dg_patterns_match(&p,
				     dg_str(patterns[i].value)),
		    patterns[i].matches);
	}
}

static void
no_pattern_matches_everything_and_several_match_any(void **state)
{
	static const char *const two[] = { "a.example", "b.example" };
	struct dg_patterns none = { NULL, 0 }, both = { two, 2 };

	(void)state;
	assert_true(dg_patterns_match(&none, DG_STR("")));
	assert_true(dg_patterns_match(&both, DG_STR("x@b.example")));
	assert_false(dg_patterns_match(&both, DG_STR("x@c.example")));
}

static const struct {
	const char *why, *net, *address;
	bool is_net, has;
} nets[] = {
	{ "an address", "10.0.0.5", "10.0.0.5", true, true },
	{ "and its neighbour", "10.0.0.5", "10.0.0.6", true, false },
	{ "a network", "10.0.0.0/24", "10.0.0.255", true, true },
	{ "outside", "10.0.0.0/24", "10.0.1.0", true, false },
	{ "host bits do not count", "10.0.0.77/24", "10.0.0.1", true, true },
	{ "not on a byte", "10.0.0.0/23", "10.0.1.9", true, true },
	{ "not on a byte, outside", "10.0.0.0/23", "10.0.2.0", true, false },
	{ "all of IPv4", "0.0.0.0/0", "192.0.2.1", true, true },
	{ "which IPv6 is not in", "0.0.0.0/0", "2001:db8::1", true, false },
	{ "IPv6", "2001:db8::/32", "2001:db8:1::5", true, true },
	{ "IPv6, outside", "2001:db8::/32", "2001:db9::5", true, false },
	{ "all of IPv6 has IPv4 too", "::/0", "192.0.2.1", true, true },
	{ "mapped", "192.0.2.0/24", "::ffff:192.0.2.9", true, true },
	{ "loopback", "::1", "::1", true, true },
	{ "33 bits", "10.0.0.0/33", "", false, false },
	{ "129 bits", "::1/129", "", false, false },
	{ "no bits", "10.0.0.0/", "", false, false },
	{ "three parts", "10.0.0", "", false, false },
	{ "a name", "mail.example", "", false, false },
	{ "nothing", "", "", false, false },
	{ "no address to compare", "10.0.0.0/8", "unix:", true, false },
};

static void
networks_are_read_and_hold_their_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]); i++) {
		struct dg_net n;

		print_message("  %s\n", nets[i].why);
		assert_int_equal(dg_net_read(dg_str(nets[i].net), &n),
		    nets[i].is_net);
		if (nets[i].is_net)
			assert_int_equal(dg_net_has(&n,
					     dg_str(nets[i].address)),
			    nets[i].has);
	}
}

static const struct {
	const char *why, *text;
	char first;
	int code; /* 0: refused */
	const char *enhanced, *words;
} replies[] = {
	{ "whole", "550 5.7.1 not here", '5', 550, "5.7.1", "not here" },
	{ "no enhanced code", "550 not here", '5', 550, "", "not here" },
	{ "a number that is none", "550 5.7 not", '5', 550, "", "5.7 not" },
	{ "three digits", "450 4.7.100 later", '4', 450, "4.7.100", "later" },
	{ "either", "451 4.3.0 x", 0, 451, "4.3.0", "x" },
	{ "no code", "not here", 0, 0, "", "" },
	{ "no text", "550 5.7.1", '5', 0, "", "" },
	{ "code alone", "550", '5', 0, "", "" },
	{ "4 where 5 is wanted", "450 x", '5', 0, "", "" },
	{ "5 where 4 is wanted", "550 x", '4', 0, "", "" },
	{ "they disagree", "550 4.7.1 x", '5', 0, "", "" },
	{ "success", "250 2.0.0 ok", 0, 0, "", "" },
	{ "four digits", "5500 x", 0, 0, "", "" },
	{ "two lines", "550 x\r\n250 y", 0, 0, "", "" },
};

static void
replies_are_read_as_policies_write_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		char enhanced[12] = "";
		struct dg_str text = DG_NOSTR;
		int code = 0;
		const char *wrong = dg_reply_text_read(dg_str(replies[i].text),
		    replies[i].first, &code, enhanced, &text);

		print_message("  %s\n", replies[i].why);
		assert_int_equal(wrong == NULL, replies[i].code != 0);
		if (wrong != NULL)
			continue;
		assert_int_equal(code, replies[i].code);
		assert_string_equal(enhanced, replies[i].enhanced);
		assert_true(dg_str_is(text, replies[i].words));
	}
}

static const char peers[] =
    "local d = require 'dragoman'\n"
    "d.peer 'named' { match = { helo = 'ims.example' } }\n"
    "d.peer 'logged-in' { match = { user = 'svc-*' } }\n"
    "d.peer 'net' { match = { address = '10.0.0.0/24', listener = 'lan' } }\n"
    "d.peer 'rest' { match = { listener = 'lan' } }\n";

static const struct {
	const char *why, *address, *listener, *helo, *user, *peer;
} who[] = {
	{ "at connect", "10.0.0.5", "lan", "", "", "net" },
	{ "EHLO tells more", "10.0.0.5", "lan", "ims.example", "", "named" },
	{ "so does a login", "10.0.0.5", "lan", "x", "svc-1", "logged-in" },
	{ "file order", "10.0.0.5", "lan", "ims.example", "svc-1", "named" },
	{ "all keys must match", "10.0.0.5", "ims", "", "", NULL },
	{ "the last one", "10.9.0.5", "lan", "", "", "rest" },
};

static void
the_first_peer_that_matches_wholly_is_taken(void **state)
{
	struct dg_policy *p = good(peers);

	(void)state;
	for (size_t i = 0; i < sizeof(who) / sizeof(who[0]); i++) {
		struct dg_peer_query q = { dg_str(who[i].address),
			dg_str(who[i].listener), dg_str(who[i].helo),
			dg_str(who[i].user) };
		const struct dg_peer *peer =
		    dg_rules_peer(dg_policy_rules(p), &q);

		print_message("  %s\n", who[i].why);
		if (who[i].peer == NULL)
			assert_null(peer);
		else
			assert_string_equal(peer->name, who[i].peer);
	}
	dg_policy_free(p);
}

static void
hops_are_found_by_name(void **state)
{
	struct dg_policy *p = good("local d = require 'dragoman'\n"
				   "for _, n in ipairs { 'm', 'a', 'zz', 'z' } "
				   "do d.hop(n) { hosts = { n } } end\n");
	const struct dg_rules *r = dg_policy_rules(p);

	(void)state;
	assert_string_equal(r->hops[0]->name, "m"); /* file order */
	assert_string_equal(dg_rules_hop(r, DG_STR("a"))->name, "a");
	assert_string_equal(dg_rules_hop(r, DG_STR("m"))->name, "m");
	assert_string_equal(dg_rules_hop(r, DG_STR("z"))->name, "z");
	assert_string_equal(dg_rules_hop(r, DG_STR("zz"))->name, "zz");
	assert_null(dg_rules_hop(r, DG_STR("zzz")));
	assert_null(dg_rules_hop(r, DG_STR("")));
	assert_null(dg_rules_hop(r, DG_NOSTR));
	dg_policy_free(p);
}

/* Whatever the second matches the first matches, or nobody may say so: tried
 * with every pair and every text of a small world. */
static void
what_covers_matches_all_that_the_other_matches(void **state)
{
	static const char *const v[] = { "*", "*@*", "b", "B", "x.b", "y.x.b",
		"*.b", "*.x.b", "*.*", "*b", "b*", "s-*", "s-t*", "*-t", "s-*@b",
		"s-t@b", "s-t*@x.b", "*@b", "*@*.b", "*@x.b", "a@b", "A@x.b",
		"a@*", "a@*b", "x@y.x.b", "*@b@b", "*.b*", "s*b" };
	static const char *const texts[] = { "a", "b", "x.b", "y.x.b", ".b",
		"xb", "a@b", "a@x.b", "A@X.B", "a@y.x.b", "s-t@b", "s-@b",
		"s-tt@x.b", "s-t", "s-t@x.b", "x@y.x.b", "a@b@b", "b@b@x.b",
		"a@.b", "x@bb", "s-b", "-t", "b@a", "b-t", "a.b@c", "s-t@c.b" };
	size_t n = sizeof(v) / sizeof(v[0]), covers = 0;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < n; k++) {
			struct dg_patterns a = { &v[i], 1 }, b = { &v[k], 1 };

			if (!dg_patterns_cover(&a, &b))
				continue;
			covers++;
			for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]);
			     t++)
				if (dg_patterns_match(&b, dg_str(texts[t])) &&
				    !dg_patterns_match(&a, dg_str(texts[t])))
					fail_msg("%s does not cover %s: %s",
					    v[i], v[k], texts[t]);
		}
	}
	print_message("  %zu pairs\n", covers);
	assert_true(covers > n + 30);
}

static void
covering_is_seen_where_it_is_sure(void **state)
{
	static const struct {
		const char *why, *a, *b;
		bool covers;
	} cases[] = {
		{ "itself, in other letters", "B.example", "b.EXAMPLE", true },
		{ "a mailbox in its domain", "b.example", "x@b.example", true },
		{ "many mailboxes", "b.example", "s-*@b.example", true },
		{ "below", "*.b.example", "x.b.example", true },
		{ "far below", "*.b.example", "*.x.b.example", true },
		{ "below is not itself", "*.b.example", "b.example", false },
		{ "a mailbox below", "*.b.example", "a@x.b.example", true },
		{ "the other way round", "x.b.example", "*.b.example", false },
		{ "users", "sales-*", "sales-eu-*", true },
		{ "and back", "sales-eu-*", "sales-*", false },
		{ "users of a domain", "sales-*", "sales-*@b.example", true },
		{ "everybody", "*", "*.b.example", true },
		{ "a domain, from a star behind the @", "b.example", "a@*",
		    false },
	};
	static const char *const two[] = { "b.example", "*.b.example" };
	static const char *const three[] = { "x.b.example", "a@b.example",
		"c.example" };
	struct dg_patterns all = { NULL, 0 }, a = { two, 2 };
	struct dg_patterns b = { three, 2 }, c = { three, 3 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dg_patterns x = { &cases[i].a, 1 };
		struct dg_patterns y = { &cases[i].b, 1 };

		print_message("  %s\n", cases[i].why);
		assert_int_equal(dg_patterns_cover(&x, &y), cases[i].covers);
	}
	assert_true(dg_patterns_cover(&a, &b));
	assert_false(dg_patterns_cover(&a, &c));
	assert_true(dg_patterns_cover(&all, &all));
	assert_true(dg_patterns_cover(&all, &a));
	assert_false(dg_patterns_cover(&a, &all)); /* nobody has no address */
}

static void
a_network_covers_those_inside_it(void **state)
{
	static const struct {
		const char *a, *b;
		bool covers;
	} cases[] = {
		{ "10.0.0.0/8", "10.1.2.3", true },
		{ "10.0.0.0/8", "10.1.0.0/16", true },
		{ "10.0.0.0/9", "10.128.0.0/16", false },
		{ "10.1.0.0/16", "10.0.0.0/8", false },
		{ "10.0.0.5", "10.0.0.5/32", true },
		{ "::/0", "10.0.0.5", true },
		{ "0.0.0.0/0", "10.0.0.5", true },
		{ "0.0.0.0/0", "::1", false },
		{ "2001:db8::/33", "2001:db8:8000::1", false },
		{ "2001:db8::/32", "2001:db8:8000::/33", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dg_net a, b;

		assert_true(dg_net_read(dg_str(cases[i].a), &a));
		assert_true(dg_net_read(dg_str(cases[i].b), &b));
		assert_int_equal(dg_net_covers(&a, &b), cases[i].covers);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    what_covers_matches_all_that_the_other_matches),
		cmocka_unit_test(covering_is_seen_where_it_is_sure),
		cmocka_unit_test(a_network_covers_those_inside_it),
		cmocka_unit_test(patterns_match_as_the_manual_says),
		cmocka_unit_test(
		    no_pattern_matches_everything_and_several_match_any),
		cmocka_unit_test(networks_are_read_and_hold_their_addresses),
		cmocka_unit_test(replies_are_read_as_policies_write_them),
		cmocka_unit_test(the_first_peer_that_matches_wholly_is_taken),
		cmocka_unit_test(hops_are_found_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
