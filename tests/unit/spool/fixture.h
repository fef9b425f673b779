#ifndef TESTS_UNIT_SPOOL_FIXTURE_H
#define TESTS_UNIT_SPOOL_FIXTURE_H

#ifndef _GNU_SOURCE
#define _XOPEN_SOURCE 700 /* nftw */
#endif
#include <assert.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "dragoman/base/clock.h"
#include "dragoman/base/log.h"
#include "dragoman/spool/spool.h"

/*
 * fixture.h - a spool in a directory of its own, and one worker: the test.
 *
 * Answers and claims come by post, as they would to a worker; until() waits
 * for them, at most ten seconds.
 */
enum {
	CLAIMS_MAX = 20000
};

struct world {
	char dir[64];
	struct dg_spool *sp;
	struct dg_post *post;
	unsigned n_ok, n_failed; /* answers */
	struct dg_err last;      /* the last failure */
	struct dg_claim *claims[CLAIMS_MAX];
	size_t n_claims; /* that came and were not taken */
};

static inline int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
	(void)st;
	(void)flag;
	(void)f;
	return remove(path);
}

static inline void
remove_tree(const char *dir)
{
	(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void
on_done(void *ctx, uint64_t ticket, enum dg_rc rc, const struct dg_err *e)
{
	struct world *w = ctx;

	(void)ticket;
	if (rc == DG_OK) {
		w->n_ok++;
	} else {
		w->n_failed++;
		w->last = *e;
	}
}

static inline void
on_claim(void *ctx, struct dg_claim *own_claim)
{
	struct world *w = ctx;

	assert(w->n_claims < CLAIMS_MAX);
	w->claims[w->n_claims++] = own_claim;
}

static inline struct dg_spool_options
options_for(const struct world *w)
{
	return (struct dg_spool_options){
		.path = w->dir,
		.inline_max = 65536,
		.reserve = 1024 * 1024,
		.lane_in_flight = 100,
	};
}

static inline void
world_open_with(struct world *w, const struct dg_spool_options *o)
{
	struct dg_err e = { 0 };

	if (dg_spool_open(o, &w->sp, &e) != DG_OK)
		fail_msg("%s", e.text);
	dg_spool_attach(w->sp, 0, w->post, on_claim, w);
}

static inline void
world_open(struct world *w)
{
	struct dg_spool_options o = options_for(w);

	world_open_with(w, &o);
}

/* The log only when asked for, to see what went on. */
static inline void
quiet(const char *line, size_t n)
{
	if (getenv("SPOOL_LOG") != NULL)
		fwrite(line, 1, n, stderr);
}

static inline struct world *
world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));
	char *made;

	snprintf(w->dir, sizeof(w->dir), "/tmp/dg-spool-XXXXXX");
	made = mkdtemp(w->dir);
	assert_non_null(made);
	w->post = dg_post_new();
	dg_log_divert(quiet);
	return w;
}

/* A process that ends and begins again, its claims all settled. */
static inline void
world_reopen(struct world *w)
{
	dg_spool_close(w->sp);
	world_open(w);
}

static inline void
world_free(struct world *w)
{
	dg_spool_close(w->sp);
	dg_post_free(w->post);
	remove_tree(w->dir);
	dg_log_divert(NULL);
	free(w);
}

#define until(w, condition) \
	do { \
		int64_t end_ = dg_mono_ms() + 10000; \
		while (!(condition) && dg_mono_ms() < end_) { \
			dg_post_wait((w)->post, 20); \
			dg_post_run((w)->post); \
		} \
		if (!(condition)) \
			fail_msg("waited in vain for %s", #condition); \
	} while (0)

/* For "nothing more comes": whatever was on its way has come after this. */
static inline void
settle_down(struct world *w)
{
	struct dg_spool_stats st;

	dg_spool_stats(w->sp, &st);
	dg_spool_stats(w->sp, &st);
	dg_post_run(w->post);
}

/* Byte `at` of the body that belongs to a seed: no two seeds are alike. */
static inline char
body_byte(uint64_t seed, size_t at)
{
	return (char)((seed * 2654435761u + at * 40503u + (at >> 8)) >> 3);
}

static inline struct dg_draft *
draft_of(struct dg_spool *sp, uint64_t seed, size_t size)
{
	struct dg_draft *d = NULL;
	struct dg_err e = { 0 };
	char piece[8192];

	if (dg_draft_open(sp, &d, &e) != DG_OK)
		return NULL;
	for (size_t at = 0; at < size;) {
		size_t n =
		    size - at < sizeof(piece) ? size - at : sizeof(piece);

		for (size_t i = 0; i < n; i++)
			piece[i] = body_byte(seed, at + i);
		if (dg_draft_write(d, dg_str_of(piece, n), &e) != DG_OK) {
			dg_draft_free(d);
			return NULL;
		}
		at += n;
	}
	return d;
}

static inline bool
claim_has_body(struct dg_claim *c, uint64_t seed, size_t size)
{
	struct dg_str piece;
	size_t at = 0;

	if (c->item.size != size)
		return false;
	do {
		if (dg_claim_body(c, at, 5000, &piece, NULL) != DG_OK)
			return false;
		for (size_t i = 0; i < piece.n; i++)
			if (piece.p[i] != body_byte(seed, at + i))
				return false;
		at += piece.n;
	} while (piece.n > 0);
	return at == size;
}

/* A message to b0@x, b1@y ..., one recipient a lane named. */
static inline void
commit_to(struct world *w, uint64_t seed, size_t size, const char *const *lanes,
    size_t n)
{
	struct dg_item_rcpt rcpts[8] = { 0 };
	struct dg_item item = {
		.sender = DG_STR("a@one.example"),
		.helo = DG_STR("one.example"),
		.arrival_ms = dg_now_ms(),
		.rcpts = rcpts,
		.n_rcpts = n,
	};
	struct dg_draft *d = draft_of(w->sp, seed, size);

	assert_non_null(d);
	for (size_t i = 0; i < n; i++) {
		rcpts[i].address = DG_STR("b@two.example");
		rcpts[i].lane = dg_str(lanes[i]);
		rcpts[i].due_ms = item.arrival_ms;
		rcpts[i].expire_ms = item.arrival_ms + 5 * 86400000;
	}
	dg_spool_commit(w->sp, d, &item, w->post, on_done, w, seed);
}

static inline void
commit_one(struct world *w, uint64_t seed, size_t size, const char *lane)
{
	commit_to(w, seed, size, &lane, 1);
}

static inline struct dg_claim *
next_claim(struct world *w)
{
	struct dg_claim *c;

	until(w, w->n_claims > 0);
	c = w->claims[0];
	w->n_claims--;
	memmove(w->claims, w->claims + 1, w->n_claims * sizeof(*w->claims));
	return c;
}

/* One outcome for every recipient of the claim. */
static inline void
settle_all(struct world *w, struct dg_claim *own_c, enum dg_outcome outcome,
    int64_t due_ms)
{
	struct dg_settle_rcpt outs[8] = { 0 };

	for (size_t i = 0; i < own_c->item.n_rcpts; i++) {
		outs[i].number = own_c->item.rcpts[i].number;
		outs[i].outcome = outcome;
		outs[i].due_ms = due_ms;
		outs[i].meaning = DG_STR("temporary");
		outs[i].reply = DG_STR("451 later");
		outs[i].host = DG_STR("mx.two.example");
		outs[i].lane = DG_STR("elsewhere");
	}
	dg_spool_settle(w->sp, own_c, outs, own_c->item.n_rcpts, NULL, 0);
}

static inline struct dg_spool_stats
stats_of(struct world *w)
{
	struct dg_spool_stats st;

	dg_spool_stats(w->sp, &st);
	return st;
}

#endif
