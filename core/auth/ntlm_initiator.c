/* ntlm_initiator.c - NTLM as a client: what to ask for, which challenge to
 * trust, at which level to answer (MS-NLMP 3.1.5, MS-SMTPNTLM).
 *
 * Why by state: a 334 may carry a challenge, nothing, or words, and only what
 * we said before tells which (words may look like base64).  A server is as
 * hostile as a client: its challenge is checked whole before a response is
 * computed, and nothing weaker than what the dialect lists is ever sent.
 */
#include "mechanism.h"

#include "challenges.h"
#include "dragoman/base/enc.h"
#include "dragoman/wire/ntlm.h"
#include "ntlm_respond.h"
#include "ntlm_text.h"
#include "ntlm_verify.h"

struct ntlm_initiator {
	struct dg_initiator base;
	bool has_said_type1;
	uint32_t asked;
	struct dg_buf type1; /* the MIC is over it */
};

/* No SIGN, SEAL or KEY_EXCH: SMTP stays in clear, and a server that would
 * seal must not be led to. */
static uint32_t
flags_to_ask(unsigned send)
{
	uint32_t f = DG_NTLM_UNICODE | DG_NTLM_OEM | DG_NTLM_REQUEST_TARGET |
		     DG_NTLM_NTLM | DG_NTLM_ALWAYS_SIGN;

	if (send & (DG_NTLM_LEVEL_V2 | DG_NTLM_LEVEL_NTLM2))
		f |= DG_NTLM_EXTENDED | DG_NTLM_128 | DG_NTLM_56;
	return f;
}

static enum dg_auth_step
say_type1(struct ntlm_initiator *n, struct dg_buf *out, struct dg_err *e)
{
	struct dg_ntlm_negotiate m = {
		.flags = flags_to_ask(n->base.o.ntlm_send),
		.header = 32,
	};

	dg_buf_init(&n->type1, DG_NTLM_MAX_MESSAGE);
	if (dg_ntlm_negotiate_add(&n->type1, &m, false) != DG_OK ||
	    dg_base64_add(out, dg_buf_str(&n->type1)) != DG_OK)
		return dg_initiator_fail(e, "no room for the NTLM message");
	n->asked = m.flags;
	n->has_said_type1 = true;
	(void)dg_buf_addf(&n->base.log, " type1 flags=%08lx",
	    (unsigned long)m.flags);
	return DG_AUTH_SEND;
}

static enum dg_auth_step
first(struct dg_initiator *i, struct dg_buf *out, bool *has_initial,
    struct dg_err *e)
{
	if (!i->o.ntlm_initial)
		return DG_AUTH_SEND;
	*has_initial = true;
	return say_type1((struct ntlm_initiator *)i, out, e);
}

/* ---- the challenge ---- */

static enum dg_ntlm_reason
check(const struct ntlm_initiator *n, const struct dg_ntlm_challenge *m)
{
	bool is_unicode = (m->flags & DG_NTLM_UNICODE) != 0;
	bool is_oem = (m->flags & DG_NTLM_OEM) != 0;

	if (dg_challenges_has(n->base.o.challenges, m->challenge))
		return DG_NTLM_R_reflection;
	if (!(m->flags & DG_NTLM_NTLM) || is_unicode == is_oem ||
	    (m->flags & (DG_NTLM_LOCAL_CALL | DG_NTLM_DATAGRAM)))
		return DG_NTLM_R_flags;
	return DG_NTLM_R_ok;
}

/* POLICY-API 2, "ntlm": target info -> v2; else extended session security ->
 * ntlm2; else v1; and only what is listed.  v2 also goes without target info
 * when nothing else listed fits: there are servers that take it (Cyrus SASL),
 * and it is never the weaker answer.  A server that shows EXTENDED would read
 * a v1 answer as ntlm2. */
static enum dg_ntlm_reason
choose(unsigned send, uint32_t agreed, bool has_info, enum dg_ntlm_kind *kind)
{
	bool is_extended = (agreed & DG_NTLM_EXTENDED) != 0;

	if ((send & DG_NTLM_LEVEL_V2) && has_info)
		*kind = DG_NTLM_KIND_V2;
	else if ((send & DG_NTLM_LEVEL_NTLM2) && is_extended)
		*kind = DG_NTLM_KIND_NTLM2;
	else if ((send & DG_NTLM_LEVEL_V1) && !is_extended)
		*kind = DG_NTLM_KIND_V1;
	else if (send & DG_NTLM_LEVEL_V2)
		*kind = DG_NTLM_KIND_V2;
	else if ((send & DG_NTLM_LEVEL_LM) && !is_extended)
		*kind = DG_NTLM_KIND_LM;
	else
		return DG_NTLM_R_level;
	return DG_NTLM_R_ok;
}

static void
log_challenge(struct ntlm_initiator *n, const struct dg_ntlm_challenge *m)
{
	struct dg_buf name;

	(void)dg_buf_addf(&n->base.log, " type2 flags=%08lx",
	    (unsigned long)m->flags);
	dg_buf_init(&name, AUTH_NAME_MAX);
	if (dg_ntlm_text_read(&name, m->target.bytes,
		(m->flags & DG_NTLM_UNICODE) != 0) == DG_OK)
		dg_auth_log_name(&n->base.log, "target", dg_buf_str(&name));
	dg_buf_fini(&name);
}

static enum dg_auth_step
say_type3(struct ntlm_initiator *n, const struct dg_ntlm_challenge *m,
    struct dg_buf *out, struct dg_err *e)
{
	struct dg_ntlm_reply r = {
		.login = n->base.login,
		.o = &n->base.o,
		.type1 = dg_buf_str(&n->type1),
		.m2 = m,
		.flags = m->flags & (n->asked | DG_NTLM_TARGET_INFO),
	};
	bool has_info = (m->flags & DG_NTLM_TARGET_INFO) && m->info.bytes.n > 0;
	enum dg_ntlm_reason reason =
	    choose(n->base.o.ntlm_send, r.flags, has_info, &r.kind);
	struct dg_buf type3;
	enum dg_rc rc;

	if (reason != DG_NTLM_R_ok)
		return dg_initiator_fail(e,
		    "the server offers no kind of NTLM that may be sent to it "
		    "(challenge flags %08lx, %s target info)",
		    (unsigned long)m->flags, has_info ? "with" : "without");
	dg_buf_init(&type3, DG_NTLM_MAX_MESSAGE);
	rc = dg_ntlm_respond(&r, &type3, e);
	if (rc == DG_OK && dg_base64_add(out, dg_buf_str(&type3)) != DG_OK)
		rc = dg_fail(e, DG_E_LIMIT, 0, NULL,
		    "no room for the NTLM message");
	dg_buf_fini(&type3);
	if (rc != DG_OK)
		return DG_AUTH_FAIL;
	(void)dg_buf_addf(&n->base.log, " sent %s%s", dg_ntlm_kind_name(r.kind),
	    r.has_mic ? " with MIC" : "");
	dg_auth_log_name(&n->base.log, "user", n->base.login->user);
	return DG_AUTH_OK;
}

static enum dg_auth_step
on_type2(struct ntlm_initiator *n, struct dg_str text, struct dg_buf *out,
    struct dg_err *e)
{
	struct dg_ntlm_challenge m;
	enum dg_ntlm_reason r;

	dg_buf_reset(&n->base.in);
	if (dg_base64_read(&n->base.in, dg_str_trim(text)) != DG_OK)
		return dg_initiator_fail(e,
		    "the server's challenge is no base64");
	r = dg_ntlm_challenge_parse(dg_buf_str(&n->base.in), &m);
	if (r == DG_NTLM_R_ok) {
		log_challenge(n, &m);
		r = check(n, &m);
	}
	if (r != DG_NTLM_R_ok)
		return dg_initiator_fail(e, "the server's challenge: %s (%s)",
		    dg_ntlm_reason_words(r), dg_ntlm_reason_name(r));
	return say_type3(n, &m, out, e);
}

static enum dg_auth_step
step(struct dg_initiator *i, struct dg_str text, struct dg_buf *out,
    struct dg_err *e)
{
	struct ntlm_initiator *n = (struct ntlm_initiator *)i;

	if (!n->has_said_type1) /* "334 NTLM supported", or nothing */
		return say_type1(n, out, e);
	return on_type2(n, text, out, e);
}

static void
fini(struct dg_initiator *i)
{
	dg_buf_fini(&((struct ntlm_initiator *)i)->type1);
}

const struct initiator_ops dg_ntlm_initiator_ops = {
	.size = sizeof(struct ntlm_initiator),
	.first = first,
	.step = step,
	.fini = fini,
};
