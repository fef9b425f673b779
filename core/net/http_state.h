#ifndef CORE_NET_HTTP_STATE_H
#define CORE_NET_HTTP_STATE_H

#include <curl/curl.h>

#include "address.h"
#include "dragoman/net/http.h"

/* http_state.h - what the files of the HTTP client know of each other. */
enum {
	DG_HTTP_WHY_ROOM = 512,
	DG_HTTP_WHERE_ROOM = DG_HOST_ROOM + 8,
};

/* ---- http_request.c: what is asked, checked ---- */
struct dg_http_url {
	CURLU *parts;
	bool is_secure;
	char where[DG_HTTP_WHERE_ROOM]; /* "host:port", "[::1]:80" */
};
/* Instead of what u was; false, and why, when it is none we go to. */
bool dg_http_url_read(struct dg_http_url *u, const char *text,
    char why[DG_HTTP_WHY_ROOM]);
void dg_http_url_fini(struct dg_http_url *u); /* accepts a zeroed one */
/* A list for libcurl; why is filled when a header cannot be sent. */
void dg_http_headers_read(const struct dg_http_request *q,
    struct curl_slist **list, char why[DG_HTTP_WHY_ROOM]);
bool dg_http_is_token(struct dg_str s); /* RFC 9110 5.6.2 */

/* ---- http_words.c ---- */
/* What the server did, to follow its name.  words: libcurl's own, or "". */
void dg_http_say_why(CURL *easy, CURLcode code, const char *words,
    size_t max_bytes, char text[DG_HTTP_WHY_ROOM]);
/* What libcurl takes or gives may only fail for want of memory: stops. */
void dg_http_must(bool is_good, const char *what);

#endif
