/* report_test.c - a report is well formed whatever strangers wrote into it
 * (RFC 3464, RFC 6522, RFC 2045, RFC 2047). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/wire/report.h"

#define BOUNDARY "report-0123456789abcdef"

static struct dg_report_rcpt
a_recipient(void)
{
	return (struct dg_report_rcpt){
		.final = DG_STR("nobody@branch.example"),
		.action = DG_STR("failed"),
		.status = DG_STR("5.1.1"),
		.host = DG_STR("10.1.0.5:25"),
		.reply = DG_STR("550 5.1.1 no such user"),
		.last_ms = 1764064315000,
	};
}

static struct dg_report
a_report(const struct dg_report_rcpt *rcpts, size_t n)
{
	return (struct dg_report){
		.from = DG_STR("MAILER-DAEMON@relay.example"),
		.from_name = DG_STR("Mail Delivery System"),
		.to = DG_STR("a@hq.example"),
		.subject = DG_STR("Undeliverable: hello"),
		.relay = DG_STR("relay.example"),
		.boundary = DG_STR(BOUNDARY),
		.message_id = DG_STR("x1@relay.example"),
		.text = DG_STR("Nobody is called that.\nTry again.\n"),
		.now_ms = 1764064315000,
		.arrival_ms = 1764064300000,
		.rcpts = rcpts,
		.n_rcpts = n,
		.original = DG_STR("Subject: hello\r\n\r\n"),
	};
}

/* The report as text, and the rules that hold for each one. */
static const char *
written(struct dg_buf *out, const struct dg_report *r)
{
	struct dg_err e = { 0 };
	size_t line = 0;

	dg_buf_init(out, 1024 * 1024);
	assert_int_equal(dg_report_add(out, r, &e), DG_OK);
	for (size_t i = 0; i < out->n; i++) {
		unsigned char c = (unsigned char)out->p[i];

		assert_true(c >= 0x20 || c == '\r' || c == '\n' || c == '\t');
		if (c == '\r')
			assert_true(i + 1 < out->n && out->p[i + 1] == '\n');
		if (c == '\n') {
			assert_true(i > 0 && out->p[i - 1] == '\r');
			assert_true(line <= 999);
			line = 0;
		} else {
			line++;
		}
	}
	assert_int_equal(line, 0);
	return dg_buf_z(out);
}

static void
has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("lacks \"%s\" in:\n%s", part, text);
}

static void
lacks(const char *text, const char *part)
{
	if (strstr(text, part) != NULL)
		fail_msg("has \"%s\" in:\n%s", part, text);
}

static void
the_three_parts_stand_in_their_order(void **state)
{
	struct dg_report_rcpt x = a_recipient();
	struct dg_report r = a_report(&x, 1);
	struct dg_buf out;
	const char *z = written(&out, &r);
	const char *human, *machine, *original;

	(void)state;
	has(z, "From: \"Mail Delivery System\"\r\n "
	       "<MAILER-DAEMON@relay.example>\r\n");
	has(z, "\r\nTo: <a@hq.example>\r\n");
	has(z, "\r\nSubject: Undeliverable: hello\r\n");
	has(z, "\r\nAuto-Submitted: auto-replied\r\n");
	has(z, "multipart/report; report-type=delivery-status;\r\n "
	       "boundary=\"" BOUNDARY "\"\r\n");
	human = strstr(z, "Content-Type: text/plain; charset=us-ascii");
	machine = strstr(z, "Content-Type: message/delivery-status");
	original = strstr(z, "Content-Type: text/rfc822-headers");
	assert_non_null(human);
	assert_true(human < machine && machine < original);
	has(z, "\r\n\r\nReporting-MTA: dns; relay.example\r\nArrival-Date: ");
	has(z, "\r\n\r\nFinal-Recipient: rfc822; nobody@branch.example\r\n"
	       "Action: failed\r\nStatus: 5.1.1\r\n"
	       "Remote-MTA: dns; [10.1.0.5]\r\n"
	       "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n"
	       "Last-Attempt-Date: ");
	lacks(z, "Original-Recipient");
	has(z, "\r\n--" BOUNDARY "--\r\n");
	dg_buf_fini(&out);
}

static void
a_whole_message_comes_back_as_it_was(void **state)
{
	struct dg_report_rcpt x = a_recipient();
	struct dg_report r = a_report(&x, 1);
	struct dg_buf out;
	const char *z;

	(void)state;
	r.returns_whole = true;
	r.original = DG_STR("Subject: gr\xc3\xbc\xc3\x9f\x65\r\n\r\nbody\r\n");
	z = written(&out, &r);
	has(z, "Content-Type: message/rfc822\r\n"
	       "Content-Transfer-Encoding: 8bit\r\n\r\n"
	       "Subject: gr\xc3\xbc\xc3\x9f\x65\r\n\r\nbody\r\n\r\n--");
	/* and the outer header says so too */
	assert_true(strstr(z, "Content-Transfer-Encoding: 8bit") <
		    strstr(z, "\r\n\r\n"));
	dg_buf_fini(&out);
}

static void
no_field_can_begin_another_one(void **state)
{
	static const char evil[] =
	    "x\r\nBcc: <evil@x>\r\n\r\nevil\n.\r\n\x00\x1b";
	struct dg_str bad = dg_str_of(evil, sizeof(evil) - 1);
	struct dg_report_rcpt x = {
		.final = bad,
		.original = bad,
		.action = bad,
		.status = bad,
		.host = bad,
		.reply = bad,
		.last_ms = 1,
	};
	struct dg_report r = a_report(&x, 1);
	struct dg_buf out;
	const char *z;

	(void)state;
	r.from = r.from_name = r.to = r.subject = r.lang = r.relay = bad;
	r.message_id = bad;
	z = written(&out, &r);
	lacks(z, "\nBcc");
	lacks(strstr(z, "message/delivery-status"), "\r\nevil");
	has(z, "\r\nAction: failed\r\nStatus: 5.0.0\r\n");
	lacks(z, "Content-Language");
	dg_buf_fini(&out);
	r.text = bad; /* text may say "Bcc:", but hold no control byte */
	has(written(&out, &r), "\r\nBcc: <evil@x>\r\n\r\nevil\r\n.\r\n??\r\n");
	dg_buf_fini(&out);
}

static const struct {
	const char *why, *action, *status, *wanted;
} statuses[] = {
	{ "as it is", "failed", "5.1.1", "Action: failed\r\nStatus: 5.1.1\r" },
	{ "given up after a 4yz (RFC 3464 E.1)", "failed", "4.4.1",
	    "Action: failed\r\nStatus: 4.4.1\r" },
	{ "a delay is never permanent", "delayed", "5.1.1",
	    "Action: delayed\r\nStatus: 4.1.1\r" },
	{ "none", "failed", "", "Action: failed\r\nStatus: 5.0.0\r" },
	{ "none of a delay", "delayed", "",
	    "Action: delayed\r\nStatus: 4.0.0\r" },
	{ "success of a failure", "failed", "2.0.0",
	    "Action: failed\r\nStatus: 5.0.0\r" },
	{ "too short", "failed", "5.1", "Action: failed\r\nStatus: 5.0.0\r" },
	{ "too long", "failed", "5.1.1.1",
	    "Action: failed\r\nStatus: 5.0.0\r" },
	{ "letters", "failed", "5.x.1", "Action: failed\r\nStatus: 5.0.0\r" },
	{ "dots", "failed", "5....", "Action: failed\r\nStatus: 5.0.0\r" },
	{ "an action that is none", "exploded", "5.1.1",
	    "Action: failed\r\nStatus: 5.1.1\r" },
};

static void
action_and_status_never_contradict(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		struct dg_report_rcpt x = a_recipient();
		struct dg_report r = a_report(&x, 1);
		struct dg_buf out;

		print_message("  %s\n", statuses[i].why);
		x.action = dg_str(statuses[i].action);
		x.status = dg_str(statuses[i].status);
		has(written(&out, &r), statuses[i].wanted);
		dg_buf_fini(&out);
	}
}

static void
a_delay_says_until_when_it_is_tried(void **state)
{
	struct dg_report_rcpt x = a_recipient();
	struct dg_report r = a_report(&x, 1);
	struct dg_buf out;

	(void)state;
	x.action = DG_STR("delayed");
	x.retry_until_ms = 879757200000;
	has(written(&out, &r),
	    "\r\nWill-Retry-Until: Mon, 17 Nov 1997 09:00:00 +0000\r\n");
	dg_buf_fini(&out);
	/* RFC 3464 2.3.9: only of a delay */
	x.action = DG_STR("failed");
	lacks(written(&out, &r), "Will-Retry-Until");
	dg_buf_fini(&out);
}

static const struct {
	const char *why, *host, *wanted;
} hosts[] = {
	{ "name and port", "mx.example:587", "Remote-MTA: dns; mx.example\r" },
	{ "name", "mx.example", "Remote-MTA: dns; mx.example\r" },
	{ "address and port", "10.0.0.5:25", "Remote-MTA: dns; [10.0.0.5]\r" },
	{ "IPv6 and port", "[::1]:25", "Remote-MTA: dns; [::1]\r" },
	{ "a socket of this machine", "unix:/run/lmtp:1",
	    "Remote-MTA: x-unix; /run/lmtp:1\r" },
	{ "a colon alone", ":", "Remote-MTA: dns; :\r" },
};

static void
the_remote_host_is_named_without_its_port(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		struct dg_report_rcpt x = a_recipient();
		struct dg_report r = a_report(&x, 1);
		struct dg_buf out;

		print_message("  %s\n", hosts[i].why);
		x.host = dg_str(hosts[i].host);
		has(written(&out, &r), hosts[i].wanted);
		dg_buf_fini(&out);
	}
}

static void
our_own_words_are_no_smtp_reply(void **state)
{
	struct dg_report_rcpt x = a_recipient();
	struct dg_report r = a_report(&x, 1);
	struct dg_buf out;

	(void)state;
	x.reply = DG_STR("10.1.0.5: connection refused");
	has(written(&out, &r),
	    "Diagnostic-Code: x-local; 10.1.0.5: connection refused\r\n");
	dg_buf_fini(&out);
}

static void
a_subject_that_is_not_ascii_becomes_encoded_words(void **state)
{
	struct dg_report_rcpt x = a_recipient();
	struct dg_report r = a_report(&x, 1);
	struct dg_buf out;
	const char *z, *line;
	int n = 0;

	(void)state;
	r.subject = DG_STR(
	    "Unzustellbar: Gr\xc3\xbc\xc3\x9f"
	    "e aus "
	    "M\xc3\xbcnchen an alle, die dies nie lesen werden: "
	    "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac");
	z = written(&out, &r);
	line = strstr(z, "Subject: =?UTF-8?B?VW56dXN0ZWxsYmFy");
	assert_non_null(line);
	while (n == 0 || *line == ' ') {
		const char *end = strstr(line, "\r\n");

		assert_true(end - line <= 76);
		assert_true(strncmp(end - 2, "?=", 2) == 0);
		line = end + 2;
		n++;
	}
	assert_true(n >= 3);
	dg_buf_fini(&out);

	r.subject = DG_STR("bytes \xff\xfe of no charset");
	has(written(&out, &r), "Subject: bytes ?? of no charset\r\n");
	dg_buf_fini(&out);

	r.subject = DG_STR("=?us-ascii?Q?forged?=");
	lacks(written(&out, &r), "Subject: =?us-ascii");
	dg_buf_fini(&out);
}

static void
human_text_that_is_not_ascii_is_quoted_printable(void **state)
{
	struct dg_report_rcpt x = a_recipient();
	struct dg_report r = a_report(&x, 1);
	char longline[2000];
	struct dg_buf out;
	const char *z, *at;

	(void)state;
	r.lang = DG_STR("de");
	r.text = DG_STR("Bei branch gibt es \xc3\x9c nicht. a=b \n.\n\tend \t");
	z = written(&out, &r);
	has(z,
	    "charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n"
	    "Content-Language: de\r\n\r\n"
	    "Bei branch gibt es =C3=9C nicht. a=3Db=20\r\n.\r\n"
	    "\tend =09\r\n");
	dg_buf_fini(&out);

	memset(longline, 'x', sizeof(longline));
	r.text = dg_str_of(longline, sizeof(longline));
	z = written(&out, &r);
	at = strstr(z, "xxxx");
	for (const char *end; strncmp(at, "\r\n--", 4) != 0; at = end + 2) {
		end = strstr(at, "\r\n");
		assert_true(end - at <= 76);
	}
	dg_buf_fini(&out);

	r.text = DG_STR("\xff\xff");
	has(written(&out, &r), "charset=unknown-8bit");
	dg_buf_fini(&out);
}

static void
long_fields_are_folded(void **state)
{
	struct dg_report_rcpt x = a_recipient();
	struct dg_report r = a_report(&x, 1);
	char reply[1500], word[1500];
	struct dg_buf out;
	const char *z, *line;
	bool is_whole = true;

	(void)state;
	memcpy(reply, "550 ", 4);
	for (size_t i = 4; i < sizeof(reply); i++)
		reply[i] = i % 7 == 0 ? ' ' : 'a';
	x.reply = dg_str_of(reply, sizeof(reply));
	z = written(&out, &r);
	line = strstr(z, "Diagnostic-Code: smtp; 550 ");
	assert_non_null(line);
	for (int n = 0; n == 0 || *line == ' '; n++) {
		const char *end = strstr(line, "\r\n");

		is_whole &= end - line <= 78 && end - line > 1;
		line = end + 2;
	}
	assert_true(is_whole);
	assert_true(strncmp(line, "Last-Attempt-Date", 17) == 0);
	dg_buf_fini(&out);

	memset(word, 'w', sizeof(word)); /* no blank to fold at */
	x.reply = dg_str_of(word, sizeof(word));
	(void)written(&out, &r);
	dg_buf_fini(&out);
}

static void
what_cannot_be_reported_is_refused(void **state)
{
	struct dg_report_rcpt x = a_recipient();
	struct dg_report r = a_report(&x, 1);
	struct dg_buf out;
	struct dg_err e = { 0 };

	(void)state;
	dg_buf_init(&out, 100);
	assert_int_equal(dg_report_add(&out, &r, &e), DG_E_LIMIT);
	assert_int_equal(out.n, 0);
	r.to = DG_STR("");
	assert_int_equal(dg_report_add(&out, &r, &e), DG_E_PROTO);
	r = a_report(&x, 0);
	assert_int_equal(dg_report_add(&out, &r, &e), DG_E_PROTO);
	r = a_report(&x, 1);
	r.boundary = DG_STR("a\"b");
	assert_int_equal(dg_report_add(&out, &r, &e), DG_E_PROTO);
	r = a_report(&x, 1);
	r.original = DG_STR("x\r\n--" BOUNDARY "--\r\n");
	assert_int_equal(dg_report_add(&out, &r, &e), DG_E_PROTO);
	assert_int_equal(out.n, 0);
	dg_buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_three_parts_stand_in_their_order),
		cmocka_unit_test(a_whole_message_comes_back_as_it_was),
		cmocka_unit_test(no_field_can_begin_another_one),
		cmocka_unit_test(action_and_status_never_contradict),
		cmocka_unit_test(a_delay_says_until_when_it_is_tried),
		cmocka_unit_test(the_remote_host_is_named_without_its_port),
		cmocka_unit_test(our_own_words_are_no_smtp_reply),
		cmocka_unit_test(
		    a_subject_that_is_not_ascii_becomes_encoded_words),
		cmocka_unit_test(
		    human_text_that_is_not_ascii_is_quoted_printable),
		cmocka_unit_test(long_fields_are_folded),
		cmocka_unit_test(what_cannot_be_reported_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
