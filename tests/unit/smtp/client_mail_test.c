/* client_mail_test.c - transactions, pipelined and step by step. */
#include "played_client.h"

static void
one_message_step_by_step(void **state)
{
	struct dg_cli_options o = options(NULL, NULL, 0);

	(void)state;
	play("no login, no PIPELINING", &o,
	    HI
	    "S 250-srv|250 HELP\nREADY\nMAIL 2\n"
	    "C MAIL FROM:<a@hq.example>\nN\nS 250 ok\n"
	    "C RCPT TO:<one@branch.example>\nN\nS 250 ok\n"
	    "C RCPT TO:<two@branch.example>\nN\nS 550 5.1.1 who\n"
	    "R 1 unknown-recipient\nC DATA\nS 354 go\nBODY\n"
	    "C Subject: x\nC\nC ..dot\nC .\nS 250 queued\nR 0 ok\nREADY\n"
	    "MAIL 1\nC MAIL FROM:<a@hq.example>\nS 250 ok\n"
	    "C RCPT TO:<one@branch.example>\nS 250 ok\nC DATA\nS 354 go\n"
	    "BODY\nC Subject: x\nC\nC ..dot\nC .\nS 554 5.6.0 no\n"
	    "R all content-refused\nREADY\nQUIT\nC QUIT\nS 221 bye\nEND ok\n");
	play("all refused at RCPT: RSET, no DATA", &o,
	    HI "S 250 srv\nMAIL 2\nC MAIL*\nS 250 ok\nC RCPT*\nS 550 no\n"
	       "C RCPT*\nS 451 later\nC RSET\nS 250 ok\nREADY\n"
	       "R 0 unknown-recipient\nR 1 temporary\n");
	play("refused at MAIL: nobody gets it, and no RSET is needed", &o,
	    HI "S 250 srv\nMAIL 3\nC MAIL*\nS 553 5.1.8 no\n"
	       "R all sender-refused\nREADY\n");
	play("refused at DATA", &o,
	    HI "S 250 srv\nMAIL 2\nC MAIL*\nS 250 ok\nC RCPT*\nS 250 ok\n"
	       "C RCPT*\nS 550 no\nC DATA\nS 451 4.3.0 later\nR 0 temporary\n"
	       "R 1 unknown-recipient\nC RSET\nS 250 ok\nREADY\n");
	play("SIZE and BODY go along when they are offered", &o,
	    HI "S 250-srv|250-SIZE 2000|250 8BITMIME\nMAIL8 1\n"
	       "C MAIL FROM:<a@hq.example> SIZE=1000 BODY=8BITMIME\n");
	play("too big: nothing is said", &o,
	    HI "S 250-srv|250 SIZE 999\nMAIL 2\nN\nR all too-big\nREADY\n");
	play("8-bit text is refused where the hop says so", &o,
	    HI "S 250 srv\nMAIL8 1\nN\nR all content-refused\nREADY\n");
}

static void
a_group_is_pipelined_and_every_mix_of_replies_fits(void **state)
{
	struct dg_cli_options o = options(NULL, NULL, 0);

	(void)state;
	play("all goes well", &o,
	    HI PIPE "MAIL 3\n" GROUP3 "S 250 a|250 b|250 c|250 d|354 go\n" TEXT
		    "S 250 ok\nR all ok\nREADY\n");
	play("some refused", &o,
	    HI PIPE
	    "MAIL 3\n" GROUP3
	    "S 250 a|550 5.1.1 b|250 c|452 4.2.2 d|354 go\n" TEXT
	    "S 250 ok\nR 0 unknown-recipient\nR 1 ok\nR 2 mailbox-full\n"
	    "READY\n");
	play("all refused, DATA refused", &o,
	    HI PIPE "MAIL 3\n" GROUP3 "S 250 a|550 b|550 c|550 d|554 no\n"
		    "R all unknown-recipient\nC RSET\nS 250 ok\nREADY\n");
	play("all refused, and 354: a lone dot (RFC 2920 3.1)", &o,
	    HI PIPE
	    "MAIL 3\n" GROUP3 "S 250 a|550 b|550 c|550 d|354 go\n"
	    "C .\nS 554 no recipients\nR all unknown-recipient\nREADY\n");
	play("MAIL refused, the rest too", &o,
	    HI PIPE "MAIL 3\n" GROUP3 "S 550 a|503 b|503 c|503 d|503 e\n"
		    "R all sender-refused\nREADY\n");
	play("MAIL refused, and 354", &o,
	    HI PIPE "MAIL 3\n" GROUP3 "S 451 a|503 b|503 c|503 d|354 e\n"
		    "C .\nS 250 ok\nR all temporary\nREADY\n");
	play("RCPTs taken, DATA refused", &o,
	    HI PIPE "MAIL 3\n" GROUP3 "S 250 a|250 b|550 c|250 d|451 e\n"
		    "R 0 temporary\nR 1 unknown-recipient\nR 2 temporary\n"
		    "C RSET\nS 250 ok\nREADY\n");
	play("421 in the middle of the group", &o,
	    HI PIPE "MAIL 3\n" GROUP3 "S 250 a|550 b|421 4.3.2 busy\n"
		    "R 0 unknown-recipient\nR 1 slow-down\nR 2 slow-down\n"
		    "END slow-down\n");
	play("a reply too much", &o,
	    HI PIPE "MAIL 3\n" GROUP3 "S 250 a|250 b|250 c|250 d|354 go\n" TEXT
		    "S 250 ok|250 ok\nR all ok\nEND unreachable\n");
}

static void
no_address_can_end_the_command_line(void **state)
{
	static const struct dg_str evil[] = {
		{ "x@y>\r\nDATA", 10 },
		{ "one@branch.example", 18 },
		{ "a\nb@c", 5 },
		{ "gr\xc3\xbc\xc3\x9f@c", 8 },
	};
	struct dg_cli_options o = options(NULL, NULL, 0);
	struct dg_cli_mail m = { .sender = DG_STR("a@b"),
		.rcpts = evil,
		.n_rcpts = LENGTH(evil) };
	struct dg_acts acts;
	struct dg_cli *c = dg_cli_new(&o);
	int refused = 0;

	(void)state;
	dg_acts_init(&acts);
	dg_cli_start(c, &acts);
	(void)dg_cli_feed(c, DG_STR("220 hi\r\n250-s\r\n250 PIPELINING\r\n"),
	    &acts);
	assert_true(dg_cli_is_ready(c));
	dg_acts_reset(&acts);
	dg_cli_mail(c, &m, &acts);
	for (size_t i = 0; i < acts.n; i++) {
		if (acts.v[i].kind == DG_ACT_RESULT)
			refused++;
		if (acts.v[i].kind == DG_ACT_SEND)
			assert_true(dg_str_is(dg_act_text(&acts, &acts.v[i]),
			    "MAIL FROM:<a@b>\r\n"
			    "RCPT TO:<one@branch.example>\r\nDATA\r\n"));
	}
	assert_int_equal(refused, 3);
	dg_cli_free(c);

	c = dg_cli_new(&o);
	dg_acts_reset(&acts);
	dg_cli_start(c, &acts);
	(void)dg_cli_feed(c, DG_STR("220 hi\r\n250 s\r\n"), &acts);
	dg_acts_reset(&acts);
	m.sender = DG_STR("a@b>\r\nRSET");
	dg_cli_mail(c, &m, &acts);
	assert_int_equal(acts.v[0].kind, DG_ACT_RESULT);
	assert_int_equal(acts.v[0].result.meaning, DG_MEANING_SENDER_REFUSED);
	assert_int_equal(acts.v[1].kind, DG_ACT_READY);
	dg_cli_free(c);
	dg_acts_fini(&acts);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_message_step_by_step),
		cmocka_unit_test(
		    a_group_is_pipelined_and_every_mix_of_replies_fits),
		cmocka_unit_test(no_address_can_end_the_command_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
