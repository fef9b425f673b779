/*
 * cmd_queue.c - `dragoman queue`: the running relay is asked; when none runs,
 * its spool is looked at, and nothing can be changed.
 *
 * `check` always looks itself: it may take minutes, and a relay has something
 * better to do.
 */
#include "app.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "commands.h"
#include "dragoman/base/log.h"
#include "queue_move.h"

enum {
	ANSWER_MAX = 256 * 1024 * 1024,
	LINE_MAX = 4000, /* what the control socket takes */
};

struct command {
	char **ours; /* -c and --set: argv of what all commands read */
	int n_ours;
	const char **words;
	size_t n_words;
};

/* -c, --config and --set are every command's; the rest is this one's. */
static void
sort_out(int argc, char **argv, struct command *c)
{
	c->ours = dg_alloc0((size_t)(argc + 1) * sizeof(*c->ours));
	c->words = dg_alloc0((size_t)(argc + 2) * sizeof(*c->words));
	c->ours[c->n_ours++] = argv[0];
	for (int i = 1; i < argc; i++) {
		bool takes_next = strcmp(argv[i], "-c") == 0 ||
		    strcmp(argv[i], "--config") == 0 ||
		    strcmp(argv[i], "--set") == 0;

		if (!takes_next && strncmp(argv[i], "--set=", 6) != 0) {
			c->words[c->n_words++] = argv[i];
			continue;
		}
		c->ours[c->n_ours++] = argv[i];
		if (takes_next && i + 1 < argc)
			c->ours[c->n_ours++] = argv[++i];
	}
	if (isatty(STDOUT_FILENO) && c->n_words > 0)
		c->words[c->n_words++] = "--table";
}

static void
print(const struct dg_buf *out, FILE *f)
{
	if (out->n > 0)
		fwrite(out->p, 1, out->n, f);
}

static int
look(const struct dg_config *c, const struct app_queue *q)
{
	struct dg_spool *sp = NULL;
	struct dg_err e = { 0 };
	struct dg_buf out;
	int code;

	if (dg_spool_look(c->spool_path, &sp, &e) != DG_OK) {
		fprintf(stderr, "dragoman: %s\n", e.text);
		return 1;
	}
	dg_buf_init(&out, ANSWER_MAX);
	code = dg_queue_run(sp, q, &out);
	print(&out, stdout);
	dg_buf_fini(&out);
	dg_spool_close(sp);
	return code;
}

/* ---- import ---- */

static int
say_import(const struct queue_import *sums, const char *file, int code,
    const char *why)
{
	printf("%llu recipient%s of %llu message%s imported\n",
	    (unsigned long long)sums->recipients,
	    sums->recipients == 1 ? "" : "s",
	    (unsigned long long)sums->messages, sums->messages == 1 ? "" : "s");
	fflush(stdout);
	if (code != 0)
		fprintf(stderr, "dragoman: %s: %.*s\ndragoman: queue import "
				"--from %llu would go on there\n",
		    file, (int)strcspn(why, "\n"), why,
		    (unsigned long long)sums->at);
	return code;
}

/* Step by step through the running relay. */
static int
import_there(const struct dg_config *c, int file, struct queue_import *im,
    struct dg_buf *why)
{
	int code = 0;

	while (code == 0 && !im->is_over) {
		unsigned long long at = im->at, messages = 0, recipients = 0;
		struct dg_err e = { 0 };
		int fd = dg_app_control_reach(c->control, &e);
		char *line, word[8] = "";

		dg_buf_reset(why);
		if (fd < 0) {
			(void)dg_buf_adds(why, e.text);
			return 1;
		}
		line = dg_sprintf("queue\timport\t--from\t%llu", at);
		code = dg_app_control_hear(fd, line, file, why);
		free(line);
		close(fd);
		if (sscanf(dg_buf_z(why), "%7s %llu %llu %llu\n", word, &at,
			&messages, &recipients) == 4) {
			im->is_over = strcmp(word, "over") == 0;
			im->at = at;
			im->messages += messages;
			im->recipients += recipients;
			dg_buf_eat(why, dg_str_find(dg_buf_str(why), '\n') + 1);
		} else if (code == 0) {
			code = 1; /* some other answer */
		}
	}
	return code;
}

/* With no relay: its spool is ours until we are done, and as its user. */
static int
import_here(const struct dg_config *c, int file, struct queue_import *im,
    struct dg_buf *why)
{
	struct dg_spool_options o = {
		.path = c->spool_path,
		.inline_max = 64 * 1024,
		.reserve = c->limits.reserve,
	};
	struct dg_spool *sp = NULL;
	struct dg_err e = { 0 };
	enum dg_rc rc;

	dg_log_setup(false, DG_LOG_ERROR); /* this is no service */
	rc = dg_app_become(c->run_as, &e);
	if (rc == DG_OK)
		rc = dg_spool_open(&o, &sp, &e);
	while (rc == DG_OK && !im->is_over)
		rc = dg_queue_import(sp, file, 1000, im, &e);
	dg_spool_close(sp);
	if (rc != DG_OK)
		(void)dg_buf_adds(why, e.text);
	return rc == DG_OK ? 0 : 1;
}

static int
import(const struct dg_config *c, const struct app_queue *q)
{
	struct queue_import im = { .at = q->from };
	int file = q->file != NULL ? open(q->file, O_RDONLY | O_CLOEXEC) : -1;
	struct dg_err e = { 0 };
	struct dg_buf why;
	int fd, code;

	if (file < 0) {
		fprintf(stderr, "dragoman: queue: cannot read %s: %s\n",
		    q->file != NULL ? q->file : "a file: which one",
		    q->file != NULL ? strerror(errno) : "?");
		return q->file != NULL ? 1 : 2;
	}
	dg_buf_init(&why, ANSWER_MAX);
	fd = dg_app_control_reach(c->control, &e);
	if (fd >= 0) /* that one would only be waited for */
		close(fd);
	code = fd >= 0 ? import_there(c, file, &im, &why)
		       : import_here(c, file, &im, &why);
	code = say_import(&im, q->file, code, dg_buf_z(&why));
	dg_buf_fini(&why);
	close(file);
	return code;
}

static int
ask(const struct dg_config *c, const struct command *cmd,
    const struct app_queue *q)
{
	struct dg_err e = { 0 };
	struct dg_buf line;
	int fd, code = 2;

	if (q->verb == QUEUE_IMPORT)
		return import(c, q);
	if (q->verb == QUEUE_CHECK || q->verb == QUEUE_EXPORT)
		return look(c, q);
	fd = dg_app_control_reach(c->control, &e);
	if (fd < 0 && dg_queue_changes(q) && !q->is_dry) {
		fprintf(stderr, "dragoman: %s: nothing was changed\n", e.text);
		return 1;
	}
	if (fd < 0) {
		fprintf(stderr, "dragoman: %s: this is what its spool has\n",
		    e.text);
		return look(c, q);
	}
	dg_buf_init(&line, LINE_MAX);
	if (dg_queue_line(cmd->words, cmd->n_words, &line))
		code = dg_app_control_talk(fd, dg_buf_z(&line));
	else
		fprintf(stderr, "dragoman: queue: those words are too long, or "
				"of more than one line\n");
	close(fd);
	dg_buf_fini(&line);
	return code;
}

static int
with_config(const struct command *cmd, const struct app_queue *q)
{
	struct app_options o;
	struct dg_errors errors;
	struct dg_config *c = NULL;
	struct dg_buf out;
	int code = 2;

	dg_errors_init(&errors);
	if (dg_app_options_read(cmd->n_ours, cmd->ours, NULL, &o))
		c = dg_config_load(o.config, o.sets, &errors);
	if (c != NULL)
		code = ask(c, cmd, q);
	dg_buf_init(&out, 1024 * 1024);
	dg_errors_add_to(&errors, &out);
	print(&out, stderr);
	dg_buf_fini(&out);
	dg_config_free(c);
	dg_errors_fini(&errors);
	dg_app_options_fini(&o);
	return code;
}

int
dg_cmd_queue(int argc, char **argv)
{
	struct command cmd = { 0 };
	struct app_queue q;
	struct dg_buf wrong;
	int code = 2;

	sort_out(argc, argv, &cmd);
	dg_buf_init(&wrong, 64 * 1024);
	if (dg_queue_read(cmd.words, cmd.n_words, &q, &wrong))
		code = with_config(&cmd, &q);
	print(&wrong, stderr);
	dg_buf_fini(&wrong);
	free((void *)cmd.words);
	free((void *)cmd.ours);
	return code;
}
