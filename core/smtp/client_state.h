#ifndef DRAGOMAN_CORE_SMTP_CLIENT_STATE_H
#define DRAGOMAN_CORE_SMTP_CLIENT_STATE_H

/*
 * client_state.h - what the files of the client machine share.
 *
 *	client.c        states, who awaits what, input, the ends of a session
 *	client_hello.c  greeting, EHLO, HELO, STARTTLS, the question SPEAK
 *	client_login.c  candidates: which verb, mechanism and login come next
 *	client_auth.c   saying them, and what the answer amounts to
 *	client_hush.c   keeping what was said in a login out of replies
 *	client_mail.c   transactions
 */
#include "dragoman/auth/dialogue.h"
#include "dragoman/smtp/client.h"
#include "dragoman/wire/dot.h"
#include "dragoman/wire/ehlo.h"
#include "dragoman/wire/line.h"
#include "dragoman/wire/reply.h"

/*
 * State, the stage that a reply or its absence belongs to, and what was said
 * (NULL: the login verb of the moment).  The normal path:
 * NEW GREETING EHLO (STARTTLS TLS EHLO) (SPEAK) (AUTH DIALOGUE VERDICT)
 * READY IDLE (MAIL RCPT.. DATA BODY END READY IDLE).. QUIT GONE
 */
#define CLI_STATES(X) \
	X(NEW, CONNECT, "") \
	X(GREETING, GREETING, "") \
	X(EHLO, HELO, "EHLO") \
	X(HELO, HELO, "HELO") \
	X(STARTTLS, TLS, "STARTTLS") \
	X(TLS, TLS, "STARTTLS") /* the owner shakes hands */ \
	X(SPEAK, AUTH, "")      /* the owner asks its policy */ \
	X(AUTH, AUTH, NULL)     /* verb line said */ \
	X(HELDBACK, AUTH, NULL) /* verb said, our first response kept back */ \
	X(DIALOGUE, AUTH, NULL) /* answered a 334, more to say */ \
	X(VERDICT, AUTH, NULL)  /* all said */ \
	X(CANCEL, AUTH, "*")    /* broken off by us */ \
	X(JUDGE, AUTH, NULL) /* the owner asks its policy about a refusal */ \
	X(READY, MAIL, "")   /* about to tell the owner so */ \
	X(IDLE, MAIL, "")    /* told */ \
	X(MAIL, MAIL, "MAIL") \
	X(RCPT, RCPT, "RCPT") \
	X(DATA, DATA, "DATA") \
	X(BODY, DATA, "DATA") /* pieces go out */ \
	X(END, END, ".")      /* the final dot is said */ \
	X(EMPTY, END, ".")    /* a lone dot for nobody (RFC 2920 3.1) */ \
	X(RSET, MAIL, "RSET") \
	X(QUIT, CONNECT, "QUIT") \
	X(GONE, CONNECT, "")
enum cli_state {
#define X(name, stage, said) CLI_##name,
	CLI_STATES(X)
#undef X
	CLI_STATE_N
};

/* One way to log in that may be tried. */
struct cli_candidate {
	char verb[16];
	const struct dg_login *login;
	const char *why; /* "offered" "assumed" "remembered" "policy" */
	bool is_struck;  /* tried, or known not to work */
};

struct cli_login {
	struct cli_candidate *v;
	size_t n;
	struct cli_candidate *now; /* being tried, or what worked */
	struct dg_initiator *initiator;
	struct dg_buf first; /* HELDBACK: the response kept */
	struct dg_buf said;  /* lines of dialogues; see client_hush.c */
	bool first_is_all;   /* nothing follows it (PLAIN) */
	bool is_other_form;  /* 501 came to the dialect's form */
	unsigned n_answered; /* 334s of this try */
	unsigned n_unknown;  /* verbs this server did not know */
	bool wants_new_session;
	char skip[16]; /* verbs for a new one to skip */
	bool is_skip_full;
	struct dg_result refusal; /* the most telling so far */
	struct dg_buf log;
};

struct cli_mail {
	struct dg_cli_mail m;
	unsigned char *fate; /* one a recipient: enum cli_fate */
	size_t room;
	size_t at; /* recipient whose reply is awaited (LMTP: again in END) */
	size_t n_accepted, n_settled;
	bool is_open; /* MAIL was accepted */
	struct dg_dot_out dot;
	struct dg_buf out; /* stuffed piece */
	char held[2];      /* its last bytes: they go with the dot */
	size_t n_held;
	bool is_in_doubt;
};
enum cli_fate {
	CLI_PENDING,
	CLI_ACCEPTED,
	CLI_SETTLED,
	CLI_UNSENT, /* settled before it could be sent */
};

struct dg_cli {
	struct dg_cli_options o; /* its strings are copies, below */
	char *helo, *host, *remembered_verb, *skip_verb;
	const struct dg_dialect *dialect; /* never NULL: for forms and levels */
	enum cli_state state;
	bool has_tls;
	struct dg_buf binding_exporter, binding_unique;
	struct dg_reply reply;
	struct dg_buf ehlo_text; /* behind ehlo */
	struct dg_ehlo ehlo;
	struct dg_buf offered;
	struct cli_login login;
	struct cli_mail mail;
	struct dg_result end; /* what ENDED will say */
};

/* ---- client.c ---- */
/* What the whole reply in c->reply amounts to at this point. */
void dg_cli_read(const struct dg_cli *c, struct dg_result *out);
/* Our own words instead of a reply. */
void dg_cli_words(const struct dg_cli *c, struct dg_result *out,
    enum dg_meaning m, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Send one command line. */
void dg_cli_say(struct dg_acts *out, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Ends of a session; each settles who waits and returns the next state.
 * finish says QUIT and waits for its reply; shut closes now; broken is shut
 * for a hop that is out of step. */
enum cli_state dg_cli_finish(struct dg_cli *c, const struct dg_result *r,
    struct dg_acts *out);
enum cli_state dg_cli_shut(struct dg_cli *c, const struct dg_result *r,
    struct dg_acts *out);
enum cli_state dg_cli_broken(struct dg_cli *c, const char *what,
    struct dg_acts *out);
/* broken, with the reply that came instead of the `wanted` one */
enum cli_state dg_cli_unexpected(struct dg_cli *c, const char *wanted,
    struct dg_acts *out);
/* The only assignment of the state in the program. */
void dg_cli_enter(struct dg_cli *c, enum cli_state next);
/* The last thing of every step: tell the owner when we became ready. */
void dg_cli_step_done(struct dg_cli *c, struct dg_acts *out);

/* ---- client_hello.c ---- */
enum cli_state dg_cli_on_greeting(struct dg_cli *c, struct dg_acts *out);
enum cli_state dg_cli_on_ehlo(struct dg_cli *c, struct dg_acts *out);
enum cli_state dg_cli_on_helo(struct dg_cli *c, struct dg_acts *out);
enum cli_state dg_cli_on_starttls(struct dg_cli *c, struct dg_acts *out);
enum cli_state dg_cli_after_tls(struct dg_cli *c, struct dg_acts *out);

/* ---- client_login.c ---- */
/* Make the candidates from the login list, the dialect and the EHLO reply;
 * wish (may be NULL) is the policy's answer to SPEAK. */
void dg_cli_candidates(struct dg_cli *c, const struct dg_cli_answer *wish);
/* `tried` was read as m: strike what need not be tried any more. */
void dg_cli_strike(struct dg_cli *c, struct cli_candidate *tried,
    enum dg_meaning m);
/* Who comes after `tried` (NULL: who is first); NULL when none is left. */
struct cli_candidate *dg_cli_candidate_next(struct dg_cli *c,
    const struct cli_candidate *tried, enum dg_meaning m);

/* ---- client_auth.c ---- */
enum cli_state dg_cli_login(struct dg_cli *c, const struct dg_cli_answer *wish,
    struct dg_acts *out);
enum cli_state dg_cli_on_auth(struct dg_cli *c, struct dg_acts *out);
enum cli_state dg_cli_on_cancelled(struct dg_cli *c, struct dg_acts *out);
enum cli_state dg_cli_judged(struct dg_cli *c, const struct dg_cli_answer *a,
    struct dg_acts *out);
/* Nobody can be waited for any more: go on as if nobody had an opinion. */
void dg_cli_unjudged(struct dg_cli *c);
/* The connection goes right after a verb was unknown: another verb may do in
 * a new session.  True: *r says so. */
bool dg_cli_lost_by_verb(struct dg_cli *c, struct dg_result *r);

/* ---- client_hush.c ---- */
void dg_cli_hush_init(struct dg_cli *c);
void dg_cli_hush_fini(struct dg_cli *c);
/* This line of a dialogue is about to be said. */
void dg_cli_hush(struct dg_cli *c, struct dg_str line);
/* Star out of a reply what was said in dialogues, and passwords. */
void dg_cli_hushed(const struct dg_cli *c, struct dg_buf *text);

/* ---- client_mail.c ---- */
enum cli_state dg_cli_on_mail(struct dg_cli *c, struct dg_acts *out);
enum cli_state dg_cli_on_rcpt(struct dg_cli *c, struct dg_acts *out);
enum cli_state dg_cli_on_data(struct dg_cli *c, struct dg_acts *out);
enum cli_state dg_cli_on_early(struct dg_cli *c, struct dg_acts *out);
enum cli_state dg_cli_on_end(struct dg_cli *c, struct dg_acts *out);
enum cli_state dg_cli_on_empty(struct dg_cli *c, struct dg_acts *out);
enum cli_state dg_cli_on_rset(struct dg_cli *c, struct dg_acts *out);
/* RESULT for every recipient that has none yet. */
void dg_cli_settle(struct dg_cli *c, const struct dg_result *r,
    struct dg_acts *out);
void dg_cli_mail_fini(struct cli_mail *m);

#endif
