/* str.c - views of bytes, and the allocations that cannot fail.
 *
 * Why views: what a peer sends is not NUL-terminated and may contain NUL, so
 * every question asked of it carries the length.  Letters are folded as ASCII,
 * never by locale: SMTP keywords are ASCII (RFC 5321 2.4) and a Turkish locale
 * must not change who may log in.  Running out of memory for small things of
 * ours stops the process: the spool makes that safe, half-done work would not.
 */
#include "dragoman/base/str.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/log.h"

struct dg_str
dg_str(const char *z)
{
	return z != NULL ? dg_str_of(z, strlen(z)) : DG_NOSTR;
}

struct dg_str
dg_str_of(const void *p, size_t n)
{
	return (struct dg_str){ p, n };
}

bool
dg_str_eq(struct dg_str a, struct dg_str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool
dg_str_is(struct dg_str a, const char *z)
{
	return dg_str_eq(a, dg_str(z));
}

char
dg_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool
dg_str_ieq(struct dg_str a, struct dg_str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		if (dg_lower(a.p[i]) != dg_lower(b.p[i]))
			return false;
	}
	return true;
}

bool
dg_str_iis(struct dg_str a, const char *z)
{
	return dg_str_ieq(a, dg_str(z));
}

bool
dg_str_has_prefix(struct dg_str s, struct dg_str prefix)
{
	return s.n >= prefix.n && dg_str_eq(dg_str_sub(s, 0, prefix.n), prefix);
}

bool
dg_str_has_iprefix(struct dg_str s, struct dg_str prefix)
{
	return s.n >= prefix.n &&
	    dg_str_ieq(dg_str_sub(s, 0, prefix.n), prefix);
}

bool
dg_str_has_suffix(struct dg_str s, struct dg_str suffix)
{
	return s.n >= suffix.n &&
	    dg_str_eq(dg_str_from(s, s.n - suffix.n), suffix);
}

size_t
dg_str_find(struct dg_str s, char c)
{
	const char *at = s.n > 0 ? memchr(s.p, c, s.n) : NULL;

	return at != NULL ? (size_t)(at - s.p) : s.n;
}

size_t
dg_str_rfind(struct dg_str s, char c)
{
	for (size_t i = s.n; i > 0; i--) {
		if (s.p[i - 1] == c)
			return i - 1;
	}
	return s.n;
}

struct dg_str
dg_str_sub(struct dg_str s, size_t from, size_t n)
{
	if (s.p == NULL)
		return s; /* absent stays absent; NULL + 0 is undefined */
	if (from > s.n)
		from = s.n;
	if (n > s.n - from)
		n = s.n - from;
	return dg_str_of(s.p + from, n);
}

struct dg_str
dg_str_from(struct dg_str s, size_t from)
{
	return dg_str_sub(s, from, s.n);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct dg_str
dg_str_trim(struct dg_str s)
{
	size_t from = 0;

	while (from < s.n && is_blank(s.p[from]))
		from++;
	s = dg_str_from(s, from);
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct dg_str
dg_str_word(struct dg_str *s)
{
	size_t from = 0, to;
	struct dg_str word;

	while (from < s->n && is_blank(s->p[from]))
		from++;
	to = from;
	while (to < s->n && !is_blank(s->p[to]))
		to++;
	word = dg_str_sub(*s, from, to - from);
	*s = dg_str_from(*s, to);
	return word;
}

bool
dg_str_u64(struct dg_str s, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		uint64_t digit = (uint64_t)(s.p[i] - '0');
		if (v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*out = v;
	return true;
}

char *
dg_str_dup(struct dg_str s)
{
	char *z = dg_alloc(s.n + 1);

	if (s.n > 0)
		memcpy(z, s.p, s.n);
	z[s.n] = '\0';
	return z;
}

#define WORD_MAX 64 /* longer than any key of ours: nothing to suggest */

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Two neighbours swapped count as one edit: the commonest slip of all
 * (optimal string alignment). */
size_t
dg_str_distance(struct dg_str a, struct dg_str b, size_t cap)
{
	size_t row[3][WORD_MAX + 1] = { { 0 } };

	if (a.n > WORD_MAX || b.n > WORD_MAX)
		return dg_str_eq(a, b) ? 0 : cap;
	for (size_t j = 0; j <= b.n; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t *now = row[i % 3];
		const size_t *up = row[(i + 2) % 3], *up2 = row[(i + 1) % 3];

		now[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			size_t change = a.p[i - 1] != b.p[j - 1];

			now[j] = least(up[j] + 1, now[j - 1] + 1);
			now[j] = least(now[j], up[j - 1] + change);
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] &&
			    a.p[i - 2] == b.p[j - 1])
				now[j] = least(now[j], up2[j - 2] + 1);
		}
	}
	return least(row[a.n % 3][b.n], cap);
}

const char *
dg_did_you_mean(struct dg_str word, const char *const *list)
{
	const char *nearest = NULL;
	size_t best = least(word.n / 3 + 1, 3) + 1; /* must be under this */

	for (; *list != NULL; list++) {
		size_t d = dg_str_distance(word, dg_str(*list), best);

		if (dg_str_iis(word, *list))
			return *list;
		if (d < best && d < word.n) {
			best = d;
			nearest = *list;
		}
	}
	return nearest;
}

bool
dg_is_one_of(const char *word, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(*list, word) == 0)
			return true;
	return false;
}

/* ---- hashing ---- */

#define FNV_START 2166136261u

static uint32_t
hash_more(uint32_t h, char c)
{
	return (h ^ (unsigned char)c) * 16777619u;
}

uint32_t
dg_str_hash(struct dg_str s)
{
	uint32_t h = FNV_START;

	for (size_t i = 0; i < s.n; i++)
		h = hash_more(h, s.p[i]);
	return h;
}

uint32_t
dg_str_ihash(struct dg_str s)
{
	uint32_t h = FNV_START;

	for (size_t i = 0; i < s.n; i++)
		h = hash_more(h, dg_lower(s.p[i]));
	return h;
}

static void *
must(void *p, size_t n)
{
	if (p != NULL)
		return p;
	dg_log(DG_LOG_ERROR, "out-of-memory", dg_kv_i("bytes", (long long)n));
	abort();
}

void *
dg_alloc(size_t n)
{
	return must(malloc(n > 0 ? n : 1), n);
}

void *
dg_alloc0(size_t n)
{
	return must(calloc(1, n > 0 ? n : 1), n);
}

void *
dg_realloc(void *p, size_t n)
{
	return must(realloc(p, n > 0 ? n : 1), n);
}

char *
dg_strdup(const char *z)
{
	return dg_str_dup(dg_str(z));
}

char *
dg_sprintf(const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	assert(n >= 0); /* only a wrong format of ours can fail */
	char *z = dg_alloc((size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(z, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return z;
}
