#ifndef DRAGOMAN_SMTP_DIALECT_H
#define DRAGOMAN_SMTP_DIALECT_H

#include "dragoman/auth/dialogue.h"
#include "dragoman/base/row.h"
#include "dragoman/smtp/meaning.h"
#include "dragoman/wire/ehlo.h"

/*
 * dialect.h - how a kind of peer speaks SMTP authentication: plain data,
 * compiled once a generation from d.dialect, read by both machines.
 *
 * C knows meanings (DG_VERB_AUTH), a dialect knows spellings ("XAUTH").
 */
#define DG_VERBS(X) \
	X(EHLO) X(HELO) X(STARTTLS) X(AUTH) X(MAIL) X(RCPT) X(DATA) \
	X(RSET) X(NOOP) X(VRFY) X(HELP) X(QUIT) X(UNKNOWN)
enum dg_verb {
#define X(name) DG_VERB_##name,
	DG_VERBS(X)
#undef X
	    DG_VERB_N
};
const char *dg_verb_name(enum dg_verb v);

/* Where a value was written; file NULL = built in. */
struct dg_where {
	const char *file; /* owned by the generation */
	int line;
};

enum {
	DG_DIALECT_VERBS = 8, /* most auth verbs, offer lines ... of a dialect */
	DG_DIALECT_LINES = 8,
	DG_DIALECT_TEXTS = 16,
};

struct dg_offer_line {
	const char *text;  /* as shown: "XAUTH NTLM" */
	const char *verb;  /* "XAUTH" */
	bool equals;       /* "XAUTH=NTLM" */
	bool all;          /* "AUTH *": all that this peer may use */
	unsigned mechs;    /* DG_MECH_BIT, when not all */
	struct dg_where where;
};

enum dg_helo { DG_HELO_EHLO, DG_HELO_HELO, DG_HELO_EITHER };
enum {
	DG_MEND_BARE_LF = 1,
	DG_MEND_SPACE_AFTER_COLON = 2,
	DG_MEND_NO_BRACKETS = 4,
};

/* Fields whose place in the policy is kept, for logs. */
enum dg_dialect_field {
	DG_DIALECT_OFFER,
	DG_DIALECT_ACCEPT,
	DG_DIALECT_SAY,
	DG_DIALECT_ASSUME,
	DG_DIALECT_NTLM,
	DG_DIALECT_FIELD_N
};

/* Fields whose use a policy test counts (base/row.h). */
enum dg_dialect_row {
	DG_DIALECT_ROW_OFFER,
	DG_DIALECT_ROW_ACCEPT,
	DG_DIALECT_ROW_SAY,
	DG_DIALECT_ROW_ASSUME,
	DG_DIALECT_ROW_LOGIN_FORM,
	DG_DIALECT_ROW_NTLM_FORM,
	DG_DIALECT_ROW_TAKE,
	DG_DIALECT_ROW_SEND,
	DG_DIALECT_ROW_PROMPT_LOGIN,
	DG_DIALECT_ROW_PROMPT_NTLM,
	DG_DIALECT_ROW_TEXTS,
	DG_DIALECT_ROW_HELO,
	DG_DIALECT_ROW_MEND,
	DG_DIALECT_ROW_HIDE,
	DG_DIALECT_ROW_SHOW,
	DG_DIALECT_ROW_MEANS,
	DG_DIALECT_ROW_N
};

struct dg_dialect {
	const char *name;
	struct dg_where where;
	struct dg_where at[DG_DIALECT_FIELD_N];
	struct dg_offer_line offer[DG_DIALECT_LINES];
	size_t n_offer;
	const char *accept[DG_DIALECT_VERBS]; /* verbs taken though not shown */
	size_t n_accept;
	const char *say[DG_DIALECT_VERBS];    /* verbs said, in this order */
	size_t n_say;
	unsigned assume;          /* DG_MECH_BIT: tried though not shown */
	enum dg_login_form login_form;
	bool ntlm_initial;        /* ntlm_form = "initial" */
	unsigned ntlm_take;       /* DG_NTLM_LEVEL_* */
	unsigned ntlm_send;
	const char *prompt_user;
	const char *prompt_password;
	const char *prompt_ntlm;
	struct {
		int code;
		const char *text;
		struct dg_row *row;
	} texts[DG_DIALECT_TEXTS];
	size_t n_texts;
	enum dg_helo helo;
	unsigned mend;            /* DG_MEND_* */
	unsigned hide;            /* DG_EXT_* not shown though we could */
	const struct dg_means *means;
	size_t n_means;
	struct dg_row *row[DG_DIALECT_ROW_N]; /* NULL: nobody counts */
};

/* The built-in "rfc4954", so that the machines run without any policy. */
const struct dg_dialect *dg_dialect_rfc4954(void);
/* What a verb means: AUTH spellings are those offered, accepted or "AUTH"
 * where offered/accepted; everything else as RFC 5321 spells it. */
enum dg_verb dg_dialect_verb(const struct dg_dialect *d, struct dg_str verb);
/* Our text for a reply code, or fallback. */
const char *dg_dialect_text(const struct dg_dialect *d, int code,
    const char *fallback);
/* Read one offer line; verb and text are heap strings owned by the caller
 * (free both).  Fails with what is wrong: an unknown mechanism, no verb ... */
enum dg_rc dg_offer_parse(struct dg_str text, struct dg_offer_line *out,
    struct dg_err *e);

#endif
