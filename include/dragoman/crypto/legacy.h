#ifndef DRAGOMAN_CRYPTO_LEGACY_H
#define DRAGOMAN_CRYPTO_LEGACY_H

#include "dragoman/base/str.h"

/*
 * legacy.h - MD4, single DES, RC4: three functions, so that another library
 * can stand in where libcrypto drops them.  They work without OpenSSL's legacy
 * provider.
 */
void dg_md4(struct dg_str in, uint8_t out[16]);
/* One block; 56-bit key in 7 bytes, spread over 8 with parity ignored. */
void dg_des(const uint8_t key7[7], const uint8_t in[8], uint8_t out[8]);
void dg_rc4(struct dg_str key, const uint8_t *in, uint8_t *out, size_t n);

#endif
