/*
 * policy_run.c - run the cases of one *_test.lua.
 *
 * A test file is a policy file too.  What it tests is the policy beside it
 * with the same name (policy_test.lua: policy.lua), unless that is a ready
 * dialect or set of words, which its declarations name; with a dragoman.yaml
 * beside it (or given), its vars, names and policy.allow are used; without one
 * all libraries are allowed.  Every case gets a relay of its own, with a policy
 * loaded anew: nothing of one reaches the next.
 */
#include "policy_test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "dragoman/policy/lab.h"
#include "dragoman/policy/library.h"
#include "lab.h"

enum { PATH_LENGTH = 4096, TEXT_MAX = 1024 * 1024 };

struct run {
	struct test_file *file;
	const struct app_options *o;
	struct dg_cover *cover;
	char *path, *folder; /* absolute */
	char dir[64];        /* temporary */
	char *yaml;          /* that beside it, or one we made */
	char *files, *spool; /* --set policy.files=[...] spool.path=... */
};

static double
real_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* ---- what is run ---- */

static void
write_yaml(struct run *r)
{
	FILE *f;

	r->yaml = dg_sprintf("%s/dragoman.yaml", r->dir);
	f = fopen(r->yaml, "w");
	if (f == NULL)
		return;
	fprintf(f, "listeners: { lab: { address: \"127.0.0.1:0\", "
		   "tls: { certificate: none, key: none } } }\n"
		   "spool: { path: spool }\n"
		   "hostname: relay.lab.test\n"
		   "postmaster: postmaster@lab.test\n"
		   "policy: { files: [none.lua], allow: [");
	for (const char *const *l = dg_library_names(); *l != NULL; l++)
		fprintf(f, "%s,", *l);
	fprintf(f, "] }\n");
	fclose(f);
}

/* A string of YAML's flow style. */
static char *
quoted(const char *z)
{
	struct dg_buf b;
	char *out;

	dg_buf_init(&b, PATH_LENGTH * 2);
	(void)dg_buf_addc(&b, '"');
	for (; *z != '\0'; z++) {
		if (*z == '"' || *z == '\\')
			(void)dg_buf_addc(&b, '\\');
		(void)dg_buf_addc(&b, *z);
	}
	(void)dg_buf_addc(&b, '"');
	out = dg_strdup(dg_buf_z(&b));
	dg_buf_fini(&b);
	return out;
}

static void
find_yaml(struct run *r)
{
	char *beside = dg_sprintf("%s/dragoman.yaml", r->folder);

	if (r->o->has_config)
		r->yaml = dg_strdup(r->o->config);
	else if (access(beside, R_OK) == 0)
		r->yaml = dg_strdup(beside);
	else
		write_yaml(r);
	free(beside);
}

static void
find_policy(struct run *r)
{
	char *policy = dg_sprintf("%.*s.lua",
	    (int)(strlen(r->path) - strlen("_test.lua")), r->path);
	char *a = quoted(policy), *b = quoted(r->path);
	/* those of policies/ are found by their names */
	bool is_ready = dg_str_has_suffix(dg_str(r->folder),
			    DG_STR("/dialects")) ||
	    dg_str_has_suffix(dg_str(r->folder), DG_STR("/words"));

	if (!is_ready && access(policy, R_OK) == 0)
		r->files = dg_sprintf("policy.files=[%s, %s]", a, b);
	else
		r->files = dg_sprintf("policy.files=[%s]", b);
	r->spool = dg_sprintf("spool.path=%s/spool", r->dir);
	free(a);
	free(b);
	free(policy);
}

/* False: why is in the file's text. */
static bool
run_init(struct run *r)
{
	char real[PATH_LENGTH];
	char *slash;

	snprintf(r->dir, sizeof(r->dir), "/tmp/dragoman-lab-XXXXXX");
	if (realpath(r->file->path, real) == NULL) {
		r->file->text = dg_sprintf("%s: cannot be read: %s",
		    r->file->path, strerror(errno));
		return false;
	}
	if (mkdtemp(r->dir) == NULL) {
		r->file->text = dg_sprintf("no temporary directory: %s",
		    strerror(errno));
		return false;
	}
	r->path = dg_strdup(real);
	slash = strrchr(real, '/');
	*slash = '\0';
	r->folder = dg_strdup(real);
	find_yaml(r);
	find_policy(r);
	return true;
}

static void
run_fini(struct run *r)
{
	if (r->path != NULL)
		dg_app_remove_dir(r->dir);
	free(r->path);
	free(r->folder);
	free(r->yaml);
	free(r->files);
	free(r->spool);
}

/* States: worker 0's, and one in which the cases run.  NULL: *errors has
 * why. */
static struct dg_generation *
load(const struct run *r, struct dg_errors *errors)
{
	const char **sets = dg_alloc0((r->o->n_sets + 4) * sizeof(*sets));
	struct dg_generation_options o = {
		.number = 1,
		.workers = 2,
		.ready_dirs = dg_app_ready_dirs(),
		.is_lab = true,
		.cover = r->cover,
	};
	struct dg_generation *g = NULL;
	struct dg_config *c;
	size_t n = 0;

	for (; n < r->o->n_sets; n++)
		sets[n] = r->o->sets[n];
	sets[n++] = r->files;
	sets[n++] = r->spool;
	sets[n++] = "workers=1";
	c = dg_config_load(r->yaml, sets, errors);
	if (c != NULL)
		g = dg_generation_new(c, &o, errors);
	free(sets);
	return g;
}

static char *
text_of(struct dg_errors *errors)
{
	struct dg_buf out;
	char *text;

	dg_buf_init(&out, TEXT_MAX);
	dg_errors_add_to(errors, &out);
	text = dg_str_dup(dg_str_trim(dg_buf_str(&out)));
	dg_buf_fini(&out);
	return text;
}

/* ---- cases ---- */

static bool
has_inside(struct dg_str text, struct dg_str part)
{
	for (size_t i = 0; i + part.n <= text.n; i++)
		if (dg_str_ieq(dg_str_sub(text, i, part.n), part))
			return true;
	return false;
}

/* -k: a part of "file: case", whatever its case; any of several. */
static bool
is_chosen(const struct run *r, const char *name)
{
	const struct app_options *o = r->o;
	char *whole = dg_sprintf("%s: %s", r->file->path, name);
	bool is = o->n_patterns == 0;

	for (size_t i = 0; i < o->n_patterns && !is; i++)
		is = has_inside(dg_str(whole), dg_str(o->patterns[i]));
	free(whole);
	return is;
}

/* The policy floor names a file without its folder; editors want the whole. */
static char *
with_path(const char *path, const char *text)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash != NULL ? (size_t)(slash + 1 - path) : 0;

	if (strncmp(text, path + n, strlen(path + n)) != 0)
		n = 0;
	return dg_sprintf("%.*s%s", (int)n, path, text);
}

static void
run_in(const struct run *r, size_t i, struct dg_generation *g,
    struct test_case *c)
{
	struct dg_policy_state *s = dg_generation_state(g, 1);
	char *dir = dg_sprintf("%s/case-%zu", r->dir, i);
	struct dg_err e = { 0 };
	struct dg_lab *lab;

	lab = dg_lab_new(dg_generation_pin(g), dir, &e);
	c->ok = lab != NULL &&
	    dg_lab_run(s, i, dg_lab_ops(lab), &e) == DG_OK;
	if (!c->ok) {
		c->text = with_path(r->file->path, e.text);
		c->story = dg_strdup(lab != NULL ? dg_lab_story(s) : "");
	}
	dg_lab_free(lab);
	dg_app_remove_dir(dir);
	free(dir);
}

/* own_g: loaded already, or NULL. */
static void
run_case(const struct run *r, size_t i, struct dg_generation *own_g,
    struct test_case *c)
{
	struct dg_generation *g = own_g;
	struct dg_errors errors;
	double start = real_ms();

	dg_errors_init(&errors);
	if (g == NULL)
		g = load(r, &errors);
	if (g != NULL)
		run_in(r, i, g, c);
	else
		c->text = text_of(&errors);
	c->ms = real_ms() - start;
	dg_generation_unpin(g);
	dg_errors_fini(&errors);
}

static void
run_cases(struct run *r, struct dg_generation *own_first)
{
	struct test_file *t = r->file;
	struct dg_policy_state *s = dg_generation_state(own_first, 1);
	size_t *number;

	t->n_all = dg_lab_cases(s);
	t->cases = dg_alloc0((t->n_all + 1) * sizeof(*t->cases));
	number = dg_alloc0((t->n_all + 1) * sizeof(*number));
	for (size_t i = 0; i < t->n_all; i++) {
		const char *name = dg_lab_case_name(s, i);

		if (!is_chosen(r, name))
			continue;
		t->cases[t->n].name = dg_strdup(name);
		t->cases[t->n].line = dg_lab_case_line(s, i);
		number[t->n++] = i;
	}
	if (t->n == 0)
		dg_generation_unpin(own_first);
	for (size_t k = 0; k < t->n; k++) {
		run_case(r, number[k], k == 0 ? own_first : NULL,
		    &t->cases[k]);
		t->n_failed += !t->cases[k].ok;
	}
	free(number);
}

void
dg_test_file_run(struct test_file *t, const struct app_options *o,
    struct dg_cover *cover)
{
	struct run r = { .file = t, .o = o, .cover = cover };
	double start = real_ms();
	struct dg_generation *g;
	struct dg_errors errors;

	dg_errors_init(&errors);
	if (run_init(&r)) {
		g = load(&r, &errors);
		if (g == NULL)
			t->text = text_of(&errors);
		else
			run_cases(&r, g);
	}
	if (t->text == NULL && t->n_all == 0)
		t->text = dg_sprintf("%s:1: no case in it: "
		    "t.case(\"name\", function(s) ... end)", t->path);
	dg_errors_fini(&errors);
	run_fini(&r);
	t->ms = real_ms() - start;
}

void
dg_test_file_fini(struct test_file *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->cases[i].name);
		free(t->cases[i].text);
		free(t->cases[i].story);
	}
	free(t->cases);
	free(t->path);
	free(t->text);
}
