/* hex.c - "0a1B" to bytes, for vectors. */
#include "hex.h"

#include <stdlib.h>
#include <string.h>

size_t
unhex(const char *hex, uint8_t *out, size_t room)
{
	size_t n = hex != NULL ? strlen(hex) / 2 : 0;

	if (n > room)
		abort();
	for (size_t i = 0; i < n; i++) {
		char pair[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

		out[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return n;
}
