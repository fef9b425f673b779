/*
 * value.c - one value, checked by its row of the table, and shown again.
 *
 * Every refusal has one shape, "KEY: expected WHAT, found WHAT", so that a
 * reader learns the right form from the mistake.  What stands under `secrets`
 * is never repeated: somebody will put the password where its file belongs.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/units.h"
#include "options.h"

void
dg_value_fini(struct dg_value *v)
{
	free(v->text);
	for (size_t i = 0; v->list != NULL && v->list[i] != NULL; i++)
		free(v->list[i]);
	free(v->list);
	*v = (struct dg_value){ NULL, NULL, 0 };
}

/* ---- what a text must look like ---- */

static bool
is_port(struct dg_str s, uint64_t least)
{
	uint64_t port;

	return s.n <= 5 && dg_str_u64(s, &port) && port >= least &&
	       port <= 65535;
}

static bool
is_ip(struct dg_str s, int family)
{
	char z[INET6_ADDRSTRLEN];
	unsigned char bytes[16];

	if (s.n == 0 || s.n >= sizeof(z))
		return false;
	memcpy(z, s.p, s.n);
	z[s.n] = '\0';
	return inet_pton(family, z, bytes) == 1;
}

/* "1.2.3.4:25", "[::1]:25" */
static bool
is_address(struct dg_str s, uint64_t least_port)
{
	size_t colon = dg_str_rfind(s, ':');
	struct dg_str ip = dg_str_sub(s, 0, colon);

	if (colon == s.n || !is_port(dg_str_from(s, colon + 1), least_port))
		return false;
	if (ip.n > 2 && ip.p[0] == '[' && ip.p[ip.n - 1] == ']')
		return is_ip(dg_str_sub(ip, 1, ip.n - 2), AF_INET6);
	return is_ip(ip, AF_INET);
}

static bool
is_server(struct dg_str s)
{
	return is_ip(s, AF_INET) || is_ip(s, AF_INET6) || is_address(s, 1);
}

static bool
is_letter_or_digit(char c)
{
	c = dg_lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Letters, digits and any of `more`, between 1 and `most` of them. */
static bool
is_word(struct dg_str s, const char *more, size_t most)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!is_letter_or_digit(s.p[i]) && strchr(more, s.p[i]) == NULL)
			return false;
	}
	return s.n > 0 && s.n <= most;
}

/* A domain, or an address literal (RFC 5321 4.1.3). */
static bool
is_host(struct dg_str s)
{
	struct dg_str in;

	if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']') {
		in = dg_str_sub(s, 1, s.n - 2);
		if (dg_str_has_iprefix(in, DG_STR("IPv6:")))
			return is_ip(dg_str_from(in, 5), AF_INET6);
		return is_ip(in, AF_INET);
	}
	if (!is_word(s, "-._", 255) || !is_letter_or_digit(s.p[0]) ||
	    !is_letter_or_digit(s.p[s.n - 1]))
		return false;
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] == '.' && s.p[i - 1] == '.')
			return false;
	}
	return true;
}

/* A dot-string and a host: what needs quotes is no address for alerts. */
static bool
is_mailbox(struct dg_str s)
{
	size_t at = dg_str_rfind(s, '@');

	return at != s.n &&
	       is_word(dg_str_sub(s, 0, at), ".!#$%&'*+-/=?^_`{|}~", 64) &&
	       is_host(dg_str_from(s, at + 1));
}

/* "user" or "user:group" */
static bool
is_user(struct dg_str s)
{
	size_t colon = dg_str_find(s, ':');

	return is_word(dg_str_sub(s, 0, colon), "-._$", 64) &&
	       (colon == s.n || is_word(dg_str_from(s, colon + 1), "-._$", 64));
}

/* One of "a|b|c!"; *is_later when it has the mark behind it. */
static bool
is_listed(struct dg_str s, const char *values, bool *is_later)
{
	struct dg_str rest = dg_str(values);

	while (rest.n > 0) {
		size_t bar = dg_str_find(rest, '|');
		struct dg_str word = dg_str_sub(rest, 0, bar);

		*is_later = dg_str_has_suffix(word, DG_STR("!"));
		if (dg_str_eq(s, dg_str_sub(word, 0, word.n - *is_later)))
			return true;
		rest = dg_str_from(rest, bar + 1);
	}
	return false;
}

static bool
is_text_of(const struct dg_option *o, struct dg_str s)
{
	bool is_later;

	switch (o->type) {
	case DG_TYPE_PATH:
	case DG_TYPE_PATHS:
		return s.n > 0 && s.n < 4096;
	case DG_TYPE_ADDRESS:
		return is_address(s, 0);
	case DG_TYPE_SERVERS:
		return is_server(s);
	case DG_TYPE_HOST:
		return is_host(s);
	case DG_TYPE_MAILBOX:
		return is_mailbox(s);
	case DG_TYPE_USER:
		return s.n == 0 || is_user(s);
	case DG_TYPE_CREDENTIAL:
		return is_word(s, "-._@", 255) && s.p[0] != '.';
	case DG_TYPE_VARIABLE:
		return is_word(s, "_", 255) && (s.p[0] < '0' || s.p[0] > '9');
	case DG_TYPE_ENUM:
		return is_listed(s, o->values, &is_later);
	case DG_TYPE_TEXTS:
		return s.n > 0;
	default:
		return true;
	}
}

/* ---- numbers ---- */

static bool
is_number_type(enum dg_option_type t)
{
	return t == DG_TYPE_SIZE || t == DG_TYPE_DURATION || t == DG_TYPE_COUNT;
}

static bool
read_number(enum dg_option_type t, struct dg_str s, uint64_t *out)
{
	int64_t ms;

	if (t == DG_TYPE_SIZE)
		return dg_size_read(s, out);
	if (t == DG_TYPE_COUNT)
		return dg_str_u64(s, out);
	if (!dg_duration_read(s, &ms))
		return false;
	*out = (uint64_t)ms;
	return true;
}

/* "from..to" of the row. */
static void
range_of(const struct dg_option *o, struct dg_str *from, struct dg_str *to)
{
	struct dg_str values = dg_str(o->values);
	size_t dot = dg_str_find(values, '.');

	*from = dg_str_sub(values, 0, dot);
	*to = dg_str_from(values, dot + 2);
}

static bool
is_number_of(const struct dg_option *o, struct dg_str s, uint64_t *out)
{
	struct dg_str from, to;
	uint64_t n, least = 0, most = 0;

	range_of(o, &from, &to);
	(void)read_number(o->type, from, &least);
	(void)read_number(o->type, to, &most);
	if (!read_number(o->type, s, &n) || n < least || n > most)
		return false;
	*out = n;
	return true;
}

/* ---- saying no ---- */

static void
list_words(const struct dg_option *o, struct dg_buf *out)
{
	struct dg_str rest = dg_str(o->values);
	bool is_first = true;

	while (rest.n > 0) {
		size_t bar = dg_str_find(rest, '|');
		struct dg_str word = dg_str_sub(rest, 0, bar);

		rest = dg_str_from(rest, bar + 1);
		if (dg_str_has_suffix(word, DG_STR("!")))
			continue;
		(void)dg_buf_addf(out, "%s\"%.*s\"", is_first ? "" : " or ",
		    DG_FMT(word));
		is_first = false;
	}
}

void
dg_option_expects(const struct dg_option *o, struct dg_buf *out)
{
	struct dg_str from, to;

	if (o->type == DG_TYPE_ENUM) {
		list_words(o, out);
		return;
	}
	(void)dg_buf_adds(out, dg_option_type_words(o->type));
	if (!is_number_type(o->type))
		return;
	range_of(o, &from, &to);
	(void)dg_buf_addf(out, "%s from %.*s to %.*s",
	    o->type == DG_TYPE_COUNT ? "" : ",", DG_FMT(from), DG_FMT(to));
}

static void
add_found(const char *key, const struct dg_node *n, struct dg_buf *out)
{
	const char *words = NULL;
	size_t show = 60;

	switch (n->kind) {
	case DG_NODE_LIST:
		words = "a list";
		break;
	case DG_NODE_MAP:
		words = "a map";
		break;
	case DG_NODE_TEXT:
		if (dg_str_has_prefix(dg_str(key), DG_STR("secrets")))
			words = "a text that is not shown here";
		break;
	default:
		words = "nothing";
	}
	if (words != NULL) {
		(void)dg_buf_adds(out, words);
		return;
	}
	/* Not through the middle of a character. */
	while (show < strlen(n->text) &&
	       ((unsigned char)n->text[show] & 0xc0) == 0x80)
		show--;
	(void)dg_buf_addf(out, "\"%.*s%s\"", (int)show, n->text,
	    strlen(n->text) > show ? "..." : "");
}

static const char *
nearest_word(const struct dg_option *o, const struct dg_node *n, char *words,
    size_t room)
{
	const char *list[8] = { NULL };
	size_t count = 0;

	if (o->type != DG_TYPE_ENUM || n->kind != DG_NODE_TEXT)
		return NULL;
	snprintf(words, room, "%s", o->values);
	for (char *p = words; p != NULL && count < 7;) {
		char *bar = strchr(p, '|');

		if (bar != NULL)
			*bar++ = '\0';
		if (strchr(p, '!') == NULL)
			list[count++] = p;
		p = bar;
	}
	return dg_did_you_mean(dg_str(n->text), list);
}

static void
refuse(const struct dg_option *o, const char *key, const struct dg_node *n,
    const char *file, struct dg_errors *errors)
{
	struct dg_buf b;
	char words[128];
	const char *near;

	if (n->kind == DG_NODE_BAD)
		return;
	dg_buf_init(&b, 2048);
	dg_option_expects(o, &b);
	(void)dg_buf_adds(&b, ", found ");
	add_found(key, n, &b);
	near = nearest_word(o, n, words, sizeof(words));
	if (near != NULL)
		(void)dg_buf_addf(&b, "; did you mean \"%s\"?", near);
	else if (dg_option_is_list(o->type) && n->kind == DG_NODE_TEXT)
		(void)dg_buf_adds(&b, "; put [ ] around it");
	dg_node_error(errors, file, n, false, "%s: expected %s", key,
	    dg_buf_z(&b));
	dg_buf_fini(&b);
}

/* ---- reading ---- */

static char *
absolute(struct dg_str path, const char *base)
{
	while (dg_str_has_prefix(path, DG_STR("./")))
		path = dg_str_from(path, 2);
	if (path.n > 0 && path.p[0] == '/')
		return dg_str_dup(path);
	return dg_sprintf("%s%s%.*s", base,
	    dg_str_has_suffix(dg_str(base), DG_STR("/")) ? "" : "/",
	    DG_FMT(path));
}

static char *
text_of(const struct dg_option *o, struct dg_str s, const char *base)
{
	return o->type == DG_TYPE_PATH || o->type == DG_TYPE_PATHS
		   ? absolute(s, base)
		   : dg_str_dup(s);
}

static void
refuse_item(const struct dg_option *o, const char *key, const struct dg_node *n,
    const char *file, struct dg_errors *errors)
{
	struct dg_buf found;

	if (n->kind == DG_NODE_BAD)
		return;
	dg_buf_init(&found, 1024);
	add_found(key, n, &found);
	dg_node_error(errors, file, n, false,
	    "%s: expected %s, of which one item is %s", key,
	    dg_option_type_words(o->type), dg_buf_z(&found));
	dg_buf_fini(&found);
}

static bool
read_list(const struct dg_option *o, const char *key, const struct dg_node *n,
    const char *base, const char *file, struct dg_value *out,
    struct dg_errors *errors)
{
	struct dg_value v = { NULL, NULL, 0 };
	const struct dg_node *kid;
	size_t count = 0;
	bool is_good = true;

	TAILQ_FOREACH(kid, &n->kids, next)
	count++;
	if (count == 0 && dg_option_is_required(o)) {
		dg_node_error(errors, file, n, false,
		    "%s: at least one is needed", key);
		return false;
	}
	v.list = dg_alloc0((count + 1) * sizeof(*v.list));
	count = 0;
	TAILQ_FOREACH(kid, &n->kids, next)
	{
		if (kid->kind == DG_NODE_TEXT &&
		    is_text_of(o, dg_str(kid->text))) {
			v.list[count++] = text_of(o, dg_str(kid->text), base);
			continue;
		}
		refuse_item(o, key, kid, file, errors);
		is_good = false;
	}
	if (!is_good) {
		dg_value_fini(&v);
		return false;
	}
	*out = v;
	return true;
}

bool
dg_value_read(const struct dg_option *o, const char *key,
    const struct dg_node *n, const char *base, const char *file,
    struct dg_value *out, struct dg_errors *errors)
{
	bool is_later = false;
	struct dg_str s = n->kind == DG_NODE_TEXT ? dg_str(n->text) : DG_NOSTR;

	if (n->kind == DG_NODE_LIST && dg_option_is_list(o->type))
		return read_list(o, key, n, base, file, out, errors);
	if (n->kind != DG_NODE_TEXT || dg_option_is_list(o->type) ||
	    o->type == DG_TYPE_MAP) {
		refuse(o, key, n, file, errors);
		return false;
	}
	*out = (struct dg_value){ NULL, NULL, 0 };
	if (is_number_type(o->type)) {
		if (is_number_of(o, s, &out->number))
			return true;
		refuse(o, key, n, file, errors);
		return false;
	}
	if (!is_text_of(o, s)) {
		refuse(o, key, n, file, errors);
		return false;
	}
	if (o->type == DG_TYPE_ENUM && is_listed(s, o->values, &is_later) &&
	    is_later) {
		dg_node_error(errors, file, n, false,
		    "%s: \"%s\" is not available in this version", key,
		    n->text);
		return false;
	}
	out->text = text_of(o, s, base);
	return true;
}

bool
dg_value_preset(const struct dg_option *o, const char *text,
    struct dg_value *out)
{
	*out = (struct dg_value){ NULL, NULL, 0 };
	if (is_number_type(o->type))
		return is_number_of(o, dg_str(text), &out->number);
	if (dg_option_is_list(o->type)) {
		out->list = dg_alloc0(sizeof(*out->list));
		return dg_str_is(dg_str(text), "[]");
	}
	if (!is_text_of(o, dg_str(text)))
		return false;
	out->text = dg_strdup(text);
	return true;
}

/* ---- showing ---- */

static void
print_text(const char *z, bool in_list, struct dg_buf *out)
{
	/* Plain where YAML and the eye take it for one word. */
	if (is_word(dg_str(z), "-._/@:+", 4096) && z[strlen(z) - 1] != ':') {
		(void)dg_buf_adds(out, z);
		return;
	}
	if (!in_list && z[0] == '[' && is_address(dg_str(z), 0)) {
		(void)dg_buf_adds(out, z);
		return;
	}
	(void)dg_buf_addc(out, '"');
	for (; *z != '\0'; z++) {
		if (*z == '"' || *z == '\\')
			(void)dg_buf_addc(out, '\\');
		(void)dg_buf_addc(out, *z);
	}
	(void)dg_buf_addc(out, '"');
}

void
dg_value_print(const struct dg_option *o, const struct dg_value *v,
    struct dg_buf *out)
{
	char number[24];

	if (o->type == DG_TYPE_COUNT) {
		(void)dg_buf_addf(out, "%" PRIu64, v->number);
	} else if (o->type == DG_TYPE_SIZE) {
		dg_size_write(v->number, number);
		(void)dg_buf_adds(out, number);
	} else if (o->type == DG_TYPE_DURATION) {
		dg_duration_write((int64_t)v->number, number);
		(void)dg_buf_adds(out, number);
	} else if (v->list != NULL) {
		(void)dg_buf_addc(out, '[');
		for (size_t i = 0; v->list[i] != NULL; i++) {
			if (i > 0)
				(void)dg_buf_adds(out, ", ");
			print_text(v->list[i], true, out);
		}
		(void)dg_buf_addc(out, ']');
	} else {
		print_text(v->text != NULL ? v->text : "", false, out);
	}
}
