/*
 * session_peer.c - who a client is: the peer it matches, as far as is known.
 */
#include "session.h"

#include <stdio.h>

#include "dragoman/base/log.h"

const struct dg_config *
dg_session_config(const struct dg_session *s)
{
	return dg_generation_config(s->generation);
}

const char *
dg_session_peer_name(const struct dg_session *s)
{
	return s->peer != NULL ? s->peer->name : "anyone";
}

struct dg_policy_state *
dg_session_state(const struct dg_session *s)
{
	return dg_generation_state(s->generation, s->worker->index);
}

static void
log_peer(struct dg_session *s)
{
	char where[256];

	if (strcmp(s->reported_peer, dg_session_peer_name(s)) == 0)
		return;
	snprintf(s->reported_peer, sizeof(s->reported_peer), "%s",
	    dg_session_peer_name(s));
	dg_log(DG_LOG_INFO, "peer", dg_kv_z("session", s->name),
	    dg_kv_z("peer", dg_session_peer_name(s)), dg_kv_z("address", s->address),
	    dg_kv_s("helo", dg_srv_helo(s->srv)),
	    dg_kv_s("user", dg_srv_user(s->srv)),
	    dg_kv_z("where",
		s->peer != NULL
		    ? dg_where_text(s->peer->where, where, sizeof(where))
		    : "built in"));
}

/* Peers are tried in file order at connect, again at EHLO, again after AUTH:
 * a key not known yet does not match. */
void
dg_session_identify(struct dg_session *s)
{
	struct dg_peer_query q = {
		.address = dg_str(s->address),
		.listener = dg_str(s->listener),
		.helo = dg_srv_helo(s->srv),
		.user = dg_srv_user(s->srv),
	};
	struct dg_srv_peer sp = { .dialect = dg_dialect_rfc4954() };

	s->peer = dg_rules_peer(dg_generation_rules(s->generation), &q);
	if (s->peer != NULL) {
		sp.dialect = s->peer->dialect;
		sp.mechs = s->peer->users != NULL ? s->peer->mechs : 0;
		sp.requires_auth = s->peer->auth_required;
		sp.requires_tls = s->peer->tls_require;
		sp.clear_needs_tls = !s->peer->names_address;
		sp.size = s->peer->size;
		sp.recipients = (size_t)s->peer->recipients;
		sp.may_relay = true;
	}
	dg_srv_set_peer(s->srv, &sp);
	if (s->peer != NULL) {
		dg_policy_hit(dg_session_state(s), s->peer->where);
		dg_policy_hit(dg_session_state(s), s->peer->dialect->where);
	}
	log_peer(s);
}
