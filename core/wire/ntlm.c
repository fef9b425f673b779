/* ntlm.c - the three NTLM messages as bytes and as structs (MS-NLMP 2.2.1).
 *
 * Why a field is looked at in two steps: first every offset and length of the
 * message is read and checked against the message and its header, only then
 * is a byte behind them touched.  Almost every published bug of NTLM parsers
 * (CVE-2020-12783, CVE-2018-16890, CVE-2023-25563 ...) is a byte touched
 * before.  How long the header is, is nowhere said: it ends where the first
 * non-empty field begins, and what does not fit below that is not there.
 * Knows nothing of passwords or of what was negotiated.
 */
#include "dragoman/wire/ntlm.h"

#include "ntlm_bytes.h"

enum {
	HEAD = 12,
	FIELD = 8
};

static const struct {
	const char *name, *words;
} reasons[] = {
	[DG_NTLM_R_ok] = { "ok", "well formed" },
	[DG_NTLM_R_too_short] = { "too_short", "the message is too short" },
	[DG_NTLM_R_signature] = { "signature", "it is no NTLM message" },
	[DG_NTLM_R_wrong_type] = { "wrong_type",
	    "another NTLM message was due" },
	[DG_NTLM_R_field_range] = { "field_range",
	    "a field points past the end of the message" },
	[DG_NTLM_R_field_in_header] = { "field_in_header",
	    "a field points into the header" },
	[DG_NTLM_R_odd_length] = { "odd_length", "a name is no valid text" },
	[DG_NTLM_R_lm_length] = { "lm_length",
	    "the LM response has an impossible length" },
	[DG_NTLM_R_nt_length] = { "nt_length",
	    "the NT response has an impossible length" },
	[DG_NTLM_R_blob_version] = { "blob_version",
	    "the NTLMv2 response has an unknown version" },
	[DG_NTLM_R_av_range] = { "av_range",
	    "the target info has a pair of a wrong size, or one twice" },
	[DG_NTLM_R_av_no_end] = { "av_no_end", "the target info has no end" },
	[DG_NTLM_R_mic_mismatch] = { "mic_mismatch",
	    "the messages were changed on the way (MIC)" },
	[DG_NTLM_R_key_length] = { "key_length",
	    "the session key has a wrong length" },
	[DG_NTLM_R_bad_credentials] = { "bad_credentials",
	    "wrong password or no such account" },
	[DG_NTLM_R_anonymous] = { "anonymous", "anonymous login" },
	[DG_NTLM_R_level] = { "level",
	    "this kind of NTLM response is not allowed here" },
	[DG_NTLM_R_too_long] = { "too_long", "the message is too long" },
	[DG_NTLM_R_flags] = { "flags", "the flags contradict each other" },
	[DG_NTLM_R_expired] = { "expired", "the challenge is too old" },
	[DG_NTLM_R_reflection] = { "reflection",
	    "the challenge is one of our own" },
};

const char *
dg_ntlm_reason_name(enum dg_ntlm_reason r)
{
	return reasons[r].name;
}

const char *
dg_ntlm_reason_words(enum dg_ntlm_reason r)
{
	return reasons[r].words;
}

/* ---- reading ---- */

static enum dg_ntlm_reason
read_head(struct dg_str m, uint32_t type, size_t least)
{
	if (m.n > DG_NTLM_MAX_MESSAGE)
		return DG_NTLM_R_too_long;
	if (m.n < HEAD)
		return DG_NTLM_R_too_short;
	if (memcmp(m.p, NTLM_SIGNATURE, 8) != 0)
		return DG_NTLM_R_signature;
	if (ntlm_u32(m, 8) != type)
		return DG_NTLM_R_wrong_type;
	return m.n < least ? DG_NTLM_R_too_short : DG_NTLM_R_ok;
}

/* The field whose description stands at `at`, which is inside m.  A field of
 * length 0 is never looked at: clients leave anything as its offset. */
static enum dg_ntlm_reason
read_field(struct dg_str m, size_t at, struct dg_ntlm_field *f)
{
	size_t n = ntlm_u16(m, at);

	*f = (struct dg_ntlm_field){
		.bytes = DG_STR(""),
		.allocated = ntlm_u16(m, at + 2),
		.offset = ntlm_u32(m, at + 4),
	};
	if (n == 0)
		return DG_NTLM_R_ok;
	/* never offset + n: it wraps (CVE-2018-16890) */
	if (f->offset > m.n || n > m.n - f->offset)
		return DG_NTLM_R_field_range;
	f->bytes = dg_str_of(m.p + f->offset, n);
	return DG_NTLM_R_ok;
}

/* As above, for a field that only counts if a flag says so: without the flag
 * what stands there may be anything. */
static enum dg_ntlm_reason
read_optional(struct dg_str m, size_t at, bool counts, size_t header,
    struct dg_ntlm_field *f)
{
	enum dg_ntlm_reason r = read_field(m, at, f);

	if (r == DG_NTLM_R_ok && f->bytes.n > 0 && f->offset < header)
		r = DG_NTLM_R_field_in_header;
	if (r == DG_NTLM_R_ok || counts)
		return r;
	f->bytes = DG_STR("");
	return DG_NTLM_R_ok;
}

static size_t
lower(size_t end, const struct dg_ntlm_field *f)
{
	return f->bytes.n > 0 && f->offset < end ? f->offset : end;
}

static size_t
header_end(struct dg_str m, const struct dg_ntlm_field *const *fields, size_t n)
{
	size_t end = m.n;

	for (size_t i = 0; i < n; i++)
		end = lower(end, fields[i]);
	return end;
}

enum dg_ntlm_reason
dg_ntlm_negotiate_parse(struct dg_str m, struct dg_ntlm_negotiate *out)
{
	struct dg_ntlm_negotiate t = { .header = 12, .whole = m };
	const struct dg_ntlm_field *fields[] = { &t.domain, &t.workstation };
	enum dg_ntlm_reason r = read_head(m, 1, 12);

	if (r != DG_NTLM_R_ok)
		return r;
	if (m.n >= 16) {
		t.header = 16;
		t.flags = ntlm_u32(m, 12);
	}
	if (m.n >= 32) {
		t.header = 32;
		r = read_optional(m, 16, (t.flags & DG_NTLM_OEM_DOMAIN) != 0,
		    t.header, &t.domain);
		if (r == DG_NTLM_R_ok)
			r = read_optional(m, 24,
			    (t.flags & DG_NTLM_OEM_WORKSTATION) != 0, t.header,
			    &t.workstation);
	}
	if (r != DG_NTLM_R_ok)
		return r;
	if ((t.flags & DG_NTLM_VERSION) && header_end(m, fields, 2) >= 40) {
		t.header = 40;
		memcpy(t.version, m.p + 32, sizeof(t.version));
	}
	*out = t;
	return DG_NTLM_R_ok;
}

/* Target name and info, and how much of a header is below them. */
static enum dg_ntlm_reason
read_target(struct dg_str m, struct dg_ntlm_challenge *t)
{
	const struct dg_ntlm_field *fields[] = { &t->target, &t->info };
	bool has_info = (t->flags & DG_NTLM_TARGET_INFO) != 0;
	enum dg_ntlm_reason r = read_field(m, 12, &t->target);
	size_t end;

	if (r != DG_NTLM_R_ok)
		return r;
	if (t->target.bytes.n > 0 && t->target.offset < (has_info ? 48 : 32))
		return DG_NTLM_R_field_in_header;
	end = header_end(m, fields, 1);
	if (end < 48) {
		t->header = end < 40 ? 32 : 40;
		return has_info ? DG_NTLM_R_too_short : DG_NTLM_R_ok;
	}
	r = read_optional(m, 40, has_info, 48, &t->info);
	end = header_end(m, fields, 2);
	t->header = (t->flags & DG_NTLM_VERSION) && end >= 56 ? 56 : 48;
	return r;
}

enum dg_ntlm_reason
dg_ntlm_challenge_parse(struct dg_str m, struct dg_ntlm_challenge *out)
{
	struct dg_ntlm_challenge t = { .whole = m };
	enum dg_ntlm_reason r = read_head(m, 2, 32);

	if (r != DG_NTLM_R_ok)
		return r;
	t.flags = ntlm_u32(m, 20);
	r = read_target(m, &t);
	if (r != DG_NTLM_R_ok)
		return r;
	if ((t.flags & DG_NTLM_UNICODE) && t.target.bytes.n % 2 != 0)
		return DG_NTLM_R_odd_length;
	if ((t.flags & DG_NTLM_TARGET_INFO) && t.info.bytes.n > 0)
		r = dg_ntlm_av_check(t.info.bytes);
	if (r != DG_NTLM_R_ok)
		return r;
	memcpy(t.challenge, m.p + 24, sizeof(t.challenge));
	if (t.header >= 40)
		memcpy(t.context, m.p + 32, sizeof(t.context));
	if (t.header == 56)
		memcpy(t.version, m.p + 48, sizeof(t.version));
	*out = t;
	return DG_NTLM_R_ok;
}

/* The lengths that tell what kind of response it is (protocol of 3.3): a
 * length between two kinds is a cut or forged one. */
static enum dg_ntlm_reason
check_responses(const struct dg_ntlm_authenticate *t)
{
	struct dg_str nt = t->nt.bytes;
	size_t lm = t->lm.bytes.n;
	bool is_nobody = t->user.bytes.n == 0 && nt.n == 0;

	if (lm != 0 && lm != DG_NTLM_RESPONSE && !(lm == 1 && is_nobody))
		return DG_NTLM_R_lm_length;
	if (nt.n == 0 || nt.n == DG_NTLM_RESPONSE)
		return DG_NTLM_R_ok;
	if (nt.n < DG_NTLM_PROOF + DG_NTLM_BLOB_HEAD || nt.n > DG_NTLM_MAX_NT)
		return DG_NTLM_R_nt_length;
	if (nt.p[16] != 1 || nt.p[17] != 1)
		return DG_NTLM_R_blob_version;
	/* no list at all is fine, a broken one is not */
	if (nt.n == DG_NTLM_PROOF + DG_NTLM_BLOB_HEAD)
		return DG_NTLM_R_ok;
	return dg_ntlm_av_check(dg_ntlm_blob_pairs(nt));
}

static enum dg_ntlm_reason
check_authenticate(const struct dg_ntlm_authenticate *t)
{
	bool is_odd =
	    (t->domain.bytes.n | t->user.bytes.n | t->workstation.bytes.n) % 2;

	if ((t->flags & DG_NTLM_UNICODE) && is_odd)
		return DG_NTLM_R_odd_length;
	if ((t->flags & DG_NTLM_KEY_EXCH) &&
	    (t->flags & (DG_NTLM_SIGN | DG_NTLM_SEAL)) && t->key.bytes.n != 16)
		return DG_NTLM_R_key_length;
	return check_responses(t);
}

/* The six fields, and how much of a header is below them. */
static enum dg_ntlm_reason
read_fields(struct dg_str m, struct dg_ntlm_authenticate *t)
{
	struct dg_ntlm_field *const fields[] = { &t->lm, &t->nt, &t->domain,
		&t->user, &t->workstation, &t->key };
	enum dg_ntlm_reason r = DG_NTLM_R_ok;
	size_t end = m.n;

	for (size_t i = 0; i < 5 && r == DG_NTLM_R_ok; i++) {
		r = read_field(m, HEAD + i * FIELD, fields[i]);
		end = lower(end, fields[i]);
	}
	if (r != DG_NTLM_R_ok)
		return r;
	if (end < 52)
		return DG_NTLM_R_field_in_header;
	t->header = 52;
	if (end < 64)
		return DG_NTLM_R_ok; /* Windows 9x: no key, no flags */
	r = read_field(m, 52, &t->key);
	if (r != DG_NTLM_R_ok)
		return r;
	end = lower(end, &t->key);
	if (end < 64)
		return DG_NTLM_R_field_in_header;
	t->has_flags = true;
	t->flags = ntlm_u32(m, 60);
	t->header = (t->flags & DG_NTLM_VERSION) && end >= 72 ? 72 : 64;
	t->mic_offset = end; /* for read_mic */
	return DG_NTLM_R_ok;
}

/* The bit under the proof says whether there is one, never the header: that
 * one anybody on the way may change (CVE-2019-1040). */
static void
read_mic(struct dg_str m, struct dg_ntlm_authenticate *t)
{
	size_t end = t->mic_offset;
	struct dg_str v;

	t->mic_offset = 0;
	if (end < DG_NTLM_MIC_AT + 16 ||
	    !dg_ntlm_av_find(dg_ntlm_blob_pairs(t->nt.bytes), DG_AV_FLAGS,
		&v) ||
	    !(ntlm_u32(v, 0) & DG_AV_FLAG_MIC))
		return;
	t->has_mic = true;
	t->header = DG_NTLM_MIC_AT + 16;
	t->mic_offset = DG_NTLM_MIC_AT;
	memcpy(t->mic, m.p + DG_NTLM_MIC_AT, sizeof(t->mic));
}

enum dg_ntlm_reason
dg_ntlm_authenticate_parse(struct dg_str m, struct dg_ntlm_authenticate *out)
{
	struct dg_ntlm_authenticate t = { .whole = m };
	enum dg_ntlm_reason r = read_head(m, 3, 52);

	if (r == DG_NTLM_R_ok)
		r = read_fields(m, &t);
	if (r == DG_NTLM_R_ok)
		r = check_authenticate(&t);
	if (r != DG_NTLM_R_ok)
		return r;
	read_mic(m, &t);
	if (t.header >= 72)
		memcpy(t.version, m.p + 64, sizeof(t.version));
	*out = t;
	return DG_NTLM_R_ok;
}
