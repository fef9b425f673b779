/* units_test.c - sizes, times and rates as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/base/units.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void
sizes_read(void **state)
{
	static const struct {
		const char *why, *z;
		bool is_size;
		uint64_t v;
	} cases[] = {
		{ "bytes", "1024", true, 1024 },
		{ "zero", "0", true, 0 },
		{ "kilo", "2k", true, 2048 },
		{ "either case", "2K", true, 2048 },
		{ "mega", "50M", true, 50ULL << 20 },
		{ "giga", "3g", true, 3ULL << 30 },
		{ "tera", "1T", true, 1ULL << 40 },
		{ "largest", "16777215T", true, 16777215ULL << 40 },
		{ "overflow by unit", "16777216T", false, 0 },
		{ "overflow", "99999999999999999999", false, 0 },
		{ "nothing", "", false, 0 },
		{ "unit alone", "M", false, 0 },
		{ "blank", "50 M", false, 0 },
		{ "two units", "50MB", false, 0 },
		{ "fraction", "1.5M", false, 0 },
		{ "negative", "-1", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		uint64_t v = 0;

		print_message("  %s\n", cases[i].why);
		assert_int_equal(dg_size_read(dg_str(cases[i].z), &v),
		    cases[i].is_size);
		assert_int_equal(v, cases[i].v);
	}
}

static void
durations_read(void **state)
{
	static const struct {
		const char *why, *z;
		bool is_duration;
		int64_t ms;
	} cases[] = {
		{ "milliseconds", "250ms", true, 250 },
		{ "seconds", "20s", true, 20000 },
		{ "minutes", "5m", true, 300000 },
		{ "hours", "4h", true, 14400000 },
		{ "days", "5d", true, 432000000 },
		{ "zero", "0s", true, 0 },
		{ "no unit", "20", false, 0 },
		{ "zero needs one too", "0", false, 0 },
		{ "upper case is not minutes", "5M", false, 0 },
		{ "nothing", "", false, 0 },
		{ "unit alone", "s", false, 0 },
		{ "overflow", "106751991168d", false, 0 },
		{ "largest", "9223372036854775807ms", true, INT64_MAX },
		{ "one more", "9223372036854775808ms", false, 0 },
		{ "negative", "-1s", false, 0 },
		{ "two", "1h30m", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		int64_t ms = 0;

		print_message("  %s\n", cases[i].why);
		assert_int_equal(dg_duration_read(dg_str(cases[i].z), &ms),
		    cases[i].is_duration);
		assert_int_equal(ms, cases[i].ms);
	}
}

static void
rates_read(void **state)
{
	static const struct {
		const char *why, *z;
		bool is_rate;
		uint64_t count;
		int64_t ms;
	} cases[] = {
		{ "a minute", "30/min", true, 30, 60000 },
		{ "a second", "5/s", true, 5, 1000 },
		{ "ten minutes", "100/10m", true, 100, 600000 },
		{ "word", "1/second", true, 1, 1000 },
		{ "hour", "2/hour", true, 2, 3600000 },
		{ "day", "1/d", true, 1, 86400000 },
		{ "none at all", "0/min", false, 0, 0 },
		{ "no time at all", "5/0s", false, 0, 0 },
		{ "no period", "5/", false, 0, 0 },
		{ "no slash", "5", false, 0, 0 },
		{ "no count", "/min", false, 0, 0 },
		{ "unknown period", "5/fortnight", false, 0, 0 },
		{ "blank", "5 / min", false, 0, 0 },
		{ "bare number", "5/10", false, 0, 0 },
		{ "nothing", "", false, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		uint64_t count = 0;
		int64_t ms = 0;

		print_message("  %s\n", cases[i].why);
		assert_int_equal(dg_rate_read(dg_str(cases[i].z), &count, &ms),
		    cases[i].is_rate);
		assert_int_equal(count, cases[i].count);
		assert_int_equal(ms, cases[i].ms);
	}
}

static void
what_is_written_is_the_largest_exact_unit(void **state)
{
	static const struct {
		int64_t ms;
		const char *z;
	} times[] = {
		{ 0, "0s" },
		{ 1, "1ms" },
		{ 1500, "1500ms" },
		{ 90000, "90s" },
		{ 300000, "5m" },
		{ 86400000, "1d" },
		{ -300000, "-5m" },
		{ INT64_MAX, "9223372036854775807ms" },
		{ INT64_MIN, "-9223372036854775808ms" },
	};
	static const struct {
		uint64_t n;
		const char *z;
	} sizes[] = {
		{ 0, "0" },
		{ 1536, "1536" },
		{ 2048, "2k" },
		{ 50 << 20, "50M" },
		{ 1ULL << 40, "1T" },
		{ UINT64_MAX, "18446744073709551615" },
	};
	char out[24];

	(void)state;
	for (size_t i = 0; i < N(times); i++) {
		dg_duration_write(times[i].ms, out);
		assert_string_equal(out, times[i].z);
	}
	for (size_t i = 0; i < N(sizes); i++) {
		dg_size_write(sizes[i].n, out);
		assert_string_equal(out, sizes[i].z);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_read),
		cmocka_unit_test(durations_read),
		cmocka_unit_test(rates_read),
		cmocka_unit_test(what_is_written_is_the_largest_exact_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
