/* shelf.c - a map of a bounded size whose entries end.
 *
 * What strangers send chooses the keys (addresses, recipients), so nothing
 * here may grow with them: entries and bytes have a cap each, and a new entry
 * takes the place of one that has ended, else of the one used longest ago.
 * Three orders over the same entries: buckets to find one, a list by last use,
 * and a heap by end, so that what has ended is known without looking around.
 */
#include "shelf.h"

#include <stdlib.h>

enum {
	FIRST_BUCKETS = 16
};

void
dg_shelf_init(struct dg_shelf *s, size_t max_n, size_t max_bytes)
{
	*s = (struct dg_shelf){ .max_n = max_n, .max_bytes = max_bytes };
	TAILQ_INIT(&s->order);
}

/* What an entry costs: itself and its share of buckets and heap. */
static size_t
cost(size_t key_n, size_t value_n)
{
	return sizeof(struct dg_shelf_entry) + 3 * sizeof(void *) + key_n +
	       value_n;
}

/* ---- the heap: by end, earliest first ---- */

static void
set_at(struct dg_shelf *s, size_t i, struct dg_shelf_entry *e)
{
	s->heap[i] = e;
	e->heap = (ptrdiff_t)i;
}

static void
move_up(struct dg_shelf *s, size_t i)
{
	struct dg_shelf_entry *e = s->heap[i];

	while (i > 0 && s->heap[(i - 1) / 2]->ends_ms > e->ends_ms) {
		set_at(s, i, s->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	set_at(s, i, e);
}

static void
move_down(struct dg_shelf *s, size_t i)
{
	struct dg_shelf_entry *e = s->heap[i];

	for (;;) {
		size_t kid = 2 * i + 1;

		if (kid + 1 < s->heap_n &&
		    s->heap[kid + 1]->ends_ms < s->heap[kid]->ends_ms)
			kid++;
		if (kid >= s->heap_n || s->heap[kid]->ends_ms >= e->ends_ms)
			break;
		set_at(s, i, s->heap[kid]);
		i = kid;
	}
	set_at(s, i, e);
}

static void
heap_remove(struct dg_shelf *s, struct dg_shelf_entry *e)
{
	struct dg_shelf_entry *last;
	size_t i = (size_t)e->heap;

	if (e->heap == DG_SHELF_NEVER)
		return;
	last = s->heap[--s->heap_n];
	if (last != e) {
		set_at(s, i, last);
		move_down(s, i);
		move_up(s, (size_t)last->heap);
	}
	e->heap = DG_SHELF_NEVER;
}

static void
set_end(struct dg_shelf *s, struct dg_shelf_entry *e, int64_t ends_ms)
{
	heap_remove(s, e);
	e->ends_ms = ends_ms;
	if (ends_ms == INT64_MAX)
		return;
	if (s->heap_n == s->heap_room) {
		s->heap_room = s->heap_room * 2 + FIRST_BUCKETS;
		s->heap = dg_realloc(s->heap, s->heap_room * sizeof(*s->heap));
	}
	set_at(s, s->heap_n++, e);
	move_up(s, s->heap_n - 1);
}

/* ---- buckets ---- */

static struct dg_shelf_bucket *
bucket_of(const struct dg_shelf *s, uint64_t hash)
{
	return &s->buckets[hash & (s->n_buckets - 1)];
}

static struct dg_shelf_entry *
find(const struct dg_shelf *s, uint64_t hash, struct dg_str key)
{
	struct dg_shelf_entry *e;

	if (s->n_buckets == 0)
		return NULL;
	LIST_FOREACH(e, bucket_of(s, hash), bucket)
	if (e->hash == hash && dg_str_eq(dg_str_of(e->bytes, e->key_n), key))
		return e;
	return NULL;
}

static void
grow(struct dg_shelf *s)
{
	struct dg_shelf_entry *e;

	if (s->n < s->n_buckets)
		return;
	free(s->buckets);
	s->n_buckets = s->n_buckets > 0 ? 2 * s->n_buckets : FIRST_BUCKETS;
	s->buckets = dg_alloc0(s->n_buckets * sizeof(*s->buckets));
	TAILQ_FOREACH(e, &s->order, use)
	LIST_INSERT_HEAD(bucket_of(s, e->hash), e, bucket);
}

/* ---- coming and going ---- */

static void
drop(struct dg_shelf *s, struct dg_shelf_entry *e)
{
	heap_remove(s, e);
	LIST_REMOVE(e, bucket);
	TAILQ_REMOVE(&s->order, e, use);
	s->n--;
	s->bytes -= cost(e->key_n, e->value_n);
	free(e);
}

void
dg_shelf_fini(struct dg_shelf *s)
{
	while (!TAILQ_EMPTY(&s->order))
		drop(s, TAILQ_FIRST(&s->order));
	free(s->buckets);
	free(s->heap);
	dg_shelf_init(s, 0, 0);
}

static void
drop_ended(struct dg_shelf *s, int64_t now_ms)
{
	while (s->heap_n > 0 && s->heap[0]->ends_ms <= now_ms)
		drop(s, s->heap[0]);
}

/* One that is there, ended or not, becomes the one used last. */
static void
touch(struct dg_shelf *s, struct dg_shelf_entry *e)
{
	TAILQ_REMOVE(&s->order, e, use);
	TAILQ_INSERT_TAIL(&s->order, e, use);
}

static void
make_room(struct dg_shelf *s, size_t bytes)
{
	while (
	    s->n > 0 && (s->n >= s->max_n || s->bytes + bytes > s->max_bytes)) {
		drop(s, TAILQ_FIRST(&s->order));
		s->evicted++;
	}
}

static struct dg_shelf_entry *
add(struct dg_shelf *s, uint64_t hash, struct dg_str key, size_t value_n)
{
	struct dg_shelf_entry *e = dg_alloc0(sizeof(*e) + key.n + value_n);

	e->hash = hash;
	e->heap = DG_SHELF_NEVER;
	e->key_n = key.n;
	e->value_n = value_n;
	if (key.n > 0)
		memcpy(e->bytes, key.p, key.n);
	grow(s);
	LIST_INSERT_HEAD(bucket_of(s, hash), e, bucket);
	TAILQ_INSERT_TAIL(&s->order, e, use);
	s->n++;
	s->bytes += cost(key.n, value_n);
	return e;
}

/* ---- what the owner does ---- */

const struct dg_shelf_entry *
dg_shelf_find(struct dg_shelf *s, uint64_t hash, struct dg_str key,
    int64_t now_ms)
{
	struct dg_shelf_entry *e = find(s, hash, key);

	if (e == NULL)
		return NULL;
	if (e->ends_ms <= now_ms) {
		drop(s, e);
		return NULL;
	}
	touch(s, e);
	return e;
}

struct dg_str
dg_shelf_text(const struct dg_shelf_entry *e)
{
	return dg_str_of(e->bytes + e->key_n, e->value_n);
}

bool
dg_shelf_put(struct dg_shelf *s, uint64_t hash, struct dg_str key,
    const struct dg_shelf_value *v, int64_t ends_ms, int64_t now_ms)
{
	size_t value_n = v->is_number ? 0 : v->text.n;
	struct dg_shelf_entry *e;

	drop_ended(s, now_ms);
	e = find(s, hash, key);
	if (e != NULL && e->value_n != value_n) {
		drop(s, e);
		e = NULL;
	}
	if (e == NULL) {
		if (s->max_n == 0 || cost(key.n, value_n) > s->max_bytes)
			return false;
		make_room(s, cost(key.n, value_n));
		e = add(s, hash, key, value_n);
	}
	touch(s, e);
	e->is_number = v->is_number;
	e->number = v->number;
	if (value_n > 0)
		memcpy(e->bytes + e->key_n, v->text.p, value_n);
	set_end(s, e, ends_ms);
	return true;
}

bool
dg_shelf_drop(struct dg_shelf *s, uint64_t hash, struct dg_str key,
    int64_t now_ms)
{
	struct dg_shelf_entry *e = find(s, hash, key);
	bool was_there = e != NULL && e->ends_ms > now_ms;

	if (e != NULL)
		drop(s, e);
	return was_there;
}
