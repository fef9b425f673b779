#ifndef DRAGOMAN_CORE_POLICY_UNUSED_H
#define DRAGOMAN_CORE_POLICY_UNUSED_H

#include "load.h"

/* unused.h - warnings for what a policy without errors says in vain: rows that
 * an earlier one covers, peers that nobody is, names that nothing uses. */
void dg_unused_tell(struct dg_load *ld, const struct dg_rules *r);

#endif
