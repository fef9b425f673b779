#ifndef DRAGOMAN_SPOOL_SPOOL_H
#define DRAGOMAN_SPOOL_SPOOL_H

#include "dragoman/base/buf.h"
#include "dragoman/base/post.h"

/*
 * spool.h - the durable queue: draft -> commit -> claim -> settle.
 *
 * One spool thread owns the database (SQLite, WAL, synchronous=FULL) and
 * commits what has gathered in one go.  Workers see drafts they write and
 * claims they are handed; both are plain memory of theirs.  Times are
 * milliseconds since 1970.  The spool knows nothing of SMTP or policy: to it a
 * message is a row of facts, recipients in lanes, and bytes.
 */
struct dg_spool;

struct dg_spool_options {
	const char *path;        /* directory; made if its parent is there */
	uint64_t inline_max;     /* bodies above go to a file: 65536 */
	uint64_t reserve;        /* bytes of disk kept free: 4 MiB */
	unsigned lane_in_flight; /* claims handed out a lane: 100 */
	bool no_sync;            /* policy tests only */
};

/* Opens (locks: one process owns a spool), recovers (orphan bodies removed,
 * claims of a dead process void), reads what is due.  Starts the thread. */
enum dg_rc dg_spool_open(const struct dg_spool_options *o,
    struct dg_spool **out, struct dg_err *e);
/* Finishes what was asked for, then ends the thread and closes. */
void dg_spool_close(struct dg_spool *sp);

/* ---- facts about a message ---- */
struct dg_item_rcpt {
	struct dg_str address;
	struct dg_str original;  /* "" = same */
	struct dg_str lane;      /* the hop's name */
	int64_t due_ms;
	int64_t expire_ms;
	unsigned tries;
	int64_t first_try_ms;    /* 0 = none yet */
	struct dg_str meaning;   /* of the last try: "temporary", or "" */
	struct dg_str reply;     /* last reply or words, or "" */
	struct dg_str host;      /* that said it, or "" */
	unsigned number;         /* its place in the message: kept by settle */
};
struct dg_item {
	uint64_t id;
	char name[16];           /* the id as people see it */
	struct dg_str sender, helo, address, listener, peer, user, notes;
	int64_t arrival_ms;
	bool body_8bit, is_report;
	uint64_t size;
	const struct dg_item_rcpt *rcpts;
	size_t n_rcpts;
};

/* ---- draft: a message being received ---- */
struct dg_draft;
/* DG_E_FULL (452 4.3.1) when the disk has less than the reserve left. */
enum dg_rc dg_draft_open(struct dg_spool *sp, struct dg_draft **out,
    struct dg_err *e);
/* Its id's name, known before it is committed (goes in Received). */
struct dg_str dg_draft_name(const struct dg_draft *d);
/* In memory up to inline_max, then in a file. */
enum dg_rc dg_draft_write(struct dg_draft *d, struct dg_str piece,
    struct dg_err *e);
uint64_t dg_draft_size(const struct dg_draft *d);
/* Read back how it begins: min(max, size) bytes, a view until the next call on
 * the draft.  Costs nothing while it is in memory, else one read. */
enum dg_rc dg_draft_head(struct dg_draft *d, size_t max, struct dg_str *head,
    struct dg_err *e);
/* Put `head` in the place of the first old_n bytes; it may point into what
 * dg_draft_head gave.  A draft in a file is written anew beside itself, which
 * costs its whole size in time and, until it is done, in disk.  On failure
 * (452 without room) the draft is as it was and may still be committed. */
enum dg_rc dg_draft_replace_head(struct dg_draft *d, size_t old_n,
    struct dg_str head, struct dg_err *e);
void dg_draft_free(struct dg_draft *d); /* dropped, file removed */

/* rc DG_OK: durable (synced): only now may 250 be said.  Called on the loop
 * that owns `back`. */
typedef void dg_spool_done(void *ctx, uint64_t ticket, enum dg_rc rc,
    const struct dg_err *e);
/* Facts are copied before it returns.  Consumes own_d always.  id, name and
 * size of item are ignored (the draft has them). */
void dg_spool_commit(struct dg_spool *sp, struct dg_draft *own_d,
    const struct dg_item *item, struct dg_post *back, dg_spool_done *done,
    void *ctx, uint64_t ticket);

/* ---- claim: a lease on one message's recipients in one lane ---- */
struct dg_claim {
	struct dg_item item;  /* rcpts: only those of this lane that wait */
	struct dg_str lane;
	bool is_probe;        /* the lane was held: one message tries it */
	bool is_lost;         /* its body is gone, or could not be read until it
	                       * expired: dg_claim_body says why */
	/* private to the spool from here */
	struct dg_claim_guts *guts;
};
/* Piece of the body at offset `at`, at most max bytes (a view valid until the
 * next call or settle); n == 0 at the end. */
enum dg_rc dg_claim_body(struct dg_claim *c, uint64_t at, size_t max,
    struct dg_str *piece, struct dg_err *e);

typedef void dg_claim_fn(void *ctx, struct dg_claim *own_claim);
/* Who delivers: n workers; a lane belongs to worker hash(lane) % n, where fn
 * runs (through its post).  Call before dg_spool_start. */
void dg_spool_attach(struct dg_spool *sp, unsigned worker, struct dg_post *post,
    dg_claim_fn *fn, void *ctx);
/* Begin handing out claims / stop (soft end; claims out may still settle). */
void dg_spool_start(struct dg_spool *sp);
void dg_spool_stop_claims(struct dg_spool *sp);

enum dg_outcome {
	DG_OUTCOME_DELIVERED,
	DG_OUTCOME_FAILED,   /* gone; its report is among the new messages */
	DG_OUTCOME_RETRY,    /* again at due_ms; counts a try */
	DG_OUTCOME_WAIT,     /* again at due_ms; no try counted (lane is held) */
	DG_OUTCOME_MOVE,     /* to another lane, due_ms; no try counted */
};
struct dg_settle_rcpt {
	unsigned number;        /* of the claim's recipient */
	enum dg_outcome outcome;
	int64_t due_ms;
	struct dg_str lane;     /* MOVE */
	int64_t expire_ms;      /* 0 = as it was */
	struct dg_str meaning, reply, host; /* kept for queue list and reports */
};
struct dg_new_message {
	struct dg_draft *own_draft;
	const struct dg_item *item;
};
/* One transaction: outcomes of all the claim's recipients, and the reports
 * that come of them.  Consumes claim and drafts.  Not waited for: it survives
 * kill -9 once written, and rides on the next sync.  done may be NULL. */
void dg_spool_settle(struct dg_spool *sp, struct dg_claim *own_claim,
    const struct dg_settle_rcpt *rcpts, size_t n,
    const struct dg_new_message *news, size_t n_news);

/* ---- lanes ---- */
/* Hand out nothing of the lane until then, but what expires (expire_ms
 * passed) and, at until_ms, one message as a probe; a settle of the probe with
 * DELIVERED or RETRY or FAILED ends the hold, a new hold prolongs it. */
void dg_spool_hold(struct dg_spool *sp, struct dg_str lane, int64_t until_ms,
    struct dg_str meaning, struct dg_str reason);
/* Try again now: one lane, or all with lane.n == 0 (start, reload, retry);
 * held lanes send their probe, waiting messages become due when retry_all. */
void dg_spool_release(struct dg_spool *sp, struct dg_str lane, bool retry_all);
/* Wake the scheduler after dg_clock_jump (tests). */
void dg_spool_poke(struct dg_spool *sp);

/* ---- looking (control thread: these wait for the spool thread) ---- */
typedef void dg_spool_row(void *ctx, const struct dg_item *item,
    const struct dg_item_rcpt *rcpt, bool is_claimed);
/* Waiting recipients by arrival, at most max. */
void dg_spool_list(struct dg_spool *sp, size_t max, dg_spool_row *row,
    void *ctx);
typedef void dg_spool_lane_row(void *ctx, struct dg_str lane, size_t waiting,
    size_t in_flight, int64_t held_until_ms, struct dg_str meaning,
    struct dg_str reason);
void dg_spool_lanes(struct dg_spool *sp, dg_spool_lane_row *row, void *ctx);

struct dg_spool_stats {
	uint64_t messages;   /* waiting now */
	uint64_t accepted, delivered, failed, commits, syncs;
	uint64_t wal_bytes;
	uint64_t claims_out;
};
void dg_spool_stats(struct dg_spool *sp, struct dg_spool_stats *out);
/* Nothing claimed and nothing due now: a test may go on (waits). */
bool dg_spool_is_idle(struct dg_spool *sp);

#endif
