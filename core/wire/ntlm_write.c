/* ntlm_write.c - the three NTLM messages, from structs to bytes.
 *
 * Why two layouts: what we say ourselves looks as Windows would say it; what a
 * peer said can be written again byte for byte, so that a test can prove that
 * reading lost nothing.  A message is put together in one reserved piece of
 * the buffer: first what no field covers, then the header, then the fields.
 */
#include "dragoman/wire/ntlm.h"

#include "ntlm_bytes.h"

enum {
	TOTAL_MAX = 2 * DG_NTLM_MAX_MESSAGE,
	FIELDS_MAX = 6
};

/* The fields of a message: where each is described, in the order in which
 * they are laid out. */
struct layout {
	size_t header;
	bool keep;
	struct dg_str whole;
	size_t n;
	struct {
		const struct dg_ntlm_field *field;
		size_t described_at;
		size_t offset;
	} v[FIELDS_MAX];
};

static void
lay(struct layout *l, const struct dg_ntlm_field *f, size_t described_at)
{
	if (described_at + 8 > l->header)
		return; /* this form of the message has no such field */
	l->v[l->n].field = f;
	l->v[l->n].described_at = described_at;
	l->n++;
}

/* Every field's offset, and the length of the message; 0 when too long. */
static size_t
place(struct layout *l)
{
	size_t total = l->header, end;

	for (size_t i = 0; i < l->n; i++) {
		const struct dg_ntlm_field *f = l->v[i].field;

		if (f->bytes.n > UINT16_MAX)
			return 0;
		l->v[i].offset = l->keep ? f->offset : total;
		if (f->bytes.n == 0)
			continue; /* its offset means nothing */
		end = l->v[i].offset + f->bytes.n;
		if (end > total)
			total = end;
	}
	if (l->keep && l->whole.n > total)
		total = l->whole.n;
	return total > TOTAL_MAX ? 0 : total;
}

/* Room for the message with all but its header's own words; NULL: no room. */
static char *
write_fields(struct dg_buf *out, struct layout *l, uint32_t type)
{
	size_t total = place(l);
	char *to;

	if (total == 0 || dg_buf_reserve(out, total) != DG_OK)
		return NULL;
	to = out->p + out->n;
	out->n += total;
	memset(to, 0, total);
	if (l->keep && l->whole.n > 0)
		memcpy(to, l->whole.p, l->whole.n);
	memcpy(to, NTLM_SIGNATURE, 8);
	ntlm_put32(to + 8, type);
	for (size_t i = 0; i < l->n; i++) {
		const struct dg_ntlm_field *f = l->v[i].field;
		char *at = to + l->v[i].described_at;

		ntlm_put16(at, f->bytes.n);
		ntlm_put16(at + 2, l->keep ? f->allocated : f->bytes.n);
		ntlm_put32(at + 4, (uint32_t)l->v[i].offset);
		if (f->bytes.n > 0)
			memcpy(to + l->v[i].offset, f->bytes.p, f->bytes.n);
	}
	return to;
}

enum dg_rc
dg_ntlm_negotiate_add(struct dg_buf *out, const struct dg_ntlm_negotiate *m,
    bool keep_layout)
{
	struct layout l = {
		.header = m->header,
		.keep = keep_layout,
		.whole = m->whole,
	};
	char *to;

	lay(&l, &m->domain, 16);
	lay(&l, &m->workstation, 24);
	to = write_fields(out, &l, 1);
	if (to == NULL)
		return DG_E_LIMIT;
	if (m->header >= 16)
		ntlm_put32(to + 12, m->flags);
	if (m->header >= 40)
		memcpy(to + 32, m->version, sizeof(m->version));
	return DG_OK;
}

enum dg_rc
dg_ntlm_challenge_add(struct dg_buf *out, const struct dg_ntlm_challenge *m,
    bool keep_layout)
{
	struct layout l = {
		.header = m->header,
		.keep = keep_layout,
		.whole = m->whole,
	};
	char *to;

	lay(&l, &m->target, 12);
	lay(&l, &m->info, 40);
	to = write_fields(out, &l, 2);
	if (to == NULL)
		return DG_E_LIMIT;
	ntlm_put32(to + 20, m->flags);
	memcpy(to + 24, m->challenge, sizeof(m->challenge));
	if (m->header >= 40)
		memcpy(to + 32, m->context, sizeof(m->context));
	if (m->header >= 56)
		memcpy(to + 48, m->version, sizeof(m->version));
	return DG_OK;
}

enum dg_rc
dg_ntlm_authenticate_add(struct dg_buf *out,
    const struct dg_ntlm_authenticate *m, bool keep_layout)
{
	struct layout l = {
		.header = m->header,
		.keep = keep_layout,
		.whole = m->whole,
	};
	char *to;

	lay(&l, &m->domain, 28);
	lay(&l, &m->user, 36);
	lay(&l, &m->workstation, 44);
	lay(&l, &m->lm, 12);
	lay(&l, &m->nt, 20);
	lay(&l, &m->key, 52);
	to = write_fields(out, &l, 3);
	if (to == NULL)
		return DG_E_LIMIT;
	if (m->header >= 64)
		ntlm_put32(to + 60, m->flags);
	if (m->header >= 72)
		memcpy(to + 64, m->version, sizeof(m->version));
	if (m->header >= DG_NTLM_MIC_AT + 16)
		memcpy(to + DG_NTLM_MIC_AT, m->mic, sizeof(m->mic));
	return DG_OK;
}
