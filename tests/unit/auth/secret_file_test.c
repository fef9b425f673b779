/* secret_file_test.c - one line, taken as it stands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/auth/users.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void
good_files_are_read(void **state)
{
	static const struct {
		const char *why;
		struct dg_str text;
		const char *domain, *user;
		const char *password; /* NULL: only the hash */
	} cases[] = {
		{ "plain", DG_STR("svc:x\n"), "", "svc", "x" },
		{ "a domain", DG_STR("HQ\\svc:x"), "HQ", "svc", "x" },
		{ "no end of line", DG_STR("svc:x"), "", "svc", "x" },
		{ "Windows' end of line", DG_STR("svc:x\r\n"), "", "svc", "x" },
		{ "blank lines behind", DG_STR("svc:x\n\n \n"), "", "svc",
		    "x" },
		{ "a password of anything", DG_STR("svc: #a:b\\c{nt} \t\n"), "",
		    "svc", " #a:b\\c{nt} \t" },
		{ "a user that is an address", DG_STR("s@b.example:x"), "",
		    "s@b.example", "x" },
		{ "a hash",
		    DG_STR("HQ\\svc:{nt}00112233445566778899aAbBcCdDeEfF\n"),
		    "HQ", "svc", NULL },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct dg_secret_file s = { 0 };
		struct dg_err e = { 0 };

		print_message("  %s\n", cases[i].why);
		assert_int_equal(dg_secret_file_parse(cases[i].text, &s, &e),
		    DG_OK);
		assert_string_equal(s.domain, cases[i].domain);
		assert_string_equal(s.user, cases[i].user);
		assert_int_equal(s.has_nt, cases[i].password == NULL);
		if (cases[i].password != NULL)
			assert_string_equal(s.password.p, cases[i].password);
		else
			assert_int_equal(s.nt[15], 0xff);
		dg_secret_file_fini(&s);
		assert_null(s.user);
	}
}

static void
bad_files_are_told_without_what_is_in_them(void **state)
{
	static const struct {
		const char *why;
		struct dg_str text;
		const char *error;
	} cases[] = {
		{ "nothing", DG_STR(""),
		    "1:1: expected [DOMAIN\\]user:password, and there is no "
		    "\":\"" },
		{ "no colon", DG_STR("hunter2\n"),
		    "1:1: expected [DOMAIN\\]user:password, and there is no "
		    "\":\"" },
		{ "two lines", DG_STR("svc:hunter2\nb:hunter2\n"),
		    "2:1: expected one line, [DOMAIN\\]user:password" },
		{ "no password", DG_STR("svc:\n"),
		    "1:5: the password is missing" },
		{ "no user", DG_STR(":hunter2\n"),
		    "1:1: the user name is missing" },
		{ "no user behind the domain", DG_STR("HQ\\:hunter2\n"),
		    "1:1: the user name is missing" },
		{ "a short hash", DG_STR("svc:{nt}hunter2\n"),
		    "1:9: expected 32 hex digits behind {nt}" },
		{ "not UTF-8", DG_STR("svc:hunter\xff\n"),
		    "1:5: the password is not valid UTF-8" },
		{ "a control byte", DG_STR("s\x01vc:hunter2\n"),
		    "1:1: the user name has bytes that no name has, or more "
		    "than 256" },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct dg_secret_file s = { 0 };
		struct dg_err e = { 0 };

		print_message("  %s\n", cases[i].why);
		assert_int_equal(dg_secret_file_parse(cases[i].text, &s, &e),
		    DG_E_CONFIG);
		assert_string_equal(e.text, cases[i].error);
		assert_null(s.user);
		assert_null(strstr(e.text, "hunter"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_files_are_read),
		cmocka_unit_test(bad_files_are_told_without_what_is_in_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
