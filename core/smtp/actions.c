/* actions.c - the list of what a machine wants done.
 *
 * Bytes live in one buffer and actions name them by offset, because the buffer
 * moves while a step goes on appending.  The cap is far above what any step
 * may say (machines stop after some 64 KiB of output); when it is hit all the
 * same, a reply would be cut in the middle, so the list then ends with CLOSE:
 * a broken invariant costs that session and nothing else. */
#include "dragoman/smtp/actions.h"

#include <stdarg.h>
#include <stdlib.h>

enum {
	ACTS_MAX_TEXT = 4 * 1024 * 1024,
	ACTS_MAX_TRACE = 512,
};

void
dg_acts_init(struct dg_acts *a)
{
	memset(a, 0, sizeof(*a));
	dg_buf_init(&a->text, ACTS_MAX_TEXT);
}

void
dg_acts_fini(struct dg_acts *a)
{
	free(a->v);
	a->v = NULL;
	a->n = a->room = 0;
	dg_buf_fini(&a->text);
}

void
dg_acts_reset(struct dg_acts *a)
{
	a->n = 0;
	dg_buf_reset(&a->text);
}

struct dg_act *
dg_acts_add(struct dg_acts *a, enum dg_act_kind kind)
{
	struct dg_act *act;

	if (a->n == a->room) {
		a->room = a->room == 0 ? 8 : 2 * a->room;
		a->v = dg_realloc(a->v, a->room * sizeof(*a->v));
	}
	act = &a->v[a->n++];
	memset(act, 0, sizeof(*act));
	act->kind = kind;
	act->at = a->text.n;
	act->rcpt = DG_ALL_RCPTS;
	return act;
}

void
dg_acts_send(struct dg_acts *a, struct dg_str bytes)
{
	struct dg_act *act;
	size_t at = a->text.n;

	if (bytes.n == 0)
		return;
	if (dg_buf_add(&a->text, bytes) != DG_OK) {
		dg_acts_add(a, DG_ACT_CLOSE);
		return;
	}
	if (a->n > 0) {
		act = &a->v[a->n - 1];
		if (act->kind == DG_ACT_SEND && act->view.p == NULL &&
		    act->at + act->n == at) {
			act->n += bytes.n;
			return;
		}
	}
	act = dg_acts_add(a, DG_ACT_SEND);
	act->at = at;
	act->n = bytes.n;
}

void
dg_acts_trace(struct dg_acts *a, const char *fmt, ...)
{
	struct dg_buf text;
	size_t at = a->text.n;
	va_list ap;

	dg_buf_init(&text, ACTS_MAX_TRACE);
	va_start(ap, fmt);
	/* a sentence past the cap is left out: it is only for the log */
	if (dg_buf_addv(&text, fmt, ap) == DG_OK &&
	    dg_buf_add(&a->text, dg_buf_str(&text)) == DG_OK) {
		struct dg_act *act = dg_acts_add(a, DG_ACT_TRACE);

		act->at = at;
		act->n = text.n;
	}
	va_end(ap);
	dg_buf_fini(&text);
}

struct dg_str
dg_act_text(const struct dg_acts *a, const struct dg_act *act)
{
	if (act->view.p != NULL)
		return act->view;
	return dg_str_sub(dg_buf_str(&a->text), act->at, act->n);
}
