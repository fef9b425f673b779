/*
 * yaml.c - text to tree: the only file that knows libyaml.
 *
 * We take the part of YAML that settings need: maps, lists, scalars.  Aliases,
 * anchors and tags are refused by name, since a file that a person answers for
 * should say everything where it is read; that also keeps the tree no larger
 * than the text.  What libyaml itself finds wrong goes through yaml_words.c:
 * it knows the place exactly, but says "could not find expected ':'".
 */
#include <yaml.h>

#include "yaml_words.h"

#define MOST_BYTES (1u << 20)
#define MOST_DEPTH 16
#define MOST_NODES 4096

struct reader {
	yaml_parser_t parser;
	struct dg_str text;
	const char *file, *set;
	struct dg_errors *errors;
	unsigned nodes;
	bool is_over; /* stopped at a mistake that hides the rest */
};

static struct dg_node *read_value(struct reader *r, yaml_event_t *own_ev,
    unsigned depth);

static struct dg_node *
node_at(struct reader *r, enum dg_node_kind kind, const yaml_event_t *ev)
{
	struct dg_node *n = dg_node_new(kind);

	n->line = (unsigned)ev->start_mark.line + 1;
	n->column = (unsigned)ev->start_mark.column + 1;
	n->set = r->set != NULL ? dg_strdup(r->set) : NULL;
	return n;
}

static bool
next_event(struct reader *r, yaml_event_t *ev)
{
	if (r->is_over)
		return false;
	if (yaml_parser_parse(&r->parser, ev) == 0) {
		dg_yaml_problem(&r->parser, r->text, r->file, r->set,
		    r->errors);
		r->is_over = true;
		return false;
	}
	return true;
}

/* Anchors and tags; the node becomes bad, so that nobody takes it for what it
 * would have been without. */
static void
refuse_marks(struct reader *r, struct dg_node *n, const yaml_char_t *anchor,
    const yaml_char_t *tag)
{
	if (anchor == NULL && tag == NULL)
		return;
	dg_node_error(r->errors, r->file, n, false,
	    anchor != NULL
		? "\"&\" anchors are not taken here; write the value out, "
		  "or quote it"
		: "\"!\" tags are not taken here; leave it out, or quote the "
		  "value");
	n->kind = DG_NODE_BAD;
}

static bool
has_control(struct dg_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	}
	return false;
}

static struct dg_str
scalar_text(const yaml_event_t *ev)
{
	return dg_str_of(ev->data.scalar.value, ev->data.scalar.length);
}

static bool
is_null(const yaml_event_t *ev)
{
	struct dg_str s = scalar_text(ev);

	return ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (s.n == 0 || dg_str_is(s, "~") || dg_str_is(s, "null") ||
		   dg_str_is(s, "Null") || dg_str_is(s, "NULL"));
}

static struct dg_node *
read_text(struct reader *r, const yaml_event_t *ev)
{
	struct dg_node *n = node_at(r, DG_NODE_TEXT, ev);

	if (is_null(ev)) {
		n->kind = DG_NODE_NULL;
	} else if (has_control(scalar_text(ev))) {
		dg_node_error(r->errors, r->file, n, false,
		    "a text over several lines or with a control character; "
		    "a value is one line");
		n->kind = DG_NODE_BAD;
	} else {
		n->text = dg_str_dup(scalar_text(ev));
	}
	refuse_marks(r, n, ev->data.scalar.anchor, ev->data.scalar.tag);
	return n;
}

static struct dg_node *
read_list(struct reader *r, const yaml_event_t *begin, unsigned depth)
{
	struct dg_node *n = node_at(r, DG_NODE_LIST, begin);
	yaml_event_t ev;

	refuse_marks(r, n, begin->data.sequence_start.anchor,
	    begin->data.sequence_start.tag);
	while (next_event(r, &ev)) {
		struct dg_node *kid;

		if (ev.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&ev);
			break;
		}
		kid = read_value(r, &ev, depth + 1);
		TAILQ_INSERT_TAIL(&n->kids, kid, next);
	}
	if (r->is_over && TAILQ_EMPTY(&n->kids))
		n->kind = DG_NODE_BAD; /* nobody knows what it would hold */
	return n;
}

/* The key in its own node: text, or bad. */
static struct dg_node *
read_key(struct reader *r, yaml_event_t *own_ev, unsigned depth)
{
	struct dg_node *k;

	if (own_ev->type == YAML_SCALAR_EVENT && is_null(own_ev)) {
		k = node_at(r, DG_NODE_BAD, own_ev);
		dg_node_error(r->errors, r->file, k, false,
		    "a value without its key");
		yaml_event_delete(own_ev);
		return k;
	}
	k = read_value(r, own_ev, depth + 1);
	if (k->kind == DG_NODE_LIST || k->kind == DG_NODE_MAP) {
		dg_node_error(r->errors, r->file, k, false,
		    "a key must be one word, not a list or a map");
		k->kind = DG_NODE_BAD;
	}
	return k;
}

/* False: refused, and own_value is gone. */
static bool
add_pair(struct reader *r, struct dg_node *map, struct dg_node *key,
    struct dg_node *own_value)
{
	const struct dg_node *first;

	if (key->kind != DG_NODE_TEXT) {
		dg_node_free(own_value); /* complained about */
		return false;
	}
	first = dg_node_find(map, dg_str(key->text));
	if (first != NULL) {
		dg_node_error(r->errors, r->file, key, false,
		    "\"%s\" is given twice: it stands in line %u already",
		    key->text, first->key_line);
		dg_node_free(own_value);
		return false;
	}
	own_value->key = key->text;
	own_value->key_line = key->line;
	own_value->key_column = key->column;
	key->text = NULL;
	TAILQ_INSERT_TAIL(&map->kids, own_value, next);
	return true;
}

static struct dg_node *
read_map(struct reader *r, const yaml_event_t *begin, unsigned depth)
{
	struct dg_node *n = node_at(r, DG_NODE_MAP, begin);
	struct dg_node *key, *value = NULL;
	yaml_event_t ev;

	while (next_event(r, &ev)) {
		value = NULL;
		if (ev.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&ev);
			break;
		}
		key = read_key(r, &ev, depth);
		if (!next_event(r, &ev)) {
			dg_node_free(key);
			break;
		}
		value = read_value(r, &ev, depth + 1);
		if (!add_pair(r, n, key, value))
			value = NULL;
		dg_node_free(key);
	}
	if (r->is_over && value != NULL && value->kind == DG_NODE_TEXT)
		value->kind = DG_NODE_BAD; /* "a: b: c": it is not "b" */
	/* Last: dg_node_find looks into maps only. */
	refuse_marks(r, n, begin->data.mapping_start.anchor,
	    begin->data.mapping_start.tag);
	return n;
}

static struct dg_node *
stop_at(struct reader *r, const yaml_event_t *ev, const char *what)
{
	struct dg_node *n = node_at(r, DG_NODE_BAD, ev);

	dg_node_error(r->errors, r->file, n, false, "%s", what);
	r->is_over = true;
	return n;
}

/* Never NULL; recursion ends at MOST_DEPTH. */
static struct dg_node *
read_value(struct reader *r, yaml_event_t *own_ev, unsigned depth)
{
	struct dg_node *n;

	if (depth >= MOST_DEPTH) {
		n = stop_at(r, own_ev, "maps and lists are nested too deeply");
	} else if (r->nodes++ >= MOST_NODES) {
		n = stop_at(r, own_ev, "too many values for one file");
	} else if (own_ev->type == YAML_SCALAR_EVENT) {
		n = read_text(r, own_ev);
	} else if (own_ev->type == YAML_SEQUENCE_START_EVENT) {
		n = read_list(r, own_ev, depth);
	} else if (own_ev->type == YAML_MAPPING_START_EVENT) {
		n = read_map(r, own_ev, depth);
	} else {
		n = node_at(r, DG_NODE_BAD, own_ev);
		dg_node_error(r->errors, r->file, n, false,
		    "\"*\" aliases are not taken here; write the value out, "
		    "or quote it");
	}
	yaml_event_delete(own_ev);
	return n;
}

/* One document, or none (an empty file): a DG_NODE_NULL then. */
static struct dg_node *
read_stream(struct reader *r)
{
	struct dg_node *root = NULL, *second;
	yaml_event_t ev;

	while (next_event(r, &ev)) {
		yaml_event_type_t type = ev.type;

		if (type == YAML_DOCUMENT_START_EVENT && root != NULL) {
			second = stop_at(r, &ev,
			    "a second document begins here; there is one only");
			dg_node_free(second);
		}
		if (type == YAML_STREAM_START_EVENT ||
		    type == YAML_STREAM_END_EVENT ||
		    type == YAML_DOCUMENT_START_EVENT ||
		    type == YAML_DOCUMENT_END_EVENT)
			yaml_event_delete(&ev);
		else
			root = read_value(r, &ev, 0);
		if (type == YAML_STREAM_END_EVENT)
			break;
	}
	if (root == NULL) {
		root = dg_node_new(DG_NODE_NULL);
		root->line = root->column = 1;
		root->set = r->set != NULL ? dg_strdup(r->set) : NULL;
	}
	return root;
}

struct dg_node *
dg_yaml_read(struct dg_str text, const char *file, const char *set,
    bool *is_cut, struct dg_errors *errors)
{
	struct reader r = { .file = file, .set = set, .errors = errors };
	struct dg_node *root;

	if (text.p == NULL)
		text = DG_STR("");
	/* An editor's mark, which libyaml skips only when it guesses. */
	if (dg_str_has_prefix(text, DG_STR("\xef\xbb\xbf")))
		text = dg_str_from(text, 3);
	r.text = text;
	if (text.n > MOST_BYTES) {
		dg_errors_add(errors, set != NULL ? set : file, 0, 0, false,
		    "larger than 1M: these cannot be settings");
		*is_cut = true;
		return dg_node_new(DG_NODE_BAD);
	}
	if (yaml_parser_initialize(&r.parser) == 0)
		abort(); /* out of memory, for a small thing of ours */
	/* Said, not guessed: no UTF-16 by surprise. */
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text.p,
	    text.n);
	root = read_stream(&r);
	yaml_parser_delete(&r.parser);
	*is_cut = r.is_over;
	return root;
}
