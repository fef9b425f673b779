/* path_test.c - the argument of MAIL and RCPT, its parameters, and xtext. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/base/buf.h"
#include "dragoman/wire/path.h"

#define X10   "xxxxxxxxxx"
#define X63   X10 X10 X10 X10 X10 X10 "xxx"
#define NULL_ DG_PATH_NULL
#define SPACE DG_PATH_SPACE_AFTER_COLON
#define BARE  DG_PATH_NO_BRACKETS

static const struct {
	const char *why, *keyword, *arg;
	unsigned flags;
	const char *address, *params; /* address NULL: refused */
	const char *enhanced;
} cases[] = {
	{ "plain", "FROM", "FROM:<a@b.example>", 0, "a@b.example", "", "" },
	{ "lower case", "TO", "to:<a@b.example>", 0, "a@b.example", "", "" },
	{ "parameters", "FROM", "FROM:<a@b> SIZE=3  BODY=7BIT ", 0, "a@b",
	    "SIZE=3  BODY=7BIT", "" },
	{ "null sender", "FROM", "FROM:<>", NULL_, "", "", "" },
	{ "null sender with SIZE", "FROM", "FROM:<> SIZE=1", NULL_, "",
	    "SIZE=1", "" },
	{ "null recipient", "TO", "TO:<>", 0, NULL, NULL, "5.1.3" },
	{ "source route is dropped", "TO", "TO:<@a,@b.c:u@d>", 0, "u@d", "",
	    "" },
	{ "broken source route", "TO", "TO:<@a,b:u@d>", 0, NULL, NULL,
	    "5.1.3" },
	{ "route without end", "TO", "TO:<@a", 0, NULL, NULL, "5.1.3" },
	{ "postmaster", "TO", "TO:<Postmaster>", 0, "Postmaster", "", "" },
	{ "postmaster sends not", "FROM", "FROM:<postmaster>", NULL_, NULL,
	    NULL, "5.1.7" },
	{ "no domain", "TO", "TO:<alice>", 0, NULL, NULL, "5.1.3" },
	{ "empty domain", "TO", "TO:<alice@>", 0, NULL, NULL, "5.1.3" },
	{ "empty local part", "TO", "TO:<@b>", 0, NULL, NULL, "5.1.3" },
	{ "two domains", "TO", "TO:<a@b@c>", 0, NULL, NULL, "5.1.3" },
	{ "quoted local part", "TO", "TO:<\"a b>c@d\\\"e\"@f> X=1", 0,
	    "\"a b>c@d\\\"e\"@f", "X=1", "" },
	{ "quote without end", "TO", "TO:<\"ab@c>", 0, NULL, NULL, "5.1.3" },
	{ "quote ends in backslash", "TO", "TO:<\"ab\\", 0, NULL, NULL,
	    "5.1.3" },
	{ "literal", "TO", "TO:<a@[10.0.0.5]>", 0, "a@[10.0.0.5]", "", "" },
	{ "IPv6 literal", "TO", "TO:<a@[IPv6:::1]>", 0, "a@[IPv6:::1]", "",
	    "" },
	{ "literal without end", "TO", "TO:<a@[10.0.0.5>", 0, NULL, NULL,
	    "5.1.3" },
	{ "empty literal", "TO", "TO:<a@[]>", 0, NULL, NULL, "5.1.3" },
	{ "X.400 in a local part", "TO",
	    "TO:<IMCEAEX-_O=ORG_OU=SITE+20A@b.example>", 0,
	    "IMCEAEX-_O=ORG_OU=SITE+20A@b.example", "", "" },
	{ "dots anywhere in a local part", "TO", "TO:<a..b.@c>", 0, "a..b.@c",
	    "", "" },
	{ "underscore in a domain", "TO", "TO:<a@nts_2>", 0, "a@nts_2", "",
	    "" },
	{ "empty label", "TO", "TO:<a@b..c>", 0, NULL, NULL, "5.1.3" },
	{ "final dot", "TO", "TO:<a@b.>", 0, NULL, NULL, "5.1.3" },
	{ "hyphen first", "TO", "TO:<a@-b>", 0, NULL, NULL, "5.1.3" },
	{ "hyphen last in a label", "TO", "TO:<a@b-.c>", 0, NULL, NULL,
	    "5.1.3" },
	{ "blank in an address", "TO", "TO:<a b@c>", 0, NULL, NULL, "5.1.3" },
	{ "above ASCII", "TO", "TO:<\xc3\xa9@b>", 0, NULL, NULL, "5.1.3" },
	{ "above ASCII, quoted", "TO", "TO:<\"\xc3\xa9\"@b>", 0, NULL, NULL,
	    "5.1.3" },
	{ "no end", "FROM", "FROM:<a@b", 0, NULL, NULL, "5.1.7" },
	{ "no bracket at all", "FROM", "FROM:a@b", 0, NULL, NULL, "5.5.4" },
	{ "mended", "FROM", "FROM:a@b SIZE=1", BARE, "a@b", "SIZE=1", "" },
	{ "mended, both", "FROM", "FROM: a@b", BARE | SPACE, "a@b", "", "" },
	{ "mend takes brackets too", "FROM", "FROM:<a@b>", BARE, "a@b", "",
	    "" },
	{ "blank after colon", "FROM", "FROM: <a@b>", 0, NULL, NULL, "5.5.4" },
	{ "blank mended", "FROM", "FROM: <a@b>", SPACE, "a@b", "", "" },
	{ "blank before colon", "FROM", "FROM :<a@b>", SPACE, NULL, NULL,
	    "5.5.4" },
	{ "no blank behind", "FROM", "FROM:<a@b>SIZE=1", 0, NULL, NULL,
	    "5.5.4" },
	{ "wrong keyword", "FROM", "TO:<a@b>", 0, NULL, NULL, "5.5.4" },
	{ "keyword alone", "FROM", "FROM", 0, NULL, NULL, "5.5.4" },
	{ "colon alone", "FROM", "FROM:", 0, NULL, NULL, "5.5.4" },
	{ "colon alone, mended", "FROM", "FROM:", BARE, NULL, NULL, "5.1.7" },
	{ "empty", "FROM", "", 0, NULL, NULL, "5.5.4" },
	{ "local part of 64", "TO", "TO:<x" X63 "@b>", 0, "x" X63 "@b", "",
	    "" },
	{ "local part of 65", "TO", "TO:<xx" X63 "@b>", 0, NULL, NULL,
	    "5.1.3" },
	{ "label of 64", "TO", "TO:<a@x" X63 ">", 0, NULL, NULL, "5.1.3" },
	{ "path of 256", "TO", "TO:<" X63 "@" X63 "." X63 "." X63 ">", 0, NULL,
	    NULL, "5.1.3" },
	{ "path near it", "TO", "TO:<" X10 "@" X63 "." X63 "." X63 ">", 0,
	    X10 "@" X63 "." X63 "." X63, "", "" },
};

static void
a_path_is_read_as_rfc_5321_writes_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dg_path path = { DG_NOSTR, DG_NOSTR };
		struct dg_err e = { 0 };
		enum dg_rc rc;

		print_message("  %s\n", cases[i].why);
		rc = dg_path_parse(dg_str(cases[i].arg), cases[i].keyword,
		    cases[i].flags, &path, &e);
		assert_string_equal(e.enhanced, cases[i].enhanced);
		if (cases[i].address == NULL) {
			assert_int_equal(rc, DG_E_PROTO);
			assert_int_equal(e.code, 501);
			assert_true(e.text[0] != '\0');
			continue;
		}
		assert_int_equal(rc, DG_OK);
		assert_true(dg_str_is(path.address, cases[i].address));
		assert_true(dg_str_is(path.params, cases[i].params));
	}
}

/* The heap copy lets the sanitizer see a read past the end. */
static void
cut_at_every_byte_it_never_reads_on(void **state)
{
	const char text[] = "FROM:<@a,@b:\"x\\\"y\"@[10.0.0.1]> A=b";

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		struct dg_path path;
		char *copy = test_malloc(n + 1);

		memcpy(copy, text, n);
		(void)dg_path_parse(dg_str_of(copy, n), "FROM",
		    BARE | SPACE | NULL_, &path, NULL);
		test_free(copy);
	}
}

static void
parameters_are_taken_one_by_one(void **state)
{
	struct dg_str s = DG_STR("SIZE=10  8BITMIME ENVID=a+3Db BAD= =x A=b=c "
				 "-k=1 AUTH=<>");
	static const struct {
		const char *key, *value;
	} want[] = {
		{ "SIZE", "10" },
		{ "8BITMIME", NULL },
		{ "ENVID", "a+3Db" },
		{ "", NULL },
		{ "", NULL },
		{ "", NULL },
		{ "", NULL },
		{ "AUTH", "<>" },
	};
	struct dg_param p;

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_true(dg_param_next(&s, &p));
		assert_true(dg_str_is(p.key, want[i].key));
		if (want[i].value != NULL)
			assert_true(dg_str_is(p.value, want[i].value));
		else if (p.key.n > 0)
			assert_null(p.value.p);
	}
	assert_false(dg_param_next(&s, &p));
	assert_false(dg_param_next(&s, &p));
}

static void
the_domain_is_what_follows_the_last_at(void **state)
{
	(void)state;
	assert_true(dg_str_is(dg_address_domain(DG_STR("a@b.c")), "b.c"));
	assert_true(dg_str_is(dg_address_domain(DG_STR("\"x@y\"@b")), "b"));
	assert_true(dg_str_is(dg_address_domain(DG_STR("postmaster")), ""));
	assert_true(dg_str_is(dg_address_domain(DG_STR("")), ""));
	assert_int_equal(dg_address_domain(DG_NOSTR).n, 0);
}

static void
xtext_goes_both_ways_and_refuses_rubbish(void **state)
{
	static const char *const bad[] = { "a+", "a+4", "a+4G", "a b", "a=b",
		"\x7f", "\xc3" };
	struct dg_buf out;

	(void)state;
	dg_buf_init(&out, 100);
	assert_int_equal(dg_xtext_add(&out, DG_STR("a b+c=d\xff")), DG_OK);
	assert_string_equal(dg_buf_z(&out), "a+20b+2Bc+3Dd+FF");
	struct dg_str coded = DG_STR("a+20b+2Bc+3Dd+FF");
	dg_buf_reset(&out);
	assert_int_equal(dg_xtext_read(&out, coded), DG_OK);
	assert_string_equal(dg_buf_z(&out), "a b+c=d\xff");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(dg_xtext_read(&out, dg_str(bad[i])),
		    DG_E_PROTO);
		assert_int_equal(out.n, 8); /* as it was */
	}
	dg_buf_fini(&out);
}

static void
an_address_is_valid_when_a_command_may_hold_it(void **state)
{
	static const char *const good[] = { "a@b", "a.b+c@d.example",
		"\"a b\"@c.example", "a@[10.0.0.1]" };
	static const char *const bad[] = { "", "a", "postmaster", "a@", "@b",
		"a@b ", " a@b", "a b@c", "<a@b>", "a@b>", "a@b\r\n", "a@b c@d",
		"@x:a@b", "\xc3\xa4@b", "a@b..c", "a@-b" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(dg_address_is_valid(dg_str(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(dg_address_is_valid(dg_str(bad[i])));
	assert_false(dg_address_is_valid(DG_NOSTR));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_is_read_as_rfc_5321_writes_it),
		cmocka_unit_test(cut_at_every_byte_it_never_reads_on),
		cmocka_unit_test(parameters_are_taken_one_by_one),
		cmocka_unit_test(the_domain_is_what_follows_the_last_at),
		cmocka_unit_test(
		    an_address_is_valid_when_a_command_may_hold_it),
		cmocka_unit_test(xtext_goes_both_ways_and_refuses_rubbish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
