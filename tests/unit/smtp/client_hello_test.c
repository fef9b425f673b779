/* client_hello_test.c - greeting, EHLO, HELO and STARTTLS. */
#include "played_client.h"

static void
an_old_server_gets_helo(void **state)
{
	struct dg_cli_options o = options(NULL, NULL, 0);

	(void)state;
	play("EHLO refused", &o,
	    HI "S 500 Unrecognized command\nC HELO relay.example\nS 250 hi\n"
	       "READY\nMAIL 1\nC MAIL FROM:<a@hq.example>\n");
	play("both refused", &o,
	    HI "S 502 no\nC HELO relay.example\nS 501 no\nC QUIT\nS 221 x\n"
	       "END temporary\n");
	play("EHLO later", &o,
	    HI "S 451 later\nC QUIT\nS 221 x\nEND temporary\n");
	o = options(&says_helo, NULL, 0);
	play("the dialect says HELO", &o,
	    "S 220 hi\nC HELO relay.example\nS 250 hi\nREADY\n");
	o = options(&v55, ntlm, 1);
	play("after HELO only what is assumed is tried", &o,
	    HI "S 500 no\nC HELO relay.example\nS 250 hi\n"
	       "C AUTH NTLM " TYPE1 "LOST\nEND unreachable\n");
}

static void
tls_is_never_given_up_where_it_is_required(void **state)
{
	struct dg_cli_options o = options(NULL, NULL, 0);

	(void)state;
	o.tls = DG_TLS_REQUIRE;
	play("all is forgotten, EHLO comes again", &o,
	    HI "S 250-srv|250-SIZE 5|250 STARTTLS\nC STARTTLS\nS 220 go\n"
	       "TLS\nC EHLO relay.example\nS 250 srv\nREADY\nMAIL 1\n"
	       "C MAIL FROM:<a@hq.example>\n");
	play("not offered", &o,
	    HI "S 250 srv\nC QUIT\nS 221 x\nEND tls-failed\n");
	play("454", &o,
	    HI "S 250-srv|250 STARTTLS\nC STARTTLS\nS 454 4.7.0 not now\n"
	       "C QUIT\nS 221 x\nEND tls-failed\n");
	play("no certificate (Q237327)", &o,
	    HI "S 250-srv|250 STARTTLS\nC STARTTLS\n"
	       "S 554 Unable to initialize security subsystem\n"
	       "C QUIT\nS 221 x\nEND tls-failed\n");
	play("the handshake fails", &o,
	    HI "S 250-srv|250 STARTTLS\nC STARTTLS\nS 220 go\nNOTLS\n"
	       "END tls-failed\n");
	o.tls = DG_TLS_VERIFY;
	play("HELO servers have no TLS", &o,
	    HI "S 500 no\nC HELO relay.example\nS 250 hi\nC QUIT\n"
	       "S 221 x\nEND tls-failed\n");
	o.tls = DG_TLS_OPPORTUNISTIC;
	play("opportunistic: 454 goes on in clear, and the log says so", &o,
	    HI "S 250-srv|250 STARTTLS\nC STARTTLS\nS 454 4.7.0 no\nREADY\n"
	       "T in clear (opportunistic)\n");
	play("opportunistic: not offered", &o,
	    HI "S 250 srv\nREADY\nT in clear (opportunistic)\n");
	o.tls = DG_TLS_NEVER;
	play("never", &o, HI "S 250-srv|250 STARTTLS\nREADY\n");
	o.tls = DG_TLS_REQUIRE;
	o.tls_is_on = true;
	play("implicit TLS", &o, HI "S 250-srv|250 STARTTLS\nREADY\n");
}

static void
what_is_injected_before_tls_ends_the_session(void **state)
{
	struct dg_cli_options o = options(NULL, NULL, 0);
	const char *script =
	    HI "S 250-srv|250 STARTTLS\nC STARTTLS\n"
	       "S 220 go|250-evil|250 AUTH PLAIN\nEND tls-failed\n";

	(void)state;
	o.tls = DG_TLS_OPPORTUNISTIC;
	play("replies behind the 220", &o, script);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_old_server_gets_helo),
		cmocka_unit_test(tls_is_never_given_up_where_it_is_required),
		cmocka_unit_test(what_is_injected_before_tls_ends_the_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
