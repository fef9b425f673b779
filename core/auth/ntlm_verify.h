#ifndef CORE_AUTH_NTLM_VERIFY_H
#define CORE_AUTH_NTLM_VERIFY_H

#include "dragoman/auth/dialogue.h"
#include "dragoman/wire/ntlm.h"
#include "ntlm_hash.h"

/* ntlm_verify.h - is the answer (type 3) to what we said proof of a password?
 * Pure functions over one exchange. */

/* What came before the answer. */
struct dg_ntlm_said {
	struct dg_str type1, type2; /* bytes as on the wire */
	uint32_t flags;             /* of our type 2 */
	uint8_t challenge[8];
};

struct dg_ntlm_claim {
	struct dg_ntlm_authenticate m; /* views into the type 3 */
	struct dg_str user, domain;    /* as in m, as UTF-8 */
	enum dg_ntlm_kind kind;
	/* No NT response: LMv2 or LM, whichever of `take` fits. */
	bool is_lm_alone;
	unsigned take; /* DG_NTLM_LEVEL_* */
};

/* Judge by what we offered and by the lengths, never by type 3's flags, which
 * a client sets as it likes.  Fills kind and is_lm_alone from m and take;
 * level: take lacks it. */
enum dg_ntlm_reason dg_ntlm_claim_kind(struct dg_ntlm_claim *c,
    const struct dg_ntlm_said *s);
/* ok, bad_credentials or mic_mismatch; kind is now what was proved. */
enum dg_ntlm_reason dg_ntlm_claim_verify(struct dg_ntlm_claim *c,
    const struct dg_ntlm_said *s, const struct dg_credential *known);
/* "NTLMv2" ... */
const char *dg_ntlm_kind_name(enum dg_ntlm_kind k);

#endif
