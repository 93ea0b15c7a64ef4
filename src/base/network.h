#ifndef BASE_NETWORK_H
#define BASE_NETWORK_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADDRESS_TEXT 46 /* bytes of an address as text, NUL included */
#define NETWORKS_MAX 64

/*
 * Addresses and networks as numbers. IPv4 is held as IPv6 maps it
 * (::ffff:192.0.2.1): a client has one address, whichever socket it came to.
 */
struct address {
	uint8_t byte[16];
};

struct network {
	struct address base;
	unsigned bits; /* of 128; IPv4 counts from 96 */
};

struct networks {
	struct network list[NETWORKS_MAX];
	size_t n;
};

/* n bytes, which need no NUL: "192.0.2.1" or "2001:db8::1", and nothing else:
 * no port, zone, brackets or blanks. ERR_INVALID_FIELD. */
NODISCARD enum err address_read(const char *, size_t n, struct address *);
void address_write(const struct address *, char text[ADDRESS_TEXT]);
bool address_is_loopback(const struct address *);
bool address_equal(const struct address *, const struct address *);

/* Makes it the first of the /24 (IPv6: /56) that it lies in: where somebody is,
 * though their address is another tomorrow. */
void address_neighbours(struct address *);

/* What one subscriber has, as a number that is never 0: an IPv4 address, or
 * an IPv6 /64, of which every address is theirs to choose. */
uint64_t address_subscriber(const struct address *);

/*
 * Addresses and networks ("10.0.0.0/8", "2001:db8::/32") between blanks. A
 * prefix of no bits, and bits behind the prefix, are taken for mistakes.
 * ERR_INVALID_FIELD, and then *wrong is where in `text` the word begins that
 * is none, or that is one too many.
 */
NODISCARD enum err networks_read(
    const char *text, struct networks *, const char **wrong);
/* An IPv6 network, however wide, holds no IPv4 address. */
bool networks_hold(const struct networks *, const struct address *);

#endif
