/* http_fuzz.c - URLs and headers that a policy made of what strangers send:
 * what is let through is one line each, and goes where it says. */
#include <stdint.h>
#include <stdlib.h>

#include "core/net/http_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static bool
is_one_line(struct dg_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0')
			return false;
	return true;
}

static void
url(const char *text)
{
	struct dg_http_url u = { .parts = NULL };
	char why[DG_HTTP_WHY_ROOM] = "", *whole = NULL;
	struct dg_str host;
	unsigned port;

	if (dg_http_url_read(&u, text, why)) {
		check(curl_url_get(u.parts, CURLUPART_URL, &whole, 0) ==
		      CURLUE_OK);
		check(is_one_line(dg_str(whole)));
		check(dg_str_has_prefix(dg_str(whole),
		    u.is_secure ? DG_STR("https://") : DG_STR("http://")));
		check(dg_address_split(dg_str(u.where), 0, &host, &port));
		check(port != 0);
		curl_free(whole);
	} else {
		check(why[0] != '\0');
	}
	dg_http_url_fini(&u);
}

static void
header(struct dg_str text)
{
	size_t cut = dg_str_find(text, '|');
	struct dg_http_header w = { dg_str_sub(text, 0, cut),
		dg_str_from(text, cut + 1) };
	struct dg_http_request q = { .headers = &w, .n_headers = 1 };
	char why[DG_HTTP_WHY_ROOM] = "";
	struct curl_slist *list = NULL;
	unsigned n = 0;

	dg_http_headers_read(&q, &list, why);
	for (struct curl_slist *l = list; l != NULL; l = l->next) {
		check(is_one_line(dg_str(l->data)));
		n++;
	}
	check(n == (why[0] == '\0' ? 2 : 1)); /* with "Expect:" */
	curl_slist_free_all(list);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = dg_str_dup(dg_str_of(data, size));

	url(text);
	free(text);
	header(dg_str_of(data, size));
	return 0;
}
