/* Fuzzes base/network.c, gate/forwarded.c. Lines: proxies, peer, header. */
#include "fuzz.h"
#include "gate/forwarded.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = arena_new();
	const char *list = fuzz_line(a, &data, &n), *wrong;
	const char *from = fuzz_line(a, &data, &n);
	struct networks ours;
	struct address peer, c;

	if (from != NULL && networks_read(list, &ours, &wrong) == ERR_OK &&
	    address_read(from, strlen(from), &peer) == ERR_OK) {
		c = forwarded_client(&ours, &peer, fuzz_line(a, &data, &n));
		must(address_equal(&c, &peer) || networks_hold(&ours, &peer));
	}
	arena_free(a);
	return 0;
}
