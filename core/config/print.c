/*
 * print.c - the effective settings, the manual's table, and what a reload
 * cannot take: three walks over what the table and the file gave.
 */
#include "fill.h"

void
dg_config_print(const struct dg_config *c, struct dg_buf *out)
{
	for (size_t i = 0; i < c->guts->n; i++) {
		const struct dg_entry *e = &c->guts->entries[i];

		(void)dg_buf_addf(out, "%s = %s   # ", e->key, e->shown);
		if (e->node == NULL)
			(void)dg_buf_adds(out, "default");
		else if (e->node->set != NULL)
			(void)dg_buf_adds(out, "--set");
		else
			(void)dg_buf_addf(out, "%s:%u", c->file, e->node->line);
		(void)dg_buf_adds(out,
		    e->option->needs_restart ? "; needs a restart\n" : "\n");
	}
}

/* Words of help, at most 72 columns behind the indent. */
static void
add_wrapped(struct dg_buf *out, const char *z)
{
	struct dg_str rest = dg_str(z);
	size_t column = 0;

	while (rest.n > 0) {
		struct dg_str word = dg_str_word(&rest);

		if (word.n == 0)
			break;
		if (column > 0 && column + 1 + word.n > 72) {
			(void)dg_buf_addc(out, '\n');
			column = 0;
		}
		(void)dg_buf_adds(out, column == 0 ? "    " : " ");
		(void)dg_buf_add(out, word);
		column += word.n + 1;
	}
	(void)dg_buf_addc(out, '\n');
}

static void
add_facts(const struct dg_option *o, struct dg_buf *out)
{
	struct dg_buf b;

	dg_buf_init(&b, 1024);
	dg_option_expects(o, &b);
	if (dg_option_is_required(o))
		(void)dg_buf_adds(&b, "; required");
	else if (dg_option_is_computed(o))
		(void)dg_buf_addf(&b, "; default: %s", o->preset + 1);
	else if (o->preset != NULL)
		(void)dg_buf_addf(&b, "; default: %s",
		    o->preset[0] != '\0' ? o->preset : "\"\"");
	if (o->needs_restart)
		(void)dg_buf_adds(&b, "; needs a restart");
	add_wrapped(out, dg_buf_z(&b));
	dg_buf_fini(&b);
}

void
dg_config_document(struct dg_buf *out)
{
	for (size_t i = 0; i < DG_OPTIONS; i++) {
		const struct dg_option *o = &dg_options[i];

		if (o->type == DG_TYPE_LATER)
			continue;
		for (const char *p = o->key; *p != '\0'; p++) {
			if (*p == '*')
				(void)dg_buf_adds(out, "NAME");
			else
				(void)dg_buf_addc(out, *p);
		}
		(void)dg_buf_addc(out, '\n');
		if (o->type != DG_TYPE_MAP)
			add_facts(o, out);
		add_wrapped(out, o->help);
		(void)dg_buf_addc(out, '\n');
	}
}

static const struct dg_entry *
find_entry(const struct dg_config *c, const char *key)
{
	for (size_t i = 0; i < c->guts->n; i++) {
		if (strcmp(c->guts->entries[i].key, key) == 0)
			return &c->guts->entries[i];
	}
	return NULL;
}

/* Keys of a that b lacks, or (also_changed) has with another value. */
static void
add_differences(const struct dg_config *a, const struct dg_config *b,
    bool also_changed, size_t start, struct dg_buf *out)
{
	for (size_t i = 0; i < a->guts->n; i++) {
		const struct dg_entry *e = &a->guts->entries[i];
		const struct dg_entry *twin;

		if (!e->option->needs_restart)
			continue;
		twin = find_entry(b, e->key);
		if (twin != NULL &&
		    (!also_changed || strcmp(twin->shown, e->shown) == 0))
			continue;
		(void)dg_buf_addf(out, "%s%s", out->n > start ? ", " : "",
		    e->key);
	}
}

void
dg_config_restart_keys(const struct dg_config *now,
    const struct dg_config *next, struct dg_buf *out)
{
	size_t start = out->n;

	add_differences(now, next, true, start, out);
	add_differences(next, now, false, start, out);
}
