/* ntlm_respond.c - our answer to a challenge: responses, names, MIC
 * (MS-NLMP 3.1.5.1.2).
 *
 * Why apart from the initiator: that one decides whether and at which level to
 * answer, this one only computes; every byte of the message comes from here,
 * none from a buffer that held something else (CVE-2026-40687).
 */
#include "ntlm_respond.h"

#include "dragoman/base/secret.h"
#include "mechanism.h"
#include "dragoman/base/enc.h"
#include "ntlm_text.h"

enum {
	NT_ROOM = DG_NTLM_MAX_NT
};

struct work {
	struct dg_ntlm_reply *r;
	uint8_t nt_hash[16], v2_key[16];
	uint8_t client[8]; /* our challenge */
	uint8_t lm[DG_NTLM_RESPONSE];
	size_t lm_n;
	struct dg_buf nt; /* the NT response */
};

static enum dg_rc
say(struct dg_err *e, const char *what)
{
	return dg_fail(e, DG_E_AUTH, 0, NULL, "%s", what);
}

static enum dg_rc
take_hash(struct work *w, struct dg_err *e)
{
	const struct dg_login *l = w->r->login;

	if (l->password == NULL && l->has_nt) {
		memcpy(w->nt_hash, l->nt, sizeof(w->nt_hash));
		return DG_OK;
	}
	if (l->password == NULL)
		return say(e, "there is neither a password nor its hash");
	if (dg_ntlm_nt_hash(dg_str_of(l->password->p, l->password->n),
		w->nt_hash) != DG_OK)
		return say(e, "the password is not UTF-8");
	return DG_OK;
}

/* False: there is none, or it may not be sent. */
static bool
lm_answer(struct work *w)
{
	const struct dg_secret *p = w->r->login->password;
	uint8_t hash[16];

	if (!(w->r->o->ntlm_send & DG_NTLM_LEVEL_LM) || p == NULL ||
	    dg_ntlm_lm_hash(dg_str_of(p->p, p->n), hash) != DG_OK)
		return false;
	dg_ntlm_answer(hash, w->r->m2->challenge, w->lm);
	w->lm_n = DG_NTLM_RESPONSE;
	dg_wipe(hash, sizeof(hash));
	return true;
}

static enum dg_rc
answer_24(struct work *w, const uint8_t challenge[8])
{
	uint8_t nt[DG_NTLM_RESPONSE];

	dg_ntlm_answer(w->nt_hash, challenge, nt);
	return dg_buf_add(&w->nt, dg_str_of(nt, sizeof(nt)));
}

static enum dg_rc
respond_ntlm2(struct work *w)
{
	uint8_t mixed[8];

	dg_ntlm_mixed(w->r->m2->challenge, w->client, mixed);
	memset(w->lm, 0, sizeof(w->lm));
	memcpy(w->lm, w->client, sizeof(w->client));
	w->lm_n = sizeof(w->lm);
	return answer_24(w, mixed);
}

static enum dg_rc
respond_v1(struct work *w)
{
	enum dg_rc rc = answer_24(w, w->r->m2->challenge);

	if (rc == DG_OK && !lm_answer(w)) {
		memcpy(w->lm, w->nt.p, sizeof(w->lm)); /* as Windows does */
		w->lm_n = sizeof(w->lm);
	}
	return rc;
}

/* ---- v2 ---- */

static enum dg_rc
add_target_name(struct dg_buf *pairs, struct dg_str spn)
{
	struct dg_buf wide;
	enum dg_rc rc;

	if (spn.n == 0)
		return DG_OK;
	dg_buf_init(&wide, 2 * spn.n);
	rc = dg_utf16_add(&wide, spn);
	if (rc == DG_OK)
		rc =
		    dg_ntlm_av_add(pairs, DG_AV_TARGET_NAME, dg_buf_str(&wide));
	dg_buf_fini(&wide);
	return rc;
}

/* The server's pairs less those that are ours to say (CVE-2019-1166: never two
 * Flags pairs), then ours.  Flags only with a MIC: without one a Flags pair of
 * the server's might promise what does not come. */
static enum dg_rc
add_pairs(struct work *w, struct dg_buf *pairs)
{
	static const char no_bindings[16];
	struct dg_str list = w->r->m2->info.bytes, v;
	char flags[4] = { 0 };
	enum dg_rc rc = DG_OK;
	size_t at = 0;
	uint16_t id;

	while (rc == DG_OK && dg_ntlm_av_next(list, &at, &id, &v)) {
		if (id == DG_AV_FLAGS)
			memcpy(flags, v.p, sizeof(flags));
		else if (id != DG_AV_TARGET_NAME &&
			 id != DG_AV_CHANNEL_BINDINGS)
			rc = dg_ntlm_av_add(pairs, id, v);
	}
	flags[0] |= DG_AV_FLAG_MIC;
	if (rc == DG_OK && w->r->has_mic)
		rc = dg_ntlm_av_add(pairs, DG_AV_FLAGS,
		    dg_str_of(flags, sizeof(flags)));
	if (rc == DG_OK && list.n > 0)
		rc = dg_ntlm_av_add(pairs, DG_AV_CHANNEL_BINDINGS,
		    dg_str_of(no_bindings, sizeof(no_bindings)));
	if (rc == DG_OK && list.n > 0)
		rc = add_target_name(pairs, w->r->o->target);
	return rc;
}

/* Everything behind the proof: "temp" in MS-NLMP 3.3.2. */
static enum dg_rc
add_blob(struct work *w, struct dg_buf *blob)
{
	static const char zeros[8];
	uint8_t time[8];
	struct dg_str theirs;
	enum dg_rc rc;

	if (dg_ntlm_av_find(w->r->m2->info.bytes, DG_AV_TIMESTAMP, &theirs)) {
		memcpy(time, theirs.p, sizeof(time));
		w->r->has_mic = true; /* they count on one now */
	} else {
		dg_ntlm_time_put(w->r->o->now_ms(), time);
	}
	const struct dg_str head[] = { DG_STR("\1\1"), dg_str_of(zeros, 6),
		dg_str_of(time, sizeof(time)),
		dg_str_of(w->client, sizeof(w->client)), dg_str_of(zeros, 4) };
	rc = DG_OK;
	for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
		if (rc == DG_OK)
			rc = dg_buf_add(blob, head[i]);
	if (rc == DG_OK)
		rc = add_pairs(w, blob);
	/* the end of the list, and four bytes that belong to nothing */
	return rc == DG_OK ? dg_buf_add(blob, dg_str_of(zeros, 8)) : rc;
}

static enum dg_rc
respond_v2(struct work *w)
{
	const struct dg_login *l = w->r->login;
	struct dg_str ours = dg_str_of(w->client, sizeof(w->client));
	struct dg_buf upper, blob;
	uint8_t proof[DG_NTLM_PROOF];
	enum dg_rc rc;

	dg_buf_init(&upper, AUTH_NAME_MAX);
	dg_buf_init(&blob, NT_ROOM - sizeof(proof));
	rc = dg_upper_add(&upper, l->user);
	if (rc == DG_OK)
		rc = dg_ntlm_v2_key(w->nt_hash, dg_buf_str(&upper), l->domain,
		    w->v2_key);
	if (rc == DG_OK)
		rc = add_blob(w, &blob);
	if (rc != DG_OK)
		goto out;
	dg_ntlm_v2_proof(w->v2_key, w->r->m2->challenge, dg_buf_str(&blob),
	    proof);
	rc = dg_buf_add(&w->nt, dg_str_of(proof, sizeof(proof)));
	if (rc == DG_OK)
		rc = dg_buf_add(&w->nt, dg_buf_str(&blob));
	memset(w->lm, 0, sizeof(w->lm)); /* with the server's time: zeros */
	w->lm_n = sizeof(w->lm);
	if (w->r->has_mic)
		goto out;
	dg_ntlm_v2_proof(w->v2_key, w->r->m2->challenge, ours, w->lm);
	memcpy(w->lm + sizeof(proof), ours.p, ours.n);
out:
	dg_buf_fini(&upper);
	dg_buf_fini(&blob);
	return rc;
}

static enum dg_rc
respond(struct work *w, struct dg_err *e)
{
	enum dg_rc rc;

	switch (w->r->kind) {
	case DG_NTLM_KIND_V2:
		rc = respond_v2(w);
		break;
	case DG_NTLM_KIND_NTLM2:
		rc = respond_ntlm2(w);
		break;
	case DG_NTLM_KIND_V1:
		rc = respond_v1(w);
		break;
	default: /* LM alone */
		if (lm_answer(w))
			return DG_OK;
		return say(e,
		    "there is no LM hash for this password (over 14 "
		    "characters, other letters, or only {nt} is known)");
	}
	if (rc != DG_OK)
		return say(e, "the target info or a name is too long");
	return DG_OK;
}

/* ---- the message ---- */

/* We ask for no key exchange, so the exported key is the exchange key. */
static void
sign(const struct work *w, struct dg_str type3, char *mic_at)
{
	struct dg_ntlm_facts f = {
		.kind = DG_NTLM_KIND_V2,
		.flags = w->r->flags,
		.v2_key = w->v2_key,
		.nt_answer = dg_buf_str(&w->nt),
	};
	uint8_t key[16], mic[16];

	dg_ntlm_exchange_key(&f, key);
	dg_ntlm_mic(key, w->r->type1, w->r->m2->whole, type3, mic);
	memcpy(mic_at, mic, sizeof(mic));
	dg_wipe(key, sizeof(key));
}

static enum dg_rc
write_message(struct work *w, struct dg_buf *out, struct dg_err *e)
{
	struct dg_ntlm_authenticate m = {
		.flags = w->r->flags,
		.has_flags = true,
		.header = w->r->has_mic ? DG_NTLM_MIC_AT + 16 : 64,
	};
	bool is_unicode = (m.flags & DG_NTLM_UNICODE) != 0;
	struct dg_buf domain, user, station;
	size_t start = out->n;
	enum dg_rc rc;

	dg_buf_init(&domain, 2 * AUTH_NAME_MAX);
	dg_buf_init(&user, 2 * AUTH_NAME_MAX);
	dg_buf_init(&station, 2 * AUTH_NAME_MAX);
	rc = dg_ntlm_text_add(&domain, w->r->login->domain, is_unicode);
	if (rc == DG_OK)
		rc = dg_ntlm_text_add(&user, w->r->login->user, is_unicode);
	if (rc == DG_OK)
		rc = dg_ntlm_text_add(&station, w->r->o->workstation,
		    is_unicode);
	m.domain.bytes = dg_buf_str(&domain);
	m.user.bytes = dg_buf_str(&user);
	m.workstation.bytes = dg_buf_str(&station);
	m.lm.bytes = dg_str_of(w->lm, w->lm_n);
	m.nt.bytes = dg_buf_str(&w->nt);
	m.key.bytes = DG_STR("");
	if (rc == DG_OK)
		rc = dg_ntlm_authenticate_add(out, &m, false);
	if (rc == DG_OK && w->r->has_mic)
		sign(w, dg_str_from(dg_buf_str(out), start),
		    out->p + start + DG_NTLM_MIC_AT);
	dg_buf_fini(&domain);
	dg_buf_fini(&user);
	dg_buf_fini(&station);
	if (rc == DG_E_PROTO)
		return say(e, "a name cannot be written in the server's "
			      "character set");
	return rc == DG_OK ? DG_OK : say(e, "a name is too long");
}

enum dg_rc
dg_ntlm_respond(struct dg_ntlm_reply *r, struct dg_buf *out, struct dg_err *e)
{
	struct work w = { .r = r };
	enum dg_rc rc = DG_OK;

	r->has_mic = false;
	dg_buf_init(&w.nt, NT_ROOM);
	r->o->rand(w.client, sizeof(w.client));
	if (r->kind != DG_NTLM_KIND_LM)
		rc = take_hash(&w, e);
	if (rc == DG_OK)
		rc = respond(&w, e);
	if (rc == DG_OK)
		rc = write_message(&w, out, e);
	dg_buf_fini(&w.nt);
	dg_wipe(&w, sizeof(w));
	return rc;
}
