#ifndef DRAGOMAN_WIRE_NTLM_H
#define DRAGOMAN_WIRE_NTLM_H

#include "dragoman/base/buf.h"

/*
 * ntlm.h - the three NTLM messages as structs and as bytes (MS-NLMP 2.2.1).
 *
 * Every offset and length of the peer passes one bounded reader before any
 * byte behind it is looked at (field_range, field_in_header ... below).
 * Parsed views point into the message, which must outlive the struct.
 */
enum {
	DG_NTLM_UNICODE = 0x00000001,
	DG_NTLM_OEM = 0x00000002,
	DG_NTLM_REQUEST_TARGET = 0x00000004,
	DG_NTLM_SIGN = 0x00000010,
	DG_NTLM_SEAL = 0x00000020,
	DG_NTLM_DATAGRAM = 0x00000040,
	DG_NTLM_LM_KEY = 0x00000080,
	DG_NTLM_NTLM = 0x00000200,
	DG_NTLM_ANONYMOUS = 0x00000800,
	DG_NTLM_OEM_DOMAIN = 0x00001000,
	DG_NTLM_OEM_WORKSTATION = 0x00002000,
	DG_NTLM_LOCAL_CALL = 0x00004000,
	DG_NTLM_ALWAYS_SIGN = 0x00008000,
	DG_NTLM_TARGET_DOMAIN = 0x00010000,
	DG_NTLM_TARGET_SERVER = 0x00020000,
	DG_NTLM_EXTENDED = 0x00080000,
	DG_NTLM_IDENTIFY = 0x00100000,
	DG_NTLM_NON_NT_KEY = 0x00400000,
	DG_NTLM_TARGET_INFO = 0x00800000,
	DG_NTLM_VERSION = 0x02000000,
	DG_NTLM_128 = 0x20000000,
	DG_NTLM_KEY_EXCH = 0x40000000,
};
#define DG_NTLM_56 0x80000000u

/* Why a message is refused; names as in the test vectors. */
#define DG_NTLM_REASONS(X) \
	X(ok) X(too_short) X(signature) X(wrong_type) X(field_range) \
	X(field_in_header) X(odd_length) X(lm_length) X(nt_length) \
	X(blob_version) X(av_range) X(av_no_end) X(mic_mismatch) \
	X(key_length) X(bad_credentials) X(anonymous) X(level) X(too_long) \
	X(flags) X(expired) X(reflection)
enum dg_ntlm_reason {
#define X(name) DG_NTLM_R_##name,
	DG_NTLM_REASONS(X)
#undef X
};
const char *dg_ntlm_reason_name(enum dg_ntlm_reason r);
/* The same as a sentence for people: "the challenge is too old". */
const char *dg_ntlm_reason_words(enum dg_ntlm_reason r);

/* A payload field remembers where it stood, and each message what it was read
 * from, so that a recorded message can be written again byte for byte: also
 * what stands between the fields and behind the last. */
struct dg_ntlm_field {
	struct dg_str bytes;
	uint16_t allocated;
	uint32_t offset;
};

struct dg_ntlm_negotiate {
	uint32_t flags;
	size_t header; /* 12 (no flags), 16, 32 or 40 */
	struct dg_ntlm_field domain, workstation;
	uint8_t version[8];
	struct dg_str whole; /* what it was read from, or DG_NOSTR */
};

struct dg_ntlm_challenge {
	uint32_t flags;
	size_t header; /* 32, 40, 48 or 56 */
	struct dg_ntlm_field target, info;
	uint8_t challenge[8];
	uint8_t context[8];
	uint8_t version[8];
	struct dg_str whole;
};

struct dg_ntlm_authenticate {
	uint32_t flags;
	bool has_flags;
	size_t header; /* 52, 64, 72 or 88 */
	struct dg_ntlm_field lm, nt, domain, user, workstation, key;
	uint8_t version[8];
	bool has_mic;
	uint8_t mic[16];
	size_t mic_offset; /* where in the message, with has_mic */
	struct dg_str whole;
};

enum {
	DG_NTLM_MAX_MESSAGE = 8192,
	DG_NTLM_MAX_NT = 4096,        /* an NT response */
	DG_NTLM_RESPONSE = 24,        /* LM, v1 and NTLM2 responses */
	DG_NTLM_PROOF = 16,           /* first part of an NTLMv2 response */
	DG_NTLM_BLOB_HEAD = 28,       /* what its AV pairs stand behind */
	DG_NTLM_MIC_AT = 72,
};

/* Parse; on refusal return the reason (and DG_NTLM_R_ok = 0 on success). */
enum dg_ntlm_reason dg_ntlm_negotiate_parse(struct dg_str m,
    struct dg_ntlm_negotiate *out);
enum dg_ntlm_reason dg_ntlm_challenge_parse(struct dg_str m,
    struct dg_ntlm_challenge *out);
enum dg_ntlm_reason dg_ntlm_authenticate_parse(struct dg_str m,
    struct dg_ntlm_authenticate *out);
/* The AV pairs of an NTLMv2 response; {NULL, 0} when nt is none. */
struct dg_str dg_ntlm_blob_pairs(struct dg_str nt);
/* Append the message.  With keep_layout the fields go to the offsets they
 * carry and what no field covers is taken from `whole` (re-encoding); else they
 * are laid out in Windows' order (domain, user, workstation, LM, NT, key)
 * behind the header.  DG_E_LIMIT: a field over 64 KiB or out's cap. */
enum dg_rc dg_ntlm_negotiate_add(struct dg_buf *out,
    const struct dg_ntlm_negotiate *m, bool keep_layout);
enum dg_rc dg_ntlm_challenge_add(struct dg_buf *out,
    const struct dg_ntlm_challenge *m, bool keep_layout);
enum dg_rc dg_ntlm_authenticate_add(struct dg_buf *out,
    const struct dg_ntlm_authenticate *m, bool keep_layout);

/* AV pairs (MS-NLMP 2.2.2.1). */
enum {
	DG_AV_END = 0,
	DG_AV_NB_COMPUTER = 1,
	DG_AV_NB_DOMAIN = 2,
	DG_AV_DNS_COMPUTER = 3,
	DG_AV_DNS_DOMAIN = 4,
	DG_AV_DNS_TREE = 5,
	DG_AV_FLAGS = 6,
	DG_AV_TIMESTAMP = 7,
	DG_AV_SINGLE_HOST = 8,
	DG_AV_TARGET_NAME = 9,
	DG_AV_CHANNEL_BINDINGS = 10,
};
enum { DG_AV_FLAG_MIC = 2 }; /* in the value of DG_AV_FLAGS */
/* Check a whole list (range, end, sizes and duplicates of 6, 7, 9, 10). */
enum dg_ntlm_reason dg_ntlm_av_check(struct dg_str list);
/* False when absent, or when the list breaks off before. */
bool dg_ntlm_av_find(struct dg_str list, uint16_t id, struct dg_str *value);
/* The next pair from *at on (begin with 0); false at the end of the list. */
bool dg_ntlm_av_next(struct dg_str list, size_t *at, uint16_t *id,
    struct dg_str *value);
enum dg_rc dg_ntlm_av_add(struct dg_buf *out, uint16_t id, struct dg_str value);

#endif
