/* server_table_test.c - every verb in every state, cell by cell.
 *
 * Where a state takes no commands, its row says what happens to a line. */
#include "played_server.h"

static const char *const verbs[] = { "EHLO a", "HELO a", "STARTTLS",
	"AUTH LOGIN", "MAIL FROM:<a@b>", "RCPT TO:<x@y>", "DATA", "RSET",
	"NOOP", "VRFY x", "HELP", "QUIT", "XYZZY" };
enum {
	N_VERBS = sizeof(verbs) / sizeof(verbs[0])
};

struct cell {
	int code;          /* of the reply; 0: none */
	const char *state; /* after it; NULL: unchanged */
};
#define NO \
	{ \
		503, NULL \
	}

static void
refused(struct play *p)
{
	p->connect.verdict = DG_VERDICT_REFUSE;
}

/* The state in which a question stays open is named by `holds`. */
static const struct {
	const char *state;
	void (*setup)(struct play *);
	const char *before; /* said to get there */
	struct cell cells[N_VERBS];
} rows[] = {
	/* clang-format off */
	/*        EHLO              HELO              STARTTLS      AUTH
	 *        MAIL              RCPT              DATA          RSET
	 *        NOOP              VRFY              HELP          QUIT
	 *        unknown */
	{ "REFUSED", refused, "",
	    { NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, { 221, "GONE" },
	      NO } },
	{ "HELLO", NULL, "",
	    { { 250, "READY" }, { 250, "READY" }, NO, NO,
	      NO, NO, NO, { 250, NULL },
	      { 250, NULL }, { 252, NULL }, { 214, NULL }, { 221, "GONE" },
	      { 500, NULL } } },
	{ "READY", NULL, "EHLO a\r\n",
	    { { 250, NULL }, { 250, NULL }, { 220, "TLS" }, { 334, "AUTH" },
	      { 250, "RCPT" }, NO, NO, { 250, NULL },
	      { 250, NULL }, { 252, NULL }, { 214, NULL }, { 221, "GONE" },
	      { 500, NULL } } },
	{ "RCPT", NULL, "EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<z@y>\r\n",
	    { { 250, "READY" }, { 250, "READY" }, NO, NO,
	      NO, { 250, NULL }, { 354, "DATA" }, { 250, "READY" },
	      { 250, NULL }, { 252, NULL }, { 214, NULL }, { 221, "GONE" },
	      { 500, NULL } } },
	/* no commands here: a line of the dialogue, of the body, nothing */
	{ "AUTH", NULL, "EHLO a\r\nAUTH LOGIN\r\n",
	    { { 501, "READY" }, { 501, "READY" }, { 334, NULL },
	      { 501, "READY" },
	      { 501, "READY" }, { 501, "READY" }, { 334, NULL },
	      { 334, NULL },
	      { 334, NULL }, { 501, "READY" }, { 334, NULL }, { 334, NULL },
	      { 501, "READY" } } },
	{ "DATA", NULL,
	    "EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<z@y>\r\nDATA\r\n",
	    { { 0, NULL }, { 0, NULL }, { 0, NULL }, { 0, NULL },
	      { 0, NULL }, { 0, NULL }, { 0, NULL }, { 0, NULL },
	      { 0, NULL }, { 0, NULL }, { 0, NULL }, { 0, NULL },
	      { 0, NULL } } },
	{ "GONE", NULL, "QUIT\r\n",
	    { { 0, NULL }, { 0, NULL }, { 0, NULL }, { 0, NULL },
	      { 0, NULL }, { 0, NULL }, { 0, NULL }, { 0, NULL },
	      { 0, NULL }, { 0, NULL }, { 0, NULL }, { 0, NULL },
	      { 0, NULL } } },
	/* clang-format on */
};

static int
last_code(struct play *p)
{
	int code = 0;

	while (p->heard < p->wire.n) {
		struct dg_str line = play_hear(p);

		assert_true(line.n > 3);
		code = (line.p[0] - '0') * 100 + (line.p[1] - '0') * 10 +
		       (line.p[2] - '0');
	}
	return code;
}

/* asks: and somebody is asked about all that can be, who has no opinion. */
static void
walk(size_t row, size_t verb, unsigned asks)
{
	const struct cell *want = &rows[row].cells[verb];
	struct play p;
	struct dg_buf line;

	play_init(&p);
	p.options.has_tls = true;
	p.options.asks = asks;
	p.is_late = asks != 0;
	p.feed_size = 1; /* so that nothing stands behind a line */
	if (rows[row].setup != NULL)
		rows[row].setup(&p);
	play_start(&p);
	play_say(&p, dg_str(rows[row].before));
	assert_string_equal(dg_srv_state_name(p.srv), rows[row].state);
	p.heard = p.wire.n;
	dg_buf_init(&line, 100);
	dg_buf_addf(&line, "%s\r\n", verbs[verb]);
	if (p.is_closed)
		assert_int_equal(dg_srv_feed(p.srv, dg_buf_str(&line), &p.acts),
		    line.n);
	else
		play_say(&p, dg_buf_str(&line));
	dg_buf_fini(&line);
	int code = last_code(&p);
	const char *next = want->state != NULL ? want->state : rows[row].state;
	if (code != want->code || strcmp(dg_srv_state_name(p.srv), next) != 0)
		fail_msg("%s in %s: %d %s, expected %d %s", verbs[verb],
		    rows[row].state, code, dg_srv_state_name(p.srv), want->code,
		    next);
	play_fini(&p);
}

static void
every_verb_in_every_state_does_what_the_table_says(void **state)
{
	(void)state;
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++)
		for (size_t v = 0; v < N_VERBS; v++) {
			walk(r, v, 0);
			walk(r, v, ~0u);
		}
}

static const struct {
	const char *state, *before;
} waits[] = {
	{ "CONNECT", "" },
	{ "VERB", "XYZZY a\r\n" },
	{ "OFFER", "EHLO a\r\n" },
	{ "LOGIN", "EHLO a\r\nAUTH PLAIN AGFsaWNlAHg=\r\n" },
	{ "PROVED", "EHLO a\r\nAUTH PLAIN AGFsaWNlAHBhc3N3b3Jk\r\n" },
	{ "SENDER", "EHLO a\r\nMAIL FROM:<a@b>\r\n" },
	{ "ASKED", "EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<x@y>\r\n" },
	{ "OPEN", "EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<x@y>\r\nDATA\r\n" },
	{ "CONTENT",
	    "EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<x@y>\r\nDATA\r\n.\r\n" },
	{ "COMMIT",
	    "EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<x@y>\r\nDATA\r\n.\r\n" },
};

static void
while_it_waits_for_an_answer_it_takes_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		struct play p;

		print_message("  %s\n", waits[i].state);
		play_init(&p);
		p.holds = waits[i].state;
		p.options.asks = ~0u;
		p.alice = alice_account();
		play_start(&p);
		play_say(&p, dg_str(waits[i].before));
		assert_string_equal(dg_srv_state_name(p.srv), waits[i].state);
		assert_true(dg_srv_is_waiting(p.srv));
		assert_false(dg_srv_is_idle(p.srv));
		for (size_t v = 0; v < N_VERBS; v++) {
			assert_int_equal(dg_srv_feed(p.srv, dg_str(verbs[v]),
					     &p.acts),
			    0);
			assert_int_equal(p.acts.n, 0);
		}
		play_fini(&p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    every_verb_in_every_state_does_what_the_table_says),
		cmocka_unit_test(while_it_waits_for_an_answer_it_takes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
