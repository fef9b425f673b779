#ifndef CORE_AUTH_OEM_H
#define CORE_AUTH_OEM_H

#include "dragoman/base/buf.h"

/* oem.h - text in the character set of a DOS machine (code page 850). */

/* DG_E_PROTO, and out as it was: a character that the code page lacks. */
enum dg_rc dg_oem_add(struct dg_buf *out, struct dg_str utf8);
/* DG_E_PROTO: a zero byte. */
enum dg_rc dg_oem_read(struct dg_buf *out, struct dg_str oem);
/* What a device sends as a name or password: UTF-8, or else Latin-1.
 * DG_E_PROTO: a zero byte. */
enum dg_rc dg_latin1_read(struct dg_buf *out, struct dg_str text);

#endif
