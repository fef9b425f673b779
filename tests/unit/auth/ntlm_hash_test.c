/* ntlm_hash_test.c - every number of the published exchanges, step by step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/auth/ntlm_hash.h"
#include "core/auth/oem.h"
#include "dragoman/base/enc.h"
#include "dragoman/crypto/legacy.h"
#include "dragoman/wire/ntlm.h"
#include "tests/unit/support/hex.h"
#include "tests/unit/support/json.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static struct json *vectors;

static void
expect(const char *hex, const uint8_t *got, size_t n)
{
	uint8_t want[1024];

	assert_non_null(hex);
	assert_int_equal(unhex(hex, want, sizeof(want)), n);
	assert_memory_equal(got, want, n);
}

static void
v2_key(const uint8_t nt[16], const char *user, const char *domain,
    uint8_t out[16])
{
	struct dg_buf upper;

	dg_buf_init(&upper, 1000);
	assert_int_equal(dg_upper_add(&upper, dg_str(user)), DG_OK);
	assert_int_equal(dg_ntlm_v2_key(nt, dg_buf_str(&upper), dg_str(domain),
			     out),
	    DG_OK);
	dg_buf_fini(&upper);
}

static void
hashes_are_those_of_the_vectors(void **state)
{
	(void)state;
	for (const struct json *j = json_get(vectors, "hashes")->child;
	     j != NULL; j = j->next) {
		struct dg_str password = dg_str(json_text(j, "password"));
		uint8_t nt[16], lm[16], key[16];

		print_message("  %.*s\n", DG_FMT(password));
		assert_int_equal(dg_ntlm_nt_hash(password, nt), DG_OK);
		expect(json_text(j, "nt_hash"), nt, 16);
		v2_key(nt, json_text(j, "user"), json_text(j, "domain"), key);
		expect(json_text(j, "ntowfv2"), key, 16);
		if (json_get(j, "lm_hash") == NULL) {
			assert_int_equal(dg_ntlm_lm_hash(password, lm),
			    DG_E_PROTO);
			continue;
		}
		assert_int_equal(dg_ntlm_lm_hash(password, lm), DG_OK);
		expect(json_text(j, "lm_hash"), lm, 16);
	}
}

static bool
is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static enum dg_ntlm_kind
kind_of(const char *scheme)
{
	return is(scheme, "ntlmv2")          ? DG_NTLM_KIND_V2
	       : is(scheme, "lmv2")          ? DG_NTLM_KIND_LMV2
	       : is(scheme, "ntlm2_session") ? DG_NTLM_KIND_NTLM2
	       : is(scheme, "lm")            ? DG_NTLM_KIND_LM
					     : DG_NTLM_KIND_V1;
}

/* The responses, from what the two sides know. */
static void
expect_responses(const struct json *in, const struct json *want,
    struct dg_ntlm_facts *f, uint8_t key[16])
{
	uint8_t client[8], mixed[8], got[24], temp[1024], proof[16];
	size_t n = unhex(json_text(want, "temp"), temp, sizeof(temp));

	unhex(json_text(in, "client_challenge"), client, 8);
	switch (f->kind) {
	case DG_NTLM_KIND_V1:
		dg_ntlm_answer(f->nt, f->challenge, got);
		expect(json_text(want, "nt_response"), got, 24);
		if (f->lm == NULL || json_is_true(in, "lm_is_nt_copy"))
			break;
		/* fallthrough */
	case DG_NTLM_KIND_LM:
		dg_ntlm_answer(f->lm, f->challenge, got);
		expect(json_text(want, "lm_response"), got, 24);
		break;
	case DG_NTLM_KIND_NTLM2:
		dg_ntlm_mixed(f->challenge, client, mixed);
		dg_ntlm_answer(f->nt, mixed, got);
		expect(json_text(want, "nt_response"), got, 24);
		break;
	case DG_NTLM_KIND_V2:
	case DG_NTLM_KIND_LMV2:
		v2_key(f->nt, json_text(in, "user"), json_text(in, "domain"),
		    key);
		expect(json_text(want, "ntowfv2"), key, 16);
		f->v2_key = key;
		if (f->kind == DG_NTLM_KIND_V2) {
			dg_ntlm_v2_proof(key, f->challenge, dg_str_of(temp, n),
			    proof);
			expect(json_text(want, "nt_proof"), proof, 16);
		}
		if (f->kind == DG_NTLM_KIND_LMV2 ||
		    !json_is_true(in, "lm_zeroed")) {
			dg_ntlm_v2_proof(key, f->challenge,
			    dg_str_of(client, 8), got);
			memcpy(got + 16, client, 8);
			expect(json_text(want, "lm_response"), got, 24);
		}
	}
}

static void
expect_keys(const struct json *want, const struct dg_ntlm_facts *f)
{
	const char *sent = json_text(want, "encrypted_random_session_key");
	uint8_t key[16], encrypted[16];

	dg_ntlm_base_key(f, key);
	expect(json_text(want, "session_base_key"), key, 16);
	dg_ntlm_exchange_key(f, key);
	expect(json_text(want, "key_exchange_key"), key, 16);
	if (sent != NULL && sent[0] != '\0') {
		unhex(sent, encrypted, 16);
		dg_rc4(dg_str_of(key, 16), encrypted, key, 16);
	}
	expect(json_text(want, "exported_session_key"), key, 16);
}

static void
responses_and_keys_are_those_of_the_exchanges(void **state)
{
	size_t n = 0;

	(void)state;
	for (const struct json *j = json_get(vectors, "exchanges")->child;
	     j != NULL; j = j->next) {
		const struct json *in = json_get(j, "inputs");
		const struct json *want = json_get(j, "expect");
		struct dg_str password = dg_str(json_text(in, "password"));
		uint8_t nt[16], lm[16], challenge[8], key[16];
		uint8_t lm_answer[24], nt_answer[1024];
		struct dg_ntlm_facts f = {
			.kind = kind_of(json_text(in, "scheme")),
			.flags =
			    (uint32_t)strtoul(json_text(in, "flags"), NULL, 16),
			.challenge = challenge,
			.nt = nt,
		};

		if (is(json_text(in, "scheme"), "anonymous"))
			continue;
		print_message("  %s\n", json_text(j, "id"));
		n++;
		assert_int_equal(dg_ntlm_nt_hash(password, nt), DG_OK);
		expect(json_text(want, "nt_hash"), nt, 16);
		/* old clients hash what fits of a long password; we don't */
		if (dg_ntlm_lm_hash(password, lm) == DG_OK)
			expect(json_text(want, "lm_hash"), lm, 16);
		if (unhex(json_text(want, "lm_hash"), lm, 16) > 0)
			f.lm = lm;
		unhex(json_text(in, "server_challenge"), challenge, 8);
		f.lm_answer = dg_str_of(lm_answer,
		    unhex(json_text(want, "lm_response"), lm_answer, 24));
		f.nt_answer = dg_str_of(nt_answer,
		    unhex(json_text(want, "nt_response"), nt_answer, 1024));
		expect_responses(in, want, &f, key);
		expect_keys(want, &f);
	}
	assert_true(n > 60);
}

static void
a_mic_is_that_of_the_exchanges(void **state)
{
	static const char *const names[] = { "negotiate_message",
		"challenge_message", "authenticate_message" };
	size_t n = 0;

	(void)state;
	for (const struct json *j = json_get(vectors, "exchanges")->child;
	     j != NULL; j = j->next) {
		const struct json *want = json_get(j, "expect");
		struct dg_buf m[3];
		uint8_t exported[16], mic[16];

		if (json_get(want, "mic") == NULL)
			continue;
		n++;
		for (size_t i = 0; i < N(m); i++) {
			dg_buf_init(&m[i], 8192);
			assert_int_equal(dg_base64_read(&m[i],
					     dg_str(json_text(want, names[i]))),
			    DG_OK);
		}
		memset(m[2].p + DG_NTLM_MIC_AT, 0, 16);
		unhex(json_text(want, "exported_session_key"), exported, 16);
		dg_ntlm_mic(exported, dg_buf_str(&m[0]), dg_buf_str(&m[1]),
		    dg_buf_str(&m[2]), mic);
		expect(json_text(want, "mic"), mic, 16);
		for (size_t i = 0; i < N(m); i++)
			dg_buf_fini(&m[i]);
	}
	assert_true(n > 0);
}

static void
oem_text_goes_there_and_back(void **state)
{
	struct dg_buf oem, text;

	(void)state;
	dg_buf_init(&oem, 1000);
	dg_buf_init(&text, 1000);
	for (int c = 0x80; c < 0x100; c++) {
		char byte = (char)c;

		dg_buf_reset(&oem);
		dg_buf_reset(&text);
		assert_int_equal(dg_oem_read(&text, dg_str_of(&byte, 1)),
		    DG_OK);
		assert_int_equal(dg_oem_add(&oem, dg_buf_str(&text)), DG_OK);
		assert_int_equal(oem.n, 1);
		assert_int_equal((unsigned char)oem.p[0], c);
	}
	dg_buf_reset(&text);
	assert_int_equal(dg_oem_read(&text, DG_STR("jos\x82")), DG_OK);
	assert_string_equal(dg_buf_z(&text), "jos\xc3\xa9");
	dg_buf_reset(&text); /* what curl sends from a UTF-8 terminal */
	assert_int_equal(dg_oem_read(&text, DG_STR("jos\xc3\xa9")), DG_OK);
	assert_string_equal(dg_buf_z(&text), "jos\xc3\xa9");
	assert_int_equal(dg_oem_read(&text, DG_STR("a\0b")), DG_E_PROTO);
	dg_buf_reset(&oem);
	assert_int_equal(dg_oem_add(&oem, DG_STR("a\xd0\x96")), DG_E_PROTO);
	assert_int_equal(oem.n, 0);
	dg_buf_reset(&text);
	assert_int_equal(dg_latin1_read(&text, DG_STR("jos\xe9")), DG_OK);
	assert_string_equal(dg_buf_z(&text), "jos\xc3\xa9");
	dg_buf_fini(&oem);
	dg_buf_fini(&text);
}

static void
a_password_that_is_no_text_has_no_hash(void **state)
{
	uint8_t out[16];

	(void)state;
	assert_int_equal(dg_ntlm_nt_hash(DG_STR("\xff"), out), DG_E_PROTO);
	assert_int_equal(dg_ntlm_lm_hash(DG_STR("\xff"), out), DG_E_PROTO);
	assert_int_equal(dg_ntlm_lm_hash(DG_STR("12345678901234"), out), DG_OK);
	assert_int_equal(dg_ntlm_lm_hash(DG_STR("123456789012345"), out),
	    DG_E_PROTO);
	/* 14 letters, more bytes */
	assert_int_equal(
	    dg_ntlm_lm_hash(DG_STR("\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
				   "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
				   "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"),
		out),
	    DG_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_are_those_of_the_vectors),
		cmocka_unit_test(responses_and_keys_are_those_of_the_exchanges),
		cmocka_unit_test(a_mic_is_that_of_the_exchanges),
		cmocka_unit_test(oem_text_goes_there_and_back),
		cmocka_unit_test(a_password_that_is_no_text_has_no_hash),
	};
	int failed;

	vectors = json_load("tests/vectors/ntlm.json");
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	json_free(vectors);
	return failed;
}
