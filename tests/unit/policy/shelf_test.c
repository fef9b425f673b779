/* shelf_test.c - a map of a bounded size, beside a plain list that does the
 * same slowly. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include <stdio.h>

#include "core/policy/shelf.h"

enum {
	KEYS = 40,
	MOST = 16,
	STEPS = 60000
};

struct model {
	bool is_there;
	int64_t ends_ms, number;
	unsigned long used;
	size_t text_n;
};

static uint32_t seed = 12345;

static uint32_t
next(uint32_t below)
{
	seed = seed * 1664525U + 1013904223U;
	return (seed >> 8) % below;
}

static struct dg_str
key_of(unsigned i)
{
	static char z[8];

	return dg_str_of(z, (size_t)snprintf(z, sizeof(z), "k%u", i));
}

static void
model_put(struct model *m, unsigned i, const struct model *x, int64_t now,
    unsigned long *evicted)
{
	unsigned n = 0, oldest = KEYS;

	for (unsigned k = 0; k < KEYS; k++) {
		if (m[k].is_there && m[k].ends_ms <= now)
			m[k].is_there = false;
		n += m[k].is_there;
		if (m[k].is_there &&
		    (oldest == KEYS || m[k].used < m[oldest].used))
			oldest = k;
	}
	if (!m[i].is_there && n == MOST) {
		m[oldest].is_there = false;
		(*evicted)++;
	}
	m[i] = *x;
}

static void
a_shelf_forgets_what_ended_then_what_was_used_longest_ago(void **state)
{
	static const char text[] = "0123456789";
	struct model m[KEYS] = { { .is_there = false } };
	unsigned long use = 0, evicted = 0;
	struct dg_shelf s;
	int64_t now = 0;

	(void)state;
	dg_shelf_init(&s, MOST, 1000000);
	for (int step = 0; step < STEPS; step++) {
		unsigned i = next(KEYS), what = next(10);
		struct dg_str key = key_of(i);
		uint64_t hash = i % 7; /* many in one bucket */
		bool there;

		now += next(3);
		there = m[i].is_there && m[i].ends_ms > now;
		if (what < 4) {
			const struct dg_shelf_entry *e =
			    dg_shelf_find(&s, hash, key, now);

			assert_int_equal(e != NULL, there);
			if (e == NULL)
				continue;
			m[i].used = ++use;
			assert_int_equal(e->number, m[i].number);
			assert_true(dg_str_eq(dg_shelf_text(e),
			    dg_str_of(text, m[i].text_n)));
		} else if (what < 9) {
			struct model x = { .is_there = true,
				.ends_ms = next(2) != 0 ? INT64_MAX
							: now + 1 + next(40),
				.number = step,
				.used = ++use,
				.text_n = next(3) };
			struct dg_shelf_value v = { .number = x.number,
				.text = dg_str_of(text, x.text_n) };

			model_put(m, i, &x, now, &evicted);
			assert_true(
			    dg_shelf_put(&s, hash, key, &v, x.ends_ms, now));
		} else {
			assert_int_equal(dg_shelf_drop(&s, hash, key, now),
			    there);
			m[i].is_there = false;
		}
		assert_true(s.n <= MOST && s.heap_n <= s.n);
	}
	assert_int_equal(s.evicted, evicted);
	assert_true(evicted > 100);
	dg_shelf_fini(&s);
	assert_int_equal(s.n, 0);
}

static void
a_shelf_keeps_within_its_bytes(void **state)
{
	char text[1000] = { 0 };
	struct dg_shelf_value v = { .text = { text, sizeof(text) } };
	struct dg_shelf s;

	(void)state;
	dg_shelf_init(&s, 100, 10000);
	for (unsigned i = 0; i < 100; i++) {
		v.text.n = next(sizeof(text));
		assert_true(dg_shelf_put(&s, i, key_of(i), &v, INT64_MAX, 0));
		assert_true(s.bytes <= 10000 && s.n > 0);
	}
	v.text.n = 1;
	dg_shelf_fini(&s);
	dg_shelf_init(&s, 100, 500);
	v.text.n = sizeof(text);
	assert_false(dg_shelf_put(&s, 1, key_of(1), &v, INT64_MAX, 0));
	assert_int_equal(s.n, 0);
	/* what no longer fits is not kept as it was */
	v.text.n = 10;
	assert_true(dg_shelf_put(&s, 1, key_of(1), &v, INT64_MAX, 0));
	v.text.n = sizeof(text);
	assert_false(dg_shelf_put(&s, 1, key_of(1), &v, INT64_MAX, 0));
	assert_null(dg_shelf_find(&s, 1, key_of(1), 0));
	dg_shelf_fini(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_shelf_forgets_what_ended_then_what_was_used_longest_ago),
		cmocka_unit_test(a_shelf_keeps_within_its_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
