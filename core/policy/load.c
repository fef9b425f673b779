/* load.c - run the policy files, compile what they declare, and give every
 * worker a state of its own that declares the same.
 *
 * One run: files in their order, then the names are joined (dialects, peers,
 * hops, routes, words), loading ready policies where a name asks for one.  The
 * first run makes the rules; each later state runs the kept text again, only
 * to have the same functions under the same numbers, and is compared.
 */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>

#include "call.h"
#include "declare.h"
#include "lib.h"
#include "rows.h"
#include "schema.h"
#include "unused.h"

enum {
	DUMP_MAX = 256 * 1024 * 1024
};

/* ---- memory and errors of a run ---- */

void *
dg_load_alloc(struct dg_load *ld, size_t n)
{
	return dg_arena_alloc(ld->arena, n > 0 ? n : 1); /* has no cap */
}

const char *
dg_load_str(struct dg_load *ld, struct dg_str s)
{
	return dg_arena_str(ld->arena, s).p;
}

void
dg_load_say_at(struct dg_load *ld, const char *file, unsigned line,
    unsigned column, bool is_warning, const char *fmt, ...)
{
	char text[900];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < ld->errors->n; i++) {
		const struct dg_error_line *l = &ld->errors->v[i];

		if (l->line == line && strcmp(l->text, text) == 0 &&
		    strcmp(l->file != NULL ? l->file : "",
			file != NULL ? file : "") == 0 &&
		    (column == 0 || l->column == column))
			return;
	}
	dg_errors_add(ld->errors, file, line, column, is_warning, "%s", text);
}

static struct dg_spot
spot_of(struct dg_load *ld, const struct dg_place *at)
{
	struct dg_spot none = { (unsigned)at->where.line, 0 };
	const struct dg_source *s = at->where.file != NULL
					? dg_source_named(ld->p, at->where.file)
					: NULL;
	size_t depth = at->depth < DG_PATH_MAX ? at->depth : DG_PATH_MAX;
	struct dg_spot found;
	size_t from;

	if (s == NULL || at->where.line < 1 ||
	    (size_t)at->where.line > s->lines.n)
		return none;
	from = s->lines.at[at->where.line - 1];
	found = dg_where_find(dg_str_of(s->text + from, s->n - from),
	    (unsigned)at->where.line, at->kind, at->name, at->path, depth);
	return found.line != 0 ? found : none;
}

struct dg_where
dg_place_where(struct dg_load *ld, const struct dg_place *at)
{
	return (struct dg_where){ at->where.file, (int)spot_of(ld, at).line };
}

const char *
dg_place_title(struct dg_load *ld, const struct dg_place *at)
{
	char title[200];

	if (at->kind == NULL)
		return "";
	if (at->name == NULL)
		return at->kind;
	snprintf(title, sizeof(title), "%s \"%s\"", at->kind, at->name);
	return dg_load_str(ld, dg_str(title));
}

void
dg_load_say(struct dg_load *ld, const struct dg_place *at, bool is_warning,
    const char *fmt, ...)
{
	struct dg_spot spot = spot_of(ld, at);
	const char *title = dg_place_title(ld, at);
	char text[700];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	dg_load_say_at(ld, at->where.file, spot.line, spot.column, is_warning,
	    "%s%s%s", title, title[0] != '\0' ? ": " : "", text);
}

bool
dg_load_run(struct dg_load *ld, lua_State *L, int nargs)
{
	struct dg_err e = { 0 };
	struct dg_where w;
	const char *text;

	if (dg_vm_run(ld->vm, L, nargs, ld->p->o.load_instructions, &e) ==
	    DG_OK)
		return true;
	ld->has_failed = true;
	if (ld->newest != NULL)
		ld->newest->is_told = true; /* its table never came */
	w = dg_vm_place(ld->vm, e.text, &text);
	for (size_t i = 0; w.file != NULL && i < ld->errors->n; i++) {
		const struct dg_error_line *l = &ld->errors->v[i];

		if (l->file != NULL && strcmp(l->file, w.file) == 0 &&
		    l->line == (unsigned)w.line && !l->is_warning)
			return false; /* what came of a mistake told already */
	}
	dg_load_say_at(ld, w.file, (unsigned)w.line, 0, false, "%s%s", text,
	    dg_syntax_hint(ld, text));
	return false;
}

/* ---- lists ---- */

struct dg_decl *
dg_decl_find(const struct dg_list *l, const char *name)
{
	for (struct dg_decl *d = l->first; d != NULL; d = d->next)
		if (strcmp(d->name, name) == 0)
			return d;
	return NULL;
}

const char *const *
dg_decl_names(struct dg_load *ld, const struct dg_list *l)
{
	const char **v = dg_load_alloc(ld, (l->n + 1) * sizeof(*v));
	size_t n = 0;

	for (const struct dg_decl *d = l->first; d != NULL; d = d->next)
		v[n++] = d->name;
	return v;
}

const char *const *
dg_option_names(struct dg_load *ld, const struct dg_policy_name *o, size_t n)
{
	const char **v = dg_load_alloc(ld, (n + 1) * sizeof(*v));

	for (size_t i = 0; i < n; i++)
		v[i] = o[i].name;
	return v;
}

struct entry {
	const struct dg_decl *d;
	size_t order;
};

static int
by_name(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int by = strcmp(x->d->name, y->d->name);

	return by != 0 ? by : x->order < y->order ? -1 : x->order > y->order;
}

/* Two of one name: told at the second, naming the first. */
static void
check_twice(struct dg_load *ld, const struct dg_list *l)
{
	struct entry *v = dg_load_alloc(ld, (l->n + 1) * sizeof(*v));
	size_t n = 0;

	for (const struct dg_decl *d = l->first; d != NULL; d = d->next, n++)
		v[n] = (struct entry){ d, n };
	qsort(v, n, sizeof(*v), by_name);
	for (size_t i = 1; i < n; i++) {
		const struct dg_decl *a = v[i - 1].d, *b = v[i].d;
		struct dg_place at = { .kind = dg_decl_kind(ld, l),
			.name = b->name,
			.where = b->where };

		if (strcmp(a->name, b->name) == 0)
			dg_load_bad(ld, &at, "is declared already at %s:%d",
			    a->where.file != NULL ? a->where.file : "?",
			    a->where.line);
	}
}

/* ---- a run ---- */

static void
run_files(struct dg_load *ld)
{
	const char *const *files = ld->p->o.files;
	const struct dg_source *s;

	if (files[0] == NULL) {
		s = dg_source_ready(ld, "default");
		if (s == NULL)
			dg_load_say_at(ld, NULL, 0, 0, false,
			    "policy.files is empty, and there is no ready "
			    "policy \"default\"");
		else
			(void)dg_source_try(ld, s);
	}
	for (size_t i = 0; files[i] != NULL; i++) {
		s = dg_source_file(ld, files[i]);
		if (s != NULL)
			(void)dg_source_try(ld, s);
	}
}

/* Whom a session turns out to be is known late: so the machine asks what anybody
 * may answer, and who that is is known now. */
static void
note_wants(struct dg_rules *r)
{
	for (int q = 0; q < DG_Q_N; q++) {
		r->wants[q] = r->on.of[q] != 0;
		for (size_t i = 0; i < r->n_peers; i++)
			r->wants[q] |= r->peers[i]->on.of[q] != 0;
		for (size_t i = 0; i < r->n_hops; i++)
			r->wants[q] |= r->hops[i]->on.of[q] != 0;
	}
}

static void
finish(struct dg_load *ld, struct dg_rules *out)
{
	dg_decls_check(ld);
	check_twice(ld, &ld->dialects);
	check_twice(ld, &ld->peers);
	check_twice(ld, &ld->hops);
	dg_dialects_finish(ld, out);
	dg_peers_finish(ld, out);
	dg_hops_finish(ld, out);
	dg_routes_finish(ld, out);
	dg_words_finish(ld, out);
	dg_dialects_list(ld, out);
	out->on = ld->on;
	note_wants(out);
	dg_rows_join(ld, out);
}

/* Everything but opening and closing the vm. */
static void
run(struct dg_load *ld, struct dg_rules *out, struct dg_buf *dump)
{
	ld->vm->load = ld;
	run_files(ld);
	finish(ld, out);
	ld->vm->load = NULL;
	dg_rules_write(out, dump);
}

/* ---- dg_policy ---- */

static const char *const *
copy_list(struct dg_arena *a, const char *const *list)
{
	size_t n = 0;
	const char **v;

	while (list != NULL && list[n] != NULL)
		n++;
	v = dg_arena_alloc(a, (n + 1) * sizeof(*v));
	for (size_t i = 0; i < n; i++)
		v[i] = dg_arena_str(a, dg_str(list[i])).p;
	return v;
}

static const struct dg_policy_name *
copy_names(struct dg_arena *a, const struct dg_policy_name *list, size_t n)
{
	struct dg_policy_name *v = dg_arena_alloc(a, (n + 1) * sizeof(*v));

	for (size_t i = 0; i < n; i++) {
		v[i].name = dg_arena_str(a, dg_str(list[i].name)).p;
		if (list[i].value != NULL)
			v[i].value = dg_arena_str(a, dg_str(list[i].value)).p;
		if (list[i].file != NULL)
			v[i].file = dg_arena_str(a, dg_str(list[i].file)).p;
		v[i].line = list[i].line;
		v[i].column = list[i].column;
	}
	return v;
}

static const struct dg_policy_users *
copy_users(struct dg_arena *a, const struct dg_policy_users *list, size_t n)
{
	struct dg_policy_users *v = dg_arena_alloc(a, (n + 1) * sizeof(*v));

	if (list == NULL)
		return NULL;
	memcpy(v, list, n * sizeof(*v));
	return v;
}

static void
fill_budget(struct dg_policy_budget *b, enum dg_question q)
{
	if (b->instructions == 0)
		b->instructions = 10 * 1000 * 1000;
	if (b->run_ms == 0)
		b->run_ms = 250;
	if (b->wait_ms == 0 || dg_question_wait_ms(q) == 0)
		b->wait_ms = dg_question_wait_ms(q);
	if (b->result == 0)
		b->result = 256 * 1024;
}

static const struct dg_policy_allow *
copy_allow(struct dg_arena *a, const struct dg_policy_allow *list, size_t n)
{
	struct dg_policy_allow *v = dg_arena_alloc(a, (n + 1) * sizeof(*v));

	for (size_t i = 0; i < n; i++) {
		v[i] = list[i];
		v[i].name = dg_arena_str(a, dg_str(list[i].name)).p;
		if (list[i].file != NULL)
			v[i].file = dg_arena_str(a, dg_str(list[i].file)).p;
	}
	return v;
}

static struct dg_policy *
policy_new(const struct dg_policy_options *o)
{
	struct dg_policy *p = dg_alloc0(sizeof(*p));
	struct dg_arena *a = &p->arena;

	dg_arena_init(a, SIZE_MAX);
	dg_buf_init(&p->dump, DUMP_MAX);
	p->next_source = &p->sources;
	p->o = *o;
	p->o.files = copy_list(a, o->files);
	p->o.ready_dirs = copy_list(a, o->ready_dirs);
	p->o.allow = copy_allow(a, o->allow, o->n_allow);
	p->o.listeners = copy_names(a, o->listeners, o->n_listeners);
	p->o.vars = copy_names(a, o->vars, o->n_vars);
	p->o.users = copy_names(a, o->users, o->n_users);
	p->o.secrets = copy_names(a, o->secrets, o->n_secrets);
	p->o.verify = copy_users(a, o->verify, o->n_users);
	p->o.tokens = copy_names(a, o->tokens, o->n_tokens);
	if (p->o.memory_max == 0)
		p->o.memory_max = 64 * 1024 * 1024;
	for (size_t q = 0; q < DG_Q_N; q++) {
		fill_budget(&p->o.budget[q], (enum dg_question)q);
		p->fields[q] = dg_q_fields(a, (enum dg_question)q);
	}
	if (p->o.load_instructions == 0)
		p->o.load_instructions = 1000 * 1000 * 1000;
	return p;
}

void
dg_policy_free(struct dg_policy *p)
{
	if (p == NULL)
		return;
	dg_buf_fini(&p->dump);
	dg_arena_fini(&p->arena);
	free(p);
}

const struct dg_rules *
dg_policy_rules(const struct dg_policy *p)
{
	return &p->rules;
}

static bool
any_since(const struct dg_errors *e, size_t from)
{
	for (size_t i = from; i < e->n; i++)
		if (!e->v[i].is_warning)
			return true;
	return false;
}

static void
note_hooks(struct dg_policy *p, lua_State *L)
{
	p->hook_places = dg_arena_alloc(&p->arena,
	    ((size_t)p->n_hooks + 1) * sizeof(*p->hook_places));
	for (int i = 0; i < p->n_hooks; i++) {
		lua_Debug ar;
		const struct dg_source *s;

		dg_vm_push_hook(L, i + 1);
		lua_getinfo(L, ">S", &ar);
		s = ar.source[0] == '@' ? dg_source_named(p, ar.source + 1)
					: NULL;
		if (s != NULL)
			p->hook_places[i] =
			    (struct dg_where){ s->name, ar.linedefined };
	}
}

struct dg_policy *
dg_policy_load(const struct dg_policy_options *o, struct dg_errors *errors)
{
	struct dg_policy *p = policy_new(o);
	struct dg_vm vm;
	struct dg_load ld = { .p = p,
		.vm = &vm,
		.arena = &p->arena,
		.errors = errors };
	size_t before = errors->n;
	struct dg_err e = { 0 };

	dg_allow_check(&ld);
	if (dg_vm_open(&vm, p, p->o.memory_max, &e) == DG_OK) {
		run(&ld, &p->rules, &p->dump);
		if (!any_since(errors, before) && !o->is_lab && !o->lacks_names)
			dg_unused_tell(&ld, &p->rules);
		p->n_hooks = dg_vm_hooks(vm.L);
		note_hooks(p, vm.L);
	} else {
		dg_load_say_at(&ld, NULL, 0, 0, false, "%s", e.text);
	}
	dg_vm_close(&vm);
	if (any_since(errors, before)) {
		dg_policy_free(p);
		return NULL;
	}
	return p;
}

/* ---- a worker's state ---- */

static struct dg_str
line_at(struct dg_str *text)
{
	size_t n = dg_str_find(*text, '\n');
	struct dg_str line = dg_str_sub(*text, 0, n);

	*text = dg_str_from(*text, n + 1);
	return line;
}

static void
tell_difference(struct dg_policy *p, struct dg_str now,
    struct dg_errors *errors)
{
	struct dg_str was = dg_buf_str(&p->dump), a, b;

	do {
		a = line_at(&was);
		b = line_at(&now);
	} while (dg_str_eq(a, b) && (was.n > 0 || now.n > 0));
	dg_errors_add(errors, NULL, 0, 0, false,
	    "the policy declares other things when it runs again: first "
	    "\"%.*s\""
	    ", then \"%.*s\"; nothing may depend on the order of pairs() or on "
	    "tostring of a table",
	    (int)(a.n < 300 ? a.n : 300), a.p != NULL ? a.p : "",
	    (int)(b.n < 300 ? b.n : 300), b.p != NULL ? b.p : "");
}

static void
move_errors(struct dg_errors *from, struct dg_errors *to)
{
	for (size_t i = 0; i < from->n; i++) {
		const struct dg_error_line *l = &from->v[i];

		if (!l->is_warning) /* those were told by the first run */
			dg_errors_add(to, l->file, l->line, l->column, false,
			    "%s", l->text);
	}
}

/* Run the kept files in s; true: they declared what they did before. */
static bool
run_again(struct dg_policy_state *s, struct dg_errors *errors)
{
	struct dg_rules rules = { .n_hops = 0 };
	struct dg_errors own;
	struct dg_arena arena;
	struct dg_buf dump;
	struct dg_load ld = { .p = s->policy,
		.vm = &s->vm,
		.arena = &arena,
		.errors = &own };
	bool is_same;

	dg_errors_init(&own);
	dg_arena_init(&arena, SIZE_MAX);
	dg_buf_init(&dump, DUMP_MAX);
	run(&ld, &rules, &dump);
	is_same = dg_str_eq(dg_buf_str(&dump), dg_buf_str(&s->policy->dump)) &&
		  dg_vm_hooks(s->vm.L) == s->policy->n_hooks;
	if (dg_errors_any(&own)) {
		is_same = false;
		move_errors(&own, errors);
	} else if (!is_same) {
		tell_difference(s->policy, dg_buf_str(&dump), errors);
	}
	dg_buf_fini(&dump);
	dg_arena_fini(&arena);
	dg_errors_fini(&own);
	return is_same;
}

struct dg_policy_state *
dg_policy_state_new(struct dg_policy *p, struct dg_errors *errors)
{
	struct dg_policy_state *s = dg_alloc0(sizeof(*s));
	struct dg_err e = { 0 };

	s->policy = p;
	s->n_hooks = p->n_hooks;
	s->breakers = dg_alloc0(((size_t)p->n_hooks + 1) * sizeof(*s->breakers));
	s->hits = dg_hits_new();
	LIST_INIT(&s->idle);
	LIST_INIT(&s->waiting);
	if (dg_vm_open(&s->vm, p, p->o.memory_max, &e) != DG_OK) {
		dg_errors_add(errors, NULL, 0, 0, false, "%s", e.text);
	} else {
		s->vm.state = s;
		if (run_again(s, errors))
			return s;
	}
	dg_policy_state_free(s);
	return NULL;
}

void
dg_policy_state_free(struct dg_policy_state *s)
{
	if (s == NULL)
		return;
	dg_calls_free(s);
	dg_vm_close(&s->vm);
	free(s->breakers);
	dg_hits_free(s->hits);
	free(s);
}
