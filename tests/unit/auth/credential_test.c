/* credential_test.c - from a password to a line of the users file and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/auth/users.h"

static void
never(void *ctx, unsigned line, unsigned column, const char *what)
{
	(void)ctx;
	fail_msg("%u:%u: %s", line, column, what);
}

static void
what_is_written_is_read_again(void **state)
{
	(void)state;
	for (int with_lm = 0; with_lm < 2; with_lm++) {
		const struct dg_credential *found;
		struct dg_credential c;
		struct dg_users *u;
		struct dg_buf line;

		dg_buf_init(&line, 1000);
		assert_int_equal(dg_credential_make(DG_STR("Password"), with_lm,
				     &c, NULL),
		    DG_OK);
		assert_int_equal(dg_users_line(&line, DG_STR("User"), &c),
		    DG_OK);
		assert_string_equal(dg_buf_z(&line),
		    with_lm ? "User:{nt}a4f49c406510bdcab6824ee7c30fd852"
			      ":{lm}e52cac67419a9a224a3b108f3fa6cb6d"
			    : "User:{nt}a4f49c406510bdcab6824ee7c30fd852");
		u = dg_users_parse(dg_buf_str(&line), never, NULL);
		found = dg_users_find(u, DG_STR("user"));
		assert_non_null(found);
		assert_memory_equal(found->nt, c.nt, sizeof(c.nt));
		assert_int_equal(found->has_lm, with_lm);
		dg_users_free(u);
		dg_buf_fini(&line);
	}
}

static void
what_has_no_hash_says_why(void **state)
{
	struct dg_credential c = { .has_nt = false };
	struct dg_err e;

	(void)state;
	assert_int_equal(dg_credential_make(DG_STR(""), false, &c, &e),
	    DG_E_CONFIG);
	assert_non_null(strstr(e.text, "empty"));
	assert_int_equal(dg_credential_make(DG_STR("\xff"), false, &c, &e),
	    DG_E_CONFIG);
	assert_non_null(strstr(e.text, "UTF-8"));
	assert_int_equal(dg_credential_make(DG_STR("123456789012345"), true, &c,
			     &e),
	    DG_E_CONFIG);
	assert_non_null(strstr(e.text, "14 characters"));
	assert_int_equal(dg_credential_make(DG_STR("\xd0\x96"), true, &c, &e),
	    DG_E_CONFIG);
	assert_non_null(strstr(e.text, "850"));
	assert_false(c.has_nt); /* written on success only */
}

static void
a_line_that_does_not_fit_is_not_begun(void **state)
{
	struct dg_credential c;
	struct dg_buf line;

	(void)state;
	assert_int_equal(dg_credential_make(DG_STR("x"), true, &c, NULL),
	    DG_OK);
	for (size_t cap = 0; cap < 74; cap++) {
		dg_buf_init(&line, cap);
		assert_int_equal(dg_users_line(&line, DG_STR("u"), &c),
		    DG_E_LIMIT);
		assert_int_equal(line.n, 0);
		dg_buf_fini(&line);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(what_has_no_hash_says_why),
		cmocka_unit_test(a_line_that_does_not_fit_is_not_begun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
