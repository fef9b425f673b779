/* mech.c - names of SASL mechanisms and of NTLM levels.
 *
 * Why a file: names are what policies and peers write, bits are what the rest
 * compares; they meet here and nowhere else.  What must be known of a mechanism
 * before it runs (is it a secret in clear, what is it made of) stands in one
 * table.
 */
#include "dragoman/auth/mech.h"

static const char *const mechs[] = {
#define X(id, name) [DG_MECH_##id] = name,
	DG_MECHS(X)
#undef X
	    [DG_MECH_N] = NULL,
};

static const struct {
	bool is_clear, is_bound;
	enum dg_mech_wants wants;
	const char *untakable;
} facts[DG_MECH_N] = {
	[DG_MECH_SCRAM_SHA_256_PLUS] = { false, true, DG_WANTS_PASSWORD, NULL },
	[DG_MECH_SCRAM_SHA_256] = { false, false, DG_WANTS_PASSWORD, NULL },
	[DG_MECH_SCRAM_SHA_1_PLUS] = { false, true, DG_WANTS_PASSWORD, NULL },
	[DG_MECH_SCRAM_SHA_1] = { false, false, DG_WANTS_PASSWORD, NULL },
	[DG_MECH_GSSAPI] = { false, false, DG_WANTS_NOTHING,
	    "needs a Kerberos service key, which this version does not take" },
	[DG_MECH_EXTERNAL] = { false, false, DG_WANTS_NOTHING,
	    "needs client certificates, which this version does not ask for" },
	[DG_MECH_NTLM] = { false, false, DG_WANTS_SECRET, NULL },
	[DG_MECH_CRAM_MD5] = { false, false, DG_WANTS_PASSWORD,
	    "needs the password itself, and a users file holds only what is "
	    "made of it" },
	[DG_MECH_OAUTHBEARER] = { true, false, DG_WANTS_TOKEN,
	    "needs somebody who knows good tokens, and a users file does not" },
	[DG_MECH_XOAUTH2] = { true, false, DG_WANTS_TOKEN,
	    "needs somebody who knows good tokens, and a users file does not" },
	[DG_MECH_LOGIN] = { true, false, DG_WANTS_PASSWORD, NULL },
	[DG_MECH_PLAIN] = { true, false, DG_WANTS_PASSWORD, NULL },
};

const char *
dg_mech_name(enum dg_mech m)
{
	return mechs[m];
}

bool
dg_mech_find(struct dg_str name, enum dg_mech *out)
{
	for (unsigned m = 0; m < DG_MECH_N; m++) {
		if (dg_str_iis(name, mechs[m])) {
			*out = (enum dg_mech)m;
			return true;
		}
	}
	return false;
}

const char *const *
dg_mech_names(void)
{
	return mechs;
}

bool
dg_mech_is_clear(enum dg_mech m)
{
	return facts[m].is_clear;
}

bool
dg_mech_is_bound(enum dg_mech m)
{
	return facts[m].is_bound;
}

enum dg_mech_wants
dg_mech_wants(enum dg_mech m)
{
	return facts[m].wants;
}

const char *
dg_mech_untakable(enum dg_mech m)
{
	return facts[m].untakable;
}

unsigned
dg_mech_takable(void)
{
	unsigned bits = 0;

	for (unsigned m = 0; m < DG_MECH_N; m++)
		if (facts[m].untakable == NULL)
			bits |= DG_MECH_BIT(m);
	return bits;
}

static const struct {
	const char *name;
	unsigned bit;
} levels[] = {
	{ "v2", DG_NTLM_LEVEL_V2 },
	{ "ntlm2", DG_NTLM_LEVEL_NTLM2 },
	{ "v1", DG_NTLM_LEVEL_V1 },
	{ "lm", DG_NTLM_LEVEL_LM },
};

unsigned
dg_ntlm_level_find(struct dg_str name)
{
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (dg_str_is(name, levels[i].name))
			return levels[i].bit;
	return 0;
}

const char *
dg_ntlm_level_name(unsigned bit)
{
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (levels[i].bit == bit)
			return levels[i].name;
	return NULL;
}
