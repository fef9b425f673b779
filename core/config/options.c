/*
 * options.c - the table, and finding one's way in it.
 *
 * Keys are compared part by part, with "*" for a name; the table is short, so
 * every search walks it.
 */
#include "options.h"

#define REQUIRED           "!"
#define NONE               NULL
#define RELOAD             false
#define RESTART            true
#define FIELD(in, type, f) in, offsetof(type, f), sizeof(((type *)NULL)->f)
#define NOWHERE            DG_IN_NOTHING, 0, 0
#define CONFIG(f)          FIELD(DG_IN_CONFIG, struct dg_config, f)
#define LIMIT(f)           CONFIG(limits.f)
#define LISTENER(f)        FIELD(DG_IN_ELEMENT, struct dg_config_listener, f)
#define USERS(f)           FIELD(DG_IN_ELEMENT, struct dg_config_file, f)
#define SECRETS(f)         USERS(f)
#define VARS(f)            FIELD(DG_IN_ELEMENT, struct dg_config_var, f)
#define QUESTION(f)        FIELD(DG_IN_ELEMENT, struct dg_config_question, f)

/* Two steps, so that a place becomes its three fields first. */
#define X(...) ROW(__VA_ARGS__)
#define ROW(id, key, type, values, preset, restart, in, off, width, help) \
	{ DG_OPT_##id, key, DG_TYPE_##type, values, preset, restart, in, off, \
		width, help },
const struct dg_option dg_options[DG_OPTIONS] = {
#include "options.def"
};
#undef ROW
#undef X

const char *
dg_option_type_words(enum dg_option_type type)
{
	static const char *const words[] = {
#define X(id, text) [DG_TYPE_##id] = (text),
		DG_OPTION_TYPES(X)
#undef X
	};

	return words[type];
}

bool
dg_option_is_list(enum dg_option_type type)
{
	return type == DG_TYPE_TEXTS || type == DG_TYPE_PATHS ||
	       type == DG_TYPE_SERVERS;
}

struct dg_str
dg_option_name(const struct dg_option *o)
{
	struct dg_str key = dg_str(o->key);
	size_t dot = dg_str_rfind(key, '.');

	return dot == key.n ? key : dg_str_from(key, dot + 1);
}

bool
dg_option_is_in(const struct dg_option *o, const struct dg_option *parent)
{
	struct dg_str key = dg_str(o->key);
	size_t dot = dg_str_rfind(key, '.');

	if (parent == NULL)
		return dot == key.n;
	return dot != key.n && dg_str_is(dg_str_sub(key, 0, dot), parent->key);
}

const struct dg_option *
dg_option_child(const struct dg_option *parent, struct dg_str name)
{
	const struct dg_option *any = NULL;

	for (size_t i = 0; i < DG_OPTIONS; i++) {
		const struct dg_option *o = &dg_options[i];

		if (!dg_option_is_in(o, parent))
			continue;
		if (dg_str_is(dg_option_name(o), "*"))
			any = o;
		else if (dg_str_eq(dg_option_name(o), name))
			return o;
	}
	return any;
}

const struct dg_option *
dg_option_find(struct dg_str path)
{
	const struct dg_option *o = NULL;
	bool is_first = true;

	while (is_first || path.n > 0) {
		size_t dot = dg_str_find(path, '.');

		if (!is_first && o == NULL)
			return NULL;
		o = dg_option_child(o, dg_str_sub(path, 0, dot));
		path = dg_str_from(path, dot + 1);
		is_first = false;
	}
	return o;
}
