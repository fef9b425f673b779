/* scram_test.c - SCRAM against the published examples, against ourselves with
 * every bit changed in turn, and against servers and clients that cheat. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/auth/mechanism.h"
#include "dragoman/base/rand.h"
#include "tests/unit/auth/talk.h"
#include "tests/unit/support/json.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static struct json *vectors;

/* The library's own randomness, or what a published example says it was. */
static struct dg_buf nonce;
int gsasl_nonce(char *data, size_t n);

int
gsasl_nonce(char *data, size_t n)
{
	if (nonce.n == n)
		memcpy(data, nonce.p, n);
	else
		dg_rand(data, n);
	return 0;
}

static struct dg_credential
credential(const char *password)
{
	struct dg_credential c = { .has_nt = false };

	for (unsigned h = 0; h < DG_HASH_N; h++)
		assert_true(dg_credential_add_scram(&c, (enum dg_hash)h,
		    dg_str(password), DG_SCRAM_ITERATIONS_MIN));
	return c;
}

static const struct dg_binding no_binding;
static const struct dg_binding tls13 = { .exporter = { "\0exporter", 9 } };
static const struct dg_binding other13 = { .exporter = { "\0exported", 9 } };
static const struct dg_binding tls12 = { .unique = { "\0unique", 7 } };

struct party {
	enum dg_mech mech;
	const char *user, *password;
	struct dg_binding server, client;
};

/* alice's password is "pencil" */
static struct talk
start(const struct party *p, struct dg_login *login, struct dg_secret *secret)
{
	const struct dg_acceptor_options ao = { .binding = p->server };
	const struct dg_initiator_options io = { .binding = p->client };

	dg_secret_set(secret, dg_str(p->password));
	*login = (struct dg_login){
		.mech = p->mech,
		.user = dg_str(p->user),
		.domain = DG_STR(""),
		.password = secret,
	};
	return (struct talk){
		.a = dg_acceptor_new(p->mech, &ao),
		.i = dg_initiator_new(login, &io),
	};
}

static void
clients_say_what_the_examples_say(void **state)
{
	const struct json *j = json_at(json_get(vectors, "scram"), 0);
	struct dg_initiator_options o = { .port = 0 };
	struct dg_secret secret = { NULL, 0 };
	struct dg_login login = { .mech = DG_MECH_SCRAM_SHA_1 };
	struct dg_initiator *i;
	struct dg_buf line, out, text;
	bool has_first;

	(void)state;
	dg_buf_init(&nonce, 100);
	dg_buf_init(&line, 1000);
	dg_buf_init(&out, 1000);
	dg_buf_init(&text, 1000);
	(void)dg_base64_read(&nonce, dg_str(json_text(j, "client_nonce")));
	dg_secret_set(&secret, dg_str(json_text(j, "password")));
	login.password = &secret;
	login.user = dg_str(json_text(j, "user"));
	i = dg_initiator_new(&login, &o);
	assert_int_equal(dg_initiator_first(i, &out, &has_first, NULL),
	    DG_AUTH_SEND);
	assert_true(has_first);
	(void)dg_base64_read(&text, dg_buf_str(&out));
	assert_string_equal(dg_buf_z(&text), json_text(j, "client_first"));
	(void)dg_base64_add(&line, dg_str(json_text(j, "server_first")));
	assert_int_equal(dg_initiator_step(i, dg_buf_str(&line), &out, NULL),
	    DG_AUTH_SEND);
	dg_buf_reset(&text);
	(void)dg_base64_read(&text, dg_buf_str(&out));
	assert_string_equal(dg_buf_z(&text), json_text(j, "client_final"));
	assert_false(dg_initiator_may_end(i));
	dg_buf_reset(&line);
	(void)dg_base64_add(&line, dg_str(json_text(j, "server_final")));
	assert_int_equal(dg_initiator_step(i, dg_buf_str(&line), &out, NULL),
	    DG_AUTH_OK);
	assert_int_equal(out.n, 0);
	assert_true(dg_initiator_may_end(i));
	dg_initiator_free(i);
	dg_secret_fini(&secret);
	dg_buf_fini(&nonce);
	dg_buf_fini(&line);
	dg_buf_fini(&out);
	dg_buf_fini(&text);
}

/* RFC 5802 3: what we store of the password verifies the example's proof, and
 * makes the example's server signature. */
static void
keys_are_those_of_the_examples(void **state)
{
	(void)state;
	for (const struct json *j = json_get(vectors, "scram")->child;
	     j != NULL; j = j->next) {
		enum dg_hash h = strcmp(json_text(j, "hash"), "sha-1") == 0
				     ? DG_SHA_1
				     : DG_SHA_256;
		const char *final = json_text(j, "client_final");
		size_t n = dg_hash_size(h);
		uint8_t sum[DG_HASH_MAX], stored[DG_HASH_MAX];
		struct dg_scram_key key;
		struct dg_buf salt, proof, message, text;

		print_message("  %s\n", json_text(j, "from"));
		dg_buf_init(&salt, 100);
		dg_buf_init(&proof, 100);
		dg_buf_init(&message, 1000);
		dg_buf_init(&text, 100);
		(void)dg_base64_read(&salt, dg_str(json_text(j, "salt")));
		(void)dg_base64_read(&proof, dg_str(json_text(j, "proof")));
		assert_true(
		    dg_scram_key_make(h, dg_str(json_text(j, "password")),
			dg_buf_str(&salt), 4096, &key));
		(void)dg_buf_addf(&message, "%s,%s,%.*s",
		    json_text(j, "client_first") + 3,
		    json_text(j, "server_first"),
		    (int)(strstr(final, ",p=") - final), final);
		dg_hmac(h, dg_str_of(key.stored, n), dg_buf_str(&message), sum);
		assert_int_equal(proof.n, n);
		for (size_t i = 0; i < n; i++)
			sum[i] ^= (uint8_t)proof.p[i];
		dg_hash(h, dg_str_of(sum, n), stored);
		assert_memory_equal(stored, key.stored, n);
		dg_hmac(h, dg_str_of(key.server, n), dg_buf_str(&message), sum);
		(void)dg_buf_adds(&text, "v=");
		(void)dg_base64_add(&text, dg_str_of(sum, n));
		assert_string_equal(dg_buf_z(&text),
		    json_text(j, "server_final"));
		assert_true(dg_scram_key_fits(h, &key, DG_STR("pencil")));
		assert_false(dg_scram_key_fits(h, &key, DG_STR("pencils")));
		dg_buf_fini(&salt);
		dg_buf_fini(&proof);
		dg_buf_fini(&message);
		dg_buf_fini(&text);
	}
}

static void
both_roles_agree(void **state)
{
	static const struct {
		const char *why;
		struct party p;
		bool is_in;
	} cases[] = {
		{ "SHA-256",
		    { .mech = DG_MECH_SCRAM_SHA_256,
			.user = "alice",
			.password = "pencil" },
		    true },
		{ "SHA-1",
		    { .mech = DG_MECH_SCRAM_SHA_1,
			.user = "alice",
			.password = "pencil" },
		    true },
		{ "a name with what SCRAM escapes",
		    { .mech = DG_MECH_SCRAM_SHA_256,
			.user = "al=ice,b",
			.password = "pencil" },
		    true },
		{ "another password",
		    { .mech = DG_MECH_SCRAM_SHA_256,
			.user = "alice",
			.password = "pencilx" },
		    false },
		{ "-PLUS without TLS",
		    { .mech = DG_MECH_SCRAM_SHA_256_PLUS,
			.user = "alice",
			.password = "pencil" },
		    false },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct dg_credential c = credential("pencil");
		struct dg_secret secret = { NULL, 0 };
		struct dg_login login;
		struct talk t = start(&cases[i].p, &login, &secret);

		print_message("  %s\n", cases[i].why);
		t.known = &c;
		talk(&t);
		assert_int_equal(t.is_in, cases[i].is_in);
		assert_int_equal(t.may_end, cases[i].is_in);
		dg_secret_fini(&secret);
	}
}

static void
plus_holds_to_one_connection(void **state)
{
	static const struct {
		const char *why;
		const struct dg_binding *server, *client;
		bool is_in;
	} cases[] = {
		{ "TLS 1.3", &tls13, &tls13, true },
		{ "TLS 1.2", &tls12, &tls12, true },
		{ "somebody in between", &tls13, &other13, false },
		{ "of two kinds", &tls13, &tls12, false },
		{ "the server knows none", &no_binding, &tls13, false },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		const struct party p = { DG_MECH_SCRAM_SHA_1_PLUS, "alice",
			"pencil", *cases[i].server, *cases[i].client };
		struct dg_credential c = credential("pencil");
		struct dg_secret secret = { NULL, 0 };
		struct dg_login login;
		struct talk t = start(&p, &login, &secret);

		print_message("  %s\n", cases[i].why);
		t.known = &c;
		talk(&t);
		assert_int_equal(t.is_in, cases[i].is_in);
		dg_secret_fini(&secret);
	}
}

/* A changed bit in any line ends the login, on one side or the other; of the
 * server's last line it is the client that must see it. */
static void
every_changed_bit_is_seen(void **state)
{
	static const enum dg_mech mechs[] = { DG_MECH_SCRAM_SHA_1,
		DG_MECH_SCRAM_SHA_256_PLUS };
	unsigned n_tried = 0;

	(void)state;
	for (size_t m = 0; m < N(mechs); m++) {
		struct dg_credential c = credential("pencil");

		for (unsigned line = 1; line <= 4; line++) {
			bool has_more = true;

			for (size_t bit = 0; has_more; bit++) {
				const struct party p = { mechs[m], "alice",
					"pencil", tls13, tls13 };
				struct dg_secret secret = { NULL, 0 };
				struct dg_login login;
				struct talk t = start(&p, &login, &secret);

				t.known = &c;
				t.line = line;
				t.bit = bit;
				talk(&t);
				has_more = !t.has_no_bit;
				n_tried += has_more;
				if (has_more && (t.is_in || t.may_end))
					fail_msg("line %u bit %zu passed", line,
					    bit);
				if (!has_more)
					assert_true(t.is_in);
				dg_secret_fini(&secret);
			}
		}
	}
	assert_true(n_tried > 2000);
}

/* Who is not there gets a challenge like everybody, and the same again. */
static void
nobody_learns_who_is_there(void **state)
{
	struct dg_credential c = credential("pencil"), decoy, nt_only;
	const struct dg_credential *const known[] = { &c, NULL, &nt_only };
	char seen[N(known)][400];
	const char *line = "biwsbj1hbGljZSxyPWZ5a28rZDJsYmJGZ09OUnY5cWt4ZGF3TA"
			   "==";

	(void)state;
	decoy = credential("something else");
	memset(&nt_only, 0, sizeof(nt_only));
	assert_int_equal(dg_credential_make(DG_STR("pencil"), false, &nt_only,
			     NULL),
	    DG_OK);
	for (size_t i = 0; i < N(known); i++) {
		const struct dg_acceptor_options o = { .host = DG_STR("h") };
		struct dg_acceptor *a =
		    dg_acceptor_new(DG_MECH_SCRAM_SHA_256, &o);
		struct dg_err e = { 0 };
		struct dg_buf out, text;

		dg_buf_init(&out, 1000);
		dg_buf_init(&text, 1000);
		assert_int_equal(dg_acceptor_step(a, dg_str(line), &out, &e),
		    DG_AUTH_ASK);
		assert_int_equal(dg_acceptor_answer(a, known[i], &decoy, &out,
				     &e),
		    DG_AUTH_SEND);
		(void)dg_base64_read(&text, dg_buf_str(&out));
		snprintf(seen[i], sizeof(seen[i]), "%s",
		    strstr(dg_buf_z(&text), ",s="));
		assert_int_equal(dg_acceptor_step(a,
				     DG_STR("Yz1iaXdzLHI9YSxwPWI="), &out, &e),
		    DG_AUTH_FAIL);
		assert_string_equal(e.text, "authentication failed");
		dg_acceptor_free(a);
		dg_buf_fini(&out);
		dg_buf_fini(&text);
	}
	assert_int_equal(strlen(seen[0]), strlen(seen[1]));
	assert_string_equal(seen[1], seen[2]); /* the decoy's, both */
	assert_string_not_equal(seen[0], seen[1]);
}

static void
clients_that_cheat_get_nowhere(void **state)
{
	static const struct {
		const char *why;
		enum dg_mech mech;
		struct dg_str first;
		const char *log;
	} cases[] = {
		{ "for somebody else", DG_MECH_SCRAM_SHA_1,
		    DG_STR("n,a=bob,n=alice,r=abcdef"), "another user" },
		{ "p where nothing binds", DG_MECH_SCRAM_SHA_1,
		    DG_STR("p=tls-unique,,n=alice,r=abcdef"), "bound, by" },
		{ "n where it must bind", DG_MECH_SCRAM_SHA_1_PLUS,
		    DG_STR("n,,n=alice,r=abcdef"), "not bound" },
		{ "a kind we do not know", DG_MECH_SCRAM_SHA_1_PLUS,
		    DG_STR("p=tls-server-end-point,,n=alice,r=abcdef"),
		    "not known" },
		{ "it saw no -PLUS", DG_MECH_SCRAM_SHA_1,
		    DG_STR("y,,n=alice,r=abcdef"), "in between" },
		{ "a mandatory extension", DG_MECH_SCRAM_SHA_1,
		    DG_STR("n,,m=x,n=alice,r=abcdef"), "no such" },
		{ "a bad escape", DG_MECH_SCRAM_SHA_1,
		    DG_STR("n,,n=al=ice,r=abcdef"), "no such" },
		{ "no name", DG_MECH_SCRAM_SHA_1, DG_STR("n,,n=,r=abcdef"),
		    "no such" },
		{ "no nonce", DG_MECH_SCRAM_SHA_1, DG_STR("n,,n=alice,r="),
		    "no such" },
		{ "no commas", DG_MECH_SCRAM_SHA_1, DG_STR("n"), "no such" },
		{ "a zero byte", DG_MECH_SCRAM_SHA_1,
		    DG_STR("n,,n=al\0ice,r=abcdef"), "no such" },
		{ "a control byte", DG_MECH_SCRAM_SHA_1,
		    DG_STR("n,,n=al\nice,r=abcdef"), "no such" },
		{ "no UTF-8", DG_MECH_SCRAM_SHA_1,
		    DG_STR("n,,n=al\xffice,r=abcdef"), "no such" },
		{ "no flag", DG_MECH_SCRAM_SHA_1, DG_STR(",,n=alice,r=abcdef"),
		    "no such" },
		{ "nothing", DG_MECH_SCRAM_SHA_1, DG_STR(""), "no such" },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		const struct dg_acceptor_options o = { .binding = tls13 };
		struct dg_acceptor *a = dg_acceptor_new(cases[i].mech, &o);
		struct dg_buf line, out;

		print_message("  %s\n", cases[i].why);
		dg_buf_init(&line, 1000);
		dg_buf_init(&out, 1000);
		(void)dg_base64_add(&line, cases[i].first);
		assert_int_equal(dg_acceptor_step(a,
				     line.n > 0 ? dg_buf_str(&line)
						: DG_STR("="),
				     &out, NULL),
		    DG_AUTH_FAIL);
		dg_buf_reset(&out);
		(void)dg_buf_add(&out, dg_acceptor_log(a));
		if (strstr(dg_buf_z(&out), cases[i].log) == NULL)
			fail_msg("log: %s", dg_buf_z(&out));
		dg_acceptor_free(a);
		dg_buf_fini(&line);
		dg_buf_fini(&out);
	}
}

static void
servers_that_cheat_get_no_proof(void **state)
{
	static const struct {
		const char *why, *first; /* %s: what the client's nonce is */
		const char *words;
	} cases[] = {
		{ "work without end", "r=%sx,s=QUJD,i=4000000000",
		    "4000000000 iterations" },
		{ "work beyond numbers",
		    "r=%sx,s=QUJD,i=99999999999999999999999", "is none" },
		{ "no work", "r=%sx,s=QUJD,i=1", "1 iterations" },
		{ "no iterations", "r=%sx,s=QUJD,i=", "is none" },
		{ "a negative one", "r=%sx,s=QUJD,i=-4096", "is none" },
		{ "no salt", "r=%sx,s=,i=4096", "is none" },
		{ "a salt that is none", "r=%sx,s=%%,i=4096", "is none" },
		{ "another's nonce", "r=abcdefx,s=QUJD,i=4096",
		    "does not fit" },
		{ "a mandatory extension", "m=x,r=%sx,s=QUJD,i=4096",
		    "is none" },
		{ "nothing", "", "is none" },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		const struct dg_initiator_options o = { .port = 0 };
		struct dg_secret secret = { NULL, 0 };
		const struct dg_login login = {
			.mech = DG_MECH_SCRAM_SHA_1,
			.user = DG_STR("alice"),
			.password = &secret,
		};
		struct dg_initiator *in;
		struct dg_buf out, text, line;
		struct dg_err e = { 0 };
		bool has_first;

		print_message("  %s\n", cases[i].why);
		dg_buf_init(&out, 4096);
		dg_buf_init(&text, 4096);
		dg_buf_init(&line, 4096);
		dg_secret_set(&secret, DG_STR("pencil"));
		in = dg_initiator_new(&login, &o);
		assert_int_equal(dg_initiator_first(in, &out, &has_first, &e),
		    DG_AUTH_SEND);
		(void)dg_base64_read(&text, dg_buf_str(&out));
		(void)dg_buf_adds(&line, cases[i].first);
		if (strstr(dg_buf_z(&line), "r=%s") != NULL) {
			struct dg_buf filled;
			const char *ours = strstr(dg_buf_z(&text), "r=");

			dg_buf_init(&filled, 4096);
			(void)dg_buf_add(&filled,
			    dg_str_sub(dg_buf_str(&line), 0,
				(size_t)(strstr(dg_buf_z(&line), "r=%s") -
					 dg_buf_z(&line))));
			(void)dg_buf_adds(&filled, ours);
			(void)dg_buf_adds(&filled,
			    strstr(dg_buf_z(&line), "r=%s") + 4);
			dg_buf_reset(&line);
			(void)dg_buf_add(&line, dg_buf_str(&filled));
			dg_buf_fini(&filled);
		}
		dg_buf_reset(&text);
		(void)dg_base64_add(&text, dg_buf_str(&line));
		assert_int_equal(dg_initiator_step(in, dg_buf_str(&text), &out,
				     &e),
		    DG_AUTH_FAIL);
		if (strstr(e.text, cases[i].words) == NULL)
			fail_msg("%s", e.text);
		assert_false(dg_initiator_may_end(in));
		dg_initiator_free(in);
		dg_secret_fini(&secret);
		dg_buf_fini(&out);
		dg_buf_fini(&text);
		dg_buf_fini(&line);
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
		cmocka_unit_test(clients_say_what_the_examples_say),
		cmocka_unit_test(keys_are_those_of_the_examples),
		cmocka_unit_test(both_roles_agree),
		cmocka_unit_test(plus_holds_to_one_connection),
		cmocka_unit_test(every_changed_bit_is_seen),
		cmocka_unit_test(nobody_learns_who_is_there),
		cmocka_unit_test(clients_that_cheat_get_nowhere),
		cmocka_unit_test(servers_that_cheat_get_no_proof),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
