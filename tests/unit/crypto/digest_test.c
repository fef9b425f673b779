/* digest_test.c - what the standards publish, in one piece and in several. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "dragoman/crypto/digest.h"
#include "tests/unit/support/hex.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

typedef void digest_fn(const struct dg_str *pieces, size_t n, uint8_t *out);

static void
expect(digest_fn *f, struct dg_str text, const char *hex)
{
	uint8_t want[32], got[32];
	size_t n = unhex(hex, want, sizeof(want));

	f(&text, 1, got);
	assert_memory_equal(got, want, n);
	for (size_t cut = 0; cut <= text.n; cut++) {
		struct dg_str pieces[] = { dg_str_sub(text, 0, cut), DG_NOSTR,
			dg_str_from(text, cut) };

		f(pieces, N(pieces), got);
		assert_memory_equal(got, want, n);
	}
}

static void
md5_and_sha256_are_those_of_the_standards(void **state)
{
	(void)state;
	/* RFC 1321 A.5 */
	expect(dg_md5, DG_STR(""), "d41d8cd98f00b204e9800998ecf8427e");
	expect(dg_md5, DG_STR("abc"), "900150983cd24fb0d6963f7d28e17f72");
	expect(dg_md5,
	    DG_STR("12345678901234567890123456789012345678901234567890123456789"
		   "012345678901234567890"),
	    "57edf4a22be3c955ac49da2e2107b67a");
	/* FIPS 180-4, the examples of NIST */
	expect(dg_sha256, DG_STR("abc"),
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	expect(dg_sha256,
	    DG_STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
	    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

/* RFC 2202 2, those with a key of 16 bytes */
static void
hmac_md5_is_that_of_rfc_2202(void **state)
{
	static const struct {
		const char *why, *key, *data, *want;
	} cases[] = {
		{ "case 1", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
		    "4869205468657265", "9294727a3638bb1c13f48ef8158bfc9d" },
		{ "case 3", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		    "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
		    "dddddddddddddddddddddddddddddddddddddddddd",
		    "56be34521d144c88dbb8c733f0e8b3f6" },
		{ "case 5", "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c",
		    "546573742057697468205472756e636174696f6e",
		    "56461ef2342edc00f9bab995690efd4c" },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		uint8_t key[16], data[64], want[16], got[16];
		size_t n = unhex(cases[i].data, data, sizeof(data));

		print_message("  %s\n", cases[i].why);
		unhex(cases[i].key, key, sizeof(key));
		unhex(cases[i].want, want, sizeof(want));
		struct dg_str pieces[] = { dg_str_of(data, 3),
			dg_str_of(data + 3, n - 3) };
		dg_hmac_md5(key, pieces, N(pieces), got);
		assert_memory_equal(got, want, sizeof(want));
	}
}

static void *
digest_much(void *wrong)
{
	struct dg_str text = DG_STR("abc");
	uint8_t want[16], got[16];

	unhex("900150983cd24fb0d6963f7d28e17f72", want, sizeof(want));
	for (int i = 0; i < 1000; i++) {
		dg_md5(&text, 1, got);
		if (memcmp(got, want, sizeof(want)) != 0)
			*(bool *)wrong = true;
	}
	return NULL;
}

static void
threads_do_not_disturb_each_other(void **state)
{
	pthread_t t[4];
	bool wrong[N(t)] = { false };

	(void)state;
	for (size_t i = 0; i < N(t); i++)
		assert_int_equal(pthread_create(&t[i], NULL, digest_much,
				     &wrong[i]),
		    0);
	for (size_t i = 0; i < N(t); i++) {
		pthread_join(t[i], NULL);
		assert_false(wrong[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(md5_and_sha256_are_those_of_the_standards),
		cmocka_unit_test(hmac_md5_is_that_of_rfc_2202),
		cmocka_unit_test(threads_do_not_disturb_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
