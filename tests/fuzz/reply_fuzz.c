/* reply_fuzz.c - replies of any bytes, read, printed and written again. */
#include <stdlib.h>

#include "dragoman/wire/line.h"
#include "dragoman/wire/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool what)
{
	if (!what)
		abort();
}

/* Whatever the text: whole lines, one code, one last line. */
static void
write_again(int code, const char *enhanced, struct dg_str text)
{
	struct dg_reply r;
	struct dg_buf out;
	struct dg_str rest;
	struct dg_line line;
	enum dg_rc rc = DG_AGAIN;

	dg_buf_init(&out, 8 * DG_REPLY_MAX_BYTES);
	dg_reply_init(&r);
	if (dg_reply_add(&out, code, enhanced, text) == DG_OK) {
		rest = dg_buf_str(&out);
		while (rest.n > 0) {
			must(
			    dg_line_next(rest, 1 << 20, false, &line) == DG_OK);
			must(!line.has_bare);
			must(code == 334 || line.used <= 512);
			rc = dg_reply_feed(&r, line.text, NULL);
			rest = dg_str_from(rest, line.used);
			must(rc == (rest.n > 0 ? DG_AGAIN : DG_OK) ||
			     rc == DG_E_LIMIT);
			if (rc == DG_E_LIMIT)
				break;
		}
	}
	dg_reply_fini(&r);
	dg_buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dg_str in = dg_str_of(data, size), text;
	struct dg_reply r;
	struct dg_buf one;
	struct dg_line line;
	char enhanced[12] = "";
	int code;

	dg_reply_init(&r);
	dg_buf_init(&one, 8 * DG_REPLY_MAX_BYTES);
	while (dg_line_next(in, 4096, true, &line) == DG_OK) {
		enum dg_rc rc = dg_reply_feed(&r, line.text, NULL);

		in = dg_str_from(in, line.used);
		if (rc == DG_AGAIN)
			continue;
		dg_reply_enhanced(&r, enhanced);
		dg_buf_reset(&one);
		must(dg_reply_oneline(&r, &one) == DG_OK);
		for (size_t i = 0; i < one.n; i++)
			must((unsigned char)one.p[i] >= 0x20);
		if (rc == DG_OK)
			write_again(r.code, enhanced, dg_buf_str(&r.text));
		dg_reply_reset(&r);
	}
	(void)dg_reply_read(dg_str_of(data, size), size % 2 == 0, &code,
	    enhanced, &text);
	dg_buf_fini(&one);
	dg_reply_fini(&r);
	return 0;
}
