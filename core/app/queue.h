#ifndef DRAGOMAN_CORE_APP_QUEUE_H
#define DRAGOMAN_CORE_APP_QUEUE_H

#include "dragoman/base/buf.h"
#include "dragoman/spool/queue.h"

/*
 * queue.h - `dragoman queue`: what was asked, and the answer as text.
 *
 * The command reads its words, so that a wrong one is told without a relay, and
 * sends them over the control socket, where they are read again in the same
 * way.  With no relay the command answers itself, from a spool that it opened
 * to look.
 */
enum app_queue_verb {
	QUEUE_LIST,
	QUEUE_SHOW,
	QUEUE_STATS,
	QUEUE_CHECK,
	QUEUE_RETRY,
	QUEUE_HOLD,
	QUEUE_RELEASE,
	QUEUE_DROP,
	QUEUE_EXPORT,
	QUEUE_IMPORT,
};
enum {
	QUEUE_IDS = 100,
};

struct app_queue {
	enum app_queue_verb verb;
	struct dg_pick pick;
	uint64_t ids[QUEUE_IDS]; /* none: all that the pick fits */
	size_t n_ids;
	bool picks; /* something was said of whom */
	bool is_all, is_dry, reports, has_json, has_table;
	uint64_t limit; /* rows shown */
	char by; /* stats: 'd'omain, 'h'op, 's'ender */
	const char *file; /* export, import */
	uint64_t from; /* import: where in it to begin */
};

/* From the words after `queue`; views into them are kept.  False: out says
 * what is wrong with them. */
bool dg_queue_read(const char *const *words, size_t n, struct app_queue *q,
    struct dg_buf *out);
/* The words as one line for the control socket, and back (line is cut into
 * pieces); false: that cannot be sent, or is none. */
bool dg_queue_line(const char *const *words, size_t n, struct dg_buf *out);
size_t dg_queue_unline(char *line, const char **words, size_t max);

bool dg_queue_changes(const struct app_queue *q);
/* The answer; the exit code. */
int dg_queue_run(struct dg_spool *sp, const struct app_queue *q,
    struct dg_buf *out);

/* queue_show.c: recipients as lines, as a table, as JSON. */
struct queue_lane;
struct queue_lanes { /* what is known of hops: why they are held */
	struct queue_lane *v;
	size_t n;
};
void dg_queue_lanes(struct dg_spool *sp, struct queue_lanes *out);
void dg_queue_lanes_fini(struct queue_lanes *l);
/* Why it waits, and what comes next and when: "next in 1h, because ...". */
void dg_queue_sentence(const struct queue_lanes *lanes,
    const struct dg_item_rcpt *r, bool is_claimed, struct dg_buf *out);
void dg_queue_row(const struct app_queue *q, const struct queue_lanes *lanes,
    const struct dg_item *item, const struct dg_item_rcpt *r, bool is_claimed,
    struct dg_buf *out);
int dg_queue_show(struct dg_spool *sp, const struct app_queue *q,
    struct dg_buf *out);

/* queue_stats.c: how much waits for whom, and how long already. */
int dg_queue_stats(struct dg_spool *sp, const struct app_queue *q,
    struct dg_buf *out);

#endif
