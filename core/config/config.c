/*
 * config.c - read the file, put --set over it, fill, and free it all again.
 *
 * The tree is kept as long as the config: places and labels in error messages
 * of those who read the files named here point into it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "fill.h"

#define MOST_BYTES (1u << 20)

/* Absolute directory of a file, as it was named: a link to a YAML elsewhere
 * looks for its files beside the link. */
static char *
directory_of(const char *path, const char *cwd)
{
	struct dg_str p = dg_str(path);
	size_t slash = dg_str_rfind(p, '/');
	struct dg_str dir = dg_str_sub(p, 0, slash);

	if (slash == p.n)
		return dg_strdup(cwd);
	if (p.p[0] == '/')
		return dg_str_dup(slash == 0 ? DG_STR("/") : dir);
	return dg_sprintf("%s/%.*s", strcmp(cwd, "/") == 0 ? "" : cwd,
	    DG_FMT(dir));
}

static char *
current_directory(void)
{
	char *cwd = getcwd(NULL, 0);

	return cwd != NULL ? cwd : dg_strdup("/");
}

struct dg_config *
dg_config_read_text(const char *path, struct dg_str text,
    const char *const *sets, struct dg_errors *errors)
{
	struct dg_config *c = dg_alloc0(sizeof(*c));
	char *cwd = current_directory();
	char *dir = directory_of(path, cwd);
	size_t before = errors->n;

	c->file = dg_strdup(path);
	c->guts = dg_alloc0(sizeof(*c->guts));
	c->guts->root =
	    dg_yaml_read(text, c->file, NULL, &c->guts->is_cut, errors);
	c->is_whole = errors->n == before;
	for (size_t i = 0; sets != NULL && sets[i] != NULL; i++)
		dg_set_apply(c->guts->root, sets[i], c->file, errors);
	dg_config_fill(c, dir, cwd, errors);
	free(dir);
	free(cwd);
	if (!dg_errors_any(errors))
		dg_config_compute(c);
	return c;
}

/* c, when there is nothing wrong with it. */
static struct dg_config *
good(struct dg_config *own_c, const struct dg_errors *errors)
{
	if (!dg_errors_any(errors))
		return own_c;
	dg_config_free(own_c);
	return NULL;
}

struct dg_config *
dg_config_load_text(const char *path, struct dg_str text,
    const char *const *sets, struct dg_errors *errors)
{
	return good(dg_config_read_text(path, text, sets, errors), errors);
}

static bool
read_file(const char *path, struct dg_buf *out, struct dg_errors *errors)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int error = fd < 0 ? errno : 0;
	ssize_t n = 1;

	while (error == 0 && n > 0 && out->n <= MOST_BYTES) {
		if (dg_buf_reserve(out, 16384) != DG_OK) {
			error = EFBIG;
			break;
		}
		n = read(fd, out->p + out->n, 16384);
		if (n > 0)
			out->n += (size_t)n;
		else if (n < 0 && errno != EINTR)
			error = errno;
		else if (n < 0)
			n = 1;
	}
	if (fd >= 0)
		close(fd);
	if (error != 0)
		dg_errors_add(errors, path, 0, 0, false, "cannot be read: %s",
		    strerror(error));
	return error == 0;
}

struct dg_config *
dg_config_read(const char *path, const char *const *sets,
    struct dg_errors *errors)
{
	struct dg_config *c = NULL;
	struct dg_buf text;

	dg_buf_init(&text, MOST_BYTES + 65536);
	if (read_file(path, &text, errors))
		c = dg_config_read_text(path, dg_buf_str(&text), sets, errors);
	dg_buf_fini(&text);
	return c;
}

struct dg_config *
dg_config_load(const char *path, const char *const *sets,
    struct dg_errors *errors)
{
	return good(dg_config_read(path, sets, errors), errors);
}

static void
free_list(char **list)
{
	struct dg_value v = { NULL, list, 0 };

	dg_value_fini(&v);
}

static void
free_files(struct dg_config_file *files, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(files[i].name);
		free(files[i].file);
		free(files[i].env);
	}
	free(files);
}

static void
free_guts(struct dg_config_guts *g)
{
	for (size_t i = 0; i < g->n; i++) {
		free(g->entries[i].key);
		free(g->entries[i].shown);
	}
	free(g->entries);
	dg_node_free(g->root);
	free(g);
}

void
dg_config_free(struct dg_config *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->n_listeners; i++) {
		free(c->listeners[i].name);
		free(c->listeners[i].address);
		free(c->listeners[i].tls_certificate);
		free(c->listeners[i].tls_key);
		free(c->listeners[i].tls_mode);
	}
	free(c->listeners);
	free_files(c->users, c->n_users);
	free_files(c->secrets, c->n_secrets);
	for (size_t i = 0; i < c->n_vars; i++) {
		free(c->vars[i].name);
		free(c->vars[i].value);
	}
	free(c->vars);
	for (size_t i = 0; i < c->n_questions; i++)
		free(c->questions[i].name);
	free(c->questions);
	free_list(c->policy_files);
	free_list(c->policy_allow);
	free_list(c->dns_servers);
	free(c->file);
	free(c->hostname);
	free(c->spool_path);
	free(c->postmaster);
	free(c->control);
	free(c->run_as);
	free(c->log_format);
	free(c->tls_ca);
	free_guts(c->guts);
	free(c);
}

struct dg_config_where
dg_config_where(const struct dg_config *c, const char *key, size_t i)
{
	for (size_t k = 0; k < c->guts->n; k++) {
		const struct dg_entry *e = &c->guts->entries[k];
		const struct dg_node *n = e->node;

		if (strcmp(e->key, key) != 0)
			continue;
		if (n == NULL || n->kind != DG_NODE_LIST)
			return dg_config_where_of(c, n);
		n = TAILQ_FIRST(&n->kids);
		while (n != NULL && i-- > 0)
			n = TAILQ_NEXT(n, next);
		return dg_config_where_of(c, n);
	}
	return dg_config_where_of(c, NULL);
}
