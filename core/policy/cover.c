/* cover.c - which lines of a policy could run, and which did.
 *
 * Lua tells the lines of a function it has; of one that no closure was ever
 * made of it tells nothing.  So the text is searched for the word `function`,
 * and each is compiled alone, at its own line, only to be asked.  The names it
 * finds nothing under do not matter to that: it is never called.
 *
 * A line that only closes something ("end", "}") is none that could run: Lua
 * puts a return there which nothing may ever reach.
 */
#include "cover.h"

#include <stdlib.h>

#include "load.h"

enum {
	FUNCTION_MAX = 8 * 1024 * 1024
};

struct dg_cover {
	struct dg_cover_file *files, **next;
};

struct dg_cover *
dg_cover_new(void)
{
	struct dg_cover *c = dg_alloc0(sizeof(*c));

	c->next = &c->files;
	return c;
}

void
dg_cover_free(struct dg_cover *c)
{
	if (c == NULL)
		return;
	while (c->files != NULL) {
		struct dg_cover_file *f = c->files;

		c->files = f->next;
		while (f->rows != NULL) {
			struct dg_row *r = f->rows;

			f->rows = r->next;
			free((char *)(uintptr_t)r->what);
			free(r);
		}
		free(f->lines);
		free(f->path);
		free(f);
	}
	free(c);
}

const struct dg_cover_file *
dg_cover_files(const struct dg_cover *c)
{
	return c->files;
}

/* ---- lines that could run ---- */

static bool
closes_only(const struct dg_token *t)
{
	static const char *const words[] = { "end", "else", "}", ")", "]", ",",
		";" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (dg_token_is(t, words[i]))
			return true;
	return false;
}

/* By line number: does anything stand there that is not only a closing? */
static bool *
lines_with_code(struct dg_str text, size_t *n)
{
	struct dg_lexer x;
	struct dg_token t;
	bool *has;

	*n = 2;
	for (size_t i = 0; i < text.n; i++)
		*n += text.p[i] == '\n';
	has = dg_alloc0(*n * sizeof(*has));
	dg_lexer_init(&x, text);
	while (dg_lexer_next(&x, &t))
		if (!closes_only(&t) && t.line < *n)
			has[t.line] = true;
	return has;
}

struct search {
	struct dg_cover_file *file;
	struct dg_str text;
	const bool *has_code;
	size_t n_lines;
	size_t room;
};

static void
add_line(struct search *s, int line, int defined)
{
	struct dg_cover_file *f = s->file;

	if (line < 1 || (size_t)line >= s->n_lines || !s->has_code[line])
		return;
	if (f->n_lines == s->room) {
		s->room = s->room * 2 + 32;
		f->lines = dg_realloc(f->lines, s->room * sizeof(*f->lines));
	}
	f->lines[f->n_lines++] =
	    (struct dg_cover_line){ line, defined, false };
}

/* The lines of the function on top of the stack, which is popped. */
static void
add_function(lua_State *L, struct search *s)
{
	lua_Debug ar;

	lua_pushvalue(L, -1);
	lua_getinfo(L, ">SL", &ar);
	for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1))
		add_line(s, (int)lua_tointeger(L, -2), ar.linedefined);
	lua_pop(L, 2);
}

/* x stands behind the word; to the "end" that belongs to it. */
static struct dg_str
body_of(struct dg_lexer x)
{
	const char *start = NULL;
	struct dg_token t;
	int depth = 1;

	while (depth > 0 && dg_lexer_next(&x, &t)) {
		if (start == NULL && !dg_token_is(&t, "("))
			continue; /* its name */
		if (start == NULL)
			start = t.text.p;
		if (t.kind == DG_TOKEN_NAME)
			depth += dg_token_opens(&t);
	}
	if (start == NULL || depth > 0)
		return DG_NOSTR;
	return dg_str_of(start, (size_t)(x.p - start));
}

static void
compile_alone(lua_State *L, struct search *s, unsigned line,
    struct dg_str body)
{
	struct dg_buf b;

	dg_buf_init(&b, FUNCTION_MAX);
	for (unsigned i = 1; i < line; i++)
		(void)dg_buf_addc(&b, '\n');
	(void)dg_buf_adds(&b, "return function");
	(void)dg_buf_add(&b, body);
	if (luaL_loadbufferx(L, b.p, b.n, "=", "t") == LUA_OK &&
	    lua_pcall(L, 0, 1, 0) == LUA_OK)
		add_function(L, s);
	else
		lua_pop(L, 1);
	dg_buf_fini(&b);
}

static int
search(lua_State *L)
{
	struct search *s = lua_touserdata(L, 1);
	struct dg_lexer x;
	struct dg_token t;

	if (luaL_loadbufferx(L, s->text.p, s->text.n, "=", "t") != LUA_OK)
		return 0; /* the load tells what is wrong */
	add_function(L, s);
	dg_lexer_init(&x, s->text);
	while (dg_lexer_next(&x, &t)) {
		struct dg_str body;

		if (!dg_token_is(&t, "function"))
			continue;
		body = body_of(x);
		if (body.n > 0)
			compile_alone(L, s, t.line, body);
	}
	return 0;
}

static int
by_line(const void *a, const void *b)
{
	const struct dg_cover_line *x = a, *y = b;

	if (x->line != y->line)
		return x->line - y->line;
	return x->defined - y->defined;
}

static void
find_lines(struct dg_cover_file *f, struct dg_str text)
{
	struct search s = { .file = f, .text = text };
	bool *has = lines_with_code(text, &s.n_lines);
	lua_State *L = luaL_newstate();

	s.has_code = has;
	if (L != NULL) {
		lua_pushcfunction(L, search);
		lua_pushlightuserdata(L, &s);
		(void)lua_pcall(L, 1, 0, 0);
		lua_close(L);
	}
	free(has);
	if (f->n_lines > 0)
		qsort(f->lines, f->n_lines, sizeof(*f->lines), by_line);
}

/* ---- filling ---- */

struct dg_cover_file *
dg_cover_file(struct dg_cover *c, const char *path, struct dg_str text)
{
	struct dg_cover_file *f;
	char *real;

	if (c == NULL || dg_str_has_suffix(dg_str(path), DG_STR("_test.lua")))
		return NULL;
	real = realpath(path, NULL);
	if (real == NULL)
		real = dg_strdup(path);
	for (f = c->files; f != NULL; f = f->next) {
		if (strcmp(f->path, real) == 0) {
			free(real);
			return f;
		}
	}
	f = dg_alloc0(sizeof(*f));
	f->path = real;
	find_lines(f, text);
	*c->next = f;
	c->next = &f->next;
	return f;
}

struct dg_row *
dg_cover_row(struct dg_cover_file *f, int line, const char *what)
{
	struct dg_row **at, *r;

	if (f == NULL)
		return NULL;
	for (at = &f->rows; *at != NULL && (*at)->line <= line;
	     at = &(*at)->next)
		if ((*at)->line == line && strcmp((*at)->what, what) == 0)
			return *at;
	r = dg_alloc0(sizeof(*r));
	r->next = *at;
	r->line = line;
	r->what = dg_strdup(what);
	*at = r;
	return r;
}

void
dg_cover_line(struct dg_vm *vm, const char *file, int line, int defined)
{
	const struct dg_source *s = dg_source_named(vm->policy, file);
	struct dg_cover_file *f = s != NULL ? s->cover : NULL;

	for (size_t i = 0; f != NULL && i < f->n_lines; i++)
		if (f->lines[i].line == line && f->lines[i].defined == defined)
			f->lines[i].has_run = true;
}
