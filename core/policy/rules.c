/* rules.c - who matches what: patterns, networks, peers; and the names of
 * questions and placeholders.  No Lua here: this is the path of every
 * session. */
#include "dragoman/policy/rules.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "vm.h"

static const char *const question_names[] = {
#define Q(id, name, kind, here, wait_ms, safe, fields, answers, when) name,
#include "dragoman/policy/questions.def"
#undef Q
	NULL
};

const char *
dg_question_name(enum dg_question q)
{
	return (unsigned)q < DG_Q_N ? question_names[q] : "?";
}

const char *const *
dg_question_names(void)
{
	return question_names;
}

const char *const *
dg_placeholder_names(void)
{
	static const char *const names[] = { "recipient", "domain", "sender",
		"hop", "host", "reply", "code", "enhanced", "meaning",
		"offered", "held", "first_try", "tries", "relay", "size",
		"limit", NULL };

	return names;
}

/* ---- patterns ---- */

/* "*" stands for any run of characters; case is folded. */
static bool
glob(struct dg_str pattern, struct dg_str s)
{
	size_t p = 0, i = 0, star = (size_t)-1, mark = 0;

	while (i < s.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			mark = i;
		} else if (p < pattern.n &&
			   dg_lower(pattern.p[p]) == dg_lower(s.p[i])) {
			p++;
			i++;
		} else if (star != (size_t)-1) {
			p = star + 1;
			i = ++mark;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

/* An address's domain; a name without "@" is all of it. */
static struct dg_str
domain_of(struct dg_str s)
{
	size_t at = dg_str_rfind(s, '@');

	return at < s.n ? dg_str_from(s, at + 1) : s;
}

static bool
pattern_matches(const char *z, struct dg_str s)
{
	struct dg_str p = dg_str(z);

	if (dg_str_find(p, '@') < p.n)
		return glob(p, s);
	if (dg_str_has_prefix(p, DG_STR("*."))) {
		struct dg_str d = domain_of(s), tail = dg_str_from(p, 1);

		return d.n > tail.n && glob(p, d);
	}
	if (dg_str_find(p, '*') < p.n)
		return glob(p, s);
	return dg_str_ieq(p, domain_of(s));
}

bool
dg_patterns_match(const struct dg_patterns *p, struct dg_str address)
{
	if (p->n == 0)
		return true;
	if (address.n == 0)
		return false; /* not known yet, or nobody */
	for (size_t i = 0; i < p->n; i++)
		if (pattern_matches(p->v[i], address))
			return true;
	return false;
}

/* Is whatever b matches matched by a?  A "*" of b stands for texts that only a
 * "*" of a can take, so b's own text may be matched against a, where both look
 * at the same part of an address. */
static bool
pattern_covers(const char *za, const char *zb)
{
	struct dg_str a = dg_str(za), b = dg_str(zb), d = domain_of(b);
	bool is_a_whole = dg_str_find(a, '@') < a.n;
	bool is_b_whole = dg_str_find(b, '@') < b.n;
	bool is_a_below = !is_a_whole && dg_str_has_prefix(a, DG_STR("*."));
	bool is_b_below = !is_b_whole && dg_str_has_prefix(b, DG_STR("*."));

	if (dg_str_ieq(a, b))
		return true;
	is_a_whole |= !is_a_below && dg_str_find(a, '*') < a.n;
	is_b_whole |= !is_b_below && dg_str_find(b, '*') < b.n;
	if (is_a_whole) /* is b's domain all of what it matches? */
		return is_b_whole ? glob(a, b) : dg_str_is(a, "*");
	if (is_b_whole && (d.n == b.n || dg_str_find(d, '*') < d.n))
		return false; /* any domain, or many */
	if (is_a_below)
		return d.n >= a.n && glob(a, d);
	return !is_b_below && dg_str_ieq(a, d);
}

bool
dg_patterns_cover(const struct dg_patterns *a, const struct dg_patterns *b)
{
	if (a->n == 0)
		return true;
	for (size_t i = 0; i < b->n; i++) {
		size_t k = 0;

		while (k < a->n && !pattern_covers(a->v[k], b->v[i]))
			k++;
		if (k == a->n)
			return false;
	}
	return b->n > 0;
}

/* ---- networks ---- */

static bool
read_address(struct dg_str s, struct dg_net *out)
{
	char z[64];

	if (s.n == 0 || s.n >= sizeof(z))
		return false;
	memcpy(z, s.p, s.n);
	z[s.n] = '\0';
	if (strlen(z) != s.n)
		return false;
	memset(out->bytes, 0, sizeof(out->bytes));
	out->bits = 128;
	if (inet_pton(AF_INET, z, out->bytes + 12) == 1) {
		out->bytes[10] = out->bytes[11] = 0xff;
		return true;
	}
	return inet_pton(AF_INET6, z, out->bytes) == 1;
}

bool
dg_net_read(struct dg_str s, struct dg_net *out)
{
	size_t slash = dg_str_find(s, '/');
	struct dg_net net;
	uint64_t bits;
	unsigned most;

	if (!read_address(dg_str_sub(s, 0, slash), &net))
		return false;
	if (slash < s.n) {
		most = dg_str_find(s, ':') < s.n ? 128 : 32;
		if (!dg_str_u64(dg_str_from(s, slash + 1), &bits) ||
		    bits > most)
			return false;
		net.bits = (unsigned)bits + 128 - most;
	}
	*out = net;
	return true;
}

bool
dg_net_has(const struct dg_net *n, struct dg_str address)
{
	struct dg_net a;
	unsigned whole = n->bits / 8, rest = n->bits % 8;

	if (!read_address(address, &a) || memcmp(a.bytes, n->bytes, whole) != 0)
		return false;
	return rest == 0 ||
	       ((a.bytes[whole] ^ n->bytes[whole]) >> (8 - rest)) == 0;
}

bool
dg_net_covers(const struct dg_net *a, const struct dg_net *b)
{
	unsigned whole = a->bits / 8, rest = a->bits % 8;

	if (a->bits > b->bits || memcmp(a->bytes, b->bytes, whole) != 0)
		return false;
	return rest == 0 ||
	       ((a->bytes[whole] ^ b->bytes[whole]) >> (8 - rest)) == 0;
}

/* ---- peers and hops ---- */

static bool
peer_matches(const struct dg_peer *p, const struct dg_peer_query *q)
{
	if (p->match.listener != NULL &&
	    !dg_str_is(q->listener, p->match.listener))
		return false;
	if (p->names_address) {
		size_t i = 0;

		while (i < p->match.n_nets &&
		       !dg_net_has(&p->match.nets[i], q->address))
			i++;
		if (i == p->match.n_nets)
			return false;
	}
	return dg_patterns_match(&p->match.helo, q->helo) &&
	       dg_patterns_match(&p->match.user, q->user);
}

const struct dg_peer *
dg_rules_peer(const struct dg_rules *r, const struct dg_peer_query *q)
{
	for (size_t i = 0; i < r->n_peers; i++)
		if (peer_matches(r->peers[i], q)) {
			dg_row_hit(r->peers[i]->row);
			return r->peers[i];
		}
	return NULL;
}

const struct dg_hop *
dg_rules_hop(const struct dg_rules *r, struct dg_str name)
{
	size_t from = 0, to = r->n_hops;

	while (from < to) {
		size_t mid = from + (to - from) / 2;
		const struct dg_hop *h = r->hops_by_name[mid];
		size_t n = strlen(h->name);
		int by = memcmp(h->name, name.p != NULL ? name.p : "",
		    n < name.n ? n : name.n);

		if (by == 0)
			by = n < name.n ? -1 : n > name.n;
		if (by == 0)
			return h;
		if (by < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return NULL;
}

/* ---- "550 5.7.1 text" ---- */

static size_t
digits(struct dg_str s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
		n++;
	return n;
}

/* Length of "5.7.1" at the beginning of s; 0: there is none. */
static size_t
enhanced_length(struct dg_str s)
{
	size_t n = digits(s), k;

	if (n != 1 || n >= s.n || s.p[n] != '.')
		return 0;
	for (int part = 0; part < 2; part++) {
		n++; /* the dot */
		k = digits(dg_str_from(s, n));
		n += k;
		if (k < 1 || k > 3 ||
		    (part == 0 ? n >= s.n || s.p[n] != '.'
			       : n < s.n && s.p[n] != ' '))
			return 0;
	}
	return n;
}

const char *
dg_reply_text_read(struct dg_str s, char first, int *code, char enhanced[12],
    struct dg_str *text)
{
	struct dg_str rest;
	size_t n;

	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return "a reply is one line";
	if (digits(s) != 3 || (s.n > 3 && s.p[3] != ' ') ||
	    (s.p[0] != '4' && s.p[0] != '5'))
		return "a reply begins with its code: \"550 5.7.1 text\"";
	if (first != 0 && s.p[0] != first)
		return first == '5' ? "a refusal begins with 5; 4yz is for "
				      "d.defer"
				    : "a deferral begins with 4; 5yz is for "
				      "d.refuse";
	rest = dg_str_trim(dg_str_from(s, 3));
	n = enhanced_length(rest);
	if (n > 0 && rest.p[0] != s.p[0])
		return "the enhanced code must begin like the reply code";
	if (dg_str_trim(dg_str_from(rest, n)).n == 0)
		return "a reply needs a text that tells a person why";
	if (s.n > 400)
		return "a reply is longer than 400 bytes";
	*code = (s.p[0] - '0') * 100 + (s.p[1] - '0') * 10 + (s.p[2] - '0');
	snprintf(enhanced, 12, "%.*s", (int)n, rest.p);
	*text = dg_str_trim(dg_str_from(rest, n));
	return NULL;
}
