/*
 * session_edit.c - what a policy changes in a message before it is taken:
 * header fields put in and taken out, a sender rewritten.
 *
 * A header that cannot be read is left as it is, in words in the log: the
 * message is somebody's, and refusing it for that is the policy's to say.
 */
#include "session.h"

#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/log.h"
#include "dragoman/wire/header_edit.h"

enum { EDITS_MAX = 64, GROWTH = 128 * 1024 };

/* A draft that fails now is as one that failed while it was written. */
static void
draft_failed(struct dg_session *s, const struct dg_err *e)
{
	dg_log(DG_LOG_WARN, "draft-edit",
	    dg_kv_s("id", dg_draft_name(s->draft)), dg_kv_z("why", e->text));
	s->answer.verdict = DG_VERDICT_DEFER;
	s->answer.code = 452;
	snprintf(s->answer.enhanced, sizeof(s->answer.enhanced), "4.3.1");
	s->answer.text = DG_STR("no room for it, try again later");
}

bool
dg_session_header(struct dg_session *s, struct dg_str *header)
{
	size_t trace = dg_srv_trace_size(s->srv);
	struct dg_str head;
	struct dg_err e = { 0 };

	if (dg_draft_head(s->draft, trace + dg_srv_header_size(s->srv), &head,
		&e) != DG_OK) {
		draft_failed(s, &e);
		return false;
	}
	*header = dg_str_from(head, trace);
	return true;
}

static struct dg_str
line_of(struct dg_str *lines)
{
	size_t n = dg_str_find(*lines, '\r');
	struct dg_str line = dg_str_sub(*lines, 0, n);

	*lines = dg_str_from(*lines, n + 2);
	return line;
}

struct wanted {
	struct dg_header_edits edits;
	struct dg_str remove[EDITS_MAX];
	struct dg_header_add add[EDITS_MAX];
};

static void
want(struct dg_session *s, const struct dg_decision *d, struct wanted *w)
{
	const struct dg_envelope *env = dg_srv_envelope(s->srv);
	struct dg_str lines;

	memset(w, 0, sizeof(*w));
	w->edits.remove = w->remove;
	w->edits.add = w->add;
	for (lines = d->remove; lines.n > 0 && w->edits.n_remove < EDITS_MAX;)
		w->remove[w->edits.n_remove++] = line_of(&lines);
	for (lines = d->add; lines.n > 0 && w->edits.n_add < EDITS_MAX;) {
		struct dg_str line = line_of(&lines);
		size_t colon = dg_str_find(line, ':');

		w->add[w->edits.n_add++] = (struct dg_header_add){
			dg_str_sub(line, 0, colon),
			dg_str_trim(dg_str_from(line, colon + 1)),
		};
	}
	if (env->original.p != NULL)
		w->edits.from = env->sender;
	if (dg_str_is(env->reply_to, "sender")) {
		w->edits.reply_to_old_from = true;
		w->edits.reply_to = env->original;
	} else {
		w->edits.reply_to = env->reply_to;
	}
}

void
dg_session_edit(struct dg_session *s, const struct dg_decision *d)
{
	struct dg_str header, head;
	struct dg_err e = { 0 };
	struct wanted w;
	struct dg_buf out;
	size_t trace;

	if (s->draft == NULL)
		return;
	want(s, d, &w);
	if (!dg_header_edits_any(&w.edits) || !dg_session_header(s, &header))
		return;
	trace = dg_srv_trace_size(s->srv);
	head = dg_str_of(header.p - trace, trace + header.n);
	dg_buf_init(&out, head.n + GROWTH);
	(void)dg_buf_add(&out, dg_str_sub(head, 0, trace));
	if (dg_header_edit(header, &w.edits, &out, &e) != DG_OK)
		dg_log(DG_LOG_WARN, "header-as-it-came",
		    dg_kv_s("id", dg_draft_name(s->draft)),
		    dg_kv_z("why", e.text));
	else if (dg_draft_replace_head(s->draft, head.n, dg_buf_str(&out),
		     &e) != DG_OK)
		draft_failed(s, &e);
	dg_buf_fini(&out);
}
