/* gssapi_tool.c - our two roles of GSSAPI in one dialogue, with whatever
 * Kerberos the environment names: prints who was let in, or why nobody.
 *
 *	gssapi_tool HOST
 */
#include <stdlib.h>

#include "tests/unit/auth/talk.h"

int
main(int argc, char **argv)
{
	const struct dg_credential known = { .has_nt = true };
	const struct dg_login login = { .mech = DG_MECH_GSSAPI };
	struct dg_acceptor_options ao = { .host = DG_STR("") };
	struct dg_initiator_options io = { .port = 25 };
	struct talk t = { .known = &known };
	char target[200];

	if (argc != 2)
		return 2;
	ao.host = dg_str(argv[1]);
	snprintf(target, sizeof(target), "SMTP/%s", argv[1]);
	io.target = dg_str(target);
	t.a = dg_acceptor_new(DG_MECH_GSSAPI, &ao);
	t.i = dg_initiator_new(&login, &io);
	talk(&t);
	printf("in=%d asked=%d may_end=%d lines=%u user=%s why=%s\n", t.is_in,
	    t.was_asked, t.may_end, t.n_lines, t.user, t.e.text);
	return t.is_in ? 0 : 1;
}
