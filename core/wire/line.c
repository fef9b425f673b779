/* line.c - where a line ends.
 *
 * CRLF and nothing else (RFC 5321 2.3.8): who takes a lone LF for an end reads
 * other lines than the host before him did, and that difference is what SMTP
 * smuggling lives on.  So a lone CR or LF is only reported, unless the caller
 * knows a peer that ends its lines in LF. */
#include "dragoman/wire/line.h"

enum dg_rc
dg_line_next(struct dg_str in, size_t max, bool lf_ends, struct dg_line *out)
{
	struct dg_line line = { 0 };
	size_t end = in.n < max ? in.n : max;
	size_t at = 0, text = 0;

	for (;;) {
		const char *lf =
		    at < end ? memchr(in.p + at, '\n', end - at) : NULL;

		if (lf == NULL)
			return in.n >= max ? DG_E_LIMIT : DG_AGAIN;
		at = (size_t)(lf - in.p) + 1;
		text = at - 1;
		if (text > 0 && in.p[text - 1] == '\r') {
			text--;
			break;
		}
		if (lf_ends)
			break;
		line.has_bare = true;
	}
	line.text = dg_str_sub(in, 0, text);
	line.used = at;
	if (text > 0 && (memchr(in.p, '\r', text) != NULL ||
			    memchr(in.p, '\0', text) != NULL))
		line.has_bare = true;
	*out = line;
	return DG_OK;
}
