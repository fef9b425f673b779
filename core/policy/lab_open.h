#ifndef DRAGOMAN_CORE_POLICY_LAB_OPEN_H
#define DRAGOMAN_CORE_POLICY_LAB_OPEN_H

#include <lua.h>

/* lab_open.h - private to the policy floor: push the table of C functions that
 * the chunk of "dragoman.test" gets as its second argument. */
void dg_lab_open(lua_State *L);

#endif
