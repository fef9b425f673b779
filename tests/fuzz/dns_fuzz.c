/* dns_fuzz.c - records out of any packet: no more than asked for, addresses of
 * a kind that can be called, names without an odd byte, all in order. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "core/net/dns_state.h"
#include "core/net/lookup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static void
addresses(struct dg_str packet)
{
	struct dg_address v[DG_ADDRESSES_MAX];
	char text[DG_ADDRESS_ROOM];
	size_t n;

	if (!dg_dns_addresses(packet, v, DG_ADDRESSES_MAX, &n))
		return;
	check(n <= DG_ADDRESSES_MAX);
	for (size_t i = 0; i < n; i++) {
		dg_address_text(&v[i], text, sizeof(text));
		check(text[0] != '\0');
	}
}

static void
records(struct dg_str packet, enum dg_dns_type type)
{
	struct dg_dns_record v[DG_DNS_RECORDS_MAX];
	struct dg_arena a;
	size_t n;

	dg_arena_init(&a, DG_DNS_ARENA);
	if (dg_dns_records(packet, type, &a, v, DG_DNS_RECORDS_MAX, &n)) {
		check(n <= DG_DNS_RECORDS_MAX);
		for (size_t i = 0; i < n; i++) {
			check(i == 0 || v[i - 1].preference <= v[i].preference);
			check(type == DG_DNS_MX || v[i].preference == 0);
			check(type == DG_DNS_TXT || v[i].text.n > 0);
			for (size_t k = 0; k < v[i].text.n; k++)
				check(type == DG_DNS_TXT ||
				      (v[i].text.p[k] > ' ' &&
					  v[i].text.p[k] < 0x7f));
		}
	}
	dg_arena_fini(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum dg_dns_type types[] = { DG_DNS_A, DG_DNS_AAAA,
		DG_DNS_MX, DG_DNS_TXT, DG_DNS_PTR };
	struct dg_str packet = dg_str_of(data, size);
	char name[DG_HOST_ROOM];

	addresses(packet);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		records(packet, types[i]);
	dg_dns_reverse(packet, name);
	return 0;
}
