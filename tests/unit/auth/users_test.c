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
		    "1:3: unknown scheme {sha512-crypt}: expected {nt} or "
		    "{lm}\n" },
		{ "scram", DG_STR("a:{nt}" H32 ":{scram-sha-256}4096,x,y"),
		    "1:40: scram is not available in this version\n" },
		{ "only lm", DG_STR("a:{lm}" H32),
		    "1:1: the user has no {nt} hash\n" },
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
		    "2:1: the user has no {nt} hash\n"
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
		cmocka_unit_test(many_users_are_all_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
