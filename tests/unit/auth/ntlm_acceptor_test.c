/* ntlm_acceptor_test.c - who gets in with NTLM, and who does not, and why.
 *
 * The exchanges are those of tests/vectors/ntlm.json: for each the challenge
 * that its client answered is put into the acceptor's mouth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/auth/challenges.h"
#include "core/auth/ntlm_acceptor.h"
#include "core/auth/ntlm_text.h"
#include "dragoman/auth/users.h"
#include "dragoman/base/enc.h"
#include "tests/unit/support/hex.h"
#include "tests/unit/support/json.h"

#define N(a)       (sizeof(a) / sizeof((a)[0]))
#define ALL_LEVELS 15u

static struct json *vectors;
static int64_t now = INT64_C(1700000000000);

static int64_t
now_ms(void)
{
	return now;
}

static void
fixed_rand(void *p, size_t n)
{
	memset(p, 0x5a, n);
}

static struct dg_acceptor *
acceptor(unsigned take, struct dg_challenges *c)
{
	const struct dg_acceptor_options o = {
		.ntlm_take = take,
		.host = DG_STR("relay.example.com"),
		.prompt_ntlm = DG_STR("NTLM supported"),
		.challenges = c,
		.rand = fixed_rand,
		.now_ms = now_ms,
	};

	return dg_acceptor_new(DG_MECH_NTLM, &o);
}

static struct dg_buf
bytes_of(const char *base64)
{
	struct dg_buf b;

	dg_buf_init(&b, 65536);
	assert_non_null(base64);
	assert_int_equal(dg_base64_read(&b, dg_str(base64)), DG_OK);
	return b;
}

/* What is stored of a password; a suffix makes it wrong. */
static struct dg_credential
credential(const char *password, const char *suffix)
{
	char *text = dg_sprintf("%s%s", password, suffix);
	struct dg_str s = dg_str(text);
	struct dg_credential c = { .has_nt = false };

	if (s.n == 0) { /* passwd refuses it; two vectors have it */
		c.has_nt = true;
		unhex("31d6cfe0d16ae931b73c59d7e0c089c0", c.nt, 16);
	} else if (dg_credential_make(s, true, &c, NULL) != DG_OK) {
		assert_int_equal(dg_credential_make(s, false, &c, NULL), DG_OK);
	}
	free(text);
	return c;
}

/* One answer (type 3) to a known challenge. */
struct trial {
	const char *type1, *type2;
	unsigned take;
	const struct dg_credential *known;
};

static enum dg_auth_step
try_bytes(const struct trial *t, struct dg_str type3,
    enum dg_ntlm_reason *reason, char strength[16])
{
	struct dg_acceptor *a = acceptor(t->take, NULL);
	struct dg_buf one = bytes_of(t->type1), two = bytes_of(t->type2);
	struct dg_buf line, out;
	struct dg_err e = { 0 };
	enum dg_auth_step step;

	dg_buf_init(&line, 65536);
	dg_buf_init(&out, 65536);
	assert_int_equal(dg_ntlm_acceptor_resume(a, dg_buf_str(&one),
			     dg_buf_str(&two)),
	    DG_NTLM_R_ok);
	assert_int_equal(dg_base64_add(&line, type3), DG_OK);
	step = dg_acceptor_step(a, dg_buf_str(&line), &out, &e);
	if (step == DG_AUTH_ASK)
		step = dg_acceptor_answer(a, t->known, NULL, &out, &e);
	if (step == DG_AUTH_FAIL) { /* one answer for all */
		assert_int_equal(e.code, 535);
		assert_string_equal(e.text, "authentication failed");
	}
	*reason = dg_ntlm_acceptor_reason(a);
	snprintf(strength, 16, "%s", dg_acceptor_strength(a));
	for (struct dg_str log = dg_acceptor_log(a); log.n > 0; log.n--)
		assert_true((unsigned char)log.p[log.n - 1] >= ' ');
	dg_acceptor_free(a);
	dg_buf_fini(&one);
	dg_buf_fini(&two);
	dg_buf_fini(&line);
	dg_buf_fini(&out);
	return step;
}

static enum dg_auth_step
try(const struct trial *t, const char *type3, enum dg_ntlm_reason *reason,
    char strength[16])
{
	struct dg_buf three = bytes_of(type3);
	enum dg_auth_step step =
	    try_bytes(t, dg_buf_str(&three), reason, strength);

	dg_buf_fini(&three);
	return step;
}

static const char *
strength_of(const char *scheme)
{
	static const char *const names[][2] = { { "lm", "LM" },
		{ "ntlmv1", "NTLMv1" }, { "ntlm2_session", "NTLM2" },
		{ "lmv2", "LMv2" }, { "ntlmv2", "NTLMv2" } };

	for (size_t i = 0; i < N(names); i++)
		if (strcmp(scheme, names[i][0]) == 0)
			return names[i][1];
	fail_msg("no scheme %s", scheme);
	return NULL;
}

/* ---- the vectors ---- */

static void
expect_in_and_out(const char *id, const struct trial *base, const char *type3,
    const char *password, const char *scheme)
{
	struct dg_credential right = credential(password, "");
	struct dg_credential wrong = credential(password, "x");
	struct trial t = *base;
	enum dg_ntlm_reason r;
	char strength[16];

	print_message("  %s\n", id);
	t.known = &right;
	assert_int_equal(try(&t, type3, &r, strength), DG_AUTH_OK);
	assert_string_equal(strength, strength_of(scheme));
	t.known = &wrong;
	assert_int_equal(try(&t, type3, &r, strength), DG_AUTH_FAIL);
	assert_int_equal(r, DG_NTLM_R_bad_credentials);
	t.known = NULL; /* no such account */
	assert_int_equal(try(&t, type3, &r, strength), DG_AUTH_FAIL);
	assert_int_equal(r, DG_NTLM_R_bad_credentials);
}

static struct trial
trial_of(const struct json *exchange)
{
	const struct json *want = json_get(exchange, "expect");

	return (struct trial){
		.type1 = json_text(want, "negotiate_message"),
		.type2 = json_text(want, "challenge_message"),
		.take = ALL_LEVELS,
	};
}

static void
exchanges_are_accepted_with_the_password_only(void **state)
{
	size_t n = 0;

	(void)state;
	for (const struct json *j = json_get(vectors, "exchanges")->child;
	     j != NULL; j = j->next) {
		struct trial t = trial_of(j);
		const char *scheme =
		    json_text(json_get(j, "verdict"), "scheme");

		if (scheme == NULL)
			continue; /* anonymous: below */
		expect_in_and_out(json_text(j, "id"), &t,
		    json_text(json_get(j, "expect"), "authenticate_message"),
		    json_text(json_get(j, "inputs"), "password"), scheme);
		n++;
	}
	assert_true(n > 60);
}

static void
recorded_clients_get_in_with_the_password_only(void **state)
{
	size_t n = 0;

	(void)state;
	for (const struct json *j = json_get(vectors, "decode")->child;
	     j != NULL; j = j->next) {
		const struct json *m = json_get(j, "messages");
		struct trial t = {
			.type1 = json_text(json_at(m, 0), "message"),
			.type2 = json_text(json_at(m, 1), "message"),
			.take = ALL_LEVELS,
		};

		if (json_get(j, "password") == NULL)
			continue;
		expect_in_and_out(json_text(j, "id"), &t,
		    json_text(json_at(m, 2), "message"),
		    json_text(j, "password"),
		    json_text(json_get(j, "verdict"), "scheme"));
		n++;
	}
	assert_true(n > 10);
}

static const struct json *
exchange(const char *id)
{
	for (const struct json *j = json_get(vectors, "exchanges")->child;
	     j != NULL; j = j->next)
		if (strcmp(json_text(j, "id"), id) == 0)
			return j;
	fail_msg("no exchange %s", id);
	return NULL;
}

static bool
is_allowed(const struct json *bad, enum dg_ntlm_reason r)
{
	const struct json *also = json_get(bad, "also_allowed");
	const char *name = dg_ntlm_reason_name(r);

	if (strcmp(json_text(bad, "reason"), name) == 0)
		return true;
	for (const struct json *a = also->child; a != NULL; a = a->next)
		if (strcmp(a->text, name) == 0)
			return true;
	return false;
}

static void
malformed_answers_are_refused_with_their_reason(void **state)
{
	(void)state;
	for (const struct json *j = json_get(vectors, "malformed")->child;
	     j != NULL; j = j->next) {
		const struct json *e = exchange(json_text(j, "context"));
		struct trial t = trial_of(e);
		struct dg_credential c =
		    credential(json_text(json_get(e, "inputs"), "password"),
			"");
		enum dg_ntlm_reason r;
		char strength[16];

		if (strcmp(json_text(j, "role"), "acceptor") != 0)
			continue;
		print_message("  %s\n", json_text(j, "why"));
		t.known = &c;
		assert_int_equal(try(&t, json_text(j, "message"), &r, strength),
		    DG_AUTH_FAIL);
		if (!is_allowed(j, r))
			fail_msg("refused with %s", dg_ntlm_reason_name(r));
	}
}

static void
anonymous_logins_are_refused(void **state)
{
	const struct json *e = exchange("anonymous-01");
	struct dg_credential c = credential("", "");
	struct trial t = trial_of(e);
	enum dg_ntlm_reason r;
	char strength[16];

	(void)state;
	t.known = &c;
	assert_int_equal(
	    try(&t, json_text(json_get(e, "expect"), "authenticate_message"),
		&r, strength),
	    DG_AUTH_FAIL);
	assert_int_equal(r, DG_NTLM_R_anonymous);
}

/* ---- nothing of a response may change ---- */

/* Flip every bit of a part of the type 3 and see it refused. */
static void
flip_all(const struct trial *t, struct dg_buf *three, struct dg_str part)
{
	enum dg_ntlm_reason r;
	char strength[16];
	size_t from = (size_t)(part.p - three->p);

	for (size_t bit = 0; bit < 8 * part.n; bit++) {
		char *at = three->p + from + bit / 8;
		char was = *at;

		*at = (char)(was ^ 1 << bit % 8);
		if (try_bytes(t, dg_buf_str(three), &r, strength) !=
		    DG_AUTH_FAIL)
			fail_msg("bit %zu does not matter", bit);
		*at = was;
	}
}

/* The NT response, where there is one, and what of LM decides. */
static void
every_changed_bit_of_a_response_is_refused(void **state)
{
	static const struct {
		const char *id;
		size_t lm_bytes; /* that matter */
	} cases[] = {
		{ "lm-only-02", 24 },
		{ "ntlmv1-01", 0 },
		{ "ntlmv1-oem-52-01", 0 },
		{ "ntlm2-session-01", 8 },
		{ "lmv2-only-01", 24 },
		{ "ntlmv2-01", 0 },
		{ "ntlmv2-mic-01", 0 },
		{ "ntlmv2-no-target-info-01", 0 },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		const struct json *e = exchange(cases[i].id);
		struct dg_buf three = bytes_of(
		    json_text(json_get(e, "expect"), "authenticate_message"));
		struct dg_credential c =
		    credential(json_text(json_get(e, "inputs"), "password"),
			"");
		struct dg_ntlm_authenticate m;
		struct trial t = trial_of(e);

		print_message("  %s\n", cases[i].id);
		t.known = &c;
		assert_int_equal(dg_ntlm_authenticate_parse(dg_buf_str(&three),
				     &m),
		    DG_NTLM_R_ok);
		flip_all(&t, &three, m.nt.bytes);
		flip_all(&t, &three,
		    dg_str_sub(m.lm.bytes, 0, cases[i].lm_bytes));
		if (m.has_mic)
			flip_all(&t, &three,
			    dg_str_of(three.p + m.mic_offset, 16));
		dg_buf_fini(&three);
	}
}

/* With a MIC, nothing at all may change: also flags, names, LM. */
static void
with_a_mic_every_changed_byte_is_refused(void **state)
{
	const struct json *e = exchange("ntlmv2-mic-01");
	struct dg_buf three =
	    bytes_of(json_text(json_get(e, "expect"), "authenticate_message"));
	struct dg_credential c =
	    credential(json_text(json_get(e, "inputs"), "password"), "");
	struct trial t = trial_of(e);
	enum dg_ntlm_reason r;
	char strength[16];

	(void)state;
	t.known = &c;
	for (size_t i = 0; i < three.n; i++) {
		three.p[i] ^= 1;
		if (try_bytes(&t, dg_buf_str(&three), &r, strength) !=
		    DG_AUTH_FAIL)
			fail_msg("byte %zu does not matter", i);
		three.p[i] ^= 1;
	}
	dg_buf_fini(&three);
}

/* CVE-2019-1040: MIC, version and flags are stripped on the way. */
static void
a_mic_cannot_be_dropped(void **state)
{
	const struct json *e = exchange("ntlmv2-mic-01");
	struct dg_buf three =
	    bytes_of(json_text(json_get(e, "expect"), "authenticate_message"));
	struct dg_credential c =
	    credential(json_text(json_get(e, "inputs"), "password"), "");
	struct trial t = trial_of(e);
	struct dg_ntlm_authenticate m;
	struct dg_buf stripped;
	enum dg_ntlm_reason r;
	char strength[16];

	(void)state;
	t.known = &c;
	assert_int_equal(dg_ntlm_authenticate_parse(dg_buf_str(&three), &m),
	    DG_NTLM_R_ok);
	m.header = 64;
	m.flags &= ~(uint32_t)(DG_NTLM_VERSION | DG_NTLM_SIGN | DG_NTLM_SEAL |
			       DG_NTLM_KEY_EXCH | DG_NTLM_ALWAYS_SIGN);
	m.key.bytes = DG_STR("");
	dg_buf_init(&stripped, 8192);
	assert_int_equal(dg_ntlm_authenticate_add(&stripped, &m, false), DG_OK);
	assert_int_equal(try_bytes(&t, dg_buf_str(&stripped), &r, strength),
	    DG_AUTH_FAIL);
	assert_int_equal(r, DG_NTLM_R_mic_mismatch);
	dg_buf_fini(&stripped);
	dg_buf_fini(&three);
}

/* ---- levels ---- */

static void
only_the_levels_that_are_listed_are_taken(void **state)
{
	static const struct {
		const char *id;
		unsigned level;
	} cases[] = {
		{ "ntlmv2-01", DG_NTLM_LEVEL_V2 },
		{ "davenport-ntlmv2", DG_NTLM_LEVEL_V2 }, /* no EXTENDED */
		{ "ntlm2-session-01", DG_NTLM_LEVEL_NTLM2 },
		{ "ntlmv1-01", DG_NTLM_LEVEL_V1 },
		{ "lm-only-02", DG_NTLM_LEVEL_LM },
		{ "lmv2-only-01", DG_NTLM_LEVEL_V2 },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		const struct json *e = exchange(cases[i].id);
		const char *three =
		    json_text(json_get(e, "expect"), "authenticate_message");
		struct dg_credential c =
		    credential(json_text(json_get(e, "inputs"), "password"),
			"");
		struct trial t = trial_of(e);
		enum dg_ntlm_reason r;
		char strength[16];

		print_message("  %s\n", cases[i].id);
		t.known = &c;
		for (unsigned take = 0; take <= ALL_LEVELS; take++) {
			bool is_listed = (take & cases[i].level) != 0;

			t.take = take;
			assert_int_equal(try(&t, three, &r, strength),
			    is_listed ? DG_AUTH_OK : DG_AUTH_FAIL);
			/* LM alone may be LMv2: the proof tells */
			if (!is_listed && i < 4)
				assert_int_equal(r, DG_NTLM_R_level);
		}
	}
}

static void
lm_alone_needs_a_stored_hash_and_the_log_says_so(void **state)
{
	const struct json *e = exchange("lm-only-02");
	struct dg_credential c =
	    credential(json_text(json_get(e, "inputs"), "password"), "");
	struct trial t = trial_of(e);
	struct dg_acceptor *a = acceptor(ALL_LEVELS, NULL);
	struct dg_buf one = bytes_of(t.type1), two = bytes_of(t.type2), out;

	(void)state;
	c.has_lm = false;
	dg_buf_init(&out, 8192);
	assert_int_equal(dg_ntlm_acceptor_resume(a, dg_buf_str(&one),
			     dg_buf_str(&two)),
	    DG_NTLM_R_ok);
	assert_int_equal(dg_acceptor_step(a,
			     dg_str(json_text(json_get(e, "expect"),
				 "authenticate_message")),
			     &out, NULL),
	    DG_AUTH_ASK);
	assert_int_equal(dg_acceptor_answer(a, &c, NULL, &out, NULL),
	    DG_AUTH_FAIL);
	(void)dg_buf_add(&out, dg_acceptor_log(a));
	assert_non_null(strstr(dg_buf_z(&out), "{lm}"));
	dg_acceptor_free(a);
	dg_buf_fini(&one);
	dg_buf_fini(&two);
	dg_buf_fini(&out);
}

/* nodemailer sends these flags over any response: what was agreed counts. */
static void
flags_of_the_answer_decide_nothing(void **state)
{
	const struct json *e = exchange("ntlmv1-01");
	struct dg_buf three =
	    bytes_of(json_text(json_get(e, "expect"), "authenticate_message"));
	static const uint32_t flags[] = { 0xa2888205, 0, 0x00000001 };
	struct dg_credential c =
	    credential(json_text(json_get(e, "inputs"), "password"), "");
	struct trial t = trial_of(e);
	enum dg_ntlm_reason r;
	char strength[16];

	(void)state;
	t.known = &c;
	for (size_t i = 0; i < N(flags); i++) {
		for (int k = 0; k < 4; k++)
			three.p[60 + k] = (char)(flags[i] >> 8 * k & 0xff);
		assert_int_equal(try_bytes(&t, dg_buf_str(&three), &r,
				     strength),
		    DG_AUTH_OK);
		assert_string_equal(strength, "NTLMv1");
	}
	dg_buf_fini(&three);
}

/* ---- our challenge ---- */

static struct dg_buf
type1_line(uint32_t flags)
{
	struct dg_ntlm_negotiate m = { .flags = flags, .header = 32 };
	struct dg_buf bytes, line;

	dg_buf_init(&bytes, 8192);
	dg_buf_init(&line, 8192);
	assert_int_equal(dg_ntlm_negotiate_add(&bytes, &m, false), DG_OK);
	assert_int_equal(dg_base64_add(&line, dg_buf_str(&bytes)), DG_OK);
	dg_buf_fini(&bytes);
	return line;
}

static void
a_challenge_offers_what_was_asked_for_and_we_take(void **state)
{
	static const struct {
		const char *why;
		uint32_t asked;
		unsigned take;
		uint32_t flags;
		size_t header;
		bool has_info;
	} cases[] = {
		{ "curl, v2 taken", 0x00088206, DG_NTLM_LEVEL_V2, 0x008a8206,
		    48, true },
		{ "curl, v1 only: no EXTENDED, or it would answer v2",
		    0x00088206, DG_NTLM_LEVEL_V1, 0x00028206, 48, false },
		{ "nodemailer, ntlm2: EXTENDED and no target info", 0xa208b207,
		    DG_NTLM_LEVEL_NTLM2, 0xa20a8205, 56, false },
		{ "swaks: no EXTENDED to be had", 0x0000a207,
		    DG_NTLM_LEVEL_V2 | DG_NTLM_LEVEL_V1, 0x00828205, 48, true },
		{ "Windows: what it insists on is echoed, LM_KEY is not",
		    0xe20882b7, DG_NTLM_LEVEL_V2, 0xe28a8235, 56, true },
		{ "no REQUEST_TARGET: no name", 0x00000202, DG_NTLM_LEVEL_V1,
		    0x00000202, 48, false },
		{ "no flags at all: OEM", 0, DG_NTLM_LEVEL_V1, 0x00000202, 48,
		    false },
		{ "reserved bits and LOCAL_CALL are not answered", 0x1c204f07,
		    DG_NTLM_LEVEL_V1, 0x00020205, 48, false },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct dg_acceptor *a = acceptor(cases[i].take, NULL);
		struct dg_buf line = type1_line(cases[i].asked), out, two;
		struct dg_ntlm_challenge m;

		print_message("  %s\n", cases[i].why);
		dg_buf_init(&out, 8192);
		assert_int_equal(dg_acceptor_step(a, dg_buf_str(&line), &out,
				     NULL),
		    DG_AUTH_SEND);
		two = bytes_of(dg_buf_z(&out));
		assert_int_equal(dg_ntlm_challenge_parse(dg_buf_str(&two), &m),
		    DG_NTLM_R_ok);
		assert_int_equal(m.flags, cases[i].flags);
		assert_int_equal(m.header, cases[i].header);
		assert_int_equal(m.info.bytes.n > 0, cases[i].has_info);
		dg_acceptor_free(a);
		dg_buf_fini(&line);
		dg_buf_fini(&two);
		dg_buf_fini(&out);
	}
}

static void
expect_pair(struct dg_str list, uint16_t id, const char *want)
{
	struct dg_buf text;
	struct dg_str v;

	dg_buf_init(&text, 1000);
	if (want == NULL) {
		assert_false(dg_ntlm_av_find(list, id, &v));
	} else {
		assert_true(dg_ntlm_av_find(list, id, &v));
		assert_int_equal(dg_utf16_read(&text, v), DG_OK);
		assert_string_equal(dg_buf_z(&text), want);
	}
	dg_buf_fini(&text);
}

static void
target_info_names_us(void **state)
{
	static const struct {
		const char *why, *host, *domain;
		const char *nb_domain, *nb_computer, *dns, *dns_domain;
		const char *target;
	} cases[] = {
		{ "a host's name", "relay.example.com", "", "RELAY", "RELAY",
		    "relay.example.com", "example.com", "RELAY" },
		{ "with a domain", "relay.example.com", "CORP", "CORP", "RELAY",
		    "relay.example.com", "example.com", "CORP" },
		{ "a long label", "mail-relay-number-one.example", "",
		    "MAIL-RELAY-NUMB", "MAIL-RELAY-NUMB",
		    "mail-relay-number-one.example", "example",
		    "MAIL-RELAY-NUMB" },
		{ "no dot", "relay", "", "RELAY", "RELAY", "relay", NULL,
		    "RELAY" },
		{ "an address", "[127.0.0.1]", "", "RELAY", "RELAY", NULL, NULL,
		    "RELAY" },
		{ "nothing", "", "", "RELAY", "RELAY", NULL, NULL, "RELAY" },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		const struct dg_acceptor_options o = {
			.ntlm_take = DG_NTLM_LEVEL_V2,
			.host = dg_str(cases[i].host),
			.domain = dg_str(cases[i].domain),
			.now_ms = now_ms,
		};
		struct dg_acceptor *a = dg_acceptor_new(DG_MECH_NTLM, &o);
		struct dg_buf line = type1_line(0xa2088207), out, two, text;
		struct dg_ntlm_challenge m;
		struct dg_str list, v;

		print_message("  %s\n", cases[i].why);
		dg_buf_init(&out, 8192);
		dg_buf_init(&text, 1000);
		assert_int_equal(dg_acceptor_step(a, dg_buf_str(&line), &out,
				     NULL),
		    DG_AUTH_SEND);
		two = bytes_of(dg_buf_z(&out));
		assert_int_equal(dg_ntlm_challenge_parse(dg_buf_str(&two), &m),
		    DG_NTLM_R_ok);
		list = m.info.bytes;
		expect_pair(list, DG_AV_NB_DOMAIN, cases[i].nb_domain);
		expect_pair(list, DG_AV_NB_COMPUTER, cases[i].nb_computer);
		expect_pair(list, DG_AV_DNS_COMPUTER, cases[i].dns);
		expect_pair(list, DG_AV_DNS_DOMAIN, cases[i].dns_domain);
		assert_false(dg_ntlm_av_find(list, DG_AV_FLAGS, &v));
		assert_true(dg_ntlm_av_find(list, DG_AV_TIMESTAMP, &v));
		assert_true(dg_ntlm_time_ms(v) == now);
		assert_int_equal(dg_utf16_read(&text, m.target.bytes), DG_OK);
		assert_string_equal(dg_buf_z(&text), cases[i].target);
		dg_acceptor_free(a);
		dg_buf_fini(&line);
		dg_buf_fini(&two);
		dg_buf_fini(&out);
		dg_buf_fini(&text);
	}
}

/* ---- the dialogue ---- */

static void
a_challenge_is_open_until_its_answer_and_once(void **state)
{
	static const uint8_t ours[8] = { 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a,
		0x5a, 0x5a };
	struct dg_challenges *c = dg_challenges_new();
	struct dg_acceptor *a = acceptor(ALL_LEVELS, c);
	struct dg_buf line = type1_line(0x00088206), out;

	(void)state;
	dg_buf_init(&out, 8192);
	assert_int_equal(dg_acceptor_step(a, dg_buf_str(&line), &out, NULL),
	    DG_AUTH_SEND);
	assert_true(dg_challenges_has(c, ours));
	assert_int_equal(dg_acceptor_step(a, dg_buf_str(&line), &out, NULL),
	    DG_AUTH_FAIL); /* type 1 again */
	assert_false(dg_challenges_has(c, ours));
	assert_int_equal(dg_acceptor_step(a, dg_buf_str(&line), &out, NULL),
	    DG_AUTH_FAIL); /* over */
	assert_int_equal(dg_acceptor_answer(a, NULL, NULL, &out, NULL),
	    DG_AUTH_FAIL);
	dg_acceptor_free(a);
	a = acceptor(ALL_LEVELS, c);
	assert_int_equal(dg_acceptor_step(a, dg_buf_str(&line), &out, NULL),
	    DG_AUTH_SEND);
	assert_true(dg_challenges_has(c, ours));
	dg_acceptor_free(a); /* the client went away */
	assert_false(dg_challenges_has(c, ours));
	dg_challenges_free(c);
	dg_buf_fini(&line);
	dg_buf_fini(&out);
}

static void
a_challenge_lives_for_a_minute(void **state)
{
	static const struct {
		int64_t after_ms;
		enum dg_auth_step step;
	} cases[] = { { 60000, DG_AUTH_ASK }, { 60001, DG_AUTH_FAIL } };
	const struct json *e = exchange("ntlmv2-01");
	struct trial t = trial_of(e);
	struct dg_buf one = bytes_of(t.type1), two = bytes_of(t.type2), out;
	struct dg_str three =
	    dg_str(json_text(json_get(e, "expect"), "authenticate_message"));

	(void)state;
	dg_buf_init(&out, 8192);
	for (size_t i = 0; i < N(cases); i++) {
		struct dg_acceptor *a = acceptor(ALL_LEVELS, NULL);

		assert_int_equal(dg_ntlm_acceptor_resume(a, dg_buf_str(&one),
				     dg_buf_str(&two)),
		    DG_NTLM_R_ok);
		now += cases[i].after_ms;
		assert_int_equal(dg_acceptor_step(a, three, &out, NULL),
		    cases[i].step);
		now -= cases[i].after_ms;
		if (cases[i].step == DG_AUTH_FAIL)
			assert_int_equal(dg_ntlm_acceptor_reason(a),
			    DG_NTLM_R_expired);
		dg_acceptor_free(a);
	}
	dg_buf_fini(&one);
	dg_buf_fini(&two);
	dg_buf_fini(&out);
}

static void
a_bare_verb_gets_the_prompt_and_junk_is_refused(void **state)
{
	static const struct {
		const char *why, *line;
		enum dg_auth_step step;
	} cases[] = {
		{ "an empty token", "", DG_AUTH_FAIL },
		{ "no NTLM message", "aGVsbG8=", DG_AUTH_FAIL },
		{ "not base64", "TlRMTVNTUAAB!AAA", DG_AUTH_SYNTAX },
		{ "cancelled", "*", DG_AUTH_CANCELLED },
		{ "type 3 first",
		    "TlRMTVNTUAADAAAAGAAYAFgAAAAYABgAcAAAAA==", DG_AUTH_FAIL },
		{ "DATAGRAM", "TlRMTVNTUAABAAAAR4IAAA==", DG_AUTH_FAIL },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct dg_acceptor *a = acceptor(ALL_LEVELS, NULL);
		struct dg_err e = { 0 };
		struct dg_buf out;

		print_message("  %s\n", cases[i].why);
		dg_buf_init(&out, 8192);
		assert_int_equal(dg_acceptor_step(a, DG_NOSTR, &out, &e),
		    DG_AUTH_SEND);
		assert_string_equal(dg_buf_z(&out), "NTLM supported");
		assert_int_equal(dg_acceptor_step(a, dg_str(cases[i].line),
				     &out, &e),
		    cases[i].step);
		assert_int_equal(out.n, 0);
		dg_acceptor_free(a);
		dg_buf_fini(&out);
	}
}

/* CVE-2005-0022 and others: long lines, in every place of the dialogue. */
static void
long_lines_are_refused_softly(void **state)
{
	static const size_t lengths[] = { 2000, 4000, 12000, 12288, 16380,
		20000, 100000 };

	(void)state;
	for (size_t i = 0; i < N(lengths); i++) {
		struct dg_buf line = type1_line(0x00088206), junk, out;
		struct dg_acceptor *a = acceptor(ALL_LEVELS, NULL);

		dg_buf_init(&out, 8192);
		dg_buf_init(&junk, 200000);
		while (junk.n < lengths[i])
			(void)dg_buf_adds(&junk, "TlRM");
		assert_int_not_equal(dg_acceptor_step(a, dg_buf_str(&junk),
					 &out, NULL),
		    DG_AUTH_SEND);
		dg_acceptor_free(a);
		a = acceptor(ALL_LEVELS, NULL);
		assert_int_equal(dg_acceptor_step(a, dg_buf_str(&line), &out,
				     NULL),
		    DG_AUTH_SEND);
		assert_int_not_equal(dg_acceptor_step(a, dg_buf_str(&junk),
					 &out, NULL),
		    DG_AUTH_ASK);
		dg_acceptor_free(a);
		dg_buf_fini(&line);
		dg_buf_fini(&junk);
		dg_buf_fini(&out);
	}
}

/* ---- names ---- */

static void
the_identity_is_what_was_sent_and_the_account_is_without_domain(void **state)
{
	static const struct {
		const char *why;
		struct dg_str user, domain;
		uint32_t charset;
		enum dg_ntlm_reason r;
		const char *utf8, *account;
	} cases[] = {
		{ "plain", DG_STR("alice"), DG_STR("CORP"), DG_NTLM_OEM,
		    DG_NTLM_R_ok, "alice", "alice" },
		{ "DOM\\user beside a domain (CVE-2023-25567)",
		    DG_STR("X\\alice"), DG_STR("CORP"), DG_NTLM_OEM,
		    DG_NTLM_R_ok, "X\\alice", "alice" },
		{ "user@domain", DG_STR("alice@corp.example"), DG_STR(""),
		    DG_NTLM_OEM, DG_NTLM_R_ok, "alice@corp.example", "alice" },
		{ "code page 850", DG_STR("jos\x82"), DG_STR("CORP"),
		    DG_NTLM_OEM, DG_NTLM_R_ok, "jos\xc3\xa9", "jos\xc3\xa9" },
		{ "UTF-16", DG_STR("j\0\xe9\0"), DG_STR("C\0"), DG_NTLM_UNICODE,
		    DG_NTLM_R_ok, "j\xc3\xa9", "j\xc3\xa9" },
		{ "a zero byte", DG_STR("al\0ice"), DG_STR(""), DG_NTLM_OEM,
		    DG_NTLM_R_odd_length, "", "" },
		{ "U+0000", DG_STR("a\0\0\0"), DG_STR(""), DG_NTLM_UNICODE,
		    DG_NTLM_R_odd_length, "", "" },
		{ "a lone surrogate (CVE-2023-25564)",
		    DG_STR("\0\xd8"
			   "a\0"),
		    DG_STR(""), DG_NTLM_UNICODE, DG_NTLM_R_odd_length, "", "" },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct dg_ntlm_authenticate m = {
			.flags = cases[i].charset | DG_NTLM_NTLM,
			.header = 64,
			.user.bytes = cases[i].user,
			.domain.bytes = cases[i].domain,
			.nt.bytes = DG_STR("123456789012345678901234"),
		};
		struct dg_buf line =
				  type1_line(cases[i].charset | DG_NTLM_NTLM),
			      out, bytes;
		struct dg_acceptor *a = acceptor(ALL_LEVELS, NULL);
		bool is_fine = cases[i].r == DG_NTLM_R_ok;

		print_message("  %s\n", cases[i].why);
		dg_buf_init(&out, 8192);
		dg_buf_init(&bytes, 8192);
		assert_int_equal(dg_acceptor_step(a, dg_buf_str(&line), &out,
				     NULL),
		    DG_AUTH_SEND);
		assert_int_equal(dg_ntlm_authenticate_add(&bytes, &m, false),
		    DG_OK);
		dg_buf_reset(&line);
		assert_int_equal(dg_base64_add(&line, dg_buf_str(&bytes)),
		    DG_OK);
		assert_int_equal(dg_acceptor_step(a, dg_buf_str(&line), &out,
				     NULL),
		    is_fine ? DG_AUTH_ASK : DG_AUTH_FAIL);
		assert_int_equal(dg_ntlm_acceptor_reason(a), cases[i].r);
		if (is_fine) {
			const struct dg_identity *id = dg_acceptor_identity(a);

			assert_true(dg_str_is(id->user, cases[i].utf8));
			assert_true(dg_str_is(id->account, cases[i].account));
		}
		dg_acceptor_free(a);
		dg_buf_fini(&line);
		dg_buf_fini(&out);
		dg_buf_fini(&bytes);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exchanges_are_accepted_with_the_password_only),
		cmocka_unit_test(
		    recorded_clients_get_in_with_the_password_only),
		cmocka_unit_test(
		    malformed_answers_are_refused_with_their_reason),
		cmocka_unit_test(anonymous_logins_are_refused),
		cmocka_unit_test(every_changed_bit_of_a_response_is_refused),
		cmocka_unit_test(with_a_mic_every_changed_byte_is_refused),
		cmocka_unit_test(a_mic_cannot_be_dropped),
		cmocka_unit_test(only_the_levels_that_are_listed_are_taken),
		cmocka_unit_test(
		    lm_alone_needs_a_stored_hash_and_the_log_says_so),
		cmocka_unit_test(flags_of_the_answer_decide_nothing),
		cmocka_unit_test(
		    a_challenge_offers_what_was_asked_for_and_we_take),
		cmocka_unit_test(target_info_names_us),
		cmocka_unit_test(a_challenge_is_open_until_its_answer_and_once),
		cmocka_unit_test(a_challenge_lives_for_a_minute),
		cmocka_unit_test(
		    a_bare_verb_gets_the_prompt_and_junk_is_refused),
		cmocka_unit_test(long_lines_are_refused_softly),
		cmocka_unit_test(
		    the_identity_is_what_was_sent_and_the_account_is_without_domain),
	};
	int failed;

	vectors = json_load("tests/vectors/ntlm.json");
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	json_free(vectors);
	return failed;
}
