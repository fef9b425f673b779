/*
 * record.c - deep copies of what is known about a message, and names of ids.
 *
 * The format on disk is the database's schema (store.c), whose version is
 * PRAGMA user_version; here is only its shape in memory.
 */
#include "record.h"

#include <assert.h>
#include <stdlib.h>

enum {
	FACTS_MAX = 64 * 1024 * 1024
};

struct dg_str
dg_kept_str(struct dg_kept *k, struct dg_str s)
{
	return s.n == 0 ? (struct dg_str){ "", 0 } : dg_arena_str(&k->arena, s);
}

struct dg_kept *
dg_kept_empty(size_t n_rcpts)
{
	struct dg_kept *k = dg_alloc0(sizeof(*k));

	dg_arena_init(&k->arena, FACTS_MAX + (n_rcpts + 1) * sizeof(*k->rcpts));
	k->rcpts = dg_arena_alloc(&k->arena, (n_rcpts + 1) * sizeof(*k->rcpts));
	assert(k->rcpts != NULL);
	k->item.rcpts = k->rcpts;
	return k;
}

struct dg_kept *
dg_kept_new(const struct dg_item *item)
{
	struct dg_kept *k = dg_kept_empty(item->n_rcpts);
	struct dg_item *out = &k->item;

	*out = *item;
	out->rcpts = k->rcpts;
	out->sender = dg_kept_str(k, item->sender);
	out->helo = dg_kept_str(k, item->helo);
	out->address = dg_kept_str(k, item->address);
	out->listener = dg_kept_str(k, item->listener);
	out->peer = dg_kept_str(k, item->peer);
	out->user = dg_kept_str(k, item->user);
	out->notes = dg_kept_str(k, item->notes);
	for (size_t i = 0; i < item->n_rcpts; i++) {
		const struct dg_item_rcpt *from = &item->rcpts[i];
		struct dg_item_rcpt *to = &k->rcpts[i];

		*to = *from;
		to->number = (unsigned)i;
		to->address = dg_kept_str(k, from->address);
		to->original = dg_kept_str(k, from->original);
		to->lane = dg_kept_str(k, from->lane);
		to->meaning = dg_kept_str(k, from->meaning);
		to->reply = dg_kept_str(k, from->reply);
		to->host = dg_kept_str(k, from->host);
	}
	return k;
}

size_t
dg_kept_bytes(const struct dg_kept *k)
{
	size_t facts = k->arena.used > 4096 ? k->arena.used : 4096;

	return sizeof(*k) + facts +
	       (k->body != NULL ? (size_t)k->item.size : 0);
}

void
dg_kept_free(struct dg_kept *k)
{
	if (k == NULL)
		return;
	free(k->body);
	dg_arena_fini(&k->arena);
	free(k);
}

static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

void
dg_id_name(uint64_t id, char out[16])
{
	char text[14];
	size_t n = 0;

	do {
		text[n++] = digits[id & 31];
		id >>= 5;
	} while (id != 0);
	for (size_t i = 0; i < n; i++)
		out[i] = text[n - 1 - i];
	out[n] = '\0';
}

bool
dg_id_read(const char *name, uint64_t *id)
{
	uint64_t v = 0;

	for (const char *c = name; *c != '\0'; c++) {
		const char *d = strchr(digits, *c);

		if (d == NULL || v >> 59 != 0)
			return false;
		v = v << 5 | (uint64_t)(d - digits);
	}
	*id = v;
	return v != 0;
}
