/* sasl.c - GNU SASL (LGPL 2.1+), the only file that knows it.
 *
 * Why a library: SCRAM and GSSAPI are long specifications of which every word
 * matters, and it is older than we are.  Why behind so narrow a door: it takes
 * and gives C strings, keeps what it was told in memory that it never wipes,
 * and believes any number that a server sends.  So nothing that comes from the
 * network gets here unread, what it is told is wiped before it forgets it, and
 * it is given keys made by libcrypto instead of passwords wherever it takes
 * them.
 *
 * One context for the process, made once and read-only afterwards: it holds
 * the list of mechanisms; sessions are their owner's alone.
 */
#include "sasl.h"

#include <pthread.h>
#include <stdlib.h>

#include <gsasl.h>

#include "dragoman/base/enc.h"
#include "dragoman/base/log.h"
#include "dragoman/base/secret.h"

struct dg_sasl {
	Gsasl_session *session;
	int rc;
};

static struct {
	pthread_once_t once;
	Gsasl *context; /* written once by setup() */
} library = { .once = PTHREAD_ONCE_INIT };

/* Facts are set, never asked for; whether a principal may log in is decided by
 * whoever asked us, after the exchange. */
static int
on_question(Gsasl *context, Gsasl_session *session, Gsasl_property what)
{
	(void)context;
	(void)session;
	return what == GSASL_VALIDATE_GSSAPI ? GSASL_OK : GSASL_NO_CALLBACK;
}

static void
setup(void)
{
	if (gsasl_init(&library.context) != GSASL_OK) {
		dg_log(DG_LOG_ERROR, "no-memory", dg_kv_z("for", "SASL"));
		abort();
	}
	gsasl_callback_set(library.context, on_question);
}

static const struct {
	Gsasl_property property;
	enum {
		TEXT,
		BASE64,
		HEX
	} form;
} facts[] = {
	[DG_SASL_USER] = { GSASL_AUTHID, TEXT },
	[DG_SASL_PASSWORD] = { GSASL_PASSWORD, TEXT },
	[DG_SASL_SERVICE] = { GSASL_SERVICE, TEXT },
	[DG_SASL_HOST] = { GSASL_HOSTNAME, TEXT },
	[DG_SASL_ITERATIONS] = { GSASL_SCRAM_ITER, TEXT },
	[DG_SASL_SALT] = { GSASL_SCRAM_SALT, BASE64 },
	[DG_SASL_SALTED_PASSWORD] = { GSASL_SCRAM_SALTED_PASSWORD, HEX },
	[DG_SASL_STORED_KEY] = { GSASL_SCRAM_STOREDKEY, BASE64 },
	[DG_SASL_SERVER_KEY] = { GSASL_SCRAM_SERVERKEY, BASE64 },
	[DG_SASL_TLS_UNIQUE] = { GSASL_CB_TLS_UNIQUE, BASE64 },
	[DG_SASL_TLS_EXPORTER] = { GSASL_CB_TLS_EXPORTER, BASE64 },
};

struct dg_sasl *
dg_sasl_new(const char *mechanism, bool is_server)
{
	struct dg_sasl *s = dg_alloc0(sizeof(*s));

	pthread_once(&library.once, setup);
	s->rc =
	    is_server
		? gsasl_server_start(library.context, mechanism, &s->session)
		: gsasl_client_start(library.context, mechanism, &s->session);
	if (s->rc != GSASL_OK)
		s->session = NULL;
	return s;
}

/* The library frees what it was told, and leaves it lying there. */
static void
wipe_facts(struct dg_sasl *s)
{
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		const char *told =
		    gsasl_property_fast(s->session, facts[i].property);
		char *ours;

		if (told == NULL)
			continue;
		memcpy(&ours, &told, sizeof(ours)); /* not const to wipe it */
		dg_wipe(ours, strlen(ours));
	}
}

void
dg_sasl_free(struct dg_sasl *s)
{
	if (s == NULL)
		return;
	if (s->session != NULL) {
		wipe_facts(s);
		gsasl_finish(s->session);
	}
	free(s);
}

void
dg_sasl_set(struct dg_sasl *s, enum dg_sasl_fact f, struct dg_str value)
{
	struct dg_buf b;

	if (s->session == NULL)
		return;
	dg_buf_init(&b, 2 * value.n + 8);
	/* room for all of it at once: growing would leave copies behind */
	(void)dg_buf_reserve(&b, 2 * value.n + 8);
	if (facts[f].form == TEXT)
		(void)dg_buf_add(&b, value);
	else if (facts[f].form == BASE64)
		(void)dg_base64_add(&b, value);
	else
		(void)dg_hex_add(&b, value);
	if (gsasl_property_set(s->session, facts[f].property, dg_buf_z(&b)) !=
	    GSASL_OK) {
		dg_log(DG_LOG_ERROR, "no-memory", dg_kv_z("for", "SASL"));
		abort();
	}
	dg_buf_wipe(&b);
	dg_buf_fini(&b);
}

enum dg_sasl_step
dg_sasl_step(struct dg_sasl *s, struct dg_str in, struct dg_buf *out)
{
	char *text = NULL;
	size_t n = 0;
	bool is_good;

	if (s->session == NULL)
		return DG_SASL_BAD;
	s->rc = gsasl_step(s->session, in.n > 0 ? in.p : "", in.n, &text, &n);
	is_good = s->rc == GSASL_OK || s->rc == GSASL_NEEDS_MORE;
	if (is_good && dg_buf_add(out, dg_str_of(text, n)) != DG_OK) {
		s->rc = GSASL_MALLOC_ERROR; /* longer than anybody takes */
		is_good = false;
	}
	gsasl_free(text);
	if (!is_good)
		return DG_SASL_BAD;
	return s->rc == GSASL_OK ? DG_SASL_DONE : DG_SASL_MORE;
}

const char *
dg_sasl_why(const struct dg_sasl *s)
{
	const char *words = gsasl_strerror(s->rc);

	return words != NULL ? words : "unknown error";
}

struct dg_str
dg_sasl_principal(const struct dg_sasl *s)
{
	const char *z =
	    gsasl_property_fast(s->session, GSASL_GSSAPI_DISPLAY_NAME);

	return z != NULL ? dg_str(z) : DG_STR("");
}

struct dg_str
dg_sasl_acts_for(const struct dg_sasl *s)
{
	const char *z = gsasl_property_fast(s->session, GSASL_AUTHZID);

	return z != NULL ? dg_str(z) : DG_STR("");
}

enum dg_rc
dg_sasl_prepare(struct dg_buf *out, struct dg_str utf8)
{
	char *in, *prepared = NULL;
	enum dg_rc rc = DG_E_PROTO;

	if (utf8.n == 0 || memchr(utf8.p, '\0', utf8.n) != NULL ||
	    !dg_utf8_is_valid(utf8))
		return DG_E_PROTO;
	in = dg_str_dup(utf8);
	/* RFC 5802 5.1: a stored string, or one that is compared to one */
	if (gsasl_saslprep(in, 0, &prepared, NULL) == GSASL_OK &&
	    prepared[0] != '\0')
		rc = dg_buf_adds(out, prepared);
	dg_wipe(in, utf8.n);
	free(in);
	if (prepared != NULL) {
		dg_wipe(prepared, strlen(prepared));
		gsasl_free(prepared);
	}
	return rc;
}
