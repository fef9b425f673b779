#ifndef CORE_NET_ADDRESS_H
#define CORE_NET_ADDRESS_H

#include <sys/socket.h>

#include "dragoman/base/str.h"

/* address.h - "host:port" and socket addresses as text, and errno in words. */

enum {
	DG_ADDRESS_ROOM = 64, /* "[" IPv6 "]:65535" and a NUL */
	DG_HOST_ROOM = 256,
};

struct dg_address {
	struct sockaddr_storage ss;
	socklen_t n;
};

/* "h:587", "[::1]:25", "::1", "h".  *port is what is written or `otherwise`;
 * 0 can be written.  host is without brackets, at most 255 bytes, and has no
 * blank, control or bracket in it. */
bool dg_address_split(struct dg_str where, unsigned otherwise,
    struct dg_str *host, unsigned *port);
/* A literal IPv4 or IPv6 address; false when host is a name. */
bool dg_address_literal(struct dg_str host, unsigned port,
    struct dg_address *a);
void dg_address_set_port(struct dg_address *a, unsigned port);
unsigned dg_address_port(const struct dg_address *a);
/* "10.0.0.5" and "::1"; an IPv4 address inside IPv6 is written as IPv4.  ""
 * for what is not IP. */
void dg_address_text(const struct dg_address *a, char *text, size_t room);
/* With port: "10.0.0.5:25", "[::1]:25". */
void dg_address_port_text(struct dg_str address, unsigned port, char *text,
    size_t room);

/* What errno means for a connection, to follow a name: "refused the
 * connection".  For others: the system's words. */
void dg_errno_words(int error, char *text, size_t room);

#endif
