/* units.c - "50M", "5d", "30/min": sizes, times and rates as people write them.
 *
 * Why a time needs its unit and a size does not: a bare number of bytes has one
 * meaning, a bare number of time has a wrong one for somebody.  Written back,
 * a value takes the largest unit that loses nothing, so that what `explain`
 * prints is what stood in the file.
 */
#include "dragoman/base/units.h"

#include <inttypes.h>
#include <stdio.h>

struct unit {
	const char *name;
	uint64_t factor;
};

/* largest first: writing takes the first that divides */
static const struct unit sizes[] = {
	{ "T", 1ULL << 40 },
	{ "G", 1ULL << 30 },
	{ "M", 1ULL << 20 },
	{ "k", 1ULL << 10 },
	{ "", 1 },
};
#define N_SIZES (sizeof(sizes) / sizeof(sizes[0]))

static const struct unit times[] = {
	{ "d", 24 * 3600 * 1000 },
	{ "h", 3600 * 1000 },
	{ "m", 60 * 1000 },
	{ "s", 1000 },
	{ "ms", 1 },
};
#define N_TIMES (sizeof(times) / sizeof(times[0]))

/* What may stand for a period of one: also the words people say. */
static const struct unit periods[] = {
	{ "s", 1000 },
	{ "sec", 1000 },
	{ "second", 1000 },
	{ "m", 60 * 1000 },
	{ "min", 60 * 1000 },
	{ "minute", 60 * 1000 },
	{ "h", 3600 * 1000 },
	{ "hour", 3600 * 1000 },
	{ "d", 24 * 3600 * 1000 },
	{ "day", 24 * 3600 * 1000 },
};

static size_t
count_digits(struct dg_str s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
		n++;
	return n;
}

static bool
scale(struct dg_str digits, uint64_t factor, uint64_t most, uint64_t *out)
{
	uint64_t v;

	if (!dg_str_u64(digits, &v) || v > most / factor)
		return false;
	*out = v * factor;
	return true;
}

bool
dg_size_read(struct dg_str s, uint64_t *out)
{
	size_t n = count_digits(s);
	struct dg_str name = dg_str_from(s, n);

	for (size_t i = 0; i < N_SIZES; i++) {
		if (dg_str_iis(name, sizes[i].name))
			return scale(dg_str_sub(s, 0, n), sizes[i].factor,
			    UINT64_MAX, out);
	}
	return false;
}

bool
dg_duration_read(struct dg_str s, int64_t *out_ms)
{
	size_t n = count_digits(s);
	struct dg_str name = dg_str_from(s, n);
	uint64_t ms;

	for (size_t i = 0; i < N_TIMES; i++) {
		if (!dg_str_is(name, times[i].name))
			continue;
		if (!scale(dg_str_sub(s, 0, n), times[i].factor, INT64_MAX,
			&ms))
			return false;
		*out_ms = (int64_t)ms;
		return true;
	}
	return false;
}

static bool
read_period(struct dg_str s, int64_t *out_ms)
{
	for (size_t i = 0; i < sizeof(periods) / sizeof(periods[0]); i++) {
		if (dg_str_is(s, periods[i].name)) {
			*out_ms = (int64_t)periods[i].factor;
			return true;
		}
	}
	return dg_duration_read(s, out_ms) && *out_ms > 0;
}

bool
dg_rate_read(struct dg_str s, uint64_t *out_count, int64_t *out_ms)
{
	size_t slash = dg_str_find(s, '/');
	uint64_t count;
	int64_t ms = 0;

	if (!dg_str_u64(dg_str_sub(s, 0, slash), &count) || count == 0 ||
	    !read_period(dg_str_from(s, slash + 1), &ms))
		return false;
	*out_count = count;
	*out_ms = ms;
	return true;
}

void
dg_duration_write(int64_t ms, char out[24])
{
	size_t i = 0;

	while (ms % (int64_t)times[i].factor != 0)
		i++;
	if (ms == 0)
		i = N_TIMES - 2; /* "0s": every unit divides nothing */
	snprintf(out, 24, "%" PRId64 "%s", ms / (int64_t)times[i].factor,
	    times[i].name);
}

void
dg_size_write(uint64_t n, char out[24])
{
	size_t i = n == 0 ? N_SIZES - 1 : 0;

	while (n % sizes[i].factor != 0)
		i++;
	snprintf(out, 24, "%" PRIu64 "%s", n / sizes[i].factor, sizes[i].name);
}
