/* ntlm_av.c - the list of attribute-value pairs in a challenge and in an
 * NTLMv2 response (MS-NLMP 2.2.2.1).
 *
 * Why a check of its own: the list lies under the client's proof, so what it
 * says (is there a MIC? for whom was this meant?) decides about security, and
 * a second pair of the same kind must not decide otherwise for another reader
 * (CVE-2019-1166).  Walking is safe on any bytes; only a checked list says
 * that it is whole.
 */
#include "dragoman/wire/ntlm.h"

#include "ntlm_bytes.h"

enum {
	PAIR_HEAD = 4
};

bool
dg_ntlm_av_next(struct dg_str list, size_t *at, uint16_t *id,
    struct dg_str *value)
{
	size_t n;

	if (*at > list.n || list.n - *at < PAIR_HEAD)
		return false;
	*id = ntlm_u16(list, *at);
	n = ntlm_u16(list, *at + 2);
	if (*id == DG_AV_END || n > list.n - *at - PAIR_HEAD)
		return false;
	*value = dg_str_of(list.p + *at + PAIR_HEAD, n);
	*at += PAIR_HEAD + n;
	return true;
}

/* Those that decide something: of this size, and at most once. */
static size_t
size_of(uint16_t id)
{
	switch (id) {
	case DG_AV_FLAGS:
		return 4;
	case DG_AV_TIMESTAMP:
		return 8;
	case DG_AV_CHANNEL_BINDINGS:
		return 16;
	default:
		return 0; /* any */
	}
}

static bool
is_single(uint16_t id)
{
	return size_of(id) != 0 || id == DG_AV_TARGET_NAME;
}

enum dg_ntlm_reason
dg_ntlm_av_check(struct dg_str list)
{
	unsigned seen = 0; /* a bit an id, of the single ones */
	struct dg_str v;
	size_t at = 0;
	uint16_t id;

	while (dg_ntlm_av_next(list, &at, &id, &v)) {
		if (size_of(id) != 0 && v.n != size_of(id))
			return DG_NTLM_R_av_range;
		if (!is_single(id))
			continue;
		if (seen & (1u << id))
			return DG_NTLM_R_av_range;
		seen |= 1u << id;
	}
	if (list.n - at < PAIR_HEAD)
		return DG_NTLM_R_av_no_end;
	if (ntlm_u16(list, at) != DG_AV_END)
		return DG_NTLM_R_av_range;
	return DG_NTLM_R_ok;
}

bool
dg_ntlm_av_find(struct dg_str list, uint16_t id, struct dg_str *value)
{
	struct dg_str v;
	size_t at = 0;
	uint16_t is;

	while (dg_ntlm_av_next(list, &at, &is, &v)) {
		if (is == id && (size_of(id) == 0 || v.n == size_of(id))) {
			*value = v;
			return true;
		}
	}
	return false;
}

enum dg_rc
dg_ntlm_av_add(struct dg_buf *out, uint16_t id, struct dg_str value)
{
	char head[PAIR_HEAD];

	if (value.n > UINT16_MAX ||
	    dg_buf_reserve(out, sizeof(head) + value.n) != DG_OK)
		return DG_E_LIMIT;
	ntlm_put16(head, id);
	ntlm_put16(head + 2, value.n);
	(void)dg_buf_add(out, dg_str_of(head, sizeof(head)));
	return dg_buf_add(out, value);
}

struct dg_str
dg_ntlm_blob_pairs(struct dg_str nt)
{
	if (nt.n <= DG_NTLM_PROOF + DG_NTLM_BLOB_HEAD)
		return DG_NOSTR;
	return dg_str_from(nt, DG_NTLM_PROOF + DG_NTLM_BLOB_HEAD);
}
