/* sasl_fuzz.c - any messages to SCRAM, CRAM-MD5, XOAUTH2, OAUTHBEARER and
 * EXTERNAL, in either role: nobody gets in who does not know the password, and
 * no server is believed that does not. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dragoman/auth/dialogue.h"
#include "dragoman/base/enc.h"
#include "dragoman/base/rand.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int gsasl_nonce(char *data, size_t n);

/* The library's: the same each time, so that a corpus can know it. */
int
gsasl_nonce(char *data, size_t n)
{
	memset(data, 0, n);
	return 0;
}

static char password_text[] = "Pa$$w0rd", token_text[] = "ya29.token";

/* The next message, as base64; false at the end. */
static bool
next(struct dg_str *in, struct dg_buf *line)
{
	size_t end = dg_str_find(*in, '\n');

	dg_buf_reset(line);
	if (in->n == 0 || dg_base64_add(line, dg_str_sub(*in, 0, end)) != DG_OK)
		return false;
	*in = dg_str_from(*in, end + 1);
	return true;
}

static const enum dg_mech servers[] = { DG_MECH_SCRAM_SHA_1,
	DG_MECH_SCRAM_SHA_256, DG_MECH_SCRAM_SHA_1_PLUS,
	DG_MECH_SCRAM_SHA_256_PLUS, DG_MECH_XOAUTH2, DG_MECH_OAUTHBEARER,
	DG_MECH_EXTERNAL, DG_MECH_CRAM_MD5 };
static const enum dg_mech clients[] = { DG_MECH_SCRAM_SHA_1,
	DG_MECH_SCRAM_SHA_256, DG_MECH_SCRAM_SHA_1_PLUS,
	DG_MECH_SCRAM_SHA_256_PLUS, DG_MECH_XOAUTH2, DG_MECH_OAUTHBEARER,
	DG_MECH_CRAM_MD5, DG_MECH_LOGIN };

static void
as_server(enum dg_mech mech, struct dg_str in, struct dg_buf *line,
    struct dg_buf *out)
{
	const struct dg_acceptor_options o = {
		.host = DG_STR("relay.example"),
		.binding = { .exporter = DG_STR("exporter") },
	};
	struct dg_acceptor *a = dg_acceptor_new(mech, &o);
	struct dg_credential c = { .has_nt = true };
	enum dg_auth_step step = DG_AUTH_SEND;

	for (unsigned h = 0; h < DG_HASH_N; h++) {
		c.scram[h].iterations = DG_SCRAM_ITERATIONS_MIN;
		c.scram[h].n_salt = DG_SCRAM_SALT;
		dg_rand(c.scram[h].stored, sizeof(c.scram[h].stored));
		dg_rand(c.scram[h].server, sizeof(c.scram[h].server));
	}
	while (step == DG_AUTH_SEND && next(&in, line)) {
		step = dg_acceptor_step(a,
		    line->n > 0 ? dg_buf_str(line) : DG_STR(""), out, NULL);
		if (step == DG_AUTH_ASK)
			step = dg_acceptor_answer(a, &c, NULL, out, NULL);
	}
	if (step == DG_AUTH_OK)
		abort();
	for (struct dg_str log = dg_acceptor_log(a); log.n > 0; log.n--)
		if ((unsigned char)log.p[log.n - 1] < ' ')
			abort();
	dg_acceptor_free(a);
}

static void
as_client(enum dg_mech mech, struct dg_str in, struct dg_buf *line,
    struct dg_buf *out)
{
	const struct dg_secret password = { password_text, 8 };
	const struct dg_secret token = { token_text, 10 };
	const struct dg_login login = {
		.mech = mech,
		.user = DG_STR("alice"),
		.password = &password,
		.token = &token,
	};
	const struct dg_initiator_options o = {
		.target = DG_STR("SMTP/mail.example.com"),
		.binding = { .exporter = DG_STR("exporter") },
	};
	struct dg_initiator *i = dg_initiator_new(&login, &o);
	bool has_initial,
	    is_scram = strncmp(dg_mech_name(mech), "SCRAM", 5) == 0;
	enum dg_auth_step step = dg_initiator_first(i, out, &has_initial, NULL);

	while (step == DG_AUTH_SEND && next(&in, line))
		step = dg_initiator_step(i, dg_buf_str(line), out, NULL);
	if (is_scram && dg_initiator_may_end(i))
		abort();
	if (step == DG_AUTH_FAIL && out->n > 0)
		abort(); /* nothing goes out to what was refused */
	dg_initiator_free(i);
}

/* First byte: role and mechanism; then messages, one a line. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dg_buf line, out;
	struct dg_str in;

	if (size < 1 || size > 20000)
		return 0;
	in = dg_str_of(data + 1, size - 1);
	dg_buf_init(&line, 65536);
	dg_buf_init(&out, 65536);
	if (data[0] & 8)
		as_client(clients[data[0] & 7], in, &line, &out);
	else
		as_server(servers[data[0] & 7], in, &line, &out);
	dg_buf_fini(&line);
	dg_buf_fini(&out);
	return 0;
}
