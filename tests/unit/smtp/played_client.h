#ifndef DRAGOMAN_TESTS_PLAYED_CLIENT_H
#define DRAGOMAN_TESTS_PLAYED_CLIENT_H

/* played_client.h - conversations with hops, played from scripts in memory.
 *
 * A script has one line a step:
 *	S text      the hop says it
 *	C text      we said exactly that, next (a '*' at its end: a prefix)
 *	A text      the same ('+': anything), and it goes to an acceptor that
 *	            answers for the hop
 *	N           we said nothing more
 *	TLS, NOTLS  the handshake we asked for went well, or failed
 *	READY       we told the owner so
 *	MAIL n      a message for n recipients; MAIL8: with 8-bit text
 *	BODY        the owner gives the body we asked for, in pieces
 *	ABORT QUIT LOST
 *	R who what  the recipient's (or "all") only result
 *	ASK what    the owner was asked; USE verb mech, DO action meaning, NIL:
 *	            its answers; LATE: one that comes when all is over
 *	END what    the session ended so (DOUBT: and the hop may have the mail)
 *	NEW skip    a new session is wanted, without these verbs
 *	T text      the trace says it
 *	HUSH text   neither the trace, the end nor a result says it
 * Each is played with whole lines, and with one byte a read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/auth/users.h"
#include "dragoman/smtp/client.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

enum {
	RCPTS = 3
};

static const struct dg_str rcpts[RCPTS] = {
	{ "one@branch.example", 18 },
	{ "two@branch.example", 18 },
	{ "three@branch.example", 20 },
};

struct world {
	const char *why;
	bool by_byte;
	struct dg_cli *cli;
	struct dg_acts acts;
	struct dg_buf in, sent, trace;
	struct dg_acceptor *acceptor;
	struct dg_credential account;
	unsigned n_ready, n_pulls, n_tls, n_ended, n_asks;
	enum dg_ask asked;
	struct dg_result ended, about;
	size_t n_rcpts;
	unsigned n_results[RCPTS];
	struct dg_result results[RCPTS];
};

static struct dg_secret password = { (char *)(uintptr_t) "Pa$$w0rd", 8 };

static void
carry_out(struct world *w)
{
	for (size_t i = 0; i < w->acts.n; i++) {
		const struct dg_act *a = &w->acts.v[i];
		struct dg_str text = dg_act_text(&w->acts, a);

		switch (a->kind) {
		case DG_ACT_SEND:
			assert_int_equal(w->n_ended, 0);
			assert_int_equal(dg_buf_add(&w->sent, text), DG_OK);
			break;
		case DG_ACT_TRACE:
			(void)dg_buf_add(&w->trace, text);
			(void)dg_buf_addc(&w->trace, '\n');
			break;
		case DG_ACT_READY:
			w->n_ready++;
			break;
		case DG_ACT_PULL:
			w->n_pulls++;
			break;
		case DG_ACT_STARTTLS:
			w->n_tls++;
			break;
		case DG_ACT_ASK:
			w->n_asks++;
			w->asked = a->ask;
			w->about = a->result;
			assert_int_equal(i, w->acts.n - 1);
			assert_true(dg_cli_is_waiting(w->cli));
			assert_int_equal(dg_cli_asked(w->cli) != NULL,
			    a->ask == DG_ASK_REPLY);
			break;
		case DG_ACT_ENDED:
			assert_int_equal(w->n_ended, 0);
			w->n_ended++;
			w->ended = a->result;
			break;
		case DG_ACT_RESULT:
			for (int r = 0; r < (int)w->n_rcpts; r++) {
				if (a->rcpt != DG_ALL_RCPTS && a->rcpt != r)
					continue;
				w->n_results[r]++;
				w->results[r] = a->result;
			}
			break;
		default:
			break;
		}
	}
	dg_acts_reset(&w->acts);
}

/* While a question is open, all that comes is offered in vain. */
static void
pump(struct world *w)
{
	size_t used = 1;

	while (w->in.n > 0 && used > 0) {
		bool is_waiting = dg_cli_is_waiting(w->cli);

		used = dg_cli_feed(w->cli, dg_buf_str(&w->in), &w->acts);
		assert_true(used <= w->in.n);
		if (is_waiting) {
			assert_int_equal(used, 0);
			assert_int_equal(w->acts.n, 0);
		}
		dg_buf_eat(&w->in, used);
		carry_out(w);
	}
}

static void
feed(struct world *w, struct dg_str bytes)
{
	size_t step = w->by_byte ? 1 : bytes.n;

	for (size_t at = 0; at < bytes.n; at += step) {
		(void)dg_buf_add(&w->in, dg_str_sub(bytes, at, step));
		pump(w);
	}
}

static void
hop_says(struct world *w, struct dg_str line)
{
	struct dg_buf b;

	dg_buf_init(&b, 1 << 20);
	for (size_t i = 0; i < line.n; i++) /* "|" separates lines */
		(void)(line.p[i] == '|' ? dg_buf_adds(&b, "\r\n")
					: dg_buf_addc(&b, line.p[i]));
	(void)dg_buf_adds(&b, "\r\n");
	feed(w, dg_buf_str(&b));
	dg_buf_fini(&b);
}

/* Take our next line; false: there is none. */
static bool
next_sent(struct world *w, char *to, size_t room)
{
	struct dg_str s = dg_buf_str(&w->sent);
	size_t n = dg_str_find(s, '\n');

	if (n == s.n)
		return false;
	assert_true(n > 0 && s.p[n - 1] == '\r');
	assert_true(n < room);
	memcpy(to, s.p, n - 1);
	to[n - 1] = '\0';
	dg_buf_eat(&w->sent, n + 1);
	return true;
}

static void
we_said(struct world *w, const char *want, char *got, size_t room)
{
	size_t n = strlen(want);

	if (!next_sent(w, got, room))
		fail_msg("%s: wanted \"%s\", nothing was said (state %s, %s)",
		    w->why, want, dg_cli_state_name(w->cli), w->ended.text);
	if (strcmp(want, "+") == 0)
		return;
	if (n > 1 && want[n - 1] == '*'
		? strncmp(got, want, n - 1) != 0
		: strcmp(got, want) != 0)
		fail_msg("%s: wanted \"%s\", said \"%s\"", w->why, want, got);
}

/* Our line goes to a real acceptor, its answer comes back as the hop's. */
static void
acceptor_hears(struct world *w, const char *line, bool is_first)
{
	struct dg_acceptor_options o = {
		.ntlm_take = DG_NTLM_LEVEL_V2,
		.host = DG_STR("branch.example"),
		.prompt_ntlm = DG_STR("ntlm supported"),
		.prompt_user = DG_STR("Username:"),
		.prompt_password = DG_STR("Password:"),
		.login_initial_is_user = true,
	};
	struct dg_str in = dg_str(line);
	struct dg_err e = { 0 };
	struct dg_buf out;
	enum dg_auth_step step;
	char reply[9000];

	if (is_first) {
		enum dg_mech mech = DG_MECH_NTLM;

		(void)dg_str_word(&in);
		assert_true(dg_mech_find(dg_str_word(&in), &mech));
		in = dg_str_trim(in);
		dg_acceptor_free(w->acceptor);
		w->acceptor = dg_acceptor_new(mech, &o);
		if (in.n == 0)
			in = DG_NOSTR;
	}
	dg_buf_init(&out, 8192);
	step = dg_acceptor_step(w->acceptor, in, &out, &e);
	if (step == DG_AUTH_ASK)
		step = dg_acceptor_answer(w->acceptor, &w->account, NULL, &out,
		    &e);
	if (step == DG_AUTH_SEND)
		snprintf(reply, sizeof(reply), "334 %s", dg_buf_z(&out));
	else if (step == DG_AUTH_OK)
		snprintf(reply, sizeof(reply), "235 ok");
	else
		snprintf(reply, sizeof(reply), "535 5.7.3 no: %s", e.text);
	dg_buf_fini(&out);
	hop_says(w, dg_str(reply));
}

static void
mail(struct world *w, const char *n, bool is_8bit)
{
	struct dg_cli_mail m = {
		.sender = DG_STR("a@hq.example"),
		.rcpts = rcpts,
		.n_rcpts = (size_t)atoi(n),
		.size = 1000,
		.body_8bit = is_8bit,
		.refuse_8bit = is_8bit,
	};

	memset(w->n_results, 0, sizeof(w->n_results));
	w->n_rcpts = m.n_rcpts;
	w->n_ready = 0;
	dg_cli_mail(w->cli, &m, &w->acts);
	carry_out(w);
}

static void
body(struct world *w)
{
	static const char *const pieces[] = { "Subject: x\r\n", "\r\n.dot",
		"\r\n", "" };

	for (size_t i = 0; i < LENGTH(pieces); i++) {
		if (w->n_pulls == 0)
			fail_msg("%s: no body was asked for", w->why);
		w->n_pulls = 0;
		dg_cli_body(w->cli, dg_str(pieces[i]), i + 1 == LENGTH(pieces),
		    &w->acts);
		if (i + 1 == LENGTH(pieces)) { /* Q295725: in one write */
			struct dg_str last =
			    dg_act_text(&w->acts, &w->acts.v[0]);

			assert_int_equal(w->acts.n, 1);
			assert_true(
			    dg_str_has_suffix(last, DG_STR("\r\n.\r\n")));
		}
		carry_out(w);
	}
}

static void
results_are(struct world *w, struct dg_str who, struct dg_str what)
{
	for (size_t i = 0; i < w->n_rcpts; i++) {
		if (!dg_str_is(who, "all") && (size_t)(who.p[0] - '0') != i)
			continue;
		if (w->n_results[i] != 1)
			fail_msg("%s: recipient %zu has %u results", w->why, i,
			    w->n_results[i]);
		if (!dg_str_is(what, dg_meaning_name(w->results[i].meaning)))
			fail_msg("%s: recipient %zu is %s (%s), wanted %.*s",
			    w->why, i, dg_meaning_name(w->results[i].meaning),
			    w->results[i].text, DG_FMT(what));
	}
}

static void
session_ended(struct world *w, struct dg_str what)
{
	if (w->n_ended != 1)
		fail_msg("%s: not ended (state %s)", w->why,
		    dg_cli_state_name(w->cli));
	if (!dg_str_is(what, dg_meaning_name(w->ended.meaning)))
		fail_msg("%s: ended %s (%s), wanted %.*s", w->why,
		    dg_meaning_name(w->ended.meaning), w->ended.text,
		    DG_FMT(what));
}

static void
answer(struct world *w, struct dg_str step, struct dg_str rest)
{
	struct dg_cli_answer a = { 0 };
	struct dg_str word = dg_str_word(&rest);

	assert_int_equal(w->n_asks, 1);
	w->n_asks = 0;
	assert_int_equal(dg_cli_is_waiting(w->cli), w->n_ended == 0);
	if (dg_str_is(step, "USE")) {
		a.verb = dg_str_is(word, "-") ? DG_NOSTR : word;
		a.has_mech = dg_mech_find(dg_str_word(&rest), &a.mech);
	} else if (dg_str_is(step, "DO")) {
		a.has_action = true;
		assert_true(dg_action_find(word, &a.action));
		(void)dg_meaning_find(dg_str_word(&rest), &a.meaning);
	}
	dg_cli_answer(w->cli, &a, &w->acts);
	carry_out(w);
	pump(w); /* what waited meanwhile */
}

static void
late_answer(struct world *w)
{
	struct dg_cli_answer a = {
		.has_action = true,
		.action = DG_ACTION_NEXT_VERB,
	};

	assert_int_equal(w->n_ended, 1);
	assert_false(dg_cli_is_waiting(w->cli));
	dg_cli_answer(w->cli, &a, &w->acts);
	assert_int_equal(w->acts.n, 0);
}

static void
tls_done(struct world *w, bool ok)
{
	assert_int_equal(w->n_tls, 1);
	w->n_tls = 0;
	dg_cli_tls_done(w->cli, ok, ok ? "TLSv1.3" : "bad certificate",
	    &w->acts);
	carry_out(w);
}

static void
owner_step(struct world *w, struct dg_str step, struct dg_str rest)
{
	char skip[16];

	if (dg_str_is(step, "TLS") || dg_str_is(step, "NOTLS")) {
		tls_done(w, dg_str_is(step, "TLS"));
	} else if (dg_str_is(step, "USE") || dg_str_is(step, "DO") ||
		   dg_str_is(step, "NIL")) {
		answer(w, step, rest);
	} else if (dg_str_is(step, "LATE")) {
		late_answer(w);
	} else if (dg_str_is(step, "ASK")) {
		assert_int_equal(w->n_asks, 1);
		assert_int_equal(w->asked,
		    dg_str_is(rest, "speak") ? DG_ASK_SPEAK : DG_ASK_REPLY);
	} else if (dg_str_is(step, "LOST")) {
		dg_cli_lost(w->cli, "reset by peer", &w->acts);
		carry_out(w);
	} else if (dg_str_is(step, "QUIT")) {
		dg_cli_quit(w->cli, &w->acts);
		carry_out(w);
	} else if (dg_str_is(step, "ABORT")) {
		dg_cli_abort(w->cli, &w->acts);
		carry_out(w);
	} else if (dg_str_is(step, "DOUBT")) {
		assert_true(dg_cli_is_in_doubt(w->cli));
	} else if (dg_str_is(step, "NEW")) {
		assert_true(dg_cli_wants_new_session(w->cli, skip));
		assert_true(dg_str_is(rest, skip));
	} else {
		fail_msg("%s: no such step: %.*s", w->why, DG_FMT(step));
	}
}

static void
is_hushed(struct world *w, const char *text)
{
	assert_null(strstr(dg_buf_z(&w->trace), text));
	assert_null(strstr(w->ended.text, text));
	assert_null(strstr(w->about.text, text));
	for (size_t i = 0; i < w->n_rcpts; i++)
		assert_null(strstr(w->results[i].text, text));
}

static void
play_step(struct world *w, struct dg_str line)
{
	struct dg_str rest = line, step = dg_str_word(&rest);
	char got[9000], z[9000];

	rest = dg_str_trim(rest);
	snprintf(z, sizeof(z), "%.*s", DG_FMT(rest));
	if (dg_str_is(step, "S")) {
		hop_says(w, rest);
	} else if (dg_str_is(step, "C")) {
		we_said(w, z, got, sizeof(got));
	} else if (dg_str_is(step, "A")) {
		we_said(w, z, got, sizeof(got));
		acceptor_hears(w, got, strchr(got, ' ') != NULL);
	} else if (dg_str_is(step, "N")) {
		if (w->sent.n > 0)
			fail_msg("%s: said more: %.*s", w->why,
			    DG_FMT(dg_buf_str(&w->sent)));
	} else if (dg_str_is(step, "READY")) {
		assert_int_equal(w->n_ready, 1);
		assert_true(dg_cli_is_ready(w->cli));
	} else if (dg_str_is(step, "MAIL")) {
		mail(w, z, false);
	} else if (dg_str_is(step, "MAIL8")) {
		mail(w, z, true);
	} else if (dg_str_is(step, "BODY")) {
		body(w);
	} else if (dg_str_is(step, "R")) {
		struct dg_str who = dg_str_word(&rest);

		results_are(w, who, dg_str_trim(rest));
	} else if (dg_str_is(step, "END")) {
		session_ended(w, rest);
	} else if (dg_str_is(step, "T")) {
		if (strstr(dg_buf_z(&w->trace), z) == NULL)
			fail_msg("%s: the trace lacks \"%s\":\n%s", w->why, z,
			    dg_buf_z(&w->trace));
	} else if (dg_str_is(step, "HUSH")) {
		is_hushed(w, z);
	} else {
		owner_step(w, step, rest);
	}
}

static void
play_one(const char *why, const struct dg_cli_options *o, const char *script,
    bool by_byte)
{
	struct world w = { .why = why, .by_byte = by_byte };
	struct dg_str s = dg_str(script);
	struct dg_err e = { 0 };

	dg_acts_init(&w.acts);
	dg_buf_init(&w.in, 1 << 20);
	dg_buf_init(&w.sent, 1 << 20);
	dg_buf_init(&w.trace, 1 << 16);
	assert_int_equal(dg_credential_make(DG_STR("Pa$$w0rd"), false,
			     &w.account, &e),
	    DG_OK);
	(void)dg_credential_add_scram(&w.account, DG_SHA_256,
	    DG_STR("Pa$$w0rd"), DG_SCRAM_ITERATIONS_MIN);
	w.cli = dg_cli_new(o);
	dg_cli_start(w.cli, &w.acts);
	carry_out(&w);
	while (s.n > 0) {
		size_t n = dg_str_find(s, '\n');

		play_step(&w, dg_str_sub(s, 0, n));
		s = dg_str_from(s, n + 1);
	}
	if (w.sent.n > 0)
		fail_msg("%s: said at the end: %.*s", why,
		    DG_FMT(dg_buf_str(&w.sent)));
	dg_cli_free(w.cli);
	dg_acceptor_free(w.acceptor);
	dg_buf_fini(&w.in);
	dg_buf_fini(&w.sent);
	dg_buf_fini(&w.trace);
	dg_acts_fini(&w.acts);
}

__attribute__((unused)) static void
play(const char *why, const struct dg_cli_options *o, const char *script)
{
	print_message("  %s\n", why);
	play_one(why, o, script, false);
	play_one(why, o, script, true);
}

/* ---- who we are and whom we call ---- */

__attribute__((unused)) static const struct dg_login ntlm[] = {
	{ .mech = DG_MECH_NTLM,
	    .user = { "svc", 3 },
	    .domain = { "HQ", 2 },
	    .password = &password },
};
__attribute__((unused)) static const struct dg_login ntlm_login[] = {
	{ .mech = DG_MECH_NTLM,
	    .user = { "svc", 3 },
	    .domain = { "HQ", 2 },
	    .password = &password },
	{ .mech = DG_MECH_LOGIN, .user = { "svc", 3 }, .password = &password },
};
__attribute__((unused)) static const struct dg_login plain[] = {
	{ .mech = DG_MECH_PLAIN, .user = { "svc", 3 }, .password = &password },
};

/* As policies/dialects has them. */
static const struct dg_means not_known[] = {
	{ DG_STAGE_AUTH, 500, "", DG_MEANING_VERB_UNKNOWN, "x.lua", 9, NULL },
	{ DG_STAGE_AUTH, 502, "", DG_MEANING_VERB_UNKNOWN, "x.lua", 9, NULL },
};
__attribute__((unused)) static const struct dg_dialect v50 = {
	.name = "exchange-5.0",
	.say = { "XAUTH", "AUTH" },
	.n_say = 2,
	.assume = DG_MECH_BIT(DG_MECH_NTLM),
	.ntlm_initial = true,
	.ntlm_send = DG_NTLM_LEVEL_V1 | DG_NTLM_LEVEL_NTLM2 | DG_NTLM_LEVEL_V2,
	.means = not_known,
	.n_means = LENGTH(not_known),
};
__attribute__((unused)) static const struct dg_dialect v55 = {
	.name = "exchange-5.5",
	.say = { "AUTH", "XAUTH" },
	.n_say = 2,
	.assume = DG_MECH_BIT(DG_MECH_NTLM),
	.ntlm_initial = true,
	.ntlm_send = DG_NTLM_LEVEL_V1 | DG_NTLM_LEVEL_NTLM2 | DG_NTLM_LEVEL_V2,
	.means = not_known,
	.n_means = LENGTH(not_known),
};
__attribute__((unused)) static const struct dg_dialect three_verbs = {
	.name = "three",
	.say = { "XAUTH", "X-EXPS", "AUTH" },
	.n_say = 3,
	.assume = DG_MECH_BIT(DG_MECH_NTLM),
	.ntlm_initial = true,
	.ntlm_send = DG_NTLM_LEVEL_V2,
};
__attribute__((unused)) static const struct dg_dialect asks = {
	.name = "asks",
	.say = { "AUTH" },
	.n_say = 1,
	.ntlm_initial = false,
	.ntlm_send = DG_NTLM_LEVEL_V2,
};
__attribute__((unused)) static const struct dg_dialect says_helo = {
	.name = "old",
	.say = { "AUTH" },
	.n_say = 1,
	.helo = DG_HELO_HELO,
};

__attribute__((unused)) static struct dg_cli_options
options(const struct dg_dialect *d, const struct dg_login *l, size_t n)
{
	return (struct dg_cli_options){
		.dialect = d,
		.helo = DG_STR("relay.example"),
		.host = DG_STR("10.1.0.5:25"),
		.logins = l,
		.n_logins = n,
	};
}

#define HI "S 220 hi\nC EHLO relay.example\n"
#define S55 \
	"S 250-srv Hello|250-XEXCH50|250-DSN|250-SIZE 0|250-AUTH LOGIN|" \
	"250 AUTH=LOGIN\n"
#define TYPE1 "TlRMTVNTUAAB*\n"

#define PIPE "S 250-srv|250 PIPELINING\n"
#define GROUP3 \
	"C MAIL*\nC RCPT TO:<one*\nC RCPT TO:<two*\nC RCPT TO:<three*\n" \
	"C DATA\nN\n"
#define TEXT "BODY\nC Subject: x\nC\nC ..dot\nC .\n"

#endif
