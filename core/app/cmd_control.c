/*
 * cmd_control.c - `dragoman reload|status|policy stats`: ask the running relay.
 *
 * The socket is found the way the relay found it: by its configuration.
 */
#include "app.h"

#include <stdio.h>

#include "commands.h"

static int
ask(int argc, char **argv, const char *verb)
{
	struct app_options o;
	struct dg_errors errors;
	struct dg_config *c;
	struct dg_buf out;
	int code = 2;

	if (!dg_app_options_read(argc, argv, NULL, &o)) {
		dg_app_options_fini(&o);
		return 2;
	}
	dg_errors_init(&errors);
	c = dg_config_load(o.config, o.sets, &errors);
	if (c != NULL) {
		code = dg_app_control_ask(c->control, verb);
	} else {
		dg_buf_init(&out, 1024 * 1024);
		dg_errors_add_to(&errors, &out);
		fwrite(out.p != NULL ? out.p : "", 1, out.n, stderr);
		dg_buf_fini(&out);
	}
	dg_config_free(c);
	dg_errors_fini(&errors);
	dg_app_options_fini(&o);
	return code;
}

int
dg_cmd_reload(int argc, char **argv)
{
	return ask(argc, argv, "reload");
}

int
dg_cmd_status(int argc, char **argv)
{
	return ask(argc, argv, "status");
}

int
dg_cmd_policy_stats(int argc, char **argv)
{
	return ask(argc, argv, "policy stats");
}
