#ifndef DRAGOMAN_CORE_SPOOL_STATE_H
#define DRAGOMAN_CORE_SPOOL_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "dragoman/spool/queue.h"
#include "record.h"
#include "schedule.h"
#include "store.h"

/*
 * spool_state.h - what the files of the spool share.  Private to the floor.
 *
 * Workers touch drafts, claims in their hands, and the atomics; everything
 * else belongs to the spool thread.
 */
enum {
	WORKERS_MAX = 256
};

struct dg_worker_post {
	struct dg_post *post;
	dg_claim_fn *fn;
	void *ctx;
};

struct dg_claim_guts;
STAILQ_HEAD(dg_requests, dg_request);
SLIST_HEAD(dg_calls, dg_call);

/* A message that was answered 4yz though its row may come back (store.h). */
struct dg_refused {
	uint64_t id;
	bool has_file;
};

/* receipt.c */
struct dg_receipt_file {
	int fd;         /* -1: there are none */
	size_t end;     /* where the next one goes */
	size_t pending; /* settles it stands for that are not written */
};
struct dg_receipts {
	pthread_mutex_t lock; /* what is below, but for the fds */
	struct dg_receipt_file files[2];
	int active;
	bool has_failed; /* it was told */
	struct dg_receipt *known; /* those of a spool that is looked at */
	size_t n_known;
};

struct dg_spool {
	struct dg_spool_options o;
	char *path, *bodies;
	int lock_fd, bodies_fd;
	struct dg_post *post; /* letters to the spool thread */
	pthread_t thread;
	struct dg_store *store;
	struct dg_schedule schedule;
	struct dg_worker_post workers[WORKERS_MAX];
	unsigned n_workers;
	bool is_started, is_ending;
	bool is_look; /* nothing but the store is there, to be read */
	struct dg_requests batch; /* gathered, not yet written */
	size_t n_gathered;        /* in it */
	int64_t gathered_ms;      /* when the first came */
	size_t n_awaited;         /* of them that somebody waits for */
	size_t n_awaited_before;  /* in the last batch that had any */
	struct dg_requests later; /* settles that could not be written */
	int64_t later_ms;         /* not tried again before */
	int64_t told_ms;          /* when the log was last told of it */
	struct dg_refused *refused;
	size_t n_refused, room_refused;
	struct dg_calls calls;
	LIST_HEAD(, dg_claim_guts) claims; /* handed out */
	size_t kept_bytes;                 /* of messages that wait in memory */
	uint64_t *unlinks;                 /* body files whose rows are gone */
	size_t n_unlinks, room_unlinks;
	int64_t unlinks_since_ms;
	struct dg_spool_stats stats;
	struct dg_receipts receipts;
	int reserve_fd;       /* room.c */
	atomic_bool is_short; /* the reserve is spent: take nothing new */
	bool is_low;          /* look again soon whether there is room */
	int64_t watched_ms;
	atomic_ullong store_free; /* of the database, for new rows */
	atomic_ullong last_id;
};

/* One thing to write: a new message, or a settle with its reports. */
struct dg_new {
	struct dg_draft *draft;
	struct dg_kept *kept;
};
struct dg_request {
	STAILQ_ENTRY(dg_request) next;
	struct dg_new *news;
	size_t n_news;
	/* of a commit */
	struct dg_post *back;
	dg_spool_done *done;
	void *ctx;
	uint64_t ticket;
	/* of a settle */
	struct dg_claim *claim;
	struct dg_settle_rcpt *outs;
	size_t n_outs;
	struct dg_rest rest;
	struct dg_arena arena; /* strings of outs */
	int receipt_file;      /* where that is, with has_receipt */
	bool has_receipt;
};

struct dg_draft {
	struct dg_spool *spool;
	uint64_t id;
	char name[16];
	char *body; /* while it is small */
	size_t room;
	uint64_t size;
	int fd;     /* of its file, -1 while it is small */
	char *head; /* read back from it */
	char *path;
	bool is_broken;    /* a write failed: it may not be committed */
	bool is_stored;    /* its file is synced, and the name of it */
	bool is_committed; /* the file stays */
};

struct dg_claim_guts {
	LIST_ENTRY(dg_claim_guts) next; /* among those handed out */
	struct dg_spool *spool;
	struct dg_kept *kept;
	struct dg_entry *entry; /* the spool thread's */
	int fd;                 /* of the body's file, or -1 */
	char *piece;            /* read from it */
	size_t room;
	struct dg_err lost; /* with is_lost: why */
};

/* What a draft is called while it is written anew: never a name of a body. */
#define DG_DRAFT_NEW ".new"

/* spool.c: run on the spool thread, after what was sent before it is written;
 * waits for that. */
void dg_spool_call(struct dg_spool *sp,
    void (*run)(struct dg_spool *sp, void *arg), void *arg);

/* draft.c */
char *dg_body_path(const struct dg_spool *sp, uint64_t id);
/* Its file, before the row that names it is written; the directory is the
 * caller's. */
enum dg_rc dg_draft_sync(struct dg_draft *d, struct dg_err *e);
/* errno as an error of the disk: 452 or 451. */
enum dg_rc dg_disk_fail(struct dg_err *e, const char *doing, const char *what);

/* claim.c */
/* NULL: its body cannot be read now.  When it will never be there again, or
 * `insists`, the claim comes without (is_lost). */
struct dg_claim *dg_claim_new(struct dg_spool *sp, struct dg_entry *e,
    struct dg_kept *own_kept, bool insists, struct dg_err *err);
void dg_claim_free(struct dg_claim *c);

/* batch.c: one more for the next batch. */
void dg_batch_add(struct dg_spool *sp, struct dg_request *own_r);
/* Write what has gathered, answer, update the schedule; when nobody waits for
 * it, only after it has gathered for a moment. */
void dg_batch_run(struct dg_spool *sp);
/* Would a moment more make it larger?  Then take what comes, and ask no more.
 */
bool dg_batch_may_grow(const struct dg_spool *sp);
/* How long until then; INT64_MAX: nothing has gathered. */
int64_t dg_batch_wait_ms(const struct dg_spool *sp);
/* Something waits for the next try. */
bool dg_batch_is_stuck(const struct dg_spool *sp);
void dg_batch_drop(struct dg_spool *sp);
/* When what is left of a message in a lane expires next. */
int64_t dg_next_expiry(const struct dg_rest *rest, int64_t now);
/* A body's file, when the delete of its row is durable. */
void dg_unlink_later(struct dg_spool *sp, uint64_t id);
/* Remove body files; only after a sync made the deletes of their rows last. */
void dg_unlinks_flush(struct dg_spool *sp);

/* look.c */
bool dg_pick_fits(const struct dg_pick *p, const struct dg_item *it,
    const struct dg_item_rcpt *r, int64_t now);
bool dg_is_claimed(const struct dg_spool *sp, uint64_t id, unsigned number);

/* dispatch.c: hand out what is due. */
void dg_dispatch(struct dg_spool *sp);
/* The message may stay in memory until it is claimed; then it is consumed. */
bool dg_keep(struct dg_spool *sp, struct dg_sched_msg *m,
    struct dg_kept *own_k);
void dg_unkeep(struct dg_spool *sp, struct dg_sched_msg *m);

/* room.c: the reserve, so that a full disk can still be emptied. */
enum dg_rc dg_room_open(struct dg_spool *sp, struct dg_err *e);
/* May a new message begin?  (any thread) */
enum dg_rc dg_room_check(struct dg_spool *sp, struct dg_err *e);
/* Spend the reserve; true when there was one. */
bool dg_room_spend(struct dg_spool *sp);
/* What the queue no longer needs goes back to the disk when that is nearly
 * full; the reserve is laid aside again when there is room for it. */
void dg_room_watch(struct dg_spool *sp);

/* receipt.c: who was delivered survives kill -9 before its settle is written.
 * On the worker, before anything else is done for the hop: */
void dg_receipts_note(struct dg_spool *sp, struct dg_request *r);
/* When the settle is in the database. */
void dg_receipts_done(struct dg_spool *sp, struct dg_request *r);
/* At the start, before anything is handed out. */
void dg_receipts_recover(struct dg_spool *sp);
/* For a spool that is looked at: read them, and was that one delivered? */
void dg_receipts_look(struct dg_spool *sp);
bool dg_receipts_has(const struct dg_spool *sp, const struct dg_item *item,
    unsigned number);
void dg_receipts_init(struct dg_receipts *rs);
void dg_receipts_open(struct dg_spool *sp);
void dg_receipts_close(struct dg_receipts *rs);

/* recover.c */
enum dg_rc dg_recover(struct dg_spool *sp, struct dg_err *e);

#endif
