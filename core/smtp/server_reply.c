/* server_reply.c - how the server machine says things.
 *
 * One place decides on enhanced status codes (RFC 2034: only what EHLO showed,
 * to peers that said EHLO) and on the dialect's own texts, so that handlers
 * name a code, a status and plain words and nothing else. */
#include "server_state.h"

#include "dragoman/wire/reply.h"

enum {
	REPLY_MAX = 16 * 1024
};

static void
send_reply(struct dg_srv *s, int code, const char *enhanced, struct dg_str text)
{
	struct dg_buf reply;

	dg_buf_init(&reply, REPLY_MAX);
	if (dg_reply_add(&reply, code, enhanced, text) != DG_OK)
		/* longer than any reply may be: the code is what counts */
		(void)dg_reply_add(&reply, code, enhanced, DG_STR("-"));
	dg_acts_send(s->out, dg_buf_str(&reply));
	if (code >= 400)
		dg_acts_trace(s->out, "said %d%s%s %.*s", code,
		    enhanced[0] != '\0' ? " " : "", enhanced,
		    (int)(text.n < 200 ? text.n : 200), text.p);
	dg_buf_fini(&reply);
}

void
dg_srv_words(struct dg_srv *s, int code, const char *enhanced,
    struct dg_str text)
{
	bool is_shown = s->hello.is_ehlo &&
			(s->hello.shown & DG_EXT_ENHANCED) && code / 100 != 3;

	send_reply(s, code, is_shown && enhanced != NULL ? enhanced : "",
	    text.p != NULL ? text : DG_STR(""));
}

void
dg_srv_say(struct dg_srv *s, int code, const char *enhanced, const char *text)
{
	dg_srv_words(s, code, enhanced,
	    dg_str(dg_dialect_text(s->peer.dialect, code, text)));
}

void
dg_srv_plain(struct dg_srv *s, int code, struct dg_str text)
{
	send_reply(s, code, "", text);
}

enum srv_state
dg_srv_bad(struct dg_srv *s, enum srv_state stay, int code,
    const char *enhanced, const char *text)
{
	if (++s->errors > s->limits.errors)
		return dg_srv_end(s, 421, "4.7.0",
		    "too many errors, closing the connection");
	dg_srv_say(s, code, enhanced, text);
	return stay;
}

bool
dg_srv_asks(const struct dg_srv *s, enum dg_ask ask)
{
	return (s->asks & DG_ASK_BIT(ask)) != 0;
}

enum srv_state
dg_srv_end(struct dg_srv *s, int code, const char *enhanced, const char *text)
{
	if (code != 0)
		dg_srv_say(s, code, enhanced, text);
	return SRV_GONE;
}

void
dg_srv_verdict(struct dg_srv *s, const struct dg_srv_answer *a,
    const char *refused, const char *deferred)
{
	bool is_refused = a->verdict == DG_VERDICT_REFUSE;
	bool is_closed = a->verdict == DG_VERDICT_CLOSE;
	const char *words = is_refused ? refused : deferred;
	struct dg_str text = a->text;
	int code = a->code;
	const char *enhanced = a->enhanced;

	if (code < 400 || code > 599) {
		if (is_closed)
			return; /* closed without a word */
		code = is_refused ? 550 : 451;
		enhanced = is_refused ? "5.7.1" : "4.3.0";
		text = DG_NOSTR;
	}
	if (text.n == 0)
		text = dg_str(dg_dialect_text(s->peer.dialect, code, words));
	dg_srv_words(s, code, enhanced, text);
}

enum srv_state
dg_srv_refuse(struct dg_srv *s, const struct dg_srv_answer *a,
    enum srv_state stay, const char *refused, const char *deferred)
{
	if (++s->errors > s->limits.errors)
		return dg_srv_end(s, 421, "4.7.0",
		    "too many errors, closing the connection");
	dg_srv_verdict(s, a, refused, deferred);
	return stay;
}
