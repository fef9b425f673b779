/* external.c - EXTERNAL (RFC 4422 A), both roles: who we are was said in TLS.
 *
 * The message is the name to act under, and empty for the certificate's own.
 * Which name a certificate has, and whether it is to be believed, is the
 * owner's to know; here nobody acts for others.
 */
#include "mechanism.h"

#include "dragoman/base/enc.h"

static enum dg_auth_step
accept_step(struct dg_acceptor *a, bool has_in, struct dg_str in,
    struct dg_buf *out)
{
	(void)out;
	if (!has_in)
		return DG_AUTH_SEND; /* "334 " */
	if (!dg_auth_is_name(a->o.certificate)) {
		(void)dg_buf_adds(&a->log, ": no client certificate");
		return DG_AUTH_FAIL;
	}
	(void)dg_buf_add(&a->user, a->o.certificate);
	dg_acceptor_identify(a);
	if (in.n > 0 && !dg_str_ieq(in, a->o.certificate)) {
		(void)dg_buf_adds(&a->log, ": wants to act for another user");
		return DG_AUTH_FAIL;
	}
	return DG_AUTH_ASK;
}

/* The proof was TLS's; whether the account is there, the dialogue looks. */
static bool
is_proved(struct dg_acceptor *a, const struct dg_credential *c)
{
	(void)c;
	a->strength = "EXTERNAL";
	return true;
}

const struct acceptor_ops dg_external_acceptor_ops = {
	.size = sizeof(struct dg_acceptor),
	.step = accept_step,
	.is_proved = is_proved,
};

static enum dg_auth_step
first(struct dg_initiator *i, struct dg_buf *out, bool *has_initial,
    struct dg_err *e)
{
	if (i->login->user.n > 0 && !dg_auth_is_name(i->login->user))
		return dg_initiator_fail(e, "the user's name cannot be said");
	if (dg_base64_add(out, i->login->user) != DG_OK)
		return dg_initiator_fail(e, "the user name is too long");
	dg_auth_log_name(&i->log, "user", i->login->user);
	*has_initial = true;
	return DG_AUTH_OK;
}

const struct initiator_ops dg_external_initiator_ops = {
	.size = sizeof(struct dg_initiator),
	.first = first,
};
