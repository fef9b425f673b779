#ifndef DRAGOMAN_RELAY_PROBE_H
#define DRAGOMAN_RELAY_PROBE_H

#include "dragoman/relay/generation.h"

/*
 * probe.h - does each hop answer, and does our login work there?
 *
 * Every host of every hop is called at once, as a delivery would (dialect,
 * TLS, login list), and left again with QUIT: MAIL is never said.  Runs a loop
 * of its own to the end, which comes within a minute.
 */
/* What came of it goes to out, in words, in the policy's order.  Returns how
 * many hosts failed; *n: of how many. */
unsigned dg_probe(struct dg_generation *g, struct dg_buf *out, unsigned *n);

#endif
