/* mx_test.c - from answers of the DNS to the addresses that are called.
 *
 * A case is a little zone: "10 mx1 20 mx2" are the records, "mx1=..." the
 * addresses of a host ("?": its name server failed), and what comes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/relay/mx.h"

enum { ALL_MAX = 4096 };

static bool
is_ours(void *ctx, struct dg_str address, unsigned port)
{
	(void)ctx;
	return dg_str_is(address, "192.0.2.99") && port == 25;
}

/* The last one, always: what shuffling did can be told then. */
static uint32_t
last(uint32_t bound)
{
	return bound - 1;
}

static uint32_t
first(uint32_t bound)
{
	(void)bound;
	return 0;
}

struct zone {
	const char *why;
	const char *records;   /* NULL: no MX; "NXDOMAIN" "SERVFAIL" */
	const char *addresses; /* "name=a,b name2=" */
	const char *places;    /* "host@address ..." or the verdict's words */
	enum dg_meaning meaning;
	const char *enhanced;
	bool may_loopback;
};

static void
give_records(struct dg_mx_plan *p, const char *records, bool *goes_on)
{
	struct dg_dns_record v[DG_DNS_RECORDS_MAX];
	struct dg_dns_answer a = { .v = v, .why = "the server failed" };
	char text[ALL_MAX], *at = NULL, *word;

	if (records == NULL) {
		a.result = DG_DNS_NO_RECORD;
	} else if (strcmp(records, "NXDOMAIN") == 0) {
		a.result = DG_DNS_NO_NAME;
	} else if (strcmp(records, "SERVFAIL") == 0) {
		a.result = DG_DNS_FAILED;
	} else {
		snprintf(text, sizeof(text), "%s", records);
		for (word = strtok_r(text, " ", &at); word != NULL;
		     word = strtok_r(NULL, " ", &at)) {
			v[a.n].preference = (unsigned)strtoul(word, NULL, 10);
			v[a.n++].text = dg_str(strtok_r(NULL, " ", &at));
		}
	}
	*goes_on = dg_mx_records(p, &a);
}

static void
give_addresses(struct dg_mx_plan *p, size_t i, const char *addresses)
{
	char text[ALL_MAX], *at = NULL, *inner = NULL, *word;
	size_t n = strlen(p->hosts[i].name);

	snprintf(text, sizeof(text), "%s", addresses);
	for (word = strtok_r(text, " ", &at); word != NULL;
	     word = strtok_r(NULL, " ", &at)) {
		struct dg_dns_record v[2][20];
		struct dg_dns_answer a[2] = { { .result = DG_DNS_NO_RECORD },
			{ .result = DG_DNS_NO_RECORD } };

		if (strncmp(word, p->hosts[i].name, n) != 0 || word[n] != '=')
			continue;
		for (char *x = strtok_r(word + n + 1, ",", &inner); x != NULL;
		     x = strtok_r(NULL, ",", &inner)) {
			bool is_v6 = strchr(x, ':') != NULL;

			a[is_v6].v = v[is_v6];
			if (strcmp(x, "?") == 0) {
				a[0].result = DG_DNS_FAILED;
				continue;
			}
			a[is_v6].result = DG_DNS_FOUND;
			v[is_v6][a[is_v6].n++] =
			    (struct dg_dns_record){ .text = dg_str(x) };
		}
		dg_mx_addresses(p, i, true, &a[1]);
		dg_mx_addresses(p, i, false, &a[0]);
	}
}

static void
run(const struct zone *z, uint32_t (*below)(uint32_t), struct dg_mx_plan *p)
{
	struct dg_mx_options o = {
		.domain = DG_STR("d.example"),
		.hostname = DG_STR("Relay.Example"),
		.port = 25,
		.may_loopback = z->may_loopback,
		.is_ours = is_ours,
		.below = below,
	};
	bool goes_on;

	dg_mx_begin(p, &o);
	give_records(p, z->records, &goes_on);
	if (!goes_on)
		return;
	for (size_t i = 0; i < p->n_hosts; i++)
		give_addresses(p, i, z->addresses);
	dg_mx_decide(p);
}

static void
places_of(const struct dg_mx_plan *p, char out[ALL_MAX])
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < p->n_places; i++)
		n += (size_t)snprintf(out + n, ALL_MAX - n, "%s%s@%s",
		    i > 0 ? " " : "", p->places[i].host, p->places[i].dial);
}

static const struct zone zones[] = {
	{ .why = "by preference", .records = "10 a 20 b",
	    .addresses = "a=192.0.2.1 b=192.0.2.2",
	    .places = "a:25@192.0.2.1:25 b:25@192.0.2.2:25" },
	{ .why = "IPv6 first, then one of each", .records = "10 a",
	    .addresses = "a=192.0.2.1,192.0.2.2,2001:db8::1,2001:db8::2",
	    .places = "a:25@[2001:db8::1]:25 a:25@192.0.2.1:25 "
		      "a:25@[2001:db8::2]:25 a:25@192.0.2.2:25" },
	{ .why = "two addresses of a host when there are others",
	    .records = "10 a 20 b",
	    .addresses = "a=192.0.2.1,192.0.2.2,192.0.2.3 b=192.0.2.4",
	    .places = "a:25@192.0.2.1:25 a:25@192.0.2.2:25 "
		      "b:25@192.0.2.4:25" },
	{ .why = "a host without an address is left out",
	    .records = "10 a 20 b", .addresses = "b=192.0.2.2",
	    .places = "b:25@192.0.2.2:25" },
	{ .why = "a sick name server stops nobody who can be reached",
	    .records = "10 a 20 b", .addresses = "a=? b=192.0.2.2",
	    .places = "b:25@192.0.2.2:25" },
	{ .why = "the implicit one", .addresses = "d.example=192.0.2.1",
	    .places = "d.example:25@192.0.2.1:25" },
	{ .why = "a dot among others means nothing", .records = "0 . 10 a",
	    .addresses = "a=192.0.2.1", .places = "a:25@192.0.2.1:25" },

	{ .why = "the null MX", .records = "0 .", .places = "takes no mail",
	    .meaning = DG_MEANING_UNKNOWN_RECIPIENT, .enhanced = "5.1.10" },
	{ .why = "no such domain", .records = "NXDOMAIN",
	    .places = "does not exist",
	    .meaning = DG_MEANING_UNKNOWN_RECIPIENT, .enhanced = "5.1.2" },
	{ .why = "a sick name server", .records = "SERVFAIL",
	    .places = "the server failed",
	    .meaning = DG_MEANING_UNREACHABLE, .enhanced = "4.4.3" },
	{ .why = "no MX and no address", .addresses = "",
	    .places = "neither an MX record nor an address",
	    .meaning = DG_MEANING_UNKNOWN_RECIPIENT, .enhanced = "5.1.2" },
	{ .why = "no MX has an address", .records = "10 a", .addresses = "",
	    .places = "has an address", .meaning = DG_MEANING_PERMANENT,
	    .enhanced = "5.4.4" },
	{ .why = "not known is not gone", .records = "10 a 20 b",
	    .addresses = "a=?", .places = "did not say where a is",
	    .meaning = DG_MEANING_UNREACHABLE, .enhanced = "4.4.3" },

	{ .why = "we are the best", .records = "10 relay.example 20 b",
	    .addresses = "b=192.0.2.2", .places = "loops back to us",
	    .meaning = DG_MEANING_PERMANENT, .enhanced = "5.4.6" },
	{ .why = "better than us only", .records =
		"10 a 20 RELAY.example 20 c 30 b",
	    .addresses = "a=192.0.2.1 b=192.0.2.2 c=192.0.2.3",
	    .places = "a:25@192.0.2.1:25" },
	{ .why = "we by our address", .records = "10 a 20 us 20 c 30 b",
	    .addresses = "a=192.0.2.1 us=192.0.2.99 b=192.0.2.2 c=192.0.2.3",
	    .places = "a:25@192.0.2.1:25" },
	{ .why = "nobody better can be reached now",
	    .records = "10 a 20 relay.example", .addresses = "a=?",
	    .places = "did not say where a is",
	    .meaning = DG_MEANING_UNREACHABLE, .enhanced = "4.4.3" },
	{ .why = "the domain is ourselves, without MX",
	    .addresses = "d.example=192.0.2.99", .places = "loops back to us",
	    .meaning = DG_MEANING_PERMANENT, .enhanced = "5.4.6" },

	{ .why = "loopback", .records = "10 a 20 b 30 c",
	    .addresses = "a=127.0.0.1 b=::1 c=::ffff:127.0.0.1",
	    .places = "no address which mail can be sent to",
	    .meaning = DG_MEANING_PERMANENT, .enhanced = "5.4.4" },
	{ .why = "loopback that is allowed", .records = "10 a",
	    .addresses = "a=127.0.0.1,::1", .may_loopback = true,
	    .places = "a:25@[::1]:25 a:25@127.0.0.1:25" },
	{ .why = "unspecified, link-local, multicast: never",
	    .records = "10 a 20 b 30 c", .may_loopback = true,
	    .addresses = "a=0.0.0.0,:: b=169.254.1.1,fe80::1 "
			 "c=224.0.0.1,255.255.255.255,ff02::1",
	    .places = "no address which mail can be sent to",
	    .meaning = DG_MEANING_PERMANENT, .enhanced = "5.4.4" },
	{ .why = "the good one of a mixed lot", .records = "10 a",
	    .addresses = "a=127.0.0.1,192.0.2.1",
	    .places = "a:25@192.0.2.1:25" },
};

static void
each_zone_has_its_places_or_its_verdict(void **state)
{
	static struct dg_mx_plan p;
	char got[ALL_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		const struct zone *z = &zones[i];

		print_message("  %s\n", z->why);
		run(z, last, &p);
		places_of(&p, got);
		if (z->enhanced == NULL) {
			assert_string_equal(got, z->places);
			continue;
		}
		assert_string_equal(got, "");
		assert_string_equal(p.verdict.enhanced, z->enhanced);
		assert_int_equal(p.verdict.meaning, z->meaning);
		if (strstr(p.verdict.text, z->places) == NULL)
			fail_msg("says: %s", p.verdict.text);
		assert_non_null(strstr(p.verdict.text, "d.example"));
	}
}

static void
equal_preferences_are_shuffled_and_no_others(void **state)
{
	static const struct zone z = {
		.records = "10 a 20 b 20 c 20 d 30 e",
		.addresses = "a=192.0.2.1 b=192.0.2.2 c=192.0.2.3 "
			     "d=192.0.2.4 e=192.0.2.5",
	};
	static struct dg_mx_plan p;
	unsigned seen[5] = { 0 };
	char order[6];

	(void)state;
	for (int i = 0; i < 2; i++) {
		run(&z, i == 0 ? last : first, &p);
		for (size_t k = 0; k < 5; k++)
			order[k] = p.places[k].host[0];
		order[5] = '\0';
		assert_string_equal(order, i == 0 ? "abcde" : "acdbe");
	}
	for (int i = 0; i < 300; i++) { /* 3 * (2/3) ** 300 */
		run(&z, NULL, &p);
		assert_int_equal(p.places[0].host[0], 'a');
		assert_int_equal(p.places[4].host[0], 'e');
		seen[p.places[1].host[0] - 'a']++;
	}
	for (int k = 1; k < 4; k++)
		assert_int_not_equal(seen[k], 0);
}

static void
a_zone_cannot_name_too_many(void **state)
{
	static struct dg_mx_plan p;
	static char records[ALL_MAX], addresses[ALL_MAX];
	struct zone z = { .records = records, .addresses = addresses };
	size_t n = 0, k = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		n += (size_t)snprintf(records + n, sizeof(records) - n,
		    "%s%d m%02d", i > 0 ? " " : "", i, i);
		k += (size_t)snprintf(addresses + k, sizeof(addresses) - k,
		    "m%02d=192.0.2.1,192.0.2.2,192.0.2.3 ", i);
	}
	run(&z, NULL, &p);
	assert_int_equal(p.n_hosts, DG_MX_HOSTS_MAX);
	assert_int_equal(p.n_places, DG_MX_PLACES_MAX);
}

static const struct {
	const char *domain, *place; /* NULL: a verdict */
	bool may_loopback;
} literals[] = {
	{ "[192.0.2.1]", "192.0.2.1:25@192.0.2.1:25", false },
	{ "[IPv6:2001:db8::1]", "[2001:db8::1]:25@[2001:db8::1]:25", false },
	{ "[127.0.0.1]", NULL, false },
	{ "[127.0.0.1]", "127.0.0.1:25@127.0.0.1:25", true },
	{ "[192.0.2.99]", NULL, false },
	{ "[0.0.0.0]", NULL, true },
	{ "[IPv6:]", NULL, false },
	{ "[]", NULL, false },
	{ "[mail.example]", NULL, false },
};

static void
an_address_is_called_as_it_is(void **state)
{
	static struct dg_mx_plan p;
	char got[ALL_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(literals) / sizeof(literals[0]); i++) {
		struct dg_mx_options o = {
			.domain = dg_str(literals[i].domain),
			.hostname = DG_STR("relay.example"),
			.port = 25,
			.may_loopback = literals[i].may_loopback,
			.is_ours = is_ours,
		};

		print_message("  %s\n", literals[i].domain);
		dg_mx_begin(&p, &o);
		assert_true(dg_mx_literal(&p));
		places_of(&p, got);
		assert_string_equal(got,
		    literals[i].place != NULL ? literals[i].place : "");
		if (literals[i].place == NULL)
			assert_int_equal(p.verdict.enhanced[0], '5');
		o.domain = DG_STR("d.example");
		dg_mx_begin(&p, &o);
		assert_false(dg_mx_literal(&p));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_zone_has_its_places_or_its_verdict),
		cmocka_unit_test(equal_preferences_are_shuffled_and_no_others),
		cmocka_unit_test(a_zone_cannot_name_too_many),
		cmocka_unit_test(an_address_is_called_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
