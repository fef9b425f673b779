#ifndef DRAGOMAN_CORE_WIRE_HEADER_TEXT_H
#define DRAGOMAN_CORE_WIRE_HEADER_TEXT_H

#include "dragoman/base/buf.h"

/*
 * header_text.h - writing the body of a field in lines.  Private to wire.
 *
 * Whatever is put, a line goes on with a blank and nothing else: no caller can
 * begin a field by what it puts.
 */
struct header_text {
	struct dg_buf *out;
	size_t column;
	bool has_word; /* something stands in this field's body */
	enum dg_rc rc; /* the first failure stays */
};

/* "name:" */
void dg_header_text_begin(struct header_text *t, struct dg_buf *out,
    struct dg_str name);
/* Words as they are (what stood in a header goes back into one): their blanks
 * and line ends are where it may fold.  DG_E_PROTO: one is longer than any
 * line. */
void dg_header_text_raw(struct header_text *t, struct dg_str text);
/* One word, whatever is in it: no control byte may be. */
void dg_header_text_word(struct header_text *t, struct dg_str word);
/* Words of ours: encoded where they must be. */
void dg_header_text_words(struct header_text *t, struct dg_str text);
/* The CRLF. */
enum dg_rc dg_header_text_end(struct header_text *t);

#endif
