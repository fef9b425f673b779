/* unused_test.c - warnings about names of the YAML; those about the policy's
 * own rows are in tests/vectors/policy (unused-*, shadow-*). */
#include "help.h"

static const struct dg_policy_name the_vars[] = {
	{ "domain", "hq.example", "dragoman.yaml", 7, 9 },
	{ "old_domain", "old.example", "dragoman.yaml", 8, 9 },
};
static const struct dg_policy_name the_users[] = {
	{ "ims", NULL, "dragoman.yaml", 3, 5 },
	{ "devices", NULL, "--set users.devices.file", 0, 0 },
};
static const struct dg_policy_name the_secrets[] = {
	{ "hq", NULL, "dragoman.yaml", 5, 5 },
	{ "spare", NULL, "dragoman.yaml", 6, 5 },
};
static const struct dg_policy_name the_listeners[] = {
	{ "ims", NULL, "dragoman.yaml", 1, 5 },
	{ "lan", NULL, "dragoman.yaml", 2, 5 },
};

static struct dg_policy_options
yaml(void)
{
	struct dg_policy_options o = options(NULL);

	o.vars = the_vars;
	o.n_vars = 2;
	o.users = the_users;
	o.n_users = 2;
	o.secrets = the_secrets;
	o.n_secrets = 2;
	o.listeners = the_listeners;
	o.n_listeners = 2;
	return o;
}

#define PEER \
	"local d = require \"dragoman\"\n" \
	"d.peer \"hq\" { match = { listener = \"ims\" }, " \
	"auth = { users = \"ims\" } }\n"
#define REST \
	"d.hop \"hq\" { hosts = { \"a\" }, tls = \"verify\", " \
	"login = { \"NTLM\", secret = \"hq\" } }\n"

static const struct {
	const char *why, *policy, *told;
} cases[] = {
	{ "one of each is used, the other is not",
	    PEER REST "d.route { to = d.vars.domain, hop = \"hq\" }\n",
	    "--set users.devices.file: warning: users \"devices\": no peer of "
	    "the policy logs in as one of them\n"
	    "dragoman.yaml:2:5: warning: listener \"lan\": no peer of the "
	    "policy comes that way, so all who do are refused\n"
	    "dragoman.yaml:6:5: warning: secret \"spare\": no hop of the "
	    "policy logs in with it\n"
	    "dragoman.yaml:8:9: warning: vars \"old_domain\": the policy never "
	    "looks at it\n" },
	{ "a hook may look at a var later, by name or through another",
	    PEER REST
	    "d.peer \"b\" { match = { listener = \"lan\", user = \"x\" }, "
	    "auth = { users = \"devices\" } }\n"
	    "d.route { ask = function(q) local v = d.vars "
	    "if q.domain == v.domain then return d.to \"hq\" end end }\n"
	    "d.hop \"b\" { hosts = { \"a\" }, tls = \"verify\", "
	    "login = { \"NTLM\", secret = \"spare\" } }\n",
	    "" },
	{ "nor is any told of when it may be chosen",
	    PEER REST
	    "d.peer \"b\" { match = {}, auth = { users = \"devices\" } }\n"
	    "d.route { ask = function(q) "
	    "if d.vars[q.user] then return d.to \"hq\" end end }\n"
	    "d.hop \"b\" { hosts = { \"a\" }, tls = \"verify\", "
	    "login = { \"NTLM\", secret = \"spare\" } }\n",
	    "" },
	{ "without any peer the listeners are not to blame",
	    "local d = require \"dragoman\"\n" REST
	    "d.route { to = { d.vars.domain, d.vars[\"old_domain\"] }, "
	    "hop = \"hq\" }\n",
	    "--set users.devices.file: warning: users \"devices\": no peer of "
	    "the policy logs in as one of them\n"
	    "dragoman.yaml:3:5: warning: users \"ims\": no peer of the policy "
	    "logs in as one of them\n"
	    "dragoman.yaml:6:5: warning: secret \"spare\": no hop of the "
	    "policy logs in with it\n" },
	{ "an error comes alone",
	    PEER "d.route { hop = \"nowhere\" }\n",
	    "policy.lua:3:11: route: no hop \"nowhere\"\n" },
};

static void
names_that_nothing_uses_are_told_where_yaml_has_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dg_buf out;
		struct dg_policy *p;

		print_message("  %s\n", cases[i].why);
		dg_buf_init(&out, 100000);
		p = load_text_as(yaml(), cases[i].policy, &out);
		assert_string_equal(dg_buf_z(&out), cases[i].told);
		dg_policy_free(p);
		dg_buf_fini(&out);
	}
}

static void
a_library_that_is_allowed_and_not_used_is_told(void **state)
{
	static const struct dg_policy_allow allow[] = {
		{ "json", "dragoman.yaml", 9, 22 },
		{ "d.time", "dragoman.yaml", 9, 28 },
		{ "url", "dragoman.yaml", 9, 36 },
	};
	struct dg_policy_options o = options(NULL);
	struct dg_buf out;

	(void)state;
	o.allow = allow;
	o.n_allow = 3;
	dg_buf_init(&out, 100000);
	dg_policy_free(load_text_as(o,
	    "local d = require \"dragoman\"\n"
	    "d.route { ask = function(q) return d.json.decode(q.user) end }\n"
	    "local u = d.url\n",
	    &out));
	assert_string_equal(dg_buf_z(&out),
	    "dragoman.yaml:9:28: warning: policy.allow: no policy uses "
	    "d.time\n");
	dg_buf_fini(&out);
}

/* What stands behind a mistake in YAML may be the missing name. */
static void
a_broken_yaml_hides_names_without_a_word_of_them(void **state)
{
	struct dg_policy_options o = yaml();
	struct dg_buf out;

	(void)state;
	o.lacks_names = true;
	dg_buf_init(&out, 100000);
	dg_policy_free(load_text_as(o,
	    "local d = require \"dragoman\"\n"
	    "d.peer \"hq\" { match = { listener = \"dmz\" }, "
	    "auth = { users = \"more\" } }\n"
	    "d.hop \"hq\" { hosts = { d.vars.more }, tls = \"verify\", "
	    "login = { \"NTLM\", secret = \"more\" } }\n"
	    "d.route { to = \"a\" .. d.vars.more, hop = \"qh\" }\n",
	    &out));
	assert_string_equal(dg_buf_z(&out),
	    "policy.lua:4:36: route: no hop \"qh\"; did you mean \"hq\"?\n");
	dg_buf_fini(&out);
}

static void
missing_ready_files_are_told_with_the_directories(void **state)
{
	static const char *const dirs[] = { "/nonexistent/policies", "tests",
		NULL };
	struct dg_policy_options o = options(NULL);
	struct dg_buf out;

	(void)state;
	o.ready_dirs = dirs;
	dg_buf_init(&out, 100000);
	dg_policy_free(load_text_as(o,
	    "local d = require \"dragoman\"\n"
	    "d.route { refuse = \"550 5.7.1 no\" }\n",
	    &out));
	assert_string_equal(dg_buf_z(&out),
	    "warning: no ready words are installed, so a report says one plain "
	    "sentence: words/en.lua was looked for in /nonexistent/policies, "
	    "tests\n");
	dg_buf_reset(&out);
	dg_policy_free(load_text_as(o,
	    "local d = require \"dragoman\"\n"
	    "d.hop \"x\" { hosts = { \"a\" }, dialect = \"exchange-5.5\" }\n"
	    "d.words { like = \"msexch-1998\" }\n",
	    &out));
	assert_non_null(strstr(dg_buf_z(&out),
	    "policy.lua:2:30: hop \"x\": dialect: no dialect \"exchange-5.5\" "
	    "is declared, and no ready ones are installed: looked in "
	    "/nonexistent/policies, tests\n"
	    "policy.lua:3:11: words: like: there are no ready words "
	    "\"msexch-1998\", and no others are installed: looked in "
	    "/nonexistent/policies, tests\n"));
	dg_buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    names_that_nothing_uses_are_told_where_yaml_has_them),
		cmocka_unit_test(
		    a_library_that_is_allowed_and_not_used_is_told),
		cmocka_unit_test(
		    a_broken_yaml_hides_names_without_a_word_of_them),
		cmocka_unit_test(
		    missing_ready_files_are_told_with_the_directories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
