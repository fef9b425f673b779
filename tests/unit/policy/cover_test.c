/* cover_test.c - which lines and rows of a policy a test touched. */
#include "help.h"

#include "dragoman/policy/cover.h"

#define HEAD "local d = require 'dragoman'\n"

static const struct dg_cover_file *
loaded(struct dg_cover *c, const char *text, struct dg_policy **p)
{
	const char *none[] = { NULL };
	struct dg_policy_options o = options(none);
	const struct dg_cover_file *f;
	struct dg_buf out;

	o.cover = c;
	dg_buf_init(&out, 65536);
	*p = load_text_as(o, text, &out);
	if (*p == NULL)
		print_message("%s\n", dg_buf_z(&out));
	assert_non_null(*p);
	dg_buf_fini(&out);
	for (f = dg_cover_files(c); f != NULL; f = f->next)
		if (strstr(f->path, "/policy.lua") != NULL)
			return f;
	return NULL;
}

/* "+1 -3 ...": lines that ran and that did not; one function's after the
 * other's where they share a line. */
static void
lines_are(const struct dg_cover_file *f, const char *want)
{
	struct dg_buf b;

	dg_buf_init(&b, 4096);
	for (size_t i = 0; i < f->n_lines; i++)
		(void)dg_buf_addf(&b, "%s%c%d", i > 0 ? " " : "",
		    f->lines[i].has_run ? '+' : '-', f->lines[i].line);
	assert_string_equal(dg_buf_z(&b), want);
	dg_buf_fini(&b);
}

static const struct dg_row *
row_named(const struct dg_cover_file *f, const char *what)
{
	const struct dg_row *r = f->rows;

	while (r != NULL && strcmp(r->what, what) != 0)
		r = r->next;
	if (r == NULL)
		print_message("no row: %s\n", what);
	assert_non_null(r);
	return r;
}

static void
lines_that_could_run_are_those_that_lua_could_stop_at(void **state)
{
	static const struct {
		const char *why, *text, *lines;
	} cases[] = {
		{ "the file's own", HEAD "local x = 1\n\n-- no\nx = 2\n",
		    "+1 +2 +5" },
		{ "a function that is not called; its end is no line",
		    HEAD "local function f(q)\n"
			 "  if q then\n    return 1\n  else\n    return 2\n"
			 "  end\nend\nd.on.recipient = function(q) return f(q) end\n",
		    "+1 -3 -4 -6 +9 -9" },
		{ "one inside one of which no closure was made",
		    HEAD "d.on.recipient = function()\n"
			 "  local g = function()\n    return 1\n  end\n"
			 "  return g()\nend\n",
		    "+1 +2 -4 -6" },
		{ "words in strings and comments open nothing",
		    HEAD "local s = 'function' .. [[ end\n(function(]] -- end\n"
			 "d.on.recipient = function()\n  return nil\nend\n",
		    "+1 +2 +4 -5" },
		{ "a method and a variable number of arguments",
		    HEAD "local m = {}\nfunction m:f(...)\n"
			 "  for _, x in ipairs { ... } do m = x end\nend\n",
		    "+1 +2 +3 -4" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dg_cover *c = dg_cover_new();
		struct dg_policy *p;

		print_message("  %s\n", cases[i].why);
		lines_are(loaded(c, cases[i].text, &p), cases[i].lines);
		dg_policy_free(p);
		dg_cover_free(c);
	}
}

static void
each_field_peer_hop_route_and_words_is_a_row_at_its_line(void **state)
{
	static const struct {
		const char *what;
		int line;
	} rows[] = {
		{ "dialect \"x\": offer", 3 },
		{ "dialect \"x\": ntlm.take", 4 },
		{ "dialect \"x\": texts[\"235\"]", 5 },
		{ "dialect \"x\": means.auth[\"500\"]", 7 },
		{ "peer \"p\"", 10 },
		{ "hop \"h\"", 11 },
		{ "route", 12 },
		{ "words", 13 },
		{ "words: [\"too-big\"]", 14 },
	};
	struct dg_cover *c = dg_cover_new();
	const struct dg_cover_file *f;
	struct dg_policy *p;

	(void)state;
	f = loaded(c, HEAD
	    "d.dialect 'x' {\n"
	    "  offer = { 'AUTH NTLM' },\n"
	    "  ntlm = { take = { 'v2' } },\n"
	    "  texts = { ['235'] = 'hello' },\n"
	    "  means = { auth = {\n"
	    "    ['500'] = 'permanent',\n"
	    "  } },\n"
	    "}\n"
	    "d.peer 'p' { match = { address = '10.0.0.5' } }\n"
	    "d.hop 'h' { hosts = { 'h:25' }, tls = 'never' }\n"
	    "d.route { hop = 'h' }\n"
	    "d.words {\n"
	    "  ['too-big'] = 'no',\n"
	    "}\n", &p);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct dg_row *r = row_named(f, rows[i].what);

		assert_int_equal(r->line, rows[i].line);
		assert_int_equal(r->hits, 0);
	}
	dg_policy_free(p);
	dg_cover_free(c);
}

static void
a_row_counts_when_it_decides_and_a_line_when_its_hook_runs(void **state)
{
	struct dg_cover *c = dg_cover_new();
	const struct dg_cover_file *f;
	struct dg_policy_state *s;
	struct dg_asking a;
	struct dg_errors errors;
	struct dg_policy *p;

	(void)state;
	f = loaded(c, HEAD
	    "d.hop 'h' { hosts = { 'h:25' }, tls = 'never' }\n"
	    "d.route { to = 'a.example', ask = function()\n"
	    "  return nil\n"
	    "end }\n"
	    "d.route { to = 'a.example', hop = 'h' }\n"
	    "d.route { refuse = '550 5.7.1 no' }\n", &p);
	lines_are(f, "+1 +2 +3 -4 +6 +7");
	dg_errors_init(&errors);
	s = dg_policy_state_new(p, &errors);
	assert_non_null(s);
	dg_asking_init(&a, NULL, NULL);
	assert_true(dg_policy_route(s, &a, &(struct dg_route_query){
	    .recipient = DG_STR("x@a.example") }, NULL));
	assert_int_equal(a.d.kind, DG_D_TO);
	dg_asking_drop(&a);
	lines_are(f, "+1 +2 +3 +4 +6 +7");
	for (const struct dg_row *r = f->rows; r != NULL; r = r->next)
		if (strcmp(r->what, "route") == 0)
			assert_int_equal(r->hits, r->line == 6);
	dg_policy_state_free(s);
	dg_errors_fini(&errors);
	dg_policy_free(p);
	dg_cover_free(c);
}

static void
without_a_cover_there_are_no_rows(void **state)
{
	struct dg_policy *p;
	struct dg_buf out;

	(void)state;
	dg_buf_init(&out, 4096);
	p = load_text(HEAD "d.route { refuse = '550 5.7.1 no' }\n", &out);
	assert_non_null(p);
	assert_null(dg_policy_rules(p)->routes[0].row);
	dg_policy_free(p);
	dg_buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    lines_that_could_run_are_those_that_lua_could_stop_at),
		cmocka_unit_test(
		    each_field_peer_hop_route_and_words_is_a_row_at_its_line),
		cmocka_unit_test(
		    a_row_counts_when_it_decides_and_a_line_when_its_hook_runs),
		cmocka_unit_test(without_a_cover_there_are_no_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
