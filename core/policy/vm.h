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
#include <sys/queue.h>

#include "dragoman/base/err.h"
#include "dragoman/policy/policy.h"

struct dg_load;

/* What a run may still take, of one function or of one hook call. */
struct dg_budget {
	unsigned long left;  /* instructions */
	unsigned long given; /* of them, for the message */
	int64_t run_ms;      /* of running; 0 in `given_ms`: no bound */
	int64_t given_ms;
	int64_t until_ms;    /* monotonic: of the run under way */
	bool is_spent;       /* then the hook fires at every instruction */
	struct dg_where spent_at; /* where a coroutine was stopped for good */
};

struct dg_vm {
	lua_State *L;
	size_t memory, memory_max;
	struct dg_budget *budget; /* of what runs now */
	lua_State *running;   /* whose stack tells where memory ran out */
	struct dg_call *call; /* the hook call that runs now, or NULL */
	/* Coverage: told each line that runs, of which file of the policy, and
	 * the line of the function that it belongs to (0: the file's own). */
	void (*on_line)(struct dg_vm *vm, const char *file, int line,
	    int defined);
	struct dg_where short_of_memory; /* line 0: it did not */
	int count_every; /* instructions between two looks at the budget */
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
/* Begin or go on with coroutine co, whose function and nargs arguments are on
 * it, inside budget b.  LUA_OK, LUA_YIELD, or an error: then e->text is as
 * above, and co must be reset.  Its body calls a policy's function through
 * lua_pcallk: an error that the count hook raises and nobody takes leaves a
 * coroutine in which no hook is ever called again. */
int dg_vm_resume(struct dg_vm *vm, lua_State *co, int nargs,
    struct dg_budget *b, struct dg_err *e);
/* For that lua_pcallk: a message handler that makes whatever was raised a text
 * with its place; and e->text of dg_vm_run from its status and what is on top.
 */
int dg_vm_on_error(lua_State *L);
void dg_vm_why(struct dg_vm *vm, lua_State *L, int status, struct dg_err *e);
/* Close what a coroutine has open that waits, or was stopped, within budget b;
 * false: then it is of no more use. */
bool dg_vm_reset(struct dg_vm *vm, lua_State *co, struct dg_budget *b);
/* Raises when the time is over: for C functions, which no hook watches. */
void dg_vm_tick(lua_State *L);
/* Count what C does as so many instructions; raises when they were the last. */
void dg_vm_charge(lua_State *L, unsigned long instructions);
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
struct dg_hits;
struct dg_policy_host;

/* A hook that fails again and again is left alone for a while. */
struct dg_breaker {
	unsigned failures; /* all together */
	unsigned in_a_row;
	unsigned opened;   /* since it last worked: how long it rests */
	int64_t open_until_ms; /* monotonic; 0: closed */
};

struct dg_policy_state {
	struct dg_vm vm;
	struct dg_policy *policy;
	struct dg_policy_host *host; /* NULL: nothing can wait */
	unsigned long failures;      /* hooks that failed, all together */
	struct dg_breaker *breakers; /* by hook number, n_hooks + 1 */
	int n_hooks;
	LIST_HEAD(, dg_call) idle;    /* coroutines for the next calls */
	LIST_HEAD(, dg_call) waiting; /* calls that wait */
	unsigned n_idle;
	struct dg_hits *hits;
};

/* "550 5.7.1 text" as policies write it: the enhanced code may be missing, the
 * text may not.  first: the digit it must begin with ('5', '4', 0: both).
 * *text points into s.  NULL, or what is wrong with it. */
const char *dg_reply_text_read(struct dg_str s, char first, int *code,
    char enhanced[12], struct dg_str *text);

/* How long a hook of that question may wait by default; 0: it may not. */
int64_t dg_question_wait_ms(enum dg_question q);
/* NULL-ended names, for did-you-mean. */
const char *const *dg_question_names(void);
const char *const *dg_placeholder_names(void);

#endif
