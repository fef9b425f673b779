/*
 * batch.c - group commit: everything that has gathered in one transaction,
 * one sync, and only then the answers.
 *
 * While one is being synced the next gathers.  What only settles waits some
 * milliseconds for company; a message for none, unless many sessions are
 * sending: then a fifth of a millisecond, which saves a third of the syncs.  A
 * batch that fails answers its new messages with 4yz (nobody was told 250) and
 * keeps its settles for the next try: forgetting one would deliver twice. After
 * an I/O error the rows of what was refused may come back (store.h), so
 * they are deleted first thing, and their bodies stay until they are.
 */
#include "spool_state.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "dragoman/base/clock.h"
#include "dragoman/base/fault.h"
#include "dragoman/base/log.h"

enum {
	NO_REPORT_MS = 60 * 1000,
	LATER_MS = 1000, /* what failed: again then */
	SETTLE_MS = 3,   /* what only settles waits for company */
	SETTLES = 32,    /* but not for more of it */
	MANY = 3,        /* messages in a batch: sessions keep it busy */
};

/* ---- answers ---- */

struct answer {
	dg_spool_done *done;
	void *ctx;
	uint64_t ticket;
	struct dg_err e;
};

static void
on_answer(void *ctx, void *own_arg)
{
	struct answer *a = own_arg;

	(void)ctx;
	a->done(a->ctx, a->ticket, a->e.rc, &a->e);
	free(a);
}

static void
answer(const struct dg_request *r, const struct dg_err *e)
{
	struct answer *a;

	if (r->done == NULL)
		return;
	a = dg_alloc0(sizeof(*a));
	*a = (struct answer){ r->done, r->ctx, r->ticket, *e };
	dg_post_send(r->back, on_answer, NULL, a);
}

static void
request_free(struct dg_request *r)
{
	for (size_t i = 0; i < r->n_news; i++) {
		dg_draft_free(r->news[i].draft);
		dg_kept_free(r->news[i].kept);
	}
	free(r->news);
	free(r->outs);
	dg_arena_fini(&r->arena);
	dg_claim_free(r->claim);
	free(r);
}

/* ---- applying, inside the transaction ---- */

static bool
is_gone(const struct dg_settle_rcpt *o)
{
	return o->outcome == DG_OUTCOME_DELIVERED ||
	       o->outcome == DG_OUTCOME_FAILED;
}

static void
apply_settle(struct dg_spool *sp, struct dg_request *r)
{
	struct dg_entry *e = r->claim->guts->entry;
	uint64_t id = e->msg->id;
	int64_t now = dg_now_ms();

	for (size_t i = 0; i < r->n_outs; i++) {
		if (is_gone(&r->outs[i]))
			dg_store_delete(sp->store, id, r->outs[i].number);
		else
			dg_store_update(sp->store, id, &r->outs[i], now);
	}
	/* asked, not reckoned: others may have moved recipients here */
	if (dg_store_finish(sp->store, id))
		r->rest = (struct dg_rest){ 0 };
	else
		dg_store_rest(sp->store, id, dg_str(e->lane->name), &r->rest);
}

static void
apply(struct dg_spool *sp, struct dg_request *r)
{
	if (r->claim != NULL)
		apply_settle(sp, r);
	for (size_t i = 0; i < r->n_news; i++)
		dg_store_insert(sp->store, r->news[i].draft->id,
		    r->news[i].kept);
}

/* ---- afterwards: the schedule ---- */

/* The message is on disk: it waits in its lanes now. */
static void
schedule_new(struct dg_spool *sp, struct dg_new *nw)
{
	struct dg_sched_msg *m = dg_schedule_msg(&sp->schedule, nw->draft->id);
	const struct dg_kept *k = nw->kept;

	m->has_file = nw->draft->path != NULL;
	nw->draft->is_committed = true;
	for (size_t i = 0; i < k->item.n_rcpts; i++)
		dg_schedule_add(&sp->schedule, m, k->rcpts[i].lane, 1,
		    k->rcpts[i].due_ms, k->rcpts[i].expire_ms);
	sp->stats.accepted++;
	(void)dg_keep(sp, m, nw->kept);
	nw->kept = NULL;
}

void
dg_unlink_later(struct dg_spool *sp, uint64_t id)
{
	if (sp->n_unlinks == sp->room_unlinks) {
		sp->room_unlinks =
		    sp->room_unlinks > 0 ? sp->room_unlinks * 2 : 64;
		sp->unlinks = dg_realloc(sp->unlinks,
		    sp->room_unlinks * sizeof(*sp->unlinks));
	}
	if (sp->n_unlinks == 0)
		sp->unlinks_since_ms = dg_mono_ms();
	sp->unlinks[sp->n_unlinks++] = id;
}

/* Where a moved recipient's expiry was not given it is as it was. */
static int64_t
expiry_of(const struct dg_request *r, size_t out)
{
	const struct dg_settle_rcpt *o = &r->outs[out];
	const struct dg_item *it = &r->claim->item;

	if (o->expire_ms != 0)
		return o->expire_ms;
	/* they come in the claim's order, so that this is found at once */
	for (size_t i = 0; i < it->n_rcpts; i++) {
		const struct dg_item_rcpt *x =
		    &it->rcpts[(out + i) % it->n_rcpts];

		if (x->number == o->number)
			return x->expire_ms;
	}
	return 0;
}

/* What expired and was handed out already, and yet waits on, waits for its
 * due time like all others: or it would come back at once, for ever. */
int64_t
dg_next_expiry(const struct dg_rest *rest, int64_t now)
{
	if (rest->expire_ms == 0 || rest->expire_ms > now)
		return rest->expire_ms;
	return rest->due_ms > now ? rest->due_ms : now;
}

static void
schedule_settled(struct dg_spool *sp, struct dg_request *r)
{
	struct dg_entry *e = r->claim->guts->entry;
	struct dg_sched_msg *m = e->msg;
	int64_t now = dg_now_ms();
	bool ends_hold = false;

	for (size_t i = 0; i < r->n_outs; i++) {
		const struct dg_settle_rcpt *o = &r->outs[i];

		sp->stats.delivered += o->outcome == DG_OUTCOME_DELIVERED;
		sp->stats.failed += o->outcome == DG_OUTCOME_FAILED;
		ends_hold |= is_gone(o) || o->outcome == DG_OUTCOME_RETRY;
		if (o->outcome == DG_OUTCOME_MOVE)
			dg_schedule_add(&sp->schedule, m, o->lane, 1, o->due_ms,
			    expiry_of(r, i));
	}
	dg_schedule_back(&sp->schedule, e, r->rest.n, r->rest.due_ms,
	    dg_next_expiry(&r->rest, now), ends_hold);
	if (SLIST_EMPTY(&m->entries)) {
		if (m->has_file)
			dg_unlink_later(sp, m->id);
		dg_unkeep(sp, m);
		(void)dg_schedule_gone(&sp->schedule, m);
	}
	LIST_REMOVE(r->claim->guts, next);
	sp->stats.claims_out--;
}

/* ---- the batch ---- */

static void
refuse(struct dg_spool *sp, const struct dg_new *nw)
{
	if (sp->n_refused == sp->room_refused) {
		sp->room_refused =
		    sp->room_refused > 0 ? sp->room_refused * 2 : 64;
		sp->refused = dg_realloc(sp->refused,
		    sp->room_refused * sizeof(*sp->refused));
	}
	sp->refused[sp->n_refused++] =
	    (struct dg_refused){ nw->draft->id, nw->draft->path != NULL };
	nw->draft->is_committed = true; /* the file goes with the row */
}

/* Out of the batch: a settle waits for the next try, a new message is
 * answered. */
static void
set_aside(struct dg_spool *sp, struct dg_request *r, const struct dg_err *e)
{
	STAILQ_REMOVE(&sp->batch, r, dg_request, next);
	if (r->claim != NULL) {
		STAILQ_INSERT_TAIL(&sp->later, r, next);
		return;
	}
	answer(r, e);
	request_free(r);
}

/* A report that cannot be stored: nothing is failed without one, so that
 * who failed waits, and another report is written then. */
static void
postpone(struct dg_request *r, const struct dg_err *e)
{
	int64_t due = dg_now_ms() + NO_REPORT_MS;

	dg_log(DG_LOG_ERROR, "spool-report", dg_kv_z("why", e->text));
	for (size_t i = 0; i < r->n_outs; i++) {
		if (r->outs[i].outcome != DG_OUTCOME_FAILED)
			continue;
		r->outs[i].outcome = DG_OUTCOME_WAIT;
		r->outs[i].due_ms = due;
	}
	for (size_t i = 0; i < r->n_news; i++) {
		dg_draft_free(r->news[i].draft);
		dg_kept_free(r->news[i].kept);
	}
	r->n_news = 0;
}

/* The bodies are not on disk, and nothing was written yet. */
static void
unstored(struct dg_spool *sp, struct dg_request *r, const struct dg_err *e)
{
	if (r->claim != NULL)
		postpone(r, e);
	else
		set_aside(sp, r, e);
}

static bool
has_new_file(const struct dg_request *r)
{
	for (size_t i = 0; i < r->n_news; i++)
		if (r->news[i].draft->path != NULL &&
		    !r->news[i].draft->is_stored)
			return true;
	return false;
}

static enum dg_rc
check_request(struct dg_spool *sp, const struct dg_request *r, struct dg_err *e)
{
	if (r->claim == NULL && atomic_load(&sp->is_short))
		return dg_fail(e, DG_E_FULL, 452, "4.3.1",
		    "insufficient system storage, try again later");
	for (size_t i = 0; i < r->n_news; i++) {
		if (r->news[i].draft->is_broken)
			return dg_fail(e, DG_E_IO, 451, "4.3.0",
			    "message %s could not be stored",
			    r->news[i].draft->name);
		if (!r->news[i].draft->is_stored &&
		    dg_draft_sync(r->news[i].draft, e) != DG_OK)
			return e->rc;
	}
	return DG_OK;
}

static bool
sync_names(struct dg_spool *sp, struct dg_err *e)
{
	if (sp->o.no_sync)
		return true;
	if (dg_fault("spool.dir.sync")) {
		errno = EIO;
	} else if (fsync(sp->bodies_fd) == 0) {
		sp->stats.syncs++;
		return true;
	}
	(void)dg_disk_fail(e, "sync", sp->bodies);
	return false;
}

/* Large bodies are on disk, by their names, before the rows that name them;
 * one sync of the directory does for all of the batch. */
static void
prepare(struct dg_spool *sp)
{
	struct dg_request *r, *following;
	struct dg_err e = { 0 };
	bool any_file = false, is_synced;

	for (r = STAILQ_FIRST(&sp->batch); r != NULL; r = following) {
		following = STAILQ_NEXT(r, next);
		if (check_request(sp, r, &e) != DG_OK)
			unstored(sp, r, &e);
		else
			any_file |= has_new_file(r);
	}
	if (!any_file)
		return;
	is_synced = sync_names(sp, &e);
	for (r = STAILQ_FIRST(&sp->batch); r != NULL; r = following) {
		following = STAILQ_NEXT(r, next);
		for (size_t k = 0; is_synced && k < r->n_news; k++)
			r->news[k].draft->is_stored = true;
		if (has_new_file(r))
			unstored(sp, r, &e);
	}
}

static void
batch_failed(struct dg_spool *sp, const struct dg_err *e)
{
	bool may_return = dg_store_may_return(sp->store);
	int64_t now = dg_mono_ms();
	struct dg_request *r;

	if (now >= sp->told_ms + LATER_MS) { /* a sick disk would fill it */
		dg_log(DG_LOG_ERROR, "spool-write", dg_kv_z("why", e->text));
		sp->told_ms = now;
	}
	while ((r = STAILQ_FIRST(&sp->batch)) != NULL) {
		for (size_t i = 0;
		     may_return && r->claim == NULL && i < r->n_news; i++)
			refuse(sp, &r->news[i]);
		set_aside(sp, r, e);
	}
}

/* Some failures of a full disk do not say so. */
static bool
is_full(struct dg_spool *sp, const struct dg_err *e)
{
	struct dg_err ignored = { 0 };

	return e->rc == DG_E_FULL || dg_room_check(sp, &ignored) == DG_E_FULL;
}

static void
batch_done(struct dg_spool *sp)
{
	const struct dg_err ok = { 0 };
	struct dg_request *r;

	for (size_t i = 0; i < sp->n_refused; i++)
		if (sp->refused[i].has_file)
			dg_unlink_later(sp, sp->refused[i].id);
	sp->n_refused = 0;
	while ((r = STAILQ_FIRST(&sp->batch)) != NULL) {
		STAILQ_REMOVE_HEAD(&sp->batch, next);
		for (size_t i = 0; i < r->n_news; i++)
			schedule_new(sp, &r->news[i]);
		if (r->claim != NULL)
			schedule_settled(sp, r);
		dg_receipts_done(sp, r);
		answer(r, &ok);
		request_free(r);
	}
}

/* A kill at these points is what the crash tests are made of. */
static void
fault_points(bool any_new, bool any_settle, bool is_before)
{
	if (any_new)
		(void)dg_fault(
		    is_before ? "spool.commit.before" : "spool.commit.after");
	if (any_settle)
		(void)dg_fault(
		    is_before ? "spool.settle.before" : "spool.settle.after");
}

static enum dg_rc
write_batch(struct dg_spool *sp, struct dg_err *e)
{
	bool any_new = false, any_settle = false, is_durable;
	struct dg_request *r;
	enum dg_rc rc;

	STAILQ_FOREACH(r, &sp->batch, next)
	{
		any_new |= r->claim == NULL;
		any_settle |= r->claim != NULL;
	}
	is_durable = any_new || sp->n_refused > 0;
	(void)dg_fault("spool.write.before");
	dg_store_begin(sp->store, is_durable);
	for (size_t i = 0; i < sp->n_refused; i++)
		dg_store_forget(sp->store, sp->refused[i].id);
	STAILQ_FOREACH(r, &sp->batch, next)
	apply(sp, r);
	fault_points(any_new, any_settle, true);
	rc = dg_store_commit(sp->store, e);
	fault_points(any_new, any_settle, false);
	if (rc != DG_OK)
		return rc;
	sp->stats.commits++;
	batch_done(sp);
	if (is_durable)
		dg_unlinks_flush(sp);
	return DG_OK;
}

bool
dg_batch_is_stuck(const struct dg_spool *sp)
{
	return !STAILQ_EMPTY(&sp->later) || sp->n_refused > 0;
}

/* What is in the batch now; false: it failed. */
static bool
run_batch(struct dg_spool *sp)
{
	struct dg_err e = { 0 };

	prepare(sp);
	if (STAILQ_EMPTY(&sp->batch) && sp->n_refused == 0)
		return true;
	if (write_batch(sp, &e) == DG_OK)
		return true;
	batch_failed(sp, &e);
	/* with the reserve's room what is delivered can leave: at once */
	if (is_full(sp, &e) && dg_room_spend(sp))
		sp->later_ms = 0;
	return false;
}

/* What failed before: apart from what is new, so that it stops nobody, and in
 * ever smaller pieces, for the little room that there may be. */
static void
run_later(struct dg_spool *sp)
{
	struct dg_request *r;
	size_t n = 1;

	for (;;) {
		size_t most = n;

		while (most-- > 0 && (r = STAILQ_FIRST(&sp->later)) != NULL) {
			STAILQ_REMOVE_HEAD(&sp->later, next);
			STAILQ_INSERT_TAIL(&sp->batch, r, next);
		}
		if (!run_batch(sp))
			break;
		if (STAILQ_EMPTY(&sp->later))
			return;
		n *= 2;
	}
	/* the one that failed is the last now */
	if (n == 1 || STAILQ_EMPTY(&sp->later))
		sp->later_ms = dg_mono_ms() + LATER_MS;
}

void
dg_batch_add(struct dg_spool *sp, struct dg_request *own_r)
{
	STAILQ_INSERT_TAIL(&sp->batch, own_r, next);
	if (sp->n_gathered++ == 0)
		sp->gathered_ms = dg_mono_ms();
	sp->n_awaited += own_r->claim == NULL;
}

/* Many sent a message a moment ago, and few of them again: the others are
 * about to.  One or two sessions never wait for each other. */
bool
dg_batch_may_grow(const struct dg_spool *sp)
{
	return sp->n_awaited > 0 && sp->n_awaited < sp->n_awaited_before &&
	       sp->n_awaited_before >= MANY;
}

/* A settle's receipt is written, and nobody waits for it but the lane, which
 * must not run dry. */
int64_t
dg_batch_wait_ms(const struct dg_spool *sp)
{
	int64_t left;

	if (sp->n_gathered == 0)
		return INT64_MAX;
	if (sp->n_awaited > 0 || sp->is_ending || !SLIST_EMPTY(&sp->calls) ||
	    sp->n_gathered >= SETTLES ||
	    sp->n_gathered * 2 >= sp->schedule.in_flight_max)
		return 0;
	left = sp->gathered_ms + SETTLE_MS - dg_mono_ms();
	return left > 0 ? left : 0;
}

void
dg_batch_run(struct dg_spool *sp)
{
	if (dg_batch_wait_ms(sp) <= 0) {
		if (sp->n_awaited > 0)
			sp->n_awaited_before = sp->n_awaited;
		sp->n_gathered = sp->n_awaited = 0;
		(void)run_batch(sp);
	}
	while (dg_batch_is_stuck(sp) && dg_mono_ms() >= sp->later_ms)
		run_later(sp);
}

void
dg_batch_drop(struct dg_spool *sp)
{
	struct dg_request *r;

	STAILQ_CONCAT(&sp->batch, &sp->later);
	while ((r = STAILQ_FIRST(&sp->batch)) != NULL) {
		STAILQ_REMOVE_HEAD(&sp->batch, next);
		request_free(r);
	}
}

/* Called when a sync has just made the deletes of their rows durable. */
void
dg_unlinks_flush(struct dg_spool *sp)
{
	if (sp->n_unlinks > 0)
		(void)dg_fault("spool.unlink");
	for (size_t i = 0; i < sp->n_unlinks; i++) {
		char *path = dg_body_path(sp, sp->unlinks[i]);

		(void)unlink(path);
		free(path);
	}
	sp->n_unlinks = 0;
}
