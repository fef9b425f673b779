/* gssapi.c - GSSAPI (RFC 4752), both roles: a Kerberos ticket instead of a
 * password, by whatever Kerberos the library finds on the machine.
 *
 * A server reads its service key (keytab: KRB5_KTNAME), a client its ticket
 * (credential cache: KRB5CCNAME) from where Kerberos keeps them; neither is
 * ours to manage.  What makes a client's step special: when the cache holds no
 * ticket for this very server yet, the Kerberos library asks the KDC and waits
 * for it, here and now.
 *
 * No layer of its own is ever agreed on: TLS seals, or nothing does.
 */
#include "mechanism.h"

#include "dragoman/base/enc.h"
#include "sasl.h"

/* ---- acceptor ---- */

struct gssapi_acceptor {
	struct dg_acceptor base;
	struct dg_sasl *sasl;
};

static enum dg_auth_step
refuse(struct dg_acceptor *a, const char *why)
{
	(void)dg_buf_addf(&a->log, ": %s", why);
	return DG_AUTH_FAIL;
}

/* "alice@EXAMPLE.TEST", and who it wants to be. */
static enum dg_auth_step
on_ticket(struct gssapi_acceptor *g)
{
	struct dg_acceptor *a = &g->base;
	struct dg_str who = dg_sasl_principal(g->sasl);
	struct dg_str as = dg_sasl_acts_for(g->sasl);
	struct dg_str user = dg_str_sub(who, 0, dg_str_rfind(who, '@'));

	if (!dg_auth_is_name(who) || user.n == who.n ||
	    dg_str_find(user, '/') < user.n)
		return refuse(a, "a principal that is no user");
	(void)dg_buf_add(&a->user, who);
	(void)dg_buf_add(&a->domain, dg_str_from(who, user.n + 1));
	dg_acceptor_identify(a);
	if (as.n > 0 && !dg_str_eq(as, user) && !dg_str_eq(as, who))
		return refuse(a, "wants to act for another user");
	return DG_AUTH_ASK;
}

static enum dg_auth_step
accept_step(struct dg_acceptor *a, bool has_in, struct dg_str in,
    struct dg_buf *out)
{
	struct gssapi_acceptor *g = (struct gssapi_acceptor *)a;
	struct dg_buf token;
	enum dg_auth_step did;

	if (!has_in)
		return DG_AUTH_SEND; /* "334 " */
	if (g->sasl == NULL) {
		g->sasl = dg_sasl_new(dg_mech_name(a->mech), true);
		dg_sasl_set(g->sasl, DG_SASL_SERVICE, DG_STR("smtp"));
		dg_sasl_set(g->sasl, DG_SASL_HOST, a->o.host);
	}
	dg_buf_init(&token, AUTH_TOKEN_MAX);
	switch (dg_sasl_step(g->sasl, in, &token)) {
	case DG_SASL_MORE:
		did = dg_base64_add(out, dg_buf_str(&token)) == DG_OK
			  ? DG_AUTH_SEND
			  : refuse(a, "no room");
		break;
	case DG_SASL_DONE:
		did = on_ticket(g);
		break;
	default:
		did = refuse(a, dg_sasl_why(g->sasl));
	}
	dg_buf_fini(&token);
	return did;
}

/* The ticket was the proof; whether the account is there, the dialogue looks.
 */
static bool
is_proved(struct dg_acceptor *a, const struct dg_credential *c)
{
	(void)c;
	a->strength = "GSSAPI";
	return true;
}

static void
accept_fini(struct dg_acceptor *a)
{
	dg_sasl_free(((struct gssapi_acceptor *)a)->sasl);
}

const struct acceptor_ops dg_gssapi_acceptor_ops = {
	.size = sizeof(struct gssapi_acceptor),
	.step = accept_step,
	.is_proved = is_proved,
	.fini = accept_fini,
};

/* ---- initiator ---- */

struct gssapi_initiator {
	struct dg_initiator base;
	struct dg_sasl *sasl;
};

static enum dg_auth_step
go_on(struct gssapi_initiator *g, struct dg_str in, struct dg_buf *out,
    struct dg_err *e)
{
	struct dg_buf token;
	enum dg_sasl_step did;
	enum dg_rc rc = DG_OK;

	dg_buf_init(&token, AUTH_TOKEN_MAX);
	did = dg_sasl_step(g->sasl, in, &token);
	if (did != DG_SASL_BAD)
		rc = dg_base64_add(out, dg_buf_str(&token));
	dg_buf_fini(&token);
	if (did == DG_SASL_BAD)
		return dg_initiator_fail(e,
		    "Kerberos: %s (is there a ticket: klist?)",
		    dg_sasl_why(g->sasl));
	if (rc != DG_OK)
		return dg_initiator_fail(e, "the ticket is too long");
	/* the last thing it does is to read what only the server can wrap */
	g->base.owes_proof = did != DG_SASL_DONE;
	return did == DG_SASL_DONE ? DG_AUTH_OK : DG_AUTH_SEND;
}

static enum dg_auth_step
first(struct dg_initiator *i, struct dg_buf *out, bool *has_initial,
    struct dg_err *e)
{
	struct gssapi_initiator *g = (struct gssapi_initiator *)i;
	struct dg_str host = i->o.target;
	enum dg_auth_step step;

	host = dg_str_from(host, dg_str_find(host, '/') + 1);
	if (!dg_auth_is_name(host))
		return dg_initiator_fail(e,
		    "GSSAPI needs the name of the server");
	g->sasl = dg_sasl_new(dg_mech_name(i->login->mech), false);
	dg_sasl_set(g->sasl, DG_SASL_SERVICE, DG_STR("smtp"));
	dg_sasl_set(g->sasl, DG_SASL_HOST, host);
	dg_auth_log_name(&i->log, "target", i->o.target);
	step = go_on(g, DG_STR(""), out, e);
	*has_initial = step == DG_AUTH_SEND;
	return step;
}

static enum dg_auth_step
step(struct dg_initiator *i, struct dg_str text, struct dg_buf *out,
    struct dg_err *e)
{
	dg_buf_reset(&i->in);
	if (dg_base64_read(&i->in, dg_str_trim(text)) != DG_OK)
		return dg_initiator_fail(e,
		    "the server's challenge is no base64");
	return go_on((struct gssapi_initiator *)i, dg_buf_str(&i->in), out, e);
}

static void
fini(struct dg_initiator *i)
{
	dg_sasl_free(((struct gssapi_initiator *)i)->sasl);
}

const struct initiator_ops dg_gssapi_initiator_ops = {
	.size = sizeof(struct gssapi_initiator),
	.first = first,
	.step = step,
	.fini = fini,
};
