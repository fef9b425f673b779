/* login.c - LOGIN, both roles: a prompt, the user, a prompt, the password.
 *
 * Never standardised (draft-murchison-sasl-login, MS-XLOGIN), so clients and
 * servers are taken as they come: the user may stand on the verb line, in
 * base64 or (said by policy) in clear, and the words of the prompts mean
 * nothing: the first is answered with the user, the second with the password.
 */
#include "mechanism.h"

#include "dragoman/base/enc.h"
#include "oem.h"

/* ---- acceptor ---- */

struct login_acceptor {
	struct dg_acceptor base;
	bool has_user;
	struct dg_str password; /* in base.in */
};

static enum dg_auth_step
prompt(struct dg_acceptor *a, struct dg_str text, struct dg_buf *out)
{
	if (dg_base64_add(out, text) == DG_OK)
		return DG_AUTH_SEND;
	(void)dg_buf_adds(&a->log, ": prompt too long");
	return DG_AUTH_FAIL;
}

static enum dg_auth_step
on_user(struct dg_acceptor *a, struct dg_str in, struct dg_buf *out)
{
	struct login_acceptor *l = (struct login_acceptor *)a;

	if (in.n == 0 || dg_latin1_read(&a->user, in) != DG_OK) {
		(void)dg_buf_adds(&a->log, ": no user name");
		return DG_AUTH_FAIL;
	}
	dg_acceptor_identify(a);
	l->has_user = true;
	return prompt(a, a->o.prompt_password, out);
}

static enum dg_auth_step
accept_step(struct dg_acceptor *a, bool has_in, struct dg_str in,
    struct dg_buf *out)
{
	struct login_acceptor *l = (struct login_acceptor *)a;

	if (!has_in)
		return prompt(a, a->o.prompt_user, out);
	if (a->state == AUTH_FRESH && !a->o.login_initial_is_user) {
		/* RFC 4954 4: the server speaks first */
		(void)dg_buf_adds(&a->log, ": user on the verb line");
		return DG_AUTH_FAIL;
	}
	if (!l->has_user)
		return on_user(a, in, out);
	l->password = in;
	if (in.n > 0)
		return DG_AUTH_ASK;
	(void)dg_buf_adds(&a->log, ": empty password");
	return DG_AUTH_FAIL;
}

static bool
is_proved(struct dg_acceptor *a, const struct dg_credential *c)
{
	struct login_acceptor *l = (struct login_acceptor *)a;

	a->strength = "LOGIN";
	if (dg_credential_fits(c, l->password))
		return true;
	(void)dg_buf_adds(&a->log, ": wrong password");
	return false;
}

const struct acceptor_ops dg_login_acceptor_ops = {
	.size = sizeof(struct login_acceptor),
	.step = accept_step,
	.is_proved = is_proved,
};

/* ---- initiator ---- */

struct login_initiator {
	struct dg_initiator base;
	bool has_said_user;
};

static enum dg_auth_step
say_user(struct dg_initiator *i, struct dg_buf *out, bool in_clear,
    struct dg_err *e)
{
	struct login_initiator *l = (struct login_initiator *)i;
	struct dg_buf name;
	enum dg_rc rc;

	dg_buf_init(&name, AUTH_NAME_MAX);
	rc = dg_login_name(&name, i->login);
	if (rc == DG_OK && in_clear)
		rc = dg_buf_add(out, dg_buf_str(&name));
	else if (rc == DG_OK)
		rc = dg_base64_add(out, dg_buf_str(&name));
	dg_buf_fini(&name);
	if (rc != DG_OK)
		return dg_initiator_fail(e, "the user name is too long");
	dg_auth_log_name(&i->log, "user", i->login->user);
	l->has_said_user = true;
	return DG_AUTH_SEND;
}

static bool
is_one_word(struct dg_str s)
{
	for (size_t k = 0; k < s.n; k++)
		if ((unsigned char)s.p[k] <= ' ' || s.p[k] == 0x7f)
			return false;
	return s.n > 0;
}

static enum dg_auth_step
first(struct dg_initiator *i, struct dg_buf *out, bool *has_initial,
    struct dg_err *e)
{
	bool in_clear = i->o.login_form == DG_LOGIN_USERNAME_IN_LINE;

	if (i->login->password == NULL)
		return dg_initiator_fail(e,
		    "LOGIN needs the password, and only its hash is known");
	if (i->o.login_form == DG_LOGIN_ASK)
		return DG_AUTH_SEND;
	if (in_clear &&
	    !(is_one_word(i->login->user) &&
		(i->login->domain.n == 0 || is_one_word(i->login->domain))))
		return dg_initiator_fail(e,
		    "the user name cannot stand in clear on the verb line");
	*has_initial = true;
	return say_user(i, out, in_clear, e);
}

static enum dg_auth_step
step(struct dg_initiator *i, struct dg_str text, struct dg_buf *out,
    struct dg_err *e)
{
	struct login_initiator *l = (struct login_initiator *)i;
	const struct dg_secret *password = i->login->password;

	(void)text;
	if (!l->has_said_user)
		return say_user(i, out, false, e);
	if (dg_base64_add(out, dg_str_of(password->p, password->n)) != DG_OK)
		return dg_initiator_fail(e, "the password is too long");
	return DG_AUTH_OK;
}

const struct initiator_ops dg_login_initiator_ops = {
	.size = sizeof(struct login_initiator),
	.first = first,
	.step = step,
};
