/* command_fuzz.c - a command's views lie in its line and hold no controls. */
#include <stdint.h>
#include <stdlib.h>

#include "dragoman/wire/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dg_str in = dg_str_of(data, size);
	struct dg_command cmd;

	if (!dg_command_parse(in, &cmd))
		return 0;
	if (cmd.verb.n == 0 || cmd.verb.n + cmd.arg.n > size ||
	    (cmd.arg.n == 0) != (cmd.sep == 0))
		abort();
	for (size_t i = 0; i < size; i++)
		if ((data[i] < 0x20 && data[i] != '\t') || data[i] == 0x7f)
			abort();
	return 0;
}
