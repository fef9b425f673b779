#ifndef CORE_NET_CONN_STATE_H
#define CORE_NET_CONN_STATE_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <openssl/ssl.h>

#include "address.h"
#include "dragoman/net/conn.h"
#include "turn.h"

/*
 * conn_state.h - a connection from inside, for conn.c and conn_tls.c.
 *
 * bev always exists and owns the descriptor.  What is sent gathers in out and
 * goes at the end of the turn; while TLS is not NONE or ON it stays there, so
 * nothing meant to be encrypted can leave in clear.  bev's own output holds
 * only what the kernel or the TLS session would not take at once.
 */
enum conn_life {
	CONN_OPEN,
	CONN_FINISHING, /* the rest of the output leaves, input is dropped */
	CONN_LINGERING, /* our half is shut; the other end has not closed */
	CONN_OVER,      /* finished or lost: nothing moves any more */
};

enum conn_tls {
	CONN_TLS_NONE,
	CONN_TLS_ASKED,   /* clear output leaves; nothing more is read */
	CONN_TLS_SHAKING, /* the handshake */
	CONN_TLS_ON,
};

struct dg_conn {
	struct dg_turn_end flush; /* first: see flush_out */
	struct dg_loop *loop;
	dg_conn_fn *fn;
	void *ctx; /* the owner's, who frees the connection first */
	struct bufferevent *bev;
	struct evbuffer *out;
	struct event *later;    /* what came up inside a call of the owner */
	struct event *deadline; /* NULL until one is set */
	SSL *own_ssl;           /* until bev takes it over */
	char *own_host;         /* the name TLS expects, or NULL */
	enum conn_life life;
	enum conn_tls tls;
	unsigned due;     /* events to tell, 1u << dg_conn_event */
	unsigned depth;   /* callbacks of the owner on the stack */
	bool is_server;   /* in TLS */
	bool is_freed;    /* inside a callback: memory goes when it returns */
	bool is_finished; /* dg_conn_finish was called */
	bool is_paused;
	bool is_reading;
	bool has_eof;
	bool is_congested; /* output passed 64 KiB: DRAINED will be told */
	char address[DG_ADDRESS_ROOM];
	char address_port[DG_ADDRESS_ROOM + 8];
	char tls_words[96];
	char error[256];
};

enum {
	CONN_BEV_OPTIONS = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS,
};

/* conn.c: give bev our callbacks and bounds; forget the connection with the
 * reason in words (told as LOST, or CLOSED when it was finishing). */
void dg_conn_dress(struct dg_conn *c);
void dg_conn_lose(struct dg_conn *c, const char *words);
void dg_conn_wake(struct dg_conn *c);

/* conn_address.c: the peer's, if it has one. */
void dg_conn_learn_address(struct dg_conn *c, int fd);

/* conn_tls.c: the switch, once clear output has left; then what the handshake
 * came to. */
void dg_conn_tls_begin(struct dg_conn *c);
void dg_conn_tls_done(struct dg_conn *c);
void dg_conn_tls_failed(struct dg_conn *c, bool has_eof, int error);

#endif
