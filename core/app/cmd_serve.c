/*
 * cmd_serve.c - `dragoman serve`: wiring, in the order that privileges need.
 *
 * Read the configuration, bind, become run_as, and only then read users,
 * secrets and policies (and the configuration again, as that user): so a
 * reload cannot fail where the start succeeded.  The control thread is this
 * one: signals arrive through a descriptor on its loop.
 */
#include "serve.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "commands.h"
#include "dragoman/base/clock.h"
#include "dragoman/base/journal.h"
#include "dragoman/base/log.h"
#include "dragoman/net/listener.h"

struct bound_listener {
	const char *name;
	int *fds;
};

struct serve {
	struct app app;
	struct app_options options;
	struct bound_listener *listeners;
	size_t n_listeners;
	int signals;
	struct dg_watch *watch;
};

static int
tell(struct dg_errors *errors)
{
	struct dg_buf out;
	bool any = dg_errors_any(errors);

	dg_buf_init(&out, 1024 * 1024);
	dg_errors_add_to(errors, &out);
	fwrite(out.p != NULL ? out.p : "", 1, out.n, stderr);
	dg_buf_fini(&out);
	return any ? 2 : 0;
}

static int
fail(const struct dg_err *e)
{
	fprintf(stderr, "dragoman: %s\n", e->text);
	return 2;
}

/* ---- signals ---- */

static void
on_signal(void *ctx)
{
	struct serve *s = ctx;
	struct signalfd_siginfo si;
	struct dg_buf out;
	char state[96];

	while (read(s->signals, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		if (si.ssi_signo != SIGHUP) {
			dg_log(DG_LOG_INFO, "stop",
			    dg_kv_i("signal", si.ssi_signo));
			dg_loop_stop(s->app.loop);
			return;
		}
		snprintf(state, sizeof(state),
		    "RELOADING=1\nMONOTONIC_USEC=%lld",
		    (long long)dg_mono_ms() * 1000);
		dg_app_notify(state);
		dg_buf_init(&out, 1024 * 1024);
		(void)dg_app_reload(&s->app, &out);
		dg_buf_fini(&out);
		dg_app_notify("READY=1");
	}
}

/* All threads inherit the mask: signals come only through the descriptor. */
static void
watch_signals(struct serve *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	s->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	s->watch = dg_watch_new(s->app.loop, s->signals, on_signal, s);
}

/* ---- start ---- */

static int
bind_all(struct serve *s)
{
	const struct dg_config *c = s->app.bound;
	struct dg_errors errors;
	struct dg_buf bound;

	dg_errors_init(&errors);
	dg_buf_init(&bound, 256);
	s->listeners = dg_alloc0((c->n_listeners + 1) * sizeof(*s->listeners));
	for (size_t i = 0; i < c->n_listeners; i++) {
		const struct dg_config_listener *l = &c->listeners[i];
		struct bound_listener *b = &s->listeners[i];
		struct dg_err e = { 0 };

		b->name = l->name;
		b->fds = dg_alloc0(c->workers * sizeof(int));
		dg_buf_reset(&bound);
		if (dg_listen(dg_str(l->address), c->workers, b->fds, &bound,
			&e) != DG_OK) {
			dg_errors_add(&errors, l->where.file, l->where.line,
			    l->where.column, false, "listener \"%s\": %s",
			    l->name, e.text);
			continue;
		}
		s->n_listeners = i + 1;
		dg_log(DG_LOG_INFO, "listen", dg_kv_z("listener", l->name),
		    dg_kv_s("address", dg_buf_str(&bound)));
	}
	dg_buf_fini(&bound);
	int code = tell(&errors);
	dg_errors_fini(&errors);
	return code;
}

/* As the user we run as: the configuration once more, and all behind it. */
static int
first_generation(struct serve *s, struct dg_generation **out)
{
	struct dg_generation_options o = {
		.number = 1,
		.workers = s->app.bound->workers,
		.ready_dirs = dg_app_ready_dirs(),
	};
	struct dg_errors errors;
	struct dg_config *c;
	int code;

	dg_errors_init(&errors);
	c = dg_config_load(s->options.config, s->options.sets, &errors);
	if (c != NULL)
		*out = dg_generation_new(c, &o, &errors);
	s->app.generation = 1;
	code = *out == NULL ? tell(&errors) : 0;
	if (*out != NULL)
		dg_app_log_warnings(&errors);
	dg_errors_fini(&errors);
	return code;
}

static int
open_spool(struct serve *s)
{
	const struct dg_config *c = s->app.bound;
	struct dg_spool_options o = {
		.path = c->spool_path,
		.inline_max = 64 * 1024,
		.reserve = c->limits.reserve,
		.lane_in_flight = 100,
	};
	struct dg_err e = { 0 };

	if (dg_spool_open(&o, &s->app.spool, &e) != DG_OK)
		return fail(&e);
	return 0;
}

/* Without it mail goes on: only `explain ID` knows less. */
static void
open_journal(const struct dg_config *c)
{
	char *path = dg_sprintf("%s/journal", c->spool_path);
	struct dg_err e = { 0 };

	if (c->limits.journal > 0 &&
	    dg_journal_open(path, c->limits.journal, &e) != DG_OK)
		dg_log(DG_LOG_WARN, "no-journal", dg_kv_z("why", e.text));
	if (dg_journal_is_open())
		dg_log(DG_LOG_INFO, "journal", dg_kv_z("path", path),
		    dg_kv_i("pid", getpid()));
	free(path);
}

static int
start(struct serve *s)
{
	struct dg_generation *g = NULL;
	struct dg_relay_options o;
	struct dg_err e = { 0 };
	int code;

	code = bind_all(s);
	if (code != 0)
		return code;
	if (dg_app_become(s->app.bound->run_as, &e) != DG_OK)
		return fail(&e);
	code = first_generation(s, &g);
	if (code != 0)
		return code;
	code = open_spool(s);
	if (code != 0) {
		dg_generation_unpin(g);
		return code;
	}
	open_journal(s->app.bound);
	o = (struct dg_relay_options){ g, s->app.spool,
		s->app.bound->workers };
	s->app.relay = dg_relay_new(&o);
	if (dg_app_control_open(s->app.loop, s->app.bound->control, dg_app_request,
		&s->app, &s->app.control, &e) != DG_OK)
		return fail(&e);
	for (size_t i = 0; i < s->n_listeners; i++)
		dg_relay_listen(s->app.relay, s->listeners[i].name,
		    s->listeners[i].fds);
	dg_relay_start(s->app.relay);
	return 0;
}

static void
run(struct serve *s)
{
	dg_log(DG_LOG_INFO, "ready", dg_kv_z("version", DG_VERSION),
	    dg_kv_i("pid", getpid()),
	    dg_kv_i("workers", s->app.bound->workers));
	dg_app_notify("READY=1");
	dg_loop_run(s->app.loop);
	dg_app_notify("STOPPING=1");
	dg_relay_stop(s->app.relay, s->app.bound->limits.soft_end_ms);
}

static void
finish(struct serve *s)
{
	dg_app_control_close(s->app.control);
	dg_spool_close(s->app.spool);
	dg_relay_free(s->app.relay);
	dg_watch_free(s->watch);
	if (s->signals > 0)
		close(s->signals);
	dg_loop_free(s->app.loop);
	for (size_t i = 0;
	    s->listeners != NULL && i < s->app.bound->n_listeners; i++)
		free(s->listeners[i].fds);
	free(s->listeners);
	dg_config_free(s->app.bound);
	dg_app_options_fini(&s->options);
	dg_journal_close();
	dg_log(DG_LOG_INFO, "ended", dg_kv_i("pid", getpid()));
}

/* The settings to start with; NULL: told, with all that is wrong behind
 * them. */
static struct dg_config *
read_settings(const struct app_options *options)
{
	struct dg_generation_options o = {
		.workers = 1,
		.ready_dirs = dg_app_ready_dirs(),
	};
	struct dg_errors errors;
	struct dg_config *c;

	dg_errors_init(&errors);
	c = dg_config_read(options->config, options->sets, &errors);
	if (dg_errors_any(&errors)) {
		if (c != NULL)
			(void)dg_generation_new(c, &o, &errors);
		(void)tell(&errors);
		c = NULL;
	}
	dg_errors_fini(&errors);
	return c;
}

int
dg_cmd_serve(int argc, char **argv)
{
	struct serve s = { 0 };
	int code;

	if (!dg_app_options_read(argc, argv, NULL, &s.options)) {
		dg_app_options_fini(&s.options);
		return 2;
	}
	s.app.options = &s.options;
	s.app.started_ms = dg_now_ms();
	s.app.bound = read_settings(&s.options);
	if (s.app.bound == NULL) {
		dg_app_options_fini(&s.options);
		return 2;
	}
	dg_log_setup(strcmp(s.app.bound->log_format, "json") == 0,
	    DG_LOG_INFO);
	s.app.loop = dg_loop_new();
	watch_signals(&s);
	code = start(&s);
	if (code == 0)
		run(&s);
	finish(&s);
	return code;
}
