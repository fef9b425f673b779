/* lib_http_test.c - d.http in hooks: they wait, the loop does not. */
#include "waiting.h"

static const struct ns_row rows[] = {
	{ "web.example", DG_DNS_A, NS_ANSWER,
	    { DG_STR("\x7f\0\0\x01"), { NULL, 0 } }, 0 },
	{ NULL, 0, 0, { { NULL, 0 } }, 0 },
};

/* "PORT /path" is asked for; the answer in one line. */
#define SHOW \
	"return r.status .. ' ' .. r.body:gsub('%c', '~') .. ' ' .. " \
	"tostring(r.error):gsub(':%d+', ':PORT')\n"
#define URL "'http://127.0.0.1:' .. q.listener"

static void
ask(struct waiting *w, const char *path)
{
	char with[200];

	snprintf(with, sizeof(with), "%d%s", w->web.port, path);
	waiting_ask(w, with);
}

static const struct {
	const char *path, *text;
} cases[] = {
	{ "/hello", "200 hello nil" },
	{ "/nothing", "404 nothing here nil" },
	{ "/empty", "204  nil" },
	{ "/bytes", "200 a~\xff~~ nil" },
	{ "/moved", "301 m nil" },
	{ "/silent", "0  127.0.0.1:PORT did not answer within 200ms" },
	{ "/cut", "0  127.0.0.1:PORT closed the connection in the middle of "
		  "its answer" },
	{ "/endless", "0  127.0.0.1:PORT answered more than 1048576 bytes" },
};

static void
hooks_always_get_a_status(void **state)
{
	struct waiting w;

	(void)state;
	waiting_open(&w, rows,
	    "local r = d.http.get(" URL ", { timeout = "
	    "q.listener:find 'silent' and '200ms' or '5s' })\n" SHOW,
	    0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("  %s\n", cases[i].path);
		ask(&w, cases[i].path);
		assert_says(&w.one, cases[i].text);
		dg_asking_drop(&w.one.a);
	}
	waiting_close(&w);
}

static void
options_reach_the_server(void **state)
{
	struct waiting w;

	(void)state;
	waiting_open(&w, rows,
	    "local r = d.http.post(" URL ", 'a=b\\0c', { headers = { ['X-Key'] "
	    "= 'k', ['Content-Type'] = 'x/y' } })\n"
	    "local b = r.body\n"
	    "assert(b:find('^POST /echo HTTP/1.1\\r\\n'))\n"
	    "assert(b:find('\\r\\nX-Key: k\\r\\n', 1, true))\n"
	    "assert(b:find('\\r\\nContent-Type: x/y\\r\\n', 1, true))\n"
	    "assert(b:sub(-5) == 'a=b\\0c')\n"
	    "r = d.http.post(" URL ", '')\n"
	    "assert(r.body:find('urlencoded', 1, true))\n"
	    "r = d.http.get((" URL "):gsub('echo', 'moved') .. '', { redirects "
	    "= 1 })\n"
	    "assert(r.status == 200 and r.body == 'hello')\n"
	    "r = d.http.get((" URL "):gsub('127.0.0.1', 'web.example') .. '')\n"
	    "assert(r.body:find('Host: web.example:', 1, true))\n"
	    "r = d.http.get('file:///etc/passwd')\n"
	    "assert(r.status == 0 and r.error:find 'neither')\n"
	    "r = d.http.get(" URL ", { headers = { X = 'a\\r\\nY: b' } })\n"
	    "assert(r.status == 0 and r.error:find 'control character')\n"
	    "return 'good'\n",
	    0);
	ask(&w, "/echo");
	assert_says(&w.one, "good");
	dg_asking_drop(&w.one.a);
	waiting_close(&w);
}

static void
others_go_on_while_a_hook_waits(void **state)
{
	struct asked slow[10] = { 0 };
	struct waiting w;
	char path[40];

	(void)state;
	waiting_open(&w, rows,
	    "local r = d.http.get(" URL ", { timeout = '3s' })\n" SHOW, 0);
	for (int i = 0; i < 10; i++) {
		snprintf(path, sizeof(path), "%d%s", w.web.port,
		    i % 2 ? "/silent" : "/drip");
		waiting_begin(&w, &slow[i], path);
	}
	for (int i = 0; i < 10; i++) {
		snprintf(path, sizeof(path), "%d/hello", w.web.port);
		waiting_begin(&w, &w.one, path);
		TURN_UNTIL(w.l, w.one.told > 0);
		assert_says(&w.one, "200 hello nil");
		dg_asking_drop(&w.one.a);
	}
	for (int i = 0; i < 10; i++)
		assert_int_equal(slow[i].told, 0);
	for (int i = 0; i < 10; i++) {
		TURN_UNTIL(w.l, slow[i].told > 0);
		assert_says(&slow[i],
		    "0  127.0.0.1:PORT did not answer within 3s");
		dg_asking_drop(&slow[i].a);
	}
	waiting_close(&w);
}

static void
an_answer_for_a_session_that_is_gone_finds_nobody(void **state)
{
	static const char *const paths[] = { "/hello", "/silent", "/drip" };
	struct asked many[90];
	struct waiting w;
	char path[40];

	(void)state;
	for (int turns = 0; turns < 6; turns++) {
		waiting_open(&w, rows,
		    "local r = d.http.get(" URL ", { timeout = '4s' })\n" SHOW,
		    0);
		for (int i = 0; i < 90; i++) {
			snprintf(path, sizeof(path), "%d%s", w.web.port,
			    paths[i % 3]);
			waiting_begin(&w, &many[i], path);
		}
		for (int i = 0; i < turns; i++)
			dg_loop_turn(w.l, 0);
		for (int i = 0; i < 90; i++)
			dg_asking_drop(&many[i].a);
		ask(&w, "/hello");
		assert_says(&w.one, "200 hello nil");
		dg_asking_drop(&w.one.a);
		waiting_close(&w);
	}
}

/* A hook out of waiting time fails, and its request is taken back. */
static void
a_hook_waits_no_longer_than_it_may(void **state)
{
	struct waiting w;

	(void)state;
	waiting_open(&w, rows,
	    "local r = d.http.get(" URL ", { timeout = '60s' })\n" SHOW, 200);
	waiting_log[0] = '\0';
	dg_log_divert(waiting_on_line);
	ask(&w, "/silent");
	dg_log_divert(NULL);
	assert_true(w.one.a.d.is_default);
	assert_int_equal(w.one.a.d.kind, DG_D_DEFER);
	assert_non_null(
	    strstr(waiting_log, "policy.lua:5: waited longer than 200 ms"));
	dg_asking_drop(&w.one.a);
	TURN_UNTIL(w.l, w.web.closed == w.web.accepted);
	ask(&w, "/hello");
	assert_says(&w.one, "200 hello nil");
	dg_asking_drop(&w.one.a);
	waiting_close(&w);
}

static void
wrong_uses_are_told_with_their_line(void **state)
{
	struct dg_buf out;

	(void)state;
	assert_fails("return d.http.get(5)", "",
	    "policy.lua:5: d.http.get: the URL is a number");
	assert_fails("return d.http.post('http://a/')", "",
	    "policy.lua:5: d.http.post: the body is a no value");
	assert_fails("return d.http.get('http://a/', { timout = '2s' })", "",
	    "policy.lua:5: d.http.get: unknown field \\\"timout\\\"; did you "
	    "mean \\\"timeout\\\"?");
	assert_fails("return d.http.get('http://a/', { timeout = '2' })", "",
	    "timeout = \\\"2\\\" is no duration; write 500ms, 2s or 1m");
	assert_fails("return d.http.get('http://a/', { timeout = 2 })", "",
	    "d.http.get: timeout is a number, but must be a text");
	assert_fails("return d.http.get('http://a/', { timeout = '2m' })", "",
	    "is more than 60s");
	assert_fails("return d.http.get('http://a/', { headers = 'X: y' })", "",
	    "headers is a string, but must be a table");
	assert_fails("return d.http.get('http://a/', { headers = { 'X' } })",
	    "", "headers have names");
	assert_fails("return d.http.get('http://a/', { headers = { X = {} } })",
	    "", "d.http.get: X is a table, but must be a text");
	assert_fails("return d.http.get('http://a/', { redirects = 11 })", "",
	    "redirects is 0 to 10");
	assert_fails("return d.http.post('http://a/', '', { redirects = 1 })",
	    "", "unknown field \\\"redirects\\\"");
	dg_buf_init(&out, 10000);
	assert_null(waiting_load("local x = d.http.get 'http://a/'",
	    "return ''", 0, &out));
	assert_string_equal(dg_buf_z(&out),
	    "policy.lua:2: d.http.get works in hooks only: a policy loads "
	    "without asking anybody\n");
	dg_buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hooks_always_get_a_status),
		cmocka_unit_test(options_reach_the_server),
		cmocka_unit_test(others_go_on_while_a_hook_waits),
		cmocka_unit_test(
		    an_answer_for_a_session_that_is_gone_finds_nobody),
		cmocka_unit_test(a_hook_waits_no_longer_than_it_may),
		cmocka_unit_test(wrong_uses_are_told_with_their_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
