/* ehlo_fuzz.c - EHLO replies of any bytes: walked to the end, inside bounds. */
#include <stdlib.h>

#include "dragoman/wire/ehlo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dg_ehlo e;
	struct dg_ehlo_line l;
	size_t at = 0, lines = 0;

	dg_ehlo_parse(dg_str_of(data, size), &e);
	while (dg_ehlo_next(&e, &at, &l)) {
		if (l.keyword.n == 0 || at > e.text.n || ++lines > size)
			abort();
		(void)dg_ext_find(l.keyword);
		if (l.args.n > 0 &&
		    (l.args.p < e.text.p ||
			l.args.p + l.args.n > e.text.p + e.text.n))
			abort();
	}
	return 0;
}
