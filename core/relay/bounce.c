/*
 * bounce.c - what can never be delivered becomes a report to its sender
 * (RFC 3464), a message like any other, written in the same transaction that
 * forgets the recipient.  What takes long becomes a report of the delay, once,
 * to a sender that is there and reachable, and to nobody else.
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

/* The report being written. */
struct words {
	struct dg_buf text;
	char *subject, *lang;
	struct dg_report_rcpt *rcpts;
	char (*status)[12];
	size_t n;
};

enum phase {
	WORDS,         /* of each failed recipient */
	TO_SENDER,     /* a route for the report to the sender */
	TO_POSTMASTER, /* or to postmaster */
	DONE,
};

struct dg_bounce {
	struct dg_attempt *a;
	dg_bounce_fn *fn;
	enum phase phase;
	size_t at; /* WORDS: the recipient */
	bool is_delay; /* it is about those that wait too long */
	bool is_asking;
	struct dg_asking asking;
	struct words w;
	struct dg_str original; /* of the claim */
	bool returns_whole;
	enum dg_rc rc;
	struct dg_err e;
	struct dg_new_message news[1];
	struct dg_item item;
	struct dg_item_rcpt rcpt;
	char *to, *lane; /* heap: of rcpt */
	size_t n;
};

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

static void on_asked(void *ctx, struct dg_asking *asking);

static struct dg_policy_state *
state_of(const struct dg_attempt *a)
{
	return dg_generation_state(a->generation, a->worker->index);
}

static bool
is_about(const struct dg_bounce *b, const struct dg_attempt_rcpt *x)
{
	return b->is_delay ? x->is_late
			   : x->out.outcome == DG_OUTCOME_FAILED;
}

static bool
ask_words(struct dg_bounce *b, const struct dg_attempt_rcpt *x)
{
	struct dg_attempt *a = b->a;
	const struct dg_item *it = &a->claim->item;
	struct dg_str header =
	    dg_str_sub(b->original, 0, dg_header_length(b->original));
	const struct dg_lane *l = dg_lane_find(a->worker, a->claim->lane);
	bool is_done;
	int64_t now = dg_now_ms();
	struct dg_buf subject, date, first;
	char held[24];
	struct dg_str ignored;
	struct dg_words_query q = {
		.recipient = x->item->address,
		.domain = dg_address_domain(x->item->address),
		.sender = it->sender,
		.peer = it->peer,
		.host = x->out.host,
		.reply = dg_str(x->result.text),
		.enhanced = dg_str(x->result.enhanced),
		.code = x->result.code,
		.meaning = x->result.meaning,
		.offered = l != NULL ? dg_str(l->offered) : DG_NOSTR,
		.relay = dg_str(config_of(a)->hostname),
		.tries = x->item->tries + (x->result.code != 0 ? 1 : 0),
		.size = it->size,
		.limit = config_of(a)->limits.size,
	};

	dg_lane_split(a->claim->lane, &q.hop, &ignored);
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
	is_done = dg_policy_words(state_of(a), &b->asking,
	    a->hop != NULL ? &a->hop->on : NULL, &q, &a->notes);
	dg_buf_fini(&subject);
	dg_buf_fini(&date);
	dg_buf_fini(&first);
	return is_done;
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

/* What a machine reads. */
static void
add_rcpt(struct words *w, const struct dg_attempt_rcpt *x)
{
	status_of(&x->result, w->status[w->n]);
	w->rcpts[w->n] = (struct dg_report_rcpt){
		.final = x->item->address,
		.original = x->item->original,
		.action = x->is_late ? DG_STR("delayed") : DG_STR("failed"),
		.status = dg_str(w->status[w->n]),
		.host = x->out.host,
		.reply = dg_str(x->result.text),
		.meaning = dg_str(dg_meaning_name(x->result.meaning)),
		.last_ms = x->is_late ? 0 : dg_now_ms(),
		.retry_until_ms = x->is_late ? x->out.expire_ms : 0,
	};
	w->n++;
}

/* Words and machine facts of a failed recipient. */
static void
take_words(struct dg_bounce *b, const struct dg_attempt_rcpt *x)
{
	const struct dg_decision *d = &b->asking.d;
	struct words *w = &b->w;
	char where[256];

	dg_log(DG_LOG_INFO, "report",
	    dg_kv_z("id", b->a->claim->item.name),
	    dg_kv_s("about", x->item->address),
	    dg_kv_z("meaning", dg_meaning_name(x->result.meaning)),
	    dg_kv_z("words",
		d->says_nothing ? "none: a policy says no report" : ""),
	    dg_kv_z("where", dg_where_text(d->where, where, sizeof(where))));
	if (d->says_nothing)
		return;
	add_words(w, d);
	add_rcpt(w, x);
}

/* ---- a delay ---- */

/* Policies have words for what failed; that it takes long is our own to say. */
static void
write_delay(struct dg_bounce *b, const struct dg_attempt_rcpt *x)
{
	const struct dg_item *it = &b->a->claim->item;
	struct dg_buf until;
	char held[24];

	dg_log(DG_LOG_INFO, "report-delay", dg_kv_z("id", it->name),
	    dg_kv_s("about", x->item->address),
	    dg_kv_z("meaning", dg_meaning_name(x->result.meaning)));
	dg_duration_write((dg_now_ms() - it->arrival_ms) / 60000 * 60000,
	    held);
	dg_buf_init(&until, 64);
	(void)dg_date_add(&until, x->out.expire_ms);
	if (b->w.text.n == 0)
		(void)dg_buf_adds(&b->w.text,
		    "This is a notice of a delay only. You need not send your "
		    "message again.\n");
	(void)dg_buf_addf(&b->w.text,
	    "\nYour message to %.*s could not be delivered yet. It has waited "
	    "%s, and we try on until %s.\n",
	    DG_FMT(x->item->address), held, dg_buf_z(&until));
	if (x->result.text[0] != '\0')
		(void)dg_buf_addf(&b->w.text, "The reason: %.*s%s%s\n",
		    DG_FMT(x->item->host), x->item->host.n > 0 ? ": " : "",
		    x->result.text);
	dg_buf_fini(&until);
	if (b->w.subject == NULL)
		b->w.subject = dg_strdup("Your message is delayed");
	add_rcpt(&b->w, x);
}

/* ---- where it goes ---- */

static void
no_way(struct dg_attempt *a, const char *why)
{
	char *text = dg_sprintf("the report about message %s from <%.*s> "
				"cannot be delivered: %s",
	    a->claim->item.name, DG_FMT(a->claim->item.sender), why);

	dg_alert_raise(a->worker, "report-lost", NULL, text);
	free(text);
}

static bool
ask_route(struct dg_bounce *b, struct dg_str to)
{
	struct dg_route_query q = { .recipient = to };

	return dg_policy_route(state_of(b->a), &b->asking, &q, &b->a->notes);
}

/* May it go to postmaster?  Not when postmaster refused a report just now. */
static bool
has_postmaster(struct dg_attempt *a)
{
	const struct dg_item *it = &a->claim->item;
	struct dg_str postmaster = dg_str(config_of(a)->postmaster);

	if (postmaster.n == 0) {
		no_way(a, "no `postmaster` is set in the configuration");
		return false;
	}
	for (size_t i = 0; i < a->n_rcpts; i++) {
		if (it->is_report &&
		    a->rcpts[i].out.outcome == DG_OUTCOME_FAILED &&
		    dg_str_ieq(a->rcpts[i].item->address, postmaster)) {
			no_way(a, "postmaster refused it too");
			return false;
		}
	}
	return true;
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
static void
enqueue(struct dg_bounce *b, struct dg_str to, const struct dg_hop *hop)
{
	struct dg_attempt *a = b->a;
	struct dg_draft *draft = NULL;
	int64_t now = dg_now_ms();
	struct dg_buf text;

	/* too small a cap would keep the report from ever being written */
	dg_buf_init(&text, REPORT_MAX + b->w.n * REPORT_A_RCPT);
	b->rc = dg_draft_open(a->worker->relay->spool, &draft, &b->e);
	if (b->rc == DG_OK)
		b->rc = compose(a, &b->w, to, b->original, b->returns_whole,
		    dg_draft_name(draft), &text, &b->e);
	if (b->rc == DG_OK)
		b->rc = dg_draft_write(draft, dg_buf_str(&text), &b->e);
	dg_buf_fini(&text);
	if (b->rc != DG_OK) {
		dg_draft_free(draft);
		return;
	}
	dg_log(DG_LOG_INFO, "report-sent",
	    dg_kv_z("about", a->claim->item.name),
	    dg_kv_s("id", dg_draft_name(draft)), dg_kv_s("to", to),
	    dg_kv_z("hop", hop->name));
	b->to = dg_str_dup(to);
	b->lane = dg_lane_name(hop, to);
	b->rcpt = (struct dg_item_rcpt){
		.address = dg_str(b->to),
		.lane = dg_str(b->lane),
		.due_ms = now,
		.expire_ms = dg_lane_expiry(hop, now, now),
	};
	b->item = (struct dg_item){
		.arrival_ms = now,
		.is_report = true,
		.body_8bit = a->claim->item.body_8bit && b->returns_whole,
		.rcpts = &b->rcpt,
		.n_rcpts = 1,
	};
	b->news[0] = (struct dg_new_message){ draft, &b->item };
	b->n = 1;
}

/* ---- the way of a report ---- */

static void
end_asking(struct dg_bounce *b)
{
	if (b->is_asking)
		dg_asking_drop(&b->asking);
	b->is_asking = false;
}

static void
begin_asking(struct dg_bounce *b)
{
	end_asking(b);
	dg_asking_init(&b->asking, on_asked, b);
	b->is_asking = true;
}

/* All words are there: who gets them? */
static void
address(struct dg_bounce *b)
{
	const struct dg_item *it = &b->a->claim->item;

	if (b->w.n == 0)
		b->phase = DONE; /* a policy wants no report */
	else if (it->sender.n > 0 && !it->is_report)
		b->phase = TO_SENDER;
	else if (b->is_delay)
		b->phase = DONE; /* nobody hangs on it */
	else
		b->phase = has_postmaster(b->a) ? TO_POSTMASTER : DONE;
}

/* Ask what the phase needs; false: a hook waits. */
static bool
ask(struct dg_bounce *b)
{
	struct dg_attempt *a = b->a;

	if (b->phase == WORDS) {
		while (b->at < a->n_rcpts && !is_about(b, &a->rcpts[b->at]))
			b->at++;
		if (b->at == a->n_rcpts)
			address(b);
	}
	begin_asking(b);
	switch (b->phase) {
	case WORDS:
		return b->is_delay || ask_words(b, &a->rcpts[b->at]);
	case TO_SENDER:
		return ask_route(b, a->claim->item.sender);
	case TO_POSTMASTER:
		return ask_route(b, dg_str(config_of(a)->postmaster));
	case DONE:
		break;
	}
	return true;
}

static void
take_route(struct dg_bounce *b)
{
	const struct dg_decision *d = &b->asking.d;
	struct dg_attempt *a = b->a;
	bool is_last = b->phase == TO_POSTMASTER;
	struct dg_str to = is_last ? dg_str(config_of(a)->postmaster)
				   : a->claim->item.sender;

	b->phase = DONE;
	if (d->kind == DG_D_TO)
		enqueue(b, to,
		    dg_rules_hop(dg_generation_rules(a->generation), d->hop));
	else if (b->is_delay)
		return; /* it may be delivered still: no alert */
	else if (is_last)
		no_way(a, "no route leads to its sender or to postmaster");
	else if (has_postmaster(a))
		b->phase = TO_POSTMASTER;
}

static void
take(struct dg_bounce *b)
{
	if (b->phase == WORDS && b->is_delay)
		write_delay(b, &b->a->rcpts[b->at++]);
	else if (b->phase == WORDS)
		take_words(b, &b->a->rcpts[b->at++]);
	else if (b->phase != DONE)
		take_route(b);
}

bool
dg_bounce_write(struct dg_bounce *b)
{
	while (b->phase != DONE) {
		if (!ask(b))
			return false;
		take(b);
	}
	end_asking(b);
	return true;
}

static void
on_asked(void *ctx, struct dg_asking *asking)
{
	struct dg_bounce *b = ctx;

	(void)asking;
	take(b);
	if (dg_bounce_write(b))
		b->fn(b->a, b);
}

struct dg_bounce *
dg_bounce_new(struct dg_attempt *a, dg_bounce_fn *fn)
{
	struct dg_bounce *b = dg_alloc0(sizeof(*b));

	b->a = a;
	b->fn = fn;
	for (size_t i = 0; i < a->n_rcpts; i++)
		b->is_delay |= a->rcpts[i].is_late;
	b->returns_whole = !b->is_delay && !a->claim->is_lost &&
	    a->claim->item.size <= RETURN_WHOLE_MAX;
	dg_buf_init(&b->w.text, TEXT_MAX);
	b->w.rcpts = dg_alloc0(a->n_rcpts * sizeof(*b->w.rcpts));
	b->w.status = dg_alloc0(a->n_rcpts * sizeof(*b->w.status));
	if (!a->claim->is_lost) /* or there is nothing to return */
		b->rc = dg_claim_body(a->claim, 0, RETURN_WHOLE_MAX,
		    &b->original, &b->e);
	if (b->rc != DG_OK)
		b->phase = DONE;
	if (!b->returns_whole)
		b->original.n = dg_header_length(b->original);
	return b;
}

void
dg_bounce_free(struct dg_bounce *b)
{
	if (b == NULL)
		return;
	end_asking(b);
	free(b->w.subject);
	free(b->w.lang);
	free(b->w.rcpts);
	free(b->w.status);
	dg_buf_fini(&b->w.text);
	free(b->to);
	free(b->lane);
	free(b);
}

enum dg_rc
dg_bounce_rc(const struct dg_bounce *b, struct dg_err *e)
{
	*e = b->e;
	return b->rc;
}

const struct dg_new_message *
dg_bounce_news(const struct dg_bounce *b, size_t *n)
{
	*n = b->n;
	return b->news;
}
