/* challenges.c - the NTLM challenges that this process has open.
 *
 * Why: whoever gets one of them back as a server's challenge is talking to
 * itself through an attacker, who would log in to us with our own answer
 * (MS08-068).  Challenges are random, so their bytes choose the shard; a shard
 * is a short list, searched from end to end under its lock.
 */
#include "challenges.h"

#include <pthread.h>
#include <stdlib.h>

enum {
	SHARDS = 64,
	ROOM_MIN = 8
};

struct shard {
	pthread_mutex_t lock;
	uint64_t *v;
	size_t n, room;
};

struct dg_challenges {
	struct shard shards[SHARDS];
};

struct dg_challenges *
dg_challenges_new(void)
{
	struct dg_challenges *c = dg_alloc0(sizeof(*c));

	for (size_t i = 0; i < SHARDS; i++)
		pthread_mutex_init(&c->shards[i].lock, NULL);
	return c;
}

void
dg_challenges_free(struct dg_challenges *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < SHARDS; i++) {
		pthread_mutex_destroy(&c->shards[i].lock);
		free(c->shards[i].v);
	}
	free(c);
}

/* The shard of a challenge, locked. */
static struct shard *
shard_lock(struct dg_challenges *c, const uint8_t challenge[8], uint64_t *value)
{
	struct shard *s = &c->shards[challenge[0] % SHARDS];

	memcpy(value, challenge, sizeof(*value));
	pthread_mutex_lock(&s->lock);
	return s;
}

static size_t
index_of(const struct shard *s, uint64_t value)
{
	size_t i = 0;

	while (i < s->n && s->v[i] != value)
		i++;
	return i;
}

void
dg_challenges_put(struct dg_challenges *c, const uint8_t challenge[8])
{
	struct shard *s;
	uint64_t value;

	if (c == NULL)
		return;
	s = shard_lock(c, challenge, &value);
	if (s->n == s->room) {
		s->room = s->room > 0 ? 2 * s->room : ROOM_MIN;
		s->v = dg_realloc(s->v, s->room * sizeof(*s->v));
	}
	s->v[s->n++] = value;
	pthread_mutex_unlock(&s->lock);
}

void
dg_challenges_drop(struct dg_challenges *c, const uint8_t challenge[8])
{
	struct shard *s;
	uint64_t value;
	size_t i;

	if (c == NULL)
		return;
	s = shard_lock(c, challenge, &value);
	i = index_of(s, value);
	if (i < s->n)
		s->v[i] = s->v[--s->n];
	pthread_mutex_unlock(&s->lock);
}

bool
dg_challenges_has(struct dg_challenges *c, const uint8_t challenge[8])
{
	struct shard *s;
	uint64_t value;
	bool has;

	if (c == NULL)
		return false;
	s = shard_lock(c, challenge, &value);
	has = index_of(s, value) < s->n;
	pthread_mutex_unlock(&s->lock);
	return has;
}
