#ifndef DRAGOMAN_AUTH_MECH_H
#define DRAGOMAN_AUTH_MECH_H

#include "dragoman/base/str.h"

/*
 * mech.h - the SASL mechanisms we can do, by name and by bit; the strongest
 * first, which is also the order in which "AUTH *" shows them.
 */
#define DG_MECHS(X) \
	X(SCRAM_SHA_256_PLUS, "SCRAM-SHA-256-PLUS") \
	X(SCRAM_SHA_256, "SCRAM-SHA-256") \
	X(SCRAM_SHA_1_PLUS, "SCRAM-SHA-1-PLUS") \
	X(SCRAM_SHA_1, "SCRAM-SHA-1") \
	X(GSSAPI, "GSSAPI") \
	X(EXTERNAL, "EXTERNAL") \
	X(NTLM, "NTLM") \
	X(CRAM_MD5, "CRAM-MD5") \
	X(OAUTHBEARER, "OAUTHBEARER") \
	X(XOAUTH2, "XOAUTH2") \
	X(LOGIN, "LOGIN") \
	X(PLAIN, "PLAIN")
enum dg_mech {
#define X(id, name) DG_MECH_##id,
	DG_MECHS(X)
#undef X
	    DG_MECH_N
};
#define DG_MECH_BIT(m) (1u << (m))
#define DG_MECH_ALL    (DG_MECH_BIT(DG_MECH_N) - 1)

const char *dg_mech_name(enum dg_mech m);
/* Case folded; false when we do not know it. */
bool dg_mech_find(struct dg_str name, enum dg_mech *out);
/* NULL-ended, for "did you mean". */
const char *const *dg_mech_names(void);
/* Sends what opens the account to whoever reads it (the password, a bearer
 * token): needs TLS unless policy names the peer. */
bool dg_mech_is_clear(enum dg_mech m);
/* "-PLUS": bound to the TLS connection, and nothing without one. */
bool dg_mech_is_bound(enum dg_mech m);

/* What a login of ours by it is made of. */
enum dg_mech_wants {
	DG_WANTS_SECRET,   /* the password, or its {nt} hash */
	DG_WANTS_PASSWORD, /* the password itself */
	DG_WANTS_TOKEN,    /* a user and an OAuth 2 token */
	DG_WANTS_NOTHING,  /* a certificate or ticket stands behind it */
};
enum dg_mech_wants dg_mech_wants(enum dg_mech m);
/* NULL when a users file can verify it; else why not, to be said behind the
 * mechanism's name. */
const char *dg_mech_untakable(enum dg_mech m);
/* DG_MECH_BIT of those that a users file can verify. */
unsigned dg_mech_takable(void);

/* NTLM levels, as bits (dialect fields ntlm.take and ntlm.send). */
enum {
	DG_NTLM_LEVEL_V2 = 1,    /* "v2" */
	DG_NTLM_LEVEL_NTLM2 = 2, /* "ntlm2": NTLM2 session response */
	DG_NTLM_LEVEL_V1 = 4,    /* "v1" */
	DG_NTLM_LEVEL_LM = 8,    /* "lm": LM response alone */
};
/* 0 when unknown. */
unsigned dg_ntlm_level_find(struct dg_str name);
const char *dg_ntlm_level_name(unsigned bit);

#endif
