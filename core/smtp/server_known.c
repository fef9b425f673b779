/* server_known.c - what the server machine knows, for whoever is asked, and for
 * the log.  Nothing here changes anything. */
#include "server_state.h"

static const char *const state_names[] = {
#define X(name, reads) #name,
	SRV_STATES(X)
#undef X
};

struct dg_str
dg_srv_helo(const struct dg_srv *s)
{
	return dg_str_of(s->hello.name, s->hello.n);
}

bool
dg_srv_is_ehlo(const struct dg_srv *s)
{
	return s->hello.is_ehlo;
}

bool
dg_srv_has_tls(const struct dg_srv *s)
{
	return s->has_tls;
}

struct dg_envelope *
dg_srv_envelope(struct dg_srv *s)
{
	return s->mail.env;
}

struct dg_envelope *
dg_srv_take_envelope(struct dg_srv *s)
{
	struct dg_envelope *own = s->mail.env;

	s->mail.env = NULL;
	return own;
}

struct dg_str
dg_srv_asked_address(const struct dg_srv *s)
{
	return s->mail.asked;
}

struct dg_str
dg_srv_unknown_verb(const struct dg_srv *s)
{
	return dg_str_sub(dg_buf_str(&s->unknown.line), 0, s->unknown.n_verb);
}

struct dg_str
dg_srv_unknown_argument(const struct dg_srv *s)
{
	return dg_str_from(dg_buf_str(&s->unknown.line), s->unknown.n_verb);
}

struct dg_str
dg_srv_asked_sender(const struct dg_srv *s)
{
	return s->mail.given;
}

uint64_t
dg_srv_asked_size(const struct dg_srv *s)
{
	return s->mail.env != NULL ? s->mail.env->declared_size : 0;
}

struct dg_str
dg_srv_asked_body(const struct dg_srv *s)
{
	return s->mail.body.n > 0 ? s->mail.body : DG_STR("");
}

size_t
dg_srv_trace_size(const struct dg_srv *s)
{
	return s->data.trace;
}

size_t
dg_srv_header_size(const struct dg_srv *s)
{
	return (size_t)s->data.header.bytes;
}

uint64_t
dg_srv_message_size(const struct dg_srv *s)
{
	return s->data.dot.bytes;
}

const char *
dg_srv_state_name(const struct dg_srv *s)
{
	return state_names[s->state];
}
