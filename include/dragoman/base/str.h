#ifndef DRAGOMAN_BASE_STR_H
#define DRAGOMAN_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * str.h - a view of bytes: by value, never freed, not NUL-terminated.
 *
 * {NULL, 0} is "absent"; {"", 0} is "empty"; both have n == 0.
 */
struct dg_str {
	const char *p;
	size_t n;
};

#define DG_STR(literal) ((struct dg_str){ (literal), sizeof(literal) - 1 })
#define DG_NOSTR        ((struct dg_str){ NULL, 0 })
/* For printf: "%.*s", DG_FMT(s) */
#define DG_FMT(s) (int)(s).n, (s).p != NULL ? (s).p : ""

/* A view of a NUL-terminated string of ours; NULL gives DG_NOSTR. */
struct dg_str dg_str(const char *z);
struct dg_str dg_str_of(const void *p, size_t n);
bool dg_str_eq(struct dg_str a, struct dg_str b);
bool dg_str_is(struct dg_str a, const char *z);
/* ASCII case folded; never by locale. */
bool dg_str_ieq(struct dg_str a, struct dg_str b);
bool dg_str_iis(struct dg_str a, const char *z);
bool dg_str_has_prefix(struct dg_str s, struct dg_str prefix);
bool dg_str_has_iprefix(struct dg_str s, struct dg_str prefix);
bool dg_str_has_suffix(struct dg_str s, struct dg_str suffix);
/* Index of c, or s.n when absent. */
size_t dg_str_find(struct dg_str s, char c);
size_t dg_str_rfind(struct dg_str s, char c);
/* The part from index `from` (clamped) of at most n bytes. */
struct dg_str dg_str_sub(struct dg_str s, size_t from, size_t n);
struct dg_str dg_str_from(struct dg_str s, size_t from);
/* Without blanks and tabs at both ends. */
struct dg_str dg_str_trim(struct dg_str s);
/* Take the next word (separated by blanks and tabs) off *s; n == 0 at end. */
struct dg_str dg_str_word(struct dg_str *s);
/* Decimal digits only, whole string; false on anything else or overflow. */
bool dg_str_u64(struct dg_str s, uint64_t *out);
/* Heap copy with a NUL; aborts when out of memory. */
char *dg_str_dup(struct dg_str s);
char dg_lower(char c);
/* FNV-1a, for tables of ours: strangers can choose names that meet.  The second
 * takes no notice of case (ASCII). */
uint32_t dg_str_hash(struct dg_str s);
uint32_t dg_str_ihash(struct dg_str s);
/* One of a NULL-ended list, exactly? */
bool dg_is_one_of(const char *word, const char *const *list);
/* Edit distance capped at `cap`, and the nearest of a NULL-ended list for
 * "did you mean"; NULL when nothing is near. */
size_t dg_str_distance(struct dg_str a, struct dg_str b, size_t cap);
const char *dg_did_you_mean(struct dg_str word, const char *const *list);

/* malloc and friends that abort with a log line: for small things of ours. */
void *dg_alloc(size_t n);
void *dg_alloc0(size_t n);
void *dg_realloc(void *p, size_t n);
char *dg_strdup(const char *z);
/* printf to a fresh heap string */
char *dg_sprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
