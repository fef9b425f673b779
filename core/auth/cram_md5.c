/* cram_md5.c - CRAM-MD5 as a client (RFC 2195): a challenge, the user and an
 * HMAC over it.
 *
 * Why not as a server: it would need the password itself, and a users file
 * holds only what is made of it (dg_mech_untakable).
 */
#include "mechanism.h"

#include "dragoman/base/enc.h"
#include "sasl.h"

enum {
	CHALLENGE_MAX = 1024
};

static enum dg_auth_step
first(struct dg_initiator *i, struct dg_buf *out, bool *has_initial,
    struct dg_err *e)
{
	(void)out;
	*has_initial = false;
	if (i->login->password == NULL)
		return dg_initiator_fail(e,
		    "CRAM-MD5 needs the password, and only its hash is known");
	return DG_AUTH_SEND;
}

static enum dg_auth_step
answer(struct dg_initiator *i, struct dg_sasl *l, struct dg_buf *out,
    struct dg_err *e)
{
	const struct dg_secret *password = i->login->password;
	struct dg_buf text;
	enum dg_auth_step step = DG_AUTH_OK;

	dg_buf_init(&text, AUTH_TOKEN_MAX);
	if (dg_login_name(&text, i->login) != DG_OK ||
	    !dg_auth_is_name(dg_buf_str(&text)))
		step = dg_initiator_fail(e, "the user name is too long");
	dg_sasl_set(l, DG_SASL_USER, dg_buf_str(&text));
	dg_sasl_set(l, DG_SASL_PASSWORD, dg_str_of(password->p, password->n));
	dg_buf_reset(&text);
	if (step == DG_AUTH_OK &&
	    (dg_sasl_step(l, dg_buf_str(&i->in), &text) == DG_SASL_BAD ||
		dg_base64_add(out, dg_buf_str(&text)) != DG_OK))
		step = dg_initiator_fail(e, "no answer can be made: %s",
		    dg_sasl_why(l));
	dg_buf_fini(&text);
	return step;
}

static enum dg_auth_step
step(struct dg_initiator *i, struct dg_str text, struct dg_buf *out,
    struct dg_err *e)
{
	struct dg_sasl *l;
	enum dg_auth_step did;

	dg_buf_reset(&i->in);
	if (dg_base64_read(&i->in, dg_str_trim(text)) != DG_OK)
		return dg_initiator_fail(e,
		    "the server's challenge is no base64");
	if (i->in.n == 0 || i->in.n > CHALLENGE_MAX ||
	    memchr(i->in.p, '\0', i->in.n) != NULL)
		return dg_initiator_fail(e, "the server's challenge is none");
	l = dg_sasl_new("CRAM-MD5", false);
	did = answer(i, l, out, e);
	dg_sasl_free(l);
	dg_auth_log_name(&i->log, "user", i->login->user);
	return did;
}

const struct initiator_ops dg_cram_initiator_ops = {
	.size = sizeof(struct dg_initiator),
	.first = first,
	.step = step,
};
