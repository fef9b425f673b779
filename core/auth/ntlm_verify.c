/* ntlm_verify.c - which kind of NTLM answer it is, and whether it proves the
 * password (MS-NLMP 3.3, 3.1.5.1.2, 3.2.5.1.2).
 *
 * Why apart from the acceptor: this is the part that must be right against
 * published exchanges, so it takes an exchange as values and has no state.
 * Every spelling of user and domain that a client may have hashed is computed,
 * whether an earlier one fitted or not: the time tells nothing.
 */
#include "ntlm_verify.h"

#include "dragoman/base/enc.h"
#include "dragoman/crypto/legacy.h"

static const struct {
	const char *name;
	unsigned level;
} kinds[] = {
	[DG_NTLM_KIND_V2] = { "NTLMv2", DG_NTLM_LEVEL_V2 },
	[DG_NTLM_KIND_LMV2] = { "LMv2", DG_NTLM_LEVEL_V2 },
	[DG_NTLM_KIND_NTLM2] = { "NTLM2", DG_NTLM_LEVEL_NTLM2 },
	[DG_NTLM_KIND_V1] = { "NTLMv1", DG_NTLM_LEVEL_V1 },
	[DG_NTLM_KIND_LM] = { "LM", DG_NTLM_LEVEL_LM },
};

const char *
dg_ntlm_kind_name(enum dg_ntlm_kind k)
{
	return kinds[k].name;
}

static const uint8_t *
octets(struct dg_str s)
{
	return (const uint8_t *)s.p;
}

enum dg_ntlm_reason
dg_ntlm_claim_kind(struct dg_ntlm_claim *c, const struct dg_ntlm_said *s)
{
	size_t nt = c->m.nt.bytes.n, lm = c->m.lm.bytes.n;
	bool is_extended = (s->flags & DG_NTLM_EXTENDED) != 0;

	c->is_lm_alone = false;
	if (nt > DG_NTLM_RESPONSE) {
		c->kind = DG_NTLM_KIND_V2;
	} else if (nt == DG_NTLM_RESPONSE && is_extended) {
		/* also when LM has no zero tail: a plain v1 answer to a
		 * challenge that offered better is the sign of a downgrade */
		c->kind = DG_NTLM_KIND_NTLM2;
		if (lm != DG_NTLM_RESPONSE)
			return DG_NTLM_R_lm_length;
	} else if (nt == DG_NTLM_RESPONSE) {
		c->kind = DG_NTLM_KIND_V1;
	} else if (lm == DG_NTLM_RESPONSE) {
		c->is_lm_alone = true;
		c->kind = c->take & DG_NTLM_LEVEL_V2 ? DG_NTLM_KIND_LMV2
						     : DG_NTLM_KIND_LM;
	} else {
		return DG_NTLM_R_nt_length;
	}
	if (!(kinds[c->kind].level & c->take))
		return DG_NTLM_R_level;
	return DG_NTLM_R_ok;
}

/* ---- v2 ---- */

/* The answer that is compared, and what was hashed with it. */
struct v2_answer {
	struct dg_str proof, rest;
};

static bool
fits_v2(const struct v2_answer *a, const uint8_t challenge[8],
    const uint8_t nt[16], struct dg_str user, struct dg_str domain,
    uint8_t key[16])
{
	uint8_t proof[16];

	if (dg_ntlm_v2_key(nt, user, domain, key) != DG_OK)
		return false;
	dg_ntlm_v2_proof(key, challenge, a->rest, proof);
	return dg_same_bytes(proof, a->proof.p, sizeof(proof)) != 0;
}

/* Upper case as in Windows' table, and as libraries do that know ASCII only;
 * 2 * AUTH names are short, so the caps hold. */
static void
upper_both(struct dg_str user, struct dg_buf *table, struct dg_buf *ascii)
{
	dg_buf_init(table, 4 * user.n);
	dg_buf_init(ascii, user.n);
	(void)dg_upper_add(table, user);
	(void)dg_buf_add(ascii, user);
	for (size_t i = 0; i < ascii->n; i++)
		if (ascii->p[i] >= 'a' && ascii->p[i] <= 'z')
			ascii->p[i] = (char)(ascii->p[i] - 'a' + 'A');
}

/* The domain is part of the proof: as sent, in upper case, or left out by
 * clients that show it but do not hash it (so does Samba's ntlm_check). */
static bool
verify_v2(const struct dg_ntlm_claim *c, const struct v2_answer *a,
    const uint8_t challenge[8], const uint8_t nt[16], uint8_t key[16])
{
	struct dg_buf upper_domain, users[2];
	bool is_proved = false;

	upper_both(c->user, &users[0], &users[1]);
	dg_buf_init(&upper_domain, 4 * c->domain.n);
	(void)dg_upper_add(&upper_domain, c->domain);
	const struct dg_str domains[] = { c->domain, dg_buf_str(&upper_domain),
		DG_STR("") };
	for (size_t i = 0; i < 6; i++) {
		uint8_t try[16];

		if (!fits_v2(a, challenge, nt, dg_buf_str(&users[i / 3]),
			domains[i % 3], try))
			continue;
		is_proved = true;
		memcpy(key, try, sizeof(try));
	}
	dg_buf_fini(&users[0]);
	dg_buf_fini(&users[1]);
	dg_buf_fini(&upper_domain);
	return is_proved;
}

/* Must there be a MIC, and does it fit?  The flag that says so is under the
 * proof: nobody without the password can clear it (CVE-2019-1040). */
static enum dg_ntlm_reason
verify_mic(const struct dg_ntlm_claim *c, const struct dg_ntlm_said *s,
    const uint8_t v2_key[16])
{
	const struct dg_ntlm_authenticate *m = &c->m;
	struct dg_ntlm_facts f = {
		.kind = DG_NTLM_KIND_V2,
		.flags = m->flags,
		.v2_key = v2_key,
		.nt_answer = m->nt.bytes,
	};
	uint8_t key[16], mic[16];
	struct dg_buf blank;
	struct dg_str v;
	int is_same;

	if (!dg_ntlm_av_find(dg_ntlm_blob_pairs(m->nt.bytes), DG_AV_FLAGS,
		&v) ||
	    !(v.p[0] & DG_AV_FLAG_MIC))
		return DG_NTLM_R_ok;
	if (!m->has_mic)
		return DG_NTLM_R_mic_mismatch;
	dg_ntlm_exchange_key(&f, key);
	if ((m->flags & DG_NTLM_KEY_EXCH) && m->key.bytes.n == sizeof(key))
		dg_rc4(dg_str_of(key, sizeof(key)), octets(m->key.bytes), mic,
		    sizeof(mic));
	else
		memcpy(mic, key, sizeof(mic));
	memcpy(key, mic, sizeof(key)); /* the exported key */
	dg_buf_init(&blank, DG_NTLM_MAX_MESSAGE);
	if (dg_buf_add(&blank, m->whole) != DG_OK)
		return DG_NTLM_R_too_long;
	memset(blank.p + m->mic_offset, 0, sizeof(m->mic));
	dg_ntlm_mic(key, s->type1, s->type2, dg_buf_str(&blank), mic);
	is_same = dg_same_bytes(mic, m->mic, sizeof(mic));
	dg_buf_fini(&blank);
	dg_wipe(key, sizeof(key));
	return is_same ? DG_NTLM_R_ok : DG_NTLM_R_mic_mismatch;
}

/* ---- v1 and LM ---- */

static bool
fits_24(const uint8_t hash[16], const uint8_t challenge[8],
    struct dg_str response)
{
	uint8_t answer[DG_NTLM_RESPONSE];

	dg_ntlm_answer(hash, challenge, answer);
	return dg_same_bytes(answer, response.p, sizeof(answer)) != 0;
}

/* Only the NT response counts where there is one: LM may be a copy of it. */
static bool
verify_24(const struct dg_ntlm_claim *c, const struct dg_ntlm_said *s,
    const struct dg_credential *known)
{
	uint8_t challenge[8];

	if (c->kind == DG_NTLM_KIND_LM)
		return fits_24(known->lm, s->challenge, c->m.lm.bytes) &&
		       known->has_lm;
	if (c->kind == DG_NTLM_KIND_NTLM2)
		dg_ntlm_mixed(s->challenge, octets(c->m.lm.bytes), challenge);
	else
		memcpy(challenge, s->challenge, sizeof(challenge));
	return fits_24(known->nt, challenge, c->m.nt.bytes) && known->has_nt;
}

enum dg_ntlm_reason
dg_ntlm_claim_verify(struct dg_ntlm_claim *c, const struct dg_ntlm_said *s,
    const struct dg_credential *known)
{
	struct dg_str all =
	    c->kind == DG_NTLM_KIND_V2 ? c->m.nt.bytes : c->m.lm.bytes;
	const struct v2_answer a = {
		.proof = dg_str_sub(all, 0, DG_NTLM_PROOF),
		.rest = dg_str_from(all, DG_NTLM_PROOF),
	};
	enum dg_ntlm_reason r = DG_NTLM_R_bad_credentials;
	uint8_t key[16] = { 0 };

	if (c->kind == DG_NTLM_KIND_V2 || c->kind == DG_NTLM_KIND_LMV2) {
		if (verify_v2(c, &a, s->challenge, known->nt, key) &&
		    known->has_nt)
			r = c->kind == DG_NTLM_KIND_V2 ? verify_mic(c, s, key)
						       : DG_NTLM_R_ok;
		dg_wipe(key, sizeof(key));
	} else if (verify_24(c, s, known)) {
		r = DG_NTLM_R_ok;
	}
	if (r == DG_NTLM_R_ok || !c->is_lm_alone ||
	    c->kind == DG_NTLM_KIND_LM || !(c->take & DG_NTLM_LEVEL_LM))
		return r;
	c->kind = DG_NTLM_KIND_LM; /* it was no LMv2 */
	return verify_24(c, s, known) ? DG_NTLM_R_ok : r;
}
