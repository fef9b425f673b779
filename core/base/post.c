/* post.c - letters between threads.
 *
 * Why a mutex and a list, not something lock-free: the lock is held for three
 * assignments, and what is simple can be checked by a race detector.  The
 * eventfd is written only when the box was empty, so a busy sender costs one
 * wake-up for any number of letters.  Letters run outside the lock: one may
 * send others, which then wait for the next run, so a run always ends.
 */
#include "dragoman/base/post.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "dragoman/base/log.h"

struct letter {
	struct letter *next;
	dg_post_fn *fn;
	void *ctx;     /* the sender's promise: it outlives the letter */
	void *own_arg; /* fn's to free */
};

struct dg_post {
	pthread_mutex_t lock;
	struct letter *first, **last; /* under lock */
	int fd;                       /* readable when first is not NULL */
};

struct dg_post *
dg_post_new(void)
{
	struct dg_post *p = dg_alloc0(sizeof(*p));

	pthread_mutex_init(&p->lock, NULL);
	p->last = &p->first;
	p->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (p->fd < 0) {
		dg_log(DG_LOG_ERROR, "no-eventfd", dg_kv_i("errno", errno));
		abort();
	}
	return p;
}

void
dg_post_free(struct dg_post *p)
{
	if (p == NULL)
		return;
	while (dg_post_run(p) > 0)
		;
	close(p->fd);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

int
dg_post_fd(const struct dg_post *p)
{
	return p->fd;
}

/* Under the lock, so that fd and list never disagree.  Neither call can fail:
 * the counter holds 0 or 1. */
static void
set_ready(struct dg_post *p, bool is_ready)
{
	uint64_t one = 1;
	ssize_t n;

	if (is_ready)
		n = write(p->fd, &one, sizeof(one));
	else
		n = read(p->fd, &one, sizeof(one));
	(void)n;
}

void
dg_post_send(struct dg_post *p, dg_post_fn *fn, void *ctx, void *own_arg)
{
	struct letter *l = dg_alloc(sizeof(*l));

	*l = (struct letter){ NULL, fn, ctx, own_arg };
	pthread_mutex_lock(&p->lock);
	if (p->first == NULL)
		set_ready(p, true);
	*p->last = l;
	p->last = &l->next;
	pthread_mutex_unlock(&p->lock);
}

unsigned
dg_post_run(struct dg_post *p)
{
	struct letter *l;
	unsigned n = 0;

	pthread_mutex_lock(&p->lock);
	l = p->first;
	p->first = NULL;
	p->last = &p->first;
	if (l != NULL)
		set_ready(p, false);
	pthread_mutex_unlock(&p->lock);

	while (l != NULL) {
		struct letter *next = l->next;

		l->fn(l->ctx, l->own_arg);
		free(l);
		l = next;
		n++;
	}
	return n;
}

void
dg_post_wait(struct dg_post *p, int ms)
{
	struct pollfd f = { .fd = p->fd, .events = POLLIN };
	int n;

	do
		n = poll(&f, 1, ms);
	while (n < 0 && errno == EINTR);
}
