/*
 * alert.c - something a person must see: a log event, a counter, a line in
 * `status`, and a mail to postmaster, at most once an hour for each name.
 */
#include "relay_state.h"

#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/clock.h"
#include "dragoman/base/log.h"
#include "dragoman/wire/header.h"

enum { MAIL_EVERY_MS = 60 * 60 * 1000, ALERTS_MAX = 64 };

struct alert {
	char name[64], about[64];
	char text[512]; /* the newest */
	int64_t first_ms, last_ms, mailed_ms;
	unsigned long n;
};

struct dg_alerts {
	pthread_mutex_t lock;
	struct alert v[ALERTS_MAX];
	size_t n;
};

struct dg_alerts *
dg_alerts_new(void)
{
	struct dg_alerts *a = dg_alloc0(sizeof(*a));

	pthread_mutex_init(&a->lock, NULL);
	return a;
}

void
dg_alerts_free(struct dg_alerts *a)
{
	if (a == NULL)
		return;
	pthread_mutex_destroy(&a->lock);
	free(a);
}

/* Count it; true when a mail is due. */
static bool
note(struct dg_alerts *as, const char *name, const char *about,
    const char *text)
{
	int64_t now = dg_now_ms();
	struct alert *a = NULL;
	bool mail;

	pthread_mutex_lock(&as->lock);
	for (size_t i = 0; i < as->n && a == NULL; i++)
		if (strcmp(as->v[i].name, name) == 0 &&
		    strcmp(as->v[i].about, about) == 0)
			a = &as->v[i];
	if (a == NULL) {
		a = as->n < ALERTS_MAX ? &as->v[as->n++]
				       : &as->v[ALERTS_MAX - 1];
		*a = (struct alert){ .first_ms = now };
		snprintf(a->name, sizeof(a->name), "%s", name);
		snprintf(a->about, sizeof(a->about), "%s", about);
	}
	snprintf(a->text, sizeof(a->text), "%s", text);
	a->n++;
	a->last_ms = now;
	mail = a->mailed_ms == 0 || now - a->mailed_ms >= MAIL_EVERY_MS;
	if (mail)
		a->mailed_ms = now;
	pthread_mutex_unlock(&as->lock);
	return mail;
}

static void
compose(const struct dg_config *c, const char *name, const char *text,
    struct dg_str id, struct dg_buf *out)
{
	(void)dg_buf_addf(out, "From: Dragoman <MAILER-DAEMON@%s>\r\nTo: <%s>\r\n"
	    "Subject: [dragoman] alert: %s\r\nDate: ", c->hostname,
	    c->postmaster, name);
	(void)dg_date_add(out, dg_now_ms());
	(void)dg_buf_addf(out,
	    "\r\nMessage-ID: <%.*s@%s>\r\nAuto-Submitted: auto-generated\r\n"
	    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
	    "\r\n", DG_FMT(id), c->hostname);
	for (const char *p = text; *p != '\0'; p++)
		(void)dg_buf_addc(out, (unsigned char)*p < ' ' ? '?' : *p);
	(void)dg_buf_adds(out,
	    "\r\n\r\nThe mail is kept. `dragoman status` and `dragoman queue "
	    "list` show more.\r\n");
}

static void
on_mailed(void *ctx, uint64_t ticket, enum dg_rc rc, const struct dg_err *e)
{
	(void)ctx;
	(void)ticket;
	if (rc != DG_OK)
		dg_log(DG_LOG_ERROR, "alert-mail", dg_kv_z("why", e->text));
}

/* A mail whose route is asked for. */
struct dg_alert_mail {
	LIST_ENTRY(dg_alert_mail) next;
	struct dg_worker *worker;
	struct dg_generation *generation; /* pinned */
	struct dg_asking asking;
	char *name, *text;
};

static void
mail_free(struct dg_alert_mail *m)
{
	LIST_REMOVE(m, next);
	dg_asking_drop(&m->asking);
	dg_generation_unpin(m->generation);
	free(m->name);
	free(m->text);
	free(m);
}

static void
send_mail(struct dg_alert_mail *m, const struct dg_hop *hop)
{
	const struct dg_config *c = dg_generation_config(m->generation);
	struct dg_worker *w = m->worker;
	struct dg_draft *draft = NULL;
	struct dg_err e = { 0 };
	struct dg_buf b;

	if (dg_draft_open(w->relay->spool, &draft, &e) != DG_OK)
		return;
	dg_buf_init(&b, 16 * 1024);
	compose(c, m->name, m->text, dg_draft_name(draft), &b);
	if (dg_draft_write(draft, dg_buf_str(&b), &e) == DG_OK) {
		char *lane = dg_lane_name(hop, dg_str(c->postmaster));
		int64_t now = dg_now_ms();
		struct dg_item_rcpt r = {
			.address = dg_str(c->postmaster),
			.lane = dg_str(lane),
			.due_ms = now,
			.expire_ms = dg_lane_expiry(hop, now, now),
		};
		struct dg_item item = {
			.is_report = true,
			.arrival_ms = now,
			.rcpts = &r,
			.n_rcpts = 1,
		};

		dg_spool_commit(w->relay->spool, draft, &item,
		    dg_loop_post(w->loop), on_mailed, w, 0);
		free(lane);
	} else {
		dg_draft_free(draft);
	}
	dg_buf_fini(&b);
}

static void
on_routed(void *ctx, struct dg_asking *a)
{
	struct dg_alert_mail *m = ctx;

	if (a->d.kind == DG_D_TO)
		send_mail(m, dg_rules_hop(dg_generation_rules(m->generation),
		    a->d.hop));
	mail_free(m);
}

static void
mail(struct dg_worker *w, const char *name, const char *text)
{
	struct dg_route_query q = {
		.recipient =
		    dg_str(dg_generation_config(w->generation)->postmaster),
	};
	struct dg_alert_mail *m;

	if (q.recipient.n == 0)
		return;
	m = dg_alloc0(sizeof(*m));
	m->worker = w;
	m->generation = dg_generation_pin(w->generation);
	m->name = dg_strdup(name);
	m->text = dg_strdup(text);
	dg_asking_init(&m->asking, on_routed, m);
	LIST_INSERT_HEAD(&w->alert_mails, m, next);
	if (dg_policy_route(dg_generation_state(m->generation, w->index),
		&m->asking, &q, NULL))
		on_routed(m, &m->asking);
}

void
dg_alert_mails_drop(struct dg_worker *w)
{
	struct dg_alert_mail *m;

	while ((m = LIST_FIRST(&w->alert_mails)) != NULL)
		mail_free(m);
}

void
dg_alert_raise(struct dg_worker *w, const char *name, const char *about,
    const char *text)
{
	dg_log(DG_LOG_ERROR, "alert", dg_kv_z("name", name),
	    dg_kv_z("text", text));
	if (note(w->relay->alerts, name, about != NULL ? about : "", text) &&
	    about != NULL)
		mail(w, name, text);
}

void
dg_alerts_status(struct dg_alerts *as, struct dg_buf *out)
{
	int64_t now = dg_now_ms();

	pthread_mutex_lock(&as->lock);
	for (size_t i = 0; i < as->n; i++)
		(void)dg_buf_addf(out,
		    "alert name=%s times=%lu last_s=%lld text=\"%s\"\n",
		    as->v[i].name, as->v[i].n,
		    (long long)(now - as->v[i].last_ms) / 1000,
		    as->v[i].text);
	pthread_mutex_unlock(&as->lock);
}
