/* meaning_test.c - what a hop's reply amounts to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/smtp/meaning.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

#define M(name) DG_MEANING_##name
#define S(name) DG_STAGE_##name

static const struct {
	const char *why;
	enum dg_stage stage;
	int code;
	const char *enhanced;
	enum dg_meaning meaning;
} cases[] = {
	{ "no reply", S(GREETING), 0, "", M(UNREACHABLE) },
	{ "success", S(END), 250, "2.0.0", M(OK) },
	{ "go on", S(DATA), 354, "", M(OK) },

	{ "no service here", S(GREETING), 554, "", M(TEMPORARY) },
	{ "not for you", S(HELO), 550, "5.7.1", M(TEMPORARY) },
	{ "busy", S(GREETING), 421, "", M(TEMPORARY) },
	{ "too many connections", S(GREETING), 421, "4.3.2", M(SLOW_DOWN) },
	{ "Gmail's rate limit", S(GREETING), 421, "4.7.28", M(SLOW_DOWN) },

	{ "STARTTLS: not now", S(TLS), 454, "4.7.0", M(TLS_FAILED) },
	{ "STARTTLS: no certificate (Q237327)", S(TLS), 554, "",
	    M(TLS_FAILED) },
	{ "STARTTLS: unknown", S(TLS), 502, "5.5.1", M(TLS_FAILED) },
	{ "STARTTLS: closing", S(TLS), 421, "", M(TEMPORARY) },

	{ "IMS 5.0 to AUTH (Q195201)", S(AUTH), 500, "", M(VERB_UNKNOWN) },
	{ "Exchange 2013 to X-EXPS", S(AUTH), 500, "5.3.3", M(VERB_UNKNOWN) },
	{ "verb off", S(AUTH), 502, "5.5.1", M(VERB_UNKNOWN) },
	{ "AUTH used when not advertised (Exim)", S(AUTH), 503, "",
	    M(VERB_UNKNOWN) },
	{ "bad base64", S(AUTH), 501, "5.5.2", M(NO_COMMON_AUTH) },
	{ "mechanism unknown", S(AUTH), 504, "5.5.4", M(NO_COMMON_AUTH) },
	{ "Exchange: unrecognized type", S(AUTH), 504, "5.7.4",
	    M(NO_COMMON_AUTH) },
	{ "credentials refused", S(AUTH), 535, "5.7.8", M(LOGIN_REFUSED) },
	{ "without a status (Exim)", S(AUTH), 535, "", M(LOGIN_REFUSED) },
	{ "switched off (Microsoft 365)", S(AUTH), 535, "5.7.139",
	    M(LOGIN_REFUSED) },
	{ "basic authentication retired", S(AUTH), 550, "5.7.30",
	    M(LOGIN_REFUSED) },
	{ "mechanism too weak", S(AUTH), 534, "5.7.9", M(LOGIN_REFUSED) },
	{ "password transition", S(AUTH), 432, "4.7.12", M(LOGIN_REFUSED) },
	{ "needs encryption", S(AUTH), 538, "5.7.11", M(TLS_FAILED) },
	{ "STARTTLS first", S(AUTH), 530, "5.7.0", M(TLS_FAILED) },
	{ "temporary", S(AUTH), 454, "4.7.0", M(TEMPORARY) },
	{ "temporary (Exim)", S(AUTH), 435, "", M(TEMPORARY) },
	{ "closing", S(AUTH), 421, "", M(TEMPORARY) },
	{ "whatever else", S(AUTH), 554, "", M(LOGIN_REFUSED) },

	{ "log in first", S(MAIL), 530, "5.7.1", M(NO_COMMON_AUTH) },
	{ "log in first (very old)", S(MAIL), 505, "", M(NO_COMMON_AUTH) },
	{ "anonymous (Microsoft 365)", S(MAIL), 530, "5.7.57",
	    M(NO_COMMON_AUTH) },
	{ "SIZE= too much", S(MAIL), 552, "", M(TOO_BIG) },
	{ "SIZE= too much, with status", S(MAIL), 552, "5.3.4", M(TOO_BIG) },
	{ "sender refused", S(MAIL), 550, "5.1.8", M(SENDER_REFUSED) },
	{ "sender refused without status", S(MAIL), 553, "",
	    M(SENDER_REFUSED) },
	{ "sender's syntax", S(MAIL), 501, "5.1.7", M(SENDER_REFUSED) },
	{ "policy at MAIL", S(MAIL), 554, "5.7.1", M(SENDER_REFUSED) },
	{ "parameters not known", S(MAIL), 555, "5.5.4", M(PERMANENT) },
	{ "disk full", S(MAIL), 452, "4.3.1", M(TEMPORARY) },

	{ "no such user", S(RCPT), 550, "5.1.1", M(UNKNOWN_RECIPIENT) },
	{ "no such user, no status", S(RCPT), 550, "", M(UNKNOWN_RECIPIENT) },
	{ "user not local", S(RCPT), 551, "5.1.6", M(UNKNOWN_RECIPIENT) },
	{ "bad address", S(RCPT), 553, "5.1.3", M(UNKNOWN_RECIPIENT) },
	{ "access denied (Exchange Online)", S(RCPT), 550, "5.4.1",
	    M(UNKNOWN_RECIPIENT) },
	{ "takes no mail (RFC 7504)", S(RCPT), 556, "5.1.10",
	    M(UNKNOWN_RECIPIENT) },
	{ "relaying denied", S(RCPT), 550, "5.7.1", M(RELAYING_DENIED) },
	{ "relaying denied (Postfix)", S(RCPT), 554, "5.7.1",
	    M(RELAYING_DENIED) },
	{ "relaying denied (Exchange)", S(RCPT), 550, "5.7.54",
	    M(RELAYING_DENIED) },
	{ "relaying denied (old sendmail)", S(RCPT), 571, "",
	    M(RELAYING_DENIED) },
	{ "mailbox full", S(RCPT), 552, "5.2.2", M(MAILBOX_FULL) },
	{ "mailbox full for now", S(RCPT), 452, "4.2.2", M(MAILBOX_FULL) },
	{ "mailbox full (RFC 821)", S(RCPT), 552, "", M(MAILBOX_FULL) },
	{ "too big for the mailbox", S(RCPT), 552, "5.2.3", M(TOO_BIG) },
	{ "greylisted", S(RCPT), 450, "4.7.1", M(SLOW_DOWN) },
	{ "greylisted, no status", S(RCPT), 450, "", M(TEMPORARY) },
	{ "too many recipients", S(RCPT), 452, "4.5.3", M(TEMPORARY) },
	{ "5.7.10 is not 5.7.1", S(RCPT), 550, "5.7.10", M(TLS_FAILED) },
	{ "anything", S(RCPT), 554, "5.0.0", M(PERMANENT) },
	{ "530 at RCPT", S(RCPT), 530, "", M(NO_COMMON_AUTH) },

	{ "content refused", S(END), 554, "5.6.0", M(CONTENT_REFUSED) },
	{ "spam", S(END), 550, "5.7.1", M(CONTENT_REFUSED) },
	{ "a virus by size's code", S(END), 552, "5.7.0", M(CONTENT_REFUSED) },
	{ "too big at the end", S(END), 552, "5.3.4", M(TOO_BIG) },
	{ "too big, 523", S(END), 523, "", M(TOO_BIG) },
	{ "SPF", S(END), 550, "5.7.23", M(SENDER_REFUSED) },
	{ "IMS 5.5 (Q262945)", S(END), 554, "", M(PERMANENT) },
	{ "thread limit (Microsoft 365)", S(END), 432, "4.3.2", M(SLOW_DOWN) },
	{ "temporary", S(END), 451, "4.3.0", M(TEMPORARY) },
	{ "slow down", S(END), 451, "4.7.0", M(SLOW_DOWN) },
};

static void
replies_are_read_by_stage_code_and_status(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		enum dg_meaning m = dg_meaning_of(cases[i].stage, cases[i].code,
		    cases[i].enhanced, NULL, 0, NULL);

		if (m != cases[i].meaning)
			fail_msg("%s: %s, wanted %s", cases[i].why,
			    dg_meaning_name(m),
			    dg_meaning_name(cases[i].meaning));
	}
}

static void
a_4yz_never_fails_mail_and_a_5yz_is_kept_for_a_reason(void **state)
{
	(void)state;
	for (int s = 0; s < DG_STAGE_N; s++) {
		for (int code = 400; code < 600; code++) {
			for (int sub = 0; sub < 8; sub++) {
				char enhanced[40];
				enum dg_meaning m;
				enum dg_action a;

				snprintf(enhanced, sizeof(enhanced), "%d.%d.%d",
				    code / 100, sub, code % 11);
				m = dg_meaning_of((enum dg_stage)s, code,
				    enhanced, NULL, 0, NULL);
				a = dg_meaning_action(m);
				assert_true(m != DG_MEANING_OK);
				if (code < 500)
					assert_true(a != DG_ACTION_FAIL);
				else
					assert_true(
					    a != DG_ACTION_RETRY ||
					    s == DG_STAGE_GREETING ||
					    s == DG_STAGE_HELO ||
					    m == DG_MEANING_MAILBOX_FULL);
			}
		}
	}
}

static void
rows_overrule_longest_reply_first_then_the_stage(void **state)
{
	static const struct dg_means rows[] = {
		{ S(ANY), 550, "5.7.30", M(LOGIN_REFUSED), "a.lua", 1, NULL },
		{ S(RCPT), 550, "", M(TEMPORARY), "a.lua", 2, NULL },
		{ S(ANY), 550, "", M(SLOW_DOWN), "a.lua", 3, NULL },
		{ S(RCPT), 550, "5.7.31", M(TOO_BIG), "a.lua", 4, NULL },
		{ S(ANY), 550, "5.7.31", M(TOO_OLD), "a.lua", 5, NULL },
	};
	static const struct {
		enum dg_stage stage;
		int code;
		const char *enhanced;
		enum dg_meaning meaning;
		int line;
	} want[] = {
		{ S(RCPT), 550, "5.7.30", M(LOGIN_REFUSED), 1 },
		{ S(RCPT), 550, "5.1.1", M(TEMPORARY), 2 },
		{ S(RCPT), 550, "", M(TEMPORARY), 2 },
		{ S(MAIL), 550, "5.1.1", M(SLOW_DOWN), 3 },
		{ S(RCPT), 550, "5.7.31", M(TOO_BIG), 4 },
		{ S(END), 550, "5.7.31", M(TOO_OLD), 5 },
		{ S(RCPT), 551, "5.1.1", M(UNKNOWN_RECIPIENT), 0 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(want); i++) {
		const struct dg_means *by = rows;

		assert_int_equal(dg_meaning_of(want[i].stage, want[i].code,
				     want[i].enhanced, rows, LENGTH(rows), &by),
		    want[i].meaning);
		assert_int_equal(by != NULL ? by->line : 0, want[i].line);
	}
}

static void
names_are_found_and_ok_is_none(void **state)
{
	const char *const *names = dg_meaning_names();
	enum dg_meaning m;
	enum dg_stage s;
	enum dg_action a;
	int n = 0;

	(void)state;
	for (; names[n] != NULL; n++) {
		assert_true(dg_meaning_find(dg_str(names[n]), &m));
		assert_string_equal(dg_meaning_name(m), names[n]);
	}
	assert_int_equal(n, DG_MEANING_N - 1);
	assert_false(dg_meaning_find(DG_STR("ok"), &m));
	names = dg_stage_names();
	for (n = 0; names[n] != NULL; n++)
		assert_true(dg_stage_find(dg_str(names[n]), &s));
	assert_int_equal(n, DG_STAGE_N);
	assert_true(dg_stage_find(DG_STR("*"), &s));
	assert_int_equal(s, DG_STAGE_ANY);
	assert_true(dg_action_find(DG_STR("next-host"), &a));
	assert_int_equal(a, DG_ACTION_NEXT_HOST);
	assert_false(dg_action_find(DG_STR("none"), &a));
	assert_int_equal(dg_meaning_action(M(LOGIN_REFUSED)), DG_ACTION_HOLD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_are_read_by_stage_code_and_status),
		cmocka_unit_test(
		    a_4yz_never_fails_mail_and_a_5yz_is_kept_for_a_reason),
		cmocka_unit_test(
		    rows_overrule_longest_reply_first_then_the_stage),
		cmocka_unit_test(names_are_found_and_ok_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
