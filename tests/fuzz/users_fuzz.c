/* users_fuzz.c - a users file is taken whole or told wrong, with a place that
 * exists; all its users are found.  The same bytes as a secret file. */
#include <stdint.h>
#include <stdlib.h>

#include "dragoman/auth/users.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	unsigned lines, errors;
	size_t size;
};

static void
on_error(void *ctx, unsigned line, unsigned column, const char *what)
{
	struct seen *s = ctx;

	s->errors++;
	if (line < 1 || line > s->lines || column < 1 || column > s->size + 1 ||
	    what[0] == '\0')
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dg_str in = dg_str_of(data, size);
	struct seen seen = { .lines = 1, .size = size };
	struct dg_secret_file secret = { 0 };
	struct dg_err e = { 0 };
	struct dg_users *u;

	for (size_t i = 0; i < size; i++)
		seen.lines += data[i] == '\n';
	u = dg_users_parse(in, on_error, &seen);
	if ((u == NULL) != (seen.errors > 0))
		abort();
	for (size_t i = 0; u != NULL && i < dg_users_count(u); i++)
		if (dg_users_find(u, dg_str(dg_users_name(u, i))) == NULL)
			abort();
	dg_users_free(u);
	if (dg_secret_file_parse(in, &secret, &e) == DG_OK) {
		if (secret.user == NULL ||
		    (secret.password.n == 0) != secret.has_nt)
			abort();
		dg_secret_file_fini(&secret);
	} else if (e.text[0] == '\0') {
		abort();
	}
	return 0;
}
