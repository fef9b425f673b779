#ifndef DRAGOMAN_CORE_APP_POLICY_TEST_H
#define DRAGOMAN_CORE_APP_POLICY_TEST_H

#include "app.h"
#include "dragoman/policy/cover.h"

/* policy_test.h - `dragoman policy test` in three files: cmd_policy.c finds the
 * files, policy_run.c runs their cases, policy_tell.c says how that went. */

struct test_case {
	char *name;
	int line;    /* of its t.case */
	bool ok;
	double ms;   /* real ones, however far the clock jumped */
	char *text;  /* why not: "policy_test.lua:12: heard ..." */
	char *story; /* what both sides said, or "" */
};
struct test_file {
	char *path; /* as it was named */
	char *text; /* why no case could be run; NULL: they were */
	struct test_case *cases;
	size_t n, n_failed; /* n: those that were chosen */
	size_t n_all;
	double ms;
};

/* Runs the cases that o's patterns choose; cover may be NULL. */
void dg_test_file_run(struct test_file *t, const struct app_options *o,
    struct dg_cover *cover);
void dg_test_file_fini(struct test_file *t);

/* Result of a file, as it comes: its cases with -v, else those that failed. */
void dg_tell_file(const struct test_file *t, bool is_verbose);
/* False, and said: the file cannot be written. */
bool dg_tell_junit(const char *path, const struct test_file *v, size_t n);
/* Prints what never ran of the policies below those folders; others: files
 * there that may have been loaded or not.  Both NULL-ended.  Returns how many
 * are below the least percentage. */
unsigned dg_tell_coverage(const struct dg_cover *c, char *const *folders,
    char *const *others, unsigned least);

#endif
