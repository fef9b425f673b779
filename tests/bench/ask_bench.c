/* ask_bench.c - what one answer of a policy costs, in microseconds.
 *
 * Rounds of many askings each; the median of the rounds counts.  Printed, never
 * asserted.  BENCH_QUICK=1: fewer rounds.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "dragoman/base/clock.h"
#include "dragoman/base/log.h"
#include "dragoman/policy/policy.h"

#define HEAD \
	"local d = require 'dragoman'\n" \
	"d.hop 'h' { hosts = { 'h' } }\n"

enum { ROUNDS = 15, QUICK_ROUNDS = 3, ASKINGS = 20000 };

static const struct bench {
	const char *name, *text;
	enum dg_question q;
	double goal_us; /* 0: none */
} benches[] = {
	{ "a route of a table, the 1st row", HEAD
	    "d.route { to = 'y.example', hop = 'h' }\n",
	    DG_Q_ROUTE, 1 },
	{ "a route of a table, the 10th row", HEAD
	    "for i = 1, 9 do d.route { to = 'x' .. i .. '.example', hop = 'h' "
	    "} end\n"
	    "d.route { to = 'y.example', hop = 'h' }\n",
	    DG_Q_ROUTE, 1 },
	{ "a route of a table, the 100th row", HEAD
	    "for i = 1, 99 do d.route { to = 'x' .. i .. '.example', hop = 'h' "
	    "} end\n"
	    "d.route { to = 'y.example', hop = 'h' }\n",
	    DG_Q_ROUTE, 0 },
	{ "a question that nobody answers", HEAD, DG_Q_RECIPIENT, 1 },
	{ "a hook that says nil", HEAD
	    "d.on.recipient = function(q) end\n",
	    DG_Q_RECIPIENT, 5 },
	{ "a hook that reads and says nil", HEAD
	    "d.on.recipient = function(q)\n"
	    "if q.domain ~= 'y.example' then return d.refuse '550 no' end\n"
	    "if q.sender:find('spam', 1, true) then return d.refuse '550 no' "
	    "end end\n",
	    DG_Q_RECIPIENT, 5 },
	{ "a hook that refuses", HEAD
	    "d.on.recipient = function(q)\n"
	    "return d.refuse '550 5.7.1 not here' end\n",
	    DG_Q_RECIPIENT, 5 },
	{ "a hook that refuses and says why", HEAD
	    "d.on.recipient = function(q)\n"
	    "return d.refuse '550 5.7.1 not here' { because = 'a list' } end\n",
	    DG_Q_RECIPIENT, 5 },
	{ "a hook that accepts under another name", HEAD
	    "d.on.recipient = function(q)\n"
	    "return d.accept { to = 'c@y.example' } end\n",
	    DG_Q_RECIPIENT, 5 },
	{ "a route's hook", HEAD
	    "d.route { ask = function(q) return d.to 'h' end }\n",
	    DG_Q_ROUTE, 5 },
	{ "a reply's hook", HEAD
	    "d.on.reply = function(q)\n"
	    "if q.code == 451 then return d.retry { after = '1m' } end end\n",
	    DG_Q_REPLY, 5 },
};

static const struct dg_fact facts[] = {
	{ "peer", false, 0, { "hq", 2 } },
	{ "address", false, 0, { "10.0.0.5", 8 } },
	{ "listener", false, 0, { "ims", 3 } },
	{ "tls", true, 0, { NULL, 0 } },
	{ "helo", false, 0, { "mail.x.example", 14 } },
	{ "user", false, 0, { "svc", 3 } },
	{ "sender", false, 0, { "a@x.example", 11 } },
	{ "recipient", false, 0, { "b@y.example", 11 } },
	{ "domain", false, 0, { "y.example", 9 } },
	{ "size", true, 12345, { NULL, 0 } },
	{ "count", true, 1, { NULL, 0 } },
	{ "code", true, 450, { NULL, 0 } },
	{ NULL, false, 0, { NULL, 0 } },
};
static const struct dg_route_query query = {
	.recipient = { "b@y.example", 11 },
	.sender = { "a@x.example", 11 },
	.peer = { "hq", 2 },
	.user = { "svc", 3 },
	.address = { "10.0.0.5", 8 },
	.listener = { "ims", 3 },
	.helo = { "mail.x.example", 14 },
	.size = 12345,
};

static double
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void
never(void *ctx, struct dg_asking *a)
{
	(void)ctx;
	(void)a;
	abort(); /* nothing here waits */
}

static double
round_us(struct dg_policy_state *s, const struct bench *b)
{
	double began = now_us();

	for (int i = 0; i < ASKINGS; i++) {
		struct dg_asking a;

		dg_asking_init(&a, never, NULL);
		if (b->q == DG_Q_ROUTE)
			(void)dg_policy_route(s, &a, &query, NULL);
		else
			(void)dg_policy_ask(s, &a, b->q, NULL, facts, NULL);
		if (a.d.is_default)
			abort();
		dg_asking_drop(&a);
	}
	return (now_us() - began) / ASKINGS;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
write_to(char *path, const char *text)
{
	int fd = mkstemp(path);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;

	if (f == NULL)
		abort();
	fputs(text, f);
	fclose(f);
}

static void
run(const struct bench *b, int rounds)
{
	char path[] = "/tmp/dragoman-bench-XXXXXX";
	const char *const files[] = { path, NULL };
	static const char *const dirs[] = { "policies", NULL };
	struct dg_policy_options o = { .files = files, .ready_dirs = dirs };
	struct dg_policy_state *s = NULL;
	struct dg_errors errors;
	struct dg_policy *p;
	double us[ROUNDS];

	write_to(path, b->text);
	dg_errors_init(&errors);
	p = dg_policy_load(&o, &errors);
	if (p != NULL)
		s = dg_policy_state_new(p, &errors);
	unlink(path);
	if (s == NULL) {
		printf("  %s: does not load\n", b->name);
		exit(1);
	}
	(void)round_us(s, b);
	for (int i = 0; i < rounds; i++)
		us[i] = round_us(s, b);
	qsort(us, (size_t)rounds, sizeof(us[0]), by_size);
	printf("  %-42s %6.2f us (%.2f-%.2f)", b->name, us[rounds / 2], us[0],
	    us[rounds - 1]);
	if (b->goal_us > 0)
		printf("; goal < %.0f us: %s", b->goal_us,
		    us[rounds / 2] < b->goal_us ? "reached" : "NOT REACHED");
	printf("\n");
	dg_policy_state_free(s);
	dg_policy_free(p);
	dg_errors_fini(&errors);
}

int
main(void)
{
	const char *quick = getenv("BENCH_QUICK");
	bool is_quick = quick != NULL && quick[0] != '\0' && quick[0] != '0';

	printf("what one answer costs (median of rounds, least and most)\n");
	for (size_t i = 0; i < sizeof(benches) / sizeof(benches[0]); i++)
		run(&benches[i], is_quick ? QUICK_ROUNDS : ROUNDS);
	return 0;
}
