/* conn_test.c - what an owner is told, when bytes move, how it ends. */
#include "tests/unit/net/help.h"

#include "dragoman/base/clock.h"

enum {
	MIB = 1024 * 1024
};

struct both {
	struct dg_loop *l;
	struct dg_conn *a, *b;
	struct ear ea, eb;
};

static void
open_both(struct both *t, bool is_tcp)
{
	int fds[2];

	t->l = dg_loop_new();
	ear_init(&t->ea);
	ear_init(&t->eb);
	if (is_tcp) {
		tcp_pair(fds);
		t->a = dg_conn_new(t->l, fds[0], hear, &t->ea);
		t->b = dg_conn_new(t->l, fds[1], hear, &t->eb);
	} else {
		dg_conn_pair(t->l, &t->a, &t->b);
		dg_conn_set_fn(t->a, hear, &t->ea);
		dg_conn_set_fn(t->b, hear, &t->eb);
	}
}

static void
close_both(struct both *t)
{
	dg_conn_free(t->a);
	dg_conn_free(t->b);
	dg_buf_fini(&t->ea.got);
	dg_buf_fini(&t->eb.got);
	dg_loop_free(t->l);
}

/* One end ours, the other a bare descriptor of the test. */
static int
open_one(struct both *t)
{
	int fds[2];

	*t = (struct both){ .l = dg_loop_new() };
	ear_init(&t->ea);
	ear_init(&t->eb);
	tcp_pair(fds);
	t->a = dg_conn_new(t->l, fds[0], hear, &t->ea);
	return fds[1];
}

static void
bytes_pass_both_ways_over_sockets_and_pairs(void **state)
{
	(void)state;
	for (int is_tcp = 0; is_tcp < 2; is_tcp++) {
		struct both t;

		open_both(&t, is_tcp == 1);
		dg_conn_send(t.a, DG_STR("EHLO a\r\n"));
		assert_int_equal(dg_conn_pending(t.a), 8);
		assert_int_equal(t.eb.n, 0); /* never inside a call */
		dg_conn_send(t.b, DG_STR("220 b\r\n"));
		TURN_UNTIL(t.l, t.ea.got.n > 0 && t.eb.got.n > 0);
		assert_true(ear_got(&t.eb, "EHLO a\r\n"));
		assert_true(ear_got(&t.ea, "220 b\r\n"));
		assert_int_equal(dg_conn_pending(t.a), 0);
		assert_string_equal(t.ea.told, "I");
		close_both(&t);
	}
}

static void
what_is_sent_in_one_turn_is_one_segment(void **state)
{
	struct both t;
	int fd = open_one(&t);
	char in[64];

	(void)state;
	dg_conn_send(t.a, DG_STR("250-one\r\n"));
	dg_conn_send(t.a, DG_STR("250 two\r\n"));
	dg_loop_turn(t.l, 0);
	assert_int_equal(recv(fd, in, sizeof(in), 0), 18);
	close(fd);
	close_both(&t);
}

static void
addresses_are_the_peers_or_what_a_pair_was_given(void **state)
{
	struct both t;

	(void)state;
	open_both(&t, true);
	assert_true(dg_str_is(dg_conn_address(t.b), "127.0.0.1"));
	assert_true(
	    dg_str_has_prefix(dg_conn_address_port(t.b), DG_STR("127.0.0.1:")));
	close_both(&t);
	open_both(&t, false);
	assert_true(dg_str_is(dg_conn_address(t.b), ""));
	assert_true(dg_str_is(dg_conn_address_port(t.b), ""));
	dg_conn_set_address(t.b, DG_STR("10.0.0.5"), 1025);
	assert_true(dg_str_is(dg_conn_address(t.b), "10.0.0.5"));
	assert_true(dg_str_is(dg_conn_address_port(t.b), "10.0.0.5:1025"));
	dg_conn_set_address(t.b, DG_STR("::1"), 25);
	assert_true(dg_str_is(dg_conn_address_port(t.b), "[::1]:25"));
	close_both(&t);
}

static void
what_comes_before_there_is_an_owner_is_told_to_it(void **state)
{
	struct both t = { .l = dg_loop_new() };

	(void)state;
	ear_init(&t.ea);
	ear_init(&t.eb);
	dg_conn_pair(t.l, &t.a, &t.b);
	dg_conn_set_fn(t.a, hear, &t.ea);
	dg_conn_send(t.a, DG_STR("early"));
	settle(t.l);
	dg_conn_free(t.a);
	t.a = NULL;
	settle(t.l);
	dg_conn_set_fn(t.b, hear, &t.eb);
	assert_int_equal(t.eb.n, 0);
	TURN_UNTIL(t.l, t.eb.n == 2);
	assert_string_equal(t.eb.told, "IE");
	assert_true(ear_got(&t.eb, "early"));
	close_both(&t);
}

static void
input_stays_until_eaten_and_is_one_piece(void **state)
{
	struct both t;

	(void)state;
	open_both(&t, true);
	t.eb.eats = false;
	for (int i = 0; i < 50; i++) {
		dg_conn_send(t.a, DG_STR("0123456789"));
		dg_loop_turn(t.l, 5);
	}
	TURN_UNTIL(t.l, dg_conn_input(t.b).n == 500);
	dg_conn_eat(t.b, 3);
	assert_true(dg_str_has_prefix(dg_conn_input(t.b), DG_STR("345678901")));
	assert_int_equal(dg_conn_input(t.b).n, 497);
	dg_conn_eat(t.b, 497);
	assert_int_equal(dg_conn_input(t.b).n, 0);
	close_both(&t);
}

static void
a_paused_owner_hears_input_and_its_end_afterwards(void **state)
{
	struct both t;

	(void)state;
	open_both(&t, true);
	dg_conn_pause(t.b, true);
	dg_conn_send(t.a, DG_STR("MAIL"));
	settle(t.l);
	dg_conn_finish(t.a);
	settle(t.l);
	assert_int_equal(t.eb.n, 0);
	dg_conn_pause(t.b, false);
	assert_int_equal(t.eb.n, 0);
	TURN_UNTIL(t.l, t.eb.n == 2);
	assert_string_equal(t.eb.told, "IE");
	assert_true(ear_got(&t.eb, "MAIL"));
	close_both(&t);
}

static void
a_pause_bounds_what_is_kept(void **state)
{
	struct both t;
	char *big = calloc(1, 4 * MIB);

	(void)state;
	open_both(&t, true);
	dg_conn_pause(t.b, true);
	dg_conn_send(t.a, dg_str_of(big, 4 * MIB));
	settle(t.l);
	assert_true(dg_conn_input(t.b).n <= 256 * 1024);
	assert_true(dg_conn_pending(t.a) > 0);
	dg_conn_pause(t.b, false);
	TURN_UNTIL(t.l, t.eb.got.n == 4 * MIB);
	free(big);
	close_both(&t);
}

static void
unread_input_is_capped_and_goes_on_when_eaten(void **state)
{
	struct both t;
	char *big = calloc(1, 8 * MIB);
	size_t n;

	(void)state;
	open_both(&t, true);
	t.eb.eats = false;
	dg_conn_send(t.a, dg_str_of(big, 8 * MIB));
	TURN_UNTIL(t.l, dg_conn_input(t.b).n >= 224 * 1024);
	settle(t.l);
	n = dg_conn_input(t.b).n;
	assert_in_range(n, 224 * 1024, 256 * 1024);
	t.eb.eats = true;
	t.eb.n = 0;
	dg_conn_eat(t.b, n);
	TURN_UNTIL(t.l, t.eb.got.n == 8 * MIB - n);
	free(big);
	close_both(&t);
}

/* ---- back-pressure ---- */

struct echo {
	size_t done, highest;
};

static void
echo(void *ctx, struct dg_conn *c, enum dg_conn_event ev)
{
	struct echo *e = ctx;
	struct dg_str in;

	if (ev != DG_CONN_INPUT && ev != DG_CONN_DRAINED)
		return;
	while ((in = dg_conn_input(c)).n > 0 && dg_conn_pending(c) < 65536) {
		struct dg_str piece = dg_str_sub(in, 0, 16384);

		dg_conn_send(c, piece);
		e->done += piece.n;
		dg_conn_eat(c, piece.n);
	}
	if (dg_conn_pending(c) > e->highest)
		e->highest = dg_conn_pending(c);
	dg_conn_pause(c, dg_conn_pending(c) >= 65536);
}

struct source {
	size_t left;
	size_t highest;
	unsigned seed; /* of what comes next */
};

static void
fill(struct dg_conn *c, struct source *s)
{
	char piece[10000];

	while (s->left > 0 && dg_conn_pending(c) < 65536) {
		size_t n = s->left < sizeof(piece) ? s->left : sizeof(piece);

		for (size_t i = 0; i < n; i++)
			piece[i] = (char)(s->seed++ * 2654435761u >> 24);
		dg_conn_send(c, dg_str_of(piece, n));
		s->left -= n;
	}
	if (dg_conn_pending(c) > s->highest)
		s->highest = dg_conn_pending(c);
}

struct driver {
	struct ear ear;
	struct source src;
};

static void
drive(void *ctx, struct dg_conn *c, enum dg_conn_event ev)
{
	struct driver *d = ctx;

	hear(&d->ear, c, ev);
	fill(c, &d->src);
}

static void
ten_mib_come_back_with_bounded_memory(void **state)
{
	(void)state;
	for (int is_tcp = 0; is_tcp < 2; is_tcp++) {
		struct both t;
		struct echo e = { 0 };
		struct driver d = { .src = { .left = 10 * MIB } };

		open_both(&t, is_tcp == 1);
		ear_init(&d.ear);
		dg_conn_set_fn(t.a, drive, &d);
		dg_conn_set_fn(t.b, echo, &e);
		fill(t.a, &d.src);
		TURN_UNTIL(t.l, d.ear.got.n == 10 * MIB);
		for (unsigned i = 0; i < 10 * MIB; i++)
			if (d.ear.got.p[i] != (char)(i * 2654435761u >> 24))
				fail_msg("byte %u differs", i);
		assert_true(e.highest <= 65536 + 16384);
		assert_true(d.src.highest <= 65536 + 10000);
		dg_buf_fini(&d.ear.got);
		close_both(&t);
	}
}

static void
drained_is_told_once_after_64_kib(void **state)
{
	struct both t;
	char *big = calloc(1, MIB);

	(void)state;
	open_both(&t, true);
	dg_conn_send(t.a, DG_STR("little"));
	settle(t.l);
	assert_int_equal(t.ea.n, 0);
	dg_conn_send(t.a, dg_str_of(big, MIB));
	TURN_UNTIL(t.l, t.eb.got.n == MIB + 6);
	settle(t.l);
	assert_string_equal(t.ea.told, "D");
	free(big);
	close_both(&t);
}

/* ---- ends ---- */

static void
a_half_closed_peer_still_gets_its_reply(void **state)
{
	struct both t;
	int fd = open_one(&t);
	char *in = malloc(MIB);
	size_t n = 0;

	(void)state;
	assert_int_equal(send(fd, ".\r\nQUIT\r\n", 9, 0), 9);
	shutdown(fd, SHUT_WR);
	TURN_UNTIL(t.l, t.ea.n == 2);
	assert_string_equal(t.ea.told, "IE");
	assert_true(ear_got(&t.ea, ".\r\nQUIT\r\n"));
	settle(t.l); /* the commit takes its time */
	memset(in, 'x', MIB);
	dg_conn_send(t.a, DG_STR("250 ok\r\n221 bye\r\n"));
	dg_conn_send(t.a, dg_str_of(in, MIB));
	dg_conn_finish(t.a);
	while (n < MIB + 17) {
		ssize_t k = recv(fd, in, n == 0 ? 17 : MIB, 0);

		assert_true(k != 0);
		if (k > 0 && n == 0)
			assert_memory_equal(in, "250 ok\r\n221 bye\r\n", 17);
		if (k > 0)
			n += (size_t)k;
		dg_loop_turn(t.l, 1);
	}
	TURN_UNTIL(t.l, t.ea.told[t.ea.n - 1] == 'C');
	assert_string_equal(t.ea.told, "IEC");
	assert_int_equal(recv(fd, in, 1, 0), 0);
	free(in);
	close(fd);
	close_both(&t);
}

static void
finish_waits_for_the_peer_so_that_no_reset_eats_the_reply(void **state)
{
	struct both t;
	int fd = open_one(&t);
	char in[64];

	(void)state;
	/* more comes than was read: a plain close() would reset */
	assert_int_equal(send(fd, "junk junk", 9, 0), 9);
	dg_conn_send(t.a, DG_STR("421 bye\r\n"));
	dg_conn_finish(t.a);
	dg_conn_finish(t.a);
	settle(t.l);
	assert_int_equal(send(fd, "more junk", 9, 0), 9);
	settle(t.l);
	assert_int_equal(t.ea.n, 0); /* neither input nor an early end */
	assert_int_equal(recv(fd, in, sizeof(in), 0), 9);
	assert_int_equal(recv(fd, in, sizeof(in), 0), 0);
	close(fd);
	TURN_UNTIL(t.l, t.ea.n == 1);
	assert_string_equal(t.ea.told, "C");
	close_both(&t);
}

static void
finish_ends_though_the_peer_never_does(void **state)
{
	struct both t;
	int fd = open_one(&t);
	int64_t start = real_ms();

	(void)state;
	dg_conn_finish(t.a);
	TURN_UNTIL(t.l, t.ea.n == 1);
	assert_string_equal(t.ea.told, "C");
	assert_in_range(real_ms() - start, 4500, 9000);
	close(fd);
	close_both(&t);
}

static void
set_reset(int fd)
{
	struct linger hard = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(fd);
}

static void
a_reset_is_lost_with_words_and_nothing_after_it(void **state)
{
	struct both t;
	int fd = open_one(&t);

	(void)state;
	dg_conn_deadline(t.a, 20);
	set_reset(fd);
	TURN_UNTIL(t.l, t.ea.n == 1);
	assert_string_equal(t.ea.told, "L");
	assert_string_equal(dg_conn_error(t.a),
	    "the other side reset the connection");
	dg_conn_send(t.a, DG_STR("nobody hears"));
	assert_int_equal(dg_conn_pending(t.a), 0);
	for (int i = 0; i < 5; i++)
		dg_loop_turn(t.l, 20);
	assert_string_equal(t.ea.told, "L");
	/* an owner that finishes what is lost still gets its end */
	dg_conn_finish(t.a);
	TURN_UNTIL(t.l, t.ea.n == 2);
	assert_string_equal(t.ea.told, "LC");
	close_both(&t);
}

static void
last_words_before_a_reset_are_heard(void **state)
{
	struct both t;
	int fd = open_one(&t);
	char *big = calloc(1, 4 * MIB);

	(void)state;
	t.ea.eats = true;
	/* the hop says no and closes over what we send: that resets us */
	dg_conn_send(t.a, DG_STR("body"));
	dg_loop_turn(t.l, 0);
	dg_conn_pause(t.a, true);
	assert_int_equal(send(fd, "552 too big\r\n", 13, 0), 13);
	close(fd);
	dg_conn_pause(t.a, false);
	dg_conn_send(t.a, dg_str_of(big, 4 * MIB));
	TURN_UNTIL(t.l, t.ea.n > 0 && t.ea.told[t.ea.n - 1] == 'L');
	assert_true(ear_got(&t.ea, "552 too big\r\n"));
	assert_string_equal(t.ea.told, "IL");
	free(big);
	close_both(&t);
}

static void
freeing_one_end_of_a_pair_ends_the_other(void **state)
{
	struct both t;

	(void)state;
	open_both(&t, false);
	dg_conn_free(t.a);
	t.a = NULL;
	TURN_UNTIL(t.l, t.eb.n == 1);
	assert_string_equal(t.eb.told, "E");
	dg_conn_send(t.b, DG_STR("250 to nobody\r\n"));
	TURN_UNTIL(t.l, t.eb.n == 2);
	assert_string_equal(t.eb.told, "EL");
	close_both(&t);
}

/* ---- deadlines ---- */

static void
a_deadline_is_told_once_and_not_moved_by_clock_jumps(void **state)
{
	struct both t;

	(void)state;
	open_both(&t, false);
	dg_conn_deadline(t.a, 60000);
	dg_clock_jump(86400 * 1000);
	settle(t.l);
	assert_int_equal(t.ea.n, 0);
	dg_conn_deadline(t.a, 10); /* re-armed */
	TURN_UNTIL(t.l, t.ea.n == 1);
	settle(t.l);
	assert_string_equal(t.ea.told, "X");
	dg_conn_deadline(t.a, 10);
	dg_conn_deadline(t.a, 0); /* and taken back */
	for (int i = 0; i < 5; i++)
		dg_loop_turn(t.l, 10);
	assert_string_equal(t.ea.told, "X");
	dg_clock_jump(-86400 * 1000);
	close_both(&t);
}

/* ---- freeing ---- */

static const struct {
	const char *why;
	enum dg_conn_event at;
} free_cases[] = {
	{ "in input", DG_CONN_INPUT },
	{ "when drained", DG_CONN_DRAINED },
	{ "at the end of input", DG_CONN_EOF },
	{ "when lost", DG_CONN_LOST },
	{ "at the deadline", DG_CONN_DEADLINE },
	{ "when closed", DG_CONN_CLOSED },
};

static void
provoke(struct both *t, int *fd, enum dg_conn_event ev)
{
	static char big[MIB];

	switch (ev) {
	case DG_CONN_INPUT:
		assert_int_equal(send(*fd, "x", 1, 0), 1);
		break;
	case DG_CONN_DRAINED:
		dg_conn_send(t->a, dg_str_of(big, 65536));
		break;
	case DG_CONN_EOF:
		shutdown(*fd, SHUT_WR);
		break;
	case DG_CONN_LOST:
		set_reset(*fd);
		*fd = -1;
		break;
	case DG_CONN_DEADLINE:
		dg_conn_deadline(t->a, 1);
		break;
	default:
		shutdown(*fd, SHUT_WR);
		dg_conn_finish(t->a);
		break;
	}
}

static void
an_owner_may_free_it_inside_any_event(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(free_cases) / sizeof(free_cases[0]);
	     i++) {
		struct both t;
		int fd = open_one(&t);

		print_message("  %s\n", free_cases[i].why);
		t.ea.at = (int)free_cases[i].at;
		provoke(&t, &fd, free_cases[i].at);
		TURN_UNTIL(t.l, t.ea.n > 0);
		settle(t.l);
		assert_int_equal(t.ea.n, 1);
		t.a = NULL;
		if (fd >= 0)
			close(fd);
		close_both(&t);
	}
}

struct killer {
	struct dg_conn *victim;
	int n;
};

static void
kill_other(void *ctx, struct dg_conn *c, enum dg_conn_event ev)
{
	struct killer *k = ctx;

	(void)c;
	(void)ev;
	k->n++;
	dg_conn_free(k->victim);
	k->victim = NULL;
}

static void
nothing_is_told_after_another_freed_it(void **state)
{
	struct dg_loop *l = dg_loop_new();
	struct dg_conn *c[4];
	struct killer k[2] = { 0 };

	(void)state;
	dg_conn_pair(l, &c[0], &c[1]);
	dg_conn_pair(l, &c[2], &c[3]);
	k[0].victim = c[3];
	k[1].victim = c[1];
	dg_conn_set_fn(c[1], kill_other, &k[0]);
	dg_conn_set_fn(c[3], kill_other, &k[1]);
	dg_conn_send(c[0], DG_STR("x")); /* both are ready in one turn */
	dg_conn_send(c[2], DG_STR("x"));
	settle(l);
	assert_int_equal(k[0].n + k[1].n, 1);
	/* what is freed with output still gathered in the turn */
	dg_conn_send(c[0], DG_STR("y"));
	for (int i = 0; i < 4; i += 2)
		dg_conn_free(c[i]);
	dg_conn_free(k[0].n == 1 ? c[1] : c[3]);
	dg_conn_free(NULL);
	settle(l);
	dg_loop_free(l);
}

static void
descriptors_are_closed_and_may_be_reused_at_once(void **state)
{
	struct dg_loop *l = dg_loop_new();
	struct ear e;

	(void)state;
	ear_init(&e);
	for (int i = 0; i < 300; i++) {
		int fds[2];
		struct dg_conn *a, *b;

		tcp_pair(fds);
		assert_true(fds[0] < 100 && fds[1] < 100);
		a = dg_conn_new(l, fds[0], hear, &e);
		b = dg_conn_new(l, fds[1], hear, &e);
		e.got.n = 0;
		dg_conn_send(a, DG_STR("x"));
		dg_conn_send(b, DG_STR("y"));
		TURN_UNTIL(l, e.got.n == 2);
		dg_conn_free(a);
		dg_loop_turn(l, i % 3);
		dg_conn_free(b);
		dg_loop_turn(l, 0);
	}
	dg_buf_fini(&e.got);
	dg_loop_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_pass_both_ways_over_sockets_and_pairs),
		cmocka_unit_test(what_is_sent_in_one_turn_is_one_segment),
		cmocka_unit_test(
		    addresses_are_the_peers_or_what_a_pair_was_given),
		cmocka_unit_test(
		    what_comes_before_there_is_an_owner_is_told_to_it),
		cmocka_unit_test(input_stays_until_eaten_and_is_one_piece),
		cmocka_unit_test(
		    a_paused_owner_hears_input_and_its_end_afterwards),
		cmocka_unit_test(a_pause_bounds_what_is_kept),
		cmocka_unit_test(unread_input_is_capped_and_goes_on_when_eaten),
		cmocka_unit_test(ten_mib_come_back_with_bounded_memory),
		cmocka_unit_test(drained_is_told_once_after_64_kib),
		cmocka_unit_test(a_half_closed_peer_still_gets_its_reply),
		cmocka_unit_test(
		    finish_waits_for_the_peer_so_that_no_reset_eats_the_reply),
		cmocka_unit_test(finish_ends_though_the_peer_never_does),
		cmocka_unit_test(
		    a_reset_is_lost_with_words_and_nothing_after_it),
		cmocka_unit_test(last_words_before_a_reset_are_heard),
		cmocka_unit_test(freeing_one_end_of_a_pair_ends_the_other),
		cmocka_unit_test(
		    a_deadline_is_told_once_and_not_moved_by_clock_jumps),
		cmocka_unit_test(an_owner_may_free_it_inside_any_event),
		cmocka_unit_test(nothing_is_told_after_another_freed_it),
		cmocka_unit_test(
		    descriptors_are_closed_and_may_be_reused_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
