/* words_test.c - which words a sender reads, and what stands in them. */
#include "asked.h"

static const struct dg_words_query failed = {
	.recipient = { "b@y.example", 11 },
	.domain = { "y.example", 9 },
	.sender = { "a@x.example", 11 },
	.peer = { "p", 1 },
	.hop = { "h", 1 },
	.host = { "mx.y.example", 12 },
	.reply = { "550 5.1.1 no such user", 22 },
	.enhanced = { "5.1.1", 5 },
	.code = 550,
	.meaning = DG_MEANING_UNKNOWN_RECIPIENT,
	.offered = { "AUTH LOGIN", 10 },
	.held = { "", 0 },
	.first_try = { "today", 5 },
	.relay = { "relay.test", 10 },
	.subject = { "Hello", 5 },
	.date = { "Monday", 6 },
	.tries = 3,
	.size = 1234,
	.limit = 99,
};

static const struct dg_hooks *
own_hooks(struct world *w)
{
	return &dg_policy_rules(w->p)->hops[0]->on;
}

static bool
words(struct world *w, struct asked *x, const struct dg_words_query *q)
{
	x->answers = 0;
	dg_asking_init(&x->a, on_asked, x);
	return dg_policy_words(w->s, &x->a, own_hooks(w), q, NULL);
}

/* Of policies/words/en.lua, which stands behind every policy. */
#define BUILT_IN \
	"There is no b@y.example at y.example. Please check the spelling. " \
	"mx.y.example said: 550 5.1.1 no such user"
#define HOP HEAD "d.hop 'h' { hosts = { 'h' } }\n"

static const struct {
	const char *why, *text, *says;
	int line;
	const char *subject, *lang;
} table[] = {
	{ "nothing: our own", HOP, BUILT_IN, 0, "", "" },
	{ "the meaning", HOP "d.words { ['unknown-recipient'] = 'M' }", "M", 3,
	    "", "" },
	{ "another meaning", HOP "d.words { ['too-big'] = 'M' }", BUILT_IN, 0,
	    "", "" },
	{ "the code before the meaning",
	    HOP "d.words { ['unknown-recipient'] = 'M', ['550'] = 'C' }", "C",
	    3, "", "" },
	{ "the whole reply before the code",
	    HOP "d.words { ['unknown-recipient'] = 'M', ['550'] = 'C',\n"
		"['550 5.1.1'] = 'R' }",
	    "R", 4, "", "" },
	{ "another enhanced code", HOP "d.words { ['550 5.1.2'] = 'R' }",
	    BUILT_IN, 0, "", "" },
	{ "another code", HOP "d.words { ['551'] = 'C' }", BUILT_IN, 0, "",
	    "" },
	{ "file order before rank",
	    HOP "d.words { ['unknown-recipient'] = 'first' }\n"
		"d.words { ['550 5.1.1'] = 'second' }",
	    "first", 3, "", "" },
	{ "a table without a row for it",
	    HOP "d.words { ['too-big'] = 'first' }\n"
		"d.words { ['550'] = 'second' }",
	    "second", 4, "", "" },
	{ "to another", HOP "d.words { to = 'z.example', ['550'] = 'z' }",
	    BUILT_IN, 0, "", "" },
	{ "to this one", HOP "d.words { to = 'y.example', ['550'] = 'y' }",
	    "y", 3, "", "" },
	{ "from this one", HOP "d.words { from = 'a@*', ['550'] = 'y' }", "y",
	    3, "", "" },
	{ "by this hop", HOP "d.words { hop = 'h', ['550'] = 'y' }", "y", 3, "",
	    "" },
	{ "by another hop",
	    HOP "d.hop 'i' { hosts = { 'i' } }\n"
		"d.words { hop = 'i', ['550'] = 'y' }",
	    BUILT_IN, 0, "", "" },
	{ "subject and language of the table",
	    HOP "d.words { lang = 'de', subject = 'S', ['550'] = 'y' }", "y", 3,
	    "S", "de" },
	{ "not those of a table that has no row",
	    HOP "d.words { lang = 'de', subject = 'S', ['551'] = 'y' }",
	    BUILT_IN, 0, "", "" },
	{ "placeholders",
	    HOP "d.words { ['550'] = '{recipient}|{domain}|{sender}|{hop}|"
		"{host}|{reply}|{code}|{enhanced}|{meaning}|{offered}|{held}|"
		"{first_try}|{tries}|{relay}|{size}|{limit}' }",
	    "b@y.example|y.example|a@x.example|h|mx.y.example|550 5.1.1 no "
	    "such user|550|5.1.1|unknown-recipient|AUTH LOGIN||today|3|"
	    "relay.test|1234|99",
	    3, "", "" },
	{ "braces that are none",
	    HOP "d.words { ['550'] = 'a { b } {} {{recipient}} {' }",
	    "a { b } {} {b@y.example} {", 3, "", "" },
	{ "a function",
	    HOP "d.words { ['550'] = function(q) return q.recipient .. "
		"q.subject .. q.date .. q.tries end }",
	    "b@y.exampleHelloMonday3", 3, "", "" },
	{ "a function's text is no template",
	    HOP "d.words { ['550'] = function(q) return '{recipient}' end }",
	    "{recipient}", 3, "", "" },
	{ "a function that says d.say",
	    HOP "d.words { lang = 'de', ['550'] = function(q)\n"
		"return d.say { text = 'x', subject = 'T' } end }",
	    "x", 4, "T", "de" },
	{ "nil is the next: code behind reply",
	    HOP "d.words { ['550 5.1.1'] = function() end, ['550'] = 'C' }",
	    "C", 3, "", "" },
	{ "nil is the next: the next table",
	    HOP "d.words { subject = 'no', ['550'] = function() end }\n"
		"d.words { ['550'] = 'C' }",
	    "C", 4, "", "" },
	{ "a function that fails is the next too",
	    HOP "d.words { ['550'] = function() error 'x' end,\n"
		"['unknown-recipient'] = 'M' }",
	    "M", 4, "", "" },
	{ "one that returns a number",
	    HOP "d.words { ['550'] = function() return 5 end }", BUILT_IN, 0,
	    "", "" },
	{ "one that refuses",
	    HOP "d.words { ['550'] = function() return (d.refuse '550 x') end }",
	    BUILT_IN, 0, "", "" },
	{ "one that says too much",
	    HOP "d.words { ['550'] = function() return ('x'):rep(70000) end }",
	    BUILT_IN, 0, "", "" },
	{ "a set",
	    HOP "d.words { set = { org = 'O' }, ['550'] = function(q) return "
		"q.set.org .. tostring(q.set.site) end }",
	    "Onil", 3, "", "" },
	{ "no set", HOP "d.words { ['550'] = function(q) return "
			"type(q.set) .. tostring(next(q.set)) end }",
	    "tablenil", 3, "", "" },
	{ "the hook before the rows",
	    HOP "d.on.report = function(q) return d.say { text = 'H' } end\n"
		"d.words { ['550'] = 'C', subject = 'S', lang = 'de' }",
	    "H", 3, "", "" },
	{ "the hook says nothing of it",
	    HOP "d.on.report = function(q) end\nd.words { ['550'] = 'C' }", "C",
	    4, "", "" },
	{ "the hook fails",
	    HOP "d.on.report = function(q) error 'x' end\n"
		"d.words { ['550'] = 'C' }",
	    "C", 4, "", "" },
	{ "the hook says a subject alone",
	    HOP "d.on.report = function(q) return d.say { subject = 'T' } "
		"end\nd.words { ['550'] = 'C', subject = 'S', lang = 'de' }",
	    "C", 4, "T", "de" },
	{ "the same, and our own words",
	    HOP "d.on.report = function(q) return d.say { subject = 'T', lang "
		"= 'fr' } end",
	    BUILT_IN, 0, "T", "fr" },
	{ "the same, and a row that fails",
	    HOP "d.on.report = function(q) return d.say { subject = 'T', lang "
		"= 'fr' } end\n"
		"d.words { ['550'] = function() error 'x' end }",
	    BUILT_IN, 0, "T", "fr" },
	{ "the hop's hook before that of all",
	    HEAD "\nd.hop 'h' { hosts = { 'h' }, on = { report ="
		"\nfunction() return d.say { text = 'P' } end } }\n"
		"d.on.report = function() return d.say { text = 'H' } end",
	    "P", 4, "", "" },
	{ "the hop's says a subject, that of all a text",
	    HEAD "\nd.hop 'h' { hosts = { 'h' }, on = { report ="
		"\nfunction() return d.say { subject = 'P' } end } }\n"
		"d.on.report = function() return d.say { text = 'H' } end",
	    "H", 5, "P", "" },
	{ "text in lines",
	    HOP "d.on.report = function() return d.say { text = 'a\\nb' } end",
	    "a\nb", 3, "", "" },
};

static bool
is_said(const struct asked *x, size_t i)
{
	const struct dg_decision *d = &x->a.d;

	if (d->where.file == NULL ||
	    strcmp(d->where.file,
		table[i].line == 0 ? "words/en.lua" : "policy.lua") != 0 ||
	    (table[i].line != 0 && d->where.line != table[i].line))
		return false;
	return says(d, DG_D_SAY, table[i].says) && !d->says_nothing &&
	    dg_str_is(d->subject, table[i].subject) &&
	    dg_str_is(d->lang, table[i].lang);
}

static void
the_words_are_those_of_the_first_that_has_any(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct world w;

		print_message("  %s\n", table[i].why);
		world_init(&w, table[i].text);
		/* as often as it takes to open a breaker, and once more */
		for (int again = 0; again < 7; again++) {
			struct asked x;

			assert_true(words(&w, &x, &failed));
			if (!is_said(&x, i))
				fail_msg("line %d \"%.*s\" \"%.*s\"\n%.300s",
				    x.a.d.where.line, DG_FMT(x.a.d.subject),
				    DG_FMT(x.a.d.lang), dg_buf_z(&logged));
			dg_asking_drop(&x.a);
		}
		world_fini(&w);
	}
}

static void
no_report_is_an_answer_too(void **state)
{
	struct world w;
	struct asked x;

	(void)state;
	world_init(&w,
	    HOP "d.on.report = function(q) return d.say { text = false } end\n"
		"d.words { ['550'] = 'C' }");
	assert_true(words(&w, &x, &failed));
	assert_int_equal(x.a.d.kind, DG_D_SAY);
	assert_true(x.a.d.says_nothing);
	dg_asking_drop(&x.a);
	world_fini(&w);
}

static void
a_ready_set_is_taken_where_no_own_row_stands(void **state)
{
	struct dg_words_query q = failed;
	struct world w;
	struct asked x;

	(void)state;
	world_init(&w,
	    HOP "d.words { like = 'msexch-1998', set = { org = 'Org' },\n"
		"['too-big'] = 'own' }\n");
	assert_true(words(&w, &x, &q));
	assert_int_equal(x.a.d.kind, DG_D_SAY);
	assert_non_null(strstr(x.a.d.text.p,
	    "MSEXCH:IMS:Org:Site:relay.test 3550 (000B0981) 550 5.1.1 no such "
	    "user"));
	assert_string_equal(x.a.d.where.file, "words/msexch-1998.lua");
	dg_asking_drop(&x.a);
	q.code = 0;
	q.reply = q.enhanced = DG_NOSTR;
	q.meaning = DG_MEANING_TOO_BIG;
	assert_true(words(&w, &x, &q));
	assert_true(says(&x.a.d, DG_D_SAY, "own"));
	assert_int_equal(x.a.d.where.line, 4);
	dg_asking_drop(&x.a);
	world_fini(&w);
}

static void
rows_may_wait(void **state)
{
	struct dg_words_query q = failed;
	char recipient[] = "b@y.example", enhanced[] = "5.1.1", host[] = "mx";
	struct world w;
	struct asked x;

	(void)state;
	world_init(&w,
	    HOP "d.on.report = function(q) return d.say { subject = ask 'h' } "
		"end\n"
		"d.words { to = 'z.example', ['550'] = 'wrong' }\n"
		"d.words { to = 'y.example',\n"
		"['550 5.1.1'] = function(q) if ask 'r' == 'no' then return "
		"end return ask 's' end,\n"
		"['550'] = 'at {host}: {reply}' }");
	q.recipient = dg_str(recipient);
	q.enhanced = dg_str(enhanced);
	q.host = dg_str(host);
	for (int i = 0; i < 2; i++) {
		size_t n = w.n_open;

		assert_false(words(&w, &x, &q));
		if (i == 1) { /* what was asked with is gone */
			memset(recipient, 'X', sizeof(recipient));
			memset(enhanced, 'X', sizeof(enhanced));
			memset(host, 'X', sizeof(host));
		}
		assert_true(answer(&w, n, "from h"));
		assert_int_equal(x.answers, 0);
		assert_true(answer(&w, n + 1, i == 0 ? "yes" : "no"));
		if (i == 0)
			assert_true(answer(&w, n + 2, "said"));
		assert_int_equal(x.answers, 1);
		assert_true(says(&x.a.d, DG_D_SAY,
		    i == 0 ? "said" : "at mx: 550 5.1.1 no such user"));
		assert_true(dg_str_is(x.a.d.subject, "from h"));
		assert_int_equal(x.a.d.where.line, i == 0 ? 6 : 7);
		dg_asking_drop(&x.a);
	}
	world_fini(&w);
}

/* A small budget for hooks is none for the rows behind them. */
static void
our_own_words_fit_whatever_a_hook_may_say(void **state)
{
	struct dg_policy_options o = options(NULL);
	struct world w;
	struct asked x;

	(void)state;
	o.budget[DG_Q_REPORT].result = 16;
	world_init_as(&w, o,
	    HOP "d.on.report = function(q) end\n"
		"d.words { ['551'] = function() return ('x'):rep(500) end }");
	assert_true(words(&w, &x, &failed));
	assert_true(says(&x.a.d, DG_D_SAY, BUILT_IN));
	dg_asking_drop(&x.a);
	{
		struct dg_words_query q = failed;

		q.code = 551;
		assert_true(words(&w, &x, &q));
		assert_true(says(&x.a.d, DG_D_SAY, BUILT_IN));
		assert_int_equal(times_logged("longer than an answer"), 1);
		dg_asking_drop(&x.a);
	}
	world_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_words_are_those_of_the_first_that_has_any),
		cmocka_unit_test(no_report_is_an_answer_too),
		cmocka_unit_test(a_ready_set_is_taken_where_no_own_row_stands),
		cmocka_unit_test(rows_may_wait),
		cmocka_unit_test(our_own_words_fit_whatever_a_hook_may_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
