/* tls_authority_test.c - an authority for labs: believed for the very host that
 * was meant, by those alone who were told to. */
#include "tests/unit/net/help.h"

#include "dragoman/net/loop.h"
#include "dragoman/net/tls.h"

static const struct {
	const char *why, *is_for, *expected;
	bool is_trusted, is_good;
} cases[] = {
	{ "the name", "mx.example", "mx.example", true, true },
	{ "an address", "10.1.0.5", "10.1.0.5", true, true },
	{ "an address of the other kind", "::1", "::1", true, true },
	{ "another name", "mx.example", "my.example", true, false },
	{ "a name below it", "example", "mx.example", true, false },
	{ "another address", "10.1.0.5", "10.1.0.6", true, false },
	{ "nobody was told to trust it", "mx.example", "mx.example", false,
	    false },
};

static void
a_host_is_verified_by_the_certificate_made_for_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dg_tls_authority *a = dg_tls_authority_new();
		struct dg_loop *l = dg_loop_new();
		struct dg_conn *server, *client;
		struct dg_tls *ts, *tc;
		struct ear es, ec;

		print_message("  %s\n", cases[i].why);
		ts = dg_tls_bare_new(true);
		dg_tls_authority_equip(a, ts, dg_str(cases[i].is_for));
		tc = dg_tls_bare_new(false);
		if (cases[i].is_trusted)
			dg_tls_authority_trust(a, tc);
		dg_tls_authority_free(a); /* what it signed stays good */
		ear_init(&es);
		ear_init(&ec);
		dg_conn_pair(l, &server, &client);
		dg_conn_set_fn(server, hear, &es);
		dg_conn_set_fn(client, hear, &ec);
		dg_conn_tls_accept(server, ts);
		dg_conn_tls_connect(client, tc, dg_str(cases[i].expected),
		    true);
		TURN_UNTIL(l, ec.n > 0);
		assert_string_equal(ec.told, cases[i].is_good ? "T" : "L");
		if (!cases[i].is_good)
			assert_non_null(strstr(dg_conn_error(client),
			    "the other side's certificate"));
		dg_conn_free(server);
		dg_conn_free(client);
		dg_tls_free(ts);
		dg_tls_free(tc);
		dg_buf_fini(&es.got);
		dg_buf_fini(&ec.got);
		dg_loop_free(l);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_host_is_verified_by_the_certificate_made_for_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
