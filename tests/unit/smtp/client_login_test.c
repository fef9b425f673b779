/* client_login_test.c - which verb and mechanism are tried, and in which order.
 */
#include "played_client.h"

static void
a_5_5_server_that_shows_only_login_takes_ntlm(void **state)
{
	struct dg_cli_options o = options(&v55, ntlm, 1);

	(void)state;
	play("assumed (Q262945)", &o,
	    HI S55 "A AUTH NTLM " TYPE1 "A +\nREADY\n"
		   "T said AUTH NTLM (assumed), 235 -> logged in\n");
	play("shown", &o,
	    HI "S 250-srv|250 AUTH=LOGIN NTLM\nA AUTH NTLM " TYPE1
	       "A +\nREADY\nT (offered)\n");
	o.dialect = &v50;
	play("a fixed 5.5 shows XAUTH too", &o,
	    HI "S 250-srv|250-AUTH LOGIN|250 XAUTH NTLM\nA XAUTH NTLM " TYPE1
	       "A +\nREADY\n");
}

static void
a_5_0_server_is_spoken_to_in_xauth(void **state)
{
	struct dg_cli_options o = options(&v50, ntlm, 1);

	(void)state;
	play("shown", &o,
	    HI "S 250-srv|250-XAUTH NTLM|250 XAUTH=NTLM\nA XAUTH NTLM " TYPE1
	       "A +\nREADY\nT said XAUTH NTLM (offered)\n");
	play("a bare XAUTH line offers what is assumed", &o,
	    HI "S 250-srv|250 XAUTH\nA XAUTH NTLM " TYPE1 "A +\nREADY\n"
	       "T said XAUTH NTLM (offered)\n");
	play("not shown", &o,
	    HI "S 250-srv|250 SIZE\nA XAUTH NTLM " TYPE1 "A +\nREADY\n"
	       "T said XAUTH NTLM (assumed)\n");
	play("the verb that is shown with it goes first", &o,
	    HI "S 250-srv|250 AUTH NTLM\nA AUTH NTLM " TYPE1 "A +\nREADY\n");
	o.dialect = &v55;
	play("by the other dialect: 500, next verb, same session", &o,
	    HI "S 250 srv\nC AUTH NTLM " TYPE1
	       "S 500 command not recognized\nA XAUTH NTLM " TYPE1
	       "A +\nREADY\n"
	       "T said AUTH NTLM (assumed), 500 command not recognized -> "
	       "verb-unknown -> next verb XAUTH\n");
	o.dialect = NULL;
	play("without a dialect the verbs are what is shown", &o,
	    HI "S 250-srv|250 XAUTH NTLM\nA XAUTH NTLM " TYPE1 "A +\nREADY\n");
	play("AUTH first, the next when it is not known after all", &o,
	    HI "S 250-srv|250-XAUTH NTLM|250-X-EXPS=NTLM|250 AUTH NTLM\n"
	       "C AUTH NTLM " TYPE1 "S 502 5.5.1 no\nA XAUTH NTLM " TYPE1
	       "A +\nREADY\n");
}

static void
no_common_way_ends_before_mail(void **state)
{
	struct dg_cli_options o = options(NULL, ntlm, 1);

	(void)state;
	play("NTLM only against LOGIN only, nothing assumed", &o,
	    HI S55 "C QUIT\nS 221 x\nEND no-common-auth\n"
		   "T AUTH LOGIN, AUTH=LOGIN\n");
	o.dialect = &asks;
	play("the same by a dialect", &o,
	    HI S55 "C QUIT\nS 221 x\nEND no-common-auth\n");
	o.dialect = &v55;
	play("no verb is known", &o,
	    HI S55 "C AUTH NTLM " TYPE1 "S 500 no\nC XAUTH NTLM " TYPE1
		   "S 500 no\nC QUIT\nS 221 x\nEND no-common-auth\n");
	o.dialect = &v50;
	play("it closes after QUIT without a word", &o,
	    HI "S 250 srv\nC XAUTH NTLM " TYPE1 "S 504 5.7.4 no\n"
	       "C AUTH NTLM " TYPE1 "S 504 5.7.4 no\nC QUIT\nLOST\n"
	       "END no-common-auth\n");
}

static void
unknown_verbs_cost_a_session_at_the_most(void **state)
{
	struct dg_cli_options o = options(&three_verbs, ntlm, 1);

	(void)state;
	play("two are the limit", &o,
	    HI
	    "S 250 srv\nC XAUTH NTLM " TYPE1 "S 500 no\nC X-EXPS NTLM " TYPE1
	    "S 500 no\nC QUIT\nS 221 x\nEND verb-unknown\nNEW XAUTH X-EXPS\n");
	play("it hangs up on the second verb", &o,
	    HI "S 250 srv\nC XAUTH NTLM " TYPE1 "S 500 no\nC X-EXPS NTLM " TYPE1
	       "LOST\nEND verb-unknown\nNEW XAUTH\n");
	play("or says 421", &o,
	    HI "S 250 srv\nC XAUTH NTLM " TYPE1 "S 500 no\nC X-EXPS NTLM " TYPE1
	       "S 421 too many errors\nEND verb-unknown\nNEW XAUTH\n");
	o.skip_verb = DG_STR("XAUTH X-EXPS");
	play("the new session leaves them out", &o,
	    HI "S 250 srv\nA AUTH NTLM " TYPE1 "A +\nREADY\n");
	play("and none is left", &o,
	    HI "S 250 srv\nC AUTH NTLM " TYPE1 "S 500 no\nC QUIT\nS 221 x\n"
	       "END no-common-auth\n");
}

static void
what_worked_the_last_time_goes_first(void **state)
{
	struct dg_cli_options o = options(&v55, ntlm_login, 2);

	(void)state;
	o.remembered_verb = DG_STR("XAUTH");
	o.remembered_mech = DG_MECH_NTLM;
	play("remembered", &o,
	    HI "S 250-srv|250 AUTH NTLM LOGIN\nA XAUTH NTLM " TYPE1
	       "A +\nREADY\nT said XAUTH NTLM (remembered)\n");
	o.remembered_mech = DG_MECH_PLAIN;
	play("what the list lacks is not remembered", &o,
	    HI "S 250-srv|250 AUTH NTLM LOGIN PLAIN\nA AUTH NTLM " TYPE1
	       "A +\nREADY\n");
}

static void
policy_may_choose_and_overrule(void **state)
{
	struct dg_cli_options o = options(&v55, ntlm_login, 2);

	(void)state;
	o.asks_speak = true;
	play("no opinion", &o,
	    HI S55 "ASK speak\nN\nNIL\nA AUTH NTLM " TYPE1 "A +\nREADY\n");
	play("a verb", &o,
	    HI S55 "USE XAUTH NTLM\nA XAUTH NTLM " TYPE1 "A +\nREADY\n"
		   "T (policy)\n");
	play("a mechanism", &o,
	    HI S55 "USE - LOGIN\nC AUTH LOGIN\nS 535 no\nC QUIT\nS 221 x\n"
		   "END login-refused\n");
	play("a mechanism that the login list lacks", &o,
	    HI "S 250-srv|250 AUTH PLAIN\nUSE - PLAIN\nC QUIT\nS 221 x\n"
	       "END no-common-auth\n");
	play("not this host", &o,
	    HI S55 "DO next-host temporary\nC QUIT\nS 221 x\nEND temporary\n");
	o.asks_speak = false;
	o.asks_reply = true;
	play("reply: no opinion", &o,
	    HI "S 250 srv\nC AUTH NTLM " TYPE1 "S 500 no\nASK reply\nN\nNIL\n"
	       "A XAUTH NTLM " TYPE1 "A +\nREADY\n");
	play("reply: retry later", &o,
	    HI "S 250 srv\nC AUTH NTLM " TYPE1 "S 500 no\n"
	       "DO retry temporary\nC QUIT\nS 221 x\nEND temporary\n");
	play("reply: 535 is the verb's fault", &o,
	    HI "S 250 srv\nC AUTH NTLM " TYPE1 "S 535 no\n"
	       "DO next-verb verb-unknown\nA XAUTH NTLM " TYPE1 "A +\nREADY\n");
	play("reply: hold, but another row is listed", &o,
	    HI "S 250-srv|250 AUTH NTLM LOGIN\nC AUTH NTLM " TYPE1
	       "S 504 no\nDO hold no-common-auth\nC AUTH LOGIN\nS 504 no\n"
	       "DO hold no-common-auth\nC XAUTH NTLM " TYPE1 "S 500 no\n"
	       "DO fail login-refused\nC QUIT\nS 221 x\nEND login-refused\n");
}

/* A hop may lose patience, the connection or its way while somebody thinks. */
static void
an_answer_may_come_late(void **state)
{
	struct dg_cli_options o = options(&v55, ntlm_login, 2);

	(void)state;
	o.asks_speak = true;
	play("speak: what comes meanwhile is read afterwards", &o,
	    HI S55 "ASK speak\nS 421 4.4.2 too slow\nN\nNIL\nC AUTH NTLM " TYPE1
		   "END temporary\nLATE\n");
	play("speak: also behind an answer that says no more", &o,
	    HI S55 "ASK speak\nS 421 4.4.2 too slow\nN\n"
		   "DO retry temporary\nC QUIT\nEND temporary\n");
	play("speak: both in one read", &o,
	    HI "S 250-srv|250 AUTH LOGIN|421 4.4.2 too slow\nASK speak\nN\n"
	       "USE - LOGIN\nC AUTH LOGIN\nEND temporary\n");
	play("speak: lost", &o,
	    HI S55 "ASK speak\nLOST\nEND unreachable\nLATE\n");
	play("speak: given up by us", &o,
	    HI S55 "ASK speak\nQUIT\nEND temporary\nLATE\n");
	play("speak: the spool fails us", &o,
	    HI S55 "ASK speak\nABORT\nEND temporary\nLATE\n");
	o.asks_speak = false;
	o.asks_reply = true;
	play("reply: what comes meanwhile is read afterwards", &o,
	    HI "S 250 srv\nC AUTH NTLM " TYPE1 "S 535 no\nASK reply\n"
	       "S 421 bye\nN\nDO next-verb verb-unknown\nC XAUTH NTLM " TYPE1
	       "END verb-unknown\nNEW AUTH\nLATE\n");
	play("reply: and after QUIT nobody cares", &o,
	    HI S55 "C AUTH NTLM " TYPE1 "S 454 4.7.0 later|421 bye\n"
		   "ASK reply\nN\nNIL\nC QUIT\nEND temporary\n");
	play("reply: given up by us", &o,
	    HI S55 "C AUTH NTLM " TYPE1 "S 535 no\nASK reply\nQUIT\n"
		   "END temporary\nLATE\n");
	play("reply: the spool fails us", &o,
	    HI S55 "C AUTH NTLM " TYPE1 "S 535 no\nASK reply\nABORT\n"
		   "END temporary\nLATE\n");
}

/* It means what it would have meant if nobody had thought about it. */
static void
a_refusal_before_the_connection_is_lost_counts(void **state)
{
	struct dg_cli_options o = options(NULL, ntlm, 1);

	(void)state;
	for (int thinks = 0; thinks < 2; thinks++) {
		const char *ask = thinks ? "ASK reply\nN\n" : "";
		const char *late = thinks ? "LATE\n" : "";
		const char *quit = thinks ? "" : "C QUIT\n";
		char script[2000];

		o = options(NULL, ntlm, 1);
		o.asks_reply = thinks != 0;
		snprintf(script, sizeof(script),
		    HI "S 250-srv|250 AUTH NTLM\nC AUTH NTLM " TYPE1
		       "S 535 no\n%s%sLOST\nEND login-refused\n%s",
		    ask, quit, late);
		play("535, and gone", &o, script);
		snprintf(script, sizeof(script),
		    HI "S 250-srv|250 AUTH NTLM\nC AUTH NTLM " TYPE1
		       "S 454 no\n%s%sLOST\nEND temporary\n%s",
		    ask, quit, late);
		play("454, and gone", &o, script);
		snprintf(script, sizeof(script),
		    HI "S 250-srv|250 AUTH NTLM\nC AUTH NTLM " TYPE1
		       "S 500 no\n%s%sLOST\nEND no-common-auth\n%s",
		    ask, quit, late);
		play("500 to the only verb, and gone", &o, script);
		o.dialect = &v55;
		snprintf(script, sizeof(script),
		    HI "S 250 srv\nC AUTH NTLM " TYPE1
		       "S 500 no\n%s%sLOST\nEND verb-unknown\nNEW AUTH\n%s",
		    ask, thinks ? "" : "C XAUTH NTLM " TYPE1, late);
		play("500, and gone: the next verb in a new session", &o,
		    script);
		o.logins = ntlm_login;
		o.n_logins = 2;
		o.dialect = NULL;
		snprintf(script, sizeof(script),
		    HI "S 250-srv|250 AUTH NTLM LOGIN\nC AUTH NTLM " TYPE1
		       "S 535 no\n%s%sLOST\nEND unreachable\n%s",
		    ask, thinks ? "" : "C AUTH LOGIN\n", late);
		play("535, gone, and another row is left", &o, script);
	}
}

/* The 535 says nothing; what is wrong came in the 334 before it. */
static void
what_is_wrong_with_a_token_is_told(void **state)
{
	static struct dg_secret token = { (char *)(uintptr_t) "ya29.tok", 8 };
	static const struct dg_login bearer[] = {
		{ .mech = DG_MECH_XOAUTH2,
		    .user = { "alice", 5 },
		    .token = &token },
	};
	struct dg_cli_options o = options(NULL, bearer, 1);

	(void)state;
#define BEARER "dXNlcj1hbGljZQFhdXRoPUJlYXJlciB5YTI5LnRvawEB"
#define OFFERS "S 250-srv|250 AUTH XOAUTH2\nC AUTH XOAUTH2 " BEARER "\n"
#define ERROR \
	"eyJzdGF0dXMiOiI0MDEiLCJzY29wZSI6Imh0dHBzOi8vbWFpbC50ZXN0L3lhMjkudG9r" \
	"In0="
	play("it is good", &o, HI OFFERS "S 235 ok\nREADY\n");
	play("it is not", &o,
	    HI OFFERS "S 334 " ERROR "\nC \nS 535 5.7.8 no\nC QUIT\n"
		      "S 221 x\nEND login-refused\n"
		      "T 535 5.7.8 no (of the token: {'status':'401'\n"
		      "HUSH ya29.tok\n");
	play("asked on and on", &o,
	    HI OFFERS "S 334 " ERROR "\nC \nS 334 \nC *\nS 501 x\nC QUIT\n"
		      "S 221 x\nEND no-common-auth\n");
}

/* By SCRAM a server proves itself too: one that only says 235 is nobody. */
static void
a_server_that_owes_its_proof_is_not_believed(void **state)
{
	static const struct dg_login scram[] = {
		{ .mech = DG_MECH_SCRAM_SHA_256,
		    .user = { "alice", 5 },
		    .password = &password },
		{ .mech = DG_MECH_PLAIN,
		    .user = { "alice", 5 },
		    .password = &password },
	};
	struct dg_cli_options o = options(NULL, scram, 2);

	(void)state;
#define SCRAM "S 250-srv|250 AUTH SCRAM-SHA-256 PLAIN\n"
	play("it proves itself", &o,
	    HI SCRAM "A AUTH SCRAM-SHA-256 *\nA +\nA +\nREADY\n");
	play("235 at once", &o,
	    HI SCRAM "C AUTH SCRAM-SHA-256 *\nS 235 ok\nC QUIT\nS 221 x\n"
		     "END no-common-auth\nT has not proved that it knows us\n");
	o.logins = &scram[0];
	play("a challenge that is none", &o,
	    HI SCRAM "C AUTH SCRAM-SHA-256 *\nS 334 AAAA\nC *\nS 501 x\n"
		     "C AUTH PLAIN *\nS 235 ok\nREADY\n");
}

static void
what_is_bound_to_tls_is_not_said_without(void **state)
{
	static const struct dg_login plus[] = {
		{ .mech = DG_MECH_SCRAM_SHA_256_PLUS,
		    .user = { "alice", 5 },
		    .password = &password },
		{ .mech = DG_MECH_SCRAM_SHA_256,
		    .user = { "alice", 5 },
		    .password = &password },
	};
	struct dg_cli_options o = options(NULL, plus, 2);

	(void)state;
	play("the next row", &o,
	    HI "S 250-srv|250 AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256\n"
	       "A AUTH SCRAM-SHA-256 *\nA +\nA +\nREADY\n"
	       "T is bound to TLS, and there is none\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_5_5_server_that_shows_only_login_takes_ntlm),
		cmocka_unit_test(a_5_0_server_is_spoken_to_in_xauth),
		cmocka_unit_test(no_common_way_ends_before_mail),
		cmocka_unit_test(unknown_verbs_cost_a_session_at_the_most),
		cmocka_unit_test(what_worked_the_last_time_goes_first),
		cmocka_unit_test(policy_may_choose_and_overrule),
		cmocka_unit_test(an_answer_may_come_late),
		cmocka_unit_test(what_is_wrong_with_a_token_is_told),
		cmocka_unit_test(a_server_that_owes_its_proof_is_not_believed),
		cmocka_unit_test(what_is_bound_to_tls_is_not_said_without),
		cmocka_unit_test(
		    a_refusal_before_the_connection_is_lost_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
