/* arena.c - bump allocation out of chunks.
 *
 * Why: a session makes dozens of small strings and drops them all at one
 * moment; freeing them one by one is where leaks and double frees come from.
 * What does not fit in the newest chunk gets a new one; the tail of the old is
 * wasted, which the cap makes harmless.  Running out of memory looks like the
 * cap to the caller: both are soft.
 */
#include "dragoman/base/arena.h"

#include <stdlib.h>

#define ALIGN      (_Alignof(max_align_t))
#define CHUNK_SIZE 4000 /* with its head and malloc's, a page */

struct dg_arena_chunk {
	struct dg_arena_chunk *older;
	size_t size, used;
	_Alignas(max_align_t) char bytes[];
};

void
dg_arena_init(struct dg_arena *a, size_t cap)
{
	*a = (struct dg_arena){ .cap = cap };
}

static void
free_chunks(struct dg_arena_chunk *c)
{
	while (c != NULL) {
		struct dg_arena_chunk *older = c->older;

		free(c);
		c = older;
	}
}

void
dg_arena_fini(struct dg_arena *a)
{
	free_chunks(a->head);
	a->head = NULL;
	a->used = 0;
}

/* Keeps one chunk of the usual size: the next transaction needs it. */
void
dg_arena_reset(struct dg_arena *a)
{
	struct dg_arena_chunk *keep = a->head;

	if (keep != NULL && keep->size == CHUNK_SIZE) {
		free_chunks(keep->older);
		keep->older = NULL;
		keep->used = 0;
	} else {
		free_chunks(keep);
		a->head = NULL;
	}
	a->used = 0;
}

static struct dg_arena_chunk *
chunk_new(struct dg_arena *a, size_t n)
{
	size_t size = n > CHUNK_SIZE ? n : CHUNK_SIZE;
	struct dg_arena_chunk *c = malloc(sizeof(*c) + size);

	if (c == NULL)
		return NULL;
	c->older = a->head;
	c->size = size;
	c->used = 0;
	a->head = c;
	return c;
}

void *
dg_arena_alloc(struct dg_arena *a, size_t n)
{
	struct dg_arena_chunk *c = a->head;
	size_t left = a->cap - a->used;

	if (n > left)
		return NULL;
	n = n > 0 ? (n + ALIGN - 1) / ALIGN * ALIGN : ALIGN;
	if (n > left || n > SIZE_MAX - sizeof(*c))
		return NULL;
	if (c == NULL || n > c->size - c->used)
		c = chunk_new(a, n);
	if (c == NULL)
		return NULL;
	void *p = c->bytes + c->used;
	c->used += n;
	a->used += n;
	return memset(p, 0, n);
}

struct dg_str
dg_arena_str(struct dg_arena *a, struct dg_str s)
{
	char *p = s.p != NULL ? dg_arena_alloc(a, s.n + 1) : NULL;

	if (p == NULL)
		return DG_NOSTR;
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	return dg_str_of(p, s.n);
}
