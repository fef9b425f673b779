/*
 * queue_stats.c - how much waits for whom, and how long already, in the manner
 * of qshape: a row a domain (or hop, or sender), a column an age.
 */
#include "queue.h"

#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/clock.h"
#include "dragoman/wire/path.h"
#include "say.h"

enum {
	AGES = 10, /* 5 minutes, 10, 20 ... 1280, more */
	FIRST_MINUTES = 5,
	BUCKETS = 4096,
	NAME_WIDTH = 30,
};

struct row {
	struct row *next; /* in its bucket */
	char *name;
	uint64_t total, ages[AGES];
};

struct stats {
	const struct app_queue *q;
	struct row *buckets[BUCKETS];
	struct row all;
	struct row **rows;
	size_t n, room;
};

static struct row *
row_of(struct stats *s, struct dg_str name)
{
	struct row **at = &s->buckets[dg_str_ihash(name) % BUCKETS];

	for (; *at != NULL; at = &(*at)->next)
		if (dg_str_iis(name, (*at)->name))
			return *at;
	*at = dg_alloc0(sizeof(**at));
	(*at)->name = dg_str_dup(name);
	if (s->n == s->room) {
		s->room = s->room > 0 ? s->room * 2 : 64;
		s->rows = dg_realloc((void *)s->rows,
		    s->room * sizeof(struct row *));
	}
	s->rows[s->n++] = *at;
	return *at;
}

static void
add(struct row *r, int64_t age_ms)
{
	int64_t bound = FIRST_MINUTES * 60000;
	size_t i = 0;

	for (; i + 1 < AGES && age_ms >= bound; i++)
		bound *= 2;
	r->ages[i]++;
	r->total++;
}

static void
on_row(void *ctx, const struct dg_item *it, const struct dg_item_rcpt *r,
    bool is_claimed)
{
	struct stats *s = ctx;
	int64_t age = dg_now_ms() - it->arrival_ms;
	struct dg_str name = s->q->by == 'h' ? r->lane
	    : s->q->by == 's'		     ? it->sender
					     : dg_address_domain(r->address);

	(void)is_claimed;
	add(row_of(s, name), age);
	add(&s->all, age);
}

static int
by_total(const void *a, const void *b)
{
	const struct row *x = *(const struct row *const *)a;
	const struct row *y = *(const struct row *const *)b;

	if (x->total != y->total)
		return x->total < y->total ? 1 : -1;
	return strcmp(x->name, y->name);
}

static void
say_row(const struct row *r, struct dg_buf *out)
{
	size_t before = out->n;

	dg_say(out, dg_str(r->name[0] != '\0' ? r->name : "<>"));
	for (size_t n = out->n - before; n < NAME_WIDTH; n++)
		(void)dg_buf_addc(out, ' ');
	(void)dg_buf_addf(out, " %8llu", (unsigned long long)r->total);
	for (size_t i = 0; i < AGES; i++)
		(void)dg_buf_addf(out, " %6llu",
		    (unsigned long long)r->ages[i]);
	(void)dg_buf_addc(out, '\n');
}

static void
say_json(const struct row *r, struct dg_buf *out)
{
	(void)dg_buf_adds(out, "{\"name\":");
	dg_say_json(out, dg_str(r->name));
	(void)dg_buf_addf(out, ",\"recipients\":%llu,\"ages\":[",
	    (unsigned long long)r->total);
	for (size_t i = 0; i < AGES; i++)
		(void)dg_buf_addf(out, "%s%llu", i > 0 ? "," : "",
		    (unsigned long long)r->ages[i]);
	(void)dg_buf_adds(out, "]}\n");
}

static void
say_heads(struct dg_buf *out)
{
	(void)dg_buf_addf(out, "%-*s %8s", NAME_WIDTH,
	    "recipients by age (minutes)", "all");
	for (int i = 0, m = FIRST_MINUTES; i < AGES; i++, m *= 2) {
		char head[16];

		snprintf(head, sizeof(head), i + 1 < AGES ? "<%d" : ">=%d",
		    i + 1 < AGES ? m : m / 2);
		(void)dg_buf_addf(out, " %6s", head);
	}
	(void)dg_buf_addc(out, '\n');
}

static void
say(struct stats *s, struct dg_buf *out)
{
	char total[] = "TOTAL";

	s->all.name = total;
	if (!s->q->has_json) {
		say_heads(out);
		say_row(&s->all, out);
	}
	for (size_t i = 0; i < s->n && i < s->q->limit; i++)
		if (s->q->has_json)
			say_json(s->rows[i], out);
		else
			say_row(s->rows[i], out);
	if (s->n > s->q->limit && !s->q->has_json)
		(void)dg_buf_addf(out, "and %zu more: --limit N shows them\n",
		    s->n - (size_t)s->q->limit);
}

int
dg_queue_stats(struct dg_spool *sp, const struct app_queue *q,
    struct dg_buf *out)
{
	struct stats *s = dg_alloc0(sizeof(*s));
	struct dg_err e = { 0 };

	s->q = q;
	(void)dg_spool_scan(sp, &q->pick, SIZE_MAX, on_row, s, &e);
	if (s->n > 0)
		qsort((void *)s->rows, s->n, sizeof(struct row *), by_total);
	if (e.rc == DG_OK)
		say(s, out);
	else
		(void)dg_buf_addf(out, "queue: %s\n", e.text);
	for (size_t i = 0; i < s->n; i++) {
		free(s->rows[i]->name);
		free(s->rows[i]);
	}
	free((void *)s->rows);
	free(s);
	return e.rc == DG_OK ? 0 : 1;
}
