#ifndef DRAGOMAN_BASE_JOURNAL_H
#define DRAGOMAN_BASE_JOURNAL_H

#include "dragoman/base/err.h"
#include "dragoman/base/str.h"

/*
 * journal.h - what was logged about each message and session, kept on disk:
 * JSON lines in a file that is turned over at a size, one older beside it.
 *
 * Writing: base/log.c puts every event here that carries id= or session=, and
 * "journal", which marks where a run of the relay begins (session names are
 * used again).  Process-wide, with the log.  Nothing here can fail mail: what
 * cannot be written is dropped and counted.
 */
enum dg_rc dg_journal_open(const char *path, uint64_t max_bytes,
    struct dg_err *e);
void dg_journal_close(void);
bool dg_journal_is_open(void);
/* Write nothing for now (the disk is full, and the queue needs what is left);
 * what comes meanwhile is dropped. */
void dg_journal_pause(bool is_paused);
uint64_t dg_journal_dropped(void); /* lines */

/* A whole line with its newline.  A thread that gathers keeps it until
 * dg_journal_flush(), or until much has come together. */
void dg_journal_put(struct dg_str line);
void dg_journal_gather(bool on);
void dg_journal_flush(void);

/* Reading, also while a relay writes: the older file, then the newer, each
 * line that contains needle ("": all) without its newline.  run: counted from
 * 1, one more at each mark; number: of the line among all.  False from fn:
 * enough.  A file that is not there has no lines; *n_files says how many were
 * there. */
typedef bool dg_journal_line(void *ctx, unsigned run, uint64_t number,
    struct dg_str line);
enum dg_rc dg_journal_read(const char *path, struct dg_str needle,
    dg_journal_line *fn, void *ctx, unsigned *n_files, struct dg_err *e);

#endif
