/*
 * batch.c - group commit: everything that has gathered in one transaction,
 * one sync, and only then the answers.
 *
 * No waiting to fill a batch: while one is being synced the next gathers.  A
 * batch that fails answers its new messages with 4yz (nobody was told 250) and
 * keeps its settles for the next try: forgetting one would deliver twice.
 */
#include "spool_state.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "dragoman/base/clock.h"
#include "dragoman/base/fault.h"
#include "dragoman/base/log.h"

enum { KEPT_MAX = 64 * 1024 * 1024 };

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
	unsigned gone = 0;

	for (size_t i = 0; i < r->n_outs; i++) {
		if (is_gone(&r->outs[i])) {
			dg_store_delete(sp->store, id, r->outs[i].number);
			gone++;
		} else {
			dg_store_update(sp->store, id, &r->outs[i], now);
		}
	}
	e->msg->settling += gone;
	if (e->msg->settling == e->msg->n)
		dg_store_forget(sp->store, id);
	if (gone == e->n)
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

static bool
is_one_lane(const struct dg_kept *k)
{
	for (size_t i = 1; i < k->item.n_rcpts; i++)
		if (!dg_str_eq(k->rcpts[i].lane, k->rcpts[0].lane))
			return false;
	return true;
}

/* The message is on disk: it waits in its lanes now.  It stays in memory too
 * while there is room, so that its first delivery needs no reading. */
static void
schedule_new(struct dg_spool *sp, struct dg_new *nw)
{
	struct dg_sched_msg *m = dg_schedule_msg(&sp->schedule, nw->draft->id);
	struct dg_kept *k = nw->kept;

	m->has_file = nw->draft->path != NULL;
	nw->draft->is_committed = true;
	for (size_t i = 0; i < k->item.n_rcpts; i++)
		dg_schedule_add(&sp->schedule, m, k->rcpts[i].lane, 1,
		    k->rcpts[i].due_ms, k->rcpts[i].expire_ms);
	sp->stats.accepted++;
	if (is_one_lane(k) && (m->has_file ||
		sp->kept_bytes + k->item.size <= KEPT_MAX)) {
		sp->kept_bytes += k->body != NULL ? k->item.size : 0;
		m->kept = k;
		nw->kept = NULL;
	}
}

static void
unlink_later(struct dg_spool *sp, uint64_t id)
{
	if (sp->n_unlinks == sp->room_unlinks) {
		sp->room_unlinks = sp->room_unlinks > 0 ? sp->room_unlinks * 2
							: 64;
		sp->unlinks = dg_realloc(sp->unlinks,
		    sp->room_unlinks * sizeof(*sp->unlinks));
	}
	if (sp->n_unlinks == 0)
		sp->unlinks_since_ms = dg_mono_ms();
	sp->unlinks[sp->n_unlinks++] = id;
}

static void
schedule_settled(struct dg_spool *sp, struct dg_request *r)
{
	struct dg_entry *e = r->claim->guts->entry;
	struct dg_sched_msg *m = e->msg;
	bool ends_hold = false;

	for (size_t i = 0; i < r->n_outs; i++) {
		const struct dg_settle_rcpt *o = &r->outs[i];

		sp->stats.delivered += o->outcome == DG_OUTCOME_DELIVERED;
		sp->stats.failed += o->outcome == DG_OUTCOME_FAILED;
		ends_hold |= o->outcome != DG_OUTCOME_WAIT;
		if (o->outcome == DG_OUTCOME_MOVE)
			dg_schedule_add(&sp->schedule, m, o->lane, 1,
			    o->due_ms, o->expire_ms);
	}
	m->settling = 0;
	dg_schedule_back(&sp->schedule, e, r->rest.n, r->rest.due_ms,
	    r->rest.expire_ms, ends_hold);
	if (SLIST_EMPTY(&m->entries)) {
		if (m->has_file)
			unlink_later(sp, m->id);
		dg_kept_free(m->kept);
		(void)dg_schedule_gone(&sp->schedule, m);
	}
	LIST_REMOVE(r->claim->guts, next);
	sp->stats.claims_out--;
}

/* ---- the batch ---- */

static bool
sync_bodies(struct dg_request *r, struct dg_err *e)
{
	for (size_t i = 0; i < r->n_news; i++)
		if (dg_draft_sync(r->news[i].draft, e) != DG_OK)
			return false;
	return true;
}

/* Large bodies are on disk before the rows that name them: take out of the
 * batch what could not be synced. */
static bool
prepare(struct dg_spool *sp)
{
	struct dg_request *r, *following;
	bool any_new = false;

	for (r = STAILQ_FIRST(&sp->batch); r != NULL; r = following) {
		struct dg_err e = { 0 };

		following = STAILQ_NEXT(r, next);
		if (r->claim != NULL || sync_bodies(r, &e)) {
			any_new |= r->claim == NULL;
			continue;
		}
		STAILQ_REMOVE(&sp->batch, r, dg_request, next);
		answer(r, &e);
		request_free(r);
	}
	return any_new;
}

static void
batch_failed(struct dg_spool *sp, const struct dg_err *e)
{
	struct dg_request *r, *following;

	dg_log(DG_LOG_ERROR, "spool-write", dg_kv_z("why", e->text));
	sp->is_stuck = false;
	for (r = STAILQ_FIRST(&sp->batch); r != NULL; r = following) {
		following = STAILQ_NEXT(r, next);
		if (r->claim != NULL) {
			r->claim->guts->entry->msg->settling = 0;
			sp->is_stuck = true;
			continue;
		}
		STAILQ_REMOVE(&sp->batch, r, dg_request, next);
		answer(r, e);
		request_free(r);
	}
}

void
dg_batch_run(struct dg_spool *sp)
{
	struct dg_err e = { 0 };
	struct dg_request *r;
	bool is_durable;

	if (STAILQ_EMPTY(&sp->batch))
		return;
	is_durable = prepare(sp);
	if (STAILQ_EMPTY(&sp->batch))
		return;
	(void)dg_fault("spool.write.before");
	dg_store_begin(sp->store, is_durable);
	STAILQ_FOREACH (r, &sp->batch, next)
		apply(sp, r);
	(void)dg_fault("spool.sync.before");
	if (dg_store_commit(sp->store, &e) != DG_OK) {
		batch_failed(sp, &e);
		return;
	}
	(void)dg_fault("spool.sync.after");
	sp->is_stuck = false;
	sp->stats.commits++;
	while ((r = STAILQ_FIRST(&sp->batch)) != NULL) {
		STAILQ_REMOVE_HEAD(&sp->batch, next);
		for (size_t i = 0; i < r->n_news; i++)
			schedule_new(sp, &r->news[i]);
		if (r->claim != NULL)
			schedule_settled(sp, r);
		answer(r, &e);
		request_free(r);
	}
	if (is_durable)
		dg_unlinks_flush(sp);
}

void
dg_batch_drop(struct dg_spool *sp)
{
	struct dg_request *r;

	while ((r = STAILQ_FIRST(&sp->batch)) != NULL) {
		STAILQ_REMOVE_HEAD(&sp->batch, next);
		request_free(r);
	}
}

/* Called when a sync has just made the deletes of their rows durable. */
void
dg_unlinks_flush(struct dg_spool *sp)
{
	for (size_t i = 0; i < sp->n_unlinks; i++) {
		char *path = dg_body_path(sp, sp->unlinks[i]);

		(void)unlink(path);
		free(path);
	}
	sp->n_unlinks = 0;
}
