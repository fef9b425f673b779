/* legacy_test.c - MD4, DES and RC4 against what is published, where OpenSSL's
 * legacy provider cannot be found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/crypto/digest.h"
#include "dragoman/crypto/legacy.h"
#include "tests/unit/support/hex.h"
#include "tests/unit/support/json.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* RFC 1320 A.5 */
static void
md4_is_that_of_rfc_1320(void **state)
{
	static const struct {
		struct dg_str text;
		const char *want;
	} cases[] = {
		{ DG_STR(""), "31d6cfe0d16ae931b73c59d7e0c089c0" },
		{ DG_STR("a"), "bde52cb31de33e46245e05fbdbd6fb24" },
		{ DG_STR("message digest"),
		    "d9130a8164549fe818874806e1c7014b" },
		{ DG_STR("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			 "0123456789"),
		    "043f8582f241db351ce627e153e7f0e4" },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		uint8_t want[16], got[16];

		unhex(cases[i].want, want, sizeof(want));
		dg_md4(cases[i].text, got);
		assert_memory_equal(got, want, sizeof(want));
	}
}

/* The 7 bytes are the 8-byte keys of the sources without their parity bits. */
static void
des_encrypts_one_block(void **state)
{
	static const struct {
		const char *why, *key7, *in, *out;
	} cases[] = {
		{ "FIPS 81, key 0123456789abcdef", "00451338957377",
		    "4e6f772069732074", "3fa40e8a984d4815" },
		{ "all zero", "00000000000000", "0000000000000000",
		    "8ca64de9c1b123a7" },
		{ "all ones", "ffffffffffffff", "ffffffffffffffff",
		    "7359b2163e4edc58" },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		uint8_t key[7], in[8], want[8];

		print_message("  %s\n", cases[i].why);
		unhex(cases[i].key7, key, sizeof(key));
		unhex(cases[i].in, in, sizeof(in));
		unhex(cases[i].out, want, sizeof(want));
		dg_des(key, in, in); /* in place */
		assert_memory_equal(in, want, sizeof(want));
	}
}

/* RFC 6229 2, the first bytes of the stream */
static void
rc4_makes_the_streams_of_rfc_6229(void **state)
{
	static const char *const cases[][2] = {
		{ "0102030405", "b2396305f03dc027ccc3524a0a1118a8" },
		{ "01020304050607", "293f02d47f37c9b633f2af5285feb46b" },
		{ "0102030405060708090a0b0c0d0e0f10",
		    "9ac7cc9a609d1ef7b2932899cde41b97" },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		uint8_t key[16], zero[16] = { 0 }, want[16];
		size_t n = unhex(cases[i][0], key, sizeof(key));

		unhex(cases[i][1], want, sizeof(want));
		dg_rc4(dg_str_of(key, n), zero, zero, sizeof(zero));
		assert_memory_equal(zero, want, sizeof(want));
	}
}

/* The first message of a sealed session: RC4 and HMAC as NTLM uses them. */
static void
sealed_messages_of_ntlm_come_out(void **state)
{
	struct json *all = json_load("tests/vectors/ntlm.json");
	const struct json *list = json_get(all, "session_security");
	size_t signed_ones = 0;

	(void)state;
	assert_true(list->n > 0);
	for (const struct json *j = list->child; j != NULL; j = j->next) {
		uint8_t key[16], text[16], want[16], sign[16], mac[16];
		size_t key_n =
		    unhex(json_text(j, "sealing_key"), key, sizeof(key));
		size_t n = unhex(json_text(j, "plaintext"), text, sizeof(text));
		struct dg_str pieces[] = { DG_STR("\0\0\0\0"),
			dg_str_of(text, n) };
		bool is_plain_mac = strstr(json_text(j, "id"), "no-key-exch");

		print_message("  %s\n", json_text(j, "id"));
		if (json_get(j, "signing_key") != NULL && is_plain_mac) {
			unhex(json_text(j, "signing_key"), sign, sizeof(sign));
			dg_hmac_md5(sign, pieces, N(pieces), mac);
			unhex(json_text(j, "signature"), want, sizeof(want));
			assert_memory_equal(mac, want + 4, 8);
			signed_ones++;
		}
		unhex(json_text(j, "ciphertext"), want, sizeof(want));
		dg_rc4(dg_str_of(key, key_n), text, text, n);
		assert_memory_equal(text, want, n);
	}
	assert_true(signed_ones > 0);
	json_free(all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(md4_is_that_of_rfc_1320),
		cmocka_unit_test(des_encrypts_one_block),
		cmocka_unit_test(rc4_makes_the_streams_of_rfc_6229),
		cmocka_unit_test(sealed_messages_of_ntlm_come_out),
	};

	/* before libcrypto looks: no provider module can be loaded */
	setenv("OPENSSL_MODULES", "/nonexistent", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
