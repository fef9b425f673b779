/* dns_answer_test.c - addresses out of packets, sound and hostile. */
#include "tests/unit/net/help.h"

#include "core/net/dns.h"

#define HEAD(questions, answers) \
	"\x12\x34\x81\x80\x00" questions "\x00" answers "\x00\x00\x00\x00"
#define MX_EXAMPLE \
	"\x02mx\x07" \
	"example\x00"
#define ASK_A          MX_EXAMPLE "\x00\x01\x00\x01"
#define PTR            "\xc0\x0c"
#define A_RR(bytes)    PTR "\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04" bytes
#define AAAA_RR(bytes) PTR "\x00\x1c\x00\x01\x00\x00\x00\x3c\x00\x10" bytes
#define V6             "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02"

static const struct {
	const char *why;
	struct dg_str packet;
	bool ok;
	const char *found; /* separated by blanks */
} cases[] = {
	{ "one A", DG_STR(HEAD("\x01", "\x01") ASK_A A_RR("\x0a\0\0\x05")),
	    true, "10.0.0.5" },
	{ "two, and one AAAA",
	    DG_STR(HEAD("\x01", "\x03") ASK_A A_RR("\x0a\0\0\x05") AAAA_RR(V6)
		    A_RR("\x0a\0\0\x06")),
	    true, "10.0.0.5 fd00::2 10.0.0.6" },
	{ "behind an alias",
	    DG_STR(HEAD("\x01", "\x02") ASK_A PTR
		"\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x04\x01"
		"a\xc0\x0f" A_RR("\x0a\0\0\x05")),
	    true, "10.0.0.5" },
	{ "a name in full",
	    DG_STR(HEAD("\x00", "\x01") MX_EXAMPLE
		"\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x0a\0\0\x05"),
	    true, "10.0.0.5" },
	{ "no answer", DG_STR(HEAD("\x01", "\x00") ASK_A), true, "" },
	{ "an A of 16 bytes",
	    DG_STR(HEAD("\x01", "\x01") ASK_A PTR
		"\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x10" V6),
	    true, "" },
	{ "an A of another class",
	    DG_STR(HEAD("\x01", "\x01") ASK_A PTR
		"\x00\x01\x00\x03\x00\x00\x00\x3c\x00\x04\x0a\0\0\x05"),
	    true, "" },
	{ "more answers said than there are",
	    DG_STR(HEAD("\x01", "\x02") ASK_A A_RR("\x0a\0\0\x05")), false,
	    "" },
	{ "a label of a kind unknown",
	    DG_STR(HEAD("\x01", "\x00") "\x80xx\x00\x00\x01\x00\x01"), false,
	    "" },
	{ "a record longer than the packet",
	    DG_STR(HEAD("\x01", "\x01") ASK_A PTR
		"\x00\x01\x00\x01\x00\x00\x00\x3c\xff\xff\x0a\0\0\x05"),
	    false, "" },
	{ "nothing", DG_STR(""), false, "" },
};

static void
join(const struct dg_address *v, size_t n, char *text, size_t room)
{
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		char one[DG_ADDRESS_ROOM];

		dg_address_text(&v[i], one, sizeof(one));
		at += (size_t)snprintf(text + at, room - at, "%s%s",
		    i > 0 ? " " : "", one);
	}
}

static void
answers_are_read_or_refused(void **state)
{
	struct dg_address v[4];
	char text[300];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = 0;

		print_message("  %s\n", cases[i].why);
		assert_int_equal(dg_dns_addresses(cases[i].packet, v, 4, &n),
		    cases[i].ok);
		join(v, n, text, sizeof(text));
		assert_string_equal(text, cases[i].found);
	}
}

static void
room_is_never_passed(void **state)
{
	struct dg_address v[3] = { { .n = 0 } };
	size_t n;

	(void)state;
	assert_true(dg_dns_addresses(cases[1].packet, v, 2, &n));
	assert_int_equal(n, 2);
	assert_int_equal(v[2].n, 0);
}

/* Each prefix in memory of its own, so that one byte too far is seen. */
static void
packets_cut_at_every_byte_are_refused(void **state)
{
	struct dg_address v[4];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t k = 0; k < cases[i].packet.n; k++) {
			char *own = malloc(k + 1);
			size_t n = 0;

			own = realloc(own, k > 0 ? k : 1);
			memcpy(own, cases[i].packet.p, k);
			assert_false(
			    dg_dns_addresses(dg_str_of(own, k), v, 4, &n));
			assert_int_equal(n, 0);
			free(own);
		}
	}
}

/* Every byte set to some values: anything may come out, but no accident. */
static void
damaged_packets_do_no_harm(void **state)
{
	static const unsigned char values[] = { 0x00, 0x01, 0x3f, 0x40, 0xc0,
		0xff };
	struct dg_address v[4];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = cases[i].packet.n, got;

		for (size_t k = 0; k < n * sizeof(values); k++) {
			char *own = malloc(n);

			memcpy(own, cases[i].packet.p, n);
			own[k / sizeof(values)] =
			    (char)values[k % sizeof(values)];
			dg_dns_addresses(dg_str_of(own, n), v, 4, &got);
			free(own);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_read_or_refused),
		cmocka_unit_test(room_is_never_passed),
		cmocka_unit_test(packets_cut_at_every_byte_are_refused),
		cmocka_unit_test(damaged_packets_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
