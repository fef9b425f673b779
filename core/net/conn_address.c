/* conn_address.c - who is at the other end, in the one spelling of address.c.
 *
 * Asked once, when the connection is made: afterwards the peer may be gone and
 * the system would not say any more.
 */
#include "conn_state.h"

#include <stdio.h>
#include <sys/socket.h>

void
dg_conn_learn_address(struct dg_conn *c, int fd)
{
	struct dg_address a = { .n = sizeof(a.ss) };
	char text[DG_ADDRESS_ROOM];

	if (getpeername(fd, (struct sockaddr *)&a.ss, &a.n) != 0)
		return;
	dg_address_text(&a, text, sizeof(text));
	dg_conn_set_address(c, dg_str(text), dg_address_port(&a));
}

struct dg_str
dg_conn_address(const struct dg_conn *c)
{
	return dg_str(c->address);
}

struct dg_str
dg_conn_address_port(const struct dg_conn *c)
{
	return dg_str(c->address_port);
}

void
dg_conn_set_address(struct dg_conn *c, struct dg_str address, unsigned port)
{
	snprintf(c->address, sizeof(c->address), "%.*s", DG_FMT(address));
	dg_address_port_text(dg_str(c->address), port, c->address_port,
	    sizeof(c->address_port));
}
