/*
 * cmd_queue.c - `dragoman queue`: the running relay is asked; when none runs,
 * its spool is looked at, and nothing can be changed.
 *
 * `check` always looks itself: it may take minutes, and a relay has something
 * better to do.
 */
#include "app.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "commands.h"
#include "queue.h"

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

static int
ask(const struct dg_config *c, const struct command *cmd,
    const struct app_queue *q)
{
	struct dg_err e = { 0 };
	struct dg_buf line;
	int fd, code = 2;

	if (q->verb == QUEUE_CHECK)
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
