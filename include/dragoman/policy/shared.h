#ifndef DRAGOMAN_POLICY_SHARED_H
#define DRAGOMAN_POLICY_SHARED_H

#include "dragoman/base/buf.h"

/*
 * shared.h - what policies keep between sessions (d.kv) and count (d.rate):
 * one for the process, shared by all workers and all generations, gone with
 * the process.  Every function may be called from any thread.
 *
 * A store is made by its first use and is there until _free; those of d.kv and
 * those of d.rate are different ones, also under one name.  Each has caps for
 * entries and bytes which it never passes: what has ended goes first, then
 * what was not used for longest.  (The caps are kept by each of 16 parts of a
 * store for itself, so a store may begin to forget a little before it is full.)
 */
struct dg_shared;

struct dg_shared_options { /* 0: the default */
	size_t stores;     /* of each kind, 64 */
	size_t entries;    /* a store, 100,000 */
	size_t bytes;      /* a store, 16 MiB, with what keeping costs */
};
enum {
	DG_SHARED_NAME_MAX = 80, /* bytes, NUL included */
	DG_SHARED_KEY_MAX = 1024,
	DG_SHARED_TEXT_MAX = 64 * 1024,
};

/* o may be NULL. */
struct dg_shared *dg_shared_new(const struct dg_shared_options *o);
void dg_shared_free(struct dg_shared *s);

struct dg_shared_value {
	bool is_number;
	int64_t number;
	struct dg_str text;
};
/* DG_E_ABSENT: not there, or ended.  A text is appended to `copy`, and
 * out->text is a view of it. */
enum dg_rc dg_shared_get(struct dg_shared *s, const char *store,
    struct dg_str key, struct dg_shared_value *out, struct dg_buf *copy);
/* ttl_ms 0: until the room is needed.  DG_E_LIMIT: a key or text that is too
 * long, one store too many. */
enum dg_rc dg_shared_set(struct dg_shared *s, const char *store,
    struct dg_str key, const struct dg_shared_value *v, int64_t ttl_ms,
    struct dg_err *e);
/* Add n (an absent key is 0) and say the sum, which stays within int64_t.
 * ttl_ms counts from the incr that made the key: later ones do not prolong
 * it.  DG_E_POLICY: the key holds a text. */
enum dg_rc dg_shared_incr(struct dg_shared *s, const char *store,
    struct dg_str key, int64_t n, int64_t ttl_ms, int64_t *sum,
    struct dg_err *e);
/* Was it there? */
bool dg_shared_del(struct dg_shared *s, const char *store, struct dg_str key);

/* A bucket of `count` tokens for each key, full at first; one comes back each
 * period/count.  Allowed takes one, refused takes none.  *wait_ms: how long
 * until the next would be allowed, 0 when it would be now.  What was forgotten
 * for want of room begins with a full bucket.  DG_E_LIMIT as above; DG_E_POLICY
 * when count is not 1 to 1,000,000 or the period more than 366 days. */
enum dg_rc dg_shared_rate(struct dg_shared *s, const char *store,
    struct dg_str key, uint64_t count, int64_t period_ms, bool *is_allowed,
    int64_t *wait_ms, struct dg_err *e);

struct dg_shared_sums {
	size_t stores, entries, bytes;
	unsigned long evicted; /* before their time */
};
struct dg_shared_sums dg_shared_sums(struct dg_shared *s);

#endif
