/*
 * queue.c - the words of `dragoman queue`, and what is done for them.
 */
#include "queue.h"

#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/log.h"
#include "dragoman/base/units.h"
#include "queue_move.h"
#include "say.h"

enum {
	LIST_MAX = 10000,
	STATS_MAX = 20,
};

static const char *const verbs[] = {
	[QUEUE_LIST] = "list",
	[QUEUE_SHOW] = "show",
	[QUEUE_STATS] = "stats",
	[QUEUE_CHECK] = "check",
	[QUEUE_RETRY] = "retry",
	[QUEUE_HOLD] = "hold",
	[QUEUE_RELEASE] = "release",
	[QUEUE_DROP] = "drop",
	[QUEUE_EXPORT] = "export",
	[QUEUE_IMPORT] = "import",
	NULL,
};

#define BIT(v) (1u << (v))
enum {
	LOOKS = BIT(QUEUE_LIST) | BIT(QUEUE_SHOW) | BIT(QUEUE_STATS),
	CHANGES = BIT(QUEUE_RETRY) | BIT(QUEUE_HOLD) | BIT(QUEUE_RELEASE) |
	    BIT(QUEUE_DROP),
	PICKS = BIT(QUEUE_LIST) | BIT(QUEUE_STATS) | BIT(QUEUE_EXPORT) |
	    CHANGES,
	MOVES = BIT(QUEUE_EXPORT) | BIT(QUEUE_IMPORT),
};

static bool take_hop(struct app_queue *q, const char *v);
static bool take_domain(struct app_queue *q, const char *v);
static bool take_sender(struct app_queue *q, const char *v);
static bool take_age(struct app_queue *q, const char *v);
static bool take_reason(struct app_queue *q, const char *v);
static bool take_limit(struct app_queue *q, const char *v);
static bool take_by(struct app_queue *q, const char *v);
static bool take_all(struct app_queue *q, const char *v);
static bool take_from(struct app_queue *q, const char *v);
static bool take_dry(struct app_queue *q, const char *v);
static bool take_report(struct app_queue *q, const char *v);
static bool take_json(struct app_queue *q, const char *v);
static bool take_table(struct app_queue *q, const char *v);

static const struct option {
	const char *name;
	unsigned verbs;
	const char *value; /* what it takes; NULL: nothing */
	bool (*take)(struct app_queue *q, const char *v);
} options[] = {
	{ "--hop", PICKS, "a hop's name", take_hop },
	{ "--domain", PICKS, "a recipient's domain", take_domain },
	{ "--sender", PICKS, "an address, or \"<>\"", take_sender },
	{ "--age", PICKS, "a time, as in --age 2h: at least so old", take_age },
	{ "--reason", PICKS, "a meaning, or a part of what was said",
	    take_reason },
	{ "--limit", BIT(QUEUE_LIST) | BIT(QUEUE_STATS), "a number of rows",
	    take_limit },
	{ "--by", BIT(QUEUE_STATS), "domain, hop or sender", take_by },
	{ "--from", BIT(QUEUE_IMPORT), "a place in the file", take_from },
	{ "--all", CHANGES | BIT(QUEUE_EXPORT), NULL, take_all },
	{ "--dry-run", CHANGES, NULL, take_dry },
	{ "--report", BIT(QUEUE_DROP), NULL, take_report },
	{ "--json", LOOKS | CHANGES | BIT(QUEUE_CHECK), NULL, take_json },
	/* for the command itself: its output is a terminal */
	{ "--table", LOOKS | CHANGES, NULL, take_table },
};
enum {
	OPTIONS = sizeof(options) / sizeof(options[0]),
};

/* ---- words ---- */

static bool
take_hop(struct app_queue *q, const char *v)
{
	q->pick.has_hop = q->picks = true;
	q->pick.hop = dg_str(v);
	return true;
}

static bool
take_domain(struct app_queue *q, const char *v)
{
	q->pick.has_domain = q->picks = true;
	q->pick.domain = dg_str(v);
	return v[0] != '\0';
}

static bool
take_sender(struct app_queue *q, const char *v)
{
	struct dg_str s = dg_str(v);

	if (s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>')
		s = dg_str_sub(s, 1, s.n - 2);
	q->pick.has_sender = q->picks = true;
	q->pick.sender = s;
	return v[0] != '\0';
}

static bool
take_age(struct app_queue *q, const char *v)
{
	q->picks = true;
	return dg_duration_read(dg_str(v), &q->pick.older_ms) &&
	    q->pick.older_ms > 0;
}

static bool
take_reason(struct app_queue *q, const char *v)
{
	q->pick.has_reason = q->picks = true;
	q->pick.reason = dg_str(v);
	return v[0] != '\0';
}

static bool
take_limit(struct app_queue *q, const char *v)
{
	return dg_str_u64(dg_str(v), &q->limit) && q->limit > 0;
}

static bool
take_by(struct app_queue *q, const char *v)
{
	q->by = v[0];
	return strcmp(v, "domain") == 0 || strcmp(v, "hop") == 0 ||
	    strcmp(v, "sender") == 0;
}

static bool
take_all(struct app_queue *q, const char *v)
{
	(void)v;
	return q->is_all = q->picks = true;
}

static bool
take_from(struct app_queue *q, const char *v)
{
	return dg_str_u64(dg_str(v), &q->from);
}

static bool
take_dry(struct app_queue *q, const char *v)
{
	(void)v;
	return q->is_dry = true;
}

static bool
take_report(struct app_queue *q, const char *v)
{
	(void)v;
	return q->reports = true;
}

static bool
take_json(struct app_queue *q, const char *v)
{
	(void)v;
	return q->has_json = true;
}

static bool
take_table(struct app_queue *q, const char *v)
{
	(void)v;
	return q->has_table = true;
}

static const struct option *
find_option(const char *word, unsigned verb)
{
	size_t n = strcspn(word, "=");

	for (size_t i = 0; i < OPTIONS; i++)
		if ((options[i].verbs & BIT(verb)) != 0 &&
		    strlen(options[i].name) == n &&
		    strncmp(options[i].name, word, n) == 0)
			return &options[i];
	return NULL;
}

static bool
unknown(const char *what, const char *word, const char *const *known,
    struct dg_buf *out)
{
	const char *near = dg_did_you_mean(dg_str(word), known);

	(void)dg_buf_addf(out, "queue: no %s \"", what);
	dg_say(out, dg_str(word));
	(void)dg_buf_addf(out, "\"%s%s%s\n", near != NULL ? "; did you mean " : "",
	    near != NULL ? near : "", near != NULL ? "?" : "");
	return false;
}

static bool
unknown_option(const char *word, unsigned verb, struct dg_buf *out)
{
	const char *known[OPTIONS + 1] = { NULL };
	size_t n = 0;

	for (size_t i = 0; i < OPTIONS; i++)
		if ((options[i].verbs & BIT(verb)) != 0 &&
		    options[i].take != take_table)
			known[n++] = options[i].name;
	return unknown("option", word, known, out);
}

/* *i stands on the option, and then on the last word that belongs to it. */
static bool
read_option(const char *const *words, size_t n, size_t *i, struct app_queue *q,
    struct dg_buf *out)
{
	const char *word = words[*i], *value = strchr(word, '=');
	const struct option *o = find_option(word, q->verb);

	if (o == NULL || (o->value == NULL && value != NULL))
		return unknown_option(word, q->verb, out);
	if (value != NULL)
		value++;
	else if (o->value != NULL && *i + 1 < n)
		value = words[++*i];
	if (o->value != NULL && (value == NULL || !o->take(q, value))) {
		(void)dg_buf_addf(out, "queue: %s takes %s\n", o->name, o->value);
		return false;
	}
	return o->value != NULL || o->take(q, NULL);
}

static bool
read_id(const char *word, struct app_queue *q, struct dg_buf *out)
{
	if ((MOVES & BIT(q->verb)) != 0 && q->file == NULL) {
		q->file = word;
		return true;
	}
	if ((q->verb != QUEUE_SHOW && q->verb != QUEUE_EXPORT &&
		!dg_queue_changes(q)) ||
	    q->n_ids == QUEUE_IDS ||
	    !dg_spool_id(dg_str(word), &q->ids[q->n_ids])) {
		(void)dg_buf_adds(out, "queue: \"");
		dg_say(out, dg_str(word));
		(void)dg_buf_addf(out, "\" is no id of a message%s\n",
		    q->n_ids == QUEUE_IDS ? ", and those are too many" : "");
		return false;
	}
	q->n_ids++;
	return q->picks = true;
}

static bool
is_whole(const struct app_queue *q, struct dg_buf *out)
{
	if (q->verb == QUEUE_SHOW && q->n_ids == 0) {
		(void)dg_buf_adds(out, "queue: show which message?  "
				       "dragoman queue list has their ids\n");
		return false;
	}
	if (q->verb == QUEUE_EXPORT && q->file == NULL) {
		(void)dg_buf_adds(out, "queue: export into which file?\n");
		return false;
	}
	if ((dg_queue_changes(q) || q->verb == QUEUE_EXPORT) && !q->picks) {
		(void)dg_buf_addf(out, "queue: %s what?  Ids, or --hop, "
			"--domain, --sender, --age, --reason, or --all\n",
		    verbs[q->verb]);
		return false;
	}
	return true;
}

bool
dg_queue_read(const char *const *words, size_t n, struct app_queue *q,
    struct dg_buf *out)
{
	size_t verb = 0;

	*q = (struct app_queue){ .by = 'd' };
	while (verbs[verb] != NULL && (n == 0 || strcmp(words[0], verbs[verb])))
		verb++;
	if (verbs[verb] == NULL && n > 0)
		return unknown("command", words[0], verbs, out);
	if (verbs[verb] == NULL) {
		(void)dg_buf_adds(out, "usage: dragoman queue list|show|stats|"
			"check|retry|hold|release|drop|export|import [...]\n");
		return false;
	}
	q->verb = (enum app_queue_verb)verb;
	q->limit = verb == QUEUE_STATS ? STATS_MAX : LIST_MAX;
	for (size_t i = 1; i < n; i++)
		if (words[i][0] == '-'
			? !read_option(words, n, &i, q, out)
			: !read_id(words[i], q, out))
			return false;
	return is_whole(q, out);
}

bool
dg_queue_changes(const struct app_queue *q)
{
	return (CHANGES & BIT(q->verb)) != 0;
}

/* ---- one line ---- */

bool
dg_queue_line(const char *const *words, size_t n, struct dg_buf *out)
{
	(void)dg_buf_adds(out, "queue");
	for (size_t i = 0; i < n; i++) {
		if (strpbrk(words[i], "\t\r\n") != NULL)
			return false;
		(void)dg_buf_addc(out, '\t');
		if (dg_buf_adds(out, words[i]) != DG_OK)
			return false;
	}
	return true;
}

size_t
dg_queue_unline(char *line, const char **words, size_t max)
{
	size_t n = 0;

	for (char *at = strchr(line, '\t'); at != NULL && n < max; n++) {
		*at++ = '\0';
		words[n] = at;
		at = strchr(at, '\t');
	}
	return n;
}

/* ---- doing ---- */

struct listing {
	const struct app_queue *q;
	struct queue_lanes lanes;
	struct dg_buf *out;
	size_t n;
};

static void
add_row(void *ctx, const struct dg_item *item, const struct dg_item_rcpt *r,
    bool is_claimed)
{
	struct listing *l = ctx;

	if (l->n++ < l->q->limit)
		dg_queue_row(l->q, &l->lanes, item, r, is_claimed, l->out);
}

static int
failed(const struct dg_err *e, struct dg_buf *out)
{
	dg_buf_reset(out);
	(void)dg_buf_addf(out, "queue: %s\n", e->text);
	return 1;
}

static int
list(struct dg_spool *sp, const struct app_queue *q, struct dg_buf *out)
{
	struct listing l = { .q = q, .out = out };
	struct dg_err e = { 0 };
	bool is_all;

	dg_queue_lanes(sp, &l.lanes);
	is_all = dg_spool_scan(sp, &q->pick, (size_t)q->limit, add_row, &l, &e);
	dg_queue_lanes_fini(&l.lanes);
	if (e.rc != DG_OK)
		return failed(&e, out);
	if (l.n == 0 && !q->has_json)
		(void)dg_buf_adds(out, "nothing waits\n");
	if (!is_all && !q->has_json)
		(void)dg_buf_addf(out, "and more: --limit N shows them, "
				       "dragoman queue stats counts them\n");
	return 0;
}

static enum dg_change
change_of(const struct app_queue *q)
{
	switch (q->verb) {
	case QUEUE_RETRY:
		return DG_CHANGE_RETRY;
	case QUEUE_HOLD:
		return DG_CHANGE_HOLD;
	case QUEUE_RELEASE:
		return DG_CHANGE_RELEASE;
	default:
		return q->reports ? DG_CHANGE_GIVE_UP : DG_CHANGE_DROP;
	}
}

static void
add_sums(struct dg_changed *sums, const struct dg_changed *more)
{
	sums->messages += more->messages;
	sums->recipients += more->recipients;
	sums->claimed += more->claimed;
	sums->unfit += more->unfit;
}

static void
say_sums(const struct app_queue *q, const struct dg_changed *s,
    struct dg_buf *out)
{
	static const char *const done[] = {
		[DG_CHANGE_RETRY] = "tried again now",
		[DG_CHANGE_HOLD] = "held",
		[DG_CHANGE_RELEASE] = "released",
		[DG_CHANGE_GIVE_UP] = "given up, with a report to the sender",
		[DG_CHANGE_DROP] = "dropped",
	};

	if (q->has_json) {
		(void)dg_buf_addf(out, "{\"recipients\":%llu,\"messages\":%llu,"
			"\"being_delivered\":%llu,\"unfit\":%llu,"
			"\"dry_run\":%s}\n",
		    (unsigned long long)s->recipients,
		    (unsigned long long)s->messages,
		    (unsigned long long)s->claimed,
		    (unsigned long long)s->unfit, q->is_dry ? "true" : "false");
		return;
	}
	(void)dg_buf_addf(out, "%llu recipient%s of %llu message%s %s%s\n",
	    (unsigned long long)s->recipients, s->recipients == 1 ? "" : "s",
	    (unsigned long long)s->messages, s->messages == 1 ? "" : "s",
	    q->is_dry ? "would be " : "", done[change_of(q)]);
	if (s->claimed > 0)
		(void)dg_buf_addf(out, "%llu being delivered now: left alone\n",
		    (unsigned long long)s->claimed);
	if (s->unfit > 0)
		(void)dg_buf_addf(out, "%llu %s: left alone\n",
		    (unsigned long long)s->unfit,
		    q->verb == QUEUE_RELEASE  ? "not held"
			: q->verb == QUEUE_HOLD ? "held already"
						: "held (release them)");
}

/* What an operator did is found in the log. */
static void
log_change(const struct app_queue *q, const struct dg_changed *s)
{
	char age[24];

	dg_duration_write(q->pick.older_ms, age);
	dg_log(DG_LOG_INFO, "queue", dg_kv_z("change", verbs[q->verb]),
	    dg_kv_s("hop", q->pick.hop), dg_kv_s("domain", q->pick.domain),
	    dg_kv_s("sender", q->pick.sender),
	    dg_kv_z("age", q->pick.older_ms > 0 ? age : ""),
	    dg_kv_s("reason", q->pick.reason),
	    dg_kv_z("report", q->reports ? "yes" : ""),
	    dg_kv_i("ids", (long long)q->n_ids),
	    dg_kv_i("messages", (long long)s->messages),
	    dg_kv_i("recipients", (long long)s->recipients));
}

static int
change(struct dg_spool *sp, const struct app_queue *q, struct dg_buf *out)
{
	struct listing l = { .q = q, .out = out };
	struct dg_changed sums = { 0 };
	struct dg_err e = { 0 };
	enum dg_rc rc = DG_OK;

	dg_queue_lanes(sp, &l.lanes);
	for (size_t i = 0; rc == DG_OK && i < (q->n_ids > 0 ? q->n_ids : 1);
	     i++) {
		struct dg_pick pick = q->pick;
		struct dg_changed one;

		pick.id = q->n_ids > 0 ? q->ids[i] : 0;
		rc = dg_spool_change(sp, &pick, change_of(q), q->is_dry,
		    q->is_dry ? add_row : NULL, &l, &one, &e);
		add_sums(&sums, &one);
	}
	dg_queue_lanes_fini(&l.lanes);
	if (!q->is_dry && sums.recipients > 0)
		log_change(q, &sums);
	if (rc != DG_OK)
		(void)failed(&e, out);
	say_sums(q, &sums, out);
	return rc == DG_OK && sums.recipients > 0 ? 0 : 1;
}

struct findings {
	struct dg_buf *out;
	unsigned n_problems;
	bool has_json;
};

static void
on_finding(void *ctx, bool is_problem, const char *text)
{
	struct findings *f = ctx;

	f->n_problems += is_problem;
	if (f->has_json) {
		(void)dg_buf_addf(f->out, "{\"problem\":%s,\"text\":",
		    is_problem ? "true" : "false");
		dg_say_json(f->out, dg_str(text));
		(void)dg_buf_adds(f->out, "}\n");
		return;
	}
	(void)dg_buf_adds(f->out, is_problem ? "problem: " : "note: ");
	dg_say(f->out, dg_str(text));
	(void)dg_buf_addc(f->out, '\n');
}

static int
check(struct dg_spool *sp, const struct app_queue *q, struct dg_buf *out)
{
	struct findings f = { .out = out, .has_json = q->has_json };
	struct dg_err e = { 0 };

	if (dg_spool_check(sp, on_finding, &f, &e) != DG_OK)
		return failed(&e, out);
	if (f.n_problems == 0 && !q->has_json)
		(void)dg_buf_adds(out, "the database and all bodies are good\n");
	return f.n_problems == 0 ? 0 : 1;
}

int
dg_queue_run(struct dg_spool *sp, const struct app_queue *q,
    struct dg_buf *out)
{
	switch (q->verb) {
	case QUEUE_LIST:
		return list(sp, q, out);
	case QUEUE_SHOW:
		return dg_queue_show(sp, q, out);
	case QUEUE_STATS:
		return dg_queue_stats(sp, q, out);
	case QUEUE_CHECK:
		return check(sp, q, out);
	case QUEUE_EXPORT:
		return dg_queue_export(sp, q, out);
	case QUEUE_IMPORT:
		return 2; /* needs a file that is open: the caller's */
	default:
		return change(sp, q, out);
	}
}
