#ifndef TESTS_UNIT_POLICY_WAITING_H
#define TESTS_UNIT_POLICY_WAITING_H

/* waiting.h - hooks that wait: a state with a worker's host behind it, a name
 * server and a web server on the same loop.  The body of d.on.connect is the
 * test's; q.listener is what it is asked with; what it returns is its answer's
 * text. */
#include "help.h"

#include "tests/unit/net/help.h"

#include "dragoman/base/log.h"
#include "dragoman/net/connect.h"
#include "dragoman/net/http.h"
#include "dragoman/policy/host.h"
#include "tests/unit/net/name_server.h"
#include "tests/unit/net/web_server.h"

struct asked {
	struct dg_asking a;
	unsigned told;
};

struct waiting {
	struct dg_loop *l;
	struct name_server dns;
	struct web_server web;
	struct dg_dialer *dialer;
	struct dg_policy_host host;
	struct dg_policy *p;
	struct dg_policy_state *s;
	struct asked one; /* by waiting_ask */
};

static inline struct dg_policy *
waiting_load(const char *head, const char *body, int64_t wait_ms,
    struct dg_buf *out)
{
	static const struct dg_policy_allow allow[] = { { .name = "dns" },
		{ .name = "http" } };
	struct dg_policy_options o = options(NULL);
	char *text = dg_sprintf("local d = require 'dragoman'\n%s\n"
				"d.on.connect = function(q)\n"
				"  local function f(q)\n%s\n  end\n"
				"  return d.refuse('550 5.7.1 ' .. f(q))\n"
				"end\n",
	    head, body);
	struct dg_policy *p;

	o.allow = allow;
	o.n_allow = 2;
	o.budget[DG_Q_CONNECT].wait_ms = wait_ms;
	p = load_text_as(o, text, out);
	free(text);
	return p;
}

static inline void
waiting_open(struct waiting *w, const struct ns_row *rows, const char *body,
    int64_t wait_ms)
{
	const char *servers[2] = { NULL, NULL };
	struct dg_dialer_options o = { .dns_servers = servers };
	struct dg_errors errors;
	struct dg_buf out;

	*w = (struct waiting){ .l = dg_loop_new() };
	name_server_open(&w->dns, w->l, rows);
	web_server_open(&w->web, w->l, NULL);
	servers[0] = w->dns.at;
	w->dialer = dg_dialer_new(w->l, &o);
	w->host = (struct dg_policy_host){ .loop = w->l,
		.resolver = dg_dialer_resolver(w->dialer),
		.http = dg_http_new(w->l, dg_dialer_resolver(w->dialer)),
		.waits = dg_slots_new() };
	dg_buf_init(&out, 10000);
	w->p = waiting_load("", body, wait_ms, &out);
	if (w->p == NULL)
		fail_msg("%s", dg_buf_z(&out));
	dg_buf_fini(&out);
	dg_errors_init(&errors);
	w->s = dg_policy_state_new(w->p, &errors);
	assert_non_null(w->s);
	dg_errors_fini(&errors);
	dg_policy_state_attach(w->s, &w->host);
}

static inline void
waiting_close(struct waiting *w)
{
	assert_int_equal(dg_slots_count(w->host.waits), 0);
	dg_http_free(w->host.http);
	dg_dialer_free(w->dialer);
	web_server_close(&w->web);
	name_server_close(&w->dns);
	dg_policy_state_free(w->s);
	dg_policy_free(w->p);
	dg_slots_free(w->host.waits);
	dg_loop_free(w->l);
}

static inline void
waiting_on_asked(void *ctx, struct dg_asking *a)
{
	struct asked *one = ctx;

	(void)a;
	one->told++;
}

/* Ask; told counts, at once or later. */
static inline void
waiting_begin(struct waiting *w, struct asked *one, const char *with)
{
	struct dg_fact facts[] = { { .name = "listener", .text = dg_str(with) },
		{ .name = NULL } };

	one->told = 0;
	dg_asking_init(&one->a, waiting_on_asked, one);
	if (dg_policy_ask(w->s, &one->a, DG_Q_CONNECT, NULL, facts, NULL))
		one->told++;
}

/* The answer is in w->one.a.d until it is dropped. */
static inline void
waiting_ask(struct waiting *w, const char *with)
{
	waiting_begin(w, &w->one, with);
	TURN_UNTIL(w->l, w->one.told > 0);
	settle(w->l);
	assert_int_equal(w->one.told, 1);
}

static inline void
assert_says(const struct asked *one, const char *text)
{
	const struct dg_decision *d = &one->a.d;

	if (d->is_default)
		fail_msg("the hook failed; want %s", text);
	if (!dg_str_is(d->text, text))
		fail_msg("says %.*s; want %s", DG_FMT(d->text), text);
}

/* ---- log lines, for hooks that fail ---- */
static char waiting_log[4000];

static inline void
waiting_on_line(const char *line, size_t n)
{
	size_t at = strlen(waiting_log);

	if (at + n < sizeof(waiting_log)) {
		memcpy(waiting_log + at, line, n);
		waiting_log[at + n] = '\0';
	}
}

/* Body with `with` fails, and the log says why. */
static inline void
assert_fails(const char *body, const char *with, const char *why)
{
	struct waiting w;

	static const struct ns_row none[] = { { NULL, 0, 0, { { NULL, 0 } },
	    0 } };

	waiting_open(&w, none, body, 0);
	waiting_log[0] = '\0';
	dg_log_divert(waiting_on_line);
	waiting_ask(&w, with);
	dg_log_divert(NULL);
	assert_true(w.one.a.d.is_default);
	if (strstr(waiting_log, why) == NULL)
		fail_msg("log: %s", waiting_log);
	dg_asking_drop(&w.one.a);
	waiting_close(&w);
}

#endif
