/* server_test.c - sessions with the server machine, from greeting to QUIT. */
#include "played_server.h"

/* ---- greeting, EHLO, HELO ---- */

static void
a_message_goes_through(void **state)
{
	(void)state;
	play_script(NULL,
	    SCRIPT(EHLO, "C: MAIL FROM:<a@b.example> SIZE=10 BODY=8BITMIME",
		"S: 250 2.1.0 OK", "C: RCPT TO:<x@y.example>",
		"S: 250 2.1.5 OK", "C: DATA",
		"S: 354 end data with <CR><LF>.<CR><LF>", "C: Subject: x",
		"C: ", "C: ..dot", "C: .", "S: 250 2.0.0 OK, queued as k7",
		"C: QUIT", "S: 221 2.0.0 closing connection", "X"),
	    NULL);
}

static void
helo_gets_plain_replies(void **state)
{
	(void)state;
	play_script(NULL,
	    SCRIPT("S: 220 relay.example ESMTP", "C: HELO a",
		"S: 250 relay.example Hello [10.0.0.5]", "C: NOOP", "S: 250 OK",
		"C: MAIL FROM:<>", "S: 250 OK", "C: RCPT TO:<refuse@b>",
		"S: 550 no such user", "C: BOGUS",
		"S: 500 command not recognized"),
	    NULL);
}

static void
both_greetings_may_come_without_argument(void **state)
{
	(void)state;
	play_script(NULL,
	    SCRIPT("S: 220 *", "C: HELO", "S: 250 *", "C: EHLO", "S: 250-*",
		"S: 250-*", "S: 250-*", "S: 250-*", "S: 250-*", "S: 250-*",
		"S: 250 *"),
	    NULL);
}

static void
hide_everything(struct play *p)
{
	static struct dg_dialect d;

	d = *dg_dialect_rfc4954();
	d.hide = DG_EXT_PIPELINING | DG_EXT_8BITMIME | DG_EXT_ENHANCED |
		 DG_EXT_STARTTLS | DG_EXT_HELP | DG_EXT_SIZE;
	d.texts[0].code = 220;
	d.texts[0].text = "Service ready";
	d.texts[1].code = 250;
	d.texts[1].text = "fine";
	d.n_texts = 2;
	p->peer.dialect = &d;
	p->peer.mechs = 0;
	p->options.has_tls = true;
}

static void
a_dialect_hides_extensions_and_words_replies(void **state)
{
	(void)state;
	play_script(hide_everything,
	    SCRIPT("S: 220 relay.example Service ready", "C: EHLO a",
		"S: 250 relay.example Hello [10.0.0.5]", "C: NOOP",
		"S: 250 fine", "C: BOGUS", "S: 500 command not recognized",
		"C: STARTTLS", "S: 502 STARTTLS is not available here"),
	    NULL);
}

static void
hook_shows_and_hides(struct play *p)
{
	hide_everything(p);
	p->offer.show = DG_EXT_SIZE | DG_EXT_8BITMIME | DG_EXT_CHUNKING;
	p->offer.hide = DG_EXT_8BITMIME | DG_EXT_HELP;
	p->peer.size = 77;
}

static void
an_offer_shows_and_hides_on_top_of_that(void **state)
{
	(void)state;
	play_script(hook_shows_and_hides,
	    SCRIPT("S: 220 *", "C: EHLO a", "S: 250-*", "S: 250-SIZE 77",
		"S: 250 8BITMIME"),
	    NULL);
}

static void
refuse_connect(struct play *p)
{
	p->connect = (struct dg_srv_answer){
		.verdict = DG_VERDICT_REFUSE,
		.code = 554,
		.enhanced = "5.7.1",
		.text = DG_STR("not you"),
	};
}

static void
who_may_not_connect_may_only_quit(void **state)
{
	(void)state;
	play_script(refuse_connect,
	    SCRIPT("S: 554 not you", "C: EHLO a", "S: 503 *", "C: BOGUS",
		"S: 503 *", "C: QUIT", "S: 221 closing connection", "X"),
	    NULL);
}

static void
defer_connect(struct play *p)
{
	p->connect.verdict = DG_VERDICT_DEFER;
}

static void
close_connect(struct play *p)
{
	p->connect.verdict = DG_VERDICT_CLOSE;
}

static void
a_connection_can_be_put_off_or_closed(void **state)
{
	(void)state;
	play_script(defer_connect, SCRIPT("S: 421 try again later", "X"), NULL);
	play_script(close_connect, SCRIPT("X"), NULL);
}

/* ---- small verbs and bad arguments ---- */

static void
small_verbs_answer_everywhere(void **state)
{
	(void)state;
	play_script(NULL,
	    SCRIPT(EHLO, "C: noop  anything", "S: 250 2.0.0 OK", "C: RSET",
		"S: 250 2.0.0 OK", "C: VRFY a", "S: 252 2.1.5 *", "C: HELP",
		"S: 214 2.0.0 *", "C: HELP MAIL", "S: 214 2.0.0 *", "C: RSET x",
		"S: 501 5.5.4 *", "C: VRFY", "S: 501 5.5.4 *", "C: QUIT now",
		"S: 501 5.5.4 *", "C: NOOP=x", "S: 500 5.5.1 *"),
	    NULL);
}

static void
too_many_bad_commands_end_the_session(void **state)
{
	(void)state;
	play_script(NULL,
	    SCRIPT(EHLO, "C: A", "C: B", "C: C", "C: D", "C: E", "C: F",
		"S: 500 5.5.1 *", "S: 500 5.5.1 *", "S: 500 5.5.1 *",
		"S: 500 5.5.1 *", "S: 500 5.5.1 *",
		"S: 421 4.7.0 too many errors, closing the connection", "X"),
	    NULL);
}

static void
commands_hold_ascii_and_nothing_strange(void **state)
{
	(void)state;
	play_script(NULL,
	    SCRIPT(EHLO, "C: EHLO \xc3\xa9", "S: 500 5.5.2 *",
		"C: ", "S: 500 5.5.2 empty command", "R:NOOP\nQUIT\r\n",
		"S: 500 5.5.2 a command must not hold a bare CR*",
		"R:NOOP\rQUIT\r\n", "S: 500 5.5.2 *", "R:NOOP\001\r\n",
		"S: 500 5.5.2 *"),
	    NULL);
}

static void
nul_in_a_command_is_refused(void **state)
{
	struct play p;

	(void)state;
	play_init(&p);
	play_start(&p);
	play_say(&p, dg_str_of("NO\0OP\r\n", 7));
	play_lines(&p, SCRIPT("S: 220 *", "S: 500 a command must not *"));
	play_fini(&p);
}

static void
narrow(struct play *p)
{
	p->options.limits.line = 40;
	p->options.limits.auth_line = 100;
}

#define T50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void
long_lines_are_thrown_away_to_their_end(void **state)
{
	(void)state;
	play_script(narrow,
	    SCRIPT(EHLO, "C: NOOP " T50, "S: 500 5.5.2 line too long",
		"C: NOOP " T50 T50 T50 "\rQUIT", "S: 500 5.5.2 line too long",
		"C: NOOP", "S: 250 2.0.0 OK", "R:" T50 T50 T50 "\nQUIT\r",
		"R:\nNOOP\r\n", "S: 500 5.5.2 line too long",
		"S: 250 2.0.0 OK"),
	    NULL);
}

static void
an_endless_line_ends_the_session(void **state)
{
	struct play p;
	struct dg_buf line;

	(void)state;
	play_init(&p);
	play_start(&p);
	dg_buf_init(&line, 2 * 1024 * 1024);
	while (line.n < 1536 * 1024)
		dg_buf_adds(&line, T50 T50 "\n\r");
	p.feed_size = 5000;
	for (size_t at = 0; at < line.n && !p.is_closed; at += 5000)
		play_say(&p, dg_str_sub(dg_buf_str(&line), at, 5000));
	assert_true(p.input.n < 20000);
	play_lines(&p, SCRIPT("S: 220 *", "S: 500 *", "S: 421 *", "X"));
	dg_buf_fini(&line);
	play_fini(&p);
}

static void
mended(struct play *p)
{
	static struct dg_dialect d;

	d = *dg_dialect_rfc4954();
	d.mend =
	    DG_MEND_BARE_LF | DG_MEND_SPACE_AFTER_COLON | DG_MEND_NO_BRACKETS;
	p->peer.dialect = &d;
}

static void
check_lf_message(struct play *p)
{
	assert_true(dg_str_has_suffix(dg_buf_str(&p->body),
	    DG_STR("Subject: x\r\n\r\nhi\r\n")));
	assert_string_equal(dg_buf_z(&p->envelope), "a@b -> x@y");
}

static void
a_device_that_ends_lines_in_lf_is_mended(void **state)
{
	(void)state;
	play_script(mended,
	    SCRIPT("S: 220 *", "R:HELO dev\n", "S: 250 *", "R:MAIL FROM: a@b\n",
		"S: 250 OK", "R:RCPT TO: <x@y>\n", "S: 250 OK", "R:DATA\n",
		"S: 354 *", "R:Subject: x\n\nhi\n.\n", "S: 250 *", "R:QUIT\n",
		"S: 221 *", "X"),
	    check_lf_message);
}

/* ---- MAIL and RCPT ---- */

static void
mail_parameters_are_read(void **state)
{
	(void)state;
	play_script(NULL,
	    SCRIPT(EHLO, "C: MAIL FROM:<a@b> SIZE=1001",
		"S: 552 5.3.4 message is larger than this host takes",
		"C: MAIL FROM:<a@b> SIZE=99999999999999999999",
		"S: 552 5.3.4 *", "C: MAIL FROM:<a@b> SIZE=1 SIZE=1",
		"S: 501 5.5.4 *", "C: MAIL FROM:<a@b> BODY=BINARYMIME",
		"S: 501 5.5.4 *", "C: MAIL FROM:<a@b> XYZ=1",
		"S: 555 5.5.4 parameter not recognized",
		"C: MAIL FROM:<a@b> SIZE=1000 BODY=7bit AUTH=<> RET=FULL "
		"ENVID=q+2Bx",
		"S: 250 2.1.0 OK"),
	    NULL);
	play_script(NULL,
	    SCRIPT(EHLO, "C: MAIL FROM:<a@b> SIZE=-1", "S: 501 5.5.4 *",
		"C: MAIL FROM:<a@b> SIZE", "S: 501 5.5.4 *",
		"C: MAIL FROM:<a@b> AUTH=a+4", "S: 501 5.5.4 *",
		"C: MAIL FROM:<a@b> =", "S: 501 5.5.4 *", "C: MAIL FROM:a@b",
		"S: 501 5.5.4 *"),
	    NULL);
}

static void
old_clients_send_dsn_words_unasked(void **state)
{
	(void)state;
	play_script(NULL,
	    SCRIPT(EHLO, "C: MAIL FROM:<JohnD@COMPANY1.com> SIZE=146 RET=FULL",
		"S: 250 2.1.0 OK",
		"C: RCPT TO:<janed@company2.com> NOTIFY=FAILURE,DELAY",
		"S: 250 2.1.5 OK",
		"C: RCPT TO:<x@company2.com> ORCPT=rfc822;x@y",
		"S: 250 2.1.5 OK", "C: RCPT TO:<z@company2.com> SIZE=1",
		"S: 555 5.5.4 *"),
	    NULL);
}

static void
check_rcpts(struct play *p)
{
	assert_string_equal(dg_buf_z(&p->envelope),
	    "a@b -> X@y.example x@y.example new@hop.example");
}

static void
recipients_are_kept_once_and_limited(void **state)
{
	(void)state;
	play_script(NULL,
	    SCRIPT(EHLO, "C: MAIL FROM:<a@b>", "S: 250 2.1.0 OK",
		"C: RCPT TO:<X@y.example>", "C: RCPT TO:<X@Y.EXAMPLE>",
		"C: RCPT TO:<x@y.example>", "C: RCPT TO:<rewrite1@y>",
		"C: RCPT TO:<rewrite1@y>", "C: RCPT TO:<more@y>",
		"S: 250 2.1.5 OK", "S: 250 2.1.5 OK", "S: 250 2.1.5 OK",
		"S: 250 2.1.5 OK", "S: 250 2.1.5 OK", "S: 452 4.5.3 *",
		"C: DATA", "S: 354 *", "C: .", "S: 250 *"),
	    check_rcpts);
}

static void
check_discard(struct play *p)
{
	assert_string_equal(dg_buf_z(&p->envelope),
	    " -> new@hop.example discard@y!");
}

static void
recipients_are_answered_by_policy(void **state)
{
	(void)state;
	play_script(NULL,
	    SCRIPT(EHLO, "C: MAIL FROM:<>", "S: 250 2.1.0 OK",
		"C: RCPT TO:<refuse@y>", "S: 550 5.1.1 no such user",
		"C: RCPT TO:<wordless@y>", "S: 550 5.7.1 recipient refused",
		"C: RCPT TO:<defer@y>",
		"S: 451 4.3.0 recipient cannot be taken now, try again later",
		"C: DATA", "S: 554 5.5.1 no valid recipients",
		"C: RCPT TO:<rewrite1@y>", "S: 250 2.1.5 OK",
		"C: RCPT TO:<rewrite2@y>", "S: 250 2.1.5 OK",
		"C: RCPT TO:<discard@y>", "S: 250 2.1.5 OK", "C: DATA",
		"S: 354 *", "C: .", "S: 250 *", "C: MAIL FROM:<a@b>",
		"S: 250 *", "C: RCPT TO:<close@y>", "X"),
	    check_discard);
}

static void
forbid_relay(struct play *p)
{
	p->peer.may_relay = false;
	p->peer.mechs = 0;
}

static void
a_peer_nobody_names_hears_why(void **state)
{
	(void)state;
	play_script(forbid_relay,
	    SCRIPT("S: 220 *", "C: EHLO a", "S: 250-*", "S: 250-*", "S: 250-*",
		"S: 250-*", "S: 250-*", "S: 250 HELP", "C: MAIL FROM:<a@b>",
		"S: 550 5.7.1 this host relays only for peers that its policy "
		"names, and you are none of them",
		"C: AUTH NTLM",
		"S: 503 5.5.1 authentication is not enabled here"),
	    NULL);
}

/* How often the line can be said before the session is over. */
static size_t
times_until_the_end(void (*change)(struct play *p), const char *line,
    size_t most)
{
	struct play p;
	size_t n = 0;

	play_init(&p);
	dg_buf_fini(&p.wire);
	dg_buf_init(&p.wire, 64 * 1024 * 1024);
	if (change != NULL)
		change(&p);
	play_start(&p);
	play_say(&p, DG_STR("EHLO a.example\r\nMAIL FROM:<a@b.example>\r\n"));
	while (!p.is_closed && n < most) {
		play_say(&p, dg_str(line));
		n++;
	}
	play_fini(&p);
	return n;
}

static void
nobody_asks_for_ever(void **state)
{
	(void)state;
	/* MAIL itself was the first of the errors that are free */
	assert_int_equal(times_until_the_end(forbid_relay,
			     "MAIL FROM:<a@b.example>\r\n", 100),
	    5);
	assert_int_equal(times_until_the_end(NULL,
			     "RCPT TO:<refuse@b.example>\r\n", 9000),
	    1006);
	assert_int_equal(
	    times_until_the_end(NULL,
		"RCPT TO:<x@a.example>\r\nRCPT TO:<x@b.example>\r\n"
		"RCPT TO:<x@c.example>\r\nRCPT TO:<x@d.example>\r\n",
		9000),
	    1006);
}

static void
want_login(struct play *p)
{
	p->peer.requires_auth = true;
}

static void
mail_before_a_required_login_is_refused(void **state)
{
	(void)state;
	play_script(want_login,
	    SCRIPT(EHLO, "C: MAIL FROM:<a@b>",
		"S: 530 5.7.0 authentication required"),
	    NULL);
}

static void
a_new_hello_or_rset_drops_the_transaction(void **state)
{
	(void)state;
	play_script(NULL,
	    SCRIPT(EHLO, "C: MAIL FROM:<a@b>", "C: RCPT TO:<x@y>", "C: RSET",
		"C: RCPT TO:<x@y>", "S: 250 2.1.0 OK", "S: 250 2.1.5 OK",
		"S: 250 2.0.0 OK", "S: 503 5.5.1 MAIL must come first",
		"C: MAIL FROM:<a@b>", "S: 250 2.1.0 OK", "C: HELO b",
		"S: 250 *", "C: DATA", "S: 503 MAIL and RCPT must come first"),
	    NULL);
}

/* ---- STARTTLS ---- */

static void
with_tls(struct play *p)
{
	p->options.has_tls = true;
}

static void
starttls_forgets_everything(void **state)
{
	(void)state;
	play_script(with_tls,
	    SCRIPT(EHLO_TLS, "C: STARTTLS x", "S: 501 5.5.4 *", "C: STARTTLS",
		"S: 220 ready to start TLS", "T", "C: MAIL FROM:<a@b>",
		"S: 503 say EHLO or HELO first", "C: EHLO b", "S: 250-*",
		"S: 250-PIPELINING", "S: 250-SIZE 1000", "S: 250-8BITMIME",
		"S: 250-ENHANCEDSTATUSCODES", "S: 250-HELP",
		"S: 250 AUTH NTLM LOGIN PLAIN", "C: STARTTLS",
		"S: 503 5.5.1 TLS is already on"),
	    NULL);
}

static void
plain_text_behind_starttls_closes_the_session(void **state)
{
	struct play p;

	(void)state;
	play_init(&p);
	with_tls(&p);
	play_start(&p);
	play_lines(&p,
	    SCRIPT(EHLO_TLS, "C: STARTTLS", "C: MAIL FROM:<evil@x>",
		"S: 554 5.5.1 plain text behind STARTTLS, closing the "
		"connection",
		"X"));
	assert_false(p.has_tls_asked);
	play_fini(&p);
}

/* The same, but it comes a moment later: whatever an owner does, fed in this
 * state it never becomes a command. */
static void
plain_text_during_the_handshake_closes_the_session(void **state)
{
	struct play p;

	(void)state;
	play_init(&p);
	with_tls(&p);
	play_start(&p);
	play_lines(&p, SCRIPT(EHLO_TLS, "C: STARTTLS", "S: 220 *"));
	assert_true(dg_srv_is_waiting(p.srv));
	assert_int_equal(dg_srv_feed(p.srv, DG_STR("NOOP\r\n"), &p.acts), 6);
	play_carry_out(&p);
	play_lines(&p, SCRIPT("X"));
	play_fini(&p);
}

static void
need_tls(struct play *p)
{
	with_tls(p);
	p->peer.requires_tls = true;
}

static void
required_tls_comes_before_login_and_mail(void **state)
{
	(void)state;
	play_script(need_tls,
	    SCRIPT("S: 220 *", "C: EHLO a", "S: 250-*", "S: 250-*", "S: 250-*",
		"S: 250-*", "S: 250-*", "S: 250-STARTTLS", "S: 250 HELP",
		"C: MAIL FROM:<a@b>",
		"S: 530 5.7.0 issue a STARTTLS command first", "C: AUTH NTLM",
		"S: 538 5.7.11 encryption required: STARTTLS first"),
	    NULL);
}

/* ---- the owner ends it ---- */

static const struct {
	const char *holds;
	const char *const *lines;
	int aborts;
} stops[] = {
	{ "CONNECT", SCRIPT("S: 421 shutting down", "X"), 0 },
	{ "OFFER", SCRIPT("S: 220 *", "C: EHLO a", "S: 421 shutting down", "X"),
	    0 },
	{ "VERB", SCRIPT("S: 220 *", "C: XYZZY", "S: 421 shutting down", "X"),
	    0 },
	{ "LOGIN",
	    SCRIPT(EHLO, "C: AUTH PLAIN AGFsaWNlAHBhc3N3b3Jk",
		"S: 421 4.3.2 shutting down", "X"),
	    0 },
	{ "PROVED",
	    SCRIPT(EHLO, "C: AUTH PLAIN AGFsaWNlAHBhc3N3b3Jk",
		"S: 421 4.3.2 shutting down", "X"),
	    0 },
	{ "SENDER",
	    SCRIPT(EHLO, "C: MAIL FROM:<a@b>", "S: 421 4.3.2 shutting down",
		"X"),
	    0 },
	{ "ASKED",
	    SCRIPT(EHLO, "C: MAIL FROM:<a@b>", "C: RCPT TO:<x@y>", "S: 250 *",
		"S: 421 4.3.2 shutting down", "X"),
	    0 },
	{ "CONTENT",
	    SCRIPT(EHLO, "C: MAIL FROM:<a@b>", "C: RCPT TO:<x@y>", "C: DATA",
		"C: x", "C: .", "S: 250 *", "S: 250 *", "S: 354 *",
		"S: 421 4.3.2 shutting down", "X"),
	    1 },
	{ "OPEN",
	    SCRIPT(EHLO, "C: MAIL FROM:<a@b>", "C: RCPT TO:<x@y>", "C: DATA",
		"S: 250 *", "S: 250 *", "S: 421 4.3.2 shutting down", "X"),
	    1 },
};

static void
stop_says_421_in_every_state(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
		struct dg_srv_answer late = { 0 };
		const char *const *l = stops[i].lines;
		struct play p;
		struct dg_buf say;

		print_message("  %s\n", stops[i].holds);
		play_init(&p);
		p.holds = stops[i].holds;
		p.options.asks = ~0u;
		p.alice = alice_account();
		play_start(&p);
		dg_buf_init(&say, 1000);
		for (size_t n = 0; l[n] != NULL; n++)
			if (l[n][0] == 'C')
				dg_buf_addf(&say, "%s\r\n", l[n] + 3);
		play_say(&p, dg_buf_str(&say));
		dg_buf_fini(&say);
		assert_string_equal(dg_srv_state_name(p.srv), p.holds);
		dg_srv_stop(p.srv, "4.3.2", DG_STR("shutting down"), &p.acts);
		play_carry_out(&p);
		for (; *l != NULL; l++)
			if (l[0][0] == 'S')
				play_expect(&p, *l + 3);
		assert_true(p.is_closed);
		assert_int_equal(p.aborts, stops[i].aborts);
		assert_null(dg_srv_envelope(p.srv));
		assert_int_equal(p.commits, 0);
		/* late answers find nobody */
		dg_srv_answer(p.srv, &late, &p.acts);
		assert_int_equal(p.acts.n, 0);
		dg_srv_draft(p.srv, DG_OK, DG_STR("z"), 0, NULL, &p.acts);
		assert_int_equal(p.acts.n, 1);
		assert_int_equal(p.acts.v[0].kind, DG_ACT_ABORT);
		dg_acts_reset(&p.acts);
		dg_srv_committed(p.srv, DG_OK, NULL, &p.acts);
		dg_srv_stop(p.srv, "4.3.2", DG_STR("again"), &p.acts);
		assert_int_equal(p.acts.n, 0);
		play_fini(&p);
	}
}

static void
stop_waits_for_a_commit_under_way(void **state)
{
	struct play p;

	(void)state;
	play_init(&p);
	p.holds = "COMMIT";
	play_start(&p);
	play_lines(&p,
	    SCRIPT(EHLO, "C: MAIL FROM:<a@b>", "C: RCPT TO:<x@y>", "C: DATA",
		"S: 250 *", "S: 250 *", "S: 354 *", "C: ."));
	assert_string_equal(dg_srv_state_name(p.srv), "COMMIT");
	dg_srv_stop(p.srv, "4.3.2", DG_STR("shutting down"), &p.acts);
	assert_int_equal(p.acts.n, 0);
	assert_false(p.is_closed);
	p.holds = NULL;
	dg_srv_committed(p.srv, DG_OK, NULL, &p.acts);
	play_carry_out(&p);
	play_lines(&p, SCRIPT("S: 250 2.0.0 OK, queued as k7",
			   "S: 421 4.3.2 shutting down", "X"));
	play_fini(&p);
}

static void
it_is_idle_between_transactions_only(void **state)
{
	struct play p;

	(void)state;
	play_init(&p);
	play_start(&p);
	assert_true(dg_srv_is_idle(p.srv));
	play_lines(&p, SCRIPT(EHLO));
	assert_true(dg_srv_is_idle(p.srv));
	assert_true(dg_srv_is_ehlo(p.srv));
	assert_true(dg_str_is(dg_srv_helo(p.srv), "a.example"));
	assert_null(dg_srv_envelope(p.srv));
	play_lines(&p, SCRIPT("C: MAIL FROM:<a@b>", "S: 250 *"));
	assert_false(dg_srv_is_idle(p.srv));
	assert_non_null(dg_srv_envelope(p.srv));
	play_lines(&p, SCRIPT("C: QUIT", "S: 221 *", "X"));
	assert_null(dg_srv_envelope(p.srv));
	play_fini(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_goes_through),
		cmocka_unit_test(helo_gets_plain_replies),
		cmocka_unit_test(both_greetings_may_come_without_argument),
		cmocka_unit_test(a_dialect_hides_extensions_and_words_replies),
		cmocka_unit_test(an_offer_shows_and_hides_on_top_of_that),
		cmocka_unit_test(who_may_not_connect_may_only_quit),
		cmocka_unit_test(a_connection_can_be_put_off_or_closed),
		cmocka_unit_test(small_verbs_answer_everywhere),
		cmocka_unit_test(too_many_bad_commands_end_the_session),
		cmocka_unit_test(commands_hold_ascii_and_nothing_strange),
		cmocka_unit_test(nul_in_a_command_is_refused),
		cmocka_unit_test(long_lines_are_thrown_away_to_their_end),
		cmocka_unit_test(an_endless_line_ends_the_session),
		cmocka_unit_test(a_device_that_ends_lines_in_lf_is_mended),
		cmocka_unit_test(mail_parameters_are_read),
		cmocka_unit_test(old_clients_send_dsn_words_unasked),
		cmocka_unit_test(recipients_are_kept_once_and_limited),
		cmocka_unit_test(recipients_are_answered_by_policy),
		cmocka_unit_test(a_peer_nobody_names_hears_why),
		cmocka_unit_test(nobody_asks_for_ever),
		cmocka_unit_test(mail_before_a_required_login_is_refused),
		cmocka_unit_test(a_new_hello_or_rset_drops_the_transaction),
		cmocka_unit_test(starttls_forgets_everything),
		cmocka_unit_test(plain_text_behind_starttls_closes_the_session),
		cmocka_unit_test(
		    plain_text_during_the_handshake_closes_the_session),
		cmocka_unit_test(required_tls_comes_before_login_and_mail),
		cmocka_unit_test(stop_says_421_in_every_state),
		cmocka_unit_test(stop_waits_for_a_commit_under_way),
		cmocka_unit_test(it_is_idle_between_transactions_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
