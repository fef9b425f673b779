#ifndef DRAGOMAN_BASE_ROW_H
#define DRAGOMAN_BASE_ROW_H

#include <stddef.h>

/*
 * row.h - one row of what an administrator wrote, and how often it counted.
 *
 * Only a policy test that was asked for coverage has rows (policy/cover.h);
 * everywhere else the pointers to them are NULL and a hit costs a comparison.
 * So nothing shared between workers is written to in a relay.
 */
struct dg_row {
	struct dg_row *next;
	int line;
	const char *what; /* `dialect "x": hide` */
	unsigned long hits;
};

static inline void
dg_row_hit(struct dg_row *r)
{
	if (r != NULL)
		r->hits++;
}

#endif
