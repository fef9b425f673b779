/* tls.c - what we offer in TLS, whom we believe, and why it failed in words.
 *
 * Strict by default: TLS 1.2 and the library's default ciphers.  Only where the
 * administrator wrote an older version is the security level lowered, because
 * what speaks TLS 1.0 knows nothing better than SHA-1 and has never heard of
 * RFC 5746.  No resumption: relays keep connections instead, and no ticket key
 * lies in memory for months.
 *
 * Mail tells its own end (a lone dot, QUIT), so a peer that closes without
 * saying so in TLS is taken as having closed; nothing is cut short by it.
 */
#include "tls_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "address.h"
#include "dragoman/base/log.h"

struct dg_tls {
	SSL_CTX *ctx;
};

/* ---- why it failed ---- */

static const struct {
	int reason; /* of the TLS library's own errors */
	const char *words;
} tls_reasons[] = {
	{ SSL_R_UNSUPPORTED_PROTOCOL, "no TLS version in common: the other "
				      "side's is older than allowed" },
	{ SSL_R_VERSION_TOO_LOW, "no TLS version in common: the other side's "
				 "is older than allowed" },
	{ SSL_R_WRONG_SSL_VERSION, "no TLS version in common" },
	{ SSL_R_NO_PROTOCOLS_AVAILABLE, "no TLS version is allowed" },
	{ SSL_R_TLSV1_ALERT_PROTOCOL_VERSION,
	    "the other side takes none of the TLS versions we offer" },
	{ SSL_R_WRONG_VERSION_NUMBER,
	    "the other side does not speak TLS (plain text came)" },
	{ SSL_R_HTTP_REQUEST,
	    "the other side does not speak TLS (plain text came)" },
	{ SSL_R_RECORD_LENGTH_MISMATCH, "the other side does not speak TLS" },
	{ SSL_R_NO_SHARED_CIPHER, "no TLS cipher in common" },
	{ SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
	    "the other side found no TLS cipher or option in common" },
	{ SSL_R_TLSV1_ALERT_UNKNOWN_CA,
	    "the other side does not trust our certificate's authority" },
	{ SSL_R_SSLV3_ALERT_BAD_CERTIFICATE,
	    "the other side refused our certificate" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN,
	    "the other side refused our certificate" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED,
	    "the other side says that our certificate has expired" },
	{ SSL_R_TLSV1_UNRECOGNIZED_NAME,
	    "the other side does not know the host name we asked for" },
	{ SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED,
	    "the other side lacks secure renegotiation (RFC 5746)" },
	{ SSL_R_DH_KEY_TOO_SMALL, "the other side's DH key is too small" },
	{ SSL_R_UNEXPECTED_EOF_WHILE_READING,
	    "the other side closed the connection during the TLS handshake" },
	{ SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC,
	    "what came was damaged on the way (bad TLS record)" },
};

static const struct {
	long result; /* of X509 verification */
	const char *words;
} certificate_reasons[] = {
	{ X509_V_ERR_CERT_HAS_EXPIRED, "has expired" },
	{ X509_V_ERR_CERT_NOT_YET_VALID, "is not valid yet" },
	{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "is self-signed" },
	{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
	    "comes from an authority that is not trusted here" },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
	    "comes from an authority that is not trusted here" },
	{ X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
	    "comes without the authority's certificate between" },
	{ X509_V_ERR_CERT_REVOKED, "was revoked" },
	{ X509_V_ERR_EE_KEY_TOO_SMALL, "has a key that is too small" },
	{ X509_V_ERR_CA_MD_TOO_WEAK, "is signed with a digest too weak" },
	{ X509_V_ERR_INVALID_PURPOSE, "is not one for servers" },
};

static void
certificate_why(long result, const char *host, char *text, size_t room)
{
	const char *words = NULL;
	size_t n = sizeof(certificate_reasons) / sizeof(certificate_reasons[0]);

	if (result == X509_V_ERR_HOSTNAME_MISMATCH ||
	    result == X509_V_ERR_IP_ADDRESS_MISMATCH) {
		snprintf(text, room,
		    "the other side's certificate is not for %s", host);
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (certificate_reasons[i].result == result)
			words = certificate_reasons[i].words;
	if (words != NULL)
		snprintf(text, room, "the other side's certificate %s", words);
	else
		snprintf(text, room,
		    "the other side's certificate is not accepted: %s",
		    X509_verify_cert_error_string(result));
}

void
dg_tls_session_certificate(const SSL *ssl, const char *host, char *text,
    size_t room)
{
	long result = SSL_get_verify_result(ssl);

	if (result == X509_V_OK)
		snprintf(text, room, "%s", "");
	else
		certificate_why(result, host, text, room);
}

static void
library_words(unsigned long error, char *text, size_t room)
{
	const char *reason = ERR_reason_error_string(error);

	if (ERR_SYSTEM_ERROR(error))
		dg_errno_words(ERR_GET_REASON(error), text, room);
	else if (reason != NULL)
		snprintf(text, room, "%s", reason);
	else
		snprintf(text, room, "error %lx", error);
}

void
dg_tls_session_why(const SSL *ssl, unsigned long error, const char *host,
    char *text, size_t room)
{
	int reason = ERR_GET_REASON(error);
	char words[160];

	if (ERR_GET_LIB(error) == ERR_LIB_SSL &&
	    reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
		certificate_why(SSL_get_verify_result(ssl), host, text, room);
		return;
	}
	for (size_t i = 0; i < sizeof(tls_reasons) / sizeof(tls_reasons[0]);
	     i++) {
		if (ERR_GET_LIB(error) == ERR_LIB_SSL &&
		    tls_reasons[i].reason == reason) {
			snprintf(text, room, "%s", tls_reasons[i].words);
			return;
		}
	}
	library_words(error, words, sizeof(words));
	snprintf(text, room, "TLS failed: %s", words);
}

/* ---- contexts ---- */

static int
protocol_of(enum dg_tls_version v)
{
	switch (v) {
	case DG_TLS_1_0:
		return TLS1_VERSION;
	case DG_TLS_1_1:
		return TLS1_1_VERSION;
	case DG_TLS_1_2:
		return TLS1_2_VERSION;
	case DG_TLS_1_3:
		return TLS1_3_VERSION;
	}
	return TLS1_2_VERSION;
}

static struct dg_tls *
context_new(const SSL_METHOD *method, enum dg_tls_version least)
{
	struct dg_tls *t = dg_alloc0(sizeof(*t));

	t->ctx = SSL_CTX_new(method);
	if (t->ctx == NULL) {
		dg_log(DG_LOG_ERROR, "no-memory", dg_kv_z("for", "TLS"));
		abort();
	}
	SSL_CTX_set_min_proto_version(t->ctx, protocol_of(least));
	SSL_CTX_set_max_proto_version(t->ctx, 0); /* the newest */
	SSL_CTX_set_options(t->ctx,
	    SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
		SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_TICKET |
		SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(t->ctx, 0);
	SSL_CTX_set_mode(t->ctx, SSL_MODE_RELEASE_BUFFERS);
	if (least < DG_TLS_1_2) {
		SSL_CTX_set_security_level(t->ctx, 0);
		SSL_CTX_set_cipher_list(t->ctx, "DEFAULT:@SECLEVEL=0");
		SSL_CTX_set_options(t->ctx, SSL_OP_LEGACY_SERVER_CONNECT);
	}
	return t;
}

SSL_CTX *
dg_tls_context(struct dg_tls *t)
{
	return t->ctx;
}

/* The first error is the cause; those after it say who passed it on. */
static unsigned long
cause(void)
{
	unsigned long error = ERR_get_error();

	ERR_clear_error();
	return error;
}

static bool
is_no_pem(unsigned long error)
{
	return ERR_GET_LIB(error) == ERR_LIB_PEM &&
	       ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

/* The system's own words when it would not even open, as most often. */
static bool
can_open(const char *file, const char *what, struct dg_err *e)
{
	FILE *f = fopen(file, "re");
	char words[128];

	if (f != NULL) {
		fclose(f);
		return true;
	}
	if (strerror_r(errno, words, sizeof(words)) != 0)
		snprintf(words, sizeof(words), "error %d", errno);
	dg_fail(e, DG_E_CONFIG, 0, NULL, "%s %s: %s", what, file, words);
	return false;
}

static enum dg_rc
use_certificate(SSL_CTX *ctx, const char *file, struct dg_err *e)
{
	unsigned long error;
	char words[160];

	if (!can_open(file, "certificate", e))
		return DG_E_CONFIG;
	if (SSL_CTX_use_certificate_chain_file(ctx, file) == 1)
		return DG_OK;
	error = cause();
	library_words(error, words, sizeof(words));
	return dg_fail(e, DG_E_CONFIG, 0, NULL, "certificate %s: %s", file,
	    is_no_pem(error) ? "no certificate in it (PEM is expected)"
			     : words);
}

/* Nobody is there to type it. */
static int
no_passphrase(char *text, int room, int is_writing, void *ctx)
{
	bool *was_asked = ctx;

	(void)text;
	(void)room;
	(void)is_writing;
	*was_asked = true;
	return -1;
}

static enum dg_rc
use_key(SSL_CTX *ctx, const char *file, const char *certificate,
    struct dg_err *e)
{
	unsigned long error;
	bool was_asked = false;
	char words[160];
	int ok;

	if (!can_open(file, "key", e))
		return DG_E_CONFIG;
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	SSL_CTX_set_default_passwd_cb_userdata(ctx, &was_asked);
	ok = SSL_CTX_use_PrivateKey_file(ctx, file, SSL_FILETYPE_PEM);
	SSL_CTX_set_default_passwd_cb(ctx, NULL);
	SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
	if (ok == 1 && SSL_CTX_check_private_key(ctx) == 1)
		return DG_OK;
	error = cause();
	if (was_asked)
		return dg_fail(e, DG_E_CONFIG, 0, NULL,
		    "key %s: it is protected with a passphrase; store it "
		    "without one, readable by nobody else",
		    file);
	if (ERR_GET_LIB(error) == ERR_LIB_X509)
		return dg_fail(e, DG_E_CONFIG, 0, NULL,
		    "key %s does not belong to the certificate %s", file,
		    certificate);
	library_words(error, words, sizeof(words));
	if (is_no_pem(error) || ERR_GET_LIB(error) == ERR_LIB_OSSL_DECODER)
		snprintf(words, sizeof(words),
		    "no private key in it (PEM is expected)");
	return dg_fail(e, DG_E_CONFIG, 0, NULL, "key %s: %s", file, words);
}

struct dg_tls *
dg_tls_server_new(const char *certificate, const char *key,
    enum dg_tls_version least, struct dg_err *e)
{
	struct dg_tls *t = context_new(TLS_server_method(), least);

	ERR_clear_error();
	if (use_certificate(t->ctx, certificate, e) == DG_OK &&
	    use_key(t->ctx, key, certificate, e) == DG_OK)
		return t;
	dg_tls_free(t);
	return NULL;
}

struct dg_tls *
dg_tls_bare_new(bool is_server)
{
	return context_new(is_server ? TLS_server_method()
				     : TLS_client_method(),
	    DG_TLS_1_2);
}

struct dg_tls *
dg_tls_client_new(const char *ca_file, enum dg_tls_version least,
    struct dg_err *e)
{
	struct dg_tls *t = context_new(TLS_client_method(), least);
	unsigned long error;
	char words[160];

	ERR_clear_error();
	/* no system store is no error: then nobody is trusted */
	SSL_CTX_set_default_verify_paths(t->ctx);
	ERR_clear_error();
	if (ca_file == NULL)
		return t;
	if (!can_open(ca_file, "authorities", e))
		goto fail;
	if (SSL_CTX_load_verify_file(t->ctx, ca_file) == 1)
		return t;
	error = cause();
	library_words(error, words, sizeof(words));
	dg_fail(e, DG_E_CONFIG, 0, NULL, "authorities %s: %s", ca_file,
	    is_no_pem(error) || ERR_GET_LIB(error) == ERR_LIB_X509
		? "no certificate in it (PEM is expected)"
		: words);
fail:
	dg_tls_free(t);
	return NULL;
}

void
dg_tls_free(struct dg_tls *t)
{
	if (t == NULL)
		return;
	SSL_CTX_free(t->ctx); /* counted: sessions keep it */
	free(t);
}

/* ---- sessions ---- */

SSL *
dg_tls_session_new(struct dg_tls *t)
{
	SSL *ssl = SSL_new(t->ctx);

	if (ssl == NULL) {
		dg_log(DG_LOG_ERROR, "no-memory", dg_kv_z("for", "TLS"));
		abort();
	}
	return ssl;
}

void
dg_tls_session_expect(SSL *ssl, struct dg_str host, bool verify)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	struct dg_address literal;
	char name[DG_HOST_ROOM];
	bool is_known = true;

	snprintf(name, sizeof(name), "%.*s", DG_FMT(host));
	if (dg_address_literal(host, 0, &literal)) {
		is_known = X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1;
	} else if (name[0] != '\0') {
		if (name[strlen(name) - 1] == '.')
			name[strlen(name) - 1] = '\0';
		SSL_set_tlsext_host_name(ssl, name);
		SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
		is_known = SSL_set1_host(ssl, name) == 1;
	} else {
		is_known = false;
	}
	/* a name that cannot be checked is never found good */
	if (verify && !is_known)
		SSL_set1_host(ssl, "nobody.invalid");
	SSL_set_verify(ssl, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
}
