/*
 * tls_authority.c - certificates for peers that are made up.
 *
 * A lab plays hops that must be verified by name, whatever their names are, and
 * listeners whose keys only the service may read.  So an authority is made in
 * memory, signs what is asked for, and is trusted by nobody but the lab.
 * Nothing fails here but for want of memory.
 */
#include "tls_state.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/x509v3.h>

#include "address.h"
#include "dragoman/base/log.h"

enum {
	AN_HOUR = 3600,
	A_DAY = 24 * AN_HOUR
};

struct dg_tls_authority {
	EVP_PKEY *key;
	X509 *certificate;
};

static void
must(bool ok)
{
	if (ok)
		return;
	dg_log(DG_LOG_ERROR, "no-memory", dg_kv_z("for", "certificate"));
	abort();
}

static void
extend(X509 *c, int what, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *x;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, c, c, NULL, NULL, 0);
	x = X509V3_EXT_conf_nid(NULL, &ctx, what, value);
	must(x != NULL && X509_add_ext(c, x, -1) == 1);
	X509_EXTENSION_free(x);
}

/* Not signed yet. */
static X509 *
new_certificate(EVP_PKEY *key, long serial, const char *name)
{
	X509 *c = X509_new();
	X509_NAME *subject;

	must(c != NULL && key != NULL);
	must(X509_set_version(c, X509_VERSION_3) == 1 &&
	    ASN1_INTEGER_set(X509_get_serialNumber(c), serial) == 1 &&
	    X509_gmtime_adj(X509_getm_notBefore(c), -AN_HOUR) != NULL &&
	    X509_gmtime_adj(X509_getm_notAfter(c), A_DAY) != NULL &&
	    X509_set_pubkey(c, key) == 1);
	subject = X509_get_subject_name(c);
	must(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
		 (const unsigned char *)name, -1, -1, 0) == 1);
	return c;
}

static void
sign(X509 *c, const struct dg_tls_authority *by)
{
	must(X509_set_issuer_name(c, X509_get_subject_name(by->certificate)) ==
		1 &&
	    X509_sign(c, by->key, EVP_sha256()) > 0);
}

struct dg_tls_authority *
dg_tls_authority_new(void)
{
	struct dg_tls_authority *a = dg_alloc0(sizeof(*a));

	a->key = EVP_EC_gen("P-256");
	a->certificate = new_certificate(a->key, 1, "made up");
	extend(a->certificate, NID_basic_constraints, "critical,CA:TRUE");
	sign(a->certificate, a);
	return a;
}

void
dg_tls_authority_free(struct dg_tls_authority *a)
{
	if (a == NULL)
		return;
	X509_free(a->certificate);
	EVP_PKEY_free(a->key);
	free(a);
}

void
dg_tls_authority_trust(const struct dg_tls_authority *a, struct dg_tls *t)
{
	X509_STORE *store = SSL_CTX_get_cert_store(dg_tls_context(t));

	must(X509_STORE_add_cert(store, a->certificate) == 1);
}

void
dg_tls_authority_equip(const struct dg_tls_authority *a, struct dg_tls *t,
    struct dg_str host)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *c = new_certificate(key, 2, "made up for a lab");
	struct dg_address literal;
	char name[DG_HOST_ROOM + 8];

	snprintf(name, sizeof(name), "%s:%.*s",
	    dg_address_literal(host, 0, &literal) ? "IP" : "DNS",
	    (int)(host.n < DG_HOST_ROOM ? host.n : DG_HOST_ROOM), host.p);
	extend(c, NID_subject_alt_name, name);
	sign(c, a);
	must(SSL_CTX_use_certificate(dg_tls_context(t), c) == 1 &&
	    SSL_CTX_use_PrivateKey(dg_tls_context(t), key) == 1);
	X509_free(c);
	EVP_PKEY_free(key);
}
