#ifndef DRAGOMAN_BASE_POST_H
#define DRAGOMAN_BASE_POST_H

/*
 * post.h - the one way threads talk: a mutexed queue and an eventfd.
 *
 * The owner watches dg_post_fd() for reading and calls dg_post_run(), which
 * runs what was sent, in order, on the owner's thread.  Sending wakes the
 * owner once for any number of letters.
 */
struct dg_post;
typedef void dg_post_fn(void *ctx, void *own_arg);

struct dg_post *dg_post_new(void);
/* Letters still inside are run with ctx as given: drain before freeing. */
void dg_post_free(struct dg_post *p);
int dg_post_fd(const struct dg_post *p);
void dg_post_send(struct dg_post *p, dg_post_fn *fn, void *ctx, void *own_arg);
/* Returns how many letters were run. */
unsigned dg_post_run(struct dg_post *p);
/* For threads without an event loop: wait until there is a letter. ms < 0
 * waits for ever. */
void dg_post_wait(struct dg_post *p, int ms);

#endif
