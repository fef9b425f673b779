/* lib_text.c - d.glob, d.find, d.base64, d.url, d.sha256: texts in, texts out.
 *
 * Pure: they work at load, too.  Texts are bytes and may hold NULs.  Each runs
 * in a time that its arguments bound: glob tries at most pattern times text
 * places (no recursion, one star is remembered), and refuses what would be
 * more than a tenth of a second; the others look at each byte a few times.
 *
 *	d.glob(pattern, text)    boolean; the whole text.  * any run, ? one
 *	                         character (of UTF-8, else one byte); ASCII
 *	                         case is folded, as in the patterns of d.route
 *	d.find(text, needle [, { any_case = true }])
 *	                         position of the first byte, from 1, or nil; an
 *	                         empty needle is at 1
 *	d.base64.encode(text)    RFC 4648 4, padded, one line
 *	d.base64.decode(text)    the bytes; nil, why when it is none (strict)
 *	d.url(text)              RFC 3986 2.1: all but unreserved as %XX
 *	d.sha256(text)           64 lower-case hex digits
 *
 * Results are at most 16 MiB: nil, why.
 */
#define _GNU_SOURCE /* memmem: linear, POSIX has it since 2024 */
#include "lib.h"

#include "dragoman/base/enc.h"
#include "dragoman/crypto/digest.h"

#define STEPS_MAX 2e7 /* about a tenth of a second */

enum {
	RESULT_MAX = 16 * 1024 * 1024
};

/* ---- d.glob ---- */

/* The place behind the character at i. */
static size_t
behind(struct dg_str s, size_t i)
{
	bool is_lead = (unsigned char)s.p[i++] >= 0xc0;

	while (is_lead && i < s.n && ((unsigned char)s.p[i] & 0xc0) == 0x80)
		i++;
	return i;
}

static bool
glob(struct dg_str p, struct dg_str s)
{
	size_t at = 0, i = 0, star = SIZE_MAX, mark = 0;

	while (i < s.n) {
		if (at < p.n && p.p[at] == '*') {
			star = at++;
			mark = i;
		} else if (at < p.n && p.p[at] == '?') {
			at++;
			i = behind(s, i);
		} else if (at < p.n && dg_lower(p.p[at]) == dg_lower(s.p[i])) {
			at++;
			i++;
		} else if (star != SIZE_MAX) {
			at = star + 1;
			i = mark = behind(s, mark);
		} else {
			return false;
		}
	}
	while (at < p.n && p.p[at] == '*')
		at++;
	return at == p.n;
}

static int
l_glob(lua_State *L)
{
	struct dg_str pattern = dg_lib_text(L, 1, "d.glob", "pattern");
	struct dg_str text = dg_lib_text(L, 2, "d.glob", "text");
	double steps = (double)pattern.n * (double)text.n;

	if (steps > STEPS_MAX)
		return dg_vm_raise(L, NULL, NULL,
		    "d.glob: %zu characters of pattern on %zu of text could "
		    "take too long; cut the text first (sub)",
		    pattern.n, text.n);
	dg_lib_charge(L, (size_t)steps);
	lua_pushboolean(L, glob(pattern, text));
	return 1;
}

void
dg_lib_glob(lua_State *L)
{
	lua_pushcfunction(L, l_glob);
}

/* ---- d.find ---- */

/* s in lower case, in a buffer that is pushed. */
static struct dg_str
lowered(lua_State *L, struct dg_str s)
{
	struct dg_buf *b = dg_lib_buf(L, s.n);

	(void)dg_buf_add(b, s);
	for (size_t i = 0; i < b->n; i++)
		b->p[i] = dg_lower(b->p[i]);
	return dg_buf_str(b);
}

static bool
is_any_case(lua_State *L)
{
	static const char *const keys[] = { "any_case", NULL };
	bool any;

	if (!dg_lib_options(L, 3, "d.find", keys))
		return false;
	lua_getfield(L, 3, "any_case");
	any = lua_toboolean(L, -1);
	lua_pop(L, 1);
	return any;
}

static int
l_find(lua_State *L)
{
	struct dg_str text = dg_lib_text(L, 1, "d.find", "text");
	struct dg_str needle = dg_lib_text(L, 2, "d.find", "needle");
	bool any_case = is_any_case(L);
	const char *at;

	if (needle.n == 0 || needle.n > text.n) {
		if (needle.n == 0)
			lua_pushinteger(L, 1);
		else
			lua_pushnil(L);
		return 1;
	}
	if (any_case) {
		text = lowered(L, text);
		needle = lowered(L, needle);
	}
	at = memmem(text.p, text.n, needle.p, needle.n);
	if (at != NULL)
		lua_pushinteger(L, at - text.p + 1);
	else
		lua_pushnil(L);
	return 1;
}

void
dg_lib_find(lua_State *L)
{
	lua_pushcfunction(L, l_find);
}

/* ---- d.base64 ---- */

static int
l_base64_encode(lua_State *L)
{
	struct dg_str text = dg_lib_text(L, 1, "d.base64.encode", "text");
	struct dg_buf *b = dg_lib_buf(L, RESULT_MAX);

	if (dg_base64_add(b, text) != DG_OK)
		return dg_lib_fail(L, "the result would be more than 16 MiB");
	return dg_lib_push(L, b);
}

static int
l_base64_decode(lua_State *L)
{
	struct dg_str text = dg_lib_text(L, 1, "d.base64.decode", "text");
	struct dg_buf *b = dg_lib_buf(L, RESULT_MAX);

	if (dg_base64_read(b, text) != DG_OK)
		return dg_lib_fail(L, "this is no base64");
	return dg_lib_push(L, b);
}

void
dg_lib_base64(lua_State *L)
{
	static const luaL_Reg fns[] = { { "encode", l_base64_encode },
		{ "decode", l_base64_decode }, { NULL, NULL } };

	luaL_newlib(L, fns);
}

/* ---- d.url, d.sha256 ---- */

static bool
is_unreserved(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' ||
	       c == '~';
}

static int
l_url(lua_State *L)
{
	static const char digits[] = "0123456789ABCDEF";
	struct dg_str text = dg_lib_text(L, 1, "d.url", "text");
	struct dg_buf *b = dg_lib_buf(L, RESULT_MAX);

	dg_lib_charge(L, text.n * 8); /* a byte at a time */
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		char x[3] = { '%', digits[c >> 4], digits[c & 15] };
		bool is_plain = is_unreserved(text.p[i]);

		if (dg_buf_add(b, is_plain ? dg_str_sub(text, i, 1)
					   : dg_str_of(x, sizeof(x))) != DG_OK)
			return dg_lib_fail(L,
			    "the result would be more than 16 MiB");
	}
	return dg_lib_push(L, b);
}

void
dg_lib_url(lua_State *L)
{
	lua_pushcfunction(L, l_url);
}

static int
l_sha256(lua_State *L)
{
	struct dg_str text = dg_lib_text(L, 1, "d.sha256", "text");
	struct dg_buf *b = dg_lib_buf(L, 64);
	uint8_t digest[32];

	dg_sha256(&text, 1, digest);
	(void)dg_hex_add(b, dg_str_of(digest, sizeof(digest)));
	return dg_lib_push(L, b);
}

void
dg_lib_sha256(lua_State *L)
{
	lua_pushcfunction(L, l_sha256);
}
