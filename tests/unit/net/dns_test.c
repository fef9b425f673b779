/* dns_test.c - records by name, or what is the matter, without blocking. */
#include "tests/unit/net/help.h"

#include "dragoman/base/clock.h"
#include "dragoman/base/slots.h"
#include "dragoman/net/dns.h"
#include "tests/unit/net/name_server.h"

#define DATA(...) \
	{ \
		__VA_ARGS__, \
		{ \
			NULL, 0 \
		} \
	}
static const struct ns_row rows[] = {
	{ "one.example", DG_DNS_A, NS_ANSWER,
	    DATA(DG_STR("\x0a\0\0\x06"), DG_STR("\x0a\0\0\x05")), 0 },
	{ "one.example", DG_DNS_AAAA, NS_ANSWER,
	    DATA(DG_STR("\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02")), 0 },
	{ "one.example", DG_DNS_MX, NS_ANSWER,
	    DATA(DG_STR("\0\x14\x02"
			"B2\x07"
			"example\0"),
		DG_STR("\0\x0a\x02mx\x07"
		       "example\0"),
		DG_STR("\0\x14\x02"
		       "b1\x07"
		       "example\0")),
	    0 },
	{ "one.example", DG_DNS_TXT, NS_ANSWER,
	    DATA(DG_STR("\x07v=spf1 \x04-all"), DG_STR("\x03\0\xff\n")), 0 },
	{ "5.0.0.10.in-addr.arpa", DG_DNS_PTR, NS_ANSWER,
	    DATA(DG_STR("\x02mx\x07"
			"example\0")),
	    0 },
	{ "ill.example", DG_DNS_MX, NS_SERVFAIL, { { NULL, 0 } }, 0 },
	{ "silent.example", DG_DNS_MX, NS_SILENT, { { NULL, 0 } }, 0 },
	{ "a.signed.example", DG_DNS_TXT, NS_ANSWER, DATA(DG_STR("\x02hi")),
	    NS_SIGNED },
	{ "b.signed.example", DG_DNS_TXT, NS_ANSWER, DATA(DG_STR("\x02hi")),
	    NS_SIGNED | NS_FORGED },
	{ NULL, 0, 0, { { NULL, 0 } }, 0 },
};

struct world {
	struct dg_loop *l;
	struct name_server server;
	struct dg_resolver *r;
	/* what the last answer was */
	unsigned told;
	uint64_t ticket;
	enum dg_dns_result result;
	bool is_secure;
	struct dg_buf text; /* "preference text|" for each */
	char why[600];
	int64_t took_ms;
};

static void
world_open(struct world *w, const char *anchor)
{
	const char *servers[2] = { NULL, NULL };
	struct dg_resolver_options o = {
		.servers = servers,
		.trust_anchor = anchor,
	};

	*w = (struct world){ .l = dg_loop_new() };
	name_server_open(&w->server, w->l, rows);
	if (anchor != NULL)
		name_server_sign(&w->server, "signed.example", anchor);
	servers[0] = w->server.at;
	w->r = dg_resolver_new(w->l, &o);
	dg_buf_init(&w->text, 10000);
}

static void
world_close(struct world *w)
{
	dg_resolver_free(w->r);
	name_server_close(&w->server);
	dg_buf_fini(&w->text);
	dg_loop_free(w->l);
}

static void
on_told(void *ctx, uint64_t ticket, const struct dg_dns_answer *a)
{
	struct world *w = ctx;

	w->told++;
	w->ticket = ticket;
	w->result = a->result;
	w->is_secure = a->is_secure;
	dg_buf_reset(&w->text);
	for (size_t i = 0; i < a->n; i++) {
		dg_buf_addf(&w->text, "%u ", a->v[i].preference);
		dg_buf_add(&w->text, a->v[i].text);
		dg_buf_addc(&w->text, '|');
	}
	assert_int_equal(a->n > 0, a->result == DG_DNS_FOUND);
	snprintf(w->why, sizeof(w->why), "%s", a->why);
}

static void
ask(struct world *w, const char *name, enum dg_dns_type type,
    int64_t timeout_ms)
{
	char copy[400];
	int64_t start = real_ms();

	w->told = 0;
	snprintf(copy, sizeof(copy), "%s", name);
	dg_dns_ask(w->r, dg_str(copy), type, timeout_ms, on_told, w, 77);
	memset(copy, 'x', sizeof(copy)); /* it was copied */
	assert_int_equal(w->told, 0);    /* never inside the call */
	TURN_UNTIL(w->l, w->told > 0);
	settle(w->l);
	assert_int_equal(w->told, 1);
	assert_int_equal(w->ticket, 77);
	w->took_ms = real_ms() - start;
}

static const struct {
	const char *name;
	enum dg_dns_type type;
	enum dg_dns_result result;
	struct dg_str text;
	const char *why;
} cases[] = {
	{ "one.example", DG_DNS_A, DG_DNS_FOUND,
	    DG_STR("0 10.0.0.5|0 10.0.0.6|"), "" },
	{ "one.example", DG_DNS_AAAA, DG_DNS_FOUND, DG_STR("0 fd00::2|"), "" },
	{ "One.Example.", DG_DNS_MX, DG_DNS_FOUND,
	    DG_STR("10 mx.example|20 b1.example|20 b2.example|"), "" },
	{ "one.example", DG_DNS_TXT, DG_DNS_FOUND,
	    DG_STR("0 \0\xff\n|0 v=spf1 -all|"), "" },
	{ "10.0.0.5", DG_DNS_PTR, DG_DNS_FOUND, DG_STR("0 mx.example|"), "" },
	{ "localhost", DG_DNS_A, DG_DNS_FOUND, DG_STR("0 127.0.0.1|"), "" },
	{ "nobody.example", DG_DNS_MX, DG_DNS_NO_NAME, { "", 0 },
	    "no such name: nobody.example" },
	{ "10.0.0.99", DG_DNS_PTR, DG_DNS_NO_NAME, { "", 0 },
	    "no such name: 10.0.0.99" },
	{ "ill.example", DG_DNS_A, DG_DNS_NO_RECORD, { "", 0 },
	    "no such record: ill.example" },
	{ "ill.example", DG_DNS_MX, DG_DNS_FAILED, { "", 0 },
	    "server failed: ill.example: it did not answer, or could not" },
	{ "silent.example", DG_DNS_MX, DG_DNS_TIMEOUT, { "", 0 },
	    "no answer in time: silent.example" },
	{ "a b", DG_DNS_A, DG_DNS_NOT_A_NAME, { "", 0 }, "not a name: a b" },
	{ "a..b", DG_DNS_A, DG_DNS_NOT_A_NAME, { "", 0 }, "not a name: a..b" },
	{ "", DG_DNS_A, DG_DNS_NOT_A_NAME, { "", 0 }, "not a name: " },
	{ "a1234567890123456789012345678901234567890123456789012345678901234.b",
	    DG_DNS_MX, DG_DNS_NOT_A_NAME, { "", 0 },
	    "not a name: a123456789012345678901234567890123456789012345678901"
	    "2345678901234.b" },
	{ "one.example", DG_DNS_PTR, DG_DNS_NOT_AN_ADDRESS, { "", 0 },
	    "not an address: one.example" },
};

static void
records_come_or_words_that_tell_why_not(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("  %s %d\n", cases[i].name, cases[i].type);
		ask(&w, cases[i].name, cases[i].type,
		    cases[i].result == DG_DNS_TIMEOUT ? 300 : 5000);
		assert_int_equal(w.result, cases[i].result);
		assert_string_equal(w.why, cases[i].why);
		assert_int_equal(w.text.n, cases[i].text.n);
		assert_memory_equal(dg_buf_z(&w.text), cases[i].text.p,
		    cases[i].text.n);
		assert_false(w.is_secure);
	}
	world_close(&w);
}

static void
what_was_asked_once_is_remembered(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	ask(&w, "one.example", DG_DNS_MX, 5000);
	assert_int_equal(w.server.asked, 1);
	ask(&w, "ONE.example", DG_DNS_MX, 5000);
	assert_int_equal(w.result, DG_DNS_FOUND);
	ask(&w, "localhost", DG_DNS_A, 5000);
	assert_int_equal(w.server.asked, 1);
	world_close(&w);
}

static void
a_name_server_that_is_no_address_is_said(void **state)
{
	static const char *const servers[] = { "ns.example", NULL };
	struct dg_resolver_options o = { .servers = servers };
	struct world w = { .l = dg_loop_new() };

	(void)state;
	dg_buf_init(&w.text, 1000);
	w.r = dg_resolver_new(w.l, &o);
	ask(&w, "one.example", DG_DNS_A, 5000);
	assert_int_equal(w.result, DG_DNS_FAILED);
	assert_non_null(
	    strstr(w.why, "name server ns.example: an address, with or"));
	dg_resolver_free(w.r);
	o.servers = NULL;
	o.trust_anchor = "/nonexistent/anchor";
	w.r = dg_resolver_new(w.l, &o);
	ask(&w, "one.example", DG_DNS_A, 5000);
	assert_int_equal(w.result, DG_DNS_FAILED);
	assert_non_null(strstr(w.why, "trust anchor cannot be read"));
	dg_resolver_free(w.r);
	dg_buf_fini(&w.text);
	dg_loop_free(w.l);
}

/* ---- time ---- */

struct pulse {
	struct dg_timer *t;
	int64_t last_ms, longest_ms;
	unsigned beats;
};

static void
on_beat(void *ctx)
{
	struct pulse *p = ctx;
	int64_t now = real_ms();

	if (p->beats++ > 0 && now - p->last_ms > p->longest_ms)
		p->longest_ms = now - p->last_ms;
	p->last_ms = now;
	dg_timer_set(p->t, 10);
}

static void
the_loop_goes_round_while_a_server_is_silent(void **state)
{
	struct world w;
	struct pulse p = { .t = NULL };

	(void)state;
	world_open(&w, NULL);
	p.t = dg_timer_new(w.l, on_beat, &p);
	dg_timer_set(p.t, 0);
	ask(&w, "silent.example", DG_DNS_MX, 600);
	assert_int_equal(w.result, DG_DNS_TIMEOUT);
	assert_in_range(w.took_ms, 590, 5000);
	assert_true(p.beats > 10);
	assert_true(p.longest_ms < 500);
	dg_timer_free(p.t);
	world_close(&w);
}

static void
on_told_by_ticket(void *ctx, uint64_t ticket, const struct dg_dns_answer *a)
{
	struct dg_slots *askers = ctx;
	struct world *w = dg_slots_find(askers, ticket);

	(void)a;
	if (w != NULL)
		w->told++;
}

static void
a_late_answer_finds_nobody(void **state)
{
	struct world w;
	struct dg_slots *askers = dg_slots_new();
	uint64_t gone, there;

	(void)state;
	world_open(&w, NULL);
	gone = dg_slots_put(askers, &w);
	there = dg_slots_put(askers, &w);
	dg_dns_ask(w.r, DG_STR("one.example"), DG_DNS_MX, 5000,
	    on_told_by_ticket, askers, gone);
	dg_dns_ask(w.r, DG_STR("one.example"), DG_DNS_TXT, 5000,
	    on_told_by_ticket, askers, there);
	dg_slots_drop(askers, gone);
	TURN_UNTIL(w.l, w.told > 0 && w.server.asked >= 2);
	settle(w.l);
	assert_int_equal(w.told, 1);
	world_close(&w);
	dg_slots_free(askers);
}

static void
clock_jumps_shorten_no_question(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	dg_dns_ask(w.r, DG_STR("silent.example"), DG_DNS_MX, 60000, on_told, &w,
	    1);
	settle(w.l);
	dg_clock_jump(86400 * 1000);
	settle(w.l);
	assert_int_equal(w.told, 0);
	dg_clock_jump(-86400 * 1000);
	world_close(&w); /* and it is forgotten without a word */
	assert_int_equal(w.told, 0);
}

static void
a_resolver_may_go_while_questions_are_out(void **state)
{
	(void)state;
	for (int turns = 0; turns < 3; turns++) {
		struct world w;

		world_open(&w, NULL);
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
			dg_dns_ask(w.r, dg_str(cases[i].name), cases[i].type,
			    5000, on_told, &w, i);
		for (int i = 0; i < turns; i++)
			dg_loop_turn(w.l, 0);
		world_close(&w);
	}
	dg_resolver_free(NULL);
}

/* An answer that asks again, as a hook that goes on does. */
static void
on_told_and_ask(void *ctx, uint64_t ticket, const struct dg_dns_answer *a)
{
	struct world *w = ctx;

	assert_int_equal(a->result, DG_DNS_FOUND);
	w->told++;
	if (ticket > 0)
		dg_dns_ask(w->r, DG_STR("one.example"),
		    ticket % 2 ? DG_DNS_MX : DG_DNS_TXT, 5000, on_told_and_ask,
		    w, ticket - 1);
}

static void
an_answer_may_ask_the_next_question(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	for (int i = 0; i < 50; i++)
		dg_dns_ask(w.r, DG_STR("one.example"), DG_DNS_A, 5000,
		    on_told_and_ask, &w, 4);
	TURN_UNTIL(w.l, w.told == 250);
	world_close(&w);
}

/* ---- policy tests ---- */

static void
on_divert(void *ctx, struct dg_str name, enum dg_dns_type type,
    struct dg_dns_answer *a)
{
	static const struct dg_dns_record mx = { DG_STR("mx.example"), 10 };

	(void)ctx;
	a->result = DG_DNS_NO_NAME;
	if (type != DG_DNS_MX || !dg_str_is(name, "one.example"))
		return;
	a->result = DG_DNS_FOUND;
	a->n = 1;
	a->v = &mx;
}

static void
a_diverted_question_gets_who_stands_in(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	dg_resolver_divert(w.r, on_divert, &w);
	ask(&w, "one.example", DG_DNS_MX, 5000);
	assert_int_equal(w.result, DG_DNS_FOUND);
	assert_string_equal(dg_buf_z(&w.text), "10 mx.example|");
	ask(&w, "two.example", DG_DNS_MX, 5000);
	assert_int_equal(w.result, DG_DNS_NO_NAME);
	assert_string_equal(w.why, "no such name: two.example");
	ask(&w, "a b", DG_DNS_MX, 5000);
	assert_int_equal(w.result, DG_DNS_NOT_A_NAME);
	assert_int_equal(w.server.asked, 0);
	world_close(&w);
}

/* ---- DNSSEC ---- */

static void
signed_answers_are_told_from_forged_and_unsigned_ones(void **state)
{
	char anchor[] = "/tmp/dragoman-anchor-XXXXXX";
	struct world w;

	(void)state;
	close(mkstemp(anchor));
	world_open(&w, anchor);
	ask(&w, "a.signed.example", DG_DNS_TXT, 5000);
	assert_string_equal(w.why, "");
	assert_int_equal(w.result, DG_DNS_FOUND);
	assert_true(w.is_secure);
	ask(&w, "b.signed.example", DG_DNS_TXT, 5000);
	assert_int_equal(w.result, DG_DNS_BOGUS);
	assert_false(w.is_secure);
	print_message("  %s\n", w.why);
	assert_non_null(strstr(w.why, "bogus: b.signed.example: "));
	ask(&w, "one.example", DG_DNS_TXT, 5000);
	assert_int_equal(w.result, DG_DNS_FOUND);
	assert_false(w.is_secure);
	world_close(&w);
	unlink(anchor);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_come_or_words_that_tell_why_not),
		cmocka_unit_test(what_was_asked_once_is_remembered),
		cmocka_unit_test(a_name_server_that_is_no_address_is_said),
		cmocka_unit_test(the_loop_goes_round_while_a_server_is_silent),
		cmocka_unit_test(a_late_answer_finds_nobody),
		cmocka_unit_test(clock_jumps_shorten_no_question),
		cmocka_unit_test(a_resolver_may_go_while_questions_are_out),
		cmocka_unit_test(an_answer_may_ask_the_next_question),
		cmocka_unit_test(a_diverted_question_gets_who_stands_in),
		cmocka_unit_test(
		    signed_answers_are_told_from_forged_and_unsigned_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
