#include "gate/limit.h"

#include "base/instant.h"
#include "base/secret.h"

#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>

#define SLOTS  32768 /* a power of two; 16 bytes each */
#define PROBES 8

struct slot {
	_Atomic uint64_t key;
	_Atomic int64_t next_us; /* when a request at the plain rate is due */
};

static struct slot *slots;
static uint64_t seed;

enum err
limit_init(void)
{
	void *p = mmap(NULL, SLOTS * sizeof(struct slot),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return ERR_INTERNAL;
	slots = p;
	secret_random(&seed, sizeof(seed));
	return ERR_OK;
}

/* Seeded, so that strangers cannot choose which keys share a slot. */
static uint64_t
key_hash(const uint8_t *p, size_t n)
{
	uint64_t h = seed ^ 0xcbf29ce484222325u;
	size_t i;

	for (i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
	h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
	h ^= h >> 31;
	return h != 0 ? h : 1;
}

/* The key's slot, or the stalest of those it may have. */
static struct slot *
slot_find(uint64_t key)
{
	struct slot *s, *stalest = NULL;
	uint64_t seen;
	size_t i;

	for (i = 0; i < PROBES; i++) {
		s = &slots[(key + i) & (SLOTS - 1)];
		seen = 0;
		if (atomic_load(&s->key) == key ||
		    atomic_compare_exchange_strong(&s->key, &seen, key))
			return s;
		if (stalest == NULL ||
		    atomic_load(&s->next_us) < atomic_load(&stalest->next_us))
			stalest = s;
	}
	atomic_store(&stalest->key, key);
	atomic_store(&stalest->next_us, 0);
	return stalest;
}

enum err
limit_take(
    const void *key, size_t n, int64_t per_minute, int64_t *retry_after_s)
{
	const int64_t burst = INT64_C(15) * 1000 * 1000;
	int64_t now = instant_monotonic() * 1000, each, due, from;
	struct slot *s;

	if (slots == NULL)
		return ERR_OK;
	each = INT64_C(60) * 1000 * 1000 / per_minute;
	s = slot_find(key_hash(key, n));
	due = atomic_load(&s->next_us);
	do {
		from = due > now ? due : now;
		if (from - now > burst) {
			*retry_after_s = (from - now - burst) / 1000000 + 1;
			return ERR_TOO_MANY;
		}
	} while (!atomic_compare_exchange_weak(&s->next_us, &due, from + each));
	return ERR_OK;
}

/* Of IPv6 a client has a whole /64 to choose its address from. */
enum err
limit_take_address(const struct address *a, const char *what,
    int64_t per_minute, int64_t *retry_after_s)
{
	char key[32];
	int n = snprintf(key, sizeof(key), "%s %016llx", what,
	    (unsigned long long)address_subscriber(a));

	return limit_take(key, (size_t)n, per_minute, retry_after_s);
}
