/* dns_answer.c - records out of a DNS packet (RFC 1035 4.1, RFC 3596).
 *
 * The resolver has followed the aliases and checked that the answer belongs to
 * the question; what is left is to step over names and take the records of the
 * wanted type from the answer section.  A name that is read follows a pointer
 * only to before where it has been, and counts its bytes, so no packet makes
 * this go round in circles (RFC 1035 4.1.4).
 */
#include "dns_state.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	HEADER = 12,
	QUESTION_TAIL = 4, /* type, class */
	RECORD_HEAD = 10,  /* type, class, ttl, length */
	CLASS_IN = 1,
	NAME_MAX_BYTES = 255,               /* RFC 1035 2.3.4 */
	NAME_ROOM = 4 * NAME_MAX_BYTES + 1, /* each byte as \ddd */
};

struct record {
	unsigned type, class;
	size_t at, n; /* its data */
};

static unsigned
u16(struct dg_str s, size_t at)
{
	return (unsigned)(unsigned char)s.p[at] << 8 |
	       (unsigned)(unsigned char)s.p[at + 1];
}

/* ---- the walk ---- */

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

/* *at goes to the first record; *n says how many answers there should be. */
static bool
skip_questions(struct dg_str s, size_t *at, unsigned *n)
{
	*at = HEADER;
	if (s.n < HEADER)
		return false;
	for (unsigned i = u16(s, 4); i > 0; i--) {
		if (!skip_name(s, at) || s.n - *at < QUESTION_TAIL)
			return false;
		*at += QUESTION_TAIL;
	}
	*n = u16(s, 6);
	return true;
}

static bool
next_record(struct dg_str s, size_t *at, struct record *r)
{
	if (!skip_name(s, at) || s.n - *at < RECORD_HEAD)
		return false;
	r->type = u16(s, *at);
	r->class = u16(s, *at + 2);
	r->n = u16(s, *at + 8);
	r->at = *at + RECORD_HEAD;
	if (s.n - r->at < r->n)
		return false;
	*at = r->at + r->n;
	return true;
}

/* ---- addresses ---- */

static bool
take_address(struct dg_str s, const struct record *r, struct dg_address *a)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&a->ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&a->ss;

	if (r->class != CLASS_IN)
		return false;
	if (r->type == DG_DNS_A && r->n == 4) {
		*a = (struct dg_address){ .n = sizeof(*v4) };
		v4->sin_family = AF_INET;
		memcpy(&v4->sin_addr, s.p + r->at, 4);
		return true;
	}
	if (r->type == DG_DNS_AAAA && r->n == 16) {
		*a = (struct dg_address){ .n = sizeof(*v6) };
		v6->sin6_family = AF_INET6;
		memcpy(&v6->sin6_addr, s.p + r->at, 16);
		return true;
	}
	return false;
}

bool
dg_dns_addresses(struct dg_str s, struct dg_address *v, size_t room, size_t *n)
{
	size_t at, found = 0;
	struct record r;
	unsigned left;

	if (!skip_questions(s, &at, &left))
		return false;
	for (; left > 0; left--) {
		if (!next_record(s, &at, &r))
			return false;
		if (found < room && take_address(s, &r, &v[found]))
			found++;
	}
	*n = found;
	return true;
}

/* ---- names and texts ---- */

/* One byte of a label, so that the text says which name it was and holds
 * nothing odd (RFC 1035 5.1). */
static size_t
write_byte(unsigned char c, char *out)
{
	char lower = dg_lower((char)c);

	if ((lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
	    c == '-' || c == '_') {
		out[0] = lower;
		return 1;
	}
	out[0] = '\\';
	out[1] = (char)('0' + c / 100);
	out[2] = (char)('0' + c / 10 % 10);
	out[3] = (char)('0' + c % 10);
	return 4;
}

/* The name at `at`, whose own bytes (pointed-to ones aside) end at `end`. */
static bool
read_name(struct dg_str s, size_t at, size_t end, char out[NAME_ROOM],
    size_t *out_n)
{
	size_t start = at, used = 0, n = 0;
	bool has_jumped = false;

	for (;;) {
		size_t limit = has_jumped ? s.n : end;
		unsigned char label;

		if (at >= limit)
			return false;
		label = (unsigned char)s.p[at];
		if (label >= 0xc0) {
			if (limit - at < 2)
				return false;
			at = u16(s, at) & 0x3fff;
			if (at < HEADER || at >= start)
				return false;
			start = at; /* the next one must go further back */
			has_jumped = true;
			continue;
		}
		used += 1u + label;
		if (label >= 0x40 || used > NAME_MAX_BYTES ||
		    limit - at < 1u + label)
			return false;
		if (label == 0)
			break;
		if (n > 0)
			out[n++] = '.';
		for (unsigned i = 1; i <= label; i++)
			n += write_byte((unsigned char)s.p[at + i], out + n);
		at += 1u + label;
	}
	if (n == 0)
		out[n++] = '.';
	*out_n = n;
	return true;
}

static bool
take_name(struct dg_str s, size_t at, size_t end, struct dg_arena *a,
    struct dg_dns_record *to)
{
	char name[NAME_ROOM];
	size_t n;

	if (!read_name(s, at, end, name, &n))
		return false;
	to->text = dg_arena_str(a, dg_str_of(name, n));
	return to->text.p != NULL;
}

/* Its strings joined: how SPF, DKIM and DMARC read them (RFC 7208 3.3). */
static bool
take_text(struct dg_str s, const struct record *r, struct dg_arena *a,
    struct dg_dns_record *to)
{
	char *text = dg_arena_alloc(a, r->n + 1);
	size_t at = r->at, end = r->at + r->n, n = 0;

	if (text == NULL)
		return false;
	while (at < end) {
		size_t length = (unsigned char)s.p[at++];

		if (end - at < length)
			return false;
		memcpy(text + n, s.p + at, length);
		n += length;
		at += length;
	}
	to->text = dg_str_of(text, n);
	return true;
}

/* Sound: *to is filled, or its text is NULL when there is nothing to take. */
static bool
take(struct dg_str s, const struct record *r, struct dg_arena *a,
    struct dg_dns_record *to)
{
	struct dg_address address;
	char text[DG_ADDRESS_ROOM];
	size_t end = r->at + r->n;

	switch ((enum dg_dns_type)r->type) {
	case DG_DNS_A:
	case DG_DNS_AAAA:
		if (!take_address(s, r, &address))
			return true;
		dg_address_text(&address, text, sizeof(text));
		to->text = dg_arena_str(a, dg_str(text));
		return to->text.p != NULL;
	case DG_DNS_MX:
		if (r->n < 3)
			return false;
		to->preference = u16(s, r->at);
		return take_name(s, r->at + 2, end, a, to);
	case DG_DNS_PTR:
		return take_name(s, r->at, end, a, to);
	case DG_DNS_TXT:
		return take_text(s, r, a, to);
	}
	return true;
}

static int
by_preference(const void *pa, const void *pb)
{
	const struct dg_dns_record *a = pa, *b = pb;
	size_t n = a->text.n < b->text.n ? a->text.n : b->text.n;
	int order;

	if (a->preference != b->preference)
		return a->preference < b->preference ? -1 : 1;
	order = memcmp(a->text.p, b->text.p, n);
	return order != 0 ? order : (a->text.n > n) - (b->text.n > n);
}

bool
dg_dns_records(struct dg_str s, enum dg_dns_type type, struct dg_arena *a,
    struct dg_dns_record *v, size_t room, size_t *n)
{
	size_t at, found = 0;
	struct record r;
	unsigned left;

	if (!skip_questions(s, &at, &left))
		return false;
	for (; left > 0; left--) {
		struct dg_dns_record one = { .preference = 0 };

		if (!next_record(s, &at, &r))
			return false;
		if (found == room || r.type != (unsigned)type ||
		    r.class != CLASS_IN)
			continue;
		if (!take(s, &r, a, &one))
			return false;
		if (one.text.p != NULL)
			v[found++] = one;
	}
	if (found > 1)
		qsort(v, found, sizeof(v[0]), by_preference);
	*n = found;
	return true;
}

/* ---- an address as a name ---- */

bool
dg_dns_reverse(struct dg_str address, char name[DG_HOST_ROOM])
{
	struct dg_address a;
	const unsigned char *b;
	size_t n = 0;

	if (!dg_address_literal(address, 0, &a))
		return false;
	if (a.ss.ss_family == AF_INET) {
		b = (const unsigned char *)&((struct sockaddr_in *)&a.ss)
			->sin_addr;
		snprintf(name, DG_HOST_ROOM, "%u.%u.%u.%u.in-addr.arpa", b[3],
		    b[2], b[1], b[0]);
		return true;
	}
	b = ((struct sockaddr_in6 *)&a.ss)->sin6_addr.s6_addr;
	for (int i = 15; i >= 0; i--)
		n += (size_t)snprintf(name + n, DG_HOST_ROOM - n, "%x.%x.",
		    b[i] & 15u, b[i] >> 4);
	snprintf(name + n, DG_HOST_ROOM - n, "ip6.arpa");
	return true;
}
