/* server_data_test.c - the body: its end, its limits, its trace line, and who
 * is responsible when. */
#include "played_server.h"

#define TO_DATA \
	EHLO, "C: MAIL FROM:<a@b>", "C: RCPT TO:<x@y>", "C: DATA", \
	    "S: 250 2.1.0 OK", "S: 250 2.1.5 OK", "S: 354 *"

static void
check_nothing_committed(struct play *p)
{
	assert_int_equal(p->commits, 0);
	assert_int_equal(p->aborts, 1);
	assert_null(dg_srv_envelope(p->srv));
}

/* ---- smuggling ---- */

static const struct {
	const char *why, *text;
} smuggled[] = {
	{ "LF . LF", "a\n.\nMAIL FROM:<evil@x>" },
	{ "LF . CRLF", "a\n.\r\nMAIL FROM:<evil@x>" },
	{ "CR . CR", "a\r.\rMAIL FROM:<evil@x>" },
	{ "CRLF . LF", "a\r\n.\nMAIL FROM:<evil@x>" },
	{ "CRLF . CR", "a\r\n.\rMAIL FROM:<evil@x>" },
	{ "CR . CRLF", "a\r.\r\nMAIL FROM:<evil@x>" },
};

static void
smuggled_commands_stay_text_and_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(smuggled) / sizeof(smuggled[0]); i++) {
		char raw[100];

		print_message("  %s\n", smuggled[i].why);
		snprintf(raw, sizeof(raw), "R:%s\r\n", smuggled[i].text);
		play_script(NULL,
		    SCRIPT(TO_DATA, raw, "C: .",
			"S: 550 5.5.2 message holds a bare CR, a bare LF or "
			"NUL",
			"C: NOOP", "S: 250 2.0.0 OK"),
		    check_nothing_committed);
	}
}

static void
nul_in_a_message_is_refused(void **state)
{
	struct play p;

	(void)state;
	play_init(&p);
	play_start(&p);
	play_lines(&p, SCRIPT(TO_DATA));
	play_say(&p, dg_str_of("a\0b\r\n.\r\n", 8));
	play_lines(&p, SCRIPT("S: 550 5.5.2 *"));
	check_nothing_committed(&p);
	play_fini(&p);
}

static void
mended(struct play *p)
{
	static struct dg_dialect d;

	d = *dg_dialect_rfc4954();
	d.mend = DG_MEND_BARE_LF;
	p->peer.dialect = &d;
}

static void
check_mended(struct play *p)
{
	assert_int_equal(p->commits, 1);
	assert_true(
	    dg_str_has_suffix(dg_buf_str(&p->body), DG_STR("a\r\nb\r\n")));
}

static void
mended_messages_end_one_way_only(void **state)
{
	(void)state;
	play_script(mended, SCRIPT(TO_DATA, "R:a\nb\n.\n", "S: 250 *"),
	    check_mended);
	play_script(mended, SCRIPT(TO_DATA, "R:a\nb\r\n.\r\n", "S: 250 *"),
	    check_mended);
	play_script(mended,
	    SCRIPT(TO_DATA, "R:a\n.\r\nMAIL FROM:<evil@x>\r\n.\r\n",
		"S: 550 5.5.2 *"),
	    check_nothing_committed);
	play_script(mended,
	    SCRIPT(TO_DATA, "R:a\r\n.\nMAIL FROM:<evil@x>\r\n.\r\n",
		"S: 550 5.5.2 *"),
	    check_nothing_committed);
	play_script(mended, SCRIPT(TO_DATA, "R:a\rb\n.\n", "S: 550 5.5.2 *"),
	    check_nothing_committed);
}

/* ---- limits ---- */

#define T50  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define T250 T50 T50 T50 T50 T50

static void
a_message_over_the_limit_is_refused_at_its_end(void **state)
{
	(void)state;
	play_script(NULL,
	    SCRIPT(TO_DATA, "C: ", "C: " T250, "C: " T250, "C: " T250,
		"C: " T250, "C: .",
		"S: 552 5.3.4 message is larger than this host takes",
		"C: NOOP", "S: 250 2.0.0 OK"),
	    check_nothing_committed);
}

static void
tight(struct play *p)
{
	p->options.limits.received = 2;
	p->options.limits.header = 200;
}

static void
check_committed(struct play *p)
{
	assert_int_equal(p->commits, 1);
	assert_int_equal(p->aborts, 0);
}

static void
loops_are_seen_by_their_received_lines(void **state)
{
	(void)state;
	play_script(tight,
	    SCRIPT(TO_DATA, "C: Received: a", "C: received: b",
		"C: RECEIVED: c", "C: ", "C: hi", "C: .",
		"S: 554 5.4.6 too many Received lines, this looks like a mail "
		"loop"),
	    check_nothing_committed);
	play_script(tight,
	    SCRIPT(TO_DATA, "C: Received: a", "C: received: b",
		"C: ", "C: Received: body", "C: .", "S: 250 *"),
	    check_committed);
}

static void
a_header_has_a_limit_of_its_own(void **state)
{
	(void)state;
	play_script(tight,
	    SCRIPT(TO_DATA, "C: X: " T250, "C: ", "C: .",
		"S: 552 5.3.4 message header is larger than this host takes"),
	    check_nothing_committed);
	play_script(tight,
	    SCRIPT(TO_DATA, "C: ", "C: " T250, "C: .", "S: 250 *"),
	    check_committed);
}

static void
a_large_body_comes_in_bounded_pieces(void **state)
{
	enum {
		LINES = 20000
	};
	struct dg_buf text;
	struct play p;
	size_t at = 0, received;

	(void)state;
	play_init(&p);
	p.options.limits.size = 0;
	play_start(&p);
	play_lines(&p, SCRIPT("S: 220 *", "C: HELO a", "S: 250 *",
			   "C: MAIL FROM:<a@b>", "C: RCPT TO:<x@y>", "C: DATA",
			   "S: 250 *", "S: 250 *", "S: 354 *"));
	received = p.body.n;
	dg_buf_init(&text, 4 * 1024 * 1024);
	dg_buf_adds(&text, "\r\n");
	for (size_t i = 0; i < LINES; i++)
		dg_buf_adds(&text, T50 "\r\n");
	dg_buf_adds(&text, ".\r\nNOOP\r\n");
	while (at < text.n) {
		size_t used = dg_srv_feed(p.srv,
		    dg_str_from(dg_buf_str(&text), at), &p.acts);

		assert_in_range(used, 1, 130 * 1024);
		assert_in_range(p.acts.text.n, 0, 200 * 1024);
		at += used;
		play_carry_out(&p);
	}
	assert_int_equal(p.body.n - received, LINES * 52 + 2);
	play_lines(&p, SCRIPT("S: 250 *", "S: 250 OK"));
	assert_int_equal(p.commits, 1);
	dg_buf_fini(&text);
	play_fini(&p);
}

/* ---- the Received line ---- */

static void
check_received(struct play *p)
{
	assert_true(dg_str_has_prefix(dg_buf_str(&p->body),
	    DG_STR("Received: from a.example ([10.0.0.5])\r\n"
		   "\tby relay.example with ESMTP\r\n\tid k7\r\n"
		   "\tfor <x@y>;\r\n"
		   "\tWed, 25 Nov 2026 09:41:55 +0000\r\nSubject: x\r\n")));
	assert_false(p->body_8bit);
}

static void
the_first_piece_is_our_received_line(void **state)
{
	(void)state;
	play_script(NULL,
	    SCRIPT(TO_DATA, "C: Subject: x", "C: ", "C: .", "S: 250 *"),
	    check_received);
}

static void
check_two(struct play *p)
{
	struct dg_str body = dg_buf_str(&p->body);

	assert_true(dg_str_has_prefix(body,
	    DG_STR("Received: from a ([10.0.0.5])\r\n"
		   "\tby relay.example with SMTP\r\n\tid k7;\r\n")));
	assert_true(p->body_8bit);
}

static void
several_recipients_are_not_told_of_each_other(void **state)
{
	(void)state;
	play_script(NULL,
	    SCRIPT("S: 220 *", "C: HELO a", "S: 250 *", "C: MAIL FROM:<a@b>",
		"C: RCPT TO:<x@y>", "C: RCPT TO:<z@y>", "C: DATA", "S: 250 *",
		"S: 250 *", "S: 250 *", "S: 354 *", "C: \xe9", "C: .",
		"S: 250 *"),
	    check_two);
}

static void
check_original(struct play *p)
{
	assert_non_null(strstr(dg_buf_z(&p->body), "for <rewrite@y>;"));
	assert_string_equal(dg_buf_z(&p->envelope), "a@b -> new@hop.example");
}

static void
a_rewritten_recipient_is_named_as_given(void **state)
{
	(void)state;
	play_script(NULL,
	    SCRIPT(EHLO, "C: MAIL FROM:<a@b>", "C: RCPT TO:<rewrite@y>",
		"C: DATA", "S: 250 *", "S: 250 *", "S: 354 *", "C: .",
		"S: 250 *"),
	    check_original);
}

/* ---- responsibility ---- */

static void
no_room(struct play *p)
{
	p->draft_rc =
	    dg_fail(&p->failure, DG_E_FULL, 452, "4.3.1", "no room on disk");
}

static void
without_a_draft_data_is_not_taken(void **state)
{
	(void)state;
	play_script(no_room,
	    SCRIPT(EHLO, "C: MAIL FROM:<a@b>", "C: RCPT TO:<x@y>", "C: DATA",
		"S: 250 *", "S: 250 *", "S: 452 4.3.1 no room on disk",
		"C: RSET", "S: 250 *"),
	    NULL);
}

static void
no_commit(struct play *p)
{
	p->commit_rc =
	    dg_fail(&p->failure, DG_E_IO, 0, NULL, "/var/x: it broke");
}

static void
without_a_commit_there_is_no_250(void **state)
{
	(void)state;
	play_script(no_commit,
	    SCRIPT(TO_DATA, "C: .",
		"S: 451 4.3.0 message could not be stored, try again later",
		"C: NOOP", "S: 250 *"),
	    NULL);
}

static void
no_write(struct play *p)
{
	p->fails_writing = true;
	(void)dg_fail(&p->failure, DG_E_FULL, 452, "4.3.1", "no room on disk");
}

static void
a_write_that_failed_is_said_at_the_end(void **state)
{
	(void)state;
	play_script(no_write,
	    SCRIPT(TO_DATA, "C: x", "C: y", "C: .",
		"S: 452 4.3.1 no room on disk", "C: NOOP", "S: 250 *"),
	    check_nothing_committed);
}

/* The write of the last piece fails after COMMIT was asked for. */
static void
a_late_write_failure_is_never_a_250(void **state)
{
	struct dg_err e = { 0 };
	struct play p;

	(void)state;
	play_init(&p);
	p.holds = "COMMIT";
	play_start(&p);
	play_lines(&p, SCRIPT(TO_DATA, "C: x", "C: ."));
	assert_string_equal(dg_srv_state_name(p.srv), "COMMIT");
	dg_srv_body_failed(p.srv, &e);
	p.holds = NULL;
	dg_srv_committed(p.srv, DG_OK, NULL, &p.acts);
	play_carry_out(&p);
	play_lines(&p, SCRIPT("S: 451 4.3.0 *"));
	play_fini(&p);
}

/* ---- DATA ends its pipelining group ---- */

static void
text_sent_blindly_behind_a_refused_data_is_never_run(void **state)
{
	struct play p;

	(void)state;
	play_init(&p);
	play_start(&p);
	play_lines(&p,
	    SCRIPT(EHLO, "C: MAIL FROM:<a@b>", "C: RCPT TO:<refuse@y>",
		"C: DATA", "C: MAIL FROM:<evil@x>", "S: 250 *", "S: 550 *",
		"S: 554 5.5.1 no valid recipients",
		"S: 421 4.7.0 data was sent before DATA was answered", "X"));
	play_fini(&p);
}

static void
data_takes_no_argument_and_needs_a_recipient(void **state)
{
	(void)state;
	play_script(NULL,
	    SCRIPT(EHLO, "C: MAIL FROM:<a@b>", "S: 250 *", "C: DATA",
		"S: 503 5.5.1 RCPT must come first", "C: DATA x",
		"S: 501 5.5.4 *"),
	    NULL);
}

static void
a_session_closed_in_data_drops_the_draft(void **state)
{
	struct play p;

	(void)state;
	play_init(&p);
	play_start(&p);
	play_lines(&p, SCRIPT(TO_DATA, "C: x"));
	dg_srv_stop(p.srv, "4.4.2", DG_STR("timeout, closing"), &p.acts);
	play_carry_out(&p);
	play_lines(&p, SCRIPT("S: 421 4.4.2 timeout, closing", "X"));
	check_nothing_committed(&p);
	play_fini(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(smuggled_commands_stay_text_and_are_refused),
		cmocka_unit_test(nul_in_a_message_is_refused),
		cmocka_unit_test(mended_messages_end_one_way_only),
		cmocka_unit_test(
		    a_message_over_the_limit_is_refused_at_its_end),
		cmocka_unit_test(loops_are_seen_by_their_received_lines),
		cmocka_unit_test(a_header_has_a_limit_of_its_own),
		cmocka_unit_test(a_large_body_comes_in_bounded_pieces),
		cmocka_unit_test(the_first_piece_is_our_received_line),
		cmocka_unit_test(several_recipients_are_not_told_of_each_other),
		cmocka_unit_test(a_rewritten_recipient_is_named_as_given),
		cmocka_unit_test(without_a_draft_data_is_not_taken),
		cmocka_unit_test(without_a_commit_there_is_no_250),
		cmocka_unit_test(a_write_that_failed_is_said_at_the_end),
		cmocka_unit_test(a_late_write_failure_is_never_a_250),
		cmocka_unit_test(
		    text_sent_blindly_behind_a_refused_data_is_never_run),
		cmocka_unit_test(data_takes_no_argument_and_needs_a_recipient),
		cmocka_unit_test(a_session_closed_in_data_drops_the_draft),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
