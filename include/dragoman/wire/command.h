#ifndef DRAGOMAN_WIRE_COMMAND_H
#define DRAGOMAN_WIRE_COMMAND_H

#include "dragoman/base/str.h"

/*
 * command.h - a command line split in verb and argument (RFC 5321 4.1.1).
 *
 * The verb is as spelled by the peer ("xauth"); what it means is the
 * dialect's business.  "XAUTH=NTLM abc" splits at '=' as well as at a blank:
 * sep says which.  Trailing blanks are dropped.
 */
struct dg_command {
	struct dg_str verb;
	struct dg_str arg; /* n == 0: none */
	char sep;          /* ' ', '=', or 0 when there is no argument */
};

/* False when the line holds no verb or a control byte (TAB is a blank). */
bool dg_command_parse(struct dg_str line, struct dg_command *out);

#endif
