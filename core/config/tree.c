/*
 * tree.c - the nodes that YAML and --set are read into.
 *
 * Plain and small on purpose: kids are lists searched from the front, because
 * the reader caps their number and settings are read at start and at reload
 * only.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "tree.h"

struct dg_node *
dg_node_new(enum dg_node_kind kind)
{
	struct dg_node *n = dg_alloc0(sizeof(*n));

	n->kind = kind;
	TAILQ_INIT(&n->kids);
	return n;
}

void
dg_node_free(struct dg_node *n)
{
	struct dg_node *kid;

	if (n == NULL)
		return;
	while ((kid = TAILQ_FIRST(&n->kids)) != NULL) {
		TAILQ_REMOVE(&n->kids, kid, next);
		dg_node_free(kid);
	}
	free(n->set);
	free(n->key);
	free(n->text);
	free(n);
}

struct dg_node *
dg_node_find(const struct dg_node *n, struct dg_str key)
{
	struct dg_node *kid;

	if (n == NULL || n->kind != DG_NODE_MAP)
		return NULL;
	TAILQ_FOREACH(kid, &n->kids, next)
	{
		if (dg_str_is(key, kid->key))
			return kid;
	}
	return NULL;
}

void
dg_node_error(struct dg_errors *errors, const char *file,
    const struct dg_node *at, bool at_key, const char *fmt, ...)
{
	struct dg_buf text;
	va_list ap;
	bool has_key = at_key && at->key_line > 0;

	dg_buf_init(&text, 4096);
	va_start(ap, fmt);
	if (dg_buf_addv(&text, fmt, ap) != DG_OK)
		(void)dg_buf_adds(&text, "wrong, and too long to show");
	va_end(ap);
	if (at->set != NULL)
		dg_errors_add(errors, at->set, 0, 0, false, "%s",
		    dg_buf_z(&text));
	else
		dg_errors_add(errors, file, has_key ? at->key_line : at->line,
		    has_key ? at->key_column : at->column, false, "%s",
		    dg_buf_z(&text));
	dg_buf_fini(&text);
}
