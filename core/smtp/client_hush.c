/*
 * client_hush.c - what we said in a login is in no reply that anybody reads.
 *
 * Many servers repeat the command they do not know ("500 unrecognized: AUTH
 * PLAIN AHN2Yw..."), and a reply goes to logs, `queue list` and the sender's
 * report.  So what was said in dialogues is kept while the session lives, and
 * what is found again in a reply is starred out.
 */
#include "client_state.h"

enum {
	SAID_MAX = 64 * 1024,
	/* a part of what was said is known by this many characters in a row;
	 * a shorter word must be all of it */
	PART = 16,
	PASSWORD_MIN = 3, /* a shorter one is in half of all words */
};

void
dg_cli_hush_init(struct dg_cli *c)
{
	dg_buf_init(&c->login.said, SAID_MAX);
}

void
dg_cli_hush_fini(struct dg_cli *c)
{
	dg_buf_wipe(&c->login.said);
	dg_buf_fini(&c->login.said);
}

/* Room first, so that no copy is left behind by growing. */
void
dg_cli_hush(struct dg_cli *c, struct dg_str line)
{
	struct dg_buf *said = &c->login.said;

	if (line.n == 0 || dg_buf_reserve(said, SAID_MAX - said->n) != DG_OK)
		return;
	if (dg_buf_add(said, line) == DG_OK)
		(void)dg_buf_addc(said, '\n');
}

static bool
is_base64(char c)
{
	char l = dg_lower(c);

	return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
	       c == '/' || c == '=';
}

static bool
has(struct dg_str in, struct dg_str what)
{
	for (size_t i = 0; i + what.n <= in.n; i++)
		if (memcmp(in.p + i, what.p, what.n) == 0)
			return true;
	return false;
}

static bool
is_whole(struct dg_str said, struct dg_str word)
{
	while (said.n > 0) {
		size_t n = dg_str_find(said, '\n');

		if (dg_str_eq(dg_str_sub(said, 0, n), word))
			return true;
		said = dg_str_from(said, n + 1);
	}
	return false;
}

static bool
was_said(struct dg_str said, struct dg_str word)
{
	if (word.n < PART)
		return is_whole(said, word);
	for (size_t i = 0; i + PART <= word.n; i++)
		if (has(said, dg_str_sub(word, i, PART)))
			return true;
	return false;
}

static void
star(char *text, size_t at, size_t n)
{
	memset(text + at, '*', n);
}

static void
star_password(const struct dg_secret *password, char *text, size_t n)
{
	if (password == NULL || password->n < PASSWORD_MIN)
		return;
	for (size_t i = 0; i + password->n <= n; i++)
		if (memcmp(text + i, password->p, password->n) == 0)
			star(text, i, password->n);
}

void
dg_cli_hushed(const struct dg_cli *c, struct dg_buf *text)
{
	struct dg_str said = dg_buf_str(&c->login.said);
	size_t at = 0, end;

	if (said.n == 0)
		return; /* no word of a login went out */
	for (size_t i = 0; i < c->o.n_logins; i++) {
		star_password(c->o.logins[i].password, text->p, text->n);
		star_password(c->o.logins[i].token, text->p, text->n);
	}
	for (; at < text->n; at = end + 1) {
		end = at;
		while (end < text->n && is_base64(text->p[end]))
			end++;
		if (end > at &&
		    was_said(said, dg_str_of(text->p + at, end - at)))
			star(text->p, at, end - at);
	}
}
