#ifndef DRAGOMAN_RELAY_GENERATION_H
#define DRAGOMAN_RELAY_GENERATION_H

#include "dragoman/auth/users.h"
#include "dragoman/config/config.h"
#include "dragoman/net/tls.h"
#include "dragoman/policy/policy.h"

/*
 * generation.h - config, policy, users, secrets and certificates, as loaded
 * together: immutable, the only refcounted thing.  A reload builds the next
 * one aside; sessions and delivery attempts pin the one they began with.
 */
struct dg_generation;

/* The password that `dragoman init` writes into secrets: a warning. */
#define DG_SECRET_PLACEHOLDER "change-me"

struct dg_generation_options {
	unsigned number;                /* 1, 2, ... */
	unsigned workers;               /* policy states to make; 0: only check */
	const char *const *ready_dirs;  /* where policies/ may be, NULL-ended */
	/* Policy tests: users, secrets and certificates are not read but made
	 * up: tables of users begin empty, every hop is logged in to as DG_LAB_USER, and a
	 * name that the configuration lacks is no error. */
	bool is_lab;
	struct dg_cover *cover; /* policy/cover.h, or NULL */
};
struct dg_policy_state;
/* Lab only, before any session: an account in a table of users. */
void dg_generation_lab_user(struct dg_generation *g, struct dg_str table,
    struct dg_str user, struct dg_str password);

/* Consumes own_config, which may be one with mistakes (dg_config_read).  NULL
 * when errors has any: every mistake in every file behind it is in there. */
struct dg_generation *dg_generation_new(struct dg_config *own_config,
    const struct dg_generation_options *o, struct dg_errors *errors);

struct dg_generation *dg_generation_pin(struct dg_generation *g);
/* The last unpin frees it. NULL is fine. */
void dg_generation_unpin(struct dg_generation *g);
unsigned dg_generation_pins(const struct dg_generation *g);

unsigned dg_generation_number(const struct dg_generation *g);
int64_t dg_generation_loaded_ms(const struct dg_generation *g);
const struct dg_config *dg_generation_config(const struct dg_generation *g);
const struct dg_policy *dg_generation_policy(const struct dg_generation *g);
const struct dg_rules *dg_generation_rules(const struct dg_generation *g);
/* That worker's Lua state: used on that worker's thread only. */
struct dg_policy_state *dg_generation_state(const struct dg_generation *g,
    unsigned worker);
/* Users table by name; NULL when absent. */
const struct dg_users *dg_generation_users(const struct dg_generation *g,
    const char *name);
/* A listener's certificate, or NULL. */
struct dg_tls *dg_generation_listener_tls(const struct dg_generation *g,
    struct dg_str listener);
struct dg_tls *dg_generation_hop_tls(const struct dg_generation *g);
/* The logins of a hop, in its order, ready for the client machine. */
const struct dg_login *dg_generation_logins(const struct dg_generation *g,
    const struct dg_hop *hop, size_t *n);

#endif
