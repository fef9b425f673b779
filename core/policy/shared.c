/* shared.c - what d.kv keeps and d.rate counts, for all threads.
 *
 * Why it is no part of a Lua state: a greylist or a limit that each worker has
 * for itself, and that a reload forgets, is none.  A store is 16 shelves with
 * a lock each, chosen by the key's hash; a lock is held for one look-up and
 * never while anything else happens.  Stores are only ever added, so finding
 * one takes no lock at all.
 *
 * The hash has a secret seed: strangers choose keys.  Should one still guess
 * it, a shelf's bound is also the bound of the longest walk through it.
 */
#include "dragoman/policy/shared.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/clock.h"
#include "dragoman/base/rand.h"
#include "shelf.h"

enum {
	SHARDS = 16,
	COUNT_MAX = 1000 * 1000,
	DAYS_MAX = 366
};
static const int64_t PERIOD_MAX_MS = DAYS_MAX * 24LL * 3600 * 1000;

struct shard {
	pthread_mutex_t lock;
	struct dg_shelf shelf;
};

struct store {
	char name[DG_SHARED_NAME_MAX];
	struct shard shards[SHARDS];
};

struct stores {
	struct store **v; /* the first n never change */
	atomic_size_t n;
};

struct dg_shared {
	struct dg_shared_options o;
	uint64_t seed;
	pthread_mutex_t adding;
	struct stores kv, rates;
};

/* ---- stores ---- */

struct dg_shared *
dg_shared_new(const struct dg_shared_options *o)
{
	struct dg_shared *s = dg_alloc0(sizeof(*s));

	if (o != NULL)
		s->o = *o;
	if (s->o.stores == 0)
		s->o.stores = 64;
	if (s->o.entries == 0)
		s->o.entries = (size_t)100 * 1000;
	if (s->o.bytes == 0)
		s->o.bytes = (size_t)16 * 1024 * 1024;
	s->seed = dg_rand_u64();
	pthread_mutex_init(&s->adding, NULL);
	s->kv.v = dg_alloc0(s->o.stores * sizeof(*s->kv.v));
	s->rates.v = dg_alloc0(s->o.stores * sizeof(*s->rates.v));
	return s;
}

static struct store *
store_new(const struct dg_shared *s, const char *name)
{
	struct store *st = dg_alloc0(sizeof(*st));

	snprintf(st->name, sizeof(st->name), "%s", name);
	for (size_t i = 0; i < SHARDS; i++) {
		size_t n = s->o.entries / SHARDS;

		pthread_mutex_init(&st->shards[i].lock, NULL);
		dg_shelf_init(&st->shards[i].shelf, n > 0 ? n : 1,
		    s->o.bytes / SHARDS);
	}
	return st;
}

static void
stores_fini(struct stores *all)
{
	for (size_t i = 0; i < atomic_load(&all->n); i++) {
		for (size_t k = 0; k < SHARDS; k++) {
			pthread_mutex_destroy(&all->v[i]->shards[k].lock);
			dg_shelf_fini(&all->v[i]->shards[k].shelf);
		}
		free(all->v[i]);
	}
	free(all->v);
}

void
dg_shared_free(struct dg_shared *s)
{
	if (s == NULL)
		return;
	stores_fini(&s->kv);
	stores_fini(&s->rates);
	pthread_mutex_destroy(&s->adding);
	free(s);
}

static struct store *
find_store(struct stores *all, const char *name)
{
	size_t n = atomic_load_explicit(&all->n, memory_order_acquire);

	for (size_t i = 0; i < n; i++)
		if (strcmp(all->v[i]->name, name) == 0)
			return all->v[i];
	return NULL;
}

/* Find or make; NULL when there are too many. */
static struct store *
need_store(struct dg_shared *s, struct stores *all, const char *name)
{
	struct store *st = find_store(all, name);
	size_t n;

	if (st != NULL)
		return st;
	pthread_mutex_lock(&s->adding);
	st = find_store(all, name); /* somebody may have been quicker */
	n = atomic_load(&all->n);
	if (st == NULL && n < s->o.stores) {
		st = all->v[n] = store_new(s, name);
		atomic_store_explicit(&all->n, n + 1, memory_order_release);
	}
	pthread_mutex_unlock(&s->adding);
	return st;
}

/* ---- keys ---- */

static uint64_t
mix(uint64_t h)
{
	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15U;
	h ^= h >> 29;
	return h;
}

static uint64_t
hash_of(const struct dg_shared *s, struct dg_str key)
{
	uint64_t h = s->seed ^ key.n;

	for (size_t i = 0; i < key.n; i += 8) {
		size_t n = key.n - i < 8 ? key.n - i : 8;
		uint64_t word = 0;

		memcpy(&word, key.p + i, n);
		h = mix(h ^ word) + s->seed;
	}
	return mix(h);
}

/* Locked: give it back by leave(). */
static struct shard *
enter(struct store *st, uint64_t hash)
{
	struct shard *sh = &st->shards[hash >> 60];

	pthread_mutex_lock(&sh->lock);
	return sh;
}

static void
leave(struct shard *sh)
{
	pthread_mutex_unlock(&sh->lock);
}

static enum dg_rc
check(const char *store, struct dg_str key, struct dg_err *e)
{
	if (store[0] == '\0' || strlen(store) >= DG_SHARED_NAME_MAX)
		return dg_fail(e, DG_E_LIMIT, 0, NULL,
		    "a store's name has 1 to %d bytes", DG_SHARED_NAME_MAX - 1);
	if (key.n > DG_SHARED_KEY_MAX)
		return dg_fail(e, DG_E_LIMIT, 0, NULL,
		    "the key is longer than %d bytes", DG_SHARED_KEY_MAX);
	return DG_OK;
}

static enum dg_rc
too_many(const struct dg_shared *s, struct dg_err *e)
{
	return dg_fail(e, DG_E_LIMIT, 0, NULL, "there are %zu stores already",
	    s->o.stores);
}

static int64_t
end_of(int64_t now_ms, int64_t ttl_ms)
{
	if (ttl_ms <= 0 || ttl_ms > INT64_MAX - now_ms)
		return INT64_MAX;
	return now_ms + ttl_ms;
}

/* ---- kv ---- */

enum dg_rc
dg_shared_get(struct dg_shared *s, const char *store, struct dg_str key,
    struct dg_shared_value *out, struct dg_buf *copy)
{
	struct store *st = find_store(&s->kv, store);
	uint64_t hash = hash_of(s, key);
	const struct dg_shelf_entry *x;
	enum dg_rc rc = DG_E_ABSENT;
	struct shard *sh;

	if (st == NULL)
		return DG_E_ABSENT;
	sh = enter(st, hash);
	x = dg_shelf_find(&sh->shelf, hash, key, dg_mono_ms());
	if (x != NULL && x->is_number) {
		*out = (struct dg_shared_value){ .is_number = true,
			.number = x->number };
		rc = DG_OK;
	} else if (x != NULL) {
		size_t from = copy->n;

		rc = dg_buf_add(copy, dg_shelf_text(x));
		if (rc == DG_OK)
			*out = (struct dg_shared_value){
				.text = dg_str_from(dg_buf_str(copy), from)
			};
	}
	leave(sh);
	return rc;
}

enum dg_rc
dg_shared_set(struct dg_shared *s, const char *store, struct dg_str key,
    const struct dg_shared_value *v, int64_t ttl_ms, struct dg_err *e)
{
	struct dg_shelf_value x = { v->is_number, v->number, v->text };
	uint64_t hash = hash_of(s, key);
	int64_t now = dg_mono_ms();
	struct shard *sh;
	struct store *st;
	bool has_room;

	if (check(store, key, e) != DG_OK)
		return DG_E_LIMIT;
	if (!v->is_number && v->text.n > DG_SHARED_TEXT_MAX)
		return dg_fail(e, DG_E_LIMIT, 0, NULL,
		    "the text is longer than %d bytes", DG_SHARED_TEXT_MAX);
	st = need_store(s, &s->kv, store);
	if (st == NULL)
		return too_many(s, e);
	sh = enter(st, hash);
	has_room =
	    dg_shelf_put(&sh->shelf, hash, key, &x, end_of(now, ttl_ms), now);
	leave(sh);
	return has_room ? DG_OK
			: dg_fail(e, DG_E_LIMIT, 0, NULL,
			      "the text is larger than the store");
}

static int64_t
add_within(int64_t a, int64_t b)
{
	if (b > 0 && a > INT64_MAX - b)
		return INT64_MAX;
	if (b < 0 && a < INT64_MIN - b)
		return INT64_MIN;
	return a + b;
}

enum dg_rc
dg_shared_incr(struct dg_shared *s, const char *store, struct dg_str key,
    int64_t n, int64_t ttl_ms, int64_t *sum, struct dg_err *e)
{
	struct dg_shelf_value v = { .is_number = true, .number = n };
	uint64_t hash = hash_of(s, key);
	const struct dg_shelf_entry *x;
	int64_t now = dg_mono_ms(), end = end_of(now, ttl_ms);
	bool has_room = true, is_text;
	struct shard *sh;
	struct store *st;

	if (check(store, key, e) != DG_OK)
		return DG_E_LIMIT;
	st = need_store(s, &s->kv, store);
	if (st == NULL)
		return too_many(s, e);
	sh = enter(st, hash);
	x = dg_shelf_find(&sh->shelf, hash, key, now);
	is_text = x != NULL && !x->is_number;
	if (x != NULL) {
		v.number = add_within(x->number, n);
		end = x->ends_ms;
	}
	if (!is_text)
		has_room = dg_shelf_put(&sh->shelf, hash, key, &v, end, now);
	leave(sh);
	if (is_text)
		return dg_fail(e, DG_E_POLICY, 0, NULL,
		    "the key holds a text, not a number");
	if (!has_room)
		return dg_fail(e, DG_E_LIMIT, 0, NULL,
		    "the key is larger than the store");
	*sum = v.number;
	return DG_OK;
}

bool
dg_shared_del(struct dg_shared *s, const char *store, struct dg_str key)
{
	struct store *st = find_store(&s->kv, store);
	uint64_t hash = hash_of(s, key);
	struct shard *sh;
	bool was_there;

	if (st == NULL)
		return false;
	sh = enter(st, hash);
	was_there = dg_shelf_drop(&sh->shelf, hash, key, dg_mono_ms());
	leave(sh);
	return was_there;
}

/* ---- rates ---- */

/* One number says how full a bucket is: when it will be full again (the
 * generic cell rate algorithm of ATM).  In nanoseconds: "5000/s" has a token
 * each 200 microseconds. */
static bool
take_token(int64_t *full_ns, int64_t now_ns, int64_t period_ns, int64_t each_ns,
    int64_t *wait_ns)
{
	int64_t full = *full_ns > now_ns ? *full_ns : now_ns;
	bool is_allowed = full + each_ns - period_ns <= now_ns;

	if (is_allowed)
		full += each_ns;
	*full_ns = full;
	*wait_ns = full + each_ns - period_ns - now_ns;
	if (*wait_ns < 0)
		*wait_ns = 0;
	return is_allowed;
}

enum dg_rc
dg_shared_rate(struct dg_shared *s, const char *store, struct dg_str key,
    uint64_t count, int64_t period_ms, bool *is_allowed, int64_t *wait_ms,
    struct dg_err *e)
{
	struct dg_shelf_value v = { .is_number = true };
	int64_t now = dg_mono_ms(), each_ns, period_ns, wait_ns;
	uint64_t hash = hash_of(s, key);
	const struct dg_shelf_entry *x;
	struct shard *sh;
	struct store *st;
	bool has_room = true;

	if (check(store, key, e) != DG_OK)
		return DG_E_LIMIT;
	if (count < 1 || count > COUNT_MAX || period_ms < 1 ||
	    period_ms > PERIOD_MAX_MS)
		return dg_fail(e, DG_E_POLICY, 0, NULL,
		    "a rate has 1 to %d in at most %d days", COUNT_MAX,
		    DAYS_MAX);
	each_ns = period_ms * 1000 * 1000 / (int64_t)count;
	period_ns = each_ns * (int64_t)count; /* exactly count tokens */
	st = need_store(s, &s->rates, store);
	if (st == NULL)
		return too_many(s, e);
	sh = enter(st, hash);
	x = dg_shelf_find(&sh->shelf, hash, key, now);
	v.number = x != NULL ? x->number : 0;
	*is_allowed = take_token(&v.number, now * 1000 * 1000, period_ns,
	    each_ns, &wait_ns);
	if (*is_allowed)
		has_room = dg_shelf_put(&sh->shelf, hash, key, &v,
		    v.number / (1000 * 1000) + 1, now);
	leave(sh);
	if (!has_room)
		return dg_fail(e, DG_E_LIMIT, 0, NULL,
		    "the key is larger than the store");
	*wait_ms = (wait_ns + 999999) / (1000 * 1000);
	return DG_OK;
}

/* ---- for status ---- */

static void
add_sums(struct stores *all, struct dg_shared_sums *sums)
{
	size_t n = atomic_load_explicit(&all->n, memory_order_acquire);

	sums->stores += n;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < SHARDS; k++) {
			struct shard *sh = &all->v[i]->shards[k];

			pthread_mutex_lock(&sh->lock);
			sums->entries += sh->shelf.n;
			sums->bytes += sh->shelf.bytes;
			sums->evicted += sh->shelf.evicted;
			pthread_mutex_unlock(&sh->lock);
		}
}

struct dg_shared_sums
dg_shared_sums(struct dg_shared *s)
{
	struct dg_shared_sums sums = { 0 };

	add_sums(&s->kv, &sums);
	add_sums(&s->rates, &sums);
	return sums;
}
