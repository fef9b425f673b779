/*
 * tally.c - how many connections each client address has, over all workers.
 *
 * Touched when a connection begins and ends, never on the path of a command:
 * so a few sharded locks are enough.
 */
#include "relay_state.h"

#include <stdio.h>
#include <stdlib.h>

enum { SHARDS = 16 };

struct entry {
	LIST_ENTRY(entry) next;
	char address[64];
	uint64_t n;
};

struct dg_tally {
	struct shard {
		pthread_mutex_t lock;
		LIST_HEAD(, entry) entries[64];
	} shards[SHARDS];
};

struct dg_tally *
dg_tally_new(void)
{
	struct dg_tally *t = dg_alloc0(sizeof(*t));

	for (unsigned i = 0; i < SHARDS; i++)
		pthread_mutex_init(&t->shards[i].lock, NULL);
	return t;
}

void
dg_tally_free(struct dg_tally *t)
{
	struct entry *e;

	if (t == NULL)
		return;
	for (unsigned i = 0; i < SHARDS; i++) {
		for (unsigned k = 0; k < 64; k++) {
			while ((e = LIST_FIRST(&t->shards[i].entries[k])) !=
			    NULL) {
				LIST_REMOVE(e, next);
				free(e);
			}
		}
		pthread_mutex_destroy(&t->shards[i].lock);
	}
	free(t);
}

bool
dg_tally_enter(struct dg_tally *t, struct dg_str address, uint64_t most)
{
	uint32_t h = dg_str_hash(address);
	struct shard *s = &t->shards[h % SHARDS];
	struct entry *e;
	bool ok;

	pthread_mutex_lock(&s->lock);
	LIST_FOREACH (e, &s->entries[h / SHARDS % 64], next)
		if (dg_str_is(address, e->address))
			break;
	if (e == NULL) {
		e = dg_alloc0(sizeof(*e));
		snprintf(e->address, sizeof(e->address), "%.*s",
		    DG_FMT(address));
		LIST_INSERT_HEAD(&s->entries[h / SHARDS % 64], e, next);
	}
	ok = e->n < most;
	if (ok)
		e->n++;
	pthread_mutex_unlock(&s->lock);
	return ok;
}

void
dg_tally_leave(struct dg_tally *t, struct dg_str address)
{
	uint32_t h = dg_str_hash(address);
	struct shard *s = &t->shards[h % SHARDS];
	struct entry *e;

	pthread_mutex_lock(&s->lock);
	LIST_FOREACH (e, &s->entries[h / SHARDS % 64], next)
		if (dg_str_is(address, e->address))
			break;
	if (e != NULL && --e->n == 0) {
		LIST_REMOVE(e, next);
		free(e);
	}
	pthread_mutex_unlock(&s->lock);
}
