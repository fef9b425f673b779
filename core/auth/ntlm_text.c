/* ntlm_text.c - how NTLM writes names and times.
 *
 * Why here: acceptor and initiator read what the other wrote, and one of them
 * taking OEM for another code page would be a login that fails for umlauts
 * only.
 */
#include "ntlm_text.h"

#include "dragoman/base/enc.h"
#include "oem.h"

/* From 1601 to 1970. */
#define EPOCH_MS INT64_C(11644473600000)

enum dg_rc
dg_ntlm_text_read(struct dg_buf *out, struct dg_str bytes, bool is_unicode)
{
	return is_unicode ? dg_utf16_read(out, bytes) : dg_oem_read(out, bytes);
}

enum dg_rc
dg_ntlm_text_add(struct dg_buf *out, struct dg_str utf8, bool is_unicode)
{
	return is_unicode ? dg_utf16_add(out, utf8) : dg_oem_add(out, utf8);
}

void
dg_ntlm_time_put(int64_t ms, uint8_t out[8])
{
	uint64_t ticks = (uint64_t)(ms + EPOCH_MS) * 10000;

	for (size_t i = 0; i < 8; i++)
		out[i] = (uint8_t)(ticks >> (8 * i) & 0xff);
}

int64_t
dg_ntlm_time_ms(struct dg_str eight)
{
	uint64_t ticks = 0;

	for (size_t i = 0; i < 8; i++)
		ticks |= (uint64_t)(uint8_t)eight.p[i] << (8 * i);
	return (int64_t)(ticks / 10000) - EPOCH_MS;
}
