/* dns.c - questions to libunbound on the worker's own loop, and their answers.
 *
 * The one door to the library.  It cannot be told to forget a question without
 * care for its state, so a question outlives whoever gave it up and finds
 * nobody when its answer comes.  It may answer inside the call that asks (hosts
 * file, cache), so dg_dns_ask notes the answer and tells it by an event: the
 * same event that otherwise says that the time is over.
 */
#include "dns_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/time.h>
#include <unistd.h>

#include <event2/event.h>
#include <unbound.h>
#include <unbound-event.h>

#include "turn.h"

enum {
	CLASS_IN = 1,
	SECURITY_BOGUS = 1, /* unbound-event.h */
	SECURITY_SECURE = 2,
};

struct dg_dns_question {
	LIST_ENTRY(dg_dns_question) next;
	struct dg_dns_question **slot; /* the asker's; NULL: given up */
	dg_dns_packet_fn *fn;
	void *ctx; /* the asker's, who gives the question up first */
};

struct ask {
	LIST_ENTRY(ask) next;
	struct dg_resolver *resolver;
	struct dg_dns_question *question;
	bool is_diverted;   /* to the resolver's hook */
	struct event *tell; /* soon, or when the time is over */
	dg_dns_fn *fn;
	void *ctx; /* the asker's, who frees the resolver first */
	uint64_t ticket;
	enum dg_dns_type type;
	char name[DG_HOST_ROOM]; /* as it was given, or its beginning */
	char why[600];
	struct dg_dns_answer answer;
	struct dg_dns_record *records;
	struct dg_arena texts;
};

struct dg_resolver {
	struct dg_loop *loop;
	struct ub_ctx *ub; /* NULL until the first question */
	char **servers;    /* NULL-ended */
	char *hosts_file;
	char *trust_anchor; /* or NULL */
	dg_dns_hook *hook;  /* NULL: the network */
	void *hook_ctx;     /* the diverter's, who frees the resolver first */
	LIST_HEAD(, dg_dns_question) questions;
	LIST_HEAD(, ask) asks;
};

/* ---- the library's context ---- */

static const struct {
	const char *name, *value;
} settings[] = {
	{ "do-not-query-localhost:", "no" }, /* where many name servers are */
	{ "cache-max-negative-ttl:", "60" }, /* a host just added is found */
	/* who asks for 10.0.0.5 has a name server that knows it */
	{ "unblock-lan-zones:", "yes" },
	{ "insecure-lan-zones:", "yes" },
	{ "num-queries-per-thread:", "256" },
	{ "outgoing-range:", "512" },
};

/* "10.0.0.53:5353" and "[::1]:53" as the library writes them, with "@". */
static const char *
server_as_told(const char *s, char out[DG_ADDRESS_ROOM + 8])
{
	struct dg_str host;
	unsigned port;

	if (!dg_address_split(dg_str(s), 53, &host, &port))
		return s;
	snprintf(out, DG_ADDRESS_ROOM + 8, "%.*s@%u", DG_FMT(host), port);
	return out;
}

static enum dg_rc
use_servers(struct dg_resolver *r, struct ub_ctx *ub, struct dg_err *e)
{
	/* without the file, or with none in it, the root servers are asked */
	if (r->servers[0] == NULL)
		ub_ctx_resolvconf(ub, NULL);
	for (char **s = r->servers; *s != NULL; s++) {
		char told[DG_ADDRESS_ROOM + 8];
		int no = ub_ctx_set_fwd(ub, server_as_told(*s, told));

		if (no != 0)
			return dg_fail(e, DG_E_CONFIG, 451, "4.4.3",
			    "name server %s: an address, with or without a "
			    "port, is expected (%s)",
			    *s, ub_strerror(no));
	}
	return DG_OK;
}

/* The validator without an anchor would only cost time. */
static enum dg_rc
use_anchor(struct dg_resolver *r, struct ub_ctx *ub, struct dg_err *e)
{
	if (r->trust_anchor == NULL) {
		ub_ctx_set_option(ub, "module-config:", "iterator");
		return DG_OK;
	}
	ub_ctx_set_option(ub, "module-config:", "validator iterator");
	if (access(r->trust_anchor, R_OK) != 0 ||
	    ub_ctx_add_ta_file(ub, r->trust_anchor) != 0)
		return dg_fail(e, DG_E_CONFIG, 451, "4.4.3",
		    "the trust anchor cannot be read: %s", r->trust_anchor);
	return DG_OK;
}

static enum dg_rc
open_library(struct dg_resolver *r, struct dg_err *e)
{
	struct ub_ctx *ub;
	enum dg_rc rc;

	if (r->ub != NULL)
		return DG_OK;
	ub = ub_ctx_create_event(dg_loop_base(r->loop));
	if (ub == NULL)
		return dg_fail(e, DG_E_IO, 451, "4.4.3",
		    "the resolver could not be set up");
	ub_ctx_debugout(ub, NULL);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		ub_ctx_set_option(ub, settings[i].name, settings[i].value);
	/* a machine without the file has names nevertheless */
	ub_ctx_hosts(ub, r->hosts_file);
	rc = use_servers(r, ub, e);
	if (rc == DG_OK)
		rc = use_anchor(r, ub, e);
	if (rc != DG_OK) {
		ub_ctx_delete(ub);
		return rc;
	}
	r->ub = ub;
	return DG_OK;
}

struct dg_resolver *
dg_resolver_new(struct dg_loop *l, const struct dg_resolver_options *o)
{
	struct dg_resolver *r = dg_alloc0(sizeof(*r));
	size_t n = 0;

	r->loop = l;
	while (o->servers != NULL && o->servers[n] != NULL)
		n++;
	r->servers = dg_alloc0((n + 1) * sizeof(*r->servers));
	for (size_t i = 0; i < n; i++)
		r->servers[i] = dg_strdup(o->servers[i]);
	r->hosts_file =
	    dg_strdup(o->hosts_file != NULL ? o->hosts_file : "/etc/hosts");
	if (o->trust_anchor != NULL)
		r->trust_anchor = dg_strdup(o->trust_anchor);
	return r;
}

struct dg_loop *
dg_resolver_loop(const struct dg_resolver *r)
{
	return r->loop;
}

/* ---- one question ---- */

/* The library's code is about itself; the packet says what the name server
 * said, above all that there is no such name. */
static void
read_packet(struct dg_dns_packet *p, struct dg_str packet)
{
	if (p->rcode != DG_RCODE_OK || packet.n < 4)
		return;
	p->rcode = packet.p[3] & 0x0f;
	if (p->rcode == DG_RCODE_OK)
		p->bytes = packet;
}

static void
on_answer(void *ctx, int rcode, void *packet, int packet_n, int security,
    char *why_bogus, int was_limited)
{
	struct dg_dns_question *q = ctx;
	struct dg_dns_packet p = {
		.rcode = rcode,
		.is_bogus = security == SECURITY_BOGUS,
		.is_secure = security == SECURITY_SECURE,
		.why_bogus = why_bogus,
	};

	(void)was_limited;
	LIST_REMOVE(q, next);
	if (q->slot != NULL) {
		*q->slot = NULL;
		if (packet != NULL && packet_n > 0)
			read_packet(&p, dg_str_of(packet, (size_t)packet_n));
		q->fn(q->ctx, &p);
	}
	free(q);
}

enum dg_rc
dg_dns_question_new(struct dg_resolver *r, const char *name,
    enum dg_dns_type type, struct dg_dns_question **slot, dg_dns_packet_fn *fn,
    void *ctx, struct dg_err *e)
{
	enum dg_rc rc = open_library(r, e);
	struct dg_dns_question *q;
	int no;

	if (rc != DG_OK)
		return rc;
	q = dg_alloc0(sizeof(*q));
	q->slot = slot;
	q->fn = fn;
	q->ctx = ctx;
	*slot = q;
	LIST_INSERT_HEAD(&r->questions, q, next);
	no = ub_resolve_event(r->ub, name, type, CLASS_IN, q, on_answer, NULL);
	if (no == 0)
		return DG_OK; /* q may be answered, and gone */
	LIST_REMOVE(q, next);
	free(q);
	*slot = NULL;
	return dg_fail(e, no == UB_SYNTAX ? DG_E_PROTO : DG_E_IO, 451, "4.4.3",
	    "cannot look up %s: %s", name, ub_strerror(no));
}

void
dg_dns_question_forget(struct dg_dns_question **slot)
{
	if (*slot == NULL)
		return;
	(*slot)->slot = NULL;
	*slot = NULL;
}

bool
dg_dns_is_name(struct dg_str name)
{
	if (name.n == 0 || name.n > 253)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = dg_lower(name.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '-' && c != '_' && c != '.')
			return false;
	}
	return true;
}

/* ---- records for whoever asks ---- */

const char *
dg_dns_words(enum dg_dns_result r)
{
	static const char *const words[] = {
#define D(id, text) [DG_DNS_##id] = text,
		DG_DNS_RESULTS(D)
#undef D
	};

	return words[r];
}

static void
ask_free(struct ask *a)
{
	dg_dns_question_forget(&a->question);
	event_free(a->tell);
	dg_arena_fini(&a->texts);
	free(a->records);
	free(a);
}

void
dg_resolver_free(struct dg_resolver *r)
{
	struct dg_dns_question *q;
	struct ask *a;

	if (r == NULL)
		return;
	while ((a = LIST_FIRST(&r->asks)) != NULL) {
		LIST_REMOVE(a, next);
		ask_free(a);
	}
	if (r->ub != NULL)
		ub_ctx_delete(r->ub);
	while ((q = LIST_FIRST(&r->questions)) != NULL) {
		LIST_REMOVE(q, next);
		free(q);
	}
	for (char **s = r->servers; *s != NULL; s++)
		free(*s);
	free(r->servers);
	free(r->hosts_file);
	free(r->trust_anchor);
	free(r);
}

static void
tell_in(struct ask *a, int64_t ms)
{
	struct timeval tv = dg_loop_timeval(ms);

	evtimer_add(a->tell, &tv);
}

/* The answer is settled: what came of it, and the sentence. */
static void
settle(struct ask *a, enum dg_dns_result result, const char *detail)
{
	a->answer.result = result;
	if (result != DG_DNS_FOUND)
		snprintf(a->why, sizeof(a->why), "%s: %s%s%.250s",
		    dg_dns_words(result), a->name,
		    detail[0] != '\0' ? ": " : "", detail);
	tell_in(a, 0);
}

static void
read_records(struct ask *a, struct dg_str packet)
{
	struct dg_dns_record v[DG_DNS_RECORDS_MAX];
	size_t n = 0;

	if (!dg_dns_records(packet, a->type, &a->texts, v, DG_DNS_RECORDS_MAX,
		&n)) {
		settle(a, DG_DNS_FAILED, "its answer is malformed");
		return;
	}
	if (n == 0) {
		settle(a, DG_DNS_NO_RECORD, "");
		return;
	}
	a->records = dg_alloc(n * sizeof(v[0]));
	memcpy(a->records, v, n * sizeof(v[0]));
	a->answer.v = a->records;
	a->answer.n = n;
	settle(a, DG_DNS_FOUND, "");
}

static void
on_packet(void *ctx, const struct dg_dns_packet *p)
{
	struct ask *a = ctx;

	a->answer.is_secure = p->is_secure;
	if (p->is_bogus)
		settle(a, DG_DNS_BOGUS,
		    p->why_bogus != NULL ? p->why_bogus : "");
	else if (p->rcode == DG_RCODE_NXDOMAIN)
		settle(a, DG_DNS_NO_NAME, "");
	else if (p->rcode != DG_RCODE_OK)
		settle(a, DG_DNS_FAILED, "it did not answer, or could not");
	else
		read_records(a, p->bytes);
}

static void
divert(struct ask *a)
{
	struct dg_resolver *r = a->resolver;

	r->hook(r->hook_ctx, dg_str(a->name), a->type, &a->answer);
	if (a->answer.why == NULL)
		settle(a, a->answer.result, "");
}

static void
on_tell(evutil_socket_t fd, short what, void *ctx)
{
	struct ask *a = ctx;

	(void)fd;
	(void)what;
	if (a->question != NULL)
		settle(a, DG_DNS_TIMEOUT, "");
	else if (a->is_diverted)
		divert(a);
	LIST_REMOVE(a, next);
	evtimer_del(a->tell);
	if (a->answer.why == NULL)
		a->answer.why = a->why;
	a->fn(a->ctx, a->ticket, &a->answer);
	ask_free(a);
}

static void
put_question(struct dg_resolver *r, struct ask *a, struct dg_str name,
    int64_t timeout_ms)
{
	char asked[DG_HOST_ROOM];
	struct dg_err e = { .rc = DG_OK };

	if (a->type == DG_DNS_PTR && !dg_dns_reverse(name, asked)) {
		settle(a, DG_DNS_NOT_AN_ADDRESS, "");
		return;
	}
	if (a->type != DG_DNS_PTR) {
		if (!dg_dns_is_name(name)) {
			settle(a, DG_DNS_NOT_A_NAME, "");
			return;
		}
		snprintf(asked, sizeof(asked), "%.*s", DG_FMT(name));
	}
	if (r->hook != NULL) {
		a->is_diverted = true;
		tell_in(a, 0);
		return;
	}
	tell_in(a, timeout_ms);
	if (dg_dns_question_new(r, asked, a->type, &a->question, on_packet, a,
		&e) != DG_OK)
		settle(a,
		    e.rc == DG_E_PROTO ? DG_DNS_NOT_A_NAME : DG_DNS_FAILED,
		    e.rc == DG_E_PROTO ? "" : e.text);
}

void
dg_dns_ask(struct dg_resolver *r, struct dg_str name, enum dg_dns_type type,
    int64_t timeout_ms, dg_dns_fn *fn, void *ctx, uint64_t ticket)
{
	struct ask *a = dg_alloc0(sizeof(*a));

	a->resolver = r;
	a->fn = fn;
	a->ctx = ctx;
	a->ticket = ticket;
	a->type = type;
	dg_arena_init(&a->texts, DG_DNS_ARENA);
	snprintf(a->name, sizeof(a->name), "%.*s", DG_FMT(name));
	a->tell = evtimer_new(dg_loop_base(r->loop), on_tell, a);
	LIST_INSERT_HEAD(&r->asks, a, next);
	put_question(r, a, name, timeout_ms);
}

void
dg_resolver_divert(struct dg_resolver *r, dg_dns_hook *hook, void *ctx)
{
	r->hook = hook;
	r->hook_ctx = ctx;
}
