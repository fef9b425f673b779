/* keyed_test.c - HMAC and PBKDF2 against published numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/crypto/keyed.h"
#include "tests/unit/support/hex.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void
expect(const char *hex, const uint8_t *got, enum dg_hash h)
{
	uint8_t want[DG_HASH_MAX];

	assert_int_equal(unhex(hex, want, sizeof(want)), dg_hash_size(h));
	assert_memory_equal(got, want, dg_hash_size(h));
}

/* FIPS 180 "abc"; RFC 2202 3 and RFC 4231 4.3, case 2 */
static void
digests_and_hmacs_are_those_published(void **state)
{
	uint8_t out[DG_HASH_MAX];

	(void)state;
	dg_hash(DG_SHA_1, DG_STR("abc"), out);
	expect("a9993e364706816aba3e25717850c26c9cd0d89d", out, DG_SHA_1);
	dg_hash(DG_SHA_256, DG_STR("abc"), out);
	expect("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a"
	       "d",
	    out, DG_SHA_256);
	dg_hmac(DG_SHA_1, DG_STR("Jefe"),
	    DG_STR("what do ya want for nothing?"), out);
	expect("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79", out, DG_SHA_1);
	dg_hmac(DG_SHA_256, DG_STR("Jefe"),
	    DG_STR("what do ya want for nothing?"), out);
	expect("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec384"
	       "3",
	    out, DG_SHA_256);
	dg_hmac(DG_SHA_256, DG_STR(""), DG_STR(""), out);
	expect("b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5a"
	       "d",
	    out, DG_SHA_256);
}

/* RFC 6070 2; RFC 7914 11 (its first 32 bytes are another length: the second
 * is by hashlib of Python) */
static void
pbkdf2_is_that_published(void **state)
{
	uint8_t out[DG_HASH_MAX];

	(void)state;
	dg_pbkdf2(DG_SHA_1, DG_STR("password"), DG_STR("salt"), 4096, out);
	expect("4b007901b765489abead49d926f721d065a429c1", out, DG_SHA_1);
	dg_pbkdf2(DG_SHA_256, DG_STR("password"), DG_STR("salt"), 4096, out);
	expect("c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134"
	       "a",
	    out, DG_SHA_256);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests_and_hmacs_are_those_published),
		cmocka_unit_test(pbkdf2_is_that_published),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
