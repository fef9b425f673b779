/*
 * tick.c - question tick: once a minute a policy may do what hangs on no
 * message, on one worker of the process.
 */
#include "relay_state.h"

#include <stdlib.h>

#include "dragoman/base/clock.h"

enum { EVERY_MS = 60 * 1000 };

struct dg_tick {
	struct dg_worker *worker;
	struct dg_timer *timer;
	struct dg_generation *generation; /* pinned while it is asked */
	struct dg_asking asking;
};

static void
end(struct dg_tick *t)
{
	if (t->generation == NULL)
		return;
	dg_asking_drop(&t->asking);
	dg_generation_unpin(t->generation);
	t->generation = NULL;
}

static void
on_told(void *ctx, struct dg_asking *a)
{
	(void)a;
	end(ctx);
}

static void
on_minute(void *ctx)
{
	struct dg_tick *t = ctx;
	struct dg_worker *w = t->worker;
	const struct dg_fact facts[] = {
		{ "now", true, dg_now_ms() / 1000, DG_NOSTR },
		{ NULL, false, 0, DG_NOSTR },
	};

	dg_timer_set(t->timer, EVERY_MS);
	if (t->generation != NULL || w->is_stopping)
		return; /* the last one still waits for something */
	if (!dg_policy_wants(dg_generation_rules(w->generation), DG_Q_TICK,
		NULL))
		return;
	t->generation = dg_generation_pin(w->generation);
	dg_asking_init(&t->asking, on_told, t);
	if (dg_policy_ask(dg_generation_state(t->generation, w->index),
		&t->asking, DG_Q_TICK, NULL, facts, NULL))
		end(t);
}

void
dg_tick_start(struct dg_worker *w)
{
	struct dg_tick *t = dg_alloc0(sizeof(*t));

	t->worker = w;
	t->timer = dg_timer_new(w->loop, on_minute, t);
	dg_timer_set(t->timer, EVERY_MS);
	w->tick = t;
}

void
dg_tick_stop(struct dg_worker *w)
{
	if (w->tick == NULL)
		return;
	end(w->tick);
	dg_timer_free(w->tick->timer);
	free(w->tick);
	w->tick = NULL;
}
