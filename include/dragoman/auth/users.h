#ifndef DRAGOMAN_AUTH_USERS_H
#define DRAGOMAN_AUTH_USERS_H

#include "dragoman/auth/dialogue.h"

/*
 * users.h - who may log in to us (users file), and what we log in with
 * (secret file).  Formats: docs of `users:` and `secrets:` in
 * dragoman.yaml(5); POLICY-API section 1.
 */
struct dg_users;
/* text: the file's contents; name: for messages ("users:3:7: ...").
 * Calls on_error for every bad line and returns NULL if there was one. */
typedef void dg_lines_error(void *ctx, unsigned line, unsigned column,
    const char *what);
struct dg_users *dg_users_parse(struct dg_str text, dg_lines_error *on_error,
    void *ctx);
void dg_users_free(struct dg_users *u);
/* Case folded; NULL when there is none (or u is NULL).  Borrowed from u. */
const struct dg_credential *dg_users_find(const struct dg_users *u,
    struct dg_str account);
size_t dg_users_count(const struct dg_users *u);
/* Walk in file order; NULL at the end. */
const char *dg_users_name(const struct dg_users *u, size_t i);

/* DG_MECH_BIT of what can be verified: for each account there is, and for one
 * of them at least.  A table without accounts: all that a table can. */
unsigned dg_users_mechs_of_all(const struct dg_users *u);
unsigned dg_users_mechs_of_any(const struct dg_users *u);
/* What an account that is not there would be like: shaped like the first, with
 * keys that nobody knows, and always the same for the same name. */
void dg_users_decoy(const struct dg_users *u, struct dg_str account,
    struct dg_credential *out);

/* One account's hashes from its password (UTF-8). with_lm: LM too; fails when
 * the password has no LM hash (over 14 OEM characters). */
enum dg_rc dg_credential_make(struct dg_str password, bool with_lm,
    struct dg_credential *out, struct dg_err *e);
/* And a SCRAM key; false: the password has characters that SCRAM does not take
 * (RFC 4013), and no key was made. */
bool dg_credential_add_scram(struct dg_credential *c, enum dg_hash h,
    struct dg_str password, unsigned iterations);
/* By whatever of it is stored. */
bool dg_credential_is_of(const struct dg_credential *c, struct dg_str password);
/* DG_MECH_BIT of those that it can verify. */
unsigned dg_credential_mechs(const struct dg_credential *c);
/* "user:{nt}hex[:{lm}hex][:{scram-sha-256}iterations,salt,StoredKey,ServerKey]
 * [:{scram-sha-1}...]", without the end of the line */
enum dg_rc dg_users_line(struct dg_buf *out, struct dg_str user,
    const struct dg_credential *c);

/* A parsed secret file: owns its strings and the password (wiped). */
struct dg_secret_file {
	char *domain;
	char *user;
	struct dg_secret password; /* n == 0 when only nt is known */
	bool has_nt;
	uint8_t nt[16];
};
enum dg_rc dg_secret_file_parse(struct dg_str text, struct dg_secret_file *out,
    struct dg_err *e);
void dg_secret_file_fini(struct dg_secret_file *s);

#endif
