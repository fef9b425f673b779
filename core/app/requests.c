/*
 * requests.c - what the control socket understands, one verb each.
 */
#include "serve.h"

#include <stdio.h>
#include <unistd.h>

#include "dragoman/base/clock.h"
#include "dragoman/base/journal.h"
#include "dragoman/base/units.h"

enum { LIST_MAX = 10000 };

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

/* Every waiting recipient has a sentence: why, since when, what next. */
static void
add_row(void *ctx, const struct dg_item *item, const struct dg_item_rcpt *r,
    bool is_claimed)
{
	struct dg_buf *out = ctx;
	int64_t now = dg_now_ms();
	char age[24], next[24];

	dg_duration_write((now - item->arrival_ms) / 1000 * 1000, age);
	dg_duration_write(
	    r->due_ms > now ? (r->due_ms - now) / 1000 * 1000 : 0, next);
	(void)dg_buf_addf(out,
	    "%s from=<%.*s> to=<%.*s> hop=%.*s age=%s size=%llu tries=%u %s",
	    item->name, DG_FMT(item->sender), DG_FMT(r->address),
	    DG_FMT(r->lane), age, (unsigned long long)item->size, r->tries,
	    is_claimed ? "being delivered now" : "");
	if (!is_claimed)
		(void)dg_buf_addf(out, "next in %s", next);
	if (r->meaning.n > 0)
		(void)dg_buf_addf(out, ", because %.*s: %.*s%s%.*s",
		    DG_FMT(r->meaning), DG_FMT(r->host),
		    r->host.n > 0 ? " said " : "", DG_FMT(r->reply));
	(void)dg_buf_addc(out, '\n');
}

static int
queue_list(struct app *a, struct dg_buf *out)
{
	dg_spool_list(a->spool, LIST_MAX, add_row, out);
	if (out->n == 0)
		(void)dg_buf_adds(out, "nothing waits\n");
	return 0;
}

int
dg_app_request(void *ctx, struct dg_str verb, struct dg_buf *out)
{
	struct app *a = ctx;

	if (dg_str_is(verb, "reload"))
		return dg_app_reload(a, out);
	if (dg_str_is(verb, "status"))
		return status(a, out);
	if (dg_str_is(verb, "queue list"))
		return queue_list(a, out);
	if (dg_str_is(verb, "policy stats")) {
		dg_relay_policy_stats(a->relay, out);
		return 0;
	}
	(void)dg_buf_addf(out, "no such request: %.*s\n", DG_FMT(verb));
	return 2;
}
