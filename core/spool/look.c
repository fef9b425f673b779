/*
 * look.c - what waits, page by page, and what the spool counts.
 *
 * Each page is a letter to the spool thread: between two of them others get
 * their 250.  A spool that is only looked at has no thread, and runs them
 * itself.
 */
#include "spool_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "dragoman/base/clock.h"
#include "dragoman/wire/path.h"

enum {
	PAGE_MESSAGES = 64, /* at once */
	PIECE = 64 * 1024,
};

bool
dg_spool_id(struct dg_str name, uint64_t *out)
{
	char z[16];

	if (name.n == 0 || name.n >= sizeof(z))
		return false;
	memcpy(z, name.p, name.n);
	z[name.n] = '\0';
	return dg_id_read(z, out);
}

/* ---- who ---- */

static bool
contains(struct dg_str s, struct dg_str part)
{
	for (size_t i = 0; i + part.n <= s.n; i++)
		if (dg_str_ieq(dg_str_sub(s, i, part.n), part))
			return true;
	return false;
}

/* A hop by MX has a lane for each domain: "hop/domain". */
static bool
is_lane_of(struct dg_str lane, struct dg_str hop)
{
	return dg_str_has_prefix(lane, hop) &&
	       (lane.n == hop.n || lane.p[hop.n] == '/');
}

bool
dg_pick_fits(const struct dg_pick *p, const struct dg_item *it,
    const struct dg_item_rcpt *r, int64_t now)
{
	return (p->id == 0 || p->id == it->id) &&
	       (!p->has_hop || is_lane_of(r->lane, p->hop)) &&
	       (!p->has_domain ||
		   dg_str_ieq(p->domain, dg_address_domain(r->address))) &&
	       (!p->has_sender || dg_str_ieq(p->sender, it->sender)) &&
	       (!p->has_reason || dg_str_ieq(p->reason, r->meaning) ||
		   contains(r->reply, p->reason)) &&
	       (p->older_ms == 0 || now - it->arrival_ms >= p->older_ms);
}

bool
dg_is_claimed(const struct dg_spool *sp, uint64_t id, unsigned number)
{
	const struct dg_claim_guts *g;

	LIST_FOREACH(g, &sp->claims, next)
	{
		if (g->kept->item.id != id)
			continue;
		for (size_t i = 0; i < g->kept->item.n_rcpts; i++)
			if (g->kept->rcpts[i].number == number)
				return true;
	}
	return false;
}

/* ---- pages ---- */

struct page {
	const struct dg_pick *pick;
	int64_t now;
	uint64_t after; /* the last message seen */
	size_t max;     /* rows still wanted */
	bool is_last, has_more;
	dg_spool_row *row;
	void *ctx;
	const struct dg_spool *sp;
	enum dg_rc rc;
	struct dg_err *e;
};

static void
on_row(void *ctx, const struct dg_item *it, const struct dg_item_rcpt *r)
{
	struct page *p = ctx;

	if (!dg_pick_fits(p->pick, it, r, p->now) ||
	    dg_receipts_has(p->sp, it, r->number))
		return;
	if (p->max == 0) {
		p->has_more = true;
		return;
	}
	p->max--;
	p->row(p->ctx, it, r, dg_is_claimed(p->sp, it->id, r->number));
}

static void
run_page(struct dg_spool *sp, void *arg)
{
	struct page *p = arg;

	p->rc = dg_store_scan(sp->store, &p->after,
	    p->pick->id != 0 ? 1 : PAGE_MESSAGES, on_row, p, p->e);
	p->is_last = p->rc != DG_OK || p->has_more || p->pick->id != 0;
}

bool
dg_spool_scan(struct dg_spool *sp, const struct dg_pick *pick, size_t max,
    dg_spool_row *row, void *ctx, struct dg_err *e)
{
	struct page p = { .pick = pick,
		.now = dg_now_ms(),
		.after = pick->id != 0 ? pick->id - 1 : 0,
		.max = max,
		.row = row,
		.ctx = ctx,
		.sp = sp,
		.e = e };

	do
		dg_spool_call(sp, run_page, &p);
	while (!p.is_last);
	return !p.has_more;
}

void
dg_spool_list(struct dg_spool *sp, size_t max, dg_spool_row *row, void *ctx)
{
	const struct dg_pick all = { 0 };
	struct dg_err e = { 0 };

	(void)dg_spool_scan(sp, &all, max, row, ctx, &e);
}

/* ---- a body ---- */

struct reading {
	uint64_t id, max;
	dg_spool_piece *fn;
	void *ctx;
	enum dg_rc rc;
	struct dg_err *e;
};

static void
read_file(const struct dg_spool *sp, struct reading *r, uint64_t size)
{
	char *path = dg_body_path(sp, r->id);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *piece = dg_alloc(PIECE);
	uint64_t left = r->max < size ? r->max : size;

	while (fd >= 0 && left > 0) {
		ssize_t n = read(fd, piece, left < PIECE ? left : PIECE);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		r->fn(r->ctx, dg_str_of(piece, (size_t)n));
		left -= (uint64_t)n;
	}
	if (fd < 0 || left > 0)
		r->rc = dg_fail(r->e, DG_E_IO, 451, "4.3.0", "the body %s: %s",
		    path, fd < 0 ? strerror(errno) : "it is cut short");
	if (fd >= 0)
		close(fd);
	free(piece);
	free(path);
}

static void
run_read(struct dg_spool *sp, void *arg)
{
	struct reading *r = arg;
	struct dg_kept *k = NULL;

	r->rc = dg_store_read(sp->store, r->id, DG_NOSTR, INT64_MAX, &k, r->e);
	if (r->rc != DG_OK)
		return;
	r->rc = dg_store_read_body(sp->store, k, r->e);
	if (r->rc == DG_OK)
		r->fn(r->ctx,
		    dg_str_of(k->body,
			k->item.size < r->max ? k->item.size : r->max));
	else if (r->rc == DG_E_ABSENT) {
		r->rc = DG_OK;
		read_file(sp, r, k->item.size);
	}
	dg_kept_free(k);
}

enum dg_rc
dg_spool_read(struct dg_spool *sp, uint64_t id, uint64_t max,
    dg_spool_piece *fn, void *ctx, struct dg_err *e)
{
	struct reading r = { id, max, fn, ctx, DG_OK, e };

	dg_spool_call(sp, run_read, &r);
	return r.rc;
}

/* ---- lanes and counts ---- */

struct lanes_args {
	dg_spool_lane_row *row;
	void *ctx;
};

static void
run_lanes(struct dg_spool *sp, void *arg)
{
	const struct lanes_args *a = arg;
	const struct dg_sched_lane *l;

	TAILQ_FOREACH(l, &sp->schedule.lanes, next)
	a->row(a->ctx, dg_str(l->name), l->heaps[0].n, l->in_flight,
	    l->held_until_ms, dg_str(l->meaning), dg_str(l->reason));
}

void
dg_spool_lanes(struct dg_spool *sp, dg_spool_lane_row *row, void *ctx)
{
	struct lanes_args a = { row, ctx };

	dg_spool_call(sp, run_lanes, &a);
}

static void
run_stats(struct dg_spool *sp, void *arg)
{
	struct dg_spool_stats *out = arg;

	*out = sp->stats;
	out->messages = sp->schedule.messages;
	out->syncs += dg_store_syncs(sp->store);
	out->wal_bytes = dg_store_wal(sp->store);
}

void
dg_spool_stats(struct dg_spool *sp, struct dg_spool_stats *out)
{
	dg_spool_call(sp, run_stats, out);
}

static void
run_idle(struct dg_spool *sp, void *arg)
{
	bool *idle = arg;
	int64_t now = dg_now_ms();

	*idle = sp->stats.claims_out == 0 && !dg_batch_is_stuck(sp) &&
		dg_schedule_next(&sp->schedule, now) > now;
}

bool
dg_spool_is_idle(struct dg_spool *sp)
{
	bool idle = false;

	dg_spool_call(sp, run_idle, &idle);
	return idle;
}
