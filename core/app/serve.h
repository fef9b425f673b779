#ifndef DRAGOMAN_CORE_APP_SERVE_H
#define DRAGOMAN_CORE_APP_SERVE_H

#include "app.h"
#include "dragoman/net/loop.h"
#include "dragoman/relay/relay.h"

/* serve.h - the running relay as its own files see it. */
struct app {
	struct app_options *options;
	struct dg_config *bound;   /* the configuration we started with: what
	                            * needs a restart is compared with it */
	struct dg_loop *loop;      /* the control thread's */
	struct dg_spool *spool;
	struct dg_relay *relay;
	struct app_control *control;
	unsigned generation;
	int64_t started_ms;
};

/* reload.c: build the next generation aside; good: publish.  The verdict, all
 * errors included, goes to out; returns the exit code (0, or 2). */
int dg_app_reload(struct app *a, struct dg_buf *out);
/* Log what is left in errors when all went well: warnings, one an event. */
void dg_app_log_warnings(struct dg_errors *errors);
/* requests.c: what the control socket understands. */
int dg_app_request(void *ctx, struct dg_str verb, int passed,
    struct dg_buf *out);

#endif
