/* bearer.c - OAuth 2 tokens: OAUTHBEARER (RFC 7628) and its elder XOAUTH2, both
 * roles.
 *
 * Why in one file: both carry a user and "auth=Bearer TOKEN" between bytes of
 * value 1, and both tell a client what is wrong in a 334 of JSON, which it
 * answers with as good as nothing before the 535 comes.  That JSON is what an
 * administrator needs to read, so it is kept (dg_initiator_refusal).  The token
 * opens the account to whoever has it: it goes into no log and lies in buffers
 * that are wiped.
 */
#include "mechanism.h"

#include "dragoman/base/enc.h"

#define SEPARATOR "\001"

enum {
	MESSAGE_MAX = 9216 /* RFC 4954 4: 12288 of base64 */
};

/* RFC 6750 2.1: b64token, and what is seen beside it; no blank, no control. */
static bool
is_token(struct dg_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || (unsigned char)s.p[i] > '~')
			return false;
	return s.n > 0;
}

/* ---- acceptor ---- */

struct bearer_acceptor {
	struct dg_acceptor base;
	bool has_refused; /* the JSON was said */
};

/* One "key=value" up to its byte 1. */
static bool
take_pair(struct dg_str *s, struct dg_str *key, struct dg_str *value)
{
	size_t end = dg_str_find(*s, SEPARATOR[0]);
	struct dg_str pair = dg_str_sub(*s, 0, end);
	size_t equals = dg_str_find(pair, '=');

	if (end == s->n || equals == pair.n)
		return false;
	*key = dg_str_sub(pair, 0, equals);
	*value = dg_str_from(pair, equals + 1);
	*s = dg_str_from(*s, end + 1);
	return true;
}

/* "n,a=user,": RFC 7628 3.1; "a=" may be absent, and then the token alone
 * would say who this is, which nobody here can read. */
static bool
take_gs2(struct dg_str *s, struct dg_str *user)
{
	size_t end = dg_str_find(*s, SEPARATOR[0]);
	struct dg_str head = dg_str_sub(*s, 0, end);

	if (end == s->n || head.n < 5 ||
	    !(dg_str_has_prefix(head, DG_STR("n,a=")) ||
		dg_str_has_prefix(head, DG_STR("y,a="))) ||
	    head.p[head.n - 1] != ',')
		return false;
	*user = dg_str_sub(head, 4, head.n - 5);
	*s = dg_str_from(*s, end + 1);
	/* a name that needs escapes is none of ours */
	return dg_str_find(*user, ',') == user->n &&
	       dg_str_find(*user, '=') == user->n;
}

static bool
read_message(enum dg_mech m, struct dg_str s, struct dg_str *user,
    struct dg_str *token)
{
	struct dg_str key, value;

	*user = *token = DG_STR("");
	if (m == DG_MECH_OAUTHBEARER && !take_gs2(&s, user))
		return false;
	while (take_pair(&s, &key, &value)) {
		if (dg_str_iis(key, "auth") &&
		    dg_str_has_iprefix(value, DG_STR("Bearer ")))
			*token = dg_str_trim(dg_str_from(value, 7));
		else if (m == DG_MECH_XOAUTH2 && dg_str_iis(key, "user"))
			*user = value;
	}
	return dg_str_is(s, SEPARATOR) && dg_auth_is_name(*user) &&
	       is_token(*token);
}

static enum dg_auth_step
accept_step(struct dg_acceptor *a, bool has_in, struct dg_str in,
    struct dg_buf *out)
{
	struct bearer_acceptor *b = (struct bearer_acceptor *)a;
	struct dg_str user, token;

	(void)out;
	if (b->has_refused)
		return DG_AUTH_FAIL; /* whatever it says to that */
	if (!has_in)
		return DG_AUTH_SEND; /* "334 " */
	if (!read_message(a->mech, in, &user, &token)) {
		(void)dg_buf_adds(&a->log, ": no such message");
		return DG_AUTH_FAIL;
	}
	(void)dg_buf_add(&a->user, user);
	dg_acceptor_identify(a);
	a->identity.token = token;
	return DG_AUTH_ASK;
}

static enum dg_auth_step
prove(struct dg_acceptor *a, const struct dg_credential *c,
    const struct dg_credential *decoy, struct dg_buf *out)
{
	(void)decoy;
	a->strength = dg_mech_name(a->mech);
	if (a->is_known && c->is_token_good)
		return DG_AUTH_OK;
	(void)dg_buf_adds(&a->log, ": the token is not good");
	((struct bearer_acceptor *)a)->has_refused = true;
	return dg_base64_add(out,
		   a->mech == DG_MECH_XOAUTH2
		       ? DG_STR("{\"status\":\"400\",\"schemes\":\"Bearer\"}")
		       : DG_STR("{\"status\":\"invalid_token\"}")) == DG_OK
		   ? DG_AUTH_SEND
		   : DG_AUTH_FAIL;
}

const struct acceptor_ops dg_bearer_acceptor_ops = {
	.size = sizeof(struct bearer_acceptor),
	.step = accept_step,
	.prove = prove,
};

/* ---- initiator ---- */

static enum dg_rc
add(struct dg_buf *out, const char *z, struct dg_str s)
{
	enum dg_rc rc = dg_buf_adds(out, z);

	return rc == DG_OK ? dg_buf_add(out, s) : rc;
}

/* n,a=user,^Ahost=H^Aport=P^Aauth=Bearer T^A^A   or
 * user=U^Aauth=Bearer T^A^A */
static enum dg_rc
message(const struct dg_initiator *i, struct dg_buf *out)
{
	const struct dg_secret *token = i->login->token;
	struct dg_str host = i->o.target;
	enum dg_rc rc;

	if (i->login->mech == DG_MECH_XOAUTH2) {
		rc = add(out, "user=", i->login->user);
	} else {
		rc = add(out, "n,a=", i->login->user);
		if (rc == DG_OK)
			rc = dg_buf_addc(out, ',');
		host = dg_str_from(host, dg_str_find(host, '/') + 1);
		if (rc == DG_OK && host.n > 0)
			rc = add(out, SEPARATOR "host=", host);
		if (rc == DG_OK && host.n > 0 && i->o.port > 0)
			rc = dg_buf_addf(out, SEPARATOR "port=%u", i->o.port);
	}
	if (rc == DG_OK)
		rc = add(out, SEPARATOR "auth=Bearer ",
		    dg_str_of(token->p, token->n));
	return rc == DG_OK ? dg_buf_adds(out, SEPARATOR SEPARATOR) : rc;
}

static enum dg_auth_step
first(struct dg_initiator *i, struct dg_buf *out, bool *has_initial,
    struct dg_err *e)
{
	const struct dg_login *l = i->login;
	struct dg_buf text;
	enum dg_rc rc;

	if (l->token == NULL || l->token->n == 0)
		return dg_initiator_fail(e, "there is no token for it (yet)");
	if (!dg_auth_is_name(l->user) ||
	    dg_str_find(l->user, ',') < l->user.n ||
	    dg_str_find(l->user, '=') < l->user.n)
		return dg_initiator_fail(e, "the user's name cannot be said");
	if (!is_token(dg_str_of(l->token->p, l->token->n)))
		return dg_initiator_fail(e,
		    "the token has characters that no token has");
	dg_buf_init(&text, MESSAGE_MAX);
	(void)dg_buf_reserve(&text, MESSAGE_MAX); /* no copy left by growing */
	rc = message(i, &text);
	if (rc == DG_OK)
		rc = dg_base64_add(out, dg_buf_str(&text));
	dg_buf_wipe(&text);
	dg_buf_fini(&text);
	if (rc != DG_OK)
		return dg_initiator_fail(e, "the token is too long");
	dg_auth_log_name(&i->log, "user", l->user);
	*has_initial = true;
	return DG_AUTH_SEND; /* a 334 would say what is wrong */
}

/* JSON for a person to read, within quotes: in one line, printable, cut. */
static void
keep(struct dg_buf *to, struct dg_str json)
{
	for (size_t k = 0; k < json.n; k++) {
		unsigned char c = (unsigned char)json.p[k];

		if (c < 0x20 || c > '~')
			c = ' ';
		else if (c == '"')
			c = '\'';
		if (dg_buf_addc(to, (char)c) != DG_OK)
			return;
	}
}

static enum dg_auth_step
step(struct dg_initiator *i, struct dg_str text, struct dg_buf *out,
    struct dg_err *e)
{
	if (i->refusal.n > 0)
		return dg_initiator_fail(e, "the server asks after the end");
	dg_buf_reset(&i->in);
	if (dg_base64_read(&i->in, dg_str_trim(text)) == DG_OK && i->in.n > 0)
		keep(&i->refusal, dg_buf_str(&i->in));
	else /* some servers say it in clear */
		keep(&i->refusal, text.n > 0 ? text : DG_STR("nothing"));
	(void)dg_buf_adds(&i->log, ": the token was refused");
	/* RFC 7628 3.2.3: one byte 1; XOAUTH2: an empty line */
	if (i->login->mech == DG_MECH_OAUTHBEARER)
		(void)dg_base64_add(out, DG_STR(SEPARATOR));
	return DG_AUTH_SEND;
}

const struct initiator_ops dg_bearer_initiator_ops = {
	.size = sizeof(struct dg_initiator),
	.first = first,
	.step = step,
};
