#ifndef DRAGOMAN_CRYPTO_KEYED_H
#define DRAGOMAN_CRYPTO_KEYED_H

#include "dragoman/base/str.h"

/* keyed.h - what SCRAM is made of: a digest, HMAC and PBKDF2 by SHA-1 or
 * SHA-256 (RFC 2104, RFC 8018 5.2). */
enum dg_hash { DG_SHA_1, DG_SHA_256, DG_HASH_N };
enum {
	DG_HASH_MAX = 32
};
size_t dg_hash_size(enum dg_hash h);
/* out has room for dg_hash_size bytes, in each of them. */
void dg_hash(enum dg_hash h, struct dg_str in, uint8_t *out);
void dg_hmac(enum dg_hash h, struct dg_str key, struct dg_str in,
    uint8_t *out);
/* One block; iterations >= 1. */
void dg_pbkdf2(enum dg_hash h, struct dg_str password, struct dg_str salt,
    unsigned iterations, uint8_t *out);

#endif
