/* schema_path.c - where in a declaration a reader stands, and what it says is
 * wrong there. */
#include "schema.h"

#include <stdio.h>

void
dg_step_key(struct dg_reader *r, const char *key)
{
	if (r->at.depth < DG_PATH_MAX)
		r->at.path[r->at.depth] = (struct dg_step){ key, 0 };
	r->at.depth++;
}

void
dg_step_item(struct dg_reader *r, int index)
{
	if (r->at.depth < DG_PATH_MAX)
		r->at.path[r->at.depth] = (struct dg_step){ NULL, index };
	r->at.depth++;
}

void
dg_step_listed(struct dg_reader *r, size_t i)
{
	if (lua_type(r->L, -1) == LUA_TTABLE)
		dg_step_item(r, (int)i + 1);
}

void
dg_step_unlisted(struct dg_reader *r)
{
	if (lua_type(r->L, -1) == LUA_TTABLE)
		dg_step_out(r);
}

void
dg_step_out(struct dg_reader *r)
{
	r->at.depth--;
}

static bool
is_word(const char *z)
{
	if (*z >= '0' && *z <= '9')
		return false;
	for (; *z != '\0'; z++)
		if (*z != '_' && !(*z >= '0' && *z <= '9') &&
		    !(dg_lower(*z) >= 'a' && dg_lower(*z) <= 'z'))
			return false;
	return true;
}

const char *
dg_path_text(struct dg_load *ld, const struct dg_place *at)
{
	char text[300] = "";
	size_t n = 0;

	for (size_t i = 0; i < at->depth && i < DG_PATH_MAX; i++) {
		const struct dg_step *s = &at->path[i];
		const char *key = s->key;
		int k;

		if (key == NULL)
			k = snprintf(text + n, sizeof(text) - n, "[%d]",
			    s->index);
		else if (is_word(key))
			k = snprintf(text + n, sizeof(text) - n, "%s%.60s",
			    i > 0 ? "." : "", key);
		else
			k = snprintf(text + n, sizeof(text) - n, "[\"%.60s\"]",
			    key);
		n += (size_t)k;
		if (n >= sizeof(text))
			break;
	}
	return dg_load_str(ld, dg_str(text));
}

static void
say(struct dg_reader *r, bool is_warning, const char *fmt, va_list ap)
{
	const char *path = dg_path_text(r->ld, &r->at);
	char text[500];

	vsnprintf(text, sizeof(text), fmt, ap);
	dg_load_say(r->ld, &r->at, is_warning, "%s%s%s", path,
	    path[0] != '\0' ? ": " : "", text);
}

void
dg_read_bad(struct dg_reader *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(r, false, fmt, ap);
	va_end(ap);
}

void
dg_read_warn(struct dg_reader *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(r, true, fmt, ap);
	va_end(ap);
}

const char *
dg_type_word(lua_State *L, int index)
{
	static const char *const words[LUA_NUMTYPES] = { "nil", "a boolean",
		"a C value", "a number", "a string", "a table", "a function",
		"a d.* value", "a thread" };

	return words[lua_type(L, index)];
}

void
dg_read_type(struct dg_reader *r, const char *takes)
{
	const char *path = dg_path_text(r->ld, &r->at);

	if (dg_hole_is(r->L, -1))
		return;
	dg_load_say(r->ld, &r->at, false, "%s%stakes %s, not %s", path,
	    path[0] != '\0' ? " " : "", takes, dg_type_word(r->L, -1));
}
