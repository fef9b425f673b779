/* rows.c - the rows of a policy, for a test that wants to know which of them
 * counted (policy/cover.h).  A relay has none. */
#include "rows.h"

#include <stdio.h>

#include "cover.h"
#include "dialect_decl.h"

static struct dg_row *
row_at(struct dg_load *ld, struct dg_where w, const char *what)
{
	const struct dg_source *s =
	    w.file != NULL ? dg_source_named(ld->p, w.file) : NULL;

	return s != NULL ? dg_cover_row(s->cover, w.line, what) : NULL;
}

static struct dg_row *
row_here(struct dg_reader *r)
{
	char what[300];

	snprintf(what, sizeof(what), "%s: %s", dg_place_title(r->ld, &r->at),
	    dg_path_text(r->ld, &r->at));
	return row_at(r->ld, dg_place_where(r->ld, &r->at), what);
}

/* ---- dialects ---- */

/* The row of a field of the table on top, NULL when it is not there. */
static struct dg_row *
field_row(struct dg_reader *r, const char *key, const char *inner)
{
	struct dg_row *row = NULL;

	lua_pushstring(r->L, key);
	lua_rawget(r->L, -2);
	if (!lua_isnil(r->L, -1)) {
		dg_step_key(r, key);
		row = inner == NULL ? row_here(r)
		    : lua_type(r->L, -1) == LUA_TTABLE
		    ? field_row(r, inner, NULL)
		    : NULL;
		dg_step_out(r);
	}
	lua_pop(r->L, 1);
	return row;
}

static void
texts_rows(struct dg_reader *r, struct dialect_decl *d)
{
	dg_step_key(r, "texts");
	for (size_t i = 0; i < d->x.n_texts; i++) {
		char key[12];

		snprintf(key, sizeof(key), "%d", d->x.texts[i].code);
		dg_step_key(r, key);
		d->x.texts[i].row = row_here(r);
		dg_step_out(r);
	}
	dg_step_out(r);
}

static void
means_rows(struct dg_reader *r, struct dialect_decl *d)
{
	dg_step_key(r, "means");
	for (size_t i = 0; i < d->n_means; i++) {
		struct dg_means *m = &d->means[i];
		char key[32];

		snprintf(key, sizeof(key), "%d%s%s", m->code,
		    m->enhanced[0] != '\0' ? " " : "", m->enhanced);
		dg_step_key(r, dg_stage_name(m->stage));
		dg_step_key(r, key);
		m->row = row_here(r);
		dg_step_out(r);
		dg_step_out(r);
	}
	dg_step_out(r);
}

void
dg_rows_dialect(struct dg_reader *r, struct dialect_decl *d)
{
	static const struct {
		const char *key, *inner;
	} fields[DG_DIALECT_ROW_N] = {
		[DG_DIALECT_ROW_OFFER] = { "offer", NULL },
		[DG_DIALECT_ROW_ACCEPT] = { "accept", NULL },
		[DG_DIALECT_ROW_SAY] = { "say", NULL },
		[DG_DIALECT_ROW_ASSUME] = { "assume", NULL },
		[DG_DIALECT_ROW_LOGIN_FORM] = { "login_form", NULL },
		[DG_DIALECT_ROW_NTLM_FORM] = { "ntlm_form", NULL },
		[DG_DIALECT_ROW_TAKE] = { "ntlm", "take" },
		[DG_DIALECT_ROW_SEND] = { "ntlm", "send" },
		[DG_DIALECT_ROW_PROMPT_LOGIN] = { "prompts", "login" },
		[DG_DIALECT_ROW_PROMPT_NTLM] = { "prompts", "ntlm" },
		[DG_DIALECT_ROW_TEXTS] = { "texts", NULL },
		[DG_DIALECT_ROW_HELO] = { "helo", NULL },
		[DG_DIALECT_ROW_MEND] = { "mend", NULL },
		[DG_DIALECT_ROW_HIDE] = { "hide", NULL },
		[DG_DIALECT_ROW_SHOW] = { "show", NULL },
		[DG_DIALECT_ROW_MEANS] = { "means", NULL },
	};

	if (r->ld->p->o.cover == NULL || lua_type(r->L, -1) != LUA_TTABLE)
		return;
	for (size_t i = 0; i < DG_DIALECT_ROW_N; i++)
		d->x.row[i] = field_row(r, fields[i].key, fields[i].inner);
	texts_rows(r, d);
	means_rows(r, d);
}

/* ---- the others ---- */

static void
words_rows(struct dg_load *ld, const struct dg_words *w)
{
	for (size_t i = 0; i < w->n_rows; i++) {
		struct dg_words_row *row =
		    (struct dg_words_row *)(uintptr_t)&w->rows[i];
		char what[80];

		if (row->code == 0)
			snprintf(what, sizeof(what), "words: [\"%s\"]",
			    dg_meaning_name(row->meaning));
		else
			snprintf(what, sizeof(what), "words: [\"%d%s%s\"]",
			    row->code, row->enhanced[0] != '\0' ? " " : "",
			    row->enhanced);
		row->row = row_at(ld, row->where, what);
	}
}

/* They are ours still: nobody else has seen the rules yet. */
void
dg_rows_join(struct dg_load *ld, const struct dg_rules *rules)
{
	char what[200];

	if (ld->p->o.cover == NULL)
		return;
	for (size_t i = 0; i < rules->n_peers; i++) {
		struct dg_peer *p = (struct dg_peer *)(uintptr_t)
		    rules->peers[i];

		snprintf(what, sizeof(what), "peer \"%s\"", p->name);
		p->row = row_at(ld, p->where, what);
	}
	for (size_t i = 0; i < rules->n_hops; i++) {
		struct dg_hop *h = (struct dg_hop *)(uintptr_t)rules->hops[i];

		snprintf(what, sizeof(what), "hop \"%s\"", h->name);
		h->row = row_at(ld, h->where, what);
	}
	for (size_t i = 0; i < rules->n_routes; i++) {
		struct dg_route *x = (struct dg_route *)(uintptr_t)
		    &rules->routes[i];

		x->row = row_at(ld, x->where, "route");
	}
	for (size_t i = 0; i < rules->n_words; i++) {
		struct dg_words *w = (struct dg_words *)(uintptr_t)
		    &rules->words[i];

		if (w->where.file != NULL)
			w->row = row_at(ld, w->where, "words");
		words_rows(ld, w);
	}
}
