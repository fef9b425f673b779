/* address_test.c - "host:port" in every spelling, and addresses as text. */
#include "tests/unit/net/help.h"

#include <errno.h>

#include "core/net/address.h"

static const struct {
	const char *why, *where;
	bool ok;
	const char *host;
	unsigned port;
} split_cases[] = {
	{ "name and port", "mx.example:587", true, "mx.example", 587 },
	{ "name alone", "mx.example", true, "mx.example", 25 },
	{ "IPv4 and port", "10.1.0.5:2525", true, "10.1.0.5", 2525 },
	{ "IPv4 alone", "10.1.0.5", true, "10.1.0.5", 25 },
	{ "IPv6 and port", "[::1]:465", true, "::1", 465 },
	{ "IPv6 in brackets", "[fd00::2]", true, "fd00::2", 25 },
	{ "IPv6 bare", "fd00::2", true, "fd00::2", 25 },
	{ "port 0 can be written", "127.0.0.1:0", true, "127.0.0.1", 0 },
	{ "the highest port", "h:65535", true, "h", 65535 },
	{ "nothing", "", false, "", 0 },
	{ "port alone", ":25", false, "", 0 },
	{ "no port after the colon", "h:", false, "", 0 },
	{ "past the highest port", "h:65536", false, "", 0 },
	{ "far past it", "h:99999999999999999999", false, "", 0 },
	{ "a sign", "h:+25", false, "", 0 },
	{ "letters as port", "h:smtp", false, "", 0 },
	{ "no bracket at the end", "[::1", false, "", 0 },
	{ "something behind the bracket", "[::1]25", false, "", 0 },
	{ "no port behind the bracket", "[::1]:", false, "", 0 },
	{ "a name in brackets", "[mx.example]:25", false, "", 0 },
	{ "empty brackets", "[]:25", false, "", 0 },
	{ "two colons, no IPv6", "a:b:c", false, "", 0 },
	{ "a blank", "mx example:25", false, "", 0 },
	{ "a line end", "mx.example\r\n:25", false, "", 0 },
	{ "a URL", "http://mx.example", false, "", 0 },
};

static void
where_is_split_into_host_and_port(void **state)
{
	char longest[300];
	struct dg_str host;
	unsigned port;

	(void)state;
	for (size_t i = 0; i < sizeof(split_cases) / sizeof(split_cases[0]);
	     i++) {
		host = DG_NOSTR;
		port = 0;
		print_message("  %s\n", split_cases[i].why);
		assert_int_equal(dg_address_split(dg_str(split_cases[i].where),
				     25, &host, &port),
		    split_cases[i].ok);
		if (!split_cases[i].ok)
			continue;
		assert_true(dg_str_is(host, split_cases[i].host));
		assert_int_equal(port, split_cases[i].port);
	}
	memset(longest, 'a', sizeof(longest));
	assert_true(
	    dg_address_split(dg_str_of(longest, 255), 25, &host, &port));
	assert_false(
	    dg_address_split(dg_str_of(longest, 256), 25, &host, &port));
	assert_false(
	    dg_address_split(dg_str_of("a\0b:25", 6), 25, &host, &port));
}

static const struct {
	const char *why, *in, *text, *full;
} text_cases[] = {
	{ "IPv4", "10.0.0.5", "10.0.0.5", "10.0.0.5:25" },
	{ "IPv6", "::1", "::1", "[::1]:25" },
	{ "IPv6 in full", "fd00:0:0:0:0:0:0:2", "fd00::2", "[fd00::2]:25" },
	{ "IPv4 inside IPv6", "::ffff:10.0.0.5", "10.0.0.5", "10.0.0.5:25" },
};

static void
addresses_are_written_in_one_way(void **state)
{
	struct dg_address a;
	char text[DG_ADDRESS_ROOM], full[DG_ADDRESS_ROOM + 8];

	(void)state;
	for (size_t i = 0; i < sizeof(text_cases) / sizeof(text_cases[0]);
	     i++) {
		print_message("  %s\n", text_cases[i].why);
		assert_true(
		    dg_address_literal(dg_str(text_cases[i].in), 25, &a));
		assert_int_equal(dg_address_port(&a), 25);
		dg_address_text(&a, text, sizeof(text));
		assert_string_equal(text, text_cases[i].text);
		dg_address_port_text(dg_str(text), 25, full, sizeof(full));
		assert_string_equal(full, text_cases[i].full);
	}
	assert_false(dg_address_literal(DG_STR("mx.example"), 25, &a));
	assert_false(dg_address_literal(DG_STR("10.1"), 25, &a));
	assert_false(dg_address_literal(DG_STR(""), 25, &a));
	assert_false(dg_address_literal(dg_str_of("10.0.0.5\0", 9), 25, &a));
}

static void
errno_is_said_in_words(void **state)
{
	char words[128];

	(void)state;
	dg_errno_words(ECONNREFUSED, words, sizeof(words));
	assert_string_equal(words, "refused the connection");
	dg_errno_words(ENOTTY, words, sizeof(words));
	assert_true(strlen(words) > 0);
	dg_errno_words(99999, words, sizeof(words));
	assert_true(strlen(words) > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_is_split_into_host_and_port),
		cmocka_unit_test(addresses_are_written_in_one_way),
		cmocka_unit_test(errno_is_said_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
