#ifndef DRAGOMAN_BASE_FAULT_H
#define DRAGOMAN_BASE_FAULT_H

#include <stdbool.h>

/*
 * fault.h - named places where tests make things go wrong.
 *
 * dg_fault("spool.sync") is false unless DRAGOMAN_FAULT names the point:
 *	DRAGOMAN_FAULT=spool.sync:3      fails the third time
 *	DRAGOMAN_FAULT=spool.sync:3+     the third and every later time
 *	DRAGOMAN_FAULT=spool.commit:5!   kill -9 ourselves at the fifth
 * Several, separated by commas.  Compiled out unless DG_FAULTS is defined:
 * a release has no such points.
 */
#ifdef DG_FAULTS
bool dg_fault(const char *point);
#else
static inline bool
dg_fault(const char *point)
{
	(void)point;
	return false;
}
#endif

#endif
