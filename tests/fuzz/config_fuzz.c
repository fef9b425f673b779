/*
 * config_fuzz.c - dragoman.yaml from memory, with --set over it.
 *
 * The text is the YAML; what follows a NUL, if there is one, is a --set.  What
 * is taken must also print, and differ from itself in nothing.
 */
#include <assert.h>
#include <stdlib.h>

#include "dragoman/config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct dg_str all = dg_str_of(data, n);
	size_t nul = dg_str_find(all, '\0');
	char *set = dg_str_dup(dg_str_from(all, nul + 1));
	/* The host name is given: no resolver is asked. */
	const char *sets[] = { "hostname=mx.example", nul < n ? set : NULL,
		NULL };
	struct dg_errors errors;
	struct dg_config *c;
	struct dg_buf out;

	dg_errors_init(&errors);
	dg_buf_init(&out, 16 << 20);
	c = dg_config_load_text("/etc/fuzz.yaml", dg_str_sub(all, 0, nul), sets,
	    &errors);
	assert((c == NULL) == dg_errors_any(&errors));
	dg_errors_add_to(&errors, &out);
	if (c != NULL) {
		assert(c->n_listeners > 0 && c->spool_path[0] == '/');
		assert(c->policy_files[0] != NULL);
		dg_config_print(c, &out);
		dg_buf_reset(&out);
		dg_config_restart_keys(c, c, &out);
		assert(out.n == 0);
	}
	dg_config_free(c);
	dg_errors_fini(&errors);
	dg_buf_fini(&out);
	free(set);
	return 0;
}
