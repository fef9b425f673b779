#ifndef DRAGOMAN_CORE_POLICY_DIALECT_DECL_H
#define DRAGOMAN_CORE_POLICY_DIALECT_DECL_H

#include "schema.h"

/* dialect_decl.h - a d.dialect as declared, before what it is like is laid
 * under it. */
enum progress {
	FRESH,
	UNDER_WAY,
	DONE
};

struct dialect_decl {
	struct dg_decl d;
	struct dg_dialect x; /* what it says itself */
	struct dg_ref like;
	bool has_offer, has_accept, has_say, has_assume, has_ntlm, has_mend,
	    has_hide;
	int login_form, ntlm_form, helo; /* -1: not said */
	unsigned show;
	struct dg_means *means;
	size_t n_means;
	enum progress progress;
	struct dg_dialect *made;
};

#endif
