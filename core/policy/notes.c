/*
 * notes.c - what a policy remembers about a session: q:note(k, v), q.notes.
 *
 * Texts only, 4 KiB at most: they travel with the message through the spool,
 * as "key\0value\0..." in the envelope.
 */
#include "decision.h"

static struct dg_str
next_z(struct dg_str *s)
{
	struct dg_str z = dg_str_sub(*s, 0, dg_str_find(*s, '\0'));

	*s = dg_str_from(*s, z.n + 1);
	return z;
}

void
dg_notes_push(lua_State *L, const struct dg_notes *n)
{
	struct dg_str s = n != NULL ? dg_buf_str(&n->kv) : DG_NOSTR;

	lua_newtable(L);
	while (s.n > 0) {
		struct dg_str key = next_z(&s), value = next_z(&s);

		lua_pushlstring(L, key.p, key.n);
		lua_pushlstring(L, value.p != NULL ? value.p : "", value.n);
		lua_rawset(L, -3);
	}
}

/* Take a key's pair out, so that the last value is the only one. */
static void
forget(struct dg_notes *n, struct dg_str key)
{
	struct dg_str s = dg_buf_str(&n->kv);

	while (s.n > 0) {
		size_t at = n->kv.n - s.n;
		struct dg_str k = next_z(&s);
		size_t end;

		(void)next_z(&s);
		end = n->kv.n - s.n;
		if (!dg_str_eq(k, key))
			continue;
		memmove(n->kv.p + at, n->kv.p + end, n->kv.n - end);
		n->kv.n -= end - at;
		return;
	}
}

bool
dg_notes_put(struct dg_notes *n, struct dg_str key, struct dg_str value)
{
	size_t before;

	if (n == NULL)
		return false;
	forget(n, key);
	before = n->kv.n;
	if (dg_buf_add(&n->kv, key) == DG_OK &&
	    dg_buf_addc(&n->kv, '\0') == DG_OK &&
	    dg_buf_add(&n->kv, value) == DG_OK &&
	    dg_buf_addc(&n->kv, '\0') == DG_OK)
		return true;
	n->kv.n = before;
	return false;
}
