/* source.c - the files of a policy: found, read once, run, required.
 *
 * What was read is kept: later states run the same text, and a name that was
 * not found stays not found.  Nothing below a folder leads out of it. */
#include "load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cover.h"
#include "dragoman/policy/embedded.h"
#include "lab_open.h"

enum {
	FILE_MAX_BYTES = 4 * 1024 * 1024,
	NAME_MAX_BYTES = 55
};

static const char loaded_key = 'l', under_way = 'u';

/* ---- reading ---- */

static const char *
keep(struct dg_policy *p, struct dg_str s)
{
	return dg_arena_str(&p->arena, s).p;
}

/* NULL and *why (static or errno's), or the text. */
static const char *
read_file(struct dg_policy *p, const char *path, size_t *n, const char **why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = NULL;
	struct stat st;
	size_t used = 0;

	*why = NULL;
	if (fd < 0 || fstat(fd, &st) != 0) {
		*why = strerror(errno);
		goto out;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX_BYTES) {
		*why = S_ISREG(st.st_mode) ? "larger than 4 MiB"
					   : "no regular file";
		goto out;
	}
	text = dg_arena_alloc(&p->arena, (size_t)st.st_size + 1);
	while (used < (size_t)st.st_size) {
		ssize_t got = read(fd, text + used, (size_t)st.st_size - used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			*why = strerror(errno);
			text = NULL;
			goto out;
		}
		if (got == 0)
			break;
		used += (size_t)got;
	}
	*n = used;
out:
	if (fd >= 0)
		close(fd);
	return text;
}

static struct dg_lines
lines_of(struct dg_policy *p, const char *text, size_t n)
{
	size_t count = 1, k = 1, *at;

	for (size_t i = 0; i < n; i++)
		count += text[i] == '\n';
	at = dg_arena_alloc(&p->arena, (count + 1) * sizeof(*at));
	for (size_t i = 0; i < n; i++)
		if (text[i] == '\n')
			at[k++] = i + 1;
	return (struct dg_lines){ at, count };
}

/* Lua cuts long chunk names; ours are cut before, so that both agree. */
static const char *
short_name(struct dg_policy *p, const char *name)
{
	size_t n = strlen(name);
	char cut[NAME_MAX_BYTES + 1];

	if (n <= NAME_MAX_BYTES)
		return keep(p, dg_str(name));
	snprintf(cut, sizeof(cut), "...%s", name + n - (NAME_MAX_BYTES - 3));
	return keep(p, dg_str(cut));
}

static struct dg_source *
add(struct dg_policy *p, const char *key)
{
	struct dg_source *s = dg_arena_alloc(&p->arena, sizeof(*s));

	s->key = keep(p, dg_str(key));
	*p->next_source = s;
	p->next_source = &s->next;
	return s;
}

static struct dg_source *
find(struct dg_policy *p, const char *key)
{
	struct dg_source *s = p->sources;

	while (s != NULL && strcmp(s->key, key) != 0)
		s = s->next;
	return s;
}

const struct dg_source *
dg_source_named(const struct dg_policy *p, const char *name)
{
	const struct dg_source *s = p->sources;

	while (s != NULL && (s->name == NULL || strcmp(s->name, name) != 0))
		s = s->next;
	return s;
}

/* A name of its own for every file, for places in messages. */
static const char *
own_name(struct dg_policy *p, const char *name, const char *path)
{
	return short_name(p, dg_source_named(p, name) == NULL ? name : path);
}

static void
fill(struct dg_load *ld, struct dg_source *s, const char *name,
    const char *path, const char *text, size_t n)
{
	const char *slash = strrchr(path, '/');

	if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3; /* a byte order mark, from some editors */
		n -= 3;
	}
	s->name = own_name(ld->p, name, path);
	s->folder = keep(ld->p,
	    dg_str_of(path, slash != NULL ? (size_t)(slash - path) : 0));
	s->text = text;
	s->n = n;
	s->lines = lines_of(ld->p, text, n);
	s->cover = dg_cover_file(ld->p->o.cover, path, dg_str_of(text, n));
	dg_scan(ld, s);
}

const struct dg_source *
dg_source_file(struct dg_load *ld, const char *path)
{
	const char *slash = strrchr(path, '/'), *why, *text;
	struct dg_source *s = find(ld->p, path);
	size_t n = 0;

	if (s != NULL)
		return s->name != NULL ? s : NULL;
	s = add(ld->p, path);
	text = read_file(ld->p, path, &n, &why);
	if (text == NULL) {
		dg_load_say_at(ld, path, 0, 0, false, "cannot be read: %s",
		    why);
		return NULL;
	}
	fill(ld, s, slash != NULL ? slash + 1 : path, path, text, n);
	return s;
}

/* One that may not be there: path is tried, key remembers. */
static bool
try_file(struct dg_load *ld, struct dg_source *s, const char *name,
    const char *path)
{
	const char *why, *text;
	size_t n = 0;

	if (access(path, F_OK) != 0)
		return false;
	text = read_file(ld->p, path, &n, &why);
	if (text == NULL) {
		dg_load_say_at(ld, path, 0, 0, false, "cannot be read: %s",
		    why);
		return false;
	}
	fill(ld, s, name, path, text, n);
	return true;
}

/* Letters, digits, "-", "_", inner dots; parts separated by `sep`. */
static bool
is_safe(const char *z, char sep)
{
	char last = sep;

	for (; *z != '\0'; last = *z++) {
		bool is_plain = (dg_lower(*z) >= 'a' && dg_lower(*z) <= 'z') ||
				(*z >= '0' && *z <= '9') || *z == '_' ||
				*z == '-';

		if (is_plain)
			continue;
		if ((*z != '.' && *z != sep) || last == sep || last == '.')
			return false;
	}
	return last != sep && last != '.';
}

static bool
try_ready(struct dg_load *ld, struct dg_source *s, const char *key)
{
	const char *const *dirs = ld->p->o.ready_dirs;
	bool found = false;

	for (size_t i = 0; !found && dirs[i] != NULL; i++) {
		char *path = dg_sprintf("%s/%s.lua", dirs[i], key);
		char *name = dg_sprintf("%s.lua", key);

		found = try_file(ld, s, name, path);
		free(name);
		free(path);
	}
	return found;
}

const struct dg_source *
dg_source_ready(struct dg_load *ld, const char *key)
{
	struct dg_source *s = find(ld->p, key);

	if (s == NULL) {
		s = add(ld->p, key);
		if (is_safe(key, '/'))
			(void)try_ready(ld, s, key);
	}
	return s->name != NULL ? s : NULL;
}

const struct dg_source *
dg_source_module(struct dg_load *ld, const char *name)
{
	const char *first = ld->p->o.files[0];
	char *key, *path, *shown;
	struct dg_source *s;

	if (!is_safe(name, '.') || strlen(name) > 200)
		return NULL;
	key = dg_sprintf("require %s", name);
	s = find(ld->p, key);
	if (s == NULL) {
		char *part = dg_strdup(name);

		s = add(ld->p, key);
		for (char *c = part; *c != '\0'; c++)
			if (*c == '.')
				*c = '/';
		path = dg_sprintf("%.*s%s.lua",
		    first != NULL && strrchr(first, '/') != NULL
			? (int)(strrchr(first, '/') + 1 - first)
			: 0,
		    first != NULL ? first : "", part);
		shown = dg_sprintf("%s.lua", part);
		if (!try_file(ld, s, shown, path))
			(void)try_ready(ld, s, part);
		free(shown);
		free(path);
		free(part);
	}
	free(key);
	return s->name != NULL ? s : NULL;
}

/* ---- names, for did-you-mean ---- */

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *const *
dg_ready_names(struct dg_load *ld, const char *folder,
    const struct dg_list *declared)
{
	enum {
		MOST = 200
	};
	const char **v = dg_load_alloc(ld, (MOST + 1) * sizeof(*v));
	const char *const *dirs = ld->p->o.ready_dirs;
	size_t n = 0;

	for (const struct dg_decl *d = declared != NULL ? declared->first
							: NULL;
	     d != NULL && n < MOST; d = d->next)
		v[n++] = d->name;
	for (size_t i = 0; dirs[i] != NULL; i++) {
		char *path = dg_sprintf("%s/%s", dirs[i], folder);
		DIR *dir = opendir(path);
		struct dirent *e;

		free(path);
		while (dir != NULL && n < MOST && (e = readdir(dir)) != NULL) {
			struct dg_str s = dg_str(e->d_name);

			if (dg_str_has_suffix(s, DG_STR(".lua")) &&
			    !dg_str_has_suffix(s, DG_STR("_test.lua")))
				v[n++] =
				    dg_load_str(ld, dg_str_sub(s, 0, s.n - 4));
		}
		if (dir != NULL)
			closedir(dir);
	}
	qsort(v, n, sizeof(*v), by_text);
	return v;
}

const char *
dg_ready_dirs_text(struct dg_load *ld)
{
	const char *const *dirs = ld->p->o.ready_dirs;
	struct dg_buf text;
	const char *z;

	dg_buf_init(&text, 4096);
	for (size_t i = 0; dirs[i] != NULL; i++)
		(void)dg_buf_addf(&text, "%s%s", i > 0 ? ", " : "", dirs[i]);
	z = text.n > 0 ? dg_load_str(ld, dg_buf_str(&text)) : "no directory";
	dg_buf_fini(&text);
	return z;
}

/* ---- running ---- */

void
dg_source_run(lua_State *L, const struct dg_source *s)
{
	char chunk[NAME_MAX_BYTES + 8];

	lua_rawgetp(L, LUA_REGISTRYINDEX, &loaded_key);
	if (lua_getfield(L, -1, s->key) != LUA_TNIL) {
		if (lua_touserdata(L, -1) == (void *)(uintptr_t)&under_way)
			dg_vm_raise(L, NULL, NULL, "%s requires itself",
			    s->name);
		lua_remove(L, -2);
		return;
	}
	lua_pop(L, 1);
	lua_pushlightuserdata(L, (void *)(uintptr_t)&under_way);
	lua_setfield(L, -2, s->key);
	snprintf(chunk, sizeof(chunk), "@%s", s->name);
	if (s->n > 0 && s->text[0] == LUA_SIGNATURE[0])
		luaL_error(L, "%s:1: this is bytecode; a policy is text",
		    s->name);
	if (luaL_loadbufferx(L, s->text, s->n, chunk, "t") != LUA_OK)
		lua_error(L);
	lua_call(L, 0, 1);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_pushboolean(L, 1);
	}
	lua_pushvalue(L, -1);
	lua_setfield(L, -3, s->key);
	lua_remove(L, -2);
}

static int
run_source(lua_State *L)
{
	dg_source_run(L, lua_touserdata(L, 1));
	return 0;
}

bool
dg_source_try(struct dg_load *ld, const struct dg_source *s)
{
	lua_State *L = ld->vm->L;

	lua_pushcfunction(L, run_source);
	lua_pushlightuserdata(L, (void *)(uintptr_t)s);
	return dg_load_run(ld, L, 1);
}

/* ---- require ---- */

/* lua/dragoman/x.lua, in the program */
static bool
run_embedded(lua_State *L, const char *name)
{
	const struct dg_embedded *e = dg_embedded;
	char chunk[64];

	while (e->name != NULL && strcmp(e->name, name) != 0)
		e++;
	if (e->name == NULL)
		return false;
	lua_rawgetp(L, LUA_REGISTRYINDEX, &loaded_key);
	if (lua_getfield(L, -1, name) != LUA_TNIL)
		return true;
	lua_pop(L, 1);
	snprintf(chunk, sizeof(chunk), "=%s", name);
	if (luaL_loadbufferx(L, (const char *)e->text, e->n, chunk, "t") !=
	    LUA_OK)
		lua_error(L);
	lua_pushstring(L, name);
	dg_lab_open(L);
	lua_call(L, 2, 1);
	lua_pushvalue(L, -1);
	lua_setfield(L, -3, name);
	return true;
}

static int
l_require(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	struct dg_vm *vm = dg_vm_of(L);
	const struct dg_source *s;

	if (strcmp(name, "dragoman") == 0) {
		dg_declare_push(L);
		return 1;
	}
	if (strncmp(name, "dragoman.", 9) == 0 && vm->policy->o.is_lab &&
	    run_embedded(L, name))
		return 1;
	if (strcmp(name, "dragoman.test") == 0) {
		if (!vm->policy->o.is_lab)
			return dg_vm_raise(L, NULL, NULL,
			    "require \"dragoman.test\" is for *_test.lua files"
			    " (dragoman policy test)");
		return dg_vm_raise(L, NULL, NULL,
		    "this program holds no \"dragoman.test\"");
	}
	if (vm->load == NULL)
		return dg_vm_raise(L, NULL, NULL,
		    "require is for the policy file's top level, not for a "
		    "hook");
	s = dg_source_module(vm->load, name);
	if (s == NULL)
		return dg_vm_raise(L, NULL, NULL,
		    "nothing to require by the name \"%s\": \"site.routes\" is "
		    "site/routes.lua below the policy file's folder",
		    name);
	dg_source_run(L, s);
	return 1;
}

void
dg_require_open(lua_State *L)
{
	lua_newtable(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &loaded_key);
	lua_pushcfunction(L, l_require);
	lua_setglobal(L, "require");
}
