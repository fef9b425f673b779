/*
 * dispatch.c - hand out what is due: to each lane's worker, as a claim.
 *
 * A message that just came in is still in memory and goes out from there; an
 * older one is read from the database here, so that workers never wait for
 * the disk.
 */
#include "spool_state.h"

#include "dragoman/base/clock.h"
#include "dragoman/base/log.h"

enum { UNREADABLE_MS = 60 * 1000 };

static unsigned
worker_of(const struct dg_spool *sp, const char *lane)
{
	uint32_t h = 2166136261u;

	for (; *lane != '\0'; lane++)
		h = (h ^ (unsigned char)*lane) * 16777619u;
	return h % sp->n_workers;
}

static struct dg_kept *
facts_of(struct dg_spool *sp, struct dg_entry *e, int64_t now,
    struct dg_err *err)
{
	struct dg_sched_msg *m = e->msg;
	struct dg_kept *k = m->kept;

	if (k != NULL) {
		m->kept = NULL;
		sp->kept_bytes -= k->body != NULL ? k->item.size : 0;
		return k;
	}
	if (dg_store_read(sp->store, m->id, dg_str(e->lane->name), now, &k,
		err) != DG_OK)
		return NULL;
	if (!m->has_file && dg_store_read_body(sp->store, k, err) != DG_OK) {
		dg_kept_free(k);
		return NULL;
	}
	return k;
}

static void
hand_out(struct dg_spool *sp, struct dg_entry *e, int64_t now)
{
	struct dg_worker_post *w = &sp->workers[worker_of(sp, e->lane->name)];
	struct dg_err err = { 0 };
	struct dg_kept *k = facts_of(sp, e, now, &err);
	struct dg_claim *c = NULL;

	if (k != NULL)
		c = dg_claim_new(sp, e, k, &err);
	if (c == NULL || c->item.n_rcpts == 0) {
		dg_log(DG_LOG_ERROR, "spool-unreadable",
		    dg_kv_z("why", err.text));
		dg_claim_free(c);
		dg_schedule_back(&sp->schedule, e, e->n, now + UNREADABLE_MS,
		    e->expire_ms > now ? e->expire_ms : 0, false);
		return;
	}
	sp->stats.claims_out++;
	LIST_INSERT_HEAD(&sp->claims, c->guts, next);
	dg_post_send(w->post, (dg_post_fn *)w->fn, w->ctx, c);
}

void
dg_dispatch(struct dg_spool *sp)
{
	int64_t now = dg_now_ms();
	struct dg_entry *e;

	if (!sp->is_started || sp->n_workers == 0)
		return;
	while ((e = dg_schedule_take(&sp->schedule, now)) != NULL)
		hand_out(sp, e, now);
}
