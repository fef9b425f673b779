#ifndef TESTS_UNIT_NET_NAME_SERVER_H
#define TESTS_UNIT_NET_NAME_SERVER_H

/* name_server.h - a name server of a few lines on the test's own loop, which
 * answers what a table says, and signs what the table wants signed (RFC 4034,
 * algorithm 13) with a key of its own. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include "dragoman/net/loop.h"

enum {
	NS_ANSWER,
	NS_SILENT,
	NS_SERVFAIL = 2, /* also the code */
	NS_NXDOMAIN = 3,
};
enum {
	NS_SIGNED = 1,
	NS_FORGED = 2, /* signed, then changed */
};

struct ns_row {
	const char *name; /* NULL ends the table; not there: NXDOMAIN */
	int type;
	int what;
	struct dg_str data[4]; /* of records; p NULL ends */
	int marks;
};

struct name_server {
	int fd;
	char at[32]; /* "127.0.0.1:port" */
	struct dg_watch *watch;
	const struct ns_row *rows;
	unsigned asked;
	EVP_PKEY *key;                /* NULL: nothing is signed */
	char zone[32];                /* "signed.example" */
	unsigned char public[4 + 64]; /* DNSKEY data */
};

/* ---- pieces of packets ---- */

static inline size_t
ns_put16(unsigned char *p, unsigned v)
{
	p[0] = (unsigned char)(v >> 8);
	p[1] = (unsigned char)v;
	return 2;
}

static inline size_t
ns_put32(unsigned char *p, uint32_t v)
{
	return ns_put16(p, v >> 16) + ns_put16(p + 2, v & 0xffff);
}

static inline size_t
ns_put_name(unsigned char *p, const char *name)
{
	size_t n = 0;

	while (*name != '\0' && n < 200) {
		size_t label = strcspn(name, ".");

		if (label > 63)
			break;
		p[n++] = (unsigned char)label;
		for (size_t i = 0; i < label; i++)
			p[n++] = (unsigned char)dg_lower(name[i]);
		name += label + (name[label] == '.');
	}
	p[n++] = 0;
	return n;
}

/* The name of a question as text; its end is returned. */
static inline size_t
ns_name_at(const unsigned char *p, size_t n, char *name, size_t room)
{
	size_t at = 12, k = 0;

	while (at < n && p[at] != 0) {
		for (unsigned i = 1; i <= p[at] && k + 2 < room; i++)
			name[k++] = dg_lower((char)p[at + i]);
		name[k++] = '.';
		at += 1u + p[at];
	}
	name[k > 0 ? k - 1 : 0] = '\0';
	return at + 1;
}

static inline size_t
ns_put_record(unsigned char *p, const char *name, int type, struct dg_str data)
{
	size_t n = ns_put_name(p, name);

	n += ns_put16(p + n, (unsigned)type);
	n += ns_put16(p + n, 1);
	n += ns_put32(p + n, 60);
	n += ns_put16(p + n, (unsigned)data.n);
	memcpy(p + n, data.p, data.n);
	return n + data.n;
}

/* ---- signing ---- */

static inline unsigned
ns_key_tag(const struct name_server *s)
{
	uint32_t sum = 0; /* RFC 4034 appendix B */

	for (size_t i = 0; i < sizeof(s->public); i++)
		sum += i % 2 == 0 ? (uint32_t)s->public[i] << 8 : s->public[i];
	return (sum + (sum >> 16)) & 0xffff;
}

static inline unsigned
ns_labels(const char *name)
{
	unsigned n = 1;

	for (; *name != '\0'; name++)
		n += *name == '.';
	return n;
}

/* The signature of one record, as r and s in 64 bytes (RFC 6605 4). */
static inline void
ns_sign(const struct name_server *s, const unsigned char *bytes, size_t n,
    unsigned char *out)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	unsigned char der[100];
	const unsigned char *at = der;
	size_t der_n = sizeof(der);
	ECDSA_SIG *sig;

	assert_int_equal(EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL,
			     s->key),
	    1);
	assert_int_equal(EVP_DigestSign(c, der, &der_n, bytes, n), 1);
	sig = d2i_ECDSA_SIG(NULL, &at, (long)der_n);
	BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + 32, 32);
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(c);
}

/* An RRSIG over the only record of its name and type. */
static inline size_t
ns_put_signature(const struct name_server *s, unsigned char *p,
    const char *name, int type, struct dg_str data)
{
	unsigned char sig[300], all[1000];
	uint32_t now = (uint32_t)time(NULL);
	size_t n = 0, all_n;

	n += ns_put16(sig, (unsigned)type);
	sig[n++] = 13;
	sig[n++] = (unsigned char)ns_labels(name);
	n += ns_put32(sig + n, 60);
	n += ns_put32(sig + n, now + 86400);
	n += ns_put32(sig + n, now - 86400);
	n += ns_put16(sig + n, ns_key_tag(s));
	n += ns_put_name(sig + n, s->zone);
	memcpy(all, sig, n);
	all_n = n + ns_put_record(all + n, name, type, data);
	ns_sign(s, all, all_n, sig + n);
	return ns_put_record(p, name, 46, dg_str_of(sig, n + 64));
}

/* From here on rows with marks are signed; the anchor is written to a file. */
static inline void
name_server_sign(struct name_server *s, const char *zone, const char *anchor)
{
	unsigned char point[65];
	unsigned char base64[100];
	size_t n;
	FILE *f = fopen(anchor, "w");

	s->key = EVP_EC_gen("P-256");
	snprintf(s->zone, sizeof(s->zone), "%s", zone);
	assert_int_equal(EVP_PKEY_get_octet_string_param(s->key,
			     OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &n),
	    1);
	assert_int_equal(n, 65);
	memcpy(s->public, "\x01\x01\x03\x0d", 4);
	memcpy(s->public + 4, point + 1, 64);
	EVP_EncodeBlock(base64, point + 1, 64);
	assert_non_null(f);
	fprintf(f, "%s. IN DNSKEY 257 3 13 %s\n", zone, (char *)base64);
	fclose(f);
}

/* ---- answers ---- */

static inline size_t
ns_answer_row(const struct name_server *s, const struct ns_row *row,
    unsigned char *p, size_t n)
{
	for (int i = 0; i < 4 && row->data[i].p != NULL; i++) {
		size_t start = n;

		n += ns_put_record(p + n, row->name, row->type, row->data[i]);
		p[7]++;
		if (s->key != NULL && row->marks != 0) {
			if (row->marks & NS_FORGED)
				p[n - 1] ^= 1;
			n += ns_put_signature(s, p + n, row->name, row->type,
			    row->data[i]);
			p[7]++;
		}
		assert_true(n > start);
	}
	return n;
}

static inline int
ns_answer(const struct name_server *s, const char *name, int type,
    unsigned char *p, size_t *n)
{
	int what = NS_NXDOMAIN;

	if (s->key != NULL && type == 48 && strcmp(name, s->zone) == 0) {
		struct dg_str data = dg_str_of(s->public, sizeof(s->public));

		*n += ns_put_record(p + *n, name, 48, data);
		*n += ns_put_signature(s, p + *n, name, 48, data);
		p[7] = 2;
		return NS_ANSWER;
	}
	for (const struct ns_row *r = s->rows; r->name != NULL; r++) {
		if (strcmp(r->name, name) != 0)
			continue;
		if (r->type != type) {
			if (what == NS_NXDOMAIN)
				what = r->what == NS_SILENT ? NS_SILENT
							    : NS_ANSWER;
			continue;
		}
		*n = ns_answer_row(s, r, p, *n);
		return r->what;
	}
	return what;
}

static inline void
ns_on_question(void *ctx)
{
	struct name_server *s = ctx;
	unsigned char p[2000] = { 0 };
	struct sockaddr_in from;
	socklen_t from_n = sizeof(from);
	ssize_t got =
	    recvfrom(s->fd, p, 300, 0, (struct sockaddr *)&from, &from_n);
	char name[256];
	bool has_edns;
	size_t n;
	int what, type;

	if (got < 17)
		return;
	s->asked++;
	n = ns_name_at(p, (size_t)got, name, sizeof(name));
	if (n + 4 > (size_t)got)
		return;
	type = p[n] << 8 | p[n + 1];
	n += 4;
	has_edns = p[11] != 0;
	p[2] = 0x81; /* an answer, recursion desired and there */
	p[3] = 0x80;
	p[7] = p[9] = p[11] = 0;
	what = ns_answer(s, name, type, p, &n);
	if (what == NS_SILENT)
		return;
	p[3] = (unsigned char)(p[3] | what);
	if (has_edns) {
		memcpy(p + n, "\0\0\x29\x04\xd0\0\0\x80\0\0\0", 11);
		p[11] = 1;
		n += 11;
	}
	sendto(s->fd, p, n, 0, (struct sockaddr *)&from, from_n);
}

static inline void
name_server_open(struct name_server *s, struct dg_loop *l,
    const struct ns_row *rows)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);

	*s = (struct name_server){ .fd = socket(AF_INET,
				       SOCK_DGRAM | SOCK_CLOEXEC, 0),
		.rows = rows };
	fcntl(s->fd, F_SETFL, O_NONBLOCK);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&a, n), 0);
	getsockname(s->fd, (struct sockaddr *)&a, &n);
	snprintf(s->at, sizeof(s->at), "127.0.0.1:%d", ntohs(a.sin_port));
	s->watch = dg_watch_new(l, s->fd, ns_on_question, s);
}

static inline void
name_server_close(struct name_server *s)
{
	dg_watch_free(s->watch);
	close(s->fd);
	EVP_PKEY_free(s->key);
}

#endif
