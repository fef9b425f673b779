/* client_fuzz.c - the whole client machine against a hop that says anything.
 *
 * The first bytes choose who we are (dialect, TLS, logins, questions, LMTP) and
 * how the rest is cut into reads.  What must hold whatever comes: every recipient
 * gets exactly one result, nothing is said after the end, no line of ours
 * holds a control byte, and there is no MAIL before a login where one is due.
 * Questions are answered at once, or when more has come, or never: meanwhile
 * nothing is taken.
 */
#include <stdlib.h>
#include <string.h>

#include "dragoman/smtp/client.h"

enum {
	RCPTS = 3,
	MAILS = 3
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct owner {
	struct dg_cli *cli;
	struct dg_acts acts;
	unsigned choice;
	unsigned results[RCPTS];
	unsigned mails;
	bool is_mailing, is_over, has_login;
	bool wants_mail, wants_body, wants_tls, wants_answer;
	enum dg_ask asked;
	unsigned pieces, patience;
};

static const struct dg_str rcpts[RCPTS] = {
	{ "a@b.example", 11 },
	{ "c\r@b.example", 12 },
	{ "d@b.example", 11 },
};

static void
must(bool what)
{
	if (!what)
		abort();
}

static void
settled(struct owner *o)
{
	if (!o->is_mailing)
		return;
	for (int i = 0; i < RCPTS; i++)
		must(o->results[i] == 1);
	o->is_mailing = false;
}

static void
sent(const struct owner *o, struct dg_str s)
{
	must(!o->is_over);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char u = (unsigned char)s.p[i];

		must((u >= 0x20 && u != 0x7f) || u == '\r' || u == '\n');
		if (u == '\n')
			must(i > 0 && s.p[i - 1] == '\r');
	}
	if (dg_str_has_prefix(s, DG_STR("MAIL ")) && o->has_login)
		must(dg_cli_verb(o->cli)[0] != '\0');
}

static void
note(struct owner *o, const struct dg_act *a)
{
	switch (a->kind) {
	case DG_ACT_SEND:
		sent(o, dg_act_text(&o->acts, a));
		break;
	case DG_ACT_RESULT:
		must(o->is_mailing);
		for (int i = 0; i < RCPTS; i++)
			o->results[i] +=
			    a->rcpt == DG_ALL_RCPTS || a->rcpt == i;
		must(strlen(a->result.text) < sizeof(a->result.text));
		break;
	case DG_ACT_READY:
		settled(o);
		o->wants_mail = true;
		break;
	case DG_ACT_PULL:
		o->wants_body = true;
		break;
	case DG_ACT_STARTTLS:
		o->wants_tls = true;
		break;
	case DG_ACT_ASK:
		must(!o->wants_answer && dg_cli_is_waiting(o->cli));
		o->wants_answer = true;
		o->asked = a->ask;
		o->patience = o->choice >> 3 & 3;
		break;
	case DG_ACT_ENDED:
		settled(o);
		must(!o->is_over);
		o->is_over = true;
		break;
	default:
		break;
	}
}

static void
note_all(struct owner *o)
{
	for (size_t i = 0; i < o->acts.n; i++)
		note(o, &o->acts.v[i]);
	dg_acts_reset(&o->acts);
}

static void
answer(struct owner *o)
{
	struct dg_cli_answer a = { 0 };

	o->choice = o->choice * 5 + 1;
	if (o->choice & 4) {
		a.has_action = true;
		a.action = (enum dg_action)(o->choice / 8 % 6);
		a.meaning = (enum dg_meaning)(o->choice / 64 % DG_MEANING_N);
	} else if (o->choice & 2) {
		a.verb = DG_STR("XAUTH");
		a.has_mech = (o->choice & 1) != 0;
		a.mech = DG_MECH_NTLM;
	}
	dg_cli_answer(o->cli, &a, &o->acts);
}

/* One thing that the machine waits for; false: nothing. */
static bool
serve(struct owner *o)
{
	struct dg_cli_mail m = {
		.sender = DG_STR("s@b.example"),
		.rcpts = rcpts,
		.n_rcpts = RCPTS,
		.size = 100,
		.body_8bit = o->mails == 1,
		.refuse_8bit = true,
	};

	if (o->is_over)
		return false;
	if (o->wants_answer && o->patience > 0) {
		return false; /* it thinks */
	} else if (o->wants_answer) {
		o->wants_answer = false;
		answer(o);
	} else if (o->wants_tls) {
		o->wants_tls = false;
		dg_cli_tls_done(o->cli, o->choice % 3 != 0, "words", &o->acts);
	} else if (o->wants_mail && o->mails < MAILS) {
		o->wants_mail = false;
		o->mails++;
		o->is_mailing = true;
		memset(o->results, 0, sizeof(o->results));
		dg_cli_mail(o->cli, &m, &o->acts);
	} else if (o->wants_mail) {
		o->wants_mail = false;
		dg_cli_quit(o->cli, &o->acts);
	} else if (o->wants_body) {
		o->wants_body = false;
		dg_cli_body(o->cli, DG_STR(".a\rb\nc\r\n.\r\n"),
		    ++o->pieces % 3 == 0, &o->acts);
	} else {
		return false;
	}
	note_all(o);
	return true;
}

static void
play(struct owner *o, struct dg_str in, size_t step)
{
	size_t at = 0, end = 0, used;

	while (!o->is_over) {
		bool was_waiting;

		if (serve(o))
			continue;
		was_waiting = dg_cli_is_waiting(o->cli);
		must(was_waiting == o->wants_answer);
		used =
		    dg_cli_feed(o->cli, dg_str_sub(in, at, end - at), &o->acts);
		must(used <= end - at);
		must(!was_waiting || (used == 0 && o->acts.n == 0));
		if (o->patience > 0)
			o->patience--;
		at += used;
		note_all(o);
		if (o->is_over || serve(o) || used > 0)
			continue;
		if (end == in.n)
			break;
		end = end + step < in.n ? end + step : in.n;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dg_secret password = { NULL, 0 };
	static const struct dg_dialect ims = {
		.name = "x",
		.say = { "XAUTH", "AUTH", "X-EXPS" },
		.n_say = 3,
		.assume = DG_MECH_BIT(DG_MECH_NTLM),
		.ntlm_initial = true,
		.ntlm_send = DG_NTLM_LEVEL_V2 | DG_NTLM_LEVEL_V1,
		.login_form = DG_LOGIN_INITIAL,
	};
	struct dg_login logins[3] = {
		{ .mech = DG_MECH_NTLM,
		    .user = DG_STR("u"),
		    .password = &password },
		{ .mech = DG_MECH_LOGIN,
		    .user = DG_STR("u"),
		    .password = &password },
		{ .mech = DG_MECH_PLAIN,
		    .user = DG_STR("u"),
		    .password = &password },
	};
	struct owner o = { 0 };
	struct dg_cli_options opt = { 0 };

	if (size < 3)
		return 0;
	if (password.p == NULL)
		dg_secret_set(&password, DG_STR("secret"));
	opt.dialect = (data[0] & 1) != 0 ? &ims : NULL;
	opt.tls = (enum dg_tls_policy)(data[0] >> 1 & 3);
	opt.asks_speak = (data[0] & 8) != 0;
	opt.asks_reply = (data[0] & 16) != 0;
	opt.logins = logins;
	opt.n_logins = data[0] >> 5 & 3;
	opt.is_lmtp = (data[2] & 128) != 0;
	opt.helo = DG_STR("relay.example");
	opt.host = DG_STR("[::1]:25");
	o.has_login = opt.n_logins > 0;
	o.choice = data[1];
	dg_acts_init(&o.acts);
	o.cli = dg_cli_new(&opt);
	dg_cli_start(o.cli, &o.acts);
	play(&o, dg_str_of(data + 3, size - 3), data[2] % 64 + 1);
	if (o.choice & 1)
		dg_cli_lost(o.cli, "the end", &o.acts);
	else
		dg_cli_quit(o.cli, &o.acts);
	note_all(&o);
	if (!o.is_over) {
		must(dg_cli_is_quitting(o.cli));
		dg_cli_lost(o.cli, "the end", &o.acts);
		note_all(&o);
	}
	must(o.is_over);
	answer(&o); /* finds nobody */
	must(o.acts.n == 0);
	dg_cli_free(o.cli);
	dg_acts_fini(&o.acts);
	return 0;
}
