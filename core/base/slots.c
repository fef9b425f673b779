/* slots.c - a table of objects by ticket.
 *
 * A ticket is the slot's generation (upper 32 bits) and its index + 1 (lower):
 * dropping an object raises the generation, so an answer that comes late finds
 * nobody, not the slot's next tenant.  A slot whose generations are used up is
 * retired rather than used again.  No lock: one table belongs to one thread.
 */
#include "dragoman/base/slots.h"

#include <assert.h>
#include <stdlib.h>

#include "dragoman/base/str.h"

struct slot {
	void *object; /* whose it is, its owner knows; NULL: free */
	uint32_t generation;
	uint32_t next_free; /* index + 1; 0 ends the list */
};

struct dg_slots {
	struct slot *v;
	uint32_t n, room;
	uint32_t first_free; /* index + 1; 0: none */
	size_t count;
};

struct dg_slots *
dg_slots_new(void)
{
	return dg_alloc0(sizeof(struct dg_slots));
}

void
dg_slots_free(struct dg_slots *s)
{
	if (s == NULL)
		return;
	free(s->v);
	free(s);
}

static uint32_t
fresh(struct dg_slots *s)
{
	if (s->n == s->room) {
		assert(s->room <= UINT32_MAX / 2 - 1);
		s->room = s->room > 0 ? 2 * s->room : 16;
		s->v = dg_realloc(s->v, s->room * sizeof(*s->v));
	}
	s->v[s->n] = (struct slot){ NULL, 0, 0 };
	return s->n++;
}

uint64_t
dg_slots_put(struct dg_slots *s, void *object)
{
	uint32_t at;

	assert(object != NULL);
	if (s->first_free != 0) {
		at = s->first_free - 1;
		s->first_free = s->v[at].next_free;
	} else {
		at = fresh(s);
	}
	s->v[at].object = object;
	s->count++;
	return (uint64_t)s->v[at].generation << 32 | (at + 1);
}

static struct slot *
slot_of(const struct dg_slots *s, uint64_t ticket)
{
	uint32_t at = (uint32_t)ticket - 1; /* 0 wraps: past any table */

	if (at >= s->n || s->v[at].generation != ticket >> 32)
		return NULL;
	return s->v[at].object != NULL ? &s->v[at] : NULL;
}

void *
dg_slots_find(const struct dg_slots *s, uint64_t ticket)
{
	const struct slot *found = slot_of(s, ticket);

	return found != NULL ? found->object : NULL;
}

void
dg_slots_drop(struct dg_slots *s, uint64_t ticket)
{
	struct slot *found = slot_of(s, ticket);

	if (found == NULL)
		return;
	found->object = NULL;
	s->count--;
	if (++found->generation == 0)
		return;
	found->next_free = s->first_free;
	s->first_free = (uint32_t)ticket;
}

size_t
dg_slots_count(const struct dg_slots *s)
{
	return s->count;
}

void *
dg_slots_next(const struct dg_slots *s, size_t *at)
{
	while (*at < s->n) {
		void *object = s->v[(*at)++].object;

		if (object != NULL)
			return object;
	}
	return NULL;
}
