#ifndef CORE_BASE_UTF8_H
#define CORE_BASE_UTF8_H

#include "dragoman/base/str.h"

/* utf8.h - one character at a time (RFC 3629), for enc.c and log.c. */

/* The length of the character at s.p[at] and its number in *code; 0 when the
 * bytes there are no character: overlong, surrogate, cut or past U+10FFFF. */
size_t dg_utf8_at(struct dg_str s, size_t at, uint32_t *code);
/* Writes 1 to 4 bytes; returns how many. */
size_t dg_utf8_put(char out[4], uint32_t code);

#endif
