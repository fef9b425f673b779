#ifndef DRAGOMAN_SMTP_ACTIONS_H
#define DRAGOMAN_SMTP_ACTIONS_H

#include "dragoman/base/buf.h"
#include "dragoman/smtp/dialect.h"

/*
 * actions.h - what a machine wants done, in order, after its step returned.
 *
 * The machines have no socket, clock or policy: they append actions, their
 * owner carries them out.  Views in an action are valid until the next step.
 */
#define DG_QUESTIONS_SMTP(X) \
	X(CONNECT) X(OFFER) X(COMMAND) X(CREDENTIAL) X(AUTHENTICATED) \
	X(SENDER) X(RECIPIENT) X(CONTENT) X(SPEAK) X(REPLY)
enum dg_act_kind {
	/* both machines */
	DG_ACT_SEND,     /* text: bytes to write */
	DG_ACT_ASK,      /* ask: answer with dg_srv_answer / dg_cli_answer */
	DG_ACT_STARTTLS, /* once what was sent is out: TLS handshake */
	DG_ACT_CLOSE,    /* once what was sent is out: close */
	DG_ACT_TRACE,    /* text: one sentence for the log */
	/* server */
	DG_ACT_DRAFT,    /* open a draft for dg_srv_envelope(); answer with
	                  * dg_srv_draft() */
	DG_ACT_BODY,     /* text: a piece of the body */
	DG_ACT_COMMIT,   /* the body is complete; answer with dg_srv_committed */
	DG_ACT_ABORT,    /* drop the draft */
	DG_ACT_LOGIN,    /* who is logged in has changed (a login was proved,
	                  * or a proved one refused): identify the peer again */
	/* client */
	DG_ACT_READY,    /* may take a transaction (dg_cli_mail) or quit */
	DG_ACT_PULL,     /* wants the next piece of the body: dg_cli_body */
	DG_ACT_RESULT,   /* result: about one recipient, or all */
	DG_ACT_ENDED,    /* result: the session is over; see dg_cli_ended() */
};

enum dg_ask {
#define X(name) DG_ASK_##name,
	DG_QUESTIONS_SMTP(X)
#undef X
};

#define DG_ASK_BIT(ask) (1u << (ask))

enum { DG_ALL_RCPTS = -1 };

/* What a hop said (or that it said nothing), read once. */
struct dg_result {
	enum dg_meaning meaning;
	enum dg_stage stage;
	int code;           /* 0: no reply (unreachable, timeout, garbage) */
	char enhanced[12];
	char verb[16];      /* what we had said: "XAUTH", "RCPT" */
	char text[1024];    /* the reply in one line, or our words for it */
	const struct dg_means *by; /* the dialect's row that read it, or NULL */
};

struct dg_act {
	enum dg_act_kind kind;
	size_t at, n;             /* SEND, BODY, TRACE: see dg_act_text */
	struct dg_str view;       /* set instead when the bytes are elsewhere */
	enum dg_ask ask;
	int rcpt;                 /* RESULT: index, or DG_ALL_RCPTS */
	struct dg_result result;  /* RESULT, ENDED, ASK REPLY */
};

struct dg_acts {
	struct dg_act *v;
	size_t n, room;
	struct dg_buf text;
};

void dg_acts_init(struct dg_acts *a);
void dg_acts_fini(struct dg_acts *a);
void dg_acts_reset(struct dg_acts *a);
struct dg_act *dg_acts_add(struct dg_acts *a, enum dg_act_kind kind);
/* Append a SEND (merged with one just before) or TRACE. */
void dg_acts_send(struct dg_acts *a, struct dg_str bytes);
void dg_acts_trace(struct dg_acts *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
struct dg_str dg_act_text(const struct dg_acts *a, const struct dg_act *act);

#endif
