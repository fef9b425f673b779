/*
 * lab_world.c - what a policy test puts in the place of name servers and web
 * servers: what a case says must not depend on what is out there.
 */
#include "lab_world.h"

#include <stdlib.h>
#include <sys/queue.h>

struct record {
	LIST_ENTRY(record) next;
	enum dg_dns_type type;
	unsigned preference;
	char *name, *text;
};

struct page {
	LIST_ENTRY(page) next;
	int status;
	char *request, *body;
	size_t n;
};

struct dg_world {
	LIST_HEAD(, record) records;
	LIST_HEAD(, page) pages;
	struct dg_dns_record found[DG_DNS_RECORDS_MAX];
};

struct dg_world *
dg_world_new(void)
{
	struct dg_world *w = dg_alloc0(sizeof(*w));

	LIST_INIT(&w->records);
	LIST_INIT(&w->pages);
	return w;
}

void
dg_world_free(struct dg_world *w)
{
	struct record *r;
	struct page *p;

	while ((r = LIST_FIRST(&w->records)) != NULL) {
		LIST_REMOVE(r, next);
		free(r->name);
		free(r->text);
		free(r);
	}
	while ((p = LIST_FIRST(&w->pages)) != NULL) {
		LIST_REMOVE(p, next);
		free(p->request);
		free(p->body);
		free(p);
	}
	free(w);
}

/* ---- names ---- */

static bool
type_of(struct dg_str word, enum dg_dns_type *type)
{
	static const struct {
		const char *word;
		enum dg_dns_type type;
	} types[] = { { "a", DG_DNS_A }, { "aaaa", DG_DNS_AAAA },
		{ "mx", DG_DNS_MX }, { "txt", DG_DNS_TXT },
		{ "ptr", DG_DNS_PTR } };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (!dg_str_is(word, types[i].word))
			continue;
		*type = types[i].type;
		return true;
	}
	return false;
}

bool
dg_world_record(struct dg_world *w, struct dg_str type, struct dg_str name,
    struct dg_str value)
{
	enum dg_dns_type t;
	struct record *r;

	if (!type_of(type, &t))
		return false;
	r = dg_alloc0(sizeof(*r));
	r->type = t;
	r->name = dg_str_dup(name);
	if (t == DG_DNS_MX) {
		char *end;
		char *z = dg_str_dup(value);

		r->preference = (unsigned)strtoul(z, &end, 10);
		r->text = dg_str_dup(dg_str_trim(dg_str(end)));
		free(z);
	} else {
		r->text = dg_str_dup(value);
	}
	LIST_INSERT_HEAD(&w->records, r, next);
	return true;
}

static int
by_preference(const void *a, const void *b)
{
	const struct dg_dns_record *x = a, *y = b;

	if (x->preference != y->preference)
		return x->preference < y->preference ? -1 : 1;
	return strcmp(x->text.p, y->text.p);
}

void
dg_world_dns(void *ctx, struct dg_str name, enum dg_dns_type type,
    struct dg_dns_answer *a)
{
	struct dg_world *w = ctx;
	const struct record *r;
	bool has_name = false;

	LIST_FOREACH (r, &w->records, next) {
		if (!dg_str_ieq(dg_str(r->name), name))
			continue;
		has_name = true;
		if (r->type == type && a->n < DG_DNS_RECORDS_MAX)
			w->found[a->n++] = (struct dg_dns_record){
				dg_str(r->text), r->preference };
	}
	qsort(w->found, a->n, sizeof(w->found[0]), by_preference);
	a->v = w->found;
	if (a->n > 0) {
		a->result = DG_DNS_FOUND;
	} else if (has_name) {
		a->result = DG_DNS_NO_RECORD;
	} else if (LIST_EMPTY(&w->records)) {
		a->result = DG_DNS_FAILED;
		a->why = "server failed: a policy test asks no name server; "
			 "see s:dns";
	} else {
		a->result = DG_DNS_NO_NAME;
	}
}

/* ---- pages ---- */

static struct page *
page_of(struct dg_world *w, struct dg_str request)
{
	struct page *p;

	LIST_FOREACH (p, &w->pages, next)
		if (dg_str_is(request, p->request))
			return p;
	return NULL;
}

void
dg_world_page(struct dg_world *w, struct dg_str request, int status,
    struct dg_str body)
{
	struct page *p = page_of(w, request);

	if (p == NULL) {
		p = dg_alloc0(sizeof(*p));
		p->request = dg_str_dup(request);
		LIST_INSERT_HEAD(&w->pages, p, next);
	}
	free(p->body);
	p->body = dg_str_dup(body);
	p->n = body.n;
	p->status = status;
}

void
dg_world_http(void *ctx, const struct dg_http_request *q,
    struct dg_http_answer *a)
{
	char *request = dg_sprintf("%s %.*s", q->method, DG_FMT(q->url));
	const struct page *p = page_of(ctx, dg_str(request));

	free(request);
	if (p == NULL || p->status == 0) {
		a->error = "a policy test asks no web server; see s:web";
		return;
	}
	a->status = p->status;
	a->body = dg_str_of(p->body, p->n);
}
