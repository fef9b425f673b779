/*
 * options.c - the options all subcommands share, read the same way everywhere.
 */
#include "app.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool
is_allowed(const char *word, const char *const *allowed)
{
	return allowed != NULL && dg_is_one_of(word, allowed);
}

static bool
wrong(const char *word, const char *const *allowed)
{
	const char *known[16] = { "-c", "--set" };
	const char *near;
	size_t n = 2;

	for (; allowed != NULL && *allowed != NULL && n < 15; allowed++)
		known[n++] = *allowed;
	near = dg_did_you_mean(dg_str(word), known);
	fprintf(stderr, "dragoman: unknown option %s%s%s%s\n", word,
	    near != NULL ? "; did you mean " : "", near != NULL ? near : "",
	    near != NULL ? "?" : "");
	return false;
}

static bool
needs_value(const char *word)
{
	fprintf(stderr, "dragoman: %s needs a value%s\n", word,
	    strcmp(word, "--set") == 0 ? ", as in --set vars.hq=10.0.0.5:25"
				       : "");
	return false;
}

static bool
read_coverage(const char *percent, struct app_options *out)
{
	uint64_t n;

	out->has_coverage = true;
	if (percent == NULL)
		return true;
	if (!dg_str_u64(dg_str(percent), &n) || n > 100) {
		fprintf(stderr, "dragoman: --coverage takes a number from 0 to "
		    "100, not \"%s\"\n", percent);
		return false;
	}
	out->coverage = (unsigned)n;
	return true;
}

/* Those that take no value, or theirs behind a "=". */
static bool
read_flag(const char *w, struct app_options *out)
{
	if (strcmp(w, "--print") == 0)
		out->has_print = true;
	else if (strcmp(w, "--json") == 0)
		out->has_json = true;
	else if (strcmp(w, "--document") == 0)
		out->has_document = true;
	else if (strcmp(w, "--probe") == 0)
		out->has_probe = true;
	else if (strcmp(w, "--strict") == 0)
		out->has_strict = true;
	else if (strcmp(w, "-v") == 0)
		out->is_verbose = true;
	else if (strcmp(w, "--coverage") == 0)
		return read_coverage(NULL, out);
	return true;
}

/* "--set=x": what stands behind the "="; NULL: another word. */
static const char *
behind(const char *w, const char *option)
{
	size_t n = strlen(option);

	return strncmp(w, option, n) == 0 && w[n] == '=' ? w + n + 1 : NULL;
}

bool
dg_app_options_read(int argc, char **argv, const char *const *allowed,
    struct app_options *out)
{
	size_t room = (size_t)(argc + 1) * sizeof(char *);

	*out = (struct app_options){ .config = "dragoman.yaml" };
	out->sets = dg_alloc0(room);
	out->words = dg_alloc0(room);
	out->patterns = dg_alloc0(room);
	for (int i = 1; i < argc; i++) {
		const char *w = argv[i];

		if (strcmp(w, "-c") == 0 || strcmp(w, "--config") == 0) {
			if (++i >= argc)
				return needs_value(w);
			out->config = argv[i];
			out->has_config = true;
		} else if (strcmp(w, "--set") == 0) {
			if (++i >= argc)
				return needs_value(w);
			out->sets[out->n_sets++] = argv[i];
		} else if (behind(w, "--set") != NULL) {
			out->sets[out->n_sets++] = behind(w, "--set");
		} else if (strcmp(w, "-k") == 0 && is_allowed(w, allowed)) {
			if (++i >= argc)
				return needs_value(w);
			out->patterns[out->n_patterns++] = argv[i];
		} else if (strcmp(w, "--junit") == 0 &&
		    is_allowed(w, allowed)) {
			if (++i >= argc)
				return needs_value(w);
			out->junit = argv[i];
		} else if (behind(w, "--junit") != NULL &&
		    is_allowed("--junit", allowed)) {
			out->junit = behind(w, "--junit");
		} else if (behind(w, "--coverage") != NULL &&
		    is_allowed("--coverage", allowed)) {
			if (!read_coverage(behind(w, "--coverage"), out))
				return false;
		} else if (is_allowed(w, allowed)) {
			if (!read_flag(w, out))
				return false;
		} else if (w[0] == '-' && w[1] != '\0') {
			return wrong(w, allowed);
		} else {
			out->words[out->n_words++] = w;
		}
	}
	return true;
}

void
dg_app_options_fini(struct app_options *o)
{
	free(o->sets);
	free(o->words);
	free(o->patterns);
	o->sets = o->words = o->patterns = NULL;
}

const char *const *
dg_app_ready_dirs(void)
{
	static char dirs[3][4096];
	static const char *list[4];
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	size_t k = 0;

	if (list[0] != NULL)
		return list;
	exe[n > 0 ? n : 0] = '\0';
	/* PREFIX/bin/dragoman, build/dragoman, build/asan/dragoman */
	for (int up = 0; up < 3; up++) {
		char *slash = strrchr(exe, '/');

		if (slash == NULL)
			break;
		*slash = '\0';
		if (up == 0)
			continue;
		snprintf(dirs[k], sizeof(dirs[k]), "%.*s/policies", 4000, exe);
		list[k] = dirs[k];
		k++;
	}
	snprintf(dirs[k], sizeof(dirs[k]), "%s/share/dragoman/policies",
	    DG_PREFIX);
	list[k] = dirs[k];
	return list;
}
