#ifndef DRAGOMAN_AUTH_DIALOGUE_H
#define DRAGOMAN_AUTH_DIALOGUE_H

#include "dragoman/auth/mech.h"
#include "dragoman/base/buf.h"
#include "dragoman/base/secret.h"
#include "dragoman/crypto/keyed.h"

/*
 * dialogue.h - the 334 dialogue without SMTP (RFC 4954 4), both roles.
 *
 * What goes in and out is the text of lines: base64, "*", "=", or a worded
 * prompt; whose verb started it is no business of this floor.
 */

/* What a SCRAM server knows of a password (RFC 5802 3). */
enum {
	DG_SCRAM_SALT_MAX = 64,
	DG_SCRAM_SALT = 16, /* what we store */
	DG_SCRAM_ITERATIONS_MIN = 4096,   /* RFC 5802 5.1, RFC 7677 4 */
	DG_SCRAM_ITERATIONS_MAX = 600000, /* a login waits for so many */
	DG_SCRAM_ITERATIONS = 15000,      /* what we store: RFC 7677 4 */
};
struct dg_scram_key {
	unsigned iterations; /* 0: not stored */
	size_t n_salt;
	uint8_t salt[DG_SCRAM_SALT_MAX];
	uint8_t stored[DG_HASH_MAX], server[DG_HASH_MAX];
};

/* What is stored about an account of ours (users file). */
struct dg_credential {
	bool has_nt, has_lm;
	uint8_t nt[16]; /* NTOWF: MD4 of the password in UTF-16LE */
	uint8_t lm[16]; /* LMOWF, only when stored on purpose */
	struct dg_scram_key scram[DG_HASH_N];
	/* The owner had the identity's token looked at, and it is good for this
	 * account.  Nothing in a users file sets it. */
	bool is_token_good;
};

/* What ties a login to the TLS connection that it runs in (RFC 5929, RFC
 * 9266); "" = not known.  Bytes, not text. */
struct dg_binding {
	struct dg_str exporter; /* tls-exporter */
	struct dg_str unique;   /* tls-unique: before TLS 1.3 */
};

enum dg_auth_step {
	DG_AUTH_SEND,      /* out holds what goes out; a line is awaited */
	DG_AUTH_ASK,       /* acceptor: identity is known, wants a credential */
	DG_AUTH_OK,        /* acceptor: 235.  initiator: all said, out is last
	                    * (and may be an empty line) */
	DG_AUTH_FAIL,      /* refused (acceptor: 535; see err and dg_acceptor_log) */
	DG_AUTH_SYNTAX,    /* acceptor: 501 with err's text */
	DG_AUTH_CANCELLED, /* acceptor: "*": 501 */
};

struct dg_identity {
	struct dg_str user;        /* UTF-8 as sent, for K2 */
	struct dg_str domain;      /* as sent, or "" */
	struct dg_str workstation; /* or "" */
	struct dg_str account;     /* for the look-up: without DOM\ and @dom */
	/* XOAUTH2, OAUTHBEARER: what the client says opens the account; else
	 * "".  A secret, and gone once the question is answered. */
	struct dg_str token;
};

/* Challenges that are open anywhere in this process, both directions: a type 2
 * that carries one of ours is a reflection (MS08-068) and is refused.  Sharded
 * locks inside.  One for the process. */
struct dg_challenges;
struct dg_challenges *dg_challenges_new(void);
void dg_challenges_free(struct dg_challenges *c);

/* ---- acceptor: we are the server ---- */
struct dg_acceptor_options {
	unsigned ntlm_take;         /* DG_NTLM_LEVEL_* */
	struct dg_str host;         /* our name, for the target info */
	struct dg_str domain;       /* NT domain shown; "" = from host */
	struct dg_str prompt_ntlm;  /* text of the 334 to a bare verb */
	struct dg_str prompt_user;  /* "Username:" */
	struct dg_str prompt_password;
	bool login_initial_is_user; /* take "AUTH LOGIN <b64 user>" */
	bool login_user_is_clear;   /* ... which is "AUTH LOGIN <user>" here */
	/* Who the client's certificate says it is, for EXTERNAL; "" = nobody.
	 * Its owner has checked the certificate. */
	struct dg_str certificate;
	/* For -PLUS; and for SCRAM without it only when -PLUS was offered too:
	 * a client that then says it saw none is being lied to. */
	struct dg_binding binding;
	struct dg_challenges *challenges; /* may be NULL */
	void (*rand)(void *p, size_t n);  /* NULL: dg_rand */
	int64_t (*now_ms)(void);          /* NULL: dg_now_ms */
};
struct dg_acceptor;
/* Strings of *o are copied. */
struct dg_acceptor *dg_acceptor_new(enum dg_mech m,
    const struct dg_acceptor_options *o);
void dg_acceptor_free(struct dg_acceptor *a);
enum dg_mech dg_acceptor_mech(const struct dg_acceptor *a);
/* First call: line is the initial response as on the verb line ("=" means
 * empty), or DG_NOSTR when there was none.  Later calls: the client's line.
 * out is reset and gets the text after "334 ". */
enum dg_auth_step dg_acceptor_step(struct dg_acceptor *a, struct dg_str line,
    struct dg_buf *out, struct dg_err *e);
/* Valid after DG_AUTH_ASK. */
const struct dg_identity *dg_acceptor_identity(const struct dg_acceptor *a);
/* The answer to DG_AUTH_ASK: NULL = no such account, which takes the same time
 * and says the same.  decoy: what such an account would be like if it were
 * there (dg_users_decoy), so that nobody can tell by what is stored; NULL =
 * random.  Both are only read during the call.  Returns OK or FAIL, or SEND:
 * out is the text of a 334, and the verdict comes from a later step. */
enum dg_auth_step dg_acceptor_answer(struct dg_acceptor *a,
    const struct dg_credential *c, const struct dg_credential *decoy,
    struct dg_buf *out, struct dg_err *e);
/* For the operator's log, never for the wire: "NTLMv2 type3 flags=... user=..",
 * the reason of a refusal; no hash, response or password in it. */
struct dg_str dg_acceptor_log(const struct dg_acceptor *a);
/* What was proved with: "NTLMv2", "LMv2", "NTLM2", "NTLMv1", "LM", or the
 * mechanism's name; "" before anything was. */
const char *dg_acceptor_strength(const struct dg_acceptor *a);

/* ---- initiator: we are the client ---- */
struct dg_login {
	enum dg_mech mech;
	struct dg_str user;   /* UTF-8 */
	struct dg_str domain; /* or "" */
	const struct dg_secret *password; /* NULL when only nt is known */
	bool has_nt;
	uint8_t nt[16];
	const struct dg_secret *token; /* OAuth 2; NULL: none (yet) */
};
enum dg_login_form {
	DG_LOGIN_ASK,              /* AUTH LOGIN, user after the first 334 */
	DG_LOGIN_INITIAL,          /* AUTH LOGIN <b64 user> */
	DG_LOGIN_USERNAME_IN_LINE, /* AUTH LOGIN <user in clear> */
};
struct dg_initiator_options {
	unsigned ntlm_send;      /* DG_NTLM_LEVEL_* */
	bool ntlm_initial;       /* type 1 on the verb line */
	enum dg_login_form login_form;
	struct dg_str workstation;
	struct dg_str target;    /* whole SPN: "SMTP/host", or "" */
	unsigned port;           /* of the server, 0 = not known */
	/* For -PLUS; and for SCRAM without it only when the server showed no
	 * -PLUS: it is then told that we could have. */
	struct dg_binding binding;
	struct dg_challenges *challenges;
	void (*rand)(void *p, size_t n);
	int64_t (*now_ms)(void);
};
struct dg_initiator;
/* login is borrowed until _free (its owner is the pinned generation). */
struct dg_initiator *dg_initiator_new(const struct dg_login *login,
    const struct dg_initiator_options *o);
void dg_initiator_free(struct dg_initiator *i);
/* What stands behind "AUTH MECH": *has_initial false = nothing. */
enum dg_auth_step dg_initiator_first(struct dg_initiator *i, struct dg_buf *out,
    bool *has_initial, struct dg_err *e);
/* text: behind "334 ".  SEND/OK: out is the line to send.  FAIL: send "*";
 * e says why in words that may be shown to an administrator. */
enum dg_auth_step dg_initiator_step(struct dg_initiator *i, struct dg_str text,
    struct dg_buf *out, struct dg_err *e);
struct dg_str dg_initiator_log(const struct dg_initiator *i);
/* May the server say 235 now?  false: by this mechanism it has to prove first
 * that it knows us, and has not; believing it would be believing anybody. */
bool dg_initiator_may_end(const struct dg_initiator *i);
/* Why the server says no, when it said so inside the dialogue (OAuth 2: the
 * status as JSON, made printable); "" otherwise. */
struct dg_str dg_initiator_refusal(const struct dg_initiator *i);

#endif
