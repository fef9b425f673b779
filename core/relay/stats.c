/*
 * stats.c - `dragoman policy stats`: what each place of the policy decided,
 * how often, when last, and what never did.
 *
 * The workers count, each in its own state (policy/hits.c); here their counts
 * of the current generation are added up and laid beside the places that the
 * policy has.
 */
#include "relay_state.h"

#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/clock.h"
#include "dragoman/base/units.h"

struct row {
	struct dg_where where;
	const char *kind, *name;
	unsigned long hits;
	int64_t last_ms;
};

struct table {
	struct dg_generation *generation; /* the newest: pinned */
	struct row *v;
	size_t n, room;
};

static struct row *
row_at(struct table *t, struct dg_where w)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].where.line == w.line &&
		    strcmp(t->v[i].where.file, w.file) == 0)
			return &t->v[i];
	if (t->n == t->room) {
		t->room = t->room * 2 + 64;
		t->v = dg_realloc(t->v, t->room * sizeof(*t->v));
	}
	t->v[t->n] = (struct row){ .where = w, .kind = "decision", .name = "" };
	return &t->v[t->n++];
}

static void
add_place(void *ctx, const char *kind, const char *name, struct dg_where w)
{
	struct row *r;

	if (w.file == NULL)
		return;
	r = row_at(ctx, w);
	r->kind = kind;
	r->name = name;
}

static void
add_hits(void *ctx, struct dg_where w, unsigned long hits, int64_t last_ms)
{
	struct row *r = row_at(ctx, w);

	r->hits += hits;
	if (last_ms > r->last_ms)
		r->last_ms = last_ms;
}

static void
find_newest(struct dg_worker *w, void *ctx)
{
	struct table *t = ctx;

	if (t->generation != NULL &&
	    dg_generation_number(w->generation) <=
		dg_generation_number(t->generation))
		return;
	dg_generation_unpin(t->generation);
	t->generation = dg_generation_pin(w->generation);
}

static void
count(struct dg_worker *w, void *ctx)
{
	struct table *t = ctx;

	dg_policy_hits(dg_generation_state(t->generation, w->index), add_hits,
	    t);
}

static int
by_place(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int c = strcmp(x->where.file, y->where.file);

	return c != 0 ? c : x->where.line - y->where.line;
}

static void
write_row(const struct row *r, struct dg_buf *out)
{
	char age[24] = "never", place[300], what[100];

	if (r->hits > 0) {
		dg_duration_write(
		    (dg_now_ms() - r->last_ms) / 1000 * 1000, age);
		snprintf(age + strlen(age), sizeof(age) - strlen(age),
		    " ago");
	}
	snprintf(what, sizeof(what), "%s%s%s", r->kind,
	    r->name[0] != '\0' ? " " : "", r->name);
	(void)dg_buf_addf(out, "%10lu  %-14s %-24s %s\n", r->hits, age, what,
	    dg_where_text(r->where, place, sizeof(place)));
}

void
dg_relay_policy_stats(struct dg_relay *r, struct dg_buf *out)
{
	struct table t = { .n = 0 };
	char age[24];

	dg_relay_each_worker(r, find_newest, &t);
	dg_policy_places(dg_generation_policy(t.generation), add_place, &t);
	dg_relay_each_worker(r, count, &t);
	qsort(t.v, t.n, sizeof(*t.v), by_place);
	dg_duration_write((dg_now_ms() -
		dg_generation_loaded_ms(t.generation)) / 1000 * 1000, age);
	(void)dg_buf_addf(out,
	    "generation %u, loaded %s ago; a reload counts anew\n"
	    "%10s  %-14s %-24s %s\n",
	    dg_generation_number(t.generation), age, "hits", "last used",
	    "what", "where");
	for (size_t i = 0; i < t.n; i++)
		write_row(&t.v[i], out);
	dg_generation_unpin(t.generation);
	free(t.v);
}
