/* ntlm2_fuzz.c - any challenge: written again as it was; answered with a
 * message that we could read ourselves, or with nothing. */
#include <stdint.h>
#include <stdlib.h>

#include "dragoman/auth/dialogue.h"
#include "dragoman/base/enc.h"
#include "dragoman/wire/ntlm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char password_text[] = "Pa$$w0rd";

static void
write_again(struct dg_str in)
{
	struct dg_ntlm_challenge m;
	struct dg_buf out;

	if (dg_ntlm_challenge_parse(in, &m) != DG_NTLM_R_ok)
		return;
	dg_buf_init(&out, 65536);
	if (dg_ntlm_challenge_add(&out, &m, true) != DG_OK || out.n != in.n)
		abort();
	dg_buf_fini(&out);
}

static void
check_answer(struct dg_str line)
{
	struct dg_ntlm_authenticate m;
	struct dg_buf bytes;

	dg_buf_init(&bytes, 65536);
	if (dg_base64_read(&bytes, line) != DG_OK ||
	    dg_ntlm_authenticate_parse(dg_buf_str(&bytes), &m) != DG_NTLM_R_ok)
		abort();
	dg_buf_fini(&bytes);
}

static void
answer(unsigned send, struct dg_str challenge, struct dg_buf *line,
    struct dg_buf *out)
{
	const struct dg_secret password = { password_text, 8 };
	const struct dg_login login = {
		.mech = DG_MECH_NTLM,
		.user = DG_STR("alice"),
		.domain = DG_STR("CORP"),
		.password = &password,
	};
	const struct dg_initiator_options o = {
		.ntlm_send = send,
		.ntlm_initial = true,
		.workstation = DG_STR("RELAY"),
		.target = DG_STR("SMTP/mail.example.com"),
	};
	struct dg_initiator *i = dg_initiator_new(&login, &o);
	bool has_initial;

	(void)dg_initiator_first(i, out, &has_initial, NULL);
	if (dg_base64_add(line, challenge) == DG_OK &&
	    dg_initiator_step(i, dg_buf_str(line), out, NULL) == DG_AUTH_OK)
		check_answer(dg_buf_str(out));
	else if (out->n > 0)
		abort(); /* nothing of a refused challenge goes out */
	dg_initiator_free(i);
}

/* First byte: the levels sent. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dg_buf line, out;

	if (size < 1 || size > 40000)
		return 0;
	write_again(dg_str_of(data + 1, size - 1));
	dg_buf_init(&line, 65536);
	dg_buf_init(&out, 65536);
	answer(data[0] & 15, dg_str_of(data + 1, size - 1), &line, &out);
	dg_buf_fini(&line);
	dg_buf_fini(&out);
	return 0;
}
