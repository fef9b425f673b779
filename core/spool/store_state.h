#ifndef DRAGOMAN_CORE_SPOOL_STORE_STATE_H
#define DRAGOMAN_CORE_SPOOL_STORE_STATE_H

#include <sqlite3.h>

#include "store.h"

/*
 * store_state.h - the database as the files store*.c share it: the one door
 * to SQLite.  Private to them.
 */
enum {
	STORE_PAGE = 4096
};

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
	X(IDS, "SELECT id FROM message WHERE id > ?1 ORDER BY id LIMIT ?2") \
	X(LAST_OF, "SELECT max(id) FROM (SELECT id FROM message " \
		   "WHERE id > ?1 ORDER BY id LIMIT ?2)") \
	X(SCAN, \
	    "SELECT m.id, m.sender, m.helo, m.address, m.listener, m.peer, " \
	    "m.user, m.notes, m.arrival, m.body_8bit, m.is_report, m.size, " \
	    "r.number, r.address, r.original, r.lane, r.due, r.expire, " \
	    "r.tries, r.first_try, r.meaning, r.reply, r.host " \
	    "FROM message m JOIN rcpt r ON r.id = m.id " \
	    "WHERE m.id > ?1 AND m.id <= ?2 ORDER BY m.id, r.number") \
	X(DUE, "UPDATE rcpt SET due = ?3 WHERE id = ?1 AND number = ?2") \
	X(KEEP_HELD, "INSERT OR REPLACE INTO held(id, number, expire, since) " \
		     "SELECT id, number, expire, ?3 FROM rcpt " \
		     "WHERE id = ?1 AND number = ?2") \
	X(HOLD, "UPDATE rcpt SET due = 253402300799000, expire = 0 " \
		"WHERE id = ?1 AND number = ?2") \
	X(LET_GO, \
	    "UPDATE rcpt SET due = ?3, expire = coalesce((SELECT CASE " \
	    "WHEN h.expire > 0 THEN h.expire + max(0, ?3 - h.since) ELSE 0 " \
	    "END FROM held h WHERE h.id = ?1 AND h.number = ?2), " \
	    "?3 + 432000000) " /* imported so: five days */ \
	    "WHERE id = ?1 AND number = ?2") \
	/* expired before it came: that is no time a delivery would set */ \
	X(GIVE_UP, "UPDATE rcpt SET due = ?3, expire = 1, meaning = '', " \
		   "reply = 'given up by an operator', host = '' " \
		   "WHERE id = ?1 AND number = ?2") \
	X(FORGET_HELD, "DELETE FROM held WHERE id = ?1 AND number = ?2")
enum statement {
#define X(id, text) ST_##id,
	STATEMENTS(X)
#undef X
	ST_N
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
	bool no_sync, is_read_only;
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

/* store.c.  The first failure of a transaction is kept in st->failed and
 * st->why; after it nothing is stepped but the rollback. */
void dg_store_note(struct dg_store *st, int rc);
sqlite3_stmt *dg_store_get(struct dg_store *st, enum statement which);
/* Step a statement that gives no row. */
void dg_store_run(struct dg_store *st, enum statement which);
void dg_store_exec(struct dg_store *st, const char *sql);
void dg_store_bind(sqlite3_stmt *s, int i, struct dg_str v);
/* The first column of the first row, or 0. */
uint64_t dg_store_number(struct dg_store *st, enum statement which);
void dg_store_set_sync(struct dg_store *st, bool is_durable);
/* On failure the database is shut and st->failed says why. */
enum dg_rc dg_store_reopen(struct dg_store *st, struct dg_err *e);
void dg_store_shut(struct dg_store *st);

/* store_vfs.c: what is synced is counted, and may be made to fail. */
void dg_store_watch(struct dg_store *st);

#endif
