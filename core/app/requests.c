/*
 * requests.c - what the control socket understands, one verb each.
 */
#include "serve.h"

#include <stdlib.h>
#include <unistd.h>

#include "dragoman/base/clock.h"
#include "dragoman/base/journal.h"
#include "dragoman/base/units.h"
#include "queue.h"

enum { WORDS_MAX = 200 };

static int
status(struct app *a, struct dg_buf *out)
{
	char age[24];

	dg_duration_write((dg_now_ms() - a->started_ms) / 1000 * 1000, age);
	(void)dg_buf_addf(out, "dragoman version=%s pid=%ld up=%s\n",
	    DG_VERSION, (long)getpid(), age);
	dg_relay_status(a->relay, out);
	if (dg_journal_is_open())
		(void)dg_buf_addf(out, "journal dropped=%llu\n",
		    (unsigned long long)dg_journal_dropped());
	return 0;
}

static int
queue(struct app *a, struct dg_str verb, struct dg_buf *out)
{
	char *line = dg_str_dup(verb);
	const char *words[WORDS_MAX];
	size_t n = dg_queue_unline(line, words, WORDS_MAX);
	struct app_queue q;
	int code = 2;

	if (!dg_queue_read(words, n, &q, out))
		code = 2;
	else if (q.verb == QUEUE_CHECK)
		(void)dg_buf_adds(out, "queue: check is not for the relay\n");
	else
		code = dg_queue_run(a->spool, &q, out);
	free(line);
	return code;
}

int
dg_app_request(void *ctx, struct dg_str verb, struct dg_buf *out)
{
	struct app *a = ctx;

	if (dg_str_is(verb, "reload"))
		return dg_app_reload(a, out);
	if (dg_str_is(verb, "status"))
		return status(a, out);
	if (dg_str_has_prefix(verb, DG_STR("queue\t")))
		return queue(a, verb, out);
	if (dg_str_is(verb, "policy stats")) {
		dg_relay_policy_stats(a->relay, out);
		return 0;
	}
	(void)dg_buf_addf(out, "no such request: %.*s\n", DG_FMT(verb));
	return 2;
}
