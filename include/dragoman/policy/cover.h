#ifndef DRAGOMAN_POLICY_COVER_H
#define DRAGOMAN_POLICY_COVER_H

#include <stdbool.h>

#include "dragoman/base/row.h"

/*
 * cover.h - what policy tests touched of the policies they ran: lines and rows.
 *
 * Gathered over any number of loads, on one thread: give it to each in struct
 * dg_policy_options.  Lines are those of functions that Lua could stop at;
 * rows are the fields of dialects, peers, hops, routes, and rows of words.
 * Files named *_test.lua are left out.
 */
struct dg_cover_line {
	int line;
	int defined; /* the line of the function it belongs to; 0: the file */
	bool has_run;
};

struct dg_cover_file {
	struct dg_cover_file *next; /* in the order of their first load */
	char *path;                 /* absolute, links resolved */
	struct dg_cover_line *lines; /* sorted by line */
	size_t n_lines;
	struct dg_row *rows; /* by line */
};

struct dg_cover;
struct dg_cover *dg_cover_new(void);
void dg_cover_free(struct dg_cover *c);
const struct dg_cover_file *dg_cover_files(const struct dg_cover *c);

#endif
