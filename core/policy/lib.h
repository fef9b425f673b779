#ifndef DRAGOMAN_CORE_POLICY_LIB_H
#define DRAGOMAN_CORE_POLICY_LIB_H

/*
 * lib.h - the libraries behind policy.allow: the gate, and what the files of
 * the libraries share.  Private to the policy floor.
 *
 * A library is one function that pushes what d.NAME is; its row in libs.def
 * does the rest.  Bindings check arguments, call C, push results, and own
 * nothing while they call Lua.  A wrong type raises with the policy's line; a
 * failure that data can cause is a value: nil and why.
 */
#include "dragoman/base/buf.h"
#include "vm.h"
#include "wait.h"

struct dg_load;

#define LIB(name, open, members, help) void open(lua_State *L);
#include "libs.def"
#undef LIB

/* ---- the gate ---- */
/* Put the libraries that the policy may use into the table on top (d). */
void dg_libs_open(lua_State *L);
/* Is there a library of that name, and what is wrong with using it here? */
bool dg_lib_problem(const struct dg_policy *p, const char *name, char out[160]);
/* d.json.<member>, said in the policy's text. */
bool dg_lib_member_problem(struct dg_load *ld, const char *name,
    const char *member, char out[160]);
/* policy.allow: each name is a library. */
void dg_allow_check(struct dg_load *ld);

/* ---- arguments; fn is "d.find" in messages ---- */
struct dg_str dg_lib_text(lua_State *L, int i, const char *fn,
    const char *what);
lua_Integer dg_lib_integer(lua_State *L, int i, const char *fn,
    const char *what);
/* A table with these keys only (NULL-ended), nil or nothing; false: nothing. */
bool dg_lib_options(lua_State *L, int i, const char *fn,
    const char *const *keys);
/* A name that the policy chose: 1 to 60 of letters, digits, - _ . and blanks
 * within. */
const char *dg_lib_name(lua_State *L, int i, const char *fn);
/* Raise while the policy files run: then nothing may depend on time or on what
 * was kept. */
void dg_lib_in_hook(lua_State *L, const char *fn);
/* Count work on n bytes inside C as instructions, so that a loop around it
 * ends like any other; dg_lib_text and dg_lib_push do it for theirs. */
void dg_lib_charge(lua_State *L, size_t n);

/* ---- results ---- */
int dg_lib_fail(lua_State *L, const char *why); /* nil, why */
/* Push an empty buffer that the collector frees, also after a longjmp. */
struct dg_buf *dg_lib_buf(lua_State *L, size_t cap);
/* Push its bytes and free them now: one result. */
int dg_lib_push(lua_State *L, struct dg_buf *b);
/* The table of functions on top becomes a metatable through which they are
 * found, and others raise: "d.json has no decod; did you mean ...".  members:
 * their names, separated by blanks. */
void dg_lib_close(lua_State *L, const char *title, const char *members);

#endif
