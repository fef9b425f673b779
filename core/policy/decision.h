#ifndef DRAGOMAN_CORE_POLICY_DECISION_H
#define DRAGOMAN_CORE_POLICY_DECISION_H

/*
 * decision.h - the values that hooks return, and how they are asked for.
 * Private to the policy floor.
 */
#include "vm.h"

/* Add d.accept, d.refuse ... and d.log to the table on top of the stack. */
void dg_decisions_open(lua_State *L);

/* Is the value at that index a decision?  Read it into *out (strings go to its
 * arena); raises when the question does not take that kind.  Runs protected. */
void dg_decision_read(lua_State *L, int index, enum dg_question q,
    struct dg_decision *out);
bool dg_decision_is(lua_State *L, int index);

/* notes.c: q:note(k, v) and q.notes */
/* Push a table of what is noted. */
void dg_notes_push(lua_State *L, const struct dg_notes *n);
/* False when the 4 KiB are full. */
bool dg_notes_put(struct dg_notes *n, struct dg_str key, struct dg_str value);

/* ask.c: push q with these facts, and every other field of the question as ""
 * or 0; runs protected. */
void dg_q_push(lua_State *L, enum dg_question q, const struct dg_fact *facts);

#endif
