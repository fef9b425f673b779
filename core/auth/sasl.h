#ifndef CORE_AUTH_SASL_H
#define CORE_AUTH_SASL_H

#include "dragoman/base/buf.h"

/*
 * sasl.h - one exchange done by the SASL library: bytes in, bytes out.
 *
 * Its callers bound and read what comes from the network before it gets here:
 * no zero bytes, no numbers that cost (scram.c, cram_md5.c, gssapi.c).
 */
struct dg_sasl;
enum dg_sasl_fact {
	DG_SASL_USER,
	DG_SASL_PASSWORD,
	DG_SASL_SERVICE,
	DG_SASL_HOST,
	DG_SASL_ITERATIONS,      /* decimal digits */
	DG_SASL_SALT,            /* bytes from here on: encoded inside */
	DG_SASL_SALTED_PASSWORD, /* client */
	DG_SASL_STORED_KEY,      /* server */
	DG_SASL_SERVER_KEY,
	DG_SASL_TLS_UNIQUE,
	DG_SASL_TLS_EXPORTER,
};
enum dg_sasl_step {
	DG_SASL_MORE, /* out goes out, an answer is awaited */
	DG_SASL_DONE, /* out goes out if there is any; it is good */
	DG_SASL_BAD,  /* see dg_sasl_why */
};

/* Never NULL: a library without that mechanism says so at the first step. */
struct dg_sasl *dg_sasl_new(const char *mechanism, bool is_server);
void dg_sasl_free(struct dg_sasl *s); /* NULL is fine */
/* Before a step that needs it.  Texts hold no zero byte. */
void dg_sasl_set(struct dg_sasl *s, enum dg_sasl_fact f, struct dg_str value);
/* out is appended to. */
enum dg_sasl_step dg_sasl_step(struct dg_sasl *s, struct dg_str in,
    struct dg_buf *out);
/* Why not, in the library's words. */
const char *dg_sasl_why(const struct dg_sasl *s);
/* GSSAPI as a server, after DONE: "alice@REALM", and who it wants to be ("" =
 * the same). */
struct dg_str dg_sasl_principal(const struct dg_sasl *s);
struct dg_str dg_sasl_acts_for(const struct dg_sasl *s);

/* A password as SCRAM takes it (RFC 4013); DG_E_PROTO when it does not. */
enum dg_rc dg_sasl_prepare(struct dg_buf *out, struct dg_str utf8);

#endif
