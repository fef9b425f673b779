#ifndef DRAGOMAN_CORE_CONFIG_TREE_H
#define DRAGOMAN_CORE_CONFIG_TREE_H

#include <sys/queue.h>

#include "dragoman/base/errors.h"

/*
 * tree.h - YAML as a small tree that knows where each thing stood.
 *
 * Bounded in depth, size and number, so that a walk may recurse.  A value that
 * was already complained about is a NODE_BAD: nobody complains again.
 */
enum dg_node_kind {
	DG_NODE_BAD,
	DG_NODE_NULL, /* "key:" with nothing behind it, or ~ */
	DG_NODE_TEXT,
	DG_NODE_LIST,
	DG_NODE_MAP,
};

struct dg_node {
	TAILQ_ENTRY(dg_node) next;
	enum dg_node_kind kind;
	unsigned line, column;         /* of the value, from 1 */
	unsigned key_line, key_column; /* of the key; 0 without one */
	char *set;  /* "--set a.b" when it came from there, else NULL */
	char *key;  /* in a map */
	char *text; /* DG_NODE_TEXT: no control characters inside */
	TAILQ_HEAD(dg_nodes, dg_node) kids; /* list and map, in file order */
};

struct dg_node *dg_node_new(enum dg_node_kind kind);
void dg_node_free(struct dg_node *n);
/* NULL when absent, or when n is no map (or NULL). */
struct dg_node *dg_node_find(const struct dg_node *n, struct dg_str key);
/* Complain at a node: file:line:column, or "--set key". */
void dg_node_error(struct dg_errors *errors, const char *file,
    const struct dg_node *at, bool at_key, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* The tree of a text, never NULL; mistakes are added to errors.  *is_cut: one
 * of them hides what stands behind it, and the tree holds what came before.
 * set: the label of a --set value instead of a file, or NULL. */
struct dg_node *dg_yaml_read(struct dg_str text, const char *file,
    const char *set, bool *is_cut, struct dg_errors *errors);

/* Put "a.b.c=value" into the tree, making maps on the way. */
void dg_set_apply(struct dg_node *root, const char *set, const char *file,
    struct dg_errors *errors);

#endif
