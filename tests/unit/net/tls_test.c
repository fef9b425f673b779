/* tls_test.c - contexts: what cannot be loaded is said with its file's name. */
#include "tests/unit/net/help.h"

#include "dragoman/net/tls.h"
#include "tests/unit/net/certs.h"

static struct certs certs;

static const struct {
	const char *why, *certificate, *key;
	const char *says; /* NULL: it loads */
} server_cases[] = {
	{ "as it should be", "good.pem", "good.key", NULL },
	{ "expired still loads: the peers judge", "expired.pem", "good.key",
	    NULL },
	{ "no such certificate", "none.pem", "good.key",
	    "none.pem: No such file or directory" },
	{ "no such key", "good.pem", "none.key",
	    "none.key: No such file or directory" },
	{ "a directory", ".", "good.key", "certificate " },
	{ "not PEM", "junk.pem", "good.key",
	    "junk.pem: no certificate in it (PEM is expected)" },
	{ "empty", "empty.pem", "good.key",
	    "empty.pem: no certificate in it (PEM is expected)" },
	{ "key not PEM", "good.pem", "junk.pem",
	    "junk.pem: no private key in it (PEM is expected)" },
	{ "the certificate as key", "good.pem", "good.pem",
	    "good.pem: no private key in it (PEM is expected)" },
	{ "another key", "good.pem", "other.key",
	    "other.key does not belong to the certificate " },
	{ "a passphrase", "good.pem", "locked.key",
	    "locked.key: it is protected with a passphrase" },
};

static void
server_contexts_load_or_say_which_file_and_why(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(server_cases) / sizeof(server_cases[0]);
	     i++) {
		struct dg_err e = { .rc = DG_OK };
		struct dg_tls *t;

		print_message("  %s\n", server_cases[i].why);
		t = dg_tls_server_new(in_dir(&certs,
					  server_cases[i].certificate),
		    in_dir(&certs, server_cases[i].key), DG_TLS_1_2, &e);
		if (server_cases[i].says == NULL) {
			assert_non_null(t);
			dg_tls_free(t);
			continue;
		}
		assert_null(t);
		assert_int_equal(e.rc, DG_E_CONFIG);
		if (strstr(e.text, server_cases[i].says) == NULL)
			fail_msg("says: %s", e.text);
	}
}

static const struct {
	const char *why, *file;
	const char *says;
} client_cases[] = {
	{ "the system's alone", NULL, NULL },
	{ "one more authority", "ca.pem", NULL },
	{ "no such file", "none.pem", "authorities" },
	{ "not PEM", "junk.pem",
	    "junk.pem: no certificate in it (PEM is expected)" },
};

static void
client_contexts_load_or_say_which_file_and_why(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(client_cases) / sizeof(client_cases[0]);
	     i++) {
		struct dg_err e = { .rc = DG_OK };
		const char *file = client_cases[i].file;
		struct dg_tls *t;

		print_message("  %s\n", client_cases[i].why);
		t = dg_tls_client_new(file != NULL ? in_dir(&certs, file)
						   : NULL,
		    DG_TLS_1_0, &e);
		if (client_cases[i].says == NULL) {
			assert_non_null(t);
			dg_tls_free(t);
			continue;
		}
		assert_null(t);
		if (strstr(e.text, client_cases[i].says) == NULL)
			fail_msg("says: %s", e.text);
	}
	dg_tls_free(NULL);
}

static int
make_certs(void **state)
{
	(void)state;
	certs_make(&certs);
	return 0;
}

static int
remove_certs(void **state)
{
	(void)state;
	certs_remove(&certs);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    server_contexts_load_or_say_which_file_and_why),
		cmocka_unit_test(
		    client_contexts_load_or_say_which_file_and_why),
	};

	return cmocka_run_group_tests(tests, make_certs, remove_certs);
}
