/* bearer_test.c - XOAUTH2 and OAUTHBEARER: the published messages, the error
 * that comes inside the dialogue, and who may give a token. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/auth/talk.h"
#include "tests/unit/support/json.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static struct json *vectors;

static void
tokens_are_said_as_published_and_errors_are_answered(void **state)
{
	(void)state;
	for (const struct json *j = json_get(vectors, "bearer")->child;
	     j != NULL; j = j->next) {
		struct dg_initiator_options o = {
			.port = (unsigned)atoi(json_text(j, "port")),
		};
		struct dg_secret token = { NULL, 0 };
		struct dg_login login = { .token = &token };
		struct dg_initiator *i;
		struct dg_buf out, target, words;
		bool has_first;

		print_message("  %s\n", json_text(j, "from"));
		dg_buf_init(&out, 65536);
		dg_buf_init(&target, 1000);
		dg_buf_init(&words, 1000);
		dg_secret_set(&token, dg_str(json_text(j, "token")));
		assert_true(dg_mech_find(dg_str(json_text(j, "mechanism")),
		    &login.mech));
		login.user = dg_str(json_text(j, "user"));
		(void)dg_buf_addf(&target, "SMTP/%s", json_text(j, "host"));
		o.target = dg_buf_str(&target);
		i = dg_initiator_new(&login, &o);
		assert_int_equal(dg_initiator_first(i, &out, &has_first, NULL),
		    DG_AUTH_SEND);
		assert_true(has_first);
		assert_string_equal(dg_buf_z(&out), json_text(j, "message"));
		assert_true(dg_initiator_may_end(i));
		assert_int_equal(dg_initiator_refusal(i).n, 0);
		assert_int_equal(dg_initiator_step(i,
				     dg_str(json_text(j, "error")), &out, NULL),
		    DG_AUTH_SEND);
		assert_string_equal(dg_buf_z(&out), json_text(j, "answer"));
		(void)dg_buf_add(&words, dg_initiator_refusal(i));
		assert_non_null(
		    strstr(dg_buf_z(&words), json_text(j, "status")));
		dg_buf_reset(&words);
		(void)dg_buf_add(&words, dg_initiator_log(i));
		assert_null(strstr(dg_buf_z(&words), json_text(j, "token")));
		/* once is enough */
		assert_int_equal(dg_initiator_step(i, DG_STR(""), &out, NULL),
		    DG_AUTH_FAIL);
		dg_initiator_free(i);
		dg_secret_fini(&token);
		dg_buf_fini(&out);
		dg_buf_fini(&target);
		dg_buf_fini(&words);
	}
}

static void
what_cannot_be_said_is_not(void **state)
{
	static const struct {
		const char *why, *user, *token, *words;
	} cases[] = {
		{ "no token", "u@a.example", "", "no token" },
		{ "a line break", "u@a.example", "abc\r\nMAIL", "characters" },
		{ "a separator", "u@a.example", "abc\001user=x", "characters" },
		{ "a blank", "u@a.example", "abc def", "characters" },
		{ "a separator in the user", "u\001auth=Bearer x", "abc",
		    "user's name" },
		{ "a comma in the user", "u,b", "abc", "user's name" },
		{ "no user", "", "abc", "user's name" },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		const struct dg_initiator_options o = { .port = 0 };
		struct dg_secret token = { NULL, 0 };
		const struct dg_login login = {
			.mech =
			    i % 2 == 0 ? DG_MECH_XOAUTH2 : DG_MECH_OAUTHBEARER,
			.user = dg_str(cases[i].user),
			.token = &token,
		};
		struct dg_initiator *in = dg_initiator_new(&login, &o);
		struct dg_err e = { 0 };
		struct dg_buf out;
		bool has_first;

		print_message("  %s\n", cases[i].why);
		dg_buf_init(&out, 65536);
		dg_secret_set(&token, dg_str(cases[i].token));
		assert_int_equal(dg_initiator_first(in, &out, &has_first, &e),
		    DG_AUTH_FAIL);
		assert_non_null(strstr(e.text, cases[i].words));
		dg_initiator_free(in);
		dg_secret_fini(&token);
		dg_buf_fini(&out);
	}
}

/* Who is let in: only whom the owner says so of, whatever is stored. */
static void
a_token_is_good_when_the_owner_says_so(void **state)
{
	static const enum dg_mech mechs[] = { DG_MECH_XOAUTH2,
		DG_MECH_OAUTHBEARER };

	(void)state;
	for (size_t i = 0; i < 2 * N(mechs); i++) {
		const struct dg_initiator_options io = { .port = 25,
			.target = DG_STR("SMTP/h.example") };
		const struct dg_acceptor_options ao = { .host = DG_STR("h") };
		struct dg_secret token = { NULL, 0 };
		struct dg_credential c;
		const struct dg_login login = {
			.mech = mechs[i / 2],
			.user = DG_STR("alice@a.example"),
			.token = &token,
		};
		struct talk t = {
			.a = dg_acceptor_new(mechs[i / 2], &ao),
			.i = dg_initiator_new(&login, &io),
			.known = &c,
		};

		assert_int_equal(dg_credential_make(DG_STR("abc"), false, &c,
				     NULL),
		    DG_OK);
		c.is_token_good = i % 2 == 0;
		dg_secret_set(&token, DG_STR("abc"));
		talk(&t);
		assert_true(t.was_asked);
		assert_int_equal(t.is_in, i % 2 == 0);
		/* the message; and when refused, its error and an answer: to
		 * XOAUTH2 that is an empty line */
		assert_int_equal(t.n_lines, i % 2 == 0 ? 1
					    : mechs[i / 2] == DG_MECH_XOAUTH2
						? 2
						: 3);
		dg_secret_fini(&token);
	}
}

static void
the_owner_sees_whose_token_it_is(void **state)
{
	static const struct {
		enum dg_mech mech;
		struct dg_str said;
		const char *user; /* NULL: no such message */
	} cases[] = {
		{ DG_MECH_XOAUTH2,
		    DG_STR("user=a@b.example\001auth=Bearer tok\001\001"),
		    "a@b.example" },
		{ DG_MECH_XOAUTH2,
		    DG_STR("auth=bearer tok\001user=a@b.example\001\001"),
		    "a@b.example" },
		{ DG_MECH_OAUTHBEARER,
		    DG_STR(
			"n,a=a@b.example,\001host=h\001port=25\001auth=Bearer "
			"tok\001\001"),
		    "a@b.example" },
		{ DG_MECH_OAUTHBEARER, DG_STR("n,,\001auth=Bearer tok\001\001"),
		    NULL },
		{ DG_MECH_OAUTHBEARER,
		    DG_STR("p=tls-unique,a=a,\001auth=Bearer tok\001\001"),
		    NULL },
		{ DG_MECH_XOAUTH2, DG_STR("user=a\001auth=Bearer tok\001"),
		    NULL },
		{ DG_MECH_XOAUTH2, DG_STR("user=a\001auth=Bearer \001\001"),
		    NULL },
		{ DG_MECH_XOAUTH2, DG_STR("user=a\001auth=Basic tok\001\001"),
		    NULL },
		{ DG_MECH_XOAUTH2,
		    DG_STR("user=a\001auth=Bearer to\x80k\001\001"), NULL },
		{ DG_MECH_XOAUTH2, DG_STR("\001"), NULL },
		{ DG_MECH_OAUTHBEARER, DG_STR("n,a=,\001\001"), NULL },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		const struct dg_acceptor_options o = { .host = DG_STR("h") };
		struct dg_acceptor *a = dg_acceptor_new(cases[i].mech, &o);
		enum dg_auth_step step;
		struct dg_buf line, out;

		print_message("  %zu\n", i);
		dg_buf_init(&line, 1000);
		dg_buf_init(&out, 1000);
		(void)dg_base64_add(&line, cases[i].said);
		step = dg_acceptor_step(a, dg_buf_str(&line), &out, NULL);
		assert_int_equal(step,
		    cases[i].user != NULL ? DG_AUTH_ASK : DG_AUTH_FAIL);
		if (step == DG_AUTH_ASK) {
			const struct dg_identity *id = dg_acceptor_identity(a);

			assert_true(dg_str_is(id->user, cases[i].user));
			assert_true(dg_str_is(id->token, "tok"));
			assert_int_equal(dg_acceptor_answer(a, NULL, NULL, &out,
					     NULL),
			    DG_AUTH_SEND);
			assert_int_equal(dg_acceptor_identity(a)->token.n, 0);
		}
		dg_acceptor_free(a);
		dg_buf_fini(&line);
		dg_buf_fini(&out);
	}
}

static int
load(void **state)
{
	(void)state;
	vectors = json_load("tests/vectors/sasl.json");
	return 0;
}

static int
unload(void **state)
{
	(void)state;
	json_free(vectors);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    tokens_are_said_as_published_and_errors_are_answered),
		cmocka_unit_test(what_cannot_be_said_is_not),
		cmocka_unit_test(a_token_is_good_when_the_owner_says_so),
		cmocka_unit_test(the_owner_sees_whose_token_it_is),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
