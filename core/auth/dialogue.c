/* dialogue.c - the 334 dialogue of either role, whatever the mechanism.
 *
 * Why a facade: SMTP says "AUTH", passes lines and obeys; a mechanism sees
 * decoded bytes and never a verb.  What goes wrong in the same way for all of
 * them (bad base64, "*", a line after the end) is answered here, once.  The
 * order of a dialogue is kept by one state; a mechanism has its own beside.
 */
#include "mechanism.h"

#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/clock.h"
#include "dragoman/base/enc.h"
#include "dragoman/base/rand.h"
#include "ntlm_hash.h"
#include "oem.h"

enum {
	LOG_NAME_MAX = 64
};

/* What we cannot be a server for (dg_mech_untakable): should it be asked for
 * all the same, everybody is refused. */
static enum dg_auth_step
refuse_step(struct dg_acceptor *a, bool has_in, struct dg_str in,
    struct dg_buf *out)
{
	(void)has_in;
	(void)in;
	(void)out;
	(void)dg_buf_adds(&a->log, ": cannot be verified here");
	return DG_AUTH_FAIL;
}

static const struct acceptor_ops no_acceptor_ops = {
	.size = sizeof(struct dg_acceptor),
	.step = refuse_step,
};

static const struct {
	const struct acceptor_ops *acceptor;
	const struct initiator_ops *initiator;
} mechanisms[DG_MECH_N] = {
	[DG_MECH_NTLM] = { &dg_ntlm_acceptor_ops, &dg_ntlm_initiator_ops },
	[DG_MECH_LOGIN] = { &dg_login_acceptor_ops, &dg_login_initiator_ops },
	[DG_MECH_PLAIN] = { &dg_plain_acceptor_ops, &dg_plain_initiator_ops },
	[DG_MECH_SCRAM_SHA_256_PLUS] = { &dg_scram_acceptor_ops,
	    &dg_scram_initiator_ops },
	[DG_MECH_SCRAM_SHA_256] = { &dg_scram_acceptor_ops,
	    &dg_scram_initiator_ops },
	[DG_MECH_SCRAM_SHA_1_PLUS] = { &dg_scram_acceptor_ops,
	    &dg_scram_initiator_ops },
	[DG_MECH_SCRAM_SHA_1] = { &dg_scram_acceptor_ops,
	    &dg_scram_initiator_ops },
	[DG_MECH_GSSAPI] = { &dg_gssapi_acceptor_ops,
	    &dg_gssapi_initiator_ops },
	[DG_MECH_EXTERNAL] = { &dg_external_acceptor_ops,
	    &dg_external_initiator_ops },
	[DG_MECH_CRAM_MD5] = { &no_acceptor_ops, &dg_cram_initiator_ops },
	[DG_MECH_OAUTHBEARER] = { &dg_bearer_acceptor_ops,
	    &dg_bearer_initiator_ops },
	[DG_MECH_XOAUTH2] = { &dg_bearer_acceptor_ops,
	    &dg_bearer_initiator_ops },
};

static void
own(struct dg_str *s)
{
	s->p = dg_str_dup(*s); /* bytes: may hold zeros */
}

static void
disown(struct dg_str *s)
{
	char *p;

	memcpy(&p, &s->p, sizeof(p)); /* ours: own() made it */
	free(p);
	*s = DG_NOSTR;
}

static void
wipe_away(struct dg_buf *b)
{
	dg_buf_wipe(b);
	dg_buf_fini(b);
}

/* ---- acceptor ---- */

struct dg_acceptor *
dg_acceptor_new(enum dg_mech m, const struct dg_acceptor_options *o)
{
	const struct acceptor_ops *ops = mechanisms[m].acceptor;
	struct dg_acceptor *a = dg_alloc0(ops->size);

	a->ops = ops;
	a->mech = m;
	a->o = *o;
	own(&a->o.host);
	own(&a->o.domain);
	own(&a->o.prompt_ntlm);
	own(&a->o.prompt_user);
	own(&a->o.prompt_password);
	own(&a->o.certificate);
	own(&a->o.binding.exporter);
	own(&a->o.binding.unique);
	if (a->o.rand == NULL)
		a->o.rand = dg_rand;
	if (a->o.now_ms == NULL)
		a->o.now_ms = dg_now_ms;
	dg_buf_init(&a->in, AUTH_TOKEN_MAX);
	dg_buf_init(&a->user, AUTH_NAME_MAX);
	dg_buf_init(&a->domain, AUTH_NAME_MAX);
	dg_buf_init(&a->workstation, AUTH_NAME_MAX);
	dg_buf_init(&a->log, AUTH_LOG_MAX);
	(void)dg_buf_adds(&a->log, dg_mech_name(m));
	a->strength = "";
	return a;
}

void
dg_acceptor_free(struct dg_acceptor *a)
{
	if (a == NULL)
		return;
	if (a->ops->fini != NULL)
		a->ops->fini(a);
	disown(&a->o.host);
	disown(&a->o.domain);
	disown(&a->o.prompt_ntlm);
	disown(&a->o.prompt_user);
	disown(&a->o.prompt_password);
	disown(&a->o.certificate);
	disown(&a->o.binding.exporter);
	disown(&a->o.binding.unique);
	wipe_away(&a->in);
	dg_buf_fini(&a->user);
	dg_buf_fini(&a->domain);
	dg_buf_fini(&a->workstation);
	dg_buf_fini(&a->log);
	free(a);
}

enum dg_mech
dg_acceptor_mech(const struct dg_acceptor *a)
{
	return a->mech;
}

/* One answer for every refusal: what was wrong is for the log alone. */
static enum dg_auth_step
refuse(struct dg_err *e)
{
	(void)dg_fail(e, DG_E_AUTH, 535, "5.7.8", "authentication failed");
	return DG_AUTH_FAIL;
}

/* The client's line, decoded into a->in.  SEND: go on. */
static enum dg_auth_step
decode(struct dg_acceptor *a, struct dg_str line, struct dg_err *e)
{
	bool is_first = a->state == AUTH_FRESH;

	dg_buf_wipe(&a->in);
	if (!is_first && dg_str_is(line, "*")) {
		(void)dg_buf_adds(&a->log, ": cancelled by the client");
		return DG_AUTH_CANCELLED;
	}
	if (is_first && dg_str_is(line, "="))
		return DG_AUTH_SEND;
	if (is_first && a->mech == DG_MECH_LOGIN && a->o.login_user_is_clear)
		return dg_buf_add(&a->in, line) == DG_OK ? DG_AUTH_SEND
							 : DG_AUTH_FAIL;
	switch (dg_base64_read(&a->in, line)) {
	case DG_OK:
		return DG_AUTH_SEND;
	case DG_E_LIMIT:
		(void)dg_buf_adds(&a->log, ": line too long");
		(void)dg_fail(e, DG_E_LIMIT, 501, "5.5.6",
		    "authentication line too long");
		return DG_AUTH_SYNTAX;
	default:
		(void)dg_buf_adds(&a->log, ": bad base64");
		(void)dg_fail(e, DG_E_PROTO, 501, "5.5.2", "bad base64");
		return DG_AUTH_SYNTAX;
	}
}

/* What a mechanism's step amounts to.  Only here is anybody let in, and never
 * an account that nobody knows, whatever its mechanism found. */
static enum dg_auth_step
conclude(struct dg_acceptor *a, enum dg_auth_step step, struct dg_err *e)
{
	switch (step) {
	case DG_AUTH_SEND:
		a->state = AUTH_TALKING;
		return step;
	case DG_AUTH_ASK:
		a->state = AUTH_ASKING;
		return step;
	case DG_AUTH_OK:
		a->state = AUTH_OVER;
		if (!a->is_known)
			return refuse(e);
		(void)dg_buf_adds(&a->log, ": proved");
		return step;
	case DG_AUTH_FAIL:
		a->state = AUTH_OVER;
		return refuse(e);
	default:
		a->state = AUTH_OVER;
		return step;
	}
}

enum dg_auth_step
dg_acceptor_step(struct dg_acceptor *a, struct dg_str line, struct dg_buf *out,
    struct dg_err *e)
{
	bool has_in = a->state != AUTH_FRESH || line.p != NULL;
	enum dg_auth_step step = DG_AUTH_SEND;

	dg_buf_reset(out);
	if (a->state != AUTH_FRESH && a->state != AUTH_TALKING)
		return refuse(e);
	if (has_in)
		step = decode(a, line, e);
	if (step == DG_AUTH_SEND)
		step = a->ops->step(a, has_in, dg_buf_str(&a->in), out);
	return conclude(a, step, e);
}

const struct dg_identity *
dg_acceptor_identity(const struct dg_acceptor *a)
{
	return &a->identity;
}

/* An unknown account costs and says what a wrong password does. */
static void
nobody(struct dg_credential *c, const struct dg_credential *decoy)
{
	if (decoy != NULL) {
		*c = *decoy;
		c->is_token_good = false;
		return;
	}
	*c = (struct dg_credential){ .has_nt = true, .has_lm = true };
	dg_rand(c->nt, sizeof(c->nt));
	dg_rand(c->lm, sizeof(c->lm));
}

enum dg_auth_step
dg_acceptor_answer(struct dg_acceptor *a, const struct dg_credential *c,
    const struct dg_credential *decoy, struct dg_buf *out, struct dg_err *e)
{
	struct dg_credential unknown;
	enum dg_auth_step step;

	dg_buf_reset(out);
	if (a->state != AUTH_ASKING)
		return refuse(e);
	a->is_known = c != NULL;
	nobody(&unknown, decoy);
	if (c == NULL)
		c = &unknown;
	if (a->ops->prove != NULL)
		step = a->ops->prove(a, c, &unknown, out);
	else
		step = a->ops->is_proved(a, c) ? DG_AUTH_OK : DG_AUTH_FAIL;
	if (!a->is_known)
		(void)dg_buf_adds(&a->log, ", and no such account");
	a->identity.token = DG_STR("");
	dg_buf_wipe(&a->in);
	dg_wipe(&unknown, sizeof(unknown));
	return conclude(a, step, e);
}

struct dg_str
dg_acceptor_log(const struct dg_acceptor *a)
{
	return dg_buf_str(&a->log);
}

const char *
dg_acceptor_strength(const struct dg_acceptor *a)
{
	return a->strength;
}

/* ---- for mechanisms ---- */

/* The account without DOM\ and @dom: only for looking it up.  The proof is
 * over the names as sent. */
static struct dg_str
account_of(struct dg_str user)
{
	size_t slash = dg_str_find(user, '\\'), at;

	if (slash < user.n)
		return dg_str_from(user, slash + 1);
	at = dg_str_rfind(user, '@');
	return dg_str_sub(user, 0, at);
}

bool
dg_auth_is_name(struct dg_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return s.n > 0 && s.n <= AUTH_NAME_MAX && dg_utf8_is_valid(s);
}

void
dg_acceptor_identify(struct dg_acceptor *a)
{
	a->identity = (struct dg_identity){
		.token = DG_STR(""),
		.user = dg_buf_str(&a->user),
		.domain = dg_buf_str(&a->domain),
		.workstation = dg_buf_str(&a->workstation),
		.account = account_of(dg_buf_str(&a->user)),
	};
	dg_auth_log_name(&a->log, "user", a->identity.user);
	dg_auth_log_name(&a->log, "domain", a->identity.domain);
	dg_auth_log_name(&a->log, "workstation", a->identity.workstation);
}

static bool
fits_nt(const struct dg_credential *c, struct dg_str utf8)
{
	uint8_t nt[16] = { 0 };
	bool fits = dg_ntlm_nt_hash(utf8, nt) == DG_OK;

	fits = dg_same_bytes(nt, c->nt, sizeof(nt)) && fits;
	dg_wipe(nt, sizeof(nt));
	return fits;
}

/* The cheapest that is stored: they say the same. */
bool
dg_credential_fits(const struct dg_credential *c, struct dg_str password)
{
	struct dg_buf text;
	bool fits = false;

	dg_buf_init(&text, 2 * password.n);
	if (dg_latin1_read(&text, password) != DG_OK)
		dg_buf_reset(&text); /* fits nobody: none is empty */
	if (c->has_nt)
		fits = fits_nt(c, dg_buf_str(&text));
	else if (c->scram[DG_SHA_256].iterations > 0)
		fits = dg_scram_key_fits(DG_SHA_256, &c->scram[DG_SHA_256],
		    dg_buf_str(&text));
	else if (c->scram[DG_SHA_1].iterations > 0)
		fits = dg_scram_key_fits(DG_SHA_1, &c->scram[DG_SHA_1],
		    dg_buf_str(&text));
	fits = fits && text.n > 0;
	wipe_away(&text);
	return fits;
}

enum dg_rc
dg_login_name(struct dg_buf *out, const struct dg_login *l)
{
	enum dg_rc rc = DG_OK;

	if (l->domain.n > 0) {
		rc = dg_buf_add(out, l->domain);
		if (rc == DG_OK)
			rc = dg_buf_addc(out, '\\');
	}
	return rc == DG_OK ? dg_buf_add(out, l->user) : rc;
}

void
dg_auth_log_name(struct dg_buf *log, const char *key, struct dg_str name)
{
	bool is_cut = false;

	if (name.n == 0)
		return;
	(void)dg_buf_addf(log, " %s=", key);
	if (name.n > LOG_NAME_MAX) {
		is_cut = true;
		name.n = LOG_NAME_MAX;
		while (name.n > 0 && (name.p[name.n] & 0xc0) == 0x80)
			name.n--; /* not within a character */
	}
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];

		(void)dg_buf_addc(log, c < 0x20 || c == 0x7f ? '?' : name.p[i]);
	}
	if (is_cut)
		(void)dg_buf_adds(log, "...");
}

/* ---- initiator ---- */

struct dg_initiator *
dg_initiator_new(const struct dg_login *login,
    const struct dg_initiator_options *o)
{
	const struct initiator_ops *ops = mechanisms[login->mech].initiator;
	struct dg_initiator *i = dg_alloc0(ops->size);

	i->ops = ops;
	i->login = login;
	i->o = *o;
	own(&i->o.workstation);
	own(&i->o.target);
	own(&i->o.binding.exporter);
	own(&i->o.binding.unique);
	if (i->o.rand == NULL)
		i->o.rand = dg_rand;
	if (i->o.now_ms == NULL)
		i->o.now_ms = dg_now_ms;
	dg_buf_init(&i->in, AUTH_TOKEN_MAX);
	dg_buf_init(&i->log, AUTH_LOG_MAX);
	dg_buf_init(&i->refusal, AUTH_REFUSAL_MAX);
	(void)dg_buf_adds(&i->log, dg_mech_name(login->mech));
	return i;
}

void
dg_initiator_free(struct dg_initiator *i)
{
	if (i == NULL)
		return;
	if (i->ops->fini != NULL)
		i->ops->fini(i);
	disown(&i->o.workstation);
	disown(&i->o.target);
	disown(&i->o.binding.exporter);
	disown(&i->o.binding.unique);
	wipe_away(&i->in);
	dg_buf_fini(&i->log);
	dg_buf_fini(&i->refusal);
	free(i);
}

/* What failed is in e: the log line ends with it. */
static enum dg_auth_step
follow(struct dg_initiator *i, enum dg_auth_step step, const struct dg_err *e)
{
	i->state = step == DG_AUTH_SEND ? AUTH_TALKING : AUTH_OVER;
	if (step == DG_AUTH_FAIL)
		(void)dg_buf_addf(&i->log, ": %s", e->text);
	return step;
}

enum dg_auth_step
dg_initiator_first(struct dg_initiator *i, struct dg_buf *out,
    bool *has_initial, struct dg_err *e)
{
	struct dg_err own_e = { 0 };

	dg_buf_reset(out);
	*has_initial = false;
	if (e == NULL)
		e = &own_e;
	if (i->state != AUTH_FRESH)
		return dg_initiator_fail(e, "the login was begun already");
	return follow(i, i->ops->first(i, out, has_initial, e), e);
}

enum dg_auth_step
dg_initiator_step(struct dg_initiator *i, struct dg_str text,
    struct dg_buf *out, struct dg_err *e)
{
	struct dg_err own_e = { 0 };

	dg_buf_reset(out);
	if (e == NULL)
		e = &own_e;
	if (i->state != AUTH_TALKING)
		return dg_initiator_fail(e, "the server asks after the end");
	return follow(i, i->ops->step(i, text, out, e), e);
}

struct dg_str
dg_initiator_log(const struct dg_initiator *i)
{
	return dg_buf_str(&i->log);
}

bool
dg_initiator_may_end(const struct dg_initiator *i)
{
	return !i->owes_proof;
}

struct dg_str
dg_initiator_refusal(const struct dg_initiator *i)
{
	return dg_buf_str(&i->refusal);
}

enum dg_auth_step
dg_initiator_fail(struct dg_err *e, const char *fmt, ...)
{
	char text[sizeof(e->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)dg_fail(e, DG_E_AUTH, 0, NULL, "%s", text);
	return DG_AUTH_FAIL;
}
