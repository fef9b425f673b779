/*
 * schedule.c - two heaps a lane, a hold, a limit; nothing else.
 *
 * Why lanes and not one queue: a dead hop with a hundred thousand messages
 * must slow no other, so each lane has its own order and its own number of
 * claims that may be out.  A held lane lets out what expires, and one probe
 * when its time has come.
 */
#include "schedule.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	BY_DUE,
	BY_EXPIRY
};

/* ---- heaps that know where each entry is ---- */

static int64_t
key(const struct dg_entry *e, int which)
{
	if (which == BY_DUE)
		return e->due_ms;
	return e->expire_ms > 0 ? e->expire_ms : INT64_MAX;
}

/* Of two with the same time the one that came first. */
static bool
is_before(const struct dg_entry *a, const struct dg_entry *b, int which)
{
	int64_t ka = key(a, which), kb = key(b, which);

	return ka < kb || (ka == kb && a->msg->id < b->msg->id);
}

static void
put(struct dg_heap *h, int which, size_t at, struct dg_entry *e)
{
	h->v[at] = e;
	e->at[which] = (uint32_t)at;
}

static void
rise(struct dg_heap *h, int which, size_t at)
{
	struct dg_entry *e = h->v[at];

	while (at > 0 && is_before(e, h->v[(at - 1) / 2], which)) {
		put(h, which, at, h->v[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	put(h, which, at, e);
}

static void
sink(struct dg_heap *h, int which, size_t at)
{
	struct dg_entry *e = h->v[at];

	for (;;) {
		size_t k = at * 2 + 1;

		if (k + 1 < h->n && is_before(h->v[k + 1], h->v[k], which))
			k++;
		if (k >= h->n || !is_before(h->v[k], e, which))
			break;
		put(h, which, at, h->v[k]);
		at = k;
	}
	put(h, which, at, e);
}

static void
heap_add(struct dg_heap *h, int which, struct dg_entry *e)
{
	if (h->n == h->room) {
		h->room = h->room > 0 ? h->room * 2 : 16;
		h->v = dg_realloc(h->v, h->room * sizeof(*h->v));
	}
	h->v[h->n] = e;
	rise(h, which, h->n++);
}

static void
heap_drop(struct dg_heap *h, int which, struct dg_entry *e)
{
	size_t at = e->at[which];
	struct dg_entry *last = h->v[--h->n];

	assert(h->v[at] == e);
	if (last == e)
		return;
	put(h, which, at, last);
	rise(h, which, at);
	sink(h, which, last->at[which]);
}

static void
enter(struct dg_entry *e)
{
	heap_add(&e->lane->heaps[BY_DUE], BY_DUE, e);
	heap_add(&e->lane->heaps[BY_EXPIRY], BY_EXPIRY, e);
}

static void
leave(struct dg_entry *e)
{
	heap_drop(&e->lane->heaps[BY_DUE], BY_DUE, e);
	heap_drop(&e->lane->heaps[BY_EXPIRY], BY_EXPIRY, e);
}

/* ---- the schedule ---- */

void
dg_schedule_init(struct dg_schedule *s, unsigned in_flight_max)
{
	memset(s, 0, sizeof(*s));
	TAILQ_INIT(&s->lanes);
	s->in_flight_max = in_flight_max;
}

/* Entries that are claimed are not in a heap: their claims must be back. */
void
dg_schedule_fini(struct dg_schedule *s)
{
	struct dg_sched_lane *l;

	while ((l = TAILQ_FIRST(&s->lanes)) != NULL) {
		TAILQ_REMOVE(&s->lanes, l, next);
		for (size_t i = 0; i < l->heaps[BY_DUE].n; i++) {
			struct dg_entry *e = l->heaps[BY_DUE].v[i];
			struct dg_sched_msg *m = e->msg;

			SLIST_REMOVE(&m->entries, e, dg_entry, of_msg);
			free(e);
			if (SLIST_EMPTY(&m->entries))
				free(m);
		}
		free(l->heaps[BY_DUE].v);
		free(l->heaps[BY_EXPIRY].v);
		free(l->name);
		free(l->reason);
		free(l);
	}
}

struct dg_sched_lane *
dg_schedule_lane(struct dg_schedule *s, struct dg_str name)
{
	uint32_t hash = dg_str_hash(name);
	struct dg_sched_lane *l;

	SLIST_FOREACH(l, &s->buckets[hash % LANE_BUCKETS], alike)
	if (l->hash == hash && dg_str_is(name, l->name))
		return l;
	l = dg_alloc0(sizeof(*l));
	l->name = dg_str_dup(name);
	l->hash = hash;
	SLIST_INSERT_HEAD(&s->buckets[hash % LANE_BUCKETS], l, alike);
	TAILQ_INSERT_TAIL(&s->lanes, l, next);
	return l;
}

struct dg_sched_msg *
dg_schedule_msg(struct dg_schedule *s, uint64_t id)
{
	struct dg_sched_msg *m = dg_alloc0(sizeof(*m));

	m->id = id;
	SLIST_INIT(&m->entries);
	s->messages++;
	return m;
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a == 0 ? b : b == 0 ? a : a < b ? a : b;
}

void
dg_schedule_add(struct dg_schedule *s, struct dg_sched_msg *m,
    struct dg_str lane, unsigned n, int64_t due_ms, int64_t expire_ms)
{
	struct dg_sched_lane *l = dg_schedule_lane(s, lane);
	struct dg_entry *e;

	SLIST_FOREACH(e, &m->entries, of_msg)
	if (e->lane == l)
		break;
	if (e == NULL) {
		e = dg_alloc0(sizeof(*e));
		e->msg = m;
		e->lane = l;
		e->due_ms = due_ms;
		e->expire_ms = expire_ms;
		e->n = n;
		SLIST_INSERT_HEAD(&m->entries, e, of_msg);
		s->entries++;
		enter(e);
		return;
	}
	e->n += n;
	if (e->is_claimed)
		return; /* dg_schedule_back will say when */
	leave(e);
	e->due_ms = due_ms < e->due_ms ? due_ms : e->due_ms;
	e->expire_ms = earlier(e->expire_ms, expire_ms);
	enter(e);
}

static struct dg_entry *
candidate(struct dg_sched_lane *l, int64_t now_ms, bool *is_probe)
{
	struct dg_entry *e;

	*is_probe = false;
	if (l->heaps[BY_DUE].n == 0)
		return NULL;
	e = l->heaps[BY_EXPIRY].v[0];
	if (key(e, BY_EXPIRY) <= now_ms)
		return e;
	e = l->heaps[BY_DUE].v[0];
	if (e->due_ms > now_ms)
		return NULL;
	if (l->held_until_ms == 0)
		return e;
	*is_probe = true;
	return l->held_until_ms <= now_ms && !l->has_probe ? e : NULL;
}

/* The lane that got one goes to the end of the row: none waits for another's
 * hundred. */
struct dg_entry *
dg_schedule_take(struct dg_schedule *s, int64_t now_ms)
{
	struct dg_sched_lane *l;

	TAILQ_FOREACH(l, &s->lanes, next)
	{
		struct dg_entry *e;
		bool is_probe;

		if (l->in_flight >= s->in_flight_max)
			continue;
		e = candidate(l, now_ms, &is_probe);
		if (e == NULL)
			continue;
		leave(e);
		e->is_claimed = true;
		e->is_probe = is_probe;
		l->has_probe |= is_probe;
		l->in_flight++;
		TAILQ_REMOVE(&s->lanes, l, next);
		TAILQ_INSERT_TAIL(&s->lanes, l, next);
		return e;
	}
	return NULL;
}

int64_t
dg_schedule_next(const struct dg_schedule *s, int64_t now_ms)
{
	const struct dg_sched_lane *l;
	int64_t best = INT64_MAX;

	TAILQ_FOREACH(l, &s->lanes, next)
	{
		int64_t due, expiry;

		if (l->heaps[BY_DUE].n == 0 || l->in_flight >= s->in_flight_max)
			continue;
		due = l->heaps[BY_DUE].v[0]->due_ms;
		expiry = key(l->heaps[BY_EXPIRY].v[0], BY_EXPIRY);
		if (l->held_until_ms != 0)
			due = l->has_probe             ? INT64_MAX
			      : l->held_until_ms > due ? l->held_until_ms
						       : due;
		due = expiry < due ? expiry : due;
		best = due < best ? due : best;
	}
	return best > now_ms || best == INT64_MAX ? best : now_ms;
}

static void
end_hold(struct dg_sched_lane *l)
{
	l->held_until_ms = 0;
	l->meaning[0] = '\0';
	free(l->reason);
	l->reason = NULL;
}

void
dg_schedule_back(struct dg_schedule *s, struct dg_entry *e, unsigned n,
    int64_t due_ms, int64_t expire_ms, bool ends_hold)
{
	struct dg_sched_lane *l = e->lane;

	l->in_flight--;
	if (e->is_probe) {
		l->has_probe = false;
		if (ends_hold)
			end_hold(l);
	}
	e->is_claimed = e->is_probe = e->is_urged = false;
	if (n == 0) {
		SLIST_REMOVE(&e->msg->entries, e, dg_entry, of_msg);
		s->entries--;
		free(e);
		return;
	}
	e->n = n;
	e->due_ms = due_ms;
	e->expire_ms = expire_ms;
	enter(e);
}

void
dg_schedule_set(struct dg_schedule *s, struct dg_entry *e, unsigned n,
    int64_t due_ms, int64_t expire_ms)
{
	assert(!e->is_claimed);
	leave(e);
	if (n == 0) {
		SLIST_REMOVE(&e->msg->entries, e, dg_entry, of_msg);
		s->entries--;
		free(e);
		return;
	}
	e->is_urged = false;
	e->n = n;
	e->due_ms = due_ms;
	e->expire_ms = expire_ms;
	enter(e);
}

bool
dg_schedule_gone(struct dg_schedule *s, struct dg_sched_msg *m)
{
	if (!SLIST_EMPTY(&m->entries))
		return false;
	s->messages--;
	free(m);
	return true;
}

void
dg_schedule_hold(struct dg_schedule *s, struct dg_str lane, int64_t until_ms,
    struct dg_str meaning, struct dg_str reason)
{
	struct dg_sched_lane *l = dg_schedule_lane(s, lane);

	end_hold(l);
	l->held_until_ms = until_ms;
	snprintf(l->meaning, sizeof(l->meaning), "%.*s", DG_FMT(meaning));
	l->reason = dg_str_dup(reason);
}

static void
make_due(struct dg_sched_lane *l, int64_t now_ms, int64_t never_ms)
{
	struct dg_heap *h = &l->heaps[BY_DUE];

	for (size_t i = 0; i < h->n; i++)
		if (h->v[i]->due_ms > now_ms && h->v[i]->due_ms < never_ms) {
			h->v[i]->due_ms = now_ms;
			h->v[i]->is_urged = true;
		}
	for (size_t i = h->n; i-- > 0;)
		sink(h, BY_DUE, i);
}

void
dg_schedule_release(struct dg_schedule *s, struct dg_str lane, bool retry_all,
    int64_t now_ms, int64_t never_ms)
{
	struct dg_sched_lane *l;

	TAILQ_FOREACH(l, &s->lanes, next)
	{
		if (lane.n > 0 && !dg_str_is(lane, l->name))
			continue;
		if (l->held_until_ms > now_ms)
			l->held_until_ms = now_ms;
		if (retry_all)
			make_due(l, now_ms, never_ms);
	}
}
