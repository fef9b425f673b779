/*
 * probe.c - call every host of every hop, log in, and leave.
 *
 * The machine is the one that delivers (smtp/client.h), so what works here
 * works there; around it stands a loop much smaller than a lane's: no mail, no
 * policy to ask, no next host.  Each host has its own text, so that the calls
 * may go on side by side and still be told one after the other.
 */
#include "dragoman/relay/probe.h"

#include <stdio.h>
#include <stdlib.h>

#include "dragoman/auth/dialogue.h"
#include "dragoman/base/slots.h"
#include "dragoman/net/connect.h"
#include "dragoman/smtp/client.h"

enum {
	CONNECT_MS = 10 * 1000,
	REPLY_MS = 15 * 1000,
	QUIT_MS = 2000,
	HOST_MS = 45 * 1000, /* all of it */
	SESSIONS_MAX = 5,    /* verbs that cost the connection */
	TEXT_MAX = 64 * 1024,
};

struct run {
	struct dg_generation *generation;
	struct dg_loop *loop;
	struct dg_dialer *dialer;
	struct dg_slots *slots;
	struct dg_challenges *challenges;
	unsigned busy;
};

struct probe {
	struct run *run;
	const struct dg_hop *hop;
	const char *host;
	uint64_t ticket;
	struct dg_timer *timer;
	struct dg_conn *conn;
	struct dg_cli *cli;
	struct dg_acts acts;
	struct dg_buf text;
	struct dg_result ended;
	char skip_verb[16];
	unsigned sessions;
	bool in_clear; /* opportunistic TLS failed: without it now */
	bool in_handshake;
	bool has_greeting;
	bool has_offer; /* both: told */
	bool is_good;
	bool is_over; /* this session */
	bool is_done;
};

static void on_conn(void *ctx, struct dg_conn *c, enum dg_conn_event ev);
static void dial(struct probe *p);

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static const struct dg_config_limits *
limits_of(const struct probe *p)
{
	return &dg_generation_config(p->run->generation)->limits;
}

/* ---- what is told ---- */

/* A line of what a stranger said: nothing in it may move a terminal. */
static void
say(struct probe *p, const char *label, struct dg_str s)
{
	if (s.n == 0)
		return;
	(void)dg_buf_addf(&p->text, "  %s", label);
	for (size_t i = 0; i < s.n; i++)
		(void)dg_buf_addc(&p->text,
		    s.p[i] >= ' ' && s.p[i] < 0x7f ? s.p[i] : '?');
	(void)dg_buf_addc(&p->text, '\n');
}

static void
say_offer(struct probe *p)
{
	struct dg_str offered = dg_cli_offered(p->cli);

	if (p->has_offer)
		return;
	p->has_offer = true;
	say(p, dg_cli_has_tls(p->cli) ? "offers, in TLS: " : "offers: ",
	    offered);
}

static void
say_tls(struct probe *p)
{
	char wrong[256], line[512];

	dg_conn_tls_certificate(p->conn, wrong, sizeof(wrong));
	if (wrong[0] == '\0')
		snprintf(line, sizeof(line), "%.*s; the certificate is good",
		    DG_FMT(dg_conn_tls_words(p->conn)));
	else
		snprintf(line, sizeof(line),
		    "%.*s; %s (taken: this hop's tls is not \"verify\")",
		    DG_FMT(dg_conn_tls_words(p->conn)), wrong);
	say(p, "TLS: ", dg_str(line));
}

/* ---- ends ---- */

static void
hang_up(struct probe *p)
{
	dg_conn_free(p->conn);
	p->conn = NULL;
	dg_cli_free(p->cli);
	p->cli = NULL;
	dg_acts_reset(&p->acts);
	p->in_handshake = false;
	p->is_over = false;
}

static void
done(struct probe *p)
{
	if (p->is_done)
		return;
	p->is_done = true;
	hang_up(p);
	dg_timer_stop(p->timer);
	dg_slots_drop(p->run->slots, p->ticket);
	if (--p->run->busy == 0)
		dg_loop_stop(p->run->loop);
}

static void
fail(struct probe *p, const char *meaning, const char *words)
{
	char line[1200];

	snprintf(line, sizeof(line), "%s%s%s", meaning,
	    meaning[0] != '\0' ? ": " : "", words);
	say(p, "FAILED: ", dg_str(line));
	done(p);
}

static void
on_too_long(void *ctx)
{
	struct probe *p = ctx;

	if (p->is_good)
		done(p);
	else
		fail(p, dg_meaning_name(DG_MEANING_UNREACHABLE),
		    "it took too long");
}

/* As relay/hop_end.c does: another verb, or no TLS, in a new session. */
static void
session_over(struct probe *p)
{
	struct dg_result r = p->ended;
	bool wants_new = p->cli != NULL &&
			 dg_cli_wants_new_session(p->cli, p->skip_verb);

	if (p->is_good) {
		done(p);
	} else if (wants_new && p->sessions < SESSIONS_MAX) {
		hang_up(p);
		dial(p);
	} else if (r.stage == DG_STAGE_TLS && !p->in_clear &&
		   p->hop->tls == DG_TLS_OPPORTUNISTIC) {
		say(p, "TLS: ", dg_str(r.text));
		say(p, "", DG_STR("again without TLS (opportunistic)"));
		p->in_clear = true;
		hang_up(p);
		dial(p);
	} else {
		fail(p, dg_meaning_name(r.meaning), r.text);
	}
}

/* ---- a session ---- */

static void
on_ready(struct probe *p)
{
	char line[128];

	say_offer(p);
	if (p->hop->n_logins == 0)
		snprintf(line, sizeof(line), "it answers (no login is wanted)");
	else
		snprintf(line, sizeof(line), "logged in by %s %s (%s)",
		    dg_cli_verb(p->cli), dg_cli_mech(p->cli),
		    dg_cli_why(p->cli));
	say(p, "good: ", dg_str(line));
	p->is_good = true;
	dg_acts_reset(&p->acts);
	dg_cli_quit(p->cli, &p->acts);
}

static void
start_tls(struct probe *p)
{
	struct dg_str host = DG_NOSTR;
	unsigned port;

	say_offer(p);
	p->has_offer = false; /* what comes in TLS counts */
	p->in_handshake = true;
	if (!dg_hostport(dg_str(p->host), &host, &port))
		host = DG_STR("localhost"); /* a socket has no name */
	dg_conn_tls_connect(p->conn, dg_generation_hop_tls(p->run->generation),
	    host, p->hop->tls == DG_TLS_VERIFY);
}

static void
carry_out(struct probe *p)
{
	bool is_ready;

	do {
		is_ready = false;
		for (size_t i = 0; i < p->acts.n; i++) {
			const struct dg_act *act = &p->acts.v[i];

			if (act->kind == DG_ACT_SEND)
				dg_conn_send(p->conn,
				    dg_act_text(&p->acts, act));
			else if (act->kind == DG_ACT_TRACE)
				say(p, "", dg_act_text(&p->acts, act));
			else if (act->kind == DG_ACT_STARTTLS)
				start_tls(p);
			else if (act->kind == DG_ACT_READY)
				is_ready = true;
			else if (act->kind == DG_ACT_ENDED) {
				p->ended = act->result;
				p->is_over = true;
			}
		}
		dg_acts_reset(&p->acts);
		if (is_ready)
			on_ready(p);
	} while (is_ready);
}

static void
hear_greeting(struct probe *p, struct dg_str in)
{
	size_t n = dg_str_find(in, '\n');

	if (p->has_greeting || n == in.n)
		return;
	p->has_greeting = true;
	if (n > 0 && in.p[n - 1] == '\r')
		n--;
	say(p, "greets: ", dg_str_sub(in, 0, n < 300 ? n : 300));
}

static void
pump(struct probe *p)
{
	carry_out(p);
	while (!p->is_over && !p->in_handshake) {
		struct dg_str in = dg_conn_input(p->conn);
		size_t used;

		if (in.n == 0)
			break;
		hear_greeting(p, in);
		used = dg_cli_feed(p->cli, in, &p->acts);
		dg_conn_eat(p->conn, used);
		if (dg_cli_stage(p->cli) == DG_STAGE_AUTH ||
		    dg_cli_is_quitting(p->cli))
			say_offer(p);
		carry_out(p);
		if (used == 0)
			break;
	}
	if (p->is_over) {
		session_over(p);
		return;
	}
	dg_conn_deadline(p->conn,
	    dg_cli_is_quitting(p->cli)
		? QUIT_MS
		: least(REPLY_MS, limits_of(p)->reply_ms));
}

static void
lost(struct probe *p, const char *words)
{
	if (p->in_handshake) {
		p->in_handshake = false;
		dg_cli_tls_done(p->cli, false, words, &p->acts);
	} else {
		dg_cli_lost(p->cli, words, &p->acts);
	}
	carry_out(p);
	session_over(p);
}

static void
on_conn(void *ctx, struct dg_conn *c, enum dg_conn_event ev)
{
	struct probe *p = ctx;

	switch (ev) {
	case DG_CONN_INPUT:
		pump(p);
		break;
	case DG_CONN_TLS:
		p->in_handshake = false;
		say_tls(p);
		dg_cli_tls_done(p->cli, true, dg_conn_tls_words(c).p, &p->acts);
		pump(p);
		break;
	case DG_CONN_EOF:
		lost(p, "the hop closed the connection");
		break;
	case DG_CONN_LOST:
		lost(p, dg_conn_error(c));
		break;
	case DG_CONN_DEADLINE:
		lost(p, "the hop did not answer in time");
		break;
	case DG_CONN_DRAINED:
	case DG_CONN_CLOSED:
		break;
	}
}

/* ---- calling ---- */

static void
start_machine(struct probe *p)
{
	const struct dg_config *c = dg_generation_config(p->run->generation);
	struct dg_cli_options o = {
		.dialect = p->hop->dialect,
		.helo =
		    dg_str(p->hop->helo != NULL ? p->hop->helo : c->hostname),
		.host = dg_str(p->host),
		.tls = p->in_clear ? DG_TLS_NEVER : p->hop->tls,
		.is_lmtp = p->hop->is_lmtp,
		.skip_verb = dg_str(p->skip_verb),
		.challenges = p->run->challenges,
	};

	o.logins =
	    dg_generation_logins(p->run->generation, p->hop, &o.n_logins);
	p->cli = dg_cli_new(&o);
	dg_cli_start(p->cli, &p->acts);
}

static void
on_dialled(void *ctx, uint64_t ticket, struct dg_conn *own_conn,
    const struct dg_err *e)
{
	struct run *run = ctx;
	struct probe *p = dg_slots_find(run->slots, ticket);

	if (p == NULL) {
		dg_conn_free(own_conn);
		return;
	}
	if (own_conn == NULL) {
		fail(p, dg_meaning_name(DG_MEANING_UNREACHABLE), e->text);
		return;
	}
	p->conn = own_conn;
	dg_conn_set_fn(own_conn, on_conn, p);
	start_machine(p);
	pump(p);
}

static void
dial(struct probe *p)
{
	p->sessions++;
	p->has_greeting = p->has_offer = false;
	dg_dial(p->run->dialer, dg_str(p->host), dg_str(p->hop->source),
	    least(CONNECT_MS, limits_of(p)->connect_ms), on_dialled, p->run,
	    p->ticket);
}

static void
probe_begin(struct probe *p, struct run *run, const struct dg_hop *hop,
    const char *host)
{
	p->run = run;
	p->hop = hop;
	p->host = host;
	p->ticket = dg_slots_put(run->slots, p);
	p->timer = dg_timer_new(run->loop, on_too_long, p);
	dg_acts_init(&p->acts);
	dg_buf_init(&p->text, TEXT_MAX);
	run->busy++;
	dg_timer_set(p->timer, HOST_MS);
	dial(p);
}

static void
probe_end(struct probe *p)
{
	dg_timer_free(p->timer);
	dg_acts_fini(&p->acts);
	dg_buf_fini(&p->text);
}

static void
run_open(struct run *run, struct dg_generation *g)
{
	const struct dg_config *c = dg_generation_config(g);
	struct dg_dialer_options o = {
		.dns_servers = (const char *const *)c->dns_servers,
	};

	run->generation = g;
	run->loop = dg_loop_new();
	run->dialer = dg_dialer_new(run->loop, &o);
	run->slots = dg_slots_new();
	run->challenges = dg_challenges_new();
}

static void
run_close(struct run *run)
{
	dg_dialer_free(run->dialer);
	dg_loop_free(run->loop);
	dg_slots_free(run->slots);
	dg_challenges_free(run->challenges);
}

unsigned
dg_probe(struct dg_generation *g, struct dg_buf *out, unsigned *n)
{
	const struct dg_rules *r = dg_generation_rules(g);
	struct run run = { 0 };
	struct probe *v;
	unsigned failed = 0;
	size_t hosts = 0, at = 0;

	for (size_t i = 0; i < r->n_hops; i++)
		hosts += r->hops[i]->n_hosts;
	v = dg_alloc0((hosts + 1) * sizeof(*v));
	run_open(&run, g);
	for (size_t i = 0; i < r->n_hops; i++)
		for (size_t k = 0; k < r->hops[i]->n_hosts; k++)
			probe_begin(&v[at++], &run, r->hops[i],
			    r->hops[i]->hosts[k]);
	if (hosts > 0)
		dg_loop_run(run.loop);
	for (size_t i = 0; i < hosts; i++) {
		(void)dg_buf_addf(out, "hop \"%s\", %s\n", v[i].hop->name,
		    v[i].host);
		(void)dg_buf_add(out, dg_buf_str(&v[i].text));
		failed += !v[i].is_good;
		probe_end(&v[i]);
	}
	for (size_t i = 0; i < r->n_hops; i++)
		if (r->hops[i]->is_mx)
			(void)dg_buf_addf(out,
			    "hop \"%s\", by MX: whom it calls hangs on the "
			    "recipient, so nobody was called\n",
			    r->hops[i]->name);
	run_close(&run);
	free(v);
	*n = (unsigned)hosts;
	return failed;
}
