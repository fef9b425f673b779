/* load_test.c - policies that administrators write: good ones load, and each
 * mistake is told where it stands.
 *
 * tests/vectors/policy/NAME.lua is loaded; NAME.err holds the messages, word
 * for word; no NAME.err: it must load without a word. */
#include "help.h"

#include <dirent.h>

static char *
read_whole(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = dg_alloc0(100000);

	if (f == NULL) {
		free(text);
		return NULL;
	}
	(void)!fread(text, 1, 99999, f);
	fclose(f);
	return text;
}

static bool
check_vector(const char *lua, const char *err)
{
	const char *files[] = { lua, NULL };
	struct dg_policy_options o = options(files);
	char *want = read_whole(err);
	struct dg_errors errors;
	struct dg_policy *p;
	struct dg_buf out;
	bool ok;

	dg_errors_init(&errors);
	dg_buf_init(&out, 100000);
	p = dg_policy_load(&o, &errors);
	if (p != NULL) {
		struct dg_policy_state *s = dg_policy_state_new(p, &errors);

		dg_policy_state_free(s);
	}
	dg_errors_add_to(&errors, &out);
	ok = strcmp(dg_buf_z(&out), want != NULL ? want : "") == 0 &&
	     (p != NULL) == !dg_errors_any(&errors);
	if (!ok)
		/* cmocka's own would cut it */
		printf("--- %s: wanted\n%s--- got\n%s--- end\n", lua,
		    want != NULL ? want : "", dg_buf_z(&out));
	dg_policy_free(p);
	dg_buf_fini(&out);
	dg_errors_fini(&errors);
	free(want);
	return ok;
}

static void
each_policy_is_told_what_its_err_file_says(void **state)
{
	DIR *dir = opendir("tests/vectors/policy");
	struct dirent *e;
	int n = 0, wrong = 0;

	(void)state;
	assert_non_null(dir);
	while ((e = readdir(dir)) != NULL) {
		struct dg_str name = dg_str(e->d_name);
		char *lua, *err;

		if (!dg_str_has_suffix(name, DG_STR(".lua")))
			continue;
		lua = dg_sprintf("tests/vectors/policy/%s", e->d_name);
		err = dg_sprintf("tests/vectors/policy/%.*s.err",
		    (int)name.n - 4, name.p);
		wrong += !check_vector(lua, err);
		n++;
		free(lua);
		free(err);
	}
	closedir(dir);
	print_message("  %d policies\n", n);
	assert_true(n > 180);
	assert_int_equal(wrong, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_policy_is_told_what_its_err_file_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
