#ifndef DRAGOMAN_CORE_POLICY_DECLARE_H
#define DRAGOMAN_CORE_POLICY_DECLARE_H

#include <stddef.h>

#include "load.h"

/* declare.h - the closed lists of `d`, for the state and for the scan of the
 * text.  Each says true and what is wrong when the word is not there. */
bool dg_d_problem(struct dg_load *ld, const char *word, char out[160]);
bool dg_on_problem(struct dg_load *ld, const char *word, char out[160]);
bool dg_vars_problem(struct dg_load *ld, const char *word, char out[160]);
const char *const *dg_d_words(void);

/* scan_text.c: what a text says that shows only when a hook runs, or never;
 * module: what the file calls d, "" when that is not certain. */
void dg_scan_text(struct dg_load *ld, const struct dg_source *s,
    struct dg_str module);

/* At the end: declarations without their table. */
void dg_decls_check(struct dg_load *ld);
const char *dg_decl_kind(struct dg_load *ld, const struct dg_list *l);

#endif
