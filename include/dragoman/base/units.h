#ifndef DRAGOMAN_BASE_UNITS_H
#define DRAGOMAN_BASE_UNITS_H

#include "dragoman/base/str.h"

/* units.h - sizes "50M" "2k" "1024" (powers of 1024; k M G T, either case),
 * durations "250ms" "20s" "5m" "4h" "5d", rates "30/min" "5/s" "100/10m": as
 * YAML and policies write them.  False on anything else, on overflow, or
 * without a unit where one is needed (durations, also "0"). */
bool dg_size_read(struct dg_str s, uint64_t *out);
bool dg_duration_read(struct dg_str s, int64_t *out_ms);
/* "N/PERIOD"; N and the period at least 1.  PERIOD: s sec second, m min minute,
 * h hour, d day, or a duration. */
bool dg_rate_read(struct dg_str s, uint64_t *out_count, int64_t *out_ms);
/* The largest unit that is exact: 300000 -> "5m", 1536 -> "1536"; into
 * out[24]. */
void dg_duration_write(int64_t ms, char out[24]);
void dg_size_write(uint64_t n, char out[24]);

#endif
