/* errors.c - all that is wrong with a configuration, in the order of its lines.
 *
 * Why a list: an administrator who is told one mistake a run gives up at the
 * fifth.  The sort is stable, so that two mistakes on one spot stay in the
 * order in which they were found.  What is an error is for the callers to say.
 */
#include "dragoman/base/errors.h"

#include <stdio.h>
#include <stdlib.h>

#define TEXT_MAX 2000 /* more than a line of explanation is cut */

void
dg_errors_init(struct dg_errors *e)
{
	*e = (struct dg_errors){ NULL, 0, 0 };
}

void
dg_errors_fini(struct dg_errors *e)
{
	for (size_t i = 0; i < e->n; i++) {
		free(e->v[i].file);
		free(e->v[i].text);
	}
	free(e->v);
	*e = (struct dg_errors){ NULL, 0, 0 };
}

__attribute__((format(printf, 1, 0))) static char *
text_of(const char *fmt, va_list ap)
{
	char *text = dg_alloc(TEXT_MAX);

	vsnprintf(text, TEXT_MAX, fmt, ap);
	return dg_realloc(text, strlen(text) + 1);
}

void
dg_errors_add(struct dg_errors *e, const char *file, unsigned line,
    unsigned column, bool is_warning, const char *fmt, ...)
{
	va_list ap;

	if (e->n == e->room) {
		e->room = e->room > 0 ? 2 * e->room : 8;
		e->v = dg_realloc(e->v, e->room * sizeof(*e->v));
	}
	va_start(ap, fmt);
	e->v[e->n++] = (struct dg_error_line){
		.file = file != NULL ? dg_strdup(file) : NULL,
		.line = line,
		.column = column,
		.text = text_of(fmt, ap),
		.is_warning = is_warning,
	};
	va_end(ap);
}

bool
dg_errors_any(const struct dg_errors *e)
{
	for (size_t i = 0; i < e->n; i++) {
		if (!e->v[i].is_warning)
			return true;
	}
	return false;
}

/* What has no place comes first: it is about the whole. */
static bool
is_before(const struct dg_error_line *a, const struct dg_error_line *b)
{
	int by_file = strcmp(a->file != NULL ? a->file : "",
	    b->file != NULL ? b->file : "");

	if (by_file != 0)
		return by_file < 0;
	if (a->line != b->line)
		return a->line < b->line;
	return a->column < b->column;
}

static void
sort(struct dg_errors *e)
{
	for (size_t i = 1; i < e->n; i++) {
		struct dg_error_line x = e->v[i];
		size_t at = i;

		for (; at > 0 && is_before(&x, &e->v[at - 1]); at--)
			e->v[at] = e->v[at - 1];
		e->v[at] = x;
	}
}

static void
add_line(struct dg_buf *out, const struct dg_error_line *l)
{
	/* past the cap of out the list is cut: what is there says enough */
	if (l->file != NULL)
		(void)dg_buf_addf(out, "%s:", l->file);
	if (l->line > 0)
		(void)dg_buf_addf(out, "%u:", l->line);
	if (l->line > 0 && l->column > 0)
		(void)dg_buf_addf(out, "%u:", l->column);
	(void)dg_buf_addf(out, "%s%s%s\n",
	    l->file != NULL || l->line > 0 ? " " : "",
	    l->is_warning ? "warning: " : "", l->text);
}

void
dg_errors_add_to(struct dg_errors *e, struct dg_buf *out)
{
	sort(e);
	for (size_t i = 0; i < e->n; i++)
		add_line(out, &e->v[i]);
}
