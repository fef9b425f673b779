/*
 * ehlo.c - what a server's EHLO reply offers (RFC 5321 4.1.1.1).
 *
 * Extensions we act upon become bits; everything else stays text that others
 * walk, because which keyword starts a login is a dialect's business, not
 * ours.
 */
#include "dragoman/wire/ehlo.h"

static const struct {
	unsigned bit;
	const char *name;
} exts[] = {
	{ DG_EXT_PIPELINING, "PIPELINING" },
	{ DG_EXT_SIZE, "SIZE" },
	{ DG_EXT_8BITMIME, "8BITMIME" },
	{ DG_EXT_ENHANCED, "ENHANCEDSTATUSCODES" },
	{ DG_EXT_STARTTLS, "STARTTLS" },
	{ DG_EXT_DSN, "DSN" },
	{ DG_EXT_SMTPUTF8, "SMTPUTF8" },
	{ DG_EXT_HELP, "HELP" },
	{ DG_EXT_CHUNKING, "CHUNKING" },
};

unsigned
dg_ext_find(struct dg_str keyword)
{
	for (size_t i = 0; i < sizeof(exts) / sizeof(exts[0]); i++) {
		if (dg_str_iis(keyword, exts[i].name))
			return exts[i].bit;
	}
	return 0;
}

const char *
dg_ext_name(unsigned bit)
{
	for (size_t i = 0; i < sizeof(exts) / sizeof(exts[0]); i++) {
		if (exts[i].bit == bit)
			return exts[i].name;
	}
	return "";
}

bool
dg_ehlo_line(struct dg_str line, struct dg_ehlo_line *out)
{
	size_t n = 0;

	line = dg_str_trim(line);
	if (line.n == 0)
		return false;
	while (n < line.n && line.p[n] != ' ' && line.p[n] != '\t' &&
	       line.p[n] != '=')
		n++;
	if (n == 0)
		return false; /* "=LOGIN": no keyword */
	out->keyword = dg_str_sub(line, 0, n);
	/* "AUTH=LOGIN": the draft's form of 1995, still shown beside AUTH */
	out->equals = n < line.n && line.p[n] == '=';
	out->args =
	    n < line.n ? dg_str_trim(dg_str_from(line, n + 1)) : DG_STR("");
	return true;
}

bool
dg_ehlo_next(const struct dg_ehlo *e, size_t *at, struct dg_ehlo_line *out)
{
	while (*at < e->text.n) {
		struct dg_str rest = dg_str_from(e->text, *at);
		size_t n = dg_str_find(rest, '\n');

		*at += n < rest.n ? n + 1 : n;
		if (dg_ehlo_line(dg_str_sub(rest, 0, n), out))
			return true;
	}
	return false;
}

void
dg_ehlo_parse(struct dg_str text, struct dg_ehlo *out)
{
	size_t first = dg_str_find(text, '\n');
	struct dg_ehlo_line l;
	size_t at = 0;

	memset(out, 0, sizeof(*out));
	/* the first line is the greeting: a host may be called "PIPELINING" */
	out->text = first < text.n ? dg_str_from(text, first + 1) : DG_STR("");
	while (dg_ehlo_next(out, &at, &l)) {
		unsigned bit = dg_ext_find(l.keyword);
		uint64_t size;

		out->exts |= bit;
		/* "SIZE" and "SIZE 0" promise no limit (RFC 1870 4) */
		if (bit == DG_EXT_SIZE && dg_str_u64(l.args, &size))
			out->max_size = size;
	}
}
