#ifndef DRAGOMAN_BASE_SLOTS_H
#define DRAGOMAN_BASE_SLOTS_H

#include <stddef.h>
#include <stdint.h>

/*
 * slots.h - tickets: numbers by which a late answer finds its asker.
 *
 * A ticket is never reused while a late answer may carry it (32-bit slot
 * generation).  0 is never a ticket.  One table belongs to one thread.
 */
struct dg_slots;

struct dg_slots *dg_slots_new(void);
void dg_slots_free(struct dg_slots *s);
uint64_t dg_slots_put(struct dg_slots *s, void *object);
void *dg_slots_find(const struct dg_slots *s, uint64_t ticket); /* or NULL */
void dg_slots_drop(struct dg_slots *s, uint64_t ticket); /* stale: no-op */
size_t dg_slots_count(const struct dg_slots *s);
/* Walk: start with *at = 0; NULL at the end. */
void *dg_slots_next(const struct dg_slots *s, size_t *at);

#endif
