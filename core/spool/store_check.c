/*
 * store_check.c - is the database sound, and does it fit together?
 *
 * Only for a store that was opened to be looked at: checking a large database
 * takes minutes, and the one that writes has something better to do.
 */
#include "store_state.h"

#include <stdio.h>
#include <string.h>

static enum dg_rc
cannot(struct dg_store *st, struct dg_err *e)
{
	return dg_fail(e, DG_E_IO, 451, "4.3.0",
	    "cannot check the spool's database %s: %s", st->file,
	    sqlite3_errmsg(st->db));
}

/* Each row's only column is a sentence; "ok" is none. */
static enum dg_rc
ask(struct dg_store *st, const char *sql, dg_spool_finding *fn, void *ctx,
    struct dg_err *e)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(st->db, sql, -1, &s, NULL);

	if (rc == SQLITE_OK)
		while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
			const char *text =
			    (const char *)sqlite3_column_text(s, 0);

			if (text != NULL && strcmp(text, "ok") != 0)
				fn(ctx, true, text);
		}
	sqlite3_finalize(s);
	return rc == SQLITE_DONE ? DG_OK : cannot(st, e);
}

enum dg_rc
dg_store_check(struct dg_store *st, dg_spool_finding *fn, void *ctx,
    struct dg_err *e)
{
	static const char *const questions[] = {
		"PRAGMA integrity_check",
		"SELECT printf('%d recipients belong to no message', count(*)) "
		"FROM rcpt WHERE id NOT IN (SELECT id FROM message) "
		"HAVING count(*) > 0",
		"SELECT printf('%d messages have no recipient', count(*)) "
		"FROM message WHERE id NOT IN (SELECT id FROM rcpt) "
		"HAVING count(*) > 0",
		"SELECT printf('%d bodies in the database have not the length "
		"that is written beside them', count(*)) FROM message "
		"WHERE body IS NOT NULL AND length(body) <> size "
		"HAVING count(*) > 0",
	};
	enum dg_rc rc = DG_OK;

	for (size_t i = 0;
	     rc == DG_OK && i < sizeof(questions) / sizeof(questions[0]); i++)
		rc = ask(st, questions[i], fn, ctx, e);
	return rc;
}

enum dg_rc
dg_store_with_files(struct dg_store *st,
    void (*fn)(void *ctx, uint64_t id, uint64_t size), void *ctx,
    struct dg_err *e)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(st->db,
	    "SELECT id, size FROM message WHERE body IS NULL ORDER BY id", -1,
	    &s, NULL);

	if (rc == SQLITE_OK)
		while ((rc = sqlite3_step(s)) == SQLITE_ROW)
			fn(ctx, (uint64_t)sqlite3_column_int64(s, 0),
			    (uint64_t)sqlite3_column_int64(s, 1));
	sqlite3_finalize(s);
	return rc == SQLITE_DONE ? DG_OK : cannot(st, e);
}
