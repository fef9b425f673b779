/* connect_test.c - reaching a host, or the reason in words.  Names come from a
 * hosts file and from a name server of a few lines on the test's own loop. */
#include "tests/unit/net/help.h"
#include <sys/un.h>

#include "dragoman/base/clock.h"
#include "dragoman/net/connect.h"
#include "dragoman/net/listener.h"

/* ---- a name server ---- */

enum {
	ANSWER,
	NOTHING,
	SILENT,
	NXDOMAIN,
	SERVFAIL
};

static const struct {
	const char *name;
	int a, aaaa;            /* what is done when asked */
	const char *address[2]; /* of an ANSWER to A */
	const char *v6;
} zone[] = {
	{ "one.example", ANSWER, NOTHING, { "127.0.0.1", NULL }, NULL },
	{ "two.example", ANSWER, NOTHING, { "127.0.0.2", "127.0.0.1" }, NULL },
	{ "both.example", ANSWER, ANSWER, { "127.0.0.1", NULL }, "::1" },
	{ "deaf6.example", ANSWER, SILENT, { "127.0.0.1", NULL }, NULL },
	{ "mx-only.example", NOTHING, NOTHING, { NULL, NULL }, NULL },
	{ "ill.example", SERVFAIL, SERVFAIL, { NULL, NULL }, NULL },
	{ "silent.example", SILENT, SILENT, { NULL, NULL }, NULL },
};

struct server {
	int fd;
	char at[32]; /* "127.0.0.1@port" */
	struct dg_watch *watch;
	unsigned asked;
};

/* The name of a question as text; its end is returned. */
static size_t
name_at(const unsigned char *p, size_t n, char *name, size_t room)
{
	size_t at = 12, k = 0;

	while (at < n && p[at] != 0) {
		for (unsigned i = 1; i <= p[at] && k + 2 < room; i++)
			name[k++] = (char)p[at + i];
		name[k++] = '.';
		at += 1u + p[at];
	}
	name[k > 0 ? k - 1 : 0] = '\0';
	return at + 1;
}

static size_t
add_record(unsigned char *p, size_t n, bool is_v6, const char *address)
{
	static const unsigned char head[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60,
		0, 4 };

	memcpy(p + n, head, sizeof(head));
	p[n + 3] = is_v6 ? 28 : 1;
	p[n + 11] = is_v6 ? 16 : 4;
	inet_pton(is_v6 ? AF_INET6 : AF_INET, address, p + n + sizeof(head));
	p[7]++;
	return n + sizeof(head) + (is_v6 ? 16 : 4);
}

static int
answer(unsigned char *p, size_t *n, const char *name, bool is_v6)
{
	for (size_t i = 0; i < sizeof(zone) / sizeof(zone[0]); i++) {
		int what = is_v6 ? zone[i].aaaa : zone[i].a;

		if (strcasecmp(zone[i].name, name) != 0)
			continue;
		if (what == ANSWER && is_v6)
			*n = add_record(p, *n, true, zone[i].v6);
		for (int k = 0; what == ANSWER && !is_v6 && k < 2; k++)
			if (zone[i].address[k] != NULL)
				*n = add_record(p, *n, false,
				    zone[i].address[k]);
		return what;
	}
	return NXDOMAIN;
}

static void
on_question(void *ctx)
{
	struct server *s = ctx;
	unsigned char p[512] = { 0 };
	struct sockaddr_in from;
	socklen_t from_n = sizeof(from);
	ssize_t got =
	    recvfrom(s->fd, p, 300, 0, (struct sockaddr *)&from, &from_n);
	char name[256];
	size_t n;
	bool is_v6;
	int what;

	if (got < 17)
		return;
	s->asked++;
	n = name_at(p, (size_t)got, name, sizeof(name));
	is_v6 = p[n + 1] == 28;
	n += 4;
	p[2] = 0x81; /* an answer, recursion desired and there */
	p[3] = 0x80;
	p[7] = p[9] = p[11] = 0;
	what = answer(p, &n, name, is_v6);
	if (what == SILENT)
		return;
	p[3] |= what == NXDOMAIN ? 3 : what == SERVFAIL ? 2 : 0;
	sendto(s->fd, p, n, 0, (struct sockaddr *)&from, from_n);
}

static void
server_open(struct server *s, struct dg_loop *l)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);

	*s = (struct server){ .fd = socket(AF_INET, SOCK_DGRAM, 0) };
	fcntl(s->fd, F_SETFL, O_NONBLOCK);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&a, n), 0);
	getsockname(s->fd, (struct sockaddr *)&a, &n);
	snprintf(s->at, sizeof(s->at), "127.0.0.1@%d", ntohs(a.sin_port));
	s->watch = dg_watch_new(l, s->fd, on_question, s);
}

/* ---- the dialling side ---- */

struct world {
	struct dg_loop *l;
	struct server dns;
	struct dg_dialer *d;
	int listening, port;
	char hosts[40];
	/* what the last dial came to */
	unsigned ended;
	uint64_t ticket;
	struct dg_conn *c;
	struct dg_err e;
	int64_t took_ms;
};

static void
on_dialled(void *ctx, uint64_t ticket, struct dg_conn *own_conn,
    const struct dg_err *e)
{
	struct world *w = ctx;

	w->ended++;
	w->ticket = ticket;
	w->c = own_conn;
	w->e = *e;
}

static void
write_hosts(struct world *w)
{
	static const char text[] =
	    "127.0.0.1 localhost\n127.0.0.1 home.example home\n";
	int fd;

	snprintf(w->hosts, sizeof(w->hosts), "/tmp/dragoman-hosts-XXXXXX");
	fd = mkstemp(w->hosts);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1),
	    (int)sizeof(text) - 1);
	close(fd);
}

static void
world_open(struct world *w)
{
	struct dg_buf bound;
	struct dg_err e;
	const char *servers[2] = { NULL, NULL };
	struct dg_dialer_options o = { .dns_servers = servers };

	*w = (struct world){ .l = dg_loop_new() };
	server_open(&w->dns, w->l);
	write_hosts(w);
	servers[0] = w->dns.at;
	o.hosts_file = w->hosts;
	w->d = dg_dialer_new(w->l, &o);
	dg_buf_init(&bound, 100);
	assert_int_equal(dg_listen(DG_STR("127.0.0.1:0"), 1, &w->listening,
			     &bound, &e),
	    DG_OK);
	w->port = (int)strtol(strrchr(dg_buf_z(&bound), ':') + 1, NULL, 10);
	dg_buf_fini(&bound);
}

static void
world_close(struct world *w)
{
	dg_conn_free(w->c);
	dg_dialer_free(w->d);
	dg_watch_free(w->dns.watch);
	close(w->dns.fd);
	close(w->listening);
	unlink(w->hosts);
	dg_loop_free(w->l);
}

/* Dial "host" at the port that listens, and wait for the end. */
static void
dial(struct world *w, const char *host, const char *source, int64_t timeout_ms)
{
	char where[300];
	int64_t start = real_ms();

	dg_conn_free(w->c);
	w->c = NULL;
	w->ended = 0;
	snprintf(where, sizeof(where), "%s:%d", host, w->port);
	dg_dial(w->d, dg_str(where), dg_str(source), timeout_ms, on_dialled, w,
	    77);
	memset(where, 'x', sizeof(where)); /* it was copied */
	assert_int_equal(w->ended, 0);     /* never inside the call */
	TURN_UNTIL(w->l, w->ended > 0);
	assert_int_equal(w->ended, 1);
	assert_int_equal(w->ticket, 77);
	w->took_ms = real_ms() - start;
}

static void
assert_says(const struct world *w, const char *words)
{
	assert_null(w->c);
	assert_int_not_equal(w->e.rc, DG_OK);
	assert_int_equal(w->e.code, 451);
	assert_int_equal(w->e.enhanced[0], '4');
	if (strstr(w->e.text, words) == NULL)
		fail_msg("says: %s", w->e.text);
}

static const struct {
	const char *why, *host;
} reached_cases[] = {
	{ "an address", "127.0.0.1" },
	{ "the local name", "localhost" },
	{ "a name of the hosts file", "home.example" },
	{ "letters' case does not matter", "HOME.Example" },
	{ "a name of the name server", "one.example" },
	{ "with a dot at the end", "one.example." },
	{ "the first address refuses", "two.example" },
	{ "the IPv6 address refuses", "both.example" },
};

static void
hosts_are_reached_by_address_hosts_file_and_dns(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	for (size_t i = 0; i < sizeof(reached_cases) / sizeof(reached_cases[0]);
	     i++) {
		print_message("  %s\n", reached_cases[i].why);
		dial(&w, reached_cases[i].host, "", 5000);
		if (w.c == NULL)
			fail_msg("says: %s", w.e.text);
		assert_true(dg_str_is(dg_conn_address(w.c), "127.0.0.1"));
	}
	world_close(&w);
}

static void
dial_where(struct world *w, const char *where)
{
	dg_conn_free(w->c);
	w->c = NULL;
	w->ended = 0;
	dg_dial(w->d, dg_str(where), DG_STR(""), 5000, on_dialled, w, 77);
	assert_int_equal(w->ended, 0);
	TURN_UNTIL(w->l, w->ended > 0);
}

static void
a_socket_in_the_file_system_is_reached_by_its_path(void **state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char folder[] = "/tmp/dragoman-unix-XXXXXX", where[200], longer[300];
	struct world w;
	int fd;

	(void)state;
	world_open(&w);
	assert_non_null(mkdtemp(folder));
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/s", folder);
	snprintf(where, sizeof(where), "unix:%s", at.sun_path);
	dial_where(&w, where);
	assert_says(&w, "/s ");
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	dial_where(&w, where);
	assert_says(&w, "refused");
	assert_int_equal(listen(fd, 0), 0);
	dial_where(&w, where);
	assert_non_null(w.c);
	close(fd);
	unlink(at.sun_path);
	rmdir(folder);
	dial_where(&w, "unix:relative");
	assert_says(&w, "no path");
	memset(longer, 'x', sizeof(longer));
	memcpy(longer, "unix:/", 6);
	longer[sizeof(longer) - 1] = '\0';
	dial_where(&w, longer);
	assert_says(&w, "no path");
	world_close(&w);
}

static void
no_name_server_is_asked_for_addresses_and_known_names(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	dial(&w, "127.0.0.1", "", 5000);
	dial(&w, "home.example", "", 5000);
	assert_non_null(w.c);
	assert_int_equal(w.dns.asked, 0);
	dial(&w, "one.example", "", 5000);
	assert_in_range(w.dns.asked, 1, 4);
	w.dns.asked = 0;
	dial(&w, "one.example", "", 5000); /* remembered */
	assert_int_equal(w.dns.asked, 0);
	world_close(&w);
}

static void
why_a_host_is_not_reached_is_said_in_words(void **state)
{
	struct world w;
	char port[100];

	(void)state;
	world_open(&w);
	dial(&w, "127.0.0.9", "", 5000);
	snprintf(port, sizeof(port), "127.0.0.9:%d refused the connection",
	    w.port);
	assert_says(&w, port);
	assert_string_equal(w.e.enhanced, "4.4.1");
	dial(&w, "nobody.example", "", 5000);
	assert_says(&w, "no such host: nobody.example");
	assert_null(strstr(w.e.text, "address"));
	dial(&w, "mx-only.example", "", 5000);
	assert_says(&w, "no such host: mx-only.example has no address");
	dial(&w, "ill.example", "", 5000);
	assert_says(&w, "the name server did not answer for ill.example");
	dial(&w, "silent.example", "", 300);
	assert_says(&w, "the name server did not answer in time");
	assert_in_range(w.took_ms, 250, 3000);
	assert_int_equal(w.e.rc, DG_E_TIMEOUT);
	dial(&w, "bad name", "", 5000);
	assert_says(&w, "is not a host or host:port");
	dial(&w, "bad$name", "", 5000);
	assert_says(&w, "is not a host name");
	dial(&w, "127.0.0.1", "here", 5000);
	assert_says(&w, "source \"here\" is not an address");
	dial(&w, "127.0.0.1", "::1", 5000);
	assert_says(&w, "is of another kind than source ::1");
	dial(&w, "127.0.0.1", "192.0.2.1", 5000);
	assert_says(&w, "this machine has no address 192.0.2.1");
	world_close(&w);
}

static void
all_addresses_that_failed_are_named(void **state)
{
	struct world w;
	char both[200];

	(void)state;
	world_open(&w);
	close(w.listening); /* now nobody listens on either */
	dial(&w, "two.example", "", 5000);
	snprintf(both, sizeof(both),
	    "127.0.0.2:%d refused the connection; 127.0.0.1:%d refused the "
	    "connection",
	    w.port, w.port);
	/* the server says 127.0.0.2 first; a resolver may turn them round */
	assert_null(w.c);
	assert_non_null(strstr(w.e.text, "127.0.0.1:"));
	assert_non_null(strstr(w.e.text, "127.0.0.2:"));
	assert_int_equal(strlen(w.e.text), strlen(both));
	w.listening = dup(0);
	world_close(&w);
}

static void
half_a_dns_answer_is_enough_after_a_while(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	dial(&w, "deaf6.example", "", 8000);
	assert_non_null(w.c);
	assert_in_range(w.took_ms, 1500, 4000);
	world_close(&w);
}

static void
the_source_address_is_used(void **state)
{
	struct world w;
	struct sockaddr_in a;
	socklen_t n = sizeof(a);
	int fd;

	(void)state;
	world_open(&w);
	dial(&w, "127.0.0.1", "127.0.0.7", 5000);
	assert_non_null(w.c);
	fd = accept(w.listening, (struct sockaddr *)&a, &n);
	assert_int_equal(ntohl(a.sin_addr.s_addr), 0x7f000007);
	close(fd);
	world_close(&w);
}

static void
a_silent_address_leaves_time_for_the_next(void **state)
{
	struct world w;
	int fillers[8], hole;

	(void)state;
	world_open(&w);
	hole = black_hole(w.port, fillers, 8);
	dial(&w, "127.0.0.2", "", 300);
	assert_says(&w, "127.0.0.2:");
	assert_says(&w, "did not answer in time");
	assert_int_equal(w.e.rc, DG_E_TIMEOUT);
	assert_in_range(w.took_ms, 250, 3000);
	/* two addresses, 1 s: half of it at most for the silent one */
	for (int i = 0; i < 4; i++) {
		dial(&w, "two.example", "", 1000);
		assert_non_null(w.c);
		assert_in_range(w.took_ms, 0, 900);
	}
	for (int i = 0; i < 8; i++)
		close(fillers[i]);
	close(hole);
	world_close(&w);
}

static void
clock_jumps_shorten_no_dial(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	dg_dial(w.d, DG_STR("silent.example"), DG_STR(""), 60000, on_dialled,
	    &w, 1);
	settle(w.l);
	dg_clock_jump(86400 * 1000);
	settle(w.l);
	assert_int_equal(w.ended, 0);
	dg_clock_jump(-86400 * 1000);
	world_close(&w); /* and it is forgotten without a word */
	assert_int_equal(w.ended, 0);
}

static void
a_dialer_may_go_while_dials_are_out(void **state)
{
	static const char *const names[] = { "127.0.0.1:1", "silent.example",
		"one.example", "home.example", "bad name" };

	(void)state;
	for (int turns = 0; turns < 3; turns++) {
		struct world w;

		world_open(&w);
		for (size_t i = 0; i < 5; i++)
			dg_dial(w.d, dg_str(names[i]), DG_STR(""), 5000,
			    on_dialled, &w, i);
		for (int i = 0; i < turns; i++)
			dg_loop_turn(w.l, 0);
		dg_conn_free(w.c);
		w.c = NULL;
		world_close(&w);
	}
	dg_dialer_free(NULL);
}

static void
on_one_of_many(void *ctx, uint64_t ticket, struct dg_conn *own_conn,
    const struct dg_err *e)
{
	struct world *w = ctx;

	if (own_conn == NULL)
		fail_msg("says: %s", e->text);
	w->ended++;
	w->ticket += ticket;
	dg_conn_free(own_conn);
}

static void
many_dials_at_once_all_end(void **state)
{
	static const char *const names[] = { "one.example", "two.example",
		"both.example", "home.example" };
	struct world w;
	char where[100];

	(void)state;
	world_open(&w);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(where, sizeof(where), "%s:%d", names[i % 4], w.port);
		dg_dial(w.d, dg_str(where), DG_STR(""), 9000, on_one_of_many,
		    &w, i);
	}
	TURN_UNTIL(w.l, w.ended == 100);
	assert_int_equal(w.ticket, 99 * 100 / 2);
	world_close(&w);
}

static void
a_name_server_that_is_no_address_is_said(void **state)
{
	static const char *const servers[] = { "ns.example", NULL };
	struct dg_dialer_options o = { .dns_servers = servers };
	struct world w = { .l = dg_loop_new() };

	(void)state;
	w.d = dg_dialer_new(w.l, &o);
	w.port = 25;
	dial(&w, "one.example", "", 5000);
	assert_says(&w, "name server ns.example: an address, with or without");
	dg_dialer_free(w.d);
	dg_loop_free(w.l);
}

/* ---- policy tests ---- */

struct stand_in {
	struct dg_loop *l;
	struct dg_conn *far;
	char where[64];
	bool refuses;
};

static struct dg_conn *
on_divert(void *ctx, struct dg_str where, struct dg_err *e)
{
	struct stand_in *s = ctx;
	struct dg_conn *near;

	snprintf(s->where, sizeof(s->where), "%.*s", DG_FMT(where));
	if (s->refuses) {
		dg_fail(e, DG_E_IO, 451, "4.4.1", "nobody plays %s", s->where);
		return NULL;
	}
	dg_conn_pair(s->l, &near, &s->far);
	return near;
}

static void
a_diverted_dial_gets_who_stands_in(void **state)
{
	struct world w;
	struct stand_in s = { .refuses = true };

	(void)state;
	world_open(&w);
	s.l = w.l;
	dg_dialer_divert(w.d, on_divert, &s);
	dial(&w, "branch.example", "", 1000);
	assert_says(&w, "nobody plays branch.example:");
	s.refuses = false;
	dial(&w, "branch.example", "", 1000);
	assert_non_null(w.c);
	assert_non_null(strstr(s.where, "branch.example:"));
	dg_conn_send(s.far, DG_STR("220 hello\r\n"));
	TURN_UNTIL(w.l, dg_conn_input(w.c).n == 11);
	assert_int_equal(w.dns.asked, 0);
	dg_conn_free(s.far);
	world_close(&w);
}

static void
a_host_has_a_port_unless_25_is_meant(void **state)
{
	struct dg_str host;
	unsigned port;

	(void)state;
	assert_true(dg_hostport(DG_STR("h"), &host, &port));
	assert_true(dg_str_is(host, "h"));
	assert_int_equal(port, 25);
	assert_true(dg_hostport(DG_STR("[::1]:587"), &host, &port));
	assert_true(dg_str_is(host, "::1"));
	assert_int_equal(port, 587);
	assert_false(dg_hostport(DG_STR("h:0"), &host, &port));
	assert_false(dg_hostport(DG_STR("h:"), &host, &port));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    hosts_are_reached_by_address_hosts_file_and_dns),
		cmocka_unit_test(
		    a_socket_in_the_file_system_is_reached_by_its_path),
		cmocka_unit_test(
		    no_name_server_is_asked_for_addresses_and_known_names),
		cmocka_unit_test(why_a_host_is_not_reached_is_said_in_words),
		cmocka_unit_test(all_addresses_that_failed_are_named),
		cmocka_unit_test(half_a_dns_answer_is_enough_after_a_while),
		cmocka_unit_test(the_source_address_is_used),
		cmocka_unit_test(a_silent_address_leaves_time_for_the_next),
		cmocka_unit_test(clock_jumps_shorten_no_dial),
		cmocka_unit_test(a_dialer_may_go_while_dials_are_out),
		cmocka_unit_test(many_dials_at_once_all_end),
		cmocka_unit_test(a_name_server_that_is_no_address_is_said),
		cmocka_unit_test(a_diverted_dial_gets_who_stands_in),
		cmocka_unit_test(a_host_has_a_port_unless_25_is_meant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
