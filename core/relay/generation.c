/*
 * generation.c - everything an administrator wrote, loaded together.
 *
 * Why one object: a reload must be all or nothing, so policy, users, secrets
 * and certificates are read aside, checked, and only then published.  It is
 * immutable after dg_generation_new(), shared by all workers through pins;
 * each worker has its own Lua state inside and touches no other's.
 */
#include "dragoman/relay/generation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dragoman/base/clock.h"
#include "dragoman/policy/lab.h"

enum { FILE_MAX_BYTES = 4 * 1024 * 1024 };

struct named_users {
	const char *name;
	struct dg_users *users;
	struct dg_buf lab_text; /* lab: the users file that it would be */
	char *lab_name;
};

struct named_secret {
	const char *name;
	struct dg_secret_file file;
};

struct hop_logins {
	const struct dg_hop *hop;
	struct dg_login *logins;
	size_t n;
};

struct dg_generation {
	atomic_uint pins;
	unsigned number;
	int64_t loaded_ms;
	struct dg_config *config;
	struct dg_policy *policy;
	struct dg_policy_state **states;
	unsigned n_states;
	struct named_users *users;
	size_t n_users;
	struct named_secret *secrets;
	size_t n_secrets;
	struct dg_tls **listener_tls; /* by config's index; NULL entries */
	struct dg_tls *hop_tls;
	struct hop_logins *logins;
	size_t n_logins;
	bool is_lab;
	struct dg_secret_file lab; /* what a lab logs in with everywhere */
};

static void
complain(struct dg_errors *errors, const struct dg_config_where *w,
    const char *text)
{
	dg_errors_add(errors, w->file, w->line, w->column, false, "%s", text);
}

/* systemd gives a credential to a service's user by an access list, whose mask
 * shows as the group's bits (0440, since version 254); the directory is that
 * service's alone. */
static bool
is_credential(const char *path)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	size_t n = dir != NULL ? strlen(dir) : 0;

	return n > 1 && dir[0] == '/' && strncmp(path, dir, n) == 0 &&
	       path[n] == '/' && strchr(path + n + 1, '/') == NULL;
}

/* Read a whole file that only we may read; says what is wrong at *where. */
static bool
read_private(const char *path, const struct dg_config_where *where,
    const char *what, struct dg_buf *out, struct dg_errors *errors)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok = false;

	if (fd < 0 || fstat(fd, &st) != 0) {
		dg_errors_add(errors, where->file, where->line, where->column,
		    false, "%s: cannot read %s: %s", what, path,
		    strerror(errno));
		goto out;
	}
	if ((st.st_mode & S_IRWXO) != 0 ||
	    ((st.st_mode & S_IRWXG) != 0 && !is_credential(path))) {
		dg_errors_add(errors, where->file, where->line, where->column,
		    false,
		    "%s: %s can be read by others (mode %04o); say: chmod 600 "
		    "%s",
		    what, path, (unsigned)st.st_mode & 07777u, path);
		goto out;
	}
	for (;;) {
		ssize_t got;

		if (dg_buf_reserve(out, 4096) != DG_OK) {
			dg_errors_add(errors, where->file, where->line,
			    where->column, false, "%s: %s is too large", what,
			    path);
			goto out;
		}
		got = read(fd, out->p + out->n, 4096);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			dg_errors_add(errors, where->file, where->line,
			    where->column, false, "%s: cannot read %s: %s",
			    what, path, strerror(errno));
			goto out;
		}
		if (got == 0)
			break;
		out->n += (size_t)got;
	}
	ok = true;
out:
	if (fd >= 0)
		close(fd);
	return ok;
}

struct users_errors {
	struct dg_errors *errors;
	const char *file;
};

static void
on_users_error(void *ctx, unsigned line, unsigned column, const char *what)
{
	struct users_errors *u = ctx;

	dg_errors_add(u->errors, u->file, line, column, false, "%s", what);
}

static void
load_users(struct dg_generation *g, struct dg_errors *errors)
{
	const struct dg_config *c = g->config;

	g->users = dg_alloc0((c->n_users + 1) * sizeof(*g->users));
	for (size_t i = 0; i < c->n_users; i++) {
		struct users_errors ue = { errors, c->users[i].file };
		char *what = dg_sprintf("users \"%s\"", c->users[i].name);
		struct dg_buf text;

		dg_buf_init(&text, FILE_MAX_BYTES);
		g->users[i].name = c->users[i].name;
		if (c->users[i].file == NULL)
			; /* told: it is the YAML that is wrong */
		else if (read_private(c->users[i].file, &c->users[i].where, what,
			&text, errors))
			g->users[i].users = dg_users_parse(
			    dg_buf_str(&text), on_users_error, &ue);
		dg_buf_wipe(&text);
		dg_buf_fini(&text);
		free(what);
		g->n_users = i + 1;
	}
}

static void
load_secret(struct dg_generation *g, size_t i, struct dg_errors *errors)
{
	const struct dg_config_file *f = &g->config->secrets[i];
	char *what = dg_sprintf("secret \"%s\"", f->name);
	struct dg_err e = { 0 };
	struct dg_buf text;

	dg_buf_init(&text, FILE_MAX_BYTES);
	g->secrets[i].name = f->name;
	if (f->env != NULL) {
		const char *z = getenv(f->env);

		if (z == NULL) {
			dg_errors_add(errors, f->where.file, f->where.line,
			    f->where.column, false,
			    "%s: environment variable %s is not set", what,
			    f->env);
			goto out;
		}
		(void)dg_buf_adds(&text, z);
	} else if (f->file == NULL || !read_private(f->file, &f->where, what, &text, errors)) {
		goto out;
	}
	if (dg_secret_file_parse(dg_buf_str(&text), &g->secrets[i].file, &e) !=
	    DG_OK)
		dg_errors_add(errors, f->file != NULL ? f->file : f->where.file,
		    f->file != NULL ? 1 : f->where.line, 1, false, "%s: %s",
		    what, e.text);
	else if (dg_str_is(dg_str_of(g->secrets[i].file.password.p,
			      g->secrets[i].file.password.n),
		     DG_SECRET_PLACEHOLDER))
		dg_errors_add(errors, f->where.file, f->where.line,
		    f->where.column, true,
		    "%s: still holds the placeholder \"%s\" of `dragoman "
		    "init`",
		    what, DG_SECRET_PLACEHOLDER);
out:
	dg_buf_wipe(&text);
	dg_buf_fini(&text);
	free(what);
}

static void
load_secrets(struct dg_generation *g, struct dg_errors *errors)
{
	const struct dg_config *c = g->config;

	g->secrets = dg_alloc0((c->n_secrets + 1) * sizeof(*g->secrets));
	g->n_secrets = c->n_secrets;
	for (size_t i = 0; i < c->n_secrets; i++)
		load_secret(g, i, errors);
}

static void
load_certificates(struct dg_generation *g, struct dg_errors *errors)
{
	const struct dg_config *c = g->config;
	struct dg_err e = { 0 };

	g->listener_tls =
	    dg_alloc0((c->n_listeners + 1) * sizeof(struct dg_tls *));
	for (size_t i = 0; i < c->n_listeners; i++) {
		const struct dg_config_listener *l = &c->listeners[i];

		if (l->tls_certificate == NULL || l->tls_key == NULL)
			continue;
		if (g->is_lab) {
			g->listener_tls[i] = dg_tls_bare_new(true);
			continue;
		}
		g->listener_tls[i] = dg_tls_server_new(
		    l->tls_certificate, l->tls_key, DG_TLS_1_2, &e);
		if (g->listener_tls[i] == NULL)
			complain(errors, &l->tls_where, e.text);
	}
	g->hop_tls = g->is_lab
	    ? dg_tls_bare_new(false)
	    : dg_tls_client_new(c->tls_ca, DG_TLS_1_2, &e);
	if (g->hop_tls == NULL)
		dg_errors_add(errors, c->file, 0, 0, false, "%s", e.text);
}

static struct dg_policy_name
name_at(const char *name, const char *value, const struct dg_config_where *w)
{
	return (struct dg_policy_name){ name, value, w->file, w->line,
		w->column };
}

static struct dg_policy_name *
names_of(const struct dg_config_file *files, size_t n)
{
	struct dg_policy_name *out = dg_alloc0((n + 1) * sizeof(*out));

	for (size_t i = 0; i < n; i++)
		out[i] = name_at(files[i].name, NULL, &files[i].where);
	return out;
}

static struct dg_policy_allow *
allowed(const struct dg_config *c, size_t *n)
{
	struct dg_policy_allow *out;
	size_t i;

	for (*n = 0; c->policy_allow[*n] != NULL;)
		(*n)++;
	out = dg_alloc0((*n + 1) * sizeof(*out));
	for (i = 0; i < *n; i++) {
		struct dg_config_where w =
		    dg_config_where(c, "policy.allow", i);

		out[i] = (struct dg_policy_allow){ c->policy_allow[i], w.file,
			w.line, w.column };
	}
	return out;
}

/* limits.questions: names are those of questions. */
static void
fill_budgets(const struct dg_config *c, struct dg_policy_budget *budget,
    struct dg_errors *errors)
{
	const char *names[DG_Q_N + 1] = { NULL };

	for (int q = 0; q < DG_Q_N; q++) {
		names[q] = dg_question_name((enum dg_question)q);
		budget[q].instructions =
		    (unsigned long)c->limits.policy_instructions;
		budget[q].run_ms = c->limits.policy_run_ms;
	}
	for (size_t i = 0; i < c->n_questions; i++) {
		const struct dg_config_question *x = &c->questions[i];
		const char *near = dg_did_you_mean(dg_str(x->name), names);
		int q = 0;

		while (q < DG_Q_N && strcmp(names[q], x->name) != 0)
			q++;
		if (q == DG_Q_N) {
			dg_errors_add(errors, x->where.file, x->where.line,
			    x->where.column, false,
			    "limits.questions: no question \"%s\"%s%s%s",
			    x->name, near != NULL ? "; did you mean \"" : "",
			    near != NULL ? near : "",
			    near != NULL ? "\"?" : "");
			continue;
		}
		if (x->instructions != 0)
			budget[q].instructions =
			    (unsigned long)x->instructions;
		if (x->run_ms != 0)
			budget[q].run_ms = x->run_ms;
		budget[q].wait_ms = x->wait_ms;
		budget[q].result = (size_t)x->result;
	}
}

static struct dg_policy_users *
verifiers_of(const struct dg_generation *g)
{
	struct dg_policy_users *out =
	    dg_alloc0((g->config->n_users + 1) * sizeof(*out));

	for (size_t i = 0; i < g->n_users; i++)
		if (g->users[i].users != NULL)
			out[i] = (struct dg_policy_users){
				.of_all =
				    dg_users_mechs_of_all(g->users[i].users),
				.of_any =
				    dg_users_mechs_of_any(g->users[i].users),
			};
	return out;
}

static void
load_policy(struct dg_generation *g, const struct dg_generation_options *o,
    struct dg_errors *errors)
{
	const struct dg_config *c = g->config;
	struct dg_policy_name *users = names_of(c->users, c->n_users);
	struct dg_policy_users *verify = verifiers_of(g);
	struct dg_policy_name *secrets = names_of(c->secrets, c->n_secrets);
	struct dg_policy_name *vars =
	    dg_alloc0((c->n_vars + 1) * sizeof(*vars));
	struct dg_policy_name *listeners =
	    dg_alloc0((c->n_listeners + 1) * sizeof(*listeners));
	size_t n_allow;
	struct dg_policy_allow *allow = allowed(c, &n_allow);
	struct dg_policy_options po = {
		.files = (const char *const *)c->policy_files,
		.ready_dirs = o->ready_dirs,
		.allow = allow,
		.n_allow = n_allow,
		.vars = vars,
		.users = users,
		.secrets = secrets,
		.n_vars = c->n_vars,
		.n_users = c->n_users,
		.verify = verify,
		.n_secrets = c->n_secrets,
		.listeners = listeners,
		.n_listeners = c->n_listeners,
		.lacks_names = !c->is_whole,
		.memory_max = (size_t)c->limits.policy_memory,
		.load_instructions = 1000 * 1000 * 1000,
		.is_lab = o->is_lab,
		.cover = o->cover,
	};

	fill_budgets(c, po.budget, errors);
	for (size_t i = 0; i < c->n_vars; i++)
		vars[i] = name_at(c->vars[i].name, c->vars[i].value,
		    &c->vars[i].where);
	for (size_t i = 0; i < c->n_listeners; i++)
		listeners[i] = name_at(c->listeners[i].name, NULL,
		    &c->listeners[i].where);
	g->policy = dg_policy_load(&po, errors);
	if (g->policy != NULL) {
		g->states = dg_alloc0((o->workers + 1) * sizeof(*g->states));
		for (unsigned i = 0; i < o->workers; i++) {
			g->states[i] = dg_policy_state_new(g->policy, errors);
			g->n_states = i + 1;
			if (g->states[i] == NULL)
				break;
		}
	}
	free(allow);
	free(listeners);
	free(vars);
	free(secrets);
	free(verify);
	free(users);
}

static const struct dg_secret_file *
secret_find(const struct dg_generation *g, const char *name)
{
	if (g->is_lab)
		return &g->lab;
	for (size_t i = 0; i < g->n_secrets; i++)
		if (strcmp(g->secrets[i].name, name) == 0)
			return &g->secrets[i].file;
	return NULL;
}

/* Secrets were named at load and checked to exist: here they meet the hops. */
static void
join_logins(struct dg_generation *g, struct dg_errors *errors)
{
	const struct dg_rules *r = dg_policy_rules(g->policy);

	g->logins = dg_alloc0((r->n_hops + 1) * sizeof(*g->logins));
	g->n_logins = r->n_hops;
	for (size_t i = 0; i < r->n_hops; i++) {
		const struct dg_hop *h = r->hops[i];
		struct dg_login *l =
		    dg_alloc0((h->n_logins + 1) * sizeof(*l));

		g->logins[i] = (struct hop_logins){ h, l, h->n_logins };
		for (size_t k = 0; k < h->n_logins; k++) {
			const struct dg_secret_file *s = NULL;

			l[k].mech = h->logins[k].mech;
			if (h->logins[k].user != NULL)
				l[k].user = dg_str(h->logins[k].user);
			if (h->logins[k].secret != NULL || g->is_lab)
				s = secret_find(g, h->logins[k].secret);
			if (s == NULL || s->user == NULL)
				continue; /* told already */
			if (dg_mech_wants(l[k].mech) == DG_WANTS_TOKEN) {
				l[k].user = dg_str(s->user);
				l[k].token =
				    s->password.n > 0 ? &s->password : NULL;
				continue;
			}
			l[k].user = dg_str(s->user);
			l[k].domain = dg_str(s->domain);
			l[k].password =
			    s->password.n > 0 ? &s->password : NULL;
			l[k].has_nt = s->has_nt;
			memcpy(l[k].nt, s->nt, sizeof(l[k].nt));
			if (dg_mech_wants(l[k].mech) == DG_WANTS_PASSWORD &&
			    l[k].password == NULL)
				dg_errors_add(errors, h->logins[k].where.file,
				    (unsigned)h->logins[k].where.line, 0,
				    false,
				    "hop \"%s\": %s needs the password, and "
				    "secret \"%s\" holds only its {nt} hash",
				    h->name, dg_mech_name(l[k].mech),
				    h->logins[k].secret);
		}
	}
}

static void
generation_free(struct dg_generation *g)
{
	for (unsigned i = 0; i < g->n_states; i++)
		dg_policy_state_free(g->states[i]);
	free(g->states);
	for (size_t i = 0; i < g->n_logins; i++) {
		dg_wipe(g->logins[i].logins,
		    g->logins[i].n * sizeof(struct dg_login));
		free(g->logins[i].logins);
	}
	free(g->logins);
	dg_policy_free(g->policy);
	for (size_t i = 0; i < g->n_users; i++) {
		dg_users_free(g->users[i].users);
		dg_buf_fini(&g->users[i].lab_text);
		free(g->users[i].lab_name);
	}
	free(g->users);
	for (size_t i = 0; i < g->n_secrets; i++)
		dg_secret_file_fini(&g->secrets[i].file);
	free(g->secrets);
	dg_secret_file_fini(&g->lab);
	for (size_t i = 0;
	    g->listener_tls != NULL && i < g->config->n_listeners; i++)
		dg_tls_free(g->listener_tls[i]);
	free(g->listener_tls);
	dg_tls_free(g->hop_tls);
	dg_config_free(g->config);
	free(g);
}

struct dg_generation *
dg_generation_new(struct dg_config *own_config,
    const struct dg_generation_options *o, struct dg_errors *errors)
{
	struct dg_generation *g = dg_alloc0(sizeof(*g));

	g->config = own_config;
	g->number = o->number;
	g->loaded_ms = dg_now_ms();
	atomic_init(&g->pins, 1);
	g->is_lab = o->is_lab;
	if (!g->is_lab) {
		load_users(g, errors);
		load_secrets(g, errors);
	} else {
		dg_secret_set(&g->lab.password, DG_STR(DG_LAB_PASSWORD));
		g->lab.user = dg_strdup(DG_LAB_USER);
	}
	load_certificates(g, errors);
	if (own_config->policy_files != NULL)
		load_policy(g, o, errors);
	if (g->policy != NULL)
		join_logins(g, errors);
	if (dg_errors_any(errors)) {
		generation_free(g);
		return NULL;
	}
	return g;
}

struct dg_generation *
dg_generation_pin(struct dg_generation *g)
{
	atomic_fetch_add_explicit(&g->pins, 1, memory_order_relaxed);
	return g;
}

void
dg_generation_unpin(struct dg_generation *g)
{
	if (g != NULL &&
	    atomic_fetch_sub_explicit(&g->pins, 1, memory_order_acq_rel) == 1)
		generation_free(g);
}

unsigned
dg_generation_pins(const struct dg_generation *g)
{
	return atomic_load_explicit(&g->pins, memory_order_relaxed);
}

unsigned
dg_generation_number(const struct dg_generation *g)
{
	return g->number;
}

int64_t
dg_generation_loaded_ms(const struct dg_generation *g)
{
	return g->loaded_ms;
}

const struct dg_config *
dg_generation_config(const struct dg_generation *g)
{
	return g->config;
}

const struct dg_policy *
dg_generation_policy(const struct dg_generation *g)
{
	return g->policy;
}

const struct dg_rules *
dg_generation_rules(const struct dg_generation *g)
{
	return dg_policy_rules(g->policy);
}

struct dg_policy_state *
dg_generation_state(const struct dg_generation *g, unsigned worker)
{
	return g->states[worker];
}

const struct dg_users *
dg_generation_users(const struct dg_generation *g, const char *name)
{
	for (size_t i = 0; name != NULL && i < g->n_users; i++)
		if (strcmp(g->users[i].name, name) == 0)
			return g->users[i].users;
	return NULL;
}

struct dg_tls *
dg_generation_listener_tls(const struct dg_generation *g,
    struct dg_str listener)
{
	for (size_t i = 0; i < g->config->n_listeners; i++)
		if (dg_str_is(listener, g->config->listeners[i].name))
			return g->listener_tls[i];
	return NULL;
}

struct dg_tls *
dg_generation_hop_tls(const struct dg_generation *g)
{
	return g->hop_tls;
}

const struct dg_login *
dg_generation_logins(const struct dg_generation *g, const struct dg_hop *hop,
    size_t *n)
{
	for (size_t i = 0; i < g->n_logins; i++) {
		if (g->logins[i].hop == hop) {
			*n = g->logins[i].n;
			return g->logins[i].logins;
		}
	}
	*n = 0;
	return NULL;
}

static void
ignore_error(void *ctx, unsigned line, unsigned column, const char *what)
{
	(void)ctx;
	(void)line;
	(void)column;
	(void)what;
}

void
dg_generation_lab_user(struct dg_generation *g, struct dg_str table,
    struct dg_str user, struct dg_str password)
{
	struct named_users *u = NULL;
	struct dg_credential c;
	struct dg_err e = { 0 };

	for (size_t i = 0; i < g->n_users; i++)
		if (dg_str_is(table, g->users[i].name))
			u = &g->users[i];
	if (u == NULL) {
		g->users = dg_realloc(g->users,
		    (g->n_users + 1) * sizeof(*g->users));
		u = &g->users[g->n_users++];
		memset(u, 0, sizeof(*u));
		u->name = u->lab_name = dg_str_dup(table);
		dg_buf_init(&u->lab_text, FILE_MAX_BYTES);
	}
	if (dg_credential_make(password, true, &c, &e) != DG_OK &&
	    dg_credential_make(password, false, &c, &e) != DG_OK)
		return;
	for (unsigned h = 0; h < DG_HASH_N; h++)
		(void)dg_credential_add_scram(&c, (enum dg_hash)h, password,
		    DG_SCRAM_ITERATIONS_MIN);
	(void)dg_users_line(&u->lab_text, user, &c);
	(void)dg_buf_addc(&u->lab_text, '\n');
	dg_users_free(u->users);
	u->users =
	    dg_users_parse(dg_buf_str(&u->lab_text), ignore_error, NULL);
}
