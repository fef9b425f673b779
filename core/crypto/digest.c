/* digest.c - MD5, SHA-256 and HMAC-MD5 over pieces.
 *
 * Why a context a thread and algorithms fetched once: with OpenSSL 3 creating
 * a context and looking up "MD5" cost more than hashing the few hundred bytes
 * of a login.  HMAC is written out (RFC 2104 2) because it is two digests.
 * A digest that fails means that libcrypto is unusable: we stop, because no
 * login could be told from a forged one.
 */
#include "dragoman/crypto/digest.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/log.h"
#include "dragoman/base/secret.h"

enum {
	HMAC_BLOCK = 64
};

/* Written once by setup(), read-only afterwards. */
static struct {
	pthread_once_t once;
	pthread_key_t context;
	EVP_MD *md5, *sha256;
} libcrypto = { .once = PTHREAD_ONCE_INIT };

static _Noreturn void
unusable(void)
{
	dg_log(DG_LOG_ERROR, "fatal",
	    dg_kv_z("what", "libcrypto cannot compute a digest"));
	abort();
}

static void
free_context(void *c)
{
	EVP_MD_CTX_free(c);
}

static void
setup(void)
{
	libcrypto.md5 = EVP_MD_fetch(NULL, "MD5", NULL);
	libcrypto.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (libcrypto.md5 == NULL || libcrypto.sha256 == NULL ||
	    pthread_key_create(&libcrypto.context, free_context) != 0)
		unusable();
}

static EVP_MD_CTX *
context(void)
{
	EVP_MD_CTX *c;

	pthread_once(&libcrypto.once, setup);
	c = pthread_getspecific(libcrypto.context);
	if (c != NULL)
		return c;
	c = EVP_MD_CTX_new();
	if (c == NULL || pthread_setspecific(libcrypto.context, c) != 0)
		unusable();
	return c;
}

static void
begin(EVP_MD_CTX *c, const EVP_MD *md)
{
	if (EVP_DigestInit_ex2(c, md, NULL) != 1)
		unusable();
}

static void
add(EVP_MD_CTX *c, const struct dg_str *pieces, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (pieces[i].n > 0 &&
		    EVP_DigestUpdate(c, pieces[i].p, pieces[i].n) != 1)
			unusable();
}

static void
end(EVP_MD_CTX *c, uint8_t *out)
{
	if (EVP_DigestFinal_ex(c, out, NULL) != 1)
		unusable();
}

void
dg_md5(const struct dg_str *pieces, size_t n, uint8_t out[16])
{
	EVP_MD_CTX *c = context();

	begin(c, libcrypto.md5);
	add(c, pieces, n);
	end(c, out);
}

void
dg_sha256(const struct dg_str *pieces, size_t n, uint8_t out[32])
{
	EVP_MD_CTX *c = context();

	begin(c, libcrypto.sha256);
	add(c, pieces, n);
	end(c, out);
}

void
dg_hmac_md5(const uint8_t key[16], const struct dg_str *pieces, size_t n,
    uint8_t out[16])
{
	uint8_t pad[HMAC_BLOCK] = { 0 }, inner[16] = { 0 };
	struct dg_str block = dg_str_of(pad, sizeof(pad));
	struct dg_str middle = dg_str_of(inner, sizeof(inner));
	EVP_MD_CTX *c = context();

	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] = (i < 16 ? key[i] : 0) ^ 0x36;
	begin(c, libcrypto.md5);
	add(c, &block, 1);
	add(c, pieces, n);
	end(c, inner);
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36 ^ 0x5c;
	begin(c, libcrypto.md5);
	add(c, &block, 1);
	add(c, &middle, 1);
	end(c, out);
	dg_wipe(pad, sizeof(pad));
	dg_wipe(inner, sizeof(inner));
}
