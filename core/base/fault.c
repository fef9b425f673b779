/* fault.c - make the n-th sync fail, or die at the n-th commit.
 *
 * Why named points and counts: a test that says "the power goes at the fifth
 * commit" must be repeatable, so nothing here is random.  The environment is
 * read once.  A specification that cannot be read stops the process: a crash
 * test that silently tests nothing would be worse.
 */
#include "dragoman/base/fault.h"

#ifdef DG_FAULTS
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "dragoman/base/log.h"

#define POINTS_MAX 16

enum point_mode { POINT_ONCE, POINT_ONWARDS, POINT_KILL };

static struct point {
	struct dg_str name; /* in the environment: lives as long as we */
	uint64_t at;        /* counted from 1 */
	enum point_mode mode;
	_Atomic uint64_t seen;
} points[POINTS_MAX];
static size_t n_points;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* "spool.sync:3+" */
static bool
read_point(struct dg_str s, struct point *p)
{
	size_t colon = dg_str_find(s, ':');
	struct dg_str at = dg_str_from(s, colon + 1);

	p->name = dg_str_sub(s, 0, colon);
	if (dg_str_has_suffix(at, DG_STR("+")))
		p->mode = POINT_ONWARDS;
	else if (dg_str_has_suffix(at, DG_STR("!")))
		p->mode = POINT_KILL;
	if (p->mode != POINT_ONCE)
		at.n--;
	return p->name.n > 0 && dg_str_u64(at, &p->at) && p->at > 0;
}

static void
read_environment(void)
{
	struct dg_str rest = dg_str(getenv("DRAGOMAN_FAULT"));

	while (rest.n > 0) {
		size_t comma = dg_str_find(rest, ',');
		struct dg_str s = dg_str_sub(rest, 0, comma);

		if (n_points == POINTS_MAX ||
		    !read_point(s, &points[n_points])) {
			dg_log(DG_LOG_ERROR, "bad-fault", dg_kv_s("fault", s));
			abort();
		}
		n_points++;
		rest = dg_str_from(rest, comma + 1);
	}
}

static bool
strikes(struct point *p)
{
	uint64_t nth = atomic_fetch_add(&p->seen, 1) + 1;

	if (p->mode == POINT_ONWARDS)
		return nth >= p->at;
	if (p->mode == POINT_KILL && nth == p->at)
		kill(getpid(), SIGKILL);
	return nth == p->at;
}

bool
dg_fault(const char *point)
{
	bool hit = false;

	pthread_once(&once, read_environment);
	for (size_t i = 0; i < n_points; i++) {
		if (dg_str_is(points[i].name, point))
			hit |= strikes(&points[i]);
	}
	return hit;
}
#else
/* A release has no fault points; C wants something in each file. */
typedef int dg_fault_is_compiled_out;
#endif
