/* base64_fuzz.c - what was read says itself again, and failure leaves nothing.
 */
#include <stdint.h>
#include <stdlib.h>

#include "dragoman/base/enc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dg_str in = dg_str_of(data, size);
	struct dg_buf bytes, text, again;

	dg_buf_init(&bytes, 12288);
	dg_buf_init(&text, 2 * size + 4);
	dg_buf_init(&again, 12288);
	if (dg_base64_read(&bytes, in) != DG_OK) {
		if (bytes.n != 0)
			abort();
	} else if (dg_base64_add(&text, dg_buf_str(&bytes)) != DG_OK ||
		   text.n != size ||
		   dg_base64_read(&again, dg_buf_str(&text)) != DG_OK ||
		   !dg_str_eq(dg_buf_str(&bytes), dg_buf_str(&again))) {
		abort();
	}
	dg_buf_fini(&bytes);
	dg_buf_fini(&text);
	dg_buf_fini(&again);
	return 0;
}
