/*
 * store_write.c - transactions, and what is written in them.
 *
 * A transaction that holds a new message commits with synchronous=FULL: it is
 * on disk when COMMIT returns.  One that only settles commits with NORMAL:
 * written, so that it survives kill -9, but not synced; a power cut may undo
 * it, which delivers a message twice and loses none.
 */
#include "store_state.h"

#include <stdio.h>

/* Ids this far above the highest are set aside at once: a minute of them. */
static const uint64_t FLOOR_STEP = (uint64_t)60000 << 12;

/* ---- transactions ---- */

void
dg_store_begin(struct dg_store *st, bool is_durable)
{
	struct dg_err e = { 0 };

	st->failed = 0;
	if (st->db == NULL && dg_store_reopen(st, &e) != DG_OK) {
		snprintf(st->why, sizeof(st->why), "%.190s", e.text);
		if (st->failed == 0)
			st->failed = SQLITE_CANTOPEN;
		return;
	}
	st->floor_before = st->floor;
	dg_store_set_sync(st, is_durable);
	dg_store_run(st, ST_BEGIN);
}

static enum dg_rc
failure(struct dg_store *st, struct dg_err *e)
{
	int rc = st->failed & 0xff;

	dg_store_run(st, ST_ROLLBACK);
	st->floor = st->floor_before;
	if (rc == SQLITE_FULL)
		return dg_fail(e, DG_E_FULL, 452, "4.3.1",
		    "no room in the spool: %s", st->why);
	if (rc != SQLITE_BUSY) { /* a fresh connection heals or says why */
		st->log_is_doubtful = true;
		dg_store_shut(st);
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
	sqlite3_int64 size =
	    (sqlite3_int64)dg_store_number(st, ST_PAGES) * STORE_PAGE;
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
	dg_store_run(st, ST_COMMIT);
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
	sqlite3_stmt *s = dg_store_get(st, ST_ADD_RCPT);

	if (s == NULL)
		return;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	sqlite3_bind_int64(s, 2, r->number);
	dg_store_bind(s, 3, r->address);
	dg_store_bind(s, 4, r->original);
	dg_store_bind(s, 5, r->lane);
	sqlite3_bind_int64(s, 6, r->due_ms);
	sqlite3_bind_int64(s, 7, r->expire_ms);
	sqlite3_bind_int64(s, 8, r->tries);
	sqlite3_bind_int64(s, 9, r->first_try_ms);
	dg_store_bind(s, 10, r->meaning);
	dg_store_bind(s, 11, r->reply);
	dg_store_bind(s, 12, r->host);
	dg_store_run(st, ST_ADD_RCPT);
}

/* So that no id is given twice, also when the clock was set back and the
 * message that had it is long gone. */
static void
set_floor(struct dg_store *st, uint64_t id)
{
	sqlite3_stmt *s;

	if (id <= st->floor)
		return;
	s = dg_store_get(st, ST_SET_FLOOR);
	if (s == NULL)
		return;
	st->floor = id + FLOOR_STEP;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)st->floor);
	dg_store_run(st, ST_SET_FLOOR);
}

void
dg_store_insert(struct dg_store *st, uint64_t id, const struct dg_kept *k)
{
	sqlite3_stmt *s = dg_store_get(st, ST_ADD_MESSAGE);
	const struct dg_item *it = &k->item;

	if (s == NULL)
		return;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	dg_store_bind(s, 2, it->sender);
	dg_store_bind(s, 3, it->helo);
	dg_store_bind(s, 4, it->address);
	dg_store_bind(s, 5, it->listener);
	dg_store_bind(s, 6, it->peer);
	dg_store_bind(s, 7, it->user);
	sqlite3_bind_blob(s, 8, it->notes.n > 0 ? it->notes.p : "",
	    (int)it->notes.n, SQLITE_STATIC);
	sqlite3_bind_int64(s, 9, it->arrival_ms);
	sqlite3_bind_int(s, 10, it->body_8bit);
	sqlite3_bind_int(s, 11, it->is_report);
	sqlite3_bind_int64(s, 12, (sqlite3_int64)it->size);
	if (k->body != NULL)
		sqlite3_bind_blob64(s, 13, k->body, it->size, SQLITE_STATIC);
	dg_store_run(st, ST_ADD_MESSAGE);
	set_floor(st, id);
	for (size_t i = 0; i < it->n_rcpts; i++)
		insert_rcpt(st, id, &it->rcpts[i]);
}

void
dg_store_update(struct dg_store *st, uint64_t id,
    const struct dg_settle_rcpt *r, int64_t now_ms)
{
	sqlite3_stmt *s = dg_store_get(st, ST_UPDATE_RCPT);

	if (s == NULL)
		return;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	sqlite3_bind_int64(s, 2, r->number);
	sqlite3_bind_int64(s, 3, r->due_ms);
	dg_store_bind(s, 4, r->meaning);
	dg_store_bind(s, 5, r->reply);
	dg_store_bind(s, 6, r->host);
	sqlite3_bind_int(s, 7, r->outcome == DG_OUTCOME_RETRY);
	if (r->outcome == DG_OUTCOME_MOVE)
		dg_store_bind(s, 8, r->lane);
	if (r->expire_ms != 0)
		sqlite3_bind_int64(s, 9, r->expire_ms);
	sqlite3_bind_int64(s, 10, now_ms);
	dg_store_run(st, ST_UPDATE_RCPT);
}

void
dg_store_delete(struct dg_store *st, uint64_t id, unsigned number_in_it)
{
	sqlite3_stmt *s = dg_store_get(st, ST_DELETE_RCPT);

	if (s == NULL)
		return;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	sqlite3_bind_int64(s, 2, number_in_it);
	dg_store_run(st, ST_DELETE_RCPT);
}

/* The database says whether anybody is left, not a count kept beside it: a
 * message deleted too early would be lost. */
bool
dg_store_finish(struct dg_store *st, uint64_t id)
{
	sqlite3_stmt *s = dg_store_get(st, ST_FINISH);

	if (s == NULL)
		return false;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	dg_store_run(st, ST_FINISH);
	return st->failed == 0 && sqlite3_changes(st->db) > 0;
}

void
dg_store_forget(struct dg_store *st, uint64_t id)
{
	static const enum statement both[] = { ST_DELETE_RCPTS,
		ST_DELETE_MESSAGE };

	for (int i = 0; i < 2; i++) {
		sqlite3_stmt *s = dg_store_get(st, both[i]);

		if (s == NULL)
			return;
		sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
		dg_store_run(st, both[i]);
	}
}

/* ---- what an operator does ---- */

/* Not part of the schema's version: a program that does not know the table
 * sees a recipient that is due in the year 9999, and leaves it alone. */
void
dg_store_may_hold(struct dg_store *st)
{
	dg_store_exec(st,
	    "CREATE TABLE IF NOT EXISTS held(id INTEGER NOT NULL, "
	    "number INTEGER NOT NULL, expire INTEGER NOT NULL, "
	    "since INTEGER NOT NULL, PRIMARY KEY(id, number)) WITHOUT ROWID");
}

static void
run_on(struct dg_store *st, enum statement which, uint64_t id, unsigned number,
    int64_t now_ms)
{
	sqlite3_stmt *s = dg_store_get(st, which);

	if (s == NULL)
		return;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	sqlite3_bind_int64(s, 2, number);
	if (sqlite3_bind_parameter_count(s) > 2)
		sqlite3_bind_int64(s, 3, now_ms);
	dg_store_run(st, which);
}

void
dg_store_change(struct dg_store *st, uint64_t id, unsigned number,
    enum dg_change change, int64_t now_ms)
{
	static const enum statement how[][3] = {
		[DG_CHANGE_RETRY] = { ST_DUE, ST_N, ST_N },
		[DG_CHANGE_HOLD] = { ST_KEEP_HELD, ST_HOLD, ST_N },
		[DG_CHANGE_RELEASE] = { ST_LET_GO, ST_FORGET_HELD, ST_N },
		[DG_CHANGE_GIVE_UP] = { ST_GIVE_UP, ST_FORGET_HELD, ST_N },
		[DG_CHANGE_DROP] = { ST_DELETE_RCPT, ST_FORGET_HELD, ST_N },
	};

	for (int i = 0; how[change][i] != ST_N; i++)
		run_on(st, how[change][i], id, number, now_ms);
	if (change == DG_CHANGE_DROP)
		(void)dg_store_finish(st, id);
}
