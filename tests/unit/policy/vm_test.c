/* vm_test.c - the fences around a policy: memory, instructions, names. */
#include "help.h"

#include "../../../core/policy/vm.h"

/* Each body runs as a hook of one state, after the load. */
static const struct {
	const char *why, *body;
	const char *error; /* NULL: must end well */
} hooks[] = {
	{ "nothing", "", NULL },
	{ "an endless loop", "while true do end", "ran more than" },
	{ "one that catches errors",
	    "while true do pcall(function() while true do end end) end",
	    "ran more than" },
	{ "one that catches them with a handler",
	    "while true do xpcall(error, function() while true do end end) end",
	    "ran more than" },
	{ "one in a handler of its own end",
	    "local function f() while true do end end "
	    "while true do xpcall(f, f) end",
	    "ran more than" },
	{ "one in a finalizer",
	    "setmetatable({}, { __gc = function() while true do end end })",
	    "policies have no __gc" },
	{ "one in an error's __tostring",
	    "error(setmetatable({}, { __tostring = function() while true do "
	    "end "
	    "end }))",
	    "ran more than" },
	{ "one in __close",
	    "local x <close> = setmetatable({}, { __close = function() while "
	    "true do end end }) while true do end",
	    "ran more than" },
	{ "one in a sort's comparison",
	    "table.sort({ 1, 2, 3 }, function() while true do end end)",
	    "ran more than" },
	{ "xpcall says what pcall says",
	    "local ok, a, b = xpcall(function(...) return ... end, error, 1, "
	    "2) assert(ok and a == 1 and b == 2) "
	    "local no, e = xpcall(error, function(m) return m .. '!' end, 'x') "
	    "assert(no == false and e == 'x!')",
	    NULL },
	{ "an endless recursion", "local function f() return 1 + f() end f()",
	    "KiB of memory" },
	{ "too much memory", "local t = {} for i = 1, 1e9 do t[i] = {} end",
	    "KiB of memory" },
	{ "and again: the state has recovered", "local t = {} return #t",
	    NULL },
	{ "memory inside pcall, again and again",
	    "while true do pcall(function() local t = {} for i = 1, 1e9 do "
	    "t[i] = {} end end) end",
	    "ran more than" },
	{ "a pattern that takes hours",
	    "return (('a'):rep(400)):find('.-.-.-.-b')",
	    "could take too long" },
	{ "the same by gsub",
	    "return string.gsub(('a'):rep(400), '.-.-.-.-b', '')",
	    "could take too long" },
	{ "the same by gmatch",
	    "for _ in (('a'):rep(400)):gmatch('a*a*a*a*b') do end",
	    "could take too long" },
	{ "a plain search of that text",
	    "return (('a'):rep(400)):find('.-.-.-.-b', 1, true)", NULL },
	{ "an everyday pattern",
	    "return ('550 5.7.1 no'):match('^(%d+) (%d+%.%d+%.%d+) (.*)$')",
	    NULL },
	{ "repetitions in a set are none",
	    "return (('x'):rep(5000)):match('^[*+-]+')", NULL },
	{ "a long repetition of nothing", "return (''):rep(1e15)",
	    "more than 16 MiB" },
	{ "a long repetition", "return ('ab'):rep(1e9)", "more than 16 MiB" },
	{ "moving the world",
	    "return table.move({}, 1, math.maxinteger - 1, 2)", "table.move" },
	{ "no os", "return os.time()", "policies have no os" },
	{ "no io", "return io", "policies have no io" },
	{ "no load", "return load('return 1')", "policies have no load" },
	{ "no debug", "return debug", "policies have no debug" },
	{ "no coroutines", "return coroutine", "policies have no coroutine" },
	{ "no garbage collector", "return collectgarbage('count')",
	    "policies have no collectgarbage" },
	{ "no bytecode", "return string.dump(function() end)",
	    "attempt to call a nil value" },
	{ "no randomness", "return math.random()",
	    "attempt to call a nil value" },
	{ "no globals", "leak = 1", "policies have no globals" },
	{ "strings stay what they are", "getmetatable('').__index = {}",
	    "attempt to index a boolean value" },
	{ "d stays what it is", "d.accept = 1", "d.accept cannot be set" },
	{ "nor by its metatable", "setmetatable(d, {})", "protected" },
	{ "no new hops", "d.hop 'x' { hosts = { 'a' } }",
	    "top level, not for a hook" },
	{ "no new routes", "d.route { refuse = '550 no' }",
	    "top level, not for a hook" },
	{ "no new questions", "d.on.connect = print",
	    "policies have no print" },
	{ "no new answers either", "d.on.connect = function() end",
	    "while the policy loads" },
	{ "no new files", "return require 'site.routes'",
	    "top level, not for a hook" },
	{ "an unknown name of d", "return d['refu' .. 's']",
	    "no d.refus; did you mean \"refuse\"?" },
	{ "an unknown var", "return d.vars['h' .. 'x']", "no vars \"hx\"" },
	{ "a var", "assert(d.vars.hq == '10.0.0.5:25')", NULL },
	{ "an error that is a table", "error({})", "called with a table" },
	{ "an error with text", "error('so')", "policy.lua:3: so" },
	{ "the library's own", "return ('x'):rep({})",
	    "policy.lua:3: bad argument" },
};

static void
a_hook_cannot_break_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
		char *text = dg_sprintf("local d = require 'dragoman'\n"
					"d.on.report = function()\n%s\nend\n"
					"return d\n",
		    hooks[i].body);
		struct dg_policy_options o = options(NULL);
		struct dg_policy_state *s;
		struct dg_errors errors;
		struct dg_policy *p;
		struct dg_err e = { 0 };
		struct dg_buf out;
		enum dg_rc rc;

		print_message("  %s\n", hooks[i].why);
		o.memory_max = 4 * 1024 * 1024;
		o.load_instructions = 100000;
		dg_buf_init(&out, 10000);
		dg_errors_init(&errors);
		p = load_text_as(o, text, &out);
		if (p == NULL)
			fail_msg("%s", dg_buf_z(&out));
		s = dg_policy_state_new(p, &errors);
		assert_non_null(s);
		for (int again = 0; again < 2; again++) {
			int top = lua_gettop(s->vm.L);

			dg_vm_push_hook(s->vm.L, 1);
			rc = dg_vm_run(&s->vm, s->vm.L, 0, 2000000, &e);
			assert_int_equal(lua_gettop(s->vm.L), top);
			assert_int_equal(rc,
			    hooks[i].error != NULL ? DG_E_POLICY : DG_OK);
			if (hooks[i].error == NULL)
				continue;
			if (strstr(e.text, hooks[i].error) == NULL)
				fail_msg("%s", e.text);
			assert_memory_equal(e.text, "policy.lua:3: ", 14);
		}
		dg_policy_state_free(s);
		dg_policy_free(p);
		dg_errors_fini(&errors);
		dg_buf_fini(&out);
		free(text);
	}
}

static void
a_place_in_front_of_a_message_is_read(void **state)
{
	struct dg_policy *p = good("local d = require 'dragoman'\nreturn d\n");
	struct dg_errors errors;
	struct dg_policy_state *s;
	const char *behind;
	struct dg_where w;

	(void)state;
	dg_errors_init(&errors);
	s = dg_policy_state_new(p, &errors);
	assert_non_null(s);
	w = dg_vm_place(&s->vm, "policy.lua:12: why: not", &behind);
	assert_string_equal(w.file, "policy.lua");
	assert_int_equal(w.line, 12);
	assert_string_equal(behind, "why: not");
	w = dg_vm_place(&s->vm, "other.lua:12: why", &behind);
	assert_null(w.file);
	assert_string_equal(behind, "other.lua:12: why");
	w = dg_vm_place(&s->vm, "policy.lua:x: why", &behind);
	assert_null(w.file);
	w = dg_vm_place(&s->vm, "policy.lua:99999999999999999999: why",
	    &behind);
	assert_null(w.file);
	dg_policy_state_free(s);
	dg_policy_free(p);
	dg_errors_fini(&errors);
}

/* The allocator's failures at every size: no leak, no crash, an error. */
static void
a_state_too_small_is_an_error_at_any_size(void **state)
{
	(void)state;
	for (size_t memory = 1000; memory < 140000; memory += 997) {
		struct dg_policy_options o = options(NULL);
		struct dg_policy *p;
		struct dg_buf out;

		o.memory_max = memory;
		dg_buf_init(&out, 10000);
		p = load_text_as(o,
		    "local d = require 'dragoman'\n"
		    "d.hop 'x' { hosts = { 'a', 'b' } }\n"
		    "d.route { hop = 'x' }\n"
		    "d.words { like = 'msexch-1998' }\n",
		    &out);
		if (p == NULL)
			assert_true(out.n > 0);
		dg_policy_free(p);
		dg_buf_fini(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hook_cannot_break_out),
		cmocka_unit_test(a_place_in_front_of_a_message_is_read),
		cmocka_unit_test(a_state_too_small_is_an_error_at_any_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
