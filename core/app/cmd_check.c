/*
 * cmd_check.c - `dragoman check`: everything a start would read, and all that
 * is wrong with it at once; nothing is opened or bound.
 */
#include "app.h"

#include <stdio.h>

#include "commands.h"
#include "dragoman/relay/generation.h"

static void
print(const struct dg_generation *g)
{
	struct dg_buf out;

	dg_buf_init(&out, 1024 * 1024);
	dg_config_print(dg_generation_config(g), &out);
	fwrite(out.p != NULL ? out.p : "", 1, out.n, stdout);
	dg_buf_fini(&out);
}

/* The table of settings: what the manual page is made from. */
static void
document(void)
{
	struct dg_buf out;

	dg_buf_init(&out, 1024 * 1024);
	dg_config_document(&out);
	fwrite(out.p != NULL ? out.p : "", 1, out.n, stdout);
	dg_buf_fini(&out);
}

int
dg_cmd_check(int argc, char **argv)
{
	static const char *const allowed[] = { "--print", "--document", NULL };
	struct dg_generation_options go = {
		.number = 1,
		.workers = 1,
		.ready_dirs = dg_app_ready_dirs(),
	};
	struct dg_generation *g = NULL;
	struct app_options o;
	struct dg_errors errors;
	struct dg_config *c;
	struct dg_buf out;

	if (!dg_app_options_read(argc, argv, allowed, &o)) {
		dg_app_options_fini(&o);
		return 2;
	}
	if (o.has_document) {
		document();
		dg_app_options_fini(&o);
		return 0;
	}
	dg_errors_init(&errors);
	dg_buf_init(&out, 1024 * 1024);
	c = dg_config_read(o.config, o.sets, &errors);
	if (c != NULL)
		g = dg_generation_new(c, &go, &errors);
	dg_errors_add_to(&errors, &out);
	fwrite(out.p != NULL ? out.p : "", 1, out.n, stderr);
	if (g != NULL && o.has_print)
		print(g);
	if (g != NULL)
		printf("%s: good\n", o.config);
	dg_generation_unpin(g);
	dg_buf_fini(&out);
	dg_errors_fini(&errors);
	dg_app_options_fini(&o);
	return g != NULL ? 0 : 2;
}
