/* route_test.c - where a recipient goes: rows in file order, functions where
 * their rows stand. */
#include "asked.h"

#define HOPS \
	HEAD "d.hop 'one' { hosts = { '1' } }\nd.hop 'two' { hosts = { '2' " \
	     "} }\n"

static bool
route(struct world *w, struct asked *x, const struct dg_route_query *q,
    struct dg_notes *notes)
{
	x->answers = 0;
	dg_asking_init(&x->a, on_asked, x);
	return dg_policy_route(w->s, &x->a, q, notes);
}

static bool
goes_to(const struct asked *x, const char *hop, int line)
{
	const struct dg_decision *d = &x->a.d;

	if (d->kind == DG_D_TO && dg_str_is(d->hop, hop) &&
	    d->where.line == line && !d->is_default)
		return true;
	print_error("  %s \"%.*s\" line %d\n", dg_decision_name(d->kind),
	    DG_FMT(d->hop), d->where.line);
	return false;
}

/* ---- rows of tables ---- */

static const char rows[] = HOPS
    "d.route { to = 'a@x.example', hop = 'one' }\n"             /* 4 */
    "d.route { to = { 'x.example', '*.y.example' }, size = '1k', refuse = "
    "'552 5.3.4 too big' }\n"                                   /* 5 */
    "d.route { to = 'x.example', hop = 'two' }\n"               /* 6 */
    "d.route { from = 'sales-*', hop = 'one' }\n"               /* 7 */
    "d.route { user = 'svc', hop = 'two' }\n"                   /* 8 */
    "d.peer 'p' { match = { address = '10.0.0.1' } }\n"
    "d.route { peer = 'p', to = 'z.example', hop = 'one' }\n"   /* 10 */
    "d.route { to = 'gone.example', refuse = '550 5.1.2 gone' }\n"; /* 11 */

static const struct {
	const char *why;
	const char *to, *from, *peer, *user;
	uint64_t size;
	const char *hop; /* NULL: refused */
	const char *text;
	int code, line;
} table[] = {
	{ "an address", "a@x.example", "", "", "", 5000, "one", NULL, 0, 4 },
	{ "its case", "A@X.Example", "", "", "", 0, "one", NULL, 0, 4 },
	{ "a domain", "b@x.example", "", "", "", 0, "two", NULL, 0, 6 },
	{ "a size from 1k", "b@x.example", "", "", "", 1024, NULL, "too big",
	    552, 5 },
	{ "a size below", "b@x.example", "", "", "", 1023, "two", NULL, 0, 6 },
	{ "below a domain", "b@n.y.example", "", "", "", 2000, NULL, "too big",
	    552, 5 },
	{ "not itself", "b@y.example", "", "", "", 2000, NULL,
	    "no route here leads to that recipient", 550, 0 },
	{ "a sender", "b@q.example", "sales-eu@x.example", "", "", 0, "one",
	    NULL, 0, 7 },
	{ "a user", "b@q.example", "x@x.example", "", "svc", 0, "two", NULL, 0,
	    8 },
	{ "a peer", "b@z.example", "", "p", "", 0, "one", NULL, 0, 10 },
	{ "another peer", "b@z.example", "", "anyone", "", 0, NULL,
	    "no route here leads to that recipient", 550, 0 },
	{ "a refusal", "b@gone.example", "", "", "", 0, NULL, "gone", 550, 11 },
	{ "nothing", "", "", "", "", 0, NULL,
	    "no route here leads to that recipient", 550, 0 },
};

static void
the_first_row_that_matches_counts(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, rows);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct dg_route_query q = {
			.recipient = dg_str(table[i].to),
			.sender = dg_str(table[i].from),
			.peer = dg_str(table[i].peer),
			.user = dg_str(table[i].user),
			.size = table[i].size,
		};
		struct asked x;

		print_message("  %s\n", table[i].why);
		assert_true(route(&w, &x, &q, NULL));
		if (table[i].hop != NULL) {
			assert_true(goes_to(&x, table[i].hop, table[i].line));
		} else {
			assert_true(says(&x.a.d, DG_D_REFUSE, table[i].text));
			assert_int_equal(x.a.d.code, table[i].code);
			assert_int_equal(x.a.d.where.line, table[i].line);
			assert_false(x.a.d.is_default);
		}
		dg_asking_drop(&x.a);
	}
	/* none of them was a Lua call */
	assert_int_equal(w.s->n_idle, 0);
	world_fini(&w);
}

/* ---- rows that ask ---- */

static const char asks[] = HOPS
    "d.route { to = 'first.example', hop = 'one' }\n"            /* 4 */
    "d.route { ask = function(q)\n"                              /* 5 */
    "  d.log('asked ' .. q.recipient)\n"
    "  if q.domain == 'to.example' then return d.to 'two' end\n" /* 7 */
    "  if q.domain == 'no.example' then return d.refuse '550 5.1.1 no' end\n"
    "  if q.domain == 'later.example' then\n"
    "    return d.defer '451 4.4.3 later' { because = 'busy' }\n" /* 10 */
    "  end\n"
    "  if q.domain == 'bad.example' then error 'so' end\n"       /* 12 */
    "  if q.domain == 'wrong.example' then return (d.accept {}) end\n"
    "end }\n"
    "d.route { to = 'second.example', hop = 'one' }\n"           /* 15 */
    "d.route { to = 'two.example', ask = function(q)\n"          /* 16 */
    "  local a = ask(q.recipient) if a == 'yes' then return d.to 'one' end\n"
    "  q:note('said', a)\n"
    "end }\n"
    "d.route { to = 'two.example', ask = function(q)\n"          /* 20 */
    "  assert(q.recipient == 'a@two.example' and q.sender == 's@s.example')\n"
    "  assert(q.peer == 'p' and q.address == '10.0.0.1' and q.helo == 'h')\n"
    "  assert(q.listener == 'l' and q.user == 'u' and q.tls == true)\n"
    "  assert(q.size == 7 and q.tries == 3 and q.age == 90)\n"
    "  if q.notes.said == 'next' then return end\n"
    "  return d.to(ask 'again')\n"                               /* 26 */
    "end }\n"
    "d.route { to = 'two.example', hop = 'two' }\n";             /* 28 */

static bool
ask_for(struct world *w, struct asked *x, const char *to, struct dg_notes *n)
{
	/* texts that are gone when this returns */
	char recipient[64], sender[] = "s@s.example", peer[] = "p";
	char user[] = "u", address[] = "10.0.0.1", listener[] = "l";
	char helo[] = "h";
	struct dg_route_query q = {
		.sender = dg_str(sender),
		.peer = dg_str(peer),
		.user = dg_str(user),
		.address = dg_str(address),
		.listener = dg_str(listener),
		.helo = dg_str(helo),
		.size = 7,
		.tries = 3,
		.age_ms = 90999,
		.tls = true,
	};
	bool is_done;

	snprintf(recipient, sizeof(recipient), "%s", to);
	q.recipient = dg_str(recipient);
	is_done = route(w, x, &q, n);
	memset(recipient, 'X', sizeof(recipient));
	memset(sender, 'X', sizeof(sender));
	memset(peer, 'X', sizeof(peer));
	memset(user, 'X', sizeof(user));
	memset(address, 'X', sizeof(address));
	memset(listener, 'X', sizeof(listener));
	memset(helo, 'X', sizeof(helo));
	return is_done;
}

static void
a_function_stands_where_its_row_stands(void **state)
{
	struct world w;
	struct asked x;

	(void)state;
	world_init(&w, asks);
	assert_true(ask_for(&w, &x, "a@first.example", NULL));
	assert_true(goes_to(&x, "one", 4));
	dg_asking_drop(&x.a);
	assert_int_equal(times_logged("asked "), 0);
	assert_true(ask_for(&w, &x, "a@to.example", NULL));
	assert_true(goes_to(&x, "two", 7));
	dg_asking_drop(&x.a);
	assert_true(ask_for(&w, &x, "a@no.example", NULL));
	assert_true(says(&x.a.d, DG_D_REFUSE, "no"));
	dg_asking_drop(&x.a);
	assert_true(ask_for(&w, &x, "a@later.example", NULL));
	assert_true(says(&x.a.d, DG_D_DEFER, "later"));
	assert_true(dg_str_is(x.a.d.because, "busy"));
	assert_int_equal(x.a.d.where.line, 10);
	dg_asking_drop(&x.a);
	/* nil is the next row */
	assert_true(ask_for(&w, &x, "a@second.example", NULL));
	assert_true(goes_to(&x, "one", 15));
	dg_asking_drop(&x.a);
	assert_true(ask_for(&w, &x, "a@none.example", NULL));
	assert_true(says(&x.a.d, DG_D_REFUSE,
	    "no route here leads to that recipient"));
	dg_asking_drop(&x.a);
	world_fini(&w);
}

static void
a_row_that_fails_puts_the_mail_off_and_leads_nowhere_else(void **state)
{
	static const char *const to[] = { "a@bad.example", "a@wrong.example" };
	struct world w;

	(void)state;
	world_init(&w, asks);
	for (size_t i = 0; i < 2; i++) {
		struct asked x;

		assert_true(ask_for(&w, &x, to[i], NULL));
		assert_int_equal(x.a.d.kind, DG_D_DEFER);
		assert_true(x.a.d.is_default);
		assert_int_equal(x.a.d.code, 451);
		assert_int_equal(x.a.d.where.line, i == 0 ? 12 : 13);
		dg_asking_drop(&x.a);
	}
	world_fini(&w);
}

static void
after_a_wait_the_walk_goes_on_with_what_was_asked(void **state)
{
	struct dg_notes notes;
	struct world w;
	struct asked x;

	(void)state;
	dg_buf_init(&notes.kv, 4096);
	world_init(&w, asks);
	assert_false(ask_for(&w, &x, "a@two.example", &notes));
	assert_true(answer(&w, 0, "yes"));
	assert_int_equal(x.answers, 1);
	assert_true(goes_to(&x, "one", 17));
	dg_asking_drop(&x.a);

	/* nil after the wait, the next row waits too, and says a hop */
	assert_false(ask_for(&w, &x, "a@two.example", &notes));
	assert_true(answer(&w, 1, "no"));
	assert_int_equal(x.answers, 0);
	assert_true(answer(&w, 2, "two"));
	assert_int_equal(x.answers, 1);
	assert_true(goes_to(&x, "two", 26));
	dg_asking_drop(&x.a);

	/* nil twice: the table's row behind them */
	assert_false(ask_for(&w, &x, "a@two.example", &notes));
	assert_true(answer(&w, 3, "next"));
	assert_int_equal(x.answers, 1);
	assert_true(goes_to(&x, "two", 28));
	dg_asking_drop(&x.a);

	/* a hop that is not there */
	assert_false(ask_for(&w, &x, "a@two.example", &notes));
	assert_true(answer(&w, 4, "no"));
	assert_true(answer(&w, 5, "three"));
	assert_int_equal(x.answers, 1);
	assert_int_equal(x.a.d.kind, DG_D_DEFER);
	assert_true(x.a.d.is_default);
	assert_int_equal(x.a.d.where.line, 26);
	dg_asking_drop(&x.a);
	world_fini(&w);
	dg_buf_fini(&notes.kv);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_row_that_matches_counts),
		cmocka_unit_test(a_function_stands_where_its_row_stands),
		cmocka_unit_test(
		    a_row_that_fails_puts_the_mail_off_and_leads_nowhere_else),
		cmocka_unit_test(
		    after_a_wait_the_walk_goes_on_with_what_was_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
