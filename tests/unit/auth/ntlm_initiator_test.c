/* ntlm_initiator_test.c - what we say to servers, good and hostile.
 *
 * That our answers are right is proved by our acceptor, which is proved by
 * published exchanges (ntlm_acceptor_test.c). */
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
#include "core/auth/ntlm_hash.h"
#include "dragoman/auth/users.h"
#include "dragoman/base/enc.h"
#include "tests/unit/support/hex.h"
#include "tests/unit/support/json.h"

#define N(a)       (sizeof(a) / sizeof((a)[0]))
#define ALL_LEVELS 15u
#define V2         DG_NTLM_LEVEL_V2
#define NTLM2      DG_NTLM_LEVEL_NTLM2
#define V1         DG_NTLM_LEVEL_V1
#define LM         DG_NTLM_LEVEL_LM
/* what our type 1 asks for with v2 or ntlm2 in the list, less charset */
#define ASKED 0xa0088204u
#define INFO  DG_NTLM_TARGET_INFO

static struct json *vectors;
static char password_text[] = "Pa$$w0rd";
static struct dg_secret password = { password_text, 8 };
static char long_text[] = "longer than 14";
static struct dg_secret long_password = { long_text, 14 };

static int64_t
now_ms(void)
{
	return INT64_C(1700000000000);
}

static struct dg_login
login(void)
{
	return (struct dg_login){
		.mech = DG_MECH_NTLM,
		.user = DG_STR("jos\xc3\xa9"),
		.domain = DG_STR("Corp"),
		.password = &password,
	};
}

static struct dg_initiator *
initiator(const struct dg_login *l, unsigned send, bool initial,
    struct dg_challenges *c)
{
	const struct dg_initiator_options o = {
		.ntlm_send = send,
		.ntlm_initial = initial,
		.workstation = DG_STR("RELAY"),
		.target = DG_STR("SMTP/mail.example.com"),
		.challenges = c,
		.now_ms = now_ms,
	};

	return dg_initiator_new(l, &o);
}

static void
decode(struct dg_buf *out, struct dg_str base64)
{
	dg_buf_init(out, 65536);
	assert_int_equal(dg_base64_read(out, base64), DG_OK);
}

/* A server's challenge: flags, target info of these bytes (NULL: none). */
static struct dg_buf
challenge(uint32_t flags, struct dg_str info)
{
	struct dg_ntlm_challenge m = {
		.flags = flags,
		.header = 48,
		.challenge = { 1, 2, 3, 4, 5, 6, 7, 8 },
		.info.bytes = info,
	};
	struct dg_buf b;

	dg_buf_init(&b, 65536);
	m.target.bytes =
	    flags & DG_NTLM_UNICODE ? DG_STR("C\0O\0") : DG_STR("CO");
	assert_int_equal(dg_ntlm_challenge_add(&b, &m, false), DG_OK);
	return b;
}

/* Pairs 2, 1 and, when `flags` are given, 7 and 6. */
static struct dg_buf
pairs(bool has_time, const char *flags)
{
	struct dg_buf b;

	dg_buf_init(&b, 4096);
	(void)dg_ntlm_av_add(&b, DG_AV_NB_DOMAIN, DG_STR("C\0O\0"));
	(void)dg_ntlm_av_add(&b, DG_AV_NB_COMPUTER, DG_STR("M\0"));
	if (has_time)
		(void)dg_ntlm_av_add(&b, DG_AV_TIMESTAMP,
		    DG_STR("\1\2\3\4"
			   "\5\6\7\1"));
	if (flags != NULL)
		(void)dg_ntlm_av_add(&b, DG_AV_FLAGS, dg_str_of(flags, 4));
	(void)dg_ntlm_av_add(&b, DG_AV_TARGET_NAME, DG_STR("X\0"));
	(void)dg_ntlm_av_add(&b, DG_AV_CHANNEL_BINDINGS,
	    DG_STR("0123456789abcdef"));
	(void)dg_ntlm_av_add(&b, DG_AV_END, DG_STR(""));
	return b;
}

/* The initiator's type 1 and its answer to this type 2, as bytes. */
struct said {
	struct dg_buf one, three;
	enum dg_auth_step step;
	char text[400]; /* of the error */
	char log[1024];
};

static void
say(const struct dg_login *l, unsigned send, struct dg_str two,
    struct dg_challenges *c, struct said *s)
{
	struct dg_initiator *i = initiator(l, send, true, c);
	struct dg_err e = { 0 };
	struct dg_buf out, line;
	bool has_initial;

	dg_buf_init(&out, 65536);
	dg_buf_init(&line, 100000);
	assert_int_equal(dg_initiator_first(i, &out, &has_initial, &e),
	    DG_AUTH_SEND);
	assert_true(has_initial);
	decode(&s->one, dg_buf_str(&out));
	assert_int_equal(dg_base64_add(&line, two), DG_OK);
	s->step = dg_initiator_step(i, dg_buf_str(&line), &out, &e);
	decode(&s->three, dg_buf_str(&out));
	snprintf(s->text, sizeof(s->text), "%s", e.text);
	snprintf(s->log, sizeof(s->log), "%.*s", DG_FMT(dg_initiator_log(i)));
	dg_initiator_free(i);
	dg_buf_fini(&out);
	dg_buf_fini(&line);
}

static void
said_fini(struct said *s)
{
	dg_buf_fini(&s->one);
	dg_buf_fini(&s->three);
}

/* Our acceptor's word on it: the strength, or "" when refused. */
static void
judge(const struct said *s, struct dg_str two, struct dg_str text,
    char strength[16])
{
	const struct dg_acceptor_options o = {
		.ntlm_take = ALL_LEVELS,
		.now_ms = now_ms,
	};
	struct dg_acceptor *a = dg_acceptor_new(DG_MECH_NTLM, &o);
	struct dg_credential c;
	struct dg_buf line, out;

	dg_buf_init(&line, 65536);
	dg_buf_init(&out, 65536);
	if (dg_credential_make(text, true, &c, NULL) != DG_OK)
		assert_int_equal(dg_credential_make(text, false, &c, NULL),
		    DG_OK);
	assert_int_equal(dg_ntlm_acceptor_resume(a, dg_buf_str(&s->one), two),
	    DG_NTLM_R_ok);
	(void)dg_base64_add(&line, dg_buf_str(&s->three));
	strength[0] = '\0';
	assert_int_equal(dg_acceptor_step(a, dg_buf_str(&line), &out, NULL),
	    DG_AUTH_ASK);
	assert_true(dg_str_is(dg_acceptor_identity(a)->user, "jos\xc3\xa9"));
	assert_true(dg_str_is(dg_acceptor_identity(a)->domain, "Corp"));
	assert_true(dg_str_is(dg_acceptor_identity(a)->workstation, "RELAY"));
	if (dg_acceptor_answer(a, &c, NULL, &out, NULL) == DG_AUTH_OK)
		snprintf(strength, 16, "%s", dg_acceptor_strength(a));
	dg_acceptor_free(a);
	dg_buf_fini(&line);
	dg_buf_fini(&out);
}

/* ---- levels ---- */

static void
the_challenge_and_the_list_decide_the_level(void **state)
{
	static const struct {
		const char *why;
		unsigned send;
		uint32_t flags;   /* of the challenge, less charset */
		const char *want; /* NULL: nothing is sent */
	} cases[] = {
		{ "v2, target info", V2, ASKED | INFO, "NTLMv2" },
		{ "all, target info", ALL_LEVELS, ASKED | INFO, "NTLMv2" },
		{ "all, only EXTENDED", ALL_LEVELS, ASKED, "NTLM2" },
		{ "all, neither (Exim)", ALL_LEVELS, 0x8200, "NTLMv1" },
		{ "v2 and v1, neither", V2 | V1, 0x8200, "NTLMv1" },
		{ "v2 alone, no target info (Cyrus SASL)", V2, 0x8200,
		    "NTLMv2" },
		{ "v2 alone, only EXTENDED", V2, ASKED, "NTLMv2" },
		{ "v2 and v1, EXTENDED and no target info", V2 | V1, ASKED,
		    "NTLMv2" },
		{ "target info without EXTENDED", V2, 0x8200 | INFO, "NTLMv2" },
		{ "ntlm2 alone", NTLM2, ASKED, "NTLM2" },
		{ "ntlm2 alone, target info too", NTLM2, ASKED | INFO,
		    "NTLM2" },
		{ "ntlm2 alone, stripped of EXTENDED", NTLM2, 0x8200, NULL },
		{ "v1 alone", V1, 0x8200, "NTLMv1" },
		{ "v1 alone, target info", V1, 0x8200 | INFO, "NTLMv1" },
		{ "v1 alone, EXTENDED that we did not ask for", V1, ASKED,
		    "NTLMv1" },
		{ "lm alone", LM, 0x8200, "LM" },
		{ "nothing", 0, ASKED | INFO, NULL },
	};

	(void)state;
	for (size_t i = 0; i < 2 * N(cases); i++) {
		uint32_t flags = cases[i / 2].flags |
				 (i % 2 ? DG_NTLM_OEM : DG_NTLM_UNICODE);
		struct dg_login l = login();
		struct dg_buf info = pairs(false, NULL), two;
		struct said s;
		char strength[16];

		if (i % 2 == 0)
			print_message("  %s\n", cases[i / 2].why);
		two = challenge(flags,
		    flags & INFO ? dg_buf_str(&info) : DG_STR(""));
		say(&l, cases[i / 2].send, dg_buf_str(&two), NULL, &s);
		assert_int_equal(s.step,
		    cases[i / 2].want != NULL ? DG_AUTH_OK : DG_AUTH_FAIL);
		if (cases[i / 2].want != NULL) {
			/* what was agreed is what both had */
			struct dg_ntlm_challenge m;

			assert_int_equal(
			    dg_ntlm_challenge_parse(dg_buf_str(&two), &m),
			    DG_NTLM_R_ok);
			if (cases[i / 2].send == V1) {
				dg_buf_fini(&two);
				two =
				    challenge(flags &
						  ~(uint32_t)(DG_NTLM_EXTENDED),
					m.info.bytes.n > 0 ? dg_buf_str(&info)
							   : DG_STR(""));
			}
			judge(&s, dg_buf_str(&two), DG_STR("Pa$$w0rd"),
			    strength);
			assert_string_equal(strength, cases[i / 2].want);
			judge(&s, dg_buf_str(&two), DG_STR("Pa$$w0rdx"),
			    strength);
			assert_string_equal(strength, "");
		} else {
			assert_int_equal(s.three.n, 0);
		}
		said_fini(&s);
		dg_buf_fini(&info);
		dg_buf_fini(&two);
	}
}

static void
a_hash_is_as_good_as_the_password(void **state)
{
	struct dg_buf info = pairs(true, NULL);
	struct dg_buf two =
	    challenge(ASKED | INFO | DG_NTLM_UNICODE, dg_buf_str(&info));
	struct dg_login l = login();
	struct said s;
	char strength[16];

	(void)state;
	l.password = NULL;
	l.has_nt = true;
	assert_int_equal(dg_ntlm_nt_hash(DG_STR("Pa$$w0rd"), l.nt), DG_OK);
	say(&l, V2, dg_buf_str(&two), NULL, &s);
	assert_int_equal(s.step, DG_AUTH_OK);
	judge(&s, dg_buf_str(&two), DG_STR("Pa$$w0rd"), strength);
	assert_string_equal(strength, "NTLMv2");
	said_fini(&s);
	l.has_nt = false; /* nothing at all */
	say(&l, V2, dg_buf_str(&two), NULL, &s);
	assert_int_equal(s.step, DG_AUTH_FAIL);
	said_fini(&s);
	dg_buf_fini(&info);
	dg_buf_fini(&two);
}

/* ---- LM ---- */

static void
lm_goes_only_where_listed_and_never_for_long_passwords(void **state)
{
	static char fifteen[] = "123456789012345";
	static struct dg_secret too_long = { fifteen, 15 };
	static const struct {
		const char *why;
		unsigned send;
		const struct dg_secret *password;
		bool is_copy; /* of the NT response */
	} cases[] = {
		{ "not listed", V1, &password, true },
		{ "listed", V1 | LM, &password, false },
		{ "listed, 14 characters", V1 | LM, &long_password, false },
		{ "listed, 15 characters", V1 | LM, &too_long, true },
	};
	struct dg_buf two = challenge(0x8200 | DG_NTLM_UNICODE, DG_STR(""));

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct dg_ntlm_authenticate m;
		struct dg_login l = login();
		struct said s;

		print_message("  %s\n", cases[i].why);
		l.password = cases[i].password;
		say(&l, cases[i].send, dg_buf_str(&two), NULL, &s);
		assert_int_equal(s.step, DG_AUTH_OK);
		assert_int_equal(
		    dg_ntlm_authenticate_parse(dg_buf_str(&s.three), &m),
		    DG_NTLM_R_ok);
		assert_int_equal(dg_str_eq(m.lm.bytes, m.nt.bytes),
		    cases[i].is_copy);
		said_fini(&s);
		if (cases[i].password != &too_long)
			continue;
		say(&l, LM, dg_buf_str(&two), NULL, &s);
		assert_int_equal(s.step, DG_AUTH_FAIL);
		assert_non_null(strstr(s.text, "LM hash"));
		said_fini(&s);
	}
	dg_buf_fini(&two);
}

/* ---- what is in a v2 answer ---- */

static void
the_servers_time_brings_a_mic_and_one_flags_pair(void **state)
{
	struct dg_buf info = pairs(true, "\1\0\0\0");
	struct dg_buf two =
	    challenge(ASKED | INFO | DG_NTLM_UNICODE, dg_buf_str(&info));
	struct dg_login l = login();
	struct dg_ntlm_authenticate m;
	struct dg_str list, v;
	struct said s;
	char strength[16];

	(void)state;
	say(&l, V2, dg_buf_str(&two), NULL, &s);
	assert_int_equal(s.step, DG_AUTH_OK);
	assert_non_null(strstr(s.log, "with MIC"));
	assert_int_equal(dg_ntlm_authenticate_parse(dg_buf_str(&s.three), &m),
	    DG_NTLM_R_ok); /* also: no pair twice */
	assert_true(m.has_mic);
	list = dg_ntlm_blob_pairs(m.nt.bytes);
	assert_true(dg_ntlm_av_find(list, DG_AV_FLAGS, &v));
	assert_memory_equal(v.p, "\3\0\0\0", 4); /* merged */
	assert_true(dg_ntlm_av_find(list, DG_AV_TARGET_NAME, &v));
	assert_int_equal(v.n, 2 * strlen("SMTP/mail.example.com"));
	assert_true(dg_ntlm_av_find(list, DG_AV_CHANNEL_BINDINGS, &v));
	assert_memory_equal(v.p, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	assert_memory_equal(m.nt.bytes.p + 24, "\1\2\3\4\5\6\7\1", 8);
	for (size_t i = 0; i < m.lm.bytes.n; i++)
		assert_int_equal(m.lm.bytes.p[i], 0);
	judge(&s, dg_buf_str(&two), DG_STR("Pa$$w0rd"), strength);
	assert_string_equal(strength, "NTLMv2");
	s.three.p[m.mic_offset] ^= 1;
	judge(&s, dg_buf_str(&two), DG_STR("Pa$$w0rd"), strength);
	assert_string_equal(strength, "");
	said_fini(&s);
	dg_buf_fini(&info);
	dg_buf_fini(&two);
}

/* A flag of the server's that promises a MIC must not promise it for us. */
static void
without_the_servers_time_there_is_an_lmv2_and_no_mic(void **state)
{
	struct dg_buf info = pairs(false, "\2\0\0\0");
	struct dg_buf two =
	    challenge(ASKED | INFO | DG_NTLM_UNICODE, dg_buf_str(&info));
	struct dg_login l = login();
	struct dg_ntlm_authenticate m;
	struct dg_buf lm_alone;
	struct dg_str v;
	struct said s;
	char strength[16];

	(void)state;
	say(&l, V2, dg_buf_str(&two), NULL, &s);
	assert_int_equal(dg_ntlm_authenticate_parse(dg_buf_str(&s.three), &m),
	    DG_NTLM_R_ok);
	assert_false(m.has_mic);
	assert_false(
	    dg_ntlm_av_find(dg_ntlm_blob_pairs(m.nt.bytes), DG_AV_FLAGS, &v));
	assert_int_equal(m.header, 64);
	m.nt.bytes = DG_STR(""); /* the LM field alone must do as well */
	dg_buf_init(&lm_alone, 8192);
	assert_int_equal(dg_ntlm_authenticate_add(&lm_alone, &m, false), DG_OK);
	dg_buf_fini(&s.three);
	s.three = lm_alone;
	judge(&s, dg_buf_str(&two), DG_STR("Pa$$w0rd"), strength);
	assert_string_equal(strength, "LMv2");
	said_fini(&s);
	dg_buf_fini(&info);
	dg_buf_fini(&two);
}

/* ---- hostile challenges ---- */

static void
a_bad_challenge_is_not_answered(void **state)
{
	static const struct {
		const char *why;
		uint32_t flags;
		struct dg_str info;
		const char *reason;
	} cases[] = {
		{ "no NTLM flag", 0xa0888005, DG_STR(""), "(flags)" },
		{ "both charsets", 0xa0088207, DG_STR(""), "(flags)" },
		{ "neither charset", 0xa0088204, DG_STR(""), "(flags)" },
		{ "LOCAL_CALL", 0xa008c205, DG_STR(""), "(flags)" },
		{ "DATAGRAM", 0xa0088245, DG_STR(""), "(flags)" },
		{ "target info without end", 0xa0888205, DG_STR("\2\0\1\0A"),
		    "(av_no_end)" },
		{ "target info with a pair too long", 0xa0888205,
		    DG_STR("\2\0\xff\0A\0\0\0\0"), "(av_range)" },
		{ "flags pair twice", 0xa0888205,
		    DG_STR("\6\0\4\0\0\0\0\0\6\0\4\0\0\0\0\0\0\0\0\0"),
		    "(av_range)" },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct dg_buf two = challenge(cases[i].flags, cases[i].info);
		struct dg_login l = login();
		struct said s;

		print_message("  %s\n", cases[i].why);
		say(&l, ALL_LEVELS, dg_buf_str(&two), NULL, &s);
		assert_int_equal(s.step, DG_AUTH_FAIL);
		assert_int_equal(s.three.n, 0);
		assert_non_null(strstr(s.text, cases[i].reason));
		said_fini(&s);
		dg_buf_fini(&two);
	}
}

static void
malformed_challenges_of_the_vectors_are_not_answered(void **state)
{
	(void)state;
	for (const struct json *j = json_get(vectors, "malformed")->child;
	     j != NULL; j = j->next) {
		struct dg_login l = login();
		struct dg_buf two;
		struct said s;

		if (strcmp(json_text(j, "role"), "initiator") != 0)
			continue;
		print_message("  %s\n", json_text(j, "why"));
		decode(&two, dg_str(json_text(j, "message")));
		say(&l, ALL_LEVELS, dg_buf_str(&two), NULL, &s);
		assert_int_equal(s.step, DG_AUTH_FAIL);
		assert_non_null(strstr(s.text, json_text(j, "reason")));
		said_fini(&s);
		dg_buf_fini(&two);
	}
}

/* CVE-2026-40687, CVE-2023-42114: 0 bytes to all but one. */
static void
a_cut_challenge_is_not_answered(void **state)
{
	struct dg_buf info = pairs(true, NULL);
	struct dg_buf two =
	    challenge(ASKED | INFO | DG_NTLM_UNICODE, dg_buf_str(&info));

	(void)state;
	for (size_t n = 0; n < two.n; n++) {
		struct dg_login l = login();
		struct said s;

		say(&l, ALL_LEVELS, dg_str_of(two.p, n), NULL, &s);
		assert_int_equal(s.step, DG_AUTH_FAIL);
		assert_int_equal(s.three.n, 0);
		said_fini(&s);
	}
	dg_buf_fini(&info);
	dg_buf_fini(&two);
}

/* CVE-2019-3822: much target info.  What fits is answered, in full. */
static void
much_target_info_is_answered_whole_or_not(void **state)
{
	static const struct {
		size_t bytes;
		enum dg_auth_step step;
	} cases[] = { { 1000, DG_AUTH_OK }, { 3800, DG_AUTH_OK },
		{ 4100, DG_AUTH_FAIL }, { 7900, DG_AUTH_FAIL },
		{ 60000, DG_AUTH_FAIL } };
	static char name[60000];

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct dg_login l = login();
		struct dg_buf info, two;
		struct said s;
		char strength[16];

		dg_buf_init(&info, 65536);
		assert_int_equal(dg_ntlm_av_add(&info, DG_AV_NB_DOMAIN,
				     dg_str_of(name, cases[i].bytes)),
		    DG_OK);
		(void)dg_ntlm_av_add(&info, DG_AV_END, DG_STR(""));
		if (cases[i].bytes < 8000) {
			two = challenge(ASKED | INFO | DG_NTLM_UNICODE,
			    dg_buf_str(&info));
		} else { /* more than our own writer would write */
			two = challenge(ASKED | INFO | DG_NTLM_UNICODE,
			    DG_STR("\0\0\0\0"));
			while (two.n < cases[i].bytes)
				(void)dg_buf_addc(&two, 'x');
		}
		say(&l, V2, dg_buf_str(&two), NULL, &s);
		assert_int_equal(s.step, cases[i].step);
		if (s.step == DG_AUTH_OK) {
			judge(&s, dg_buf_str(&two), DG_STR("Pa$$w0rd"),
			    strength);
			assert_string_equal(strength, "NTLMv2");
		}
		said_fini(&s);
		dg_buf_fini(&info);
		dg_buf_fini(&two);
	}
}

static void
our_own_challenge_is_not_answered(void **state)
{
	static const uint8_t ours[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	struct dg_challenges *c = dg_challenges_new();
	struct dg_buf two = challenge(ASKED | DG_NTLM_UNICODE, DG_STR(""));
	struct dg_login l = login();
	struct said s;

	(void)state;
	dg_challenges_put(c, ours);
	say(&l, ALL_LEVELS, dg_buf_str(&two), c, &s);
	assert_int_equal(s.step, DG_AUTH_FAIL);
	assert_non_null(strstr(s.text, "reflection"));
	said_fini(&s);
	dg_challenges_drop(c, ours);
	say(&l, ALL_LEVELS, dg_buf_str(&two), c, &s);
	assert_int_equal(s.step, DG_AUTH_OK);
	said_fini(&s);
	dg_challenges_free(c);
	dg_buf_fini(&two);
}

/* ---- the dialogue ---- */

static void
any_334_to_the_bare_verb_gets_type_1(void **state)
{
	static const char *const prompts[] = { "", "NTLM supported",
		"ntlm supported", "TlRMTVNTUAACAAAA", "\x01\xff" };

	(void)state;
	for (size_t k = 0; k < N(prompts); k++) {
		struct dg_login l = login();
		struct dg_initiator *i = initiator(&l, V2, false, NULL);
		struct dg_ntlm_negotiate m;
		struct dg_buf out, one;
		bool has_initial;

		dg_buf_init(&out, 8192);
		assert_int_equal(dg_initiator_first(i, &out, &has_initial,
				     NULL),
		    DG_AUTH_SEND);
		assert_false(has_initial);
		assert_int_equal(out.n, 0);
		assert_int_equal(dg_initiator_step(i, dg_str(prompts[k]), &out,
				     NULL),
		    DG_AUTH_SEND);
		decode(&one, dg_buf_str(&out));
		assert_int_equal(dg_ntlm_negotiate_parse(dg_buf_str(&one), &m),
		    DG_NTLM_R_ok);
		assert_int_equal(m.flags, ASKED | 3);
		/* now only a challenge will do (curl's test 933) */
		assert_int_equal(dg_initiator_step(i, DG_STR("Rubbish"), &out,
				     NULL),
		    DG_AUTH_FAIL);
		assert_int_equal(out.n, 0);
		assert_int_equal(dg_initiator_step(i, DG_STR(""), &out, NULL),
		    DG_AUTH_FAIL); /* over */
		dg_initiator_free(i);
		dg_buf_fini(&out);
		dg_buf_fini(&one);
	}
}

/* The command line of RFC 4954 has 512 octets: type 1 fits with room. */
static void
type_1_is_short_and_names_nobody(void **state)
{
	static const struct {
		unsigned send;
		uint32_t flags;
	} cases[] = { { V2, ASKED | 3 }, { NTLM2, ASKED | 3 },
		{ V1, 0x00008207 }, { LM, 0x00008207 } };

	(void)state;
	for (size_t k = 0; k < N(cases); k++) {
		struct dg_buf two = challenge(0x8201, DG_STR(""));
		struct dg_ntlm_negotiate m;
		struct dg_login l = login();
		struct said s;

		say(&l, cases[k].send, dg_buf_str(&two), NULL, &s);
		assert_int_equal(s.one.n, 32);
		assert_int_equal(dg_ntlm_negotiate_parse(dg_buf_str(&s.one),
				     &m),
		    DG_NTLM_R_ok);
		assert_int_equal(m.flags, cases[k].flags);
		assert_int_equal(m.domain.bytes.n + m.workstation.bytes.n, 0);
		said_fini(&s);
		dg_buf_fini(&two);
	}
}

/* CVE-2005-3185: names of 255 characters, in either charset. */
static void
long_names_are_sent_whole(void **state)
{
	static char user[256], domain[256];
	struct dg_buf info = pairs(true, NULL);

	(void)state;
	memset(user, 'u', 255);
	memset(domain, 'd', 255);
	for (unsigned charset = 1; charset <= 2; charset++) {
		struct dg_buf two =
		    challenge(ASKED | INFO | charset, dg_buf_str(&info));
		struct dg_login l = login();
		struct dg_ntlm_authenticate m;
		struct said s;

		l.user = dg_str(user);
		l.domain = dg_str(domain);
		say(&l, V2, dg_buf_str(&two), NULL, &s);
		assert_int_equal(s.step, DG_AUTH_OK);
		assert_int_equal(
		    dg_ntlm_authenticate_parse(dg_buf_str(&s.three), &m),
		    DG_NTLM_R_ok);
		assert_int_equal(m.user.bytes.n, charset == 1 ? 510 : 255);
		said_fini(&s);
		dg_buf_fini(&two);
	}
	dg_buf_fini(&info);
}

static void
the_log_tells_steps_and_no_secret(void **state)
{
	struct dg_buf info = pairs(true, NULL);
	struct dg_buf two =
	    challenge(ASKED | INFO | DG_NTLM_UNICODE, dg_buf_str(&info));
	struct dg_login l = login();
	struct said s;

	(void)state;
	say(&l, V2, dg_buf_str(&two), NULL, &s);
	assert_string_equal(s.log,
	    "NTLM type1 flags=a0088207 type2 flags=a0888205 target=CO sent "
	    "NTLMv2 with MIC user=jos\xc3\xa9");
	said_fini(&s);
	dg_buf_fini(&info);
	dg_buf_fini(&two);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_challenge_and_the_list_decide_the_level),
		cmocka_unit_test(a_hash_is_as_good_as_the_password),
		cmocka_unit_test(
		    lm_goes_only_where_listed_and_never_for_long_passwords),
		cmocka_unit_test(
		    the_servers_time_brings_a_mic_and_one_flags_pair),
		cmocka_unit_test(
		    without_the_servers_time_there_is_an_lmv2_and_no_mic),
		cmocka_unit_test(a_bad_challenge_is_not_answered),
		cmocka_unit_test(
		    malformed_challenges_of_the_vectors_are_not_answered),
		cmocka_unit_test(a_cut_challenge_is_not_answered),
		cmocka_unit_test(much_target_info_is_answered_whole_or_not),
		cmocka_unit_test(our_own_challenge_is_not_answered),
		cmocka_unit_test(any_334_to_the_bare_verb_gets_type_1),
		cmocka_unit_test(type_1_is_short_and_names_nobody),
		cmocka_unit_test(long_names_are_sent_whole),
		cmocka_unit_test(the_log_tells_steps_and_no_secret),
	};
	int failed;

	vectors = json_load("tests/vectors/ntlm.json");
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	json_free(vectors);
	return failed;
}
