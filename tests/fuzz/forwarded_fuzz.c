/* Fuzzes base/network.c, gate/forwarded.c. Lines: proxies, peer, header. */
#include "fuzz.h"
#include "gate/forwarded.h"

void
fuzz(struct arena *a, const uint8_t *p, size_t n)
{
	const char *list = fuzz_line(a, &p, &n), *wrong;
	const char *from = fuzz_line(a, &p, &n);
	struct networks ours;
	struct address peer, c;

	if (from != NULL && networks_read(list, &ours, &wrong) == ERR_OK &&
	    address_read(from, strlen(from), &peer) == ERR_OK) {
		c = forwarded_client(&ours, &peer, fuzz_line(a, &p, &n));
		must(address_equal(&c, &peer) || networks_hold(&ours, &peer));
	}
}
