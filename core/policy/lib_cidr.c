/* lib_cidr.c - d.cidr(nets, address): is it in one of these networks?
 *
 * nets is what match.address of a peer takes: "10.0.0.5", "10.0.0.0/24",
 * "2001:db8::/32", several in one text separated by blanks or commas, or a list
 * of such texts.  The policy wrote it, so a bad one raises.  The address is
 * data: what is no address (also "") is in no network.  An IPv4 address and the
 * same one as ::ffff:a.b.c.d are one.  Pure: works at load, too.
 */
#include "lib.h"

#include "dragoman/policy/rules.h"

static bool
is_separator(char c)
{
	return c == ' ' || c == '\t' || c == ',';
}

/* Walks to the end also after a match: a bad network should not hide. */
static bool
is_in_text(lua_State *L, struct dg_str nets, struct dg_str address)
{
	bool found = false, any = false;
	struct dg_net net;
	size_t i = 0, n;

	for (;;) {
		while (i < nets.n && is_separator(nets.p[i]))
			i++;
		for (n = 0; i + n < nets.n && !is_separator(nets.p[i + n]);)
			n++;
		if (n == 0)
			break;
		if (!dg_net_read(dg_str_sub(nets, i, n), &net))
			dg_vm_raise(L, NULL, NULL,
			    "d.cidr: \"%.*s\" is no address or network: "
			    "\"10.0.0.5\" \"10.0.0.0/24\" \"2001:db8::/32\"",
			    (int)(n < 80 ? n : 80), nets.p + i);
		any = true;
		found = dg_net_has(&net, address) || found;
		i += n;
	}
	if (!any)
		dg_vm_raise(L, NULL, NULL, "d.cidr: no network is named");
	return found;
}

static int
l_cidr(lua_State *L)
{
	struct dg_str address = dg_lib_text(L, 2, "d.cidr", "address");
	struct dg_str nets;
	bool found = false;
	lua_Integer n;

	if (lua_type(L, 1) != LUA_TTABLE) {
		nets = dg_lib_text(L, 1, "d.cidr", "nets");
		dg_lib_charge(L, nets.n * 16);
		lua_pushboolean(L, is_in_text(L, nets, address));
		return 1;
	}
	n = (lua_Integer)lua_rawlen(L, 1);
	if (n == 0)
		return dg_vm_raise(L, NULL, NULL,
		    "d.cidr: nets is empty: nobody would match");
	for (lua_Integer i = 1; i <= n; i++) {
		lua_rawgeti(L, 1, i);
		nets = dg_lib_text(L, -1, "d.cidr", "an item of nets");
		dg_lib_charge(L, nets.n * 16);
		found = is_in_text(L, nets, address) || found;
		lua_pop(L, 1);
	}
	lua_pushboolean(L, found);
	return 1;
}

void
dg_lib_cidr(lua_State *L)
{
	lua_pushcfunction(L, l_cidr);
}
