#ifndef DRAGOMAN_CORE_SPOOL_STORE_H
#define DRAGOMAN_CORE_SPOOL_STORE_H

#include "dragoman/spool/queue.h"
#include "record.h"

/*
 * store.h - the database under the spool: SQLite, write-ahead log, one
 * connection, used by the spool thread alone.  Private to the spool floor;
 * only the files store*.c know SQLite (store_state.h).
 */
struct dg_store;

enum dg_rc dg_store_open(const char *file, bool no_sync, struct dg_store **out,
    struct dg_err *e);
/* To be looked at: nothing is written, not even a schema. */
enum dg_rc dg_store_look(const char *file, struct dg_store **out,
    struct dg_err *e);
void dg_store_close(struct dg_store *st);

/* A transaction: durable ones are synced when dg_store_commit returns.  The
 * first failure inside makes commit fail with it; then it is rolled back. */
void dg_store_begin(struct dg_store *st, bool is_durable);
enum dg_rc dg_store_commit(struct dg_store *st, struct dg_err *e);
/* After a failure: was it the last step, so that after a crash all of it may
 * be there nevertheless?  Then a later transaction must delete what was
 * refused. */
bool dg_store_may_return(const struct dg_store *st);

/* First thing in a transaction that calls dg_store_change. */
void dg_store_may_hold(struct dg_store *st);
/* What an operator does to a recipient. */
void dg_store_change(struct dg_store *st, uint64_t id, unsigned number,
    enum dg_change change, int64_t now_ms);

/* Inside a transaction; a failure shows at commit.  Written a second time
 * (the first came back after a failure) they do no harm. */
void dg_store_insert(struct dg_store *st, uint64_t id, const struct dg_kept *k);
void dg_store_update(struct dg_store *st, uint64_t id,
    const struct dg_settle_rcpt *r, int64_t now_ms);
void dg_store_delete(struct dg_store *st, uint64_t id, unsigned number);
/* The message when no recipient of it is left; true: it is gone. */
bool dg_store_finish(struct dg_store *st, uint64_t id);
/* The message and all that is left of its recipients. */
void dg_store_forget(struct dg_store *st, uint64_t id);
/* What of a message still waits in a lane. */
struct dg_rest {
	unsigned n;
	int64_t due_ms, expire_ms;
};
void dg_store_rest(struct dg_store *st, uint64_t id, struct dg_str lane,
    struct dg_rest *out);

/* A message's facts, with the recipients of that lane that are due or expired
 * at until_ms (INT64_MAX: all); lane.n == 0: of every lane. */
enum dg_rc dg_store_read(struct dg_store *st, uint64_t id, struct dg_str lane,
    int64_t until_ms, struct dg_kept **out, struct dg_err *e);
/* Its inline body, into k->body; absent: it is in a file, or not whole. */
enum dg_rc dg_store_read_body(struct dg_store *st, struct dg_kept *k,
    struct dg_err *e);

typedef void dg_store_row(void *ctx, uint64_t id, struct dg_str lane,
    int64_t due_ms, int64_t expire_ms);
/* Every recipient that waits, by id (start). */
enum dg_rc dg_store_walk(struct dg_store *st, dg_store_row *row, void *ctx,
    struct dg_err *e);
/* Is there such a message?  Also true when that cannot be told. */
bool dg_store_has(struct dg_store *st, uint64_t id);
/* No id up to this one may be given again. */
uint64_t dg_store_last_id(struct dg_store *st);
/* Waiting ids above `after` in order, at most max into out; how many. */
size_t dg_store_ids(struct dg_store *st, uint64_t after, uint64_t *out,
    size_t max);

typedef void dg_store_scan_row(void *ctx, const struct dg_item *item,
    const struct dg_item_rcpt *rcpt);
/* All recipients of the next max messages above *after, which becomes the last
 * of them; what is given dies when row returns.  Absent: there is none. */
enum dg_rc dg_store_scan(struct dg_store *st, uint64_t *after, size_t max,
    dg_store_scan_row *row, void *ctx, struct dg_err *e);

/* store_check.c: what is wrong with the database in itself. */
enum dg_rc dg_store_check(struct dg_store *st, dg_spool_finding *fn, void *ctx,
    struct dg_err *e);
/* Messages whose body is in a file, by id. */
enum dg_rc dg_store_with_files(struct dg_store *st,
    void (*fn)(void *ctx, uint64_t id, uint64_t size), void *ctx,
    struct dg_err *e);

/* Bytes in the write-ahead log; times the disk was waited for. */
uint64_t dg_store_wal(const struct dg_store *st);
uint64_t dg_store_syncs(const struct dg_store *st);
/* Sync the log: all that was committed is durable on DG_OK. */
enum dg_rc dg_store_sync(struct dg_store *st, struct dg_err *e);
/* Move the log into the database when it has grown. */
void dg_store_tidy(struct dg_store *st);
/* Bytes of the database that new rows may take before it grows. */
uint64_t dg_store_free(struct dg_store *st);
/* Give back to the disk what the log takes; and the free part of the database
 * when what is left of it is at most max_bytes (that is written anew). */
void dg_store_shrink(struct dg_store *st, uint64_t max_bytes);

#endif
