/*
 * broken_test.c - every broken YAML of tests/vectors/config with exactly the
 * words beside it (*.err): a message is part of what we promise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "dragoman/config/config.h"

#define DIR_OF_VECTORS "tests/vectors/config"

static void
read_file(const char *path, struct dg_buf *out)
{
	FILE *f = fopen(path, "rb");
	size_t n;

	if (f == NULL)
		fail_msg("%s is missing", path);
	do {
		assert_int_equal(dg_buf_reserve(out, 4096), DG_OK);
		n = fread(out->p + out->n, 1, 4096, f);
		out->n += n;
	} while (n > 0);
	fclose(f);
}

/* The messages for a YAML, as if it lay in the current directory. */
static void
messages_for(const char *name, struct dg_str yaml, struct dg_buf *out)
{
	struct dg_errors errors;
	struct dg_config *c;

	dg_errors_init(&errors);
	c = dg_config_load_text(name, yaml, NULL, &errors);
	assert_null(c);
	assert_true(dg_errors_any(&errors));
	dg_errors_add_to(&errors, out);
	dg_errors_fini(&errors);
}

static void
every_broken_yaml_gets_its_words(void **state)
{
	struct dirent **names;
	int n = scandir(DIR_OF_VECTORS, &names, NULL, alphasort);
	unsigned yamls = 0, differ = 0;

	(void)state;
	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		struct dg_str name = dg_str(names[i]->d_name);
		struct dg_buf yaml, wanted, got;
		char path[600];

		if (dg_str_has_suffix(name, DG_STR(".yaml"))) {
			yamls++;
			dg_buf_init(&yaml, 1 << 20);
			dg_buf_init(&wanted, 1 << 20);
			dg_buf_init(&got, 1 << 20);
			snprintf(path, sizeof(path), DIR_OF_VECTORS "/%s",
			    name.p);
			read_file(path, &yaml);
			snprintf(path, sizeof(path), DIR_OF_VECTORS "/%.*serr",
			    (int)name.n - 4, name.p);
			read_file(path, &wanted);
			messages_for(name.p, dg_buf_str(&yaml), &got);
			if (strcmp(dg_buf_z(&got), dg_buf_z(&wanted)) != 0) {
				differ++;
				print_error("%s: wanted\n%sbut got\n%s", name.p,
				    dg_buf_z(&wanted), dg_buf_z(&got));
			}
			dg_buf_fini(&yaml);
			dg_buf_fini(&wanted);
			dg_buf_fini(&got);
		}
		free(names[i]);
	}
	free(names);
	assert_int_equal(differ, 0);
	assert_true(yamls >= 40);
}

/* Whatever is cut off, it is refused or taken, and nothing leaks. */
static void
a_yaml_cut_at_every_byte_does_no_harm(void **state)
{
	static const char yaml[] =
	    "listeners: { a: { address: \"0.0.0.0:25\" } }\n"
	    "spool:\n  path: /x\npolicy:\n  files:\n    - a.lua\n"
	    "vars: { \"k\": 'v', l: \"\\u00e9\" } # \xc3\xa9\n"
	    "hostname: mx.example\n";

	(void)state;
	for (size_t n = 0; n < sizeof(yaml); n++) {
		struct dg_errors errors;

		dg_errors_init(&errors);
		dg_config_free(dg_config_load_text("cut.yaml",
		    dg_str_of(yaml, n), NULL, &errors));
		dg_errors_fini(&errors);
	}
}

static void
too_much_is_refused_before_it_is_read(void **state)
{
	static const struct {
		const char *why, *piece, *error;
		size_t times;
	} cases[] = {
		{ "bytes", "# a comment line\n",
		    "big.yaml: larger than 1M: these cannot be settings\n",
		    70000 },
		{ "values", "- a\n",
		    "big.yaml:4096:3: too many values for one file\n", 5000 },
		{ "nested lists", "[",
		    "big.yaml:1:17: maps and lists are nested too deeply\n",
		    100000 },
		{ "nested maps", "{vars: ",
		    "big.yaml:1:15: vars.vars: expected a text, found a map\n"
		    "big.yaml:1:107: maps and lists are nested too deeply\n",
		    100000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dg_buf yaml, got;

		print_message("  %s\n", cases[i].why);
		dg_buf_init(&yaml, 4 << 20);
		dg_buf_init(&got, 1 << 20);
		for (size_t k = 0; k < cases[i].times; k++)
			(void)dg_buf_adds(&yaml, cases[i].piece);
		messages_for("big.yaml", dg_buf_str(&yaml), &got);
		assert_string_equal(dg_buf_z(&got), cases[i].error);
		dg_buf_fini(&yaml);
		dg_buf_fini(&got);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_broken_yaml_gets_its_words),
		cmocka_unit_test(a_yaml_cut_at_every_byte_does_no_harm),
		cmocka_unit_test(too_much_is_refused_before_it_is_read),
	};

	unsetenv("CREDENTIALS_DIRECTORY");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
