/* clock.c - wall time and a clock that never goes back.
 *
 * Why both move together when a test jumps: deadlines are kept on the second,
 * retry times on the first, and "five days later" must mean it for both.  The
 * offset is process-wide on purpose: every thread lives at the same time.
 */
#include "dragoman/base/clock.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic int64_t jumped_ms;

static int64_t
read_ms(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 +
	    atomic_load_explicit(&jumped_ms, memory_order_relaxed);
}

int64_t
dg_now_ms(void)
{
	return read_ms(CLOCK_REALTIME);
}

int64_t
dg_mono_ms(void)
{
	return read_ms(CLOCK_MONOTONIC);
}

void
dg_clock_jump(int64_t ms)
{
	atomic_fetch_add(&jumped_ms, ms);
}
