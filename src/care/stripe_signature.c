#include "care/stripe_signature.h"

#include "base/crypto.h"
#include "base/secret.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MAC_SIZE	32
#define SIGNATURES_MAX	16
#define TIME_DIGITS_MAX 12

struct signature {
	const char *time;
	size_t time_n;
	int64_t at;
	uint8_t mac[SIGNATURES_MAX][MAC_SIZE];
	size_t n;
};

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A value that cannot be a signature is passed over. */
static void
mac_read(struct signature *s, const char *p, size_t n)
{
	size_t i;

	if (n != (size_t)2 * MAC_SIZE || s->n == SIGNATURES_MAX)
		return;
	for (i = 0; i < MAC_SIZE; i++) {
		if (hex(p[2 * i]) < 0 || hex(p[2 * i + 1]) < 0)
			return;
		s->mac[s->n][i] = (uint8_t)(hex(p[2 * i]) * 16 +
		    hex(p[2 * i + 1]));
	}
	s->n++;
}

static void
time_read(struct signature *s, const char *p, size_t n)
{
	if (n == 0 || n > TIME_DIGITS_MAX || strspn(p, "0123456789") != n)
		return;
	s->time = p;
	s->time_n = n;
	s->at = strtoll(p, NULL, 10);
}

static bool
header_read(const char *p, struct signature *s)
{
	size_t n;

	for (; p != NULL && *p != '\0'; p += n + (p[n] == ',')) {
		n = strcspn(p, ",");
		if (strncmp(p, "t=", 2) == 0)
			time_read(s, p + 2, n - 2);
		else if (strncmp(p, "v1=", 3) == 0)
			mac_read(s, p + 3, n - 3);
	}
	return s->time != NULL && s->n > 0;
}

static enum err
mac_make(struct arena *a, const struct signature *s, struct bytes body,
    const char *secret, uint8_t mac[MAC_SIZE])
{
	size_t n = s->time_n + 1 + body.n;
	uint8_t *text = arena_alloc(a, n);

	memcpy(text, s->time, s->time_n);
	text[s->time_n] = '.';
	if (body.n > 0)
		memcpy(text + s->time_n + 1, body.p, body.n);
	return crypto_hmac_sha256(
	    (struct bytes){ (const uint8_t *)secret, strlen(secret) },
	    (struct bytes){ text, n }, mac);
}

/*= PY-04: over the raw body, in constant time, by any of several signatures */
/*= PY-08: and by either of two secrets, while one is rolled */
enum err
stripe_signature_check(struct arena *a, const char *header, struct bytes body,
    const char *const *secrets, int64_t now)
{
	struct signature s = { .n = 0 };
	uint8_t mac[MAC_SIZE];
	bool good = false;
	size_t i;

	if (!header_read(header, &s) || s.at < now - STRIPE_TOLERANCE_S ||
	    s.at > now + STRIPE_TOLERANCE_S)
		return ERR_BAD_SIGNATURE;
	for (; *secrets != NULL; secrets++) {
		if (**secrets == '\0')
			continue;
		if (mac_make(a, &s, body, *secrets, mac) != ERR_OK)
			return ERR_CRYPTO;
		for (i = 0; i < s.n; i++)
			good |= secret_equal(mac, s.mac[i], MAC_SIZE);
	}
	return good ? ERR_OK : ERR_BAD_SIGNATURE;
}
