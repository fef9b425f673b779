/* ntlm1_fuzz.c - any first message: written again as it was; answered with a
 * challenge that we could read ourselves, or refused. */
#include <stdint.h>
#include <stdlib.h>

#include "dragoman/auth/dialogue.h"
#include "dragoman/base/enc.h"
#include "dragoman/wire/ntlm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
write_again(struct dg_str in)
{
	struct dg_ntlm_negotiate m;
	struct dg_buf out;

	if (dg_ntlm_negotiate_parse(in, &m) != DG_NTLM_R_ok)
		return;
	dg_buf_init(&out, 65536);
	if (dg_ntlm_negotiate_add(&out, &m, true) != DG_OK || out.n != in.n)
		abort();
	dg_buf_fini(&out);
}

static void
check_challenge(struct dg_str line)
{
	struct dg_ntlm_challenge m;
	struct dg_buf bytes;

	dg_buf_init(&bytes, 65536);
	if (dg_base64_read(&bytes, line) != DG_OK ||
	    dg_ntlm_challenge_parse(dg_buf_str(&bytes), &m) != DG_NTLM_R_ok)
		abort();
	dg_buf_fini(&bytes);
}

/* First byte: the levels taken. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dg_acceptor_options o = { .host = DG_STR("relay.example.com") };
	struct dg_acceptor *a;
	struct dg_buf line, out;

	if (size < 1)
		return 0;
	o.ntlm_take = data[0] & 15;
	write_again(dg_str_of(data + 1, size - 1));
	dg_buf_init(&line, 65536);
	dg_buf_init(&out, 65536);
	if (dg_base64_add(&line, dg_str_of(data + 1, size - 1)) == DG_OK) {
		a = dg_acceptor_new(DG_MECH_NTLM, &o);
		if (dg_acceptor_step(a, dg_buf_str(&line), &out, NULL) ==
		    DG_AUTH_SEND)
			check_challenge(dg_buf_str(&out));
		dg_acceptor_free(a);
	}
	dg_buf_fini(&line);
	dg_buf_fini(&out);
	return 0;
}
