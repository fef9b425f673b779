/* compile_words.c - d.words { ... } into struct dg_words.
 *
 * A ready set of words is a file that returns its rows; it is read once a run,
 * and its rows stand behind the own rows of each d.words that is `like` it.
 * "en" stands behind all, so that every meaning has a text.
 */
#include "schema.h"

#include <stddef.h>
#include <stdio.h>

struct rows {
	struct dg_words_row *v;
	size_t n;
};

struct decl {
	struct dg_decl d;
	struct dg_words x;
	struct dg_ref peer, hop, like;
	struct rows own;
};

struct ready {
	struct ready *next;
	const char *name;
	struct rows rows;
};

size_t
dg_words_decl_size(void)
{
	return sizeof(struct decl);
}

/* ---- texts ---- */

/* {word} that is no placeholder; other braces stand for themselves. */
static void
check_placeholders(struct dg_reader *r, const char *z)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz_"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

	for (z = strchr(z, '{'); z != NULL; z = strchr(z, '{')) {
		size_t n = strspn(++z, letters);
		const char *const *names = dg_placeholder_names();
		const char *word;

		if (n == 0 || z[n] != '}')
			continue;
		word = dg_load_str(r->ld, dg_str_of(z, n));
		while (*names != NULL && strcmp(*names, word) != 0)
			names++;
		if (*names == NULL)
			dg_read_bad(r, "no placeholder {%s}%s", word,
			    dg_near(r->ld, word, dg_placeholder_names()));
	}
}

static void
read_subject(struct dg_reader *r, void *obj)
{
	struct decl *d = obj;

	d->x.subject = dg_read_string(r, "a string");
	if (d->x.subject != NULL)
		check_placeholders(r, d->x.subject);
}

static void
read_lang(struct dg_reader *r, void *obj)
{
	struct decl *d = obj;
	const char *z = dg_read_string(r, "a language tag such as \"de\"");

	if (z == NULL)
		return;
	if (z[0] != '\0' && strlen(z) <= 35 &&
	    strspn(z, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		      "0123456789-") == strlen(z))
		d->x.lang = z;
	else
		dg_read_bad(r, "\"%s\" is no language tag: \"de\" \"pt-BR\"",
		    z);
}

/* ---- set ---- */

struct set {
	const char *org, *site, *server, *hex;
};

static void
read_set(struct dg_reader *r, void *obj)
{
	static const struct dg_field fields[] = {
		{ "org", DG_F_STRING, offsetof(struct set, org), NULL, NULL },
		{ "site", DG_F_STRING, offsetof(struct set, site), NULL, NULL },
		{ "server", DG_F_STRING, offsetof(struct set, server), NULL,
		    NULL },
		{ "hex", DG_F_STRING, offsetof(struct set, hex), NULL, NULL },
		{ NULL, DG_F_LATER, 0, NULL, NULL },
	};
	struct decl *d = obj;
	struct set s = { NULL, NULL, NULL, NULL };

	dg_read_fields(r, fields, &s, NULL);
	if (lua_type(r->L, -1) != LUA_TTABLE)
		return;
	if (s.hex != NULL &&
	    (strlen(s.hex) > 8 || s.hex[0] == '\0' ||
		strspn(s.hex, "0123456789abcdefABCDEF") != strlen(s.hex))) {
		dg_step_key(r, "hex");
		dg_read_bad(r, "\"%s\" is no hexadecimal number", s.hex);
		dg_step_out(r);
	}
	d->x.set_ref = dg_vm_add_set(r->L);
}

/* ---- rows ---- */

static bool
row_key(const char *key, struct dg_words_row *row)
{
	if (key[0] >= '0' && key[0] <= '9')
		return dg_reply_key_read(key, &row->code, row->enhanced) &&
		       row->code >= 400;
	return dg_meaning_find(dg_str(key), &row->meaning) &&
	       row->meaning != DG_MEANING_OK;
}

static bool
is_row(const char *key)
{
	struct dg_words_row row = { .code = 0 };

	return row_key(key, &row);
}

/* The rows of the table on top, sorted by key. */
static void
read_rows(struct dg_reader *r, struct rows *out)
{
	size_t n;
	const char *const *keys = dg_read_keys(r, &n);

	out->v = dg_load_alloc(r->ld, (n + 1) * sizeof(*out->v));
	for (size_t i = 0; i < n; i++) {
		struct dg_words_row row = { .code = 0 };

		if (!row_key(keys[i], &row))
			continue;
		dg_step_key(r, keys[i]);
		lua_pushstring(r->L, keys[i]);
		lua_rawget(r->L, -2);
		row.where = dg_place_where(r->ld, &r->at);
		if (lua_type(r->L, -1) == LUA_TFUNCTION)
			row.hook = dg_vm_add_hook(r->L);
		else
			row.text = dg_read_text(r, "a text or a function");
		if (row.text != NULL)
			check_placeholders(r, row.text);
		if (row.text != NULL || row.hook != 0)
			out->v[out->n++] = row;
		lua_pop(r->L, 1);
		dg_step_out(r);
	}
}

void
dg_words_read(struct dg_reader *r, struct dg_decl *decl)
{
#define AT(f) offsetof(struct decl, f)
	static const struct dg_field fields[] = {
		{ "to", DG_F_PATTERNS, AT(x.to), NULL, NULL },
		{ "from", DG_F_PATTERNS, AT(x.from), NULL, NULL },
		{ "peer", DG_F_REF, AT(peer), NULL, NULL },
		{ "hop", DG_F_REF, AT(hop), NULL, NULL },
		{ "lang", DG_F_READ, 0, NULL, read_lang },
		{ "like", DG_F_REF, AT(like), NULL, NULL },
		{ "subject", DG_F_READ, 0, NULL, read_subject },
		{ "set", DG_F_READ, 0, NULL, read_set },
		{ NULL, DG_F_LATER, 0, NULL, NULL },
	};
#undef AT
	struct decl *d = (struct decl *)decl;

	dg_read_fields(r, fields, d, is_row);
	if (lua_type(r->L, -1) == LUA_TTABLE)
		read_rows(r, &d->own);
}

/* ---- ready sets ---- */

static void
tell_strange_rows(struct dg_reader *r)
{
	size_t n;
	const char *const *keys = dg_read_keys(r, &n);

	for (size_t i = 0; i < n; i++) {
		if (is_row(keys[i]))
			continue;
		dg_step_key(r, keys[i]);
		dg_load_bad(r->ld, &r->at, "unknown meaning \"%s\"%s", keys[i],
		    dg_near(r->ld, keys[i], dg_meaning_names()));
		dg_step_out(r);
	}
}

static int
run_ready(lua_State *L)
{
	struct dg_reader r = { .ld = dg_vm_of(L)->load, .L = L };
	const struct dg_source *s = lua_touserdata(L, 1);
	struct rows *out = lua_touserdata(L, 2);

	r.at.where = (struct dg_where){ s->name, 1 };
	dg_source_run(L, s);
	if (lua_type(L, -1) != LUA_TTABLE) {
		dg_read_bad(&r,
		    "this file must return its rows: return { [\"too-big\"] = "
		    "\"...\" }");
		return 0;
	}
	tell_strange_rows(&r);
	read_rows(&r, out);
	return 0;
}

/* NULL: there is none of that name. */
static const struct rows *
ready_rows(struct dg_load *ld, struct ready **list, const char *name)
{
	lua_State *L = ld->vm->L;
	const struct dg_source *s;
	struct ready *w;
	char key[100];

	for (w = *list; w != NULL; w = w->next)
		if (strcmp(w->name, name) == 0)
			return &w->rows;
	snprintf(key, sizeof(key), "words/%.80s", name);
	s = dg_source_ready(ld, key);
	if (s == NULL)
		return NULL;
	w = dg_load_alloc(ld, sizeof(*w));
	w->name = name;
	w->next = *list;
	*list = w;
	lua_pushcfunction(L, run_ready);
	lua_pushlightuserdata(L, (void *)(uintptr_t)s);
	lua_pushlightuserdata(L, &w->rows);
	(void)dg_load_run(ld, L, 2);
	return &w->rows;
}

static void
add_rows(struct dg_load *ld, struct dg_words *x, const struct rows *a,
    const struct rows *b)
{
	size_t n = a->n + (b != NULL ? b->n : 0);
	struct dg_words_row *v = dg_load_alloc(ld, (n + 1) * sizeof(*v));

	if (a->n > 0)
		memcpy(v, a->v, a->n * sizeof(*v));
	if (b != NULL && b->n > 0)
		memcpy(v + a->n, b->v, b->n * sizeof(*v));
	x->rows = v;
	x->n_rows = n;
}

static const struct rows *
like_rows(struct dg_load *ld, struct ready **list, const struct dg_ref *like)
{
	const struct rows *rows = ready_rows(ld, list, like->name);
	const char *const *names;

	if (rows != NULL)
		return rows;
	names = dg_ready_names(ld, "words", NULL);
	if (names[0] == NULL)
		dg_load_bad(ld, &like->place,
		    "like: there are no ready words \"%s\", and no others are "
		    "installed: looked in %s",
		    like->name, dg_ready_dirs_text(ld));
	else
		dg_load_bad(ld, &like->place,
		    "like: there are no ready words \"%s\"%s", like->name,
		    dg_near(ld, like->name, names));
	return NULL;
}

void
dg_words_finish(struct dg_load *ld, struct dg_rules *out)
{
	struct dg_words *v = dg_load_alloc(ld, (ld->words.n + 2) * sizeof(*v));
	struct ready *list = NULL;
	static const struct rows none = { NULL, 0 };
	const struct rows *english;

	for (struct dg_decl *e = ld->words.first; e != NULL; e = e->next) {
		struct decl *d = (struct decl *)e;
		struct dg_words *x = &v[out->n_words++];

		*x = d->x;
		x->where = e->where;
		if (d->peer.name != NULL)
			x->peer = dg_peer_name_find(ld, &d->peer);
		if (d->hop.name != NULL)
			x->hop = dg_hop_name_find(ld, &d->hop);
		add_rows(ld, x, &d->own,
		    d->like.name != NULL ? like_rows(ld, &list, &d->like)
					 : NULL);
	}
	english = ready_rows(ld, &list, "en");
	if (english != NULL)
		add_rows(ld, &v[out->n_words++], &none, english);
	else
		dg_load_say_at(ld, NULL, 0, 0, true,
		    "no ready words are installed, so a report says one plain "
		    "sentence: words/en.lua was looked for in %s",
		    dg_ready_dirs_text(ld));
	out->words = v;
}
