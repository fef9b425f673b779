#ifndef DRAGOMAN_BASE_ARENA_H
#define DRAGOMAN_BASE_ARENA_H

#include "dragoman/base/str.h"

/*
 * arena.h - memory of one session or transaction, freed as a whole.
 *
 * dg_arena_alloc returns NULL when the cap would be passed: that is the soft
 * failure for sizes a peer chooses.
 */
struct dg_arena_chunk;
struct dg_arena {
	struct dg_arena_chunk *head;
	size_t used;
	size_t cap;
};

void dg_arena_init(struct dg_arena *a, size_t cap);
void dg_arena_fini(struct dg_arena *a);
void dg_arena_reset(struct dg_arena *a);
void *dg_arena_alloc(struct dg_arena *a, size_t n); /* zeroed, aligned */
/* NUL-terminated copy as a view; {NULL,0} past the cap. */
struct dg_str dg_arena_str(struct dg_arena *a, struct dg_str s);

#endif
