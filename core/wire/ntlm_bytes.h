#ifndef CORE_WIRE_NTLM_BYTES_H
#define CORE_WIRE_NTLM_BYTES_H

#include "dragoman/base/str.h"

/* ntlm_bytes.h - numbers as NTLM writes them: little-endian.  The caller has
 * checked that there are enough bytes. */

#define NTLM_SIGNATURE "NTLMSSP" /* 8 bytes: its zero byte belongs to it */

static inline uint16_t
ntlm_u16(struct dg_str m, size_t at)
{
	return (uint16_t)((uint8_t)m.p[at] | (uint8_t)m.p[at + 1] << 8);
}

static inline uint32_t
ntlm_u32(struct dg_str m, size_t at)
{
	return ntlm_u16(m, at) | (uint32_t)ntlm_u16(m, at + 2) << 16;
}

static inline void
ntlm_put16(char *to, size_t v)
{
	to[0] = (char)(v & 0xff);
	to[1] = (char)(v >> 8 & 0xff);
}

static inline void
ntlm_put32(char *to, uint32_t v)
{
	ntlm_put16(to, v);
	ntlm_put16(to + 2, v >> 16);
}

#endif
