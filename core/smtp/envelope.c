/* envelope.c - who sends to whom.
 *
 * Strings go into the envelope's own arena, so that an envelope can be handed
 * from the session to the spool whole, and so that all a peer makes us keep is
 * under one cap.  The recipients stand in an array that moves when it grows:
 * keep an index, not a pointer. */
#include "dragoman/smtp/envelope.h"

#include <stdlib.h>

enum {
	ENVELOPE_MAX_BYTES = 16 * 1024 * 1024,
	ENVELOPE_MAX_RCPTS = 100 * 1000,
};

struct dg_envelope *
dg_envelope_new(void)
{
	struct dg_envelope *env = dg_alloc0(sizeof(*env));

	dg_arena_init(&env->arena, ENVELOPE_MAX_BYTES);
	return env;
}

void
dg_envelope_free(struct dg_envelope *env)
{
	if (env == NULL)
		return;
	free(env->rcpts);
	env->rcpts = NULL;
	dg_arena_fini(&env->arena);
	free(env);
}

struct dg_envelope *
dg_envelope_like(const struct dg_envelope *env)
{
	struct dg_envelope *own = dg_envelope_new();

	own->sender = dg_envelope_str(own, env->sender);
	own->original = dg_envelope_str(own, env->original);
	own->reply_to = dg_envelope_str(own, env->reply_to);
	own->helo = dg_envelope_str(own, env->helo);
	own->address = dg_envelope_str(own, env->address);
	own->listener = dg_envelope_str(own, env->listener);
	own->peer = dg_envelope_str(own, env->peer);
	own->user = dg_envelope_str(own, env->user);
	own->notes = dg_envelope_str(own, env->notes);
	own->arrival_ms = env->arrival_ms;
	own->declared_size = env->declared_size;
	own->body_8bit = env->body_8bit;
	own->is_held = env->is_held;
	own->is_report = env->is_report;
	return own;
}

struct dg_str
dg_envelope_str(struct dg_envelope *env, struct dg_str s)
{
	if (s.p == NULL)
		return DG_NOSTR;
	return dg_arena_str(&env->arena, s);
}

struct dg_rcpt *
dg_envelope_add(struct dg_envelope *env, struct dg_str address)
{
	struct dg_rcpt *r;
	struct dg_str copy;

	if (env->n_rcpts >= ENVELOPE_MAX_RCPTS)
		return NULL;
	copy = dg_arena_str(&env->arena, address);
	if (copy.p == NULL)
		return NULL;
	if (env->n_rcpts == env->room) {
		env->room = env->room == 0 ? 4 : 2 * env->room;
		env->rcpts =
		    dg_realloc(env->rcpts, env->room * sizeof(*env->rcpts));
	}
	r = &env->rcpts[env->n_rcpts++];
	memset(r, 0, sizeof(*r));
	r->address = copy;
	return r;
}
