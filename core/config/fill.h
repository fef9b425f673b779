#ifndef DRAGOMAN_CORE_CONFIG_FILL_H
#define DRAGOMAN_CORE_CONFIG_FILL_H

#include "options.h"

/* fill.h - from the tree (c->guts->root) to the values of struct dg_config.
 * dir: absolute, of the YAML; cwd: for values from --set.  Whether it went well
 * stands in errors alone; c can be freed either way. */
void dg_config_fill(struct dg_config *c, const char *dir, const char *cwd,
    struct dg_errors *errors);
/* Defaults that need others, or the system, once all is known to be good. */
void dg_config_compute(struct dg_config *c);

struct dg_config_where dg_config_where_of(const struct dg_config *c,
    const struct dg_node *n);

#endif
