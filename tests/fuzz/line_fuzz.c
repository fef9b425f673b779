/* line_fuzz.c - a line found lies inside the input and ends as promised. */
#include <stdint.h>
#include <stdlib.h>

#include "dragoman/wire/line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dg_str in;
	struct dg_line line;
	size_t max;
	bool lf_ends;

	if (size < 2)
		return 0;
	max = data[0];
	lf_ends = data[1] & 1;
	in = dg_str_of(data + 2, size - 2);
	if (dg_line_next(in, max, lf_ends, &line) != DG_OK)
		return 0;
	if (line.used > in.n || line.used > max || line.text.n >= line.used ||
	    in.p[line.used - 1] != '\n')
		abort();
	if (!lf_ends &&
	    (line.used - line.text.n != 2 || in.p[line.used - 2] != '\r'))
		abort();
	for (size_t i = 0; i < line.text.n; i++)
		if ((line.text.p[i] == '\n' || line.text.p[i] == '\r' ||
			line.text.p[i] == '\0') &&
		    !line.has_bare)
			abort();
	return 0;
}
