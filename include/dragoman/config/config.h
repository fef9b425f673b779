#ifndef DRAGOMAN_CONFIG_CONFIG_H
#define DRAGOMAN_CONFIG_CONFIG_H

#include "dragoman/base/buf.h"
#include "dragoman/base/errors.h"

/*
 * config.h - dragoman.yaml as values, each with where it came from.
 *
 * One table of options (core/config/options.def: key, type, default,
 * reloadable, help) parses, checks, prints and documents.  This floor knows
 * keys and types, no modules.  Paths are made absolute, relative to the YAML
 * file; whether the files behind them are good is checked by who reads them.
 */

/* Where a value stands.  All three go to dg_errors_add as they are. */
struct dg_config_where {
	const char *file; /* NULL: default; "--set KEY": the command line (then
	                   * line is 0); else the YAML.  Lives in the config. */
	unsigned line, column;
};

struct dg_config_listener {
	char *name;
	char *address; /* "IP:port" or "[IPv6]:port"; no two are the same */
	char *tls_certificate, *tls_key; /* NULL: no TLS; else both are there */
	char *tls_mode; /* "starttls" | "implicit"; NULL: no TLS */
	struct dg_config_where where;    /* of the address */
	struct dg_config_where tls_where; /* of the certificate */
};
struct dg_config_file { /* users and secrets: name -> file */
	char *name;
	char *file;       /* absolute path; for credential: under
	                   * $CREDENTIALS_DIRECTORY; NULL with env */
	char *env;        /* name of the variable, or NULL */
	struct dg_config_where where; /* of the file, credential or env */
};
struct dg_config_var {
	char *name, *value;
	struct dg_config_where where;
};
struct dg_config_question { /* what its answers may take; 0: not said */
	char *name;
	uint64_t instructions, result;
	int64_t run_ms, wait_ms;
	struct dg_config_where where; /* of the name */
};

struct dg_config {
	char *file; /* as it was given to dg_config_load */
	char *hostname; /* key `hostname`; default: the system's name */
	struct dg_config_listener *listeners;
	size_t n_listeners; /* 1 to 16 */
	unsigned workers;
	char *spool_path;
	char **policy_files, **policy_allow; /* NULL-ended */
	struct dg_config_where policy_where; /* of policy.files */
	struct dg_config_file *users, *secrets;
	size_t n_users, n_secrets;
	struct dg_config_var *vars;
	size_t n_vars;
	char *postmaster; /* default: postmaster@hostname */
	char *control;    /* default: spool_path/control */
	char *run_as;     /* "": stay who started us */
	char *log_format; /* "text" | "json" */
	char *tls_ca;     /* key `tls.ca`: more trust for hops, or NULL */
	char **dns_servers; /* NULL-ended; empty: the system's */
	struct dg_config_limits {
		uint64_t size, recipients, connections, line, errors, auths;
		uint64_t received, header, reserve, journal;
		uint64_t lane_connections, hop_connections;
		uint64_t messages_a_connection;
		int64_t idle_ms, soft_end_ms, connect_ms, reply_ms, data_ms;
		uint64_t generations; /* alive at most */
		uint64_t policy_memory, policy_instructions;
		int64_t policy_run_ms;
	} limits;
	/* false: a mistake may have cost names of listeners, users, secrets or
	 * vars, so one that is not here may be in the file all the same */
	bool is_whole;
	struct dg_config_question *questions; /* limits.questions */
	size_t n_questions;
	struct dg_config_guts *guts; /* values as read, for print */
};

/* sets: "a.b.c=value", NULL-ended (or NULL), applied over the file.  Returns
 * NULL when errors has any. */
struct dg_config *dg_config_load(const char *path, const char *const *sets,
    struct dg_errors *errors);
/* The same from memory; path is for messages and for relative paths. */
struct dg_config *dg_config_load_text(const char *path, struct dg_str text,
    const char *const *sets, struct dg_errors *errors);
/* With its mistakes (NULL only when there is nothing to read), for who looks
 * for more of them in the files behind it; not to run with: what was wrong is
 * absent (NULL, 0), and nothing was computed. */
struct dg_config *dg_config_read(const char *path, const char *const *sets,
    struct dg_errors *errors);
struct dg_config *dg_config_read_text(const char *path, struct dg_str text,
    const char *const *sets, struct dg_errors *errors);
void dg_config_free(struct dg_config *c);
/* Where a key's value stands, or item i of a list ("policy.files", 1); a key
 * that was not given, or no such item: {NULL, 0, 0}. */
struct dg_config_where dg_config_where(const struct dg_config *c,
    const char *key, size_t i);
/* Each effective value, its origin, and whether a reload takes it. */
void dg_config_print(const struct dg_config *c, struct dg_buf *out);
/* The table as the manual shows it. */
void dg_config_document(struct dg_buf *out);
/* Keys that differ and need a restart, for the verdict of a reload: separated
 * by ", ", nothing when there are none. */
void dg_config_restart_keys(const struct dg_config *now,
    const struct dg_config *next, struct dg_buf *out);
#endif
