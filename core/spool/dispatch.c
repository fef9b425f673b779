/*
 * dispatch.c - hand out what is due: to each lane's worker, as a claim.
 *
 * A message that just came in is still in memory and goes out from there; an
 * older one is read from the database here, so that workers never wait for
 * the disk - but only some in a row, so that who waits for a 250 does not
 * wait for them.
 */
#include "spool_state.h"

#include "dragoman/base/clock.h"
#include "dragoman/base/log.h"

enum {
	UNREADABLE_MS = 60 * 1000,
	READS_MAX = 64,             /* then new requests are looked at */
	KEPT_MAX = 64 * 1024 * 1024 /* bytes of messages in memory */
};

/* ---- messages in memory ---- */

/* All its recipients leave together, so that one claim takes it whole. */
static bool
is_one_piece(const struct dg_kept *k)
{
	for (size_t i = 1; i < k->item.n_rcpts; i++)
		if (!dg_str_eq(k->rcpts[i].lane, k->rcpts[0].lane) ||
		    k->rcpts[i].due_ms != k->rcpts[0].due_ms)
			return false;
	return true;
}

bool
dg_keep(struct dg_spool *sp, struct dg_sched_msg *m, struct dg_kept *own_k)
{
	const struct dg_entry *e = SLIST_FIRST(&m->entries);
	size_t n = dg_kept_bytes(own_k);

	/* a lane that does not flow would only fill the memory */
	if (e == NULL || !is_one_piece(own_k) || e->lane->held_until_ms != 0 ||
	    e->lane->heaps[0].n > 4 * (size_t)sp->schedule.in_flight_max ||
	    sp->kept_bytes + n > KEPT_MAX) {
		dg_kept_free(own_k);
		return false;
	}
	sp->kept_bytes += n;
	m->kept = own_k;
	return true;
}

static struct dg_kept *
take_kept(struct dg_spool *sp, struct dg_sched_msg *m)
{
	struct dg_kept *k = m->kept;

	if (k != NULL)
		sp->kept_bytes -= dg_kept_bytes(k);
	m->kept = NULL;
	return k;
}

void
dg_unkeep(struct dg_spool *sp, struct dg_sched_msg *m)
{
	dg_kept_free(take_kept(sp, m));
}

/* ---- claims ---- */

/* Then it goes out even without its body, so that somebody hears of it. */
static bool
has_expired(const struct dg_entry *e, int64_t now)
{
	return e->expire_ms > 0 && e->expire_ms <= now;
}

static struct dg_kept *
read_facts(struct dg_spool *sp, struct dg_entry *e, int64_t now,
    struct dg_err *err)
{
	struct dg_sched_msg *m = e->msg;
	struct dg_kept *k;
	enum dg_rc rc;

	if (dg_store_read(sp->store, m->id, dg_str(e->lane->name),
		e->is_urged ? DG_DUE_HELD - 1 : now, &k, err) != DG_OK)
		return NULL;
	/* what the database has not must be in a file, or is lost */
	rc = m->has_file ? DG_OK : dg_store_read_body(sp->store, k, err);
	if (rc == DG_OK || rc == DG_E_ABSENT || has_expired(e, now))
		return k;
	dg_kept_free(k);
	return NULL;
}

static bool
hand_out(struct dg_spool *sp, struct dg_entry *e, int64_t now)
{
	struct dg_worker_post *w = &sp->workers[e->lane->hash % sp->n_workers];
	struct dg_err err = { .text = "no recipient is due" };
	struct dg_kept *k = take_kept(sp, e->msg);
	bool was_kept = k != NULL;
	struct dg_claim *c = NULL;

	if (k == NULL)
		k = read_facts(sp, e, now, &err);
	if (k != NULL)
		c = dg_claim_new(sp, e, k, has_expired(e, now), &err);
	if (c == NULL || c->item.n_rcpts == 0) {
		char name[16];

		dg_id_name(e->msg->id, name);
		dg_log(DG_LOG_ERROR, "spool-unreadable", dg_kv_z("id", name),
		    dg_kv_z("lane", e->lane->name), dg_kv_z("why", err.text));
		dg_claim_free(c);
		dg_schedule_back(&sp->schedule, e, e->n, now + UNREADABLE_MS,
		    e->expire_ms > now ? e->expire_ms : 0, false);
		return was_kept;
	}
	sp->stats.claims_out++;
	LIST_INSERT_HEAD(&sp->claims, c->guts, next);
	dg_post_send(w->post, (dg_post_fn *)w->fn, w->ctx, c);
	return was_kept;
}

void
dg_dispatch(struct dg_spool *sp)
{
	int64_t now = dg_now_ms();
	struct dg_entry *e;
	unsigned reads = 0;

	if (!sp->is_started || sp->n_workers == 0 || sp->is_ending)
		return;
	while (reads < READS_MAX &&
	       (e = dg_schedule_take(&sp->schedule, now)) != NULL)
		reads += hand_out(sp, e, now) ? 0 : 1;
}
