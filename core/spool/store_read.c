/*
 * store_read.c - a message's facts and body, and who waits.
 *
 * Short statements, always reset: a reader that keeps one open keeps the log
 * from beginning anew.
 */
#include "store_state.h"

#include <stdlib.h>
#include <string.h>

static struct dg_str
column(struct dg_kept *k, sqlite3_stmt *s, int i)
{
	const void *p = sqlite3_column_blob(s, i);

	return dg_kept_str(k, dg_str_of(p, (size_t)sqlite3_column_bytes(s, i)));
}

void
dg_store_rest(struct dg_store *st, uint64_t id, struct dg_str lane,
    struct dg_rest *out)
{
	sqlite3_stmt *s = dg_store_get(st, ST_REST);
	int rc;

	memset(out, 0, sizeof(*out));
	if (s == NULL)
		return;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	dg_store_bind(s, 2, lane);
	rc = sqlite3_step(s);
	dg_store_note(st, rc);
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
	sqlite3_stmt *s = dg_store_get(st, ST_RCPTS);
	size_t n = 0;
	int rc = SQLITE_DONE;

	if (s == NULL)
		return cannot_read(st, k->item.id, "the recipients", e);
	sqlite3_bind_int64(s, 1, (sqlite3_int64)k->item.id);
	dg_store_bind(s, 2, lane);
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
	sqlite3_stmt *s = dg_store_get(st, ST_COUNT);

	if (s != NULL)
		sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	return (size_t)dg_store_number(st, ST_COUNT);
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

	if (st->db == NULL && dg_store_reopen(st, e) != DG_OK)
		return e->rc;
	most = count_rcpts(st, id);
	s = dg_store_get(st, ST_MESSAGE);
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
	sqlite3_stmt *s = dg_store_get(st, ST_BODY);
	uint64_t id = k->item.id;
	enum dg_rc rc = DG_OK;

	if (s == NULL)
		return cannot_read(st, id, "the body", e);
	sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	if (sqlite3_step(s) != SQLITE_ROW) {
		rc = cannot_read(st, id, "the body", e);
	} else if (sqlite3_column_type(s, 0) == SQLITE_NULL) {
		rc = dg_fail(e, DG_E_ABSENT, 451, "4.3.0",
		    "the body of message %s is not in the spool's database",
		    k->item.name);
	} else if ((uint64_t)sqlite3_column_bytes(s, 0) != k->item.size) {
		rc = dg_fail(e, DG_E_ABSENT, 451, "4.3.0",
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
	sqlite3_stmt *s = dg_store_get(st, ST_WALK);
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
	sqlite3_stmt *s = dg_store_get(st, ST_HAS);
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
	return dg_store_number(st, ST_LAST);
}

size_t
dg_store_ids(struct dg_store *st, uint64_t after, uint64_t *out, size_t max)
{
	sqlite3_stmt *s = dg_store_get(st, ST_IDS);
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

static struct dg_str
view(sqlite3_stmt *s, int i)
{
	const void *p = sqlite3_column_blob(s, i);

	return p == NULL ? (struct dg_str){ "", 0 }
			 : dg_str_of(p, (size_t)sqlite3_column_bytes(s, i));
}

static void
give_row(sqlite3_stmt *s, dg_store_scan_row *row, void *ctx)
{
	struct dg_item it = {
		.id = (uint64_t)sqlite3_column_int64(s, 0),
		.sender = view(s, 1),
		.helo = view(s, 2),
		.address = view(s, 3),
		.listener = view(s, 4),
		.peer = view(s, 5),
		.user = view(s, 6),
		.notes = view(s, 7),
		.arrival_ms = sqlite3_column_int64(s, 8),
		.body_8bit = sqlite3_column_int(s, 9) != 0,
		.is_report = sqlite3_column_int(s, 10) != 0,
		.size = (uint64_t)sqlite3_column_int64(s, 11),
		.n_rcpts = 1,
	};
	struct dg_item_rcpt r = {
		.number = (unsigned)sqlite3_column_int64(s, 12),
		.address = view(s, 13),
		.original = view(s, 14),
		.lane = view(s, 15),
		.due_ms = sqlite3_column_int64(s, 16),
		.expire_ms = sqlite3_column_int64(s, 17),
		.tries = (unsigned)sqlite3_column_int64(s, 18),
		.first_try_ms = sqlite3_column_int64(s, 19),
		.meaning = view(s, 20),
		.reply = view(s, 21),
		.host = view(s, 22),
	};

	it.rcpts = &r;
	dg_id_name(it.id, it.name);
	row(ctx, &it, &r);
}

static enum dg_rc
scan_failed(struct dg_store *st, struct dg_err *e)
{
	return dg_fail(e, DG_E_IO, 451, "4.3.0",
	    "cannot read the spool's database %s: %s", st->file,
	    st->db != NULL ? sqlite3_errmsg(st->db) : st->why);
}

enum dg_rc
dg_store_scan(struct dg_store *st, uint64_t *after, size_t max,
    dg_store_scan_row *row, void *ctx, struct dg_err *e)
{
	sqlite3_stmt *s;
	uint64_t last;
	int rc;

	if (st->db == NULL && dg_store_reopen(st, e) != DG_OK)
		return e->rc;
	s = dg_store_get(st, ST_LAST_OF);
	if (s == NULL)
		return scan_failed(st, e);
	sqlite3_bind_int64(s, 1, (sqlite3_int64)*after);
	sqlite3_bind_int64(s, 2, (sqlite3_int64)max);
	last = dg_store_number(st, ST_LAST_OF);
	if (last == 0)
		return DG_E_ABSENT;
	s = dg_store_get(st, ST_SCAN);
	if (s == NULL)
		return scan_failed(st, e);
	sqlite3_bind_int64(s, 1, (sqlite3_int64)*after);
	sqlite3_bind_int64(s, 2, (sqlite3_int64)last);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW)
		give_row(s, row, ctx);
	sqlite3_reset(s);
	if (rc != SQLITE_DONE)
		return scan_failed(st, e);
	*after = last;
	return DG_OK;
}
