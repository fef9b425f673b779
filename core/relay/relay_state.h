#ifndef DRAGOMAN_CORE_RELAY_STATE_H
#define DRAGOMAN_CORE_RELAY_STATE_H

#include <pthread.h>
#include <sys/queue.h>

#include "dragoman/base/slots.h"
#include "dragoman/net/listener.h"
#include "dragoman/relay/relay.h"
#include "dragoman/smtp/client.h"
#include "dragoman/smtp/server.h"

/*
 * relay_state.h - what the files of this floor share, and nothing above sees.
 *
 * Everything under struct dg_worker belongs to that worker's thread.  Shared
 * between workers: the spool (posts), the counters of connections an address
 * (relay/tally.c), the open NTLM challenges, the alerts.
 */
struct dg_session;
struct dg_lane;
struct dg_tally;
struct dg_alerts;

enum { LISTENERS_MAX = 16 };
struct dg_worker_listener {
	struct dg_worker *worker;
	const char *name; /* of the listener: the app's, outlives us */
};

struct dg_worker {
	struct dg_relay *relay;
	unsigned index;
	pthread_t thread;
	bool has_thread;
	struct dg_loop *loop;
	struct dg_dialer *dialer;
	struct dg_generation *generation; /* current: pinned */
	struct dg_slots *sessions;        /* struct dg_session */
	unsigned sessions_seen;           /* numbers them in logs */
	struct dg_slots *hop_sessions;    /* struct dg_hop_session */
	LIST_HEAD(, dg_lane) lanes;
	struct dg_listener *listeners[LISTENERS_MAX];
	struct dg_worker_listener accepts[LISTENERS_MAX];
	size_t n_listeners;
	bool is_stopping;
	int64_t stop_at_ms; /* monotonic: then sessions get 421 */
	struct dg_timer *stop_timer;
	unsigned attempts; /* claims in hand */
};

struct dg_relay {
	struct dg_spool *spool;
	struct dg_challenges *challenges;
	struct dg_tally *tally;
	struct dg_alerts *alerts;
	struct dg_worker *workers;
	unsigned n_workers;
};

/* ---- session.c: a client of ours ---- */
void dg_session_open(struct dg_worker *w, const char *listener,
    struct dg_conn *own_conn);
void dg_sessions_stop(struct dg_worker *w, bool at_once);
/* Close them without a word (the process ends). */
void dg_sessions_drop(struct dg_worker *w);
/* Walk: the generation each is pinned to; false at the end. */
bool dg_sessions_next(struct dg_worker *w, size_t *at, unsigned *number);

/* ---- deliver.c: claims ---- */
struct dg_attempt_rcpt {
	const struct dg_item_rcpt *item;
	bool is_settled;           /* outcome below is final */
	struct dg_result result;   /* what was said */
	struct dg_settle_rcpt out; /* what becomes of it */
	char *text;                /* heap: reply kept for the spool */
	char *host;                /* heap: who said it */
	char *lane;                /* heap: MOVE */
	struct dg_where where;     /* what decided */
};
struct dg_attempt {
	TAILQ_ENTRY(dg_attempt) next; /* in the lane's queue */
	struct dg_worker *worker;
	struct dg_lane *lane;
	struct dg_claim *claim;
	struct dg_generation *generation; /* pinned */
	const struct dg_hop *hop;
	struct dg_attempt_rcpt *rcpts;
	size_t n_rcpts;
	struct dg_str *going;   /* addresses given to the client machine */
	size_t *going_at;       /* index into rcpts */
	size_t n_going;
	struct dg_notes notes;
	char host[128];         /* "10.1.0.5:25" */
	bool has_held;          /* its lane, and raised the alert */
};
void dg_deliver_claim(void *ctx, struct dg_claim *own_claim);
/* All recipients still open get this result, judged by policy; then settle. */
void dg_attempt_result_all(struct dg_attempt *own_a, const struct dg_result *r);
/* One recipient's result as the hop gave it. */
void dg_attempt_result(struct dg_attempt *a, size_t rcpt,
    const struct dg_result *r);
/* Hand everything to the spool and free the attempt. */
void dg_attempt_settle(struct dg_attempt *own_a);
/* We are ending: what is not settled goes back to the spool untried. */
void dg_attempt_give_back(struct dg_attempt *own_a);
/* What is to be done about a result: question reply, hop.when, default. */
struct dg_judgement {
	enum dg_action action;
	enum dg_meaning meaning;
	int64_t after_ms; /* RETRY: 0 = by the hop's table */
	bool next_host;
	char alert[64];
	struct dg_where where;
};
void dg_judge(struct dg_worker *w, struct dg_generation *g,
    const struct dg_hop *hop, const char *host, const struct dg_result *r,
    const struct dg_item *item, const struct dg_item_rcpt *rcpt,
    struct dg_notes *notes, struct dg_judgement *out);

/* ---- lane.c: the deliveries to one destination on this worker ---- */
struct dg_choice { /* what worked, an hour long */
	LIST_ENTRY(dg_choice) next;
	char host[128];
	char verb[16];
	enum dg_mech mech;
	int64_t until_ms;
	unsigned generation;
};
struct dg_hop_session;
struct dg_lane {
	LIST_ENTRY(dg_lane) next;
	struct dg_worker *worker;
	char *name;
	TAILQ_HEAD(, dg_attempt) waiting;
	LIST_HEAD(, dg_hop_session) sessions;
	unsigned n_sessions;
	int64_t full_until_ms; /* monotonic: no more beside those open */
	LIST_HEAD(, dg_choice) choices;
	char offered[512]; /* by the host spoken to last: for the words */
};
struct dg_lane *dg_lane_get(struct dg_worker *w, struct dg_str name);
void dg_lane_add(struct dg_lane *l, struct dg_attempt *own_a);
void dg_lane_run(struct dg_lane *l);
/* The lane cannot be served now: every waiting attempt of that generation gets
 * this. */
void dg_lane_fail_waiting(struct dg_lane *l, const struct dg_generation *g,
    const struct dg_result *r);
/* The same, but back to the spool (we are ending). */
void dg_lane_give_back(struct dg_lane *l);
struct dg_choice *dg_lane_choice(struct dg_lane *l, const char *host,
    unsigned generation);
void dg_lane_remember(struct dg_lane *l, const char *host, const char *verb,
    enum dg_mech mech, unsigned generation);
void dg_lanes_status(struct dg_worker *w, struct dg_buf *out);
void dg_lanes_free(struct dg_worker *w);

/* ---- hop_session.c: one connection to a hop ---- */
void dg_hop_session_open(struct dg_lane *l, struct dg_attempt *own_a);
/* An idle one that fits takes the attempt; false: none. */
bool dg_hop_session_reuse(struct dg_lane *l, struct dg_attempt *own_a);
/* Close those that are idle (soft end, new generation). */
void dg_hop_sessions_close_idle(struct dg_worker *w);
void dg_hop_sessions_drop(struct dg_worker *w);

/* ---- bounce.c: reports ---- */
/* Reports for the failed recipients of an attempt, as new messages for
 * settle; at most `room`.  Returns how many, or DG_E_* through *rc when none
 * can be written now (then nothing may be settled as failed). */
struct dg_bounce {
	struct dg_new_message news[2];
	struct dg_item items[2];
	struct dg_item_rcpt rcpts[2];
	char *heap[8];
	size_t n, n_heap;
};
enum dg_rc dg_bounce_write(struct dg_attempt *a, struct dg_bounce *out,
    struct dg_err *e);
void dg_bounce_fini(struct dg_bounce *b);

/* ---- tally.c: connections an address ---- */
struct dg_tally *dg_tally_new(void);
void dg_tally_free(struct dg_tally *t);
/* False when the address has `most` already. */
bool dg_tally_enter(struct dg_tally *t, struct dg_str address, uint64_t most);
void dg_tally_leave(struct dg_tally *t, struct dg_str address);

/* ---- alert.c: what a person must see ---- */
struct dg_alerts *dg_alerts_new(void);
void dg_alerts_free(struct dg_alerts *a);
/* about: what it concerns (a hop), for "at most once an hour"; NULL: nothing is
 * mailed, because mail is what fails. */
void dg_alert_raise(struct dg_worker *w, const char *name, const char *about,
    const char *text);
void dg_alerts_status(struct dg_alerts *a, struct dg_buf *out);

/* ---- worker.c ---- */
/* "file:line" into out (at least 200 bytes), or "built in". */
const char *dg_where_text(struct dg_where w, char *out, size_t n);

#endif
