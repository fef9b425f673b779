/* path_fuzz.c - an address that passes is fit to stand in <> anywhere, and
 * reads the same again; xtext comes back as it went. */
#include <stdint.h>
#include <stdlib.h>

#include "dragoman/base/buf.h"
#include "dragoman/wire/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
again(struct dg_str address, unsigned flags)
{
	struct dg_buf arg;
	struct dg_path path;

	dg_buf_init(&arg, 400);
	if (dg_buf_addf(&arg, "TO:<%.*s>", DG_FMT(address)) != DG_OK)
		abort();
	/* only a sender may be empty */
	if (address.n > 0 && (dg_path_parse(dg_buf_str(&arg), "TO", flags & 3,
				  &path, NULL) != DG_OK ||
				 !dg_str_eq(path.address, address)))
		abort();
	dg_buf_fini(&arg);
}

static void
xtext(struct dg_str s)
{
	struct dg_buf coded, plain;

	dg_buf_init(&coded, 3 * s.n + 1);
	dg_buf_init(&plain, s.n + 1);
	if (dg_xtext_add(&coded, s) != DG_OK ||
	    dg_xtext_read(&plain, dg_buf_str(&coded)) != DG_OK ||
	    !dg_str_eq(dg_buf_str(&plain), s))
		abort();
	dg_buf_reset(&plain);
	(void)dg_xtext_read(&plain, s);
	dg_buf_fini(&coded);
	dg_buf_fini(&plain);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dg_path path;
	struct dg_param p;
	struct dg_str in;

	if (size < 1)
		return 0;
	in = dg_str_of(data + 1, size - 1);
	xtext(in);
	if (dg_path_parse(in, (data[0] & 8) ? "FROM" : "TO", data[0] & 7, &path,
		NULL) != DG_OK)
		return 0;
	for (size_t i = 0; i < path.address.n; i++)
		if (path.address.p[i] < 0x20 || path.address.p[i] > 0x7e)
			abort();
	if (path.address.n > 254)
		abort();
	again(path.address, data[0]);
	while (dg_param_next(&path.params, &p))
		(void)dg_address_domain(p.value);
	return 0;
}
