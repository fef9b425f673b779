/* cram_md5_test.c - CRAM-MD5 as a client, against the published example. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/auth/dialogue.h"
#include "dragoman/base/enc.h"
#include "tests/unit/support/json.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static struct dg_initiator *
client(struct dg_login *login, struct dg_secret *secret, const char *password)
{
	static const struct dg_initiator_options o;

	dg_secret_set(secret, dg_str(password));
	login->mech = DG_MECH_CRAM_MD5;
	login->password = secret;
	return dg_initiator_new(login, &o);
}

static void
the_example_is_answered_as_published(void **state)
{
	struct json *vectors = json_load("tests/vectors/sasl.json");
	const struct json *j = json_get(vectors, "cram_md5");
	struct dg_secret secret = { NULL, 0 };
	struct dg_login login = { .user = dg_str(json_text(j, "user")) };
	struct dg_initiator *i =
	    client(&login, &secret, json_text(j, "password"));
	bool has_first = true;
	struct dg_buf out;

	(void)state;
	dg_buf_init(&out, 1000);
	assert_int_equal(dg_initiator_first(i, &out, &has_first, NULL),
	    DG_AUTH_SEND);
	assert_false(has_first);
	assert_int_equal(dg_initiator_step(i, dg_str(json_text(j, "challenge")),
			     &out, NULL),
	    DG_AUTH_OK);
	assert_string_equal(dg_buf_z(&out), json_text(j, "response"));
	dg_initiator_free(i);
	dg_secret_fini(&secret);
	dg_buf_fini(&out);
	json_free(vectors);
}

static void
what_is_no_challenge_is_not_answered(void **state)
{
	static const char *const texts[] = { "", "%", "AAAA", NULL };

	(void)state;
	for (size_t k = 0; k <= N(texts); k++) {
		struct dg_secret secret = { NULL, 0 };
		struct dg_login login = { .user = DG_STR("tim") };
		struct dg_initiator *i = client(&login, &secret, "x");
		bool has_first;
		struct dg_buf out, text;

		dg_buf_init(&out, 8192);
		dg_buf_init(&text, 8192);
		for (unsigned n = 0; k == N(texts) && n < 2000; n++)
			(void)dg_buf_adds(&text, "YWFh");
		if (k < N(texts) && texts[k] != NULL)
			(void)dg_buf_adds(&text, texts[k]);
		(void)dg_initiator_first(i, &out, &has_first, NULL);
		assert_int_equal(dg_initiator_step(i, dg_buf_str(&text), &out,
				     NULL),
		    DG_AUTH_FAIL);
		assert_int_equal(out.n, 0);
		dg_initiator_free(i);
		dg_secret_fini(&secret);
		dg_buf_fini(&out);
		dg_buf_fini(&text);
	}
}

static void
no_client_is_let_in_by_it(void **state)
{
	const struct dg_acceptor_options o = { .host = DG_STR("h") };
	struct dg_acceptor *a = dg_acceptor_new(DG_MECH_CRAM_MD5, &o);
	struct dg_buf out;

	(void)state;
	dg_buf_init(&out, 1000);
	assert_int_equal(dg_acceptor_step(a, DG_NOSTR, &out, NULL),
	    DG_AUTH_FAIL);
	dg_acceptor_free(a);
	dg_buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_is_answered_as_published),
		cmocka_unit_test(what_is_no_challenge_is_not_answered),
		cmocka_unit_test(no_client_is_let_in_by_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
