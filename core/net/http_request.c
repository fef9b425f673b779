/* http_request.c - what is asked of a web server, checked before it leaves.
 *
 * A policy builds URLs and headers out of what strangers send, so nothing that
 * could end a line, name another scheme or carry a password in a URL gets
 * through; libcurl reads the URL, as it is libcurl that goes there.
 */
#include "http_state.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- URLs ---- */

/* The host as names are compared: lower case, no dot at the end. */
static bool
tidy_host(struct dg_http_url *u)
{
	char *host = NULL, *port = NULL;
	struct dg_str name;
	struct dg_str at;
	unsigned number;
	bool is_good = false;

	if (curl_url_get(u->parts, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
	    curl_url_get(u->parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) !=
		CURLUE_OK)
		goto out;
	name = dg_str(host);
	for (size_t i = 0; i < name.n; i++)
		host[i] = dg_lower(host[i]);
	if (name.n > 1 && host[name.n - 1] == '.')
		host[name.n - 1] = '\0';
	if (strlen(host) >= DG_HOST_ROOM ||
	    curl_url_set(u->parts, CURLUPART_HOST, host, 0) != CURLUE_OK)
		goto out;
	snprintf(u->where, sizeof(u->where), "%s:%s", host, port);
	is_good =
	    dg_address_split(dg_str(u->where), 0, &at, &number) && number != 0;
out:
	curl_free(host);
	curl_free(port);
	return is_good;
}

void
dg_http_url_fini(struct dg_http_url *u)
{
	curl_url_cleanup(u->parts);
	u->parts = NULL;
}

bool
dg_http_url_read(struct dg_http_url *u, const char *text,
    char why[DG_HTTP_WHY_ROOM])
{
	char *scheme = NULL;
	CURLUcode code;

	curl_url_cleanup(u->parts);
	u->parts = curl_url();
	dg_http_must(u->parts != NULL, "URL");
	code = curl_url_set(u->parts, CURLUPART_URL, text, CURLU_DISALLOW_USER);
	if (code == CURLUE_OK)
		code = curl_url_get(u->parts, CURLUPART_SCHEME, &scheme, 0);
	if (code == CURLUE_USER_NOT_ALLOWED) {
		snprintf(why, DG_HTTP_WHY_ROOM,
		    "a URL holds no user and no password: give them in a "
		    "header");
	} else if (code != CURLUE_OK) {
		snprintf(why, DG_HTTP_WHY_ROOM, "\"%.200s\" is not a URL: %s",
		    text, curl_url_strerror(code));
	} else if (strcmp(scheme, "http") != 0 &&
		   strcmp(scheme, "https") != 0) {
		snprintf(why, DG_HTTP_WHY_ROOM,
		    "\"%.200s\" is neither http: nor https:", text);
	} else if (!tidy_host(u)) {
		snprintf(why, DG_HTTP_WHY_ROOM,
		    "\"%.200s\" is not a URL: bad host or port", text);
	}
	u->is_secure = scheme != NULL && strcmp(scheme, "https") == 0;
	curl_free(scheme);
	return why[0] == '\0';
}

/* ---- headers ---- */

bool
dg_http_is_token(struct dg_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char ch = (unsigned char)s.p[i];

		if (ch <= ' ' || ch >= 0x7f ||
		    strchr("\"(),/:;<=>?@[\\]{}", ch) != NULL)
			return false;
	}
	return s.n > 0;
}

/* No line breaks above all: the rest would be a header of somebody else's. */
static bool
is_value(struct dg_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (((unsigned char)s.p[i] < ' ' && s.p[i] != '\t') ||
		    s.p[i] == 0x7f)
			return false;
	return true;
}

static const char *
header_problem(const struct dg_http_header *w)
{
	if (!dg_http_is_token(w->name))
		return "is not a header's name";
	if (!is_value(w->value))
		return "has a control character in its value";
	if (w->name.n + w->value.n > DG_HTTP_HEADER_MAX)
		return "is too long";
	if (dg_str_iis(w->name, "Content-Length") ||
	    dg_str_iis(w->name, "Transfer-Encoding"))
		return "is set by the relay itself";
	return NULL;
}

static void
add(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	dg_http_must(longer != NULL, "list");
	*list = longer;
}

void
dg_http_headers_read(const struct dg_http_request *q, struct curl_slist **list,
    char why[DG_HTTP_WHY_ROOM])
{
	const char *problem = NULL;

	/* by itself libcurl waits a second before a large body */
	add(list, "Expect:");
	for (size_t i = 0; i < q->n_headers && problem == NULL; i++) {
		const struct dg_http_header *w = &q->headers[i];
		char *line;

		problem = i == DG_HTTP_HEADERS_MAX ? "is one too many"
						   : header_problem(w);
		if (problem != NULL) {
			snprintf(why, DG_HTTP_WHY_ROOM, "header \"%.*s\" %s",
			    DG_FMT(dg_str_sub(w->name, 0, 60)), problem);
			return;
		}
		/* "X:" would mean none, "X;" means an empty one */
		line = w->value.n > 0 ? dg_sprintf("%.*s: %.*s",
					    DG_FMT(w->name), DG_FMT(w->value))
				      : dg_sprintf("%.*s;", DG_FMT(w->name));
		add(list, line);
		free(line);
	}
}
