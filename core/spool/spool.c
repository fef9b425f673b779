/*
 * spool.c - the facade and its thread.
 *
 * Workers send letters: a message to commit, a claim to settle, a lane to
 * hold.  The thread runs all letters that have come, writes them as one batch,
 * answers, hands out what is due, and waits for the next letter or the next
 * due time.  One process owns a spool: the lock file says which.
 */
#include "spool_state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dragoman/base/clock.h"
#include "dragoman/base/log.h"

enum {
	STUCK_MS = 1000,       /* a failed batch of settles: again then */
	UNLINK_MS = 1000,      /* dead body files wait this long for a sync */
	LONGEST_WAIT_MS = 60000,
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

/* Runs on the spool thread, after what was sent before it is written. */
static void
call(struct dg_spool *sp, void (*run)(struct dg_spool *, void *), void *arg)
{
	struct dg_call c = { .run = run, .arg = arg };

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

	if (sp->is_started)
		next = dg_schedule_next(&sp->schedule, now);
	ms = next == INT64_MAX ? LONGEST_WAIT_MS : next - now;
	if (sp->is_stuck && ms > STUCK_MS)
		ms = STUCK_MS;
	if (sp->n_unlinks > 0 && ms > UNLINK_MS)
		ms = UNLINK_MS;
	return (int)(ms < 0 ? 0 : ms > LONGEST_WAIT_MS ? LONGEST_WAIT_MS : ms);
}

/* No message came along to sync: sync for the dead files' sake alone. */
static void
flush_when_quiet(struct dg_spool *sp)
{
	struct dg_err e = { 0 };

	if (sp->n_unlinks == 0 ||
	    dg_mono_ms() - sp->unlinks_since_ms < UNLINK_MS)
		return;
	dg_store_begin(sp->store, true);
	if (dg_store_commit(sp->store, &e) == DG_OK)
		dg_unlinks_flush(sp);
	sp->unlinks_since_ms = dg_mono_ms();
}

static void *
spool_main(void *ctx)
{
	struct dg_spool *sp = ctx;

	dg_log_gather(true);
	while (!sp->is_ending) {
		dg_post_wait(sp->post, wait_ms(sp));
		(void)dg_post_run(sp->post);
		dg_batch_run(sp);
		dg_dispatch(sp);
		flush_when_quiet(sp);
		dg_store_tidy(sp->store);
		run_calls(sp);
		dg_log_flush();
	}
	dg_log_gather(false);
	return NULL;
}

/* ---- letters ---- */

static void
on_request(void *ctx, void *own_arg)
{
	struct dg_spool *sp = ctx;

	STAILQ_INSERT_TAIL(&sp->batch, (struct dg_request *)own_arg, next);
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

static void
on_hold(void *ctx, void *own_arg)
{
	struct dg_spool *sp = ctx;
	struct lane_order *o = own_arg;

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
	    dg_now_ms());
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
		n.kept->body = own_d->body != NULL ? own_d->body
						   : dg_alloc0(1);
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
	for (size_t i = 0; i < n_news; i++)
		r->news[i] = new_message(news[i].own_draft, news[i].item);
	dg_post_send(sp->post, on_request, sp, r);
}

/* ---- looking ---- */

struct list_args {
	size_t max;
	dg_spool_row *row;
	void *ctx;
};

static bool
is_claimed(const struct dg_spool *sp, uint64_t id, struct dg_str lane)
{
	const struct dg_claim_guts *g;

	LIST_FOREACH (g, &sp->claims, next)
		if (g->kept->item.id == id && dg_str_eq(lane,
			dg_str(g->entry->lane->name)))
			return true;
	return false;
}

static void
run_list(struct dg_spool *sp, void *arg)
{
	const struct list_args *a = arg;
	uint64_t *ids = dg_alloc0((a->max + 1) * sizeof(*ids));
	size_t n = dg_store_ids(sp->store, ids, a->max);

	for (size_t i = 0; i < n; i++) {
		struct dg_kept *k = NULL;
		struct dg_err e = { 0 };

		if (dg_store_read(sp->store, ids[i], DG_NOSTR, 0, &k, &e) !=
		    DG_OK)
			continue;
		for (size_t r = 0; r < k->item.n_rcpts; r++)
			a->row(a->ctx, &k->item, &k->rcpts[r],
			    is_claimed(sp, ids[i], k->rcpts[r].lane));
		dg_kept_free(k);
	}
	free(ids);
}

void
dg_spool_list(struct dg_spool *sp, size_t max, dg_spool_row *row, void *ctx)
{
	struct list_args a = { max, row, ctx };

	call(sp, run_list, &a);
}

struct lanes_args {
	dg_spool_lane_row *row;
	void *ctx;
};

static void
run_lanes(struct dg_spool *sp, void *arg)
{
	const struct lanes_args *a = arg;
	const struct dg_sched_lane *l;

	LIST_FOREACH (l, &sp->schedule.lanes, next)
		a->row(a->ctx, dg_str(l->name), l->heaps[0].n, l->in_flight,
		    l->held_until_ms, dg_str(l->meaning), dg_str(l->reason));
}

void
dg_spool_lanes(struct dg_spool *sp, dg_spool_lane_row *row, void *ctx)
{
	struct lanes_args a = { row, ctx };

	call(sp, run_lanes, &a);
}

static void
run_stats(struct dg_spool *sp, void *arg)
{
	struct dg_spool_stats *out = arg;

	*out = sp->stats;
	out->messages = sp->schedule.messages;
	out->syncs = dg_store_syncs(sp->store);
	out->wal_bytes = dg_store_wal(sp->store);
}

void
dg_spool_stats(struct dg_spool *sp, struct dg_spool_stats *out)
{
	call(sp, run_stats, out);
}

static void
run_idle(struct dg_spool *sp, void *arg)
{
	bool *idle = arg;
	int64_t now = dg_now_ms();

	*idle = sp->stats.claims_out == 0 && STAILQ_EMPTY(&sp->batch) &&
	    dg_schedule_next(&sp->schedule, now) > now;
}

bool
dg_spool_is_idle(struct dg_spool *sp)
{
	bool idle = false;

	call(sp, run_idle, &idle);
	return idle;
}

/* ---- open and close ---- */

static enum dg_rc
make_dir(const char *path, struct dg_err *e)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return dg_fail(e, DG_E_IO, 0, NULL, "cannot make %s: %s", path,
		    strerror(errno));
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

struct recover {
	struct dg_spool *sp;
	struct dg_sched_msg *m; /* the one being gathered */
};

static void
on_row(void *ctx, uint64_t id, bool has_file, struct dg_str lane, unsigned n,
    int64_t due_ms, int64_t expire_ms)
{
	struct recover *r = ctx;

	if (r->m == NULL || r->m->id != id) {
		r->m = dg_schedule_msg(&r->sp->schedule, id);
		r->m->has_file = has_file;
	}
	dg_schedule_add(&r->sp->schedule, r->m, lane, n, due_ms, expire_ms);
}

static bool
read_name(const char *name, uint64_t *id)
{
	static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

	*id = 0;
	for (; *name != '\0'; name++) {
		const char *d = strchr(digits, *name);

		if (d == NULL)
			return false;
		*id = *id << 5 | (uint64_t)(d - digits);
	}
	return *id != 0;
}

/* A crash between a body's file and its row leaves the file alone. */
static void
drop_orphans(struct dg_spool *sp)
{
	DIR *dir = opendir(sp->bodies);
	const struct dirent *de;
	unsigned n = 0;

	if (dir == NULL)
		return;
	/* one thread uses this stream */
	while ((de = readdir(dir)) != NULL) { /* NOLINT */
		uint64_t id;

		if (de->d_name[0] == '.' || !read_name(de->d_name, &id) ||
		    dg_store_has(sp->store, id))
			continue;
		n += unlinkat(dirfd(dir), de->d_name, 0) == 0;
	}
	closedir(dir);
	if (n > 0)
		dg_log(DG_LOG_INFO, "spool-orphans", dg_kv_i("removed", n));
}

static enum dg_rc
recover(struct dg_spool *sp, struct dg_err *e)
{
	struct recover r = { sp, NULL };

	if (dg_store_walk(sp->store, on_row, &r, e) != DG_OK)
		return e->rc;
	drop_orphans(sp);
	atomic_store(&sp->last_id, dg_store_last_id(sp->store));
	dg_log(DG_LOG_INFO, "spool", dg_kv_z("path", sp->path),
	    dg_kv_i("waiting", (long long)sp->schedule.messages));
	return DG_OK;
}

static void
drop_kept(struct dg_spool *sp)
{
	const struct dg_sched_lane *l;

	LIST_FOREACH (l, &sp->schedule.lanes, next) {
		for (size_t i = 0; i < l->heaps[0].n; i++) {
			struct dg_sched_msg *m = l->heaps[0].v[i]->msg;

			dg_kept_free(m->kept);
			m->kept = NULL;
		}
	}
}

static void
spool_free(struct dg_spool *sp)
{
	dg_batch_drop(sp);
	drop_kept(sp);
	dg_schedule_fini(&sp->schedule);
	dg_store_close(sp->store);
	dg_post_free(sp->post);
	free(sp->unlinks);
	if (sp->bodies_fd >= 0)
		close(sp->bodies_fd);
	if (sp->lock_fd >= 0)
		close(sp->lock_fd);
	free(sp->bodies);
	free(sp->path);
	free(sp);
}

static enum dg_rc
open_files(struct dg_spool *sp, struct dg_err *e)
{
	char *file = dg_sprintf("%s/spool.db", sp->path);
	enum dg_rc rc = make_dir(sp->path, e);
	mode_t mask;

	if (rc == DG_OK)
		rc = lock(sp, e);
	if (rc == DG_OK)
		rc = make_dir(sp->bodies, e);
	if (rc == DG_OK) {
		sp->bodies_fd = open(sp->bodies, O_RDONLY | O_DIRECTORY |
		    O_CLOEXEC);
		if (sp->bodies_fd < 0)
			rc = dg_fail(e, DG_E_IO, 0, NULL, "cannot open %s: %s",
			    sp->bodies, strerror(errno));
	}
	mask = umask(077);
	if (rc == DG_OK)
		rc = dg_store_open(file, sp->o.no_sync, &sp->store, e);
	umask(mask);
	free(file);
	return rc;
}

enum dg_rc
dg_spool_open(const struct dg_spool_options *o, struct dg_spool **out,
    struct dg_err *e)
{
	struct dg_spool *sp = dg_alloc0(sizeof(*sp));
	enum dg_rc rc;

	sp->o = *o;
	sp->path = dg_strdup(o->path);
	sp->o.path = sp->path;
	sp->bodies = dg_sprintf("%s/bodies", sp->path);
	sp->lock_fd = sp->bodies_fd = -1;
	sp->post = dg_post_new();
	STAILQ_INIT(&sp->batch);
	SLIST_INIT(&sp->calls);
	LIST_INIT(&sp->claims);
	dg_schedule_init(&sp->schedule, o->lane_in_flight);
	rc = open_files(sp, e);
	if (rc == DG_OK)
		rc = recover(sp, e);
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

void
dg_spool_close(struct dg_spool *sp)
{
	if (sp == NULL)
		return;
	dg_post_send(sp->post, on_end, sp, NULL);
	pthread_join(sp->thread, NULL);
	spool_free(sp);
}
