/* shared_test.c - what policies share: bounds, ends, rates, and threads. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/clock.h"
#include "dragoman/policy/shared.h"

/* ---- stores ---- */

static int64_t
number(struct dg_shared *s, const char *store, const char *key)
{
	struct dg_shared_value v = { 0 };
	struct dg_buf b;

	dg_buf_init(&b, 100);
	if (dg_shared_get(s, store, dg_str(key), &v, &b) != DG_OK)
		return -1;
	assert_true(v.is_number);
	dg_buf_fini(&b);
	return v.number;
}

static enum dg_rc
put(struct dg_shared *s, const char *store, struct dg_str key, int64_t n)
{
	struct dg_shared_value v = { .is_number = true, .number = n };
	struct dg_err e = { 0 };

	return dg_shared_set(s, store, key, &v, 0, &e);
}

static void
stores_are_apart_and_bounded(void **state)
{
	struct dg_shared_options o = { .stores = 2, .entries = 320 };
	struct dg_shared *s = dg_shared_new(&o);
	struct dg_shared_sums sums;
	char long_name[100];
	bool ok;
	int64_t wait;

	(void)state;
	assert_int_equal(put(s, "a", DG_STR("k"), 1), DG_OK);
	assert_int_equal(put(s, "b", DG_STR("k"), 2), DG_OK);
	assert_int_equal(put(s, "c", DG_STR("k"), 3), DG_E_LIMIT);
	assert_int_equal(number(s, "a", "k"), 1);
	assert_int_equal(number(s, "b", "k"), 2);
	assert_int_equal(number(s, "c", "k"), -1);
	/* rates have stores of their own */
	assert_int_equal(dg_shared_rate(s, "c", DG_STR("k"), 1, 1000, &ok,
			     &wait, NULL),
	    DG_OK);
	memset(long_name, 'x', sizeof(long_name));
	long_name[80] = '\0';
	assert_int_equal(put(s, long_name, DG_STR("k"), 1), DG_E_LIMIT);
	assert_int_equal(put(s, "", DG_STR("k"), 1), DG_E_LIMIT);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(put(s, "a", dg_str_of(&i, sizeof(i)), i),
		    DG_OK);
	sums = dg_shared_sums(s);
	assert_int_equal(sums.stores, 3);
	assert_in_range(sums.entries, 300, 322);
	assert_in_range(sums.evicted, 9600, 9800);
	dg_shared_free(s);
}

static void
bytes_are_bounded(void **state)
{
	struct dg_shared_options o = { .bytes = 1024 * 1024 };
	struct dg_shared *s = dg_shared_new(&o);
	char *text = dg_alloc0(DG_SHARED_TEXT_MAX + 1);
	struct dg_shared_value v = { .text = { text, 40000 } };
	struct dg_buf b;

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(dg_shared_set(s, "a", dg_str_of(&i, sizeof(i)),
				     &v, 0, NULL),
		    DG_OK);
	assert_true(dg_shared_sums(s).bytes <= 1024 * 1024);
	v.text.n = DG_SHARED_TEXT_MAX; /* a sixteenth holds not even one */
	assert_int_equal(dg_shared_set(s, "a", DG_STR("k"), &v, 0, NULL),
	    DG_E_LIMIT);
	v.text.n++;
	assert_int_equal(dg_shared_set(s, "a", DG_STR("k"), &v, 0, NULL),
	    DG_E_LIMIT);
	v.text.n = 100;
	assert_int_equal(dg_shared_set(s, "a", DG_STR("k"), &v, 0, NULL),
	    DG_OK);
	dg_buf_init(&b, 150);
	assert_int_equal(dg_shared_get(s, "a", DG_STR("k"), &v, &b), DG_OK);
	assert_int_equal(v.text.n, 100);
	assert_int_equal(dg_shared_get(s, "a", DG_STR("k"), &v, &b),
	    DG_E_LIMIT); /* no room in the copy */
	assert_int_equal(b.n, 100);
	dg_buf_fini(&b);
	free(text);
	dg_shared_free(s);
}

static void
incr_stays_within_its_type_and_its_time(void **state)
{
	struct dg_shared *s = dg_shared_new(NULL);
	struct dg_shared_value v = { .text = DG_STR("x") };
	struct dg_err e = { 0 };
	int64_t sum;

	(void)state;
#define INCR(n, ttl) dg_shared_incr(s, "a", DG_STR("k"), n, ttl, &sum, &e)
	assert_int_equal(INCR(INT64_MAX, 1000), DG_OK);
	assert_int_equal(INCR(1, 1000), DG_OK);
	assert_int_equal(sum, INT64_MAX);
	assert_int_equal(INCR(INT64_MIN, 1000), DG_OK);
	assert_int_equal(sum, -1);
	assert_int_equal(INCR(INT64_MIN, 1000), DG_OK);
	assert_int_equal(sum, INT64_MIN);
	dg_clock_jump(1001);
	assert_int_equal(INCR(5, INT64_MAX), DG_OK);
	assert_int_equal(sum, 5);
	assert_int_equal(dg_shared_set(s, "a", DG_STR("k"), &v, 0, &e), DG_OK);
	assert_int_equal(INCR(5, 0), DG_E_POLICY);
	assert_string_equal(e.text, "the key holds a text, not a number");
	assert_true(dg_shared_del(s, "a", DG_STR("k")));
	assert_false(dg_shared_del(s, "a", DG_STR("k")));
	assert_false(dg_shared_del(s, "b", DG_STR("k")));
	assert_int_equal(INCR(5, 0), DG_OK);
	assert_int_equal(sum, 5);
#undef INCR
	dg_shared_free(s);
}

/* ---- rates ---- */

static const struct {
	const char *why;
	uint64_t count;
	int64_t period_ms, after_ms;
	unsigned more; /* allowed then, at most these */
} rates[] = {
	{ "nothing comes back at once", 10, 3600000, 0, 0 },
	{ "one a tenth", 10, 3600000, 361000, 1 },
	{ "half the period, half of them", 10, 3600000, 1801000, 5 },
	{ "never more than all", 10, 3600000, 100 * 3600000, 10 },
	{ "one", 1, 86400000, 86401000, 1 },
	{ "what does not divide evenly", 7, 3600000, 3600100, 7 },
	{ "a year", 3, 366LL * 86400000, 122LL * 86400000 + 1000, 1 },
};

static unsigned
take_all(struct dg_shared *s, const char *key, uint64_t count, int64_t period)
{
	int64_t wait = 0;
	unsigned n = 0;
	bool ok = true;

	while (ok) {
		assert_int_equal(dg_shared_rate(s, "r", dg_str(key), count,
				     period, &ok, &wait, NULL),
		    DG_OK);
		n += ok;
		assert_true(n <= count);
	}
	assert_true(wait > 0);
	assert_true(wait <= period / (int64_t)count + 1);
	return n;
}

static void
a_rate_gives_back_one_by_one(void **state)
{
	struct dg_shared *s = dg_shared_new(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		const char *key = rates[i].why;

		print_message("  %s\n", key);
		assert_int_equal(take_all(s, key, rates[i].count,
				     rates[i].period_ms),
		    rates[i].count);
		dg_clock_jump(rates[i].after_ms);
		assert_int_equal(take_all(s, key, rates[i].count,
				     rates[i].period_ms),
		    rates[i].more);
	}
	dg_shared_free(s);
}

static void
a_full_bucket_is_not_kept(void **state)
{
	struct dg_shared *s = dg_shared_new(NULL);
	int64_t wait;
	bool ok;

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(dg_shared_rate(s, "r",
				     dg_str_of(&i, sizeof(i)), 5, 60000, &ok,
				     &wait, NULL),
		    DG_OK);
	assert_int_equal(dg_shared_sums(s).entries, 1000);
	dg_clock_jump(61000);
	for (int i = 0; i < 200; i++)
		assert_int_equal(dg_shared_rate(s, "r", dg_str_of(&i, 1), 5,
				     60000, &ok, &wait, NULL),
		    DG_OK);
	assert_true(dg_shared_sums(s).entries <= 200);
	assert_int_equal(dg_shared_sums(s).evicted, 0);
	dg_shared_free(s);
}

static void
rates_have_bounds(void **state)
{
	struct dg_shared *s = dg_shared_new(NULL);
	char key[DG_SHARED_KEY_MAX + 1] = { 0 };
	int64_t wait;
	bool ok;

	(void)state;
#define RATE(key, count, period) \
	dg_shared_rate(s, "r", key, count, period, &ok, &wait, NULL)
	assert_int_equal(RATE(DG_STR("k"), 0, 1000), DG_E_POLICY);
	assert_int_equal(RATE(DG_STR("k"), UINT64_MAX, 1000), DG_E_POLICY);
	assert_int_equal(RATE(DG_STR("k"), 1, 0), DG_E_POLICY);
	assert_int_equal(RATE(DG_STR("k"), 1, -1), DG_E_POLICY);
	assert_int_equal(RATE(DG_STR("k"), 1, INT64_MAX), DG_E_POLICY);
	assert_int_equal(RATE(dg_str_of(key, sizeof(key)), 1, 1), DG_E_LIMIT);
	assert_int_equal(RATE(dg_str_of(key, sizeof(key) - 1), 1, 1), DG_OK);
	assert_int_equal(RATE(DG_NOSTR, 1000000, 1), DG_OK);
	assert_true(ok);
	assert_int_equal(wait, 0);
#undef RATE
	dg_shared_free(s);
}

/* ---- threads ---- */

enum {
	THREADS = 4,
	ROUNDS = 3000
};

struct job {
	struct dg_shared *s;
	int number;
	unsigned allowed;
};

static void *
work(void *ctx)
{
	struct job *j = ctx;
	struct dg_shared_value v = { .text = DG_STR("text") };
	char name[20], key[20];
	struct dg_buf b;
	int64_t n;
	bool ok;

	dg_buf_init(&b, 100);
	for (int i = 0; i < ROUNDS; i++) {
		dg_buf_reset(&b);
		snprintf(name, sizeof(name), "s%d", i % 10);
		snprintf(key, sizeof(key), "%d", (i * 7 + j->number) % 500);
		if (dg_shared_incr(j->s, "sum", DG_STR("k"), 1, 0, &n, NULL) !=
			DG_OK ||
		    dg_shared_set(j->s, name, dg_str(key), &v, i % 3, NULL) !=
			DG_OK ||
		    dg_shared_rate(j->s, "r", DG_STR("k"), 1000, 86400000, &ok,
			&n, NULL) != DG_OK)
			break;
		j->allowed += ok;
		if (dg_shared_get(j->s, name, dg_str(key), &v, &b) == DG_OK &&
		    !dg_str_is(v.text, "text"))
			break;
		v.text = DG_STR("text");
		if (i % 5 == 0)
			(void)dg_shared_del(j->s, name, dg_str(key));
		if (i % 100 == 0)
			(void)dg_shared_sums(j->s);
	}
	dg_buf_fini(&b);
	return NULL;
}

static void
threads_share_one_truth(void **state)
{
	struct dg_shared_options o = { .entries = 160 };
	struct dg_shared *s = dg_shared_new(&o);
	struct job jobs[THREADS];
	pthread_t t[THREADS];
	unsigned allowed = 0;

	(void)state;
	for (int i = 0; i < THREADS; i++) {
		jobs[i] = (struct job){ .s = s, .number = i };
		assert_int_equal(pthread_create(&t[i], NULL, work, &jobs[i]),
		    0);
	}
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(t[i], NULL), 0);
		allowed += jobs[i].allowed;
	}
	assert_int_equal(number(s, "sum", "k"), THREADS * ROUNDS);
	/* one comes back each 86 seconds */
	assert_in_range(allowed, 1000, 1001);
	assert_int_equal(dg_shared_sums(s).stores, 12);
	assert_true(dg_shared_sums(s).evicted > 0);
	dg_shared_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stores_are_apart_and_bounded),
		cmocka_unit_test(bytes_are_bounded),
		cmocka_unit_test(incr_stays_within_its_type_and_its_time),
		cmocka_unit_test(a_rate_gives_back_one_by_one),
		cmocka_unit_test(a_full_bucket_is_not_kept),
		cmocka_unit_test(rates_have_bounds),
		cmocka_unit_test(threads_share_one_truth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
