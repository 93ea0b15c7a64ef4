#include "base/uuid.h"

#include "base/secret.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>

static void
stamp(struct uuid *u, uint8_t version)
{
	u->b[6] = (uint8_t)((u->b[6] & 0x0f) | version << 4);
	u->b[8] = (uint8_t)((u->b[8] & 0x3f) | 0x80);
}

/* Milliseconds and, below them, 12 bits of their fraction (RFC 9562 6.2,
 * method 3). Never the same twice in a process, nor smaller than before, even
 * when the clock stands or is put back: then it counts on. */
static uint64_t
tick_next(void)
{
	static _Atomic uint64_t last;
	struct timespec t;
	uint64_t before = last, tick;

	clock_gettime(CLOCK_REALTIME, &t);
	tick = ((uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000)
	    << 12;
	tick |= (uint64_t)t.tv_nsec % 1000000 * 4096 / 1000000;
	while (!atomic_compare_exchange_weak(
	    &last, &before, tick > before ? tick : before + 1))
		;
	return tick > before ? tick : before + 1;
}

struct uuid
uuid_new(void)
{
	uint64_t tick = tick_next();
	struct uuid u;
	int i;

	secret_random(u.b, sizeof(u.b));
	for (i = 0; i < 6; i++)
		u.b[i] = (uint8_t)(tick >> (52 - 8 * i));
	u.b[6] = (uint8_t)(tick >> 8 & 0x0f);
	u.b[7] = (uint8_t)tick;
	stamp(&u, 7);
	return u;
}

struct uuid
uuid_random(void)
{
	struct uuid u;

	secret_random(u.b, sizeof(u.b));
	stamp(&u, 4);
	return u;
}

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
dash_at(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

enum err
uuid_parse(const char *text, struct uuid *out)
{
	struct uuid u = { { 0 } };
	size_t i, n = 0;

	if (strnlen(text, UUID_TEXT_SIZE) != UUID_TEXT_SIZE - 1)
		return ERR_INVALID_FIELD;
	for (i = 0; i < UUID_TEXT_SIZE - 1; i++) {
		if (dash_at(i)) {
			if (text[i] != '-')
				return ERR_INVALID_FIELD;
			continue;
		}
		if (digit(text[i]) < 0)
			return ERR_INVALID_FIELD;
		u.b[n / 2] = (uint8_t)(u.b[n / 2] << 4 | digit(text[i]));
		n++;
	}
	*out = u;
	return ERR_OK;
}

void
uuid_text(const struct uuid *u, char out[UUID_TEXT_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	size_t i, n = 0;

	for (i = 0; i < UUID_TEXT_SIZE - 1; i++) {
		if (dash_at(i)) {
			out[i] = '-';
			continue;
		}
		out[i] = digits[u->b[n / 2] >> (n % 2 == 0 ? 4 : 0) & 15];
		n++;
	}
	out[i] = '\0';
}

bool
uuid_equal(const struct uuid *a, const struct uuid *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

int
uuid_compare(const struct uuid *a, const struct uuid *b)
{
	return memcmp(a->b, b->b, sizeof(a->b));
}

bool
uuid_is_nil(const struct uuid *u)
{
	static const struct uuid nil;

	return uuid_equal(u, &nil);
}
