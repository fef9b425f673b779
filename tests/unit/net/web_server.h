#ifndef TESTS_UNIT_NET_WEB_SERVER_H
#define TESTS_UNIT_NET_WEB_SERVER_H

/* web_server.h - a web server of a few lines on the test's own loop.  What it
 * does stands in the path that is asked for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dragoman/base/buf.h"
#include "dragoman/net/conn.h"
#include "dragoman/net/listener.h"

enum {
	WEB_CLIENTS_MAX = 150
};

struct web_client {
	struct web_server *server;
	struct dg_conn *c;
	int fd; /* owned by c; for resets */
	struct dg_timer *drip;
	bool is_endless;
};

struct web_server {
	struct dg_loop *loop;
	struct dg_tls *tls; /* or NULL; not owned */
	struct dg_listener *listener;
	int port;
	struct web_client clients[WEB_CLIENTS_MAX];
	unsigned accepted, closed, asked, most_open;
	struct dg_buf last; /* the request's head, and what came of its body */
};

static inline void
web_say(struct web_client *w, const char *status, const char *more,
    struct dg_str body)
{
	char head[700];

	snprintf(head, sizeof(head),
	    "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n", status, more,
	    body.n);
	dg_conn_send(w->c, dg_str(head));
	dg_conn_send(w->c, body);
}

static inline void
web_drop(struct web_client *w)
{
	dg_conn_free(w->c);
	w->c = NULL;
	dg_timer_free(w->drip);
	w->drip = NULL;
	w->server->closed++;
}

static inline void
web_on_drip(void *ctx)
{
	struct web_client *w = ctx;

	dg_conn_send(w->c, DG_STR("x"));
	dg_timer_set(w->drip, 20);
}

/* Much, for as long as it is read. */
static inline void
web_pour(struct web_client *w)
{
	static char much[100000];

	if (much[0] == '\0')
		for (size_t i = 0; i < sizeof(much); i++)
			much[i] = "X-a: b\r\n"[i % 8];
	dg_conn_send(w->c, dg_str_of(much, sizeof(much)));
}

static inline void
web_answer(struct web_client *w, const char *path)
{
	struct linger none = { .l_onoff = 1 };

	if (strcmp(path, "/hello") == 0) {
		web_say(w, "200 OK", "", DG_STR("hello"));
	} else if (strcmp(path, "/echo") == 0) {
		web_say(w, "200 OK", "", dg_buf_str(&w->server->last));
	} else if (strcmp(path, "/empty") == 0) {
		dg_conn_send(w->c, DG_STR("HTTP/1.1 204 None\r\n\r\n"));
	} else if (strcmp(path, "/bytes") == 0) {
		web_say(w, "200 OK", "", DG_STR("a\0\xff\r\n"));
	} else if (strcmp(path, "/silent") == 0) {
		return;
	} else if (strcmp(path, "/reset") == 0) {
		setsockopt(w->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
		web_drop(w);
	} else if (strcmp(path, "/close") == 0) {
		web_drop(w);
	} else if (strcmp(path, "/cut") == 0) {
		dg_conn_send(w->c,
		    DG_STR("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"));
		dg_conn_finish(w->c);
	} else if (strcmp(path, "/until-close") == 0) {
		dg_conn_send(w->c, DG_STR("HTTP/1.1 200 OK\r\n\r\nto the end"));
		dg_conn_finish(w->c);
	} else if (strcmp(path, "/drip") == 0) {
		dg_conn_send(w->c,
		    DG_STR("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"));
		w->drip = dg_timer_new(w->server->loop, web_on_drip, w);
		dg_timer_set(w->drip, 20);
	} else if (strcmp(path, "/big") == 0) {
		dg_conn_send(w->c,
		    DG_STR("HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n"
			   "\r\n"));
	} else if (strcmp(path, "/endless") == 0) {
		dg_conn_send(w->c, DG_STR("HTTP/1.1 200 OK\r\n\r\n"));
		w->is_endless = true;
		web_pour(w);
	} else if (strcmp(path, "/headers") == 0) {
		dg_conn_send(w->c, DG_STR("HTTP/1.1 200 OK\r\n"));
		w->is_endless = true;
		web_pour(w);
	} else if (strcmp(path, "/gzip") == 0) {
		web_say(w, "200 OK", "Content-Encoding: gzip\r\n",
		    DG_STR("no gzip"));
	} else if (strcmp(path, "/garbage") == 0) {
		dg_conn_send(w->c, DG_STR("220 smtp.example ESMTP\r\n"));
		dg_conn_finish(w->c);
	} else if (strcmp(path, "/round") == 0) {
		web_say(w, "302 Found", "Location: /round\r\n", DG_STR("r"));
	} else if (strcmp(path, "/moved") == 0) {
		web_say(w, "301 Moved", "Location: /hello?\r\n", DG_STR("m"));
	} else if (strcmp(path, "/to-file") == 0) {
		web_say(w, "302 Found", "Location: file:///etc/passwd\r\n",
		    DG_STR("f"));
	} else if (strncmp(path, "/to/", 4) == 0) {
		char location[300];

		snprintf(location, sizeof(location), "Location: %s\r\n",
		    path + 4);
		web_say(w, "302 Found", location, DG_STR("t"));
	} else {
		web_say(w, "404 Not Found", "", DG_STR("nothing here"));
	}
}

static inline void
web_on_event(void *ctx, struct dg_conn *c, enum dg_conn_event ev)
{
	struct web_client *w = ctx;
	struct dg_str in;
	const char *end, *length;
	size_t n;
	char path[200];

	if (ev == DG_CONN_EOF || ev == DG_CONN_LOST || ev == DG_CONN_CLOSED) {
		web_drop(w);
		return;
	}
	if (ev == DG_CONN_DRAINED && w->is_endless)
		web_pour(w);
	if (ev != DG_CONN_INPUT)
		return;
	in = dg_conn_input(c);
	if (in.p[0] == 0x16) { /* TLS, where it is not spoken */
		dg_conn_send(c, DG_STR("HTTP/1.1 400 Bad Request\r\n\r\n"));
		dg_conn_finish(c);
		return;
	}
	dg_buf_reset(&w->server->last);
	assert_int_equal(dg_buf_add(&w->server->last, in), DG_OK);
	end = strstr(dg_buf_z(&w->server->last), "\r\n\r\n");
	if (end == NULL)
		return;
	n = (size_t)(end + 4 - w->server->last.p);
	length = strstr(w->server->last.p, "Content-Length: ");
	if (length != NULL)
		n += strtoul(length + 16, NULL, 10);
	if (in.n < n)
		return;
	assert_int_equal(in.n, n); /* no second request in it */
	dg_conn_eat(c, n);
	w->server->asked++;
	assert_int_equal(sscanf(w->server->last.p, "%*s %199[^ ?]", path), 1);
	web_answer(w, path);
}

static inline void
web_on_accept(void *ctx, int own_fd)
{
	struct web_server *s = ctx;

	s->accepted++;
	if (s->accepted - s->closed > s->most_open)
		s->most_open = s->accepted - s->closed;
	for (int i = 0; i < WEB_CLIENTS_MAX; i++) {
		struct web_client *w = &s->clients[i];

		if (w->c != NULL)
			continue;
		*w = (struct web_client){ .server = s, .fd = own_fd };
		w->c = dg_conn_new(s->loop, own_fd, web_on_event, w);
		if (s->tls != NULL)
			dg_conn_tls_accept(w->c, s->tls);
		return;
	}
	close(own_fd);
}

static inline void
web_server_open(struct web_server *s, struct dg_loop *l, struct dg_tls *tls)
{
	struct dg_buf bound;
	struct dg_err e;
	int fd;

	*s = (struct web_server){ .loop = l, .tls = tls };
	dg_buf_init(&s->last, 10u << 20);
	dg_buf_init(&bound, 100);
	assert_int_equal(dg_listen(DG_STR("127.0.0.1:0"), 1, &fd, &bound, &e),
	    DG_OK);
	s->port = (int)strtol(strrchr(dg_buf_z(&bound), ':') + 1, NULL, 10);
	dg_buf_fini(&bound);
	s->listener = dg_listener_new(l, fd, web_on_accept, s);
}

static inline void
web_server_close(struct web_server *s)
{
	dg_listener_free(s->listener);
	for (int i = 0; i < WEB_CLIENTS_MAX; i++)
		if (s->clients[i].c != NULL)
			web_drop(&s->clients[i]);
	dg_buf_fini(&s->last);
}

#endif
