#ifndef TESTS_UNIT_NET_CERTS_H
#define TESTS_UNIT_NET_CERTS_H

/* certs.h - an authority and certificates in a directory of the test's own:
 *	ca.pem       the authority, self-signed
 *	good.pem     for mx.example, *.wild.example and 127.0.0.1; good.key
 *	expired.pem  for mx.example, yesterday; good.key
 *	self.pem     self-signed, for mx.example; good.key
 *	other.key, locked.key (a passphrase), junk.pem, empty.pem
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct certs {
	char dir[64];
	char path[8][128];
	unsigned at;
};

/* A file's path; good until eight more were asked for. */
static inline const char *
in_dir(struct certs *c, const char *name)
{
	char dir[sizeof(c->dir)], *p = c->path[c->at++ % 8];

	memcpy(dir, c->dir, sizeof(dir));
	snprintf(p, sizeof(c->path[0]), "%s/%s", dir, name);
	return p;
}

static inline void
add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(ext);
	X509_add_ext(x, ext, -1);
	X509_EXTENSION_free(ext);
}

/* issuer NULL: self-signed; names NULL: an authority. */
static inline X509 *
certificate(EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, const char *name,
    const char *names, long valid_s)
{
	static long serial = 1;
	X509 *x = X509_new();
	X509_NAME *n = X509_get_subject_name(x);

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
	X509_gmtime_adj(X509_getm_notBefore(x), -2 * 86400);
	X509_gmtime_adj(X509_getm_notAfter(x), valid_s);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC,
	    (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(x,
	    issuer != NULL ? X509_get_subject_name(issuer) : n);
	if (names == NULL)
		add_extension(x, x, NID_basic_constraints, "critical,CA:TRUE");
	else
		add_extension(x, x, NID_subject_alt_name, names);
	X509_sign(x, issuer_key, EVP_sha256());
	return x;
}

static inline void
save_certificate(struct certs *c, const char *name, X509 *own_x)
{
	FILE *f = fopen(in_dir(c, name), "w");

	assert_non_null(f);
	PEM_write_X509(f, own_x);
	fclose(f);
	X509_free(own_x);
}

static inline void
save_key(struct certs *c, const char *name, EVP_PKEY *key, const char *phrase)
{
	FILE *f = fopen(in_dir(c, name), "w");

	assert_non_null(f);
	PEM_write_PrivateKey(f, key, phrase != NULL ? EVP_aes_128_cbc() : NULL,
	    (const unsigned char *)phrase,
	    phrase != NULL ? (int)strlen(phrase) : 0, NULL, NULL);
	fclose(f);
}

static inline void
save_text(struct certs *c, const char *name, const char *text)
{
	FILE *f = fopen(in_dir(c, name), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static inline void
certs_make(struct certs *c)
{
	static const char names[] =
	    "DNS:mx.example,DNS:*.wild.example,IP:127.0.0.1";
	EVP_PKEY *ca_key = EVP_EC_gen("P-256");
	EVP_PKEY *key = EVP_EC_gen("P-256");
	EVP_PKEY *other = EVP_EC_gen("P-256");
	X509 *ca = certificate(ca_key, NULL, ca_key, "Test CA", NULL, 86400);

	*c = (struct certs){ .at = 0 };
	snprintf(c->dir, sizeof(c->dir), "/tmp/dragoman-net-XXXXXX");
	assert_non_null(mkdtemp(c->dir));
	save_certificate(c, "good.pem",
	    certificate(key, ca, ca_key, "mx.example", names, 86400));
	save_certificate(c, "expired.pem",
	    certificate(key, ca, ca_key, "mx.example", names, -86400));
	save_certificate(c, "self.pem",
	    certificate(key, NULL, key, "mx.example", names, 86400));
	save_certificate(c, "ca.pem", ca);
	save_key(c, "good.key", key, NULL);
	save_key(c, "other.key", other, NULL);
	save_key(c, "locked.key", key, "open sesame");
	save_text(c, "junk.pem", "this is no PEM\n");
	save_text(c, "empty.pem", "");
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

static inline void
certs_remove(struct certs *c)
{
	static const char *const names[] = { "good.pem", "expired.pem",
		"self.pem", "ca.pem", "good.key", "other.key", "locked.key",
		"junk.pem", "empty.pem" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(in_dir(c, names[i]));
	rmdir(c->dir);
}

#endif
