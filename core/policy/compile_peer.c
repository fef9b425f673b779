/* compile_peer.c - d.peer { ... } into struct dg_peer.
 *
 * An offer is a promise: what the peer's dialect shows must be something that
 * its users can be verified with and that it may use, and passwords in clear
 * are not asked for by accident.
 */
#include "schema.h"

#include <stddef.h>

struct decl {
	struct dg_decl d;
	struct dg_peer x;
	struct dg_ref dialect, users, listener;
	const struct dg_policy_users *table; /* NULL: not known */
	bool has_match, has_auth, has_mechs;
	int required; /* -1: not said */
	struct dg_place mechs_at;
	struct dg_place at; /* of the statement */
};

size_t
dg_peer_decl_size(void)
{
	return sizeof(struct decl);
}

/* ---- match ---- */

/* Blanks and commas separate as well as a list does. */
static size_t
count_words(const char *const *v, size_t n)
{
	size_t words = 0;

	for (size_t i = 0; i < n; i++)
		words += strlen(v[i]) / 2 + 1;
	return words;
}

/* 10.0.0.5/24 is good, and most often 10.0.0.5 was meant. */
static void
check_net(struct dg_reader *r, struct dg_str w, const struct dg_net *n)
{
	for (unsigned bit = n->bits; bit < 128; bit++)
		if ((n->bytes[bit / 8] & (0x80u >> bit % 8)) != 0) {
			dg_read_warn(r,
			    "\"%.*s\" is the whole network of that length; "
			    "one address is written \"%.*s\"",
			    DG_FMT(w),
			    DG_FMT(dg_str_sub(w, 0, dg_str_find(w, '/'))));
			return;
		}
}

static void
read_address(struct dg_reader *r, void *obj)
{
	struct decl *d = obj;
	size_t n;
	const char *const *v = dg_read_list(r, true, &n);
	struct dg_net *nets =
	    dg_load_alloc(r->ld, (count_words(v, n) + 1) * sizeof(*nets));

	d->x.names_address = true;
	d->x.match.nets = nets;
	for (size_t i = 0; i < n; i++) {
		const char *p = v[i];

		dg_step_listed(r, i);
		for (p += strspn(p, " \t,"); *p != '\0';
		     p += strspn(p, " \t,")) {
			size_t k = strcspn(p, " \t,");
			struct dg_str w = dg_str_of(p, k);

			p += k;
			if (dg_net_read(w, &nets[d->x.match.n_nets]))
				check_net(r, w, &nets[d->x.match.n_nets++]);
			else
				dg_read_bad(r,
				    "\"%.*s\" is no address or network: "
				    "\"10.0.0.5\" \"10.0.0.0/24\" \"2001:db8::"
				    "/32\"",
				    DG_FMT(w));
		}
		dg_step_unlisted(r);
	}
	if (n > 0
		? d->x.match.n_nets == 0 && strspn(v[0], " \t,") == strlen(v[0])
		: lua_type(r->L, -1) == LUA_TTABLE && lua_rawlen(r->L, -1) == 0)
		dg_read_bad(r, "is empty: nobody would match");
}

static void
read_match(struct dg_reader *r, void *obj)
{
#define AT(f) offsetof(struct decl, f)
	static const struct dg_field fields[] = {
		{ "address", DG_F_READ, 0, NULL, read_address },
		{ "listener", DG_F_REF, AT(listener), NULL, NULL },
		{ "helo", DG_F_PATTERNS, AT(x.match.helo), NULL, NULL },
		{ "user", DG_F_PATTERNS, AT(x.match.user), NULL, NULL },
		{ "cert", DG_F_LATER, 0, NULL, NULL },
		{ NULL, DG_F_LATER, 0, NULL, NULL },
	};
#undef AT

	((struct decl *)obj)->has_match = true;
	dg_read_fields(r, fields, obj, NULL);
}

/* ---- auth, tls, limits ---- */

static void
read_mechanisms(struct dg_reader *r, void *obj)
{
	struct decl *d = obj;
	size_t n;
	const char *const *v = dg_read_list(r, false, &n);

	d->has_mechs = true;
	d->mechs_at = r->at;
	for (size_t i = 0; i < n; i++) {
		enum dg_mech m;

		dg_step_listed(r, i);
		if (dg_read_mech(r, v[i], &m)) {
			if (dg_mech_untakable(m) != NULL)
				dg_read_bad(r, "%s %s", dg_mech_name(m),
				    dg_mech_untakable(m));
			d->x.mechs |= DG_MECH_BIT(m);
		}
		dg_step_unlisted(r);
	}
	if (lua_type(r->L, -1) == LUA_TTABLE && lua_rawlen(r->L, -1) == 0)
		dg_read_bad(r, "needs at least one mechanism");
}

static void
read_required(struct dg_reader *r, void *obj)
{
	bool b;

	if (dg_read_bool(r, &b))
		((struct decl *)obj)->required = b;
}

static void
read_auth(struct dg_reader *r, void *obj)
{
#define AT(f) offsetof(struct decl, f)
	static const struct dg_field fields[] = {
		{ "users", DG_F_REF, AT(users), NULL, NULL },
		{ "mechanisms", DG_F_READ, 0, NULL, read_mechanisms },
		{ "required", DG_F_READ, 0, NULL, read_required },
		{ NULL, DG_F_LATER, 0, NULL, NULL },
	};
#undef AT
	struct decl *d = obj;

	d->has_auth = true;
	dg_read_fields(r, fields, obj, NULL);
	if (lua_type(r->L, -1) != LUA_TTABLE)
		return;
	lua_pushliteral(r->L, "users");
	lua_rawget(r->L, -2);
	if (lua_isnil(r->L, -1) && (d->has_mechs || d->required == 1))
		dg_read_bad(r, "needs users = \"...\": who may log in");
	lua_pop(r->L, 1);
}

static void
read_tls(struct dg_reader *r, void *obj)
{
#define AT(f) offsetof(struct decl, f)
	static const struct dg_field fields[] = {
		{ "offer", DG_F_BOOL, AT(x.tls_offer), NULL, NULL },
		{ "require", DG_F_BOOL, AT(x.tls_require), NULL, NULL },
		{ "minimum", DG_F_LATER, 0, NULL, NULL },
		{ NULL, DG_F_LATER, 0, NULL, NULL },
	};
#undef AT
	struct decl *d = obj;

	dg_read_fields(r, fields, obj, NULL);
	if (d->x.tls_require && !d->x.tls_offer)
		dg_read_bad(r, "requires what it does not offer");
}

static void
read_limits(struct dg_reader *r, void *obj)
{
#define AT(f) offsetof(struct decl, f)
	static const struct dg_field fields[] = {
		{ "connections", DG_F_COUNT, AT(x.connections), NULL, NULL },
		{ "size", DG_F_SIZE, AT(x.size), NULL, NULL },
		{ "recipients", DG_F_COUNT, AT(x.recipients), NULL, NULL },
		{ "messages", DG_F_LATER, 0, NULL, NULL },
		{ NULL, DG_F_LATER, 0, NULL, NULL },
	};
#undef AT

	dg_read_fields(r, fields, obj, NULL);
}

static void
read_on(struct dg_reader *r, void *obj)
{
	dg_read_hooks(r, dg_peer_questions, &((struct decl *)obj)->x.on);
}

void
dg_peer_read(struct dg_reader *r, struct dg_decl *decl)
{
#define AT(f) offsetof(struct decl, f)
	static const struct dg_field fields[] = {
		{ "match", DG_F_READ, 0, NULL, read_match },
		{ "dialect", DG_F_REF, AT(dialect), NULL, NULL },
		{ "session", DG_F_LATER, 0, NULL, NULL },
		{ "hop", DG_F_LATER, 0, NULL, NULL },
		{ "login", DG_F_LATER, 0, NULL, NULL },
		{ "auth", DG_F_READ, 0, NULL, read_auth },
		{ "tls", DG_F_READ, 0, NULL, read_tls },
		{ "limits", DG_F_READ, 0, NULL, read_limits },
		{ "from", DG_F_LATER, 0, NULL, NULL },
		{ "on", DG_F_READ, 0, NULL, read_on },
		{ NULL, DG_F_LATER, 0, NULL, NULL },
	};
#undef AT
	struct decl *d = (struct decl *)decl;

	d->x.tls_offer = true;
	d->required = -1;
	d->at = r->at;
	dg_read_fields(r, fields, d, NULL);
	if (!d->has_match && lua_type(r->L, -1) == LUA_TTABLE &&
	    !dg_read_means(r, fields, "match"))
		dg_read_bad(r,
		    "needs match = { ... }: who this is (match = {} is "
		    "everybody)");
	if (strcmp(d->d.name, "anyone") == 0)
		dg_read_bad(r,
		    "\"anyone\" is who nobody else is; choose another name");
}

/* ---- at the end ---- */

static void
finish_names(struct dg_load *ld, struct decl *d)
{
	const struct dg_policy_options *o = &ld->p->o;

	if (d->users.name != NULL) {
		for (size_t i = 0; i < o->n_users; i++)
			if (strcmp(o->users[i].name, d->users.name) == 0) {
				if (o->verify != NULL)
					d->table = &o->verify[i];
				d->x.users = o->users[i].name;
			}
		if (d->x.users == NULL && (o->is_lab || o->lacks_names))
			d->x.users = d->users.name;
		if (d->x.users == NULL)
			dg_load_bad(ld, &d->users.place,
			    "auth.users: no users \"%s\" in dragoman.yaml%s",
			    d->users.name,
			    dg_near(ld, d->users.name,
				dg_option_names(ld, o->users, o->n_users)));
	}
	if (d->listener.name != NULL) {
		for (size_t i = 0; i < o->n_listeners; i++)
			if (strcmp(o->listeners[i].name, d->listener.name) == 0)
				d->x.match.listener = o->listeners[i].name;
		if (d->x.match.listener == NULL &&
		    (o->is_lab || o->lacks_names))
			d->x.match.listener = d->listener.name;
		if (d->x.match.listener == NULL)
			dg_load_bad(ld, &d->listener.place,
			    "match.listener: no listener \"%s\" in "
			    "dragoman.yaml%s",
			    d->listener.name,
			    dg_near(ld, d->listener.name,
				dg_option_names(ld, o->listeners,
				    o->n_listeners)));
	}
}

/* What the peer's users can be verified by: some of them, or all. */
static unsigned
verifiable(const struct decl *d, bool by_all)
{
	if (d->table == NULL || d->table->of_any == 0)
		return dg_mech_takable();
	return by_all ? d->table->of_all : d->table->of_any;
}

static const char *
clear_names(unsigned mechs)
{
	bool login = (mechs & DG_MECH_BIT(DG_MECH_LOGIN)) != 0;
	bool plain = (mechs & DG_MECH_BIT(DG_MECH_PLAIN)) != 0;

	return login && plain ? "LOGIN and PLAIN" : login ? "LOGIN" : "PLAIN";
}

/* What a users table lacks for it, as passwd writes it. */
static const char *
scheme_of(enum dg_mech m)
{
	switch (m) {
	case DG_MECH_SCRAM_SHA_256:
	case DG_MECH_SCRAM_SHA_256_PLUS:
		return "{scram-sha-256} key";
	case DG_MECH_SCRAM_SHA_1:
	case DG_MECH_SCRAM_SHA_1_PLUS:
		return "{scram-sha-1} key";
	default:
		return "{nt} hash";
	}
}

/* Mechanisms that were named, by the policy or a line of the dialect, and
 * that the users of this peer cannot be verified by.  by: who names them. */
static void
check_verifiable(struct dg_load *ld, const struct decl *d, unsigned mechs,
    const struct dg_place *at, const char *by)
{
	for (unsigned m = 0; m < DG_MECH_N; m++) {
		const char *name = dg_mech_name((enum dg_mech)m);

		if (!(mechs & DG_MECH_BIT(m)))
			continue;
		if (dg_mech_untakable((enum dg_mech)m) != NULL) {
			dg_load_bad(ld, at, "%s %s: it %s", by, name,
			    dg_mech_untakable((enum dg_mech)m));
		} else if (!(verifiable(d, false) & DG_MECH_BIT(m))) {
			dg_load_bad(ld, at,
			    "%s %s, and nobody in users \"%s\" has a %s: "
			    "\"dragoman passwd\" makes it",
			    by, name, d->users.name,
			    scheme_of((enum dg_mech)m));
		} else if (!(verifiable(d, true) & DG_MECH_BIT(m))) {
			dg_load_say(ld, at, true,
			    "%s %s, and some in users \"%s\" have no %s: they "
			    "cannot log in by it",
			    by, name, d->users.name,
			    scheme_of((enum dg_mech)m));
		}
	}
}

static unsigned
clear_mechs(unsigned mechs)
{
	unsigned clear = 0;

	for (unsigned m = 0; m < DG_MECH_N; m++)
		if (dg_mech_is_clear((enum dg_mech)m))
			clear |= DG_MECH_BIT(m);
	return mechs & clear;
}

/* The lines that the peer is shown, one by one. */
static void
check_promises(struct dg_load *ld, struct decl *d)
{
	const struct dg_dialect *x = d->x.dialect;

	for (size_t i = 0; i < x->n_offer; i++) {
		const struct dg_offer_line *l = &x->offer[i];
		unsigned beyond = l->all ? 0 : l->mechs & ~d->x.mechs;

		if (l->all)
			continue;
		if (d->users.name == NULL && l->mechs != 0) {
			dg_load_bad(ld,
			    d->dialect.name != NULL ? &d->dialect.place
						    : &d->at,
			    "dialect \"%s\" shows \"%s\", and there are no "
			    "auth.users to verify a login",
			    x->name, l->text);
			return;
		}
		if (!d->has_mechs)
			check_verifiable(ld, d, l->mechs,
			    d->dialect.name != NULL ? &d->dialect.place
						    : &d->at,
			    "the dialect shows");
		for (unsigned m = 0; m < DG_MECH_N; m++)
			if ((beyond & DG_MECH_BIT(m)) != 0)
				dg_load_bad(ld, &d->mechs_at,
				    "auth.mechanisms leaves out %s, which "
				    "dialect \"%s\" shows (\"%s\")",
				    dg_mech_name((enum dg_mech)m), x->name,
				    l->text);
	}
}

/* Passwords in clear: before TLS the machine takes them from a peer named by
 * address alone; a line that shows them to others is a promise it will not
 * keep. */
static void
check_clear(struct dg_load *ld, const struct decl *d)
{
	const struct dg_place *at = d->has_mechs ? &d->mechs_at : &d->at;
	unsigned shown = 0, lines = 0;

	for (size_t i = 0; i < d->x.dialect->n_offer; i++) {
		const struct dg_offer_line *l = &d->x.dialect->offer[i];

		shown |= l->all ? d->x.mechs : l->mechs;
		lines |= l->all ? 0 : l->mechs;
	}
	shown = clear_mechs(shown & d->x.mechs);
	lines = clear_mechs(lines & d->x.mechs);
	if (d->x.users == NULL || d->x.tls_require || shown == 0)
		return;
	if (d->x.names_address)
		dg_load_say(ld, at, true,
		    "%s would come in clear without TLS; say tls = { require = "
		    "true } or leave it out of auth.mechanisms",
		    clear_names(shown));
	else if (lines != 0)
		dg_load_say(ld, at, !d->x.auth_required,
		    "shows %s without TLS to whoever comes; say tls = { "
		    "require = true } or name the peer by match.address",
		    clear_names(lines));
}

/* "AUTH *" by itself: what the users can be verified by.  SCRAM only when all
 * of them can: a client takes the strongest that it is shown, and those without
 * a key would be locked out by their neighbour's new one. */
static unsigned
all_mechs(const struct decl *d)
{
	unsigned scram = 0;

	for (unsigned m = 0; m < DG_MECH_N; m++)
		if (strncmp(dg_mech_name((enum dg_mech)m), "SCRAM", 5) == 0)
			scram |= DG_MECH_BIT(m);
	return (verifiable(d, false) & ~scram) | (verifiable(d, true) & scram);
}

/* Nothing weaker than what is shown is taken, unless mechanisms says so. */
static unsigned
default_mechs(const struct decl *d)
{
	const struct dg_dialect *x = d->x.dialect;
	unsigned mechs = 0;

	for (size_t i = 0; i < x->n_offer; i++)
		mechs |= x->offer[i].all ? all_mechs(d) : x->offer[i].mechs;
	return mechs != 0 ? mechs : all_mechs(d);
}

static void
finish_one(struct dg_load *ld, struct decl *d)
{
	d->x.name = d->d.name;
	d->x.where = d->d.where;
	d->x.dialect = d->dialect.name != NULL ? dg_dialect_get(ld, &d->dialect)
					       : dg_dialect_rfc4954();
	finish_names(ld, d);
	d->x.auth_required = d->users.name != NULL && d->required != 0;
	if (d->x.dialect == NULL)
		return;
	if (!d->has_mechs)
		d->x.mechs = default_mechs(d);
	else if (d->users.name != NULL)
		check_verifiable(ld, d, d->x.mechs & dg_mech_takable(),
		    &d->mechs_at, "auth.mechanisms has");
	check_promises(ld, d);
	check_clear(ld, d);
}

const char *
dg_peer_name_find(struct dg_load *ld, const struct dg_ref *ref)
{
	const struct dg_decl *d = dg_decl_find(&ld->peers, ref->name);

	if (d != NULL)
		return d->name;
	if (strcmp(ref->name, "anyone") == 0)
		return ref->name;
	if (!ld->has_failed)
		dg_load_bad(ld, &ref->place, "no peer \"%s\"%s", ref->name,
		    dg_near(ld, ref->name, dg_decl_names(ld, &ld->peers)));
	return NULL;
}

void
dg_peers_finish(struct dg_load *ld, struct dg_rules *out)
{
	const struct dg_peer **v =
	    dg_load_alloc(ld, (ld->peers.n + 1) * sizeof(*v));

	for (struct dg_decl *d = ld->peers.first; d != NULL; d = d->next) {
		if (!d->has_table)
			continue;
		finish_one(ld, (struct decl *)d);
		v[out->n_peers++] = &((struct decl *)d)->x;
	}
	out->peers = v;
}
