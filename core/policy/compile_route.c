/* compile_route.c - d.route { ... } into struct dg_route. */
#include "schema.h"

#include <stddef.h>
#include <stdio.h>

struct decl {
	struct dg_decl d;
	struct dg_route x;
	struct dg_ref peer, hop;
	int answers; /* how many of hop, refuse, ask */
};

size_t
dg_route_decl_size(void)
{
	return sizeof(struct decl);
}

static void
read_hop(struct dg_reader *r, void *obj)
{
	struct decl *d = obj;

	d->answers++;
	d->x.kind = DG_ROUTE_HOP;
	d->hop = dg_read_ref(r);
}

static void
read_refuse(struct dg_reader *r, void *obj)
{
	struct decl *d = obj;
	const char *z = dg_read_string(r, "a reply: \"550 5.7.1 text\"");
	struct dg_str text;
	const char *problem;

	d->answers++;
	d->x.kind = DG_ROUTE_REFUSE;
	if (z == NULL)
		return;
	problem = dg_reply_text_read(dg_str(z), '5', &d->x.code, d->x.enhanced,
	    &text);
	if (problem != NULL) {
		dg_read_bad(r, "\"%s\": %s", z, problem);
		return;
	}
	d->x.text = text.p; /* to the end of z */
	if (text.n > 3 && text.p[0] == '5' && text.p[1] == '.' &&
	    text.p[2] >= '0' && text.p[2] <= '9')
		dg_read_warn(r,
		    "\"%s\": an enhanced code has three numbers: 5.7.1", z);
}

static void
read_ask(struct dg_reader *r, void *obj)
{
	struct decl *d = obj;

	d->answers++;
	d->x.kind = DG_ROUTE_ASK;
	if (lua_type(r->L, -1) == LUA_TFUNCTION)
		d->x.ask = dg_vm_add_hook(r->L);
	else
		dg_read_type(r, "a function");
}

void
dg_route_read(struct dg_reader *r, struct dg_decl *decl)
{
#define AT(f) offsetof(struct decl, f)
	static const struct dg_field fields[] = {
		{ "to", DG_F_PATTERNS, AT(x.to), NULL, NULL },
		{ "from", DG_F_PATTERNS, AT(x.from), NULL, NULL },
		{ "peer", DG_F_REF, AT(peer), NULL, NULL },
		{ "user", DG_F_PATTERNS, AT(x.user), NULL, NULL },
		{ "size", DG_F_SIZE, AT(x.size), NULL, NULL },
		{ "hop", DG_F_READ, 0, NULL, read_hop },
		{ "refuse", DG_F_READ, 0, NULL, read_refuse },
		{ "ask", DG_F_READ, 0, NULL, read_ask },
		{ NULL, DG_F_LATER, 0, NULL, NULL },
	};
#undef AT
	struct decl *d = (struct decl *)decl;

	dg_read_fields(r, fields, d, NULL);
	if (lua_type(r->L, -1) != LUA_TTABLE)
		return;
	if (d->answers == 0 && !dg_read_means(r, fields, "hop") &&
	    !dg_read_means(r, fields, "refuse") &&
	    !dg_read_means(r, fields, "ask"))
		dg_read_bad(r, "needs one of hop, refuse, ask");
	if (d->answers > 1)
		dg_read_bad(r, "takes only one of hop, refuse, ask");
}

void
dg_routes_finish(struct dg_load *ld, struct dg_rules *out)
{
	struct dg_route *v = dg_load_alloc(ld, (ld->routes.n + 1) * sizeof(*v));

	for (struct dg_decl *e = ld->routes.first; e != NULL; e = e->next) {
		struct decl *d = (struct decl *)e;
		struct dg_route *x = &v[out->n_routes++];

		*x = d->x;
		x->where = e->where;
		if (d->peer.name != NULL)
			x->peer = dg_peer_name_find(ld, &d->peer);
		if (d->hop.name == NULL)
			continue;
		x->hop = dg_rules_hop(out, dg_str(d->hop.name));
		if (x->hop == NULL)
			(void)dg_hop_name_find(ld, &d->hop);
	}
	out->routes = v;
}
