/* record_test.c - copies of what is known about a message, names of ids. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/spool/record.h"

static void
a_copy_needs_nothing_of_the_original(void **state)
{
	char text[] = "b@two.example";
	struct dg_item_rcpt r = { .address = { text, 13 },
		.number = 77,
		.tries = 3 };
	struct dg_item item = { .sender = { text, 1 },
		.rcpts = &r,
		.n_rcpts = 1 };
	struct dg_kept *k = dg_kept_new(&item);

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_true(dg_str_is(k->item.sender, "b"));
	assert_true(dg_str_is(k->item.rcpts[0].address, "b@two.example"));
	assert_true(dg_str_is(k->item.rcpts[0].lane, ""));
	assert_int_equal(k->item.rcpts[0].number, 0); /* its place */
	assert_int_equal(k->item.rcpts[0].tries, 3);
	assert_true(dg_kept_bytes(k) >= 4096);
	dg_kept_free(k);
	dg_kept_free(NULL);
}

static void
names_of_ids_can_be_read_back(void **state)
{
	static const uint64_t ids[] = { 1, 31, 32, 0x123456789abcdef,
		UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		char name[16];
		uint64_t id = 0;

		dg_id_name(ids[i], name);
		assert_true(dg_id_read(name, &id));
		assert_true(id == ids[i]);
	}
}

static void
what_is_no_name_of_an_id_is_refused(void **state)
{
	static const char *const names[] = { "", ".", "..", "0", "1i", "1 ",
		"A", "zzzzzzzzzzzzzzzz", "1/2" };
	uint64_t id;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_false(dg_id_read(names[i], &id));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_copy_needs_nothing_of_the_original),
		cmocka_unit_test(names_of_ids_can_be_read_back),
		cmocka_unit_test(what_is_no_name_of_an_id_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
