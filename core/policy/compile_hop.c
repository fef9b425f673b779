/* compile_hop.c - d.hop { ... } into struct dg_hop. */
#include "schema.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/units.h"

struct login {
	struct dg_hop_login x;
	struct dg_ref secret, token;
};

struct decl {
	struct dg_decl d;
	struct dg_hop x;
	struct dg_ref dialect;
	struct login *logins;
	size_t n_logins;
	int tls, eight_bit;
	bool is_unix; /* lmtp = "unix:/path" */
	bool has_mx_false;
	struct dg_place login_at;
};

size_t
dg_hop_decl_size(void)
{
	return sizeof(struct decl);
}

/* ---- hosts ---- */

static bool
is_port(const char *z)
{
	uint64_t n;

	return dg_str_u64(dg_str(z), &n) && n >= 1 && n <= 65535;
}

/* NULL, or what is wrong with "host", "host:port", "[::1]:port". */
static const char *
host_problem(const char *z)
{
	size_t n = strcspn(z, ":");
	struct dg_net net;

	if (z[0] == '\0' || strpbrk(z, " \t,;/@") != NULL)
		return "is no host: \"mail.example:587\"";
	if (z[0] == '[') {
		const char *end = strchr(z, ']');

		if (end == NULL ||
		    !dg_net_read(dg_str_of(z + 1, (size_t)(end - z - 1)),
			&net) ||
		    net.bits != 128)
			return "is no address in brackets: "
			       "\"[2001:db8::1]:25\"";
		if (end[1] != '\0' && (end[1] != ':' || !is_port(end + 2)))
			return "has no good port behind its \":\"";
		return NULL;
	}
	if (strchr(z + n, ':') != strrchr(z, ':'))
		return "is an IPv6 address without brackets: "
		       "\"[2001:db8::1]:25\"";
	if (n == 0 || n > 253)
		return "is no host: \"mail.example:587\"";
	if (z[n] == ':' && !is_port(z + n + 1))
		return "has no good port behind its \":\"";
	return NULL;
}

static bool
is_empty(lua_State *L)
{
	if (lua_type(L, -1) != LUA_TTABLE)
		return false;
	lua_pushnil(L);
	if (lua_next(L, -2) == 0)
		return true;
	lua_pop(L, 2);
	return false;
}

static void
read_hosts(struct dg_reader *r, void *obj)
{
	struct decl *d = obj;
	size_t n;

	if (lua_type(r->L, -1) == LUA_TSTRING) {
		dg_read_bad(r, "is a list: hosts = { \"%.100s\" }",
		    lua_tostring(r->L, -1));
		return;
	}
	d->x.hosts = dg_read_list(r, false, &n);
	d->x.n_hosts = n;
	for (size_t i = 0; i < n; i++) {
		const char *problem = host_problem(d->x.hosts[i]);

		dg_step_item(r, (int)i + 1);
		if (problem != NULL)
			dg_read_bad(r, "\"%s\" %s", d->x.hosts[i], problem);
		dg_step_out(r);
	}
	if (is_empty(r->L))
		dg_read_bad(r, "is empty");
}

/* ---- lmtp ---- */

enum {
	UNIX_PATH_MAX = 107 /* sockaddr_un has 108, a NUL included */
};

static const char *
lmtp_problem(const char *z)
{
	const char *problem;

	if (strncmp(z, "unix:", 5) == 0) {
		if (z[5] != '/')
			return "needs an absolute path: \"unix:/run/lmtp\"";
		return strlen(z + 5) <= UNIX_PATH_MAX
		    ? NULL
		    : "is longer than the path of a socket may be (107)";
	}
	problem = host_problem(z);
	if (problem != NULL)
		return problem;
	/* RFC 2033 5: never on port 25 */
	z += z[0] == '[' ? strcspn(z, "]") : strcspn(z, ":");
	return strchr(z, ':') != NULL && strcmp(strchr(z, ':'), ":25") != 0
	    ? NULL
	    : "needs the port of an LMTP server: \"mail.example:24\"";
}

static void
read_lmtp(struct dg_reader *r, void *obj)
{
	struct decl *d = obj;
	const char *z = dg_read_string(r, "\"unix:/path\" or \"host:port\"");
	const char *problem, **hosts;

	if (z == NULL)
		return;
	problem = lmtp_problem(z);
	if (problem != NULL) {
		dg_read_bad(r, "\"%s\" %s", z, problem);
		return;
	}
	hosts = dg_load_alloc(r->ld, 2 * sizeof(*hosts));
	hosts[0] = z;
	d->x.hosts = hosts;
	d->x.n_hosts = 1;
	d->x.is_lmtp = true;
	d->is_unix = strncmp(z, "unix:", 5) == 0;
}

/* ---- login ---- */

/* [1] of a row, or NULL. */
static const char *
item_string(struct dg_reader *r, int i)
{
	const char *z = NULL;

	lua_rawgeti(r->L, -1, i);
	if (lua_type(r->L, -1) == LUA_TSTRING)
		z = dg_load_str(r->ld, dg_str(lua_tostring(r->L, -1)));
	lua_pop(r->L, 1);
	return z;
}

static const char *
secret_of(struct dg_reader *r)
{
	const char *z = NULL;

	lua_pushliteral(r->L, "secret");
	lua_rawget(r->L, -2);
	if (lua_type(r->L, -1) == LUA_TSTRING)
		z = dg_load_str(r->ld, dg_str(lua_tostring(r->L, -1)));
	lua_pop(r->L, 1);
	return z;
}

static const struct dg_field login_fields[] = {
	{ "secret", DG_F_REF, offsetof(struct login, secret), NULL, NULL },
	{ "user", DG_F_STRING, offsetof(struct login, x.user), NULL, NULL },
	{ "token", DG_F_REF, offsetof(struct login, token), NULL, NULL },
	{ NULL, DG_F_LATER, 0, NULL, NULL },
};

/* The named fields of a row: dg_read_fields would take its [1] for a mistake,
 * so a copy without it is read. */
static void
read_login_fields(struct dg_reader *r, struct login *out)
{
	lua_State *L = r->L;

	lua_newtable(L);
	for (lua_pushnil(L); lua_next(L, -3) != 0; lua_pop(L, 1))
		if (!lua_isinteger(L, -2)) {
			lua_pushvalue(L, -2);
			lua_pushvalue(L, -2);
			lua_rawset(L, -5);
		}
	dg_read_fields(r, login_fields, out, NULL);
	lua_pop(L, 1);
}

static bool
needs_own_row(struct dg_reader *r, const char *first)
{
	const char *second = item_string(r, 2);
	const char *secret = secret_of(r);

	if (second == NULL)
		return false;
	if (!dg_is_mech(second)) {
		dg_read_bad(r,
		    "\"%.60s\" is no mechanism; a secret is named: { \"%s\", "
		    "secret = \"...\" }",
		    second, first);
		return true;
	}
	if (secret == NULL)
		secret = "x";
	dg_read_bad(r,
	    "\"%s\" needs its own row: { { \"%s\", secret=\"%s\" }, { \"%s\", "
	    "secret=\"%s\" } }",
	    second, first, secret, second, secret);
	return true;
}

static bool
row_has(struct dg_reader *r, const char *key)
{
	bool is_there;

	lua_pushstring(r->L, key);
	lua_rawget(r->L, -2);
	is_there = !lua_isnil(r->L, -1);
	lua_pop(r->L, 1);
	return is_there;
}

/* What a login by it is made of; false: told. */
static bool
has_what_it_needs(struct dg_reader *r, enum dg_mech m, const char *mech)
{
	bool secret = row_has(r, "secret"), user = row_has(r, "user");
	bool token = row_has(r, "token");

	switch (dg_mech_wants(m)) {
	case DG_WANTS_TOKEN:
		if (secret ? !user && !token : user && token)
			return true;
		dg_read_bad(r,
		    "\"%s\" needs user = \"...\" and token = \"...\", or a "
		    "secret that holds both",
		    mech);
		return false;
	case DG_WANTS_NOTHING:
		if (!secret && !token)
			return true;
		dg_read_bad(r, "\"%s\" takes no secret: %s", mech,
		    m == DG_MECH_GSSAPI ? "its ticket is Kerberos's own"
					: "the certificate says who we are");
		return false;
	default:
		if (!secret)
			dg_read_bad(r, "\"%s\" needs secret = \"...\"", mech);
		else if (user || token)
			dg_read_bad(r,
			    "\"%s\" takes a secret, which holds the user",
			    mech);
		return secret && !user && !token;
	}
}

static void
read_login_row(struct dg_reader *r, void *obj)
{
	struct decl *d = obj;
	struct login *l = &d->logins[d->n_logins];
	const char *mech;

	if (!dg_read_is_table(r, "a row: { \"NTLM\", secret = \"x\" }"))
		return;
	mech = item_string(r, 1);
	if (mech == NULL) {
		dg_read_bad(r,
		    "needs a mechanism first: { \"NTLM\", secret = \"x\" }");
		return;
	}
	if (needs_own_row(r, mech))
		return;
	memset(l, 0, sizeof(*l));
	read_login_fields(r, l);
	if (!dg_read_mech(r, mech, &l->x.mech))
		return;
	l->x.where = dg_place_where(r->ld, &r->at);
	if (has_what_it_needs(r, l->x.mech, mech))
		d->n_logins++;
}

static void
read_login(struct dg_reader *r, void *obj)
{
	struct decl *d = obj;
	lua_State *L = r->L;
	int type;

	if (lua_type(L, -1) == LUA_TSTRING) {
		dg_read_bad(r, "takes a row: { \"%.40s\", secret = \"x\" }",
		    lua_tostring(L, -1));
		return;
	}
	if (!dg_read_is_table(r, "a row: { \"NTLM\", secret = \"x\" }"))
		return;
	d->login_at = r->at;
	d->logins =
	    dg_load_alloc(r->ld, (lua_rawlen(L, -1) + 1) * sizeof(*d->logins));
	type = lua_rawgeti(L, -1, 1);
	lua_pop(L, 1);
	if (type == LUA_TTABLE)
		(void)dg_read_each(r, "a list of rows", read_login_row, d);
	else
		read_login_row(r, d);
}

/* ---- retry, when, limits, on ---- */

struct durations {
	int64_t *v;
	size_t n;
};

static void
read_retry_item(struct dg_reader *r, void *obj)
{
	struct durations *t = obj;

	if (dg_read_duration(r, &t->v[t->n]))
		t->n++;
}

static void
read_retry(struct dg_reader *r, void *obj)
{
	struct decl *d = obj;
	struct durations t = { NULL, 0 };

	if (!dg_read_is_table(r, "a list of times: { \"1m\", \"5m\" }"))
		return;
	t.v = dg_load_alloc(r->ld, (lua_rawlen(r->L, -1) + 1) * sizeof(*t.v));
	(void)dg_read_each(r, "a list of times", read_retry_item, &t);
	if (lua_rawlen(r->L, -1) == 0)
		dg_read_bad(r, "is empty");
	if (t.n > 0) {
		d->x.retry_ms = t.v;
		d->x.n_retry = t.n;
	}
}

static void
read_when(struct dg_reader *r, void *obj)
{
	static const char *const actions[] = { "retry", "hold", "fail",
		"next-host", "next-verb", NULL };
	struct decl *d = obj;
	const char *const *keys;
	size_t n;

	if (!dg_read_is_table(r,
		"a table: { [\"no-common-auth\"] = \"fail\" }"))
		return;
	keys = dg_read_keys(r, &n);
	for (size_t i = 0; i < n; i++) {
		enum dg_meaning m;
		enum dg_action a;
		const char *z;

		dg_step_key(r, keys[i]);
		lua_pushstring(r->L, keys[i]);
		lua_rawget(r->L, -2);
		z = dg_read_string(r, "an action");
		if (!dg_meaning_find(dg_str(keys[i]), &m) ||
		    m == DG_MEANING_OK) {
			dg_read_bad(r, "unknown meaning \"%s\"%s", keys[i],
			    dg_near(r->ld, keys[i], dg_meaning_names()));
		} else if (z != NULL && !dg_action_find(dg_str(z), &a)) {
			dg_read_bad(r,
			    "\"%s\" is none of retry, hold, fail, next-host, "
			    "next-verb%s",
			    z, dg_near(r->ld, z, actions));
		} else if (z != NULL) {
			d->x.has_when[m] = true;
			d->x.when[m] = a;
		}
		lua_pop(r->L, 1);
		dg_step_out(r);
	}
}

static void
read_rate(struct dg_reader *r, void *obj)
{
	struct decl *d = obj;
	const char *z = dg_read_string(r, "a rate such as \"30/min\"");

	if (z != NULL &&
	    !dg_rate_read(dg_str(z), &d->x.rate_n, &d->x.rate_ms)) {
		d->x.rate_n = 0;
		dg_read_bad(r,
		    "\"%s\" is no rate: \"30/min\" \"5/s\" \"100/10m\"",
		    z);
	}
}

static void
read_limits(struct dg_reader *r, void *obj)
{
	static const struct dg_field fields[] = {
		{ "connections", DG_F_COUNT,
		    offsetof(struct decl, x.connections), NULL, NULL },
		{ "messages", DG_F_READ, 0, NULL, read_rate },
		{ "messages_a_connection", DG_F_COUNT,
		    offsetof(struct decl, x.messages_a_connection), NULL,
		    NULL },
		{ "size", DG_F_LATER, 0, NULL, NULL },
		{ "recipients", DG_F_LATER, 0, NULL, NULL },
		{ NULL, DG_F_LATER, 0, NULL, NULL },
	};

	dg_read_fields(r, fields, obj, NULL);
}

static void
read_source(struct dg_reader *r, void *obj)
{
	const char *z = dg_read_string(r, "an address of this host");
	struct dg_net net;

	if (z == NULL)
		return;
	if (dg_net_read(dg_str(z), &net) && net.bits == 128)
		((struct decl *)obj)->x.source = z;
	else
		dg_read_bad(r, "\"%s\" is no address", z);
}

static void
read_helo(struct dg_reader *r, void *obj)
{
	const char *z = dg_read_string(r, "a host name");

	if (z == NULL)
		return;
	if (z[0] != '\0' && strlen(z) <= 255 && strchr(z, ' ') == NULL)
		((struct decl *)obj)->x.helo = z;
	else
		dg_read_bad(r, "\"%s\" is no host name", z);
}

static void
read_on(struct dg_reader *r, void *obj)
{
	dg_read_hooks(r, dg_hop_questions, &((struct decl *)obj)->x.on);
}

/* ---- the declaration ---- */

static const char *const tls_words[] = { "never", "opportunistic", "require",
	"verify", NULL };
static const char *const eight_bits[] = { "send", "refuse", NULL };
static const char *const mx_keys[] = { "port", "loopback" };

static bool
has_key(lua_State *L, const char *key)
{
	bool is_there;

	lua_pushstring(L, key);
	lua_rawget(L, -2);
	is_there = !lua_isnil(L, -1);
	lua_pop(L, 1);
	return is_there;
}

/* hosts, mx or lmtp: where mail goes is said in one way. */
static void
check_ways(struct dg_reader *r, const struct dg_field *fields,
    const struct decl *d)
{
	static const char *const ways[] = { "hosts", "mx", "lmtp" };
	const char *first = NULL;

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (!has_key(r->L, ways[i]))
			continue;
		if (first == NULL) {
			first = ways[i];
			continue;
		}
		dg_step_key(r, ways[i]);
		dg_read_bad(r, "cannot stand beside %s", first);
		dg_step_out(r);
	}
	if (first == NULL ? !dg_read_means(r, fields, "hosts")
			  : strcmp(first, "mx") == 0 && d->has_mx_false)
		dg_read_bad(r, "needs hosts = { \"mail.example:25\" }");
	if (first != NULL && strcmp(first, "mx") == 0)
		return;
	for (size_t i = 0; i < sizeof(mx_keys) / sizeof(mx_keys[0]); i++) {
		if (!has_key(r->L, mx_keys[i]))
			continue;
		dg_step_key(r, mx_keys[i]);
		dg_read_bad(r, "is for mx = true%s",
		    i == 0 ? "; a host's own port stands behind it: "
			     "\"mail.example:587\""
			   : "");
		dg_step_out(r);
	}
}

static void
read_mx(struct dg_reader *r, void *obj)
{
	struct decl *d = obj;

	if (dg_read_bool(r, &d->x.is_mx))
		d->has_mx_false = !d->x.is_mx;
}

static void
read_port(struct dg_reader *r, void *obj)
{
	struct decl *d = obj;

	if (lua_type(r->L, -1) != LUA_TNUMBER)
		dg_read_type(r, "a number");
	else if (!lua_isinteger(r->L, -1) || lua_tointeger(r->L, -1) < 1 ||
		 lua_tointeger(r->L, -1) > 65535)
		dg_read_bad(r, "is no port: 1 to 65535");
	else
		d->x.mx_port = (uint64_t)lua_tointeger(r->L, -1);
}

void
dg_hop_read(struct dg_reader *r, struct dg_decl *decl)
{
#define AT(f) offsetof(struct decl, f)
	static const struct dg_field fields[] = {
		{ "hosts", DG_F_READ, 0, NULL, read_hosts },
		{ "mx", DG_F_READ, 0, NULL, read_mx },
		{ "port", DG_F_READ, 0, NULL, read_port },
		{ "loopback", DG_F_BOOL, AT(x.mx_loopback), NULL, NULL },
		{ "lmtp", DG_F_READ, 0, NULL, read_lmtp },
		{ "dialect", DG_F_REF, AT(dialect), NULL, NULL },
		{ "tls", DG_F_CHOICE, AT(tls), tls_words, NULL },
		{ "login", DG_F_READ, 0, NULL, read_login },
		{ "helo", DG_F_READ, 0, NULL, read_helo },
		{ "source", DG_F_READ, 0, NULL, read_source },
		{ "limits", DG_F_READ, 0, NULL, read_limits },
		{ "retry", DG_F_READ, 0, NULL, read_retry },
		{ "warn", DG_F_DURATION, AT(x.warn_ms), NULL, NULL },
		{ "give_up", DG_F_DURATION, AT(x.give_up_ms), NULL, NULL },
		{ "eight_bit", DG_F_CHOICE, AT(eight_bit), eight_bits, NULL },
		{ "when", DG_F_READ, 0, NULL, read_when },
		{ "on", DG_F_READ, 0, NULL, read_on },
		{ NULL, DG_F_LATER, 0, NULL, NULL },
	};
#undef AT
	static const int64_t minute = 60 * 1000;
	static const int64_t retry[] = { 1 * minute, 5 * minute, 15 * minute,
		30 * minute, 60 * minute, 120 * minute, 240 * minute };
	struct decl *d = (struct decl *)decl;

	d->tls = -1;
	d->x.mx_port = 25;
	d->x.retry_ms = retry;
	d->x.n_retry = sizeof(retry) / sizeof(retry[0]);
	d->x.give_up_ms = 5 * 24 * 60 * minute;
	dg_read_fields(r, fields, d, NULL);
	/* nobody listens between the two ends of a socket in the file system */
	if (d->tls < 0)
		d->tls = d->is_unix ? DG_TLS_NEVER : DG_TLS_OPPORTUNISTIC;
	check_ways(r, fields, d);
	if (d->is_unix && d->tls == (int)DG_TLS_VERIFY) {
		dg_step_key(r, "tls");
		dg_read_bad(r, "a socket in the file system has no name that "
			       "could be verified");
		dg_step_out(r);
	}
	if (d->x.warn_ms >= d->x.give_up_ms) {
		dg_step_key(r, "warn");
		dg_read_bad(r, "must come before give_up");
		dg_step_out(r);
	}
}

/* ---- at the end ---- */

/* The name as YAML has it; NULL: it has none (told), or none was given. */
static const char *
yaml_name(struct dg_load *ld, const struct dg_ref *ref, const char *kind,
    const struct dg_policy_name *names, size_t n)
{
	if (ref->name == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i].name, ref->name) == 0)
			return names[i].name;
	if (ld->p->o.is_lab || ld->p->o.lacks_names)
		return ref->name;
	if (strchr(ref->name, ':') != NULL)
		dg_load_bad(ld, &ref->place,
		    "login: %s is the name of one in dragoman.yaml, and what "
		    "stands here is none",
		    kind);
	else
		dg_load_bad(ld, &ref->place,
		    "login: no %s \"%s\" in dragoman.yaml%s", kind, ref->name,
		    dg_near(ld, ref->name, dg_option_names(ld, names, n)));
	return NULL;
}

static void
finish_logins(struct dg_load *ld, struct decl *d)
{
	const struct dg_policy_options *o = &ld->p->o;
	struct dg_hop_login *v =
	    dg_load_alloc(ld, (d->n_logins + 1) * sizeof(*v));
	enum dg_mech clear = DG_MECH_N;

	for (size_t i = 0; i < d->n_logins; i++) {
		struct login *l = &d->logins[i];

		v[i] = l->x;
		v[i].secret = yaml_name(ld, &l->secret, "secret", o->secrets,
		    o->n_secrets);
		v[i].token =
		    yaml_name(ld, &l->token, "token", o->tokens, o->n_tokens);
		if (dg_mech_is_clear(v[i].mech) && clear == DG_MECH_N)
			clear = v[i].mech;
	}
	d->x.logins = v;
	d->x.n_logins = d->n_logins;
	if (clear != DG_MECH_N && d->tls < (int)DG_TLS_REQUIRE && !d->is_unix)
		dg_load_say(ld, &d->login_at, true,
		    "login: %s may send the %s in clear; say tls = "
		    "\"verify\"",
		    dg_mech_name(clear),
		    dg_mech_wants(clear) == DG_WANTS_TOKEN ? "token"
							   : "password");
}

const char *
dg_hop_name_find(struct dg_load *ld, const struct dg_ref *ref)
{
	const struct dg_decl *d = dg_decl_find(&ld->hops, ref->name);

	if (d != NULL)
		return d->name;
	if (!ld->has_failed)
		dg_load_bad(ld, &ref->place, "no hop \"%s\"%s", ref->name,
		    dg_near(ld, ref->name, dg_decl_names(ld, &ld->hops)));
	return NULL;
}

static int
by_name(const void *a, const void *b)
{
	const struct dg_hop *x = *(const struct dg_hop *const *)a;
	const struct dg_hop *y = *(const struct dg_hop *const *)b;

	return strcmp(x->name, y->name);
}

void
dg_hops_finish(struct dg_load *ld, struct dg_rules *out)
{
	size_t bytes = (ld->hops.n + 1) * sizeof(struct dg_hop *);
	const struct dg_hop **v = dg_load_alloc(ld, bytes);
	const struct dg_hop **sorted = dg_load_alloc(ld, bytes);

	for (struct dg_decl *e = ld->hops.first; e != NULL; e = e->next) {
		struct decl *d = (struct decl *)e;

		if (!e->has_table)
			continue;
		d->x.name = e->name;
		d->x.where = e->where;
		d->x.tls = (enum dg_tls_policy)d->tls;
		d->x.refuse_8bit = d->eight_bit == 1;
		if (d->dialect.name != NULL)
			d->x.dialect = dg_dialect_get(ld, &d->dialect);
		finish_logins(ld, d);
		v[out->n_hops++] = &d->x;
	}
	memcpy(sorted, v, bytes);
	qsort(sorted, out->n_hops, sizeof(*sorted), by_name);
	out->hops = v;
	out->hops_by_name = sorted;
}
