/* client_hush_test.c - servers that repeat what we said. */
#include "played_client.h"

static void
a_reply_that_repeats_our_login_is_starred_out(void **state)
{
	struct dg_cli_options o = options(NULL, plain, 1);

	(void)state;
	play("the whole line, as sendmail does", &o,
	    HI "S 250-srv|250 AUTH PLAIN\nC AUTH PLAIN AHN2YwBQYSQkdzByZA==\n"
	       "S 535 no: \"AUTH PLAIN AHN2YwBQYSQkdzByZA==\"\nC QUIT\nS 221 "
	       "x\nEND login-refused\nHUSH AHN2\nT AUTH PLAIN ***\n");
	play("a part of it, and in the middle of a word", &o,
	    HI "S 250-srv|250 AUTH PLAIN\nC AUTH PLAIN AHN2YwBQYSQkdzByZA==\n"
	       "S 535 x=AHN2YwBQYSQkdzByZ...\nC QUIT\nS 221 x\n"
	       "END login-refused\nHUSH AHN2\n");
	play("the password in clear", &o,
	    HI "S 250-srv|250 AUTH PLAIN\nC AUTH PLAIN*\n"
	       "S 535 svc/Pa$$w0rd is wrong\nC QUIT\nS 221 x\n"
	       "END login-refused\nHUSH Pa$$w0rd\nT svc/***\n");
	play("at the end of a line too", &o,
	    HI "S 250-srv|250 AUTH PLAIN\nC AUTH PLAIN*\n"
	       "S 535-Pa$$w0rd|535 AHN2YwBQYSQkdzByZA==\nC QUIT\nS 221 x\n"
	       "END login-refused\nHUSH Pa$$w0rd\nHUSH AHN2\n");
	play("once it is over", &o,
	    HI "S 250-srv|250 AUTH PLAIN\nC AUTH PLAIN*\nS 235 ok\nREADY\n"
	       "MAIL 1\nC MAIL*\nS 550 AHN2YwBQYSQkdzByZA== Pa$$w0rd\n"
	       "R 0 sender-refused\nHUSH AHN2\nHUSH Pa$$w0rd\n");
	play("an odd reply", &o,
	    HI "S 250-srv|250 AUTH PLAIN\nC AUTH PLAIN*\n"
	       "S 354 AHN2YwBQYSQkdzByZA==\nEND unreachable\nHUSH AHN2\n");
	o = options(NULL, &ntlm_login[1], 1);
	play("a short answer", &o,
	    HI "S 250-srv|250 AUTH LOGIN\nC AUTH LOGIN\nS 334 x\nC c3Zj\n"
	       "S 334 y\nC UGEkJHcwcmQ=\nS 535 UGEkJHcwcmQ= c3Zj\nC QUIT\n"
	       "S 221 x\nEND login-refused\nHUSH UGEk\nHUSH c3Zj\n");
}

static void
other_words_stay(void **state)
{
	struct dg_cli_options o = options(NULL, plain, 1);

	(void)state;
	play("words that were not said", &o,
	    HI "S 250-srv|250 AUTH PLAIN\nC AUTH PLAIN*\n"
	       "S 535 5.7.8 Authentication/credentials+invalid, see "
	       "UGFzc3dvcmQ6\nC QUIT\nS 221 x\nEND login-refused\n"
	       "T 535 5.7.8 Authentication/credentials+invalid, see "
	       "UGFzc3dvcmQ6\n");
	o = options(NULL, NULL, 0);
	play("no login at all", &o,
	    HI "S 250 srv\nREADY\nMAIL 1\nC MAIL*\nS 550 Pa$$w0rd\n"
	       "R 0 sender-refused\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reply_that_repeats_our_login_is_starred_out),
		cmocka_unit_test(other_words_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
