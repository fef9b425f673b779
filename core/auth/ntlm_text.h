#ifndef CORE_AUTH_NTLM_TEXT_H
#define CORE_AUTH_NTLM_TEXT_H

#include "dragoman/base/buf.h"

/* ntlm_text.h - names in NTLM messages: UTF-16LE, or OEM without UNICODE. */

enum dg_rc dg_ntlm_text_read(struct dg_buf *out, struct dg_str bytes,
    bool is_unicode);
enum dg_rc dg_ntlm_text_add(struct dg_buf *out, struct dg_str utf8,
    bool is_unicode);
/* Milliseconds since 1970 to 100 ns since 1601, 8 bytes (and back). */
void dg_ntlm_time_put(int64_t ms, uint8_t out[8]);
int64_t dg_ntlm_time_ms(struct dg_str eight);

#endif
