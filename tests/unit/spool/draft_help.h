#ifndef TESTS_UNIT_SPOOL_DRAFT_HELP_H
#define TESTS_UNIT_SPOOL_DRAFT_HELP_H

#include "fixture.h"

#include "core/spool/spool_state.h"

/* draft_help.h - drafts whose head was replaced, and what they must hold. */
enum {
	INLINE_MAX = 1000,
	LARGE = 5 * 1024 * 1024
};

static inline void
open_small(struct world *w)
{
	struct dg_spool_options o = options_for(w);

	o.inline_max = INLINE_MAX;
	world_open_with(w, &o);
	dg_spool_start(w->sp);
}

/* What a draft must hold: a head, then the body of seed 7 from `old_n` on. */
struct want {
	struct dg_str head;
	size_t old_n, size;
};

static inline char
want_byte(const struct want *want, size_t at)
{
	return at < want->head.n
		   ? want->head.p[at]
		   : body_byte(7, at - want->head.n + want->old_n);
}

static inline void
holds(struct dg_draft *d, const struct want *want)
{
	struct dg_str all;
	struct dg_err e = { 0 };

	assert_int_equal(dg_draft_size(d), want->size);
	assert_int_equal(dg_draft_head(d, SIZE_MAX, &all, &e), DG_OK);
	assert_int_equal(all.n, want->size);
	for (size_t i = 0; i < all.n; i++)
		if (all.p[i] != want_byte(want, i))
			fail_msg("byte %zu of %zu", i, all.n);
}

/* And after it was committed it comes out so. */
static inline void
is_delivered(struct world *w, struct dg_draft *own_d, const struct want *want)
{
	struct dg_item_rcpt rcpt = { .address = DG_STR("b@two.example"),
		.lane = DG_STR("x"),
		.due_ms = 1,
		.expire_ms = dg_now_ms() + 86400000 };
	struct dg_item item = { .rcpts = &rcpt, .n_rcpts = 1 };
	unsigned before = w->n_ok;
	struct dg_claim *c;
	struct dg_str piece;
	struct dg_err e = { 0 };
	size_t at = 0;

	dg_spool_commit(w->sp, own_d, &item, w->post, on_done, w, 0);
	until(w, w->n_ok == before + 1);
	c = next_claim(w);
	assert_int_equal(c->item.size, want->size);
	do {
		assert_int_equal(dg_claim_body(c, at, 5000, &piece, &e), DG_OK);
		for (size_t i = 0; i < piece.n; i++)
			if (piece.p[i] != want_byte(want, at + i))
				fail_msg("byte %zu", at + i);
		at += piece.n;
	} while (piece.n > 0);
	assert_int_equal(at, want->size);
	settle_all(w, c, DG_OUTCOME_DELIVERED, 0);
}

static inline bool
has(const struct world *w, const struct dg_draft *d, const char *behind)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/bodies/%s%s", w->dir, d->name, behind);
	return access(path, F_OK) == 0;
}

#endif
