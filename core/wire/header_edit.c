/* header_edit.c - a header with fields taken out, put in, and another From.
 *
 * Two walks: the first finds out whether all of it can be done, the second
 * writes.  A field that stays is copied byte for byte, so that nothing else
 * about a message changes; what is written anew goes through header_text.c,
 * which cannot begin a field by accident. */
#include "dragoman/wire/header_edit.h"

#include "dragoman/wire/header.h"
#include "dragoman/wire/path.h"
#include "header_from.h"
#include "header_text.h"

#include <stdio.h>

enum {
	ADDRESS_ROOM = 260 /* a valid one has at most 254 characters */
};

struct editor {
	struct dg_str head;
	const struct dg_header_edits *w;
	size_t end; /* of the fields; behind it the empty line */
	unsigned n_from;
	struct dg_str from_value;
	struct header_from from;
	bool has_reply_to;
	struct dg_buf *out;
	struct dg_err *e;
};

bool
dg_header_edits_any(const struct dg_header_edits *w)
{
	return w->n_remove > 0 || w->n_add > 0 || w->from.n > 0 ||
	       w->reply_to_old_from || w->reply_to.n > 0;
}

static bool
is_removed(const struct dg_header_edits *w, struct dg_str name)
{
	for (size_t i = 0; i < w->n_remove; i++)
		if (dg_str_ieq(w->remove[i], name))
			return true;
	return false;
}

/* ---- the first walk ---- */

static enum dg_rc
check_wishes(const struct dg_header_edits *w, struct dg_err *e)
{
	for (size_t i = 0; i < w->n_add; i++)
		if (!dg_header_is_name(w->add[i].name))
			return dg_fail(e, DG_E_POLICY, 451, "4.3.0",
			    "\"%.*s\" is no name of a header field",
			    DG_FMT(dg_str_sub(w->add[i].name, 0, 80)));
	if (w->from.n > 0 && !dg_address_is_valid(w->from))
		return dg_fail(e, DG_E_POLICY, 451, "4.3.0",
		    "\"%.*s\" is no address for From",
		    DG_FMT(dg_str_sub(w->from, 0, 260)));
	if (w->reply_to.n > 0 && !dg_address_is_valid(w->reply_to))
		return dg_fail(e, DG_E_POLICY, 451, "4.3.0",
		    "\"%.*s\" is no address for Reply-To",
		    DG_FMT(dg_str_sub(w->reply_to, 0, 260)));
	return DG_OK;
}

static enum dg_rc
malformed(struct editor *ed, const char *what)
{
	return dg_fail(ed->e, DG_E_PROTO, 550, "5.6.0",
	    "the message's header is malformed: %s", what);
}

static enum dg_rc
look(struct editor *ed)
{
	struct dg_header_field f;
	struct dg_str rest;

	while (dg_header_next(ed->head, &ed->end, &f)) {
		if (is_removed(ed->w, f.name))
			continue;
		if (dg_str_iis(f.name, "From") && ed->n_from++ == 0)
			ed->from_value = f.value;
		ed->has_reply_to |= dg_str_iis(f.name, "Reply-To");
	}
	rest = dg_str_from(ed->head, ed->end);
	if (rest.n > 0 && !dg_str_has_prefix(rest, DG_STR("\r\n")))
		return malformed(ed, "a line of it is no field");
	if (ed->end > 0 && ed->head.p[ed->end - 1] != '\n')
		return malformed(ed, "its last line has no end");
	if (ed->w->from.n == 0 && !ed->w->reply_to_old_from)
		return DG_OK;
	if (ed->n_from > 1)
		return malformed(ed, "it has several From fields");
	if (!dg_header_from_read(ed->from_value, &ed->from))
		return malformed(ed, "its From is no list of mailboxes");
	return DG_OK;
}

/* ---- the second walk ---- */

static enum dg_rc
copy(struct editor *ed, size_t from, size_t to)
{
	return dg_buf_add(ed->out, dg_str_sub(ed->head, from, to - from));
}

static enum dg_rc
text_end(struct editor *ed, struct header_text *t)
{
	enum dg_rc rc = dg_header_text_end(t);

	return rc == DG_E_PROTO
		   ? malformed(ed, "a word of its From is longer than a line")
		   : rc;
}

/* "joe@x <joe@x>": an '@' makes it no phrase, quotes do. */
static void
put_display(struct header_text *t, const struct header_from *was)
{
	struct dg_str d = was->display;

	if (!was->display_has_at || dg_str_find(d, '"') < d.n ||
	    dg_str_find(d, '\\') < d.n || d.n > 2 * ADDRESS_ROOM) {
		dg_header_text_raw(t, d);
		return;
	}
	char quoted[2 * ADDRESS_ROOM + 3];

	snprintf(quoted, sizeof(quoted), "\"%.*s\"", DG_FMT(d));
	dg_header_text_raw(t, dg_str(quoted));
}

static enum dg_rc
write_from(struct editor *ed)
{
	const struct header_from *was = &ed->from;
	struct header_text t;
	char address[ADDRESS_ROOM];

	dg_header_text_begin(&t, ed->out, DG_STR("From"));
	if (was->display.n > 0) {
		put_display(&t, was);
		snprintf(address, sizeof(address), "<%.*s>",
		    DG_FMT(ed->w->from));
		dg_header_text_word(&t, dg_str(address));
	} else {
		dg_header_text_word(&t, ed->w->from);
		dg_header_text_raw(&t, was->comment);
	}
	return text_end(ed, &t);
}

/* Reply-To, when one is to be written. */
static enum dg_rc
write_reply_to(struct editor *ed)
{
	const struct dg_header_edits *w = ed->w;

	bool is_from = w->reply_to_old_from && ed->from.has_address;
	struct header_text t;

	if ((w->reply_to_old_from && ed->has_reply_to) ||
	    (!is_from && w->reply_to.n == 0))
		return DG_OK;
	dg_header_text_begin(&t, ed->out, DG_STR("Reply-To"));
	if (is_from)
		dg_header_text_raw(&t, ed->from_value);
	else
		dg_header_text_word(&t, w->reply_to);
	return text_end(ed, &t);
}

/* From (changed or not), and what answers are to go to. */
static enum dg_rc
on_from(struct editor *ed, size_t from, size_t to)
{
	enum dg_rc rc = ed->w->from.n > 0 ? write_from(ed) : copy(ed, from, to);

	return rc == DG_OK ? write_reply_to(ed) : rc;
}

static enum dg_rc
write_fields(struct editor *ed)
{
	const struct dg_header_edits *w = ed->w;
	bool drops_reply_to = w->reply_to.n > 0 && !w->reply_to_old_from;
	bool has_seen_from = false;
	struct dg_header_field f;
	enum dg_rc rc = DG_OK;

	for (size_t at = 0, was = 0;
	     rc == DG_OK && dg_header_next(ed->head, &at, &f); was = at) {
		if (is_removed(w, f.name) ||
		    (drops_reply_to && dg_str_iis(f.name, "Reply-To")))
			continue;
		if (dg_str_iis(f.name, "From") && !has_seen_from) {
			rc = on_from(ed, was, at);
			has_seen_from = true;
		} else {
			rc = copy(ed, was, at);
		}
	}
	if (rc == DG_OK && !has_seen_from)
		rc = on_from(ed, 0, 0);
	for (size_t i = 0; rc == DG_OK && i < w->n_add; i++)
		rc = dg_header_add(ed->out, w->add[i].name, w->add[i].value);
	return rc;
}

enum dg_rc
dg_header_edit(struct dg_str head, const struct dg_header_edits *w,
    struct dg_buf *out, struct dg_err *e)
{
	struct editor ed = { .head = head, .w = w, .out = out, .e = e };
	size_t was = out->n;
	enum dg_rc rc = check_wishes(w, e);

	if (rc == DG_OK)
		rc = look(&ed);
	if (rc == DG_OK)
		rc = write_fields(&ed);
	if (rc == DG_OK)
		rc = copy(&ed, ed.end, head.n);
	if (rc == DG_E_LIMIT)
		rc = dg_fail(e, rc, 552, "5.3.4",
		    "the message's header would be larger than this host "
		    "takes");
	if (rc != DG_OK)
		out->n = was;
	return rc;
}
