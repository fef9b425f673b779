#ifndef CORE_NET_TLS_STATE_H
#define CORE_NET_TLS_STATE_H

#include <openssl/ssl.h>

#include "dragoman/net/tls.h"

/* tls_state.h - what a connection asks of a TLS context. */

/* For tls_authority.c. */
SSL_CTX *dg_tls_context(struct dg_tls *t);

/* A session of its own: the context may be freed while it goes on. */
SSL *dg_tls_session_new(struct dg_tls *t);
/* Say to the server which host is meant (not for an address) and, with
 * verify, take only a certificate of that name. */
void dg_tls_session_expect(SSL *ssl, struct dg_str host, bool verify);
/* What is wrong with the other side's certificate, looked at even where
 * anyone's is taken; "": nothing. */
void dg_tls_session_certificate(const SSL *ssl, const char *host, char *text,
    size_t room);
/* Why a handshake or session failed, in words; error is OpenSSL's (0: none),
 * host the name that was expected or "". */
void dg_tls_session_why(const SSL *ssl, unsigned long error, const char *host,
    char *text, size_t room);

#endif
