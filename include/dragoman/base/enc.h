#ifndef DRAGOMAN_BASE_ENC_H
#define DRAGOMAN_BASE_ENC_H

#include "dragoman/base/buf.h"

/* enc.h - base64 (RFC 4648 4), hex, UTF-16LE. */

/* Append the padded base64 of s, in one line. */
enum dg_rc dg_base64_add(struct dg_buf *out, struct dg_str s);
/* Append what `s` says.  Strict: alphabet, padding, no blanks; DG_E_PROTO
 * otherwise (501 5.5.2).  Leaves out as it was on failure. */
enum dg_rc dg_base64_read(struct dg_buf *out, struct dg_str s);
/* Lower-case hex; and back (even count, either case). */
enum dg_rc dg_hex_add(struct dg_buf *out, struct dg_str s);
enum dg_rc dg_hex_read(struct dg_buf *out, struct dg_str s);
/* UTF-8 to UTF-16LE (surrogate pairs above U+FFFF); DG_E_PROTO on bad UTF-8. */
enum dg_rc dg_utf16_add(struct dg_buf *out, struct dg_str utf8);
/* UTF-16LE to UTF-8; DG_E_PROTO on odd length, lone surrogates, U+0000. */
enum dg_rc dg_utf16_read(struct dg_buf *out, struct dg_str utf16);
bool dg_utf8_is_valid(struct dg_str s);
/* Upper case one to one (NTLM: the account's name), over UTF-8 text: ASCII,
 * Latin-1, Latin Extended-A, Greek, Cyrillic; sharp s stays (MS-NLMP 3.3.2). */
enum dg_rc dg_upper_add(struct dg_buf *out, struct dg_str utf8);

#endif
