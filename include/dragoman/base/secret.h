#ifndef DRAGOMAN_BASE_SECRET_H
#define DRAGOMAN_BASE_SECRET_H

#include "dragoman/base/str.h"

/*
 * secret.h - a password or key: wiped when freed, moved not copied, never
 * printed.  Everything else takes it by pointer.
 */
struct dg_secret {
	char *p;
	size_t n;
};

/* Copies the bytes; the caller wipes its own copy. */
void dg_secret_set(struct dg_secret *s, struct dg_str bytes);
void dg_secret_fini(struct dg_secret *s);
/* Overwrite memory in a way the compiler keeps. */
void dg_wipe(void *p, size_t n);
/* Constant-time: equal in n bytes? */
int dg_same_bytes(const void *a, const void *b, size_t n);

#endif
