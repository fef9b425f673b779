/* ntlm_tool.c - one side of an NTLM exchange over standard input and output,
 * for test_ntlm_impacket.py.
 *
 *	ntlm_tool accept LEVELS PASSWORD
 *	ntlm_tool initiate LEVELS DOMAIN USER PASSWORD
 *
 * Reads what the other side says and writes what is said to it, one line a
 * message in base64; ends with a line "= ok ..." or "= refused ...". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dragoman/auth/users.h"

static unsigned
levels(const char *list)
{
	struct dg_str rest = dg_str(list);
	unsigned bits = 0;

	while (rest.n > 0) {
		size_t comma = dg_str_find(rest, ',');

		bits |= dg_ntlm_level_find(dg_str_sub(rest, 0, comma));
		rest = dg_str_from(rest, comma + 1);
	}
	return bits;
}

static struct dg_str
hear(char *line, size_t room)
{
	if (fgets(line, (int)room, stdin) == NULL)
		exit(3);
	line[strcspn(line, "\r\n")] = '\0';
	return dg_str(line);
}

static void
say(struct dg_buf *b)
{
	puts(dg_buf_z(b));
	fflush(stdout);
}

static int
finish(bool is_ok, const char *strength, struct dg_str log)
{
	printf("= %s %s | %.*s\n", is_ok ? "ok" : "refused", strength,
	    DG_FMT(log));
	return is_ok ? 0 : 1;
}

static int
accept_one(char **args)
{
	static char line[65536];
	const struct dg_acceptor_options o = {
		.ntlm_take = levels(args[0]),
		.host = DG_STR("relay.example.com"),
	};
	struct dg_acceptor *a = dg_acceptor_new(DG_MECH_NTLM, &o);
	enum dg_auth_step step = DG_AUTH_SEND;
	struct dg_credential c;
	struct dg_buf out;
	int code;

	dg_buf_init(&out, sizeof(line));
	if (dg_credential_make(dg_str(args[1]), false, &c, NULL) != DG_OK)
		return 2;
	while (step == DG_AUTH_SEND) {
		step =
		    dg_acceptor_step(a, hear(line, sizeof(line)), &out, NULL);
		if (step == DG_AUTH_SEND)
			say(&out);
	}
	if (step == DG_AUTH_ASK)
		step = dg_acceptor_answer(a, &c, NULL, &out, NULL);
	code = finish(step == DG_AUTH_OK, dg_acceptor_strength(a),
	    dg_acceptor_log(a));
	dg_acceptor_free(a);
	dg_buf_fini(&out);
	return code;
}

static int
initiate(char **args)
{
	static char line[65536];
	struct dg_secret password = { args[3], strlen(args[3]) };
	const struct dg_login l = {
		.mech = DG_MECH_NTLM,
		.domain = dg_str(args[1]),
		.user = dg_str(args[2]),
		.password = &password,
	};
	const struct dg_initiator_options o = {
		.ntlm_send = levels(args[0]),
		.ntlm_initial = true,
		.workstation = DG_STR("RELAY"),
		.target = DG_STR("SMTP/mail.example.com"),
	};
	struct dg_initiator *i = dg_initiator_new(&l, &o);
	struct dg_err e = { 0 };
	enum dg_auth_step step;
	bool has_initial;
	struct dg_buf out;
	int code;

	dg_buf_init(&out, sizeof(line));
	step = dg_initiator_first(i, &out, &has_initial, &e);
	while (step == DG_AUTH_SEND) {
		say(&out);
		step = dg_initiator_step(i, hear(line, sizeof(line)), &out, &e);
	}
	if (step == DG_AUTH_OK)
		say(&out);
	code = finish(step == DG_AUTH_OK, "", dg_initiator_log(i));
	dg_initiator_free(i);
	dg_buf_fini(&out);
	return code;
}

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "accept") == 0)
		return accept_one(argv + 2);
	if (argc == 6 && strcmp(argv[1], "initiate") == 0)
		return initiate(argv + 2);
	fprintf(stderr, "usage: see the top of ntlm_tool.c\n");
	return 2;
}
