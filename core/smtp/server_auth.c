/* server_auth.c - AUTH under any of its names (RFC 4954, MS-SMTPNTLM).
 *
 * The dialogue itself is the auth floor's; here is what SMTP says about it:
 * when it may begin, which verb and mechanism were promised, how it ends, and
 * that whatever went wrong is said in the same words, so that nobody learns
 * which accounts exist.
 *
 * Input that came along behind a dialogue's last line is not taken: AUTH ends
 * its pipelining group (RFC 4954 4), and a password that was sent ahead must
 * not be read as a command. */
#include "server_state.h"

#include <stdio.h>

enum {
	CHALLENGE_MAX = 17 * 1024 /* AUTH_TOKEN_MAX in base64 */
};

/* Not without something of this TLS connection that they rest on. */
static unsigned
without_ground(const struct dg_srv *s)
{
	unsigned mechs = 0;

	for (unsigned m = 0; m < DG_MECH_N; m++)
		if (dg_mech_is_bound((enum dg_mech)m) &&
		    s->binding_exporter.n == 0 && s->binding_unique.n == 0)
			mechs |= DG_MECH_BIT(m);
	if (s->certificate.n == 0)
		mechs |= DG_MECH_BIT(DG_MECH_EXTERNAL);
	return mechs;
}

unsigned
dg_srv_usable(const struct dg_srv *s)
{
	unsigned mechs = s->peer.mechs & DG_MECH_ALL & ~without_ground(s);

	if (s->has_tls)
		return mechs;
	if (s->peer.requires_tls)
		return 0;
	for (unsigned m = 0; m < DG_MECH_N; m++)
		if (s->peer.clear_needs_tls &&
		    dg_mech_is_clear((enum dg_mech)m))
			mechs &= ~DG_MECH_BIT(m);
	return mechs;
}

/* Offered at the last EHLO, or taken though not shown. */
static unsigned
allowed(const struct dg_srv *s, struct dg_str verb)
{
	const struct dg_dialect *d = s->peer.dialect;
	unsigned mechs = 0;

	for (size_t i = 0; i < s->hello.n_offered; i++)
		if (dg_str_iis(verb, s->hello.offered[i].verb))
			mechs |= s->hello.offered[i].mechs;
	for (size_t i = 0; i < d->n_accept; i++) {
		if (dg_str_iis(verb, d->accept[i])) {
			dg_row_hit(d->row[DG_DIALECT_ROW_ACCEPT]);
			mechs |= dg_srv_usable(s);
		}
	}
	if (d->n_accept == 0)
		dg_row_hit(d->row[DG_DIALECT_ROW_ACCEPT]);
	return mechs;
}

static void
end_dialogue(struct dg_srv *s)
{
	struct srv_login *l = &s->login;

	if (l->acceptor == NULL)
		return;
	l->log = dg_arena_str(&l->arena, dg_acceptor_log(l->acceptor));
	snprintf(l->strength, sizeof(l->strength), "%s",
	    dg_acceptor_strength(l->acceptor));
	dg_acceptor_free(l->acceptor);
	l->acceptor = NULL;
}

void
dg_srv_login_forget(struct dg_srv *s)
{
	struct srv_login *l = &s->login;
	struct dg_arena arena = l->arena;

	dg_acceptor_free(l->acceptor);
	dg_arena_reset(&arena);
	memset(l, 0, sizeof(*l));
	l->arena = arena;
}

/* The dialogue is over and was answered. */
static enum srv_state
after(struct dg_srv *s, enum srv_state next)
{
	end_dialogue(s);
	if (next == SRV_READY && s->has_behind)
		return dg_srv_end(s, 421, "4.7.0",
		    "commands were sent before the login was answered");
	return next;
}

static enum srv_state
refuse(struct dg_srv *s, const struct dg_err *e)
{
	if (e->code / 100 == 4)
		dg_srv_say(s, 454, "4.7.0",
		    "temporary authentication failure, try again later");
	else
		dg_srv_say(s, 535, "5.7.8", "authentication failed");
	return SRV_READY;
}

static enum srv_state
ask_credential(struct dg_srv *s)
{
	struct srv_login *l = &s->login;
	const struct dg_identity *id = dg_acceptor_identity(l->acceptor);

	l->identity = (struct dg_identity){
		.user = dg_arena_str(&l->arena, id->user),
		.domain = dg_arena_str(&l->arena, id->domain),
		.workstation = dg_arena_str(&l->arena, id->workstation),
		.account = dg_arena_str(&l->arena, id->account),
	};
	l->has_identity = true;
	dg_acts_add(s->out, DG_ACT_ASK)->ask = DG_ASK_CREDENTIAL;
	return SRV_LOGIN;
}

static enum srv_state verdict(struct dg_srv *s, enum dg_auth_step did,
    const struct dg_err *e);

/* What a step of the dialogue means for the session. */
static enum srv_state
follow(struct dg_srv *s, enum dg_auth_step step, const struct dg_buf *text,
    const struct dg_err *e)
{
	switch (step) {
	case DG_AUTH_SEND:
		dg_srv_plain(s, 334, dg_buf_str(text));
		return SRV_AUTH;
	case DG_AUTH_ASK:
		return ask_credential(s);
	case DG_AUTH_SYNTAX:
		return after(s,
		    dg_srv_bad(s, SRV_READY, 501,
			e->enhanced[0] != '\0' ? e->enhanced : "5.5.2",
			e->text[0] != '\0' ? e->text : "bad base64"));
	case DG_AUTH_CANCELLED:
		dg_srv_say(s, 501, "5.7.0", "authentication cancelled");
		return after(s, SRV_READY);
	default:
		/* an acceptor never says OK before it was answered */
		return s->login.is_answered ? verdict(s, step, e)
					    : after(s, refuse(s, e));
	}
}

static enum srv_state
step(struct dg_srv *s, struct dg_str line)
{
	struct dg_err e = { 0 };
	struct dg_buf text;
	enum dg_auth_step did;
	enum srv_state next;

	dg_buf_init(&text, CHALLENGE_MAX);
	did = dg_acceptor_step(s->login.acceptor, line, &text, &e);
	next = follow(s, did, &text, &e);
	dg_buf_fini(&text);
	return next;
}

/* Under any verb, at the last EHLO. */
static unsigned
shown(const struct dg_srv *s)
{
	unsigned mechs = 0;

	for (size_t i = 0; i < s->hello.n_offered; i++)
		mechs |= s->hello.offered[i].mechs;
	return mechs;
}

static enum srv_state
begin(struct dg_srv *s, enum dg_mech mech, struct dg_str initial)
{
	const struct dg_dialect *d = s->peer.dialect;
	const unsigned plus = DG_MECH_BIT(DG_MECH_SCRAM_SHA_256_PLUS) |
			      DG_MECH_BIT(DG_MECH_SCRAM_SHA_1_PLUS);
	struct dg_acceptor_options o = {
		.ntlm_take = d->ntlm_take,
		.host = dg_str(s->hostname),
		.prompt_ntlm = dg_str(d->prompt_ntlm),
		.prompt_user = dg_str(d->prompt_user),
		.prompt_password = dg_str(d->prompt_password),
		.login_initial_is_user = true,
		.login_user_is_clear =
		    d->login_form == DG_LOGIN_USERNAME_IN_LINE,
		.challenges = s->challenges,
		.certificate = dg_buf_str(&s->certificate),
	};

	if (dg_mech_is_bound(mech) || (shown(s) & plus) != 0)
		o.binding = (struct dg_binding){
			.exporter = dg_buf_str(&s->binding_exporter),
			.unique = dg_buf_str(&s->binding_unique),
		};
	if (mech == DG_MECH_NTLM) {
		dg_row_hit(d->row[DG_DIALECT_ROW_TAKE]);
		if (initial.p == NULL)
			dg_row_hit(d->row[DG_DIALECT_ROW_PROMPT_NTLM]);
	}
	if (mech == DG_MECH_LOGIN)
		dg_row_hit(d->row[DG_DIALECT_ROW_PROMPT_LOGIN]);
	dg_srv_login_forget(s);
	s->login.mech = mech;
	s->login.acceptor = dg_acceptor_new(mech, &o);
	return step(s, initial);
}

/* May it begin?  Returns the mechanism, or says why not. */
static bool
may_begin(struct dg_srv *s, struct dg_str verb, struct dg_str name,
    enum dg_mech *mech, enum srv_state *next)
{
	unsigned mechs = allowed(s, verb);

	if (!s->hello.is_ehlo)
		dg_row_hit(s->peer.dialect->row[DG_DIALECT_ROW_HELO]);
	*next = s->state;
	if (s->login.user.n > 0) {
		*next = dg_srv_bad(s, s->state, 503, "5.5.1",
		    "already authenticated");
	} else if (!s->hello.is_ehlo && s->peer.dialect->helo == DG_HELO_EHLO) {
		*next = dg_srv_bad(s, s->state, 503, "5.5.1",
		    "say EHLO before AUTH");
	} else if (s->peer.requires_tls && !s->has_tls) {
		*next = dg_srv_bad(s, s->state, 538, "5.7.11",
		    "encryption required: STARTTLS first");
	} else if (name.n == 0) {
		*next = dg_srv_bad(s, s->state, 501, "5.5.4",
		    "syntax: AUTH mechanism");
	} else if (!dg_mech_find(name, mech)) {
		*next = dg_srv_bad(s, s->state, 504, "5.5.4",
		    "authentication mechanism not supported");
	} else if (mechs & DG_MECH_BIT(*mech)) {
		return true;
	} else if (!s->has_tls && s->peer.clear_needs_tls &&
		   dg_mech_is_clear(*mech) &&
		   (s->peer.mechs & DG_MECH_BIT(*mech))) {
		*next = dg_srv_bad(s, s->state, 538, "5.7.11",
		    "encryption required for this authentication mechanism");
	} else if (mechs == 0) {
		*next = dg_srv_bad(s, s->state, 503, "5.5.1",
		    "authentication is not enabled here");
	} else {
		*next = dg_srv_bad(s, s->state, 504, "5.5.4",
		    "authentication mechanism not supported");
	}
	return false;
}

enum srv_state
dg_srv_on_auth(struct dg_srv *s, const struct dg_command *cmd)
{
	struct dg_str rest = cmd->arg, name = dg_str_word(&rest), initial;
	enum dg_mech mech;
	enum srv_state next;

	if (!may_begin(s, cmd->verb, name, &mech, &next))
		return after(s, next);
	if (++s->auths > s->limits.auths)
		return dg_srv_end(s, 421, "4.7.0",
		    "too many authentication attempts");
	initial = dg_str_word(&rest);
	if (dg_str_word(&rest).n > 0)
		return after(s,
		    dg_srv_bad(s, SRV_READY, 501, "5.5.4",
			"syntax: AUTH mechanism [initial response]"));
	return begin(s, mech, initial.n > 0 ? initial : DG_NOSTR);
}

enum srv_state
dg_srv_auth_line(struct dg_srv *s, struct dg_str line)
{
	/* an empty line is an empty answer (RFC 4954 4), not an absent one */
	return step(s, line.n > 0 ? line : DG_STR(""));
}

enum srv_state
dg_srv_auth_broken(struct dg_srv *s, int code, const char *enhanced,
    const char *text)
{
	return after(s, dg_srv_bad(s, SRV_READY, code, enhanced, text));
}

static enum srv_state
say_welcome(struct dg_srv *s)
{
	dg_srv_say(s, 235, "2.7.0", "authentication successful");
	return SRV_READY;
}

static enum srv_state
welcome(struct dg_srv *s, struct dg_str as)
{
	struct srv_login *l = &s->login;
	struct dg_str name = as.n > 0 ? as : l->identity.account;

	l->user = dg_arena_str(&l->arena, name);
	if (l->user.n == 0) { /* nobody, or past the cap */
		dg_srv_say(s, 535, "5.7.8", "authentication failed");
		return SRV_READY;
	}
	/* first, so that the peer is known when the words leave, and when
	 * somebody is asked */
	dg_acts_add(s->out, DG_ACT_LOGIN);
	if (dg_srv_asks(s, DG_ASK_AUTHENTICATED)) {
		dg_acts_add(s->out, DG_ACT_ASK)->ask = DG_ASK_AUTHENTICATED;
		return SRV_PROVED;
	}
	return say_welcome(s);
}

/* It was proved who this is, and somebody says that it may not be.  No secret
 * is in the answer, so the policy's own words go out. */
enum srv_state
dg_srv_proved_answer(struct dg_srv *s, const struct dg_srv_answer *a)
{
	bool is_refused = a->verdict == DG_VERDICT_REFUSE;
	struct dg_srv_answer refusal = *a;

	if (!is_refused && a->verdict != DG_VERDICT_DEFER &&
	    a->verdict != DG_VERDICT_CLOSE)
		return after(s, say_welcome(s));
	s->login.user = DG_NOSTR;
	dg_acts_add(s->out, DG_ACT_LOGIN);
	dg_acts_trace(s->out, "login refused by policy: %.*s",
	    DG_FMT(dg_str_sub(a->text, 0, 200)));
	if (a->verdict == DG_VERDICT_CLOSE) {
		dg_srv_verdict(s, a, "", "");
		return SRV_GONE;
	}
	if (refusal.code == 0) {
		refusal.code = is_refused ? 535 : 454;
		snprintf(refusal.enhanced, sizeof(refusal.enhanced), "%s",
		    is_refused ? "5.7.8" : "4.7.0");
	}
	dg_srv_verdict(s, &refusal, "authentication failed",
	    "temporary authentication failure, try again later");
	return after(s, SRV_READY);
}

/* The dialogue came to its end after somebody said whose account it is. */
static enum srv_state
verdict(struct dg_srv *s, enum dg_auth_step did, const struct dg_err *e)
{
	end_dialogue(s);
	dg_acts_trace(s->out, "login %s: %.*s",
	    did == DG_AUTH_OK ? "proved" : "refused", DG_FMT(s->login.log));
	if (did == DG_AUTH_OK)
		return after(s, welcome(s, s->login.as));
	return after(s, refuse(s, e));
}

enum srv_state
dg_srv_auth_answer(struct dg_srv *s, const struct dg_srv_answer *a)
{
	const struct dg_credential *c = a->credential;
	struct dg_err e = { 0 };
	enum dg_auth_step did;
	enum srv_state next;
	struct dg_buf text;

	if (a->verdict == DG_VERDICT_CLOSE) {
		dg_srv_verdict(s, a, "", "");
		end_dialogue(s);
		return SRV_GONE;
	}
	if (a->verdict == DG_VERDICT_DEFER) {
		e.code = 454;
		return after(s, refuse(s, &e));
	}
	if (a->verdict == DG_VERDICT_REFUSE) {
		/* computed and said as for an unknown account; the policy's
		 * own words are for the log */
		c = NULL;
		dg_acts_trace(s->out, "login refused by policy: %.*s",
		    DG_FMT(a->text));
	}
	s->login.as = dg_arena_str(&s->login.arena, a->as);
	s->login.is_answered = true;
	dg_buf_init(&text, CHALLENGE_MAX);
	did = dg_acceptor_answer(s->login.acceptor, c, a->decoy, &text, &e);
	next = follow(s, did, &text, &e);
	dg_buf_fini(&text);
	return next;
}

/* ---- what is known ---- */

void
dg_srv_set_tls_facts(struct dg_srv *s, const struct dg_binding *b,
    struct dg_str certificate)
{
	dg_buf_reset(&s->binding_exporter);
	dg_buf_reset(&s->binding_unique);
	dg_buf_reset(&s->certificate);
	(void)dg_buf_add(&s->binding_exporter, b->exporter);
	(void)dg_buf_add(&s->binding_unique, b->unique);
	(void)dg_buf_add(&s->certificate, certificate);
}

struct dg_str
dg_srv_token(const struct dg_srv *s)
{
	if (s->login.acceptor == NULL || !s->login.has_identity)
		return DG_STR("");
	return dg_acceptor_identity(s->login.acceptor)->token;
}

struct dg_str
dg_srv_user(const struct dg_srv *s)
{
	return s->login.user.n > 0 ? s->login.user : DG_STR("");
}

const char *
dg_srv_mechanism(const struct dg_srv *s)
{
	if (s->state != SRV_LOGIN && s->login.user.n == 0)
		return "";
	return dg_mech_name(s->login.mech);
}

const char *
dg_srv_strength(const struct dg_srv *s)
{
	return s->login.strength;
}

struct dg_str
dg_srv_auth_log(const struct dg_srv *s)
{
	if (s->login.acceptor != NULL)
		return dg_acceptor_log(s->login.acceptor);
	return s->login.log.n > 0 ? s->login.log : DG_STR("");
}

const struct dg_identity *
dg_srv_identity(const struct dg_srv *s)
{
	return s->login.has_identity ? &s->login.identity : NULL;
}
