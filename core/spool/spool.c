/*
 * spool.c - the facade and its thread.
 *
 * Workers send letters: a message to commit, a claim to settle, a lane to
 * hold.  The thread runs all letters that have come, writes them as one batch,
 * answers, hands out what is due, and waits for the next letter or the next
 * due time.  One process owns a spool: the lock file says which.
 */
#include "spool_state.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dragoman/base/clock.h"
#include "dragoman/base/log.h"

enum {
	STUCK_MS = 1000,  /* a failed batch of settles: again then */
	UNLINK_MS = 1000, /* dead body files wait this long for a sync */
	LONGEST_WAIT_MS = 60000,
	GATHER_NS = 200 * 1000,
	IN_FLIGHT = 100, /* when the options do not say */
};

/* ---- calls that the control thread waits for ---- */

struct dg_call {
	SLIST_ENTRY(dg_call) next;
	void (*run)(struct dg_spool *sp, void *arg);
	void *arg;
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool is_done;
};

static void
on_call(void *ctx, void *own_arg)
{
	struct dg_spool *sp = ctx;
	struct dg_call *c = own_arg;

	SLIST_INSERT_HEAD(&sp->calls, c, next);
}

void
dg_spool_call(struct dg_spool *sp, void (*run)(struct dg_spool *, void *),
    void *arg)
{
	struct dg_call c = { .run = run, .arg = arg };

	if (sp->is_look) {
		run(sp, arg);
		return;
	}
	pthread_mutex_init(&c.lock, NULL);
	pthread_cond_init(&c.done, NULL);
	dg_post_send(sp->post, on_call, sp, &c);
	pthread_mutex_lock(&c.lock);
	while (!c.is_done)
		pthread_cond_wait(&c.done, &c.lock);
	pthread_mutex_unlock(&c.lock);
	pthread_cond_destroy(&c.done);
	pthread_mutex_destroy(&c.lock);
}

static void
run_calls(struct dg_spool *sp)
{
	struct dg_call *c;

	while ((c = SLIST_FIRST(&sp->calls)) != NULL) {
		SLIST_REMOVE_HEAD(&sp->calls, next);
		c->run(sp, c->arg);
		pthread_mutex_lock(&c->lock);
		c->is_done = true;
		pthread_cond_signal(&c->done);
		pthread_mutex_unlock(&c->lock);
	}
}

/* ---- the thread ---- */

static int
wait_ms(const struct dg_spool *sp)
{
	int64_t now = dg_now_ms();
	int64_t next = INT64_MAX;
	int64_t ms;

	if (sp->is_started && sp->n_workers > 0)
		next = dg_schedule_next(&sp->schedule, now);
	ms = next == INT64_MAX ? LONGEST_WAIT_MS : next - now;
	if (ms > dg_batch_wait_ms(sp))
		ms = dg_batch_wait_ms(sp);
	if ((dg_batch_is_stuck(sp) || sp->is_low) && ms > STUCK_MS)
		ms = STUCK_MS;
	if (sp->n_unlinks > 0 && ms > UNLINK_MS)
		ms = UNLINK_MS;
	return (int)(ms < 0 ? 0 : ms > LONGEST_WAIT_MS ? LONGEST_WAIT_MS : ms);
}

/* No message came along to sync: sync for the dead files' sake alone. */
static void
flush_unlinks(struct dg_spool *sp)
{
	struct dg_err e = { 0 };

	if (sp->n_unlinks == 0)
		return;
	sp->unlinks_since_ms = dg_mono_ms();
	if (dg_store_sync(sp->store, &e) == DG_OK)
		dg_unlinks_flush(sp);
	else
		dg_log(DG_LOG_ERROR, "spool-sync", dg_kv_z("why", e.text));
}

/* What has come, and what comes in the next moment when that is much. */
static void
gather(struct dg_spool *sp)
{
	const struct timespec moment = { 0, GATHER_NS };

	(void)dg_post_run(sp->post);
	if (!dg_batch_may_grow(sp))
		return;
	(void)nanosleep(&moment, NULL);
	(void)dg_post_run(sp->post);
}

static void *
spool_main(void *ctx)
{
	struct dg_spool *sp = ctx;

	dg_log_gather(true);
	while (!sp->is_ending) {
		dg_post_wait(sp->post, wait_ms(sp));
		gather(sp);
		dg_room_watch(sp);
		dg_batch_run(sp);
		dg_dispatch(sp);
		if (dg_mono_ms() - sp->unlinks_since_ms >= UNLINK_MS)
			flush_unlinks(sp);
		dg_store_tidy(sp->store);
		run_calls(sp);
		dg_log_flush();
	}
	flush_unlinks(sp);
	if (dg_batch_is_stuck(sp))
		dg_log(DG_LOG_ERROR, "spool-lost-settles",
		    dg_kv_z("why", "the next start has only their receipts"));
	dg_log_gather(false);
	return NULL;
}

/* ---- letters ---- */

static void
on_request(void *ctx, void *own_arg)
{
	dg_batch_add(ctx, own_arg);
}

static void
on_start(void *ctx, void *own_arg)
{
	struct dg_spool *sp = ctx;

	sp->is_started = own_arg != NULL;
}

static void
on_end(void *ctx, void *own_arg)
{
	struct dg_spool *sp = ctx;

	(void)own_arg;
	sp->is_ending = true;
	sp->later_ms = 0; /* the last chance */
}

static void
on_poke(void *ctx, void *own_arg)
{
	(void)ctx;
	(void)own_arg;
}

struct lane_order {
	char *lane, *meaning, *reason;
	int64_t until_ms;
	bool retry_all;
};

static void
order_free(struct lane_order *o)
{
	free(o->lane);
	free(o->meaning);
	free(o->reason);
	free(o);
}

/* What will not leave soon is no longer kept in memory. */
static void
unkeep_lane(struct dg_spool *sp, const struct dg_sched_lane *l)
{
	if (l->held_until_ms != 0)
		return; /* it was done when the hold began */
	for (size_t i = 0; i < l->heaps[0].n; i++)
		dg_unkeep(sp, l->heaps[0].v[i]->msg);
}

static void
on_hold(void *ctx, void *own_arg)
{
	struct dg_spool *sp = ctx;
	struct lane_order *o = own_arg;

	unkeep_lane(sp, dg_schedule_lane(&sp->schedule, dg_str(o->lane)));
	dg_schedule_hold(&sp->schedule, dg_str(o->lane), o->until_ms,
	    dg_str(o->meaning), dg_str(o->reason));
	order_free(o);
}

static void
on_release(void *ctx, void *own_arg)
{
	struct dg_spool *sp = ctx;
	struct lane_order *o = own_arg;

	dg_schedule_release(&sp->schedule, dg_str(o->lane), o->retry_all,
	    dg_now_ms(), DG_DUE_HELD);
	order_free(o);
}

void
dg_spool_hold(struct dg_spool *sp, struct dg_str lane, int64_t until_ms,
    struct dg_str meaning, struct dg_str reason)
{
	struct lane_order *o = dg_alloc0(sizeof(*o));

	o->lane = dg_str_dup(lane);
	o->meaning = dg_str_dup(meaning);
	o->reason = dg_str_dup(reason);
	o->until_ms = until_ms;
	dg_post_send(sp->post, on_hold, sp, o);
}

void
dg_spool_release(struct dg_spool *sp, struct dg_str lane, bool retry_all)
{
	struct lane_order *o = dg_alloc0(sizeof(*o));

	o->lane = dg_str_dup(lane);
	o->retry_all = retry_all;
	dg_post_send(sp->post, on_release, sp, o);
}

void
dg_spool_poke(struct dg_spool *sp)
{
	dg_post_send(sp->post, on_poke, sp, NULL);
}

void
dg_spool_attach(struct dg_spool *sp, unsigned worker, struct dg_post *post,
    dg_claim_fn *fn, void *ctx)
{
	sp->workers[worker] = (struct dg_worker_post){ post, fn, ctx };
	if (worker >= sp->n_workers)
		sp->n_workers = worker + 1;
}

void
dg_spool_start(struct dg_spool *sp)
{
	dg_post_send(sp->post, on_start, sp, sp);
}

void
dg_spool_stop_claims(struct dg_spool *sp)
{
	dg_post_send(sp->post, on_start, sp, NULL);
}

/* ---- commit and settle ---- */

static struct dg_new
new_message(struct dg_draft *own_d, const struct dg_item *item)
{
	struct dg_new n = { own_d, dg_kept_new(item) };

	n.kept->item.id = own_d->id;
	memcpy(n.kept->item.name, own_d->name, sizeof(own_d->name));
	n.kept->item.size = own_d->size;
	if (own_d->fd < 0) { /* the body moves, it is not copied */
		n.kept->body = own_d->body != NULL ? own_d->body : dg_alloc0(1);
		own_d->body = NULL;
	}
	return n;
}

void
dg_spool_commit(struct dg_spool *sp, struct dg_draft *own_d,
    const struct dg_item *item, struct dg_post *back, dg_spool_done *done,
    void *ctx, uint64_t ticket)
{
	struct dg_request *r = dg_alloc0(sizeof(*r));

	r->news = dg_alloc0(sizeof(*r->news));
	r->news[0] = new_message(own_d, item);
	r->n_news = 1;
	r->back = back;
	r->done = done;
	r->ctx = ctx;
	r->ticket = ticket;
	assert(item->n_rcpts > 0); /* or nothing would ever remove it */
	dg_post_send(sp->post, on_request, sp, r);
}

void
dg_spool_settle(struct dg_spool *sp, struct dg_claim *own_claim,
    const struct dg_settle_rcpt *rcpts, size_t n,
    const struct dg_new_message *news, size_t n_news)
{
	struct dg_request *r = dg_alloc0(sizeof(*r));

	dg_arena_init(&r->arena, 64 * 1024 * 1024);
	r->claim = own_claim;
	r->outs = dg_alloc0((n + 1) * sizeof(*r->outs));
	r->n_outs = n;
	for (size_t i = 0; i < n; i++) {
		r->outs[i] = rcpts[i];
		r->outs[i].lane = dg_arena_str(&r->arena, rcpts[i].lane);
		r->outs[i].meaning = dg_arena_str(&r->arena, rcpts[i].meaning);
		r->outs[i].reply = dg_arena_str(&r->arena, rcpts[i].reply);
		r->outs[i].host = dg_arena_str(&r->arena, rcpts[i].host);
	}
	r->news = dg_alloc0((n_news + 1) * sizeof(*r->news));
	r->n_news = n_news;
	for (size_t i = 0; i < n_news; i++) {
		assert(
		    !news[i].own_draft->is_broken && news[i].item->n_rcpts > 0);
		r->news[i] = new_message(news[i].own_draft, news[i].item);
	}
	dg_receipts_note(sp, r);
	dg_post_send(sp->post, on_request, sp, r);
}

/* ---- open and close ---- */

static enum dg_rc
make_dir(const char *path, struct dg_err *e)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return dg_disk_fail(e, "make", path);
	return DG_OK;
}

static enum dg_rc
lock(struct dg_spool *sp, struct dg_err *e)
{
	char *file = dg_sprintf("%s/lock", sp->path);
	char text[32] = "";
	enum dg_rc rc = DG_OK;

	sp->lock_fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (sp->lock_fd < 0) {
		rc = dg_fail(e, DG_E_IO, 0, NULL, "cannot open %s: %s", file,
		    strerror(errno));
	} else if (flock(sp->lock_fd, LOCK_EX | LOCK_NB) != 0 &&
		   errno != EWOULDBLOCK) {
		rc = dg_fail(e, DG_E_IO, 0, NULL, "cannot lock %s: %s", file,
		    strerror(errno));
	} else if (flock(sp->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		ssize_t n = read(sp->lock_fd, text, sizeof(text) - 1);

		text[n > 0 ? n : 0] = '\0';
		rc = dg_fail(e, DG_E_IO, 0, NULL,
		    "the spool %s is in use by process %s", sp->path, text);
	} else {
		int n = snprintf(text, sizeof(text), "%ld", (long)getpid());

		if (ftruncate(sp->lock_fd, 0) != 0 ||
		    pwrite(sp->lock_fd, text, (size_t)n, 0) != n)
			rc = DG_OK; /* only for people to read */
	}
	free(file);
	return rc;
}

/* Claims still out are void, and whoever has one may not settle it any more;
 * what they stood for goes back, so that it can be freed. */
static void
drop_waiting(struct dg_spool *sp)
{
	const struct dg_sched_lane *l;
	struct dg_claim_guts *g;

	while ((g = LIST_FIRST(&sp->claims)) != NULL) {
		LIST_REMOVE(g, next);
		dg_schedule_back(&sp->schedule, g->entry, g->entry->n, 0, 0,
		    false);
	}
	TAILQ_FOREACH(l, &sp->schedule.lanes, next)
	for (size_t i = 0; i < l->heaps[0].n; i++)
		dg_unkeep(sp, l->heaps[0].v[i]->msg);
}

static void
spool_free(struct dg_spool *sp)
{
	dg_post_free(sp->post);
	drop_waiting(sp);
	dg_batch_drop(sp);
	dg_schedule_fini(&sp->schedule);
	dg_store_close(sp->store);
	free(sp->unlinks);
	free(sp->refused);
	dg_receipts_close(&sp->receipts);
	if (sp->reserve_fd >= 0)
		close(sp->reserve_fd);
	if (sp->bodies_fd >= 0)
		close(sp->bodies_fd);
	if (sp->lock_fd >= 0)
		close(sp->lock_fd);
	free(sp->bodies);
	free(sp->path);
	free(sp);
}

/* Made here, so that nobody else may read it; SQLite gives its log the same
 * rights. */
static enum dg_rc
open_store(struct dg_spool *sp, struct dg_err *e)
{
	char *file = dg_sprintf("%s/spool.db", sp->path);
	int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	enum dg_rc rc;

	if (fd < 0) {
		rc = dg_disk_fail(e, "open", file);
	} else {
		close(fd);
		rc = dg_store_open(file, sp->o.no_sync, &sp->store, e);
	}
	free(file);
	return rc;
}

/* What was just made in it is found again after a power cut. */
static bool
sync_dir(const char *path, const char *below)
{
	char *dir = dg_sprintf("%s%s", path, below);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* a parent that may not be read is not ours to sync */
	bool ok = fd < 0 ? errno == EACCES : fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	free(dir);
	return ok;
}

static enum dg_rc
open_files(struct dg_spool *sp, struct dg_err *e)
{
	enum dg_rc rc = make_dir(sp->path, e);

	if (rc == DG_OK)
		rc = lock(sp, e);
	if (rc == DG_OK)
		rc = make_dir(sp->bodies, e);
	if (rc == DG_OK) {
		sp->bodies_fd =
		    open(sp->bodies, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (sp->bodies_fd < 0)
			rc = dg_disk_fail(e, "open", sp->bodies);
	}
	if (rc == DG_OK)
		rc = dg_room_open(sp, e);
	if (rc == DG_OK)
		rc = open_store(sp, e);
	if (rc == DG_OK)
		dg_receipts_open(sp);
	if (rc == DG_OK && !sp->o.no_sync &&
	    !(sync_dir(sp->path, "") && sync_dir(sp->path, "/..")))
		rc = dg_disk_fail(e, "sync", sp->path);
	return rc;
}

static struct dg_spool *
spool_new(const struct dg_spool_options *o)
{
	struct dg_spool *sp = dg_alloc0(sizeof(*sp));

	sp->o = *o;
	sp->path = dg_strdup(o->path);
	sp->o.path = sp->path;
	sp->bodies = dg_sprintf("%s/bodies", sp->path);
	sp->lock_fd = sp->bodies_fd = sp->reserve_fd = -1;
	sp->post = dg_post_new();
	dg_receipts_init(&sp->receipts);
	STAILQ_INIT(&sp->batch);
	STAILQ_INIT(&sp->later);
	SLIST_INIT(&sp->calls);
	LIST_INIT(&sp->claims);
	dg_schedule_init(&sp->schedule,
	    o->lane_in_flight > 0 ? o->lane_in_flight : IN_FLIGHT);
	return sp;
}

enum dg_rc
dg_spool_open(const struct dg_spool_options *o, struct dg_spool **out,
    struct dg_err *e)
{
	struct dg_spool *sp = spool_new(o);
	enum dg_rc rc;

	rc = open_files(sp, e);
	if (rc == DG_OK)
		rc = dg_recover(sp, e);
	if (rc == DG_OK &&
	    pthread_create(&sp->thread, NULL, spool_main, sp) != 0)
		rc = dg_fail(e, DG_E_IO, 0, NULL, "cannot start a thread");
	if (rc != DG_OK) {
		spool_free(sp);
		return rc;
	}
	*out = sp;
	return DG_OK;
}

enum dg_rc
dg_spool_look(const char *path, struct dg_spool **out, struct dg_err *e)
{
	const struct dg_spool_options o = { .path = path };
	struct dg_spool *sp = spool_new(&o);
	char *file = dg_sprintf("%s/spool.db", path);
	enum dg_rc rc;

	sp->is_look = true;
	rc = dg_store_look(file, &sp->store, e);
	free(file);
	if (rc != DG_OK) {
		spool_free(sp);
		return rc;
	}
	dg_receipts_look(sp);
	*out = sp;
	return DG_OK;
}

void
dg_spool_close(struct dg_spool *sp)
{
	if (sp == NULL)
		return;
	if (sp->is_look) {
		spool_free(sp);
		return;
	}
	dg_post_send(sp->post, on_end, sp, NULL);
	pthread_join(sp->thread, NULL);
	spool_free(sp);
}
