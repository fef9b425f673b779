#ifndef DRAGOMAN_CORE_POLICY_LOAD_H
#define DRAGOMAN_CORE_POLICY_LOAD_H

/*
 * load.h - one run of the policy files, and what it declares.
 * Private to the loading half of the policy floor.
 *
 * A declaration is checked where it stands, against its schema, and everything
 * wrong with it goes to struct dg_errors; names of other things (a hop in a
 * route, a dialect) are looked up at the end, when all are known.  The C code
 * called from Lua owns nothing: its memory is the run's arena, because any Lua
 * call may be a longjmp.
 */
#include "vm.h"
#include "where.h"

/* A file's text, kept by the policy: later states run what the first one ran,
 * whatever became of the file meanwhile. */
struct dg_source {
	struct dg_source *next;
	const char *key;    /* "/etc/x/policy.lua", "dialects/rfc4954" */
	const char *name;   /* as shown: "policy.lua"; NULL: there is none */
	const char *folder; /* "/etc/x": below it `require` looks */
	const char *text;
	size_t n;
	struct dg_lines lines;
	struct dg_cover_file *cover; /* NULL: nobody counts */
};

/* A field of q, as questions.def has them. */
struct dg_q_field {
	const char *name; /* NULL: the end */
	enum dg_q_type { DG_Q_TEXT, DG_Q_NUMBER, DG_Q_BOOLEAN } type;
};

struct dg_policy {
	struct dg_arena arena;
	struct dg_policy_options o; /* strings in the arena */
	struct dg_source *sources, **next_source;
	struct dg_rules rules;
	struct dg_buf
	    dump; /* the rules as text: what later states must equal */
	const struct dg_q_field *fields[DG_Q_N]; /* of each question's q */
	int n_hooks;
	struct dg_where *hook_places; /* where each begins, n_hooks */
};

/* Where a value stands in a declaration: found in the source only when there
 * is something to say about it. */
enum {
	DG_PATH_MAX = 4
};
struct dg_place {
	const char *kind; /* "peer" */
	const char *name; /* "hq", or NULL */
	struct dg_where where;
	struct dg_step path[DG_PATH_MAX];
	size_t depth;
};

/* A name to be looked up at the end. */
struct dg_ref {
	const char *name; /* NULL: none given */
	struct dg_place place;
};

/* What every declaration begins with. */
struct dg_decl {
	struct dg_decl *next;
	const char *name;
	struct dg_where where;
	bool has_table;
	bool is_told; /* what is wrong with it was said already */
};

struct dg_list {
	struct dg_decl *first, *last;
	size_t n;
};

struct dg_load {
	struct dg_policy *p;
	struct dg_vm *vm;
	struct dg_arena *arena;
	struct dg_errors *errors;
	struct dg_list dialects, peers, hops, routes, words;
	struct dg_decl *newest;
	bool has_failed; /* a file ended early: names may be missing for that */
	struct dg_hooks on;
	struct dg_where on_where[DG_Q_N];
};

/* ---- memory and errors of a run ---- */
void *dg_load_alloc(struct dg_load *ld, size_t n); /* zeroed, never NULL */
const char *dg_load_str(struct dg_load *ld, struct dg_str s);
/* An error (or warning) at a place; the same one is said once. */
void dg_load_say(struct dg_load *ld, const struct dg_place *at, bool is_warning,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
#define dg_load_bad(ld, at, ...) dg_load_say(ld, at, false, __VA_ARGS__)
/* The same at a bare line and column. */
void dg_load_say_at(struct dg_load *ld, const char *file, unsigned line,
    unsigned column, bool is_warning, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));
/* "; did you mean "x"?" or "", in the arena. */
const char *dg_near(struct dg_load *ld, const char *word,
    const char *const *list);
/* The same, or "; there are a, b, c" when none is near. */
const char *dg_near_or_all(struct dg_load *ld, const char *word,
    const char *const *list);
/* What a complaint of Lua's compiler most often comes from in a policy, and a
 * name that does not exist: "; ..." or "", in the arena. */
const char *dg_syntax_hint(struct dg_load *ld, const char *complaint);
const char *dg_name_hint(struct dg_load *ld, const char *name);
/* What dg_place shows in front: `peer "hq"`, `route`. */
const char *dg_place_title(struct dg_load *ld, const struct dg_place *at);
/* Line of the value itself; the statement's when it cannot be found. */
struct dg_where dg_place_where(struct dg_load *ld, const struct dg_place *at);

/* ---- lists of declarations ---- */
struct dg_decl *dg_decl_find(const struct dg_list *l, const char *name);
/* NULL-ended names of all, for did-you-mean. */
const char *const *dg_decl_names(struct dg_load *ld, const struct dg_list *l);
const char *const *dg_option_names(struct dg_load *ld,
    const struct dg_policy_name *v, size_t n);

/* Is a declared dialect like the one of that name? */
bool dg_dialect_is_liked(const struct dg_load *ld, const char *name);

/* ---- files ---- */
/* Read, or find among those read; NULL when it cannot be read (told, unless
 * is_optional). */
const struct dg_source *dg_source_file(struct dg_load *ld, const char *path);
/* "dialects/x": from the ready directories; NULL: there is none. */
const struct dg_source *dg_source_ready(struct dg_load *ld, const char *key);
/* NULL-ended: the names in ready directories' `folder`, and those declared. */
const char *const *dg_ready_names(struct dg_load *ld, const char *folder,
    const struct dg_list *declared);
/* "a, b": the directories where ready ones were looked for. */
const char *dg_ready_dirs_text(struct dg_load *ld);
/* "site.routes": below the first policy file's folder, then ready ones. */
const struct dg_source *dg_source_module(struct dg_load *ld, const char *name);
const struct dg_source *dg_source_named(const struct dg_policy *p,
    const char *name);
/* Push the file's one result (cached); raises. */
void dg_source_run(lua_State *L, const struct dg_source *s);
/* Call what is below nargs arguments for a load; errors are said, and false. */
bool dg_load_run(struct dg_load *ld, lua_State *L, int nargs);
/* The file alone, so. */
bool dg_source_try(struct dg_load *ld, const struct dg_source *s);

/* ask.c: what q holds, looked up once. */
const struct dg_q_field *dg_q_fields(struct dg_arena *arena,
    enum dg_question q);

/* ---- what opens the language (vm.c calls them) ---- */
void dg_bounded_open(lua_State *L);
void dg_declare_open(lua_State *L); /* d, kept in the registry */
void dg_require_open(lua_State *L);
/* A global that does not exist, while files run: told, and a hole. */
int dg_no_name(lua_State *L, const char *name);
void dg_declare_push(lua_State *L); /* push d */
int dg_vm_add_hook(lua_State *L);   /* the function on top; stays there */
int dg_vm_add_set(lua_State *L);
int dg_vm_hooks(lua_State *L);
/* A value that stands for a mistake already told: any use of it is silent. */
void dg_hole_push(lua_State *L);
bool dg_hole_is(lua_State *L, int index);

/* Walk a source for d.<word> that do not exist (declare.c). */
void dg_scan(struct dg_load *ld, const struct dg_source *s);

#endif
