/*
 * lab.c - a relay in memory: clients and hops are pairs of connections whose
 * far ends a test case holds.
 *
 * The same workers, machines, policy and spool as in `serve`, run by turns of
 * one loop; only the dialer is diverted, and the clock jumps.
 */
#include "lab.h"

#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/clock.h"
#include "dragoman/policy/lab.h"
#include "lab_world.h"

enum {
	CONNS_MAX = 8192, /* a held hop is probed 720 times in 5 days */
	LINE_MAX_BYTES = 100000,
	TURN_MS = 5,
	TURNS = 6,
	IDLE_AT_ONCE = 6
};

struct lab_conn {
	struct dg_conn *conn; /* the far end; NULL when done with */
	bool is_open;         /* DG_LAB_OPEN was told (or is none) */
	bool has_ended;       /* our side closed */
	bool told_end;
	char where[128];
};

struct dg_lab {
	struct dg_generation *generation; /* pinned */
	struct dg_spool *spool;
	struct dg_relay *relay;
	struct dg_loop *loop;
	struct dg_world *world; /* what hooks ask outside */
	struct lab_conn conns[CONNS_MAX];
	int n;
	unsigned idle_for; /* that many events told of nothing */
	struct dg_buf line; /* of the event told last */
	struct dg_tls_authority *authority; /* NULL: no handshake works */
	struct dg_lab_ops ops;
};

static void
on_far_end(void *ctx, struct dg_conn *c, enum dg_conn_event ev)
{
	struct lab_conn *x = ctx;

	(void)c;
	if (ev == DG_CONN_EOF || ev == DG_CONN_LOST || ev == DG_CONN_CLOSED)
		x->has_ended = true;
}

/* A new pair: returns the near end; its far end is number *conn. */
static struct dg_conn *
new_pair(struct dg_lab *l, int *conn)
{
	struct dg_conn *near = NULL;
	struct lab_conn *x;

	if (l->n == CONNS_MAX)
		return NULL;
	*conn = l->n;
	x = &l->conns[l->n++];
	dg_conn_pair(l->loop, &near, &x->conn);
	dg_conn_set_fn(x->conn, on_far_end, x);
	return near;
}

static struct dg_conn *
on_dial(void *ctx, struct dg_str where, struct dg_err *e)
{
	struct dg_lab *l = ctx;
	struct dg_conn *near;
	int conn;

	near = new_pair(l, &conn);
	if (near == NULL) {
		(void)dg_fail(e, DG_E_LIMIT, 0, NULL, "too many connections");
		return NULL;
	}
	snprintf(l->conns[conn].where, sizeof(l->conns[conn].where), "%.*s",
	    DG_FMT(where));
	return near;
}

/* ---- what cases may do ---- */

static int
client(void *ctx, struct dg_str from, struct dg_str listener)
{
	struct dg_lab *l = ctx;
	const struct dg_config *c = dg_generation_config(l->generation);
	const char *name = c->listeners[0].name;
	struct dg_conn *near;
	int conn = -1;

	for (size_t i = 0; i < c->n_listeners; i++)
		if (dg_str_is(listener, c->listeners[i].name))
			name = c->listeners[i].name;
	near = new_pair(l, &conn);
	if (near == NULL)
		return -1;
	l->conns[conn].is_open = true;
	dg_conn_set_address(near, from, 40000);
	dg_relay_accept(l->relay, 0, name, near);
	return conn;
}

static struct lab_conn *
conn_at(struct dg_lab *l, int conn)
{
	if (conn < 0 || conn >= l->n || l->conns[conn].conn == NULL)
		return NULL;
	return &l->conns[conn];
}

static void
send_bytes(void *ctx, int conn, struct dg_str bytes)
{
	struct lab_conn *x = conn_at(ctx, conn);

	if (x != NULL && !x->has_ended)
		dg_conn_send(x->conn, bytes);
}

static void
close_conn(void *ctx, int conn)
{
	struct lab_conn *x = conn_at(ctx, conn);

	if (x != NULL && !x->has_ended)
		dg_conn_finish(x->conn);
}

/* "h:25", "[::1]:25": the host. */
static struct dg_str
host_of(const char *where)
{
	struct dg_str s = dg_str(where);

	s = dg_str_sub(s, 0, dg_str_rfind(s, ':'));
	if (s.n > 1 && s.p[0] == '[')
		s = dg_str_sub(s, 1, s.n - 2);
	return s;
}

static void
start_tls(void *ctx, int conn)
{
	struct dg_lab *l = ctx;
	struct lab_conn *x = conn_at(l, conn);
	struct dg_tls *hop_tls = dg_generation_hop_tls(l->generation);
	struct dg_tls *t;

	if (x == NULL || x->has_ended)
		return;
	if (x->where[0] == '\0') { /* a client */
		dg_conn_tls_connect(x->conn, hop_tls, DG_NOSTR, false);
		return;
	}
	t = dg_tls_bare_new(true);
	if (l->authority != NULL)
		dg_tls_authority_equip(l->authority, t, host_of(x->where));
	dg_conn_tls_accept(x->conn, t);
	dg_tls_free(t);
}

/* What conn i has to tell; false: nothing. */
static bool
told(struct dg_lab *l, int i, struct dg_lab_event *e)
{
	struct lab_conn *x = &l->conns[i];
	struct dg_str in;
	size_t end;

	if (x->conn == NULL)
		return false;
	e->conn = i;
	if (!x->is_open) {
		x->is_open = true;
		e->kind = DG_LAB_OPEN;
		e->text = dg_str(x->where);
		return true;
	}
	in = dg_conn_input(x->conn);
	end = dg_str_find(in, '\n');
	if (end < in.n) {
		dg_buf_reset(&l->line);
		(void)dg_buf_add(&l->line, dg_str_sub(in, 0,
		    end > 0 && in.p[end - 1] == '\r' ? end - 1 : end));
		dg_conn_eat(x->conn, end + 1);
		e->kind = DG_LAB_LINE;
		e->text = dg_buf_str(&l->line);
		return true;
	}
	if (x->has_ended && !x->told_end) {
		x->told_end = true;
		e->kind = DG_LAB_CLOSED;
		dg_conn_free(x->conn);
		x->conn = NULL;
		return true;
	}
	return false;
}

static bool
any_told(struct dg_lab *l, struct dg_lab_event *e)
{
	for (int i = 0; i < l->n; i++) {
		if (told(l, i, e)) {
			l->idle_for = 0;
			return true;
		}
	}
	return false;
}

/* Work under way is waited for.  Where there was none the last few times, a
 * caller who asks on waits for something that a timer does. */
static int
wait_ms(struct dg_lab *l)
{
	if (dg_relay_is_idle(l->relay) && l->idle_for < IDLE_AT_ONCE)
		return 0;
	return TURN_MS;
}

/* What is to be told: from what the machines did in a few turns of the loop
 * (callbacks of a pair are deferred, from one to the next). */
static struct dg_lab_event
event(void *ctx)
{
	struct dg_lab *l = ctx;
	struct dg_lab_event e = { .kind = DG_LAB_WAIT };

	for (int turn = 0; turn < TURNS; turn++) {
		if (any_told(l, &e))
			return e;
		dg_loop_turn(l->loop, turn == TURNS - 1 ? wait_ms(l) : 0);
	}
	if (any_told(l, &e))
		return e;
	if (dg_relay_is_idle(l->relay)) {
		/* what the spool handed out meanwhile is on its way */
		dg_loop_turn(l->loop, 0);
		if (dg_relay_is_idle(l->relay))
			e.kind = DG_LAB_IDLE;
	}
	l->idle_for = e.kind == DG_LAB_IDLE ? l->idle_for + 1 : 0;
	return e;
}

static void
advance(void *ctx, int64_t ms)
{
	struct dg_lab *l = ctx;

	dg_clock_jump(ms);
	dg_loop_jump(l->loop, ms);
	dg_spool_poke(l->spool);
}

static void
add_user(void *ctx, struct dg_str table, struct dg_str user,
    struct dg_str password)
{
	struct dg_lab *l = ctx;

	dg_generation_lab_user(l->generation, table, user, password);
}

static bool
add_record(void *ctx, struct dg_str type, struct dg_str name,
    struct dg_str value)
{
	struct dg_lab *l = ctx;

	return dg_world_record(l->world, type, name, value);
}

static void
add_page(void *ctx, struct dg_str request, int status, struct dg_str body)
{
	struct dg_lab *l = ctx;

	dg_world_page(l->world, request, status, body);
}

struct queue_ctx {
	dg_lab_row *row;
	void *row_ctx;
};

static void
on_row(void *ctx, const struct dg_item *item, const struct dg_item_rcpt *r,
    bool is_claimed)
{
	struct queue_ctx *q = ctx;

	(void)item;
	(void)is_claimed;
	q->row(q->row_ctx, r->address, r->lane, r->tries, r->meaning,
	    r->reply);
}

static void
queue(void *ctx, dg_lab_row *row, void *row_ctx)
{
	struct dg_lab *l = ctx;
	struct queue_ctx q = { row, row_ctx };

	dg_spool_list(l->spool, 10000, on_row, &q);
}

static void
on_due(void *ctx, const struct dg_item *item, const struct dg_item_rcpt *r,
    bool is_claimed)
{
	int64_t *least = ctx;
	/* the later one of them gives mail up, though no try is due */
	int64_t due = r->due_ms < r->expire_ms ? r->due_ms : r->expire_ms;

	(void)item;
	if (!is_claimed && (*least < 0 || due < *least))
		*least = due;
}

static void
on_lane(void *ctx, struct dg_str lane, size_t waiting, size_t in_flight,
    int64_t held_until_ms, struct dg_str meaning, struct dg_str reason)
{
	int64_t *least = ctx;

	(void)lane;
	(void)in_flight;
	(void)meaning;
	(void)reason;
	if (waiting > 0 && held_until_ms > dg_now_ms() &&
	    (*least < 0 || held_until_ms < *least))
		*least = held_until_ms;
}

/* What is due already waits for its lane: that one's time counts then. */
static int64_t
due(void *ctx)
{
	struct dg_lab *l = ctx;
	int64_t rcpt = -1, lane = -1, at, now = dg_now_ms();

	dg_spool_list(l->spool, 10000, on_due, &rcpt);
	if (rcpt < 0)
		return -1;
	dg_spool_lanes(l->spool, on_lane, &lane);
	at = rcpt <= now && lane > now ? lane : rcpt;
	return at > now ? at - now : 0;
}

/* ---- birth ---- */

struct dg_lab *
dg_lab_new(struct dg_generation *own_g, const char *dir, struct dg_err *e)
{
	struct dg_lab *l = dg_alloc0(sizeof(*l));
	struct dg_spool_options so = {
		.path = dir,
		.inline_max = 64 * 1024,
		.lane_in_flight = 100,
		.no_sync = true,
	};
	struct dg_relay_options ro = { own_g, NULL, 1 };

	if (dg_spool_open(&so, &l->spool, e) != DG_OK) {
		dg_generation_unpin(own_g);
		free(l);
		return NULL;
	}
	l->generation = dg_generation_pin(own_g);
	ro.spool = l->spool;
	l->relay = dg_relay_new(&ro);
	l->loop = dg_relay_loop(l->relay, 0);
	dg_dialer_divert(dg_relay_dialer(l->relay, 0), on_dial, l);
	l->world = dg_world_new();
	dg_resolver_divert(dg_dialer_resolver(dg_relay_dialer(l->relay, 0)),
	    dg_world_dns, l->world);
	dg_http_divert(dg_relay_http(l->relay, 0), dg_world_http, l->world);
	dg_buf_init(&l->line, LINE_MAX_BYTES);
	l->ops = (struct dg_lab_ops){ l, client, send_bytes, close_conn,
		start_tls, event, advance, add_user, queue, due, add_record,
		add_page };
	dg_relay_start_inline(l->relay);
	return l;
}

void
dg_lab_speak_tls(struct dg_lab *l)
{
	const struct dg_config *c = dg_generation_config(l->generation);

	l->authority = dg_tls_authority_new();
	dg_tls_authority_trust(l->authority,
	    dg_generation_hop_tls(l->generation));
	for (size_t i = 0; i < c->n_listeners; i++) {
		struct dg_tls *t = dg_generation_listener_tls(l->generation,
		    dg_str(c->listeners[i].name));

		if (t != NULL)
			dg_tls_authority_equip(l->authority, t,
			    dg_str(c->hostname));
	}
}

void
dg_lab_free(struct dg_lab *l)
{
	if (l == NULL)
		return;
	for (int i = 0; i < l->n; i++)
		dg_conn_free(l->conns[i].conn);
	dg_relay_stop(l->relay, 0);
	dg_spool_close(l->spool);
	dg_relay_free(l->relay);
	dg_world_free(l->world);
	dg_generation_unpin(l->generation);
	dg_tls_authority_free(l->authority);
	dg_buf_fini(&l->line);
	free(l);
}

const struct dg_lab_ops *
dg_lab_ops(struct dg_lab *l)
{
	return &l->ops;
}
