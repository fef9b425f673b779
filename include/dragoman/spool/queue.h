#ifndef DRAGOMAN_SPOOL_QUEUE_H
#define DRAGOMAN_SPOOL_QUEUE_H

#include "dragoman/spool/spool.h"

/*
 * queue.h - what an operator sees of the queue, and does to it.
 *
 * All of it works on the running spool, and waits for its thread; what only
 * looks also works on one that was opened to look (dg_spool_look), with no
 * relay or beside a running one.  Large queues are walked page by page, so that
 * who waits for a 250 waits for one page at most.
 */

/* A recipient that an operator holds is due then, never expires meanwhile, and
 * is not tried by a retry of its hop. */
#define DG_DUE_HELD INT64_C(253402300799000) /* the year 9999 */

/* Opens what is there to be looked at: no lock, no thread, nothing is
 * written.  What a hop has taken (receipt.c) is not seen.  Close it with
 * dg_spool_close. */
enum dg_rc dg_spool_look(const char *path, struct dg_spool **out,
    struct dg_err *e);

/* Who: all that is set must fit. */
struct dg_pick {
	uint64_t id; /* 0: any message */
	bool has_hop, has_domain, has_sender, has_reason;
	struct dg_str hop;
	struct dg_str domain; /* of the recipient */
	struct dg_str sender; /* the whole address; "": the null sender */
	struct dg_str reason; /* a meaning, or a part of what was said */
	int64_t older_ms;     /* in the queue for at least so long */
};
/* Waiting recipients by arrival, at most max.  False: there are more. */
bool dg_spool_scan(struct dg_spool *sp, const struct dg_pick *pick, size_t max,
    dg_spool_row *row, void *ctx, struct dg_err *e);
/* The message's body from the start, at most max bytes, in pieces. */
typedef void dg_spool_piece(void *ctx, struct dg_str piece);
enum dg_rc dg_spool_read(struct dg_spool *sp, uint64_t id, uint64_t max,
    dg_spool_piece *fn, void *ctx, struct dg_err *e);
/* The id that people see, read; false: it is none. */
bool dg_spool_id(struct dg_str name, uint64_t *out);

enum dg_change {
	DG_CHANGE_RETRY,   /* due now; its hop's hold ends with a probe */
	DG_CHANGE_HOLD,    /* until released: not tried, not given up */
	DG_CHANGE_RELEASE, /* due now; what time it was held is given back */
	DG_CHANGE_GIVE_UP, /* at once, with a report to the sender: it expired
	                    * before it arrived */
	DG_CHANGE_DROP,    /* gone, without a word to anybody */
};
struct dg_changed {
	uint64_t messages, recipients; /* changed, or would be */
	uint64_t claimed; /* being delivered: left alone */
	uint64_t unfit;   /* held already, or not held */
};
/* All that fit, durable when it returns; `is_dry`: only counted.  row (or NULL)
 * sees each before it is changed. */
enum dg_rc dg_spool_change(struct dg_spool *sp, const struct dg_pick *pick,
    enum dg_change change, bool is_dry, dg_spool_row *row, void *ctx,
    struct dg_changed *out, struct dg_err *e);

/* Verify database and bodies; problem is called for each found, note for what
 * may be right.  Only on a spool that was opened to look: it takes long. */
typedef void dg_spool_finding(void *ctx, bool is_problem, const char *text);
enum dg_rc dg_spool_check(struct dg_spool *sp, dg_spool_finding *fn, void *ctx,
    struct dg_err *e);

#endif
