/* where_test.c - keys are found in the text of a policy. */
#include "help.h"

#include "../../../core/policy/where.h"

static const char text[] =
    "local d = require \"dragoman\" -- d.peer \"a\" { no = 1 }\n"
    "--[[ d.peer \"a\" { no = 2 }\n"
    "]] local s = [==[ d.peer \"a\" { ]] ]==]\n"
    "d.peer \"a\" { match = { address = { \"x\", '}' }, helo = \"\\\"}\" },\n"
    "  on = { offer = function(q)\n"
    "    if q.match then local t = { tls = 1 }, 2 end\n"
    "    for i = 1, 2 do repeat until true end\n"
    "    return t, 1 end },\n"
    "  [\"tls\"] = { require = true; offer = false }, -- tls = 3\n"
    "  \"item\", { deep = 1 }, [ [[long]] ] = 2, size = 5 }\n"
    "d.hop(\"b\")({\n"
    "  hosts = { 'h1',\n"
    "    'h2' },\n"
    "})\n"
    "d.route { to = \"x\" } d.route { from = 1 }\n"
    "d.hop \"c\" { x = 1 } d.hop \"d\" { x = 2 }\n"
    "local t = { y = 1 }\n"
    "d.hop \"e\" (t)\n";

#define KEY(k) \
	{ \
		k, 0 \
	}
#define ITEM(i) \
	{ \
		NULL, i \
	}

static const struct {
	const char *why;
	unsigned at; /* line of the statement */
	const char *kind, *name;
	struct dg_step path[3];
	size_t depth;
	unsigned line, column;
} cases[] = {
	{ "the statement", 4, "peer", "a", { KEY(NULL) }, 0, 4, 1 },
	{ "a key", 4, "peer", "a", { KEY("match") }, 1, 4, 14 },
	{ "a key in a key", 4, "peer", "a", { KEY("match"), KEY("helo") }, 2, 4,
	    48 },
	{ "an item", 4, "peer", "a", { KEY("match"), KEY("address"), ITEM(2) },
	    3, 4, 41 },
	{ "behind a function", 4, "peer", "a", { KEY("tls") }, 1, 9, 3 },
	{ "semicolons", 4, "peer", "a", { KEY("tls"), KEY("offer") }, 2, 9,
	    31 },
	{ "an item among keys", 4, "peer", "a", { ITEM(1) }, 1, 10, 3 },
	{ "a table among keys", 4, "peer", "a", { ITEM(2), KEY("deep") }, 2, 10,
	    13 },
	{ "a long string as key", 4, "peer", "a", { KEY("long") }, 1, 10, 25 },
	{ "the last", 4, "peer", "a", { KEY("size") }, 1, 10, 43 },
	{ "none of that name: the statement", 4, "peer", "a", { KEY("no") }, 1,
	    4, 1 },
	{ "none of that name inside: the key around", 4, "peer", "a",
	    { KEY("match"), KEY("no") }, 2, 4, 14 },
	{ "parentheses", 11, "hop", "b", { KEY("hosts"), ITEM(2) }, 2, 13, 5 },
	{ "the first of two on a line", 15, "route", NULL, { KEY("to") }, 1, 15,
	    11 },
	{ "the second of two, by name", 16, "hop", "d", { KEY("x") }, 1, 16,
	    33 },
	{ "a table made elsewhere", 18, "hop", "e", { KEY("y") }, 1, 18, 1 },
	{ "no such statement", 17, "hop", "e", { KEY("y") }, 1, 17, 0 },
};

static struct dg_str
from_line(unsigned line)
{
	const char *p = text;

	while (--line > 0)
		p = strchr(p, '\n') + 1;
	return dg_str(p);
}

static void
keys_are_found_where_they_stand(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dg_spot s = dg_where_find(from_line(cases[i].at),
		    cases[i].at, cases[i].kind, cases[i].name, cases[i].path,
		    cases[i].depth);

		print_message("  %s\n", cases[i].why);
		assert_int_equal(s.line, cases[i].line);
		assert_int_equal(s.column, cases[i].column);
	}
}

static void
a_returned_table_has_places_too(void **state)
{
	static const char set[] = "local x = { a = 1 }\n"
				  "return {\n"
				  "  [\"too-big\"] = x,\n"
				  "}\n";
	struct dg_step path = KEY("too-big");
	struct dg_spot s = dg_where_find(dg_str(set), 1, NULL, NULL, &path, 1);

	(void)state;
	assert_int_equal(s.line, 3);
	assert_int_equal(s.column, 3);
}

/* Each cut in memory of its own, so that a read past the end is seen. */
static void
a_text_cut_anywhere_is_survived(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		char *cut = dg_alloc(n > 0 ? n : 1);
		struct dg_lexer x;
		struct dg_token t;
		unsigned tokens = 0;

		memcpy(cut, text, n);
		dg_lexer_init(&x, dg_str_of(cut, n));
		while (dg_lexer_next(&x, &t))
			tokens++;
		assert_true(tokens <= n);
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
			(void)dg_where_find(dg_str_of(cut, n), 1, cases[i].kind,
			    cases[i].name, cases[i].path, cases[i].depth);
		free(cut);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_found_where_they_stand),
		cmocka_unit_test(a_returned_table_has_places_too),
		cmocka_unit_test(a_text_cut_anywhere_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
