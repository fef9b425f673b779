/* credential.c - from a password to what is stored about it.
 *
 * Why only hashes: NTLM needs no more to verify, so that a stolen users file
 * does not hold what people use elsewhere.  (To NTLM itself the hash is as
 * good as the password: the file is as secret as one.)
 */
#include "dragoman/auth/users.h"

#include "dragoman/base/enc.h"
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

enum dg_rc
dg_users_line(struct dg_buf *out, struct dg_str user,
    const struct dg_credential *c)
{
	size_t was = out->n;
	enum dg_rc rc = dg_buf_add(out, user);

	if (rc == DG_OK)
		rc = dg_buf_adds(out, ":{nt}");
	if (rc == DG_OK)
		rc = dg_hex_add(out, dg_str_of(c->nt, sizeof(c->nt)));
	if (rc == DG_OK && c->has_lm)
		rc = dg_buf_adds(out, ":{lm}");
	if (rc == DG_OK && c->has_lm)
		rc = dg_hex_add(out, dg_str_of(c->lm, sizeof(c->lm)));
	if (rc != DG_OK)
		out->n = was;
	return rc;
}
