/* dialect_merge.c - what a dialect inherits, and dialects found by name.
 *
 * A declaration holds only what it says itself.  At the end of the load what it
 * is like, a ready one or the built-in at last, is laid under it: a field
 * replaces the inherited one; means, texts and prompts merge by key.
 */
#include "dialect_decl.h"

#include <stdio.h>

static void
merge_lists(struct dg_dialect *o, const struct dialect_decl *d)
{
	if (d->has_offer) {
		memcpy(o->offer, d->x.offer, sizeof(o->offer));
		o->n_offer = d->x.n_offer;
		o->at[DG_DIALECT_OFFER] = d->x.at[DG_DIALECT_OFFER];
	}
	if (d->has_accept) {
		memcpy(o->accept, d->x.accept, sizeof(o->accept));
		o->n_accept = d->x.n_accept;
		o->at[DG_DIALECT_ACCEPT] = d->x.at[DG_DIALECT_ACCEPT];
	}
	if (d->has_say) {
		memcpy(o->say, d->x.say, sizeof(o->say));
		o->n_say = d->x.n_say;
		o->at[DG_DIALECT_SAY] = d->x.at[DG_DIALECT_SAY];
	}
	if (d->has_assume) {
		o->assume = d->x.assume;
		o->at[DG_DIALECT_ASSUME] = d->x.at[DG_DIALECT_ASSUME];
	}
}

static void
merge_values(struct dg_dialect *o, const struct dialect_decl *d)
{
	if (d->login_form >= 0)
		o->login_form = (enum dg_login_form)d->login_form;
	if (d->ntlm_form >= 0)
		o->ntlm_initial = d->ntlm_form == 1;
	if (d->helo >= 0)
		o->helo = (enum dg_helo)d->helo;
	if (d->has_ntlm) {
		o->ntlm_take = d->x.ntlm_take;
		o->ntlm_send = d->x.ntlm_send;
		o->at[DG_DIALECT_NTLM] = d->x.at[DG_DIALECT_NTLM];
	}
	if (d->x.prompt_user != NULL) {
		o->prompt_user = d->x.prompt_user;
		o->prompt_password = d->x.prompt_password;
	}
	if (d->x.prompt_ntlm != NULL)
		o->prompt_ntlm = d->x.prompt_ntlm;
	if (d->has_mend)
		o->mend = d->x.mend;
	if (d->has_hide)
		o->hide = d->x.hide;
	o->hide &= ~d->show;
}

static void
merge_texts(struct dg_load *ld, struct dg_dialect *o,
    const struct dialect_decl *d)
{
	for (size_t i = 0; i < d->x.n_texts; i++) {
		size_t k = 0;

		while (k < o->n_texts && o->texts[k].code != d->x.texts[i].code)
			k++;
		if (k == DG_DIALECT_TEXTS) {
			dg_load_say_at(ld, d->d.where.file,
			    (unsigned)d->d.where.line, 0, false,
			    "dialect \"%s\": with those inherited there are "
			    "more than %d texts",
			    d->d.name, DG_DIALECT_TEXTS);
			return;
		}
		o->texts[k].code = d->x.texts[i].code;
		o->texts[k].text = d->x.texts[i].text;
		o->texts[k].row = d->x.texts[i].row;
		if (k == o->n_texts)
			o->n_texts++;
	}
}

static void
merge_rows(struct dg_dialect *o, const struct dialect_decl *d)
{
	for (size_t i = 0; i < DG_DIALECT_ROW_N; i++)
		if (d->x.row[i] != NULL)
			o->row[i] = d->x.row[i];
}

static bool
is_same_reply(const struct dg_means *a, const struct dg_means *b)
{
	return a->stage == b->stage && a->code == b->code &&
	       strcmp(a->enhanced, b->enhanced) == 0;
}

static void
merge_means(struct dg_load *ld, struct dg_dialect *o,
    const struct dialect_decl *d)
{
	struct dg_means *v;
	size_t n = d->n_means;

	if (n == 0)
		return;
	v = dg_load_alloc(ld, (n + o->n_means) * sizeof(*v));
	memcpy(v, d->means, n * sizeof(*v));
	for (size_t i = 0; i < o->n_means; i++) {
		size_t k = 0;

		while (k < d->n_means &&
		       !is_same_reply(&d->means[k], &o->means[i]))
			k++;
		if (k == d->n_means)
			v[n++] = o->means[i];
	}
	o->means = v;
	o->n_means = n;
}

static const struct dg_dialect *
finish_one(struct dg_load *ld, struct dialect_decl *d)
{
	const struct dg_dialect *base = dg_dialect_rfc4954();

	if (d->progress == DONE)
		return d->made;
	if (d->progress == UNDER_WAY) {
		dg_load_bad(ld, &d->like.place,
		    "like: dialect \"%s\" is like itself", d->d.name);
		return NULL;
	}
	d->progress = UNDER_WAY;
	if (d->like.name != NULL) {
		base = dg_dialect_get(ld, &d->like);
		if (base == NULL)
			base = dg_dialect_rfc4954(); /* told */
	}
	d->made = dg_load_alloc(ld, sizeof(*d->made));
	*d->made = *base;
	d->made->name = d->d.name;
	d->made->where = d->d.where;
	merge_lists(d->made, d);
	merge_values(d->made, d);
	merge_rows(d->made, d);
	merge_texts(ld, d->made, d);
	merge_means(ld, d->made, d);
	d->progress = DONE;
	return d->made;
}

const struct dg_dialect *
dg_dialect_get(struct dg_load *ld, const struct dg_ref *ref)
{
	struct dialect_decl *d =
	    (struct dialect_decl *)dg_decl_find(&ld->dialects, ref->name);
	const struct dg_source *s = NULL;
	const char *const *names;
	char key[100];

	if (d == NULL) {
		snprintf(key, sizeof(key), "dialects/%.80s", ref->name);
		s = dg_source_ready(ld, key);
		if (s != NULL && !dg_source_try(ld, s))
			return NULL;
		d = (struct dialect_decl *)dg_decl_find(&ld->dialects,
		    ref->name);
	}
	if (d != NULL)
		return d->d.has_table ? finish_one(ld, d) : NULL;
	if (s != NULL)
		dg_load_say_at(ld, s->name, 1, 0, false,
		    "this file must declare d.dialect \"%s\"", ref->name);
	else if (strcmp(ref->name, "rfc4954") == 0)
		return dg_dialect_rfc4954();
	if (s != NULL || ld->has_failed)
		return NULL;
	names = dg_ready_names(ld, "dialects", NULL);
	if (names[0] == NULL)
		dg_load_bad(ld, &ref->place,
		    "%s: no dialect \"%s\" is declared, and no ready ones are "
		    "installed: looked in %s",
		    dg_path_text(ld, &ref->place), ref->name,
		    dg_ready_dirs_text(ld));
	else
		dg_load_bad(ld, &ref->place,
		    "%s: no dialect \"%s\" is declared, and there is no ready "
		    "one of that name%s",
		    dg_path_text(ld, &ref->place), ref->name,
		    dg_near(ld, ref->name,
			dg_ready_names(ld, "dialects", &ld->dialects)));
	return NULL;
}

bool
dg_dialect_is_liked(const struct dg_load *ld, const char *name)
{
	for (struct dg_decl *e = ld->dialects.first; e != NULL; e = e->next) {
		const struct dialect_decl *d = (struct dialect_decl *)e;

		if (d->like.name != NULL && strcmp(d->like.name, name) == 0)
			return true;
	}
	return false;
}

void
dg_dialects_finish(struct dg_load *ld, struct dg_rules *out)
{
	(void)out;
	for (struct dg_decl *d = ld->dialects.first; d != NULL; d = d->next)
		if (d->has_table)
			(void)finish_one(ld, (struct dialect_decl *)d);
}

/* After the peers and hops, whose dialects may have been loaded for them. */
void
dg_dialects_list(struct dg_load *ld, struct dg_rules *out)
{
	const struct dg_dialect **v =
	    dg_load_alloc(ld, (ld->dialects.n + 1) * sizeof(*v));

	dg_dialects_finish(ld, out);
	for (struct dg_decl *d = ld->dialects.first; d != NULL; d = d->next)
		if (((struct dialect_decl *)d)->made != NULL)
			v[out->n_dialects++] = ((struct dialect_decl *)d)->made;
	out->dialects = v;
}
