/*
 * set.c - --set a.b.c=value over the tree of the file.
 *
 * The value lands in the tree and is then checked as if it had stood in the
 * YAML, so that there is one way to be wrong.  It is a text as it stands (an
 * address like [::1]:25 is no list), except where the table says that the key
 * is a list: then "[a, b]" is read as YAML reads it.
 */
#include <stdlib.h>

#include "dragoman/base/enc.h"
#include "options.h"

#define MOST_PARTS 16

static struct dg_node *
value_of(const char *label, struct dg_str key, struct dg_str value,
    struct dg_errors *errors)
{
	const struct dg_option *o = dg_option_find(key);
	struct dg_node *n;
	bool is_cut;

	if (o != NULL && dg_option_is_list(o->type) && value.n > 0 &&
	    value.p[0] == '[') {
		n = dg_yaml_read(value, NULL, label, &is_cut, errors);
		if (is_cut)
			n->kind = DG_NODE_BAD;
		return n;
	}
	n = dg_node_new(DG_NODE_TEXT);
	n->set = dg_strdup(label);
	n->text = dg_str_dup(value);
	for (size_t i = 0; i < value.n; i++) {
		if ((unsigned char)value.p[i] < 0x20 || value.p[i] == 0x7f)
			n->kind = DG_NODE_BAD;
	}
	if (!dg_utf8_is_valid(value))
		n->kind = DG_NODE_BAD;
	if (n->kind == DG_NODE_BAD)
		dg_node_error(errors, NULL, n, false,
		    "the value must be one line of UTF-8 text");
	return n;
}

static struct dg_node *
add_kid(struct dg_node *map, enum dg_node_kind kind, const char *label,
    struct dg_str key)
{
	struct dg_node *n = dg_node_new(kind);

	n->set = dg_strdup(label);
	n->key = dg_str_dup(key);
	TAILQ_INSERT_TAIL(&map->kids, n, next);
	return n;
}

/* The map that holds the last part of the path; NULL: said why. */
static struct dg_node *
map_for(struct dg_node *root, const char *label, struct dg_str path,
    struct dg_str *last, const char *file, struct dg_errors *errors)
{
	struct dg_node *n = root;
	struct dg_str all = path;

	for (unsigned parts = 0;; parts++) {
		size_t dot = dg_str_find(path, '.');
		struct dg_str part = dg_str_sub(path, 0, dot);
		struct dg_node *kid;

		if (n->kind == DG_NODE_NULL)
			n->kind = DG_NODE_MAP;
		if (n->kind == DG_NODE_BAD)
			return NULL;
		if (n->kind != DG_NODE_MAP) {
			dg_errors_add(errors, label, 0, 0, false,
			    "%.*s is no map in %s",
			    (int)(part.p - all.p > 0 ? part.p - all.p - 1 : 0),
			    all.p, n->set != NULL ? n->set : file);
			return NULL;
		}
		if (part.n == 0 || parts == MOST_PARTS) {
			dg_errors_add(errors, label, 0, 0, false,
			    "not a key: names with dots between them");
			return NULL;
		}
		if (dot == path.n) {
			*last = part;
			return n;
		}
		path = dg_str_from(path, dot + 1);
		kid = dg_node_find(n, part);
		n = kid != NULL ? kid : add_kid(n, DG_NODE_MAP, label, part);
	}
}

void
dg_set_apply(struct dg_node *root, const char *set, const char *file,
    struct dg_errors *errors)
{
	struct dg_str s = dg_str(set);
	size_t eq = dg_str_find(s, '=');
	struct dg_str key = dg_str_sub(s, 0, eq), last;
	struct dg_node *map, *old, *n;
	char *label;

	if (eq == s.n) {
		dg_errors_add(errors, "--set", 0, 0, false,
		    "expected key=value, found \"%s\"", set);
		return;
	}
	label = dg_sprintf("--set %.*s", DG_FMT(key));
	map = map_for(root, label, key, &last, file, errors);
	n = map != NULL ? value_of(label, key, dg_str_from(s, eq + 1), errors)
			: NULL;
	free(label);
	if (n == NULL)
		return;
	n->key = dg_str_dup(last);
	old = dg_node_find(map, last);
	if (old != NULL) { /* in its place: the order is the file's */
		TAILQ_INSERT_BEFORE(old, n, next);
		TAILQ_REMOVE(&map->kids, old, next);
		dg_node_free(old);
	} else {
		TAILQ_INSERT_TAIL(&map->kids, n, next);
	}
}
