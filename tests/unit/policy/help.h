#ifndef TESTS_UNIT_POLICY_HELP_H
#define TESTS_UNIT_POLICY_HELP_H

/* help.h - what the tests of the loading half share: a dragoman.yaml's worth of
 * names, and policies given as text. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dragoman/policy/policy.h"

static const char *const ready_dirs[] = { "policies", NULL };
static const struct dg_policy_name listeners[] = { { .name = "ims" },
	{ .name = "lan" } };
static const struct dg_policy_name vars[] = {
	{ .name = "hq", .value = "10.0.0.5:25" },
	{ .name = "branch", .value = "10.1.0.5:25" },
	{ .name = "hq_domain", .value = "hq.example" },
	{ .name = "branch_domain", .value = "branch.example" },
	{ .name = "hq_network", .value = "10.0.0.0/24" },
	{ .name = "branch_network", .value = "10.1.0.0/24" },
};
static const struct dg_policy_name users[] = { { .name = "ims" },
	{ .name = "devices" } };
static const struct dg_policy_name secrets[] = { { .name = "hq-service" },
	{ .name = "branch-service" }, { .name = "partner" } };

static inline struct dg_policy_options
options(const char *const *files)
{
	return (struct dg_policy_options){
		.files = files,
		.ready_dirs = ready_dirs,
		.vars = vars,
		.n_vars = sizeof(vars) / sizeof(vars[0]),
		.users = users,
		.n_users = sizeof(users) / sizeof(users[0]),
		.secrets = secrets,
		.n_secrets = sizeof(secrets) / sizeof(secrets[0]),
		.listeners = listeners,
		.n_listeners = sizeof(listeners) / sizeof(listeners[0]),
		.memory_max = 64 * 1024 * 1024,
		.budget[DG_Q_ROUTE].instructions = 1000 * 1000,
		.load_instructions = 10 * 1000 * 1000,
	};
}

/* Write text to a new file, load it, and remove it; out gets the errors. */
static inline struct dg_policy *
load_text_as(struct dg_policy_options o, const char *text, struct dg_buf *out)
{
	char folder[] = "/tmp/dragoman-policy-XXXXXX", path[64];
	const char *files[] = { path, NULL };
	struct dg_errors errors;
	struct dg_policy *p;
	FILE *f;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/policy.lua", folder);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	o.files = files;
	dg_errors_init(&errors);
	p = dg_policy_load(&o, &errors);
	dg_errors_add_to(&errors, out);
	dg_errors_fini(&errors);
	unlink(path);
	rmdir(folder);
	return p;
}

static inline struct dg_policy *
load_text(const char *text, struct dg_buf *out)
{
	return load_text_as(options(NULL), text, out);
}

/* One that must load. */
static inline struct dg_policy *
good(const char *text)
{
	struct dg_buf out;
	struct dg_policy *p;

	dg_buf_init(&out, 100000);
	p = load_text(text, &out);
	if (p == NULL)
		fail_msg("%s", dg_buf_z(&out));
	dg_buf_fini(&out);
	return p;
}

#endif
