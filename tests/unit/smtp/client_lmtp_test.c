/* client_lmtp_test.c - LMTP (RFC 2033): LHLO, and one reply for each recipient
 * that was accepted. */
#include "played_client.h"

#define LHI   "S 220 hi\nC LHLO relay.example\n"
#define LPIPE "S 250-srv|250 PIPELINING\n"

static struct dg_cli_options
lmtp(void)
{
	struct dg_cli_options o = options(NULL, NULL, 0);

	o.is_lmtp = true;
	return o;
}

static void
each_accepted_recipient_gets_the_reply_that_is_its_own(void **state)
{
	struct dg_cli_options o = lmtp();

	(void)state;
	play("three taken at RCPT, three replies", &o,
	    LHI LPIPE
	    "READY\nMAIL 3\n" GROUP3 "S 250 a|250 b|250 c|250 d|354 go\n" TEXT
	    "S 250 one\nR 0 ok\nN\nS 452 4.2.2 full\nR 1 mailbox-full\nN\n"
	    "S 550 5.1.1 who\nR 2 unknown-recipient\nREADY\n");
	play("all three in one segment", &o,
	    LHI LPIPE "MAIL 3\n" GROUP3 "S 250 a|250 b|250 c|250 d|354 go\n"
	    TEXT "S 554 5.6.0 no|250 ok|451 later\nR 0 content-refused\n"
	    "R 1 ok\nR 2 temporary\nREADY\n");
	play("the replies are those of the recipients that were taken", &o,
	    LHI LPIPE "MAIL 3\n" GROUP3
	    "S 250 a|550 5.1.1 b|250 c|451 4.3.0 d|354 go\n" TEXT
	    "S 250 two\nR 0 unknown-recipient\nR 1 ok\nR 2 temporary\n"
	    "READY\n");
	play("step by step, and a second message behind it", &o,
	    LHI "S 250 srv\nREADY\nMAIL 2\n"
	    "C MAIL FROM:<a@hq.example>\nS 250 ok\n"
	    "C RCPT TO:<one@branch.example>\nS 250 ok\n"
	    "C RCPT TO:<two@branch.example>\nS 250 ok\n"
	    "C DATA\nS 354 go\n" TEXT "S 250 ok|250 ok\nR 0 ok\nR 1 ok\nREADY\n"
	    "MAIL 1\nC MAIL*\nS 250 ok\nC RCPT*\nS 250 ok\nC DATA\nS 354 go\n"
	    TEXT "S 250 ok\nR 0 ok\nREADY\nQUIT\nC QUIT\nS 221 bye\nEND ok\n");
	play("a reply too much is out of step", &o,
	    LHI LPIPE "MAIL 3\n" GROUP3
	    "S 250 a|250 b|550 c|550 d|354 go\n" TEXT
	    "S 250 one|250 two\nR 0 ok\nEND unreachable\n");
}

static void
who_was_not_answered_is_in_doubt(void **state)
{
	struct dg_cli_options o = lmtp();

	(void)state;
	play("lost between two replies", &o,
	    LHI LPIPE "MAIL 3\n" GROUP3 "S 250 a|250 b|250 c|250 d|354 go\n"
	    TEXT "S 250 one\nR 0 ok\nLOST\nDOUBT\nR 1 unreachable\n"
	    "R 2 unreachable\nEND unreachable\n");
	play("closing between two replies", &o,
	    LHI LPIPE "MAIL 3\n" GROUP3 "S 250 a|250 b|250 c|250 d|354 go\n"
	    TEXT "S 250 one|421 4.3.2 bye\nR 0 ok\nR 1 slow-down\n"
	    "R 2 slow-down\nEND slow-down\n");
}

static void
data_for_nobody_is_never_sent(void **state)
{
	struct dg_cli_options o = lmtp();

	(void)state;
	play("503, as the RFC wants it", &o,
	    LHI LPIPE "MAIL 3\n" GROUP3 "S 250 a|550 b|550 c|550 d|503 no\n"
	    "R all unknown-recipient\nC RSET\nS 250 ok\nREADY\n");
	/* no reply would come to a lone dot: nobody was accepted */
	play("354 is out of step", &o,
	    LHI LPIPE "MAIL 3\n" GROUP3 "S 250 a|550 b|550 c|550 d|354 go\n"
	    "R all unknown-recipient\nEND unreachable\n");
}

static void
lhlo_is_said_and_nothing_else(void **state)
{
	static const struct dg_dialect helo = { .name = "old",
		.helo = DG_HELO_HELO };
	struct dg_cli_options o = lmtp();

	(void)state;
	play("refused: no HELO follows", &o,
	    LHI "S 500 what\nC QUIT\nS 221 bye\nEND temporary\n");
	o.dialect = &helo;
	play("a dialect cannot make it HELO", &o, LHI "S 250 srv\nREADY\n");
	o = lmtp();
	o.tls = DG_TLS_OPPORTUNISTIC;
	play("TLS as with SMTP, and LHLO again", &o,
	    LHI "S 250-srv|250 STARTTLS\nC STARTTLS\nS 220 go\nTLS\n"
	    "C LHLO relay.example\nS 250 srv\nREADY\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    each_accepted_recipient_gets_the_reply_that_is_its_own),
		cmocka_unit_test(who_was_not_answered_is_in_doubt),
		cmocka_unit_test(data_for_nobody_is_never_sent),
		cmocka_unit_test(lhlo_is_said_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
