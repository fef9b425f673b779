/* rules_write.c - compiled rules as text, a line for each thing.
 *
 * Every worker's state runs the policy files itself and must come to the same
 * rules, hook numbers included; comparing text finds the first line where it
 * does not, and tells it to a person. */
#include "schema.h"

#include "dragoman/base/enc.h"

static void
where(struct dg_buf *o, const struct dg_where *w)
{
	(void)dg_buf_addf(o, "%s:%d: ", w->file != NULL ? w->file : "-",
	    w->line);
}

static void
text(struct dg_buf *o, const char *key, const char *z)
{
	if (z != NULL)
		(void)dg_buf_addf(o, " %s=\"%s\"", key, z);
}

static void
number(struct dg_buf *o, const char *key, long long n)
{
	if (n != 0)
		(void)dg_buf_addf(o, " %s=%lld", key, n);
}

static void
patterns(struct dg_buf *o, const char *key, const struct dg_patterns *p)
{
	for (size_t i = 0; i < p->n; i++)
		text(o, key, p->v[i]);
}

static void
hooks(struct dg_buf *o, const struct dg_hooks *h)
{
	for (unsigned q = 0; q < DG_Q_N; q++)
		number(o, dg_question_name((enum dg_question)q), h->of[q]);
}

static void
dialect(struct dg_buf *o, const struct dg_dialect *d)
{
	where(o, &d->where);
	(void)dg_buf_addf(o, "dialect \"%s\"", d->name);
	for (size_t i = 0; i < d->n_offer; i++)
		text(o, "offer", d->offer[i].text);
	for (size_t i = 0; i < d->n_accept; i++)
		text(o, "accept", d->accept[i]);
	for (size_t i = 0; i < d->n_say; i++)
		text(o, "say", d->say[i]);
	number(o, "assume", d->assume);
	number(o, "login_form", d->login_form);
	number(o, "ntlm_initial", d->ntlm_initial);
	number(o, "take", d->ntlm_take);
	number(o, "send", d->ntlm_send);
	text(o, "prompt_user", d->prompt_user);
	text(o, "prompt_password", d->prompt_password);
	text(o, "prompt_ntlm", d->prompt_ntlm);
	for (size_t i = 0; i < d->n_texts; i++)
		(void)dg_buf_addf(o, " %d=\"%s\"", d->texts[i].code,
		    d->texts[i].text);
	number(o, "helo", d->helo);
	number(o, "mend", d->mend);
	number(o, "hide", d->hide);
	for (size_t i = 0; i < d->n_means; i++)
		(void)dg_buf_addf(o, " %s:%d:%s=%s",
		    dg_stage_name(d->means[i].stage), d->means[i].code,
		    d->means[i].enhanced, dg_meaning_name(d->means[i].meaning));
	(void)dg_buf_addc(o, '\n');
}

static void
peer(struct dg_buf *o, const struct dg_peer *p)
{
	where(o, &p->where);
	(void)dg_buf_addf(o, "peer \"%s\"", p->name);
	for (size_t i = 0; i < p->match.n_nets; i++) {
		(void)dg_buf_adds(o, " net=");
		(void)dg_hex_add(o, dg_str_of(p->match.nets[i].bytes, 16));
		(void)dg_buf_addf(o, "/%u", p->match.nets[i].bits);
	}
	text(o, "listener", p->match.listener);
	patterns(o, "helo", &p->match.helo);
	patterns(o, "user", &p->match.user);
	text(o, "dialect", p->dialect != NULL ? p->dialect->name : NULL);
	text(o, "users", p->users);
	number(o, "mechs", p->mechs);
	number(o, "required", p->auth_required);
	number(o, "tls_offer", p->tls_offer);
	number(o, "tls_require", p->tls_require);
	number(o, "size", (long long)p->size);
	number(o, "recipients", (long long)p->recipients);
	number(o, "connections", (long long)p->connections);
	hooks(o, &p->on);
	(void)dg_buf_addc(o, '\n');
}

static void
hop(struct dg_buf *o, const struct dg_hop *h)
{
	where(o, &h->where);
	(void)dg_buf_addf(o, "hop \"%s\"", h->name);
	for (size_t i = 0; i < h->n_hosts; i++)
		text(o, "host", h->hosts[i]);
	number(o, "mx", h->is_mx);
	number(o, "mx_port", (long long)h->mx_port);
	number(o, "mx_loopback", h->mx_loopback);
	number(o, "lmtp", h->is_lmtp);
	text(o, "dialect", h->dialect != NULL ? h->dialect->name : NULL);
	number(o, "tls", h->tls);
	for (size_t i = 0; i < h->n_logins; i++) {
		text(o, "login", dg_mech_name(h->logins[i].mech));
		text(o, "secret", h->logins[i].secret);
		text(o, "user", h->logins[i].user);
		text(o, "token", h->logins[i].token);
	}
	text(o, "helo", h->helo);
	text(o, "source", h->source);
	number(o, "connections", (long long)h->connections);
	number(o, "messages_a_connection",
	    (long long)h->messages_a_connection);
	number(o, "rate", (long long)h->rate_n);
	number(o, "rate_ms", h->rate_ms);
	for (size_t i = 0; i < h->n_retry; i++)
		number(o, "retry", h->retry_ms[i]);
	number(o, "give_up", h->give_up_ms);
	number(o, "warn", h->warn_ms);
	number(o, "refuse_8bit", h->refuse_8bit);
	for (unsigned m = 0; m < DG_MEANING_N; m++)
		if (h->has_when[m])
			text(o, dg_meaning_name((enum dg_meaning)m),
			    dg_action_name(h->when[m]));
	hooks(o, &h->on);
	(void)dg_buf_addc(o, '\n');
}

static void
route(struct dg_buf *o, const struct dg_route *r)
{
	where(o, &r->where);
	(void)dg_buf_adds(o, "route");
	patterns(o, "to", &r->to);
	patterns(o, "from", &r->from);
	patterns(o, "user", &r->user);
	text(o, "peer", r->peer);
	number(o, "size", (long long)r->size);
	text(o, "hop", r->hop != NULL ? r->hop->name : NULL);
	number(o, "code", r->code);
	text(o, "enhanced", r->text != NULL ? r->enhanced : NULL);
	text(o, "text", r->text);
	number(o, "ask", r->ask);
	(void)dg_buf_addc(o, '\n');
}

static void
words(struct dg_buf *o, const struct dg_words *w)
{
	where(o, &w->where);
	(void)dg_buf_adds(o, "words");
	patterns(o, "to", &w->to);
	patterns(o, "from", &w->from);
	text(o, "peer", w->peer);
	text(o, "hop", w->hop);
	text(o, "lang", w->lang);
	text(o, "subject", w->subject);
	number(o, "set", w->set_ref);
	(void)dg_buf_addc(o, '\n');
	for (size_t i = 0; i < w->n_rows; i++) {
		const struct dg_words_row *r = &w->rows[i];

		where(o, &r->where);
		if (r->code != 0)
			(void)dg_buf_addf(o, "row %d %s", r->code, r->enhanced);
		else
			(void)dg_buf_addf(o, "row %s",
			    dg_meaning_name(r->meaning));
		number(o, "hook", r->hook);
		text(o, "text", r->text);
		(void)dg_buf_addc(o, '\n');
	}
}

void
dg_rules_write(const struct dg_rules *r, struct dg_buf *out)
{
	for (size_t i = 0; i < r->n_dialects; i++)
		dialect(out, r->dialects[i]);
	for (size_t i = 0; i < r->n_peers; i++)
		peer(out, r->peers[i]);
	for (size_t i = 0; i < r->n_hops; i++)
		hop(out, r->hops[i]);
	for (size_t i = 0; i < r->n_routes; i++)
		route(out, &r->routes[i]);
	for (size_t i = 0; i < r->n_words; i++)
		words(out, &r->words[i]);
	(void)dg_buf_adds(out, "on");
	hooks(out, &r->on);
	(void)dg_buf_addc(out, '\n');
}
