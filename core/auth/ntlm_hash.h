#ifndef CORE_AUTH_NTLM_HASH_H
#define CORE_AUTH_NTLM_HASH_H

#include "dragoman/base/err.h"
#include "dragoman/base/str.h"

/* ntlm_hash.h - hashes, responses and keys of NTLM (MS-NLMP 3.3, 3.4). */

/* Names are UTF-8.  DG_E_PROTO: the password is no UTF-8. */
enum dg_rc dg_ntlm_nt_hash(struct dg_str password, uint8_t out[16]);
/* DG_E_PROTO: it has none (over 14 characters, or not in code page 850). */
enum dg_rc dg_ntlm_lm_hash(struct dg_str password, uint8_t out[16]);
/* LM and v1 responses; with the challenge of dg_ntlm_mixed: NTLM2's. */
void dg_ntlm_answer(const uint8_t hash[16], const uint8_t challenge[8],
    uint8_t out[24]);
void dg_ntlm_mixed(const uint8_t server[8], const uint8_t client[8],
    uint8_t out[8]);
/* The key of v2 answers.  user is upper case already, domain as in type 3;
 * DG_E_PROTO: no UTF-8, DG_E_LIMIT: over DG_NTLM_NAME_MAX bytes. */
enum {
	DG_NTLM_NAME_MAX = 1024
};
enum dg_rc dg_ntlm_v2_key(const uint8_t nt[16], struct dg_str upper_user,
    struct dg_str domain, uint8_t out[16]);
/* rest: what follows the proof in the response (NTLMv2: the blob; LMv2: the
 * client's challenge). */
void dg_ntlm_v2_proof(const uint8_t key[16], const uint8_t challenge[8],
    struct dg_str rest, uint8_t out[16]);

enum dg_ntlm_kind {
	DG_NTLM_KIND_V2,
	DG_NTLM_KIND_LMV2,
	DG_NTLM_KIND_NTLM2,
	DG_NTLM_KIND_V1,
	DG_NTLM_KIND_LM,
};

/* What the keys of an answered exchange are made of. */
struct dg_ntlm_facts {
	enum dg_ntlm_kind kind;
	uint32_t flags;           /* of type 3 */
	const uint8_t *challenge; /* the server's, 8 bytes */
	const uint8_t *nt;        /* 16 bytes; not for LM alone */
	const uint8_t *lm;        /* 16 bytes; for LM alone, LM_KEY, NON_NT */
	const uint8_t *v2_key;    /* 16 bytes; for v2 and LMv2 */
	struct dg_str lm_answer, nt_answer;
};
void dg_ntlm_base_key(const struct dg_ntlm_facts *f, uint8_t out[16]);
void dg_ntlm_exchange_key(const struct dg_ntlm_facts *f, uint8_t out[16]);
/* Over the bytes as sent; the third with zeros where its MIC stands. */
void dg_ntlm_mic(const uint8_t exported[16], struct dg_str type1,
    struct dg_str type2, struct dg_str type3, uint8_t out[16]);

#endif
