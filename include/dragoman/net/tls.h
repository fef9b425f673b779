#ifndef DRAGOMAN_NET_TLS_H
#define DRAGOMAN_NET_TLS_H

#include "dragoman/base/err.h"
#include "dragoman/base/str.h"

/* tls.h - contexts: a listener's certificate, and how hops are checked. */
enum dg_tls_version { DG_TLS_1_0 = 10, DG_TLS_1_1 = 11, DG_TLS_1_2 = 12,
	DG_TLS_1_3 = 13 };

struct dg_tls;
/* Certificate chain and key as PEM files; least: oldest version taken.
 * The error says which file and why (OpenSSL's words in plain text). */
struct dg_tls *dg_tls_server_new(const char *certificate, const char *key,
    enum dg_tls_version least, struct dg_err *e);
/* For calling hops: the system's trust store, plus ca_file if not NULL.  NULL,
 * and e, when that cannot be read. */
struct dg_tls *dg_tls_client_new(const char *ca_file,
    enum dg_tls_version least, struct dg_err *e);
/* Without certificate or trust: every handshake fails.  For policy tests, where
 * STARTTLS is shown and nobody says it: reading the system's store takes longer
 * than all else that a case does. */
struct dg_tls *dg_tls_bare_new(bool is_server);
/* For labs: an authority that is made up in this process and forgotten with it.
 * What it signs has nothing to do with files. */
struct dg_tls_authority;
struct dg_tls_authority *dg_tls_authority_new(void);
void dg_tls_authority_free(struct dg_tls_authority *a);
/* t, for calling hops, trusts it from now on. */
void dg_tls_authority_trust(const struct dg_tls_authority *a,
    struct dg_tls *t);
/* t, a server's, gets a certificate for host (a name or an address). */
void dg_tls_authority_equip(const struct dg_tls_authority *a, struct dg_tls *t,
    struct dg_str host);
/* Safe while connections still use it. */
void dg_tls_free(struct dg_tls *t);

#endif
