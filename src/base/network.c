#include "base/network.h"

#include <arpa/inet.h>
#include <string.h>

#define MAPPED_BITS 96
#define BLANKS	    " \t"

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

static bool
is_ipv4(const struct address *a)
{
	return memcmp(a->byte, mapped, sizeof(mapped)) == 0;
}

enum err
address_read(const char *text, size_t n, struct address *out)
{
	char copy[ADDRESS_TEXT];

	if (n >= sizeof(copy) || memchr(text, '\0', n) != NULL)
		return ERR_INVALID_FIELD;
	memcpy(copy, text, n);
	copy[n] = '\0';
	if (inet_pton(AF_INET6, copy, out->byte) == 1)
		return ERR_OK;
	memcpy(out->byte, mapped, sizeof(mapped));
	return inet_pton(AF_INET, copy, out->byte + sizeof(mapped)) == 1
	    ? ERR_OK
	    : ERR_INVALID_FIELD;
}

void
address_write(const struct address *a, char text[ADDRESS_TEXT])
{
	bool four = is_ipv4(a);

	if (inet_ntop(four ? AF_INET : AF_INET6,
		four ? a->byte + sizeof(mapped) : a->byte, text,
		ADDRESS_TEXT) == NULL)
		text[0] = '\0';
}

bool
address_is_loopback(const struct address *a)
{
	static const struct address one = { .byte = { [15] = 1 } };

	return address_equal(a, &one) || (is_ipv4(a) && a->byte[12] == 127);
}

bool
address_equal(const struct address *a, const struct address *b)
{
	return memcmp(a->byte, b->byte, sizeof(a->byte)) == 0;
}

void
address_neighbours(struct address *a)
{
	size_t kept = is_ipv4(a) ? sizeof(mapped) + 3 : 7;

	memset(a->byte + kept, 0, sizeof(a->byte) - kept);
}

uint64_t
address_subscriber(const struct address *a)
{
	/* an IPv4 address becomes 0:ffff:address, which is nobody's /64 */
	size_t from = is_ipv4(a) ? 8 : 0, i;
	uint64_t home = 0;

	for (i = from; i < from + 8; i++)
		home = home << 8 | a->byte[i];
	return home != 0 ? home : 1; /* ::1 has a /64, too */
}

/* Are the first n bits of both the same? */
static bool
same_bits(const struct address *a, const struct address *b, unsigned n)
{
	unsigned whole = n / 8, rest = n % 8;

	return memcmp(a->byte, b->byte, whole) == 0 &&
	    (rest == 0 ||
		((a->byte[whole] ^ b->byte[whole]) >> (8 - rest)) == 0);
}

/* "/24": n characters with the slash. */
static enum err
prefix_read(const char *s, size_t n, unsigned most, unsigned *bits)
{
	size_t i;

	if (n < 2 || n > 4)
		return ERR_INVALID_FIELD;
	for (*bits = 0, i = 1; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return ERR_INVALID_FIELD;
		*bits = *bits * 10 + (unsigned)(s[i] - '0');
	}
	return *bits >= 1 && *bits <= most ? ERR_OK : ERR_INVALID_FIELD;
}

static enum err
network_read(const char *s, size_t n, struct network *out)
{
	const char *slash = memchr(s, '/', n);
	size_t length = slash == NULL ? n : (size_t)(slash - s);
	bool four = memchr(s, ':', length) == NULL;
	struct address first = { { 0 } };
	unsigned i;

	if (address_read(s, length, &out->base) != ERR_OK)
		return ERR_INVALID_FIELD;
	out->bits = 128;
	if (slash == NULL)
		return ERR_OK;
	if (prefix_read(slash, n - length, four ? 32 : 128, &out->bits) !=
	    ERR_OK)
		return ERR_INVALID_FIELD;
	if (four)
		out->bits += MAPPED_BITS;
	for (i = 0; i < out->bits; i++)
		first.byte[i / 8] |= out->base.byte[i / 8] & (0x80 >> i % 8);
	return address_equal(&first, &out->base) ? ERR_OK : ERR_INVALID_FIELD;
}

enum err
networks_read(const char *text, struct networks *out, const char **wrong)
{
	size_t n;

	out->n = 0;
	for (;;) {
		text += strspn(text, BLANKS);
		if (*text == '\0')
			return ERR_OK;
		n = strcspn(text, BLANKS);
		if (out->n == NETWORKS_MAX ||
		    network_read(text, n, &out->list[out->n]) != ERR_OK) {
			*wrong = text;
			return ERR_INVALID_FIELD;
		}
		out->n++;
		text += n;
	}
}

bool
networks_hold(const struct networks *all, const struct address *a)
{
	const struct network *one;
	size_t i;

	for (i = 0; i < all->n; i++) {
		one = &all->list[i];
		if (is_ipv4(a) && one->bits < MAPPED_BITS)
			continue;
		if (same_bits(&one->base, a, one->bits))
			return true;
	}
	return false;
}
