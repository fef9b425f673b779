/* dns_answer.c - addresses out of a DNS packet (RFC 1035 4.1, RFC 3596).
 *
 * The resolver has followed the aliases and checked that the answer belongs to
 * the question; what is left is to step over names and take A and AAAA records
 * from the answer section.  Names are stepped over, never followed: a pointer
 * ends a name, so no packet makes this go round in circles.
 */
#include "dns.h"

#include <arpa/inet.h>
#include <netinet/in.h>

enum {
	HEADER = 12,
	QUESTION_TAIL = 4, /* type, class */
	RECORD_HEAD = 10,  /* type, class, ttl, length */
	TYPE_A = 1,
	TYPE_AAAA = 28,
	CLASS_IN = 1,
};

static unsigned
u16(struct dg_str s, size_t at)
{
	return (unsigned)(unsigned char)s.p[at] << 8 |
	       (unsigned)(unsigned char)s.p[at + 1];
}

/* *at goes behind the name there. */
static bool
skip_name(struct dg_str s, size_t *at)
{
	while (*at < s.n) {
		unsigned char label = (unsigned char)s.p[*at];

		if (label >= 0xc0) { /* a pointer ends the name */
			*at += 2;
			return *at <= s.n;
		}
		if (label >= 0x40)
			return false;
		*at += 1u + label;
		if (label == 0)
			return true;
	}
	return false;
}

static bool
take(struct dg_str s, size_t at, unsigned type, unsigned length,
    struct dg_address *a)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&a->ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&a->ss;

	if (type == TYPE_A && length == 4) {
		*a = (struct dg_address){ .n = sizeof(*v4) };
		v4->sin_family = AF_INET;
		memcpy(&v4->sin_addr, s.p + at, 4);
		return true;
	}
	if (type == TYPE_AAAA && length == 16) {
		*a = (struct dg_address){ .n = sizeof(*v6) };
		v6->sin6_family = AF_INET6;
		memcpy(&v6->sin6_addr, s.p + at, 16);
		return true;
	}
	return false;
}

bool
dg_dns_addresses(struct dg_str s, struct dg_address *v, size_t room, size_t *n)
{
	size_t at = HEADER, found = 0;

	if (s.n < HEADER)
		return false;
	for (unsigned i = u16(s, 4); i > 0; i--) {
		if (!skip_name(s, &at) || s.n - at < QUESTION_TAIL)
			return false;
		at += QUESTION_TAIL;
	}
	for (unsigned i = u16(s, 6); i > 0; i--) {
		unsigned length;

		if (!skip_name(s, &at) || s.n - at < RECORD_HEAD)
			return false;
		length = u16(s, at + 8);
		if (s.n - at - RECORD_HEAD < length)
			return false;
		if (found < room && u16(s, at + 2) == CLASS_IN &&
		    take(s, at + RECORD_HEAD, u16(s, at), length, &v[found]))
			found++;
		at += RECORD_HEAD + length;
	}
	*n = found;
	return true;
}
