#ifndef CORE_AUTH_NTLM_ACCEPTOR_H
#define CORE_AUTH_NTLM_ACCEPTOR_H

#include "dragoman/auth/dialogue.h"
#include "dragoman/wire/ntlm.h"

/* Tests: as if this type 1 had come and this type 2 of ours had been sent.
 * Returns why not, when the type 2 cannot be read. */
enum dg_ntlm_reason dg_ntlm_acceptor_resume(struct dg_acceptor *a,
    struct dg_str type1, struct dg_str type2);
/* Tests: why the last step or answer failed. */
enum dg_ntlm_reason dg_ntlm_acceptor_reason(const struct dg_acceptor *a);

#endif
