#ifndef DRAGOMAN_CORE_POLICY_LAB_OPEN_H
#define DRAGOMAN_CORE_POLICY_LAB_OPEN_H

#include <lua.h>

/* lab_open.h - private to the policy floor: push the table of C functions that
 * the chunks of "dragoman.test" and "dragoman.explain" get as their second
 * argument. */
void dg_lab_open(lua_State *L);
/* Push what a case can do with the relay: client, send, event ... */
struct dg_lab_ops;
void dg_lab_push(lua_State *L, const struct dg_lab_ops *ops);

#endif
