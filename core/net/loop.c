/* loop.c - one thread's loop, in turns.
 *
 * A turn runs every event that is ready, then what asked for the turn's end:
 * connections write what their owners sent meanwhile, each with one call, and
 * the log goes out.  That is why the loop goes round here (EVLOOP_ONCE) and
 * not in the library.  A loop belongs to one thread and is asked from others by
 * letter only, so the library needs no locks and gets none.
 */
#include "dragoman/net/loop.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

#include <event2/event.h>

#include "dragoman/base/log.h"
#include "turn.h"

struct dg_loop {
	struct event_base *base;
	struct dg_post *post;
	struct event *letters;
	struct event *patience; /* ends the wait of dg_loop_turn */
	TAILQ_HEAD(, dg_turn_end) ends;
	bool is_stopped;
};

struct dg_timer {
	struct event *ev;
	dg_timer_fn *fn;
	void *ctx; /* the owner's, who frees the timer first */
};

struct dg_watch {
	struct event *ev;
	dg_timer_fn *fn;
	void *ctx; /* the owner's, who frees the watch first */
};

/* Small fixed things of ours: without them nothing works. */
static void *
must(void *made, const char *what)
{
	if (made == NULL) {
		dg_log(DG_LOG_ERROR, "no-event-loop", dg_kv_z("what", what));
		abort();
	}
	return made;
}

static void
on_letters(evutil_socket_t fd, short what, void *arg)
{
	struct dg_loop *l = arg;

	(void)fd;
	(void)what;
	dg_post_run(l->post);
}

static void
on_patience(evutil_socket_t fd, short what, void *arg)
{
	/* being an event is all it does */
	(void)fd;
	(void)what;
	(void)arg;
}

/* Neither libevent nor OpenSSL can be told per write; whoever wants the signal
 * has set a handler, which stays. */
static void
ignore_sigpipe(void)
{
	struct sigaction a;

	if (sigaction(SIGPIPE, NULL, &a) == 0 && a.sa_handler == SIG_DFL) {
		a.sa_handler = SIG_IGN;
		sigaction(SIGPIPE, &a, NULL);
	}
}

struct dg_loop *
dg_loop_new(void)
{
	struct dg_loop *l = dg_alloc0(sizeof(*l));
	struct event_config *c = must(event_config_new(), "config");

	ignore_sigpipe();
	TAILQ_INIT(&l->ends);
	/* an event added and deleted in one turn costs no system call */
	event_config_set_flag(c,
	    EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST | EVENT_BASE_FLAG_NOLOCK);
	l->base = must(event_base_new_with_config(c), "base");
	event_config_free(c);
	l->post = dg_post_new();
	l->letters = must(event_new(l->base, dg_post_fd(l->post),
			      EV_READ | EV_PERSIST, on_letters, l),
	    "letters");
	event_add(l->letters, NULL);
	l->patience = must(evtimer_new(l->base, on_patience, NULL), "timer");
	return l;
}

void
dg_loop_free(struct dg_loop *l)
{
	if (l == NULL)
		return;
	event_free(l->letters);
	event_free(l->patience);
	dg_post_free(l->post);
	event_base_free(l->base); /* closes what was freed this turn */
	free(l);
}

static void
end_turn(struct dg_loop *l)
{
	struct dg_turn_end *te;

	while ((te = TAILQ_FIRST(&l->ends)) != NULL) {
		dg_loop_not_at_end(l, te);
		te->run(te);
	}
	dg_log_flush();
}

static void
turn(struct dg_loop *l, int flags)
{
	end_turn(l); /* what was sent while no turn ran */
	event_base_loop(l->base, flags);
	end_turn(l);
}

void
dg_loop_run(struct dg_loop *l)
{
	/* a stop that came before the start counts */
	while (!l->is_stopped)
		turn(l, EVLOOP_ONCE);
	l->is_stopped = false;
}

static void
on_stop(void *ctx, void *own_arg)
{
	struct dg_loop *l = ctx;

	(void)own_arg;
	l->is_stopped = true;
}

void
dg_loop_stop(struct dg_loop *l)
{
	dg_post_send(l->post, on_stop, l, NULL);
}

void
dg_loop_turn(struct dg_loop *l, int ms)
{
	struct timeval tv = dg_loop_timeval(ms);

	if (ms <= 0) {
		turn(l, EVLOOP_ONCE | EVLOOP_NONBLOCK);
		return;
	}
	evtimer_add(l->patience, &tv);
	turn(l, EVLOOP_ONCE);
	evtimer_del(l->patience);
}

/* ---- a clock that jumps ---- */

struct pending {
	struct event **v;
	size_t n, room;
};

static int
gather(const struct event_base *base, const struct event *ev, void *arg)
{
	struct pending *p = arg;

	(void)base;
	if (event_pending(ev, EV_TIMEOUT, NULL) == 0)
		return 0;
	if (p->n == p->room) {
		p->room = p->room * 2 + 16;
		p->v = dg_realloc(p->v, p->room * sizeof(struct event *));
	}
	p->v[p->n++] = (struct event *)(uintptr_t)ev; /* ours to change */
	return 0;
}

void
dg_loop_jump(struct dg_loop *l, int64_t ms)
{
	struct timeval jump = dg_loop_timeval(ms), now, at;
	struct pending p = { NULL, 0, 0 };

	event_base_foreach_event(l->base, gather, &p);
	evutil_gettimeofday(&now, NULL);
	evutil_timeradd(&now, &jump, &now);
	for (size_t i = 0; i < p.n; i++) {
		struct timeval left = { 0, 0 };

		if (event_pending(p.v[i], EV_TIMEOUT, &at) == 0)
			continue;
		if (evutil_timercmp(&at, &now, >))
			evutil_timersub(&at, &now, &left);
		event_add(p.v[i], &left);
	}
	free(p.v);
}

struct dg_post *
dg_loop_post(struct dg_loop *l)
{
	return l->post;
}

/* ---- for this floor ---- */

struct event_base *
dg_loop_base(struct dg_loop *l)
{
	return l->base;
}

int64_t
dg_loop_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct timeval
dg_loop_timeval(int64_t ms)
{
	if (ms < 0)
		ms = 0;
	return (struct timeval){ (time_t)(ms / 1000),
		(suseconds_t)(ms % 1000 * 1000) };
}

void
dg_loop_at_end(struct dg_loop *l, struct dg_turn_end *te)
{
	if (te->is_listed)
		return;
	TAILQ_INSERT_TAIL(&l->ends, te, next);
	te->is_listed = true;
}

void
dg_loop_not_at_end(struct dg_loop *l, struct dg_turn_end *te)
{
	if (!te->is_listed)
		return;
	TAILQ_REMOVE(&l->ends, te, next);
	te->is_listed = false;
}

/* ---- timers and watches ---- */

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct dg_timer *t = arg;

	(void)fd;
	(void)what;
	t->fn(t->ctx); /* may free t */
}

struct dg_timer *
dg_timer_new(struct dg_loop *l, dg_timer_fn *fn, void *ctx)
{
	struct dg_timer *t = dg_alloc0(sizeof(*t));

	t->fn = fn;
	t->ctx = ctx;
	t->ev = must(evtimer_new(l->base, on_timer, t), "timer");
	return t;
}

void
dg_timer_set(struct dg_timer *t, int64_t ms)
{
	struct timeval tv = dg_loop_timeval(ms);

	evtimer_add(t->ev, &tv);
}

void
dg_timer_stop(struct dg_timer *t)
{
	evtimer_del(t->ev);
}

void
dg_timer_free(struct dg_timer *t)
{
	if (t == NULL)
		return;
	event_free(t->ev);
	free(t);
}

static void
on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct dg_watch *w = arg;

	(void)fd;
	(void)what;
	w->fn(w->ctx); /* may free w */
}

struct dg_watch *
dg_watch_new(struct dg_loop *l, int fd, dg_timer_fn *fn, void *ctx)
{
	struct dg_watch *w = dg_alloc0(sizeof(*w));

	w->fn = fn;
	w->ctx = ctx;
	w->ev = must(event_new(l->base, fd, EV_READ | EV_PERSIST, on_watch, w),
	    "watch");
	event_add(w->ev, NULL);
	return w;
}

void
dg_watch_free(struct dg_watch *w)
{
	if (w == NULL)
		return;
	event_free(w->ev);
	free(w);
}
