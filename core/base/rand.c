/* rand.c - bytes nobody can guess: challenges, message names, jitter.
 *
 * Why the kernel at each call: no state to seed, to fork or to leak.  A machine
 * that cannot give randomness cannot make an NTLM challenge either; going on
 * with guessable ones would be worse than stopping.
 */
#include "dragoman/base/rand.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "dragoman/base/log.h"

void
dg_rand(void *p, size_t n)
{
	unsigned char *at = p;

	while (n > 0) {
		ssize_t got = getrandom(at, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			dg_log(DG_LOG_ERROR, "no-randomness",
			    dg_kv_i("errno", errno));
			abort();
		}
		at += got;
		n -= (size_t)got;
	}
}

uint64_t
dg_rand_u64(void)
{
	uint64_t v;

	dg_rand(&v, sizeof(v));
	return v;
}

/* Draws again when in the part of the range that would favour small values. */
uint32_t
dg_rand_below(uint32_t bound)
{
	uint32_t v;

	assert(bound > 0);
	uint32_t biased = -bound % bound; /* 2^32 mod bound */
	do
		dg_rand(&v, sizeof(v));
	while (v < biased);
	return v % bound;
}
