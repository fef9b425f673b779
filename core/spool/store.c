/*
 * store.c - the database: schema, statements, and when it syncs.
 *
 * SQLite in WAL mode, written by one thread.  A transaction that holds a new
 * message commits with synchronous=FULL: it is on disk when COMMIT returns.
 * One that only settles commits with NORMAL: written, so that it survives
 * kill -9, but not synced; a power cut may undo it, which delivers a message
 * twice and loses none.  Checkpoints run here, between batches.
 *
 * The format has a version, PRAGMA user_version.  Columns are only ever added,
 * with defaults, so that an older program can read what a newer one wrote.
 */
#include "store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/fault.h"
#include "dragoman/base/log.h"

enum {
	VERSION = 1,
	PAGE = 4096,
	TIDY_PAGES = 2000,             /* checkpoint above 8 MiB of log */
	RESTART_PAGES = 64 * 1024 / 4, /* and insist above 64 MiB */
};

#define STATEMENTS(X) \
	X(BEGIN, "BEGIN IMMEDIATE") \
	X(COMMIT, "COMMIT") \
	X(ROLLBACK, "ROLLBACK") \
	X(FULL, "PRAGMA synchronous=FULL") \
	X(NORMAL, "PRAGMA synchronous=NORMAL") \
	X(OFF, "PRAGMA synchronous=OFF") \
	X(ADD_MESSAGE, \
	    "INSERT INTO message(id, sender, helo, address, listener, peer, " \
	    "user, notes, arrival, body_8bit, is_report, size, body) " \
	    "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13)") \
	X(ADD_RCPT, \
	    "INSERT INTO rcpt(id, number, address, original, lane, due, " \
	    "expire, tries, first_try, meaning, reply, host) " \
	    "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)") \
	X(UPDATE_RCPT, \
	    "UPDATE rcpt SET due = ?3, meaning = ?4, reply = ?5, host = ?6, " \
	    "tries = tries + ?7, lane = coalesce(?8, lane), " \
	    "expire = coalesce(?9, expire), " \
	    "first_try = CASE WHEN first_try = 0 AND ?7 > 0 THEN ?10 " \
	    "ELSE first_try END WHERE id = ?1 AND number = ?2") \
	X(DELETE_RCPT, "DELETE FROM rcpt WHERE id = ?1 AND number = ?2") \
	X(DELETE_MESSAGE, "DELETE FROM message WHERE id = ?1") \
	X(REST, \
	    "SELECT count(*), min(due), min(nullif(expire, 0)) FROM rcpt " \
	    "WHERE id = ?1 AND lane = ?2") \
	X(MESSAGE, \
	    "SELECT sender, helo, address, listener, peer, user, notes, " \
	    "arrival, body_8bit, is_report, size FROM message WHERE id = ?1") \
	X(RCPTS, \
	    "SELECT number, address, original, lane, due, expire, tries, " \
	    "first_try, meaning, reply, host FROM rcpt WHERE id = ?1 AND " \
	    "(?2 = '' OR (lane = ?2 AND (due <= ?3 OR (expire > 0 AND " \
	    "expire <= ?3)))) ORDER BY number") \
	X(COUNT, "SELECT count(*) FROM rcpt WHERE id = ?1") \
	X(BODY, "SELECT body FROM message WHERE id = ?1") \
	X(WALK, \
	    "SELECT r.id, m.body IS NULL, r.lane, count(*), min(r.due), " \
	    "min(nullif(r.expire, 0)) FROM rcpt r JOIN message m ON " \
	    "m.id = r.id GROUP BY r.id, r.lane ORDER BY r.id") \
	X(HAS, "SELECT 1 FROM message WHERE id = ?1") \
	X(LAST, "SELECT coalesce(max(id), 0) FROM message") \
	X(IDS, "SELECT id FROM message ORDER BY id LIMIT ?1")
enum statement {
#define X(id, text) ST_##id,
	STATEMENTS(X)
#undef X
	    ST_N
};
static const char *const texts[ST_N] = {
#define X(id, text) text,
	STATEMENTS(X)
#undef X
};

struct dg_store {
	char *file;
	sqlite3 *db; /* NULL after a failure: opened again at the next begin */
	sqlite3_stmt *st[ST_N];
	bool no_sync;
	enum statement sync_mode;
	bool is_durable;
	int failed; /* first SQLite error of the transaction */
	char why[200];
	int wal_pages;
	uint64_t syncs;
};

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS message(id INTEGER PRIMARY KEY, "
    "sender TEXT NOT NULL, helo TEXT NOT NULL, address TEXT NOT NULL, "
    "listener TEXT NOT NULL, peer TEXT NOT NULL, user TEXT NOT NULL, "
    "notes BLOB NOT NULL, arrival INTEGER NOT NULL, "
    "body_8bit INTEGER NOT NULL, is_report INTEGER NOT NULL, "
    "size INTEGER NOT NULL, body BLOB);"
    "CREATE TABLE IF NOT EXISTS rcpt(id INTEGER NOT NULL, "
    "number INTEGER NOT NULL, address TEXT NOT NULL, "
    "original TEXT NOT NULL, lane TEXT NOT NULL, due INTEGER NOT NULL, "
    "expire INTEGER NOT NULL, tries INTEGER NOT NULL, "
    "first_try INTEGER NOT NULL, meaning TEXT NOT NULL, "
    "reply TEXT NOT NULL, host TEXT NOT NULL, "
    "PRIMARY KEY(id, number)) WITHOUT ROWID;";

/* ---- statements ---- */

static void
note(struct dg_store *st, int rc)
{
	if (rc == SQLITE_OK || rc == SQLITE_DONE || rc == SQLITE_ROW ||
	    st->failed != 0)
		return;
	st->failed = rc;
	snprintf(st->why, sizeof(st->why), "%s",
	    st->db != NULL ? sqlite3_errmsg(st->db) : "the spool is closed");
}

static sqlite3_stmt *
get(struct dg_store *st, enum statement which)
{
	if (st->db == NULL)
		return NULL;
	if (st->st[which] == NULL)
		note(st, sqlite3_prepare_v3(st->db, texts[which], -1,
		    SQLITE_PREPARE_PERSISTENT, &st->st[which], NULL));
	return st->st[which];
}

/* Step a statement that gives no row. */
static void
run(struct dg_store *st, enum statement which)
{
	sqlite3_stmt *s = get(st, which);

	if (s == NULL)
		return;
	if (st->failed == 0 || which == ST_ROLLBACK)
		note(st, sqlite3_step(s));
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
}

static void
bind_text(sqlite3_stmt *s, int i, struct dg_str v)
{
	sqlite3_bind_text(s, i, v.n > 0 ? v.p : "", (int)v.n, SQLITE_STATIC);
}

static struct dg_str
column(struct dg_kept *k, sqlite3_stmt *s, int i)
{
	const void *p = sqlite3_column_blob(s, i);

	return dg_kept_str(k,
	    dg_str_of(p, (size_t)sqlite3_column_bytes(s, i)));
}

/* ---- open and close ---- */

static int
on_wal(void *ctx, sqlite3 *db, const char *name, int pages)
{
	struct dg_store *st = ctx;

	(void)db;
	(void)name;
	st->wal_pages = pages;
	return SQLITE_OK;
}

static void
shut(struct dg_store *st)
{
	for (int i = 0; i < ST_N; i++) {
		sqlite3_finalize(st->st[i]);
		st->st[i] = NULL;
	}
	sqlite3_close(st->db);
	st->db = NULL;
	st->sync_mode = ST_N;
}

static int
pragma_number(sqlite3 *db, const char *pragma)
{
	sqlite3_stmt *s = NULL;
	int n = -1;

	if (sqlite3_prepare_v2(db, pragma, -1, &s, NULL) == SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int(s, 0);
	sqlite3_finalize(s);
	return n;
}

static enum dg_rc
check_version(struct dg_store *st, struct dg_err *e)
{
	int found = pragma_number(st->db, "PRAGMA user_version");
	char pragma[64];

	if (found > VERSION)
		return dg_fail(e, DG_E_CONFIG, 451, "4.3.0",
		    "%s has format %d, and this program knows formats up to "
		    "%d: it was written by a newer dragoman",
		    st->file, found, VERSION);
	if (found == VERSION)
		return DG_OK;
	snprintf(pragma, sizeof(pragma), "PRAGMA user_version=%d", VERSION);
	note(st, sqlite3_exec(st->db, schema, NULL, NULL, NULL));
	note(st, sqlite3_exec(st->db, pragma, NULL, NULL, NULL));
	return DG_OK;
}

static enum dg_rc
reopen(struct dg_store *st, struct dg_err *e)
{
	static const char setup[] =
	    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
	    "PRAGMA journal_size_limit=67108864; "
	    "PRAGMA cache_size=-32768; PRAGMA temp_store=MEMORY;";
	enum dg_rc rc;

	st->failed = 0;
	note(st, sqlite3_open_v2(st->file, &st->db,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
	    NULL));
	if (st->failed == 0)
		note(st, sqlite3_exec(st->db, setup, NULL, NULL, NULL));
	if (st->failed == 0) {
		rc = check_version(st, e);
		if (rc != DG_OK) {
			shut(st);
			return rc;
		}
	}
	if (st->failed == 0 && pragma_number(st->db, "PRAGMA synchronous") != 2)
		st->failed = SQLITE_MISUSE;
	if (st->failed != 0) {
		(void)dg_fail(e, DG_E_IO, 451, "4.3.0",
		    "cannot open the spool's database %s: %s", st->file,
		    st->why);
		shut(st);
		return DG_E_IO;
	}
	sqlite3_wal_hook(st->db, on_wal, st);
	st->sync_mode = ST_FULL;
	return DG_OK;
}

enum dg_rc
dg_store_open(const char *file, bool no_sync, struct dg_store **out,
    struct dg_err *e)
{
	struct dg_store *st = dg_alloc0(sizeof(*st));
	enum dg_rc rc;

	st->file = dg_strdup(file);
	st->no_sync = no_sync;
	rc = reopen(st, e);
	if (rc != DG_OK) {
		free(st->file);
		free(st);
		return rc;
	}
	*out = st;
	return DG_OK;
}

void
dg_store_close(struct dg_store *st)
{
	if (st == NULL)
		return;
	shut(st);
	free(st->file);
	free(st);
}

/* ---- transactions ---- */

static void
set_sync(struct dg_store *st, enum statement mode)
{
	sqlite3_stmt *s;

	if (st->no_sync)
		mode = ST_OFF;
	if (st->sync_mode == mode)
		return;
	s = get(st, mode);
	if (s == NULL)
		return;
	(void)sqlite3_step(s);
	sqlite3_reset(s);
	st->sync_mode = mode;
}

void
dg_store_begin(struct dg_store *st, bool is_durable)
{
	struct dg_err e = { 0 };

	st->failed = 0;
	st->is_durable = is_durable;
	if (st->db == NULL && reopen(st, &e) != DG_OK) {
		snprintf(st->why, sizeof(st->why), "%.190s", e.text);
		st->failed = SQLITE_CANTOPEN;
		return;
	}
	set_sync(st, is_durable ? ST_FULL : ST_NORMAL);
	run(st, ST_BEGIN);
}

static enum dg_rc
failure(struct dg_store *st, struct dg_err *e)
{
	int rc = st->failed;
	bool is_full = (rc & 0xff) == SQLITE_FULL;

	run(st, ST_ROLLBACK);
	/* whatever state it is in, a fresh connection heals or says why */
	if ((rc & 0xff) != SQLITE_FULL && (rc & 0xff) != SQLITE_BUSY)
		shut(st);
	if (is_full)
		return dg_fail(e, DG_E_FULL, 452, "4.3.1",
		    "no room in the spool: %s", st->why);
	return dg_fail(e, DG_E_IO, 451, "4.3.0", "the spool failed: %s",
	    st->why);
}

enum dg_rc
dg_store_commit(struct dg_store *st, struct dg_err *e)
{
	if (st->failed == 0 && dg_fault("spool.commit.io")) {
		st->failed = SQLITE_IOERR;
		snprintf(st->why, sizeof(st->why), "injected fault");
	}
	if (st->failed == 0 && dg_fault("spool.commit.full")) {
		st->failed = SQLITE_FULL;
		snprintf(st->why, sizeof(st->why), "injected fault");
	}
	run(st, ST_COMMIT);
	if (st->failed != 0)
		return failure(st, e);
	if (st->is_durable && !st->no_sync)
		st->syncs++;
	return DG_OK;
}

/* ---- writing ---- */

static void
insert_rcpt(struct dg_store *st, uint64_t id, const struct dg_item_rcpt *r)
{
	sqlite3_stmt *s = get(st, ST_ADD_RCPT);

	if (s == NULL)
		return;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	sqlite3_bind_int64(s, 2, r->number);
	bind_text(s, 3, r->address);
	bind_text(s, 4, r->original);
	bind_text(s, 5, r->lane);
	sqlite3_bind_int64(s, 6, r->due_ms);
	sqlite3_bind_int64(s, 7, r->expire_ms);
	sqlite3_bind_int64(s, 8, r->tries);
	sqlite3_bind_int64(s, 9, r->first_try_ms);
	bind_text(s, 10, r->meaning);
	bind_text(s, 11, r->reply);
	bind_text(s, 12, r->host);
	run(st, ST_ADD_RCPT);
}

void
dg_store_insert(struct dg_store *st, uint64_t id, const struct dg_kept *k)
{
	sqlite3_stmt *s = get(st, ST_ADD_MESSAGE);
	const struct dg_item *it = &k->item;

	if (s == NULL)
		return;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	bind_text(s, 2, it->sender);
	bind_text(s, 3, it->helo);
	bind_text(s, 4, it->address);
	bind_text(s, 5, it->listener);
	bind_text(s, 6, it->peer);
	bind_text(s, 7, it->user);
	sqlite3_bind_blob(s, 8, it->notes.n > 0 ? it->notes.p : "",
	    (int)it->notes.n, SQLITE_STATIC);
	sqlite3_bind_int64(s, 9, it->arrival_ms);
	sqlite3_bind_int(s, 10, it->body_8bit);
	sqlite3_bind_int(s, 11, it->is_report);
	sqlite3_bind_int64(s, 12, (sqlite3_int64)it->size);
	if (k->body != NULL)
		sqlite3_bind_blob64(s, 13, k->body, it->size, SQLITE_STATIC);
	run(st, ST_ADD_MESSAGE);
	for (size_t i = 0; i < it->n_rcpts; i++)
		insert_rcpt(st, id, &it->rcpts[i]);
}

void
dg_store_update(struct dg_store *st, uint64_t id,
    const struct dg_settle_rcpt *r, int64_t now_ms)
{
	sqlite3_stmt *s = get(st, ST_UPDATE_RCPT);

	if (s == NULL)
		return;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	sqlite3_bind_int64(s, 2, r->number);
	sqlite3_bind_int64(s, 3, r->due_ms);
	bind_text(s, 4, r->meaning);
	bind_text(s, 5, r->reply);
	bind_text(s, 6, r->host);
	sqlite3_bind_int(s, 7, r->outcome == DG_OUTCOME_RETRY);
	if (r->outcome == DG_OUTCOME_MOVE)
		bind_text(s, 8, r->lane);
	if (r->expire_ms != 0)
		sqlite3_bind_int64(s, 9, r->expire_ms);
	sqlite3_bind_int64(s, 10, now_ms);
	run(st, ST_UPDATE_RCPT);
}

void
dg_store_delete(struct dg_store *st, uint64_t id, unsigned number)
{
	sqlite3_stmt *s = get(st, ST_DELETE_RCPT);

	if (s == NULL)
		return;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	sqlite3_bind_int64(s, 2, number);
	run(st, ST_DELETE_RCPT);
}

void
dg_store_forget(struct dg_store *st, uint64_t id)
{
	sqlite3_stmt *s = get(st, ST_DELETE_MESSAGE);

	if (s == NULL)
		return;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	run(st, ST_DELETE_MESSAGE);
}

/* ---- reading ---- */

void
dg_store_rest(struct dg_store *st, uint64_t id, struct dg_str lane,
    struct dg_rest *out)
{
	sqlite3_stmt *s = get(st, ST_REST);

	memset(out, 0, sizeof(*out));
	if (s == NULL)
		return;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	bind_text(s, 2, lane);
	if (sqlite3_step(s) == SQLITE_ROW) {
		out->n = (unsigned)sqlite3_column_int64(s, 0);
		out->due_ms = sqlite3_column_int64(s, 1);
		out->expire_ms = sqlite3_column_int64(s, 2);
	}
	sqlite3_reset(s);
}

static size_t
count_rcpts(struct dg_store *st, uint64_t id)
{
	sqlite3_stmt *s = get(st, ST_COUNT);
	size_t n = 0;

	if (s == NULL)
		return 0;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	if (sqlite3_step(s) == SQLITE_ROW)
		n = (size_t)sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return n;
}

static void
read_rcpts(struct dg_store *st, uint64_t id, struct dg_str lane,
    int64_t now_ms, struct dg_kept *k, size_t most)
{
	sqlite3_stmt *s = get(st, ST_RCPTS);
	size_t n = 0;

	if (s == NULL)
		return;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	bind_text(s, 2, lane);
	sqlite3_bind_int64(s, 3, now_ms);
	while (n < most && sqlite3_step(s) == SQLITE_ROW) {
		struct dg_item_rcpt *r = &k->rcpts[n++];

		r->number = (unsigned)sqlite3_column_int64(s, 0);
		r->address = column(k, s, 1);
		r->original = column(k, s, 2);
		r->lane = column(k, s, 3);
		r->due_ms = sqlite3_column_int64(s, 4);
		r->expire_ms = sqlite3_column_int64(s, 5);
		r->tries = (unsigned)sqlite3_column_int64(s, 6);
		r->first_try_ms = sqlite3_column_int64(s, 7);
		r->meaning = column(k, s, 8);
		r->reply = column(k, s, 9);
		r->host = column(k, s, 10);
	}
	sqlite3_reset(s);
	k->item.n_rcpts = n;
}

enum dg_rc
dg_store_read(struct dg_store *st, uint64_t id, struct dg_str lane,
    int64_t now_ms, struct dg_kept **out, struct dg_err *e)
{
	struct dg_kept *k;
	sqlite3_stmt *s;
	size_t most;

	if (st->db == NULL && reopen(st, e) != DG_OK)
		return e->rc;
	most = count_rcpts(st, id);
	s = get(st, ST_MESSAGE);
	if (s == NULL)
		return dg_fail(e, DG_E_IO, 451, "4.3.0", "%s", st->why);
	sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	if (sqlite3_step(s) != SQLITE_ROW) {
		sqlite3_reset(s);
		return dg_fail(e, DG_E_ABSENT, 451, "4.3.0",
		    "the spool's database has lost message %llx",
		    (unsigned long long)id);
	}
	k = dg_kept_empty(most);
	k->item.id = id;
	dg_id_name(id, k->item.name);
	k->item.sender = column(k, s, 0);
	k->item.helo = column(k, s, 1);
	k->item.address = column(k, s, 2);
	k->item.listener = column(k, s, 3);
	k->item.peer = column(k, s, 4);
	k->item.user = column(k, s, 5);
	k->item.notes = column(k, s, 6);
	k->item.arrival_ms = sqlite3_column_int64(s, 7);
	k->item.body_8bit = sqlite3_column_int(s, 8) != 0;
	k->item.is_report = sqlite3_column_int(s, 9) != 0;
	k->item.size = (uint64_t)sqlite3_column_int64(s, 10);
	sqlite3_reset(s);
	read_rcpts(st, id, lane, now_ms, k, most);
	*out = k;
	return DG_OK;
}

enum dg_rc
dg_store_read_body(struct dg_store *st, struct dg_kept *k, struct dg_err *e)
{
	sqlite3_stmt *s = get(st, ST_BODY);
	enum dg_rc rc = DG_OK;

	if (s == NULL)
		return dg_fail(e, DG_E_IO, 451, "4.3.0", "%s", st->why);
	sqlite3_bind_int64(s, 1, (sqlite3_int64)k->item.id);
	if (sqlite3_step(s) == SQLITE_ROW &&
	    sqlite3_column_bytes(s, 0) == (int)k->item.size) {
		k->body = dg_alloc(k->item.size + 1);
		if (k->item.size > 0)
			memcpy(k->body, sqlite3_column_blob(s, 0),
			    k->item.size);
	} else {
		rc = dg_fail(e, DG_E_IO, 451, "4.3.0",
		    "the body of message %s cannot be read", k->item.name);
	}
	sqlite3_reset(s);
	return rc;
}

enum dg_rc
dg_store_walk(struct dg_store *st, dg_store_row *row, void *ctx,
    struct dg_err *e)
{
	sqlite3_stmt *s = get(st, ST_WALK);
	int rc = SQLITE_ERROR;

	while (s != NULL && (rc = sqlite3_step(s)) == SQLITE_ROW)
		row(ctx, (uint64_t)sqlite3_column_int64(s, 0),
		    sqlite3_column_int(s, 1) != 0,
		    dg_str_of(sqlite3_column_blob(s, 2),
			(size_t)sqlite3_column_bytes(s, 2)),
		    (unsigned)sqlite3_column_int64(s, 3),
		    sqlite3_column_int64(s, 4), sqlite3_column_int64(s, 5));
	sqlite3_reset(s);
	if (rc != SQLITE_DONE)
		return dg_fail(e, DG_E_IO, 451, "4.3.0",
		    "cannot read the spool's database %s: %s", st->file,
		    sqlite3_errmsg(st->db));
	return DG_OK;
}

bool
dg_store_has(struct dg_store *st, uint64_t id)
{
	sqlite3_stmt *s = get(st, ST_HAS);
	bool found = false;

	if (s == NULL)
		return true; /* unknown: delete nothing */
	sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	found = sqlite3_step(s) != SQLITE_DONE;
	sqlite3_reset(s);
	return found;
}

uint64_t
dg_store_last_id(struct dg_store *st)
{
	sqlite3_stmt *s = get(st, ST_LAST);
	uint64_t id = 0;

	if (s != NULL && sqlite3_step(s) == SQLITE_ROW)
		id = (uint64_t)sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return id;
}

size_t
dg_store_ids(struct dg_store *st, uint64_t *out, size_t max)
{
	sqlite3_stmt *s = get(st, ST_IDS);
	size_t n = 0;

	if (s == NULL)
		return 0;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)max);
	while (n < max && sqlite3_step(s) == SQLITE_ROW)
		out[n++] = (uint64_t)sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return n;
}

/* ---- the log ---- */

uint64_t
dg_store_wal(const struct dg_store *st)
{
	return (uint64_t)st->wal_pages * PAGE;
}

uint64_t
dg_store_syncs(const struct dg_store *st)
{
	return st->syncs;
}

void
dg_store_tidy(struct dg_store *st)
{
	int in_log = 0, moved = 0;

	if (st->db == NULL || st->wal_pages < TIDY_PAGES)
		return;
	(void)sqlite3_wal_checkpoint_v2(st->db, NULL,
	    st->wal_pages > RESTART_PAGES ? SQLITE_CHECKPOINT_RESTART
					  : SQLITE_CHECKPOINT_PASSIVE,
	    &in_log, &moved);
	if (!st->no_sync)
		st->syncs += 2; /* the log, then the database */
	st->wal_pages = in_log - moved;
}
