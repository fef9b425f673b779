/* lib_dns.c - d.dns: what name servers say.
 *
 *	d.dns.a(name)       a list of IPv4 addresses
 *	d.dns.aaaa(name)    of IPv6 addresses
 *	d.dns.mx(name)      of { host = "mx.example", preference = 10 }
 *	d.dns.txt(name)     of texts, each with its strings joined
 *	d.dns.ptr(address)  of names, in lower case, without a dot at the end
 *
 * Lists come sorted (MX by preference), with at most 100 members, and are never
 * empty.  Else nil, why, details: why is one of a closed list, so that it can
 * be compared with: "no such name", "no such record", "no answer in time",
 * "server failed", "bogus", "not a name", "not an address"; the details are a
 * sentence for a log.  Whether a name does not exist or nobody could say so is
 * the difference between refusing mail and keeping it.
 *
 * In hooks only, and the hook waits: at most 5 seconds for each.
 */
#include "lib.h"

#include "dragoman/net/dns.h"

enum {
	ANSWER_MS = 5000,
	A_RECORD = 256, /* what making one costs, in bytes of dg_lib_charge */
};

/* ---- the answer ---- */

/* FOUND, with an empty list on top; or what to return is on top. */
static const struct dg_dns_answer *
answer(lua_State *L)
{
	const struct dg_dns_answer *a = dg_wait_result(L);

	dg_lib_charge(L, (a->n + 1) * A_RECORD);
	if (a->result == DG_DNS_FOUND) {
		lua_createtable(L, (int)a->n, 0);
		return a;
	}
	lua_pushnil(L);
	lua_pushstring(L, dg_dns_words(a->result));
	lua_pushstring(L, a->why);
	return NULL;
}

static void
push(lua_State *L, struct dg_str s)
{
	dg_lib_charge(L, s.n);
	lua_pushlstring(L, s.p, s.n);
}

static int
texts_k(lua_State *L, int status, lua_KContext ctx)
{
	const struct dg_dns_answer *a = answer(L);

	(void)status;
	(void)ctx;
	if (a == NULL)
		return 3;
	for (size_t i = 0; i < a->n; i++) {
		push(L, a->v[i].text);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

static int
mx_k(lua_State *L, int status, lua_KContext ctx)
{
	const struct dg_dns_answer *a = answer(L);

	(void)status;
	(void)ctx;
	if (a == NULL)
		return 3;
	for (size_t i = 0; i < a->n; i++) {
		lua_createtable(L, 0, 2);
		push(L, a->v[i].text);
		lua_setfield(L, -2, "host");
		lua_pushinteger(L, a->v[i].preference);
		lua_setfield(L, -2, "preference");
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

/* ---- the question ---- */

static void
on_answer(void *ctx, uint64_t ticket, const struct dg_dns_answer *a)
{
	struct dg_wait *w = dg_wait_find(ctx, ticket);

	if (w != NULL)
		dg_wait_done(w, a);
}

static int
ask(lua_State *L, const char *fn, const char *what, enum dg_dns_type type,
    lua_KFunction k)
{
	struct dg_str name = dg_lib_text(L, 1, fn, what);
	struct dg_wait *w = dg_wait_open(L, fn);
	struct dg_policy_host *h = dg_wait_host(L);

	if (h->resolver == NULL)
		return dg_vm_raise(L, NULL, NULL,
		    "%s: nobody can be asked here", fn);
	dg_dns_ask(h->resolver, name, type, ANSWER_MS, on_answer, h,
	    dg_wait_ticket(w));
	return dg_wait_yield(L, k);
}

static int
l_dns_a(lua_State *L)
{
	return ask(L, "d.dns.a", "the name", DG_DNS_A, texts_k);
}

static int
l_dns_aaaa(lua_State *L)
{
	return ask(L, "d.dns.aaaa", "the name", DG_DNS_AAAA, texts_k);
}

static int
l_dns_mx(lua_State *L)
{
	return ask(L, "d.dns.mx", "the name", DG_DNS_MX, mx_k);
}

static int
l_dns_txt(lua_State *L)
{
	return ask(L, "d.dns.txt", "the name", DG_DNS_TXT, texts_k);
}

static int
l_dns_ptr(lua_State *L)
{
	return ask(L, "d.dns.ptr", "the address", DG_DNS_PTR, texts_k);
}

void
dg_lib_dns(lua_State *L)
{
	static const luaL_Reg fns[] = { { "a", l_dns_a },
		{ "aaaa", l_dns_aaaa }, { "mx", l_dns_mx },
		{ "txt", l_dns_txt }, { "ptr", l_dns_ptr }, { NULL, NULL } };

	luaL_newlib(L, fns);
}
