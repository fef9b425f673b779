/*
 * cmd_policy.c - `dragoman policy test`: find the *_test.lua files, have their
 * cases run, and add up.
 */
#include "policy_test.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "dragoman/base/log.h"

#define TAIL "_test.lua"

struct list {
	char **v; /* NULL-ended, once there is any */
	size_t n;
};
struct found {
	struct list tests;
	struct list policies; /* below the folders that were named */
	struct list folders;  /* absolute: those, and those of named tests */
};

static void
add(struct list *l, const char *path)
{
	l->v = dg_realloc(l->v, (l->n + 2) * sizeof(*l->v));
	l->v[l->n++] = dg_strdup(path);
	l->v[l->n] = NULL;
}

static void
list_fini(struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
}

/* ---- which files ---- */

static bool
ends_with(const char *path, const char *tail)
{
	return dg_str_has_suffix(dg_str(path), dg_str(tail));
}

static void
gather(struct found *f, const char *path)
{
	struct dirent **list = NULL;
	int n = scandir(path, &list, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		char *sub = strcmp(path, ".") == 0
		    ? dg_strdup(list[i]->d_name)
		    : dg_sprintf("%s/%s", path, list[i]->d_name);
		struct stat st;

		if (list[i]->d_name[0] == '.' || stat(sub, &st) != 0)
			; /* hidden, or gone meanwhile */
		else if (S_ISDIR(st.st_mode))
			gather(f, sub);
		else if (ends_with(sub, TAIL))
			add(&f->tests, sub);
		else if (ends_with(sub, ".lua"))
			add(&f->policies, sub);
		free(sub);
		free(list[i]);
	}
	free(list);
}

/* "policy.lua": did you mean its test? */
static void
tell_no_test(const char *path)
{
	char *test = ends_with(path, ".lua")
	    ? dg_sprintf("%.*s" TAIL, (int)(strlen(path) - 4), path)
	    : NULL;

	fprintf(stderr, "dragoman: %s: the name of a test ends in " TAIL,
	    path);
	if (test != NULL && access(test, F_OK) == 0)
		fprintf(stderr, "; did you mean %s?", test);
	fprintf(stderr, "\n");
	free(test);
}

static void
add_folder(struct found *f, const char *path, bool is_file)
{
	char *real = realpath(path, NULL);

	if (real == NULL)
		return;
	if (is_file)
		*strrchr(real, '/') = '\0';
	add(&f->folders, real);
	free(real);
}

/* False, and said: there is no such file, or it is no test. */
static bool
find_one(struct found *f, const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		fprintf(stderr, "dragoman: %s: %s\n", path, strerror(errno));
		return false;
	}
	if (!S_ISDIR(st.st_mode) && !ends_with(path, TAIL)) {
		tell_no_test(path);
		return false;
	}
	add_folder(f, path, !S_ISDIR(st.st_mode));
	if (S_ISDIR(st.st_mode))
		gather(f, path);
	else
		add(&f->tests, path);
	return true;
}

static bool
find(struct found *f, const struct app_options *o)
{
	bool ok = true;

	if (o->n_words == 1)
		ok = find_one(f, ".");
	for (size_t i = 1; i < o->n_words; i++)
		ok = find_one(f, o->words[i]) && ok;
	if (ok && f->tests.n == 0) {
		fprintf(stderr, "dragoman: no *" TAIL " below %s\n",
		    o->n_words > 1 ? o->words[1] : ".");
		ok = false;
	}
	return ok;
}

/* ---- running ---- */

static void
no_log(const char *line, size_t n)
{
	(void)line;
	(void)n;
}

static int
run(const struct found *f, const struct app_options *o)
{
	const struct list *tests = &f->tests;
	struct test_file *v = dg_alloc0((tests->n + 1) * sizeof(*v));
	struct dg_cover *cover = o->has_coverage ? dg_cover_new() : NULL;
	static char *const none[] = { NULL };
	size_t passed = 0, failed = 0;
	bool is_written = true;

	if (getenv("DRAGOMAN_LAB_LOG") == NULL)
		dg_log_divert(no_log);
	for (size_t i = 0; i < tests->n; i++) {
		v[i].path = dg_strdup(tests->v[i]);
		dg_test_file_run(&v[i], o, cover);
		dg_tell_file(&v[i], o->is_verbose);
		passed += v[i].n - v[i].n_failed;
		failed += v[i].n_failed + (v[i].text != NULL);
	}
	if (o->junit != NULL)
		is_written = dg_tell_junit(o->junit, v, tests->n);
	if (cover != NULL)
		failed += dg_tell_coverage(cover, f->folders.v,
		    f->policies.n > 0 ? f->policies.v : none, o->coverage);
	if (passed + failed == 0)
		fprintf(stderr, "dragoman: no case is chosen by -k %s\n",
		    o->n_patterns > 0 ? o->patterns[0] : "");
	printf("%zu passed, %zu failed\n", passed, failed);
	for (size_t i = 0; i < tests->n; i++)
		dg_test_file_fini(&v[i]);
	free(v);
	dg_cover_free(cover);
	return !is_written ? 2 : failed > 0 || passed == 0;
}

int
dg_cmd_policy(int argc, char **argv)
{
	static const char *const allowed[] = { "-k", "-v", "--junit",
		"--coverage", NULL };
	struct found f = { .tests.n = 0 };
	struct app_options o;
	int code = 2;

	if (argc >= 2 && strcmp(argv[1], "stats") == 0)
		return dg_cmd_policy_stats(argc - 1, argv + 1);
	if (!dg_app_options_read(argc, argv, allowed, &o)) {
		dg_app_options_fini(&o);
		return 2;
	}
	if (o.n_words == 0 || strcmp(o.words[0], "test") != 0)
		fprintf(stderr, "usage: dragoman policy test [-k PATTERN] [-v] "
		    "[--junit FILE] [--coverage[=PERCENT]] [-c FILE] "
		    "[--set KEY=VALUE] [FILE or DIR]...\n"
		    "       dragoman policy stats [-c FILE] [--set "
		    "KEY=VALUE]\n");
	else if (find(&f, &o))
		code = run(&f, &o);
	list_fini(&f.tests);
	list_fini(&f.policies);
	list_fini(&f.folders);
	dg_app_options_fini(&o);
	return code;
}
