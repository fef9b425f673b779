/* unused.c - what a policy says that can never count: warnings, at its end.
 *
 * File order decides who is asked, so a row that an earlier one covers is dead,
 * and so is a name that nothing uses.  Either is most often a mistake (two
 * lines in the wrong order, a name not changed everywhere), and never one that
 * stops mail, so these are warnings.  What is not certain is not told: a
 * function may do anything, so it covers nothing and may use everything.
 */
#include "unused.h"

#include <arpa/inet.h>
#include <stdio.h>

/* "line 8", or "other.lua:8" as seen from another file. */
static const char *
line_of(struct dg_load *ld, struct dg_where from, struct dg_where w)
{
	char text[200];

	if (from.file != NULL && w.file != NULL &&
	    strcmp(from.file, w.file) == 0)
		snprintf(text, sizeof(text), "line %d", w.line);
	else
		snprintf(text, sizeof(text), "%s:%d",
		    w.file != NULL ? w.file : "?", w.line);
	return dg_load_str(ld, dg_str(text));
}

/* Names in rules are those of the declarations, so the same name is the same
 * pointer: ten thousand rows are compared with each other here. */
static bool
is_any_or(const char *a, const char *b)
{
	return a == NULL || a == b;
}

/* ---- routes ---- */

static bool
route_covers(const struct dg_route *a, const struct dg_route *b)
{
	return a->kind != DG_ROUTE_ASK && is_any_or(a->peer, b->peer) &&
	       a->size <= b->size && dg_patterns_cover(&a->to, &b->to) &&
	       dg_patterns_cover(&a->from, &b->from) &&
	       dg_patterns_cover(&a->user, &b->user);
}

/* Rows by the domain of their `to`: of thousands of rows, each for a domain of
 * its own, only a few can cover another. */
struct by_domain {
	size_t n;       /* of buckets, a power of two */
	size_t *first;  /* number of an entry, 0: none */
	struct entry {
		size_t next, row;
	} *entries;
	size_t n_entries;
	size_t *wide; /* rows without `to`, or with a "*" in it */
	size_t n_wide;
};

static bool
is_wide(const char *pattern)
{
	return strchr(pattern, '*') != NULL;
}

static size_t
bucket_of(const struct by_domain *x, const char *pattern)
{
	const char *at = strrchr(pattern, '@');

	return dg_str_ihash(dg_str(at != NULL ? at + 1 : pattern)) &
	    (x->n - 1);
}

static void
add_route(struct by_domain *x, const struct dg_route *r, size_t row)
{
	bool has_wide = r->to.n == 0;

	for (size_t i = 0; i < r->to.n; i++) {
		size_t *first = &x->first[bucket_of(x, r->to.v[i])];

		if (is_wide(r->to.v[i])) {
			has_wide = true;
			continue;
		}
		x->entries[++x->n_entries] = (struct entry){ *first, row };
		*first = x->n_entries;
	}
	if (has_wide)
		x->wide[x->n_wide++] = row;
}

static void
by_domain_init(struct by_domain *x, struct dg_load *ld,
    const struct dg_rules *r)
{
	size_t n = 1;

	for (size_t i = 0; i < r->n_routes; i++)
		n += r->routes[i].to.n;
	*x = (struct by_domain){ .n = 64 };
	while (x->n < n)
		x->n *= 2;
	x->first = dg_load_alloc(ld, x->n * sizeof(*x->first));
	x->entries = dg_load_alloc(ld, n * sizeof(*x->entries));
	x->wide = dg_load_alloc(ld, (r->n_routes + 1) * sizeof(*x->wide));
}

/* The first before row i that covers it; those are in x. */
static const struct dg_route *
route_before(const struct by_domain *x, const struct dg_rules *r, size_t i)
{
	const struct dg_route *b = &r->routes[i];
	size_t best = i;

	for (size_t k = 0; k < x->n_wide && x->wide[k] < best; k++)
		if (route_covers(&r->routes[x->wide[k]], b))
			best = x->wide[k];
	if (b->to.n > 0)
		for (size_t e = x->first[bucket_of(x, b->to.v[0])]; e != 0;
		    e = x->entries[e].next)
			if (x->entries[e].row < best &&
			    route_covers(&r->routes[x->entries[e].row], b))
				best = x->entries[e].row;
	return best < i ? &r->routes[best] : NULL;
}

static void
tell_routes(struct dg_load *ld, const struct dg_rules *r)
{
	struct by_domain x;

	by_domain_init(&x, ld, r);
	for (size_t i = 0; i < r->n_routes; i++) {
		struct dg_place at = { .kind = "route",
			.where = r->routes[i].where };
		const struct dg_route *before = route_before(&x, r, i);

		if (before != NULL)
			dg_load_say(ld, &at, true,
			    "is never reached: the route in %s takes all that "
			    "would come here",
			    line_of(ld, at.where, before->where));
		add_route(&x, &r->routes[i], i);
	}
}

/* ---- hops ---- */

static bool
is_hop_used(const struct dg_rules *r, const struct dg_hop *h)
{
	for (size_t i = 0; i < r->n_routes; i++)
		if (r->routes[i].kind == DG_ROUTE_ASK ||
		    r->routes[i].hop == h)
			return true;
	return false;
}

/* Either may be absent. */
static bool
is_same_name(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void
tell_logins(struct dg_load *ld, const struct dg_hop *h)
{
	for (size_t i = 0; i < h->n_logins; i++)
		for (size_t k = 0; k < i; k++) {
			const struct dg_hop_login *a = &h->logins[k];
			const struct dg_hop_login *b = &h->logins[i];
			struct dg_place at = { .kind = "hop",
				.name = h->name,
				.where = h->where,
				.path = { { "login", 0 },
				    { NULL, (int)i + 1 } },
				.depth = 2 };

			if (a->mech != b->mech ||
			    !is_same_name(a->secret, b->secret) ||
			    !is_same_name(a->user, b->user) ||
			    !is_same_name(a->token, b->token))
				continue;
			dg_load_say(ld, &at, true,
			    "login[%d] is login[%d] once more", (int)i + 1,
			    (int)k + 1);
			break;
		}
}

static void
tell_hops(struct dg_load *ld, const struct dg_rules *r)
{
	for (size_t i = 0; i < r->n_hops; i++) {
		struct dg_place at = { .kind = "hop",
			.name = r->hops[i]->name,
			.where = r->hops[i]->where };

		if (!is_hop_used(r, r->hops[i]))
			dg_load_say(ld, &at, true, "no route leads to it");
		tell_logins(ld, r->hops[i]);
	}
}

/* ---- peers ---- */

/* But for the address. */
static bool
others_cover(const struct dg_peer *a, const struct dg_peer *b)
{
	return is_any_or(a->match.listener, b->match.listener) &&
	       dg_patterns_cover(&a->match.helo, &b->match.helo) &&
	       dg_patterns_cover(&a->match.user, &b->match.user);
}

static bool
has_net(const struct dg_peer *p, const struct dg_net *n)
{
	for (size_t i = 0; i < p->match.n_nets; i++)
		if (dg_net_covers(&p->match.nets[i], n))
			return true;
	return false;
}

static size_t
nets_covered(const struct dg_peer *a, const struct dg_peer *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->match.n_nets; i++)
		n += has_net(a, &b->match.nets[i]);
	return n;
}

static const char *
net_text(struct dg_load *ld, const struct dg_net *n)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	bool is_v4 = n->bits >= 96 && memcmp(n->bytes, mapped, 12) == 0;
	unsigned bits = is_v4 ? n->bits - 96 : n->bits;
	char address[INET6_ADDRSTRLEN] = "", text[64];

	(void)inet_ntop(is_v4 ? AF_INET : AF_INET6,
	    is_v4 ? n->bytes + 12 : n->bytes, address, sizeof(address));
	if (n->bits == 128)
		return dg_load_str(ld, dg_str(address));
	snprintf(text, sizeof(text), "%s/%u", address, bits);
	return dg_load_str(ld, dg_str(text));
}

/* Some of b's networks lie in a's, which comes first. */
static void
tell_overlap(struct dg_load *ld, const struct dg_peer *a,
    const struct dg_peer *b)
{
	struct dg_place at = { .kind = "peer",
		.name = b->name,
		.where = b->where,
		.path = { { "match", 0 }, { "address", 0 } },
		.depth = 2 };

	for (size_t i = 0; i < b->match.n_nets; i++)
		if (has_net(a, &b->match.nets[i]))
			dg_load_say(ld, &at, true,
			    "match.address: %s is peer \"%s\" (%s), which "
			    "comes first",
			    net_text(ld, &b->match.nets[i]), a->name,
			    line_of(ld, b->where, a->where));
}

static void
tell_peer(struct dg_load *ld, const struct dg_rules *r, size_t i)
{
	const struct dg_peer *b = r->peers[i];
	struct dg_place at = { .kind = "peer",
		.name = b->name,
		.where = b->where };

	for (size_t k = 0; k < i; k++) {
		const struct dg_peer *a = r->peers[k];
		size_t n = nets_covered(a, b);

		if (!others_cover(a, b) || (a->names_address && n == 0))
			continue;
		if (!a->names_address ||
		    (b->names_address && n == b->match.n_nets)) {
			dg_load_say(ld, &at, true,
			    "nobody is this peer: whoever it matches is peer "
			    "\"%s\" (%s), which comes first",
			    a->name, line_of(ld, b->where, a->where));
			return;
		}
		tell_overlap(ld, a, b);
	}
}

/* ---- words ---- */

static bool
words_cover(const struct dg_words *a, const struct dg_words *b)
{
	return is_any_or(a->peer, b->peer) && is_any_or(a->hop, b->hop) &&
	       dg_patterns_cover(&a->to, &b->to) &&
	       dg_patterns_cover(&a->from, &b->from);
}

/* Is there a text in a for whatever row b is for? */
static bool
has_row(const struct dg_words *a, const struct dg_words_row *b)
{
	for (size_t i = 0; i < a->n_rows; i++) {
		const struct dg_words_row *x = &a->rows[i];

		if (x->hook == 0 && x->code == b->code &&
		    (b->code == 0 ? x->meaning == b->meaning
				  : x->enhanced[0] == '\0' ||
					strcmp(x->enhanced, b->enhanced) == 0))
			return true;
	}
	return false;
}

static const struct dg_words *
words_before(const struct dg_rules *r, size_t i, const struct dg_words_row *row)
{
	for (size_t k = 0; k < i; k++)
		if (words_cover(&r->words[k], &r->words[i]) &&
		    has_row(&r->words[k], row))
			return &r->words[k];
	return NULL;
}

static const char *
row_key(struct dg_load *ld, const struct dg_words_row *row)
{
	char text[40];

	if (row->code == 0)
		return dg_meaning_name(row->meaning);
	snprintf(text, sizeof(text), "%d%s%s", row->code,
	    row->enhanced[0] != '\0' ? " " : "", row->enhanced);
	return dg_load_str(ld, dg_str(text));
}

/* Own rows one by one; a ready set's only when nothing of all is left. */
static void
tell_rows(struct dg_load *ld, const struct dg_rules *r, size_t i)
{
	const struct dg_words *w = &r->words[i];
	struct dg_place at = { .kind = "words", .where = w->where };
	size_t dead = 0;

	for (size_t k = 0; k < w->n_rows; k++)
		dead += words_before(r, i, &w->rows[k]) != NULL;
	if (w->n_rows == 0)
		dg_load_say(ld, &at, true,
		    "holds no text, so nothing in it counts");
	else if (dead == w->n_rows && dead > 1)
		dg_load_say(ld, &at, true,
		    "is never read: all of it is said in %s already",
		    line_of(ld, w->where,
			words_before(r, i, &w->rows[0])->where));
	else if (dead > 0)
		for (size_t k = 0; k < w->n_rows; k++) {
			const struct dg_words_row *x = &w->rows[k];
			const struct dg_words *by = words_before(r, i, x);

			if (by == NULL || x->where.file == NULL ||
			    strcmp(x->where.file, w->where.file) != 0)
				continue;
			at.path[0] = (struct dg_step){ row_key(ld, x), 0 };
			at.depth = 1;
			dg_load_say(ld, &at, true,
			    "\"%s\" is never read: the words in %s come first",
			    at.path[0].key, line_of(ld, w->where, by->where));
		}
}

/* ---- dialects ---- */

static bool
is_ready(const struct dg_source *s)
{
	return strncmp(s->key, "dialects/", 9) == 0 ||
	       strncmp(s->key, "words/", 6) == 0;
}

static bool
is_dialect_used(const struct dg_load *ld, const struct dg_rules *r,
    const struct dg_dialect *d)
{
	const struct dg_source *s =
	    dg_source_named(ld->p, d->where.file != NULL ? d->where.file : "");

	if (s == NULL || is_ready(s) || dg_dialect_is_liked(ld, d->name))
		return true;
	for (size_t i = 0; i < r->n_peers; i++)
		if (r->peers[i]->dialect == d)
			return true;
	for (size_t i = 0; i < r->n_hops; i++)
		if (r->hops[i]->dialect == d)
			return true;
	return false;
}

static void
tell_dialects(struct dg_load *ld, const struct dg_rules *r)
{
	for (size_t i = 0; i < r->n_dialects; i++) {
		struct dg_place at = { .kind = "dialect",
			.name = r->dialects[i]->name,
			.where = r->dialects[i]->where };

		if (!is_dialect_used(ld, r, r->dialects[i]))
			dg_load_say(ld, &at, true,
			    "no peer, hop or other dialect uses it");
	}
}

/* ---- names of the YAML ---- */

static void
tell_name(struct dg_load *ld, const struct dg_policy_name *n, const char *kind,
    const char *why)
{
	if (n->file != NULL) /* without a place nobody could mend it */
		dg_load_say_at(ld, n->file, n->line, n->column, true,
		    "%s \"%s\": %s", kind, n->name, why);
}

/* A library's function may name a secret or a table of users, too. */
static bool
is_in_text(const struct dg_load *ld, const char *name)
{
	for (const struct dg_source *s = ld->p->sources; s != NULL;
	     s = s->next) {
		struct dg_lexer x;
		struct dg_token t;

		if (s->name == NULL || is_ready(s))
			continue;
		dg_lexer_init(&x, dg_str_of(s->text, s->n));
		while (dg_lexer_next(&x, &t))
			if ((t.kind == DG_TOKEN_NAME ||
				t.kind == DG_TOKEN_STRING) &&
			    dg_str_is(t.text, name))
				return true;
	}
	return false;
}

/* d.vars that is not followed by a name: it may be any of them. */
static bool
has_any_var(const struct dg_load *ld)
{
	for (const struct dg_source *s = ld->p->sources; s != NULL;
	     s = s->next) {
		struct dg_token t = { 0 };
		struct dg_lexer x;
		bool is_vars = false, is_open = false;

		dg_lexer_init(&x, dg_str_of(s->text, s->n));
		while (s->name != NULL && dg_lexer_next(&x, &t)) {
			if (is_vars && !dg_token_is(&t, ".") &&
			    !dg_token_is(&t, "["))
				return true;
			if (is_open && t.kind != DG_TOKEN_STRING)
				return true;
			is_open = is_vars && dg_token_is(&t, "[");
			is_vars = dg_token_is(&t, "vars");
		}
	}
	return false;
}

static bool
is_secret_used(const struct dg_load *ld, const struct dg_rules *r,
    const char *name)
{
	for (size_t i = 0; i < r->n_hops; i++)
		for (size_t k = 0; k < r->hops[i]->n_logins; k++)
			if (is_same_name(r->hops[i]->logins[k].secret, name))
				return true;
	return ld->p->o.n_allow > 0 && is_in_text(ld, name);
}

static bool
are_users_used(const struct dg_load *ld, const struct dg_rules *r,
    const char *name)
{
	for (size_t i = 0; i < r->n_peers; i++)
		if (r->peers[i]->users != NULL &&
		    strcmp(r->peers[i]->users, name) == 0)
			return true;
	return ld->p->o.n_allow > 0 && is_in_text(ld, name);
}

/* With no peer at all everybody is refused, wherever he comes. */
static bool
is_listener_used(const struct dg_rules *r, const char *name)
{
	for (size_t i = 0; i < r->n_peers; i++)
		if (is_any_or(r->peers[i]->match.listener, name))
			return true;
	return r->n_peers == 0;
}

static void
tell_libraries(struct dg_load *ld)
{
	const struct dg_policy_options *o = &ld->p->o;

	for (size_t i = 0; i < o->n_allow; i++) {
		const struct dg_policy_allow *a = &o->allow[i];
		const char *word =
		    strncmp(a->name, "d.", 2) == 0 ? a->name + 2 : a->name;

		if (a->file != NULL && !is_in_text(ld, word))
			dg_load_say_at(ld, a->file, a->line, a->column, true,
			    "policy.allow: no policy uses d.%s", word);
	}
}

static void
tell_names(struct dg_load *ld, const struct dg_rules *r)
{
	const struct dg_policy_options *o = &ld->p->o;
	bool has_any = has_any_var(ld);

	for (size_t i = 0; i < o->n_secrets; i++)
		if (!is_secret_used(ld, r, o->secrets[i].name))
			tell_name(ld, &o->secrets[i], "secret",
			    "no hop of the policy logs in with it");
	for (size_t i = 0; i < o->n_users; i++)
		if (!are_users_used(ld, r, o->users[i].name))
			tell_name(ld, &o->users[i], "users",
			    "no peer of the policy logs in as one of them");
	for (size_t i = 0; i < o->n_listeners; i++)
		if (!is_listener_used(r, o->listeners[i].name))
			tell_name(ld, &o->listeners[i], "listener",
			    "no peer of the policy comes that way, so all who "
			    "do are refused");
	for (size_t i = 0; i < o->n_vars && !has_any; i++)
		if (!is_in_text(ld, o->vars[i].name))
			tell_name(ld, &o->vars[i], "vars",
			    "the policy never looks at it");
}

void
dg_unused_tell(struct dg_load *ld, const struct dg_rules *r)
{
	tell_routes(ld, r);
	tell_hops(ld, r);
	for (size_t i = 0; i < r->n_peers; i++)
		tell_peer(ld, r, i);
	for (size_t i = 0; i < r->n_words; i++)
		if (r->words[i].where.file != NULL) /* "en" is ours */
			tell_rows(ld, r, i);
	tell_dialects(ld, r);
	tell_names(ld, r);
	tell_libraries(ld);
}
