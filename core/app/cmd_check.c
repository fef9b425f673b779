/*
 * cmd_check.c - `dragoman check`: everything a start would read, and all that
 * is wrong with it at once; nothing is bound, and nobody is called unless
 * --probe says so.
 */
#include "app.h"

#include <stdio.h>

#include "commands.h"
#include "dragoman/relay/generation.h"
#include "dragoman/relay/probe.h"

static void
put(struct dg_buf *own_out, FILE *to)
{
	fwrite(own_out->p != NULL ? own_out->p : "", 1, own_out->n, to);
	dg_buf_fini(own_out);
}

static void
print(const struct dg_generation *g)
{
	struct dg_buf out;

	dg_buf_init(&out, 1024 * 1024);
	dg_config_print(dg_generation_config(g), &out);
	put(&out, stdout);
}

/* The table of settings: what the manual page is made from. */
static void
document(void)
{
	struct dg_buf out;

	dg_buf_init(&out, 1024 * 1024);
	dg_config_document(&out);
	put(&out, stdout);
}

static void
tell(struct dg_errors *errors)
{
	struct dg_buf out;

	dg_buf_init(&out, 1024 * 1024);
	dg_errors_add_to(errors, &out);
	put(&out, stderr);
}

/* Exit code: 1 when a host failed. */
static int
probe(struct dg_generation *g)
{
	unsigned n = 0, failed;
	struct dg_buf out;

	dg_buf_init(&out, 4 * 1024 * 1024);
	failed = dg_probe(g, &out, &n);
	put(&out, stdout);
	printf("%u of %u hosts failed\n", failed, n);
	return failed > 0;
}

static int
check(const struct app_options *o)
{
	struct dg_generation_options go = {
		.number = 1,
		.workers = 1,
		.ready_dirs = dg_app_ready_dirs(),
	};
	struct dg_generation *g = NULL;
	struct dg_errors errors;
	struct dg_config *c;
	int code = 2;

	dg_errors_init(&errors);
	c = dg_config_read(o->config, o->sets, &errors);
	if (c != NULL)
		g = dg_generation_new(c, &go, &errors);
	tell(&errors);
	if (g != NULL) {
		if (o->has_print)
			print(g);
		/* what is left in errors are warnings */
		code = o->has_strict && errors.n > 0 ? 1 : 0;
		if (code == 0)
			printf("%s: good\n", o->config);
		if (o->has_probe)
			code |= probe(g);
	}
	dg_generation_unpin(g);
	dg_errors_fini(&errors);
	return code;
}

int
dg_cmd_check(int argc, char **argv)
{
	static const char *const allowed[] = { "--print", "--probe", "--strict",
		"--document", NULL };
	struct app_options o;
	int code = 0;

	if (!dg_app_options_read(argc, argv, allowed, &o))
		code = 2;
	else if (o.has_document)
		document();
	else
		code = check(&o);
	dg_app_options_fini(&o);
	return code;
}
