/* slots_test.c - a stale ticket finds nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

#include <cmocka.h>

#include "dragoman/base/slots.h"

static void
a_ticket_finds_its_object_until_dropped(void **state)
{
	struct dg_slots *s = dg_slots_new();
	int a, b;
	uint64_t ta = dg_slots_put(s, &a), tb = dg_slots_put(s, &b);

	(void)state;
	assert_int_not_equal(ta, 0);
	assert_ptr_equal(dg_slots_find(s, ta), &a);
	assert_ptr_equal(dg_slots_find(s, tb), &b);
	assert_int_equal(dg_slots_count(s), 2);
	dg_slots_drop(s, ta);
	dg_slots_drop(s, ta);
	assert_null(dg_slots_find(s, ta));
	assert_ptr_equal(dg_slots_find(s, tb), &b);
	assert_int_equal(dg_slots_count(s), 1);
	dg_slots_free(s);
}

static void
the_next_tenant_has_another_ticket(void **state)
{
	struct dg_slots *s = dg_slots_new();
	int object;
	uint64_t before = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		uint64_t t = dg_slots_put(s, &object);

		assert_int_not_equal(t, before);
		assert_null(dg_slots_find(s, before));
		dg_slots_drop(s, before);
		assert_ptr_equal(dg_slots_find(s, t), &object);
		dg_slots_drop(s, t);
		before = t;
	}
	dg_slots_free(s);
}

static void
made_up_tickets_find_nobody(void **state)
{
	struct dg_slots *s = dg_slots_new();
	int object;
	uint64_t t;

	(void)state;
	assert_null(dg_slots_find(s, 0));
	assert_null(dg_slots_find(s, 1));
	t = dg_slots_put(s, &object);
	assert_null(dg_slots_find(s, 0));
	assert_null(dg_slots_find(s, t + 1));
	assert_null(dg_slots_find(s, t + (1ULL << 32)));
	assert_null(dg_slots_find(s, UINT64_MAX));
	dg_slots_drop(s, UINT64_MAX);
	dg_slots_free(s);
	dg_slots_free(NULL);
}

static void
a_walk_meets_everybody_once_and_may_drop(void **state)
{
	struct dg_slots *s = dg_slots_new();
	int objects[100] = { 0 };
	uint64_t tickets[100];
	size_t at = 0, met = 0;
	int *o;

	(void)state;
	for (int i = 0; i < 100; i++)
		tickets[i] = dg_slots_put(s, &objects[i]);
	for (int i = 0; i < 100; i += 3)
		dg_slots_drop(s, tickets[i]);
	while ((o = dg_slots_next(s, &at)) != NULL) {
		assert_int_equal(*o, 0);
		*o = 1;
		met++;
		dg_slots_drop(s, tickets[o - objects]);
	}
	assert_int_equal(met, 66);
	assert_int_equal(dg_slots_count(s), 0);
	dg_slots_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ticket_finds_its_object_until_dropped),
		cmocka_unit_test(the_next_tenant_has_another_ticket),
		cmocka_unit_test(made_up_tickets_find_nobody),
		cmocka_unit_test(a_walk_meets_everybody_once_and_may_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
