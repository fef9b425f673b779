/* plain.c - PLAIN (RFC 4616), both roles: "\0user\0password" in one message.
 *
 * Why so little: the password itself is sent, so there is nothing to work out.
 * An authorization identity other than the user is refused: here nobody acts
 * for others.  The password stays in the dialogue's buffer, which is wiped.
 */
#include "mechanism.h"

#include "dragoman/base/enc.h"
#include "oem.h"

struct plain_acceptor {
	struct dg_acceptor base;
	struct dg_str password; /* in base.in */
};

/* Up to the next zero byte, or all that is left. */
static struct dg_str
take_part(struct dg_str *rest, bool *has_end)
{
	size_t n = dg_str_find(*rest, '\0');
	struct dg_str part = dg_str_sub(*rest, 0, n);

	*has_end = n < rest->n;
	*rest = dg_str_from(*rest, *has_end ? n + 1 : n);
	return part;
}

static enum dg_auth_step
accept_step(struct dg_acceptor *a, bool has_in, struct dg_str in,
    struct dg_buf *out)
{
	struct plain_acceptor *p = (struct plain_acceptor *)a;
	struct dg_str as, user;
	bool has_as, has_user, has_more;

	(void)out;
	if (!has_in)
		return DG_AUTH_SEND; /* "334 " */
	as = take_part(&in, &has_as);
	user = take_part(&in, &has_user);
	p->password = take_part(&in, &has_more);
	if (!has_as || !has_user || has_more || user.n == 0 ||
	    p->password.n == 0 || dg_latin1_read(&a->user, user) != DG_OK) {
		(void)dg_buf_adds(&a->log, ": not user and password");
		return DG_AUTH_FAIL;
	}
	dg_acceptor_identify(a);
	if (as.n > 0 && !dg_str_ieq(as, user)) {
		(void)dg_buf_adds(&a->log, ": wants to act for another user");
		return DG_AUTH_FAIL;
	}
	return DG_AUTH_ASK;
}

static bool
is_proved(struct dg_acceptor *a, const struct dg_credential *c)
{
	struct plain_acceptor *p = (struct plain_acceptor *)a;

	a->strength = "PLAIN";
	if (dg_credential_fits(c, p->password))
		return true;
	(void)dg_buf_adds(&a->log, ": wrong password");
	return false;
}

const struct acceptor_ops dg_plain_acceptor_ops = {
	.size = sizeof(struct plain_acceptor),
	.step = accept_step,
	.is_proved = is_proved,
};

static enum dg_auth_step
first(struct dg_initiator *i, struct dg_buf *out, bool *has_initial,
    struct dg_err *e)
{
	const struct dg_secret *password = i->login->password;
	struct dg_buf text;
	enum dg_rc rc;

	if (password == NULL)
		return dg_initiator_fail(e,
		    "PLAIN needs the password, and only its hash is known");
	dg_buf_init(&text, AUTH_TOKEN_MAX);
	rc = dg_buf_addc(&text, '\0');
	if (rc == DG_OK)
		rc = dg_login_name(&text, i->login);
	if (rc == DG_OK)
		rc = dg_buf_addc(&text, '\0');
	if (rc == DG_OK)
		rc = dg_buf_add(&text, dg_str_of(password->p, password->n));
	if (rc == DG_OK)
		rc = dg_base64_add(out, dg_buf_str(&text));
	dg_buf_wipe(&text);
	dg_buf_fini(&text);
	if (rc != DG_OK)
		return dg_initiator_fail(e, "user and password are too long");
	dg_auth_log_name(&i->log, "user", i->login->user);
	*has_initial = true;
	return DG_AUTH_OK;
}

const struct initiator_ops dg_plain_initiator_ops = {
	.size = sizeof(struct dg_initiator),
	.first = first,
};
