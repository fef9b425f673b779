#ifndef DRAGOMAN_CORE_APP_QUEUE_MOVE_H
#define DRAGOMAN_CORE_APP_QUEUE_MOVE_H

#include "queue.h"

/*
 * queue_move.h - messages out of a queue into a file, and back into another.
 *
 * The file: a line that says what it is, then for each message its envelope as
 * JSON on one line, as many bytes of message as that says in "size", and a line
 * end:
 *
 *	{"dragoman-queue":1}
 *	{"sender":"a@b.example","recipients":[{"address":"c@d.example"}],"size":7}
 *	x: y
 *
 *	(CRLF line ends inside of the message)
 *
 * "sender", "recipients" with "address", and "size" must be there; what else
 * an export writes says how far each recipient had come.
 */

/* What the pick fits, into a new file that nobody else may read. */
int dg_queue_export(struct dg_spool *sp, const struct app_queue *q,
    struct dg_buf *out);

struct queue_import {
	uint64_t at; /* the next message's place in the file: 0 at first */
	uint64_t messages, recipients; /* that are in the queue now */
	bool is_over;
};
/* Some messages from there on, durable when it returns; how many depends on
 * the time it may take.  On failure `at` is the first that is not in. */
enum dg_rc dg_queue_import(struct dg_spool *sp, int fd, int64_t max_ms,
    struct queue_import *im, struct dg_err *e);

#endif
