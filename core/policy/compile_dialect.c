/* compile_dialect.c - d.dialect { ... } into struct dg_dialect.
 *
 * A declaration holds only what it says itself; what it is like is looked up
 * at the end of the load, where ready dialects are loaded by name, and laid
 * under it: a field replaces the inherited one, means, texts and prompts merge
 * by key.
 */
#include "schema.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

enum { MEANS_MAX = 200, ABLE = DG_EXT_PIPELINING | DG_EXT_SIZE |
	DG_EXT_8BITMIME | DG_EXT_ENHANCED | DG_EXT_HELP | DG_EXT_STARTTLS };

enum progress { FRESH, UNDER_WAY, DONE };

struct decl {
	struct dg_decl d;
	struct dg_dialect x; /* what it says itself */
	struct dg_ref like;
	bool has_offer, has_accept, has_say, has_assume, has_ntlm, has_mend,
	    has_hide;
	int login_form, ntlm_form, helo; /* -1: not said */
	unsigned show;
	struct dg_means *means;
	size_t n_means;
	enum progress progress;
	struct dg_dialect *made;
};

size_t
dg_dialect_decl_size(void)
{
	return sizeof(struct decl);
}

/* ---- offer, accept, say, assume ---- */

/* dg_offer_parse, with its heap strings moved to the arena. */
static bool
parse_offer(struct dg_reader *r, const char *z, struct dg_offer_line *out)
{
	struct dg_offer_line line = { 0 };
	struct dg_err e = { 0 };

	if (dg_offer_parse(dg_str(z), &line, &e) != DG_OK) {
		dg_read_bad(r, "%s", e.text);
		return false;
	}
	*out = line;
	out->text = dg_load_str(r->ld, dg_str(line.text));
	out->verb = dg_load_str(r->ld, dg_str(line.verb));
	free((char *)(uintptr_t)line.text);
	free((char *)(uintptr_t)line.verb);
	out->where = dg_place_where(r->ld, &r->at);
	return true;
}

/* Mechanisms that exist, but not here, get their own words. */
static bool
has_all_mechs(struct dg_reader *r, const char *z)
{
	struct dg_str rest = dg_str(z), w;
	size_t end = strcspn(z, " \t=");
	enum dg_mech m;

	rest = dg_str_from(rest, end + (z[end] == '=' ? 1 : 0));
	for (w = dg_str_word(&rest); w.n > 0; w = dg_str_word(&rest))
		if (!dg_str_is(w, "*") &&
		    !dg_read_mech(r, dg_load_str(r->ld, w), &m))
			return false;
	return true;
}

static void
read_offer_line(struct dg_reader *r, void *obj)
{
	struct decl *d = obj;
	const char *z = dg_read_string(r, "a string");

	if (z == NULL || !has_all_mechs(r, z))
		return;
	if (d->x.n_offer == DG_DIALECT_LINES) {
		dg_read_bad(r, "more than %d lines", DG_DIALECT_LINES);
		return;
	}
	if (parse_offer(r, z, &d->x.offer[d->x.n_offer]))
		d->x.n_offer++;
}

static void
read_offer(struct dg_reader *r, void *obj)
{
	struct decl *d = obj;

	d->has_offer = true;
	d->x.at[DG_DIALECT_OFFER] = dg_place_where(r->ld, &r->at);
	(void)dg_read_each(r, "a list of lines: { \"AUTH NTLM\" }",
	    read_offer_line, d);
	for (size_t i = 0; i < d->x.n_offer; i++)
		for (size_t k = 0; k < i; k++)
			if (dg_str_iis(dg_str(d->x.offer[i].text),
				d->x.offer[k].text)) {
				dg_read_bad(r, "\"%s\" stands twice",
				    d->x.offer[i].text);
				break;
			}
}

static size_t
read_verbs(struct dg_reader *r, const char **out)
{
	size_t n, used = 0;
	const char *const *v = dg_read_list(r, false, &n);

	for (size_t i = 0; i < n; i++) {
		struct dg_offer_line line;

		if (used == DG_DIALECT_VERBS) {
			dg_read_bad(r, "more than %d verbs", DG_DIALECT_VERBS);
			break;
		}
		if (strpbrk(v[i], " \t=") != NULL)
			dg_read_bad(r,
			    "\"%s\" is more than a verb: write \"AUTH\"", v[i]);
		else if (parse_offer(r, v[i], &line))
			out[used++] = line.verb;
	}
	return used;
}

static void
read_accept(struct dg_reader *r, void *obj)
{
	struct decl *d = obj;

	d->has_accept = true;
	d->x.at[DG_DIALECT_ACCEPT] = dg_place_where(r->ld, &r->at);
	d->x.n_accept = read_verbs(r, d->x.accept);
}

static void
read_say(struct dg_reader *r, void *obj)
{
	struct decl *d = obj;

	d->has_say = true;
	d->x.at[DG_DIALECT_SAY] = dg_place_where(r->ld, &r->at);
	d->x.n_say = read_verbs(r, d->x.say);
	if (lua_type(r->L, -1) == LUA_TTABLE && lua_rawlen(r->L, -1) == 0)
		dg_read_bad(r, "needs at least one verb");
}

static void
read_assume(struct dg_reader *r, void *obj)
{
	struct decl *d = obj;
	size_t n;
	const char *const *v = dg_read_list(r, false, &n);

	d->has_assume = true;
	d->x.at[DG_DIALECT_ASSUME] = dg_place_where(r->ld, &r->at);
	for (size_t i = 0; i < n; i++) {
		enum dg_mech m;

		if (dg_read_mech(r, v[i], &m))
			d->x.assume |= DG_MECH_BIT(m);
	}
}

/* ---- ntlm, prompts, texts ---- */

static void
read_levels(struct dg_reader *r, unsigned *out)
{
	static const char *const names[] = { "v2", "ntlm2", "v1", "lm", NULL };
	size_t n;
	const char *const *v = dg_read_list(r, false, &n);
	unsigned levels = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned bit = dg_ntlm_level_find(dg_str(v[i]));

		if (bit == 0)
			dg_read_bad(r,
			    "unknown level \"%s\"; there are v2, ntlm2, v1, "
			    "lm%s",
			    v[i], dg_near(r->ld, v[i], names));
		levels |= bit;
	}
	if (lua_type(r->L, -1) == LUA_TTABLE && lua_rawlen(r->L, -1) == 0)
		dg_read_bad(r, "needs at least one of v2, ntlm2, v1, lm");
	if (levels != 0)
		*out = levels;
}

static void
read_take(struct dg_reader *r, void *obj)
{
	read_levels(r, &((struct decl *)obj)->x.ntlm_take);
}

static void
read_send(struct dg_reader *r, void *obj)
{
	read_levels(r, &((struct decl *)obj)->x.ntlm_send);
}

static void
read_ntlm(struct dg_reader *r, void *obj)
{
	static const struct dg_field fields[] = {
		{ "take", DG_F_READ, 0, NULL, read_take },
		{ "send", DG_F_READ, 0, NULL, read_send },
		{ NULL, DG_F_LATER, 0, NULL, NULL },
	};
	struct decl *d = obj;

	d->has_ntlm = true;
	d->x.at[DG_DIALECT_NTLM] = dg_place_where(r->ld, &r->at);
	d->x.ntlm_take = d->x.ntlm_send = DG_NTLM_LEVEL_V2;
	dg_read_fields(r, fields, d, NULL);
}

static void
read_login_prompts(struct dg_reader *r, void *obj)
{
	struct decl *d = obj;
	size_t n;
	const char *const *v = dg_read_list(r, false, &n);

	if (n == 2) {
		d->x.prompt_user = v[0];
		d->x.prompt_password = v[1];
	} else if (lua_type(r->L, -1) == LUA_TTABLE) {
		dg_read_bad(r,
		    "takes two texts: { \"Username:\", \"Password:\" }");
	}
}

static void
read_prompts(struct dg_reader *r, void *obj)
{
	static const struct dg_field fields[] = {
		{ "login", DG_F_READ, 0, NULL, read_login_prompts },
		{ "ntlm", DG_F_STRING, offsetof(struct decl, x.prompt_ntlm),
		    NULL, NULL },
		{ NULL, DG_F_LATER, 0, NULL, NULL },
	};

	dg_read_fields(r, fields, obj, NULL);
}

static bool
read_code(const char *z, int *out)
{
	if (z[0] < '2' || z[0] > '5' || strlen(z) != 3 ||
	    strspn(z, "0123456789") != 3)
		return false;
	*out = atoi(z);
	return true;
}

static void
read_texts(struct dg_reader *r, void *obj)
{
	struct decl *d = obj;
	const char *const *keys;
	size_t n;

	if (!dg_read_is_table(r, "a table: { [\"235\"] = \"text\" }"))
		return;
	keys = dg_read_keys(r, &n);
	for (size_t i = 0; i < n; i++) {
		const char *text;
		int code;

		dg_step_key(r, keys[i]);
		lua_pushstring(r->L, keys[i]);
		lua_rawget(r->L, -2);
		text = dg_read_string(r, "a string");
		if (!read_code(keys[i], &code)) {
			dg_read_bad(r, "\"%s\" is no reply code", keys[i]);
		} else if (d->x.n_texts == DG_DIALECT_TEXTS) {
			dg_read_bad(r, "more than %d texts", DG_DIALECT_TEXTS);
		} else if (text != NULL) {
			d->x.texts[d->x.n_texts].code = code;
			d->x.texts[d->x.n_texts++].text = text;
		}
		lua_pop(r->L, 1);
		dg_step_out(r);
	}
}

/* ---- mend, hide, show ---- */

static void
read_mend(struct dg_reader *r, void *obj)
{
	static const char *const names[] = { "bare-lf", "space-after-colon",
		"no-brackets", NULL };
	struct decl *d = obj;
	size_t n;
	const char *const *v = dg_read_list(r, false, &n);

	d->has_mend = true;
	for (size_t i = 0; i < n; i++) {
		unsigned k = 0;

		while (names[k] != NULL && strcmp(names[k], v[i]) != 0)
			k++;
		if (names[k] == NULL)
			dg_read_bad(r,
			    "nothing is mended by the name \"%s\"; there are "
			    "bare-lf, space-after-colon, no-brackets%s",
			    v[i], dg_near(r->ld, v[i], names));
		else
			d->x.mend |= 1u << k;
	}
}

static unsigned
read_exts(struct dg_reader *r, unsigned able)
{
	const char *names[16] = { NULL };
	size_t n, k = 0;
	const char *const *v = dg_read_list(r, false, &n);
	unsigned bits = 0;

	for (unsigned bit = 1; bit <= DG_EXT_CHUNKING; bit <<= 1)
		names[k++] = dg_ext_name(bit);
	for (size_t i = 0; i < n; i++) {
		unsigned bit = dg_ext_find(dg_str(v[i]));

		if (bit == 0)
			dg_read_bad(r, "unknown extension \"%s\"%s", v[i],
			    dg_near(r->ld, v[i], names));
		else if ((able & bit) == 0)
			dg_read_bad(r,
			    "extension \"%s\" cannot be shown: we cannot do it",
			    v[i]);
		else
			bits |= bit;
	}
	return bits;
}

static void
read_hide(struct dg_reader *r, void *obj)
{
	struct decl *d = obj;

	d->has_hide = true;
	d->x.hide = read_exts(r, ~0u);
}

static void
read_show(struct dg_reader *r, void *obj)
{
	((struct decl *)obj)->show = read_exts(r, ABLE);
}

/* ---- means ---- */

/* "500", "550 5.7.30" */
bool
dg_reply_key_read(const char *z, int *code, char enhanced[12])
{
	char digits[4] = "";
	const char *e = z + 4;

	enhanced[0] = '\0';
	if (strlen(z) < 3)
		return false;
	memcpy(digits, z, 3);
	if (!read_code(digits, code))
		return false;
	if (z[3] == '\0')
		return true;
	if (z[3] != ' ' || (e[0] != '2' && e[0] != '4' && e[0] != '5') ||
	    e[1] != '.' || strlen(e) > 11)
		return false;
	snprintf(enhanced, 12, "%s", e);
	e += 2;
	for (int part = 0; part < 2; part++) {
		size_t n = strspn(e, "0123456789");

		if (n == 0 || n > 3 || e[n] != (part == 0 ? '.' : '\0'))
			return false;
		e += n + 1;
	}
	return true;
}

static void
read_meaning(struct dg_reader *r, struct decl *d, enum dg_stage stage,
    const char *key)
{
	struct dg_means m = { .stage = stage };
	const char *z = dg_read_string(r, "a meaning");
	struct dg_where w;

	if (!dg_reply_key_read(key, &m.code, m.enhanced)) {
		dg_read_bad(r, "\"%s\" is no reply: \"550\" or \"550 5.7.30\"",
		    key);
		return;
	}
	if (z == NULL)
		return;
	if (!dg_meaning_find(dg_str(z), &m.meaning)) {
		dg_read_bad(r, "unknown meaning \"%s\"%s", z,
		    dg_near(r->ld, z, dg_meaning_names()));
		return;
	}
	if (d->n_means == MEANS_MAX) {
		dg_read_bad(r, "more than %d replies", MEANS_MAX);
		return;
	}
	w = dg_place_where(r->ld, &r->at);
	m.file = w.file;
	m.line = w.line;
	d->means[d->n_means++] = m;
}

static void
read_stage(struct dg_reader *r, struct decl *d, const char *name)
{
	enum dg_stage stage;
	const char *const *keys;
	size_t n;

	if (!dg_stage_find(dg_str(name), &stage)) {
		dg_read_bad(r, "no stage \"%s\"%s", name,
		    dg_near(r->ld, name, dg_stage_names()));
		return;
	}
	if (!dg_read_is_table(r, "a table: { [\"500\"] = \"verb-unknown\" }"))
		return;
	keys = dg_read_keys(r, &n);
	for (size_t i = 0; i < n; i++) {
		dg_step_key(r, keys[i]);
		lua_pushstring(r->L, keys[i]);
		lua_rawget(r->L, -2);
		read_meaning(r, d, stage, keys[i]);
		lua_pop(r->L, 1);
		dg_step_out(r);
	}
}

static void
read_means(struct dg_reader *r, void *obj)
{
	struct decl *d = obj;
	const char *const *keys;
	size_t n;

	if (!dg_read_is_table(r, "a table: { auth = { ... } }"))
		return;
	d->means = dg_load_alloc(r->ld, MEANS_MAX * sizeof(*d->means));
	keys = dg_read_keys(r, &n);
	for (size_t i = 0; i < n; i++) {
		dg_step_key(r, keys[i]);
		lua_pushstring(r->L, keys[i]);
		lua_rawget(r->L, -2);
		read_stage(r, d, keys[i]);
		lua_pop(r->L, 1);
		dg_step_out(r);
	}
}

/* ---- the declaration ---- */

static const char *const login_forms[] = { "ask", "initial",
	"username-in-line", NULL };
static const char *const ntlm_forms[] = { "ask", "initial", NULL };
static const char *const helos[] = { "ehlo", "helo", "either", NULL };

void
dg_dialect_read(struct dg_reader *r, struct dg_decl *decl)
{
#define AT(f) offsetof(struct decl, f)
	static const struct dg_field fields[] = {
		{ "like", DG_F_REF, AT(like), NULL, NULL },
		{ "offer", DG_F_READ, 0, NULL, read_offer },
		{ "accept", DG_F_READ, 0, NULL, read_accept },
		{ "say", DG_F_READ, 0, NULL, read_say },
		{ "assume", DG_F_READ, 0, NULL, read_assume },
		{ "login_form", DG_F_CHOICE, AT(login_form), login_forms,
		    NULL },
		{ "ntlm_form", DG_F_CHOICE, AT(ntlm_form), ntlm_forms, NULL },
		{ "ntlm", DG_F_READ, 0, NULL, read_ntlm },
		{ "prompts", DG_F_READ, 0, NULL, read_prompts },
		{ "texts", DG_F_READ, 0, NULL, read_texts },
		{ "helo", DG_F_CHOICE, AT(helo), helos, NULL },
		{ "mend", DG_F_READ, 0, NULL, read_mend },
		{ "hide", DG_F_READ, 0, NULL, read_hide },
		{ "show", DG_F_READ, 0, NULL, read_show },
		{ "means", DG_F_READ, 0, NULL, read_means },
		{ NULL, DG_F_LATER, 0, NULL, NULL },
	};
#undef AT
	struct decl *d = (struct decl *)decl;

	d->login_form = d->ntlm_form = d->helo = -1;
	dg_read_fields(r, fields, d, NULL);
	if (d->has_hide && (d->x.hide & d->show) != 0)
		dg_read_bad(r, "hides and shows %s",
		    dg_ext_name((d->x.hide & d->show) &
			(~(d->x.hide & d->show) + 1)));
}

/* ---- laying one over another ---- */

static void
merge_lists(struct dg_dialect *o, const struct decl *d)
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
merge_values(struct dg_dialect *o, const struct decl *d)
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
merge_texts(struct dg_load *ld, struct dg_dialect *o, const struct decl *d)
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
		if (k == o->n_texts)
			o->n_texts++;
	}
}

static bool
is_same_reply(const struct dg_means *a, const struct dg_means *b)
{
	return a->stage == b->stage && a->code == b->code &&
	    strcmp(a->enhanced, b->enhanced) == 0;
}

static void
merge_means(struct dg_load *ld, struct dg_dialect *o, const struct decl *d)
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
finish_one(struct dg_load *ld, struct decl *d)
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
	merge_texts(ld, d->made, d);
	merge_means(ld, d->made, d);
	d->progress = DONE;
	return d->made;
}

const struct dg_dialect *
dg_dialect_get(struct dg_load *ld, const struct dg_ref *ref)
{
	struct decl *d =
	    (struct decl *)dg_decl_find(&ld->dialects, ref->name);
	const struct dg_source *s = NULL;
	char key[100];

	if (d == NULL) {
		snprintf(key, sizeof(key), "dialects/%.80s", ref->name);
		s = dg_source_ready(ld, key);
		if (s != NULL && !dg_source_try(ld, s))
			return NULL;
		d = (struct decl *)dg_decl_find(&ld->dialects, ref->name);
	}
	if (d != NULL)
		return d->d.has_table ? finish_one(ld, d) : NULL;
	if (s != NULL)
		dg_load_say_at(ld, s->name, 1, 0, false,
		    "this file must declare d.dialect \"%s\"", ref->name);
	else if (strcmp(ref->name, "rfc4954") == 0)
		return dg_dialect_rfc4954();
	else if (!ld->has_failed)
		dg_load_bad(ld, &ref->place,
		    "%s: no dialect \"%s\" is declared, and there is no ready "
		    "one of that name%s",
		    dg_path_text(ld, &ref->place), ref->name,
		    dg_near(ld, ref->name,
			dg_ready_names(ld, "dialects", &ld->dialects)));
	return NULL;
}

void
dg_dialects_finish(struct dg_load *ld, struct dg_rules *out)
{
	(void)out;
	for (struct dg_decl *d = ld->dialects.first; d != NULL; d = d->next)
		if (d->has_table)
			(void)finish_one(ld, (struct decl *)d);
}

/* After the peers and hops, whose dialects may have been loaded for them. */
void
dg_dialects_list(struct dg_load *ld, struct dg_rules *out)
{
	const struct dg_dialect **v =
	    dg_load_alloc(ld, (ld->dialects.n + 1) * sizeof(*v));

	dg_dialects_finish(ld, out);
	for (struct dg_decl *d = ld->dialects.first; d != NULL; d = d->next)
		if (((struct decl *)d)->made != NULL)
			v[out->n_dialects++] = ((struct decl *)d)->made;
	out->dialects = v;
}
