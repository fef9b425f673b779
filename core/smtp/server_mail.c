/* server_mail.c - MAIL and RCPT: who may send, and the envelope.
 *
 * All sizes a peer chooses end here in a reply: recipients over the limit get
 * 452, so that a client sends the rest later (RFC 5321 4.5.3.1.10), and the
 * envelope's arena has its own cap behind that. */
#include "server_state.h"

#include "dragoman/wire/path.h"

enum {
	/* recipients refused for nothing in a transaction (RFC 5321
	 * 4.5.3.1.10 wants clients free to give some too many); more count as
	 * errors, or a session could go on for ever, and its envelope grow */
	REFUSED_FREE = 1000,
};

uint64_t
dg_srv_max_size(const struct dg_srv *s)
{
	return s->peer.size != 0 ? s->peer.size : s->limits.size;
}

static unsigned
path_flags(const struct dg_srv *s)
{
	unsigned mend = s->peer.dialect->mend, flags = 0;

	dg_row_hit(s->peer.dialect->row[DG_DIALECT_ROW_MEND]);
	if (mend & DG_MEND_SPACE_AFTER_COLON)
		flags |= DG_PATH_SPACE_AFTER_COLON;
	if (mend & DG_MEND_NO_BRACKETS)
		flags |= DG_PATH_NO_BRACKETS;
	return flags;
}

static enum srv_state
bad_from(struct dg_srv *s, const struct dg_err *e)
{
	return dg_srv_bad(s, s->state, e->code, e->enhanced, e->text);
}

/* ---- parameters ---- */

struct params {
	uint64_t size;
	struct dg_str body; /* a literal */
};

/* RFC 1870 4; a number past 64 bits is only too big. */
static enum dg_rc
on_size(struct dg_srv *s, struct dg_str v, struct params *to, struct dg_err *e)
{
	uint64_t most = dg_srv_max_size(s);

	if (v.n == 0 || v.n > 20)
		return dg_fail(e, DG_E_PROTO, 501, "5.5.4",
		    "SIZE takes a number of at most 20 digits");
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] < '0' || v.p[i] > '9')
			return dg_fail(e, DG_E_PROTO, 501, "5.5.4",
			    "SIZE takes a number");
	if (!dg_str_u64(v, &to->size) || (most != 0 && to->size > most))
		return dg_fail(e, DG_E_LIMIT, 552, "5.3.4",
		    "message is larger than this host takes");
	return DG_OK;
}

static enum dg_rc
on_body(struct dg_srv *s, struct dg_str v, struct params *to, struct dg_err *e)
{
	(void)s;
	to->body = dg_str_iis(v, "7BIT")       ? DG_STR("7BIT")
		   : dg_str_iis(v, "8BITMIME") ? DG_STR("8BITMIME")
					       : DG_NOSTR;
	if (to->body.n > 0)
		return DG_OK;
	return dg_fail(e, DG_E_PROTO, 501, "5.5.4",
	    "BODY is 7BIT or 8BITMIME here");
}

/* RFC 4954 5.  Nobody's word for it is taken: we pass on AUTH=<>. */
static enum dg_rc
on_auth(struct dg_srv *s, struct dg_str v, struct params *to, struct dg_err *e)
{
	struct dg_buf plain;
	enum dg_rc rc = DG_OK;

	(void)s;
	(void)to;
	dg_buf_init(&plain, 1024);
	if (!dg_str_is(v, "<>"))
		rc = v.n > 0 ? dg_xtext_read(&plain, v) : DG_E_PROTO;
	dg_buf_fini(&plain);
	if (rc != DG_OK)
		return dg_fail(e, DG_E_PROTO, 501, "5.5.4",
		    "AUTH takes an address in xtext, or <>");
	return DG_OK;
}

/* DSN (RFC 3461): old IMS clients send it whether it is shown or not
 * (Q262945); taken and ignored. */
static enum dg_rc
on_dsn(struct dg_srv *s, struct dg_str v, struct params *to, struct dg_err *e)
{
	(void)s;
	(void)to;
	if (v.n == 0)
		return dg_fail(e, DG_E_PROTO, 501, "5.5.4",
		    "parameter needs a value");
	return DG_OK;
}

struct param_rule {
	const char *key;
	enum dg_rc (*run)(struct dg_srv *s, struct dg_str v, struct params *to,
	    struct dg_err *e);
};
static const struct param_rule mail_params[] = {
	{ "SIZE", on_size },
	{ "BODY", on_body },
	{ "AUTH", on_auth },
	{ "RET", on_dsn },
	{ "ENVID", on_dsn },
	{ NULL, NULL },
};
static const struct param_rule rcpt_params[] = {
	{ "NOTIFY", on_dsn },
	{ "ORCPT", on_dsn },
	{ NULL, NULL },
};

static enum dg_rc
read_params(struct dg_srv *s, struct dg_str params,
    const struct param_rule *known, struct params *to, struct dg_err *e)
{
	struct dg_param p;
	unsigned seen = 0;
	enum dg_rc rc;

	while (dg_param_next(&params, &p)) {
		unsigned i = 0;

		if (p.key.n == 0)
			return dg_fail(e, DG_E_PROTO, 501, "5.5.4",
			    "malformed parameter");
		while (known[i].key != NULL && !dg_str_iis(p.key, known[i].key))
			i++;
		if (known[i].key == NULL)
			return dg_fail(e, DG_E_PROTO, 555, "5.5.4",
			    "parameter not recognized");
		if (seen & (1u << i))
			return dg_fail(e, DG_E_PROTO, 501, "5.5.4",
			    "parameter %s is given twice", known[i].key);
		seen |= 1u << i;
		rc = known[i].run(s, p.value, to, e);
		if (rc != DG_OK)
			return rc;
	}
	return DG_OK;
}

/* ---- MAIL ---- */

/* Says why not, and returns false.  It counts as an error, so that nobody
 * asks for ever. */
static bool
may_send(struct dg_srv *s, enum srv_state *next)
{
	*next = s->state;
	if (s->peer.requires_tls && !s->has_tls)
		*next = dg_srv_bad(s, s->state, 530, "5.7.0",
		    "issue a STARTTLS command first");
	else if (s->peer.requires_auth && s->login.user.n == 0)
		*next = dg_srv_bad(s, s->state, 530, "5.7.0",
		    "authentication required");
	else if (!s->peer.may_relay)
		*next = dg_srv_bad(s, s->state, 550, "5.7.1",
		    "this host relays only for peers that its policy names, "
		    "and you are none of them");
	else
		return true;
	return false;
}

static struct dg_envelope *
new_envelope(struct dg_srv *s, struct dg_str sender, uint64_t size)
{
	struct dg_envelope *env = dg_envelope_new();

	env->number = ++s->transactions;
	env->sender = dg_envelope_str(env, sender);
	env->helo = dg_envelope_str(env, dg_srv_helo(s));
	env->address = dg_envelope_str(env, dg_str(s->address));
	env->listener = dg_envelope_str(env, dg_str(s->listener));
	env->user = dg_envelope_str(env, dg_srv_user(s));
	env->declared_size = size;
	return env;
}

static enum srv_state
take_sender(struct dg_srv *s)
{
	dg_srv_say(s, 250, "2.1.0", "OK");
	return SRV_RCPT;
}

enum srv_state
dg_srv_on_mail(struct dg_srv *s, const struct dg_command *cmd)
{
	struct dg_err e = { 0 };
	struct dg_path path;
	enum srv_state next;
	struct params said = { 0 };

	if (!may_send(s, &next))
		return next;
	if (dg_path_parse(cmd->arg, "FROM", path_flags(s) | DG_PATH_NULL, &path,
		&e) != DG_OK)
		return bad_from(s, &e);
	if (read_params(s, path.params, mail_params, &said, &e) != DG_OK) {
		if (e.code != 552)
			return bad_from(s, &e);
		dg_srv_say(s, e.code, e.enhanced, e.text);
		return s->state;
	}
	s->mail.env = new_envelope(s, path.address, said.size);
	s->mail.given = s->mail.env->sender;
	s->mail.body = said.body;
	if (dg_srv_asks(s, DG_ASK_SENDER)) {
		dg_acts_add(s->out, DG_ACT_ASK)->ask = DG_ASK_SENDER;
		return SRV_SENDER;
	}
	return take_sender(s);
}

/* False: what it is rewritten to is no address. */
static bool
rewrite_sender(struct dg_srv *s, const struct dg_srv_answer *a)
{
	struct dg_envelope *env = s->mail.env;

	env->reply_to = dg_envelope_str(env, a->reply_to);
	if (a->sender.p == NULL || dg_str_eq(a->sender, env->sender))
		return true;
	if (a->sender.n > 0 && !dg_address_is_valid(a->sender))
		return false;
	env->original = env->sender;
	env->sender = dg_envelope_str(env, a->sender);
	return true;
}

enum srv_state
dg_srv_mail_answer(struct dg_srv *s, const struct dg_srv_answer *a)
{
	switch (a->verdict) {
	case DG_VERDICT_REFUSE:
	case DG_VERDICT_DEFER:
		return dg_srv_refuse(s, a, SRV_READY, "sender refused",
		    "sender cannot be taken now, try again later");
	case DG_VERDICT_CLOSE:
		dg_srv_verdict(s, a, "", "");
		return SRV_GONE;
	default:
		if (rewrite_sender(s, a))
			return take_sender(s);
		dg_acts_trace(s->out, "the policy's sender is no address: %.*s",
		    DG_FMT(dg_str_sub(a->sender, 0, 200)));
		dg_srv_say(s, 451, "4.3.0",
		    "sender cannot be taken now, try again later");
		return SRV_READY;
	}
}

/* ---- RCPT ---- */

/* Local parts are the final host's to compare, so as they are; domains are
 * the same in either case (RFC 5321 2.4). */
static bool
same_address(struct dg_str a, struct dg_str b)
{
	size_t local = a.n - dg_address_domain(a).n;

	return a.n == b.n && dg_str_ieq(a, b) &&
	       dg_str_eq(dg_str_sub(a, 0, local), dg_str_sub(b, 0, local));
}

static bool
has_rcpt(const struct dg_envelope *env, struct dg_str address, bool as_given)
{
	for (size_t i = 0; i < env->n_rcpts; i++) {
		const struct dg_rcpt *r = &env->rcpts[i];
		struct dg_str known =
		    as_given && r->original.n > 0 ? r->original : r->address;

		if (same_address(known, address))
			return true;
	}
	return false;
}

/* One more was refused; GONE when that is enough. */
static enum srv_state
count_refused(struct dg_srv *s)
{
	if (++s->mail.n_refused <= REFUSED_FREE ||
	    ++s->errors <= s->limits.errors)
		return SRV_RCPT;
	return dg_srv_end(s, 421, "4.7.0",
	    "too many errors, closing the connection");
}

static enum srv_state
too_many(struct dg_srv *s)
{
	dg_srv_say(s, 452, "4.5.3",
	    "too many recipients, send the rest in another transaction");
	return count_refused(s);
}

enum srv_state
dg_srv_on_rcpt(struct dg_srv *s, const struct dg_command *cmd)
{
	struct dg_envelope *env = s->mail.env;
	size_t most =
	    s->peer.recipients != 0 ? s->peer.recipients : s->limits.recipients;
	struct dg_err e = { 0 };
	struct dg_path path;
	struct params said = { 0 };

	if (dg_path_parse(cmd->arg, "TO", path_flags(s), &path, &e) != DG_OK ||
	    read_params(s, path.params, rcpt_params, &said, &e) != DG_OK) {
		s->mail.has_refused_rcpt = true;
		return bad_from(s, &e);
	}
	if (has_rcpt(env, path.address, true)) {
		dg_srv_say(s, 250, "2.1.5", "OK"); /* kept once */
		return s->state;
	}
	if (env->n_rcpts >= most)
		return too_many(s);
	s->mail.asked = dg_envelope_str(env, path.address);
	if (s->mail.asked.p == NULL)
		return too_many(s);
	dg_acts_add(s->out, DG_ACT_ASK)->ask = DG_ASK_RECIPIENT;
	return SRV_ASKED;
}

static enum srv_state
take_rcpt(struct dg_srv *s, const struct dg_srv_answer *a)
{
	struct dg_envelope *env = s->mail.env;
	struct dg_str given = s->mail.asked;
	struct dg_str to = a->to.n > 0 ? a->to : given;
	struct dg_rcpt *r;

	if (a->to.n == 0 || !has_rcpt(env, to, false)) {
		r = dg_envelope_add(env, to);
		if (r == NULL)
			return too_many(s);
		if (a->to.n > 0)
			r->original = given;
		r->hop = dg_envelope_str(env, a->hop);
		r->discard = a->verdict == DG_VERDICT_DISCARD;
	}
	dg_srv_say(s, 250, "2.1.5", "OK");
	return SRV_RCPT;
}

enum srv_state
dg_srv_rcpt_answer(struct dg_srv *s, const struct dg_srv_answer *a)
{
	switch (a->verdict) {
	case DG_VERDICT_ACCEPT:
	case DG_VERDICT_DISCARD:
		return take_rcpt(s, a);
	case DG_VERDICT_CLOSE:
		dg_srv_verdict(s, a, "", "");
		return SRV_GONE;
	default:
		s->mail.has_refused_rcpt = true;
		dg_srv_verdict(s, a, "recipient refused",
		    "recipient cannot be taken now, try again later");
		return count_refused(s);
	}
}
