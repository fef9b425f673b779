#ifndef DRAGOMAN_CORE_RELAY_SESSION_H
#define DRAGOMAN_CORE_RELAY_SESSION_H

#include "relay_state.h"

/* session.h - a client's session, shared by session.c and session_ask.c. */
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
	struct dg_notes notes;
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
	struct dg_asking asking;
	struct dg_asking routing; /* RECIPIENT: where to */
};

const struct dg_config *dg_session_config(const struct dg_session *s);
const char *dg_session_peer_name(const struct dg_session *s);
/* Find its peer with what is known now, and tell the machine. */
void dg_session_identify(struct dg_session *s);
/* Answer what the machine asked, into s->acts; or later, when is_asking. */
void dg_session_answer(struct dg_session *s, enum dg_ask question);
/* It needs no answer any more. */
void dg_session_forget(struct dg_session *s);
/* session.c: carry out s->acts and go on. */
void dg_session_pump(struct dg_session *s);

#endif
