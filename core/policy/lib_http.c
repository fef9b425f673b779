/* lib_http.c - d.http: ask a web server.
 *
 *	d.http.get(url [, options])
 *	d.http.post(url, body [, options])
 *
 * Both always give { status = 200, body = "...", error = nil }.  Status 0: no
 * whole answer came, and error says why in words.  So a policy that looks at
 * the status alone cannot take a silent server for one that said no.
 *
 *	timeout = "5s"      for all of it, 60s at most
 *	headers = { ["X-Key"] = "..." }
 *	redirects = 0       followed at most (get)
 *
 * An answer is at most 1 MiB.  A post without a Content-Type is
 * application/x-www-form-urlencoded.  In hooks only, and the hook waits.
 */
#include "lib.h"

#include "dragoman/base/units.h"
#include "dragoman/net/http.h"

enum {
	ANSWER_MS = 5000,
	ANSWER_MAX_MS = 60 * 1000,
	ANSWER_MAX = 1024 * 1024,
	A_TABLE = 512, /* what making one costs, in bytes of dg_lib_charge */
};

/* ---- options ---- */

static int64_t
timeout(lua_State *L, int i, const char *fn)
{
	struct dg_str s;
	int64_t ms;

	if (lua_getfield(L, i, "timeout") == LUA_TNIL) {
		lua_pop(L, 1);
		return ANSWER_MS;
	}
	s = dg_lib_text(L, -1, fn, "timeout");
	if (!dg_duration_read(s, &ms) || ms <= 0)
		dg_vm_raise(L, NULL, NULL,
		    "%s: timeout = \"%s\" is no duration; write 500ms, 2s or "
		    "1m",
		    fn, s.p);
	if (ms > ANSWER_MAX_MS)
		dg_vm_raise(L, NULL, NULL,
		    "%s: timeout = \"%s\" is more than 60s", fn, s.p);
	lua_pop(L, 1);
	return ms;
}

static unsigned
redirects(lua_State *L, int i, const char *fn)
{
	lua_Integer n = 0;

	if (lua_getfield(L, i, "redirects") != LUA_TNIL)
		n = dg_lib_integer(L, -1, fn, "redirects");
	if (n < 0 || n > DG_HTTP_REDIRECTS_MAX)
		dg_vm_raise(L, NULL, NULL, "%s: redirects is 0 to %d", fn,
		    DG_HTTP_REDIRECTS_MAX);
	lua_pop(L, 1);
	return (unsigned)n;
}

/* Views of texts that the table keeps; one too many is told by the request. */
static size_t
headers(lua_State *L, int i, const char *fn,
    struct dg_http_header v[DG_HTTP_HEADERS_MAX + 1])
{
	size_t n = 0;

	if (lua_getfield(L, i, "headers") == LUA_TNIL) {
		lua_pop(L, 1);
		return 0;
	}
	if (lua_type(L, -1) != LUA_TTABLE)
		dg_vm_raise(L, NULL, NULL,
		    "%s: headers is a %s, but must be a table: headers = { "
		    "[\"X-Key\"] = \"...\" }",
		    fn, luaL_typename(L, -1));
	for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
		if (lua_type(L, -2) != LUA_TSTRING)
			dg_vm_raise(L, NULL, NULL,
			    "%s: headers have names: headers = { [\"X-Key\"] = "
			    "\"...\" }",
			    fn);
		if (n > DG_HTTP_HEADERS_MAX)
			continue;
		v[n].name = dg_lib_text(L, -2, fn, "a header's name");
		v[n].value = dg_lib_text(L, -1, fn, v[n].name.p);
		n++;
	}
	lua_pop(L, 1);
	return n;
}

/* ---- the answer ---- */

static int
answer_k(lua_State *L, int status, lua_KContext ctx)
{
	const struct dg_http_answer *a = dg_wait_result(L);

	(void)status;
	(void)ctx;
	dg_lib_charge(L, A_TABLE + a->body.n);
	lua_createtable(L, 0, 3);
	lua_pushinteger(L, a->status);
	lua_setfield(L, -2, "status");
	lua_pushlstring(L, a->body.n > 0 ? a->body.p : "", a->body.n);
	lua_setfield(L, -2, "body");
	if (a->error[0] != '\0') {
		lua_pushstring(L, a->error);
		lua_setfield(L, -2, "error");
	}
	return 1;
}

static void
on_answer(void *ctx, uint64_t ticket, const struct dg_http_answer *a)
{
	struct dg_wait *w = dg_wait_find(ctx, ticket);

	if (w != NULL)
		dg_wait_done(w, a);
}

static void
give_up(struct dg_policy_host *h, uint64_t number)
{
	if (h->http != NULL)
		dg_http_cancel(h->http, number);
}

/* ---- the question ---- */

/* The options are at i, or nothing is. */
static int
ask(lua_State *L, const char *fn, struct dg_http_request *q, int i,
    const char *const *keys)
{
	struct dg_http_header v[DG_HTTP_HEADERS_MAX + 1];
	struct dg_policy_host *h;
	struct dg_wait *w;

	q->timeout_ms = ANSWER_MS;
	q->max_bytes = ANSWER_MAX;
	if (dg_lib_options(L, i, fn, keys)) {
		q->timeout_ms = timeout(L, i, fn);
		q->redirects = redirects(L, i, fn);
		q->headers = v;
		q->n_headers = headers(L, i, fn, v);
	}
	w = dg_wait_open(L, fn);
	h = dg_wait_host(L);
	if (h->http == NULL)
		return dg_vm_raise(L, NULL, NULL,
		    "%s: nobody can be asked here", fn);
	dg_wait_on_given_up(w, give_up,
	    dg_http_ask(h->http, q, on_answer, h, dg_wait_ticket(w)));
	return dg_wait_yield(L, answer_k);
}

static int
l_http_get(lua_State *L)
{
	static const char *const keys[] = { "timeout", "headers", "redirects",
		NULL };
	struct dg_http_request q = { .method = "GET" };

	q.url = dg_lib_text(L, 1, "d.http.get", "the URL");
	return ask(L, "d.http.get", &q, 2, keys);
}

static int
l_http_post(lua_State *L)
{
	static const char *const keys[] = { "timeout", "headers", NULL };
	struct dg_http_request q = { .method = "POST" };

	q.url = dg_lib_text(L, 1, "d.http.post", "the URL");
	q.body = dg_lib_text(L, 2, "d.http.post", "the body");
	return ask(L, "d.http.post", &q, 3, keys);
}

void
dg_lib_http(lua_State *L)
{
	static const luaL_Reg fns[] = { { "get", l_http_get },
		{ "post", l_http_post }, { NULL, NULL } };

	luaL_newlib(L, fns);
}
