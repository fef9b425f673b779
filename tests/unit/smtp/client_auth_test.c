/* client_auth_test.c - the dialogue, its refusals and its end. */
#include "played_client.h"

static void
refusals_go_to_the_next_row_and_to_nothing_else(void **state)
{
	struct dg_cli_options o = options(&v55, ntlm, 1);

	(void)state;
	play("535: no other verb, no other mechanism", &o,
	    HI "S 250-srv|250 AUTH NTLM LOGIN PLAIN\nC AUTH NTLM " TYPE1
	       "S 535 5.7.8 no\nC QUIT\nS 221 x\nEND login-refused\n");
	play("454: nobody else is tried", &o,
	    HI "S 250-srv|250 AUTH NTLM\nC AUTH NTLM " TYPE1
	       "S 454 4.7.0 later\nC QUIT\nS 221 x\nEND temporary\n");
	play("421", &o,
	    HI "S 250-srv|250 AUTH NTLM\nC AUTH NTLM " TYPE1
	       "S 421 4.7.0 bye\nEND temporary\n");
	o = options(NULL, ntlm_login, 2);
	play("504: the next row", &o,
	    HI "S 250-srv|250 AUTH NTLM LOGIN\nC AUTH NTLM " TYPE1
	       "S 504 5.5.4 no\nC AUTH LOGIN\nS 334 VXNlcm5hbWU6\nC c3Zj\n"
	       "S 334 UGFzc3dvcmQ6\nC UGEkJHcwcmQ=\nS 235 ok\nREADY\n"
	       "T no-common-auth -> next login LOGIN\n");
	play("535: the next row, since it is listed", &o,
	    HI "S 250-srv|250 AUTH NTLM LOGIN\nC AUTH NTLM " TYPE1
	       "S 535 no\nC AUTH LOGIN\nS 535 no\nC QUIT\nS 221 x\n"
	       "END login-refused\n");
	play("the most telling refusal is told", &o,
	    HI "S 250-srv|250 AUTH NTLM LOGIN\nC AUTH NTLM " TYPE1
	       "S 535 5.7.8 no\nC AUTH LOGIN\nS 504 no\nC QUIT\nS 221 x\n"
	       "END login-refused\n");
	play("250 to a password proves nothing (smtp-sink)", &o,
	    HI "S 250-srv|250 AUTH LOGIN\nC AUTH LOGIN\nS 334 x\nC c3Zj\n"
	       "S 334 y\nC UGEkJHcwcmQ=\nS 250 2.0.0 Ok\nC QUIT\nS 221 x\n"
	       "END login-refused\n");
	o = options(NULL, plain, 1);
	play("PLAIN goes on the line", &o,
	    HI "S 250-srv|250 AUTH PLAIN\nC AUTH PLAIN AHN2YwBQYSQkdzByZA==\n"
	       "S 235 ok\nREADY\n");
}

static void
the_334_after_a_bare_verb_may_say_anything(void **state)
{
	struct dg_cli_options o = options(&asks, ntlm, 1);

	(void)state;
	play("as Exchange does", &o,
	    HI "S 250-srv|250 AUTH NTLM\nA AUTH NTLM\nA TlRMTVNTUAAB*\nA "
	       "+\nREADY\n");
	play("empty", &o,
	    HI "S 250-srv|250 AUTH NTLM\nC AUTH NTLM\nS 334 \nC " TYPE1
	       "S 535 no\nC QUIT\nS 221 x\nEND login-refused\n");
	play("words that are base64 by accident", &o,
	    HI "S 250-srv|250 AUTH NTLM\nC AUTH NTLM\nS 334 ntlm\nC " TYPE1
	       "S 535 no\nC QUIT\nS 221 x\nEND login-refused\n");
	play("501 to the bare form: once more with type 1 on the line", &o,
	    HI "S 250-srv|250 AUTH NTLM\nC AUTH NTLM\nS 501 no\n"
	       "A AUTH NTLM " TYPE1 "A +\nREADY\n");
	o.dialect = &v55;
	play("501 to the initial form: once more without", &o,
	    HI "S 250-srv|250 AUTH NTLM\nC AUTH NTLM " TYPE1 "S 501 no\n"
	       "A AUTH NTLM\nA TlRMTVNTUAAB*\nA +\nREADY\n");
}

static void
what_we_cannot_answer_is_cancelled(void **state)
{
	struct dg_cli_options o = options(NULL, ntlm, 1);

	(void)state;
	play("rubbish for a challenge (curl's test 933)", &o,
	    HI
	    "S 250-srv|250 AUTH NTLM\nC AUTH NTLM " TYPE1 "S 334 Rubbish\n"
	    "C *\nN\nS 501 cancelled\nC QUIT\nS 221 x\nEND no-common-auth\n");
	play("535 to the cancel (Exim) is no refused login", &o,
	    HI "S 250-srv|250 AUTH NTLM\nC AUTH NTLM " TYPE1 "S 334 !\n"
	       "C *\nS 535 Incorrect\nC QUIT\nS 221 x\nEND no-common-auth\n");
	play("235 to the cancel is a lie", &o,
	    HI "S 250-srv|250 AUTH NTLM\nC AUTH NTLM " TYPE1 "S 334 !\n"
	       "C *\nS 235 welcome\nEND unreachable\n");
	o = options(NULL, plain, 1);
	play("it asks on for ever", &o,
	    HI "S 250-srv|250 AUTH PLAIN\nC AUTH PLAIN*\nS 334 more\nC *\n"
	       "S 334 more\nEND unreachable\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    refusals_go_to_the_next_row_and_to_nothing_else),
		cmocka_unit_test(the_334_after_a_bare_verb_may_say_anything),
		cmocka_unit_test(what_we_cannot_answer_is_cancelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
