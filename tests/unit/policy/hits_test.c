/* hits_test.c - how often each line decided something, and which lines could.
 */
#include "asked.h"

struct told {
	struct dg_buf out;
};

static void
tell_hit(void *ctx, struct dg_where w, unsigned long hits, int64_t last_ms)
{
	struct told *t = ctx;

	assert_in_range(last_ms, dg_now_ms() - 60000, dg_now_ms());
	(void)dg_buf_addf(&t->out, "%s:%d=%lu ", w.file, w.line, hits);
}

static bool
was_hit(struct world *w, const char *what)
{
	struct told t;
	bool found;

	dg_buf_init(&t.out, 1000000);
	dg_policy_hits(w->s, tell_hit, &t);
	found = strstr(dg_buf_z(&t.out), what) != NULL;
	if (!found)
		print_error("  %s\n", dg_buf_z(&t.out));
	dg_buf_fini(&t.out);
	return found;
}

static void
each_answer_counts_where_it_was_made(void **state)
{
	struct dg_route_query q = { .recipient = DG_STR("a@x.example") };
	struct world w;
	struct asked x;

	(void)state;
	world_init(&w,
	    HEAD "d.hop 'h' { hosts = { 'h' } }\n"
		 "d.route { to = 'x.example', hop = 'h' }\n"
		 "d.route { ask = function(q) if ask 'x' == 'a' then\n"
		 "return d.to 'h' end end }\n"
		 "d.on.recipient = function(q)\n"
		 "if q.count == 1 then return d.discard {} end end\n");
	for (int i = 0; i < 3; i++) {
		dg_asking_init(&x.a, on_asked, &x);
		assert_true(dg_policy_route(w.s, &x.a, &q, NULL));
		dg_asking_drop(&x.a);
	}
	assert_true(was_hit(&w, "policy.lua:3=3 "));
	q.recipient = DG_STR("a@y.example");
	for (size_t i = 0; i < 2; i++) {
		dg_asking_init(&x.a, on_asked, &x);
		assert_false(dg_policy_route(w.s, &x.a, &q, NULL));
		/* the second is the built-in row, which is no line */
		assert_true(answer(&w, i, i == 0 ? "a" : "b"));
		dg_asking_drop(&x.a);
	}
	assert_true(was_hit(&w, "policy.lua:5=1 "));
	for (int64_t i = 0; i < 5; i++) {
		const struct dg_fact f[] = { { "count", true, i % 2, DG_NOSTR },
			{ NULL, false, 0, DG_NOSTR } };

		assert_true(put_as(&w, &x, DG_Q_RECIPIENT, NULL, f, NULL));
		dg_asking_drop(&x.a);
	}
	assert_true(was_hit(&w, "policy.lua:7=2 "));
	assert_int_equal(w.s->hits != NULL, 1);
	world_fini(&w);
}

static void
many_places_are_kept_apart(void **state)
{
	struct dg_where w1;
	struct world w;

	(void)state;
	world_init(&w, HEAD "d.hop 'h' { hosts = { 'h' } }\n");
	w1 = dg_policy_rules(w.p)->hops[0]->where;
	for (int n = 1; n <= 3; n++)
		for (int line = 1; line <= 5000; line += n) {
			w1.line = line;
			dg_policy_hit(w.s, w1);
		}
	w1.file = NULL;
	dg_policy_hit(w.s, w1); /* built in: nowhere */
	assert_true(was_hit(&w, "policy.lua:1=3 "));
	assert_true(was_hit(&w, "policy.lua:2=1 "));
	assert_true(was_hit(&w, "policy.lua:4=2 "));
	assert_true(was_hit(&w, "policy.lua:4999=3 "));
	world_fini(&w);
}

static void
tell_place(void *ctx, const char *kind, const char *name, struct dg_where w)
{
	struct told *t = ctx;

	if (strcmp(w.file, "policy.lua") == 0) /* and not the ready words */
		(void)dg_buf_addf(&t->out, "%s %s:%d\n", kind, name, w.line);
}

static void
every_place_that_could_decide_is_told(void **state)
{
	static const char want[] =
	    "peer p:2\nhop h:4\nroute :6\nroute :8\nwords :10\nhook :3\n"
	    "hook :5\nhook :7\nhook :10\nhook :11\n";
	struct world w;
	struct told t;

	(void)state;
	world_init(&w,
	    HEAD "d.peer 'p' { match = { address = '1.1.1.1' }, on = {\n"
		 "connect = function() end } }\n"
		 "d.hop 'h' { hosts = { 'h' }, on = {\n"
		 "speak = function() end } }\n"
		 "d.route { to = 'x.example', hop = 'h' }\n"
		 "d.route { ask = function() end }\n"
		 "d.route { refuse = '550 no' }\n"
		 "d.words {\n"
		 "['550'] = 'x', ['551'] = function() end }\n"
		 "d.on.report = function() end\n");
	dg_buf_init(&t.out, 10000);
	dg_policy_places(w.p, tell_place, &t);
	assert_string_equal(dg_buf_z(&t.out), want);
	dg_buf_fini(&t.out);
	world_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_answer_counts_where_it_was_made),
		cmocka_unit_test(many_places_are_kept_apart),
		cmocka_unit_test(every_place_that_could_decide_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
