#ifndef DRAGOMAN_CORE_POLICY_SCHEMA_H
#define DRAGOMAN_CORE_POLICY_SCHEMA_H

#include "load.h"

/*
 * schema.h - read a Lua table into a C struct by a list of fields, telling all
 * that is wrong with it.  Runs protected; uses raw access only, and never
 * depends on the order of a table's keys.
 */
struct dg_reader {
	struct dg_load *ld;
	lua_State *L;
	struct dg_place at;
};

enum dg_field_type {
	DG_F_STRING,   /* const char * */
	DG_F_BOOL,     /* bool */
	DG_F_SIZE,     /* uint64_t: "35M" or a number */
	DG_F_COUNT,    /* uint64_t, at least 1 */
	DG_F_DURATION, /* int64_t, ms */
	DG_F_CHOICE,   /* int: index in choices */
	DG_F_REF,      /* struct dg_ref */
	DG_F_PATTERNS, /* struct dg_patterns */
	DG_F_READ,     /* read(r, whole object), the value on top */
	DG_F_LATER,    /* known, not in this version */
};
struct dg_field {
	const char *name; /* NULL ends the list */
	enum dg_field_type type;
	size_t offset;
	const char *const *choices;
	void (*read)(struct dg_reader *r, void *obj);
};

/* The table on top of the stack into obj.  Rows of words share their table with
 * fields: keys that is_row knows are left to the caller (NULL: none are). */
void dg_read_fields(struct dg_reader *r, const struct dg_field *fields,
    void *obj, bool (*is_row)(const char *key));

/* Each reads the value on top of the stack and leaves it there.  NULL or
 * false: wrong, and told. */
bool dg_read_is_table(struct dg_reader *r, const char *takes);
const char *dg_read_string(struct dg_reader *r, const char *takes);
/* A text that people read: line breaks are fine. */
const char *dg_read_text(struct dg_reader *r, const char *takes);
bool dg_read_bool(struct dg_reader *r, bool *out);
bool dg_read_duration(struct dg_reader *r, int64_t *out);
/* A list of strings; or_one: a string alone is a list of one.  Never NULL; what
 * is wrong is left out. */
const char *const *dg_read_list(struct dg_reader *r, bool or_one, size_t *n);
/* Call fn for each item of a list, the item on top. */
bool dg_read_each(struct dg_reader *r, const char *takes,
    void (*fn)(struct dg_reader *r, void *obj), void *obj);
/* The string keys, sorted, NULL-ended; other keys are told. */
const char *const *dg_read_keys(struct dg_reader *r, size_t *n);
void dg_read_hooks(struct dg_reader *r, unsigned questions,
    struct dg_hooks *out);
/* Questions as bits. */
#define DG_Q_BIT(q) (1u << (q))
extern const unsigned dg_peer_questions, dg_hop_questions;

void dg_step_key(struct dg_reader *r, const char *key);
void dg_step_item(struct dg_reader *r, int index);
void dg_step_out(struct dg_reader *r);
/* To item i (from 0) of the value on top and back, when it is a list. */
void dg_step_listed(struct dg_reader *r, size_t i);
void dg_step_unlisted(struct dg_reader *r);
/* "a string", "a d.* value" */
const char *dg_type_word(lua_State *L, int index);

/* `peer "hq": match.address: ...` */
void dg_read_bad(struct dg_reader *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void dg_read_warn(struct dg_reader *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* `peer "hq": match.address takes a string, not a table` */
void dg_read_type(struct dg_reader *r, const char *takes);
/* "match.address", in the arena; "" at the top. */
const char *dg_path_text(struct dg_load *ld, const struct dg_place *at);
struct dg_ref dg_read_ref(struct dg_reader *r);
/* Is there an unknown key that stands for this field, and was told so? */
bool dg_read_means(struct dg_reader *r, const struct dg_field *fields,
    const char *name);
/* The name of a mechanism, perhaps misspelt. */
bool dg_is_mech(const char *name);
/* A mechanism we can do; else told. */
bool dg_read_mech(struct dg_reader *r, const char *name, enum dg_mech *out);

/* "550" or "550 5.7.30", whole. */
bool dg_reply_key_read(const char *z, int *code, char enhanced[12]);

/* ---- declarations: one read and one finish for each kind ---- */
/* The table is on top of the stack; own_decl joins the run's list. */
void dg_dialect_read(struct dg_reader *r, struct dg_decl *d);
void dg_peer_read(struct dg_reader *r, struct dg_decl *d);
void dg_hop_read(struct dg_reader *r, struct dg_decl *d);
void dg_route_read(struct dg_reader *r, struct dg_decl *d);
void dg_words_read(struct dg_reader *r, struct dg_decl *d);
size_t dg_dialect_decl_size(void), dg_peer_decl_size(void),
    dg_hop_decl_size(void), dg_route_decl_size(void), dg_words_decl_size(void);

/* At the end of the load, in this order: names become pointers, rules are
 * filled. */
void dg_dialects_finish(struct dg_load *ld, struct dg_rules *out);
void dg_peers_finish(struct dg_load *ld, struct dg_rules *out);
void dg_hops_finish(struct dg_load *ld, struct dg_rules *out);
void dg_routes_finish(struct dg_load *ld, struct dg_rules *out);
void dg_words_finish(struct dg_load *ld, struct dg_rules *out);
/* The dialect of that name, declared or ready; NULL: none, told. */
const struct dg_dialect *dg_dialect_get(struct dg_load *ld,
    const struct dg_ref *ref);
/* The declared peer (or "anyone") of that name; NULL: none, told. */
const char *dg_peer_name_find(struct dg_load *ld, const struct dg_ref *ref);
const char *dg_hop_name_find(struct dg_load *ld, const struct dg_ref *ref);
/* After all of them: those that became known late. */
void dg_dialects_list(struct dg_load *ld, struct dg_rules *out);

/* rules as text, for comparing (and reading). */
void dg_rules_write(const struct dg_rules *r, struct dg_buf *out);

#endif
