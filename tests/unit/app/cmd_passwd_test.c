/*
 * cmd_passwd_test.c - dragoman passwd as it is run: arguments and standard
 * input in; exit code, what was said, and the file out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../core/app/commands.h"
#include "dragoman/base/str.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
/* NTOWF of "Password" and its LMOWF: MS-NLMP 4.2.2.1.2 and 4.2.2.1.1. */
#define NT "{nt}a4f49c406510bdcab6824ee7c30fd852"
#define LM "{lm}e52cac67419a9a224a3b108f3fa6cb6d"

static char dir[] = "/tmp/dragoman-passwd-XXXXXX";
static char file[64], said_file[64], input_file[64];

static void
write_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fputs(text, f) < 0, 0);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static const char *
read_file(const char *path)
{
	static char text[8192];
	FILE *f = fopen(path, "r");
	size_t n;

	if (f == NULL)
		return "(no file)";
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	return text;
}

/* Run with standard input and both outputs on files; words: NULL-ended. */
static int
run(const char *input, const char *const *words)
{
	char *argv[8] = { NULL };
	int argc = 0, code, saved[3];
	int in, out;

	argv[argc++] = dg_strdup("passwd");
	for (; words[argc - 1] != NULL; argc++)
		argv[argc] = dg_strdup(words[argc - 1]);
	write_file(input_file, input, 0600);
	in = open(input_file, O_RDONLY);
	out = open(said_file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	fflush(NULL);
	for (int i = 0; i < 3; i++) {
		saved[i] = dup(i);
		(void)dup2(i == 0 ? in : out, i);
	}
	code = dg_cmd_passwd(argc, argv);
	fflush(NULL);
	for (int i = 0; i < 3; i++) {
		(void)dup2(saved[i], i);
		close(saved[i]);
	}
	close(in);
	close(out);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
	return code;
}
#define RUN(input, ...) \
	run(input, (const char *const[]){ file, __VA_ARGS__, NULL })

static void
assert_said(const char *words)
{
	char *wanted = dg_sprintf("%s: %s\n", file, words);

	assert_string_equal(read_file(said_file), wanted);
	free(wanted);
}

static int
start(void **state)
{
	(void)state;
	(void)unlink(file);
	return 0;
}

/* Salts are random: the key is looked at, and left out of what is compared. */
static const char *
without_key(const char *text)
{
	static char out[4096];
	const char *key = strstr(text, ":{scram-sha-256}15000,");
	size_t n = key != NULL ? (size_t)(key - text) : 0;

	assert_non_null(key);
	assert_int_equal(strcspn(key, "\n"), 22 + 24 + 1 + 44 + 1 + 44);
	snprintf(out, sizeof(out), "%.*s%s", (int)n, text,
	    key + strcspn(key, "\n"));
	return out;
}

static void
add_makes_a_file_that_only_we_can_read(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(RUN("Password\n", "add", "svc"), 0);
	assert_said("added \"svc\"");
	assert_string_equal(without_key(read_file(file)), "svc:" NT "\n");
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void
add_replaces_a_line_and_keeps_the_rest(void **state)
{
	struct stat st;

	(void)state;
	write_file(file,
	    "# who may log in\n\n"
	    "other:{nt}00112233445566778899aabbccddeeff\n"
	    "Svc:{nt}00000000000000000000000000000000\n"
	    "# the end",
	    0400);
	assert_int_equal(RUN("Password", "add", "sVC"), 0);
	assert_said("replaced \"sVC\"");
	assert_string_equal(without_key(read_file(file)),
	    "# who may log in\n\n"
	    "other:{nt}00112233445566778899aabbccddeeff\n"
	    "sVC:" NT "\n"
	    "# the end\n");
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0400);
}

static void
lm_is_stored_on_demand_only(void **state)
{
	(void)state;
	assert_int_equal(RUN("Password\n", "add", "old", "--lm"), 0);
	assert_string_equal(without_key(read_file(file)),
	    "old:" NT ":" LM "\n");
	assert_int_equal(RUN("longer than fourteen\n", "add", "new", "--lm"),
	    2);
	assert_non_null(strstr(read_file(said_file), "LM"));
	assert_string_equal(without_key(read_file(file)),
	    "old:" NT ":" LM "\n");
}

static void
remove_takes_one_line_away(void **state)
{
	(void)state;
	write_file(file, "# a\na:" NT "\nb:" NT "\n", 0600);
	assert_int_equal(RUN("", "remove", "A"), 0);
	assert_said("removed \"A\"");
	assert_string_equal(read_file(file), "# a\nb:" NT "\n");
	assert_int_equal(RUN("", "remove", "a"), 1);
	assert_said("no user \"a\"");
	assert_int_equal(RUN("", "remove", "b"), 0);
	assert_string_equal(read_file(file), "# a\n");
}

static void
list_names_in_file_order(void **state)
{
	(void)state;
	write_file(file, "zoe:" NT "\n# x\nadam:" NT ":" LM "\n", 0600);
	assert_int_equal(RUN("", "list"), 0);
	assert_string_equal(read_file(said_file), "zoe\nadam\n");
}

static void
verify_says_right_or_wrong(void **state)
{
	(void)state;
	write_file(file, "service:" NT "\n", 0600);
	assert_int_equal(RUN("Password\n", "verify", "Service"), 0);
	assert_said("the password of \"Service\" is right");
	assert_int_equal(RUN("password\n", "verify", "service"), 1);
	assert_said("the password of \"service\" is wrong");
	assert_int_equal(RUN("Password\n", "verify", "servcie"), 1);
	assert_said("no user \"servcie\"; did you mean \"service\"?");
}

static void
a_wrong_file_is_named_by_line_and_left_alone(void **state)
{
	static const char text[] = "a:" NT "\nb\nc:{nt}12\n";
	char wanted[80];

	(void)state;
	write_file(file, text, 0600);
	assert_int_equal(RUN("Password\n", "add", "a"), 2);
	snprintf(wanted, sizeof(wanted), "%s:2:", file);
	assert_non_null(strstr(read_file(said_file), wanted));
	snprintf(wanted, sizeof(wanted), "%s:3:", file);
	assert_non_null(strstr(read_file(said_file), wanted));
	assert_string_equal(read_file(file), text);
}

static void
a_file_that_others_read_is_refused(void **state)
{
	(void)state;
	write_file(file, "a:" NT "\n", 0644);
	assert_int_equal(RUN("", "list"), 2);
	assert_non_null(strstr(read_file(said_file), "chmod 600"));
}

static const struct {
	const char *why, *input, *words[5];
} refused[] = {
	{ "no action", "", { NULL } },
	{ "unknown action", "", { "ad", "a" } },
	{ "no user", "", { "add" } },
	{ "list takes none", "", { "list", "a" } },
	{ "the password as an argument", "x\n", { "add", "a", "x" } },
	{ "unknown option", "x\n", { "add", "a", "--ml" } },
	{ "--lm is for add", "x\n", { "verify", "a", "--lm" } },
	{ "empty name", "x\n", { "add", "" } },
	{ "with its domain", "x\n", { "add", "HQ\\a" } },
	{ "with its domain behind", "x\n", { "add", "a@hq.example" } },
	{ "a colon", "x\n", { "add", "a:b" } },
	{ "a comment", "x\n", { "add", "#a" } },
	{ "blanks around", "x\n", { "add", " a" } },
	{ "two lines", "x\n", { "add", "a\nb" } },
	{ "not UTF-8", "x\n", { "add", "\xff" } },
	{ "no password", "", { "add", "a" } },
	{ "an empty one", "\n", { "add", "a" } },
	{ "a line end of another system", "x\r\n", { "add", "a" } },
	{ "password not UTF-8", "\xff\n", { "add", "a" } },
	{ "nothing to remove from", "", { "remove", "a" } },
};

static void
what_cannot_be_meant_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(refused); i++) {
		const char *words[7] = { file };

		for (size_t k = 0; refused[i].words[k] != NULL; k++)
			words[k + 1] = refused[i].words[k];
		print_message("  %s\n", refused[i].why);
		assert_int_equal(run(refused[i].input, words), 2);
		assert_true(strlen(read_file(said_file)) > 10);
		assert_string_equal(read_file(file), "(no file)");
	}
}

static void
what_is_stored_can_be_chosen(void **state)
{
	(void)state;
	assert_int_equal(RUN("Password\n", "add", "a", "--no-nt",
			     "--scram-sha-1"),
	    0);
	assert_null(strstr(read_file(file), "{nt}"));
	assert_non_null(strstr(read_file(file), ":{scram-sha-1}15000,"));
	assert_int_equal(strncmp(read_file(file), "a:{scram-sha-256}15000,",
			     23),
	    0);
	assert_int_equal(RUN("Password\n", "verify", "a"), 0);
	assert_int_equal(RUN("password\n", "verify", "a"), 1);
	assert_int_equal(RUN("Password\n", "add", "a", "--no-nt", "--lm"), 2);
	assert_int_equal(RUN("Password\n", "verify", "a", "--no-nt"), 2);
}

static void
a_link_leads_to_the_file_that_is_replaced(void **state)
{
	char target[80];
	struct stat st;

	(void)state;
	snprintf(target, sizeof(target), "%s/target", dir);
	write_file(target, "", 0600);
	assert_int_equal(symlink(target, file), 0);
	assert_int_equal(RUN("Password\n", "add", "a"), 0);
	assert_int_equal(lstat(file, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_string_equal(without_key(read_file(target)), "a:" NT "\n");
	(void)unlink(target);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(add_makes_a_file_that_only_we_can_read,
		    start),
		cmocka_unit_test_setup(add_replaces_a_line_and_keeps_the_rest,
		    start),
		cmocka_unit_test_setup(lm_is_stored_on_demand_only, start),
		cmocka_unit_test_setup(what_is_stored_can_be_chosen, start),
		cmocka_unit_test_setup(remove_takes_one_line_away, start),
		cmocka_unit_test_setup(list_names_in_file_order, start),
		cmocka_unit_test_setup(verify_says_right_or_wrong, start),
		cmocka_unit_test_setup(
		    a_wrong_file_is_named_by_line_and_left_alone, start),
		cmocka_unit_test_setup(a_file_that_others_read_is_refused,
		    start),
		cmocka_unit_test_setup(what_cannot_be_meant_is_refused, start),
		cmocka_unit_test_setup(
		    a_link_leads_to_the_file_that_is_replaced, start),
	};
	int failed;

	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(file, sizeof(file), "%s/users", dir);
	snprintf(said_file, sizeof(said_file), "%s/said", dir);
	snprintf(input_file, sizeof(input_file), "%s/input", dir);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink(file);
	(void)unlink(said_file);
	(void)unlink(input_file);
	(void)rmdir(dir);
	return failed;
}
