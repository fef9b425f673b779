/* ehlo_test.c - what servers of thirty years show (RFC 5321 4.1.1.1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/wire/ehlo.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *why, *line;
	bool ok;
	const char *keyword, *args;
	bool equals;
} lines[] = {
	{ "RFC 4954", "AUTH NTLM LOGIN", true, "AUTH", "NTLM LOGIN", false },
	{ "the draft's form", "AUTH=LOGIN", true, "AUTH", "LOGIN", true },
	{ "and with more", "AUTH=LOGIN NTLM", true, "AUTH", "LOGIN NTLM",
	    true },
	{ "bare verb", "XAUTH", true, "XAUTH", "", false },
	{ "XAUTH as 5.0 may show it", "XAUTH=NTLM", true, "XAUTH", "NTLM",
	    true },
	{ "with a dash", "X-EXPS=LOGIN", true, "X-EXPS", "LOGIN", true },
	{ "blanks around", "  SIZE \t 1000  ", true, "SIZE", "1000", false },
	{ "a '=' in the arguments", "XFOO A=B", true, "XFOO", "A=B", false },
	{ "'=' and nothing", "AUTH=", true, "AUTH", "", true },
	{ "no keyword", "=LOGIN", false, "", "", false },
	{ "empty", "", false, "", "", false },
	{ "blanks only", "  \t ", false, "", "", false },
};

static void
a_line_splits_at_the_first_blank_or_equals(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(lines); i++) {
		struct dg_ehlo_line l = { 0 };

		print_message("  %s\n", lines[i].why);
		assert_int_equal(dg_ehlo_line(dg_str(lines[i].line), &l),
		    lines[i].ok);
		if (!lines[i].ok)
			continue;
		assert_true(dg_str_is(l.keyword, lines[i].keyword));
		assert_true(dg_str_is(l.args, lines[i].args));
		assert_int_equal(l.equals, lines[i].equals);
	}
}

static const struct {
	const char *why, *text;
	unsigned exts;
	uint64_t max_size;
	size_t n_lines;
} replies[] = {
	{ "IMS 5.5 (Q262945)",
	    "server2 Hello [server2]\nXEXCH50\nHELP\nETRN\nDSN\nSIZE 0\n"
	    "AUTH LOGIN\nAUTH=LOGIN",
	    DG_EXT_HELP | DG_EXT_DSN | DG_EXT_SIZE, 0, 7 },
	{ "lower case and a limit", "h\n8bitmime\nsize 10240000\nPipelining",
	    DG_EXT_8BITMIME | DG_EXT_SIZE | DG_EXT_PIPELINING, 10240000, 3 },
	{ "a host called like an extension", "PIPELINING\nDSN", DG_EXT_DSN, 0,
	    1 },
	{ "one line only", "h", 0, 0, 0 },
	{ "empty", "", 0, 0, 0 },
	{ "a last empty line (smtp-sink)", "h\nSTARTTLS\n", DG_EXT_STARTTLS, 0,
	    1 },
	{ "empty lines between", "h\n\n\nSTARTTLS\n \nDSN",
	    DG_EXT_STARTTLS | DG_EXT_DSN, 0, 2 },
	{ "a size that is no number", "h\nSIZE many", DG_EXT_SIZE, 0, 1 },
	{ "a size past 64 bits", "h\nSIZE 99999999999999999999999", DG_EXT_SIZE,
	    0, 1 },
	{ "what a firewall leaves", "h\nXXXXXXXA\nXXXX", 0, 0, 2 },
};

static void
a_reply_becomes_bits_and_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(replies); i++) {
		struct dg_ehlo e;
		struct dg_ehlo_line l;
		size_t at = 0, n = 0;

		print_message("  %s\n", replies[i].why);
		dg_ehlo_parse(dg_str(replies[i].text), &e);
		assert_int_equal(e.exts, replies[i].exts);
		assert_true(e.max_size == replies[i].max_size);
		while (dg_ehlo_next(&e, &at, &l))
			n++;
		assert_int_equal(n, replies[i].n_lines);
	}
}

static void
every_extension_has_a_name_and_a_bit(void **state)
{
	(void)state;
	for (unsigned bit = 1; bit <= DG_EXT_CHUNKING; bit <<= 1) {
		assert_true(dg_ext_name(bit)[0] != '\0');
		assert_int_equal(dg_ext_find(dg_str(dg_ext_name(bit))), bit);
	}
	assert_int_equal(dg_ext_find(DG_STR("AUTH")), 0);
	assert_string_equal(dg_ext_name(1u << 30), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_splits_at_the_first_blank_or_equals),
		cmocka_unit_test(a_reply_becomes_bits_and_lines),
		cmocka_unit_test(every_extension_has_a_name_and_a_bit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
