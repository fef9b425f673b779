/* spool_bench.c - how fast the spool alone is: producers that wait for their
 * 250, then a worker that settles whatever it is handed; then both at once.
 *
 *	spool_bench [directory [messages [bytes]]]
 *
 * Compare only what was measured in one run.  Syncs are counted by the spool
 * itself: check them with count_syncs.c.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dragoman/base/clock.h"
#include "dragoman/base/log.h"
#include "dragoman/spool/spool.h"

enum {
	PRODUCERS_MAX = 100
};

struct bench {
	struct dg_spool *sp;
	size_t bytes;
	atomic_long left;   /* messages still to be sent */
	atomic_ulong worst; /* microseconds a producer waited */
	atomic_bool is_over;
	struct dg_post *worker;
	unsigned long settled; /* the worker's */
};

static uint64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void
on_done(void *ctx, uint64_t ticket, enum dg_rc rc, const struct dg_err *e)
{
	bool *is_done = ctx;

	(void)ticket;
	if (rc != DG_OK) {
		fprintf(stderr, "spool_bench: %s\n", e->text);
		exit(1);
	}
	*is_done = true;
}

static void
send_one(struct bench *b, struct dg_post *post, const char *body)
{
	struct dg_item_rcpt rcpt = {
		.address = DG_STR("somebody@somewhere.example"),
		.lane = DG_STR("hop"),
		.due_ms = dg_now_ms(),
		.expire_ms = dg_now_ms() + 86400000,
	};
	struct dg_item item = {
		.sender = DG_STR("someone@elsewhere.example"),
		.helo = DG_STR("mail.elsewhere.example"),
		.address = DG_STR("192.0.2.1"),
		.listener = DG_STR("mx"),
		.peer = DG_STR("any"),
		.arrival_ms = dg_now_ms(),
		.rcpts = &rcpt,
		.n_rcpts = 1,
	};
	struct dg_draft *d = NULL;
	struct dg_err e = { 0 };
	uint64_t start = now_us(), took;
	bool is_done = false;

	if (dg_draft_open(b->sp, &d, &e) != DG_OK ||
	    dg_draft_write(d, dg_str_of(body, b->bytes), &e) != DG_OK) {
		fprintf(stderr, "spool_bench: %s\n", e.text);
		exit(1);
	}
	dg_spool_commit(b->sp, d, &item, post, on_done, &is_done, 0);
	while (!is_done) {
		dg_post_wait(post, -1);
		(void)dg_post_run(post);
	}
	took = now_us() - start;
	for (unsigned long w = atomic_load(&b->worst); took > w;)
		if (atomic_compare_exchange_weak(&b->worst, &w, took))
			break;
}

static void *
producer(void *arg)
{
	struct bench *b = arg;
	struct dg_post *post = dg_post_new();
	char *body = dg_alloc(b->bytes);

	memset(body, 'x', b->bytes);
	while (atomic_fetch_sub(&b->left, 1) > 0)
		send_one(b, post, body);
	free(body);
	dg_post_free(post);
	return NULL;
}

static void
on_claim(void *ctx, struct dg_claim *own_claim)
{
	struct bench *b = ctx;
	struct dg_settle_rcpt out = { .outcome = DG_OUTCOME_DELIVERED };
	struct dg_str piece;
	struct dg_err e = { 0 };

	for (uint64_t at = 0; at < own_claim->item.size; at += piece.n)
		if (dg_claim_body(own_claim, at, 65536, &piece, &e) != DG_OK) {
			fprintf(stderr, "spool_bench: %s\n", e.text);
			exit(1);
		}
	dg_spool_settle(b->sp, own_claim, &out, 1, NULL, 0);
	b->settled++;
}

static void *
worker(void *arg)
{
	struct bench *b = arg;

	while (!atomic_load(&b->is_over)) {
		dg_post_wait(b->worker, 50);
		(void)dg_post_run(b->worker);
	}
	return NULL;
}

static void
produce(struct bench *b, unsigned n_producers, long messages)
{
	pthread_t threads[PRODUCERS_MAX];

	atomic_store(&b->left, messages);
	atomic_store(&b->worst, 0);
	for (unsigned i = 0; i < n_producers; i++)
		pthread_create(&threads[i], NULL, producer, b);
	for (unsigned i = 0; i < n_producers; i++)
		pthread_join(threads[i], NULL);
}

static void
wait_empty(struct bench *b)
{
	struct dg_spool_stats st;

	do {
		usleep(500);
		dg_spool_stats(b->sp, &st);
	} while (st.messages > 0);
}

static double
seconds_since(uint64_t start)
{
	return (double)(now_us() - start) / 1e6;
}

/* One round: producers alone, then the worker alone; or both together. */
static void
round_of(struct bench *b, unsigned n_producers, long messages, bool together)
{
	struct dg_spool_stats before, after;
	double accept_s, drain_s;
	uint64_t start;

	dg_spool_stats(b->sp, &before);
	if (together)
		dg_spool_start(b->sp);
	start = now_us();
	produce(b, n_producers, messages);
	accept_s = seconds_since(start);
	dg_spool_stats(b->sp, &after);
	if (!together) {
		start = now_us();
		dg_spool_start(b->sp);
	}
	wait_empty(b);
	drain_s = seconds_since(start);
	dg_spool_stop_claims(b->sp);
	if (together) /* all of the settles' commits, too */
		dg_spool_stats(b->sp, &after);
	printf("%9u  %-8s %9.0f %9.0f %11.3f %9.3f %9.1f\n", n_producers,
	    together ? "together" : "in turn", (double)messages / accept_s,
	    (double)messages / drain_s,
	    (double)(after.commits - before.commits) / (double)messages,
	    (double)(after.syncs - before.syncs) / (double)messages,
	    (double)atomic_load(&b->worst) / 1000);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	static const unsigned producers[] = { 1, 10, 100 };
	struct dg_spool_options o = {
		.path = argc > 1 ? argv[1] : "/tmp/dg-spool-bench",
		.inline_max = 65536,
		.reserve = 4 << 20,
		.lane_in_flight = 100,
	};
	long messages = argc > 2 ? atol(argv[2]) : 10000; /* NOLINT */
	struct bench b = { 0 };
	struct dg_err e = { 0 };
	pthread_t thread;

	b.bytes = argc > 3 ? (size_t)atol(argv[3]) : 4096; /* NOLINT */
	dg_log_setup(false, DG_LOG_WARN);
	if (dg_spool_open(&o, &b.sp, &e) != DG_OK) {
		fprintf(stderr, "spool_bench: %s\n", e.text);
		return 1;
	}
	b.worker = dg_post_new();
	dg_spool_attach(b.sp, 0, b.worker, on_claim, &b);
	pthread_create(&thread, NULL, worker, &b);
	printf("%9s  %-8s %9s %9s %11s %9s %9s\n", "producers", "", "accept/s",
	    "drain/s", "commits/msg", "syncs/msg", "worst ms");
	for (size_t i = 0; i < sizeof(producers) / sizeof(producers[0]); i++) {
		round_of(&b, producers[i], messages, false);
		round_of(&b, producers[i], messages, true);
	}
	atomic_store(&b.is_over, true);
	pthread_join(thread, NULL);
	dg_spool_close(b.sp);
	dg_post_free(b.worker);
	return 0;
}
