#ifndef DRAGOMAN_BASE_RAND_H
#define DRAGOMAN_BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

/* rand.h - unguessable bytes (getrandom(2)); aborts if there are none. */
void dg_rand(void *p, size_t n);
uint64_t dg_rand_u64(void);
/* 0 .. bound-1 */
uint32_t dg_rand_below(uint32_t bound);

#endif
