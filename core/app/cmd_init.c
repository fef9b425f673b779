/*
 * cmd_init.c - `dragoman init NAME DIR`: an example deployment to start from.
 *
 * Its files are copied as they stand; what an administrator must not share -
 * tables of users, secrets - is made beside them, empty or with a placeholder
 * that `dragoman check` tells about, so that the next commands work.
 */
#include "app.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "dragoman/relay/generation.h"

enum { NAMES_MAX = 64, COPY_MAX = 16 * 1024 * 1024 };

static bool
complain(const char *what, const char *path)
{
	fprintf(stderr, "dragoman init: %s %s: %s\n", what, path,
	    strerror(errno));
	return false;
}

static bool
exists(const char *folder, const char *name)
{
	char *path = dg_sprintf("%s/%s", folder, name);
	bool is = access(path, R_OK) == 0;

	free(path);
	return is;
}

/* ---- which examples there are ---- */

/* Beside each folder that ready policies may be in; heap, or NULL. */
static char *
find_examples(void)
{
	const char *const *dirs = dg_app_ready_dirs();

	for (; *dirs != NULL; dirs++) {
		const char *slash = strrchr(*dirs, '/');
		char *path = dg_sprintf("%.*s/examples",
		    slash != NULL ? (int)(slash - *dirs) : 0, *dirs);

		if (access(path, R_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Those with a dragoman.yaml, sorted; heap strings. */
static size_t
list_examples(const char *examples, char *names[NAMES_MAX])
{
	DIR *d = opendir(examples);
	struct dirent *e;
	size_t n = 0;

	while (d != NULL && n < NAMES_MAX && (e = readdir(d)) != NULL) {
		char *path;

		if (e->d_name[0] == '.')
			continue;
		path = dg_sprintf("%s/%s", examples, e->d_name);
		if (exists(path, "dragoman.yaml"))
			names[n++] = dg_strdup(e->d_name);
		free(path);
	}
	if (d != NULL)
		closedir(d);
	qsort(names, n, sizeof(*names), by_name);
	return n;
}

/* The README's title says what it is. */
static void
show_example(const char *examples, const char *name)
{
	char *path = dg_sprintf("%s/%s/README.md", examples, name);
	FILE *f = fopen(path, "r");
	char line[200] = "";

	if (f != NULL && fgets(line, sizeof(line), f) != NULL)
		line[strcspn(line, "\r\n")] = '\0';
	if (f != NULL)
		fclose(f);
	printf("  %-24s %s\n", name,
	    strncmp(line, "# ", 2) == 0 ? line + 2 : line);
	free(path);
}

static int
show_all(const char *examples)
{
	char *names[NAMES_MAX];
	size_t n = list_examples(examples, names);

	printf("dragoman init NAME DIR begins a deployment with one of:\n");
	for (size_t i = 0; i < n; i++) {
		show_example(examples, names[i]);
		free(names[i]);
	}
	return 0;
}

static bool
is_example(const char *examples, const char *name)
{
	char *names[NAMES_MAX + 1] = { NULL };
	size_t n = list_examples(examples, names);
	const char *near = dg_did_you_mean(dg_str(name),
	    (const char *const *)names);
	bool found = false;

	for (size_t i = 0; i < n; i++)
		found |= strcmp(names[i], name) == 0;
	if (!found)
		fprintf(stderr,
		    "dragoman init: no example \"%s\"%s%s%s; `dragoman init` "
		    "lists them\n",
		    name, near != NULL ? "; did you mean \"" : "",
		    near != NULL ? near : "", near != NULL ? "\"?" : "");
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	return found;
}

/* ---- copying ---- */

static bool
write_new(const char *path, struct dg_str text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	if (fd < 0)
		return complain("cannot make", path);
	while (text.n > 0) {
		ssize_t put = write(fd, text.p, text.n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0) {
			close(fd);
			return complain("cannot write", path);
		}
		text = dg_str_from(text, (size_t)put);
	}
	return close(fd) == 0 || complain("cannot write", path);
}

static bool
copy_file(const char *from, const char *to)
{
	FILE *f = fopen(from, "rb");
	struct dg_buf b;
	bool ok = f != NULL;

	if (f == NULL)
		return complain("cannot read", from);
	dg_buf_init(&b, COPY_MAX);
	while (ok && !feof(f) && !ferror(f)) {
		ok = dg_buf_reserve(&b, 65536) == DG_OK;
		if (ok)
			b.n += fread(b.p + b.n, 1, 65536, f);
	}
	if (ferror(f) || !ok)
		ok = complain("cannot read", from);
	fclose(f);
	ok = ok && write_new(to, dg_buf_str(&b), 0644);
	dg_buf_fini(&b);
	return ok;
}

static bool
copy_folder(const char *from, const char *to)
{
	DIR *d = opendir(from);
	struct dirent *e;
	bool ok = true;

	if (d == NULL)
		return complain("cannot read", from);
	while (ok && (e = readdir(d)) != NULL) {
		char *a, *b;
		struct stat st;

		if (e->d_name[0] == '.')
			continue;
		a = dg_sprintf("%s/%s", from, e->d_name);
		b = dg_sprintf("%s/%s", to, e->d_name);
		if (stat(a, &st) != 0)
			ok = complain("cannot read", a);
		else if (!S_ISDIR(st.st_mode))
			ok = copy_file(a, b);
		else if (mkdir(b, 0755) != 0)
			ok = complain("cannot make", b);
		else
			ok = copy_folder(a, b);
		free(a);
		free(b);
	}
	closedir(d);
	return ok;
}

/* An empty folder, or none: nothing of anybody's is written over. */
static bool
make_folder(const char *dir)
{
	struct dirent *e;
	bool is_empty = true;
	DIR *d;

	if (mkdir(dir, 0755) == 0)
		return true;
	d = errno == EEXIST ? opendir(dir) : NULL;
	if (d == NULL)
		return complain("cannot make", dir);
	while ((e = readdir(d)) != NULL)
		is_empty &= strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0;
	closedir(d);
	if (!is_empty)
		fprintf(stderr,
		    "dragoman init: %s is not empty; name a new folder\n", dir);
	return is_empty;
}

/* ---- what is not copied ---- */

static bool
make_private(const char *path, const char *text)
{
	return path == NULL || access(path, F_OK) == 0 ||
	    write_new(path, dg_str(text), 0600);
}

static bool
make_missing(const struct dg_config *c)
{
	bool ok = true;

	for (size_t i = 0; i < c->n_users; i++)
		ok &= make_private(c->users[i].file,
		    "# dragoman passwd FILE add NAME\n");
	for (size_t i = 0; i < c->n_secrets; i++)
		ok &= make_private(c->secrets[i].file,
		    "relay:" DG_SECRET_PLACEHOLDER "\n");
	return ok;
}

static void
say_next(const char *dir, const struct dg_config *c)
{
	printf("%s/README.md says what it is and what to change. Next:\n\n"
	       "  dragoman policy test %s\n",
	    dir, dir);
	if (c->n_users > 0)
		printf("  dragoman passwd %s add NAME\n", c->users[0].file);
	printf("  dragoman check -c %s/dragoman.yaml\n\n", dir);
	if (c->n_users > 0)
		printf("(passwd reads the password from standard input.)\n");
}

static int
start(const char *examples, const char *name, const char *dir)
{
	char *from = dg_sprintf("%s/%s", examples, name);
	char *config = dg_sprintf("%s/dragoman.yaml", dir);
	const char *const no_sets[] = { NULL };
	struct dg_errors errors;
	struct dg_config *c = NULL;
	bool ok;

	dg_errors_init(&errors);
	ok = make_folder(dir) && copy_folder(from, dir);
	if (ok)
		c = dg_config_load(config, no_sets, &errors);
	if (c != NULL)
		ok = make_missing(c);
	if (ok && c != NULL)
		say_next(dir, c);
	else if (ok)
		fprintf(stderr, "dragoman init: %s: see `dragoman check`\n",
		    config);
	dg_config_free(c);
	dg_errors_fini(&errors);
	free(config);
	free(from);
	return ok && c != NULL ? 0 : 1;
}

int
dg_cmd_init(int argc, char **argv)
{
	char *examples = find_examples();
	int code = 2;

	if (examples == NULL)
		fprintf(stderr,
		    "dragoman init: no examples are installed (%s/share/"
		    "dragoman/examples)\n",
		    DG_PREFIX);
	else if (argc == 1)
		code = show_all(examples);
	else if (argc != 3 || argv[1][0] == '-' || argv[2][0] == '-')
		fprintf(stderr, "usage: dragoman init [NAME DIR]\n");
	else if (is_example(examples, argv[1]))
		code = start(examples, argv[1], argv[2]);
	free(examples);
	return code;
}
