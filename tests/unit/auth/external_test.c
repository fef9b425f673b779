/* external_test.c - EXTERNAL: the certificate's name, and no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/auth/talk.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void
only_the_certificate_says_who_this_is(void **state)
{
	static const struct {
		const char *why, *certificate, *says;
		bool is_known, is_in;
	} cases[] = {
		{ "its own name", "alice", "", true, true },
		{ "its own name, said", "alice", "Alice", true, true },
		{ "another name", "alice", "bob", true, false },
		{ "no certificate", "", "", true, false },
		{ "no certificate, a name", "", "alice", true, false },
		{ "nobody of ours", "alice", "", false, false },
		{ "a certificate's control byte", "ali\nce", "", true, false },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		const struct dg_acceptor_options ao = {
			.certificate = dg_str(cases[i].certificate),
		};
		const struct dg_initiator_options io = { .port = 0 };
		const struct dg_credential c = { .has_nt = true };
		const struct dg_login login = {
			.mech = DG_MECH_EXTERNAL,
			.user = dg_str(cases[i].says),
		};
		struct talk t = {
			.a = dg_acceptor_new(DG_MECH_EXTERNAL, &ao),
			.i = dg_initiator_new(&login, &io),
			.known = cases[i].is_known ? &c : NULL,
		};

		print_message("  %s\n", cases[i].why);
		talk(&t);
		assert_int_equal(t.is_in, cases[i].is_in);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_certificate_says_who_this_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
