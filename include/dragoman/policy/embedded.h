#ifndef DRAGOMAN_POLICY_EMBEDDED_H
#define DRAGOMAN_POLICY_EMBEDDED_H

#include <stddef.h>

/* embedded.h - the Lua runtime (lua/dragoman/) as bytes in the program; the
 * table is made by the Makefile. */
struct dg_embedded {
	const char *name; /* "dragoman.test"; NULL ends the table */
	const unsigned char *text;
	size_t n;
};
extern const struct dg_embedded dg_embedded[];
extern const size_t dg_embedded_n;

#endif
