/* conn_tls.c - from clear text to TLS on a connection that goes on.
 *
 * The order is what matters (RFC 3207, CVE-2011-0411).  From the call on,
 * nothing more is read, so that the other side's first TLS bytes stay in the
 * kernel; what had been read and was not eaten came before TLS, and ends the
 * connection.  What the owner sends from now on waits for the end of the
 * handshake.  The switch itself happens in the loop, once clear output left:
 * the plain bufferevent gives up the descriptor and another takes it.
 */
#include "conn_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/err.h>

#include "dragoman/base/log.h"
#include "tls_state.h"

static void
ask(struct dg_conn *c, SSL *own_ssl, bool is_server)
{
	if (c->life != CONN_OPEN || c->tls != CONN_TLS_NONE) {
		SSL_free(own_ssl);
		return;
	}
	c->flush.run(&c->flush); /* up to here in clear */
	if (c->life != CONN_OPEN) {
		SSL_free(own_ssl);
		return;
	}
	c->own_ssl = own_ssl;
	c->is_server = is_server;
	c->tls = CONN_TLS_ASKED;
	c->is_reading = false;
	bufferevent_disable(c->bev, EV_READ);
	dg_conn_wake(c);
}

void
dg_conn_tls_accept(struct dg_conn *c, struct dg_tls *t)
{
	ask(c, dg_tls_session_new(t), true);
}

void
dg_conn_tls_connect(struct dg_conn *c, struct dg_tls *t, struct dg_str host,
    bool verify)
{
	SSL *ssl = dg_tls_session_new(t);

	free(c->own_host);
	c->own_host = dg_str_dup(host);
	dg_tls_session_expect(ssl, host, verify);
	ask(c, ssl, false);
}

void
dg_conn_tls_begin(struct dg_conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	int fd = bufferevent_getfd(c->bev);

	if (evbuffer_get_length(in) > 0) {
		evbuffer_drain(in, evbuffer_get_length(in));
		dg_conn_lose(c, "plain text after STARTTLS");
		return;
	}
	bufferevent_setcb(c->bev, NULL, NULL, NULL, NULL);
	bufferevent_disable(c->bev, EV_READ | EV_WRITE);
	bufferevent_setfd(c->bev, -1);
	bufferevent_free(c->bev);
	c->bev = bufferevent_openssl_socket_new(dg_loop_base(c->loop), fd,
	    c->own_ssl,
	    c->is_server ? BUFFEREVENT_SSL_ACCEPTING
			 : BUFFEREVENT_SSL_CONNECTING,
	    CONN_BEV_OPTIONS);
	if (c->bev == NULL) {
		dg_log(DG_LOG_ERROR, "no-memory", dg_kv_z("for", "TLS"));
		abort();
	}
	c->own_ssl = NULL;         /* bev's */
	c->tls = CONN_TLS_SHAKING; /* which reads and writes for itself */
	dg_conn_dress(c);
}

void
dg_conn_tls_done(struct dg_conn *c)
{
	const SSL *ssl = bufferevent_openssl_get_ssl(c->bev);

	if (c->tls != CONN_TLS_SHAKING)
		return;
	c->tls = CONN_TLS_ON;
	c->is_reading = true;
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	snprintf(c->tls_words, sizeof(c->tls_words), "%s %s",
	    SSL_get_version(ssl), SSL_get_cipher_name(ssl));
	dg_loop_at_end(c->loop, &c->flush);
	if (c->life == CONN_OPEN)
		c->due |= 1u << DG_CONN_TLS;
	else
		dg_conn_wake(c);
}

/* The library hands its errors out last first, and among them bare numbers of
 * its own; the first real one is the cause. */
static unsigned long
cause(struct bufferevent *bev)
{
	unsigned long first = 0, next;

	while ((next = bufferevent_get_openssl_error(bev)) != 0)
		if (ERR_GET_LIB(next) != 0)
			first = next;
	return first;
}

void
dg_conn_tls_failed(struct dg_conn *c, bool has_eof, int error)
{
	unsigned long reason = cause(c->bev);
	const char *when = "";
	char what[200], words[256];

	if (c->tls == CONN_TLS_SHAKING)
		when = " during the TLS handshake";
	if (reason != 0) {
		dg_tls_session_why(bufferevent_openssl_get_ssl(c->bev), reason,
		    c->own_host != NULL ? c->own_host : "", words,
		    sizeof(words));
	} else if (has_eof || error == 0) {
		snprintf(words, sizeof(words),
		    "the other side closed the connection%s", when);
	} else {
		dg_errno_words(error, what, sizeof(what));
		snprintf(words, sizeof(words), "the other side %s%s", what,
		    when);
	}
	dg_conn_lose(c, words);
}

void
dg_conn_tls_certificate(const struct dg_conn *c, char *text, size_t room)
{
	snprintf(text, room, "%s", "there is no TLS");
	if (c->tls == CONN_TLS_ON)
		dg_tls_session_certificate(bufferevent_openssl_get_ssl(c->bev),
		    c->own_host != NULL ? c->own_host : "", text, room);
}

/* The Finished message that came first: the client's, unless a session was
 * resumed. */
static size_t
first_finished(const struct dg_conn *c, SSL *ssl, uint8_t *out)
{
	bool is_ours = c->is_server == (SSL_session_reused(ssl) == 1);

	return is_ours ? SSL_get_finished(ssl, out, DG_CONN_BINDING_MAX)
		       : SSL_get_peer_finished(ssl, out, DG_CONN_BINDING_MAX);
}

size_t
dg_conn_tls_binding(const struct dg_conn *c, enum dg_conn_binding kind,
    uint8_t out[DG_CONN_BINDING_MAX])
{
	static const char label[] = "EXPORTER-Channel-Binding";
	enum {
		EXPORTER_SIZE = 32
	};
	SSL *ssl;
	size_t n;

	if (c->tls != CONN_TLS_ON)
		return 0;
	ssl = bufferevent_openssl_get_ssl(c->bev);
	if ((SSL_version(ssl) >= TLS1_3_VERSION) !=
	    (kind == DG_CONN_TLS_EXPORTER))
		return 0;
	if (kind == DG_CONN_TLS_EXPORTER)
		return SSL_export_keying_material(ssl, out, EXPORTER_SIZE,
			   label, sizeof(label) - 1,
			   (const unsigned char *)"", 0, 1) == 1
			   ? EXPORTER_SIZE
			   : 0;
	n = first_finished(c, ssl, out);
	return n <= DG_CONN_BINDING_MAX ? n : 0;
}

struct dg_str
dg_conn_tls_words(const struct dg_conn *c)
{
	return dg_str(c->tls_words);
}
