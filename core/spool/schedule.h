#ifndef DRAGOMAN_CORE_SPOOL_SCHEDULE_H
#define DRAGOMAN_CORE_SPOOL_SCHEDULE_H

#include <sys/queue.h>

#include "dragoman/base/str.h"

/*
 * schedule.h - what is due, lane by lane.  Private to the spool floor.
 *
 * Pure: no database, no clock, no thread.  One entry stands for one message's
 * waiting recipients in one lane; it is in two heaps of its lane, by due and by
 * expiry, so that what expires leaves a held lane too.  What waits costs 56
 * bytes an entry, 32 a message and two places in heaps: with malloc's heads
 * about 150 bytes for a message in one lane.
 */
struct dg_sched_lane;
struct dg_sched_msg;

struct dg_entry {
	SLIST_ENTRY(dg_entry) of_msg;
	struct dg_sched_msg *msg;
	struct dg_sched_lane *lane;
	int64_t due_ms, expire_ms; /* expire 0: never */
	uint32_t at[2];            /* places in the heaps, while not claimed */
	uint32_t n;                /* recipients it stands for */
	bool is_claimed, is_probe;
	bool is_urged; /* sooner than its recipients' due times */
};
_Static_assert(sizeof(struct dg_entry) <= 56, "there are millions of these");

struct dg_kept; /* record.h: a message still in memory */
struct dg_sched_msg {
	uint64_t id;
	struct dg_kept *kept; /* NULL: read it from the database */
	SLIST_HEAD(, dg_entry) entries;
	bool has_file;
};

struct dg_heap {
	struct dg_entry **v;
	size_t n, room;
};
struct dg_sched_lane {
	TAILQ_ENTRY(dg_sched_lane) next;
	SLIST_ENTRY(dg_sched_lane) alike; /* in its bucket */
	char *name;
	uint32_t hash;
	struct dg_heap heaps[2]; /* by due, by expiry */
	unsigned in_flight;
	int64_t held_until_ms; /* 0: not held */
	bool has_probe;        /* one is out */
	char meaning[24];
	char *reason;
};

enum {
	LANE_BUCKETS = 256
};
struct dg_schedule {
	TAILQ_HEAD(, dg_sched_lane) lanes; /* the next to be asked first */
	SLIST_HEAD(, dg_sched_lane) buckets[LANE_BUCKETS];
	unsigned in_flight_max;
	size_t entries, messages;
};

void dg_schedule_init(struct dg_schedule *s, unsigned in_flight_max);
void dg_schedule_fini(struct dg_schedule *s);
struct dg_sched_lane *dg_schedule_lane(struct dg_schedule *s,
    struct dg_str name);
struct dg_sched_msg *dg_schedule_msg(struct dg_schedule *s, uint64_t id);
/* n more recipients of m wait in a lane; merges with what waits there. */
void dg_schedule_add(struct dg_schedule *s, struct dg_sched_msg *m,
    struct dg_str lane, unsigned n, int64_t due_ms, int64_t expire_ms);
/* The next entry to hand out now, marked claimed; NULL: none. */
struct dg_entry *dg_schedule_take(struct dg_schedule *s, int64_t now_ms);
/* When dg_schedule_take may give something next; INT64_MAX: not by time. */
int64_t dg_schedule_next(const struct dg_schedule *s, int64_t now_ms);
/* A claim came back: n recipients wait on (0: the entry is gone). ends_hold:
 * the hop was tried and is not the trouble.  What expires before it is due
 * leaves at expire_ms: the caller moves that when it was already tried. */
void dg_schedule_back(struct dg_schedule *s, struct dg_entry *e, unsigned n,
    int64_t due_ms, int64_t expire_ms, bool ends_hold);
/* The recipients that an entry which is not claimed stands for are others now
 * (n 0: none, and the entry is gone). */
void dg_schedule_set(struct dg_schedule *s, struct dg_entry *e, unsigned n,
    int64_t due_ms, int64_t expire_ms);
/* Frees m when nothing of it is left; true then. */
bool dg_schedule_gone(struct dg_schedule *s, struct dg_sched_msg *m);
void dg_schedule_hold(struct dg_schedule *s, struct dg_str lane,
    int64_t until_ms, struct dg_str meaning, struct dg_str reason);
/* lane.n == 0: all.  What is due at `never_ms` or later stays. */
void dg_schedule_release(struct dg_schedule *s, struct dg_str lane,
    bool retry_all, int64_t now_ms, int64_t never_ms);

#endif
