#ifndef DRAGOMAN_CORE_POLICY_VM_H
#define DRAGOMAN_CORE_POLICY_VM_H

/*
 * vm.h - one Lua state: capped memory, counted instructions, no way out.
 * Private to the policy floor.
 *
 * A Lua error is a longjmp, also when memory runs out in lua_pushstring: so
 * nothing that may raise is called outside dg_vm_run.  The pattern:
 *
 *	lua_pushcfunction(L, run_it);        no allocation, cannot raise
 *	lua_pushlightuserdata(L, &args);     neither
 *	rc = dg_vm_run(vm, L, 1, budget, &e);
 *
 * and run_it builds q, calls the hook, and reads the answer, owning nothing.
 */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "dragoman/base/err.h"
#include "dragoman/policy/policy.h"

struct dg_load;

struct dg_vm {
	lua_State *L;
	size_t memory, memory_max;
	unsigned long left;   /* instructions before this run is stopped */
	unsigned long budget; /* what it was given, for the message */
	bool is_spent;        /* then the hook fires at every instruction */
	lua_State *running;   /* whose stack tells where memory ran out */
	struct dg_where short_of_memory; /* line 0: it did not */
	struct dg_load *load; /* while the policy files run; NULL afterwards */
	struct dg_policy *policy;      /* outlives the vm */
	struct dg_policy_state *state; /* NULL while dg_policy_load runs */
};

/* The vm a thread of it belongs to: costs nothing. */
static inline struct dg_vm *
dg_vm_of(lua_State *L)
{
	return *(struct dg_vm **)lua_getextraspace(L);
}

/* Opens the libraries, `d` and `require`. */
enum dg_rc dg_vm_open(struct dg_vm *vm, struct dg_policy *p, size_t memory_max,
    struct dg_err *e);
void dg_vm_close(struct dg_vm *vm);

/* Call the function below its nargs arguments on L, for at most `budget`
 * instructions; no results.  On failure DG_E_POLICY and e->text as
 * "policy.lua:3: why"; the stack is as it was before the function was pushed,
 * either way. */
enum dg_rc dg_vm_run(struct dg_vm *vm, lua_State *L, int nargs,
    unsigned long budget, struct dg_err *e);
/* Where e->text of dg_vm_run points: file is owned by the policy, and *text is
 * what stands behind the place.  No place: file NULL and the whole text. */
struct dg_where dg_vm_place(const struct dg_vm *vm, const char *message,
    const char **text);

/* Push hook number n (1 ...), or the table given as `set` number n; nil when
 * there is none.  One slot of stack, no allocation. */
void dg_vm_push_hook(lua_State *L, int n);
void dg_vm_push_set(lua_State *L, int n);

/* The nearest Lua line of the calling stack, from `level` on (1 = who called
 * this C function); file is owned by the policy. */
struct dg_where dg_vm_where(lua_State *L, int level);

/* Raise "policy.lua:3: text; did you mean "x"?" (list may be NULL). */
int dg_vm_raise(lua_State *L, const char *word, const char *const *list,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* ---- one state for the asking half ---- */
struct dg_policy_state {
	struct dg_vm vm;
	struct dg_policy *policy;
	unsigned long instructions; /* a hook call */
	unsigned long failures;     /* hooks that failed, all together */
	unsigned *hook_failures;    /* by hook number, n_hooks + 1 */
	int n_hooks;
	struct dg_notes *notes; /* of the session asked about, during a call */
};

/* "550 5.7.1 text" as policies write it: the enhanced code may be missing, the
 * text may not.  first: the digit it must begin with ('5', '4', 0: both).
 * *text points into s.  NULL, or what is wrong with it. */
const char *dg_reply_text_read(struct dg_str s, char first, int *code,
    char enhanced[12], struct dg_str *text);

/* NULL-ended names, for did-you-mean. */
const char *const *dg_question_names(void);
const char *const *dg_placeholder_names(void);

#endif
