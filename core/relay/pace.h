#ifndef DRAGOMAN_CORE_RELAY_PACE_H
#define DRAGOMAN_CORE_RELAY_PACE_H

#include "dragoman/base/str.h"

/*
 * pace.h - how many connections to a destination at a time, and how many
 * messages in a while.  Plain arithmetic: the clock is the caller's.
 *
 * Connections: one at first, one more for each success while all are in use
 * (so 1, 2, 4 ...), half as many when the destination says that it is too much;
 * from then on it takes a whole round of successes for one more.
 *
 * Messages: a bucket that holds a tenth of what a period allows, and fills so
 * slowly that no period of that length, wherever it begins, sees more.
 */
struct dg_pace {
	unsigned allowed; /* connections; 0: nothing known */
	unsigned good;    /* successes since it last grew */
	bool was_cut;
	int64_t full_at_us; /* when the bucket is full again */
};

/* Of most >= 1. */
unsigned dg_pace_connections(const struct dg_pace *p, unsigned most);
/* in_use: connections open now. */
void dg_pace_grow(struct dg_pace *p, unsigned in_use, unsigned most);
void dg_pace_cut(struct dg_pace *p);
/* Nobody is there: begin anew. */
void dg_pace_reset(struct dg_pace *p);

/* Milliseconds until a message may go: 0 is now.  n in period_ms; n == 0: any
 * number. */
int64_t dg_pace_wait(const struct dg_pace *p, uint64_t n, int64_t period_ms,
    int64_t now_ms);
/* One goes now. */
void dg_pace_take(struct dg_pace *p, uint64_t n, int64_t period_ms,
    int64_t now_ms);

#endif
