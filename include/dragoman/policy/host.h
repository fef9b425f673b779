#ifndef DRAGOMAN_POLICY_HOST_H
#define DRAGOMAN_POLICY_HOST_H

#include "dragoman/base/slots.h"
#include "dragoman/net/loop.h"

/*
 * host.h - what a worker gives to the policy states that live on it: its loop,
 * what waiting libraries ask with, what all workers share.  It outlives every
 * state it was given to; one thread's only.
 *
 * A state without a host (a test's, `check`) answers questions too; a hook in
 * it cannot wait.
 */
struct dg_http;
struct dg_resolver;
struct dg_shared;

struct dg_policy_host {
	struct dg_loop *loop;
	struct dg_resolver *resolver; /* d.dns */
	struct dg_http *http;         /* d.http */
	struct dg_slots *waits;   /* hook calls that wait, by ticket */
	struct dg_shared *shared; /* d.kv, d.rate: of the whole process */
	void (*alert)(void *ctx, const char *name, const char *text);
	void *ctx;
};

#endif
