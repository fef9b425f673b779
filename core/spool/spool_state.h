#ifndef DRAGOMAN_CORE_SPOOL_STATE_H
#define DRAGOMAN_CORE_SPOOL_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "record.h"
#include "schedule.h"
#include "store.h"

/*
 * spool_state.h - what the files of the spool share.  Private to the floor.
 *
 * Workers touch drafts, claims in their hands, and the atomics; everything
 * else belongs to the spool thread.
 */
enum { WORKERS_MAX = 256 };

struct dg_worker_post {
	struct dg_post *post;
	dg_claim_fn *fn;
	void *ctx;
};

struct dg_claim_guts;
STAILQ_HEAD(dg_requests, dg_request);
SLIST_HEAD(dg_calls, dg_call);

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
	struct dg_requests batch; /* gathered, not yet written */
	bool is_stuck;            /* the last batch failed: try again soon */
	struct dg_calls calls;
	LIST_HEAD(, dg_claim_guts) claims; /* handed out */
	size_t kept_bytes;
	uint64_t *unlinks;        /* body files whose rows are gone */
	size_t n_unlinks, room_unlinks;
	int64_t unlinks_since_ms;
	struct dg_spool_stats stats;
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
};

struct dg_draft {
	struct dg_spool *spool;
	uint64_t id;
	char name[16];
	char *body; /* while it is small */
	size_t room;
	uint64_t size;
	int fd;     /* of its file, -1 while it is small */
	char *path;
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
};

/* draft.c */
char *dg_body_path(const struct dg_spool *sp, uint64_t id);
/* File and directory, before the row that names it is written. */
enum dg_rc dg_draft_sync(struct dg_draft *d, struct dg_err *e);
/* claim.c */
struct dg_claim *dg_claim_new(struct dg_spool *sp, struct dg_entry *e,
    struct dg_kept *own_kept, struct dg_err *err);
void dg_claim_free(struct dg_claim *c);
/* batch.c: write what has gathered, answer, update the schedule. */
void dg_batch_run(struct dg_spool *sp);
void dg_batch_drop(struct dg_spool *sp);
void dg_unlinks_flush(struct dg_spool *sp);
/* dispatch.c: hand out what is due. */
void dg_dispatch(struct dg_spool *sp);

#endif
