/* vm.c - one Lua state: capped memory, counted instructions, no way out.
 *
 * Why so many fences: a policy is the administrator's own text, but it works
 * on what strangers send, and a mistake in it must cost one answer, not the
 * relay.  The allocator caps memory; a count hook caps instructions and, once
 * the budget is spent, stops the coroutine for good: it yields and is never
 * resumed, which no pcall can take.  Where Lua cannot yield (a sort's
 * comparison) it raises, at every instruction, until it is out of there.
 * Libraries that reach outside or depend on anything but the policy's text are
 * not there at all.
 *
 * No hook is called inside a C function or while one instruction copies
 * megabytes.  So the clock is also looked at where memory is taken in large
 * pieces, by the library functions that may take long (bounded.c), and more
 * often once there is anything large to work on.
 */
#include "vm.h"

#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/clock.h"
#include "cover.h"
#include "load.h"

enum {
	COUNT_EVERY = 1000,
	COUNT_EVERY_LARGE = 100, /* when an instruction may take long */
	LARGE = 64 * 1024,
};

static const char hooks_key = 'h', sets_key = 's';

/* ---- instructions and time ---- */

static void on_count(lua_State *L, lua_Debug *ar);

static void
set_hook(struct dg_vm *vm, lua_State *L, int every)
{
	lua_sethook(L, on_count,
	    LUA_MASKCOUNT | (vm->on_line != NULL ? LUA_MASKLINE : 0), every);
}

static bool
is_late(const struct dg_budget *b)
{
	return b->given_ms > 0 && dg_mono_ms() >= b->until_ms;
}

/* From now on each instruction raises. */
static void
spend(struct dg_vm *vm, lua_State *L)
{
	if (vm->budget->is_spent)
		return;
	vm->budget->is_spent = true;
	set_hook(vm, L, 1);
}

/* ---- memory ---- */

/* May this large piece, or one that is refused, be the last?  It was wanted by
 * something that may want it again, in C, where nobody else looks. */
static bool
is_over(struct dg_vm *vm, size_t n)
{
	if (vm->running == NULL || vm->budget == NULL)
		return false;
	if (n >= 4 * LARGE && vm->count_every > COUNT_EVERY_LARGE) {
		vm->count_every = COUNT_EVERY_LARGE;
		if (!vm->budget->is_spent)
			set_hook(vm, vm->running, vm->count_every);
	}
	if (!vm->budget->is_spent && !is_late(vm->budget))
		return false;
	spend(vm, vm->running);
	return true;
}

/* Lua only says "not enough memory", and calls no handler: the place is taken
 * down here.  Reading the stack allocates nothing. */
static void
note_place(struct dg_vm *vm)
{
	if (vm->running != NULL)
		vm->short_of_memory = dg_vm_where(vm->running, 0);
}

static void *
take_memory(void *ctx, void *p, size_t old, size_t n)
{
	struct dg_vm *vm = ctx;
	void *q;

	if (p == NULL)
		old = 0; /* Lua passes a type there */
	if (n == 0) {
		vm->memory -= old;
		free(p);
		return NULL;
	}
	if (n > old && n - old > vm->memory_max - vm->memory) {
		note_place(vm);
		(void)is_over(vm, n);
		return NULL;
	}
	if (n > old && n >= LARGE && is_over(vm, n)) {
		note_place(vm);
		return NULL;
	}
	q = realloc(p, n);
	if (q == NULL)
		return NULL;
	vm->memory = vm->memory - old + n;
	return q;
}

/* ---- what is counted ---- */

static void
on_line(lua_State *L, lua_Debug *ar)
{
	struct dg_vm *vm = dg_vm_of(L);

	lua_getinfo(L, "Sl", ar);
	if (ar->source[0] == '@')
		vm->on_line(vm, ar->source + 1, ar->currentline,
		    ar->linedefined);
}

static void
spent(const struct dg_budget *b, struct dg_where w, struct dg_err *e)
{
	const char *file = w.file != NULL ? w.file : "?";

	if (is_late(b))
		(void)dg_fail(e, DG_E_POLICY, 0, NULL,
		    "%s:%d: ran longer than %lld ms: an endless loop?", file,
		    w.line, (long long)b->given_ms);
	else
		(void)dg_fail(e, DG_E_POLICY, 0, NULL,
		    "%s:%d: ran more than %lu instructions: an endless loop?",
		    file, w.line, b->given);
}

static void
raise_spent(lua_State *L, const struct dg_budget *b)
{
	struct dg_err e = { 0 };

	spent(b, dg_vm_where(L, 0), &e);
	lua_pushstring(L, e.text);
	lua_error(L);
}

static void
on_count(lua_State *L, lua_Debug *ar)
{
	struct dg_vm *vm = dg_vm_of(L);
	struct dg_budget *b = vm->budget;
	unsigned long ran = (unsigned long)lua_gethookcount(L);

	if (ar->event == LUA_HOOKLINE) {
		on_line(L, ar);
		return;
	}
	if (!b->is_spent && b->left > ran && !is_late(b)) {
		b->left -= ran;
		return;
	}
	spend(vm, L);
	if (!lua_isyieldable(L))
		raise_spent(L, b);
	b->spent_at = dg_vm_where(L, 0);
	lua_yield(L, 0); /* and nobody goes on with it */
}

void
dg_vm_tick(lua_State *L)
{
	struct dg_vm *vm = dg_vm_of(L);

	if (vm->budget == NULL || !is_late(vm->budget))
		return;
	spend(vm, L);
	raise_spent(L, vm->budget);
}

void
dg_vm_charge(lua_State *L, unsigned long instructions)
{
	struct dg_vm *vm = dg_vm_of(L);
	struct dg_budget *b = vm->budget;

	if (b == NULL)
		return;
	b->left -= instructions < b->left ? instructions : b->left;
	if (b->left > 0 && !is_late(b))
		return;
	spend(vm, L);
	raise_spent(L, b);
}

/* ---- places ---- */

static const char *
name_of(const struct dg_vm *vm, const char *source)
{
	const struct dg_source *s;

	if (source[0] != '@')
		return NULL;
	for (s = vm->policy->sources; s != NULL; s = s->next)
		if (s->name != NULL && strcmp(s->name, source + 1) == 0)
			return s->name;
	return NULL;
}

struct dg_where
dg_vm_where(lua_State *L, int level)
{
	const struct dg_vm *vm = dg_vm_of(L);
	struct dg_where w = { NULL, 0 };
	lua_Debug ar;

	for (; lua_getstack(L, level, &ar) != 0; level++) {
		lua_getinfo(L, "Sl", &ar);
		if (ar.currentline <= 0)
			continue;
		w.file = name_of(vm, ar.source);
		w.line = ar.currentline;
		return w;
	}
	return w;
}

struct dg_where
dg_vm_place(const struct dg_vm *vm, const char *message, const char **text)
{
	const struct dg_source *s;

	*text = message;
	for (s = vm->policy->sources; s != NULL; s = s->next) {
		size_t n = s->name != NULL ? strlen(s->name) : 0;
		unsigned long line;
		char *end;

		if (n == 0 || strncmp(message, s->name, n) != 0 ||
		    message[n] != ':' || message[n + 1] < '1' ||
		    message[n + 1] > '9')
			continue;
		line = strtoul(message + n + 1, &end, 10);
		if (end[0] != ':' || line > 100000000)
			continue;
		*text = end + 1 + (end[1] == ' ');
		return (struct dg_where){ s->name, (int)line };
	}
	return (struct dg_where){ NULL, 0 };
}

int
dg_vm_raise(lua_State *L, const char *word, const char *const *list,
    const char *fmt, ...)
{
	struct dg_where w = dg_vm_where(L, 1);
	const char *near =
	    list != NULL ? dg_did_you_mean(dg_str(word), list) : NULL;
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (w.line > 0)
		lua_pushfstring(L, "%s:%d: ", w.file != NULL ? w.file : "?",
		    w.line);
	else
		lua_pushliteral(L, "");
	lua_pushstring(L, text);
	if (near != NULL)
		lua_pushfstring(L, "; did you mean \"%s\"?", near);
	else
		lua_pushliteral(L, "");
	lua_concat(L, 3);
	return lua_error(L);
}

/* ---- running ---- */

/* Whatever was raised becomes text with a place in front: the value is on top
 * of L, and the stack of `raised`, from `level` on, tells where. */
static int
describe(lua_State *L, lua_State *raised, int level)
{
	const char *text = lua_tostring(L, -1), *behind;
	struct dg_where w;

	if (text == NULL) {
		if (luaL_callmeta(L, -1, "__tostring") &&
		    lua_type(L, -1) == LUA_TSTRING)
			text = lua_tostring(L, -1);
		else
			text = lua_pushfstring(L, "error was called with a %s",
			    luaL_typename(L, -1));
	}
	if (dg_vm_place(dg_vm_of(L), text, &behind).line > 0) {
		lua_pushstring(L, text);
		return 1;
	}
	w = dg_vm_where(raised, level);
	if (w.file != NULL)
		lua_pushfstring(L, "%s:%d: %s", w.file, w.line, text);
	else
		lua_pushstring(L, text);
	return 1;
}

int
dg_vm_on_error(lua_State *L)
{
	lua_settop(L, 1);
	return describe(L, L, 1);
}

static enum dg_rc
out_of_memory(struct dg_vm *vm, struct dg_err *e)
{
	const struct dg_where *w = &vm->short_of_memory;

	if (vm->budget != NULL && vm->budget->is_spent && is_late(vm->budget))
		return dg_fail(e, DG_E_POLICY, 0, NULL,
		    "%s:%d: ran longer than %lld ms",
		    w->file != NULL ? w->file : "policy", w->line,
		    (long long)vm->budget->given_ms);
	return dg_fail(e, DG_E_POLICY, 0, NULL,
	    "%s:%d: needs more than the %zu KiB of memory a state may have",
	    w->file != NULL ? w->file : "policy", w->line,
	    vm->memory_max / 1024);
}

void
dg_vm_why(struct dg_vm *vm, lua_State *L, int status, struct dg_err *e)
{
	if (status == LUA_ERRMEM)
		(void)out_of_memory(vm, e);
	else
		(void)dg_fail(e, DG_E_POLICY, 0, NULL, "%s",
		    lua_type(L, -1) == LUA_TSTRING
			? lua_tostring(L, -1)
			: "error in error handling");
}

enum dg_rc
dg_vm_run(struct dg_vm *vm, lua_State *L, int nargs, unsigned long budget,
    struct dg_err *e)
{
	struct dg_budget b = { .left = budget, .given = budget };
	struct dg_budget *outer_budget = vm->budget;
	lua_State *outer = vm->running;
	int base = lua_gettop(L) - nargs; /* where the function is */
	enum dg_rc rc = DG_OK;
	int status;

	lua_pushcfunction(L, dg_vm_on_error);
	lua_insert(L, base);
	vm->running = L;
	vm->budget = &b;
	vm->short_of_memory = (struct dg_where){ NULL, 0 };
	set_hook(vm, L, vm->count_every);
	status = lua_pcall(L, nargs, 0, base);
	lua_sethook(L, NULL, 0, 0);
	if (status != LUA_OK) {
		dg_vm_why(vm, L, status, e);
		rc = DG_E_POLICY;
	}
	vm->running = outer;
	vm->budget = outer_budget;
	lua_settop(L, base - 1);
	return rc;
}

/* ---- coroutines ---- */

struct raised {
	lua_State *co; /* what was raised is on top of it */
	struct dg_err *e;
};

static int
run_describe(lua_State *L)
{
	const struct raised *r = lua_touserdata(L, 1);

	luaL_checkstack(L, 4, NULL);
	lua_xmove(r->co, L, 1);
	(void)describe(L, r->co, 0);
	(void)dg_fail(r->e, DG_E_POLICY, 0, NULL, "%s", lua_tostring(L, -1));
	return 0;
}

static void
resume_failed(struct dg_vm *vm, lua_State *co, int status, struct dg_err *e)
{
	enum { DESCRIBE_BUDGET = 100000 };
	struct raised r = { co, e };
	struct dg_err second = { 0 };

	if (status == LUA_ERRMEM) {
		(void)out_of_memory(vm, e);
		return;
	}
	lua_pushcfunction(vm->L, run_describe);
	lua_pushlightuserdata(vm->L, &r);
	if (dg_vm_run(vm, vm->L, 1, DESCRIBE_BUDGET, &second) != DG_OK)
		*e = second;
}

int
dg_vm_resume(struct dg_vm *vm, lua_State *co, int nargs, struct dg_budget *b,
    struct dg_err *e)
{
	struct dg_budget *outer_budget = vm->budget;
	lua_State *outer = vm->running;
	int64_t began = dg_mono_ms();
	int status, n;

	vm->running = co;
	vm->budget = b;
	vm->short_of_memory = (struct dg_where){ NULL, 0 };
	b->until_ms = began + b->run_ms;
	set_hook(vm, co, b->is_spent ? 1 : vm->count_every);
	status = lua_resume(co, vm->L, nargs, &n);
	b->run_ms -= dg_mono_ms() - began;
	if (status == LUA_YIELD && b->is_spent) {
		if (b->spent_at.line == 0) /* it was about to wait */
			b->spent_at = dg_vm_where(co, 0);
		spent(b, b->spent_at, e);
		status = LUA_ERRRUN;
	} else if (status != LUA_OK && status != LUA_YIELD) {
		resume_failed(vm, co, status, e);
	}
	vm->running = outer;
	vm->budget = outer_budget;
	return status;
}

bool
dg_vm_reset(struct dg_vm *vm, lua_State *co, struct dg_budget *b)
{
	struct dg_budget *outer_budget = vm->budget;
	lua_State *outer = vm->running;
	int status;

	vm->running = co;
	vm->budget = b;
	b->until_ms = dg_mono_ms() + b->run_ms;
	set_hook(vm, co, vm->count_every);
	status = lua_resetthread(co);
	lua_settop(co, 0);
	vm->running = outer;
	vm->budget = outer_budget;
	return status == LUA_OK;
}

/* ---- hooks and sets: numbered, in the registry ---- */

static void
push_numbered(lua_State *L, const char *key, int n)
{
	lua_rawgetp(L, LUA_REGISTRYINDEX, key);
	lua_rawgeti(L, -1, n);
	lua_replace(L, -2);
}

void
dg_vm_push_hook(lua_State *L, int n)
{
	push_numbered(L, &hooks_key, n);
}

void
dg_vm_push_set(lua_State *L, int n)
{
	push_numbered(L, &sets_key, n);
}

static int
add_numbered(lua_State *L, const char *key)
{
	int n;

	lua_rawgetp(L, LUA_REGISTRYINDEX, key);
	n = (int)lua_rawlen(L, -1) + 1;
	lua_pushvalue(L, -2);
	lua_rawseti(L, -2, n);
	lua_pop(L, 1);
	return n;
}

int
dg_vm_add_hook(lua_State *L)
{
	return add_numbered(L, &hooks_key);
}

int
dg_vm_add_set(lua_State *L)
{
	return add_numbered(L, &sets_key);
}

int
dg_vm_hooks(lua_State *L)
{
	int n;

	lua_rawgetp(L, LUA_REGISTRYINDEX, &hooks_key);
	n = (int)lua_rawlen(L, -1);
	lua_pop(L, 1);
	return n;
}

/* ---- what a policy sees ---- */

static int
l_no_global(lua_State *L)
{
	static const char *const absent[] = { "os", "io", "debug", "package",
		"coroutine", "load", "loadfile", "dofile", "loadstring",
		"collectgarbage", "print", "warn", NULL };
	const char *name = lua_tostring(L, 2);

	if (name != NULL && dg_is_one_of(name, absent))
		return dg_vm_raise(L, NULL, NULL, "policies have no %s", name);
	if (name != NULL && dg_vm_of(L)->load != NULL)
		return dg_no_name(L, name);
	return dg_vm_raise(L, NULL, NULL, "no such name: %s",
	    name != NULL ? name : "?");
}

static int
l_set_global(lua_State *L)
{
	const char *name = lua_tostring(L, 2);

	return dg_vm_raise(L, NULL, NULL,
	    "policies have no globals; write: local %s",
	    name != NULL ? name : "...");
}

static void
close_globals(lua_State *L)
{
	static const char *const gone[] = { "load", "loadfile", "dofile",
		"collectgarbage", "print", "warn", NULL };

	lua_pushglobaltable(L);
	for (size_t i = 0; gone[i] != NULL; i++) {
		lua_pushnil(L);
		lua_setfield(L, -2, gone[i]);
	}
	lua_createtable(L, 0, 3);
	lua_pushcfunction(L, l_no_global);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, l_set_global);
	lua_setfield(L, -2, "__newindex");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
	lua_pop(L, 1);
}

/* Randomness would make workers differ (and os.time is not there at all). */
static void
close_math(lua_State *L)
{
	lua_getglobal(L, "math");
	lua_pushnil(L);
	lua_setfield(L, -2, "random");
	lua_pushnil(L);
	lua_setfield(L, -2, "randomseed");
	lua_pop(L, 1);
}

static int
open_all(lua_State *L)
{
	static const luaL_Reg libs[] = {
		{ LUA_GNAME, luaopen_base },
		{ LUA_STRLIBNAME, luaopen_string },
		{ LUA_TABLIBNAME, luaopen_table },
		{ LUA_MATHLIBNAME, luaopen_math },
		{ LUA_UTF8LIBNAME, luaopen_utf8 },
	};

	for (size_t i = 0; i < sizeof(libs) / sizeof(libs[0]); i++) {
		luaL_requiref(L, libs[i].name, libs[i].func, 1);
		lua_pop(L, 1);
	}
	lua_newtable(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &hooks_key);
	lua_newtable(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &sets_key);
	dg_bounded_open(L);
	close_math(L);
	dg_declare_open(L);
	dg_require_open(L);
	close_globals(L);
	return 0;
}

enum dg_rc
dg_vm_open(struct dg_vm *vm, struct dg_policy *p, size_t memory_max,
    struct dg_err *e)
{
	*vm = (struct dg_vm){ .memory_max = memory_max,
		.count_every = COUNT_EVERY,
		.policy = p,
		.on_line = p->o.cover != NULL ? dg_cover_line : NULL };
	vm->L = lua_newstate(take_memory, vm);
	if (vm->L == NULL)
		return dg_fail(e, DG_E_POLICY, 0, NULL,
		    "%zu bytes are too few for a Lua state", memory_max);
	*(struct dg_vm **)lua_getextraspace(vm->L) = vm;
	lua_pushcfunction(vm->L, open_all);
	return dg_vm_run(vm, vm->L, 0, 1000000, e);
}

void
dg_vm_close(struct dg_vm *vm)
{
	if (vm->L != NULL)
		lua_close(vm->L);
	vm->L = NULL;
}
