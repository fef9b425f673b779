/* state_test.c - several files, ready policies, and states that declare the
 * same as the first run. */
#include "help.h"

#include <sys/stat.h>

#include "../../../core/policy/vm.h"

struct folder {
	char path[32];
	char *files[8]; /* to remove */
	int n;
};

static void
folder_init(struct folder *f)
{
	memset(f, 0, sizeof(*f));
	strcpy(f->path, "/tmp/dragoman-state-XXXXXX");
	assert_non_null(mkdtemp(f->path));
}

static const char *
put(struct folder *f, const char *name, const char *text)
{
	char *path = dg_sprintf("%s/%s", f->path, name);
	char *sub = dg_strdup(path);
	FILE *out;

	*strrchr(sub, '/') = '\0';
	(void)mkdir(sub, 0700);
	free(sub);
	out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
	f->files[f->n++] = path;
	return path;
}

static void
folder_fini(struct folder *f)
{
	for (int i = 0; i < f->n; i++) {
		unlink(f->files[i]);
		*strrchr(f->files[i], '/') = '\0';
		rmdir(f->files[i]);
		free(f->files[i]);
	}
	rmdir(f->path);
}

/* What errors say, without the folder's name. */
static void
says(struct dg_errors *errors, const struct folder *f, const char *want)
{
	struct dg_buf out;
	const char *z, *at;

	dg_buf_init(&out, 100000);
	dg_errors_add_to(errors, &out);
	z = dg_buf_z(&out);
	while ((at = strstr(z, f->path)) != NULL) {
		size_t n = strlen(f->path);

		memmove(out.p + (at - z), at + n, out.n - (size_t)(at - z) - n);
		out.n -= n;
		z = dg_buf_z(&out);
	}
	assert_string_equal(z, want);
	dg_buf_fini(&out);
}

#define HEAD "local d = require 'dragoman'\n"

static void
files_run_in_order_and_share_one_policy(void **state)
{
	struct folder f;
	const char *files[3] = { NULL };
	struct dg_policy_options o = options(files);
	struct dg_errors errors;
	struct dg_policy *p;

	(void)state;
	folder_init(&f);
	files[0] = put(&f, "a.lua",
	    HEAD "local r = require 'site.hops'\n"
		 "assert(r.name == 'x' and require 'site.hops' == r)\n"
		 "d.route { to = 'x.example', hop = r.name }\n");
	files[1] = put(&f, "b.lua", HEAD "d.route { hop = 'y' }\n");
	put(&f, "site/hops.lua",
	    HEAD "d.hop 'x' { hosts = { 'x' } }\n"
		 "d.hop 'y' { hosts = { 'y' } }\n"
		 "return { name = 'x' }\n");
	dg_errors_init(&errors);
	p = dg_policy_load(&o, &errors);
	says(&errors, &f, "");
	assert_non_null(p);
	assert_int_equal(dg_policy_rules(p)->n_hops, 2);
	assert_string_equal(dg_policy_rules(p)->hops[0]->where.file,
	    "site/hops.lua");
	assert_string_equal(dg_policy_rules(p)->routes[1].where.file, "b.lua");
	dg_policy_free(p);
	dg_errors_fini(&errors);
	folder_fini(&f);
}

static void
mistakes_in_several_files_come_at_once(void **state)
{
	struct folder f;
	const char *files[4] = { NULL };
	struct dg_policy_options o = options(files);
	struct dg_errors errors;

	(void)state;
	folder_init(&f);
	files[0] = put(&f, "a.lua", HEAD "d.hop 'x' { hots = { 'x' } }\n");
	files[1] = put(&f, "b.lua", HEAD "d.hop 'y' { hosts = { 'y' }\n");
	files[2] = put(&f, "c.lua", HEAD "d.route { hop = 5 }\n");
	dg_errors_init(&errors);
	assert_null(dg_policy_load(&o, &errors));
	says(&errors, &f,
	    "a.lua:2:13: hop \"x\": unknown field \"hots\"; did you mean "
	    "\"hosts\"?\n"
	    "b.lua:3: '}' expected (to close '{' at line 2) near <eof>\n"
	    "c.lua:2:11: route: hop takes a name, not a number\n");
	dg_errors_fini(&errors);
	folder_fini(&f);
}

static void
files_that_cannot_be_read_or_require_each_other_are_told(void **state)
{
	struct folder f;
	const char *files[4] = { NULL };
	struct dg_policy_options o = options(files);
	struct dg_errors errors;
	char missing[64];

	(void)state;
	folder_init(&f);
	snprintf(missing, sizeof(missing), "%s/missing.lua", f.path);
	files[0] = put(&f, "a.lua", "require 'site.one'\n");
	files[1] = missing;
	files[2] = f.path;
	put(&f, "site/one.lua", "require 'site.two'\n");
	put(&f, "site/two.lua", "\n\nrequire 'site.one'\n");
	dg_errors_init(&errors);
	assert_null(dg_policy_load(&o, &errors));
	says(&errors, &f,
	    ": cannot be read: no regular file\n"
	    "/missing.lua: cannot be read: No such file or directory\n"
	    "site/two.lua:3: site/one.lua requires itself\n");
	dg_errors_fini(&errors);
	folder_fini(&f);
}

static void
two_files_of_one_name_are_told_apart(void **state)
{
	struct folder f;
	const char *files[3] = { NULL };
	struct dg_policy_options o = options(files);
	struct dg_errors errors;
	struct dg_policy *p;

	(void)state;
	folder_init(&f);
	files[0] = put(&f, "policy.lua", HEAD "d.hop 'x' { hosts = { 'x' } }");
	files[1] =
	    put(&f, "other/policy.lua", HEAD "d.hop 'y' { hosts = { 'y' } }");
	dg_errors_init(&errors);
	p = dg_policy_load(&o, &errors);
	assert_non_null(p);
	assert_string_equal(dg_policy_rules(p)->hops[0]->where.file,
	    "policy.lua");
	assert_string_equal(dg_policy_rules(p)->hops[1]->where.file, files[1]);
	dg_policy_free(p);
	dg_errors_fini(&errors);
	folder_fini(&f);
}

static void
no_policy_at_all_relays_nothing(void **state)
{
	static const char *const none[] = { NULL };
	struct dg_policy_options o = options(none);
	struct dg_errors errors;
	struct dg_policy *p;

	(void)state;
	dg_errors_init(&errors);
	p = dg_policy_load(&o, &errors);
	assert_non_null(p);
	assert_int_equal(dg_policy_rules(p)->n_peers, 0);
	assert_int_equal(dg_policy_rules(p)->routes[0].kind, DG_ROUTE_REFUSE);
	assert_string_equal(dg_policy_rules(p)->routes[0].where.file,
	    "default.lua");
	dg_policy_free(p);
	dg_errors_fini(&errors);
}

static void
what_is_no_library_is_refused_in_allow(void **state)
{
	static const struct dg_policy_allow allow[] = {
		{ "d.kv", "x.yaml", 3, 14 },
		{ "dns", "x.yaml", 3, 20 },
		{ "rat", "x.yaml", 4, 5 },
		{ "d.jsn", NULL, 0, 0 },
		{ "json", "x.yaml", 5, 1 },
	};
	struct folder f;
	const char *files[2] = { NULL };
	struct dg_policy_options o = options(files);
	struct dg_errors errors;

	(void)state;
	folder_init(&f);
	files[0] = put(&f, "a.lua", HEAD);
	o.allow = allow;
	o.n_allow = sizeof(allow) / sizeof(allow[0]);
	dg_errors_init(&errors);
	assert_null(dg_policy_load(&o, &errors));
	says(&errors, &f,
	    "policy.allow: no library \"d.jsn\"; did you mean \"json\"?\n"
	    "x.yaml:4:5: policy.allow: no library \"rat\"; did you mean "
	    "\"rate\"?\n");
	dg_errors_fini(&errors);
	folder_fini(&f);
}

static void
a_mistake_in_a_ready_policy_is_told_in_its_own_file(void **state)
{
	struct folder f;
	const char *files[2] = { NULL };
	const char *dirs[3] = { NULL, "policies", NULL };
	struct dg_policy_options o = options(files);
	struct dg_errors errors;

	(void)state;
	folder_init(&f);
	dirs[0] = f.path;
	o.ready_dirs = dirs;
	put(&f, "dialects/mine.lua",
	    HEAD "d.dialect 'mine' {\n  ofer = {},\n}\n");
	put(&f, "dialects/other.lua", HEAD "d.dialect 'another' {}\n");
	put(&f, "words/bad.lua",
	    "return {\n  ['to-big'] = 'x',\n  ['too-big'] = '{hots}',\n}\n");
	put(&f, "words/worse.lua", "return 1\n");
	files[0] = put(&f, "policy.lua",
	    HEAD "d.hop 'a' { hosts = { 'a' }, dialect = 'mine' }\n"
		 "d.hop 'b' { hosts = { 'a' }, dialect = 'other' }\n"
		 "d.words { like = 'bad' }\n"
		 "d.words { like = 'worse' }\n");
	dg_errors_init(&errors);
	assert_null(dg_policy_load(&o, &errors));
	says(&errors, &f,
	    "dialects/mine.lua:3:3: dialect \"mine\": unknown field \"ofer\"; "
	    "did you mean \"offer\"?\n"
	    "dialects/other.lua:1: this file must declare d.dialect "
	    "\"other\"\n"
	    "words/bad.lua:2:3: unknown meaning \"to-big\"; did you mean "
	    "\"too-big\"?\n"
	    "words/bad.lua:3:3: [\"too-big\"]: no placeholder {hots}; did you "
	    "mean \"host\"?\n"
	    "words/worse.lua:1: this file must return its rows: return { "
	    "[\"too-big\"] = \"...\" }\n");
	dg_errors_fini(&errors);
	folder_fini(&f);
}

/* ---- states ---- */

/* Each function returns the name under which it stands. */
static const char many[] = HEAD
    "local function named(n) return function() return n end end\n"
    "local on = {}\n"
    "for _, q in ipairs { 'connect', 'offer', 'credential', 'recipient' } do\n"
    "  on[q] = named('peer ' .. q)\n"
    "end\n"
    "d.peer 'p' { match = {}, on = on }\n"
    "local words = {}\n"
    "for i = 500, 599 do words[tostring(i)] = named('words ' .. i) end\n"
    "words['too-big'] = named 'words too-big'\n"
    "d.words(words)\n"
    "d.on.report = named 'report'\n"
    "d.words { like = 'msexch-1998', set = { org = 'o' } }\n";

struct name_of {
	int hook;
	char name[64];
};

static int
call_hook(lua_State *L)
{
	struct name_of *n = lua_touserdata(L, 1);

	dg_vm_push_hook(L, n->hook);
	lua_call(L, 0, 1);
	snprintf(n->name, sizeof(n->name), "%s", luaL_checkstring(L, -1));
	return 0;
}

static void
name_of(struct dg_policy_state *s, struct name_of *n)
{
	struct dg_err e = { 0 };

	lua_pushcfunction(s->vm.L, call_hook);
	lua_pushlightuserdata(s->vm.L, n);
	assert_int_equal(dg_vm_run(&s->vm, s->vm.L, 1, 100000, &e), DG_OK);
}

static void
every_state_has_the_same_hooks_under_the_same_numbers(void **state)
{
	struct dg_policy *p = good(many);
	const struct dg_rules *r = dg_policy_rules(p);
	struct dg_errors errors;

	(void)state;
	dg_errors_init(&errors);
	for (int i = 0; i < 8; i++) { /* each with hash seeds of its own */
		struct dg_policy_state *s = dg_policy_state_new(p, &errors);
		struct name_of n;

		assert_non_null(s);
		n.hook = r->peers[0]->on.of[DG_Q_OFFER];
		name_of(s, &n);
		assert_string_equal(n.name, "peer offer");
		n.hook = r->on.of[DG_Q_REPORT];
		name_of(s, &n);
		assert_string_equal(n.name, "report");
		for (size_t k = 0; k < r->words[0].n_rows; k++) {
			const struct dg_words_row *w = &r->words[0].rows[k];
			char want[64] = "words too-big";

			if (w->code != 0)
				snprintf(want, sizeof(want), "words %d",
				    w->code);
			n.hook = w->hook;
			name_of(s, &n);
			assert_string_equal(n.name, want);
		}
		dg_policy_state_free(s);
	}
	assert_int_equal(errors.n, 0);
	dg_errors_fini(&errors);
	dg_policy_free(p);
}

static void
a_policy_that_differs_from_run_to_run_is_refused(void **state)
{
	struct dg_policy *p =
	    good(HEAD "local n = tostring({}):gsub('%W', '')\n"
		      "d.hop(n) { hosts = { 'x' } }\n");
	struct dg_policy_state *same[8] = { NULL };
	struct dg_errors errors;
	size_t n = 0;

	(void)state;
	dg_errors_init(&errors);
	/* kept, so that none has the same addresses as the one before */
	while (n < 8 && (same[n] = dg_policy_state_new(p, &errors)) != NULL)
		n++;
	for (size_t i = 0; i < n; i++)
		dg_policy_state_free(same[i]);
	assert_in_range(n, 0, 7);
	assert_true(dg_errors_any(&errors));
	assert_non_null(strstr(errors.v[0].text, "when it runs again"));
	dg_errors_fini(&errors);
	dg_policy_free(p);
}

static void
later_states_run_the_text_of_the_first_whatever_became_of_the_file(void **state)
{
	/* good() removes its file before it returns */
	struct dg_policy *p = good(HEAD "d.hop 'x' { hosts = { 'x' } }\n");
	struct dg_policy_state *s;
	struct dg_errors errors;

	(void)state;
	dg_errors_init(&errors);
	s = dg_policy_state_new(p, &errors);
	assert_non_null(s);
	dg_policy_state_free(s);
	dg_errors_fini(&errors);
	dg_policy_free(p);
}

static void
warnings_do_not_stop_a_policy_and_come_once(void **state)
{
	struct dg_policy_state *s;
	struct dg_errors errors;
	struct dg_policy *p;
	struct dg_buf out;

	(void)state;
	dg_buf_init(&out, 10000);
	p = load_text(HEAD "d.hop 'x' { hosts = { 'x' }, login = { 'PLAIN', "
			   "secret = 'partner' } }\n",
	    &out);
	assert_non_null(p);
	assert_non_null(strstr(dg_buf_z(&out), "warning: hop \"x\""));
	dg_errors_init(&errors);
	s = dg_policy_state_new(p, &errors);
	assert_non_null(s);
	assert_int_equal(errors.n, 0);
	dg_policy_state_free(s);
	dg_policy_free(p);
	dg_errors_fini(&errors);
	dg_buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_run_in_order_and_share_one_policy),
		cmocka_unit_test(mistakes_in_several_files_come_at_once),
		cmocka_unit_test(
		    files_that_cannot_be_read_or_require_each_other_are_told),
		cmocka_unit_test(two_files_of_one_name_are_told_apart),
		cmocka_unit_test(no_policy_at_all_relays_nothing),
		cmocka_unit_test(
		    what_is_no_library_is_refused_in_allow),
		cmocka_unit_test(
		    a_mistake_in_a_ready_policy_is_told_in_its_own_file),
		cmocka_unit_test(
		    every_state_has_the_same_hooks_under_the_same_numbers),
		cmocka_unit_test(
		    a_policy_that_differs_from_run_to_run_is_refused),
		cmocka_unit_test(
		    later_states_run_the_text_of_the_first_whatever_became_of_the_file),
		cmocka_unit_test(warnings_do_not_stop_a_policy_and_come_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
