/*
 * journal.c - the log's second sink: a bounded file beside the spool.
 *
 * Workers gather lines and hand them over once a turn of their loop, so that a
 * message costs a copy here and a part of one write(2).  The lock is held for
 * that write, because a turn-over closes the descriptor.  A write that did not
 * get through whole is cut off again: a torn line would spoil the next.
 */
#include "dragoman/base/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dragoman/base/fault.h"

enum {
	GATHER_MAX = 16 * 1024,
	LINE_ROOM = 16 * 1024, /* a line of the log is no longer */
	READ_ROOM = 256 * 1024,
};

struct gathered {
	size_t n, lines;
	char p[GATHER_MAX + LINE_ROOM];
};

/* with the log, process-wide; everything but the flags behind the lock */
static struct {
	pthread_mutex_t lock;
	atomic_bool is_open, is_paused;
	atomic_ullong dropped;
	int fd;
	char *path, *older;
	uint64_t size, max;
} j = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

static _Thread_local struct gathered *gathered; /* NULL: not gathering */

/* ---- writing ---- */

static void
close_file(void)
{
	if (j.fd >= 0)
		close(j.fd);
	j.fd = -1;
}

static enum dg_rc
open_file(struct dg_err *e)
{
	struct stat st;
	char last = '\n';

	j.fd = open(j.path,
	    O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (j.fd < 0)
		return dg_fail(e, DG_E_IO, 0, NULL, "cannot open %s: %s",
		    j.path, strerror(errno));
	if (fstat(j.fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    fchmod(j.fd, 0600) != 0) {
		close_file();
		return dg_fail(e, DG_E_IO, 0, NULL, "%s is no file of ours",
		    j.path);
	}
	j.size = (uint64_t)st.st_size;
	/* a process that died within a write */
	if (st.st_size > 0 && pread(j.fd, &last, 1, st.st_size - 1) == 1 &&
	    last != '\n' && write(j.fd, "\n", 1) == 1)
		j.size++;
	return DG_OK;
}

static void
turn_over(void)
{
	struct dg_err e = { 0 };

	close_file();
	if (rename(j.path, j.older) != 0)
		(void)unlink(j.path); /* bounded before all else */
	(void)open_file(&e); /* tried again with the next lines */
}

static bool
write_all(const char *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = dg_fault("journal.write")
		    ? (errno = ENOSPC, -1)
		    : write(j.fd, p + done, n - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		done += (size_t)got;
	}
	if (done > 0 && done < n && ftruncate(j.fd, (off_t)j.size) != 0)
		j.size += done; /* torn: open_file or a reader copes */
	return done == n;
}

static void
write_out(const char *p, size_t n, size_t lines)
{
	struct dg_err e = { 0 };
	bool ok = false;

	pthread_mutex_lock(&j.lock);
	if (atomic_load(&j.is_open) && !atomic_load(&j.is_paused)) {
		if (j.fd < 0)
			(void)open_file(&e);
		if (j.fd >= 0 && j.size > 0 && j.size + n > j.max)
			turn_over();
		ok = j.fd >= 0 && write_all(p, n);
		if (ok)
			j.size += n;
	}
	pthread_mutex_unlock(&j.lock);
	if (!ok)
		atomic_fetch_add(&j.dropped, lines);
}

void
dg_journal_put(struct dg_str line)
{
	struct gathered *g = gathered;

	if (!dg_journal_is_open())
		return;
	if (g == NULL || line.n > LINE_ROOM) {
		dg_journal_flush(); /* in order */
		write_out(line.p, line.n, 1);
		return;
	}
	memcpy(g->p + g->n, line.p, line.n);
	g->n += line.n;
	g->lines++;
	if (g->n > GATHER_MAX)
		dg_journal_flush();
}

void
dg_journal_flush(void)
{
	struct gathered *g = gathered;

	if (g == NULL || g->n == 0)
		return;
	write_out(g->p, g->n, g->lines);
	g->n = g->lines = 0;
}

void
dg_journal_gather(bool on)
{
	if (on && gathered == NULL) {
		gathered = dg_alloc0(sizeof(*gathered));
	} else if (!on) {
		dg_journal_flush();
		free(gathered);
		gathered = NULL;
	}
}

enum dg_rc
dg_journal_open(const char *path, uint64_t max_bytes, struct dg_err *e)
{
	enum dg_rc rc;

	pthread_mutex_lock(&j.lock);
	j.path = dg_strdup(path);
	j.older = dg_sprintf("%s.1", path);
	j.max = max_bytes;
	atomic_store(&j.dropped, 0);
	rc = open_file(e);
	if (rc == DG_OK)
		atomic_store(&j.is_open, true);
	pthread_mutex_unlock(&j.lock);
	if (rc != DG_OK)
		dg_journal_close();
	return rc;
}

void
dg_journal_close(void)
{
	dg_journal_flush();
	pthread_mutex_lock(&j.lock);
	atomic_store(&j.is_open, false);
	close_file();
	free(j.path);
	free(j.older);
	j.path = j.older = NULL;
	pthread_mutex_unlock(&j.lock);
}

bool
dg_journal_is_open(void)
{
	return atomic_load_explicit(&j.is_open, memory_order_relaxed);
}

void
dg_journal_pause(bool is_paused)
{
	atomic_store(&j.is_paused, is_paused);
}

uint64_t
dg_journal_dropped(void)
{
	return atomic_load(&j.dropped);
}

/* ---- reading ---- */

struct reader {
	dg_journal_line *fn;
	void *ctx;
	struct dg_str needle;
	unsigned run;
	uint64_t lines;
	char *p; /* READ_ROOM */
};

static bool
contains(struct dg_str s, struct dg_str part)
{
	const char *at = s.p, *end = s.p + s.n;

	if (part.n == 0)
		return true;
	while ((size_t)(end - at) >= part.n &&
	    (at = memchr(at, part.p[0],
		 (size_t)(end - at) - part.n + 1)) != NULL) {
		if (memcmp(at, part.p, part.n) == 0)
			return true;
		at++;
	}
	return false;
}

/* False: enough. */
static bool
take_line(struct reader *r, struct dg_str line)
{
	if (contains(line, DG_STR("\"event\":\"journal\"")))
		r->run++;
	r->lines++;
	return !contains(line, r->needle) ||
	    r->fn(r->ctx, r->run, r->lines, line);
}

/* A line that is still being written, or torn, has no newline: left out. */
static enum dg_rc
read_file(struct reader *r, int fd, bool *goes_on, struct dg_err *e)
{
	size_t n = 0, skip = 0;

	while (*goes_on) {
		ssize_t got = read(fd, r->p + n, READ_ROOM - n);
		char *at = r->p, *end;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return dg_fail(e, DG_E_IO, 0, NULL, "cannot read: %s",
			    strerror(errno));
		if (got == 0)
			break;
		n += (size_t)got;
		while (*goes_on &&
		    (end = memchr(at, '\n', n - (size_t)(at - r->p))) != NULL) {
			if (skip == 0)
				*goes_on = take_line(r,
				    dg_str_of(at, (size_t)(end - at)));
			skip = 0;
			at = end + 1;
		}
		n -= (size_t)(at - r->p);
		memmove(r->p, at, n);
		if (n == READ_ROOM) { /* no line of ours */
			skip = 1;
			n = 0;
		}
	}
	return DG_OK;
}

/* The newer is opened first: when it is turned over between the two, it is
 * both, and the one made since is opened in its place. */
static bool
open_both(const char *path, const char *older, int fds[2], struct dg_err *e)
{
	struct stat a, b;

	for (int again = 0; again < 3; again++) {
		fds[1] = open(path, O_RDONLY | O_CLOEXEC);
		if (fds[1] < 0 && errno != ENOENT)
			break;
		fds[0] = open(older, O_RDONLY | O_CLOEXEC);
		if (fds[0] < 0 && errno != ENOENT)
			break;
		if (fds[0] < 0 || fds[1] < 0 || fstat(fds[0], &a) != 0 ||
		    fstat(fds[1], &b) != 0 || a.st_ino != b.st_ino)
			return true;
		close(fds[0]);
		close(fds[1]);
		fds[0] = fds[1] = -1;
	}
	(void)dg_fail(e, DG_E_IO, 0, NULL, "cannot read %s: %s", path,
	    strerror(errno));
	return false;
}

enum dg_rc
dg_journal_read(const char *path, struct dg_str needle, dg_journal_line *fn,
    void *ctx, unsigned *n_files, struct dg_err *e)
{
	struct reader r = { fn, ctx, needle, 1, 0, dg_alloc(READ_ROOM) };
	char *older = dg_sprintf("%s.1", path);
	int fds[2] = { -1, -1 };
	bool goes_on = true;
	enum dg_rc rc = DG_OK;

	*n_files = 0;
	if (!open_both(path, older, fds, e))
		rc = e->rc;
	for (int i = 0; i < 2; i++) {
		if (fds[i] < 0)
			continue;
		++*n_files;
		if (rc == DG_OK)
			rc = read_file(&r, fds[i], &goes_on, e);
		close(fds[i]);
	}
	free(older);
	free(r.p);
	return rc;
}
