/*
 * binding.c - what ties a login to the TLS connection that it runs in: net
 * knows the bytes, auth what they are for.
 */
#include "relay_state.h"

static struct dg_str
bytes_of(const struct dg_conn *c, enum dg_conn_binding kind,
    uint8_t room[DG_CONN_BINDING_MAX])
{
	return dg_str_of(room, dg_conn_tls_binding(c, kind, room));
}

void
dg_binding_read(const struct dg_conn *c, struct dg_binding_bytes *out)
{
	out->binding.exporter =
	    bytes_of(c, DG_CONN_TLS_EXPORTER, out->exporter);
	out->binding.unique = bytes_of(c, DG_CONN_TLS_UNIQUE, out->unique);
}
