#ifndef DRAGOMAN_SMTP_SERVER_H
#define DRAGOMAN_SMTP_SERVER_H

#include "dragoman/smtp/actions.h"
#include "dragoman/smtp/envelope.h"

/*
 * server.h - the SMTP server machine (RFC 5321, 4954, 3207, 2920, 1870): lines
 * and answers in, actions out.  No socket, no clock, no policy inside.
 *
 * While it waits for an answer (dg_srv_is_waiting) it takes no input: the
 * owner keeps the bytes and feeds them after answering.  A question (ASK,
 * DRAFT, COMMIT, STARTTLS) is always the last action of a step.  Its answer
 * may come at any later time, or never: dg_srv_stop and dg_srv_free are good
 * meanwhile, and an answer to a session that was stopped is ignored.  One
 * question is open at a time, and none is asked twice.
 *
 * CONNECT, OFFER, CREDENTIAL and RECIPIENT are always asked; the others only
 * when dg_srv_options.asks says that somebody wants them.
 *
 * STARTTLS: input in the same feed behind the command closes the session.
 * What comes between our 220 and the handshake is the owner's to look for,
 * since the machine cannot tell it from TLS: it must throw such bytes away and
 * close; bytes fed in that state close the session too.
 */
struct dg_srv;

/* 0: the default named here. */
struct dg_srv_limits {
	size_t line;          /* command line, 2048 */
	size_t auth_line;     /* 12288 */
	uint64_t size;        /* message bytes, shown by SIZE; 0 = no limit */
	size_t recipients;    /* 1000 */
	unsigned received;    /* loop limit: Received fields, 50 */
	unsigned errors;      /* bad commands before 421, 20 */
	unsigned auths;       /* AUTH attempts a session, 10 */
	size_t header;        /* bytes of the message's header, 1 MiB */
};

struct dg_srv_options {
	const struct dg_dialect *dialect; /* of the peer known at connect */
	struct dg_str hostname;
	struct dg_str address;            /* the client's, for Received */
	struct dg_srv_limits limits;
	bool has_tls;                     /* STARTTLS is possible */
	bool tls_is_on;                   /* implicit TLS */
	struct dg_challenges *challenges;
	struct dg_str listener;
	unsigned asks;  /* DG_ASK_BIT of COMMAND, AUTHENTICATED, SENDER and
	                 * CONTENT: those that anybody may have an answer to,
	                 * whichever peer the session turns out to be */
};

struct dg_srv *dg_srv_new(const struct dg_srv_options *o);
void dg_srv_free(struct dg_srv *s);

/* Begin: asks CONNECT. */
void dg_srv_start(struct dg_srv *s, struct dg_acts *out);
/* Returns how many bytes were used; the rest comes again later. */
size_t dg_srv_feed(struct dg_srv *s, struct dg_str in, struct dg_acts *out);
bool dg_srv_is_waiting(const struct dg_srv *s);

/* What a peer may do; the owner sets it whenever it identified the peer: after
 * CONNECT was asked, on OFFER, and on each DG_ACT_LOGIN.  Borrowed things belong
 * to the generation that the session pins. */
struct dg_srv_peer {
	const struct dg_dialect *dialect;
	unsigned mechs;        /* what "AUTH *" stands for, and what may be used:
	                        * DG_MECH_BIT */
	bool requires_auth;    /* MAIL before a login is 530 5.7.0 */
	bool requires_tls;     /* AUTH and MAIL before TLS are 530 / 538 */
	bool clear_needs_tls;  /* clear-text mechanisms only after TLS */
	uint64_t size;         /* 0 = the listener's limit */
	size_t recipients;     /* 0 = the listener's limit */
	bool may_relay;        /* false: MAIL is 550 5.7.1 (peer "anyone") */
};
void dg_srv_set_peer(struct dg_srv *s, const struct dg_srv_peer *p);

enum dg_verdict {
	DG_VERDICT_ACCEPT, /* also "no opinion" */
	DG_VERDICT_REFUSE, /* reply is 5yz */
	DG_VERDICT_DEFER,  /* reply is 4yz */
	DG_VERDICT_CLOSE,  /* with the reply if there is one */
	DG_VERDICT_DISCARD, /* RECIPIENT, CONTENT: taken and dropped */
	DG_VERDICT_HOLD,    /* CONTENT: taken, env->is_held */
};
struct dg_srv_answer {
	enum dg_verdict verdict;
	int code;
	char enhanced[12];
	struct dg_str text;            /* of the reply; may be "" */
	/* OFFER: NULL = the dialect's own */
	const struct dg_offer_line *lines;
	size_t n_lines;
	unsigned hide, show;           /* DG_EXT_* on top of the dialect's */
	/* COMMAND: taken as if this had been said, with the same argument; ""
	 * (or no verb known here) = 500 */
	struct dg_str verb;
	/* CREDENTIAL: a refusal gets the same words as a wrong password, the
	 * policy's own go to the trace */
	const struct dg_credential *credential; /* NULL = unknown */
	const struct dg_credential *decoy; /* see dg_acceptor_answer; or NULL */
	struct dg_str as;              /* who it then is; "" = the account */
	/* RECIPIENT */
	struct dg_str hop;
	struct dg_str to;              /* rewritten address, "" = as given */
	/* SENDER */
	struct dg_str sender;          /* rewritten, p NULL = as given */
	struct dg_str reply_to;        /* into env->reply_to */
};
/* About AUTHENTICATED: the login is proved and dg_srv_user is who it is (the
 * peer was identified again by DG_ACT_LOGIN); 235 is not said yet.  A refusal
 * (this reply, else 535) takes the login back, and one more DG_ACT_LOGIN says
 * so; the attempt was counted like every AUTH.
 *
 * About CONTENT: asked when the body is complete and all of it was handed
 * over as BODY; the draft is open still, so the owner may edit it before it
 * answers.  COMMIT follows ACCEPT, HOLD and DISCARD (of all recipients), and
 * ABORT everything else.  Like COMMIT it may stand behind a BODY that could
 * not be written: the owner then asks nobody and answers anything; the failure
 * is what is said. */
void dg_srv_answer(struct dg_srv *s, const struct dg_srv_answer *a,
    struct dg_acts *out);

/* After DG_ACT_STARTTLS: the handshake is done (with its words for Received:
 * "TLSv1.3 TLS_AES_256_GCM_SHA384"). */
void dg_srv_tls_done(struct dg_srv *s, struct dg_str words);
/* What TLS tells about the client, whenever it came on: what ties a login to
 * this connection (-PLUS is shown and taken only then), and who its certificate
 * says it is, checked by the owner ("" = nobody; EXTERNAL is shown and taken
 * only then).  Copied. */
void dg_srv_set_tls_facts(struct dg_srv *s, const struct dg_binding *b,
    struct dg_str certificate);
/* After DG_ACT_DRAFT: DG_OK, or why there is no room (4yz from e).  id goes
 * into the Received line. */
void dg_srv_draft(struct dg_srv *s, enum dg_rc rc, struct dg_str id,
    int64_t now_ms, const struct dg_err *e, struct dg_acts *out);
/* A write to the draft failed: the rest is read and dropped, then 4yz.  When
 * COMMIT or CONTENT stands in the same list already, the owner must not commit
 * or ask, but answer it all the same.  Good while CONTENT waits, too. */
void dg_srv_body_failed(struct dg_srv *s, const struct dg_err *e);
/* After DG_ACT_COMMIT: DG_OK = durable, now 250. */
void dg_srv_committed(struct dg_srv *s, enum dg_rc rc, const struct dg_err *e,
    struct dg_acts *out);
/* The owner wants it over: 421 with these words, then CLOSE (a message whose
 * commit is under way is still answered first). */
void dg_srv_stop(struct dg_srv *s, const char *enhanced, struct dg_str text,
    struct dg_acts *out);
/* Between transactions, nothing half said: a soft end may close it now. */
bool dg_srv_is_idle(const struct dg_srv *s);

/* What is known, for questions and logs. Views live until the next step. */
struct dg_str dg_srv_helo(const struct dg_srv *s);
bool dg_srv_is_ehlo(const struct dg_srv *s);
bool dg_srv_has_tls(const struct dg_srv *s);
struct dg_str dg_srv_user(const struct dg_srv *s);
const char *dg_srv_mechanism(const struct dg_srv *s); /* "" before a login */
const char *dg_srv_strength(const struct dg_srv *s);
struct dg_str dg_srv_auth_log(const struct dg_srv *s); /* of the last try */
const struct dg_identity *dg_srv_identity(const struct dg_srv *s);
/* While CREDENTIAL is asked, by XOAUTH2 or OAUTHBEARER: the client's token, a
 * secret and gone with the answer; "" otherwise. */
struct dg_str dg_srv_token(const struct dg_srv *s);
/* The transaction's envelope; NULL outside.  dg_srv_take_envelope gives it
 * away (at DG_ACT_COMMIT). */
struct dg_envelope *dg_srv_envelope(struct dg_srv *s);
struct dg_envelope *dg_srv_take_envelope(struct dg_srv *s);
/* The recipient being asked about. */
struct dg_str dg_srv_asked_address(const struct dg_srv *s);
/* COMMAND: the verb nobody here knows, as spelled, and what stood behind it. */
struct dg_str dg_srv_unknown_verb(const struct dg_srv *s);
struct dg_str dg_srv_unknown_argument(const struct dg_srv *s);
/* SENDER: what MAIL said; good for the whole transaction.  size is 0 and body
 * "" when it did not say. */
struct dg_str dg_srv_asked_sender(const struct dg_srv *s);
uint64_t dg_srv_asked_size(const struct dg_srv *s);
struct dg_str dg_srv_asked_body(const struct dg_srv *s); /* "8BITMIME" */
/* CONTENT: how the draft begins: so many bytes of ours (Received), then so
 * many that hold the header as it came, its empty line included (malformed: up
 * to the line that is no field, and maybe some of that); and all bytes of the
 * message as it came. */
size_t dg_srv_trace_size(const struct dg_srv *s);
size_t dg_srv_header_size(const struct dg_srv *s);
uint64_t dg_srv_message_size(const struct dg_srv *s);
const char *dg_srv_state_name(const struct dg_srv *s);

#endif
