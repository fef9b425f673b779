#ifndef DRAGOMAN_TESTS_PLAYED_SERVER_H
#define DRAGOMAN_TESTS_PLAYED_SERVER_H

/* played_server.h - the server machine with an owner made of cardboard.
 *
 * A script is an array of lines: "C: ..." is said by the client (several in a
 * row go out together), "S: ..." must be the next line of the replies ('*' at
 * the end: whatever follows), "R:..." is raw client bytes without CRLF, "X"
 * says that the session was closed, "T" that the TLS handshake succeeds.
 * Everything runs in memory, with a tiny policy; feed_size 1 hands over one
 * byte at a time.  is_late: no question is answered before more input came, or
 * none is left, and what comes meanwhile is offered to the machine in vain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/auth/users.h"
#include "dragoman/base/buf.h"
#include "dragoman/smtp/server.h"
#include "dragoman/wire/path.h"

struct play {
	struct dg_srv *srv;
	struct dg_acts acts;
	struct dg_buf input, wire, body;
	size_t heard;     /* of wire, by the script */
	size_t feed_size; /* 0: all at once */
	bool is_closed, has_tls_asked;
	int drafts, commits, aborts, logins;
	struct dg_buf envelope; /* "sender -> rcpt rcpt" of the last commit */
	bool body_8bit;
	/* the policy */
	struct dg_srv_options options;
	struct dg_srv_peer peer;
	struct dg_srv_answer connect, offer;
	const struct dg_credential *alice;
	const struct dg_binding *binding; /* to TLS; NULL: none */
	enum dg_rc draft_rc, commit_rc;
	struct dg_err failure;
	bool fails_writing;
	const char *holds; /* the state whose question stays unanswered */
	struct dg_srv_answer command, proved, sender, content;
	bool is_late, is_open;
	struct dg_act open; /* the question, when is_open */
	unsigned n_asked;
	struct dg_buf asked; /* what the questions added since were about */
};

static inline void
play_init(struct play *p)
{
	memset(p, 0, sizeof(*p));
	dg_acts_init(&p->acts);
	dg_buf_init(&p->input, 64 * 1024 * 1024);
	dg_buf_init(&p->wire, 1024 * 1024);
	dg_buf_init(&p->body, 64 * 1024 * 1024);
	dg_buf_init(&p->envelope, 1024 * 1024);
	dg_buf_init(&p->asked, 1024 * 1024);
	p->options = (struct dg_srv_options){
		.dialect = dg_dialect_rfc4954(),
		.hostname = DG_STR("relay.example"),
		.address = DG_STR("10.0.0.5"),
		.listener = DG_STR("ims"),
		.limits = { .size = 1000, .recipients = 3, .errors = 5 },
	};
	p->peer = (struct dg_srv_peer){
		.dialect = dg_dialect_rfc4954(),
		.mechs = DG_MECH_BIT(DG_MECH_NTLM) |
			 DG_MECH_BIT(DG_MECH_LOGIN) |
			 DG_MECH_BIT(DG_MECH_PLAIN),
		.may_relay = true,
	};
}

static inline void
play_fini(struct play *p)
{
	dg_srv_free(p->srv);
	p->srv = NULL;
	dg_acts_fini(&p->acts);
	dg_buf_fini(&p->input);
	dg_buf_fini(&p->wire);
	dg_buf_fini(&p->body);
	dg_buf_fini(&p->envelope);
	dg_buf_fini(&p->asked);
}

/* What a recipient's local part asks for. */
static inline struct dg_srv_answer
play_recipient(const struct play *p)
{
	struct dg_str to = dg_srv_asked_address(p->srv);
	struct dg_srv_answer a = { .hop = DG_STR("h") };

	if (dg_str_has_prefix(to, DG_STR("refuse"))) {
		a.verdict = DG_VERDICT_REFUSE;
		a.code = 550;
		strcpy(a.enhanced, "5.1.1");
		a.text = DG_STR("no such user");
	} else if (dg_str_has_prefix(to, DG_STR("wordless"))) {
		a.verdict = DG_VERDICT_REFUSE;
	} else if (dg_str_has_prefix(to, DG_STR("defer"))) {
		a.verdict = DG_VERDICT_DEFER;
	} else if (dg_str_has_prefix(to, DG_STR("close"))) {
		a.verdict = DG_VERDICT_CLOSE;
	} else if (dg_str_has_prefix(to, DG_STR("discard"))) {
		a.verdict = DG_VERDICT_DISCARD;
	} else if (dg_str_has_prefix(to, DG_STR("rewrite"))) {
		a.to = DG_STR("new@hop.example");
	}
	return a;
}

static inline struct dg_srv_answer
play_credential(const struct play *p)
{
	const struct dg_identity *id = dg_srv_identity(p->srv);
	struct dg_srv_answer a = { 0 };

	assert_non_null(id);
	if (dg_str_iis(id->account, "alice"))
		a.credential = p->alice;
	else if (dg_str_iis(id->account, "carol"))
		a = (struct dg_srv_answer){
			.verdict = DG_VERDICT_REFUSE,
			.code = 550,
			.text = DG_STR("carol may not"),
		};
	else if (dg_str_iis(id->account, "dave"))
		a.verdict = DG_VERDICT_DEFER;
	return a;
}

/* The questions that are asked only when options.asks says so. */
static inline struct dg_srv_answer
play_optional(struct play *p, enum dg_ask ask)
{
	const struct dg_srv *s = p->srv;

	assert_int_not_equal(p->options.asks & DG_ASK_BIT(ask), 0);
	switch (ask) {
	case DG_ASK_COMMAND:
		dg_buf_addf(&p->asked, "[%.*s|%.*s]",
		    DG_FMT(dg_srv_unknown_verb(s)),
		    DG_FMT(dg_srv_unknown_argument(s)));
		return p->command;
	case DG_ASK_AUTHENTICATED:
		dg_buf_addf(&p->asked, "[%.*s %s %s]", DG_FMT(dg_srv_user(s)),
		    dg_srv_mechanism(s), dg_srv_strength(s));
		return p->proved;
	case DG_ASK_SENDER:
		dg_buf_addf(&p->asked, "[%.*s %d %.*s]",
		    DG_FMT(dg_srv_asked_sender(s)), (int)dg_srv_asked_size(s),
		    DG_FMT(dg_srv_asked_body(s)));
		return p->sender;
	case DG_ASK_CONTENT:
		assert_true(
		    dg_srv_trace_size(s) + dg_srv_message_size(s) == p->body.n);
		dg_buf_addf(&p->asked, "[%.*s]",
		    DG_FMT(dg_str_sub(dg_buf_str(&p->body),
			dg_srv_trace_size(s), dg_srv_header_size(s))));
		return p->content;
	default:
		fail_msg("a server asked %d", (int)ask);
		return p->content;
	}
}

static inline void
play_answer(struct play *p, enum dg_ask ask)
{
	struct dg_srv_answer a = { 0 };

	if (ask == DG_ASK_CONNECT || ask == DG_ASK_OFFER) {
		dg_srv_set_peer(p->srv, &p->peer);
		a = ask == DG_ASK_CONNECT ? p->connect : p->offer;
	} else if (ask == DG_ASK_CREDENTIAL) {
		a = play_credential(p);
	} else if (ask == DG_ASK_RECIPIENT) {
		a = play_recipient(p);
	} else {
		a = play_optional(p, ask);
	}
	dg_acts_reset(&p->acts);
	dg_srv_answer(p->srv, &a, &p->acts);
}

static inline void
play_commit(struct play *p)
{
	struct dg_envelope *env = dg_srv_take_envelope(p->srv);

	p->commits++;
	dg_buf_reset(&p->envelope);
	if (env->is_held)
		dg_buf_adds(&p->envelope, "held: ");
	if (env->original.p != NULL)
		dg_buf_addf(&p->envelope, "(%.*s) ", DG_FMT(env->original));
	if (env->reply_to.n > 0)
		dg_buf_addf(&p->envelope, "{%.*s} ", DG_FMT(env->reply_to));
	dg_buf_addf(&p->envelope, "%.*s ->", DG_FMT(env->sender));
	for (size_t i = 0; i < env->n_rcpts; i++)
		dg_buf_addf(&p->envelope, " %.*s%s",
		    DG_FMT(env->rcpts[i].address),
		    env->rcpts[i].discard ? "!" : "");
	p->body_8bit = env->body_8bit;
	dg_envelope_free(env);
	dg_acts_reset(&p->acts);
	dg_srv_committed(p->srv, p->commit_rc, &p->failure, &p->acts);
}

/* What the owner does with one action; true when the machine waits for it. */
static inline bool
play_act(struct play *p, const struct dg_act *act)
{
	struct dg_str text = dg_act_text(&p->acts, act);

	switch (act->kind) {
	case DG_ACT_SEND:
		assert_false(p->is_closed);
		assert_int_equal(dg_buf_add(&p->wire, text), DG_OK);
		return false;
	case DG_ACT_BODY:
		assert_true(text.n > 0);
		if (p->fails_writing)
			dg_srv_body_failed(p->srv, &p->failure);
		assert_int_equal(dg_buf_add(&p->body, text), DG_OK);
		return false;
	case DG_ACT_ABORT:
		p->aborts++;
		return false;
	case DG_ACT_LOGIN:
		p->logins++;
		dg_srv_set_peer(p->srv, &p->peer);
		return false;
	case DG_ACT_STARTTLS:
		p->has_tls_asked = true;
		return false;
	case DG_ACT_CLOSE:
		assert_false(p->is_closed);
		p->is_closed = true;
		return false;
	case DG_ACT_ASK:
	case DG_ACT_DRAFT:
	case DG_ACT_COMMIT:
		return true;
	default:
		return false;
	}
}

static inline void
play_serve(struct play *p, const struct dg_act *question)
{
	if (question->kind == DG_ACT_ASK) {
		play_answer(p, question->ask);
	} else if (question->kind == DG_ACT_DRAFT) {
		p->drafts++;
		dg_buf_reset(&p->body);
		dg_srv_draft(p->srv, p->draft_rc, DG_STR("k7"), 1795599715000,
		    &p->failure, &p->acts);
	} else if (question->kind == DG_ACT_COMMIT) {
		play_commit(p);
	}
}

static inline void
play_carry_out(struct play *p)
{
	while (p->acts.n > 0) {
		struct dg_act last = { .kind = DG_ACT_TRACE };

		for (size_t i = 0; i < p->acts.n; i++)
			if (play_act(p, &p->acts.v[i])) {
				assert_int_equal(i, p->acts.n - 1);
				assert_true(dg_srv_is_waiting(p->srv));
				last = p->acts.v[i];
			}
		dg_acts_reset(&p->acts);
		if (p->holds != NULL &&
		    strcmp(p->holds, dg_srv_state_name(p->srv)) == 0)
			return;
		if (last.kind == DG_ACT_TRACE)
			return;
		p->n_asked++;
		if (p->is_late) {
			assert_false(p->is_open);
			p->is_open = true;
			p->open = last;
			return;
		}
		play_serve(p, &last);
	}
}

/* The late answer comes. */
static inline void
play_resume(struct play *p)
{
	if (!p->is_open)
		return;
	assert_true(dg_srv_is_waiting(p->srv));
	assert_false(dg_srv_is_idle(p->srv));
	assert_int_equal(dg_srv_feed(p->srv, dg_buf_str(&p->input), &p->acts),
	    0);
	assert_int_equal(p->acts.n, 0);
	p->is_open = false;
	play_serve(p, &p->open);
	play_carry_out(p);
}

static inline void
play_start(struct play *p)
{
	p->srv = dg_srv_new(&p->options);
	if (p->binding != NULL)
		dg_srv_set_tls_facts(p->srv, p->binding, DG_STR(""));
	dg_srv_start(p->srv, &p->acts);
	play_carry_out(p);
}

static inline void
play_pump(struct play *p)
{
	play_resume(p);
	while (p->input.n > 0 && !p->is_closed && !dg_srv_is_waiting(p->srv)) {
		size_t used =
		    dg_srv_feed(p->srv, dg_buf_str(&p->input), &p->acts);

		assert_true(used <= p->input.n);
		dg_buf_eat(&p->input, used);
		play_carry_out(p);
		if (used == 0)
			break;
	}
}

static inline void
play_say(struct play *p, struct dg_str bytes)
{
	size_t step = p->feed_size != 0 ? p->feed_size : bytes.n;

	for (size_t at = 0; at < bytes.n; at += step) {
		assert_int_equal(dg_buf_add(&p->input,
				     dg_str_sub(bytes, at, step)),
		    DG_OK);
		play_pump(p);
	}
	while (p->is_open)
		play_pump(p);
}

/* The next line of the replies, without CRLF; fails when there is none. */
static inline struct dg_str
play_hear(struct play *p)
{
	struct dg_str rest = dg_str_from(dg_buf_str(&p->wire), p->heard);
	size_t lf = dg_str_find(rest, '\n');

	if (lf >= rest.n)
		fail_msg("nothing more was said");
	assert_true(lf > 0 && rest.p[lf - 1] == '\r');
	p->heard += lf + 1;
	return dg_str_sub(rest, 0, lf - 1);
}

static inline void
play_expect(struct play *p, const char *want)
{
	struct dg_str got = play_hear(p), w = dg_str(want);
	bool same = dg_str_eq(got, w);

	if (w.n > 0 && w.p[w.n - 1] == '*')
		same = dg_str_has_prefix(got, dg_str_sub(w, 0, w.n - 1));
	if (!same)
		fail_msg("expected \"%s\", got \"%.*s\"", want, DG_FMT(got));
}

static inline void
play_lines(struct play *p, const char *const *lines)
{
	struct dg_buf say;

	dg_buf_init(&say, 1024 * 1024);
	for (; *lines != NULL; lines++) {
		const char *l = *lines;

		if (strncmp(l, "C: ", 3) == 0) {
			dg_buf_adds(&say, l + 3);
			dg_buf_adds(&say, "\r\n");
			continue;
		}
		if (strncmp(l, "R:", 2) == 0) {
			dg_buf_adds(&say, l + 2);
			continue;
		}
		play_say(p, dg_buf_str(&say));
		dg_buf_reset(&say);
		if (strncmp(l, "S: ", 3) == 0) {
			play_expect(p, l + 3);
		} else if (strcmp(l, "X") == 0) {
			assert_true(p->is_closed);
			assert_string_equal(dg_srv_state_name(p->srv), "GONE");
		} else if (strcmp(l, "T") == 0) {
			assert_true(p->has_tls_asked);
			p->has_tls_asked = false;
			dg_srv_tls_done(p->srv, DG_STR("TLSv1.3 X"));
		} else {
			fail_msg("bad script line \"%s\"", l);
		}
	}
	play_say(p, dg_buf_str(&say));
	dg_buf_fini(&say);
	if (p->heard != p->wire.n)
		fail_msg("unexpected: \"%.*s\"",
		    DG_FMT(dg_str_from(dg_buf_str(&p->wire), p->heard)));
}

/* Play a script all at once, and one byte at a time; with answers that come at
 * once, and late: nothing may be different then. */
static inline void
play_script(void (*setup)(struct play *), const char *const *lines,
    void (*check)(struct play *))
{
	unsigned asked[2] = { 0 };

	for (size_t how = 0; how < 4; how++) {
		struct play p;

		play_init(&p);
		p.feed_size = how & 1;
		p.is_late = (how & 2) != 0;
		if (setup != NULL)
			setup(&p);
		play_start(&p);
		play_lines(&p, lines);
		if (p.is_late)
			assert_int_equal(p.n_asked, asked[how & 1]);
		asked[how & 1] = p.n_asked;
		if (check != NULL)
			check(&p);
		play_fini(&p);
	}
}
/* The account "alice", her password is "password". */
__attribute__((unused)) static const struct dg_credential *
alice_account(void)
{
	static struct dg_credential c;
	struct dg_err e = { 0 };

	if (!c.has_nt)
		assert_int_equal(dg_credential_make(DG_STR("password"), true,
				     &c, &e),
		    DG_OK);
	return &c;
}

#define SCRIPT(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define EHLO \
	"S: 220 relay.example ESMTP", "C: EHLO a.example", \
	    "S: 250-relay.example Hello [10.0.0.5]", "S: 250-PIPELINING", \
	    "S: 250-SIZE 1000", "S: 250-8BITMIME", \
	    "S: 250-ENHANCEDSTATUSCODES", "S: 250-HELP", \
	    "S: 250 AUTH NTLM LOGIN PLAIN"
#define EHLO_TLS \
	"S: 220 relay.example ESMTP", "C: EHLO a.example", \
	    "S: 250-relay.example Hello [10.0.0.5]", "S: 250-PIPELINING", \
	    "S: 250-SIZE 1000", "S: 250-8BITMIME", \
	    "S: 250-ENHANCEDSTATUSCODES", "S: 250-STARTTLS", "S: 250-HELP", \
	    "S: 250 AUTH NTLM LOGIN PLAIN"

#endif
