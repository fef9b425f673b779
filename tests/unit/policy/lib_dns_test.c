/* lib_dns_test.c - d.dns in hooks: they wait, the loop does not. */
#include "waiting.h"

#define NAME_MX \
	"\x02mx\x07" \
	"example\0"
static const struct ns_row rows[] = {
	{ "one.example", DG_DNS_A, NS_ANSWER,
	    { DG_STR("\x0a\0\0\x06"), DG_STR("\x0a\0\0\x05"), { NULL, 0 } },
	    0 },
	{ "one.example", DG_DNS_AAAA, NS_ANSWER,
	    { DG_STR("\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02"), { NULL, 0 } },
	    0 },
	{ "one.example", DG_DNS_MX, NS_ANSWER,
	    { DG_STR("\0\x14" NAME_MX),
		DG_STR("\0\x0a\x01"
		       "a" NAME_MX),
		{ NULL, 0 } },
	    0 },
	{ "one.example", DG_DNS_TXT, NS_ANSWER,
	    { DG_STR("\x07v=spf1 \x04-all"), { NULL, 0 } }, 0 },
	{ "5.0.0.10.in-addr.arpa", DG_DNS_PTR, NS_ANSWER,
	    { DG_STR(NAME_MX), { NULL, 0 } }, 0 },
	{ "ill.example", DG_DNS_MX, NS_SERVFAIL, { { NULL, 0 } }, 0 },
	{ "silent.example", DG_DNS_MX, NS_SILENT, { { NULL, 0 } }, 0 },
	{ NULL, 0, 0, { { NULL, 0 } }, 0 },
};

/* One hook that does what it is asked: "mx one.example". */
static const char body[] =
    "local what, name = q.listener:match '^(%a+) (.*)$'\n"
    "local v, why, more = d.dns[what](name)\n"
    "if not v then return 'nil, ' .. why .. ', ' .. more end\n"
    "local out = {}\n"
    "for i, x in ipairs(v) do\n"
    "  out[i] = what == 'mx' and x.preference .. ' ' .. x.host or x\n"
    "end\n"
    "return table.concat(out, '|')\n";

static const struct {
	const char *ask, *text;
} cases[] = {
	{ "a one.example", "10.0.0.5|10.0.0.6" },
	{ "aaaa one.example", "fd00::2" },
	{ "mx one.example", "10 a.mx.example|20 mx.example" },
	{ "txt one.example", "v=spf1 -all" },
	{ "ptr 10.0.0.5", "mx.example" },
	{ "a localhost", "127.0.0.1" },
	{ "mx nobody.example",
	    "nil, no such name, no such name: nobody.example" },
	{ "txt ill.example",
	    "nil, no such record, no such record: ill.example" },
	{ "mx ill.example",
	    "nil, server failed, server failed: ill.example: it did not "
	    "answer, or could not" },
	{ "mx a..b", "nil, not a name, not a name: a..b" },
	{ "ptr one.example", "nil, not an address, not an address: "
			     "one.example" },
};

static void
hooks_get_records_or_why_there_are_none(void **state)
{
	struct waiting w;

	(void)state;
	waiting_open(&w, rows, body, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("  %s\n", cases[i].ask);
		waiting_ask(&w, cases[i].ask);
		assert_says(&w.one, cases[i].text);
		dg_asking_drop(&w.one.a);
	}
	waiting_close(&w);
}

static void
a_hook_may_ask_again_and_inside_pcall(void **state)
{
	struct waiting w;

	(void)state;
	waiting_open(&w, rows,
	    "local n = 0\n"
	    "for _, x in ipairs(d.dns.mx 'one.example') do\n"
	    "  n = n + x.preference\n"
	    "  for _ in ipairs(d.dns.a(x.host) or {}) do n = n + 1000 end\n"
	    "end\n"
	    "local ok, t = pcall(d.dns.txt, 'one.example')\n"
	    "local no = pcall(d.dns.txt, 5)\n"
	    "return n .. tostring(ok) .. t[1] .. tostring(no)\n",
	    0);
	waiting_ask(&w, "");
	assert_says(&w.one, "30truev=spf1 -allfalse");
	dg_asking_drop(&w.one.a);
	waiting_close(&w);
}

/* A hook that waits for a silent server holds up no other hook, no timer. */
static void
others_go_on_while_a_hook_waits(void **state)
{
	struct asked slow[10] = { 0 };
	struct waiting w;

	(void)state;
	waiting_open(&w, rows, body, 3000);
	for (int i = 0; i < 10; i++)
		waiting_begin(&w, &slow[i], "mx silent.example");
	assert_int_equal(dg_slots_count(w.host.waits), 10);
	for (int i = 0; i < 20; i++) {
		waiting_begin(&w, &w.one, "mx one.example");
		TURN_UNTIL(w.l, w.one.told > 0);
		assert_says(&w.one, "10 a.mx.example|20 mx.example");
		dg_asking_drop(&w.one.a);
	}
	/* all that before the first of the slow ones came to its end */
	for (int i = 0; i < 10; i++)
		assert_int_equal(slow[i].told, 0);
	waiting_log[0] = '\0';
	dg_log_divert(waiting_on_line);
	for (int i = 0; i < 10; i++) {
		TURN_UNTIL(w.l, slow[i].told > 0);
		assert_true(slow[i].a.d.is_default);
		dg_asking_drop(&slow[i].a);
	}
	dg_log_divert(NULL);
	assert_non_null(strstr(waiting_log, "waited longer than 3000 ms"));
	settle(w.l); /* and the late answers find nobody */
	waiting_close(&w);
}

static void
an_answer_for_a_session_that_is_gone_finds_nobody(void **state)
{
	struct waiting w;
	struct asked many[30];

	(void)state;
	for (int turns = 0; turns < 4; turns++) {
		waiting_open(&w, rows, body, 0);
		for (int i = 0; i < 30; i++)
			waiting_begin(&w, &many[i],
			    i % 2 ? "mx one.example" : "mx silent.example");
		for (int i = 0; i < turns; i++)
			dg_loop_turn(w.l, 0);
		for (int i = 0; i < 30; i++)
			dg_asking_drop(&many[i].a);
		settle(w.l);
		/* the state still works */
		waiting_ask(&w, "ptr 10.0.0.5");
		assert_says(&w.one, "mx.example");
		dg_asking_drop(&w.one.a);
		waiting_close(&w);
	}
}

static void
wrong_uses_are_told_with_their_line(void **state)
{
	struct dg_buf out;

	(void)state;
	assert_fails("return d.dns.mx(5)", "",
	    "policy.lua:5: d.dns.mx: the name is a number, but must be a text");
	assert_fails("return d.dns.ptr()", "",
	    "policy.lua:5: d.dns.ptr: the address is a no value");
	assert_fails("local x = 'mxx' return d.dns[x]('a')", "",
	    "policy.lua:5: d.dns has no mxx; did you mean");
	assert_fails("d.dns.mx = 1 return ''", "", "d.dns cannot be changed");
	assert_fails(
	    "return (('a'):gsub('a', function(x) d.dns.a('a.example') end))",
	    "", "cannot wait inside table.sort, string.gsub");
	dg_buf_init(&out, 10000);
	assert_null(waiting_load("local x = d.dns.a 'one.example'", "return ''",
	    0, &out));
	assert_string_equal(dg_buf_z(&out),
	    "policy.lua:2: d.dns.a works in hooks only: a policy loads without "
	    "asking anybody\n");
	dg_buf_reset(&out);
	assert_null(waiting_load("", "return d.dns.mxx(q.listener)", 0, &out));
	assert_string_equal(dg_buf_z(&out),
	    "policy.lua:5:8: d.dns has no mxx; did you mean \"mx\"?\n");
	dg_buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hooks_get_records_or_why_there_are_none),
		cmocka_unit_test(a_hook_may_ask_again_and_inside_pcall),
		cmocka_unit_test(others_go_on_while_a_hook_waits),
		cmocka_unit_test(
		    an_answer_for_a_session_that_is_gone_finds_nobody),
		cmocka_unit_test(wrong_uses_are_told_with_their_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
