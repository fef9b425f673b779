/*
 * change.c - what an operator does to recipients: retry, hold, release, give
 * up, drop.
 *
 * Some thousand messages at once: found, changed in one durable transaction,
 * then the schedule is told.  What a worker has in its hands is left alone: it
 * will be settled as if nobody had asked.
 */
#include "spool_state.h"

#include <stdlib.h>

#include "dragoman/base/clock.h"

enum {
	CHUNK_MESSAGES = 4096
};

struct touched {
	struct dg_sched_lane *lane;
	uint64_t id;
	unsigned number;
	struct dg_rest rest; /* of the message in the lane, afterwards */
};

struct chunk {
	struct dg_spool *sp;
	const struct dg_pick *pick;
	enum dg_change change;
	bool is_dry, is_last;
	dg_spool_row *row;
	void *ctx;
	struct dg_changed *sums;
	uint64_t after, last_id;
	int64_t now;
	struct touched *v;
	size_t n, room;
	enum dg_rc rc;
	struct dg_err *e;
};

/* ---- finding ---- */

static bool
is_unfit(enum dg_change change, const struct dg_item_rcpt *r)
{
	bool is_held = r->due_ms >= DG_DUE_HELD;

	switch (change) {
	case DG_CHANGE_RETRY:
	case DG_CHANGE_HOLD:
		return is_held;
	case DG_CHANGE_RELEASE:
		return !is_held;
	default:
		return false;
	}
}

static void
on_found(void *ctx, const struct dg_item *it, const struct dg_item_rcpt *r)
{
	struct chunk *c = ctx;

	if (!dg_pick_fits(c->pick, it, r, c->now))
		return;
	if (dg_is_claimed(c->sp, it->id, r->number)) {
		c->sums->claimed++;
		return;
	}
	if (is_unfit(c->change, r)) {
		c->sums->unfit++;
		return;
	}
	if (c->row != NULL)
		c->row(c->ctx, it, r, false);
	c->sums->recipients++;
	c->sums->messages += it->id != c->last_id;
	c->last_id = it->id;
	if (c->is_dry)
		return;
	if (c->n == c->room) {
		c->room = c->room > 0 ? c->room * 2 : 64;
		c->v = dg_realloc(c->v, c->room * sizeof(*c->v));
	}
	c->v[c->n++] = (struct touched){
		.lane = dg_schedule_lane(&c->sp->schedule, r->lane),
		.id = it->id,
		.number = r->number,
	};
}

/* ---- changing ---- */

static int
compare(const void *a, const void *b)
{
	const struct touched *x = a, *y = b;

	if (x->lane != y->lane)
		return x->lane < y->lane ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

static enum dg_rc
write_all(struct chunk *c)
{
	struct dg_store *st = c->sp->store;

	dg_store_begin(st, true);
	dg_store_may_hold(st);
	for (size_t i = 0; i < c->n; i++)
		dg_store_change(st, c->v[i].id, c->v[i].number, c->change,
		    c->now);
	for (size_t i = 0; i < c->n; i++)
		dg_store_rest(st, c->v[i].id, dg_str(c->v[i].lane->name),
		    &c->v[i].rest);
	return dg_store_commit(st, c->e);
}

/* ---- telling the schedule ---- */

static void
reschedule(struct dg_spool *sp, struct dg_entry *e, const struct touched *t,
    int64_t now)
{
	struct dg_sched_msg *m = e->msg;

	dg_unkeep(sp, m); /* it is of before */
	dg_schedule_set(&sp->schedule, e, t->rest.n, t->rest.due_ms,
	    dg_next_expiry(&t->rest, now));
	if (!SLIST_EMPTY(&m->entries))
		return;
	if (m->has_file)
		dg_unlink_later(sp, m->id);
	(void)dg_schedule_gone(&sp->schedule, m);
}

static const struct touched *
find(const struct touched *v, size_t n, const struct dg_entry *e)
{
	const struct touched key = { .lane = e->lane, .id = e->msg->id };

	return bsearch(&key, v, n, sizeof(key), compare);
}

/* All of one lane; an entry that is claimed is in no heap, and learns it when
 * the claim comes back. */
static void
tell_lane(struct chunk *c, struct dg_sched_lane *l, const struct touched *v,
    size_t n)
{
	const struct dg_heap *h = &l->heaps[0];
	struct dg_entry **found = dg_alloc((n + 1) * sizeof(struct dg_entry *));
	size_t n_found = 0;

	for (size_t i = 0; i < h->n && n_found < n; i++)
		if (find(v, n, h->v[i]) != NULL)
			found[n_found++] = h->v[i];
	for (size_t i = 0; i < n_found; i++)
		reschedule(c->sp, found[i], find(v, n, found[i]), c->now);
	free((void *)found);
	if (c->change == DG_CHANGE_RETRY)
		dg_schedule_release(&c->sp->schedule, dg_str(l->name), false,
		    c->now, DG_DUE_HELD);
}

static void
tell_schedule(struct chunk *c)
{
	for (size_t i = 0, k; i < c->n; i = k) {
		for (k = i + 1; k < c->n && c->v[k].lane == c->v[i].lane; k++)
			;
		tell_lane(c, c->v[i].lane, c->v + i, k - i);
	}
}

static void
run_chunk(struct dg_spool *sp, void *arg)
{
	struct chunk *c = arg;

	c->now = dg_now_ms();
	c->n = 0;
	c->rc = dg_store_scan(sp->store, &c->after,
	    c->pick->id != 0 ? 1 : CHUNK_MESSAGES, on_found, c, c->e);
	c->is_last = c->rc != DG_OK || c->pick->id != 0;
	if (c->rc == DG_E_ABSENT)
		c->rc = DG_OK; /* that was all */
	if (c->rc != DG_OK || c->n == 0)
		return;
	qsort(c->v, c->n, sizeof(*c->v), compare);
	c->rc = write_all(c);
	if (c->rc == DG_OK)
		tell_schedule(c);
	else
		c->is_last = true;
}

enum dg_rc
dg_spool_change(struct dg_spool *sp, const struct dg_pick *pick,
    enum dg_change change, bool is_dry, dg_spool_row *row, void *ctx,
    struct dg_changed *out, struct dg_err *e)
{
	struct chunk c = { .sp = sp,
		.pick = pick,
		.change = change,
		.is_dry = is_dry,
		.row = row,
		.ctx = ctx,
		.sums = out,
		.after = pick->id != 0 ? pick->id - 1 : 0,
		.e = e };

	*out = (struct dg_changed){ 0 };
	if (sp->is_look && !is_dry)
		return dg_fail(e, DG_E_CONFIG, 0, NULL,
		    "the spool was opened to be looked at");
	do
		dg_spool_call(sp, run_chunk, &c);
	while (!c.is_last);
	free(c.v);
	return c.rc;
}
