#ifndef DRAGOMAN_POLICY_LIBRARY_H
#define DRAGOMAN_POLICY_LIBRARY_H

/* library.h - the libraries that policy.allow can name (core/policy/libs.def).
 */
/* NULL-ended: "cidr", "glob" ... */
const char *const *dg_library_names(void);
/* What one is for, a paragraph and a short example; NULL: no such one. */
const char *dg_library_help(const char *name);

#endif
