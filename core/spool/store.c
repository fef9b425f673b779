/*
 * store.c - the database: its schema, its statements, opening and closing it.
 *
 * SQLite in WAL mode, written by one thread.  After an I/O error nothing of
 * the log is trusted: a sync that failed may have dropped pages that a later
 * one calls clean.  The connection is closed, and the next one must move the
 * whole log into the database before it takes anything.
 *
 * The format has a version, PRAGMA user_version: a newer one is refused, an
 * older one is brought up to date when it is opened.
 */
#include "store_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	VERSION = 1,
	APPLICATION = 0x44524147, /* "DRAG": not somebody else's database */
	GROW_BYTES = 1 << 20,     /* the database's file, at once */
	BUSY_MS = 1000, /* an operator's tool may write for a moment */
};
static const char *const texts[ST_N] = {
#define X(id, text) text,
	STATEMENTS(X)
#undef X
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

/* ---- statements ---- */

void
dg_store_note(struct dg_store *st, int rc)
{
	if (rc == SQLITE_OK || rc == SQLITE_DONE || rc == SQLITE_ROW ||
	    st->failed != 0)
		return;
	st->failed = rc;
	snprintf(st->why, sizeof(st->why), "%s",
	    st->db != NULL ? sqlite3_errmsg(st->db) : "the spool is closed");
}

sqlite3_stmt *
dg_store_get(struct dg_store *st, enum statement which)
{
	if (st->db == NULL)
		return NULL;
	if (st->st[which] == NULL)
		dg_store_note(st,
		    sqlite3_prepare_v3(st->db, texts[which], -1,
			SQLITE_PREPARE_PERSISTENT, &st->st[which], NULL));
	return st->st[which];
}

/* Step a statement that gives no row. */
void
dg_store_run(struct dg_store *st, enum statement which)
{
	sqlite3_stmt *s = dg_store_get(st, which);

	if (s == NULL)
		return;
	if (st->failed == 0 || which == ST_ROLLBACK)
		dg_store_note(st, sqlite3_step(s));
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
}

void
dg_store_bind(sqlite3_stmt *s, int i, struct dg_str v)
{
	sqlite3_bind_text(s, i, v.n > 0 ? v.p : "", (int)v.n, SQLITE_STATIC);
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

void
dg_store_shut(struct dg_store *st)
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

void
dg_store_exec(struct dg_store *st, const char *sql)
{
	if (st->failed == 0)
		dg_store_note(st, sqlite3_exec(st->db, sql, NULL, NULL, NULL));
}

/* Unlike other statements a pragma may do its work when it is prepared, so
 * these are never kept. */
void
dg_store_set_sync(struct dg_store *st, bool is_durable)
{
	if (st->is_durable == is_durable)
		return;
	st->is_durable = is_durable;
	dg_store_exec(st, st->no_sync  ? "PRAGMA synchronous=OFF"
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
	if (found <= 0 && st->is_read_only)
		return dg_fail(e, DG_E_IO, 451, "4.3.0",
		    "there is no spool in %s", st->file);
	if (found == 0)
		dg_store_exec(st, schema);
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

uint64_t
dg_store_number(struct dg_store *st, enum statement which)
{
	sqlite3_stmt *s = dg_store_get(st, which);
	uint64_t n = 0;

	if (s == NULL)
		return 0;
	if (sqlite3_step(s) == SQLITE_ROW)
		n = (uint64_t)sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return n;
}

static void
open_to_write(struct dg_store *st)
{
	static const char setup[] =
	    "PRAGMA journal_mode=WAL; PRAGMA journal_size_limit=67108864; "
	    "PRAGMA cache_size=-16384; PRAGMA temp_store=MEMORY;";

	dg_store_note(st, sqlite3_open_v2(st->file, &st->db,
			      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
				  SQLITE_OPEN_NOMUTEX,
			      st->vfs_name));
	(void)sqlite3_busy_timeout(st->db, BUSY_MS);
	dg_store_exec(st, setup);
	st->is_durable = false;
	dg_store_set_sync(st, true);
}

static void
open_to_read(struct dg_store *st)
{
	dg_store_note(st,
	    sqlite3_open_v2(st->file, &st->db,
		SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL));
	(void)sqlite3_busy_timeout(st->db, BUSY_MS);
	dg_store_exec(st, "PRAGMA temp_store=MEMORY;");
}

/* On failure the database is shut and st->failed says why. */
enum dg_rc
dg_store_reopen(struct dg_store *st, struct dg_err *e)
{
	enum dg_rc rc = DG_OK;
	int chunk = GROW_BYTES;

	st->failed = 0;
	if (st->is_read_only)
		open_to_read(st);
	else
		open_to_write(st);
	if (st->failed == 0)
		rc = check_version(st, e);
	if (st->failed == 0 && rc == DG_OK && !st->is_read_only)
		check_modes(st);
	if (st->failed == 0 && rc == DG_OK && st->log_is_doubtful)
		dg_store_note(st, sqlite3_wal_checkpoint_v2(st->db, NULL,
				      SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL));
	if (st->failed != 0)
		rc = dg_fail(e, DG_E_IO, 451, "4.3.0",
		    "cannot open the spool's database %s: %s", st->file,
		    st->why);
	if (rc != DG_OK) {
		dg_store_shut(st);
		return rc;
	}
	if (st->is_read_only)
		return DG_OK;
	sqlite3_wal_hook(st->db, on_wal, st); /* no checkpoint by itself */
	(void)sqlite3_file_control(st->db, "main", SQLITE_FCNTL_CHUNK_SIZE,
	    &chunk);
	st->log_is_doubtful = false;
	st->floor = dg_store_number(st, ST_LAST);
	return DG_OK;
}

static void
store_free(struct dg_store *st)
{
	(void)sqlite3_vfs_unregister(&st->vfs);
	free(st->file);
	free(st);
}

static enum dg_rc
store_new(const char *file, bool no_sync, bool is_read_only,
    struct dg_store **out, struct dg_err *e)
{
	struct dg_store *st = dg_alloc0(sizeof(*st));
	enum dg_rc rc;

	st->file = dg_strdup(file);
	st->no_sync = no_sync;
	st->is_read_only = is_read_only;
	dg_store_watch(st);
	rc = dg_store_reopen(st, e);
	if (rc != DG_OK) {
		store_free(st);
		return rc;
	}
	*out = st;
	return DG_OK;
}

enum dg_rc
dg_store_open(const char *file, bool no_sync, struct dg_store **out,
    struct dg_err *e)
{
	return store_new(file, no_sync, false, out, e);
}

enum dg_rc
dg_store_look(const char *file, struct dg_store **out, struct dg_err *e)
{
	return store_new(file, false, true, out, e);
}

void
dg_store_close(struct dg_store *st)
{
	if (st == NULL)
		return;
	dg_store_shut(st);
	store_free(st);
}
