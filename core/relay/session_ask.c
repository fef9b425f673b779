/*
 * session_ask.c - a question of the server machine on its way through the
 * policy, and back.
 *
 * Most are answered at once; when a hook waits, the machine takes no input and
 * the answer comes later.  Each decision is logged with the line that made it.
 */
#include "session.h"

#include "dragoman/base/log.h"

static void
log_decision(struct dg_session *s, const char *question, struct dg_str asked,
    const struct dg_decision *d)
{
	char where[256];

	if (d->kind == DG_D_NONE)
		return;
	dg_log(d->is_default ? DG_LOG_WARN : DG_LOG_INFO, "decision",
	    dg_kv_z("session", s->name),
	    dg_kv_z("question", question), dg_kv_s("asked", asked),
	    dg_kv_z("decision", dg_decision_name(d->kind)),
	    dg_kv_n("code", d->code), dg_kv_s("text", d->text),
	    dg_kv_s("hop", d->hop), dg_kv_s("because", d->because),
	    dg_kv_z("where", dg_where_text(d->where, where, sizeof(where))));
}

/* Refuse, defer and close mean the same wherever they are answered. */
static void
verdict_of(const struct dg_decision *d, struct dg_srv_answer *a)
{
	switch (d->kind) {
	case DG_D_REFUSE:
		a->verdict = DG_VERDICT_REFUSE;
		break;
	case DG_D_DEFER:
		a->verdict = DG_VERDICT_DEFER;
		break;
	case DG_D_CLOSE:
		a->verdict = DG_VERDICT_CLOSE;
		break;
	case DG_D_DISCARD:
		a->verdict = DG_VERDICT_DISCARD;
		break;
	case DG_D_HOLD:
		a->verdict = DG_VERDICT_HOLD;
		break;
	default:
		return;
	}
	a->code = d->code;
	memcpy(a->enhanced, d->enhanced, sizeof(a->enhanced));
	a->text = d->text;
}

static void
take_route(struct dg_session *s)
{
	const struct dg_decision *d = &s->routing.d;

	log_decision(s, "route",
	    s->answer.to.n > 0 ? s->answer.to : dg_srv_asked_address(s->srv),
	    d);
	verdict_of(d, &s->answer);
	dg_session_take_route(s);
}

void
dg_session_forget(struct dg_session *s)
{
	if (!s->is_asking)
		return;
	dg_asking_drop(&s->asking);
	dg_asking_drop(&s->routing);
	s->is_asking = false;
}

static void
give(struct dg_session *s)
{
	dg_acts_reset(&s->acts);
	dg_srv_answer(s->srv, &s->answer, &s->acts);
	dg_session_forget(s);
}

/* s->asking has its answer.  False: another question waits. */
static bool
take(struct dg_session *s)
{
	const struct dg_decision *d = &s->asking.d;

	log_decision(s, dg_question_name(dg_session_questions[s->asked].question),
	    dg_session_questions[s->asked].about(s), d);
	verdict_of(d, &s->answer);
	if (dg_session_questions[s->asked].take != NULL)
		dg_session_questions[s->asked].take(s, d);
	if (s->asked == DG_ASK_RECIPIENT &&
	    s->answer.verdict == DG_VERDICT_ACCEPT) {
		if (!dg_session_ask_route(s))
			return false;
		take_route(s);
	}
	return true;
}

static void
on_answered(void *ctx, struct dg_asking *a)
{
	struct dg_session *s = ctx;

	if (a == &s->routing)
		take_route(s);
	else if (!take(s))
		return;
	give(s);
	dg_session_pump(s);
}

void
dg_session_answer(struct dg_session *s, enum dg_ask question)
{
	s->asked = question;
	s->is_asking = true;
	s->answer = (struct dg_srv_answer){ .verdict = DG_VERDICT_ACCEPT };
	dg_asking_init(&s->asking, on_answered, s);
	dg_asking_init(&s->routing, on_answered, s);
	if (dg_session_questions[question].ask(s) && take(s))
		give(s);
}
