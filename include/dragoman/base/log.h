#ifndef DRAGOMAN_BASE_LOG_H
#define DRAGOMAN_BASE_LOG_H

#include "dragoman/base/str.h"

/*
 * log.h - one event a line: key=value text or JSON, to standard error.
 *
 *	dg_log(DG_LOG_INFO, "deliver", dg_kv_s("hop", hop), dg_kv_i("tries", 2));
 *
 * Values are escaped (no raw control byte leaves), cut at 1 KiB, and must not
 * be secrets: a struct dg_secret has no constructor here.  Process-wide state,
 * one of the two listed exceptions to "no globals"; safe from any thread.
 */
enum dg_log_level {
	DG_LOG_DEBUG,
	DG_LOG_INFO,
	DG_LOG_WARN,
	DG_LOG_ERROR,
};

struct dg_kv {
	const char *key; /* NULL ends the list */
	bool is_number;
	long long number;
	struct dg_str text;
};

static inline struct dg_kv
dg_kv_s(const char *key, struct dg_str v)
{
	return (struct dg_kv){ key, false, 0, v };
}

static inline struct dg_kv
dg_kv_z(const char *key, const char *z)
{
	return (struct dg_kv){ key, false, 0, dg_str(z) };
}

static inline struct dg_kv
dg_kv_i(const char *key, long long v)
{
	return (struct dg_kv){ key, true, v, DG_NOSTR };
}

/* A number that is left out when it is 0. */
static inline struct dg_kv
dg_kv_n(const char *key, long long v)
{
	return v != 0 ? dg_kv_i(key, v) : dg_kv_s(key, DG_NOSTR);
}

/* Pairs with empty text are left out of the line. */
void dg_log_write(enum dg_log_level level, const char *event,
    const struct dg_kv *kv);
#define dg_log(level, event, ...) \
	dg_log_write(level, event, \
	    (const struct dg_kv[]){ __VA_ARGS__, { NULL, false, 0, DG_NOSTR } })

void dg_log_setup(bool as_json, enum dg_log_level least);
/* This thread gathers its lines (below WARN) until dg_log_flush(). */
void dg_log_gather(bool on);
void dg_log_flush(void);
/* Tests: lines go to fn instead of standard error (NULL: back). */
void dg_log_divert(void (*fn)(const char *line, size_t n));

#endif
