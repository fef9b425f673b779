#ifndef DRAGOMAN_CORE_RELAY_SESSION_H
#define DRAGOMAN_CORE_RELAY_SESSION_H

#include "relay_state.h"

/*
 * session.h - a client's session, shared by session.c (its connection),
 * session_peer.c (who it is), session_ask.c and session_questions.c (what is
 * asked about it), session_edit.c (what a policy changes in its messages).
 */
struct dg_session {
	struct dg_worker *worker;
	struct dg_generation *generation; /* pinned */
	uint64_t ticket;
	char name[32]; /* in logs: "2-17", worker and number */
	struct dg_conn *conn;
	struct dg_srv *srv;
	struct dg_acts acts;
	const char *listener;      /* owned by the worker */
	const struct dg_peer *peer; /* of the generation; NULL = anyone */
	struct dg_draft *draft;
	struct dg_err draft_failed; /* why there is none any more */
	struct dg_notes notes;      /* of the session */
	struct dg_notes mail_notes; /* of the transaction */
	unsigned mail_notes_of;     /* its number; 0: none yet */
	char address[64];
	char reported_peer[64]; /* the last peer logged */
	unsigned messages;
	bool is_counted;     /* in the tally of addresses */
	bool has_eof;        /* the client sends no more */
	bool is_closing;     /* close once all is out */
	bool is_committing;
	/* what the machine asked, on its way through the policy */
	bool is_asking;
	enum dg_ask asked;
	struct dg_srv_answer answer;
	struct dg_credential decoy; /* of it */
	struct dg_asking asking;
	struct dg_asking routing; /* RECIPIENT: where to */
};

/* ---- session.c ---- */
/* Carry out s->acts and go on. */
void dg_session_pump(struct dg_session *s);

/* ---- session_peer.c ---- */
const struct dg_config *dg_session_config(const struct dg_session *s);
const char *dg_session_peer_name(const struct dg_session *s);
struct dg_policy_state *dg_session_state(const struct dg_session *s);
/* Find its peer with what is known now, and tell the machine. */
void dg_session_identify(struct dg_session *s);

/* ---- session_ask.c ---- */
/* Answer what the machine asked, into s->acts; or later, when is_asking. */
void dg_session_answer(struct dg_session *s, enum dg_ask question);
/* It needs no answer any more. */
void dg_session_forget(struct dg_session *s);

/* ---- session_questions.c ---- */
struct dg_session_question {
	enum dg_question question;
	/* True: s->asking.d is the decision; false: it comes later. */
	bool (*ask)(struct dg_session *s);
	void (*take)(struct dg_session *s, const struct dg_decision *d);
	struct dg_str (*about)(const struct dg_session *s); /* for the log */
};
extern const struct dg_session_question dg_session_questions[];
/* Which of the optional ones the machine shall ask: DG_ASK_BIT. */
unsigned dg_session_asks(const struct dg_rules *r);
/* A recipient's way: as above, with s->routing. */
bool dg_session_ask_route(struct dg_session *s);
void dg_session_take_route(struct dg_session *s);

/* ---- session_edit.c ---- */
/* The message's header as it came; false: it cannot be read (the answer says
 * so). */
bool dg_session_header(struct dg_session *s, struct dg_str *header);
/* Change the draft's header as the decisions about sender and content want. */
void dg_session_edit(struct dg_session *s, const struct dg_decision *d);

#endif
