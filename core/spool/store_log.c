/*
 * store_log.c - the write-ahead log: syncing it, moving it into the database,
 * giving room back.  Between batches, on the thread that writes.
 */
#include "store_state.h"

enum {
	TIDY_PAGES = 2000,     /* checkpoint above 8 MiB of log */
	RESTART_PAGES = 16384, /* and insist above 64 MiB */
};

uint64_t
dg_store_wal(const struct dg_store *st)
{
	return (uint64_t)st->wal_pages * STORE_PAGE;
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

	if (st->db == NULL && dg_store_reopen(st, e) != DG_OK)
		return e->rc;
	if (st->no_sync)
		return DG_OK;
	if (sqlite3_file_control(st->db, "main", SQLITE_FCNTL_JOURNAL_POINTER,
		&log) == SQLITE_OK &&
	    log != NULL && log->pMethods != NULL &&
	    log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) == SQLITE_OK)
		return DG_OK;
	st->log_is_doubtful = true;
	dg_store_shut(st);
	return dg_fail(e, DG_E_IO, 451, "4.3.0", "cannot sync the spool's log");
}

static void
checkpoint(struct dg_store *st, int mode)
{
	int rc = sqlite3_wal_checkpoint_v2(st->db, NULL, mode, NULL, NULL);

	if ((rc & 0xff) != SQLITE_IOERR)
		return;
	st->log_is_doubtful = true;
	dg_store_shut(st);
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
	return dg_store_number(st, ST_FREE) * STORE_PAGE;
}

void
dg_store_shrink(struct dg_store *st, uint64_t max_bytes)
{
	uint64_t unused = dg_store_number(st, ST_FREE),
		 all = dg_store_number(st, ST_PAGES);

	if (st->db == NULL)
		return;
	if (unused > all / 2 && (all - unused) * STORE_PAGE <= max_bytes) {
		st->failed = 0;
		dg_store_exec(st, "VACUUM");
		if ((st->failed & 0xff) == SQLITE_IOERR) {
			st->log_is_doubtful = true;
			dg_store_shut(st);
			return;
		}
	}
	checkpoint(st, SQLITE_CHECKPOINT_TRUNCATE);
	if (st->db != NULL)
		st->wal_pages = st->tidied_at = 0;
}
