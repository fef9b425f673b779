/* mech.c - names of SASL mechanisms and of NTLM levels.
 *
 * Why a file: names are what policies and peers write, bits are what the rest
 * compares; they meet here and nowhere else.
 */
#include "dragoman/auth/mech.h"

static const char *const mechs[] = {
#define X(name) [DG_MECH_##name] = #name,
	DG_MECHS(X)
#undef X
	    [DG_MECH_N] = NULL,
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
	return m == DG_MECH_LOGIN || m == DG_MECH_PLAIN;
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
