/* lib_rate.c - d.rate(name, "30/min", key): may this be once more?
 *
 * A token bucket for each key: 30 at once, then one each two seconds; so at
 * most 30 + 30 in the first minute and 30 in each later one.  (Not a sliding
 * window: a bucket is one number a key, and says exactly when the next may be.)
 * Gives true or false, and the whole seconds, rounded up, until the next may
 * be, 0 when it may at once.  What is refused takes nothing.  Buckets are
 * shared by all workers and kept by a reload; one that had to be forgotten for
 * want of room is full again.  A key longer than 1 KiB is cut to that; what is
 * wrong with a rate or a name raises, and so does any use at load.
 */
#include "lib.h"

#include "dragoman/base/units.h"
#include "dragoman/policy/shared.h"

static int
l_rate(lua_State *L)
{
	const char *name = dg_lib_name(L, 1, "d.rate");
	struct dg_str rate = dg_lib_text(L, 2, "d.rate", "the rate");
	struct dg_str key = dg_lib_text(L, 3, "d.rate", "the key");
	const struct dg_policy_host *h;
	int64_t period_ms, wait_ms;
	struct dg_err e = { 0 };
	bool is_allowed;
	uint64_t count;

	dg_lib_in_hook(L, "d.rate");
	if (!dg_rate_read(rate, &count, &period_ms))
		return dg_vm_raise(L, NULL, NULL,
		    "d.rate: \"%.60s\" is no rate; write 5/s, 30/min, 100/h, "
		    "1000/d or 100/10m",
		    rate.p);
	h = dg_policy_host_of(L);
	if (h == NULL || h->shared == NULL)
		return dg_vm_raise(L, NULL, NULL,
		    "d.rate: nothing is counted here");
	if (dg_shared_rate(h->shared, name,
		dg_str_sub(key, 0, DG_SHARED_KEY_MAX), count, period_ms,
		&is_allowed, &wait_ms, &e) != DG_OK)
		return dg_vm_raise(L, NULL, NULL, "d.rate: %s", e.text);
	lua_pushboolean(L, is_allowed);
	lua_pushinteger(L, (wait_ms + 999) / 1000);
	return 2;
}

void
dg_lib_rate(lua_State *L)
{
	lua_pushcfunction(L, l_rate);
}
