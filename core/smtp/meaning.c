/*
 * meaning.c - what a hop's reply amounts to: the one place.
 *
 * The table is read from top to bottom and the first row that fits decides, so
 * the particular stands above the general.  Two promises hold for everything
 * built in, whatever a server says: a 4yz never fails mail, and after a 5yz it is
 * kept only where the trouble is the server's, the login's or a full mailbox's.  A dialect's rows
 * may overrule any of it: they were written by somebody who knows the server.
 */
#include "dragoman/smtp/meaning.h"

#include <stdlib.h>

static const char *const meaning_names[] = {
#define X(id, name, action) name,
	DG_MEANINGS(X)
#undef X
};

static const enum dg_action meaning_actions[] = {
#define X(id, name, action) DG_ACTION_##action,
	DG_MEANINGS(X)
#undef X
};

static const char *const stage_names[] = {
#define X(id, name) name,
	DG_STAGES(X)
#undef X
	    NULL,
};

static const char *const action_names[] = {
	[DG_ACTION_NONE] = "none",
	[DG_ACTION_NEXT_VERB] = "next-verb",
	[DG_ACTION_NEXT_HOST] = "next-host",
	[DG_ACTION_RETRY] = "retry",
	[DG_ACTION_HOLD] = "hold",
	[DG_ACTION_FAIL] = "fail",
};

/* "ok" is no meaning that a policy may give to a refusal: it is left out. */
static const char *const settable_names[] = {
#define X(id, name, action) DG_MEANING_##id == DG_MEANING_OK ? NULL : name,
	DG_MEANINGS(X)
#undef X
	    NULL,
};

const char *
dg_meaning_name(enum dg_meaning m)
{
	return (unsigned)m < DG_MEANING_N ? meaning_names[m] : "?";
}

bool
dg_meaning_find(struct dg_str name, enum dg_meaning *out)
{
	for (unsigned m = DG_MEANING_OK + 1; m < DG_MEANING_N; m++) {
		if (dg_str_is(name, meaning_names[m])) {
			*out = (enum dg_meaning)m;
			return true;
		}
	}
	return false;
}

const char *const *
dg_meaning_names(void)
{
	return settable_names + 1;
}

enum dg_action
dg_meaning_action(enum dg_meaning m)
{
	return (unsigned)m < DG_MEANING_N ? meaning_actions[m]
					  : DG_ACTION_RETRY;
}

bool
dg_action_find(struct dg_str name, enum dg_action *out)
{
	for (unsigned a = DG_ACTION_NONE + 1; a <= DG_ACTION_FAIL; a++) {
		if (dg_str_is(name, action_names[a])) {
			*out = (enum dg_action)a;
			return true;
		}
	}
	return false;
}

const char *
dg_action_name(enum dg_action a)
{
	return (unsigned)a <= DG_ACTION_FAIL ? action_names[a] : "?";
}

const char *
dg_stage_name(enum dg_stage s)
{
	return (unsigned)s < DG_STAGE_N ? stage_names[s] : "?";
}

bool
dg_stage_find(struct dg_str name, enum dg_stage *out)
{
	for (unsigned s = 0; s < DG_STAGE_N; s++) {
		if (dg_str_is(name, stage_names[s])) {
			*out = (enum dg_stage)s;
			return true;
		}
	}
	return false;
}

const char *const *
dg_stage_names(void)
{
	return stage_names;
}

/* Stages as a set, for the rows below. */
#define AT(stage) (1u << DG_STAGE_##stage)
#define ANYWHERE  (~0u)
#define MAILING   (AT(MAIL) | AT(RCPT) | AT(DATA) | AT(END))
#define CONTENT   (AT(DATA) | AT(END))

/* `enhanced` is compared from its class on: "7.1" fits 5.7.1 and 4.7.1, "7."
 * fits all of security, "" fits a reply without one, NULL whatever there is. */
static const struct reading {
	unsigned at;
	int from, to; /* codes, both included */
	const char *enhanced;
	enum dg_meaning meaning;
} readings[] = {
	/* A 5yz before the mail was even mentioned says nothing about it: such
	 * a host is out of order (RFC 5321 3.1), and the next one may not be. */
	{ AT(GREETING) | AT(HELO), 500, 599, NULL, DG_MEANING_TEMPORARY },

	/* STARTTLS: RFC 3207 4.  421 is about the connection, not about TLS. */
	{ AT(TLS), 421, 421, NULL, DG_MEANING_TEMPORARY },
	{ AT(TLS), 400, 599, NULL, DG_MEANING_TLS_FAILED },

	/* AUTH: RFC 4954 6.  What is wrong here is wrong between the servers,
	 * so nothing costs the sender his mail. */
	{ AT(AUTH), 432, 432, NULL, DG_MEANING_LOGIN_REFUSED },
	{ AT(AUTH), 400, 499, NULL, DG_MEANING_TEMPORARY },
	{ AT(AUTH), 500, 599, "7.10", DG_MEANING_TLS_FAILED },
	{ AT(AUTH), 500, 599, "7.11", DG_MEANING_TLS_FAILED },
	{ AT(AUTH), 500, 500, NULL, DG_MEANING_VERB_UNKNOWN },
	{ AT(AUTH), 502, 503, NULL, DG_MEANING_VERB_UNKNOWN },
	{ AT(AUTH), 501, 501, NULL, DG_MEANING_NO_COMMON_AUTH },
	{ AT(AUTH), 504, 504, NULL, DG_MEANING_NO_COMMON_AUTH },
	/* 530 to AUTH itself can only ask for STARTTLS (RFC 3207 4) */
	{ AT(AUTH), 530, 530, NULL, DG_MEANING_TLS_FAILED },
	{ AT(AUTH), 523, 523, NULL, DG_MEANING_TLS_FAILED },
	{ AT(AUTH), 538, 538, NULL, DG_MEANING_TLS_FAILED },
	{ AT(AUTH), 500, 599, NULL, DG_MEANING_LOGIN_REFUSED },

	/* A full mailbox is retried even when 5yz says so: it may be emptied
	 * (RFC 3463 3.3 wants it told as a transient failure). */
	{ MAILING, 400, 599, "2.2", DG_MEANING_MAILBOX_FULL },

	/* 4yz: come back later, and more slowly where that is the trouble */
	{ ANYWHERE, 432, 432, NULL, DG_MEANING_SLOW_DOWN },
	{ ANYWHERE, 421, 421, "7.", DG_MEANING_SLOW_DOWN },
	{ ANYWHERE, 421, 421, "3.2", DG_MEANING_SLOW_DOWN },
	{ ANYWHERE, 421, 421, "4.5", DG_MEANING_SLOW_DOWN },
	{ ANYWHERE, 450, 451, "7.", DG_MEANING_SLOW_DOWN },
	{ ANYWHERE, 450, 451, "2.1", DG_MEANING_SLOW_DOWN },
	{ ANYWHERE, 400, 499, NULL, DG_MEANING_TEMPORARY },

	/* "authenticate first" (RFC 4954 6; 505 in very old servers) */
	{ MAILING, 500, 599, "7.57", DG_MEANING_NO_COMMON_AUTH },
	{ MAILING, 530, 530, NULL, DG_MEANING_NO_COMMON_AUTH },
	{ MAILING, 505, 505, NULL, DG_MEANING_NO_COMMON_AUTH },
	{ MAILING, 538, 538, NULL, DG_MEANING_TLS_FAILED },
	{ MAILING, 500, 599, "7.10", DG_MEANING_TLS_FAILED },
	{ MAILING, 500, 599, "7.11", DG_MEANING_TLS_FAILED },

	/* size: RFC 1870 6; 523 is one vendor's */
	{ MAILING, 500, 599, "3.4", DG_MEANING_TOO_BIG },
	{ MAILING, 500, 599, "2.3", DG_MEANING_TOO_BIG },
	{ MAILING, 523, 523, NULL, DG_MEANING_TOO_BIG },
	/* RFC 821 4.2.2: at RCPT 552 speaks of the recipient's storage */
	{ AT(RCPT), 552, 552, "", DG_MEANING_MAILBOX_FULL },
	{ MAILING, 552, 552, "", DG_MEANING_TOO_BIG },

	/* the sender: RFC 3463 3.2, RFC 7372 3 (SPF, DKIM, DMARC) */
	{ MAILING, 500, 599, "1.7", DG_MEANING_SENDER_REFUSED },
	{ MAILING, 500, 599, "1.8", DG_MEANING_SENDER_REFUSED },
	{ MAILING, 500, 599, "7.23", DG_MEANING_SENDER_REFUSED },
	{ MAILING, 500, 599, "7.24", DG_MEANING_SENDER_REFUSED },
	{ MAILING, 500, 599, "7.60", DG_MEANING_SENDER_REFUSED },
	{ AT(MAIL), 550, 551, NULL, DG_MEANING_SENDER_REFUSED },
	{ AT(MAIL), 553, 553, NULL, DG_MEANING_SENDER_REFUSED },
	{ AT(MAIL), 500, 599, "7.", DG_MEANING_SENDER_REFUSED },

	/* the recipient */
	{ AT(RCPT), 571, 571, NULL, DG_MEANING_RELAYING_DENIED },
	{ AT(RCPT), 500, 599, "7.1", DG_MEANING_RELAYING_DENIED },
	{ AT(RCPT), 500, 599, "7.54", DG_MEANING_RELAYING_DENIED },
	{ AT(RCPT) | CONTENT, 500, 599, "1.", DG_MEANING_UNKNOWN_RECIPIENT },
	{ AT(RCPT) | CONTENT, 500, 599, "2.1", DG_MEANING_UNKNOWN_RECIPIENT },
	{ AT(RCPT), 550, 550, "4.1", DG_MEANING_UNKNOWN_RECIPIENT },
	{ AT(RCPT), 550, 551, "", DG_MEANING_UNKNOWN_RECIPIENT },
	{ AT(RCPT), 553, 553, "", DG_MEANING_UNKNOWN_RECIPIENT },
	{ AT(RCPT), 556, 556, NULL, DG_MEANING_UNKNOWN_RECIPIENT },

	/* the content */
	{ CONTENT, 500, 599, "6.", DG_MEANING_CONTENT_REFUSED },
	{ CONTENT, 500, 599, "7.", DG_MEANING_CONTENT_REFUSED },

	{ ANYWHERE, 500, 599, NULL, DG_MEANING_PERMANENT },
};

static bool
enhanced_fits(const char *want, const char *have)
{
	size_t n;

	if (want == NULL)
		return true;
	if (want[0] == '\0' || have[0] == '\0')
		return want[0] == '\0' && have[0] == '\0';
	n = strlen(want);
	if (strlen(have) < 2 || strncmp(have + 2, want, n) != 0)
		return false;
	/* "7.1" is not 7.10 */
	return want[n - 1] == '.' || have[2 + n] == '\0';
}

static enum dg_meaning
built_in(enum dg_stage stage, int code, const char *enhanced)
{
	for (size_t i = 0; i < sizeof(readings) / sizeof(readings[0]); i++) {
		const struct reading *r = &readings[i];

		if ((r->at & (1u << stage)) != 0 && code >= r->from &&
		    code <= r->to && enhanced_fits(r->enhanced, enhanced))
			return r->meaning;
	}
	/* 2yz and 3yz are fine; no reply at all is nobody there */
	return code >= 200 && code < 400 ? DG_MEANING_OK
					 : DG_MEANING_UNREACHABLE;
}

/* 0: does not fit; the longest reply first, then the stage before "*". */
static int
row_weight(const struct dg_means *row, enum dg_stage stage, int code,
    const char *enhanced)
{
	int weight = 1;

	if (row->code != code ||
	    (row->stage != stage && row->stage != DG_STAGE_ANY))
		return 0;
	if (row->enhanced[0] != '\0') {
		if (strcmp(row->enhanced, enhanced) != 0)
			return 0;
		weight += 2;
	}
	return weight + (row->stage == stage ? 1 : 0);
}

enum dg_meaning
dg_meaning_of(enum dg_stage stage, int code, const char *enhanced,
    const struct dg_means *rows, size_t n, const struct dg_means **by)
{
	const struct dg_means *best = NULL;
	int best_weight = 0;

	if (enhanced == NULL)
		enhanced = "";
	for (size_t i = 0; i < n; i++) {
		int w = row_weight(&rows[i], stage, code, enhanced);

		if (w > best_weight) {
			best = &rows[i];
			best_weight = w;
		}
	}
	if (by != NULL)
		*by = best;
	if (best != NULL) {
		dg_row_hit(best->row);
		return best->meaning;
	}
	return built_in(stage, code, enhanced);
}
