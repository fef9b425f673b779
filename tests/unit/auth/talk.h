#ifndef TESTS_UNIT_AUTH_TALK_H
#define TESTS_UNIT_AUTH_TALK_H

/* talk.h - our initiator and our acceptor in one dialogue, as SMTP would carry
 * it, with a bit changed on the way where a test wants that. */
#include <stdio.h>
#include <string.h>

#include "dragoman/auth/users.h"
#include "dragoman/base/enc.h"

struct talk {
	struct dg_acceptor *a;
	struct dg_initiator *i;
	const struct dg_credential *known; /* the answer to ASK */
	const struct dg_credential *decoy;
	unsigned line;    /* which one is changed: 1, 2 ...; 0: none */
	size_t bit;       /* which bit of its decoded bytes */
	unsigned n_lines; /* that were said, both ways */
	bool was_asked;
	char user[100], account[100]; /* about whom */
	bool is_in;                   /* the acceptor said OK */
	bool is_refused; /* it said no, or the initiator broke off */
	bool may_end;    /* the initiator believed the server at the end */
	bool has_no_bit; /* the line has no such bit */
	struct dg_err e; /* of who gave up */
};

/* Base64 in, base64 with one bit of its bytes changed. */
static void
talk_bend(struct talk *t, struct dg_buf *line)
{
	struct dg_buf bytes;

	if (++t->n_lines != t->line)
		return;
	dg_buf_init(&bytes, 65536);
	if (dg_base64_read(&bytes, dg_buf_str(line)) != DG_OK ||
	    t->bit / 8 >= bytes.n) {
		t->has_no_bit = true;
	} else {
		bytes.p[t->bit / 8] ^= (char)(1 << t->bit % 8);
		dg_buf_reset(line);
		(void)dg_base64_add(line, dg_buf_str(&bytes));
	}
	dg_buf_fini(&bytes);
}

/* Until somebody has decided.  Frees both. */
static void
talk(struct talk *t)
{
	struct dg_buf said, asked;
	bool has_said = false;
	enum dg_auth_step mine, theirs = DG_AUTH_SEND;

	dg_buf_init(&said, 65536);
	dg_buf_init(&asked, 65536);
	mine = dg_initiator_first(t->i, &said, &has_said, &t->e);
	if (has_said && mine != DG_AUTH_FAIL)
		talk_bend(t, &said);
	while (mine != DG_AUTH_FAIL) {
		struct dg_str line = has_said ? dg_buf_str(&said) : DG_NOSTR;

		if (has_said && said.n == 0)
			line = DG_STR("");
		theirs = dg_acceptor_step(t->a, line, &asked, &t->e);
		if (theirs == DG_AUTH_ASK) {
			const struct dg_identity *id =
			    dg_acceptor_identity(t->a);

			t->was_asked = true;
			snprintf(t->user, sizeof(t->user), "%.*s",
			    DG_FMT(id->user));
			snprintf(t->account, sizeof(t->account), "%.*s",
			    DG_FMT(id->account));
			theirs = dg_acceptor_answer(t->a, t->known, t->decoy,
			    &asked, &t->e);
		}
		if (theirs != DG_AUTH_SEND)
			break;
		if (asked.n > 0)
			talk_bend(t, &asked);
		mine =
		    dg_initiator_step(t->i, dg_buf_str(&asked), &said, &t->e);
		has_said = true;
		if (mine != DG_AUTH_FAIL && said.n > 0)
			talk_bend(t, &said);
	}
	t->is_in = mine != DG_AUTH_FAIL && theirs == DG_AUTH_OK;
	t->is_refused = !t->is_in;
	t->may_end = dg_initiator_may_end(t->i);
	dg_acceptor_free(t->a);
	dg_initiator_free(t->i);
	dg_buf_fini(&said);
	dg_buf_fini(&asked);
}

#endif
