/* dns_fuzz.c - addresses out of any packet: no more than asked for, each of a
 * kind that can be called. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "core/net/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dg_address v[DG_ADDRESSES_MAX];
	char text[DG_ADDRESS_ROOM];
	size_t n;

	if (!dg_dns_addresses(dg_str_of(data, size), v, DG_ADDRESSES_MAX, &n))
		return 0;
	if (n > DG_ADDRESSES_MAX)
		abort();
	for (size_t i = 0; i < n; i++) {
		dg_address_text(&v[i], text, sizeof(text));
		if (text[0] == '\0')
			abort();
	}
	return 0;
}
