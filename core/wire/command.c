/* command.c - verb and argument, nothing more.
 *
 * The verb ends at a blank or at '=', because some peers write the draft form
 * "XAUTH=NTLM ..." as a command too; whether '=' makes sense behind a verb is
 * for the caller to say.  Bytes above ASCII pass: what is wrong with them
 * depends on the verb, and the caller has the words. */
#include "dragoman/wire/command.h"

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

bool
dg_command_parse(struct dg_str line, struct dg_command *out)
{
	struct dg_command cmd = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < line.n; i++) {
		unsigned char c = (unsigned char)line.p[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	while (n < line.n && !is_blank(line.p[n]) && line.p[n] != '=')
		n++;
	if (n == 0)
		return false;
	cmd.verb = dg_str_sub(line, 0, n);
	if (n < line.n && line.p[n] == '=') {
		cmd.sep = '=';
		n++;
	}
	cmd.arg = dg_str_trim(dg_str_from(line, n));
	if (cmd.arg.n == 0)
		cmd.sep = 0;
	else if (cmd.sep == 0)
		cmd.sep = ' ';
	*out = cmd;
	return true;
}
