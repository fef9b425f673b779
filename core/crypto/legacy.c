/* legacy.c - MD4, single DES and RC4 for NTLM, and nothing else.
 *
 * Why libcrypto's deprecated functions: through EVP these three need the
 * legacy provider, a module that a distribution may leave out or that
 * OPENSSL_MODULES may hide; a relay that starts and then refuses each login is
 * worse than a deprecation warning.  The warnings are silenced in this file
 * only.  Nobody above may trust what these ciphers protect.
 */
#define OPENSSL_API_COMPAT 0x10100000L
#define OPENSSL_SUPPRESS_DEPRECATED

#include "dragoman/crypto/legacy.h"

#include <openssl/des.h>
#include <openssl/md4.h>
#include <openssl/rc4.h>

#include "dragoman/base/secret.h"

void
dg_md4(struct dg_str in, uint8_t out[16])
{
	MD4_CTX c;

	MD4_Init(&c);
	if (in.n > 0)
		MD4_Update(&c, in.p, in.n);
	MD4_Final(out, &c);
	dg_wipe(&c, sizeof(c));
}

/* Seven bits a byte, the parity bit left zero (MS-NLMP 6, "DES"). */
static void
spread(const uint8_t in[7], DES_cblock *out)
{
	unsigned rest = 0;

	for (unsigned i = 0; i < 7; i++) {
		(*out)[i] = (uint8_t)((rest << (8 - i) | in[i] >> i) & 0xfe);
		rest = in[i];
	}
	(*out)[7] = (uint8_t)(rest << 1);
}

void
dg_des(const uint8_t key7[7], const uint8_t in[8], uint8_t out[8])
{
	DES_cblock key, block;
	DES_key_schedule schedule;

	spread(key7, &key);
	DES_set_key_unchecked(&key, &schedule);
	memcpy(block, in, sizeof(block));
	DES_ecb_encrypt(&block, &block, &schedule, DES_ENCRYPT);
	memcpy(out, block, sizeof(block));
	dg_wipe(&key, sizeof(key));
	dg_wipe(&schedule, sizeof(schedule));
}

void
dg_rc4(struct dg_str key, const uint8_t *in, uint8_t *out, size_t n)
{
	RC4_KEY k;

	RC4_set_key(&k, (int)key.n, (const unsigned char *)key.p);
	RC4(&k, n, in, out);
	dg_wipe(&k, sizeof(k));
}
