#ifndef DRAGOMAN_WIRE_REPORT_H
#define DRAGOMAN_WIRE_REPORT_H

#include "dragoman/base/buf.h"

/*
 * report.h - the delivery status notification (RFC 3464, RFC 3462/6522,
 * RFC 3461): facts in, one message out.  Its human part is text somebody else
 * wrote; the machine part always keeps the remote reply as it came.
 */
struct dg_report_rcpt {
	struct dg_str final;     /* the address we tried */
	struct dg_str original;  /* ORCPT or the address first given; "" = same */
	struct dg_str action;    /* "failed" "delayed" */
	struct dg_str status;    /* "5.1.1" */
	struct dg_str host;      /* Remote-MTA, or "" */
	struct dg_str reply;     /* "550 ..." is Diagnostic-Code: smtp; ..., other
	                          * words (ours) are x-local; or "" */
	struct dg_str meaning;   /* X-Dragoman-Meaning: "too-old", or "" */
	int64_t last_ms;         /* Last-Attempt-Date, 0 = none */
	int64_t retry_until_ms;  /* Will-Retry-Until, 0 = none; of "delayed" */
};

struct dg_report {
	struct dg_str from;      /* "MAILER-DAEMON@relay.example" */
	struct dg_str from_name; /* "Mail Delivery System" */
	struct dg_str to;        /* the sender */
	struct dg_str subject;   /* UTF-8; encoded (RFC 2047) when not ASCII */
	struct dg_str lang;      /* Content-Language, or "" */
	struct dg_str relay;     /* Reporting-MTA: our name */
	struct dg_str boundary;  /* unguessable, ours */
	struct dg_str message_id; /* without <> */
	struct dg_str text;      /* human part, UTF-8, '\n' lines */
	int64_t now_ms;
	int64_t arrival_ms;
	const struct dg_report_rcpt *rcpts;
	size_t n_rcpts;
	bool returns_whole;      /* message/rfc822, else text/rfc822-headers */
	struct dg_str original;  /* the message or its header, CRLF lines */
};
/* Append the whole message, CRLF lines, 7-bit headers, human part
 * quoted-printable when not ASCII; original is put in as it came (8bit
 * declared when it has such bytes).  No control byte of a reply survives.
 * Fails when there is nobody to tell (to is "") or nobody to tell about. */
enum dg_rc dg_report_add(struct dg_buf *out, const struct dg_report *r,
    struct dg_err *e);

#endif
