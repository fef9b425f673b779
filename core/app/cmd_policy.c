/*
 * cmd_policy.c - `dragoman policy test`: run the cases of *_test.lua.
 *
 * A test file is a policy file too.  What it tests is the policy beside it
 * with the same name (policy_test.lua: policy.lua), unless that is a ready
 * dialect or set of words, which its declarations name; with a dragoman.yaml
 * beside it, its vars and names are used.  Every case gets a relay of its own.
 */
#include "app.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "dragoman/base/log.h"
#include "dragoman/policy/lab.h"
#include "lab.h"

enum { FILES_MAX = 1000, PATH_LENGTH = 4096 };

struct files {
	char *v[FILES_MAX];
	size_t n;
};
struct sums {
	unsigned passed, failed;
};

/* ---- which files ---- */

static bool
ends_with(const char *path, const char *tail)
{
	return dg_str_has_suffix(dg_str(path), dg_str(tail));
}

static void
gather(struct files *f, const char *path)
{
	struct dirent **list = NULL;
	struct stat st;
	int n;

	if (stat(path, &st) != 0) {
		fprintf(stderr, "dragoman: %s: %s\n", path, strerror(errno));
		return;
	}
	if (!S_ISDIR(st.st_mode)) {
		if (f->n < FILES_MAX)
			f->v[f->n++] = dg_strdup(path);
		return;
	}
	n = scandir(path, &list, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		char *sub = dg_sprintf("%s/%s", path, list[i]->d_name);

		if (list[i]->d_name[0] != '.' && stat(sub, &st) == 0 &&
		    (S_ISDIR(st.st_mode) || ends_with(sub, "_test.lua")))
			gather(f, sub);
		free(sub);
		free(list[i]);
	}
	free(list);
}

static char *
absolute(const char *path)
{
	char real[PATH_LENGTH];

	return dg_strdup(realpath(path, real) != NULL ? real : path);
}

static char *
folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL
	    ? dg_str_dup(dg_str_of(path, (size_t)(slash - path)))
	    : dg_strdup(".");
}

/* ---- a spool that is thrown away ---- */

static void
remove_dir(const char *path)
{
	DIR *d = opendir(path);
	const struct dirent *de;

	/* one thread uses this stream */
	while (d != NULL && (de = readdir(d)) != NULL) { /* NOLINT */
		char *sub = dg_sprintf("%s/%s", path, de->d_name);

		if (de->d_name[0] != '.' && unlink(sub) != 0)
			remove_dir(sub);
		free(sub);
	}
	if (d != NULL)
		closedir(d);
	(void)rmdir(path);
}

/* ---- one file ---- */

struct test_file {
	char *path, *folder;
	char *dir;     /* temporary */
	char *yaml;    /* dragoman.yaml beside it, or one we made */
	char *files;   /* --set policy.files=[...] */
	char *spool;   /* --set spool.path=... */
};

static void
write_yaml(struct test_file *t)
{
	FILE *f;

	t->yaml = dg_sprintf("%s/dragoman.yaml", t->dir);
	f = fopen(t->yaml, "w");
	if (f == NULL)
		return;
	fprintf(f, "listeners: { lab: { address: \"127.0.0.1:0\" } }\n"
		   "spool: { path: spool }\n"
		   "hostname: relay.lab.test\n"
		   "postmaster: postmaster@lab.test\n"
		   "policy: { files: [none.lua] }\n");
	fclose(f);
}

static void
find_files(struct test_file *t)
{
	char *beside = dg_sprintf("%s/dragoman.yaml", t->folder);
	char *tested = dg_str_dup(dg_str_sub(dg_str(t->path), 0,
	    strlen(t->path) - strlen("_test.lua")));
	char *policy = dg_sprintf("%s.lua", tested);
	bool is_ready = strstr(t->path, "/dialects/") != NULL ||
	    strstr(t->path, "/words/") != NULL;

	if (access(beside, R_OK) == 0)
		t->yaml = dg_strdup(beside);
	else
		write_yaml(t);
	if (!is_ready && access(policy, R_OK) == 0)
		t->files = dg_sprintf("policy.files=[\"%s\", \"%s\"]", policy,
		    t->path);
	else
		t->files = dg_sprintf("policy.files=[\"%s\"]", t->path);
	t->spool = dg_sprintf("spool.path=%s/spool", t->dir);
	free(policy);
	free(tested);
	free(beside);
}

static void
test_file_fini(struct test_file *t)
{
	remove_dir(t->dir);
	free(t->path);
	free(t->folder);
	free(t->dir);
	free(t->yaml);
	free(t->files);
	free(t->spool);
}

/* States: worker 0's, and one in which the cases run. */
static struct dg_generation *
load(const struct test_file *t)
{
	const char *const sets[] = { t->files, t->spool, "workers=1", NULL };
	struct dg_generation_options o = {
		.number = 1,
		.workers = 2,
		.ready_dirs = dg_app_ready_dirs(),
		.is_lab = true,
	};
	struct dg_generation *g = NULL;
	struct dg_errors errors;
	struct dg_config *c;
	struct dg_buf out;

	dg_errors_init(&errors);
	c = dg_config_load(t->yaml, sets, &errors);
	if (c != NULL)
		g = dg_generation_new(c, &o, &errors);
	dg_buf_init(&out, 1024 * 1024);
	if (g == NULL)
		dg_errors_add_to(&errors, &out);
	fwrite(out.p != NULL ? out.p : "", 1, out.n, stdout);
	dg_buf_fini(&out);
	dg_errors_fini(&errors);
	return g;
}

static void
no_log(const char *line, size_t n)
{
	(void)line;
	(void)n;
}

static bool
run_case(const struct test_file *t, size_t i, const char *shown)
{
	struct dg_generation *g = load(t);
	struct dg_policy_state *s;
	struct dg_err e = { 0 };
	struct dg_lab *lab = NULL;
	char *dir = dg_sprintf("%s/case-%zu", t->dir, i);
	bool ok = false;

	if (g == NULL)
		goto out;
	s = dg_generation_state(g, 1);
	(void)dg_generation_pin(g);
	lab = dg_lab_new(g, dir, &e);
	ok = lab != NULL &&
	    dg_lab_run(s, i, dg_lab_ops(lab), &e) == DG_OK;
	printf("%s - %s: %s\n", ok ? "ok" : "not ok", shown,
	    dg_lab_case_name(s, i));
	if (!ok)
		printf("#   %s\n", e.text);
	dg_lab_free(lab);
	dg_generation_unpin(g);
out:
	remove_dir(dir);
	free(dir);
	return ok;
}

static void
run_file(const char *path, struct sums *sums)
{
	char tmp[] = "/tmp/dragoman-lab-XXXXXX";
	struct test_file t = { .path = absolute(path) };
	struct dg_generation *g;
	size_t n;

	t.folder = folder_of(t.path);
	if (mkdtemp(tmp) == NULL) {
		printf("not ok - %s: no temporary directory: %s\n", path,
		    strerror(errno));
		sums->failed++;
		free(t.path);
		free(t.folder);
		return;
	}
	t.dir = dg_strdup(tmp);
	find_files(&t);
	g = load(&t);
	if (g == NULL) {
		printf("not ok - %s: the policy does not load\n", path);
		sums->failed++;
		test_file_fini(&t);
		return;
	}
	n = dg_lab_cases(dg_generation_state(g, 1));
	dg_generation_unpin(g);
	if (n == 0) {
		printf("not ok - %s: has no t.case\n", path);
		sums->failed++;
	}
	for (size_t i = 0; i < n; i++) {
		if (run_case(&t, i, path))
			sums->passed++;
		else
			sums->failed++;
	}
	test_file_fini(&t);
}

int
dg_cmd_policy(int argc, char **argv)
{
	struct sums sums = { 0, 0 };
	struct files f = { .n = 0 };

	if (argc >= 2 && strcmp(argv[1], "stats") == 0)
		return dg_cmd_policy_stats(argc - 1, argv + 1);
	if (argc < 2 || strcmp(argv[1], "test") != 0) {
		fprintf(stderr,
		    "usage: dragoman policy test [FILE or DIR]...\n"
		    "       dragoman policy stats [-c FILE]\n");
		return 2;
	}
	if (argc == 2)
		gather(&f, ".");
	for (int i = 2; i < argc; i++)
		gather(&f, argv[i]);
	if (getenv("DRAGOMAN_LAB_LOG") == NULL)
		dg_log_divert(no_log);
	for (size_t i = 0; i < f.n; i++) {
		run_file(f.v[i], &sums);
		free(f.v[i]);
	}
	printf("%u passed, %u failed\n", sums.passed, sums.failed);
	return sums.failed > 0 || sums.passed == 0;
}
