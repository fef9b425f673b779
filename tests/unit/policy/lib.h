#ifndef TESTS_UNIT_POLICY_LIB_H
#define TESTS_UNIT_POLICY_LIB_H

/* lib.h - what the tests of the libraries share: bodies of a hook, each run
 * with all libraries allowed and a host behind it, that assert in Lua. */
#include "help.h"

#include "core/policy/vm.h"
#include "dragoman/base/clock.h"
#include "dragoman/policy/host.h"
#include "dragoman/policy/library.h"
#include "dragoman/policy/shared.h"

struct lib_case {
	const char *why, *body;
	const char *error; /* what it must end with, or NULL: well */
};

static inline struct dg_policy_options
lib_options(void)
{
	static struct dg_policy_allow allow[32];
	struct dg_policy_options o = options(NULL);

	o.allow = allow;
	for (const char *const *l = dg_library_names(); *l != NULL; l++)
		allow[o.n_allow++] = (struct dg_policy_allow){ .name = *l };
	o.memory_max = 32 * 1024 * 1024;
	return o;
}

/* A state whose hook number 1 is the body; *p to free after it. */
static inline struct dg_policy_state *
lib_state(const char *body, struct dg_policy_host *host,
    struct dg_policy **p)
{
	char *text = dg_sprintf(
	    "local d = require 'dragoman'\n"
	    "local function eq(a, b) if a ~= b then error(('%%q is not "
	    "%%q'):format(a, b), 2) end end\n"
	    "d.on.report = function(q)\n%s\nend\nreturn eq\n",
	    body);
	struct dg_policy_state *s;
	struct dg_errors errors;
	struct dg_buf out;

	dg_buf_init(&out, 10000);
	*p = load_text_as(lib_options(), text, &out);
	if (*p == NULL)
		fail_msg("%s", dg_buf_z(&out));
	dg_errors_init(&errors);
	s = dg_policy_state_new(*p, &errors);
	assert_non_null(s);
	dg_errors_fini(&errors);
	dg_buf_fini(&out);
	dg_policy_state_attach(s, host);
	free(text);
	return s;
}

static inline void
lib_run(const struct lib_case *c, struct dg_policy_host *host)
{
	struct dg_policy_state *s;
	struct dg_err e = { 0 };
	struct dg_policy *p;
	enum dg_rc rc;

	print_message("  %s\n", c->why);
	s = lib_state(c->body, host, &p);
	for (int again = 0; again < 2; again++) {
		dg_vm_push_hook(s->vm.L, 1);
		rc = dg_vm_run(&s->vm, s->vm.L, 0, 5 * 1000 * 1000, &e);
		if (c->error == NULL && rc != DG_OK)
			fail_msg("%s", e.text);
		if (c->error != NULL && rc == DG_OK)
			fail_msg("ended well");
		if (c->error == NULL)
			break;
		if (strstr(e.text, c->error) == NULL)
			fail_msg("%s", e.text);
		assert_memory_equal(e.text, "policy.lua:", 11);
		/* whatever it left to the collector goes */
		lua_gc(s->vm.L, LUA_GCCOLLECT, 0);
	}
	dg_policy_state_free(s);
	dg_policy_free(p);
}

#define LIB_RUN(cases, host) \
	do { \
		for (size_t i_ = 0; i_ < sizeof(cases) / sizeof((cases)[0]); \
		     i_++) \
			lib_run(&(cases)[i_], host); \
	} while (0)

#endif
