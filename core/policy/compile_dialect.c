/* compile_dialect.c - d.dialect { ... }: what a declaration says itself; what
 * it inherits is dialect_merge.c's business. */
#include "dialect_decl.h"
#include "rows.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	MEANS_MAX = 200,
	ABLE = DG_EXT_PIPELINING | DG_EXT_SIZE | DG_EXT_8BITMIME |
	       DG_EXT_ENHANCED | DG_EXT_HELP | DG_EXT_STARTTLS
};

size_t
dg_dialect_decl_size(void)
{
	return sizeof(struct dialect_decl);
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
	struct dialect_decl *d = obj;
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
	struct dialect_decl *d = obj;

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
		dg_step_listed(r, i);
		if (strpbrk(v[i], " \t=") != NULL)
			dg_read_bad(r,
			    "\"%s\" is more than a verb: write \"AUTH\"", v[i]);
		else if (parse_offer(r, v[i], &line))
			out[used++] = line.verb;
		dg_step_unlisted(r);
	}
	return used;
}

static void
read_accept(struct dg_reader *r, void *obj)
{
	struct dialect_decl *d = obj;

	d->has_accept = true;
	d->x.at[DG_DIALECT_ACCEPT] = dg_place_where(r->ld, &r->at);
	d->x.n_accept = read_verbs(r, d->x.accept);
}

static void
read_say(struct dg_reader *r, void *obj)
{
	struct dialect_decl *d = obj;

	d->has_say = true;
	d->x.at[DG_DIALECT_SAY] = dg_place_where(r->ld, &r->at);
	d->x.n_say = read_verbs(r, d->x.say);
	if (lua_type(r->L, -1) == LUA_TTABLE && lua_rawlen(r->L, -1) == 0)
		dg_read_bad(r, "needs at least one verb");
}

static void
read_assume(struct dg_reader *r, void *obj)
{
	struct dialect_decl *d = obj;
	size_t n;
	const char *const *v = dg_read_list(r, false, &n);

	d->has_assume = true;
	d->x.at[DG_DIALECT_ASSUME] = dg_place_where(r->ld, &r->at);
	for (size_t i = 0; i < n; i++) {
		enum dg_mech m;

		dg_step_listed(r, i);
		if (dg_read_mech(r, v[i], &m))
			d->x.assume |= DG_MECH_BIT(m);
		dg_step_unlisted(r);
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

		dg_step_listed(r, i);
		if (bit == 0)
			dg_read_bad(r,
			    "unknown level \"%s\"; there are v2, ntlm2, v1, "
			    "lm%s",
			    v[i], dg_near(r->ld, v[i], names));
		dg_step_unlisted(r);
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
	read_levels(r, &((struct dialect_decl *)obj)->x.ntlm_take);
}

static void
read_send(struct dg_reader *r, void *obj)
{
	read_levels(r, &((struct dialect_decl *)obj)->x.ntlm_send);
}

static void
read_ntlm(struct dg_reader *r, void *obj)
{
	static const struct dg_field fields[] = {
		{ "take", DG_F_READ, 0, NULL, read_take },
		{ "send", DG_F_READ, 0, NULL, read_send },
		{ NULL, DG_F_LATER, 0, NULL, NULL },
	};
	struct dialect_decl *d = obj;

	d->has_ntlm = true;
	d->x.at[DG_DIALECT_NTLM] = dg_place_where(r->ld, &r->at);
	d->x.ntlm_take = d->x.ntlm_send = DG_NTLM_LEVEL_V2;
	dg_read_fields(r, fields, d, NULL);
}

static void
read_login_prompts(struct dg_reader *r, void *obj)
{
	struct dialect_decl *d = obj;
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
		{ "ntlm", DG_F_STRING,
		    offsetof(struct dialect_decl, x.prompt_ntlm), NULL, NULL },
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
	*out = (z[0] - '0') * 100 + (z[1] - '0') * 10 + (z[2] - '0');
	return true;
}

static void
read_texts(struct dg_reader *r, void *obj)
{
	struct dialect_decl *d = obj;
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
	struct dialect_decl *d = obj;
	size_t n;
	const char *const *v = dg_read_list(r, false, &n);

	d->has_mend = true;
	for (size_t i = 0; i < n; i++) {
		unsigned k = 0;

		while (names[k] != NULL && strcmp(names[k], v[i]) != 0)
			k++;
		dg_step_listed(r, i);
		if (names[k] == NULL)
			dg_read_bad(r,
			    "nothing is mended by the name \"%s\"; there are "
			    "bare-lf, space-after-colon, no-brackets%s",
			    v[i], dg_near(r->ld, v[i], names));
		else
			d->x.mend |= 1u << k;
		dg_step_unlisted(r);
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

		dg_step_listed(r, i);
		if (bit == 0)
			dg_read_bad(r, "unknown extension \"%s\"%s", v[i],
			    dg_near_or_all(r->ld, v[i], names));
		else if ((able & bit) == 0)
			dg_read_bad(r,
			    "extension \"%s\" cannot be shown: we cannot do it",
			    v[i]);
		else
			bits |= bit;
		dg_step_unlisted(r);
	}
	return bits;
}

static void
read_hide(struct dg_reader *r, void *obj)
{
	struct dialect_decl *d = obj;

	d->has_hide = true;
	d->x.hide = read_exts(r, ~0u);
}

static void
read_show(struct dg_reader *r, void *obj)
{
	((struct dialect_decl *)obj)->show = read_exts(r, ABLE);
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
read_meaning(struct dg_reader *r, struct dialect_decl *d, enum dg_stage stage,
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
read_stage(struct dg_reader *r, struct dialect_decl *d, const char *name)
{
	enum dg_stage stage;
	const char *const *keys;
	size_t n;

	if (!dg_stage_find(dg_str(name), &stage)) {
		dg_read_bad(r, "no stage \"%s\"%s", name,
		    dg_near_or_all(r->ld, name, dg_stage_names()));
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
	struct dialect_decl *d = obj;
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

static const char *const login_forms[] = { "ask", "initial", "username-in-line",
	NULL };
static const char *const ntlm_forms[] = { "ask", "initial", NULL };
static const char *const helos[] = { "ehlo", "helo", "either", NULL };

void
dg_dialect_read(struct dg_reader *r, struct dg_decl *decl)
{
#define AT(f) offsetof(struct dialect_decl, f)
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
	struct dialect_decl *d = (struct dialect_decl *)decl;

	d->login_form = d->ntlm_form = d->helo = -1;
	dg_read_fields(r, fields, d, NULL);
	dg_rows_dialect(r, d);
	if (d->has_hide && (d->x.hide & d->show) != 0)
		dg_read_bad(r, "hides and shows %s",
		    dg_ext_name(
			(d->x.hide & d->show) & (~(d->x.hide & d->show) + 1)));
}
