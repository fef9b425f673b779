/* mech_test.c - names and bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/auth/mech.h"

static void
mechanisms_are_found_in_any_case(void **state)
{
	enum dg_mech m;
	size_t n = 0;

	(void)state;
	assert_true(dg_mech_find(DG_STR("ntlm"), &m));
	assert_int_equal(m, DG_MECH_NTLM);
	assert_true(dg_mech_find(DG_STR("Login"), &m));
	assert_int_equal(m, DG_MECH_LOGIN);
	assert_false(dg_mech_find(DG_STR("NTLMX"), &m));
	assert_false(dg_mech_find(DG_STR(""), &m));
	while (dg_mech_names()[n] != NULL) {
		assert_string_equal(dg_mech_name((enum dg_mech)n),
		    dg_mech_names()[n]);
		n++;
	}
	assert_int_equal(n, DG_MECH_N);
}

static void
only_mechanisms_that_send_the_password_are_clear(void **state)
{
	(void)state;
	assert_false(dg_mech_is_clear(DG_MECH_NTLM));
	assert_true(dg_mech_is_clear(DG_MECH_LOGIN));
	assert_true(dg_mech_is_clear(DG_MECH_PLAIN));
	assert_true(dg_mech_is_clear(DG_MECH_XOAUTH2));
	assert_true(dg_mech_is_clear(DG_MECH_OAUTHBEARER));
	assert_false(dg_mech_is_clear(DG_MECH_SCRAM_SHA_1));
	assert_false(dg_mech_is_clear(DG_MECH_CRAM_MD5));
}

static void
mechanisms_that_no_users_file_verifies_say_why(void **state)
{
	(void)state;
	assert_null(dg_mech_untakable(DG_MECH_SCRAM_SHA_256_PLUS));
	assert_non_null(strstr(dg_mech_untakable(DG_MECH_CRAM_MD5),
	    "the password itself"));
	assert_int_equal(dg_mech_takable() & DG_MECH_BIT(DG_MECH_CRAM_MD5), 0);
	assert_int_equal(dg_mech_takable() & DG_MECH_BIT(DG_MECH_XOAUTH2), 0);
	assert_true(dg_mech_takable() & DG_MECH_BIT(DG_MECH_SCRAM_SHA_1));
	assert_true(dg_mech_is_bound(DG_MECH_SCRAM_SHA_1_PLUS));
	assert_false(dg_mech_is_bound(DG_MECH_SCRAM_SHA_1));
}

static void
levels_have_a_name_each(void **state)
{
	(void)state;
	for (unsigned bit = 1; bit <= DG_NTLM_LEVEL_LM; bit *= 2) {
		const char *name = dg_ntlm_level_name(bit);

		assert_non_null(name);
		assert_int_equal(dg_ntlm_level_find(dg_str(name)), bit);
	}
	assert_int_equal(dg_ntlm_level_find(DG_STR("V2")), 0);
	assert_null(dg_ntlm_level_name(3));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mechanisms_are_found_in_any_case),
		cmocka_unit_test(
		    only_mechanisms_that_send_the_password_are_clear),
		cmocka_unit_test(
		    mechanisms_that_no_users_file_verifies_say_why),
		cmocka_unit_test(levels_have_a_name_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
