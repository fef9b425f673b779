#ifndef DRAGOMAN_NET_LOOP_H
#define DRAGOMAN_NET_LOOP_H

#include "dragoman/base/err.h"
#include "dragoman/base/post.h"
#include "dragoman/base/str.h"

/*
 * loop.h - one event loop, one thread: a worker, the control thread, or a
 * test's only loop.  Nothing that runs on it may block.  It goes round in
 * turns; at the end of each, connections write what was sent and the thread's
 * gathered log lines go out.
 *
 * The first loop sets SIGPIPE to be ignored in the whole process, unless it has
 * a handler.  Timers keep real time: dg_clock_jump does not move them.
 */
struct dg_loop;

struct dg_loop *dg_loop_new(void);
/* After all that lives on it.  Letters that wait are run, as dg_post_free says.
 */
void dg_loop_free(struct dg_loop *l);
/* Run until dg_loop_stop(), which any thread may call, before the start too:
 * it is a letter, so letters sent earlier are run first. */
void dg_loop_run(struct dg_loop *l);
void dg_loop_stop(struct dg_loop *l);
/* Tests: run what is ready, waiting at most ms for the first event.  Not from
 * inside a callback. */
void dg_loop_turn(struct dg_loop *l, int ms);
/* Tests: every timer and deadline of this loop comes that much sooner, as if
 * the time had passed (base/clock.h jumps the clocks). */
void dg_loop_jump(struct dg_loop *l, int64_t ms);
/* Letters to this loop (base/post.h), from any thread. */
struct dg_post *dg_loop_post(struct dg_loop *l);

/* One-shot timers; fn runs on the loop, never inside dg_timer_set. */
struct dg_timer;
typedef void dg_timer_fn(void *ctx);
struct dg_timer *dg_timer_new(struct dg_loop *l, dg_timer_fn *fn, void *ctx);
void dg_timer_set(struct dg_timer *t, int64_t ms); /* re-arms */
void dg_timer_stop(struct dg_timer *t);
void dg_timer_free(struct dg_timer *t);

/* Watch a descriptor for reading (control socket): fn(ctx) each time. */
struct dg_watch;
struct dg_watch *dg_watch_new(struct dg_loop *l, int fd, dg_timer_fn *fn,
    void *ctx);
void dg_watch_free(struct dg_watch *w);

#endif
