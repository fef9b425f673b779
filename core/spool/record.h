#ifndef DRAGOMAN_CORE_SPOOL_RECORD_H
#define DRAGOMAN_CORE_SPOOL_RECORD_H

#include "dragoman/base/arena.h"
#include "dragoman/spool/spool.h"

/*
 * record.h - a message's facts in memory of their own.  Private to the spool
 * floor.
 */
struct dg_kept {
	struct dg_arena arena;
	struct dg_item item;        /* strings and rcpts in the arena */
	struct dg_item_rcpt *rcpts; /* the same array, writable */
	char *body;                 /* the whole body, or NULL: in its file */
};

/* Deep copy of the facts; the body is set by the caller. */
struct dg_kept *dg_kept_new(const struct dg_item *item);
/* An empty one with room for n recipients. */
struct dg_kept *dg_kept_empty(size_t n_rcpts);
/* What it takes of memory, roughly. */
size_t dg_kept_bytes(const struct dg_kept *k);
void dg_kept_free(struct dg_kept *k);
struct dg_str dg_kept_str(struct dg_kept *k, struct dg_str s);
/* "2k8f3q0a1c": an id as people see it; out has 16 bytes. */
void dg_id_name(uint64_t id, char out[16]);
bool dg_id_read(const char *name, uint64_t *id);

#endif
