#ifndef DRAGOMAN_CORE_POLICY_SHELF_H
#define DRAGOMAN_CORE_POLICY_SHELF_H

#include <sys/queue.h>

#include "dragoman/base/str.h"

/*
 * shelf.h - a map of a bounded size whose entries end: by their time, and
 * when others need the room.  One thread at a time; shared.c locks.
 */
enum {
	DG_SHELF_NEVER = -1 /* the place in the heap of what has no end */
};

struct dg_shelf_entry {
	LIST_ENTRY(dg_shelf_entry) bucket;
	TAILQ_ENTRY(dg_shelf_entry) use;
	uint64_t hash;
	int64_t ends_ms; /* INT64_MAX: by its time never */
	ptrdiff_t heap;  /* index, or DG_SHELF_NEVER */
	bool is_number;
	int64_t number;
	size_t key_n, value_n;
	char bytes[]; /* the key, then the value when it is a text */
};
LIST_HEAD(dg_shelf_bucket, dg_shelf_entry);
TAILQ_HEAD(dg_shelf_order, dg_shelf_entry);

struct dg_shelf {
	size_t max_n, max_bytes; /* never passed */
	size_t n, bytes;
	unsigned long evicted; /* before their time */
	struct dg_shelf_bucket *buckets;
	size_t n_buckets;             /* 0, or a power of two */
	struct dg_shelf_order order;  /* first: used longest ago */
	struct dg_shelf_entry **heap; /* what ends first is heap[0] */
	size_t heap_n, heap_room;
};

struct dg_shelf_value {
	bool is_number;
	int64_t number;
	struct dg_str text;
};

void dg_shelf_init(struct dg_shelf *s, size_t max_n, size_t max_bytes);
void dg_shelf_fini(struct dg_shelf *s);
/* What is there and has not ended, or NULL; borrowed until the next call.
 * Finding is using. */
const struct dg_shelf_entry *dg_shelf_find(struct dg_shelf *s, uint64_t hash,
    struct dg_str key, int64_t now_ms);
struct dg_str dg_shelf_text(const struct dg_shelf_entry *e);
/* Put or replace.  Room is made of what has ended, then of what was not used
 * for longest.  False: it alone is larger than all there is. */
bool dg_shelf_put(struct dg_shelf *s, uint64_t hash, struct dg_str key,
    const struct dg_shelf_value *v, int64_t ends_ms, int64_t now_ms);
/* Was it there? */
bool dg_shelf_drop(struct dg_shelf *s, uint64_t hash, struct dg_str key,
    int64_t now_ms);

#endif
