/*
 * worker.c - the workers and what they share: birth, new generations, the
 * soft end, and what `status` shows.
 *
 * A worker is one thread with one event loop; a connection lives and dies on
 * one worker.  Nothing here is reached from another thread but by a letter to
 * the worker's loop, so there is no lock on the path of a command.
 */
#include "relay_state.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/clock.h"
#include "dragoman/base/log.h"
#include "dragoman/net/http.h"

enum { STOP_CHECK_MS = 50 };

const char *
dg_where_text(struct dg_where w, char *out, size_t n)
{
	if (w.file == NULL)
		snprintf(out, n, "built in");
	else
		snprintf(out, n, "%s:%d", w.file, w.line);
	return out;
}

/* ---- birth ---- */

static void
on_policy_alert(void *ctx, const char *name, const char *text)
{
	dg_alert_raise(ctx, name, "policy", text);
}

static void
take_generation(struct dg_worker *w, struct dg_generation *own_g)
{
	w->generation = own_g;
	dg_http_trust(w->host.http, dg_generation_config(own_g)->tls_ca);
	dg_policy_state_attach(dg_generation_state(own_g, w->index), &w->host);
}

static void
worker_init(struct dg_relay *r, unsigned i, struct dg_generation *g)
{
	struct dg_worker *w = &r->workers[i];
	const struct dg_config *c = dg_generation_config(g);
	struct dg_dialer_options o = {
		.dns_servers = (const char *const *)c->dns_servers,
	};

	w->relay = r;
	w->index = i;
	w->loop = dg_loop_new();
	w->dialer = dg_dialer_new(w->loop, &o);
	w->sessions = dg_slots_new();
	w->hop_sessions = dg_slots_new();
	w->mx_asks = dg_slots_new();
	dg_lanes_init(w);
	TAILQ_INIT(&w->thinking);
	LIST_INIT(&w->alert_mails);
	w->host = (struct dg_policy_host){
		.loop = w->loop,
		.resolver = dg_dialer_resolver(w->dialer),
		.http = dg_http_new(w->loop, dg_dialer_resolver(w->dialer)),
		.waits = dg_slots_new(),
		.shared = r->shared,
		.alert = on_policy_alert,
		.ctx = w,
	};
	take_generation(w, dg_generation_pin(g));
	if (i == 0)
		dg_tick_start(w);
	dg_spool_attach(r->spool, i, dg_loop_post(w->loop), dg_deliver_claim, w);
}

struct dg_relay *
dg_relay_new(const struct dg_relay_options *o)
{
	struct dg_relay *r = dg_alloc0(sizeof(*r));

	r->spool = o->spool;
	r->challenges = dg_challenges_new();
	r->tally = dg_tally_new();
	r->alerts = dg_alerts_new();
	r->shared = dg_shared_new(NULL);
	r->n_workers = o->workers;
	r->workers = dg_alloc0(o->workers * sizeof(*r->workers));
	for (unsigned i = 0; i < o->workers; i++)
		worker_init(r, i, o->own_generation);
	dg_generation_unpin(o->own_generation);
	return r;
}

void
dg_relay_free(struct dg_relay *r)
{
	if (r == NULL)
		return;
	for (unsigned i = 0; i < r->n_workers; i++) {
		struct dg_worker *w = &r->workers[i];

		for (size_t k = 0; k < w->n_listeners; k++)
			dg_listener_free(w->listeners[k]);
		dg_lanes_free(w);
		dg_timer_free(w->stop_timer);
		dg_http_free(w->host.http); /* looks up by the dialer's resolver */
		w->host.http = NULL;        /* a hook may still give it up */
		dg_dialer_free(w->dialer);
		dg_loop_free(w->loop); /* runs the last letters: they find nobody */
		dg_slots_free(w->sessions);
		dg_slots_free(w->hop_sessions);
		dg_slots_free(w->mx_asks);
		dg_generation_unpin(w->generation);
		dg_slots_free(w->host.waits);
	}
	free(r->workers);
	dg_tally_free(r->tally);
	dg_alerts_free(r->alerts);
	dg_shared_free(r->shared);
	dg_challenges_free(r->challenges);
	free(r);
}

static void
on_accept(void *ctx, int own_fd)
{
	struct dg_worker_listener *wl = ctx;

	dg_session_open(wl->worker, wl->name,
	    dg_conn_new(wl->worker->loop, own_fd, NULL, NULL));
}

void
dg_relay_listen(struct dg_relay *r, const char *name, const int *own_fds)
{
	for (unsigned i = 0; i < r->n_workers; i++) {
		struct dg_worker *w = &r->workers[i];
		struct dg_worker_listener *wl;

		assert(w->n_listeners < LISTENERS_MAX);
		wl = &w->accepts[w->n_listeners];
		wl->worker = w;
		wl->name = name;
		w->listeners[w->n_listeners++] = dg_listener_new(
		    w->loop, own_fds[i], on_accept, wl);
	}
}

static void *
worker_main(void *ctx)
{
	struct dg_worker *w = ctx;

	dg_log_gather(true);
	dg_loop_run(w->loop);
	dg_log_gather(false);
	return NULL;
}

void
dg_relay_start(struct dg_relay *r)
{
	for (unsigned i = 0; i < r->n_workers; i++) {
		struct dg_worker *w = &r->workers[i];

		if (pthread_create(&w->thread, NULL, worker_main, w) != 0)
			abort();
		w->has_thread = true;
	}
	dg_spool_start(r->spool);
}

void
dg_relay_start_inline(struct dg_relay *r)
{
	dg_spool_start(r->spool);
}

struct dg_loop *
dg_relay_loop(struct dg_relay *r, unsigned worker)
{
	return r->workers[worker].loop;
}

struct dg_dialer *
dg_relay_dialer(struct dg_relay *r, unsigned worker)
{
	return r->workers[worker].dialer;
}

struct dg_http *
dg_relay_http(struct dg_relay *r, unsigned worker)
{
	return r->workers[worker].host.http;
}

void
dg_relay_accept(struct dg_relay *r, unsigned worker, const char *listener,
    struct dg_conn *own_conn)
{
	dg_session_open(&r->workers[worker], listener, own_conn);
}

bool
dg_relay_is_idle(struct dg_relay *r)
{
	for (unsigned i = 0; i < r->n_workers; i++)
		if (r->workers[i].attempts > 0 ||
		    dg_slots_count(r->workers[i].host.waits) > 0)
			return false;
	return dg_spool_is_idle(r->spool);
}

/* ---- a new generation ---- */

static void
on_publish(void *ctx, void *own_arg)
{
	struct dg_worker *w = ctx;
	struct dg_generation *old = w->generation;

	take_generation(w, own_arg);
	dg_hop_sessions_close_idle(w);
	dg_lanes_give_back_slow(w);
	dg_generation_unpin(old);
}

void
dg_relay_publish(struct dg_relay *r, struct dg_generation *own_generation)
{
	for (unsigned i = 0; i < r->n_workers; i++)
		dg_post_send(dg_loop_post(r->workers[i].loop), on_publish,
		    &r->workers[i], dg_generation_pin(own_generation));
	dg_generation_unpin(own_generation);
	/* held hops are tried at once with what may be mended now */
	dg_spool_release(r->spool, DG_NOSTR, false);
}

/* ---- the soft end ---- */

struct stop_order {
	int64_t soft_end_ms;
};

static void
on_stop_timer(void *ctx)
{
	struct dg_worker *w = ctx;
	bool is_late = dg_mono_ms() >= w->stop_at_ms;

	dg_sessions_stop(w, is_late);
	dg_hop_sessions_close_idle(w);
	if (is_late)
		dg_hop_sessions_drop(w);
	if ((dg_slots_count(w->sessions) == 0 && w->attempts == 0) ||
	    dg_mono_ms() >= w->stop_at_ms + 2000)
		dg_loop_stop(w->loop);
	else
		dg_timer_set(w->stop_timer, STOP_CHECK_MS);
}

static void
on_stop(void *ctx, void *own_arg)
{
	struct dg_worker *w = ctx;
	struct stop_order *o = own_arg;

	w->is_stopping = true;
	w->stop_at_ms = dg_mono_ms() + o->soft_end_ms;
	free(o);
	for (size_t k = 0; k < w->n_listeners; k++)
		dg_listener_free(w->listeners[k]);
	w->n_listeners = 0;
	dg_lanes_give_back_slow(w);
	w->stop_timer = dg_timer_new(w->loop, on_stop_timer, w);
	dg_timer_set(w->stop_timer, 0);
}

void
dg_relay_stop(struct dg_relay *r, int64_t soft_end_ms)
{
	struct dg_spool_stats st;

	dg_spool_stop_claims(r->spool);
	for (unsigned i = 0; i < r->n_workers; i++) {
		struct stop_order *o = dg_alloc0(sizeof(*o));

		o->soft_end_ms = soft_end_ms;
		dg_post_send(dg_loop_post(r->workers[i].loop), on_stop,
		    &r->workers[i], o);
	}
	for (unsigned i = 0; i < r->n_workers; i++) {
		if (r->workers[i].has_thread)
			pthread_join(r->workers[i].thread, NULL);
		r->workers[i].has_thread = false;
	}
	/* every claim on its way is in a worker's post once this returns: give
	 * them back while the spool is there to take them */
	dg_spool_stats(r->spool, &st);
	for (unsigned i = 0; i < r->n_workers; i++) {
		struct dg_worker *w = &r->workers[i];

		(void)dg_post_run(dg_loop_post(w->loop));
		dg_hop_sessions_drop(w);
		dg_sessions_drop(w);
		dg_alert_mails_drop(w);
		dg_tick_stop(w);
	}
}

/* ---- asking all workers ---- */

struct errand {
	pthread_mutex_t lock;
	pthread_cond_t done;
	unsigned waiting;
	void (*fn)(struct dg_worker *w, void *ctx);
	void *ctx;
};

static void
on_errand(void *ctx, void *own_arg)
{
	struct errand *e = own_arg;

	pthread_mutex_lock(&e->lock);
	e->fn(ctx, e->ctx);
	if (--e->waiting == 0)
		pthread_cond_signal(&e->done);
	pthread_mutex_unlock(&e->lock);
}

void
dg_relay_each_worker(struct dg_relay *r,
    void (*fn)(struct dg_worker *w, void *ctx), void *ctx)
{
	struct errand e = { .waiting = r->n_workers, .fn = fn, .ctx = ctx };

	pthread_mutex_init(&e.lock, NULL);
	pthread_cond_init(&e.done, NULL);
	for (unsigned i = 0; i < r->n_workers; i++) {
		if (r->workers[i].has_thread)
			dg_post_send(dg_loop_post(r->workers[i].loop),
			    on_errand, &r->workers[i], &e);
		else
			on_errand(&r->workers[i], &e);
	}
	pthread_mutex_lock(&e.lock);
	while (e.waiting > 0)
		pthread_cond_wait(&e.done, &e.lock);
	pthread_mutex_unlock(&e.lock);
	pthread_cond_destroy(&e.done);
	pthread_mutex_destroy(&e.lock);
}

/* ---- status ---- */

enum { GENERATIONS_MAX = 64 };
struct collector {
	struct dg_buf lanes;
	unsigned newest, sessions, attempts;
	unsigned long failures; /* of hooks, in this generation */
	struct {
		unsigned number, sessions;
	} generations[GENERATIONS_MAX];
	size_t n_generations;
};

static void
count_generation(struct collector *c, unsigned number)
{
	for (size_t i = 0; i < c->n_generations; i++) {
		if (c->generations[i].number == number) {
			c->generations[i].sessions++;
			return;
		}
	}
	if (c->n_generations < GENERATIONS_MAX) {
		c->generations[c->n_generations].number = number;
		c->generations[c->n_generations++].sessions = 1;
	}
}

static void
collect_one(struct dg_worker *w, void *ctx)
{
	struct collector *c = ctx;
	unsigned number;
	size_t at = 0;

	number = dg_generation_number(w->generation);
	if (number > c->newest)
		c->newest = number;
	c->attempts += w->attempts;
	c->failures += dg_policy_failures(
	    dg_generation_state(w->generation, w->index));
	while (dg_sessions_next(w, &at, &number)) {
		c->sessions++;
		count_generation(c, number);
	}
	dg_lanes_status(w, &c->lanes);
}

static void
collect(struct dg_relay *r, struct collector *c)
{
	memset(c, 0, sizeof(*c));
	dg_buf_init(&c->lanes, 1024 * 1024);
	dg_relay_each_worker(r, collect_one, c);
}

static void
collector_fini(struct collector *c)
{
	dg_buf_fini(&c->lanes);
}

static void
add_lane(void *ctx, struct dg_str lane, size_t waiting, size_t in_flight,
    int64_t held_until_ms, struct dg_str meaning, struct dg_str reason)
{
	struct dg_buf *out = ctx;
	struct dg_str hop, domain;

	dg_lane_split(lane, &hop, &domain);
	(void)dg_buf_addf(out, "lane hop=%.*s", DG_FMT(hop));
	if (domain.n > 0)
		(void)dg_buf_addf(out, " domain=%.*s", DG_FMT(domain));
	(void)dg_buf_addf(out, " waiting=%zu in_flight=%zu", waiting,
	    in_flight);
	if (held_until_ms > 0)
		(void)dg_buf_addf(out,
		    " held=%.*s next_probe_s=%lld reason=\"%.*s\"",
		    DG_FMT(meaning),
		    (long long)(held_until_ms - dg_now_ms()) / 1000,
		    DG_FMT(reason));
	(void)dg_buf_addc(out, '\n');
}

static void
add_generations(const struct collector *c, struct dg_buf *out)
{
	bool has_newest = false;

	for (size_t i = 0; i < c->n_generations; i++) {
		has_newest |= c->generations[i].number == c->newest;
		(void)dg_buf_addf(out, "generation number=%u sessions=%u%s\n",
		    c->generations[i].number, c->generations[i].sessions,
		    c->generations[i].number == c->newest ? " current=yes"
							  : "");
	}
	if (!has_newest)
		(void)dg_buf_addf(out,
		    "generation number=%u sessions=0 current=yes\n",
		    c->newest);
}

void
dg_relay_status(struct dg_relay *r, struct dg_buf *out)
{
	struct dg_spool_stats st;
	struct collector c;

	collect(r, &c);
	dg_spool_stats(r->spool, &st);
	(void)dg_buf_addf(out,
	    "relay workers=%u sessions=%u attempts=%u hook_failures=%lu\n"
	    "spool messages=%llu accepted=%llu delivered=%llu failed=%llu "
	    "commits=%llu syncs=%llu wal_bytes=%llu claims_out=%llu\n",
	    r->n_workers, c.sessions, c.attempts, c.failures,
	    (unsigned long long)st.messages, (unsigned long long)st.accepted,
	    (unsigned long long)st.delivered, (unsigned long long)st.failed,
	    (unsigned long long)st.commits, (unsigned long long)st.syncs,
	    (unsigned long long)st.wal_bytes,
	    (unsigned long long)st.claims_out);
	add_generations(&c, out);
	dg_spool_lanes(r->spool, add_lane, out);
	(void)dg_buf_add(out, dg_buf_str(&c.lanes));
	dg_alerts_status(r->alerts, out);
	collector_fini(&c);
}

unsigned
dg_relay_generations(struct dg_relay *r)
{
	struct collector c;
	unsigned n;

	collect(r, &c);
	n = (unsigned)c.n_generations;
	for (size_t i = 0; i < c.n_generations; i++)
		if (c.generations[i].number == c.newest)
			n--;
	collector_fini(&c);
	return n + 1;
}
