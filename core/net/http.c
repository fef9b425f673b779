/* http.c - libcurl's multi interface on the worker's loop.
 *
 * libcurl says which descriptors and which time it waits for (on_socket,
 * on_wish), the loop tells it what happened, and what it has finished is taken
 * from its list (reap), outside of its own callbacks.
 *
 * Names are looked up here, by the worker's resolver, and given to libcurl with
 * the request: its own resolver is a thread around getaddrinfo(), and giving up
 * a request whose thread hangs blocks the whole loop until that ends.  For the
 * same reason redirects, which may name other hosts, are followed here.  It
 * gets one address at a time: of several it may forget to try the second until
 * the time of all is over (7.88, driven by events).
 *
 * One request is one small struct that goes through: start, look up, out, end.
 * Every end goes through end(), from the loop, once.
 */
#include "dragoman/net/http.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/time.h>

#include <curl/curl.h>
#include <event2/event.h>

#include "dragoman/base/buf.h"
#include "dragoman/base/slots.h"
#include "dragoman/base/units.h"
#include "http_state.h"
#include "lookup.h"
#include "turn.h"

enum {
	KEPT_CONNECTIONS = 16,
	KEPT_S = 30,
	TRUST_S = 300, /* reading the authorities takes some 20 ms */
	HOST_CONNECTIONS = 32,
	ALL_CONNECTIONS = 128, /* more wait for their turn, and for their time */
};

struct call {
	LIST_ENTRY(call) next;
	struct dg_http *http;
	uint64_t number;
	dg_http_fn *fn;
	void *ctx; /* the asker's, who frees the struct dg_http first */
	uint64_t ticket;
	struct event *timer; /* the start, or the end of its time */
	int64_t end_ms;      /* dg_loop_now_ms() at which it is too late */
	int64_t timeout_ms;  /* for the words */
	bool has_started;

	char *method;
	char *url_text; /* until the start */
	struct curl_slist *headers;
	struct dg_buf body;
	bool has_body;
	unsigned redirects; /* that may still be followed */

	struct dg_http_url url;   /* where it goes now */
	struct dg_lookup *lookup; /* while names are asked */
	struct dg_addresses to;
	size_t at; /* of to, the one being tried */
	struct curl_slist *via;
	CURL *easy; /* while it is out */
	struct dg_buf got;
	bool is_too_big;
	char words[CURL_ERROR_SIZE];  /* libcurl's */
	char tried[DG_HTTP_WHY_ROOM]; /* what came of addresses before */
	char why[DG_HTTP_WHY_ROOM]; /* what is wrong with the request itself */
};

struct dg_http {
	struct dg_loop *loop;
	struct dg_resolver *resolver; /* the worker's, which outlives this */
	char *ca;
	CURLM *multi;       /* NULL until the first request */
	struct event *wish; /* the time libcurl waits for */
	dg_http_hook *hook; /* NULL: the network */
	void *hook_ctx;     /* the diverter's, who frees this first */
	struct dg_slots *numbers;
	LIST_HEAD(, call) calls;
};

/* ---- the end ---- */

/* Out of libcurl's hands; its connection may be kept. */
static void
bring_in(struct call *c)
{
	if (c->easy == NULL)
		return;
	curl_multi_remove_handle(c->http->multi, c->easy);
	curl_easy_cleanup(c->easy);
	c->easy = NULL;
	curl_slist_free_all(c->via);
	c->via = NULL;
}

static void
call_free(struct call *c)
{
	LIST_REMOVE(c, next);
	dg_slots_drop(c->http->numbers, c->number);
	bring_in(c);
	dg_lookup_free(c->lookup);
	curl_slist_free_all(c->headers);
	curl_slist_free_all(c->via);
	dg_http_url_fini(&c->url);
	dg_buf_fini(&c->body);
	dg_buf_fini(&c->got);
	event_free(c->timer);
	free(c->method);
	free(c->url_text);
	free(c);
}

/* The answer's body lives until fn has returned, c is out of all lists. */
static void
end(struct call *c, int status, const char *error)
{
	dg_http_fn *fn = c->fn;
	void *ctx = c->ctx;
	uint64_t ticket = c->ticket;
	struct dg_buf got = c->got;
	char words[DG_HTTP_WHY_ROOM];
	struct dg_http_answer a = { .status = status, .error = words };

	snprintf(words, sizeof(words), "%s", error);
	dg_buf_init(&c->got, 0);
	call_free(c);
	if (status != 0)
		a.body = dg_buf_str(&got);
	fn(ctx, ticket, &a);
	dg_buf_fini(&got);
}

static void
end_late(struct call *c)
{
	char words[DG_HTTP_WHY_ROOM], time[24];

	dg_duration_write(c->timeout_ms, time);
	snprintf(words, sizeof(words), "%s did not answer within %s",
	    c->url.where[0] != '\0' ? c->url.where : "the server", time);
	end(c, 0, words);
}

/* ---- what came of a transfer ---- */

static void send_out(struct call *c);

/* Nothing was asked yet: this address was not reached. */
static bool
is_unreached(const struct call *c, CURLcode code)
{
	curl_off_t sent_at = 0;

	curl_easy_getinfo(c->easy, CURLINFO_PRETRANSFER_TIME_T, &sent_at);
	return sent_at == 0 && (code == CURLE_COULDNT_CONNECT ||
				   code == CURLE_OPERATION_TIMEDOUT);
}

static void
try_next(struct call *c, CURLcode code)
{
	char text[DG_HTTP_WHY_ROOM], address[DG_ADDRESS_ROOM];
	char full[DG_ADDRESS_ROOM + 8];
	const struct dg_address *a = &c->to.v[c->at];
	size_t n = strlen(c->tried);

	dg_address_text(a, address, sizeof(address));
	dg_address_port_text(dg_str(address), dg_address_port(a), full,
	    sizeof(full));
	dg_http_say_why(c->easy, code, c->words, c->got.cap, text);
	snprintf(c->tried + n, sizeof(c->tried) - n, "%s%s %s",
	    n > 0 ? "; " : "", full, text);
	bring_in(c);
	if (++c->at < c->to.n)
		send_out(c);
	else
		end(c, 0, c->tried);
}

static void
end_failed(struct call *c, CURLcode code)
{
	char text[DG_HTTP_WHY_ROOM];
	char words[DG_HTTP_WHY_ROOM + DG_HTTP_WHERE_ROOM];

	if (is_unreached(c, code)) {
		try_next(c, code);
		return;
	}
	if (c->is_too_big)
		code = CURLE_FILESIZE_EXCEEDED;
	dg_http_say_why(c->easy, code, c->words, c->got.cap, text);
	snprintf(words, sizeof(words), "%s %s", c->url.where, text);
	end(c, 0, words);
}

static void go(struct call *c);

static bool
is_redirect(const struct call *c, long status)
{
	if (c->redirects == 0 ||
	    (strcmp(c->method, "GET") != 0 && strcmp(c->method, "HEAD") != 0))
		return false;
	return status == 301 || status == 302 || status == 303 ||
	       status == 307 || status == 308;
}

/* Go where the answer points, or say false with why in c->why; "": it points
 * nowhere. */
static bool
follow(struct call *c)
{
	bool was_secure = c->url.is_secure;
	char was_at[DG_HTTP_WHERE_ROOM], *to = NULL;

	curl_easy_getinfo(c->easy, CURLINFO_REDIRECT_URL, &to);
	if (to == NULL)
		return false;
	memcpy(was_at, c->url.where, sizeof(was_at));
	to = dg_strdup(to);
	bring_in(c);
	dg_buf_reset(&c->got);
	c->redirects--;
	if (dg_http_url_read(&c->url, to, c->why) && was_secure &&
	    !c->url.is_secure)
		snprintf(c->why, sizeof(c->why),
		    "%s redirects from https to http", was_at);
	free(to);
	if (c->why[0] != '\0')
		return false;
	if (strcmp(was_at, c->url.where) != 0 ||
	    was_secure != c->url.is_secure) {
		/* they were for the other server alone */
		curl_slist_free_all(c->headers);
		c->headers = NULL;
	}
	go(c);
	return true;
}

static void
on_done(struct call *c, CURLcode code)
{
	long status = 0;

	if (code != CURLE_OK || c->is_too_big) {
		end_failed(c, code);
		return;
	}
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	if (is_redirect(c, status)) {
		if (follow(c))
			return;
		if (c->why[0] != '\0') {
			end(c, 0, c->why);
			return;
		}
	}
	if (status <= 0)
		end(c, 0, "it was no HTTP answer");
	else
		end(c, (int)status, "");
}

/* fn may ask and cancel, so the list is looked at anew each time. */
static void
reap(struct dg_http *h)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left)) != NULL) {
		CURLcode code = m->data.result;
		char *c = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &c);
		on_done((struct call *)(void *)c, code);
	}
}

/* ---- libcurl and the loop ---- */

static void
on_ready(evutil_socket_t fd, short what, void *ctx)
{
	struct dg_http *h = ctx;
	int mask = (what & EV_READ ? CURL_CSELECT_IN : 0) |
		   (what & EV_WRITE ? CURL_CSELECT_OUT : 0);
	int running;

	curl_multi_socket_action(h->multi, fd, mask, &running);
	reap(h);
}

static void
on_wished(evutil_socket_t fd, short what, void *ctx)
{
	struct dg_http *h = ctx;
	int running;

	(void)fd;
	(void)what;
	curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	reap(h);
}

/* CURLMOPT_SOCKETFUNCTION: what to watch fd for from now on. */
static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *of_fd)
{
	struct dg_http *h = ctx;
	struct event *ev = of_fd;
	short events = EV_PERSIST;

	(void)easy;
	if (ev != NULL)
		event_free(ev);
	ev = NULL;
	if (what != CURL_POLL_REMOVE) {
		if (what & CURL_POLL_IN)
			events |= EV_READ;
		if (what & CURL_POLL_OUT)
			events |= EV_WRITE;
		ev = event_new(dg_loop_base(h->loop), fd, events, on_ready, h);
		dg_http_must(ev != NULL && event_add(ev, NULL) == 0, "watch");
	}
	curl_multi_assign(h->multi, fd, ev);
	return 0;
}

/* CURLMOPT_TIMERFUNCTION: when to come back though nothing happened. */
static int
on_wish(CURLM *multi, long ms, void *ctx)
{
	struct dg_http *h = ctx;
	struct timeval tv = dg_loop_timeval(ms);

	(void)multi;
	if (ms < 0)
		evtimer_del(h->wish);
	else
		evtimer_add(h->wish, &tv);
	return 0;
}

static size_t
on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct call *c = ctx;

	if (dg_buf_add(&c->got, dg_str_of(p, size * n)) == DG_OK)
		return size * n;
	c->is_too_big = true;
	return 0; /* ends the transfer */
}

static void
open_library(struct dg_http *h)
{
	if (h->multi != NULL)
		return;
	/* counted, and safe from any thread (its feature "threadsafe") */
	dg_http_must(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK,
	    "library");
	h->multi = curl_multi_init();
	dg_http_must(h->multi != NULL, "multi");
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_wish);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS,
	    (long)KEPT_CONNECTIONS);
	curl_multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
	    (long)HOST_CONNECTIONS);
	curl_multi_setopt(h->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
	    (long)ALL_CONNECTIONS);
}

struct dg_http *
dg_http_new(struct dg_loop *l, struct dg_resolver *r)
{
	struct dg_http *h = dg_alloc0(sizeof(*h));

	h->loop = l;
	h->resolver = r;
	h->wish = evtimer_new(dg_loop_base(l), on_wished, h);
	dg_http_must(h->wish != NULL, "timer");
	h->numbers = dg_slots_new();
	return h;
}

void
dg_http_trust(struct dg_http *h, const char *ca)
{
	free(h->ca);
	h->ca = ca != NULL ? dg_strdup(ca) : NULL;
}

void
dg_http_free(struct dg_http *h)
{
	if (h == NULL)
		return;
	while (!LIST_EMPTY(&h->calls))
		call_free(LIST_FIRST(&h->calls));
	if (h->multi != NULL) {
		curl_multi_cleanup(h->multi);
		curl_global_cleanup();
	}
	event_free(h->wish);
	dg_slots_free(h->numbers);
	free(h->ca);
	free(h);
}

/* ---- out ---- */

static void
set_method(struct call *c)
{
	if (strcmp(c->method, "HEAD") == 0) {
		curl_easy_setopt(c->easy, CURLOPT_NOBODY, 1L);
		return;
	}
	if (c->has_body) {
		curl_easy_setopt(c->easy, CURLOPT_POST, 1L);
		curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS,
		    dg_buf_z(&c->body));
		curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)c->body.n);
	}
	curl_easy_setopt(c->easy, CURLOPT_CUSTOMREQUEST, c->method);
}

static void
set_options(struct call *c, int64_t left_ms)
{
	CURL *e = c->easy;
	CURLcode code = CURLE_OK;

#define SET(option, value) \
	if (code == CURLE_OK) \
	code = curl_easy_setopt(e, option, value)
	SET(CURLOPT_CURLU, c->url.parts);
	SET(CURLOPT_PRIVATE, (void *)c);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, (void *)c);
	SET(CURLOPT_ERRORBUFFER, c->words);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_PROXY, ""); /* not the environment's either */
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_CA_CACHE_TIMEOUT, (long)TRUST_S);
	if (c->http->ca != NULL) /* the system's are found by its directory */
		SET(CURLOPT_CAINFO, c->http->ca);
	/* the whole is c->timer's; this is shared among the addresses */
	SET(CURLOPT_CONNECTTIMEOUT_MS,
	    (long)(left_ms / (int64_t)(c->to.n - c->at)) + 1);
	SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)c->got.cap);
	SET(CURLOPT_MAXAGE_CONN, (long)KEPT_S);
	SET(CURLOPT_USERAGENT, "dragoman");
	SET(CURLOPT_HTTPHEADER, c->headers);
	SET(CURLOPT_CONNECT_TO, c->via);
#undef SET
	dg_http_must(code == CURLE_OK, "options");
}

/* "::address:" stands for: whatever the host and port, go there. */
static void
set_address(struct call *c)
{
	char text[DG_ADDRESS_ROOM], full[DG_ADDRESS_ROOM + 8], way[100];
	const struct dg_address *a = &c->to.v[c->at];

	dg_address_text(a, text, sizeof(text));
	dg_address_port_text(dg_str(text), dg_address_port(a), full,
	    sizeof(full));
	snprintf(way, sizeof(way), "::%s", full);
	c->via = curl_slist_append(NULL, way);
	dg_http_must(c->via != NULL, "list");
}

static void
send_out(struct call *c)
{
	int64_t left_ms = c->end_ms - dg_loop_now_ms();

	if (left_ms <= 0) {
		end_late(c);
		return;
	}
	open_library(c->http);
	c->easy = curl_easy_init();
	dg_http_must(c->easy != NULL, "handle");
	c->words[0] = '\0';
	c->is_too_big = false;
	set_address(c);
	set_options(c, left_ms);
	set_method(c);
	dg_http_must(curl_multi_add_handle(c->http->multi, c->easy) == CURLM_OK,
	    "request");
}

/* ---- names ---- */

static void
on_found(void *ctx, const struct dg_addresses *found, const struct dg_err *e)
{
	struct call *c = ctx;

	c->lookup = NULL; /* it is gone when it answers */
	if (found->n == 0) {
		end(c, 0, e->text);
		return;
	}
	c->to = *found;
	c->at = 0;
	send_out(c);
}

/* Where c->url points: by name, or at once. */
static void
go(struct call *c)
{
	struct dg_str host;
	unsigned port;

	c->tried[0] = '\0';
	dg_http_must(dg_address_split(dg_str(c->url.where), 0, &host, &port),
	    "address");
	if (dg_address_literal(host, port, &c->to.v[0])) {
		c->to.n = 1;
		c->at = 0;
		send_out(c);
	} else {
		c->lookup =
		    dg_lookup_new(c->http->resolver, host, port, on_found, c);
	}
}

/* ---- the start, and its time ---- */

static void
divert(struct call *c)
{
	struct dg_http_request q = { .method = c->method,
		.url = dg_str(c->url_text),
		.body = c->has_body ? dg_buf_str(&c->body) : DG_NOSTR,
		.timeout_ms = c->timeout_ms,
		.max_bytes = c->got.cap };
	struct dg_http_answer a = { .status = 0 };

	c->http->hook(c->http->hook_ctx, &q, &a);
	if (dg_buf_add(&c->got, a.body) == DG_OK)
		end(c, a.status, a.error != NULL ? a.error : "");
	else
		end_failed(c, CURLE_FILESIZE_EXCEEDED);
}

static void
on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct call *c = ctx;
	struct timeval tv = dg_loop_timeval(c->end_ms - dg_loop_now_ms());

	(void)fd;
	(void)what;
	if (c->has_started) {
		end_late(c);
		return;
	}
	c->has_started = true;
	evtimer_add(c->timer, &tv);
	if (c->why[0] != '\0' ||
	    !dg_http_url_read(&c->url, c->url_text, c->why))
		end(c, 0, c->why);
	else if (c->http->hook != NULL)
		divert(c);
	else
		go(c);
}

/* ---- requests ---- */

static void
take_request(struct call *c, const struct dg_http_request *q)
{
	c->timeout_ms = q->timeout_ms;
	c->end_ms = dg_loop_now_ms() + q->timeout_ms;
	c->method = dg_strdup(q->method);
	c->url_text = dg_str_dup(q->url);
	c->redirects = q->redirects < DG_HTTP_REDIRECTS_MAX
			   ? q->redirects
			   : DG_HTTP_REDIRECTS_MAX;
	dg_buf_init(&c->got, q->max_bytes);
	dg_buf_init(&c->body, DG_HTTP_BODY_MAX + 1);
	c->has_body = q->body.p != NULL;
	if (q->body.n > DG_HTTP_BODY_MAX)
		snprintf(c->why, sizeof(c->why), "a body of more than 8 MiB");
	else
		dg_buf_add(&c->body, q->body);
	if (q->url.n > DG_HTTP_URL_MAX)
		snprintf(c->why, sizeof(c->why),
		    "a URL of more than %d characters", DG_HTTP_URL_MAX);
	else if (memchr(c->url_text, '\0', q->url.n) != NULL)
		snprintf(c->why, sizeof(c->why), "a URL with a NUL in it");
	else if (c->why[0] == '\0')
		dg_http_headers_read(q, &c->headers, c->why);
}

uint64_t
dg_http_ask(struct dg_http *h, const struct dg_http_request *q, dg_http_fn *fn,
    void *ctx, uint64_t ticket)
{
	struct call *c = dg_alloc0(sizeof(*c));

	assert(dg_http_is_token(dg_str(q->method)));
	c->http = h;
	c->fn = fn;
	c->ctx = ctx;
	c->ticket = ticket;
	c->timer = evtimer_new(dg_loop_base(h->loop), on_timer, c);
	dg_http_must(c->timer != NULL, "timer");
	c->number = dg_slots_put(h->numbers, c);
	LIST_INSERT_HEAD(&h->calls, c, next);
	take_request(c, q);
	event_active(c->timer, 0, 0);
	return c->number;
}

void
dg_http_cancel(struct dg_http *h, uint64_t number)
{
	struct call *c = dg_slots_find(h->numbers, number);

	if (c != NULL)
		call_free(c);
}

void
dg_http_divert(struct dg_http *h, dg_http_hook *hook, void *ctx)
{
	h->hook = hook;
	h->hook_ctx = ctx;
}
