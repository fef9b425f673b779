/*
 * fill.c - walk the tree along the table: unknown keys, missing keys, values
 * into their fields, defaults where nothing was said.
 *
 * The table leads and the tree follows, so that what is printed has the order
 * of the table and a default is taken at the place where a value would be.  A
 * mistake is said once: a misspelled key is not also a missing one.
 */
#include <stdlib.h>

#include "fill.h"

#define MOST_LISTENERS 16

struct fill {
	struct dg_config *c;
	const char *dir, *cwd;
	struct dg_errors *errors;
	bool is_quiet; /* what is missing here is explained elsewhere */
};

/* A map under way: its row, its key as written, and what holds its values. */
struct spot {
	const struct dg_option *row; /* NULL: the whole file */
	const char *key;             /* "" for the whole file */
	const struct dg_node *map;   /* NULL: absent */
	const struct dg_node *at;    /* where to complain: map, or around it */
	void *element;
};

static void take_map(struct fill *f, const struct spot *s);

struct dg_config_where
dg_config_where_of(const struct dg_config *c, const struct dg_node *n)
{
	if (n == NULL)
		return (struct dg_config_where){ NULL, 0, 0 };
	if (n->set != NULL)
		return (struct dg_config_where){ n->set, 0, 0 };
	return (struct dg_config_where){ c->file, n->line, n->column };
}

static char *
join(const char *key, struct dg_str name)
{
	return dg_sprintf("%s%s%.*s", key, key[0] != '\0' ? "." : "",
	    DG_FMT(name));
}

/* ---- keys that are not in the table ---- */

/* The nearest name in the map of `row`; also for names that are spelled right
 * but stand elsewhere (*elsewhere: their whole key). */
static const char *
suggest(const struct dg_option *row, struct dg_str name, const char **elsewhere)
{
	const char *names[DG_OPTIONS + 1];
	size_t n = 0;
	/* What belongs to one listener or secret is never a setting of all. */
	bool may_be_elsewhere = row == NULL || strchr(row->key, '*') == NULL;

	*elsewhere = NULL;
	for (size_t i = 0; i < DG_OPTIONS; i++) {
		const struct dg_option *o = &dg_options[i];

		if (dg_option_is_in(o, row) && o->type != DG_TYPE_LATER)
			names[n++] = dg_option_name(o).p;
		else if (may_be_elsewhere && *elsewhere == NULL &&
			 dg_str_find(dg_str(o->key), '*') == strlen(o->key) &&
			 dg_str_eq(dg_option_name(o), name))
			*elsewhere = o->key;
	}
	names[n] = NULL;
	return dg_did_you_mean(name, names);
}

static void
list_names(const struct dg_option *row, struct dg_buf *out)
{
	const char *before = "; known here: ";

	for (size_t i = 0; i < DG_OPTIONS; i++) {
		const struct dg_option *o = &dg_options[i];

		if (!dg_option_is_in(o, row) || o->type == DG_TYPE_LATER)
			continue;
		(void)dg_buf_addf(out, "%s%s", before, dg_option_name(o).p);
		before = ", ";
	}
}

static void
refuse_key(struct fill *f, const struct spot *s, const struct dg_node *kid)
{
	struct dg_buf b;
	const char *elsewhere;
	const char *near = suggest(s->row, dg_str(kid->key), &elsewhere);

	dg_buf_init(&b, 4096);
	(void)dg_buf_addf(&b, "unknown key \"%.64s\"", kid->key);
	if (s->row != NULL)
		(void)dg_buf_addf(&b, " in %s", s->key);
	if (elsewhere != NULL)
		(void)dg_buf_addf(&b, "; did you mean \"%s\"?", elsewhere);
	else if (near != NULL)
		(void)dg_buf_addf(&b, "; did you mean \"%s\"?", near);
	else if (strchr(kid->key, '.') != NULL &&
		 dg_option_find(dg_str(kid->key)) != NULL)
		(void)dg_buf_adds(&b,
		    "; dots are for --set: in YAML each part is a map with "
		    "the next one inside");
	else
		list_names(s->row, &b);
	dg_node_error(f->errors, f->c->file, kid, true, "%s", dg_buf_z(&b));
	dg_buf_fini(&b);
}

/* Does a key that we refused here stand for this one? */
static bool
is_misspelled(const struct spot *s, struct dg_str name)
{
	const struct dg_node *kid;
	const char *elsewhere;

	if (s->map == NULL)
		return false;
	TAILQ_FOREACH(kid, &s->map->kids, next)
	{
		const char *near;

		if (dg_option_child(s->row, dg_str(kid->key)) != NULL)
			continue;
		near = suggest(s->row, dg_str(kid->key), &elsewhere);
		if (near != NULL && dg_str_is(name, near))
			return true;
	}
	return false;
}

/* A name becomes part of keys with dots, and of messages. */
static bool
is_name(const char *z)
{
	size_t n =
	    strspn(z, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		      "0123456789_-");

	return n > 0 && n <= 64 && z[n] == '\0';
}

static void
check_keys(struct fill *f, const struct spot *s)
{
	const struct dg_node *kid;

	if (s->map == NULL)
		return;
	TAILQ_FOREACH(kid, &s->map->kids, next)
	{
		const struct dg_option *o =
		    dg_option_child(s->row, dg_str(kid->key));

		if (o == NULL) {
			refuse_key(f, s, kid);
			/* perhaps it is "users", misspelled */
			f->c->is_whole &= s->row != NULL;
		} else if (dg_str_is(dg_option_name(o), "*") &&
			 !is_name(kid->key))
			dg_node_error(f->errors, f->c->file, kid, true,
			    "%s: a name is made of letters, digits, \"_\" and "
			    "\"-\", at most 64 of them",
			    s->key);
	}
}

/* ---- values ---- */

static void
store(const struct dg_option *o, struct fill *f, void *element,
    struct dg_value *own_v)
{
	char *base = o->in == DG_IN_CONFIG ? (char *)f->c : element;
	void *field = base + o->offset;

	if (own_v->list != NULL) {
		*(char ***)field = own_v->list;
	} else if (own_v->text != NULL) {
		free(*(char **)field); /* a secret with both file and ... */
		*(char **)field = own_v->text;
	} else if (o->type == DG_TYPE_DURATION) {
		*(int64_t *)field = (int64_t)own_v->number;
	} else if (o->width == sizeof(unsigned)) {
		*(unsigned *)field = (unsigned)own_v->number;
	} else {
		*(uint64_t *)field = own_v->number;
	}
	*own_v = (struct dg_value){ NULL, NULL, 0 };
}

static void
note_where(struct fill *f, const struct dg_option *o, const struct dg_node *n,
    void *element)
{
	struct dg_config_where w = dg_config_where_of(f->c, n);

	switch (o->id) {
	case DG_OPT_LISTENER_ADDRESS:
		((struct dg_config_listener *)element)->where = w;
		break;
	case DG_OPT_TLS_CERTIFICATE:
		((struct dg_config_listener *)element)->tls_where = w;
		break;
	case DG_OPT_USER_FILE:
	case DG_OPT_SECRET_FILE:
	case DG_OPT_SECRET_CREDENTIAL:
	case DG_OPT_SECRET_ENV:
		((struct dg_config_file *)element)->where = w;
		break;
	case DG_OPT_VAR:
		((struct dg_config_var *)element)->where = w;
		break;
	case DG_OPT_POLICY_FILES:
		f->c->policy_where = w;
		break;
	default:
		break;
	}
}

static void
add_entry(struct fill *f, const struct dg_option *o, const char *key,
    const struct dg_node *n, const struct dg_value *v)
{
	struct dg_config_guts *g = f->c->guts;
	struct dg_buf shown;

	if (g->n == g->room) {
		g->room = g->room == 0 ? 64 : g->room * 2;
		g->entries =
		    dg_realloc(g->entries, g->room * sizeof(*g->entries));
	}
	/* The reader's cap on a file is the cap on its values. */
	dg_buf_init(&shown, 4u << 20);
	if (v != NULL)
		dg_value_print(o, v, &shown);
	g->entries[g->n++] = (struct dg_entry){
		.option = o,
		.key = dg_strdup(key),
		.shown = v != NULL ? dg_str_dup(dg_buf_str(&shown)) : NULL,
		.node = n,
	};
	dg_buf_fini(&shown);
}

/* A credential's name becomes the file that systemd made of it. */
static bool
find_credential(struct fill *f, const char *key, const struct dg_node *n,
    struct dg_value *v)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	char *path;

	if (dir == NULL || dir[0] != '/') {
		dg_node_error(f->errors, f->c->file, n, false,
		    "%s: CREDENTIALS_DIRECTORY is not set: we were not started "
		    "by systemd with LoadCredential=%s:...",
		    key, v->text);
		return false;
	}
	path = dg_sprintf("%s/%s", dir, v->text);
	free(v->text);
	v->text = path;
	return true;
}

static void
take_default(struct fill *f, const struct dg_option *o, const char *key,
    const struct spot *s)
{
	struct dg_value v = { NULL, NULL, 0 };

	if (dg_option_is_required(o)) {
		if (!f->is_quiet && !is_misspelled(s, dg_option_name(o)))
			dg_node_error(f->errors, f->c->file, s->at, true,
			    "%s is missing", key);
		return;
	}
	if (dg_option_is_computed(o)) {
		add_entry(f, o, key, NULL, NULL);
		return;
	}
	if (o->preset == NULL) { /* shown unless it is one of a choice */
		if (o->in == DG_IN_CONFIG)
			add_entry(f, o, key, NULL, &v);
		return;
	}
	if (!dg_value_preset(o, o->preset, &v))
		abort(); /* the table is wrong: any test shows it */
	add_entry(f, o, key, NULL, &v);
	store(o, f, s->element, &v);
}

/* files: policy.lua, without the [ ]: told, and looked into all the same. */
static void
take_as_list(struct fill *f, const struct dg_option *o, const char *key,
    const struct dg_node *n)
{
	struct dg_node *list = dg_node_new(DG_NODE_LIST);
	struct dg_node *item = dg_node_new(DG_NODE_TEXT);
	struct dg_value v = { NULL, NULL, 0 };

	item->text = dg_strdup(n->text);
	item->line = n->line;
	item->column = n->column;
	TAILQ_INSERT_TAIL(&list->kids, item, next);
	if (dg_value_read(o, key, list, n->set != NULL ? f->cwd : f->dir,
		f->c->file, &v, f->errors))
		store(o, f, NULL, &v);
	dg_node_free(list);
}

static void
take_value(struct fill *f, const struct dg_option *o, const char *key,
    const struct dg_node *n, void *element)
{
	struct dg_value v = { NULL, NULL, 0 };

	if (!dg_value_read(o, key, n, n->set != NULL ? f->cwd : f->dir,
		f->c->file, &v, f->errors)) {
		if (o->id == DG_OPT_POLICY_FILES && n->kind == DG_NODE_TEXT)
			take_as_list(f, o, key, n);
		return;
	}
	add_entry(f, o, key, n, &v);
	if (o->type == DG_TYPE_CREDENTIAL && !find_credential(f, key, n, &v)) {
		dg_value_fini(&v);
		return;
	}
	store(o, f, element, &v);
	note_where(f, o, n, element);
}

/* ---- maps ---- */

static void *
grow(void *list, size_t n, size_t width)
{
	list = dg_realloc(list, (n + 1) * width);
	memset((char *)list + n * width, 0, width);
	return list;
}

static void *
new_file(struct dg_config_file **list, size_t *n, const char *name)
{
	*list = grow(*list, *n, sizeof(**list));
	(*list)[*n].name = dg_strdup(name);
	return &(*list)[(*n)++];
}

static struct dg_config_where
where_of_key(const struct dg_config *c, const struct dg_node *n)
{
	struct dg_config_where w = dg_config_where_of(c, n);

	if (n->set == NULL) {
		w.line = n->key_line;
		w.column = n->key_column;
	}
	return w;
}

/* What the values below a "*" go to; valid until the next of its kind. */
static void *
new_element(struct fill *f, const struct dg_option *o, const struct dg_node *n)
{
	struct dg_config *c = f->c;
	const char *name = n->key;

	switch (o->id) {
	case DG_OPT_LISTENER:
		c->listeners =
		    grow(c->listeners, c->n_listeners, sizeof(*c->listeners));
		c->listeners[c->n_listeners].name = dg_strdup(name);
		return &c->listeners[c->n_listeners++];
	case DG_OPT_USER:
		return new_file(&c->users, &c->n_users, name);
	case DG_OPT_SECRET:
		return new_file(&c->secrets, &c->n_secrets, name);
	case DG_OPT_VAR:
		c->vars = grow(c->vars, c->n_vars, sizeof(*c->vars));
		c->vars[c->n_vars].name = dg_strdup(name);
		return &c->vars[c->n_vars++];
	case DG_OPT_LIMIT_QUESTION:
		c->questions =
		    grow(c->questions, c->n_questions, sizeof(*c->questions));
		c->questions[c->n_questions].name = dg_strdup(name);
		c->questions[c->n_questions].where = where_of_key(c, n);
		return &c->questions[c->n_questions++];
	default:
		abort(); /* a new "*" in the table needs its own case */
	}
}

static void
check_secret(struct fill *f, const struct spot *s)
{
	static const char *const names[] = { "file", "credential", "env",
		NULL };
	struct dg_buf found;
	unsigned n = 0;

	dg_buf_init(&found, 100);
	for (size_t i = 0; names[i] != NULL; i++) {
		if (dg_node_find(s->map, dg_str(names[i])) == NULL) {
			/* Then the misspelled key was the complaint. */
			n += is_misspelled(s, dg_str(names[i])) ? 4 : 0;
			continue;
		}
		(void)dg_buf_addf(&found, "%s\"%s\"", n++ > 0 ? " and " : "",
		    names[i]);
	}
	if ((n == 0 && !f->is_quiet) || n == 2 || n == 3)
		dg_node_error(f->errors, f->c->file, s->at, true,
		    "%s: exactly one of \"file\", \"credential\" and \"env\" "
		    "is needed, found %s",
		    s->key, n == 0 ? "none" : dg_buf_z(&found));
	dg_buf_fini(&found);
}

static void
check_listeners(struct fill *f, const struct spot *s)
{
	const struct dg_node *kid, *other, *a, *b;
	unsigned n = 0;

	if (s->map == NULL || TAILQ_EMPTY(&s->map->kids)) {
		if (!f->is_quiet)
			dg_node_error(f->errors, f->c->file, s->at, true,
			    "%s: at least one is needed, such as "
			    "listeners: { lan: { address: \"0.0.0.0:25\" } }",
			    s->key);
		return;
	}
	TAILQ_FOREACH(kid, &s->map->kids, next)
	{
		if (++n == MOST_LISTENERS + 1)
			dg_node_error(f->errors, f->c->file, kid, true,
			    "%s: there can be %d at most", s->key,
			    MOST_LISTENERS);
		a = dg_node_find(kid, DG_STR("address"));
		if (n > MOST_LISTENERS || a == NULL ||
		    a->kind != DG_NODE_TEXT ||
		    dg_str_has_suffix(dg_str(a->text), DG_STR(":0")))
			continue;
		/* SO_REUSEPORT would bind both, and the kernel deal out
		 * connections between them. */
		TAILQ_FOREACH(other, &s->map->kids, next)
		{
			if (other == kid)
				break;
			b = dg_node_find(other, DG_STR("address"));
			if (b != NULL && b->kind == DG_NODE_TEXT &&
			    strcmp(a->text, b->text) == 0)
				dg_node_error(f->errors, f->c->file, a, false,
				    "listeners.%s.address: listeners.%s has "
				    "this address already",
				    kid->key, other->key);
		}
	}
}

static void
take_later(struct fill *f, const struct dg_option *o, const char *key,
    const struct dg_node *n)
{
	bool is_empty = n == NULL || n->kind == DG_NODE_NULL ||
			(n->kind == DG_NODE_MAP && TAILQ_EMPTY(&n->kids));

	if (n == NULL || n->kind == DG_NODE_BAD ||
	    (is_empty && o->preset != NULL))
		return;
	dg_node_error(f->errors, f->c->file, n, true,
	    "%s is not available in this version", key);
}

/* A key of the table, n: what stands there, or NULL. */
static void
take_option(struct fill *f, const struct dg_option *o, const struct spot *s,
    const struct dg_node *n, void *element)
{
	struct dg_str name = n != NULL ? dg_str(n->key) : dg_option_name(o);
	char *key = join(s->key, name);
	bool was_quiet = f->is_quiet;

	if (o->type == DG_TYPE_LATER) {
		take_later(f, o, key, n);
	} else if (o->type != DG_TYPE_MAP && n == NULL) {
		take_default(f, o, key, s);
	} else if (o->type != DG_TYPE_MAP) {
		take_value(f, o, key, n, element);
	} else if (n != NULL && n->kind != DG_NODE_MAP &&
		   n->kind != DG_NODE_NULL) {
		struct dg_value v;

		f->c->is_whole = false;
		(void)dg_value_read(o, key, n, f->dir, f->c->file, &v,
		    f->errors);
	} else if (n != NULL || o->preset != NULL) {
		f->is_quiet =
		    was_quiet || (n == NULL && is_misspelled(s, name));
		take_map(f, &(struct spot){ o, key,
				n != NULL && n->kind == DG_NODE_MAP ? n : NULL,
				n != NULL ? n : s->at, element });
		f->is_quiet = was_quiet;
	}
	free(key);
}

/* Was something refused here that stood in for what is required? */
static bool
has_later(const struct spot *s)
{
	const struct dg_node *kid;

	if (s->map == NULL)
		return false;
	TAILQ_FOREACH(kid, &s->map->kids, next)
	{
		const struct dg_option *o =
		    dg_option_child(s->row, dg_str(kid->key));

		if (o != NULL && o->type == DG_TYPE_LATER && s->row != NULL)
			return true;
	}
	return false;
}

static void
take_map(struct fill *f, const struct spot *s)
{
	bool was_quiet = f->is_quiet;

	check_keys(f, s);
	if (s->row != NULL && s->row->id == DG_OPT_SECRET)
		check_secret(f, s);
	if (s->row != NULL && s->row->id == DG_OPT_LISTENERS)
		check_listeners(f, s);
	f->is_quiet = was_quiet || has_later(s);
	for (size_t i = 0; i < DG_OPTIONS; i++) {
		const struct dg_option *o = &dg_options[i];
		const struct dg_node *kid;

		if (!dg_option_is_in(o, s->row))
			continue;
		if (!dg_str_is(dg_option_name(o), "*")) {
			kid = dg_node_find(s->map, dg_option_name(o));
			take_option(f, o, s, kid, s->element);
			continue;
		}
		if (s->map == NULL)
			continue;
		TAILQ_FOREACH(kid, &s->map->kids, next)
		take_option(f, o, s, kid, new_element(f, o, kid));
	}
	f->is_quiet = was_quiet;
}

void
dg_config_fill(struct dg_config *c, const char *dir, const char *cwd,
    struct dg_errors *errors)
{
	/* what is missing may stand where nobody could read it */
	struct fill f = { c, dir, cwd, errors, c->guts->is_cut };
	const struct dg_node *root = c->guts->root;

	if (root->kind != DG_NODE_MAP && root->kind != DG_NODE_NULL) {
		c->is_whole = false;
		if (root->kind != DG_NODE_BAD && !c->guts->is_cut)
			dg_node_error(errors, c->file, root, false,
			    "expected settings, a map of keys and values");
		return;
	}
	take_map(&f, &(struct spot){ NULL, "",
			 root->kind == DG_NODE_MAP ? root : NULL, root, NULL });
}
