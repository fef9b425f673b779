#ifndef DRAGOMAN_CORE_POLICY_ROWS_H
#define DRAGOMAN_CORE_POLICY_ROWS_H

#include "schema.h"

/* rows.h - private to the policy floor: rows for a cover, where there is one
 * (struct dg_policy_options). */
struct dialect_decl;
/* The declaration was read; its table is on top. */
void dg_rows_dialect(struct dg_reader *r, struct dialect_decl *d);
/* The rules are whole. */
void dg_rows_join(struct dg_load *ld, const struct dg_rules *rules);

#endif
