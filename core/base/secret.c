/* secret.c - passwords and keys: wiped after use, compared in constant time.
 *
 * Why a type of its own: no log or policy function takes it, so a password
 * cannot be printed by accident.  The copy ends in a NUL that is not counted,
 * for libraries that want a string.
 */
#include "dragoman/base/secret.h"

#include <stdlib.h>

void
dg_secret_set(struct dg_secret *s, struct dg_str bytes)
{
	struct dg_secret fresh = { NULL, 0 };

	if (bytes.p != NULL)
		fresh = (struct dg_secret){ dg_str_dup(bytes), bytes.n };
	dg_secret_fini(s); /* after the copy: bytes may be the old ones */
	*s = fresh;
}

void
dg_secret_fini(struct dg_secret *s)
{
	dg_wipe(s->p, s->n);
	free(s->p);
	*s = (struct dg_secret){ NULL, 0 };
}

void
dg_wipe(void *p, size_t n)
{
	if (p != NULL)
		explicit_bzero(p, n);
}

int
dg_same_bytes(const void *a, const void *b, size_t n)
{
	const volatile unsigned char *x = a, *y = b;
	unsigned char differ = 0;

	for (size_t i = 0; i < n; i++)
		differ = (unsigned char)(differ | (x[i] ^ y[i]));
	return differ == 0;
}
