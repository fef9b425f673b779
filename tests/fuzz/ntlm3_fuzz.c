/* ntlm3_fuzz.c - any answer to a challenge of ours: written again as it was;
 * and nobody gets in who does not know a hash that nobody knows. */
#include <stdint.h>
#include <stdlib.h>

#include "dragoman/auth/dialogue.h"
#include "dragoman/base/enc.h"
#include "dragoman/base/rand.h"
#include "dragoman/wire/ntlm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const asked[] = {
	"TlRMTVNTUAABAAAABoIIAAAAAAAAAAAAAAAAAAAAAAA=", /* OEM, EXTENDED */
	"TlRMTVNTUAABAAAAB4IAAAAAAAAAAAAAAAAAAAAAAAA=", /* Unicode, v1 */
	"TlRMTVNTUAABAAAAN4II4gAAAAAAAAAAAAAAAAAAAAAFASgKAAAADw==",
	"TlRMTVNTUAABAAAABoIAAA==", /* 16 bytes */
};

static void
write_again(struct dg_str in)
{
	struct dg_ntlm_authenticate m;
	struct dg_buf out;

	if (dg_ntlm_authenticate_parse(in, &m) != DG_NTLM_R_ok)
		return;
	dg_buf_init(&out, 65536);
	if (dg_ntlm_authenticate_add(&out, &m, true) != DG_OK || out.n != in.n)
		abort();
	dg_buf_fini(&out);
}

static void
judge(unsigned how, struct dg_str answer)
{
	const struct dg_acceptor_options o = {
		.ntlm_take = how & 15,
		.host = DG_STR("relay.example.com"),
	};
	struct dg_acceptor *a = dg_acceptor_new(DG_MECH_NTLM, &o);
	struct dg_credential c = { .has_nt = true, .has_lm = true };
	struct dg_buf line, out;

	dg_rand(c.nt, sizeof(c.nt));
	dg_rand(c.lm, sizeof(c.lm));
	dg_buf_init(&line, 65536);
	dg_buf_init(&out, 65536);
	if (dg_acceptor_step(a, dg_str(asked[how >> 4 & 3]), &out, NULL) !=
	    DG_AUTH_SEND)
		abort();
	if (dg_base64_add(&line, answer) == DG_OK &&
	    dg_acceptor_step(a, dg_buf_str(&line), &out, NULL) == DG_AUTH_ASK &&
	    dg_acceptor_answer(a, &c, NULL, &out, NULL) == DG_AUTH_OK)
		abort();
	for (struct dg_str log = dg_acceptor_log(a); log.n > 0; log.n--)
		if ((unsigned char)log.p[log.n - 1] < ' ')
			abort();
	dg_acceptor_free(a);
	dg_buf_fini(&line);
	dg_buf_fini(&out);
}

/* First byte: levels taken, and what was asked for. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	write_again(dg_str_of(data + 1, size - 1));
	judge(data[0], dg_str_of(data + 1, size - 1));
	return 0;
}
