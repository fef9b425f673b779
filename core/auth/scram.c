/* scram.c - SCRAM-SHA-1 and SCRAM-SHA-256, with and without channel binding,
 * both roles (RFC 5802, RFC 7677, RFC 9266).
 *
 * Why half of it here and half in the library (sasl.c): it does the sums; what
 * may be in a message, whom it is about, what it may cost and which binding
 * counts is decided here, before it sees a byte.  An account that has no key
 * gets one that nobody knows, with the salt and the iterations that it would
 * have, so that the challenge tells nobody who is there.
 *
 * The dialogue: client-first, server-first (salt, iterations), client-final
 * (the proof), server-final (the server's own proof), an empty line, 235.
 */
#include "mechanism.h"

#include "dragoman/base/enc.h"
#include "sasl.h"

enum {
	MESSAGE_MAX = 4096,
	NONCE_MAX = 1024,
};

struct gs2 {
	char flag;             /* n, y or p */
	struct dg_str binding; /* its name, with p */
	struct dg_str acts_for, user;
};

/* ---- reading ---- */

/* Printable text and UTF-8, in one message. */
static bool
is_message(struct dg_str s)
{
	return s.n > 0 && s.n <= MESSAGE_MAX && dg_utf8_is_valid(s) &&
	       memchr(s.p, '\0', s.n) == NULL;
}

/* Take "x=value" off the front, up to the next comma or the end. */
static bool
take(struct dg_str *s, char key, struct dg_str *value)
{
	size_t end = dg_str_find(*s, ',');

	if (end < 2 || s->p[0] != key || s->p[1] != '=')
		return false;
	*value = dg_str_sub(*s, 2, end - 2);
	*s = dg_str_from(*s, end < s->n ? end + 1 : end);
	return true;
}

/* RFC 5802 5.1: "=2C" is a comma, "=3D" an equals sign, and no other "=". */
static bool
unescape(struct dg_buf *out, struct dg_str s)
{
	dg_buf_reset(out);
	for (size_t i = 0; i < s.n; i++) {
		struct dg_str code = dg_str_sub(s, i, 3);
		char c = s.p[i];

		if (dg_str_is(code, "=2C") || dg_str_is(code, "=3D")) {
			c = code.p[1] == '2' ? ',' : '=';
			i += 2;
		} else if (c == '=') {
			return false;
		}
		if (dg_buf_addc(out, c) != DG_OK)
			return false;
	}
	return true;
}

static bool
read_client_first(struct dg_str s, struct gs2 *g)
{
	size_t end = dg_str_find(s, ',');
	struct dg_str flag = dg_str_sub(s, 0, end), nonce;

	if (!is_message(s) || end == s.n)
		return false;
	*g = (struct gs2){ .flag = flag.n > 0 ? flag.p[0] : '\0' };
	if (g->flag == 'p' ? !take(&flag, 'p', &g->binding)
			   : flag.n != 1 || (g->flag != 'n' && g->flag != 'y'))
		return false;
	s = dg_str_from(s, end + 1);
	if (s.n > 0 && s.p[0] == ',')
		s = dg_str_from(s, 1);
	else if (!take(&s, 'a', &g->acts_for))
		return false;
	/* "m=" in front would be an extension that must be understood */
	return take(&s, 'n', &g->user) && take(&s, 'r', &nonce) &&
	       nonce.n > 0 && nonce.n <= NONCE_MAX;
}

/* ---- acceptor ---- */

struct scram_acceptor {
	struct dg_acceptor base;
	enum {
		AWAITS_FIRST,
		AWAITS_PROOF,
		AWAITS_NOTHING
	} stage;
	struct dg_buf first; /* what the client began with */
	bool has_key;        /* one that somebody knows */
	struct dg_sasl *sasl;
};

static enum dg_auth_step
refuse(struct dg_acceptor *a, const char *why)
{
	(void)dg_buf_addf(&a->log, ": %s", why);
	return DG_AUTH_FAIL;
}

static struct dg_str
binding_named(const struct dg_binding *b, struct dg_str name)
{
	if (dg_str_is(name, "tls-exporter"))
		return b->exporter;
	if (dg_str_is(name, "tls-unique"))
		return b->unique;
	return DG_STR("");
}

/* NULL, or why the client's word about channel binding is not good enough. */
static const char *
binding_problem(const struct dg_acceptor *a, const struct gs2 *g)
{
	bool is_bound = dg_mech_is_bound(a->mech);

	if (is_bound && g->flag != 'p')
		return "not bound to the TLS connection";
	if (!is_bound && g->flag == 'p')
		return "bound, by a mechanism that is not";
	if (is_bound && binding_named(&a->o.binding, g->binding).n == 0)
		return "bound by a kind that is not known here";
	if (g->flag == 'y' &&
	    (a->o.binding.exporter.n > 0 || a->o.binding.unique.n > 0))
		return "it saw no -PLUS though it was offered: is somebody in "
		       "between?";
	return NULL;
}

static enum dg_auth_step
on_first(struct scram_acceptor *s, struct dg_str in)
{
	struct dg_acceptor *a = &s->base;
	struct dg_buf as;
	struct gs2 g;
	bool acts_for_self;
	const char *problem;

	if (!read_client_first(in, &g) || !unescape(&a->user, g.user) ||
	    !dg_auth_is_name(dg_buf_str(&a->user)))
		return refuse(a, "no such message");
	dg_acceptor_identify(a);
	dg_buf_init(&as, AUTH_NAME_MAX);
	acts_for_self = g.acts_for.n == 0 ||
			(unescape(&as, g.acts_for) &&
			    dg_str_ieq(dg_buf_str(&as), a->identity.user));
	dg_buf_fini(&as);
	if (!acts_for_self)
		return refuse(a, "wants to act for another user");
	problem = binding_problem(a, &g);
	if (problem != NULL)
		return refuse(a, problem);
	dg_buf_init(&s->first, MESSAGE_MAX);
	(void)dg_buf_add(&s->first, in);
	s->stage = AWAITS_PROOF;
	return DG_AUTH_ASK;
}

static void
set_key(struct dg_sasl *l, enum dg_hash h, const struct dg_scram_key *k)
{
	size_t n = dg_hash_size(h);
	char digits[16];
	size_t at = sizeof(digits);

	for (unsigned i = k->iterations; i > 0; i /= 10)
		digits[--at] = (char)('0' + i % 10);
	dg_sasl_set(l, DG_SASL_ITERATIONS,
	    dg_str_of(digits + at, sizeof(digits) - at));
	dg_sasl_set(l, DG_SASL_SALT, dg_str_of(k->salt, k->n_salt));
	dg_sasl_set(l, DG_SASL_STORED_KEY, dg_str_of(k->stored, n));
	dg_sasl_set(l, DG_SASL_SERVER_KEY, dg_str_of(k->server, n));
}

static void
set_binding(struct dg_sasl *l, const struct dg_binding *b)
{
	if (b->exporter.n > 0)
		dg_sasl_set(l, DG_SASL_TLS_EXPORTER, b->exporter);
	if (b->unique.n > 0)
		dg_sasl_set(l, DG_SASL_TLS_UNIQUE, b->unique);
}

static enum dg_auth_step
say(struct dg_acceptor *a, struct dg_buf *message, struct dg_buf *out)
{
	enum dg_rc rc = dg_base64_add(out, dg_buf_str(message));

	dg_buf_wipe(message);
	dg_buf_fini(message);
	return rc == DG_OK ? DG_AUTH_SEND : refuse(a, "no room");
}

static enum dg_auth_step
prove(struct dg_acceptor *a, const struct dg_credential *c,
    const struct dg_credential *decoy, struct dg_buf *out)
{
	struct scram_acceptor *s = (struct scram_acceptor *)a;
	enum dg_hash h = dg_scram_hash(a->mech);
	struct dg_scram_key key = c->scram[h];
	struct dg_buf message;

	s->has_key = key.iterations > 0;
	if (!s->has_key)
		key = decoy->scram[h];
	if (!s->has_key && a->is_known)
		(void)dg_buf_addf(&a->log, ", who has no {scram-sha-%s} key",
		    h == DG_SHA_1 ? "1" : "256");
	if (key.iterations == 0)
		dg_scram_key_random(&key);
	s->sasl = dg_sasl_new(dg_mech_name(a->mech), true);
	set_key(s->sasl, h, &key);
	dg_wipe(&key, sizeof(key));
	if (dg_mech_is_bound(a->mech))
		set_binding(s->sasl, &a->o.binding);
	dg_buf_init(&message, MESSAGE_MAX);
	if (dg_sasl_step(s->sasl, dg_buf_str(&s->first), &message) !=
	    DG_SASL_MORE) {
		dg_buf_fini(&message);
		return refuse(a, dg_sasl_why(s->sasl));
	}
	return say(a, &message, out);
}

/* "c=...,r=...[,extensions],p=...": the proof whole and in one spelling, where
 * the library would take several. */
static bool
is_client_final(struct dg_str in, enum dg_hash h)
{
	struct dg_str binding, nonce, proof = DG_NOSTR;
	struct dg_buf bytes, again;
	bool ok;

	if (!is_message(in) || !take(&in, 'c', &binding) ||
	    !take(&in, 'r', &nonce))
		return false;
	while (in.n > 0 && proof.p == NULL)
		if (!take(&in, in.p[0], in.p[0] == 'p' ? &proof : &nonce))
			return false;
	dg_buf_init(&bytes, DG_HASH_MAX);
	dg_buf_init(&again, 2 * DG_HASH_MAX);
	ok = proof.p != NULL && in.n == 0 &&
	     dg_base64_read(&bytes, proof) == DG_OK &&
	     bytes.n == dg_hash_size(h) &&
	     dg_base64_add(&again, dg_buf_str(&bytes)) == DG_OK &&
	     dg_str_eq(dg_buf_str(&again), proof);
	dg_buf_fini(&bytes);
	dg_buf_fini(&again);
	return ok;
}

static enum dg_auth_step
on_proof(struct scram_acceptor *s, struct dg_str in, struct dg_buf *out)
{
	struct dg_acceptor *a = &s->base;
	struct dg_buf message;

	if (!is_client_final(in, dg_scram_hash(a->mech)))
		return refuse(a, "no such message");
	a->strength = dg_mech_name(a->mech);
	dg_buf_init(&message, MESSAGE_MAX);
	if (dg_sasl_step(s->sasl, in, &message) != DG_SASL_DONE ||
	    !s->has_key || !a->is_known) {
		dg_buf_fini(&message);
		return refuse(a, "wrong password, or a message changed");
	}
	s->stage = AWAITS_NOTHING;
	return say(a, &message, out);
}

static enum dg_auth_step
accept_step(struct dg_acceptor *a, bool has_in, struct dg_str in,
    struct dg_buf *out)
{
	struct scram_acceptor *s = (struct scram_acceptor *)a;

	if (!has_in)
		return DG_AUTH_SEND; /* "334 " */
	switch (s->stage) {
	case AWAITS_FIRST:
		return on_first(s, in);
	case AWAITS_PROOF:
		return on_proof(s, in, out);
	default:
		return in.n == 0 ? DG_AUTH_OK
				 : refuse(a, "says more than there is to say");
	}
}

static void
accept_fini(struct dg_acceptor *a)
{
	struct scram_acceptor *s = (struct scram_acceptor *)a;

	dg_buf_fini(&s->first);
	dg_sasl_free(s->sasl);
}

const struct acceptor_ops dg_scram_acceptor_ops = {
	.size = sizeof(struct scram_acceptor),
	.step = accept_step,
	.prove = prove,
	.fini = accept_fini,
};

/* ---- initiator ---- */

struct scram_initiator {
	struct dg_initiator base;
	enum {
		SAID_FIRST,
		SAID_PROOF
	} stage;
	struct dg_sasl *sasl;
};

static enum dg_auth_step
first(struct dg_initiator *i, struct dg_buf *out, bool *has_initial,
    struct dg_err *e)
{
	struct scram_initiator *s = (struct scram_initiator *)i;
	enum dg_mech m = i->login->mech;
	struct dg_buf text;
	enum dg_auth_step step = DG_AUTH_SEND;

	i->owes_proof = true;
	if (i->login->password == NULL)
		return dg_initiator_fail(e,
		    "%s needs the password, and only its hash is known",
		    dg_mech_name(m));
	if (dg_mech_is_bound(m) && i->o.binding.exporter.n == 0 &&
	    i->o.binding.unique.n == 0)
		return dg_initiator_fail(e,
		    "%s is bound to TLS, and there is none that it can be "
		    "bound to",
		    dg_mech_name(m));
	s->sasl = dg_sasl_new(dg_mech_name(m), false);
	if (dg_mech_is_bound(m))
		set_binding(s->sasl, &i->o.binding);
	dg_buf_init(&text, MESSAGE_MAX);
	if (dg_login_name(&text, i->login) != DG_OK ||
	    !dg_auth_is_name(dg_buf_str(&text)))
		step = dg_initiator_fail(e, "the user name is too long");
	dg_sasl_set(s->sasl, DG_SASL_USER, dg_buf_str(&text));
	dg_buf_reset(&text);
	if (step == DG_AUTH_SEND &&
	    (dg_sasl_step(s->sasl, DG_STR(""), &text) != DG_SASL_MORE ||
		dg_base64_add(out, dg_buf_str(&text)) != DG_OK))
		step = dg_initiator_fail(e,
		    "the user's name cannot be said: %s", dg_sasl_why(s->sasl));
	dg_buf_fini(&text);
	dg_auth_log_name(&i->log, "user", i->login->user);
	*has_initial = step == DG_AUTH_SEND;
	return step;
}

/* "r=...,s=...,i=..." (RFC 5802 5.1): what a server asks us to work for. */
static bool
read_server_first(struct dg_str in, struct dg_buf *salt, uint64_t *iterations)
{
	struct dg_str nonce, text, count;

	return is_message(in) && take(&in, 'r', &nonce) &&
	       nonce.n <= NONCE_MAX && take(&in, 's', &text) &&
	       take(&in, 'i', &count) && dg_str_u64(count, iterations) &&
	       dg_base64_read(salt, text) == DG_OK && salt->n > 0;
}

static enum dg_auth_step
on_challenge(struct scram_initiator *s, struct dg_str in, struct dg_buf *out,
    struct dg_err *e)
{
	struct dg_initiator *i = &s->base;
	enum dg_hash h = dg_scram_hash(i->login->mech);
	const struct dg_secret *password = i->login->password;
	uint8_t salted[DG_HASH_MAX];
	uint64_t iterations;
	struct dg_buf text;

	dg_buf_init(&text, MESSAGE_MAX);
	if (!read_server_first(in, &text, &iterations)) {
		dg_buf_fini(&text);
		return dg_initiator_fail(e, "the server's challenge is none");
	}
	(void)dg_buf_addf(&i->log, " iterations=%llu",
	    (unsigned long long)iterations);
	if (iterations < DG_SCRAM_ITERATIONS_MIN ||
	    iterations > DG_SCRAM_ITERATIONS_MAX) {
		dg_buf_fini(&text);
		return dg_initiator_fail(e,
		    "the server asks for %llu iterations; from %u to %u are "
		    "given",
		    (unsigned long long)iterations,
		    (unsigned)DG_SCRAM_ITERATIONS_MIN,
		    (unsigned)DG_SCRAM_ITERATIONS_MAX);
	}
	if (!dg_scram_salted(h, dg_str_of(password->p, password->n),
		dg_buf_str(&text), (unsigned)iterations, salted)) {
		dg_buf_fini(&text);
		return dg_initiator_fail(e,
		    "the password has characters that SCRAM does not take");
	}
	dg_sasl_set(s->sasl, DG_SASL_SALTED_PASSWORD,
	    dg_str_of(salted, dg_hash_size(h)));
	dg_wipe(salted, sizeof(salted));
	dg_buf_reset(&text);
	if (dg_sasl_step(s->sasl, in, &text) != DG_SASL_MORE ||
	    dg_base64_add(out, dg_buf_str(&text)) != DG_OK) {
		dg_buf_fini(&text);
		return dg_initiator_fail(e,
		    "the server's challenge does not fit what we said: %s",
		    dg_sasl_why(s->sasl));
	}
	dg_buf_fini(&text);
	s->stage = SAID_PROOF;
	return DG_AUTH_SEND;
}

static enum dg_auth_step
on_server_proof(struct scram_initiator *s, struct dg_str in, struct dg_err *e)
{
	struct dg_buf nothing;
	enum dg_sasl_step did = DG_SASL_BAD;

	if (is_message(in) && dg_str_has_prefix(in, DG_STR("e="))) {
		dg_auth_log_name(&s->base.refusal, "error", dg_str_from(in, 2));
		return dg_initiator_fail(e, "the server refuses the proof:%.*s",
		    DG_FMT(dg_buf_str(&s->base.refusal)));
	}
	dg_buf_init(&nothing, MESSAGE_MAX);
	if (is_message(in))
		did = dg_sasl_step(s->sasl, in, &nothing);
	dg_buf_fini(&nothing);
	if (did != DG_SASL_DONE)
		return dg_initiator_fail(e,
		    "the server does not prove that it knows the password");
	s->base.owes_proof = false;
	return DG_AUTH_OK;
}

static enum dg_auth_step
step(struct dg_initiator *i, struct dg_str text, struct dg_buf *out,
    struct dg_err *e)
{
	struct scram_initiator *s = (struct scram_initiator *)i;

	dg_buf_reset(&i->in);
	if (dg_base64_read(&i->in, dg_str_trim(text)) != DG_OK)
		return dg_initiator_fail(e,
		    "the server's challenge is no base64");
	if (s->stage == SAID_FIRST)
		return on_challenge(s, dg_buf_str(&i->in), out, e);
	return on_server_proof(s, dg_buf_str(&i->in), e);
}

static void
fini(struct dg_initiator *i)
{
	dg_sasl_free(((struct scram_initiator *)i)->sasl);
}

const struct initiator_ops dg_scram_initiator_ops = {
	.size = sizeof(struct scram_initiator),
	.first = first,
	.step = step,
	.fini = fini,
};
