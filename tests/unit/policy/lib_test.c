/* lib_test.c - the gate: what is allowed is there, what is not is told before
 * a hook runs, and nothing that changes is to be had while files run. */
#include "lib.h"

#include "core/policy/lib.h"

static const struct {
	const char *why, *text, *allow[4], *want;
} loads[] = {
	{ "what is allowed is there", "local x = d.sha256('a') .. d.url('b')\n",
	    { "d.sha256", "url" }, "" },
	{ "what is not says what to do",
	    "local x = d.sha256('a')\nlocal y = d.url('b')\n", { "sha256" },
	    "policy.lua:3:11: d.url is not allowed here; add url to "
	    "policy.allow in dragoman.yaml\n" },
	{ "also in a hook that has not run",
	    "d.on.report = function(q) d.alert('a', 'b') end\n", { NULL },
	    "policy.lua:2:27: d.alert is not allowed here; add alert to "
	    "policy.allow in dragoman.yaml\n" },
	{ "also when the scan cannot see it",
	    "local x = d['k' .. 'v']\nx('n'):get('k')\n", { NULL },
	    "policy.lua:2: d.kv is not allowed here; add kv to policy.allow "
	    "in dragoman.yaml\n" },
	{ "a function that a library does not have",
	    "d.on.report = function(q)\n  return d.json.decod(q.reply)\nend\n",
	    { "json" },
	    "policy.lua:3:10: d.json has no decod; did you mean "
	    "\"decode\"?\n" },
	{ "what it has is fine",
	    "d.on.report = function(q)\n  return d.json.decode(q.reply), "
	    "d.json.null, d.url.x\nend\n",
	    { "json", "url" }, "" },
	{ "time is for hooks", "local t = d.time.now()\n", { "time" },
	    "policy.lua:2: d.time.now is for hooks: while the policy files "
	    "run, nothing may depend on the time or on what was kept\n" },
	{ "dates, too", "local t = d.time.date('*t', 0)\n", { "time" },
	    "policy.lua:2: d.time.date is for hooks: while the policy files "
	    "run, nothing may depend on the time or on what was kept\n" },
	{ "a store's name is no use of it", "local s = d.kv 's'\n", { "kv" },
	    "" },
	{ "using it is", "local s = d.kv 's'\nlocal x = s:get('k')\n", { "kv" },
	    "policy.lua:3: d.kv:get is for hooks: while the policy files run, "
	    "nothing may depend on the time or on what was kept\n" },
	{ "a rate", "d.rate('a', '1/s', 'k')\n", { "rate" },
	    "policy.lua:2: d.rate is for hooks: while the policy files run, "
	    "nothing may depend on the time or on what was kept\n" },
	{ "an alert", "d.alert('a', 'b')\n", { "alert" },
	    "policy.lua:2: d.alert is for hooks: while the policy files run, "
	    "nothing may depend on the time or on what was kept\n" },
	{ "pure ones work",
	    "assert(d.cidr('10.0.0.0/8', '10.1.1.1') and "
	    "d.glob('a*', 'ab') and d.find('ab', 'b') == 2)\n",
	    { "cidr", "glob", "find" }, "" },
	{ "pure ones fail with their line", "\nd.cidr('10.0.0.0/8', nil)\n",
	    { "cidr" },
	    "policy.lua:3: d.cidr: address is a nil, but must be a text\n" },
	{ "one that asks others", "local x = d.http\n", { "dns" },
	    "policy.lua:2:11: d.http is not allowed here; add http to "
	    "policy.allow in dragoman.yaml\n" },
};

static void
the_gate_is_closed_before_a_hook_runs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		struct dg_policy_options o = options(NULL);
		char *text = dg_sprintf("local d = require 'dragoman'\n%s",
		    loads[i].text);
		struct dg_policy_allow allow[4];
		struct dg_policy *p;
		struct dg_buf out;

		print_message("  %s\n", loads[i].why);
		o.allow = allow;
		for (; loads[i].allow[o.n_allow] != NULL; o.n_allow++)
			allow[o.n_allow] = (struct dg_policy_allow){
				.name = loads[i].allow[o.n_allow]
			};
		dg_buf_init(&out, 10000);
		p = load_text_as(o, text, &out);
		assert_string_equal(dg_buf_z(&out), loads[i].want);
		assert_int_equal(p == NULL, loads[i].want[0] != '\0');
		dg_policy_free(p);
		dg_buf_fini(&out);
		free(text);
	}
}

static void
a_hook_meets_the_gate_too(void **state)
{
	struct dg_policy *p = good("local d = require 'dragoman'\n"
				   "d.on.report = function(q)\n"
				   "  return d['htt' .. 'p'] or 1\nend\n"
				   "d.on.reply = function(q)\n"
				   "  return d['k' .. 'v'].x\nend\n");
	struct dg_policy_state *s;
	struct dg_errors errors;
	struct dg_err e = { 0 };

	(void)state;
	dg_errors_init(&errors);
	s = dg_policy_state_new(p, &errors);
	dg_vm_push_hook(s->vm.L, 1);
	assert_int_equal(dg_vm_run(&s->vm, s->vm.L, 0, 10000, &e), DG_E_POLICY);
	assert_string_equal(e.text,
	    "policy.lua:3: d.http is not allowed here; add http to "
	    "policy.allow in dragoman.yaml");
	dg_vm_push_hook(s->vm.L, 2);
	assert_int_equal(dg_vm_run(&s->vm, s->vm.L, 0, 10000, &e), DG_E_POLICY);
	assert_string_equal(e.text,
	    "policy.lua:6: d.kv is not allowed here; add kv to policy.allow "
	    "in dragoman.yaml");
	dg_policy_state_free(s);
	dg_policy_free(p);
	dg_errors_fini(&errors);
}

/* What the row says is what the table has. */
static int
check_members(lua_State *L)
{
	static const struct {
		const char *name;
		void (*open)(lua_State *L);
		const char *members;
	} rows[] = {
#define LIB(name, open, members, help) { name, open, members },
#include "core/policy/libs.def"
#undef LIB
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = 0, said = 0;
		struct dg_str s = dg_str(rows[i].members), w;

		rows[i].open(L);
		if (rows[i].members[0] == '\0') {
			if (!lua_isfunction(L, -1))
				luaL_error(L, "%s", rows[i].name);
			continue;
		}
		for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1))
			n++;
		while ((w = dg_str_word(&s)).n > 0) {
			lua_pushlstring(L, w.p, w.n);
			if (lua_rawget(L, -2) == LUA_TNIL)
				luaL_error(L, "%s", rows[i].members);
			lua_pop(L, 1);
			said++;
		}
		if (said != n)
			luaL_error(L, "%s has %d", rows[i].name, (int)n);
	}
	return 0;
}

static void
each_row_is_true_and_helps(void **state)
{
	struct dg_policy *p = good("return 1\n");
	struct dg_policy_state *s;
	struct dg_errors errors;
	struct dg_err e = { 0 };

	(void)state;
	dg_errors_init(&errors);
	s = dg_policy_state_new(p, &errors);
	lua_pushcfunction(s->vm.L, check_members);
	if (dg_vm_run(&s->vm, s->vm.L, 0, 100000, &e) != DG_OK)
		fail_msg("%s", e.text);
	dg_policy_state_free(s);
	dg_policy_free(p);
	dg_errors_fini(&errors);
	for (const char *const *l = dg_library_names(); *l != NULL; l++) {
		const char *help = dg_library_help(*l);
		char *start = dg_sprintf("d.%s", *l);

		assert_memory_equal(help, start, strlen(start));
		assert_non_null(strchr(help, '\n')); /* the example */
		free(start);
	}
	assert_null(dg_library_help("htp"));
}

/* The examples that the manual prints are policies that load.  They are of
 * several questions, so no question's q is looked into. */
static void
each_example_loads(void **state)
{
	(void)state;
	for (const char *const *l = dg_library_names(); *l != NULL; l++) {
		char *text = dg_sprintf(
		    "local d = require 'dragoman'\n"
		    "local answer, status, later, no = {}, '', nil, nil\n"
		    "local function example(q)\n%s\nend\n"
		    "return answer, status, later, no, example\n",
		    strchr(dg_library_help(*l), '\n'));
		struct dg_policy *p;
		struct dg_buf out;

		print_message("  %s\n", *l);
		dg_buf_init(&out, 10000);
		p = load_text_as(lib_options(), text, &out);
		/* d.vars of the example are the reader's own */
		if (p == NULL && strstr(dg_buf_z(&out), "no vars") == NULL)
			fail_msg("%s", dg_buf_z(&out));
		dg_policy_free(p);
		dg_buf_fini(&out);
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_gate_is_closed_before_a_hook_runs),
		cmocka_unit_test(a_hook_meets_the_gate_too),
		cmocka_unit_test(each_row_is_true_and_helps),
		cmocka_unit_test(each_example_loads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
