/* ntlm_hash.c - the arithmetic of NTLM (MS-NLMP 3.3 and 3.4).
 *
 * Why apart from acceptor and initiator: both compute the same, and published
 * vectors test exactly this.  Decides nothing: what may be used when is said
 * by the two roles.  What was a key is wiped here.
 */
#include "ntlm_hash.h"

#include "dragoman/base/enc.h"
#include "dragoman/base/secret.h"
#include "dragoman/crypto/digest.h"
#include "dragoman/crypto/legacy.h"
#include "dragoman/wire/ntlm.h"
#include "oem.h"

enum {
	LM_CHARS = 14
};

enum dg_rc
dg_ntlm_nt_hash(struct dg_str password, uint8_t out[16])
{
	struct dg_buf wide;
	enum dg_rc rc;

	dg_buf_init(&wide, 2 * password.n);
	rc = dg_utf16_add(&wide, password);
	if (rc == DG_OK)
		dg_md4(dg_buf_str(&wide), out);
	dg_buf_wipe(&wide);
	dg_buf_fini(&wide);
	return rc;
}

enum dg_rc
dg_ntlm_lm_hash(struct dg_str password, uint8_t out[16])
{
	static const uint8_t text[] = "KGS!@#$%";
	uint8_t key[LM_CHARS] = { 0 };
	struct dg_buf upper, oem;
	enum dg_rc rc;

	dg_buf_init(&upper, 2 * password.n);
	dg_buf_init(&oem, LM_CHARS);
	rc = dg_upper_add(&upper, password);
	if (rc == DG_OK)
		rc = dg_oem_add(&oem, dg_buf_str(&upper));
	if (rc == DG_OK) {
		memcpy(key, dg_buf_str(&oem).p, oem.n);
		dg_des(key, text, out);
		dg_des(key + 7, text, out + 8);
	}
	dg_wipe(key, sizeof(key));
	dg_buf_wipe(&upper);
	dg_buf_wipe(&oem);
	dg_buf_fini(&upper);
	dg_buf_fini(&oem);
	return rc == DG_OK ? DG_OK : DG_E_PROTO;
}

void
dg_ntlm_answer(const uint8_t hash[16], const uint8_t challenge[8],
    uint8_t out[24])
{
	uint8_t last[7] = { hash[14], hash[15] };

	dg_des(hash, challenge, out);
	dg_des(hash + 7, challenge, out + 8);
	dg_des(last, challenge, out + 16);
	dg_wipe(last, sizeof(last));
}

void
dg_ntlm_mixed(const uint8_t server[8], const uint8_t client[8], uint8_t out[8])
{
	const struct dg_str pieces[] = { dg_str_of(server, 8),
		dg_str_of(client, 8) };
	uint8_t md[16];

	dg_md5(pieces, 2, md);
	memcpy(out, md, 8);
}

enum dg_rc
dg_ntlm_v2_key(const uint8_t nt[16], struct dg_str upper_user,
    struct dg_str domain, uint8_t out[16])
{
	struct dg_buf wide;
	enum dg_rc rc;

	dg_buf_init(&wide, (size_t)4 * DG_NTLM_NAME_MAX);
	rc = dg_utf16_add(&wide, upper_user);
	if (rc == DG_OK)
		rc = dg_utf16_add(&wide, domain);
	if (rc == DG_OK) {
		struct dg_str names = dg_buf_str(&wide);

		dg_hmac_md5(nt, &names, 1, out);
	}
	dg_buf_fini(&wide);
	return rc;
}

void
dg_ntlm_v2_proof(const uint8_t key[16], const uint8_t challenge[8],
    struct dg_str rest, uint8_t out[16])
{
	const struct dg_str pieces[] = { dg_str_of(challenge, 8), rest };

	dg_hmac_md5(key, pieces, 2, out);
}

void
dg_ntlm_base_key(const struct dg_ntlm_facts *f, uint8_t out[16])
{
	struct dg_str proof =
	    dg_str_sub(f->kind == DG_NTLM_KIND_V2 ? f->nt_answer : f->lm_answer,
		0, 16);

	switch (f->kind) {
	case DG_NTLM_KIND_V2:
	case DG_NTLM_KIND_LMV2:
		dg_hmac_md5(f->v2_key, &proof, 1, out);
		break;
	case DG_NTLM_KIND_NTLM2:
	case DG_NTLM_KIND_V1:
		dg_md4(dg_str_of(f->nt, 16), out);
		break;
	case DG_NTLM_KIND_LM:
		memset(out, 0, 16);
		memcpy(out, f->lm, 8);
		break;
	}
}

/* KXKEY with LM_KEY: the LM response under the LM hash (MS-NLMP 3.4.5.1). */
static void
lm_key(const struct dg_ntlm_facts *f, uint8_t out[16])
{
	uint8_t second[7] = { f->lm[7], 0xbd, 0xbd, 0xbd, 0xbd, 0xbd, 0xbd };
	uint8_t text[8] = { 0 };
	struct dg_str answer = dg_str_sub(f->lm_answer, 0, sizeof(text));

	memcpy(text, answer.p, answer.n);
	dg_des(f->lm, text, out);
	dg_des(second, text, out + 8);
	dg_wipe(second, sizeof(second));
}

void
dg_ntlm_exchange_key(const struct dg_ntlm_facts *f, uint8_t out[16])
{
	uint8_t base[16];

	dg_ntlm_base_key(f, base);
	if (f->kind == DG_NTLM_KIND_V2 || f->kind == DG_NTLM_KIND_LMV2) {
		memcpy(out, base, sizeof(base));
	} else if (f->flags & DG_NTLM_EXTENDED) {
		dg_ntlm_v2_proof(base, f->challenge,
		    dg_str_sub(f->lm_answer, 0, 8), out);
	} else if ((f->flags & DG_NTLM_LM_KEY) && f->lm != NULL) {
		lm_key(f, out);
	} else if ((f->flags & DG_NTLM_NON_NT_KEY) && f->lm != NULL) {
		memset(out, 0, 16);
		memcpy(out, f->lm, 8);
	} else {
		memcpy(out, base, sizeof(base));
	}
	dg_wipe(base, sizeof(base));
}

void
dg_ntlm_mic(const uint8_t exported[16], struct dg_str type1,
    struct dg_str type2, struct dg_str type3, uint8_t out[16])
{
	const struct dg_str messages[] = { type1, type2, type3 };

	dg_hmac_md5(exported, messages, 3, out);
}
