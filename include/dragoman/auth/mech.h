#ifndef DRAGOMAN_AUTH_MECH_H
#define DRAGOMAN_AUTH_MECH_H

#include "dragoman/base/str.h"

/* mech.h - the SASL mechanisms we can do, by name and by bit. */
#define DG_MECHS(X) X(NTLM) X(LOGIN) X(PLAIN)
enum dg_mech {
#define X(name) DG_MECH_##name,
	DG_MECHS(X)
#undef X
	    DG_MECH_N
};
#define DG_MECH_BIT(m) (1u << (m))
#define DG_MECH_ALL    (DG_MECH_BIT(DG_MECH_N) - 1)

const char *dg_mech_name(enum dg_mech m);
/* Case folded; false when we do not know it. */
bool dg_mech_find(struct dg_str name, enum dg_mech *out);
/* NULL-ended, for "did you mean". */
const char *const *dg_mech_names(void);
/* Sends the password itself: needs TLS unless policy names the peer. */
bool dg_mech_is_clear(enum dg_mech m);

/* NTLM levels, as bits (dialect fields ntlm.take and ntlm.send). */
enum {
	DG_NTLM_LEVEL_V2 = 1,    /* "v2" */
	DG_NTLM_LEVEL_NTLM2 = 2, /* "ntlm2": NTLM2 session response */
	DG_NTLM_LEVEL_V1 = 4,    /* "v1" */
	DG_NTLM_LEVEL_LM = 8,    /* "lm": LM response alone */
};
/* 0 when unknown. */
unsigned dg_ntlm_level_find(struct dg_str name);
const char *dg_ntlm_level_name(unsigned bit);

#endif
