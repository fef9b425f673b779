#ifndef DRAGOMAN_CORE_POLICY_WAIT_H
#define DRAGOMAN_CORE_POLICY_WAIT_H

/*
 * wait.h - how a library of d waits: ask, yield, go on with the answer.
 * Private to the policy floor.
 *
 *	static int
 *	l_dns_mx(lua_State *L)
 *	{
 *		struct dg_wait *w = dg_wait_open(L, "d.dns.mx");
 *
 *		ask(..., on_answer, dg_wait_host(L), dg_wait_ticket(w));
 *		return dg_wait_yield(L, mx_k);
 *	}
 *	on_answer(ctx, ticket, answer): w = dg_wait_find(ctx, ticket);
 *		if (w != NULL) dg_wait_done(w, answer);
 *	mx_k(L, ...): push what dg_wait_result(L) says; return how many
 *
 * A ticket, not a pointer: the hook's session may end, or the hook run out of
 * waiting time, while the question is out.  Values are pushed in the
 * continuation, which runs protected; never in the callback.
 */
#include "vm.h"

#include "dragoman/policy/host.h"

struct dg_wait;

/* Raises where the question may not wait, where Lua cannot yield (inside
 * table.sort, gsub), and while a policy loads. */
struct dg_wait *dg_wait_open(lua_State *L, const char *what);
uint64_t dg_wait_ticket(const struct dg_wait *w);
/* Before _yield, where what was asked can be taken back: fn is called when
 * nobody waits for it any more.  Its answer need not come then. */
typedef void dg_wait_given_up_fn(struct dg_policy_host *h, uint64_t number);
void dg_wait_on_given_up(struct dg_wait *w, dg_wait_given_up_fn *fn,
    uint64_t number);
int dg_wait_yield(lua_State *L, lua_KFunction k);
/* NULL: the asker is gone. */
struct dg_wait *dg_wait_find(const struct dg_policy_host *h, uint64_t ticket);
/* Goes on with the hook; result is borrowed until this returns. */
void dg_wait_done(struct dg_wait *w, const void *result);
const void *dg_wait_result(lua_State *L);

/* The state's host; raises when there is none (a policy loads). */
struct dg_policy_host *dg_wait_host(lua_State *L);
/* The same, or NULL. */
struct dg_policy_host *dg_policy_host_of(lua_State *L);

#endif
