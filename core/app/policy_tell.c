/*
 * policy_tell.c - what became of policy tests: for people, as JUnit's XML for
 * programs, and which lines and rows no case touched.
 */
#include "policy_test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- bytes, which may be any: what a hop said is shown ---- */

/* The length of the UTF-8 character that s begins with; 0: it is none.  XML
 * and terminals take no other bytes. */
static size_t
utf8_length(struct dg_str s)
{
	unsigned char c = (unsigned char)s.p[0];
	size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3
	    : c < 0xf5 ? 4 : 0;

	if (n == 0 || n > s.n)
		return 0;
	for (size_t i = 1; i < n; i++)
		if (((unsigned char)s.p[i] & 0xc0) != 0x80)
			return 0;
	if (n == 3) { /* overlong, surrogates, U+FFFE and U+FFFF */
		unsigned u = (c & 15u) << 12 |
		    ((unsigned char)s.p[1] & 63u) << 6 |
		    ((unsigned char)s.p[2] & 63u);

		return u < 0x800 || (u >= 0xd800 && u < 0xe000) || u > 0xfffd
		    ? 0 : n;
	}
	if (n == 4 && ((c == 0xf0 && (unsigned char)s.p[1] < 0x90) ||
			  (c == 0xf4 && (unsigned char)s.p[1] > 0x8f)))
		return 0;
	return n;
}

static void
put_plain(struct dg_str s)
{
	while (s.n > 0) {
		size_t n = utf8_length(s);
		unsigned char c = (unsigned char)s.p[0];

		if (n == 0 || c < ' ' || c == 0x7f)
			printf("\\x%02x", c);
		else
			fwrite(s.p, 1, n, stdout);
		s = dg_str_from(s, n > 0 ? n : 1);
	}
}

/* ---- for people ---- */

/* Each line of z, moved to the right. */
static void
print_indented(const char *indent, const char *z)
{
	struct dg_str rest = dg_str(z);

	while (rest.n > 0) {
		size_t end = dg_str_find(rest, '\n');

		fputs(indent, stdout);
		put_plain(dg_str_sub(rest, 0, end));
		putchar('\n');
		rest = dg_str_from(rest, end + 1);
	}
}

void
dg_tell_file(const struct test_file *t, bool is_verbose)
{
	if (t->text != NULL) {
		printf("not ok - %s: cannot be run\n", t->path);
		print_indented("    ", t->text);
		return;
	}
	for (size_t i = 0; i < t->n; i++) {
		const struct test_case *c = &t->cases[i];

		if (c->ok && !is_verbose)
			continue;
		printf("%sok - %s:%d: ", c->ok ? "" : "not ", t->path, c->line);
		put_plain(dg_str(c->name));
		if (is_verbose)
			printf(" (%.1f ms)", c->ms);
		putchar('\n');
		if (c->ok)
			continue;
		print_indented("    ", c->text);
		print_indented("    ", c->story);
	}
	if (!is_verbose && t->n_failed == 0 && t->n > 0)
		printf("ok - %s: %zu case%s\n", t->path, t->n,
		    t->n == 1 ? "" : "s");
	fflush(stdout);
}

/* ---- JUnit ---- */

static void
put_xml(FILE *f, const char *z)
{
	struct dg_str s = dg_str(z);

	while (s.n > 0) {
		size_t n = utf8_length(s);
		unsigned char c = (unsigned char)s.p[0];

		if (c == '&' || c == '<' || c == '>' || c == '"')
			fprintf(f, "&#%u;", c);
		else if (n == 0 || (c < ' ' && c != '\n') || c == 0x7f)
			fprintf(f, "\\x%02x", c);
		else
			fwrite(s.p, 1, n, f);
		s = dg_str_from(s, n > 0 ? n : 1);
	}
}

static void
put_attribute(FILE *f, const char *name, const char *value)
{
	fprintf(f, " %s=\"", name);
	put_xml(f, value);
	fputc('"', f);
}

static void
put_failure(FILE *f, const char *element, const char *text, const char *story)
{
	char *first = dg_str_dup(
	    dg_str_sub(dg_str(text), 0, dg_str_find(dg_str(text), '\n')));

	fprintf(f, "      <%s", element);
	put_attribute(f, "message", first);
	fputc('>', f);
	put_xml(f, text);
	fputc('\n', f);
	put_xml(f, story);
	fprintf(f, "</%s>\n", element);
	free(first);
}

static void
put_file(FILE *f, const struct test_file *t)
{
	fprintf(f, "  <testsuite");
	put_attribute(f, "name", t->path);
	fprintf(f, " tests=\"%zu\" failures=\"%zu\" errors=\"%d\" "
	    "time=\"%.3f\">\n", t->n + (t->text != NULL), t->n_failed,
	    t->text != NULL, t->ms / 1e3);
	if (t->text != NULL) {
		fprintf(f, "    <testcase");
		put_attribute(f, "classname", t->path);
		fprintf(f, " name=\"(load)\" time=\"0\">\n");
		put_failure(f, "error", t->text, "");
		fprintf(f, "    </testcase>\n");
	}
	for (size_t i = 0; i < t->n; i++) {
		const struct test_case *c = &t->cases[i];

		fprintf(f, "    <testcase");
		put_attribute(f, "classname", t->path);
		put_attribute(f, "name", c->name);
		put_attribute(f, "file", t->path);
		fprintf(f, " line=\"%d\" time=\"%.3f\"", c->line, c->ms / 1e3);
		if (c->ok) {
			fprintf(f, "/>\n");
			continue;
		}
		fprintf(f, ">\n");
		put_failure(f, "failure", c->text, c->story);
		fprintf(f, "    </testcase>\n");
	}
	fprintf(f, "  </testsuite>\n");
}

bool
dg_tell_junit(const char *path, const struct test_file *v, size_t n)
{
	size_t tests = 0, failures = 0, errors = 0;
	FILE *f = fopen(path, "w");
	double ms = 0;
	bool ok;

	for (size_t i = 0; i < n; i++) {
		tests += v[i].n + (v[i].text != NULL);
		failures += v[i].n_failed;
		errors += v[i].text != NULL;
		ms += v[i].ms;
	}
	if (f != NULL) {
		fprintf(f, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
			   "<testsuites name=\"dragoman policy test\" "
			   "tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" "
			   "time=\"%.3f\">\n",
		    tests, failures, errors, ms / 1e3);
		for (size_t i = 0; i < n; i++)
			put_file(f, &v[i]);
		fprintf(f, "</testsuites>\n");
	}
	ok = f != NULL && ferror(f) == 0;
	if (f != NULL && fclose(f) != 0)
		ok = false;
	if (!ok)
		fprintf(stderr, "dragoman: %s: %s\n", path, strerror(errno));
	return ok;
}

/* ---- coverage ---- */

/* Below the current folder, without that. */
static const char *
short_path(const char *path)
{
	static char here[4096];
	size_t n;

	if (here[0] == '\0' && getcwd(here, sizeof(here)) == NULL)
		return path;
	n = strlen(here);
	return strncmp(path, here, n) == 0 && path[n] == '/' ? path + n + 1
							     : path;
}

/* From i on, what stands on one line (a function of one line has two). */
static size_t
one_line(const struct dg_cover_file *f, size_t i, bool *has_run)
{
	int line = f->lines[i].line;

	*has_run = true;
	for (; i < f->n_lines && f->lines[i].line == line; i++)
		if (!f->lines[i].has_run)
			*has_run = false;
	return i;
}

struct counts {
	size_t lines, ran, rows, hit;
};

static struct counts
counts_of(const struct dg_cover_file *f)
{
	struct counts n = { 0, 0, 0, 0 };
	bool has_run;

	for (size_t i = 0; i < f->n_lines; n.lines++, n.ran += has_run)
		i = one_line(f, i, &has_run);
	for (const struct dg_row *r = f->rows; r != NULL; r = r->next) {
		n.rows++;
		n.hit += r->hits > 0;
	}
	return n;
}

/* "  12-14: never ran": as few lines as can be. */
static void
print_missing_lines(const struct dg_cover_file *f)
{
	int from = 0, to = 0;

	for (size_t i = 0; i < f->n_lines;) {
		int line = f->lines[i].line;
		bool has_run;

		i = one_line(f, i, &has_run);
		if (!has_run) {
			from = from != 0 ? from : line;
			to = line;
		}
		if (from == 0 || (!has_run && i < f->n_lines))
			continue;
		if (from == to)
			printf("  %s:%d: never ran\n", short_path(f->path),
			    from);
		else
			printf("  %s:%d-%d: never ran\n", short_path(f->path),
			    from, to);
		from = 0;
	}
}

static unsigned
percent(size_t part, size_t whole)
{
	return whole == 0 ? 100 : (unsigned)(part * 100 / whole);
}

static bool
tell_cover(const struct dg_cover_file *f, unsigned least)
{
	struct counts n = counts_of(f);
	bool is_low = percent(n.ran, n.lines) < least ||
	    percent(n.hit, n.rows) < least;

	printf("%s%s: %zu of %zu lines, %zu of %zu rows\n",
	    is_low ? "not ok - " : "", short_path(f->path), n.ran, n.lines,
	    n.hit, n.rows);
	print_missing_lines(f);
	for (const struct dg_row *r = f->rows; r != NULL; r = r->next)
		if (r->hits == 0)
			printf("  %s:%d: %s was never used\n",
			    short_path(f->path), r->line, r->what);
	return is_low;
}

static bool
is_known(const struct dg_cover *c, const char *path)
{
	char *real = realpath(path, NULL);
	const struct dg_cover_file *f = dg_cover_files(c);

	while (real != NULL && f != NULL && strcmp(f->path, real) != 0)
		f = f->next;
	free(real);
	return f != NULL;
}

static bool
is_below(const char *path, char *const *folders)
{
	for (; *folders != NULL; folders++) {
		size_t n = strlen(*folders);

		if (strncmp(path, *folders, n) == 0 && path[n] == '/')
			return true;
	}
	return false;
}

unsigned
dg_tell_coverage(const struct dg_cover *c, char *const *folders,
    char *const *others, unsigned least)
{
	unsigned low = 0;

	printf("\ncoverage:\n");
	for (const struct dg_cover_file *f = dg_cover_files(c); f != NULL;
	     f = f->next)
		if (is_below(f->path, folders))
			low += tell_cover(f, least);
	for (; *others != NULL; others++) {
		if (is_known(c, *others))
			continue;
		printf("%s%s: no test loads it\n", least > 0 ? "not ok - " : "",
		    *others);
		low += least > 0;
	}
	return low;
}
