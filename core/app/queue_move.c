/*
 * queue_move.c - `dragoman queue export` and `import`.
 *
 * An import is many small steps, each of which says where the next begins: so
 * the relay that is asked for one is back at its other work soon, whoever
 * breaks off knows where to go on, and nothing is held in memory but an
 * envelope.  What is in the file is not trusted: an address could hold a line's
 * end, and a message one that hops take for two messages.
 */
#include "queue_move.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dragoman/base/arena.h"
#include "dragoman/base/clock.h"
#include "dragoman/base/enc.h"
#include "dragoman/wire/path.h"
#include "say.h"

#define MAGIC "{\"dragoman-queue\":1}\n"
#define SOME_HOP "(imported)" /* there is none: the routes are asked */

enum {
	ENVELOPE_MAX = 16 * 1024 * 1024,
	PIECE = 64 * 1024,
	RCPTS_MAX = 100000,
	TEXT_MAX = 4096, /* of any text in an envelope */
	GROUP_MESSAGES = 256,
	GROUP_BYTES = 16 * 1024 * 1024,
};

/* ---- out ---- */

struct export {
	struct dg_spool *sp;
	FILE *f;
	json_t *envelope, *rcpts; /* of the message that is being gathered */
	uint64_t id, size;
	uint64_t messages, recipients, failed;
	struct dg_buf *out;
	bool is_broken; /* the file cannot be written */
};

/* What is no UTF-8 goes as base64, under another name. */
static void
set_text(json_t *o, const char *key, struct dg_str s)
{
	struct dg_buf b;
	char name[40];

	if (s.n == 0)
		return;
	if (dg_utf8_is_valid(s)) {
		json_object_set_new(o, key, json_stringn(s.p, s.n));
		return;
	}
	dg_buf_init(&b, 4 * s.n + 16);
	(void)dg_base64_add(&b, s);
	snprintf(name, sizeof(name), "%s_base64", key);
	json_object_set_new(o, name, json_stringn(b.p, b.n));
	dg_buf_fini(&b);
}

static void
set_number(json_t *o, const char *key, int64_t n)
{
	if (n != 0)
		json_object_set_new(o, key, json_integer(n));
}

static void
set_flag(json_t *o, const char *key, bool is_set)
{
	if (is_set)
		json_object_set_new(o, key, json_true());
}

static void
begin_message(struct export *x, const struct dg_item *it)
{
	x->id = it->id;
	x->size = it->size;
	x->envelope = json_object();
	x->rcpts = json_array();
	set_text(x->envelope, "id", dg_str(it->name));
	json_object_set_new(x->envelope, "sender", json_string(""));
	set_text(x->envelope, "sender", it->sender);
	set_text(x->envelope, "helo", it->helo);
	set_text(x->envelope, "client", it->address);
	set_text(x->envelope, "listener", it->listener);
	set_text(x->envelope, "peer", it->peer);
	set_text(x->envelope, "user", it->user);
	set_text(x->envelope, "notes", it->notes);
	set_number(x->envelope, "arrival_ms", it->arrival_ms);
	set_flag(x->envelope, "8bit", it->body_8bit);
	set_flag(x->envelope, "report", it->is_report);
	json_object_set_new(x->envelope, "size",
	    json_integer((json_int_t)it->size));
	json_object_set(x->envelope, "recipients", x->rcpts);
}

static void
add_rcpt(struct export *x, const struct dg_item_rcpt *r)
{
	json_t *o = json_object();
	bool is_held = r->due_ms >= DG_DUE_HELD;

	set_text(o, "address", r->address);
	set_text(o, "original", r->original);
	set_text(o, "hop", r->lane);
	set_number(o, "due_ms", is_held ? 0 : r->due_ms);
	set_number(o, "expire_ms", r->expire_ms);
	set_number(o, "first_try_ms", r->first_try_ms);
	set_number(o, "tries", r->tries);
	set_text(o, "meaning", r->meaning);
	set_text(o, "reply", r->reply);
	set_text(o, "host", r->host);
	set_flag(o, "held", is_held);
	json_array_append_new(x->rcpts, o);
}

static void
write_piece(void *ctx, struct dg_str piece)
{
	struct export *x = ctx;

	x->is_broken |= fwrite(piece.p, 1, piece.n, x->f) != piece.n;
}

/* The message that was gathered; one whose body is gone leaves no trace. */
static void
end_message(struct export *x)
{
	off_t start = ftello(x->f);
	struct dg_err e = { 0 };

	if (x->envelope == NULL)
		return;
	x->is_broken |=
	    json_dumpf(x->envelope, x->f, JSON_COMPACT) != 0 ||
	    fputc('\n', x->f) == EOF;
	if (dg_spool_read(x->sp, x->id, UINT64_MAX, write_piece, x, &e) ==
	    DG_OK) {
		x->is_broken |= fputc('\n', x->f) == EOF;
		x->messages++;
		x->recipients += json_array_size(x->rcpts);
	} else {
		(void)dg_buf_addf(x->out, "queue: not exported: %s\n", e.text);
		x->failed++;
		x->is_broken |= fflush(x->f) != 0 ||
		    ftruncate(fileno(x->f), start) != 0 ||
		    fseeko(x->f, start, SEEK_SET) != 0;
	}
	json_decref(x->envelope);
	json_decref(x->rcpts);
	x->envelope = x->rcpts = NULL;
}

static void
on_row(void *ctx, const struct dg_item *it, const struct dg_item_rcpt *r,
    bool is_claimed)
{
	struct export *x = ctx;

	(void)is_claimed;
	if (x->envelope != NULL && x->id != it->id)
		end_message(x);
	if (x->envelope == NULL)
		begin_message(x, it);
	add_rcpt(x, r);
}

static bool
gather_all(struct export *x, const struct app_queue *q)
{
	struct dg_err e = { 0 };

	for (size_t i = 0; i < (q->n_ids > 0 ? q->n_ids : 1); i++) {
		struct dg_pick pick = q->pick;

		pick.id = q->n_ids > 0 ? q->ids[i] : 0;
		(void)dg_spool_scan(x->sp, &pick, SIZE_MAX, on_row, x, &e);
		end_message(x);
	}
	if (e.rc != DG_OK)
		(void)dg_buf_addf(x->out, "queue: %s\n", e.text);
	return e.rc == DG_OK;
}

int
dg_queue_export(struct dg_spool *sp, const struct app_queue *q,
    struct dg_buf *out)
{
	struct export x = { .sp = sp, .out = out };
	int fd = open(q->file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool is_good;

	x.f = fd >= 0 ? fdopen(fd, "w+") : NULL;
	if (x.f == NULL) {
		(void)dg_buf_addf(out, "queue: cannot make %s: %s\n", q->file,
		    strerror(errno));
		if (fd >= 0)
			close(fd);
		return 1;
	}
	x.is_broken = fputs(MAGIC, x.f) == EOF;
	is_good = gather_all(&x, q) && x.failed == 0;
	if (fflush(x.f) != 0 || fsync(fd) != 0 || x.is_broken) {
		(void)dg_buf_addf(out, "queue: cannot write %s: %s\n", q->file,
		    strerror(errno));
		is_good = false;
	}
	is_good &= fclose(x.f) == 0;
	(void)dg_buf_addf(out, "%" PRIu64 " recipient%s of %" PRIu64
			       " message%s exported\n",
	    x.recipients, x.recipients == 1 ? "" : "s", x.messages,
	    x.messages == 1 ? "" : "s");
	return is_good && x.messages > 0 ? 0 : 1;
}

/* ---- in: reading ---- */

struct reader {
	int fd;
	uint64_t at;
	struct dg_buf line;
};

static ssize_t
read_at(int fd, void *p, size_t n, uint64_t at)
{
	ssize_t got;

	do
		got = pread(fd, p, n, (off_t)at);
	while (got < 0 && errno == EINTR);
	return got;
}

static enum dg_rc
wrong(struct dg_err *e, uint64_t at, const char *why)
{
	return dg_fail(e, DG_E_PROTO, 0, NULL,
	    "the file is not good at byte %" PRIu64 ": %s", at, why);
}

/* The line at r->at without its end; absent: the file ends there. */
static enum dg_rc
read_line(struct reader *r, struct dg_err *e)
{
	char piece[8192];
	uint64_t at = r->at;
	ssize_t n;

	dg_buf_reset(&r->line);
	while ((n = read_at(r->fd, piece, sizeof(piece), at)) > 0) {
		size_t end = dg_str_find(dg_str_of(piece, (size_t)n), '\n');

		if (dg_buf_add(&r->line, dg_str_of(piece, end)) != DG_OK)
			return wrong(e, r->at, "that line is too long");
		if (end < (size_t)n) {
			r->at += r->line.n + 1;
			return DG_OK;
		}
		at += (uint64_t)n;
	}
	if (n < 0)
		return dg_fail(e, DG_E_IO, 0, NULL, "cannot read the file: %s",
		    strerror(errno));
	if (r->line.n > 0)
		return wrong(e, r->at, "it ends in the middle of a line");
	return DG_E_ABSENT;
}

/* ---- in: an envelope ---- */

struct envelope {
	uint64_t at; /* for messages: where it stands */
	json_t *root;
	struct dg_arena arena;
	struct dg_item item;
	struct dg_item_rcpt *rcpts;
	struct dg_err *e;
};

static bool
bad(struct envelope *v, const char *why)
{
	(void)wrong(v->e, v->at, why);
	return false;
}

/* A member's text, or ""; false: it is none that may stand in an envelope. */
static bool
get_text(struct envelope *v, json_t *o, const char *key, struct dg_str *out)
{
	json_t *t = json_object_get(o, key);
	char name[40];
	struct dg_buf b;
	bool ok;

	*out = (struct dg_str){ "", 0 };
	snprintf(name, sizeof(name), "%s_base64", key);
	if (t == NULL && json_object_get(o, name) == NULL)
		return true;
	if (json_is_string(t)) {
		*out = dg_arena_str(&v->arena,
		    dg_str_of(json_string_value(t), json_string_length(t)));
		ok = out->n <= TEXT_MAX;
	} else {
		t = json_object_get(o, name);
		dg_buf_init(&b, TEXT_MAX);
		ok = json_is_string(t) &&
		    dg_base64_read(&b,
			dg_str_of(json_string_value(t),
			    json_string_length(t))) == DG_OK;
		if (ok)
			*out = dg_arena_str(&v->arena, dg_buf_str(&b));
		dg_buf_fini(&b);
	}
	/* notes are policies' own bytes, and go to no wire */
	for (size_t i = 0; ok && strcmp(key, "notes") != 0 && i < out->n; i++)
		ok = (unsigned char)out->p[i] >= 0x20 && out->p[i] != 0x7f;
	if (!ok)
		(void)dg_fail(v->e, DG_E_PROTO, 0, NULL,
		    "the file is not good at byte %" PRIu64 ": \"%s\" is no "
		    "text that may stand there",
		    v->at, key);
	return ok;
}

static bool
get_number(struct envelope *v, json_t *o, const char *key, int64_t *out)
{
	json_t *t = json_object_get(o, key);

	*out = json_is_integer(t) ? json_integer_value(t) : 0;
	if ((t == NULL || json_is_integer(t)) && *out >= 0 &&
	    *out < DG_DUE_HELD)
		return true;
	(void)dg_fail(v->e, DG_E_PROTO, 0, NULL,
	    "the file is not good at byte %" PRIu64 ": \"%s\" is no number "
	    "that may stand there",
	    v->at, key);
	return false;
}

static bool
is_address(struct dg_str a)
{
	return dg_address_is_valid(a) || dg_str_iis(a, "postmaster");
}

static bool
get_rcpt(struct envelope *v, json_t *o, struct dg_item_rcpt *r)
{
	int64_t tries = 0;

	if (!json_is_object(o) || !get_text(v, o, "address", &r->address) ||
	    !is_address(r->address))
		return bad(v, "a recipient has no good address");
	if (!get_text(v, o, "original", &r->original) ||
	    !get_text(v, o, "hop", &r->lane) ||
	    !get_text(v, o, "meaning", &r->meaning) ||
	    !get_text(v, o, "reply", &r->reply) ||
	    !get_text(v, o, "host", &r->host) ||
	    !get_number(v, o, "due_ms", &r->due_ms) ||
	    !get_number(v, o, "expire_ms", &r->expire_ms) ||
	    !get_number(v, o, "first_try_ms", &r->first_try_ms) ||
	    !get_number(v, o, "tries", &tries))
		return false;
	r->tries = tries < 1000000 ? (unsigned)tries : 1000000;
	if (r->due_ms == 0)
		r->due_ms = dg_now_ms();
	if (json_is_true(json_object_get(o, "held")))
		r->due_ms = DG_DUE_HELD;
	else if (r->lane.n == 0 || r->expire_ms == 0)
		r->lane = DG_STR(SOME_HOP); /* which says when to give up */
	if (r->lane.n == 0)
		r->lane = DG_STR(SOME_HOP);
	return true;
}

static bool
get_rcpts(struct envelope *v)
{
	json_t *list = json_object_get(v->root, "recipients");
	size_t n = json_array_size(list);

	if (n == 0 || n > RCPTS_MAX)
		return bad(v, "it has no list of recipients");
	v->rcpts = dg_alloc0(n * sizeof(*v->rcpts));
	for (size_t i = 0; i < n; i++) {
		if (!get_rcpt(v, json_array_get(list, i), &v->rcpts[i]))
			return false;
		v->rcpts[i].number = (unsigned)i;
	}
	v->item.rcpts = v->rcpts;
	v->item.n_rcpts = n;
	return true;
}

static bool
get_facts(struct envelope *v)
{
	struct dg_item *it = &v->item;
	json_t *o = v->root;
	int64_t size = 0;

	if (!json_is_integer(json_object_get(o, "size")))
		return bad(v, "its size is missing");
	if (!get_number(v, o, "size", &size))
		return false;
	it->size = (uint64_t)size;
	it->body_8bit = json_is_true(json_object_get(o, "8bit"));
	it->is_report = json_is_true(json_object_get(o, "report"));
	if (!get_text(v, o, "sender", &it->sender) ||
	    !get_text(v, o, "helo", &it->helo) ||
	    !get_text(v, o, "client", &it->address) ||
	    !get_text(v, o, "listener", &it->listener) ||
	    !get_text(v, o, "peer", &it->peer) ||
	    !get_text(v, o, "user", &it->user) ||
	    !get_text(v, o, "notes", &it->notes) ||
	    !get_number(v, o, "arrival_ms", &it->arrival_ms))
		return false;
	if (it->sender.n > 0 && !dg_address_is_valid(it->sender))
		return bad(v, "the sender is no address");
	if (it->arrival_ms == 0)
		it->arrival_ms = dg_now_ms();
	return true;
}

static void
envelope_fini(struct envelope *v)
{
	json_decref(v->root);
	dg_arena_fini(&v->arena);
	free(v->rcpts);
}

static bool
envelope_read(struct envelope *v, struct dg_str line, struct dg_err *e)
{
	json_error_t why;

	*v = (struct envelope){ .at = v->at, .e = e };
	dg_arena_init(&v->arena, 4 * (size_t)ENVELOPE_MAX);
	v->root = json_loadb(line.p != NULL ? line.p : "", line.n,
	    JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
	if (!json_is_object(v->root))
		return bad(v, "no envelope stands there");
	return get_facts(v) && get_rcpts(v);
}

/* ---- in: a message ---- */

struct line_ends {
	char last;
	bool is_wrong; /* a CR or LF alone: a hop could take it for an end */
};

static void
watch_ends(struct line_ends *w, struct dg_str piece)
{
	for (size_t i = 0; i < piece.n; i++) {
		w->is_wrong |= (piece.p[i] == '\n') != (w->last == '\r');
		w->last = piece.p[i];
	}
}

static enum dg_rc
copy_body(struct reader *r, uint64_t size, struct dg_draft *d, struct dg_err *e)
{
	struct line_ends ends = { 0 };
	char piece[PIECE];
	uint64_t start = r->at;

	for (uint64_t left = size; left > 0;) {
		ssize_t n = read_at(r->fd, piece,
		    left < PIECE ? (size_t)left : PIECE, r->at);

		if (n <= 0)
			return wrong(e, start, "the message is cut short");
		watch_ends(&ends, dg_str_of(piece, (size_t)n));
		if (dg_draft_write(d, dg_str_of(piece, (size_t)n), e) != DG_OK)
			return e->rc;
		r->at += (uint64_t)n;
		left -= (uint64_t)n;
	}
	if (read_at(r->fd, piece, 1, r->at) != 1 || piece[0] != '\n')
		return wrong(e, r->at, "the message is longer than its size");
	if (ends.is_wrong || (size > 0 && ends.last != '\n'))
		return wrong(e, start,
		    "not every line of the message ends with CRLF");
	r->at++;
	return DG_OK;
}

/* ---- in: groups ---- */

struct group {
	struct dg_spool *sp;
	struct dg_post *post;
	uint64_t starts[GROUP_MESSAGES], n_rcpts[GROUP_MESSAGES];
	bool is_in[GROUP_MESSAGES];
	size_t n, n_answered;
	uint64_t bytes;
	struct dg_err first; /* of what failed */
};

static void
on_done(void *ctx, uint64_t ticket, enum dg_rc rc, const struct dg_err *e)
{
	struct group *g = ctx;

	g->n_answered++;
	g->is_in[ticket] = rc == DG_OK;
	if (rc != DG_OK && g->first.rc == DG_OK)
		g->first = *e;
}

/* Absent: that was the last. */
static enum dg_rc
add_message(struct group *g, struct reader *r, struct dg_err *e)
{
	struct envelope v = { .at = r->at };
	struct dg_draft *d = NULL;
	enum dg_rc rc = read_line(r, e);

	if (rc != DG_OK)
		return rc;
	if (!envelope_read(&v, dg_buf_str(&r->line), e))
		rc = e->rc;
	if (rc == DG_OK)
		rc = dg_draft_open(g->sp, &d, e);
	if (rc == DG_OK)
		rc = copy_body(r, v.item.size, d, e);
	if (rc == DG_OK) {
		g->starts[g->n] = v.at;
		g->n_rcpts[g->n] = v.item.n_rcpts;
		g->bytes += v.item.size;
		dg_spool_commit(g->sp, d, &v.item, g->post, on_done, g, g->n);
		g->n++;
	} else if (d != NULL) {
		dg_draft_free(d);
	}
	envelope_fini(&v);
	return rc;
}

/* All answers; what is in counts. */
static enum dg_rc
wait_group(struct group *g, const struct reader *r, struct queue_import *im,
    struct dg_err *e)
{
	uint64_t n_behind = 0;
	bool has_failed = false;

	while (g->n_answered < g->n) {
		dg_post_wait(g->post, -1);
		(void)dg_post_run(g->post);
	}
	if (g->first.rc == DG_OK)
		im->at = r->at;
	for (size_t i = 0; i < g->n; i++) {
		if (!g->is_in[i] && !has_failed)
			im->at = g->starts[i];
		has_failed |= !g->is_in[i];
		im->messages += g->is_in[i];
		im->recipients += g->is_in[i] ? g->n_rcpts[i] : 0;
		n_behind += has_failed && g->is_in[i];
	}
	if (!has_failed)
		return DG_OK;
	return dg_fail(e, g->first.rc, g->first.code, g->first.enhanced,
	    n_behind > 0 ? "%s (%" PRIu64 " behind it are in nevertheless)"
			 : "%s",
	    g->first.text, n_behind);
}

/* Up to here it was good, whatever comes then. */
static enum dg_rc
run_group(struct dg_spool *sp, struct reader *r, struct queue_import *im,
    struct dg_err *e)
{
	struct group *g = dg_alloc0(sizeof(*g));
	struct dg_err late = { 0 };
	struct reader good = *r;
	enum dg_rc rc = DG_OK, waited;

	g->sp = sp;
	g->post = dg_post_new();
	while (rc == DG_OK && g->n < GROUP_MESSAGES && g->bytes < GROUP_BYTES) {
		rc = add_message(g, r, &late);
		if (rc == DG_OK)
			good.at = r->at;
	}
	waited = wait_group(g, &good, im, e);
	dg_post_free(g->post);
	free(g);
	if (waited != DG_OK)
		return waited;
	im->is_over = rc == DG_E_ABSENT;
	if (rc == DG_OK || rc == DG_E_ABSENT)
		return DG_OK;
	*e = late;
	return rc;
}

static enum dg_rc
begin_file(struct reader *r, struct dg_err *e)
{
	struct stat st;

	/* what can block is not read on a thread that others need */
	if (fstat(r->fd, &st) != 0 || !S_ISREG(st.st_mode))
		return dg_fail(e, DG_E_PROTO, 0, NULL, "it is no file");
	if (r->at > 0)
		return DG_OK;
	if (read_line(r, e) != DG_OK ||
	    dg_str_find(DG_STR(MAGIC), '\n') != r->line.n ||
	    memcmp(r->line.p, MAGIC, r->line.n) != 0)
		return dg_fail(e, DG_E_PROTO, 0, NULL,
		    "it is no file that dragoman queue export has written");
	return DG_OK;
}

enum dg_rc
dg_queue_import(struct dg_spool *sp, int fd, int64_t max_ms,
    struct queue_import *im, struct dg_err *e)
{
	struct reader r = { .fd = fd, .at = im->at };
	int64_t end = dg_mono_ms() + max_ms;
	enum dg_rc rc;

	dg_buf_init(&r.line, ENVELOPE_MAX);
	rc = begin_file(&r, e);
	while (rc == DG_OK && !im->is_over) {
		rc = run_group(sp, &r, im, e);
		if (dg_mono_ms() >= end)
			break;
	}
	dg_buf_fini(&r.line);
	return rc;
}
