/* conn_tls_test.c - from clear to TLS, and why it did not come to it. */
#include "tests/unit/net/help.h"

#include <pthread.h>

#include "dragoman/net/loop.h"
#include "dragoman/net/tls.h"
#include "tests/unit/net/certs.h"

enum {
	MIB = 1024 * 1024
};

static struct certs certs;

struct both {
	struct dg_loop *l;
	struct dg_conn *s, *c; /* server, client */
	struct ear es, ec;
	struct dg_tls *ts, *tc;
};

static struct dg_tls *
server_with(const char *certificate, enum dg_tls_version least)
{
	struct dg_err e;
	struct dg_tls *t = dg_tls_server_new(in_dir(&certs, certificate),
	    in_dir(&certs, "good.key"), least, &e);

	assert_non_null(t);
	return t;
}

static struct dg_tls *
client_with(const char *authority, enum dg_tls_version least)
{
	struct dg_err e;
	struct dg_tls *t =
	    dg_tls_client_new(authority != NULL ? in_dir(&certs, authority)
						: NULL,
		least, &e);

	assert_non_null(t);
	return t;
}

static void
open_both(struct both *t, bool is_tcp)
{
	int fds[2];

	*t = (struct both){ .l = dg_loop_new() };
	ear_init(&t->es);
	ear_init(&t->ec);
	if (is_tcp) {
		tcp_pair(fds);
		t->s = dg_conn_new(t->l, fds[1], hear, &t->es);
		t->c = dg_conn_new(t->l, fds[0], hear, &t->ec);
	} else {
		dg_conn_pair(t->l, &t->s, &t->c);
		dg_conn_set_fn(t->s, hear, &t->es);
		dg_conn_set_fn(t->c, hear, &t->ec);
	}
	t->ts = server_with("good.pem", DG_TLS_1_2);
	t->tc = client_with("ca.pem", DG_TLS_1_2);
}

static void
shake(struct both *t)
{
	dg_conn_tls_accept(t->s, t->ts);
	dg_conn_tls_connect(t->c, t->tc, DG_STR("mx.example"), true);
	/* from now on they are the connections' alone */
	dg_tls_free(t->ts);
	dg_tls_free(t->tc);
	t->ts = t->tc = NULL;
	TURN_UNTIL(t->l, strchr(t->es.told, 'T') && strchr(t->ec.told, 'T'));
}

static void
close_both(struct both *t)
{
	dg_conn_free(t->s);
	dg_conn_free(t->c);
	dg_tls_free(t->ts);
	dg_tls_free(t->tc);
	dg_buf_fini(&t->es.got);
	dg_buf_fini(&t->ec.got);
	dg_loop_free(t->l);
}

/* TLS 1.3: an exporter, and nothing that is called unique. */
static void
assert_same_binding(const struct dg_conn *a, const struct dg_conn *b)
{
	uint8_t x[DG_CONN_BINDING_MAX], y[DG_CONN_BINDING_MAX];
	static const uint8_t zeros[32];

	assert_int_equal(dg_conn_tls_binding(a, DG_CONN_TLS_EXPORTER, x), 32);
	assert_int_equal(dg_conn_tls_binding(b, DG_CONN_TLS_EXPORTER, y), 32);
	assert_memory_equal(x, y, 32);
	assert_memory_not_equal(x, zeros, 32);
	assert_int_equal(dg_conn_tls_binding(a, DG_CONN_TLS_UNIQUE, x), 0);
}

static void
starttls_switches_over_sockets_and_pairs(void **state)
{
	(void)state;
	for (int is_tcp = 0; is_tcp < 2; is_tcp++) {
		struct both t;

		open_both(&t, is_tcp == 1);
		uint8_t bytes[DG_CONN_BINDING_MAX];

		assert_int_equal(dg_conn_tls_binding(t.c, DG_CONN_TLS_EXPORTER,
				     bytes),
		    0);
		dg_conn_send(t.c, DG_STR("STARTTLS\r\n"));
		TURN_UNTIL(t.l, ear_got(&t.es, "STARTTLS\r\n"));
		dg_conn_send(t.s, DG_STR("220 go\r\n"));
		dg_conn_tls_accept(t.s, t.ts);
		TURN_UNTIL(t.l, ear_got(&t.ec, "220 go\r\n"));
		dg_conn_tls_connect(t.c, t.tc, DG_STR("mx.example"), true);
		TURN_UNTIL(t.l,
		    strchr(t.es.told, 'T') && strchr(t.ec.told, 'T'));
		assert_true(dg_str_has_prefix(dg_conn_tls_words(t.s),
		    DG_STR("TLSv1.3 TLS_")));
		assert_true(
		    dg_str_eq(dg_conn_tls_words(t.s), dg_conn_tls_words(t.c)));
		assert_same_binding(t.s, t.c);
		dg_conn_send(t.c, DG_STR("EHLO again\r\n"));
		dg_conn_send(t.s, DG_STR("250 hello\r\n"));
		TURN_UNTIL(t.l, ear_got(&t.es, "STARTTLS\r\nEHLO again\r\n") &&
				    ear_got(&t.ec, "220 go\r\n250 hello\r\n"));
		close_both(&t);
	}
}

static void
what_is_sent_after_the_call_is_encrypted(void **state)
{
	struct both t;

	(void)state;
	/* implicit TLS: the greeting is sent before the handshake began */
	open_both(&t, true);
	dg_conn_tls_accept(t.s, t.ts);
	dg_conn_send(t.s, DG_STR("220 hello\r\n"));
	settle(t.l);
	assert_int_equal(t.ec.n, 0); /* nothing in clear */
	dg_conn_tls_connect(t.c, t.tc, DG_STR("mx.example"), true);
	TURN_UNTIL(t.l, ear_got(&t.ec, "220 hello\r\n"));
	assert_string_equal(t.ec.told, "TI");
	close_both(&t);
}

static void
clear_text_left_over_at_starttls_ends_it(void **state)
{
	(void)state;
	for (int at_server = 0; at_server < 2; at_server++) {
		struct both t;
		struct dg_conn *victim, *attacker;
		struct ear *e;

		open_both(&t, true);
		victim = at_server ? t.s : t.c;
		attacker = at_server ? t.c : t.s;
		e = at_server ? &t.es : &t.ec;
		e->eats = false;
		dg_conn_send(attacker, DG_STR("STARTTLS\r\nRCPT TO:<x>\r\n"));
		TURN_UNTIL(t.l, e->n > 0);
		if (at_server)
			dg_conn_tls_accept(victim, t.ts);
		else
			dg_conn_tls_connect(victim, t.tc, DG_STR("mx.example"),
			    false);
		/* the command itself may still be eaten, after the call */
		dg_conn_eat(victim, 10);
		/* but nobody is shown what came behind it */
		assert_int_equal(dg_conn_input(victim).n, 0);
		TURN_UNTIL(t.l, e->told[e->n - 1] == 'L');
		assert_string_equal(e->told, "IL");
		assert_string_equal(dg_conn_error(victim),
		    "plain text after STARTTLS");
		assert_int_equal(dg_conn_input(victim).n, 0);
		close_both(&t);
	}
}

static void
clear_text_that_comes_later_is_no_handshake(void **state)
{
	struct both t;

	(void)state;
	open_both(&t, true);
	dg_conn_tls_accept(t.s, t.ts);
	dg_conn_send(t.c, DG_STR("RCPT TO:<x@example>\r\n"));
	TURN_UNTIL(t.l, t.es.n == 1);
	assert_string_equal(t.es.told, "L");
	assert_string_equal(dg_conn_error(t.s),
	    "the other side does not speak TLS (plain text came)");
	close_both(&t);
}

static void
a_peer_that_leaves_in_the_handshake_is_lost_with_words(void **state)
{
	struct both t;

	(void)state;
	open_both(&t, true);
	dg_conn_tls_accept(t.s, t.ts);
	settle(t.l);
	dg_conn_free(t.c);
	t.c = NULL;
	TURN_UNTIL(t.l, t.es.n == 1);
	assert_string_equal(t.es.told, "L");
	assert_string_equal(dg_conn_error(t.s),
	    "the other side closed the connection during the TLS handshake");
	close_both(&t);
}

/* ---- whom we believe ---- */

static const struct {
	const char *why, *certificate, *host;
	bool knows_ca, verify;
	const char *says; /* NULL: the handshake is done */
} trust_cases[] = {
	{ "all in order", "good.pem", "mx.example", true, true, NULL },
	{ "by wildcard", "good.pem", "a.wild.example", true, true, NULL },
	{ "by address", "good.pem", "127.0.0.1", true, true, NULL },
	{ "a dot at the end", "good.pem", "mx.example.", true, true, NULL },
	{ "case of letters", "good.pem", "MX.Example", true, true, NULL },
	{ "another name", "good.pem", "other.example", true, true,
	    "certificate is not for other.example" },
	{ "wildcards cover one label", "good.pem", "a.b.wild.example", true,
	    true, "certificate is not for a.b.wild.example" },
	{ "another address", "good.pem", "127.0.0.2", true, true,
	    "certificate is not for 127.0.0.2" },
	{ "no name to check", "good.pem", "", true, true,
	    "certificate is not for" },
	{ "expired", "expired.pem", "mx.example", true, true,
	    "certificate has expired" },
	{ "self-signed", "self.pem", "mx.example", true, true,
	    "certificate is self-signed" },
	{ "unknown authority", "good.pem", "mx.example", false, true,
	    "authority that is not trusted here" },
	{ "unverified, anything goes", "self.pem", "other.example", false,
	    false, NULL },
	{ "unverified, even expired", "expired.pem", "other.example", false,
	    false, NULL },
};

static void
certificates_are_believed_or_refused_in_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(trust_cases) / sizeof(trust_cases[0]);
	     i++) {
		struct both t;
		const char *says = trust_cases[i].says;

		print_message("  %s\n", trust_cases[i].why);
		open_both(&t, true);
		dg_tls_free(t.ts);
		dg_tls_free(t.tc);
		t.ts = server_with(trust_cases[i].certificate, DG_TLS_1_2);
		t.tc = client_with(trust_cases[i].knows_ca ? "ca.pem" : NULL,
		    DG_TLS_1_2);
		dg_conn_tls_accept(t.s, t.ts);
		dg_conn_tls_connect(t.c, t.tc, dg_str(trust_cases[i].host),
		    trust_cases[i].verify);
		TURN_UNTIL(t.l, t.ec.n > 0 && t.es.n > 0);
		assert_string_equal(t.ec.told, says == NULL ? "T" : "L");
		if (says != NULL && strstr(dg_conn_error(t.c), says) == NULL)
			fail_msg("says: %s", dg_conn_error(t.c));
		if (says != NULL) /* our server's side has words too */
			TURN_UNTIL(t.l, strchr(t.es.told, 'L') != NULL);
		close_both(&t);
	}
}

/* ---- other peers: the library's own, in a thread, with what we never do ----
 */

struct stranger {
	pthread_t thread;
	int fd;
	bool is_server;
	int least, most; /* protocol versions */
	const char *say; /* written after the handshake */
	bool says_close; /* then: close_notify */
	char heard[64];  /* its beginning */
	size_t n_heard;
};

static void *
stranger_main(void *ctx)
{
	struct stranger *g = ctx;
	SSL_CTX *x = SSL_CTX_new(
	    g->is_server ? TLS_server_method() : TLS_client_method());
	SSL *ssl;
	char in[16384];
	int n;

	fcntl(g->fd, F_SETFL, fcntl(g->fd, F_GETFL) & ~O_NONBLOCK);
	SSL_CTX_set_security_level(x, 0);
	SSL_CTX_set_cipher_list(x, "DEFAULT:@SECLEVEL=0");
	SSL_CTX_set_min_proto_version(x, g->least);
	SSL_CTX_set_max_proto_version(x, g->most);
	if (g->is_server) {
		char path[128];

		snprintf(path, sizeof(path), "%s/good.pem", certs.dir);
		SSL_CTX_use_certificate_chain_file(x, path);
		snprintf(path, sizeof(path), "%s/good.key", certs.dir);
		SSL_CTX_use_PrivateKey_file(x, path, SSL_FILETYPE_PEM);
	}
	ssl = SSL_new(x);
	SSL_set_fd(ssl, g->fd);
	if ((g->is_server ? SSL_accept(ssl) : SSL_connect(ssl)) == 1) {
		if (g->say != NULL)
			SSL_write(ssl, g->say, (int)strlen(g->say));
		if (g->says_close)
			SSL_shutdown(ssl);
		shutdown(g->fd, SHUT_WR);
		while ((n = SSL_read(ssl, in, sizeof(in))) > 0) {
			size_t room = sizeof(g->heard) - 1;

			if (g->n_heard < room)
				memcpy(g->heard + g->n_heard, in,
				    (size_t)n < room - g->n_heard
					? (size_t)n
					: room - g->n_heard);
			g->n_heard += (size_t)n;
		}
	}
	SSL_free(ssl);
	SSL_CTX_free(x);
	close(g->fd);
	return NULL;
}

static const struct {
	const char *why;
	bool is_server; /* the stranger */
	int least, most;
	enum dg_tls_version ours;
	const char *begins; /* of our words, or of the error */
	bool fails;
} version_cases[] = {
	{ "a client of 1.2", false, TLS1_2_VERSION, TLS1_2_VERSION, DG_TLS_1_2,
	    "TLSv1.2 ECDHE", false },
	{ "a client of 1.0 where that is allowed", false, TLS1_VERSION,
	    TLS1_VERSION, DG_TLS_1_0, "TLSv1 ", false },
	{ "a client of 1.1, too old", false, TLS1_VERSION, TLS1_1_VERSION,
	    DG_TLS_1_2, "no TLS version in common: the other side's is older",
	    true },
	{ "a client that wants 1.3, where we take less too", false,
	    TLS1_3_VERSION, TLS1_3_VERSION, DG_TLS_1_2, "TLSv1.3 ", false },
	{ "a server of 1.2", true, TLS1_2_VERSION, TLS1_2_VERSION, DG_TLS_1_2,
	    "TLSv1.2 ECDHE", false },
	{ "a server of 1.0 where that is allowed", true, TLS1_VERSION,
	    TLS1_VERSION, DG_TLS_1_0, "TLSv1 ", false },
	{ "a server of 1.1, too old", true, TLS1_VERSION, TLS1_1_VERSION,
	    DG_TLS_1_2, "the other side takes none of the TLS versions", true },
};

static void
versions_are_agreed_on_or_refused_in_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(version_cases) / sizeof(version_cases[0]);
	     i++) {
		struct stranger g = {
			.is_server = version_cases[i].is_server,
			.least = version_cases[i].least,
			.most = version_cases[i].most,
			.says_close = true,
		};
		struct dg_loop *l = dg_loop_new();
		struct dg_tls *t;
		struct dg_conn *c;
		struct ear e;
		int fds[2];
		const char *words;

		print_message("  %s\n", version_cases[i].why);
		ear_init(&e);
		tcp_pair(fds);
		g.fd = fds[1];
		pthread_create(&g.thread, NULL, stranger_main, &g);
		c = dg_conn_new(l, fds[0], hear, &e);
		if (g.is_server) {
			t = client_with("ca.pem", version_cases[i].ours);
			dg_conn_tls_connect(c, t, DG_STR("mx.example"), true);
		} else {
			t = server_with("good.pem", version_cases[i].ours);
			dg_conn_tls_accept(c, t);
		}
		TURN_UNTIL(l, e.n > 0);
		assert_int_equal(e.told[0], version_cases[i].fails ? 'L' : 'T');
		words = version_cases[i].fails ? dg_conn_error(c)
					       : dg_conn_tls_words(c).p;
		if (strstr(words, version_cases[i].begins) != words)
			fail_msg("says: %s", words);
		dg_conn_free(c);
		dg_loop_turn(l, 0);
		pthread_join(g.thread, NULL);
		dg_tls_free(t);
		dg_buf_fini(&e.got);
		dg_loop_free(l);
	}
}

static void
a_half_closed_tls_peer_still_gets_its_reply(void **state)
{
	(void)state;
	for (int says_close = 0; says_close < 2; says_close++) {
		struct stranger g = {
			.least = TLS1_2_VERSION,
			.most = TLS1_3_VERSION,
			.say = ".\r\nQUIT\r\n",
			.says_close = says_close == 1,
		};
		struct dg_loop *l = dg_loop_new();
		struct dg_tls *t = server_with("good.pem", DG_TLS_1_2);
		struct dg_conn *c;
		struct ear e;
		char *big = calloc(1, MIB);
		int fds[2];

		ear_init(&e);
		tcp_pair(fds);
		g.fd = fds[1];
		pthread_create(&g.thread, NULL, stranger_main, &g);
		c = dg_conn_new(l, fds[0], hear, &e);
		dg_conn_tls_accept(c, t);
		TURN_UNTIL(l, e.n > 0 && e.told[e.n - 1] == 'E');
		assert_string_equal(e.told, "TIE");
		assert_true(ear_got(&e, ".\r\nQUIT\r\n"));
		dg_conn_send(c, DG_STR("250 ok\r\n221 bye\r\n"));
		dg_conn_send(c, dg_str_of(big, MIB));
		dg_conn_finish(c);
		TURN_UNTIL(l, e.told[e.n - 1] == 'C');
		dg_conn_free(c);
		dg_loop_turn(l, 0);
		pthread_join(g.thread, NULL);
		assert_string_equal(g.heard, "250 ok\r\n221 bye\r\n");
		assert_int_equal(g.n_heard, 17 + MIB);
		free(big);
		dg_tls_free(t);
		dg_buf_fini(&e.got);
		dg_loop_free(l);
	}
}

/* ---- much of it ---- */

static void
echo(void *ctx, struct dg_conn *c, enum dg_conn_event ev)
{
	size_t *highest = ctx;
	struct dg_str in;

	if (ev != DG_CONN_INPUT && ev != DG_CONN_DRAINED)
		return;
	while ((in = dg_conn_input(c)).n > 0 && dg_conn_pending(c) < 65536) {
		struct dg_str piece = dg_str_sub(in, 0, 16384);

		dg_conn_send(c, piece);
		dg_conn_eat(c, piece.n);
	}
	if (dg_conn_pending(c) > *highest)
		*highest = dg_conn_pending(c);
	dg_conn_pause(c, dg_conn_pending(c) >= 65536);
}

static void
ten_mib_come_back_through_tls_with_bounded_memory(void **state)
{
	struct both t;
	size_t highest = 0;
	char *big = malloc(10 * MIB);

	(void)state;
	for (unsigned i = 0; i < 10 * MIB; i++)
		big[i] = (char)(i * 2654435761u >> 24);
	open_both(&t, true);
	shake(&t);
	dg_conn_set_fn(t.s, echo, &highest);
	for (size_t at = 0; at < 10 * MIB; at += MIB / 2) {
		dg_conn_send(t.c, dg_str_of(big + at, MIB / 2));
		TURN_UNTIL(t.l, dg_conn_pending(t.c) < 65536);
	}
	TURN_UNTIL(t.l, t.ec.got.n == 10 * MIB);
	assert_memory_equal(t.ec.got.p, big, 10 * MIB);
	assert_true(highest <= 65536 + 16384);
	free(big);
	close_both(&t);
}

static void
input_in_tls_is_capped_and_goes_on_when_eaten(void **state)
{
	struct both t;
	char *big = calloc(1, 4 * MIB);
	size_t n;

	(void)state;
	open_both(&t, true);
	shake(&t);
	t.es.eats = false;
	dg_conn_send(t.c, dg_str_of(big, 4 * MIB));
	TURN_UNTIL(t.l, dg_conn_input(t.s).n >= 224 * 1024);
	settle(t.l);
	n = dg_conn_input(t.s).n;
	assert_in_range(n, 224 * 1024, 256 * 1024);
	/* and when paused, with part of a record perhaps read */
	dg_conn_pause(t.s, true);
	dg_conn_eat(t.s, n);
	settle(t.l);
	t.es.eats = true;
	t.es.n = 0;
	dg_conn_pause(t.s, false);
	TURN_UNTIL(t.l, t.es.got.n + n == 4 * MIB);
	free(big);
	close_both(&t);
}

static void
finish_in_tls_says_so_and_ends_both(void **state)
{
	struct both t;

	(void)state;
	open_both(&t, true);
	shake(&t);
	dg_conn_send(t.s, DG_STR("221 bye\r\n"));
	dg_conn_finish(t.s);
	TURN_UNTIL(t.l, strchr(t.ec.told, 'E') != NULL);
	assert_string_equal(t.ec.told, "TIE");
	assert_true(ear_got(&t.ec, "221 bye\r\n"));
	dg_conn_finish(t.c);
	TURN_UNTIL(t.l, strchr(t.es.told, 'C') && strchr(t.ec.told, 'C'));
	close_both(&t);
}

static void
finish_during_the_handshake_ends(void **state)
{
	struct both t;

	(void)state;
	open_both(&t, true);
	dg_conn_tls_accept(t.s, t.ts);
	settle(t.l);
	dg_conn_finish(t.s);
	dg_conn_free(t.c);
	t.c = NULL;
	TURN_UNTIL(t.l, t.es.n == 1);
	assert_string_equal(t.es.told, "C");
	close_both(&t);
}

static void
a_deadline_holds_during_the_handshake(void **state)
{
	struct both t;

	(void)state;
	open_both(&t, true);
	dg_conn_tls_accept(t.s, t.ts);
	dg_conn_deadline(t.s, 10);
	TURN_UNTIL(t.l, t.es.n == 1);
	assert_string_equal(t.es.told, "X");
	close_both(&t);
}

static void
an_owner_may_free_it_at_any_point_of_tls(void **state)
{
	static const enum dg_conn_event at[] = { DG_CONN_TLS, DG_CONN_INPUT,
		DG_CONN_EOF };
	struct both t;

	(void)state;
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		open_both(&t, true);
		t.es.at = (int)at[i];
		dg_conn_tls_accept(t.s, t.ts);
		dg_conn_tls_connect(t.c, t.tc, DG_STR("mx.example"), true);
		dg_conn_send(t.c, DG_STR("EHLO\r\n"));
		TURN_UNTIL(t.l, strchr(t.ec.told, 'T') != NULL);
		dg_conn_finish(t.c);
		TURN_UNTIL(t.l, t.es.n == i + 1);
		settle(t.l);
		t.s = NULL;
		close_both(&t);
	}
	/* asked for, and freed before the loop came to it */
	open_both(&t, true);
	dg_conn_tls_accept(t.s, t.ts);
	dg_conn_tls_connect(t.c, t.tc, DG_STR("mx.example"), true);
	close_both(&t);
}

static int
make_certs(void **state)
{
	(void)state;
	certs_make(&certs);
	return 0;
}

static int
remove_certs(void **state)
{
	(void)state;
	certs_remove(&certs);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starttls_switches_over_sockets_and_pairs),
		cmocka_unit_test(what_is_sent_after_the_call_is_encrypted),
		cmocka_unit_test(clear_text_left_over_at_starttls_ends_it),
		cmocka_unit_test(clear_text_that_comes_later_is_no_handshake),
		cmocka_unit_test(
		    a_peer_that_leaves_in_the_handshake_is_lost_with_words),
		cmocka_unit_test(certificates_are_believed_or_refused_in_words),
		cmocka_unit_test(versions_are_agreed_on_or_refused_in_words),
		cmocka_unit_test(a_half_closed_tls_peer_still_gets_its_reply),
		cmocka_unit_test(
		    ten_mib_come_back_through_tls_with_bounded_memory),
		cmocka_unit_test(input_in_tls_is_capped_and_goes_on_when_eaten),
		cmocka_unit_test(finish_in_tls_says_so_and_ends_both),
		cmocka_unit_test(finish_during_the_handshake_ends),
		cmocka_unit_test(a_deadline_holds_during_the_handshake),
		cmocka_unit_test(an_owner_may_free_it_at_any_point_of_tls),
	};

	return cmocka_run_group_tests(tests, make_certs, remove_certs);
}
