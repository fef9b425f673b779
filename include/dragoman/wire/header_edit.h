#ifndef DRAGOMAN_WIRE_HEADER_EDIT_H
#define DRAGOMAN_WIRE_HEADER_EDIT_H

#include "dragoman/base/buf.h"

/*
 * header_edit.h - changing a message's header (RFC 5322) on behalf of a policy:
 * take fields out, put fields in, let it come from another address.
 *
 * A header is edited whole or left as it is: what cannot be read (a line that
 * is no field, two From fields, a From that is no list of mailboxes) is
 * somebody else's to mend.  What is written is our own words made safe: no
 * value, whatever it holds, begins another field.
 */
struct dg_header_add {
	struct dg_str name;
	struct dg_str value; /* UTF-8, one logical line */
};

struct dg_header_edits {
	const struct dg_str *remove;     /* all fields of these names, any case */
	size_t n_remove;
	const struct dg_header_add *add; /* at the end, in this order */
	size_t n_add;
	struct dg_str from;     /* address for From, whose display name stays; a
	                         * list becomes its first mailbox; "" = leave */
	bool reply_to_old_from; /* Reply-To gets what From was, unless there is
	                         * a Reply-To already */
	struct dg_str reply_to; /* address for Reply-To, instead of what there is;
	                         * with reply_to_old_from only when From held no
	                         * address and there is no Reply-To; "" = none */
};

/* Something is wanted. */
bool dg_header_edits_any(const struct dg_header_edits *w);

/*
 * head begins with the header (CRLF lines) and may go on behind its empty line;
 * that part is copied.  Fields are removed first, so an old one may be removed
 * and a new one of its name added.  Appends the new head to out.
 *
 * DG_E_PROTO: malformed (e says how).  DG_E_POLICY: a name that is none, an
 * address that is none.  DG_E_LIMIT: out's cap.  out is then as it was.
 */
enum dg_rc dg_header_edit(struct dg_str head, const struct dg_header_edits *w,
    struct dg_buf *out, struct dg_err *e);

/* A field's name: printable ASCII but ':' (RFC 5322 3.6.8), at most 76. */
bool dg_header_is_name(struct dg_str name);
/* Append "name: value" with its CRLF, folded at 76 columns.  Control bytes
 * (line ends first of all) become blanks, words that are not ASCII or longer
 * than a line RFC 2047 encoded words, bytes that are not UTF-8 '?'.  In address
 * fields a name that is not ASCII must therefore stand without quotes. */
enum dg_rc dg_header_add(struct dg_buf *out, struct dg_str name,
    struct dg_str value);

#endif
