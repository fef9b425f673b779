/*
 * store.c - the database: schema, statements, and when it syncs.
 *
 * SQLite in WAL mode, written by one thread.  A transaction that holds a new
 * message commits with synchronous=FULL: it is on disk when COMMIT returns.
 * One that only settles commits with NORMAL: written, so that it survives
 * kill -9, but not synced; a power cut may undo it, which delivers a message
 * twice and loses none.  Checkpoints run here, between batches.
 *
 * After an I/O error nothing of the log is trusted: a sync that failed may
 * have dropped pages that a later one calls clean.  The connection is closed,
 * and the next one must move the whole log into the database before it takes
 * anything.
 *
 * The format has a version, PRAGMA user_version: a newer one is refused, an
 * older one is brought up to date when it is opened.
 */
#include "store.h"

#include <sqlite3.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/fault.h"

enum {
	VERSION = 1,
	APPLICATION = 0x44524147, /* "DRAG": not somebody else's database */
	PAGE = 4096,
	TIDY_PAGES = 2000,     /* checkpoint above 8 MiB of log */
	RESTART_PAGES = 16384, /* and insist above 64 MiB */
	GROW_BYTES = 1 << 20,  /* the database's file, at once */
	BUSY_MS = 1000,        /* an operator's tool may write for a moment */
};
/* Ids this far above the highest are set aside at once: a minute of them. */
static const uint64_t FLOOR_STEP = (uint64_t)60000 << 12;

#define STATEMENTS(X) \
	X(BEGIN, "BEGIN IMMEDIATE") \
	X(COMMIT, "COMMIT") \
	X(ROLLBACK, "ROLLBACK") \
	X(ADD_MESSAGE, \
	    "INSERT OR REPLACE INTO message(id, sender, helo, address, " \
	    "listener, peer, " \
	    "user, notes, arrival, body_8bit, is_report, size, body) " \
	    "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13)") \
	X(ADD_RCPT, "INSERT OR REPLACE INTO rcpt(id, number, address, " \
		    "original, lane, due, " \
		    "expire, tries, first_try, meaning, reply, host) " \
		    "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)") \
	X(UPDATE_RCPT, \
	    "UPDATE rcpt SET due = ?3, meaning = ?4, reply = ?5, host = ?6, " \
	    "tries = tries + ?7, lane = coalesce(?8, lane), " \
	    "expire = coalesce(?9, expire), " \
	    "first_try = CASE WHEN first_try = 0 AND ?7 > 0 THEN ?10 " \
	    "ELSE first_try END WHERE id = ?1 AND number = ?2") \
	X(DELETE_RCPT, "DELETE FROM rcpt WHERE id = ?1 AND number = ?2") \
	X(DELETE_RCPTS, "DELETE FROM rcpt WHERE id = ?1") \
	X(DELETE_MESSAGE, "DELETE FROM message WHERE id = ?1") \
	X(FINISH, "DELETE FROM message WHERE id = ?1 AND NOT EXISTS " \
		  "(SELECT 1 FROM rcpt WHERE id = ?1)") \
	X(SET_FLOOR, \
	    "INSERT OR REPLACE INTO spool(key, value) VALUES('id_floor', ?1)") \
	X(REST, "SELECT count(*), min(due), min(nullif(expire, 0)) FROM rcpt " \
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
	X(WALK, "SELECT id, lane, due, expire FROM rcpt ORDER BY id, number") \
	X(HAS, "SELECT 1 FROM message WHERE id = ?1") \
	X(LAST, \
	    "SELECT max(coalesce((SELECT max(id) FROM message), 0), " \
	    "coalesce((SELECT value FROM spool WHERE key = 'id_floor'), 0))") \
	X(FREE, "PRAGMA freelist_count") \
	X(PAGES, "PRAGMA page_count") \
	X(IDS, "SELECT id FROM message WHERE id > ?1 ORDER BY id LIMIT ?2")
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

/* The system's file, but what it syncs is counted and may be made to fail. */
struct watched {
	sqlite3_io_methods io; /* first: a file's methods lead here */
	const sqlite3_io_methods *real;
	struct dg_store *st;
};

struct dg_store {
	sqlite3_vfs vfs; /* first: SQLite hands it back */
	sqlite3_vfs *system;
	char vfs_name[32];
	struct watched files[2]; /* the database, its log */
	char *file;
	sqlite3 *db; /* NULL after a failure: opened again at the next begin */
	sqlite3_stmt *st[ST_N];
	bool no_sync;
	bool log_is_doubtful; /* an I/O error: move it before anything else */
	bool is_durable;      /* how transactions commit now */
	bool may_return;      /* the transaction that failed */
	int failed;           /* first SQLite error of the transaction */
	char why[200];
	int wal_pages, tidied_at; /* in the log; when it was last moved */
	uint64_t syncs;
	uint64_t floor,
	    floor_before; /* ids set aside; before the transaction */
};

static const char schema[] =
    "BEGIN IMMEDIATE;"
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
    "PRIMARY KEY(id, number)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS spool(key TEXT PRIMARY KEY, value) "
    "WITHOUT ROWID;"
    "PRAGMA application_id=1146241351; PRAGMA user_version=1; COMMIT;";
_Static_assert(VERSION == 1 && APPLICATION == 1146241351, "as in the schema");

/* ---- files ---- */

static int
on_file_sync(sqlite3_file *f, int flags)
{
	const struct watched *w = (const struct watched *)f->pMethods;

	if (dg_fault("spool.sync"))
		return SQLITE_IOERR_FSYNC;
	w->st->syncs++;
	return w->real->xSync(f, flags);
}

static int
on_file_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	const struct watched *w = (const struct watched *)f->pMethods;

	if (dg_fault("spool.write.full"))
		return SQLITE_FULL;
	if (dg_fault("spool.write.io"))
		return SQLITE_IOERR_WRITE;
	return w->real->xWrite(f, p, n, at);
}

static int
on_file_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags,
    int *out_flags)
{
	struct dg_store *st = (struct dg_store *)vfs;
	struct watched *w = &st->files[(flags & SQLITE_OPEN_WAL) != 0];
	int rc = st->system->xOpen(st->system, name, f, flags, out_flags);

	if (rc != SQLITE_OK || f->pMethods == NULL ||
	    (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_DB)) == 0)
		return rc;
	w->io = *f->pMethods;
	w->real = f->pMethods;
	w->st = st;
	w->io.xSync = on_file_sync;
	w->io.xWrite = on_file_write;
	f->pMethods = &w->io;
	return SQLITE_OK;
}

static void
watch_files(struct dg_store *st)
{
	st->system = sqlite3_vfs_find(NULL);
	st->vfs = *st->system;
	snprintf(st->vfs_name, sizeof(st->vfs_name), "dg-%p", (void *)st);
	st->vfs.zName = st->vfs_name;
	st->vfs.pNext = NULL;
	st->vfs.xOpen = on_file_open;
	(void)sqlite3_vfs_register(&st->vfs, 0);
}

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

	return dg_kept_str(k, dg_str_of(p, (size_t)sqlite3_column_bytes(s, i)));
}

/* ---- open and close ---- */

static int
on_wal(void *ctx, sqlite3 *db, const char *name, int pages)
{
	struct dg_store *st = ctx;

	(void)db;
	(void)name;
	st->wal_pages = pages;
	if (pages < st->tidied_at)
		st->tidied_at = 0; /* it begins anew */
	return SQLITE_OK;
}

static void
shut(struct dg_store *st)
{
	for (int i = 0; i < ST_N; i++) {
		sqlite3_finalize(st->st[i]);
		st->st[i] = NULL;
	}
	(void)sqlite3_close(st->db);
	st->db = NULL;
	st->wal_pages = st->tidied_at = 0;
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

static void
exec(struct dg_store *st, const char *sql)
{
	if (st->failed == 0)
		note(st, sqlite3_exec(st->db, sql, NULL, NULL, NULL));
}

/* Unlike other statements a pragma may do its work when it is prepared, so
 * these are never kept. */
static void
set_sync(struct dg_store *st, bool is_durable)
{
	if (st->is_durable == is_durable)
		return;
	st->is_durable = is_durable;
	exec(st, st->no_sync  ? "PRAGMA synchronous=OFF"
		 : is_durable ? "PRAGMA synchronous=FULL"
			      : "PRAGMA synchronous=NORMAL");
}

static enum dg_rc
check_version(struct dg_store *st, struct dg_err *e)
{
	int found = pragma_number(st->db, "PRAGMA user_version");
	int whose = pragma_number(st->db, "PRAGMA application_id");

	if (found > VERSION)
		return dg_fail(e, DG_E_CONFIG, 451, "4.3.0",
		    "%s has format %d, and this program knows formats up to "
		    "%d: it was written by a newer dragoman",
		    st->file, found, VERSION);
	if (whose > 0 && whose != APPLICATION)
		return dg_fail(e, DG_E_CONFIG, 451, "4.3.0",
		    "%s is some other program's database", st->file);
	if (found == 0)
		exec(st, schema);
	return DG_OK;
}

/* What was asked of the database is what it does. */
static void
check_modes(struct dg_store *st)
{
	sqlite3_stmt *s = NULL;
	int want = st->no_sync ? 0 : 2;

	if (pragma_number(st->db, "PRAGMA synchronous") != want) {
		st->failed = SQLITE_MISUSE;
		snprintf(st->why, sizeof(st->why), "it does not sync");
	}
	if (sqlite3_prepare_v2(st->db, "PRAGMA journal_mode", -1, &s, NULL) !=
		SQLITE_OK ||
	    sqlite3_step(s) != SQLITE_ROW ||
	    strcmp((const char *)sqlite3_column_text(s, 0), "wal") != 0) {
		st->failed = SQLITE_MISUSE;
		snprintf(st->why, sizeof(st->why),
		    "no write-ahead log (on a network file system?)");
	}
	sqlite3_finalize(s);
}

static uint64_t
number(struct dg_store *st, enum statement which)
{
	sqlite3_stmt *s = get(st, which);
	uint64_t n = 0;

	if (s == NULL)
		return 0;
	if (sqlite3_step(s) == SQLITE_ROW)
		n = (uint64_t)sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return n;
}

/* On failure the database is shut and st->failed says why. */
static enum dg_rc
reopen(struct dg_store *st, struct dg_err *e)
{
	static const char setup[] =
	    "PRAGMA journal_mode=WAL; PRAGMA journal_size_limit=67108864; "
	    "PRAGMA cache_size=-16384; PRAGMA temp_store=MEMORY;";
	enum dg_rc rc = DG_OK;
	int chunk = GROW_BYTES;

	st->failed = 0;
	note(st, sqlite3_open_v2(st->file, &st->db,
		     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
			 SQLITE_OPEN_NOMUTEX,
		     st->vfs_name));
	(void)sqlite3_busy_timeout(st->db, BUSY_MS);
	exec(st, setup);
	st->is_durable = false;
	set_sync(st, true);
	if (st->failed == 0)
		rc = check_version(st, e);
	if (st->failed == 0 && rc == DG_OK)
		check_modes(st);
	if (st->failed == 0 && rc == DG_OK && st->log_is_doubtful)
		note(st, sqlite3_wal_checkpoint_v2(st->db, NULL,
			     SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL));
	if (st->failed != 0)
		rc = dg_fail(e, DG_E_IO, 451, "4.3.0",
		    "cannot open the spool's database %s: %s", st->file,
		    st->why);
	if (rc != DG_OK) {
		shut(st);
		return rc;
	}
	sqlite3_wal_hook(st->db, on_wal, st); /* no checkpoint by itself */
	(void)sqlite3_file_control(st->db, "main", SQLITE_FCNTL_CHUNK_SIZE,
	    &chunk);
	st->log_is_doubtful = false;
	st->floor = number(st, ST_LAST);
	return DG_OK;
}

static void
store_free(struct dg_store *st)
{
	(void)sqlite3_vfs_unregister(&st->vfs);
	free(st->file);
	free(st);
}

enum dg_rc
dg_store_open(const char *file, bool no_sync, struct dg_store **out,
    struct dg_err *e)
{
	struct dg_store *st = dg_alloc0(sizeof(*st));
	enum dg_rc rc;

	st->file = dg_strdup(file);
	st->no_sync = no_sync;
	watch_files(st);
	rc = reopen(st, e);
	if (rc != DG_OK) {
		store_free(st);
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
	store_free(st);
}

/* ---- transactions ---- */

void
dg_store_begin(struct dg_store *st, bool is_durable)
{
	struct dg_err e = { 0 };

	st->failed = 0;
	if (st->db == NULL && reopen(st, &e) != DG_OK) {
		snprintf(st->why, sizeof(st->why), "%.190s", e.text);
		if (st->failed == 0)
			st->failed = SQLITE_CANTOPEN;
		return;
	}
	st->floor_before = st->floor;
	set_sync(st, is_durable);
	run(st, ST_BEGIN);
}

static enum dg_rc
failure(struct dg_store *st, struct dg_err *e)
{
	int rc = st->failed & 0xff;

	run(st, ST_ROLLBACK);
	st->floor = st->floor_before;
	if (rc == SQLITE_FULL)
		return dg_fail(e, DG_E_FULL, 452, "4.3.1",
		    "no room in the spool: %s", st->why);
	if (rc != SQLITE_BUSY) { /* a fresh connection heals or says why */
		st->log_is_doubtful = true;
		shut(st);
	}
	return dg_fail(e, DG_E_IO, 451, "4.3.0", "the spool failed: %s",
	    st->why);
}

/* The database's file has the length that moving the log into it will need: on
 * a full disk the log could not be moved, hence never begin anew, and nothing
 * could leave the queue. */
static void
lengthen(struct dg_store *st)
{
	sqlite3_int64 size = (sqlite3_int64)number(st, ST_PAGES) * PAGE;
	int rc;

	if (st->failed != 0 || st->no_sync)
		return;
	rc =
	    sqlite3_file_control(st->db, "main", SQLITE_FCNTL_SIZE_HINT, &size);
	if (rc == SQLITE_OK)
		return;
	st->failed = SQLITE_FULL;
	snprintf(st->why, sizeof(st->why), "the database cannot grow");
}

enum dg_rc
dg_store_commit(struct dg_store *st, struct dg_err *e)
{
	bool was_sound;

	lengthen(st);
	was_sound = st->failed == 0;
	run(st, ST_COMMIT);
	/* when there was no room for it its last page is not there */
	st->may_return = was_sound && (st->failed & 0xff) != SQLITE_FULL;
	return st->failed == 0 ? DG_OK : failure(st, e);
}

bool
dg_store_may_return(const struct dg_store *st)
{
	return st->may_return;
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

/* So that no id is given twice, also when the clock was set back and the
 * message that had it is long gone. */
static void
set_floor(struct dg_store *st, uint64_t id)
{
	sqlite3_stmt *s;

	if (id <= st->floor)
		return;
	s = get(st, ST_SET_FLOOR);
	if (s == NULL)
		return;
	st->floor = id + FLOOR_STEP;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)st->floor);
	run(st, ST_SET_FLOOR);
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
	set_floor(st, id);
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
dg_store_delete(struct dg_store *st, uint64_t id, unsigned number_in_it)
{
	sqlite3_stmt *s = get(st, ST_DELETE_RCPT);

	if (s == NULL)
		return;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	sqlite3_bind_int64(s, 2, number_in_it);
	run(st, ST_DELETE_RCPT);
}

/* The database says whether anybody is left, not a count kept beside it: a
 * message deleted too early would be lost. */
bool
dg_store_finish(struct dg_store *st, uint64_t id)
{
	sqlite3_stmt *s = get(st, ST_FINISH);

	if (s == NULL)
		return false;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	run(st, ST_FINISH);
	return st->failed == 0 && sqlite3_changes(st->db) > 0;
}

void
dg_store_forget(struct dg_store *st, uint64_t id)
{
	static const enum statement both[] = { ST_DELETE_RCPTS,
		ST_DELETE_MESSAGE };

	for (int i = 0; i < 2; i++) {
		sqlite3_stmt *s = get(st, both[i]);

		if (s == NULL)
			return;
		sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
		run(st, both[i]);
	}
}

/* ---- reading ---- */

void
dg_store_rest(struct dg_store *st, uint64_t id, struct dg_str lane,
    struct dg_rest *out)
{
	sqlite3_stmt *s = get(st, ST_REST);
	int rc;

	memset(out, 0, sizeof(*out));
	if (s == NULL)
		return;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	bind_text(s, 2, lane);
	rc = sqlite3_step(s);
	note(st, rc);
	if (rc == SQLITE_ROW) {
		out->n = (unsigned)sqlite3_column_int64(s, 0);
		out->due_ms = sqlite3_column_int64(s, 1);
		out->expire_ms = sqlite3_column_int64(s, 2);
	}
	sqlite3_reset(s);
}

static enum dg_rc
cannot_read(struct dg_store *st, uint64_t id, const char *what,
    struct dg_err *e)
{
	char name[16];

	dg_id_name(id, name);
	return dg_fail(e, DG_E_IO, 451, "4.3.0",
	    "cannot read %s of message %s from the spool: %s", what, name,
	    st->db != NULL ? sqlite3_errmsg(st->db) : st->why);
}

static enum dg_rc
read_rcpts(struct dg_store *st, struct dg_str lane, int64_t until_ms,
    struct dg_kept *k, size_t most, struct dg_err *e)
{
	sqlite3_stmt *s = get(st, ST_RCPTS);
	size_t n = 0;
	int rc = SQLITE_DONE;

	if (s == NULL)
		return cannot_read(st, k->item.id, "the recipients", e);
	sqlite3_bind_int64(s, 1, (sqlite3_int64)k->item.id);
	bind_text(s, 2, lane);
	sqlite3_bind_int64(s, 3, until_ms);
	while (n < most && (rc = sqlite3_step(s)) == SQLITE_ROW) {
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
	k->item.n_rcpts = n;
	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		(void)cannot_read(st, k->item.id, "the recipients", e);
	sqlite3_reset(s);
	return rc != SQLITE_DONE && rc != SQLITE_ROW ? DG_E_IO : DG_OK;
}

static size_t
count_rcpts(struct dg_store *st, uint64_t id)
{
	sqlite3_stmt *s = get(st, ST_COUNT);

	if (s != NULL)
		sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	return (size_t)number(st, ST_COUNT);
}

static struct dg_kept *
read_message(sqlite3_stmt *s, uint64_t id, size_t n_rcpts)
{
	struct dg_kept *k = dg_kept_empty(n_rcpts);
	struct dg_item *it = &k->item;

	it->id = id;
	dg_id_name(id, it->name);
	it->sender = column(k, s, 0);
	it->helo = column(k, s, 1);
	it->address = column(k, s, 2);
	it->listener = column(k, s, 3);
	it->peer = column(k, s, 4);
	it->user = column(k, s, 5);
	it->notes = column(k, s, 6);
	it->arrival_ms = sqlite3_column_int64(s, 7);
	it->body_8bit = sqlite3_column_int(s, 8) != 0;
	it->is_report = sqlite3_column_int(s, 9) != 0;
	it->size = (uint64_t)sqlite3_column_int64(s, 10);
	return k;
}

enum dg_rc
dg_store_read(struct dg_store *st, uint64_t id, struct dg_str lane,
    int64_t until_ms, struct dg_kept **out, struct dg_err *e)
{
	struct dg_kept *k = NULL;
	sqlite3_stmt *s;
	size_t most;
	int rc;

	if (st->db == NULL && reopen(st, e) != DG_OK)
		return e->rc;
	most = count_rcpts(st, id);
	s = get(st, ST_MESSAGE);
	if (s == NULL)
		return cannot_read(st, id, "the envelope", e);
	sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		k = read_message(s, id, most);
	else if (rc != SQLITE_DONE)
		(void)cannot_read(st, id, "the envelope", e);
	sqlite3_reset(s);
	if (rc == SQLITE_DONE)
		return dg_fail(e, DG_E_ABSENT, 451, "4.3.0",
		    "the spool's database has no message %llx",
		    (unsigned long long)id);
	if (k == NULL)
		return DG_E_IO;
	if (read_rcpts(st, lane, until_ms, k, most, e) != DG_OK) {
		dg_kept_free(k);
		return DG_E_IO;
	}
	*out = k;
	return DG_OK;
}

enum dg_rc
dg_store_read_body(struct dg_store *st, struct dg_kept *k, struct dg_err *e)
{
	sqlite3_stmt *s = get(st, ST_BODY);
	uint64_t id = k->item.id;
	enum dg_rc rc = DG_OK;

	if (s == NULL)
		return cannot_read(st, id, "the body", e);
	sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	if (sqlite3_step(s) != SQLITE_ROW) {
		rc = cannot_read(st, id, "the body", e);
	} else if ((uint64_t)sqlite3_column_bytes(s, 0) != k->item.size) {
		rc = dg_fail(e, DG_E_IO, 451, "4.3.0",
		    "the body of message %s in the spool has %d bytes instead "
		    "of %llu",
		    k->item.name, sqlite3_column_bytes(s, 0),
		    (unsigned long long)k->item.size);
	} else {
		k->body = dg_alloc(k->item.size + 1);
		if (k->item.size > 0)
			memcpy(k->body, sqlite3_column_blob(s, 0),
			    k->item.size);
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
		    dg_str_of(sqlite3_column_blob(s, 1),
			(size_t)sqlite3_column_bytes(s, 1)),
		    sqlite3_column_int64(s, 2), sqlite3_column_int64(s, 3));
	if (rc != SQLITE_DONE)
		(void)dg_fail(e, DG_E_IO, 451, "4.3.0",
		    "cannot read the spool's database %s: %s", st->file,
		    sqlite3_errmsg(st->db));
	sqlite3_reset(s);
	return rc == SQLITE_DONE ? DG_OK : DG_E_IO;
}

bool
dg_store_has(struct dg_store *st, uint64_t id)
{
	sqlite3_stmt *s = get(st, ST_HAS);
	bool found;

	if (s == NULL)
		return true;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	found = sqlite3_step(s) != SQLITE_DONE;
	sqlite3_reset(s);
	return found;
}

uint64_t
dg_store_last_id(struct dg_store *st)
{
	return number(st, ST_LAST);
}

size_t
dg_store_ids(struct dg_store *st, uint64_t after, uint64_t *out, size_t max)
{
	sqlite3_stmt *s = get(st, ST_IDS);
	size_t n = 0;

	if (s == NULL)
		return 0;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)after);
	sqlite3_bind_int64(s, 2, (sqlite3_int64)max);
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

/* Committing nothing would not sync: ask the log's file itself. */
enum dg_rc
dg_store_sync(struct dg_store *st, struct dg_err *e)
{
	sqlite3_file *log = NULL;

	if (st->db == NULL && reopen(st, e) != DG_OK)
		return e->rc;
	if (st->no_sync)
		return DG_OK;
	if (sqlite3_file_control(st->db, "main", SQLITE_FCNTL_JOURNAL_POINTER,
		&log) == SQLITE_OK &&
	    log != NULL && log->pMethods != NULL &&
	    log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) == SQLITE_OK)
		return DG_OK;
	st->log_is_doubtful = true;
	shut(st);
	return dg_fail(e, DG_E_IO, 451, "4.3.0", "cannot sync the spool's log");
}

static void
checkpoint(struct dg_store *st, int mode)
{
	int rc = sqlite3_wal_checkpoint_v2(st->db, NULL, mode, NULL, NULL);

	if ((rc & 0xff) != SQLITE_IOERR)
		return;
	st->log_is_doubtful = true;
	shut(st);
}

/* What a reader holds back is tried again when the log has grown on. */
void
dg_store_tidy(struct dg_store *st)
{
	if (st->db == NULL || st->wal_pages < st->tidied_at + TIDY_PAGES)
		return;
	st->tidied_at = st->wal_pages;
	checkpoint(st, st->wal_pages > RESTART_PAGES
			   ? SQLITE_CHECKPOINT_RESTART
			   : SQLITE_CHECKPOINT_PASSIVE);
}

uint64_t
dg_store_free(struct dg_store *st)
{
	return number(st, ST_FREE) * PAGE;
}

void
dg_store_shrink(struct dg_store *st, uint64_t max_bytes)
{
	uint64_t unused = number(st, ST_FREE), all = number(st, ST_PAGES);

	if (st->db == NULL)
		return;
	if (unused > all / 2 && (all - unused) * PAGE <= max_bytes) {
		st->failed = 0;
		exec(st, "VACUUM");
		if ((st->failed & 0xff) == SQLITE_IOERR) {
			st->log_is_doubtful = true;
			shut(st);
			return;
		}
	}
	checkpoint(st, SQLITE_CHECKPOINT_TRUNCATE);
	if (st->db != NULL)
		st->wal_pages = st->tidied_at = 0;
}
