/* users_test.c - the users file: good lines, and bad ones with their place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/auth/users.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define H32  "0123456789abcdef0123456789ABCDEF"
#define K20  "AAECAwQFBgcICQoLDA0ODxAREhM="
#define SCRAM_PARTS \
	"expected iterations,salt,StoredKey,ServerKey, the last three in " \
	"base64 and of the right length\n"
#define SCRAM_COUNT \
	"expected iterations,salt,StoredKey,ServerKey with 4096 to 600000 " \
	"iterations\n"

/* Errors as "line:column: what\n". */
static void
note(void *ctx, unsigned line, unsigned column, const char *what)
{
	(void)dg_buf_addf(ctx, "%u:%u: %s\n", line, column, what);
}

static struct dg_users *
parse(struct dg_str text, struct dg_buf *errors)
{
	dg_buf_init(errors, 8192);
	return dg_users_parse(text, note, errors);
}

static void
names_are_found_in_any_case(void **state)
{
	struct dg_buf errors;
	struct dg_users *u =
	    parse(DG_STR("# comment: {nt}\n\n  alice:{nt}" H32 "\r\n"
			 "Bob.Smith:{nt}" H32
			 ":{lm}ffffffffffffffffffffffffffffffff\n"
			 "user name :{nt}" H32 "\n"
			 "J\xc3\xb6rg:{nt}" H32),
		&errors);
	const struct dg_credential *c;

	(void)state;
	assert_non_null(u);
	assert_int_equal(errors.n, 0);
	assert_int_equal(dg_users_count(u), 4);
	assert_string_equal(dg_users_name(u, 0), "alice");
	assert_string_equal(dg_users_name(u, 2), "user name");
	assert_null(dg_users_name(u, 4));
	c = dg_users_find(u, DG_STR("ALICE"));
	assert_non_null(c);
	assert_true(c->has_nt);
	assert_false(c->has_lm);
	assert_memory_equal(c->nt, "\x01\x23\x45\x67\x89\xab\xcd\xef", 8);
	c = dg_users_find(u, DG_STR("bob.smith"));
	assert_non_null(c);
	assert_true(c->has_lm);
	assert_int_equal(c->lm[15], 0xff);
	assert_non_null(dg_users_find(u, DG_STR("j\xc3\x96RG")));
	assert_null(dg_users_find(u, DG_STR("alic")));
	assert_null(dg_users_find(u, DG_STR("alice\0")));
	assert_null(dg_users_find(u, DG_STR("")));
	assert_null(dg_users_find(u, DG_NOSTR));
	assert_null(dg_users_find(u, DG_STR("\xff")));
	assert_null(dg_users_find(NULL, DG_STR("alice")));
	dg_users_free(u);
	dg_users_free(NULL);
	dg_buf_fini(&errors);
}

static void
an_empty_file_has_nobody(void **state)
{
	struct dg_buf errors;
	struct dg_users *u = parse(DG_STR("# nobody yet\n"), &errors);

	(void)state;
	assert_non_null(u);
	assert_int_equal(dg_users_count(u), 0);
	assert_null(dg_users_find(u, DG_STR("alice")));
	dg_users_free(u);
	dg_buf_fini(&errors);
}

static void
bad_lines_are_told_with_line_and_column(void **state)
{
	static const struct {
		const char *why;
		struct dg_str text;
		const char *errors;
	} cases[] = {
		{ "a password", DG_STR("alice:secret\n"),
		    "1:7: expected {nt} and 32 hex digits: \"dragoman passwd\" "
		    "makes such lines from passwords\n" },
		{ "only a name", DG_STR("\nalice\n"),
		    "2:6: expected \":{nt}\" and 32 hex digits behind the "
		    "user\n" },
		{ "nothing behind the colon", DG_STR("alice:"),
		    "1:7: expected {nt} and 32 hex digits: \"dragoman passwd\" "
		    "makes such lines from passwords\n" },
		{ "no name", DG_STR(":{nt}" H32),
		    "1:1: expected user:{nt}<32 hex digits>\n" },
		{ "31 digits", DG_STR("a:{nt}0123456789abcdef0123456789abcde"),
		    "1:7: expected 32 hex digits\n" },
		{ "no hex", DG_STR("a:{nt}0123456789abcdef0123456789abcdeg"),
		    "1:7: expected 32 hex digits\n" },
		{ "an open brace", DG_STR("a:{nt" H32),
		    "1:3: expected {nt} and 32 hex digits: \"dragoman passwd\" "
		    "makes such lines from passwords\n" },
		{ "an unknown scheme", DG_STR("a:{mt}" H32),
		    "1:3: unknown scheme {mt}; did you mean {nt}?\n" },
		{ "nothing like it", DG_STR("a:{sha512-crypt}x"),
		    "1:3: unknown scheme {sha512-crypt}: expected {nt}, "
		    "{lm} or {scram-sha-256}\n" },
		{ "scram, and a part too few",
		    DG_STR("a:{nt}" H32 ":{scram-sha-256}4096,x,y"),
		    "1:55: " SCRAM_PARTS },
		{ "scram-sha-1's key for scram-sha-256",
		    DG_STR("a:{scram-sha-256}4096,AAAA," K20 "," K20),
		    "1:18: " SCRAM_PARTS },
		{ "scram, something more behind it",
		    DG_STR("a:{scram-sha-1}4096,AAAA," K20 "," K20 ",x"),
		    "1:16: " SCRAM_PARTS },
		{ "scram without salt",
		    DG_STR("a:{scram-sha-1}4096,," K20 "," K20),
		    "1:16: " SCRAM_PARTS },
		{ "iterations too few",
		    DG_STR("a:{scram-sha-1}4095,AAAA," K20 "," K20),
		    "1:16: " SCRAM_COUNT },
		{ "iterations too many",
		    DG_STR("a:{scram-sha-1}600001,AAAA," K20 "," K20),
		    "1:16: " SCRAM_COUNT },
		{ "scram twice",
		    DG_STR("a:{scram-sha-1}4096,AAAA," K20 "," K20
			   ":{scram-sha-1}4096,AAAA," K20 "," K20),
		    "1:97: this key is given twice\n" },
		{ "only lm", DG_STR("a:{lm}" H32),
		    "1:1: the user has no {nt} hash and no SCRAM key\n" },
		{ "nt twice", DG_STR("a:{nt}" H32 ":{nt}" H32),
		    "1:44: this hash is given twice\n" },
		{ "a domain", DG_STR("CORP\\a:{nt}" H32),
		    "1:1: a user name has no domain: it is no part of the "
		    "look-up\n" },
		{ "a mail address", DG_STR("  a@b.example:{nt}" H32),
		    "1:3: a user name has no domain: it is no part of the "
		    "look-up\n" },
		{ "not UTF-8", DG_STR("\xff:{nt}" H32),
		    "1:1: the user name is not valid UTF-8\n" },
		{ "a control byte", DG_STR("a\0b:{nt}" H32),
		    "1:1: a control byte in the user name\n" },
		{ "twice, in another case",
		    DG_STR("a:{nt}" H32 "\nb:{nt}" H32 "\nA:{nt}" H32),
		    "3:1: this user is in line 1 already (case does not "
		    "matter)\n" },
		{ "all at once",
		    DG_STR("a:x\nb:{lm}" H32 "\nc:{nt}" H32 "\nC:{nt}1"),
		    "1:3: expected {nt} and 32 hex digits: \"dragoman passwd\" "
		    "makes such lines from passwords\n"
		    "2:1: the user has no {nt} hash and no SCRAM key\n"
		    "4:7: expected 32 hex digits\n"
		    "4:1: this user is in line 3 already (case does not "
		    "matter)\n" },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct dg_buf errors;

		print_message("  %s\n", cases[i].why);
		assert_null(parse(cases[i].text, &errors));
		assert_string_equal(dg_buf_z(&errors), cases[i].errors);
		dg_buf_fini(&errors);
	}
}

static void
scram_keys_are_read_as_they_are_written(void **state)
{
	struct dg_credential c = { .has_nt = false }, both;
	struct dg_buf line, again, errors;
	const struct dg_credential *read;
	struct dg_users *u;

	(void)state;
	dg_buf_init(&line, 4096);
	dg_buf_init(&again, 4096);
	assert_int_equal(dg_credential_make(DG_STR("pencil"), true, &both,
			     NULL),
	    DG_OK);
	assert_true(
	    dg_credential_add_scram(&c, DG_SHA_256, DG_STR("pencil"), 4096));
	both.scram[DG_SHA_256] = c.scram[DG_SHA_256];
	assert_true(
	    dg_credential_add_scram(&both, DG_SHA_1, DG_STR("pencil"), 4097));
	assert_int_equal(dg_users_line(&line, DG_STR("a"), &c), DG_OK);
	(void)dg_buf_addc(&line, '\n');
	assert_int_equal(dg_users_line(&line, DG_STR("b"), &both), DG_OK);
	u = parse(dg_buf_str(&line), &errors);
	assert_string_equal(dg_buf_z(&errors), "");
	assert_non_null(u);
	read = dg_users_find(u, DG_STR("a"));
	assert_false(read->has_nt);
	assert_int_equal(read->scram[DG_SHA_1].iterations, 0);
	assert_int_equal(read->scram[DG_SHA_256].iterations, 4096);
	(void)dg_users_line(&again, DG_STR("a"), read);
	(void)dg_buf_addc(&again, '\n');
	read = dg_users_find(u, DG_STR("b"));
	assert_true(dg_credential_is_of(read, DG_STR("pencil")));
	(void)dg_users_line(&again, DG_STR("b"), read);
	assert_string_equal(dg_buf_z(&line), dg_buf_z(&again));
	assert_int_equal(dg_users_mechs_of_all(u),
	    DG_MECH_BIT(DG_MECH_SCRAM_SHA_256) |
		DG_MECH_BIT(DG_MECH_SCRAM_SHA_256_PLUS) |
		DG_MECH_BIT(DG_MECH_LOGIN) | DG_MECH_BIT(DG_MECH_PLAIN));
	assert_int_equal(dg_users_mechs_of_any(u), dg_mech_takable());
	dg_users_free(u);
	dg_buf_fini(&errors);
	dg_buf_fini(&line);
	dg_buf_fini(&again);
}

static void
whoever_is_not_there_looks_like_the_first(void **state)
{
	struct dg_buf line, errors;
	struct dg_credential c = { .has_nt = false }, one, again, other;
	struct dg_users *u;

	(void)state;
	dg_buf_init(&line, 4096);
	assert_true(
	    dg_credential_add_scram(&c, DG_SHA_256, DG_STR("pencil"), 5000));
	assert_int_equal(dg_users_line(&line, DG_STR("a"), &c), DG_OK);
	u = parse(dg_buf_str(&line), &errors);
	assert_non_null(u);
	dg_users_decoy(u, DG_STR("nobody"), &one);
	dg_users_decoy(u, DG_STR("NoBody"), &again);
	dg_users_decoy(u, DG_STR("somebody"), &other);
	assert_false(one.has_nt);
	assert_int_equal(one.scram[DG_SHA_256].iterations, 5000);
	assert_int_equal(one.scram[DG_SHA_1].iterations, 0);
	assert_int_equal(one.scram[DG_SHA_256].n_salt, DG_SCRAM_SALT);
	assert_memory_equal(one.scram[DG_SHA_256].salt,
	    again.scram[DG_SHA_256].salt, DG_SCRAM_SALT);
	assert_memory_not_equal(one.scram[DG_SHA_256].salt,
	    other.scram[DG_SHA_256].salt, DG_SCRAM_SALT);
	assert_memory_not_equal(one.scram[DG_SHA_256].salt,
	    c.scram[DG_SHA_256].salt, DG_SCRAM_SALT);
	assert_memory_not_equal(one.scram[DG_SHA_256].stored,
	    c.scram[DG_SHA_256].stored, 32);
	dg_users_free(u);
	dg_buf_fini(&line);
	dg_buf_fini(&errors);
}

static void
many_users_are_all_found(void **state)
{
	struct dg_buf text, errors;
	struct dg_users *u;

	(void)state;
	dg_buf_init(&text, 1u << 20);
	for (unsigned i = 0; i < 5000; i++)
		(void)dg_buf_addf(&text, "user%u:{nt}%032x\n", i * 7919 % 5000,
		    i * 7919 % 5000);
	u = parse(dg_buf_str(&text), &errors);
	assert_non_null(u);
	assert_int_equal(dg_users_count(u), 5000);
	for (unsigned i = 0; i < 5000; i++) {
		const struct dg_credential *c;

		dg_buf_reset(&text);
		(void)dg_buf_addf(&text, "USER%u", i);
		c = dg_users_find(u, dg_buf_str(&text));
		assert_non_null(c);
		assert_int_equal(c->nt[14] << 8 | c->nt[15], i);
	}
	dg_users_free(u);
	dg_buf_fini(&text);
	dg_buf_fini(&errors);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_found_in_any_case),
		cmocka_unit_test(an_empty_file_has_nobody),
		cmocka_unit_test(bad_lines_are_told_with_line_and_column),
		cmocka_unit_test(scram_keys_are_read_as_they_are_written),
		cmocka_unit_test(whoever_is_not_there_looks_like_the_first),
		cmocka_unit_test(many_users_are_all_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
