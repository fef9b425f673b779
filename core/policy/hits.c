/*
 * hits.c - how often each place of the policy decided something, and when
 * last; and which places there are.
 *
 * One table a state, so nothing is locked: the control thread adds up what the
 * workers say.
 */
#include "call.h"

#include <stdlib.h>

#include "dragoman/base/clock.h"
#include "load.h"

enum { FIRST_ROOM = 64 /* a power of two */ };

struct hit {
	struct dg_where where; /* file NULL: free */
	unsigned long n;
	int64_t last_ms;
};

struct dg_hits {
	struct hit *v;
	size_t n, room;
};

struct dg_hits *
dg_hits_new(void)
{
	struct dg_hits *h = dg_alloc0(sizeof(*h));

	h->room = FIRST_ROOM;
	h->v = dg_alloc0(h->room * sizeof(*h->v));
	return h;
}

void
dg_hits_free(struct dg_hits *h)
{
	if (h == NULL)
		return;
	free(h->v);
	free(h);
}

/* Names of files are kept once by the policy: the pointer tells them apart. */
static struct hit *
hit_at(const struct dg_hits *h, struct dg_where w)
{
	size_t i = ((size_t)w.line * 2654435761u + (uintptr_t)w.file / 16) &
	    (h->room - 1);

	while (h->v[i].where.file != NULL &&
	    (h->v[i].where.file != w.file || h->v[i].where.line != w.line))
		i = (i + 1) & (h->room - 1);
	return &h->v[i];
}

static void
grow(struct dg_hits *h)
{
	struct dg_hits old = *h;

	h->room *= 2;
	h->v = dg_alloc0(h->room * sizeof(*h->v));
	for (size_t i = 0; i < old.room; i++)
		if (old.v[i].where.file != NULL)
			*hit_at(h, old.v[i].where) = old.v[i];
	free(old.v);
}

void
dg_policy_hit(struct dg_policy_state *s, struct dg_where w)
{
	struct hit *x;

	if (w.file == NULL)
		return;
	x = hit_at(s->hits, w);
	if (x->where.file == NULL) {
		if (s->hits->n * 2 >= s->hits->room) {
			grow(s->hits);
			x = hit_at(s->hits, w);
		}
		x->where = w;
		s->hits->n++;
	}
	x->n++;
	x->last_ms = dg_now_ms();
}

void
dg_policy_hits(const struct dg_policy_state *s, dg_policy_hit_fn *fn, void *ctx)
{
	for (size_t i = 0; i < s->hits->room; i++) {
		const struct hit *x = &s->hits->v[i];

		if (x->where.file != NULL)
			fn(ctx, x->where, x->n, x->last_ms);
	}
}

/* ---- places ---- */

void
dg_policy_places(const struct dg_policy *p, dg_policy_place_fn *fn, void *ctx)
{
	const struct dg_rules *r = &p->rules;

	for (size_t i = 0; i < r->n_peers; i++)
		fn(ctx, "peer", r->peers[i]->name, r->peers[i]->where);
	for (size_t i = 0; i < r->n_hops; i++)
		fn(ctx, "hop", r->hops[i]->name, r->hops[i]->where);
	for (size_t i = 0; i < r->n_routes; i++)
		if (r->routes[i].kind != DG_ROUTE_ASK)
			fn(ctx, "route", "", r->routes[i].where);
	for (size_t i = 0; i < r->n_words; i++)
		for (size_t k = 0; k < r->words[i].n_rows; k++)
			if (r->words[i].rows[k].hook == 0)
				fn(ctx, "words", "",
				    r->words[i].rows[k].where);
	for (int i = 0; i < p->n_hooks; i++)
		fn(ctx, "hook", "", p->hook_places[i]);
}
