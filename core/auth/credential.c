/* credential.c - from a password to what is stored about it.
 *
 * Why only hashes: NTLM and SCRAM need no more to verify, so that a stolen
 * users file does not hold what people use elsewhere.  (To NTLM itself the hash
 * is as good as the password: the file is as secret as one.)
 */
#include "dragoman/auth/users.h"

#include "dragoman/base/enc.h"
#include "dragoman/base/rand.h"
#include "mechanism.h"
#include "ntlm_hash.h"

enum dg_rc
dg_credential_make(struct dg_str password, bool with_lm,
    struct dg_credential *out, struct dg_err *e)
{
	struct dg_credential c = { .has_nt = true, .has_lm = with_lm };
	enum dg_rc rc = DG_OK;

	if (password.n == 0)
		return dg_fail(e, DG_E_CONFIG, 0, NULL,
		    "the password is empty");
	if (dg_ntlm_nt_hash(password, c.nt) != DG_OK)
		rc = dg_fail(e, DG_E_CONFIG, 0, NULL,
		    "the password is not valid UTF-8");
	else if (with_lm && dg_ntlm_lm_hash(password, c.lm) != DG_OK)
		rc = dg_fail(e, DG_E_CONFIG, 0, NULL,
		    "the password has no LM hash: it is longer than 14 "
		    "characters or has letters outside code page 850");
	if (rc == DG_OK)
		*out = c;
	dg_wipe(&c, sizeof(c));
	return rc;
}

bool
dg_credential_add_scram(struct dg_credential *c, enum dg_hash h,
    struct dg_str password, unsigned iterations)
{
	uint8_t salt[DG_SCRAM_SALT];

	dg_rand(salt, sizeof(salt));
	return dg_scram_key_make(h, password, dg_str_of(salt, sizeof(salt)),
	    iterations, &c->scram[h]);
}

bool
dg_credential_is_of(const struct dg_credential *c, struct dg_str password)
{
	return dg_credential_fits(c, password);
}

unsigned
dg_credential_mechs(const struct dg_credential *c)
{
	const unsigned clear =
	    DG_MECH_BIT(DG_MECH_LOGIN) | DG_MECH_BIT(DG_MECH_PLAIN);
	unsigned mechs = 0;

	if (c->has_nt)
		mechs |= DG_MECH_BIT(DG_MECH_NTLM) | clear;
	if (c->scram[DG_SHA_256].iterations > 0)
		mechs |= DG_MECH_BIT(DG_MECH_SCRAM_SHA_256) |
			 DG_MECH_BIT(DG_MECH_SCRAM_SHA_256_PLUS) | clear;
	if (c->scram[DG_SHA_1].iterations > 0)
		mechs |= DG_MECH_BIT(DG_MECH_SCRAM_SHA_1) |
			 DG_MECH_BIT(DG_MECH_SCRAM_SHA_1_PLUS) | clear;
	return mechs;
}

static enum dg_rc
add_hash(struct dg_buf *out, const char *scheme, const uint8_t hash[16])
{
	enum dg_rc rc = dg_buf_adds(out, scheme);

	return rc == DG_OK ? dg_hex_add(out, dg_str_of(hash, 16)) : rc;
}

/* As RFC 5803 has it: iterations, salt, StoredKey, ServerKey. */
static enum dg_rc
add_scram(struct dg_buf *out, enum dg_hash h, const struct dg_scram_key *k)
{
	const struct dg_str parts[] = {
		dg_str_of(k->salt, k->n_salt),
		dg_str_of(k->stored, dg_hash_size(h)),
		dg_str_of(k->server, dg_hash_size(h)),
	};
	enum dg_rc rc = dg_buf_addf(out, ":{scram-sha-%s}%u",
	    h == DG_SHA_1 ? "1" : "256", k->iterations);

	for (size_t i = 0; i < 3 && rc == DG_OK; i++) {
		rc = dg_buf_addc(out, ',');
		if (rc == DG_OK)
			rc = dg_base64_add(out, parts[i]);
	}
	return rc;
}

enum dg_rc
dg_users_line(struct dg_buf *out, struct dg_str user,
    const struct dg_credential *c)
{
	size_t was = out->n;
	enum dg_rc rc = dg_buf_add(out, user);

	if (rc == DG_OK && c->has_nt)
		rc = add_hash(out, ":{nt}", c->nt);
	if (rc == DG_OK && c->has_lm)
		rc = add_hash(out, ":{lm}", c->lm);
	for (unsigned h = DG_HASH_N; h-- > 0;)
		if (rc == DG_OK && c->scram[h].iterations > 0)
			rc = add_scram(out, (enum dg_hash)h, &c->scram[h]);
	if (rc != DG_OK)
		out->n = was;
	return rc;
}
