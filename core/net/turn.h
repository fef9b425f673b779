#ifndef CORE_NET_TURN_H
#define CORE_NET_TURN_H

#include <sys/queue.h>

#include "dragoman/net/loop.h"

/*
 * turn.h - what the files of this floor know of a loop: its event base, its
 * real clock, and the end of each turn, where what was sent goes out.
 */
struct event_base;
struct timeval;

struct event_base *dg_loop_base(struct dg_loop *l);
/* Milliseconds that no test's clock jump moves: for waits on the network. */
int64_t dg_loop_now_ms(void);
struct timeval dg_loop_timeval(int64_t ms);

/* Something to do once, when the events of this turn have all run.  Listed
 * twice is listed once; the owner's memory, so dropped before that goes. */
struct dg_turn_end {
	TAILQ_ENTRY(dg_turn_end) next;
	void (*run)(struct dg_turn_end *te);
	bool is_listed;
};
void dg_loop_at_end(struct dg_loop *l, struct dg_turn_end *te);
void dg_loop_not_at_end(struct dg_loop *l, struct dg_turn_end *te);

#endif
