#ifndef DRAGOMAN_CORE_APP_LAB_H
#define DRAGOMAN_CORE_APP_LAB_H

#include "dragoman/relay/relay.h"

/* lab.h - one relay in memory, for one case of a *_test.lua: no socket, no
 * thread but the spool's, a spool that is thrown away. */
struct dg_lab;
/* Takes the generation's pin; dir: an empty directory for the spool. */
struct dg_lab *dg_lab_new(struct dg_generation *own_g, const char *dir,
    struct dg_err *e);
/* Before any session: certificates are made up and believed, so that start_tls
 * leads to TLS (it takes longer than all else that a case does). */
void dg_lab_speak_tls(struct dg_lab *l);
void dg_lab_free(struct dg_lab *l);
const struct dg_lab_ops *dg_lab_ops(struct dg_lab *l);

#endif
