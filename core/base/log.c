/* log.c - one event, one line, one write.
 *
 * A line is composed on the stack (logging must work when memory does not) and
 * written with one write(2), so that lines of two threads never mix.  A worker
 * may gather its lines and write them once a loop; anything from WARN up goes
 * out at once, with what was gathered before it, so that nothing that explains
 * a crash stays behind.  Peers choose the values: every byte that could move a
 * cursor, end a line or a string is escaped.  What is about a message or a
 * session goes to the journal too, always as JSON.
 */
#include "dragoman/base/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "dragoman/base/clock.h"
#include "dragoman/base/journal.h"
#include "utf8.h"

#define VALUE_MAX  1024
#define LINE_ROOM (16 * 1024)
#define LINE_END   32 /* kept free in a line for its end */
#define GATHER_MAX (16 * 1024)

struct line {
	bool is_json;
	bool is_cut; /* something did not fit */
	size_t n;
	char p[LINE_ROOM];
};

struct gathered {
	size_t n;
	char p[GATHER_MAX + LINE_ROOM];
};

typedef void sink_fn(const char *line, size_t n);

static atomic_bool as_json_now;
static atomic_int least_now = DG_LOG_INFO;
static _Atomic(sink_fn *) sink;
static _Thread_local struct gathered *gathered; /* NULL: not gathering */

static const char *
level_name(enum dg_log_level level)
{
	switch (level) {
	case DG_LOG_DEBUG:
		return "debug";
	case DG_LOG_INFO:
		return "info";
	case DG_LOG_WARN:
		return "warn";
	case DG_LOG_ERROR:
		return "error";
	}
	return "unknown";
}

static void
put(struct line *l, const char *p, size_t n)
{
	if (n > sizeof(l->p) - LINE_END - l->n) {
		l->is_cut = true;
		return;
	}
	memcpy(l->p + l->n, p, n);
	l->n += n;
}

static void
putz(struct line *l, const char *z)
{
	put(l, z, strlen(z));
}

static void
put_hex(struct line *l, unsigned byte)
{
	static const char digits[] = "0123456789abcdef";
	char text[6] = { '\\', 'u', '0', '0' };

	text[4] = digits[byte >> 4 & 15];
	text[5] = digits[byte & 15];
	if (l->is_json) {
		put(l, text, 6);
	} else {
		putz(l, "\\x");
		put(l, text + 4, 2);
	}
}

/* C0, DEL and C1: some terminals obey the last kind too. */
static bool
is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code <= 0x9f);
}

static void
put_char(struct line *l, const char *p, size_t n, uint32_t code)
{
	if (code == '"' || code == '\\') {
		putz(l, "\\");
		put(l, p, n);
	} else if (!is_control(code)) {
		put(l, p, n);
	} else if (l->is_json) {
		put_hex(l, code);
	} else {
		for (size_t i = 0; i < n; i++)
			put_hex(l, (unsigned char)p[i]);
	}
}

/* How many bytes from i on stand as they are, and count as themselves. */
static size_t
ordinary(struct dg_str s, size_t i)
{
	size_t from = i, end = s.n < VALUE_MAX ? s.n : VALUE_MAX;

	while (i < end && s.p[i] >= ' ' && s.p[i] < 0x7f && s.p[i] != '"' &&
	    s.p[i] != '\\')
		i++;
	return i - from;
}

static void
put_escaped(struct line *l, struct dg_str s)
{
	size_t i = 0;

	while (i < s.n) {
		size_t run = ordinary(s, i);
		uint32_t code = 0;
		size_t k;

		if (run > 0) { /* nearly all of nearly every value */
			put(l, s.p + i, run);
			i += run;
			continue;
		}
		k = dg_utf8_at(s, i, &code);

		if (i + (k > 0 ? k : 1) > VALUE_MAX)
			break;
		if (k > 0)
			put_char(l, s.p + i, k, code);
		else
			put_hex(l, (unsigned char)s.p[i]);
		i += k > 0 ? k : 1;
	}
	if (i < s.n)
		putz(l, "...");
}

/* May stand without quotes: printable ASCII without blank, ", \ and =. */
static bool
is_plain(struct dg_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '=')
			return false;
	}
	return true;
}

static void
put_quoted(struct line *l, struct dg_str s)
{
	putz(l, "\"");
	put_escaped(l, s);
	putz(l, "\"");
}

static void
put_key(struct line *l, const char *key)
{
	if (l->is_json) {
		putz(l, ",\"");
		putz(l, key);
		putz(l, "\":");
	} else {
		putz(l, " ");
		putz(l, key);
		putz(l, "=");
	}
}

static void
put_pair(struct line *l, const struct dg_kv *kv)
{
	size_t was = l->n;
	char number[24];

	put_key(l, kv->key);
	if (kv->is_number) {
		snprintf(number, sizeof(number), "%lld", kv->number);
		putz(l, number);
	} else if (l->is_json || !is_plain(kv->text)) {
		put_quoted(l, kv->text);
	} else {
		put_escaped(l, kv->text);
	}
	if (l->is_cut)
		l->n = was; /* a pair is there whole or not at all */
}

static void
put_head(struct line *l, enum dg_log_level level, const char *event,
    int64_t now)
{
	static _Thread_local time_t written; /* what `stamp` says */
	static _Thread_local char stamp[24];
	time_t seconds = (time_t)(now / 1000);
	struct tm tm;
	char text[80];

	if (seconds != written || stamp[0] == '\0') {
		gmtime_r(&seconds, &tm);
		strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
		written = seconds;
	}
	putz(l, l->is_json ? "{\"time\":\"" : "");
	putz(l, stamp);
	snprintf(text, sizeof(text), ".%03dZ", (int)(now % 1000));
	putz(l, text);
	putz(l, l->is_json ? "\",\"level\":\"" : " ");
	putz(l, level_name(level));
	putz(l, l->is_json ? "\",\"event\":\"" : " ");
	put_escaped(l, dg_str(event));
	putz(l, l->is_json ? "\"" : "");
}

static void
put_end(struct line *l)
{
	const char *cut = l->is_json ? ",\"cut\":true" : " cut=true";
	const char *end = l->is_json ? "}\n" : "\n";

	/* LINE_END is kept free for these */
	if (l->is_cut) {
		memcpy(l->p + l->n, cut, strlen(cut));
		l->n += strlen(cut);
	}
	memcpy(l->p + l->n, end, strlen(end));
	l->n += strlen(end);
}

static void
write_out(const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(STDERR_FILENO, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return; /* nobody left to tell */
		p += done;
		n -= (size_t)done;
	}
}

static void
emit(const struct line *l, enum dg_log_level level)
{
	sink_fn *fn = atomic_load(&sink);
	struct gathered *g = gathered;

	if (fn != NULL) {
		fn(l->p, l->n);
		return;
	}
	if (g == NULL) {
		write_out(l->p, l->n);
		return;
	}
	memcpy(g->p + g->n, l->p, l->n);
	g->n += l->n;
	if (g->n > GATHER_MAX || level >= DG_LOG_WARN)
		dg_log_flush();
}

static void
compose(struct line *l, bool is_json, enum dg_log_level level,
    const char *event, const struct dg_kv *kv, int64_t now)
{
	l->is_json = is_json;
	l->is_cut = false;
	l->n = 0;
	put_head(l, level, event, now);
	for (; kv != NULL && kv->key != NULL && !l->is_cut; kv++) {
		if (kv->is_number || kv->text.n > 0)
			put_pair(l, kv);
	}
	put_end(l);
}

static bool
is_for_journal(const char *event, const struct dg_kv *kv)
{
	if (!dg_journal_is_open())
		return false;
	for (; kv != NULL && kv->key != NULL; kv++)
		if (kv->text.n > 0 && (strcmp(kv->key, "id") == 0 ||
					  strcmp(kv->key, "session") == 0))
			return true;
	return strcmp(event, "journal") == 0;
}

void
dg_log_write(enum dg_log_level level, const char *event, const struct dg_kv *kv)
{
	int64_t now;
	struct line l;

	if ((int)level < atomic_load_explicit(&least_now, memory_order_relaxed))
		return;
	now = dg_now_ms();
	compose(&l, atomic_load_explicit(&as_json_now, memory_order_relaxed),
	    level, event, kv, now);
	emit(&l, level);
	if (!is_for_journal(event, kv))
		return;
	if (!l.is_json)
		compose(&l, true, level, event, kv, now);
	dg_journal_put(dg_str_of(l.p, l.n));
	if (level >= DG_LOG_WARN)
		dg_journal_flush();
}

void
dg_log_setup(bool as_json, enum dg_log_level least)
{
	atomic_store(&as_json_now, as_json);
	atomic_store(&least_now, (int)least);
}

void
dg_log_gather(bool on)
{
	if (on && gathered == NULL) {
		gathered = dg_alloc0(sizeof(*gathered));
	} else if (!on) {
		dg_log_flush();
		free(gathered);
		gathered = NULL;
	}
	dg_journal_gather(on);
}

void
dg_log_flush(void)
{
	dg_journal_flush();
	if (gathered == NULL || gathered->n == 0)
		return;
	write_out(gathered->p, gathered->n);
	gathered->n = 0;
}

void
dg_log_divert(void (*fn)(const char *line, size_t n))
{
	atomic_store(&sink, fn);
}
