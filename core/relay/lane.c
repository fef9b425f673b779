/*
 * lane.c - the deliveries to one destination on this worker: who waits, which
 * connections are open, and what was learnt about each host.
 *
 * A lane lives on one worker (hash of its name), so nothing here is locked.
 * What verb and mechanism worked is remembered an hour per host:port and
 * forgotten with the generation that learnt it.  An mx hop has as many lanes as
 * there are domains: they are found by hash, and freed when nothing is known of
 * them any more.
 */
#include "relay_state.h"

#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/clock.h"
#include "dragoman/net/connect.h"
#include "dragoman/wire/path.h"

enum {
	REMEMBER_MS = 60 * 60 * 1000,
	EMPTY_MS = 10 * 60 * 1000, /* then an empty lane is freed */
	SWEEP_MS = 60 * 1000,
	REST_MS = 1000,
	BUCKETS = 1024,
};

struct dg_lanes {
	LIST_HEAD(, dg_lane) buckets[BUCKETS];
	struct dg_timer *sweep;
	TAILQ_HEAD(, dg_lane) line; /* first come, first served */
	struct dg_timer *feed;
};

/* ---- names ---- */

void
dg_lane_split(struct dg_str lane, struct dg_str *hop, struct dg_str *domain)
{
	size_t slash = dg_str_find(lane, '/');

	*hop = dg_str_sub(lane, 0, slash);
	*domain = dg_str_from(lane, slash < lane.n ? slash + 1 : lane.n);
}

const struct dg_hop *
dg_lane_hop(const struct dg_rules *r, struct dg_str lane, struct dg_str *domain)
{
	struct dg_str hop;

	dg_lane_split(lane, &hop, domain);
	return dg_rules_hop(r, hop);
}

char *
dg_lane_name(const struct dg_hop *h, struct dg_str address)
{
	struct dg_str domain = dg_address_domain(address);
	char *name;

	if (!h->is_mx)
		return dg_strdup(h->name);
	if (domain.n > 0 && domain.p[domain.n - 1] == '.')
		domain.n--;
	name = dg_sprintf("%s/%.*s", h->name, DG_FMT(domain));
	for (char *p = name + strlen(h->name); *p != '\0'; p++)
		*p = dg_lower(*p);
	return name;
}

bool
dg_lane_fits(const struct dg_hop *h, struct dg_str lane)
{
	return h->is_mx == (dg_str_find(lane, '/') < lane.n);
}

int64_t
dg_lane_expiry(const struct dg_hop *h, int64_t arrival_ms, int64_t now_ms)
{
	if (h->warn_ms > 0 && arrival_ms + h->warn_ms > now_ms)
		return arrival_ms + h->warn_ms;
	return arrival_ms + h->give_up_ms;
}

/* ---- the table ---- */

/* The spool picked the worker by the hash's low bits: others are used here. */
static size_t
bucket_of(uint32_t hash)
{
	return (hash >> 12) % BUCKETS;
}

struct dg_lane *
dg_lane_find(struct dg_worker *w, struct dg_str name)
{
	uint32_t hash = dg_str_hash(name);
	struct dg_lane *l;

	LIST_FOREACH (l, &w->lanes->buckets[bucket_of(hash)], alike)
		if (l->hash == hash && dg_str_is(name, l->name))
			return l;
	return NULL;
}

struct dg_lane *
dg_lane_get(struct dg_worker *w, struct dg_str name)
{
	struct dg_lane *l = dg_lane_find(w, name);

	if (l != NULL)
		return l;
	l = dg_alloc0(sizeof(*l));
	l->worker = w;
	l->name = dg_str_dup(name);
	l->hash = dg_str_hash(name);
	dg_lane_split(dg_str(l->name), &l->hop, &l->domain);
	TAILQ_INIT(&l->waiting);
	LIST_INSERT_HEAD(&w->lanes->buckets[bucket_of(l->hash)], l, alike);
	return l;
}

static struct dg_lane *
first_from(struct dg_worker *w, size_t bucket)
{
	for (; bucket < BUCKETS; bucket++)
		if (!LIST_EMPTY(&w->lanes->buckets[bucket]))
			return LIST_FIRST(&w->lanes->buckets[bucket]);
	return NULL;
}

struct dg_lane *
dg_lane_next(struct dg_worker *w, const struct dg_lane *l)
{
	if (l == NULL)
		return first_from(w, 0);
	if (LIST_NEXT(l, alike) != NULL)
		return LIST_NEXT(l, alike);
	return first_from(w, bucket_of(l->hash) + 1);
}

static void
drop_choice(struct dg_choice *c)
{
	LIST_REMOVE(c, next);
	free(c);
}

static void
lane_free(struct dg_lane *l)
{
	LIST_REMOVE(l, alike);
	if (l->is_starved)
		TAILQ_REMOVE(&l->worker->lanes->line, l, line);
	while (!LIST_EMPTY(&l->choices))
		drop_choice(LIST_FIRST(&l->choices));
	dg_timer_free(l->timer);
	free(l->name);
	free(l);
}

static void
forget_choices(struct dg_lane *l, unsigned generation)
{
	struct dg_choice *c, *following;
	int64_t now = dg_now_ms();

	for (c = LIST_FIRST(&l->choices); c != NULL; c = following) {
		following = LIST_NEXT(c, next);
		if (c->until_ms <= now || c->generation != generation)
			drop_choice(c);
	}
}

static void
sweep(struct dg_worker *w)
{
	unsigned generation = dg_generation_number(w->generation);
	int64_t now = dg_mono_ms();
	struct dg_lane *l, *following;

	for (l = dg_lane_next(w, NULL); l != NULL; l = following) {
		following = dg_lane_next(w, l);
		if (!TAILQ_EMPTY(&l->waiting) || l->n_sessions > 0) {
			l->empty_since_ms = 0;
			continue;
		}
		if (l->empty_since_ms == 0)
			l->empty_since_ms = now;
		forget_choices(l, generation);
		if (LIST_EMPTY(&l->choices) &&
		    now - l->empty_since_ms >= EMPTY_MS)
			lane_free(l);
	}
}

/* ---- connections that all lanes share ---- */

static bool
is_full(const struct dg_worker *w)
{
	uint64_t all =
	    dg_generation_config(w->generation)->limits.hop_connections;
	uint64_t mine = all / w->relay->n_workers;

	return dg_slots_count(w->hop_sessions) >= (mine > 0 ? mine : 1);
}

/* Connections that nobody uses are closed for those in line. */
static void
stand_in_line(struct dg_lane *l)
{
	struct dg_worker *w = l->worker;

	if (l->is_starved)
		return;
	l->is_starved = true;
	TAILQ_INSERT_TAIL(&w->lanes->line, l, line);
	dg_timer_set(w->lanes->feed, 0);
}

static void
on_feed(void *ctx)
{
	struct dg_worker *w = ctx;
	struct dg_lane *l;

	while (!is_full(w) && (l = TAILQ_FIRST(&w->lanes->line)) != NULL) {
		TAILQ_REMOVE(&w->lanes->line, l, line);
		l->is_starved = false;
		dg_lane_run(l);
	}
	if (!TAILQ_EMPTY(&w->lanes->line))
		dg_hop_sessions_close_idle(w);
}

bool
dg_lanes_are_hungry(const struct dg_worker *w)
{
	return !TAILQ_EMPTY(&w->lanes->line);
}

void
dg_lanes_feed(struct dg_worker *w)
{
	if (!TAILQ_EMPTY(&w->lanes->line))
		dg_timer_set(w->lanes->feed, 0);
}

static void
on_sweep(void *ctx)
{
	struct dg_worker *w = ctx;

	sweep(w);
	dg_timer_set(w->lanes->sweep, SWEEP_MS);
}

void
dg_lanes_init(struct dg_worker *w)
{
	w->lanes = dg_alloc0(sizeof(*w->lanes));
	TAILQ_INIT(&w->lanes->line);
	w->lanes->feed = dg_timer_new(w->loop, on_feed, w);
	w->lanes->sweep = dg_timer_new(w->loop, on_sweep, w);
	dg_timer_set(w->lanes->sweep, SWEEP_MS);
}

void
dg_lanes_free(struct dg_worker *w)
{
	struct dg_lane *l;

	while ((l = dg_lane_next(w, NULL)) != NULL)
		lane_free(l);
	dg_timer_free(w->lanes->sweep);
	dg_timer_free(w->lanes->feed);
	free(w->lanes);
	w->lanes = NULL;
}

/* ---- who is next ---- */

void
dg_lane_add(struct dg_lane *l, struct dg_attempt *own_a)
{
	l->empty_since_ms = 0;
	TAILQ_INSERT_TAIL(&l->waiting, own_a, next);
	dg_lane_run(l);
}

static unsigned
most_connections(const struct dg_generation *g, const struct dg_hop *h)
{
	uint64_t n = h->connections;

	if (n == 0)
		n = dg_generation_config(g)->limits.lane_connections;
	return (unsigned)n;
}

static unsigned
most_sessions(const struct dg_lane *l, const struct dg_attempt *a)
{
	if (a->claim->is_probe)
		return 1;
	return dg_pace_connections(&l->pace,
	    most_connections(a->generation, a->hop));
}

static void
on_timer(void *ctx)
{
	dg_lane_run(ctx);
}

/* A policy test's clock jumps, and timers do not: who waits for his turn waits
 * in the spool, until the very moment. */
static void
put_off(struct dg_lane *l, const struct dg_hop *h)
{
	int64_t now = dg_mono_ms();
	struct dg_attempt *a;

	while ((a = TAILQ_FIRST(&l->waiting)) != NULL) {
		int64_t ms =
		    dg_pace_wait(&l->pace, h->rate_n, h->rate_ms, now);

		TAILQ_REMOVE(&l->waiting, a, next);
		dg_attempt_put_off(a, dg_now_ms() + ms);
		now += ms;
	}
}

static void
run_in(struct dg_lane *l, int64_t ms)
{
	if (l->timer == NULL)
		l->timer = dg_timer_new(l->worker->loop, on_timer, l);
	dg_timer_set(l->timer, ms);
}

/* May a message of this hop go now?  If not, the lane runs again when it may;
 * or, where nothing may wait here, what waits goes back to the spool. */
static bool
is_in_time(struct dg_lane *l, const struct dg_attempt *a)
{
	const struct dg_hop *h = a->hop;
	int64_t ms =
	    dg_pace_wait(&l->pace, h->rate_n, h->rate_ms, dg_mono_ms());

	if (ms == 0)
		return true;
	if (dg_dialer_is_diverted(l->worker->dialer)) {
		put_off(l, h);
	} else if (l->worker->is_stopping) {
		dg_lane_give_back(l);
	} else {
		run_in(l, ms);
	}
	return false;
}

static bool
is_resting(struct dg_lane *l)
{
	int64_t ms = l->rest_until_ms - dg_mono_ms();

	if (ms <= 0 || l->worker->is_stopping)
		return false;
	run_in(l, ms < REST_MS ? ms : REST_MS); /* clocks may jump */
	return true;
}

static void
take(struct dg_lane *l, struct dg_attempt *a)
{
	TAILQ_REMOVE(&l->waiting, a, next);
	dg_pace_take(&l->pace, a->hop->rate_n, a->hop->rate_ms, dg_mono_ms());
}

struct dg_attempt *
dg_lane_take(struct dg_lane *l, const struct dg_generation *g)
{
	struct dg_attempt *a = TAILQ_FIRST(&l->waiting);

	if (a == NULL || a->generation != g || !is_in_time(l, a))
		return NULL;
	take(l, a);
	return a;
}

void
dg_lane_run(struct dg_lane *l)
{
	struct dg_hop_session *h;
	struct dg_attempt *a;

	while ((a = TAILQ_FIRST(&l->waiting)) != NULL) {
		if (!is_in_time(l, a))
			return;
		h = dg_hop_session_idle(l, a);
		if (h != NULL) {
			take(l, a);
			dg_hop_session_begin(h, a);
			continue;
		}
		if (l->n_sessions >= most_sessions(l, a))
			return;
		if (l->n_sessions > 0 && dg_mono_ms() < l->full_until_ms)
			return;
		if (l->n_sessions == 0 && is_resting(l))
			return;
		if (is_full(l->worker)) {
			stand_in_line(l);
			return;
		}
		take(l, a);
		dg_hop_session_open(l, a);
	}
}

/* ---- how fast ---- */

void
dg_lane_went_well(struct dg_lane *l, const struct dg_generation *g,
    const struct dg_hop *h)
{
	dg_pace_grow(&l->pace, l->n_sessions, most_connections(g, h));
	dg_lane_run(l);
}

void
dg_lane_slow_down(struct dg_lane *l)
{
	dg_pace_cut(&l->pace);
}

void
dg_lane_heard(struct dg_lane *l, const struct dg_result *r)
{
	bool is_early = r->stage == DG_STAGE_CONNECT ||
	    r->stage == DG_STAGE_GREETING || r->stage == DG_STAGE_HELO ||
	    r->stage == DG_STAGE_MAIL;

	if (r->code == 421 || (is_early && r->code >= 400 && r->code < 500))
		dg_lane_slow_down(l);
}

/* ---- nobody serves it ---- */

void
dg_lane_rest(struct dg_lane *l)
{
	/* no timer tells of a policy test's time */
	if (!dg_dialer_is_diverted(l->worker->dialer))
		l->rest_until_ms = dg_mono_ms() + REST_MS;
}

void
dg_lane_fail_waiting(struct dg_lane *l, const struct dg_generation *g,
    const struct dg_result *r)
{
	struct dg_attempt *a, *following;

	dg_pace_reset(&l->pace);
	for (a = TAILQ_FIRST(&l->waiting); a != NULL; a = following) {
		following = TAILQ_NEXT(a, next);
		if (a->generation != g)
			continue;
		TAILQ_REMOVE(&l->waiting, a, next);
		dg_attempt_result_all(a, r);
	}
}

void
dg_lane_give_back(struct dg_lane *l)
{
	struct dg_attempt *a;

	while ((a = TAILQ_FIRST(&l->waiting)) != NULL) {
		TAILQ_REMOVE(&l->waiting, a, next);
		dg_attempt_give_back(a);
	}
}

void
dg_lanes_give_back_slow(struct dg_worker *w)
{
	struct dg_lane *l;

	for (l = dg_lane_next(w, NULL); l != NULL; l = dg_lane_next(w, l)) {
		const struct dg_attempt *a = TAILQ_FIRST(&l->waiting);

		if (a != NULL && a->hop->rate_n > 0)
			dg_lane_give_back(l);
	}
}

/* ---- what worked ---- */

struct dg_choice *
dg_lane_choice(struct dg_lane *l, const char *host, unsigned generation)
{
	struct dg_choice *c;

	forget_choices(l, generation);
	LIST_FOREACH (c, &l->choices, next)
		if (strcmp(c->host, host) == 0)
			return c;
	return NULL;
}

void
dg_lane_remember(struct dg_lane *l, const char *host, const char *verb,
    enum dg_mech mech, unsigned generation)
{
	struct dg_choice *c = dg_lane_choice(l, host, generation);

	if (c == NULL) {
		c = dg_alloc0(sizeof(*c));
		snprintf(c->host, sizeof(c->host), "%s", host);
		LIST_INSERT_HEAD(&l->choices, c, next);
	}
	snprintf(c->verb, sizeof(c->verb), "%s", verb);
	c->mech = mech;
	c->generation = generation;
	c->until_ms = dg_now_ms() + REMEMBER_MS;
}

void
dg_lanes_status(struct dg_worker *w, struct dg_buf *out)
{
	const struct dg_choice *c;
	const struct dg_lane *l;

	for (l = dg_lane_next(w, NULL); l != NULL; l = dg_lane_next(w, l)) {
		LIST_FOREACH (c, &l->choices, next) {
			(void)dg_buf_addf(out, "speaks hop=%.*s ",
			    DG_FMT(l->hop));
			if (l->domain.n > 0)
				(void)dg_buf_addf(out, "domain=%.*s ",
				    DG_FMT(l->domain));
			(void)dg_buf_addf(out,
			    "host=%s verb=%s mechanism=%s for_s=%lld "
			    "generation=%u\n",
			    c->host, c->verb, dg_mech_name(c->mech),
			    (long long)(c->until_ms - dg_now_ms()) / 1000,
			    c->generation);
		}
	}
}
