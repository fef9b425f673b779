/* reply_test.c - replies read from hops and written to peers (RFC 5321 4.2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/wire/reply.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *why, *line;
	enum dg_rc rc;
	int code;
	bool more;
	const char *text;
} lines[] = {
	{ "plain", "250 ok", DG_OK, 250, false, "ok" },
	{ "middle line", "250-XAUTH NTLM", DG_OK, 250, true, "XAUTH NTLM" },
	{ "IMS 5.0 on AUTH", "500 command not recognized", DG_OK, 500, false,
	    "command not recognized" },
	{ "code alone", "354", DG_OK, 354, false, "" },
	{ "code and blank", "334 ", DG_OK, 334, false, "" },
	{ "code and dash", "250-", DG_OK, 250, true, "" },
	{ "two blanks stay in the text", "220  x", DG_OK, 220, false, " x" },
	{ "a hidden banner", "220 ****0***2***", DG_OK, 220, false,
	    "****0***2***" },
	{ "no such class", "950 x", DG_E_PROTO, 0, false, "" },
	{ "1yz is not SMTP", "150 x", DG_E_PROTO, 0, false, "" },
	{ "two digits", "25", DG_E_PROTO, 0, false, "" },
	{ "four digits", "2500 x", DG_E_PROTO, 0, false, "" },
	{ "letters", "ok 250", DG_E_PROTO, 0, false, "" },
	{ "another protocol", "SSH-2.0-OpenSSH_9.2", DG_E_PROTO, 0, false, "" },
	{ "a blank in front", " 250 ok", DG_E_PROTO, 0, false, "" },
	{ "nothing", "", DG_E_PROTO, 0, false, "" },
	{ "TAB is no separator", "250\tok", DG_E_PROTO, 0, false, "" },
};

static void
reply_parse_reads_every_shape(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(lines); i++) {
		struct dg_reply_line r = { 0 };

		print_message("  %s\n", lines[i].why);
		assert_int_equal(dg_reply_parse(dg_str(lines[i].line), &r),
		    lines[i].rc);
		assert_int_equal(r.code, lines[i].code);
		assert_int_equal(r.more, lines[i].more);
		assert_true(dg_str_is(r.text, lines[i].text));
	}
}

/* Feed lines divided by '|'; the rc of the last. */
static enum dg_rc
feed(struct dg_reply *r, const char *text)
{
	struct dg_str s = dg_str(text);
	enum dg_rc rc = DG_AGAIN;

	while (s.n > 0) {
		size_t n = dg_str_find(s, '|');
		struct dg_err e = { 0 };

		rc = dg_reply_feed(r, dg_str_sub(s, 0, n), &e);
		if (rc != DG_OK && rc != DG_AGAIN) {
			assert_int_equal(e.rc, rc);
			assert_true(e.text[0] != '\0');
			break;
		}
		s = dg_str_from(s, n + 1);
	}
	return rc;
}

static const struct {
	const char *why, *lines;
	enum dg_rc rc;
	const char *enhanced, *oneline;
} replies[] = {
	{ "one line", "550 5.1.1 no such user", DG_OK, "5.1.1",
	    "550 5.1.1 no such user" },
	{ "two lines", "535-5.7.8 not accepted|535 5.7.8 see help", DG_OK,
	    "5.7.8", "535 5.7.8 not accepted / 5.7.8 see help" },
	{ "unfinished", "250-a|250-b", DG_AGAIN, "", "250 a / b" },
	{ "another code in the middle", "250-a|550 b", DG_E_PROTO, "",
	    "250 a" },
	{ "no text", "354", DG_OK, "", "354" },
	{ "status alone", "250 2.0.0", DG_OK, "2.0.0", "250 2.0.0" },
	{ "the classes contradict", "550 4.2.2 full", DG_OK, "",
	    "550 4.2.2 full" },
	{ "an address is no status", "550 5.1.1.1 x", DG_OK, "",
	    "550 5.1.1.1 x" },
	{ "a version is no status", "550 5.1234.1 x", DG_OK, "",
	    "550 5.1234.1 x" },
	{ "three digits are one", "550 5.7.139 off", DG_OK, "5.7.139",
	    "550 5.7.139 off" },
	{ "3yz has none", "354 5.1.1 x", DG_OK, "", "354 5.1.1 x" },
	{ "control bytes", "550 a\x1b[31mb\x7f\tc", DG_OK, "",
	    "550 a?[31mb??c" },
};

static void
a_whole_reply_is_gathered_line_by_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(replies); i++) {
		struct dg_reply r;
		struct dg_buf out;
		char enhanced[12];

		print_message("  %s\n", replies[i].why);
		dg_reply_init(&r);
		dg_buf_init(&out, 1000);
		assert_int_equal(feed(&r, replies[i].lines), replies[i].rc);
		dg_reply_enhanced(&r, enhanced);
		assert_string_equal(enhanced, replies[i].enhanced);
		assert_int_equal(dg_reply_oneline(&r, &out), DG_OK);
		assert_string_equal(dg_buf_z(&out), replies[i].oneline);
		dg_buf_fini(&out);
		dg_reply_fini(&r);
	}
}

static void
an_endless_reply_is_cut_by_lines_and_by_bytes(void **state)
{
	char big[2000];
	struct dg_reply r;
	enum dg_rc rc = DG_AGAIN;
	int n = 0;

	(void)state;
	dg_reply_init(&r);
	while (rc == DG_AGAIN && ++n < 1000)
		rc = dg_reply_feed(&r, DG_STR("250-x"), NULL);
	assert_int_equal(rc, DG_E_LIMIT);
	assert_int_equal(n, DG_REPLY_MAX_LINES + 1);

	dg_reply_reset(&r);
	memset(big, 'x', sizeof(big));
	memcpy(big, "250-", 4);
	for (n = 0, rc = DG_AGAIN; rc == DG_AGAIN && n < 1000; n++)
		rc = dg_reply_feed(&r, dg_str_of(big, sizeof(big)), NULL);
	assert_int_equal(rc, DG_E_LIMIT);
	assert_true(n < DG_REPLY_MAX_LINES);
	dg_reply_fini(&r);
}

static const struct {
	const char *why;
	int code;
	const char *enhanced, *text, *wire;
} written[] = {
	{ "plain", 250, "2.0.0", "ok", "250 2.0.0 ok\r\n" },
	{ "no status", 250, NULL, "ok", "250 ok\r\n" },
	{ "empty status", 250, "", "ok", "250 ok\r\n" },
	{ "no text", 354, NULL, "", "354 \r\n" },
	{ "status alone", 250, "2.0.0", "", "250 2.0.0\r\n" },
	{ "several lines", 550, "5.7.1", "one\ntwo",
	    "550-5.7.1 one\r\n550 5.7.1 two\r\n" },
	{ "an end of line at the end adds none", 550, NULL, "one\n",
	    "550 one\r\n" },
	{ "CR, NUL and escape are harmless", 550, NULL, "a\rb\x1b",
	    "550 a?b?\r\n" },
	{ "an empty line in the middle", 250, NULL, "a\n\nb",
	    "250-a\r\n250-\r\n250 b\r\n" },
};

static void
what_is_written_is_one_reply_whatever_the_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(written); i++) {
		struct dg_buf out;

		print_message("  %s\n", written[i].why);
		dg_buf_init(&out, 1000);
		assert_int_equal(dg_reply_add(&out, written[i].code,
				     written[i].enhanced,
				     dg_str(written[i].text)),
		    DG_OK);
		assert_string_equal(dg_buf_z(&out), written[i].wire);
		dg_buf_fini(&out);
	}
}

static void
long_texts_are_broken_at_512_octets(void **state)
{
	char text[3000];
	struct dg_reply r;
	struct dg_buf out;
	struct dg_str rest;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++) /* two-byte characters */
		text[i] = i % 100 == 99 ? ' ' : (i % 100 % 2 ? '\xa4' : '\xc3');
	dg_buf_init(&out, 10000);
	dg_reply_init(&r);
	assert_int_equal(dg_reply_add(&out, 550, "5.7.1",
			     dg_str_of(text, sizeof(text))),
	    DG_OK);
	rest = dg_buf_str(&out);
	while (rest.n > 0) {
		size_t n = dg_str_find(rest, '\n');

		assert_true(n + 1 <= 512);
		assert_true(rest.p[n - 1] == '\r');
		assert_true(
		    n + 1 < rest.n ? rest.p[3] == '-' : rest.p[3] == ' ');
		(void)dg_reply_feed(&r, dg_str_sub(rest, 0, n - 1), NULL);
		rest = dg_str_from(rest, n + 1);
	}
	assert_true(r.lines > 5);
	dg_reply_fini(&r);

	/* no blank to break at, and still no line too long */
	memset(text, 'x', sizeof(text));
	dg_buf_reset(&out);
	assert_int_equal(dg_reply_add(&out, 250, NULL,
			     dg_str_of(text, sizeof(text))),
	    DG_OK);
	for (rest = dg_buf_str(&out); rest.n > 0;
	     rest = dg_str_from(rest, dg_str_find(rest, '\n') + 1))
		assert_true(dg_str_find(rest, '\n') + 1 <= 512);
	dg_buf_fini(&out);
}

static void
a_challenge_is_never_broken(void **state)
{
	char text[4000];
	struct dg_buf out;

	(void)state;
	memset(text, 'A', sizeof(text));
	dg_buf_init(&out, 10000);
	assert_int_equal(dg_reply_add(&out, 334, NULL,
			     dg_str_of(text, sizeof(text))),
	    DG_OK);
	assert_int_equal(out.n, sizeof(text) + 6);
	dg_buf_fini(&out);
}

static void
past_the_cap_nothing_is_added(void **state)
{
	struct dg_buf out;

	(void)state;
	dg_buf_init(&out, 20);
	assert_int_equal(dg_buf_adds(&out, "before"), DG_OK);
	assert_int_equal(dg_reply_add(&out, 550, "5.7.1",
			     DG_STR("one\nmuch too long")),
	    DG_E_LIMIT);
	assert_string_equal(dg_buf_z(&out), "before");
	dg_buf_fini(&out);
}

static const struct {
	const char *why, *in;
	bool any_class;
	enum dg_rc rc;
	int code;
	const char *enhanced, *text;
} policy[] = {
	{ "whole", "550 5.7.1 go away", false, DG_OK, 550, "5.7.1", "go away" },
	{ "no status", "451 later", false, DG_OK, 451, "", "later" },
	{ "code alone", "550", false, DG_OK, 550, "", "" },
	{ "code and status", "550 5.1.1", false, DG_OK, 550, "5.1.1", "" },
	{ "many blanks", "550   5.1.1   x ", false, DG_OK, 550, "5.1.1", "x" },
	{ "2yz is no refusal", "250 ok", false, DG_E_PROTO, 0, "", "" },
	{ "2yz where any may be", "250 2.0.0 ok", true, DG_OK, 250, "2.0.0",
	    "ok" },
	{ "classes contradict", "550 4.7.1 x", false, DG_E_PROTO, 0, "", "" },
	{ "no code", "go away", false, DG_E_PROTO, 0, "", "" },
	{ "no blank", "550go away", false, DG_E_PROTO, 0, "", "" },
	{ "no such class", "650 x", true, DG_E_PROTO, 0, "", "" },
	{ "empty", "", false, DG_E_PROTO, 0, "", "" },
};

static void
a_policys_reply_is_read_in_its_parts(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(policy); i++) {
		struct dg_str text = DG_NOSTR;
		char enhanced[12] = "";
		int code = 0;

		print_message("  %s\n", policy[i].why);
		assert_int_equal(dg_reply_read(dg_str(policy[i].in),
				     policy[i].any_class, &code, enhanced,
				     &text),
		    policy[i].rc);
		assert_int_equal(code, policy[i].code);
		assert_string_equal(enhanced, policy[i].enhanced);
		assert_true(dg_str_is(text, policy[i].text));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reply_parse_reads_every_shape),
		cmocka_unit_test(a_whole_reply_is_gathered_line_by_line),
		cmocka_unit_test(an_endless_reply_is_cut_by_lines_and_by_bytes),
		cmocka_unit_test(
		    what_is_written_is_one_reply_whatever_the_text),
		cmocka_unit_test(long_texts_are_broken_at_512_octets),
		cmocka_unit_test(a_challenge_is_never_broken),
		cmocka_unit_test(past_the_cap_nothing_is_added),
		cmocka_unit_test(a_policys_reply_is_read_in_its_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
