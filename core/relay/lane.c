/*
 * lane.c - the deliveries to one destination on this worker: who waits, which
 * connections are open, and what was learnt about each host.
 *
 * A lane lives on one worker (hash of its name), so nothing here is locked.
 * What verb and mechanism worked is remembered an hour per host:port and
 * forgotten with the generation that learnt it.
 */
#include "relay_state.h"

#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/clock.h"

enum { REMEMBER_MS = 60 * 60 * 1000 };

struct dg_lane *
dg_lane_get(struct dg_worker *w, struct dg_str name)
{
	struct dg_lane *l;

	LIST_FOREACH (l, &w->lanes, next)
		if (dg_str_is(name, l->name))
			return l;
	l = dg_alloc0(sizeof(*l));
	l->worker = w;
	l->name = dg_str_dup(name);
	TAILQ_INIT(&l->waiting);
	LIST_INSERT_HEAD(&w->lanes, l, next);
	return l;
}

void
dg_lane_add(struct dg_lane *l, struct dg_attempt *own_a)
{
	own_a->lane = l;
	TAILQ_INSERT_TAIL(&l->waiting, own_a, next);
	dg_lane_run(l);
}

static unsigned
most_sessions(const struct dg_attempt *a)
{
	uint64_t n = a->hop->connections;

	if (a->claim->is_probe)
		return 1;
	if (n == 0)
		n = dg_generation_config(a->generation)
			->limits.lane_connections;
	return (unsigned)n;
}

void
dg_lane_run(struct dg_lane *l)
{
	struct dg_attempt *a;

	while ((a = TAILQ_FIRST(&l->waiting)) != NULL) {
		if (dg_hop_session_reuse(l, a))
			continue; /* it took a off the queue */
		if (l->n_sessions >= most_sessions(a))
			return;
		if (l->n_sessions > 0 && dg_mono_ms() < l->full_until_ms)
			return;
		TAILQ_REMOVE(&l->waiting, a, next);
		dg_hop_session_open(l, a);
	}
}

void
dg_lane_fail_waiting(struct dg_lane *l, const struct dg_generation *g,
    const struct dg_result *r)
{
	struct dg_attempt *a, *following;

	for (a = TAILQ_FIRST(&l->waiting); a != NULL; a = following) {
		following = TAILQ_NEXT(a, next);
		if (a->generation != g)
			continue;
		TAILQ_REMOVE(&l->waiting, a, next);
		dg_attempt_result_all(a, r);
	}
}

void
dg_lane_give_back(struct dg_lane *l)
{
	struct dg_attempt *a;

	while ((a = TAILQ_FIRST(&l->waiting)) != NULL) {
		TAILQ_REMOVE(&l->waiting, a, next);
		dg_attempt_give_back(a);
	}
}

/* ---- what worked ---- */

struct dg_choice *
dg_lane_choice(struct dg_lane *l, const char *host, unsigned generation)
{
	struct dg_choice *c, *following;
	int64_t now = dg_now_ms();

	for (c = LIST_FIRST(&l->choices); c != NULL; c = following) {
		following = LIST_NEXT(c, next);
		if (c->until_ms <= now || c->generation != generation) {
			LIST_REMOVE(c, next);
			free(c);
		} else if (strcmp(c->host, host) == 0) {
			return c;
		}
	}
	return NULL;
}

void
dg_lane_remember(struct dg_lane *l, const char *host, const char *verb,
    enum dg_mech mech, unsigned generation)
{
	struct dg_choice *c = dg_lane_choice(l, host, generation);

	if (c == NULL) {
		c = dg_alloc0(sizeof(*c));
		snprintf(c->host, sizeof(c->host), "%s", host);
		LIST_INSERT_HEAD(&l->choices, c, next);
	}
	snprintf(c->verb, sizeof(c->verb), "%s", verb);
	c->mech = mech;
	c->generation = generation;
	c->until_ms = dg_now_ms() + REMEMBER_MS;
}

void
dg_lanes_status(struct dg_worker *w, struct dg_buf *out)
{
	const struct dg_choice *c;
	const struct dg_lane *l;

	LIST_FOREACH (l, &w->lanes, next) {
		LIST_FOREACH (c, &l->choices, next)
			(void)dg_buf_addf(out,
			    "speaks hop=%s host=%s verb=%s mechanism=%s "
			    "for_s=%lld generation=%u\n",
			    l->name, c->host, c->verb, dg_mech_name(c->mech),
			    (long long)(c->until_ms - dg_now_ms()) / 1000,
			    c->generation);
	}
}

void
dg_lanes_free(struct dg_worker *w)
{
	struct dg_choice *c;
	struct dg_lane *l;

	while ((l = LIST_FIRST(&w->lanes)) != NULL) {
		LIST_REMOVE(l, next);
		while ((c = LIST_FIRST(&l->choices)) != NULL) {
			LIST_REMOVE(c, next);
			free(c);
		}
		free(l->name);
		free(l);
	}
}
