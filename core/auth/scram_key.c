/* scram_key.c - from a password to what a SCRAM server stores (RFC 5802 3).
 *
 * Why not the library's own: libcrypto iterates several times faster, and here
 * somebody waits for thousands of iterations.
 */
#include "mechanism.h"

#include "dragoman/base/rand.h"
#include "sasl.h"

enum dg_hash
dg_scram_hash(enum dg_mech m)
{
	return m == DG_MECH_SCRAM_SHA_1 || m == DG_MECH_SCRAM_SHA_1_PLUS
		   ? DG_SHA_1
		   : DG_SHA_256;
}

/* SaltedPassword; false: the password has characters SCRAM does not take. */
bool
dg_scram_salted(enum dg_hash h, struct dg_str password, struct dg_str salt,
    unsigned iterations, uint8_t out[DG_HASH_MAX])
{
	struct dg_buf prepared;
	bool ok;

	/* NFKC may make it longer; room at once, so that no copy is left */
	dg_buf_init(&prepared, 16 * password.n + 16);
	(void)dg_buf_reserve(&prepared, 16 * password.n + 16);
	ok = dg_sasl_prepare(&prepared, password) == DG_OK;
	if (ok)
		dg_pbkdf2(h, dg_buf_str(&prepared), salt, iterations, out);
	dg_buf_wipe(&prepared);
	dg_buf_fini(&prepared);
	return ok;
}

bool
dg_scram_key_make(enum dg_hash h, struct dg_str password, struct dg_str salt,
    unsigned iterations, struct dg_scram_key *out)
{
	size_t n = dg_hash_size(h);
	uint8_t salted[DG_HASH_MAX], client[DG_HASH_MAX];

	memset(out, 0, sizeof(*out));
	if (salt.n == 0 || salt.n > sizeof(out->salt) || iterations == 0 ||
	    !dg_scram_salted(h, password, salt, iterations, salted))
		return false;
	dg_hmac(h, dg_str_of(salted, n), DG_STR("Client Key"), client);
	dg_hash(h, dg_str_of(client, n), out->stored);
	dg_hmac(h, dg_str_of(salted, n), DG_STR("Server Key"), out->server);
	memcpy(out->salt, salt.p, salt.n);
	out->n_salt = salt.n;
	out->iterations = iterations;
	dg_wipe(salted, sizeof(salted));
	dg_wipe(client, sizeof(client));
	return true;
}

bool
dg_scram_key_fits(enum dg_hash h, const struct dg_scram_key *k,
    struct dg_str password)
{
	struct dg_scram_key given;
	bool fits;

	fits = dg_scram_key_make(h, password, dg_str_of(k->salt, k->n_salt),
		   k->iterations, &given) &&
	       dg_same_bytes(given.stored, k->stored, dg_hash_size(h));
	dg_wipe(&given, sizeof(given));
	return fits;
}

void
dg_scram_key_random(struct dg_scram_key *k)
{
	k->iterations = DG_SCRAM_ITERATIONS;
	k->n_salt = DG_SCRAM_SALT;
	dg_rand(k->salt, k->n_salt);
	dg_rand(k->stored, sizeof(k->stored));
	dg_rand(k->server, sizeof(k->server));
}
