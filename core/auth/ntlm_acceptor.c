/* ntlm_acceptor.c - NTLM as a server: type 1 in, type 2 out, type 3 judged
 * (MS-NLMP 3.2.5, MS-SMTPNTLM).
 *
 * Why in this order: everything that needs no secret comes first (form, kind,
 * level, age), so a message is refused by what anybody can see before a hash
 * is touched; and a challenge dies with the first answer to it, right or
 * wrong.  We offer what the client asked for and we can do; SIGN, SEAL and key
 * exchange are echoed because some clients insist and because they cost
 * nothing as long as nothing is sealed.  What was agreed is what we said.
 */
#include "ntlm_acceptor.h"

#include "challenges.h"
#include "dragoman/base/enc.h"
#include "mechanism.h"
#include "ntlm_text.h"
#include "ntlm_verify.h"

enum {
	CHALLENGE_LIFE_MS = 60 * 1000,
	NETBIOS_MAX = 15,
	/* of what a client asks for, what we can answer with */
	OURS = DG_NTLM_REQUEST_TARGET | DG_NTLM_SIGN | DG_NTLM_SEAL |
	       DG_NTLM_ALWAYS_SIGN | DG_NTLM_IDENTIFY | DG_NTLM_VERSION |
	       DG_NTLM_128 | DG_NTLM_KEY_EXCH,
};

/* Looks like a Windows Server 2016: nobody decides on it. */
static const uint8_t version[8] = { 10, 0, 0x39, 0x38, 0, 0, 0, 15 };

struct ntlm_acceptor {
	struct dg_acceptor base;
	struct dg_buf type1, type2; /* as on the wire: the MIC is over them */
	uint32_t wanted;
	bool has_challenge; /* it is open, here and in base.o.challenges */
	int64_t sent_ms;
	struct dg_ntlm_said said;
	struct dg_ntlm_claim claim; /* views into base.in */
	enum dg_ntlm_reason reason;
};

static void
start(struct ntlm_acceptor *n)
{
	dg_buf_init(&n->type1, DG_NTLM_MAX_MESSAGE);
	dg_buf_init(&n->type2, DG_NTLM_MAX_MESSAGE);
}

static enum dg_auth_step
refuse(struct ntlm_acceptor *n, enum dg_ntlm_reason r)
{
	n->reason = r;
	(void)dg_buf_addf(&n->base.log, ": %s (%s)", dg_ntlm_reason_words(r),
	    dg_ntlm_reason_name(r));
	return DG_AUTH_FAIL;
}

/* ---- type 1 in, type 2 out ---- */

static uint32_t
answer_flags(const struct dg_acceptor *a, uint32_t wanted)
{
	uint32_t f = (wanted & (OURS | DG_NTLM_56)) | DG_NTLM_NTLM;
	unsigned better = DG_NTLM_LEVEL_V2 | DG_NTLM_LEVEL_NTLM2;

	/* one charset; a client so old that it names none knows only OEM */
	f |= wanted & DG_NTLM_UNICODE ? DG_NTLM_UNICODE : DG_NTLM_OEM;
	if (a->o.ntlm_take & better)
		f |= wanted & DG_NTLM_EXTENDED;
	/* what makes clients answer v2: not shown to those who should not */
	if (a->o.ntlm_take & DG_NTLM_LEVEL_V2)
		f |= DG_NTLM_TARGET_INFO;
	if (f & DG_NTLM_REQUEST_TARGET)
		f |= a->o.domain.n > 0 ? DG_NTLM_TARGET_DOMAIN
				       : DG_NTLM_TARGET_SERVER;
	return f;
}

/* The NetBIOS name that a host of this name would have. */
static void
netbios_name(struct dg_buf *out, struct dg_str host)
{
	struct dg_str label = dg_str_sub(host, 0, dg_str_find(host, '.'));

	if (label.n == 0 || label.p[0] == '[')
		label = DG_STR("RELAY"); /* an address is no name */
	for (size_t i = 0; i < label.n && out->n < NETBIOS_MAX; i++) {
		char c = label.p[i];

		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		(void)dg_buf_addc(out, (unsigned char)c < 0x80 ? c : '-');
	}
}

static void
add_name(struct dg_buf *info, uint16_t id, struct dg_str utf8)
{
	struct dg_buf wide;

	if (utf8.n == 0)
		return;
	dg_buf_init(&wide, 2 * utf8.n);
	if (dg_utf16_add(&wide, utf8) == DG_OK)
		(void)dg_ntlm_av_add(info, id, dg_buf_str(&wide));
	dg_buf_fini(&wide);
}

/* MS-NLMP 2.2.2.1.  The time only for clients of this century (those that ask
 * for EXTENDED): it makes them send a MIC, and older ones do worse with it.
 * Never a Flags pair: its value of 0 breaks the MIC of Windows. */
static void
target_info(const struct dg_acceptor *a, uint32_t flags, struct dg_str name,
    struct dg_buf *info)
{
	struct dg_str host = a->o.host;
	size_t dot = dg_str_find(host, '.');
	uint8_t now[8];

	if (host.n > 0 && host.p[0] == '[')
		host = DG_NOSTR;
	add_name(info, DG_AV_NB_DOMAIN, a->o.domain.n > 0 ? a->o.domain : name);
	add_name(info, DG_AV_NB_COMPUTER, name);
	if (host.n > 0 && dot < host.n)
		add_name(info, DG_AV_DNS_DOMAIN, dg_str_from(host, dot + 1));
	add_name(info, DG_AV_DNS_COMPUTER, host);
	if (flags & DG_NTLM_EXTENDED) {
		dg_ntlm_time_put(a->o.now_ms(), now);
		(void)dg_ntlm_av_add(info, DG_AV_TIMESTAMP,
		    dg_str_of(now, sizeof(now)));
	}
	(void)dg_ntlm_av_add(info, DG_AV_END, DG_STR(""));
}

static enum dg_rc
make_type2(struct ntlm_acceptor *n, uint32_t flags)
{
	struct dg_acceptor *a = &n->base;
	bool is_unicode = (flags & DG_NTLM_UNICODE) != 0;
	struct dg_ntlm_challenge m = {
		.flags = flags,
		.header = flags & DG_NTLM_VERSION ? 56 : 48,
	};
	struct dg_buf name, target, info;
	enum dg_rc rc = DG_OK;

	dg_buf_init(&name, NETBIOS_MAX);
	dg_buf_init(&target, AUTH_NAME_MAX);
	dg_buf_init(&info, DG_NTLM_MAX_MESSAGE / 2);
	netbios_name(&name, a->o.host);
	if (flags & DG_NTLM_REQUEST_TARGET)
		rc = dg_ntlm_text_add(&target,
		    a->o.domain.n > 0 ? a->o.domain : dg_buf_str(&name),
		    is_unicode);
	if (rc == DG_OK && (flags & DG_NTLM_TARGET_INFO))
		target_info(a, flags, dg_buf_str(&name), &info);
	m.target.bytes = dg_buf_str(&target);
	m.info.bytes = dg_buf_str(&info);
	a->o.rand(m.challenge, sizeof(m.challenge));
	memcpy(n->said.challenge, m.challenge, sizeof(m.challenge));
	if (flags & DG_NTLM_VERSION)
		memcpy(m.version, version, sizeof(m.version));
	if (rc == DG_OK)
		rc = dg_ntlm_challenge_add(&n->type2, &m, false);
	dg_buf_fini(&name);
	dg_buf_fini(&target);
	dg_buf_fini(&info);
	return rc;
}

/* From here on the challenge is open. */
static void
remember(struct ntlm_acceptor *n, uint32_t flags)
{
	n->said.flags = flags;
	n->said.type1 = dg_buf_str(&n->type1);
	n->said.type2 = dg_buf_str(&n->type2);
	n->sent_ms = n->base.o.now_ms();
	n->has_challenge = true;
	dg_challenges_put(n->base.o.challenges, n->said.challenge);
}

/* Single use: whatever comes of it. */
static void
forget(struct ntlm_acceptor *n)
{
	if (!n->has_challenge)
		return;
	dg_challenges_drop(n->base.o.challenges, n->said.challenge);
	n->has_challenge = false;
}

static enum dg_auth_step
on_type1(struct ntlm_acceptor *n, struct dg_str in, struct dg_buf *out)
{
	struct dg_ntlm_negotiate m;
	enum dg_ntlm_reason r = dg_ntlm_negotiate_parse(in, &m);
	uint32_t flags;

	(void)dg_buf_adds(&n->base.log, " type1");
	if (r != DG_NTLM_R_ok)
		return refuse(n, r);
	(void)dg_buf_addf(&n->base.log, " flags=%08lx", (unsigned long)m.flags);
	if (m.flags & DG_NTLM_DATAGRAM)
		return refuse(n, DG_NTLM_R_flags);
	n->wanted = m.flags;
	flags = answer_flags(&n->base, m.flags);
	start(n);
	if (dg_buf_add(&n->type1, in) != DG_OK || make_type2(n, flags) != DG_OK)
		return refuse(n, DG_NTLM_R_too_long);
	remember(n, flags);
	if (dg_base64_add(out, dg_buf_str(&n->type2)) != DG_OK)
		return refuse(n, DG_NTLM_R_too_long);
	return DG_AUTH_SEND;
}

/* ---- type 3 in ---- */

/* Names to UTF-8: the charset is that of type 3, or the agreed one. */
static enum dg_ntlm_reason
read_names(struct ntlm_acceptor *n)
{
	struct dg_ntlm_authenticate *m = &n->claim.m;
	struct dg_acceptor *a = &n->base;
	uint32_t charset = m->flags & (DG_NTLM_UNICODE | DG_NTLM_OEM)
			       ? m->flags
			       : n->said.flags;
	bool is_unicode = (charset & DG_NTLM_UNICODE) != 0;

	if (dg_ntlm_text_read(&a->user, m->user.bytes, is_unicode) != DG_OK ||
	    dg_ntlm_text_read(&a->domain, m->domain.bytes, is_unicode) !=
		DG_OK ||
	    dg_ntlm_text_read(&a->workstation, m->workstation.bytes,
		is_unicode) != DG_OK)
		return DG_NTLM_R_odd_length;
	n->claim.user = dg_buf_str(&a->user);
	n->claim.domain = dg_buf_str(&a->domain);
	return DG_NTLM_R_ok;
}

static void
log_type3(struct ntlm_acceptor *n, const char *kind)
{
	struct dg_acceptor *a = &n->base;

	dg_buf_reset(&a->log);
	(void)dg_buf_addf(&a->log, "%s type3 flags=%08lx asked=%08lx", kind,
	    (unsigned long)n->claim.m.flags, (unsigned long)n->wanted);
	dg_acceptor_identify(a);
}

static void
log_clock(struct ntlm_acceptor *n)
{
	struct dg_str nt = n->claim.m.nt.bytes;
	int64_t skew_s;

	if (n->claim.kind != DG_NTLM_KIND_V2)
		return;
	skew_s = (dg_ntlm_time_ms(dg_str_sub(nt, 24, 8)) - n->base.o.now_ms()) /
		 1000;
	if (skew_s > 300 || skew_s < -300)
		(void)dg_buf_addf(&n->base.log, " clock=%+llds",
		    (long long)skew_s);
}

static enum dg_auth_step
on_type3(struct ntlm_acceptor *n, struct dg_str in)
{
	struct dg_ntlm_authenticate *m = &n->claim.m;
	bool is_late = n->base.o.now_ms() - n->sent_ms > CHALLENGE_LIFE_MS;
	enum dg_ntlm_reason r = dg_ntlm_authenticate_parse(in, m);

	forget(n);
	if (r != DG_NTLM_R_ok) {
		(void)dg_buf_adds(&n->base.log, " type3");
		return refuse(n, r);
	}
	if (!m->has_flags)
		m->flags = n->said.flags & n->wanted;
	r = read_names(n);
	if (r == DG_NTLM_R_ok && m->user.bytes.n == 0 && m->nt.bytes.n == 0 &&
	    m->lm.bytes.n <= 1)
		r = DG_NTLM_R_anonymous;
	n->claim.take = n->base.o.ntlm_take;
	if (r == DG_NTLM_R_ok)
		r = dg_ntlm_claim_kind(&n->claim, &n->said);
	log_type3(n, r == DG_NTLM_R_ok || r == DG_NTLM_R_level
			 ? dg_ntlm_kind_name(n->claim.kind)
			 : "NTLM");
	if (r != DG_NTLM_R_ok)
		return refuse(n, r);
	log_clock(n);
	return is_late ? refuse(n, DG_NTLM_R_expired) : DG_AUTH_ASK;
}

static enum dg_auth_step
step(struct dg_acceptor *a, bool has_in, struct dg_str in, struct dg_buf *out)
{
	struct ntlm_acceptor *n = (struct ntlm_acceptor *)a;

	if (n->has_challenge)
		return on_type3(n, in);
	if (has_in)
		return on_type1(n, in, out);
	return dg_buf_add(out, a->o.prompt_ntlm) == DG_OK
		   ? DG_AUTH_SEND
		   : refuse(n, DG_NTLM_R_too_long);
}

static bool
is_proved(struct dg_acceptor *a, const struct dg_credential *c)
{
	struct ntlm_acceptor *n = (struct ntlm_acceptor *)a;
	enum dg_ntlm_reason r = dg_ntlm_claim_verify(&n->claim, &n->said, c);

	a->strength = dg_ntlm_kind_name(n->claim.kind);
	if (r == DG_NTLM_R_ok) {
		n->reason = r;
		return true;
	}
	(void)refuse(n, r);
	if (n->claim.is_lm_alone && !(n->claim.take & DG_NTLM_LEVEL_LM))
		(void)dg_buf_adds(&a->log,
		    ", or an LM response, which is not allowed here");
	if (n->claim.kind == DG_NTLM_KIND_LM && !c->has_lm)
		(void)dg_buf_adds(&a->log,
		    ", and its {lm} hash is not stored (passwd --lm)");
	return false;
}

static void
fini(struct dg_acceptor *a)
{
	struct ntlm_acceptor *n = (struct ntlm_acceptor *)a;

	forget(n);
	dg_buf_fini(&n->type1);
	dg_buf_fini(&n->type2);
}

const struct acceptor_ops dg_ntlm_acceptor_ops = {
	.size = sizeof(struct ntlm_acceptor),
	.step = step,
	.is_proved = is_proved,
	.fini = fini,
};

/* ---- tests ---- */

enum dg_ntlm_reason
dg_ntlm_acceptor_resume(struct dg_acceptor *a, struct dg_str type1,
    struct dg_str type2)
{
	struct ntlm_acceptor *n = (struct ntlm_acceptor *)a;
	struct dg_ntlm_negotiate m1;
	struct dg_ntlm_challenge m2;
	enum dg_ntlm_reason r = dg_ntlm_negotiate_parse(type1, &m1);

	if (r == DG_NTLM_R_ok)
		r = dg_ntlm_challenge_parse(type2, &m2);
	if (r != DG_NTLM_R_ok)
		return r;
	start(n);
	(void)dg_buf_add(&n->type1, type1);
	(void)dg_buf_add(&n->type2, type2);
	n->wanted = m1.flags;
	memcpy(n->said.challenge, m2.challenge, sizeof(m2.challenge));
	remember(n, m2.flags);
	a->state = AUTH_TALKING;
	return DG_NTLM_R_ok;
}

enum dg_ntlm_reason
dg_ntlm_acceptor_reason(const struct dg_acceptor *a)
{
	return ((const struct ntlm_acceptor *)a)->reason;
}
