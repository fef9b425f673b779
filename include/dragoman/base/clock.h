#ifndef DRAGOMAN_BASE_CLOCK_H
#define DRAGOMAN_BASE_CLOCK_H

#include <stdint.h>

/* clock.h - what time it is, for the program and for tests that jump. */

/* Milliseconds since 1970, and since some start (never goes back). */
int64_t dg_now_ms(void);
int64_t dg_mono_ms(void);
/* Tests only: move both clocks by ms from now on (process-wide, atomic). */
void dg_clock_jump(int64_t ms);

#endif
