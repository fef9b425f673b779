/*
 * client_auth.c - saying a candidate, and what the answers amount to.
 *
 * A 334 is told from a challenge by what we said, never by its text: servers
 * answer a bare verb with words (MS-SMTPNTLM), with nothing, or with base64.
 * A refusal is read once, the owner's policy may overrule the reading, and
 * then one function decides who is next.  Probing with verbs that a server
 * does not know costs the connection at some of them, so two are the limit.
 */
#include "client_state.h"

#include <stdio.h>

enum {
	COMMAND_MAX = 510, /* RFC 4954 4: a longer one waits for the 334 */
	UNKNOWN_VERBS_MAX = 2,
	LINE_ROOM = 16 * 1024,
};

static enum cli_state say_candidate(struct dg_cli *c, struct cli_candidate *k,
    struct dg_acts *out);
static enum cli_state refused(struct dg_cli *c, struct dg_result *r,
    struct dg_acts *out);

/* ---- saying ---- */

static void
drop_initiator(struct dg_cli *c)
{
	struct cli_login *l = &c->login;

	if (l->initiator == NULL)
		return;
	dg_buf_reset(&l->log);
	(void)dg_buf_add(&l->log, dg_initiator_log(l->initiator));
	dg_initiator_free(l->initiator);
	l->initiator = NULL;
}

/* "hq-relay.example" is HQ-RELAY to NetBIOS, which has 15 characters. */
static struct dg_str
workstation(const struct dg_cli *c, char to[16])
{
	struct dg_str name =
	    dg_str_sub(c->o.helo, 0, dg_str_find(c->o.helo, '.'));
	size_t n = name.n < 15 ? name.n : 15;

	for (size_t i = 0; i < n; i++) {
		char ch = name.p[i];

		to[i] = (char)(ch >= 'a' && ch <= 'z' ? ch - 'a' + 'A' : ch);
	}
	to[n] = '\0';
	return dg_str(to);
}

/* The service's name: "h:587" is SMTP/h, "[::1]:25" is SMTP/::1. */
static void
service(const struct dg_cli *c, char *to, size_t room)
{
	struct dg_str host = c->o.host;
	size_t colon = dg_str_rfind(host, ':');

	if (host.n > 0 && host.p[0] == '[')
		host = dg_str_sub(host, 1, dg_str_find(host, ']') - 1);
	else if (colon < host.n && dg_str_find(host, ':') == colon)
		host = dg_str_sub(host, 0, colon);
	snprintf(to, room, "SMTP/%.*s", DG_FMT(host));
}

static unsigned
port(const struct dg_cli *c)
{
	struct dg_str host = c->o.host;
	size_t colon = dg_str_rfind(host, ':');
	uint64_t n;

	if (colon == host.n ||
	    (host.p[0] != '[' && dg_str_find(host, ':') != colon) ||
	    !dg_str_u64(dg_str_from(host, colon + 1), &n) || n > 65535)
		return 0;
	return (unsigned)n;
}

void
dg_cli_set_binding(struct dg_cli *c, const struct dg_binding *b)
{
	dg_buf_reset(&c->binding_exporter);
	dg_buf_reset(&c->binding_unique);
	(void)dg_buf_add(&c->binding_exporter, b->exporter);
	(void)dg_buf_add(&c->binding_unique, b->unique);
}

static void
new_initiator(struct dg_cli *c, const struct cli_candidate *k)
{
	char station[16], target[300];
	struct dg_initiator_options o = {
		.ntlm_send = c->dialect->ntlm_send,
		.ntlm_initial =
		    c->dialect->ntlm_initial || c->login.is_other_form,
		.login_form = c->dialect->login_form,
		.workstation = workstation(c, station),
		.challenges = c->o.challenges,
	};

	if (k->login->mech == DG_MECH_LOGIN)
		dg_row_hit(c->dialect->row[DG_DIALECT_ROW_LOGIN_FORM]);
	if (k->login->mech == DG_MECH_NTLM) {
		dg_row_hit(c->dialect->row[DG_DIALECT_ROW_NTLM_FORM]);
		dg_row_hit(c->dialect->row[DG_DIALECT_ROW_SEND]);
	}
	service(c, target, sizeof(target));
	o.target = dg_str(target);
	o.port = port(c);
	if (dg_mech_is_bound(k->login->mech))
		o.binding = (struct dg_binding){
			.exporter = dg_buf_str(&c->binding_exporter),
			.unique = dg_buf_str(&c->binding_unique),
		};
	drop_initiator(c);
	c->login.initiator = dg_initiator_new(k->login, &o);
}

/* We cannot say it ourselves: no word of it went out. */
static enum cli_state
cannot(struct dg_cli *c, const struct dg_err *e, struct dg_acts *out)
{
	struct dg_result r;

	dg_cli_words(c, &r, DG_MEANING_NO_COMMON_AUTH,
	    "no login by %s is possible here: %s", dg_cli_mech(c), e->text);
	r.stage = DG_STAGE_AUTH;
	return refused(c, &r, out);
}

static enum cli_state
say_verb(struct dg_cli *c, bool has_first, bool is_all, struct dg_acts *out)
{
	const struct cli_candidate *k = c->login.now;
	const char *mech = dg_mech_name(k->login->mech);
	const char *first = has_first ? dg_buf_z(&c->login.first) : "";
	size_t length =
	    strlen(k->verb) + 1 + strlen(mech) + 1 + c->login.first.n;

	c->login.n_answered = 0;
	c->login.first_is_all = is_all;
	if (!has_first) {
		dg_cli_say(out, "%s %s", k->verb, mech);
		return CLI_AUTH;
	}
	if (length > COMMAND_MAX ||
	    (c->login.is_other_form && c->dialect->ntlm_initial)) {
		dg_cli_say(out, "%s %s", k->verb, mech);
		return CLI_HELDBACK;
	}
	dg_cli_hush(c, dg_str(first));
	/* RFC 4954 4: an empty response is "=" on the verb line */
	dg_cli_say(out, "%s %s %s", k->verb, mech,
	    first[0] != '\0' ? first : "=");
	dg_buf_wipe(&c->login.first);
	return is_all ? CLI_VERDICT : CLI_AUTH;
}

static enum cli_state
say_candidate(struct dg_cli *c, struct cli_candidate *k, struct dg_acts *out)
{
	struct dg_err e = { 0 };
	enum dg_auth_step step;
	bool has_first = false;

	c->login.now = k;
	new_initiator(c, k);
	dg_buf_wipe(&c->login.first);
	step = dg_initiator_first(c->login.initiator, &c->login.first,
	    &has_first, &e);
	if (step != DG_AUTH_SEND && step != DG_AUTH_OK)
		return cannot(c, &e, out);
	return say_verb(c, has_first, step == DG_AUTH_OK, out);
}

/* Nothing in the login list can be said to this server. */
static enum cli_state
no_candidate(struct dg_cli *c, const struct dg_cli_answer *wish,
    struct dg_acts *out)
{
	const char *offered =
	    c->offered.n > 0 ? dg_buf_z(&c->offered) : "nothing";
	struct dg_result r;

	if (wish != NULL && (wish->verb.n > 0 || wish->has_mech))
		dg_cli_words(c, &r, DG_MEANING_NO_COMMON_AUTH,
		    "the policy chose %.*s %s at %s, which the hop's login "
		    "list does not allow (offered: %.600s)",
		    DG_FMT(wish->verb),
		    wish->has_mech ? dg_mech_name(wish->mech) : "", c->host,
		    offered);
	else
		dg_cli_words(c, &r, DG_MEANING_NO_COMMON_AUTH,
		    "%s offers no way to log in that we may use (offered: "
		    "%.600s)",
		    c->host, offered);
	r.stage = DG_STAGE_AUTH;
	dg_acts_trace(out, "%.300s -> no-common-auth", r.text);
	return dg_cli_finish(c, &r, out);
}

enum cli_state
dg_cli_login(struct dg_cli *c, const struct dg_cli_answer *wish,
    struct dg_acts *out)
{
	struct cli_candidate *k;

	if (c->o.n_logins == 0)
		return CLI_READY;
	dg_cli_candidates(c, wish);
	k = dg_cli_candidate_next(c, NULL, DG_MEANING_OK);
	if (k == NULL)
		return no_candidate(c, wish, out);
	return say_candidate(c, k, out);
}

/* ---- refusals ---- */

/* Of several refusals the administrator is told the one that says most. */
static int
weight(enum dg_meaning m)
{
	switch (m) {
	case DG_MEANING_LOGIN_REFUSED:
		return 4;
	case DG_MEANING_TLS_FAILED:
		return 3;
	case DG_MEANING_NO_COMMON_AUTH:
		return 2;
	case DG_MEANING_VERB_UNKNOWN:
		return 1;
	default:
		return 0;
	}
}

/* A new session is to skip this verb too; the list only ever grows, so new
 * sessions come to an end. */
static void
skip_add(struct cli_login *l, const char *have, const char *verb)
{
	char list[sizeof(l->skip)];
	int n;

	if (l->skip[0] != '\0')
		have = l->skip;
	n = snprintf(list, sizeof(list), "%s%s%s", have,
	    have[0] != '\0' ? " " : "", verb);
	if (n < 0 || (size_t)n >= sizeof(list))
		l->is_skip_full = true;
	else
		memcpy(l->skip, list, sizeof(list));
}

static void
trace_next(struct dg_cli *c, const struct dg_result *r, const char *then,
    const char *what, struct dg_acts *out)
{
	dg_acts_trace(out, "said %s %s (%s), %.200s -> %s -> %s%s",
	    dg_cli_verb(c), dg_cli_mech(c), dg_cli_why(c), r->text,
	    dg_meaning_name(r->meaning), then, what);
}

static enum cli_state
give_up(struct dg_cli *c, struct dg_acts *out)
{
	struct dg_result r = c->login.refusal;

	/* every verb there is, and none is known here */
	if (r.meaning == DG_MEANING_VERB_UNKNOWN)
		r.meaning = DG_MEANING_NO_COMMON_AUTH;
	return dg_cli_finish(c, &r, out);
}

/* The login of the moment failed as r says: who is next?  A temporary trouble
 * is the server's, not the candidate's: nobody else is tried then. */
static enum cli_state
refused(struct dg_cli *c, struct dg_result *r, struct dg_acts *out)
{
	struct cli_login *l = &c->login;
	struct cli_candidate *was = l->now, *next;

	drop_initiator(c);
	if (weight(r->meaning) == 0) {
		trace_next(c, r, "end", "", out);
		return dg_cli_finish(c, r, out);
	}
	if (weight(r->meaning) > weight(l->refusal.meaning))
		l->refusal = *r;
	dg_cli_strike(c, was, r->meaning);
	l->is_other_form = false;
	next = dg_cli_candidate_next(c, was, r->meaning);
	if (r->meaning == DG_MEANING_VERB_UNKNOWN) {
		l->n_unknown++;
		skip_add(l, c->skip_verb, was->verb);
	}
	if (next == NULL) {
		trace_next(c, r, "none is left", "", out);
		return give_up(c, out);
	}
	if (r->meaning == DG_MEANING_VERB_UNKNOWN &&
	    l->n_unknown >= UNKNOWN_VERBS_MAX) {
		if (l->is_skip_full)
			return give_up(c, out);
		trace_next(c, r, "new session for verb ", next->verb, out);
		l->wants_new_session = true;
		return dg_cli_finish(c, r, out);
	}
	if (r->meaning == DG_MEANING_VERB_UNKNOWN)
		trace_next(c, r, "next verb ", next->verb, out);
	else
		trace_next(c, r, "next login ", dg_mech_name(next->login->mech),
		    out);
	return say_candidate(c, next, out);
}

bool
dg_cli_lost_by_verb(struct dg_cli *c, struct dg_result *r)
{
	struct cli_login *l = &c->login;

	if ((c->state != CLI_AUTH && c->state != CLI_HELDBACK &&
		c->state != CLI_VERDICT) ||
	    l->n_answered > 0 || l->n_unknown == 0 || l->is_skip_full)
		return false;
	dg_cli_words(c, r, DG_MEANING_VERB_UNKNOWN,
	    "%s closed the connection after a verb that it does not know "
	    "(%s): the next in a new session",
	    c->host, l->skip);
	l->wants_new_session = true;
	return true;
}

/* ---- answers ---- */

/* A reply that is neither 235 nor 334 becomes a refusal. */
static void
read_refusal(struct dg_cli *c, struct dg_result *r)
{
	dg_cli_read(c, r);
	if (r->by != NULL)
		return; /* the dialect knows better */
	if (r->code < 300) {
		/* 250 to AUTH is a firewall's word for a verb that it hides;
		 * 250 to a password is no 235, and proves nothing */
		r->code = 0;
		r->enhanced[0] = '\0';
		r->meaning = c->login.n_answered == 0
				 ? DG_MEANING_VERB_UNKNOWN
				 : DG_MEANING_LOGIN_REFUSED;
	} else if (r->meaning == DG_MEANING_VERB_UNKNOWN &&
		   c->login.n_answered > 0) {
		/* the verb was known: it is the dialogue that went wrong */
		r->meaning = DG_MEANING_NO_COMMON_AUTH;
	}
}

/* 501 to the verb line: once more with the first response after the 334
 * instead of on the line, or the other way round. */
static bool
may_change_form(const struct dg_cli *c, const struct dg_result *r)
{
	return r->code == 501 && r->by == NULL && c->login.n_answered == 0 &&
	       c->login.now->login->mech == DG_MECH_NTLM &&
	       !c->login.is_other_form;
}

/* What the server said inside the dialogue, where the reply says only that it
 * did not work (OAuth 2). */
static void
add_refusal(struct dg_cli *c, struct dg_result *r)
{
	struct dg_buf words;
	size_t n = strlen(r->text);

	if (c->login.initiator == NULL)
		return;
	dg_buf_init(&words, sizeof(r->text));
	(void)dg_buf_add(&words, dg_initiator_refusal(c->login.initiator));
	dg_cli_hushed(c, &words);
	if (words.n > 0)
		snprintf(r->text + n, sizeof(r->text) - n,
		    " (of the token: %s)", dg_buf_z(&words));
	dg_buf_fini(&words);
}

static enum cli_state
on_refusal(struct dg_cli *c, struct dg_acts *out)
{
	struct dg_result r;

	read_refusal(c, &r);
	add_refusal(c, &r);
	if (may_change_form(c, &r)) {
		trace_next(c, &r, "the other form of it", "", out);
		c->login.is_other_form = true;
		return say_candidate(c, c->login.now, out);
	}
	if (c->o.asks_reply && r.code >= 400) {
		struct dg_act *act = dg_acts_add(out, DG_ACT_ASK);

		act->ask = DG_ASK_REPLY;
		act->result = r;
		c->end = r; /* kept until the answer comes */
		return CLI_JUDGE;
	}
	return refused(c, &r, out);
}

enum cli_state
dg_cli_judged(struct dg_cli *c, const struct dg_cli_answer *a,
    struct dg_acts *out)
{
	struct dg_result r = c->end;
	bool others_may_do;

	if (!a->has_action)
		return refused(c, &r, out);
	if (a->action == DG_ACTION_NEXT_VERB) {
		r.meaning = DG_MEANING_VERB_UNKNOWN;
		return refused(c, &r, out);
	}
	if (a->meaning != DG_MEANING_OK)
		r.meaning = a->meaning;
	/* hold and fail say what becomes of the mail when no row of the login
	 * list works, so the other rows come first; "retry" and "next-host"
	 * are about this server, now */
	others_may_do =
	    (a->action == DG_ACTION_HOLD || a->action == DG_ACTION_FAIL) &&
	    r.meaning != DG_MEANING_VERB_UNKNOWN;
	if (others_may_do)
		return refused(c, &r, out);
	drop_initiator(c);
	trace_next(c, &r, dg_action_name(a->action), "", out);
	return dg_cli_finish(c, &r, out);
}

/* The hop did refuse, and said so before the connection went: what that
 * amounts to (no candidate left, a verb for a new session) must not depend on
 * how long a policy thinks.  What would be said is said to nobody. */
void
dg_cli_unjudged(struct dg_cli *c)
{
	const struct dg_cli_answer nobody = { 0 };
	struct dg_acts unsaid;

	dg_acts_init(&unsaid);
	dg_cli_enter(c, dg_cli_judged(c, &nobody, &unsaid));
	dg_buf_wipe(&unsaid.text); /* it may hold a password in base64 */
	dg_acts_fini(&unsaid);
}

/* We break off: "*", and its answer is waited for (RFC 4954 4). */
static enum cli_state
cancel(struct dg_cli *c, const char *why, struct dg_acts *out)
{
	dg_cli_words(c, &c->end, DG_MEANING_NO_COMMON_AUTH,
	    "we broke off the login at %s: %s", c->host, why);
	dg_cli_say(out, "*");
	return CLI_CANCEL;
}

enum cli_state
dg_cli_on_cancelled(struct dg_cli *c, struct dg_acts *out)
{
	struct dg_result r = c->end;

	/* 501, or 535 at some; a 235 to "*" would be a lie */
	if (c->reply.code < 400)
		return dg_cli_unexpected(c, "an answer to \"*\" (501)", out);
	return refused(c, &r, out);
}

static enum cli_state
on_challenge(struct dg_cli *c, struct dg_acts *out)
{
	struct dg_err e = { 0 };
	enum dg_auth_step step;
	struct dg_buf line;

	c->login.n_answered++;
	if (c->state == CLI_HELDBACK) {
		dg_cli_hush(c, dg_buf_str(&c->login.first));
		dg_cli_say(out, "%s", dg_buf_z(&c->login.first));
		dg_buf_wipe(&c->login.first);
		return c->login.first_is_all ? CLI_VERDICT : CLI_DIALOGUE;
	}
	if (c->state == CLI_VERDICT)
		return cancel(c, "it asked on after all was said", out);
	if (c->reply.lines != 1)
		return cancel(c, "a challenge of several lines", out);
	dg_buf_init(&line, LINE_ROOM);
	step = dg_initiator_step(c->login.initiator, dg_buf_str(&c->reply.text),
	    &line, &e);
	if (step == DG_AUTH_SEND || step == DG_AUTH_OK) {
		dg_cli_hush(c, dg_buf_str(&line));
		dg_cli_say(out, "%s", dg_buf_z(&line));
	}
	dg_buf_wipe(&line);
	dg_buf_fini(&line);
	if (step == DG_AUTH_SEND)
		return CLI_DIALOGUE;
	if (step == DG_AUTH_OK)
		return CLI_VERDICT;
	return cancel(c, e.text, out);
}

/* 235 from a server that did not show what only ours can know: whoever it is,
 * it gets no mail, and no other login of ours either. */
static enum cli_state
unproved(struct dg_cli *c, struct dg_acts *out)
{
	struct dg_result r;

	dg_cli_words(c, &r, DG_MEANING_NO_COMMON_AUTH,
	    "%s says that we are logged in by %s, and has not proved that it "
	    "knows us",
	    c->host, dg_cli_mech(c));
	r.stage = DG_STAGE_AUTH;
	trace_next(c, &r, "end", "", out);
	drop_initiator(c);
	return dg_cli_finish(c, &r, out);
}

enum cli_state
dg_cli_on_auth(struct dg_cli *c, struct dg_acts *out)
{
	int code = c->reply.code;

	if (code == 235 && !dg_initiator_may_end(c->login.initiator))
		return unproved(c, out);
	if (code == 235) {
		drop_initiator(c);
		dg_acts_trace(out, "said %s %s (%s), 235 -> logged in",
		    dg_cli_verb(c), dg_cli_mech(c), dg_cli_why(c));
		return CLI_READY;
	}
	if (code == 334)
		return on_challenge(c, out);
	if (code >= 300 && code < 400)
		return dg_cli_unexpected(c, "334 or 235", out);
	return on_refusal(c, out);
}
