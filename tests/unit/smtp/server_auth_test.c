/* server_auth_test.c - logins: under which verb, with which mechanism, when,
 * and what is said about it. */
#include "played_server.h"

#include "dragoman/auth/users.h"
#include "dragoman/base/enc.h"

static struct dg_credential alice;

static int
make_alice(void **state)
{
	(void)state;
	return dg_credential_make(DG_STR("Pa$$w0rd"), false, &alice, NULL) ==
		       DG_OK
		   ? 0
		   : 1;
}

static void
with_alice(struct play *p)
{
	p->alice = &alice;
}

/* base64: alice, Pa$$w0rd, \0alice\0Pa$$w0rd, \0alice\0x */
#define ALICE    "YWxpY2U="
#define PASSWORD "UGEkJHcwcmQ="
#define PLAIN    "AGFsaWNlAFBhJCR3MHJk"
#define WRONG    "AGFsaWNlAHg="

static void
check_alice(struct play *p)
{
	assert_int_equal(p->logins, 1);
	assert_true(dg_str_is(dg_srv_user(p->srv), "alice"));
	assert_true(dg_srv_auth_log(p->srv).n > 0);
	assert_true(dg_srv_strength(p->srv)[0] != '\0');
	assert_true(dg_srv_mechanism(p->srv)[0] != '\0');
	assert_true(dg_str_is(dg_srv_identity(p->srv)->account, "alice"));
}

static void
check_nobody(struct play *p)
{
	assert_int_equal(p->logins, 0);
	assert_int_equal(dg_srv_user(p->srv).n, 0);
	assert_string_equal(dg_srv_mechanism(p->srv), "");
}

/* ---- the dialogues ---- */

static void
login_and_plain_work_in_each_form(void **state)
{
	(void)state;
	play_script(with_alice,
	    SCRIPT(EHLO, "C: AUTH LOGIN", "S: 334 VXNlcm5hbWU6", "C: " ALICE,
		"S: 334 UGFzc3dvcmQ6", "C: " PASSWORD,
		"S: 235 2.7.0 authentication successful"),
	    check_alice);
	play_script(with_alice,
	    SCRIPT(EHLO, "C: auth  login " ALICE " ", "S: 334 UGFzc3dvcmQ6",
		"C: " PASSWORD, "S: 235 *"),
	    check_alice);
	play_script(with_alice,
	    SCRIPT(EHLO, "C: AUTH PLAIN", "S: 334 ", "C: " PLAIN, "S: 235 *"),
	    check_alice);
	play_script(with_alice,
	    SCRIPT(EHLO, "C: AUTH PLAIN " PLAIN, "S: 235 *"), check_alice);
}

static void
every_failure_is_said_in_the_same_words(void **state)
{
	(void)state;
	play_script(with_alice,
	    SCRIPT(EHLO, "C: AUTH PLAIN " WRONG,
		"S: 535 5.7.8 authentication failed", /* bob */
		"C: AUTH PLAIN AGJvYgB4",
		"S: 535 5.7.8 authentication failed", /* carol */
		"C: AUTH PLAIN AGNhcm9sAHg=",
		"S: 535 5.7.8 authentication failed", /* dave */
		"C: AUTH PLAIN AGRhdmUAeA==", "S: 454 4.7.0 *"),
	    check_nobody);
}

static void
syntax_and_cancel_are_501(void **state)
{
	(void)state;
	play_script(with_alice,
	    SCRIPT(EHLO, "C: AUTH", "S: 501 5.5.4 *", "C: AUTH PLAIN a b",
		"S: 501 5.5.4 *", "C: AUTH PLAIN !!!!", "S: 501 5.5.2 *",
		"C: AUTH LOGIN", "S: 334 *", "C: *",
		"S: 501 5.7.0 authentication cancelled", "C: AUTH LOGIN",
		"S: 334 *", "C: YW=j", "S: 501 5.5.2 *"),
	    check_nobody);
	play_script(with_alice,
	    SCRIPT(EHLO, "C: AUTH XOAUTH2",
		"S: 504 5.5.4 authentication mechanism not supported",
		"C: XAUTH NTLM", "S: 500 5.5.1 command not recognized",
		"C: AUTH LOGIN", "S: 334 *", "R:YWxp\nY2U=\r\n",
		"S: 501 5.5.2 a bare CR, a bare LF or NUL in an "
		"authentication line",
		"C: NOOP", "S: 250 *"),
	    check_nobody);
}

static void
a_second_login_and_one_inside_a_transaction_are_503(void **state)
{
	(void)state;
	play_script(with_alice,
	    SCRIPT(EHLO, "C: MAIL FROM:<a@b>", "S: 250 *", "C: AUTH NTLM",
		"S: 503 5.5.1 no AUTH inside a mail transaction", "C: RSET",
		"S: 250 *", "C: AUTH PLAIN " PLAIN, "S: 235 *",
		"C: AUTH PLAIN " PLAIN, "S: 503 5.5.1 already authenticated"),
	    check_alice);
}

static void
few_attempts(struct play *p)
{
	with_alice(p);
	p->options.limits.auths = 2;
}

static void
too_many_attempts_end_the_session(void **state)
{
	(void)state;
	play_script(few_attempts,
	    SCRIPT(EHLO, "C: AUTH PLAIN " WRONG, "S: 535 *", "C: AUTH LOGIN",
		"S: 334 *", "C: *", "S: 501 *", "C: AUTH PLAIN " PLAIN,
		"S: 421 4.7.0 too many authentication attempts", "X"),
	    check_nobody);
}

#define B50  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define B250 B50 B50 B50 B50 B50

static void
narrow(struct play *p)
{
	with_alice(p);
	p->options.limits.line = 100;
	p->options.limits.auth_line = 200;
}

static void
long_authentication_lines_are_500(void **state)
{
	(void)state;
	play_script(narrow,
	    SCRIPT(EHLO, "C: AUTH LOGIN", "S: 334 *", "C: " B250,
		"S: 500 5.5.6 authentication line too long", "C: NOOP",
		"S: 250 *", /* over `line`, under `auth_line` */
		"C: AUTH PLAIN " B50 B50, "S: 5*", "C: NOOP", "S: 250 *"),
	    check_nobody);
}

static void
a_login_is_no_place_for_pipelining(void **state)
{
	static const char *const lines[][2] = {
		{ "C: AUTH PLAIN " PLAIN, "S: 235 *" },
		{ "C: AUTH PLAIN " WRONG, "S: 535 *" },
		{ "C: AUTH XYZZY", "S: 504 *" },
	};
	struct play p;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		play_init(&p);
		with_alice(&p);
		play_start(&p);
		play_lines(&p,
		    SCRIPT(EHLO, lines[i][0], "C: MAIL FROM:<a@b>", lines[i][1],
			"S: 421 4.7.0 commands were sent before the login was "
			"answered",
			"X"));
		play_fini(&p);
	}
	/* the dialogue's own lines may come together */
	play_init(&p);
	with_alice(&p);
	play_start(&p);
	play_lines(&p,
	    SCRIPT(EHLO, "C: AUTH LOGIN", "C: " ALICE, "C: " PASSWORD,
		"S: 334 *", "S: 334 *", "S: 235 *", "C: NOOP", "S: 250 *"));
	play_fini(&p);
}

/* ---- spellings ---- */

/* What a peer of 1997 is shown (KB Q195201). */
static struct dg_dialect ims;

static void
ims_dialect(struct play *p)
{
	with_alice(p);
	ims = *dg_dialect_rfc4954();
	ims.offer[0] = (struct dg_offer_line){
		.text = "XAUTH NTLM",
		.verb = "XAUTH",
		.mechs = DG_MECH_BIT(DG_MECH_NTLM),
	};
	ims.offer[1] = (struct dg_offer_line){
		.text = "XAUTH=NTLM",
		.verb = "XAUTH",
		.equals = true,
		.mechs = DG_MECH_BIT(DG_MECH_NTLM),
	};
	ims.n_offer = 2;
	ims.hide = DG_EXT_ENHANCED | DG_EXT_PIPELINING | DG_EXT_SIZE |
		   DG_EXT_8BITMIME | DG_EXT_HELP;
	ims.prompt_ntlm = "ntlm supported";
	ims.texts[0].code = 235;
	ims.texts[0].text = "NTLM authentication successful.";
	ims.n_texts = 1;
	p->peer.dialect = &ims;
	p->peer.mechs = DG_MECH_BIT(DG_MECH_NTLM) | DG_MECH_BIT(DG_MECH_PLAIN);
}

#define IMS_EHLO \
	"S: 220 *", "C: EHLO ims", "S: 250-*", "S: 250-XAUTH NTLM", \
	    "S: 250 XAUTH=NTLM"

static void
a_verb_is_taken_under_every_spelling_that_was_shown(void **state)
{
	static const char *const spellings[] = { "C: XAUTH NTLM",
		"C: xauth ntlm", "C: XAUTH=NTLM", "C: XAUTH=ntlm " };

	(void)state;
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++)
		play_script(ims_dialect,
		    SCRIPT(IMS_EHLO, spellings[i], "S: 334 ntlm supported",
			"C: *", "S: 501 *", "C: AUTH NTLM",
			"S: 500 command not recognized", "C: XAUTH PLAIN",
			"S: 504 *"),
		    check_nobody);
}

static void
ims_accepts_auth(struct play *p)
{
	ims_dialect(p);
	ims.accept[0] = "AUTH";
	ims.n_accept = 1;
}

static void
a_verb_and_mechanism_may_be_taken_though_not_shown(void **state)
{
	(void)state;
	play_script(ims_accepts_auth,
	    SCRIPT(IMS_EHLO, "C: AUTH NTLM", "S: 334 ntlm supported", "C: *",
		"S: 501 *", "C: AUTH PLAIN " PLAIN, "S: 235 *"),
	    check_alice);
}

static void
bare_and_mixed(struct play *p)
{
	ims_dialect(p);
	ims.offer[0].text = "XAUTH";
	ims.offer[0].mechs = 0;
	ims.offer[1] = (struct dg_offer_line){
		.text = "AUTH=LOGIN NTLM",
		.verb = "AUTH",
		.equals = true,
		.mechs = DG_MECH_BIT(DG_MECH_LOGIN) | DG_MECH_BIT(DG_MECH_NTLM),
	};
	ims.offer[2] = (struct dg_offer_line){
		.text = "X-EXPS LOGIN",
		.verb = "X-EXPS",
		.mechs = DG_MECH_BIT(DG_MECH_LOGIN),
	};
	ims.offer[3] = (struct dg_offer_line){
		.text = "X-ALL=*",
		.verb = "X-ALL",
		.equals = true,
		.all = true,
	};
	ims.n_offer = 4;
}

static void
only_what_the_peer_may_use_is_shown(void **state)
{
	(void)state;
	play_script(bare_and_mixed,
	    SCRIPT("S: 220 *", "C: EHLO a", "S: 250-*", "S: 250-XAUTH",
		"S: 250-AUTH=NTLM", "S: 250 X-ALL=NTLM PLAIN", "C: AUTH LOGIN",
		"S: 504 *", "C: X-EXPS LOGIN", "S: 503 *", "C: XAUTH PLAIN *",
		"S: 501 *"),
	    check_nobody);
}

static void
clear_needs_tls(struct play *p)
{
	with_alice(p);
	p->peer.clear_needs_tls = true;
	p->options.has_tls = true;
}

static void
clear_mechanisms_wait_for_tls(void **state)
{
	(void)state;
	play_script(clear_needs_tls,
	    SCRIPT("S: 220 *", "C: EHLO a", "S: 250-*", "S: 250-*", "S: 250-*",
		"S: 250-*", "S: 250-*", "S: 250-STARTTLS", "S: 250-HELP",
		"S: 250 AUTH NTLM", "C: AUTH PLAIN " PLAIN, "S: 538 5.7.11 *",
		"C: STARTTLS", "S: 220 *", "T", "C: EHLO a", "S: 250-*",
		"S: 250-*", "S: 250-*", "S: 250-*", "S: 250-*", "S: 250-*",
		"S: 250 AUTH NTLM LOGIN PLAIN", "C: AUTH PLAIN " PLAIN,
		"S: 235 *"),
	    check_alice);
}

/* Offers of a hook stand instead of the dialect's. */
static void
hooked(struct play *p)
{
	static const struct dg_offer_line line = {
		.text = "X-LOGIN NTLM",
		.verb = "X-LOGIN",
		.mechs = DG_MECH_BIT(DG_MECH_NTLM),
	};

	with_alice(p);
	p->offer.lines = &line;
	p->offer.n_lines = 1;
}

static void
a_hooks_offer_replaces_the_dialects(void **state)
{
	(void)state;
	play_script(hooked,
	    SCRIPT("S: 220 *", "C: EHLO a", "S: 250-*", "S: 250-*", "S: 250-*",
		"S: 250-*", "S: 250-*", "S: 250-*", "S: 250 X-LOGIN NTLM",
		"C: AUTH NTLM",
		"S: 503 5.5.1 authentication is not enabled here",
		"C: X-LOGIN NTLM", "S: 334 "),
	    NULL);
}

static void
what_was_offered_holds_until_the_next_hello(void **state)
{
	struct play p;

	(void)state;
	play_init(&p);
	ims_dialect(&p);
	play_start(&p);
	play_lines(&p, SCRIPT(IMS_EHLO));
	p.peer.dialect = dg_dialect_rfc4954();
	dg_srv_set_peer(p.srv, &p.peer);
	play_lines(&p,
	    SCRIPT("C: XAUTH NTLM", "S: 334 ", "C: *", "S: 501 *",
		"C: EHLO again", "S: 250-*", "S: 250-*", "S: 250-*", "S: 250-*",
		"S: 250-*", "S: 250-*", "S: 250 AUTH NTLM PLAIN",
		"C: XAUTH NTLM", "S: 500 *"));
	play_fini(&p);
}

static void
after_helo(struct play *p)
{
	static struct dg_dialect d;

	with_alice(p);
	d = *dg_dialect_rfc4954();
	d.helo = DG_HELO_EITHER;
	p->peer.dialect = &d;
}

static void
auth_after_helo_is_for_dialects_that_say_so(void **state)
{
	(void)state;
	play_script(after_helo,
	    SCRIPT("S: 220 *", "C: HELO a", "S: 250 *", "C: AUTH PLAIN " PLAIN,
		"S: 235 authentication successful"),
	    check_alice);
	play_script(with_alice,
	    SCRIPT("S: 220 *", "C: HELO a", "S: 250 *", "C: AUTH PLAIN " PLAIN,
		"S: 503 say EHLO before AUTH"),
	    check_nobody);
}

static void
need_login(struct play *p)
{
	with_alice(p);
	p->peer.requires_auth = true;
}

static void
check_esmtpa(struct play *p)
{
	check_alice(p);
	assert_non_null(strstr(dg_buf_z(&p->body), " with ESMTPA\r\n"));
}

static void
a_login_opens_mail_and_shows_in_received(void **state)
{
	(void)state;
	play_script(need_login,
	    SCRIPT(EHLO, "C: AUTH PLAIN " PLAIN, "S: 235 *",
		"C: MAIL FROM:<a@b>", "C: RCPT TO:<x@y>", "C: DATA", "S: 250 *",
		"S: 250 *", "S: 354 *", "C: .", "S: 250 *"),
	    check_esmtpa);
}

static void
tls_forgets_a_login(void **state)
{
	struct play p;

	(void)state;
	play_init(&p);
	need_login(&p);
	p.options.has_tls = true;
	play_start(&p);
	play_lines(&p, SCRIPT(EHLO_TLS, "C: AUTH PLAIN " PLAIN, "S: 235 *",
			   "C: STARTTLS", "S: 220 *", "T"));
	assert_int_equal(dg_srv_user(p.srv).n, 0);
	assert_null(dg_srv_identity(p.srv));
	assert_true(dg_srv_has_tls(p.srv));
	play_lines(&p, SCRIPT("C: HELO a", "S: 250 *", "C: MAIL FROM:<a@b>",
			   "S: 530 authentication required"));
	play_fini(&p);
}

/* ---- NTLM, with our own initiator at the other end ---- */

static void
say_ntlm(struct play *p, const char *before, const struct dg_buf *text)
{
	struct dg_buf line;

	dg_buf_init(&line, 16 * 1024);
	dg_buf_addf(&line, "%s%.*s\r\n", before, DG_FMT(dg_buf_str(text)));
	play_say(p, dg_buf_str(&line));
	dg_buf_fini(&line);
}

static void
log_in(struct play *p, const char *password, bool initial, const char *verb,
    const char *want)
{
	struct dg_secret secret = { 0 };
	struct dg_login login = {
		.mech = DG_MECH_NTLM,
		.user = DG_STR("Alice"),
		.domain = DG_STR("HQ"),
		.password = &secret,
	};
	struct dg_initiator_options o = {
		.ntlm_send = DG_NTLM_LEVEL_V2,
		.ntlm_initial = initial,
	};
	struct dg_initiator *i;
	struct dg_buf text;
	struct dg_err e = { 0 };
	bool has_initial = false;
	char before[64];

	dg_secret_set(&secret, dg_str(password));
	i = dg_initiator_new(&login, &o);
	dg_buf_init(&text, 16 * 1024);
	assert_int_equal(dg_initiator_first(i, &text, &has_initial, &e),
	    DG_AUTH_SEND);
	assert_int_equal(has_initial, initial);
	snprintf(before, sizeof(before), "%s%s", verb, initial ? " " : "");
	say_ntlm(p, before, &text);
	for (;;) {
		struct dg_str reply = play_hear(p);
		enum dg_auth_step step;

		if (!dg_str_has_prefix(reply, DG_STR("334 "))) {
			assert_true(dg_str_is(reply, want));
			break;
		}
		step = dg_initiator_step(i, dg_str_from(reply, 4), &text, &e);
		assert_true(step == DG_AUTH_SEND || step == DG_AUTH_OK);
		say_ntlm(p, "", &text);
	}
	dg_buf_fini(&text);
	dg_initiator_free(i);
	dg_secret_fini(&secret);
}

static void
ntlm_logs_in_with_and_without_an_initial_response(void **state)
{
	(void)state;
	for (size_t n = 0; n < 8; n++) {
		bool is_right = (n & 4) != 0;
		struct play p;

		play_init(&p);
		ims_dialect(&p);
		p.feed_size = n & 1;
		play_start(&p);
		play_lines(&p, SCRIPT(IMS_EHLO));
		log_in(&p, is_right ? "Pa$$w0rd" : "guess", (n & 2) != 0,
		    (n & 1) != 0 ? "XAUTH=NTLM" : "XAUTH NTLM",
		    is_right ? "235 NTLM authentication successful."
			     : "535 authentication failed");
		if (is_right) {
			assert_true(dg_str_iis(dg_srv_user(p.srv), "alice"));
			assert_string_equal(dg_srv_mechanism(p.srv), "NTLM");
			assert_string_equal(dg_srv_strength(p.srv), "NTLMv2");
			assert_true(
			    dg_str_is(dg_srv_identity(p.srv)->domain, "HQ"));
		} else {
			check_nobody(&p);
		}
		play_fini(&p);
	}
}

/* SCRAM asks whose account it is before it can challenge: the verdict comes
 * two lines later, in the same words as ever. */
static void
with_scram(struct play *p)
{
	with_alice(p);
	p->peer.mechs |= DG_MECH_BIT(DG_MECH_SCRAM_SHA_1) |
			 DG_MECH_BIT(DG_MECH_SCRAM_SHA_1_PLUS);
}

#define FIRST "biwsbj1hbGljZSxyPWFiY2RlZg=="
#define FINAL "Yz1iaXdzLHI9YWJjZGVmLHA9djBYOHYzQnoyVDBDSkdiSlF5RjBYK0hJNFRzPQ=="

#define HELLO(mechs) \
	"S: 220 *", "C: EHLO a", "S: 250-*", "S: 250-*", "S: 250-*", \
	    "S: 250-*", "S: 250-*", "S: 250-*", "S: 250 AUTH " mechs

static void
scram_is_refused_in_the_same_words(void **state)
{
	(void)state;
	play_script(with_scram,
	    SCRIPT(HELLO("SCRAM-SHA-1 NTLM LOGIN PLAIN"),
		"C: AUTH SCRAM-SHA-1 " FIRST, "S: 334 *", "C: " FINAL,
		"S: 535 5.7.8 authentication failed", "C: AUTH SCRAM-SHA-1",
		"S: 334 ", "C: " FIRST, "S: 334 *", "C: *",
		"S: 501 5.7.0 authentication cancelled",
		"C: AUTH SCRAM-SHA-1 AAAA",
		"S: 535 5.7.8 authentication failed"),
	    check_nobody);
}

static void
with_binding(struct play *p)
{
	static const struct dg_binding b = { .exporter = { "exporter", 8 } };

	with_scram(p);
	p->binding = &b;
}

static void
with_binding_and_no_plus(struct play *p)
{
	with_binding(p);
	p->peer.mechs &= ~DG_MECH_BIT(DG_MECH_SCRAM_SHA_1_PLUS);
}

/* base64: p=tls-exporter,,n=alice,r=abcdef and y,,n=alice,r=abcdef */
#define BOUND  "cD10bHMtZXhwb3J0ZXIsLG49YWxpY2Uscj1hYmNkZWY="
#define SAW_NO "eSwsbj1hbGljZSxyPWFiY2RlZg=="

/* -PLUS is there for who can be bound to something; and who says that he saw
 * none, though it was shown, has somebody in between. */
static void
plus_is_taken_where_there_is_something_to_be_bound_to(void **state)
{
	(void)state;
	play_script(with_scram,
	    SCRIPT(HELLO("SCRAM-SHA-1 NTLM LOGIN PLAIN"),
		"C: AUTH SCRAM-SHA-1-PLUS " BOUND, "S: 504 *"),
	    check_nobody);
	play_script(with_binding,
	    SCRIPT(HELLO("SCRAM-SHA-1-PLUS SCRAM-SHA-1 NTLM LOGIN PLAIN"),
		"C: AUTH SCRAM-SHA-1 " SAW_NO, "S: 535 *",
		"C: AUTH SCRAM-SHA-1 " FIRST, "S: 334 *", "C: *", "S: 501 *",
		"C: AUTH SCRAM-SHA-1-PLUS " FIRST, "S: 535 *",
		"C: AUTH SCRAM-SHA-1-PLUS " BOUND, "S: 334 *", "C: " FINAL,
		"S: 535 *"),
	    check_nobody);
	play_script(with_binding_and_no_plus,
	    SCRIPT(HELLO("SCRAM-SHA-1 NTLM LOGIN PLAIN"),
		"C: AUTH SCRAM-SHA-1 " SAW_NO, "S: 334 *", "C: " FINAL,
		"S: 535 *"),
	    check_nobody);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(login_and_plain_work_in_each_form),
		cmocka_unit_test(every_failure_is_said_in_the_same_words),
		cmocka_unit_test(syntax_and_cancel_are_501),
		cmocka_unit_test(
		    a_second_login_and_one_inside_a_transaction_are_503),
		cmocka_unit_test(too_many_attempts_end_the_session),
		cmocka_unit_test(long_authentication_lines_are_500),
		cmocka_unit_test(a_login_is_no_place_for_pipelining),
		cmocka_unit_test(
		    a_verb_is_taken_under_every_spelling_that_was_shown),
		cmocka_unit_test(
		    a_verb_and_mechanism_may_be_taken_though_not_shown),
		cmocka_unit_test(only_what_the_peer_may_use_is_shown),
		cmocka_unit_test(clear_mechanisms_wait_for_tls),
		cmocka_unit_test(a_hooks_offer_replaces_the_dialects),
		cmocka_unit_test(what_was_offered_holds_until_the_next_hello),
		cmocka_unit_test(auth_after_helo_is_for_dialects_that_say_so),
		cmocka_unit_test(a_login_opens_mail_and_shows_in_received),
		cmocka_unit_test(tls_forgets_a_login),
		cmocka_unit_test(scram_is_refused_in_the_same_words),
		cmocka_unit_test(
		    plus_is_taken_where_there_is_something_to_be_bound_to),
		cmocka_unit_test(
		    ntlm_logs_in_with_and_without_an_initial_response),
	};

	return cmocka_run_group_tests(tests, make_alice, NULL);
}
