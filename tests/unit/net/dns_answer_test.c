/* dns_answer_test.c - records out of packets, sound and hostile. */
#include "tests/unit/net/help.h"

#include "core/net/dns_state.h"

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

/* ---- records of one type ---- */

#define RR(type, n) PTR "\x00" type "\x00\x01\x00\x00\x00\x3c\x00" n
#define MX_RR(n, preference, name) \
	RR("\x0f", n) \
	"\x00" preference name
#define LABEL_16 \
	"\x10" \
	"0123456789abcdef"
#define LABEL_64 LABEL_16 LABEL_16 LABEL_16 LABEL_16

static const struct {
	const char *why;
	enum dg_dns_type type;
	struct dg_str packet;
	bool ok;
	const char *found; /* "preference text|" for each */
} record_cases[] = {
	{ "MX by preference, names with pointers", DG_DNS_MX,
	    DG_STR(HEAD("\x01", "\x03") ASK_A MX_RR("\x07", "\x14",
		"\x02"
		"MX\xc0\x0f") MX_RR("\x04", "\x0a", "\xc0\x0c")
		    MX_RR("\x05", "\x0a", "\x01z\x00")),
	    true, "10 mx.example|10 z|20 mx.example|" },
	{ "no mail here (RFC 7505)", DG_DNS_MX,
	    DG_STR(HEAD("\x01", "\x01") ASK_A MX_RR("\x03", "\x00", "\x00")),
	    true, "0 .|" },
	{ "other types are passed over", DG_DNS_MX,
	    DG_STR(HEAD("\x01", "\x02") ASK_A A_RR("\x0a\0\0\x05")
		    MX_RR("\x04", "\x01", "\xc0\x0c")),
	    true, "1 mx.example|" },
	{ "a name of odd bytes", DG_DNS_PTR,
	    DG_STR(HEAD("\x01", "\x01")
		    ASK_A RR("\x0c", "\x08") "\x06"
					     "A.\n\0\\\xff\x00"),
	    true, "0 a\\046\\010\\000\\092\\255|" },
	{ "a string that leaves its record", DG_DNS_TXT,
	    DG_STR(HEAD("\x01", "\x02") ASK_A RR("\x10",
		"\x06") "\x03"
			"v=s\x01" RR("\x10", "\x01") "\x00"),
	    false, "" },
	{ "texts, one empty", DG_DNS_TXT,
	    DG_STR(HEAD("\x01", "\x02")
		    ASK_A RR("\x10", "\x07") "\x03v=s\x02"
					     "pf" RR("\x10", "\x01") "\x00"),
	    true, "0 |0 v=spf|" },
	{ "addresses", DG_DNS_A,
	    DG_STR(HEAD("\x01", "\x03") ASK_A A_RR("\x0a\0\0\x06") AAAA_RR(V6)
		    A_RR("\x0a\0\0\x05")),
	    true, "0 10.0.0.5|0 10.0.0.6|" },
	{ "addresses of the other kind", DG_DNS_AAAA,
	    DG_STR(HEAD("\x01", "\x02") ASK_A A_RR("\x0a\0\0\x06") AAAA_RR(V6)),
	    true, "0 fd00::2|" },
	{ "a pointer to itself", DG_DNS_PTR,
	    DG_STR(HEAD("\x01", "\x01") ASK_A RR("\x0c", "\x02") "\xc0\x28"),
	    false, "" },
	{ "two pointers to each other", DG_DNS_PTR,
	    DG_STR(HEAD("\x01", "\x01")
		    ASK_A RR("\x0c", "\x04") "\xc0\x2a\xc0\x28"),
	    false, "" },
	{ "a pointer to before a label, and so round again", DG_DNS_PTR,
	    DG_STR(HEAD("\x01", "\x01") ASK_A RR("\x0c", "\x04") "\x01"
								 "a\xc0\x28"),
	    false, "" },
	{ "a pointer into the header", DG_DNS_PTR,
	    DG_STR(HEAD("\x01", "\x01") ASK_A RR("\x0c", "\x02") "\xc0\x04"),
	    false, "" },
	{ "a pointer past the end", DG_DNS_PTR,
	    DG_STR(HEAD("\x01", "\x01") ASK_A RR("\x0c", "\x02") "\xff\xff"),
	    false, "" },
	{ "a name that leaves its record", DG_DNS_PTR,
	    DG_STR(HEAD("\x01", "\x02")
		    ASK_A RR("\x0c", "\x02") "\x05"
					     "a" A_RR("\x0a\0\0\x05")),
	    false, "" },
	{ "an MX without a name", DG_DNS_MX,
	    DG_STR(HEAD("\x01", "\x01") ASK_A RR("\x0f", "\x02") "\x00\x0a"),
	    false, "" },
	{ "a name of 256 bytes", DG_DNS_PTR,
	    DG_STR(HEAD("\x01", "\x01") ASK_A PTR
		"\x00\x0c\x00\x01\x00\x00\x00\x3c\x01\x00" LABEL_64 LABEL_64
		    LABEL_64 LABEL_16 LABEL_16 "\x10"
		"0123456789abcdef"
		"\x00"),
	    false, "" },
};

static void
records_are_read_or_refused(void **state)
{
	struct dg_dns_record v[4];
	char text[300];

	(void)state;
	for (size_t i = 0; i < sizeof(record_cases) / sizeof(record_cases[0]);
	     i++) {
		struct dg_arena a;
		size_t n = 0, at = 0;

		print_message("  %s\n", record_cases[i].why);
		dg_arena_init(&a, DG_DNS_ARENA);
		assert_int_equal(dg_dns_records(record_cases[i].packet,
				     record_cases[i].type, &a, v, 4, &n),
		    record_cases[i].ok);
		text[0] = '\0';
		for (size_t k = 0; k < n; k++)
			at += (size_t)snprintf(text + at, sizeof(text) - at,
			    "%u %.*s|", v[k].preference, DG_FMT(v[k].text));
		assert_string_equal(text, record_cases[i].found);
		dg_arena_fini(&a);
	}
}

/* Backward through many pointers is allowed, and ends. */
static void
long_chains_of_pointers_end(void **state)
{
	unsigned char p[8000] = "\0\0\x81\x80\0\0\0\x02\0\0\0\0";
	struct dg_dns_record v[4];
	struct dg_arena a;
	size_t n = 12, got;

	(void)state;
	/* a TXT record whose data is a chain of pointers, each to the one
	 * before, and a PTR that begins at its end */
	memcpy(p + n, "\0\0\x10\0\x01\0\0\0\0\x10\0", 11);
	for (unsigned i = 0; i < 2048; i++) {
		unsigned to = i == 0 ? 12 : 23 + 2 * (i - 1);

		p[23 + 2 * i] = (unsigned char)(0xc0 | to >> 8);
		p[24 + 2 * i] = (unsigned char)to;
	}
	n = 23 + 4096;
	memcpy(p + n, "\0\0\x0c\0\x01\0\0\0\0\0\x02", 11);
	p[n + 11] = (unsigned char)(0xc0 | (n - 2) >> 8);
	p[n + 12] = (unsigned char)(n - 2);
	dg_arena_init(&a, DG_DNS_ARENA);
	assert_true(
	    dg_dns_records(dg_str_of(p, n + 13), DG_DNS_PTR, &a, v, 4, &got));
	assert_int_equal(got, 1);
	assert_true(dg_str_is(v[0].text, "."));
	dg_arena_fini(&a);
}

static void
records_beyond_the_room_are_left_out(void **state)
{
	struct dg_dns_record v[3] = { { .preference = 99 },
		{ .preference = 99 }, { .preference = 99 } };
	struct dg_arena a;
	size_t n;

	(void)state;
	dg_arena_init(&a, DG_DNS_ARENA);
	assert_true(
	    dg_dns_records(record_cases[0].packet, DG_DNS_MX, &a, v, 2, &n));
	assert_int_equal(n, 2);
	assert_int_equal(v[2].preference, 99);
	dg_arena_fini(&a);
	dg_arena_init(&a, 4); /* no room for the texts: softly */
	assert_false(
	    dg_dns_records(record_cases[0].packet, DG_DNS_MX, &a, v, 2, &n));
	dg_arena_fini(&a);
}

static const struct {
	const char *address, *name; /* NULL: none */
} reverse_cases[] = {
	{ "192.0.2.17", "17.2.0.192.in-addr.arpa" },
	{ "2001:db8::567:89ab",
	    "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2."
	    "ip6.arpa" },
	{ "mx.example", NULL },
	{ "192.0.2", NULL },
	{ "[::1]", NULL },
	{ "", NULL },
};

static void
addresses_are_turned_round(void **state)
{
	char name[DG_HOST_ROOM];

	(void)state;
	for (size_t i = 0; i < sizeof(reverse_cases) / sizeof(reverse_cases[0]);
	     i++) {
		bool is =
		    dg_dns_reverse(dg_str(reverse_cases[i].address), name);

		assert_int_equal(is, reverse_cases[i].name != NULL);
		if (is)
			assert_string_equal(name, reverse_cases[i].name);
	}
}

/* ---- cut and damaged ---- */

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

static void
records_of(struct dg_str packet, enum dg_dns_type type, bool is_sound)
{
	struct dg_dns_record v[4];
	char *own = malloc(packet.n > 0 ? packet.n : 1);
	struct dg_arena a;
	size_t n = 0;
	bool ok;

	memcpy(own, packet.p, packet.n);
	dg_arena_init(&a, DG_DNS_ARENA);
	ok = dg_dns_records(dg_str_of(own, packet.n), type, &a, v, 4, &n);
	if (!is_sound)
		assert_false(ok);
	assert_true(ok || n == 0);
	dg_arena_fini(&a);
	free(own);
}

static void
records_cut_or_damaged_do_no_harm(void **state)
{
	static const unsigned char values[] = { 0x00, 0x01, 0x3f, 0x40, 0xc0,
		0xff };

	(void)state;
	for (size_t i = 0; i < sizeof(record_cases) / sizeof(record_cases[0]);
	     i++) {
		struct dg_str p = record_cases[i].packet;
		char damaged[400];

		for (size_t k = 0; k < p.n; k++)
			records_of(dg_str_sub(p, 0, k), record_cases[i].type,
			    false);
		for (size_t k = 0; k < p.n * sizeof(values); k++) {
			memcpy(damaged, p.p, p.n);
			damaged[k / sizeof(values)] =
			    (char)values[k % sizeof(values)];
			records_of(dg_str_of(damaged, p.n),
			    record_cases[i].type, true);
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
		cmocka_unit_test(records_are_read_or_refused),
		cmocka_unit_test(long_chains_of_pointers_end),
		cmocka_unit_test(records_beyond_the_room_are_left_out),
		cmocka_unit_test(addresses_are_turned_round),
		cmocka_unit_test(records_cut_or_damaged_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
