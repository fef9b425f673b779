/* server_ask_test.c - the questions that are asked only when somebody wants
 * them: an unknown verb, a proved login, a sender, a whole message. */
#include "played_server.h"

#define PLAIN "C: AUTH PLAIN AGFsaWNlAHBhc3N3b3Jk"
#define TO_DATA \
	EHLO, "C: MAIL FROM:<a@b>", "C: RCPT TO:<x@y>", "C: RCPT TO:<z@y>", \
	    "S: 250 *", "S: 250 *", "S: 250 *", "C: DATA", "S: 354 *"

static struct dg_srv_answer
says(enum dg_verdict verdict, int code, const char *enhanced, const char *text)
{
	struct dg_srv_answer a = {
		.verdict = verdict,
		.code = code,
		.text = dg_str(text),
	};

	snprintf(a.enhanced, sizeof(a.enhanced), "%s", enhanced);
	return a;
}

/* ---- COMMAND ---- */

static void
ask_command(struct play *p)
{
	p->options.asks = DG_ASK_BIT(DG_ASK_COMMAND);
}

static void
check_asked_verbs(struct play *p)
{
	assert_string_equal(dg_buf_z(&p->asked),
	    "[XYZZY|a  b][xyzzy|][BOGUS|x][NOOP|y]");
}

static void
without_an_opinion_an_unknown_verb_is_500(void **state)
{
	(void)state;
	play_script(ask_command,
	    SCRIPT("S: 220 *", "C: XYZZY  a  b ", "S: 500 *", "C: EHLO a",
		"S: 250-*", "S: 250-*", "S: 250-*", "S: 250-*", "S: 250-*",
		"S: 250-*", "S: 250 *", "C: xyzzy", "C: NOOP",
		"S: 500 5.5.1 command not recognized", "S: 250 *",
		"C: MAIL FROM:<a@b>", "C: BOGUS x", "C: RCPT TO:<x@y>",
		"S: 250 *", "S: 500 5.5.1 *", "S: 250 2.1.5 OK", "C: NOOP=y",
		"S: 500 5.5.1 *"),
	    check_asked_verbs);
}

static void
use_noop(struct play *p)
{
	ask_command(p);
	p->command.verb = DG_STR("NOOP");
}

static void
use_mail(struct play *p)
{
	ask_command(p);
	p->command.verb = DG_STR("mail");
}

static void
use_auth(struct play *p)
{
	ask_command(p);
	p->alice = alice_account();
	p->command.verb = DG_STR("AUTH");
}

static void
use_quit(struct play *p)
{
	ask_command(p);
	p->command.verb = DG_STR("QUIT");
}

static void
use_nonsense(struct play *p)
{
	ask_command(p);
	p->command.verb = DG_STR("PLUGH");
}

static void
check_one_question(struct play *p)
{
	assert_string_equal(dg_buf_z(&p->asked), "[XYZZY|]");
}

static void
an_unknown_verb_is_taken_for_another_where_it_was_said(void **state)
{
	(void)state;
	play_script(use_noop,
	    SCRIPT("S: 220 *", "C: XYZZY a", "S: 250 OK", "C: EHLO a",
		"S: 250-*", "S: 250-*", "S: 250-*", "S: 250-*", "S: 250-*",
		"S: 250-*", "S: 250 *", "C: MAIL FROM:<a@b>", "C: KEEPALIVE",
		"C: RCPT TO:<x@y>", "C: DATA", "S: 250 2.1.0 OK",
		"S: 250 2.0.0 OK", "S: 250 2.1.5 OK", "S: 354 *", "C: XYZZY",
		"C: .", "S: 250 *"),
	    NULL);
	play_script(use_mail,
	    SCRIPT("S: 220 *", "C: SEND FROM:<a@b>",
		"S: 503 say EHLO or HELO first", "C: EHLO a", "S: 250-*",
		"S: 250-*", "S: 250-*", "S: 250-*", "S: 250-*", "S: 250-*",
		"S: 250 *", "C: SEND FROM:<a@b> SIZE=3", "C: SOML FROM:<c@d>",
		"S: 250 2.1.0 OK", "S: 503 5.5.1 MAIL was already given",
		"C: RCPT TO:<x@y>", "S: 250 *"),
	    NULL);
	play_script(use_auth,
	    SCRIPT(EHLO, "C: XLOGON PLAIN AGFsaWNlAHBhc3N3b3Jk",
		"S: 235 2.7.0 *", "C: NOOP", "S: 250 *"),
	    NULL);
	play_script(use_quit, SCRIPT("S: 220 *", "C: BYE", "S: 221 *", "X"),
	    NULL);
	/* what is no verb either is asked once and no more */
	play_script(use_nonsense, SCRIPT("S: 220 *", "C: XYZZY", "S: 500 *"),
	    check_one_question);
}

static void
use_starttls(struct play *p)
{
	ask_command(p);
	p->options.has_tls = true;
	p->command.verb = DG_STR("STARTTLS");
}

/* What stood behind the line when it was read is remembered until then. */
static void
text_behind_a_verb_taken_for_starttls_closes(void **state)
{
	for (int late = 0; late < 2; late++) {
		struct play p;

		(void)state;
		play_init(&p);
		use_starttls(&p);
		p.is_late = late != 0;
		play_start(&p);
		play_lines(&p,
		    SCRIPT(EHLO_TLS, "C: XTLS", "C: MAIL FROM:<evil@x>",
			"S: 554 5.5.1 plain text behind STARTTLS*", "X"));
		assert_false(p.has_tls_asked);
		play_fini(&p);
	}
}

static void
refuse_command(struct play *p)
{
	ask_command(p);
	p->command = says(DG_VERDICT_REFUSE, 502, "5.5.1", "not here");
}

static void
refuse_command_wordless(struct play *p)
{
	ask_command(p);
	p->command.verdict = DG_VERDICT_REFUSE;
}

static void
close_command(struct play *p)
{
	ask_command(p);
	p->command = says(DG_VERDICT_CLOSE, 421, "4.7.0", "go away");
}

static void
an_unknown_verb_is_refused_and_counted(void **state)
{
	(void)state;
	play_script(refuse_command,
	    SCRIPT(EHLO, "C: A", "C: B", "C: C", "C: D", "C: E", "C: F",
		"S: 502 5.5.1 not here", "S: 502 *", "S: 502 *", "S: 502 *",
		"S: 502 *", "S: 421 4.7.0 too many errors*", "X"),
	    NULL);
	play_script(refuse_command_wordless,
	    SCRIPT(EHLO, "C: A", "S: 500 5.5.1 command not recognized"), NULL);
	play_script(close_command,
	    SCRIPT(EHLO, "C: MAIL FROM:<a@b>", "C: A", "S: 250 *",
		"S: 421 4.7.0 go away", "X"),
	    NULL);
}

/* ---- AUTHENTICATED ---- */

static void
ask_proved(struct play *p)
{
	p->options.asks = DG_ASK_BIT(DG_ASK_AUTHENTICATED);
	p->alice = alice_account();
	p->peer.requires_auth = true;
}

static void
check_proved(struct play *p)
{
	assert_string_equal(dg_buf_z(&p->asked), "[alice PLAIN PLAIN]");
	assert_int_equal(p->logins, 1);
	assert_true(dg_str_is(dg_srv_user(p->srv), "alice"));
}

static void
a_proved_login_is_asked_about_before_235(void **state)
{
	(void)state;
	play_script(ask_proved,
	    SCRIPT(EHLO, PLAIN, "S: 235 2.7.0 *", "C: MAIL FROM:<a@b>",
		"S: 250 *"),
	    check_proved);
	/* and one that is not proved is not */
	play_script(ask_proved,
	    SCRIPT(EHLO, "C: AUTH PLAIN AGFsaWNlAHg=", "S: 535 5.7.8 *"), NULL);
}

static void
refuse_proved(struct play *p)
{
	ask_proved(p);
	p->proved = says(DG_VERDICT_REFUSE, 535, "5.7.0", "not on Sundays");
}

static void
defer_proved(struct play *p)
{
	ask_proved(p);
	p->proved.verdict = DG_VERDICT_DEFER;
}

static void
close_proved(struct play *p)
{
	ask_proved(p);
	p->proved = says(DG_VERDICT_CLOSE, 421, "4.7.0", "go away");
}

/* Two identifications: with the login, and again without. */
static void
check_taken_back(struct play *p)
{
	assert_int_equal(dg_srv_user(p->srv).n, 0);
	assert_string_equal(dg_srv_mechanism(p->srv), "");
	assert_int_equal(p->logins, 2);
}

static void
a_proved_login_can_be_taken_back(void **state)
{
	(void)state;
	play_script(refuse_proved,
	    SCRIPT(EHLO, PLAIN, "S: 535 5.7.0 not on Sundays",
		"C: MAIL FROM:<a@b>", "S: 530 5.7.0 *"),
	    check_taken_back);
	play_script(defer_proved,
	    SCRIPT(EHLO, PLAIN, "S: 454 4.7.0 temporary authentication*",
		"C: MAIL FROM:<a@b>", "S: 530 5.7.0 *"),
	    check_taken_back);
	play_script(close_proved,
	    SCRIPT(EHLO, PLAIN, "S: 421 4.7.0 go away", "X"), check_taken_back);
}

static void
two_attempts(struct play *p)
{
	refuse_proved(p);
	p->options.limits.auths = 2;
}

static void
a_login_taken_back_counts_as_an_attempt(void **state)
{
	(void)state;
	play_script(two_attempts,
	    SCRIPT(EHLO, PLAIN, "S: 535 *", PLAIN, "S: 535 *", PLAIN,
		"S: 421 4.7.0 too many authentication attempts", "X"),
	    NULL);
}

static void
commands_behind_a_login_are_not_run_after_a_late_answer(void **state)
{
	void (*const setups[])(struct play *) = { ask_proved, refuse_proved };
	const char *const replies[] = { "S: 235 *", "S: 535 *" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct play p;

		play_init(&p);
		setups[i / 2](&p);
		p.is_late = (i & 1) != 0;
		play_start(&p);
		play_lines(&p,
		    SCRIPT(EHLO, PLAIN, "C: MAIL FROM:<a@b>", replies[i / 2],
			"S: 421 4.7.0 commands were sent before*", "X"));
		play_fini(&p);
	}
}

/* ---- SENDER ---- */

static void
ask_sender(struct play *p)
{
	p->options.asks = DG_ASK_BIT(DG_ASK_SENDER);
}

static void
check_senders(struct play *p)
{
	assert_string_equal(dg_buf_z(&p->asked), "[a@b 77 8BITMIME][ 0 ]");
	assert_string_equal(dg_buf_z(&p->envelope), " -> x@y");
}

static void
a_sender_is_asked_about(void **state)
{
	(void)state;
	play_script(ask_sender,
	    SCRIPT(EHLO, "C: MAIL FROM:<a@b> SIZE=77 BODY=8bitmime",
		"S: 250 2.1.0 OK", "C: RSET", "S: 250 *", "C: MAIL FROM:a@b",
		"S: 501 *", "C: MAIL FROM:<>", "C: RCPT TO:<x@y>", "C: DATA",
		"S: 250 *", "S: 250 *", "S: 354 *", "C: .", "S: 250 *"),
	    check_senders);
}

static void
rewrite(struct play *p)
{
	ask_sender(p);
	p->sender.sender = DG_STR("scans@hq.example");
	p->sender.reply_to = DG_STR("sender");
}

static void
check_rewritten(struct play *p)
{
	assert_string_equal(dg_buf_z(&p->envelope),
	    "(a@b) {sender} scans@hq.example -> x@y");
}

static void
to_null(struct play *p)
{
	ask_sender(p);
	p->sender.sender = DG_STR("");
}

static void
check_null(struct play *p)
{
	assert_string_equal(dg_buf_z(&p->envelope), "(a@b)  -> x@y");
}

static void
to_the_same(struct play *p)
{
	ask_sender(p);
	p->sender.sender = DG_STR("a@b");
}

static void
check_same(struct play *p)
{
	assert_string_equal(dg_buf_z(&p->envelope), "a@b -> x@y");
}

static void
to_nonsense(struct play *p)
{
	ask_sender(p);
	p->sender.sender = DG_STR("a@b>\r\nRCPT TO:<c@d");
}

static void
a_sender_can_be_rewritten(void **state)
{
	static const struct {
		void (*setup)(struct play *);
		void (*check)(struct play *);
	} cases[] = {
		{ rewrite, check_rewritten },
		{ to_null, check_null },
		{ to_the_same, check_same },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		play_script(cases[i].setup,
		    SCRIPT(EHLO, "C: MAIL FROM:<a@b>", "C: RCPT TO:<x@y>",
			"C: DATA", "S: 250 2.1.0 OK", "S: 250 *", "S: 354 *",
			"C: .", "S: 250 *"),
		    cases[i].check);
	play_script(to_nonsense,
	    SCRIPT(EHLO, "C: MAIL FROM:<a@b>", "S: 451 4.3.0 *", "C: RSET",
		"S: 250 *"),
	    NULL);
}

static void
refuse_sender(struct play *p)
{
	ask_sender(p);
	p->sender = says(DG_VERDICT_REFUSE, 553, "5.7.1", "not yours");
}

static void
refuse_sender_wordless(struct play *p)
{
	ask_sender(p);
	p->sender.verdict = DG_VERDICT_REFUSE;
}

static void
defer_sender(struct play *p)
{
	ask_sender(p);
	p->sender.verdict = DG_VERDICT_DEFER;
}

static void
close_sender(struct play *p)
{
	ask_sender(p);
	p->sender.verdict = DG_VERDICT_CLOSE;
}

static void
a_refused_sender_has_no_transaction(void **state)
{
	(void)state;
	play_script(refuse_sender,
	    SCRIPT(EHLO, "C: MAIL FROM:<a@b>", "C: RCPT TO:<x@y>",
		"S: 553 5.7.1 not yours", "S: 503 5.5.1 MAIL must come first",
		"C: MAIL FROM:<a@b>", "C: MAIL FROM:<a@b>",
		"C: MAIL FROM:<a@b>", "C: MAIL FROM:<a@b>", "S: 553 *",
		"S: 553 *", "S: 553 *", "S: 421 4.7.0 too many errors*", "X"),
	    NULL);
	play_script(refuse_sender_wordless,
	    SCRIPT(EHLO, "C: MAIL FROM:<a@b>", "S: 550 5.7.1 sender refused"),
	    NULL);
	play_script(defer_sender,
	    SCRIPT(EHLO, "C: MAIL FROM:<a@b>",
		"S: 451 4.3.0 sender cannot be taken now, try again later"),
	    NULL);
	play_script(close_sender, SCRIPT(EHLO, "C: MAIL FROM:<a@b>", "X"),
	    NULL);
}

/* ---- CONTENT ---- */

static void
ask_content(struct play *p)
{
	p->options.asks = DG_ASK_BIT(DG_ASK_CONTENT);
}

static void
check_taken(struct play *p)
{
	assert_string_equal(dg_buf_z(&p->envelope), "a@b -> x@y z@y");
	assert_string_equal(dg_buf_z(&p->asked),
	    "[Subject: x\r\nTo: y\r\n\r\n]");
	assert_int_equal(p->commits, 1);
	assert_int_equal(p->aborts, 0);
}

static void
check_pipelined(struct play *p)
{
	assert_int_equal(p->commits, 2);
	assert_string_equal(dg_buf_z(&p->asked), "[A: b\r\n][C: d\r\n]");
	assert_string_equal(dg_buf_z(&p->envelope), "c@d -> x@y");
}

static void
a_message_is_asked_about_when_it_is_complete(void **state)
{
	(void)state;
	play_script(ask_content,
	    SCRIPT(TO_DATA, "C: Subject: x", "C: To: y", "C: ", "C: body",
		"C: .", "S: 250 2.0.0 OK, queued as k7"),
	    check_taken);
	play_script(ask_content,
	    SCRIPT(TO_DATA, "C: A: b", "C: .", "C: MAIL FROM:<c@d>",
		"C: RCPT TO:<x@y>", "C: DATA", "S: 250 2.0.0 *",
		"S: 250 2.1.0 *", "S: 250 2.1.5 *", "S: 354 *", "C: C: d",
		"C: .", "S: 250 2.0.0 *"),
	    check_pipelined);
}

/* What is refused for itself is nobody's question. */
static void
check_not_asked(struct play *p)
{
	assert_int_equal(p->asked.n, 0);
	assert_int_equal(p->commits, 0);
	assert_int_equal(p->aborts, 1);
}

static void
a_message_that_is_refused_anyway_is_not_asked_about(void **state)
{
	(void)state;
	play_script(ask_content,
	    SCRIPT(TO_DATA, "R:a\nb\r\n.\r\n", "S: 550 5.5.2 *"),
	    check_not_asked);
}

static void
refuse_content(struct play *p)
{
	ask_content(p);
	p->content = says(DG_VERDICT_REFUSE, 554, "5.7.1", "no");
}

static void
refuse_content_wordless(struct play *p)
{
	ask_content(p);
	p->content.verdict = DG_VERDICT_REFUSE;
}

static void
defer_content(struct play *p)
{
	ask_content(p);
	p->content.verdict = DG_VERDICT_DEFER;
}

static void
close_content(struct play *p)
{
	ask_content(p);
	p->content = says(DG_VERDICT_CLOSE, 421, "4.7.0", "go away");
}

static void
check_dropped(struct play *p)
{
	assert_int_equal(p->commits, 0);
	assert_int_equal(p->aborts, 1);
}

static void
a_refused_message_is_dropped(void **state)
{
	(void)state;
	play_script(refuse_content,
	    SCRIPT(TO_DATA, "C: x", "C: .", "C: RSET", "S: 554 5.7.1 no",
		"S: 250 *"),
	    check_dropped);
	play_script(refuse_content_wordless,
	    SCRIPT(TO_DATA, "C: x", "C: .", "S: 550 5.7.1 message refused"),
	    check_dropped);
	play_script(defer_content,
	    SCRIPT(TO_DATA, "C: x", "C: .",
		"S: 451 4.3.0 message cannot be taken now, try again later"),
	    check_dropped);
	play_script(close_content,
	    SCRIPT(TO_DATA, "C: x", "C: .", "S: 421 4.7.0 go away", "X"),
	    check_dropped);
}

static void
hold_content(struct play *p)
{
	ask_content(p);
	p->content.verdict = DG_VERDICT_HOLD;
}

static void
check_held(struct play *p)
{
	assert_string_equal(dg_buf_z(&p->envelope), "held: a@b -> x@y z@y");
}

static void
discard_content(struct play *p)
{
	ask_content(p);
	p->content.verdict = DG_VERDICT_DISCARD;
}

static void
check_discarded(struct play *p)
{
	assert_string_equal(dg_buf_z(&p->envelope), "a@b -> x@y! z@y!");
}

static void
a_message_can_be_held_or_discarded(void **state)
{
	(void)state;
	play_script(hold_content,
	    SCRIPT(TO_DATA, "C: x", "C: .", "S: 250 2.0.0 OK, queued as k7"),
	    check_held);
	play_script(discard_content,
	    SCRIPT(TO_DATA, "C: x", "C: .", "S: 250 2.0.0 OK, queued as k7"),
	    check_discarded);
}

/* The last piece, or an edit of the owner's, could not be written: whatever
 * the policy says, the failure is what the client hears. */
static void
a_write_that_fails_while_it_waits_is_never_a_250(void **state)
{
	struct dg_srv_answer late = { .verdict = DG_VERDICT_ACCEPT };
	struct dg_err e = { .code = 452, .enhanced = "4.3.1", .text = "full" };
	struct play p;

	(void)state;
	play_init(&p);
	ask_content(&p);
	p.holds = "CONTENT";
	play_start(&p);
	play_lines(&p, SCRIPT(TO_DATA, "C: x", "C: .", "C: NOOP"));
	assert_string_equal(dg_srv_state_name(p.srv), "CONTENT");
	dg_srv_body_failed(p.srv, &e);
	p.holds = NULL;
	dg_srv_answer(p.srv, &late, &p.acts);
	play_carry_out(&p);
	play_lines(&p,
	    SCRIPT("C: NOOP", "S: 452 4.3.1 full", "S: 250 *", "S: 250 *"));
	check_dropped(&p);
	play_fini(&p);
}

static void
all_of_them(struct play *p)
{
	p->options.asks = ~0u;
	p->alice = alice_account();
}

static void
check_all_asked(struct play *p)
{
	assert_string_equal(dg_buf_z(&p->asked),
	    "[XYZZY|][alice PLAIN PLAIN][a@b 0 ][S: x\r\n\r\n]");
}

static void
all_questions_of_a_session_are_asked_once(void **state)
{
	(void)state;
	play_script(all_of_them,
	    SCRIPT(EHLO, "C: XYZZY", "S: 500 *", PLAIN, "S: 235 *",
		"C: MAIL FROM:<a@b>", "C: RCPT TO:<x@y>", "C: DATA", "S: 250 *",
		"S: 250 *", "S: 354 *", "C: S: x", "C: ", "C: .", "C: QUIT",
		"S: 250 *", "S: 221 *", "X"),
	    check_all_asked);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_an_opinion_an_unknown_verb_is_500),
		cmocka_unit_test(
		    an_unknown_verb_is_taken_for_another_where_it_was_said),
		cmocka_unit_test(text_behind_a_verb_taken_for_starttls_closes),
		cmocka_unit_test(an_unknown_verb_is_refused_and_counted),
		cmocka_unit_test(a_proved_login_is_asked_about_before_235),
		cmocka_unit_test(a_proved_login_can_be_taken_back),
		cmocka_unit_test(a_login_taken_back_counts_as_an_attempt),
		cmocka_unit_test(
		    commands_behind_a_login_are_not_run_after_a_late_answer),
		cmocka_unit_test(a_sender_is_asked_about),
		cmocka_unit_test(a_sender_can_be_rewritten),
		cmocka_unit_test(a_refused_sender_has_no_transaction),
		cmocka_unit_test(a_message_is_asked_about_when_it_is_complete),
		cmocka_unit_test(
		    a_message_that_is_refused_anyway_is_not_asked_about),
		cmocka_unit_test(a_refused_message_is_dropped),
		cmocka_unit_test(a_message_can_be_held_or_discarded),
		cmocka_unit_test(
		    a_write_that_fails_while_it_waits_is_never_a_250),
		cmocka_unit_test(all_questions_of_a_session_are_asked_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
