#ifndef DRAGOMAN_CORE_CONFIG_OPTIONS_H
#define DRAGOMAN_CORE_CONFIG_OPTIONS_H

#include "dragoman/config/config.h"
#include "tree.h"

/* options.h - the rows of options.def, and one value checked by its row. */

#define DG_OPTION_TYPES(X) \
	X(MAP, "a map") \
	X(LATER, "nothing") \
	X(TEXT, "a text") \
	X(PATH, "a path") \
	X(ADDRESS, "an address such as 127.0.0.1:25 or [::1]:25") \
	X(HOST, "a host name") \
	X(MAILBOX, "a mail address such as postmaster@hq.example") \
	X(USER, "a user, a user:group, or \"\"") \
	X(CREDENTIAL, "the name of a systemd credential") \
	X(VARIABLE, "the name of an environment variable") \
	X(SIZE, "a size such as 50M") \
	X(DURATION, "a duration such as 250ms, 20s, 5m, 4h or 1d") \
	X(COUNT, "a whole number") \
	X(ENUM, "one of its words") \
	X(TEXTS, "a list such as [a, b]") \
	X(PATHS, "a list of paths such as [policy.lua]") \
	X(SERVERS, "a list of IP addresses such as [10.0.0.53]")
enum dg_option_type {
#define X(id, words) DG_TYPE_##id,
	DG_OPTION_TYPES(X)
#undef X
};

enum dg_option_id {
#define X(id, ...) DG_OPT_##id,
#include "options.def"
#undef X
	DG_OPTIONS
};

/* Which struct a value goes to. */
enum dg_option_in {
	DG_IN_NOTHING,
	DG_IN_CONFIG,
	DG_IN_ELEMENT, /* the listener, user, secret ... under way */
};

struct dg_option {
	enum dg_option_id id;
	const char *key; /* "listeners.*.address" */
	enum dg_option_type type;
	const char *values; /* "text|json", "1..100", or "" */
	const char *preset; /* text; "=words" computed; "!" required inside its
			     * map, once that is there; NULL: none */
	bool needs_restart;
	enum dg_option_in in;
	size_t offset, width;
	const char *help;
};
extern const struct dg_option dg_options[DG_OPTIONS];

static inline bool
dg_option_is_required(const struct dg_option *o)
{
	return o->preset != NULL && o->preset[0] == '!';
}

static inline bool
dg_option_is_computed(const struct dg_option *o)
{
	return o->preset != NULL && o->preset[0] == '=';
}

/* "an address such as ..." */
const char *dg_option_type_words(enum dg_option_type type);
bool dg_option_is_list(enum dg_option_type type);
/* The last part of its key: "address", "*". */
struct dg_str dg_option_name(const struct dg_option *o);
/* Is o a key directly in the map of parent (NULL: the whole file)? */
bool dg_option_is_in(const struct dg_option *o, const struct dg_option *parent);
/* The row for a name in parent's map: the spelled one before "*". */
const struct dg_option *dg_option_child(const struct dg_option *parent,
    struct dg_str name);
/* The row for "a.b.c", or NULL. */
const struct dg_option *dg_option_find(struct dg_str path);

/* ---- value.c ---- */
/* One checked value: exactly one of these, by the row's type. */
struct dg_value {
	char *text;      /* texts of all kinds */
	char **list;     /* lists: NULL-ended */
	uint64_t number; /* size, count; duration in milliseconds */
};
void dg_value_fini(struct dg_value *v);
/* Read a node by its row.  base: what relative paths start from.  False: why is
 * in errors, unless the node is a NODE_BAD. */
bool dg_value_read(const struct dg_option *o, const char *key,
    const struct dg_node *n, const char *base, const char *file,
    struct dg_value *out, struct dg_errors *errors);
/* The same for a text of ours (a default); never a path. */
bool dg_value_preset(const struct dg_option *o, const char *text,
    struct dg_value *out);
/* As it is printed, quoted where that is needed. */
void dg_value_print(const struct dg_option *o, const struct dg_value *v,
    struct dg_buf *out);
/* "a size from 1k to 1G", "text or json". */
void dg_option_expects(const struct dg_option *o, struct dg_buf *out);

/* ---- print.c needs ---- */
struct dg_entry { /* one effective value, in the order of the table */
	const struct dg_option *option;
	char *key;                  /* with names in place of "*" */
	char *shown;                /* as printed */
	const struct dg_node *node; /* NULL: default */
};
struct dg_config_guts {
	struct dg_node *root; /* lives as long, for labels and places */
	bool is_cut;          /* what stood behind a mistake was not read */
	struct dg_entry *entries;
	size_t n, room;
};

#endif
