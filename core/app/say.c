/*
 * say.c - text of strangers, times and sizes, for people and for programs.
 */
#include "say.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "dragoman/base/enc.h"

/* ---- strangers' text ---- */

/* Some terminals obey U+0080 to U+009F: in UTF-8 0xc2 and 0x80 to 0x9f. */
static bool
is_c1(struct dg_str s, size_t i)
{
	return (unsigned char)s.p[i] == 0xc2 && i + 1 < s.n &&
	    (unsigned char)s.p[i + 1] < 0xa0;
}

static bool
is_control(struct dg_str s, size_t i)
{
	unsigned char c = (unsigned char)s.p[i];

	return c < 0x20 || c == 0x7f || is_c1(s, i);
}

void
dg_say(struct dg_buf *out, struct dg_str s)
{
	bool is_utf8 = dg_utf8_is_valid(s);

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (is_c1(s, i) && is_utf8)
			(void)dg_buf_addf(out, "\\x%02x\\x%02x", c,
			    (unsigned char)s.p[++i]);
		else if (is_control(s, i) || (c >= 0x80 && !is_utf8))
			(void)dg_buf_addf(out, "\\x%02x", c);
		else
			(void)dg_buf_addc(out, (char)c);
	}
}

void
dg_say_json(struct dg_buf *out, struct dg_str s)
{
	bool is_utf8 = dg_utf8_is_valid(s);

	(void)dg_buf_addc(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"' || c == '\\')
			(void)dg_buf_addf(out, "\\%c", c);
		else if (is_utf8 && is_c1(s, i))
			(void)dg_buf_addf(out, "\\u%04x",
			    (unsigned char)s.p[++i]);
		else if (c < 0x20 || c == 0x7f || (c >= 0x80 && !is_utf8))
			(void)dg_buf_addf(out, "\\u%04x", c);
		else
			(void)dg_buf_addc(out, (char)c);
	}
	(void)dg_buf_addc(out, '"');
}

/* ---- times and sizes ---- */

void
dg_say_span(int64_t ms, char out[24])
{
	static const struct {
		int64_t below, unit; /* seconds */
		char large, small;   /* small: in 1/60 or 1/24 of the unit */
	} steps[] = {
		{ 90, 1, 's', 0 },
		{ 3570, 60, 'm', 0 },
		{ 86400 - 30, 3600, 'h', 'm' },
		{ INT64_MAX, 86400, 'd', 'h' },
	};
	int64_t s = ms > 0 ? ms / 1000 + (ms % 1000 >= 500) : 0;
	size_t i = 0;

	while (s >= steps[i].below)
		i++;
	if (steps[i].small == 0) {
		snprintf(out, 24, "%" PRId64 "%c",
		    (s + steps[i].unit / 2) / steps[i].unit, steps[i].large);
		return;
	}
	int64_t parts = steps[i].large == 'h' ? 60 : 24;
	int64_t part = steps[i].unit / parts;
	int64_t n = (s + part / 2) / part;

	if (n % parts == 0)
		snprintf(out, 24, "%" PRId64 "%c", n / parts, steps[i].large);
	else
		snprintf(out, 24, "%" PRId64 "%c%" PRId64 "%c", n / parts,
		    steps[i].large, n % parts, steps[i].small);
}

void
dg_say_size(uint64_t n, char out[24])
{
	static const char units[] = "kMGTP";
	double x = (double)n;
	int i = -1;

	if (n < 10000) {
		snprintf(out, 24, "%" PRIu64, n);
		return;
	}
	while (x >= 999.5 && units[i + 1] != '\0') {
		x /= 1024;
		i++;
	}
	snprintf(out, 24, x < 9.95 ? "%.1f%c" : "%.0f%c", x, units[i]);
}

void
dg_say_time(int64_t ms, char out[24])
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL ||
	    strftime(out, 24, "%Y-%m-%d %H:%M", &tm) == 0)
		snprintf(out, 24, "?");
}
