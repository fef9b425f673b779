#ifndef DRAGOMAN_CORE_POLICY_COVER_H
#define DRAGOMAN_CORE_POLICY_COVER_H

#include <lua.h>

#include "dragoman/base/str.h"
#include "dragoman/policy/cover.h"

/* cover.h - private to the policy floor: how loads and states fill a cover. */

/* The file, known already or new; NULL for c NULL and for tests.  The text is
 * read once and not kept. */
struct dg_cover_file *dg_cover_file(struct dg_cover *c, const char *path,
    struct dg_str text);
/* Its row, known already or new; NULL for f NULL. */
struct dg_row *dg_cover_row(struct dg_cover_file *f, int line,
    const char *what);
/* vm->on_line of a policy with a cover. */
struct dg_vm;
void dg_cover_line(struct dg_vm *vm, const char *file, int line, int defined);

#endif
