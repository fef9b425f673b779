/* call_test.c - one hook, called: waiting, running away, failing, resting; and
 * what is left of it afterwards. */
#include "asked.h"

#include <unistd.h>

/* d.on.recipient with this body. */
#define RCPT(body) HEAD "d.on.recipient = function(q)\n" body "\nend\n"

static struct dg_policy_options
small(void)
{
	struct dg_policy_options o = options(NULL);

	for (int q = 0; q < DG_Q_N; q++) {
		o.budget[q].instructions = 1000000;
		o.budget[q].run_ms = 300;
		o.budget[q].wait_ms = 30;
	}
	o.memory_max = 8 * 1024 * 1024;
	return o;
}

/* The safe default of a question about a recipient. */
static bool
is_safe(const struct asked *x)
{
	const struct dg_decision *d = &x->a.d;

	return d->kind == DG_D_DEFER && d->is_default && d->code == 451 &&
	    strcmp(d->enhanced, "4.3.0") == 0 && d->text.n > 0;
}

/* The state is as good as new: a hook of d.on.connect says so. */
#define CONNECT \
	"d.on.connect = function(q) local n = 0 for i = 1, 20000 do n = n + i " \
	"end return d.refuse('550 5.7.1 ' .. n) end\n"

static void
is_well(struct world *w)
{
	struct asked x;

	assert_true(put(w, &x, DG_Q_CONNECT));
	assert_true(says(&x.a.d, DG_D_REFUSE, "200010000"));
	dg_asking_drop(&x.a);
}

/* ---- waiting ---- */

static void
an_answer_that_comes_later_goes_on_where_the_hook_waited(void **state)
{
	struct world w;
	struct asked x;

	(void)state;
	world_init(&w,
	    RCPT("local a = ask 'one'\n"
		 "local b = ask 'two'\n"
		 "return d.refuse('550 5.7.1 ' .. a .. b .. q.recipient)"));
	{
		char name[] = "a@b.example";
		const struct dg_fact facts[] = {
			{ "recipient", false, 0, dg_str(name) },
			{ NULL, false, 0, DG_NOSTR },
		};

		assert_false(
		    put_as(&w, &x, DG_Q_RECIPIENT, NULL, facts, NULL));
		memset(name, 'X', sizeof(name)); /* the asker's text is gone */
	}
	assert_int_equal(w.n_open, 1);
	assert_int_equal(x.answers, 0);
	assert_true(answer(&w, 0, "A"));
	assert_int_equal(w.n_open, 2);
	assert_int_equal(x.answers, 0);
	assert_false(answer(&w, 0, "late")); /* a ticket is good once */
	assert_true(answer(&w, 1, "B"));
	assert_int_equal(x.answers, 1);
	assert_true(says(&x.a.d, DG_D_REFUSE, "ABa@b.example"));
	assert_int_equal(x.a.d.where.line, 5);
	dg_asking_drop(&x.a);
	world_fini(&w);
}

static void
an_answer_after_the_drop_finds_nobody(void **state)
{
	struct world w;
	struct asked x;

	(void)state;
	world_init(&w, RCPT("return d.refuse('550 ' .. ask 'x')"));
	assert_false(put(&w, &x, DG_Q_RECIPIENT));
	dg_asking_drop(&x.a);
	assert_false(answer(&w, 0, "late"));
	assert_int_equal(x.answers, 0);
	/* its coroutine is used again, and the old ticket still finds nobody */
	assert_false(put(&w, &x, DG_Q_RECIPIENT));
	assert_false(answer(&w, 0, "late"));
	assert_true(answer(&w, 1, "5.7.1 now"));
	assert_true(says(&x.a.d, DG_D_REFUSE, "now"));
	dg_asking_drop(&x.a);
	world_fini(&w);
}

static void
waiting_too_long_is_the_safe_default(void **state)
{
	struct world w;
	struct asked x;

	(void)state;
	world_init_as(&w, small(), RCPT("pcall(ask, 'x')\nask 'y'") CONNECT);
	assert_false(put(&w, &x, DG_Q_RECIPIENT));
	assert_true(answer(&w, 0, "soon"));
	for (int i = 0; i < 1000 && x.answers == 0; i++)
		dg_loop_turn(w.host.loop, 10);
	assert_int_equal(x.answers, 1);
	assert_true(is_safe(&x));
	assert_int_equal(x.a.d.where.line, 4);
	assert_int_equal(times_logged("waited longer than 30 ms"), 1);
	assert_false(answer(&w, 1, "late"));
	is_well(&w);
	dg_asking_drop(&x.a);
	world_fini(&w);
}

static void
the_waiting_time_is_that_of_all_waits_together(void **state)
{
	struct world w;
	struct asked x;
	int64_t began;

	(void)state;
	world_init_as(&w, small(), RCPT("while true do ask 'x' end"));
	assert_false(put(&w, &x, DG_Q_RECIPIENT));
	began = dg_mono_ms();
	for (size_t i = 0; x.answers == 0 && since(began) < 5000; i++) {
		dg_loop_turn(w.host.loop, 5); /* answered each 5 ms */
		if (x.answers == 0)
			(void)answer(&w, w.n_open - 1, "x");
	}
	assert_int_equal(x.answers, 1);
	assert_true(is_safe(&x));
	dg_asking_drop(&x.a);
	world_fini(&w);
}

static const struct {
	const char *why, *body, *error;
} no_waits[] = {
	{ "inside table.sort",
	    "table.sort({ 1, 2, 3 }, function() ask 'x' end)",
	    "ask cannot wait inside table.sort, string.gsub or a metamethod" },
	{ "inside gsub", "('abc'):gsub('.', function() ask 'x' end)",
	    "ask cannot wait inside table.sort, string.gsub or a metamethod" },
	{ "with a wrong argument, after it was opened", "ask {}",
	    "bad argument #1" },
};

static void
where_a_hook_cannot_wait_it_is_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(no_waits) / sizeof(no_waits[0]); i++) {
		char *text = dg_sprintf(HEAD
		    "d.on.recipient = function(q)\n%s\nend\n" CONNECT,
		    no_waits[i].body);
		struct world w;
		struct asked x;

		print_message("  %s\n", no_waits[i].why);
		world_init(&w, text);
		free(text);
		assert_true(put(&w, &x, DG_Q_RECIPIENT));
		assert_true(is_safe(&x));
		assert_int_equal(x.a.d.where.line, 3);
		assert_int_equal(times_logged(no_waits[i].error), 1);
		is_well(&w);
		dg_asking_drop(&x.a);
		world_fini(&w);
	}
}

static void
pcall_and_xpcall_may_wait_and_take_what_raises(void **state)
{
	struct world w;
	struct asked x;

	(void)state;
	world_init(&w,
	    RCPT("local no, why = pcall(ask, {})\n"
		 "assert(not no and why:find 'bad argument')\n"
		 "local ok, a = pcall(function() return ask 'x' end)\n"
		 "local ok2, b = xpcall(ask, function(e) return e end, 'y')\n"
		 "local no3, c = xpcall(function() ask 'z' error 'so' end,\n"
		 "  function(e) return e .. '!' end)\n"
		 "assert(ok and ok2 and not no3)\n"
		 "return d.refuse('550 5.7.1 ' .. a .. b .. c)"));
	assert_false(put(&w, &x, DG_Q_RECIPIENT));
	assert_true(answer(&w, 0, "A"));
	assert_true(answer(&w, 1, "B"));
	assert_true(answer(&w, 2, "C"));
	assert_true(says(&x.a.d, DG_D_REFUSE, "ABpolicy.lua:7: so!"));
	dg_asking_drop(&x.a);
	world_fini(&w);
}

static void
a_state_without_a_host_answers_and_does_not_wait(void **state)
{
	struct world w;
	struct asked x;

	(void)state;
	world_init(&w, RCPT("if q.count == 0 then ask 'x' end") CONNECT);
	w.s->host = NULL;
	assert_true(put(&w, &x, DG_Q_RECIPIENT));
	assert_true(is_safe(&x));
	is_well(&w);
	dg_asking_drop(&x.a);
	world_fini(&w);
}

/* ---- many ---- */

static void
a_thousand_that_wait_are_dropped_in_any_order(void **state)
{
	enum { N = 1000 };
	struct asked *x = dg_alloc0(N * sizeof(*x));
	size_t order[N];
	unsigned seed = 4711;
	struct world w;

	(void)state;
	world_init(&w, RCPT("return d.refuse('550 5.7.1 ' .. ask 'x')") CONNECT);
	for (size_t i = 0; i < N; i++) {
		assert_false(put(&w, &x[i], DG_Q_RECIPIENT));
		order[i] = i;
	}
	for (size_t i = N - 1; i > 0; i--) {
		size_t k = (seed = seed * 1103515245 + 12345) / 65536 % (i + 1);
		size_t t = order[i];

		order[i] = order[k];
		order[k] = t;
	}
	for (size_t i = 0; i < N; i++) {
		if (i % 3 == 0) {
			assert_true(answer(&w, order[i], "yes"));
			assert_int_equal(x[order[i]].answers, 1);
			assert_true(says(&x[order[i]].a.d, DG_D_REFUSE, "yes"));
		}
		dg_asking_drop(&x[order[i]].a);
		assert_false(answer(&w, order[i], "late"));
	}
	assert_in_range(w.s->n_idle, 1, 64);
	is_well(&w);
	world_fini(&w);
	free(x);
}

struct nest {
	struct world *w;
	struct asked outer, inner;
	unsigned n;
};

static void
on_nested(void *ctx, struct dg_asking *a)
{
	struct nest *n = ctx;

	n->n++;
	assert_true(says(&a->d, DG_D_REFUSE, "yes"));
	/* a question about the answer, from inside it, at once and later */
	is_well(n->w);
	assert_false(put(n->w, &n->inner, DG_Q_RECIPIENT));
	dg_asking_drop(a);
}

static void
one_answer_may_lead_to_the_next_question(void **state)
{
	struct world w;
	struct nest n = { .w = &w };

	(void)state;
	world_init(&w, RCPT("return d.refuse('550 5.7.1 ' .. ask 'x')") CONNECT);
	dg_asking_init(&n.outer.a, on_nested, &n);
	assert_false(dg_policy_ask(w.s, &n.outer.a, DG_Q_RECIPIENT, NULL,
	    no_facts, NULL));
	assert_true(answer(&w, 0, "yes"));
	assert_int_equal(n.n, 1);
	assert_true(answer(&w, 1, "then"));
	assert_true(says(&n.inner.a.d, DG_D_REFUSE, "then"));
	dg_asking_drop(&n.inner.a);
	world_fini(&w);
}

/* ---- running away ---- */

#define CLOSER(body) \
	"local x <close> = setmetatable({}, { __close = function() " body \
	" end }) "

static const struct {
	const char *why, *body, *error;
} runaways[] = {
	{ "an endless loop", "while true do end", "ran more than 100000" },
	{ "with goto", "::a:: goto a", "ran more than" },
	{ "around pcall",
	    "while true do pcall(function() while true do end end) end",
	    "ran more than" },
	{ "around xpcall",
	    "local function f() while true do end end "
	    "while true do xpcall(f, f) end",
	    "ran more than" },
	{ "in a sort", "table.sort({ 3, 2, 1 }, function() while true do end "
		       "end)",
	    "ran more than" },
	{ "in a sort, with pcall around each",
	    "table.sort({ 3, 2, 1 }, function() while true do pcall(function() "
	    "while true do end end) end end)",
	    "ran more than" },
	{ "in a gsub", "('x'):gsub('.', function() while true do end end)",
	    "ran more than" },
	{ "in __index", "local t = setmetatable({}, { __index = function() "
			"while true do end end }) return t.x",
	    "ran more than" },
	{ "in __len", "return #setmetatable({}, { __len = function() while "
		      "true do end end })",
	    "ran more than" },
	{ "in __pairs", "for _ in pairs(setmetatable({}, { __pairs = function() "
			"return function() return 1 end end })) do end",
	    "ran more than" },
	{ "in __concat", "return setmetatable({}, { __concat = function() while "
			 "true do end end }) .. 'x'",
	    "ran more than" },
	{ "in an error's __tostring",
	    "error(setmetatable({}, { __tostring = function() while true do end "
	    "end }))",
	    "ran more than" },
	{ "in format's __tostring",
	    "return ('%s'):format(setmetatable({}, { __tostring = function() "
	    "while true do end end }))",
	    "ran more than" },
	{ "and then in __close", CLOSER("while true do end") "while true do end",
	    "ran more than" },
	{ "in __close alone", CLOSER("while true do end") "return nil",
	    "ran more than" },
	{ "in __close after an error",
	    CLOSER("while true do pcall(function() while true do end end) end")
	    "error 'x'",
	    "ran more than" },
	{ "in __close after one in pcall",
	    "pcall(function() " CLOSER("while true do end") "while true do end "
	    "end) while true do end",
	    "ran more than" },
	{ "an integer loop that runs over",
	    "for i = math.maxinteger - 1, math.maxinteger do end "
	    "for i = 1, math.huge do end",
	    "ran more than" },
	{ "an endless recursion", "local function f() return 1 + f() end f()",
	    "KiB of memory" },
	{ "one of tail calls", "local function f() return f() end f()",
	    "ran more than" },
	{ "one through pcall", "local function f() return pcall(f) end "
			       "assert(f()) while true do end",
	    "ran more than" },
	{ "one through pcall, twice at each level",
	    "local function f() pcall(f) pcall(f) end f() while true do f() "
	    "end",
	    "ran" },
	{ "one through __index", "local t = {} setmetatable(t, { __index = "
				 "function(a, k) return a[k + 1] end }) "
				 "return t[1]",
	    "overflow" },
	{ "an error in the error's __tostring",
	    "local e = setmetatable({}, {}) getmetatable(e).__tostring = "
	    "function() error(e) end error(e)",
	    "C stack overflow" },
	{ "an error without a text", "error(nil)", "error was called with" },
	{ "too many small tables",
	    "local t = {} for i = 1, 1e9 do t[i] = { {} } end",
	    "KiB of memory" },
	{ "byte by byte", "local s = '' for i = 1, 1e9 do s = s .. 'x' end",
	    "ran" },
	{ "an answer of the wrong kind", "return (d.to 'nowhere')",
	    "takes d.accept, d.refuse" },
	{ "no decision at all", "return 5",
	    "policy.lua:2: question \\\"recipient\\\" was answered with a "
	    "number" },
	{ "an answer too large", "return d.discard { because = "
				 "('x'):rep(300000) }",
	    "longer than an answer may be" },
};

static void
a_hook_that_runs_away_costs_one_default(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(runaways) / sizeof(runaways[0]); i++) {
		char *text = dg_sprintf(HEAD
		    "d.on.recipient = function(q)\n%s\nend\n" CONNECT,
		    runaways[i].body);
		int64_t began;
		struct world w;
		struct asked x;

		print_message("  %s\n", runaways[i].why);
		world_init_as(&w, small(), text);
		free(text);
		for (int again = 0; again < 3; again++) {
			began = dg_mono_ms();
			alarm(20);
			assert_true(put(&w, &x, DG_Q_RECIPIENT));
			alarm(0);
			assert_in_range(since(began), 0, 5000);
			assert_true(is_safe(&x));
			assert_in_range(x.a.d.where.line, 2, 3);
			dg_asking_drop(&x.a);
			/* and the next call, of the coroutine used again, has
			 * its whole budget, and no more than that */
			is_well(&w);
		}
		/* or, where all is slow, the time was over first */
		if (times_logged(runaways[i].error) == 0 &&
		    times_logged("ran longer than") == 0)
			fail_msg("%.300s", dg_buf_z(&logged));
		assert_int_equal(times_logged("hook-failed"), 1);
		world_fini(&w);
	}
}

/* What no count hook sees: single calls and instructions that take long, in a
 * loop that would fit a hundred of them between two looks at the clock. */
#define MANY(n) "local t = {} for i = 1, " #n " do t[i] = i end "
#define LONG "local s = ('x'):rep(15000000) "
#define FOREVER(body) "while true do pcall(function() " body " end) end"
static const struct {
	const char *why, *body, *error;
} slow_calls[] = {
	{ "joining texts", LONG FOREVER("local t = s .. 'y'"), "ran longer" },
	{ "upper", LONG FOREVER("s:upper()"), "ran longer" },
	{ "tonumber", "local s = ('1'):rep(15000000) " FOREVER("tonumber(s)"),
	    "ran longer" },
	{ "adding a text", "local s = ('1'):rep(15000000) " FOREVER("return s "
								  "+ 1"),
	    "ran longer" },
	{ "comparing", LONG "local t = s:sub(1, -2) .. 'x' "
			    FOREVER("return s < t"),
	    "ran longer" },
	{ "keys", LONG FOREVER("local t = {} t[s .. 'y'] = 1"), "ran longer" },
	{ "utf8.len", LONG FOREVER("utf8.len(s)"), "ran longer" },
	{ "utf8.offset", LONG FOREVER("utf8.offset(s, 14000000)"),
	    "ran longer" },
	{ "unpacking", LONG FOREVER("string.unpack(s, s)"), "ran longer" },
	{ "packing", FOREVER("string.pack('c60000000', '')"), "ran longer" },
	{ "quoting", LONG FOREVER("('%q'):format(s)"), "ran longer" },
	{ "bytes", LONG FOREVER("s:byte(1, 900000)"), "ran longer" },
	{ "repeating", FOREVER("('x'):rep(16000000)"), "ran longer" },
	{ "patterns", "local s = ('a'):rep(6000) " FOREVER("s:find('a*b')"),
	    "ran longer" },
	{ "patterns by gsub and a C function",
	    "local s = ('a'):rep(1000000) "
	    "s:gsub('()(.)', function(n) return n end) "
	    FOREVER("s:gsub('.', tostring)"),
	    "ran longer" },
	{ "sorting", MANY(100000) FOREVER("table.sort(t)"), "ran longer" },
	{ "sorting long texts", LONG "local t = {} for i = 1, 90000 do t[i] = "
				     "s end table.sort(t)",
	    "ran longer" },
	{ "sorting by a C function",
	    LONG "local r, t = s:sub(1, -2) .. 'x', {} for i = 1, 90000 do "
		 "t[i] = i % 2 == 0 and s or r end table.sort(t, rawequal)",
	    "ran longer" },
	{ "inserting in front", MANY(900000) FOREVER("table.insert(t, 1, 1)"),
	    "ran longer" },
	{ "unpacking tables", MANY(900000) FOREVER("table.unpack(t)"),
	    "ran longer" },
	{ "arguments", MANY(900000) "local function f(...) return select('#', "
				    "...) end " FOREVER("f(table.unpack(t))"),
	    "ran longer" },
	{ "joining tables", MANY(900000) FOREVER("table.concat(t)"),
	    "ran longer" },
	{ "looking for the first of none",
	    MANY(2000000) "for i = 1, #t do t[i] = nil end "
			  FOREVER("next(t)"),
	    "ran longer" },
	{ "the same by pairs",
	    MANY(2000000) "for i = 1, #t do t[i] = nil end "
			  FOREVER("for k in pairs(t) do end"),
	    "ran longer" },
	{ "memory that is not there",
	    "local t = {} pcall(function() for i = 1, 1e9 do t[i] = {} end "
	    "end) " FOREVER("('x'):rep(16000000)"),
	    "hook-failed" },
	{ "memory, bit by bit", FOREVER("local t = {} for i = 1, 1e9 do t[i] = "
					"{ {} } end"),
	    "ran longer" },
	{ "a lot of text in an error", LONG FOREVER("error(s .. 'y')"),
	    "ran longer" },
	/* and what is refused */
	{ "a pattern of options",
	    "('a'):rep(30):find(('a?'):rep(30) .. ('a'):rep(30))",
	    "could take too long" },
	{ "a pattern of brackets", "('('):rep(1000000):find('%b()')",
	    "could take too long" },
	{ "a pattern of one large set",
	    "('z'):rep(1000000):find('[' .. ('a'):rep(1000000) .. ']')",
	    "could take too long" },
	{ "a long text in a longer",
	    "('a'):rep(4000000):find(('a'):rep(2000000) .. 'b', 1, true)",
	    "could take too long" },
	{ "the same as a pattern",
	    "('a'):rep(4000000):match(('a'):rep(2000000) .. 'b')",
	    "could take too long" },
	{ "gmatch, which knows no anchor",
	    "for _ in ('a'):rep(6000):gmatch('^a*a*b') do end",
	    "could take too long" },
	{ "sorting too much", MANY(100001) "table.sort(t)",
	    "table.sort of more than 100000 items" },
	{ "sorting what has no end",
	    "table.sort(setmetatable({}, { __len = function() return 1e9 // 1 | "
	    "0 end, __index = rawlen }))",
	    "table.sort of more than" },
	{ "inserting into what has no end",
	    "table.insert(setmetatable({}, { __len = function() return 1 << 60 "
	    "end, __index = rawlen, __newindex = rawequal }), 1, 1)",
	    "table.insert of more than" },
	{ "removing from it",
	    "table.remove(setmetatable({}, { __len = function() return 1 << 60 "
	    "end, __index = rawlen, __newindex = rawequal }), 1)",
	    "table.remove of more than" },
	{ "joining it",
	    "table.concat(setmetatable({}, { __index = rawlen }), '', 1, 1 << "
	    "60)",
	    "table.concat of more than" },
	{ "unpacking it", "table.unpack({}, 1, 1 << 60)",
	    "table.unpack of more than" },
};

static void
what_is_slow_inside_c_costs_little_more_than_its_time(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(slow_calls) / sizeof(slow_calls[0]); i++) {
		char *text = dg_sprintf(HEAD
		    "d.on.recipient = function(q)\n%s\nend\n" CONNECT,
		    slow_calls[i].body);
		struct dg_policy_options o = options(NULL);
		int64_t began;
		struct world w;
		struct asked x;

		for (int q = 0; q < DG_Q_N; q++) {
			o.budget[q].run_ms = 200;
			o.budget[q].instructions = 1ul << 60;
		}
		world_init_as(&w, o, text);
		free(text);
		began = dg_mono_ms();
		alarm(60);
		assert_true(put(&w, &x, DG_Q_RECIPIENT));
		alarm(0);
		print_message("  %s: %lld ms\n", slow_calls[i].why,
		    (long long)since(began));
		assert_in_range(since(began), 0, 10000);
		assert_true(is_safe(&x));
		if (times_logged(slow_calls[i].error) == 0 &&
		    times_logged("ran longer than") == 0)
			fail_msg("%.300s", dg_buf_z(&logged));
		assert_in_range(w.s->vm.memory, 1, 64 * 1024 * 1024);
		dg_asking_drop(&x.a);
		is_well(&w);
		world_fini(&w);
	}
}

/* ---- __close, when the hook is dropped ---- */

static const struct {
	const char *why, *body;
} closers[] = {
	{ "one that ends", CLOSER("closed = 1") },
	{ "one that loops", CLOSER("while true do end") },
	{ "one that loops and catches",
	    CLOSER("while true do pcall(function() while true do end end) end") },
	{ "one that waits", CLOSER("ask 'y'") },
	{ "one that waits in pcall", CLOSER("pcall(ask, 'y')") },
	{ "one that raises", CLOSER("error 'x'") },
	{ "one that notes", CLOSER("q:note('a', 'b')") },
	{ "one that reads notes", CLOSER("local n = q.notes.a") },
	{ "one that logs", CLOSER("d.log 'bye'") },
	{ "one that takes memory", CLOSER("local t = {} for i = 1, 1e9 do t[i] "
					  "= {} end") },
	{ "three of them", CLOSER("error 'x'") CLOSER("while true do end")
			       CLOSER("ask 'z'") },
	{ "one in a function that pcall called",
	    "pcall(function() " CLOSER("while true do end") "ask 'y' end)" },
};

static void
what_a_dropped_hook_closes_runs_within_a_small_budget(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(closers) / sizeof(closers[0]); i++) {
		for (int is_late = 0; is_late < 2; is_late++) {
			char *text = dg_sprintf(HEAD
			    "d.on.recipient = function(q)\n%s\nask 'x'\nend\n"
			    CONNECT,
			    closers[i].body);
			struct dg_notes notes;
			struct world w;
			struct asked x;
			int64_t began;

			print_message("  %s, %s\n", closers[i].why,
			    is_late ? "after a wait too long" : "dropped");
			dg_buf_init(&notes.kv, 4096);
			world_init_as(&w, small(), text);
			free(text);
			alarm(20);
			assert_false(put_as(&w, &x, DG_Q_RECIPIENT, NULL,
			    no_facts, &notes));
			began = dg_mono_ms();
			for (int k = 0; is_late && k < 1000 && x.answers == 0;
			    k++)
				dg_loop_turn(w.host.loop, 10);
			assert_int_equal(x.answers, is_late);
			dg_asking_drop(&x.a);
			alarm(0);
			assert_in_range(since(began), 0, 2000);
			is_well(&w);
			world_fini(&w);
			dg_buf_fini(&notes.kv);
		}
	}
}

/* ---- budgets ---- */

static void
each_question_has_its_own_budget(void **state)
{
	struct dg_policy_options o = options(NULL);
	struct world w;
	struct asked x;

	(void)state;
	o.budget[DG_Q_RECIPIENT].instructions = 5000;
	o.budget[DG_Q_RECIPIENT].result = 100;
	world_init_as(&w, o,
	    HEAD "local function run(q) for i = 1, 100000 do end return "
		 "d.refuse('550 5.7.1 ' .. ('x'):rep(200)) end\n"
		 "d.on.recipient, d.on.connect = run, run\n");
	assert_true(put(&w, &x, DG_Q_CONNECT));
	assert_int_equal(x.a.d.kind, DG_D_REFUSE);
	assert_int_equal(x.a.d.text.n, 200);
	dg_asking_drop(&x.a);
	assert_true(put(&w, &x, DG_Q_RECIPIENT));
	assert_true(is_safe(&x));
	assert_int_equal(times_logged("ran more than 5000 instructions"), 1);
	dg_asking_drop(&x.a);
	world_fini(&w);
}

static void
running_time_counts_and_waiting_time_does_not(void **state)
{
	struct dg_policy_options o = options(NULL);
	struct world w;
	struct asked x;
	int64_t began;

	(void)state;
	for (int q = 0; q < DG_Q_N; q++) {
		o.budget[q].instructions = 1ul << 60;
		o.budget[q].run_ms = 50;
	}
	world_init_as(&w, o,
	    RCPT("ask 'x'\nwhile true do end") CONNECT);
	assert_false(put(&w, &x, DG_Q_RECIPIENT));
	began = dg_mono_ms();
	while (since(began) < 80)
		dg_loop_turn(w.host.loop, 10);
	assert_int_equal(x.answers, 0);
	assert_true(answer(&w, 0, ""));
	assert_int_equal(x.answers, 1);
	assert_true(is_safe(&x));
	assert_int_equal(times_logged("ran longer than 50 ms"), 1);
	assert_in_range(since(began), 120, 1000);
	dg_asking_drop(&x.a);
	world_fini(&w);
}

/* What it may take is that of all stretches between waits together. */
static void
instructions_are_those_of_the_whole_hook(void **state)
{
	struct world w;
	struct asked x;
	size_t n = 0;

	(void)state;
	world_init_as(&w, small(),
	    RCPT("while true do for i = 1, 5000 do end ask 'x' end"));
	assert_false(put(&w, &x, DG_Q_RECIPIENT));
	while (x.answers == 0 && n < 1000)
		(void)answer(&w, n++, "");
	assert_in_range(n, 100, 250);
	assert_true(is_safe(&x));
	dg_asking_drop(&x.a);
	world_fini(&w);
}

/* ---- the breaker ---- */

static const char sick[] = HEAD
    "d.on.connect = function(q) d.log 'called' "
    "if q.address == 'bad' then error 'so' end "
    "if q.address == 'wait' then ask 'x' error 'late' end end\n";

static bool
connect_from(struct world *w, struct asked *x, const char *address)
{
	const struct dg_fact facts[] = {
		{ "address", false, 0, dg_str(address) },
		{ NULL, false, 0, DG_NOSTR },
	};

	return put_as(w, x, DG_Q_CONNECT, NULL, facts, NULL);
}

static void
fails(struct world *w, unsigned times)
{
	struct asked x;

	for (unsigned i = 0; i < times; i++) {
		assert_true(connect_from(w, &x, "bad"));
		assert_true(is_safe(&x));
		assert_int_equal(x.a.d.where.line, 2);
		dg_asking_drop(&x.a);
	}
}

static void
works(struct world *w)
{
	struct asked x;

	assert_true(connect_from(w, &x, "good"));
	assert_int_equal(x.a.d.kind, DG_D_NONE);
	assert_false(x.a.d.is_default);
	dg_asking_drop(&x.a);
}

static void
rests(struct world *w)
{
	unsigned before = times_logged("called");
	struct asked x;

	assert_true(connect_from(w, &x, "good"));
	assert_true(is_safe(&x));
	assert_string_equal(x.a.d.where.file, "policy.lua");
	assert_int_equal(x.a.d.where.line, 2);
	assert_int_equal(times_logged("called"), before);
	dg_asking_drop(&x.a);
}

static void
five_failures_in_a_row_open_the_breaker_and_one_success_closes_it(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, sick);
	fails(&w, 4);
	works(&w);
	fails(&w, 4);
	assert_int_equal(w.alerts, 0);
	works(&w);
	fails(&w, 5);
	assert_int_equal(w.alerts, 1);
	assert_int_equal(times_logged("hook-rests"), 1);
	assert_int_equal(times_logged("hook-failed"), 1);
	assert_int_equal(dg_policy_failures(w.s), 13);
	rests(&w);
	dg_clock_jump(29 * 1000);
	rests(&w);
	dg_clock_jump(2 * 1000);
	works(&w);
	assert_int_equal(times_logged("hook-works-again"), 1);
	works(&w);
	fails(&w, 4);
	works(&w);
	world_fini(&w);
}

static void
each_failed_probe_doubles_the_rest_up_to_ten_minutes(void **state)
{
	static const int rest_s[] = { 30, 60, 120, 240, 480, 600, 600 };
	struct world w;

	(void)state;
	world_init(&w, sick);
	fails(&w, 5);
	for (size_t i = 0; i < sizeof(rest_s) / sizeof(rest_s[0]); i++) {
		dg_clock_jump((rest_s[i] - 1) * 1000);
		rests(&w);
		dg_clock_jump(1001);
		fails(&w, 1);
		rests(&w);
	}
	dg_clock_jump(601 * 1000);
	works(&w);
	fails(&w, 5);
	dg_clock_jump(31 * 1000); /* from the start again */
	works(&w);
	world_fini(&w);
}

static void
one_probe_at_a_time(void **state)
{
	struct asked probe;
	struct world w;

	(void)state;
	world_init(&w, sick);
	fails(&w, 5);
	dg_clock_jump(31 * 1000);
	assert_false(connect_from(&w, &probe, "wait"));
	rests(&w);
	assert_true(answer(&w, 0, ""));
	assert_true(is_safe(&probe));
	dg_asking_drop(&probe.a);
	rests(&w);
	dg_clock_jump(31 * 1000); /* twice as long by now */
	rests(&w);
	dg_clock_jump(31 * 1000);
	assert_false(connect_from(&w, &probe, "wait"));
	dg_asking_drop(&probe.a); /* a probe nobody waits for tells nothing */
	rests(&w);
	dg_clock_jump(31 * 1000);
	works(&w);
	world_fini(&w);
}

/* Those under way when it opened fail too: that is the same trouble, not five
 * more. */
static void
failures_of_calls_under_way_open_it_once(void **state)
{
	enum { N = 100 };
	struct asked x[N];
	struct world w;

	(void)state;
	world_init(&w, sick);
	for (size_t i = 0; i < N; i++)
		assert_false(connect_from(&w, &x[i], "wait"));
	for (size_t i = 0; i < N; i++) {
		assert_true(answer(&w, i, ""));
		assert_true(is_safe(&x[i]));
		dg_asking_drop(&x[i].a);
	}
	assert_int_equal(times_logged("hook-rests"), 1);
	assert_int_equal(w.alerts, 1);
	dg_clock_jump(31 * 1000);
	works(&w);
	world_fini(&w);
}

static void
one_hook_rests_and_another_goes_on(void **state)
{
	struct asked x;
	struct world w;

	(void)state;
	world_init(&w,
	    HEAD "d.on.connect = function() error 'x' end\n"
		 "d.on.recipient = function() return d.refuse '550 no' end\n");
	for (int i = 0; i < 20; i++) {
		assert_true(put(&w, &x, DG_Q_CONNECT));
		assert_true(is_safe(&x));
		dg_asking_drop(&x.a);
		assert_true(put(&w, &x, DG_Q_RECIPIENT));
		assert_true(says(&x.a.d, DG_D_REFUSE, "no"));
		dg_asking_drop(&x.a);
	}
	assert_int_equal(dg_policy_failures(w.s), 5);
	world_fini(&w);
}

static void
thousands_of_lines_are_cut(void **state)
{
	struct asked x;
	struct world w;

	(void)state;
	world_init(&w, RCPT("for i = 1, 5000 do d.log('line ' .. i) end"));
	assert_true(put(&w, &x, DG_Q_RECIPIENT));
	dg_asking_drop(&x.a);
	assert_int_equal(times_logged("line "), 50);
	assert_int_equal(times_logged("more lines than one answer may"), 1);
	world_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    an_answer_that_comes_later_goes_on_where_the_hook_waited),
		cmocka_unit_test(an_answer_after_the_drop_finds_nobody),
		cmocka_unit_test(waiting_too_long_is_the_safe_default),
		cmocka_unit_test(
		    the_waiting_time_is_that_of_all_waits_together),
		cmocka_unit_test(where_a_hook_cannot_wait_it_is_told),
		cmocka_unit_test(
		    pcall_and_xpcall_may_wait_and_take_what_raises),
		cmocka_unit_test(
		    a_state_without_a_host_answers_and_does_not_wait),
		cmocka_unit_test(a_thousand_that_wait_are_dropped_in_any_order),
		cmocka_unit_test(one_answer_may_lead_to_the_next_question),
		cmocka_unit_test(a_hook_that_runs_away_costs_one_default),
		cmocka_unit_test(
		    what_is_slow_inside_c_costs_little_more_than_its_time),
		cmocka_unit_test(
		    what_a_dropped_hook_closes_runs_within_a_small_budget),
		cmocka_unit_test(each_question_has_its_own_budget),
		cmocka_unit_test(running_time_counts_and_waiting_time_does_not),
		cmocka_unit_test(instructions_are_those_of_the_whole_hook),
		cmocka_unit_test(
		    five_failures_in_a_row_open_the_breaker_and_one_success_closes_it),
		cmocka_unit_test(
		    each_failed_probe_doubles_the_rest_up_to_ten_minutes),
		cmocka_unit_test(one_probe_at_a_time),
		cmocka_unit_test(failures_of_calls_under_way_open_it_once),
		cmocka_unit_test(one_hook_rests_and_another_goes_on),
		cmocka_unit_test(thousands_of_lines_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
