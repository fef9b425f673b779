/*
 * bounce.c - what can never be delivered becomes a report to its sender
 * (RFC 3464), a message like any other, written in the same transaction that
 * forgets the recipient.
 *
 * Where it goes: to the sender; when there is none, when the failed message
 * was itself a report, or when no route leads to the sender, to postmaster;
 * a report that cannot reach postmaster ends here, in the log and as an
 * alert: never in a circle (RFC 5321 4.5.5, 6.1).
 */
#include "relay_state.h"

#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/clock.h"
#include "dragoman/base/log.h"
#include "dragoman/base/rand.h"
#include "dragoman/base/units.h"
#include "dragoman/wire/header.h"
#include "dragoman/wire/path.h"
#include "dragoman/wire/report.h"

enum {
	RETURN_WHOLE_MAX = 64 * 1024, /* larger messages: their header only */
	TEXT_MAX = 256 * 1024,
	/* three bytes for one where it must be encoded */
	REPORT_MAX = 4 * TEXT_MAX + 2 * RETURN_WHOLE_MAX,
	REPORT_A_RCPT = 8 * 1024, /* a long reply and long addresses */
};

static const struct dg_config *
config_of(const struct dg_attempt *a)
{
	return dg_generation_config(a->generation);
}

static char *
keep(struct dg_bounce *b, char *own)
{
	b->heap[b->n_heap++] = own;
	return own;
}

void
dg_bounce_fini(struct dg_bounce *b)
{
	for (size_t i = 0; i < b->n_heap; i++)
		free(b->heap[i]);
	b->n_heap = 0;
}

/* A failed recipient's status is 5.x.x, also when a 4.x.x was waited out. */
static void
status_of(const struct dg_result *r, char out[12])
{
	static const struct {
		enum dg_meaning meaning;
		const char *status;
	} built_in[] = {
		{ DG_MEANING_UNKNOWN_RECIPIENT, "5.1.1" },
		{ DG_MEANING_RELAYING_DENIED, "5.7.1" },
		{ DG_MEANING_TOO_BIG, "5.3.4" },
		{ DG_MEANING_CONTENT_REFUSED, "5.6.0" },
		{ DG_MEANING_SENDER_REFUSED, "5.1.8" },
		{ DG_MEANING_MAILBOX_FULL, "5.2.2" },
		{ DG_MEANING_TOO_OLD, "5.4.7" },
		{ DG_MEANING_NO_COMMON_AUTH, "5.7.4" },
		{ DG_MEANING_LOGIN_REFUSED, "5.7.8" },
		{ DG_MEANING_TLS_FAILED, "5.7.10" },
		{ DG_MEANING_UNREACHABLE, "5.4.1" },
	};
	const char *z = "5.0.0";

	for (size_t i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++)
		if (built_in[i].meaning == r->meaning)
			z = built_in[i].status;
	if (r->enhanced[0] == '5' ||
	    (r->enhanced[0] == '4' && r->meaning != DG_MEANING_TOO_OLD))
		z = r->enhanced;
	snprintf(out, 12, "%s", z);
	out[0] = '5';
}

static void
header_of(struct dg_str header, const char *name, struct dg_buf *out)
{
	dg_buf_reset(out);
	if (dg_header_get(header, name, out) != DG_OK)
		dg_buf_reset(out);
}

struct words {
	struct dg_buf text;
	char *subject, *lang;
	struct dg_report_rcpt *rcpts;
	char (*status)[12];
	size_t n;
};

static void
words_of(struct dg_attempt *a, const struct dg_attempt_rcpt *x,
    struct dg_str header, struct dg_decision *out)
{
	const struct dg_item *it = &a->claim->item;
	int64_t now = dg_now_ms();
	struct dg_buf subject, date, first;
	char held[24];
	struct dg_words_query q = {
		.recipient = x->item->address,
		.domain = dg_address_domain(x->item->address),
		.sender = it->sender,
		.peer = it->peer,
		.hop = a->claim->lane,
		.host = x->out.host,
		.reply = dg_str(x->result.text),
		.enhanced = dg_str(x->result.enhanced),
		.code = x->result.code,
		.meaning = x->result.meaning,
		.offered = dg_str(
		    dg_lane_get(a->worker, a->claim->lane)->offered),
		.relay = dg_str(config_of(a)->hostname),
		.tries = x->item->tries + (x->result.code != 0 ? 1 : 0),
		.size = it->size,
		.limit = config_of(a)->limits.size,
	};

	dg_buf_init(&subject, 1000);
	dg_buf_init(&date, 200);
	dg_buf_init(&first, 64);
	header_of(header, "Subject", &subject);
	header_of(header, "Date", &date);
	if (date.n == 0)
		(void)dg_date_add(&date, it->arrival_ms);
	/* a held hop counts no try, but was tried when the message came */
	(void)dg_date_add(&first, x->item->first_try_ms != 0
		? x->item->first_try_ms
		: it->arrival_ms);
	/* whole minutes are what a person asks for */
	dg_duration_write((now - it->arrival_ms) / 60000 * 60000, held);
	q.subject = dg_buf_str(&subject);
	q.date = dg_buf_str(&date);
	q.first_try = dg_buf_str(&first);
	q.held = dg_str(held);
	dg_policy_words(dg_generation_state(a->generation, a->worker->index),
	    a->hop != NULL ? &a->hop->on : NULL, &q, &a->notes, out);
	dg_buf_fini(&subject);
	dg_buf_fini(&date);
	dg_buf_fini(&first);
}

static void
add_words(struct words *w, const struct dg_decision *d)
{
	/* what stands there already needs no second time */
	if (w->text.n > 0 && d->text.n > 0 && w->text.n >= d->text.n &&
	    memcmp(w->text.p, d->text.p, d->text.n) == 0)
		return;
	if (w->text.n > 0)
		(void)dg_buf_adds(&w->text, "\n\n");
	(void)dg_buf_add(&w->text, d->text);
	if (w->subject == NULL && d->subject.n > 0)
		w->subject = dg_str_dup(d->subject);
	if (w->lang == NULL && d->lang.n > 0)
		w->lang = dg_str_dup(d->lang);
}

/* Words and machine facts of every failed recipient that is reported. */
static void
gather(struct dg_attempt *a, struct dg_str header, struct words *w)
{
	for (size_t i = 0; i < a->n_rcpts; i++) {
		const struct dg_attempt_rcpt *x = &a->rcpts[i];
		struct dg_decision d;
		char where[256];

		if (x->out.outcome != DG_OUTCOME_FAILED)
			continue;
		dg_decision_init(&d);
		words_of(a, x, header, &d);
		dg_log(DG_LOG_INFO, "report",
		    dg_kv_z("id", a->claim->item.name),
		    dg_kv_s("about", x->item->address),
		    dg_kv_z("meaning", dg_meaning_name(x->result.meaning)),
		    dg_kv_z("words",
			d.says_nothing ? "none: a policy says no report" : ""),
		    dg_kv_z("where", dg_where_text(d.where, where,
				     sizeof(where))));
		if (!d.says_nothing) {
			add_words(w, &d);
			status_of(&x->result, w->status[w->n]);
			w->rcpts[w->n] = (struct dg_report_rcpt){
				.final = x->item->address,
				.original = x->item->original,
				.action = DG_STR("failed"),
				.status = dg_str(w->status[w->n]),
				.host = x->out.host,
				.reply = dg_str(x->result.text),
				.meaning = dg_str(
				    dg_meaning_name(x->result.meaning)),
				.last_ms = dg_now_ms(),
			};
			w->n++;
		}
		dg_decision_fini(&d);
	}
}

/* A route for a report to that address: the hop, or NULL. */
static const struct dg_hop *
route_report(struct dg_attempt *a, struct dg_str to)
{
	const struct dg_rules *rules = dg_generation_rules(a->generation);
	struct dg_route_query q = { .recipient = to };
	const struct dg_hop *hop = NULL;
	struct dg_decision d;

	dg_decision_init(&d);
	dg_policy_route(
	    dg_generation_state(a->generation, a->worker->index), &q,
	    &a->notes, &d);
	if (d.kind == DG_D_TO)
		hop = dg_rules_hop(rules, d.hop);
	dg_decision_fini(&d);
	return hop;
}

static void
no_way(struct dg_attempt *a, const char *why)
{
	char *text = dg_sprintf("the report about message %s from <%.*s> "
				"cannot be delivered: %s",
	    a->claim->item.name, DG_FMT(a->claim->item.sender), why);

	dg_alert_raise(a->worker, "report-lost", NULL, text);
	free(text);
}

/* Who gets the report, and through which hop; false: nobody can. */
static bool
address_report(struct dg_attempt *a, struct dg_str *to,
    const struct dg_hop **hop)
{
	const struct dg_item *it = &a->claim->item;
	struct dg_str postmaster = dg_str(config_of(a)->postmaster);

	if (it->sender.n > 0 && !it->is_report) {
		*to = it->sender;
		*hop = route_report(a, *to);
		if (*hop != NULL)
			return true;
	}
	for (size_t i = 0; i < a->n_rcpts; i++) {
		if (it->is_report && postmaster.n > 0 &&
		    a->rcpts[i].out.outcome == DG_OUTCOME_FAILED &&
		    dg_str_ieq(a->rcpts[i].item->address, postmaster)) {
			no_way(a, "postmaster refused it too");
			return false;
		}
	}
	if (postmaster.n == 0) {
		no_way(a, "no `postmaster` is set in the configuration");
		return false;
	}
	*to = postmaster;
	*hop = route_report(a, *to);
	if (*hop == NULL)
		no_way(a, "no route leads to its sender or to postmaster");
	return *hop != NULL;
}

static enum dg_rc
compose(struct dg_attempt *a, const struct words *w, struct dg_str to,
    struct dg_str original, bool whole, struct dg_str name,
    struct dg_buf *out, struct dg_err *e)
{
	const char *hostname = config_of(a)->hostname;
	char *from = dg_sprintf("MAILER-DAEMON@%s", hostname);
	char *id = dg_sprintf("%.*s@%s", DG_FMT(name), hostname);
	char *boundary = dg_sprintf("report-%016llx%016llx",
	    (unsigned long long)dg_rand_u64(),
	    (unsigned long long)dg_rand_u64());
	struct dg_report r = {
		.from = dg_str(from),
		.from_name = DG_STR("Mail Delivery System"),
		.to = to,
		.subject = w->subject != NULL
		    ? dg_str(w->subject)
		    : DG_STR("Undeliverable mail returned to sender"),
		.lang = dg_str(w->lang),
		.relay = dg_str(hostname),
		.boundary = dg_str(boundary),
		.message_id = dg_str(id),
		.text = dg_buf_str(&w->text),
		.now_ms = dg_now_ms(),
		.arrival_ms = a->claim->item.arrival_ms,
		.rcpts = w->rcpts,
		.n_rcpts = w->n,
		.returns_whole = whole,
		.original = original,
	};
	enum dg_rc rc = dg_report_add(out, &r, e);

	free(boundary);
	free(id);
	free(from);
	return rc;
}

/* The draft and its facts, ready for settle. */
static enum dg_rc
enqueue(struct dg_attempt *a, const struct words *w, struct dg_str original,
    bool whole, struct dg_bounce *out, struct dg_err *e)
{
	const struct dg_hop *hop = NULL;
	struct dg_str to = DG_NOSTR;
	struct dg_draft *draft = NULL;
	struct dg_buf text;
	enum dg_rc rc;

	if (!address_report(a, &to, &hop))
		return DG_OK;
	/* too small a cap would keep the report from ever being written */
	dg_buf_init(&text, REPORT_MAX + w->n * REPORT_A_RCPT);
	rc = dg_draft_open(a->worker->relay->spool, &draft, e);
	if (rc == DG_OK)
		rc = compose(a, w, to, original, whole, dg_draft_name(draft),
		    &text, e);
	if (rc == DG_OK)
		rc = dg_draft_write(draft, dg_buf_str(&text), e);
	if (rc != DG_OK) {
		dg_draft_free(draft);
		goto out;
	}
	dg_log(DG_LOG_INFO, "report-sent", dg_kv_z("about", a->claim->item.name),
	    dg_kv_s("id", dg_draft_name(draft)), dg_kv_s("to", to),
	    dg_kv_z("hop", hop->name));
	out->rcpts[0] = (struct dg_item_rcpt){
		.address = dg_str(keep(out, dg_str_dup(to))),
		.lane = dg_str(keep(out, dg_strdup(hop->name))),
		.due_ms = dg_now_ms(),
		.expire_ms = dg_now_ms() + hop->give_up_ms,
	};
	out->items[0] = (struct dg_item){
		.arrival_ms = dg_now_ms(),
		.is_report = true,
		.body_8bit = a->claim->item.body_8bit && whole,
		.rcpts = &out->rcpts[0],
		.n_rcpts = 1,
	};
	out->news[0] = (struct dg_new_message){ draft, &out->items[0] };
	out->n = 1;
out:
	dg_buf_fini(&text);
	return rc;
}

enum dg_rc
dg_bounce_write(struct dg_attempt *a, struct dg_bounce *out, struct dg_err *e)
{
	bool whole = a->claim->item.size <= RETURN_WHOLE_MAX;
	struct dg_str original = DG_NOSTR;
	struct words w = { 0 };
	size_t n_failed = 0;
	enum dg_rc rc;

	for (size_t i = 0; i < a->n_rcpts; i++)
		n_failed += a->rcpts[i].out.outcome == DG_OUTCOME_FAILED;
	if (n_failed == 0)
		return DG_OK;
	rc = dg_claim_body(a->claim, 0, RETURN_WHOLE_MAX, &original, e);
	if (rc != DG_OK)
		return rc;
	if (!whole)
		original.n = dg_header_length(original);
	dg_buf_init(&w.text, TEXT_MAX);
	w.rcpts = dg_alloc0(n_failed * sizeof(*w.rcpts));
	w.status = dg_alloc0(n_failed * sizeof(*w.status));
	gather(a, dg_str_sub(original, 0, dg_header_length(original)), &w);
	if (w.n > 0)
		rc = enqueue(a, &w, original, whole, out, e);
	free(w.subject);
	free(w.lang);
	free(w.rcpts);
	free(w.status);
	dg_buf_fini(&w.text);
	return rc;
}
