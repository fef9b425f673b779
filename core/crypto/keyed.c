/* keyed.c - digest, HMAC and PBKDF2 by SHA-1 or SHA-256.
 *
 * Why beside digest.c: there every byte of NTLM's speed counts, here thousands
 * of iterations are the point.  What fails means that libcrypto is unusable: we
 * stop, because no login could be told from a forged one.
 */
#include "dragoman/crypto/keyed.h"

#include <limits.h>
#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "dragoman/base/log.h"

static const EVP_MD *
method(enum dg_hash h)
{
	return h == DG_SHA_1 ? EVP_sha1() : EVP_sha256();
}

static void
must(bool ok)
{
	if (ok)
		return;
	dg_log(DG_LOG_ERROR, "fatal",
	    dg_kv_z("what", "libcrypto cannot compute a digest"));
	abort();
}

size_t
dg_hash_size(enum dg_hash h)
{
	return h == DG_SHA_1 ? 20 : 32;
}

void
dg_hash(enum dg_hash h, struct dg_str in, uint8_t *out)
{
	must(EVP_Digest(in.p, in.n, out, NULL, method(h), NULL) == 1);
}

void
dg_hmac(enum dg_hash h, struct dg_str key, struct dg_str in, uint8_t *out)
{
	unsigned n = 0;

	/* no key is not the same as an empty one to libcrypto */
	must(key.n <= INT_MAX &&
	     HMAC(method(h), key.n > 0 ? key.p : "", (int)key.n,
		 (const unsigned char *)in.p, in.n, out, &n) != NULL);
}

void
dg_pbkdf2(enum dg_hash h, struct dg_str password, struct dg_str salt,
    unsigned iterations, uint8_t *out)
{
	must(password.n <= INT_MAX && salt.n <= INT_MAX && iterations >= 1 &&
	     iterations <= INT_MAX &&
	     PKCS5_PBKDF2_HMAC(password.n > 0 ? password.p : "",
		 (int)password.n, (const unsigned char *)salt.p, (int)salt.n,
		 (int)iterations, method(h), (int)dg_hash_size(h), out) == 1);
}
