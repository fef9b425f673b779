/* header_edit_fuzz.c - any header with any edit, and what must hold of it.
 *
 * The input: one byte of choices, then a name, a value, an address and the
 * head, each behind a byte that is its end (0xfe).  When an edit is done: the
 * fields of the new head are the old ones less those removed plus ours, in
 * order; ours are ASCII in lines of bounded length; what stood behind the
 * header is the same; and what was put in From is an address that can be
 * replaced again.  When it is not, nothing was written. */
#include <stdint.h>
#include <stdlib.h>

#include "dragoman/wire/header.h"
#include "dragoman/wire/header_edit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool what)
{
	if (!what)
		abort();
}

static struct dg_str
part(struct dg_str *in)
{
	size_t n = dg_str_find(*in, (char)0xfe);
	struct dg_str s = dg_str_sub(*in, 0, n);

	*in = dg_str_from(*in, n + 1);
	return s;
}

struct counts {
	size_t fields, named, from, reply_to, end;
};

static struct counts
count(struct dg_str head, struct dg_str name)
{
	struct counts c = { 0 };
	struct dg_header_field f;

	while (dg_header_next(head, &c.end, &f)) {
		c.fields++;
		c.named += dg_str_ieq(f.name, name);
		c.from += dg_str_iis(f.name, "From");
		c.reply_to += dg_str_iis(f.name, "Reply-To");
	}
	return c;
}

static void
check_field(struct dg_str field)
{
	size_t line = 0;

	must(dg_str_has_suffix(field, DG_STR("\r\n")));
	for (size_t i = 0; i + 2 < field.n; i++) {
		unsigned char c = (unsigned char)field.p[i];

		must(c < 0x7f && (c >= 0x20 || c == '\r' || c == '\n'));
		must((c == '\r') == (field.p[i + 1] == '\n'));
		if (c == '\n') {
			must(field.p[i + 1] == ' ');
			line = 0;
		}
		must(++line <= 998);
	}
}

static void
add(struct dg_str name, struct dg_str value)
{
	struct dg_header_field f;
	struct dg_buf out;
	size_t at = 0;

	dg_buf_init(&out, 1024 * 1024);
	if (dg_header_add(&out, name, value) == DG_OK) {
		check_field(dg_buf_str(&out));
		must(dg_header_next(dg_buf_str(&out), &at, &f));
		must(at == out.n && dg_str_eq(f.name, name));
	} else {
		must(out.n == 0 && !dg_header_is_name(name));
	}
	dg_buf_fini(&out);
}

static void
edit(struct dg_str head, const struct dg_header_edits *w, struct dg_str name)
{
	struct counts was = count(head, name), now;
	struct dg_buf out, again;
	struct dg_err e = { 0 };

	dg_buf_init(&out, 4 * head.n + 1024 * 1024);
	dg_buf_init(&again, out.cap);
	if (dg_header_edit(head, w, &out, &e) != DG_OK) {
		must(out.n == 0 && e.text[0] != '\0');
		dg_buf_fini(&out);
		dg_buf_fini(&again);
		return;
	}
	now = count(dg_buf_str(&out), name);
	must(dg_str_eq(dg_str_from(head, was.end),
	    dg_str_from(dg_buf_str(&out), now.end)));
	if (!dg_header_edits_any(w))
		must(dg_str_eq(head, dg_buf_str(&out)));
	if (w->from.n == 0 && !w->reply_to_old_from && w->reply_to.n == 0)
		must(now.fields ==
		     was.fields - (w->n_remove > 0 ? was.named : 0) + w->n_add);
	if (w->n_remove > 0 && !dg_str_iis(name, "From") &&
	    !dg_str_iis(name, "Reply-To"))
		must(now.named == w->n_add);
	if (w->from.n > 0) {
		struct dg_header_edits only = { .from = w->from };
		struct dg_header_field f;
		size_t at = 0;

		must(now.from == 1 || dg_str_iis(name, "From"));
		while (dg_header_next(dg_buf_str(&out), &at, &f))
			if (dg_str_iis(f.name, "From"))
				break;
		must(f.value.n >= w->from.n);
		if (now.from == 1) {
			must(dg_header_edit(dg_buf_str(&out), &only, &again,
				 &e) == DG_OK);
			must(dg_str_eq(dg_buf_str(&out), dg_buf_str(&again)));
		}
	}
	if (w->reply_to.n > 0 && !w->reply_to_old_from)
		must(now.reply_to == 1 || dg_str_iis(name, "Reply-To"));
	dg_buf_fini(&out);
	dg_buf_fini(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dg_str in, name, value, address;
	struct dg_header_add one;
	struct dg_header_edits w = { 0 };

	if (size < 1)
		return 0;
	in = dg_str_of(data + 1, size - 1);
	name = part(&in);
	value = part(&in);
	address = part(&in);
	one = (struct dg_header_add){ name, value };
	if (data[0] & 1) {
		w.remove = &name;
		w.n_remove = 1;
	}
	if (data[0] & 2) {
		w.add = &one;
		w.n_add = 1;
	}
	if (data[0] & 4)
		w.from = (data[0] & 32) ? address : DG_STR("n@h.example");
	w.reply_to_old_from = (data[0] & 8) != 0;
	if (data[0] & 16)
		w.reply_to = DG_STR("r@h.example");
	add(name, value);
	edit(in, &w, name);
	return 0;
}
