/* fault_test.c - faults strike where and when they are told to. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "dragoman/base/fault.h"

/* The environment is read once: so each try is a child.  Bit i of the result:
 * the i-th call struck; -1: it was killed. */
static int
strikes(const char *environment, const char *point)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		int bits = 0;

		setenv("DRAGOMAN_FAULT", environment, 1);
		for (int i = 0; i < 5; i++)
			bits |= (int)dg_fault(point) << i;
		_exit(bits);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGKILL);
		return -1;
	}
	return WEXITSTATUS(status);
}

static void
faults_strike_when_told_in_builds_that_have_them(void **state)
{
	static const struct {
		const char *why, *environment;
		int struck;
	} cases[] = {
		{ "nothing asked", "", 0 },
		{ "the third", "spool.sync:3", 1 << 2 },
		{ "from the third on", "spool.sync:3+", 7 << 2 },
		{ "another point", "spool.commit:3", 0 },
		{ "a longer name", "spool.sync2:1,spool.syn:1", 0 },
		{ "two of several", "a:1,spool.sync:1,spool.sync:5,b:2!",
		    1 | 1 << 4 },
		{ "killed at the fifth", "spool.sync:5!", -1 },
		{ "killed too late to see", "spool.sync:6!", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("  %s\n", cases[i].why);
#ifdef DG_FAULTS
		assert_int_equal(strikes(cases[i].environment, "spool.sync"),
		    cases[i].struck);
#else
		assert_int_equal(strikes(cases[i].environment, "spool.sync"),
		    0);
#endif
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults_strike_when_told_in_builds_that_have_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
