#ifndef CORE_AUTH_CHALLENGES_H
#define CORE_AUTH_CHALLENGES_H

#include "dragoman/auth/dialogue.h"

/* challenges.h - what the mechanisms do with the table; c may be NULL. */
void dg_challenges_put(struct dg_challenges *c, const uint8_t challenge[8]);
/* Absent: no-op. */
void dg_challenges_drop(struct dg_challenges *c, const uint8_t challenge[8]);
bool dg_challenges_has(struct dg_challenges *c, const uint8_t challenge[8]);

#endif
