#ifndef DRAGOMAN_CORE_APP_LAB_WORLD_H
#define DRAGOMAN_CORE_APP_LAB_WORLD_H

#include "dragoman/net/dns.h"
#include "dragoman/net/http.h"

/* lab_world.h - what a policy test puts in the place of name servers and web
 * servers.  What it did not say is not there. */
struct dg_world;
struct dg_world *dg_world_new(void);
void dg_world_free(struct dg_world *w);
/* One more record: "mx", "b.example", "10 mx1.b.example"; false: no such type.
 */
bool dg_world_record(struct dg_world *w, struct dg_str type,
    struct dg_str name, struct dg_str value);
/* What "GET http://..." is answered; a later one replaces it. */
void dg_world_page(struct dg_world *w, struct dg_str request, int status,
    struct dg_str body);
/* For dg_resolver_divert and dg_http_divert; ctx is the world. */
void dg_world_dns(void *ctx, struct dg_str name, enum dg_dns_type type,
    struct dg_dns_answer *a);
void dg_world_http(void *ctx, const struct dg_http_request *q,
    struct dg_http_answer *a);

#endif
