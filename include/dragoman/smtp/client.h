#ifndef DRAGOMAN_SMTP_CLIENT_H
#define DRAGOMAN_SMTP_CLIENT_H

#include "dragoman/smtp/actions.h"
#include "dragoman/smtp/envelope.h"

/*
 * client.h - the SMTP client machine (RFC 5321, 4954, 3207, 2920, 1870; LMTP:
 * RFC 2033): one session with a hop: greeting, EHLO, TLS, login, any number of
 * transactions, QUIT.  No socket, no clock, no policy inside.
 *
 * Which verb and mechanism: candidates are made from the login list (in its
 * order; nothing else is ever tried) and the dialect's `say`, kept when the
 * EHLO reply shows them or the dialect assumes them; a remembered choice goes
 * first.  Without a dialect the verbs are those the EHLO reply shows: AUTH
 * first, then any other keyword whose arguments are mechanisms ("XAUTH NTLM",
 * "X-EXPS=LOGIN").  None left: QUIT, no MAIL, meaning no-common-auth.
 *
 * A question (SPEAK, REPLY) is the last action of a step, and its answer may
 * come at any later time, or never.  Meanwhile (dg_cli_is_waiting) input is
 * not taken: the owner keeps it and feeds it after answering.  dg_cli_lost and
 * dg_cli_quit end the session as at any other time; an answer that comes after
 * that is ignored.
 */
enum dg_tls_policy {
	DG_TLS_NEVER,
	DG_TLS_OPPORTUNISTIC,
	DG_TLS_REQUIRE, /* encrypted, whoever it is */
	DG_TLS_VERIFY,  /* and it is who we called */
};

struct dg_cli_options {
	const struct dg_dialect *dialect; /* NULL: by what EHLO shows */
	struct dg_str helo;               /* our name */
	struct dg_str host;               /* who we call, for texts */
	enum dg_tls_policy tls;
	bool tls_is_on;                   /* implicit TLS */
	bool is_lmtp;                     /* RFC 2033: LHLO, and a reply for
	                                   * each recipient after the data */
	const struct dg_login *logins;    /* borrowed; n == 0: no login */
	size_t n_logins;
	struct dg_str remembered_verb;    /* tried first; "" = none */
	enum dg_mech remembered_mech;
	struct dg_str skip_verb;          /* known not to work here: not tried;
	                                   * several with blanks between */
	bool asks_speak, asks_reply;      /* somebody wants these questions */
	struct dg_challenges *challenges;
};

struct dg_cli;
struct dg_cli *dg_cli_new(const struct dg_cli_options *o);
void dg_cli_free(struct dg_cli *c);
void dg_cli_start(struct dg_cli *c, struct dg_acts *out);
size_t dg_cli_feed(struct dg_cli *c, struct dg_str in, struct dg_acts *out);
/* The connection ended, or a wait was too long: stage's result is reported.
 * While REPLY waits the refusal counts as if nobody had an opinion. */
void dg_cli_lost(struct dg_cli *c, const char *words, struct dg_acts *out);
/* After DG_ACT_STARTTLS; on failure words say why. */
void dg_cli_tls_done(struct dg_cli *c, bool ok, const char *words,
    struct dg_acts *out);
/* Before that, or before start when TLS is implicit: what ties a login to this
 * connection (-PLUS).  Copied. */
void dg_cli_set_binding(struct dg_cli *c, const struct dg_binding *b);

/* The answer to SPEAK (verb/mech overrule, or give up this host) and to REPLY
 * in the auth stage (meaning and action overrule).  After REPLY, hold and fail
 * are about the mail when the whole login list failed: its other rows are
 * tried first.  retry and next-host end the session at once. */
struct dg_cli_answer {
	struct dg_str verb;      /* "" = no opinion */
	bool has_mech;
	enum dg_mech mech;
	bool has_action;         /* REPLY: what to do */
	enum dg_action action;
	enum dg_meaning meaning; /* with has_action */
};
void dg_cli_answer(struct dg_cli *c, const struct dg_cli_answer *a,
    struct dg_acts *out);

/* A transaction, after DG_ACT_READY.  env and rcpts are borrowed until the
 * next READY or ENDED; each recipient gets exactly one RESULT. */
struct dg_cli_mail {
	struct dg_str sender;
	const struct dg_str *rcpts;
	size_t n_rcpts;
	uint64_t size;      /* of the body */
	bool body_8bit;
	bool refuse_8bit;   /* hop says eight_bit = "refuse" */
};
void dg_cli_mail(struct dg_cli *c, const struct dg_cli_mail *m,
    struct dg_acts *out);
/* The piece asked for by PULL; last with the final one (may be empty). */
void dg_cli_body(struct dg_cli *c, struct dg_str piece, bool is_last,
    struct dg_acts *out);
/* The body cannot be read: close without the final dot. */
void dg_cli_abort(struct dg_cli *c, struct dg_acts *out);
/* READY: QUIT, and ENDED (ok) when it is answered or the connection goes.
 * At any other time the session is cut: RESULT (temporary), CLOSE, ENDED. */
void dg_cli_quit(struct dg_cli *c, struct dg_acts *out);

/* What is known, for questions and logs. */
struct dg_str dg_cli_offered(const struct dg_cli *c); /* "AUTH LOGIN, SIZE 0" */
bool dg_cli_has_tls(const struct dg_cli *c);
const char *dg_cli_verb(const struct dg_cli *c);      /* used for the login */
const char *dg_cli_mech(const struct dg_cli *c);
const char *dg_cli_why(const struct dg_cli *c); /* "offered" "assumed" "remembered" "policy" */
struct dg_str dg_cli_auth_log(const struct dg_cli *c);
/* After ENDED with meaning verb-unknown: more candidates remain, for a new
 * session that is to skip these verbs (the old skip_verb included: the list
 * only grows, so new sessions come to an end). */
bool dg_cli_wants_new_session(const struct dg_cli *c, char skip_verb[16]);
enum dg_stage dg_cli_stage(const struct dg_cli *c); /* what is waited for */
bool dg_cli_is_ready(const struct dg_cli *c);
/* A question is open: nothing is fed before dg_cli_answer. */
bool dg_cli_is_waiting(const struct dg_cli *c);
/* What REPLY is about, while it waits. */
const struct dg_result *dg_cli_asked(const struct dg_cli *c);
/* QUIT was said; all results are out. */
bool dg_cli_is_quitting(const struct dg_cli *c);
/* The final dot was sent and its reply not read: the hop may have it. */
bool dg_cli_is_in_doubt(const struct dg_cli *c);
const char *dg_cli_state_name(const struct dg_cli *c);

#endif
