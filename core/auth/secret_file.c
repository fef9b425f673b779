/* secret_file.c - the one line with which we log in at a hop.
 *
 * Why so plain: "[DOMAIN\]user:password", the password to the end of the line
 * and taken as it stands, blanks and "#" and colons too, because nobody may
 * have to quote a password.  Messages never repeat anything of the line.
 */
#include "dragoman/auth/users.h"

#include <stdlib.h>

#include "dragoman/base/enc.h"

enum {
	NAME_MAX_BYTES = 256
};

/* The first line; what follows it may only be blank. */
static bool
take_line(struct dg_str *text)
{
	size_t end = dg_str_find(*text, '\n');
	struct dg_str rest = dg_str_from(*text, end);

	*text = dg_str_sub(*text, 0, end);
	if (dg_str_has_suffix(*text, DG_STR("\r")))
		text->n--;
	for (size_t i = 0; i < rest.n; i++)
		if (rest.p[i] != '\n' && rest.p[i] != '\r' &&
		    rest.p[i] != ' ' && rest.p[i] != '\t')
			return false;
	return true;
}

static enum dg_rc
bad(struct dg_err *e, unsigned line, size_t column, const char *what)
{
	return dg_fail(e, DG_E_CONFIG, 0, NULL, "%u:%zu: %s", line, column + 1,
	    what);
}

static bool
is_name(struct dg_str s)
{
	if (s.n > NAME_MAX_BYTES || !dg_utf8_is_valid(s))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return true;
}

static enum dg_rc
read_nt(struct dg_str hex, size_t column, struct dg_secret_file *out,
    struct dg_err *e)
{
	struct dg_buf b;
	enum dg_rc rc = DG_OK;

	dg_buf_init(&b, sizeof(out->nt));
	hex = dg_str_trim(hex);
	if (hex.n != 32 || dg_hex_read(&b, hex) != DG_OK) {
		rc = bad(e, 1, column, "expected 32 hex digits behind {nt}");
	} else {
		memcpy(out->nt, b.p, sizeof(out->nt));
		out->has_nt = true;
	}
	dg_buf_wipe(&b);
	dg_buf_fini(&b);
	return rc;
}

static enum dg_rc
read_password(struct dg_str text, size_t column, struct dg_secret_file *out,
    struct dg_err *e)
{
	if (dg_str_has_prefix(text, DG_STR("{nt}")))
		return read_nt(dg_str_from(text, 4), column + 4, out, e);
	if (text.n == 0)
		return bad(e, 1, column, "the password is missing");
	if (!dg_utf8_is_valid(text) || memchr(text.p, '\0', text.n) != NULL)
		return bad(e, 1, column, "the password is not valid UTF-8");
	dg_secret_set(&out->password, text);
	return DG_OK;
}

enum dg_rc
dg_secret_file_parse(struct dg_str text, struct dg_secret_file *out,
    struct dg_err *e)
{
	struct dg_secret_file s = { 0 };
	struct dg_str user, domain = DG_STR("");
	size_t colon, slash;
	enum dg_rc rc;

	if (!take_line(&text))
		return bad(e, 2, 0,
		    "expected one line, [DOMAIN\\]user:password");
	colon = dg_str_find(text, ':');
	user = dg_str_sub(text, 0, colon);
	if (colon == text.n)
		return bad(e, 1, 0,
		    "expected [DOMAIN\\]user:password, and there is no \":\"");
	slash = dg_str_find(user, '\\');
	if (slash < user.n) {
		domain = dg_str_sub(user, 0, slash);
		user = dg_str_from(user, slash + 1);
	}
	if (user.n == 0)
		return bad(e, 1, 0, "the user name is missing");
	if (!is_name(user) || !is_name(domain))
		return bad(e, 1, 0,
		    "the user name has bytes that no name has, or more than "
		    "256");
	rc = read_password(dg_str_from(text, colon + 1), colon + 1, &s, e);
	if (rc != DG_OK)
		return rc;
	s.user = dg_str_dup(user);
	s.domain = dg_str_dup(domain);
	*out = s;
	dg_wipe(s.nt, sizeof(s.nt));
	return DG_OK;
}

void
dg_secret_file_fini(struct dg_secret_file *s)
{
	free(s->domain);
	free(s->user);
	dg_secret_fini(&s->password);
	dg_wipe(s, sizeof(*s));
}
