/* dialogue_test.c - LOGIN and PLAIN in both roles, and what all mechanisms
 * have in common: base64, "*", "=", calls in the wrong order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/auth/users.h"
#include "dragoman/base/enc.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static struct dg_acceptor *
acceptor(enum dg_mech m, bool initial_is_user)
{
	const struct dg_acceptor_options o = {
		.ntlm_take = DG_NTLM_LEVEL_V2,
		.host = DG_STR("relay.example"),
		.prompt_user = DG_STR("Username:"),
		.prompt_password = DG_STR("Password:"),
		.login_initial_is_user = initial_is_user,
	};

	return dg_acceptor_new(m, &o);
}

/* A scripted dialogue: each line of the client, and what comes of it. */
struct turn {
	const char *line; /* NULL: the verb had no initial response */
	enum dg_auth_step step;
	const char *out; /* with SEND */
};

struct script {
	const char *why;
	enum dg_mech mech;
	struct turn turns[4];
	const char *user, *account; /* after ASK */
	const char *log;            /* part of it */
};

/* alice's password is "pa ss" */
static struct dg_credential
alice(void)
{
	struct dg_credential c;

	assert_int_equal(dg_credential_make(DG_STR("pa ss"), false, &c, NULL),
	    DG_OK);
	return c;
}

static void
play(const struct script *s)
{
	struct dg_acceptor *a = acceptor(s->mech, true);
	struct dg_credential c = alice();
	struct dg_err e = { 0 };
	struct dg_buf out;
	enum dg_auth_step step = DG_AUTH_SEND;
	size_t i = 0;

	print_message("  %s\n", s->why);
	dg_buf_init(&out, 8192);
	for (; step == DG_AUTH_SEND; i++) {
		const struct turn *t = &s->turns[i];

		step = dg_acceptor_step(a, dg_str(t->line), &out, &e);
		if (step == DG_AUTH_ASK) {
			assert_true(
			    dg_str_is(dg_acceptor_identity(a)->user, s->user));
			assert_true(dg_str_is(dg_acceptor_identity(a)->account,
			    s->account));
			step = dg_acceptor_answer(a, &c, NULL, &out, &e);
		}
		assert_int_equal(step, t->step);
		if (step == DG_AUTH_SEND)
			assert_string_equal(dg_buf_z(&out), t->out);
		else
			assert_int_equal(out.n, 0);
	}
	dg_buf_reset(&out);
	(void)dg_buf_add(&out, dg_acceptor_log(a));
	if (s->log != NULL && strstr(dg_buf_z(&out), s->log) == NULL)
		fail_msg("log: %s", dg_buf_z(&out));
	assert_null(strstr(dg_buf_z(&out), "pa ss"));
	/* over: nothing more is taken */
	assert_int_equal(dg_acceptor_step(a, DG_STR(""), &out, &e),
	    DG_AUTH_FAIL);
	assert_int_equal(dg_acceptor_answer(a, &c, NULL, &out, &e),
	    DG_AUTH_FAIL);
	dg_acceptor_free(a);
	dg_buf_fini(&out);
}

#define USER     "VXNlcm5hbWU6"
#define PASSWORD "UGFzc3dvcmQ6"

static void
login_and_plain_take_every_form_clients_use(void **state)
{
	static const struct script scripts[] = {
		{ "LOGIN, user and password asked for", DG_MECH_LOGIN,
		    { { NULL, DG_AUTH_SEND, USER },
			{ "YWxpY2U=", DG_AUTH_SEND, PASSWORD },
			{ "cGEgc3M=", DG_AUTH_OK, NULL } },
		    "alice", "alice", "LOGIN user=alice: proved" },
		{ "LOGIN, user on the verb line", DG_MECH_LOGIN,
		    { { "YWxpY2U=", DG_AUTH_SEND, PASSWORD },
			{ "cGEgc3M=", DG_AUTH_OK, NULL } },
		    "alice", "alice", NULL },
		{ "LOGIN with a domain", DG_MECH_LOGIN,
		    { { "Q09SUFxhbGljZQ==", DG_AUTH_SEND, PASSWORD },
			{ "cGEgc3M=", DG_AUTH_OK, NULL } },
		    "CORP\\alice", "alice", NULL },
		{ "LOGIN with a mail address", DG_MECH_LOGIN,
		    { { "YWxpY2VAYi5leGFtcGxl", DG_AUTH_SEND, PASSWORD },
			{ "cGEgc3M=", DG_AUTH_OK, NULL } },
		    "alice@b.example", "alice", NULL },
		{ "PLAIN, initial", DG_MECH_PLAIN,
		    { { "AGFsaWNlAHBhIHNz", DG_AUTH_OK, NULL } }, "alice",
		    "alice", "PLAIN user=alice: proved" },
		{ "PLAIN, asked for", DG_MECH_PLAIN,
		    { { NULL, DG_AUTH_SEND, "" },
			{ "AGFsaWNlAHBhIHNz", DG_AUTH_OK, NULL } },
		    "alice", "alice", NULL },
		{ "PLAIN for oneself", DG_MECH_PLAIN,
		    { { "QWxpY2UAYWxpY2UAcGEgc3M=", DG_AUTH_OK, NULL } },
		    "alice", "alice", NULL },
	};

	(void)state;
	for (size_t i = 0; i < N(scripts); i++)
		play(&scripts[i]);
}

static void
login_and_plain_refuse_the_rest(void **state)
{
	static const struct script scripts[] = {
		{ "LOGIN, wrong password", DG_MECH_LOGIN,
		    { { "YWxpY2U=", DG_AUTH_SEND, PASSWORD },
			{ "cGEgc3N4", DG_AUTH_FAIL, NULL } },
		    "alice", "alice", "wrong password" },
		{ "LOGIN, no user", DG_MECH_LOGIN,
		    { { NULL, DG_AUTH_SEND, USER },
			{ "", DG_AUTH_FAIL, NULL } },
		    NULL, NULL, "no user name" },
		{ "LOGIN, a zero byte in the user", DG_MECH_LOGIN,
		    { { "YQBi", DG_AUTH_FAIL, NULL } }, NULL, NULL, NULL },
		{ "LOGIN, no password", DG_MECH_LOGIN,
		    { { "YWxpY2U=", DG_AUTH_SEND, PASSWORD },
			{ "", DG_AUTH_FAIL, NULL } },
		    NULL, NULL, "empty password" },
		{ "LOGIN, cancelled", DG_MECH_LOGIN,
		    { { NULL, DG_AUTH_SEND, USER },
			{ "*", DG_AUTH_CANCELLED, NULL } },
		    NULL, NULL, "cancelled" },
		{ "LOGIN, bad base64", DG_MECH_LOGIN,
		    { { NULL, DG_AUTH_SEND, USER },
			{ "alice", DG_AUTH_SYNTAX, NULL } },
		    NULL, NULL, "bad base64" },
		{ "LOGIN, = inside", DG_MECH_LOGIN,
		    { { "YW=xpY2U", DG_AUTH_SYNTAX, NULL } }, NULL, NULL,
		    NULL },
		{ "PLAIN, wrong password", DG_MECH_PLAIN,
		    { { "AGFsaWNlAHBhc3M=", DG_AUTH_FAIL, NULL } }, "alice",
		    "alice", "wrong password" },
		{ "PLAIN, for another", DG_MECH_PLAIN,
		    { { "Ym9iAGFsaWNlAHBhIHNz", DG_AUTH_FAIL, NULL } }, NULL,
		    NULL, "another user" },
		{ "PLAIN, an empty response", DG_MECH_PLAIN,
		    { { "=", DG_AUTH_FAIL, NULL } }, NULL, NULL, NULL },
		{ "PLAIN, one zero byte", DG_MECH_PLAIN,
		    { { "AGFsaWNl", DG_AUTH_FAIL, NULL } }, NULL, NULL, NULL },
		{ "PLAIN, three zero bytes", DG_MECH_PLAIN,
		    { { "AGEAYgBj", DG_AUTH_FAIL, NULL } }, NULL, NULL, NULL },
		{ "NTLM, an empty response", DG_MECH_NTLM,
		    { { "=", DG_AUTH_FAIL, NULL } }, NULL, NULL, "too_short" },
		{ "* on the verb line is no cancel", DG_MECH_NTLM,
		    { { "*", DG_AUTH_SYNTAX, NULL } }, NULL, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < N(scripts); i++)
		play(&scripts[i]);
}

/* Devices of Western Europe send Latin-1. */
static void
a_latin_1_password_is_that_of_the_file(void **state)
{
	struct dg_credential c;
	struct dg_acceptor *a = acceptor(DG_MECH_PLAIN, true);
	struct dg_buf out;

	(void)state;
	dg_buf_init(&out, 1000);
	assert_int_equal(dg_credential_make(DG_STR("p\xc3\xa4ss"), false, &c,
			     NULL),
	    DG_OK);
	assert_int_equal(dg_acceptor_step(a, DG_STR("AGEAcORzcw=="), &out,
			     NULL),
	    DG_AUTH_ASK); /* \0 a \0 p e4 s s */
	assert_int_equal(dg_acceptor_answer(a, &c, NULL, &out, NULL),
	    DG_AUTH_OK);
	dg_acceptor_free(a);
	dg_buf_fini(&out);
}

static void
an_unknown_account_is_told_like_a_wrong_password(void **state)
{
	struct dg_credential c = alice(), empty = { .has_nt = false };
	const struct dg_credential *const known[] = { NULL, &c, &empty };
	struct dg_err e[N(known)];

	(void)state;
	for (size_t i = 0; i < N(known); i++) {
		struct dg_acceptor *a = acceptor(DG_MECH_PLAIN, true);
		struct dg_buf out;

		memset(&e[i], 0, sizeof(e[i]));
		dg_buf_init(&out, 1000);
		assert_int_equal(dg_acceptor_step(a, DG_STR("AGEAeA=="), &out,
				     NULL),
		    DG_AUTH_ASK);
		assert_int_equal(dg_acceptor_answer(a, known[i], NULL, &out,
				     &e[i]),
		    DG_AUTH_FAIL);
		assert_int_equal(e[i].code, 535);
		assert_string_equal(e[i].text, e[0].text);
		dg_acceptor_free(a);
		dg_buf_fini(&out);
	}
}

static void
login_on_the_verb_line_is_taken_only_where_said(void **state)
{
	struct dg_acceptor *a = acceptor(DG_MECH_LOGIN, false);
	struct dg_buf out;

	(void)state;
	dg_buf_init(&out, 1000);
	assert_int_equal(dg_acceptor_step(a, DG_STR("YWxpY2U="), &out, NULL),
	    DG_AUTH_FAIL);
	dg_acceptor_free(a);
	dg_buf_fini(&out);
}

/* The dialect says that this device writes its user as it is, and some of those
 * look like base64. */
static void
login_on_the_verb_line_is_clear_where_said(void **state)
{
	static const char *const users[] = { "alice", "user", "a.b@c.example" };

	(void)state;
	for (size_t i = 0; i < N(users); i++) {
		const struct dg_acceptor_options o = {
			.prompt_password = DG_STR("Password:"),
			.login_initial_is_user = true,
			.login_user_is_clear = true,
		};
		struct dg_acceptor *a = dg_acceptor_new(DG_MECH_LOGIN, &o);
		struct dg_buf out;

		dg_buf_init(&out, 1000);
		assert_int_equal(dg_acceptor_step(a, dg_str(users[i]), &out,
				     NULL),
		    DG_AUTH_SEND);
		assert_string_equal(dg_buf_z(&out), PASSWORD);
		assert_int_equal(dg_acceptor_step(a, DG_STR("cGEgc3M="), &out,
				     NULL),
		    DG_AUTH_ASK);
		assert_true(
		    dg_str_is(dg_acceptor_identity(a)->user, users[i]));
		dg_acceptor_free(a);
		dg_buf_fini(&out);
	}
}

static void
control_bytes_of_names_do_not_reach_the_log(void **state)
{
	struct dg_acceptor *a = acceptor(DG_MECH_PLAIN, true);
	struct dg_buf in, line, out;

	(void)state;
	dg_buf_init(&in, 1000);
	dg_buf_init(&line, 1000);
	dg_buf_init(&out, 1000);
	(void)dg_buf_add(&in, DG_STR("\0a\r\nlevel=error\x1b[2J"));
	for (int i = 0; i < 100; i++)
		(void)dg_buf_addc(&in, 'x');
	(void)dg_buf_add(&in, DG_STR("\0p"));
	(void)dg_base64_add(&line, dg_buf_str(&in));
	assert_int_equal(dg_acceptor_step(a, dg_buf_str(&line), &out, NULL),
	    DG_AUTH_ASK);
	(void)dg_buf_add(&out, dg_acceptor_log(a));
	assert_string_equal(dg_buf_z(&out),
	    "PLAIN user=a??level=error?[2J"
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...");
	dg_acceptor_free(a);
	dg_buf_fini(&in);
	dg_buf_fini(&line);
	dg_buf_fini(&out);
}

/* ---- initiator ---- */

static char password_text[] = "pa ss";
static struct dg_secret password = { password_text, 5 };

struct said {
	const char *text; /* behind 334 */
	enum dg_auth_step step;
	const char *out;
};

static const struct {
	const char *why;
	enum dg_mech mech;
	enum dg_login_form form;
	const char *domain, *user;
	enum dg_auth_step first;
	const char *initial; /* NULL: none */
	struct said v[3];
} sayings[] = {
	{ "LOGIN, both asked for", DG_MECH_LOGIN, DG_LOGIN_ASK, "", "alice",
	    DG_AUTH_SEND, NULL,
	    { { USER, DG_AUTH_SEND, "YWxpY2U=" },
		{ PASSWORD, DG_AUTH_OK, "cGEgc3M=" },
		{ PASSWORD, DG_AUTH_FAIL, "" } } },
	{ "LOGIN, prompts that say nothing", DG_MECH_LOGIN, DG_LOGIN_ASK, "",
	    "alice", DG_AUTH_SEND, NULL,
	    { { "", DG_AUTH_SEND, "YWxpY2U=" },
		{ "please!", DG_AUTH_OK, "cGEgc3M=" },
		{ "", DG_AUTH_FAIL, "" } } },
	{ "LOGIN, user on the line, with a domain", DG_MECH_LOGIN,
	    DG_LOGIN_INITIAL, "CORP", "alice", DG_AUTH_SEND, "Q09SUFxhbGljZQ==",
	    { { PASSWORD, DG_AUTH_OK, "cGEgc3M=" },
		{ "", DG_AUTH_FAIL, "" } } },
	{ "LOGIN, user in clear", DG_MECH_LOGIN, DG_LOGIN_USERNAME_IN_LINE, "",
	    "alice", DG_AUTH_SEND, "alice",
	    { { PASSWORD, DG_AUTH_OK, "cGEgc3M=" },
		{ "", DG_AUTH_FAIL, "" } } },
	{ "LOGIN, two words in clear", DG_MECH_LOGIN, DG_LOGIN_USERNAME_IN_LINE,
	    "", "al ice\r\nMAIL", DG_AUTH_FAIL, NULL,
	    { { "", DG_AUTH_FAIL, "" } } },
	{ "PLAIN", DG_MECH_PLAIN, DG_LOGIN_ASK, "", "alice", DG_AUTH_OK,
	    "AGFsaWNlAHBhIHNz", { { "", DG_AUTH_FAIL, "" } } },
};

static void
login_and_plain_are_said_as_the_dialect_wants(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(sayings); i++) {
		const struct dg_login l = {
			.mech = sayings[i].mech,
			.user = dg_str(sayings[i].user),
			.domain = dg_str(sayings[i].domain),
			.password = &password,
		};
		const struct dg_initiator_options o = {
			.login_form = sayings[i].form,
		};
		struct dg_initiator *s = dg_initiator_new(&l, &o);
		bool has_initial;
		struct dg_err e = { 0 };
		struct dg_buf out;

		print_message("  %s\n", sayings[i].why);
		dg_buf_init(&out, 1000);
		assert_int_equal(dg_initiator_first(s, &out, &has_initial, &e),
		    sayings[i].first);
		assert_int_equal(has_initial, sayings[i].initial != NULL);
		assert_string_equal(dg_buf_z(&out),
		    has_initial ? sayings[i].initial : "");
		for (const struct said *v = sayings[i].v;; v++) {
			assert_int_equal(dg_initiator_step(s, dg_str(v->text),
					     &out, &e),
			    v->step);
			assert_string_equal(dg_buf_z(&out), v->out);
			if (v->step == DG_AUTH_FAIL)
				break;
		}
		dg_initiator_free(s);
		dg_buf_fini(&out);
	}
}

static void
a_hash_alone_cannot_say_login_or_plain(void **state)
{
	static const enum dg_mech mechs[] = { DG_MECH_LOGIN, DG_MECH_PLAIN };

	(void)state;
	for (size_t i = 0; i < N(mechs); i++) {
		const struct dg_login l = {
			.mech = mechs[i],
			.user = DG_STR("alice"),
			.has_nt = true,
		};
		const struct dg_initiator_options o = { .ntlm_send = 1 };
		struct dg_initiator *s = dg_initiator_new(&l, &o);
		struct dg_err e = { 0 };
		bool has_initial;
		struct dg_buf out;

		dg_buf_init(&out, 1000);
		assert_int_equal(dg_initiator_first(s, &out, &has_initial, &e),
		    DG_AUTH_FAIL);
		assert_non_null(strstr(e.text, "only its hash"));
		dg_initiator_free(s);
		dg_buf_fini(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(login_and_plain_take_every_form_clients_use),
		cmocka_unit_test(login_and_plain_refuse_the_rest),
		cmocka_unit_test(a_latin_1_password_is_that_of_the_file),
		cmocka_unit_test(
		    an_unknown_account_is_told_like_a_wrong_password),
		cmocka_unit_test(
		    login_on_the_verb_line_is_taken_only_where_said),
		cmocka_unit_test(login_on_the_verb_line_is_clear_where_said),
		cmocka_unit_test(control_bytes_of_names_do_not_reach_the_log),
		cmocka_unit_test(login_and_plain_are_said_as_the_dialect_wants),
		cmocka_unit_test(a_hash_alone_cannot_say_login_or_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
