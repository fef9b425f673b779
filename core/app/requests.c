/*
 * requests.c - what the control socket understands, one verb each.
 */
#include "serve.h"

#include <stdlib.h>
#include <unistd.h>

#include "dragoman/base/clock.h"
#include "dragoman/base/journal.h"
#include "dragoman/base/log.h"
#include "dragoman/base/units.h"
#include "queue_move.h"

enum {
	WORDS_MAX = 200,
	IMPORT_MS = 300, /* then others may ask something */
};

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

/* A step of it: "next AT MESSAGES RECIPIENTS" or "over ...", and what went
 * wrong there. */
static int
import(struct app *a, const struct app_queue *q, int passed,
    struct dg_buf *out)
{
	struct queue_import im = { .at = q->from };
	struct dg_err e = { 0 };
	enum dg_rc rc;

	if (passed < 0) {
		(void)dg_buf_adds(out, "queue: no file came along\n");
		return 2;
	}
	rc = dg_queue_import(a->spool, passed, IMPORT_MS, &im, &e);
	if (im.messages > 0)
		dg_log(DG_LOG_INFO, "queue", dg_kv_z("change", "import"),
		    dg_kv_i("messages", (long long)im.messages),
		    dg_kv_i("recipients", (long long)im.recipients));
	(void)dg_buf_addf(out, "%s %llu %llu %llu\n",
	    im.is_over ? "over" : "next", (unsigned long long)im.at,
	    (unsigned long long)im.messages, (unsigned long long)im.recipients);
	if (rc != DG_OK)
		(void)dg_buf_addf(out, "%s\n", e.text);
	return rc == DG_OK ? 0 : 1;
}

static int
queue(struct app *a, struct dg_str verb, int passed, struct dg_buf *out)
{
	char *line = dg_str_dup(verb);
	const char *words[WORDS_MAX];
	size_t n = dg_queue_unline(line, words, WORDS_MAX);
	struct app_queue q;
	int code = 2;

	if (!dg_queue_read(words, n, &q, out))
		code = 2;
	else if (q.verb == QUEUE_IMPORT)
		code = import(a, &q, passed, out);
	else if (q.verb == QUEUE_CHECK || q.verb == QUEUE_EXPORT)
		(void)dg_buf_adds(out, "queue: that is not for the relay\n");
	else
		code = dg_queue_run(a->spool, &q, out);
	free(line);
	return code;
}

int
dg_app_request(void *ctx, struct dg_str verb, int passed, struct dg_buf *out)
{
	struct app *a = ctx;

	if (dg_str_is(verb, "reload"))
		return dg_app_reload(a, out);
	if (dg_str_is(verb, "status"))
		return status(a, out);
	if (dg_str_has_prefix(verb, DG_STR("queue\t")))
		return queue(a, verb, passed, out);
	if (dg_str_is(verb, "policy stats")) {
		dg_relay_policy_stats(a->relay, out);
		return 0;
	}
	(void)dg_buf_addf(out, "no such request: %.*s\n", DG_FMT(verb));
	return 2;
}
