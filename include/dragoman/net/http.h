#ifndef DRAGOMAN_NET_HTTP_H
#define DRAGOMAN_NET_HTTP_H

#include "dragoman/base/str.h"
#include "dragoman/net/dns.h"

/*
 * http.h - ask a web server something small, without blocking: libcurl on the
 * worker's own loop, names by the worker's own resolver.  One a worker; it
 * costs nothing until the first request.
 *
 * http and https only, HTTP/1.1, certificates always checked, no proxy and
 * nothing else from the environment, nothing kept on disk.  A few idle
 * connections are kept for the next request.
 */
struct dg_http;
/* The resolver outlives it. */
struct dg_http *dg_http_new(struct dg_loop *l, struct dg_resolver *r);
/* From the next request on: a PEM file of authorities that are trusted beside
 * the system's, read again every few minutes; NULL: none.  Copied. */
void dg_http_trust(struct dg_http *h, const char *ca);
/* Requests that are out are dropped without a word.  Not from inside fn. */
void dg_http_free(struct dg_http *h);

enum {
	DG_HTTP_URL_MAX = 8192,
	DG_HTTP_HEADERS_MAX = 32,
	DG_HTTP_HEADER_MAX = 8192, /* one of them */
	DG_HTTP_REDIRECTS_MAX = 10,
	DG_HTTP_BODY_MAX = 8 * 1024 * 1024,
};
struct dg_http_header {
	struct dg_str name, value;
};
struct dg_http_request {
	const char *method; /* "GET", "POST" ... */
	struct dg_str url;
	const struct dg_http_header *headers; /* a POST without Content-Type is
					       * form-urlencoded */
	size_t n_headers;
	struct dg_str body; /* p NULL: none */
	int64_t timeout_ms; /* for the whole; no clock jump shortens it */
	size_t max_bytes;   /* of the answer's body */
	unsigned redirects; /* followed at most, GET and HEAD only; never from
			     * https to http, and with its headers only
			     * on the same server */
};
struct dg_http_answer {
	int status;         /* 200 ...; 0: no whole answer came */
	struct dg_str body; /* n == 0 when status is 0 */
	const char *error;  /* in words when status is 0, else "" */
};
/* Comes later, never inside dg_http_ask, once; the answer is borrowed.  It may
 * ask and cancel. */
typedef void dg_http_fn(void *ctx, uint64_t ticket,
    const struct dg_http_answer *a);
/* Everything in q is copied.  The number is for dg_http_cancel; the ticket is
 * the asker's own, for his late answers. */
uint64_t dg_http_ask(struct dg_http *h, const struct dg_http_request *q,
    dg_http_fn *fn, void *ctx, uint64_t ticket);
/* Then fn is not called.  Answered or unknown: no-op. */
void dg_http_cancel(struct dg_http *h, uint64_t number);

/* Policy tests: who answers instead of web servers.  q is without its headers;
 * it fills a zeroed *a with what it owns until it is called again. */
typedef void dg_http_hook(void *ctx, const struct dg_http_request *q,
    struct dg_http_answer *a);
void dg_http_divert(struct dg_http *h, dg_http_hook *hook, void *ctx);

#endif
