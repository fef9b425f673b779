#ifndef DRAGOMAN_CORE_SMTP_SERVER_STATE_H
#define DRAGOMAN_CORE_SMTP_SERVER_STATE_H

#include "dragoman/smtp/server.h"
#include "dragoman/wire/command.h"
#include "dragoman/wire/dot.h"
#include "dragoman/wire/header.h"
#include "dragoman/wire/line.h"

/*
 * server_state.h - what the files of the server machine share, and nobody
 * else sees.
 *
 * Handlers return the next state and never store it: only server.c does.
 *
 * States, and what is done with input in each.  Normal path:
 *	CONNECT -> HELLO -> OFFER -> READY -> AUTH -> LOGIN (-> PROVED) -> READY
 *	READY (-> SENDER) -> RCPT -> ASKED -> RCPT -> OPEN -> DATA
 *	DATA (-> CONTENT) -> COMMIT -> READY
 *	READY -> TLS -> HELLO ...              anything -> GONE
 *	HELLO, READY, RCPT (-> VERB) -> as the verb that it was taken for
 * The envelope exists from SENDER to COMMIT, and only there; VERB keeps what
 * it finds.
 */
#define SRV_STATES(X) \
	X(CONNECT, WAITS)    /* asked who may connect */ \
	X(REFUSED, COMMANDS) /* greeted with 554: nothing but QUIT */ \
	X(HELLO, COMMANDS)   /* greeted, no EHLO yet */ \
	X(VERB, WAITS)       /* asked what an unknown verb means */ \
	X(OFFER, WAITS)      /* EHLO came; asked what to offer */ \
	X(READY, COMMANDS)   /* between transactions */ \
	X(AUTH, DIALOGUE)    /* 334 was said */ \
	X(LOGIN, WAITS)      /* asked for a credential */ \
	X(PROVED, WAITS)     /* asked whether a proved login may be */ \
	X(TLS, WAITS)        /* 220 was said; handshake */ \
	X(SENDER, WAITS)     /* asked about a sender */ \
	X(RCPT, COMMANDS)    /* MAIL was taken */ \
	X(ASKED, WAITS)      /* asked about a recipient */ \
	X(OPEN, WAITS)       /* DATA came; the draft is being opened */ \
	X(DATA, BODY)        /* 354 was said */ \
	X(CONTENT, WAITS)    /* the body is complete; asked about it */ \
	X(COMMIT, WAITS)     /* the body is complete; being made durable */ \
	X(GONE, NOTHING)     /* CLOSE was said */
enum srv_state {
#define X(name, reads) SRV_##name,
	SRV_STATES(X)
#undef X
};
enum srv_reads {
	SRV_READS_WAITS,
	SRV_READS_COMMANDS,
	SRV_READS_DIALOGUE,
	SRV_READS_BODY,
	SRV_READS_NOTHING,
};

/* What the peer said of itself and what we showed it: forgotten by STARTTLS,
 * renewed by each EHLO. */
struct srv_hello {
	char name[256];
	size_t n;
	bool is_ehlo;
	unsigned shown; /* DG_EXT_* */
	struct {
		char verb[32];
		unsigned mechs;
	} offered[DG_DIALECT_LINES];
	size_t n_offered;
};

/* A login, while it runs and after it.  Views are in its arena. */
struct srv_login {
	struct dg_acceptor *acceptor; /* NULL unless a dialogue runs */
	enum dg_mech mech;
	struct dg_arena arena;
	bool has_identity;
	bool is_answered; /* the credential was asked for, and it came */
	struct dg_identity identity;
	struct dg_str log;
	struct dg_str user; /* n > 0: logged in */
	struct dg_str as;   /* who it is to be once it is proved */
	char strength[24];
};

/* A command that nobody here knows, while somebody is asked about it. */
struct srv_unknown {
	struct dg_buf line; /* verb and argument, nothing between */
	size_t n_verb;
	enum srv_state in; /* where it was said */
};

struct srv_mail {
	struct dg_envelope *env;
	struct dg_str given;   /* sender of MAIL: env's arena */
	struct dg_str body;    /* BODY=: a literal */
	struct dg_str asked;   /* recipient in question: env's arena */
	bool has_refused_rcpt; /* for the words when DATA finds none */
	unsigned n_refused;    /* see REFUSED_FREE */
};

struct srv_data {
	struct dg_dot_in dot;
	struct dg_header_watch header;
	struct dg_err failure; /* code != 0: the end gets this reply */
	bool was_aborted;      /* the owner was told to drop the draft */
	uint64_t dropped;      /* bytes read since */
	size_t trace;          /* bytes of ours in front */
	char id[64];
};

struct dg_srv {
	enum srv_state state;
	struct dg_srv_limits limits;
	struct dg_srv_peer peer;
	unsigned asks;                    /* DG_ASK_BIT */
	struct dg_challenges *challenges; /* the process's: outlives us */
	char *hostname, *address, *listener;
	bool can_tls, has_tls;
	char tls_words[128];
	struct dg_buf binding_exporter, binding_unique, certificate;
	struct srv_hello hello;
	struct srv_login login;
	struct srv_unknown unknown;
	struct srv_mail mail;
	struct srv_data data;
	unsigned errors, auths;
	unsigned transactions; /* begun so far */
	/* Not states, since they are about how input is cut in lines, whatever
	 * the state: the rest of a line that was too long is being thrown
	 * away; input stood behind the line in hand. */
	bool is_skipping;
	size_t skipped;
	bool has_behind;
	/* 421 is owed once the commit under way was answered */
	bool stops_after_commit;
	struct dg_err stop;
	struct dg_acts *out; /* the caller's, during a step only */
};

/* ---- server_reply.c ---- */
/* Send one reply with these words. */
void dg_srv_words(struct dg_srv *s, int code, const char *enhanced,
    struct dg_str text);
/* The same, but the dialect's text for that code goes first. */
void dg_srv_say(struct dg_srv *s, int code, const char *enhanced,
    const char *text);
/* A reply without enhanced status, whatever was agreed (2xx greetings, 334). */
void dg_srv_plain(struct dg_srv *s, int code, struct dg_str text);
/* Say that a command was bad and count it: returns `stay`, or GONE (421) when
 * there were too many. */
enum srv_state dg_srv_bad(struct dg_srv *s, enum srv_state stay, int code,
    const char *enhanced, const char *text);
/* Say this (code 0: nothing) and end the session. */
enum srv_state dg_srv_end(struct dg_srv *s, int code, const char *enhanced,
    const char *text);
bool dg_srv_asks(const struct dg_srv *s, enum dg_ask ask);
/* The reply of an answer, with defaults where it holds none. */
void dg_srv_verdict(struct dg_srv *s, const struct dg_srv_answer *a,
    const char *refused, const char *deferred);
/* The same, and a refusal counts as an error: returns `stay`, or GONE. */
enum srv_state dg_srv_refuse(struct dg_srv *s, const struct dg_srv_answer *a,
    enum srv_state stay, const char *refused, const char *deferred);

/* ---- handlers: server_commands.c ---- */
typedef enum srv_state dg_srv_handler(struct dg_srv *s,
    const struct dg_command *cmd);
dg_srv_handler dg_srv_on_ehlo, dg_srv_on_helo, dg_srv_on_starttls,
    dg_srv_on_rset, dg_srv_on_noop, dg_srv_on_vrfy, dg_srv_on_help,
    dg_srv_on_quit, dg_srv_on_unknown;
enum srv_state dg_srv_greet(struct dg_srv *s, const struct dg_srv_answer *a);
enum srv_state dg_srv_offer(struct dg_srv *s, const struct dg_srv_answer *a);

/* ---- server_auth.c ---- */
dg_srv_handler dg_srv_on_auth;
enum srv_state dg_srv_auth_line(struct dg_srv *s, struct dg_str line);
enum srv_state dg_srv_auth_broken(struct dg_srv *s, int code,
    const char *enhanced, const char *text);
enum srv_state dg_srv_auth_answer(struct dg_srv *s,
    const struct dg_srv_answer *a);
enum srv_state dg_srv_proved_answer(struct dg_srv *s,
    const struct dg_srv_answer *a);
void dg_srv_login_forget(struct dg_srv *s);
/* DG_MECH_BIT of what this peer may use now (TLS or not). */
unsigned dg_srv_usable(const struct dg_srv *s);

/* ---- server_mail.c ---- */
dg_srv_handler dg_srv_on_mail, dg_srv_on_rcpt;
enum srv_state dg_srv_mail_answer(struct dg_srv *s,
    const struct dg_srv_answer *a);
enum srv_state dg_srv_rcpt_answer(struct dg_srv *s,
    const struct dg_srv_answer *a);
/* Most bytes of a message now; 0 = any. */
uint64_t dg_srv_max_size(const struct dg_srv *s);

/* ---- server_data.c ---- */
dg_srv_handler dg_srv_on_data;
enum srv_state dg_srv_data_open(struct dg_srv *s, enum dg_rc rc,
    struct dg_str id, int64_t now_ms, const struct dg_err *e);
/* Returns bytes used; *next is set. */
size_t dg_srv_data_feed(struct dg_srv *s, struct dg_str in,
    enum srv_state *next);
enum srv_state dg_srv_content_answer(struct dg_srv *s,
    const struct dg_srv_answer *a);
enum srv_state dg_srv_data_committed(struct dg_srv *s, enum dg_rc rc,
    const struct dg_err *e);

#endif
