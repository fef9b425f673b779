#ifndef DRAGOMAN_CORE_RELAY_STATE_H
#define DRAGOMAN_CORE_RELAY_STATE_H

#include <pthread.h>
#include <sys/queue.h>

#include "dragoman/base/slots.h"
#include "dragoman/net/listener.h"
#include "dragoman/policy/host.h"
#include "dragoman/policy/shared.h"
#include "dragoman/relay/relay.h"
#include "dragoman/smtp/client.h"
#include "dragoman/smtp/server.h"
#include "pace.h"

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
struct dg_alert_mail;
struct dg_tick;

enum {
	LISTENERS_MAX = 16,
	DG_WHERE_MAX = 272, /* "host:port" */
};
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
	struct dg_slots *mx_asks;         /* mx_ask.c */
	struct dg_lanes *lanes;
	struct dg_listener *listeners[LISTENERS_MAX];
	struct dg_worker_listener accepts[LISTENERS_MAX];
	size_t n_listeners;
	bool is_stopping;
	int64_t stop_at_ms; /* monotonic: then sessions get 421 */
	struct dg_timer *stop_timer;
	unsigned attempts; /* claims in hand */
	TAILQ_HEAD(, dg_attempt) thinking; /* those whose hooks wait */
	struct dg_policy_host host; /* of every policy state here */
	struct dg_tick *tick;
	LIST_HEAD(, dg_alert_mail) alert_mails; /* whose route is asked for */
};

struct dg_relay {
	struct dg_spool *spool;
	struct dg_challenges *challenges;
	struct dg_tally *tally;
	struct dg_alerts *alerts;
	struct dg_shared *shared; /* d.kv, d.rate */
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

/* ---- judge.c: what is to be done about a result ----
 *
 * Question reply, then the hop's `when`, then the meaning's own action.  A hook
 * may wait: then fn comes later. */
struct dg_judgement {
	enum dg_action action;
	enum dg_meaning meaning;
	int64_t after_ms; /* RETRY: 0 = by the hop's table */
	bool next_host;
	bool slow_down; /* policy wants fewer connections at a time */
	char alert[64];
	struct dg_where where;
};
struct dg_judging;
typedef void dg_judged_fn(void *ctx, struct dg_judging *j);
struct dg_judging {
	struct dg_judgement out;
	struct dg_asking asking;
	dg_judged_fn *fn;
	void *ctx;
	const char *id; /* of the message, for the log */
	bool is_asking;
};
struct dg_judge_query {
	const struct dg_hop *hop; /* NULL: it is gone from the policy */
	const char *host;
	const struct dg_result *result;
	const struct dg_item *item;
	const struct dg_item_rcpt *rcpt; /* NULL: it is about all */
	struct dg_notes *notes;
};
/* True: j->out is the judgement; false: fn comes later. */
bool dg_judge(struct dg_worker *w, struct dg_generation *g,
    const struct dg_judge_query *q, struct dg_judging *j, dg_judged_fn *fn,
    void *ctx);
void dg_judging_drop(struct dg_judging *j);

/* ---- deliver.c: claims; conclude.c: what became of them ---- */
struct dg_bounce;
struct dg_attempt_rcpt {
	const struct dg_item_rcpt *item;
	bool has_result;           /* the hop's, below; not judged yet */
	bool is_settled;           /* outcome below is final */
	bool is_late;              /* its sender is to be told of the delay */
	struct dg_result result;   /* what was said */
	struct dg_settle_rcpt out; /* what becomes of it */
	char *text;                /* heap: reply kept for the spool */
	char *host;                /* heap: who said it */
	char *lane;                /* heap: MOVE */
	struct dg_where where;     /* what decided */
};
struct dg_attempt {
	TAILQ_ENTRY(dg_attempt) next; /* in the lane's queue, or w->thinking */
	struct dg_worker *worker;
	struct dg_claim *claim;
	struct dg_generation *generation; /* pinned */
	const struct dg_hop *hop; /* NULL: it is gone from the policy */
	struct dg_str domain;     /* of an mx hop's lane */
	struct dg_attempt_rcpt *rcpts;
	size_t n_rcpts;
	struct dg_str *going;   /* addresses given to the client machine */
	size_t *going_at;       /* index into rcpts */
	size_t n_going;
	struct dg_notes notes;
	char host[DG_WHERE_MAX]; /* "10.1.0.5:25" */
	bool has_held;          /* its lane, and raised the alert */
	bool has_slowed;        /* its lane */
	bool is_thinking;       /* in w->thinking: a hook waits for something */
	size_t at;              /* the recipient asked about */
	struct dg_asking routing;
	struct dg_judging judging;
	struct dg_bounce *bounce;
};
void dg_deliver_claim(void *ctx, struct dg_claim *own_claim);
/* One recipient's result as the hop gave it; the first one counts. */
void dg_attempt_result(struct dg_attempt *a, size_t rcpt,
    const struct dg_result *r);
/* Judge what is not judged yet, write the reports, hand everything to the
 * spool and free the attempt: now, or once hooks have answered. */
void dg_attempt_conclude(struct dg_attempt *own_a);
/* All recipients still open get this result; then conclude. */
void dg_attempt_result_all(struct dg_attempt *own_a, const struct dg_result *r);
/* Nothing is tried: those marked is_late get a report of the delay, and all
 * wait on. */
void dg_attempt_warn(struct dg_attempt *own_a);
/* Untried, back to the spool until due_ms. */
void dg_attempt_put_off(struct dg_attempt *own_a, int64_t due_ms);
/* We are ending: what is not settled goes back to the spool untried. */
void dg_attempt_give_back(struct dg_attempt *own_a);
/* Those of this worker that think. */
void dg_attempts_give_back(struct dg_worker *w);

/* conclude.c, for deliver.c */
void dg_attempt_keep(struct dg_attempt *a, struct dg_attempt_rcpt *x,
    enum dg_meaning meaning);
void dg_attempt_log(const struct dg_attempt *a, const struct dg_attempt_rcpt *x,
    const char *outcome);
int64_t dg_attempt_next_try(const struct dg_attempt *a,
    const struct dg_item_rcpt *rcpt, int64_t after_ms);
void dg_attempt_thinks(struct dg_attempt *a, bool thinks);

/* ---- lane.c: the deliveries to one destination on this worker ----
 *
 * A lane is named after its hop; an mx hop has one for each domain, "hop/domain"
 * (neither name holds a slash).  One that is empty and knows nothing is freed
 * after a while, but never while it has waiting attempts or sessions. */
struct dg_choice { /* what worked, an hour long */
	LIST_ENTRY(dg_choice) next;
	char host[DG_WHERE_MAX];
	char verb[16];
	enum dg_mech mech;
	int64_t until_ms;
	unsigned generation;
};
struct dg_hop_session;
struct dg_lane {
	LIST_ENTRY(dg_lane) alike; /* in its bucket */
	struct dg_worker *worker;
	char *name;
	uint32_t hash;
	struct dg_str hop, domain; /* of the name; domain "" unless mx */
	TAILQ_HEAD(, dg_attempt) waiting;
	LIST_HEAD(, dg_hop_session) sessions;
	unsigned n_sessions;
	int64_t full_until_ms; /* monotonic: no more beside those open */
	int64_t rest_until_ms; /* monotonic: nobody was there a moment ago */
	struct dg_pace pace;
	struct dg_timer *timer; /* who waits may go then; NULL: none */
	int64_t empty_since_ms; /* monotonic; 0: it is not */
	bool is_starved; /* in line for a connection of those all lanes share */
	TAILQ_ENTRY(dg_lane) line;
	LIST_HEAD(, dg_choice) choices;
	char offered[512]; /* by the host spoken to last: for the words */
};
void dg_lanes_init(struct dg_worker *w);
struct dg_lane *dg_lane_get(struct dg_worker *w, struct dg_str name);
/* NULL: there is none. */
struct dg_lane *dg_lane_find(struct dg_worker *w, struct dg_str name);
/* Walk; NULL begins, NULL is the end. */
struct dg_lane *dg_lane_next(struct dg_worker *w, const struct dg_lane *l);
/* "direct/example.org": views into it; domain "" where there is none. */
void dg_lane_split(struct dg_str lane, struct dg_str *hop,
    struct dg_str *domain);
/* Whose lane: NULL when the policy has no such hop (any more). */
const struct dg_hop *dg_lane_hop(const struct dg_rules *r, struct dg_str lane,
    struct dg_str *domain);
/* Where mail to that address waits by this hop; heap. */
char *dg_lane_name(const struct dg_hop *h, struct dg_str address);
/* Is it what dg_lane_name would say for it, by kind? */
bool dg_lane_fits(const struct dg_hop *h, struct dg_str lane);
/* When something is due for mail that still waits: the report of a delay, or
 * that of failure. */
int64_t dg_lane_expiry(const struct dg_hop *h, int64_t arrival_ms,
    int64_t now_ms);
/* A session is gone: is anybody in line for it? */
void dg_lanes_feed(struct dg_worker *w);
bool dg_lanes_are_hungry(const struct dg_worker *w);
void dg_lane_add(struct dg_lane *l, struct dg_attempt *own_a);
void dg_lane_run(struct dg_lane *l);
/* The next for a session of that generation, off the queue; NULL: none now. */
struct dg_attempt *dg_lane_take(struct dg_lane *l,
    const struct dg_generation *g);
/* A session was welcome, or a message taken: more may be opened. */
void dg_lane_went_well(struct dg_lane *l, const struct dg_generation *g,
    const struct dg_hop *h);
/* A reply: were we too fast?  Then fewer. */
void dg_lane_heard(struct dg_lane *l, const struct dg_result *r);
void dg_lane_slow_down(struct dg_lane *l);
/* The lane cannot be served now: every waiting attempt of that generation gets
 * this. */
void dg_lane_fail_waiting(struct dg_lane *l, const struct dg_generation *g,
    const struct dg_result *r);
/* The same, but back to the spool (we are ending). */
void dg_lane_give_back(struct dg_lane *l);
/* Nobody answers: who comes next is not tried at once.  A hop that is gone, with
 * a hundred thousand messages for it, would keep the spool busy with nothing
 * else otherwise. */
void dg_lane_rest(struct dg_lane *l);
/* What waits for its rate goes back to the spool: a generation must not be held
 * for that, nor the end. */
void dg_lanes_give_back_slow(struct dg_worker *w);
struct dg_choice *dg_lane_choice(struct dg_lane *l, const char *host,
    unsigned generation);
void dg_lane_remember(struct dg_lane *l, const char *host, const char *verb,
    enum dg_mech mech, unsigned generation);
void dg_lanes_status(struct dg_worker *w, struct dg_buf *out);
void dg_lanes_free(struct dg_worker *w);

/* ---- hop_session.c: one connection to a hop ---- */
void dg_hop_session_open(struct dg_lane *l, struct dg_attempt *own_a);
/* An idle one that fits the attempt, or NULL; and it takes it. */
struct dg_hop_session *dg_hop_session_idle(const struct dg_lane *l,
    const struct dg_attempt *a);
void dg_hop_session_begin(struct dg_hop_session *h, struct dg_attempt *own_a);
/* Close those that are idle (soft end, new generation). */
void dg_hop_sessions_close_idle(struct dg_worker *w);
void dg_hop_sessions_drop(struct dg_worker *w);

/* ---- bounce.c: reports ----
 *
 * Reports for the failed recipients of an attempt, as new messages for settle.
 * Words and routes are asked for, so it may take a while: then fn comes later.
 * rc other than DG_OK: none can be written now, and nothing may be settled as
 * failed. */
typedef void dg_bounce_fn(struct dg_attempt *a, struct dg_bounce *b);
struct dg_bounce *dg_bounce_new(struct dg_attempt *a, dg_bounce_fn *fn);
void dg_bounce_free(struct dg_bounce *b);
/* True: it is done. */
bool dg_bounce_write(struct dg_bounce *b);
enum dg_rc dg_bounce_rc(const struct dg_bounce *b, struct dg_err *e);
const struct dg_new_message *dg_bounce_news(const struct dg_bounce *b,
    size_t *n);

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
/* Those whose mail is not on its way yet are not mailed. */
void dg_alert_mails_drop(struct dg_worker *w);

/* ---- tick.c: question tick, once a minute, on one worker ---- */
void dg_tick_start(struct dg_worker *w);
void dg_tick_stop(struct dg_worker *w);

/* ---- binding.c: a login's tie to its TLS connection ---- */
struct dg_binding_bytes {
	struct dg_binding binding; /* views of what follows; "": not known */
	uint8_t exporter[DG_CONN_BINDING_MAX], unique[DG_CONN_BINDING_MAX];
};
/* Once the handshake is done. */
void dg_binding_read(const struct dg_conn *c, struct dg_binding_bytes *out);

/* ---- worker.c ---- */
/* On every worker's thread in turn, one at a time; waits for all.  Control
 * thread only. */
void dg_relay_each_worker(struct dg_relay *r,
    void (*fn)(struct dg_worker *w, void *ctx), void *ctx);
/* "file:line" into out (at least 200 bytes), or "built in". */
const char *dg_where_text(struct dg_where w, char *out, size_t n);

#endif
