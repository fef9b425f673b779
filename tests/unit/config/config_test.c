/*
 * config_test.c - good settings: what they become, where they came from, what
 * --set does to them, how they are shown.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dragoman/config/config.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define LEAST \
	"listeners: { lan: { address: 127.0.0.1:25 } }\n" \
	"spool: { path: spool }\n" \
	"policy: { files: [policy.lua] }\n" \
	"hostname: mx.hq.example\n"

/* POLICY-API section 1, to the letter. */
static const char example[] =
    "listeners: { ims: { address: \"0.0.0.0:25\", tls: { certificate: c.pem, "
    "key: k.pem } } }   # tls optional; mode: starttls | implicit | sense\n"
    "workers: 1                              # default: the number of "
    "processors\n"
    "spool:   { path: /var/lib/dragoman }\n"
    "policy:  { files: [policy.lua], allow: [] }          # allow: which of "
    "d.dns, d.http, d.kv ... a policy may use\n"
    "users:   { ims: { file: users } }                    # who may log in\n"
    "secrets: { hq-service: { file: hq-service.secret }, branch-service: { "
    "file: branch-service.secret } }   # also credential: env:\n"
    "tokens:  {}                                          # OAuth 2, later\n"
    "vars:    { hq: \"10.0.0.5:25\", branch: \"10.1.0.5:25\", hq_domain: "
    "hq.example, branch_domain: branch.example,\n"
    "           hq_network: 10.0.0.0/24, branch_network: 10.1.0.0/24 }\n"
    "postmaster: postmaster@hq.example       # where double bounces go\n"
    "control: control                        # the control socket\n"
    "run_as:  \"\"                             # default: stay\n"
    "limits:  {}                             # one table\n"
    "dns:     { servers: [] }                # default: the system's\n"
    "log:     { format: text }               # text | json\n";

static struct dg_config *
load(const char *yaml, const char *const *sets)
{
	struct dg_errors errors;
	struct dg_buf out;
	struct dg_config *c;

	dg_errors_init(&errors);
	dg_buf_init(&out, 1 << 20);
	c = dg_config_load_text("/etc/d/d.yaml", dg_str(yaml), sets, &errors);
	dg_errors_add_to(&errors, &out);
	if (c == NULL)
		fail_msg("%s", dg_buf_z(&out));
	assert_int_equal(errors.n, 0);
	dg_buf_fini(&out);
	dg_errors_fini(&errors);
	return c;
}

/* The messages that a file and its sets give. */
static void
assert_refused(const char *yaml, const char *const *sets, const char *messages)
{
	struct dg_errors errors;
	struct dg_buf out;
	struct dg_config *c;

	dg_errors_init(&errors);
	dg_buf_init(&out, 1 << 20);
	c = dg_config_load_text("d.yaml", dg_str(yaml), sets, &errors);
	dg_errors_add_to(&errors, &out);
	assert_string_equal(dg_buf_z(&out), messages);
	assert_null(c);
	dg_buf_fini(&out);
	dg_errors_fini(&errors);
}

static void
assert_where(struct dg_config_where w, const char *file, unsigned line,
    unsigned column)
{
	if (file == NULL)
		assert_null(w.file);
	else
		assert_string_equal(w.file, file);
	assert_int_equal(w.line, line);
	assert_int_equal(w.column, column);
}

static void
the_example_of_the_manual_is_taken(void **state)
{
	struct dg_config *c = load(example, NULL);

	(void)state;
	assert_string_equal(c->file, "/etc/d/d.yaml");
	assert_int_equal(c->n_listeners, 1);
	assert_string_equal(c->listeners[0].name, "ims");
	assert_string_equal(c->listeners[0].address, "0.0.0.0:25");
	assert_string_equal(c->listeners[0].tls_certificate, "/etc/d/c.pem");
	assert_string_equal(c->listeners[0].tls_key, "/etc/d/k.pem");
	assert_string_equal(c->listeners[0].tls_mode, "starttls");
	assert_where(c->listeners[0].where, "/etc/d/d.yaml", 1, 30);
	assert_where(c->listeners[0].tls_where, "/etc/d/d.yaml", 1, 64);
	assert_int_equal(c->workers, 1);
	assert_string_equal(c->spool_path, "/var/lib/dragoman");
	assert_string_equal(c->policy_files[0], "/etc/d/policy.lua");
	assert_null(c->policy_files[1]);
	assert_null(c->policy_allow[0]);
	assert_where(c->policy_where, "/etc/d/d.yaml", 4, 19);
	assert_int_equal(c->n_users, 1);
	assert_string_equal(c->users[0].file, "/etc/d/users");
	assert_null(c->users[0].env);
	assert_where(c->users[0].where, "/etc/d/d.yaml", 5, 25);
	assert_int_equal(c->n_secrets, 2);
	assert_string_equal(c->secrets[1].name, "branch-service");
	assert_string_equal(c->secrets[1].file, "/etc/d/branch-service.secret");
	assert_int_equal(c->n_vars, 6);
	assert_string_equal(c->vars[5].name, "branch_network");
	assert_string_equal(c->vars[5].value, "10.1.0.0/24");
	assert_where(c->vars[5].where, "/etc/d/d.yaml", 9, 53);
	assert_string_equal(c->postmaster, "postmaster@hq.example");
	assert_string_equal(c->control, "/etc/d/control");
	assert_string_equal(c->run_as, "");
	assert_string_equal(c->log_format, "text");
	assert_null(c->tls_ca);
	assert_null(c->dns_servers[0]);
	dg_config_free(c);
}

static void
every_limit_has_its_default(void **state)
{
	struct dg_config *c = load(LEAST, NULL);
	const struct dg_config_limits *l = &c->limits;

	(void)state;
	assert_int_equal(l->size, 50 << 20);
	assert_int_equal(l->recipients, 1000);
	assert_int_equal(l->connections, 50);
	assert_int_equal(l->line, 2048);
	assert_int_equal(l->errors, 20);
	assert_int_equal(l->auths, 10);
	assert_int_equal(l->received, 50);
	assert_int_equal(l->header, 1 << 20);
	assert_int_equal(l->reserve, 4 << 20);
	assert_int_equal(l->journal, 64 << 20);
	assert_int_equal(l->lane_connections, 10);
	assert_int_equal(l->hop_connections, 500);
	assert_int_equal(l->messages_a_connection, 100);
	assert_int_equal(l->idle_ms, 300000);
	assert_int_equal(l->soft_end_ms, 20000);
	assert_int_equal(l->connect_ms, 30000);
	assert_int_equal(l->reply_ms, 300000);
	assert_int_equal(l->data_ms, 600000);
	assert_int_equal(l->generations, 8);
	assert_int_equal(l->policy_memory, 64 << 20);
	assert_int_equal(l->policy_instructions, 10000000);
	assert_int_equal(l->policy_run_ms, 250);
	assert_int_equal(c->n_questions, 0);
	dg_config_free(c);
}

static void
a_question_has_what_was_said_of_it(void **state)
{
	static const char *const sets[] = { "limits.questions.tick.wait=1m",
		NULL };
	struct dg_config *c = load(LEAST
	    "limits:\n  questions:\n    reply: { instructions: 5000, run: 10ms, "
	    "wait: 5s, result: 2k }\n    report: { run: 20ms }\n",
	    sets);
	struct dg_buf out;

	(void)state;
	assert_int_equal(c->n_questions, 3);
	assert_string_equal(c->questions[0].name, "reply");
	assert_int_equal(c->questions[0].instructions, 5000);
	assert_int_equal(c->questions[0].run_ms, 10);
	assert_int_equal(c->questions[0].wait_ms, 5000);
	assert_int_equal(c->questions[0].result, 2048);
	assert_int_equal(c->questions[0].where.line, 7);
	assert_int_equal(c->questions[0].where.column, 5);
	assert_string_equal(c->questions[1].name, "report");
	assert_int_equal(c->questions[1].run_ms, 20);
	assert_int_equal(c->questions[1].instructions, 0);
	assert_int_equal(c->questions[1].wait_ms, 0);
	assert_int_equal(c->questions[1].result, 0);
	assert_string_equal(c->questions[2].name, "tick");
	assert_string_equal(c->questions[2].where.file,
	    "--set limits.questions.tick.wait");
	dg_buf_init(&out, 100000);
	dg_config_print(c, &out);
	assert_non_null(strstr(dg_buf_z(&out),
	    "limits.questions.reply.result = 2k   # /etc/d/d.yaml:7\n"));
	assert_non_null(strstr(dg_buf_z(&out),
	    "limits.questions.tick.wait = 1m   # --set"));
	dg_buf_fini(&out);
	dg_config_free(c);
}

static void
defaults_are_worked_out_from_the_rest(void **state)
{
	struct dg_config *c = load(LEAST, NULL);

	(void)state;
	assert_string_equal(c->spool_path, "/etc/d/spool");
	assert_string_equal(c->control, "/etc/d/spool/control");
	assert_string_equal(c->postmaster, "postmaster@mx.hq.example");
	assert_true(c->workers >= 1);
	assert_null(c->listeners[0].tls_certificate);
	assert_null(c->listeners[0].tls_key);
	assert_null(c->listeners[0].tls_mode);
	assert_where(dg_config_where(c, "control", 0), NULL, 0, 0);
	dg_config_free(c);
}

static void
the_system_has_a_name(void **state)
{
	struct dg_config *c =
	    load("listeners: { lan: { address: 127.0.0.1:25 } }\n"
		 "spool: { path: s }\npolicy: { files: [p] }\n",
		NULL);

	(void)state;
	assert_true(strlen(c->hostname) > 0);
	dg_config_free(c);
}

static void
block_and_flow_style_are_the_same(void **state)
{
	struct dg_config *c = load("\xef\xbb\xbf%YAML 1.1\n---\n"
				   "listeners:\n"
				   "  lan:\n"
				   "    address: '[::1]:25'\n"
				   "  wan:\n"
				   "    address: 10.0.0.1:25\n"
				   "spool:\n"
				   "  path: ./a/../b\n"
				   "policy:\n"
				   "  files:\n"
				   "  - one.lua\n"
				   "  - \"/two.lua\"\n"
				   "  allow: [dns, kv]\n"
				   "users:\n"
				   "vars: ~\n"
				   "limits:\n"
				   "  size: 10M\n"
				   "  idle: 250ms\n"
				   "dns: { servers: [10.0.0.53, \"::1\"] }\n"
				   "...\n",
	    NULL);

	(void)state;
	assert_int_equal(c->n_listeners, 2);
	assert_string_equal(c->listeners[0].address, "[::1]:25");
	assert_string_equal(c->listeners[1].name, "wan");
	assert_string_equal(c->spool_path, "/etc/d/a/../b");
	assert_string_equal(c->policy_files[0], "/etc/d/one.lua");
	assert_string_equal(c->policy_files[1], "/two.lua");
	assert_string_equal(c->policy_allow[1], "kv");
	assert_where(dg_config_where(c, "policy.files", 1), "/etc/d/d.yaml", 13,
	    5);
	assert_where(dg_config_where(c, "policy.files", 2), NULL, 0, 0);
	assert_where(dg_config_where(c, "policy.fil", 0), NULL, 0, 0);
	assert_int_equal(c->limits.size, 10 << 20);
	assert_int_equal(c->limits.idle_ms, 250);
	assert_string_equal(c->dns_servers[1], "::1");
	assert_int_equal(c->n_users, 0);
	assert_int_equal(c->n_vars, 0);
	dg_config_free(c);
}

static void
values_are_texts_whatever_yaml_thinks(void **state)
{
	struct dg_config *c = load(LEAST
	    "vars: { a: 010, b: yes, c: 1e3, d: \"\", e: \"null\", f: '~',\n"
	    "        g: a b, h: \"\\u00e9\", yes: no, 7: 8 }\n",
	    NULL);
	static const char *const wanted[][2] = { { "a", "010" }, { "b", "yes" },
		{ "c", "1e3" }, { "d", "" }, { "e", "null" }, { "f", "~" },
		{ "g", "a b" }, { "h", "\xc3\xa9" }, { "yes", "no" },
		{ "7", "8" } };

	(void)state;
	assert_int_equal(c->n_vars, N(wanted));
	for (size_t i = 0; i < N(wanted); i++) {
		assert_string_equal(c->vars[i].name, wanted[i][0]);
		assert_string_equal(c->vars[i].value, wanted[i][1]);
	}
	dg_config_free(c);
}

/* ---- secrets ---- */

static void
a_secret_has_one_of_three_sources(void **state)
{
	struct dg_config *c;

	(void)state;
	setenv("CREDENTIALS_DIRECTORY", "/run/credentials/d", 1);
	c = load(LEAST "secrets:\n"
		       "  a: { file: a.secret }\n"
		       "  b: { credential: b-name }\n"
		       "  c: { env: C_SECRET }\n",
	    NULL);
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_int_equal(c->n_secrets, 3);
	assert_string_equal(c->secrets[0].file, "/etc/d/a.secret");
	assert_null(c->secrets[0].env);
	assert_string_equal(c->secrets[1].file, "/run/credentials/d/b-name");
	assert_null(c->secrets[1].env);
	assert_null(c->secrets[2].file);
	assert_string_equal(c->secrets[2].env, "C_SECRET");
	assert_where(c->secrets[2].where, "/etc/d/d.yaml", 8, 13);
	dg_config_free(c);
}

/* ---- --set ---- */

static void
set_makes_the_example_run_elsewhere(void **state)
{
	const char *sets[] = { "listeners.ims.address=127.0.0.1:2525",
		"vars.hq=127.0.0.1:2550", "users.ims.file=/x/users",
		"secrets.hq-service.file=/x/secret", "spool.path=/x", NULL };
	struct dg_config *c = load(example, sets);

	(void)state;
	assert_string_equal(c->listeners[0].address, "127.0.0.1:2525");
	assert_string_equal(c->listeners[0].tls_key, "/etc/d/k.pem");
	assert_where(c->listeners[0].where, "--set listeners.ims.address", 0,
	    0);
	assert_int_equal(c->n_vars, 6);
	assert_string_equal(c->vars[0].value, "127.0.0.1:2550");
	assert_string_equal(c->users[0].file, "/x/users");
	assert_where(c->users[0].where, "--set users.ims.file", 0, 0);
	assert_string_equal(c->secrets[0].file, "/x/secret");
	assert_string_equal(c->secrets[1].file, "/etc/d/branch-service.secret");
	assert_string_equal(c->spool_path, "/x");
	dg_config_free(c);
}

static void
set_makes_missing_maps_and_needs_no_yaml(void **state)
{
	const char *sets[] = { "listeners.a.address=[::1]:25", "spool.path=/s",
		"policy.files=[a.lua, \"/b c.lua\"]", "policy.allow=[]",
		"vars.equal=a=b", "vars.list=[not, a, list]",
		"vars.none=", "limits.idle=1s", "limits.size=1k", "workers=3",
		"workers=4", "listeners.a.tls.certificate=c",
		"listeners.a.tls.key=k", "listeners.a.tls.mode=implicit",
		NULL };
	struct dg_config *c = load("", sets);
	char cwd[PATH_MAX], path[PATH_MAX + 10];

	(void)state;
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	snprintf(path, sizeof(path), "%s/a.lua", cwd);
	assert_string_equal(c->listeners[0].address, "[::1]:25");
	assert_string_equal(c->policy_files[0], path);
	assert_string_equal(c->policy_files[1], "/b c.lua");
	assert_null(c->policy_files[2]);
	assert_where(dg_config_where(c, "policy.files", 1),
	    "--set policy.files", 0, 0);
	assert_string_equal(c->vars[0].value, "a=b");
	assert_string_equal(c->vars[1].value, "[not, a, list]");
	assert_string_equal(c->vars[2].value, "");
	assert_int_equal(c->limits.idle_ms, 1000);
	assert_int_equal(c->limits.size, 1024);
	assert_int_equal(c->workers, 4);
	snprintf(path, sizeof(path), "%s/k", cwd);
	assert_string_equal(c->listeners[0].tls_key, path);
	assert_string_equal(c->listeners[0].tls_mode, "implicit");
	dg_config_free(c);
}

static void
set_wins_over_what_is_wrong_in_the_file(void **state)
{
	const char *sets[] = { "limits.size=1M", "workers=2", NULL };
	struct dg_config *c =
	    load(LEAST "limits: { size: many }\nworkers: [x]\n", sets);

	(void)state;
	assert_int_equal(c->limits.size, 1 << 20);
	assert_int_equal(c->workers, 2);
	dg_config_free(c);
}

static const struct {
	const char *why, *set, *error;
} bad_sets[] = {
	{ "no value", "workers",
	    "--set: expected key=value, found \"workers\"\n" },
	{ "no key", "=x", "--set : not a key: names with dots between them\n" },
	{ "a part is empty", "limits..size=1",
	    "--set limits..size: not a key: names with dots between them\n" },
	{ "a dot at the end", "limits.=1",
	    "--set limits.: not a key: names with dots between them\n" },
	{ "unknown", "limits.sise=1M",
	    "--set limits.sise: unknown key \"sise\" in limits; did you mean "
	    "\"size\"?\n" },
	{ "unknown at the top", "listener.a.address=127.0.0.1:25",
	    "--set listener.a.address: unknown key \"listener\"; did you mean "
	    "\"listeners\"?\n" },
	{ "wrong type", "limits.size=big",
	    "--set limits.size: limits.size: expected a size such as 50M, from "
	    "1 to 2G, found \"big\"\n" },
	{ "a map in one value", "limits={}",
	    "--set limits: limits: expected a map, found \"{}\"\n" },
	{ "a text for a list", "policy.files=a.lua",
	    "--set policy.files: policy.files: expected a list of paths such "
	    "as [policy.lua], found \"a.lua\"; put [ ] around it\n" },
	{ "a list that is no YAML", "policy.files=[a.lua",
	    "--set policy.files: a \",\" or \"]\" is missing before this, for "
	    "the \"[\" in line 1\n" },
	{ "below a text", "hostname.x=1",
	    "--set hostname.x: hostname is no map in d.yaml\n" },
	{ "below a list", "policy.files.0=x",
	    "--set policy.files.0: policy.files is no map in d.yaml\n" },
	{ "later", "users.a.any=true",
	    "--set users.a.any: users.a.any is not available in this "
	    "version\n" },
	{ "two lines", "vars.a=x\ny",
	    "--set vars.a: the value must be one line of UTF-8 text\n" },
	{ "not UTF-8", "vars.a=\xff",
	    "--set vars.a: the value must be one line of UTF-8 text\n" },
	{ "a secret where its file belongs", "secrets.a=svc:hunter2",
	    "--set secrets.a: secrets.a: expected a map, found a text that is "
	    "not shown here\n" },
	{ "incomplete", "listeners.b.tls.key=k",
	    "--set listeners.b.tls.key: listeners.b.address is missing\n"
	    "--set listeners.b.tls.key: listeners.b.tls.certificate is "
	    "missing\n" },
	{ "deeper than anything", "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r=1",
	    "--set a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r: not a key: names with "
	    "dots between them\n"
	    "--set a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r: unknown key \"a\"; "
	    "known here: hostname, listeners, workers, spool, policy, users, "
	    "secrets, vars, postmaster, control, run_as, limits, dns, tls, "
	    "log\n" },
};

static void
set_is_refused_with_its_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(bad_sets); i++) {
		const char *sets[] = { bad_sets[i].set, NULL };

		print_message("  %s\n", bad_sets[i].why);
		assert_refused(LEAST, sets, bad_sets[i].error);
	}
}

static void
mistakes_of_file_and_set_come_together(void **state)
{
	const char *sets[] = { "workers=0", "nonsense", NULL };

	(void)state;
	assert_refused(LEAST "limits: { size: x }\n", sets,
	    "--set: expected key=value, found \"nonsense\"\n"
	    "--set workers: workers: expected a whole number from 1 to 256, "
	    "found \"0\"\n"
	    "d.yaml:5:17: limits.size: expected a size such as 50M, from 1 to "
	    "2G, found \"x\"\n");
}

/* ---- files ---- */

static void
a_missing_file_is_one_error(void **state)
{
	struct dg_errors errors;
	struct dg_buf out;

	(void)state;
	dg_errors_init(&errors);
	dg_buf_init(&out, 4096);
	assert_null(dg_config_load("no/such.yaml", NULL, &errors));
	assert_null(dg_config_load("tests", NULL, &errors));
	dg_errors_add_to(&errors, &out);
	assert_string_equal(dg_buf_z(&out),
	    "no/such.yaml: cannot be read: No such file or directory\n"
	    "tests: cannot be read: Is a directory\n");
	dg_buf_fini(&out);
	dg_errors_fini(&errors);
}

static void
paths_are_relative_to_the_yaml(void **state)
{
	static const struct {
		const char *why, *file, *spool;
	} cases[] = {
		{ "absolute", "/etc/d/d.yaml", "/etc/d/s" },
		{ "in the root", "/d.yaml", "/s" },
		{ "beside us", "d.yaml", "%s/s" },
		{ "below us", "a/b/d.yaml", "%s/a/b/s" },
		{ "above us", "../d.yaml", "%s/../s" },
	};
	char cwd[PATH_MAX], wanted[PATH_MAX + 100];

	(void)state;
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	for (size_t i = 0; i < N(cases); i++) {
		struct dg_errors errors;
		struct dg_config *c;
		const char *behind = cases[i].spool;

		print_message("  %s\n", cases[i].why);
		dg_errors_init(&errors);
		c = dg_config_load_text(cases[i].file,
		    DG_STR("listeners: { a: { address: 127.0.0.1:25 } }\n"
			   "spool: { path: s }\npolicy: { files: [p] }\n"
			   "hostname: h\n"),
		    NULL, &errors);
		assert_non_null(c);
		snprintf(wanted, sizeof(wanted), "%s%s",
		    behind[0] == '%' ? cwd : "",
		    behind[0] == '%' ? behind + 2 : behind);
		assert_string_equal(c->spool_path, wanted);
		dg_config_free(c);
		dg_errors_fini(&errors);
	}
}

/* ---- showing ---- */

static void
assert_has_line(const struct dg_buf *text, const char *line)
{
	char *wanted = dg_sprintf("\n%s\n", line);
	char *all = dg_sprintf("\n%.*s", DG_FMT(dg_buf_str(text)));

	if (strstr(all, wanted) == NULL)
		fail_msg("no line \"%s\" in\n%s", line, all);
	free(wanted);
	free(all);
}

static void
print_shows_value_origin_and_restart(void **state)
{
	const char *sets[] = { "spool.path=/x", "vars.q=say \"hi\"",
		"vars.none=", NULL };
	struct dg_config *c =
	    load(LEAST "limits: { size: 1048576 }\n"
		       "secrets: { a: { env: A } }\n"
		       "dns: { servers: [\"::1\", 10.0.0.1] }\n",
		sets);
	struct dg_buf out;

	(void)state;
	dg_buf_init(&out, 1 << 20);
	dg_config_print(c, &out);
	assert_has_line(&out,
	    "listeners.lan.address = 127.0.0.1:25   # /etc/d/d.yaml:1; needs a "
	    "restart");
	assert_has_line(&out, "spool.path = /x   # --set; needs a restart");
	assert_has_line(&out,
	    "control = /x/control   # default; needs a restart");
	assert_has_line(&out,
	    "policy.files = [/etc/d/policy.lua]   # /etc/d/d.yaml:3");
	assert_has_line(&out, "vars.q = \"say \\\"hi\\\"\"   # --set");
	assert_has_line(&out, "vars.none = \"\"   # --set");
	assert_has_line(&out, "limits.size = 1M   # /etc/d/d.yaml:5");
	assert_has_line(&out, "limits.idle = 5m   # default");
	assert_has_line(&out, "secrets.a.env = A   # /etc/d/d.yaml:6");
	assert_has_line(&out,
	    "dns.servers = [::1, 10.0.0.1]   # /etc/d/d.yaml:7; needs a "
	    "restart");
	assert_has_line(&out, "tls.ca = \"\"   # default");
	/* What is not there is not shown as if it were. */
	assert_null(strstr(dg_buf_z(&out), "listeners.lan.tls"));
	assert_null(strstr(dg_buf_z(&out), "secrets.a.file"));
	dg_buf_fini(&out);
	dg_config_free(c);
}

static void
restart_keys_are_those_that_differ(void **state)
{
	static const char *const before[] = { "workers=1",
		"listeners.old.address=127.0.0.1:26", "limits.size=1M", NULL };
	static const struct {
		const char *why, *sets[5], *keys;
	} cases[] = {
		{ "nothing differs", { before[0], before[1], before[2], NULL },
		    "" },
		{ "a reload takes it",
		    { before[0], before[1], "limits.size=2M", "vars.x=y" },
		    "" },
		{ "changed", { "workers=2", before[1], before[2] }, "workers" },
		{ "what is computed goes along",
		    { before[0], before[1], "spool.path=/elsewhere" },
		    "spool.path, control" },
		{ "gone", { before[0], before[2] }, "listeners.old.address" },
		{ "new and gone",
		    { before[0], "listeners.new.address=127.0.0.1:27" },
		    "listeners.old.address, listeners.new.address" },
	};
	struct dg_config *now = load(LEAST, before);

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct dg_config *next = load(LEAST, cases[i].sets);
		struct dg_buf out;

		print_message("  %s\n", cases[i].why);
		dg_buf_init(&out, 4096);
		(void)dg_buf_adds(&out, "keys: ");
		dg_config_restart_keys(now, next, &out);
		assert_string_equal(dg_buf_z(&out) + 6, cases[i].keys);
		dg_buf_fini(&out);
		dg_config_free(next);
	}
	dg_config_free(now);
}

static void
document_names_every_key(void **state)
{
	static const char *const wanted[] = { "hostname",
		"listeners.NAME.tls.certificate", "secrets.NAME.credential",
		"vars.NAME", "limits.soft_end",
		"    a size such as 50M, from 1 to 2G; default: 50M",
		"    \"text\" or \"json\"; default: text; needs a restart" };
	struct dg_buf out;

	(void)state;
	dg_buf_init(&out, 1 << 20);
	dg_config_document(&out);
	for (size_t i = 0; i < N(wanted); i++)
		assert_has_line(&out, wanted[i]);
	/* What is not available is not advertised. */
	assert_null(strstr(dg_buf_z(&out), "sense"));
	assert_null(strstr(dg_buf_z(&out), "ntlm_auth"));
	for (const char *p = dg_buf_z(&out), *end; *p != '\0'; p = end + 1) {
		end = strchr(p, '\n');
		assert_non_null(end);
		assert_true(end - p <= 78);
	}
	dg_buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_manual_is_taken),
		cmocka_unit_test(every_limit_has_its_default),
		cmocka_unit_test(a_question_has_what_was_said_of_it),
		cmocka_unit_test(defaults_are_worked_out_from_the_rest),
		cmocka_unit_test(the_system_has_a_name),
		cmocka_unit_test(block_and_flow_style_are_the_same),
		cmocka_unit_test(values_are_texts_whatever_yaml_thinks),
		cmocka_unit_test(a_secret_has_one_of_three_sources),
		cmocka_unit_test(set_makes_the_example_run_elsewhere),
		cmocka_unit_test(set_makes_missing_maps_and_needs_no_yaml),
		cmocka_unit_test(set_wins_over_what_is_wrong_in_the_file),
		cmocka_unit_test(set_is_refused_with_its_key),
		cmocka_unit_test(mistakes_of_file_and_set_come_together),
		cmocka_unit_test(a_missing_file_is_one_error),
		cmocka_unit_test(paths_are_relative_to_the_yaml),
		cmocka_unit_test(print_shows_value_origin_and_restart),
		cmocka_unit_test(restart_keys_are_those_that_differ),
		cmocka_unit_test(document_names_every_key),
	};

	unsetenv("CREDENTIALS_DIRECTORY");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
