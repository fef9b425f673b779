#ifndef DRAGOMAN_CORE_RELAY_HOP_SESSION_H
#define DRAGOMAN_CORE_RELAY_HOP_SESSION_H

#include "mx.h"
#include "relay_state.h"

/* hop_session.h - one connection to a hop, shared by hop_session.c (what goes
 * over it), hop_ask.c (questions) and hop_end.c (what comes after it). */
struct dg_hop_session {
	LIST_ENTRY(dg_hop_session) next; /* in the lane */
	struct dg_worker *worker;
	struct dg_lane *lane;
	struct dg_generation *generation; /* pinned: logins belong to it */
	const struct dg_hop *hop;
	uint64_t ticket;
	struct dg_attempt *attempt; /* owned; NULL when idle */
	struct dg_conn *conn;
	struct dg_cli *cli;
	struct dg_acts acts;
	struct dg_mx *mx;  /* an mx hop's hosts; NULL: not looked up yet */
	size_t host_index; /* of mx's places, or of the hop's hosts */
	char host[DG_WHERE_MAX];
	char skip_verb[16];
	bool in_clear;       /* opportunistic TLS failed: without it now */
	bool in_handshake;
	bool is_mailing;     /* the attempt's transaction was begun */
	bool wants_piece;
	bool is_ready;
	bool is_over;        /* ENDED was seen */
	bool went_well;      /* since the lane was told last */
	bool has_logged_in;
	bool has_judged;     /* policy answered REPLY in this session */
	struct dg_judgement judged;
	struct dg_result judged_about; /* which reply that was */
	/* what the machine asked, on its way through the policy */
	bool is_asking;
	struct dg_asking speaking;
	struct dg_judging judging; /* REPLY; and what to do about its end */
	bool wants_new;            /* its end: another verb, in a new session */
	char new_skip_verb[16];
	struct dg_result ended;
	uint64_t body_at;
	unsigned mails;
};

/* Connect to h->host_index's host for its attempt; first of all look up who the
 * hosts are.  May free h. */
void dg_hop_dial(struct dg_hop_session *h);
/* Answer SPEAK or REPLY (about *r), into h->acts; or later, when is_asking. */
void dg_hop_answer(struct dg_hop_session *h, enum dg_ask question,
    const struct dg_result *r);
/* It needs no answer any more. */
void dg_hop_forget(struct dg_hop_session *h);
/* hop_session.c: carry out h->acts and go on. */
void dg_hop_pump(struct dg_hop_session *h);
/* The machine said ENDED (h->ended).  Frees h or dials again. */
void dg_hop_ended(struct dg_hop_session *h);
/* Frees h, or dials the next host. */
void dg_hop_next_host(struct dg_hop_session *h, const struct dg_result *r);
/* It cannot serve its attempt, which gets the result, and those that wait too
 * when no other session is left.  Frees h. */
void dg_hop_fail(struct dg_hop_session *h, const struct dg_result *r);
void dg_hop_free(struct dg_hop_session *h);
void dg_hop_log_end(const struct dg_hop_session *h, const struct dg_result *r,
    const char *then);

#endif
