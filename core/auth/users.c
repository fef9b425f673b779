/* users.c - the users file: who may log in to us.
 *
 * Why parsed whole or not at all: a line that is half understood is an account
 * that someone believes closed, or open.  All bad lines are told at once, each
 * with line and column, never with what could be a secret.  Look-ups go through
 * names in upper case, sorted, because a client may write them as it likes.
 */
#include "dragoman/auth/users.h"

#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/enc.h"

enum {
	NAME_MAX_BYTES = 256,
	LINE_ROOM = 2048,
	HASH_HEX = 32
};

struct account {
	char *name;  /* as written */
	char *upper; /* as compared */
	unsigned line;
	struct dg_credential c;
};

struct dg_users {
	struct account *v; /* in file order */
	size_t n, room;
	const struct account **sorted; /* by upper */
};

struct parse {
	struct dg_users *u;
	dg_lines_error *on_error;
	void *ctx;
	struct dg_str line; /* views into it say the column */
	unsigned number;
	bool has_failed; /* this line */
	bool has_any_failed;
};

static const char *const schemes[] = { "nt", "lm", "scram-sha-256",
	"scram-sha-1", NULL };

/* `at` is a view into the line: where the trouble begins. */
static void
tell(struct parse *p, struct dg_str at, const char *what)
{
	p->has_failed = p->has_any_failed = true;
	p->on_error(p->ctx, p->number, (unsigned)(at.p - p->line.p) + 1, what);
}

/* ---- fields ---- */

/* An unknown {scheme}: say it again only when it looks like one. */
static void
tell_scheme(struct parse *p, struct dg_str field, struct dg_str name)
{
	const char *near = dg_did_you_mean(name, schemes);
	char text[160];

	for (size_t i = 0; i < name.n; i++)
		if (name.n > 20 || name.p[i] <= ' ' || name.p[i] > '~')
			name = DG_STR("?");
	if (near != NULL)
		snprintf(text, sizeof(text),
		    "unknown scheme {%.*s}; did you mean {%s}?", DG_FMT(name),
		    near);
	else
		snprintf(text, sizeof(text),
		    "unknown scheme {%.*s}: expected {nt}, {lm} or "
		    "{scram-sha-256}",
		    DG_FMT(name));
	tell(p, field, text);
}

static void
read_hash(struct parse *p, struct dg_str hex, bool *has, uint8_t out[16])
{
	struct dg_buf b;

	if (*has) {
		tell(p, hex, "this hash is given twice");
		return;
	}
	dg_buf_init(&b, 16);
	if (hex.n != HASH_HEX || dg_hex_read(&b, hex) != DG_OK) {
		tell(p, hex, "expected 32 hex digits");
	} else {
		memcpy(out, b.p, 16);
		*has = true;
	}
	dg_buf_wipe(&b);
	dg_buf_fini(&b);
}

/* The part up to the next comma as base64; false when it is none. */
static bool
take_base64(struct dg_str *s, uint8_t *to, size_t least, size_t most, size_t *n)
{
	size_t end = dg_str_find(*s, ',');
	struct dg_buf b;
	bool ok;

	dg_buf_init(&b, most);
	ok = dg_base64_read(&b, dg_str_sub(*s, 0, end)) == DG_OK &&
	     b.n >= least && b.n <= most;
	if (ok)
		memcpy(to, b.p, b.n);
	*n = ok ? b.n : 0;
	*s = dg_str_from(*s, end < s->n ? end + 1 : end);
	dg_buf_wipe(&b);
	dg_buf_fini(&b);
	return ok;
}

static void
read_scram(struct parse *p, struct dg_str text, enum dg_hash h,
    struct dg_credential *c)
{
	struct dg_scram_key *k = &c->scram[h];
	size_t end = dg_str_find(text, ','), size = dg_hash_size(h), n;
	uint64_t iterations;
	struct dg_str rest = dg_str_from(text, end + 1);

	if (k->iterations > 0) {
		tell(p, text, "this key is given twice");
	} else if (!dg_str_u64(dg_str_sub(text, 0, end), &iterations) ||
		   iterations < DG_SCRAM_ITERATIONS_MIN ||
		   iterations > DG_SCRAM_ITERATIONS_MAX) {
		tell(p, text,
		    "expected iterations,salt,StoredKey,ServerKey with 4096 "
		    "to 600000 iterations");
	} else if (!take_base64(&rest, k->salt, 1, sizeof(k->salt),
		       &k->n_salt) ||
		   !take_base64(&rest, k->stored, size, size, &n) ||
		   !take_base64(&rest, k->server, size, size, &n) ||
		   rest.n > 0) {
		tell(p, text,
		    "expected iterations,salt,StoredKey,ServerKey, the last "
		    "three in base64 and of the right length");
	} else {
		k->iterations = (unsigned)iterations;
	}
}

static void
read_field(struct parse *p, struct dg_str field, struct dg_credential *c)
{
	size_t end = dg_str_find(field, '}');
	struct dg_str name = dg_str_sub(field, 1, end - 1);
	struct dg_str value = dg_str_from(field, end + 1);

	if (field.n == 0 || field.p[0] != '{' || end == field.n)
		tell(p, field,
		    "expected {nt} and 32 hex digits: \"dragoman passwd\" "
		    "makes such lines from passwords");
	else if (dg_str_is(name, "nt"))
		read_hash(p, value, &c->has_nt, c->nt);
	else if (dg_str_is(name, "lm"))
		read_hash(p, value, &c->has_lm, c->lm);
	else if (dg_str_is(name, "scram-sha-256"))
		read_scram(p, value, DG_SHA_256, c);
	else if (dg_str_is(name, "scram-sha-1"))
		read_scram(p, value, DG_SHA_1, c);
	else
		tell_scheme(p, field, name);
}

/* ---- lines ---- */

static bool
check_name(struct parse *p, struct dg_str name)
{
	const char *what = NULL;

	if (name.n == 0)
		what = "expected user:{nt}<32 hex digits>";
	else if (name.n > NAME_MAX_BYTES)
		what = "the user name is longer than 256 bytes";
	else if (!dg_utf8_is_valid(name))
		what = "the user name is not valid UTF-8";
	else if (dg_str_find(name, '\\') < name.n ||
		 dg_str_find(name, '@') < name.n)
		what = "a user name has no domain: it is no part of the "
		       "look-up";
	for (size_t i = 0; i < name.n && what == NULL; i++)
		if ((unsigned char)name.p[i] < ' ' || name.p[i] == 0x7f)
			what = "a control byte in the user name";
	if (what != NULL)
		tell(p, name, what);
	return what == NULL;
}

static char *
upper_of(struct dg_str name)
{
	struct dg_buf b;
	char *z;

	dg_buf_init(&b, 4 * name.n);
	(void)dg_upper_add(&b, name);
	z = dg_str_dup(dg_buf_str(&b));
	dg_buf_fini(&b);
	return z;
}

static void
add_account(struct dg_users *u, struct dg_str name, unsigned line,
    const struct dg_credential *c)
{
	if (u->n == u->room) {
		struct account *old = u->v;

		u->room = u->room > 0 ? 2 * u->room : 16;
		u->v = dg_alloc0(u->room * sizeof(*u->v));
		if (u->n > 0)
			memcpy(u->v, old, u->n * sizeof(*old));
		dg_wipe(old, u->n * sizeof(*old)); /* realloc would not */
		free(old);
	}
	u->v[u->n++] = (struct account){
		.name = dg_str_dup(name),
		.upper = upper_of(name),
		.line = line,
		.c = *c,
	};
}

static void
read_line(struct parse *p)
{
	struct dg_str s = dg_str_trim(p->line), name, field;
	struct dg_credential c = { 0 };
	size_t end = dg_str_find(s, ':');

	p->has_failed = false;
	if (s.n == 0 || s.p[0] == '#')
		return;
	name = dg_str_trim(dg_str_sub(s, 0, end));
	if (!check_name(p, name))
		return;
	if (end == s.n) {
		tell(p, dg_str_from(s, end),
		    "expected \":{nt}\" and 32 hex digits behind the user");
		return;
	}
	while (end < s.n) {
		s = dg_str_from(s, end + 1);
		end = dg_str_find(s, ':');
		field = dg_str_sub(s, 0, end);
		read_field(p, field.p != NULL ? field : dg_str_of(s.p, 0), &c);
	}
	if (!p->has_failed && dg_credential_mechs(&c) == 0)
		tell(p, name, "the user has no {nt} hash and no SCRAM key");
	add_account(p->u, name, p->number, &c);
	dg_wipe(&c, sizeof(c));
}

/* ---- the whole ---- */

static int
by_upper(const void *a, const void *b)
{
	const struct account *const *x = a, *const *y = b;
	int order = strcmp((*x)->upper, (*y)->upper);

	if (order == 0)
		order = (*x)->line < (*y)->line ? -1 : 1;
	return order;
}

static void
sort(struct parse *p)
{
	struct dg_users *u = p->u;
	char text[80];

	u->sorted = dg_alloc0((u->n + 1) * sizeof(*u->sorted));
	for (size_t i = 0; i < u->n; i++)
		u->sorted[i] = &u->v[i];
	qsort(u->sorted, u->n, sizeof(*u->sorted), by_upper);
	for (size_t i = 1; i < u->n; i++) {
		const struct account *one = u->sorted[i - 1];

		if (strcmp(one->upper, u->sorted[i]->upper) != 0)
			continue;
		snprintf(text, sizeof(text),
		    "this user is in line %u already (case does not matter)",
		    one->line);
		p->has_any_failed = true;
		p->on_error(p->ctx, u->sorted[i]->line, 1, text);
	}
}

struct dg_users *
dg_users_parse(struct dg_str text, dg_lines_error *on_error, void *ctx)
{
	struct parse p = {
		.u = dg_alloc0(sizeof(*p.u)),
		.on_error = on_error,
		.ctx = ctx,
	};

	while (text.n > 0) {
		size_t end = dg_str_find(text, '\n');

		p.line = dg_str_sub(text, 0, end);
		if (dg_str_has_suffix(p.line, DG_STR("\r")))
			p.line.n--;
		p.number++;
		read_line(&p);
		text = dg_str_from(text, end + 1);
	}
	sort(&p);
	if (!p.has_any_failed)
		return p.u;
	dg_users_free(p.u);
	return NULL;
}

void
dg_users_free(struct dg_users *u)
{
	if (u == NULL)
		return;
	for (size_t i = 0; i < u->n; i++) {
		free(u->v[i].name);
		free(u->v[i].upper);
	}
	dg_wipe(u->v, u->room * sizeof(*u->v));
	free(u->v);
	free(u->sorted);
	free(u);
}

static int
name_against(const void *key, const void *element)
{
	const struct account *const *a = element;

	return strcmp(key, (*a)->upper);
}

const struct dg_credential *
dg_users_find(const struct dg_users *u, struct dg_str account)
{
	const struct account **found;
	char *upper;

	/* a zero byte would compare as the end of the name */
	if (u == NULL || account.n == 0 || account.n > NAME_MAX_BYTES ||
	    memchr(account.p, '\0', account.n) != NULL ||
	    !dg_utf8_is_valid(account))
		return NULL;
	upper = upper_of(account);
	found =
	    bsearch(upper, u->sorted, u->n, sizeof(*u->sorted), name_against);
	free(upper);
	return found != NULL ? &(*found)->c : NULL;
}

unsigned
dg_users_mechs_of_all(const struct dg_users *u)
{
	unsigned mechs = dg_mech_takable();

	for (size_t i = 0; i < u->n; i++)
		mechs &= dg_credential_mechs(&u->v[i].c);
	return mechs;
}

unsigned
dg_users_mechs_of_any(const struct dg_users *u)
{
	unsigned mechs = u->n == 0 ? dg_mech_takable() : 0;

	for (size_t i = 0; i < u->n; i++)
		mechs |= dg_credential_mechs(&u->v[i].c);
	return mechs;
}

/* 32 bytes for this name and this use, made of what only the file knows: the
 * first account, so that they stay when others come and go. */
static void
make_up(const struct dg_credential *from, char use, struct dg_str upper,
    uint8_t *out, size_t n)
{
	uint8_t key[DG_HASH_MAX], made[DG_HASH_MAX];
	struct dg_buf b;

	dg_buf_init(&b, LINE_ROOM);
	(void)dg_buf_reserve(&b, LINE_ROOM); /* wiped: not moved by growing */
	(void)dg_users_line(&b, DG_STR(""), from);
	dg_hash(DG_SHA_256, dg_buf_str(&b), key);
	dg_buf_wipe(&b);
	(void)dg_buf_addc(&b, use);
	(void)dg_buf_add(&b, upper);
	dg_hmac(DG_SHA_256, dg_str_of(key, sizeof(key)), dg_buf_str(&b), made);
	for (size_t i = 0; i < n; i++)
		out[i] = made[i % sizeof(made)];
	dg_buf_fini(&b);
	dg_wipe(key, sizeof(key));
}

void
dg_users_decoy(const struct dg_users *u, struct dg_str account,
    struct dg_credential *out)
{
	static const struct dg_credential none;
	const struct dg_credential *from = u->n > 0 ? &u->v[0].c : &none;
	char *upper;

	*out = *from;
	upper = upper_of(dg_str_sub(account, 0, NAME_MAX_BYTES));
	make_up(from, 'n', dg_str(upper), out->nt, sizeof(out->nt));
	make_up(from, 'l', dg_str(upper), out->lm, sizeof(out->lm));
	for (unsigned h = 0; h < DG_HASH_N; h++) {
		struct dg_scram_key *k = &out->scram[h];

		make_up(from, (char)('a' + h), dg_str(upper), k->salt,
		    k->n_salt);
		make_up(from, 'k', dg_str(upper), k->stored, sizeof(k->stored));
		make_up(from, 's', dg_str(upper), k->server, sizeof(k->server));
	}
	free(upper);
}

size_t
dg_users_count(const struct dg_users *u)
{
	return u->n;
}

const char *
dg_users_name(const struct dg_users *u, size_t i)
{
	return i < u->n ? u->v[i].name : NULL;
}
