/* lib_alert.c - d.alert(name, text): something a person must see.
 *
 * The relay logs and counts it, shows it in `status`, and mails it to the
 * postmaster at most once an hour for each name.  The name goes into a header,
 * so it is letters, digits, "-", "_", "." and blanks; the text may come from
 * anywhere: what is no printable character becomes "?", and it is cut to 400
 * bytes, between characters.  Gives nothing.  At load it raises.
 */
#include "lib.h"

#include "dragoman/base/enc.h"
#include "dragoman/base/log.h"

enum {
	TEXT_MAX = 400
};

/* One line of valid UTF-8, NUL-terminated. */
static void
clean(struct dg_str s, char out[TEXT_MAX + 1])
{
	bool is_utf8;
	size_t n;

	s = dg_str_sub(s, 0, TEXT_MAX + 1);
	n = s.n <= TEXT_MAX ? s.n : TEXT_MAX;
	while (s.n > TEXT_MAX && n > TEXT_MAX - 4 &&
	       ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	is_utf8 = dg_utf8_is_valid(dg_str_sub(s, 0, n));
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		out[i] = c < ' ' || c == 0x7f || (c > 0x7f && !is_utf8)
			     ? '?'
			     : s.p[i];
	}
	out[n] = '\0';
}

static int
l_alert(lua_State *L)
{
	const char *name = dg_lib_name(L, 1, "d.alert");
	struct dg_str s = dg_lib_text(L, 2, "d.alert", "text");
	const struct dg_policy_host *h;
	char text[TEXT_MAX + 1];

	dg_lib_in_hook(L, "d.alert");
	clean(s, text);
	h = dg_policy_host_of(L);
	if (h != NULL && h->alert != NULL)
		h->alert(h->ctx, name, text);
	else
		dg_log(DG_LOG_ERROR, "alert", dg_kv_z("name", name),
		    dg_kv_z("text", text));
	return 0;
}

void
dg_lib_alert(lua_State *L)
{
	lua_pushcfunction(L, l_alert);
}
