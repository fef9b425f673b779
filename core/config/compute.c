/*
 * compute.c - defaults that are worked out: from the system, or from other
 * settings.  Only when the rest is known to be good, so that each can rely on
 * what stands above it in the table.
 */
#include <netdb.h>
#include <stdlib.h>
#include <unistd.h>

#include "fill.h"

/* The system's name with its domain.  When it has none of its own, the
 * resolver is asked (most often /etc/hosts answers). */
static char *
system_name(const struct dg_option *o)
{
	char name[256] = "";
	struct addrinfo hints = { .ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_CANONNAME };
	struct addrinfo *found = NULL;
	struct dg_value v = { NULL, NULL, 0 };
	struct dg_str longer, wanted;

	(void)gethostname(name, sizeof(name) - 1);
	if (name[0] != '\0' && strchr(name, '.') == NULL &&
	    getaddrinfo(name, NULL, &hints, &found) == 0) {
		longer = dg_str(found->ai_canonname);
		wanted = dg_str(name);
		/* "localhost.localdomain" for some other name is no help. */
		if (dg_str_has_iprefix(longer, wanted) && longer.n > wanted.n &&
		    longer.p[wanted.n] == '.')
			(void)dg_value_preset(o, found->ai_canonname, &v);
		freeaddrinfo(found);
	}
	if (v.text == NULL && !dg_value_preset(o, name, &v))
		return dg_strdup("localhost");
	return v.text;
}

static unsigned
processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > 256 ? 256 : (unsigned)n;
}

static void
compute(struct dg_config *c, struct dg_entry *e)
{
	struct dg_value v = { NULL, NULL, 0 };
	struct dg_buf shown;

	switch (e->option->id) {
	case DG_OPT_HOSTNAME:
		v.text = c->hostname = system_name(e->option);
		break;
	case DG_OPT_WORKERS:
		v.number = c->workers = processors();
		break;
	case DG_OPT_POSTMASTER:
		v.text = c->postmaster =
		    dg_sprintf("postmaster@%s", c->hostname);
		break;
	case DG_OPT_CONTROL:
		v.text = c->control = dg_sprintf("%s/control", c->spool_path);
		break;
	default:
		abort(); /* a new "=" in the table needs its own case */
	}
	dg_buf_init(&shown, 8192);
	dg_value_print(e->option, &v, &shown);
	e->shown = dg_str_dup(dg_buf_str(&shown));
	dg_buf_fini(&shown);
}

void
dg_config_compute(struct dg_config *c)
{
	for (size_t i = 0; i < c->guts->n; i++) {
		if (c->guts->entries[i].shown == NULL)
			compute(c, &c->guts->entries[i]);
	}
}
