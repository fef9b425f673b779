#ifndef DRAGOMAN_WIRE_HEADER_H
#define DRAGOMAN_WIRE_HEADER_H

#include "dragoman/base/buf.h"

/*
 * header.h - the little we read of a message's header (RFC 5322), and the
 * trace line we write (RFC 5321 4.4).
 */
struct dg_header_field {
	struct dg_str name;
	struct dg_str value; /* raw, folded lines included, trimmed */
};
/* Walk the fields of a header block (CRLF lines): start with *at = 0; false
 * at the empty line, at the end, or at what is no field. */
bool dg_header_next(struct dg_str header, size_t *at,
    struct dg_header_field *out);
/* First field of that name, value unfolded into out; DG_E_ABSENT. */
enum dg_rc dg_header_get(struct dg_str header, const char *name,
    struct dg_buf *out);
/* Length of the header block at the start of a message, with its empty line;
 * the whole length when there is none. */
size_t dg_header_length(struct dg_str message);
/* How many Received fields: the loop limit counts them. */
unsigned dg_header_received(struct dg_str header);

/* The same while a message streams by, piece by piece: how long its header is
 * so far, and how many Received fields it holds. */
struct dg_header_watch {
	int state;
	bool is_over;      /* the header has ended */
	bool has_field;
	unsigned received;
	uint64_t bytes;    /* of the header so far */
	char name[8];      /* strlen("Received") */
	size_t n_name;
};
void dg_header_watch_init(struct dg_header_watch *w);
void dg_header_watch_feed(struct dg_header_watch *w, struct dg_str piece);

/* RFC 5322 3.3: "Wed, 25 Nov 2026 09:41:55 +0000" (UTC); adds to out. */
enum dg_rc dg_date_add(struct dg_buf *out, int64_t ms);

struct dg_received {
	struct dg_str helo;     /* as the client called itself */
	struct dg_str address;  /* its address literal, without brackets */
	struct dg_str by;       /* our name */
	struct dg_str with;     /* "SMTP" "ESMTP" "ESMTPA" "ESMTPS" "ESMTPSA" */
	struct dg_str id;
	struct dg_str for_whom; /* one recipient, or "" */
	struct dg_str tls;      /* "TLSv1.3 TLS_AES_256_GCM_SHA384", or "" */
	int64_t ms;
};
/* Append the folded "Received:" field with its CRLF. Bytes that are not
 * printable ASCII become '?'. */
enum dg_rc dg_received_add(struct dg_buf *out, const struct dg_received *r);

#endif
