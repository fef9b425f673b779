/*
 * cmd_explain.c - `dragoman explain`: why the relay does what it does.
 *
 * With --from and --rcpt a session is made up and played in a lab: the real
 * machines and the policy as `serve` would load it, hops that are scripts, no
 * network, a spool that is thrown away.  With an ID the journal in spool.path
 * is read, whether a relay runs or not.  What is printed is made in Lua
 * (lua/dragoman/explain.lua) from the log's events.
 */
#include "app.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "commands.h"
#include "dragoman/base/log.h"
#include "dragoman/policy/explain.h"
#include "dragoman/wire/path.h"
#include "lab.h"

enum {
	OUT_MAX = 64 * 1024 * 1024,
	LOG_MAX = 16 * 1024 * 1024,
	SCRIPT_MAX = 1024 * 1024,
	RCPTS_MAX = 1000,
};

static const char usage[] =
    "usage: dragoman explain [-c FILE] --from ADDRESS --rcpt RECIPIENT...\n"
    "                        [--listener NAME] [--helo NAME] [--user USER] "
    "[--tls]\n"
    "                        [--mail SENDER] [--hop-script FILE | "
    "--hop-dialect NAME]\n"
    "                        [--json] [--set KEY=VALUE]...\n"
    "       dragoman explain ID [-c FILE] [--json] [--set KEY=VALUE]...\n";

struct command {
	struct app_options o;
	struct dg_explain x;
	const char **rest; /* of the command line, for o */
	const char **rcpts;
	const char *script, *dialect;
	struct dg_buf script_text;
	char *dir; /* temporary */
};

/* ---- the command line ---- */

struct value_option {
	const char *name;
	const char **to;
};

/* "--from X" and "--from=X": the value, or NULL when it is another option;
 * *i moves on. */
static bool
take_value(const char *name, int argc, char **argv, int *i, const char **out)
{
	size_t n = strlen(name);

	if (strncmp(argv[*i], name, n) != 0)
		return false;
	if (argv[*i][n] == '=') {
		*out = argv[*i] + n + 1;
		return true;
	}
	if (argv[*i][n] != '\0')
		return false;
	*out = *i + 1 < argc ? argv[++*i] : NULL;
	return true;
}

static bool
needs_value(const char *name)
{
	fprintf(stderr, "dragoman: %s needs a value\n%s", name, usage);
	return false;
}

/* What is ours is taken out; what all commands know stays in c->rest. */
static bool
take_options(struct command *c, int argc, char **argv)
{
	static const char *const known[] = { "--json", "--from", "--rcpt",
		"--listener", "--helo", "--user", "--mail", "--hop-script",
		"--hop-dialect", "--tls", NULL };
	const char *from = NULL, *listener = NULL, *user = NULL, *mail = NULL;
	const char *helo = NULL;
	const struct value_option options[] = { { "--from", &from },
		{ "--listener", &listener }, { "--helo", &helo },
		{ "--user", &user }, { "--mail", &mail },
		{ "--hop-script", &c->script }, { "--hop-dialect", &c->dialect } };
	size_t n_rcpts = 0;
	int n = 0;

	c->rest = dg_alloc0((size_t)(argc + 1) * sizeof(*c->rest));
	c->rcpts = dg_alloc0((RCPTS_MAX + 1) * sizeof(*c->rcpts));
	for (int i = 0; i < argc; i++) {
		const char *word = argv[i], *value = NULL;
		bool is_ours = false;

		for (size_t k = 0; k < sizeof(options) / sizeof(options[0]) &&
		     i > 0 && !is_ours; k++) {
			is_ours =
			    take_value(options[k].name, argc, argv, &i, &value);
			if (is_ours)
				*options[k].to = value;
		}
		if (!is_ours && i > 0 &&
		    take_value("--rcpt", argc, argv, &i, &value)) {
			is_ours = true;
			if (n_rcpts < RCPTS_MAX)
				c->rcpts[n_rcpts++] = value;
		}
		if (is_ours && value == NULL)
			return needs_value(word);
		if (i > 0 && strcmp(word, "--tls") == 0)
			is_ours = c->x.wants_tls = true;
		if (!is_ours)
			c->rest[n++] = word;
		/* the value of -c and --set is no word of ours */
		if (!is_ours && i + 1 < argc &&
		    (strcmp(word, "-c") == 0 || strcmp(word, "--set") == 0 ||
			strcmp(word, "--config") == 0))
			c->rest[n++] = argv[++i];
	}
	c->x.from = dg_str(from);
	c->x.listener = dg_str(listener);
	c->x.helo = dg_str(helo != NULL ? helo : "client.example");
	c->x.user = dg_str(user);
	c->x.mail = dg_str(mail != NULL ? mail : "sender@client.example");
	c->x.rcpts = c->rcpts;
	return dg_app_options_read(n, (char **)(uintptr_t)c->rest, known,
	    &c->o);
}

static bool
wrong(const char *option, struct dg_str value, const char *why)
{
	fprintf(stderr, "dragoman: %s \"%.*s\": %s\n", option, DG_FMT(value),
	    why);
	return false;
}

static bool
is_ip(struct dg_str s)
{
	unsigned char bytes[16];
	char z[64];

	if (s.n == 0 || s.n >= sizeof(z))
		return false;
	memcpy(z, s.p, s.n);
	z[s.n] = '\0';
	return inet_pton(AF_INET, z, bytes) == 1 ||
	    inet_pton(AF_INET6, z, bytes) == 1;
}

/* As the server would read it. */
static bool
is_path(const char *option, struct dg_str address, unsigned flags)
{
	char *arg = dg_sprintf("TO:<%.*s>", DG_FMT(address));
	struct dg_path path;
	struct dg_err e = { 0 };
	bool ok = dg_path_parse(dg_str(arg), "TO", flags, &path, &e) == DG_OK &&
	    path.params.n == 0;

	free(arg);
	return ok ||
	    wrong(option, address,
		e.text[0] != '\0' ? e.text : "is no address");
}

/* A word that may stand on a line of SMTP. */
static bool
is_word(const char *option, struct dg_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] == 0x7f)
			return wrong(option, s,
			    "has a blank or a control character");
	return s.n > 0 || wrong(option, s, "is empty");
}

static bool
is_question(const struct command *c)
{
	const struct dg_explain *x = &c->x;
	bool ok = true;

	if (x->from.n == 0 || x->rcpts[0] == NULL) {
		fprintf(stderr, "dragoman: %s is missing\n%s",
		    x->from.n == 0 ? "--from" : "--rcpt", usage);
		return false;
	}
	if (!is_ip(x->from))
		ok = wrong("--from", x->from,
		    "is no IP address; who sends is --mail");
	if (x->mail.n > 0)
		ok = is_path("--mail", x->mail, DG_PATH_NULL) && ok;
	for (const char *const *r = x->rcpts; *r != NULL; r++)
		ok = is_path("--rcpt", dg_str(*r), 0) && ok;
	ok = is_word("--helo", x->helo) && ok;
	if (c->script != NULL && c->dialect != NULL)
		ok = wrong("--hop-dialect", dg_str(c->dialect),
		    "and --hop-script exclude each other");
	return ok;
}

static bool
find_listener(const struct dg_config *c, struct dg_explain *x)
{
	const char *names[65] = { NULL };
	struct dg_str name = x->listener;
	const char *near;

	for (size_t i = 0; i < c->n_listeners && i < 64; i++) {
		const struct dg_config_listener *l = &c->listeners[i];

		names[i] = l->name;
		if (name.n > 0 && !dg_str_is(name, l->name))
			continue;
		x->is_implicit_tls = l->tls_certificate != NULL &&
		    strcmp(l->tls_mode, "implicit") == 0;
		return true;
	}
	near = dg_did_you_mean(name, names);
	fprintf(stderr, "dragoman: --listener: no listener \"%.*s\" in %s%s%s%s\n",
	    DG_FMT(name), c->file, near != NULL ? "; did you mean \"" : "",
	    near != NULL ? near : "", near != NULL ? "\"?" : "");
	return false;
}

/* ---- what the lab logs ---- */

/* the log's sink has no context of its own */
static struct {
	pthread_mutex_t lock; /* the spool's thread logs, too */
	struct dg_buf now, taken;
} sunk = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void
sink(const char *line, size_t n)
{
	pthread_mutex_lock(&sunk.lock);
	(void)dg_buf_add(&sunk.now, dg_str_of(line, n));
	pthread_mutex_unlock(&sunk.lock);
}

static struct dg_str
take_log(void *ctx)
{
	struct dg_buf was;

	(void)ctx;
	pthread_mutex_lock(&sunk.lock);
	was = sunk.taken;
	sunk.taken = sunk.now;
	sunk.now = was;
	dg_buf_reset(&sunk.now);
	pthread_mutex_unlock(&sunk.lock);
	return dg_buf_str(&sunk.taken);
}

/* ---- files ---- */

static bool
read_script(struct command *c)
{
	FILE *f = fopen(c->script, "r");
	size_t n;

	dg_buf_init(&c->script_text, SCRIPT_MAX);
	while (f != NULL && dg_buf_reserve(&c->script_text, 4096) == DG_OK &&
	    (n = fread(c->script_text.p + c->script_text.n, 1, 4096, f)) > 0)
		c->script_text.n += n;
	if (f == NULL || ferror(f)) {
		fprintf(stderr, "dragoman: --hop-script: cannot read %s: %s\n",
		    c->script, strerror(errno));
		if (f != NULL)
			fclose(f);
		return false;
	}
	fclose(f);
	c->x.script = dg_str(dg_buf_z(&c->script_text));
	c->x.script_name = dg_str(c->script);
	return true;
}

/* ---- a made-up session ---- */

static void
print_errors(struct dg_errors *errors)
{
	struct dg_buf out;

	dg_buf_init(&out, 1024 * 1024);
	dg_errors_add_to(errors, &out);
	fwrite(out.p != NULL ? out.p : "", 1, out.n, stderr);
	dg_buf_fini(&out);
}

/* States: worker 0's, and one in which explain.lua runs. */
static struct dg_generation *
load(const struct command *c)
{
	struct dg_generation_options o = {
		.number = 1,
		.workers = 2,
		.ready_dirs = dg_app_ready_dirs(),
		.is_lab = true,
	};
	struct dg_generation *g = NULL;
	struct dg_errors errors;
	struct dg_config *config;

	dg_errors_init(&errors);
	config = dg_config_load(c->o.config, c->o.sets, &errors);
	if (config != NULL)
		g = dg_generation_new(config, &o, &errors);
	if (g == NULL) /* warnings are for `check` */
		print_errors(&errors);
	dg_errors_fini(&errors);
	return g;
}

/* A policy of one peer: it has the dialect, or says why there is none. */
static struct dg_policy *
dialect_alone(const char *name, const char *dir)
{
	char *file = dg_sprintf("%s/hop-dialect.lua", dir);
	const char *files[] = { file, NULL };
	struct dg_policy_options o = {
		.files = files,
		.ready_dirs = dg_app_ready_dirs(),
		.memory_max = 64 * 1024 * 1024,
		.load_instructions = 1000 * 1000 * 1000,
		.is_lab = true,
	};
	struct dg_policy *p = NULL;
	struct dg_errors errors;
	FILE *f = fopen(file, "w");

	if (f != NULL) {
		fprintf(f, "local d = require \"dragoman\"\n"
			   "d.peer \"x\" { match = { address = \"192.0.2.1\" },"
			   " dialect = \"%s\", auth = { users = \"x\" } }\n"
			   "d.route { refuse = \"550 5.7.1 no\" }\n", name);
		fclose(f);
	}
	dg_errors_init(&errors);
	p = dg_policy_load(&o, &errors);
	if (p == NULL)
		print_errors(&errors);
	dg_errors_fini(&errors);
	free(file);
	return p;
}

static const struct dg_dialect *
dialect_in(const struct dg_rules *r, const char *name)
{
	for (size_t i = 0; i < r->n_dialects; i++)
		if (strcmp(r->dialects[i]->name, name) == 0)
			return r->dialects[i];
	return NULL;
}

/* The policy's own of that name, or a ready one (*own: what it lives in). */
static bool
find_dialect(struct command *c, const struct dg_generation *g,
    struct dg_policy **own)
{
	const char *name = c->dialect;

	if (name == NULL)
		return true;
	c->x.hop_dialect = dialect_in(dg_generation_rules(g), name);
	if (c->x.hop_dialect != NULL)
		return true;
	if (strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			 "0123456789._-") == strlen(name) && name[0] != '\0')
		*own = dialect_alone(name, c->dir);
	if (*own != NULL)
		c->x.hop_dialect = dialect_in(dg_policy_rules(*own), name);
	if (c->x.hop_dialect == NULL)
		fprintf(stderr,
		    "dragoman: --hop-dialect: no dialect \"%s\"\n", name);
	return c->x.hop_dialect != NULL;
}

static int
play(struct command *c, struct dg_generation *g)
{
	char *spool = dg_sprintf("%s/spool", c->dir);
	struct dg_explain_ops ops = { NULL, NULL, take_log };
	struct dg_err e = { 0 };
	struct dg_lab *lab;
	struct dg_buf out;
	int code = 2;

	dg_buf_init(&out, OUT_MAX);
	dg_buf_init(&sunk.now, LOG_MAX);
	dg_buf_init(&sunk.taken, LOG_MAX);
	dg_log_setup(true, DG_LOG_INFO);
	dg_log_divert(sink);
	lab = dg_lab_new(dg_generation_pin(g), spool, &e);
	if (lab != NULL) {
		dg_lab_speak_tls(lab);
		ops.lab = dg_lab_ops(lab);
		if (dg_explain_session(dg_generation_state(g, 1), &ops, &c->x,
			&out, &e) == DG_OK)
			code = 0;
	}
	dg_lab_free(lab);
	dg_log_divert(NULL);
	if (code == 0)
		fwrite(out.p, 1, out.n, stdout);
	else
		fprintf(stderr, "dragoman: %s\n", e.text);
	dg_buf_fini(&sunk.now);
	dg_buf_fini(&sunk.taken);
	dg_buf_fini(&out);
	free(spool);
	return code;
}

static int
session(struct command *c)
{
	char dir[] = "/tmp/dragoman-explain-XXXXXX";
	struct dg_generation *g = NULL;
	struct dg_policy *own = NULL;
	int code = 2;

	if (!is_question(c) || (c->script != NULL && !read_script(c)))
		return 2;
	if (mkdtemp(dir) == NULL) {
		fprintf(stderr, "dragoman: no temporary directory: %s\n",
		    strerror(errno));
		return 1;
	}
	c->dir = dir;
	g = load(c);
	if (g != NULL && find_listener(dg_generation_config(g), &c->x) &&
	    find_dialect(c, g, &own))
		code = play(c, g);
	dg_policy_free(own);
	dg_generation_unpin(g);
	dg_app_remove_dir(dir);
	c->dir = NULL;
	return code;
}

/* ---- the life of a message ---- */

static int
life(struct command *c)
{
	struct dg_explain_life x = { .id = dg_str(c->o.words[0]),
		.as_json = c->o.has_json };
	struct dg_err e = { 0 };
	struct dg_errors errors;
	struct dg_config *config;
	struct dg_buf out;
	bool is_known = false;
	char *journal;
	int code = 2;

	dg_errors_init(&errors);
	config = dg_config_load(c->o.config, c->o.sets, &errors);
	print_errors(&errors);
	dg_errors_fini(&errors);
	if (config == NULL)
		return 2;
	journal = dg_sprintf("%s/journal", config->spool_path);
	x.journal = journal;
	dg_buf_init(&out, OUT_MAX);
	if (access(config->spool_path, R_OK | X_OK) != 0)
		fprintf(stderr, "dragoman: %s: %s\n", config->spool_path,
		    strerror(errno));
	else if (dg_explain_life(&x, &out, &is_known, &e) != DG_OK)
		fprintf(stderr, "dragoman: %s\n", e.text);
	else
		code = is_known ? 0 : 1;
	if (out.n > 0)
		fwrite(out.p, 1, out.n, is_known ? stdout : stderr);
	if (code == 1 && config->limits.journal == 0)
		fprintf(stderr, "limits.journal is 0: nothing is kept\n");
	dg_buf_fini(&out);
	free(journal);
	dg_config_free(config);
	return code;
}

int
dg_cmd_explain(int argc, char **argv)
{
	struct command c = { 0 };
	bool has_session;
	int code = 2;

	if (!take_options(&c, argc, argv))
		goto out;
	c.x.as_json = c.o.has_json;
	has_session = c.x.from.n > 0 || c.rcpts[0] != NULL;
	if (c.o.n_words == 1 && !has_session)
		code = life(&c);
	else if (c.o.n_words == 0 && has_session)
		code = session(&c);
	else
		fputs(usage, stderr);
out:
	dg_app_options_fini(&c.o);
	dg_buf_fini(&c.script_text);
	free(c.rest);
	free(c.rcpts);
	return code;
}
