#ifndef TESTS_UNIT_SUPPORT_JSON_H
#define TESTS_UNIT_SUPPORT_JSON_H

#include <stdbool.h>
#include <stddef.h>

/*
 * json.h - published vectors, read from tests/vectors.
 *
 * For files of ours: whatever is wrong with one ends the program with a
 * message.  Never link it into the relay.
 */
enum json_kind {
	JSON_NULL,
	JSON_BOOL,
	JSON_NUMBER,
	JSON_TEXT,
	JSON_LIST,
	JSON_MAP
};

struct json {
	enum json_kind kind;
	const char *key;  /* in a map */
	const char *text; /* also of numbers, as written */
	size_t text_n;
	bool is_true;
	struct json *child; /* first of a list or map */
	struct json *next;
	size_t n; /* children */
};

struct json *json_load(const char *path);
void json_free(struct json *j);
/* NULL when there is none (or j is NULL). */
const struct json *json_get(const struct json *j, const char *key);
const struct json *json_at(const struct json *j, size_t i);
/* Text or number of a key; NULL when there is none. */
const char *json_text(const struct json *j, const char *key);
bool json_is_true(const struct json *j, const char *key);

#endif
