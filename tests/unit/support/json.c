/* json.c - a reader of JSON (RFC 8259) for vectors: trusting and small. */
#include "json.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	const char *path;
	char *all, *at; /* texts are unescaped in place */
};

static _Noreturn void
wrong(const struct reader *r, const char *what)
{
	fprintf(stderr, "%s: byte %ld: %s\n", r->path, (long)(r->at - r->all),
	    what);
	exit(2);
}

static void *
room(size_t n)
{
	void *p = calloc(1, n);

	if (p == NULL)
		abort();
	return p;
}

static void
skip(struct reader *r)
{
	while (*r->at != '\0' && strchr(" \t\r\n,:", *r->at) != NULL)
		r->at++;
}

static unsigned
four_hex(struct reader *r)
{
	char digits[5] = { 0 };

	strncpy(digits, r->at, 4);
	r->at += strlen(digits);
	return (unsigned)strtoul(digits, NULL, 16);
}

static char *
put_utf8(char *to, unsigned c)
{
	if (c < 0x80) {
		*to++ = (char)c;
		return to;
	}
	if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		*to++ = (char)(0xe0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
	} else {
		*to++ = (char)(0xf0 | c >> 18);
		*to++ = (char)(0x80 | (c >> 12 & 0x3f));
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	*to++ = (char)(0x80 | (c & 0x3f));
	return to;
}

static char *
read_escape(struct reader *r, char *to)
{
	static const char from[] = "bfnrt", into[] = "\b\f\n\r\t";
	char c = *r->at++;
	const char *found = strchr(from, c);
	unsigned unit;

	if (c == '\0')
		wrong(r, "open text");
	if (c != 'u') {
		*to++ = found != NULL ? into[found - from] : c;
		return to;
	}
	unit = four_hex(r);
	if (unit >= 0xd800 && unit < 0xdc00) {
		r->at += 2;
		unit =
		    0x10000 + ((unit - 0xd800) << 10) + (four_hex(r) - 0xdc00);
	}
	return put_utf8(to, unit);
}

static const char *
read_text(struct reader *r, size_t *n)
{
	char *start = ++r->at, *to = start;

	while (*r->at != '"') {
		if (*r->at == '\0')
			wrong(r, "open text");
		if (*r->at != '\\') {
			*to++ = *r->at++;
			continue;
		}
		r->at++;
		to = read_escape(r, to);
	}
	r->at++;
	*to = '\0'; /* at most where the quote stood */
	*n = (size_t)(to - start);
	return start;
}

static struct json *read_value(struct reader *r);

static void
read_children(struct reader *r, struct json *j, char end)
{
	struct json **last = &j->child;
	size_t unused;

	r->at++;
	for (skip(r); *r->at != end; skip(r)) {
		const char *key = NULL;

		if (end == '}') {
			if (*r->at != '"')
				wrong(r, "expected a key");
			key = read_text(r, &unused);
			skip(r);
		}
		*last = read_value(r);
		(*last)->key = key;
		last = &(*last)->next;
		j->n++;
	}
	r->at++;
}

/* A number or word; ends with a NUL of its own. */
static void
read_word(struct reader *r, struct json *j)
{
	size_t n = strcspn(r->at, " \t\r\n,]}");
	char *copy = room(n + 1);

	if (n == 0)
		wrong(r, "expected a value");
	memcpy(copy, r->at, n);
	r->at += n;
	j->text = copy;
	j->text_n = n;
	j->is_true = strcmp(copy, "true") == 0;
	j->kind = strcmp(copy, "null") == 0                  ? JSON_NULL
		  : j->is_true || strcmp(copy, "false") == 0 ? JSON_BOOL
							     : JSON_NUMBER;
}

static struct json *
read_value(struct reader *r)
{
	struct json *j = room(sizeof(*j));

	switch (*r->at) {
	case '{':
		j->kind = JSON_MAP;
		read_children(r, j, '}');
		break;
	case '[':
		j->kind = JSON_LIST;
		read_children(r, j, ']');
		break;
	case '"':
		j->kind = JSON_TEXT;
		j->text = read_text(r, &j->text_n);
		break;
	default:
		read_word(r, j);
	}
	return j;
}

/* The file's text lives behind the root: keys and texts point into it. */
struct root {
	struct json value;
	char *all;
};

struct json *
json_load(const char *path)
{
	struct reader r = { .path = path };
	struct root *root = room(sizeof(*root));
	FILE *f = fopen(path, "rb");
	struct json *j;
	long n;

	if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (n = ftell(f)) < 0) {
		fprintf(stderr, "%s: cannot be read (run from the top)\n",
		    path);
		exit(2);
	}
	rewind(f);
	r.all = r.at = room((size_t)n + 1);
	if (fread(r.all, 1, (size_t)n, f) != (size_t)n)
		wrong(&r, "cannot be read");
	fclose(f);
	skip(&r);
	j = read_value(&r);
	root->value = *j;
	root->all = r.all;
	free(j);
	return &root->value;
}

static void
free_children(struct json *j)
{
	struct json *next;

	for (struct json *c = j->child; c != NULL; c = next) {
		char *own;

		next = c->next;
		free_children(c);
		memcpy(&own, &c->text, sizeof(own));
		if (c->kind != JSON_TEXT)
			free(own);
		free(c);
	}
}

void
json_free(struct json *j)
{
	struct root *root = (struct root *)j;

	if (j == NULL)
		return;
	free_children(j);
	free(root->all);
	free(root);
}

const struct json *
json_get(const struct json *j, const char *key)
{
	if (j == NULL)
		return NULL;
	for (const struct json *c = j->child; c != NULL; c = c->next)
		if (c->key != NULL && strcmp(c->key, key) == 0)
			return c;
	return NULL;
}

const struct json *
json_at(const struct json *j, size_t i)
{
	const struct json *c = j != NULL ? j->child : NULL;

	while (c != NULL && i-- > 0)
		c = c->next;
	return c;
}

const char *
json_text(const struct json *j, const char *key)
{
	const struct json *c = json_get(j, key);

	return c != NULL ? c->text : NULL;
}

bool
json_is_true(const struct json *j, const char *key)
{
	const struct json *c = json_get(j, key);

	return c != NULL && c->is_true;
}
