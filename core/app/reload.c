/*
 * reload.c - the next generation, all or nothing.
 *
 * Config, policy, users, secrets and certificates are read aside.  Good: new
 * sessions use them, open ones end on theirs.  Bad: refused whole with every
 * error, and nothing changes.
 */
#include "serve.h"

#include "dragoman/base/clock.h"
#include "dragoman/base/log.h"

static void
log_lines(struct dg_str s, enum dg_log_level level, const char *event,
    const char *key)
{
	while (s.n > 0) {
		size_t end = dg_str_find(s, '\n');

		dg_log(level, event, dg_kv_s(key, dg_str_sub(s, 0, end)));
		s = dg_str_from(s, end + 1);
	}
}

void
dg_app_log_warnings(struct dg_errors *errors)
{
	struct dg_buf lines;

	dg_buf_init(&lines, 1024 * 1024);
	dg_errors_add_to(errors, &lines);
	log_lines(dg_buf_str(&lines), DG_LOG_WARN, "policy-warning", "what");
	dg_buf_fini(&lines);
}

static int
refuse(struct dg_errors *errors, struct dg_buf *out)
{
	struct dg_buf lines;

	dg_buf_init(&lines, 1024 * 1024);
	dg_errors_add_to(errors, &lines);
	log_lines(dg_buf_str(&lines), DG_LOG_ERROR, "reload-refused", "error");
	(void)dg_buf_adds(out, "refused, the running one goes on:\n");
	(void)dg_buf_add(out, dg_buf_str(&lines));
	dg_buf_fini(&lines);
	return 2;
}

int
dg_app_reload(struct app *a, struct dg_buf *out)
{
	struct dg_generation_options o = {
		.number = a->generation + 1,
		.workers = a->bound->workers,
		.ready_dirs = dg_app_ready_dirs(),
	};
	struct dg_generation *g = NULL;
	struct dg_errors errors;
	struct dg_config *c;
	int64_t began = dg_mono_ms();
	struct dg_buf restart;
	int code = 0;

	dg_errors_init(&errors);
	dg_buf_init(&restart, 4096);
	if (dg_relay_generations(a->relay) >= a->bound->limits.generations) {
		dg_errors_add(&errors, a->bound->file, 0, 0, false,
		    "%u generations are still held by open sessions "
		    "(limits.generations); `dragoman status` shows who",
		    dg_relay_generations(a->relay));
		code = refuse(&errors, out);
		goto out;
	}
	c = dg_config_read(a->options->config, a->options->sets, &errors);
	if (c != NULL && !dg_errors_any(&errors))
		dg_config_restart_keys(a->bound, c, &restart);
	if (c != NULL)
		g = dg_generation_new(c, &o, &errors);
	if (g == NULL) {
		code = refuse(&errors, out);
		goto out;
	}
	a->generation++;
	dg_relay_publish(a->relay, g);
	dg_log(DG_LOG_INFO, "reload", dg_kv_i("generation", a->generation),
	    dg_kv_i("took_ms", dg_mono_ms() - began),
	    dg_kv_s("needs_restart", dg_buf_str(&restart)));
	(void)dg_buf_addf(out, "generation %u is in use\n", a->generation);
	dg_app_log_warnings(&errors);
	dg_errors_add_to(&errors, out);
	if (restart.n > 0)
		(void)dg_buf_addf(out, "needs a restart to take effect: %.*s\n",
		    DG_FMT(dg_buf_str(&restart)));
out:
	dg_buf_fini(&restart);
	dg_errors_fini(&errors);
	return code;
}
