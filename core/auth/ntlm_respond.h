#ifndef CORE_AUTH_NTLM_RESPOND_H
#define CORE_AUTH_NTLM_RESPOND_H

#include "dragoman/auth/dialogue.h"
#include "dragoman/wire/ntlm.h"
#include "ntlm_hash.h"

/* ntlm_respond.h - the type 3 for a checked type 2. */

struct dg_ntlm_reply {
	const struct dg_login *login;
	const struct dg_initiator_options *o; /* rand, now_ms, names */
	enum dg_ntlm_kind kind;
	uint32_t flags; /* agreed: they go into the type 3 */
	struct dg_str type1;
	const struct dg_ntlm_challenge *m2; /* whole: the bytes as received */
	bool has_mic;                       /* out: one was sent */
};
/* Append the bytes of the type 3; e says what is missing for it. */
enum dg_rc dg_ntlm_respond(struct dg_ntlm_reply *r, struct dg_buf *out,
    struct dg_err *e);

#endif
