#ifndef CORE_AUTH_MECHANISM_H
#define CORE_AUTH_MECHANISM_H

#include "dragoman/auth/dialogue.h"

/*
 * mechanism.h - what a mechanism's file gives to the dialogue, and gets.
 *
 * A mechanism is one file a role: a struct that begins with the dialogue's
 * own, and a table of what to do.  dialogue.c does what all have in common:
 * base64 in, "*", "=", calls in the wrong order, copies of the options.
 */
enum {
	AUTH_NAME_MAX = 1024,   /* a user, domain or workstation, in UTF-8 */
	AUTH_TOKEN_MAX = 12288, /* decoded; RFC 4954 4 */
	AUTH_LOG_MAX = 1024,
	AUTH_REFUSAL_MAX = 256,
};

enum auth_state {
	AUTH_FRESH,   /* nothing was said */
	AUTH_TALKING, /* waiting for the other side's line */
	AUTH_ASKING,  /* acceptor: waiting for dg_acceptor_answer */
	AUTH_OVER,
};

struct acceptor_ops {
	size_t size; /* of the mechanism's struct */
	/* in: what the client said, decoded; has_in is false when the verb
	 * line held nothing.  Writes the text of the 334 itself. */
	enum dg_auth_step (*step)(struct dg_acceptor *a, bool has_in,
	    struct dg_str in, struct dg_buf *out);
	/* c is never NULL: an unknown account has hashes nobody knows */
	bool (*is_proved)(struct dg_acceptor *a, const struct dg_credential *c);
	/* Instead, when the credential is needed before the proof comes: SEND,
	 * and a later step says OK or FAIL.  decoy is for a credential that
	 * lacks what is needed. */
	enum dg_auth_step (*prove)(struct dg_acceptor *a,
	    const struct dg_credential *c, const struct dg_credential *decoy,
	    struct dg_buf *out);
	void (*fini)(struct dg_acceptor *a); /* may be NULL */
};

struct dg_acceptor {
	const struct acceptor_ops *ops;
	enum dg_mech mech;
	bool is_known;                /* the account that was asked about */
	struct dg_acceptor_options o; /* its strings are ours */
	enum auth_state state;
	struct dg_buf in; /* the last line decoded; views point into it */
	struct dg_buf user, domain, workstation; /* UTF-8 */
	struct dg_identity identity;             /* views of these */
	struct dg_buf log;
	const char *strength;
};

struct initiator_ops {
	size_t size;
	enum dg_auth_step (*first)(struct dg_initiator *i, struct dg_buf *out,
	    bool *has_initial, struct dg_err *e);
	/* text as the server sent it: whether it means anything, the
	 * mechanism knows by what it said before.  NULL where the first
	 * message is the last: dialogue.c lets nothing behind it */
	enum dg_auth_step (*step)(struct dg_initiator *i, struct dg_str text,
	    struct dg_buf *out, struct dg_err *e);
	void (*fini)(struct dg_initiator *i); /* may be NULL */
};

struct dg_initiator {
	const struct initiator_ops *ops;
	const struct dg_login *login;  /* borrowed: the pinned generation's */
	struct dg_initiator_options o; /* its strings are ours */
	enum auth_state state;
	struct dg_buf in;
	struct dg_buf log;
	struct dg_buf refusal;
	bool owes_proof; /* the server, before it may say 235 */
};

extern const struct acceptor_ops dg_ntlm_acceptor_ops, dg_login_acceptor_ops,
    dg_plain_acceptor_ops, dg_scram_acceptor_ops, dg_external_acceptor_ops,
    dg_bearer_acceptor_ops, dg_gssapi_acceptor_ops;
extern const struct initiator_ops dg_ntlm_initiator_ops, dg_login_initiator_ops,
    dg_plain_initiator_ops, dg_scram_initiator_ops, dg_external_initiator_ops,
    dg_bearer_initiator_ops, dg_gssapi_initiator_ops, dg_cram_initiator_ops;

/* UTF-8 without control bytes, and something at all. */
bool dg_auth_is_name(struct dg_str s);
/* user, domain and workstation are filled: make the identity of them. */
void dg_acceptor_identify(struct dg_acceptor *a);
/* For mechanisms that send the password itself: compare it. */
bool dg_credential_fits(const struct dg_credential *c, struct dg_str password);
/* SCRAM-SHA-1 and SCRAM-SHA-1-PLUS: DG_SHA_1 */
enum dg_hash dg_scram_hash(enum dg_mech m);
/* Make the key that a SCRAM server stores; false when the password has
 * characters that SCRAM does not take (RFC 4013). */
bool dg_scram_key_make(enum dg_hash h, struct dg_str password,
    struct dg_str salt, unsigned iterations, struct dg_scram_key *out);
/* SaltedPassword of RFC 5802 3. */
bool dg_scram_salted(enum dg_hash h, struct dg_str password,
    struct dg_str salt, unsigned iterations, uint8_t out[DG_HASH_MAX]);
bool dg_scram_key_fits(enum dg_hash h, const struct dg_scram_key *k,
    struct dg_str password);
/* A key that no password has. */
void dg_scram_key_random(struct dg_scram_key *k);
/* "DOM\user" of a login, or "user". */
enum dg_rc dg_login_name(struct dg_buf *out, const struct dg_login *l);
/* " key=name" without control bytes and cut, when there is a name. */
void dg_auth_log_name(struct dg_buf *log, const char *key, struct dg_str name);
enum dg_auth_step dg_initiator_fail(struct dg_err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
