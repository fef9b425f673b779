/* header_edit_test.c - fields out, fields in, another From (RFC 5322, 2047). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dragoman/wire/header.h"
#include "dragoman/wire/header_edit.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static enum dg_rc
edit(const char *head, const struct dg_header_edits *w, struct dg_buf *out,
    struct dg_err *e)
{
	dg_buf_init(out, 100000);
	(void)dg_buf_adds(out, "kept:");
	memset(e, 0, sizeof(*e));
	return dg_header_edit(dg_str(head), w, out, e);
}

static void
becomes(const char *why, const char *head, const struct dg_header_edits *w,
    const char *want)
{
	struct dg_buf out;
	struct dg_err e;

	print_message("  %s\n", why);
	if (edit(head, w, &out, &e) != DG_OK)
		fail_msg("%s: %s", why, e.text);
	assert_string_equal(dg_buf_z(&out) + 5, want);
	dg_buf_fini(&out);
}

static void
fails(const char *why, const char *head, const struct dg_header_edits *w,
    enum dg_rc rc)
{
	struct dg_buf out;
	struct dg_err e;

	print_message("  %s\n", why);
	assert_int_equal(edit(head, w, &out, &e), rc);
	assert_string_equal(dg_buf_z(&out), "kept:");
	assert_int_not_equal(e.text[0], '\0');
	dg_buf_fini(&out);
}

/* ---- remove and add ---- */

static void
fields_go_out_and_in_and_the_rest_stays_as_it_is(void **state)
{
	static const struct dg_str gone[] = { { "X-Spam", 6 },
		{ "received", 8 } };
	static const struct dg_header_add in[] = {
		{ { "X-Spam", 6 }, { "no", 2 } },
		{ { "X-By", 4 }, { "us", 2 } },
	};
	const struct dg_header_edits both = { .remove = gone,
		.n_remove = 2,
		.add = in,
		.n_add = 2 };
	const struct dg_header_edits nothing = { 0 };

	(void)state;
	assert_true(dg_header_edits_any(&both));
	assert_false(dg_header_edits_any(&nothing));
	becomes("some of each",
	    "A: b\r\nx-spam : yes\r\n folded\r\nC: d\r\n\r\n", &both,
	    "A: b\r\nC: d\r\nX-Spam: no\r\nX-By: us\r\n\r\n");
	becomes("all of a name", "X-SPAM:a\r\nX-Spam: b\r\nReceived: c\r\n\r\n",
	    &both, "X-Spam: no\r\nX-By: us\r\n\r\n");
	becomes("what is behind is copied",
	    "A: b\r\n\r\nX-Spam: body\r\nno field\r\n", &both,
	    "A: b\r\nX-Spam: no\r\nX-By: us\r\n\r\nX-Spam: body\r\nno "
	    "field\r\n");
	becomes("no header", "\r\nbody", &both,
	    "X-Spam: no\r\nX-By: us\r\n\r\nbody");
	becomes("no body", "A: b\r\n", &both,
	    "A: b\r\nX-Spam: no\r\nX-By: us\r\n");
	becomes("nothing at all", "", &both, "X-Spam: no\r\nX-By: us\r\n");
	becomes("odd bytes stay", "A:\x01\xff  b\t\r\n \r\n\r\n", &nothing,
	    "A:\x01\xff  b\t\r\n \r\n\r\n");
	fails("a line is no field", "A: b\r\nhello\r\n\r\n", &both, DG_E_PROTO);
	fails("text at once", "hello\r\n", &both, DG_E_PROTO);
	fails("the first line is folded", " A: b\r\n\r\n", &both, DG_E_PROTO);
	fails("the last line has no end", "A: b", &both, DG_E_PROTO);
	fails("mbox", "From a@b Mon\r\nA: b\r\n\r\n", &both, DG_E_PROTO);
}

static void
a_name_is_printable_ascii_without_colon(void **state)
{
	static const char *const bad[] = { "", "a b", "a:", "a\r\nb",
		"\xc3\xa9", "a\x7f",
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xx"
		"xxxxxxxxxxxxx" };

	(void)state;
	for (size_t i = 0; i < LENGTH(bad); i++) {
		struct dg_header_add one = { dg_str(bad[i]), DG_STR("x") };
		struct dg_header_edits w = { .add = &one, .n_add = 1 };

		fails(bad[i], "A: b\r\n\r\n", &w, DG_E_POLICY);
	}
	assert_true(dg_header_is_name(DG_STR("X-~!")));
	assert_false(dg_header_is_name(DG_NOSTR));
}

static void
too_much_leaves_what_was_there(void **state)
{
	struct dg_header_add one = { DG_STR("A"), DG_STR("bbbbbbbbb") };
	struct dg_header_edits w = { .add = &one, .n_add = 1 };
	struct dg_str head = DG_STR("X: y\r\n\r\n");
	struct dg_err e = { 0 };
	struct dg_buf out;

	(void)state;
	for (size_t cap = 0; cap < 22; cap++) {
		dg_buf_init(&out, cap);
		assert_int_equal(dg_header_edit(head, &w, &out, &e),
		    DG_E_LIMIT);
		assert_int_equal(out.n, 0);
		assert_int_equal(e.code, 552);
		dg_buf_fini(&out);
	}
	dg_buf_init(&out, 22);
	assert_int_equal(dg_header_edit(head, &w, &out, &e), DG_OK);
	dg_buf_fini(&out);
}

/* ---- values ---- */

#define W10 "xxxxxxxxx "
#define X100 \
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" \
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct {
	const char *why, *value, *want;
} values[] = {
	{ "plain", "hello world", "N: hello world\r\n" },
	{ "empty", "", "N:\r\n" },
	{ "blanks only", " \t ", "N:\r\n" },
	{ "a line end cannot begin a field", "x\r\nBcc: y", "N: x Bcc: y\r\n" },
	{ "nor end the header", "x\r\n\r\nbody\n.\r\n", "N: x body .\r\n" },
	{ "bare CR, bare LF, control bytes",
	    "a\rb\nc\x01\x7f"
	    "d",
	    "N: a b c d\r\n" },
	{ "UTF-8", "gr\xc3\xbc\xc3\x9f dich",
	    "N: =?UTF-8?B?Z3LDvMOf?= dich\r\n" },
	{ "neighbours are one", "a \xc3\xa4 \xc3\xb6 b",
	    "N: a =?UTF-8?B?w6Qgw7Y=?= b\r\n" },
	{ "not UTF-8", "a\xff\xc3 b", "N: a?? b\r\n" },
	{ "an encoded word of theirs stays",
	    "=?utf-8?q?x?=", "N: =?utf-8?q?x?=\r\n" },
	{ "a name in an address field", "J\xc3\xb6rg <j@x>",
	    "N: =?UTF-8?B?SsO2cmc=?= <j@x>\r\n" },
	{ "folded at a blank", W10 W10 W10 W10 W10 W10 W10 "yyyy z",
	    "N: " W10 W10 W10 W10 W10 W10 "xxxxxxxxx\r\n yyyy z\r\n" },
	{ "a long word has a line of its own", "a " X100 " b",
	    "N: a\r\n " X100 "\r\n b\r\n" },
};

static void
values_are_made_safe_and_folded(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(values); i++) {
		struct dg_buf out;

		print_message("  %s\n", values[i].why);
		dg_buf_init(&out, 10000);
		assert_int_equal(dg_header_add(&out, DG_STR("N"),
				     dg_str(values[i].value)),
		    DG_OK);
		assert_string_equal(dg_buf_z(&out), values[i].want);
		dg_buf_fini(&out);
	}
}

static size_t
longest_line(struct dg_str s)
{
	size_t longest = 0;

	while (s.n > 0) {
		size_t n = dg_str_find(s, '\n');

		longest = n > longest ? n : longest;
		s = dg_str_from(s, n + 1);
	}
	return longest - 1; /* CR */
}

static void
no_line_is_too_long(void **state)
{
	static const char *const units[] = { "\xc3\xa4", "\xe2\x82\xac",
		"\xf0\x9f\x98\x80", "\xc3\xa4 ", "ab \xc3\xa4" };
	static const size_t names[] = { 1, 30, 65, 76 };
	char name[80];

	(void)state;
	memset(name, 'N', sizeof(name));
	for (size_t u = 0; u < LENGTH(units); u++)
		for (size_t k = 0; k < LENGTH(names); k++) {
			struct dg_header_field f;
			struct dg_buf value, out;
			size_t at = 0;

			dg_buf_init(&value, 10000);
			dg_buf_init(&out, 100000);
			for (int i = 0; i < 300; i++)
				(void)dg_buf_adds(&value, units[u]);
			assert_int_equal(dg_header_add(&out,
					     dg_str_of(name, names[k]),
					     dg_buf_str(&value)),
			    DG_OK);
			/* RFC 2047 2: 76 where an encoded word is; a first
			 * word stays behind the longest of names */
			assert_true(longest_line(dg_buf_str(&out)) <=
				    (names[k] < 76 ? 76 : 80));
			assert_true(dg_header_next(dg_buf_str(&out), &at, &f));
			assert_int_equal(at, out.n);
			dg_buf_fini(&value);
			dg_buf_fini(&out);
		}
	/* a word without blanks, far longer than any line may be */
	struct dg_buf value, out;

	dg_buf_init(&value, 100000);
	dg_buf_init(&out, 200000);
	while (value.n < 5000)
		(void)dg_buf_adds(&value, X100);
	assert_int_equal(dg_header_add(&out, DG_STR("N"), dg_buf_str(&value)),
	    DG_OK);
	assert_true(longest_line(dg_buf_str(&out)) <= 76);
	(void)dg_buf_addc(&value, '\xff'); /* and not even UTF-8 */
	assert_int_equal(dg_header_add(&out, DG_STR("N"), dg_buf_str(&value)),
	    DG_OK);
	assert_true(longest_line(dg_buf_str(&out)) <= 76);
	dg_buf_fini(&value);
	dg_buf_fini(&out);
}

/* ---- From and Reply-To ---- */

static const struct {
	const char *why, *from, *want;
	const char *reply_to; /* NULL: as `from`; "": none of it */
} froms[] = {
	{ "an address", "a@b", "n@h.example", NULL },
	{ "in brackets", "<a@b>", "n@h.example", NULL },
	{ "with a name", "Joe <a@b>", "Joe <n@h.example>", NULL },
	{ "a name in quotes", "\"Doe, \\\"Joe\\\"\" <a@b>",
	    "\"Doe, \\\"Joe\\\"\" <n@h.example>", NULL },
	{ "brackets in quotes", "\"<x@y>, (\" <a@b>",
	    "\"<x@y>, (\" <n@h.example>", NULL },
	{ "an encoded name", "=?utf-8?q?J=C3=B6?= <a@b>",
	    "=?utf-8?q?J=C3=B6?= <n@h.example>", NULL },
	{ "an unquoted dot", "J. Doe <a@b>", "J. Doe <n@h.example>", NULL },
	{ "a name that is an address", "a@b <a@b>", "\"a@b\" <n@h.example>",
	    NULL },
	{ "an old comment", "a@b (Joe (the) Doe)",
	    "n@h.example (Joe (the) Doe)", NULL },
	{ "a comment behind it all", "Joe <a@b> (home)", "Joe <n@h.example>",
	    NULL },
	{ "a source route", "Joe <@x,@y:a@b>", "Joe <n@h.example>", NULL },
	{ "a quoted local part", "Joe <\"a>b\"@c>", "Joe <n@h.example>", NULL },
	{ "an address literal", "a@[10.0.0.1]", "n@h.example", NULL },
	{ "several", "Joe <a@b>, c@d,Eve <e@f>", "Joe <n@h.example>", NULL },
	{ "the first is bare", "a@b, Eve <e@f>", "n@h.example", NULL },
	{ "empty members", ", ,a@b,", "n@h.example", NULL },
	{ "a group", "Team: a@b, Joe <c@d>;", "Team <n@h.example>", NULL },
	{ "a group of nobody", "Undisclosed:;", "Undisclosed <n@h.example>",
	    "" },
	{ "words", "Scanner 3", "Scanner 3 <n@h.example>", "" },
	{ "a name and no address", "Joe <>", "Joe <n@h.example>", "" },
	{ "nothing", "", "n@h.example", "" },
	{ "a comment", "(nobody)", "n@h.example (nobody)", "" },
	{ "folded", "\"Joe\r\n Doe\"\r\n\t<a@b>", "\"Joe Doe\" <n@h.example>",
	    "\"Joe Doe\" <a@b>" },
	{ "8-bit", "J\xf6 <a@b>", "J\xf6 <n@h.example>", NULL },
};

static void
from_gets_another_address_and_reply_to_the_old_one(void **state)
{
	const struct dg_header_edits w = { .from = DG_STR("n@h.example"),
		.reply_to_old_from = true };
	const struct dg_header_edits both = { .from = DG_STR("n@h.example"),
		.reply_to_old_from = true,
		.reply_to = DG_STR("env@b") };

	(void)state;
	for (size_t i = 0; i < LENGTH(froms); i++) {
		const char *r = froms[i].reply_to != NULL ? froms[i].reply_to
							  : froms[i].from;
		char head[500], want[1200], line[500] = "";

		snprintf(head, sizeof(head), "A: b\r\nfrom:%s\r\nC: d\r\n\r\n",
		    froms[i].from);
		if (r[0] != '\0')
			snprintf(line, sizeof(line), "Reply-To: %s\r\n", r);
		snprintf(want, sizeof(want),
		    "A: b\r\nFrom: %s\r\n%sC: d\r\n\r\n", froms[i].want, line);
		becomes(froms[i].why, head, &w, want);
		if (r[0] == '\0')
			snprintf(line, sizeof(line), "Reply-To: env@b\r\n");
		snprintf(want, sizeof(want),
		    "A: b\r\nFrom: %s\r\n%sC: d\r\n\r\n", froms[i].want, line);
		becomes("and somebody in reserve", head, &both, want);
	}
}

static void
what_is_no_list_of_mailboxes_stays(void **state)
{
	static const char *const bad[] = { "\"Joe <a@b>", "Joe <a@b",
		"Joe a@b>", "(Joe <a@b>", "a@b (x", "Joe <a@b> Doe", "<<a@b>>",
		"<a@b> <c@d>", "a@b)", "a@b;", "Team: a@b", "A: B: c@d;;",
		":a@b;", "x, a@b", "a@b, Scanner", "a@[10.0.0.1", "a\x01@b",
		"\"a\\", "(a\\", "<\"a", "a]" };
	const struct dg_header_edits w = { .from = DG_STR("n@h.example") };
	const struct dg_header_edits reply = { .reply_to_old_from = true };

	(void)state;
	for (size_t i = 0; i < LENGTH(bad); i++) {
		char head[100];

		snprintf(head, sizeof(head), "From: %s\r\n\r\n", bad[i]);
		fails(bad[i], head, &w, DG_E_PROTO);
		fails(bad[i], head, &reply, DG_E_PROTO);
	}
	fails("two of them", "From: a@b\r\nX: y\r\nFROM: c@d\r\n\r\n", &w,
	    DG_E_PROTO);
}

static void
reply_to_is_somebodys_wish(void **state)
{
	static const struct dg_str gone[] = { { "Reply-To", 8 },
		{ "From", 4 } };
	const struct dg_header_edits old = { .reply_to_old_from = true };
	const struct dg_header_edits given = { .reply_to = DG_STR("r@h") };
	const struct dg_header_edits moved = { .remove = gone,
		.n_remove = 1,
		.from = DG_STR("n@h"),
		.reply_to_old_from = true };
	const struct dg_header_edits anew = { .remove = gone,
		.n_remove = 2,
		.from = DG_STR("n@h"),
		.reply_to_old_from = true };
	const struct dg_header_edits both = { .reply_to_old_from = true,
		.reply_to = DG_STR("r@h") };

	(void)state;
	becomes("the author's stays", "Reply-To: x@y\r\nFrom: a@b\r\n\r\n",
	    &old, "Reply-To: x@y\r\nFrom: a@b\r\n\r\n");
	becomes("the author's stays, also before one in reserve",
	    "Reply-To: x@y\r\n\r\n", &both, "Reply-To: x@y\r\n\r\n");
	becomes("a given one replaces it",
	    "Reply-To: x@y\r\nFrom: a@b\r\nreply-to: z\r\n\r\n", &given,
	    "From: a@b\r\nReply-To: r@h\r\n\r\n");
	becomes("without From it stands at the end", "A: b\r\n\r\n", &given,
	    "A: b\r\nReply-To: r@h\r\n\r\n");
	becomes("one in reserve, without From", "A: b\r\n\r\n", &both,
	    "A: b\r\nReply-To: r@h\r\n\r\n");
	becomes("removed first", "From: a@b\r\nReply-To: x@y\r\n\r\n", &moved,
	    "From: n@h\r\nReply-To: a@b\r\n\r\n");
	becomes("both removed first", "From: a@b\r\nReply-To: x@y\r\n\r\n",
	    &anew, "From: n@h\r\n\r\n");
	becomes("no From: there is one now", "A: b\r\n\r\nx", &moved,
	    "A: b\r\nFrom: n@h\r\n\r\nx");
}

static void
an_address_that_is_none_is_not_written(void **state)
{
	static const char *const bad[] = { "a", "a@", "@b", "a@b>",
		"a@b\r\nX: y", "a b@c", "<a@b>", "a@b, c@d", "\xc3\xa4@b",
		"postmaster" };

	(void)state;
	for (size_t i = 0; i < LENGTH(bad); i++) {
		struct dg_header_edits w = { .from = dg_str(bad[i]) };
		struct dg_header_edits r = { .reply_to = dg_str(bad[i]) };

		fails(bad[i], "From: a@b\r\n\r\n", &w, DG_E_POLICY);
		fails(bad[i], "From: a@b\r\n\r\n", &r, DG_E_POLICY);
	}
}

static void
a_long_from_is_folded_and_a_hopeless_one_left(void **state)
{
	const struct dg_header_edits w = { .from = DG_STR("n@h.example"),
		.reply_to_old_from = true };
	struct dg_buf head, out;
	struct dg_err e = { 0 };

	(void)state;
	becomes("at blanks",
	    "From: " W10 W10 W10 W10 W10 W10 "xxxxxxxxx <a@b>\r\n\r\n", &w,
	    "From: " W10 W10 W10 W10 W10 W10 "xxxxxxxxx\r\n <n@h.example>\r\n"
	    "Reply-To: " W10 W10 W10 W10 W10 "xxxxxxxxx\r\n xxxxxxxxx "
	    "<a@b>\r\n\r\n");
	dg_buf_init(&head, 10000);
	dg_buf_init(&out, 10000);
	(void)dg_buf_adds(&head, "From: ");
	for (int i = 0; i < 10; i++)
		(void)dg_buf_adds(&head, X100);
	(void)dg_buf_adds(&head, " <a@b>\r\n\r\n");
	assert_int_equal(dg_header_edit(dg_buf_str(&head), &w, &out, &e),
	    DG_E_PROTO);
	assert_int_equal(out.n, 0);
	dg_buf_fini(&head);
	dg_buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    fields_go_out_and_in_and_the_rest_stays_as_it_is),
		cmocka_unit_test(a_name_is_printable_ascii_without_colon),
		cmocka_unit_test(too_much_leaves_what_was_there),
		cmocka_unit_test(values_are_made_safe_and_folded),
		cmocka_unit_test(no_line_is_too_long),
		cmocka_unit_test(
		    from_gets_another_address_and_reply_to_the_old_one),
		cmocka_unit_test(what_is_no_list_of_mailboxes_stays),
		cmocka_unit_test(reply_to_is_somebodys_wish),
		cmocka_unit_test(an_address_that_is_none_is_not_written),
		cmocka_unit_test(a_long_from_is_folded_and_a_hopeless_one_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
