/* client_test.c - hops that break the protocol, hang up or never end. */
#include "played_client.h"

static void
hostile_hops_end_in_one_result_each(void **state)
{
	struct dg_cli_options o = options(NULL, NULL, 0);
	static const char *const greetings[] = {
		"S SSH-2.0-OpenSSH\n",
		"S 354 go ahead\n",
		"S 250 hello\n",
		"S 334 eA==\n",
		"S 220-a|250 b\n",
		"S \n",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(greetings); i++) {
		char script[200];

		snprintf(script, sizeof(script), "%sEND unreachable\n",
		    greetings[i]);
		play("a greeting that is none", &o, script);
	}
	play("refused at the door", &o,
	    "S 554 no service\nC QUIT\nS 221 x\nEND temporary\n");
	play("busy", &o, "S 421 4.3.2 busy\nEND slow-down\n");
	play("354 to EHLO", &o, HI "S 354 x\nEND unreachable\n");
	play("354 to MAIL", &o,
	    HI "S 250 srv\nMAIL 2\nC MAIL*\nS 354 x\nR all unreachable\n"
	       "END unreachable\n");
	play("354 to RCPT", &o,
	    HI "S 250 srv\nMAIL 2\nC MAIL*\nS 250 x\nC RCPT*\nS 354 x\n"
	       "R all unreachable\nEND unreachable\n");
	play("250 to DATA", &o,
	    HI "S 250 srv\nMAIL 1\nC MAIL*\nS 250 x\nC RCPT*\nS 250 x\n"
	       "C DATA\nS 250 x\nR all unreachable\nEND unreachable\n");
	play("354 to the final dot: who knows", &o,
	    HI "S 250 srv\nMAIL 1\nC MAIL*\nS 250 x\nC RCPT*\nS 250 x\n"
	       "C DATA\nS 354 x\n" TEXT "S 354 x\nR all unreachable\n"
	       "END unreachable\nDOUBT\n");
	play("it refuses before the data end", &o,
	    HI "S 250 srv\nMAIL 1\nC MAIL*\nS 250 x\nC RCPT*\nS 250 x\n"
	       "C DATA\nS 354 x|552 5.3.4 big\nR all too-big\nEND too-big\n");
	play("it speaks unasked when idle", &o,
	    HI "S 250 srv\nREADY\nS 250 x\nEND unreachable\n");
	play("it closes when idle", &o,
	    HI "S 250 srv\nREADY\nS 421 4.4.2 timeout\nEND temporary\n");
	play("354 to AUTH", &o,
	    HI "S 250 srv\nREADY\nQUIT\nC QUIT\nS 354\n"
	       "END ok\n");
	play("the spool fails us", &o,
	    HI "S 250 srv\nMAIL 1\nC MAIL*\nS 250 x\nC RCPT*\nS 250 x\n"
	       "C DATA\nS 354 x\nABORT\nR all temporary\nEND temporary\n");
	o = options(&v55, ntlm, 1);
	play("354 to everything", &o,
	    HI S55 "C AUTH NTLM*\nS 354\nEND unreachable\n");
	play("a verb that a firewall swallows", &o,
	    HI S55 "C AUTH NTLM*\nS 250 ok\nA XAUTH NTLM " TYPE1
		   "A +\nREADY\n");
}

static void
a_connection_lost_anywhere_leaves_nobody_without_a_result(void **state)
{
	static const char *const steps[] = {
		"S 220 hi\n",
		"C EHLO*\nS 250-srv|250 AUTH NTLM\n",
		"A AUTH NTLM*\n",
		"A +\n",
		"READY\nMAIL 3\nC MAIL*\n",
		"S 250 a\nC RCPT*\n",
		"S 550 b\nC RCPT*\n",
		"S 250 c\nC RCPT*\n",
		"S 250 d\nC DATA\n",
		"S 354 e\n",
		TEXT,
	};
	struct dg_cli_options o = options(&v55, ntlm, 1);

	(void)state;
	for (size_t n = 0; n <= LENGTH(steps); n++) {
		char script[2000] = "";
		size_t mail_at = 4;

		for (size_t i = 0; i < n; i++)
			strcat(script, steps[i]);
		if (n == 1)
			strcat(script, "C EHLO*\n");
		if (n == 2)
			strcat(script, "C AUTH*\n");
		if (n == 3)
			strcat(script, "C Tl*\n");
		strcat(script, "LOST\nEND unreachable\n");
		if (n > mail_at + 2)
			strcat(script,
			    "R 0 unknown-recipient\nR 1 unreachable\n"
			    "R 2 unreachable\n");
		else if (n > mail_at)
			strcat(script, "R all unreachable\n");
		if (n == LENGTH(steps))
			strcat(script, "DOUBT\n");
		play("lost", &o, script);
	}
}

static void
endless_replies_and_lines_are_cut(void **state)
{
	struct dg_cli_options o = options(NULL, NULL, 0);
	struct dg_acts acts;
	struct dg_cli *c = dg_cli_new(&o);
	char line[20000];
	int n = 0;

	(void)state;
	dg_acts_init(&acts);
	dg_cli_start(c, &acts);
	while (acts.n == 0 && n++ < 1000)
		(void)dg_cli_feed(c, DG_STR("220-more\r\n"), &acts);
	assert_int_equal(acts.v[acts.n - 1].kind, DG_ACT_ENDED);
	assert_int_equal(n, 101);
	dg_cli_free(c);

	dg_acts_reset(&acts);
	c = dg_cli_new(&o);
	dg_cli_start(c, &acts);
	memset(line, 'x', sizeof(line));
	assert_int_equal(dg_cli_feed(c, dg_str_of(line, sizeof(line)), &acts),
	    sizeof(line));
	assert_int_equal(acts.v[acts.n - 1].kind, DG_ACT_ENDED);
	dg_cli_free(c);
	dg_acts_fini(&acts);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_hops_end_in_one_result_each),
		cmocka_unit_test(
		    a_connection_lost_anywhere_leaves_nobody_without_a_result),
		cmocka_unit_test(endless_replies_and_lines_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
