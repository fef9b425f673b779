#ifndef DRAGOMAN_CORE_APP_H
#define DRAGOMAN_CORE_APP_H

#include "dragoman/base/buf.h"
#include "dragoman/config/config.h"

/* app.h - what the files of the program share. */

/* What every subcommand that reads the configuration takes:
 * -c FILE, --set key=value (any number). */
struct app_options {
	const char *config;  /* default "dragoman.yaml" */
	bool has_config;     /* -c was given */
	const char **sets;   /* NULL-ended; free with dg_app_options_fini */
	size_t n_sets;
	bool has_print, has_json, has_document, has_probe, has_strict;
	const char **words;  /* what is no option */
	size_t n_words;
	const char **patterns; /* each -k */
	size_t n_patterns;
	const char *junit;   /* --junit FILE */
	bool is_verbose;     /* -v */
	bool has_coverage;   /* --coverage, --coverage=PERCENT */
	unsigned coverage;   /* the least, 0: none said */
};
/* False (and a message on standard error) on a wrong option; a wrong one is
 * told with did-you-mean.  allowed: NULL-ended, e.g. {"--print", NULL}. */
bool dg_app_options_read(int argc, char **argv, const char *const *allowed,
    struct app_options *out);
void dg_app_options_fini(struct app_options *o);

/* Directories where policies/ may be: beside the program's folder, then
 * PREFIX/share/dragoman; NULL-ended, process-long. */
const char *const *dg_app_ready_dirs(void);

/* scratch.c: a directory and all in it; links are not followed. */
void dg_app_remove_dir(const char *path);

/* privileges.c: become user[:group]; e says why not. */
enum dg_rc dg_app_become(const char *run_as, struct dg_err *e);
/* notify.c: tell the service manager (sd_notify(3)); does nothing without
 * one. */
void dg_app_notify(const char *state);

/* control.c: the control socket, server side. */
struct app_control;
struct dg_loop;
/* verb, e.g. "reload"; passed: a file that came along, or -1; out gets text;
 * returns the exit code that the command shall have. */
typedef int app_control_fn(void *ctx, struct dg_str verb, int passed,
    struct dg_buf *out);
enum dg_rc dg_app_control_open(struct dg_loop *l, const char *path,
    app_control_fn *fn, void *ctx, struct app_control **out, struct dg_err *e);
void dg_app_control_close(struct app_control *c);
/* client side: send a verb, print what comes; returns the exit code. */
int dg_app_control_ask(const char *path, const char *verb);
/* The same in two steps: a connection, or -1 and why; then over it. */
int dg_app_control_reach(const char *path, struct dg_err *e);
int dg_app_control_talk(int fd, const char *verb);
/* The answer into out, and a file passed along unless it is -1. */
int dg_app_control_hear(int fd, const char *verb, int file,
    struct dg_buf *out);

#endif
