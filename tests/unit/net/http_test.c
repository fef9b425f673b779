/* http_test.c - web servers that answer, and all the ways in which they
 * don't. */
#include "tests/unit/net/help.h"

#include <dirent.h>

#include "dragoman/base/clock.h"
#include "dragoman/net/connect.h"
#include "dragoman/net/http.h"
#include "tests/unit/net/certs.h"
#include "tests/unit/net/name_server.h"
#include "tests/unit/net/web_server.h"

static struct certs certs;

static const struct ns_row rows[] = {
	{ "web.example", DG_DNS_A, NS_ANSWER,
	    { DG_STR("\x7f\0\0\x01"), { NULL, 0 } }, 0 },
	{ "two.example", DG_DNS_A, NS_ANSWER,
	    { DG_STR("\x7f\0\0\x02"), DG_STR("\x7f\0\0\x01"), { NULL, 0 } },
	    0 },
	{ "mx.example", DG_DNS_A, NS_ANSWER,
	    { DG_STR("\x7f\0\0\x01"), { NULL, 0 } }, 0 },
	{ "silent.example", DG_DNS_A, NS_SILENT, { { NULL, 0 } }, 0 },
	{ NULL, 0, 0, { { NULL, 0 } }, 0 },
};

struct world {
	struct dg_loop *l;
	struct name_server dns;
	struct web_server web;
	struct dg_dialer *dialer; /* whose resolver is used */
	struct dg_http *http;
	struct dg_http_request q;
	/* what the last answer was */
	unsigned told;
	uint64_t ticket;
	int status;
	struct dg_buf body;
	char error[600];
	int64_t took_ms;
};

static void
world_open(struct world *w, struct dg_tls *tls, const char *ca)
{
	const char *servers[2] = { NULL, NULL };
	struct dg_dialer_options o = { .dns_servers = servers };

	*w = (struct world){ .l = dg_loop_new() };
	name_server_open(&w->dns, w->l, rows);
	web_server_open(&w->web, w->l, tls);
	servers[0] = w->dns.at;
	w->dialer = dg_dialer_new(w->l, &o);
	w->http = dg_http_new(w->l, dg_dialer_resolver(w->dialer));
	dg_http_trust(w->http, ca);
	w->q = (struct dg_http_request){ .method = "GET",
		.timeout_ms = 5000,
		.max_bytes = 1000000 };
	dg_buf_init(&w->body, 10u << 20);
}

static void
world_close(struct world *w)
{
	dg_http_free(w->http);
	dg_dialer_free(w->dialer);
	web_server_close(&w->web);
	name_server_close(&w->dns);
	dg_buf_fini(&w->body);
	dg_loop_free(w->l);
}

static void
on_told(void *ctx, uint64_t ticket, const struct dg_http_answer *a)
{
	struct world *w = ctx;

	w->told++;
	w->ticket = ticket;
	w->status = a->status;
	dg_buf_reset(&w->body);
	assert_int_equal(dg_buf_add(&w->body, a->body), DG_OK);
	snprintf(w->error, sizeof(w->error), "%s", a->error);
	assert_int_equal(a->status == 0, a->error[0] != '\0');
	if (a->status == 0)
		assert_int_equal(a->body.n, 0);
}

/* "http://127.0.0.1:1/x" as given; "@/x" and "web.example@/x" at our port. */
static uint64_t
start(struct world *w, const char *where)
{
	const char *at = strchr(where, '@');
	char url[9000];

	if (at == NULL)
		snprintf(url, sizeof(url), "%s", where);
	else
		snprintf(url, sizeof(url), "%s://%.*s:%d%s",
		    w->web.tls != NULL ? "https" : "http",
		    at > where ? (int)(at - where) : 9,
		    at > where ? where : "127.0.0.1", w->web.port, at + 1);
	w->q.url = dg_str(url);
	return dg_http_ask(w->http, &w->q, on_told, w, 77);
}

static void
ask(struct world *w, const char *where)
{
	int64_t began = real_ms();

	w->told = 0;
	start(w, where);
	w->q.url = DG_NOSTR;
	assert_int_equal(w->told, 0); /* never inside the call */
	TURN_UNTIL(w->l, w->told > 0);
	w->took_ms = real_ms() - began;
	settle(w->l);
	assert_int_equal(w->told, 1);
	assert_int_equal(w->ticket, 77);
}

static void
assert_answer(const struct world *w, int status, const char *body)
{
	if (w->status != status)
		fail_msg("status %d: %s", w->status, w->error);
	if (!dg_str_is(dg_buf_str(&w->body), body))
		fail_msg("body: %.*s", (int)w->body.n, w->body.p);
}

static void
assert_none(const struct world *w, const char *words)
{
	assert_int_equal(w->status, 0);
	if (strstr(w->error, words) == NULL)
		fail_msg("error: %s", w->error);
}

/* ---- answers ---- */

static void
what_the_server_says_comes_back(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL, NULL);
	ask(&w, "@/hello");
	assert_answer(&w, 200, "hello");
	ask(&w, "@/nothing");
	assert_answer(&w, 404, "nothing here");
	ask(&w, "@/empty");
	assert_answer(&w, 204, "");
	ask(&w, "@/until-close");
	assert_answer(&w, 200, "to the end");
	ask(&w, "@/bytes");
	assert_int_equal(w.status, 200);
	assert_int_equal(w.body.n, 5);
	assert_memory_equal(w.body.p, "a\0\xff\r\n", 5);
	ask(&w, "@/gzip"); /* nothing is unpacked */
	assert_answer(&w, 200, "no gzip");
	ask(&w, "web.example@/hello");
	assert_answer(&w, 200, "hello");
	ask(&w, "WEB.Example.@/hello");
	assert_answer(&w, 200, "hello");
	ask(&w, "two.example@/hello"); /* nobody at the first address */
	assert_answer(&w, 200, "hello");
	ask(&w, "localhost@/hello");
	assert_answer(&w, 200, "hello");
	world_close(&w);
}

static void
the_request_is_what_was_given(void **state)
{
	static const struct dg_http_header headers[] = {
		{ DG_STR("X-Key"), DG_STR("a b") },
		{ DG_STR("X-Empty"), DG_STR("") },
		{ DG_STR("Content-Type"), DG_STR("text/plain") },
	};
	struct world w;
	char body[] = "one\0two";

	(void)state;
	world_open(&w, NULL, NULL);
	w.q.method = "POST";
	w.q.headers = headers;
	w.q.n_headers = 3;
	w.q.body = dg_str_of(body, 7);
	w.told = 0;
	start(&w, "@/echo?a=b");
	memset(body, 'x', sizeof(body)); /* it was copied */
	TURN_UNTIL(w.l, w.told > 0);
	assert_int_equal(w.status, 200);
	assert_true(dg_str_has_prefix(dg_buf_str(&w.body),
	    DG_STR("POST /echo?a=b HTTP/1.1\r\n")));
	assert_non_null(strstr(dg_buf_z(&w.body), "\r\nX-Key: a b\r\n"));
	assert_non_null(strstr(w.body.p, "\r\nX-Empty:"));
	assert_non_null(strstr(w.body.p, "\r\nContent-Type: text/plain\r\n"));
	assert_non_null(strstr(w.body.p, "\r\nContent-Length: 7\r\n"));
	assert_non_null(strstr(w.body.p, "\r\nUser-Agent: dragoman\r\n"));
	assert_null(strstr(w.body.p, "Expect"));
	assert_null(strstr(w.body.p, "Accept-Encoding"));
	assert_memory_equal(w.body.p + w.body.n - 7, "one\0two", 7);
	w.q.method = "HEAD";
	w.q.body = DG_NOSTR;
	/* the server sends a body nevertheless: it is not read as an answer */
	ask(&w, "@/empty");
	assert_answer(&w, 204, "");
	w.q = (struct dg_http_request){ .method = "POST",
		.body = DG_STR(""),
		.timeout_ms = 5000,
		.max_bytes = 100000 };
	ask(&w, "@/echo");
	assert_non_null(strstr(dg_buf_z(&w.body), "\r\nContent-Length: 0\r\n"));
	world_close(&w);
}

static void
a_large_body_goes_out_whole(void **state)
{
	struct world w;
	char *body = malloc(DG_HTTP_BODY_MAX + 1);
	const char *sent;

	(void)state;
	for (size_t i = 0; i < DG_HTTP_BODY_MAX + 1; i++)
		body[i] = (char)('a' + i % 23);
	world_open(&w, NULL, NULL);
	w.q.method = "POST";
	/* not more than a connection of ours keeps uneaten */
	w.q.body = dg_str_of(body, 200000);
	ask(&w, "@/echo");
	assert_int_equal(w.status, 200);
	assert_true(w.took_ms < 900); /* no wait for "100 Continue" */
	sent = w.body.p + w.body.n - 200000;
	assert_memory_equal(sent, body, 200000);
	w.q.body = dg_str_of(body, DG_HTTP_BODY_MAX + 1);
	ask(&w, "@/echo");
	assert_none(&w, "a body of more than 8 MiB");
	assert_int_equal(w.web.asked, 1);
	world_close(&w);
	free(body);
}

static void
connections_are_kept_for_the_next_request(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL, NULL);
	for (int i = 0; i < 5; i++) {
		ask(&w, "@/hello");
		assert_answer(&w, 200, "hello");
	}
	assert_int_equal(w.web.accepted, 1);
	/* one that was closed meanwhile is noticed */
	web_drop(&w.web.clients[0]);
	settle(w.l);
	ask(&w, "@/hello");
	assert_answer(&w, 200, "hello");
	assert_int_equal(w.web.accepted, 2);
	ask(&w, "@/close");
	assert_none(&w, "closed the connection without an answer");
	world_close(&w);
}

static unsigned
threads(void)
{
	DIR *d = opendir("/proc/self/task");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n - 2; /* . and .. */
}

static void
many_at_once_share_few_connections_and_no_thread(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL, NULL);
	for (int i = 0; i < 300; i++)
		start(&w, i % 2 ? "web.example@/hello" : "@/hello");
	TURN_UNTIL(w.l, w.told == 300);
	assert_answer(&w, 200, "hello");
	assert_in_range(w.web.most_open, 2, 64);
	settle(w.l);
	/* sixteen are kept, the others are gone */
	TURN_UNTIL(w.l, w.web.accepted - w.web.closed <= 16);
	assert_int_equal(threads(), 1);
	world_close(&w);
}

/* ---- no answer ---- */

static const struct {
	const char *where, *words;
	int64_t timeout_ms, at_least_ms;
} failures[] = {
	{ "@/silent", "127.0.0.1:PORT did not answer within 300ms", 300, 290 },
	{ "@/drip", "127.0.0.1:PORT did not answer within 300ms", 300, 290 },
	{ "http://silent.example/",
	    "silent.example:80 did not answer within 300ms", 300, 290 },
	{ "@/reset",
	    "127.0.0.1:PORT gave no answer: Recv failure: Connection reset",
	    5000, 0 },
	{ "@/close", "127.0.0.1:PORT closed the connection without an answer",
	    5000, 0 },
	{ "@/cut",
	    "127.0.0.1:PORT closed the connection in the middle of its answer",
	    5000, 0 },
	{ "@/big", "127.0.0.1:PORT answered more than 1000000 bytes", 5000, 0 },
	{ "@/endless", "127.0.0.1:PORT answered more than 1000000 bytes", 5000,
	    0 },
	{ "@/headers", "127.0.0.1:PORT gave no answer: Too large", 5000, 0 },
	{ "@/garbage", "127.0.0.1:PORT gave no answer: ", 5000, 0 },
	{ "127.0.0.9@/", "127.0.0.9:PORT refused the connection", 5000, 0 },
	{ "nobody.example@/", "no such host: nobody.example", 5000, 0 },
	{ "", "is not a URL", 5000, 0 },
	{ "hello", "is not a URL", 5000, 0 },
	{ "http://", "is not a URL", 5000, 0 },
	{ "http://a b/", "is not a URL", 5000, 0 },
	{ "http://a/\r\nX: y", "is not a URL", 5000, 0 },
	{ "http://a:0/", "is not a URL: bad host or port", 5000, 0 },
	{ "http://a:99999/", "is not a URL", 5000, 0 },
	{ "file:///etc/passwd", "is neither http: nor https:", 5000, 0 },
	{ "ftp://127.0.0.1/", "is neither http: nor https:", 5000, 0 },
	{ "smtp://127.0.0.1/", "is neither http: nor https:", 5000, 0 },
	{ "http://me:secret@127.0.0.1/", "a URL holds no user", 5000, 0 },
	{ "http://b\xc3\xbc"
	  "cher.example/",
	    "is not a URL: bad host", 5000, 0 },
	{ "https://127.0.0.1:PORT/", "127.0.0.1:PORT failed in TLS: ", 5000,
	    0 },
};

static void
with_port(const struct world *w, const char *from, char *to, size_t room)
{
	const char *port = strstr(from, "PORT");

	if (port == NULL)
		snprintf(to, room, "%s", from);
	else
		snprintf(to, room, "%.*s%d%s", (int)(port - from), from,
		    w->web.port, port + 4);
}

static void
why_there_is_no_answer_is_said_in_words(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL, NULL);
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		char where[300], words[300];

		print_message("  %s\n", failures[i].where);
		with_port(&w, failures[i].where, where, sizeof(where));
		with_port(&w, failures[i].words, words, sizeof(words));
		w.q.timeout_ms = failures[i].timeout_ms;
		if (strstr(where, "me:secret@") != NULL) {
			w.told = 0;
			w.q.url = dg_str(where);
			dg_http_ask(w.http, &w.q, on_told, &w, 77);
			TURN_UNTIL(w.l, w.told > 0);
			assert_null(strstr(w.error, "secret"));
		} else {
			ask(&w, where);
		}
		assert_none(&w, words);
		assert_in_range(w.took_ms, failures[i].at_least_ms, 4000);
	}
	ask(&w, "@/hello"); /* and it works as before */
	assert_answer(&w, 200, "hello");
	world_close(&w);
}

static const struct {
	struct dg_http_header header;
	const char *words;
} bad_headers[] = {
	{ { DG_STR("X"), DG_STR("a\r\nY: b") },
	    "header \"X\" has a control character in its value" },
	{ { DG_STR("X"), DG_STR("a\0b") }, "has a control character" },
	{ { DG_STR("X: y\r\nZ"), DG_STR("a") }, "is not a header's name" },
	{ { DG_STR(""), DG_STR("a") }, "is not a header's name" },
	{ { DG_STR("content-length"), DG_STR("1") },
	    "is set by the relay itself" },
	{ { DG_STR("Transfer-Encoding"), DG_STR("chunked") },
	    "is set by the relay itself" },
};

static void
headers_that_would_be_something_else_are_refused(void **state)
{
	struct dg_http_header many[DG_HTTP_HEADERS_MAX + 1];
	char *longest = malloc(DG_HTTP_URL_MAX + 100);
	struct world w;

	(void)state;
	world_open(&w, NULL, NULL);
	w.q.n_headers = 1;
	for (size_t i = 0; i < sizeof(bad_headers) / sizeof(bad_headers[0]);
	     i++) {
		w.q.headers = &bad_headers[i].header;
		ask(&w, "@/hello");
		assert_none(&w, bad_headers[i].words);
	}
	for (size_t i = 0; i < DG_HTTP_HEADERS_MAX + 1; i++)
		many[i] = (struct dg_http_header){ DG_STR("A"), DG_STR("b") };
	w.q.headers = many;
	w.q.n_headers = DG_HTTP_HEADERS_MAX;
	ask(&w, "@/hello");
	assert_answer(&w, 200, "hello");
	w.q.n_headers = DG_HTTP_HEADERS_MAX + 1;
	ask(&w, "@/hello");
	assert_none(&w, "is one too many");
	memset(longest, 'a', DG_HTTP_URL_MAX + 99);
	longest[DG_HTTP_URL_MAX + 99] = '\0';
	many[0].value = dg_str_of(longest, DG_HTTP_HEADER_MAX);
	w.q.n_headers = 1;
	ask(&w, "@/hello");
	assert_none(&w, "is too long");
	w.q.n_headers = 0;
	ask(&w, longest);
	assert_none(&w, "a URL of more than 8192 characters");
	assert_int_equal(w.web.asked, 1);
	world_close(&w);
	free(longest);
}

static void
nothing_comes_from_the_environment(void **state)
{
	static const char *const names[] = { "http_proxy", "https_proxy",
		"ALL_PROXY", "all_proxy" };
	struct world w;

	(void)state;
	for (size_t i = 0; i < 4; i++)
		setenv(names[i], "http://127.0.0.1:1", 1);
	world_open(&w, NULL, NULL);
	ask(&w, "@/hello");
	assert_answer(&w, 200, "hello");
	world_close(&w);
	for (size_t i = 0; i < 4; i++)
		unsetenv(names[i]);
}

/* ---- redirects ---- */

static void
redirects_are_answers_unless_they_are_allowed(void **state)
{
	static const struct dg_http_header key = { DG_STR("X-Key"),
		DG_STR("k") };
	struct world w;
	char where[200];

	(void)state;
	world_open(&w, NULL, NULL);
	ask(&w, "@/moved");
	assert_answer(&w, 301, "m");
	w.q.redirects = 2;
	w.q.headers = &key;
	w.q.n_headers = 1;
	ask(&w, "@/moved");
	assert_answer(&w, 200, "hello");
	assert_non_null(strstr(dg_buf_z(&w.web.last), "X-Key: k"));
	w.web.asked = 0;
	ask(&w, "@/round");
	assert_answer(&w, 302, "r");
	assert_int_equal(w.web.asked, 3);
	w.q.redirects = 1000;
	w.web.asked = 0;
	ask(&w, "@/round");
	assert_int_equal(w.web.asked, DG_HTTP_REDIRECTS_MAX + 1);
	ask(&w, "@/to-file");
	assert_none(&w, "is neither http: nor https:");
	/* another server does not get the headers, and is looked up by us */
	snprintf(where, sizeof(where), "@/to/http://web.example:%d/hello",
	    w.web.port);
	ask(&w, where);
	assert_answer(&w, 200, "hello");
	assert_non_null(strstr(dg_buf_z(&w.web.last), "Host: web.example:"));
	assert_null(strstr(w.web.last.p, "X-Key"));
	ask(&w, "@/to/http://nobody.example/");
	assert_none(&w, "no such host: nobody.example");
	ask(&w, "@/to/http://me:pw/"); /* no Location that can be read */
	assert_none(&w, "is not a URL");
	w.q.method = "POST";
	w.q.body = DG_STR("b");
	ask(&w, "@/moved");
	assert_answer(&w, 301, "m");
	assert_int_equal(threads(), 1);
	world_close(&w);
}

/* ---- TLS ---- */

static struct dg_tls *
tls_with(const char *certificate)
{
	struct dg_err e;
	struct dg_tls *t = dg_tls_server_new(in_dir(&certs, certificate),
	    in_dir(&certs, "good.key"), DG_TLS_1_2, &e);

	assert_non_null(t);
	return t;
}

static const struct {
	const char *certificate, *ca, *where, *words; /* words NULL: taken */
} tls_cases[] = {
	{ "good.pem", "ca.pem", "mx.example@/hello", NULL },
	{ "good.pem", "ca.pem", "@/hello", NULL },
	{ "good.pem", "ca.pem", "web.example@/hello",
	    "has a certificate that is not accepted: " },
	{ "good.pem", NULL, "mx.example@/hello",
	    "has a certificate that is not accepted: " },
	{ "expired.pem", "ca.pem", "mx.example@/hello", "expired" },
	{ "self.pem", "ca.pem", "mx.example@/hello", "self-signed" },
	{ "good.pem", "junk.pem", "mx.example@/hello", "gave no answer: " },
};

static void
certificates_are_checked(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(tls_cases) / sizeof(tls_cases[0]); i++) {
		struct dg_tls *t = tls_with(tls_cases[i].certificate);
		struct world w;

		print_message("  %s, %s for %s\n", tls_cases[i].certificate,
		    tls_cases[i].ca != NULL ? tls_cases[i].ca : "-",
		    tls_cases[i].where);
		world_open(&w, t,
		    tls_cases[i].ca != NULL ? in_dir(&certs, tls_cases[i].ca)
					    : NULL);
		ask(&w, tls_cases[i].where);
		if (tls_cases[i].words == NULL) {
			assert_answer(&w, 200, "hello");
			ask(&w, tls_cases[i].where); /* the same connection */
			assert_answer(&w, 200, "hello");
			assert_int_equal(w.web.accepted, 1);
			w.q.redirects = 3;
			ask(&w, "mx.example@/to/http://mx.example:1/");
			assert_none(&w, "redirects from https to http");
		} else {
			assert_none(&w, tls_cases[i].words);
			assert_int_equal(w.web.asked, 0);
		}
		world_close(&w);
		dg_tls_free(t);
	}
}

/* ---- time, and giving up ---- */

struct pulse {
	struct dg_timer *t;
	int64_t last_ms, longest_ms;
	unsigned beats;
};

static void
on_beat(void *ctx)
{
	struct pulse *p = ctx;
	int64_t now = real_ms();

	if (p->beats++ > 0 && now - p->last_ms > p->longest_ms)
		p->longest_ms = now - p->last_ms;
	p->last_ms = now;
	dg_timer_set(p->t, 10);
}

/* Hosts and name servers that say nothing, many of them, and some requests
 * given up in the middle. */
static void
the_loop_goes_round_while_servers_are_silent(void **state)
{
	static const char *const wheres[] = { "@/silent", "@/drip",
		"http://silent.example/", "127.0.0.2@/" };
	struct world w;
	struct pulse p = { .t = NULL };
	uint64_t numbers[40];
	int fillers[8], hole;

	(void)state;
	world_open(&w, NULL, NULL);
	hole = black_hole(w.web.port, fillers, 8);
	p.t = dg_timer_new(w.l, on_beat, &p);
	dg_timer_set(p.t, 0);
	w.q.timeout_ms = 600;
	for (int i = 0; i < 40; i++)
		numbers[i] = start(&w, wheres[i % 4]);
	TURN_UNTIL(w.l, p.beats == 10);
	for (int i = 0; i < 20; i++)
		dg_http_cancel(w.http, numbers[i]);
	TURN_UNTIL(w.l, w.told == 20);
	assert_true(p.beats > 20);
	assert_true(p.longest_ms < 500);
	assert_int_equal(threads(), 1);
	settle(w.l);
	assert_int_equal(w.told, 20);
	dg_timer_free(p.t);
	/* a silent first address leaves time for the second */
	w.q.timeout_ms = 4000;
	ask(&w, "two.example@/hello");
	assert_answer(&w, 200, "hello");
	for (int i = 0; i < 8; i++)
		close(fillers[i]);
	close(hole);
	world_close(&w);
}

static void
a_request_given_up_is_not_told(void **state)
{
	static const char *const wheres[] = { "@/hello", "@/silent",
		"web.example@/hello", "http://silent.example/", "nonsense" };

	(void)state;
	for (int turns = 0; turns < 8; turns++) {
		struct world w;
		uint64_t numbers[5];

		world_open(&w, NULL, NULL);
		for (int i = 0; i < 5; i++)
			numbers[i] = start(&w, wheres[i]);
		for (int i = 0; i < turns; i++)
			dg_loop_turn(w.l, 0);
		for (int i = 0; i < 5; i++) {
			dg_http_cancel(w.http, numbers[i]);
			dg_http_cancel(w.http, numbers[i]); /* again: nothing */
		}
		w.told = 0;
		settle(w.l);
		assert_int_equal(w.told, 0);
		dg_http_cancel(w.http, 0);
		world_close(&w);
	}
}

static void
all_may_go_while_requests_are_out(void **state)
{
	static const char *const wheres[] = { "@/hello", "@/silent", "@/drip",
		"web.example@/hello", "http://silent.example/", "@/endless" };

	(void)state;
	for (int turns = 0; turns < 8; turns++) {
		struct world w;

		world_open(&w, NULL, NULL);
		for (int i = 0; i < 6; i++)
			start(&w, wheres[i]);
		for (int i = 0; i < turns; i++)
			dg_loop_turn(w.l, 2);
		world_close(&w);
	}
	dg_http_free(NULL);
}

static void
clock_jumps_shorten_no_request(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL, NULL);
	w.q.timeout_ms = 60000;
	start(&w, "@/silent");
	settle(w.l);
	dg_clock_jump(86400 * 1000);
	settle(w.l);
	assert_int_equal(w.told, 0);
	dg_clock_jump(-86400 * 1000);
	world_close(&w);
}

/* fn asks again and gives up others, as hooks that go on do. */
struct chain {
	struct world *w;
	uint64_t others[2];
	int left;
};

static void
on_link(void *ctx, uint64_t ticket, const struct dg_http_answer *a)
{
	struct chain *c = ctx;

	(void)ticket;
	assert_int_equal(a->status, 200);
	c->w->told++;
	for (int i = 0; i < 2; i++)
		dg_http_cancel(c->w->http, c->others[i]);
	c->w->q.url = DG_NOSTR;
	if (c->left-- > 0) {
		char url[100];

		snprintf(url, sizeof(url), "http://127.0.0.1:%d/hello",
		    c->w->web.port);
		c->w->q.url = dg_str(url);
		c->others[0] =
		    dg_http_ask(c->w->http, &c->w->q, on_told, c->w, 1);
		c->others[1] =
		    dg_http_ask(c->w->http, &c->w->q, on_told, c->w, 2);
		dg_http_ask(c->w->http, &c->w->q, on_link, c, 3);
	}
}

static void
an_answer_may_ask_and_give_up(void **state)
{
	struct world w;
	struct chain c = { .w = &w, .left = 50 };
	char url[100];

	(void)state;
	world_open(&w, NULL, NULL);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/hello", w.web.port);
	w.q.url = dg_str(url);
	dg_http_ask(w.http, &w.q, on_link, &c, 3);
	TURN_UNTIL(w.l, c.left < 0);
	settle(w.l);
	world_close(&w);
}

static void
on_divert(void *ctx, const struct dg_http_request *q, struct dg_http_answer *a)
{
	struct world *w = ctx;

	assert_string_equal(q->method, "GET");
	assert_null(q->body.p);
	if (dg_str_has_suffix(q->url, DG_STR("/hello"))) {
		a->status = 200;
		a->body = DG_STR("hi");
	} else if (dg_str_has_suffix(q->url, DG_STR("/big"))) {
		a->status = 200;
		a->body = dg_str_of(w->error, sizeof(w->error));
	} else {
		a->error = "nobody plays it";
	}
}

static void
a_diverted_request_gets_who_stands_in(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL, NULL);
	dg_http_divert(w.http, on_divert, &w);
	ask(&w, "http://any.example/hello");
	assert_answer(&w, 200, "hi");
	ask(&w, "https://any.example/");
	assert_none(&w, "nobody plays it");
	ask(&w, "nonsense");
	assert_none(&w, "is not a URL");
	w.q.max_bytes = 5;
	ask(&w, "http://any.example/big");
	assert_none(&w, "any.example:80 answered more than 5 bytes");
	assert_int_equal(w.dns.asked, 0);
	world_close(&w);
}

static int
open_certs(void **state)
{
	(void)state;
	certs_make(&certs);
	return 0;
}

static int
close_certs(void **state)
{
	(void)state;
	certs_remove(&certs);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_server_says_comes_back),
		cmocka_unit_test(the_request_is_what_was_given),
		cmocka_unit_test(a_large_body_goes_out_whole),
		cmocka_unit_test(connections_are_kept_for_the_next_request),
		cmocka_unit_test(
		    many_at_once_share_few_connections_and_no_thread),
		cmocka_unit_test(why_there_is_no_answer_is_said_in_words),
		cmocka_unit_test(
		    headers_that_would_be_something_else_are_refused),
		cmocka_unit_test(nothing_comes_from_the_environment),
		cmocka_unit_test(redirects_are_answers_unless_they_are_allowed),
		cmocka_unit_test(certificates_are_checked),
		cmocka_unit_test(the_loop_goes_round_while_servers_are_silent),
		cmocka_unit_test(a_request_given_up_is_not_told),
		cmocka_unit_test(all_may_go_while_requests_are_out),
		cmocka_unit_test(clock_jumps_shorten_no_request),
		cmocka_unit_test(an_answer_may_ask_and_give_up),
		cmocka_unit_test(a_diverted_request_gets_who_stands_in),
	};

	return cmocka_run_group_tests(tests, open_certs, close_certs);
}
