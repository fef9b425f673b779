/* ask_test.c - a question: what it may be answered with, what q holds, whose
 * hook is asked, and what it is when the hook fails. */
#include "asked.h"

/* What a load would tell already is written so that it does not see it: in
 * parentheses, or by ['name']. */

/* ---- which decisions answer which question ---- */

static const struct {
	enum dg_decision_kind kind;
	const char *lua;
} decisions[] = {
	{ DG_D_ACCEPT, "d.accept {}" },
	{ DG_D_REFUSE, "d.refuse '550 5.7.1 no'" },
	{ DG_D_DEFER, "d.defer '451 4.3.0 later'" },
	{ DG_D_CLOSE, "d.close()" },
	{ DG_D_DISCARD, "d.discard {}" },
	{ DG_D_OFFER, "d.offer {}" },
	{ DG_D_TO, "d.to 'x'" },
	{ DG_D_USE, "d.use { verb = 'NOOP' }" },
	{ DG_D_RETRY, "d.retry {}" },
	{ DG_D_HOLD, "d.hold {}" },
	{ DG_D_FAIL, "d.fail {}" },
	{ DG_D_SAY, "d.say { text = 'x' }" },
};
enum { DECISIONS = sizeof(decisions) / sizeof(decisions[0]) };

#define BIT(k) (1u << DG_D_##k)
/* By hand, from the manual: what questions.def says must be this. */
static const struct {
	enum dg_question q;
	unsigned takes;
	const char *wrong;
	enum dg_decision_kind safe; /* what a hook that fails amounts to */
	int code;
	const char *texts, *numbers; /* fields of q */
} questions[] = {
	{ DG_Q_CONNECT, BIT(ACCEPT) | BIT(REFUSE) | BIT(DEFER) | BIT(CLOSE),
	    "takes d.accept, d.refuse, d.defer, d.close, or nil, not d.",
	    DG_D_DEFER, 451, "peer address listener", "" },
	{ DG_Q_OFFER, BIT(OFFER), "takes d.offer, or nil, not d.", DG_D_NONE, 0,
	    "peer address listener helo abilities", "" },
	{ DG_Q_COMMAND, BIT(USE) | BIT(REFUSE),
	    "takes d.use, d.refuse, or nil, not d.", DG_D_DEFER, 451,
	    "peer address listener helo verb argument", "" },
	{ DG_Q_CREDENTIAL, BIT(ACCEPT) | BIT(REFUSE),
	    "takes d.accept, d.refuse, or nil, not d.", DG_D_REFUSE, 454,
	    "peer address listener helo mechanism identity domain workstation",
	    "" },
	{ DG_Q_AUTHENTICATED, BIT(ACCEPT) | BIT(REFUSE),
	    "takes d.accept, d.refuse, or nil, not d.", DG_D_REFUSE, 454,
	    "peer address listener helo user mechanism strength", "" },
	{ DG_Q_SENDER, BIT(ACCEPT) | BIT(REFUSE) | BIT(DEFER),
	    "takes d.accept, d.refuse, d.defer, or nil, not d.", DG_D_DEFER,
	    451, "peer address listener helo user sender body", "size" },
	{ DG_Q_RECIPIENT,
	    BIT(ACCEPT) | BIT(REFUSE) | BIT(DEFER) | BIT(DISCARD),
	    "takes d.accept, d.refuse, d.defer, d.discard, or nil, not d.",
	    DG_D_DEFER, 451,
	    "peer address listener helo user sender recipient domain",
	    "size count" },
	{ DG_Q_CONTENT,
	    BIT(ACCEPT) | BIT(REFUSE) | BIT(DEFER) | BIT(HOLD) | BIT(DISCARD),
	    "takes d.accept, d.refuse, d.defer, d.hold, d.discard, or nil, not "
	    "d.",
	    DG_D_DEFER, 451, "peer address listener helo user sender headers",
	    "bytes count" },
	{ DG_Q_SPEAK, BIT(USE) | BIT(RETRY) | BIT(DEFER),
	    "takes d.use, d.retry, d.defer, or nil, not d.", DG_D_DEFER, 451,
	    "peer address listener hop host offered", "" },
	{ DG_Q_REPLY, BIT(RETRY) | BIT(HOLD) | BIT(FAIL),
	    "takes d.retry, d.hold, d.fail, or nil, not d.", DG_D_RETRY, 451,
	    "peer address listener hop host stage verb enhanced reply meaning "
	    "recipient domain sender",
	    "code tries age" },
};
enum { QUESTIONS = sizeof(questions) / sizeof(questions[0]) };

static const bool is_here[DG_Q_N] = {
#define Q(id, name, kind, here, wait_ms, safe, fields, answers, when) \
	[DG_Q_##id] = here,
#include "dragoman/policy/questions.def"
#undef Q
};

static void
world_for(struct world *w, enum dg_question q, const char *body)
{
	char *text = dg_sprintf(HEAD "d.hop 'x' { hosts = { 'x' } }\n"
				     "d.on.%s = function(q)\n%s\nend\n",
	    dg_question_name(q), body);

	world_init(w, text);
	free(text);
}

static void
each_question_takes_its_decisions_and_says_so(void **state)
{
	(void)state;
	for (size_t i = 0; i < QUESTIONS; i++) {
		enum dg_question q = questions[i].q;

		if (!is_here[q])
			continue;
		for (size_t k = 0; k < DECISIONS; k++) {
			enum dg_decision_kind kind = decisions[k].kind;
			char *body = dg_sprintf("return (%s)", decisions[k].lua);
			struct world w;
			struct asked x;

			world_for(&w, q, body);
			free(body);
			assert_true(put(&w, &x, q));
			if (questions[i].takes & (1u << kind)) {
				assert_int_equal(x.a.d.kind, kind);
				assert_false(x.a.d.is_default);
				assert_string_equal(x.a.d.where.file,
				    "policy.lua");
			} else {
				assert_int_equal(x.a.d.kind, questions[i].safe);
				assert_true(x.a.d.is_default);
				assert_int_equal(
				    times_logged(questions[i].wrong), 1);
			}
			assert_int_equal(x.a.d.where.line, 4);
			dg_asking_drop(&x.a);
			world_fini(&w);
		}
	}
}

static void
each_question_has_its_safe_default(void **state)
{
	(void)state;
	for (size_t i = 0; i < QUESTIONS; i++) {
		const struct dg_decision *d;
		struct world w;
		struct asked x;

		if (!is_here[questions[i].q])
			continue;
		print_message("  %s\n", dg_question_name(questions[i].q));
		world_for(&w, questions[i].q, "\n\nerror 'so'");
		assert_true(put(&w, &x, questions[i].q));
		d = &x.a.d;
		assert_int_equal(d->kind, questions[i].safe);
		assert_int_equal(d->code, questions[i].code);
		assert_true(d->is_default);
		assert_string_equal(d->where.file, "policy.lua");
		assert_int_equal(d->where.line, 6);
		assert_true((d->text.n > 0) == (d->code != 0));
		assert_true((d->enhanced[0] != '\0') == (d->code != 0));
		assert_int_equal(times_logged("policy.lua:6: so"), 1);
		dg_asking_drop(&x.a);
		world_fini(&w);
	}
}

static void
nobody_needs_to_answer(void **state)
{
	struct world w;
	struct asked x;

	(void)state;
	world_init(&w, HEAD "d.on.connect = function() end\n");
	assert_false(
	    dg_policy_wants(dg_policy_rules(w.p), DG_Q_RECIPIENT, NULL));
	assert_true(put(&w, &x, DG_Q_RECIPIENT));
	assert_int_equal(x.a.d.kind, DG_D_NONE);
	dg_asking_drop(&x.a);
	assert_true(
	    dg_policy_wants(dg_policy_rules(w.p), DG_Q_CONNECT, NULL));
	assert_true(put(&w, &x, DG_Q_CONNECT));
	assert_int_equal(x.a.d.kind, DG_D_NONE);
	assert_false(x.a.d.is_default);
	assert_null(x.a.d.where.file);
	dg_asking_drop(&x.a);
	world_fini(&w);
}

/* ---- q ---- */

enum { VALUES = 20 };

/* "a b" as facts with value "<a>", or number 1, 2 ... */
static size_t
facts_of(const char *names, bool is_number, struct dg_fact *f, size_t n,
    char (*room)[32])
{
	struct dg_str s = dg_str(names), word;

	while ((word = dg_str_word(&s)).n > 0) {
		snprintf(room[n], sizeof(room[n]), "%.*s", DG_FMT(word));
		f[n].name = room[n];
		f[n].is_number = is_number;
		f[n].number = (int64_t)n;
		f[n].text = is_number ? DG_NOSTR : word;
		n++;
	}
	f[n].name = NULL;
	return n;
}

static char *
checks_of(size_t i, bool is_given)
{
	struct dg_fact f[VALUES + 1];
	char room[VALUES][32];
	size_t texts = facts_of(questions[i].texts, false, f, 0, room);
	size_t n = facts_of(questions[i].numbers, true, f, texts, room);
	struct dg_buf b;
	char *z;

	dg_buf_init(&b, 10000);
	for (size_t k = 0; k < n; k++) {
		(void)dg_buf_addf(&b, "assert(q.%s == ", f[k].name);
		if (k < texts)
			(void)dg_buf_addf(&b, "'%s', '%s')\n",
			    is_given ? f[k].name : "", f[k].name);
		else
			(void)dg_buf_addf(&b, "%zu, '%s')\n",
			    is_given ? k : 0, f[k].name);
	}
	(void)dg_buf_addf(&b, "assert(q.tls == %s)\n",
	    is_given ? "true" : "false");
	z = dg_str_dup(dg_buf_str(&b));
	dg_buf_fini(&b);
	return z;
}

static void
q_holds_every_field_given_or_absent(void **state)
{
	(void)state;
	for (size_t i = 0; i < QUESTIONS; i++) {
		if (!is_here[questions[i].q])
			continue;
		print_message("  %s\n", dg_question_name(questions[i].q));
		for (int is_given = 0; is_given < 2; is_given++) {
			char *body = checks_of(i, is_given);
			struct dg_fact f[VALUES + 2];
			char room[VALUES][32];
			size_t n = 0;
			struct world w;
			struct asked x;

			if (is_given) {
				n = facts_of(questions[i].texts, false, f, 0,
				    room);
				n = facts_of(questions[i].numbers, true, f, n,
				    room);
				f[n++] = (struct dg_fact){ "tls", true, 1,
					DG_NOSTR };
			}
			f[n].name = NULL;
			world_for(&w, questions[i].q, body);
			free(body);
			assert_true(put_as(&w, &x, questions[i].q, NULL, f,
			    NULL));
			if (x.a.d.is_default)
				fail_msg("%s", dg_buf_z(&logged));
			dg_asking_drop(&x.a);
			world_fini(&w);
		}
	}
}

static const struct {
	const char *why, *body, *error;
} mistakes[] = {
	{ "a field's name misspelled", "return q['recipeint']",
	    "q has no field \\\"recipeint\\\"; did you mean "
	    "\\\"recipient\\\"?" },
	{ "one of another question", "return q['workstation']",
	    "q has no field \\\"workstation\\\"" },
	{ "a field that is a number", "return q[1]", "q has no field" },
	{ "one that is nothing", "return q[q]", "q has no such field" },
	{ "a very long one", "return q[('x'):rep(1000000)]",
	    "q has no field" },
	{ "writing to it", "q['hop'] = 'x'",
	    "q.hop cannot be set; use q:note(key, value)" },
	{ "its metatable", "setmetatable(q, {})", "protected" },
	{ "notes without a place", "q:note('a', 'b')", "no room left" },
	{ "a note that is a table", "q:note('a', {})", "string expected" },
	{ "a note without q", "q.note('a', 'b')", "table expected" },
	{ "a decision misspelled", "return d['refuze'] '550 no'",
	    "no d.refuze; did you mean \\\"refuse\\\"?" },
	{ "an unknown field of one", "return d.accept { too = 'x' }",
	    "d.accept: unknown field \\\"too\\\"; did you mean \\\"to\\\"?" },
	{ "a field of the wrong type", "return d.accept { to = {} }",
	    "d.accept: to is a table, but must be a string" },
	{ "the wrong type", "return d.refuse(550)",
	    "d.refuse takes a text or a table, not a number" },
	{ "no text", "return d.refuse()", "d.refuse needs its text" },
	{ "the wrong class of reply", "return d.refuse '450 4.7.1 no'",
	    "a refusal begins with 5" },
	{ "no reply at all", "return d.defer 'later'",
	    "a reply begins with its code" },
	{ "two lines", "return d.refuse '550 5.7.1 no\\r\\n250 ok'",
	    "holds the control character 13" },
	{ "a NUL", "return d.refuse '550 5.7.1 no\\0x'",
	    "holds the control character 0" },
	{ "the same in another field", "return d.accept { to = 'a\\r\\nb' }",
	    "d.accept: to holds the control character 13" },
	{ "completed with a line's end", "return d.refuse '550 no' { because = "
					 "'x', text = '550 a\\nb' }",
	    "holds the control character 10" },
	{ "completed wrongly", "return d.refuse '550 no' { becuase = 'x' }",
	    "unknown field \\\"becuase\\\"; did you mean \\\"because\\\"?" },
	{ "completed with a text", "return d.refuse '550 no' 'x'",
	    "table expected" },
	{ "a constructor", "return d.refuse", "answered with a function" },
	{ "true", "return true", "answered with a boolean" },
	{ "a text", "return '550 no'", "answered with a string" },
	{ "a table that looks like one",
	    "return { kind = 2, text = '550 no' }", "answered with a table" },
};

static void
mistakes_are_told_with_their_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct world w;
		struct asked x;

		print_message("  %s\n", mistakes[i].why);
		world_for(&w, DG_Q_RECIPIENT, mistakes[i].body);
		assert_true(put(&w, &x, DG_Q_RECIPIENT));
		assert_true(x.a.d.is_default);
		if (times_logged(mistakes[i].error) != 1)
			fail_msg("%.500s", dg_buf_z(&logged));
		assert_int_equal(times_logged("\"policy.lua:"), 1);
		assert_in_range(x.a.d.where.line, 3, 4);
		dg_asking_drop(&x.a);
		world_fini(&w);
	}
}

/* ---- notes ---- */

static void
notes_are_kept_from_question_to_question(void **state)
{
	struct dg_notes notes;
	struct world w;
	struct asked x;

	(void)state;
	dg_buf_init(&notes.kv, 4096);
	world_init(&w,
	    HEAD "d.on.connect = function(q)\n"
		 "  assert(q.notes.a == nil)\n"
		 "  q:note('a', 'one') q:note('b', '') q:note('a', 'two')\n"
		 "  assert(q.notes.a == 'two' and q.notes.b == '')\n"
		 "  q.notes.c = 'lost'\n"
		 "  assert(not pcall(q.note, q, 'd', ('x'):rep(5000)))\n"
		 "  assert(not pcall(q.note, q, 'd\\0', 'x'))\n"
		 "end\n"
		 "d.on.recipient = function(q)\n"
		 "  assert(q.notes.a == 'two' and q.notes.b == '')\n"
		 "  assert(q.notes.c == nil and q.notes.d == nil)\n"
		 "  return d.discard {}\n"
		 "end\n");
	assert_true(
	    put_as(&w, &x, DG_Q_CONNECT, NULL, no_facts, &notes));
	assert_false(x.a.d.is_default);
	dg_asking_drop(&x.a);
	assert_true(
	    put_as(&w, &x, DG_Q_RECIPIENT, NULL, no_facts, &notes));
	assert_int_equal(x.a.d.kind, DG_D_DISCARD);
	dg_asking_drop(&x.a);
	world_fini(&w);
	dg_buf_fini(&notes.kv);
}

/* q outlives its call in a policy that keeps it: it is a table, no more. */
static void
a_kept_q_hurts_nobody(void **state)
{
	struct world w;
	struct asked x;

	(void)state;
	world_init(&w,
	    HEAD "local old\n"
		 "d.on.recipient = function(q)\n"
		 "  if old then\n"
		 "    assert(old.recipient == '' and not old.notes.a)\n"
		 "    assert(not pcall(old.note, old, 'a', 'b'))\n"
		 "    rawset(old, 'recipient', {}) rawset(q, 1, 2)\n"
		 "    assert(q.recipient == '')\n"
		 "  end\n"
		 "  old = q\n"
		 "  ask 'x'\n"
		 "  return d.discard {}\n"
		 "end\n");
	for (size_t i = 0; i < 3; i++) {
		assert_false(put(&w, &x, DG_Q_RECIPIENT));
		assert_true(answer(&w, i, ""));
		if (x.a.d.kind != DG_D_DISCARD)
			fail_msg("%s", dg_buf_z(&logged));
		dg_asking_drop(&x.a);
	}
	world_fini(&w);
}

/* ---- whose hook ---- */

static const struct dg_hooks *
own_hooks(struct world *w)
{
	return &dg_policy_rules(w->p)->peers[0]->on;
}

#define OWN(own, every) \
	HEAD "d.peer 'p' { match = { address = '10.0.0.1' }, on = { recipient " \
	     "=\nfunction(q) " own " end } }\n" \
	     "d.on.recipient =\nfunction(q) " every " end\n"

static const struct {
	const char *why, *text;
	enum dg_decision_kind kind;
	int line;
	bool is_default;
} ladders[] = {
	{ "the own hook counts first",
	    OWN("return d.discard {}", "return d.refuse '550 no'"),
	    DG_D_DISCARD, 3, false },
	{ "nil falls through",
	    OWN("return nil", "return d.refuse '550 no'"), DG_D_REFUSE, 5,
	    false },
	{ "nil and nil", OWN("", ""), DG_D_NONE, 0, false },
	{ "a failing own hook is the answer",
	    OWN("error 'x'", "return d.discard {}"), DG_D_DEFER, 3, true },
	{ "one that waits and says nil",
	    OWN("ask 'x'", "return d.refuse '550 no'"), DG_D_REFUSE, 5, false },
	{ "both wait", OWN("ask 'x'", "ask 'y' return d.discard {}"),
	    DG_D_DISCARD, 5, false },
};

static void
the_own_hook_is_asked_before_that_of_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ladders) / sizeof(ladders[0]); i++) {
		struct world w;
		struct asked x;
		bool is_done;

		print_message("  %s\n", ladders[i].why);
		world_init(&w, ladders[i].text);
		is_done = put_as(&w, &x, DG_Q_RECIPIENT, own_hooks(&w),
		    no_facts, NULL);
		for (size_t k = 0; k < w.n_open; k++)
			assert_true(answer(&w, k, ""));
		assert_int_equal(x.answers, !is_done);
		assert_int_equal(x.a.d.kind, ladders[i].kind);
		assert_int_equal(x.a.d.where.line, ladders[i].line);
		assert_true(x.a.d.is_default == ladders[i].is_default);
		dg_asking_drop(&x.a);
		world_fini(&w);
	}
}

/* Where nothing is the safe default, the next one is asked, and its answer is
 * an answer. */
static void
after_a_failed_offer_the_next_hook_answers(void **state)
{
	struct world w;
	struct asked x;

	(void)state;
	world_init(&w,
	    HEAD "d.peer 'p' { match = { address = '10.0.0.1' }, on = { offer = "
		 "function() error 'x' end } }\n"
		 "d.on.offer = function() return d.offer { lines = { 'AUTH "
		 "NTLM', 'XAUTH=NTLM' }, hide = { 'CHUNKING' } } end\n");
	assert_true(put_as(&w, &x, DG_Q_OFFER, own_hooks(&w), no_facts, NULL));
	assert_int_equal(x.a.d.kind, DG_D_OFFER);
	assert_false(x.a.d.is_default);
	assert_int_equal(x.a.d.where.line, 3);
	assert_int_equal(x.a.d.n_lines, 2);
	assert_string_equal(x.a.d.lines[0].text, "AUTH NTLM");
	assert_string_equal(x.a.d.lines[1].verb, "XAUTH");
	dg_asking_drop(&x.a);
	world_fini(&w);
}

/* ---- what a decision carries ---- */

static void
a_decision_carries_its_fields_and_its_line(void **state)
{
	struct dg_decision *d;
	struct world w;
	struct asked x;

	(void)state;
	world_init(&w,
	    HEAD "local kept = d.refuse '554 kept'\n"
		 "local function no(q)\n"
		 "  return d.refuse '550 5.1.2 no such domain'\n"
		 "    { because = 'directory' }\n"
		 "end\n"
		 "d.on.recipient = function(q)\n"
		 "  if q.count == 0 then return no(q) end\n"
		 "  if q.count == 1 then return kept end\n"
		 "  if q.count == 2 then return d.accept { to = 'a@b.example',\n"
		 "    because = 'moved' } end\n"
		 "end\n"
		 "d.on.connect = function() return d.close { text = '421 4.7.0 "
		 "bye' } end\n"
		 "d.on.reply = function() return d.retry { after = '5m', host = "
		 "'next', slow_down = true } end\n"
		 "d.on.speak = function() return d.use { verb = 'XAUTH', "
		 "mechanism = 'NTLM' } end\n");
	d = &x.a.d;
	for (int64_t i = 0; i < 3; i++) {
		const struct dg_fact f[] = { { "count", true, i, DG_NOSTR },
			{ NULL, false, 0, DG_NOSTR } };

		assert_true(put_as(&w, &x, DG_Q_RECIPIENT, NULL, f, NULL));
		if (i == 0) {
			assert_true(says(d, DG_D_REFUSE, "no such domain"));
			assert_int_equal(d->code, 550);
			assert_string_equal(d->enhanced, "5.1.2");
			assert_true(dg_str_is(d->because, "directory"));
			assert_int_equal(d->where.line, 4);
		} else if (i == 1) {
			assert_true(says(d, DG_D_REFUSE, "kept"));
			assert_string_equal(d->enhanced, "");
			assert_int_equal(d->where.line, 2);
		} else {
			assert_int_equal(d->kind, DG_D_ACCEPT);
			assert_true(dg_str_is(d->to, "a@b.example"));
			assert_true(dg_str_is(d->because, "moved"));
		}
		dg_asking_drop(&x.a);
	}
	assert_true(put(&w, &x, DG_Q_CONNECT));
	assert_true(says(d, DG_D_CLOSE, "bye"));
	assert_int_equal(d->code, 421);
	dg_asking_drop(&x.a);
	assert_true(put(&w, &x, DG_Q_REPLY));
	assert_int_equal(d->kind, DG_D_RETRY);
	assert_int_equal(d->after_ms, 5 * 60 * 1000);
	assert_true(d->next_host && d->slow_down);
	dg_asking_drop(&x.a);
	assert_true(put(&w, &x, DG_Q_SPEAK));
	assert_int_equal(d->kind, DG_D_USE);
	assert_true(dg_str_is(d->verb, "XAUTH"));
	assert_true(d->has_mech && d->mech == DG_MECH_NTLM);
	dg_asking_drop(&x.a);
	world_fini(&w);
}

/* Answers that do not fit what an answer may take are failures, not crashes. */
static void
no_answer_is_larger_than_its_budget(void **state)
{
	static const char *const bodies[] = {
		"return d.offer { lines = { 'AUTH NTLM' } }",
		"return d.offer { hide = { 'CHUNKING' }, because = "
		"('x'):rep(2000) }",
	};

	(void)state;
	for (size_t budget = 16; budget < 8000; budget += 487)
		for (size_t i = 0; i < 2; i++) {
			struct dg_policy_options o = options(NULL);
			char *text = dg_sprintf(
			    HEAD "d.on.offer = function() %s end", bodies[i]);
			struct world w;
			struct asked x;

			o.budget[DG_Q_OFFER].result = budget;
			world_init_as(&w, o, text);
			free(text);
			assert_true(put(&w, &x, DG_Q_OFFER));
			if (x.a.d.is_default) {
				assert_int_equal(times_logged("longer than an "
							      "answer"), 1);
				assert_int_equal(x.a.d.where.line, 2);
			} else {
				assert_int_equal(x.a.d.kind, DG_D_OFFER);
			}
			dg_asking_drop(&x.a);
			world_fini(&w);
		}
}

static void
a_hop_that_is_not_there_is_a_failure(void **state)
{
	struct dg_route_query q = { .recipient = DG_STR("a@b.example") };
	struct world w;
	struct asked x;

	(void)state;
	world_init(&w,
	    HEAD "d.route { ask = function(q)\n  return d.to 'nowhere'\nend }\n");
	dg_asking_init(&x.a, on_asked, &x);
	assert_true(dg_policy_route(w.s, &x.a, &q, NULL));
	assert_true(x.a.d.is_default && x.a.d.kind == DG_D_DEFER);
	assert_int_equal(x.a.d.where.line, 3);
	assert_int_equal(times_logged("policy.lua:3: no hop \\\"nowhere\\\""), 1);
	dg_asking_drop(&x.a);
	world_fini(&w);
}

static void
the_minute_is_told_and_not_asked(void **state)
{
	const struct dg_fact f[] = { { "now", true, 1700000000, DG_NOSTR },
		{ NULL, false, 0, DG_NOSTR } };
	struct world w;
	struct asked x;

	(void)state;
	world_init(&w,
	    HEAD "d.on.tick = function(q)\n"
		 "  if q.now == 1700000000 then d.log 'it is time' end\n"
		 "  return (d.discard {})\nend\n");
	assert_true(put_as(&w, &x, DG_Q_TICK, NULL, f, NULL));
	assert_int_equal(x.a.d.kind, DG_D_NONE);
	assert_int_equal(times_logged("it is time"), 1);
	assert_int_equal(times_logged("question \\\"tick\\\" takes nil, not "
				      "d.discard"), 1);
	dg_asking_drop(&x.a);
	world_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_question_takes_its_decisions_and_says_so),
		cmocka_unit_test(each_question_has_its_safe_default),
		cmocka_unit_test(nobody_needs_to_answer),
		cmocka_unit_test(q_holds_every_field_given_or_absent),
		cmocka_unit_test(mistakes_are_told_with_their_line),
		cmocka_unit_test(notes_are_kept_from_question_to_question),
		cmocka_unit_test(a_kept_q_hurts_nobody),
		cmocka_unit_test(the_own_hook_is_asked_before_that_of_all),
		cmocka_unit_test(after_a_failed_offer_the_next_hook_answers),
		cmocka_unit_test(a_decision_carries_its_fields_and_its_line),
		cmocka_unit_test(no_answer_is_larger_than_its_budget),
		cmocka_unit_test(a_hop_that_is_not_there_is_a_failure),
		cmocka_unit_test(the_minute_is_told_and_not_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
