#ifndef DRAGOMAN_CORE_APP_SAY_H
#define DRAGOMAN_CORE_APP_SAY_H

#include "dragoman/base/buf.h"

/*
 * say.h - text of strangers (addresses, replies, headers) as an operator may
 * read it: whatever is in it, a terminal obeys none of it.
 */

/* Control characters and bytes that are no UTF-8 as \xNN. */
void dg_say(struct dg_buf *out, struct dg_str s);
/* As a JSON string, quotes included; bytes that are no UTF-8 count as Latin-1,
 * so that any program can read it. */
void dg_say_json(struct dg_buf *out, struct dg_str s);
/* "45s" "12m" "2h5m" "3d4h": rounded to what a person asks for. */
void dg_say_span(int64_t ms, char out[24]);
/* "4321" "12k" "1.5M" */
void dg_say_size(uint64_t n, char out[24]);
/* "2025-11-25 14:03" of the machine's own time */
void dg_say_time(int64_t ms, char out[24]);

#endif
