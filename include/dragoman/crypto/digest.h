#ifndef DRAGOMAN_CRYPTO_DIGEST_H
#define DRAGOMAN_CRYPTO_DIGEST_H

#include "dragoman/base/str.h"

/* digest.h - MD5, SHA-256, HMAC-MD5 over one or several pieces. */
void dg_md5(const struct dg_str *pieces, size_t n, uint8_t out[16]);
void dg_hmac_md5(const uint8_t key[16], const struct dg_str *pieces, size_t n,
    uint8_t out[16]);
void dg_sha256(const struct dg_str *pieces, size_t n, uint8_t out[32]);

#endif
