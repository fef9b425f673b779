#ifndef DRAGOMAN_SMTP_ENVELOPE_H
#define DRAGOMAN_SMTP_ENVELOPE_H

#include "dragoman/base/arena.h"
#include "dragoman/base/err.h"

/*
 * envelope.h - who sends to whom (RFC 5321 2.3.1), and what we learnt when
 * the message came in.  Strings live in its own arena.
 */
struct dg_rcpt {
	struct dg_str address;  /* where it goes now */
	struct dg_str original; /* as first given, when rewritten; else "" */
	struct dg_str hop;      /* of the hop's lane found at RCPT */
	bool discard;           /* taken and dropped: a policy said so */
};

struct dg_envelope {
	struct dg_arena arena;
	unsigned number;        /* 1, 2 ...: of its session's transactions */
	struct dg_str sender;   /* "" = null sender */
	struct dg_str original; /* as MAIL gave it, when rewritten; else p NULL */
	struct dg_str reply_to; /* what a policy wants answers to go to; or "" */
	struct dg_str helo;
	struct dg_str address;  /* of the client: "10.0.0.5" */
	struct dg_str listener;
	struct dg_str peer;     /* name of the peer in the policy */
	struct dg_str user;     /* who logged in, or "" */
	struct dg_str notes;    /* "key\0value\0..." of q:note, at most 4 KiB */
	int64_t arrival_ms;
	uint64_t declared_size; /* SIZE=, 0 = none */
	bool body_8bit;         /* 8-bit bytes seen in the body */
	bool is_held;           /* taken, but to be looked at before it goes on */
	bool is_report;         /* a report of ours: its failure goes to postmaster */
	struct dg_rcpt *rcpts;
	size_t n_rcpts, room;
};

struct dg_envelope *dg_envelope_new(void);
void dg_envelope_free(struct dg_envelope *env);
/* A deep copy without recipients. */
struct dg_envelope *dg_envelope_like(const struct dg_envelope *env);
/* Copy s into the envelope's arena; DG_NOSTR past its cap (16 MiB). */
struct dg_str dg_envelope_str(struct dg_envelope *env, struct dg_str s);
/* Add a recipient (address is copied); NULL past the cap. */
struct dg_rcpt *dg_envelope_add(struct dg_envelope *env, struct dg_str address);

#endif
