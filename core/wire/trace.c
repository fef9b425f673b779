/* trace.c - the lines we add to a message: its date and its Received field
 * (RFC 5322 3.3, RFC 5321 4.4).
 *
 * A Received field is read by people and by programs that trust what stands in
 * its places, and the client chooses what it calls itself.  So its words are
 * cut down to what cannot leave their place: no control bytes, no blanks, no
 * brackets, quotes or semicolons.  Month and day names are English whatever
 * the locale. */
#include "dragoman/wire/header.h"

#include <time.h>

enum {
	RECEIVED_MAX = 4096
};

enum dg_rc
dg_date_add(struct dg_buf *out, int64_t ms)
{
	static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu",
		"Fri", "Sat" };
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May",
		"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	if (ms < 0 || gmtime_r(&t, &tm) == NULL || tm.tm_year > 8099) {
		t = 0; /* no clock of ours says so */
		gmtime_r(&t, &tm);
	}
	return dg_buf_addf(out, "%s, %d %s %04d %02d:%02d:%02d +0000",
	    days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900,
	    tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* Printable ASCII; with `bound` a word that cannot leave its place. */
static enum dg_rc
add_clean(struct dg_buf *out, struct dg_str s, const char *bound)
{
	enum dg_rc rc = DG_OK;

	for (size_t i = 0; i < s.n && rc == DG_OK; i++) {
		char c = s.p[i];

		if (c < 0x20 || c > 0x7e || strchr(bound, c) != NULL)
			c = '?';
		rc = dg_buf_addc(out, c);
	}
	return rc;
}

static enum dg_rc
add_word(struct dg_buf *out, struct dg_str s)
{
	return add_clean(out, s, " ()<>;,\"\\");
}

/* "[10.0.0.5]", "[IPv6:::1]" (RFC 5321 4.1.3) */
static enum dg_rc
add_literal(struct dg_buf *out, struct dg_str address)
{
	bool is_v6 = dg_str_find(address, ':') < address.n;

	if (dg_buf_adds(out, is_v6 ? "[IPv6:" : "[") != DG_OK ||
	    add_clean(out, address, " ()<>;,\"\\[]") != DG_OK)
		return DG_E_LIMIT;
	return dg_buf_addc(out, ']');
}

static enum dg_rc
add_from(struct dg_buf *out, const struct dg_received *r)
{
	if (dg_buf_adds(out, "Received: from ") != DG_OK)
		return DG_E_LIMIT;
	/* RFC 5321 4.4 wants a name or a literal: who gave none is known by
	 * its address */
	if (r->helo.n > 0) {
		if (add_word(out, r->helo) != DG_OK)
			return DG_E_LIMIT;
	} else if (r->address.n > 0) {
		if (add_literal(out, r->address) != DG_OK)
			return DG_E_LIMIT;
	} else if (dg_buf_adds(out, "unknown") != DG_OK) {
		return DG_E_LIMIT;
	}
	if (r->address.n == 0)
		return DG_OK;
	if (dg_buf_adds(out, " (") != DG_OK ||
	    add_literal(out, r->address) != DG_OK)
		return DG_E_LIMIT;
	return dg_buf_addc(out, ')');
}

static enum dg_rc
add_clause(struct dg_buf *out, const char *before, struct dg_str word,
    const char *after, const char *bound)
{
	if (word.n == 0)
		return DG_OK;
	if (dg_buf_adds(out, before) != DG_OK ||
	    add_clean(out, word, bound) != DG_OK)
		return DG_E_LIMIT;
	return dg_buf_adds(out, after);
}

static enum dg_rc
add_field(struct dg_buf *out, const struct dg_received *r)
{
	const char *word = " ()<>;,\"\\";

	if (add_from(out, r) != DG_OK ||
	    add_clause(out, "\r\n\tby ", r->by, "", word) != DG_OK ||
	    add_clause(out, " with ", r->with, "", word) != DG_OK ||
	    add_clause(out, "\r\n\t(", r->tls, ")", "()\\") != DG_OK ||
	    add_clause(out, "\r\n\tid ", r->id, "", word) != DG_OK ||
	    add_clause(out, "\r\n\tfor <", r->for_whom, ">", "<>") != DG_OK ||
	    dg_buf_adds(out, ";\r\n\t") != DG_OK ||
	    dg_date_add(out, r->ms) != DG_OK)
		return DG_E_LIMIT;
	return dg_buf_adds(out, "\r\n");
}

enum dg_rc
dg_received_add(struct dg_buf *out, const struct dg_received *r)
{
	struct dg_buf field;
	enum dg_rc rc;

	dg_buf_init(&field, RECEIVED_MAX);
	rc = add_field(&field, r);
	if (rc == DG_OK)
		rc = dg_buf_add(out, dg_buf_str(&field));
	dg_buf_fini(&field);
	return rc;
}
