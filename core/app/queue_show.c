/*
 * queue_show.c - who waits, in words: why, since when, what was said, what
 * comes next and when.
 */
#include "queue.h"

#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/clock.h"
#include "dragoman/wire/header.h"
#include "say.h"

enum {
	HEADER_MAX = 16 * 1024,
};

/* ---- hops ---- */

struct queue_lane {
	char *name, *meaning, *reason;
	int64_t held_until_ms;
};

static void
on_lane(void *ctx, struct dg_str lane, size_t waiting, size_t in_flight,
    int64_t held_until_ms, struct dg_str meaning, struct dg_str reason)
{
	struct queue_lanes *l = ctx;

	(void)waiting;
	(void)in_flight;
	if (held_until_ms == 0)
		return;
	l->v = dg_realloc(l->v, (l->n + 1) * sizeof(*l->v));
	l->v[l->n++] = (struct queue_lane){ dg_str_dup(lane),
		dg_str_dup(meaning), dg_str_dup(reason), held_until_ms };
}

void
dg_queue_lanes(struct dg_spool *sp, struct queue_lanes *out)
{
	*out = (struct queue_lanes){ 0 };
	dg_spool_lanes(sp, on_lane, out);
}

void
dg_queue_lanes_fini(struct queue_lanes *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].name);
		free(l->v[i].meaning);
		free(l->v[i].reason);
	}
	free(l->v);
}

static const struct queue_lane *
held_lane(const struct queue_lanes *l, struct dg_str name)
{
	for (size_t i = 0; i < l->n; i++)
		if (dg_str_is(name, l->v[i].name))
			return &l->v[i];
	return NULL;
}

/* ---- the sentence ---- */

static void
add_in(struct dg_buf *out, const char *what, int64_t at_ms)
{
	char span[24];

	dg_say_span(at_ms - dg_now_ms(), span);
	(void)dg_buf_addf(out, "%s in %s", what, span);
}

static void
add_next(const struct queue_lanes *lanes, const struct dg_item_rcpt *r,
    bool is_claimed, struct dg_buf *out)
{
	const struct queue_lane *l = held_lane(lanes, r->lane);

	if (is_claimed) {
		(void)dg_buf_adds(out, "being delivered now");
	} else if (r->due_ms >= DG_DUE_HELD) {
		(void)dg_buf_adds(out, "held by an operator until released");
	} else if (l != NULL) {
		(void)dg_buf_adds(out, "waits for its hop, which is held (");
		dg_say(out, dg_str(l->meaning));
		(void)dg_buf_adds(out, ": ");
		dg_say(out, dg_str(l->reason));
		add_in(out, ") and tried", l->held_until_ms);
	} else {
		add_in(out, "next", r->due_ms);
	}
}

void
dg_queue_sentence(const struct queue_lanes *lanes,
    const struct dg_item_rcpt *r, bool is_claimed, struct dg_buf *out)
{
	char since[24];

	add_next(lanes, r, is_claimed, out);
	if (r->meaning.n > 0 || r->reply.n > 0) {
		(void)dg_buf_adds(out, ", because ");
		dg_say(out, r->meaning);
		(void)dg_buf_adds(out, r->meaning.n > 0 ? ": " : "");
		if (r->host.n > 0 && !dg_str_has_prefix(r->reply, r->host)) {
			dg_say(out, r->host);
			(void)dg_buf_adds(out, " said ");
		} /* or it is of our own words about that host */
		dg_say(out, r->reply);
	}
	if (r->first_try_ms > 0) {
		dg_say_span(dg_now_ms() - r->first_try_ms, since);
		(void)dg_buf_addf(out, "; first tried %s ago", since);
	}
	if (r->expire_ms > 0)
		add_in(out, "; given up", r->expire_ms);
}

/* ---- rows ---- */

static void
add_line(const struct queue_lanes *lanes, const struct dg_item *it,
    const struct dg_item_rcpt *r, bool is_claimed, struct dg_buf *out)
{
	char age[24];

	dg_say_span(dg_now_ms() - it->arrival_ms, age);
	(void)dg_buf_addf(out, "%s from=<", it->name);
	dg_say(out, it->sender);
	(void)dg_buf_adds(out, "> to=<");
	dg_say(out, r->address);
	(void)dg_buf_adds(out, "> hop=");
	dg_say(out, r->lane);
	(void)dg_buf_addf(out, " age=%s size=%llu tries=%u ", age,
	    (unsigned long long)it->size, r->tries);
	dg_queue_sentence(lanes, r, is_claimed, out);
	(void)dg_buf_addc(out, '\n');
}

static void
add_cell(struct dg_buf *out, struct dg_str s, size_t width)
{
	size_t before = out->n;

	dg_say(out, s);
	for (size_t n = out->n - before; n < width; n++)
		(void)dg_buf_addc(out, ' ');
	(void)dg_buf_addc(out, ' ');
}

/* Two lines for each: a sentence has no room in a column. */
static void
add_cells(const struct queue_lanes *lanes, const struct dg_item *it,
    const struct dg_item_rcpt *r, bool is_claimed, struct dg_buf *out)
{
	char age[24], size[24];

	if (out->n == 0)
		(void)dg_buf_addf(out, "%-12s%5s %6s  %-24s %-24s %s\n", "ID",
		    "AGE", "SIZE", "SENDER", "RECIPIENT", "HOP");
	dg_say_span(dg_now_ms() - it->arrival_ms, age);
	dg_say_size(it->size, size);
	(void)dg_buf_addf(out, "%-12s%5s %6s  ", it->name, age, size);
	add_cell(out, it->sender.n > 0 ? it->sender : DG_STR("<>"), 24);
	add_cell(out, r->address, 24);
	dg_say(out, r->lane);
	(void)dg_buf_addf(out, "\n    %u tr%s: ", r->tries,
	    r->tries == 1 ? "y" : "ies");
	dg_queue_sentence(lanes, r, is_claimed, out);
	(void)dg_buf_addc(out, '\n');
}

/* Times as people's tools read them: seconds since 1970, with a fraction. */
static void
add_time(struct dg_buf *out, const char *key, int64_t ms)
{
	if (ms <= 0 || ms >= DG_DUE_HELD)
		(void)dg_buf_addf(out, ",\"%s\":null", key);
	else
		(void)dg_buf_addf(out, ",\"%s\":%lld.%03lld", key,
		    (long long)ms / 1000, (long long)ms % 1000);
}

static void
add_member(struct dg_buf *out, const char *key, struct dg_str value)
{
	(void)dg_buf_addf(out, ",\"%s\":", key);
	dg_say_json(out, value);
}

static void
add_json(const struct queue_lanes *lanes, const struct dg_item *it,
    const struct dg_item_rcpt *r, bool is_claimed, struct dg_buf *out)
{
	struct dg_buf sentence;

	dg_buf_init(&sentence, 64 * 1024);
	dg_queue_sentence(lanes, r, is_claimed, &sentence);
	(void)dg_buf_addf(out, "{\"id\":\"%s\"", it->name);
	add_member(out, "sender", it->sender);
	add_member(out, "recipient", r->address);
	add_member(out, "hop", r->lane);
	add_time(out, "arrival", it->arrival_ms);
	(void)dg_buf_addf(out, ",\"size\":%llu,\"tries\":%u",
	    (unsigned long long)it->size, r->tries);
	(void)dg_buf_addf(out, ",\"state\":\"%s\"",
	    is_claimed                         ? "delivering"
		: r->due_ms >= DG_DUE_HELD     ? "held"
		: held_lane(lanes, r->lane) != NULL ? "hop-held"
						    : "waiting");
	add_time(out, "due", r->due_ms);
	add_time(out, "expire", r->expire_ms);
	add_time(out, "first_try", r->first_try_ms);
	add_member(out, "meaning", r->meaning);
	add_member(out, "reply", r->reply);
	add_member(out, "host", r->host);
	add_member(out, "peer", it->peer);
	add_member(out, "user", it->user);
	add_member(out, "address", it->address);
	(void)dg_buf_addf(out, ",\"report\":%s",
	    it->is_report ? "true" : "false");
	add_member(out, "sentence", dg_buf_str(&sentence));
	(void)dg_buf_adds(out, "}\n");
	dg_buf_fini(&sentence);
}

void
dg_queue_row(const struct app_queue *q, const struct queue_lanes *lanes,
    const struct dg_item *item, const struct dg_item_rcpt *r, bool is_claimed,
    struct dg_buf *out)
{
	if (q->has_json)
		add_json(lanes, item, r, is_claimed, out);
	else if (q->has_table)
		add_cells(lanes, item, r, is_claimed, out);
	else
		add_line(lanes, item, r, is_claimed, out);
}

/* ---- one message ---- */

struct showing {
	const struct app_queue *q;
	struct queue_lanes lanes;
	struct dg_buf *out;
	size_t n;
};

static void
add_fact(struct dg_buf *out, const char *what, struct dg_str value)
{
	if (value.n == 0)
		return;
	(void)dg_buf_addf(out, ", %s ", what);
	dg_say(out, value);
}

static void
add_head(const struct dg_item *it, struct dg_buf *out)
{
	char age[24], at[24];

	dg_say_span(dg_now_ms() - it->arrival_ms, age);
	dg_say_time(it->arrival_ms, at);
	(void)dg_buf_addf(out, "message %s%s\n  from    <", it->name,
	    it->is_report ? ", a report" : "");
	dg_say(out, it->sender);
	(void)dg_buf_addf(out, ">\n  came    %s, %s ago", at, age);
	add_fact(out, "from", it->address);
	add_fact(out, "helo", it->helo);
	add_fact(out, "listener", it->listener);
	add_fact(out, "peer", it->peer);
	add_fact(out, "user", it->user);
	(void)dg_buf_addf(out, "\n  size    %llu bytes%s\n",
	    (unsigned long long)it->size, it->body_8bit ? ", 8-bit" : "");
}

static void
show_row(void *ctx, const struct dg_item *it, const struct dg_item_rcpt *r,
    bool is_claimed)
{
	struct showing *s = ctx;

	if (s->q->has_json) {
		add_json(&s->lanes, it, r, is_claimed, s->out);
		s->n++;
		return;
	}
	if (s->n++ == 0)
		add_head(it, s->out);
	(void)dg_buf_adds(s->out, "  to      <");
	dg_say(s->out, r->address);
	(void)dg_buf_adds(s->out, "> by hop ");
	dg_say(s->out, r->lane);
	(void)dg_buf_addf(s->out, "\n          %u tr%s: ", r->tries,
	    r->tries == 1 ? "y" : "ies");
	dg_queue_sentence(&s->lanes, r, is_claimed, s->out);
	(void)dg_buf_addc(s->out, '\n');
}

static void
gather(void *ctx, struct dg_str piece)
{
	(void)dg_buf_add(ctx, piece);
}

static void
add_header(struct dg_spool *sp, uint64_t id, struct dg_buf *out)
{
	struct dg_buf head;
	struct dg_str rest;
	struct dg_err e = { 0 };

	dg_buf_init(&head, HEADER_MAX);
	if (dg_spool_read(sp, id, HEADER_MAX, gather, &head, &e) != DG_OK)
		(void)dg_buf_addf(out, "  %s\n", e.text);
	rest = dg_str_sub(dg_buf_str(&head), 0,
	    dg_header_length(dg_buf_str(&head)));
	while (rest.n > 0) {
		size_t n = dg_str_find(rest, '\n');
		struct dg_str line = dg_str_sub(rest, 0, n);

		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		if (line.n > 0) {
			(void)dg_buf_adds(out, "  | ");
			dg_say(out, line);
			(void)dg_buf_addc(out, '\n');
		}
		rest = dg_str_from(rest, n + 1);
	}
	dg_buf_fini(&head);
}

int
dg_queue_show(struct dg_spool *sp, const struct app_queue *q,
    struct dg_buf *out)
{
	struct showing s = { .q = q, .out = out };
	struct dg_err e = { 0 };
	int code = 0;

	dg_queue_lanes(sp, &s.lanes);
	for (size_t i = 0; i < q->n_ids; i++) {
		struct dg_pick pick = { .id = q->ids[i] };

		s.n = 0;
		(void)dg_spool_scan(sp, &pick, SIZE_MAX, show_row, &s, &e);
		if (s.n > 0 && !q->has_json)
			add_header(sp, q->ids[i], out);
		if (s.n == 0 && !q->has_json)
			(void)dg_buf_addf(out, "%s\n",
			    e.rc != DG_OK ? e.text
					  : "no such message waits: it was "
					    "delivered, or failed (see the "
					    "log)");
		if (s.n == 0)
			code = 1;
	}
	dg_queue_lanes_fini(&s.lanes);
	return code;
}
