#ifndef DRAGOMAN_CORE_WIRE_HEADER_FROM_H
#define DRAGOMAN_CORE_WIRE_HEADER_FROM_H

#include "dragoman/base/str.h"

/*
 * header_from.h - what a From field says, as far as its address can be replaced
 * (RFC 5322 3.4, RFC 6854).  Private to wire.
 */
struct header_from {
	struct dg_str display; /* of the first mailbox or group, as written */
	bool display_has_at;   /* it is no phrase, though people write that */
	struct dg_str comment; /* "(Joe)" behind an address without display */
	bool has_address;      /* somebody could be written to */
};

/* value as dg_header_next gives it.  False: it cannot be read. */
bool dg_header_from_read(struct dg_str value, struct header_from *out);

#endif
