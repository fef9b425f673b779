/* compile_test.c - peers, hops, routes and words as compiled: values and
 * defaults. */
#include "help.h"

#define HEAD "local d = require 'dragoman'\n"

static void
a_peer_gets_its_values_and_the_rest_by_default(void **state)
{
	struct dg_policy *p = good(HEAD
	    "d.peer 'a' { match = { address = '10.0.0.1 10.1.0.0/16,::1' },\n"
	    "  dialect = 'exchange-5.0', auth = { users = 'ims' },\n"
	    "  limits = { size = '35M', recipients = 7, connections = 2 } }\n"
	    "d.peer 'b' { match = {} }\n");
	const struct dg_peer *a = dg_policy_rules(p)->peers[0];
	const struct dg_peer *b = dg_policy_rules(p)->peers[1];

	(void)state;
	assert_int_equal(a->match.n_nets, 3);
	assert_true(a->names_address);
	assert_string_equal(a->users, "ims");
	assert_true(a->auth_required); /* since users is given */
	assert_int_equal(a->mechs, DG_MECH_BIT(DG_MECH_NTLM)); /* as shown */
	assert_true(a->tls_offer);
	assert_false(a->tls_require);
	assert_int_equal(a->size, 35 * 1024 * 1024);
	assert_int_equal(a->recipients, 7);
	assert_int_equal(a->connections, 2);
	assert_int_equal(a->where.line, 2);
	assert_string_equal(a->where.file, "policy.lua");
	assert_false(b->names_address);
	assert_null(b->users);
	assert_false(b->auth_required);
	assert_string_equal(b->dialect->name, "rfc4954");
	assert_int_equal(b->size, 0);
	dg_policy_free(p);
}

static void
what_a_peer_may_use_is_what_it_is_shown_unless_it_says_so(void **state)
{
	struct dg_policy *p = good(HEAD
	    "d.dialect 'quiet' { offer = {}, accept = { 'AUTH' } }\n"
	    "local tls = { require = true }\n"
	    "d.peer 'a' { match = { helo = 'a' }, tls = tls,\n"
	    "  auth = { users = 'ims' } }\n"
	    "d.peer 'b' { match = { helo = 'b' }, tls = tls,\n"
	    "  auth = { users = 'ims', mechanisms = { 'PLAIN' } } }\n"
	    "d.peer 'c' { match = { helo = 'c' }, tls = tls,\n"
	    "  dialect = 'exchange-5.5',\n"
	    "  auth = { users = 'ims', mechanisms = { 'NTLM', 'LOGIN' } } }\n"
	    "d.peer 'd' { match = { helo = 'd' }, tls = tls,\n"
	    "  dialect = 'quiet', auth = { users = 'ims' } }\n");
	const struct dg_peer *const *v = dg_policy_rules(p)->peers;

	(void)state;
	assert_int_equal(v[0]->mechs, dg_mech_takable());
	assert_int_equal(v[1]->mechs, DG_MECH_BIT(DG_MECH_PLAIN));
	assert_int_equal(v[2]->mechs,
	    DG_MECH_BIT(DG_MECH_NTLM) | DG_MECH_BIT(DG_MECH_LOGIN));
	assert_int_equal(v[3]->mechs, dg_mech_takable());
	dg_policy_free(p);
}

/* An offer is a promise: what the users cannot be verified by is not shown by
 * "AUTH *", and is an error where it is named. */
static void
what_users_can_be_verified_by_is_all_they_are_shown(void **state)
{
	const unsigned nt = DG_MECH_BIT(DG_MECH_NTLM) |
			    DG_MECH_BIT(DG_MECH_LOGIN) |
			    DG_MECH_BIT(DG_MECH_PLAIN);
	const unsigned key = DG_MECH_BIT(DG_MECH_SCRAM_SHA_256) |
			     DG_MECH_BIT(DG_MECH_SCRAM_SHA_256_PLUS);
	const struct dg_policy_users verify[] = { { nt, nt | key },
		{ nt | key, nt | key } };
	struct dg_policy_options o = options(NULL);
	struct dg_policy *p;
	struct dg_buf out;

	(void)state;
	o.verify = verify;
	dg_buf_init(&out, 100000);
	p = load_text_as(o,
	    HEAD "local tls = { require = true }\n"
		 "d.peer 'some' { match = { helo = 'a' }, tls = tls,\n"
		 "  auth = { users = 'ims' } }\n"
		 "d.peer 'all' { match = { helo = 'b' }, tls = tls,\n"
		 "  auth = { users = 'devices' } }\n"
		 "d.peer 'named' { match = { helo = 'c' }, tls = tls,\n"
		 "  auth = { users = 'ims',\n"
		 "    mechanisms = { 'SCRAM-SHA-256' } } }\n",
	    &out);
	assert_non_null(p);
	assert_int_equal(dg_policy_rules(p)->peers[0]->mechs, nt);
	assert_int_equal(dg_policy_rules(p)->peers[1]->mechs, nt | key);
	assert_non_null(strstr(dg_buf_z(&out),
	    "policy.lua:9:5: warning: peer \"named\": auth.mechanisms has "
	    "SCRAM-SHA-256, and some in users \"ims\" have no "
	    "{scram-sha-256} key: they cannot log in by it"));
	dg_policy_free(p);
	dg_buf_reset(&out);
	p = load_text_as(o,
	    HEAD "d.dialect 'sha1' { offer = { 'AUTH SCRAM-SHA-1' } }\n"
		 "d.dialect 'cram' { offer = { 'AUTH CRAM-MD5' } }\n"
		 "d.peer 'a' { match = { helo = 'a' }, dialect = 'sha1',\n"
		 "  auth = { users = 'ims' } }\n"
		 "d.peer 'b' { match = { helo = 'b' }, dialect = 'cram',\n"
		 "  auth = { users = 'ims' } }\n",
	    &out);
	assert_null(p);
	assert_non_null(strstr(dg_buf_z(&out),
	    "the dialect shows SCRAM-SHA-1, and nobody in users \"ims\" has "
	    "a {scram-sha-1} key"));
	assert_non_null(strstr(dg_buf_z(&out),
	    "the dialect shows CRAM-MD5: it needs the password itself"));
	dg_buf_fini(&out);
}

static void
a_hop_gets_its_values_and_the_rest_by_default(void **state)
{
	struct dg_policy *p = good(HEAD
	    "d.hop 'a' { hosts = { 'x:587', 'y' }, dialect = 'exchange-5.5',\n"
	    "  tls = 'verify', login = {\n"
	    "    { 'NTLM', secret = 'partner' },\n"
	    "    { 'login', secret = 'hq-service' },\n"
	    "  }, helo = 'r', source = '::1', limits = { connections = 3 },\n"
	    "  retry = { '1m', '90s' }, give_up = '2d',\n"
	    "  eight_bit = 'refuse',\n"
	    "  when = { ['no-common-auth'] = 'fail' } }\n"
	    "d.hop 'b' { hosts = { 'x' }, login = { 'NTLM', secret = "
	    "'partner' } }\n");
	const struct dg_hop *a = dg_policy_rules(p)->hops[0];
	const struct dg_hop *b = dg_policy_rules(p)->hops[1];

	(void)state;
	assert_int_equal(a->n_hosts, 2);
	assert_string_equal(a->hosts[0], "x:587");
	assert_int_equal(a->tls, DG_TLS_VERIFY);
	assert_int_equal(a->n_logins, 2);
	assert_int_equal(a->logins[0].mech, DG_MECH_NTLM);
	assert_string_equal(a->logins[0].secret, "partner");
	assert_int_equal(a->logins[0].where.line, 4);
	assert_int_equal(a->logins[1].mech, DG_MECH_LOGIN);
	assert_int_equal(a->logins[1].where.line, 5);
	assert_string_equal(a->helo, "r");
	assert_string_equal(a->source, "::1");
	assert_int_equal(a->connections, 3);
	assert_int_equal(a->n_retry, 2);
	assert_int_equal(a->retry_ms[1], 90000);
	assert_int_equal(a->give_up_ms, 2 * 86400 * 1000);
	assert_true(a->refuse_8bit);
	assert_true(a->has_when[DG_MEANING_NO_COMMON_AUTH]);
	assert_int_equal(a->when[DG_MEANING_NO_COMMON_AUTH], DG_ACTION_FAIL);
	assert_false(a->has_when[DG_MEANING_TEMPORARY]);
	assert_null(b->dialect);
	assert_int_equal(b->tls, DG_TLS_OPPORTUNISTIC);
	assert_true(b->n_retry > 1);
	assert_int_equal(b->retry_ms[0], 60000);
	assert_int_equal(b->give_up_ms, 5LL * 86400 * 1000);
	assert_false(b->refuse_8bit);
	assert_int_equal(b->n_logins, 1);
	dg_policy_free(p);
}

static void
routes_stand_in_file_order(void **state)
{
	struct dg_policy *p = good(
	    HEAD "d.peer 'a' { match = {} }\n"
		 "d.hop 'out' { hosts = { 'x' } }\n"
		 "d.route { to = { 'b.example', '*.b.example' }, peer = 'a',\n"
		 "  size = '1M', hop = 'out' }\n"
		 "d.route { ask = function() end }\n"
		 "d.route { user = 'x', refuse = '550 5.7.1 not you' }\n");
	const struct dg_rules *r = dg_policy_rules(p);

	(void)state;
	assert_int_equal(r->n_routes, 3);
	assert_int_equal(r->routes[0].kind, DG_ROUTE_HOP);
	assert_int_equal(r->routes[0].to.n, 2);
	assert_string_equal(r->routes[0].peer, "a");
	assert_int_equal(r->routes[0].size, 1024 * 1024);
	assert_ptr_equal(r->routes[0].hop, r->hops[0]);
	assert_int_equal(r->routes[1].kind, DG_ROUTE_ASK);
	assert_int_equal(r->routes[1].ask, 1);
	assert_int_equal(r->routes[1].where.line, 6);
	assert_int_equal(r->routes[2].code, 550);
	assert_string_equal(r->routes[2].enhanced, "5.7.1");
	assert_string_equal(r->routes[2].text, "not you");
	dg_policy_free(p);
}

static const struct dg_words_row *
row_for(const struct dg_words *w, enum dg_meaning m)
{
	for (size_t i = 0; i < w->n_rows; i++)
		if (w->rows[i].code == 0 && w->rows[i].meaning == m)
			return &w->rows[i];
	return NULL;
}

static void
own_words_stand_before_the_ready_set_and_english_stands_last(void **state)
{
	struct dg_policy *p = good(HEAD
	    "d.words { to = 'b.example', lang = 'de', subject = 'x {hop}',\n"
	    "  like = 'msexch-1998', set = { org = 'Plant' },\n"
	    "  ['too-big'] = 'zu gross: {size}',\n"
	    "  ['550 5.1.1'] = 'niemand', ['550'] = function() end }\n");
	const struct dg_rules *r = dg_policy_rules(p);
	const struct dg_words *w = &r->words[0];

	(void)state;
	assert_int_equal(r->n_words, 2);
	assert_string_equal(w->lang, "de");
	assert_string_equal(w->subject, "x {hop}");
	assert_int_equal(w->set_ref, 1);
	assert_int_equal(w->rows[0].code, 550); /* own ones, by key */
	assert_int_equal(w->rows[0].hook, 1);
	assert_string_equal(w->rows[1].enhanced, "5.1.1");
	assert_string_equal(w->rows[1].text, "niemand");
	assert_int_equal(w->rows[1].where.line, 5);
	assert_int_equal(w->rows[2].meaning, DG_MEANING_TOO_BIG);
	assert_string_equal(w->rows[3].where.file, "words/msexch-1998.lua");
	assert_true(w->rows[3].hook > 1);
	for (unsigned m = DG_MEANING_OK + 1; m < DG_MEANING_N; m++) {
		const struct dg_words_row *row =
		    row_for(&r->words[1], (enum dg_meaning)m);

		print_message("  %s\n", dg_meaning_name((enum dg_meaning)m));
		assert_non_null(row);
		assert_non_null(row->text);
		assert_string_equal(row->where.file, "words/en.lua");
		assert_true(row->where.line > 1);
		assert_non_null(row_for(w, (enum dg_meaning)m));
	}
	dg_policy_free(p);
}

static void
hooks_get_numbers_in_the_order_of_the_text(void **state)
{
	struct dg_policy *p = good(HEAD
	    "d.peer 'a' { match = {}, on = { offer = function() end,\n"
	    "  connect = function() end } }\n"
	    "d.on.report = function() end\n"
	    "d.hop 'h' { hosts = { 'x' }, on = { reply = function() end } }\n");
	const struct dg_rules *r = dg_policy_rules(p);

	(void)state;
	assert_int_equal(r->peers[0]->on.of[DG_Q_CONNECT], 1); /* by name */
	assert_int_equal(r->peers[0]->on.of[DG_Q_OFFER], 2);
	assert_int_equal(r->on.of[DG_Q_REPORT], 3);
	assert_int_equal(r->hops[0]->on.of[DG_Q_REPLY], 4);
	assert_int_equal(r->hops[0]->on.of[DG_Q_SPEAK], 0);
	dg_policy_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_peer_gets_its_values_and_the_rest_by_default),
		cmocka_unit_test(
		    what_users_can_be_verified_by_is_all_they_are_shown),
		cmocka_unit_test(
		    what_a_peer_may_use_is_what_it_is_shown_unless_it_says_so),
		cmocka_unit_test(a_hop_gets_its_values_and_the_rest_by_default),
		cmocka_unit_test(routes_stand_in_file_order),
		cmocka_unit_test(
		    own_words_stand_before_the_ready_set_and_english_stands_last),
		cmocka_unit_test(hooks_get_numbers_in_the_order_of_the_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
