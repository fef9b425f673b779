/* address.c - addresses and errno as a postmaster reads them.
 *
 * One place, because the same spelling of an address must come out wherever it
 * is logged, matched against a policy's networks or written into a Received
 * field: no scope, no mapped IPv4, brackets only where a port follows.
 */
#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

static bool
is_host(struct dg_str host)
{
	if (host.n == 0 || host.n >= DG_HOST_ROOM)
		return false;
	for (size_t i = 0; i < host.n; i++) {
		unsigned char c = (unsigned char)host.p[i];

		if (c <= ' ' || c >= 0x7f || c == '[' || c == ']' || c == '/')
			return false;
	}
	return true;
}

static bool
is_port(struct dg_str s, unsigned *port)
{
	uint64_t v;

	if (s.n > 5 || !dg_str_u64(s, &v) || v > 65535)
		return false;
	*port = (unsigned)v;
	return true;
}

static bool
split_bracketed(struct dg_str where, struct dg_str *host, unsigned *port)
{
	size_t end = dg_str_find(where, ']');
	struct dg_str rest = dg_str_from(where, end + 1);
	struct dg_address a;

	if (end == where.n)
		return false;
	*host = dg_str_sub(where, 1, end - 1);
	if (!dg_address_literal(*host, 0, &a))
		return false;
	if (rest.n == 0)
		return true;
	return rest.p[0] == ':' && is_port(dg_str_from(rest, 1), port);
}

bool
dg_address_split(struct dg_str where, unsigned otherwise, struct dg_str *host,
    unsigned *port)
{
	size_t colon = dg_str_find(where, ':');
	struct dg_str h = where;
	unsigned p = otherwise;

	if (where.n > 0 && where.p[0] == '[') {
		if (!split_bracketed(where, &h, &p))
			return false;
	} else if (colon < where.n && dg_str_rfind(where, ':') == colon) {
		h = dg_str_sub(where, 0, colon);
		if (!is_port(dg_str_from(where, colon + 1), &p))
			return false;
	} else if (colon < where.n) {
		struct dg_address a; /* several colons: IPv6 and no port */

		if (!dg_address_literal(where, 0, &a))
			return false;
	}
	if (!is_host(h))
		return false;
	*host = h;
	*port = p;
	return true;
}

bool
dg_address_literal(struct dg_str host, unsigned port, struct dg_address *a)
{
	char z[INET6_ADDRSTRLEN];
	struct dg_address made = { .n = 0 };
	struct sockaddr_in *v4 = (struct sockaddr_in *)&made.ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&made.ss;

	if (host.n == 0 || host.n >= sizeof(z) ||
	    memchr(host.p, '\0', host.n) != NULL)
		return false;
	memcpy(z, host.p, host.n);
	z[host.n] = '\0';
	if (inet_pton(AF_INET, z, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		made.n = sizeof(*v4);
	} else if (inet_pton(AF_INET6, z, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		made.n = sizeof(*v6);
	} else {
		return false;
	}
	dg_address_set_port(&made, port);
	*a = made;
	return true;
}

void
dg_address_set_port(struct dg_address *a, unsigned port)
{
	if (a->ss.ss_family == AF_INET)
		((struct sockaddr_in *)&a->ss)->sin_port =
		    htons((uint16_t)port);
	else if (a->ss.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&a->ss)->sin6_port =
		    htons((uint16_t)port);
}

unsigned
dg_address_port(const struct dg_address *a)
{
	if (a->ss.ss_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)&a->ss)->sin_port);
	if (a->ss.ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)&a->ss)->sin6_port);
	return 0;
}

void
dg_address_text(const struct dg_address *a, char *text, size_t room)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a->ss;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->ss;
	int family = a->ss.ss_family;
	const void *bytes = NULL;

	if (family == AF_INET) {
		bytes = &v4->sin_addr;
	} else if (family == AF_INET6) {
		bytes = &v6->sin6_addr;
		if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
			bytes = &v6->sin6_addr.s6_addr[12];
			family = AF_INET;
		}
	}
	if (bytes == NULL ||
	    inet_ntop(family, bytes, text, (socklen_t)room) == NULL)
		text[0] = '\0';
}

void
dg_address_port_text(struct dg_str address, unsigned port, char *text,
    size_t room)
{
	bool is_v6 = dg_str_find(address, ':') < address.n;

	if (address.n == 0)
		text[0] = '\0';
	else if (is_v6)
		snprintf(text, room, "[%.*s]:%u", DG_FMT(address), port);
	else
		snprintf(text, room, "%.*s:%u", DG_FMT(address), port);
}

static const struct {
	int error;
	const char *words;
} words[] = {
	{ ECONNREFUSED, "refused the connection" },
	{ ETIMEDOUT, "did not answer in time" },
	{ ECONNRESET, "reset the connection" },
	{ EPIPE, "closed the connection" },
	{ ECONNABORTED, "aborted the connection" },
	{ EHOSTUNREACH, "cannot be reached (no route to host)" },
	{ ENETUNREACH, "cannot be reached (no route to its network)" },
	{ EACCES, "may not be called (a local firewall or rule says no)" },
	{ EPERM, "may not be called (a local firewall or rule says no)" },
	{ EADDRNOTAVAIL, "cannot be called: no local address or port is free" },
	{ EMFILE, "cannot be called: too many open files" },
	{ ENFILE, "cannot be called: too many open files on this machine" },
};

void
dg_errno_words(int error, char *text, size_t room)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (words[i].error == error) {
			snprintf(text, room, "%s", words[i].words);
			return;
		}
	}
	if (strerror_r(error, text, room) != 0)
		snprintf(text, room, "error %d", error);
}
